//! The certificate of a problem on the line.

use super::minima::{Rounded, monotone_row_minima};
use super::order::Sorted;
use super::power::Power;
use crate::ot::certificate::{Certificate, Status};
use crate::ot::exact::masses::Masses;
use crate::ot::plan::TransportPlan;
use crate::ot::problem::{CheckedWeights, sum};

/// Below this relative violation a pair counts as feasible: the default of the exact solver.
const TOLERANCE: f64 = 1e-13;

/// Slack Σ P|C - f - g| on the plan beyond the rounding of f and g, as a share of its cost, up to which it is called optimal:
/// that of the exact solver, which has to refuse the rounding too. Here the plan is known to be optimal by its order.
const SLACK_ALLOWED: f64 = 1e-6;

/// The two sides in sorted order, with the potentials there.
pub(super) struct Sides<'a> {
    pub source: &'a Sorted,
    pub target: &'a Sorted,
    pub power: Power,
    pub source_potentials: &'a [f64],
    pub target_potentials: &'a [f64],
}

impl Sides<'_> {
    fn cost(&self, i: usize, j: usize) -> f64 {
        self.power.cost(self.source.coordinates[i] - self.target.coordinates[j])
    }

    /// Tells `visit` the least `factor * Cᵢⱼ - part(gⱼ)` of each source, as found among all targets. With Cᵢⱼ this is Monge.
    fn for_each_row_minimum(
        &self,
        factor: f64,
        part: impl Fn(f64) -> f64,
        mut visit: impl FnMut(usize, usize, f64),
    ) {
        let entry = |i: usize, j: usize| {
            let (cost, part) = (self.cost(i, j), part(self.target_potentials[j]));
            // One rounding more for the factor, and one for the difference.
            let error = self.power.error(cost) + f64::EPSILON * (2.0 * cost + part.abs());
            Rounded { value: factor * cost - part, error }
        };
        let (sources, targets) = (self.source_potentials.len(), self.target_potentials.len());
        monotone_row_minima(sources, targets, &entry, &mut visit);
    }

    /// The largest fᵢ + gⱼ - Cᵢⱼ, and the largest in relation to |Cᵢⱼ| + |fᵢ| + |gⱼ|, of the worst pair of each source.
    fn violation(&self) -> (f64, f64) {
        let (mut absolute, mut relative) = (0.0_f64, 0.0_f64);
        self.for_each_row_minimum(
            1.0,
            |g| g,
            |i, j, least| {
                let (f, g) = (self.source_potentials[i], self.target_potentials[j]);
                let violation = f - least;
                if violation > 0.0 {
                    absolute = absolute.max(violation);
                    relative = relative.max(violation / (self.cost(i, j) + f.abs() + g.abs()));
                }
            },
        );
        (absolute, relative)
    }

    /// Whether fᵢ + gⱼ - Cᵢⱼ <= τ (|Cᵢⱼ| + |fᵢ| + |gⱼ|) for every pair. C is not negative, so (1 + τ) C, which is Monge as C
    /// is, takes its part in.
    fn is_feasible(&self) -> bool {
        let mut feasible = true;
        self.for_each_row_minimum(
            1.0 + TOLERANCE,
            |g| g - TOLERANCE * g.abs(),
            |i, _, least| {
                let f = self.source_potentials[i];
                feasible &= least >= f - TOLERANCE * f.abs();
            },
        );
        feasible
    }

    /// Measures plan and potentials against the costs and the weights as given. `excess_slack` is Σ Pᵢⱼ |Cᵢⱼ - fᵢ - gⱼ|
    /// beyond the rounding of the potentials.
    pub fn certify(
        &self,
        weights: &CheckedWeights,
        masses: &Masses,
        plan: &TransportPlan,
        primal_cost: f64,
        excess_slack: f64,
    ) -> Certificate {
        let transported = |units: &[i64], side: &Sorted, potentials: &[f64]| {
            sum(side
                .indices
                .iter()
                .zip(potentials)
                .map(|(&index, potential)| masses.weigh(units[index]) * potential))
        };
        let dual_value = sum([
            transported(&masses.source, self.source, self.source_potentials),
            transported(&masses.target, self.target, self.target_potentials),
        ]);
        let distance = |marginal: Vec<f64>, weights: &[f64]| {
            sum(marginal.iter().zip(weights).map(|(p, w)| (p - w).abs()))
        };
        let negligible = |weights: &[f64], units: &[i64]| {
            (0..weights.len()).filter(|&index| weights[index] > 0.0 && units[index] == 0).collect()
        };
        let (dual_violation, relative_dual_violation) = self.violation();
        let proved = excess_slack <= SLACK_ALLOWED * primal_cost && self.is_feasible();
        let status = if proved { Status::Optimal } else { Status::Inaccurate };
        Certificate {
            status,
            primal_cost,
            dual_value,
            gap: primal_cost - dual_value,
            source_marginal_error: distance(plan.source_marginal(), &weights.source),
            target_marginal_error: distance(plan.target_marginal(), &weights.target),
            dual_violation,
            relative_dual_violation,
            tolerance: TOLERANCE,
            iterations: (self.source_potentials.len() + self.target_potentials.len() - 1) as u64,
            mass_adjustment: weights.target_mass - weights.source_mass,
            negligible_source_weights: negligible(&weights.source, &masses.source),
            negligible_target_weights: negligible(&weights.target, &masses.target),
        }
    }
}
