//! Dense row-major matrices: owned, borrowed with a row stride, multiplied, reduced, and the distances between their rows.
//!
//! [`Matrix`] owns its entries. [`MatrixView`] and [`MatrixViewMut`] borrow a rectangle of them: functions take views, and
//! a `&Matrix` converts into one. [`gemm`] and [`matmul`] multiply, [`pairwise`] computes the distances between two clouds of points.
//! Reductions ([`MatrixView::sum`], [`MatrixView::column_means`], …) are methods of the views.
//!
//! Results do not depend on the number of threads: work is cut by the shapes alone.
mod distance;
mod gemm;
mod owned;
mod reductions;
mod transpose;
mod view;
mod view_mut;

pub use distance::{Distance, pairwise, pairwise_into};
pub(crate) use distance::{DistanceRows, PairwiseRows, check_points};
pub(crate) use gemm::{GRANULE, Product, Then, gemm_then, multiply};
pub use gemm::{Operation, gemm, matmul};
pub use owned::Matrix;
pub use view::MatrixView;
pub use view_mut::MatrixViewMut;
