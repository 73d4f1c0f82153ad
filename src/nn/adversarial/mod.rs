//! Small changes of an input that change what a classifier says of it.
//!
//! The classifier gives each input x a score z(x), and says class 1 where z > 0. Everything here asks of it value and
//! input gradient only ([`Score`]): a linear [`Probe`](super::probe::Probe), a [`Mlp`](super::Mlp) with one output,
//! or a function of the user's own ([`ScoreFunction`]).
//!
//! | function | the perturbation δ that it looks for | how |
//! | --- | --- | --- |
//! | [`smallest_flip`] | the shortest that takes x to the boundary of a linear probe | closed form |
//! | [`fast_gradient_sign`] | the worst in `\|δ\|∞ <= r`, to first order | one gradient |
//! | [`projected_gradient`] | the worst in an L2 or L∞ ball | steps, each projected back into the ball |
//! | [`penalised`] | one for all samples: least mean cross-entropy to a wanted class + `λ \|δ\|²` | Adam |
//! | [`deep_fool`] | a short one that takes x across the boundary of any model | the closed form on a linear model of z, again and again |
//!
//! [`transfer`] puts one perturbation on other samples, and [`random_flip_rates`] asks what directions drawn at
//! random do at the same length.
//!
//! A linear probe has no other way to be tricked than along its own direction: `z(x + δ) = z(x) + w · δ`, so only the
//! part of δ along w counts, and a δ that moves one sample across moves all by the same amount.

mod ball;
mod deep_fool;
mod flip;
mod penalised;
mod score;
mod transfer;

pub use ball::{BallOptions, fast_gradient_sign, projected_gradient};
pub use deep_fool::{DeepFoolOptions, deep_fool};
pub use flip::smallest_flip;
pub use penalised::{PenalisedOptions, PenalisedStatus, Perturbation, penalised, penalised_with};
pub use score::{Score, ScoreFunction};
pub use transfer::{Transfer, cosine, random_flip_rates, transfer};

use super::check_batch;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::scalar::Scalar;

/// How the length of a perturbation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Norm {
    /// L2: the root of the sum of squares. The default.
    #[default]
    Euclidean,
    /// L∞: the largest entry.
    Maximum,
}

impl Norm {
    /// The length of a vector, in double precision.
    ///
    /// # Examples
    /// ```
    /// use brenier::nn::adversarial::Norm;
    /// assert_eq!(Norm::Euclidean.of(&[3.0, -4.0]), 5.0);
    /// assert_eq!(Norm::Maximum.of(&[3.0, -4.0]), 4.0);
    /// ```
    pub fn of<T: Scalar>(self, vector: &[T]) -> f64 {
        match self {
            Norm::Euclidean => super::probe::euclidean_norm(vector),
            Norm::Maximum => vector.iter().map(|value| value.to_f64().abs()).fold(0.0, f64::max),
        }
    }
}

/// A perturbation for each sample, and what it does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Attack<T> {
    /// δ, a row for each sample.
    pub perturbations: Matrix<T>,
    /// z(x + δ).
    pub scores: Vec<T>,
    /// Whether the sample is now on the other side: of its label where labels were given, else of where it was.
    pub flipped: Vec<bool>,
}

impl<T> Attack<T> {
    /// The share of samples that were flipped.
    pub fn flip_rate(&self) -> f64 {
        self.flipped.iter().filter(|&&flipped| flipped).count() as f64 / self.flipped.len() as f64
    }
}

/// Refuses samples that do not fit the model, or are not finite.
fn check_samples<T: Scalar>(
    operation: &'static str,
    model: &impl Score<T>,
    x: MatrixView<'_, T>,
) -> Result<()> {
    check_batch(operation, "columns of the input", x, model.inputs())?;
    x.check_finite("input")
}

/// Refuses a radius that is negative or not finite.
fn check_radius<T: Scalar>(radius: T) -> Result<()> {
    if radius >= T::ZERO && radius.is_finite() {
        return Ok(());
    }
    let requirement = "it must be finite and not negative";
    Err(Error::Argument { name: "radius", value: radius.to_f64(), requirement })
}

/// Refuses scores or gradients that are not finite: the model overflowed, or has such numbers in it.
fn check_answers<T: Scalar>(scores: &[T], gradients: Option<&Matrix<T>>) -> Result<()> {
    if let Some(index) = scores.iter().position(|z| !z.is_finite()) {
        return Err(Error::NotFinite { what: "scores of the model", index, value: scores[index].to_f64() });
    }
    match gradients {
        Some(gradients) => gradients.view().check_finite("input gradients of the model"),
        None => Ok(()),
    }
}

/// `x + δ`, written over `out`.
fn perturb<T: Scalar>(x: MatrixView<'_, T>, perturbations: &Matrix<T>, out: &mut Matrix<T>) {
    for row in 0..x.rows() {
        let sums = x.row(row).iter().zip(perturbations.row(row));
        for (out, (&x, &delta)) in out.row_mut(row).iter_mut().zip(sums) {
            *out = x + delta;
        }
    }
}
