//! What a caller may set.

use crate::error::{Error, Result};
use crate::ot::sinkhorn::{self, Epsilon, Precision};

/// Options of the unbalanced solver.
///
/// # Examples
/// Sources keep their weights, targets may differ (semi-relaxed):
/// ```
/// use brenier::ot::unbalanced::Options;
/// let options = Options::new(0.1, 2.0).with_source_relaxation(f64::INFINITY);
/// assert_eq!(options.target_relaxation, 2.0);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// ε. Default: 0.05 of the mean cost.
    pub epsilon: Epsilon,
    /// ρ₁, the price of a source marginal that differs from a, in units of the cost: positive, or infinite for a
    /// marginal that must not. Default 1.
    pub source_relaxation: f64,
    /// ρ₂, the same for the targets. Default 1.
    pub target_relaxation: f64,
    /// The L1 distance, as a share of the plan's mass, between the target marginal and b exp(-g/ρ₂), where the source
    /// marginal is a exp(-f/ρ₁): at the solution both hold. With ρ₂ = ∞ it is the marginal error. Default 1e-6 (the
    /// gap is then about the square of it). With zero the solver goes on to the limit on iterations.
    pub tolerance: f64,
    /// Largest number of looks at all pairs. Default 10,000.
    pub max_iterations: u64,
    /// The arithmetic.
    pub precision: Precision,
    /// Distances of points are computed once and kept if they fit into so many bytes and take longer to compute than
    /// to read. Default 256 MiB; with zero the memory is O(n + m).
    pub bytes_kept: usize,
    /// Potentials f (sources) and g (targets) to begin with. Only g is looked at where not both sides are infinite.
    pub initial: Option<(Vec<f64>, Vec<f64>)>,
}

impl Default for Options {
    fn default() -> Self {
        let sinkhorn::Options { epsilon, tolerance, max_iterations, precision, bytes_kept, .. } =
            sinkhorn::Options::default();
        Self {
            epsilon,
            source_relaxation: 1.0,
            target_relaxation: 1.0,
            tolerance,
            max_iterations,
            precision,
            bytes_kept,
            initial: None,
        }
    }
}

impl Options {
    /// The defaults with this ε, and this ρ on both sides.
    pub fn new(epsilon: impl Into<Epsilon>, relaxation: f64) -> Self {
        Self::default()
            .with_epsilon(epsilon)
            .with_source_relaxation(relaxation)
            .with_target_relaxation(relaxation)
    }

    /// Sets ε.
    pub fn with_epsilon(mut self, epsilon: impl Into<Epsilon>) -> Self {
        self.epsilon = epsilon.into();
        self
    }

    /// Sets ρ₁, the price on the source marginal.
    pub fn with_source_relaxation(mut self, relaxation: f64) -> Self {
        self.source_relaxation = relaxation;
        self
    }

    /// Sets ρ₂, the price on the target marginal.
    pub fn with_target_relaxation(mut self, relaxation: f64) -> Self {
        self.target_relaxation = relaxation;
        self
    }

    /// Sets the residual at which the solver ends.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest number of looks at all pairs.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the arithmetic.
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets how many bytes of distances may be kept.
    pub fn with_bytes_kept(mut self, bytes_kept: usize) -> Self {
        self.bytes_kept = bytes_kept;
        self
    }

    /// Sets the potentials to begin with.
    pub fn with_initial(mut self, source_potentials: Vec<f64>, target_potentials: Vec<f64>) -> Self {
        self.initial = Some((source_potentials, target_potentials));
        self
    }

    /// The same for the balanced solver.
    pub(super) fn balanced(&self) -> sinkhorn::Options {
        let options = sinkhorn::Options::new(self.epsilon)
            .with_tolerance(self.tolerance)
            .with_max_iterations(self.max_iterations)
            .with_precision(self.precision)
            .with_bytes_kept(self.bytes_kept);
        match &self.initial {
            Some((f, g)) => options.with_initial(f.clone(), g.clone()),
            None => options,
        }
    }

    /// Refuses what has no meaning for a problem of this shape.
    pub(super) fn validate(&self, sources: usize, targets: usize) -> Result<()> {
        for (name, value) in
            [("source_relaxation", self.source_relaxation), ("target_relaxation", self.target_relaxation)]
        {
            if value.is_nan() || value < f64::MIN_POSITIVE {
                let requirement = "it must be positive (infinite for a marginal that must not differ)";
                return Err(Error::Argument { name, value, requirement });
            }
        }
        self.balanced().validate(sources, targets)
    }
}
