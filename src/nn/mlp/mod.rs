//! The multilayer perceptron: linear layers with an activation between them, and every pass written by hand.
//!
//! ```text
//! a_0 = x,   z_l = a_(l-1) W_lᵀ + b_l,   a_l = f(z_l) for l < L,   a_L = g(z_L)
//! ```
//! f is the activation, g the output activation (the identity by default). A batch is a matrix with a sample in each row.
//!
//! | pass | what it gives | products |
//! | --- | --- | --- |
//! | [`evaluate`](Mlp::evaluate) | `y(x)` | 1 |
//! | [`forward`](Mlp::forward) | the same, and keeps what the passes below need | 1 |
//! | [`backward`](Mlp::backward) | from `dy` the gradients in the parameters and in x | 2 |
//! | [`input_gradient`](Mlp::input_gradient) | `Jᵀ u` for every sample | 1 |
//! | [`jacobian_vector_product`](Mlp::jacobian_vector_product) | `J w` for every sample | 1 |
//! | [`input_gradient_backward`](Mlp::input_gradient_backward) | the backward pass of `Jᵀ u`: second derivatives | 5 |
//!
//! (In units of `2 batch Σ inp out` flops.) A [`MlpWorkspace`] holds all that lies between the passes. It grows with
//! the largest batch that it has seen; after that nothing is allocated here.
//!
//! Other losses go over the tape: [`record`](Mlp::record) puts the network there.
//!
//! Files: `options` builds a network, `workspace` is its memory, `first_order` and `second_order` hold the passes,
//! forward above backward; `record` is the way onto the tape.

mod first_order;
mod options;
mod record;
mod second_order;
mod workspace;

pub use options::MlpOptions;
pub use record::RecordedMlp;
pub use workspace::MlpWorkspace;

use super::{Activation, Parameters, TensorPlace};
use crate::Scalar;
use crate::error::Result;
use crate::random::RandomStream;
use std::ops::Range;

/// One layer's place among the parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layer {
    pub(super) inp: usize,
    pub(super) out: usize,
    pub(super) weight: Range<usize>,
    pub(super) bias: Option<Range<usize>>,
    pub(super) activation: Activation,
}

/// A multilayer perceptron. See the [module](self) for formulas and passes.
///
/// # Examples
/// One step of gradient descent on a squared error:
/// ```
/// use brenier::Matrix;
/// use brenier::nn::{Activation, Mlp, MlpWorkspace, Parameters};
/// use brenier::random::RandomStream;
///
/// let mut mlp = Mlp::<f64>::new(&[2, 16, 1], Activation::Tanh, &mut RandomStream::new(1))?;
/// let x = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let mut workspace = MlpWorkspace::new();
/// let error = |mlp: &Mlp<f64>| -> Result<f64, brenier::Error> {
///     Ok(mlp.apply(&x)?.as_slice().iter().map(|y| (y - 1.0) * (y - 1.0)).sum())
/// };
/// let before = error(&mlp)?;
///
/// let y = mlp.forward(&x, &mut workspace)?;
/// let dy = Matrix::from_fn(2, 1, |row, _| 2.0 * (y[(row, 0)] - 1.0));
/// let mut gradient = vec![0.0; mlp.parameters().len()];
/// mlp.backward(&dy, &mut workspace, &mut gradient, None)?;
/// for (parameter, slope) in mlp.parameters_mut().iter_mut().zip(&gradient) {
///     *parameter -= 0.01 * slope;
/// }
/// assert!(error(&mlp)? < before);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Mlp<T> {
    layers: Vec<Layer>,
    parameters: Vec<T>,
}

/// Widths, activations and the number of parameters, not the parameters.
impl<T> std::fmt::Debug for Mlp<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let last = &self.layers[self.layers.len() - 1];
        let widths: Vec<usize> = self.layers.iter().map(|layer| layer.inp).chain([last.out]).collect();
        formatter
            .debug_struct("Mlp")
            .field("widths", &widths)
            .field("activation", &self.layers[0].activation)
            .field("output_activation", &last.activation)
            .field("bias", &last.bias.is_some())
            .field("parameters", &self.parameters.len())
            .finish()
    }
}

impl<T: Scalar> Mlp<T> {
    /// A network with these widths, from the inputs to the outputs, biases, this activation between its layers, none at its
    /// end, and PyTorch's initial values. [`MlpOptions`] has the other choices.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for fewer than two widths, [`Error::Empty`](crate::Error::Empty) for a width of zero.
    pub fn new(widths: &[usize], activation: Activation, stream: &mut RandomStream) -> Result<Self> {
        MlpOptions::new(widths).with_activation(activation).build(stream)
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.layers[0].inp
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].out
    }

    /// The widths, from the inputs to the outputs.
    pub fn widths(&self) -> Vec<usize> {
        std::iter::once(self.inputs()).chain(self.layers.iter().map(|layer| layer.out)).collect()
    }

    /// Number of linear layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }

    /// Floating-point operations of the products of one training step (forward and backward, no gradient in x) for one sample.
    ///
    /// `2 inp out` for each product; the first layer has no gradient in its input.
    pub fn training_flops(&self) -> f64 {
        let all: usize = self.layers.iter().map(|layer| 6 * layer.inp * layer.out).sum();
        (all - 2 * self.layers[0].inp * self.layers[0].out) as f64
    }

    /// The layers' places among the parameters, first to last.
    pub(super) fn places(&self) -> &[Layer] {
        &self.layers
    }

    fn weight(&self, layer: usize) -> &[T] {
        &self.parameters[self.layers[layer].weight.clone()]
    }

    fn bias(&self, layer: usize) -> Option<&[T]> {
        self.layers[layer].bias.clone().map(|range| &self.parameters[range])
    }
}

impl<T: Scalar> Parameters<T> for Mlp<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    /// `layers.0.weight` (out, inp), `layers.0.bias` (out), `layers.1.weight`, …
    fn tensors(&self) -> Vec<TensorPlace> {
        let mut tensors = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            tensors.push(TensorPlace {
                name: format!("layers.{index}.weight"),
                shape: vec![layer.out, layer.inp],
                range: layer.weight.clone(),
            });
            if let Some(bias) = &layer.bias {
                tensors.push(TensorPlace {
                    name: format!("layers.{index}.bias"),
                    shape: vec![layer.out],
                    range: bias.clone(),
                });
            }
        }
        tensors
    }
}
