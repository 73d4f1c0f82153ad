//! A numerics core for optimal transport and small learned models with hand-written kernels, and nothing between you and
//! them.
//!
//! It answers the question: what is the cheapest way to turn one distribution into another, and what does it cost?
//! This version solves it exactly or with entropy, for point clouds and for given costs, and proves how good the
//! answer is. And it trains small models with passes written by hand, and it solves linear programs of any kind. It
//! is one crate of plain Rust: no C, no BLAS, no Python, at most 75 crates, full speed on default compiler flags.
//!
//! # A program that works
//!
//! ```sh
//! cargo add brenier
//! ```
//!
//! ```
//! use brenier::Matrix;
//! use brenier::matrix::Distance;
//! use brenier::ot::{Problem, exact};
//!
//! fn main() -> Result<(), brenier::Error> {
//!     let source = Matrix::from_rows([[0.0, 0.0], [1.0, 0.0]]); // a point in each row
//!     let target = Matrix::from_rows([[0.0, 1.0], [1.0, 1.0], [3.0, 0.0]]);
//!     let problem = Problem::from_points(&source, &target, Distance::SquaredEuclidean)
//!         .with_target_weights(&[0.25, 0.5, 0.25]); // weights that are not given are uniform
//!     let solution = exact::solve(&problem)?;
//!     assert_eq!(solution.cost(), 2.0);
//!     assert!(solution.certificate.is_optimal()); // proved over all pairs, not hoped
//!     for entry in solution.plan.entries() {
//!         println!("{} from source {} to target {}", entry.mass, entry.source, entry.target);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Where to look if you know other libraries: `emd` is [`ot::exact::solve`], `emd2` and the Wasserstein distance are
//! [`ot::exact::transport_cost`] (of [`Distance::SquaredEuclidean`](matrix::Distance::SquaredEuclidean) it is W₂², so
//! take the root); in one dimension [`ot::line`] does the same by sorting. `sinkhorn` is [`ot::sinkhorn::solve`],
//! which answers with potentials, a streamed plan and bounds on the cost with and without entropy. The search of
//! these pages finds them under those names too.
//!
//! # Why
//!
//! - **An answer comes with its proof.** A solution carries plan, potentials and a [`Certificate`](ot::Certificate): the
//!   dual value bounds the cost from below, dual feasibility is checked over all pairs, marginal errors and gap are
//!   computed afresh from what is returned. A limit that was reached is a [`Status`](ot::Status), never silence.
//! - **Bad input is an error with numbers.** NaN, negative or missing weights, unequal masses, sizes that do not fit: an
//!   [`enum@Error`] says what, where and which value. Nothing is renormalised, repaired or replaced by zeros.
//! - **The same bits every time.** Results do not depend on the number of threads (see below).
//! - **The code is there to be read.** Each file is one idea, with its formula, its source and its cost.
//!
//! # The rooms
//!
//! A room uses only the rooms below it.
//!
//! | room | what is in it |
//! | --- | --- |
//! | [`generative`] | networks that learn a distribution with transport for a loss: the Sinkhorn generator, the Sinkhorn loss on the tape |
//! | [`ot`] | transport problems, plans and certificates; [`ot::exact`] is the network simplex for any costs and weights, [`ot::sinkhorn`] the entropic solver; its page has the others: divergences, barycentres, unbalanced, partial, sliced transport and more |
//! | [`nn`] | networks, input-convex networks, Boltzmann machines, probes; losses, optimisers, training, checkpoints |
//! | [`lp`] | linear programs: a sparse dual and primal simplex with warm start, ranging and presolve, every answer checked; MPS and LP files; text-book tableaux |
//! | [`autodiff`] | a tape of matrix operations, whose backward pass is on the tape too |
//! | [`data`] | `.npy`, CSV, IDX and safetensors files, read and written; CIFAR files, read; all without C |
//! | [`random`] | seeded streams that can be split, vectorised fills, and NumPy's legacy generator for published numbers |
//! | [`matrix`] | [`Matrix`], its views, products, reductions, and distances between point clouds |
//! | [`simd`] | kernels written once for several instruction sets, chosen at run time: `exp`, `ln`, `tanh`, sums |
//! | [`error`] | the one error type of the numeric functions |
//!
//! Numbers are `f32` or `f64` ([`Scalar`]). Solvers take either and answer in `f64`.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! | --- | --- | --- |
//! | `parallel` | yes | threads, by rayon; without it everything runs on the calling thread, with the same results |
//! | `cli` | no | the command `brenier` (and clap, ctrlc, indicatif, serde_json) |
//! | `cuda` | no | reserved: empty in this version |
//!
//! # Threads and determinism
//!
//! Work is cut into chunks that depend on its size alone, and partial results are combined in chunk order. So the same
//! input gives the same bits for one thread, for many, and without the feature `parallel`. The threads are those of the
//! rayon pool that the call runs in: `pool.install(|| exact::solve(&problem))` confines it. Between SIMD levels results
//! may differ by rounding.
//!
//! The instruction set is chosen at run time, so a build with default flags uses AVX2 or AVX-512 where the machine has
//! it. The environment variable `BRENIER_SIMD` (`portable`, `avx2`, `avx512`) caps the choice; [`simd::level`] tells it.

#![deny(missing_docs, unsafe_code, unsafe_op_in_unsafe_fn)]

pub mod autodiff;
pub mod data;
pub mod error;
pub mod generative;
pub mod lp;
pub mod matrix;
pub mod nn;
pub mod ot;
pub(crate) mod parallel;
pub mod random;
mod scalar;
pub mod simd;

pub use error::Error;
pub use matrix::{Matrix, MatrixView, MatrixViewMut};
pub use scalar::Scalar;

/// Runs the code of the README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
