//! The memory between the passes of a partially convex network.

use super::PartialIcnn;
use super::context::ContextMemory;
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;
use crate::nn::activation::passes::Kept;
use crate::nn::icnn::constraint::{add_columns, copy_columns};
use crate::nn::icnn::workspace::{Chain, resized};

/// What the passes leave at one layer. Rows of `columns` numbers are made like the layer's input.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerMemory<T> {
    /// The units before the gates, z, (batch, hidden).
    pub z: Vec<T>,
    /// `[z ∘ γ, x ∘ β, u, 1]`, (batch, columns).
    pub input: Vec<T>,
    /// `f'`, then, where kept, `f''` of the outputs, row by row: (batch, kept out).
    pub derivatives: Vec<T>,
    pub hidden_gate: ContextMemory<T>,
    pub input_gate: ContextMemory<T>,
    pub next_context: ContextMemory<T>,
    /// The gradient in u, (batch, context).
    pub context_gradient: Vec<T>,
    /// The tangent of z, (batch, hidden).
    pub z_tangent: Vec<T>,
    /// The tangent of the input, (batch, columns).
    pub tangent: Vec<T>,
    /// The tangent of the outputs before the activation, (batch, out).
    pub tangent_before: Vec<T>,
    /// The gradient of y in the pre-activations, (batch, out).
    pub q: Vec<T>,
    /// The gradient of y in the input, (batch, columns).
    pub chain: Vec<T>,
    /// `dy/dz f''` of the outputs, (batch, out).
    pub bent: Vec<T>,
}

/// The memory of a [`PartialIcnn`]'s passes.
///
/// It may serve several networks in turn, but a backward pass belongs to the forward pass that came last, with the
/// parameters of that pass. Once it has seen the largest batch it allocates nothing more.
#[derive(Debug, Clone)]
pub struct PartialIcnnWorkspace<T> {
    /// Rows of the last forward pass; zero before the first.
    pub(super) batch: usize,
    /// Inputs, conditions, then the widths of both paths, of the network of the last forward pass.
    pub(super) shape: Vec<usize>,
    pub(super) kept: Kept,
    pub(super) chain: Chain,
    /// x, (batch, inputs).
    pub(super) x: Vec<T>,
    /// The direction of a pass in second order, (batch, inputs).
    pub(super) w: Vec<T>,
    /// `[W, A, B, b]` of every layer.
    pub(super) packed: Vec<T>,
    /// The gradient in them.
    pub(super) packed_gradient: Vec<T>,
    pub(super) layers: Vec<LayerMemory<T>>,
    /// y, (batch, 1).
    pub(super) output: Vec<T>,
    /// The gradient in x, (batch, inputs).
    pub(super) input_gradient: Vec<T>,
    /// In a pass in second order, the gradient in a layer's pre-activations, (batch, out).
    pub(super) zeta: Vec<T>,
    /// In a pass in second order, the gradient in a layer's input, (batch, columns).
    pub(super) below: Vec<T>,
    pub(super) partial: Vec<T>,
}

impl<T: Scalar> Default for PartialIcnnWorkspace<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> PartialIcnnWorkspace<T> {
    /// An empty workspace: the first pass allocates.
    pub fn new() -> Self {
        PartialIcnnWorkspace {
            batch: 0,
            shape: Vec::new(),
            kept: Kept::Nothing,
            chain: Chain::Other,
            x: Vec::new(),
            w: Vec::new(),
            packed: Vec::new(),
            packed_gradient: Vec::new(),
            layers: Vec::new(),
            output: Vec::new(),
            input_gradient: Vec::new(),
            zeta: Vec::new(),
            below: Vec::new(),
            partial: Vec::new(),
        }
    }

    /// Packs the weights of a network. Until the forward pass is through, the workspace counts as empty.
    pub(super) fn begin(&mut self, network: &PartialIcnn<T>, x: MatrixView<'_, T>, kept: Kept) -> Result<()> {
        self.batch = 0;
        let weights = network.layers.iter().map(|layer| layer.hidden_weight.clone());
        network.non_negativity.check(&network.parameters, weights.chain(network.convexity.range()))?;
        (self.kept, self.chain) = (kept, Chain::Other);
        if !network.shape().eq(self.shape.iter().copied()) {
            self.shape.clear();
            self.shape.extend(network.shape());
        }
        copy_rows(x, &mut self.x);
        resized(&mut self.packed, network.packed_len());
        if self.layers.len() < network.layers.len() {
            self.layers.resize_with(network.layers.len(), LayerMemory::default);
        }
        for layer in &network.layers {
            let packed = &mut self.packed[layer.packed.clone()];
            let stride = layer.columns;
            let weight = &network.parameters[layer.hidden_weight.clone()];
            network.non_negativity.pack(weight, layer.hidden, packed, [0, stride]);
            for (range, columns, first) in network.free_columns(layer) {
                copy_columns(&network.parameters[range], columns, packed, [first, stride]);
            }
        }
        Ok(())
    }

    /// Adds the packed gradient to that in the parameters.
    pub(super) fn unpack_gradient(&mut self, network: &PartialIcnn<T>, gradient: &mut [T]) {
        for layer in &network.layers {
            let packed = &self.packed_gradient[layer.packed.clone()];
            let stride = layer.columns;
            network.non_negativity.unpack_gradient(
                &network.parameters[layer.hidden_weight.clone()],
                layer.hidden,
                packed,
                [0, stride],
                resized(&mut self.partial, 2 * layer.hidden),
                &mut gradient[layer.hidden_weight.clone()],
            );
            for (range, columns, first) in network.free_columns(layer) {
                add_columns(packed, [first, stride], columns, &mut gradient[range]);
            }
        }
    }

    /// Refuses a pass that has no forward pass of this network before it.
    pub(super) fn check(
        &self,
        operation: &'static str,
        network: &PartialIcnn<T>,
        needed: Kept,
    ) -> Result<()> {
        if self.batch > 0 && self.kept >= needed && network.shape().eq(self.shape.iter().copied()) {
            return Ok(());
        }
        Err(Error::NoForwardPass {
            operation,
            needed: if needed == Kept::Curvature { "forward_for_second_order" } else { "forward" },
        })
    }
}

/// Copies the rows of a view.
pub(super) fn copy_rows<T: Scalar>(source: MatrixView<'_, T>, target: &mut Vec<T>) {
    let target = resized(target, source.rows() * source.columns());
    for (target, source) in target.chunks_exact_mut(source.columns()).zip(source.iter_rows()) {
        target.copy_from_slice(source);
    }
}
