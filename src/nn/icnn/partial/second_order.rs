//! The backward pass of a conditional map `g = ∇_x y(x; c)`, in the parameters, in x and in c.
//!
//! As for the [convex network](crate::nn::icnn), with the scalar `S = Σ <w, g>`: tangents go up through the gates,
//! `q` and `ζ` come down through them. With `r = q [W, A, B, b]` and `ρ = ζ [W, A, B, b]` at a layer, in parts for z,
//! x and u:
//!
//! ```text
//! ζ_(l-1) = (r^z ∘ γ) ṡ f'' + (ρ^z ∘ γ) f',   dx = Σ_l ρ^x ∘ β + α w
//! dγ = r^z ∘ ż + ρ^z ∘ z,   dβ = r^x ∘ w + ρ^x ∘ x,   du = ρ^u + by way of γ, β and the next u
//! ```

use super::PartialIcnn;
use super::columns::{multiply, multiply_add, part};
use super::workspace::PartialIcnnWorkspace;
use crate::Scalar;
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::nn::activation::passes::Kept;
use crate::nn::icnn::workspace::resized;
use crate::nn::icnn::{passes, quadratic};
use crate::nn::linear::product::{self, view, view_mut};
use crate::nn::{DIRECTION, Parameters, check_gradient, check_shape};

