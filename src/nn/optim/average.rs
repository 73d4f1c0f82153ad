//! Exponential moving averages of weights.
//!
//! `a ← a + (1 - d)(θ - a)` after each step. The average of the last 1/(1 - d) steps is less noisy than the last
//! weights, and generators and flows are sampled from it. Sources: Polyak and Juditsky, "Acceleration of stochastic
//! approximation by averaging", 1992; Kingma and Ba 2015, section 3, for the correction.
//!
//! Cost: one pass, 12 bytes for a parameter in `f32`.

use super::check_fraction;
use super::slices::Slices;
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// How an average begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AverageStart {
    /// With the first weights, which then count like 1/(1 - d) later ones. PyTorch's `get_ema_multi_avg_fn` does so.
    #[default]
    FirstWeights,
    /// With nothing: the average of zeros and weights over 1 - dᵗ, which is the weighted mean of the weights seen.
    BiasCorrected,
    /// With a decay that rises: min(d, (1 + t)/(10 + t)) at update t = 1, 2, …
    WarmUp,
}

/// The moving average of a model's weights.
///
/// # Examples
/// ```
/// use brenier::nn::optim::{AverageStart, WeightAverage};
/// let mut average = WeightAverage::new(0.9, AverageStart::BiasCorrected)?;
/// average.update(&[1.0_f64])?;
/// assert_eq!(average.weights(), [1.0]);
/// average.update(&[2.0])?;
/// assert!((average.weights()[0] - (0.9 * 1.0 + 2.0) / 1.9).abs() < 1e-15);
/// // To evaluate with the average and then train on:
/// let mut weights = [2.0];
/// average.swap(&mut weights)?;
/// average.swap(&mut weights)?;
/// assert_eq!(weights, [2.0]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "EMA")]
#[doc(alias = "ExponentialMovingAverage")]
#[derive(Debug, Clone, PartialEq)]
pub struct WeightAverage<T> {
    decay: f64,
    start: AverageStart,
    updates: u64,
    weights: Vec<T>,
}

impl<T: Scalar> WeightAverage<T> {
    /// An average of nothing yet. `decay` is d, often 0.999.
    ///
    /// # Errors
    /// [`Error::Argument`] unless d is at least 0 and below 1.
    pub fn new(decay: f64, start: AverageStart) -> Result<Self> {
        check_fraction("decay", decay)?;
        Ok(Self { decay, start, updates: 0, weights: Vec::new() })
    }

    /// Takes in the weights after a step. The first call fixes their number and allocates.
    ///
    /// # Errors
    /// [`Error::Empty`] of no weights, [`Error::Shape`] for another number of them.
    pub fn update(&mut self, parameters: &[T]) -> Result<()> {
        if parameters.is_empty() {
            return Err(Error::Empty { what: "the parameters of WeightAverage::update" });
        }
        if self.updates == 0 {
            self.weights.clear();
            self.weights.extend_from_slice(parameters);
            self.updates = 1;
            return Ok(());
        }
        self.check_length("WeightAverage::update", parameters.len())?;
        self.updates = self.updates.saturating_add(1); // what was restored may be any number
        let share = T::from_f64(self.share());
        Slices::new(parameters, [&mut self.weights]).for_each_chunk(&|part| {
            let [weights] = part.state;
            move_towards(weights, part.gradient, share);
        });
        Ok(())
    }

    /// What of the new weights goes into the average at this update.
    fn share(&self) -> f64 {
        let t = self.updates as f64;
        match self.start {
            AverageStart::FirstWeights => 1.0 - self.decay,
            // The corrected average obeys the same recursion with this share: (1 - d)/(1 - dᵗ).
            AverageStart::BiasCorrected => (1.0 - self.decay) / (1.0 - self.decay.powf(t)),
            AverageStart::WarmUp => 1.0 - self.decay.min((1.0 + t) / (10.0 + t)),
        }
    }

