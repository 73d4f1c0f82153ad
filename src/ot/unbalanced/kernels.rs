//! The kernels of a damped pass: passes over a block of rows, which is (rows, m), row after row.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use crate::scalar::{Scalar, Vectorised};
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};

type Register<S, A> = <A as Vectorised>::Register<S>;

/// Registers of partial results that a loop keeps: enough to hide the latency of an addition.
const STRANDS: usize = 4;

/// What the exponents of a pass are made of: those of row i are vⱼ - Cᵢⱼ/ε within ± `bound`, plus the shift of the row.
#[derive(Clone, Copy)]
pub(super) struct Exponents<'v, A> {
    /// (m)
    pub v: &'v [A],
    pub inverse_epsilon: A,
    /// Nothing beyond it is a number to calculate with: sums of several such stay finite.
    pub bound: A,
}

/// The exponents of some columns, without the shift.
#[inline(always)]
fn exponent<L: Lanes>(cost: L, v: L, slope: L, bound: L) -> L {
    cost.mul_add(slope, v).max(-bound).min(bound)
}

#[inline(always)]
fn largest_exponent_kernel<S: Simd, A: Scalar>(costs: &[A], exponents: Exponents<'_, A>) -> A {
    let lanes = Register::<S, A>::LANES;
    let slope = Register::<S, A>::splat(-exponents.inverse_epsilon);
    let bound = Register::<S, A>::splat(exponents.bound);
    let mut largest = Register::<S, A>::splat(-exponents.bound);
    for (cost, v) in costs.chunks(lanes).zip(exponents.v.chunks(lanes)) {
        let v = Register::<S, A>::load_partial(v, -exponents.bound);
        let cost = Register::<S, A>::load_partial(cost, A::ZERO);
        largest = largest.max(exponent(cost, v, slope, bound));
    }
    largest.reduce_max()
}

