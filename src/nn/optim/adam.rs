//! Adam, AdamW and AMSGrad.
//!
//! With gradient g, at step t = 1, 2, …:
//!
//! ```text
//! g ← g + λ θ                      (Adam)      or     θ ← θ - η λ θ      (AdamW, before the rest)
//! m ← m + (1 - β₁)(g - m)          v ← β₂ v + (1 - β₂) g²
//! θ ← θ - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)
//! ```
//!
//! AMSGrad takes the largest v so far in the last line. Sources: Kingma and Ba, "Adam", ICLR 2015; Loshchilov and
//! Hutter, "Decoupled weight decay regularization", ICLR 2019; Reddi, Kale and Kumar, "On the convergence of Adam and
//! beyond", ICLR 2018. As in PyTorch, ε stands outside the root and after the correction, and the corrections are
//! computed in `f64`.
//!
//! Cost: one pass, 16 flops, a root and a division for a parameter; 28 bytes of memory traffic for one in `f32`,
//! which is what takes the time.

use super::groups::{ParameterGroup, Segment, check_groups, segments};
use super::slices::Slices;
use super::state::OptimiserState;
use super::{Optimiser, check_fraction, check_gradient, check_not_negative};
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// Options of [`Adam`]. [`AdamOptions::default`] is Adam, [`AdamOptions::adamw`] is AdamW, both as PyTorch has them.
///
/// # Examples
/// ```
/// use brenier::nn::optim::{Adam, AdamOptions};
/// let options = AdamOptions::adamw().with_learning_rate(3e-4).with_weight_decay(0.1);
/// let adamw = Adam::<f32>::new(options)?;
/// assert!(Adam::<f32>::new(AdamOptions::default().with_betas(0.9, 1.0)).is_err());
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AdamOptions {
    /// η. Default 1e-3.
    pub learning_rate: f64,
    /// β₁, how much of the mean gradient is kept at a step. Default 0.9.
    pub beta1: f64,
    /// β₂, how much of the mean square is kept. Default 0.999.
    pub beta2: f64,
    /// ε, added to the root of the mean square. Default 1e-8.
    pub epsilon: f64,
    /// λ. Default 0 for Adam, 0.01 for AdamW.
    pub weight_decay: f64,
    /// Whether weights decay on their own (AdamW) instead of by way of the gradient (Adam).
    pub decoupled: bool,
    /// Whether the largest mean square so far is used (AMSGrad). Default false.
    pub amsgrad: bool,
    /// Parts with a weight decay or learning rate of their own, in order and without overlap. Default none.
    pub groups: Vec<ParameterGroup>,
}

impl Default for AdamOptions {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            amsgrad: false,
            groups: Vec::new(),
        }
    }
}

impl AdamOptions {
    /// The defaults of AdamW: weight decay 0.01, decoupled from the gradient.
    pub fn adamw() -> Self {
        Self { weight_decay: 0.01, decoupled: true, ..Self::default() }
    }

    /// Sets η.
    pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
        self.learning_rate = learning_rate;
        self
    }

    /// Sets β₁ and β₂.
    pub fn with_betas(mut self, beta1: f64, beta2: f64) -> Self {
        (self.beta1, self.beta2) = (beta1, beta2);
        self
    }

    /// Sets ε.
    pub fn with_epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets λ.
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Sets whether the largest mean square so far is used.
    pub fn with_amsgrad(mut self, amsgrad: bool) -> Self {
        self.amsgrad = amsgrad;
        self
    }

    /// Sets the parts with numbers of their own.
    pub fn with_groups(mut self, groups: &[ParameterGroup]) -> Self {
        self.groups = groups.to_vec();
        self
    }

    fn validate(&self) -> Result<()> {
        check_not_negative("learning rate", self.learning_rate)?;
        check_fraction("beta1", self.beta1)?;
        check_fraction("beta2", self.beta2)?;
        check_not_negative("epsilon", self.epsilon)?;
        check_not_negative("weight decay", self.weight_decay)?;
        check_groups(&self.groups)
    }
}

