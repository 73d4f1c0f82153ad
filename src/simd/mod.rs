//! Vector kernels, written once and compiled for several instruction sets; the elementary functions and reductions of slices.
//!
//! # Why the level is chosen at run time
//!
//! A crate that is compiled with the default flags may use only what every processor of the target has: SSE2 on x86-64, a
//! quarter or an eighth of what today's processors do in one instruction. So each kernel is compiled three times, for the
//! portable level (the crate `wide`), for AVX2 with FMA and for AVX-512, and [`level`] says which one runs: the best that the
//! processor has, asked once. The environment variable `BRENIER_SIMD` (`portable`, `avx2`, `avx512`) caps it, so that one machine
//! can test and time them all.
//!
//! Results depend on the level in their last bits (fused multiply-add, more or fewer lanes in a sum), but not on the
//! number of threads.
//!
//! # How to write a kernel
//!
//! A kernel is generic over the instruction set `S` and the element `T`; `T::Register<S>` is the register of that element.
//! It is `#[inline(always)]`, as is all that it calls, and `dispatch!` defines the function that runs it:
//!
//! ```ignore
//! #[inline(always)]
//! fn scale_kernel<S: Simd, T: Scalar>(x: &mut [T], factor: T) {
//!     let lanes = T::Register::<S>::LANES;
//!     let factor = T::Register::<S>::splat(factor);
//!     let mut registers = x.chunks_exact_mut(lanes);
//!     for part in &mut registers {
//!         (T::Register::<S>::load(part) * factor).store(part);
//!     }
//!     let rest = registers.into_remainder();
//!     (T::Register::<S>::load_partial(rest, T::ZERO) * factor).store_partial(rest);
//! }
//!
//! dispatch! {
//!     /// `x[i] *= factor`.
//!     pub fn scale<T: Scalar>(x: &mut [T], factor: T) = scale_kernel
//! }
//! ```
//!
//! Three rules, each of which costs a factor when broken. Dispatch once for a matrix, not for a row: the call is not inlined.
//! Use plain `for` loops: closures (`array::from_fn`, `map`, `fold`, rayon's) are functions of their own that do not get the
//! instruction set. Keep two to four independent registers going where a loop carries a sum.
//!
//! # What is here
//!
//! | file | |
//! | --- | --- |
//! | `lanes`, `elementary` | the traits of instruction sets and registers; a lane's format and polynomials |
//! | `dispatch` | [`Level`], [`level`] and the macro |
//! | `portable`, `avx2`, `avx512` | the registers of each level; the last two are the only ones with `unsafe` |
//! | `exp`, `ln`, `tanh`, `sigmoid`, `softplus`, `erf`, `trigonometric` | building blocks: a function of a register, to be fused into kernels |
//! | `slices`, `reductions` | the public functions over slices |
//!
//! The elementary functions err by less than 2 units in the last place on every level, over the whole range of `f32` and `f64`.
//! The tables in their files give what the tests measured: 9.3 million patterns of `f32` spread over every exponent, and
//! 240 000 random and special arguments of `f64` against double-double arithmetic. A test that is run by name
//! (`errors_stay_below_two_units_for_every_f32`) goes through all patterns of `f32`.

#[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
pub(crate) mod avx2;
#[cfg(all(target_arch = "x86_64", not(brenier_portable)))]
pub(crate) mod avx512;
mod dispatch;
pub(crate) mod elementary;
pub(crate) mod erf;
pub(crate) mod exp;
pub(crate) mod lanes;
pub(crate) mod ln;
pub(crate) mod portable;
mod reductions;
#[cfg(test)]
mod reference;
pub(crate) mod sigmoid;
mod slices;
pub(crate) mod softplus;
pub(crate) mod tanh;
pub(crate) mod trigonometric;

#[cfg(all(test, target_arch = "x86_64", not(brenier_portable)))]
pub(crate) use dispatch::detect;
pub(crate) use dispatch::dispatch;
#[cfg(test)]
pub(crate) use dispatch::test_at_every_level;
pub use dispatch::{Level, level};
pub use lanes::{Lanes, Mask};
pub use reductions::{dot, log_sum_exp, max, min, sum};
pub use slices::{
    erf, erf_into, exp, exp_into, exp2, exp2_into, ln, ln_into, sigmoid, sigmoid_into, softplus,
    softplus_into, tanh, tanh_into,
};
