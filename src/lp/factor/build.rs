//! The factorisation: logicals, column singletons and row singletons, then the kernel, then the repair of what is singular.
//!
//! A column with one entry left in the rows that have no pivot yet needs no elimination, nor does a row with one entry left in the columns
//! that have none. Taking the first kind away makes no new ones of the second kind, and the reverse, so that each is peeled off once.

use super::buckets::NONE;
use super::kernel::{Kernel, Pivot};
use super::lists::Entry;
use super::{Lower, PIVOT_TOLERANCE, Replacement, Upper};
use crate::lp::sparse::SparseMatrix;

/// The memory of the factorisation, kept for the next one.
#[derive(Debug, Clone, Default)]
pub(super) struct Builder {
    /// By row: whether it has a pivot.
    has_pivot: Vec<bool>,
    /// By row: entries in columns without a pivot. Meant for rows without a pivot.
    row_lengths: Vec<u32>,
    /// By row: where its columns end in `row_columns`; they begin where those of the row before end.
    row_ends: Vec<usize>,
    row_columns: Vec<u32>,
    /// By place in the basis: entries in rows without a pivot.
    column_lengths: Vec<u32>,
    /// By place in the basis: the row of its pivot, or NONE.
    pivot_rows: Vec<u32>,
    queue: Vec<u32>,
    kernel_columns: Vec<u32>,
    pivots: Vec<Pivot>,
    kernel: Kernel,
    old_head: Vec<usize>,
    /// Entries looked at, a measure of the time taken.
    pub work: usize,
}

impl Builder {
    /// Factorises the columns of `head`; see [`Factor::factorise`](super::Factor::factorise).
    pub fn run(
        &mut self,
        matrix: &SparseMatrix,
        head: &mut [usize],
        threshold: f64,
        lower: &mut Lower,
        upper: &mut Upper,
    ) -> Vec<Replacement> {
        let rows = head.len();
        lower.reset(rows);
        upper.reset(rows);
        self.reset(rows);
        self.pivot_logicals(matrix.columns(), head, upper);
        self.list_rows(matrix, head);
        self.pivot_column_singletons(matrix, head, upper);
        self.pivot_row_singletons(matrix, head, lower, upper);
        self.pivot_kernel(matrix, head, threshold, lower, upper);
        let replacements = self.permute(matrix.columns(), head, upper);
        lower.finish(&upper.order);
        upper.finish();
        self.work += 8 * rows + 4 * (lower.nonzeros + upper.nonzeros);
        replacements
    }

    fn reset(&mut self, rows: usize) {
        self.has_pivot.clear();
        self.has_pivot.resize(rows, false);
        for list in [&mut self.row_lengths, &mut self.column_lengths] {
            list.clear();
            list.resize(rows, 0);
        }
        self.pivot_rows.clear();
        self.pivot_rows.resize(rows, NONE);
        self.work = 0;
    }

    /// The column of a logical is -e_row: a pivot without any other entry.
    fn pivot_logicals(&mut self, columns: usize, head: &[usize], upper: &mut Upper) {
        for (place, &variable) in head.iter().enumerate() {
            if variable >= columns && !self.has_pivot[variable - columns] {
                self.set_pivot(place, variable - columns, -1.0, upper);
            }
        }
    }

    fn set_pivot(&mut self, place: usize, row: usize, value: f64, upper: &mut Upper) {
        self.has_pivot[row] = true;
        self.pivot_rows[place] = row as u32;
        upper.add(row, value);
    }

