//! Squared Euclidean distances of many coordinates as a matrix product.

use crate::matrix::{Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::scalar::Scalar;
use std::ops::Range;

/// From this many coordinates on a product is faster than differences.
pub(super) const LEAST_DIMENSION: usize = 16;

/// |x - y|² = (-2x, |x|², 1) · (y, 1, |y|²) of clouds moved to their common mean: one multiply-add a coordinate, at the speed of a matrix
/// product. It errs by about EPS (|x|² + |y|²), which is what potentials of that size are rounded to, but more than differences do
/// where clouds are far apart and their points close to each other.
pub(crate) struct ProductCosts<A> {
    x: Matrix<A>,
    y: Matrix<A>,
}

impl<A: Scalar> ProductCosts<A> {
    /// For clouds x (n, d) and y (m, d), moved by `centre`.
    pub fn new<T: Scalar>(x: MatrixView<'_, T>, y: MatrixView<'_, T>, centre: &[f64]) -> Self {
        let dimension = x.columns();
        let extended = |points: MatrixView<'_, T>, factor: f64, square_at: usize| {
            let mut extended = Matrix::zeros(points.rows(), dimension + 2);
            for row in 0..points.rows() {
                let out = extended.row_mut(row);
                let mut square = 0.0;
                for ((out, value), centre) in out.iter_mut().zip(points.row(row)).zip(centre) {
                    // The square is that of the point as it is rounded here.
                    let coordinate = A::from_f64(value.to_f64() - centre);
                    square += coordinate.to_f64() * coordinate.to_f64();
                    *out = coordinate * A::from_f64(factor);
                }
                out[dimension..].fill(A::ONE);
                out[square_at] = A::from_f64(square);
            }
            extended
        };
        Self { x: extended(x, -2.0, dimension), y: extended(y, 1.0, dimension + 1) }
    }

    /// |xᵢ - yⱼ|² of all columns and the rows in `rows`, row after row, over all of `out`.
    pub fn block_into(&self, rows: Range<usize>, out: &mut [A]) {
        let (count, width) = (rows.len(), self.y.rows());
        let out = MatrixViewMut::from_parts(out, count, width, width);
        let x = self.x.view().rows_range(rows);
        gemm(A::ONE, x, Operation::Plain, &self.y, Operation::Transpose, A::ZERO, out)
            .expect("the shapes fit");
    }
}
