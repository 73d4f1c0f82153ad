//! What the activity of a row can be, given the bounds of its columns.

use super::working_problem::{WorkingProblem, tolerance};

/// The least and the largest activity: the sum of what is finite, and how many terms are infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Activity {
    finite_min: f64,
    finite_max: f64,
    infinite_min: usize,
    infinite_max: usize,
    /// Σ of the sizes of all finite terms: what the rounding of the sums is relative to.
    magnitude: f64,
    /// The smallest and the largest coefficient by size.
    pub smallest: f64,
    pub largest: f64,
}

impl Activity {
    /// Of a row, without the column `skip` where there is one.
    pub fn of(problem: &WorkingProblem, row: usize, skip: Option<usize>) -> Self {
        let mut activity = Self {
            finite_min: 0.0,
            finite_max: 0.0,
            infinite_min: 0,
            infinite_max: 0,
            magnitude: 0.0,
            smallest: f64::INFINITY,
            largest: 0.0,
        };
        for (column, coefficient) in problem.row(row) {
            activity.smallest = activity.smallest.min(coefficient.abs());
            activity.largest = activity.largest.max(coefficient.abs());
            if Some(column) == skip {
                continue;
            }
            let ends =
                (coefficient * problem.column_lower[column], coefficient * problem.column_upper[column]);
            let (min, max) = if coefficient > 0.0 { ends } else { (ends.1, ends.0) };
            for (end, sum, infinite) in [
                (min, &mut activity.finite_min, &mut activity.infinite_min),
                (max, &mut activity.finite_max, &mut activity.infinite_max),
            ] {
                if end.is_finite() {
                    *sum += end;
                    activity.magnitude += end.abs();
                } else {
                    *infinite += 1;
                }
            }
        }
        activity
    }

    /// The least activity.
    pub fn min(&self) -> f64 {
        if self.infinite_min > 0 { f64::NEG_INFINITY } else { self.finite_min }
    }

    /// The largest activity.
    pub fn max(&self) -> f64 {
        if self.infinite_max > 0 { f64::INFINITY } else { self.finite_max }
    }

    /// Whether the sums are accurate enough to be compared with `bound` at the [tolerance].
    pub fn tells(&self, bound: f64) -> bool {
        1e-14 * self.magnitude <= tolerance(bound)
    }
}
