//! What a caller may set.

use crate::error::{Error, Result};

/// Options of the exact solver. The defaults need no tuning.
///
/// # Examples
/// ```
/// use brenier::ot::exact::Options;
/// let options = Options::default().with_max_iterations(1_000_000);
/// assert_eq!(options.max_iterations, Some(1_000_000));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Largest number of pivots; `None`, the default, sets no limit (the method ends by itself).
    pub max_iterations: Option<u64>,
    /// τ: the pair (i, j) counts as dual feasible if fᵢ + gⱼ - Cᵢⱼ <= τ (|Cᵢⱼ| + |fᵢ| + |gⱼ|). Default 1e-13.
    pub tolerance: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_iterations: None, tolerance: 1e-13 }
    }
}

impl Options {
    /// Sets the largest number of pivots.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = Some(max_iterations);
        self
    }

    /// Sets the relative tolerance on dual feasibility.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Whether the values make sense.
    pub(super) fn validate(&self) -> Result<()> {
        // Below a few units of rounding the search would chase noise; above a thousandth the answer means nothing.
        if !(1e-14..=1e-3).contains(&self.tolerance) {
            return Err(Error::Argument {
                name: "tolerance",
                value: self.tolerance,
                requirement: "it must lie between 1e-14 and 1e-3",
            });
        }
        Ok(())
    }
}
