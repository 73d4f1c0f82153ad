//! Stochastic gradient descent, with momentum and weight decay.
//!
//! With gradient g, at step t = 1, 2, …:
//!
//! ```text
//! g ← g + λ θ
//! b ← g (t = 1)   or   b ← μ b + (1 - d) g        (only with momentum μ > 0)
//! θ ← θ - η b     or, Nesterov,   θ ← θ - η (g + μ b)
//! ```
//!
//! Source: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning",
//! ICML 2013, with PyTorch's convention that η stands outside the buffer, and that the dampening d does not belong to
//! the first step.
//!
//! Cost: one pass; 12 bytes of memory traffic for a parameter in `f32`, 20 with momentum.

use super::groups::{ParameterGroup, Segment, check_groups, segments};
use super::slices::Slices;
use super::state::OptimiserState;
use super::{Optimiser, check_gradient, check_not_negative};
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// Options of [`Sgd`]; the defaults are those of PyTorch.
///
/// # Examples
/// ```
/// use brenier::nn::optim::{Sgd, SgdOptions};
/// let sgd = Sgd::<f32>::new(SgdOptions::default().with_learning_rate(0.1).with_momentum(0.9))?;
/// // Nesterov's form is one of momentum.
/// assert!(Sgd::<f32>::new(SgdOptions::default().with_nesterov(true)).is_err());
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SgdOptions {
    /// η. Default 1e-3.
    pub learning_rate: f64,
    /// μ. Default 0: no momentum.
    pub momentum: f64,
    /// d, how much less of the gradient goes into the buffer. Default 0.
    pub dampening: f64,
    /// λ. Default 0.
    pub weight_decay: f64,
    /// Whether the momentum is Nesterov's. Default false.
    pub nesterov: bool,
    /// Parts with a weight decay or learning rate of their own, in order and without overlap. Default none.
    pub groups: Vec<ParameterGroup>,
}

impl Default for SgdOptions {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            groups: Vec::new(),
        }
    }
}

impl SgdOptions {
    /// Sets η.
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets μ.
    pub fn with_momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets d.
    pub fn with_dampening(mut self, dampening: f64) -> Self {
        self.dampening = dampening;
        self
    }

    /// Sets λ.
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Sets whether the momentum is Nesterov's.
    pub fn with_nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// Sets the parts with numbers of their own.
    pub fn with_groups(mut self, groups: &[ParameterGroup]) -> Self {
        self.groups = groups.to_vec();
        self
    }

    fn validate(&self) -> Result<()> {
        check_not_negative("learning rate", self.learning_rate)?;
        check_not_negative("momentum", self.momentum)?;
        check_not_negative("weight decay", self.weight_decay)?;
        if !self.dampening.is_finite() {
            let requirement = "it must be finite";
            return Err(Error::Argument { name: "dampening", value: self.dampening, requirement });
        }
        if self.nesterov && self.momentum == 0.0 {
            let requirement = "Nesterov's form needs a momentum above 0";
            return Err(Error::Argument { name: "momentum", value: self.momentum, requirement });
        }
        if self.nesterov && self.dampening != 0.0 {
            let requirement = "Nesterov's form needs a dampening of 0";
            return Err(Error::Argument { name: "dampening", value: self.dampening, requirement });
        }
        check_groups(&self.groups)
    }
}

/// Stochastic gradient descent, with PyTorch's formulas:
///
/// ```text
/// g ← g + λ θ
/// b ← g (first step)   or   b ← μ b + (1 - d) g        (only with momentum μ > 0)
/// θ ← θ - η b     or, Nesterov,   θ ← θ - η (g + μ b)
/// ```
///
/// One pass, 12 bytes of memory traffic for a parameter in `f32`, 20 with momentum.
///
/// # Examples
/// ```
/// use brenier::nn::optim::{Optimiser, Sgd, SgdOptions};
/// let mut parameters = [1.0_f64, 2.0];
/// let mut sgd = Sgd::new(SgdOptions::default().with_learning_rate(0.5))?;
/// sgd.step(&mut parameters, &[1.0, -1.0])?;
/// assert_eq!(parameters, [0.5, 2.5]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sgd<T> {
    options: SgdOptions,
    learning_rate: f64,
    steps: u64,
    // Of the first step; 0 before it.
    length: usize,
    segments: Vec<Segment>,
    // Empty without momentum.
    buffer: Vec<T>,
}

