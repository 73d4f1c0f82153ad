//! The plan with its sums, and its product with a cotangent.

use super::Register;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

#[inline(always)]
pub(super) fn plan_kernel<S: Simd, A: Scalar>(
    kernel: &[A],
    costs: &[A],
    a: &[A],
    b: &[A],
    unscale: A,
    plan: &mut [A],
    rows: &mut [A],
    columns: &mut [A],
) -> f64 {
    let lanes = Register::<S, A>::LANES;
    let stride = b.len();
    let unscale = Register::<S, A>::splat(unscale);
    columns.fill(A::ZERO);
    let mut total = 0.0;
    for (row, plan) in plan.chunks_exact_mut(stride).enumerate() {
        let kernel = &kernel[row * stride..][..stride];
        let costs = &costs[row * stride..][..stride];
        let a = Register::<S, A>::splat(a[row]);
        let mut sum = Register::<S, A>::constant(0.0);
        let mut cost = Register::<S, A>::constant(0.0);
        for start in (0..stride).step_by(lanes) {
            let b = Register::<S, A>::load(&b[start..]) * unscale;
            let p = a * Register::<S, A>::load(&kernel[start..]) * b;
            p.store(&mut plan[start..]);
            sum = sum + p;
            cost = p.mul_add(Register::<S, A>::load(&costs[start..]), cost);
            (Register::<S, A>::load(&columns[start..]) + p).store(&mut columns[start..]);
        }
        rows[row] = sum.reduce_sum();
        total += cost.reduce_sum().to_f64();
    }
    total
}

dispatch! {
    /// P = `unscale` a K b, its sums over rows (n) and columns (stride), and <C, P>.
    pub(in super::super) fn plan<A: Scalar>(
        kernel: &[A],
        costs: &[A],
        a: &[A],
        b: &[A],
        unscale: A,
        plan: &mut [A],
        rows: &mut [A],
        columns: &mut [A],
    ) -> f64 = plan_kernel
}

/// What a cotangent of the plan is made of, for all pairs: Hᵢⱼ = rowᵢ + columnⱼ + factor Cᵢⱼ.
pub(in super::super) struct Cotangent<'a, A> {
    /// (n)
    pub rows: &'a [A],
    /// (stride), finite beyond m.
    pub columns: &'a [A],
    pub factor: A,
}

#[inline(always)]
pub(super) fn weigh_kernel<S: Simd, A: Scalar>(
    plan: &[A],
    costs: &[A],
    cotangent: Cotangent<'_, A>,
    dcosts: &mut [A],
    rows: &mut [A],
    columns: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = columns.len();
    let factor = Register::<S, A>::splat(cotangent.factor);
    columns.fill(A::ZERO);
    for (row, dcosts) in dcosts.chunks_exact_mut(stride).enumerate() {
        let plan = &plan[row * stride..][..stride];
        let costs = &costs[row * stride..][..stride];
        let constant = Register::<S, A>::splat(cotangent.rows[row]);
        let mut sum = Register::<S, A>::constant(0.0);
        for start in (0..stride).step_by(lanes) {
            let p = Register::<S, A>::load(&plan[start..]);
            let column = Register::<S, A>::load(&cotangent.columns[start..]);
            let h = Register::<S, A>::load(&costs[start..]).mul_add(factor, constant + column);
            let term = p * h;
            (p - term).store(&mut dcosts[start..]);
            sum = sum + term;
            (Register::<S, A>::load(&columns[start..]) + term).store(&mut columns[start..]);
        }
        rows[row] = sum.reduce_sum();
    }
}

dispatch! {
    /// `dcosts` = P (1 - H), and the sums of P H over rows (n) and columns (stride).
    pub(in super::super) fn weigh<A: Scalar>(
        plan: &[A],
        costs: &[A],
        cotangent: Cotangent<'_, A>,
        dcosts: &mut [A],
        rows: &mut [A],
        columns: &mut [A],
    ) = weigh_kernel
}
