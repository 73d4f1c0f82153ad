//! Evaluation, the forward pass and its backward pass.
//!
//! Gradients of parameters accumulate (`+=`), those of activations and of the input are written (`=`).

use super::Sequential;
use super::stage::{Operation, Stage};
use super::workspace::{SequentialWorkspace, StageMemory, resized};
use crate::Scalar;
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView, MatrixViewMut};
use crate::nn::activation::passes::{self, Kept};
use crate::nn::linear::product::{self, view, view_mut};
use crate::nn::{
    INPUT_GRADIENT, OUTPUT_GRADIENT, check_batch, check_gradient, check_shape, dropout, layer_norm,
};

/// Whether a chain is being trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Dropout is left out: the output depends on input and parameters alone.
    Evaluation,
    /// Dropout sets entries to zero.
    Training {
        /// The step of the training, from which the zeros follow: the same step has the same zeros.
        step: u64,
    },
}

impl<T: Scalar> Sequential<T> {
    /// `y(x)`, (batch, outputs), in new memory, without dropout. [`evaluate`](Self::evaluate) reuses it.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for a wrong number of columns, [`Error::Empty`](crate::Error::Empty) for an empty batch.
    pub fn apply<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        Ok(self.evaluate(x, &mut SequentialWorkspace::new())?.to_matrix())
    }

    /// `y(x)`, (batch, outputs), without dropout, and nothing kept for a backward pass: two buffers of the widest layer take turns.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn evaluate<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut SequentialWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        let x = x.into();
        check_batch("Sequential::evaluate", "columns of the input", x, self.inputs())?;
        workspace.begin(self);
        workspace.batch = 0; // what an earlier forward pass has left is no longer whole
        let batch = x.rows();
        let [mut above, mut below] = workspace.gradients.each_mut();
        for (index, (stage, memory)) in self.stages.iter().zip(&mut workspace.stages).enumerate() {
            let out = resized(above, batch * stage.out);
            let input = if index == 0 { x } else { view(&below[..batch * stage.inp], stage.inp) };
            self.stage_forward(stage, input, Mode::Evaluation, Kept::Nothing, out, memory)?;
            std::mem::swap(&mut above, &mut below);
        }
        Ok(view(&below[..batch * self.outputs()], self.outputs()))
    }

    /// `y(x)`, (batch, outputs); the workspace keeps what a backward pass needs.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::nn::{Activation, Linear, Sequential, SequentialWorkspace, sequential::Mode};
    /// let chain = Sequential::new([Linear::from_parameters(2, 1, vec![3.0, -1.0, 0.5], true)?.into(), Activation::Relu.into()])?;
    /// let x = Matrix::from_rows([[1.0, 1.0], [-2.0, 0.0]]);
    /// let mut workspace = SequentialWorkspace::new();
    /// let y = chain.forward(&x, Mode::Training { step: 0 }, &mut workspace)?;
    /// assert_eq!((y[(0, 0)], y[(1, 0)]), (2.5, 0.0));
    /// let (mut gradient, mut dx) = (vec![0.0; 3], Matrix::zeros(2, 2));
    /// chain.backward(&Matrix::filled(2, 1, 1.0), &mut workspace, &mut gradient, Some(dx.view_mut()))?;
    /// assert_eq!((gradient, dx), (vec![1.0, 1.0, 1.0], Matrix::from_rows([[3.0, -1.0], [0.0, 0.0]])));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn forward<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        mode: Mode,
        workspace: &'w mut SequentialWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        let x = x.into();
        check_batch("Sequential::forward", "columns of the input", x, self.inputs())?;
        workspace.begin_forward(self, x, mode)?;
        let batch = x.rows();
        for (index, stage) in self.stages.iter().enumerate() {
            let (before, rest) = workspace.stages.split_at_mut(index);
            let input = input_of(stage, before, &workspace.input, batch);
            let mut value = std::mem::take(&mut rest[0].value);
            let out = resized(&mut value, batch * stage.out);
            let done = self.stage_forward(stage, input, mode, Kept::Slope, out, &mut rest[0]);
            rest[0].value = value;
            done?;
        }
        Ok(workspace.value(self, self.stages.len() - 1))
    }

    /// One stage: `out` (batch, out) from x (batch, inp).
    fn stage_forward(
        &self,
        stage: &Stage,
        x: MatrixView<'_, T>,
        mode: Mode,
        kept: Kept,
        out: &mut [T],
        memory: &mut StageMemory<T>,
    ) -> Result<()> {
        let width = stage.out;
        let kept = if stage.keeps_slopes() { kept } else { Kept::Nothing };
        match &stage.operation {
            Operation::Linear { weight, bias, activation } => {
                let slopes = resized(&mut memory.factors, out.len() * kept.count());
                let bias = bias.clone().map(|bias| &self.parameters[bias]);
                let parameters = (&self.parameters[weight.clone()], bias);
                product::forward_activated(x, parameters, *activation, (out, width), (slopes, kept));
            }
            Operation::Activation(activation) => {
                view_mut(out, width).copy_from(x)?;
                let slopes = resized(&mut memory.factors, out.len() * kept.count());
                passes::forward(*activation, None, out, width, slopes, kept);
            }
            Operation::Dropout { probability, stream } => match mode {
                Mode::Evaluation => view_mut(out, width).copy_from(x)?,
                Mode::Training { step } => {
                    let factors = resized(&mut memory.factors, out.len());
                    dropout::draw_factors(factors, *probability, &mut stream.split(step));
                    dropout::multiply(x, factors, view_mut(out, width));
                }
            },
            Operation::LayerNorm { parameters, epsilon } => {
                let parameters = &self.parameters[parameters.clone()];
                layer_norm::forward(x, view_mut(out, width), parameters, *epsilon, &mut memory.normal);
            }
            Operation::FourierFeatures(features) => features.forward_into(x, view_mut(out, width))?,
        }
        Ok(())
    }

    /// From `dy`, the gradient of a loss in y (batch, outputs), adds the gradient in the parameters to `gradient` and writes that
    /// in x (batch, inputs) to `dx` where it is given. Belongs to the last [`forward`](Self::forward) through this workspace.
    ///
    /// # Errors
    /// [`Error::NoForwardPass`](crate::Error::NoForwardPass), [`Error::Shape`](crate::Error::Shape) if shapes do not fit.
    pub fn backward<'a>(
        &self,
        dy: impl Into<MatrixView<'a, T>>,
        workspace: &mut SequentialWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        check_gradient("Sequential::backward", self.parameters.len(), gradient)?;
        self.backward_from("Sequential::backward", dy.into(), workspace, Some(gradient), dx)
    }

    /// `dx = Jᵀ u` for every sample: the gradient in x of `Σ u · y(x)`. u: (batch, outputs), dx: (batch, inputs).
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn input_gradient<'a>(
        &self,
        u: impl Into<MatrixView<'a, T>>,
        workspace: &mut SequentialWorkspace<T>,
        dx: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        self.backward_from("Sequential::input_gradient", u.into(), workspace, None, Some(dx))
    }

    fn backward_from(
        &self,
        operation: &'static str,
        dy: MatrixView<'_, T>,
        workspace: &mut SequentialWorkspace<T>,
        mut gradient: Option<&mut [T]>,
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        workspace.check(operation, self)?;
        let (batch, mode) = (workspace.batch, workspace.mode);
        check_shape(operation, OUTPUT_GRADIENT, (batch, self.outputs()), dy.shape())?;
        if let Some(dx) = &dx {
            check_shape(operation, INPUT_GRADIENT, (batch, self.inputs()), dx.shape())?;
        }
        workspace.begin_backward(self, dy)?;
        // Where nobody asks for the gradient in x, the way ends at the first stage that learns.
        let lowest = match dx {
            Some(_) => 0,
            None => self.stages.iter().position(Stage::has_parameters).unwrap_or(self.stages.len()),
        };
        let [mut above, mut below] = workspace.gradients.each_mut();
        for (index, stage) in self.stages.iter().enumerate().skip(lowest).rev() {
            let (before, rest) = workspace.stages.split_at_mut(index);
            let (x, memory) = (input_of(stage, before, &workspace.input, batch), &mut rest[0]);
            let dout = &mut above[..batch * stage.out];
            let slopes = Some((&memory.factors[..], stage.out));
            match &stage.operation {
                // These two change the gradient where it lies.
                Operation::Activation(_) => passes::backward(dout, stage.out, slopes, None, &mut []),
                Operation::Dropout { .. } => {
                    if mode != Mode::Evaluation {
                        passes::backward(dout, stage.out, slopes, None, &mut []);
                    }
                }
                Operation::Linear { weight, bias, .. } => {
                    let slopes = slopes.filter(|_| stage.keeps_slopes());
                    let dbias = match (&mut gradient, bias) {
                        (Some(gradient), Some(bias)) => Some(&mut gradient[bias.clone()]),
                        _ => None,
                    };
                    passes::backward(dout, stage.out, slopes, dbias, &mut workspace.partial);
                    let dz = view(dout, stage.out);
                    if let Some(gradient) = &mut gradient {
                        let dweight = &mut gradient[weight.clone()];
                        product::backward_weight(dz, x, dweight);
                    }
                    if index > lowest || dx.is_some() {
                        let dx = &mut below[..batch * stage.inp];
                        product::backward_input(dz, &self.parameters[weight.clone()], dx, stage.inp);
                    }
                    std::mem::swap(&mut above, &mut below);
                }
                Operation::LayerNorm { parameters, .. } => {
                    let dx = view_mut(&mut below[..batch * stage.inp], stage.inp);
                    let dparameters = gradient.as_mut().map(|gradient| &mut gradient[parameters.clone()]);
                    let parameters = &self.parameters[parameters.clone()];
                    let dout = view(dout, stage.out);
                    layer_norm::backward(x, dout, dx, parameters, dparameters, &mut memory.normal);
                    std::mem::swap(&mut above, &mut below);
                }
                Operation::FourierFeatures(features) => {
                    let value = view(&memory.value[..batch * stage.out], stage.out);
                    let dx = view_mut(&mut below[..batch * stage.inp], stage.inp);
                    features.backward_into(value, view(dout, stage.out), dx)?;
                    std::mem::swap(&mut above, &mut below);
                }
            }
        }
        match dx {
            Some(mut dx) => dx.copy_from(view(&above[..batch * self.inputs()], self.inputs())),
            None => Ok(()),
        }
    }
}

/// What a stage has read: the output of the stage before it, or the input of the chain.
fn input_of<'a, T: Scalar>(
    stage: &Stage,
    before: &'a [StageMemory<T>],
    input: &'a [T],
    batch: usize,
) -> MatrixView<'a, T> {
    let source = before.last().map_or(input, |memory| &memory.value);
    view(&source[..batch * stage.inp], stage.inp)
}
