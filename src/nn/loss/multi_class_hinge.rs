//! The hinge loss over classes.

use super::binary::check_margin;
use super::rows::{Rows, check_labels};
use super::{Loss, Reduction, TargetKind, Targets};
use crate::error::Result;
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// The multi-class hinge: the mean over samples, or the sum, of `Σ_{j≠y} max(0, m - x_y + xⱼ) / C` for the class y
/// among C. Its derivative at a kink is taken as 0.
///
/// PyTorch's `MultiMarginLoss`. Source: Weston and Watkins, "Support vector machines for multi-class pattern
/// recognition", 1999. Cost: 5 flops and 8 bytes an entry (`f32`).
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{Loss, MultiClassHinge, Targets};
/// let x = Matrix::from_rows([[0.5_f64, 3.0, 0.0]]);
/// let mut dx = Matrix::zeros(1, 3);
/// let value = MultiClassHinge::default().value_and_gradient_into(x.view(), &Targets::classes(&[0]), dx.view_mut())?;
/// assert_eq!((value, dx.row(0)), ((3.5 + 0.5) / 3.0, &[-2.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0][..]));
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "MultiMarginLoss")]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MultiClassHinge {
    /// m, above 0. Default 1.
    pub margin: f64,
    /// Mean or sum.
    pub reduction: Reduction,
}

impl Default for MultiClassHinge {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl MultiClassHinge {
    fn evaluate<'a, T: Scalar>(
        &self,
        prediction: MatrixView<'a, T>,
        targets: &Targets<'a, T>,
        gradient: Option<MatrixViewMut<'a, T>>,
    ) -> Result<f64> {
        check_margin(self.margin)?;
        let labels = targets.expect_classes()?;
        let rows = Rows::new("MultiClassHinge", prediction, targets, gradient)?;
        check_labels(labels, prediction.columns())?;
        let scale = rows.scale(self.reduction, 1)? / prediction.columns() as f64;
        let total = rows.total(&|rows| {
            let TargetKind::Classes(labels) = rows.target else { unreachable!("checked above") };
            hinge_sum(rows.prediction, labels, rows.weights, rows.gradient, T::from_f64(self.margin), scale)
        });
        Ok(total * scale)
    }
}

impl<T: Scalar> Loss<T> for MultiClassHinge {
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
}

/// The sum over the other classes of a row; with `GRADIENT`, `dx` gets the gradient times `factor`.
#[inline(always)]
fn row_loss<S: Simd, T: Scalar, const GRADIENT: bool>(
    x: &[T],
    label: usize,
    margin: T,
    factor: T,
    dx: &mut [T],
) -> T {
    let lanes = T::Register::<S>::LANES;
    let zero = T::Register::<S>::splat(T::ZERO);
    let one = T::Register::<S>::splat(T::ONE);
    let offset = T::Register::<S>::splat(margin - x[label]);
    let factors = T::Register::<S>::splat(factor);
    let (mut sum, mut count) = (zero, zero);
    for start in (0..x.len()).step_by(lanes) {
        let lacking = T::Register::<S>::load_up_to(&x[start..], -T::INFINITY) + offset;
        // Where x is NaN, nothing is met and the loss is NaN.
        let met = lacking.le(zero);
        sum = sum + T::Register::<S>::select(met, zero, lacking);
        let broken = T::Register::<S>::select(met, zero, one);
        count = count + broken;
        if GRADIENT {
            (broken * factors).store_up_to(&mut dx[start..]);
        }
    }
    // The label's own term, bit for bit as above, is taken off again.
    let own = x[label] + (margin - x[label]);
    let met = own <= T::ZERO;
    if GRADIENT {
        let others = count.reduce_sum() - if met { T::ZERO } else { T::ONE };
        dx[label] = -(factor * others);
    }
    sum.reduce_sum() - if met { T::ZERO } else { own }
}

#[inline(always)]
fn hinge_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    labels: &[usize],
    weights: Option<&[T]>,
    mut gradient: Option<MatrixViewMut<'_, T>>,
    margin: T,
    scale: f64,
) -> f64 {
    let mut sum = 0.0;
    for (row, &label) in labels.iter().enumerate() {
        let weight = weights.map_or(1.0, |weights| weights[row].to_f64());
        let factor = T::from_f64(weight * scale);
        let loss = match &mut gradient {
            Some(gradient) => {
                row_loss::<S, T, true>(x.row(row), label, margin, factor, gradient.row_mut(row))
            }
            None => row_loss::<S, T, false>(x.row(row), label, margin, factor, &mut []),
        };
        sum += weight * loss.to_f64();
    }
    sum
}

dispatch! {
    /// The sum of the weighted losses of some rows; their gradient if it is wanted.
    fn hinge_sum<T: Scalar>(
        x: MatrixView<'_, T>,
        labels: &[usize],
        weights: Option<&[T]>,
        gradient: Option<MatrixViewMut<'_, T>>,
        margin: T,
        scale: f64,
    ) -> f64 = hinge_kernel
}