impl<T: Scalar> PartialIcnn<T> {
    /// [`forward`](Self::forward) that keeps curvatures too, for [`input_gradient_backward`](Self::input_gradient_backward).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_for_second_order<'a, 'b, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        c: impl Into<MatrixView<'b, T>>,
        workspace: &'w mut PartialIcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), c.into(), workspace, Kept::Curvature)
    }

    /// The backward pass of the map ([`input_gradient`](Self::input_gradient)). From w (batch, inputs), the gradient
    /// of a loss in g, adds the gradient in the parameters to `gradient` and writes those in x, `∇_x²y w`, and in c
    /// to `dx` and `dc` where they are given. The source file has the formulas.
    ///
    /// Belongs to the last [`forward_for_second_order`](Self::forward_for_second_order) through this workspace. Where
    /// an activation has a corner its curvature counts as zero.
    ///
    /// # Errors
    /// [`Error::NoForwardPass`](crate::Error::NoForwardPass), [`Error::Shape`](crate::Error::Shape) if shapes do not fit.
    pub fn input_gradient_backward<'a>(
        &self,
        w: impl Into<MatrixView<'a, T>>,
        workspace: &mut PartialIcnnWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
        dc: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        const OPERATION: &str = "PartialIcnn::input_gradient_backward";
        check_gradient(OPERATION, self.parameters().len(), gradient)?;
        self.second_order(OPERATION, w.into(), workspace, Some(gradient), dx, dc)
    }

    /// `∇_x²y(x; c) w` for every sample, (batch, inputs), written to `hw`. Belongs to the last
    /// [`forward_for_second_order`](Self::forward_for_second_order).
    ///
    /// # Errors
    /// As [`input_gradient_backward`](Self::input_gradient_backward).
    pub fn hessian_vector_product_into<'a>(
        &self,
        w: impl Into<MatrixView<'a, T>>,
        workspace: &mut PartialIcnnWorkspace<T>,
        hw: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        let operation = "PartialIcnn::hessian_vector_product_into";
        self.second_order(operation, w.into(), workspace, None, Some(hw), None)
    }

    /// `∇_x²y(x; c) w` for every sample, (batch, inputs), in new memory. x and w: (batch, inputs), c: (batch, conditions).
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and [`Error::Shape`](crate::Error::Shape) if w does not have the shape of x.
    pub fn hessian_vector_product<'a, 'b, 'c>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        c: impl Into<MatrixView<'b, T>>,
        w: impl Into<MatrixView<'c, T>>,
    ) -> Result<Matrix<T>> {
        let x = x.into();
        let mut workspace = PartialIcnnWorkspace::new();
        self.forward_for_second_order(x, c, &mut workspace)?;
        let mut hw = Matrix::zeros(x.rows(), self.inputs);
        self.hessian_vector_product_into(w, &mut workspace, hw.view_mut())?;
        Ok(hw)
    }

    fn second_order(
        &self,
        operation: &'static str,
        w: MatrixView<'_, T>,
        workspace: &mut PartialIcnnWorkspace<T>,
        gradient: Option<&mut [T]>,
        dx: Option<MatrixViewMut<'_, T>>,
        dc: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        workspace.check(operation, self, Kept::Curvature)?;
        let (batch, inputs) = (workspace.batch, self.inputs);
        check_shape(operation, DIRECTION, (batch, inputs), w.shape())?;
        self.check_targets(operation, batch, &dx, &dc)?;
        self.chain_of_map(workspace);
        self.tangents(w, workspace);
        self.begin_second_order(workspace, gradient.is_some());
        workspace.input_gradient[..batch * inputs].fill(T::ZERO);
        // In the output layer ζ = 0: what comes down begins at the last hidden layer, with its own part alone.
        let last = self.layers.len() - 1;
        resized(&mut workspace.zeta, batch * self.layers[last].hidden).fill(T::ZERO);
        for (index, layer) in self.layers[..last].iter().enumerate().rev() {
            let memory = &mut workspace.layers[index];
            let stride = layer.columns;
            let zeta = &mut workspace.zeta[..batch * layer.out];
            let (bent, before) = (&memory.bent, &memory.tangent_before);
            passes::second(zeta, bent, before, &memory.derivatives, [layer.out; 2]);
            let zeta = view(zeta, layer.out);
            if gradient.is_some() {
                let input = view(&memory.input[..batch * stride], stride);
                let target = &mut workspace.packed_gradient[layer.packed.clone()];
                product::backward_weight(zeta, input, target);
            }
            let rho = resized(&mut workspace.below, batch * stride);
            product::backward_input(zeta, &workspace.packed[layer.packed.clone()], rho, stride);
            let rho_x = part(rho, batch, inputs, [layer.hidden, stride]);
            let gate = view(&memory.input_gate.value[..batch * inputs], inputs);
            let sum = &mut workspace.input_gradient[..batch * inputs];
            multiply_add(rho_x, gate, view_mut(sum, inputs));
            if gradient.is_some() {
                let x = view(&workspace.x[..batch * inputs], inputs);
                let dgate = &mut memory.input_gate.gradient[..batch * inputs];
                multiply_add(rho_x, x, view_mut(dgate, inputs));
                let du = &mut memory.context_gradient[..batch * layer.context];
                let rho_u = part(rho, batch, layer.context, [layer.hidden + inputs, stride]);
                view_mut(du, layer.context).copy_from(rho_u)?;
            }
            if layer.hidden > 0 {
                let (count, width) = (batch * layer.hidden, layer.hidden);
                let rho_z = part(rho, batch, width, [0, stride]);
                if gradient.is_some() {
                    let dgate = &mut memory.hidden_gate.gradient[..count];
                    multiply_add(rho_z, view(&memory.z[..count], width), view_mut(dgate, width));
                }
                let gate = view(&memory.hidden_gate.value[..count], width);
                multiply(rho_z, gate, view_mut(resized(&mut workspace.zeta, count), width));
            }
        }
        if let Some(gradient) = gradient {
            let x = &workspace.x[..batch * inputs];
            let dalpha = quadratic::second_backward(x, &workspace.w[..batch * inputs], [inputs; 2]);
            self.convexity.add_gradient(dalpha, &self.parameters, self.non_negativity, gradient);
            workspace.unpack_gradient(self, gradient);
            self.context_backward(workspace, gradient);
        }
        let sum = &mut workspace.input_gradient[..batch * inputs];
        quadratic::second_backward_input(self.strong_convexity(), w, sum);
        self.write_targets(workspace, dx, dc)
    }

    /// What the tangents alone give: `dV_l = q_lᵀ [ż ∘ γ, w ∘ β, 0, 0]`, `dγ = r^z ∘ ż`, `dβ = r^x ∘ w`, `du = 0`.
    fn begin_second_order(&self, workspace: &mut PartialIcnnWorkspace<T>, with_parameters: bool) {
        if !with_parameters {
            return;
        }
        let (batch, inputs) = (workspace.batch, self.inputs);
        let packed = resized(&mut workspace.packed_gradient, self.packed_len());
        packed.fill(T::ZERO);
        for (layer, memory) in self.layers.iter().zip(&mut workspace.layers) {
            let (hidden, stride) = (layer.hidden, layer.columns);
            let q = view(&memory.q[..batch * layer.out], layer.out);
            let tangent = view(&memory.tangent[..batch * stride], stride);
            product::backward_weight(q, tangent, &mut packed[layer.packed.clone()]);
            if hidden > 0 {
                let z_tangent = view(&memory.z_tangent[..batch * hidden], hidden);
                let dgate = resized(&mut memory.hidden_gate.gradient, batch * hidden);
                let chain = part(&memory.chain, batch, hidden, [0, stride]);
                multiply(chain, z_tangent, view_mut(dgate, hidden));
            }
            let w = view(&workspace.w[..batch * inputs], inputs);
            let dgate = resized(&mut memory.input_gate.gradient, batch * inputs);
            let chain = part(&memory.chain, batch, inputs, [hidden, stride]);
            multiply(chain, w, view_mut(dgate, inputs));
            resized(&mut memory.context_gradient, batch * layer.context).fill(T::ZERO);
        }
    }
}
