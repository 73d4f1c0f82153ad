//! Rows that are multiples of each other: one of them takes over the bounds of the other.

use super::duplicates;
use super::steps::{End, Step};
use super::working_problem::{NoFeasiblePoint, WorkingProblem, intersect, is_narrow};
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// A row that left, a multiple of one that stays, and which of the bounds that the latter has now were its.
#[derive(Debug, Clone)]
pub(super) struct MergedRow {
    kept: usize,
    gone: usize,
    /// gone = multiple × kept.
    multiple: f64,
    lower_is_of_gone: bool,
    upper_is_of_gone: bool,
    fixed: bool,
}

/// Merges all rows that are multiples of each other, if there are any.
pub(super) fn merge(problem: &mut WorkingProblem) -> Result<bool, NoFeasiblePoint> {
    let duplicates = duplicates::find(&mut problem.rows, &problem.row_alive, &problem.column_alive);
    for &duplicates::Duplicate { leader: kept, follower: gone, multiple } in &duplicates {
        let ends = (problem.row_lower[gone] / multiple, problem.row_upper[gone] / multiple);
        let implied = if multiple > 0.0 { ends } else { (ends.1, ends.0) };
        let old = (problem.row_lower[kept], problem.row_upper[kept]);
        let new = intersect(old, implied).ok_or(NoFeasiblePoint)?;
        (problem.row_lower[kept], problem.row_upper[kept]) = new;
        problem.remove_row(gone);
        problem.row_queue.push(kept);
        if new != old {
            problem.steps.push(Step::MergedRow(MergedRow {
                kept,
                gone,
                multiple,
                lower_is_of_gone: new.0 != old.0,
                upper_is_of_gone: new.1 != old.1,
                fixed: is_narrow(new),
            }));
        }
    }
    Ok(!duplicates.is_empty())
}

impl MergedRow {
    /// Where the row that stayed is at a bound of the one that left, the latter takes its place: dual y / multiple, nonbasic.
    pub fn restore(&self, point: &mut Point) {
        let dual = point.duals[self.kept];
        let Some(end) = End::of(point.basis.rows[self.kept], self.fixed, dual) else { return };
        let of_gone = match end {
            End::Lower => self.lower_is_of_gone,
            End::Upper => self.upper_is_of_gone,
        };
        if of_gone {
            point.duals[self.gone] = dual / self.multiple;
            point.duals[self.kept] = 0.0;
            point.basis.rows[self.gone] = end.times(self.multiple).status();
            point.basis.rows[self.kept] = BasisStatus::Basic;
        } else {
            point.basis.rows[self.kept] = end.status();
        }
    }
}