impl<T: Scalar> Sgd<T> {
    /// An optimiser that has not seen a gradient yet.
    ///
    /// # Errors
    /// [`Error::Argument`] for an option out of range.
    pub fn new(options: SgdOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self {
            learning_rate: options.learning_rate,
            options,
            steps: 0,
            length: 0,
            segments: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// The options that it was made with.
    pub fn options(&self) -> &SgdOptions {
        &self.options
    }

    fn has_momentum(&self) -> bool {
        self.options.momentum > 0.0
    }

    /// Allocates the state at the first step; refuses another length later.
    fn prepare(&mut self, length: usize) -> Result<()> {
        let operation = "Sgd::step";
        if length == 0 {
            return Err(Error::Empty { what: "the parameters of Sgd::step" });
        }
        if self.length != 0 && self.length != length {
            let expected = self.length;
            return Err(Error::Shape { operation, what: "number of parameters", expected, got: length });
        }
        if self.segments.is_empty() {
            self.segments = segments(operation, &self.options.groups, self.options.weight_decay, length)?;
        }
        if self.has_momentum() && self.buffer.is_empty() {
            self.buffer = vec![T::ZERO; length];
        }
        self.length = length;
        Ok(())
    }
}

impl<T: Scalar> Optimiser<T> for Sgd<T> {
    fn step(&mut self, parameters: &mut [T], gradient: &[T]) -> Result<()> {
        check_gradient("Sgd::step", parameters.len(), gradient.len())?;
        self.prepare(parameters.len())?;
        self.steps = self.steps.saturating_add(1); // a state from a file may say any number
        let options = &self.options;
        for segment in &self.segments {
            let range = segment.range.clone();
            let (parameters, gradient) = (&mut parameters[range.clone()], &gradient[range.clone()]);
            let decay = T::from_f64(segment.weight_decay);
            let step = T::from_f64(-self.learning_rate * segment.learning_rate_factor);
            if options.momentum > 0.0 {
                let (kept, share) = match self.steps {
                    1 => (0.0, 1.0),
                    _ => (options.momentum, 1.0 - options.dampening),
                };
                // The direction is g + μ b or b: a g + c b.
                let (gradient_share, buffer_share) =
                    if options.nesterov { (1.0, options.momentum) } else { (0.0, 1.0) };
                let coefficients = Coefficients {
                    decay,
                    kept: T::from_f64(kept),
                    share: T::from_f64(share),
                    gradient_step: step * T::from_f64(gradient_share),
                    buffer_step: step * T::from_f64(buffer_share),
                };
                Slices::new(gradient, [parameters, &mut self.buffer[range]]).for_each_chunk(&|part| {
                    let [parameters, buffer] = part.state;
                    momentum_step(parameters, part.gradient, buffer, coefficients);
                });
            } else {
                Slices::new(gradient, [parameters]).for_each_chunk(&|part| {
                    let [parameters] = part.state;
                    plain_step(parameters, part.gradient, decay, step);
                });
            }
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        check_not_negative("learning rate", learning_rate)?;
        self.learning_rate = learning_rate;
        Ok(())
    }

    fn steps(&self) -> u64 {
        self.steps
    }

    fn reset(&mut self) {
        self.steps = 0;
        self.length = 0;
        self.segments.clear();
        self.buffer.clear();
    }

    fn state(&self) -> OptimiserState<T> {
        OptimiserState::new("Sgd", self.steps, self.learning_rate, &[("momentum_buffer", &self.buffer)])
    }

    fn restore(&mut self, state: OptimiserState<T>) -> Result<()> {
        let (steps, learning_rate) = (state.steps, state.learning_rate);
        let buffer = if self.has_momentum() {
            let [buffer] = state.into_moments("Sgd", ["momentum_buffer"])?;
            buffer
        } else {
            let [] = state.into_moments("Sgd", [])?;
            Vec::new()
        };
        (self.steps, self.learning_rate, self.length, self.buffer) =
            (steps, learning_rate, buffer.len(), buffer);
        self.segments.clear();
        Ok(())
    }
}

#[inline(always)]
fn plain_kernel<S: Simd, T: Scalar>(parameters: &mut [T], gradient: &[T], decay: T, step: T) {
    let lanes = T::Register::<S>::LANES;
    let (decay, step) = (T::Register::<S>::splat(decay), T::Register::<S>::splat(step));
    let mut registers = parameters.chunks_exact_mut(lanes);
    let mut gradients = gradient.chunks_exact(lanes);
    for (p_part, g) in (&mut registers).zip(&mut gradients) {
        let p = T::Register::<S>::load(p_part);
        let g = p.mul_add(decay, T::Register::<S>::load(g));
        g.mul_add(step, p).store(p_part);
    }
    let rest = registers.into_remainder();
    let p = T::Register::<S>::load_partial(rest, T::ZERO);
    let g = p.mul_add(decay, T::Register::<S>::load_partial(gradients.remainder(), T::ZERO));
    g.mul_add(step, p).store_partial(rest);
}

dispatch! {
    /// `p -= η (g + λ p)`.
    fn plain_step<T: Scalar>(parameters: &mut [T], gradient: &[T], decay: T, step: T) = plain_kernel
}

/// The numbers of one step with momentum.
#[derive(Clone, Copy)]
struct Coefficients<T> {
    decay: T,
    /// Of the buffer.
    kept: T,
    /// Of the gradient that goes into it.
    share: T,
    gradient_step: T,
    buffer_step: T,
}

#[inline(always)]
fn momentum_kernel<S: Simd, T: Scalar>(
    parameters: &mut [T],
    gradient: &[T],
    buffer: &mut [T],
    coefficients: Coefficients<T>,
) {
    let lanes = T::Register::<S>::LANES;
    let decay = T::Register::<S>::splat(coefficients.decay);
    let kept = T::Register::<S>::splat(coefficients.kept);
    let share = T::Register::<S>::splat(coefficients.share);
    let gradient_step = T::Register::<S>::splat(coefficients.gradient_step);
    let buffer_step = T::Register::<S>::splat(coefficients.buffer_step);
    let whole = parameters.len() / lanes * lanes;
    for at in (0..whole).step_by(lanes) {
        let place = at..at + lanes;
        let p = T::Register::<S>::load(&parameters[place.clone()]);
        let g = p.mul_add(decay, T::Register::<S>::load(&gradient[place.clone()]));
        let b = T::Register::<S>::load(&buffer[place.clone()]).mul_add(kept, g * share);
        b.store(&mut buffer[place.clone()]);
        b.mul_add(buffer_step, g.mul_add(gradient_step, p)).store(&mut parameters[place]);
    }
    let p = T::Register::<S>::load_partial(&parameters[whole..], T::ZERO);
    let g = p.mul_add(decay, T::Register::<S>::load_partial(&gradient[whole..], T::ZERO));
    let b = T::Register::<S>::load_partial(&buffer[whole..], T::ZERO).mul_add(kept, g * share);
    b.store_partial(&mut buffer[whole..]);
    b.mul_add(buffer_step, g.mul_add(gradient_step, p)).store_partial(&mut parameters[whole..]);
}

dispatch! {
    /// One step with momentum on slices of one length.
    fn momentum_step<T: Scalar>(
        parameters: &mut [T],
        gradient: &[T],
        buffer: &mut [T],
        coefficients: Coefficients<T>,
    ) = momentum_kernel
}
