//! One guarded training step.

use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::nn::loss::{Loss, Targets};
use crate::nn::optim::{Optimiser, clip_by_norm, gradient_norm};
use crate::nn::{MlpWorkspace, Network};
use crate::{Scalar, simd};
use std::fmt;

/// Where the first number that is not finite was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In the batch itself.
    Input {
        /// Row of the batch.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// In the activations of a layer, counted from 0.
    Layer {
        /// The layer.
        layer: usize,
        /// Row of the batch.
        row: usize,
        /// Unit of the layer.
        unit: usize,
    },
    /// In the loss of activations that are all finite.
    Loss,
    /// In the gradient of a tensor; loss and activations are finite.
    Gradient {
        /// The tensor's name.
        tensor: String,
        /// The element of it.
        index: usize,
    },
    /// In a tensor after the step itself: loss and gradient are finite, the step was too long.
    Weight {
        /// The tensor's name.
        tensor: String,
        /// The element of it.
        index: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Input { row, column } => write!(formatter, "row {row}, column {column} of the batch"),
            Place::Layer { layer, row, unit } => {
                write!(formatter, "layer {layer}, unit {unit}, at row {row} of the batch")
            }
            Place::Loss => formatter.write_str("the loss"),
            Place::Gradient { tensor, index } => {
                write!(formatter, "element {index} of the gradient of {tensor}")
            }
            Place::Weight { tensor, index } => {
                write!(formatter, "element {index} of {tensor} after the step")
            }
        }
    }
}

/// How training ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// All steps were taken.
    Completed,
    /// The observer stopped it.
    Stopped,
    /// A number was NaN or infinite. The weights are those of the last step whose loss and gradient were finite.
    NotFinite {
        /// The step, counted from 0.
        step: u64,
        /// Where.
        place: Place,
    },
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Completed => formatter.write_str("completed"),
            Status::Stopped => formatter.write_str("stopped"),
            Status::NotFinite { step, place } => write!(formatter, "not finite at step {step}: {place}"),
        }
    }
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StepOutcome {
    /// The step was taken.
    Taken {
        /// The loss before it.
        loss: f64,
        /// The norm of the gradient, before clipping.
        gradient_norm: f64,
    },
    /// It was not: a number is not finite. The weights are those of the last step whose loss and gradient were finite.
    NotFinite(Place),
}

/// The memory of guarded training steps of one [`Network`]: workspace, gradient, and the last good weights.
///
/// It counts its steps, and each forward pass learns the number of its own: from that follows what dropout sets to zero.
///
/// # Examples
/// Freshly drawn batches, as flow matching needs them:
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{MeanSquaredError, Targets};
/// use brenier::nn::optim::{Adam, AdamOptions};
/// use brenier::nn::training::{StepOutcome, Trainer};
/// use brenier::nn::{Activation, Mlp};
/// use brenier::random::RandomStream;
///
/// let mut stream = RandomStream::new(0);
/// let mut mlp = Mlp::<f32>::new(&[1, 16, 1], Activation::Silu, &mut stream)?;
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-2))?;
/// let mut trainer = Trainer::new();
/// let mut last = f64::NAN;
/// for _ in 0..300 {
///     let x: Matrix<f32> = stream.normal_matrix(64, 1);
///     let y = x.map(|x| x * x);
///     match trainer.step(&mut mlp, x.view(), &Targets::from(&y), &MeanSquaredError::default(), &mut adam)? {
///         StepOutcome::Taken { loss, .. } => last = loss,
///         StepOutcome::NotFinite(place) => panic!("{place}"),
///         _ => unreachable!(),
///     }
/// }
/// assert!(last < 0.5);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trainer<T, W = MlpWorkspace<T>> {
    workspace: W,
    gradient: Vec<T>,
    /// The gradient of the loss in the outputs.
    doutput: Vec<T>,
    /// The weights of the last step whose loss and gradient were finite; empty before the first.
    last_good: Vec<T>,
    clip_norm: Option<f64>,
    /// The number of the next step.
    next_step: u64,
}

impl<T: Scalar, W: Default> Default for Trainer<T, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar, W: Default> Trainer<T, W> {
    /// Without clipping; the first step allocates.
    pub fn new() -> Self {
        Trainer {
            workspace: W::default(),
            gradient: Vec::new(),
            doutput: Vec::new(),
            last_good: Vec::new(),
            clip_norm: None,
            next_step: 0,
        }
    }

    /// Gradients with a larger norm are scaled down to this norm.
    pub fn with_clip_norm(mut self, norm: f64) -> Self {
        self.clip_norm = Some(norm);
        self
    }

    /// The number of the first step, for a training that is taken up again: the steps before it. Default 0.
    pub fn with_first_step(mut self, first_step: u64) -> Self {
        self.next_step = first_step;
        self
    }

    /// The gradient of the last step, after clipping; empty before the first.
    pub fn gradient(&self) -> &[T] {
        &self.gradient
    }

