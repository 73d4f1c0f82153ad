//! The kernels of a small dense problem: costs, the half-steps in the log domain, the fused pass in the scaling domain, and the plan.
//!
//! Letters: n sources, m targets, d coordinates. Rows of costs, kernel and plan are `stride` numbers long, m filled up to a multiple of
//! [`PADDING`], so that no register is partial. Potentials f and g are exponents of 2, and `slope` is 1/(ε ln 2):
//!
//! ```text
//! K = 2^(f + g - slope C),   P = aᵢ Kᵢⱼ bⱼ
//! ```
//!
//! | file | |
//! | --- | --- |
//! | `distances` | C of two clouds |
//! | `half_steps` | f and g in the log domain |
//! | `exponentials` | K, stored or added up |
//! | `scaling_pass`, `cotangent_pass` | an iteration in the scaling domain, and back |
//! | `plan` | P, its sums, and its product with a cotangent |
//! | `moments` | from a gradient in C to one in the points |
//! | `products` | the products that the passes share |

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

mod cotangent_pass;
mod distances;
mod exponentials;
mod half_steps;
mod moments;
mod plan;
mod products;
mod scaling_pass;

pub(super) use cotangent_pass::{Cotangents, add_products, cotangent_pass};
pub(super) use distances::squared_distances;
pub(super) use exponentials::{add_exponentials, exponentials};
pub(super) use half_steps::{source_half, target_half};
pub(super) use moments::{column_moments, row_moments};
pub(super) use plan::{Cotangent, plan, weigh};
pub(super) use scaling_pass::{Scalings, scaling_pass};

use crate::scalar::Vectorised;

type Register<S, A> = <A as Vectorised>::Register<S>;

/// Rows are filled up to a multiple of this: a register of the widest level.
pub(super) const PADDING: usize = 16;

/// Registers of columns side by side.
const GROUP: usize = 4;

#[cfg(test)]
mod tests;
