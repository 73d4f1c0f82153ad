//! The curve of each activation: its value, slope and curvature of one register, side by side.
//!
//! The slope shares the work of the value (one exponential for both), so a forward pass that will be followed by a backward
//! pass computes both at once. Conventions at corners are PyTorch's: `relu'(0) = 0`, `leaky_relu'(0) = slope`, `elu'(0) = alpha`.

use crate::simd::Lanes;
use crate::simd::erf::erf;
use crate::simd::exp::exp_flushed;
use crate::simd::sigmoid::sigmoid;
use crate::simd::softplus::softplus;
use crate::simd::tanh::tanh;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// A function of one real variable with two derivatives.
pub(crate) trait Curve: Copy + Send + Sync {
    /// `f(x)`.
    fn value<L: Lanes>(self, x: L) -> L;
    /// `f(x)` and `f'(x)`.
    fn slope<L: Lanes>(self, x: L) -> [L; 2];
    /// `f(x)`, `f'(x)` and `f''(x)`.
    fn curvature<L: Lanes>(self, x: L) -> [L; 3];
}

#[inline(always)]
fn constant<L: Lanes>(value: f64) -> L {
    L::constant(value)
}

/// `x`.
#[derive(Clone, Copy)]
pub(crate) struct Identity;

impl Curve for Identity {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        x
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        [x, constant(1.0)]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        [x, constant(1.0), constant(0.0)]
    }
}

/// `x^2 / 2`: the first layer of a convex network may have it.
#[derive(Clone, Copy)]
pub(crate) struct HalfSquare;

impl Curve for HalfSquare {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        x * x * constant(0.5)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        [self.value(x), x]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        [self.value(x), x, constant(1.0)]
    }
}

/// `x` above zero, `x * slope` below: the rectifier where the slope is zero.
#[derive(Clone, Copy)]
pub(crate) struct Rectifier {
    pub below: f64,
}

impl Curve for Rectifier {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        // x is chosen where it is NaN.
        L::select(x.le(constant(0.0)), x * constant(self.below), x)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        let below = x.le(constant(0.0));
        [L::select(below, x * constant(self.below), x), L::select(below, constant(self.below), constant(1.0))]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let [value, slope] = self.slope(x);
        [value, slope, constant(0.0)]
    }
}

/// `x / (1 + e^-x)`, with `s = sigmoid(x)`: `f' = s + f (1 - s)`, `f'' = s (1 - s) (2 + x (1 - 2 s))`.
#[derive(Clone, Copy)]
pub(crate) struct Silu;

impl Curve for Silu {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        x * sigmoid(x)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        let s = sigmoid(x);
        let value = x * s;
        [value, value.mul_add(constant::<L>(1.0) - s, s)]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let s = sigmoid(x);
        let (value, rest) = (x * s, constant::<L>(1.0) - s);
        [value, value.mul_add(rest, s), s * rest * x.mul_add(rest - s, constant(2.0))]
    }
}

/// `x Phi(x)` with the distribution function Phi of the standard normal and its density phi: `f' = Phi + x phi`, `f'' = phi (2 - x^2)`.
#[derive(Clone, Copy)]
pub(crate) struct Gelu;

#[inline(always)]
fn normal_distribution<L: Lanes>(x: L) -> L {
    erf(x * constant(FRAC_1_SQRT_2)).mul_add(constant(0.5), constant(0.5))
}

#[inline(always)]
fn normal_density<L: Lanes>(x: L) -> L {
    // 1 / sqrt(2 pi)
    exp_flushed(x * x * constant(-0.5)) * constant(0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI)
}

impl Curve for Gelu {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        x * normal_distribution(x)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        let distribution = normal_distribution(x);
        // Beyond 40 the density is zero in either precision; its argument must not overflow times zero.
        let near = constant::<L>(40.0).min(constant::<L>(-40.0).max(x));
        [x * distribution, near.mul_add(normal_density(near), distribution)]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let distribution = normal_distribution(x);
        let near = constant::<L>(40.0).min(constant::<L>(-40.0).max(x));
        let density = normal_density(near);
        [x * distribution, near.mul_add(density, distribution), density * (constant::<L>(2.0) - near * near)]
    }
}

