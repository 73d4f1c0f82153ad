//! Random numbers: seeded streams, fast fills, permutations, weighted choices, and NumPy's legacy generator.
//!
//! | to get | use |
//! | --- | --- |
//! | a seeded generator, here or wherever a [`rand::Rng`] is asked for | [`RandomStream::new`] |
//! | a stream for each task | [`RandomStream::split`]; with a proof that none overlap, [`RandomStream::jump`] |
//! | many normal or uniform numbers | [`RandomStream::fill_normal`], [`RandomStream::fill_uniform`], [`RandomStream::normal_matrix`] |
//! | one number | [`RandomStream::uniform`], [`RandomStream::normal`], [`RandomStream::below`] |
//! | an order, a subset | [`RandomStream::permutation`], [`RandomStream::shuffle`], [`RandomStream::sample_without_replacement`] |
//! | an index by weights, often | [`Categorical`]; once: [`RandomStream::categorical`] |
//! | the numbers that `np.random.seed(42)` gives | [`LegacyRandomState`] |
//!
//! The scalar draws are functions of any `&mut impl Rng`; the methods of the stream call them.
//!
//! # Reproducible
//! A seed determines everything: words, uniform numbers, integers, permutations and choices have the same bits on every
//! machine, SIMD level and thread count. Normal numbers have the same bits at any thread count; between SIMD levels they
//! differ by rounding, and the scalar [`normal()`] and [`LegacyRandomState::randn`] by what the platform's `ln` and `cos`
//! round.
//!
//! # Fills
//! A fill cuts its slice into fixed chunks; each has eight interleaved xoshiro256++ generators of its own, seeded from
//! the stream and the number of the chunk. See `benches/random.rs` for the speed.

mod categorical;
mod fill;
mod generators;
mod legacy;
mod normal;
mod permutation;
#[cfg(test)]
mod statistics;
mod stream;

pub use categorical::{Categorical, categorical};
pub use legacy::LegacyRandomState;
pub use normal::normal;
pub use permutation::{permutation, sample_without_replacement, shuffle};
pub use stream::{RandomStream, below, uniform};
