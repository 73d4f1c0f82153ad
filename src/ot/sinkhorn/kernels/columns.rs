//! Sums over the columns of a block.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use super::Register;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// `columns[j] += Σ factors[k] rows[k, j]` over the `ROWS` rows of `block`, in their order.
#[inline(always)]
fn add_some_rows<S: Simd, A: Scalar, const ROWS: usize>(block: &[A], factors: &[A], columns: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    let length = columns.len();
    let mut rows = [&block[..0]; ROWS];
    let mut factor = [Register::<S, A>::constant(0.0); ROWS];
    for k in 0..ROWS {
        rows[k] = &block[k * length..][..length];
        factor[k] = Register::<S, A>::splat(factors[k]);
    }
    let mut start = 0;
    while start + lanes <= length {
        let mut sum = Register::<S, A>::load(&columns[start..]);
        for k in 0..ROWS {
            sum = Register::<S, A>::load(&rows[k][start..]).mul_add(factor[k], sum);
        }
        sum.store(&mut columns[start..]);
        start += lanes;
    }
    if start < length {
        let mut sum = Register::<S, A>::load_partial(&columns[start..], A::ZERO);
        for k in 0..ROWS {
            sum = Register::<S, A>::load_partial(&rows[k][start..], A::ZERO).mul_add(factor[k], sum);
        }
        sum.store_partial(&mut columns[start..]);
    }
}

#[inline(always)]
pub(super) fn add_rows_kernel<S: Simd, A: Scalar>(block: &[A], factors: &[A], columns: &mut [A]) {
    let length = columns.len();
    let mut row = 0;
    while row + 8 <= factors.len() {
        add_some_rows::<S, A, 8>(&block[row * length..], &factors[row..], columns);
        row += 8;
    }
    while row + 4 <= factors.len() {
        add_some_rows::<S, A, 4>(&block[row * length..], &factors[row..], columns);
        row += 4;
    }
    while row < factors.len() {
        add_some_rows::<S, A, 1>(&block[row * length..], &factors[row..], columns);
        row += 1;
    }
}

dispatch! {
    /// `columns[j] += Σ factors[k] block[k, j]`, row after row: the columns are read and written once for eight rows.
    pub(crate) fn add_rows<A: Scalar>(block: &[A], factors: &[A], columns: &mut [A]) = add_rows_kernel
}
