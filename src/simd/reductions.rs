//! Reductions of slices to one number: sum, inner product, extremes and the logarithm of a sum of exponentials.
//!
//! A sum runs over blocks of 1024 elements with four registers of partial sums, which are combined pairwise; the sums of the
//! blocks are added with the error of each addition carried along (Knuth's TwoSum). So the error of a sum is at most
//! `(2 + 256 / LANES) EPSILON` times the sum of the magnitudes, whatever the length. The order of the additions is fixed
//! by the length and the level. One pass over memory, `log_sum_exp` two.

use super::dispatch;
use super::exp::exp_flushed;
use super::lanes::{Lanes, Mask, Simd};
use super::ln::ln;
use crate::error::{Error, Result};
use crate::scalar::{Scalar, Vectorised};

type Register<S, T> = <T as Vectorised>::Register<S>;

/// Elements that are summed without compensation: the error of a block stays small and four registers stay busy.
const BLOCK: usize = 1024;

/// Registers of partial results that a loop keeps: enough to hide the latency of an addition.
const STRANDS: usize = 4;

/// A sum of a few thousand terms at most, with the rounding error of every addition.
struct Compensated<T> {
    sum: T,
    error: T,
}

impl<T: Scalar> Compensated<T> {
    const ZERO: Self = Compensated { sum: T::ZERO, error: T::ZERO };

    #[inline(always)]
    fn add(&mut self, term: T) {
        let sum = self.sum + term;
        let part = sum - self.sum;
        self.error += (self.sum - (sum - part)) + (term - part);
        self.sum = sum;
    }

    /// The sum; where it is not finite, what plain addition gives.
    #[inline(always)]
    fn value(&self) -> T {
        if self.sum.is_finite() { self.sum + self.error } else { self.sum }
    }
}

/// One register from four, in a fixed order.
#[inline(always)]
fn total<L: Lanes>(strands: [L; STRANDS]) -> L::Element {
    ((strands[0] + strands[1]) + (strands[2] + strands[3])).reduce_sum()
}

#[inline(always)]
fn sum_kernel<S: Simd, T: Scalar>(x: &[T]) -> T {
    let lanes = Register::<S, T>::LANES;
    let mut sum = Compensated::ZERO;
    for block in x.chunks(BLOCK) {
        let mut strands = [Register::<S, T>::constant(0.0); STRANDS];
        let mut groups = block.chunks_exact(STRANDS * lanes);
        for group in &mut groups {
            for k in 0..STRANDS {
                strands[k] = strands[k] + Register::<S, T>::load(&group[k * lanes..]);
            }
        }
        for rest in groups.remainder().chunks(lanes) {
            strands[0] = strands[0] + Register::<S, T>::load_partial(rest, T::ZERO);
        }
        sum.add(total(strands));
    }
    sum.value()
}

#[inline(always)]
fn dot_kernel<S: Simd, T: Scalar>(x: &[T], y: &[T]) -> T {
    let lanes = Register::<S, T>::LANES;
    let mut sum = Compensated::ZERO;
    for (x, y) in x.chunks(BLOCK).zip(y.chunks(BLOCK)) {
        let mut strands = [Register::<S, T>::constant(0.0); STRANDS];
        let mut xs = x.chunks_exact(STRANDS * lanes);
        let mut ys = y.chunks_exact(STRANDS * lanes);
        for (x, y) in (&mut xs).zip(&mut ys) {
            for k in 0..STRANDS {
                let (a, b) =
                    (Register::<S, T>::load(&x[k * lanes..]), Register::<S, T>::load(&y[k * lanes..]));
                strands[k] = a.mul_add(b, strands[k]);
            }
        }
        for (x, y) in xs.remainder().chunks(lanes).zip(ys.remainder().chunks(lanes)) {
            let (a, b) =
                (Register::<S, T>::load_partial(x, T::ZERO), Register::<S, T>::load_partial(y, T::ZERO));
            strands[0] = a.mul_add(b, strands[0]);
        }
        sum.add(total(strands));
    }
    sum.value()
}

