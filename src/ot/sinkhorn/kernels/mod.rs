//! The kernels of the fused iteration: passes over a block of rows, over its row sums and over the columns.
//!
//! | file | |
//! | --- | --- |
//! | `lifted` | the fast way: exponentials of base 2 of costs or of points, not shifted but for a power of two |
//! | `natural` | exponentials of base e: as they are for what is said about a plan, or shifted by their largest for rows far off |
//! | `updates` | row sums to u and factors, column sums to v |
//! | `columns` | sums over the columns |

mod columns;
mod lifted;
mod natural;
mod updates;

pub(super) use columns::add_rows;
pub(super) use lifted::{Columns, DIMENSIONS, PADDING, lifted_blocks, lifted_points, lifted_stored};
pub(super) use natural::{exponentials, shifted_exponentials};
pub(super) use updates::{update_columns, update_rows};

use crate::scalar::{Scalar, Vectorised};
use crate::simd::lanes::Lanes;

type Register<S, A> = <A as Vectorised>::Register<S>;

/// Registers of partial sums that a loop keeps: enough to hide the latency of an addition.
const STRANDS: usize = 4;

/// The bounds that the exponent range of `A` sets, so that no product below overflows, becomes subnormal or NaN.
#[derive(Clone, Copy)]
pub(super) struct Limits<A> {
    /// Column sums are kept times this power of two, 2^63 or 2^511. A term of a column sum is the weight of a row times
    /// an exponential of at least 2^-126 (2^-1022) or zero: so scaled, it is a normal number for all weights above 2^-63
    /// (2^-511), and subnormal numbers, which some processors treat a hundred times slower, do not arise.
    pub scale: A,
    /// Row sums beyond this or below its inverse, 2^30 or 2^254, are taken afresh with a shift: for relaxations from 0
    /// to 2 the factor of a row is then at most 2^(63 + 60).
    pub largest_sum: A,
    /// What raises the potential of a column in which all exponentials vanished. It is 0.7 times the range of the
    /// exponential, so that none of them can pass one in one step.
    pub lift: A,
    /// Potentials stay within this: the sum of several is finite, so that no two infinities meet.
    pub largest_potential: A,
}

impl<A: Scalar> Limits<A> {
    pub(super) fn new() -> Self {
        let range = A::MAX_EXPONENT;
        Self {
            scale: A::from_f64((range / 2.0).floor().exp2()),
            largest_sum: A::from_f64(((range / 4.0).floor() - 1.0).exp2()),
            lift: A::from_f64(0.7 * std::f64::consts::LN_2 * range),
            largest_potential: A::from_f64(A::MAX.to_f64() / 64.0),
        }
    }

    /// Whether a row sum may be used as it is. NaN may not.
    pub(super) fn accept(&self, sum: A) -> bool {
        sum <= self.largest_sum && sum * self.largest_sum >= A::ONE
    }
}

/// `x` within ± `bound`; NaN becomes -`bound`.
#[inline(always)]
fn clamp<L: Lanes>(x: L, bound: L) -> L {
    x.max(-bound).min(bound)
}

/// One register from four, in a fixed order.
#[inline(always)]
fn total<L: Lanes>(strands: [L; STRANDS]) -> L::Element {
    ((strands[0] + strands[1]) + (strands[2] + strands[3])).reduce_sum()
}

#[cfg(test)]
mod tests;
