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
    /// A layer of a chain does not take what the one before it gives.
    #[error(
        "layer {layer}, {name}, takes {takes} columns, but layer {before}, {name_before}, before it gives {gives}"
    )]
    LayerWidths {
        /// The last layer before it that has a width of its own, counted from 0.
        before: usize,
        /// What that one is.
        name_before: String,
        /// The columns that it gives.
        gives: usize,
        /// The layer that does not fit, counted from 0.
        layer: usize,
        /// What it is.
        name: String,
        /// The columns that it takes.
        takes: usize,
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
    /// A matrix entry lies outside [0, 1], where only probabilities and bits have a meaning.
    #[error("{what}[{row}, {column}] is {value}: it must lie between 0 and 1")]
    OutsideUnitInterval {
        /// Which input.
        what: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// A function that only some models have.
    #[error("{operation} needs {requirement}")]
    Unsupported {
        /// The function that was called.
        operation: &'static str,
        /// What it needs.
        requirement: &'static str,
    },
    /// All weights are zero.
    #[error("{what} are all zero: there is no mass to transport")]
    ZeroMass {
        /// Which weights.
        what: &'static str,
    },
    /// A mean over weights that sum to zero is undefined.
    #[error("{what} sum to 0: their mean is undefined")]
    ZeroWeight {
        /// Which weights.
        what: &'static str,
    },
    /// The two sides do not carry the same mass.
    #[error(
        "the source weights sum to {} and the target weights to {}: they differ by {relative:e} relative, more than \
         {tolerance:e} (scale one side; weights that are not given sum to 1)",
        Shown(*source_mass),
        Shown(*target_mass)
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
    /// Histograms or clouds do not all carry the same mass.
    #[error(
        "{what} {index} sums to {} and the first to {}: they differ by more than {tolerance:e} relative",
        Shown(*mass),
        Shown(*first_mass)
    )]
    UnequalMass {
        /// Which inputs.
        what: &'static str,
        /// The first one that differs from the first of all.
        index: usize,
        /// Its sum.
        mass: f64,
        /// The sum of the first.
        first_mass: f64,
        /// The largest relative difference that is accepted.
        tolerance: f64,
    },
    /// A matrix entry is negative where only zero and positive numbers have a meaning.
    #[error("{what}[{row}, {column}] is {value}: it must not be negative")]
    NegativeEntry {
        /// Which input.
        what: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// A matrix entry lies outside the numbers that have a meaning there.
    #[error("{what}[{row}, {column}] is {}: {requirement}", Shown(*value))]
    Entry {
        /// Which input.
        what: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        value: f64,
        /// What it must satisfy.
        requirement: &'static str,
    },
    /// A label names a class that is not there.
    #[error("label[{index}] is {label}: it must be below {classes}, the number of classes (outputs)")]
    Label {
        /// Position of the first such label.
        index: usize,
        /// The label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// All labels (of samples with a positive weight) are the same where two classes are needed.
    #[error("{what} are all of class {class}: {operation} needs both classes")]
    OneClass {
        /// The function that was called.
        operation: &'static str,
        /// Which labels.
        what: &'static str,
        /// The class that is there.
        class: u8,
    },
    /// A vector of which a direction is needed is zero.
    #[error("{what} is the zero vector: it has no direction")]
    ZeroDirection {
        /// Which vector.
        what: &'static str,
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
    /// A backward pass without the forward pass that it belongs to.
    #[error("{operation} needs a pass of {needed} of the same network through the same workspace before it")]
    NoForwardPass {
        /// The function that was called.
        operation: &'static str,
        /// The function that must come before it.
        needed: &'static str,
    },
    /// A function of points was given a problem with a cost matrix, or with a cost of the user's own.
    #[error("{operation} needs points and a distance ({instead})")]
    PointsNeeded {
        /// The function that was called.
        operation: &'static str,
        /// What to do without points.
        instead: &'static str,
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
    /// A choice that is known but does not go with the rest.
    #[error("{name} is {got}: {requirement}")]
    Choice {
        /// What is chosen.
        name: &'static str,
        /// The choice.
        got: String,
        /// What it must satisfy.
        requirement: &'static str,
    },
    /// A value was asked for alone, and could not be proved.
    #[error("the cost {cost} could not be proved optimal: its gap is {gap:e} ({reason})")]
    NotProved {
        /// The cost of the feasible plan that was found.
        cost: f64,
        /// That cost minus the dual value.
        gap: f64,
        /// What stands in the way.
        reason: &'static str,
    },
    /// A matrix that must be symmetric is not.
    #[error("{what}[{row}, {column}] is {value} and [{column}, {row}] is {transposed}: it must be symmetric")]
    NotSymmetric {
        /// Which input.
        what: &'static str,
        /// Row of the first such entry.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        value: f64,
        /// The entry on the other side of the diagonal.
        transposed: f64,
    },
    /// A matrix that must be positive semidefinite has a negative eigenvalue.
    #[error(
        "{what} has the eigenvalue {eigenvalue:e}, below -{tolerance:e}: it must be positive semidefinite"
    )]
    NotPositiveSemidefinite {
        /// Which input.
        what: &'static str,
        /// Its smallest eigenvalue.
        eigenvalue: f64,
        /// What rounding may explain.
        tolerance: f64,
    },
    /// Eigenvalues or singular values could not be computed: the iteration for them did not converge.
    #[error("the decomposition of {what} did not converge")]
    Decomposition {
        /// Of which matrix.
        what: &'static str,
    },
    /// Two matrices do not fit together.
    #[error("{operation}: the shapes {left:?} and {right:?} do not fit together")]
    Shapes {
        /// The operation.
        operation: &'static str,
        /// Rows and columns of the first matrix.
        left: (usize, usize),
        /// Rows and columns of the second matrix, or of what was asked for.
        right: (usize, usize),
    },
    /// A variable was used that its tape does not hold: it belongs to another tape, or to this one before it was cleared.
    #[error(
        "{operation}: variable {index} is not on this tape (it is of another tape, or older than the last clear)"
    )]
    ForeignVariable {
        /// The operation it was given to.
        operation: &'static str,
        /// Its number on the tape it came from.
        index: usize,
    },
    /// A derivative was asked for that does not exist.
    #[error("{operation}: {reason}")]
    NoGradient {
        /// The operation that was called or differentiated.
        operation: &'static str,
        /// Why there is none.
        reason: &'static str,
    },
    /// An index, a label or a class lies outside its range.
    #[error("{what}[{index}] is {value}: it must be below {limit}")]
    OutOfRange {
        /// Which list of indices.
        what: &'static str,
        /// Position of the first such entry.
        index: usize,
        /// The entry.
        value: usize,
        /// The number that all entries must be below.
        limit: usize,
    },
    /// An argument lies outside its domain.
    #[error("{name} is {}: {requirement}", Shown(*value))]
    Argument {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must satisfy.
        requirement: &'static str,
    },
}

/// A number as a person would write it: with an exponent where it would otherwise be a long row of zeros.
pub(crate) struct Shown(pub f64);

impl std::fmt::Display for Shown {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shown(value) = *self;
        let ordinary = value == 0.0 || !value.is_finite() || (1e-4..1e15).contains(&value.abs());
        match (ordinary, formatter.precision()) {
            (true, Some(digits)) => write!(formatter, "{value:.digits$}"),
            (true, None) => write!(formatter, "{value}"),
            (false, Some(digits)) => write!(formatter, "{value:.digits$e}"),
            (false, None) => write!(formatter, "{value:e}"),
        }
    }
}

/// A result with this crate's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;
