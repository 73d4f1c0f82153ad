//! From a problem to an entropic plan: checks, normalisation, points without mass, the arithmetic, and the method.

use super::accelerated;
use super::cells::Cells;
use super::options::{Epsilon, Method, Options, Precision};
use super::plain::{self, Outcome};
use super::{CostBlocks, EntropicCosts, EntropicPlan, Solution};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::ot::certificate::Status;
use crate::ot::problem::{CheckedWeights, Costs, Problem};
use crate::ot::progress::Progress;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// No share of the mass below this is iterated on in single precision, in double: far from what products with it may underflow to.
const LEAST_SINGLE: f64 = 1e-30;
const LEAST_DOUBLE: f64 = 1e-250;

/// The side of a problem that takes part: the points with mass.
pub(super) struct Side {
    /// Which points these are, or `None` where all have mass.
    pub chosen: Option<Vec<usize>>,
    /// Their weights over the side's mass: they sum to one.
    pub weights: Vec<f64>,
    /// Where blocks of neighbours begin, and the number of points; empty where nobody asked for an order.
    pub blocks: Vec<usize>,
}

impl Side {
    /// The points whose share of the mass is above `least`.
    pub(super) fn new(weights: &[f64], mass: f64, least: f64) -> Self {
        let chosen: Vec<usize> = (0..weights.len()).filter(|&index| weights[index] / mass > least).collect();
        let shares = chosen.iter().map(|&index| weights[index] / mass).collect();
        Self { weights: shares, chosen: (chosen.len() < weights.len()).then_some(chosen), blocks: Vec::new() }
    }

    /// Puts the points that take part in an order in which neighbours are alike: that of a k-d tree of their coordinates.
    fn put_in_order(&mut self, points: usize, dimension: usize, coordinate: impl Fn(usize, usize) -> f64) {
        let chosen = self.chosen.take().unwrap_or_else(|| (0..points).collect());
        let coordinates =
            Matrix::from_fn(chosen.len(), dimension, |row, column| coordinate(chosen[row], column) as f32);
        let Cells { order, starts } = Cells::new(coordinates.view());
        self.weights = order.iter().map(|&index| self.weights[index as usize]).collect();
        self.chosen = Some(order.iter().map(|&index| chosen[index as usize]).collect());
        self.blocks = starts;
    }

    /// The values of the points that take part.
    fn gather(&self, values: &[f64]) -> Vec<f64> {
        match &self.chosen {
            None => values.to_vec(),
            Some(chosen) => chosen.iter().map(|&index| values[index]).collect(),
        }
    }

    /// Puts values back to their points; the others keep what stands there.
    fn scatter(&self, values: &[f64], all: &mut [f64]) {
        match &self.chosen {
            None => all.copy_from_slice(values),
            Some(chosen) => chosen.iter().zip(values).for_each(|(&index, &value)| all[index] = value),
        }
    }
}

/// The potentials that a method works on, in units of the cost, of the points with mass.
pub(super) struct Potentials {
    pub f: Vec<f64>,
    pub g: Vec<f64>,
}

/// What the methods share: limits, the observer, and what has been counted.
pub(super) struct Run<'o> {
    pub tolerance: f64,
    pub max_iterations: u64,
    /// Looks at all pairs that improved potentials.
    pub iterations: u64,
    /// The same, and the nonzeros that inner work touched over n m.
    pub passes: f64,
    /// The marginal error after each iteration.
    pub errors: Vec<f64>,
    observer: &'o mut dyn FnMut(&Progress) -> ControlFlow<()>,
    stopped: bool,
}

