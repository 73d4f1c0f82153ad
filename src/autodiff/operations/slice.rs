//! A rectangle of a matrix, and its counterpart, a matrix in a frame of zeros.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::{Matrix, Scalar};
use std::ops::Range;

/// Copies `x` into a place of a matrix of zeros.
fn pad_into<T: Scalar>(x: &Matrix<T>, (row, column): (usize, usize), out: &mut Matrix<T>) -> Result<()> {
    out.fill(T::ZERO);
    let (rows, columns) = x.shape();
    out.view_mut().submatrix(row..row + rows, column..column + columns).copy_from(x.view())
}

/// A rectangle: dx is dout in its place, zeros around.
#[derive(Clone, Copy)]
pub(in super::super) struct Slice {
    place: (usize, usize),
    shape: (usize, usize),
}

impl<T: Scalar> Rule<T> for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let left = inputs.shape(0);
        let right = (self.place.0 + self.shape.0, self.place.1 + self.shape.1);
        if right.0 > left.0 || right.1 > left.1 {
            return Err(Error::Shapes { operation: "slice", left, right });
        }
        Ok(self.shape)
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        let ((row, column), (rows, columns)) = (self.place, self.shape);
        out.view_mut().copy_from(inputs.get(0).submatrix(row..row + rows, column..column + columns))
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        pad_into(pass.dout, self.place, dx)
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let shape = tape.shape(call.inputs[0])?;
        tape.apply(Operation::Pad(Pad { place: self.place, shape }), &[call.dout])
    }
}

/// A matrix in a frame of zeros: dx is the rectangle of dout in its place.
#[derive(Clone, Copy)]
pub(in super::super) struct Pad {
    place: (usize, usize),
    shape: (usize, usize),
}

impl<T: Scalar> Rule<T> for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }

    fn shape(&self, _: Inputs<'_, T>) -> Result<(usize, usize)> {
        // It is recorded by the gradient of `slice` alone, whose result fits.
        Ok(self.shape)
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        pad_into(inputs.get(0), self.place, out)
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let ((row, column), (rows, columns)) = (self.place, dx.shape());
        dx.view_mut().copy_from(pass.dout.submatrix(row..row + rows, column..column + columns))
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let ((row, column), (rows, columns)) = (self.place, tape.shape(call.inputs[0])?);
        tape.slice(call.dout, row..row + rows, column..column + columns)
    }
}

impl<T: Scalar> Tape<T> {
    /// A rectangle of x, copied.
    ///
    /// # Errors
    /// [`Error::Shapes`] if the ranges end outside of x, or before they start, with its shape and their ends;
    /// [`Error::ForeignVariable`].
    pub fn slice(&mut self, x: Variable, rows: Range<usize>, columns: Range<usize>) -> Result<Variable> {
        if rows.start > rows.end || columns.start > columns.end {
            return Err(Error::Shapes {
                operation: "slice",
                left: self.shape(x)?,
                right: (rows.end, columns.end),
            });
        }
        let slice = Slice { place: (rows.start, columns.start), shape: (rows.len(), columns.len()) };
        self.apply(Operation::Slice(slice), &[x])
    }
}
