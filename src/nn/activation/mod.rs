//! Activation functions, with the derivatives that first- and second-order passes need.
//!
//! `curves` has value, slope and curvature of each; `passes` runs them over a matrix, fused with the bias of a linear layer.

pub(crate) mod curves;
pub(crate) mod passes;

use crate::Scalar;
use crate::error::{Error, Result};

/// An activation function, with the derivatives that first- and second-order passes need.
///
/// | activation | `f(x)` |
/// | --- | --- |
/// | [`Identity`](Self::Identity) | `x` |
/// | [`Relu`](Self::Relu) | `max(x, 0)` |
/// | [`LeakyRelu`](Self::LeakyRelu) | `x` above zero, `slope x` below |
/// | [`Silu`](Self::Silu) | `x sigmoid(x)` |
/// | [`Gelu`](Self::Gelu) | `x Phi(x)`, Phi the standard normal distribution function |
/// | [`GeluTanh`](Self::GeluTanh) | `x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2` |
/// | [`Tanh`](Self::Tanh) | `tanh x` |
/// | [`Sigmoid`](Self::Sigmoid) | `1 / (1 + e^-x)` |
/// | [`Softplus`](Self::Softplus) | `ln(1 + e^x)` |
/// | [`Elu`](Self::Elu) | `x` above zero, `alpha (e^x - 1)` below |
///
/// # Examples
/// ```
/// use brenier::nn::Activation;
/// assert_eq!(Activation::Relu.value(-2.0), 0.0);
/// let [value, slope, curvature] = Activation::Tanh.derivatives(0.0);
/// assert_eq!([value, slope, curvature], [0.0, 1.0, 0.0]);
/// assert_eq!("silu".parse::<Activation>()?, Activation::Silu);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Activation {
    /// No activation.
    #[default]
    Identity,
    /// The rectifier.
    Relu,
    /// The rectifier with a slope below zero (PyTorch's default: 0.01).
    LeakyRelu {
        /// Slope below zero.
        slope: f64,
    },
    /// The sigmoid linear unit, also called swish (Elfwing, Uchibe and Doya, 2018).
    Silu,
    /// The Gaussian error linear unit (Hendrycks and Gimpel, 2016).
    Gelu,
    /// Its approximation by a hyperbolic tangent.
    GeluTanh,
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function.
    Sigmoid,
    /// The smooth rectifier.
    Softplus,
    /// The exponential linear unit (Clevert, Unterthiner and Hochreiter, 2016; PyTorch's default: alpha = 1).
    Elu {
        /// Minus the limit at minus infinity.
        alpha: f64,
    },
}

/// `$body` with `$curve` the curve of an activation.
macro_rules! with_curve {
    ($activation:expr, $curve:ident => $body:expr) => {{
        use $crate::nn::activation::curves;
        match $activation {
            $crate::nn::Activation::Identity => {
                let $curve = curves::Identity;
                $body
            }
            $crate::nn::Activation::Relu => {
                let $curve = curves::Rectifier { below: 0.0 };
                $body
            }
            $crate::nn::Activation::LeakyRelu { slope } => {
                let $curve = curves::Rectifier { below: slope };
                $body
            }
            $crate::nn::Activation::Silu => {
                let $curve = curves::Silu;
                $body
            }
            $crate::nn::Activation::Gelu => {
                let $curve = curves::Gelu;
                $body
            }
            $crate::nn::Activation::GeluTanh => {
                let $curve = curves::GeluTanh;
                $body
            }
            $crate::nn::Activation::Tanh => {
                let $curve = curves::Tanh;
                $body
            }
            $crate::nn::Activation::Sigmoid => {
                let $curve = curves::Sigmoid;
                $body
            }
            $crate::nn::Activation::Softplus => {
                let $curve = curves::Softplus;
                $body
            }
            $crate::nn::Activation::Elu { alpha } => {
                let $curve = curves::Elu { alpha };
                $body
            }
        }
    }};
}
pub(crate) use with_curve;

impl Activation {
    /// `f(x)`.
    pub fn value<T: Scalar>(self, x: T) -> T {
        self.derivatives(x)[0]
    }

    /// `f(x)`, `f'(x)` and `f''(x)`; at a corner the slope is that of the left side, and the curvature of a corner is zero.
    pub fn derivatives<T: Scalar>(self, x: T) -> [T; 3] {
        let (mut value, mut derivatives) = ([x], [T::ZERO; 2]);
        passes::forward(self, None, &mut value, 1, &mut derivatives, passes::Kept::Curvature);
        [value[0], derivatives[0], derivatives[1]]
    }

    /// `x[i] = f(x[i])`.
    ///
    /// # Examples
    /// ```
    /// let mut x = [-1.0_f32, 0.0, 2.0];
    /// brenier::nn::Activation::LeakyRelu { slope: 0.5 }.apply(&mut x);
    /// assert_eq!(x, [-0.5, 0.0, 2.0]);
    /// ```
    pub fn apply<T: Scalar>(self, x: &mut [T]) {
        let width = x.len();
        passes::forward(self, None, x, width, &mut [], passes::Kept::Nothing);
    }

    /// Refuses parameters that are not finite.
    pub(crate) fn check(self) -> Result<()> {
        let (name, value) = match self {
            Activation::LeakyRelu { slope } => ("slope of leaky ReLU", slope),
            Activation::Elu { alpha } => ("alpha of ELU", alpha),
            _ => return Ok(()),
        };
        if value.is_finite() {
            Ok(())
        } else {
            Err(Error::Argument { name, value, requirement: "it must be finite" })
        }
    }
}

