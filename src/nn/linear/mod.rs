//! A linear layer `y = x Wᵀ + b` on its own.
//!
//! [`Mlp`](super::Mlp) and [`Sequential`](super::Sequential) are the better choice for a stack of them: they fuse
//! bias and activation. `product` has the products that both use.

pub(crate) mod product;

use super::{Parameters, TensorPlace};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::random::RandomStream;

/// A linear layer: `y = x Wᵀ + b` with weight W (out, inp) and, if it has one, bias b (out).
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::Linear;
/// let layer = Linear::from_parameters(2, 1, vec![3.0, -1.0, 0.5], true)?; // weight, then bias
/// let x = Matrix::from_rows([[1.0, 1.0], [2.0, 0.0]]);
/// assert_eq!(layer.forward(&x)?, Matrix::from_rows([[2.5], [6.5]]));
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Linear<T> {
    inp: usize,
    out: usize,
    bias: bool,
    parameters: Vec<T>,
}

impl<T: Scalar> Linear<T> {
    /// A layer with PyTorch's initial values: weight and bias uniform in ±1/√inp.
    ///
    /// # Errors
    /// [`Error::Empty`] without inputs or outputs.
    pub fn new(inp: usize, out: usize, bias: bool, stream: &mut RandomStream) -> Result<Self> {
        let mut parameters = vec![T::ZERO; count::<T>(inp, out, bias)?];
        let bound = T::ONE / T::from_f64(inp as f64).sqrt();
        stream.fill_uniform_range(&mut parameters, -bound, bound)?;
        Ok(Linear { inp, out, bias, parameters })
    }

    /// A layer with given parameters: the weight (out, inp) row by row, then the bias.
    ///
    /// # Errors
    /// [`Error::Empty`] without inputs or outputs, [`Error::Shape`] for another number of parameters.
    pub fn from_parameters(inp: usize, out: usize, parameters: Vec<T>, bias: bool) -> Result<Self> {
        let expected = count::<T>(inp, out, bias)?;
        if parameters.len() != expected {
            return Err(Error::Shape {
                operation: "Linear::from_parameters",
                what: "the number of parameters",
                expected,
                got: parameters.len(),
            });
        }
        Ok(Linear { inp, out, bias, parameters })
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inp
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.out
    }

    /// The weight, (out, inp).
    pub fn weight(&self) -> MatrixView<'_, T> {
        product::view(&self.parameters[..self.out * self.inp], self.inp)
    }

    /// The bias.
    pub fn bias(&self) -> Option<&[T]> {
        self.bias.then(|| &self.parameters[self.out * self.inp..])
    }

    /// `x Wᵀ + b` for every row of x (batch, inp): (batch, out).
    ///
    /// # Errors
    /// [`Error::Shape`] if x does not have `inp` columns, [`Error::Empty`] for an empty batch.
    pub fn forward<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        let x = x.into();
        let mut y = Matrix::zeros(x.rows(), self.out);
        self.forward_into(x, y.view_mut())?;
        Ok(y)
    }

    /// [`forward`](Self::forward) into y (batch, out).
    ///
    /// # Errors
    /// [`Error::Shape`] if shapes do not fit, [`Error::Empty`] for an empty batch.
    pub fn forward_into<'a>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        y: impl Into<MatrixViewMut<'a, T>>,
    ) -> Result<()> {
        let (x, mut y) = (x.into(), y.into());
        super::check_batch("Linear::forward", "columns of the input", x, self.inp)?;
        super::check_shape("Linear::forward", super::OUTPUT, (x.rows(), self.out), y.shape())?;
        crate::matrix::gemm(
            T::ONE,
            x,
            crate::matrix::Operation::Plain,
            self.weight(),
            crate::matrix::Operation::Transpose,
            T::ZERO,
            y.reborrow(),
        )?;
        if let Some(bias) = self.bias() {
            for row in y.iter_rows_mut() {
                for (value, &shift) in row.iter_mut().zip(bias) {
                    *value += shift;
                }
            }
        }
        Ok(())
    }

    /// From `dy`, the gradient of a loss in y: adds the gradient in the parameters to `gradient` and writes that in x (`dy W`) to `dx`.
    ///
    /// # Errors
    /// [`Error::Shape`] if shapes do not fit, [`Error::Empty`] for an empty batch.
    pub fn backward<'a>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        dy: impl Into<MatrixView<'a, T>>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'a, T>>,
    ) -> Result<()> {
        use crate::matrix::{Operation, gemm};
        let (x, dy) = (x.into(), dy.into());
        super::check_batch("Linear::backward", "columns of the input", x, self.inp)?;
        super::check_shape("Linear::backward", super::OUTPUT_GRADIENT, (x.rows(), self.out), dy.shape())?;
        super::check_gradient("Linear::backward", self.parameters.len(), gradient)?;
        let (dweight, dbias) = gradient.split_at_mut(self.out * self.inp);
        product::backward_weight(dy, x, dweight);
        if self.bias {
            for (total, sum) in dbias.iter_mut().zip(dy.column_sums()) {
                *total += sum;
            }
        }
        if let Some(dx) = dx {
            gemm(T::ONE, dy, Operation::Plain, self.weight(), Operation::Plain, T::ZERO, dx)?;
        }
        Ok(())
    }
}

/// The number of parameters, if they can be addressed.
fn count<T>(inp: usize, out: usize, bias: bool) -> Result<usize> {
    for (size, what) in [(inp, "the input of a linear layer"), (out, "the output of a linear layer")] {
        if size == 0 {
            return Err(Error::Empty { what });
        }
    }
    let count = inp.checked_add(usize::from(bias)).and_then(|columns| columns.checked_mul(out));
    count.filter(|&count| count <= isize::MAX as usize / size_of::<T>()).ok_or(Error::Argument {
        name: "inp * out",
        value: inp as f64 * out as f64,
        requirement: "the parameters must fit into the address space",
    })
}

impl<T: Scalar> Parameters<T> for Linear<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    fn tensors(&self) -> Vec<TensorPlace> {
        let weights = self.out * self.inp;
        let mut tensors =
            vec![TensorPlace { name: "weight".into(), shape: vec![self.out, self.inp], range: 0..weights }];
        if self.bias {
            tensors.push(TensorPlace {
                name: "bias".into(),
                shape: vec![self.out],
                range: weights..self.parameters.len(),
            });
        }
        tensors
    }
}
