//! Cross-entropy of logits over classes.
//!
//! With logits x of a row, `p = softmax(x)`, coefficients `qⱼ >= 0` and `Q = Σ qⱼ`,
//!
//! ```text
//! l = Σⱼ qⱼ (ln Σₖ exp xₖ - xⱼ)          ∂l/∂xⱼ = Q pⱼ - qⱼ
//! ```
//!
//! Over a class y with smoothing s and class weights w: `qⱼ = (1 - s) w_y [j = y] + s/C wⱼ`. Over probabilities t:
//! `qⱼ = wⱼ ((1 - s) tⱼ + s/C)`. Both are PyTorch's definitions, and so are the means: over classes
//! `Σ lᵢ / Σ w_{yᵢ}`, over probabilities `Σ lᵢ / batch`; sample weights are a further factor of each `lᵢ` and each
//! term below.
//!
//! The largest logit is subtracted first. Cost: an exponential an entry and three passes over a row that lies in the
//! cache; reading the predictions and writing the gradient once, 8 bytes an entry in `f32`. Sources: Bridle 1990
//! (softmax); Szegedy et al., "Rethinking the Inception architecture", 2016 (smoothing).

use super::rows::{Rows, all_within, check_labels, check_weights, scale};
use super::{Loss, Reduction, TargetKind, Targets};
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;

/// The cross-entropy of logits x with classes, or with probabilities (see [`Targets`]), as PyTorch defines it.
///
/// With coefficients qⱼ, of a row, `l = Σⱼ qⱼ (ln Σₖ exp xₖ - xⱼ)`. Over a class y with smoothing s and class weights
/// w: `qⱼ = (1 - s) w_y [j = y] + s/C wⱼ`; the mean is `Σ lᵢ / Σ w_{yᵢ}`. Over probabilities t:
/// `qⱼ = wⱼ ((1 - s) tⱼ + s/C)`; the mean is `Σ lᵢ / batch`. Sample weights are a further factor of each `lᵢ` and of
/// each term of the divisor.
///
/// Probabilities must be finite and not negative; that they sum to 1 is not asked for: the loss is defined, and differentiated, without it.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{CrossEntropy, Loss, Targets};
/// let logits = Matrix::from_rows([[1.0_f64, 3.0]]);
/// let loss = CrossEntropy::new().with_label_smoothing(0.1);
/// let hard = loss.value(logits.view(), &Targets::classes(&[1]))?;
/// let soft = CrossEntropy::new().value(logits.view(), &Targets::from(&Matrix::from_rows([[0.05, 0.95]])))?;
/// assert!((hard - soft).abs() < 1e-15);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "CrossEntropyLoss")]
#[derive(Debug, Clone, PartialEq)]
pub struct CrossEntropy<T> {
    reduction: Reduction,
    label_smoothing: f64,
    // Empty if there are none.
    class_weights: Vec<T>,
}

impl<T: Scalar> Default for CrossEntropy<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> CrossEntropy<T> {
    /// The mean, without smoothing or weights of classes.
    pub fn new() -> Self {
        Self { reduction: Reduction::Mean, label_smoothing: 0.0, class_weights: Vec::new() }
    }

    /// Sets mean or sum.
    pub fn with_reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// Sets s, from 0 to 1: how much of each target is spread evenly over the classes.
    pub fn with_label_smoothing(mut self, smoothing: f64) -> Self {
        self.label_smoothing = smoothing;
        self
    }

    /// Sets w, one number for each class, not negative. None are the same as all 1.
    pub fn with_class_weights(mut self, weights: &[T]) -> Self {
        self.class_weights = weights.to_vec();
        self
    }

