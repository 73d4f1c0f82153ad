//! A short way across the boundary of any model: the closed form of a linear model, again and again.
//!
//! ```text
//! δ ← δ - z ∂z/∂x / |∂z/∂x|²        until the sign of z((x + (1 + o) δ)) is no longer that of z(x)
//! ```
//! o is the overshoot. Moosavi-Dezfooli, Fawzi and Frossard, "DeepFool", CVPR 2016. For a linear model one step is
//! exact. Otherwise δ is short, not shortest. Cost: one gradient of all samples a step.

use super::{Attack, Score, check_answers, check_samples, perturb};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::nn::probe::euclidean_norm;
use crate::scalar::Scalar;

/// Options of [`deep_fool`].
///
/// # Examples
/// ```
/// use brenier::nn::adversarial::DeepFoolOptions;
/// assert_eq!(DeepFoolOptions::default().with_max_iterations(10).overshoot, 0.02);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DeepFoolOptions {
    /// o: how much further than the boundary. Default 0.02.
    pub overshoot: f64,
    /// Largest number of steps. Default 50.
    pub max_iterations: u64,
}

impl Default for DeepFoolOptions {
    fn default() -> Self {
        Self { overshoot: 0.02, max_iterations: 50 }
    }
}

impl DeepFoolOptions {
    /// Sets o.
    pub fn with_overshoot(mut self, overshoot: f64) -> Self {
        self.overshoot = overshoot;
        self
    }

    /// Sets the largest number of steps.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }
}

/// A short perturbation of every sample that changes the sign of its score. Which samples were flipped is in the answer: where the gradient
/// vanishes on the way, or the steps run out, a sample is not.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NotFiniteEntry`] for samples that do not fit; [`Error::Argument`] for a negative overshoot;
/// [`Error::NotFinite`], [`Error::NotFiniteEntry`] for scores or gradients that overflow.
///
/// # Examples
/// See [`ScoreFunction`](super::ScoreFunction).
pub fn deep_fool<'a, M: Score<T>, T: Scalar>(
    model: &M,
    x: impl Into<MatrixView<'a, T>>,
    options: &DeepFoolOptions,
) -> Result<Attack<T>> {
    let x = x.into();
    check_samples("deep_fool", model, x)?;
    let (name, value) = ("overshoot", options.overshoot);
    if !(value >= 0.0 && value.is_finite()) {
        return Err(Error::Argument { name, value, requirement: "it must be finite and not negative" });
    }
    let overshoot = T::from_f64(1.0 + value);
    let mut perturbations = Matrix::zeros(x.rows(), x.columns());
    let mut moved = x.to_matrix();
    let mut gradients = Matrix::zeros(x.rows(), x.columns());
    let mut scores = vec![T::ZERO; x.rows()];
    let mut workspace = M::Workspace::default();
    model.scores_into(x, &mut workspace, &mut scores)?;
    check_answers(&scores, None)?;
    let before: Vec<bool> = scores.iter().map(|&z| z > T::ZERO).collect();
    let mut flipped = vec![false; x.rows()];
    for _ in 0..options.max_iterations {
        if flipped.iter().all(|&flipped| flipped) {
            break;
        }
        model.gradients_into(moved.view(), &mut workspace, &mut scores, gradients.view_mut())?;
        check_answers(&scores, Some(&gradients))?;
        for row in (0..x.rows()).filter(|&row| !flipped[row]) {
            let gradient = gradients.row(row);
            let length = euclidean_norm(gradient);
            if length > 0.0 {
                let factor = T::from_f64(-scores[row].to_f64() / length / length) * overshoot;
                let delta = perturbations.row_mut(row).iter_mut();
                delta.zip(gradient).for_each(|(delta, &g)| *delta += factor * g);
            }
        }
        perturb(x, &perturbations, &mut moved);
        model.scores_into(moved.view(), &mut workspace, &mut scores)?;
        check_answers(&scores, None)?;
        for row in 0..x.rows() {
            flipped[row] = (scores[row] > T::ZERO) != before[row];
        }
    }
    Ok(Attack { perturbations, scores, flipped })
}
