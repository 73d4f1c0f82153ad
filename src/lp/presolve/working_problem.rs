//! The problem while it shrinks: rows and columns both at hand, what is still alive, and what has to be looked at again.

use super::lines::Lines;
use super::steps::{Step, Steps};
use crate::lp::form::Form;
use crate::lp::sparse::SparseMatrix;

/// Relative to the size of a bound (at least 1): smaller differences between a bound and what the other rows and columns imply are none.
pub(super) const FEASIBILITY: f64 = 1e-9;

/// A sum of numbers that cancel below this share of their size is rounding.
const CANCELLATION: f64 = 1e-14;

/// Pivots by which others are divided are no smaller than this share of the largest coefficient of the row.
pub(super) const PIVOT_SHARE: f64 = 1e-3;

/// Reductions that scan a line for every entry of another one may look at so many entries, relative to the size of the problem. It keeps
/// presolve linear where lines are long: a row with thousands of columns of its own, a chain of thousands of equations.
const WORK_PER_NONZERO: usize = 20;

/// What `value` may be off by; infinite where it is.
pub(super) fn tolerance(value: f64) -> f64 {
    FEASIBILITY * value.abs().max(1.0)
}

/// `a - b`, or 0 where nothing but rounding is left.
pub(super) fn difference(a: f64, b: f64) -> f64 {
    let difference = a - b;
    let rounding = difference.is_finite() && difference.abs() <= CANCELLATION * (a.abs() + b.abs());
    if rounding { 0.0 } else { difference }
}

/// Whether an interval has one value only, but for rounding. It may become a single value later, when constants move into it, so which
/// end a nonbasic variable stands at is told by the sign of its reduced cost.
pub(super) fn is_narrow((lower, upper): (f64, f64)) -> bool {
    upper.is_finite()
        && lower.is_finite()
        && upper - lower <= 100.0 * CANCELLATION * lower.abs().max(upper.abs())
}

/// A reduction met a problem without a feasible point (or thinks so).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoFeasiblePoint;

/// Rows or columns that wait, each once, in the order in which they came.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    waits: Vec<bool>,
    list: Vec<usize>,
}

impl Queue {
    fn of_all(count: usize) -> Self {
        Self { waits: vec![true; count], list: (0..count).collect() }
    }

    pub fn push(&mut self, index: usize) {
        if !self.waits[index] {
            self.waits[index] = true;
            self.list.push(index);
        }
    }

