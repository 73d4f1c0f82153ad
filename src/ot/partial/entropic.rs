//! Partial transport with entropy, streamed.
//!
//! ```text
//! min  <C, P> + ε KL(P | a bᵀ)     over P 1 <= a,  Pᵀ 1 <= b,  Σ Pᵢⱼ = s
//! max  λ s + Σ aᵢfᵢ + Σ bⱼgⱼ - ε Σ aᵢbⱼ (exp((fᵢ + gⱼ + λ - Cᵢⱼ)/ε) - 1)     over f <= 0,  g <= 0
//! ```
//!
//! The optimum is P = a bᵀ exp((f ⊕ g + λ - C)/ε), and the dual is maximised by turns: over f (each row is scaled
//! down to a where it has more), and over g and λ together (the columns are scaled to the mass s, and down to b where
//! they have more: a level to find, [`level`]). These are the KL projections of Benamou, Carlier, Cuturi, Nenna and
//! Peyré, *Iterative Bregman projections for regularized transportation problems*, 2015, with Dykstra's corrections
//! for the inequalities as potentials, and two of the three projections taken at once. One pass over all pairs does
//! both turns. All of a side's mass makes its inequality an equation.
//!
//! Where nearly all mass goes, λ would creep: rows that are full hide it from the columns. So λ is also raised by
//! what the rows alone would ask for, found from the same pass: the maximum over f and λ together, but for one turn's
//! delay. That is no ascent, so the step is halved for good whenever the dual value has not risen; the turns converge
//! from anywhere.

use super::level::level;
use super::{Values, checked_mass};
use crate::error::{Error, Result};
use crate::ot::certificate::Status;
use crate::ot::problem::Problem;
use crate::ot::progress::{Progress, run_to_the_end};
use crate::ot::sinkhorn::{
    self, CostBlocks, EntropicCosts, EntropicPlan, Epsilon, Options, Precision, resolve_epsilon,
};
use crate::ot::unbalanced::{
    Extrapolation, Pass, Run, Side, check_epsilon, checked_sides, first_epsilon, is_single, lower,
    potentials_without_mass, subset,
};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// An entropic partial plan.
#[derive(Debug)]
#[non_exhaustive]
pub struct EntropicSolution<'a> {
    /// P. Its potentials are f + λ and g; its mass and marginals are off by `residual`.
    pub plan: EntropicPlan<'a>,
    /// f <= 0.
    pub source_potentials: Vec<f64>,
    /// g <= 0.
    pub target_potentials: Vec<f64>,
    /// λ, the price of the last unit of mass.
    pub marginal_cost: f64,
    /// s.
    pub mass: f64,
    /// How the solver ended.
    pub status: Status,
    /// The L1 distance between the target marginal and what it is scaled to, as a share of the mass.
    pub residual: f64,
    /// Looks at all pairs that improved potentials.
    pub iterations: u64,
}

impl EntropicSolution<'_> {
    /// Every value of the problem and the gap between its bounds, in double precision. Three looks at all pairs.
    pub fn values(&self) -> Values {
        Values::new(self)
    }

    /// Whether the residual reached the tolerance.
    pub fn is_converged(&self) -> bool {
        self.status == Status::Converged
    }
}

/// Transports `mass` with entropy ε, with the default options.
///
/// # Errors
/// As [`entropic_with`].
///
/// # Examples
/// ```
/// use brenier::matrix::Distance;
/// use brenier::ot::{Problem, partial};
/// use brenier::Matrix;
/// let x = Matrix::from_rows([[0.0], [1.0], [9.0]]);
/// let y = Matrix::from_rows([[0.5], [1.5], [-70.0]]);
/// let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
/// let solution = partial::entropic(&problem, 0.5, 0.01)?;
/// assert!(solution.is_converged());
/// let (leaving, _) = solution.plan.marginals();
/// assert!((leaving[0] + leaving[1] - 0.5).abs() < 1e-6 && leaving[2] < 1e-9); // the last has no counterpart near it
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn entropic<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    mass: f64,
    epsilon: impl Into<Epsilon>,
) -> Result<EntropicSolution<'a>> {
    entropic_with(problem, mass, &Options::new(epsilon), &mut run_to_the_end)
}

