//! The probe as it is usually trained: full-batch steps of AdamW on the mean cross-entropy.
//!
//! ```text
//! L(w, b) = Σ_i u_i ln(1 + e^(-y_i z_i)) / Σ_i u_i,   y = ±1,   z_i = w · x_i + b
//! ```
//! u are the weights of the samples. PyTorch's `BCEWithLogitsLoss` and `AdamW` (Loshchilov and Hutter, "Decoupled
//! weight decay regularization", ICLR 2019); the bias decays like the direction, as it does there.
//!
//! Cost of an epoch: one pass over the rows, and one over the parameters and moments.

use super::pass::{Coefficient, RowPass};
use super::{Probe, Samples, euclidean_norm};
use crate::error::{Error, Result};
use crate::nn::optim::{Adam, AdamOptions, Optimiser};
use crate::random::RandomStream;
use crate::scalar::Scalar;
use crate::simd::softplus;
use std::ops::ControlFlow;

/// Where the training begins.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Start<T> {
    /// All parameters zero. The default.
    #[default]
    Zero,
    /// Uniform in ±1/√inputs, as PyTorch begins (with other random numbers), from this stream.
    Uniform(RandomStream),
    /// These parameters: the direction, then the bias if there is one.
    Given(Vec<T>),
}

/// Options of [`fit_adamw`]: by default learning rate 1e-3, weight decay 0.1, 1000 epochs, no bias, from zero.
///
/// # Examples
/// ```
/// use brenier::nn::probe::AdamwOptions;
/// let options = AdamwOptions::<f32>::default().with_epochs(200).with_bias(true);
/// assert_eq!(options.learning_rate, 1e-3);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AdamwOptions<T> {
    /// Number of full-batch steps. Default 1000.
    pub epochs: u64,
    /// η. Default 1e-3.
    pub learning_rate: f64,
    /// λ: each step takes the share `η λ` off every parameter. Default 0.1.
    pub weight_decay: f64,
    /// Whether the probe has a bias. Default false.
    pub bias: bool,
    /// Where the training begins. Default zero.
    pub start: Start<T>,
}

impl<T> Default for AdamwOptions<T> {
    fn default() -> Self {
        Self { epochs: 1000, learning_rate: 1e-3, weight_decay: 0.1, bias: false, start: Start::Zero }
    }
}

impl<T> AdamwOptions<T> {
    /// Sets the number of steps.
    pub fn with_epochs(mut self, epochs: u64) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets η.
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets λ.
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Sets whether there is a bias.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Sets where the training begins.
    pub fn with_start(mut self, start: Start<T>) -> Self {
        self.start = start;
        self
    }
}

/// What the observer of [`fit_adamw_with`] is told at each epoch, before its step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Epoch {
    /// Steps taken so far.
    pub epoch: u64,
    /// The mean loss now.
    pub loss: f64,
    /// The norm of its gradient.
    pub gradient_norm: f64,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdamwStatus {
    /// All epochs were run.
    Finished,
    /// The observer stopped it.
    Stopped,
    /// Loss or gradient were not finite after this many steps. The probe is that of the step before.
    NotFinite {
        /// The number of steps.
        epoch: u64,
    },
}

/// A trained probe.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AdamwFit<T> {
    /// The probe.
    pub probe: Probe<T>,
    /// How the training ended.
    pub status: AdamwStatus,
    /// Steps that the probe has seen.
    pub epochs: u64,
    /// Its mean loss on the samples.
    pub loss: f64,
    /// The norm of the loss's gradient there.
    pub gradient_norm: f64,
}

/// A probe by full-batch AdamW. It minimises the weighted mean of `ln(1 + e^(-y z))`.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::Label`], [`Error::NotFiniteEntry`], [`Error::NotFinite`],
/// [`Error::Negative`], [`Error::OneClass`] for samples that nothing can be learned from; [`Error::Argument`] for
/// options out of range; [`Error::Shape`] or [`Error::NotFinite`] for given parameters that do not fit.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::probe::{AdamwOptions, AdamwStatus, Samples, fit_adamw};
/// let x = Matrix::from_rows([[1.0_f32, 2.0], [-1.0, 2.0]]);
/// let fit = fit_adamw(&Samples::new(&x, &[true, false]), &AdamwOptions::default())?;
/// assert_eq!(fit.status, AdamwStatus::Finished);
/// assert_eq!(fit.probe.predict(&x)?, [true, false]);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn fit_adamw<T: Scalar>(samples: &Samples<'_, T>, options: &AdamwOptions<T>) -> Result<AdamwFit<T>> {
    fit_adamw_with(samples, options, &mut |_| ControlFlow::Continue(()))
}

