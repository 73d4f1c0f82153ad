//! The unbalanced solver's answer.

use super::Values;
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::EntropicPlan;

/// The answer of the unbalanced solver.
#[derive(Debug)]
#[non_exhaustive]
pub struct Solution<'a> {
    /// P = a bᵀ exp((f ⊕ g - C)/ε). (With ρ = ∞ on both sides it is the balanced solver's, P = a bᵀ/M exp(..):
    /// [`EntropicPlan::reference_mass`] says which.)
    pub plan: EntropicPlan<'a>,
    /// How the solver ended: [`Status::Converged`], [`Status::IterationLimit`], [`Status::Stopped`], or
    /// [`Status::Inaccurate`] where rounding keeps the residual above the tolerance.
    pub status: Status,
    /// The residual that the last iteration found (see [`Options::tolerance`](super::Options::tolerance)).
    pub residual: f64,
    /// Looks at all pairs that improved potentials.
    pub iterations: u64,
    /// The residual that each iteration found.
    pub residuals: Vec<f64>,
    /// Whether the last iterations were in double precision.
    pub finished_in_double: bool,
    /// ρ₁ and ρ₂.
    pub relaxations: [f64; 2],
}

impl Solution<'_> {
    /// f: one potential for each source. At the optimum P 1 = a exp(-f/ρ₁).
    pub fn source_potentials(&self) -> &[f64] {
        self.plan.source_potentials()
    }

    /// g: one potential for each target. At the optimum Pᵀ 1 = b exp(-g/ρ₂).
    pub fn target_potentials(&self) -> &[f64] {
        self.plan.target_potentials()
    }

    /// ε, in units of the cost.
    pub fn epsilon(&self) -> f64 {
        self.plan.epsilon()
    }

    /// Every term of the problem, its two values and the gap between them, in double precision. One look at all pairs
    /// (two where a side has ρ = ∞).
    pub fn values(&self) -> Values {
        Values::new(self)
    }

    /// <C, P> alone: as [`values`](Self::values), which computes the others too.
    pub fn transport_cost(&self) -> f64 {
        self.values().transport_cost
    }

    /// Whether the residual reached the tolerance.
    pub fn is_converged(&self) -> bool {
        self.status == Status::Converged
    }
}
