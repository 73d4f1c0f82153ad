//! Squared Euclidean distances by a matrix product, with the cancelled ones computed again.
//!
//! `|x - y|^2 = |x|^2 + |y|^2 - 2 x.y` costs one multiply-add a coordinate instead of a subtraction and a multiply-add, but its rounding
//! error is relative to `|x|^2 + |y|^2`. So the clouds are centred first, and every distance below 1/16 of
//! `|x|^2 + |y|^2` is computed again from the differences, with its whole tile of 16. What stays has lost at most four bits.

use super::extent::Extent;
use super::metric::Squared;
use super::panels::{Panels, WIDTH, tile};
use crate::error::Result;
use crate::matrix::{Operation, gemm};
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Mask, Simd};
use crate::{Matrix, MatrixView, MatrixViewMut, Scalar};
use std::ops::Range;

/// Coordinates from which on the product is as fast as differences with AVX2, where additions have ports of their own, and faster
/// where they share those of the products: see the bench `gemm`.
pub(super) const LEAST_DIMENSION: usize = 64;

/// The part of `|x|^2 + |y|^2` below which a distance is computed again.
const CANCELLED: f64 = 1.0 / 16.0;

/// Entries of a task after the product.
const ENTRIES_IN_TASK: usize = 1 << 16;

/// Whether products of centred coordinates neither overflow nor vanish in `T`.
pub(super) fn is_in_range<T: Scalar>(extent: &Extent) -> bool {
    extent.scale_for_squares::<T>() == 1.0
}

/// Distances of x (n, d) to y (m, d) into `out` (n, m). `x_points` are x row after row and `panels` is y, as they are.
pub(super) fn squared_into<T: Scalar>(
    x: MatrixView<'_, T>,
    y: MatrixView<'_, T>,
    x_points: &[T],
    panels: &Panels<T>,
    mut out: MatrixViewMut<'_, T>,
) -> Result<()> {
    let total = (x.rows() + y.rows()) as f64;
    let sums = x.wide_column_sums().into_iter().zip(y.wide_column_sums());
    let centre: Vec<f64> = sums.map(|(x, y)| x / total + y / total).collect();
    let (centred_x, norms_x) = centred(x, &centre);
    let (centred_y, norms_y) = centred(y, &centre);
    let minus_two = T::from_f64(-2.0);
    gemm(minus_two, &centred_x, Operation::Plain, &centred_y, Operation::Transpose, T::ZERO, out.reborrow())?;
    let d = x.columns();
    let rows = (ENTRIES_IN_TASK / y.rows().max(1)).max(1);
    out.for_each_row_chunk(rows, |first, mut part| {
        let rows = first..first + part.rows();
        let points = &x_points[rows.start * d..rows.end * d];
        let (columns, stride) = (part.columns(), part.row_stride());
        finish(points, &norms_x[rows], panels, &norms_y, part.strided_data(), 0..columns, stride);
    });
    Ok(())
}

/// The points minus the centre, and the squares of their lengths.
fn centred<T: Scalar>(points: MatrixView<'_, T>, centre: &[f64]) -> (Matrix<T>, Vec<T>) {
    let mut norms = Vec::with_capacity(points.rows());
    let mut out = Matrix::zeros(points.rows(), points.columns());
    for row in 0..points.rows() {
        let mut norm = 0.0;
        for ((out, value), centre) in out.row_mut(row).iter_mut().zip(points.row(row)).zip(centre) {
            *out = T::from_f64(value.to_f64() - centre);
            norm += out.to_f64() * out.to_f64();
        }
        norms.push(T::from_f64(norm));
    }
    (out, norms)
}

dispatch! {
    /// Adds the squares to minus twice the products in `out`, and computes again what cancelled.
    fn finish<T: Scalar>(
        points: &[T],
        norms_x: &[T],
        panels: &Panels<T>,
        norms_y: &[T],
        out: &mut [T],
        columns: Range<usize>,
        stride: usize,
    ) = finish_kernel
}

#[inline(always)]
fn finish_kernel<S: Simd, T: Scalar>(
    points: &[T],
    norms_x: &[T],
    panels: &Panels<T>,
    norms_y: &[T],
    out: &mut [T],
    columns: Range<usize>,
    stride: usize,
) {
    match <T as Vectorised>::Register::<S>::LANES {
        4 => finish_rows::<S, T, 4>(points, norms_x, panels, norms_y, out, columns, stride),
        8 => finish_rows::<S, T, 2>(points, norms_x, panels, norms_y, out, columns, stride),
        16 => finish_rows::<S, T, 1>(points, norms_x, panels, norms_y, out, columns, stride),
        lanes => unreachable!("a register of {lanes} lanes"),
    }
}

#[inline(always)]
fn finish_rows<S: Simd, T: Scalar, const REGISTERS: usize>(
    points: &[T],
    norms_x: &[T],
    panels: &Panels<T>,
    norms_y: &[T],
    out: &mut [T],
    columns: Range<usize>,
    stride: usize,
) {
    let lanes = T::Register::<S>::LANES;
    let d = points.len() / norms_x.len();
    let cancelled = T::Register::<S>::splat(T::from_f64(CANCELLED));
    let metric = Squared { factor: T::ONE };
    for (row, &norm) in norms_x.iter().enumerate() {
        let norm_x = T::Register::<S>::splat(norm);
        let out = &mut out[row * stride..][..columns.len()];
        let point = &points[row * d..][..d];
        for (panel, (out, norms)) in out.chunks_mut(WIDTH).zip(norms_y.chunks(WIDTH)).enumerate() {
            let mut products = [T::ZERO; WIDTH];
            let mut norms_y = [T::ZERO; WIDTH];
            products[..out.len()].copy_from_slice(out);
            norms_y[..norms.len()].copy_from_slice(norms);
            let mut again = false;
            for r in 0..REGISTERS {
                let norms = norm_x + T::Register::<S>::load(&norms_y[r * lanes..]);
                let distance = T::Register::<S>::load(&products[r * lanes..]) + norms;
                again |= !(norms * cancelled).le(distance).all();
                distance.store(&mut products[r * lanes..]);
            }
            if again {
                let tile = tile::<S, T, _, 1, REGISTERS>(metric, point, [panels.panel(panel)]);
                for r in 0..REGISTERS {
                    tile[0][r].store(&mut products[r * lanes..]);
                }
            }
            out.copy_from_slice(&products[..out.len()]);
        }
    }
}
