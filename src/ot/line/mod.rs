//! Optimal transport on the line: sorting solves it.
//!
//! For numbers x₁…xₙ with masses a, y₁…yₘ with masses b and the cost h(x - y) = |x - y|^p, p >= 1 (any convex h), the monotone
//! plan is optimal: mass is moved in order, the leftmost of the source to the leftmost of the target, and so on. With the
//! quantile functions, `min Σ Pᵢⱼ h(xᵢ - yⱼ) = ∫₀¹ h(F⁻¹(u) - G⁻¹(u)) du`. (Villani, "Topics in Optimal Transportation",
//! theorem 2.18; Peyré and Cuturi, "Computational Optimal Transport", section 2.6.)
//!
//! | call | gives | cost |
//! | --- | --- | --- |
//! | [`transport_cost`] | Σ Pᵢⱼ \|xᵢ - yⱼ\|^p | two sorts; with weights, of (number, index) pairs |
//! | [`wasserstein_distance`] | its p-th root | the same |
//! | [`solve`] | plan, potentials, certificate | two sorts of pairs, O((n + m) log n) for the proof over all pairs |
//!
//! Masses are integers, as in [`exact`](super::exact), so the plan has its marginals exactly and at most n + m - 1 entries.
//! Equal numbers keep their given order: the answer is deterministic. Why the potentials of the staircase are feasible for
//! all pairs is proved in `potentials.rs`. The certificate does not rely on that proof: it looks for violations among all
//! pairs, by bisection. What it does rely on is that |x - y|^p is Monge, and `minima.rs` says what rounding may hide from
//! it: up to 2^16 pairs, and beyond unless costs tie by the thousands (as for p = 1 they do), no more than the rounding of
//! the row at hand.

mod minima;
pub(super) mod order;
mod potentials;
pub(super) mod power;
mod proof;
pub(super) mod staircase;
#[cfg(test)]
mod tests;

use crate::error::{Error, Result};
use crate::ot::exact::masses::Masses;
use crate::ot::exact::{Report, Solution};
use crate::ot::plan::{PlanEntry, TransportPlan};
use crate::ot::problem::{CheckedWeights, Weights, check_weights, sum};
use crate::parallel::join;
use crate::scalar::Scalar;
use order::{Sorted, sort, sort_indexed};
use potentials::potentials_along;
use power::Power;
use proof::Sides;
use staircase::{Cell, Staircase};

/// A transport problem on the line with the cost |x - y|^p.
///
/// Weights that are not given are uniform, 1/n each. They need not sum to one, but both sides must carry the same mass:
/// within 1e-9 relative, or 1e-5 if either side was given as `f32`. Coordinates may be `f32` or `f64`; all costs are `f64`.
///
/// # Examples
/// ```
/// use brenier::ot::line::{self, LineProblem};
///
/// let problem = LineProblem::new(&[0.0, 1.0], &[3.0, 0.0, 1.0], 2.0)
///     .with_source_weights(&[0.5, 0.5])
///     .with_target_weights(&[0.25, 0.5, 0.25]);
/// assert_eq!(line::transport_cost(&problem)?, 0.25 * 4.0);
/// assert_eq!(line::wasserstein_distance(&problem)?, 1.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LineProblem<'a, T> {
    source: &'a [T],
    target: &'a [T],
    p: f64,
    source_weights: Option<Weights>,
    target_weights: Option<Weights>,
}

impl<'a, T: Scalar> LineProblem<'a, T> {
    /// The problem between the numbers `source` and `target` for the cost |x - y|^p, with uniform weights.
    pub fn new(source: &'a [T], target: &'a [T], p: f64) -> Self {
        Self { source, target, p, source_weights: None, target_weights: None }
    }

    /// Sets a, the mass of each source.
    pub fn with_source_weights<W: Scalar>(mut self, weights: &[W]) -> Self {
        self.source_weights = Some(Weights::new(weights));
        self
    }

    /// Sets b, the mass of each target.
    pub fn with_target_weights<W: Scalar>(mut self, weights: &[W]) -> Self {
        self.target_weights = Some(Weights::new(weights));
        self
    }

    /// The same problem with these weights, source first.
    pub(crate) fn with_given_weights(mut self, [source, target]: [Option<&Weights>; 2]) -> Self {
        (self.source_weights, self.target_weights) = (source.cloned(), target.cloned());
        self
    }

