//! The loop over the mini-batches of a data set.

use super::step::{Status, StepOutcome, Trainer};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;
use crate::nn::loss::{Loss, TargetBuffer, TargetKind, Targets, check_weights};
use crate::nn::optim::{Optimiser, Schedule};
use crate::nn::{Mlp, Network, check_batch};
use crate::random::RandomStream;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::ControlFlow;

/// How [`fit`] goes through the data.
///
/// # Examples
/// ```
/// use brenier::nn::training::TrainingOptions;
/// let options = TrainingOptions::default().with_epochs(20).with_batch(32).with_clip_norm(1.0);
/// assert_eq!(options.epochs, 20);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrainingOptions {
    /// Passes over the data. Default 10.
    pub epochs: usize,
    /// Samples in a mini-batch; the last of an epoch may be smaller. Default 64.
    pub batch: usize,
    /// Whether each epoch has an order of its own. Default true.
    pub shuffle: bool,
    /// The learning rate of each step; without it the optimiser's own stays.
    pub schedule: Option<Schedule>,
    /// The number of the first step in the schedule and in what dropout draws: the number of steps before a run that is taken up again.
    /// Default 0.
    pub first_step: u64,
    /// The largest norm of a gradient, if there is one.
    pub clip_norm: Option<f64>,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        TrainingOptions {
            epochs: 10,
            batch: 64,
            shuffle: true,
            schedule: None,
            first_step: 0,
            clip_norm: None,
        }
    }
}

impl TrainingOptions {
    /// Sets the number of passes over the data.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the number of samples in a mini-batch.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets whether each epoch has an order of its own.
    pub fn with_shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Sets the learning rate of each step.
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// Sets the number of the first step: for a run that is taken up again, the steps before it (an optimiser that was
    /// loaded knows them: [`Optimiser::steps`]).
    pub fn with_first_step(mut self, first_step: u64) -> Self {
        self.first_step = first_step;
        self
    }

    /// Sets the largest norm of a gradient.
    pub fn with_clip_norm(mut self, norm: f64) -> Self {
        self.clip_norm = Some(norm);
        self
    }
}

/// What the observer is told after each mini-batch, and how it steers.
///
/// # Examples
/// A rate that falls when the loss on other data does not:
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{Loss, MeanSquaredError, Targets};
/// use brenier::nn::optim::{Adam, AdamOptions};
/// use brenier::nn::training::{TrainingOptions, fit};
/// use brenier::nn::{Activation, Mlp};
/// use brenier::random::RandomStream;
/// use std::ops::ControlFlow;
/// let mut stream = RandomStream::new(1);
/// let mut draw = |count| {
///     let x: Matrix<f64> = stream.normal_matrix(count, 1);
///     let y = x.map(|x| x.sin());
///     (x, y)
/// };
/// let ((x, y), (other_x, other_y)) = (draw(256), draw(64));
/// let mut mlp = Mlp::new(&[1, 16, 1], Activation::Tanh, &mut stream)?;
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.02))?;
/// let loss = MeanSquaredError::default();
/// let (mut least, mut failure) = (f64::INFINITY, None);
/// fit(&mut mlp, x.view(), &Targets::from(&y), &loss, &mut adam, &TrainingOptions::default(), &mut stream, &mut |progress| {
///     if progress.ends_epoch {
///         match progress.network.apply(&other_x).and_then(|y| loss.value(y.view(), &Targets::from(&other_y))) {
///             Ok(value) if value > least => progress.set_learning_rate(0.5 * progress.learning_rate),
///             Ok(value) => least = value,
///             Err(error) => failure = Some(error),
///         }
///     }
///     ControlFlow::Continue(())
/// })?;
/// assert!(failure.is_none() && least < 0.1);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct TrainingProgress<'a, T, N = Mlp<T>> {
    /// The network after the step.
    pub network: &'a N,
    /// The epoch, counted from 0.
    pub epoch: usize,
    /// The step, counted from 0 over all epochs.
    pub step: u64,
    /// Steps of all epochs, if no batch is skipped.
    pub steps: u64,
    /// Whether the batch was skipped because its weights sum to zero. There was no step then: `step` is the number of
    /// the next one, `loss` and `gradient_norm` are NaN.
    pub skipped: bool,
    /// Whether this batch ends an epoch.
    pub ends_epoch: bool,
    /// The loss of the step's batch, before the step.
    pub loss: f64,
    /// The mean of the losses of this epoch so far, each with the size of its batch; NaN while all batches were skipped.
    pub epoch_loss: f64,
    /// The norm of the gradient, before clipping.
    pub gradient_norm: f64,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// Whose elements they are.
    scalar: PhantomData<T>,
    /// What the observer wants the rate to be.
    next_rate: Cell<Option<f64>>,
}

