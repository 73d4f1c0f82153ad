//! Equations with two columns: a x + b z = r. One column is replaced by the other.

use super::steps::{End, Recorded, Step, Steps};
use super::working_problem::{
    NoFeasiblePoint, PIVOT_SHARE, WorkingProblem, difference, intersect, is_narrow,
};
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// An equation that left together with one of its two columns.
#[derive(Debug, Clone)]
pub(super) struct DoubletonEquation {
    row: usize,
    right_hand_side: f64,
    /// The column x that stays, and its coefficient in the row.
    kept: usize,
    kept_coefficient: f64,
    lower_is_of_other: bool,
    upper_is_of_other: bool,
    fixed: bool,
    /// The column z that left, with its coefficient in the row, its bounds, its cost, and its entries in other rows.
    gone: usize,
    gone_coefficient: f64,
    gone_bounds: (f64, f64),
    gone_cost: f64,
    entries: Recorded,
}

/// Replaces z = (r - a x) / b. The bounds of z become bounds of x, its cost and its other entries are added to those of x: never more
/// entries than before. The column with fewer entries leaves.
pub(super) fn aggregate(problem: &mut WorkingProblem, row: usize) -> Result<(), NoFeasiblePoint> {
    let right_hand_side = problem.row_lower[row];
    let mut line = problem.row(row);
    let (Some(first), Some(second)) = (line.next(), line.next()) else {
        return Ok(());
    };
    drop(line);
    let share = first.1.abs() / second.1.abs();
    if right_hand_side != problem.row_upper[row] || !(PIVOT_SHARE..=1.0 / PIVOT_SHARE).contains(&share) {
        return Ok(());
    }
    let first_leaves = problem.column_counts[first.0] <= problem.column_counts[second.0];
    let ((gone, b), (kept, a)) = if first_leaves { (first, second) } else { (second, first) };

    let Some(others) = other_entries(problem, row, gone, kept) else {
        return Ok(());
    };
    let old = (problem.column_lower[kept], problem.column_upper[kept]);
    let gone_bounds = (problem.column_lower[gone], problem.column_upper[gone]);
    let ends = ((right_hand_side - b * gone_bounds.0) / a, (right_hand_side - b * gone_bounds.1) / a);
    let implied = if b / a > 0.0 { (ends.1, ends.0) } else { ends };
    let new = intersect(old, implied).ok_or(NoFeasiblePoint)?;

    let entries = problem.steps.record(others.iter().map(|other| (other.row, other.value)));
    let gone_cost = problem.costs[gone];
    problem.steps.push(Step::DoubletonEquation(DoubletonEquation {
        row,
        right_hand_side,
        kept,
        kept_coefficient: a,
        lower_is_of_other: new.0 != old.0,
        upper_is_of_other: new.1 != old.1,
        fixed: is_narrow(new),
        gone,
        gone_coefficient: b,
        gone_bounds,
        gone_cost,
        entries,
    }));
    problem.remove_row(row);
    problem.remove_column(gone);
    problem.set_column_bounds(kept, new);
    problem.move_cost((gone, b), (kept, a));
    for OtherEntry { row, value, of_kept } in others {
        problem.shift_row(row, value * (right_hand_side / b));
        let sum = difference(of_kept.unwrap_or(0.0), value * (a / b));
        if of_kept.is_none() {
            problem.columns.push(kept, row, sum);
            problem.rows.push(row, kept, sum);
            problem.row_counts[row] += 1;
            problem.column_counts[kept] += 1;
            continue;
        }
        problem.columns.set(kept, row, sum);
        problem.rows.set(row, kept, sum);
        if sum == 0.0 {
            problem.row_counts[row] -= 1;
            problem.column_counts[kept] -= 1;
        }
    }
    Ok(())
}

/// An entry of the column that leaves in another row, and that of the column that stays in this row.
struct OtherEntry {
    row: usize,
    value: f64,
    of_kept: Option<f64>,
}

/// The entries of `gone` outside of `row`; none if finding and changing those of `kept` would be more work than is allowed.
fn other_entries(
    problem: &mut WorkingProblem,
    row: usize,
    gone: usize,
    kept: usize,
) -> Option<Vec<OtherEntry>> {
    if !problem.spend(problem.column_counts[gone] * problem.columns.entries(kept).len()) {
        return None;
    }
    let others: Vec<OtherEntry> = problem
        .column(gone)
        .filter(|&(other, _)| other != row)
        .map(|(row, value)| OtherEntry { row, value, of_kept: problem.columns.value(kept, row) })
        .collect();
    let shared = others.iter().filter(|other| other.of_kept.is_some());
    let work = shared.map(|other| problem.rows.entries(other.row).len()).sum();
    problem.spend(work).then_some(others)
}

impl DoubletonEquation {
    /// One of the two columns becomes basic: z, unless x stands at a bound that is z's; then x leaves that bound to z and
    /// d_z = -(b / a) d_x. The dual of the row follows from d_z = c - Aᵀy - b y.
    pub fn restore(&self, steps: &Steps, point: &mut Point) {
        let (a, b) = (self.kept_coefficient, self.gone_coefficient);
        let end = End::of(point.basis.columns[self.kept], self.fixed, point.reduced_costs[self.kept]);
        let of_other = match end {
            None => false,
            Some(End::Lower) => self.lower_is_of_other,
            Some(End::Upper) => self.upper_is_of_other,
        };
        let mut reduced_cost = 0.0;
        if let (true, Some(end)) = (of_other, end) {
            let gone_end = end.opposite().times(b / a);
            reduced_cost = -(b / a) * point.reduced_costs[self.kept];
            point.x[self.gone] = gone_end.of_bounds(self.gone_bounds);
            point.basis.columns[self.gone] = gone_end.status();
            point.reduced_costs[self.kept] = 0.0;
            point.basis.columns[self.kept] = BasisStatus::Basic;
        } else {
            point.x[self.gone] = (self.right_hand_side - a * point.x[self.kept]) / b;
            point.basis.columns[self.gone] = BasisStatus::Basic;
            if let Some(end) = end {
                point.basis.columns[self.kept] = end.status();
            }
        }
        point.reduced_costs[self.gone] = reduced_cost;
        point.duals[self.row] =
            (self.gone_cost - steps.product(&self.entries, &point.duals) - reduced_cost) / b;
        point.basis.rows[self.row] = BasisStatus::AtLower;
    }
}
