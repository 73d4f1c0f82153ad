//! The error function, and the distribution function and density of the normal distribution.

use super::super::rule::Operation;
use super::super::{Tape, Variable};
use super::elementwise::{Elementwise, Function};
use crate::Scalar;
use crate::error::Result;
use crate::simd::lanes::Lanes;
use crate::simd::{erf, exp};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// `1 / √(2 π)`.
const PEAK: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// `Φ(x) = (1 + erf(x / √2)) / 2`.
#[inline(always)]
pub(super) fn normal_cdf<L: Lanes>(x: L) -> L {
    let half = L::constant(0.5);
    half.mul_add(erf::erf(x * L::constant(FRAC_1_SQRT_2)), half)
}

/// `φ(x) = e^(-x²/2) / √(2 π)`.
#[inline(always)]
pub(super) fn normal_density<L: Lanes>(x: L) -> L {
    exp::exp(x * (x * L::constant(-0.5))) * L::constant(PEAK)
}

/// `erf x`, with the derivative `2 / √π e^(-x²)`.
#[derive(Clone, Copy)]
pub(in super::super) struct Erf;

impl Function for Erf {
    const NAME: &'static str = "erf";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        erf::erf(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        dout * (exp::exp(-(x * x)) * L::constant(FRAC_2_SQRT_PI))
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let square = tape.square(x)?;
        let exponent = tape.negate(square)?;
        let bell = tape.exp(exponent)?;
        let product = tape.multiply(dout, bell)?;
        tape.scale(product, FRAC_2_SQRT_PI)
    }
}

/// `Φ(x)`, with the derivative `φ(x)`.
#[derive(Clone, Copy)]
pub(in super::super) struct NormalCdf;

impl Function for NormalCdf {
    const NAME: &'static str = "normal_cdf";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        normal_cdf(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        dout * normal_density(x)
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let density = tape.normal_density(x)?;
        tape.multiply(dout, density)
    }
}

/// `φ(x)`, with the derivative `-x φ(x)`.
#[derive(Clone, Copy)]
pub(in super::super) struct NormalDensity;

impl Function for NormalDensity {
    const NAME: &'static str = "normal_density";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        normal_density(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, y: L, dout: L) -> L {
        -(dout * (x * y))
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        y: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let product = tape.multiply(x, y)?;
        let product = tape.multiply(dout, product)?;
        tape.negate(product)
    }
}

impl<T: Scalar> Tape<T> {
    /// The error function of each entry, within 2 units in the last place.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn erf(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Erf(Elementwise(Erf)), &[x])
    }

    /// The distribution function `Φ(x) = (1 + erf(x / √2)) / 2` of the normal distribution at each entry, within 2 EPSILON absolutely.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn normal_cdf(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::NormalCdf(Elementwise(NormalCdf)), &[x])
    }

    /// The density `φ(x) = e^(-x²/2) / √(2π)` of the normal distribution at each entry.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn normal_density(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::NormalDensity(Elementwise(NormalDensity)), &[x])
    }
}