/// Adam, AdamW or AMSGrad, as the [options](AdamOptions) say, with PyTorch's formulas:
///
/// ```text
/// g ← g + λ θ   (Adam)     or     θ ← θ - η λ θ   (AdamW, before the rest)
/// m ← m + (1 - β₁)(g - m),     v ← β₂ v + (1 - β₂) g²
/// θ ← θ - η / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)
/// ```
///
/// AMSGrad takes the largest v so far in the last line. One pass, 28 bytes of memory traffic for a parameter in `f32`, 36 for AMSGrad.
///
/// Sources: Kingma and Ba, ICLR 2015; Loshchilov and Hutter, ICLR 2019; Reddi, Kale and Kumar, ICLR 2018.
///
/// # Examples
/// The first step has the length of the learning rate, whatever the gradient's scale:
/// ```
/// use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
/// let mut parameters = [1.0_f64, 1.0];
/// Adam::new(AdamOptions::default())?.step(&mut parameters, &[1e-3, -1e5])?;
/// assert!((parameters[0] - 0.999).abs() < 1e-7 && (parameters[1] - 1.001).abs() < 1e-7);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "AdamW")]
#[doc(alias = "AMSGrad")]
#[derive(Debug, Clone)]
pub struct Adam<T> {
    options: AdamOptions,
    learning_rate: f64,
    steps: u64,
    segments: Vec<Segment>,
    mean: Vec<T>,
    mean_square: Vec<T>,
    // Empty unless AMSGrad.
    largest: Vec<T>,
}

impl<T: Scalar> Adam<T> {
    /// An optimiser that has not seen a gradient yet.
    ///
    /// # Errors
    /// [`Error::Argument`] for an option out of range.
    pub fn new(options: AdamOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self {
            learning_rate: options.learning_rate,
            options,
            steps: 0,
            segments: Vec::new(),
            mean: Vec::new(),
            mean_square: Vec::new(),
            largest: Vec::new(),
        })
    }

    /// The options that it was made with.
    pub fn options(&self) -> &AdamOptions {
        &self.options
    }

    fn kind(&self) -> &'static str {
        if self.options.decoupled { "AdamW" } else { "Adam" }
    }

    /// Allocates the state at the first step; refuses another length later.
    fn prepare(&mut self, length: usize) -> Result<()> {
        let operation = "Adam::step";
        if length == 0 {
            return Err(Error::Empty { what: "the parameters of Adam::step" });
        }
        if !self.mean.is_empty() && self.mean.len() != length {
            let expected = self.mean.len();
            return Err(Error::Shape { operation, what: "number of parameters", expected, got: length });
        }
        if self.segments.is_empty() {
            self.segments = segments(operation, &self.options.groups, self.options.weight_decay, length)?;
        }
        if self.mean.is_empty() {
            self.mean = vec![T::ZERO; length];
            self.mean_square = vec![T::ZERO; length];
            self.largest = vec![T::ZERO; if self.options.amsgrad { length } else { 0 }];
        }
        Ok(())
    }
}

