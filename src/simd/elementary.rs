//! What the generic kernels know of a lane's type: its format and the constants of each elementary function.

use super::erf::ErfConstants;
use super::exp::ExpConstants;
use super::lanes::Lanes;
use super::ln::LnConstants;
use super::tanh::TanhConstants;
use super::trigonometric::TurnConstants;

/// `f32` or `f64` as a floating-point format, with the coefficients of the elementary functions for its precision.
pub trait Elementary:
    Copy + Send + Sync + 'static + ErfConstants + ExpConstants + LnConstants + TanhConstants + TurnConstants
{
    /// Exponent of the largest finite power of two, which is also the bias of the exponent field: 127 or 1023.
    const MAX_EXPONENT: f64;
    /// `1.5 * 2^m` for `m` stored mantissa bits: adding it rounds to an integer, in the lowest bits of the sum.
    const ROUND_SHIFTER: Self;
    /// `1.5 * 2^m + MAX_EXPONENT`: adding it to an integer puts the biased exponent into the lowest bits of the sum.
    const EXPONENT_SHIFTER: Self;

    /// `value` rounded to nearest.
    fn rounded_from(value: f64) -> Self;
}

impl Elementary for f32 {
    const MAX_EXPONENT: f64 = 127.0;
    const ROUND_SHIFTER: f32 = 12_582_912.0;
    const EXPONENT_SHIFTER: f32 = 12_582_912.0 + 127.0;

    #[inline(always)]
    fn rounded_from(value: f64) -> f32 {
        value as f32
    }
}

impl Elementary for f64 {
    const MAX_EXPONENT: f64 = 1023.0;
    const ROUND_SHIFTER: f64 = 6_755_399_441_055_744.0;
    const EXPONENT_SHIFTER: f64 = 6_755_399_441_055_744.0 + 1023.0;

    #[inline(always)]
    fn rounded_from(value: f64) -> f64 {
        value
    }
}

/// The polynomial with the given coefficients (two at least), lowest first, by Horner's rule in `x^2` on the even and the odd
/// powers: one multiplication more than in `x`, and half the chain of dependent instructions.
#[inline(always)]
pub(crate) fn polynomial<L: Lanes>(x: L, coefficients: &'static [L::Element]) -> L {
    let square = x * x;
    let last = coefficients.len() - 1;
    let mut upper = L::splat(coefficients[last]);
    let mut lower = L::splat(coefficients[last - 1]);
    // Two strands whose lowest powers differ by one; each step goes down by two.
    for k in (0..last - 1).rev() {
        (upper, lower) = (lower, upper.mul_add(square, L::splat(coefficients[k])));
    }
    upper.mul_add(x, lower)
}

/// The polynomial with the given coefficients, lowest first, by Horner's rule in `x`: for alternating coefficients the more
/// accurate way, since each sum but the last cancels little.
#[inline(always)]
pub(crate) fn horner<L: Lanes>(x: L, coefficients: &'static [L::Element]) -> L {
    let last = coefficients.len() - 1;
    let mut value = L::splat(coefficients[last]);
    for k in (0..last).rev() {
        value = value.mul_add(x, L::splat(coefficients[k]));
    }
    value
}
