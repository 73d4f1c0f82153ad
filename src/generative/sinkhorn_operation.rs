//! The Sinkhorn loss of two clouds as an operation of the tape.

use crate::autodiff::{CustomOperation, CustomPass, Tape, Variable};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::ot::sinkhorn::minibatch::{Options, SinkhornLoss};
use crate::scalar::Scalar;

/// The loss and, from the forward pass, its two gradients.
struct SinkhornOperation<T> {
    loss: SinkhornLoss<T>,
    gradients: [Matrix<T>; 2],
}

impl<T: Scalar> CustomOperation<T> for SinkhornOperation<T> {
    fn name(&self) -> &'static str {
        "sinkhorn_loss"
    }

    fn shape(&self, inputs: &[(usize, usize)]) -> Result<(usize, usize)> {
        let (left, right) = (inputs[0], inputs[1]);
        if left.1 != right.1 {
            return Err(Error::Shapes { operation: "sinkhorn_loss", left, right });
        }
        Ok((1, 1))
    }

    fn forward(&mut self, inputs: &[MatrixView<'_, T>], mut out: MatrixViewMut<'_, T>) -> Result<()> {
        let mut gradients = [0, 1].map(|k| Matrix::zeros(inputs[k].rows(), inputs[k].columns()));
        let [dx, dy] = gradients.each_mut().map(|gradient| Some(gradient.view_mut()));
        let answer = self.loss.value_and_gradient_into(inputs[0], inputs[1], dx, dy)?;
        self.gradients = gradients;
        out.row_mut(0)[0] = T::from_f64(answer.value);
        Ok(())
    }

    fn backward(
        &self,
        pass: CustomPass<'_, T>,
        gradients: &mut [Option<MatrixViewMut<'_, T>>],
    ) -> Result<()> {
        let dout = pass.dout.row(0)[0];
        for (out, gradient) in gradients.iter_mut().zip(&self.gradients) {
            let Some(out) = out else { continue };
            for (out, gradient) in out.iter_rows_mut().zip(gradient.iter_rows()) {
                out.iter_mut().zip(gradient).for_each(|(out, &slope)| *out = slope * dout);
            }
        }
        Ok(())
    }
}

/// Records the [Sinkhorn loss](crate::ot::sinkhorn::minibatch) between the rows of `source` (n, d) and of `target`
/// (m, d), a (1, 1) matrix. Its gradients, in both clouds, are computed with the value, in the way that the options
/// say; they cannot be differentiated again.
///
/// # Errors
/// [`Error::Shapes`] for different numbers of coordinates, [`Error::ForeignVariable`], and those of
/// [`SinkhornLoss::value`].
///
/// # Examples
/// A loss of what any operations have made of the clouds:
/// ```
/// use brenier::Matrix;
/// use brenier::autodiff::Tape;
/// use brenier::generative::sinkhorn_loss;
/// use brenier::ot::sinkhorn::minibatch::Options;
/// let mut tape = Tape::new();
/// let data = tape.constant(&Matrix::from_rows([[0.0_f64, 0.0], [1.0, 0.0]]));
/// let points = tape.variable(&Matrix::from_rows([[0.0, 2.0], [1.0, 2.0]]));
/// let moved = tape.scale(points, 0.5)?;
/// let loss = sinkhorn_loss(&mut tape, data, moved, &Options::new(0.05))?;
/// tape.backward(loss)?;
/// assert!((tape.gradient(points)?[(0, 1)] - 0.5).abs() < 0.05); // half of 2 ν (y - x)
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn sinkhorn_loss<T: Scalar>(
    tape: &mut Tape<T>,
    source: Variable,
    target: Variable,
    options: &Options,
) -> Result<Variable> {
    let loss = SinkhornLoss::new(*options)?;
    let operation = SinkhornOperation { loss, gradients: [Matrix::zeros(0, 0), Matrix::zeros(0, 0)] };
    tape.custom(operation, &[source, target])
}
