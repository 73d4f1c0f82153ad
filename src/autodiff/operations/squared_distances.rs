//! Squared Euclidean distances between the rows of two matrices.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::matrix::{Operation as Read, gemm};
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::{Matrix, MatrixView, MatrixViewMut, Scalar};

/// Multiply-adds of a task.
const WORK_IN_TASK: usize = 1 << 18;

/// Registers of distances that are summed side by side.
const GROUP: usize = 4;

/// `out[i, j] = |x[i] - y[j]|²` for x (n, d) and y (m, d), from the differences, so that near points lose nothing: 3 n m d flops.
///
/// With r and c the sums of the rows and of the columns of dout, `dx = 2 (r x - dout y)` and `dy = 2 (c y - doutᵀ x)`: 2 n m d flops each.
#[derive(Clone, Copy)]
pub(in super::super) struct SquaredDistances;

impl<T: Scalar> Rule<T> for SquaredDistances {
    fn name(&self) -> &'static str {
        "squared_distances"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let (left, right) = (inputs.shape(0), inputs.shape(1));
        if left.1 != right.1 {
            return Err(Error::Shapes { operation: "squared_distances", left, right });
        }
        Ok((left.0, right.0))
    }

    fn forward(&self, inputs: Inputs<'_, T>, pool: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        let (x, y) = (inputs.get(0), inputs.get(1));
        let (m, d) = y.shape();
        let mut columns = pool.take((d, m));
        y.view().transpose_into(columns.view_mut())?;
        let rows = (WORK_IN_TASK / (m * d).max(1)).max(1);
        out.view_mut().for_each_row_chunk(rows, |first, part| {
            let rows = first..first + part.rows();
            distances(x.rows_range(rows), columns.view(), part);
        });
        pool.put(columns);
        Ok(())
    }

    fn backward(&self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let Pass { inputs, dout, .. } = pass;
        let two = T::from_f64(2.0);
        let sums = if k == 0 { dout.view().row_sums() } else { dout.view().column_sums() };
        let other = inputs.get(1 - k);
        if k == 0 {
            gemm(-two, dout, Read::Plain, other, Read::Plain, T::ZERO, dx.view_mut())?;
        } else {
            gemm(-two, dout, Read::Transpose, other, Read::Plain, T::ZERO, dx.view_mut())?;
        }
        let x = inputs.get(k);
        for (row, sum) in sums.into_iter().enumerate() {
            let factor = two * sum;
            for (dx, x) in dx.row_mut(row).iter_mut().zip(x.row(row)) {
                *dx += factor * *x;
            }
        }
        Ok(())
    }

    fn record(&self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let (x, other) = (call.inputs[k], call.inputs[1 - k]);
        let (sums, product) = if k == 0 {
            (tape.row_sums(call.dout)?, tape.matmul(call.dout, other)?)
        } else {
            let sums = tape.column_sums(call.dout)?;
            (tape.transpose(sums)?, tape.matmul_with(call.dout, Read::Transpose, other, Read::Plain)?)
        };
        let own = tape.multiply(sums, x)?;
        let difference = tape.subtract(own, product)?;
        tape.scale(difference, 2.0)
    }
}

dispatch! {
    /// Distances of the points x (n, d) to those in the columns of y (d, m).
    fn distances<T: Scalar>(x: MatrixView<'_, T>, y: MatrixView<'_, T>, out: MatrixViewMut<'_, T>) = distances_kernel
}

#[inline(always)]
fn distances_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    y: MatrixView<'_, T>,
    mut out: MatrixViewMut<'_, T>,
) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    let m = y.columns();
    let whole = m / (GROUP * lanes) * (GROUP * lanes);
    for row in 0..x.rows() {
        let x = x.row(row);
        let out = out.row_mut(row);
        for start in (0..whole).step_by(GROUP * lanes) {
            let mut sums = [Register::<S, T>::constant(0.0); GROUP];
            for (k, coordinate) in x.iter().enumerate() {
                let coordinate = Register::<S, T>::splat(*coordinate);
                let group = &y.row(k)[start..start + GROUP * lanes];
                for g in 0..GROUP {
                    let difference = coordinate - Register::<S, T>::load(&group[g * lanes..]);
                    sums[g] = difference.mul_add(difference, sums[g]);
                }
            }
            for g in 0..GROUP {
                sums[g].store(&mut out[start + g * lanes..]);
            }
        }
        for start in (whole..m).step_by(lanes) {
            let end = (start + lanes).min(m);
            let mut sum = Register::<S, T>::constant(0.0);
            for (k, coordinate) in x.iter().enumerate() {
                let coordinate = Register::<S, T>::splat(*coordinate);
                let difference = coordinate - Register::<S, T>::load_partial(&y.row(k)[start..end], T::ZERO);
                sum = difference.mul_add(difference, sum);
            }
            sum.store_partial(&mut out[start..end]);
        }
    }
}

impl<T: Scalar> Tape<T> {
    /// The squared Euclidean distances `|xᵢ - yⱼ|²` between the rows of x (n, d) and of y (m, d), (n, m). x and y may be the same variable.
    ///
    /// Values come from the differences and are accurate for near points, too; 3 n m d flops. The gradients are products, of which the
    /// rounding is relative to the coordinates: centre clouds that lie far from the origin.
    ///
    /// # Errors
    /// [`Error::Shapes`] if x and y differ in d; [`Error::ForeignVariable`].
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[0.0, 0.0], [3.0, 0.0]]));
    /// let y = tape.constant(&Matrix::from_rows([[0.0, 4.0]]));
    /// let distances = tape.squared_distances(x, y)?;
    /// assert_eq!(tape.value(distances)?, Matrix::from_rows([[16.0], [25.0]]).view());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "cdist")]
    pub fn squared_distances(&mut self, x: Variable, y: Variable) -> Result<Variable> {
        self.apply(Operation::SquaredDistances(SquaredDistances), &[x, y])
    }
}
