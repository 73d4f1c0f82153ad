//! Powers with a constant exponent.

use super::super::rule::Operation;
use super::super::{Tape, Variable};
use super::elementwise::{Elementwise, Function};
use crate::Scalar;
use crate::error::Result;
use crate::simd::lanes::Lanes;

/// The largest integer exponent that is computed by multiplications: up to here they are faster than the library's power.
const LARGEST_BY_PRODUCTS: f64 = 64.0;

/// More lanes than any register has.
const MOST_LANES: usize = 16;

/// `x^p`, with the derivative `p x^(p-1)`.
#[derive(Clone, Copy)]
pub(in super::super) struct Power {
    exponent: f64,
}

/// `x^p`: integers by repeated squaring, others by the library, entry by entry in double precision.
#[inline(always)]
fn power<L: Lanes<Element: Scalar>>(x: L, exponent: f64) -> L {
    let one = L::constant(1.0);
    if exponent.fract() == 0.0 && exponent.abs() <= LARGEST_BY_PRODUCTS {
        let mut rest = exponent.abs() as u32;
        let (mut result, mut square) = (one, x);
        while rest > 0 {
            if rest & 1 == 1 {
                result = result * square;
            }
            rest >>= 1;
            if rest > 0 {
                square = square * square;
            }
        }
        return if exponent < 0.0 { one / result } else { result };
    }
    if exponent == 0.5 {
        return x.sqrt();
    }
    let mut entries = [L::Element::ZERO; MOST_LANES];
    x.store(&mut entries);
    for entry in &mut entries[..L::LANES] {
        *entry = L::Element::from_f64(entry.to_f64().powf(exponent));
    }
    L::load(&entries)
}

impl Function for Power {
    const NAME: &'static str = "power";

    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L {
        power(x, self.exponent)
    }

    #[inline(always)]
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, _: L, dout: L) -> L {
        if self.exponent == 0.0 {
            return L::constant(0.0);
        }
        dout * (L::constant(self.exponent) * power(x, self.exponent - 1.0))
    }

    fn record<T: Scalar>(
        self,
        x: Variable,
        _: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable> {
        if self.exponent == 0.0 {
            return tape.scale(dout, 0.0);
        }
        let scaled = tape.scale(dout, self.exponent)?;
        if self.exponent == 1.0 {
            return Ok(scaled);
        }
        let slope = tape.power(x, self.exponent - 1.0)?;
        tape.multiply(scaled, slope)
    }
}

impl<T: Scalar> Tape<T> {
    /// `x^exponent` of each entry, for a constant exponent: by multiplications for integers up to 64, else by the library's power in double
    /// precision (NaN for negative entries and other exponents).
    ///
    /// The derivative is `p x^(p-1)`; for p = 0 it is zero everywhere, at zero too, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    #[doc(alias = "pow")]
    pub fn power(&mut self, x: Variable, exponent: f64) -> Result<Variable> {
        self.apply(Operation::Power(Elementwise(Power { exponent })), &[x])
    }

    /// `x²` of each entry.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn square(&mut self, x: Variable) -> Result<Variable> {
        self.power(x, 2.0)
    }
}
