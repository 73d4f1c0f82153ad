//! A generator trained with the Sinkhorn loss.
//!
//! A network G makes points of noise. In a step, n points of noise z and n samples x of the data give the loss
//! between the clouds x (the source) and G(z) (the target):
//!
//! ```text
//! z ~ N(0, I)    y = G(z)    L = Sinkhorn(x, y)    dL/dy by hand    dG by the network's backward pass    Adam or another optimiser
//! ```
//!
//! (Genevay, Peyré, Cuturi, *Learning generative models with Sinkhorn divergences*, 2018.) There is no second network
//! to be fooled, as in adversarial training: the loss compares batches. The price is bias: the best points for one
//! batch are not the data's distribution, and at large ε they shrink towards the mean. The debiased loss
//! ([`Options::debiased`](minibatch::Options::debiased)) and larger batches mend that.

use super::samples::SampleSource;
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::nn::Mlp;
use crate::nn::optim::Optimiser;
use crate::nn::training::{Status, StepOutcome, Trainer};
use crate::ot::sinkhorn::minibatch::{self, Evaluation, SinkhornLoss};
use crate::random::RandomStream;
use std::ops::ControlFlow;

/// What came of one step of a generator.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GeneratorStep {
    /// Whether it was taken.
    pub outcome: StepOutcome,
    /// The loss and its iterations; `None` where what the network made is not finite.
    pub evaluation: Option<Evaluation>,
}

/// The memory of training steps of a generator: the loss, and the network's workspace, gradient and last good weights.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::generative::SinkhornGenerator;
/// use brenier::nn::optim::{Adam, AdamOptions};
/// use brenier::nn::{Activation, Mlp};
/// use brenier::ot::sinkhorn::minibatch::Options;
/// use brenier::random::RandomStream;
///
/// let mut stream = RandomStream::new(0);
/// let mut network = Mlp::<f32>::new(&[1, 16, 1], Activation::Relu, &mut stream)?;
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-2))?;
/// let mut generator = SinkhornGenerator::new(Options::new(0.05))?;
/// let (mut first, mut last) = (0.0, 0.0);
/// for step in 0..100 {
///     let data = stream.normal_matrix::<f32>(64, 1).map(|x| 3.0 + 0.1 * x);
///     let noise = stream.normal_matrix(64, 1);
///     let step_made = generator.step(&mut network, noise.view(), data.view(), &mut adam)?;
///     last = step_made.evaluation.expect("finite").value;
///     if step == 0 {
///         first = last;
///     }
/// }
/// assert!(last < 0.1 * first);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SinkhornGenerator<T> {
    loss: SinkhornLoss<T>,
    trainer: Trainer<T>,
    /// Whether a step has been taken.
    has_begun: bool,
}

impl<T: Scalar> SinkhornGenerator<T> {
    /// Steps with this loss; the first of them allocates.
    ///
    /// # Errors
    /// Those of [`SinkhornLoss::new`].
    pub fn new(options: minibatch::Options) -> Result<Self> {
        Ok(SinkhornGenerator { loss: SinkhornLoss::new(options)?, trainer: Trainer::new(), has_begun: false })
    }

    /// Gradients of the weights with a larger norm are scaled down to this norm.
    pub fn with_clip_norm(mut self, norm: f64) -> Self {
        self.trainer = self.trainer.with_clip_norm(norm);
        self
    }