    fn evaluate<'a>(
        &'a self,
        prediction: MatrixView<'a, T>,
        targets: &Targets<'a, T>,
        gradient: Option<MatrixViewMut<'a, T>>,
    ) -> Result<f64> {
        let operation = "CrossEntropy";
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            let (value, requirement) = (self.label_smoothing, "it must be from 0 to 1");
            return Err(Error::Argument { name: "label smoothing", value, requirement });
        }
        let rows = Rows::new(operation, prediction, targets, gradient)?;
        let classes = prediction.columns();
        let weights = self.class_weights.as_slice();
        if !weights.is_empty() && weights.len() != classes {
            let what = "number of class weights";
            return Err(Error::Shape { operation, what, expected: classes, got: weights.len() });
        }
        check_weights("class weights", weights)?;
        let factor = match targets.kind() {
            TargetKind::Values(values) => {
                check_probabilities(values)?;
                rows.scale(self.reduction, 1)?
            }
            TargetKind::Classes(labels) => {
                check_labels(labels, classes)?;
                let weight = |(row, label): (usize, &usize)| {
                    let sample = targets.sample_weights().map_or(1.0, |weights| weights[row].to_f64());
                    sample * weights.get(*label).map_or(1.0, |weight| weight.to_f64())
                };
                scale(self.reduction, labels.iter().enumerate().map(weight).sum())?
            }
        };
        let share = Share {
            kept: T::from_f64(1.0 - self.label_smoothing),
            spread: T::from_f64(self.label_smoothing / classes as f64),
            scale: factor,
        };
        let total = rows.total(&|rows| {
            cross_entropy_sum(rows.prediction, rows.target, rows.weights, weights, rows.gradient, share)
        });
        Ok(total * factor)
    }
}

impl<T: Scalar> Loss<T> for CrossEntropy<T> {
    fn value(&self, prediction: MatrixView<'_, T>, targets: &Targets<'_, T>) -> Result<f64> {
        self.evaluate(prediction, targets, None)
    }

    fn value_and_gradient_into(
        &self,
        prediction: MatrixView<'_, T>,
        targets: &Targets<'_, T>,
        dprediction: MatrixViewMut<'_, T>,
    ) -> Result<f64> {
        self.evaluate(prediction, targets, Some(dprediction))
    }

    fn check_values(&self, values: MatrixView<'_, T>) -> Result<()> {
        check_probabilities(values)
    }
}

fn check_probabilities<T: Scalar>(values: MatrixView<'_, T>) -> Result<()> {
    if all_within(values, T::ZERO, T::MAX) {
        return Ok(());
    }
    for (row, entries) in values.iter_rows().enumerate() {
        if let Some(column) = entries.iter().position(|&value| value < T::ZERO) {
            let value = entries[column].to_f64();
            return Err(Error::NegativeEntry { what: "targets", row, column, value });
        }
    }
    Ok(())
}

/// How a target is shared out.
#[derive(Clone, Copy)]
struct Share<T> {
    /// 1 - s.
    kept: T,
    /// s / C.
    spread: T,
    /// What the gradient is multiplied with.
    scale: f64,
}

/// `max x`, and `Σ exp(xⱼ - max)`; with `GRADIENT`, the terms are written over `dx`.
#[inline(always)]
fn exponentials<S: Simd, T: Scalar, const GRADIENT: bool>(x: &[T], dx: &mut [T]) -> (T, T) {
    let lanes = T::Register::<S>::LANES;
    let whole = x.len() / lanes * lanes;
    let mut top = T::Register::<S>::load_partial(&x[whole..], -T::INFINITY);
    for at in (0..whole).step_by(lanes) {
        top = T::Register::<S>::load(&x[at..]).max(top);
    }
    let largest = top.reduce_max();
    let shift = T::Register::<S>::splat(largest);
    let mut sum = T::Register::<S>::splat(T::ZERO);
    for at in (0..whole).step_by(lanes) {
        let term = exp_flushed(T::Register::<S>::load(&x[at..]) - shift);
        if GRADIENT {
            term.store(&mut dx[at..]);
        }
        sum = sum + term;
    }
    if whole < x.len() {
        let term = exp_flushed(T::Register::<S>::load_partial(&x[whole..], -T::INFINITY) - shift);
        if GRADIENT {
            term.store_partial(&mut dx[whole..]);
        }
        sum = sum + term;
    }
    (largest, sum.reduce_sum())
}

/// qⱼ from column `start` on, of the part that is spread over all classes, or given by probabilities. Lanes past the
/// last class have no meaning.
#[inline(always)]
fn coefficients<S: Simd, T: Scalar>(
    start: usize,
    probabilities: &[T],
    weights: &[T],
    share: Share<T>,
) -> T::Register<S> {
    let mut q = T::Register::<S>::splat(share.spread);
    if !probabilities.is_empty() {
        let probability = T::Register::<S>::load_up_to(&probabilities[start..], T::ZERO);
        q = probability.mul_add(T::Register::<S>::splat(share.kept), q);
    }
    if !weights.is_empty() {
        q = q * T::Register::<S>::load_up_to(&weights[start..], T::ZERO);
    }
    q
}

