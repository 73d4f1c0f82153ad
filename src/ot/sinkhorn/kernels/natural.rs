//! Exponentials of base e of a block of costs, row by row.
//!
//! A block is (rows, m), row after row. It comes with costs and leaves with exponentials. Potentials are in units of ε, with
//! the target weights in v: exponents are uᵢ + vⱼ - Cᵢⱼ/ε.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use super::{Limits, Register, STRANDS, clamp, total};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};

#[inline(always)]
pub(super) fn exponentials_kernel<S: Simd, A: Scalar>(
    block: &mut [A],
    u: &[A],
    v: &[A],
    inverse_epsilon: A,
    sums: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let columns = v.len();
    let slope = Register::<S, A>::splat(-inverse_epsilon);
    for (row, costs) in block.chunks_exact_mut(columns).enumerate() {
        let shift = Register::<S, A>::splat(u[row]);
        let mut strands = [Register::<S, A>::constant(0.0); STRANDS];
        let mut groups = costs.chunks_exact_mut(STRANDS * lanes);
        let mut potentials = v.chunks_exact(STRANDS * lanes);
        for (group, v) in (&mut groups).zip(&mut potentials) {
            for k in 0..STRANDS {
                let part = &mut group[k * lanes..];
                let x = Register::<S, A>::load(part).mul_add(slope, Register::<S, A>::load(&v[k * lanes..]));
                let e = exp_flushed(x + shift);
                e.store(part);
                strands[k] = strands[k] + e;
            }
        }
        let rest = groups.into_remainder().chunks_mut(lanes);
        for (part, v) in rest.zip(potentials.remainder().chunks(lanes)) {
            let v = Register::<S, A>::load_partial(v, -A::INFINITY);
            let e = exp_flushed(Register::<S, A>::load_partial(part, A::ZERO).mul_add(slope, v) + shift);
            e.store_partial(part);
            strands[0] = strands[0] + e;
        }
        sums[row] = total(strands);
    }
}

dispatch! {
    /// Costs become exp(uᵢ + vⱼ - Cᵢⱼ/ε), zero below the smallest normal number, and `sums` their row sums.
    ///
    /// With finite costs, u and v a sum is a number from zero to infinity.
    pub(crate) fn exponentials<A: Scalar>(
        block: &mut [A],
        u: &[A],
        v: &[A],
        inverse_epsilon: A,
        sums: &mut [A],
    ) = exponentials_kernel
}

#[inline(always)]
pub(super) fn shifted_exponentials_kernel<S: Simd, A: Scalar>(
    costs: &mut [A],
    v: &[A],
    inverse_epsilon: A,
    limits: Limits<A>,
) -> (A, A) {
    let lanes = Register::<S, A>::LANES;
    let slope = Register::<S, A>::splat(-inverse_epsilon);
    let bound = Register::<S, A>::splat(limits.largest_potential);
    let lowest = -limits.largest_potential;
    let mut strands = [Register::<S, A>::splat(lowest); STRANDS];
    let mut groups = costs.chunks_exact_mut(STRANDS * lanes);
    let mut potentials = v.chunks_exact(STRANDS * lanes);
    for (group, v) in (&mut groups).zip(&mut potentials) {
        for k in 0..STRANDS {
            let part = &mut group[k * lanes..];
            let v = Register::<S, A>::load(&v[k * lanes..]);
            let x = clamp(Register::<S, A>::load(part).mul_add(slope, v), bound);
            x.store(part);
            strands[k] = strands[k].max(x);
        }
    }
    let rest = groups.into_remainder().chunks_mut(lanes);
    for (part, v) in rest.zip(potentials.remainder().chunks(lanes)) {
        let v = Register::<S, A>::load_partial(v, lowest);
        let x = clamp(Register::<S, A>::load_partial(part, A::ZERO).mul_add(slope, v), bound);
        x.store_partial(part);
        strands[0] = strands[0].max(x);
    }
    let largest = strands[0].max(strands[1]).max(strands[2].max(strands[3])).reduce_max();

    let shift = Register::<S, A>::splat(largest);
    let mut strands = [Register::<S, A>::constant(0.0); STRANDS];
    let mut groups = costs.chunks_exact_mut(STRANDS * lanes);
    for group in &mut groups {
        for k in 0..STRANDS {
            let part = &mut group[k * lanes..];
            let e = exp_flushed(Register::<S, A>::load(part) - shift);
            e.store(part);
            strands[k] = strands[k] + e;
        }
    }
    for part in groups.into_remainder().chunks_mut(lanes) {
        let e = exp_flushed(Register::<S, A>::load_partial(part, -A::INFINITY) - shift);
        e.store_partial(part);
        strands[0] = strands[0] + e;
    }
    (largest, total(strands))
}

dispatch! {
    /// For one row: its largest exponent x = max vⱼ - Cᵢⱼ/ε and Σ exp(vⱼ - Cᵢⱼ/ε - x), from one to m, whatever the costs
    /// and v are. The costs become those exponentials. Exponents beyond `largest_potential` count as that.
    pub(crate) fn shifted_exponentials<A: Scalar>(
        costs: &mut [A],
        v: &[A],
        inverse_epsilon: A,
        limits: Limits<A>,
    ) -> (A, A) = shifted_exponentials_kernel
}
