//! What a chain may be made of.

use crate::Scalar;
use crate::nn::{Activation, Dropout, FourierFeatures, LayerNorm, Linear, Mlp, Parameters};
use std::fmt;

/// A layer of a [`Sequential`](super::Sequential); each comes from its own type by [`into`](Into::into).
///
/// # Examples
/// ```
/// use brenier::nn::{Activation, LayerNorm, sequential::Layer};
/// assert_eq!(Layer::<f32>::from(LayerNorm::new(64)?).to_string(), "LayerNorm(64)");
/// assert_eq!(Layer::<f32>::from(Activation::Silu).to_string(), "silu");
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Layer<T> {
    /// `y = x Wᵀ + b`.
    Linear(Linear<T>),
    /// A function of each entry, of any width. After a linear layer it joins that layer's pass.
    Activation(Activation),
    /// Zeros at random, of any width; nothing in evaluation. A pass does not move its stream: see
    /// [`Mode::Training`](super::Mode::Training).
    Dropout(Dropout<T>),
    /// Rows to mean 0 and variance 1, then a scale and a shift.
    LayerNorm(LayerNorm<T>),
    /// Sines and cosines of times or points; usually the first.
    FourierFeatures(FourierFeatures),
    /// A whole network, its layers one after another.
    Mlp(Mlp<T>),
}

impl<T: Scalar> Layer<T> {
    /// Inputs and outputs, unless it takes any width.
    pub(super) fn widths(&self) -> Option<(usize, usize)> {
        match self {
            Layer::Linear(layer) => Some((layer.inputs(), layer.outputs())),
            Layer::LayerNorm(layer) => Some((layer.features(), layer.features())),
            Layer::FourierFeatures(layer) => Some((layer.inputs(), layer.features())),
            Layer::Mlp(layer) => Some((layer.inputs(), layer.outputs())),
            Layer::Activation(_) | Layer::Dropout(_) => None,
        }
    }

    /// What it learns.
    pub(super) fn parameters(&self) -> &[T] {
        match self {
            Layer::Linear(layer) => layer.parameters(),
            Layer::LayerNorm(layer) => layer.parameters(),
            Layer::Mlp(layer) => layer.parameters(),
            Layer::Activation(_) | Layer::Dropout(_) | Layer::FourierFeatures(_) => &[],
        }
    }

    /// Where the tensors lie in [`parameters`](Self::parameters).
    pub(super) fn tensors(&self) -> Vec<crate::nn::TensorPlace> {
        match self {
            Layer::Linear(layer) => layer.tensors(),
            Layer::LayerNorm(layer) => layer.tensors(),
            Layer::Mlp(layer) => layer.tensors(),
            Layer::Activation(_) | Layer::Dropout(_) | Layer::FourierFeatures(_) => Vec::new(),
        }
    }
}

/// Kind and widths: `Linear(2, 64)`, `LayerNorm(64)`, `silu`.
impl<T: Scalar> fmt::Display for Layer<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Layer::Linear(layer) => write!(formatter, "Linear({}, {})", layer.inputs(), layer.outputs()),
            Layer::Activation(activation) => activation.fmt(formatter),
            Layer::Dropout(layer) => write!(formatter, "Dropout({})", layer.probability()),
            Layer::LayerNorm(layer) => write!(formatter, "LayerNorm({})", layer.features()),
            Layer::FourierFeatures(layer) => {
                write!(formatter, "FourierFeatures({}, {})", layer.inputs(), layer.features())
            }
            Layer::Mlp(layer) => {
                let widths: Vec<String> = layer.widths().iter().map(usize::to_string).collect();
                write!(formatter, "Mlp({})", widths.join(", "))
            }
        }
    }
}

impl<T> From<Linear<T>> for Layer<T> {
    fn from(layer: Linear<T>) -> Self {
        Layer::Linear(layer)
    }
}

impl<T> From<Activation> for Layer<T> {
    fn from(activation: Activation) -> Self {
        Layer::Activation(activation)
    }
}

impl<T> From<Dropout<T>> for Layer<T> {
    fn from(layer: Dropout<T>) -> Self {
        Layer::Dropout(layer)
    }
}

impl<T> From<LayerNorm<T>> for Layer<T> {
    fn from(layer: LayerNorm<T>) -> Self {
        Layer::LayerNorm(layer)
    }
}

impl<T> From<FourierFeatures> for Layer<T> {
    fn from(layer: FourierFeatures) -> Self {
        Layer::FourierFeatures(layer)
    }
}

impl<T> From<Mlp<T>> for Layer<T> {
    fn from(layer: Mlp<T>) -> Self {
        Layer::Mlp(layer)
    }
}