    /// Those who waited; the queue is empty then.
    pub fn take(&mut self) -> Vec<usize> {
        for &index in &self.list {
            self.waits[index] = false;
        }
        std::mem::take(&mut self.list)
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

/// The problem while it shrinks. Lines may hold entries of rows and columns that are gone; the counts are of those alive.
#[derive(Debug, Clone)]
pub(super) struct WorkingProblem {
    pub rows: Lines,
    pub columns: Lines,
    pub row_alive: Vec<bool>,
    pub column_alive: Vec<bool>,
    pub row_counts: Vec<usize>,
    pub column_counts: Vec<usize>,
    pub costs: Vec<f64>,
    /// The largest number that went into each cost: what is far below it is rounding.
    cost_sizes: Vec<f64>,
    pub column_lower: Vec<f64>,
    pub column_upper: Vec<f64>,
    pub row_lower: Vec<f64>,
    pub row_upper: Vec<f64>,
    pub row_queue: Queue,
    pub column_queue: Queue,
    pub steps: Steps,
    bounds_moved: Vec<bool>,
    work_left: usize,
}

impl WorkingProblem {
    pub fn new(form: &Form) -> Self {
        let (m, n) = (form.rows(), form.columns());
        let columns = Lines::of_columns(&form.matrix);
        let rows = Lines::of_columns(&form.matrix.transpose());
        Self {
            row_counts: (0..m).map(|row| rows.entries(row).len()).collect(),
            column_counts: (0..n).map(|column| columns.entries(column).len()).collect(),
            rows,
            columns,
            row_alive: vec![true; m],
            column_alive: vec![true; n],
            costs: form.costs.clone(),
            cost_sizes: form.costs.iter().map(|cost| cost.abs()).collect(),
            column_lower: form.column_lower.clone(),
            column_upper: form.column_upper.clone(),
            row_lower: form.row_lower.clone(),
            row_upper: form.row_upper.clone(),
            row_queue: Queue::of_all(m),
            column_queue: Queue::of_all(n),
            steps: Steps::default(),
            bounds_moved: vec![false; n],
            work_left: WORK_PER_NONZERO * (form.matrix.nonzeros() + m + n),
        }
    }

    /// The entries of a row whose columns are alive.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let entries = self.rows.entries(row).iter().map(|&(column, value)| (column as usize, value));
        entries.filter(|&(column, _)| self.column_alive[column])
    }

    /// The entries of a column whose rows are alive.
    pub fn column(&self, column: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let entries = self.columns.entries(column).iter().map(|&(row, value)| (row as usize, value));
        entries.filter(|&(row, _)| self.row_alive[row])
    }

    /// Takes a row out. Its columns are looked at again.
    pub fn remove_row(&mut self, row: usize) {
        debug_assert!(self.row_alive[row]);
        self.row_alive[row] = false;
        for &(column, _) in self.rows.entries(row) {
            let column = column as usize;
            if self.column_alive[column] {
                self.column_counts[column] -= 1;
                self.column_queue.push(column);
            }
        }
    }

    /// Takes a column out. Its rows are looked at again; their bounds are the caller's affair.
    pub fn remove_column(&mut self, column: usize) {
        debug_assert!(self.column_alive[column]);
        self.column_alive[column] = false;
        for &(row, _) in self.columns.entries(column) {
            let row = row as usize;
            if self.row_alive[row] {
                self.row_counts[row] -= 1;
                self.row_queue.push(row);
            }
        }
    }

    /// Moves both bounds of a row by a constant that left it.
    pub fn shift_row(&mut self, row: usize, by: f64) {
        let had_room = self.row_lower[row] < self.row_upper[row];
        self.row_lower[row] = difference(self.row_lower[row], by);
        self.row_upper[row] = difference(self.row_upper[row], by);
        if had_room && self.row_lower[row] == self.row_upper[row] {
            self.steps.push(Step::CollapsedRow(row));
        }
    }

    /// Whether the cost of a column is within the tolerance of 0, next to the numbers that went into it.
    pub fn may_be_rounding(&self, column: usize) -> bool {
        self.costs[column].abs() <= FEASIBILITY * self.cost_sizes[column]
    }

    /// Replaces the cost c of a column by c - (c' / a') a, as it becomes where another one with the cost c' leaves with a row in which the
    /// two have the coefficients a and a'. Where such terms cancel, what is left is judged by the largest numbers that went into them: a
    /// cost of mere rounding would make a column without rows unbounded.
    pub fn move_cost(&mut self, from: (usize, f64), to: (usize, f64)) {
        let ratio = to.1 / from.1;
        let cost = self.costs[to.0] - self.costs[from.0] * ratio;
        let size = self.cost_sizes[to.0].max(self.cost_sizes[from.0] * ratio.abs());
        let rounding = cost.is_finite() && cost.abs() <= 2.0 * CANCELLATION * size;
        self.costs[to.0] = if rounding { 0.0 } else { cost };
        self.cost_sizes[to.0] = size;
    }

    /// The other columns of a row take over the cost of one that leaves, which has the given coefficient in it.
    pub fn share_cost(&mut self, row: usize, column: usize, coefficient: f64) {
        if self.costs[column] == 0.0 {
            return;
        }
        for place in 0..self.rows.entries(row).len() {
            let (other, value) = self.rows.entries(row)[place];
            let other = other as usize;
            if other != column {
                self.move_cost((column, coefficient), (other, value));
                self.column_queue.push(other);
            }
        }
    }

    /// Pays for looking at `entries` entries, if there is still work allowed.
    pub fn spend(&mut self, entries: usize) -> bool {
        let allowed = self.work_left >= entries;
        if allowed {
            self.work_left -= entries;
        }
        allowed
    }

    /// Sets the bounds of a column. It is looked at again, and so are its rows, once for all changes until then.
    pub fn set_column_bounds(&mut self, column: usize, (lower, upper): (f64, f64)) {
        (self.column_lower[column], self.column_upper[column]) = (lower, upper);
        self.bounds_moved[column] = true;
        self.column_queue.push(column);
    }

    /// Looks at the rows of a column again if its bounds have changed.
    pub fn queue_rows_if_bounds_moved(&mut self, column: usize) {
        if !std::mem::take(&mut self.bounds_moved[column]) {
            return;
        }
        for &(row, _) in self.columns.entries(column) {
            if self.row_alive[row as usize] {
                self.row_queue.push(row as usize);
            }
        }
    }

    /// Narrows the bounds of a column. Bounds that cross within the tolerance become the end of the old interval, which is the nearest
    /// value that the column can take. Nothing is changed where they cross by more.
    pub fn narrow(&mut self, column: usize, lower: f64, upper: f64) -> Result<(), NoFeasiblePoint> {
        let (old_lower, old_upper) = (self.column_lower[column], self.column_upper[column]);
        let (lower, upper) = intersect((old_lower, old_upper), (lower, upper)).ok_or(NoFeasiblePoint)?;
        if lower != old_lower || upper != old_upper {
            self.set_column_bounds(column, (lower, upper));
        }
        Ok(())
    }

    /// What is left, with the indices that its rows and its columns had before.
    pub fn remainder(&self) -> (Form, Vec<usize>, Vec<usize>) {
        let row_indices: Vec<usize> = (0..self.rows.len()).filter(|&row| self.row_alive[row]).collect();
        let column_indices: Vec<usize> =
            (0..self.columns.len()).filter(|&column| self.column_alive[column]).collect();
        let mut new_row = vec![0; self.rows.len()];
        for (new, &old) in row_indices.iter().enumerate() {
            new_row[old] = new;
        }
        let columns: Vec<Vec<(usize, f64)>> = column_indices
            .iter()
            .map(|&column| {
                let mut entries: Vec<_> =
                    self.column(column).map(|(row, value)| (new_row[row], value)).collect();
                entries.sort_unstable_by_key(|&(row, _)| row);
                entries
            })
            .collect();
        let select = |list: &[f64], indices: &[usize]| indices.iter().map(|&index| list[index]).collect();
        let form = Form {
            matrix: SparseMatrix::from_columns(row_indices.len(), &columns),
            costs: select(&self.costs, &column_indices),
            column_lower: select(&self.column_lower, &column_indices),
            column_upper: select(&self.column_upper, &column_indices),
            row_lower: select(&self.row_lower, &row_indices),
            row_upper: select(&self.row_upper, &row_indices),
        };
        (form, row_indices, column_indices)
    }
}

/// What two intervals share; the end of the first one nearest to the second where they miss each other within the tolerance. Nothing where
/// a bound has overflowed.
pub(super) fn intersect(own: (f64, f64), other: (f64, f64)) -> Option<(f64, f64)> {
    let (lower, upper) = (own.0.max(other.0), own.1.min(other.1));
    if lower == f64::INFINITY || upper == f64::NEG_INFINITY {
        None
    } else if lower <= upper {
        Some((lower, upper))
    } else if lower - upper > tolerance(lower).min(tolerance(upper)) {
        None
    } else if other.0 > own.1 {
        Some((own.1, own.1))
    } else {
        Some((own.0, own.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_miss_each_other_by_rounding_share_an_end() {
        assert_eq!(intersect((0.0, 2.0), (1.0, 3.0)), Some((1.0, 2.0)));
        assert_eq!(intersect((0.0, 2.0), (2.0 + 1e-12, 3.0)), Some((2.0, 2.0)));
        assert_eq!(intersect((0.0, 2.0), (-3.0, -1e-12)), Some((0.0, 0.0)));
        assert_eq!(intersect((0.0, 2.0), (2.1, 3.0)), None);
        assert_eq!(intersect((0.0, f64::INFINITY), (f64::INFINITY, f64::INFINITY)), None);
        assert_eq!(intersect((f64::NEG_INFINITY, 0.0), (0.0, f64::INFINITY)), Some((0.0, 0.0)));
    }

    #[test]
    fn narrow_intervals() {
        assert!(is_narrow((0.0, 0.0)) && is_narrow((0.2, 0.1 + 0.1000000000000001)));
        assert!(!is_narrow((0.0, 1e-9)) && !is_narrow((0.0, f64::INFINITY)));
        assert!(!is_narrow((f64::NEG_INFINITY, f64::INFINITY)));
    }

    #[test]
    fn differences_that_are_rounding_are_zero() {
        assert_eq!(difference(0.1 + 0.2, 0.3), 0.0);
        assert_eq!(difference(1.0, 0.5), 0.5);
        assert_eq!(difference(f64::INFINITY, 0.5), f64::INFINITY);
    }
}
