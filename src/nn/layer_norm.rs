//! Layer normalisation: each sample to mean 0 and variance 1, then a scale and a shift for each feature.
//!
//! For a row x of n features, with `μ = Σ x / n`, `σ² = Σ (x - μ)² / n` and `x̂ = (x - μ) / √(σ² + ε)`:
//!
//! ```text
//! y = γ x̂ + β
//! dx = (g - mean(g) - x̂ mean(g x̂)) / √(σ² + ε)    with g = γ dy        dγ += Σ_rows dy x̂        dβ += Σ_rows dy
//! ```
//!
//! Source: Ba, Kiros and Hinton, "Layer normalization", 2016. The variance takes a second pass over the row, so a
//! large mean does not cost its digits.
//!
//! Cost: 8 flops an entry forward and 16 backward, rows in the cache. Gradients of γ and β accumulate (`+=`),
//! activations are written (`=`).

use super::dropout::check_shapes;
use super::{Parameters, TensorPlace};
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::parallel::for_each_chunk_mut;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// Entries that one thread takes at a time.
const CHUNK: usize = 1 << 14;

/// Layer normalisation: `y = γ (x - μ) / √(σ² + ε) + β`, with mean μ and variance σ² (over n, not n - 1) of each row,
/// and a scale γ and a shift β for each feature: `weight` and `bias` in PyTorch.
///
/// The gradient of γ and β accumulates (`+=`). Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::{LayerNorm, LayerNormMemory};
/// let layer = LayerNorm::<f64>::new(3)?;
/// let x = Matrix::from_rows([[1.0, 2.0, 3.0], [1e9, 2e9, 3e9]]);
/// let mut y = Matrix::zeros(2, 3);
/// layer.forward_into(x.view(), y.view_mut(), &mut LayerNormMemory::default())?;
/// assert!((y[(0, 2)] - 1.5_f64.sqrt()).abs() < 1e-5 && y[(1, 1)] == 0.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm<T> {
    // γ, then β.
    parameters: Vec<T>,
    epsilon: f64,
}

/// What the backward pass needs of the forward one, and room for partial sums: used again from batch to batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerNormMemory<T> {
    // Mean and 1 / √(σ² + ε) of each row.
    moments: Vec<[T; 2]>,
    // dγ and dβ of each chunk of rows.
    partial: Vec<T>,
}

impl<T: Scalar> LayerNorm<T> {
    /// A layer over so many features, with γ = 1, β = 0 and PyTorch's ε = 1e-5.
    ///
    /// # Errors
    /// [`Error::Argument`] for no features.
    pub fn new(features: usize) -> Result<Self> {
        if features == 0 {
            return Err(Error::Argument {
                name: "features",
                value: 0.0,
                requirement: "there must be at least 1",
            });
        }
        if features > isize::MAX as usize / (2 * size_of::<T>()) {
            let (value, requirement) = (features as f64, "the parameters must fit into the address space");
            return Err(Error::Argument { name: "features", value, requirement });
        }
        let mut parameters = vec![T::ONE; 2 * features];
        parameters[features..].fill(T::ZERO);
        Ok(Self { parameters, epsilon: 1e-5 })
    }

    /// Sets ε, which keeps a row of equal entries finite.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it is finite and above 0.
    pub fn with_epsilon(mut self, epsilon: f64) -> Result<Self> {
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            let requirement = "it must be finite and above 0";
            return Err(Error::Argument { name: "epsilon", value: epsilon, requirement });
        }
        self.epsilon = epsilon;
        Ok(self)
    }

    /// Number of features.
    pub fn features(&self) -> usize {
        self.parameters.len() / 2
    }

    /// γ.
    pub fn weight(&self) -> &[T] {
        &self.parameters[..self.features()]
    }

    /// β.
    pub fn bias(&self) -> &[T] {
        &self.parameters[self.features()..]
    }

    /// ε.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// `out = γ x̂ + β`; the rows' moments go into `memory`.
    ///
    /// `x`, `out`: (batch, features).
    ///
    /// # Errors
    /// [`Error::Shape`] where a shape does not fit.
    pub fn forward_into(
        &self,
        x: MatrixView<'_, T>,
        out: MatrixViewMut<'_, T>,
        memory: &mut LayerNormMemory<T>,
    ) -> Result<()> {
        check_shapes("LayerNorm::forward_into", (x.rows(), self.features()), x.shape())?;
        check_shapes("LayerNorm::forward_into", x.shape(), out.shape())?;
        forward(x, out, &self.parameters, self.epsilon, memory);
        Ok(())
    }

    /// The gradients of the last forward pass with this `memory`: `dx` is written, `dparameters` (dγ, then dβ) grows.
    ///
    /// `x`, `dout`, `dx`: (batch, features), `x` as in that pass.
    ///
    /// # Errors
    /// [`Error::Shape`] where a shape does not fit; nothing has changed then.
    pub fn backward_into(
        &self,
        x: MatrixView<'_, T>,
        dout: MatrixView<'_, T>,
        dx: MatrixViewMut<'_, T>,
        dparameters: &mut [T],
        memory: &mut LayerNormMemory<T>,
    ) -> Result<()> {
        let operation = "LayerNorm::backward_into";
        check_shapes(operation, (memory.moments.len(), self.features()), x.shape())?;
        check_shapes(operation, x.shape(), dout.shape())?;
        check_shapes(operation, x.shape(), dx.shape())?;
        let width = self.parameters.len();
        if dparameters.len() != width {
            let (what, got) = ("length of the gradient of the parameters", dparameters.len());
            return Err(Error::Shape { operation, what, expected: width, got });
        }
        backward(x, dout, dx, &self.parameters, Some(dparameters), memory);
        Ok(())
    }
}

