//! Passes over the pre-activations of a layer: bias, activation and its derivatives in one reading, and the way back.
//!
//! Matrices are slices of whole rows of `width` numbers. The derivatives of a row lie together: its slopes, then (if
//! kept) its curvatures. Sums of columns are those of [granules](GRANULE) of rows, added in order: they have the same
//! bits on any number of threads and wherever the pass is made.

use super::curves::Curve;
use super::{Activation, with_curve};
use crate::matrix::GRANULE;
use crate::scalar::Vectorised;
use crate::simd::lanes::Simd;
use crate::simd::{Lanes, dispatch};
use crate::{Scalar, parallel};

type Register<S, T> = <T as Vectorised>::Register<S>;

/// Numbers in a chunk: 128 kB of f32 with its derivatives stay in the second-level cache.
const NUMBERS_IN_CHUNK: usize = 1 << 14;

/// What a forward pass keeps of the derivatives of an activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kept {
    /// Nothing: there will be no backward pass.
    Nothing,
    /// Slopes, for a backward pass.
    Slope,
    /// Slopes and curvatures, for the backward pass of a gradient.
    Curvature,
}

impl Kept {
    /// Numbers kept for each entry.
    pub fn count(self) -> usize {
        match self {
            Kept::Nothing => 0,
            Kept::Slope => 1,
            Kept::Curvature => 2,
        }
    }
}

/// Rows in a chunk of rows of so many numbers.
pub(crate) fn rows_in_chunk(width: usize) -> usize {
    (NUMBERS_IN_CHUNK / width.max(1)).max(1)
}

/// `z[r, j] = f(z[r, j] + bias[j])`, and what is kept of `f'` and `f''` there.
pub(crate) fn forward<T: Scalar>(
    activation: Activation,
    bias: Option<&[T]>,
    z: &mut [T],
    width: usize,
    derivatives: &mut [T],
    kept: Kept,
) {
    if z.is_empty() || (kept == Kept::Nothing && activation == Activation::Identity && bias.is_none()) {
        return;
    }
    with_curve!(activation, curve => forward_strided(curve, bias, z, [width, width], derivatives, kept));
}

/// [`forward`] for any curve and rows that begin `stride` numbers apart, the last one too (`z` is `rows * stride`
/// long); what lies between rows stays. The derivatives lie close.
pub(crate) fn forward_strided<T: Scalar, C: Curve>(
    curve: C,
    bias: Option<&[T]>,
    z: &mut [T],
    [width, stride]: [usize; 2],
    derivatives: &mut [T],
    kept: Kept,
) {
    let rows = rows_in_chunk(width);
    let shape = [width, stride];
    if kept == Kept::Nothing {
        parallel::for_each_chunk_mut(z, rows * stride, |_, z| {
            run_forward(curve, bias, z, shape, &mut [], kept);
        });
    } else {
        let kept_in_chunk = rows * width * kept.count();
        parallel::for_each_pair_of_chunks_mut(
            z,
            rows * stride,
            derivatives,
            kept_in_chunk,
            |_, z, derivatives| {
                run_forward(curve, bias, z, shape, derivatives, kept);
            },
        );
    }
}

/// [`forward`] for a few rows, by the thread that calls.
pub(crate) fn forward_rows<T: Scalar>(
    activation: Activation,
    bias: Option<&[T]>,
    z: &mut [T],
    width: usize,
    derivatives: &mut [T],
    kept: Kept,
) {
    with_curve!(activation, curve => run_forward(curve, bias, z, [width, width], derivatives, kept));
}

dispatch! {
    fn run_forward<T: Scalar, C: Curve>(
        curve: C, bias: Option<&[T]>, z: &mut [T], shape: [usize; 2], derivatives: &mut [T], kept: Kept,
    ) = forward_kernel
}