/// `x (1 + tanh u) / 2` with `u = sqrt(2 / pi) (x + 0.044715 x^3)` (Hendrycks and Gimpel, 2016).
#[derive(Clone, Copy)]
pub(crate) struct GeluTanh;

impl GeluTanh {
    /// `tanh u`, `u'` and `u''`. Beyond 10 the tangent is one in either precision; u must not overflow.
    #[inline(always)]
    fn inner<L: Lanes>(x: L) -> [L; 3] {
        let root = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
        let x = constant::<L>(10.0).min(constant::<L>(-10.0).max(x));
        let square = x * x;
        let u = x * square.mul_add(constant(root * 0.044715), constant(root));
        let first = square.mul_add(constant(root * 3.0 * 0.044715), constant(root));
        [tanh(u), first, x * constant(root * 6.0 * 0.044715)]
    }
}

impl Curve for GeluTanh {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        let [t, _, _] = Self::inner(x);
        x * t.mul_add(constant(0.5), constant(0.5))
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        let [value, slope, _] = self.curvature(x);
        [value, slope]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let [t, first, second] = Self::inner(x);
        let half = t.mul_add(constant(0.5), constant(0.5));
        let rest = constant::<L>(1.0) - t * t;
        // Where rest is zero, x may be too large to square.
        let near = constant::<L>(10.0).min(constant::<L>(-10.0).max(x));
        let slope = (near * rest * first).mul_add(constant(0.5), half);
        let bend = near.mul_add(second * constant(0.5) - t * first * first, first);
        [x * half, slope, rest * bend]
    }
}

/// `tanh x`: `f' = 1 - f^2`, `f'' = -2 f f'`.
#[derive(Clone, Copy)]
pub(crate) struct Tanh;

impl Curve for Tanh {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        tanh(x)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        let t = tanh(x);
        [t, constant::<L>(1.0) - t * t]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let [t, slope] = self.slope(x);
        [t, slope, t * slope * constant(-2.0)]
    }
}

/// `1 / (1 + e^-x)`: `f' = f (1 - f)`, `f'' = f' (1 - 2 f)`.
#[derive(Clone, Copy)]
pub(crate) struct Sigmoid;

impl Curve for Sigmoid {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        sigmoid(x)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        let s = sigmoid(x);
        [s, s * (constant::<L>(1.0) - s)]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let [s, slope] = self.slope(x);
        [s, slope, slope * (constant::<L>(1.0) - (s + s))]
    }
}

/// `ln(1 + e^x)`: `f' = sigmoid(x)`.
#[derive(Clone, Copy)]
pub(crate) struct Softplus;

impl Curve for Softplus {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        softplus(x)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        [softplus(x), sigmoid(x)]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let s = sigmoid(x);
        [softplus(x), s, s * (constant::<L>(1.0) - s)]
    }
}

/// `x` above zero, `alpha (e^x - 1)` below.
#[derive(Clone, Copy)]
pub(crate) struct Elu {
    pub alpha: f64,
}

impl Elu {
    /// `e^x - 1` for `x <= 0` as `2 t / (1 - t)` with `t = tanh(x / 2)`: accurate near zero too.
    #[inline(always)]
    fn exponential_minus_one<L: Lanes>(x: L) -> L {
        let t = tanh(x * constant(0.5));
        (t + t) / (constant::<L>(1.0) - t)
    }
}

impl Curve for Elu {
    #[inline(always)]
    fn value<L: Lanes>(self, x: L) -> L {
        let below = Self::exponential_minus_one(constant::<L>(0.0).min(x)) * constant(self.alpha);
        L::select(x.le(constant(0.0)), below, x)
    }
    #[inline(always)]
    fn slope<L: Lanes>(self, x: L) -> [L; 2] {
        let [value, slope, _] = self.curvature(x);
        [value, slope]
    }
    #[inline(always)]
    fn curvature<L: Lanes>(self, x: L) -> [L; 3] {
        let alpha = constant::<L>(self.alpha);
        let mask = x.le(constant(0.0));
        let below = Self::exponential_minus_one(constant::<L>(0.0).min(x)) * alpha;
        let exponential = below + alpha;
        [
            L::select(mask, below, x),
            L::select(mask, exponential, constant(1.0)),
            L::select(mask, exponential, constant(0.0)),
        ]
    }
}
