//! Finding the plan.

use super::classes::{ClassCosts, Classes, Concave};
use super::fitted::{Adaptation, FittedPlan, Outcome};
use super::options::{Options, OutOfSample, PlanKind};
use super::sample::{Sample, widen};
use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, pairwise};
use crate::ot::certificate::Status;
use crate::ot::exact;
use crate::ot::problem::Problem;
use crate::ot::progress::{Progress, run_to_the_end};
use crate::ot::sinkhorn::{self, Epsilon};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Finds the plan that carries the source sample onto the target sample.
///
/// # Errors
/// As [`fit_with`].
///
/// # Examples
/// ```
/// use brenier::ot::adaptation::{Options, Sample, fit};
/// use brenier::Matrix;
/// let source = Matrix::from_rows([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
/// let target = Matrix::from_rows([[5.0, 5.0], [6.0, 5.0], [5.0, 6.0]]);
/// let adaptation = fit(&Sample::new(&source), &Sample::new(&target), &Options::default().with_epsilon(0.01))?;
/// let moved = adaptation.transform(&Matrix::from_rows([[0.0, 1.0]]))?;
/// assert!((moved[(0, 0)] - 5.0).abs() < 1e-6 && (moved[(0, 1)] - 6.0).abs() < 1e-6);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "SinkhornTransport")]
#[doc(alias = "EMDTransport")]
#[doc(alias = "SinkhornLpl1Transport")]
pub fn fit<T: Scalar>(
    source: &Sample<'_, T>,
    target: &Sample<'_, T>,
    options: &Options,
) -> Result<Adaptation> {
    fit_with(source, target, options, &mut run_to_the_end)
}

/// The same with an observer, who is told what the solver tells.
///
/// # Errors
/// * points and weights: as [`exact::solve_with`]; labels that do not fit: [`Shape`](Error::Shape);
/// * options out of range, or what labels add to costs beyond the range of `f64`: [`Argument`](Error::Argument);
/// * classes asked for and no source label known: [`Empty`](Error::Empty).
pub fn fit_with<T: Scalar>(
    source: &Sample<'_, T>,
    target: &Sample<'_, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Adaptation> {
    options.validate()?;
    source.check_labels("number of source labels")?;
    target.check_labels("number of target labels")?;
    let mut problem = Problem::from_points(source.points, target.points, options.distance);
    if let Some(weights) = source.weights {
        problem = problem.with_source_weights(weights);
    }
    if let Some(weights) = target.weights {
        problem = problem.with_target_weights(weights);
    }
    let fit = Fit { source, target, options, problem };
    let classes = source.labels.and_then(Classes::new);
    let target_is_labelled = target.labels.is_some_and(|labels| labels.iter().any(|&label| label >= 0));
    match (options.plan, classes) {
        (PlanKind::ClassGroups { .. }, None) => Err(Error::Empty { what: "the set of known source labels" }),
        (PlanKind::ClassGroups { strength }, Some(classes)) => fit.class_groups(classes, strength, observer),
        (PlanKind::Entropic, Some(classes)) if target_is_labelled => fit.class_groups(classes, 0.0, observer),
        (PlanKind::Entropic, classes) => fit.entropic(classes, observer),
        (PlanKind::Exact, classes) => fit.exact(classes, target_is_labelled, observer),
    }
}

/// What all plans are made from.
struct Fit<'f, T> {
    source: &'f Sample<'f, T>,
    target: &'f Sample<'f, T>,
    options: &'f Options,
    problem: Problem<'f, T>,
}

