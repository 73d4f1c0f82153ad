//! Evaluation, the forward pass and its backward pass, the gradient in x and its product with a direction.

use super::columns::{multiply, multiply_add, part, part_mut};
use super::workspace::{LayerMemory, PartialIcnnWorkspace, copy_rows};
use super::{Layer, PartialIcnn};
use crate::Scalar;
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::nn::activation::passes::Kept;
use crate::nn::icnn::first_order::{copy_column, product_into};
use crate::nn::icnn::workspace::{Chain, resized};
use crate::nn::icnn::{passes, quadratic};
use crate::nn::linear::product::{self, view, view_mut};
use crate::nn::{
    DIRECTION, INPUT_GRADIENT, OUTPUT_GRADIENT, Parameters, Sides, check_batch, check_gradient, check_shape,
};
use std::ops::Range;

/// The gradient of a loss in the conditions.
pub(super) const CONDITION_GRADIENT: Sides =
    ["rows of the gradient in the conditions", "columns of the gradient in the conditions"];

impl<T: Scalar> PartialIcnn<T> {
    /// `y(x; c)`, (batch, 1), in new memory. [`evaluate`](Self::evaluate) reuses it.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn apply<'a, 'b>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        c: impl Into<MatrixView<'b, T>>,
    ) -> Result<Matrix<T>> {
        Ok(self.evaluate(x, c, &mut PartialIcnnWorkspace::new())?.to_matrix())
    }

    /// The map `∇_x y(x; c)`, (batch, inputs), in new memory. [`input_gradient`](Self::input_gradient) reuses it.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn gradient<'a, 'b>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        c: impl Into<MatrixView<'b, T>>,
    ) -> Result<Matrix<T>> {
        let x = x.into();
        let mut workspace = PartialIcnnWorkspace::new();
        self.forward(x, c, &mut workspace)?;
        let mut gradient = Matrix::zeros(x.rows(), self.inputs);
        self.input_gradient(&mut workspace, gradient.view_mut())?;
        Ok(gradient)
    }

    /// `y(x; c)`, (batch, 1), and nothing kept for a backward pass.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn evaluate<'a, 'b, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        c: impl Into<MatrixView<'b, T>>,
        workspace: &'w mut PartialIcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), c.into(), workspace, Kept::Nothing)
    }

    /// `y(x; c)`, (batch, 1); the workspace keeps what a following pass needs. x: (batch, inputs), c: (batch,
    /// conditions): a condition for each sample.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for a wrong number of columns or of conditions,
    /// [`Error::Empty`](crate::Error::Empty) for an empty batch,
    /// [`Error::NotFiniteEntry`](crate::Error::NotFiniteEntry) for NaN or infinity in x or c,
    /// [`Error::NotFinite`](crate::Error::NotFinite) in the parameters, [`Error::Negative`](crate::Error::Negative)
    /// for a weight that a step made negative ([`project`](Self::project) was forgotten).
    pub fn forward<'a, 'b, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        c: impl Into<MatrixView<'b, T>>,
        workspace: &'w mut PartialIcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), c.into(), workspace, Kept::Slope)
    }

    /// The forward pass, with what later passes need.
    pub(super) fn forward_keeping<'w>(
        &self,
        x: MatrixView<'_, T>,
        c: MatrixView<'_, T>,
        workspace: &'w mut PartialIcnnWorkspace<T>,
        kept: Kept,
    ) -> Result<MatrixView<'w, T>> {
        const OPERATION: &str = "PartialIcnn::forward";
        check_batch(OPERATION, "columns of the input", x, self.inputs)?;
        check_shape(
            OPERATION,
            ["number of conditions", "columns of the conditions"],
            (x.rows(), self.conditions),
            c.shape(),
        )?;
        x.check_finite("the input of a partially convex network")?;
        c.check_finite("the conditions of a partially convex network")?;
        workspace.begin(self, x, kept)?;
        let batch = x.rows();
        resized(&mut workspace.output, batch);
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, after) = workspace.layers.split_at_mut(index + 1);
            let (below, memory) = before.split_at_mut(index);
            let u = match below.last() {
                Some(below) => view(&below.next_context.value[..batch * layer.context], layer.context),
                None => c,
            };
            self.gated_input(layer, x, u, &mut memory[0]);
            let memory = &mut memory[0];
            let input = view(&memory.input[..batch * layer.columns], layer.columns);
            let weight = &workspace.packed[layer.packed.clone()];
            if index + 1 < self.layers.len() {
                let shape = [layer.out; 2];
                let z = resized(&mut after[0].z, batch * layer.out);
                product_into(input, weight, z, shape);
                let derivatives = resized(&mut memory.derivatives, batch * layer.out * kept.count());
                layer.curve.forward(z, shape, derivatives, kept);
            } else {
                product_into(input, weight, &mut workspace.output[..batch], [1, 1]);
            }
        }
        let x = &workspace.x[..batch * self.inputs];
        quadratic::forward(self.strong_convexity(), x, [self.inputs; 2], &mut workspace.output[..batch]);
        workspace.batch = batch;
        Ok(view(&workspace.output[..batch], 1))
    }

    /// The gates of a layer, its input `[z ∘ γ, x ∘ β, u, 1]`, and the next context. u: (batch, context).
    fn gated_input(
        &self,
        layer: &Layer,
        x: MatrixView<'_, T>,
        u: MatrixView<'_, T>,
        memory: &mut LayerMemory<T>,
    ) {
        let (batch, stride, inputs) = (x.rows(), layer.columns, self.inputs);
        let input = resized(&mut memory.input, batch * stride);
        if let Some(gate) = &layer.hidden_gate {
            gate.forward(&self.parameters, u, &mut memory.hidden_gate);
            let gate = view(&memory.hidden_gate.value[..batch * layer.hidden], layer.hidden);
            let z = view(&memory.z[..batch * layer.hidden], layer.hidden);
            multiply(z, gate, part_mut(input, batch, layer.hidden, [0, stride]));
        }
        layer.input_gate.forward(&self.parameters, u, &mut memory.input_gate);
        let gate = view(&memory.input_gate.value[..batch * inputs], inputs);
        multiply(x, gate, part_mut(input, batch, inputs, [layer.hidden, stride]));
        for (row, u) in input.chunks_exact_mut(stride).zip(u.iter_rows()) {
            row[layer.hidden + inputs..stride - 1].copy_from_slice(u);
            row[stride - 1] = T::ONE;
        }
        if let Some(next) = &layer.next_context {
            next.forward(&self.parameters, u, &mut memory.next_context);
        }
    }

    /// From `dy`, the gradient of a loss in y (batch, 1), adds the gradient in the parameters to `gradient` and
    /// writes those in x (batch, inputs) and in c (batch, conditions) to `dx` and `dc` where they are given. Belongs
    /// to the last [`forward`](Self::forward) through this workspace.
    ///
    /// With `r_l = q_l [W, A, B, b]_l` in parts `r^z`, `r^x` and `r^u`:
    /// ```text
    /// q_(l-1) = (r^z ∘ γ) f',  dx = Σ_l r^x ∘ β + α dy x,  dγ = r^z ∘ z,  dβ = r^x ∘ x,  du = r^u + by way of γ, β and the next u
    /// ```
    ///
    /// # Errors
    /// [`Error::NoForwardPass`](crate::Error::NoForwardPass), [`Error::Shape`](crate::Error::Shape) if shapes do not fit.
    pub fn backward<'a>(
        &self,
        dy: impl Into<MatrixView<'a, T>>,
        workspace: &mut PartialIcnnWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
        dc: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        const OPERATION: &str = "PartialIcnn::backward";
        let dy = dy.into();
        workspace.check(OPERATION, self, Kept::Slope)?;
        check_gradient(OPERATION, self.parameters().len(), gradient)?;
        let (batch, inputs) = (workspace.batch, self.inputs);
        check_shape(OPERATION, OUTPUT_GRADIENT, (batch, 1), dy.shape())?;
        self.check_targets(OPERATION, batch, &dx, &dc)?;
        let last = self.layers.len() - 1;
        copy_column(dy, resized(&mut workspace.layers[last].q, batch));
        self.chain(workspace, false);
        let packed = resized(&mut workspace.packed_gradient, self.packed_len());
        packed.fill(T::ZERO);
        for (layer, memory) in self.layers.iter().zip(&mut workspace.layers) {
            let q = view(&memory.q[..batch * layer.out], layer.out);
            let input = view(&memory.input[..batch * layer.columns], layer.columns);
            product::backward_weight(q, input, &mut packed[layer.packed.clone()]);
            let at = [layer.hidden, layer.columns];
            if layer.hidden > 0 {
                let dgate = resized(&mut memory.hidden_gate.gradient, batch * layer.hidden);
                let chain = part(&memory.chain, batch, layer.hidden, [0, layer.columns]);
                let z = view(&memory.z[..batch * layer.hidden], layer.hidden);
                multiply(chain, z, view_mut(dgate, layer.hidden));
            }
            let dgate = resized(&mut memory.input_gate.gradient, batch * inputs);
            let x = view(&workspace.x[..batch * inputs], inputs);
            multiply(part(&memory.chain, batch, inputs, at), x, view_mut(dgate, inputs));
            let du = resized(&mut memory.context_gradient, batch * layer.context);
            let at = [layer.hidden + inputs, layer.columns];
            view_mut(du, layer.context).copy_from(part(&memory.chain, batch, layer.context, at))?;
        }
        workspace.unpack_gradient(self, gradient);
        self.context_backward(workspace, gradient);
        let x = &workspace.x[..batch * inputs];
        let dy = &workspace.layers[last].q[..batch];
        let dalpha = quadratic::backward(x, [inputs; 2], dy);
        self.convexity.add_gradient(dalpha, &self.parameters, self.non_negativity, gradient);
        if dx.is_some() {
            let sum = &mut workspace.input_gradient[..batch * inputs];
            quadratic::backward_input(self.strong_convexity(), x, [inputs; 2], dy, sum);
        }
        self.write_targets(workspace, dx, dc)
    }

    /// The map: writes `g = ∇_x y(x; c)` for every sample, (batch, inputs). Belongs to the last
    /// [`forward`](Self::forward) through this workspace.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn input_gradient(
        &self,
        workspace: &mut PartialIcnnWorkspace<T>,
        mut g: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        const OPERATION: &str = "PartialIcnn::input_gradient";
        workspace.check(OPERATION, self, Kept::Slope)?;
        let (batch, inputs) = (workspace.batch, self.inputs);
        check_shape(OPERATION, INPUT_GRADIENT, (batch, inputs), g.shape())?;
        self.chain_of_map(workspace);
        let sum = &mut workspace.input_gradient[..batch * inputs];
        let ones = &workspace.layers[self.layers.len() - 1].q[..batch];
        let x = &workspace.x[..batch * inputs];
        quadratic::backward_input(self.strong_convexity(), x, [inputs; 2], ones, sum);
        g.copy_from(view(sum, inputs))
    }

    /// The chain of the map, whatever the workspace has, and its part of the gradient in x.
    pub(super) fn chain_of_map(&self, workspace: &mut PartialIcnnWorkspace<T>) {
        if workspace.chain == Chain::Map {
            return self.sum_input_gradient(workspace);
        }
        let batch = workspace.batch;
        resized(&mut workspace.layers[self.layers.len() - 1].q, batch).fill(T::ONE);
        self.chain(workspace, workspace.kept == Kept::Curvature);
        workspace.chain = Chain::Map;
    }

    /// From the gradient in the output those in all pre-activations and layers' inputs, layer by layer down, and that in x.
    fn chain(&self, workspace: &mut PartialIcnnWorkspace<T>, second_order: bool) {
        let (batch, kept) = (workspace.batch, workspace.kept.count());
        workspace.chain = Chain::Other;
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (below, memory) = workspace.layers.split_at_mut(index);
            let memory = &mut memory[0];
            let q = view(&memory.q[..batch * layer.out], layer.out);
            let chain = resized(&mut memory.chain, batch * layer.columns);
            product::backward_input(q, &workspace.packed[layer.packed.clone()], chain, layer.columns);
            if let Some(below) = below.last_mut() {
                let width = layer.hidden;
                let gate = view(&memory.hidden_gate.value[..batch * width], width);
                let q = resized(&mut below.q, batch * width);
                multiply(part(chain, batch, width, [0, layer.columns]), gate, view_mut(q, width));
                let bent = resized(&mut below.bent, if second_order { batch * width } else { 0 });
                passes::chain(q, bent, &below.derivatives, kept, [width; 2]);
            }
        }
        self.sum_input_gradient(workspace);
    }

    /// The gradient in x without the quadratic term: `Σ_l r^x ∘ β`, layer after layer.
    fn sum_input_gradient(&self, workspace: &mut PartialIcnnWorkspace<T>) {
        let (batch, inputs) = (workspace.batch, self.inputs);
        let sum = resized(&mut workspace.input_gradient, batch * inputs);
        sum.fill(T::ZERO);
        for (layer, memory) in self.layers.iter().zip(&workspace.layers) {
            let chain = part(&memory.chain, batch, inputs, [layer.hidden, layer.columns]);
            let gate = view(&memory.input_gate.value[..batch * inputs], inputs);
            multiply_add(chain, gate, view_mut(sum, inputs));
        }
    }

    /// From the gradients in gates and contexts that a pass has left, those in the parameters of the layers on u, and
    /// in the end that in c, which the first layer's `context_gradient` receives.
    pub(super) fn context_backward(&self, workspace: &mut PartialIcnnWorkspace<T>, gradient: &mut [T]) {
        let batch = workspace.batch;
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (before, after) = workspace.layers.split_at_mut(index + 1);
            let memory = &mut before[index];
            let at = [layer.hidden + self.inputs, layer.columns];
            let u = part(&memory.input, batch, layer.context, at);
            let du = &mut memory.context_gradient[..batch * layer.context];
            if let (Some(next), Some(above)) = (&layer.next_context, after.first()) {
                let count = batch * next.out;
                resized(&mut memory.next_context.gradient, count)
                    .copy_from_slice(&above.context_gradient[..count]);
            }
            let beside = [
                (layer.hidden_gate.as_ref(), &mut memory.hidden_gate),
                (Some(&layer.input_gate), &mut memory.input_gate),
                (layer.next_context.as_ref(), &mut memory.next_context),
            ];
            for (on_context, memory) in beside {
                if let Some(on_context) = on_context {
                    on_context.backward(
                        &self.parameters,
                        u,
                        memory,
                        &mut workspace.partial,
                        gradient,
                        view_mut(du, layer.context),
                    );
                }
            }
        }
    }

    /// `<∇_x y(x; c), w>` for every sample: the derivative of y along w. w: (batch, inputs), result: (batch, 1). Belongs to the last
    /// [`forward`](Self::forward) through this workspace.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn jacobian_vector_product<'a, 'w>(
        &self,
        w: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut PartialIcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        const OPERATION: &str = "PartialIcnn::jacobian_vector_product";
        let w = w.into();
        workspace.check(OPERATION, self, Kept::Slope)?;
        let (batch, inputs) = (workspace.batch, self.inputs);
        check_shape(OPERATION, DIRECTION, (batch, inputs), w.shape())?;
        self.tangents(w, workspace);
        let alpha = self.strong_convexity();
        let derivative = &mut workspace.layers[self.layers.len() - 1].tangent_before[..batch];
        let x = workspace.x.chunks_exact(inputs);
        for ((sum, x), w) in derivative.iter_mut().zip(x).zip(w.iter_rows()) {
            for (&x, &w) in x.iter().zip(w) {
                *sum += alpha * x * w;
            }
        }
        Ok(view(derivative, 1))
    }

    /// The tangents of all layers along w: the gates and contexts do not depend on x and have none.
    pub(super) fn tangents(&self, w: MatrixView<'_, T>, workspace: &mut PartialIcnnWorkspace<T>) {
        let (batch, kept, inputs) = (workspace.batch, workspace.kept.count(), self.inputs);
        copy_rows(w, &mut workspace.w);
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, after) = workspace.layers.split_at_mut(index + 1);
            let memory = &mut before[index];
            let (hidden, stride) = (layer.hidden, layer.columns);
            let tangent = resized(&mut memory.tangent, batch * stride);
            if hidden > 0 {
                let gate = view(&memory.hidden_gate.value[..batch * hidden], hidden);
                let z = view(&memory.z_tangent[..batch * hidden], hidden);
                multiply(z, gate, part_mut(tangent, batch, hidden, [0, stride]));
            }
            let gate = view(&memory.input_gate.value[..batch * inputs], inputs);
            multiply(w, gate, part_mut(tangent, batch, inputs, [hidden, stride]));
            for row in tangent.chunks_exact_mut(stride) {
                row[hidden + inputs..].fill(T::ZERO);
            }
            let before = resized(&mut memory.tangent_before, batch * layer.out);
            let weight = &workspace.packed[layer.packed.clone()];
            product_into(view(tangent, stride), weight, before, [layer.out; 2]);
            if index + 1 < self.layers.len() {
                let target = resized(&mut after[0].z_tangent, batch * layer.out);
                passes::tangent(before, &memory.derivatives, kept, target, [layer.out; 2]);
            }
        }
    }

    /// Refuses gradients of other shapes.
    pub(super) fn check_targets(
        &self,
        operation: &'static str,
        batch: usize,
        dx: &Option<MatrixViewMut<'_, T>>,
        dc: &Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        if let Some(dx) = dx {
            check_shape(operation, INPUT_GRADIENT, (batch, self.inputs), dx.shape())?;
        }
        if let Some(dc) = dc {
            check_shape(operation, CONDITION_GRADIENT, (batch, self.conditions), dc.shape())?;
        }
        Ok(())
    }

    /// Writes the gradients in x and c where they are asked for.
    pub(super) fn write_targets(
        &self,
        workspace: &PartialIcnnWorkspace<T>,
        dx: Option<MatrixViewMut<'_, T>>,
        dc: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        let batch = workspace.batch;
        if let Some(mut dx) = dx {
            dx.copy_from(view(&workspace.input_gradient[..batch * self.inputs], self.inputs))?;
        }
        if let Some(mut dc) = dc {
            let gradient = &workspace.layers[0].context_gradient[..batch * self.conditions];
            dc.copy_from(view(gradient, self.conditions))?;
        }
        Ok(())
    }

    /// Inputs, conditions and the widths of both paths.
    pub(super) fn shape(&self) -> impl Iterator<Item = usize> {
        let widths = self.layers.iter().flat_map(|layer| [layer.hidden, layer.context]);
        [self.inputs, self.layers.len()].into_iter().chain(widths)
    }

    /// The parameters of a layer that may have any sign: where they lie, how many columns they have, and at which of
    /// the packed columns they begin.
    pub(super) fn free_columns(&self, layer: &Layer) -> [(Range<usize>, usize, usize); 3] {
        [
            (layer.input_weight.clone(), self.inputs, layer.hidden),
            (layer.context_weight.clone(), layer.context, layer.hidden + self.inputs),
            (layer.bias.clone(), 1, layer.columns - 1),
        ]
    }
}
