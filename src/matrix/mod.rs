//! Dense row-major matrices.
mod distance;
mod view;

use crate::Scalar;
use crate::error::{Error, Result};
pub use distance::Distance;
pub(crate) use distance::PairwiseRows;
use std::ops::{Index, IndexMut};
pub use view::{MatrixView, MatrixViewMut};

/// A dense matrix: row-major, contiguous, owned.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(a[(1, 0)], 3.0);
/// assert_eq!(a.row(0), [1.0, 2.0]);
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct Matrix<T> {
    data: Vec<T>,
    rows: usize,
    columns: usize,
}

impl<T: Scalar> Matrix<T> {
    /// A matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self {
            data: vec![T::ZERO; rows * columns],
            rows,
            columns,
        }
    }

    /// Takes `data` as the entries, row after row.
    ///
    /// # Errors
    /// [`Error::Shape`] if `data` does not have `rows * columns` entries.
    pub fn from_vec(rows: usize, columns: usize, data: Vec<T>) -> Result<Self> {
        if rows.checked_mul(columns) != Some(data.len()) {
            return Err(Error::Shape {
                operation: "Matrix::from_vec",
                what: "number of entries",
                expected: rows.saturating_mul(columns),
                got: data.len(),
            });
        }
        Ok(Self { data, rows, columns })
    }

    /// Copies an array of rows.
    pub fn from_rows<const R: usize, const C: usize>(rows: [[T; C]; R]) -> Self {
        Self {
            data: rows.into_iter().flatten().collect(),
            rows: R,
            columns: C,
        }
    }

    /// The matrix with `function(row, column)` as entries.
    pub fn from_fn(rows: usize, columns: usize, mut function: impl FnMut(usize, usize) -> T) -> Self {
        let mut data = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                data.push(function(row, column));
            }
        }
        Self { data, rows, columns }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The entries of one row.
    pub fn row(&self, row: usize) -> &[T] {
        &self.data[row * self.columns..][..self.columns]
    }

    /// The entries of one row, to write.
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        &mut self.data[row * self.columns..][..self.columns]
    }

    /// All entries, row after row.
    pub fn as_slice(&self) -> &[T] {
        &self.data
    }

    /// All entries, row after row, to write.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.data
    }

    /// The entries, row after row.
    pub fn into_vec(self) -> Vec<T> {
        self.data
    }

    /// Borrows the whole matrix.
    pub fn view(&self) -> MatrixView<'_, T> {
        MatrixView::from_parts(&self.data, self.rows, self.columns, self.columns)
    }

    /// Borrows the whole matrix, to write.
    pub fn view_mut(&mut self) -> MatrixViewMut<'_, T> {
        MatrixViewMut::from_parts(&mut self.data, self.rows, self.columns, self.columns)
    }
}

impl<T: Scalar> Index<(usize, usize)> for Matrix<T> {
    type Output = T;
    #[inline]
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.row(row)[column]
    }
}

impl<T: Scalar> IndexMut<(usize, usize)> for Matrix<T> {
    #[inline]
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T {
        &mut self.row_mut(row)[column]
    }
}
