//! Log-sum-exp, softmax and log-softmax of each row; those of columns go through the transpose.
//!
//! With s the largest entry of a row (zero where that is infinite) and `z = Σ e^(x - s)`, they are `s + ln z`,
//! `e^(x - s) / z` and `(x - s) - ln z`: nothing overflows, and large entries of similar size lose nothing.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Axis, Tape, Variable};
use super::Multiply;
use super::broadcast::combine;
use crate::error::Result;
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::exp::exp;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;
use crate::{Matrix, MatrixView, MatrixViewMut, Scalar};

/// Entries of a task.
const ENTRIES_IN_TASK: usize = 1 << 14;

/// `ln Σⱼ e^xⱼ` of each row: dx = dout softmax(x).
#[derive(Clone, Copy)]
pub(in super::super) struct LogSumExp;

impl<T: Scalar> Rule<T> for LogSumExp {
    fn name(&self) -> &'static str {
        "log_sum_exp"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        Ok((inputs.shape(0).0, 1))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        by_rows(LOG_SUM, inputs.get(0), out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let mut softmax = pass.pool.take(dx.shape());
        by_rows(SOFTMAX, pass.inputs.get(0), &mut softmax);
        combine(Multiply, &softmax, pass.dout, dx);
        pass.pool.put(softmax);
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let softmax = tape.softmax(call.inputs[0], Axis::Rows)?;
        tape.multiply(softmax, call.dout)
    }
}

/// `yⱼ = e^xⱼ / Σₖ e^xₖ` of each row: dx = y (dout - Σⱼ doutⱼ yⱼ).
#[derive(Clone, Copy)]
pub(in super::super) struct Softmax;

impl<T: Scalar> Rule<T> for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        Ok(inputs.shape(0))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        by_rows(SOFTMAX, inputs.get(0), out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let (y, dout) = (pass.out, pass.dout);
        let chunk = (ENTRIES_IN_TASK / y.columns().max(1)).max(1);
        dx.view_mut().for_each_row_chunk(chunk, |first, dx| {
            let rows = first..first + dx.rows();
            softmax_gradient(y.rows_range(rows.clone()), dout.rows_range(rows), dx);
        });
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let products = tape.multiply(call.dout, call.out)?;
        let sums = tape.row_sums(products)?;
        let difference = tape.subtract(call.dout, sums)?;
        tape.multiply(call.out, difference)
    }
}

/// `yⱼ = xⱼ - ln Σₖ e^xₖ` of each row: dx = dout - e^y Σⱼ doutⱼ.
#[derive(Clone, Copy)]
pub(in super::super) struct LogSoftmax;

impl<T: Scalar> Rule<T> for LogSoftmax {
    fn name(&self) -> &'static str {
        "log_softmax"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        Ok(inputs.shape(0))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        by_rows(LOG_SOFTMAX, inputs.get(0), out);
        Ok(())
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let dout = pass.dout;
        by_rows(SOFTMAX, pass.inputs.get(0), dx);
        let chunk = (ENTRIES_IN_TASK / dx.columns().max(1)).max(1);
        dx.view_mut().for_each_row_chunk(chunk, |first, dx| {
            let rows = first..first + dx.rows();
            log_softmax_gradient(dout.rows_range(rows), dx);
        });
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let softmax = tape.exp(call.out)?;
        let sums = tape.row_sums(call.dout)?;
        let products = tape.multiply(softmax, sums)?;
        tape.subtract(call.dout, products)
    }
}

/// What [`write_rows`] writes.
const LOG_SUM: u8 = 0;
const SOFTMAX: u8 = 1;
const LOG_SOFTMAX: u8 = 2;

fn by_rows<T: Scalar>(what: u8, x: &Matrix<T>, out: &mut Matrix<T>) {
    let rows = (ENTRIES_IN_TASK / x.columns().max(1)).max(1);
    out.view_mut().for_each_row_chunk(rows, |first, part| {
        let rows = first..first + part.rows();
        write_rows(what, x.rows_range(rows), part);
    });
}

dispatch! {
    /// One of the three functions, row by row.
    fn write_rows<T: Scalar>(what: u8, x: MatrixView<'_, T>, out: MatrixViewMut<'_, T>) = write_rows_kernel
}

#[inline(always)]
fn write_rows_kernel<S: Simd, T: Scalar>(what: u8, x: MatrixView<'_, T>, mut out: MatrixViewMut<'_, T>) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    for row in 0..x.rows() {
        let x = x.row(row);
        let out = out.row_mut(row);
        let whole = x.len() / lanes * lanes;
        let mut largest = Register::<S, T>::splat(-T::INFINITY);
        for part in x[..whole].chunks_exact(lanes) {
            largest = Register::<S, T>::load(part).max(largest);
        }
        largest = Register::<S, T>::load_partial(&x[whole..], -T::INFINITY).max(largest);
        let largest = largest.reduce_max();
        let shift = if largest.is_finite() { largest } else { T::ZERO };
        let shifts = Register::<S, T>::splat(shift);
        let mut sums = Register::<S, T>::constant(0.0);
        for part in x[..whole].chunks_exact(lanes) {
            sums = sums + exp(Register::<S, T>::load(part) - shifts);
        }
        sums = sums + exp(Register::<S, T>::load_partial(&x[whole..], -T::INFINITY) - shifts);
        let sum = Register::<S, T>::splat(sums.reduce_sum());
        match what {
            LOG_SUM => (shifts + ln(sum)).store_partial(out),
            SOFTMAX => {
                for (x, out) in x[..whole].chunks_exact(lanes).zip(out[..whole].chunks_exact_mut(lanes)) {
                    (exp(Register::<S, T>::load(x) - shifts) / sum).store(out);
                }
                let rest = exp(Register::<S, T>::load_partial(&x[whole..], shift) - shifts) / sum;
                rest.store_partial(&mut out[whole..]);
            }
            _ => {
                let logarithm = ln(sum);
                for (x, out) in x[..whole].chunks_exact(lanes).zip(out[..whole].chunks_exact_mut(lanes)) {
                    ((Register::<S, T>::load(x) - shifts) - logarithm).store(out);
                }
                let rest = (Register::<S, T>::load_partial(&x[whole..], shift) - shifts) - logarithm;
                rest.store_partial(&mut out[whole..]);
            }
        }
    }
}

