//! Functions of two entries, with NumPy's broadcasting: a side that is 1 on one matrix is repeated to that of the
//! other. So (1, n), (m, 1) and (1, 1) go with (m, n), and (m, 1) with (1, n).
//!
//! The gradient of a matrix that was repeated is summed over its repetitions.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Pass, Rule};
use super::super::{Tape, Variable};
use super::reduce::{reduce_into, shape_fits};
use crate::error::{Error, Result};
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::{Matrix, MatrixView, MatrixViewMut, Scalar, parallel};

/// Entries of a task.
const ENTRIES_IN_TASK: usize = 1 << 15;

/// The kernel of a function of two entries.
pub(in super::super) trait Combine: Copy + Send + Sync + 'static {
    /// The function.
    fn value<L: Lanes<Element: Scalar>>(self, a: L, b: L) -> L;
}

/// A function of two entries with its gradients.
pub(in super::super) trait Function: Combine {
    /// As errors call it.
    const NAME: &'static str;
    /// Whether the derivatives are zero wherever they exist.
    const FLAT: bool = false;

    /// Whether the derivative in input k is one.
    fn passes_gradient(self, _k: usize) -> bool {
        false
    }

    /// Writes the gradient of input k before it is summed: `dx` has the shape of the result.
    fn backward<T: Scalar>(self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>);

    /// Records the gradient of input k before it is summed.
    fn record<T: Scalar>(self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable>;
}

/// The operation that applies a function of two entries to two matrices.
#[derive(Clone, Copy)]
pub(in super::super) struct Broadcasting<F>(pub(in super::super) F);

impl<T: Scalar, F: Function> Rule<T> for Broadcasting<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn is_flat(&self) -> bool {
        F::FLAT
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        let (left, right) = (inputs.shape(0), inputs.shape(1));
        let side = |a: usize, b: usize| match (a, b) {
            (1, b) => Some(b),
            (a, 1) => Some(a),
            (a, b) => (a == b).then_some(a),
        };
        match (side(left.0, right.0), side(left.1, right.1)) {
            (Some(rows), Some(columns)) => Ok((rows, columns)),
            _ => Err(Error::Shapes { operation: F::NAME, left, right }),
        }
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        combine(self.0, inputs.get(0), inputs.get(1), out);
        Ok(())
    }

    fn passes_gradient(&self, k: usize, inputs: Inputs<'_, T>, out: (usize, usize)) -> bool {
        self.0.passes_gradient(k) && inputs.shape(k) == out
    }

    fn backward(&self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let shape = pass.out.shape();
        if self.0.passes_gradient(k) {
            reduce_into(pass.dout, dx);
        } else if dx.shape() == shape {
            self.0.backward(k, pass, dx);
        } else {
            let Pass { inputs, out, dout, pool } = pass;
            let mut full = pool.take(shape);
            self.0.backward(k, Pass { inputs, out, dout, pool }, &mut full);
            reduce_into(&full, dx);
            pool.put(full);
        }
        Ok(())
    }

    fn record(&self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        let full = self.0.record(k, call, tape)?;
        let shape = tape.shape(call.inputs[k])?;
        tape.sum_to(full, shape)
    }
}

/// `out = f(a, b)`, where `out` has the broadcast shape of the two.
pub(super) fn combine<T: Scalar, F: Combine>(f: F, a: &Matrix<T>, b: &Matrix<T>, out: &mut Matrix<T>) {
    debug_assert!(shape_fits(a.shape(), out.shape()) && shape_fits(b.shape(), out.shape()));
    if a.shape() == b.shape() {
        let (a, b) = (a.as_slice(), b.as_slice());
        parallel::for_each_chunk_mut(out.as_mut_slice(), ENTRIES_IN_TASK, |start, part| {
            let range = start..start + part.len();
            rows(f, one_row(&a[range.clone()]), one_row(&b[range]), 0, one_row_mut(part));
        });
        return;
    }
    let chunk = (ENTRIES_IN_TASK / out.columns().max(1)).max(1);
    out.view_mut().for_each_row_chunk(chunk, |first, part| rows(f, a.view(), b.view(), first, part));
}

