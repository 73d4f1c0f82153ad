//! Gradients that are too long are shortened before a step.

use crate::error::{Error, Result};
use crate::parallel::for_each_chunk_mut;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// Elements whose squares are summed by one thread, at least.
const CHUNK: usize = 1 << 16;

/// The largest number of partial sums: they need no memory of their own.
const PARTS: usize = 64;

/// Registers of partial sums: enough to hide the latency of an addition.
const STRANDS: usize = 4;

/// The sum of the squares of `x * scale`, in `f64`.
#[inline(always)]
fn squares_kernel<S: Simd, T: Scalar>(x: &[T], scale: f64) -> f64 {
    let lanes = S::F64::LANES;
    let scales = S::F64::splat(scale);
    let mut sums = [S::F64::splat(0.0); STRANDS];
    let mut groups = x.chunks_exact(STRANDS * lanes);
    for group in &mut groups {
        for k in 0..STRANDS {
            let value = T::load_wide::<S::F64>(&group[k * lanes..]) * scales;
            sums[k] = value.mul_add(value, sums[k]);
        }
    }
    let mut rest = 0.0;
    for value in groups.remainder() {
        let value = value.to_f64() * scale;
        rest += value * value;
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum() + rest
}

dispatch! { fn squares<T: Scalar>(x: &[T], scale: f64) -> f64 = squares_kernel }

/// The sum of the squares of `x * scale`: chunks that depend on the length alone, added in order.
fn sum_of_squares<T: Scalar>(x: &[T], scale: f64) -> f64 {
    let mut partial = [0.0; PARTS];
    let chunk = CHUNK.max(x.len().div_ceil(PARTS));
    let partial = &mut partial[..x.len().div_ceil(chunk)];
    for_each_chunk_mut(partial, 1, |part, sum| {
        sum[0] = squares(&x[part * chunk..((part + 1) * chunk).min(x.len())], scale);
    });
    partial.iter().sum()
}

/// The Euclidean norm of a gradient over all parameters, computed in `f64`.
///
/// It does not overflow unless the norm itself is beyond the largest `f64`: where the squares leave the range, a
/// second pass scales them. One pass, 4 or 8 bytes for a parameter. The relative error is below `length / 16 · 2^-52`
/// for chunks of 65,536.
///
/// # Errors
/// [`Error::NotFinite`] with the first entry that is NaN or infinite.
///
/// # Examples
/// ```
/// use brenier::nn::optim::gradient_norm;
/// assert_eq!(gradient_norm(&[3.0_f32, -4.0])?, 5.0);
/// assert!((gradient_norm(&[3e200_f64, 4e200])? / 5e200 - 1.0).abs() < 1e-15);
/// assert!(gradient_norm(&[1.0, f64::NAN]).is_err());
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn gradient_norm<T: Scalar>(gradient: &[T]) -> Result<f64> {
    let sum = sum_of_squares(gradient, 1.0);
    // Below this, squares that were lost to underflow could matter.
    if sum.is_finite() && sum > 1e-270 {
        return Ok(sum.sqrt());
    }
    let mut largest = 0.0_f64;
    for (index, value) in gradient.iter().enumerate() {
        let value = value.to_f64();
        if !value.is_finite() {
            return Err(Error::NotFinite { what: "the gradient", index, value });
        }
        largest = largest.max(value.abs());
    }
    if largest == 0.0 {
        return Ok(0.0);
    }
    // A power of two, so that scaling is exact; the clamp keeps it a normal number, and one whose inverse is normal.
    let scale = 2_f64.powi((-largest.log2().floor()).clamp(-1022.0, 1022.0) as i32);
    Ok(sum_of_squares(gradient, scale).sqrt() / scale)
}

#[inline(always)]
fn scale_kernel<S: Simd, T: Scalar>(x: &mut [T], factor: T) {
    let lanes = T::Register::<S>::LANES;
    let factor = T::Register::<S>::splat(factor);
    let mut registers = x.chunks_exact_mut(lanes);
    for part in &mut registers {
        (T::Register::<S>::load(part) * factor).store(part);
    }
    let rest = registers.into_remainder();
    (T::Register::<S>::load_partial(rest, T::ZERO) * factor).store_partial(rest);
}

dispatch! { fn scale<T: Scalar>(x: &mut [T], factor: T) = scale_kernel }

/// Shortens a gradient to the norm `largest` if it is longer, and returns the norm that it had.
///
/// The direction stays. Unlike PyTorch's `clip_grad_norm_`, nothing is added to the norm before dividing by it (there
/// 1e-6), so that short gradients are clipped to the right length too. One pass, and a second where something is to
/// be shortened.
///
/// Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
///
/// # Errors
/// [`Error::Argument`] unless `largest` is above 0 and not NaN (infinity only measures); [`Error::NotFinite`] as
/// [`gradient_norm`]. The gradient has not changed then.
///
/// # Examples
/// ```
/// use brenier::nn::optim::clip_by_norm;
/// let mut gradient = [3.0_f64, 4.0];
/// assert_eq!(clip_by_norm(&mut gradient, 1.0)?, 5.0);
/// assert!((gradient[0] - 0.6).abs() < 1e-15 && (gradient[1] - 0.8).abs() < 1e-15);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "clip_grad_norm_")]
pub fn clip_by_norm<T: Scalar>(gradient: &mut [T], largest: f64) -> Result<f64> {
    check_bound(largest)?;
    let norm = gradient_norm(gradient)?;
    if norm > largest {
        let mut length = norm;
        if length.is_infinite() {
            // Finite entries whose norm no f64 holds: first down to where it is one.
            scale_all(gradient, T::from_f64(2_f64.powi(-100)));
            length = gradient_norm(gradient)?;
        }
        scale_all(gradient, T::from_f64(largest / length));
    }
    Ok(norm)
}

/// `gradient *= factor`.
fn scale_all<T: Scalar>(gradient: &mut [T], factor: T) {
    for_each_chunk_mut(gradient, CHUNK, |_, part| scale(part, factor));
}

#[inline(always)]
fn clamp_kernel<S: Simd, T: Scalar>(x: &mut [T], bound: T) {
    let lanes = T::Register::<S>::LANES;
    let bound = T::Register::<S>::splat(bound);
    let mut registers = x.chunks_exact_mut(lanes);
    for part in &mut registers {
        T::Register::<S>::load(part).min(bound).max(-bound).store(part);
    }
    let rest = registers.into_remainder();
    T::Register::<S>::load_partial(rest, T::ZERO).min(bound).max(-bound).store_partial(rest);
}

dispatch! { fn clamp<T: Scalar>(x: &mut [T], bound: T) = clamp_kernel }

/// Brings every entry of a gradient into [-`largest`, `largest`], and returns the norm that it had before. The
/// direction changes. Two passes.
///
/// # Errors
/// As [`clip_by_norm`].
///
/// # Examples
/// ```
/// use brenier::nn::optim::clip_by_value;
/// let mut gradient = [3.0_f32, -4.0, 0.5];
/// assert!((clip_by_value(&mut gradient, 1.0)? - 25.25_f64.sqrt()).abs() < 1e-15);
/// assert_eq!(gradient, [1.0, -1.0, 0.5]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "clip_grad_value_")]
pub fn clip_by_value<T: Scalar>(gradient: &mut [T], largest: f64) -> Result<f64> {
    check_bound(largest)?;
    let norm = gradient_norm(gradient)?;
    let bound = T::from_f64(largest);
    for_each_chunk_mut(gradient, CHUNK, |_, part| clamp(part, bound));
    Ok(norm)
}

fn check_bound(largest: f64) -> Result<()> {
    if largest > 0.0 {
        return Ok(());
    }
    Err(Error::Argument { name: "largest", value: largest, requirement: "it must be above 0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_of_any_size() {
        assert_eq!(gradient_norm::<f32>(&[]), Ok(0.0));
        assert_eq!(gradient_norm(&[0.0_f64; 9]), Ok(0.0));
        for scale in [-1074, -1060, -600, -200, 0, 300, 600, 1000, 1020] {
            let unit = if scale < -1022 { f64::from_bits(1 << (scale + 1074)) } else { 2_f64.powi(scale) };
            // 3, 4 and 12: the norm is 13.
            let gradient = [3.0 * unit, -4.0 * unit, 0.0, 12.0 * unit];
            if gradient.iter().all(|x| x.is_finite()) {
                let norm = gradient_norm(&gradient).unwrap();
                assert!((norm / unit - 13.0).abs() < 1e-13 || norm == 13.0 * unit, "2^{scale}: {norm}");
            }
        }
        assert_eq!(gradient_norm(&[f32::MAX; 4]), Ok(2.0 * f64::from(f32::MAX)));
        assert_eq!(gradient_norm(&[f64::MAX; 4]), Ok(f64::INFINITY));
    }

    #[test]
    fn a_norm_beyond_the_largest_number_is_clipped_all_the_same() {
        let mut gradient = [f64::MAX; 4];
        assert_eq!(clip_by_norm(&mut gradient, 2.0), Ok(f64::INFINITY));
        assert!(gradient.iter().all(|g| (g - 1.0).abs() < 1e-14), "{gradient:?}");
    }

    #[test]
    fn what_is_not_finite_is_named_and_nothing_changes() {
        let mut gradient = vec![1.0_f32; 100_000];
        gradient[77_777] = f32::NEG_INFINITY;
        let before = gradient.clone();
        let expected = Error::NotFinite { what: "the gradient", index: 77_777, value: f64::NEG_INFINITY };
        assert_eq!(clip_by_norm(&mut gradient, 1.0), Err(expected.clone()));
        assert_eq!(clip_by_value(&mut gradient, 1.0), Err(expected));
        assert_eq!(gradient, before);
        for largest in [0.0, -1.0, f64::NAN] {
            assert!(matches!(
                clip_by_norm(&mut [1.0], largest),
                Err(Error::Argument { name: "largest", .. })
            ));
            assert!(matches!(clip_by_value(&mut [1.0], largest), Err(Error::Argument { .. })));
        }
    }

    #[test]
    fn short_gradients_keep_their_bits() {
        let mut gradient = [0.1_f32, 0.2, -0.3];
        clip_by_norm(&mut gradient, 0.4).unwrap();
        clip_by_norm(&mut gradient, f64::INFINITY).unwrap();
        clip_by_value(&mut gradient, 0.4).unwrap();
        assert_eq!(gradient, [0.1, 0.2, -0.3]);
    }
}
