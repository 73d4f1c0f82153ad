//! The certificate: everything that can be said about a plan and potentials, computed from them alone.

use super::costs::{CostRows, ENTRIES_PER_CHUNK, ROWS_AT_A_TIME};
use super::masses::Masses;
use super::pricing::{Plain, RowMinimum, rounding_of, row_minima};
use crate::ot::certificate::{Certificate, Status};
use crate::ot::plan::TransportPlan;
use crate::ot::problem::{CheckedWeights, sum};
use crate::parallel::map_chunks;
use crate::scalar::Scalar;

/// How much the slack Σ P|C - f - g| on the plan, the gap, and the mass times the largest dual violation may be, as a
/// share of Σ P|C|, if the plan is to be called optimal. They are rounding, a thousandfold smaller in ordinary problems;
/// more than this means that the potentials have lost the digits that decide.
const DOUBT_ALLOWED: f64 = 1e-6;

/// What the simplex leaves behind.
pub(super) struct Outcome {
    pub status: Status,
    pub iterations: u64,
    pub tolerance: f64,
}

/// Gives the nodes without mass the largest potentials that are feasible: gⱼ = minᵢ Cᵢⱼ - fᵢ over the sources with
/// mass, then fᵢ = minⱼ Cᵢⱼ - gⱼ. They carry nothing, so the dual value stays what it is.
pub(super) fn extend_potentials<T: Scalar>(
    costs: &CostRows<'_, T>,
    masses: &Masses,
    source_potentials: &mut [f64],
    target_potentials: &mut [f64],
) {
    let hidden: Vec<usize> = (0..masses.target.len()).filter(|&target| masses.target[target] == 0).collect();
    if !hidden.is_empty() {
        let mut least = vec![f64::INFINITY; hidden.len()];
        let mut row = vec![0.0; costs.columns()];
        for source in (0..masses.source.len()).filter(|&source| masses.source[source] > 0) {
            costs.piece_into(source, 0..costs.columns(), &mut row);
            for (least, &target) in least.iter_mut().zip(&hidden) {
                let (cost, f) = (row[target], source_potentials[source]);
                let g = cost - f;
                // Rounded up, the pair would be violated by a rounding of f or C, which may be large beside what the plan pays.
                let g = if cost - g < f { g.next_down() } else { g };
                *least = least.min(g);
            }
        }
        for (&target, least) in hidden.iter().zip(least) {
            target_potentials[target] = least;
        }
    }
    let mut minimum = [RowMinimum::NONE];
    for source in (0..masses.source.len()).filter(|&source| masses.source[source] == 0) {
        costs.row_minima(source, target_potentials, &mut minimum);
        source_potentials[source] = minimum[0].value;
    }
}

/// Replaces f by the largest feasible one for g: fᵢ = minⱼ Cᵢⱼ - gⱼ, and moves the constant so that the first source
/// with mass has zero. Then the dual value bounds the cost from below however far the simplex had come.
pub(super) fn make_feasible<T: Scalar>(
    costs: &CostRows<'_, T>,
    masses: &Masses,
    source_potentials: &mut [f64],
    target_potentials: &mut [f64],
) {
    let mut minima = vec![RowMinimum::NONE; source_potentials.len()];
    costs.row_minima(0, target_potentials, &mut minima);
    let first = masses.source.iter().position(|&units| units > 0).expect("there is mass");
    let constant = minima[first].value;
    for (potential, minimum) in source_potentials.iter_mut().zip(minima) {
        *potential = minimum.value - constant;
    }
    target_potentials.iter_mut().for_each(|potential| *potential += constant);
}

/// Measures plan and potentials against the costs and the weights as given. All pairs are priced, or were: `pricing` is
/// what [`price_all`] found for these very potentials.
pub(super) fn certify<T: Scalar>(
    costs: &CostRows<'_, T>,
    weights: &CheckedWeights,
    masses: &Masses,
    plan: &TransportPlan,
    source_potentials: &[f64],
    target_potentials: &[f64],
    pricing: Option<Pricing>,
    outcome: Outcome,
) -> Certificate {
    let primal_cost =
        sum(plan.entries().iter().map(|entry| entry.mass * costs.given(entry.source, entry.target)));
    let transported = |units: &[i64], potentials: &[f64]| {
        sum(units.iter().zip(potentials).map(|(&units, potential)| masses.weigh(units) * potential))
    };
    let dual_value =
        sum([transported(&masses.source, source_potentials), transported(&masses.target, target_potentials)]);
    let distance =
        |marginal: Vec<f64>, weights: &[f64]| sum(marginal.iter().zip(weights).map(|(p, w)| (p - w).abs()));
    let negligible = |weights: &[f64], units: &[i64]| {
        (0..weights.len()).filter(|&index| weights[index] > 0.0 && units[index] == 0).collect()
    };

    let pricing = pricing
        .unwrap_or_else(|| price_all(costs, source_potentials, target_potentials, outcome.tolerance, 1));
    let WorstPairs { violation: dual_violation, relative_violation: relative_dual_violation } = pricing.worst;
    let slack = sum(plan.entries().iter().map(|entry| {
        let cost = costs.given(entry.source, entry.target);
        entry.mass * (cost - source_potentials[entry.source] - target_potentials[entry.target]).abs()
    }));
    let size =
        sum(plan.entries().iter().map(|entry| entry.mass * costs.given(entry.source, entry.target).abs()));
    let gap = primal_cost - dual_value;
    // Sums over plans that cost nothing, or nothing but what cancels, keep roundings of the costs that any plan meets.
    let rounding_of_sums = 64.0 * f64::EPSILON * weights.source_mass * costs.bottleneck;
    let decided = [slack, gap.abs(), weights.source_mass * dual_violation]
        .into_iter()
        .all(|doubt| doubt <= DOUBT_ALLOWED * size + rounding_of_sums)
        // A plan that costs nothing is optimal without any dual where no cost is negative.
        || (size == 0.0 && !costs.some_negative);
    let status = match outcome.status {
        Status::Optimal if !decided || !pricing.violated.is_empty() => Status::Inaccurate,
        status => status,
    };
    Certificate {
        status,
        primal_cost,
        dual_value,
        gap,
        source_marginal_error: distance(plan.source_marginal(), &weights.source),
        target_marginal_error: distance(plan.target_marginal(), &weights.target),
        dual_violation,
        relative_dual_violation,
        tolerance: outcome.tolerance,
        iterations: outcome.iterations,
        mass_adjustment: weights.target_mass - weights.source_mass,
        negligible_source_weights: negligible(&weights.source, &masses.source),
        negligible_target_weights: negligible(&weights.target, &masses.target),
    }
}