/// [`fit_adamw`] with an observer that is told of every epoch and can stop.
///
/// # Errors
/// As [`fit_adamw`].
pub fn fit_adamw_with<T: Scalar>(
    samples: &Samples<'_, T>,
    options: &AdamwOptions<T>,
    observer: &mut dyn FnMut(&Epoch) -> ControlFlow<()>,
) -> Result<AdamwFit<T>> {
    let adam = AdamOptions::adamw()
        .with_learning_rate(options.learning_rate)
        .with_weight_decay(options.weight_decay);
    let mut optimiser = Adam::new(adam)?;
    let mass = samples.check("fit_adamw")?;
    let inputs = samples.x().columns();
    let mut probe = started(inputs, options)?;
    let mut loss = MeanLoss::new(samples, mass[0] + mass[1]);
    let mut gradient = vec![T::ZERO; probe.parameters.len()];
    let mut good = probe.parameters.clone();
    let mut at_good = Epoch { epoch: 0, loss: f64::NAN, gradient_norm: f64::NAN };
    let mut status = AdamwStatus::Finished;
    for epoch in 0..=options.epochs {
        let value = loss.value_and_gradient(&probe, &mut gradient);
        let now = Epoch { epoch, loss: value, gradient_norm: euclidean_norm(&gradient) };
        let finite = now.loss.is_finite()
            && now.gradient_norm.is_finite()
            && probe.parameters.iter().all(|parameter| parameter.is_finite());
        if !finite {
            status = AdamwStatus::NotFinite { epoch };
            probe.parameters.copy_from_slice(&good);
            break;
        }
        good.copy_from_slice(&probe.parameters);
        at_good = now;
        if epoch == options.epochs {
            break;
        }
        if observer(&now).is_break() {
            status = AdamwStatus::Stopped;
            break;
        }
        optimiser.step(&mut probe.parameters, &gradient)?;
    }
    let Epoch { epoch: epochs, loss, gradient_norm } = at_good;
    Ok(AdamwFit { probe, status, epochs, loss, gradient_norm })
}

/// The probe before the first step.
fn started<T: Scalar>(inputs: usize, options: &AdamwOptions<T>) -> Result<Probe<T>> {
    let mut probe = Probe::zero(inputs, options.bias);
    match &options.start {
        Start::Zero => {}
        Start::Uniform(stream) => {
            let bound = T::ONE / T::from_f64(inputs as f64).sqrt();
            stream.clone().fill_uniform_range(&mut probe.parameters, -bound, bound)?;
        }
        Start::Given(parameters) => {
            let (expected, got) = (probe.parameters.len(), parameters.len());
            if expected != got {
                let (operation, what) = ("fit_adamw", "the number of given parameters");
                return Err(Error::Shape { operation, what, expected, got });
            }
            if let Some(index) = parameters.iter().position(|value| !value.is_finite()) {
                let value = parameters[index].to_f64();
                return Err(Error::NotFinite { what: "given parameters", index, value });
            }
            probe.parameters.copy_from_slice(parameters);
        }
    }
    Ok(probe)
}

/// The mean loss of samples and its gradient: all that an epoch needs, allocated once.
struct MeanLoss<'a, T> {
    pass: RowPass<'a, T, T>,
    signs: Vec<T>,
    /// Weights of the samples over their sum.
    weights: Vec<T>,
    losses: Vec<T>,
}

impl<'a, T: Scalar> MeanLoss<'a, T> {
    fn new(samples: &Samples<'a, T>, mass: f64) -> Self {
        let rows = samples.x().rows();
        Self {
            pass: RowPass::new(samples.x()),
            signs: (0..rows).map(|row| T::from_f64(samples.sign(row))).collect(),
            weights: (0..rows).map(|row| T::from_f64(samples.weight(row) / mass)).collect(),
            losses: vec![T::ZERO; rows],
        }
    }

