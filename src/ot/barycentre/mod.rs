//! Wasserstein barycentres: means of distributions that move mass instead of blending it.
//!
//! For measures αₖ and weights λₖ (not negative, of sum one), the minimiser β of `Σ λₖ OT(αₖ, β)`.
//!
//! | call | support of β | what is minimised |
//! | --- | --- | --- |
//! | [`fixed_support`](fn@fixed_support) | given points, any costs | `Σ λₖ OT_ε(αₖ, β)`, or debiased, the divergences `Σ λₖ S_ε(αₖ, β)` |
//! | [`on_grid`] | a regular grid in one, two or three dimensions, cost \|x - y\|² | the same, by convolutions along the axes |
//! | [`free_support`](fn@free_support) | m points that move, with fixed weights | `Σ λₖ W₂²(αₖ, β)` |
//!
//! Barycentres of Gaussians have a fixed point of their own: [`gaussian::barycentre`](fn@crate::ot::gaussian::barycentre).
//!
//! # Blur
//! Entropic plans are blurred, and so is the plain entropic barycentre: by a variance of about ε/2 for the cost |x - y|². It
//! is the barycentre of one histogram, too, that is not the histogram. The debiased variant removes this bias. It has cells without mass
//! where the plain one has not, and their mass goes to zero only like one over the number of iterations, the residual like its square.
//!
//! # Example
//! ```
//! use brenier::Matrix;
//! use brenier::ot::barycentre::{EntropicOptions, Grid, Status, on_grid};
//! // Two Diracs on a line of 11 cells: half way between them is a Dirac, too.
//! let mut histograms = Matrix::zeros(2, 11);
//! (histograms[(0, 1)], histograms[(1, 7)]) = (1.0, 1.0);
//! let options = EntropicOptions::new(0.5).debiased();
//! let answer = on_grid(&histograms, &[0.5, 0.5], &Grid::new(&[11])?, &options)?;
//! assert_eq!(answer.status, Status::Converged);
//! assert!(answer.histogram[4] > 0.99);
//! # Ok::<(), brenier::Error>(())
//! ```

mod bregman;
mod exponentials;
mod fixed_support;
mod free_support;
mod grid;
mod log_kernel;
#[cfg(test)]
mod tests;

pub use bregman::{EntropicBarycentre, EntropicOptions};
pub use fixed_support::{fixed_support, fixed_support_with};
pub use free_support::{FreeBarycentre, FreeOptions, Inner, free_support, free_support_with};
pub use grid::{Grid, on_grid, on_grid_with};

use crate::error::{Error, Result};
use crate::ot::problem::sum;
use std::fmt;

/// How an iteration for a barycentre ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// The residual is at most the tolerance.
    Converged,
    /// The limit on iterations was reached; the residual says how far it came.
    IterationLimit,
    /// An exact plan on the way could not be proved optimal: the iteration ended on it.
    Inaccurate,
    /// The observer asked to stop.
    Stopped,
}

impl Status {
    /// The status in lower case with underscores.
    pub fn name(self) -> &'static str {
        match self {
            Status::Converged => "converged",
            Status::IterationLimit => "iteration_limit",
            Status::Inaccurate => "inaccurate",
            Status::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Whether the weights λ are as many as there are measures, finite, not negative, and of sum one within 1e-9.
pub(crate) fn check_shares(operation: &'static str, shares: &[f64], expected: usize) -> Result<()> {
    const WHAT: &str = "weights of the measures";
    if shares.len() != expected {
        return Err(Error::Shape {
            operation,
            what: "number of weights of the measures",
            expected,
            got: shares.len(),
        });
    }
    for (index, &value) in shares.iter().enumerate() {
        if !value.is_finite() {
            return Err(Error::NotFinite { what: WHAT, index, value });
        }
        if value < 0.0 {
            return Err(Error::Negative { what: WHAT, index, value });
        }
    }
    let total = sum(shares.iter().copied());
    if (total - 1.0).abs() > 1e-9 || total.is_nan() {
        return Err(Error::Argument {
            name: "sum of the weights of the measures",
            value: total,
            requirement: "it must be 1 (within 1e-9)",
        });
    }
    Ok(())
}

/// The largest relative difference between masses that must be equal.
const MASS_TOLERANCE: f64 = 1e-9;

/// Whether all masses are that of the first, within 1e-9 relative (`tolerance`, where numbers came as `f32`).
fn check_masses(what: &'static str, masses: &[f64], tolerance: f64) -> Result<()> {
    let first_mass = masses[0];
    for (index, &mass) in masses.iter().enumerate() {
        if (mass - first_mass).abs() > tolerance * mass.max(first_mass) {
            return Err(Error::UnequalMass { what, index, mass, first_mass, tolerance });
        }
    }
    Ok(())
}

/// Whether a tolerance is one.
pub(crate) fn check_tolerance(tolerance: f64) -> Result<()> {
    if tolerance >= 0.0 {
        return Ok(());
    }
    Err(Error::Argument { name: "tolerance", value: tolerance, requirement: "it must not be negative" })
}