impl<T: Scalar> Parameters<T> for LayerNorm<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    fn tensors(&self) -> Vec<TensorPlace> {
        let features = self.features();
        let place = |name: &str, start| TensorPlace {
            name: name.to_owned(),
            shape: vec![features],
            range: start..start + features,
        };
        vec![place("weight", 0), place("bias", features)]
    }
}

#[cfg(test)]
impl<T> LayerNormMemory<T> {
    /// Of the moments and of the partial sums.
    pub(super) fn capacities(&self) -> [usize; 2] {
        [self.moments.capacity(), self.partial.capacity()]
    }
}

/// Rows of a chunk: it depends on the width alone.
fn rows_in_chunk(features: usize) -> usize {
    (CHUNK / features).max(1)
}

/// `out = γ x̂ + β` for parameters γ, then β, that the caller keeps. Shapes are checked.
pub(super) fn forward<T: Scalar>(
    x: MatrixView<'_, T>,
    mut out: MatrixViewMut<'_, T>,
    parameters: &[T],
    epsilon: f64,
    memory: &mut LayerNormMemory<T>,
) {
    memory.moments.resize(x.rows(), [T::ZERO; 2]);
    let chunk = rows_in_chunk(x.columns());
    for_each_chunk_mut(&mut memory.moments, chunk, |first, part| {
        moments(x.rows_range(first..first + part.len()), part, epsilon);
    });
    let moments = &memory.moments;
    out.for_each_row_chunk(chunk, |first, part| {
        let rows = first..first + part.rows();
        normalise(x.rows_range(rows.clone()), &moments[rows], parameters, part);
    });
}

/// The way back through [`forward`]: `dx` is written, and `dparameters` grows where it is given.
pub(super) fn backward<T: Scalar>(
    x: MatrixView<'_, T>,
    dout: MatrixView<'_, T>,
    mut dx: MatrixViewMut<'_, T>,
    parameters: &[T],
    dparameters: Option<&mut [T]>,
    memory: &mut LayerNormMemory<T>,
) {
    let (features, moments) = (x.columns(), &memory.moments);
    let chunk = rows_in_chunk(features);
    dx.for_each_row_chunk(chunk, |first, part| {
        let rows = first..first + part.rows();
        let (x, dout) = (x.rows_range(rows.clone()), dout.rows_range(rows.clone()));
        input_gradient(x, dout, &moments[rows], &parameters[..features], part);
    });
    let Some(dparameters) = dparameters else { return };
    let width = 2 * features;
    memory.partial.clear();
    memory.partial.resize(x.rows().div_ceil(chunk) * width, T::ZERO);
    for_each_chunk_mut(&mut memory.partial, width, |start, part| {
        let first = start / width * chunk;
        let rows = first..(first + chunk).min(x.rows());
        let (x, dout) = (x.rows_range(rows.clone()), dout.rows_range(rows.clone()));
        parameter_gradient(x, dout, &moments[rows], part);
    });
    for part in memory.partial.chunks_exact(width) {
        for (sum, &value) in dparameters.iter_mut().zip(part) {
            *sum += value;
        }
    }
}

#[inline(always)]
fn moments_kernel<S: Simd, T: Scalar>(x: MatrixView<'_, T>, moments: &mut [[T; 2]], epsilon: f64) {
    let lanes = T::Register::<S>::LANES;
    let n = x.columns() as f64;
    for (row, moments) in moments.iter_mut().enumerate() {
        let x = x.row(row);
        let mut sum = T::Register::<S>::splat(T::ZERO);
        let mut registers = x.chunks_exact(lanes);
        for part in &mut registers {
            sum = sum + T::Register::<S>::load(part);
        }
        sum = sum + T::Register::<S>::load_partial(registers.remainder(), T::ZERO);
        let mean = T::from_f64(sum.reduce_sum().to_f64() / n);
        let means = T::Register::<S>::splat(mean);
        let mut squares = T::Register::<S>::splat(T::ZERO);
        let mut registers = x.chunks_exact(lanes);
        for part in &mut registers {
            let difference = T::Register::<S>::load(part) - means;
            squares = difference.mul_add(difference, squares);
        }
        let difference = T::Register::<S>::load_partial(registers.remainder(), mean) - means;
        squares = difference.mul_add(difference, squares);
        let variance = squares.reduce_sum().to_f64() / n;
        *moments = [mean, T::from_f64(1.0 / (variance + epsilon).sqrt())];
    }
}

