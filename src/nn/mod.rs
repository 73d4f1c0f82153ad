//! Layers and small models with hand-written forward and backward passes, their losses, optimisers and checkpoints.
//!
//! # Conventions
//! A batch is a [`Matrix`](crate::Matrix) with a sample in each row. All parameters of a model lie in **one slice**
//! ([`Parameters`]), tensor after tensor, and so does their gradient: an optimiser is one loop over two slices, and a checkpoint is a
//! list of names and ranges. The weight of a linear layer is (out, inp), row-major, as in PyTorch: `y = x Wᵀ + b`.
//!
//! Gradients of parameters **accumulate** (`+=`): clear them before a step. Gradients of inputs and activations are written (`=`).

mod parameters;
pub mod rbm;

pub use parameters::{Parameters, TensorPlace};
pub use rbm::Rbm;
