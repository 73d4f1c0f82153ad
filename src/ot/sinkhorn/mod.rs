//! Entropic transport: Sinkhorn's algorithm in the log domain, one exponential a pair, with certificates.

mod accelerated;
mod anderson;
mod blocks;
mod cells;
mod cholesky;
mod costs;
mod fused;
pub mod gradient;
mod kernels;
mod options;
mod plain;
mod plan;
mod points;
mod products;
mod solution;
mod solver;
mod values;

pub(crate) use blocks::{CostBlocks, Shortcut};
pub(crate) use costs::EntropicCosts;
pub(crate) use fused::{RowVisitor, Scaling};
pub use options::{Epsilon, Method, Options, Precision};
pub use plan::EntropicPlan;
pub(crate) use points::PointPair;
pub(crate) use products::ProductCosts;
pub use solution::Solution;
pub(crate) use solver::resolve as resolve_epsilon;
pub use values::{RoundedPlan, Values};

use crate::error::Result;
use crate::ot::problem::Problem;
use crate::ot::progress::{Progress, run_to_the_end};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Solves the entropic problem for this ε, with the default options.
///
/// # Errors
/// As [`solve_with`].
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, sinkhorn};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let solution = sinkhorn::solve(&Problem::from_costs(&costs), 1.0)?;
/// let plan = solution.plan.to_matrix();
/// assert!((plan[(0, 0)] - 0.5 / (1.0 + (-1.0_f64).exp())).abs() < 1e-7);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn solve<'a, T: Scalar>(problem: &Problem<'a, T>, epsilon: impl Into<Epsilon>) -> Result<Solution<'a>> {
    solve_with(problem, &Options::new(epsilon), &mut run_to_the_end)
}

/// Solves the entropic problem with options and an observer, who is called after each look at all pairs.
///
/// # Errors
/// * weights, costs and coordinates: as [`exact::solve_with`](crate::ot::exact::solve_with);
/// * options out of range, or ε too small for the arithmetic: [`Argument`](crate::Error::Argument); initial potentials that do not
///   fit: [`Shape`](crate::Error::Shape), [`NotFinite`](crate::Error::NotFinite).
pub fn solve_with<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution<'a>> {
    solver::solve(problem, options, observer)
}
