//! Losses of real-valued predictions: squared, absolute and Huber's.

use super::pointwise::{Pointwise, evaluate, pointwise_loss};
use super::{Loss, Reduction, Targets};
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scalar;
use crate::simd::lanes::Lanes;

/// The squared error: the mean over all entries, or the sum, of `(x - t)²`.
///
/// Cost: 4 flops and 12 bytes an entry (`f32`, with gradient).
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{Loss, MeanSquaredError, Targets};
/// let (x, t) = (Matrix::from_rows([[1.0_f64, 2.0]]), Matrix::from_rows([[0.0, 4.0]]));
/// let mut dx = Matrix::zeros(1, 2);
/// let value = MeanSquaredError::default().value_and_gradient_into(x.view(), &Targets::from(&t), dx.view_mut())?;
/// assert_eq!((value, dx), (2.5, Matrix::from_rows([[1.0, -2.0]])));
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "MSELoss")]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct MeanSquaredError {
    /// Mean or sum.
    pub reduction: Reduction,
}

#[derive(Clone, Copy)]
struct Squared;

impl Pointwise for Squared {
    #[inline(always)]
    fn apply<L: Lanes>(self, x: L, t: L) -> (L, L) {
        let difference = x - t;
        (difference * difference, difference + difference)
    }
}

impl MeanSquaredError {
    fn pointwise(&self) -> Result<Squared> {
        Ok(Squared)
    }
}

pointwise_loss!(MeanSquaredError, |_| Ok(()));

/// The absolute error: the mean over all entries, or the sum, of `|x - t|`. Its derivative at 0 is taken as 0.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{AbsoluteError, Loss, Targets};
/// let (x, t) = (Matrix::from_rows([[1.0_f64, 2.0]]), Matrix::from_rows([[0.0, 4.0]]));
/// assert_eq!(AbsoluteError::default().value(x.view(), &Targets::from(&t))?, 1.5);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "L1Loss")]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AbsoluteError {
    /// Mean or sum.
    pub reduction: Reduction,
}

#[derive(Clone, Copy)]
struct Absolute;

impl Pointwise for Absolute {
    #[inline(always)]
    fn apply<L: Lanes>(self, x: L, t: L) -> (L, L) {
        let difference = x - t;
        let sign = L::constant(1.0).copysign(difference);
        // At zero the slope is zero, and NaN stays.
        let slope = L::select(L::constant(0.0).lt(difference.abs()), sign, difference);
        (difference.abs(), slope)
    }
}

impl AbsoluteError {
    fn pointwise(&self) -> Result<Absolute> {
        Ok(Absolute)
    }
}

pointwise_loss!(AbsoluteError, |_| Ok(()));

/// Huber's loss: the mean over all entries, or the sum, of `d²/2` where `|d| = |x - t| <= δ`, and of `δ (|d| - δ/2)` beyond.
///
/// Source: Huber, "Robust estimation of a location parameter", 1964.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{HuberLoss, Loss, Targets};
/// let (x, t) = (Matrix::from_rows([[1.0_f64, 8.0]]), Matrix::from_rows([[0.0, 4.0]]));
/// let loss = HuberLoss { delta: 2.0, ..HuberLoss::default() };
/// assert_eq!(loss.value(x.view(), &Targets::from(&t))?, (0.5 + 6.0) / 2.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HuberLoss {
    /// δ, above 0: where the parabola goes over into straight lines. Default 1.
    pub delta: f64,
    /// Mean or sum.
    pub reduction: Reduction,
}

impl Default for HuberLoss {
    fn default() -> Self {
        Self { delta: 1.0, reduction: Reduction::Mean }
    }
}

#[derive(Clone, Copy)]
struct Huber {
    delta: f64,
}

impl Pointwise for Huber {
    #[inline(always)]
    fn apply<L: Lanes>(self, x: L, t: L) -> (L, L) {
        let delta = L::constant(self.delta);
        let difference = x - t;
        // The slope is the difference cut off at delta; the operand that wins for NaN comes second.
        let slope = delta.min((-delta).max(difference));
        let size = slope.abs();
        (size * (difference.abs() - L::constant(0.5) * size), slope)
    }
}

impl HuberLoss {
    fn pointwise(&self) -> Result<Huber> {
        if self.delta > 0.0 && self.delta.is_finite() {
            return Ok(Huber { delta: self.delta });
        }
        Err(Error::Argument {
            name: "delta",
            value: self.delta,
            requirement: "it must be finite and above 0",
        })
    }
}

pointwise_loss!(HuberLoss, |_| Ok(()));
