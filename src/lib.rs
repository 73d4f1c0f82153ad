//! Optimal transport and small learned models: a numerics core with hand-written kernels.

#![deny(missing_docs, unsafe_code, unsafe_op_in_unsafe_fn)]

pub mod data;
pub mod error;
pub mod matrix;
pub mod ot;
pub(crate) mod parallel;
pub mod random;
mod scalar;
pub mod simd;

pub use error::Error;
pub use matrix::{Matrix, MatrixView, MatrixViewMut};
pub use scalar::Scalar;
