//! The backward pass of the input gradient: what losses with a gradient of the network in them need (Brenier maps by convex networks,
//! gradient penalties, divergences of flows).
//!
//! With `g(x, u) = J(x)ᵀ u` and an upstream gradient w of it, the scalar is `S = Σ w · g = Σ u · J w`, and its derivatives come from
//! one forward pass of the tangent and one backward pass of both chains:
//!
//! ```text
//! t_0 = w,  ṫ_l = t_(l-1) W_lᵀ,  t_l = f'(z_l) ṫ_l                                     (so dS/du = t_L = J w)
//! τ_L = u,  q_l = τ_l f'(z_l),   τ_(l-1) = q_l W_l                                     (the chain of g itself)
//! α_L = 0,  ζ_l = τ_l ṫ_l f''(z_l) + α_l f'(z_l),   α_(l-1) = ζ_l W_l
//! dW_l += q_lᵀ t_(l-1) + ζ_lᵀ a_(l-1),   db_l += Σ_batch ζ_l,   dx = α_0
//! ```

use super::Mlp;
use super::workspace::{MlpWorkspace, resized};
use crate::Scalar;
use crate::error::Result;
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::nn::activation::passes::{self, Kept};
use crate::nn::linear::product::{self, view};
use crate::nn::{INPUT_GRADIENT, OUTPUT_GRADIENT, Parameters, check_gradient, check_shape};

impl<T: Scalar> Mlp<T> {
    /// [`forward`](Self::forward) that keeps curvatures too, for [`input_gradient_backward`](Self::input_gradient_backward).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn forward_for_second_order<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut MlpWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), workspace, Kept::Curvature)
    }

    /// The backward pass of `g = Jᵀ u` ([`input_gradient`](Self::input_gradient)). From w (batch, inputs), the gradient of a loss in
    /// g, adds the gradient in the parameters to `gradient`, writes that in x to `dx` where it is given, and answers with that in u,
    /// which is `J w` (batch, outputs). The source file has the formulas.
    ///
    /// Belongs to the last [`forward_for_second_order`](Self::forward_for_second_order) through this workspace. Where
    /// an activation has a corner its curvature counts as zero.
    ///
    /// # Errors
    /// [`Error::NoForwardPass`](crate::Error::NoForwardPass), [`Error::Shape`](crate::Error::Shape) if shapes do not fit.
    ///
    /// # Examples
    /// The gradient penalty `Σ |∇_x y|² / 2` has w = g:
    /// ```
    /// use brenier::Matrix;
    /// use brenier::nn::{Activation, Mlp, MlpWorkspace, Parameters};
    /// use brenier::random::RandomStream;
    /// let mlp = Mlp::<f64>::new(&[2, 8, 1], Activation::Softplus, &mut RandomStream::new(3))?;
    /// let x = Matrix::from_rows([[0.5, -1.0], [2.0, 0.25]]);
    /// let ones = Matrix::filled(2, 1, 1.0);
    /// let mut workspace = MlpWorkspace::new();
    /// mlp.forward_for_second_order(&x, &mut workspace)?;
    /// let mut slope = Matrix::zeros(2, 2);
    /// mlp.input_gradient(&ones, &mut workspace, slope.view_mut())?;
    /// let mut gradient = vec![0.0; mlp.parameters().len()];
    /// mlp.input_gradient_backward(&ones, &slope, &mut workspace, &mut gradient, None)?;
    /// assert!(gradient.iter().any(|&slope| slope != 0.0));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn input_gradient_backward<'a, 'b, 'w>(
        &self,
        u: impl Into<MatrixView<'a, T>>,
        w: impl Into<MatrixView<'b, T>>,
        workspace: &'w mut MlpWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<MatrixView<'w, T>> {
        const OPERATION: &str = "Mlp::input_gradient_backward";
        let u = u.into();
        workspace.check(OPERATION, self, Kept::Curvature)?;
        check_gradient(OPERATION, self.parameters().len(), gradient)?;
        let batch = workspace.batch;
        check_shape(OPERATION, OUTPUT_GRADIENT, (batch, self.outputs()), u.shape())?;
        if let Some(dx) = &dx {
            check_shape(OPERATION, INPUT_GRADIENT, (batch, self.inputs()), dx.shape())?;
        }
        self.jacobian_vector_product(w, workspace)?;
        workspace.begin_backward(self);
        let largest = workspace.gradients[0].len();
        for buffer in &mut workspace.second {
            resized(buffer, largest);
        }
        // tau and alpha belong to the layer at hand; the other two buffers receive those of the layer below.
        let [mut tau, mut tau_below] = workspace.gradients.each_mut();
        let [mut alpha, mut alpha_below] = workspace.second.each_mut();
        for (row, target) in tau.chunks_exact_mut(self.outputs()).take(batch).enumerate() {
            target.copy_from_slice(u.row(row));
        }
        alpha[..batch * self.outputs()].fill(T::ZERO);
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (before, rest) = workspace.layers.split_at(index);
            let (input, tangent) = match before.last() {
                None => (&workspace.input[..], &workspace.direction[..]),
                Some(memory) => (&memory.value[..], &memory.tangent[..]),
            };
            let (input, tangent) = (&input[..batch * layer.inp], &tangent[..batch * layer.inp]);
            let q = &mut tau[..batch * layer.out];
            let zeta = &mut alpha[..batch * layer.out];
            let before = &rest[0].tangent_before[..batch * layer.out];
            passes::second_backward(q, zeta, layer.out, before, &rest[0].derivatives);
            if let Some(bias) = &layer.bias {
                passes::backward(
                    zeta,
                    layer.out,
                    None,
                    Some(&mut gradient[bias.clone()]),
                    &mut workspace.partial,
                );
            }
            let dweight = &mut gradient[layer.weight.clone()];
            product::backward_weight(view(q, layer.out), view(tangent, layer.inp), dweight);
            product::backward_weight(view(zeta, layer.out), view(input, layer.inp), dweight);
            if index > 0 || dx.is_some() {
                let weight = self.weight(index);
                let below = batch * layer.inp;
                if index > 0 {
                    product::backward_input(view(q, layer.out), weight, &mut tau_below[..below], layer.inp);
                }
                product::backward_input(view(zeta, layer.out), weight, &mut alpha_below[..below], layer.inp);
            }
            std::mem::swap(&mut tau, &mut tau_below);
            std::mem::swap(&mut alpha, &mut alpha_below);
        }
        if let Some(mut dx) = dx {
            dx.copy_from(view(&alpha[..batch * self.inputs()], self.inputs()))?;
        }
        let last = &workspace.layers[self.layers.len() - 1];
        Ok(view(&last.tangent[..batch * self.outputs()], self.outputs()))
    }
}
