//! Rows with one column: L <= a x <= U. The row becomes bounds of the column.

use super::steps::{End, Step};
use super::working_problem::{NoFeasiblePoint, WorkingProblem, is_narrow};
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// A row that became bounds, and which of the new bounds are its own.
#[derive(Debug, Clone)]
pub(super) struct SingletonRow {
    row: usize,
    column: usize,
    coefficient: f64,
    lower_is_of_row: bool,
    upper_is_of_row: bool,
    fixed: bool,
}

/// Turns a row with one column into bounds of that column.
pub(super) fn into_bounds(problem: &mut WorkingProblem, row: usize) -> Result<(), NoFeasiblePoint> {
    let Some((column, coefficient)) = problem.row(row).next() else {
        return Ok(());
    };
    let ends = (problem.row_lower[row] / coefficient, problem.row_upper[row] / coefficient);
    let (lower, upper) = if coefficient > 0.0 { ends } else { (ends.1, ends.0) };
    let old = (problem.column_lower[column], problem.column_upper[column]);
    problem.narrow(column, lower, upper)?;
    let new = (problem.column_lower[column], problem.column_upper[column]);
    problem.remove_row(row);
    if new != old {
        problem.steps.push(Step::SingletonRow(SingletonRow {
            row,
            column,
            coefficient,
            lower_is_of_row: new.0 != old.0,
            upper_is_of_row: new.1 != old.1,
            fixed: is_narrow(new),
        }));
    }
    Ok(())
}

impl SingletonRow {
    /// A column at a bound that is the row's becomes basic and hands its reduced cost to the row: y = d / a, d = 0.
    pub fn restore(&self, point: &mut Point) {
        let reduced_cost = &mut point.reduced_costs[self.column];
        let end = End::of(point.basis.columns[self.column], self.fixed, *reduced_cost);
        let Some(end) = end else { return };
        let of_row = match end {
            End::Lower => self.lower_is_of_row,
            End::Upper => self.upper_is_of_row,
        };
        if of_row {
            point.duals[self.row] = *reduced_cost / self.coefficient;
            *reduced_cost = 0.0;
            point.basis.columns[self.column] = BasisStatus::Basic;
            point.basis.rows[self.row] = end.times(self.coefficient).status();
        } else {
            point.basis.columns[self.column] = end.status();
        }
    }
}
