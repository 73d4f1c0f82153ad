//! The activations of neural networks, with PyTorch's definitions, defaults and derivatives at the kinks.

use super::super::rule::Operation;
use super::super::{Tape, Variable};
use super::elementwise::{Elementwise, Function};
use super::normal::{normal_cdf, normal_density};
use crate::Scalar;
use crate::error::Result;
use crate::simd::lanes::Lanes;
use crate::simd::{exp, sigmoid, softplus, tanh};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// `max(x, 0)`, with the derivative 1 above zero, else 0.
#[derive(Clone, Copy)]
pub(in super::super) struct Relu;

impl Function for Relu {
    const NAME: &'static str = "relu";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        let zero = L::constant(0.0);
        // Not `max`, which would turn NaN into zero.
        L::select(x.lt(zero), zero, x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        let zero = L::constant(0.0);
        L::select(zero.lt(x), dout, zero)
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let step = tape.step(x, 0.0)?;
        tape.multiply(dout, step)
    }
}

/// x above zero, else `slope x`, with the derivative 1 above zero, else `slope`.
#[derive(Clone, Copy)]
pub(in super::super) struct LeakyRelu {
    slope: f64,
}

impl Function for LeakyRelu {
    const NAME: &'static str = "leaky_relu";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        L::select(L::constant(0.0).lt(x), x, x * L::constant(self.slope))
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        L::select(L::constant(0.0).lt(x), dout, dout * L::constant(self.slope))
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let step = tape.step(x, self.slope)?;
        tape.multiply(dout, step)
    }
}

/// 1 above zero, else a constant: the derivative of the rectifiers. Its own derivative is zero.
#[derive(Clone, Copy)]
pub(in super::super) struct Step {
    below: f64,
}

impl Function for Step {
    const NAME: &'static str = "step";
    const FLAT: bool = true;

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        L::select(L::constant(0.0).lt(x), L::constant(1.0), L::constant(self.below))
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, _: L, _: L, _: L) -> L {
        L::constant(0.0)
    }

    fn record<T: Scalar>(
        self,
        _: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        tape.scale(dout, 0.0)
    }
}

/// `tanh x`, with the derivative `1 - tanh² x`.
#[derive(Clone, Copy)]
pub(in super::super) struct Tanh;

impl Function for Tanh {
    const NAME: &'static str = "tanh";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        tanh::tanh(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, _: L, y: L, dout: L) -> L {
        let one = L::constant(1.0);
        dout * ((one - y) * (one + y))
    }

    fn record<T: Scalar>(
        self,
        _: Variable,
        y: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let square = tape.square(y)?;
        let slope = one_minus(square, tape)?;
        tape.multiply(dout, slope)
    }
}

/// `σ(x) = 1 / (1 + e^-x)`, with the derivative `σ (1 - σ)`.
#[derive(Clone, Copy)]
pub(in super::super) struct Sigmoid;

impl Function for Sigmoid {
    const NAME: &'static str = "sigmoid";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        sigmoid::sigmoid(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, _: L, y: L, dout: L) -> L {
        dout * (y * (L::constant(1.0) - y))
    }

    fn record<T: Scalar>(
        self,
        _: Variable,
        y: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let rest = one_minus(y, tape)?;
        let slope = tape.multiply(y, rest)?;
        tape.multiply(dout, slope)
    }
}

/// `x σ(x)`, with the derivative `σ (1 + x (1 - σ))`.
#[derive(Clone, Copy)]
pub(in super::super) struct Silu;

impl Function for Silu {
    const NAME: &'static str = "silu";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        x * sigmoid::sigmoid(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        let one = L::constant(1.0);
        let sigmoid = sigmoid::sigmoid(x);
        dout * (sigmoid * x.mul_add(one - sigmoid, one))
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        y: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let sigmoid = tape.sigmoid(x)?;
        let rest = one_minus(sigmoid, tape)?;
        let product = tape.multiply(y, rest)?;
        let slope = tape.add(sigmoid, product)?;
        tape.multiply(dout, slope)
    }
}

/// `x Φ(x)`, with the derivative `Φ(x) + x φ(x)`.
#[derive(Clone, Copy)]
pub(in super::super) struct Gelu;

impl Function for Gelu {
    const NAME: &'static str = "gelu";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        x * normal_cdf(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        dout * x.mul_add(normal_density(x), normal_cdf(x))
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let (cdf, density) = (tape.normal_cdf(x)?, tape.normal_density(x)?);
        let product = tape.multiply(x, density)?;
        let slope = tape.add(cdf, product)?;
        tape.multiply(dout, slope)
    }
}

/// `x (1 + tanh u) / 2` with `u = √(2/π) (x + 0.044715 x³)`, with the derivative `(1 + tanh u) / 2 + x u' (1 - tanh² u) / 2`.
#[derive(Clone, Copy)]
pub(in super::super) struct GeluTanh;

/// `√(2/π)`, and the factor of the cube.
const GELU_FACTOR: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
const GELU_CUBE: f64 = 0.044_715;

