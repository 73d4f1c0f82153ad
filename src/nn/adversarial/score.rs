//! What is asked of a model: its score and the gradient of that in the input.

use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::nn::probe::Probe;
use crate::nn::{INPUT_GRADIENT, Mlp, MlpWorkspace, check_batch, check_shape};
use crate::scalar::Scalar;

/// A model with one score z(x) for each input, positive for class 1, that can be differentiated in the input.
pub trait Score<T: Scalar> {
    /// What lies between two calls: buffers that are used again.
    type Workspace: Default;

    /// Number of inputs.
    fn inputs(&self) -> usize;

    /// Writes z of every row.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Shape`] where rows or `scores` do not fit the model.
    fn scores_into(
        &self,
        x: MatrixView<'_, T>,
        workspace: &mut Self::Workspace,
        scores: &mut [T],
    ) -> Result<()>;

    /// Writes z of every row and its gradient in that row: (batch, inputs).
    ///
    /// # Errors
    /// As [`scores_into`](Self::scores_into).
    fn gradients_into(
        &self,
        x: MatrixView<'_, T>,
        workspace: &mut Self::Workspace,
        scores: &mut [T],
        gradients: MatrixViewMut<'_, T>,
    ) -> Result<()>;
}

/// Refuses another number of scores than rows, and gradients of another shape.
fn check_outputs<T: Scalar>(
    operation: &'static str,
    x: MatrixView<'_, T>,
    scores: &[T],
    gradients: Option<(usize, usize)>,
) -> Result<()> {
    if scores.len() != x.rows() {
        let (expected, got) = (x.rows(), scores.len());
        return Err(Error::Shape { operation, what: "the number of scores", expected, got });
    }
    gradients.map_or(Ok(()), |shape| check_shape(operation, INPUT_GRADIENT, x.shape(), shape))
}

/// z = w · x + b, and w as its gradient.
impl<T: Scalar> Score<T> for Probe<T> {
    type Workspace = ();

    fn inputs(&self) -> usize {
        Probe::inputs(self)
    }

    fn scores_into(&self, x: MatrixView<'_, T>, (): &mut (), scores: &mut [T]) -> Result<()> {
        self.logits_into(x, scores)
    }

    fn gradients_into(
        &self,
        x: MatrixView<'_, T>,
        (): &mut (),
        scores: &mut [T],
        mut gradients: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        check_outputs("Probe::gradients_into", x, scores, Some(gradients.shape()))?;
        self.logits_into(x, scores)?;
        for gradient in gradients.iter_rows_mut() {
            gradient.copy_from_slice(self.direction());
        }
        Ok(())
    }
}

/// A network with one output.
impl<T: Scalar> Score<T> for Mlp<T> {
    /// The network's own, and a column of ones.
    type Workspace = (MlpWorkspace<T>, Vec<T>);

    fn inputs(&self) -> usize {
        Mlp::inputs(self)
    }

    fn scores_into(
        &self,
        x: MatrixView<'_, T>,
        (workspace, _): &mut Self::Workspace,
        scores: &mut [T],
    ) -> Result<()> {
        check_one_output(self)?;
        check_outputs("Mlp::scores_into", x, scores, None)?;
        let z = self.evaluate(x, workspace)?;
        scores.iter_mut().zip(z.iter_rows()).for_each(|(score, z)| *score = z[0]);
        Ok(())
    }

    fn gradients_into(
        &self,
        x: MatrixView<'_, T>,
        (workspace, ones): &mut Self::Workspace,
        scores: &mut [T],
        gradients: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        check_one_output(self)?;
        check_outputs("Mlp::gradients_into", x, scores, Some(gradients.shape()))?;
        let z = self.forward(x, workspace)?;
        scores.iter_mut().zip(z.iter_rows()).for_each(|(score, z)| *score = z[0]);
        ones.clear();
        ones.resize(x.rows(), T::ONE);
        self.input_gradient(MatrixView::from_slice(ones, x.rows(), 1)?, workspace, gradients)
    }
}

fn check_one_output<T: Scalar>(network: &Mlp<T>) -> Result<()> {
    if network.outputs() == 1 {
        return Ok(());
    }
    let (operation, what) = ("Score for Mlp", "the number of outputs");
    Err(Error::Shape { operation, what, expected: 1, got: network.outputs() })
}

/// A score of the user's own: a function of one row that writes the gradient and returns z.
///
/// # Examples
/// A circle of radius 1, inside of which is class 1:
/// ```
/// use brenier::Matrix;
/// use brenier::nn::adversarial::{DeepFoolOptions, Norm, ScoreFunction, deep_fool};
/// let circle = ScoreFunction::new(2, |x: &[f64], gradient: &mut [f64]| {
///     gradient.iter_mut().zip(x).for_each(|(g, x)| *g = -2.0 * x);
///     1.0 - x[0] * x[0] - x[1] * x[1]
/// });
/// let attack = deep_fool(&circle, &Matrix::from_rows([[0.3, 0.4]]), &DeepFoolOptions::default())?;
/// assert!(attack.flipped[0]);
/// assert!(Norm::Euclidean.of(attack.perturbations.row(0)) < 0.8); // 0.5 is the shortest way out
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ScoreFunction<F> {
    inputs: usize,
    function: F,
}

impl<F> ScoreFunction<F> {
    /// The function of rows of so many inputs.
    pub fn new(inputs: usize, function: F) -> Self {
        Self { inputs, function }
    }
}

impl<T: Scalar, F: Fn(&[T], &mut [T]) -> T> Score<T> for ScoreFunction<F> {
    /// A gradient that nobody asked for.
    type Workspace = Vec<T>;

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn scores_into(&self, x: MatrixView<'_, T>, workspace: &mut Vec<T>, scores: &mut [T]) -> Result<()> {
        check_batch("ScoreFunction::scores_into", "columns of the input", x, self.inputs)?;
        check_outputs("ScoreFunction::scores_into", x, scores, None)?;
        workspace.resize(self.inputs, T::ZERO);
        for (score, row) in scores.iter_mut().zip(x.iter_rows()) {
            *score = (self.function)(row, workspace);
        }
        Ok(())
    }

    fn gradients_into(
        &self,
        x: MatrixView<'_, T>,
        _: &mut Vec<T>,
        scores: &mut [T],
        mut gradients: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        check_batch("ScoreFunction::gradients_into", "columns of the input", x, self.inputs)?;
        check_outputs("ScoreFunction::gradients_into", x, scores, Some(gradients.shape()))?;
        let rows = scores.iter_mut().zip(x.iter_rows()).zip(gradients.iter_rows_mut());
        for ((score, row), gradient) in rows {
            *score = (self.function)(row, gradient);
        }
        Ok(())
    }
}
