//! Input-convex neural networks: scalar functions that are convex in x whatever their parameters, and whose gradients
//! are therefore Brenier maps.
//!
//! ```text
//! z_1 = f_1(x A_1ᵀ + b_1)
//! z_l = f(z_(l-1) W_lᵀ + x A_lᵀ + b_l),  W_l >= 0        l = 2, …, L
//! y   = z_L wᵀ + x aᵀ + b + α/2 |x|²,    w >= 0, α >= 0
//! ```
//! A nondecreasing convex function of a convex function is convex, and so is a sum of convex functions with weights
//! that are not negative. f is convex and nondecreasing; `f_1` is f, or half the square
//! ([`IcnnOptions::with_quadratic_first_layer`]), which acts on something affine and need not be monotone. α makes y
//! strongly convex: `<∇y(x) - ∇y(x'), x - x'> >= α |x - x'|²`.
//!
//! By Brenier's theorem the optimal map for the squared distance is the gradient of a convex function.
//! [`Icnn::input_gradient`] is that map, and [`Icnn::input_gradient_backward`] what its training needs.
//! [`PartialIcnn`] is convex in x and anything in a condition c: a map for every c.
//!
//! | pass | what it gives | products |
//! | --- | --- | --- |
//! | [`evaluate`](Icnn::evaluate) | `y(x)` | 1 |
//! | [`forward`](Icnn::forward) | the same, and keeps what the passes below need | 1 |
//! | [`backward`](Icnn::backward) | from `dy` the gradients in the parameters and in x | 2 |
//! | [`input_gradient`](Icnn::input_gradient) | the map `g = ∇y(x)` | 1 |
//! | [`jacobian_vector_product`](Icnn::jacobian_vector_product) | `<∇y(x), w>` for every sample | 1 |
//! | [`hessian_vector_product_into`](Icnn::hessian_vector_product_into) | `∇²y(x) w` for every sample | 2 |
//! | [`input_gradient_backward`](Icnn::input_gradient_backward) | the backward pass of g: second derivatives | 4 |
//!
//! (In units of `2 batch Σ out (inp + d + 1)` flops; the two passes in second order follow an `input_gradient`, or
//! begin with one.) A whole layer is **one product**: its input is kept as `[z, x, 1]`, its weights are packed as
//! `[W, A, b]` at each forward pass. A [`IcnnWorkspace`] holds all that lies between the passes; once it has seen the
//! largest batch it allocates nothing more.
//!
//! # Weights that are not negative
//! [`NonNegativity::Projection`]: the weights are the parameters. Call [`Icnn::project`] after each step of an optimiser: a forward pass with a negative weight is refused
//! ([`Error::Negative`](crate::Error::Negative)), so what a network answers is convex for certain.
//! [`NonNegativity::Softplus`]: the weight is `ln(1 + e^v)` of a free parameter v, and the gradient passes through.
//!
//! # Sources
//! Amos, Xu and Kolter, "Input convex neural networks", ICML 2017 (equations 2 and 3). Makkuva, Taghvaei, Oh and Lee,
//! "Optimal transport mapping via input convex neural networks", ICML 2020. Bunne, Krause and Cuturi, "Supervised
//! training of conditional Monge maps", NeurIPS 2022. Hoedt and Klambauer, "Principled weight initialisation for
//! input-convex neural networks", NeurIPS 2023.
//!
//! Files: `options` builds a network, `initialisation` its first weights, `constraint` keeps weights above zero and
//! packs them, `quadratic` is the term with α, `passes` are kernels, `workspace` is the memory, `first_order` and
//! `second_order` hold the passes; `partial` is the network with a condition.

mod constraint;
mod first_order;
mod initialisation;
mod options;
mod partial;
mod passes;
mod quadratic;
mod second_order;
mod workspace;

pub use constraint::NonNegativity;
pub use initialisation::IcnnInitialisation;
pub use options::IcnnOptions;
pub use partial::{PartialIcnn, PartialIcnnOptions, PartialIcnnWorkspace};
pub use quadratic::StrongConvexity;
pub use workspace::IcnnWorkspace;