    /// The average; empty before the first update.
    pub fn weights(&self) -> &[T] {
        &self.weights
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Exchanges the average and the model's weights: before an evaluation, and again after it.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of weights than were averaged.
    pub fn swap(&mut self, parameters: &mut [T]) -> Result<()> {
        self.check_length("WeightAverage::swap", parameters.len())?;
        self.weights.swap_with_slice(parameters);
        Ok(())
    }

    /// Goes on from an average and a number of updates that were kept.
    ///
    /// # Errors
    /// [`Error::Empty`] of no weights with updates.
    pub fn restore(&mut self, weights: Vec<T>, updates: u64) -> Result<()> {
        if weights.is_empty() && updates > 0 {
            return Err(Error::Empty { what: "the weights of WeightAverage::restore" });
        }
        (self.weights, self.updates) = (weights, updates);
        Ok(())
    }

    fn check_length(&self, operation: &'static str, got: usize) -> Result<()> {
        if got == self.weights.len() {
            return Ok(());
        }
        let expected = self.weights.len();
        Err(Error::Shape { operation, what: "number of parameters", expected, got })
    }
}

#[inline(always)]
fn move_kernel<S: Simd, T: Scalar>(average: &mut [T], weights: &[T], share: T) {
    let lanes = T::Register::<S>::LANES;
    let share = T::Register::<S>::splat(share);
    let mut registers = average.chunks_exact_mut(lanes);
    let mut sources = weights.chunks_exact(lanes);
    for (part, source) in (&mut registers).zip(&mut sources) {
        let a = T::Register::<S>::load(part);
        (T::Register::<S>::load(source) - a).mul_add(share, a).store(part);
    }
    let rest = registers.into_remainder();
    let a = T::Register::<S>::load_partial(rest, T::ZERO);
    let w = T::Register::<S>::load_partial(sources.remainder(), T::ZERO);
    (w - a).mul_add(share, a).store_partial(rest);
}

dispatch! {
    /// `average += share (weights - average)`.
    fn move_towards<T: Scalar>(average: &mut [T], weights: &[T], share: T) = move_kernel
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of 1, 2, …, n with the weights d^(n - k): each start in closed form.
    #[test]
    fn averages_are_weighted_means() {
        let decay = 0.8_f64;
        let n = 30;
        let run = |start| {
            let mut average = WeightAverage::new(decay, start).unwrap();
            for k in 1..=n {
                average.update(&[f64::from(k); 9]).unwrap();
            }
            assert!(average.weights().iter().all(|w| *w == average.weights()[0]));
            average.weights()[0]
        };
        let sum: f64 = (1..=n).map(|k| f64::from(k) * decay.powi(n - k)).sum();
        let total: f64 = (1..=n).map(|k| decay.powi(n - k)).sum();
        assert!((run(AverageStart::BiasCorrected) - sum / total).abs() < 1e-12);
        // The first weights stand for all that came before.
        let first = decay.powi(n - 1);
        let expected = (1.0 - decay) * (sum - first) + first;
        assert!((run(AverageStart::FirstWeights) - expected).abs() < 1e-12);
        let mut warm = 1.0;
        for k in 2..=n {
            let share = 1.0 - decay.min(f64::from(1 + k) / f64::from(10 + k));
            warm += share * (f64::from(k) - warm);
        }
        assert!((run(AverageStart::WarmUp) - warm).abs() < 1e-12);
    }

    #[test]
    fn lengths_that_change_are_refused() {
        let mut average = WeightAverage::<f32>::new(0.9, AverageStart::default()).unwrap();
        assert!(matches!(average.update(&[]), Err(Error::Empty { .. })));
        assert!(matches!(average.swap(&mut [1.0]), Err(Error::Shape { expected: 0, got: 1, .. })));
        average.update(&[1.0, 2.0]).unwrap();
        assert!(matches!(average.update(&[1.0]), Err(Error::Shape { expected: 2, got: 1, .. })));
        assert!(matches!(average.swap(&mut [1.0]), Err(Error::Shape { expected: 2, got: 1, .. })));
        assert!(matches!(
            WeightAverage::<f32>::new(1.0, AverageStart::default()),
            Err(Error::Argument { .. })
        ));
        assert!(average.restore(Vec::new(), 3).is_err());
        average.restore(vec![5.0], 3).unwrap();
        assert_eq!(average.weights(), [5.0]);
    }
}
