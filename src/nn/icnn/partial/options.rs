//! How a partially convex network is built.

use super::context::ContextLayer;
use super::{Layer, PartialIcnn};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::nn::Activation;
use crate::nn::icnn::initialisation::HiddenStatistics;
use crate::nn::icnn::options::{check_convex, check_quadratic, check_sizes};
use crate::nn::icnn::passes::LayerCurve;
use crate::nn::icnn::quadratic::Coefficient;
use crate::nn::icnn::{IcnnInitialisation, NonNegativity, StrongConvexity};
use crate::random::RandomStream;

/// What a [`PartialIcnn`] is built from.
///
/// # Examples
/// ```
/// use brenier::nn::{Activation, PartialIcnnOptions};
/// use brenier::random::RandomStream;
/// // Two inputs, conditions of three numbers.
/// let potential = PartialIcnnOptions::new(2, 3, &[64, 64], &[32, 32])
///     .with_condition_activation(Activation::Tanh)
///     .build::<f32>(&mut RandomStream::new(0))?;
/// assert_eq!((potential.inputs(), potential.conditions()), (2, 3));
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PartialIcnnOptions {
    inputs: usize,
    conditions: usize,
    hidden: Vec<usize>,
    condition_hidden: Vec<usize>,
    activation: Activation,
    condition_activation: Activation,
    gate: Activation,
    non_negativity: NonNegativity,
    strong_convexity: StrongConvexity,
    initialisation: IcnnInitialisation,
}

impl PartialIcnnOptions {
    /// So many inputs and numbers in a condition, hidden layers of these widths, and as many layers of the
    /// condition's path with theirs. Softplus between the layers, SiLU between those of the condition, gates by the
    /// rectifier, weights projected, no quadratic term, principled initial weights.
    pub fn new(inputs: usize, conditions: usize, hidden: &[usize], condition_hidden: &[usize]) -> Self {
        PartialIcnnOptions {
            inputs,
            conditions,
            hidden: hidden.to_vec(),
            condition_hidden: condition_hidden.to_vec(),
            activation: Activation::Softplus,
            condition_activation: Activation::Silu,
            gate: Activation::Relu,
            non_negativity: NonNegativity::default(),
            strong_convexity: StrongConvexity::default(),
            initialisation: IcnnInitialisation::default(),
        }
    }

    /// The same with a trainable quadratic term `α/2 |x|²` that begins with α = 1, and the rest so small that the
    /// gradient begins near the identity map for every condition.
    pub fn near_identity(
        inputs: usize,
        conditions: usize,
        hidden: &[usize],
        condition_hidden: &[usize],
    ) -> Self {
        Self::new(inputs, conditions, hidden, condition_hidden)
            .with_strong_convexity(StrongConvexity::Trainable(1.0))
            .with_initialisation(IcnnInitialisation::NearIdentity)
    }

    /// The activation on the convex path, as in [`IcnnOptions::with_activation`](crate::nn::IcnnOptions::with_activation).
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// The activation on the condition's path: any.
    pub fn with_condition_activation(mut self, activation: Activation) -> Self {
        self.condition_activation = activation;
        self
    }

    /// What keeps the gates of hidden units from being negative: ReLU as in the paper, or softplus, which is smooth in the condition.
    pub fn with_gate(mut self, gate: Activation) -> Self {
        self.gate = gate;
        self
    }

    /// How weights on hidden units are kept from being negative.
    pub fn with_non_negativity(mut self, non_negativity: NonNegativity) -> Self {
        self.non_negativity = non_negativity;
        self
    }

    /// The α of the term `α/2 |x|²`.
    pub fn with_strong_convexity(mut self, strong_convexity: StrongConvexity) -> Self {
        self.strong_convexity = strong_convexity;
        self
    }

    /// How the parameters begin.
    pub fn with_initialisation(mut self, initialisation: IcnnInitialisation) -> Self {
        self.initialisation = initialisation;
        self
    }

