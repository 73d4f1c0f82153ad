//! The check of an answer on the data as given, sharing no code with the solver.
//!
//! [`certify`] measures how far x and y are from being optimal, [`check_farkas`] whether multipliers prove that no x is feasible,
//! [`check_ray`] whether a direction proves that the objective has no bound, [`check_contradiction`] either reason for infeasibility.
//! Each reads the [`LinearProgram`] itself, unscaled and with all its rows, and sums in about twice the working precision (Ogita, Rump and
//! Oishi 2005), so that what it reports belongs to the answer and not to the check. O(rows + columns + nonzeros) each.

mod certificate;
mod farkas;
mod ray;
mod sum;
mod units;

pub use certificate::{Certificate, certify};
pub use farkas::{FarkasCertificate, check_contradiction, check_farkas};
pub use ray::{RayCertificate, check_ray};

use super::error::{Error, Result};
use super::model::{LinearProgram, Sense};

/// A sum of products a·b that should be 0 counts as 0 up to this share of Σ|a·b|: what rounding makes of it, with room for the condition of
/// the basis that the multipliers were computed from.
const CANCELLATION: f64 = 1e-9;
/// Least margin of a proof, as a share of the terms it is the difference of. The sums are good to 1e-15 of it.
const MARGIN: f64 = 1e-12;
/// How many times larger than the terms of a proof suggest the variables may be (or, of a ray, the multipliers) for what was counted as 0
/// to leave the margin standing.
const REACH: f64 = 1e3;

/// 1 to minimise, -1 to maximise.
fn sign(program: &LinearProgram) -> f64 {
    match program.sense() {
        Sense::Minimise => 1.0,
        Sense::Maximise => -1.0,
    }
}

fn check_size(what: &'static str, expected: usize, vector: &[f64]) -> Result<()> {
    if vector.len() == expected { Ok(()) } else { Err(Error::Size { what, expected, got: vector.len() }) }
}

/// The vector divided by the power of two next to its largest entry, which is exact: what follows then neither overflows nor depends on the
/// length. `None` if it is 0 or an entry is not finite.
fn normalised(vector: &[f64]) -> Option<Vec<f64>> {
    let largest = vector.iter().fold(0.0_f64, |largest, entry| largest.max(entry.abs()));
    if largest == 0.0 || vector.iter().any(|entry| !entry.is_finite()) {
        return None;
    }
    // Two halves, since 2^-exponent itself overflows where the largest entry is subnormal.
    let exponent = largest.log2().floor();
    let (half, rest) = ((-exponent / 2.0).floor().exp2(), (-exponent - (-exponent / 2.0).floor()).exp2());
    Some(vector.iter().map(|entry| entry * half * rest).collect())
}
