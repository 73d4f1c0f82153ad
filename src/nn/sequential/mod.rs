//! A chain of layers, each of which takes what the one before it gives: `y = f_L(… f_2(f_1(x)))`.
//!
//! | pass | what it gives |
//! | --- | --- |
//! | [`evaluate`](Sequential::evaluate) | `y(x)`, dropout left out, nothing kept |
//! | [`forward`](Sequential::forward) | `y(x)` in training or in evaluation, and keeps what the passes below need |
//! | [`backward`](Sequential::backward) | from `dy` the gradients in the parameters and in x |
//! | [`input_gradient`](Sequential::input_gradient) | `Jᵀ u` for every sample |
//!
//! Passes are written by hand, as those of each [`Layer`] are. An activation after a linear layer joins that layer's
//! pass (bias, value and slope in one reading), so a chain of linear layers and activations has the speed and the
//! bits of the [`Mlp`](crate::nn::Mlp) of the same layers and parameters; that one also has the passes of second order, which a
//! chain has not. A [`SequentialWorkspace`] holds all that lies between the passes. It grows with the largest batch
//! that it has seen; after that nothing is allocated here.
//!
//! # Names
//! Tensors are numbered by their layer, counting those that learn nothing: `0.weight`, `0.bias`, `2.weight`, …, as in
//! PyTorch's `nn.Sequential`, so that a [checkpoint](crate::nn::checkpoint) of one loads into the other. A whole
//! [`Mlp`](crate::nn::Mlp) keeps its names behind its number: `1.layers.0.weight`. The frequencies of
//! [`FourierFeatures`] go along as a [constant](crate::nn::Parameters::constants), `0.frequencies`, like a buffer of
//! that name.
//!
//! # Dropout
//! A chain does not change in a pass. In step k of a training, layer i draws its zeros from child k of child i of the
//! stream that its [`Dropout`](crate::nn::Dropout) was made with: the same step gives the same bits, for any number
//! of threads, and two layers with the same stream differ.
//!
//! Files: `layer` is what a chain is made of, `stage` what becomes of it, `passes` holds the passes, forward above
//! backward, `workspace` their memory.

mod layer;
mod passes;
mod stage;
mod workspace;

pub use layer::Layer;
pub use passes::Mode;
pub use workspace::SequentialWorkspace;

use super::{Constant, FourierFeatures, Parameters, TensorPlace};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use stage::{Operation, Stage};

/// A chain of layers. See the [module](self) for its passes, names and dropout.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::{Activation, Dropout, LayerNorm, Linear, Parameters, Sequential};
/// use brenier::nn::loss::{MeanSquaredError, Targets};
/// use brenier::nn::optim::{Adam, AdamOptions};
/// use brenier::nn::training::{TrainingOptions, fit};
/// use brenier::random::RandomStream;
/// use std::ops::ControlFlow;
///
/// let mut stream = RandomStream::new(1);
/// let mut chain = Sequential::<f32>::new([
///     Linear::new(1, 32, true, &mut stream)?.into(),
///     LayerNorm::new(32)?.into(),
///     Activation::Silu.into(),
///     Dropout::new(0.05, stream.split(0))?.into(),
///     Linear::new(32, 1, true, &mut stream)?.into(),
/// ])?;
/// assert_eq!(chain.tensors().last().unwrap().name, "4.bias");
///
/// let x: Matrix<f32> = stream.normal_matrix(256, 1);
/// let y = x.map(|x| x.sin());
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.01))?;
/// let options = TrainingOptions::default().with_epochs(20);
/// let training = fit(
///     &mut chain, x.view(), &Targets::from(&y), &MeanSquaredError::default(), &mut adam, &options, &mut stream,
///     &mut |_| ControlFlow::Continue(()),
/// )?;
/// assert!(training.epoch_losses[19] < 0.2 * training.epoch_losses[0]);
/// let prediction = chain.apply(&x)?; // without dropout
/// # assert_eq!(prediction.shape(), (256, 1));
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Sequential<T> {
    /// What each layer is, as text.
    layers: Vec<String>,
    stages: Vec<Stage>,
    parameters: Vec<T>,
    tensors: Vec<TensorPlace>,
}

