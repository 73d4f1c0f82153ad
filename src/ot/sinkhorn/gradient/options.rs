//! What a caller may set for implicit differentiation.

use crate::error::{Error, Result};

/// Options of implicit differentiation. The envelope theorem needs none.
///
/// # Examples
/// ```
/// use brenier::ot::sinkhorn::gradient::Options;
/// let options = Options::default().with_tolerance(1e-8).with_bytes_kept(0); // O(n + m) memory
/// assert_eq!(options.max_iterations, 1000);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The residual of the linear system, over its right-hand side, at which conjugate gradients end. Default 1e-12.
    pub tolerance: f64,
    /// Largest number of their steps. Default 1,000.
    pub max_iterations: u64,
    /// The plan is kept if it fits into so many bytes, 8 n m; else it is computed for each step. Default 256 MiB.
    pub bytes_kept: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { tolerance: 1e-12, max_iterations: 1000, bytes_kept: 256 << 20 }
    }
}

impl Options {
    /// Sets the residual at which to end.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest number of steps.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets how many bytes of the plan may be kept.
    pub fn with_bytes_kept(mut self, bytes_kept: usize) -> Self {
        self.bytes_kept = bytes_kept;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        if !(self.tolerance >= 0.0 && self.tolerance < 1.0) {
            let requirement = "it must be at least 0 and below 1";
            return Err(Error::Argument { name: "tolerance", value: self.tolerance, requirement });
        }
        Ok(())
    }
}
