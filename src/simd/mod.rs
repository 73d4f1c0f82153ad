//! Vector kernels, written once and compiled for several instruction sets.

#[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
pub(crate) mod avx2;
#[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
pub(crate) mod avx512;
mod dispatch;
pub(crate) mod elementary;
pub(crate) mod exp;
pub(crate) mod lanes;
pub(crate) mod ln;
pub(crate) mod portable;
mod reductions;
#[cfg(test)]
mod reference;
pub(crate) mod sigmoid;
mod slices;
pub(crate) mod tanh;
pub(crate) mod trigonometric;

pub(crate) use dispatch::dispatch;
pub use dispatch::{Level, level};
#[cfg(test)]
pub(crate) use dispatch::{detect, test_at_every_level};
pub use reductions::{dot, log_sum_exp, max, min, sum};
pub use slices::{exp, exp_into, exp2, exp2_into, ln, ln_into, sigmoid, sigmoid_into, tanh, tanh_into};