impl Run<'_> {
    /// Counts a look at all pairs that found this marginal error; whether the observer wants to stop.
    pub fn look(&mut self, stage: &'static str, error: f64) -> bool {
        self.iterations += 1;
        self.passes += 1.0;
        self.errors.push(error);
        let fraction = if self.tolerance > 0.0 && error > 0.0 {
            (error.ln() / self.tolerance.ln()).clamp(0.0, 1.0)
        } else {
            self.iterations as f64 / self.max_iterations as f64
        };
        let progress =
            Progress { stage, iterations: self.iterations, cost: f64::NAN, residual: error, fraction };
        self.stopped |= (self.observer)(&progress).is_break();
        self.stopped
    }

    /// Why to end after an iteration with this error, if it is time; an error at another ε than the target says nothing.
    pub fn ending(&self, error: f64, at_target: bool) -> Option<Status> {
        if error.is_nan() {
            Some(Status::Inaccurate)
        } else if at_target && self.tolerance > 0.0 && error <= self.tolerance {
            Some(Status::Converged)
        } else if self.stopped {
            Some(Status::Stopped)
        } else {
            (self.passes >= self.max_iterations as f64).then_some(Status::IterationLimit)
        }
    }
}

pub(super) fn solve<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution<'a>> {
    options.validate(problem.sources(), problem.targets())?;
    let weights = problem.checked_weights()?;
    let costs = EntropicCosts::<f64>::prepare(problem.costs(), None, None, 0)?;
    let epsilon = resolve(options.epsilon, &costs)?;
    // Shares that the arithmetic cannot hold take no part in the iterations; their potentials are exact all the same.
    let least = if options.precision == Precision::Single { LEAST_SINGLE } else { LEAST_DOUBLE };
    let mut sides = [
        Side::new(&weights.source, weights.source_mass, least),
        Side::new(&weights.target, weights.target_mass, least),
    ];
    let warm = options.initial.is_some();
    if options.method == Method::Accelerated {
        put_in_order(problem.costs(), &mut sides);
    }
    let mut potentials = match &options.initial {
        Some((f, g)) => Potentials { f: sides[0].gather(f), g: sides[1].gather(g) },
        None => Potentials { f: vec![0.0; sides[0].weights.len()], g: vec![0.0; sides[1].weights.len()] },
    };
    // The first half of an iteration takes f from g: a constant in g would only cost digits.
    // More than once, since the mean of large numbers is rounded like these.
    for _ in 0..3 {
        let constant = mean(&sides[1], &potentials.g);
        potentials.g.iter_mut().for_each(|g| *g -= constant);
        potentials.f.iter_mut().for_each(|f| *f += constant);
    }
    let mut run = Run {
        // The rest is left for the rounding of the potentials.
        tolerance: 0.9 * options.tolerance,
        max_iterations: options.max_iterations,
        iterations: 0,
        passes: 0.0,
        errors: Vec::new(),
        observer,
        stopped: false,
    };
    let tiny = sides.iter().any(|side| side.weights.iter().any(|&share| share <= LEAST_SINGLE));
    let single = match options.precision {
        Precision::Automatic if tiny || !(1e-25..=1e25).contains(&epsilon) => false,
        Precision::Automatic => {
            T::EPSILON.to_f64() > 1e-10 || (options.method == Method::Accelerated && options.tolerance > 0.0)
        }
        Precision::Single => true,
        Precision::Double => false,
    };
    let mut outcome = None;
    if single {
        match EntropicCosts::<f32>::prepare(
            problem.costs(),
            sides[0].chosen.as_deref(),
            sides[1].chosen.as_deref(),
            options.bytes_kept,
        ) {
            Ok(costs) => {
                let may_hand_over = options.precision == Precision::Automatic && options.tolerance > 0.0;
                outcome = Some(improve(
                    &costs,
                    &sides,
                    epsilon,
                    options,
                    may_hand_over,
                    warm,
                    &mut potentials,
                    &mut run,
                )?);
            }
            // Costs beyond the range of single precision: double has it, if it may be used.
            Err(Error::Argument { .. }) if options.precision == Precision::Automatic => {}
            Err(error) => return Err(error),
        }
    }
    let in_double = match &outcome {
        None => true,
        // The error that single precision sees has its own rounding in it: converged is what double precision says.
        Some(outcome) => {
            options.precision == Precision::Automatic
                && options.tolerance > 0.0
                && matches!(outcome.status, Status::Converged | Status::Inaccurate)
        }
    };
    if in_double {
        let some = sides.iter().any(|side| side.chosen.is_some());
        let kept;
        let costs = if some || matches!(costs, EntropicCosts::Distances(_) | EntropicCosts::Pairs(_)) {
            kept = EntropicCosts::<f64>::prepare(
                problem.costs(),
                sides[0].chosen.as_deref(),
                sides[1].chosen.as_deref(),
                options.bytes_kept,
            )?;
            &kept
        } else {
            &costs
        };
        outcome = Some(improve(
            costs,
            &sides,
            epsilon,
            options,
            false,
            // Where single precision had to give up early, its potentials are worth nothing.
            outcome.as_ref().map_or(warm, |outcome| outcome.error < 0.05),
            &mut potentials,
            &mut run,
        )?);
    }
    let Outcome { mut status, mut error } = outcome.expect("one of the two arithmetics was used");
    let rounding = rounding(&sides, &potentials, epsilon);
    centre(&sides, &mut potentials);
    steady_sources(&costs, &sides, &mut potentials, epsilon, in_double);
    let [source, target] = all_potentials(&costs, &sides, &potentials, epsilon);
    let Run { iterations, passes, errors, .. } = run;
    let CheckedWeights { source: a, target: b, source_mass, target_mass } = weights;
    let plan = EntropicPlan::new(costs, [a, b], target_mass, [source, target], epsilon).with_steady_rows();
    // What the iterations saw is the error of the potentials before they were rounded.
    error += rounding;
    let doubtful = rounding > 0.1 * options.tolerance || (!in_double && status == Status::Converged);
    if options.tolerance > 0.0 && doubtful {
        error = marginal_error(&plan, source_mass, target_mass);
    }
    if status == Status::Converged && (error.is_nan() || error > options.tolerance) {
        status = Status::Inaccurate;
    }
    Ok(Solution {
        plan,
        status,
        marginal_error: error,
        iterations,
        passes,
        errors,
        finished_in_double: in_double,
    })
}

