//! A borrowed matrix to write, with a row stride.

use super::view::{check_extent, check_rectangle};
use super::{Matrix, MatrixView};
use crate::error::{Error, Result};
use crate::{Scalar, parallel};
use std::ops::{Index, IndexMut, Range};

/// A borrowed matrix to write: rows of contiguous entries, `row_stride` apart.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// let mut a = Matrix::zeros(2, 3);
/// let mut view = a.view_mut();
/// view.reborrow().submatrix(0..2, 1..3).fill(5.0);
/// view[(0, 0)] = 1.0;
/// assert_eq!(a, Matrix::from_rows([[1.0, 5.0, 5.0], [0.0, 5.0, 5.0]]));
/// ```
#[derive(Debug)]
pub struct MatrixViewMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a, T: Scalar> MatrixViewMut<'a, T> {
    /// A view of `rows` x `columns` entries of `data`, each row `row_stride` after the one before.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rows overlap (`row_stride < columns`) or reach past the end of `data`.
    pub fn new(data: &'a mut [T], rows: usize, columns: usize, row_stride: usize) -> Result<Self> {
        check_extent("MatrixViewMut::new", data.len(), rows, columns, row_stride)?;
        Ok(Self::from_parts(data, rows, columns, row_stride))
    }

    /// The rows of `columns` entries that `data` is made of.
    ///
    /// # Errors
    /// [`Error::Shape`] if `data` does not have `rows * columns` entries.
    pub fn from_slice(data: &'a mut [T], rows: usize, columns: usize) -> Result<Self> {
        if rows.checked_mul(columns) != Some(data.len()) {
            return Err(Error::Shape {
                operation: "MatrixViewMut::from_slice",
                what: "number of entries",
                expected: rows.saturating_mul(columns),
                got: data.len(),
            });
        }
        Ok(Self::from_parts(data, rows, columns, columns))
    }

    /// A view whose extent is known to fit.
    #[inline]
    pub(crate) fn from_parts(data: &'a mut [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self { data, rows, columns, row_stride }
    }

    /// Number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    #[inline]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of rows and of columns.
    #[inline]
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    /// Distance between the starts of two consecutive rows, in entries.
    #[inline]
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// The entries of one row.
    ///
    /// # Panics
    /// If `row` lies outside.
    #[inline]
    pub fn row(&self, row: usize) -> &[T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &self.data[row * self.row_stride..][..self.columns]
    }

    /// The entries of one row, to write.
    ///
    /// # Panics
    /// If `row` lies outside.
    #[inline]
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &mut self.data[row * self.row_stride..][..self.columns]
    }

    /// The same view for a shorter time: to pass it on and go on using it.
    pub fn reborrow(&mut self) -> MatrixViewMut<'_, T> {
        MatrixViewMut::from_parts(self.data, self.rows, self.columns, self.row_stride)
    }

    /// The entries to read.
    pub fn as_view(&self) -> MatrixView<'_, T> {
        MatrixView::from_parts(self.data, self.rows, self.columns, self.row_stride)
    }

    /// Some consecutive rows.
    ///
    /// # Panics
    /// If `rows` lie outside.
    pub fn rows_range(self, rows: Range<usize>) -> MatrixViewMut<'a, T> {
        let columns = 0..self.columns;
        self.submatrix(rows, columns)
    }

    /// A rectangle.
    ///
    /// # Panics
    /// If `rows` or `columns` lie outside.
    pub fn submatrix(self, rows: Range<usize>, columns: Range<usize>) -> MatrixViewMut<'a, T> {
        check_rectangle(&rows, &columns, self.rows, self.columns);
        let data = if rows.is_empty() {
            &mut []
        } else {
            &mut self.data[rows.start * self.row_stride + columns.start..]
        };
        Self::from_parts(data, rows.len(), columns.len(), self.row_stride)
    }

    /// The rows before `row` and those from it on.
    ///
    /// # Panics
    /// If `row` is more than the number of rows.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let mut a = Matrix::zeros(3, 2);
    /// let (mut top, mut bottom) = a.view_mut().split_at_row(1);
    /// top.fill(1.0);
    /// bottom.row_mut(1).fill(2.0);
    /// assert_eq!(a, Matrix::from_rows([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]));
    /// ```
    pub fn split_at_row(self, row: usize) -> (MatrixViewMut<'a, T>, MatrixViewMut<'a, T>) {
        assert!(row <= self.rows, "row {row} of {}", self.rows);
        let middle = (row * self.row_stride).min(self.data.len());
        let (top, bottom) = self.data.split_at_mut(middle);
        (
            Self::from_parts(top, row, self.columns, self.row_stride),
            Self::from_parts(bottom, self.rows - row, self.columns, self.row_stride),
        )
    }

    /// The rows, from the first to the last, to write.
    pub fn iter_rows_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [T]> {
        let (rows, columns) = self.shape();
        let mut rest = self.reborrow();
        (0..rows).map(move |_| {
            let view = std::mem::replace(&mut rest, MatrixViewMut::from_parts(&mut [], 0, columns, 0));
            let (first, others) = view.split_at_row(1);
            rest = others;
            &mut first.data[..columns]
        })
    }

    /// Writes `value` everywhere.
    pub fn fill(&mut self, value: T) {
        for row in 0..self.rows {
            self.row_mut(row).fill(value);
        }
    }

    /// Copies the entries of `source`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes differ.
    pub fn copy_from(&mut self, source: MatrixView<'_, T>) -> Result<()> {
        check_shape("MatrixViewMut::copy_from", source.shape(), self.shape())?;
        for row in 0..self.rows {
            self.row_mut(row).copy_from_slice(source.row(row));
        }
        Ok(())
    }

    /// `function(first row, rows)` on each block of `chunk` consecutive rows (the last may be shorter), in parallel.
    pub(crate) fn for_each_row_chunk(
        &mut self,
        chunk: usize,
        function: impl Fn(usize, MatrixViewMut<'_, T>) + Sync + Send,
    ) {
        let (columns, stride) = (self.columns, self.row_stride);
        let data = self.strided_data();
        if data.is_empty() {
            return;
        }
        // A single row may have any stride: as a chunk it is the whole of the data.
        let chunk_length = chunk.saturating_mul(stride.max(columns));
        parallel::for_each_chunk_mut(data, chunk_length, |start, part| {
            let rows = if part.len() <= columns { 1 } else { (part.len() - columns) / stride + 1 };
            function(start / stride.max(1), MatrixViewMut::from_parts(part, rows, columns, stride));
        });
    }

    /// The entries from the first of the first row to the last of the last row, for products and parallel loops.
    pub(crate) fn strided_data(&mut self) -> &mut [T] {
        let length = self.as_view().strided_data().len();
        &mut self.data[..length]
    }
}