dispatch! {
    /// Mean and inverse deviation of each row.
    fn moments<T: Scalar>(x: MatrixView<'_, T>, moments: &mut [[T; 2]], epsilon: f64) = moments_kernel
}

#[inline(always)]
fn forward_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    moments: &[[T; 2]],
    parameters: &[T],
    mut out: MatrixViewMut<'_, T>,
) {
    let lanes = T::Register::<S>::LANES;
    let (weight, bias) = parameters.split_at(x.columns());
    for (row, &[mean, inverse]) in moments.iter().enumerate() {
        let (x, out) = (x.row(row), out.row_mut(row));
        let (mean, inverse) = (T::Register::<S>::splat(mean), T::Register::<S>::splat(inverse));
        for start in (0..x.len()).step_by(lanes) {
            let normal = (T::Register::<S>::load_up_to(&x[start..], T::ZERO) - mean) * inverse;
            let weight = T::Register::<S>::load_up_to(&weight[start..], T::ZERO);
            let bias = T::Register::<S>::load_up_to(&bias[start..], T::ZERO);
            normal.mul_add(weight, bias).store_up_to(&mut out[start..]);
        }
    }
}

dispatch! {
    /// `γ x̂ + β`.
    fn normalise<T: Scalar>(
        x: MatrixView<'_, T>,
        moments: &[[T; 2]],
        parameters: &[T],
        out: MatrixViewMut<'_, T>,
    ) = forward_kernel
}

#[inline(always)]
fn input_gradient_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    dout: MatrixView<'_, T>,
    moments: &[[T; 2]],
    weight: &[T],
    mut dx: MatrixViewMut<'_, T>,
) {
    let lanes = T::Register::<S>::LANES;
    let n = x.columns() as f64;
    for (row, &[mean, inverse]) in moments.iter().enumerate() {
        let (x, dout, dx) = (x.row(row), dout.row(row), dx.row_mut(row));
        let (means, inverses) = (T::Register::<S>::splat(mean), T::Register::<S>::splat(inverse));
        let zero = T::Register::<S>::splat(T::ZERO);
        let (mut sum, mut product) = (zero, zero);
        for start in (0..x.len()).step_by(lanes) {
            let normal = (T::Register::<S>::load_up_to(&x[start..], mean) - means) * inverses;
            let slope = T::Register::<S>::load_up_to(&dout[start..], T::ZERO)
                * T::Register::<S>::load_up_to(&weight[start..], T::ZERO);
            sum = sum + slope;
            product = slope.mul_add(normal, product);
        }
        let sum = T::Register::<S>::splat(T::from_f64(sum.reduce_sum().to_f64() / n));
        let product = T::Register::<S>::splat(T::from_f64(product.reduce_sum().to_f64() / n));
        for start in (0..x.len()).step_by(lanes) {
            let normal = (T::Register::<S>::load_up_to(&x[start..], mean) - means) * inverses;
            let slope = T::Register::<S>::load_up_to(&dout[start..], T::ZERO)
                * T::Register::<S>::load_up_to(&weight[start..], T::ZERO);
            (((slope - sum) - normal * product) * inverses).store_up_to(&mut dx[start..]);
        }
    }
}

dispatch! {
    /// The gradient in x of some rows.
    fn input_gradient<T: Scalar>(
        x: MatrixView<'_, T>,
        dout: MatrixView<'_, T>,
        moments: &[[T; 2]],
        weight: &[T],
        dx: MatrixViewMut<'_, T>,
    ) = input_gradient_kernel
}

#[inline(always)]
fn parameter_gradient_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    dout: MatrixView<'_, T>,
    moments: &[[T; 2]],
    dparameters: &mut [T],
) {
    let lanes = T::Register::<S>::LANES;
    let (dweight, dbias) = dparameters.split_at_mut(x.columns());
    for (row, &[mean, inverse]) in moments.iter().enumerate() {
        let (x, dout) = (x.row(row), dout.row(row));
        let (mean, inverse) = (T::Register::<S>::splat(mean), T::Register::<S>::splat(inverse));
        for start in (0..x.len()).step_by(lanes) {
            let normal = (T::Register::<S>::load_up_to(&x[start..], T::ZERO) - mean) * inverse;
            let slope = T::Register::<S>::load_up_to(&dout[start..], T::ZERO);
            let weight = T::Register::<S>::load_up_to(&dweight[start..], T::ZERO);
            slope.mul_add(normal, weight).store_up_to(&mut dweight[start..]);
            let bias = T::Register::<S>::load_up_to(&dbias[start..], T::ZERO);
            (slope + bias).store_up_to(&mut dbias[start..]);
        }
    }
}

dispatch! {
    /// dγ and dβ of some rows, added to what is there.
    fn parameter_gradient<T: Scalar>(
        x: MatrixView<'_, T>,
        dout: MatrixView<'_, T>,
        moments: &[[T; 2]],
        dparameters: &mut [T],
    ) = parameter_gradient_kernel
}