/// The mean of a side's potentials.
fn mean(side: &Side, potentials: &[f64]) -> f64 {
    side.weights.iter().zip(potentials).map(|(weight, p)| weight * p).sum()
}

/// Takes the constant out by which potentials are free: both sides get the same mean.
fn centre(sides: &[Side; 2], potentials: &mut Potentials) {
    let shift = 0.5 * (mean(&sides[1], &potentials.g) - mean(&sides[0], &potentials.f));
    if shift.is_finite() {
        potentials.f.iter_mut().for_each(|f| *f += shift);
        potentials.g.iter_mut().for_each(|g| *g -= shift);
    }
}

/// What rounding the potentials does to the marginals at most, about, as a share of the mass.
fn rounding(sides: &[Side; 2], potentials: &Potentials, epsilon: f64) -> f64 {
    let size = |side: &Side, potentials: &[f64]| {
        side.weights.iter().zip(potentials).map(|(weight, p)| weight * (p / epsilon).abs()).sum::<f64>()
    };
    f64::EPSILON * (size(&sides[0], &potentials.f) + size(&sides[1], &potentials.g))
}

/// The L1 error of both marginals of the plan, as a share of the mass.
fn marginal_error(plan: &EntropicPlan<'_>, source_mass: f64, target_mass: f64) -> f64 {
    let (rows, columns) = plan.marginals();
    let error = |marginal: &[f64], weights: &[f64], mass: f64| {
        marginal.iter().zip(weights).map(|(m, weight)| (m / source_mass - weight / mass).abs()).sum::<f64>()
    };
    error(&rows, plan.source_weights(), source_mass) + error(&columns, plan.target_weights(), target_mass)
}

