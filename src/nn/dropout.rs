//! Dropout: activations that are set to zero at random while a model is trained.
//!
//! `y = x m`, with m = 0 with probability p and m = 1/(1 - p) otherwise ("inverted": the mean of y is x, and for
//! evaluation the layer is left out). Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout:
//! a simple way to prevent neural networks from overfitting", JMLR 2014.
//!
//! Cost: a random number and two products an entry; the factors m are kept for the backward pass, one number an
//! entry. Activations are written (`=`) in both directions.

use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::parallel::for_each_chunk_mut;
use crate::random::RandomStream;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// Entries that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// A dropout layer: `y = x m`, with m = 0 with probability p and m = 1/(1 - p) otherwise. It keeps its stream of
/// random numbers, and the factors of the last forward pass.
///
/// It is for training; for evaluation, leave it out. Source: Srivastava et al., JMLR 2014.
///
/// The same stream gives the same zeros at any number of threads and SIMD level.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::Dropout;
/// use brenier::random::RandomStream;
/// let mut dropout = Dropout::<f64>::new(0.5, RandomStream::new(1))?;
/// let x = Matrix::filled(4, 100, 1.0);
/// let (mut y, mut dx) = (Matrix::zeros(4, 100), Matrix::zeros(4, 100));
/// dropout.forward_into(x.view(), y.view_mut())?;
/// assert!(y.as_slice().iter().all(|&y| y == 0.0 || y == 2.0));
/// dropout.backward_into(x.view(), dx.view_mut())?; // the same factors
/// assert_eq!(dx, y);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dropout<T> {
    probability: f64,
    stream: RandomStream,
    rows: usize,
    columns: usize,
    factors: Vec<T>,
}

impl<T: Scalar> Dropout<T> {
    /// A layer that sets an entry to zero with this probability.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it is at least 0 and below 1.
    pub fn new(probability: f64, stream: RandomStream) -> Result<Self> {
        if !(0.0..1.0).contains(&probability) {
            let requirement = "it must be at least 0 and below 1";
            return Err(Error::Argument { name: "probability of dropout", value: probability, requirement });
        }
        Ok(Self { probability, stream, rows: 0, columns: 0, factors: Vec::new() })
    }

    /// The probability of a zero.
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// Where its numbers come from.
    pub(super) fn stream(&self) -> &RandomStream {
        &self.stream
    }

    /// `out = x m` with new factors m. Allocates only where a batch is larger than those before.
    ///
    /// `x`, `out`: (batch, width).
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes differ; no number is drawn then.
    pub fn forward_into(&mut self, x: MatrixView<'_, T>, out: MatrixViewMut<'_, T>) -> Result<()> {
        check_shapes("Dropout::forward_into", x.shape(), out.shape())?;
        (self.rows, self.columns) = x.shape();
        self.factors.resize(self.rows * self.columns, T::ZERO);
        draw_factors(&mut self.factors, self.probability, &mut self.stream);
        multiply(x, &self.factors, out);
        Ok(())
    }

    /// `dx = dout m` with the factors of the last forward pass.
    ///
    /// `dout`, `dx`: (batch, width), as in that pass.
    ///
    /// # Errors
    /// [`Error::Shape`] if the shapes differ from that.
    pub fn backward_into(&self, dout: MatrixView<'_, T>, dx: MatrixViewMut<'_, T>) -> Result<()> {
        check_shapes("Dropout::backward_into", (self.rows, self.columns), dout.shape())?;
        check_shapes("Dropout::backward_into", dout.shape(), dx.shape())?;
        multiply(dout, &self.factors, dx);
        Ok(())
    }
}

/// New factors: 0 with the probability, and what keeps the mean otherwise.
pub(super) fn draw_factors<T: Scalar>(factors: &mut [T], probability: f64, stream: &mut RandomStream) {
    stream.fill_uniform(factors);
    let (limit, kept) = (T::from_f64(probability), T::from_f64(1.0 / (1.0 - probability)));
    for_each_chunk_mut(factors, CHUNK, |_, part| threshold(part, limit, kept));
}

/// `out = x m`. x, out: (batch, width), factors: as many numbers, row by row.
pub(super) fn multiply<T: Scalar>(x: MatrixView<'_, T>, factors: &[T], mut out: MatrixViewMut<'_, T>) {
    let columns = x.columns();
    out.for_each_row_chunk((CHUNK / columns.max(1)).max(1), |first, part| {
        let rows = first..first + part.rows();
        let factors = &factors[rows.start * columns..rows.end * columns];
        product(x.rows_range(rows), factors, part);
    });
}

/// Refuses shapes that differ.
pub(super) fn check_shapes(
    operation: &'static str,
    expected: (usize, usize),
    got: (usize, usize),
) -> Result<()> {
    for (what, expected, got) in
        [("number of rows", expected.0, got.0), ("number of columns", expected.1, got.1)]
    {
        if expected != got {
            return Err(Error::Shape { operation, what, expected, got });
        }
    }
    Ok(())
}

#[inline(always)]
fn threshold_kernel<S: Simd, T: Scalar>(x: &mut [T], limit: T, kept: T) {
    let lanes = T::Register::<S>::LANES;
    let (limit, kept) = (T::Register::<S>::splat(limit), T::Register::<S>::splat(kept));
    let zero = T::Register::<S>::splat(T::ZERO);
    let mut registers = x.chunks_exact_mut(lanes);
    for part in &mut registers {
        let uniform = T::Register::<S>::load(part);
        T::Register::<S>::select(uniform.lt(limit), zero, kept).store(part);
    }
    let rest = registers.into_remainder();
    let uniform = T::Register::<S>::load_partial(rest, T::ZERO);
    T::Register::<S>::select(uniform.lt(limit), zero, kept).store_partial(rest);
}

dispatch! {
    /// Zero where a uniform number is below the limit, else `kept`.
    fn threshold<T: Scalar>(x: &mut [T], limit: T, kept: T) = threshold_kernel
}

#[inline(always)]
fn product_kernel<S: Simd, T: Scalar>(x: MatrixView<'_, T>, factors: &[T], mut out: MatrixViewMut<'_, T>) {
    let lanes = T::Register::<S>::LANES;
    let columns = x.columns();
    let whole = columns / lanes * lanes;
    for row in 0..x.rows() {
        let (x, factors) = (x.row(row), &factors[row * columns..][..columns]);
        let out = out.row_mut(row);
        for at in (0..whole).step_by(lanes) {
            let y = T::Register::<S>::load(&x[at..]) * T::Register::<S>::load(&factors[at..]);
            y.store(&mut out[at..]);
        }
        let y = T::Register::<S>::load_partial(&x[whole..], T::ZERO)
            * T::Register::<S>::load_partial(&factors[whole..], T::ZERO);
        y.store_partial(&mut out[whole..]);
    }
}

dispatch! {
    /// The product entry by entry of a matrix and contiguous factors.
    fn product<T: Scalar>(x: MatrixView<'_, T>, factors: &[T], out: MatrixViewMut<'_, T>) = product_kernel
}
