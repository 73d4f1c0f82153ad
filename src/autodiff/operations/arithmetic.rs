//! Sum, difference, product and quotient, entry by entry.

use super::super::rule::{Call, Operation, Pass};
use super::super::{Tape, Variable};
use super::broadcast::{Broadcasting, Combine, Function, combine};
use crate::error::Result;
use crate::simd::lanes::Lanes;
use crate::{Matrix, Scalar};

/// `a + b`: da = dout, db = dout.
#[derive(Clone, Copy)]
pub(in super::super) struct Add;

impl Combine for Add {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L {
        a + b
    }
}

impl Function for Add {
    const NAME: &'static str = "add";

    fn passes_gradient(self, _: usize) -> bool {
        true
    }

    fn backward<T: Scalar>(self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) {
        dx.as_mut_slice().copy_from_slice(pass.dout.as_slice());
    }

    fn record<T: Scalar>(self, _: usize, call: Call<'_>, _: &mut Tape<T>) -> Result<Variable> {
        Ok(call.dout)
    }
}

/// `a - b`: da = dout, db = -dout.
#[derive(Clone, Copy)]
pub(in super::super) struct Subtract;

impl Combine for Subtract {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L {
        a - b
    }
}

impl Function for Subtract {
    const NAME: &'static str = "subtract";

    fn passes_gradient(self, k: usize) -> bool {
        k == 0
    }

    fn backward<T: Scalar>(self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) {
        // Of b: the one of a passes through.
        for (dx, dout) in dx.as_mut_slice().iter_mut().zip(pass.dout.as_slice()) {
            *dx = -*dout;
        }
    }

    fn record<T: Scalar>(self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        if k == 0 { Ok(call.dout) } else { tape.negate(call.dout) }
    }
}

/// `a b`: da = dout b, db = dout a.
#[derive(Clone, Copy)]
pub(in super::super) struct Multiply;

impl Combine for Multiply {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L {
        a * b
    }
}

impl Function for Multiply {
    const NAME: &'static str = "multiply";

    fn backward<T: Scalar>(self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) {
        combine(Multiply, pass.dout, pass.inputs.get(1 - k), dx);
    }

    fn record<T: Scalar>(self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        tape.multiply(call.dout, call.inputs[1 - k])
    }
}

/// `a / b`: da = dout / b, db = -dout out / b.
#[derive(Clone, Copy)]
pub(in super::super) struct Divide;

impl Combine for Divide {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L {
        a / b
    }
}

/// `-a / b`.
#[derive(Clone, Copy)]
struct NegativeQuotient;

impl Combine for NegativeQuotient {
    #[inline(always)]
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L {
        -a / b
    }
}

impl Function for Divide {
    const NAME: &'static str = "divide";

    fn backward<T: Scalar>(self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) {
        let Pass { inputs, out, dout, pool } = pass;
        if k == 0 {
            return combine(Divide, dout, inputs.get(1), dx);
        }
        let mut product = pool.take(out.shape());
        combine(Multiply, dout, out, &mut product);
        combine(NegativeQuotient, &product, inputs.get(1), dx);
        pool.put(product);
    }

    fn record<T: Scalar>(self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let quotient = tape.divide(call.dout, call.inputs[1])?;
        if k == 0 {
            return Ok(quotient);
        }
        let product = tape.multiply(quotient, call.out)?;
        tape.negate(product)
    }
}

impl<T: Scalar> Tape<T> {
    /// `a + b`, entry by entry, with [broadcasting](crate::autodiff#broadcasting).
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes), [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let a = tape.variable(&Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]));
    /// let bias = tape.variable(&Matrix::from_rows([[10.0, 20.0]]));
    /// let sum = tape.add(a, bias)?;
    /// assert_eq!(tape.value(sum)?, Matrix::from_rows([[11.0, 22.0], [13.0, 24.0]]).view());
    /// let narrow = tape.constant(&Matrix::from_rows([[1.0, 2.0, 3.0]]));
    /// let error = tape.add(a, narrow).unwrap_err();
    /// assert_eq!(error.to_string(), "add: the shapes (2, 2) and (1, 3) do not fit together");
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn add(&mut self, a: Variable, b: Variable) -> Result<Variable> {
        self.apply(Operation::Add(Broadcasting(Add)), &[a, b])
    }

    /// `a - b`, entry by entry, with [broadcasting](crate::autodiff#broadcasting).
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes), [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn subtract(&mut self, a: Variable, b: Variable) -> Result<Variable> {
        self.apply(Operation::Subtract(Broadcasting(Subtract)), &[a, b])
    }

    /// `a b`, entry by entry, with [broadcasting](crate::autodiff#broadcasting). For the matrix product see [`matmul`](Self::matmul).
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes), [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn multiply(&mut self, a: Variable, b: Variable) -> Result<Variable> {
        self.apply(Operation::Multiply(Broadcasting(Multiply)), &[a, b])
    }

    /// `a / b`, entry by entry, with [broadcasting](crate::autodiff#broadcasting). Division by zero gives infinities and NaN.
    ///
    /// # Errors
    /// [`Error::Shapes`](crate::Error::Shapes), [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn divide(&mut self, a: Variable, b: Variable) -> Result<Variable> {
        self.apply(Operation::Divide(Broadcasting(Divide)), &[a, b])
    }
}
