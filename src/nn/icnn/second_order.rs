//! The backward pass of the map, and products with the Hessian.
//!
//! With `g = ∇y(x)` and an upstream gradient w of it, the scalar is `S = Σ <w, g>`: the derivative of `Σ y` along w.
//! Its derivatives come from one pass of tangents up and one pass of both chains down. In front of a layer lie
//! `i_l = [z_(l-1), x, 1]` and its tangent `j_l = [t_(l-1), w, 0]`, and `V_l = [W_l, A_l, b_l]`:
//!
//! ```text
//! ṡ_l = j_l V_lᵀ,  t_l = f'(s_l) ṡ_l                                               up
//! τ_l = q_(l+1) W_(l+1),  q_l = τ_l f'(s_l),  q_(L+1) = 1                           down: the chain of g itself
//! ζ_l = τ_l ṡ_l f''(s_l) + (ζ_(l+1) W_(l+1)) f'(s_l),  ζ_(L+1) = 0                   down
//! dV_l += q_lᵀ j_l + ζ_lᵀ i_l,   dx = Σ_l ζ_l A_l + α w,   dα += Σ <x, w>
//! ```
//! dx is `∇²y(x) w`. The chain of g does not depend on w, so [`Icnn::input_gradient`] leaves q and `τ f''` behind and they are used again.

use super::Icnn;
use super::first_order::{add_input_columns, columns_of};
use super::passes;
use super::quadratic;
use super::workspace::{IcnnWorkspace, resized};
use crate::Scalar;
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::nn::activation::passes::Kept;
use crate::nn::linear::product::{self, view};
use crate::nn::{DIRECTION, INPUT_GRADIENT, Parameters, check_gradient, check_shape};