/// Transports `mass` with entropy, with the options of the balanced solver (of which the method and initial
/// potentials matter only where all the mass of both sides goes: then it is a balanced problem) and an observer, who
/// is called after each look at all pairs.
///
/// # Errors
/// * [`Argument`](Error::Argument) for a mass that is not positive, or more than that of either side (by more than
///   1e-9, or 1e-5 where weights are `f32`);
/// * all else as [`sinkhorn::solve_with`], but that the two sides' masses may differ.
pub fn entropic_with<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    mass: f64,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<EntropicSolution<'a>> {
    options.validate(problem.sources(), problem.targets())?;
    let sides = checked_sides(problem)?;
    let (mass, is_all) = checked_mass(mass, &sides)?;
    if mass <= 0.0 {
        let requirement = "with entropy it must be positive";
        return Err(Error::Argument { name: "the mass to transport", value: mass, requirement });
    }
    if is_all == [true; 2] {
        return balanced(problem, mass, options, observer);
    }
    let costs = EntropicCosts::<f64>::prepare(problem.costs(), None, None, 0)?;
    let epsilon = resolve_epsilon(options.epsilon, &costs)?;
    let mut run = Run::new("partial Sinkhorn", options.tolerance, options.max_iterations, observer);
    let mut state = State { f: vec![0.0; sides[0].weights.len()], h: Vec::new(), level: 0.0 };
    let mut outcome = None;
    if is_single::<T>(options.precision) {
        check_epsilon::<f32>(epsilon)?;
        match subset::<T, f32>(problem, &sides, options.bytes_kept) {
            Ok(costs) => {
                let may_hand_over = options.precision == Precision::Automatic && options.tolerance > 0.0;
                run.begin(may_hand_over);
                let first = first_epsilon(&costs, f64::INFINITY);
                let work = Work { costs: &costs, sides: &sides, mass, is_all, epsilon };
                outcome = Some(descend::<f32, _>(&work, first, &mut state, &mut run)?);
            }
            // Costs beyond the range of single precision: double has it, if it may be used.
            Err(Error::Argument { .. }) if options.precision == Precision::Automatic => {}
            Err(error) => return Err(error),
        }
    }
    let in_double = outcome.is_none_or(|(status, _)| {
        options.precision == Precision::Automatic
            && options.tolerance > 0.0
            && matches!(status, Status::Converged | Status::Inaccurate)
    });
    if in_double {
        check_epsilon::<f64>(epsilon)?;
        let kept = subset::<T, f64>(problem, &sides, options.bytes_kept)?;
        run.begin(false);
        // What single precision found is a better start than a large ε.
        let first = if outcome.is_none() { first_epsilon(&kept, f64::INFINITY) } else { 0.0 };
        let work = Work { costs: &kept, sides: &sides, mass, is_all, epsilon };
        outcome = Some(descend(&work, first, &mut state, &mut run)?);
    }
    let (status, residual) = outcome.expect("one of the two arithmetics was used");
    let in_cost = |values: &[f64]| values.iter().map(|p| p * epsilon).collect::<Vec<f64>>();
    let mut f = sides[0].scatter(&in_cost(&state.f));
    let mut h = sides[1].scatter(&in_cost(&state.h));
    let most = state.level * epsilon;
    let by_source = |minimum: f64| if is_all[0] { minimum } else { minimum.min(0.0) };
    let by_target = |minimum: f64| if is_all[1] { minimum } else { minimum.min(most) };
    potentials_without_mass(&costs, &sides, [&mut f, &mut h], epsilon, [&by_source, &by_target]);
    let [a, b] = sides.map(|side| side.all);
    let plan = EntropicPlan::new(costs, [a, b], 1.0, [f, h], epsilon);
    Ok(finish(plan, mass, is_all, most, status, residual, run.iterations()))
}