    /// Number of sources, n.
    pub fn sources(&self) -> usize {
        self.source.len()
    }

    /// Number of targets, m.
    pub fn targets(&self) -> usize {
        self.target.len()
    }

    /// The power of the cost.
    pub fn p(&self) -> f64 {
        self.p
    }

    /// The monotone coupling: the mass and the difference x - y of each of its cells.
    fn coupling(&self) -> Result<Coupling> {
        if self.source_weights.is_none() && self.target_weights.is_none() {
            return self.uniform_coupling();
        }
        let (_, masses) = self.masses()?;
        let (source, target) = on_both_sides(self.source, self.target, sort_indexed)?;
        let cells = Units::new(&masses, &source, &target)
            .staircase()
            .filter(|cell| cell.units > 0)
            .map(|cell| {
                let difference = source.coordinates[cell.source] - target.coordinates[cell.target];
                (masses.weigh(cell.units), difference)
            })
            .collect();
        Ok(Coupling { cells, farthest: farthest_pair(&source.coordinates, &target.coordinates) })
    }

    /// The same for uniform weights: which number came from where does not matter, so the numbers alone are sorted.
    fn uniform_coupling(&self) -> Result<Coupling> {
        let (n, m) = (self.sources(), self.targets());
        for (what, size) in [("the source", n), ("the target", m)] {
            if size == 0 {
                return Err(Error::Empty { what });
            }
        }
        let (x, y) = on_both_sides(self.source, self.target, sort)?;
        let cells = if n == m {
            let mass = 1.0 / n as f64;
            x.iter().zip(&y).map(|(x, y)| (mass, x - y)).collect()
        } else {
            let divisor = greatest_common_divisor(n, m);
            let (source_units, target_units) = (m / divisor, n / divisor);
            let unit = 1.0 / (n as f64 * source_units as f64);
            Staircase::new(n, |_| source_units as i64, m, |_| target_units as i64)
                .filter(|cell| cell.units > 0)
                .map(|cell| (cell.units as f64 * unit, x[cell.source] - y[cell.target]))
                .collect()
        };
        Ok(Coupling { cells, farthest: farthest_pair(&x, &y) })
    }

    fn masses(&self) -> Result<(CheckedWeights, Masses)> {
        let (source, target) = (self.source_weights.as_ref(), self.target_weights.as_ref());
        let weights = check_weights(source, self.sources(), target, self.targets())?;
        let masses = Masses::new(&weights);
        Ok((weights, masses))
    }

    /// Refuses a problem whose largest `size` (of the farthest pair's difference) is above `bound`.
    fn check_farthest(&self, (x, y): (f64, f64), bound: f64, size: impl Fn(f64) -> f64) -> Result<()> {
        let value = size(x - y);
        if value <= bound {
            return Ok(());
        }
        let position = |side: &[T], end: f64| {
            side.iter()
                .position(|coordinate| coordinate.to_f64() == end)
                .expect("the end of a side is one of its coordinates")
        };
        Err(if value.is_finite() {
            Error::Argument {
                name: "largest cost",
                value,
                requirement: "it must be at most 2^1020, so that potentials stay finite (scale the coordinates)",
            }
        } else {
            Error::NotFiniteEntry {
                what: "costs",
                row: position(self.source, x),
                column: position(self.target, y),
                value,
            }
        })
    }
}

/// The monotone coupling, without its indices.
struct Coupling {
    /// Mass and difference x - y of each cell with mass.
    cells: Vec<(f64, f64)>,
    /// The two coordinates that are farthest apart.
    farthest: (f64, f64),
}

/// The largest cost that [`solve`] accepts: sums of a few of them, as potentials are, stay finite.
const LARGEST_COST: f64 = f64::MAX / 16.0;

/// Numbers on both sides together below which both are sorted by the calling thread.
const PARALLEL_FROM: usize = 1 << 14;