const NAMES: [(&str, Activation); 10] = [
    ("identity", Activation::Identity),
    ("relu", Activation::Relu),
    ("leaky-relu", Activation::LeakyRelu { slope: 0.01 }),
    ("silu", Activation::Silu),
    ("gelu", Activation::Gelu),
    ("gelu-tanh", Activation::GeluTanh),
    ("tanh", Activation::Tanh),
    ("sigmoid", Activation::Sigmoid),
    ("softplus", Activation::Softplus),
    ("elu", Activation::Elu { alpha: 1.0 }),
];

impl std::str::FromStr for Activation {
    type Err = Error;

    /// By name: `identity`, `relu`, `leaky-relu` (slope 0.01), `silu`, `gelu`, `gelu-tanh`, `tanh`, `sigmoid`, `softplus`, `elu` (alpha 1).
    fn from_str(name: &str) -> Result<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation).ok_or_else(|| {
            Error::UnknownName {
                what: "activation",
                got: name.to_owned(),
                expected: "identity, relu, leaky-relu, silu, gelu, gelu-tanh, tanh, sigmoid, softplus or elu",
            }
        })
    }
}

impl std::fmt::Display for Activation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let same = |other: &Activation| std::mem::discriminant(self) == std::mem::discriminant(other);
        let (name, _) =
            NAMES.iter().find(|(_, activation)| same(activation)).expect("every activation has a name");
        formatter.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Activation> {
        let mut all: Vec<_> = NAMES.iter().map(|(_, activation)| *activation).collect();
        all.extend([Activation::Elu { alpha: 0.5 }, Activation::LeakyRelu { slope: -0.25 }]);
        all
    }

    /// The formulas in scalar double precision.
    fn formula(activation: Activation, x: f64) -> f64 {
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        match activation {
            Activation::Identity => x,
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu { slope } => {
                if x > 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            Activation::Silu => x * sigmoid,
            // Phi by its integral from 0, Simpson's rule with 2000 intervals.
            Activation::Gelu => {
                let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
                let h = x / 2000.0;
                let inner: f64 =
                    (1..2000).map(|k| density(k as f64 * h) * if k % 2 == 1 { 4.0 } else { 2.0 }).sum();
                x * (0.5 + (density(0.0) + inner + density(x)) * h / 3.0)
            }
            Activation::GeluTanh => {
                let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + u.tanh())
            }
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => sigmoid,
            Activation::Softplus => x.exp().ln_1p(),
            Activation::Elu { alpha } => {
                if x > 0.0 {
                    x
                } else {
                    alpha * x.exp_m1()
                }
            }
        }
    }

    #[test]
    fn values_are_those_of_the_formulas() {
        for activation in all() {
            for k in -80..=80 {
                let x = 0.1 * f64::from(k) + 0.003;
                let expected = formula(activation, x);
                let bound = 16.0 * f64::EPSILON * (1.0 + x.abs());
                assert!((activation.value(x) - expected).abs() <= bound, "{activation} at {x}");
                let single = f64::from(activation.value(x as f32));
                let expected = formula(activation, f64::from(x as f32));
                assert!(
                    (single - expected).abs() <= 8.0 * f64::from(f32::EPSILON) * (1.0 + x.abs()),
                    "{activation} at {x}"
                );
            }
        }
    }

    #[test]
    fn derivatives_are_those_of_finite_differences() {
        let h = 1e-5;
        for activation in all() {
            for k in -60..60 {
                let x = 0.1 * f64::from(k) + 0.05;
                let [_, slope, curvature] = activation.derivatives(x);
                let at = |x| activation.derivatives(x);
                let first = (at(x + h)[0] - at(x - h)[0]) / (2.0 * h);
                let second = (at(x + h)[1] - at(x - h)[1]) / (2.0 * h);
                // Truncation h^2 f'''/6 and rounding EPSILON f / h, each below 1e-9 here.
                assert!((slope - first).abs() < 1e-9, "{activation} at {x}: {slope} {first}");
                assert!((curvature - second).abs() < 1e-9, "{activation} at {x}: {curvature} {second}");
            }
        }
    }

    #[test]
    fn large_arguments_neither_overflow_nor_become_nan() {
        for activation in all() {
            for x in [1e4, 1e30, -1e4, -1e30] {
                let [value, slope, curvature] = activation.derivatives(x);
                assert!(value.is_finite() && slope.is_finite() && curvature == 0.0, "{activation} at {x}");
                let [value, slope, curvature] = activation.derivatives(x as f32);
                assert!(value.is_finite() && slope.is_finite() && curvature == 0.0, "{activation} at {x}");
            }
            assert!(activation.derivatives(f64::NAN)[0].is_nan(), "{activation}");
        }
    }

    #[test]
    fn corners_are_pytorchs() {
        assert_eq!(Activation::Relu.derivatives(0.0), [0.0, 0.0, 0.0]);
        assert_eq!(Activation::LeakyRelu { slope: 0.25 }.derivatives(0.0), [0.0, 0.25, 0.0]);
        assert_eq!(Activation::Elu { alpha: 0.5 }.derivatives(0.0)[1], 0.5);
    }

    #[test]
    fn names_are_read_back() {
        for (name, activation) in NAMES {
            assert_eq!(activation.to_string(), name);
            assert_eq!(name.parse::<Activation>().unwrap(), activation);
        }
        assert!(matches!("swish".parse::<Activation>(), Err(Error::UnknownName { .. })));
    }
}