impl<T: Scalar> Optimiser<T> for Adam<T> {
    fn step(&mut self, parameters: &mut [T], gradient: &[T]) -> Result<()> {
        check_gradient("Adam::step", parameters.len(), gradient.len())?;
        self.prepare(parameters.len())?;
        self.steps = self.steps.saturating_add(1); // a state from a file may say any number
        for segment in &self.segments {
            let coefficients = Coefficients::<T>::new(&self.options, self.learning_rate, self.steps, segment);
            let range = segment.range.clone();
            let (parameters, gradient) = (&mut parameters[range.clone()], &gradient[range.clone()]);
            let (mean, mean_square) = (&mut self.mean[range.clone()], &mut self.mean_square[range.clone()]);
            if self.options.amsgrad {
                let state = [parameters, mean, mean_square, &mut self.largest[range]];
                Slices::new(gradient, state).for_each_chunk(&|part| {
                    let [parameters, mean, mean_square, largest] = part.state;
                    amsgrad_step(parameters, part.gradient, mean, mean_square, largest, coefficients);
                });
            } else {
                Slices::new(gradient, [parameters, mean, mean_square]).for_each_chunk(&|part| {
                    let [parameters, mean, mean_square] = part.state;
                    adam_step(parameters, part.gradient, mean, mean_square, coefficients);
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
        self.segments.clear();
        self.mean.clear();
        self.mean_square.clear();
        self.largest.clear();
    }

    fn state(&self) -> OptimiserState<T> {
        OptimiserState::new(
            self.kind(),
            self.steps,
            self.learning_rate,
            &[("exp_avg", &self.mean), ("exp_avg_sq", &self.mean_square), ("max_exp_avg_sq", &self.largest)],
        )
    }

    fn restore(&mut self, state: OptimiserState<T>) -> Result<()> {
        let (steps, learning_rate) = (state.steps, state.learning_rate);
        let (mean, mean_square, largest) = if self.options.amsgrad {
            let [mean, square, largest] =
                state.into_moments(self.kind(), ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"])?;
            (mean, square, largest)
        } else {
            let [mean, square] = state.into_moments(self.kind(), ["exp_avg", "exp_avg_sq"])?;
            (mean, square, Vec::new())
        };
        for (what, squares) in [("exp_avg_sq", &mean_square), ("max_exp_avg_sq", &largest)] {
            if let Some(index) = squares.iter().position(|&square| square < T::ZERO) {
                return Err(Error::Negative { what, index, value: squares[index].to_f64() });
            }
        }
        (self.steps, self.learning_rate) = (steps, learning_rate);
        (self.mean, self.mean_square, self.largest) = (mean, mean_square, largest);
        self.segments.clear();
        Ok(())
    }
}

/// The numbers of one step, rounded from `f64` once.
#[derive(Clone, Copy)]
struct Coefficients<T> {
    /// λ of Adam, else 0: what joins the gradient.
    decay: T,
    /// 1 - η λ of AdamW, else 1: what scales the parameter.
    shrink: T,
    /// 1 - β₁.
    mean_share: T,
    /// β₂.
    square_kept: T,
    /// 1 - β₂.
    square_share: T,
    /// -η / (1 - β₁ᵗ).
    step: T,
    /// 1 / √(1 - β₂ᵗ).
    correction: T,
    /// ε.
    epsilon: T,
}

impl<T: Scalar> Coefficients<T> {
    fn new(options: &AdamOptions, learning_rate: f64, steps: u64, segment: &Segment) -> Self {
        let learning_rate = learning_rate * segment.learning_rate_factor;
        let (decay, shrink) = if options.decoupled {
            (0.0, 1.0 - learning_rate * segment.weight_decay)
        } else {
            (segment.weight_decay, 1.0)
        };
        let steps = steps as f64;
        Self {
            decay: T::from_f64(decay),
            shrink: T::from_f64(shrink),
            mean_share: T::from_f64(1.0 - options.beta1),
            square_kept: T::from_f64(options.beta2),
            square_share: T::from_f64(1.0 - options.beta2),
            step: T::from_f64(-learning_rate / (1.0 - options.beta1.powf(steps))),
            correction: T::from_f64(1.0 / (1.0 - options.beta2.powf(steps)).sqrt()),
            epsilon: T::from_f64(options.epsilon),
        }
    }
}

/// The same numbers in registers.
#[derive(Clone, Copy)]
struct Splatted<L> {
    decay: L,
    shrink: L,
    mean_share: L,
    square_kept: L,
    square_share: L,
    step: L,
    correction: L,
    epsilon: L,
}

impl<L: Lanes> Splatted<L> {
    #[inline(always)]
    fn new(c: Coefficients<L::Element>) -> Self {
        Self {
            decay: L::splat(c.decay),
            shrink: L::splat(c.shrink),
            mean_share: L::splat(c.mean_share),
            square_kept: L::splat(c.square_kept),
            square_share: L::splat(c.square_share),
            step: L::splat(c.step),
            correction: L::splat(c.correction),
            epsilon: L::splat(c.epsilon),
        }
    }

    /// The moments after the step.
    #[inline(always)]
    fn moments(&self, parameter: L, gradient: L, mean: L, mean_square: L) -> (L, L) {
        let gradient = parameter.mul_add(self.decay, gradient);
        let mean = (gradient - mean).mul_add(self.mean_share, mean);
        let square = (gradient * gradient) * self.square_share;
        (mean, mean_square.mul_add(self.square_kept, square))
    }

    /// The parameter after the step.
    #[inline(always)]
    fn parameter(&self, parameter: L, mean: L, mean_square: L) -> L {
        let denominator = mean_square.sqrt().mul_add(self.correction, self.epsilon);
        (self.step * (mean / denominator)) + parameter * self.shrink
    }
}

#[inline(always)]
fn adam_kernel<S: Simd, T: Scalar>(
    parameters: &mut [T],
    gradient: &[T],
    mean: &mut [T],
    mean_square: &mut [T],
    coefficients: Coefficients<T>,
) {
    let lanes = T::Register::<S>::LANES;
    let c = Splatted::<T::Register<S>>::new(coefficients);
    let whole = parameters.len() / lanes * lanes;
    for at in (0..whole).step_by(lanes) {
        let place = at..at + lanes;
        let p = T::Register::<S>::load(&parameters[place.clone()]);
        let g = T::Register::<S>::load(&gradient[place.clone()]);
        let m = T::Register::<S>::load(&mean[place.clone()]);
        let v = T::Register::<S>::load(&mean_square[place.clone()]);
        let (m, v) = c.moments(p, g, m, v);
        m.store(&mut mean[place.clone()]);
        v.store(&mut mean_square[place.clone()]);
        c.parameter(p, m, v).store(&mut parameters[place]);
    }
    let p = T::Register::<S>::load_partial(&parameters[whole..], T::ZERO);
    let g = T::Register::<S>::load_partial(&gradient[whole..], T::ZERO);
    let m = T::Register::<S>::load_partial(&mean[whole..], T::ZERO);
    let v = T::Register::<S>::load_partial(&mean_square[whole..], T::ONE);
    let (m, v) = c.moments(p, g, m, v);
    m.store_partial(&mut mean[whole..]);
    v.store_partial(&mut mean_square[whole..]);
    c.parameter(p, m, v).store_partial(&mut parameters[whole..]);
}

dispatch! {
    /// One step of Adam or AdamW on slices of one length.
    fn adam_step<T: Scalar>(
        parameters: &mut [T],
        gradient: &[T],
        mean: &mut [T],
        mean_square: &mut [T],
        coefficients: Coefficients<T>,
    ) = adam_kernel
}

#[inline(always)]
fn amsgrad_kernel<S: Simd, T: Scalar>(
    parameters: &mut [T],
    gradient: &[T],
    mean: &mut [T],
    mean_square: &mut [T],
    largest: &mut [T],
    coefficients: Coefficients<T>,
) {
    let lanes = T::Register::<S>::LANES;
    let c = Splatted::<T::Register<S>>::new(coefficients);
    let whole = parameters.len() / lanes * lanes;
    for at in (0..whole).step_by(lanes) {
        let place = at..at + lanes;
        let p = T::Register::<S>::load(&parameters[place.clone()]);
        let g = T::Register::<S>::load(&gradient[place.clone()]);
        let m = T::Register::<S>::load(&mean[place.clone()]);
        let v = T::Register::<S>::load(&mean_square[place.clone()]);
        let (m, v) = c.moments(p, g, m, v);
        // The operand that wins where either is NaN comes second, so that NaN is kept.
        let top = T::Register::<S>::load(&largest[place.clone()]).max(v);
        m.store(&mut mean[place.clone()]);
        v.store(&mut mean_square[place.clone()]);
        top.store(&mut largest[place.clone()]);
        c.parameter(p, m, top).store(&mut parameters[place]);
    }
    let p = T::Register::<S>::load_partial(&parameters[whole..], T::ZERO);
    let g = T::Register::<S>::load_partial(&gradient[whole..], T::ZERO);
    let m = T::Register::<S>::load_partial(&mean[whole..], T::ZERO);
    let v = T::Register::<S>::load_partial(&mean_square[whole..], T::ONE);
    let (m, v) = c.moments(p, g, m, v);
    let top = T::Register::<S>::load_partial(&largest[whole..], T::ZERO).max(v);
    m.store_partial(&mut mean[whole..]);
    v.store_partial(&mut mean_square[whole..]);
    top.store_partial(&mut largest[whole..]);
    c.parameter(p, m, top).store_partial(&mut parameters[whole..]);
}

dispatch! {
    /// One step of AMSGrad on slices of one length.
    fn amsgrad_step<T: Scalar>(
        parameters: &mut [T],
        gradient: &[T],
        mean: &mut [T],
        mean_square: &mut [T],
        largest: &mut [T],
        coefficients: Coefficients<T>,
    ) = amsgrad_kernel
}