/// All of both sides: what the balanced solver says.
fn balanced<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    mass: f64,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<EntropicSolution<'a>> {
    let solution = sinkhorn::solve_with(problem, options, observer)?;
    let (status, residual, iterations) = (solution.status, solution.marginal_error, solution.iterations);
    Ok(finish(solution.plan, mass, [true; 2], 0.0, status, residual, iterations))
}

/// f, g <= 0 and λ from the two potentials of the plan, of which one has λ in it.
fn finish(
    plan: EntropicPlan<'_>,
    mass: f64,
    is_all: [bool; 2],
    level: f64,
    status: Status,
    residual: f64,
    iterations: u64,
) -> EntropicSolution<'_> {
    // A side that goes as a whole has potentials of either sign: the constant that makes them negative goes into λ.
    let normalised = |potentials: &[f64], top: f64| -> Vec<f64> {
        potentials.iter().map(|p| (p - top).min(0.0)).collect()
    };
    let largest = |potentials: &[f64]| potentials.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (f, h) = (plan.source_potentials(), plan.target_potentials());
    let of_source = if is_all[0] { largest(f) } else { 0.0 };
    let of_target = if is_all[1] { largest(h) } else { level };
    let reference = plan.epsilon() * plan.reference_mass().ln();
    let (source_potentials, target_potentials) = (normalised(f, of_source), normalised(h, of_target));
    EntropicSolution {
        source_potentials,
        target_potentials,
        marginal_cost: of_source + of_target - reference,
        plan,
        mass,
        status,
        residual,
        iterations,
    }
}

/// What stays the same from iteration to iteration: the points with mass.
struct Work<'w, C> {
    costs: &'w C,
    sides: &'w [Side; 2],
    mass: f64,
    is_all: [bool; 2],
    epsilon: f64,
}

/// Iterates at ε, coming down from the first if need be.
fn descend<A: Scalar, C: CostBlocks<A>>(
    work: &Work<'_, C>,
    first: f64,
    state: &mut State,
    run: &mut Run<'_>,
) -> Result<(Status, f64)> {
    lower([first, work.epsilon], state, run, State::rescale, |epsilon, state, run| {
        Ok(iterate(&Work { epsilon, ..*work }, state, run))
    })
}

/// In units of ε: f, h = g + λ, and λ (zero where all of a side's mass goes and f or h has it).
#[derive(Clone)]
struct State {
    f: Vec<f64>,
    h: Vec<f64>,
    level: f64,
}

impl State {
    /// Multiplies all of it.
    fn rescale(&mut self, factor: f64) {
        self.f.iter_mut().chain(&mut self.h).for_each(|p| *p *= factor);
        self.level *= factor;
    }
}

