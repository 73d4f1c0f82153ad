//! How a convex network is built.

use super::initialisation::{HiddenStatistics, IcnnInitialisation};
use super::passes::LayerCurve;
use super::quadratic::Coefficient;
use super::{Icnn, Layer, NonNegativity, StrongConvexity};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::nn::Activation;
use crate::random::RandomStream;

/// What an [`Icnn`] is built from.
///
/// # Examples
/// ```
/// use brenier::nn::icnn::{NonNegativity, StrongConvexity};
/// use brenier::nn::{Activation, IcnnOptions};
/// use brenier::random::RandomStream;
/// let potential = IcnnOptions::new(2, &[64, 64, 64, 64])
///     .with_activation(Activation::Softplus)
///     .with_non_negativity(NonNegativity::Softplus)
///     .with_strong_convexity(StrongConvexity::Fixed(0.1))
///     .build::<f32>(&mut RandomStream::new(0))?;
/// assert_eq!(potential.hidden(), [64, 64, 64, 64]);
/// assert!(IcnnOptions::new(2, &[8]).with_activation(Activation::Silu).build::<f32>(&mut RandomStream::new(0)).is_err());
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IcnnOptions {
    inputs: usize,
    hidden: Vec<usize>,
    activation: Activation,
    quadratic_first_layer: bool,
    non_negativity: NonNegativity,
    strong_convexity: StrongConvexity,
    initialisation: IcnnInitialisation,
}

impl IcnnOptions {
    /// So many inputs and hidden layers of these widths; softplus between them, weights projected, no quadratic
    /// parts, principled initial weights.
    pub fn new(inputs: usize, hidden: &[usize]) -> Self {
        IcnnOptions {
            inputs,
            hidden: hidden.to_vec(),
            activation: Activation::Softplus,
            quadratic_first_layer: false,
            non_negativity: NonNegativity::default(),
            strong_convexity: StrongConvexity::default(),
            initialisation: IcnnInitialisation::default(),
        }
    }

    /// The same with a trainable quadratic term `α/2 |x|²` that begins with α = 1, and the rest so small that the
    /// gradient begins near the identity map.
    pub fn near_identity(inputs: usize, hidden: &[usize]) -> Self {
        Self::new(inputs, hidden)
            .with_strong_convexity(StrongConvexity::Trainable(1.0))
            .with_initialisation(IcnnInitialisation::NearIdentity)
    }

