//! Losses: how far a batch of predictions is from its targets, and the gradient of that in the predictions.
//!
//! | loss | targets | of one entry or row |
//! | --- | --- | --- |
//! | [`MeanSquaredError`] | values | `(x - t)²` |
//! | [`AbsoluteError`] | values | `|x - t|` |
//! | [`HuberLoss`] | values | `(x - t)²/2` up to δ, straight from there on |
//! | [`BinaryCrossEntropy`] | values in [0, 1] | `ln(1 + eˣ) - t x`, of logits x |
//! | [`HingeLoss`] | values 1 and -1 | `max(0, m - t x)` |
//! | [`CrossEntropy`] | classes, or values: probabilities | `ln Σⱼ exp xⱼ - x_y`, or `Σⱼ tⱼ (ln Σₖ exp xₖ - xⱼ)`, of logits x |
//! | [`MultiClassHinge`] | classes | `Σ_{j≠y} max(0, m - x_y + xⱼ) / classes` |
//!
//! # Mean and sum
//! [`Reduction::Mean`], the default, divides by what PyTorch divides by: the number of entries for the first five, of
//! samples for the last two. With sample weights it is the weighted mean, `Σ wᵢ lᵢ / Σ wᵢ`; class weights join in as
//! further factors (see [`CrossEntropy`]).
//!
//! # Numbers
//! One pass over the predictions gives value and gradient. Sums are of blocks in `T`, and of the blocks in `f64`,
//! over chunks that depend on the shape alone: same bits for any number of threads. Nothing is allocated. Targets
//! that are not finite or out of range are errors; predictions that are not finite give a loss that is not, as
//! arithmetic has it (the training loop says at which step).

mod binary;
mod cross_entropy;
mod multi_class_hinge;
mod pointwise;
mod regression;
mod rows;
mod targets;

pub use binary::{BinaryCrossEntropy, HingeLoss};
pub use cross_entropy::CrossEntropy;
pub use multi_class_hinge::MultiClassHinge;
pub use regression::{AbsoluteError, HuberLoss, MeanSquaredError};
pub(crate) use rows::check_weights;
pub use targets::{TargetBuffer, TargetKind, Targets};

use crate::error::Result;
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scalar;

/// What becomes of the losses of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// A loss of predictions, a sample in each row.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{CrossEntropy, Loss, Targets};
/// let logits = Matrix::from_rows([[2.0_f64, 0.0, 0.0], [0.0, 0.0, 0.0]]);
/// let mut dlogits = Matrix::zeros(2, 3);
/// let loss = CrossEntropy::default();
/// let value = loss.value_and_gradient_into(logits.view(), &Targets::classes(&[0, 2]), dlogits.view_mut())?;
/// let first = (2.0_f64.exp() + 2.0).ln() - 2.0;
/// assert!((value - (first + 3.0_f64.ln()) / 2.0).abs() < 1e-15);
/// assert!((dlogits[(1, 2)] - (1.0 / 3.0 - 1.0) / 2.0).abs() < 1e-15);
/// # Ok::<(), brenier::Error>(())
/// ```
pub trait Loss<T: Scalar>: Sync {
    /// The loss.
    ///
    /// `prediction`: (batch, out).
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error) of an empty batch; [`Error::Shape`](crate::Error) where targets or sample
    /// weights do not fit the predictions; [`Error::UnknownName`](crate::Error) for classes where values are needed
    /// or the reverse; [`Error::Label`](crate::Error) for a class that is not there;
    /// [`Error::NotFiniteEntry`](crate::Error), [`Error::Entry`](crate::Error) for targets that have no meaning;
    /// [`Error::NotFinite`](crate::Error), [`Error::Negative`](crate::Error), [`Error::Argument`](crate::Error) for
    /// such weights; [`Error::ZeroWeight`](crate::Error) for a mean over weights that are all zero.
    fn value(&self, prediction: MatrixView<'_, T>, targets: &Targets<'_, T>) -> Result<f64>;

    /// The loss, and its gradient, which is written over `dprediction`: (batch, out).
    ///
    /// # Errors
    /// As [`value`](Self::value); [`Error::Shape`](crate::Error) where `dprediction` has another shape than the
    /// predictions. It is untouched then.
    fn value_and_gradient_into(
        &self,
        prediction: MatrixView<'_, T>,
        targets: &Targets<'_, T>,
        dprediction: MatrixViewMut<'_, T>,
    ) -> Result<f64>;

    /// Refuses values that this loss takes for no target, whatever is predicted, so that
    /// [training](crate::nn::training::fit) can look at all samples before its first step. By default every value is one.
    ///
    /// # Errors
    /// [`Error::Entry`](crate::Error), [`Error::NegativeEntry`](crate::Error) with the place of the first.
    fn check_values(&self, _values: MatrixView<'_, T>) -> Result<()> {
        Ok(())
    }
}
