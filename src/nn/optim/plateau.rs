//! A learning rate that falls when the loss no longer does.

use super::{check_fraction, check_not_negative};
use crate::error::{Error, Result};

/// Options of [`ReduceOnPlateau`]; the defaults are those of PyTorch's `ReduceLROnPlateau`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PlateauOptions {
    /// What the rate is multiplied by. Default 0.1.
    pub factor: f64,
    /// How many values without improvement are waited for; the next one reduces the rate. Default 10.
    pub patience: u64,
    /// How much smaller, relative to the best, a value must be to count as an improvement. Default 1e-4.
    pub threshold: f64,
    /// How many values after a reduction are not counted. Default 0.
    pub cooldown: u64,
    /// The rate stays above. Default 0.
    pub smallest: f64,
}

impl Default for PlateauOptions {
    fn default() -> Self {
        Self { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, smallest: 0.0 }
    }
}

impl PlateauOptions {
    /// Sets what the rate is multiplied by.
    pub fn with_factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets how many values without improvement are waited for.
    pub fn with_patience(mut self, patience: u64) -> Self {
        self.patience = patience;
        self
    }

    /// Sets what counts as an improvement.
    pub fn with_threshold(mut self, threshold: f64) -> Self {
        self.threshold = threshold;
        self
    }

    /// Sets how many values after a reduction are not counted.
    pub fn with_cooldown(mut self, cooldown: u64) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Sets what the rate stays above.
    pub fn with_smallest(mut self, smallest: f64) -> Self {
        self.smallest = smallest;
        self
    }
}

/// Reduces a learning rate when a loss, say that on held-out data, has not improved for a while.
///
/// A loss v improves on the best b so far if `v < b - threshold |b|`. (PyTorch has `v < b (1 - threshold)`, which is
/// the same for positive losses.)
///
/// # Examples
/// ```
/// use brenier::nn::optim::{PlateauOptions, ReduceOnPlateau};
/// let mut plateau = ReduceOnPlateau::new(1e-3, PlateauOptions::default().with_patience(1))?;
/// let rates = [3.0, 2.0, 2.0, 2.0, 2.0, 1.0].map(|loss| plateau.observe(loss).unwrap());
/// assert_eq!(rates, [1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "ReduceLROnPlateau")]
#[derive(Debug, Clone, PartialEq)]
pub struct ReduceOnPlateau {
    options: PlateauOptions,
    rate: f64,
    best: f64,
    waited: u64,
    cooling: u64,
}

impl ReduceOnPlateau {
    /// Begins with this rate.
    ///
    /// # Errors
    /// [`Error::Argument`] for a rate or an option out of range.
    pub fn new(rate: f64, options: PlateauOptions) -> Result<Self> {
        check_not_negative("learning rate", rate)?;
        check_fraction("factor", options.factor)?;
        check_fraction("threshold", options.threshold)?;
        check_not_negative("smallest learning rate", options.smallest)?;
        Ok(Self { options, rate, best: f64::INFINITY, waited: 0, cooling: 0 })
    }

    /// The learning rate now.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes the next value of the loss, and gives the learning rate from here on.
    ///
    /// # Errors
    /// [`Error::Argument`] for a loss that is NaN; nothing has changed then.
    pub fn observe(&mut self, loss: f64) -> Result<f64> {
        if loss.is_nan() {
            return Err(Error::Argument { name: "loss", value: loss, requirement: "it must be a number" });
        }
        let improves = if self.best.is_finite() {
            loss < self.best - self.options.threshold * self.best.abs()
        } else {
            loss < self.best
        };
        if improves {
            self.best = loss;
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.waited = 0;
        }
        if self.waited > self.options.patience {
            self.rate = (self.rate * self.options.factor).max(self.options.smallest.min(self.rate));
            self.cooling = self.options.cooldown;
            self.waited = 0;
        }
        Ok(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_numbers_are_refused() {
        let options = PlateauOptions::default();
        for (rate, options) in [
            (-1.0, options),
            (f64::NAN, options),
            (1.0, options.with_factor(1.0)),
            (1.0, options.with_threshold(-1.0)),
            (1.0, options.with_smallest(f64::INFINITY)),
        ] {
            assert!(matches!(ReduceOnPlateau::new(rate, options), Err(Error::Argument { .. })));
        }
        let mut plateau = ReduceOnPlateau::new(1.0, options).unwrap();
        let before = plateau.clone();
        assert!(plateau.observe(f64::NAN).is_err());
        assert_eq!(plateau, before);
    }

    #[test]
    fn negative_losses_improve_downwards() {
        let mut plateau = ReduceOnPlateau::new(1.0, PlateauOptions::default().with_patience(0)).unwrap();
        let rates = [-1.0, -2.0, -3.0, -2.0].map(|loss| plateau.observe(loss).unwrap());
        assert_eq!(rates, [1.0, 1.0, 1.0, 0.1]);
    }
}
