//! Elementary functions of each entry: scaling and shifting, exponential, logarithm, square root, absolute value.

use super::super::rule::Operation;
use super::super::{Tape, Variable};
use super::elementwise::{Elementwise, Function};
use crate::Scalar;
use crate::error::Result;
use crate::simd::lanes::Lanes;
use crate::simd::{exp, ln};

/// `a x`, with the derivative a.
#[derive(Clone, Copy)]
pub(in super::super) struct Scale {
    factor: f64,
}

impl Function for Scale {
    const NAME: &'static str = "scale";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        x * L::constant(self.factor)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, _: L, _: L, dout: L) -> L {
        dout * L::constant(self.factor)
    }

    fn record<T: Scalar>(
        self,
        _: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        tape.scale(dout, self.factor)
    }
}

/// `x + b`, with the derivative 1.
#[derive(Clone, Copy)]
pub(in super::super) struct Shift {
    summand: f64,
}

impl Function for Shift {
    const NAME: &'static str = "shift";
    const PASSES_GRADIENT: bool = true;

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        x + L::constant(self.summand)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, _: L, _: L, dout: L) -> L {
        dout
    }

    fn record<T: Scalar>(
        self,
        _: Variable,
        _: Variable,
        dout: Variable,
        _: &mut Tape<T>,
    ) -> Result<Variable> {
        Ok(dout)
    }
}

/// `e^x`, whose derivative is itself.
#[derive(Clone, Copy)]
pub(in super::super) struct Exp;

impl Function for Exp {
    const NAME: &'static str = "exp";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        exp::exp(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, _: L, y: L, dout: L) -> L {
        dout * y
    }

    fn record<T: Scalar>(
        self,
        _: Variable,
        y: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        tape.multiply(dout, y)
    }
}

/// `ln x`, with the derivative `1 / x`.
#[derive(Clone, Copy)]
pub(in super::super) struct Ln;

impl Function for Ln {
    const NAME: &'static str = "ln";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        ln::ln(x)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        dout / x
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        tape.divide(dout, x)
    }
}

/// `√x`, with the derivative `1 / (2 √x)`: infinite at zero.
#[derive(Clone, Copy)]
pub(in super::super) struct SquareRoot;

impl Function for SquareRoot {
    const NAME: &'static str = "sqrt";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        x.sqrt()
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, _: L, y: L, dout: L) -> L {
        dout / (y + y)
    }

    fn record<T: Scalar>(
        self,
        _: Variable,
        y: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let twice = tape.scale(y, 2.0)?;
        tape.divide(dout, twice)
    }
}

/// `|x|`, with the derivative `sign x`: zero at zero.
#[derive(Clone, Copy)]
pub(in super::super) struct Absolute;

impl Function for Absolute {
    const NAME: &'static str = "abs";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        x.abs()
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        dout * sign(x)
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        let sign = tape.sign(x)?;
        tape.multiply(dout, sign)
    }
}

/// One with the sign of x; zero of zero, NaN of NaN.
#[inline(always)]
fn sign<L: Lanes<Element: Scalar>>(x: L) -> L {
    let nonzero = L::constant(0.0).lt(x.abs());
    L::select(nonzero, L::constant(1.0).copysign(x), x)
}

/// `sign x`, whose derivative is zero.
#[derive(Clone, Copy)]
pub(in super::super) struct Sign;

impl Function for Sign {
    const NAME: &'static str = "sign";
    const FLAT: bool = true;

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        sign(x)
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

impl<T: Scalar> Tape<T> {
    /// `-x`.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn negate(&mut self, x: Variable) -> Result<Variable> {
        self.scale(x, -1.0)
    }

    /// `factor x` for a number (of the tape's precision once rounded).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn scale(&mut self, x: Variable, factor: f64) -> Result<Variable> {
        self.apply(Operation::Scale(Elementwise(Scale { factor })), &[x])
    }

    /// `x + summand` for a number.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn shift(&mut self, x: Variable, summand: f64) -> Result<Variable> {
        self.apply(Operation::Shift(Elementwise(Shift { summand })), &[x])
    }

    /// `eˣ` of each entry, within 2 units in the last place.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn exp(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Exp(Elementwise(Exp)), &[x])
    }

    /// `ln x` of each entry: -infinity of zero, NaN below it. The derivative is `1 / x` everywhere.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    #[doc(alias = "log")]
    pub fn ln(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Ln(Elementwise(Ln)), &[x])
    }

    /// `√x` of each entry: NaN below zero. The derivative `1 / (2 √x)` is infinite at zero, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn sqrt(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::SquareRoot(Elementwise(SquareRoot)), &[x])
    }

    /// `|x|` of each entry. The derivative at zero is zero, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn abs(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Absolute(Elementwise(Absolute)), &[x])
    }

    /// The sign of each entry, -1, 0 or 1: a constant to all gradients.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn sign(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Sign(Elementwise(Sign)), &[x])
    }
}
