//! Operations of the caller's own.

use super::super::pool::Pool;
use super::super::rule::{Call, Inputs, Operation, Pass, Rule};
use super::super::{Tape, Variable};
use crate::error::{Error, Result};
use crate::{Matrix, MatrixView, MatrixViewMut, Scalar};
use std::sync::Arc;

/// An operation whose value and gradient the caller gives: a solver, or a loss with a gradient of its own.
///
/// The tape calls [`shape`](Self::shape) and [`forward`](Self::forward) once, when [`Tape::custom`] records it, and
/// [`backward`](Self::backward) whenever a gradient runs through it. What the forward pass leaves in `self` is there
/// for the backward pass.
///
/// # Examples
/// The sum of squares, which remembers nothing:
/// ```
/// use brenier::autodiff::{CustomOperation, CustomPass, Tape};
/// use brenier::{Error, Matrix, MatrixView, MatrixViewMut};
///
/// struct SumOfSquares;
///
/// impl CustomOperation<f64> for SumOfSquares {
///     fn name(&self) -> &'static str {
///         "sum_of_squares"
///     }
///     fn shape(&self, _inputs: &[(usize, usize)]) -> Result<(usize, usize), Error> {
///         Ok((1, 1))
///     }
///     fn forward(&mut self, inputs: &[MatrixView<'_, f64>], mut out: MatrixViewMut<'_, f64>) -> Result<(), Error> {
///         out[(0, 0)] = inputs[0].iter_rows().flatten().map(|x| x * x).sum();
///         Ok(())
///     }
///     fn backward(
///         &self,
///         pass: CustomPass<'_, f64>,
///         gradients: &mut [Option<MatrixViewMut<'_, f64>>],
///     ) -> Result<(), Error> {
///         let dout = pass.dout[(0, 0)];
///         if let Some(dx) = &mut gradients[0] {
///             for (dx, x) in dx.iter_rows_mut().zip(pass.inputs[0].iter_rows()) {
///                 for (dx, x) in dx.iter_mut().zip(x) {
///                     *dx = 2.0 * x * dout;
///                 }
///             }
///         }
///         Ok(())
///     }
/// }
///
/// let mut tape = Tape::new();
/// let x = tape.variable(&Matrix::from_rows([[1.0, 2.0]]));
/// let y = tape.custom(SumOfSquares, &[x])?;
/// tape.backward(y)?;
/// assert_eq!(tape.scalar(y)?, 5.0);
/// assert_eq!(tape.gradient(x)?.row(0), [2.0, 4.0]);
/// # Ok::<(), Error>(())
/// ```
pub trait CustomOperation<T: Scalar>: Send + Sync {
    /// As errors call it.
    fn name(&self) -> &'static str;

    /// The shape of the result for inputs of these shapes.
    ///
    /// # Errors
    /// The operation's own, [`Error::Shapes`] if the inputs do not fit.
    fn shape(&self, inputs: &[(usize, usize)]) -> Result<(usize, usize)>;

    /// Writes all entries of the result; they are unspecified before.
    ///
    /// # Errors
    /// The operation's own: [`Tape::custom`] passes them on.
    fn forward(&mut self, inputs: &[MatrixView<'_, T>], out: MatrixViewMut<'_, T>) -> Result<()>;

    /// Writes (not: adds) the gradients of the inputs for which there is a matrix in `gradients`, of the shape of the
    /// input. Its entries are unspecified before. `None` stands for an input that needs none.
    ///
    /// # Errors
    /// The operation's own: the backward pass stops and passes them on.
    fn backward(&self, pass: CustomPass<'_, T>, gradients: &mut [Option<MatrixViewMut<'_, T>>])
    -> Result<()>;

    /// Records the gradient of input `wanted` in terms of other operations, so that it can be differentiated again:
    /// `out` is the result, `dout` its gradient. `None`, which is the default, lets the tape call
    /// [`backward`](Self::backward), once for each input: the gradient is then right but cannot be differentiated,
    /// which [`Error::NoGradient`] tells whoever tries.
    ///
    /// # Errors
    /// Those of the operations that it records.
    fn record(
        &self,
        _tape: &mut Tape<T>,
        _inputs: &[Variable],
        _out: Variable,
        _dout: Variable,
        _wanted: usize,
    ) -> Result<Option<Variable>> {
        Ok(None)
    }
}

/// What the gradient of a [`CustomOperation`] is computed from.
#[derive(Debug, Clone, Copy)]
pub struct CustomPass<'a, T> {
    /// The inputs.
    pub inputs: &'a [MatrixView<'a, T>],
    /// The result.
    pub out: MatrixView<'a, T>,
    /// The gradient of the result, of its shape.
    pub dout: MatrixView<'a, T>,
}

