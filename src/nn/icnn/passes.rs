//! Passes over the rows of a convex network's layer, behind and before its products.
//!
//! A layer's input `[z, x, 1]` and all that has its shape lie in rows of `stride` numbers, of which a pass touches
//! the first `width`: those of z. What belongs to the layer's outputs alone lies close. The derivatives of a row lie
//! together: slopes, then curvatures.

use crate::nn::Activation;
use crate::nn::activation::passes::{self, Kept, rows_in_chunk};
use crate::nn::activation::{curves, with_curve};
use crate::scalar::Vectorised;
use crate::simd::lanes::Simd;
use crate::simd::{Lanes, dispatch};
use crate::{Scalar, parallel};

type Register<S, T> = <T as Vectorised>::Register<S>;

/// The curve of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LayerCurve {
    Activation(Activation),
    HalfSquare,
}

impl LayerCurve {
    /// `z = f(z)` and what is kept of `f'` and `f''` there.
    pub fn forward<T: Scalar>(self, z: &mut [T], shape: [usize; 2], derivatives: &mut [T], kept: Kept) {
        match self {
            LayerCurve::Activation(activation) => {
                with_curve!(activation, curve => passes::forward_strided(curve, None, z, shape, derivatives, kept));
            }
            LayerCurve::HalfSquare => {
                passes::forward_strided(curves::HalfSquare, None, z, shape, derivatives, kept);
            }
        }
    }

    /// `f(x)` of every number.
    pub fn values(self, x: &[f64]) -> Vec<f64> {
        let mut values = x.to_vec();
        self.forward(&mut values, [x.len(); 2], &mut [], Kept::Nothing);
        values
    }
}

#[inline(always)]
fn load<L: Lanes>(source: &[L::Element], zero: L::Element) -> L {
    if source.len() == L::LANES { L::load(source) } else { L::load_partial(source, zero) }
}

#[inline(always)]
fn store<L: Lanes>(register: L, target: &mut [L::Element]) {
    if target.len() == L::LANES { register.store(target) } else { register.store_partial(target) }
}

/// The tangent behind an activation: `tangent = before * f'`. before: (batch, width), tangent: (batch, stride);
/// `kept` numbers of derivatives for each unit.
pub(super) fn tangent<T: Scalar>(
    before: &[T],
    derivatives: &[T],
    kept: usize,
    tangent: &mut [T],
    [width, stride]: [usize; 2],
) {
    let rows = rows_in_chunk(width);
    parallel::for_each_chunk_mut(tangent, rows * stride, |first, tangent| {
        let row = first / stride;
        let (before, derivatives) = (&before[row * width..], &derivatives[row * width * kept..]);
        run_tangent(before, derivatives, kept, tangent, [width, stride]);
    });
}

dispatch! {
    fn run_tangent<T: Scalar>(before: &[T], derivatives: &[T], kept: usize, tangent: &mut [T], shape: [usize; 2]) = tangent_kernel
}

#[inline(always)]
fn tangent_kernel<S: Simd, T: Scalar>(
    before: &[T],
    derivatives: &[T],
    kept: usize,
    tangent: &mut [T],
    [width, stride]: [usize; 2],
) {
    let lanes = Register::<S, T>::LANES;
    for (row, tangent) in tangent.chunks_exact_mut(stride).enumerate() {
        let before = &before[row * width..][..width];
        let slopes = &derivatives[row * width * kept..][..width];
        for first in (0..width).step_by(lanes) {
            let end = (first + lanes).min(width);
            let before = load::<Register<S, T>>(&before[first..end], T::ZERO);
            let slope = load::<Register<S, T>>(&slopes[first..end], T::ZERO);
            store(before * slope, &mut tangent[first..end]);
        }
    }
}

