//! One entry of each row, and its counterpart, a column spread over the columns of a matrix of zeros.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use super::gather::check_indices;
use crate::error::{Error, Result};
use crate::{Matrix, Scalar};
use std::sync::Arc;

/// `out[i] = x[i, columns[i]]`.
fn pick_into<T: Scalar>(x: &Matrix<T>, columns: &[usize], out: &mut Matrix<T>) {
    for ((row, &column), out) in columns.iter().enumerate().zip(out.as_mut_slice()) {
        *out = x.row(row)[column];
    }
}

/// `out[i, columns[i]] = x[i]`, the rest zeros.
fn place_into<T: Scalar>(x: &Matrix<T>, columns: &[usize], out: &mut Matrix<T>) {
    out.fill(T::ZERO);
    for ((row, &column), value) in columns.iter().enumerate().zip(x.as_slice()) {
        out.row_mut(row)[column] = *value;
    }
}

/// Refuses a list that has not one column for each row.
fn check_columns(
    operation: &'static str,
    what: &'static str,
    columns: &[usize],
    shape: (usize, usize),
) -> Result<()> {
    if columns.len() != shape.0 {
        let (expected, got) = (shape.0, columns.len());
        return Err(Error::Shape { operation, what: "number of columns to pick", expected, got });
    }
    check_indices(what, columns, shape.1)
}

/// One entry of each row: dx is dout at those places, zeros elsewhere.
#[derive(Clone)]
pub(in super::super) struct PickColumns {
    columns: Arc<[usize]>,
}

impl<T: Scalar> Rule<T> for PickColumns {
    fn name(&self) -> &'static str {
        "pick_columns"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        check_columns("pick_columns", "columns of pick_columns", &self.columns, inputs.shape(0))?;
        Ok((self.columns.len(), 1))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        pick_into(inputs.get(0), &self.columns, out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        place_into(pass.dout, &self.columns, dx);
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let width = tape.shape(call.inputs[0])?.1;
        tape.apply(
            Operation::PlaceColumns(PlaceColumns { columns: self.columns.clone(), width }),
            &[call.dout],
        )
    }
}

/// A column (m, 1) spread over `width` columns: dx is dout at those places.
#[derive(Clone)]
pub(in super::super) struct PlaceColumns {
    columns: Arc<[usize]>,
    width: usize,
}

impl<T: Scalar> Rule<T> for PlaceColumns {
    fn name(&self) -> &'static str {
        "place_columns"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        // It is recorded by the gradient of `pick_columns` alone, whose result has the shape.
        Ok((inputs.shape(0).0, self.width))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        place_into(inputs.get(0), &self.columns, out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        pick_into(pass.dout, &self.columns, dx);
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        tape.apply(Operation::PickColumns(PickColumns { columns: self.columns.clone() }), &[call.dout])
    }
}

impl<T: Scalar> Tape<T> {
    /// The entry `columns[i]` of each row i, (m, 1): with the log-softmax of scores and the labels as columns, minus its mean is the
    /// cross-entropy.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is not one column for each row; [`Error::OutOfRange`] for a column that x does not have;
    /// [`Error::ForeignVariable`].
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::{Axis, Tape}};
    /// let mut tape = Tape::<f64>::new();
    /// let scores = tape.variable(&Matrix::from_rows([[0.0, 0.0], [0.0, 0.0]]));
    /// let logarithms = tape.log_softmax(scores, Axis::Rows)?;
    /// let likelihoods = tape.pick_columns(logarithms, &[1, 0])?;
    /// let mean = tape.mean(likelihoods)?;
    /// let cross_entropy = tape.negate(mean)?;
    /// assert_eq!(tape.scalar(cross_entropy)?, std::f64::consts::LN_2);
    /// tape.backward(cross_entropy)?;
    /// assert_eq!(tape.gradient(scores)?, Matrix::from_rows([[0.25, -0.25], [-0.25, 0.25]]).view());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "cross_entropy")]
    pub fn pick_columns(&mut self, x: Variable, columns: &[usize]) -> Result<Variable> {
        self.apply(Operation::PickColumns(PickColumns { columns: columns.into() }), &[x])
    }
}