use super::{Parameters, TensorPlace};
use crate::Scalar;
use passes::LayerCurve;
use quadratic::Coefficient;
use std::ops::Range;

/// One layer's place among the parameters and among the packed weights.
#[derive(Debug, Clone, PartialEq)]
struct Layer {
    /// Units of the layer before it; 0 for the first.
    hidden: usize,
    out: usize,
    /// `[z, x, 1]`: hidden + inputs + 1.
    columns: usize,
    /// `W`, (out, hidden): not negative. Empty for the first.
    hidden_weight: Range<usize>,
    /// `A`, (out, inputs).
    input_weight: Range<usize>,
    /// `b`, (out).
    bias: Range<usize>,
    /// `[W, A, b]`, (out, columns), among the packed weights.
    packed: Range<usize>,
    curve: LayerCurve,
}

/// An input-convex neural network: a scalar function, convex in its input. See the [module](self) for formulas and passes.
///
/// # Examples
/// Regression of the map on a known one, `T(x) = 2 x`, by the loss `Σ |∇y(x) - T(x)|² / 2`:
/// ```
/// use brenier::Matrix;
/// use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
/// use brenier::nn::{IcnnOptions, IcnnWorkspace, Parameters};
/// use brenier::random::RandomStream;
///
/// let mut stream = RandomStream::new(1);
/// let mut icnn = IcnnOptions::near_identity(2, &[16, 16]).build::<f64>(&mut stream)?;
/// let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.01))?;
/// let mut workspace = IcnnWorkspace::new();
/// let mut gradient = vec![0.0; icnn.parameters().len()];
/// let x: Matrix<f64> = stream.normal_matrix(64, 2);
/// let mut map = Matrix::zeros(64, 2);
/// let mut losses = Vec::new();
/// for _ in 0..100 {
///     icnn.forward_for_second_order(&x, &mut workspace)?;
///     icnn.input_gradient(&mut workspace, map.view_mut())?;
///     let residual = Matrix::from_fn(64, 2, |row, column| map[(row, column)] - 2.0 * x[(row, column)]);
///     losses.push(residual.as_slice().iter().map(|r| r * r / 2.0).sum::<f64>());
///     gradient.fill(0.0);
///     icnn.input_gradient_backward(&residual, &mut workspace, &mut gradient, None)?;
///     adam.step(icnn.parameters_mut(), &gradient)?;
///     icnn.project(); // weights that became negative become zero
/// }
/// assert!(losses[99] < 0.1 * losses[0]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "input-convex")]
#[doc(alias = "Brenier map")]
#[derive(Debug, Clone, PartialEq)]
pub struct Icnn<T> {
    inputs: usize,
    layers: Vec<Layer>,
    non_negativity: NonNegativity,
    convexity: Coefficient,
    parameters: Vec<T>,
}

impl<T: Scalar> Icnn<T> {
    /// Number of inputs, d.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The widths of the hidden layers.
    pub fn hidden(&self) -> Vec<usize> {
        self.layers[1..].iter().map(|layer| layer.hidden).collect()
    }

    /// How the weights on hidden units are kept from being negative.
    pub fn non_negativity(&self) -> NonNegativity {
        self.non_negativity
    }

    /// α, as it stands: the constant of strong convexity.
    pub fn strong_convexity(&self) -> T {
        self.convexity.value(&self.parameters, self.non_negativity)
    }

    /// Sets weights on hidden units, and a trainable α, that are negative to zero: the Euclidean projection onto the
    /// parameters of convex functions. With [`NonNegativity::Softplus`] nothing needs it.
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

impl<T: Scalar> Parameters<T> for Icnn<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    /// `input.0.weight` (out, inputs), `input.0.bias` (out), then for l = 1, 2, … `hidden.l.weight` (out, hidden),
    /// `input.l.weight`, `input.l.bias`; last, where it is trainable, `strong_convexity` (1). With
    /// [`NonNegativity::Softplus`] `hidden.l.raw_weight` and `raw_strong_convexity` instead: what softplus is taken
    /// of.
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
            push(format!("input.{index}.bias"), &[layer.out], &layer.bias);
        }
        tensors.extend(self.convexity.tensor(self.non_negativity));
        tensors
    }
}
