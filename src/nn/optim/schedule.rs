//! Learning rates that change with the step.
//!
//! A schedule is a function of the step's number, from 0, and has no memory: a run that is taken up again asks for
//! the step that it has reached. With η the first rate, u the end of the fall and t the step:
//!
//! | | rate | PyTorch's name |
//! | --- | --- | --- |
//! | constant | η | |
//! | steps | η γ^⌊t/s⌋ | `StepLR` |
//! | exponential | η γᵗ | `ExponentialLR` |
//! | linear | from η to u over s steps, then u | `LinearLR` |
//! | cosine | u + (η - u)(1 + cos(π t/s))/2, then u | `CosineAnnealingLR`, which rises again after s |
//! | cosine with warm restarts | the same, from the start again after s, then after s·k, s·k², … | `CosineAnnealingWarmRestarts` |
//! | one cycle | up from η/25 to η and down to η/250,000 | `OneCycleLR` |
//!
//! Any of them can begin with a [warm-up](Schedule::with_warm_up).

use super::check_not_negative;
use crate::error::{Error, Result};
use std::f64::consts::PI;

/// How a rate goes from one value to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Annealing {
    /// By half a wave of the cosine: flat at both ends.
    #[default]
    Cosine,
    /// On a straight line.
    Linear,
}

impl Annealing {
    /// The value at `fraction` of the way, from 0 to 1.
    fn between(self, from: f64, to: f64, fraction: f64) -> f64 {
        match self {
            Self::Cosine => to + (from - to) * (0.5 * (1.0 + (PI * fraction).cos())),
            Self::Linear => from + (to - from) * fraction,
        }
    }
}

/// The options of [`Schedule::one_cycle`]; the defaults are those of PyTorch.
///
/// Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2019.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct OneCycle {
    /// The fraction of the steps in which the rate rises. Default 0.3.
    pub rise: f64,
    /// The largest rate over the first. Default 25.
    pub first_divisor: f64,
    /// The first rate over the last. Default 1e4.
    pub last_divisor: f64,
    /// How it rises and falls. Default by the cosine.
    pub annealing: Annealing,
}

impl Default for OneCycle {
    fn default() -> Self {
        Self { rise: 0.3, first_divisor: 25.0, last_divisor: 1e4, annealing: Annealing::Cosine }
    }
}

impl OneCycle {
    /// Sets the fraction of the steps in which the rate rises.
    pub fn with_rise(mut self, rise: f64) -> Self {
        self.rise = rise;
        self
    }

    /// Sets the largest rate over the first, and the first over the last.
    pub fn with_divisors(mut self, first: f64, last: f64) -> Self {
        (self.first_divisor, self.last_divisor) = (first, last);
        self
    }

    /// Sets how the rate rises and falls.
    pub fn with_annealing(mut self, annealing: Annealing) -> Self {
        self.annealing = annealing;
        self
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Constant,
    Steps { every: u64, factor: f64 },
    Exponential { factor: f64 },
    Fall { to: f64, steps: u64, annealing: Annealing },
    Restarts { to: f64, first: u64, multiplier: u64 },
    OneCycle { steps: u64, cycle: OneCycle },
}

/// A learning rate for every step.
///
/// # Examples
/// ```
/// use brenier::nn::optim::Schedule;
/// let schedule = Schedule::cosine(1e-3, 1e-5, 1000)?.with_warm_up(100);
/// assert_eq!(schedule.rate(0), 1e-5); // a hundredth of the way up
/// assert_eq!(schedule.rate(100), 1e-3);
/// assert_eq!(schedule.rate(1100), 1e-5);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    rate: f64,
    shape: Shape,
    warm_up: u64,
}

impl Schedule {
    fn new(rate: f64, shape: Shape) -> Result<Self> {
        check_not_negative("learning rate", rate)?;
        Ok(Self { rate, shape, warm_up: 0 })
    }

    /// Always the same rate.
    ///
    /// # Errors
    /// [`Error::Argument`] unless it is finite and not negative, as in all these functions.
    pub fn constant(rate: f64) -> Result<Self> {
        Self::new(rate, Shape::Constant)
    }

    /// Multiplied by `factor` every `every` steps.
    ///
    /// # Errors
    /// [`Error::Argument`] for a rate or factor that is negative or not finite, or for no steps.
    pub fn steps(rate: f64, every: u64, factor: f64) -> Result<Self> {
        check_not_negative("factor", factor)?;
        check_steps("number of steps between two changes", every)?;
        Self::new(rate, Shape::Steps { every, factor })
    }

    /// Multiplied by `factor` at every step.
    ///
    /// # Errors
    /// [`Error::Argument`] for a rate or factor that is negative or not finite.
    pub fn exponential(rate: f64, factor: f64) -> Result<Self> {
        check_not_negative("factor", factor)?;
        Self::new(rate, Shape::Exponential { factor })
    }

