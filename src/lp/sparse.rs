//! Compressed sparse matrices.

/// A sparse matrix by columns (CSC): the entries of each column side by side, rows ascending. By rows (CSR) it is the
/// [transpose](SparseMatrix::transpose).
///
/// # Examples
/// ```
/// use brenier::lp::SparseMatrix;
/// let a = SparseMatrix::from_triplets(2, 3, [(0, 0, 1.0), (1, 2, 2.0), (0, 0, 0.5)]); // duplicates are summed
/// assert_eq!(a.nonzeros(), 2);
/// assert_eq!(a.column(0).collect::<Vec<_>>(), [(0, 1.5)]);
/// assert_eq!(a.transpose().column(1).collect::<Vec<_>>(), [(2, 2.0)]); // row 1
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseMatrix {
    rows: usize,
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl SparseMatrix {
    /// A matrix of entries (row, column, value); those of the same place are summed.
    ///
    /// # Panics
    /// If an entry lies outside, or there are 2³² rows or more.
    pub fn from_triplets(
        rows: usize,
        columns: usize,
        triplets: impl IntoIterator<Item = (usize, usize, f64)>,
    ) -> Self {
        let mut lists: Vec<Vec<(usize, f64)>> = vec![Vec::new(); columns];
        for (row, column, value) in triplets {
            assert!(row < rows, "row {row} of {rows}");
            lists[column].push((row, value));
        }
        for list in &mut lists {
            list.sort_by_key(|&(row, _)| row);
            list.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 += next.1;
                }
                same
            });
        }
        Self::from_columns(rows, &lists)
    }

    /// A matrix of columns, each a list of (row, value) with rows ascending.
    pub(super) fn from_columns(rows: usize, columns: &[Vec<(usize, f64)>]) -> Self {
        assert!(u32::try_from(rows).is_ok(), "{rows} rows are more than indices can tell apart");
        let nonzeros = columns.iter().map(Vec::len).sum();
        let mut matrix = Self {
            rows,
            starts: Vec::with_capacity(columns.len() + 1),
            indices: Vec::with_capacity(nonzeros),
            values: Vec::with_capacity(nonzeros),
        };
        matrix.starts.push(0);
        for column in columns {
            for &(row, value) in column {
                matrix.indices.push(row as u32);
                matrix.values.push(value);
            }
            matrix.starts.push(matrix.indices.len());
        }
        matrix
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Number of stored entries.
    pub fn nonzeros(&self) -> usize {
        self.values.len()
    }

    /// The entries (row, value) of a column.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column(&self, column: usize) -> impl ExactSizeIterator<Item = (usize, f64)> + '_ {
        let range = self.starts[column]..self.starts[column + 1];
        self.indices[range.clone()]
            .iter()
            .zip(&self.values[range])
            .map(|(&row, &value)| (row as usize, value))
    }

    /// The rows and the values of a column, as they lie in memory.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column_slices(&self, column: usize) -> (&[u32], &[f64]) {
        let range = self.starts[column]..self.starts[column + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Where the entries of a column lie among all.
    pub(super) fn range(&self, column: usize) -> std::ops::Range<usize> {
        self.starts[column]..self.starts[column + 1]
    }

    /// All values, column after column.
    pub(super) fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The transposed matrix: the same entries by rows. O(rows + columns + nonzeros).
    pub fn transpose(&self) -> Self {
        let mut starts = vec![0; self.rows + 1];
        for &row in &self.indices {
            starts[row as usize + 1] += 1;
        }
        for row in 0..self.rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut indices = vec![0; self.indices.len()];
        let mut values = vec![0.0; self.values.len()];
        for column in 0..self.columns() {
            for (row, value) in self.column(column) {
                indices[next[row]] = column as u32;
                values[next[row]] = value;
                next[row] += 1;
            }
        }
        Self { rows: self.columns(), starts, indices, values }
    }

    /// A x.
    ///
    /// # Panics
    /// If `x` has another length than there are columns.
    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        assert_eq!(x.len(), self.columns());
        let mut product = vec![0.0; self.rows];
        for (column, &x) in x.iter().enumerate() {
            if x != 0.0 {
                for (row, value) in self.column(column) {
                    product[row] += value * x;
                }
            }
        }
        product
    }

    /// Aᵀ y.
    ///
    /// # Panics
    /// If `y` has another length than there are rows.
    pub fn transpose_times(&self, y: &[f64]) -> Vec<f64> {
        assert_eq!(y.len(), self.rows);
        (0..self.columns())
            .map(|column| self.column(column).map(|(row, value)| value * y[row]).sum())
            .collect()
    }
}
