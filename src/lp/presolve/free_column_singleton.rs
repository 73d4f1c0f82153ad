//! Free columns with one row: the row says what they are, and their cost says what the row is worth.

use super::activity::Activity;
use super::steps::{End, Recorded, Step, Steps};
use super::working_problem::{PIVOT_SHARE, WorkingProblem, tolerance};
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// A column that left together with its only row.
#[derive(Debug, Clone)]
pub(super) struct FreeColumnSingleton {
    row: usize,
    column: usize,
    coefficient: f64,
    /// The bound of the row that holds with equality.
    target: f64,
    end: End,
    dual: f64,
    /// The other entries of the row.
    entries: Recorded,
}

/// Takes out a column with one row, and that row, where the row and the bounds of its other columns imply the bounds of this one. With
/// d = c - a y = 0 the dual of the row is y = c / a: it tells at which bound the row stands, and x follows from the row. The costs of the
/// other columns become c - y a.
pub(super) fn substitute(problem: &mut WorkingProblem, column: usize) -> bool {
    let Some((row, coefficient)) = problem.column(column).next() else {
        return false;
    };
    let (row_lower, row_upper) = (problem.row_lower[row], problem.row_upper[row]);
    let dual = problem.costs[column] / coefficient;
    let end = if row_lower == row_upper || dual > 0.0 || (dual == 0.0 && row_lower.is_finite()) {
        End::Lower
    } else {
        End::Upper
    };
    let target = match end {
        End::Lower => row_lower,
        End::Upper => row_upper,
    };
    if !target.is_finite() || !has_implied_bounds(problem, row, column, coefficient) {
        return false;
    }
    problem.rows.compact(row, &problem.column_alive);
    let others = problem.rows.entries(row).iter().map(|&(other, value)| (other as usize, value));
    let entries = problem.steps.record(others.filter(|&(other, _)| other != column));
    problem.share_cost(row, column, coefficient);
    let step = FreeColumnSingleton { row, column, coefficient, target, end, dual, entries };
    problem.steps.push(Step::FreeColumnSingleton(step));
    problem.remove_row(row);
    problem.remove_column(column);
    true
}

/// Whether no x that satisfies the row, with the other columns within their bounds, lies outside the bounds of the column, and the column
/// may be divided by its coefficient.
fn has_implied_bounds(problem: &WorkingProblem, row: usize, column: usize, coefficient: f64) -> bool {
    let (lower, upper) = (problem.column_lower[column], problem.column_upper[column]);
    let others = Activity::of(problem, row, Some(column));
    if coefficient.abs() < PIVOT_SHARE * others.largest {
        return false;
    }
    let (row_lower, row_upper) = (problem.row_lower[row], problem.row_upper[row]);
    let ends = ((row_lower - others.max()) / coefficient, (row_upper - others.min()) / coefficient);
    let (implied_lower, implied_upper) = if coefficient > 0.0 { ends } else { (ends.1, ends.0) };
    let implies =
        |bound: f64, inside: bool| bound.is_infinite() || (inside && others.tells(bound * coefficient));
    implies(lower, implied_lower >= lower - tolerance(lower))
        && implies(upper, implied_upper <= upper + tolerance(upper))
}

impl FreeColumnSingleton {
    /// The column is basic, the row at the bound that its dual pushes at.
    pub fn restore(&self, steps: &Steps, point: &mut Point) {
        point.x[self.column] = (self.target - steps.product(&self.entries, &point.x)) / self.coefficient;
        point.reduced_costs[self.column] = 0.0;
        point.basis.columns[self.column] = BasisStatus::Basic;
        point.duals[self.row] = self.dual;
        point.basis.rows[self.row] = self.end.status();
    }
}