impl<T, N> TrainingProgress<'_, T, N> {
    /// Sets the learning rate of the steps after this one. A schedule, where there is one, sets its own.
    pub fn set_learning_rate(&self, learning_rate: f64) {
        self.next_rate.set(Some(learning_rate));
    }
}

/// What [`fit`] has done.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Training {
    /// How it ended.
    pub status: Status,
    /// Steps that were taken.
    pub steps: u64,
    /// Batches that were skipped because their weights sum to zero: a weighted mean of their losses does not exist.
    pub skipped: u64,
    /// The mean loss of each epoch that was begun, over the batches before their steps; NaN for an epoch without a step.
    pub epoch_losses: Vec<f64>,
}

/// Trains a network ([`Mlp`], [`Sequential`](crate::nn::Sequential) or another [`Network`]) on inputs (samples,
/// inputs) and their targets, in mini-batches.
///
/// The order of the samples comes from `stream` alone: same seed, same bits, for any number of threads. The observer
/// is told of each step, sees the network, and may stop or set the learning rate. To go on later with the same bits,
/// keep the stream's [`state`](RandomStream::state) beside the checkpoint and say at which
/// [step](TrainingOptions::first_step) of the schedule the run is. Inputs, targets and classes are looked at before
/// the first step. Time: `epochs samples` times [`training_flops`](Mlp::training_flops) for an [`Mlp`]; memory: a
/// batch and the [workspace](Network::Workspace) of one.
///
/// With sample or class weights and a [mean](crate::nn::loss::Reduction::Mean) for the loss, a batch may have no
/// weight at all. Its mean is undefined (0/0: PyTorch's losses give NaN), so it is skipped: no step, the optimiser's
/// moments stay, [`Training::skipped`] counts it, and the observer is told. An epoch of nothing else is an error.
///
/// # Errors
/// [`Error::Empty`] without samples, [`Error::Shape`] if inputs, targets and network do not fit together,
/// [`Error::Argument`] for a batch of 0, [`Error::NotFiniteEntry`] for data that are not finite,
/// [`Error::ZeroWeight`] after a first epoch in which no sample had any weight, and what loss, optimiser and clipping
/// refuse. Numbers that become infinite on the way are a [`Status`].
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::{CrossEntropy, Targets};
/// use brenier::nn::optim::{Adam, AdamOptions};
/// use brenier::nn::training::{Status, TrainingOptions, fit};
/// use brenier::nn::{Activation, Mlp};
/// use brenier::random::RandomStream;
/// use std::ops::ControlFlow;
///
/// // exclusive or
/// let x = Matrix::from_rows([[0.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]);
/// let classes = [0, 1, 1, 0];
/// let mut stream = RandomStream::new(7);
/// let mut mlp = Mlp::new(&[2, 16, 2], Activation::Tanh, &mut stream)?;
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.05))?;
/// let options = TrainingOptions::default().with_epochs(200).with_batch(4);
/// let training = fit(
///     &mut mlp, x.view(), &Targets::classes(&classes), &CrossEntropy::default(), &mut adam, &options, &mut stream,
///     &mut |_| ControlFlow::Continue(()),
/// )?;
/// assert_eq!(training.status, Status::Completed);
/// assert_eq!(mlp.apply(&x)?.view().row_argmax()?, classes);
/// # Ok::<(), brenier::Error>(())
/// ```
#[allow(clippy::too_many_arguments)] // a network, data, how to train, and who watches
pub fn fit<T: Scalar, N: Network<T>>(
    network: &mut N,
    inputs: MatrixView<'_, T>,
    targets: &Targets<'_, T>,
    loss: &impl Loss<T>,
    optimiser: &mut impl Optimiser<T>,
    options: &TrainingOptions,
    stream: &mut RandomStream,
    observer: &mut dyn FnMut(&TrainingProgress<'_, T, N>) -> ControlFlow<()>,
) -> Result<Training> {
    check(network, inputs, targets, loss, options)?;
    let samples = inputs.rows();
    let steps_in_epoch = samples.div_ceil(options.batch) as u64;
    let steps = steps_in_epoch.saturating_mul(options.epochs as u64); // who stops it by the observer may ask for any number
    let mut trainer = Trainer::new().with_first_step(options.first_step);
    if let Some(norm) = options.clip_norm {
        trainer = trainer.with_clip_norm(norm);
    }
    let mut order: Vec<usize> = Vec::with_capacity(samples);
    let mut rows = Vec::new();
    let mut target_buffer = TargetBuffer::default();
    let mut training = Training { status: Status::Completed, steps: 0, skipped: 0, epoch_losses: Vec::new() };
    for epoch in 0..options.epochs {
        // From the same order in every epoch: what the stream draws is all that a run must know to go on.
        order.clear();
        order.extend(0..samples);
        if options.shuffle {
            stream.shuffle(&mut order);
        }
        let (mut sum, mut counted, mut seen) = (0.0, 0, 0);
        training.epoch_losses.push(f64::NAN);
        for indices in order.chunks(options.batch) {
            rows.clear();
            indices.iter().for_each(|&index| rows.extend_from_slice(inputs.row(index)));
            let x = MatrixView::from_slice(&rows, indices.len(), inputs.columns())?;
            let batch_targets = targets.gather(indices, &mut target_buffer)?;
            if let Some(schedule) = &options.schedule {
                optimiser
                    .set_learning_rate(schedule.rate(options.first_step.saturating_add(training.steps)))?;
            }
            let learning_rate = optimiser.learning_rate();
            seen += indices.len();
            let step = match trainer.step(network, x, &batch_targets, loss, optimiser) {
                Ok(StepOutcome::Taken { loss, gradient_norm }) => {
                    counted += indices.len();
                    sum += loss * indices.len() as f64;
                    training.epoch_losses[epoch] = sum / counted as f64;
                    Some((loss, gradient_norm))
                }
                Ok(StepOutcome::NotFinite(place)) => {
                    training.status = Status::NotFinite { step: training.steps, place };
                    return Ok(training);
                }
                // The rest of the epoch may have weight; where nothing has, there is nothing to train on.
                Err(Error::ZeroWeight { .. }) if counted > 0 || seen < samples => None,
                Err(error) => return Err(error),
            };
            let (loss, gradient_norm) = step.unwrap_or((f64::NAN, f64::NAN));
            let progress = TrainingProgress {
                network: &*network,
                epoch,
                step: training.steps,
                steps,
                skipped: step.is_none(),
                ends_epoch: seen == samples,
                loss,
                epoch_loss: training.epoch_losses[epoch],
                gradient_norm,
                learning_rate,
                scalar: PhantomData,
                next_rate: Cell::new(None),
            };
            match step {
                Some(_) => training.steps += 1,
                None => training.skipped += 1,
            }
            let answer = observer(&progress);
            if let Some(rate) = progress.next_rate.get() {
                optimiser.set_learning_rate(rate)?;
            }
            if answer.is_break() {
                if training.steps + training.skipped < steps {
                    training.status = Status::Stopped;
                }
                return Ok(training);
            }
        }
    }
    Ok(training)
}

/// Refuses data that do not fit or are not finite, before the first step.
fn check<T: Scalar>(
    network: &impl Network<T>,
    inputs: MatrixView<'_, T>,
    targets: &Targets<'_, T>,
    loss: &impl Loss<T>,
    options: &TrainingOptions,
) -> Result<()> {
    check_batch("fit", "columns of the inputs", inputs, network.inputs())?;
    if options.batch == 0 {
        return Err(Error::Argument { name: "batch", value: 0.0, requirement: "it must be at least 1" });
    }
    if targets.len() != inputs.rows() {
        return Err(Error::Shape {
            operation: "fit",
            what: "the number of targets",
            expected: inputs.rows(),
            got: targets.len(),
        });
    }
    inputs.check_finite("inputs")?;
    if let Some(weights) = targets.sample_weights() {
        if weights.len() != inputs.rows() {
            let (operation, what) = ("fit", "the number of sample weights");
            return Err(Error::Shape { operation, what, expected: inputs.rows(), got: weights.len() });
        }
        check_weights("sample weights", weights)?;
    }
    match targets.kind() {
        TargetKind::Values(values) => {
            if values.columns() != network.outputs() {
                let what = "columns of the targets";
                return Err(Error::Shape {
                    operation: "fit",
                    what,
                    expected: network.outputs(),
                    got: values.columns(),
                });
            }
            values.check_finite("targets")?;
            loss.check_values(values)
        }
        TargetKind::Classes(classes) => match classes.iter().position(|&class| class >= network.outputs()) {
            Some(index) => Err(Error::Label { index, label: classes[index], classes: network.outputs() }),
            None => Ok(()),
        },
    }
}