impl<T: Scalar> Icnn<T> {
    /// [`forward`](Self::forward) that keeps curvatures too, for [`input_gradient_backward`](Self::input_gradient_backward).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn forward_for_second_order<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut IcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), workspace, Kept::Curvature)
    }

    /// The backward pass of the map `g = ∇y(x)` ([`input_gradient`](Self::input_gradient)). From w (batch, inputs),
    /// the gradient of a loss in g, adds the gradient in the parameters to `gradient` and writes that in x,
    /// `∇²y(x) w`, to `dx` where it is given. The source file has the formulas, [`Icnn`] an example.
    ///
    /// Belongs to the last [`forward_for_second_order`](Self::forward_for_second_order) through this workspace. Where
    /// an activation has a corner its curvature counts as zero.
    ///
    /// # Errors
    /// [`Error::NoForwardPass`](crate::Error::NoForwardPass), [`Error::Shape`](crate::Error::Shape) if shapes do not fit.
    pub fn input_gradient_backward<'a>(
        &self,
        w: impl Into<MatrixView<'a, T>>,
        workspace: &mut IcnnWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        const OPERATION: &str = "Icnn::input_gradient_backward";
        check_gradient(OPERATION, self.parameters().len(), gradient)?;
        self.second_order(OPERATION, w.into(), workspace, Some(gradient), dx)
    }

    /// `∇²y(x) w` for every sample, (batch, inputs), written to `hw`. Belongs to the last
    /// [`forward_for_second_order`](Self::forward_for_second_order).
    ///
    /// # Errors
    /// As [`input_gradient_backward`](Self::input_gradient_backward).
    pub fn hessian_vector_product_into<'a>(
        &self,
        w: impl Into<MatrixView<'a, T>>,
        workspace: &mut IcnnWorkspace<T>,
        hw: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        self.second_order("Icnn::hessian_vector_product_into", w.into(), workspace, None, Some(hw))
    }

    /// `∇²y(x) w` for every sample, (batch, inputs), in new memory. x and w: (batch, inputs).
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and [`Error::Shape`](crate::Error::Shape) if w does not have the shape of x.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::nn::IcnnOptions;
    /// use brenier::random::RandomStream;
    /// let mut stream = RandomStream::new(2);
    /// let potential = IcnnOptions::new(3, &[8, 8]).build::<f64>(&mut stream)?;
    /// let (x, w): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(1, 3), stream.normal_matrix(1, 3));
    /// let hw = potential.hessian_vector_product(&x, &w)?;
    /// let form: f64 = hw.as_slice().iter().zip(w.as_slice()).map(|(a, b)| a * b).sum();
    /// assert!(form > 0.0); // it is convex
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn hessian_vector_product<'a, 'b>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        w: impl Into<MatrixView<'b, T>>,
    ) -> Result<Matrix<T>> {
        let x = x.into();
        let mut workspace = IcnnWorkspace::new();
        self.forward_for_second_order(x, &mut workspace)?;
        let mut hw = Matrix::zeros(x.rows(), self.inputs);
        self.hessian_vector_product_into(w, &mut workspace, hw.view_mut())?;
        Ok(hw)
    }

    fn second_order(
        &self,
        operation: &'static str,
        w: MatrixView<'_, T>,
        workspace: &mut IcnnWorkspace<T>,
        gradient: Option<&mut [T]>,
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        workspace.check(operation, self, Kept::Curvature)?;
        let (batch, inputs) = (workspace.batch, self.inputs);
        check_shape(operation, DIRECTION, (batch, inputs), w.shape())?;
        if let Some(dx) = &dx {
            check_shape(operation, INPUT_GRADIENT, (batch, inputs), dx.shape())?;
        }
        self.chain_of_map(workspace);
        self.tangents(w, workspace);
        let widest = self.layers.iter().map(|layer| layer.columns).max().unwrap_or(0);
        for buffer in &mut workspace.second {
            resized(buffer, batch * widest);
        }
        if gradient.is_some() {
            resized(&mut workspace.packed_gradient, self.packed_len()).fill(T::ZERO);
            self.add_weight_gradient(workspace, |memory| &memory.tangent);
        }
        workspace.input_gradient[..batch * inputs].fill(T::ZERO);
        // In the output layer ζ = 0, so that of the last hidden layer begins with zero.
        let [mut alpha, mut below] = workspace.second.each_mut();
        let last = self.layers.len() - 1;
        alpha[..batch * self.layers[last].columns].fill(T::ZERO);
        for index in (0..last).rev() {
            let (layer, memory) = (&self.layers[index], &workspace.layers[index]);
            let stride = self.layers[index + 1].columns;
            let zeta = &mut alpha[..batch * stride];
            passes::second(
                zeta,
                &memory.bent,
                &memory.tangent_before,
                &memory.derivatives,
                [layer.out, stride],
            );
            let zeta = columns_of(zeta, batch, layer.out, stride);
            if gradient.is_some() {
                let input = view(&memory.input[..batch * layer.columns], layer.columns);
                let target = &mut workspace.packed_gradient[layer.packed.clone()];
                product::backward_weight(zeta, input, target);
            }
            if index > 0 || dx.is_some() {
                let weight = &workspace.packed[layer.packed.clone()];
                let target = &mut below[..batch * layer.columns];
                product::backward_input(zeta, weight, target, layer.columns);
                let sum = &mut workspace.input_gradient[..batch * inputs];
                add_input_columns(target, [layer.hidden, layer.columns], inputs, sum);
            }
            std::mem::swap(&mut alpha, &mut below);
        }
        let (first, columns) = (&workspace.layers[0], self.layers[0].columns);
        if let Some(gradient) = gradient {
            let (x, w) = (&first.input[..batch * columns], &first.tangent[..batch * columns]);
            let dalpha = quadratic::second_backward(x, w, [inputs, columns]);
            self.convexity.add_gradient(dalpha, &self.parameters, self.non_negativity, gradient);
            workspace.unpack_gradient(self, gradient);
        }
        if let Some(mut dx) = dx {
            let sum = &mut workspace.input_gradient[..batch * inputs];
            quadratic::second_backward_input(self.strong_convexity(), w, sum);
            dx.copy_from(view(sum, inputs))?;
        }
        Ok(())
    }
}