#[inline(always)]
fn forward_kernel<S: Simd, T: Scalar, C: Curve>(
    curve: C,
    bias: Option<&[T]>,
    z: &mut [T],
    [width, stride]: [usize; 2],
    derivatives: &mut [T],
    kept: Kept,
) {
    let lanes = Register::<S, T>::LANES;
    let zero = Register::<S, T>::constant(0.0);
    let whole = width / lanes * lanes;
    for (row, z) in z.chunks_exact_mut(stride).enumerate() {
        let z = &mut z[..width];
        let derivatives = &mut derivatives[row * width * kept.count()..][..width * kept.count()];
        let (slopes, curvatures) = derivatives.split_at_mut(if kept == Kept::Nothing { 0 } else { width });
        for first in (0..whole).step_by(lanes) {
            let shift = match bias {
                Some(bias) => Register::<S, T>::load(&bias[first..]),
                None => zero,
            };
            let x = Register::<S, T>::load(&z[first..]) + shift;
            match kept {
                Kept::Nothing => curve.value(x).store(&mut z[first..]),
                Kept::Slope => {
                    let [value, slope] = curve.slope(x);
                    value.store(&mut z[first..]);
                    slope.store(&mut slopes[first..]);
                }
                Kept::Curvature => {
                    let [value, slope, curvature] = curve.curvature(x);
                    value.store(&mut z[first..]);
                    slope.store(&mut slopes[first..]);
                    curvature.store(&mut curvatures[first..]);
                }
            }
        }
        if whole < width {
            let shift = match bias {
                Some(bias) => Register::<S, T>::load_partial(&bias[whole..], T::ZERO),
                None => zero,
            };
            let x = Register::<S, T>::load_partial(&z[whole..], T::ZERO) + shift;
            match kept {
                Kept::Nothing => curve.value(x).store_partial(&mut z[whole..]),
                Kept::Slope => {
                    let [value, slope] = curve.slope(x);
                    value.store_partial(&mut z[whole..]);
                    slope.store_partial(&mut slopes[whole..]);
                }
                Kept::Curvature => {
                    let [value, slope, curvature] = curve.curvature(x);
                    value.store_partial(&mut z[whole..]);
                    slope.store_partial(&mut slopes[whole..]);
                    curvature.store_partial(&mut curvatures[whole..]);
                }
            }
        }
    }
}

/// Sums of columns that [`backward`] and [`backward_rows`] need, for so many rows.
pub(crate) fn partial_sums(rows: usize, width: usize) -> usize {
    rows.div_ceil(GRANULE) * width
}

/// The way back through [`forward`]: `dout[r, j] *= f'(z[r, j])`, which makes it the gradient of z, and
/// `dbias[j] += Σ_r dout[r, j]` of the result.
///
/// `stride` is the number of numbers kept for a row; the first `width` of them are its slopes (no slopes: the identity). `partial`
/// has [`partial_sums`] numbers where a bias is asked for.
pub(crate) fn backward<T: Scalar>(
    dout: &mut [T],
    width: usize,
    slopes: Option<(&[T], usize)>,
    dbias: Option<&mut [T]>,
    partial: &mut [T],
) {
    if dout.is_empty() {
        return;
    }
    let granules = rows_in_chunk(width).div_ceil(GRANULE);
    let chunk = granules * GRANULE * width;
    let chunk_of = |first: usize| slopes.map(|(slopes, stride)| (&slopes[first / width * stride..], stride));
    match dbias {
        None => {
            if slopes.is_some() {
                parallel::for_each_chunk_mut(dout, chunk, |first, dout| {
                    run_backward(dout, width, chunk_of(first), &mut []);
                });
            }
        }
        Some(dbias) => {
            let partial = &mut partial[..partial_sums(dout.len() / width, width)];
            let sums = granules * width;
            parallel::for_each_pair_of_chunks_mut(dout, chunk, partial, sums, |index, dout, sums| {
                backward_rows(dout, width, chunk_of(index * chunk), sums);
            });
            add_sums(partial, dbias);
        }
    }
}

/// Adds sums of columns, chunk after chunk.
pub(crate) fn add_sums<T: Scalar>(partial: &[T], total: &mut [T]) {
    for sums in partial.chunks_exact(total.len()) {
        for (total, &sum) in total.iter_mut().zip(sums) {
            *total += sum;
        }
    }
}