/// Refuses `got` rows and columns where `expected` would fit.
pub(super) fn check_shape(
    operation: &'static str,
    expected: (usize, usize),
    got: (usize, usize),
) -> Result<()> {
    for (what, expected, got) in [
        ("number of rows of the result", expected.0, got.0),
        ("number of columns of the result", expected.1, got.1),
    ] {
        if expected != got {
            return Err(Error::Shape { operation, what, expected, got });
        }
    }
    Ok(())
}

impl<T: Scalar> Index<(usize, usize)> for MatrixViewMut<'_, T> {
    type Output = T;
    #[inline]
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.row(row)[column]
    }
}

impl<T: Scalar> IndexMut<(usize, usize)> for MatrixViewMut<'_, T> {
    #[inline]
    fn index_mut(&mut self, (row, column): (usize, usize)) -> &mut T {
        &mut self.row_mut(row)[column]
    }
}

impl<'a, T: Scalar> From<&'a mut Matrix<T>> for MatrixViewMut<'a, T> {
    fn from(matrix: &'a mut Matrix<T>) -> Self {
        matrix.view_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn writes_stay_inside_the_rectangle(
            (rows, columns) in (0_usize..7, 0_usize..7),
            cuts in proptest::array::uniform4(0_usize..8),
            split in 0_usize..8,
            chunk in 1_usize..5,
        ) {
            let range = |i: usize, j: usize, length: usize| {
                let (i, j) = (cuts[i].min(length), cuts[j].min(length));
                i.min(j)..i.max(j)
            };
            let (r, c) = (range(0, 1, rows), range(2, 3, columns));
            let inside = |row: usize, column: usize| r.contains(&row) && c.contains(&column);
            let expected = Matrix::from_fn(rows, columns, |row, column| {
                if inside(row, column) { (1 + row - r.start) as f64 } else { 0.0 }
            });

            // By a split and the rows' iterator.
            let mut a = Matrix::zeros(rows, columns);
            let view = a.view_mut().submatrix(r.clone(), c.clone());
            let split = split.min(r.len());
            let (mut top, mut bottom) = view.split_at_row(split);
            prop_assert_eq!((top.rows(), bottom.rows()), (split, r.len() - split));
            for (k, row) in top.iter_rows_mut().enumerate() {
                row.fill((1 + k) as f64);
            }
            for (k, row) in bottom.iter_rows_mut().enumerate() {
                row.fill((1 + k + split) as f64);
            }
            prop_assert_eq!(&a, &expected);

            // By parallel blocks of rows.
            let mut a = Matrix::zeros(rows, columns);
            let mut view = a.view_mut().submatrix(r.clone(), c.clone());
            view.for_each_row_chunk(chunk, |first, mut block| {
                for k in 0..block.rows() {
                    block.row_mut(k).fill((1 + first + k) as f64);
                }
            });
            prop_assert_eq!(&a, &expected);

            // By a copy.
            let mut a = Matrix::zeros(rows, columns);
            let source = expected.submatrix(r.clone(), c.clone());
            a.view_mut().submatrix(r.clone(), c.clone()).copy_from(source).unwrap();
            prop_assert_eq!(&a, &expected);
        }
    }

    #[test]
    fn a_copy_of_another_shape_is_refused() {
        let mut a = Matrix::<f64>::zeros(2, 3);
        assert!(matches!(
            a.view_mut().copy_from(Matrix::zeros(2, 4).view()),
            Err(Error::Shape { expected: 4, got: 3, .. })
        ));
        assert!(MatrixViewMut::from_slice(a.as_mut_slice(), 3, 2).is_ok());
        assert!(MatrixViewMut::from_slice(a.as_mut_slice(), 3, 3).is_err());
        assert!(MatrixViewMut::new(a.as_mut_slice(), 2, 3, 4).is_err());
    }
}