/// The loss of a row; with `GRADIENT`, `dx` gets its gradient times `factor`. `label` is used where there are no `probabilities`.
#[inline(always)]
fn row_loss<S: Simd, T: Scalar, const GRADIENT: bool>(
    x: &[T],
    probabilities: &[T],
    label: usize,
    weights: &[T],
    share: Share<T>,
    factor: T,
    dx: &mut [T],
) -> T {
    let (largest, sum) = exponentials::<S, T, GRADIENT>(x, dx);
    let log_sum = ln(T::Register::<S>::splat(sum)).reduce_max();
    let (mut loss, mut total) = (T::ZERO, T::ZERO);
    let spread = !probabilities.is_empty() || share.spread > T::ZERO;
    let lanes = T::Register::<S>::LANES;
    if spread {
        let (log_sums, shift) = (T::Register::<S>::splat(log_sum), T::Register::<S>::splat(largest));
        let mut losses = T::Register::<S>::splat(T::ZERO);
        let mut totals = losses;
        let whole = x.len() / lanes * lanes;
        for start in (0..whole).step_by(lanes) {
            let q = coefficients::<S, T>(start, probabilities, weights, share);
            losses = q.mul_add(log_sums - (T::Register::<S>::load(&x[start..]) - shift), losses);
            totals = totals + q;
        }
        loss = losses.reduce_sum();
        total = totals.reduce_sum();
        if whole < x.len() {
            let mut last = [T::ZERO; 16];
            coefficients::<S, T>(whole, probabilities, weights, share).store(&mut last);
            for (&x, &q) in x[whole..].iter().zip(&last) {
                loss += q * (log_sum - (x - largest));
                total += q;
            }
        }
    }
    let mut at_label = T::ZERO;
    if probabilities.is_empty() {
        at_label = share.kept;
        if !weights.is_empty() {
            at_label *= weights[label];
        }
        loss += at_label * (log_sum - (x[label] - largest));
        total += at_label;
    }
    if GRADIENT {
        let slope = T::Register::<S>::splat(factor * total / sum);
        let mut registers = dx.chunks_exact_mut(lanes);
        for part in &mut registers {
            (T::Register::<S>::load(part) * slope).store(part);
        }
        let rest = registers.into_remainder();
        (T::Register::<S>::load_partial(rest, T::ZERO) * slope).store_partial(rest);
        if spread {
            let factors = T::Register::<S>::splat(factor);
            for start in (0..x.len()).step_by(lanes) {
                let q = coefficients::<S, T>(start, probabilities, weights, share);
                let slope = T::Register::<S>::load_up_to(&dx[start..], T::ZERO);
                (slope - factors * q).store_up_to(&mut dx[start..]);
            }
        }
        if probabilities.is_empty() {
            dx[label] -= factor * at_label;
        }
    }
    loss
}

#[inline(always)]
fn cross_entropy_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    target: TargetKind<'_, T>,
    sample_weights: Option<&[T]>,
    class_weights: &[T],
    mut gradient: Option<MatrixViewMut<'_, T>>,
    share: Share<T>,
) -> f64 {
    let mut sum = 0.0;
    for row in 0..x.rows() {
        let (probabilities, label) = match target {
            TargetKind::Values(values) => (values.row(row), 0),
            TargetKind::Classes(labels) => (&[] as &[T], labels[row]),
        };
        let weight = sample_weights.map_or(1.0, |weights| weights[row].to_f64());
        let factor = T::from_f64(weight * share.scale);
        let (x, w) = (x.row(row), class_weights);
        let loss = match &mut gradient {
            Some(gradient) => {
                row_loss::<S, T, true>(x, probabilities, label, w, share, factor, gradient.row_mut(row))
            }
            None => row_loss::<S, T, false>(x, probabilities, label, w, share, factor, &mut []),
        };
        sum += weight * loss.to_f64();
    }
    sum
}

dispatch! {
    /// The sum of the weighted losses of some rows; their gradient if it is wanted.
    fn cross_entropy_sum<T: Scalar>(
        x: MatrixView<'_, T>,
        target: TargetKind<'_, T>,
        sample_weights: Option<&[T]>,
        class_weights: &[T],
        gradient: Option<MatrixViewMut<'_, T>>,
        share: Share<T>,
    ) -> f64 = cross_entropy_kernel
}
