//! What the solver is asked for.

use crate::error::{Error, Result};

/// Options of [`fit_likelihood`](super::fit_likelihood).
///
/// # Examples
/// ```
/// use brenier::nn::probe::LikelihoodOptions;
/// let options = LikelihoodOptions::default().with_loss_weight(10.0).with_bias(true);
/// assert_eq!((options.penalty, options.tolerance), (1.0, 1e-12));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LikelihoodOptions {
    /// λ. Default 1; 0 is maximum likelihood.
    pub penalty: f64,
    /// C. Default 1.
    pub loss_weight: f64,
    /// Whether the probe has a bias, which is not penalised. Default false.
    pub bias: bool,
    /// The gap at which the solver ends, relative to the objective; with λ = 0, the same for the norm of the
    /// gradient, relative to that at zero. Default 1e-12.
    pub tolerance: f64,
    /// Largest number of Newton steps. Default 100.
    pub max_iterations: u64,
    /// Largest number of conjugate gradients in one of them. Default 1000.
    pub max_inner: u64,
}

impl Default for LikelihoodOptions {
    fn default() -> Self {
        Self {
            penalty: 1.0,
            loss_weight: 1.0,
            bias: false,
            tolerance: 1e-12,
            max_iterations: 100,
            max_inner: 1000,
        }
    }
}

impl LikelihoodOptions {
    /// Sets λ.
    pub fn with_penalty(mut self, penalty: f64) -> Self {
        self.penalty = penalty;
        self
    }

    /// Sets C.
    pub fn with_loss_weight(mut self, loss_weight: f64) -> Self {
        self.loss_weight = loss_weight;
        self
    }

    /// Sets whether there is a bias.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Sets the tolerance.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest number of Newton steps.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the largest number of conjugate gradients in a step.
    pub fn with_max_inner(mut self, max_inner: u64) -> Self {
        self.max_inner = max_inner;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        for (name, value) in [("penalty", self.penalty), ("tolerance", self.tolerance)] {
            if !(value >= 0.0 && value.is_finite()) {
                let requirement = "it must be finite and not negative";
                return Err(Error::Argument { name, value, requirement });
            }
        }
        let value = self.loss_weight;
        if !(value > 0.0 && value.is_finite()) {
            let requirement = "it must be finite and positive";
            return Err(Error::Argument { name: "loss weight", value, requirement });
        }
        Ok(())
    }
}
