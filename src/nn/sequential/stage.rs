//! What becomes of a layer in a chain: its operation, without its parameters, which lie in the slice of the chain.

use super::Layer;
use crate::Scalar;
use crate::error::Result;
use crate::nn::{Activation, FourierFeatures};
use crate::random::RandomStream;
use std::ops::Range;

/// One operation of a chain: a layer, a linear layer with the activation after it, or a part of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stage {
    /// The (first) layer that it comes from.
    pub layer: usize,
    pub inp: usize,
    pub out: usize,
    pub operation: Operation,
}

/// What a stage computes, with its places among the parameters of the chain.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operation {
    Linear { weight: Range<usize>, bias: Option<Range<usize>>, activation: Activation },
    Activation(Activation),
    Dropout { probability: f64, stream: RandomStream },
    LayerNorm { parameters: Range<usize>, epsilon: f64 },
    FourierFeatures(FourierFeatures),
}

/// What memory of one stage fits another: that of an equal `Fit`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    kind: std::mem::Discriminant<Operation>,
    inp: usize,
    out: usize,
    keeps_slopes: bool,
}

impl Stage {
    /// Whether it has an activation whose slopes are kept.
    pub fn keeps_slopes(&self) -> bool {
        match &self.operation {
            Operation::Linear { activation, .. } => *activation != Activation::Identity,
            Operation::Activation(_) => true,
            _ => false,
        }
    }

    /// Whether it learns.
    pub fn has_parameters(&self) -> bool {
        matches!(self.operation, Operation::Linear { .. } | Operation::LayerNorm { .. })
    }

    pub fn fit(&self) -> Fit {
        let kind = std::mem::discriminant(&self.operation);
        Fit { kind, inp: self.inp, out: self.out, keeps_slopes: self.keeps_slopes() }
    }
}

/// Adds layer number `index`, of `width` inputs, whose parameters begin at `start`.
pub(super) fn append<T: Scalar>(
    stages: &mut Vec<Stage>,
    index: usize,
    layer: &Layer<T>,
    width: usize,
    start: usize,
) -> Result<()> {
    let stage = |inp, out, operation| Stage { layer: index, inp, out, operation };
    match layer {
        Layer::Linear(linear) => {
            let (inp, out) = (linear.inputs(), linear.outputs());
            let weight = start..start + inp * out;
            let bias = linear.bias().map(|bias| weight.end..weight.end + bias.len());
            let activation = Activation::Identity;
            stages.push(stage(inp, out, Operation::Linear { weight, bias, activation }));
        }
        Layer::Activation(activation) => {
            activation.check()?;
            match stages.last_mut().map(|stage| &mut stage.operation) {
                Some(Operation::Linear { activation: joined @ Activation::Identity, .. }) => {
                    *joined = *activation;
                }
                _ => stages.push(stage(width, width, Operation::Activation(*activation))),
            }
        }
        Layer::Dropout(dropout) => {
            let (probability, stream) = (dropout.probability(), dropout.stream().split(index as u64));
            stages.push(stage(width, width, Operation::Dropout { probability, stream }));
        }
        Layer::LayerNorm(normal) => {
            let parameters = start..start + 2 * width;
            let epsilon = normal.epsilon();
            stages.push(stage(width, width, Operation::LayerNorm { parameters, epsilon }));
        }
        Layer::FourierFeatures(features) => {
            let operation = Operation::FourierFeatures(features.clone());
            stages.push(stage(features.inputs(), features.features(), operation));
        }
        Layer::Mlp(mlp) => {
            for part in mlp.places() {
                let shifted = |range: &Range<usize>| start + range.start..start + range.end;
                let (weight, bias) = (shifted(&part.weight), part.bias.as_ref().map(shifted));
                let activation = part.activation;
                stages.push(stage(part.inp, part.out, Operation::Linear { weight, bias, activation }));
            }
        }
    }
    Ok(())
}
