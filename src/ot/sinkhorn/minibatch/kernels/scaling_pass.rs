//! One iteration in the scaling domain.

use super::Register;
use super::products::{ROWS, add_rows, row_products};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Mask, Simd};

/// The scalings of the iteration before, and of the new one.
pub(in super::super) struct Scalings<'a, A> {
    /// a of the iteration before: (n).
    pub a_before: &'a [A],
    /// b of the iteration before: (stride).
    pub b_before: &'a [A],
    /// a of the new one: (n).
    pub a: &'a mut [A],
    /// b of the new one: (stride).
    pub b: &'a mut [A],
}

#[inline(always)]
fn scaling_rows<S: Simd, A: Scalar, const H: usize>(
    kernel: &[A],
    row: usize,
    weight: A,
    scalings: &mut Scalings<'_, A>,
) -> A {
    let stride = scalings.b.len();
    let rows = &kernel[row * stride..][..H * stride];
    let sums = row_products::<S, A, H>(rows, scalings.b_before);
    let mut factors = sums;
    let mut residual = A::ZERO;
    for h in 0..H {
        residual += (scalings.a_before[row + h] * sums[h] - weight).abs();
        factors[h] = weight / sums[h];
        scalings.a[row + h] = factors[h];
    }
    add_rows::<S, A, H>(rows, factors, scalings.b);
    residual
}

#[inline(always)]
pub(super) fn scaling_pass_kernel<S: Simd, A: Scalar>(
    kernel: &[A],
    m: usize,
    weights: (A, A),
    range: (A, A),
    mut scalings: Scalings<'_, A>,
) -> (A, bool) {
    let lanes = Register::<S, A>::LANES;
    let n = scalings.a.len();
    scalings.b[..m].fill(A::ZERO);
    // The kernel is zero there: these stay as they are, and give a scaling at the upper end of the range.
    scalings.b[m..].fill(weights.1 / range.1);
    let mut residual = A::ZERO;
    let mut row = 0;
    while row + ROWS <= n {
        residual += scaling_rows::<S, A, ROWS>(kernel, row, weights.0, &mut scalings);
        row += ROWS;
    }
    while row < n {
        residual += scaling_rows::<S, A, 1>(kernel, row, weights.0, &mut scalings);
        row += 1;
    }
    let (low, high) = (Register::<S, A>::splat(range.0), Register::<S, A>::splat(range.1));
    let weight = Register::<S, A>::splat(weights.1);
    let mut all = low.le(high);
    for start in (0..scalings.b.len()).step_by(lanes) {
        let b = weight / Register::<S, A>::load(&scalings.b[start..]);
        b.store(&mut scalings.b[start..]);
        all = all & low.le(b) & b.le(high);
    }
    let mut inside = all.all();
    for &a in &*scalings.a {
        inside &= range.0 <= a && a <= range.1;
    }
    (residual, inside)
}

dispatch! {
    /// One iteration in the scaling domain: aᵢ = μ/(K b)ᵢ, then bⱼ = ν/(Kᵀ a)ⱼ, with each row of K read once while it
    /// is hot. `weights` are μ and ν.
    ///
    /// Gives Σ |a (K b)ᵢ - μ| for the a and b *before* it, and whether all new scalings lie in `range`; NaN does not.
    pub(in super::super) fn scaling_pass<A: Scalar>(
        kernel: &[A],
        m: usize,
        weights: (A, A),
        range: (A, A),
        scalings: Scalings<'_, A>,
    ) -> (A, bool) = scaling_pass_kernel
}
