//! Options of a training, and what it tells while it runs and at its end.

use super::model::Rbm;
use super::tempering::TemperingOptions;
use crate::error::{Error, Result};

/// Where the model's expectation `<v h>_model` is taken from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// CD-k (Hinton, Neural Computation 14, 2002): `steps` Gibbs steps from the batch itself. Cheap, and biased:
    /// modes far from the data are never visited, so nothing lowers their probability.
    ContrastiveDivergence {
        /// k, at least one.
        steps: usize,
    },
    /// PCD (Tieleman, ICML 2008): chains that go on from one parameter update to the next, `steps` Gibbs steps each
    /// time. Less biased, if the learning rate is so small that the chains keep up.
    Persistent {
        /// Number of chains, at least one.
        chains: usize,
        /// Gibbs steps for each update, at least one.
        steps: usize,
    },
    /// PCD whose chains exchange states with hotter ones (Desjardins et al., AISTATS 2010): they cross between modes.
    Tempered {
        /// Chains and temperatures.
        options: TemperingOptions,
        /// Sweeps for each update, at least one.
        steps: usize,
    },
}

/// Options of a [`Trainer`](super::Trainer).
///
/// # Examples
/// ```
/// use brenier::nn::rbm::{Sampler, TrainingOptions};
/// let options = TrainingOptions::default()
///     .with_epochs(20)
///     .with_learning_rates(0.05, 0.001)
///     .with_sampler(Sampler::Persistent { chains: 100, steps: 1 });
/// assert_eq!(options.batch, 64);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrainingOptions {
    /// Passes over the data, default 10.
    pub epochs: usize,
    /// Samples of a step, default 64. The last batch of an epoch may be smaller.
    pub batch: usize,
    /// Learning rate of the first step, default 0.05. A step adds it times the gradient of the mean log-likelihood.
    pub learning_rate: f64,
    /// Learning rate of the last step, default 0.05: between the two it falls linearly over the steps of a training.
    pub final_learning_rate: f64,
    /// μ: the share of the last step that is added to the next, in [0, 1). Default 0.
    pub momentum: f64,
    /// λ: weights, not biases, lose `learning rate * λ` of themselves in each step. Default 0.
    pub weight_decay: f64,
    /// (μ, λ): what is taken off the visible and the hidden units before they are multiplied, default (0, 0). With (1/2, 1/2) a bit and its
    /// negation learn alike, and couplings are learned several times faster where bits are on half of the time (the centred gradient of
    /// Melchior, Fischer and Wiskott, JMLR 17, 2016).
    pub offsets: (f64, f64),
    /// Where the model's expectation comes from, default CD-1.
    pub sampler: Sampler,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch: 64,
            learning_rate: 0.05,
            final_learning_rate: 0.05,
            momentum: 0.0,
            weight_decay: 0.0,
            offsets: (0.0, 0.0),
            sampler: Sampler::ContrastiveDivergence { steps: 1 },
        }
    }
}

impl TrainingOptions {
    /// Sets the number of passes over the data.
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the number of samples of a step.
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch;
        self
    }

    /// Sets one learning rate for all steps.
    pub fn with_learning_rate(self, learning_rate: f64) -> Self {
        self.with_learning_rates(learning_rate, learning_rate)
    }

    /// Sets the learning rates of the first and the last step.
    pub fn with_learning_rates(mut self, first: f64, last: f64) -> Self {
        (self.learning_rate, self.final_learning_rate) = (first, last);
        self
    }

    /// Sets the momentum.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets the weight decay.
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Sets what is taken off the visible and the hidden units before they are multiplied.
    pub fn with_offsets(mut self, visible: f64, hidden: f64) -> Self {
        self.offsets = (visible, hidden);
        self
    }

    /// Sets where the model's expectation comes from.
    pub fn with_sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// Refuses options that have no meaning.
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |name, value, requirement| Err(Error::Argument { name, value, requirement });
        if self.batch == 0 {
            return refuse("batch", 0.0, "it must be at least 1");
        }
        for (name, rate) in
            [("learning_rate", self.learning_rate), ("final_learning_rate", self.final_learning_rate)]
        {
            // Steps of bits are at most the rate: with this limit no sum of them leaves the range of f32.
            if !(0.0..=1e6).contains(&rate) {
                return refuse(name, rate, "it must lie between 0 and 1e6");
            }
            if !(0.0..1.0).contains(&(rate * self.weight_decay)) {
                return refuse(
                    "weight_decay",
                    self.weight_decay,
                    "it must not be negative, and times the learning rate be below 1",
                );
            }
        }
        if !(0.0..1.0).contains(&self.momentum) {
            return refuse("momentum", self.momentum, "it must lie in [0, 1)");
        }
        for (name, offset) in [("visible offset", self.offsets.0), ("hidden offset", self.offsets.1)] {
            if !(0.0..=1.0).contains(&offset) {
                return refuse(name, offset, "it must lie between 0 and 1");
            }
        }
        let (chains, steps) = match &self.sampler {
            Sampler::ContrastiveDivergence { steps } => (1, *steps),
            Sampler::Persistent { chains, steps } => (*chains, *steps),
            Sampler::Tempered { options, steps } => {
                options.check()?;
                (options.chains, *steps)
            }
        };
        if chains == 0 {
            return refuse("chains", 0.0, "it must be at least 1");
        }
        if steps == 0 {
            return refuse("steps", 0.0, "it must be at least 1");
        }
        Ok(())
    }
}

/// What a training's observer sees after each epoch.
#[derive(Debug)]
#[non_exhaustive]
pub struct TrainingProgress<'a, T> {
    /// Epochs done.
    pub epoch: usize,
    /// Steps done.
    pub steps: u64,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The machine as it is now: to measure on it, or to save it.
    pub rbm: &'a Rbm<T>,
}

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainingStatus {
    /// All epochs were done.
    Finished,
    /// The observer stopped it.
    Stopped,
    /// Sums over a batch or the sampled chains were no longer finite, or beyond the square root of the largest
    /// number. The machine is as it was after the last good step.
    Diverged {
        /// The epoch, from 0.
        epoch: usize,
        /// The step in all, from 0.
        step: u64,
        /// `"visible"` or `"hidden"`.
        layer: &'static str,
    },
}

/// What a training answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TrainingReport {
    /// How it ended.
    pub status: TrainingStatus,
    /// Epochs done.
    pub epochs: usize,
    /// Steps done.
    pub steps: u64,
}
