//! Functions of one entry: the rule of all of them, and the kernels that run them over a matrix.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::Result;
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::{Matrix, Scalar, parallel};

/// Entries of a task: 20 to 200 microseconds of one core.
const ENTRIES_IN_TASK: usize = 1 << 15;

/// A function `y = f(x)` of one register, with its derivative.
pub(in super::super) trait Function: Copy + Send + Sync + 'static {
    /// As errors call it.
    const NAME: &'static str;
    /// Whether the derivative is zero wherever it exists.
    const FLAT: bool = false;
    /// Whether the derivative is one.
    const PASSES_GRADIENT: bool = false;

    /// `f(x)`.
    fn value<L: Lanes<Element: Scalar>>(self, x: L) -> L;

    /// `dout f'(x)`, where `y = f(x)`.
    fn gradient<L: Lanes<Element: Scalar>>(self, x: L, y: L, dout: L) -> L;

    /// `dout f'(x)` as a recording.
    fn record<T: Scalar>(
        self,
        x: Variable,
        y: Variable,
        dout: Variable,
        tape: &mut Tape<T>,
    ) -> Result<Variable>;
}

/// The operation that applies a function to each entry.
#[derive(Clone, Copy)]
pub(in super::super) struct Elementwise<F>(pub(in super::super) F);

impl<T: Scalar, F: Function> Rule<T> for Elementwise<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn is_flat(&self) -> bool {
        F::FLAT
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        Ok(inputs.shape(0))
    }

    fn forward(&self, inputs: Inputs<'_, T>, _: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        let x = inputs.get(0).as_slice();
        parallel::for_each_chunk_mut(out.as_mut_slice(), ENTRIES_IN_TASK, |start, part| {
            values(self.0, &x[start..start + part.len()], part);
        });
        Ok(())
    }

    fn passes_gradient(&self, _: usize, _: Inputs<'_, T>, _: (usize, usize)) -> bool {
        F::PASSES_GRADIENT
    }

    fn backward(&self, _: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let (x, y, dout) = (pass.inputs.get(0).as_slice(), pass.out.as_slice(), pass.dout.as_slice());
        parallel::for_each_chunk_mut(dx.as_mut_slice(), ENTRIES_IN_TASK, |start, part| {
            let range = start..start + part.len();
            gradients(self.0, &x[range.clone()], &y[range.clone()], &dout[range], part);
        });
        Ok(())
    }

    fn record(&self, _: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        self.0.record(call.inputs[0], call.out, call.dout, tape)
    }
}

dispatch! {
    /// `out[i] = f(x[i])`.
    fn values<T: Scalar, F: Function>(f: F, x: &[T], out: &mut [T]) = values_kernel
}

#[inline(always)]
fn values_kernel<S: Simd, T: Scalar, F: Function>(f: F, x: &[T], out: &mut [T]) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    // Two registers at a time: their chains of dependent instructions overlap.
    let mut sources = x.chunks_exact(2 * lanes);
    let mut targets = out.chunks_exact_mut(2 * lanes);
    for (source, target) in (&mut sources).zip(&mut targets) {
        let a = f.value(Register::<S, T>::load(source));
        let b = f.value(Register::<S, T>::load(&source[lanes..]));
        a.store(target);
        b.store(&mut target[lanes..]);
    }
    for (source, target) in sources.remainder().chunks(lanes).zip(targets.into_remainder().chunks_mut(lanes))
    {
        f.value(Register::<S, T>::load_partial(source, T::ONE)).store_partial(target);
    }
}

dispatch! {
    /// `dx[i] = dout[i] f'(x[i])`.
    fn gradients<T: Scalar, F: Function>(f: F, x: &[T], y: &[T], dout: &[T], dx: &mut [T]) = gradients_kernel
}

#[inline(always)]
fn gradients_kernel<S: Simd, T: Scalar, F: Function>(f: F, x: &[T], y: &[T], dout: &[T], dx: &mut [T]) {
    type Register<S, T> = <T as Vectorised>::Register<S>;
    let lanes = Register::<S, T>::LANES;
    let whole = dx.len() / lanes * lanes;
    let inputs = x[..whole].chunks_exact(lanes).zip(y[..whole].chunks_exact(lanes));
    let targets = dx[..whole].chunks_exact_mut(lanes);
    for (((x, y), dout), dx) in inputs.zip(dout[..whole].chunks_exact(lanes)).zip(targets) {
        let (x, y) = (Register::<S, T>::load(x), Register::<S, T>::load(y));
        f.gradient(x, y, Register::<S, T>::load(dout)).store(dx);
    }
    if whole < dx.len() {
        let x = Register::<S, T>::load_partial(&x[whole..], T::ONE);
        let y = Register::<S, T>::load_partial(&y[whole..], T::ONE);
        let dout = Register::<S, T>::load_partial(&dout[whole..], T::ONE);
        f.gradient(x, y, dout).store_partial(&mut dx[whole..]);
    }
}
