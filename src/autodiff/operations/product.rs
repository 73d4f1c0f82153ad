//! The matrix product.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Pass, Rule};
use super::super::{Tape, Variable, rule};
use crate::error::{Error, Result};
use crate::matrix::{Operation, gemm};
use crate::{Matrix, Scalar};

/// `Y = op(A) op(B)`, with op(A) (m, k) and op(B) (k, n). 2 m n k flops forward, and as many for each gradient.
///
/// `d op(A) = dY op(B)ᵀ` and `d op(B) = op(A)ᵀ dY`; where a factor is transposed, both sides of its equation are.
#[derive(Clone, Copy)]
pub(in super::super) struct MatrixProduct {
    a: Operation,
    b: Operation,
}

/// The other way round.
fn flipped(operation: Operation) -> Operation {
    match operation {
        Operation::Plain => Operation::Transpose,
        Operation::Transpose => Operation::Plain,
    }
}

/// The gradient of input k as a product: the factors (0 and 1 for A and B, 2 for dY), and how each is read.
type Factor = (usize, Operation);

impl MatrixProduct {
    fn gradient(self, k: usize) -> (Factor, Factor) {
        const DOUT: usize = 2;
        use Operation::{Plain, Transpose};
        match (k, self.a, self.b) {
            (0, Plain, b) => ((DOUT, Plain), (1, flipped(b))),
            (0, Transpose, b) => ((1, b), (DOUT, Transpose)),
            (_, a, Plain) => ((0, flipped(a)), (DOUT, Plain)),
            (_, a, Transpose) => ((DOUT, Transpose), (0, a)),
        }
    }
}

impl<T: Scalar> Rule<T> for MatrixProduct {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let read = |operation, (rows, columns)| match operation {
            Operation::Plain => (rows, columns),
            Operation::Transpose => (columns, rows),
        };
        let (left, right) = (read(self.a, inputs.shape(0)), read(self.b, inputs.shape(1)));
        if left.1 != right.0 {
            return Err(Error::Shapes { operation: "matmul", left, right });
        }
        Ok((left.0, right.1))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        gemm(T::ONE, inputs.get(0), self.a, inputs.get(1), self.b, T::ZERO, out.view_mut())
    }

    fn backward(&self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let (first, second) = self.gradient(k);
        let matrix = |(place, operation)| match place {
            0 | 1 => (pass.inputs.get(place), operation),
            _ => (pass.dout, operation),
        };
        let ((a, operation_a), (b, operation_b)) = (matrix(first), matrix(second));
        gemm(T::ONE, a, operation_a, b, operation_b, T::ZERO, dx.view_mut())
    }

    fn record(&self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let (first, second) = self.gradient(k);
        let variable = |place| match place {
            0 | 1 => call.inputs[place],
            _ => call.dout,
        };
        tape.matmul_with(variable(first.0), first.1, variable(second.0), second.1)
    }
}

impl<T: Scalar> Tape<T> {
    /// The matrix product A B. Cost: 2 m n k flops; the gradients are products of the same size.
    ///
    /// # Errors
    /// [`Error::Shapes`] if A does not have as many columns as B has rows; [`Error::ForeignVariable`].
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let a = tape.variable(&Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]));
    /// let b = tape.constant(&Matrix::from_rows([[1.0], [10.0]]));
    /// let product = tape.matmul(a, b)?;
    /// assert_eq!(tape.value(product)?, Matrix::from_rows([[21.0], [43.0]]).view());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn matmul(&mut self, a: Variable, b: Variable) -> Result<Variable> {
        self.matmul_with(a, Operation::Plain, b, Operation::Plain)
    }

    /// The matrix product op(A) op(B), where each factor is read as it is or transposed, without a copy on the tape. A linear layer
    /// with the weight (out, inp) is `matmul_with(x, Operation::Plain, weight, Operation::Transpose)`.
    ///
    /// # Errors
    /// [`Error::Shapes`], with the shapes of op(A) and op(B), if they do not fit; [`Error::ForeignVariable`].
    pub fn matmul_with(
        &mut self,
        a: Variable,
        operation_a: Operation,
        b: Variable,
        operation_b: Operation,
    ) -> Result<Variable> {
        let product = MatrixProduct { a: operation_a, b: operation_b };
        self.apply(rule::Operation::MatrixProduct(product), &[a, b])
    }
}
