//! Partially input-convex networks: convex in x for every condition c, and free in c. Their gradients in x are conditional Brenier maps.
//!
//! ```text
//! u_0 = c,  u_(l+1) = h(u_l C_lᵀ + c_l)                        the path of the condition: any network
//! γ_l = [u_l G_lᵀ + g_l]_+,  β_l = u_l H_lᵀ + h_l               gates of units and of inputs
//! z_(l+1) = f((z_l ∘ γ_l) W_lᵀ + (x ∘ β_l) A_lᵀ + u_l B_lᵀ + b_l),   W_l >= 0
//! y = the last of them without f, + α/2 |x|²
//! ```
//! For a fixed c the gates are numbers, those of units not negative, and what is left is a convex network in x (Amos,
//! Xu and Kolter 2017, section 3.2; Bunne, Krause and Cuturi 2022 train them as maps). Layers are counted from 0; the
//! first has no z and no γ.
//!
//! A layer is one product here too, of `[z ∘ γ, x ∘ β, u, 1]` with `[W, A, B, b]`; the gates and the path of the
//! condition are three linear layers on u beside it. Products cost as in [`Icnn`](super::Icnn), and
//! `2 batch m (m' + n + d)` flops each way for the linear layers on a context of width m behind which m' follow.
//!
//! Files as in the room above: `options`, `workspace`, `first_order`, `second_order`; `context` has the layers on u
//! and their backward pass, `columns` the products entry by entry.

mod columns;
mod context;
mod first_order;
mod options;
mod second_order;
mod workspace;

pub use options::PartialIcnnOptions;
pub use workspace::PartialIcnnWorkspace;

use super::NonNegativity;
use super::passes::LayerCurve;
use super::quadratic::Coefficient;
use crate::Scalar;
use crate::nn::{Parameters, TensorPlace};
use context::ContextLayer;
use std::ops::Range;

/// One layer's place among the parameters and among the packed weights.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    /// Units of the layer before it; 0 for the first.
    hidden: usize,
    /// Width of u here.
    context: usize,
    out: usize,
    /// `[z ∘ γ, x ∘ β, u, 1]`: hidden + inputs + context + 1.
    columns: usize,
    /// `W`, (out, hidden): not negative. Empty for the first.
    hidden_weight: Range<usize>,
    /// `A`, (out, inputs).
    input_weight: Range<usize>,
    /// `B`, (out, context).
    context_weight: Range<usize>,
    /// `b`, (out).
    bias: Range<usize>,
    /// `[W, A, B, b]`, (out, columns), among the packed weights.
    packed: Range<usize>,
    curve: LayerCurve,
    /// γ; none in the first.
    hidden_gate: Option<ContextLayer>,
    /// β.
    input_gate: ContextLayer,
    /// The next u; none in the last.
    next_context: Option<ContextLayer>,
}

/// A partially input-convex neural network `y(x; c)`: convex in x, free in c. See the [module](super) for the convex
/// network itself, and this file for formulas.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::PartialIcnnOptions;
/// use brenier::random::RandomStream;
/// let mut stream = RandomStream::new(1);
/// // Maps of the plane for conditions of three numbers, that begin near the identity.
/// let potential = PartialIcnnOptions::near_identity(2, 3, &[16, 16], &[8, 8]).build::<f64>(&mut stream)?;
/// let (x, c): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(5, 2), stream.normal_matrix(5, 3));
/// let map = potential.gradient(&x, &c)?;
/// assert!((map[(0, 0)] - x[(0, 0)]).abs() < 0.1);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "PICNN")]
#[derive(Debug, Clone, PartialEq)]
pub struct PartialIcnn<T> {
    inputs: usize,
    conditions: usize,
    layers: Vec<Layer>,
    non_negativity: NonNegativity,
    convexity: Coefficient,
    parameters: Vec<T>,
}

impl<T: Scalar> PartialIcnn<T> {
    /// Number of inputs, d: what y is convex in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Length of a condition.
    pub fn conditions(&self) -> usize {
        self.conditions
    }

    /// The widths of the hidden layers.
    pub fn hidden(&self) -> Vec<usize> {
        self.layers[1..].iter().map(|layer| layer.hidden).collect()
    }

    /// The widths of the layers of the condition's path.
    pub fn condition_hidden(&self) -> Vec<usize> {
        self.layers[1..].iter().map(|layer| layer.context).collect()
    }

    /// How the weights on hidden units are kept from being negative.
    pub fn non_negativity(&self) -> NonNegativity {
        self.non_negativity
    }

    /// α, as it stands: the constant of strong convexity.
    pub fn strong_convexity(&self) -> T {
        self.convexity.value(&self.parameters, self.non_negativity)
    }

    /// Sets weights on hidden units, and a trainable α, that are negative to zero. With [`NonNegativity::Softplus`] nothing needs it.
    pub fn project(&mut self) {
        for layer in &self.layers {
            self.non_negativity.project(&mut self.parameters[layer.hidden_weight.clone()]);
        }
        self.convexity.project(&mut self.parameters, self.non_negativity);
    }

    /// How many numbers the packed weights are.
    fn packed_len(&self) -> usize {
        self.layers[self.layers.len() - 1].packed.end
    }
}

impl<T: Scalar> Parameters<T> for PartialIcnn<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    /// For l = 0, 1, …: `hidden.l.weight` (out, hidden; from l = 1 on), `input.l.weight` (out, inputs),
    /// `context.l.weight` (out, context), `bias.l` (out), then weight and bias of `hidden_gate.l` (from l = 1 on),
    /// `input_gate.l` and `condition.l` (which makes the next context; not in the last); at the end, where it is
    /// trainable, `strong_convexity` (1). With [`NonNegativity::Softplus`] `hidden.l.raw_weight` and
    /// `raw_strong_convexity` instead.
    fn tensors(&self) -> Vec<TensorPlace> {
        let mut tensors = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let mut push = |name: String, shape: &[usize], range: &Range<usize>| {
                tensors.push(TensorPlace { name, shape: shape.to_vec(), range: range.clone() });
            };
            if layer.hidden > 0 {
                let name = format!("hidden.{index}.{}", self.non_negativity.tensor_name());
                push(name, &[layer.out, layer.hidden], &layer.hidden_weight);
            }
            push(format!("input.{index}.weight"), &[layer.out, self.inputs], &layer.input_weight);
            push(format!("context.{index}.weight"), &[layer.out, layer.context], &layer.context_weight);
            push(format!("bias.{index}"), &[layer.out], &layer.bias);
            let beside = [
                ("hidden_gate", &layer.hidden_gate),
                ("input_gate", &Some(layer.input_gate.clone())),
                ("condition", &layer.next_context),
            ];
            for (name, on_context) in beside {
                if let Some(on_context) = on_context {
                    let shape = [on_context.out, layer.context];
                    push(format!("{name}.{index}.weight"), &shape, &on_context.weight);
                    push(format!("{name}.{index}.bias"), &shape[..1], &on_context.bias);
                }
            }
        }
        tensors.extend(self.convexity.tensor(self.non_negativity));
        tensors
    }
}
