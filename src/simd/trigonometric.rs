//! Sine and cosine of a fraction of a turn, for the Box-Muller transform.
//!
//! With `n` the number of half turns nearest to `x`, the rest `y = x - n/2` is exact and lies in `[-1/4, 1/4]`; both functions
//! of `2 pi y` are polynomials in `y^2`, and `(-1)^n` is their common sign.
//!
//! Cost: about 22 instructions for both (`f32`). The largest absolute error, in units of `EPSILON` (the distance
//! from one to the next larger number), on a grid of two million points and all neighbours of the quarter turns:
//!
//! | | portable | AVX2 |
//! | --- | --- | --- |
//! | `f32` | 1.32 | 1.12 |
//! | `f64` | 1.50 | 1.50 |

use super::elementary::horner;
use super::lanes::Lanes;

/// The constants of sine and cosine for one precision.
pub trait TurnConstants: Sized + 'static {
    /// `sin(2 pi y) / y` as a polynomial in `y^2`, lowest coefficient first.
    const SINE: &'static [Self];
    /// `(cos(2 pi y) - 1) / y^2` as a polynomial in `y^2`.
    const COSINE: &'static [Self];
}

impl TurnConstants for f32 {
    // Minimax (Remez) on y^2 <= 1/16 of the absolute error; rounded to f32 it is below 2^-26.9.
    #[allow(clippy::approx_constant)] // The neighbour of 2 pi that serves the polynomial best.
    const SINE: &'static [f32] = &[6.283_185, -41.341_618, 81.598_65, -76.496_05, 39.134_11];
    // The same, below 2^-29.7.
    const COSINE: &'static [f32] = &[-19.739_208, 64.939_285, -85.450_34, 60.079_044, -24.539_007];
}

impl TurnConstants for f64 {
    // As above, below 2^-57.5.
    const SINE: &'static [f64] = &[
        std::f64::consts::TAU,
        -41.341_702_240_399_57,
        81.605_249_276_031_97,
        -76.705_859_748_657_35,
        42.058_693_704_441_53,
        -15.094_635_033_290_857,
        3.819_814_416_464_207_6,
        -0.716_701_654_445_292_9,
        0.097_037_389_746_314_16,
    ];
    // As above, below 2^-57.3.
    const COSINE: &'static [f64] = &[
        -19.739_208_802_178_71,
        64.939_394_022_664_06,
        -85.456_817_205_961_68,
        60.244_641_310_594_595,
        -26.426_253_943_490_156,
        7.903_459_606_969_47,
        -1.713_185_229_742_959_7,
        0.271_795_822_569_979_5,
    ];
}

/// `(sin(2 pi x), cos(2 pi x))` for `x` in [-1, 1]; NaN for NaN.
#[inline(always)]
pub(crate) fn sin_cos_of_turns<L: Lanes>(x: L) -> (L, L) {
    let one = L::constant(1.0);
    let half_turns = (x + x).round_small();
    let y = half_turns.mul_add(L::constant(-0.5), x);
    let square = y * y;
    // n is -2, ..., 2, so |n| - 1 is zero exactly where n is odd.
    let even = half_turns.abs() - one;
    let sign = (even * even).mul_add(L::constant(2.0), -one);
    let sine = y * horner(square, L::Element::SINE);
    let cosine = square.mul_add(horner(square, L::Element::COSINE), one);
    (sign * sine, sign * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::{Scalar, Vectorised};
    use crate::simd::lanes::Simd;
    use crate::simd::test_at_every_level;

    /// The largest absolute error over a grid of [-1, 1] and the neighbourhoods of its quarters, in units of EPSILON.
    #[inline(always)]
    fn worst<S: Simd, T: Scalar>() -> f64 {
        type L<S, T> = <T as Vectorised>::Register<S>;
        let mut turns: Vec<T> =
            (0..=2_000_000).map(|k| T::from_f64(f64::from(k - 1_000_000) * 1e-6)).collect();
        for quarter in -4..=4 {
            for k in -300..300 {
                let near = f64::from(quarter) * 0.25 + f64::from(k) * 0.25 * T::EPSILON.to_f64();
                turns.push(T::from_f64(near.clamp(-1.0, 1.0)));
            }
        }
        let (mut sines, mut cosines) = (turns.clone(), turns.clone());
        let lanes = <L<S, T>>::LANES;
        for start in (0..turns.len()).step_by(lanes) {
            let end = (start + lanes).min(turns.len());
            let (sine, cosine) = sin_cos_of_turns(<L<S, T>>::load_partial(&turns[start..end], T::ZERO));
            sine.store_partial(&mut sines[start..end]);
            cosine.store_partial(&mut cosines[start..end]);
        }
        let mut worst: f64 = 0.0;
        for k in 0..turns.len() {
            // Eighths of a turn, so that the reference's argument rounds at a small number: its own error stays below 1/2.
            let x = turns[k].to_f64();
            let eighths = (x * 8.0).round();
            let angle = (x - eighths / 8.0) * std::f64::consts::TAU;
            let h = std::f64::consts::FRAC_1_SQRT_2;
            let (c, s) =
                [(1.0, 0.0), (h, h), (0.0, 1.0), (-h, h), (-1.0, 0.0), (-h, -h), (0.0, -1.0), (h, -h)]
                    [(eighths as i64).rem_euclid(8) as usize];
            let (sine, cosine) = angle.sin_cos();
            let (expected_sine, expected_cosine) = (s * cosine + c * sine, c * cosine - s * sine);
            worst = worst.max((sines[k].to_f64() - expected_sine).abs());
            worst = worst.max((cosines[k].to_f64() - expected_cosine).abs());
        }
        worst / T::EPSILON.to_f64()
    }

    fn accuracy<S: Simd, T: Scalar>() {
        let level = std::any::type_name::<S>();
        let worst = worst::<S, T>();
        println!("{level}, {}: {worst}", T::NAME);
        assert!(worst <= 2.0, "{level}, {}: {worst}", T::NAME);
    }

    fn special<S: Simd, T: Scalar>() {
        type L<S, T> = <T as Vectorised>::Register<S>;
        let (sine, cosine) = sin_cos_of_turns(<L<S, T>>::constant(f64::NAN));
        assert!(sine.reduce_sum().to_f64().is_nan() && cosine.reduce_sum().to_f64().is_nan());
        for (turn, expected) in
            [(0.0, (0.0, 1.0)), (0.5, (0.0, -1.0)), (-0.5, (0.0, -1.0)), (1.0, (0.0, 1.0))]
        {
            let (sine, cosine) = sin_cos_of_turns(<L<S, T>>::constant(turn));
            assert_eq!((sine.reduce_max().to_f64(), cosine.reduce_max().to_f64()), expected);
        }
    }

    test_at_every_level! {
        sine_and_cosine_are_accurate_f32 = accuracy::<f32>;
        sine_and_cosine_are_accurate_f64 = accuracy::<f64>;
        half_turns_are_exact_and_nan_stays_f32 = special::<f32>;
        half_turns_are_exact_and_nan_stays_f64 = special::<f64>;
    }
}
