//! Rows by their indices, and its counterpart, rows added up at indices.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::{Matrix, Scalar};
use std::sync::Arc;

/// `out[i] = x[indices[i]]`, row by row.
fn gather_into<T: Scalar>(x: &Matrix<T>, indices: &[usize], out: &mut Matrix<T>) {
    for (row, &index) in indices.iter().enumerate() {
        out.row_mut(row).copy_from_slice(x.row(index));
    }
}

/// `out[indices[i]] += x[i]`, row by row, from zeros.
fn scatter_into<T: Scalar>(x: &Matrix<T>, indices: &[usize], out: &mut Matrix<T>) {
    out.fill(T::ZERO);
    for (row, &index) in indices.iter().enumerate() {
        for (out, value) in out.row_mut(index).iter_mut().zip(x.row(row)) {
            *out += *value;
        }
    }
}

/// Refuses an index that is not below `limit`.
pub(super) fn check_indices(what: &'static str, indices: &[usize], limit: usize) -> Result<()> {
    match indices.iter().position(|&index| index >= limit) {
        Some(index) => Err(Error::OutOfRange { what, index, value: indices[index], limit }),
        None => Ok(()),
    }
}

/// Rows by their indices: dx is dout added up at the indices.
#[derive(Clone)]
pub(in super::super) struct GatherRows {
    indices: Arc<[usize]>,
}

impl<T: Scalar> Rule<T> for GatherRows {
    fn name(&self) -> &'static str {
        "gather_rows"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let (rows, columns) = inputs.shape(0);
        check_indices("indices of gather_rows", &self.indices, rows)?;
        Ok((self.indices.len(), columns))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        gather_into(inputs.get(0), &self.indices, out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        scatter_into(pass.dout, &self.indices, dx);
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let rows = tape.shape(call.inputs[0])?.0;
        tape.apply(Operation::ScatterRows(ScatterRows { indices: self.indices.clone(), rows }), &[call.dout])
    }
}

/// Rows added up at indices, into a matrix of `rows` rows: dx is dout by the indices.
#[derive(Clone)]
pub(in super::super) struct ScatterRows {
    indices: Arc<[usize]>,
    rows: usize,
}

impl<T: Scalar> Rule<T> for ScatterRows {
    fn name(&self) -> &'static str {
        "scatter_rows"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let (rows, columns) = inputs.shape(0);
        if rows != self.indices.len() {
            let what = "number of indices";
            return Err(Error::Shape {
                operation: "scatter_rows",
                what,
                expected: rows,
                got: self.indices.len(),
            });
        }
        check_indices("indices of scatter_rows", &self.indices, self.rows)?;
        Ok((self.rows, columns))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        scatter_into(inputs.get(0), &self.indices, out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        gather_into(pass.dout, &self.indices, dx);
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        tape.apply(Operation::GatherRows(GatherRows { indices: self.indices.clone() }), &[call.dout])
    }
}

impl<T: Scalar> Tape<T> {
    /// The rows of x with the given indices, in that order; an index may come more than once. An embedding: x is the table.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an index that is not below the number of rows; [`Error::ForeignVariable`].
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let table = tape.variable(&Matrix::from_rows([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
    /// let rows = tape.gather_rows(table, &[2, 0, 2])?;
    /// assert_eq!(tape.value(rows)?, Matrix::from_rows([[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]).view());
    /// let sum = tape.sum(rows)?;
    /// tape.backward(sum)?;
    /// assert_eq!(tape.gradient(table)?, Matrix::from_rows([[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]).view());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "embedding")]
    pub fn gather_rows(&mut self, x: Variable, indices: &[usize]) -> Result<Variable> {
        self.apply(Operation::GatherRows(GatherRows { indices: indices.into() }), &[x])
    }

    /// A matrix of `rows` rows in which row `indices[i]` is the sum of all rows i of x with that index, added up in order.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an index that is not below `rows`; [`Error::Shape`] if there are not as many indices as rows of x;
    /// [`Error::ForeignVariable`].
    pub fn scatter_rows(&mut self, x: Variable, indices: &[usize], rows: usize) -> Result<Variable> {
        self.apply(Operation::ScatterRows(ScatterRows { indices: indices.into(), rows }), &[x])
    }
}