/// The layers and the number of parameters, not the parameters.
impl<T> std::fmt::Debug for Sequential<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sequential")
            .field("layers", &self.layers)
            .field("parameters", &self.parameters.len())
            .finish()
    }
}

impl<T: Scalar> Sequential<T> {
    /// The chain of these layers, first to last. Its parameters begin as theirs.
    ///
    /// # Errors
    /// [`Error::LayerWidths`] where a layer does not take what the one before it gives, [`Error::Empty`] without
    /// layers, [`Error::Unsupported`] if all of them take any width, and [`Error::Argument`] for an activation with a
    /// parameter that is not finite.
    pub fn new(layers: impl IntoIterator<Item = Layer<T>>) -> Result<Self> {
        let layers: Vec<Layer<T>> = layers.into_iter().collect();
        if layers.is_empty() {
            return Err(Error::Empty { what: "the chain of layers" });
        }
        check_widths(&layers)?;
        let Some((mut width, _)) = layers.iter().find_map(Layer::widths) else {
            let requirement = "a layer that has a width of its own (not only activations and dropout)";
            return Err(Error::Unsupported { operation: "Sequential::new", requirement });
        };
        let mut chain = Sequential {
            layers: Vec::new(),
            stages: Vec::new(),
            parameters: Vec::new(),
            tensors: Vec::new(),
        };
        for (index, layer) in layers.iter().enumerate() {
            let start = chain.parameters.len();
            stage::append(&mut chain.stages, index, layer, width, start)?;
            chain.tensors.extend(layer.tensors().into_iter().map(|TensorPlace { name, shape, range }| {
                let range = start + range.start..start + range.end;
                TensorPlace { name: format!("{index}.{name}"), shape, range }
            }));
            chain.parameters.extend_from_slice(layer.parameters());
            chain.layers.push(layer.to_string());
            width = layer.widths().map_or(width, |(_, out)| out);
        }
        Ok(chain)
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.stages[0].inp
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.stages[self.stages.len() - 1].out
    }

    /// Number of layers, as given: those that learn nothing count.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }
}

/// Refuses a layer that does not take what the last one with a width before it gives.
fn check_widths<T: Scalar>(layers: &[Layer<T>]) -> Result<()> {
    let mut before: Option<(usize, usize)> = None;
    for (index, layer) in layers.iter().enumerate() {
        let Some((inp, out)) = layer.widths() else { continue };
        match before {
            Some((from, gives)) if gives != inp => {
                return Err(Error::LayerWidths {
                    before: from,
                    name_before: layers[from].to_string(),
                    gives,
                    layer: index,
                    name: layer.to_string(),
                    takes: inp,
                });
            }
            _ => before = Some((index, out)),
        }
    }
    Ok(())
}

impl<T: Scalar> Parameters<T> for Sequential<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    /// `0.weight`, `0.bias`, `2.weight`, …: the number of the layer, then its own name for the tensor.
    fn tensors(&self) -> Vec<TensorPlace> {
        self.tensors.clone()
    }

    /// The frequencies of Fourier features, (pairs, inputs), in turns for a unit: `0.frequencies`.
    fn constants(&self) -> Vec<Constant> {
        let constant = |stage: &Stage| {
            let Operation::FourierFeatures(features) = &stage.operation else { return None };
            let frequencies = features.frequencies();
            Some(Constant {
                name: format!("{}.frequencies", stage.layer),
                shape: vec![frequencies.rows(), frequencies.columns()],
                values: frequencies.as_slice().to_vec(),
                required: true,
            })
        };
        self.stages.iter().filter_map(constant).collect()
    }

    fn set_constants(&mut self, constants: &[Constant]) -> Result<()> {
        let mut stages = self.stages.clone();
        let embeddings = stages.iter_mut().filter_map(|stage| match &mut stage.operation {
            Operation::FourierFeatures(features) => Some(features),
            _ => None,
        });
        for (features, constant) in embeddings.zip(constants) {
            let (pairs, inputs) = features.frequencies().shape();
            let frequencies = Matrix::from_vec(pairs, inputs, constant.values.clone())?;
            *features = FourierFeatures::from_frequencies(frequencies)?;
        }
        self.stages = stages;
        Ok(())
    }
}