/// Iterates from h, or from nothing where it is empty. Leaves f for which no row has more than its weight.
fn iterate<A: Scalar, C: CostBlocks<A>>(
    work: &Work<'_, C>,
    state: &mut State,
    run: &mut Run<'_>,
) -> (Status, f64) {
    let [source, target] = work.sides;
    let [all_of_source, all_of_target] = work.is_all;
    let mut pass = Pass::<A>::new(work.costs);
    let mut order = Vec::new();
    let State { f, h, level: lambda } = state;
    if h.is_empty() {
        h.resize(target.weights.len(), 0.0);
        if !all_of_source && !all_of_target {
            // The first price of mass is what the rows say without any g.
            let centre = pass.set_potentials(h, &target.logs);
            pass.run(work.costs, work.epsilon, |_, _| f64::NEG_INFINITY);
            let t: Vec<f64> = pass.soft_minima().iter().map(|minimum| centre - minimum).collect();
            *lambda = level(&source.weights, &t, work.mass, &mut order);
            h.fill(*lambda);
        }
    }
    let guess = work.mass.ln();
    let mut extrapolation = Extrapolation::new();
    // h and, last, λ.
    let (mut point, mut image) = (Vec::new(), Vec::new());
    let mut wanted = vec![0.0; h.len() + 1];
    let mut t = vec![0.0; h.len()];
    let mut row_t = vec![0.0; f.len()];
    // How much of the rows' price is believed, and the dual value that must rise all the same.
    let (mut trust, mut last_dual) = (1.0, f64::NEG_INFINITY);
    loop {
        let centre = pass.set_potentials(h, &target.logs);
        // φ = minimum - centre; a row has the mass a exp(f - φ).
        pass.run(work.costs, work.epsilon, |row, minimum| {
            let excess = if all_of_source { 0.0 } else { (minimum - centre).max(0.0) };
            source.logs[row] - excess - guess
        });
        for (f, minimum) in f.iter_mut().zip(pass.soft_minima()) {
            let minimum = minimum - centre;
            *f = if all_of_source { minimum } else { minimum.min(0.0) };
        }
        // t = ln(q / b exp(h)): what h may be without a column being more than full is -t.
        for (((t, q), h), log) in t.iter_mut().zip(pass.column_sums()).zip(h.iter()).zip(&target.logs) {
            *t = if *q > 0.0 { q.ln() + guess - log - h } else { -Pass::<A>::lift() - h };
        }
        let top = if all_of_target {
            f64::INFINITY
        } else if all_of_source {
            0.0
        } else {
            level(&target.weights, &t, work.mass, &mut order)
        };
        for ((wanted, t), weight) in wanted.iter_mut().zip(&t).zip(&target.weights) {
            *wanted = weight / work.mass * (top + t).min(0.0).exp();
        }
        let residual: f64 =
            pass.column_sums().iter().zip(&wanted).map(|(q, wanted)| (q - wanted).abs()).sum();
        let floor = pass.rounding_floor();
        if let Some(status) = run.look(residual, floor) {
            return (status, residual);
        }
        let (dual, size) = dual_value(work, f, h, *lambda, pass.column_sums());
        let slack = floor * work.mass + 8.0 * f64::EPSILON * size;
        if extrapolation.is_astray(residual, dual, slack) {
            adopt(extrapolation.back(), h, lambda, all_of_target);
            continue;
        }
        let mut raise = 0.0;
        if !all_of_source && !all_of_target {
            if dual < last_dual - slack {
                trust *= 0.5;
            }
            last_dual = dual;
            row_t.iter_mut().zip(pass.soft_minima()).for_each(|(t, minimum)| *t = centre - minimum);
            raise = trust * level(&source.weights, &row_t, work.mass, &mut order);
        }
        point.clear();
        point.extend_from_slice(h);
        point.push(*lambda);
        image.clear();
        image.extend(t.iter().map(|t| top.min(-t) + raise));
        image.push(if top.is_finite() { top + raise } else { *lambda });
        extrapolation.next(&point, &mut image, &wanted);
        adopt(&image, h, lambda, all_of_target);
    }
}

/// Takes h and λ from a point, of which λ comes last. Where g = h - λ is bounded, it stays so.
fn adopt(point: &[f64], h: &mut [f64], lambda: &mut f64, is_free: bool) {
    let (last, others) = point.split_last().expect("λ is there");
    *lambda = *last;
    let most = if is_free { f64::INFINITY } else { *last };
    h.iter_mut().zip(others).for_each(|(h, value)| *h = value.min(most));
}

/// The dual value in units of ε, but for a constant, and the size of what it is summed from.
fn dual_value<C>(work: &Work<'_, C>, f: &[f64], h: &[f64], lambda: f64, shares: &[f64]) -> (f64, f64) {
    let [source, target] = work.sides;
    let of_source: f64 = source.weights.iter().zip(f).map(|(a, f)| a * f).sum();
    let of_target: f64 = target.weights.iter().zip(h).map(|(b, h)| b * (h - lambda)).sum();
    let of_level = lambda * work.mass;
    let mass = work.mass * shares.iter().sum::<f64>();
    (of_level + of_source + of_target - mass, of_level.abs() + of_source.abs() + of_target.abs() + mass)
}
