//! What a caller may set, and what is answered.

use crate::error::{Error, Result};
use crate::ot::sinkhorn::gradient::Loss;

/// How the gradient of a loss comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Differentiation {
    /// dL/dC = P: the derivative of [`Loss::Dual`] and [`Loss::EntropicPrimal`] at convergence (the envelope
    /// theorem). Of [`Loss::TransportCost`] it is the part with the plan held fixed, a common training signal but not
    /// the derivative.
    #[default]
    Envelope,
    /// The derivative of what the iterations have made, converged or not: what a framework's automatic differentiation gives.
    Unrolled,
    /// The derivative at the fixed point by the implicit function theorem: [`Loss::TransportCost`]'s when converged;
    /// the others' is the envelope's.
    Implicit,
}

/// Options of a [`SinkhornLoss`](super::SinkhornLoss).
///
/// # Examples
/// ```
/// use brenier::ot::sinkhorn::gradient::Loss;
/// use brenier::ot::sinkhorn::minibatch::{Differentiation, Options};
/// let options = Options::new(0.01).with_loss(Loss::TransportCost).with_differentiation(Differentiation::Unrolled);
/// assert_eq!((options.iterations, options.tolerance), (100, 1e-6));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// ε, in units of the cost. Default 0.1.
    pub epsilon: f64,
    /// Largest number of iterations. Default 100.
    pub iterations: usize,
    /// Σ |P 1 - μ| below which to end; 0 for a fixed number of iterations. Default 1e-6.
    pub tolerance: f64,
    /// Which loss.
    pub loss: Loss,
    /// How its gradient is taken.
    pub differentiation: Differentiation,
    /// Whether half the loss of each cloud with itself is taken off: the Sinkhorn divergence, which is zero between
    /// equal clouds. Default false.
    pub debiased: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            epsilon: 0.1,
            iterations: 100,
            tolerance: 1e-6,
            loss: Loss::default(),
            differentiation: Differentiation::default(),
            debiased: false,
        }
    }
}

impl Options {
    /// The defaults with this ε.
    pub fn new(epsilon: f64) -> Self {
        Options { epsilon, ..Self::default() }
    }

    /// Sets the largest number of iterations.
    pub fn with_iterations(mut self, iterations: usize) -> Self {
        self.iterations = iterations;
        self
    }

    /// Sets the error of the marginals at which to end.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the loss.
    pub fn with_loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Sets how the gradient is taken.
    pub fn with_differentiation(mut self, differentiation: Differentiation) -> Self {
        self.differentiation = differentiation;
        self
    }

    /// Sets whether half the loss of each cloud with itself is taken off.
    pub fn with_debiased(mut self, debiased: bool) -> Self {
        self.debiased = debiased;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        for (name, value, holds, requirement) in [
            (
                "epsilon",
                self.epsilon,
                self.epsilon > 0.0 && self.epsilon.is_finite() && (1.0 / self.epsilon).is_finite(),
                "it must be positive and finite",
            ),
            ("iterations", self.iterations as f64, self.iterations > 0, "there must be one at least"),
            (
                "tolerance",
                self.tolerance,
                (0.0..1.0).contains(&self.tolerance),
                "it must be at least 0 and below 1",
            ),
        ] {
            if !holds {
                return Err(Error::Argument { name, value, requirement });
            }
        }
        Ok(())
    }
}

/// A loss and how its iterations went.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The loss.
    pub value: f64,
    /// Iterations made between the two clouds.
    pub iterations: usize,
    /// How many of them were made in the log domain.
    pub logarithmic: usize,
    /// Σ |P 1 - μ| after the last iteration; Pᵀ 1 = ν up to rounding.
    pub marginal_error: f64,
}