/// Where potentials are so large beside ε that the arithmetic left them with hardly a digit, the sources' are taken
/// afresh from the targets': exponents that are off by hundreds would make infinities of the plan.
fn steady_sources(
    costs: &EntropicCosts<'_, f64>,
    sides: &[Side; 2],
    potentials: &mut Potentials,
    epsilon: f64,
    in_double: bool,
) {
    let largest = potentials.f.iter().chain(&potentials.g).fold(0.0_f64, |most, p| most.max(p.abs()));
    let digits = if in_double { f64::EPSILON } else { f64::from(f32::EPSILON) };
    if largest / epsilon * digits < 1e-3 {
        return;
    }
    let (n, m) = (costs.rows(), costs.columns());
    let mut exponents = vec![f64::NEG_INFINITY; m];
    let scaled: Vec<f64> =
        potentials.g.iter().zip(&sides[1].weights).map(|(g, weight)| g / epsilon + weight.ln()).collect();
    sides[1].scatter(&scaled, &mut exponents);
    let rows: Vec<usize> = sides[0].chosen.clone().unwrap_or_else(|| (0..n).collect());
    let minima = crate::parallel::map_chunks(rows.len(), 16, |range| {
        let mut row = vec![0.0; m];
        rows[range]
            .iter()
            .map(|&index| {
                costs.block_into(index..index + 1, 0..m, &mut row);
                row.iter_mut().zip(&exponents).for_each(|(cost, x)| *cost = x - *cost / epsilon);
                soft_minimum(&row, epsilon)
            })
            .collect::<Vec<f64>>()
    });
    potentials.f = minima.concat();
}

/// -ε ln Σ exp(xⱼ).
fn soft_minimum(exponents: &[f64], epsilon: f64) -> f64 {
    let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    -epsilon * (largest + exponents.iter().map(|x| (x - largest).exp()).sum::<f64>().ln())
}

/// Orders both sides so that neighbours are alike, by coordinates or by the costs to a few landmarks.
fn put_in_order<T: Scalar>(costs: Costs<'_, T>, sides: &mut [Side; 2]) {
    const LANDMARKS: usize = 8;
    let [sources, targets] = sides;
    match costs {
        Costs::Points { source, target, .. } | Costs::Pairs { source, target, .. } => {
            for (side, points) in [(sources, source), (targets, target)] {
                side.put_in_order(points.rows(), points.columns(), |row, column| {
                    points.row(row)[column].to_f64()
                });
            }
        }
        Costs::Matrix(costs) => {
            let (n, m) = costs.shape();
            let landmark = |k: usize, count: usize| k * count / LANDMARKS;
            sources.put_in_order(n, LANDMARKS, |row, k| costs.row(row)[landmark(k, m)].to_f64());
            targets.put_in_order(m, LANDMARKS, |column, k| costs.row(landmark(k, n))[column].to_f64());
        }
    }
}

/// Runs the method in the arithmetic `A` from the potentials, and leaves better ones there.
fn improve<A: Scalar>(
    costs: &EntropicCosts<'_, A>,
    sides: &[Side; 2],
    epsilon: f64,
    options: &Options,
    may_hand_over: bool,
    warm: bool,
    potentials: &mut Potentials,
    run: &mut Run<'_>,
) -> Result<Outcome> {
    let scaled = A::from_f64(epsilon);
    if scaled <= A::ZERO || !(A::ONE / scaled).is_finite() || !scaled.is_finite() {
        return Err(Error::Argument {
            name: "epsilon",
            value: epsilon,
            requirement: "it is beyond single precision: scale the costs and epsilon alike, or use double precision",
        });
    }
    let weights = |side: &Side| side.weights.iter().map(|&weight| A::from_f64(weight)).collect::<Vec<A>>();
    let work =
        plain::Work { costs, a: weights(&sides[0]), b: weights(&sides[1]), epsilon: scaled, may_hand_over };
    match options.method {
        Method::Plain => plain::solve(&work, potentials, run),
        Method::Anderson(memory) => accelerated::solve_by_extrapolation(&work, memory, potentials, run),
        Method::Accelerated => accelerated::solve(&work, sides, warm, potentials, run),
    }
}

/// The absolute ε.
pub(crate) fn resolve(epsilon: Epsilon, costs: &EntropicCosts<'_, f64>) -> Result<f64> {
    let (factor, scale, what) = match epsilon {
        Epsilon::Absolute(epsilon) => return within_range(epsilon),
        Epsilon::RelativeToMean(factor) => {
            (factor, mean_cost(costs), "the mean cost, by which epsilon is measured,")
        }
        Epsilon::RelativeToMedian(factor) => {
            (factor, median(costs), "the median cost, by which epsilon is measured,")
        }
    };
    let epsilon = factor * scale;
    if scale > 0.0 {
        return within_range(epsilon);
    }
    Err(Error::Argument { name: what, value: scale, requirement: "it must be positive: give epsilon itself" })
}

