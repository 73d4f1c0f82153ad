//! How a convex network begins.
//!
//! Weights that are not negative cannot have the mean zero on which the usual initialisations rest: signals would
//! grow with the width and all units would say the same. Hoedt and Klambauer (2023) draw them log-normal and let the
//! biases take the mean away again. For pre-activations with mean 0, variance 1 and correlation 1/2 between units,
//! with `m = E f(g)`, `s = E f(g)²` and `c = E f(g) f(g')` over standard normal g, g' of correlation 1/2, a layer of
//! n units in front keeps all three if
//!
//! ```text
//! μ² (n (s - c) + n² (c - m²)) = 1/2      the mean μ of a weight: what all units share, hence the covariance
//! σ² n s = 1/2                            its variance σ²: what a unit has alone
//! b = -n μ m                              the bias
//! ```
//! For the rectifier that is `μ² = 6π / (n (6(π-1) + (n-1)(3√3+2π-6)))`, `σ² = 1/n` as they have it; here m, s and c
//! come from a quadrature, for any f. Their networks have no weights on the input behind the first layer; ours do,
//! and these take half of the variance that a unit has alone: `σ² n s = 1/4`, `A ~ N(0, 1/(4 d))`. The first layer is
//! normal with variance 1/d. Inputs should have mean 0 and variance 1.

use super::NonNegativity;
use super::passes::LayerCurve;
use crate::Scalar;
use crate::error::Result;
use crate::random::RandomStream;

/// How a convex network begins. The source file derives the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum IcnnInitialisation {
    /// Log-normal weights and biases that keep mean and variance of the signals from layer to layer (Hoedt and Klambauer 2023).
    #[default]
    Principled,
    /// The same with a last layer a hundred times smaller, so that the gradient is nearly that of `α/2 |x|²` with α =
    /// 1, the identity (as Bunne, Krause and Cuturi 2022 let their maps begin). α must be 1.
    NearIdentity,
}

/// What the last layer is multiplied by to begin near the identity.
const NEAR_IDENTITY_SCALE: f64 = 0.01;

impl IcnnInitialisation {
    /// What multiplies the last layer.
    pub(super) fn last_scale(self) -> f64 {
        match self {
            IcnnInitialisation::Principled => 1.0,
            IcnnInitialisation::NearIdentity => NEAR_IDENTITY_SCALE,
        }
    }
}

/// Mean and standard deviation of a weight, and the bias, of a layer behind `hidden` units.
#[derive(Debug, Clone, Copy)]
pub(super) struct HiddenStatistics {
    pub mean: f64,
    pub deviation: f64,
    pub bias: f64,
}

impl HiddenStatistics {
    /// For `hidden` units with this curve; `alone` is the part of the variance that a unit gets from its own weights on them.
    pub fn new(curve: LayerCurve, hidden: usize, alone: f64) -> Self {
        let [m, s, c] = moments(curve);
        let n = hidden as f64;
        let mean = (0.5 / (n * (s - c) + n * n * (c - m * m))).sqrt();
        HiddenStatistics { mean, deviation: (alone / (n * s)).sqrt(), bias: -n * mean * m }
    }

    /// Fills parameters with those of log-normal weights, times `scale`.
    pub fn fill<T: Scalar>(
        self,
        parameters: &mut [T],
        scale: f64,
        non_negativity: NonNegativity,
        stream: &mut RandomStream,
    ) -> Result<()> {
        let variance = (self.deviation / self.mean).powi(2).ln_1p();
        let mut normal = vec![0.0_f64; parameters.len()];
        stream.fill_normal_with(&mut normal, self.mean.ln() - 0.5 * variance, variance.sqrt())?;
        for (parameter, normal) in parameters.iter_mut().zip(normal) {
            *parameter = T::from_f64(non_negativity.parameter_of(scale * normal.exp()));
        }
        Ok(())
    }
}

/// `E f(g)`, `E f(g)²` and `E f(g) f(g')` for standard normal g and g' of correlation 1/2, by the trapezoidal rule on [-8, 8]:
/// beyond lies less than 1e-13 of the mass, and the rule's error is far below what a random start could show.
fn moments(curve: LayerCurve) -> [f64; 3] {
    const STEPS: i32 = 160; // on either side
    const H: f64 = 0.05;
    let density = |k: i32| H / std::f64::consts::TAU.sqrt() * (-0.5 * (H * f64::from(k)).powi(2)).exp();
    let (mut mean, mut square, mut product) = (0.0, 0.0, 0.0);
    let at: Vec<f64> = (-STEPS..=STEPS).map(|k| H * f64::from(k)).collect();
    let values = curve.values(&at);
    for (k, value) in (-STEPS..=STEPS).zip(values) {
        mean += density(k) * value;
        square += density(k) * value * value;
        let mixed: Vec<f64> = at.iter().map(|h| 0.5 * H * f64::from(k) + 0.75_f64.sqrt() * h).collect();
        let inner: f64 =
            (-STEPS..=STEPS).zip(curve.values(&mixed)).map(|(l, other)| density(l) * other).sum();
        product += density(k) * value * inner;
    }
    [mean, square, product]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Activation;
    use std::f64::consts::PI;

    #[test]
    fn the_rectifier_has_the_published_numbers() {
        for hidden in [3, 64, 1000] {
            let n = f64::from(hidden);
            let found = HiddenStatistics::new(LayerCurve::Activation(Activation::Relu), hidden as usize, 0.5);
            let common = 6.0 * (PI - 1.0) + (n - 1.0) * (3.0 * 3.0_f64.sqrt() + 2.0 * PI - 6.0);
            // At the corner the rule errs by h² / 12 times the density, 8e-5: two parts in 10⁴ of m, and 3.4 of the bias.
            let close = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 4e-4);
            close(found.mean, (6.0 * PI / (n * common)).sqrt());
            close(found.deviation, (1.0 / n).sqrt());
            close(found.bias, -(3.0 * n / common).sqrt());
        }
    }

    #[test]
    fn half_a_square_has_its_moments() {
        let [mean, square, product] = moments(LayerCurve::HalfSquare);
        // E g² = 1, E g⁴ = 3, E g² g'² = 1 + 2 ρ²; the tails beyond 8 carry 1e-11 of the fourth moment.
        for (found, expected) in [(mean, 0.5), (square, 0.75), (product, 0.375)] {
            assert!((found - expected).abs() < 1e-10, "{found} is not {expected}");
        }
    }
}
