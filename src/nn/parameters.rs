//! What a model shows to an optimiser and to a checkpoint: all its parameters in one slice, and where each tensor lies.

use crate::Scalar;
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

/// A model whose parameters lie in one slice.
pub trait Parameters<T: Scalar> {
    /// All parameters, tensor after tensor.
    fn parameters(&self) -> &[T];
    /// All parameters, to change.
    fn parameters_mut(&mut self) -> &mut [T];
    /// The tensors in order; their ranges cover [`parameters`](Self::parameters) without gaps.
    fn tensors(&self) -> Vec<TensorPlace>;
}
