//! What training asks of a network: a forward pass that keeps what the way back needs, and the way back.

use super::sequential::{Mode, Sequential, SequentialWorkspace};
use super::training::Place;
use super::{Mlp, MlpWorkspace, Parameters};
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scalar;

/// A network that the [training](super::training) loop takes: [`Mlp`], [`Sequential`], or one of your own.
///
/// The two passes are those of the types themselves, under one name.
///
/// # Examples
/// A function over any of them:
/// ```
/// use brenier::matrix::{Matrix, MatrixView};
/// use brenier::nn::{Activation, Mlp, Network};
/// use brenier::random::RandomStream;
///
/// fn slopes<N: Network<f64>>(network: &N, x: &Matrix<f64>) -> Result<Matrix<f64>, brenier::Error> {
///     let (mut workspace, mut dx) = (N::Workspace::default(), Matrix::zeros(x.rows(), x.columns()));
///     network.training_forward(x.view(), 0, &mut workspace)?;
///     let (ones, mut gradient) = (Matrix::filled(x.rows(), network.outputs(), 1.0), vec![0.0; network.parameters().len()]);
///     network.training_backward(ones.view(), &mut workspace, &mut gradient, Some(dx.view_mut()))?;
///     Ok(dx)
/// }
/// let mlp = Mlp::new(&[3, 8, 1], Activation::Tanh, &mut RandomStream::new(1))?;
/// assert_eq!(slopes(&mlp, &Matrix::zeros(5, 3))?.shape(), (5, 3));
/// # Ok::<(), brenier::Error>(())
/// ```
pub trait Network<T: Scalar>: Parameters<T> {
    /// The memory between the passes, which grows with the largest batch that it has seen.
    type Workspace: Default;

    /// Number of inputs.
    fn inputs(&self) -> usize;

    /// Number of outputs.
    fn outputs(&self) -> usize;

    /// The outputs (batch, outputs) of x (batch, inputs) in step `step` of a training. What is random in a network follows from the step.
    ///
    /// # Errors
    /// [`Error::Shape`] for a wrong number of columns, [`Error::Empty`] for an empty batch.
    fn training_forward<'w>(
        &self,
        x: MatrixView<'_, T>,
        step: u64,
        workspace: &'w mut Self::Workspace,
    ) -> Result<MatrixView<'w, T>>;

    /// From the gradient of a loss in those outputs, adds the gradient in the parameters to `gradient` and writes
    /// that in x to `dx` where it is given.
    ///
    /// # Errors
    /// [`Error::NoForwardPass`], [`Error::Shape`] if shapes do not fit.
    fn training_backward(
        &self,
        dy: MatrixView<'_, T>,
        workspace: &mut Self::Workspace,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()>;

    /// The first layer of the last forward pass with an output that is NaN or infinite, as a [`Place::Layer`]; `None` if there is none.
    fn first_not_finite(&self, workspace: &Self::Workspace) -> Option<Place>;
}

impl<T: Scalar> Network<T> for Mlp<T> {
    type Workspace = MlpWorkspace<T>;

    fn inputs(&self) -> usize {
        Mlp::inputs(self)
    }

    fn outputs(&self) -> usize {
        Mlp::outputs(self)
    }

    fn training_forward<'w>(
        &self,
        x: MatrixView<'_, T>,
        _: u64,
        workspace: &'w mut MlpWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward(x, workspace)
    }

    fn training_backward(
        &self,
        dy: MatrixView<'_, T>,
        workspace: &mut MlpWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        self.backward(dy, workspace, gradient, dx)
    }

    fn first_not_finite(&self, workspace: &MlpWorkspace<T>) -> Option<Place> {
        (0..self.layers()).find_map(|layer| place_in(layer, workspace.activations(layer).ok()?))
    }
}

impl<T: Scalar> Network<T> for Sequential<T> {
    type Workspace = SequentialWorkspace<T>;

    fn inputs(&self) -> usize {
        Sequential::inputs(self)
    }

    fn outputs(&self) -> usize {
        Sequential::outputs(self)
    }

    fn training_forward<'w>(
        &self,
        x: MatrixView<'_, T>,
        step: u64,
        workspace: &'w mut SequentialWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward(x, Mode::Training { step }, workspace)
    }

    fn training_backward(
        &self,
        dy: MatrixView<'_, T>,
        workspace: &mut SequentialWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        self.backward(dy, workspace, gradient, dx)
    }

    /// Of a linear layer and the activation after it, which are one pass, the linear layer is named.
    fn first_not_finite(&self, workspace: &SequentialWorkspace<T>) -> Option<Place> {
        self.outputs_of_layers(workspace).find_map(|(layer, output)| place_in(layer, output))
    }
}

/// The first entry of a layer's output that is not finite.
fn place_in<T: Scalar>(layer: usize, output: MatrixView<'_, T>) -> Option<Place> {
    match output.check_finite("output of a layer") {
        Err(Error::NotFiniteEntry { row, column, .. }) => Some(Place::Layer { layer, row, unit: column }),
        _ => None,
    }
}