impl<T: Scalar> Fit<'_, T> {
    /// The cheapest plan.
    fn exact(
        &self,
        classes: Option<Classes>,
        target_is_labelled: bool,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Adaptation> {
        let labelled = match &classes {
            Some(classes) if target_is_labelled => Some(self.labelled(classes.clone())?),
            _ => None,
        };
        let options = exact::Options::default();
        let solution = match &labelled {
            Some((costs, extra)) => {
                let costs = costs_with(costs, extra)?;
                exact::solve_with(&self.weighted(&costs)?, &options, observer)?
            }
            None => exact::solve_with(&self.problem, &options, observer)?,
        };
        let certificate = &solution.certificate;
        let mass = self.problem.checked_weights()?.source_mass;
        let outcome = Outcome {
            status: certificate.status,
            marginal_error: (certificate.source_marginal_error + certificate.target_marginal_error) / mass,
            iterations: certificate.iterations,
            ..Outcome::default()
        };
        let potentials = [solution.source_potentials, solution.target_potentials];
        self.adaptation(FittedPlan::Exact(solution.plan), potentials, 0.0, classes, outcome)
    }

    /// The entropic plan of distances alone.
    fn entropic(
        &self,
        classes: Option<Classes>,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Adaptation> {
        let solution = sinkhorn::solve_with(&self.problem, &self.options.sinkhorn, observer)?;
        let potentials = [solution.source_potentials().to_vec(), solution.target_potentials().to_vec()];
        let outcome = Outcome {
            status: solution.status,
            marginal_error: solution.marginal_error,
            iterations: solution.iterations,
            ..Outcome::default()
        };
        self.adaptation(FittedPlan::Entropic(None), potentials, solution.epsilon(), classes, outcome)
    }

    /// The entropic plan with what labels add, the class term bounded anew until the shares stay.
    fn class_groups(
        &self,
        classes: Classes,
        strength: f64,
        observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Adaptation> {
        let options = self.options;
        let concave = Concave { power: options.class_power, offset: options.class_offset };
        // ε is measured by the distances alone, which takes one iteration to hear.
        let mut inner = options.sinkhorn.clone();
        if !matches!(inner.epsilon, Epsilon::Absolute(_)) {
            let one = inner.clone().with_max_iterations(1).with_method(sinkhorn::Method::Plain);
            inner.epsilon = sinkhorn::solve_with(&self.problem, &one, &mut run_to_the_end)?.epsilon().into();
        }
        let (distances, forbidden) = self.labelled(classes)?;
        let indicators = forbidden.classes.indicators();
        let weights = self.problem.checked_weights()?;
        let mut extra = forbidden.clone();
        let (mut iterations, mut reweightings, mut objectives) = (0, 0, Vec::new());
        let mut shares: Option<Matrix<f64>> = None;
        loop {
            let costs = costs_with(&distances, &extra)?;
            let solution = sinkhorn::solve_with(&self.weighted(&costs)?, &inner, observer)?;
            iterations += solution.iterations;
            inner = inner
                .with_initial(solution.source_potentials().to_vec(), solution.target_potentials().to_vec());
            // What each target receives from each class, over its weight: (m, classes).
            let mut received = solution.plan.apply_transpose(&indicators)?;
            let mut moved = 0.0;
            for (target, &b) in weights.target.iter().enumerate() {
                for (class, share) in received.row_mut(target).iter_mut().enumerate() {
                    *share = if b > 0.0 { *share / b } else { 0.0 };
                    moved +=
                        shares.as_ref().map_or(f64::NAN, |old| b * (*share - old[(target, class)]).abs());
                }
            }
            let change = if strength > 0.0 { moved / weights.target_mass } else { 0.0 };
            // The bound of the class term that was used is exchanged for the term itself.
            let mut objective = solution.values().primal_with_kl;
            for (target, &b) in weights.target.iter().enumerate() {
                for (class, &share) in received.row(target).iter().enumerate() {
                    let bound = extra.costs[(class, target)] - forbidden.costs[(class, target)];
                    objective += b * (strength * concave.value(share) - bound * share);
                }
            }
            objectives.push(objective);
            let is_done = change <= options.class_tolerance;
            if is_done || reweightings == options.max_reweightings || solution.status == Status::Stopped {
                let potentials =
                    [solution.source_potentials().to_vec(), solution.target_potentials().to_vec()];
                let outcome = Outcome {
                    status: match solution.status {
                        Status::Converged if !is_done => Status::IterationLimit,
                        status => status,
                    },
                    marginal_error: solution.marginal_error,
                    iterations,
                    reweightings,
                    class_change: change,
                    objectives,
                };
                let (epsilon, known) = (solution.epsilon(), extra.classes.clone());
                let plan = FittedPlan::Entropic(Some(extra));
                return self.adaptation(plan, potentials, epsilon, Some(known), outcome);
            }
            extra.costs = Matrix::from_fn(extra.costs.rows(), extra.costs.columns(), |class, target| {
                forbidden.costs[(class, target)] + strength * concave.slope(received[(target, class)])
            });
            shares = Some(received);
            reweightings += 1;
        }
    }

    /// The distances, and what pairs of different known labels cost beside.
    fn labelled(&self, classes: Classes) -> Result<(Matrix<f64>, ClassCosts)> {
        self.problem.checked_weights()?;
        let (x, y) = (widen(self.source.points), widen(self.target.points));
        x.view().check_finite("source points")?;
        y.view().check_finite("target points")?;
        let distances = pairwise(&x, &y, self.options.distance)?;
        let largest = distances.as_slice().iter().copied().fold(0.0, f64::max);
        let penalty = self.options.label_penalty * largest;
        let extra = ClassCosts::forbidding(classes, self.target.labels, self.target.points.rows(), penalty);
        Ok((distances, extra))
    }

    /// The problem of these costs with the samples' weights.
    fn weighted<'c>(&self, costs: &'c Matrix<f64>) -> Result<Problem<'c, f64>> {
        let weights = self.problem.checked_weights()?;
        Ok(Problem::from_costs(costs)
            .with_source_weights(&weights.source)
            .with_target_weights(&weights.target))
    }

    fn adaptation(
        &self,
        plan: FittedPlan,
        potentials: [Vec<f64>; 2],
        epsilon: f64,
        classes: Option<Classes>,
        outcome: Outcome,
    ) -> Result<Adaptation> {
        let weights = self.problem.checked_weights()?;
        let by_potentials = match (self.options.out_of_sample, &plan) {
            (OutOfSample::Potentials, _) => true,
            (OutOfSample::Automatic, FittedPlan::Entropic(None)) => {
                self.options.distance == Distance::SquaredEuclidean
            }
            _ => false,
        };
        Ok(Adaptation {
            points: [widen(self.source.points), widen(self.target.points)],
            weights: [weights.source, weights.target],
            potentials,
            epsilon,
            distance: self.options.distance,
            plan,
            classes,
            by_potentials,
            outcome,
        })
    }
}

/// The distances and what the classes pay beside.
fn costs_with(distances: &Matrix<f64>, extra: &ClassCosts) -> Result<Matrix<f64>> {
    let mut costs = distances.clone();
    for row in 0..costs.rows() {
        extra.add_to_row(row, costs.row_mut(row));
    }
    Ok(costs)
}