dispatch! {
    /// The largest exponent of one row, given its costs.
    pub(super) fn largest_exponent<A: Scalar>(costs: &[A], exponents: Exponents<'_, A>) -> A = largest_exponent_kernel
}

#[inline(always)]
fn exponentials_kernel<S: Simd, A: Scalar>(
    block: &mut [A],
    shifts: &[A],
    exponents: Exponents<'_, A>,
    sums: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let columns = exponents.v.len();
    let slope = Register::<S, A>::splat(-exponents.inverse_epsilon);
    let bound = Register::<S, A>::splat(exponents.bound);
    for (row, costs) in block.chunks_exact_mut(columns).enumerate() {
        let shift = Register::<S, A>::splat(shifts[row]);
        let mut strands = [Register::<S, A>::constant(0.0); STRANDS];
        let mut groups = costs.chunks_exact_mut(STRANDS * lanes);
        let mut potentials = exponents.v.chunks_exact(STRANDS * lanes);
        for (group, v) in (&mut groups).zip(&mut potentials) {
            for k in 0..STRANDS {
                let part = &mut group[k * lanes..];
                let v = Register::<S, A>::load(&v[k * lanes..]);
                let e = exp_flushed(exponent(Register::<S, A>::load(part), v, slope, bound) + shift);
                e.store(part);
                strands[k] = strands[k] + e;
            }
        }
        let rest = groups.into_remainder().chunks_mut(lanes);
        for (part, v) in rest.zip(potentials.remainder().chunks(lanes)) {
            let cost = Register::<S, A>::load_partial(part, A::ZERO);
            // Lanes beyond the end: far below what any exponential sees, whatever the bound is.
            let x = cost.mul_add(slope, Register::<S, A>::load_partial(v, -A::INFINITY));
            let e = exp_flushed(x.min(bound) + shift);
            e.store_partial(part);
            strands[0] = strands[0] + e;
        }
        sums[row] = ((strands[0] + strands[1]) + (strands[2] + strands[3])).reduce_sum();
    }
}

dispatch! {
    /// Costs become exponentials, zero below the smallest normal number, and `sums` their row sums.
    pub(super) fn exponentials<A: Scalar>(
        block: &mut [A],
        shifts: &[A],
        exponents: Exponents<'_, A>,
        sums: &mut [A],
    ) = exponentials_kernel
}

/// `columns[j] += Σ factors[k] block[k, j]` over `ROWS` rows, in their order.
#[inline(always)]
fn add_some_rows<S: Simd, A: Scalar, const ROWS: usize>(block: &[A], factors: &[A], columns: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    let length = columns.len();
    let mut factor = [Register::<S, A>::constant(0.0); ROWS];
    for k in 0..ROWS {
        factor[k] = Register::<S, A>::splat(factors[k]);
    }
    let whole = length - length % lanes;
    for start in (0..whole).step_by(lanes) {
        let mut sum = Register::<S, A>::load(&columns[start..]);
        for k in 0..ROWS {
            sum = Register::<S, A>::load(&block[k * length + start..]).mul_add(factor[k], sum);
        }
        sum.store(&mut columns[start..]);
    }
    if whole < length {
        let mut sum = Register::<S, A>::load_partial(&columns[whole..], A::ZERO);
        for k in 0..ROWS {
            let entries = &block[k * length + whole..(k + 1) * length];
            sum = Register::<S, A>::load_partial(entries, A::ZERO).mul_add(factor[k], sum);
        }
        sum.store_partial(&mut columns[whole..]);
    }
}

#[inline(always)]
fn add_rows_kernel<S: Simd, A: Scalar>(block: &[A], factors: &[A], columns: &mut [A]) {
    let length = columns.len();
    let mut row = 0;
    while row + 8 <= factors.len() {
        add_some_rows::<S, A, 8>(&block[row * length..], &factors[row..], columns);
        row += 8;
    }
    while row < factors.len() {
        add_some_rows::<S, A, 1>(&block[row * length..], &factors[row..], columns);
        row += 1;
    }
}

dispatch! {
    /// `columns[j] += Σ factors[k] block[k, j]`, row after row: the columns are read and written once for eight rows.
    pub(super) fn add_rows<A: Scalar>(block: &[A], factors: &[A], columns: &mut [A]) = add_rows_kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::test_at_every_level;

    /// Against plain loops in double precision, at lengths with and without a remainder.
    fn kernels_agree_with_plain_loops<S: Simd, A: Scalar>() {
        for columns in [1, 3, 16, 37, 130] {
            let rows = 9;
            let number = |k: usize| A::from_f64((k as f64 * 0.618_034).fract() * 8.0);
            let costs: Vec<A> = (0..rows * columns).map(number).collect();
            let v: Vec<A> = (0..columns).map(|j| number(j + 7)).collect();
            let shifts: Vec<A> = (0..rows).map(|i| -number(i + 3)).collect();
            let factors: Vec<A> = (0..rows).map(|i| number(i + 5)).collect();
            let exponents = Exponents { v: &v, inverse_epsilon: A::from_f64(2.0), bound: A::from_f64(1e30) };
            let (mut block, mut sums) = (costs.clone(), vec![A::ZERO; rows]);
            exponentials_kernel::<S, A>(&mut block, &shifts, exponents, &mut sums);
            let mut totals = vec![A::ZERO; columns];
            add_rows_kernel::<S, A>(&block, &factors, &mut totals);
            // Exponents below 40 in size are rounded by 40 EPS; the exponential adds two units, the sums `columns` at most.
            let tolerance = A::EPSILON.to_f64() * (80.0 + columns as f64);
            let exact = |i: usize, j: usize| {
                (v[j].to_f64() - 2.0 * costs[i * columns + j].to_f64(), shifts[i].to_f64())
            };
            for i in 0..rows {
                let sum: f64 = (0..columns).map(|j| exact(i, j)).map(|(x, shift)| (x + shift).exp()).sum();
                assert!((sums[i].to_f64() - sum).abs() <= tolerance * sum, "{columns} {i}");
                let largest = (0..columns).map(|j| exact(i, j).0).fold(f64::NEG_INFINITY, f64::max);
                let got = largest_exponent_kernel::<S, A>(&costs[i * columns..][..columns], exponents);
                assert!((got.to_f64() - largest).abs() <= A::EPSILON.to_f64() * 40.0);
            }
            for j in 0..columns {
                let total: f64 =
                    (0..rows).map(|i| factors[i].to_f64() * (exact(i, j).0 + exact(i, j).1).exp()).sum();
                assert!((totals[j].to_f64() - total).abs() <= tolerance * total, "{columns} {j}");
            }
        }
    }

    test_at_every_level! {
        in_single_precision = kernels_agree_with_plain_loops::<f32>;
        in_double_precision = kernels_agree_with_plain_loops::<f64>;
    }
}
