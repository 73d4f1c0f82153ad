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

    let old = (problem.column_lower[kept], problem.column_upper[kept]);
    let gone_bounds = (problem.column_lower[gone], problem.column_upper[gone]);
    let ends = ((right_hand_side - b * gone_bounds.0) / a, (right_hand_side - b * gone_bounds.1) / a);
    let implied = if b / a > 0.0 { (ends.1, ends.0) } else { ends };
    let new = intersect(old, implied).ok_or(NoFeasiblePoint)?;

    problem.columns.compact(gone, &problem.row_alive);
    let others: Vec<(usize, f64)> = problem
        .columns
        .entries(gone)
        .iter()
        .map(|&(other, value)| (other as usize, value))
        .filter(|&(other, _)| other != row)
        .collect();
    let entries = problem.steps.record(others.iter().copied());
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
    (problem.column_lower[kept], problem.column_upper[kept]) = new;
    problem.costs[kept] = difference(problem.costs[kept], gone_cost * (a / b));
    for (other, value) in others {
        problem.shift_row(other, value * (right_hand_side / b));
        let old_value = problem.columns.value(kept, other);
        let new_value = difference(old_value.unwrap_or(0.0), value * (a / b));
        problem.columns.set(kept, other, new_value);
        problem.rows.set(other, kept, new_value);
        let change = usize::from(new_value != 0.0);
        let before = usize::from(old_value.is_some());
        problem.row_counts[other] = problem.row_counts[other] + change - before;
        problem.column_counts[kept] = problem.column_counts[kept] + change - before;
    }
    problem.column_queue.push(kept);
    problem.queue_rows_of(kept);
    Ok(())
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
