//! Layers and small models with hand-written forward and backward passes, their losses, optimisers and checkpoints.
//!
//! # Conventions
//! A batch is a [`Matrix`](crate::Matrix) with a sample in each row. All parameters of a model lie in **one slice**
//! ([`Parameters`]), tensor after tensor, and so does their gradient: an optimiser is one loop over two slices, and a checkpoint is a
//! list of names and ranges. The weight of a linear layer is (out, inp), row-major, as in PyTorch: `y = x Wᵀ + b`.
//!
//! Gradients of parameters **accumulate** (`+=`): clear them before a step. Gradients of inputs and activations are written (`=`).
//!
//! # What is here
//! | room | |
//! | --- | --- |
//! | [`mlp`], [`linear`], [`Activation`] | multilayer perceptrons with passes of first and second order |
//! | [`sequential`] | chains of layers, as PyTorch's `nn.Sequential` |
//! | [`icnn`] | input-convex networks, partially too: their gradients are Brenier maps |
//! | [`rbm`] | restricted Boltzmann machines: training, exact enumeration, annealed importance sampling |
//! | [`probe`] | logistic regression and its certificate, mean-difference probes, how good they are |
//! | [`adversarial`] | smallest flips and attacks on anything with an input gradient |
//! | [`Dropout`], [`LayerNorm`], [`FourierFeatures`] | layers to put between |
//! | [`loss`], [`optim`], [`initialisation`], [`training`] | what training needs |
//! | [`checkpoint`] | models and optimisers in safetensors files, which PyTorch reads and writes |
//!
//! # Chains
//! A [`Sequential`] is built of layers that fit: [`Linear`], an [`Activation`], [`LayerNorm`], [`Dropout`],
//! [`FourierFeatures`], a whole [`Mlp`]. It has forward, backward and evaluation as an [`Mlp`] has, an optimiser and
//! a checkpoint take it alike, and so does [`training::fit`], which asks for no more than a [`Network`].
//! ```
//! use brenier::nn::{Activation, LayerNorm, Linear, Parameters, Sequential};
//! use brenier::random::RandomStream;
//! let mut stream = RandomStream::new(0);
//! let chain = Sequential::<f32>::new([
//!     Linear::new(2, 64, true, &mut stream)?.into(),
//!     LayerNorm::new(64)?.into(),
//!     Activation::Silu.into(),
//!     Linear::new(64, 1, true, &mut stream)?.into(),
//! ])?;
//! let names: Vec<String> = chain.tensors().into_iter().map(|tensor| tensor.name).collect();
//! assert_eq!(names, ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]); // PyTorch's
//! # Ok::<(), brenier::Error>(())
//! ```
//! Choose an [`Mlp`] where linear layers and activations are all there is: same speed, and passes of second order besides.
//!
//! The tape of [`autodiff`](crate::autodiff) is the second way to every gradient here, and the tests compare them.

pub(crate) mod activation;
pub mod adversarial;
pub mod checkpoint;
mod dropout;
mod fourier;
pub mod icnn;
pub mod initialisation;
mod layer_norm;
pub mod linear;
pub mod loss;
pub mod mlp;
mod network;
pub mod optim;
mod parameters;
pub mod probe;
pub mod rbm;
pub mod sequential;
pub mod training;

pub use activation::Activation;
pub use dropout::Dropout;
pub use fourier::FourierFeatures;
pub use icnn::{Icnn, IcnnOptions, IcnnWorkspace, PartialIcnn, PartialIcnnOptions, PartialIcnnWorkspace};
pub use layer_norm::{LayerNorm, LayerNormMemory};
pub use linear::Linear;
pub use mlp::{Mlp, MlpOptions, MlpWorkspace};
pub use network::Network;
pub use parameters::{Constant, Parameters, TensorPlace};
pub use probe::Probe;
pub use rbm::Rbm;
pub use sequential::{Sequential, SequentialWorkspace};

use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;

/// Refuses a batch that is empty or has the wrong number of columns.
pub(crate) fn check_batch<T: Scalar>(
    operation: &'static str,
    what: &'static str,
    x: MatrixView<'_, T>,
    columns: usize,
) -> Result<()> {
    if x.rows() == 0 {
        return Err(Error::Empty { what: "the batch" });
    }
    if x.columns() != columns {
        return Err(Error::Shape { operation, what, expected: columns, got: x.columns() });
    }
    Ok(())
}

/// Refuses a gradient of another length than the parameters.
pub(crate) fn check_gradient<T>(operation: &'static str, parameters: usize, gradient: &[T]) -> Result<()> {
    if gradient.len() == parameters {
        return Ok(());
    }
    Err(Error::Shape {
        operation,
        what: "the length of the gradient",
        expected: parameters,
        got: gradient.len(),
    })
}

/// What a matrix is, in an error about its shape: its rows, and its columns.
pub(crate) type Sides = [&'static str; 2];
/// The gradient of a loss in the output.
pub(crate) const OUTPUT_GRADIENT: Sides =
    ["rows of the gradient in the output", "columns of the gradient in the output"];
/// The gradient of a loss in the input.
pub(crate) const INPUT_GRADIENT: Sides =
    ["rows of the gradient in the input", "columns of the gradient in the input"];
/// A direction in the input.
pub(crate) const DIRECTION: Sides = ["rows of the direction", "columns of the direction"];
/// The output.
pub(crate) const OUTPUT: Sides = ["rows of the output", "columns of the output"];

/// Refuses a matrix of another shape.
pub(crate) fn check_shape(
    operation: &'static str,
    sides: Sides,
    expected: (usize, usize),
    got: (usize, usize),
) -> Result<()> {
    for (what, expected, got) in [(sides[0], expected.0, got.0), (sides[1], expected.1, got.1)] {
        if expected != got {
            return Err(Error::Shape { operation, what, expected, got });
        }
    }
    Ok(())
}
