//! Matrix products: `C = alpha op(A) op(B) + beta C`.
//!
//! Here are the shapes and the choice between two ways: large products on processors with AVX2 are ours, [`packed`] (its [`tiles`]
//! run at 95% of what the processor can do, and finished rows can be [worked on](then) while they are in the cache); all others are
//! [faer's](by_faer). Either way the result has the same bits for any number of threads.
//! Letters: op(A) is (m, k), op(B) is (k, n), C is (m, n). Cost: 2 m n k flops.
//!
//! Accuracy: each entry is a sum of k products, `|error| <= k EPS |op(A)| |op(B)|` entry by entry, for any order of summation.

mod by_faer;
mod packed;
mod packing;
#[cfg(test)]
mod tests;
mod then;
mod tiles;

pub(crate) use by_faer::multiply;
pub(crate) use then::{GRANULE, Then};

use super::view_mut::check_shape;
use super::{Matrix, MatrixView, MatrixViewMut};
use crate::Scalar;
use crate::error::{Error, Result};

/// Which way round a factor of a product is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operation {
    /// As it is.
    #[default]
    Plain,
    /// Transposed.
    Transpose,
}

impl Operation {
    /// Rows and columns of `op(matrix)`.
    fn shape<T: Scalar>(self, matrix: MatrixView<'_, T>) -> (usize, usize) {
        match self {
            Operation::Plain => matrix.shape(),
            Operation::Transpose => (matrix.columns(), matrix.rows()),
        }
    }
}

/// `C = alpha op(A) op(B) + beta C`, in place.
///
/// As in BLAS, `beta = 0` overwrites C without reading it, NaN included, and `alpha = 0` does not read A and B.
/// Memory: large products copy pieces of the factors into memory that the calling thread keeps for the next ones of
/// the element type, 16 MB at most (and every thread that works on it a block, 0.3 MB); others copy a transposed A in
/// blocks of at most 512 m numbers, unless they are small.
///
/// # Errors
/// [`Error::Shape`] if op(A) (m, k), op(B) (k, n) and C (m, n) do not fit together.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::matrix::{Operation, gemm};
/// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
/// let b = Matrix::from_rows([[1.0, 0.0], [1.0, 1.0]]);
/// let mut c = Matrix::filled(2, 2, 10.0);
/// gemm(1.0, &a, Operation::Transpose, &b, Operation::Plain, 0.5, &mut c)?;
/// assert_eq!(c, Matrix::from_rows([[9.0, 8.0], [11.0, 9.0]]));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn gemm<'a, T: Scalar>(
    alpha: T,
    a: impl Into<MatrixView<'a, T>>,
    operation_a: Operation,
    b: impl Into<MatrixView<'a, T>>,
    operation_b: Operation,
    beta: T,
    c: impl Into<MatrixViewMut<'a, T>>,
) -> Result<()> {
    let (a, b, mut c) = (a.into(), b.into(), c.into());
    let (m, k) = operation_a.shape(a);
    let (rows_b, n) = operation_b.shape(b);
    if rows_b != k {
        return Err(Error::Shape {
            operation: "gemm",
            what: "number of rows of the second factor",
            expected: k,
            got: rows_b,
        });
    }
    check_shape("gemm", (m, n), c.shape())?;
    if m == 0 || n == 0 {
        return Ok(());
    }
    let no_product = k == 0 || alpha == T::ZERO;
    if beta == T::ZERO {
        if no_product {
            c.fill(T::ZERO);
        }
    } else if beta != T::ONE {
        scale(beta, c.reborrow());
    }
    if no_product {
        return Ok(());
    }
    if packed::suits(m, n, k) {
        packed::multiply(Product {
            alpha,
            a: (a, operation_a),
            b: (b, operation_b),
            accumulate: beta != T::ZERO,
            c,
        });
    } else if operation_a == Operation::Transpose && m >= 16 && n >= 64 && k >= 16 {
        by_faer::multiply_transposed(alpha, a, (b, operation_b), beta != T::ZERO, c);
    } else {
        T::multiply(Product {
            alpha,
            a: (a, operation_a),
            b: (b, operation_b),
            accumulate: beta != T::ZERO,
            c,
        });
    }
    Ok(())
}

/// `C = op(A) op(B)`, and what then becomes of the rows of C, which lie close.
pub(crate) fn gemm_then<T: Scalar>(
    a: (MatrixView<'_, T>, Operation),
    b: (MatrixView<'_, T>, Operation),
    mut c: MatrixViewMut<'_, T>,
    then: Then<'_, T>,
) -> Result<()> {
    let (m, k) = a.1.shape(a.0);
    if packed::suits(m, c.columns(), k) && b.1.shape(b.0) == (k, c.columns()) && c.rows() == m {
        packed::multiply_then(Product { alpha: T::ONE, a, b, accumulate: false, c }, Some(then));
        return Ok(());
    }
    gemm(T::ONE, a.0, a.1, b.0, b.1, T::ZERO, c.reborrow())?;
    then.run(c);
    Ok(())
}

/// The product `A B`.
///
/// # Errors
/// [`Error::Shape`] if A does not have as many columns as B has rows.
///
/// # Panics
/// If the entries of the product do not fit into the memory.
///
/// # Examples
/// ```
/// use brenier::{Matrix, matrix::matmul};
/// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
/// let x = Matrix::from_rows([[1.0], [10.0]]);
/// assert_eq!(matmul(&a, &x)?, Matrix::from_rows([[21.0], [43.0]]));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn matmul<'a, T: Scalar>(
    a: impl Into<MatrixView<'a, T>>,
    b: impl Into<MatrixView<'a, T>>,
) -> Result<Matrix<T>> {
    let (a, b) = (a.into(), b.into());
    let mut c = Matrix::zeros(a.rows(), b.columns());
    gemm(T::ONE, a, Operation::Plain, b, Operation::Plain, T::ZERO, c.view_mut())?;
    Ok(c)
}

/// `C = beta C`.
fn scale<T: Scalar>(beta: T, mut c: MatrixViewMut<'_, T>) {
    const ENTRIES_IN_TASK: usize = 1 << 16;
    let rows = (ENTRIES_IN_TASK / c.columns().max(1)).max(1);
    c.for_each_row_chunk(rows, |_, mut part| {
        for row in 0..part.rows() {
            for value in part.row_mut(row) {
                *value *= beta;
            }
        }
    });
}

/// `C = alpha op(A) op(B)`, or `+=`, with shapes that fit and no empty side.
pub struct Product<'a, T> {
    alpha: T,
    a: (MatrixView<'a, T>, Operation),
    b: (MatrixView<'a, T>, Operation),
    accumulate: bool,
    c: MatrixViewMut<'a, T>,
}