/// Solves the problem: the monotone plan, potentials and the proof that no plan is cheaper.
///
/// The potential of the first source with mass is zero. The certificate's `iterations` are the n + m - 1 cells of the
/// staircase. Memory: about 100 bytes for each number.
///
/// # Errors
/// - [`Error::Argument`] if p is below one or not finite, or if a cost, or a cost times the whole mass, exceeds 2^1020;
/// - [`Error::Empty`], [`Error::NotFinite`] (index and value of the first such number), [`Error::NotFiniteEntry`] if the cost of
///   the farthest pair overflows;
/// - for weights the errors of [`Problem`](crate::ot::Problem): [`Error::Shape`], [`Error::NotFinite`], [`Error::Negative`],
///   [`Error::ZeroMass`], [`Error::MassMismatch`].
///
/// # Examples
/// ```
/// use brenier::ot::line::{self, LineProblem};
///
/// let solution = line::solve(&LineProblem::new(&[2.0, 0.0, 1.0], &[10.0, 12.0, 11.0], 1.5))?;
/// assert!(solution.certificate.is_optimal());
/// assert_eq!(solution.plan.largest_targets(), [Some(1), Some(0), Some(2)]);
/// assert!((solution.cost() - 10.0_f64.powf(1.5)).abs() < 1e-13);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "emd_1d")]
pub fn solve<T: Scalar>(problem: &LineProblem<'_, T>) -> Result<Solution> {
    let power = Power::new(problem.p)?;
    let (weights, masses) = problem.masses()?;
    let (source, target) = on_both_sides(problem.source, problem.target, sort_indexed)?;
    let farthest = farthest_pair(&source.coordinates, &target.coordinates);
    problem.check_farthest(farthest, LARGEST_COST, |difference| power.cost(difference))?;
    let largest_share = power.cost(farthest.0 - farthest.1) * weights.source_mass.max(weights.target_mass);
    if largest_share > LARGEST_COST {
        return Err(Error::Argument {
            name: "the largest cost times the mass",
            value: largest_share,
            requirement: "it must be at most 2^1020, so that the dual value stays finite (scale the masses)",
        });
    }

    let units = Units::new(&masses, &source, &target);
    let plan = plan_along(&units, &source, &target, &masses)?;
    let cost = |entry: &PlanEntry| {
        let (x, y) = (problem.source[entry.source], problem.target[entry.target]);
        power.cost(x.to_f64() - y.to_f64())
    };
    let primal_cost = sum(plan.entries().iter().map(|entry| entry.mass * cost(entry)));

    let first = masses.source.iter().position(|&units| units > 0);
    let anchor = source.indices.iter().position(|&index| Some(index) == first);
    let anchor = anchor.expect("some source has mass");
    let (source_sorted, target_sorted) = potentials_along(units.staircase(), &source, &target, power, anchor);
    let sides = Sides {
        source: &source,
        target: &target,
        power,
        source_potentials: &source_sorted,
        target_potentials: &target_sorted,
    };
    let source_potentials = source.in_given_order(&source_sorted);
    let target_potentials = target.in_given_order(&target_sorted);
    let excess_slack = sum(plan.entries().iter().map(|entry| {
        let (f, g) = (source_potentials[entry.source], target_potentials[entry.target]);
        let rounding = 4.0 * f64::EPSILON * (f.abs() + g.abs());
        entry.mass * ((cost(entry) - f - g).abs() - rounding).max(0.0)
    }));
    let certificate = sides.certify(&weights, &masses, &plan, primal_cost, excess_slack);
    Ok(Solution { plan, source_potentials, target_potentials, certificate, report: Report::default() })
}

/// The optimal cost Σ Pᵢⱼ |xᵢ - yⱼ|^p alone.
///
/// With uniform weights nothing but the numbers is sorted: it takes about half the time of sorting both arrays by
/// `f64::total_cmp`. The relative error is a few roundings, whatever the number of points.
///
/// # Errors
/// As [`solve`], but costs up to the end of the range are accepted; [`Error::Argument`] if their sum leaves it.
///
/// # Examples
/// ```
/// use brenier::ot::line::{self, LineProblem};
/// // Two points against three: the masses are split.
/// let cost = line::transport_cost(&LineProblem::new(&[0.0_f32, 6.0], &[0.0, 3.0, 6.0], 1.0))?;
/// assert!((cost - 1.0).abs() < 1e-15);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "emd2_1d")]
pub fn transport_cost<T: Scalar>(problem: &LineProblem<'_, T>) -> Result<f64> {
    let power = Power::new(problem.p)?;
    let Coupling { cells, farthest } = problem.coupling()?;
    problem.check_farthest(farthest, f64::MAX, |difference| power.cost(difference))?;
    let cost = cells.iter().map(|&(mass, difference)| mass * power.cost(difference));
    finite("the transport cost", sum(cost))
}