    /// Counts the entries without a pivot by row and by column, and lists them by row.
    fn list_rows(&mut self, matrix: &SparseMatrix, head: &[usize]) {
        for (place, &variable) in head.iter().enumerate() {
            if variable < matrix.columns() {
                let (indices, _) = matrix.column_slices(variable);
                for &row in indices {
                    let open = u32::from(!self.has_pivot[row as usize]);
                    self.row_lengths[row as usize] += open;
                    self.column_lengths[place] += open;
                }
                self.work += 2 * indices.len();
            }
        }
        self.row_ends.clear();
        let mut end = 0;
        for &length in &self.row_lengths {
            self.row_ends.push(end);
            end += length as usize;
        }
        self.row_columns.clear();
        self.row_columns.resize(end, 0);
        for (place, &variable) in head.iter().enumerate() {
            if variable < matrix.columns() && self.column_lengths[place] > 0 {
                for &row in matrix.column_slices(variable).0 {
                    if !self.has_pivot[row as usize] {
                        let end = &mut self.row_ends[row as usize];
                        self.row_columns[*end] = place as u32;
                        *end += 1;
                    }
                }
            }
        }
    }

    fn row_range(&self, row: usize) -> std::ops::Range<usize> {
        let start = if row == 0 { 0 } else { self.row_ends[row - 1] };
        start..self.row_ends[row]
    }

    /// Columns with one entry in the rows without a pivot: the rest of such a column belongs to U.
    fn pivot_column_singletons(&mut self, matrix: &SparseMatrix, head: &[usize], upper: &mut Upper) {
        self.queue.clear();
        self.queue.extend((0..head.len() as u32).filter(|&place| self.column_lengths[place as usize] == 1));
        let mut next = 0;
        while next < self.queue.len() {
            let place = self.queue[next] as usize;
            next += 1;
            let Some((row, value)) = matrix
                .column(head[place])
                .find(|&(row, _)| !self.has_pivot[row])
                .filter(|entry| is_pivot(entry.1))
            else {
                continue;
            };
            if matrix.column(head[place]).any(|(_, value)| !value.is_finite()) {
                continue;
            }
            let rest = matrix.column(head[place]).filter(|&(other, value)| other != row && value != 0.0);
            upper.nonzeros += upper.columns.lay(row, rest.map(entry));
            self.set_pivot(place, row, value, upper);
            let range = self.row_range(row);
            self.work += range.len();
            for &other in &self.row_columns[range] {
                let length = &mut self.column_lengths[other as usize];
                *length -= 1;
                if *length == 1 && self.pivot_rows[other as usize] == NONE {
                    self.queue.push(other);
                }
            }
        }
    }

    /// Rows with one entry in the columns without a pivot: the rest of that column belongs to L and U.
    fn pivot_row_singletons(
        &mut self,
        matrix: &SparseMatrix,
        head: &[usize],
        lower: &mut Lower,
        upper: &mut Upper,
    ) {
        let single = |row: &u32| !self.has_pivot[*row as usize] && self.row_lengths[*row as usize] == 1;
        self.queue.clear();
        self.queue.extend((0..head.len() as u32).filter(single));
        let mut next = 0;
        while next < self.queue.len() {
            let row = self.queue[next] as usize;
            next += 1;
            let mut others = self.row_columns[self.row_range(row)].iter();
            let open = others.find(|&&place| self.pivot_rows[place as usize] == NONE);
            let Some(place) = open.map(|&place| place as usize) else { continue };
            let variable = head[place];
            let Some((_, pivot)) = matrix.column(variable).find(|entry| entry.0 == row) else { continue };
            let finite = |(_, value): (usize, f64)| value.is_finite() && (value / pivot).is_finite();
            if !is_pivot(pivot) || !matrix.column(variable).all(finite) {
                continue;
            }
            let above =
                matrix.column(variable).filter(|&(other, value)| self.has_pivot[other] && value != 0.0);
            upper.nonzeros += upper.columns.lay(row, above.map(entry));
            self.set_pivot(place, row, pivot, upper);
            let below =
                matrix.column(variable).filter(|&(other, value)| !self.has_pivot[other] && value != 0.0);
            lower.add_all(row, below.map(|(other, value)| entry((other, value / pivot))));
            self.work += 2 * matrix.column(variable).len();
            for (other, _) in matrix.column(variable) {
                if !self.has_pivot[other] {
                    self.row_lengths[other] -= 1;
                    if self.row_lengths[other] == 1 {
                        self.queue.push(other as u32);
                    }
                }
            }
        }
    }

