//! The entropic solver's answer.

use super::{EntropicPlan, Values};
use crate::ot::certificate::Status;

/// The answer of the entropic solver.
#[derive(Debug)]
#[non_exhaustive]
pub struct Solution<'a> {
    /// P, with the potentials f and g. Its marginals are off by `marginal_error`.
    pub plan: EntropicPlan<'a>,
    /// How the solver ended: [`Status::Converged`], [`Status::IterationLimit`], [`Status::Stopped`], or [`Status::Inaccurate`] where
    /// rounding keeps the error above the tolerance.
    pub status: Status,
    /// The L1 error of both marginals, as a share of the mass, as the last iteration found it.
    pub marginal_error: f64,
    /// Looks at all pairs.
    pub iterations: u64,
    /// The same, plus the inner work of the accelerated method: nonzeros touched over n m.
    pub passes: f64,
    /// The error that each iteration found.
    pub errors: Vec<f64>,
    /// Whether the last iterations were in double precision.
    pub finished_in_double: bool,
}

impl Solution<'_> {
    /// f: one potential for each source, with Pᵢⱼ = aᵢ bⱼ/M exp((fᵢ + gⱼ - Cᵢⱼ)/ε).
    pub fn source_potentials(&self) -> &[f64] {
        self.plan.source_potentials()
    }

    /// g: one potential for each target.
    pub fn target_potentials(&self) -> &[f64] {
        self.plan.target_potentials()
    }

    /// ε, in units of the cost.
    pub fn epsilon(&self) -> f64 {
        self.plan.epsilon()
    }

    /// Every value that people mean by the cost of an entropic plan, with what can be proved. Two looks at all pairs in double precision.
    pub fn values(&self) -> Values {
        self.plan.values()
    }

    /// <C, P> alone: as [`values`](Self::values), which computes the others too.
    pub fn transport_cost(&self) -> f64 {
        self.values().transport_cost
    }

    /// Whether the marginal error reached the tolerance.
    pub fn is_converged(&self) -> bool {
        self.status == Status::Converged
    }
}
