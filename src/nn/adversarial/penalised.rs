//! One perturbation for all samples, found by gradient descent, that a penalty keeps small.
//!
//! ```text
//! L(δ) = mean_i ln(1 + e^(-t z(x_i + δ))) + λ |δ|²,   t = +1 to be called class 1, -1 for class 0
//! ```
//! From δ = 0 by Adam. Szegedy and others, "Intriguing properties of neural networks", ICLR 2014, for the penalty;
//! one δ for many samples after Moosavi-Dezfooli and others, "Universal adversarial perturbations", CVPR 2017. Cost:
//! one gradient of all samples a step.

use super::{Score, check_answers, check_samples};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::nn::optim::{Adam, AdamOptions, Optimiser};
use crate::nn::probe::{euclidean_norm, inner};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Options of [`penalised`].
///
/// # Examples
/// ```
/// use brenier::nn::adversarial::PenalisedOptions;
/// let options = PenalisedOptions::default().with_penalty(0.1);
/// assert_eq!((options.learning_rate, options.steps), (1e-2, 500));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PenalisedOptions {
    /// λ. Default 0.
    pub penalty: f64,
    /// The class that the samples shall be called. Default 1.
    pub target: bool,
    /// Adam's learning rate. Default 1e-2.
    pub learning_rate: f64,
    /// Number of steps. Default 500.
    pub steps: u64,
}

impl Default for PenalisedOptions {
    fn default() -> Self {
        Self { penalty: 0.0, target: true, learning_rate: 1e-2, steps: 500 }
    }
}

impl PenalisedOptions {
    /// Sets λ.
    pub fn with_penalty(mut self, penalty: f64) -> Self {
        self.penalty = penalty;
        self
    }

    /// Sets the wanted class.
    pub fn with_target(mut self, target: bool) -> Self {
        self.target = target;
        self
    }

    /// Sets the learning rate.
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets the number of steps.
    pub fn with_steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }
}

/// How the descent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PenalisedStatus {
    /// All steps were taken.
    Finished,
    /// The observer stopped it.
    Stopped,
    /// The loss or its gradient were not finite after this many steps. δ is that of the step before.
    NotFinite {
        /// The number of steps.
        step: u64,
    },
}

/// A perturbation, and what the observer of [`penalised_with`] sees of it at every step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Perturbation<T> {
    /// δ.
    pub delta: Vec<T>,
    /// Steps so far.
    pub steps: u64,
    /// L(δ), penalty included.
    pub loss: f64,
    /// `|δ|`.
    pub norm: f64,
    /// z(x + δ) of every sample.
    pub scores: Vec<T>,
    /// How the descent ended; `Finished` while it goes on.
    pub status: PenalisedStatus,
}

/// One perturbation δ for all samples, by Adam on `mean_i ln(1 + e^(-t z(x_i + δ))) + λ |δ|²` from δ = 0, t = ±1 the
/// class they shall be called.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NotFiniteEntry`] for samples that do not fit; [`Error::Argument`] for options out of range;
/// [`Error::NotFinite`], [`Error::NotFiniteEntry`] where the model is not finite at the samples as they are.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::adversarial::{PenalisedOptions, penalised};
/// use brenier::nn::probe::Probe;
/// let probe = Probe::new(&[2.0, 0.0], None)?;
/// let x = Matrix::from_rows([[-1.0, 1.0]]);
/// let free = penalised(&probe, &x, &PenalisedOptions::default())?;
/// assert!(free.scores[0] > 0.0 && free.delta[1] == 0.0); // along w only
/// let small = penalised(&probe, &x, &PenalisedOptions::default().with_penalty(10.0))?;
/// assert!(small.norm < 0.1 && small.scores[0] < 0.0);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn penalised<'a, M: Score<T>, T: Scalar>(
    model: &M,
    x: impl Into<MatrixView<'a, T>>,
    options: &PenalisedOptions,
) -> Result<Perturbation<T>> {
    penalised_with(model, x, options, &mut |_| ControlFlow::Continue(()))
}

