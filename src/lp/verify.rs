//! The check of an answer on the data as given, sharing no code with the solver.

/// What the check of an answer found, in the units of the program.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Certificate {
    /// Largest violation of a bound of a row or a column by x (activities computed afresh).
    pub primal_residual: f64,
    /// Largest reduced cost or dual of a sign that its bounds do not allow (c - Aᵀy computed afresh).
    pub dual_residual: f64,
    /// Largest product of a distance from a bound and the reduced cost or dual that belongs to it.
    pub complementarity: f64,
    /// Primal minus dual objective.
    pub gap: f64,
}
