//! From row sums to u, and from column sums to v.

use super::{Limits, Register, clamp};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;

#[inline(always)]
pub(super) fn update_rows_kernel<S: Simd, A: Scalar>(
    sums: &[A],
    weights: &[A],
    lifts: &[A],
    relaxation: A,
    limits: Limits<A>,
    u: &mut [A],
    factors: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let omega = Register::<S, A>::splat(relaxation);
    let scale = Register::<S, A>::splat(limits.scale);
    let bound = Register::<S, A>::splat(limits.largest_potential);
    let rest_of_one = Register::<S, A>::splat(A::ONE - relaxation);
    let ln_2 = Register::<S, A>::constant(std::f64::consts::LN_2);
    for start in (0..sums.len()).step_by(lanes) {
        let end = (start + lanes).min(sums.len());
        let sum = Register::<S, A>::load_partial(&sums[start..end], A::ONE);
        let weight = Register::<S, A>::load_partial(&weights[start..end], A::ZERO) * scale;
        let lifted = Register::<S, A>::load_partial(&lifts[start..end], A::ZERO) * ln_2;
        let potential = Register::<S, A>::load_partial(&u[start..end], A::ZERO);
        // With ω = 1 what stood in u has no say, NaN included.
        let step = if relaxation == A::ONE {
            -ln(sum)
        } else {
            (potential - lifted) * rest_of_one - omega * ln(sum)
        };
        clamp(lifted + step, bound).store_partial(&mut u[start..end]);
        // The quotient is exact to a rounding; e^(-ln s) is so to a few units times |ln s|.
        let factor = if relaxation == A::ONE { weight / sum } else { weight * exp_flushed(step) };
        factor.store_partial(&mut factors[start..end]);
    }
}

dispatch! {
    /// From sums s of exponentials under the shift m ln 2 instead of u, m in `lifts`: the step t = (1-ω)(u - m ln 2) -
    /// ω ln s, u = m ln 2 + t, and the factors `scale` aᵢ e^t that make the exponentials rows of the new plan.
    ///
    /// Right where `limits` accept the row sum; else u stays finite and the factor has no meaning.
    pub(crate) fn update_rows<A: Scalar>(
        sums: &[A],
        weights: &[A],
        lifts: &[A],
        relaxation: A,
        limits: Limits<A>,
        u: &mut [A],
        factors: &mut [A],
    ) = update_rows_kernel
}

#[inline(always)]
pub(super) fn update_columns_kernel<S: Simd, A: Scalar>(
    columns: &[A],
    weights: &[A],
    relaxation: A,
    limits: Limits<A>,
    v: &mut [A],
) -> A {
    let lanes = Register::<S, A>::LANES;
    let omega = Register::<S, A>::splat(relaxation);
    let scale = Register::<S, A>::splat(limits.scale);
    let unscale = Register::<S, A>::splat(A::ONE / limits.scale);
    let bound = Register::<S, A>::splat(limits.largest_potential);
    let lift = Register::<S, A>::splat(limits.lift);
    let smallest = Register::<S, A>::splat(A::MIN_POSITIVE);
    let mut residual = Register::<S, A>::constant(0.0);
    for start in (0..v.len()).step_by(lanes) {
        let end = (start + lanes).min(v.len());
        // Lanes beyond the end: one over one.
        let weight = Register::<S, A>::load_partial(&weights[start..end], A::ONE) * scale;
        let column = Register::<S, A>::load_partial(&columns[start..end], limits.scale);
        let potential = Register::<S, A>::load_partial(&v[start..end], A::ZERO);
        let ratio = column / weight;
        let step = Register::<S, A>::select(ratio.lt(smallest), -lift, omega * ln(ratio));
        clamp(potential - step, bound).store_partial(&mut v[start..end]);
        residual = residual + ((column - weight) * unscale).abs();
    }
    residual.reduce_sum()
}

dispatch! {
    /// vⱼ -= ω ln(qⱼ / bⱼ) for the column sums q, given times `scale`, and the residual Σ |qⱼ - bⱼ|.
    ///
    /// A column of which nothing is seen is lifted by `lift` instead.
    pub(crate) fn update_columns<A: Scalar>(
        columns: &[A],
        weights: &[A],
        relaxation: A,
        limits: Limits<A>,
        v: &mut [A],
    ) -> A = update_columns_kernel
}