/// Smallest or (`LARGEST`) largest element of a slice that is not empty; NaN if any element is.
#[inline(always)]
fn extreme<S: Simd, T: Scalar, const LARGEST: bool>(x: &[T]) -> T {
    let lanes = Register::<S, T>::LANES;
    let start = if LARGEST { -T::INFINITY } else { T::INFINITY };
    let mut strands = [Register::<S, T>::splat(start); STRANDS];
    // A comparison drops NaN; adding up x - x keeps it, but turns infinities into NaN too: so test equality with itself.
    let mut ordered = [strands[0].eq(strands[0]); STRANDS];
    let mut groups = x.chunks_exact(STRANDS * lanes);
    for group in &mut groups {
        for k in 0..STRANDS {
            let x = Register::<S, T>::load(&group[k * lanes..]);
            strands[k] = if LARGEST { x.max(strands[k]) } else { x.min(strands[k]) };
            ordered[k] = ordered[k] & x.eq(x);
        }
    }
    for rest in groups.remainder().chunks(lanes) {
        let x = Register::<S, T>::load_partial(rest, start);
        strands[0] = if LARGEST { x.max(strands[0]) } else { x.min(strands[0]) };
        ordered[0] = ordered[0] & x.eq(x);
    }
    if !((ordered[0] & ordered[1]) & (ordered[2] & ordered[3])).all() {
        return T::from_f64(f64::NAN);
    }
    if LARGEST {
        strands[0].max(strands[1]).max(strands[2].max(strands[3])).reduce_max()
    } else {
        strands[0].min(strands[1]).min(strands[2].min(strands[3])).reduce_min()
    }
}

#[inline(always)]
fn min_kernel<S: Simd, T: Scalar>(x: &[T]) -> T {
    extreme::<S, T, false>(x)
}

#[inline(always)]
fn max_kernel<S: Simd, T: Scalar>(x: &[T]) -> T {
    extreme::<S, T, true>(x)
}

#[inline(always)]
fn log_sum_exp_kernel<S: Simd, T: Scalar>(x: &[T]) -> T {
    let lanes = Register::<S, T>::LANES;
    if x.is_empty() {
        return -T::INFINITY;
    }
    let largest = extreme::<S, T, true>(x);
    if !largest.is_finite() {
        // All terms are zero, or one is infinite or NaN: the largest is the answer.
        return largest;
    }
    let shift = Register::<S, T>::splat(largest);
    let mut sum = Compensated::ZERO;
    for block in x.chunks(BLOCK) {
        let mut strands = [Register::<S, T>::constant(0.0); STRANDS];
        let mut groups = block.chunks_exact(STRANDS * lanes);
        for group in &mut groups {
            for k in 0..STRANDS {
                strands[k] = strands[k] + exp_flushed(Register::<S, T>::load(&group[k * lanes..]) - shift);
            }
        }
        for rest in groups.remainder().chunks(lanes) {
            let x = Register::<S, T>::load_partial(rest, -T::INFINITY);
            strands[0] = strands[0] + exp_flushed(x - shift);
        }
        sum.add(total(strands));
    }
    // The sum is at least one. One logarithm, by way of a register whose lanes are equal.
    largest + ln(Register::<S, T>::splat(sum.value())).reduce_max()
}

dispatch! {
    /// The sum of all elements; zero of none.
    ///
    /// The error is at most `(2 + 256 / LANES) EPSILON` times the sum of the magnitudes for any length (4 to 16 lanes).
    ///
    /// # Examples
    /// ```
    /// let x = vec![0.1_f32; 1_000_000];
    /// assert!((brenier::simd::sum(&x) - 1e5).abs() < 0.3); // A plain loop in f32 gives 100958.
    /// ```
    pub fn sum<T: Scalar>(x: &[T]) -> T = sum_kernel
}

dispatch! { fn dot_dispatched<T: Scalar>(x: &[T], y: &[T]) -> T = dot_kernel }