/// Refuses an ε with which potentials or their quotients would leave the range of double precision.
fn within_range(epsilon: f64) -> Result<f64> {
    if (1e-280..=1e280).contains(&epsilon) {
        return Ok(epsilon);
    }
    let requirement = "it must be from 1e-280 to 1e280: scale the costs and epsilon alike";
    Err(Error::Argument { name: "epsilon", value: epsilon, requirement })
}

/// The mean of all costs.
fn mean_cost(costs: &EntropicCosts<'_, f64>) -> f64 {
    let (n, m) = (costs.rows(), costs.columns());
    let rows_at_once = ((1 << 16) / m).clamp(1, 32);
    let sums = crate::parallel::map_chunks(n, rows_at_once, |rows| {
        let mut block = vec![0.0; rows.len() * m];
        costs.block_into(rows, 0..m, &mut block);
        // Over the number first: the sum of large costs could overflow.
        block.iter().map(|cost| cost / n as f64 / m as f64).sum::<f64>()
    });
    crate::ot::problem::sum(sums)
}

/// The median of all costs, or of an even sample of whole rows.
fn median(costs: &EntropicCosts<'_, f64>) -> f64 {
    const SAMPLE: usize = 1 << 20;
    let (n, m) = (costs.rows(), costs.columns());
    let rows = (SAMPLE / m).clamp(1, n);
    let columns = m.min(SAMPLE);
    let mut sample = vec![0.0; rows * columns];
    crate::parallel::for_each_chunk_mut(&mut sample, columns, |start, part| {
        let row = (start / columns) * n / rows;
        costs.block_into(row..row + 1, 0..columns, part);
    });
    let middle = sample.len() / 2;
    let (below, &mut upper, _) = sample.select_nth_unstable_by(middle, f64::total_cmp);
    if (rows * columns) % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    0.5 * lower + 0.5 * upper
}

/// The potentials of all points: those without mass get what the other side's say, -ε ln Σⱼ bⱼ exp((gⱼ - Cᵢⱼ)/ε).
fn all_potentials(
    costs: &EntropicCosts<'_, f64>,
    sides: &[Side; 2],
    potentials: &Potentials,
    epsilon: f64,
) -> [Vec<f64>; 2] {
    let (n, m) = (costs.rows(), costs.columns());
    let (mut f, mut g) = (vec![f64::NAN; n], vec![f64::NAN; m]);
    sides[0].scatter(&potentials.f, &mut f);
    sides[1].scatter(&potentials.g, &mut g);
    let logs = |side: &Side, potentials: &[f64], all: usize| {
        let scaled: Vec<f64> =
            potentials.iter().zip(&side.weights).map(|(p, weight)| p / epsilon + weight.ln()).collect();
        let mut logs = vec![f64::NEG_INFINITY; all];
        side.scatter(&scaled, &mut logs);
        logs
    };
    let (by_source, by_target) = (logs(&sides[0], &potentials.f, n), logs(&sides[1], &potentials.g, m));
    if sides[0].chosen.is_some() {
        let mut row = vec![0.0; m];
        for i in (0..n).filter(|&i| by_source[i] == f64::NEG_INFINITY) {
            costs.block_into(i..i + 1, 0..m, &mut row);
            row.iter_mut().zip(&by_target).for_each(|(cost, log)| *cost = log - *cost / epsilon);
            f[i] = soft_minimum(&row, epsilon);
        }
    }
    if sides[1].chosen.is_some() {
        let mut column = vec![0.0; n];
        for j in (0..m).filter(|&j| by_target[j] == f64::NEG_INFINITY) {
            for i in 0..n {
                costs.block_into(i..i + 1, j..j + 1, &mut column[i..i + 1]);
            }
            column.iter_mut().zip(&by_source).for_each(|(cost, log)| *cost = log - *cost / epsilon);
            g[j] = soft_minimum(&column, epsilon);
        }
    }
    [f, g]
}
