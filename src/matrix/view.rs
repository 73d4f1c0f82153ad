//! A borrowed matrix with a row stride.

use super::Matrix;
use crate::Scalar;
use crate::error::{Error, Result};
use std::ops::{Index, Range};

/// A borrowed matrix: rows of contiguous entries, `row_stride` apart.
///
/// # Examples
/// ```
/// use brenier::{Matrix, MatrixView};
/// let a = Matrix::from_rows([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let right = a.submatrix(0..2, 1..3);
/// assert_eq!(right.row(1), [5.0, 6.0]);
/// // Every second row of a longer buffer.
/// let buffer = [1.0, 2.0, 9.0, 9.0, 3.0, 4.0];
/// let strided = MatrixView::new(&buffer, 2, 2, 4)?;
/// assert_eq!(strided, Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]).view());
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MatrixView<'a, T> {
    data: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a, T: Scalar> MatrixView<'a, T> {
    /// A view of `rows` x `columns` entries of `data`, each row `row_stride` after the one before.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rows overlap (`row_stride < columns`) or reach past the end of `data`.
    pub fn new(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Result<Self> {
        check_extent("MatrixView::new", data.len(), rows, columns, row_stride)?;
        Ok(Self::from_parts(data, rows, columns, row_stride))
    }

    /// The rows of `columns` entries that `data` is made of.
    ///
    /// # Errors
    /// [`Error::Shape`] if `data` does not have `rows * columns` entries.
    pub fn from_slice(data: &'a [T], rows: usize, columns: usize) -> Result<Self> {
        if rows.checked_mul(columns) != Some(data.len()) {
            return Err(Error::Shape {
                operation: "MatrixView::from_slice",
                what: "number of entries",
                expected: rows.saturating_mul(columns),
                got: data.len(),
            });
        }
        Ok(Self::from_parts(data, rows, columns, columns))
    }

    /// A view whose extent is known to fit.
    #[inline]
    pub(crate) fn from_parts(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
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

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns == 0
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
    pub fn row(&self, row: usize) -> &'a [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &self.data[row * self.row_stride..][..self.columns]
    }

    /// The rows, from the first to the last.
    pub fn iter_rows(self) -> impl ExactSizeIterator<Item = &'a [T]> + DoubleEndedIterator {
        (0..self.rows).map(move |row| self.row(row))
    }

    /// The entries of one column, from the first row to the last.
    ///
    /// # Panics
    /// If `column` lies outside.
    pub fn column(self, column: usize) -> impl ExactSizeIterator<Item = T> + DoubleEndedIterator + 'a {
        assert!(column < self.columns, "column {column} of {}", self.columns);
        (0..self.rows).map(move |row| self.data[row * self.row_stride + column])
    }

    /// The entry, or `None` outside.
    pub fn get(&self, row: usize, column: usize) -> Option<T> {
        (row < self.rows && column < self.columns).then(|| self.data[row * self.row_stride + column])
    }

    /// All entries, row after row, if they are contiguous.
    pub fn as_slice(&self) -> Option<&'a [T]> {
        if self.is_empty() {
            Some(&[])
        } else if self.rows == 1 || self.row_stride == self.columns {
            Some(&self.data[..self.rows * self.columns])
        } else {
            None
        }
    }

    /// Some consecutive rows.
    ///
    /// # Panics
    /// If `rows` lie outside.
    pub fn rows_range(self, rows: Range<usize>) -> MatrixView<'a, T> {
        self.submatrix(rows, 0..self.columns)
    }

    /// A rectangle.
    ///
    /// # Panics
    /// If `rows` or `columns` lie outside.
    pub fn submatrix(self, rows: Range<usize>, columns: Range<usize>) -> MatrixView<'a, T> {
        check_rectangle(&rows, &columns, self.rows, self.columns);
        let data =
            if rows.is_empty() { &[] } else { &self.data[rows.start * self.row_stride + columns.start..] };
        Self::from_parts(data, rows.len(), columns.len(), self.row_stride)
    }

    /// Copies the entries.
    pub fn to_matrix(self) -> Matrix<T> {
        let mut data = Vec::with_capacity(self.rows * self.columns);
        for row in self.iter_rows() {
            data.extend_from_slice(row);
        }
        Matrix::from_vec(self.rows, self.columns, data).expect("rows of equal length")
    }

    /// The rows of these indices, in their order, copied: a mini-batch.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the first index beyond the rows.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let x = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// assert_eq!(x.view().gather_rows(&[2, 0, 2])?, Matrix::from_rows([[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "index_select")]
    pub fn gather_rows(self, indices: &[usize]) -> Result<Matrix<T>> {
        if let Some(index) = indices.iter().position(|&row| row >= self.rows) {
            return Err(Error::OutOfRange {
                what: "indices of rows",
                index,
                value: indices[index],
                limit: self.rows,
            });
        }
        let mut data = Vec::with_capacity(indices.len() * self.columns);
        for &row in indices {
            data.extend_from_slice(self.row(row));
        }
        Matrix::from_vec(indices.len(), self.columns, data)
    }

    /// Refuses a matrix with an infinite entry or NaN. `what` is what the error calls it.
    ///
    /// # Errors
    /// [`Error::NotFiniteEntry`] with the first such entry, row after row.
    pub fn check_finite(self, what: &'static str) -> Result<()> {
        for (row, entries) in self.iter_rows().enumerate() {
            // One pass without an early end, which vectorises; a sum of numbers would not.
            let mut finite = true;
            for value in entries {
                finite &= value.is_finite();
            }
            if finite {
                continue;
            }
            for (column, &value) in entries.iter().enumerate() {
                if !value.is_finite() {
                    return Err(Error::NotFiniteEntry { what, row, column, value: value.to_f64() });
                }
            }
        }
        Ok(())
    }

    /// The entries from the first of the first row to the last of the last row, for products and parallel loops.
    pub(crate) fn strided_data(&self) -> &'a [T] {
        &self.data[..extent(self.rows, self.columns, self.row_stride)]
    }
}

