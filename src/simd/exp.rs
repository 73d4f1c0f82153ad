//! Exponentials of a register: base e and 2, each in a full and in a flushed form.
//!
//! `e^x = 2^n e^r` with `n` the integer nearest to `x / ln 2` and `r = x - n ln 2` in `[-ln 2 / 2, ln 2 / 2]`, subtracted in
//! two parts of which the first is exact (Cody and Waite, *Software Manual for the Elementary Functions*, 1980). Then
//! `e^r = 1 + r + r^2 q(r)` with a minimax polynomial `q` (Remez exchange in 60 digits, of the error relative to `e^r`), and
//! the power of two goes into the exponent. For base 2 the rest `x - n` is exact.
//!
//! The full forms are right over the whole range: subnormal results are rounded once, large ones become infinite, NaN stays
//! NaN. The flushed forms give zero below `2^-125.5` (`f32`) or `2^-1021.5` (`f64`), about the smallest normal number, which
//! spares a fifth of the work: a sum of such terms with one near 1 does not see the difference. The lifted form is flushed too, and
//! takes an integer off the exponent for nothing.
//!
//! Instructions for a register of `f32`, load and store aside: `exp` 21 on AVX2 (2 to clamp, 2 for n, 2 for r, 7 for the
//! polynomial, 8 to scale) and 15 on AVX-512, whose `scalef` takes two; `exp_flushed` 15 on both. A processor with
//! two vector units of 512 bits at 2.5 GHz can so do 16 * 2.5 / 7.5 = 5.3 G elements/s (`exp`, AVX-512).
//!
//! | largest error, ULP | portable | AVX2 |
//! | --- | --- | --- |
//! | `exp`, `f32`, sampled | 0.98 | 0.99 |
//! | `exp2`, `f32`, sampled | 1.29 | 1.00 |
//! | `exp`, `f64`, sampled | 0.94 | 1.02 |
//! | `exp2`, `f64`, sampled | 1.29 | 0.97 |
//!
//! The lifted form errs by at most 2.5.

use super::elementary::{Elementary, polynomial};
use super::lanes::Lanes;
use super::ln::LnConstants;

/// The constants of the exponentials for one precision.
pub trait ExpConstants: Sized + 'static {
    /// Below the first `e^x` rounds to zero, from the second it is infinite, and both reductions stay in range.
    const EXP_RANGE: (Self, Self);
    /// The same for `2^x`.
    const EXP2_RANGE: (Self, Self);
    /// Below the first `n` is at most the exponent that the flushed `e^x` turns into zero; from the second it is infinite.
    const EXP_FLUSHED_RANGE: (Self, Self);
    /// The same for the flushed `2^x`.
    const EXP2_FLUSHED_RANGE: (Self, Self);
    /// `1.5 * 2^m + MAX_EXPONENT - 1`: leaves the exponent field of `2^(n - 1)` in the lowest bits of the sum with `n`.
    const HALVED_EXPONENT_SHIFTER: Self;
    /// `(e^r - 1 - r) / r^2`, lowest coefficient first.
    const EXP: &'static [Self];
    /// `(2^r - 1) / r`, lowest coefficient first.
    const EXP2: &'static [Self];
    /// `2 * 2^r`, lowest coefficient first, the first of them exactly 2.
    const EXP2_DOUBLED: &'static [Self];
}

impl ExpConstants for f32 {
    const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    const EXP2_RANGE: (f32, f32) = (-151.0, 129.0);
    const EXP_FLUSHED_RANGE: (f32, f32) = (-87.3, 89.0);
    const EXP2_FLUSHED_RANGE: (f32, f32) = (-126.0, 128.0);
    const HALVED_EXPONENT_SHIFTER: f32 = f32::ROUND_SHIFTER + 126.0;
    // Degree 6 in all, |r| <= 0.34675: error 2^-28.0 after rounding to f32.
    const EXP: &'static [f32] = &[0.499_999_94, 0.166_665_21, 0.041_668_39, 0.008_368_744_5, 0.001_381_454];
    // Degree 6 in all, |r| <= 0.50005: error 2^-26.4 after rounding to f32, most of it from the first coefficient.
    const EXP2: &'static [f32] =
        &[0.693_147_24, 0.240_226_55, 0.055_502_728, 0.009_617_063, 0.001_341_989_5, 0.000_158_37];
    // Degree 5, |r| <= 0.5001: error 2^-23.3, 0.8 units in the last place. A sixth power would cost an instruction for 0.7 of them.
    const EXP2_DOUBLED: &'static [f32] =
        &[2.0, 1.386_294, 0.480_444_88, 0.111_014_11, 0.019_342_907, 0.002_654_400_4];
}

