//! Columns that are multiples of each other: with costs in the same ratio they become one, otherwise one may dominate the other.

use super::duplicates::{self, Duplicate};
use super::fixed_column::fix;
use super::steps::Step;
use super::working_problem::{WorkingProblem, difference, is_narrow};
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;

/// By how much, relative to the costs, two costs have to differ to tell which column is better.
const SURE_DIFFERENCE: f64 = 1e-9;

/// A column that left: the one that stayed is now x + multiple z.
#[derive(Debug, Clone)]
pub(super) struct MergedColumn {
    kept: usize,
    gone: usize,
    /// gone = multiple × kept.
    multiple: f64,
    kept_bounds: (f64, f64),
    gone_bounds: (f64, f64),
}

/// Merges all columns that are multiples of each other, or fixes one of them at a bound.
pub(super) fn merge(problem: &mut WorkingProblem) -> bool {
    let duplicates = duplicates::find(&mut problem.columns, &problem.column_alive, &problem.row_alive);
    let mut changed = false;
    for duplicate in duplicates {
        if problem.column_alive[duplicate.leader] && problem.column_alive[duplicate.follower] {
            changed |= merge_pair(problem, duplicate);
        }
    }
    changed
}

fn merge_pair(problem: &mut WorkingProblem, Duplicate { leader, follower, multiple }: Duplicate) -> bool {
    let bounds = |column: usize| (problem.column_lower[column], problem.column_upper[column]);
    let (kept_bounds, gone_bounds) = (bounds(leader), bounds(follower));
    let image = problem.costs[leader] * multiple;
    let excess = difference(problem.costs[follower], image);
    if excess != 0.0 {
        // d_follower = multiple d_leader + excess, and d_leader = (d_follower - excess) / multiple.
        return excess.abs() > SURE_DIFFERENCE * (problem.costs[follower].abs() + image.abs())
            && (fix_the_worse(problem, follower, excess, multiple, kept_bounds)
                || fix_the_worse(problem, leader, -excess / multiple, 1.0 / multiple, gone_bounds));
    }
    let image = if multiple > 0.0 { gone_bounds } else { (gone_bounds.1, gone_bounds.0) };
    let sum = (kept_bounds.0 + multiple * image.0, kept_bounds.1 + multiple * image.1);
    let free = sum.0.is_infinite() && sum.1.is_infinite();
    let each_free =
        [kept_bounds, gone_bounds].iter().all(|bounds| bounds.0.is_infinite() && bounds.1.is_infinite());
    // A free column that is nonbasic at 0 could not be shared out at bounds of the two.
    if (free && !each_free) || is_narrow(sum) {
        return false;
    }
    problem.steps.push(Step::MergedColumn(MergedColumn {
        kept: leader,
        gone: follower,
        multiple,
        kept_bounds,
        gone_bounds,
    }));
    problem.remove_column(follower);
    problem.set_column_bounds(leader, sum);
    true
}

/// Fixes a column whose reduced cost is multiple × d + excess, where d is that of a column with `other_bounds`: an infinite
/// bound tells the sign of d, and if both terms have the same sign it is that of the sum.
fn fix_the_worse(
    problem: &mut WorkingProblem,
    column: usize,
    excess: f64,
    multiple: f64,
    other_bounds: (f64, f64),
) -> bool {
    let not_negative = other_bounds.1 == f64::INFINITY;
    let not_positive = other_bounds.0 == f64::NEG_INFINITY;
    let same_sign = if (excess > 0.0) == (multiple > 0.0) { not_negative } else { not_positive };
    let (value, status) = if excess > 0.0 {
        (problem.column_lower[column], BasisStatus::AtLower)
    } else {
        (problem.column_upper[column], BasisStatus::AtUpper)
    };
    let known = same_sign && value.is_finite();
    if known {
        fix(problem, column, value, status);
    }
    known
}

impl MergedColumn {
    /// Shares s = x + multiple z out: at a bound of the sum both are at theirs; otherwise z is at a bound and x basic if
    /// x can be that, and else x is at the bound that stops it and z basic.
    pub fn restore(&self, point: &mut Point) {
        let sum = point.x[self.kept];
        let status = point.basis.columns[self.kept];
        let (x, z, x_status, z_status) = match status {
            BasisStatus::Free => (0.0, 0.0, BasisStatus::Free, BasisStatus::Free),
            BasisStatus::AtLower if self.multiple > 0.0 => {
                (self.kept_bounds.0, self.gone_bounds.0, status, status)
            }
            BasisStatus::AtUpper if self.multiple > 0.0 => {
                (self.kept_bounds.1, self.gone_bounds.1, status, status)
            }
            BasisStatus::AtLower => (self.kept_bounds.0, self.gone_bounds.1, status, BasisStatus::AtUpper),
            BasisStatus::AtUpper => (self.kept_bounds.1, self.gone_bounds.0, status, BasisStatus::AtLower),
            BasisStatus::Basic => self.share_out(sum),
        };
        point.x[self.kept] = x;
        point.x[self.gone] = z;
        point.basis.columns[self.kept] = x_status;
        point.basis.columns[self.gone] = z_status;
        point.reduced_costs[self.gone] = self.multiple * point.reduced_costs[self.kept];
    }

    fn share_out(&self, sum: f64) -> (f64, f64, BasisStatus, BasisStatus) {
        let (z, z_status) = match self.gone_bounds {
            (lower, _) if lower.is_finite() => (lower, BasisStatus::AtLower),
            (_, upper) if upper.is_finite() => (upper, BasisStatus::AtUpper),
            _ => (0.0, BasisStatus::Free),
        };
        let x = sum - self.multiple * z;
        let (lower, upper) = self.kept_bounds;
        if x < lower {
            (lower, (sum - lower) / self.multiple, BasisStatus::AtLower, BasisStatus::Basic)
        } else if x > upper {
            (upper, (sum - upper) / self.multiple, BasisStatus::AtUpper, BasisStatus::Basic)
        } else {
            (x, z, BasisStatus::Basic, z_status)
        }
    }
}