/// Equality of shapes and entries, whatever the strides.
impl<T: Scalar> PartialEq for MatrixView<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.iter_rows().eq(other.iter_rows())
    }
}

impl<T: Scalar> Index<(usize, usize)> for MatrixView<'_, T> {
    type Output = T;
    #[inline]
    fn index(&self, (row, column): (usize, usize)) -> &T {
        &self.row(row)[column]
    }
}

impl<'a, T: Scalar> From<&'a Matrix<T>> for MatrixView<'a, T> {
    fn from(matrix: &'a Matrix<T>) -> Self {
        matrix.view()
    }
}

/// Number of entries from the first to the last of a strided rectangle, gaps included.
fn extent(rows: usize, columns: usize, row_stride: usize) -> usize {
    if rows == 0 || columns == 0 { 0 } else { (rows - 1) * row_stride + columns }
}

/// Panics unless the rectangle lies inside.
pub(super) fn check_rectangle(rows: &Range<usize>, columns: &Range<usize>, height: usize, width: usize) {
    assert!(rows.start <= rows.end && rows.end <= height, "rows {rows:?} of {height}");
    assert!(columns.start <= columns.end && columns.end <= width, "columns {columns:?} of {width}");
}

/// Whether a strided extent fits into `length` entries without rows that overlap.
pub(super) fn check_extent(
    operation: &'static str,
    length: usize,
    rows: usize,
    columns: usize,
    row_stride: usize,
) -> Result<()> {
    if rows > 1 && row_stride < columns {
        return Err(Error::Shape { operation, what: "row stride", expected: columns, got: row_stride });
    }
    let needed = match rows.checked_sub(1) {
        None => Some(0),
        Some(last) => last.checked_mul(row_stride).and_then(|start| start.checked_add(columns)),
    };
    match needed {
        Some(needed) if needed <= length => Ok(()),
        _ => Err(Error::Shape {
            operation,
            what: "length of the data",
            expected: needed.unwrap_or(usize::MAX),
            got: length,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn extents_that_do_not_fit_are_refused() {
        let data = [0.0; 10];
        assert!(MatrixView::new(&data, 2, 5, 5).is_ok());
        assert!(MatrixView::new(&data, 2, 2, 8).is_ok());
        assert!(matches!(MatrixView::new(&data, 2, 3, 8), Err(Error::Shape { expected: 11, got: 10, .. })));
        assert!(matches!(MatrixView::new(&data, 2, 3, 2), Err(Error::Shape { what: "row stride", .. })));
        assert!(MatrixView::new(&data, usize::MAX, 3, usize::MAX).is_err());
        assert!(MatrixView::new(&data, 0, 3, 0).is_ok());
        assert!(matches!(
            MatrixView::from_slice(&data, 3, 3),
            Err(Error::Shape { expected: 9, got: 10, .. })
        ));
    }

    proptest! {
        #[test]
        fn a_rectangle_of_a_rectangle_shows_the_right_entries(
            (rows, columns) in (0_usize..8, 0_usize..8),
            cuts in proptest::array::uniform8(0_usize..9),
        ) {
            let a = Matrix::from_fn(rows, columns, |row, column| (100 * row + column) as f64);
            let range = |i: usize, j: usize, length: usize| {
                let (i, j) = (cuts[i].min(length), cuts[j].min(length));
                i.min(j)..i.max(j)
            };
            let (r, c) = (range(0, 1, rows), range(2, 3, columns));
            let outer = a.submatrix(r.clone(), c.clone());
            let (s, d) = (range(4, 5, r.len()), range(6, 7, c.len()));
            let inner = outer.submatrix(s.clone(), d.clone());
            prop_assert_eq!(inner.shape(), (s.len(), d.len()));
            let expected = Matrix::from_fn(s.len(), d.len(), |row, column| {
                (100 * (r.start + s.start + row) + c.start + d.start + column) as f64
            });
            prop_assert_eq!(inner, expected.view());
            prop_assert_eq!(&inner.to_matrix(), &expected);
            if let Some(slice) = inner.as_slice() {
                prop_assert_eq!(slice, expected.as_slice());
            }
            for column in 0..d.len() {
                let entries: Vec<f64> = inner.column(column).collect();
                prop_assert!(entries.iter().enumerate().all(|(row, &entry)| inner[(row, column)] == entry));
            }
        }
    }

    #[test]
    fn the_first_entry_that_is_not_finite_is_named() {
        let mut a = Matrix::<f32>::zeros(3, 40);
        assert_eq!(a.view().check_finite("a"), Ok(()));
        a[(2, 1)] = f32::INFINITY;
        a[(1, 33)] = f32::NEG_INFINITY;
        assert_eq!(
            a.view().check_finite("a"),
            Err(Error::NotFiniteEntry { what: "a", row: 1, column: 33, value: f64::NEG_INFINITY })
        );
        // The largest numbers are finite, and so is the check of them.
        a.fill(f32::MAX);
        assert_eq!(a.view().check_finite("a"), Ok(()));
    }
}