/// [`backward`] for a few rows, by the thread that calls. `partial` has `width` numbers for every [`GRANULE`] of rows, which become the
/// sums of their columns, or none.
pub(crate) fn backward_rows<T: Scalar>(
    dout: &mut [T],
    width: usize,
    slopes: Option<(&[T], usize)>,
    partial: &mut [T],
) {
    if partial.is_empty() {
        run_backward(dout, width, slopes, partial);
        return;
    }
    let granules = dout.chunks_mut(GRANULE * width).zip(partial.chunks_exact_mut(width));
    for (index, (dout, sums)) in granules.enumerate() {
        let slopes = slopes.map(|(slopes, stride)| (&slopes[index * GRANULE * stride..], stride));
        sums.fill(T::ZERO);
        run_backward(dout, width, slopes, sums);
    }
}

dispatch! {
    fn run_backward<T: Scalar>(dout: &mut [T], width: usize, slopes: Option<(&[T], usize)>, sums: &mut [T]) = backward_kernel
}

#[inline(always)]
fn backward_kernel<S: Simd, T: Scalar>(
    dout: &mut [T],
    width: usize,
    slopes: Option<(&[T], usize)>,
    sums: &mut [T],
) {
    let lanes = Register::<S, T>::LANES;
    let whole = width / lanes * lanes;
    let summed = !sums.is_empty();
    for (row, dout) in dout.chunks_exact_mut(width).enumerate() {
        for first in (0..whole).step_by(lanes) {
            let mut d = Register::<S, T>::load(&dout[first..]);
            if let Some((slopes, stride)) = slopes {
                d = d * Register::<S, T>::load(&slopes[row * stride + first..]);
                d.store(&mut dout[first..]);
            }
            if summed {
                (Register::<S, T>::load(&sums[first..]) + d).store(&mut sums[first..]);
            }
        }
        if whole < width {
            let mut d = Register::<S, T>::load_partial(&dout[whole..], T::ZERO);
            if let Some((slopes, stride)) = slopes {
                let slope =
                    Register::<S, T>::load_partial(&slopes[row * stride + whole..][..width - whole], T::ZERO);
                d = d * slope;
                d.store_partial(&mut dout[whole..]);
            }
            if summed {
                let sum = Register::<S, T>::load_partial(&sums[whole..], T::ZERO) + d;
                sum.store_partial(&mut sums[whole..]);
            }
        }
    }
}

/// The way back through a gradient: from τ in `tau` and α in `alpha`, with ṫ in `before` and slopes and curvatures row by row,
/// leaves `τ f'` in `tau` and `τ ṫ f'' + α f'` in `alpha`.
pub(crate) fn second_backward<T: Scalar>(
    tau: &mut [T],
    alpha: &mut [T],
    width: usize,
    before: &[T],
    derivatives: &[T],
) {
    if tau.is_empty() {
        return;
    }
    let chunk = rows_in_chunk(width) * width;
    parallel::for_each_pair_of_chunks_mut(tau, chunk, alpha, chunk, |index, tau, alpha| {
        let first = index * chunk;
        run_second_backward(tau, alpha, width, &before[first..], &derivatives[2 * first..]);
    });
}

dispatch! {
    fn run_second_backward<T: Scalar>(tau: &mut [T], alpha: &mut [T], width: usize, before: &[T], derivatives: &[T])
        = second_backward_kernel
}

#[inline(always)]
fn second_backward_kernel<S: Simd, T: Scalar>(
    tau: &mut [T],
    alpha: &mut [T],
    width: usize,
    before: &[T],
    derivatives: &[T],
) {
    let lanes = Register::<S, T>::LANES;
    for (row, (tau, alpha)) in tau.chunks_exact_mut(width).zip(alpha.chunks_exact_mut(width)).enumerate() {
        let before = &before[row * width..][..width];
        let (slopes, curvatures) = derivatives[2 * row * width..][..2 * width].split_at(width);
        for first in (0..width).step_by(lanes) {
            let end = (first + lanes).min(width);
            let t = Register::<S, T>::load_partial(&tau[first..end], T::ZERO);
            let a = Register::<S, T>::load_partial(&alpha[first..end], T::ZERO);
            let tangent = Register::<S, T>::load_partial(&before[first..end], T::ZERO);
            let slope = Register::<S, T>::load_partial(&slopes[first..end], T::ZERO);
            let curvature = Register::<S, T>::load_partial(&curvatures[first..end], T::ZERO);
            (t * slope).store_partial(&mut tau[first..end]);
            (t * tangent).mul_add(curvature, a * slope).store_partial(&mut alpha[first..end]);
        }
    }
}
