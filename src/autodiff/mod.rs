//! Reverse-mode automatic differentiation on a tape of matrix-valued operations.
//!
//! # How it is used
//! ```
//! use brenier::Matrix;
//! use brenier::autodiff::Tape;
//!
//! // Fit w in tanh(x w) = y by a few steps down the gradient.
//! let (x, y) = (Matrix::from_rows([[0.5], [-1.0], [2.0]]), Matrix::from_rows([[0.2], [-0.4], [0.7]]));
//! let mut weight = Matrix::from_rows([[1.0_f64]]);
//! let mut tape = Tape::new();
//! let mut losses = Vec::new();
//! for _step in 0..50 {
//!     tape.clear(); // forgets the last step, keeps its memory
//!     let w = tape.variable(&weight);
//!     let (x, y) = (tape.constant(&x), tape.constant(&y));
//!     let product = tape.matmul(x, w)?;
//!     let prediction = tape.tanh(product)?;
//!     let error = tape.subtract(prediction, y)?;
//!     let square = tape.square(error)?;
//!     let loss = tape.mean(square)?;
//!     tape.backward(loss)?;
//!     losses.push(tape.scalar(loss)?);
//!     weight[(0, 0)] -= 0.5 * tape.gradient(w)?[(0, 0)];
//! }
//! assert!(losses[49] < 0.001 && losses[49] < losses[0]);
//! # Ok::<(), brenier::Error>(())
//! ```
//!
//! An operation is a method of the [`Tape`]. Its value is computed at once and stays on the tape; a [`Variable`] is a
//! handle to it, to be copied freely. What [`Tape::variable`] makes has a gradient, what [`Tape::constant`] makes has
//! none, and what depends on constants alone is skipped.
//!
//! # Two ways back
//! | | |
//! | --- | --- |
//! | [`Tape::backward`], [`Tape::gradient`] | numbers: the gradients of one loss with respect to all variables. For training |
//! | [`Tape::gradients`] | variables: the backward pass is recorded by the same operations, so that gradients can be used in a loss and differentiated again, to any order |
//!
//! [`Tape::vector_jacobian_product`], [`Tape::jacobian_vector_product`] and [`Tape::hessian_vector_product`] follow
//! from the second. Both ways go over the nodes in a loop, so that a tape may be as long as the memory allows.
//!
//! # Lifetimes
//! The tape owns all values. [`Tape::clear`] forgets them and keeps their memory: a second step of the same shapes allocates no matrix
//! ([`Tape::buffers_allocated`] counts them; a few vectors as long as a row or a column, for sums and custom operations, are allocated
//! besides). Variables of an earlier recording or of another tape are refused with
//! [`Error::ForeignVariable`](crate::Error::ForeignVariable), never taken for others.
//!
//! # Broadcasting
//! Operations on the entries of two matrices follow NumPy: a side that is 1 on one of them is repeated to that of the
//! other. So (1, n), (m, 1) and (1, 1) go with (m, n), and (m, 1) with (1, n). The gradient of a repeated matrix is
//! the sum over its repetitions.
//!
//! # Conventions
//! Where a function has a kink its derivative is PyTorch's: zero for `relu` and `abs` at zero, half to each side of a
//! `maximum` of equals. Where it has a pole there is an infinity (`sqrt` at zero), not a bound. NaN and infinities
//! flow through; [`Tape::first_not_finite`] says which operation made the first. Wrong shapes are refused with both
//! shapes, see [`Error::Shapes`](crate::Error::Shapes).
//!
//! Results do not depend on the number of threads.
//!
//! # Source
//! Reverse accumulation: Linnainmaa 1970; Griewank and Walther, *Evaluating Derivatives*, 2nd edition, 2008.

mod backward;
mod gradients;
mod operations;
mod pool;
mod rule;
mod tape;
mod variable;

pub use operations::{CustomOperation, CustomPass};
pub use tape::{NotFinite, Tape};
pub use variable::Variable;

/// What an operation runs along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Axis {
    /// Each row by itself.
    Rows,
    /// Each column by itself.
    Columns,
}
