//! Vector kernels, written once and compiled for several instruction sets.

#[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
pub(crate) mod avx2;
#[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
pub(crate) mod avx512;
mod dispatch;
pub(crate) mod elementary;
pub(crate) mod lanes;
pub(crate) mod ln;
pub(crate) mod portable;
pub(crate) mod trigonometric;

pub(crate) use dispatch::dispatch;
pub use dispatch::{Level, level};
#[cfg(test)]
pub(crate) use dispatch::{detect, test_at_every_level};
