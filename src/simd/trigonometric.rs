//! Sine and cosine of a fraction of a turn, for the Box-Muller transform.
//!
//! With `n` the number of half turns nearest to `x`, the rest `y = x - n/2` is exact and lies in `[-1/4, 1/4]`; both functions
//! of `2 pi y` are polynomials in `y^2`, and `(-1)^n` is their common sign.
//!
//! Cost: about 22 instructions for both (`f32`). The largest absolute error, in units of the distance from one to the next
//! larger number: TRIGTABLE.

use super::elementary::{Elementary, polynomial};
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
    let sine = y * polynomial(square, L::Element::SINE);
    let cosine = square.mul_add(polynomial(square, L::Element::COSINE), one);
    (sign * sine, sign * cosine)
}
