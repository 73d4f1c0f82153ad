//! Columns whose value is known: fixed by their bounds, or empty. They move into the bounds of their rows.

use super::steps::{Recorded, Step, Steps};
use super::working_problem::WorkingProblem;
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// A column that left at a value, nonbasic.
#[derive(Debug, Clone)]
pub(super) struct FixedColumn {
    column: usize,
    value: f64,
    status: BasisStatus,
    cost: f64,
    entries: Recorded,
}

/// Takes a column out at a value at which `status` holds.
pub(super) fn fix(problem: &mut WorkingProblem, column: usize, value: f64, status: BasisStatus) {
    problem.columns.compact(column, &problem.row_alive);
    for place in 0..problem.columns.entries(column).len() {
        let (row, coefficient) = problem.columns.entries(column)[place];
        problem.shift_row(row as usize, coefficient * value);
    }
    let entries = problem
        .steps
        .record(problem.columns.entries(column).iter().map(|&(row, value)| (row as usize, value)));
    let cost = problem.costs[column];
    problem.steps.push(Step::FixedColumn(FixedColumn { column, value, status, cost, entries }));
    problem.remove_column(column);
}

impl FixedColumn {
    /// The reduced cost is c - Aᵀy with the duals of the rows that the column had.
    pub fn restore(&self, steps: &Steps, point: &mut Point) {
        point.x[self.column] = self.value;
        point.reduced_costs[self.column] = self.cost - steps.product(&self.entries, &point.duals);
        point.basis.columns[self.column] = self.status;
    }
}

/// Fixes a column whose bounds are the same, or that has no rows and a bound in the direction in which its cost
/// pushes it. A column that its cost pushes to infinity stays, unless the cost may be rounding: what that means is
/// for the simplex to say.
pub(super) fn fix_if_known(problem: &mut WorkingProblem, column: usize) -> bool {
    let (lower, upper) = (problem.column_lower[column], problem.column_upper[column]);
    let mut cost = problem.costs[column];
    let pushed_to = if cost > 0.0 { lower } else { upper };
    if pushed_to.is_infinite() && problem.may_be_rounding(column) {
        cost = 0.0;
    }
    let lower_is_nearer = lower.is_finite() && (lower.abs() <= upper.abs() || !upper.is_finite());
    let (value, status) = if lower == upper {
        (lower, BasisStatus::AtLower)
    } else if problem.column_counts[column] > 0 {
        return false;
    } else if cost > 0.0 || (cost == 0.0 && lower_is_nearer) {
        (lower, BasisStatus::AtLower)
    } else if cost < 0.0 || upper.is_finite() {
        (upper, BasisStatus::AtUpper)
    } else {
        (0.0, BasisStatus::Free)
    };
    if value.is_finite() {
        fix(problem, column, value, status);
    }
    value.is_finite()
}
