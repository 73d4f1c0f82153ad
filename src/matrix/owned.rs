//! The matrix that owns its entries.

use super::{MatrixView, MatrixViewMut};
use crate::Scalar;
use crate::error::{Error, Result};
use std::ops::{Index, IndexMut, Range};

/// A dense matrix: row-major, contiguous, owned.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(a[(1, 0)], 3.0);
/// assert_eq!(a.row(0), [1.0, 2.0]);
/// ```
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Matrix<T> {
    data: Vec<T>,
    rows: usize,
    columns: usize,
}

/// `rows * columns`, or why there can be no such matrix.
fn entries<T>(rows: usize, columns: usize) -> Result<usize> {
    match rows.checked_mul(columns) {
        Some(entries) if entries <= isize::MAX as usize / size_of::<T>() => Ok(entries),
        _ => Err(Error::Argument {
            name: "rows * columns",
            value: rows as f64 * columns as f64,
            requirement: "the entries must fit into the address space",
        }),
    }
}

impl<T: Scalar> Matrix<T> {
    /// A matrix of zeros.
    ///
    /// # Panics
    /// If the entries do not fit into the address space or the memory ([`Matrix::try_zeros`] checks the former).
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self::filled(rows, columns, T::ZERO)
    }

    /// A matrix of zeros.
    ///
    /// # Errors
    /// [`Error::Argument`] if the entries do not fit into the address space.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// assert_eq!(Matrix::<f32>::try_zeros(2, 3)?.shape(), (2, 3));
    /// assert!(Matrix::<f32>::try_zeros(usize::MAX, 3).is_err());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn try_zeros(rows: usize, columns: usize) -> Result<Self> {
        Ok(Self { data: vec![T::ZERO; entries::<T>(rows, columns)?], rows, columns })
    }

    /// A matrix with `value` everywhere.
    ///
    /// # Panics
    /// If the entries do not fit into the address space or the memory.
    pub fn filled(rows: usize, columns: usize, value: T) -> Self {
        let count = entries::<T>(rows, columns).unwrap_or_else(|error| panic!("{error}"));
        Self { data: vec![value; count], rows, columns }
    }

    /// The identity: ones on the diagonal, zeros elsewhere.
    ///
    /// # Panics
    /// If the entries do not fit into the address space or the memory.
    pub fn identity(size: usize) -> Self {
        let mut out = Self::zeros(size, size);
        for k in 0..size {
            out[(k, k)] = T::ONE;
        }
        out
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
        Self { data: rows.into_iter().flatten().collect(), rows: R, columns: C }
    }

    /// Copies rows whose lengths are known only at run time.
    ///
    /// # Errors
    /// [`Error::Shape`] if a row is not as long as the first one.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let a = Matrix::try_from_rows(&[vec![1.0, 2.0], vec![3.0, 4.0]])?;
    /// assert_eq!(a, Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]));
    /// assert!(Matrix::try_from_rows(&[vec![1.0, 2.0], vec![3.0]]).is_err());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn try_from_rows<R: AsRef<[T]>>(rows: &[R]) -> Result<Self> {
        let columns = rows.first().map_or(0, |row| row.as_ref().len());
        let mut data = Vec::with_capacity(entries::<T>(rows.len(), columns)?);
        for row in rows {
            let row = row.as_ref();
            if row.len() != columns {
                return Err(Error::Shape {
                    operation: "Matrix::try_from_rows",
                    what: "length of a row",
                    expected: columns,
                    got: row.len(),
                });
            }
            data.extend_from_slice(row);
        }
        Ok(Self { data, rows: rows.len(), columns })
    }

    /// The matrix with `function(row, column)` as entries, computed row after row.
    ///
    /// # Panics
    /// If the entries do not fit into the address space or the memory.
    pub fn from_fn(rows: usize, columns: usize, mut function: impl FnMut(usize, usize) -> T) -> Self {
        let count = entries::<T>(rows, columns).unwrap_or_else(|error| panic!("{error}"));
        let mut data = Vec::with_capacity(count);
        for row in 0..rows {
            for column in 0..columns {
                data.push(function(row, column));
            }
        }
        Self { data, rows, columns }
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
        self.data.is_empty()
    }

    /// The entries of one row.
    ///
    /// # Panics
    /// If `row` lies outside.
    #[inline]
    pub fn row(&self, row: usize) -> &[T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &self.data[row * self.columns..][..self.columns]
    }

    /// The entries of one row, to write.
    ///
    /// # Panics
    /// If `row` lies outside.
    #[inline]
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &mut self.data[row * self.columns..][..self.columns]
    }

    /// The rows, from the first to the last.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &[T]> + DoubleEndedIterator {
        self.view().iter_rows()
    }

    /// The entries of one column, from the first row to the last.
    ///
    /// # Panics
    /// If `column` lies outside.
    pub fn column(&self, column: usize) -> impl ExactSizeIterator<Item = T> + DoubleEndedIterator {
        self.view().column(column)
    }

    /// The entry, or `None` outside.
    pub fn get(&self, row: usize, column: usize) -> Option<T> {
        self.view().get(row, column)
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

    /// The same entries, row after row, in another shape.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of entries differs.
    pub fn reshape(self, rows: usize, columns: usize) -> Result<Self> {
        if rows.checked_mul(columns) != Some(self.data.len()) {
            return Err(Error::Shape {
                operation: "Matrix::reshape",
                what: "number of entries",
                expected: self.data.len(),
                got: rows.saturating_mul(columns),
            });
        }
        Ok(Self { data: self.data, rows, columns })
    }

    /// Borrows the whole matrix.
    #[inline]
    pub fn view(&self) -> MatrixView<'_, T> {
        MatrixView::from_parts(&self.data, self.rows, self.columns, self.columns)
    }

    /// Borrows the whole matrix, to write.
    #[inline]
    pub fn view_mut(&mut self) -> MatrixViewMut<'_, T> {
        MatrixViewMut::from_parts(&mut self.data, self.rows, self.columns, self.columns)
    }

    /// Borrows some consecutive rows.
    ///
    /// # Panics
    /// If `rows` lie outside.
    pub fn rows_range(&self, rows: Range<usize>) -> MatrixView<'_, T> {
        self.view().rows_range(rows)
    }

    /// Borrows a rectangle.
    ///
    /// # Panics
    /// If `rows` or `columns` lie outside.
    pub fn submatrix(&self, rows: Range<usize>, columns: Range<usize>) -> MatrixView<'_, T> {
        self.view().submatrix(rows, columns)
    }

    /// The matrix with rows and columns exchanged, copied block by block.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    /// assert_eq!(a.transposed(), Matrix::from_rows([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]]));
    /// ```
    pub fn transposed(&self) -> Self {
        self.view().transposed()
    }

    /// The matrix with `function(entry)` as entries.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let a = Matrix::from_rows([[1.0_f64, 4.0]]);
    /// assert_eq!(a.map(f64::sqrt), Matrix::from_rows([[1.0, 2.0]]));
    /// ```
    pub fn map<U: Scalar>(&self, function: impl FnMut(T) -> U) -> Matrix<U> {
        Matrix {
            data: self.data.iter().copied().map(function).collect(),
            rows: self.rows,
            columns: self.columns,
        }
    }

    /// The entries in the other precision, exactly or rounded to nearest.
    pub fn cast<U: Scalar>(&self) -> Matrix<U> {
        self.map(|value| U::from_f64(value.to_f64()))
    }

    /// Writes `value` everywhere.
    pub fn fill(&mut self, value: T) {
        self.data.fill(value);
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

impl<T: Scalar> AsRef<[T]> for Matrix<T> {
    fn as_ref(&self) -> &[T] {
        &self.data
    }
}

impl<T: Scalar> AsMut<[T]> for Matrix<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
}

