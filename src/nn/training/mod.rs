//! Training a [`Network`](super::Network), as [`Mlp`](super::Mlp) and [`Sequential`](super::Sequential) are: one
//! guarded step, and the loop over mini-batches of a data set.
//!
//! A step is forward, loss, backward, clipping, optimiser. It looks at the loss and at the norm of the gradient
//! before anything changes: where one of them is not finite, training stops with a [`Status::NotFinite`] that names
//! step and [`Place`], and the weights are those of the last step whose loss and gradient were finite. It looks at
//! the weights after the step, too: a step that overflows is undone. Cost of that guard: one reading of the gradient,
//! one copy and one reading of the parameters a step.
//!
//! `step` is the guarded step, `fit` the loop.

mod fit;
mod step;

pub use fit::{Training, TrainingOptions, TrainingProgress, fit};
pub use step::{Place, Status, StepOutcome, Trainer};
