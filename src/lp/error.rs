//! Why a linear program, or what came with it, was refused.

use std::fmt;

/// A result with this room's [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A row or a column of a linear program, in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A row: a constraint.
    Row,
    /// A column: a variable.
    Column,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Part::Row => "row",
            Part::Column => "column",
        })
    }
}

/// Why a linear program was refused. What a solver finds out about a program (infeasible, unbounded, a limit) is a
/// [`Status`](super::Status), not an error; so are bounds that contradict each other.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A coefficient is NaN or infinite.
    #[error("the coefficient of row {row}, column {column} is {value}: it must be finite")]
    Coefficient {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// The coefficient.
        value: f64,
    },
    /// A cost is NaN or infinite.
    #[error("the cost of column {column} is {value}: it must be finite")]
    Cost {
        /// Its column.
        column: usize,
        /// The cost.
        value: f64,
    },
    /// The constant of the objective is NaN or infinite.
    #[error("the constant of the objective is {value}: it must be finite")]
    ObjectiveConstant {
        /// The constant.
        value: f64,
    },
    /// A bound is NaN, a lower one is ∞, or an upper one is -∞.
    #[error(
        "{part} {index} has the bounds {lower} and {upper}: neither may be NaN, the lower one not ∞, the upper one not -∞"
    )]
    Bounds {
        /// Row or column.
        part: Part,
        /// Which one.
        index: usize,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
    },
    /// There is no such row or column.
    #[error("there is no {part} {index}: the program has {count}, counted from 0")]
    Missing {
        /// Row or column.
        part: Part,
        /// The index.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A vector or a basis has another size than the program.
    #[error("{what} has {got} entries, expected {expected}")]
    Size {
        /// Which input.
        what: &'static str,
        /// The size that would fit.
        expected: usize,
        /// The size that came.
        got: usize,
    },
    /// An option has no meaning.
    #[error("{name} is {value}: {requirement}")]
    Option {
        /// Which option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What it must satisfy.
        requirement: &'static str,
    },
    /// A function that needs an optimal solution was given another.
    #[error("{operation} needs an optimal solution with its basis; the status is {status}")]
    NotOptimal {
        /// The function.
        operation: &'static str,
        /// The status of the solution.
        status: &'static str,
    },
    /// The columns of a basis are linearly dependent.
    #[error("the basis is singular: the column of {part} {index} depends on the others")]
    SingularBasis {
        /// Row or column of a basic variable that found no pivot.
        part: Part,
        /// Which one.
        index: usize,
    },
    /// A basis is not an optimal one of the program.
    #[error(
        "the basis is not optimal for this program: its solution violates a bound by {primal_residual:e}, its duals one of theirs by {dual_residual:e}"
    )]
    BasisNotOptimal {
        /// Largest violation of a bound by the basis' x.
        primal_residual: f64,
        /// Largest reduced cost or dual of the wrong sign.
        dual_residual: f64,
    },
}
