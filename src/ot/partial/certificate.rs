//! What is proved about a partial plan.

use crate::error::Shown;
use crate::ot::certificate::Status;
use std::fmt;

/// The proof that comes with a partial plan, computed from plan, potentials and costs after the solver has ended.
///
/// Any plan of mass s within the weights costs at least λ s + Σ aᵢfᵢ + Σ bⱼgⱼ, as long as f, g <= 0 and fᵢ + gⱼ + λ
/// <= Cᵢⱼ. If the last is violated by δ at most, the bound is lower by δ s.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Certificate {
    /// How the solver ended. [`Status::Optimal`] says that the gap and the mass times the dual violation are below a
    /// millionth of Σ Pᵢⱼ |Cᵢⱼ|, and the rounding of the masses, 4 EPS s times the largest of the potentials and λ.
    pub status: Status,
    /// Σ Pᵢⱼ Cᵢⱼ.
    pub primal_cost: f64,
    /// λ s + Σ aᵢfᵢ + Σ bⱼgⱼ.
    pub dual_value: f64,
    /// `primal_cost - dual_value`.
    pub gap: f64,
    /// |Σ Pᵢⱼ - s|.
    pub mass_error: f64,
    /// Σᵢ max(0, Σⱼ Pᵢⱼ - aᵢ).
    pub source_excess: f64,
    /// Σⱼ max(0, Σᵢ Pᵢⱼ - bⱼ).
    pub target_excess: f64,
    /// The largest fᵢ + gⱼ + λ - Cᵢⱼ over **all** pairs, or zero if none is positive. (f and g are never positive.)
    pub dual_violation: f64,
    /// Pivots.
    pub iterations: u64,
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
        writeln!(formatter, "mass error           {:.3e}", self.mass_error)?;
        writeln!(formatter, "source excess        {:.3e}", self.source_excess)?;
        writeln!(formatter, "target excess        {:.3e}", self.target_excess)?;
        writeln!(formatter, "dual violation       {:.3e} over all pairs", self.dual_violation)?;
        write!(formatter, "iterations           {}", self.iterations)
    }
}
