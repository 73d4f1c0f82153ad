//! Losses that are sums over entries: one kernel for all of them.

use super::rows::Rows;
use super::{Reduction, TargetKind, Targets};
use crate::error::Result;
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// Entries whose losses are added in `T` before they join an `f64`.
const BLOCK: usize = 1024;

/// The loss of an entry and its derivative. A type, not a closure: inlining into the kernel is then certain.
pub(super) trait Pointwise: Copy + Send + Sync {
    /// Loss and derivative in x, for target t.
    fn apply<L: Lanes>(self, x: L, t: L) -> (L, L);
}

/// The sum over a row, or any slices of one length; with `GRADIENT`, `dx` gets the derivatives times `factor`.
#[inline(always)]
fn row_sum<S: Simd, T: Scalar, P: Pointwise, const GRADIENT: bool>(
    x: &[T],
    t: &[T],
    mut dx: &mut [T],
    factor: T,
    loss: P,
) -> f64 {
    let lanes = T::Register::<S>::LANES;
    let factor = T::Register::<S>::splat(factor);
    let mut total = 0.0;
    for (x, t) in x.chunks(BLOCK).zip(t.chunks(BLOCK)) {
        let mut sum = T::Register::<S>::splat(T::ZERO);
        let whole = x.len() / lanes * lanes;
        let length = if GRADIENT { x.len() } else { 0 };
        let (part, rest) = dx.split_at_mut(length);
        for at in (0..whole).step_by(lanes) {
            let place = at..at + lanes;
            let (value, slope) = loss
                .apply(T::Register::<S>::load(&x[place.clone()]), T::Register::<S>::load(&t[place.clone()]));
            sum = sum + value;
            if GRADIENT {
                (slope * factor).store(&mut part[place]);
            }
        }
        if whole < x.len() {
            let (value, slope) = loss.apply(
                T::Register::<S>::load_partial(&x[whole..], T::ZERO),
                T::Register::<S>::load_partial(&t[whole..], T::ZERO),
            );
            if GRADIENT {
                (slope * factor).store_partial(&mut part[whole..]);
            }
            // What a loss gives for the lanes that are not there must not be counted.
            let mut last = [T::ZERO; 16];
            value.store_partial(&mut last[..x.len() - whole]);
            let mut rest_sum = T::ZERO;
            for value in last {
                rest_sum += value;
            }
            total += rest_sum.to_f64();
        }
        total += sum.reduce_sum().to_f64();
        dx = rest;
    }
    total
}

#[inline(always)]
fn kernel<S: Simd, T: Scalar, P: Pointwise>(
    x: MatrixView<'_, T>,
    t: MatrixView<'_, T>,
    weights: Option<&[T]>,
    gradient: Option<MatrixViewMut<'_, T>>,
    scale: f64,
    loss: P,
) -> f64 {
    let factor = T::from_f64(scale);
    let Some(mut gradient) = gradient else {
        if let (None, Some(x), Some(t)) = (weights, x.as_slice(), t.as_slice()) {
            return row_sum::<S, T, P, false>(x, t, &mut [], factor, loss);
        }
        let mut total = 0.0;
        for row in 0..x.rows() {
            let sum = row_sum::<S, T, P, false>(x.row(row), t.row(row), &mut [], factor, loss);
            total += weights.map_or(sum, |weights| weights[row].to_f64() * sum);
        }
        return total;
    };
    let contiguous = gradient.as_view().as_slice().is_some();
    if let (None, Some(x), Some(t), true) = (weights, x.as_slice(), t.as_slice(), contiguous) {
        return row_sum::<S, T, P, true>(x, t, gradient.strided_data(), factor, loss);
    }
    let mut total = 0.0;
    for row in 0..x.rows() {
        let weight = weights.map_or(1.0, |weights| weights[row].to_f64());
        let factor = T::from_f64(scale * weight);
        total +=
            weight * row_sum::<S, T, P, true>(x.row(row), t.row(row), gradient.row_mut(row), factor, loss);
    }
    total
}

dispatch! {
    /// The sum of the weighted losses of some rows; their gradient times `scale` if it is wanted.
    fn sum<T: Scalar, P: Pointwise>(
        x: MatrixView<'_, T>,
        t: MatrixView<'_, T>,
        weights: Option<&[T]>,
        gradient: Option<MatrixViewMut<'_, T>>,
        scale: f64,
        loss: P,
    ) -> f64 = kernel
}

/// The loss of a batch, and its gradient if it is wanted. `check` looks at the targets.
pub(super) fn evaluate<'a, T: Scalar>(
    operation: &'static str,
    loss: impl Pointwise,
    reduction: Reduction,
    prediction: MatrixView<'a, T>,
    targets: &Targets<'a, T>,
    gradient: Option<MatrixViewMut<'a, T>>,
    check: impl Fn(MatrixView<'a, T>) -> Result<()>,
) -> Result<f64> {
    let values = targets.expect_values()?;
    let rows = Rows::new(operation, prediction, targets, gradient)?;
    check(values)?;
    let scale = rows.scale(reduction, prediction.columns())?;
    let total = rows.total(&|rows| {
        let TargetKind::Values(target) = rows.target else { unreachable!("checked above") };
        sum(rows.prediction, target, rows.weights, rows.gradient, scale, loss)
    });
    Ok(total * scale)
}

/// Implements [`Loss`](super::Loss) for a struct whose `pointwise` gives its kernel's type, after `check` has seen the targets.
macro_rules! pointwise_loss {
    ($loss:ident, $check:expr) => {
        impl<T: Scalar> Loss<T> for $loss {
            fn value(&self, prediction: MatrixView<'_, T>, targets: &Targets<'_, T>) -> Result<f64> {
                let loss = self.pointwise()?;
                evaluate(stringify!($loss), loss, self.reduction, prediction, targets, None, $check)
            }

            fn value_and_gradient_into(
                &self,
                prediction: MatrixView<'_, T>,
                targets: &Targets<'_, T>,
                dprediction: MatrixViewMut<'_, T>,
            ) -> Result<f64> {
                let loss = self.pointwise()?;
                evaluate(
                    stringify!($loss),
                    loss,
                    self.reduction,
                    prediction,
                    targets,
                    Some(dprediction),
                    $check,
                )
            }

            fn check_values(&self, values: MatrixView<'_, T>) -> Result<()> {
                let check: fn(MatrixView<'_, T>) -> Result<()> = $check;
                check(values)
            }
        }
    };
}
pub(super) use pointwise_loss;
