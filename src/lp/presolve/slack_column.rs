//! Columns with one row that work as its slack: the row takes over their bounds.

use super::steps::{End, Recorded, Step, Steps};
use super::working_problem::{PIVOT_SHARE, WorkingProblem, difference, is_narrow};
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// A column that became room between the bounds of its row.
#[derive(Debug, Clone)]
pub(super) struct SlackColumn {
    row: usize,
    column: usize,
    coefficient: f64,
    column_bounds: (f64, f64),
    row_bounds: (f64, f64),
    /// What the row was worth in the cost of the column, c / a.
    dual: f64,
    fixed: bool,
    /// The other entries of the row.
    entries: Recorded,
}

/// Takes out a column with one row, L <= r + a x <= U, which becomes L - max a x <= r <= U - min a x. A cost can be moved first where the
/// row is an equation: with x = (L - r) / a the other columns bear it, their costs become c - (c / a) a.
pub(super) fn absorb(problem: &mut WorkingProblem, column: usize) -> bool {
    let Some((row, coefficient)) = problem.column(column).next() else {
        return false;
    };
    let row_bounds = (problem.row_lower[row], problem.row_upper[row]);
    let column_bounds = (problem.column_lower[column], problem.column_upper[column]);
    let dual = problem.costs[column] / coefficient;
    let largest = problem.row(row).fold(0.0, |largest: f64, (_, value)| largest.max(value.abs()));
    let free = row_bounds.0.is_infinite() && row_bounds.1.is_infinite();
    if free
        || (dual != 0.0 && row_bounds.0 != row_bounds.1)
        || problem.row_counts[row] < 2
        || coefficient.abs() < PIVOT_SHARE * largest
    {
        return false;
    }
    problem.rows.compact(row, &problem.column_alive);
    let others = problem.rows.entries(row).iter().map(|&(other, value)| (other as usize, value));
    let entries = problem.steps.record(others.filter(|&(other, _)| other != column));
    problem.share_cost(row, column, coefficient);
    let (min, max) = if coefficient > 0.0 { column_bounds } else { (column_bounds.1, column_bounds.0) };
    let room = (difference(row_bounds.0, coefficient * max), difference(row_bounds.1, coefficient * min));
    (problem.row_lower[row], problem.row_upper[row]) = room;
    let fixed = is_narrow(room);
    let step = SlackColumn { row, column, coefficient, column_bounds, row_bounds, dual, fixed, entries };
    problem.steps.push(Step::SlackColumn(step));
    problem.remove_column(column);
    true
}

impl SlackColumn {
    /// A nonbasic row has the column at the bound that made the room, with d = -a y. A basic row (y = 0) has the column nonbasic where the
    /// row can bear that, and basic otherwise.
    pub fn restore(&self, steps: &Steps, point: &mut Point) {
        let remainder = steps.product(&self.entries, &point.x);
        let dual = point.duals[self.row];
        let (x, reduced_cost, column_status, row_status) =
            match End::of(point.basis.rows[self.row], self.fixed, dual) {
                Some(end) => {
                    let column_end = end.opposite().times(self.coefficient);
                    (
                        column_end.of_bounds(self.column_bounds),
                        -self.coefficient * dual,
                        column_end.status(),
                        end.status(),
                    )
                }
                None => self.with_basic_row(remainder),
            };
        point.x[self.column] = x;
        point.reduced_costs[self.column] = reduced_cost;
        point.basis.columns[self.column] = column_status;
        point.basis.rows[self.row] = row_status;
        point.duals[self.row] = dual + self.dual;
    }

    /// Either the column stands at a bound and the row stays basic, or the row stands at a bound and the column becomes basic.
    fn with_basic_row(&self, remainder: f64) -> (f64, f64, BasisStatus, BasisStatus) {
        let (row_lower, row_upper) = self.row_bounds;
        if row_lower < row_upper {
            for end in [End::Lower, End::Upper] {
                let x = end.of_bounds(self.column_bounds);
                let activity = remainder + self.coefficient * x;
                if x.is_finite() && row_lower <= activity && activity <= row_upper {
                    return (x, 0.0, end.status(), BasisStatus::Basic);
                }
            }
        }
        let at = |end: End| (end.of_bounds(self.row_bounds) - remainder) / self.coefficient;
        let outside = |x: f64| {
            if x.is_finite() {
                (self.column_bounds.0 - x).max(x - self.column_bounds.1)
            } else {
                f64::INFINITY
            }
        };
        let end = if outside(at(End::Lower)) <= outside(at(End::Upper)) { End::Lower } else { End::Upper };
        (at(end), 0.0, BasisStatus::Basic, end.status())
    }
}
