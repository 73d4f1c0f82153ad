//! Rows that the bounds of their columns make redundant, impossible, or forcing (Andersen and Andersen, "Presolving in linear programming",
//! Mathematical Programming 71, 1995, section 3.3).

use super::activity::Activity;
use super::fixed_column::fix;
use super::steps::{End, Recorded, Step, Steps};
use super::working_problem::{NoFeasiblePoint, WorkingProblem, tolerance};
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// A row whose bound at `end` can be met only with every column at the bound that pushes towards it.
#[derive(Debug, Clone)]
pub(super) struct ForcingRow {
    row: usize,
    end: End,
    entries: Recorded,
}

/// Compares the least and the largest activity of a row with its bounds: leaves out a row, or one of its two bounds, that always
/// holds, and fixes the columns of a row that leaves them no choice.
pub(super) fn compare_with_activity(problem: &mut WorkingProblem, row: usize) -> Result<(), NoFeasiblePoint> {
    let (lower, upper) = (problem.row_lower[row], problem.row_upper[row]);
    let activity = Activity::of(problem, row, None);
    // Bounds that are infinite have infinite tolerances: no comparison with them holds, they are asked for by themselves.
    let (min, max) = (activity.min(), activity.max());
    let (tells_lower, tells_upper) = (activity.tells(lower), activity.tells(upper));
    if (tells_lower && max < lower - tolerance(lower)) || (tells_upper && min > upper + tolerance(upper)) {
        return Err(NoFeasiblePoint);
    }
    let lower_holds = lower == f64::NEG_INFINITY || (tells_lower && min >= lower - tolerance(lower));
    let upper_holds = upper == f64::INFINITY || (tells_upper && max <= upper + tolerance(upper));
    // A column that is off its bound by what the row allows divides it by its coefficient.
    let slack = activity.smallest.min(1.0);
    if lower_holds && upper_holds {
        problem.remove_row(row);
    } else if tells_lower && max <= lower + slack * tolerance(lower) {
        force(problem, row, End::Lower);
    } else if tells_upper && min >= upper - slack * tolerance(upper) {
        force(problem, row, End::Upper);
    } else {
        // The multiplier of a bound that always holds is 0 in some optimum: without it the sign of the dual is known.
        if lower_holds {
            problem.row_lower[row] = f64::NEG_INFINITY;
        }
        if upper_holds {
            problem.row_upper[row] = f64::INFINITY;
        }
    }
    Ok(())
}

/// Fixes every column of a row at the bound that pushes the activity towards `end`.
fn force(problem: &mut WorkingProblem, row: usize, end: End) {
    problem.rows.compact(row, &problem.column_alive);
    let line = problem.rows.entries(row).iter().map(|&(column, value)| (column as usize, value));
    let entries = problem.steps.record(line);
    problem.steps.push(Step::ForcingRow(ForcingRow { row, end, entries }));
    problem.remove_row(row);
    for place in 0..problem.rows.entries(row).len() {
        let (column, coefficient) = problem.rows.entries(row)[place];
        let column = column as usize;
        // The largest activity is needed to reach the lower end, with columns of positive coefficients at their upper bounds.
        let column_end = end.opposite().times(coefficient);
        let value = column_end.of_bounds((problem.column_lower[column], problem.column_upper[column]));
        fix(problem, column, value, column_end.status());
    }
}

impl ForcingRow {
    /// The columns have reduced costs d that were computed without this row. Those whose sign does not fit their bound ask for
    /// y >= d / a (or <=, at the upper end): the largest demand becomes the dual, and the column that made it becomes basic.
    pub fn restore(&self, steps: &Steps, point: &mut Point) {
        let sign = match self.end {
            End::Lower => 1.0,
            End::Upper => -1.0,
        };
        let mut demand = 0.0;
        let mut pivot = None;
        for (column, coefficient) in steps.recorded(&self.entries) {
            let ratio = sign * point.reduced_costs[column] / coefficient;
            if ratio > demand {
                demand = ratio;
                pivot = Some(column);
            }
        }
        let Some(pivot) = pivot else { return };
        let dual = sign * demand;
        for (column, coefficient) in steps.recorded(&self.entries) {
            point.reduced_costs[column] -= coefficient * dual;
        }
        point.reduced_costs[pivot] = 0.0;
        point.basis.columns[pivot] = BasisStatus::Basic;
        point.duals[self.row] = dual;
        point.basis.rows[self.row] = self.end.status();
    }
}
