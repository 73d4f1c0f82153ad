//! The half-steps of an iteration in the log domain.

use super::exponentials::power;
use super::{PADDING, Register};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;

#[inline(always)]
pub(super) fn source_half_kernel<S: Simd, A: Scalar>(
    costs: &[A],
    g: &[A],
    slope: A,
    logarithm: A,
    scratch: &mut [A],
    f: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let factor = Register::<S, A>::splat(-slope);
    for (row, f) in costs.chunks_exact(stride).zip(f.iter_mut()) {
        let mut largest = Register::<S, A>::splat(-A::MAX);
        for start in (0..stride).step_by(lanes) {
            let x =
                Register::<S, A>::load(&row[start..]).mul_add(factor, Register::<S, A>::load(&g[start..]));
            x.store(&mut scratch[start..]);
            largest = largest.max(x);
        }
        let largest = largest.reduce_max();
        let shift = Register::<S, A>::splat(largest);
        let mut sum = Register::<S, A>::constant(0.0);
        for start in (0..stride).step_by(lanes) {
            sum = sum + power(Register::<S, A>::load(&scratch[start..]) - shift);
        }
        let sum = Register::<S, A>::splat(sum.reduce_sum());
        let mut value = [A::ZERO; PADDING];
        (ln(sum) * Register::<S, A>::constant(std::f64::consts::LOG2_E)).store(&mut value);
        *f = logarithm - largest - value[0];
    }
}

dispatch! {
    /// fᵢ = `logarithm` - log₂ Σⱼ 2^(gⱼ - slope Cᵢⱼ), shifted by the largest exponent. Columns beyond m have a g so
    /// low that their terms vanish.
    pub(in super::super) fn source_half<A: Scalar>(
        costs: &[A],
        g: &[A],
        slope: A,
        logarithm: A,
        scratch: &mut [A],
        f: &mut [A],
    ) = source_half_kernel
}

#[inline(always)]
pub(super) fn target_half_kernel<S: Simd, A: Scalar>(
    costs: &[A],
    f: &[A],
    slope: A,
    logarithm: A,
    g: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let factor = Register::<S, A>::splat(-slope);
    for start in (0..stride).step_by(lanes) {
        let mut largest = Register::<S, A>::splat(-A::MAX);
        for (row, &f) in costs.chunks_exact(stride).zip(f) {
            let x = Register::<S, A>::load(&row[start..]).mul_add(factor, Register::<S, A>::splat(f));
            largest = largest.max(x);
        }
        let mut sum = Register::<S, A>::constant(0.0);
        for (row, &f) in costs.chunks_exact(stride).zip(f) {
            let x = Register::<S, A>::load(&row[start..]).mul_add(factor, Register::<S, A>::splat(f));
            sum = sum + power(x - largest);
        }
        let log2_sum = ln(sum) * Register::<S, A>::constant(std::f64::consts::LOG2_E);
        (Register::<S, A>::splat(logarithm) - largest - log2_sum).store(&mut g[start..]);
    }
}

dispatch! {
    /// gⱼ = `logarithm` - log₂ Σᵢ 2^(fᵢ - slope Cᵢⱼ), shifted by the largest exponent of each column.
    pub(in super::super) fn target_half<A: Scalar>(
        costs: &[A],
        f: &[A],
        slope: A,
        logarithm: A,
        g: &mut [A],
    ) = target_half_kernel
}
