//! The vector kernels of log-domain convolutions: exponentials after a shift by the largest, and logarithms back.

use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;

/// The shift of a line whose largest entry is `largest`: zero where all its entries are log 0.
#[inline(always)]
fn shift(largest: f64) -> f64 {
    if largest == f64::NEG_INFINITY { 0.0 } else { largest }
}

#[inline(always)]
fn exp_rows_kernel<S: Simd>(x: &[f64], columns: usize, out: &mut [f64], largest: &mut [f64]) {
    let lanes = S::F64::LANES;
    for ((x, out), largest) in x.chunks(columns).zip(out.chunks_mut(columns)).zip(largest) {
        let mut most = S::F64::splat(f64::NEG_INFINITY);
        for part in x.chunks(lanes) {
            most = S::F64::load_partial(part, f64::NEG_INFINITY).max(most);
        }
        *largest = most.reduce_max();
        let down = S::F64::splat(shift(*largest));
        for (part, out) in x.chunks(lanes).zip(out.chunks_mut(lanes)) {
            exp_flushed(S::F64::load_partial(part, 0.0) - down).store_partial(out);
        }
    }
}

dispatch! {
    /// For each row of x: its largest entry m, and `exp(x - m)`, zero where that is below the smallest normal number.
    pub(super) fn exp_rows(x: &[f64], columns: usize, out: &mut [f64], largest: &mut [f64]) = exp_rows_kernel
}

#[inline(always)]
fn exp_columns_kernel<S: Simd>(x: &[f64], columns: usize, out: &mut [f64], largest: &mut [f64]) {
    let lanes = S::F64::LANES;
    for most in largest.iter_mut() {
        *most = f64::NEG_INFINITY;
    }
    for row in x.chunks(columns) {
        for (part, most) in row.chunks(lanes).zip(largest.chunks_mut(lanes)) {
            let larger = S::F64::load_partial(part, 0.0).max(S::F64::load_partial(most, 0.0));
            larger.store_partial(most);
        }
    }
    for (row, out) in x.chunks(columns).zip(out.chunks_mut(columns)) {
        for ((part, out), most) in row.chunks(lanes).zip(out.chunks_mut(lanes)).zip(largest.chunks(lanes)) {
            let most = S::F64::load_partial(most, 0.0);
            let empty = most.eq(S::F64::splat(f64::NEG_INFINITY));
            let down = S::F64::select(empty, S::F64::splat(0.0), most);
            exp_flushed(S::F64::load_partial(part, 0.0) - down).store_partial(out);
        }
    }
}

dispatch! {
    /// The same along the columns of x.
    pub(super) fn exp_columns(x: &[f64], columns: usize, out: &mut [f64], largest: &mut [f64]) = exp_columns_kernel
}

#[inline(always)]
fn log_rows_kernel<S: Simd>(sums: &mut [f64], columns: usize, largest: &[f64]) {
    let lanes = S::F64::LANES;
    for (row, largest) in sums.chunks_mut(columns).zip(largest) {
        let up = S::F64::splat(shift(*largest));
        for part in row.chunks_mut(lanes) {
            (ln(S::F64::load_partial(part, 1.0)) + up).store_partial(part);
        }
    }
}

dispatch! {
    /// `m + log(sum)` in each row.
    pub(super) fn log_rows(sums: &mut [f64], columns: usize, largest: &[f64]) = log_rows_kernel
}

#[inline(always)]
fn log_columns_kernel<S: Simd>(sums: &mut [f64], columns: usize, largest: &[f64]) {
    let lanes = S::F64::LANES;
    for row in sums.chunks_mut(columns) {
        for (part, most) in row.chunks_mut(lanes).zip(largest.chunks(lanes)) {
            let most = S::F64::load_partial(most, 0.0);
            let empty = most.eq(S::F64::splat(f64::NEG_INFINITY));
            let up = S::F64::select(empty, S::F64::splat(0.0), most);
            (ln(S::F64::load_partial(part, 1.0)) + up).store_partial(part);
        }
    }
}

dispatch! {
    /// `m + log(sum)` in each column.
    pub(super) fn log_columns(sums: &mut [f64], columns: usize, largest: &[f64]) = log_columns_kernel
}
