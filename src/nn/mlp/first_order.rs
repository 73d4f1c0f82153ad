//! Evaluation, the forward pass and its backward pass, and the product with the Jacobian.

use super::Mlp;
use super::workspace::{MlpWorkspace, resized};
use crate::Scalar;
use crate::error::Result;
use crate::matrix::{GRANULE, Matrix, MatrixView, MatrixViewMut, Then};
use crate::nn::activation::passes::{self, Kept};
use crate::nn::linear::product::{self, view};
use crate::nn::{
    DIRECTION, INPUT_GRADIENT, OUTPUT_GRADIENT, Parameters, check_batch, check_gradient, check_shape,
};

impl<T: Scalar> Mlp<T> {
    /// `y(x)`, (batch, outputs), in new memory. [`evaluate`](Self::evaluate) reuses it.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for a wrong number of columns, [`Error::Empty`](crate::Error::Empty) for an empty batch.
    pub fn apply<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        let mut workspace = MlpWorkspace::new();
        Ok(self.evaluate(x, &mut workspace)?.to_matrix())
    }

    /// `y(x)`, (batch, outputs), and nothing kept for a backward pass: two buffers of the widest layer take turns.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn evaluate<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut MlpWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        let x = x.into();
        check_batch("Mlp::evaluate", "columns of the input", x, self.inputs())?;
        workspace.batch = 0; // what an earlier forward pass has left is no longer whole
        let [mut above, mut below] = workspace.gradients.each_mut();
        for (index, layer) in self.layers.iter().enumerate() {
            let z = resized(above, x.rows() * layer.out);
            let input = if index == 0 { x } else { view(&below[..x.rows() * layer.inp], layer.inp) };
            let parameters = (self.weight(index), self.bias(index));
            let nothing = (&mut [][..], Kept::Nothing);
            product::forward_activated(input, parameters, layer.activation, (z, layer.out), nothing);
            std::mem::swap(&mut above, &mut below);
        }
        let out = self.outputs();
        Ok(view(&below[..x.rows() * out], out))
    }

    /// `y(x)`, (batch, outputs); the workspace keeps input, activations and slopes for a pass that follows.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn forward<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut MlpWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), workspace, Kept::Slope)
    }

    /// The forward pass, with what later passes need.
    pub(super) fn forward_keeping<'w>(
        &self,
        x: MatrixView<'_, T>,
        workspace: &'w mut MlpWorkspace<T>,
        kept: Kept,
    ) -> Result<MatrixView<'w, T>> {
        check_batch("Mlp::forward", "columns of the input", x, self.inputs())?;
        workspace.begin(self, x, kept);
        let batch = x.rows();
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, rest) = workspace.layers.split_at_mut(index);
            let input = match before.last() {
                None => &workspace.input[..batch * layer.inp],
                Some(memory) => &memory.value[..batch * layer.inp],
            };
            let memory = &mut rest[0];
            let z = resized(&mut memory.value, batch * layer.out);
            let derivatives = resized(&mut memory.derivatives, batch * layer.out * kept.count());
            let parameters = (self.weight(index), self.bias(index));
            let input = view(input, layer.inp);
            product::forward_activated(
                input,
                parameters,
                layer.activation,
                (z, layer.out),
                (derivatives, kept),
            );
        }
        workspace.activations(self.layers.len() - 1)
    }

    /// From `dy`, the gradient of a loss in y (batch, outputs), adds the gradient in the parameters to `gradient` and writes that
    /// in x (batch, inputs) to `dx` where it is given. Belongs to the last [`forward`](Self::forward) through this workspace.
    ///
    /// ```text
    /// dz_l = da_l * f'(z_l),  dW_l += dz_lᵀ a_(l-1),  db_l += Σ_batch dz_l,  da_(l-1) = dz_l W_l
    /// ```
    ///
    /// # Errors
    /// [`Error::NoForwardPass`](crate::Error::NoForwardPass), [`Error::Shape`](crate::Error::Shape) if shapes do not fit.
    pub fn backward<'a>(
        &self,
        dy: impl Into<MatrixView<'a, T>>,
        workspace: &mut MlpWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        check_gradient("Mlp::backward", self.parameters().len(), gradient)?;
        self.backward_from("Mlp::backward", dy.into(), workspace, Some(gradient), dx)
    }

    /// `dx = Jᵀ u` for every sample: the gradient in x of `Σ u · y(x)`. u: (batch, outputs), dx: (batch, inputs).
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn input_gradient<'a>(
        &self,
        u: impl Into<MatrixView<'a, T>>,
        workspace: &mut MlpWorkspace<T>,
        dx: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        self.backward_from("Mlp::input_gradient", u.into(), workspace, None, Some(dx))
    }

    fn backward_from(
        &self,
        operation: &'static str,
        dy: MatrixView<'_, T>,
        workspace: &mut MlpWorkspace<T>,
        mut gradient: Option<&mut [T]>,
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        workspace.check(operation, self, Kept::Slope)?;
        let batch = workspace.batch;
        check_shape(operation, OUTPUT_GRADIENT, (batch, self.outputs()), dy.shape())?;
        if let Some(dx) = &dx {
            check_shape(operation, INPUT_GRADIENT, (batch, self.inputs()), dx.shape())?;
        }
        workspace.begin_backward(self);
        let stride = workspace.kept.count();
        let [mut above, mut below] = workspace.gradients.each_mut();
        for (row, target) in above.chunks_exact_mut(self.outputs()).take(batch).enumerate() {
            target.copy_from_slice(dy.row(row));
        }
        let slopes_of = |index: usize| {
            let layer = &self.layers[index];
            (layer.activation != crate::nn::Activation::Identity)
                .then(|| (&workspace.layers[index].derivatives[..], stride * layer.out))
        };
        let last = self.layers.len() - 1;
        passes::backward(
            &mut above[..batch * self.outputs()],
            self.outputs(),
            slopes_of(last),
            self.bias_in(&mut gradient, last),
            &mut workspace.partial,
        );
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let input = match index.checked_sub(1) {
                None => &workspace.input[..batch * layer.inp],
                Some(before) => &workspace.layers[before].value[..batch * layer.inp],
            };
            // The gradient of the pre-activations of this layer.
            let dz = view(&above[..batch * layer.out], layer.out);
            if let Some(gradient) = &mut gradient {
                let dweight = &mut gradient[layer.weight.clone()];
                product::backward_weight(dz, view(input, layer.inp), dweight);
            }
            let below_dz = &mut below[..batch * layer.inp];
            if index > 0 {
                // That of the layer before it, whose slopes multiply the rows of the product while they are in the cache.
                let slopes = slopes_of(index - 1);
                let dbias = self.bias_in(&mut gradient, index - 1);
                let granules = if dbias.is_some() { batch.div_ceil(GRANULE) } else { 0 };
                let sums = &mut workspace.partial[..granules * layer.inp];
                let then = Then {
                    function: &|first, rows, sums| {
                        let slopes = slopes.map(|(slopes, stride)| (&slopes[first * stride..], stride));
                        passes::backward_rows(rows, layer.inp, slopes, sums);
                    },
                    beside: sums,
                    beside_granule: if dbias.is_some() { layer.inp } else { 0 },
                };
                product::backward_input_then(dz, self.weight(index), below_dz, layer.inp, then);
                if let Some(dbias) = dbias {
                    passes::add_sums(&workspace.partial[..granules * layer.inp], dbias);
                }
            } else if dx.is_some() {
                product::backward_input(dz, self.weight(index), below_dz, layer.inp);
            }
            std::mem::swap(&mut above, &mut below);
        }
        if let Some(mut dx) = dx {
            dx.copy_from(view(&above[..batch * self.inputs()], self.inputs()))?;
        }
        Ok(())
    }

    /// The part of a gradient that belongs to the bias of a layer, where there is one.
    fn bias_in<'g>(&self, gradient: &'g mut Option<&mut [T]>, index: usize) -> Option<&'g mut [T]> {
        let bias = self.layers[index].bias.clone()?;
        gradient.as_mut().map(|gradient| &mut gradient[bias])
    }

    /// `J w` for every sample: the derivative of y along w. w: (batch, inputs), result: (batch, outputs). Belongs to the last
    /// [`forward`](Self::forward) through this workspace.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn jacobian_vector_product<'a, 'w>(
        &self,
        w: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut MlpWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        let w = w.into();
        workspace.check("Mlp::jacobian_vector_product", self, Kept::Slope)?;
        let batch = workspace.batch;
        check_shape("Mlp::jacobian_vector_product", DIRECTION, (batch, self.inputs()), w.shape())?;
        let inputs = self.inputs();
        resized(&mut workspace.direction, batch * inputs);
        for (row, target) in workspace.direction.chunks_exact_mut(inputs).take(batch).enumerate() {
            target.copy_from_slice(w.row(row));
        }
        let stride = workspace.kept.count();
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, rest) = workspace.layers.split_at_mut(index);
            let input = match before.last() {
                None => &workspace.direction[..batch * layer.inp],
                Some(memory) => &memory.tangent[..batch * layer.inp],
            };
            let memory = &mut rest[0];
            let before = resized(&mut memory.tangent_before, batch * layer.out);
            product::forward(view(input, layer.inp), self.weight(index), before, layer.out);
            let tangent = resized(&mut memory.tangent, batch * layer.out);
            tangent.copy_from_slice(before);
            if layer.activation != crate::nn::Activation::Identity {
                let slopes = Some((&memory.derivatives[..], stride * layer.out));
                passes::backward(tangent, layer.out, slopes, None, &mut []);
            }
        }
        workspace.tangents = true;
        let last = &workspace.layers[self.layers.len() - 1];
        Ok(view(&last.tangent[..batch * self.outputs()], self.outputs()))
    }

    /// Whether these are the widths of the network.
    pub(super) fn has_widths(&self, widths: &[usize]) -> bool {
        widths.len() == self.layers.len() + 1
            && widths[0] == self.inputs()
            && self.layers.iter().zip(&widths[1..]).all(|(layer, &width)| layer.out == width)
    }
}
