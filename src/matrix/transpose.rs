//! Transposing by blocks.

// Two indices that change places read best as indices.
#![allow(clippy::needless_range_loop)]

use super::view_mut::check_shape;
use super::{Matrix, MatrixView, MatrixViewMut};
use crate::Scalar;
use crate::error::Result;

/// Rows of the result in one task, and rows and columns of a block: a block reads and writes whole cache lines, few enough
/// of them to stay in the first-level cache even where a row stride is a power of two.
const ROWS_IN_TASK: usize = 64;
const BLOCK: usize = 16;

impl<T: Scalar> MatrixView<'_, T> {
    /// The matrix with rows and columns exchanged, copied block by block.
    pub fn transposed(self) -> Matrix<T> {
        let mut out = Matrix::zeros(self.columns(), self.rows());
        self.transpose_into(out.view_mut()).expect("the transposed shape");
        out
    }

    /// The same into `out` (columns, rows).
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if `out` has another shape.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let a = Matrix::from_rows([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    /// let mut out = Matrix::zeros(2, 2);
    /// a.submatrix(0..2, 1..3).transpose_into(out.view_mut())?;
    /// assert_eq!(out, Matrix::from_rows([[2.0, 5.0], [3.0, 6.0]]));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn transpose_into(self, mut out: MatrixViewMut<'_, T>) -> Result<()> {
        check_shape("transpose_into", (self.columns(), self.rows()), out.shape())?;
        out.for_each_row_chunk(ROWS_IN_TASK, |first, mut part| {
            for row in (0..part.rows()).step_by(BLOCK) {
                let height = BLOCK.min(part.rows() - row);
                for column in (0..part.columns()).step_by(BLOCK) {
                    let width = BLOCK.min(part.columns() - column);
                    // block: (width, height) of self
                    let mut block = [[T::ZERO; BLOCK]; BLOCK];
                    for i in 0..width {
                        let source = &self.row(column + i)[first + row..][..height];
                        block[i][..height].copy_from_slice(source);
                    }
                    for j in 0..height {
                        let target = &mut part.row_mut(row + j)[column..][..width];
                        for i in 0..width {
                            target[i] = block[i][j];
                        }
                    }
                }
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn entries_change_places() {
        for (rows, columns) in [(0, 3), (3, 0), (1, 1), (1, 9), (9, 1), (7, 8), (8, 16), (65, 130), (200, 67)]
        {
            let a = Matrix::from_fn(rows, columns, |row, column| (1000 * row + column) as f32);
            let expected = Matrix::from_fn(columns, rows, |row, column| (1000 * column + row) as f32);
            assert_eq!(a.transposed(), expected);
            assert_eq!(a.transposed().transposed(), a);
        }
    }

    #[test]
    fn a_rectangle_is_transposed_into_a_rectangle() {
        let a = Matrix::from_fn(40, 50, |row, column| (100 * row + column) as f64);
        let source = a.submatrix(3..33, 10..27);
        let mut out = Matrix::filled(20, 40, -1.0);
        source.transpose_into(out.view_mut().submatrix(2..19, 5..35)).unwrap();
        let expected = Matrix::from_fn(20, 40, |row, column| {
            if (2..19).contains(&row) && (5..35).contains(&column) {
                (100 * (column - 5 + 3) + row - 2 + 10) as f64
            } else {
                -1.0
            }
        });
        assert_eq!(out, expected);
        assert!(matches!(
            source.transpose_into(out.view_mut()),
            Err(Error::Shape { expected: 17, got: 20, .. })
        ));
    }
}