/// The inner product `sum_i x[i] y[i]`; zero of empty slices. Its error is bounded as that of [`sum`].
///
/// # Errors
/// [`Error::Shape`] if the two slices differ in length.
///
/// # Examples
/// ```
/// assert_eq!(brenier::simd::dot(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]), Ok(32.0));
/// ```
pub fn dot<T: Scalar>(x: &[T], y: &[T]) -> Result<T> {
    if x.len() != y.len() {
        return Err(Error::Shape {
            operation: "dot",
            what: "the length of y",
            expected: x.len(),
            got: y.len(),
        });
    }
    Ok(dot_dispatched(x, y))
}

dispatch! { fn min_dispatched<T: Scalar>(x: &[T]) -> T = min_kernel }

/// The smallest element; NaN if any element is.
///
/// # Errors
/// [`Error::Empty`] of an empty slice.
///
/// # Examples
/// ```
/// assert_eq!(brenier::simd::min(&[2.0, -1.0, 5.0]), Ok(-1.0));
/// ```
pub fn min<T: Scalar>(x: &[T]) -> Result<T> {
    if x.is_empty() {
        return Err(Error::Empty { what: "the slice of min" });
    }
    Ok(min_dispatched(x))
}

dispatch! { fn max_dispatched<T: Scalar>(x: &[T]) -> T = max_kernel }

/// The largest element; NaN if any element is.
///
/// # Errors
/// [`Error::Empty`] of an empty slice.
///
/// # Examples
/// ```
/// assert_eq!(brenier::simd::max(&[2.0, -1.0, 5.0]), Ok(5.0));
/// ```
pub fn max<T: Scalar>(x: &[T]) -> Result<T> {
    if x.is_empty() {
        return Err(Error::Empty { what: "the slice of max" });
    }
    Ok(max_dispatched(x))
}