    /// The network.
    ///
    /// # Errors
    /// As [`IcnnOptions::build`](crate::nn::IcnnOptions::build); besides [`Error::Shape`] if the two paths do not
    /// have as many layers, and [`Error::Choice`] for a gate that can be negative.
    pub fn build<T: Scalar>(&self, stream: &mut RandomStream) -> Result<PartialIcnn<T>> {
        self.check()?;
        let too_large = || Error::Argument {
            name: "hidden",
            value: self.hidden.iter().chain(&self.condition_hidden).map(|&width| width as f64).product(),
            requirement: "the parameters must fit into memory",
        };
        let (mut layers, mut end, mut packed_end) = (Vec::new(), 0_usize, 0_usize);
        for index in 0..=self.hidden.len() {
            let mut take = |rows: usize, columns: usize| {
                let start = end;
                end = rows
                    .checked_mul(columns)
                    .and_then(|count| end.checked_add(count))
                    .ok_or_else(too_large)?;
                Ok::<_, Error>(start..end)
            };
            let last = index == self.hidden.len();
            let hidden = if index == 0 { 0 } else { self.hidden[index - 1] };
            let context = if index == 0 { self.conditions } else { self.condition_hidden[index - 1] };
            let out = if last { 1 } else { self.hidden[index] };
            let hidden_weight = take(out, hidden)?;
            let input_weight = take(out, self.inputs)?;
            let context_weight = take(out, context)?;
            let bias = take(out, 1)?;
            let mut on_context = |out: usize, activation: Activation| {
                Ok::<_, Error>(ContextLayer {
                    out,
                    weight: take(out, context)?,
                    bias: take(out, 1)?,
                    activation,
                })
            };
            let hidden_gate = if index == 0 { None } else { Some(on_context(hidden, self.gate)?) };
            let input_gate = on_context(self.inputs, Activation::Identity)?;
            let next_context = match self.condition_hidden.get(index) {
                Some(&next) => Some(on_context(next, self.condition_activation)?),
                None => None,
            };
            let columns = hidden + self.inputs + context + 1;
            let packed = packed_end..packed_end + out * columns;
            packed_end = packed.end;
            let curve = LayerCurve::Activation(if last { Activation::Identity } else { self.activation });
            layers.push(Layer {
                hidden,
                context,
                out,
                columns,
                hidden_weight,
                input_weight,
                context_weight,
                bias,
                packed,
                curve,
                hidden_gate,
                input_gate,
                next_context,
            });
        }
        let convexity = match self.strong_convexity {
            StrongConvexity::Fixed(alpha) => Coefficient::Fixed(alpha),
            StrongConvexity::Trainable(_) => Coefficient::At(end),
        };
        let count = end + convexity.range().map_or(0, |range| range.len());
        let mut parameters = Vec::new();
        parameters.try_reserve_exact(count).map_err(|_| too_large())?;
        parameters.resize(count, T::ZERO);
        if let Some(range) = convexity.range() {
            parameters[range]
                .fill(T::from_f64(self.non_negativity.parameter_of(self.strong_convexity.initial())));
        }
        for index in 0..layers.len() {
            self.fill(&layers, index, &mut parameters, stream)?;
        }
        Ok(PartialIcnn {
            inputs: self.inputs,
            conditions: self.conditions,
            layers,
            non_negativity: self.non_negativity,
            convexity,
            parameters,
        })
    }

    fn check(&self) -> Result<()> {
        check_sizes(self.inputs, &self.hidden)?;
        if self.conditions == 0 {
            return Err(Error::Empty { what: "the condition of a partially convex network" });
        }
        if self.condition_hidden.len() != self.hidden.len() {
            return Err(Error::Shape {
                operation: "PartialIcnnOptions::build",
                what: "the number of layers of the condition's path",
                expected: self.hidden.len(),
                got: self.condition_hidden.len(),
            });
        }
        if self.condition_hidden.contains(&0) {
            return Err(Error::Empty { what: "a layer of the condition's path (its width is 0)" });
        }
        check_convex(self.activation)?;
        self.condition_activation.check()?;
        if !matches!(self.gate, Activation::Relu | Activation::Softplus) {
            return Err(Error::Choice {
                name: "the gate of hidden units",
                got: self.gate.to_string(),
                requirement: "it must not be negative: relu or softplus",
            });
        }
        check_quadratic(self.strong_convexity, self.non_negativity, self.initialisation)
    }

    /// Draws the weights of a layer. Of the half of the variance that a unit has alone
    /// ([`initialisation`](crate::nn::icnn)), weights on units give one half, those on inputs and on the context a
    /// quarter each. Gates begin around 1, where the network is a convex one with x and c side by side; He's weights
    /// lead the context on.
    fn fill<T: Scalar>(
        &self,
        layers: &[Layer],
        index: usize,
        parameters: &mut [T],
        stream: &mut RandomStream,
    ) -> Result<()> {
        let layer = &layers[index];
        let scale = if index + 1 == layers.len() { self.initialisation.last_scale() } else { 1.0 };
        let share = if index == 0 { 0.5 } else { 0.125 };
        let mut normal = |parameters: &mut [T], variance: f64| {
            stream.fill_normal_with(parameters, T::ZERO, T::from_f64(variance.sqrt()))
        };
        let context = layer.context as f64;
        let own = scale * scale * share;
        normal(&mut parameters[layer.input_weight.clone()], own / self.inputs as f64)?;
        normal(&mut parameters[layer.context_weight.clone()], own / context)?;
        normal(&mut parameters[layer.input_gate.weight.clone()], 0.0625 / context)?;
        parameters[layer.input_gate.bias.clone()].fill(T::ONE);
        if let Some(gate) = &layer.hidden_gate {
            normal(&mut parameters[gate.weight.clone()], 0.0625 / context)?;
            let one = match self.gate {
                Activation::Softplus => NonNegativity::Softplus.parameter_of(1.0),
                _ => 1.0,
            };
            parameters[gate.bias.clone()].fill(T::from_f64(one));
        }
        if let Some(next) = &layer.next_context {
            normal(&mut parameters[next.weight.clone()], 2.0 / context)?;
        }
        if index > 0 {
            let statistics = HiddenStatistics::new(layers[index - 1].curve, layer.hidden, 0.25);
            let weight = &mut parameters[layer.hidden_weight.clone()];
            statistics.fill(weight, scale, self.non_negativity, stream)?;
            parameters[layer.bias.clone()].fill(T::from_f64(scale * statistics.bias));
        }
        Ok(())
    }
}
