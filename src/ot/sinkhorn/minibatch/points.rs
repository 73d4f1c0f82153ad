//! From two clouds to their costs, and from dL/dC back to the points.
//!
//! Both clouds are measured from the first target point: differences stay what they are, and far from the origin no digits are lost.
//!
//! ```text
//! dL/dx = 2 (diag(W 1) x - W y)        dL/dy = 2 (diag(Wᵀ 1) y - Wᵀ x)
//! ```
//!
//! by matrix products, or with few coordinates by products of the rows.

use super::iterations::grow;
use super::kernels;
use crate::Scalar;
use crate::matrix::{MatrixView, MatrixViewMut, Operation, gemm};

/// Up to so many coordinates, products of the rows are faster than a general matrix product.
const FEW_COORDINATES: usize = 8;

/// Two clouds and what their gradients are computed in.
#[derive(Debug, Clone, Default)]
pub(super) struct Clouds<T> {
    n: usize,
    m: usize,
    stride: usize,
    dimension: usize,
    /// (n, d)
    x: Vec<T>,
    /// (m, d)
    y: Vec<T>,
    /// y, coordinate after coordinate: (d, stride), zero beyond m.
    coordinates: Vec<T>,
    /// W y or Wᵀ x, or W transposed.
    moments: Vec<T>,
    /// W 1 or Wᵀ 1.
    sums: Vec<T>,
}

impl<T: Scalar> Clouds<T> {
    /// Takes two clouds and writes their squared distances (n, stride); the largest of them.
    pub fn costs_into(
        &mut self,
        source: MatrixView<'_, T>,
        target: MatrixView<'_, T>,
        stride: usize,
        costs: &mut [T],
    ) -> T {
        let (n, m, d) = (source.rows(), target.rows(), source.columns());
        (self.n, self.m, self.dimension, self.stride) = (n, m, d, stride);
        grow(&mut self.x, n * d);
        grow(&mut self.y, m * d);
        grow(&mut self.coordinates, d * stride);
        let origin = target.row(0);
        for (points, out) in [(source, &mut self.x), (target, &mut self.y)] {
            for (row, out) in out.chunks_exact_mut(d).take(points.rows()).enumerate() {
                for ((out, &point), &origin) in out.iter_mut().zip(points.row(row)).zip(origin) {
                    *out = point - origin;
                }
            }
        }
        for (k, coordinates) in self.coordinates.chunks_exact_mut(stride).take(d).enumerate() {
            let column = self.y[k..].iter().step_by(d);
            coordinates[..m].iter_mut().zip(column).for_each(|(out, &y)| *out = y);
            // Points that are not there stand at the first target.
            coordinates[m..].fill(T::ZERO);
        }
        kernels::squared_distances(&self.x[..n * d], &self.coordinates[..d * stride], d, stride, costs)
    }

    /// dL/dx (n, d) times `factor`, written or added.
    pub fn source_gradient(
        &mut self,
        weights: &[T],
        factor: f64,
        accumulate: bool,
        out: &mut MatrixViewMut<'_, T>,
    ) {
        let Clouds { n, m, stride, dimension: d, .. } = *self;
        grow(&mut self.sums, n.max(stride));
        for (sum, row) in self.sums.iter_mut().zip(weights.chunks_exact(stride)) {
            *sum = crate::simd::sum(&row[..m]);
        }
        if d <= FEW_COORDINATES {
            grow(&mut self.moments, n * d);
            let moments = &mut self.moments[..n * d];
            kernels::row_moments(weights, &self.coordinates[..d * stride], stride, moments);
            finish(&self.x, &self.sums, |i, k| moments[i * d + k], factor, accumulate, out);
        } else {
            let weights = MatrixView::from_parts(weights, n, m, stride);
            let y = MatrixView::from_parts(&self.y[..m * d], m, d, d);
            multiply(weights, y, factor, accumulate, out);
            finish(&self.x, &self.sums, |_, _| T::ZERO, factor, true, out);
        }
    }

    /// dL/dy (m, d) times `factor`, written or added.
    pub fn target_gradient(
        &mut self,
        weights: &[T],
        factor: f64,
        accumulate: bool,
        out: &mut MatrixViewMut<'_, T>,
    ) {
        let Clouds { n, m, stride, dimension: d, .. } = *self;
        grow(&mut self.sums, n.max(stride));
        let sums = &mut self.sums[..stride];
        sums.fill(T::ZERO);
        for row in weights.chunks_exact(stride) {
            sums.iter_mut().zip(row).for_each(|(sum, &w)| *sum += w);
        }
        if d <= FEW_COORDINATES {
            grow(&mut self.moments, d * stride);
            let moments = &mut self.moments[..d * stride];
            kernels::column_moments(weights, &self.x[..n * d], stride, moments);
            finish(&self.y, &self.sums, |j, k| moments[k * stride + j], factor, accumulate, out);
        } else {
            grow(&mut self.moments, m * n);
            let transposed = &mut self.moments[..m * n];
            let target = MatrixViewMut::from_parts(transposed, m, n, n);
            let weights = MatrixView::from_parts(weights, n, m, stride);
            weights.transpose_into(target).expect("the transposed shape");
            let transposed = MatrixView::from_parts(&self.moments[..m * n], m, n, n);
            let x = MatrixView::from_parts(&self.x[..n * d], n, d, d);
            multiply(transposed, x, factor, accumulate, out);
            finish(&self.y, &self.sums, |_, _| T::ZERO, factor, true, out);
        }
    }
}

/// `out = -2 factor weights points`, or `+=`.
fn multiply<T: Scalar>(
    weights: MatrixView<'_, T>,
    points: MatrixView<'_, T>,
    factor: f64,
    accumulate: bool,
    out: &mut MatrixViewMut<'_, T>,
) {
    let beta = if accumulate { T::ONE } else { T::ZERO };
    let alpha = T::from_f64(-2.0 * factor);
    gemm(alpha, weights, Operation::Plain, points, Operation::Plain, beta, out.reborrow())
        .expect("shapes were checked");
}

/// `out = 2 factor (sum point - moment)`, or `+=`.
fn finish<T: Scalar>(
    points: &[T],
    sums: &[T],
    moment: impl Fn(usize, usize) -> T,
    factor: f64,
    accumulate: bool,
    out: &mut MatrixViewMut<'_, T>,
) {
    let (d, factor) = (out.columns(), T::from_f64(2.0 * factor));
    for (row, (point, &sum)) in points.chunks_exact(d).zip(sums).take(out.rows()).enumerate() {
        for (k, (out, &x)) in out.row_mut(row).iter_mut().zip(point).enumerate() {
            let value = factor * (sum * x - moment(row, k));
            *out = if accumulate { *out + value } else { value };
        }
    }
}
