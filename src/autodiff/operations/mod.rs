//! The operations: of each its value and directly below its gradient, in numbers and as a recording.
//!
//! `dout` is the gradient of an operation's result, `dx` that of one of its inputs; gradients are written here (`=`),
//! and the backward pass adds up those of a matrix that is used more than once.

mod activations;
mod arithmetic;
mod broadcast;
mod concatenate;
mod custom;
mod elementary;
mod elementwise;
mod extremes;
mod gather;
mod log_sum_exp;
mod normal;
mod pick;
mod power;
mod product;
mod reduce;
mod reshape;
mod slice;
mod squared_distances;
mod transpose;

pub(super) use activations::{Elu, Gelu, GeluTanh, LeakyRelu, Relu, Sigmoid, Silu, Softplus, Step, Tanh};
pub(super) use arithmetic::{Add, Divide, Multiply, Subtract};
pub(super) use broadcast::{Broadcasting, add_assign};
pub(super) use concatenate::Concatenate;
pub(super) use custom::{Custom, CustomGradient};
pub use custom::{CustomOperation, CustomPass};
pub(super) use elementary::{Absolute, Exp, Ln, Scale, Shift, Sign, SquareRoot};
pub(super) use elementwise::Elementwise;
pub(super) use extremes::{Maximum, Minimum, Share};
pub(super) use gather::{GatherRows, ScatterRows};
pub(super) use log_sum_exp::{LogSoftmax, LogSumExp, Softmax};
pub(super) use normal::{Erf, NormalCdf, NormalDensity};
pub(super) use pick::{PickColumns, PlaceColumns};
pub(super) use power::Power;
pub(super) use product::MatrixProduct;
pub(super) use reduce::{Broadcast, Reduce};
pub(super) use reshape::Reshape;
pub(super) use slice::{Pad, Slice};
pub(super) use squared_distances::SquaredDistances;
pub(super) use transpose::Transpose;
