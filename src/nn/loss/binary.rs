//! Losses of one or more yes-or-no predictions: cross-entropy of logits and the hinge.

use super::pointwise::{Pointwise, evaluate, pointwise_loss};
use super::rows::all_within;
use super::{Loss, Reduction, Targets};
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scalar;
use crate::simd::exp::exp;
use crate::simd::lanes::Lanes;
use crate::simd::ln::ln;

/// The binary cross-entropy of logits: the mean over all entries, or the sum, of `-t ln σ(x) - (1 - t) ln(1 - σ(x))`,
/// σ the logistic function.
///
/// It is computed as `max(x, 0) - t x + ln(1 + e^-|x|)`, which neither overflows nor loses the small losses of logits
/// that are right: there the relative error of value and derivative stays some units in the last place. Targets are
/// probabilities in [0, 1]. Cost: an exponential, a logarithm and two divisions an entry.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{BinaryCrossEntropy, Loss, Targets};
/// let (x, t) = (Matrix::from_rows([[0.0_f64], [60.0]]), Matrix::from_rows([[1.0], [1.0]]));
/// let mut dx = Matrix::zeros(2, 1);
/// let value = BinaryCrossEntropy::default().value_and_gradient_into(x.view(), &Targets::from(&t), dx.view_mut())?;
/// assert!((value - 0.5 * (2.0_f64.ln() + (-60.0_f64).exp())).abs() < 1e-16);
/// assert!((dx[(1, 0)] / (-0.5 * (-60.0_f64).exp()) - 1.0).abs() < 1e-15); // not rounded away
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "BCEWithLogitsLoss")]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BinaryCrossEntropy {
    /// Mean or sum.
    pub reduction: Reduction,
}

#[derive(Clone, Copy)]
struct Logistic;

impl Pointwise for Logistic {
    #[inline(always)]
    fn apply<L: Lanes>(self, x: L, t: L) -> (L, L) {
        let (zero, one) = (L::constant(0.0), L::constant(1.0));
        let small = exp(-x.abs());
        let sum = small + one;
        let reciprocal = one / sum;
        // ln(1 + e): the logarithm of the rounded sum, and to first order what rounding took from it.
        let softplus = (small - (sum - one)).mul_add(reciprocal, ln(sum));
        // σ(|x|) = 1 - u with u = e / (1 + e). The differences to t are taken from the end that is near.
        let u = small * reciprocal;
        let negative = x.lt(zero);
        // x >= 0: x - t x = (1 - t) x and σ - t = (1 - t) - u. x < 0: -t x and u - t.
        let share = L::select(negative, -t, one - t);
        let value = share.mul_add(x, softplus);
        (value, share + L::select(negative, u, -u))
    }
}

impl BinaryCrossEntropy {
    fn pointwise(&self) -> Result<Logistic> {
        Ok(Logistic)
    }
}

pointwise_loss!(BinaryCrossEntropy, |targets| {
    if all_within(targets, T::ZERO, T::ONE) {
        return Ok(());
    }
    check_targets(targets, "it must be a probability, from 0 to 1", |t| (0.0..=1.0).contains(&t))
});

/// The hinge loss: the mean over all entries, or the sum, of `max(0, m - t x)` for targets t of 1 and -1. Its
/// derivative at the kink is taken as 0.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{HingeLoss, Loss, Targets};
/// let (x, t) = (Matrix::from_rows([[0.5_f64], [3.0]]), Matrix::from_rows([[1.0], [-1.0]]));
/// assert_eq!(HingeLoss::default().value(x.view(), &Targets::from(&t))?, (0.5 + 4.0) / 2.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HingeLoss {
    /// m, above 0. Default 1.
    pub margin: f64,
    /// Mean or sum.
    pub reduction: Reduction,
}

impl Default for HingeLoss {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

#[derive(Clone, Copy)]
struct Hinge {
    margin: f64,
}

impl Pointwise for Hinge {
    #[inline(always)]
    fn apply<L: Lanes>(self, x: L, t: L) -> (L, L) {
        let zero = L::constant(0.0);
        let lacking = L::constant(self.margin) - t * x;
        let met = lacking.le(zero);
        // Where x is NaN, nothing is met and the loss is NaN.
        (L::select(met, zero, lacking), L::select(met, zero, -t))
    }
}

impl HingeLoss {
    fn pointwise(&self) -> Result<Hinge> {
        check_margin(self.margin)?;
        Ok(Hinge { margin: self.margin })
    }
}

pointwise_loss!(HingeLoss, |targets| {
    check_targets(targets, "it must be 1 or -1", |t| t == 1.0 || t == -1.0)
});

/// Refuses a margin that is not finite and above 0.
pub(super) fn check_margin(margin: f64) -> Result<()> {
    if margin > 0.0 && margin.is_finite() {
        return Ok(());
    }
    Err(Error::Argument { name: "margin", value: margin, requirement: "it must be finite and above 0" })
}

/// Refuses targets that are not as they must be.
pub(super) fn check_targets<T: Scalar>(
    targets: MatrixView<'_, T>,
    requirement: &'static str,
    accept: impl Fn(f64) -> bool,
) -> Result<()> {
    for (row, entries) in targets.iter_rows().enumerate() {
        for (column, entry) in entries.iter().enumerate() {
            let value = entry.to_f64();
            if !accept(value) {
                return Err(Error::Entry { what: "targets", row, column, value, requirement });
            }
        }
    }
    Ok(())
}