/// The p-Wasserstein distance (Σ Pᵢⱼ |xᵢ - yⱼ|^p)^(1/p), in the unit of the coordinates if the masses sum to one.
///
/// The differences are divided by the largest of them before they are raised to the power p, so that no power overflows,
/// and none that counts underflows, however large p is.
///
/// # Errors
/// As [`solve`], but only the differences x - y must be finite, not their powers; [`Error::Argument`] if masses far above one
/// carry the distance itself beyond the range of `f64`.
///
/// # Examples
/// ```
/// use brenier::ot::line::{self, LineProblem};
/// let (x, y) = ([1e200, -3e200], [2e200, -2e200]);
/// let distance = line::wasserstein_distance(&LineProblem::new(&x, &y, 2.0))?;
/// assert!((distance / 1e200 - 1.0).abs() < 1e-15);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "wasserstein")]
#[doc(alias = "wasserstein_1d")]
pub fn wasserstein_distance<T: Scalar>(problem: &LineProblem<'_, T>) -> Result<f64> {
    let power = Power::new(problem.p)?;
    let Coupling { cells, farthest } = problem.coupling()?;
    problem.check_farthest(farthest, f64::MAX, f64::abs)?;
    let mut largest = 0.0_f64;
    for &(_, difference) in &cells {
        largest = largest.max(difference.abs());
    }
    if largest == 0.0 {
        return Ok(0.0);
    }
    // A quotient of numbers of which the divisor is the largest rounds to one at most.
    let scaled = cells.iter().map(|&(mass, difference)| mass * power.cost(difference / largest));
    finite("the Wasserstein distance", largest * power.root(sum(scaled)))
}

/// The result, unless it overflowed.
fn finite(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::Argument {
        name,
        value,
        requirement: "it must be finite (scale the coordinates or the masses)",
    })
}

/// `work` on each side, on two threads where that pays.
fn on_both_sides<T: Scalar, R: Send>(
    source: &[T],
    target: &[T],
    work: fn(&'static str, &[T]) -> Result<R>,
) -> Result<(R, R)> {
    let (first, second) = (|| work("source", source), || work("target", target));
    let (source, target) =
        if source.len() + target.len() < PARALLEL_FROM { (first(), second()) } else { join(first, second) };
    Ok((source?, target?))
}

/// The pair of coordinates that is farthest apart, of two sorted sides.
fn farthest_pair(x: &[f64], y: &[f64]) -> (f64, f64) {
    let right = (x[x.len() - 1], y[0]);
    let left = (x[0], y[y.len() - 1]);
    if (right.0 - right.1).abs() >= (left.0 - left.1).abs() { right } else { left }
}

/// The masses of both sides in units, in sorted order.
struct Units {
    source: Vec<i64>,
    target: Vec<i64>,
}

impl Units {
    fn new(masses: &Masses, source: &Sorted, target: &Sorted) -> Self {
        let sorted = |side: &Sorted, units: &[i64]| side.indices.iter().map(|&index| units[index]).collect();
        Self { source: sorted(source, &masses.source), target: sorted(target, &masses.target) }
    }

    fn staircase(&self) -> impl Iterator<Item = Cell> + '_ {
        Staircase::new(self.source.len(), |i| self.source[i], self.target.len(), |j| self.target[j])
    }
}

/// The plan with the staircase's masses, in the given order of both sides.
fn plan_along(units: &Units, source: &Sorted, target: &Sorted, masses: &Masses) -> Result<TransportPlan> {
    let (n, m) = (source.indices.len(), target.indices.len());
    // A counting sort by source: the entries of one source follow each other on the path.
    let massive = || units.staircase().filter(|cell| cell.units > 0);
    let mut starts = vec![0; n + 1];
    massive().for_each(|cell| starts[source.indices[cell.source] + 1] += 1);
    for index in 0..n {
        starts[index + 1] += starts[index];
    }
    let empty = PlanEntry { source: 0, target: 0, mass: 0.0 };
    let mut next = starts.clone();
    let mut entries = vec![empty; starts[n]];
    for cell in massive() {
        let index = source.indices[cell.source];
        entries[next[index]] =
            PlanEntry { source: index, target: target.indices[cell.target], mass: masses.weigh(cell.units) };
        next[index] += 1;
    }
    for index in 0..n {
        entries[starts[index]..starts[index + 1]].sort_unstable_by_key(|entry| entry.target);
    }
    TransportPlan::new(n, m, entries)
}

fn greatest_common_divisor(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