dispatch! {
    /// `ln sum_i e^x[i]`, without overflow: the largest element is taken out of the sum.
    ///
    /// -infinity of an empty slice or where all elements are -infinity; infinity where one is; NaN where one is NaN.
    /// Terms below about `1e-38` (`f32`) or `1e-308` of the largest count as zero.
    ///
    /// # Examples
    /// ```
    /// let x = [1000.0, 1000.0];
    /// assert!((brenier::simd::log_sum_exp(&x) - (1000.0 + 2_f64.ln())).abs() < 1e-12);
    /// ```
    pub fn log_sum_exp<T: Scalar>(x: &[T]) -> T = log_sum_exp_kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::test_at_every_level;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn random<T: Scalar>(count: usize, low: f64, high: f64) -> Vec<T> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(count as u64);
        (0..count).map(|_| T::from_f64(rng.random_range(low..high))).collect()
    }

    /// Lengths around the sizes of registers, strands and blocks.
    const LENGTHS: [usize; 16] = [1, 2, 3, 5, 8, 15, 16, 17, 63, 64, 65, 1000, 4095, 4096, 4097, 20_011];

    /// A sum in f64, exact to far below the tolerances for f32 and compensated for f64.
    fn exact_sum(terms: impl Iterator<Item = f64>) -> f64 {
        let mut sum = Compensated::<f64>::ZERO;
        terms.for_each(|term| sum.add(term));
        sum.value()
    }

    fn sums<S: Simd, T: Scalar>() {
        // Each strand adds at most 1024 / (4 LANES) <= 64 terms, a bound that random roundings never come near.
        let tolerance = 66.0 * T::EPSILON.to_f64();
        assert_eq!(sum_kernel::<S, T>(&[]), T::ZERO);
        for count in LENGTHS {
            let (x, y) = (random::<T>(count, -1.0, 1.0), random::<T>(count + 1, -2.0, 3.0));
            let y = &y[..count];
            let expected = exact_sum(x.iter().map(|x| x.to_f64()));
            let magnitude = exact_sum(x.iter().map(|x| x.to_f64().abs()));
            let got = sum_kernel::<S, T>(&x).to_f64();
            assert!((got - expected).abs() <= tolerance * magnitude, "{count}: {got} {expected}");
            let products = || x.iter().zip(y).map(|(x, y)| x.to_f64() * y.to_f64());
            let expected = exact_sum(products());
            let magnitude = exact_sum(products().map(f64::abs));
            let got = dot_kernel::<S, T>(&x, y).to_f64();
            assert!((got - expected).abs() <= tolerance * magnitude, "{count}: {got} {expected}");
        }
        let infinite = [T::ONE, T::INFINITY, T::ONE];
        assert_eq!(sum_kernel::<S, T>(&infinite), T::INFINITY);
        // Integers below 2^24 in every partial sum: exact.
        let integers: Vec<T> = (0..3000).map(|k| T::from_f64(f64::from(k))).collect();
        assert_eq!(sum_kernel::<S, T>(&integers).to_f64(), 4_498_500.0);
    }

    fn extremes<S: Simd, T: Scalar>() {
        for count in LENGTHS {
            let mut x = random::<T>(count, -1.0, 1.0);
            for position in [0, count / 2, count - 1] {
                let kept = x[position];
                x[position] = T::from_f64(-7.0);
                assert_eq!(min_kernel::<S, T>(&x).to_f64(), -7.0);
                x[position] = T::from_f64(7.0);
                assert_eq!(max_kernel::<S, T>(&x).to_f64(), 7.0);
                x[position] = T::from_f64(f64::NAN);
                assert!(min_kernel::<S, T>(&x).to_f64().is_nan());
                assert!(max_kernel::<S, T>(&x).to_f64().is_nan());
                assert!(log_sum_exp_kernel::<S, T>(&x).to_f64().is_nan());
                x[position] = kept;
            }
        }
        assert_eq!(min_kernel::<S, T>(&[T::INFINITY]), T::INFINITY);
        assert_eq!(max_kernel::<S, T>(&[-T::INFINITY]), -T::INFINITY);
    }

    fn log_sums<S: Simd, T: Scalar>() {
        for count in LENGTHS {
            for (low, high) in [(-1.0, 1.0), (-300.0, 100.0), (5000.0, 5001.0), (-9e4, -8e4)] {
                let x = random::<T>(count, low, high);
                let largest = x.iter().map(|x| x.to_f64()).fold(f64::NEG_INFINITY, f64::max);
                let expected = largest + exact_sum(x.iter().map(|x| (x.to_f64() - largest).exp())).ln();
                let got = log_sum_exp_kernel::<S, T>(&x).to_f64();
                // Two roundings of the result's own size, and the relative error of the sum (a few units) as an absolute one.
                let tolerance = T::EPSILON.to_f64() * (8.0 + 2.0 * expected.abs());
                assert!((got - expected).abs() <= tolerance, "{count} in {low}..{high}: {got} {expected}");
            }
        }
        assert_eq!(log_sum_exp_kernel::<S, T>(&[]), -T::INFINITY);
        assert_eq!(log_sum_exp_kernel::<S, T>(&[-T::INFINITY; 9]), -T::INFINITY);
        assert_eq!(log_sum_exp_kernel::<S, T>(&[-T::INFINITY, T::ONE, -T::INFINITY]), T::ONE);
        assert_eq!(log_sum_exp_kernel::<S, T>(&[T::ZERO, T::INFINITY, T::ONE]), T::INFINITY);
        assert!(log_sum_exp_kernel::<S, T>(&[T::INFINITY, T::from_f64(f64::NAN)]).to_f64().is_nan());
    }

    test_at_every_level! {
        sums_keep_their_error_bound_f32 = sums::<f32>;
        sums_keep_their_error_bound_f64 = sums::<f64>;
        extremes_are_found_anywhere_and_keep_nan_f32 = extremes::<f32>;
        extremes_are_found_anywhere_and_keep_nan_f64 = extremes::<f64>;
        log_sums_match_plain_sums_f32 = log_sums::<f32>;
        log_sums_match_plain_sums_f64 = log_sums::<f64>;
    }

    #[test]
    fn shapes_are_checked() {
        assert_eq!(dot(&[1.0_f32], &[]).unwrap_err().to_string(), "dot: the length of y is 0, expected 1");
        assert_eq!(min::<f32>(&[]).unwrap_err().to_string(), "the slice of min is empty");
        assert_eq!(max::<f64>(&[]).unwrap_err().to_string(), "the slice of max is empty");
    }
}
