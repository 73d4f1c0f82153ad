//! The unbalanced Sinkhorn divergence.

use super::{Options, solve_with};
use crate::error::{Error, Result};
use crate::ot::certificate::Status;
use crate::ot::problem::{Costs, Problem, sum};
use crate::ot::progress::{Progress, run_to_the_end};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// The unbalanced Sinkhorn divergence between two weighted clouds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Divergence {
    /// S(a, b), from the dual values.
    pub value: f64,
    /// S lies within this of `value`: the sum of the gaps of the three problems, those of the self-terms by half.
    pub error: f64,
    /// The optimum between the clouds, and of each with itself: dual values.
    pub terms: [f64; 3],
    /// Looks at all pairs of the three problems together.
    pub iterations: u64,
    /// [`Status::Converged`] if all three problems have; else how the first that has not ended.
    /// [`Status::Inaccurate`] too where the value is no number.
    pub status: Status,
}

/// S(a, b) = OT(a, b) - ½ OT(a, a) - ½ OT(b, b) + ε/2 (m(a) - m(b))², with OT the optimum of the unbalanced problem.
///
/// Unlike OT it is zero for a = b, and positive for a ≠ b where exp(-C/ε) is a positive definite kernel, as it is for
/// the squared Euclidean and the Euclidean distance (Séjourné, Feydy, Vialard, Trouvé and Peyré, *Sinkhorn
/// divergences for unbalanced optimal transport*, 2019). A relative ε is measured by the costs between the two
/// clouds; both sides must have the same ρ, since a is a source in one term and a target in another.
///
/// # Errors
/// As [`solve_with`]; [`Argument`](Error::Argument) where the two ρ differ; [`PointsNeeded`](Error::PointsNeeded) for
/// a problem without points and a distance: S needs the costs within each cloud.
///
/// # Examples
/// ```
/// use brenier::matrix::Distance;
/// use brenier::ot::{Problem, unbalanced};
/// use brenier::Matrix;
/// let x = Matrix::from_rows([[0.0], [1.0]]);
/// let options = unbalanced::Options::new(0.1, 1.0).with_tolerance(1e-9);
/// let same = unbalanced::divergence(&Problem::from_points(&x, &x, Distance::SquaredEuclidean), &options)?;
/// assert!(same.value.abs() <= same.error + 1e-12);
/// let heavier = Problem::from_points(&x, &x, Distance::SquaredEuclidean).with_target_weights(&[1.0, 1.0]);
/// assert!(unbalanced::divergence(&heavier, &options)?.value > 0.1);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn divergence<T: Scalar>(problem: &Problem<'_, T>, options: &Options) -> Result<Divergence> {
    divergence_with(problem, options, &mut run_to_the_end)
}

/// As [`divergence`], with an observer, who is called after each look at all pairs of one of the three problems. Once
/// it asks to stop, what is left of the problems is stopped too, after one look each: the status says so, and `error`
/// how far the value may be from S.
///
/// # Errors
/// As [`divergence`].
///
/// # Examples
/// ```
/// use brenier::matrix::Distance;
/// use brenier::ot::{Problem, Status, unbalanced};
/// use brenier::Matrix;
/// use std::ops::ControlFlow;
/// let (x, y) = (Matrix::from_rows([[0.0], [1.0]]), Matrix::from_rows([[0.5], [3.0]]));
/// let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
/// let options = unbalanced::Options::new(0.1, 1.0);
/// let stopped = unbalanced::divergence_with(&problem, &options, &mut |_| ControlFlow::Break(()))?;
/// assert_eq!(stopped.status, Status::Stopped);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn divergence_with<T: Scalar>(
    problem: &Problem<'_, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Divergence> {
    let Costs::Points { source, target, distance } = problem.costs() else {
        return Err(Error::PointsNeeded {
            operation: "the unbalanced Sinkhorn divergence",
            instead: "it needs the costs within each cloud, by a distance",
        });
    };
    if options.source_relaxation != options.target_relaxation {
        return Err(Error::Argument {
            name: "target_relaxation",
            value: options.target_relaxation,
            requirement: "it must be that of the source for a divergence",
        });
    }
    let mut stopped = false;
    let mut observe = |progress: &Progress| {
        stopped |= observer(progress).is_break();
        if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let between = solve_with(problem, options, &mut observe)?;
    let own = options.clone().with_epsilon(between.epsilon());
    let (a, b) = (between.plan.source_weights(), between.plan.target_weights());
    let own = super::Options { initial: None, ..own };
    let mut within = |points, weights: &[f64]| {
        let problem = Problem::from_points(points, points, distance)
            .with_source_weights(weights)
            .with_target_weights(weights);
        solve_with(&problem, &own, &mut observe).map(|solution| {
            let values = solution.values();
            (values.dual, values.gap, solution.iterations, solution.status)
        })
    };
    let of_source = within(source, a)?;
    let of_target = within(target, b)?;
    let values = between.values();
    let difference = sum(a.iter().copied()) - sum(b.iter().copied());
    let value = values.dual - 0.5 * of_source.0 - 0.5 * of_target.0
        + 0.5 * between.epsilon() * difference * difference;
    let error = values.gap + 0.5 * of_source.1 + 0.5 * of_target.1;
    let is_known = value.is_finite() && error.is_finite();
    let ended = [between.status, of_source.3, of_target.3];
    let status = ended.into_iter().find(|&status| status != Status::Converged);
    Ok(Divergence {
        value,
        error: if is_known { error } else { f64::INFINITY },
        status: status.unwrap_or(if is_known { Status::Converged } else { Status::Inaccurate }),
        terms: [values.dual, of_source.0, of_target.0],
        iterations: between.iterations + of_source.2 + of_target.2,
    })
}