    /// On a straight line from `rate` to `last` in `steps` steps, and `last` from then on.
    ///
    /// # Errors
    /// [`Error::Argument`] for a rate that is negative or not finite, or for no steps.
    pub fn linear(rate: f64, last: f64, steps: u64) -> Result<Self> {
        check_not_negative("last learning rate", last)?;
        check_steps("number of steps", steps)?;
        Self::new(rate, Shape::Fall { to: last, steps, annealing: Annealing::Linear })
    }

    /// By half a cosine from `rate` to `last` in `steps` steps, and `last` from then on.
    ///
    /// # Errors
    /// [`Error::Argument`] for a rate that is negative or not finite, or for no steps.
    pub fn cosine(rate: f64, last: f64, steps: u64) -> Result<Self> {
        check_not_negative("last learning rate", last)?;
        check_steps("number of steps", steps)?;
        Self::new(rate, Shape::Fall { to: last, steps, annealing: Annealing::Cosine })
    }

    /// By half a cosine from `rate` towards `last` in `first` steps, then from `rate` again in `multiplier` times as many, and so on.
    ///
    /// Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    ///
    /// # Errors
    /// [`Error::Argument`] for a rate that is negative or not finite, for no steps, or a multiplier of 0.
    pub fn warm_restarts(rate: f64, last: f64, first: u64, multiplier: u64) -> Result<Self> {
        check_not_negative("last learning rate", last)?;
        check_steps("number of steps of the first cycle", first)?;
        check_steps("multiplier", multiplier)?;
        Self::new(rate, Shape::Restarts { to: last, first, multiplier })
    }

    /// Up to `largest` and far down again in `steps` steps, with the defaults of [`OneCycle`].
    ///
    /// # Errors
    /// As [`one_cycle_with`](Self::one_cycle_with).
    pub fn one_cycle(largest: f64, steps: u64) -> Result<Self> {
        Self::one_cycle_with(largest, steps, OneCycle::default())
    }

    /// Up to `largest` and far down again in `steps` steps; the last rate from then on.
    ///
    /// # Errors
    /// [`Error::Argument`] for a rate that is negative or not finite, a fraction outside [0, 1], divisors below 1, or no steps.
    pub fn one_cycle_with(largest: f64, steps: u64, cycle: OneCycle) -> Result<Self> {
        if !(0.0..=1.0).contains(&cycle.rise) {
            let requirement = "it must be from 0 to 1";
            return Err(Error::Argument { name: "rise", value: cycle.rise, requirement });
        }
        for (name, value) in [("first divisor", cycle.first_divisor), ("last divisor", cycle.last_divisor)] {
            if !(value >= 1.0 && value.is_finite()) {
                return Err(Error::Argument { name, value, requirement: "it must be finite and at least 1" });
            }
        }
        check_steps("number of steps", steps)?;
        Self::new(largest, Shape::OneCycle { steps, cycle })
    }

    /// Puts `steps` steps in front, in which the rate rises on a straight line: step t has (t + 1)/steps of the schedule's first rate.
    pub fn with_warm_up(mut self, steps: u64) -> Self {
        self.warm_up = steps;
        self
    }

    /// The rate at a step, from 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.after_warm_up(0) * ((step + 1) as f64 / self.warm_up as f64);
        }
        self.after_warm_up(step - self.warm_up)
    }

    fn after_warm_up(&self, step: u64) -> f64 {
        let t = step as f64;
        match self.shape {
            Shape::Constant => self.rate,
            Shape::Steps { every, factor } => self.rate * factor.powf((step / every) as f64),
            Shape::Exponential { factor } => self.rate * factor.powf(t),
            Shape::Fall { to, steps, .. } if step >= steps => to,
            Shape::Fall { to, steps, annealing } => annealing.between(self.rate, to, t / steps as f64),
            Shape::Restarts { to, first, multiplier } => {
                let (mut place, mut length) = (step, first);
                if multiplier == 1 {
                    place %= first;
                }
                while place >= length {
                    place -= length;
                    length = length.saturating_mul(multiplier);
                }
                Annealing::Cosine.between(self.rate, to, place as f64 / length as f64)
            }
            Shape::OneCycle { steps, cycle } => one_cycle(self.rate, steps, &cycle, t),
        }
    }
}

/// The rate of a cycle at step t.
fn one_cycle(largest: f64, steps: u64, cycle: &OneCycle, t: f64) -> f64 {
    let first = largest / cycle.first_divisor;
    let last = first / cycle.last_divisor;
    let end = (steps - 1) as f64;
    // The step with the largest rate, as PyTorch has it: it need not be whole.
    let peak = (cycle.rise * steps as f64 - 1.0).clamp(0.0, end);
    if t >= end {
        last
    } else if t <= peak && peak > 0.0 {
        cycle.annealing.between(first, largest, t / peak)
    } else {
        cycle.annealing.between(largest, last, (t - peak) / (end - peak))
    }
}

fn check_steps(name: &'static str, steps: u64) -> Result<()> {
    if steps > 0 {
        return Ok(());
    }
    Err(Error::Argument { name, value: 0.0, requirement: "it must be at least 1" })
}
