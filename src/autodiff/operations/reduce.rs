//! Sums and means, and their counterpart, the repetition of rows and columns.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::{Matrix, Scalar};

/// Whether a matrix of this shape can be repeated to the `full` shape.
pub(super) fn shape_fits(shape: (usize, usize), full: (usize, usize)) -> bool {
    (shape.0 == full.0 || shape.0 == 1) && (shape.1 == full.1 || shape.1 == 1)
}

/// Sums `full` over the sides that `out` has only one of.
pub(super) fn reduce_into<T: Scalar>(full: &Matrix<T>, out: &mut Matrix<T>) {
    debug_assert!(shape_fits(out.shape(), full.shape()));
    let (rows, columns) = (out.rows() == full.rows(), out.columns() == full.columns());
    match (rows, columns) {
        (true, true) => out.as_mut_slice().copy_from_slice(full.as_slice()),
        (true, false) => out.as_mut_slice().copy_from_slice(&full.view().row_sums()),
        (false, true) => out.as_mut_slice().copy_from_slice(&full.view().column_sums()),
        (false, false) => out.fill(full.view().sum()),
    }
}

/// `out = factor x`, repeated to the shape of `out`.
fn repeat_into<T: Scalar>(x: &Matrix<T>, factor: T, out: &mut Matrix<T>) {
    debug_assert!(shape_fits(x.shape(), out.shape()));
    if out.is_empty() {
        return;
    }
    for row in 0..out.rows() {
        let source = x.row(if x.rows() == 1 { 0 } else { row });
        let target = out.row_mut(row);
        if let [value] = source {
            target.fill(factor * *value);
        } else {
            for (target, value) in target.iter_mut().zip(source) {
                *target = factor * *value;
            }
        }
    }
}

/// The sum or the mean over some sides, which become one: dx = dout (divided by the number of terms), repeated.
#[derive(Clone, Copy)]
pub(in super::super) struct Reduce {
    rows: bool,
    columns: bool,
    mean: bool,
}

impl Reduce {
    /// Number of terms of each sum.
    fn terms(self, (rows, columns): (usize, usize)) -> f64 {
        (if self.rows { rows as f64 } else { 1.0 }) * (if self.columns { columns as f64 } else { 1.0 })
    }
}

impl<T: Scalar> Rule<T> for Reduce {
    fn name(&self) -> &'static str {
        if self.mean { "mean" } else { "sum" }
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let (rows, columns) = inputs.shape(0);
        let shape = (if self.rows { 1 } else { rows }, if self.columns { 1 } else { columns });
        if self.mean && self.terms((rows, columns)) == 0.0 && shape.0 * shape.1 > 0 {
            return Err(Error::Empty { what: "the matrix whose mean is asked for" });
        }
        Ok(shape)
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        let x = inputs.get(0);
        match (self.mean, self.rows, self.columns) {
            (true, true, true) => out.fill(x.view().mean()?),
            (true, true, false) => out.as_mut_slice().copy_from_slice(&x.view().column_means()?),
            (true, false, true) => out.as_mut_slice().copy_from_slice(&x.view().row_means()?),
            _ => reduce_into(x, out),
        }
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let factor = if self.mean { 1.0 / self.terms(dx.shape()) } else { 1.0 };
        repeat_into(pass.dout, T::from_f64(factor), dx);
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let shape = tape.shape(call.inputs[0])?;
        let dout = if self.mean { tape.scale(call.dout, 1.0 / self.terms(shape))? } else { call.dout };
        tape.broadcast(dout, shape.0, shape.1)
    }
}

/// Rows or columns repeated: dx is the sum of dout over the repetitions.
#[derive(Clone, Copy)]
pub(in super::super) struct Broadcast {
    shape: (usize, usize),
}

impl<T: Scalar> Rule<T> for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let left = inputs.shape(0);
        if !shape_fits(left, self.shape) {
            return Err(Error::Shapes { operation: "broadcast", left, right: self.shape });
        }
        Ok(self.shape)
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        repeat_into(inputs.get(0), T::ONE, out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        reduce_into(pass.dout, dx);
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let shape = tape.shape(call.inputs[0])?;
        tape.sum_to(call.dout, shape)
    }
}

impl<T: Scalar> Tape<T> {
    /// The sum of all entries, (1, 1), with the accuracy of [`MatrixView::sum`](crate::MatrixView::sum); zero if there are none.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`].
    pub fn sum(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Reduce(Reduce { rows: true, columns: true, mean: false }), &[x])
    }

    /// The mean of all entries, (1, 1).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`]; [`Error::Empty`] if there are none.
    pub fn mean(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Reduce(Reduce { rows: true, columns: true, mean: true }), &[x])
    }

    /// The sum of each row, (m, 1).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`].
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]));
    /// let (rows, columns) = (tape.row_sums(x)?, tape.column_sums(x)?);
    /// assert_eq!(tape.value(rows)?, Matrix::from_rows([[3.0], [7.0]]).view());
    /// assert_eq!(tape.value(columns)?, Matrix::from_rows([[4.0, 6.0]]).view());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn row_sums(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Reduce(Reduce { rows: false, columns: true, mean: false }), &[x])
    }

    /// The sum of each column, (1, n).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`].
    pub fn column_sums(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Reduce(Reduce { rows: true, columns: false, mean: false }), &[x])
    }

    /// The mean of each row, (m, 1).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`]; [`Error::Empty`] if the rows have no entries.
    pub fn row_means(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Reduce(Reduce { rows: false, columns: true, mean: true }), &[x])
    }

    /// The mean of each column, (1, n).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`]; [`Error::Empty`] if the columns have no entries.
    pub fn column_means(&mut self, x: Variable) -> Result<Variable> {
        self.apply(Operation::Reduce(Reduce { rows: true, columns: false, mean: true }), &[x])
    }

    /// Repeats a (1, n), (m, 1) or (1, 1) matrix to (rows, columns).
    ///
    /// # Errors
    /// [`Error::Shapes`] if a side is neither one nor that of the result; [`Error::ForeignVariable`].
    pub fn broadcast(&mut self, x: Variable, rows: usize, columns: usize) -> Result<Variable> {
        if self.values[self.index("broadcast", x)?].shape() == (rows, columns) {
            return Ok(x);
        }
        self.apply(Operation::Broadcast(Broadcast { shape: (rows, columns) }), &[x])
    }

    /// Sums over the sides that `shape` has only one of.
    pub(in super::super) fn sum_to(&mut self, x: Variable, shape: (usize, usize)) -> Result<Variable> {
        let full = self.shape(x)?;
        if full == shape {
            return Ok(x);
        }
        let reduce = Reduce { rows: full.0 != shape.0, columns: full.1 != shape.1, mean: false };
        self.apply(Operation::Reduce(reduce), &[x])
    }
}
