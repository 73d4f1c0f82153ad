//! A network on the tape, for losses that the passes by hand do not have.

use super::Mlp;
use crate::Scalar;
use crate::autodiff::{Tape, Variable};
use crate::error::Result;
use crate::matrix::{MatrixView, Operation};
use crate::nn::{Activation, check_gradient};

/// A network that [`Mlp::record`] has put on a tape.
#[derive(Debug, Clone)]
pub struct RecordedMlp {
    /// Its tensors, in the order of [`Parameters::tensors`](crate::nn::Parameters::tensors); a bias is a matrix of one row.
    pub parameters: Vec<Variable>,
    /// Its output, (batch, outputs).
    pub output: Variable,
}

impl<T: Scalar> Mlp<T> {
    /// Puts the network on a tape, applied to `x` (batch, inputs): for physics-informed losses, penalties on
    /// derivatives and others that mix inputs, outputs and their gradients. [`forward`](Self::forward) and
    /// [`backward`](Self::backward) are faster where they do.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`](crate::Error::ForeignVariable), and [`Error::Shapes`](crate::Error::Shapes) if x
    /// has another number of columns.
    ///
    /// # Examples
    /// The gradient of `Σ (du/dx)²` in the parameters:
    /// ```
    /// use brenier::Matrix;
    /// use brenier::autodiff::Tape;
    /// use brenier::nn::{Activation, Mlp, Parameters};
    /// use brenier::random::RandomStream;
    /// let mlp = Mlp::<f64>::new(&[1, 8, 1], Activation::Tanh, &mut RandomStream::new(1))?;
    /// let mut tape = Tape::new();
    /// let x = tape.variable(&Matrix::from_rows([[0.0], [0.5], [1.0]]));
    /// let recorded = mlp.record(&mut tape, x)?;
    /// let sum = tape.sum(recorded.output)?;
    /// let slope = tape.gradients(sum, &[x])?[0];
    /// let square = tape.square(slope)?;
    /// let loss = tape.sum(square)?;
    /// tape.backward(loss)?;
    /// let mut gradient = vec![0.0; mlp.parameters().len()];
    /// recorded.add_gradient(&tape, &mut gradient)?;
    /// assert!(gradient.iter().any(|&slope| slope != 0.0));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn record(&self, tape: &mut Tape<T>, x: Variable) -> Result<RecordedMlp> {
        let mut parameters = Vec::new();
        let mut value = x;
        for (index, layer) in self.layers.iter().enumerate() {
            let weight = tape.variable(MatrixView::from_slice(self.weight(index), layer.out, layer.inp)?);
            parameters.push(weight);
            value = tape.matmul_with(value, Operation::Plain, weight, Operation::Transpose)?;
            if let Some(bias) = self.bias(index) {
                let bias = tape.variable(MatrixView::from_slice(bias, 1, layer.out)?);
                parameters.push(bias);
                value = tape.add(value, bias)?;
            }
            value = activate(tape, layer.activation, value)?;
        }
        Ok(RecordedMlp { parameters, output: value })
    }
}

impl RecordedMlp {
    /// Adds what the last [`Tape::backward`] found for the parameters to `gradient`, in the order of
    /// [`Parameters::parameters`](crate::nn::Parameters::parameters).
    ///
    /// # Errors
    /// [`Error::NoGradient`](crate::Error::NoGradient) before a backward pass, [`Error::Shape`](crate::Error::Shape) for another length.
    pub fn add_gradient<T: Scalar>(&self, tape: &Tape<T>, gradient: &mut [T]) -> Result<()> {
        let mut count = 0;
        for &parameter in &self.parameters {
            let (rows, columns) = tape.shape(parameter)?;
            count += rows * columns;
        }
        check_gradient("RecordedMlp::add_gradient", count, gradient)?;
        let mut place = 0;
        for &parameter in &self.parameters {
            for row in tape.gradient(parameter)?.iter_rows() {
                for (total, &slope) in gradient[place..].iter_mut().zip(row) {
                    *total += slope;
                }
                place += row.len();
            }
        }
        Ok(())
    }
}

/// An activation as an operation of the tape.
fn activate<T: Scalar>(tape: &mut Tape<T>, activation: Activation, x: Variable) -> Result<Variable> {
    match activation {
        Activation::Identity => Ok(x),
        Activation::Relu => tape.relu(x),
        Activation::LeakyRelu { slope } => tape.leaky_relu(x, slope),
        Activation::Silu => tape.silu(x),
        Activation::Gelu => tape.gelu(x),
        Activation::GeluTanh => tape.gelu_tanh(x),
        Activation::Tanh => tape.tanh(x),
        Activation::Sigmoid => tape.sigmoid(x),
        Activation::Softplus => tape.softplus(x),
        Activation::Elu { alpha } => tape.elu(x, alpha),
    }
}