    /// One step on a batch x (batch, inputs). After the first of this batch size nothing is allocated by the passes of this crate.
    ///
    /// # Errors
    /// Those of the network's forward pass, the loss and the optimiser; nothing has changed then. Numbers that are not finite are an
    /// [outcome](StepOutcome::NotFinite).
    pub fn step<N: Network<T, Workspace = W>>(
        &mut self,
        network: &mut N,
        x: MatrixView<'_, T>,
        targets: &Targets<'_, T>,
        loss: &impl Loss<T>,
        optimiser: &mut impl Optimiser<T>,
    ) -> Result<StepOutcome> {
        self.step_with(network, x, optimiser, |prediction, dprediction| {
            loss.value_and_gradient_into(prediction, targets, dprediction)
        })
    }

    /// The same step with any loss: a function of the predictions (batch, outputs) that gives its value and writes
    /// its gradient. For losses that have memory of their own, or compare whole batches. A value that is not finite
    /// is an [outcome](StepOutcome::NotFinite).
    ///
    /// # Errors
    /// Those of the network's forward pass, the loss and the optimiser; nothing has changed then.
    pub fn step_with<N: Network<T, Workspace = W>>(
        &mut self,
        network: &mut N,
        x: MatrixView<'_, T>,
        optimiser: &mut impl Optimiser<T>,
        loss: impl FnOnce(MatrixView<'_, T>, MatrixViewMut<'_, T>) -> Result<f64>,
    ) -> Result<StepOutcome> {
        let prediction = network.training_forward(x, self.next_step, &mut self.workspace)?;
        let (rows, columns) = prediction.shape();
        self.doutput.resize(rows * columns, T::ZERO);
        let doutput = MatrixViewMut::from_slice(&mut self.doutput, rows, columns)?;
        let value = loss(prediction, doutput)?;
        if !value.is_finite() {
            let place = self.place_in_forward_pass(network, x);
            self.restore(network, &place);
            return Ok(StepOutcome::NotFinite(place));
        }
        self.gradient.resize(network.parameters().len(), T::ZERO);
        self.gradient.fill(T::ZERO);
        let doutput = MatrixView::from_slice(&self.doutput, rows, columns)?;
        network.training_backward(doutput, &mut self.workspace, &mut self.gradient, None)?;
        let norm = match self.clip_norm {
            Some(largest) => clip_by_norm(&mut self.gradient, largest),
            None => gradient_norm(&self.gradient),
        };
        let gradient_norm = match norm {
            Ok(norm) => norm,
            Err(Error::NotFinite { index, .. }) => {
                let (tensor, index) = tensor_of(network, index);
                let place = Place::Gradient { tensor, index };
                self.restore(network, &place);
                return Ok(StepOutcome::NotFinite(place));
            }
            Err(error) => return Err(error),
        };
        self.last_good.clear();
        self.last_good.extend_from_slice(network.parameters());
        optimiser.step(network.parameters_mut(), &self.gradient)?;
        if let Some(place) = Self::broken_weight(network) {
            self.restore(network, &place);
            return Ok(StepOutcome::NotFinite(place));
        }
        self.next_step = self.next_step.wrapping_add(1);
        Ok(StepOutcome::Taken { loss: value, gradient_norm })
    }

    /// Where the first number of the forward pass lies that is not finite.
    fn place_in_forward_pass<N: Network<T, Workspace = W>>(
        &self,
        network: &N,
        x: MatrixView<'_, T>,
    ) -> Place {
        if let Err(Error::NotFiniteEntry { row, column, .. }) = x.check_finite("batch") {
            return Place::Input { row, column };
        }
        network.first_not_finite(&self.workspace).unwrap_or(Place::Loss)
    }

    /// The first weight that a step has left NaN or infinite. A loss can be finite all the same, behind a tanh for one.
    fn broken_weight(network: &impl Network<T>) -> Option<Place> {
        let parameters = network.parameters();
        // Finite numbers may have an infinite sum; the others never have a finite one.
        if simd::sum(parameters).is_finite() {
            return None;
        }
        let index = parameters.iter().position(|parameter| !parameter.is_finite())?;
        let (tensor, index) = tensor_of(network, index);
        Some(Place::Weight { tensor, index })
    }

    /// Goes back to the last good weights, unless the batch is to blame.
    fn restore(&self, network: &mut impl Network<T>, place: &Place) {
        let is_of_batch = matches!(place, Place::Input { .. });
        if !is_of_batch && self.last_good.len() == network.parameters().len() {
            network.parameters_mut().copy_from_slice(&self.last_good);
        }
    }
}

/// The tensor in which a parameter lies, and its place there.
fn tensor_of<T: Scalar>(network: &impl Network<T>, index: usize) -> (String, usize) {
    let tensor = network
        .tensors()
        .into_iter()
        .find(|tensor| tensor.range.contains(&index))
        .expect("tensors cover the parameters");
    (tensor.name, index - tensor.range.start)
}
