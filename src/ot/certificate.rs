//! What a solver can prove about its answer.

use crate::error::Shown;
use std::fmt;

/// How a solver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Solved, and proved: the potentials are dual feasible over **all** pairs within the tolerance and their rounding,
    /// and the slack Σ Pᵢⱼ |Cᵢⱼ - fᵢ - gⱼ| on the plan, the gap, and the mass times the largest dual violation are each below
    /// a millionth of Σ Pᵢⱼ |Cᵢⱼ|: the cost is that close to the least one at worst. `gap` and `dual_violation` say how close
    /// it is (mostly to the last digits).
    Optimal,
    /// Entropic problems: the error of the marginals is at or below the tolerance.
    Converged,
    /// The limit on iterations was reached; the gap says how far the plan may be from the optimum. An exact plan is
    /// feasible then. An entropic one is as near to its marginals as its marginal error says; its rounded plan, where
    /// there is one, is feasible.
    IterationLimit,
    /// The solver ended by itself without the proof that [`Status::Optimal`] asks for: the costs span more orders of
    /// magnitude than the potentials have digits. An exact plan is feasible; gap and violation are what could be
    /// measured. Entropic problems: rounding keeps the error of the marginals above the tolerance, or values have
    /// left the range of numbers. The plan has its marginals up to that error.
    Inaccurate,
    /// The observer asked to stop: what holds of the plan is what holds at the limit on iterations.
    Stopped,
}

impl Status {
    /// The status in lower case with underscores, as the command line prints it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Optimal => "optimal",
            Status::Converged => "converged",
            Status::IterationLimit => "iteration_limit",
            Status::Inaccurate => "inaccurate",
            Status::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The proof that comes with an answer. All costs, errors and violations are computed from the plan and the potentials
/// after the solver has ended; only the count of iterations, and that it stopped early if it did, are the solver's word.
///
/// With plan P, costs C, potentials f, g and weights a, b:
/// weak duality says that any P with these marginals costs at least Σ aᵢfᵢ + Σ bⱼgⱼ, as long as fᵢ + gⱼ <= Cᵢⱼ.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Certificate {
    /// How the solver ended.
    pub status: Status,
    /// Σ Pᵢⱼ Cᵢⱼ.
    pub primal_cost: f64,
    /// Σ aᵢfᵢ + Σ bⱼgⱼ, with the masses that were transported.
    pub dual_value: f64,
    /// `primal_cost - dual_value`: at most this much of the cost could be saved, up to the dual violation.
    pub gap: f64,
    /// Σᵢ |Σⱼ Pᵢⱼ - aᵢ|.
    pub source_marginal_error: f64,
    /// Σⱼ |Σᵢ Pᵢⱼ - bⱼ|.
    pub target_marginal_error: f64,
    /// The largest fᵢ + gⱼ - Cᵢⱼ over **all** pairs, or zero if none is positive.
    pub dual_violation: f64,
    /// The largest (fᵢ + gⱼ - Cᵢⱼ) / (|Cᵢⱼ| + |fᵢ| + |gⱼ|) of the pairs that are the worst of their source, or zero.
    pub relative_dual_violation: f64,
    /// τ: a pair counts as feasible if its violation is at most τ (|Cᵢⱼ| + |fᵢ| + |gⱼ|), or sixteen roundings of the largest
    /// potential.
    pub tolerance: f64,
    /// What the solver counts: pivots, for a simplex.
    pub iterations: u64,
    /// Sum of the target weights minus sum of the source weights, as given. The plan carries the source's mass.
    pub mass_adjustment: f64,
    /// Indices of the source weights that are positive but smaller than the quantum of mass: they were taken as zero.
    pub negligible_source_weights: Vec<usize>,
    /// Indices of the target weights that are positive but smaller than the quantum of mass: they were taken as zero.
    pub negligible_target_weights: Vec<usize>,
}

impl Certificate {
    /// Whether the answer was proved optimal.
    pub fn is_optimal(&self) -> bool {
        self.status == Status::Optimal
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "status               {}", self.status)?;
        writeln!(formatter, "primal cost          {:.12}", Shown(self.primal_cost))?;
        writeln!(formatter, "dual value           {:.12}", Shown(self.dual_value))?;
        writeln!(formatter, "gap                  {:.3e}", self.gap)?;
        writeln!(formatter, "source marginal err. {:.3e}", self.source_marginal_error)?;
        writeln!(formatter, "target marginal err. {:.3e}", self.target_marginal_error)?;
        writeln!(
            formatter,
            "dual violation       {:.3e} over all pairs ({:.3e} relative)",
            self.dual_violation, self.relative_dual_violation
        )?;
        write!(formatter, "iterations           {}", self.iterations)?;
        if self.mass_adjustment != 0.0 {
            write!(formatter, "\nmass adjustment      {:.3e}", self.mass_adjustment)?;
        }
        let negligible = self.negligible_source_weights.len() + self.negligible_target_weights.len();
        if negligible > 0 {
            write!(
                formatter,
                "\nnegligible weights   {negligible} (below the quantum of mass, taken as zero)"
            )?;
        }
        Ok(())
    }
}
