//! The answer.

use super::basis::Basis;
use super::error::Part;
use super::verify::Certificate;

/// How a solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Solved: x is feasible, the duals are, and the two objectives meet, all checked on the data as given.
    Optimal,
    /// No x is feasible: [`Solution::contradiction`] proves it.
    Infeasible,
    /// The objective has no bound: [`Solution::ray`] leads there from the feasible [`Solution::x`].
    Unbounded,
    /// The limit on iterations was reached.
    IterationLimit,
    /// The limit on time was reached.
    TimeLimit,
    /// The observer asked to stop.
    Stopped,
    /// The solver ended by itself, but what it found does not stand the check on the data as given: the certificate says by how much.
    Inaccurate,
}

impl Status {
    /// The status in lower case with underscores, as the command line prints it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Optimal => "optimal",
            Status::Infeasible => "infeasible",
            Status::Unbounded => "unbounded",
            Status::IterationLimit => "iteration_limit",
            Status::TimeLimit => "time_limit",
            Status::Stopped => "stopped",
            Status::Inaccurate => "inaccurate",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name().replace('_', " "))
    }
}

/// Why no x is feasible.
#[derive(Debug, Clone, PartialEq)]
pub enum Contradiction {
    /// The lower bound of one row or column lies above its upper bound.
    Bounds {
        /// Row or column.
        part: Part,
        /// Which one.
        index: usize,
    },
    /// Farkas: multipliers y of the rows. Every x within its bounds has yᵀA x below a number that every activity within the bounds of the
    /// rows has yᵀr above.
    Farkas(Vec<f64>),
}

/// The answer of the simplex. Vectors are in the order of the program's columns and rows; where the status is not optimal they are what was
/// at hand in the end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// How it ended.
    pub status: Status,
    /// cᵀx + c₀, in the sense of the program; NaN for infeasible programs.
    pub objective: f64,
    /// The variables.
    pub x: Vec<f64>,
    /// A x.
    pub row_activities: Vec<f64>,
    /// y: what a unit of each row's right-hand side is worth.
    pub duals: Vec<f64>,
    /// d = c - Aᵀy: what a unit of each variable's bound is worth.
    pub reduced_costs: Vec<f64>,
    /// The basis, to begin with again.
    pub basis: Basis,
    /// Proof of infeasibility, where the status says so.
    pub contradiction: Option<Contradiction>,
    /// A direction along which the objective improves without end, where the status says so.
    pub ray: Option<Vec<f64>>,
    /// What the check on the data as given found.
    pub certificate: Certificate,
    /// Simplex steps, all phases together.
    pub iterations: u64,
    /// Wall time in seconds, check and presolve included.
    pub seconds: f64,
}