    /// One step: the network makes points of `noise` (batch, inputs), and goes down the gradient of their loss
    /// against `data` (samples, outputs).
    ///
    /// Numbers that are not finite on the way to the loss, or in the gradient, leave the last good weights and are an
    /// [outcome](StepOutcome::NotFinite); so is a cost that has become too large for ε.
    ///
    /// # Errors
    /// [`Error::Argument`] if the costs are too large for ε from the beginning; [`Error::Shape`] and [`Error::Empty`]
    /// for sizes that do not fit, [`Error::NotFiniteEntry`] for data that are not finite, and what the optimiser
    /// refuses.
    pub fn step(
        &mut self,
        network: &mut Mlp<T>,
        noise: MatrixView<'_, T>,
        data: MatrixView<'_, T>,
        optimiser: &mut impl Optimiser<T>,
    ) -> Result<GeneratorStep> {
        let (loss, has_begun, mut evaluation) = (&mut self.loss, self.has_begun, None);
        let mut of_points = |points: MatrixView<'_, T>, gradient: MatrixViewMut<'_, T>| {
            match loss.value_and_gradient_into(data, points, None, Some(gradient)) {
                Ok(answer) => {
                    evaluation = Some(answer);
                    Ok(answer.value)
                }
                // Points of the network, the targets, that are not finite or too far away for ε are an outcome; such data are an error.
                Err(Error::NotFiniteEntry { what: minibatch::TARGET_POINTS, .. }) => Ok(f64::NAN),
                Err(Error::Argument { .. }) if has_begun => Ok(f64::NAN),
                Err(error) => Err(error),
            }
        };
        let outcome = self.trainer.step_with(network, noise, optimiser, &mut of_points)?;
        self.has_begun |= matches!(outcome, StepOutcome::Taken { .. });
        Ok(GeneratorStep { outcome, evaluation })
    }

    /// The loss, with the plan and the potentials of the last step.
    pub fn loss(&self) -> &SinkhornLoss<T> {
        &self.loss
    }
}

/// `count` points that a network makes of normal noise: (count, outputs).
///
/// # Errors
/// [`Error::Empty`] for no points.
///
/// # Panics
/// If they do not fit into the memory.
pub fn generate<T: Scalar>(network: &Mlp<T>, count: usize, stream: &mut RandomStream) -> Result<Matrix<T>> {
    let noise = stream.normal_matrix(count, network.inputs());
    network.apply(&noise)
}

/// How [`fit_generator`] trains.
///
/// # Examples
/// ```
/// use brenier::generative::GeneratorOptions;
/// use brenier::ot::sinkhorn::minibatch::Options;
/// let options = GeneratorOptions::new(Options::new(0.01)).with_batch(32).with_steps(800);
/// assert_eq!(options.loss.epsilon, 0.01);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GeneratorOptions {
    /// The loss.
    pub loss: minibatch::Options,
    /// Points and samples in a step. Default 128.
    pub batch: usize,
    /// Steps. Default 1,000.
    pub steps: u64,
    /// The largest norm of a gradient, if there is one.
    pub clip_norm: Option<f64>,
}

impl Default for GeneratorOptions {
    fn default() -> Self {
        GeneratorOptions { loss: minibatch::Options::default(), batch: 128, steps: 1000, clip_norm: None }
    }
}

impl GeneratorOptions {
    /// The defaults with this loss.
    pub fn new(loss: minibatch::Options) -> Self {
        GeneratorOptions { loss, ..Self::default() }
    }

    /// Sets the number of points and samples in a step.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets the number of steps.
    pub fn with_steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// Sets the largest norm of a gradient.
    pub fn with_clip_norm(mut self, norm: f64) -> Self {
        self.clip_norm = Some(norm);
        self
    }
}

/// What the observer is told after each step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct GeneratorProgress {
    /// The step, counted from 0.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// The loss of the step's batch, before the step, and its iterations.
    pub evaluation: Evaluation,
    /// The norm of the gradient, before clipping.
    pub gradient_norm: f64,
}

/// What [`fit_generator`] has done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GeneratorTraining {
    /// How it ended.
    pub status: Status,
    /// Steps that were taken.
    pub steps: u64,
    /// The loss of each step's batch, before the step.
    pub losses: Vec<f64>,
    /// Steps whose Sinkhorn iterations ended by their number and not by the tolerance: their losses, and by the envelope theorem their
    /// gradients, are those of a plan whose marginals are not yet right.
    pub unconverged_steps: u64,
}

