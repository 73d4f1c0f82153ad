//! The way back through an iteration in the scaling domain, and what a segment of them adds to the gradient of the costs.

use super::Register;
use super::products::{ROWS, add_rows, row_products};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// What carries cotangents back through one iteration in the scaling domain.
pub(in super::super) struct Cotangents<'a, A> {
    /// a of the iteration: (n).
    pub a: &'a [A],
    /// z = b v̄/ν: (stride).
    pub z: &'a [A],
    /// ū, read and, with what comes through v, left behind: (n).
    pub du: &'a mut [A],
    /// `unscale` w with w = a ū/μ: (n).
    pub w: &'a mut [A],
    /// Kᵀ w: (stride).
    pub columns: &'a mut [A],
    /// What makes a plan of a K b.
    pub unscale: A,
}

#[inline(always)]
fn cotangent_rows<S: Simd, A: Scalar, const H: usize>(
    kernel: &[A],
    row: usize,
    inverse_weight: A,
    pass: &mut Cotangents<'_, A>,
) {
    let stride = pass.z.len();
    let rows = &kernel[row * stride..][..H * stride];
    let mut factors = row_products::<S, A, H>(rows, pass.z);
    for h in 0..H {
        let a = pass.a[row + h];
        let du = pass.du[row + h] - a * pass.unscale * factors[h];
        pass.du[row + h] = du;
        factors[h] = a * du * inverse_weight;
        pass.w[row + h] = factors[h] * pass.unscale;
    }
    add_rows::<S, A, H>(rows, factors, pass.columns);
}

#[inline(always)]
pub(super) fn cotangent_pass_kernel<S: Simd, A: Scalar>(
    kernel: &[A],
    inverse_weight: A,
    mut pass: Cotangents<'_, A>,
) {
    let n = pass.a.len();
    pass.columns.fill(A::ZERO);
    let mut row = 0;
    while row + ROWS <= n {
        cotangent_rows::<S, A, ROWS>(kernel, row, inverse_weight, &mut pass);
        row += ROWS;
    }
    while row < n {
        cotangent_rows::<S, A, 1>(kernel, row, inverse_weight, &mut pass);
        row += 1;
    }
}

dispatch! {
    /// The way back through an iteration: ūᵢ -= `unscale` aᵢ (K z)ᵢ, w = a ū/μ, and the column sums Kᵀ w, with each row of K read once.
    pub(in super::super) fn cotangent_pass<A: Scalar>(
        kernel: &[A],
        inverse_weight: A,
        pass: Cotangents<'_, A>,
    ) = cotangent_pass_kernel
}

#[inline(always)]
fn add_products_kernel<S: Simd, A: Scalar>(kernel: &[A], factors: &[A], dcosts: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    for start in (0..dcosts.len()).step_by(lanes) {
        let product = Register::<S, A>::load(&kernel[start..]);
        let sum = product
            .mul_add(Register::<S, A>::load(&factors[start..]), Register::<S, A>::load(&dcosts[start..]));
        sum.store(&mut dcosts[start..]);
    }
}

dispatch! {
    /// `dcosts += K ∘ factors`, entry by entry.
    pub(in super::super) fn add_products<A: Scalar>(kernel: &[A], factors: &[A], dcosts: &mut [A]) = add_products_kernel
}
