//! Partial transport exactly, by a dummy point on each side.

use super::{Certificate, checked_mass};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::ot::certificate::Status;
use crate::ot::exact;
use crate::ot::plan::{PlanEntry, TransportPlan};
use crate::ot::problem::{Problem, sum};
use crate::ot::progress::{Progress, run_to_the_end};
use crate::ot::sinkhorn::{CostBlocks, EntropicCosts};
use crate::ot::unbalanced::{Side, checked_sides};
use crate::parallel::{for_each_chunk_mut, map_chunks};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// An exact partial plan.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// P.
    pub plan: TransportPlan,
    /// f <= 0: zero for a source that keeps some of its mass.
    pub source_potentials: Vec<f64>,
    /// g <= 0: zero for a target that is not filled.
    pub target_potentials: Vec<f64>,
    /// λ, the price of the last unit of mass: what the cost rises by for a unit more. (With all of a side transported it is one of many.)
    pub marginal_cost: f64,
    /// The proof.
    pub certificate: Certificate,
}

impl Solution {
    /// The transport cost Σ Cᵢⱼ Pᵢⱼ.
    pub fn cost(&self) -> f64 {
        self.certificate.primal_cost
    }

    /// Σ Pᵢⱼ.
    pub fn mass(&self) -> f64 {
        sum(self.plan.entries().iter().map(|entry| entry.mass))
    }
}

/// The cheapest way to transport `mass`, with the default options of the exact solver.
///
/// # Errors
/// As [`solve_with`].
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, partial};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[1.0, 4.0], [2.0, 9.0]]);
/// let problem = Problem::from_costs(&costs).with_source_weights(&[3.0, 3.0]).with_target_weights(&[4.0, 1.0]);
/// // Three units at 1, then one at 2.
/// assert_eq!(partial::solve(&problem, 4.0)?.cost(), 5.0);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn solve<T: Scalar>(problem: &Problem<'_, T>, mass: f64) -> Result<Solution> {
    solve_with(problem, mass, &exact::Options::default(), &mut run_to_the_end)
}