impl<T: Scalar> From<MatrixView<'_, T>> for Matrix<T> {
    /// Copies the entries.
    fn from(view: MatrixView<'_, T>) -> Self {
        view.to_matrix()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_that_cannot_be_are_refused() {
        for (rows, columns) in [(usize::MAX, 2), (usize::MAX / 2, 1), (1 << 40, 1 << 40)] {
            assert!(
                matches!(
                    Matrix::<f64>::try_zeros(rows, columns),
                    Err(Error::Argument { name: "rows * columns", .. })
                ),
                "{rows} x {columns}"
            );
        }
        assert!(matches!(
            Matrix::from_vec(2, 2, vec![1.0; 3]),
            Err(Error::Shape { expected: 4, got: 3, .. })
        ));
        assert!(matches!(Matrix::from_vec(usize::MAX, 2, vec![1.0; 3]), Err(Error::Shape { .. })));
        assert!(Matrix::from_vec(0, 7, Vec::<f32>::new()).is_ok());
        assert!(matches!(
            Matrix::<f64>::zeros(2, 3).reshape(4, 2),
            Err(Error::Shape { expected: 6, got: 8, .. })
        ));
    }

    #[test]
    fn rows_columns_and_entries_are_where_they_should_be() {
        let mut a = Matrix::from_fn(3, 4, |row, column| (10 * row + column) as f32);
        assert_eq!(a.shape(), (3, 4));
        assert_eq!(a.row(2), [20.0, 21.0, 22.0, 23.0]);
        assert_eq!(a.column(1).collect::<Vec<_>>(), [1.0, 11.0, 21.0]);
        assert_eq!(a.iter_rows().map(|row| row[0]).collect::<Vec<_>>(), [0.0, 10.0, 20.0]);
        assert_eq!((a.get(2, 3), a.get(3, 0), a.get(0, 4)), (Some(23.0), None, None));
        a[(1, 2)] = -1.0;
        assert_eq!(a.row_mut(1)[2], -1.0);
        assert_eq!(a.cast::<f64>()[(1, 2)], -1.0_f64);
        assert_eq!(a.clone().reshape(6, 2).unwrap()[(3, 0)], -1.0);
        assert_eq!(Matrix::<f64>::identity(2), Matrix::from_rows([[1.0, 0.0], [0.0, 1.0]]));
        a.fill(2.0);
        assert_eq!(a, Matrix::filled(3, 4, 2.0));
    }

    #[test]
    #[should_panic(expected = "row 0 of 0")]
    fn a_row_of_an_empty_matrix_panics() {
        Matrix::<f64>::zeros(0, 3).row(0);
    }
}
