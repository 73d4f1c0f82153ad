//! Eigenvalues and singular values, by faer on one thread: the same bits whatever the number of threads.

use crate::error::{Error, Result};
use crate::matrix::Matrix;
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{MatMut, MatRef, Par, Spec};

/// `A = U diag(values) Uᵀ` of a symmetric matrix: the eigenvalues in ascending order, and U with an eigenvector in each column.
pub(super) fn symmetric_eigen(what: &'static str, matrix: &Matrix<f64>) -> Result<(Vec<f64>, Matrix<f64>)> {
    let size = matrix.rows();
    let mut values = vec![0.0; size];
    let mut vectors = vec![0.0; size * size];
    let scratch = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    self_adjoint_evd(
        MatRef::from_row_major_slice(matrix.as_slice(), size, size),
        DiagMut::from_slice_mut(&mut values),
        Some(MatMut::from_column_major_slice_mut(&mut vectors, size, size)),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|_| Error::Decomposition { what })?;
    Ok((values, transposed_square(vectors, size)))
}

/// A square matrix as `W diag(values) Vᵀ`, with singular vectors in the columns of W and V.
pub(super) struct Singular {
    pub left: Matrix<f64>,
    pub values: Vec<f64>,
    pub right: Matrix<f64>,
}

/// The singular values, in descending order, and vectors of a square matrix. Both bases are complete where singular values
/// are zero.
pub(super) fn singular(what: &'static str, matrix: &Matrix<f64>) -> Result<Singular> {
    let size = matrix.rows();
    let mut values = vec![0.0; size];
    let (mut left, mut right) = (vec![0.0; size * size], vec![0.0; size * size]);
    let both = ComputeSvdVectors::Full;
    let scratch = svd_scratch::<f64>(size, size, both, both, Par::Seq, Spec::default());
    svd(
        MatRef::from_row_major_slice(matrix.as_slice(), size, size),
        DiagMut::from_slice_mut(&mut values),
        Some(MatMut::from_column_major_slice_mut(&mut left, size, size)),
        Some(MatMut::from_column_major_slice_mut(&mut right, size, size)),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Spec::default(),
    )
    .map_err(|_| Error::Decomposition { what })?;
    Ok(Singular { left: transposed_square(left, size), values, right: transposed_square(right, size) })
}

/// The row-major matrix of column-major entries.
fn transposed_square(entries: Vec<f64>, size: usize) -> Matrix<f64> {
    Matrix::from_fn(size, size, |row, column| entries[column * size + row])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Operation, gemm};
    use crate::random::RandomStream;

    fn product_with_transposed(a: &Matrix<f64>, b: &Matrix<f64>) -> Matrix<f64> {
        let mut c = Matrix::zeros(a.rows(), b.rows());
        gemm(1.0, a, Operation::Plain, b, Operation::Transpose, 0.0, &mut c).unwrap();
        c
    }

    fn scaled_columns(a: &Matrix<f64>, factors: &[f64]) -> Matrix<f64> {
        Matrix::from_fn(a.rows(), a.columns(), |i, j| a[(i, j)] * factors[j])
    }

    fn assert_close(a: &Matrix<f64>, b: &Matrix<f64>, tolerance: f64) {
        for (x, y) in a.as_slice().iter().zip(b.as_slice()) {
            assert!((x - y).abs() <= tolerance, "{x} {y}");
        }
    }

    #[test]
    fn factors_multiply_to_the_matrix_and_are_orthogonal() {
        for size in [1, 2, 3, 17, 80] {
            let mut random = RandomStream::new(size as u64);
            let x = random.normal_matrix::<f64>(size, size);
            let symmetric = product_with_transposed(&x, &x);
            // Backward stability: k EPS times the norm, with k a small multiple of the size.
            let tolerance = 32.0 * size as f64 * f64::EPSILON * (4 * size) as f64;
            let (values, vectors) = symmetric_eigen("test", &symmetric).unwrap();
            let back = product_with_transposed(&scaled_columns(&vectors, &values), &vectors);
            assert_close(&back, &symmetric, tolerance);
            assert_close(&product_with_transposed(&vectors, &vectors), &Matrix::identity(size), tolerance);
            assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));

            let parts = singular("test", &x).unwrap();
            let back = product_with_transposed(&scaled_columns(&parts.left, &parts.values), &parts.right);
            assert_close(&back, &x, tolerance);
            assert!(parts.values.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn bases_are_complete_where_singular_values_are_zero() {
        let mut rank_one = Matrix::zeros(4, 4);
        rank_one[(2, 1)] = 3.0;
        for matrix in [rank_one, Matrix::zeros(4, 4)] {
            let parts = singular("test", &matrix).unwrap();
            for basis in [&parts.left, &parts.right] {
                assert_close(&product_with_transposed(basis, basis), &Matrix::identity(4), 1e-15);
            }
        }
    }
}