impl Function for GeluTanh {
    const NAME: &'static str = "gelu_tanh";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        let (one, half) = (L::constant(1.0), L::constant(0.5));
        let polynomial = (x * x).mul_add(L::constant(GELU_CUBE), one);
        let tanh = tanh::tanh(x * (polynomial * L::constant(GELU_FACTOR)));
        x * half.mul_add(tanh, half)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        let (one, half) = (L::constant(1.0), L::constant(0.5));
        let square = x * x;
        let factor = L::constant(GELU_FACTOR);
        let tanh = tanh::tanh(x * (square.mul_add(L::constant(GELU_CUBE), one) * factor));
        let inner = square.mul_add(L::constant(3.0 * GELU_CUBE), one) * factor;
        let curve = (x * half) * (inner * ((one - tanh) * (one + tanh)));
        dout * (half.mul_add(tanh, half) + curve)
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let square = tape.square(x)?;
        let polynomial = tape.scale(square, GELU_CUBE)?;
        let polynomial = tape.shift(polynomial, 1.0)?;
        let argument = tape.multiply(x, polynomial)?;
        let argument = tape.scale(argument, GELU_FACTOR)?;
        let tanh = tape.tanh(argument)?;
        let inner = tape.scale(square, 3.0 * GELU_CUBE)?;
        let inner = tape.shift(inner, 1.0)?;
        let tanh_square = tape.square(tanh)?;
        let tanh_slope = one_minus(tanh_square, tape)?;
        let curve = tape.multiply(inner, tanh_slope)?;
        let curve = tape.multiply(x, curve)?;
        let curve = tape.scale(curve, GELU_FACTOR)?;
        let sum = tape.add(tanh, curve)?;
        let sum = tape.shift(sum, 1.0)?;
        let slope = tape.scale(sum, 0.5)?;
        tape.multiply(dout, slope)
    }
}

/// `ln(1 + e^x)`, with the derivative `σ(x)`.
#[derive(Clone, Copy)]
pub(in super::super) struct Softplus;

impl Function for Softplus {
    const NAME: &'static str = "softplus";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        softplus::softplus(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        dout * sigmoid::sigmoid(x)
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let sigmoid = tape.sigmoid(x)?;
        tape.multiply(dout, sigmoid)
    }
}

/// x above zero, else `α (e^x - 1)`, or a derivative of that of the given order: each is the derivative of the one
/// before. At zero the first derivative is that from the left, and the others are zero.
#[derive(Clone, Copy)]
pub(in super::super) struct Elu {
    alpha: f64,
    order: u32,
}

impl Elu {
    /// The function of the given order, at x.
    #[inline(always)]
    fn at<L: Lanes<Element: Scalar>>(alpha: f64, order: u32, x: L) -> L {
        let (zero, one) = (L::constant(0.0), L::constant(1.0));
        let bounded = L::select(zero.lt(x), zero, x);
        let (right, left) = match order {
            // e^x - 1 = 2 t / (1 - t) with t = tanh(x / 2): nothing cancels for x <= 0.
            0 => {
                let t = tanh::tanh(bounded * L::constant(0.5));
                (x, (t + t) / (one - t))
            }
            1 => (one, exp::exp(bounded)),
            _ => (zero, exp::exp(bounded)),
        };
        let positive = if order < 2 { zero.lt(x) } else { zero.le(x) };
        L::select(positive, right, left * L::constant(alpha))
    }
}

impl Function for Elu {
    const NAME: &'static str = "elu";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        Elu::at(self.alpha, self.order, x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        dout * Elu::at(self.alpha, self.order + 1, x)
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        // From the second on all derivatives are the same.
        let slope = Elu { alpha: self.alpha, order: (self.order + 1).min(2) };
        let slope = tape.apply(Operation::Elu(Elementwise(slope)), &[x])?;
        tape.multiply(dout, slope)
    }
}

/// `1 - x`.
fn one_minus<T: Scalar>(x: Variable, tape: &mut Tape<T>) -> Result<Variable> {
    let negative = tape.negate(x)?;
    tape.shift(negative, 1.0)
}

impl<T: Scalar> Tape<T> {
    /// `max(x, 0)` of each entry. The derivative at zero is zero, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn relu(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Relu(Elementwise(Relu)), &[x])
    }

    /// x above zero, else `slope x` (PyTorch's default slope is 0.01). The derivative at zero is `slope`, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn leaky_relu(&mut self, x: Variable, slope: f64) -> Result<Variable> {
        self.apply(Operation::LeakyRelu(Elementwise(LeakyRelu { slope })), &[x])
    }

    /// 1 above zero, else `below`: a constant to all gradients.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn step(&mut self, x: Variable, below: f64) -> Result<Variable> {
        self.apply(Operation::Step(Elementwise(Step { below })), &[x])
    }

    /// The hyperbolic tangent of each entry, within 2 units in the last place.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn tanh(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Tanh(Elementwise(Tanh)), &[x])
    }

    /// The logistic function `σ(x) = 1 / (1 + e^-x)` of each entry, within 2 units in the last place.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn sigmoid(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Sigmoid(Elementwise(Sigmoid)), &[x])
    }

    /// `x σ(x)` of each entry (Elfwing et al., *Sigmoid-weighted linear units*, 2017).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    #[doc(alias = "swish")]
    pub fn silu(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Silu(Elementwise(Silu)), &[x])
    }

    /// `x Φ(x)` of each entry, with the normal distribution function by the error function: PyTorch's default (Hendrycks and Gimpel,
    /// *Gaussian error linear units*, 2016).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn gelu(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Gelu(Elementwise(Gelu)), &[x])
    }

    /// `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2` of each entry: PyTorch's `approximate="tanh"`.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn gelu_tanh(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::GeluTanh(Elementwise(GeluTanh)), &[x])
    }

    /// `ln(1 + e^x)` of each entry, within 2 units in the last place: without the threshold from which PyTorch returns x.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn softplus(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Softplus(Elementwise(Softplus)), &[x])
    }

    /// x above zero, else `alpha (e^x - 1)` (PyTorch's default alpha is 1; Clevert, Unterthiner and Hochreiter, 2015). The derivative at
    /// zero is `alpha`, that from the left, and the second is zero there, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn elu(&mut self, x: Variable, alpha: f64) -> Result<Variable> {
        self.apply(Operation::Elu(Elementwise(Elu { alpha, order: 0 })), &[x])
    }
}
