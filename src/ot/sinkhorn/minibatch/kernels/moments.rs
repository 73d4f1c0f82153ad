//! Sums of coordinates weighted by the entries of a matrix: from the gradient of the costs to that of the points.

use super::products::{add_rows, row_products};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::Simd;

#[inline(always)]
fn row_moments_kernel<S: Simd, A: Scalar>(weights: &[A], coordinates: &[A], stride: usize, out: &mut [A]) {
    let dimension = coordinates.len() / stride;
    for (row, out) in weights.chunks_exact(stride).zip(out.chunks_exact_mut(dimension)) {
        for (k, out) in out.iter_mut().enumerate() {
            let [sum] = row_products::<S, A, 1>(row, &coordinates[k * stride..][..stride]);
            *out = sum;
        }
    }
}

dispatch! {
    /// `out[i, k] = Σⱼ Wᵢⱼ coordinates[k, j]`, for few coordinates.
    pub(in super::super) fn row_moments<A: Scalar>(
        weights: &[A],
        coordinates: &[A],
        stride: usize,
        out: &mut [A],
    ) = row_moments_kernel
}

#[inline(always)]
fn column_moments_kernel<S: Simd, A: Scalar>(weights: &[A], points: &[A], stride: usize, out: &mut [A]) {
    out.fill(A::ZERO);
    let dimension = out.len() / stride;
    for (row, point) in weights.chunks_exact(stride).zip(points.chunks_exact(dimension)) {
        for (k, &x) in point.iter().enumerate() {
            add_rows::<S, A, 1>(row, [x], &mut out[k * stride..][..stride]);
        }
    }
}

dispatch! {
    /// `out[k, j] = Σᵢ Wᵢⱼ points[i, k]`, for few coordinates.
    pub(in super::super) fn column_moments<A: Scalar>(
        weights: &[A],
        points: &[A],
        stride: usize,
        out: &mut [A],
    ) = column_moments_kernel
}