    /// The loss; its gradient is written over `gradient` (the pass that an optimiser's step consumes).
    fn value_and_gradient(&mut self, probe: &Probe<T>, gradient: &mut [T]) -> f64 {
        let coefficient = Coefficient::Residual { signs: &self.signs, weights: &self.weights };
        let (direction_gradient, bias_gradient) = gradient.split_at_mut(probe.inputs);
        let offset = probe.bias().unwrap_or(T::ZERO);
        let sum = self.pass.run(probe.direction(), offset, coefficient, direction_gradient);
        if let [bias] = bias_gradient {
            *bias = sum;
        }
        for (loss, (&sign, &z)) in self.losses.iter_mut().zip(self.signs.iter().zip(&self.pass.products)) {
            *loss = -sign * z;
        }
        softplus(&mut self.losses);
        self.losses.iter().zip(&self.weights).map(|(loss, weight)| loss.to_f64() * weight.to_f64()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    /// The gradient of the mean loss is its derivative: differences of step h err by h² times a third derivative
    /// (below 1) and by EPSILON / h.
    #[test]
    fn the_gradient_is_the_derivative() {
        let mut stream = RandomStream::new(3);
        let x: Matrix<f64> = stream.normal_matrix(11, 6);
        let labels: Vec<bool> = (0..11).map(|i| i % 3 == 0).collect();
        let weights: Vec<f64> = (0..11).map(|i| f64::from(i % 4)).collect();
        let samples = Samples::new(&x, &labels).with_weights(&weights);
        let mass = samples.check("test").unwrap();
        let mut loss = MeanLoss::new(&samples, mass[0] + mass[1]);
        let parameters: Vec<f64> = stream.normal_matrix(1, 7).into_vec();
        let mut probe = Probe::new(&parameters[..6], Some(parameters[6])).unwrap();
        let (mut gradient, mut ignored) = (vec![0.0; 7], vec![0.0; 7]);
        loss.value_and_gradient(&probe, &mut gradient);
        for k in 0..7 {
            let h = 1e-5;
            let mut value_at = |parameter| {
                probe.parameters[k] = parameter;
                loss.value_and_gradient(&probe, &mut ignored)
            };
            let slope = (value_at(parameters[k] + h) - value_at(parameters[k] - h)) / (2.0 * h);
            value_at(parameters[k]);
            assert!((slope - gradient[k]).abs() < 1e-9, "{k}: {slope} {}", gradient[k]);
        }
    }

    #[test]
    fn a_training_that_overflows_keeps_the_last_good_weights() {
        let x = Matrix::from_rows([[1.0_f32, 3e4], [2.0, -1e4], [-1.0, 3e4]]);
        let options = AdamwOptions::default().with_learning_rate(1e38).with_weight_decay(0.0);
        let fit = fit_adamw(&Samples::new(&x, &[0_u8, 1, 1]), &options).unwrap();
        let AdamwStatus::NotFinite { epoch } = fit.status else { panic!("{:?}", fit.status) };
        assert_eq!(fit.epochs, epoch - 1);
        assert!(fit.loss.is_finite() && fit.probe.parameters.iter().all(|p| p.is_finite()));
    }

    #[test]
    fn the_observer_hears_every_epoch_and_can_stop() {
        let x = Matrix::from_rows([[1.0_f64, 0.5], [-1.0, 0.5]]);
        let samples = Samples::new(&x, &[1_u8, 0]);
        let mut heard = Vec::new();
        let fit = fit_adamw_with(&samples, &AdamwOptions::default(), &mut |epoch: &Epoch| {
            heard.push(epoch.loss);
            if epoch.epoch == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
        assert_eq!((fit.status, fit.epochs, heard.len()), (AdamwStatus::Stopped, 5, 6));
        assert_eq!(heard[0], std::f64::consts::LN_2);
        assert!(heard.windows(2).all(|pair| pair[1] < pair[0]));
        assert_eq!(fit.loss, heard[5]);
    }

    #[test]
    fn starts_are_what_they_say() {
        let x = Matrix::from_rows([[1.0_f64, 0.5], [-1.0, 0.5]]);
        let samples = Samples::new(&x, &[1_u8, 0]);
        let options = AdamwOptions::default().with_epochs(0).with_bias(true);
        let given = options.clone().with_start(Start::Given(vec![1.0, 2.0, 3.0]));
        assert_eq!(fit_adamw(&samples, &given).unwrap().probe.parameters, [1.0, 2.0, 3.0]);
        let uniform = options.clone().with_start(Start::Uniform(RandomStream::new(1)));
        let parameters = fit_adamw(&samples, &uniform).unwrap().probe.parameters;
        assert!(parameters.iter().all(|p| p.abs() <= 0.5_f64.sqrt() && *p != 0.0));
        let short = options.clone().with_start(Start::Given(vec![1.0]));
        assert!(matches!(fit_adamw(&samples, &short), Err(Error::Shape { expected: 3, got: 1, .. })));
        let hostile = options.with_start(Start::Given(vec![1.0, f64::NAN, 0.0]));
        assert!(matches!(fit_adamw(&samples, &hostile), Err(Error::NotFinite { index: 1, .. })));
    }
}