dispatch! {
    /// `dx = y (dout - Σ dout y)` in each row.
    fn softmax_gradient<T: Scalar>(y: MatrixView<'_, T>, dout: MatrixView<'_, T>, dx: MatrixViewMut<'_, T>) = softmax_gradient_kernel
}

#[inline(always)]
fn softmax_gradient_kernel<S: Simd, T: Scalar>(
    y: MatrixView<'_, T>,
    dout: MatrixView<'_, T>,
    mut dx: MatrixViewMut<'_, T>,
) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    for row in 0..y.rows() {
        let (y, dout, dx) = (y.row(row), dout.row(row), dx.row_mut(row));
        let whole = y.len() / lanes * lanes;
        let rest_y = Register::<S, T>::load_partial(&y[whole..], T::ZERO);
        let rest_dout = Register::<S, T>::load_partial(&dout[whole..], T::ZERO);
        let mut sums = rest_y * rest_dout;
        for (y, dout) in y[..whole].chunks_exact(lanes).zip(dout[..whole].chunks_exact(lanes)) {
            sums = Register::<S, T>::load(y).mul_add(Register::<S, T>::load(dout), sums);
        }
        let sum = Register::<S, T>::splat(sums.reduce_sum());
        let targets = dx[..whole].chunks_exact_mut(lanes);
        for ((y, dout), dx) in
            y[..whole].chunks_exact(lanes).zip(dout[..whole].chunks_exact(lanes)).zip(targets)
        {
            (Register::<S, T>::load(y) * (Register::<S, T>::load(dout) - sum)).store(dx);
        }
        (rest_y * (rest_dout - sum)).store_partial(&mut dx[whole..]);
    }
}

dispatch! {
    /// `dx = dout - dx Σ dout` in each row, where dx is the softmax at first.
    fn log_softmax_gradient<T: Scalar>(dout: MatrixView<'_, T>, dx: MatrixViewMut<'_, T>) = log_softmax_gradient_kernel
}

#[inline(always)]
fn log_softmax_gradient_kernel<S: Simd, T: Scalar>(dout: MatrixView<'_, T>, mut dx: MatrixViewMut<'_, T>) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    for row in 0..dout.rows() {
        let (dout, dx) = (dout.row(row), dx.row_mut(row));
        let whole = dout.len() / lanes * lanes;
        let rest = Register::<S, T>::load_partial(&dout[whole..], T::ZERO);
        let mut sums = rest;
        for dout in dout[..whole].chunks_exact(lanes) {
            sums = sums + Register::<S, T>::load(dout);
        }
        let sum = Register::<S, T>::splat(sums.reduce_sum());
        for (dout, dx) in dout[..whole].chunks_exact(lanes).zip(dx[..whole].chunks_exact_mut(lanes)) {
            (Register::<S, T>::load(dout) - Register::<S, T>::load(dx) * sum).store(dx);
        }
        let softmax = Register::<S, T>::load_partial(&dx[whole..], T::ZERO);
        (rest - softmax * sum).store_partial(&mut dx[whole..]);
    }
}

impl<T: Scalar> Tape<T> {
    /// `ln Σ eˣ` of each row (m, 1), or of each column (1, n), without overflow; -infinity of no entries.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::{Axis, Tape}};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[1000.0, 1000.0]]));
    /// let y = tape.log_sum_exp(x, Axis::Rows)?;
    /// assert_eq!(tape.scalar(y)?, 1000.0 + std::f64::consts::LN_2);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn log_sum_exp(&mut self, x: Variable, axis: Axis) -> Result<Variable> {
        self.along(x, axis, Operation::LogSumExp(LogSumExp))
    }

    /// `eˣ / Σ eˣ` in each row, or in each column: they sum to one.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn softmax(&mut self, x: Variable, axis: Axis) -> Result<Variable> {
        self.along(x, axis, Operation::Softmax(Softmax))
    }

    /// `x - ln Σ eˣ` in each row, or in each column: the logarithm of the softmax, without its rounding to zero.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable).
    pub fn log_softmax(&mut self, x: Variable, axis: Axis) -> Result<Variable> {
        self.along(x, axis, Operation::LogSoftmax(LogSoftmax))
    }

    /// An operation on rows, along the axis.
    fn along(&mut self, x: Variable, axis: Axis, operation: Operation<T>) -> Result<Variable> {
        match axis {
            Axis::Rows => self.apply(operation, &[x]),
            Axis::Columns => {
                let transposed = self.transpose(x)?;
                let y = self.apply(operation, &[transposed])?;
                self.transpose(y)
            }
        }
    }
}
