//! The backward pass in numbers: reverse accumulation over the nodes, from the last to the first.
//!
//! Each node's gradient is complete when its turn comes, since all that use it were recorded later: so one loop suffices, whatever the
//! depth. It is handed on to the inputs and its memory is reused at once.

use super::rule::{Inputs, Operation, Pass};
use super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::{Matrix, MatrixView, Scalar};

impl<T: Scalar> Tape<T> {
    /// Computes the gradients of a loss (1, 1) with respect to all variables; [`gradient`](Self::gradient) reads them.
    ///
    /// Nothing is recorded: this is the fast way for a training step. For gradients that are to be differentiated again there is
    /// [`gradients`](Self::gradients). A further call replaces the results of the one before.
    ///
    /// Cost: at most about twice the forward pass, for a network of products. Memory: the gradients of the nodes that are still to be
    /// handed on.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`]; [`Error::Shapes`] if the loss is not one number; what a [custom operation](super::CustomOperation)
    /// answers.
    pub fn backward(&mut self, loss: Variable) -> Result<()> {
        let shape = self.values[self.index("backward", loss)?].shape();
        if shape != (1, 1) {
            return Err(Error::Shapes { operation: "backward of a loss", left: shape, right: (1, 1) });
        }
        self.backward_from(loss, MatrixView::from_parts(&[T::ONE], 1, 1, 1))
    }

    /// Computes the gradients of the inner product of `output` with `seed`, a matrix of its shape: the vector-Jacobian products with
    /// respect to all variables.
    ///
    /// # Errors
    /// As [`backward`](Self::backward); [`Error::Shapes`] if `seed` has another shape than `output`.
    pub fn backward_from<'a>(&mut self, output: Variable, seed: impl Into<MatrixView<'a, T>>) -> Result<()> {
        let seed = seed.into();
        let last = self.index("backward", output)?;
        let shape = self.values[last].shape();
        if shape != seed.shape() {
            return Err(Error::Shapes { operation: "backward", left: shape, right: seed.shape() });
        }
        self.recycle_gradients();
        self.gradients.resize_with(self.nodes.len(), || None);
        if self.nodes[last].needs_gradient {
            let mut dout = self.pool.take(shape);
            dout.view_mut().copy_from(seed).expect("the shapes were compared");
            self.gradients[last] = Some(dout);
        }
        for index in (0..=last).rev() {
            if let Err(error) = self.hand_on(index) {
                self.recycle_gradients();
                return Err(error);
            }
        }
        for index in 0..self.nodes.len() {
            if matches!(self.nodes[index].operation, Operation::Variable) && self.gradients[index].is_none() {
                let mut zeros = self.pool.take(self.values[index].shape());
                zeros.fill(T::ZERO);
                self.gradients[index] = Some(zeros);
            }
        }
        Ok(())
    }

    /// The gradient of the last [`backward`](Self::backward) pass with respect to a variable: zeros if the loss does not depend on it.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`]; [`Error::NoGradient`] for a constant or the result of an operation (the pass does not keep those:
    /// [`gradients`](Self::gradients) gives them), and where there was no pass since the variable was made.
    pub fn gradient(&self, x: Variable) -> Result<MatrixView<'_, T>> {
        let index = self.index("gradient", x)?;
        if !matches!(self.nodes[index].operation, Operation::Variable) {
            let reason = "only what `variable` made has a gradient here; `Tape::gradients` gives those of intermediate results";
            return Err(Error::NoGradient { operation: "gradient", reason });
        }
        match self.gradients.get(index) {
            Some(Some(gradient)) => Ok(gradient.view()),
            _ => Err(Error::NoGradient {
                operation: "gradient",
                reason: "there was no backward pass for this variable",
            }),
        }
    }

    /// Hands the gradient of a node on to its inputs.
    fn hand_on(&mut self, index: usize) -> Result<()> {
        let Self { nodes, values, edges, gradients, pool, .. } = self;
        let node = &nodes[index];
        let Some(rule) = node.operation.rule() else { return Ok(()) };
        let Some(dout) = gradients[index].take() else { return Ok(()) };
        let indices = &edges[node.edges.clone()];
        let inputs = Inputs { values, indices };
        let out = &values[index];
        if let Operation::Custom(custom) = &node.operation {
            let wanted = indices.iter().map(|&input| nodes[input].needs_gradient);
            let parts =
                custom.backward_all(Pass { inputs, out, dout: &dout, pool }, &wanted.collect::<Vec<_>>())?;
            for (&input, part) in indices.iter().zip(parts) {
                if let Some(part) = part {
                    accumulate(&mut gradients[input], part, pool);
                }
            }
            pool.put(dout);
            return Ok(());
        }
        // The gradient itself moves to the last input that it can pass to unchanged, after all others have read it.
        let mut moved = None;
        for (k, &input) in indices.iter().enumerate() {
            if !nodes[input].needs_gradient {
                continue;
            }
            if moved.is_none() && rule.passes_gradient(k, inputs, out.shape()) {
                moved = Some(input);
                continue;
            }
            let mut dx = pool.take(inputs.shape(k));
            rule.backward(k, Pass { inputs, out, dout: &dout, pool }, &mut dx)?;
            accumulate(&mut gradients[input], dx, pool);
        }
        match moved {
            Some(input) => {
                let (rows, columns) = values[input].shape();
                let dx = dout.reshape(rows, columns).expect("as many entries as the result");
                accumulate(&mut gradients[input], dx, pool);
            }
            None => pool.put(dout),
        }
        Ok(())
    }
}

/// Adds `part` to a gradient, of which it may be the first part.
fn accumulate<T: Scalar>(gradient: &mut Option<Matrix<T>>, part: Matrix<T>, pool: &mut super::pool::Pool<T>) {
    match gradient {
        None => *gradient = Some(part),
        Some(sum) => {
            super::operations::add_assign(sum.as_mut_slice(), part.as_slice());
            pool.put(part);
        }
    }
}