impl ExpConstants for f64 {
    const EXP_RANGE: (f64, f64) = (-746.0, 710.0);
    const EXP2_RANGE: (f64, f64) = (-1076.0, 1025.0);
    const EXP_FLUSHED_RANGE: (f64, f64) = (-708.3, 710.0);
    const EXP2_FLUSHED_RANGE: (f64, f64) = (-1022.0, 1024.0);
    const HALVED_EXPONENT_SHIFTER: f64 = f64::ROUND_SHIFTER + 1022.0;
    // Degree 11 in all: error 2^-56.3 after rounding to f64.
    const EXP: &'static [f64] = &[
        0.500_000_000_000_001_1,
        0.166_666_666_666_664_1,
        0.041_666_666_666_529_73,
        0.008_333_333_333_494_964,
        0.001_388_888_894_375_908_4,
        0.000_198_412_695_058_005_34,
        2.480_149_295_057_743_7e-5,
        2.755_758_678_001_771_3e-6,
        2.763_030_590_772_048e-7,
        2.500_002_627_349_857_8e-8,
    ];
    // Degree 11 in all: error 2^-55.7 after rounding to f64.
    const EXP2: &'static [f64] = &[
        0.693_147_180_559_945_6,
        0.240_226_506_959_101_14,
        0.055_504_108_664_796_2,
        0.009_618_129_107_601_438,
        0.001_333_355_815_217_326_6,
        0.000_154_035_304_481_481_92,
        1.525_272_852_828_132_8e-5,
        1.321_543_958_570_212e-6,
        1.018_019_380_902_468_9e-7,
        7.073_073_125_905_578e-9,
        4.143_788_296_209_359_3e-10,
    ];
    // Degree 10: error 2^-52.0. One less would leave 1.4e-14.
    const EXP2_DOUBLED: &'static [f64] = &[
        2.0,
        1.386_294_361_119_898_3,
        0.480_453_013_918_181_96,
        0.111_008_217_328_963_22,
        0.019_236_258_215_968_645,
        0.002_666_711_645_173_401_7,
        0.000_308_070_599_861_680_6,
        3.050_531_875_209_282e-5,
        2.643_130_803_800_973e-6,
        2.041_666_948_943_226_4e-7,
        1.407_626_238_792_726_5e-8,
    ];
}

/// `x` between the two ends of a range; NaN stays NaN.
#[inline(always)]
fn clamp<L: Lanes>(x: L, range: (L::Element, L::Element)) -> L {
    L::splat(range.1).min(L::splat(range.0).max(x))
}

/// `x - n ln 2`, rounded once or (without fused multiply-add) twice.
#[inline(always)]
fn reduce<L: Lanes>(x: L, n: L) -> L {
    let head = n.mul_add(-L::splat(L::Element::LN_2_HIGH), x);
    n.mul_add(-L::splat(L::Element::LN_2_LOW), head)
}

/// `e^x`.
#[inline(always)]
pub(crate) fn exp<L: Lanes>(x: L) -> L {
    let x = clamp(x, L::Element::EXP_RANGE);
    let shifter = L::splat(L::Element::ROUND_SHIFTER);
    let n = x.mul_add(L::constant(std::f64::consts::LOG2_E), shifter) - shifter;
    let r = reduce(x, n);
    let tail = (r * r).mul_add(polynomial(r, L::Element::EXP), r);
    (tail + L::constant(1.0)).scale_unit_by_power_of_two(n)
}