/// Violations that a task holds before it drops all but the worst.
const VIOLATIONS_HELD: usize = 1 << 16;

/// A pair with fᵢ + gⱼ - Cᵢⱼ > τ (|Cᵢⱼ| + |fᵢ| + |gⱼ|) + ν.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Violation {
    pub source: u32,
    pub target: u32,
    /// By how much it goes beyond the tolerance, as a negative number.
    pub excess: f64,
}

/// The largest violations of a set of pairs, tolerated or not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct WorstPairs {
    /// The largest fᵢ + gⱼ - Cᵢⱼ, or zero.
    pub violation: f64,
    /// The largest of that over |Cᵢⱼ| + |fᵢ| + |gⱼ|, or zero.
    pub relative_violation: f64,
}

impl WorstPairs {
    pub fn look_at(&mut self, cost: f64, f: f64, g: f64) {
        let violation = f - (cost - g);
        if violation > 0.0 {
            self.violation = self.violation.max(violation);
            self.relative_violation =
                self.relative_violation.max(violation / (cost.abs() + f.abs() + g.abs()));
        }
    }

    pub fn join(&mut self, other: Self) {
        self.violation = self.violation.max(other.violation);
        self.relative_violation = self.relative_violation.max(other.relative_violation);
    }
}

/// What a look at all pairs found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pricing {
    pub worst: WorstPairs,
    /// The worst violations of each row, row by row.
    pub violated: Vec<Violation>,
}

impl Pricing {
    /// Sorts the violations by rows, the worst of a row first, and keeps `count` of each.
    pub fn keep_worst_of_rows(&mut self, count: usize) {
        self.violated.sort_unstable_by(|a, b| {
            (a.source.cmp(&b.source)).then(a.excess.total_cmp(&b.excess)).then(a.target.cmp(&b.target))
        });
        let mut kept = 0;
        let mut before = u32::MAX;
        self.violated.retain(|violation| {
            kept = if violation.source == before { kept + 1 } else { 1 };
            before = violation.source;
            kept <= count
        });
        // There may have been millions.
        self.violated.shrink_to_fit();
    }
}

/// Prices **all** pairs, and keeps the `count` worst violations of each row.
///
/// A target with g = -∞ and a source with f = -∞ are violated by nothing.
pub(super) fn price_all<T: Scalar>(
    costs: &CostRows<'_, T>,
    source_potentials: &[f64],
    target_potentials: &[f64],
    tolerance: f64,
    count: usize,
) -> Pricing {
    let rounding = rounding_of(source_potentials, target_potentials);
    let rows_per_chunk = (ENTRIES_PER_CHUNK / costs.columns()).max(1).next_multiple_of(ROWS_AT_A_TIME);
    let chunks = map_chunks(costs.rows(), rows_per_chunk, |chunk| {
        let mut of_chunk = Pricing::default();
        let mut least_of_rows = [RowMinimum::NONE; ROWS_AT_A_TIME];
        costs.for_each_panel(chunk, |rows, columns, panel| {
            let least_of_rows = &mut least_of_rows[..rows.len()];
            least_of_rows.fill(RowMinimum::NONE);
            let parts = &target_potentials[columns.clone()];
            row_minima::<f64, Plain>(panel, 0..rows.len(), columns.start, parts, 0.0, least_of_rows);
            for (at, (row, least)) in rows.zip(least_of_rows).enumerate() {
                let f = source_potentials[row];
                if least.value < f {
                    // The largest violation is there, the largest in relation to its numbers may be anywhere.
                    for (&cost, &g) in panel.row(at).iter().zip(parts) {
                        of_chunk.worst.look_at(cost, f, g);
                    }
                }
                // The tolerance only allows more, so most panels end here.
                if least.value >= f - rounding {
                    continue;
                }
                let bar = f - tolerance * f.abs() - rounding;
                for (k, (&cost, &g)) in panel.row(at).iter().zip(parts).enumerate() {
                    let excess = (cost + tolerance * cost.abs()) - (g - tolerance * g.abs()) - bar;
                    if excess < 0.0 {
                        let target = (columns.start + k) as u32;
                        of_chunk.violated.push(Violation { source: row as u32, target, excess });
                    }
                }
            }
            // With bad potentials nearly every pair is violated: no more than a megabyte or so of them is held.
            if of_chunk.violated.len() > VIOLATIONS_HELD {
                of_chunk.keep_worst_of_rows(count);
            }
        });
        of_chunk.keep_worst_of_rows(count);
        of_chunk
    });
    let mut pricing = Pricing::default();
    for chunk in chunks {
        pricing.worst.join(chunk.worst);
        pricing.violated.extend(chunk.violated);
    }
    pricing
}
