//! Fourier features: times or points as sines and cosines of many frequencies, so that a network sees both coarse and fine.
//!
//! For inputs x (batch, inp) and frequencies B (pairs, inp) in turns for a unit of x:
//!
//! ```text
//! y = [cos(2π B x), sin(2π B x)]                      (batch, 2 pairs)
//! dx = Σₖ 2π Bₖ (cosₖ dsinₖ - sinₖ dcosₖ)
//! ```
//!
//! Sources: Vaswani et al., "Attention is all you need", 2017, and Ho, Jain and Abbeel, "Denoising diffusion
//! probabilistic models", 2020, for the sinusoidal embedding of time; Tancik et al., "Fourier features let networks
//! learn high frequency functions", 2020, for random ones.
//!
//! Phases are computed in `f64` and brought to half a turn before they are rounded, so that a time of 1000 costs no
//! digits. Cost: `2 inp + 20` flops a feature. Activations are written (`=`).

use super::dropout::check_shapes;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::random::RandomStream;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::trigonometric::sin_cos_of_turns;
use std::f64::consts::TAU;

/// Features that one thread takes at a time.
const CHUNK: usize = 1 << 13;

/// An embedding of times or points by sines and cosines, `y = [cos(2π B x), sin(2π B x)]` for frequencies B: (pairs,
/// inp). It has nothing that is learned.
///
/// Phases are computed in `f64`, so that a time of 1000 costs no digits. Sources: Vaswani et al. 2017 and Ho, Jain
/// and Abbeel 2020 (time); Tancik et al. 2020 (random frequencies).
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::FourierFeatures;
/// let embedding = FourierFeatures::sinusoidal(8, 10_000.0)?;
/// let times = Matrix::from_rows([[0.0_f32], [250.0]]);
/// let mut features = Matrix::zeros(2, 16);
/// embedding.forward_into(times.view(), features.view_mut())?;
/// assert_eq!(features.row(0), [[1.0_f32; 8], [0.0; 8]].concat()); // cosines, then sines, of 0
/// assert!((features[(1, 8)] - 250.0_f32.sin()).abs() < 1e-6);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "positional encoding")]
#[doc(alias = "timestep embedding")]
#[derive(Debug, Clone, PartialEq)]
pub struct FourierFeatures {
    // (pairs, inp), in turns for a unit.
    frequencies: Matrix<f64>,
}

impl FourierFeatures {
    /// Of one input t: `cos(ωₖ t)`, `sin(ωₖ t)` with `ωₖ = longest^(-k / pairs)`, k = 0, …, pairs - 1. Periods are
    /// from 2π to nearly 2π `longest`, usually 10,000 for times up to 1000; multiply times in [0, 1] by 1000 for it,
    /// or take another.
    ///
    /// # Errors
    /// [`Error::Argument`] for no pairs, or unless `longest` is finite and above 0.
    pub fn sinusoidal(pairs: usize, longest: f64) -> Result<Self> {
        if !(longest > 0.0 && longest.is_finite()) {
            let requirement = "it must be finite and above 0";
            return Err(Error::Argument { name: "longest", value: longest, requirement });
        }
        let frequency = |k: usize| longest.powf(-(k as f64) / pairs as f64) / TAU;
        Self::from_frequencies(Matrix::from_fn(pairs, 1, |k, _| frequency(k)))
    }

    /// Of `inp` inputs, with frequencies that are normal with this standard deviation, in turns for a unit.
    ///
    /// # Errors
    /// [`Error::Argument`] for no pairs or inputs, or a deviation that is negative or not finite.
    pub fn gaussian(pairs: usize, inp: usize, deviation: f64, stream: &mut RandomStream) -> Result<Self> {
        let mut frequencies = Matrix::try_zeros(pairs, inp)?;
        stream.fill_normal_with(frequencies.as_mut_slice(), 0.0, deviation)?;
        Self::from_frequencies(frequencies)
    }

    /// With these frequencies, (pairs, inp), in turns for a unit.
    ///
    /// # Errors
    /// [`Error::Argument`] for no pairs or inputs, [`Error::NotFiniteEntry`].
    pub fn from_frequencies(frequencies: Matrix<f64>) -> Result<Self> {
        for (name, value) in [("pairs", frequencies.rows()), ("inputs", frequencies.columns())] {
            if value == 0 {
                return Err(Error::Argument { name, value: 0.0, requirement: "there must be at least 1" });
            }
        }
        frequencies.view().check_finite("frequencies")?;
        Ok(Self { frequencies })
    }