/// `2^x`.
#[inline(always)]
pub(crate) fn exp2<L: Lanes>(x: L) -> L {
    let x = clamp(x, L::Element::EXP2_RANGE);
    let n = x.round_small();
    let r = x - n;
    let value = r.mul_add(polynomial(r, L::Element::EXP2), L::constant(1.0));
    value.scale_unit_by_power_of_two(n)
}

/// `e^x`, but zero where it is below about the smallest normal number.
#[inline(always)]
pub(crate) fn exp_flushed<L: Lanes>(x: L) -> L {
    let x = clamp(x, L::Element::EXP_FLUSHED_RANGE);
    let shifter = L::splat(L::Element::HALVED_EXPONENT_SHIFTER);
    let shifted = x.mul_add(L::constant(std::f64::consts::LOG2_E), shifter);
    let r = reduce(x, shifted - shifter);
    let tail = (r * r).mul_add(polynomial(r, L::Element::EXP), r);
    // Twice the value times 2^(n-1): the smallest n gives the factor zero, and the largest is still finite.
    let two = L::constant(2.0);
    tail.mul_add(two, two) * shifted.shift_into_exponent()
}

/// The constants of [`exp2_lifted`] for an integer m: what m costs is here, and not in the loop.
#[derive(Clone, Copy)]
pub(crate) struct Lift<L> {
    shifter: L,
    lowest: L,
    highest: L,
}

impl<L: Lanes> Lift<L> {
    /// For an integer-valued `m` of magnitude at most 1 / (8 EPS): 2^20 for `f32`, 2^49 for `f64`.
    #[inline(always)]
    pub(crate) fn new(m: L::Element) -> Self {
        let m = L::splat(m);
        let (low, high) = L::Element::EXP2_FLUSHED_RANGE;
        Self {
            shifter: m + L::splat(L::Element::HALVED_EXPONENT_SHIFTER),
            lowest: m - L::splat(high),
            highest: m - L::splat(low),
        }
    }
}

