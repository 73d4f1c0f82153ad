//! Sparse rows, or sparse columns, that can grow and shrink.

use crate::lp::sparse::SparseMatrix;

/// Lists of (index, value), one for each row or column, in one pool of memory. A line that outgrows its place moves to the end of the pool.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    starts: Vec<usize>,
    lengths: Vec<usize>,
    capacities: Vec<usize>,
    pool: Vec<(u32, f64)>,
}

impl Lines {
    /// The columns of a matrix, without the zeros that it may store.
    pub fn of_columns(matrix: &SparseMatrix) -> Self {
        let mut lines = Self {
            starts: Vec::with_capacity(matrix.columns()),
            lengths: Vec::with_capacity(matrix.columns()),
            capacities: Vec::with_capacity(matrix.columns()),
            pool: Vec::with_capacity(matrix.nonzeros()),
        };
        for column in 0..matrix.columns() {
            let start = lines.pool.len();
            let (indices, values) = matrix.column_slices(column);
            lines.pool.extend(
                indices
                    .iter()
                    .zip(values)
                    .filter(|&(_, &value)| value != 0.0)
                    .map(|(&row, &value)| (row, value)),
            );
            let length = lines.pool.len() - start;
            lines.starts.push(start);
            lines.lengths.push(length);
            lines.capacities.push(length);
        }
        lines
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// The entries of a line.
    pub fn entries(&self, line: usize) -> &[(u32, f64)] {
        &self.pool[self.starts[line]..][..self.lengths[line]]
    }

    /// The value at an index of a line, if there is an entry.
    pub fn value(&self, line: usize, index: usize) -> Option<f64> {
        self.entries(line).iter().find(|entry| entry.0 as usize == index).map(|entry| entry.1)
    }

    /// Drops the entries whose index is not alive, keeping the order of the others.
    pub fn compact(&mut self, line: usize, alive: &[bool]) {
        let place = &mut self.pool[self.starts[line]..][..self.lengths[line]];
        let mut kept = 0;
        for read in 0..place.len() {
            if alive[place[read].0 as usize] {
                place[kept] = place[read];
                kept += 1;
            }
        }
        self.lengths[line] = kept;
    }

    /// Adds an entry at an index that the line does not have.
    pub fn push(&mut self, line: usize, index: usize, value: f64) {
        let length = self.lengths[line];
        if length == self.capacities[line] {
            self.move_to_the_end(line);
        }
        let end = self.starts[line] + length;
        self.pool[end] = (index as u32, value);
        self.lengths[line] += 1;
    }

    /// Changes the entry at an index that the line has; a value of 0 removes it.
    pub fn set(&mut self, line: usize, index: usize, value: f64) {
        let range = self.starts[line]..self.starts[line] + self.lengths[line];
        let place = self.pool[range.clone()].iter().position(|entry| entry.0 as usize == index);
        let Some(place) = place.map(|place| range.start + place) else { return };
        self.pool[place].1 = value;
        if value == 0.0 {
            self.pool.copy_within(place + 1..range.end, place);
            self.lengths[line] -= 1;
        }
    }

    fn move_to_the_end(&mut self, line: usize) {
        let (start, length) = (self.starts[line], self.lengths[line]);
        let capacity = 2 * length + 4;
        self.starts[line] = self.pool.len();
        self.capacities[line] = capacity;
        self.pool.extend_from_within(start..start + length);
        self.pool.resize(self.starts[line] + capacity, (0, 0.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_grow_shrink_and_drop_zeros() {
        let matrix = SparseMatrix::from_triplets(3, 2, [(0, 0, 1.0), (2, 0, 3.0), (1, 1, 0.0), (2, 1, 4.0)]);
        let mut lines = Lines::of_columns(&matrix);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines.entries(1), [(2, 4.0)]);
        lines.push(0, 1, 2.0);
        lines.set(0, 2, 5.0);
        assert_eq!(lines.entries(0), [(0, 1.0), (2, 5.0), (1, 2.0)]);
        assert_eq!(lines.entries(1), [(2, 4.0)]);
        lines.set(0, 2, 0.0);
        assert_eq!(lines.entries(0), [(0, 1.0), (1, 2.0)]);
        assert_eq!(lines.value(0, 1), Some(2.0));
        assert_eq!(lines.value(0, 2), None);
        lines.compact(0, &[false, true, true]);
        assert_eq!(lines.entries(0), [(1, 2.0)]);
    }
}