/// Trains a network to make points like those of `data` out of normal noise.
///
/// Noise and batches come from `stream` alone: same seed, same bits, for any number of threads. After the first step
/// none allocates but in the products of large layers. The observer is told of each step and may stop. Numbers that
/// are not finite end training with a [`Status::NotFinite`] that says at which step and in which layer; the weights
/// are then the last good ones.
///
/// # Errors
/// [`Error::Shape`] if the network's outputs are not the data's coordinates, [`Error::Argument`] for a batch of 0,
/// and those of data, loss and optimiser.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::generative::{GeneratorOptions, Rows, fit_generator, generate};
/// use brenier::nn::optim::{Adam, AdamOptions};
/// use brenier::nn::training::Status;
/// use brenier::nn::{Activation, Mlp};
/// use brenier::ot::sinkhorn::minibatch::Options;
/// use brenier::random::RandomStream;
/// use std::ops::ControlFlow;
///
/// let mut stream = RandomStream::new(5);
/// let data = stream.normal_matrix::<f32>(500, 2).map(|x| 0.3 * x - 1.0);
/// let mut network = Mlp::new(&[2, 32, 2], Activation::Relu, &mut stream)?;
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-2))?;
/// let options = GeneratorOptions::new(Options::new(0.1)).with_batch(64).with_steps(100);
/// let training = fit_generator(
///     &mut network, &mut Rows::new(&data)?, &mut adam, &options, &mut stream, &mut |_| ControlFlow::Continue(()),
/// )?;
/// assert_eq!(training.status, Status::Completed);
/// let mean = generate(&network, 200, &mut stream)?.view().column_means()?;
/// assert!((mean[0] + 1.0).abs() < 0.2 && (mean[1] + 1.0).abs() < 0.2);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn fit_generator<T: Scalar>(
    network: &mut Mlp<T>,
    data: &mut dyn SampleSource<T>,
    optimiser: &mut impl Optimiser<T>,
    options: &GeneratorOptions,
    stream: &mut RandomStream,
    observer: &mut dyn FnMut(&GeneratorProgress) -> ControlFlow<()>,
) -> Result<GeneratorTraining> {
    if options.batch == 0 {
        return Err(Error::Argument { name: "batch", value: 0.0, requirement: "it must be at least 1" });
    }
    if network.outputs() != data.dimension() {
        let what = "outputs of the network (coordinates of the data)";
        return Err(Error::Shape {
            operation: "fit_generator",
            what,
            expected: data.dimension(),
            got: network.outputs(),
        });
    }
    let mut generator = SinkhornGenerator::new(options.loss)?;
    if let Some(norm) = options.clip_norm {
        generator = generator.with_clip_norm(norm);
    }
    let mut noise = Matrix::try_zeros(options.batch, network.inputs())?;
    let mut batch = Matrix::try_zeros(options.batch, data.dimension())?;
    let mut training =
        GeneratorTraining { status: Status::Completed, steps: 0, losses: Vec::new(), unconverged_steps: 0 };
    while training.steps < options.steps {
        data.draw(stream, batch.view_mut())?;
        stream.fill_normal(noise.as_mut_slice());
        let step = generator.step(network, noise.view(), batch.view(), optimiser)?;
        let (evaluation, gradient_norm) = match (step.evaluation, step.outcome) {
            (Some(evaluation), StepOutcome::Taken { gradient_norm, .. }) => (evaluation, gradient_norm),
            (_, StepOutcome::NotFinite(place)) => {
                training.status = Status::NotFinite { step: training.steps, place };
                return Ok(training);
            }
            (None, StepOutcome::Taken { .. }) => unreachable!("a step is taken after its loss"),
        };
        training.losses.push(evaluation.value);
        training.unconverged_steps += u64::from(evaluation.marginal_error > options.loss.tolerance);
        let progress =
            GeneratorProgress { step: training.steps, steps: options.steps, evaluation, gradient_norm };
        training.steps += 1;
        if observer(&progress).is_break() {
            if training.steps < options.steps {
                training.status = Status::Stopped;
            }
            break;
        }
    }
    Ok(training)
}