/// `2^(m - x)`, but zero where it is below about the smallest normal number and infinite above the largest, for several
/// registers side by side: their chains of dependent instructions are longer than what processors look ahead.
///
/// 12 instructions for a register of `f32`, 17 for one of `f64`: 2 to clamp, 3 to reduce, the polynomial, 2 to scale.
#[inline(always)]
pub(crate) fn exp2_lifted<L: Lanes, const GROUP: usize>(mut x: [L; GROUP], lift: Lift<L>) -> [L; GROUP] {
    let mut shifted = x;
    for g in 0..GROUP {
        x[g] = lift.highest.min(lift.lowest.max(x[g]));
        shifted[g] = lift.shifter - x[g];
    }
    for g in 0..GROUP {
        // The nearest integer minus x: exact.
        x[g] = (lift.shifter - shifted[g]) - x[g];
    }
    let coefficients = L::Element::EXP2_DOUBLED;
    let last = coefficients.len() - 1;
    let mut value = [L::splat(coefficients[last]); GROUP];
    for k in (0..last).rev() {
        let coefficient = L::splat(coefficients[k]);
        for g in 0..GROUP {
            value[g] = value[g].mul_add(x[g], coefficient);
        }
    }
    for g in 0..GROUP {
        value[g] = value[g] * shifted[g].shift_into_exponent();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;
    use crate::scalar::{Scalar, Vectorised};
    use crate::simd::lanes::Simd;
    use crate::simd::test_at_every_level;

    /// `2^x` by the lifted form.
    #[inline(always)]
    fn exp2_of<L: Lanes>(x: L) -> L {
        exp2_lifted([-x], Lift::new(L::Element::rounded_from(0.0)))[0]
    }

    /// A lift is a factor 2^m, to the bit, where neither over- nor underflows.
    fn lifted<S: Simd, T: Scalar>() {
        type L<S, T> = <T as Vectorised>::Register<S>;
        let lanes = <L<S, T>>::LANES;
        let (mut plain, mut out) = (vec![T::ZERO; lanes], vec![T::ZERO; lanes]);
        let largest = 0.125 / T::EPSILON.to_f64();
        for m in [1.0, -3.0, 100.0, 4096.0, -largest, largest] {
            // Their sums with m are exact.
            let unit = 16.0 * T::EPSILON.to_f64() * f64::max(m.abs(), 128.0);
            for k in 0..400 {
                let x = T::from_f64(((f64::from(k) - 200.0) * 0.3171 / unit).round() * unit);
                let difference = T::from_f64(m - x.to_f64());
                exp2_lifted([<L<S, T>>::splat(difference)], Lift::new(T::from_f64(m)))[0].store(&mut out);
                exp2_of(<L<S, T>>::splat(x)).store(&mut plain);
                assert!(out == plain, "m = {m}, x = {x}: {} {}", out[0], plain[0]);
            }
        }
    }

    /// The flushed forms are as accurate as the full ones above their threshold and zero below it; NaN and infinities stay.
    fn flushed<S: Simd, T: Scalar>() {
        type L<S, T> = <T as Vectorised>::Register<S>;
        let single = T::NAME == "f32";
        let (threshold, end) = if single { (-125.5, 130.0) } else { (-1021.5, 1026.0) };
        let lanes = <L<S, T>>::LANES;
        let steps = 100_000 * lanes;
        let (low, step) = (threshold - 20.0, (end - threshold + 20.0) / steps as f64);
        let grid: Vec<T> = (0..steps).map(|k| T::from_f64(low + step * k as f64)).collect();
        let mut out = vec![T::ZERO; lanes];
        let mut worst = (0.0_f64, 0.0_f64);
        for x in grid.chunks_exact(lanes) {
            exp2_of(<L<S, T>>::load(x)).store(&mut out);
            for k in 0..lanes {
                let x = x[k].to_f64();
                if x <= threshold {
                    assert_eq!(out[k], T::ZERO, "2^{x}");
                } else {
                    worst.0 = worst.0.max(reference::ulps(out[k], reference::exp2(x)));
                }
            }
            exp_flushed(<L<S, T>>::load(x)).store(&mut out);
            for k in 0..lanes {
                let x = x[k].to_f64();
                let exponent = x * std::f64::consts::LOG2_E;
                // The threshold is where x / ln 2 rounds: give it a few units of room.
                if exponent < threshold - 1e-3 {
                    assert_eq!(out[k], T::ZERO, "e^{x}");
                } else if exponent > threshold + 1e-3 {
                    worst.1 = worst.1.max(reference::ulps(out[k], reference::exp(x)));
                }
            }
        }
        println!("{} {}: {worst:?}", std::any::type_name::<S>(), T::NAME);
        // The lifted form has a polynomial of one degree less, and without fused multiply-add each of its steps rounds twice.
        assert!(worst.0 <= 2.5 && worst.1 <= 2.0, "{}: {worst:?}", T::NAME);
        let of = |x: f64| <L<S, T>>::constant(x);
        for function in [exp_flushed::<L<S, T>>, exp2_of] {
            assert_eq!(function(of(f64::INFINITY)).reduce_max(), T::INFINITY);
            assert_eq!(function(of(f64::NEG_INFINITY)).reduce_max(), T::ZERO);
            assert_eq!(function(of(0.0)).reduce_max(), T::ONE);
        }
        // A NaN keeps its payload, whose low bits must not reach the exponent.
        let payload = |bits: u64| {
            if single {
                T::from_f64(f64::from(f32::from_bits(0x7fc0_0000 | bits as u32)))
            } else {
                T::from_f64(f64::from_bits(0x7ff8_0000_0000_0000 | bits))
            }
        };
        for bits in 0..600 {
            let x = <L<S, T>>::splat(payload(bits));
            exp2_of(x).store(&mut out);
            assert!(out.iter().all(|y| y.to_f64().is_nan()));
            exp_flushed(x).store(&mut out);
            assert!(out.iter().all(|y| y.to_f64().is_nan()));
        }
    }

    test_at_every_level! {
        flushed_forms_differ_only_below_the_threshold_f32 = flushed::<f32>;
        flushed_forms_differ_only_below_the_threshold_f64 = flushed::<f64>;
        a_lift_is_a_power_of_two_f32 = lifted::<f32>;
        a_lift_is_a_power_of_two_f64 = lifted::<f64>;
    }
}
