//! The error of every numeric function: what was wrong, where, and the numbers.

/// Why an input was refused. Outcomes of solvers (not converged, infeasible) are statuses in their answers, not errors.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two sizes that must agree do not.
    #[error("{operation}: {what} is {got}, expected {expected}")]
    Shape {
        /// The function that was called.
        operation: &'static str,
        /// Which size.
        what: &'static str,
        /// The size that would fit.
        expected: usize,
        /// The size that came.
        got: usize,
    },
    /// An input has no entries.
    #[error("{what} is empty")]
    Empty {
        /// Which input.
        what: &'static str,
    },
    /// A vector entry is NaN or infinite.
    #[error("{what}[{index}] is {value}: it must be finite")]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// Position of the first such entry.
        index: usize,
        /// The entry.
        value: f64,
    },
    /// A matrix entry is NaN or infinite.
    #[error("{what}[{row}, {column}] is {value}: it must be finite")]
    NotFiniteEntry {
        /// Which input.
        what: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// An entry is negative where only zero and positive numbers have a meaning.
    #[error("{what}[{index}] is {value}: it must not be negative")]
    Negative {
        /// Which input.
        what: &'static str,
        /// Position of the first such entry.
        index: usize,
        /// The entry.
        value: f64,
    },
    /// All weights are zero.
    #[error("{what} are all zero: there is no mass to transport")]
    ZeroMass {
        /// Which weights.
        what: &'static str,
    },
    /// The two sides do not carry the same mass.
    #[error(
        "the source weights sum to {source_mass} and the target weights to {target_mass}: they differ by {relative:e} \
         relative, more than {tolerance:e} (scale one side, or use unbalanced transport)"
    )]
    MassMismatch {
        /// Sum of the source weights.
        source_mass: f64,
        /// Sum of the target weights.
        target_mass: f64,
        /// Their difference over the larger of them.
        relative: f64,
        /// The largest relative difference that is accepted.
        tolerance: f64,
    },
    /// A row has no direction: all its entries are zero.
    #[error("{what}, row {row} is the zero vector: its angle to other vectors is undefined")]
    ZeroVector {
        /// Which input.
        what: &'static str,
        /// The first such row.
        row: usize,
    },
    /// A row of a plan carries no mass.
    #[error("{what}, row {row} carries no mass: it has no image")]
    ZeroRow {
        /// Which input.
        what: &'static str,
        /// The first such row.
        row: usize,
    },
    /// A name that is not known.
    #[error("{what} \"{got}\" is not known: expected {expected}")]
    UnknownName {
        /// What is named.
        what: &'static str,
        /// The name that came.
        got: String,
        /// The names that are known.
        expected: &'static str,
    },
    /// An argument lies outside its domain.
    #[error("{name} is {value}: {requirement}")]
    Argument {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must satisfy.
        requirement: &'static str,
    },
}

/// A result with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;