/// A recorded operation of the caller's.
#[derive(Clone)]
pub(in super::super) struct Custom<T: Scalar>(Arc<dyn CustomOperation<T>>);

impl<T: Scalar> Custom<T> {
    /// The gradients of the inputs that are wanted, in one call.
    pub(in super::super) fn backward_all(
        &self,
        pass: Pass<'_, T>,
        wanted: &[bool],
    ) -> Result<Vec<Option<Matrix<T>>>> {
        let Pass { inputs, out, dout, pool } = pass;
        let views: Vec<_> = inputs.iter().map(Matrix::view).collect();
        let mut parts: Vec<_> = inputs
            .iter()
            .zip(wanted)
            .map(|(input, &wanted)| wanted.then(|| pool.take(input.shape())))
            .collect();
        let mut targets: Vec<_> = parts.iter_mut().map(|part| part.as_mut().map(Matrix::view_mut)).collect();
        let pass = CustomPass { inputs: &views, out: out.view(), dout: dout.view() };
        self.0.backward(pass, &mut targets)?;
        Ok(parts)
    }
}

impl<T: Scalar> Rule<T> for Custom<T> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        self.0.shape(&inputs.iter().map(Matrix::shape).collect::<Vec<_>>())
    }

    fn forward(&self, _: Inputs<'_, T>, _: &mut Pool<T>, _: &mut Matrix<T>) -> Result<()> {
        unreachable!("the forward pass ran before the operation was recorded");
    }

    fn backward(&self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()> {
        let mut wanted = vec![false; pass.inputs.indices.len()];
        wanted[k] = true;
        let Pass { inputs, out, dout, pool } = pass;
        let mut parts = self.backward_all(Pass { inputs, out, dout, pool }, &wanted)?;
        if let Some(part) = parts[k].take() {
            dx.as_mut_slice().copy_from_slice(part.as_slice());
            pool.put(part);
        }
        Ok(())
    }

    fn record(&self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable> {
        if let Some(gradient) = self.0.record(tape, call.inputs, call.out, call.dout, k)? {
            let (left, right) = (tape.shape(call.inputs[k])?, tape.shape(gradient)?);
            if left != right {
                return Err(Error::Shapes { operation: self.0.name(), left, right });
            }
            return Ok(gradient);
        }
        let mut inputs = call.inputs.to_vec();
        inputs.extend([call.out, call.dout]);
        tape.apply(Operation::CustomGradient(CustomGradient { operation: self.clone(), k }), &inputs)
    }
}

/// The gradient of input k of a custom operation, computed from its inputs, its result, and the gradient of that. It has no gradient of
/// its own.
#[derive(Clone)]
pub(in super::super) struct CustomGradient<T: Scalar> {
    operation: Custom<T>,
    k: usize,
}

impl<T: Scalar> Rule<T> for CustomGradient<T> {
    fn name(&self) -> &'static str {
        "gradient of a custom operation"
    }

    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)> {
        Ok(inputs.shape(self.k))
    }

    fn forward(&self, inputs: Inputs<'_, T>, pool: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()> {
        let count = inputs.indices.len() - 2;
        let own = Inputs { values: inputs.values, indices: &inputs.indices[..count] };
        let pass = Pass { inputs: own, out: inputs.get(count), dout: inputs.get(count + 1), pool };
        Rule::backward(&self.operation, self.k, pass, out)
    }

    fn backward(&self, _: usize, _: Pass<'_, T>, _: &mut Matrix<T>) -> Result<()> {
        Err(self.refusal())
    }

    fn record(&self, _: usize, _: Call<'_>, _: &mut Tape<T>) -> Result<Variable> {
        Err(self.refusal())
    }
}

impl<T: Scalar> CustomGradient<T> {
    fn refusal(&self) -> Error {
        let reason =
            "the gradient of this custom operation cannot be differentiated again (it does not record it)";
        Error::NoGradient { operation: self.operation.0.name(), reason }
    }
}

impl<T: Scalar> Tape<T> {
    /// Records an operation of the caller's own on `inputs`.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`], and what the operation answers.
    pub fn custom(
        &mut self,
        mut operation: impl CustomOperation<T> + 'static,
        inputs: &[Variable],
    ) -> Result<Variable> {
        let start = self.add_edges(operation.name(), inputs)?;
        let views: Vec<_> = self.edges[start..].iter().map(|&input| self.values[input].view()).collect();
        let shapes: Vec<_> = views.iter().map(MatrixView::shape).collect();
        let computed = operation.shape(&shapes).and_then(|shape| {
            let mut out = self.pool.try_take(shape)?;
            operation.forward(&views, out.view_mut())?;
            Ok(out)
        });
        match computed {
            Ok(out) => Ok(self.push(Operation::Custom(Custom(Arc::new(operation))), start, out)),
            Err(error) => {
                self.edges.truncate(start);
                Err(error)
            }
        }
    }
}
