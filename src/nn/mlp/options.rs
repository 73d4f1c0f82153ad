//! How a network is built.

use super::{Layer, Mlp};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::nn::Activation;
use crate::nn::initialisation::{Initialisation, fill_linear_bias};
use crate::random::RandomStream;

/// What a [`Mlp`] is built from.
///
/// # Examples
/// ```
/// use brenier::nn::{Activation, Mlp, MlpOptions};
/// use brenier::random::RandomStream;
/// let generator: Mlp<f32> = MlpOptions::new(&[64, 128, 256, 784])
///     .with_activation(Activation::Relu)
///     .with_output_activation(Activation::Sigmoid)
///     .build(&mut RandomStream::new(0))?;
/// assert_eq!(generator.widths(), [64, 128, 256, 784]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MlpOptions {
    widths: Vec<usize>,
    activation: Activation,
    output_activation: Activation,
    bias: bool,
    initialisation: Initialisation,
}

impl MlpOptions {
    /// These widths, from the inputs to the outputs; SiLU between the layers, nothing at the end, with biases.
    pub fn new(widths: &[usize]) -> Self {
        MlpOptions {
            widths: widths.to_vec(),
            activation: Activation::Silu,
            output_activation: Activation::Identity,
            bias: true,
            initialisation: Initialisation::LinearDefault,
        }
    }

    /// The activation between the layers.
    pub fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// The activation of the last layer.
    pub fn with_output_activation(mut self, activation: Activation) -> Self {
        self.output_activation = activation;
        self
    }

    /// Whether the layers have biases.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// The initial values of the weights. With [`Initialisation::LinearDefault`], the default, the biases are uniform in
    /// ±1/√inp, as in PyTorch; with another they are zero.
    pub fn with_initialisation(mut self, initialisation: Initialisation) -> Self {
        self.initialisation = initialisation;
        self
    }

    /// The network.
    ///
    /// # Errors
    /// [`Error::Shape`] for fewer than two widths, [`Error::Empty`] for a width of zero, [`Error::Argument`] for an activation
    /// with a parameter that is not finite, for an initialisation out of its domain, or for more parameters than fit into memory.
    pub fn build<T: Scalar>(&self, stream: &mut RandomStream) -> Result<Mlp<T>> {
        if self.widths.len() < 2 {
            return Err(Error::Shape {
                operation: "MlpOptions::build",
                what: "the number of widths (inputs and outputs at least)",
                expected: 2,
                got: self.widths.len(),
            });
        }
        if self.widths.contains(&0) {
            return Err(Error::Empty { what: "a layer of the network (its width is 0)" });
        }
        self.activation.check()?;
        self.output_activation.check()?;
        let too_large = || Error::Argument {
            name: "widths",
            value: self.widths.iter().map(|&width| width as f64).product(),
            requirement: "the parameters must fit into memory",
        };
        let (mut layers, mut end) = (Vec::new(), 0_usize);
        for (index, pair) in self.widths.windows(2).enumerate() {
            let [inp, out] = [pair[0], pair[1]];
            let mut take = |count: Option<usize>| {
                let start = end;
                end = count.and_then(|count| end.checked_add(count)).ok_or_else(too_large)?;
                Ok(start..end)
            };
            let weight = take(inp.checked_mul(out))?;
            let bias = if self.bias { Some(take(Some(out))?) } else { None };
            let last = index + 2 == self.widths.len();
            let activation = if last { self.output_activation } else { self.activation };
            layers.push(Layer { inp, out, weight, bias, activation });
        }
        let mut parameters = Vec::new();
        parameters.try_reserve_exact(end).map_err(|_| too_large())?;
        parameters.resize(end, T::ZERO);
        for layer in &layers {
            self.initialisation.fill(
                &mut parameters[layer.weight.clone()],
                (layer.out, layer.inp),
                stream,
            )?;
            if let (Some(bias), Initialisation::LinearDefault) = (&layer.bias, &self.initialisation) {
                fill_linear_bias(&mut parameters[bias.clone()], layer.inp, stream)?;
            }
        }
        Ok(Mlp { layers, parameters })
    }
}
