//! Borrowed matrices with a row stride.

use crate::Scalar;
use crate::error::{Error, Result};

/// A borrowed matrix: rows of contiguous entries, `row_stride` apart.
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
        Ok(Self {
            data,
            rows,
            columns,
            row_stride,
        })
    }

    /// The same, for an extent known to fit.
    pub(crate) fn from_parts(data: &'a [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            row_stride,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Distance between the starts of two consecutive rows, in entries.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// The entries of one row.
    #[inline]
    pub fn row(&self, row: usize) -> &'a [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &self.data[row * self.row_stride..][..self.columns]
    }
}

/// A borrowed matrix to write: rows of contiguous entries, `row_stride` apart.
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
        Ok(Self {
            data,
            rows,
            columns,
            row_stride,
        })
    }

    /// The same, for an extent known to fit.
    pub(crate) fn from_parts(data: &'a mut [T], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self {
            data,
            rows,
            columns,
            row_stride,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Distance between the starts of two consecutive rows, in entries.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// The entries of one row, to write.
    #[inline]
    pub fn row_mut(&mut self, row: usize) -> &mut [T] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        &mut self.data[row * self.row_stride..][..self.columns]
    }
}

/// Whether a strided extent fits into `length` entries without rows that overlap.
fn check_extent(
    operation: &'static str,
    length: usize,
    rows: usize,
    columns: usize,
    row_stride: usize,
) -> Result<()> {
    if rows > 1 && row_stride < columns {
        return Err(Error::Shape {
            operation,
            what: "row stride",
            expected: columns,
            got: row_stride,
        });
    }
    let needed = match rows.checked_sub(1) {
        None => Some(0),
        Some(last) => last
            .checked_mul(row_stride)
            .and_then(|start| start.checked_add(columns)),
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

impl<'a, T: Scalar> From<&'a super::Matrix<T>> for MatrixView<'a, T> {
    fn from(matrix: &'a super::Matrix<T>) -> Self {
        matrix.view()
    }
}