    /// The frequencies: (pairs, inp), in turns for a unit.
    pub fn frequencies(&self) -> &Matrix<f64> {
        &self.frequencies
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.frequencies.columns()
    }

    /// Number of features: two for each frequency.
    pub fn features(&self) -> usize {
        2 * self.frequencies.rows()
    }

    fn chunk(&self) -> usize {
        (CHUNK / self.features()).max(1)
    }

    /// The features of `x`.
    ///
    /// `x`: (batch, inp), `out`: (batch, 2 pairs), cosines and then sines.
    ///
    /// # Errors
    /// [`Error::Shape`] where a shape does not fit.
    pub fn forward_into<T: Scalar>(&self, x: MatrixView<'_, T>, mut out: MatrixViewMut<'_, T>) -> Result<()> {
        check_shapes("FourierFeatures::forward_into", (x.rows(), self.inputs()), x.shape())?;
        check_shapes("FourierFeatures::forward_into", (x.rows(), self.features()), out.shape())?;
        out.for_each_row_chunk(self.chunk(), |first, part| {
            forward(x.rows_range(first..first + part.rows()), &self.frequencies, part);
        });
        Ok(())
    }

    /// The gradient in x, from the features `out` of the forward pass and their gradient.
    ///
    /// `out`, `dout`: (batch, 2 pairs), `dx`: (batch, inp).
    ///
    /// # Errors
    /// [`Error::Shape`] where a shape does not fit.
    pub fn backward_into<T: Scalar>(
        &self,
        out: MatrixView<'_, T>,
        dout: MatrixView<'_, T>,
        mut dx: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        let operation = "FourierFeatures::backward_into";
        check_shapes(operation, (out.rows(), self.features()), out.shape())?;
        check_shapes(operation, out.shape(), dout.shape())?;
        check_shapes(operation, (out.rows(), self.inputs()), dx.shape())?;
        dx.for_each_row_chunk(self.chunk(), |first, part| {
            let rows = first..first + part.rows();
            backward(out.rows_range(rows.clone()), dout.rows_range(rows), &self.frequencies, part);
        });
        Ok(())
    }
}

#[inline(always)]
fn forward_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    frequencies: &Matrix<f64>,
    mut out: MatrixViewMut<'_, T>,
) {
    let lanes = T::Register::<S>::LANES;
    let pairs = frequencies.rows();
    for row in 0..x.rows() {
        let x = x.row(row);
        let (cosines, sines) = out.row_mut(row).split_at_mut(pairs);
        for (k, turns) in cosines.iter_mut().enumerate() {
            let mut phase = 0.0;
            for (x, frequency) in x.iter().zip(frequencies.row(k)) {
                phase += x.to_f64() * frequency;
            }
            *turns = T::from_f64(phase - phase.round());
        }
        for (cosines, sines) in cosines.chunks_mut(lanes).zip(sines.chunks_mut(lanes)) {
            let (sine, cosine) = sin_cos_of_turns(T::Register::<S>::load_up_to(cosines, T::ZERO));
            cosine.store_up_to(cosines);
            sine.store_up_to(sines);
        }
    }
}

dispatch! {
    /// Cosines and sines of some rows.
    fn forward<T: Scalar>(
        x: MatrixView<'_, T>,
        frequencies: &Matrix<f64>,
        out: MatrixViewMut<'_, T>,
    ) = forward_kernel
}

#[inline(always)]
fn backward_kernel<S: Simd, T: Scalar>(
    out: MatrixView<'_, T>,
    dout: MatrixView<'_, T>,
    frequencies: &Matrix<f64>,
    mut dx: MatrixViewMut<'_, T>,
) {
    let pairs = frequencies.rows();
    for row in 0..out.rows() {
        let (cosines, sines) = out.row(row).split_at(pairs);
        let (dcosines, dsines) = dout.row(row).split_at(pairs);
        for (input, dx) in dx.row_mut(row).iter_mut().enumerate() {
            let mut sum = 0.0;
            for k in 0..pairs {
                let turn =
                    cosines[k].to_f64() * dsines[k].to_f64() - sines[k].to_f64() * dcosines[k].to_f64();
                sum += frequencies.row(k)[input] * turn;
            }
            *dx = T::from_f64(TAU * sum);
        }
    }
}

dispatch! {
    /// The gradient in x of some rows.
    fn backward<T: Scalar>(
        out: MatrixView<'_, T>,
        dout: MatrixView<'_, T>,
        frequencies: &Matrix<f64>,
        dx: MatrixViewMut<'_, T>,
    ) = backward_kernel
}
