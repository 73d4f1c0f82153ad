//! Optimisers, learning-rate schedules, gradient clipping and averages of weights.
//!
//! All parameters of a model lie in one slice and so does their gradient (see [`Parameters`](super::Parameters)), so
//! a step is one fused pass over parameters, gradient and moments, whatever the number of layers.
//!
//! | | update (`g` gradient, `θ` parameters, `η` learning rate) | memory traffic, bytes per `f32` parameter |
//! | --- | --- | --- |
//! | [`Sgd`] | `θ -= η g` | 12 |
//! | [`Sgd`] with momentum `μ` | `b = μ b + (1 - d) g`, `θ -= η b`; Nesterov: `θ -= η (g + μ b)` | 20 |
//! | [`Adam`] | `m += (1 - β₁)(g - m)`, `v = β₂ v + (1 - β₂) g²`, `θ -= η m̂ / (√v̂ + ε)` | 28 |
//!
//! Formulas and defaults are those of PyTorch, to where ε stands and which step the first bias correction belongs to; [`Adam`] is also
//! AdamW ([`AdamOptions::adamw`]) and AMSGrad. The tests compare them with numbers that PyTorch computed.
//!
//! # Determinism
//! A step treats each element on its own: the bits depend neither on the threads nor on where an element lies. State
//! can be taken out and put back ([`OptimiserState`]), after which the run goes on with the same bits.
//!
//! # Not finite
//! A gradient with NaN gives parameters with NaN, as arithmetic has it; a step costs no pass that looks for them.
//! [`gradient_norm`] and the clippings do look, and name the first such entry.

mod adam;
mod average;
mod clip;
mod groups;
mod plateau;
mod schedule;
mod sgd;
mod slices;
mod state;

pub use adam::{Adam, AdamOptions};
pub use average::{AverageStart, WeightAverage};
pub use clip::{clip_by_norm, clip_by_value, gradient_norm};
pub use groups::ParameterGroup;
pub use plateau::{PlateauOptions, ReduceOnPlateau};
pub use schedule::{Annealing, OneCycle, Schedule};
pub use sgd::{Sgd, SgdOptions};
pub use state::{Moment, OptimiserState};

use crate::Scalar;
use crate::error::{Error, Result};

/// What changes parameters along a gradient, step by step.
///
/// # Examples
/// The minimum of `(θ - 3)²`:
/// ```
/// use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
/// let mut theta = [0.0_f64];
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.1))?;
/// for _ in 0..500 {
///     let gradient = [2.0 * (theta[0] - 3.0)];
///     adam.step(&mut theta, &gradient)?;
/// }
/// assert!((theta[0] - 3.0).abs() < 1e-3);
/// # Ok::<(), brenier::Error>(())
/// ```
pub trait Optimiser<T: Scalar> {
    /// One step: changes `parameters` along `gradient`, and the state.
    ///
    /// The first step fixes the number of parameters and allocates the state; later ones allocate nothing.
    ///
    /// # Errors
    /// [`Error::Shape`] if the two lengths differ, or differ from those of the first step, or a parameter group
    /// reaches past the end. Nothing has changed then.
    fn step(&mut self, parameters: &mut [T], gradient: &[T]) -> Result<()>;

    /// The learning rate of the next step.
    fn learning_rate(&self) -> f64;

    /// Sets the learning rate of the next steps.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it is finite and not negative.
    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()>;

    /// Steps taken since the beginning or the last reset.
    fn steps(&self) -> u64;

    /// Forgets moments and steps, as if new; options and learning rate stay.
    fn reset(&mut self);

    /// A copy of all that later steps depend on, the options aside.
    fn state(&self) -> OptimiserState<T>;

    /// Goes on from a state that an optimiser of the same kind gave.
    ///
    /// # Errors
    /// [`Error::UnknownName`] for the state of another kind, [`Error::Shape`] for moments that are missing, too many
    /// or of different lengths, [`Error::Argument`] for a learning rate out of range. Nothing has changed then.
    fn restore(&mut self, state: OptimiserState<T>) -> Result<()>;
}

/// Refuses a number that is infinite, NaN or negative.
fn check_not_negative(name: &'static str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Argument { name, value, requirement: "it must be finite and not negative" })
}

/// Refuses a number outside [0, 1).
fn check_fraction(name: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Argument { name, value, requirement: "it must be at least 0 and below 1" })
}

/// Refuses a gradient that is not as long as the parameters.
fn check_gradient(operation: &'static str, parameters: usize, gradient: usize) -> Result<()> {
    if parameters == gradient {
        return Ok(());
    }
    Err(Error::Shape { operation, what: "length of the gradient", expected: parameters, got: gradient })
}