/// `sum[i] += part[i]`.
pub(in super::super) fn add_assign<T: Scalar>(sum: &mut [T], part: &[T]) {
    parallel::for_each_chunk_mut(sum, ENTRIES_IN_TASK, |start, sum| {
        add_chunk(sum, &part[start..start + sum.len()])
    });
}

fn one_row<T: Scalar>(entries: &[T]) -> MatrixView<'_, T> {
    MatrixView::from_parts(entries, 1, entries.len(), entries.len())
}

fn one_row_mut<T: Scalar>(entries: &mut [T]) -> MatrixViewMut<'_, T> {
    let length = entries.len();
    MatrixViewMut::from_parts(entries, 1, length, length)
}

dispatch! {
    /// `out[i, j] = f(a[first + i, j], b[first + i, j])`, where sides of one are repeated.
    fn rows<T: Scalar, F: Combine>(
        f: F,
        a: MatrixView<'_, T>,
        b: MatrixView<'_, T>,
        first: usize,
        out: MatrixViewMut<'_, T>,
    ) = rows_kernel
}

#[inline(always)]
fn rows_kernel<S: Simd, T: Scalar, F: Combine>(
    f: F,
    a: MatrixView<'_, T>,
    b: MatrixView<'_, T>,
    first: usize,
    mut out: MatrixViewMut<'_, T>,
) {
    let (whole_a, whole_b) = (a.columns() == out.columns(), b.columns() == out.columns());
    for row in 0..out.rows() {
        let a = a.row(if a.rows() == 1 { 0 } else { first + row });
        let b = b.row(if b.rows() == 1 { 0 } else { first + row });
        let out = out.row_mut(row);
        match (whole_a, whole_b) {
            (true, true) => row_kernel::<S, T, F, true, true>(f, a, b, out),
            (true, false) => row_kernel::<S, T, F, true, false>(f, a, b, out),
            (false, true) => row_kernel::<S, T, F, false, true>(f, a, b, out),
            (false, false) => row_kernel::<S, T, F, false, false>(f, a, b, out),
        }
    }
}

/// One row; a factor that is not whole has one entry.
#[inline(always)]
fn row_kernel<S: Simd, T: Scalar, F: Combine, const WHOLE_A: bool, const WHOLE_B: bool>(
    f: F,
    a: &[T],
    b: &[T],
    out: &mut [T],
) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    let length = out.len();
    let whole = length / lanes * lanes;
    if length == 0 {
        return;
    }
    let splat_a = Register::<S, T>::splat(a[0]);
    let splat_b = Register::<S, T>::splat(b[0]);
    let mut place = 0;
    for target in out[..whole].chunks_exact_mut(lanes) {
        let x = if WHOLE_A { Register::<S, T>::load(&a[place..]) } else { splat_a };
        let y = if WHOLE_B { Register::<S, T>::load(&b[place..]) } else { splat_b };
        f.value(x, y).store(target);
        place += lanes;
    }
    if whole < length {
        let x = if WHOLE_A { Register::<S, T>::load_partial(&a[whole..length], T::ONE) } else { splat_a };
        let y = if WHOLE_B { Register::<S, T>::load_partial(&b[whole..length], T::ONE) } else { splat_b };
        f.value(x, y).store_partial(&mut out[whole..]);
    }
}

dispatch! {
    /// `sum[i] += part[i]`.
    fn add_chunk<T: Scalar>(sum: &mut [T], part: &[T]) = add_kernel
}

#[inline(always)]
fn add_kernel<S: Simd, T: Scalar>(sum: &mut [T], part: &[T]) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    let mut targets = sum.chunks_exact_mut(lanes);
    let mut parts = part.chunks_exact(lanes);
    for (target, part) in (&mut targets).zip(&mut parts) {
        (Register::<S, T>::load(target) + Register::<S, T>::load(part)).store(target);
    }
    for (target, part) in targets.into_remainder().iter_mut().zip(parts.remainder()) {
        *target += *part;
    }
}
