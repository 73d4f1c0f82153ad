//! The Sinkhorn divergence: entropic transport without its bias, between two weighted clouds.
//!
//! OT_ε(a, b) = min <C, P> + ε KL(P | a bᵀ/M) is not zero for equal clouds: its minimiser in b is a shrunken a. The divergence
//!
//! ```text
//! S_ε(a, b) = OT_ε(a, b) - OT_ε(a, a)/2 - OT_ε(b, b)/2
//! ```
//!
//! takes that off (Genevay, Peyré, Cuturi 2018). Where exp(-C/ε) is a positive definite kernel, as for the squared
//! Euclidean and the Euclidean distance, it is never negative, zero for equal clouds only, and convex in each of them
//! (Feydy, Séjourné, Vialard, Amari, Trouvé, Peyré 2019). For ε → 0 it is the transport cost, for ε → ∞ the energy
//! distance Σ aᵢbⱼCᵢⱼ - Σ aᵢaₖCᵢₖ/2 - Σ bⱼbₗCⱼₗ/2 (of M = 1).
//!
//! # What is certain
//! A difference of three numbers is as good as the worst of them. Each term comes with a lower bound, the dual value
//! of its potentials, and an upper bound, the value of a feasible plan; the divergence lies between the sums of those
//! bounds. The three are converged together until that interval is as short as asked. `value` is the combination of
//! the dual values, not clipped: where the divergence cannot be negative, it is at least `-error_bound`. (The gap of
//! a dual value falls with the marginal error, the error of the value itself with its square: it is usually much
//! better than its bound.)
//!
//! # The self-problems
//! With a symmetric cost f = g, and f ← (f + Tf)/2 with Tfᵢ = -ε ln Σⱼ aⱼ/M exp((fⱼ - Cᵢⱼ)/ε) converges to it (Feydy
//! et al. 2019): the derivative of T is minus a row-stochastic matrix, whose eigenvalues are between 0 and 1 for
//! positive definite kernels. So each look at all pairs halves the error near the solution, whatever ε is. Where it
//! does not get on, the general solver takes over.
//!
//! # Cost
//! What three entropic problems take, (n, m), (n, n) and (m, m), and two looks at all pairs of each for the bounds.
//! Memory: O(n + m) and what the options allow.

mod combine;
mod options;
mod symmetric;

pub use combine::Divergence;
pub use options::Options;
pub use symmetric::SelfTransport;

use crate::error::{Error, Result};
use crate::ot::problem::{Costs, Problem};
use crate::ot::progress::{Progress, run_to_the_end};
use crate::ot::sinkhorn::Epsilon;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// The Sinkhorn divergence between the two clouds of a problem, with the default options.
///
/// # Errors
/// As [`solve_with`].
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::matrix::Distance;
/// use brenier::ot::{Problem, divergence};
///
/// let x = Matrix::from_rows([[0.0], [1.0], [2.0]]);
/// let y = Matrix::from_rows([[0.5], [1.5], [2.5]]);
/// let shifted = divergence::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean), 1.0)?;
/// assert!((shifted.value - 0.25).abs() < 1e-6); // a translation costs its square, for any epsilon
/// let equal = divergence::solve(&Problem::from_points(&x, &x, Distance::SquaredEuclidean), 1.0)?;
/// assert!(equal.value.abs() <= equal.error_bound && equal.error_bound < 1e-5);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "sinkhorn_divergence")]
#[doc(alias = "empirical_sinkhorn_divergence")]
pub fn solve<'a, T: Scalar>(problem: &Problem<'a, T>, epsilon: impl Into<Epsilon>) -> Result<Divergence<'a>> {
    solve_with(problem, &Options::new(epsilon), &mut run_to_the_end)
}

/// The Sinkhorn divergence with options and an observer, who is called after each look at all pairs of one of the problems.
///
/// An ε that is relative to the costs is that of the problem between the two clouds, and serves all three.
///
/// # Errors
/// As [`sinkhorn::solve_with`](crate::ot::sinkhorn::solve_with); [`Error::Argument`] for an accuracy out of range;
/// [`Error::PointsNeeded`] for a problem with a cost matrix, which says nothing about costs within a cloud: [`solve_costs`] takes them.
pub fn solve_with<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Divergence<'a>> {
    let Costs::Points { source, target, distance } = problem.costs() else {
        return Err(Error::PointsNeeded {
            operation: "the Sinkhorn divergence",
            instead: "divergence::solve_costs takes matrices",
        });
    };
    let within = |points| Costs::Points { source: points, target: points, distance };
    combine::solve(problem, [within(source), within(target)], options, observer)
}

/// The Sinkhorn divergence for costs that are given: those of the problem, (n, m), and those within the sources, (n,
/// n), and within the targets, (m, m), both symmetric.
///
/// # Errors
/// As [`solve_with`]; [`Error::Shape`] for costs of another shape, and [`Error::NotSymmetric`].
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::{Problem, divergence};
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let problem = Problem::from_costs(&costs).with_source_weights(&[0.5, 0.5]).with_target_weights(&[0.25, 0.75]);
/// let options = divergence::Options::new(0.5);
/// let result =
///     divergence::solve_costs(&problem, (&costs).into(), (&costs).into(), &options, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert!(result.value > 0.0 && result.lower_bound <= result.value && result.value <= result.upper_bound);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn solve_costs<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    source_costs: Costs<'a, T>,
    target_costs: Costs<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Divergence<'a>> {
    let sides = [
        ("size of the costs within the sources", "costs within the sources", source_costs, problem.sources()),
        ("size of the costs within the targets", "costs within the targets", target_costs, problem.targets()),
    ];
    for (size, what, costs, expected) in sides {
        let shape = match costs {
            Costs::Matrix(matrix) => [matrix.rows(), matrix.columns()],
            Costs::Points { source, target, .. } => [source.rows(), target.rows()],
            // Nothing says that a cost of the user's own is symmetric.
            Costs::Pairs { .. } => {
                return Err(Error::PointsNeeded {
                    operation: "the Sinkhorn divergence",
                    instead: "costs of one's own must come as matrices, whose symmetry is checked",
                });
            }
        };
        if let Some(&got) = shape.iter().find(|&&length| length != expected) {
            return Err(Error::Shape { operation: "the Sinkhorn divergence", what: size, expected, got });
        }
        if let Costs::Matrix(matrix) = costs {
            symmetric::check(matrix, what)?;
        }
    }
    combine::solve(problem, [source_costs, target_costs], options, observer)
}
