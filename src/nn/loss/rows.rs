//! The rows of a batch, checked once, then walked in fixed chunks by several threads.

use super::{Reduction, TargetKind, Targets};
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::parallel;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Mask, Simd};

/// Entries of a chunk: some ten microseconds of work, and a cache that holds them.
const CHUNK: usize = 1 << 14;

/// Some rows of predictions, what belongs to them, and where their gradient goes.
pub(super) struct Rows<'a, T> {
    /// (rows, columns).
    pub prediction: MatrixView<'a, T>,
    /// As many.
    pub target: TargetKind<'a, T>,
    /// As many, if there are any.
    pub weights: Option<&'a [T]>,
    /// (rows, columns), if it is wanted.
    pub gradient: Option<MatrixViewMut<'a, T>>,
}

impl<'a, T: Scalar> Rows<'a, T> {
    /// All rows, if their shapes fit and the weights make sense. Of values, the columns must fit too.
    pub(super) fn new(
        operation: &'static str,
        prediction: MatrixView<'a, T>,
        targets: &Targets<'a, T>,
        gradient: Option<MatrixViewMut<'a, T>>,
    ) -> Result<Self> {
        if prediction.is_empty() {
            return Err(Error::Empty { what: "the batch of predictions" });
        }
        let (rows, columns) = prediction.shape();
        let check = |what, expected: usize, got: usize| match expected == got {
            true => Ok(()),
            false => Err(Error::Shape { operation, what, expected, got }),
        };
        check("number of targets", rows, targets.len())?;
        if let TargetKind::Values(values) = targets.kind() {
            check("number of columns of the targets", columns, values.columns())?;
        }
        if let Some(weights) = targets.sample_weights() {
            check("number of sample weights", rows, weights.len())?;
        }
        if let Some(gradient) = &gradient {
            check("number of rows of the gradient", rows, gradient.rows())?;
            check("number of columns of the gradient", columns, gradient.columns())?;
        }
        if let TargetKind::Values(values) = targets.kind()
            && !all_within(values, -T::MAX, T::MAX)
        {
            values.check_finite("targets")?;
        }
        if let Some(weights) = targets.sample_weights() {
            check_weights("sample weights", weights)?;
        }
        Ok(Self { prediction, target: targets.kind(), weights: targets.sample_weights(), gradient })
    }

    /// The rows before `middle` and those from it on.
    fn split_at(self, middle: usize) -> (Self, Self) {
        let rows = self.prediction.rows();
        let (first_target, second_target) = match self.target {
            TargetKind::Values(values) => (
                TargetKind::Values(values.rows_range(0..middle)),
                TargetKind::Values(values.rows_range(middle..rows)),
            ),
            TargetKind::Classes(classes) => {
                (TargetKind::Classes(&classes[..middle]), TargetKind::Classes(&classes[middle..]))
            }
        };
        let (first_gradient, second_gradient) =
            self.gradient.map(|gradient| gradient.split_at_row(middle)).unzip();
        let first = Self {
            prediction: self.prediction.rows_range(0..middle),
            target: first_target,
            weights: self.weights.map(|weights| &weights[..middle]),
            gradient: first_gradient,
        };
        let second = Self {
            prediction: self.prediction.rows_range(middle..rows),
            target: second_target,
            weights: self.weights.map(|weights| &weights[middle..]),
            gradient: second_gradient,
        };
        (first, second)
    }

    /// The sum of `function` over chunks of rows that depend on the shape alone, in a fixed order. Nothing is allocated.
    pub(super) fn total(self, function: &(impl Fn(Self) -> f64 + Sync)) -> f64 {
        let (rows, columns) = self.prediction.shape();
        let chunk = (CHUNK / columns).max(1);
        let chunks = rows.div_ceil(chunk);
        if chunks <= 1 {
            return function(self);
        }
        let (first, second) = self.split_at(chunks / 2 * chunk);
        let (first, second) = parallel::join(|| first.total(function), || second.total(function));
        first + second
    }

    /// One over what the sum of the losses is divided by: the total weight of the samples, times `entries` of each.
    pub(super) fn scale(&self, reduction: Reduction, entries: usize) -> Result<f64> {
        let weight = match self.weights {
            Some(weights) => weights.iter().map(|weight| weight.to_f64()).sum(),
            None => self.prediction.rows() as f64,
        };
        scale(reduction, weight * entries as f64)
    }
}

/// One over `weight` for a mean, one for a sum.
pub(super) fn scale(reduction: Reduction, weight: f64) -> Result<f64> {
    match reduction {
        Reduction::Sum => Ok(1.0),
        Reduction::Mean if weight > 0.0 && weight.is_finite() => Ok(1.0 / weight),
        Reduction::Mean if weight == 0.0 => Err(Error::ZeroWeight { what: "the weights of the samples" }),
        Reduction::Mean => Err(Error::Argument {
            name: "sum of the weights of the samples",
            value: weight,
            requirement: "a mean needs it above 0 and finite",
        }),
    }
}

/// Refuses weights that are negative or not finite.
pub(crate) fn check_weights<T: Scalar>(what: &'static str, weights: &[T]) -> Result<()> {
    for (index, weight) in weights.iter().enumerate() {
        let value = weight.to_f64();
        if !value.is_finite() {
            return Err(Error::NotFinite { what, index, value });
        }
        if value < 0.0 {
            return Err(Error::Negative { what, index, value });
        }
    }
    Ok(())
}

/// Refuses classes that are not below `classes`.
pub(super) fn check_labels(labels: &[usize], classes: usize) -> Result<()> {
    match labels.iter().position(|&label| label >= classes) {
        None => Ok(()),
        Some(index) => Err(Error::Label { index, label: labels[index], classes }),
    }
}

#[inline(always)]
fn within_kernel<S: Simd, T: Scalar>(values: MatrixView<'_, T>, low: T, high: T) -> bool {
    let lanes = T::Register::<S>::LANES;
    let (lows, highs) = (T::Register::<S>::splat(low), T::Register::<S>::splat(high));
    for row in 0..values.rows() {
        let values = values.row(row);
        let mut good = lows.le(highs);
        for start in (0..values.len()).step_by(lanes) {
            let value = T::Register::<S>::load_up_to(&values[start..], low);
            good = good & lows.le(value) & value.le(highs);
        }
        if !good.all() {
            return false;
        }
    }
    true
}

dispatch! {
    /// Whether all entries are from `low` to `high`; no NaN is. One pass at the speed of the memory: where it fails,
    /// a slower one says which.
    pub(super) fn all_within<T: Scalar>(values: MatrixView<'_, T>, low: T, high: T) -> bool = within_kernel
}