/// [`penalised`] with an observer that is told of every step and can stop.
///
/// # Errors
/// As [`penalised`].
pub fn penalised_with<'a, M: Score<T>, T: Scalar>(
    model: &M,
    x: impl Into<MatrixView<'a, T>>,
    options: &PenalisedOptions,
    observer: &mut dyn FnMut(&Perturbation<T>) -> ControlFlow<()>,
) -> Result<Perturbation<T>> {
    let x = x.into();
    check_samples("penalised", model, x)?;
    let (name, value) = ("penalty", options.penalty);
    if !(value >= 0.0 && value.is_finite()) {
        return Err(Error::Argument { name, value, requirement: "it must be finite and not negative" });
    }
    let mut adam = Adam::new(AdamOptions::default().with_learning_rate(options.learning_rate))?;
    let mut descent = Descent::<M, T> {
        model,
        x,
        sign: if options.target { 1.0 } else { -1.0 },
        penalty: options.penalty,
        moved: x.to_matrix(),
        gradients: Matrix::zeros(x.rows(), x.columns()),
        gradient: vec![T::ZERO; x.columns()],
        workspace: M::Workspace::default(),
    };
    let mut now = Perturbation {
        delta: vec![T::ZERO; x.columns()],
        steps: 0,
        loss: f64::NAN,
        norm: 0.0,
        scores: vec![T::ZERO; x.rows()],
        status: PenalisedStatus::Finished,
    };
    descent.evaluate(&mut now)?;
    let mut next = now.clone();
    while now.steps < options.steps {
        if observer(&now).is_break() {
            now.status = PenalisedStatus::Stopped;
            break;
        }
        adam.step(&mut next.delta, &descent.gradient)?;
        next.steps += 1;
        if descent.evaluate(&mut next).is_err() || !next.loss.is_finite() {
            now.status = PenalisedStatus::NotFinite { step: next.steps };
            break;
        }
        now.clone_from(&next);
    }
    Ok(now)
}

/// What a step needs.
struct Descent<'a, 'm, M: Score<T>, T: Scalar> {
    model: &'m M,
    x: MatrixView<'a, T>,
    sign: f64,
    penalty: f64,
    moved: Matrix<T>,
    gradients: Matrix<T>,
    gradient: Vec<T>,
    workspace: M::Workspace,
}

impl<M: Score<T>, T: Scalar> Descent<'_, '_, M, T> {
    /// Scores, loss and norm at δ, and the gradient of the loss in δ.
    fn evaluate(&mut self, at: &mut Perturbation<T>) -> Result<()> {
        for row in 0..self.x.rows() {
            let sums = self.x.row(row).iter().zip(&at.delta);
            self.moved.row_mut(row).iter_mut().zip(sums).for_each(|(out, (&x, &delta))| *out = x + delta);
        }
        let (moved, gradients) = (self.moved.view(), self.gradients.view_mut());
        self.model.gradients_into(moved, &mut self.workspace, &mut at.scores, gradients)?;
        check_answers(&at.scores, Some(&self.gradients))?;
        at.norm = euclidean_norm(&at.delta);
        at.loss = self.penalty * inner(&at.delta, &at.delta);
        let share = 1.0 / self.x.rows() as f64;
        let slope = T::from_f64(2.0 * self.penalty);
        self.gradient.iter_mut().zip(&at.delta).for_each(|(g, &delta)| *g = slope * delta);
        for (row, z) in at.scores.iter().enumerate() {
            let wrong = -self.sign * z.to_f64();
            let small = (-wrong.abs()).exp();
            at.loss += share * (wrong.max(0.0) + small.ln_1p());
            let chance = if wrong < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) };
            let factor = T::from_f64(-self.sign * chance * share);
            self.gradient.iter_mut().zip(self.gradients.row(row)).for_each(|(g, &dz)| *g += factor * dz);
        }
        Ok(())
    }
}
