//! Reading and writing data: `.npy` arrays, CSV, IDX, CIFAR and safetensors files.
//!
//! | format | read | written |
//! | --- | --- | --- |
//! | [`npy`] | real numbers, integers, booleans; any shape, order and byte order | the same, in C order |
//! | [`csv`] | records of text, matrices of numbers | both |
//! | [`idx`] | all element types, any shape, gzip or not | bytes |
//! | [`cifar`] | CIFAR-10 and CIFAR-100 | |
//! | [`safetensors`] | named tensors of real numbers (half precision too), integers, booleans; texts | the same |
//!
//! The readers are small and written here: no C is compiled for them. They take nothing on trust: a file that is cut
//! off, goes on after its end, or whose header promises what is not there gives a [`DataError`] that names the file, the
//! place and the value; memory is asked for only when the bytes are known to be there, or as they come. Nothing is
//! repaired silently, and an integer that the element type cannot hold is an error; `f64` read as `f32` is rounded to nearest.
//!
//! Whatever has a shape comes as an [`Array`] in the type that the file has, and goes from there to a
//! [`Matrix`](crate::Matrix) of `f32` or `f64`.

mod array;
mod bytes;
pub mod cifar;
pub mod csv;
mod directory;
mod element;
mod error;
mod half;
pub mod idx;
pub mod npy;
mod pixels;
pub mod safetensors;
mod whole;
mod write;

pub use array::{Array, ArrayData};
pub use directory::{directory, file, netlib_file, netlib_skipped, skipped};
pub use element::Element;
pub use error::{ArrayProblem, BytesProblem, DataError, Origin, Result, TextProblem};
pub use half::Half;
pub use pixels::PixelScale;
pub(crate) use whole::{read_whole, read_whole_from, write_whole, write_whole_to};
