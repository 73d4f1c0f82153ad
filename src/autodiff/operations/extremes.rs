//! The larger and the smaller of two entries.

use super::super::rule::{Call, Operation, Pass};
use super::super::{Tape, Variable};
use super::Multiply;
use super::broadcast::{Broadcasting, Combine, Function, combine};
use crate::error::Result;
use crate::simd::lanes::Lanes;
use crate::{Matrix, Scalar};

/// `max(a, b)`: the gradient goes to the larger, half to each of two equals. NaN where either is.
#[derive(Clone, Copy)]
pub(in super::super) struct Maximum;

impl Combine for Maximum {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L {
        // `max` gives b where either is NaN.
        L::select(a.eq(a), a.max(b), a)
    }
}

impl Function for Maximum {
    const NAME: &'static str = "maximum";

    fn backward<T: Scalar>(self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) {
        share_backward(Share { larger: true }, k, pass, dx);
    }

    fn record<T: Scalar>(self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        share_record(Share { larger: true }, k, call, tape)
    }
}

/// `min(a, b)`: the gradient goes to the smaller, half to each of two equals. NaN where either is.
#[derive(Clone, Copy)]
pub(in super::super) struct Minimum;

impl Combine for Minimum {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L {
        L::select(a.eq(a), a.min(b), a)
    }
}

impl Function for Minimum {
    const NAME: &'static str = "minimum";

    fn backward<T: Scalar>(self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) {
        share_backward(Share { larger: false }, k, pass, dx);
    }

    fn record<T: Scalar>(self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        share_record(Share { larger: false }, k, call, tape)
    }
}

/// The part of the gradient that goes to x where the larger (or the smaller) of x and `other` is taken: 1 if it is x,
/// 1/2 if they are equal, else 0.
#[derive(Clone, Copy)]
pub(in super::super) struct Share {
    larger: bool,
}

impl Combine for Share {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, x: L, other: L) -> L {
        let (zero, half, one) = (L::constant(0.0), L::constant(0.5), L::constant(1.0));
        let loses = if self.larger { x.lt(other) } else { other.lt(x) };
        L::select(x.eq(other), half, L::select(loses, zero, one))
    }
}

impl Function for Share {
    const NAME: &'static str = "share";
    const FLAT: bool = true;

    fn backward<T: Scalar>(self, _: usize, _: Pass<'_, T>, dx: &mut Matrix<T>) {
        dx.fill(T::ZERO);
    }

    fn record<T: Scalar>(self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        tape.scale(call.dout, 0.0)
    }
}

/// dx = dout times the share of input k.
fn share_backward<T: Scalar>(share: Share, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) {
    let Pass { inputs, dout, pool, .. } = pass;
    let mut part = pool.take(dout.shape());
    combine(share, inputs.get(k), inputs.get(1 - k), &mut part);
    combine(Multiply, dout, &part, dx);
    pool.put(part);
}

/// The same as a recording.
fn share_record<T: Scalar>(share: Share, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
    let part = tape.apply(Operation::Share(Broadcasting(share)), &[call.inputs[k], call.inputs[1 - k]])?;
    tape.multiply(call.dout, part)
}

impl<T: Scalar> Tape<T> {
    /// The larger of two entries, with [broadcasting](crate::autodiff#broadcasting); NaN where either is. Where both
    /// are equal each gets half of the gradient, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes), [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn maximum(&mut self, a: Variable, b: Variable) -> Result<Variable> {
        self.apply(Operation::Maximum(Broadcasting(Maximum)), &[a, b])
    }

    /// The smaller of two entries, with [broadcasting](crate::autodiff#broadcasting); NaN where either is. Where both
    /// are equal each gets half of the gradient, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes), [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn minimum(&mut self, a: Variable, b: Variable) -> Result<Variable> {
        self.apply(Operation::Minimum(Broadcasting(Minimum)), &[a, b])
    }
}
