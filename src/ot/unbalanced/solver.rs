//! From a problem to an unbalanced plan: checks, the arithmetic, the last half-step.

use super::iterations::{Damping, Potentials, Work, iterate, make_exact};
use super::sides::{checked_sides, potentials_without_mass};
use super::{Options, Run, Side, Solution, first_epsilon, lower};
use crate::error::{Error, Result};
use crate::ot::certificate::Status;
use crate::ot::problem::Problem;
use crate::ot::progress::Progress;
use crate::ot::sinkhorn::{self, CostBlocks, EntropicCosts, EntropicPlan, Precision, resolve_epsilon};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

pub(super) fn solve<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution<'a>> {
    options.validate(problem.sources(), problem.targets())?;
    let relaxations = [options.source_relaxation, options.target_relaxation];
    if relaxations == [f64::INFINITY; 2] {
        return balanced(problem, options, observer);
    }
    let sides = checked_sides(problem)?;
    let costs = EntropicCosts::<f64>::prepare(problem.costs(), None, None, 0)?;
    let epsilon = resolve_epsilon(options.epsilon, &costs)?;
    let in_units = |potentials: &[f64]| potentials.iter().map(|p| p / epsilon).collect::<Vec<f64>>();
    let mut potentials = Potentials {
        f: Vec::new(),
        g: match &options.initial {
            Some((_, g)) => in_units(&sides[1].gather(g)),
            None => vec![0.0; sides[1].weights.len()],
        },
    };
    let mut run = Run::new("unbalanced Sinkhorn", options.tolerance, options.max_iterations, observer);
    let damping = relaxations.map(|relaxation| Damping::new(relaxation, epsilon));
    // What is farther than this is not moved.
    let most = relaxations[0] + relaxations[1];
    let mut outcome = None;
    if is_single::<T>(options.precision) {
        check_epsilon::<f32>(epsilon)?;
        match subset::<T, f32>(problem, &sides, options.bytes_kept) {
            Ok(costs) => {
                let may_hand_over = options.precision == Precision::Automatic && options.tolerance > 0.0;
                run.begin(may_hand_over);
                let first = if options.initial.is_none() { first_epsilon(&costs, most) } else { 0.0 };
                outcome = Some(descend::<f32, _>(
                    &costs,
                    &sides,
                    [first, epsilon],
                    relaxations,
                    &mut potentials,
                    &mut run,
                )?);
            }
            // Costs beyond the range of single precision: double has it, if it may be used.
            Err(Error::Argument { .. }) if options.precision == Precision::Automatic => {}
            Err(error) => return Err(error),
        }
    }
    let in_double = match outcome {
        None => true,
        // The residual that single precision sees has its own rounding in it: converged is what double precision says.
        Some((status, _)) => {
            options.precision == Precision::Automatic
                && options.tolerance > 0.0
                && matches!(status, Status::Converged | Status::Inaccurate)
        }
    };
    let semi_relaxed = relaxations.contains(&f64::INFINITY);
    if in_double || semi_relaxed {
        let kept = subset::<T, f64>(problem, &sides, options.bytes_kept)?;
        let work = Work { costs: &kept, sides: &sides, epsilon, damping };
        if in_double {
            run.begin(false);
            check_epsilon::<f64>(epsilon)?;
            // Potentials that single precision or the caller found are a better start than a large ε.
            let is_cold = outcome.is_none() && options.initial.is_none();
            let first = if is_cold { first_epsilon(&kept, most) } else { 0.0 };
            outcome = Some(descend(&kept, &sides, [first, epsilon], relaxations, &mut potentials, &mut run)?);
        }
        if semi_relaxed {
            make_exact(&work, &mut potentials);
        }
    }
    let (status, residual) = outcome.expect("one of the two arithmetics was used");
    let in_cost = |values: &[f64]| values.iter().map(|p| p * epsilon).collect::<Vec<f64>>();
    let mut f = sides[0].scatter(&in_cost(&potentials.f));
    let mut g = sides[1].scatter(&in_cost(&potentials.g));
    // No more than e^600 of a point without mass: times zero that is zero, where infinity would not be.
    let respond =
        damping.map(|damping| move |minimum: f64| (damping.factor * minimum).min(minimum + 600.0 * epsilon));
    potentials_without_mass(&costs, &sides, [&mut f, &mut g], epsilon, [&respond[0], &respond[1]]);
    let [a, b] = sides.map(|side| side.all);
    Ok(Solution {
        plan: EntropicPlan::new(costs, [a, b], 1.0, [f, g], epsilon),
        status,
        residual,
        iterations: run.iterations(),
        residuals: run.residuals,
        finished_in_double: in_double,
        relaxations,
    })
}

/// Iterates at ε, the second, coming down from the first if need be.
fn descend<A: Scalar, C: CostBlocks<A>>(
    costs: &C,
    sides: &[Side; 2],
    epsilons: [f64; 2],
    relaxations: [f64; 2],
    potentials: &mut Potentials,
    run: &mut Run<'_>,
) -> Result<(Status, f64)> {
    lower(epsilons, potentials, run, Potentials::rescale, |epsilon, potentials, run| {
        let damping = relaxations.map(|relaxation| Damping::new(relaxation, epsilon));
        iterate(&Work { costs, sides, epsilon, damping }, potentials, run)
    })
}

/// Both marginals given: what the balanced solver says.
fn balanced<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution<'a>> {
    let solution = sinkhorn::solve_with(problem, &options.balanced(), observer)?;
    Ok(Solution {
        plan: solution.plan,
        status: solution.status,
        residual: solution.marginal_error,
        iterations: solution.iterations,
        residuals: solution.errors,
        finished_in_double: solution.finished_in_double,
        relaxations: [f64::INFINITY; 2],
    })
}

/// Whether the iterations begin in single precision.
pub(crate) fn is_single<T: Scalar>(precision: Precision) -> bool {
    match precision {
        Precision::Automatic => T::EPSILON.to_f64() > 1e-10,
        Precision::Single => true,
        Precision::Double => false,
    }
}

/// Refuses an ε whose inverse is no number of `A`.
pub(crate) fn check_epsilon<A: Scalar>(epsilon: f64) -> Result<()> {
    let scaled = A::from_f64(epsilon);
    if scaled <= A::ZERO || !(A::ONE / scaled).is_finite() {
        return Err(Error::Argument {
            name: "epsilon",
            value: epsilon,
            requirement: "it is too small for the arithmetic: scale the costs and epsilon up, or use double precision",
        });
    }
    Ok(())
}

/// The costs between the points with mass.
pub(crate) fn subset<'a, T: Scalar, A: Scalar>(
    problem: &Problem<'a, T>,
    [source, target]: &[Side; 2],
    bytes_kept: usize,
) -> Result<EntropicCosts<'a, A>> {
    let (sources, targets) = (source.chosen.as_deref(), target.chosen.as_deref());
    EntropicCosts::prepare(problem.costs(), sources, targets, bytes_kept)
}
