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
    /// Entries of the column under way in rows with a pivot, and in rows without one.
    above: Vec<Entry>,
    below: Vec<Entry>,
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
            let finite = self.split(matrix, head[place]);
            let [Entry { index: row, value }] = self.below[..] else { continue };
            if !finite || value.abs() < PIVOT_TOLERANCE {
                continue;
            }
            let row = row as usize;
            upper.add_column(row, &self.above);
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
            let finite = self.split(matrix, head[place]);
            let Some(at) = self.below.iter().position(|entry| entry.index as usize == row) else { continue };
            let pivot = self.below.swap_remove(at).value;
            self.below.iter_mut().for_each(|entry| entry.value /= pivot);
            if !finite
                || pivot.abs() < PIVOT_TOLERANCE
                || self.below.iter().any(|entry| !entry.value.is_finite())
            {
                continue;
            }
            upper.add_column(row, &self.above);
            lower.add(row, &self.below);
            self.set_pivot(place, row, pivot, upper);
            let (indices, _) = matrix.column_slices(head[place]);
            self.work += 2 * indices.len();
            for &other in indices {
                if !self.has_pivot[other as usize] {
                    let length = &mut self.row_lengths[other as usize];
                    *length -= 1;
                    if *length == 1 {
                        self.queue.push(other);
                    }
                }
            }
        }
    }

    /// Splits a column by whether a row has a pivot; false if an entry is not finite.
    fn split(&mut self, matrix: &SparseMatrix, variable: usize) -> bool {
        let (indices, values) = matrix.column_slices(variable);
        self.above.clear();
        self.below.clear();
        let mut finite = true;
        for (&index, &value) in indices.iter().zip(values) {
            finite &= value.is_finite();
            if value != 0.0 {
                let side = if self.has_pivot[index as usize] { &mut self.above } else { &mut self.below };
                side.push(Entry { index, value });
            }
        }
        finite
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
        let left =
            |&place: &u32| self.pivot_rows[place as usize] == NONE && head[place as usize] < matrix.columns();
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
        // From here on the lengths count the entries that each column of the kernel has in U.
        for at in 0..self.kernel_columns.len() {
            let place = self.kernel_columns[at] as usize;
            if self.split(matrix, head[place]) {
                self.kernel.add_column(place, &self.below);
            }
            self.column_lengths[place] = self.above.len() as u32;
        }
        self.pivots.clear();
        self.kernel.eliminate(&self.kernel_columns, threshold, lower, &mut self.pivots);
        for above in &self.kernel.above {
            self.column_lengths[above.column as usize] += 1;
        }
        for at in 0..self.pivots.len() {
            let Pivot { column, row, .. } = self.pivots[at];
            self.pivot_rows[column as usize] = row;
            upper.columns.reserve(row as usize, self.column_lengths[column as usize] as usize);
            self.split(matrix, head[column as usize]);
            self.above.iter().for_each(|&entry| upper.columns.push(row as usize, entry));
            upper.nonzeros += self.above.len();
        }
        for above in &self.kernel.above {
            let row = self.pivot_rows[above.column as usize];
            if row != NONE {
                upper.columns.push(row as usize, Entry { index: above.row, value: above.value });
                upper.nonzeros += 1;
            }
        }
        for at in 0..self.pivots.len() {
            let pivot = self.pivots[at];
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
