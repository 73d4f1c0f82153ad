//! The transpose.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::Result;
use crate::{Matrix, Scalar};

/// `Xᵀ`: dX = doutᵀ.
#[derive(Clone, Copy)]
pub(in super::super) struct Transpose;

impl<T: Scalar> Rule<T> for Transpose {
    fn name(&self) -> &'static str {
        "transpose"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let (rows, columns) = inputs.shape(0);
        Ok((columns, rows))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        inputs.get(0).view().transpose_into(out.view_mut())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        pass.dout.view().transpose_into(dx.view_mut())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        tape.transpose(call.dout)
    }
}

impl<T: Scalar> Tape<T> {
    /// Rows and columns exchanged. A product reads its factors transposed without this copy: see [`matmul_with`](Self::matmul_with).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn transpose(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Transpose(Transpose), &[x])
    }
}
