//! What a model shows to an optimiser and to a checkpoint: all its parameters in one slice, where each tensor lies,
//! and what it holds but does not learn.

use crate::Scalar;
use crate::error::Result;
use std::ops::Range;

/// Where one tensor lies in the slice of a model's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorPlace {
    /// Its name, as in PyTorch's `state_dict`: `layers.0.weight`.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Its elements in the slice.
    pub range: Range<usize>,
}

/// Numbers of a model that are not learned but without which its parameters mean something else, like PyTorch's
/// buffers: a checkpoint keeps them as a tensor.
///
/// They are `f64` whatever the model's type, in the file too, so that nothing is lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// Its name in a checkpoint.
    pub name: String,
    /// Its shape, row-major.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: Vec<f64>,
    /// Whether a checkpoint must have it. Where it need not, one without it leaves the model's own.
    pub required: bool,
}

/// A model whose parameters lie in one slice.
pub trait Parameters<T: Scalar> {
    /// All parameters, tensor after tensor.
    fn parameters(&self) -> &[T];
    /// All parameters, to change.
    fn parameters_mut(&mut self) -> &mut [T];
    /// The tensors in order; their ranges cover [`parameters`](Self::parameters) without gaps.
    fn tensors(&self) -> Vec<TensorPlace>;

    /// What the model holds but does not learn. Default: nothing.
    fn constants(&self) -> Vec<Constant> {
        Vec::new()
    }

    /// Takes over constants of the names and shapes that [`constants`](Self::constants) gives, in its order.
    ///
    /// # Errors
    /// What the model says of values that have no meaning; it has not changed then.
    fn set_constants(&mut self, _constants: &[Constant]) -> Result<()> {
        Ok(())
    }
}
