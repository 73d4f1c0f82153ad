//! The same entries in another shape.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::{Matrix, Scalar};

/// The same entries, row after row, in another shape: dx is dout in the old one.
#[derive(Clone, Copy)]
pub(in super::super) struct Reshape {
    shape: (usize, usize),
}

impl<T: Scalar> Rule<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let left = inputs.shape(0);
        if self.shape.0.checked_mul(self.shape.1) != Some(left.0 * left.1) {
            return Err(Error::Shapes { operation: "reshape", left, right: self.shape });
        }
        Ok(self.shape)
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        out.as_mut_slice().copy_from_slice(inputs.get(0).as_slice());
        Ok(())
    }

    fn passes_gradient(&self, _: usize, _: Inputs<'_, T>, _: (usize, usize)) -> bool {
        true
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        dx.as_mut_slice().copy_from_slice(pass.dout.as_slice());
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let (rows, columns) = tape.shape(call.inputs[0])?;
        tape.reshape(call.dout, rows, columns)
    }
}

impl<T: Scalar> Tape<T> {
    /// The same entries, row after row, as (rows, columns).
    ///
    /// # Errors
    /// [`Error::Shapes`] if the number of entries differs; [`Error::ForeignVariable`].
    pub fn reshape(&mut self, x: Variable, rows: usize, columns: usize) -> Result<Variable> {
        self.apply(Operation::Reshape(Reshape { shape: (rows, columns) }), &[x])
    }
}
