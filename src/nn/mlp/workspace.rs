//! The memory between the passes of a network.

use super::Mlp;
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;
use crate::nn::activation::passes::{self, Kept};
use crate::nn::linear::product;

/// What the forward pass of one layer leaves for the passes after it.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerMemory<T> {
    /// `a_l`, (batch, out).
    pub value: Vec<T>,
    /// `f'(z_l)`, then, where kept, `f''(z_l)`, row by row: (batch, kept out).
    pub derivatives: Vec<T>,
    /// The directional derivative of `z_l`, (batch, out).
    pub tangent_before: Vec<T>,
    /// The directional derivative of `a_l`, (batch, out).
    pub tangent: Vec<T>,
}

/// The memory of a [`Mlp`]'s passes: the activations of the last forward pass and the buffers of the backward pass.
///
/// It may serve several networks in turn, but a backward pass belongs to the forward pass that came last, with the
/// parameters of that pass. Memory: `batch Σ out (2 + 2 kept)` numbers at most, the input, up to four times the batch
/// of the widest layer, and a twelfth of that for sums.
#[derive(Debug, Clone)]
pub struct MlpWorkspace<T> {
    /// Rows of the last forward pass; zero before the first.
    pub(super) batch: usize,
    /// The widths of the network of the last forward pass.
    pub(super) widths: Vec<usize>,
    pub(super) kept: Kept,
    /// Whether the tangents belong to the last forward pass.
    pub(super) tangents: bool,
    pub(super) input: Vec<T>,
    /// The direction of the last Jacobian-vector product, (batch, inp).
    pub(super) direction: Vec<T>,
    pub(super) layers: Vec<LayerMemory<T>>,
    /// Gradients of the layer at hand and of the one below it.
    pub(super) gradients: [Vec<T>; 2],
    /// Gradients of the pre-activations in a second-order pass.
    pub(super) second: [Vec<T>; 2],
    /// Sums of columns, granule by granule of rows.
    pub(super) partial: Vec<T>,
}

impl<T: Scalar> Default for MlpWorkspace<T> {
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

impl<T: Scalar> MlpWorkspace<T> {
    /// An empty workspace: the first pass allocates.
    pub fn new() -> Self {
        MlpWorkspace {
            batch: 0,
            widths: Vec::new(),
            kept: Kept::Nothing,
            tangents: false,
            input: Vec::new(),
            direction: Vec::new(),
            layers: Vec::new(),
            gradients: [Vec::new(), Vec::new()],
            second: [Vec::new(), Vec::new()],
            partial: Vec::new(),
        }
    }

    /// The activations of a layer (counted from 0) after the last [`forward`](Mlp::forward): (batch, out).
    ///
    /// # Errors
    /// [`Error::Shape`] if there was no forward pass, or the network has fewer layers.
    pub fn activations(&self, layer: usize) -> Result<MatrixView<'_, T>> {
        if self.batch == 0 || layer + 1 >= self.widths.len() {
            return Err(Error::Shape {
                operation: "MlpWorkspace::activations",
                what: "the number of layers that a forward pass has filled",
                expected: layer + 1,
                got: if self.batch == 0 { 0 } else { self.widths.len() - 1 },
            });
        }
        let out = self.widths[layer + 1];
        Ok(product::view(&self.layers[layer].value[..self.batch * out], out))
    }

    /// Makes room for a forward pass of `network` and copies its input.
    pub(super) fn begin(&mut self, network: &Mlp<T>, x: MatrixView<'_, T>, kept: Kept) {
        let batch = x.rows();
        self.batch = batch;
        self.kept = kept;
        self.tangents = false;
        if !network.has_widths(&self.widths) {
            self.widths = network.widths();
        }
        resized(&mut self.input, batch * x.columns());
        let columns = x.columns();
        for (row, target) in self.input.chunks_exact_mut(columns).take(batch).enumerate() {
            target.copy_from_slice(x.row(row));
        }
        if self.layers.len() < network.layers() {
            self.layers.resize_with(network.layers(), LayerMemory::default);
        }
    }

    /// Makes room for a backward pass.
    pub(super) fn begin_backward(&mut self, network: &Mlp<T>) {
        let widest = self.widths.iter().copied().max().unwrap_or(0);
        for buffer in &mut self.gradients {
            resized(buffer, self.batch * widest);
        }
        let sums = network.layers.iter().map(|layer| passes::partial_sums(self.batch, layer.out)).max();
        resized(&mut self.partial, sums.unwrap_or(0));
    }

    /// Refuses a pass that has no forward pass of this network before it.
    pub(super) fn check(&self, operation: &'static str, network: &Mlp<T>, needed: Kept) -> Result<()> {
        let filled = self.batch > 0 && network.has_widths(&self.widths) && self.kept >= needed;
        if filled {
            return Ok(());
        }
        Err(Error::NoForwardPass {
            operation,
            needed: match needed {
                Kept::Curvature => "forward_for_second_order",
                _ => "forward",
            },
        })
    }
}
