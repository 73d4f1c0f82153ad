//! Vector kernels, written once and compiled for several instruction sets.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod dispatch;
pub(crate) mod lanes;
pub(crate) mod portable;

pub(crate) use dispatch::dispatch;
pub use dispatch::{Level, level};
