//! Matrices below or beside each other.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::{Matrix, Scalar};

/// Matrices below each other (`below`) or beside each other: dx is the part of dout in its place.
#[derive(Clone, Copy)]
pub(in super::super) struct Concatenate {
    below: bool,
}

impl Concatenate {
    /// Where input k starts, by the shapes of those before it.
    fn start(self, shapes: impl Iterator<Item = (usize, usize)>, k: usize) -> usize {
        shapes.take(k).map(|(rows, columns)| if self.below { rows } else { columns }).sum()
    }
}

impl<T: Scalar> Rule<T> for Concatenate {
    fn name(&self) -> &'static str {
        if self.below { "concatenate_rows" } else { "concatenate_columns" }
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let Some(&first) = inputs.indices.first() else {
            return Err(Error::Empty { what: "the list of matrices to concatenate" });
        };
        let left = inputs.values[first].shape();
        let mut length = 0_usize;
        for matrix in inputs.iter() {
            let right = matrix.shape();
            let (side, along) =
                if self.below { (right.1 == left.1, right.0) } else { (right.0 == left.0, right.1) };
            if !side {
                return Err(Error::Shapes { operation: Rule::<T>::name(self), left, right });
            }
            // Matrices without entries may have any number of rows.
            length = length.checked_add(along).ok_or(Error::Shapes {
                operation: Rule::<T>::name(self),
                left,
                right,
            })?;
        }
        Ok(if self.below { (length, left.1) } else { (left.0, length) })
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        let mut start = 0;
        for matrix in inputs.iter() {
            let (rows, columns) = matrix.shape();
            if self.below {
                out.view_mut().submatrix(start..start + rows, 0..columns).copy_from(matrix.view())?;
                start += rows;
            } else {
                out.view_mut().submatrix(0..rows, start..start + columns).copy_from(matrix.view())?;
                start += columns;
            }
        }
        Ok(())
    }

    fn backward(&self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let start = self.start(pass.inputs.iter().map(Matrix::shape), k);
        let (rows, columns) = dx.shape();
        let part = if self.below {
            pass.dout.submatrix(start..start + rows, 0..columns)
        } else {
            pass.dout.submatrix(0..rows, start..start + columns)
        };
        dx.view_mut().copy_from(part)
    }

    fn record(&self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let shapes = call.inputs.iter().map(|&input| tape.shape(input)).collect::<Result<Vec<_>>>()?;
        let start = self.start(shapes.iter().copied(), k);
        let (rows, columns) = shapes[k];
        if self.below {
            tape.slice(call.dout, start..start + rows, 0..columns)
        } else {
            tape.slice(call.dout, 0..rows, start..start + columns)
        }
    }
}

impl<T: Scalar> Tape<T> {
    /// The matrices below each other: they have the same number of columns.
    ///
    /// # Errors
    /// [`Error::Shapes`] with the first shape and the first that differs; [`Error::Empty`] without matrices;
    /// [`Error::ForeignVariable`].
    #[doc(alias = "vstack")]
    pub fn concatenate_rows(&mut self, matrices: &[Variable]) -> Result<Variable> {
        self.apply(Operation::Concatenate(Concatenate { below: true }), matrices)
    }

    /// The matrices beside each other: they have the same number of rows.
    ///
    /// # Errors
    /// [`Error::Shapes`] with the first shape and the first that differs; [`Error::Empty`] without matrices;
    /// [`Error::ForeignVariable`].
    #[doc(alias = "hstack")]
    pub fn concatenate_columns(&mut self, matrices: &[Variable]) -> Result<Variable> {
        self.apply(Operation::Concatenate(Concatenate { below: false }), matrices)
    }
}
