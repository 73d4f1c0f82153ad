//! Minibatch couplings: which target each source of a batch is paired with, for training flows.
//!
//! Flow matching draws a batch x of noise and a batch y of data and learns to move along xᵢ → y_σ(i). A random σ
//! gives crossing paths; the σ of least Σ |xᵢ - y_σ(i)|² gives straight ones (Tong et al., *Improving and
//! generalizing flow-based generative models with minibatch optimal transport*, 2023; Pooladian et al., *Multisample
//! flow matching*, 2023).
//!
//! | coupling | what is exact |
//! | --- | --- |
//! | [`exact_pairs`] | a permutation of least cost, proved; each point once. (Sampling pairs from the optimal plan *with* replacement, as is often done, repeats some points and leaves others out.) |
//! | [`entropic_pairs`], [`Replacement::With`] | each source once, its target drawn from the plan's row: the pairs have the entropic plan as their law, targets may repeat |
//! | [`entropic_pairs`], [`Replacement::Without`] | a permutation; each source, in random order, draws from its row among the targets that are left. The first has the row's law, later ones do not: the law of the pairs is near the plan's, not equal to it |
//! | [`sample_plan`] | pairs from any sparse plan by systematic resampling: pair (i, j) comes ⌊K Pᵢⱼ/M⌋ or ⌈K Pᵢⱼ/M⌉ times of K, and K Pᵢⱼ/M times on average. For weights and batches of unequal size |
//!
//! Everything random comes from the [`RandomStream`] of the caller: the same seed and input give the same pairs at
//! any number of threads. [`Coupler`] keeps its buffers from batch to batch and hands out the permuted targets.

mod coupler;
mod entropic;
mod sampled;

pub use coupler::{Coupled, Coupler, Coupling};
pub use entropic::{Replacement, entropic_pairs, sample_targets};
pub use sampled::{Pairs, sample_plan};

use crate::error::Result;
use crate::matrix::MatrixView;
use crate::ot::exact;
#[cfg(doc)]
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// The permutation σ of least Σ |xᵢ - y_σ(i)|²: row `result[i]` of `y` goes with row i of `x`. No randomness, no repetition.
///
/// # Errors
/// As [`exact::assign`], which does it.
///
/// # Examples
/// ```
/// use brenier::ot::coupling;
/// use brenier::Matrix;
/// let x = Matrix::from_rows([[0.0_f32, 0.0], [4.0, 0.0]]);
/// let y = Matrix::from_rows([[4.0_f32, 1.0], [0.0, 1.0]]);
/// assert_eq!(coupling::exact_pairs(&x, &y)?, [1, 0]);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn exact_pairs<'a, T: Scalar>(
    x: impl Into<MatrixView<'a, T>>,
    y: impl Into<MatrixView<'a, T>>,
) -> Result<Vec<usize>> {
    exact::assign(x, y)
}