    /// The activation: ReLU, leaky ReLU with a slope in [0, 1], softplus, ELU with α in [0, 1], or the identity. A
    /// smooth one gives a smooth map; with ReLU the gradient is constant on pieces, and second-order passes see only
    /// the quadratic parts.
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// Whether the first layer is `(x A_1ᵀ + b_1)² / 2` (Makkuva et al. 2020 square theirs too).
    pub fn with_quadratic_first_layer(mut self, quadratic: bool) -> Self {
        self.quadratic_first_layer = quadratic;
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
    /// [`Error::Empty`] without inputs or hidden layers or with a width of zero, [`Error::Choice`] for an activation
    /// that is not convex and nondecreasing, [`Error::Argument`] for a parameter of the activation that makes it so,
    /// a strong convexity out of range, or more parameters than fit into memory.
    pub fn build<T: Scalar>(&self, stream: &mut RandomStream) -> Result<Icnn<T>> {
        check_sizes(self.inputs, &self.hidden)?;
        check_convex(self.activation)?;
        check_quadratic(self.strong_convexity, self.non_negativity, self.initialisation)?;
        let too_large = || Error::Argument {
            name: "hidden",
            value: self.hidden.iter().map(|&width| width as f64).product(),
            requirement: "the parameters must fit into memory",
        };
        let (mut layers, mut end, mut packed_end, mut hidden) = (Vec::new(), 0_usize, 0_usize, 0);
        for (index, &out) in self.hidden.iter().chain([&1]).enumerate() {
            let mut take = |rows: usize, columns: usize| {
                let start = end;
                end = rows
                    .checked_mul(columns)
                    .and_then(|count| end.checked_add(count))
                    .ok_or_else(too_large)?;
                Ok::<_, Error>(start..end)
            };
            let hidden_weight = take(out, hidden)?;
            let input_weight = take(out, self.inputs)?;
            let bias = take(out, 1)?;
            let columns = hidden + self.inputs + 1;
            let packed = packed_end..packed_end + out * columns;
            packed_end = packed.end;
            let curve = if index == self.hidden.len() {
                LayerCurve::Activation(Activation::Identity)
            } else if index == 0 && self.quadratic_first_layer {
                LayerCurve::HalfSquare
            } else {
                LayerCurve::Activation(self.activation)
            };
            layers.push(Layer { hidden, out, columns, hidden_weight, input_weight, bias, packed, curve });
            hidden = out;
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
        let mut icnn =
            Icnn { inputs: self.inputs, layers, non_negativity: self.non_negativity, convexity, parameters };
        self.fill(&mut icnn, stream)?;
        Ok(icnn)
    }

    /// Draws the weights.
    fn fill<T: Scalar>(&self, icnn: &mut Icnn<T>, stream: &mut RandomStream) -> Result<()> {
        let d = self.inputs as f64;
        for index in 0..icnn.layers.len() {
            let layer = &icnn.layers[index];
            let last = index + 1 == icnn.layers.len();
            let scale = if last { self.initialisation.last_scale() } else { 1.0 };
            let variance = if index == 0 { 1.0 / d } else { 0.25 / d };
            let input_weight = &mut icnn.parameters[layer.input_weight.clone()];
            stream.fill_normal_with(input_weight, T::ZERO, T::from_f64(scale * variance.sqrt()))?;
            if index > 0 {
                let statistics = HiddenStatistics::new(icnn.layers[index - 1].curve, layer.hidden, 0.25);
                let weight = &mut icnn.parameters[layer.hidden_weight.clone()];
                statistics.fill(weight, scale, self.non_negativity, stream)?;
                icnn.parameters[layer.bias.clone()].fill(T::from_f64(scale * statistics.bias));
            }
        }
        Ok(())
    }
}

/// Refuses a network without inputs or hidden units.
pub(super) fn check_sizes(inputs: usize, hidden: &[usize]) -> Result<()> {
    if inputs == 0 {
        return Err(Error::Empty { what: "the input of a convex network" });
    }
    if hidden.is_empty() {
        return Err(Error::Empty { what: "the list of hidden layers of a convex network" });
    }
    if hidden.contains(&0) {
        return Err(Error::Empty { what: "a hidden layer of a convex network (its width is 0)" });
    }
    Ok(())
}

/// Refuses an activation that is not convex and nondecreasing.
pub(super) fn check_convex(activation: Activation) -> Result<()> {
    let (name, value) = match activation {
        Activation::Identity | Activation::Relu | Activation::Softplus => return Ok(()),
        Activation::LeakyRelu { slope } => ("slope of leaky ReLU in a convex network", slope),
        Activation::Elu { alpha } => ("alpha of ELU in a convex network", alpha),
        other => {
            return Err(Error::Choice {
                name: "the activation of a convex network",
                got: other.to_string(),
                requirement: "it must be convex and nondecreasing: relu, leaky-relu, softplus, elu or identity",
            });
        }
    };
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Argument {
        name,
        value,
        requirement: "it must lie in [0, 1], or it is not convex and nondecreasing",
    })
}

/// Refuses a constant of strong convexity that is out of range or does not go with the initialisation.
pub(super) fn check_quadratic(
    convexity: StrongConvexity,
    non_negativity: NonNegativity,
    initialisation: IcnnInitialisation,
) -> Result<()> {
    convexity.check(non_negativity)?;
    let value = convexity.initial();
    if initialisation == IcnnInitialisation::NearIdentity && value != 1.0 {
        return Err(Error::Argument {
            name: "constant of strong convexity",
            value,
            requirement: "it must be 1 to begin near the identity",
        });
    }
    Ok(())
}