    /// What is left. The columns of U get the entries in rows of singletons, then those that the elimination left above.
    fn pivot_kernel(
        &mut self,
        matrix: &SparseMatrix,
        head: &[usize],
        threshold: f64,
        lower: &mut Lower,
        upper: &mut Upper,
    ) {
        let left = |&place: &u32| {
            let variable = head[place as usize];
            self.pivot_rows[place as usize] == NONE
                && variable < matrix.columns()
                && matrix.column(variable).all(|(_, value)| value.is_finite())
        };
        self.kernel_columns.clear();
        self.kernel_columns.extend((0..head.len() as u32).filter(left));
        if self.kernel_columns.is_empty() {
            return;
        }
        for (length, &has_pivot) in self.row_lengths.iter_mut().zip(&self.has_pivot) {
            if has_pivot {
                *length = 0;
            }
        }
        self.kernel.reset(&self.row_lengths);
        for &place in &self.kernel_columns {
            let open = matrix.column(head[place as usize]).filter(|&(row, _)| !self.has_pivot[row]);
            self.kernel.add_column(place as usize, open);
        }
        self.pivots.clear();
        self.kernel.eliminate(&self.kernel_columns, threshold, lower, &mut self.pivots);
        // From here on the lengths count the entries that each column of the kernel has in U.
        for &place in &self.kernel_columns {
            let settled = matrix.column(head[place as usize]).filter(|&(row, _)| self.has_pivot[row]);
            self.column_lengths[place as usize] = settled.count() as u32;
        }
        for above in &self.kernel.above {
            self.column_lengths[above.column as usize] += 1;
        }
        for pivot in &self.pivots {
            let (place, row) = (pivot.column as usize, pivot.row as usize);
            self.pivot_rows[place] = pivot.row;
            upper.columns.reserve(row, self.column_lengths[place] as usize);
            for (other, value) in matrix.column(head[place]) {
                if self.has_pivot[other] && value != 0.0 {
                    upper.columns.push(row, entry((other, value)));
                    upper.nonzeros += 1;
                }
            }
        }
        for above in &self.kernel.above {
            let row = self.pivot_rows[above.column as usize];
            if row != NONE {
                upper.columns.push(row as usize, Entry { index: above.row, value: above.value });
                upper.nonzeros += 1;
            }
        }
        for place in 0..self.pivots.len() {
            let pivot = self.pivots[place];
            self.set_pivot(pivot.column as usize, pivot.row as usize, pivot.value, upper);
        }
        self.work += self.kernel.work;
    }

    /// Puts each basic variable where its pivot is, and the logicals of the rows without one in place of the columns without one.
    fn permute(&mut self, columns: usize, head: &mut [usize], upper: &mut Upper) -> Vec<Replacement> {
        self.old_head.clear();
        self.old_head.extend_from_slice(head);
        let mut removed = Vec::new();
        for (&variable, &row) in self.old_head.iter().zip(&self.pivot_rows) {
            if row == NONE {
                removed.push(variable);
            } else {
                head[row as usize] = variable;
            }
        }
        let left = (0..head.len()).filter(|&row| !self.has_pivot[row]);
        let replacements: Vec<_> =
            left.zip(removed).map(|(row, removed)| Replacement { row, removed }).collect();
        for &Replacement { row, .. } in &replacements {
            head[row] = columns + row;
            upper.add(row, -1.0);
        }
        replacements
    }
}

fn entry((index, value): (usize, f64)) -> Entry {
    Entry { index: index as u32, value }
}

/// Whether a singleton can be divided by.
fn is_pivot(value: f64) -> bool {
    value.is_finite() && value.abs() >= PIVOT_TOLERANCE
}
