//! Sensitivity ranging: how far each cost, each right-hand side and each bound may move alone while the optimal basis stays what it is.
//!
//! [`ranging`] has the formulas. [`optimal_basis`] factorises the basis afresh, [`cost_ranges`] is the ratio test of
//! the dual simplex in both directions, [`bound_ranges`] that of the primal one.

mod bound_ranges;
mod cost_ranges;
mod optimal_basis;

use super::error::{Error, Part, Result};
use super::model::LinearProgram;
use super::solution::{Solution, Status};
use optimal_basis::OptimalBasis;

/// How far each number of a program may move, all others staying, while the basis stays optimal: see [`ranging`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ranging {
    /// One for each variable's cost.
    pub costs: Vec<CostRange>,
    /// One for each row's bounds: its right-hand side.
    pub rows: Vec<BoundRanges>,
    /// One for each variable's bounds.
    pub columns: Vec<BoundRanges>,
}

/// The costs of a variable at which the basis, and with it x, stays optimal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostRange {
    /// The cost as it is; it lies within the range.
    pub cost: f64,
    /// The least cost. Beyond it what it names enters the basis.
    pub least: RangeEnd,
    /// The largest cost. Beyond it what it names enters the basis.
    pub largest: RangeEnd,
}

/// The ranges of both bounds of a row or a variable: `None` where there is no such bound. Where the two are equal
/// they move together, and both ranges say the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundRanges {
    /// That of the lower bound.
    pub lower: Option<BoundRange>,
    /// That of the upper bound.
    pub upper: Option<BoundRange>,
}

/// The values of a bound at which the basis stays feasible, and with it optimal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundRange {
    /// The bound as it is; it lies within the range.
    pub bound: f64,
    /// d objective / d bound within the range, in the sense of the program: the dual of the row or the reduced cost
    /// of the variable if the bound is active, else 0.
    pub rate: f64,
    /// The least value. Beyond it what it names leaves the basis, at a bound of its own.
    pub least: RangeEnd,
    /// The largest value. Beyond it what it names leaves the basis, at a bound of its own.
    pub largest: RangeEnd,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RangeEnd {
    /// The cost or the bound there; infinite where the range has no end.
    pub value: f64,
    /// The objective there.
    pub objective: f64,
    /// What ends the range: the row or variable that enters the basis (ranges of costs) or that meets a bound of its
    /// own (ranges of bounds); `None` where the range has no end.
    pub ended_by: Option<(Part, usize)>,
}

/// Sensitivity ranging at an optimal solution: by how much each cost, each row's bound and each variable's bound may
/// move alone before another basis is optimal, and what becomes of the objective.
///
/// In the basis B the basic variables are x_B = -B⁻¹ N x_N (rows are variables too: r in A x - r = 0) and the reduced costs of the others
/// d_N = c_N - Nᵀ B⁻ᵀ c_B. The basis is optimal while x_B lies within its bounds and every entry of d_N has its sign.
///
/// - A cost moves d only. That of a nonbasic variable moves its own reduced cost: the range ends where that is 0.
///   That of the basic variable of place p, moved by t, makes d - t α with the pivot row α = Nᵀ B⁻ᵀ e_p: the range
///   ends at the least ratio d / α, as in a dual step.
/// - The active bound of a nonbasic variable k, moved by t, makes x_B - t B⁻¹ a_k: the range ends at the least ratio,
///   as in a primal step, or where the bound meets the other one. The objective changes at the rate d_k. A bound of a
///   basic variable is not felt until it meets the variable's value.
///
/// Chvátal: *Linear Programming* (1983), chapter 10; Bertsimas and Tsitsiklis: *Introduction to Linear Optimization* (1997), chapter 5.
///
/// **A degenerate optimum has several optimal bases.** The ranges are those of the basis at hand: within them the
/// objective is what is said, but it may go on in the same way beyond them. Where optimum and duals are unique and
/// nondegenerate they are the ranges of the solution itself.
///
/// The basis is factorised afresh and its solution checked on the program as given, so that the ranges belong to this
/// program. One solve with the factors for every nonbasic variable and row, one and a product with the matrix for
/// every basic variable: O((rows + columns) · nonzeros) at most, mostly far less.
///
/// # Errors
/// [`Error::NotOptimal`] unless the solution's status is optimal, [`Error::Size`] if it is that of a program of
/// another size, [`Error::SingularBasis`] and [`Error::BasisNotOptimal`] if its basis is none of this program's
/// optimal ones: the program was edited since.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// // Hillier and Lieberman's Wyndor Glass Co.: max 3 x + 5 y  where  x <= 4,  2 y <= 12,  3 x + 2 y <= 18
/// let mut program = LinearProgram::new(Sense::Maximise);
/// let x = program.add_column(3.0, 0.0.., [])?;
/// let y = program.add_column(5.0, 0.0.., [])?;
/// program.add_row(..=4.0, [(x, 1.0)])?;
/// program.add_row(..=12.0, [(y, 2.0)])?;
/// program.add_row(..=18.0, [(x, 3.0), (y, 2.0)])?;
/// let solution = lp::solve(&program)?;
/// let ranging = lp::ranging(&program, &solution)?;
/// let cost = ranging.costs[x];
/// assert_eq!((cost.least.value, cost.largest.value), (0.0, 7.5)); // (2, 6) is optimal in all of it
/// assert_eq!((cost.least.objective, cost.largest.objective), (30.0, 45.0));
/// let third = ranging.rows[2].upper.expect("the third row has an upper bound");
/// assert_eq!((third.least.value, third.bound, third.largest.value), (12.0, 18.0, 24.0));
/// assert!((third.rate - 1.0).abs() < 1e-12); // each unit of it earns 1, from 30 to 42
/// # Ok::<(), brenier::lp::Error>(())
/// ```
pub fn ranging(program: &LinearProgram, solution: &Solution) -> Result<Ranging> {
    if solution.status != Status::Optimal {
        return Err(Error::NotOptimal { operation: "ranging", status: solution.status.name() });
    }
    let mut basis = OptimalBasis::new(program, &solution.basis)?;
    let costs = basis.cost_ranges();
    let mut columns = basis.bound_ranges();
    let rows = columns.split_off(program.columns());
    Ok(Ranging { costs, rows, columns })
}
