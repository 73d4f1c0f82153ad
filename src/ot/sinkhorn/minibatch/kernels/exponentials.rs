//! The kernel of potentials, 2^(f + g - slope C): stored, or added to a gradient.

use super::{GROUP, Register};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::elementary::Elementary;
use crate::simd::exp::{Lift, exp2_lifted};
use crate::simd::lanes::{Lanes, Simd};

/// 2^x of a register, at most 2.5 units in the last place off; zero below about the smallest normal number.
#[inline(always)]
pub(super) fn power<L: Lanes>(x: L) -> L {
    exp2_lifted([-x], Lift::new(L::Element::rounded_from(0.0)))[0]
}

#[inline(always)]
pub(super) fn exponentials_kernel<S: Simd, A: Scalar>(
    costs: &[A],
    f: &[A],
    g: &[A],
    slope: A,
    kernel: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let slope = Register::<S, A>::splat(slope);
    let lift = Lift::<Register<S, A>>::new(A::ZERO);
    let rows = costs.chunks_exact(stride).zip(kernel.chunks_exact_mut(stride));
    for ((costs, kernel), &f) in rows.zip(f) {
        let f = Register::<S, A>::splat(f);
        let mut start = 0;
        while start + GROUP * lanes <= stride {
            let mut x = [f; GROUP];
            for k in 0..GROUP {
                let place = start + k * lanes;
                let sum = f + Register::<S, A>::load(&g[place..]);
                x[k] = Register::<S, A>::load(&costs[place..]).mul_add(slope, -sum);
            }
            x = exp2_lifted(x, lift);
            for k in 0..GROUP {
                x[k].store(&mut kernel[start + k * lanes..]);
            }
            start += GROUP * lanes;
        }
        while start < stride {
            let sum = f + Register::<S, A>::load(&g[start..]);
            let x = Register::<S, A>::load(&costs[start..]).mul_add(slope, -sum);
            exp2_lifted([x], lift)[0].store(&mut kernel[start..]);
            start += lanes;
        }
    }
}

dispatch! {
    /// Kᵢⱼ = 2^(fᵢ + gⱼ - slope Cᵢⱼ), zero below about the smallest normal number.
    pub(in super::super) fn exponentials<A: Scalar>(
        costs: &[A],
        f: &[A],
        g: &[A],
        slope: A,
        kernel: &mut [A],
    ) = exponentials_kernel
}

#[inline(always)]
fn add_exponentials_kernel<S: Simd, A: Scalar>(
    costs: &[A],
    f: &[A],
    g: &[A],
    slope: A,
    w: &[A],
    dcosts: &mut [A],
    columns: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let slope = Register::<S, A>::splat(-slope);
    columns.fill(A::ZERO);
    let rows = costs.chunks_exact(stride).zip(dcosts.chunks_exact_mut(stride));
    for ((costs, dcosts), (&f, &w)) in rows.zip(f.iter().zip(w)) {
        let (f, w) = (Register::<S, A>::splat(f), Register::<S, A>::splat(w));
        for start in (0..stride).step_by(lanes) {
            let sum = f + Register::<S, A>::load(&g[start..]);
            let term = power(Register::<S, A>::load(&costs[start..]).mul_add(slope, sum)) * w;
            (Register::<S, A>::load(&dcosts[start..]) + term).store(&mut dcosts[start..]);
            (Register::<S, A>::load(&columns[start..]) + term).store(&mut columns[start..]);
        }
    }
}

dispatch! {
    /// `dcosts += 2^(f + g - slope C) wᵢ`, and the column sums of what was added.
    pub(in super::super) fn add_exponentials<A: Scalar>(
        costs: &[A],
        f: &[A],
        g: &[A],
        slope: A,
        w: &[A],
        dcosts: &mut [A],
        columns: &mut [A],
    ) = add_exponentials_kernel
}
