//! The memory between the passes of a chain.

use super::stage::Fit;
use super::{Mode, Sequential};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::nn::LayerNormMemory;
use crate::nn::activation::passes;
use crate::nn::linear::product::{view, view_mut};

/// What the forward pass of one stage leaves for the way back.
#[derive(Debug, Clone, Default)]
pub(super) struct StageMemory<T> {
    /// Its output, (batch, out).
    pub value: Vec<T>,
    /// What the gradient is multiplied with, entry by entry: slopes of an activation or factors of dropout, (batch, out).
    pub factors: Vec<T>,
    pub normal: LayerNormMemory<T>,
}

/// The memory of a [`Sequential`]'s passes: the outputs of the layers in the last forward pass and the buffers of the backward pass.
///
/// It may serve several chains in turn, but a backward pass belongs to the forward pass that came last, with the parameters of that pass.
/// Memory: `2 batch Σ out` numbers at most, the input, twice the batch of the widest layer, and a twelfth of that for sums.
#[derive(Debug, Clone)]
pub struct SequentialWorkspace<T> {
    /// Rows of the last forward pass; zero before the first.
    pub(super) batch: usize,
    pub(super) mode: Mode,
    /// What the chain of the last forward pass was made of.
    pub(super) fits: Vec<Fit>,
    pub(super) input: Vec<T>,
    pub(super) stages: Vec<StageMemory<T>>,
    /// Gradients of the stage at hand and of the one below it; in an evaluation, their outputs.
    pub(super) gradients: [Vec<T>; 2],
    /// Sums of columns, granule by granule of rows.
    pub(super) partial: Vec<T>,
}

impl<T: Scalar> Default for SequentialWorkspace<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The first `count` numbers of a buffer, which grows where it is shorter.
pub(super) fn resized<T: Scalar>(buffer: &mut Vec<T>, count: usize) -> &mut [T] {
    if buffer.len() < count {
        buffer.resize(count, T::ZERO);
    }
    &mut buffer[..count]
}

impl<T: Scalar> SequentialWorkspace<T> {
    /// An empty workspace: the first pass allocates.
    pub fn new() -> Self {
        SequentialWorkspace {
            batch: 0,
            mode: Mode::Evaluation,
            fits: Vec::new(),
            input: Vec::new(),
            stages: Vec::new(),
            gradients: [Vec::new(), Vec::new()],
            partial: Vec::new(),
        }
    }

    /// Makes room for the memories of `chain`.
    pub(super) fn begin(&mut self, chain: &Sequential<T>) {
        if self.stages.len() < chain.stages.len() {
            self.stages.resize_with(chain.stages.len(), StageMemory::default);
        }
    }

    /// Makes room for a forward pass of `chain` and copies its input.
    pub(super) fn begin_forward(
        &mut self,
        chain: &Sequential<T>,
        x: MatrixView<'_, T>,
        mode: Mode,
    ) -> Result<()> {
        self.begin(chain);
        (self.batch, self.mode) = (x.rows(), mode);
        self.fits.clear();
        self.fits.extend(chain.stages.iter().map(|stage| stage.fit()));
        let input = resized(&mut self.input, x.rows() * x.columns());
        view_mut(input, x.columns()).copy_from(x)
    }

    /// Makes room for a backward pass and puts `dy` at its beginning.
    pub(super) fn begin_backward(&mut self, chain: &Sequential<T>, dy: MatrixView<'_, T>) -> Result<()> {
        let widest = chain.stages.iter().map(|stage| stage.inp.max(stage.out)).max().unwrap_or(0);
        for buffer in &mut self.gradients {
            resized(buffer, self.batch * widest);
        }
        let sums = chain.stages.iter().map(|stage| passes::partial_sums(self.batch, stage.out)).max();
        resized(&mut self.partial, sums.unwrap_or(0));
        let mut first: MatrixViewMut<'_, T> =
            view_mut(&mut self.gradients[0][..dy.rows() * dy.columns()], dy.columns());
        first.copy_from(dy)
    }

    /// Refuses a pass that has no forward pass of this chain before it.
    pub(super) fn check(&self, operation: &'static str, chain: &Sequential<T>) -> Result<()> {
        if self.batch > 0 && chain.stages.iter().map(|stage| stage.fit()).eq(self.fits.iter().copied()) {
            return Ok(());
        }
        Err(Error::NoForwardPass { operation, needed: "forward" })
    }

    /// The output of a stage in the last forward pass of `chain`.
    pub(super) fn value(&self, chain: &Sequential<T>, stage: usize) -> MatrixView<'_, T> {
        let out = chain.stages[stage].out;
        view(&self.stages[stage].value[..self.batch * out], out)
    }
}

impl<T: Scalar> Sequential<T> {
    /// The outputs of the last forward pass through `workspace`, each with the (first) layer that it comes from; none
    /// if that was of another chain.
    pub(in crate::nn) fn outputs_of_layers<'w>(
        &self,
        workspace: &'w SequentialWorkspace<T>,
    ) -> impl Iterator<Item = (usize, MatrixView<'w, T>)> {
        let filled = workspace.check("Sequential::outputs_of_layers", self).is_ok();
        let stages = if filled { &self.stages[..] } else { &[] };
        stages.iter().enumerate().map(|(index, stage)| (stage.layer, workspace.value(self, index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Activation, Dropout, FourierFeatures, LayerNorm, Linear, Parameters};
    use crate::random::RandomStream;

    /// After the first step of a batch size no buffer moves or grows, whatever smaller batches and evaluations come.
    #[test]
    fn later_steps_allocate_nothing() {
        let stream = &mut RandomStream::new(1);
        let chain = Sequential::<f32>::new([
            FourierFeatures::sinusoidal(40, 100.0).unwrap().into(),
            Linear::new(80, 60, true, stream).unwrap().into(),
            LayerNorm::new(60).unwrap().into(),
            Activation::Silu.into(),
            Dropout::new(0.2, stream.split(0)).unwrap().into(),
            Linear::new(60, 3, true, stream).unwrap().into(),
        ])
        .unwrap();
        let mut workspace = SequentialWorkspace::new();
        let mut gradient = vec![0.0; chain.parameters().len()];
        let mut step = |batch: usize, step| {
            let (x, dy) = (stream.normal_matrix(batch, 1), stream.normal_matrix(batch, 3));
            chain.forward(&x, Mode::Training { step }, &mut workspace).unwrap();
            chain.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
            chain.evaluate(&x, &mut workspace).unwrap();
            let memories = workspace.stages.iter().flat_map(|memory| {
                let [moments, partial] = memory.normal.capacities();
                [place(&memory.value), place(&memory.factors), (0, moments), (0, partial)]
            });
            let rest = [&workspace.input, &workspace.gradients[0], &workspace.gradients[1]];
            let scratch = [&workspace.partial];
            memories.chain(rest.map(place)).chain(scratch.map(place)).collect::<Vec<_>>()
        };
        let first = step(500, 0);
        for (index, batch) in [500, 17, 500, 1].into_iter().enumerate() {
            assert_eq!(step(batch, index as u64 + 1), first);
        }
    }

    fn place(buffer: &Vec<f32>) -> (usize, usize) {
        (buffer.as_ptr() as usize, buffer.capacity())
    }
}