/// The way back through an activation: `chain = chain * f'`; and where room is given for it, `bent = chain * f''` of
/// the old chain, which is what a pass in second order needs of it. chain: (batch, stride), bent: (batch, width) or
/// empty.
pub(super) fn chain<T: Scalar>(
    chain: &mut [T],
    bent: &mut [T],
    derivatives: &[T],
    kept: usize,
    [width, stride]: [usize; 2],
) {
    let rows = rows_in_chunk(width);
    let shape = [width, stride];
    if bent.is_empty() {
        parallel::for_each_chunk_mut(chain, rows * stride, |first, chain| {
            run_chain(chain, &mut [], &derivatives[first / stride * width * kept..], kept, shape);
        });
    } else {
        parallel::for_each_pair_of_chunks_mut(
            chain,
            rows * stride,
            bent,
            rows * width,
            |index, chain, bent| {
                run_chain(chain, bent, &derivatives[index * rows * width * kept..], kept, shape);
            },
        );
    }
}

dispatch! {
    fn run_chain<T: Scalar>(chain: &mut [T], bent: &mut [T], derivatives: &[T], kept: usize, shape: [usize; 2]) = chain_kernel
}

#[inline(always)]
fn chain_kernel<S: Simd, T: Scalar>(
    chain: &mut [T],
    bent: &mut [T],
    derivatives: &[T],
    kept: usize,
    [width, stride]: [usize; 2],
) {
    let lanes = Register::<S, T>::LANES;
    let second_order = !bent.is_empty();
    for (row, chain) in chain.chunks_exact_mut(stride).enumerate() {
        let derivatives = &derivatives[row * width * kept..][..width * kept];
        for first in (0..width).step_by(lanes) {
            let end = (first + lanes).min(width);
            let old = load::<Register<S, T>>(&chain[first..end], T::ZERO);
            let slope = load::<Register<S, T>>(&derivatives[first..end], T::ZERO);
            store(old * slope, &mut chain[first..end]);
            if second_order {
                let curvature = load::<Register<S, T>>(&derivatives[width + first..width + end], T::ZERO);
                store(old * curvature, &mut bent[row * width + first..row * width + end]);
            }
        }
    }
}

/// The way back through the slopes: `alpha = bent * before + alpha * f'`. alpha: (batch, stride), bent and before: (batch, width);
/// slopes and curvatures are kept.
pub(super) fn second<T: Scalar>(
    alpha: &mut [T],
    bent: &[T],
    before: &[T],
    derivatives: &[T],
    [width, stride]: [usize; 2],
) {
    let rows = rows_in_chunk(width);
    parallel::for_each_chunk_mut(alpha, rows * stride, |first, alpha| {
        let start = first / stride * width;
        run_second(alpha, &bent[start..], &before[start..], &derivatives[2 * start..], [width, stride]);
    });
}

dispatch! {
    fn run_second<T: Scalar>(alpha: &mut [T], bent: &[T], before: &[T], derivatives: &[T], shape: [usize; 2]) = second_kernel
}

#[inline(always)]
fn second_kernel<S: Simd, T: Scalar>(
    alpha: &mut [T],
    bent: &[T],
    before: &[T],
    derivatives: &[T],
    [width, stride]: [usize; 2],
) {
    let lanes = Register::<S, T>::LANES;
    for (row, alpha) in alpha.chunks_exact_mut(stride).enumerate() {
        let bent = &bent[row * width..][..width];
        let before = &before[row * width..][..width];
        let slopes = &derivatives[2 * row * width..][..width];
        for first in (0..width).step_by(lanes) {
            let end = (first + lanes).min(width);
            let old = load::<Register<S, T>>(&alpha[first..end], T::ZERO);
            let bent = load::<Register<S, T>>(&bent[first..end], T::ZERO);
            let before = load::<Register<S, T>>(&before[first..end], T::ZERO);
            let slope = load::<Register<S, T>>(&slopes[first..end], T::ZERO);
            store(bent.mul_add(before, old * slope), &mut alpha[first..end]);
        }
    }
}
