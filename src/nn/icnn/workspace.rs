//! The memory between the passes of a convex network.

use super::Icnn;
use super::constraint::{add_columns, copy_columns};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;
use crate::nn::activation::passes::Kept;

/// What the passes leave at one layer. Rows of `columns` numbers are made like the layer's input.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerMemory<T> {
    /// `[z, x, 1]`, (batch, columns).
    pub input: Vec<T>,
    /// `f'`, then, where kept, `f''` of the outputs, row by row: (batch, kept out).
    pub derivatives: Vec<T>,
    /// The tangent of the input, `[ż, w, 0]`, (batch, columns).
    pub tangent: Vec<T>,
    /// The tangent of the outputs before the activation, (batch, out).
    pub tangent_before: Vec<T>,
    /// The gradient of y in the pre-activations of the layer before, then that in x by way of this layer, (batch, columns).
    pub chain: Vec<T>,
    /// `dy/dz f''` of the outputs, (batch, out).
    pub bent: Vec<T>,
}

/// Which gradient the chain is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// None, or one with weights on the samples.
    Other,
    /// That of the map: of y itself for every sample.
    Map,
}

/// The memory of an [`Icnn`]'s passes.
///
/// It may serve several networks in turn, but a backward pass belongs to the forward pass that came last, with the parameters of that pass.
/// Memory: about `7 batch Σ out` numbers after passes of all kinds, and twice the parameters.
#[derive(Debug, Clone)]
pub struct IcnnWorkspace<T> {
    /// Rows of the last forward pass; zero before the first.
    pub(super) batch: usize,
    /// Inputs and hidden widths of the network of the last forward pass.
    pub(super) shape: Vec<usize>,
    pub(super) kept: Kept,
    pub(super) chain: Chain,
    /// `[W, A, b]` of every layer.
    pub(super) packed: Vec<T>,
    /// The gradient in them.
    pub(super) packed_gradient: Vec<T>,
    pub(super) layers: Vec<LayerMemory<T>>,
    /// y, (batch, 1).
    pub(super) output: Vec<T>,
    /// The gradient of the last layer's output, (batch, 1).
    pub(super) output_gradient: Vec<T>,
    /// Gradients in x summed over the layers, (batch, inputs).
    pub(super) input_gradient: Vec<T>,
    /// Gradients in the pre-activations in a second-order pass, this layer's and the next one's.
    pub(super) second: [Vec<T>; 2],
    pub(super) scratch: Vec<T>,
}

impl<T: Scalar> Default for IcnnWorkspace<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The first `count` numbers of a buffer, which grows where it is shorter.
pub(super) fn resized<T: Scalar>(buffer: &mut Vec<T>, count: usize) -> &mut [T] {
    if buffer.len() < count {
        buffer.resize(count, T::ZERO);
    }
    &mut buffer[..count]
}

impl<T: Scalar> IcnnWorkspace<T> {
    /// An empty workspace: the first pass allocates.
    pub fn new() -> Self {
        IcnnWorkspace {
            batch: 0,
            shape: Vec::new(),
            kept: Kept::Nothing,
            chain: Chain::Other,
            packed: Vec::new(),
            packed_gradient: Vec::new(),
            layers: Vec::new(),
            output: Vec::new(),
            output_gradient: Vec::new(),
            input_gradient: Vec::new(),
            second: [Vec::new(), Vec::new()],
            scratch: Vec::new(),
        }
    }

    /// Packs the weights of a network and writes x and the ones of `[z, x, 1]` in front of every layer. Until the
    /// forward pass is through, the workspace counts as empty.
    pub(super) fn begin(&mut self, network: &Icnn<T>, x: MatrixView<'_, T>, kept: Kept) -> Result<()> {
        self.batch = 0;
        let weights = network.layers.iter().map(|layer| layer.hidden_weight.clone());
        network.non_negativity.check(&network.parameters, weights.chain(network.convexity.range()))?;
        (self.kept, self.chain) = (kept, Chain::Other);
        if !network.has_shape(&self.shape) {
            self.shape.clear();
            self.shape.push(network.inputs);
            self.shape.extend(network.layers[1..].iter().map(|layer| layer.hidden));
        }
        resized(&mut self.packed, network.packed_len());
        if self.layers.len() < network.layers.len() {
            self.layers.resize_with(network.layers.len(), LayerMemory::default);
        }
        let (batch, inputs) = (x.rows(), network.inputs);
        for (layer, memory) in network.layers.iter().zip(&mut self.layers) {
            let packed = &mut self.packed[layer.packed.clone()];
            let [hidden, columns] = [layer.hidden, layer.columns];
            let weight = &network.parameters[layer.hidden_weight.clone()];
            network.non_negativity.pack(weight, hidden, packed, [0, columns]);
            let weight = &network.parameters[layer.input_weight.clone()];
            copy_columns(weight, inputs, packed, [hidden, columns]);
            let bias = &network.parameters[layer.bias.clone()];
            copy_columns(bias, 1, packed, [hidden + inputs, columns]);
            let input = resized(&mut memory.input, batch * columns);
            write_tail(x, T::ONE, input, [hidden, columns]);
        }
        Ok(())
    }

    /// Adds the packed gradient to that in the parameters.
    pub(super) fn unpack_gradient(&mut self, network: &Icnn<T>, gradient: &mut [T]) {
        let inputs = network.inputs;
        for layer in &network.layers {
            let packed = &self.packed_gradient[layer.packed.clone()];
            let [hidden, columns] = [layer.hidden, layer.columns];
            let scratch = resized(&mut self.scratch, 2 * hidden);
            network.non_negativity.unpack_gradient(
                &network.parameters[layer.hidden_weight.clone()],
                hidden,
                packed,
                [0, columns],
                scratch,
                &mut gradient[layer.hidden_weight.clone()],
            );
            add_columns(packed, [hidden, columns], inputs, &mut gradient[layer.input_weight.clone()]);
            add_columns(packed, [hidden + inputs, columns], 1, &mut gradient[layer.bias.clone()]);
        }
    }

    /// Refuses a pass that has no forward pass of this network before it.
    pub(super) fn check(&self, operation: &'static str, network: &Icnn<T>, needed: Kept) -> Result<()> {
        if self.batch > 0 && network.has_shape(&self.shape) && self.kept >= needed {
            return Ok(());
        }
        Err(Error::NoForwardPass {
            operation,
            needed: if needed == Kept::Curvature { "forward_for_second_order" } else { "forward" },
        })
    }
}

/// Writes x and `last` behind the first columns of rows: `[_, x, last]`.
pub(super) fn write_tail<T: Scalar>(
    x: MatrixView<'_, T>,
    last: T,
    rows: &mut [T],
    [first, stride]: [usize; 2],
) {
    for (source, target) in x.iter_rows().zip(rows.chunks_exact_mut(stride)) {
        let (input, one) = target[first..].split_at_mut(source.len());
        input.copy_from_slice(source);
        one[0] = last;
    }
}