/// The cheapest way to transport `mass`, with options of the exact solver (their initial guess, which has another
/// shape, is not used) and an observer.
///
/// Masses are counted in 2^-60 of the larger problem's, as in the exact solver: far below that of a weight's
/// rounding. Stopped early the plan is feasible, and its gap says how far it may be from the optimum.
///
/// # Errors
/// * [`Argument`](crate::Error::Argument) for a mass that is negative, no number, or more than that of either side
///   (by more than 1e-9, or 1e-5 where weights are `f32`);
/// * weights, costs, coordinates and options: as [`exact::solve_with`], but that the two sides' masses may differ.
pub fn solve_with<T: Scalar>(
    problem: &Problem<'_, T>,
    mass: f64,
    options: &exact::Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution> {
    let sides = checked_sides(problem)?;
    let (mass, [all_of_source, all_of_target]) = checked_mass(mass, &sides)?;
    let costs = EntropicCosts::<f64>::prepare(problem.costs(), None, None, 0)?;
    if mass == 0.0 {
        return Ok(nothing(&costs, &sides));
    }
    let (n, m) = (problem.sources(), problem.targets());
    let extended = extended_costs(&costs, !all_of_target, !all_of_source);
    let [mut a, mut b] = [&sides[0], &sides[1]].map(|side| side.all.clone());
    if !all_of_target {
        a.push(sides[1].mass - mass);
    }
    if !all_of_source {
        b.push(sides[0].mass - mass);
    }
    let tolerance = sides[0].tolerance.max(sides[1].tolerance);
    let whole = Problem::from_costs(&extended).with_rounded_weights([a, b], tolerance);
    let options = exact::Options { initial: exact::Initial::None, ..options.clone() };
    let answer = exact::solve_with(&whole, &options, observer)?;
    let real = answer.plan.entries().iter().filter(|entry| entry.source < n && entry.target < m);
    let mut entries: Vec<PlanEntry> = real.copied().collect();
    // Before the end the dummies may exchange mass, which is then too much between the others.
    let between_dummies = answer.plan.entries().iter().any(|entry| entry.source == n && entry.target == m);
    if between_dummies {
        let factor = mass / sum(entries.iter().map(|entry| entry.mass));
        entries.iter_mut().for_each(|entry| entry.mass *= factor);
    }
    let plan = TransportPlan::new(n, m, entries)?;
    let dual = partial_potentials(answer.source_potentials, answer.target_potentials, n, m);
    let status = answer.certificate.status;
    let certificate = certify(&extended, &sides, mass, &plan, &dual, status, answer.certificate.iterations);
    let Dual { f, g, level } = dual;
    Ok(Solution { plan, source_potentials: f, target_potentials: g, marginal_cost: level, certificate })
}

/// f, g <= 0 and λ.
struct Dual {
    f: Vec<f64>,
    g: Vec<f64>,
    level: f64,
}

/// No mass, no cost; the first unit would cost min C.
fn nothing(costs: &EntropicCosts<'_, f64>, sides: &[Side; 2]) -> Solution {
    let (n, m) = (costs.rows(), costs.columns());
    let minima = map_chunks(n, 32, |rows| {
        let mut block = vec![0.0; rows.len() * m];
        costs.block_into(rows, 0..m, &mut block);
        block.into_iter().fold(f64::INFINITY, f64::min)
    });
    let certificate = Certificate {
        status: Status::Optimal,
        primal_cost: 0.0,
        dual_value: 0.0,
        gap: 0.0,
        mass_error: 0.0,
        source_excess: 0.0,
        target_excess: 0.0,
        dual_violation: 0.0,
        iterations: 0,
    };
    Solution {
        plan: TransportPlan::new(n, m, Vec::new()).expect("no entries are good entries"),
        source_potentials: vec![0.0; sides[0].all.len()],
        target_potentials: vec![0.0; sides[1].all.len()],
        marginal_cost: minima.into_iter().fold(f64::INFINITY, f64::min),
        certificate,
    }
}

/// The costs with a row and a column of zeros for the dummies that take part, and what keeps these from each other.
fn extended_costs(costs: &EntropicCosts<'_, f64>, with_source: bool, with_target: bool) -> Matrix<f64> {
    let (n, m) = (costs.rows(), costs.columns());
    let (rows, columns) = (n + usize::from(with_source), m + usize::from(with_target));
    let mut extended = Matrix::zeros(rows, columns);
    for_each_chunk_mut(extended.as_mut_slice(), columns, |start, row| {
        let index = start / columns;
        if index < n {
            costs.block_into(index..index + 1, 0..m, &mut row[..m]);
        }
    });
    if with_source && with_target {
        let smallest = (0..n).map(|i| extended.row(i)[..m].iter().copied().fold(f64::INFINITY, f64::min));
        let (least, size) = smallest.fold((f64::INFINITY, 0.0_f64), |(least, size), minimum| {
            (least.min(minimum), size.max(minimum.abs()))
        });
        let margin = if size > 0.0 { size } else { 1.0 };
        extended[(n, m)] = margin + (-least).max(0.0);
    }
    extended
}

/// The partial problem's potentials from those of the extended one. Feasible ones give feasible ones of the same value.
fn partial_potentials(mut f: Vec<f64>, mut g: Vec<f64>, n: usize, m: usize) -> Dual {
    // Without a dummy on the other side all mass of this one goes: its potentials are free by a constant, which makes the largest zero.
    let largest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let of_source_dummy = if f.len() > n { f.pop().expect("the dummy") } else { -largest(&g[..m]) };
    let of_target_dummy = if g.len() > m { g.pop().expect("the dummy") } else { -largest(&f) };
    // Rounding must not make them positive: that would be no proof.
    f.iter_mut().for_each(|f| *f = (*f + of_target_dummy).min(0.0));
    g.iter_mut().for_each(|g| *g = (*g + of_source_dummy).min(0.0));
    Dual { f, g, level: -of_source_dummy - of_target_dummy }
}

/// The proof, from the costs (the real ones of the extended matrix), plan and potentials alone.
fn certify(
    costs: &Matrix<f64>,
    [source, target]: &[Side; 2],
    mass: f64,
    plan: &TransportPlan,
    dual: &Dual,
    status: Status,
    iterations: u64,
) -> Certificate {
    let (n, m) = (plan.rows(), plan.columns());
    let violations = map_chunks(n, 64, |rows| {
        let mut worst = 0.0_f64;
        for i in rows {
            let potential = dual.f[i] + dual.level;
            for (cost, g) in costs.row(i)[..m].iter().zip(&dual.g) {
                worst = worst.max(potential + g - cost);
            }
        }
        worst
    });
    let dual_violation = violations.into_iter().fold(0.0, f64::max);
    let costs_of = || plan.entries().iter().map(|entry| entry.mass * costs[(entry.source, entry.target)]);
    let primal_cost = sum(costs_of());
    let size = sum(costs_of().map(f64::abs));
    let terms = source.all.iter().zip(&dual.f).chain(target.all.iter().zip(&dual.g));
    let dual_value = sum(terms.map(|(w, p)| w * p).chain([mass * dual.level]));
    let excess = |marginal: Vec<f64>, weights: &[f64]| {
        sum(marginal.iter().zip(weights).map(|(marginal, weight)| (marginal - weight).max(0.0)))
    };
    let gap = primal_cost - dual_value;
    // Masses are counted to EPS of the whole at best, and each is worth what the potentials say: of a cost of zero no millionth is left.
    let potentials = dual.f.iter().chain(&dual.g).fold(dual.level.abs(), |largest, p| largest.max(p.abs()));
    let allowed = 1e-6 * size + 4.0 * f64::EPSILON * mass * potentials;
    let is_proved = gap.abs() <= allowed && mass * dual_violation <= allowed;
    let status = if status == Status::Optimal && !is_proved { Status::Inaccurate } else { status };
    Certificate {
        status,
        primal_cost,
        dual_value,
        gap,
        mass_error: (sum(plan.entries().iter().map(|entry| entry.mass)) - mass).abs(),
        source_excess: excess(plan.source_marginal(), &source.all),
        target_excess: excess(plan.target_marginal(), &target.all),
        dual_violation,
        iterations,
    }
}
