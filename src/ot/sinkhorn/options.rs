//! What a caller may set.

use crate::error::{Error, Result};

/// The strength ε of the entropic term, in units of the cost.
///
/// # Examples
/// ```
/// use brenier::ot::sinkhorn::Epsilon;
/// assert_eq!(Epsilon::from(0.1), Epsilon::Absolute(0.1));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Epsilon {
    /// ε itself, from 1e-280 to 1e280.
    Absolute(f64),
    /// ε as a multiple of the mean of all costs.
    RelativeToMean(f64),
    /// ε as a multiple of the median of all costs; of more than four million costs, that of an even sample of so many.
    RelativeToMedian(f64),
}

impl From<f64> for Epsilon {
    fn from(epsilon: f64) -> Self {
        Epsilon::Absolute(epsilon)
    }
}

/// How the potentials are found. All methods end at the same ones, up to a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// ε lowered step by step, each step followed by Newton's method on a truncated model of the plan: tens of looks at the costs where
    /// plain iterations need thousands.
    #[default]
    Accelerated,
    /// Sinkhorn's iterations, one after the other.
    Plain,
    /// Sinkhorn's iterations with Anderson's extrapolation over this many of them (2 to 20; 5 is a good choice).
    Anderson(usize),
}

/// The arithmetic of the iterations. What is said about the result ([`Values`](super::Values), the plan) is always computed in double.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precision {
    /// Single precision as far as it gets, then double: for problems given as `f32`, and by [`Method::Accelerated`]
    /// for all, if there is a tolerance to reach. Other methods take double precision for `f64`. With a tolerance of
    /// zero what begins in single precision ends in it.
    #[default]
    Automatic,
    /// Single precision to the end: the marginal error does not fall below about 1e-6, more for small ε.
    Single,
    /// Double precision from the beginning.
    Double,
}

/// Options of the entropic solver.
///
/// # Examples
/// ```
/// use brenier::ot::sinkhorn::{Epsilon, Method, Options};
/// let options = Options::default().with_epsilon(Epsilon::RelativeToMedian(0.01)).with_tolerance(1e-9);
/// assert_eq!(options.method, Method::Accelerated);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// ε. Default: 0.05 of the mean cost.
    pub epsilon: Epsilon,
    /// The L1 error of the marginals, as a share of the mass, at which the solver ends. Default 1e-6. With zero it goes on to the limit on
    /// iterations.
    pub tolerance: f64,
    /// Largest number of looks at all pairs; inner work of the accelerated method counts by what it touches. Default 10,000.
    pub max_iterations: u64,
    /// How the potentials are found.
    pub method: Method,
    /// The arithmetic.
    pub precision: Precision,
    /// Distances of points are computed once and kept if they fit into so many bytes and take longer to compute than
    /// to read. Default 256 MiB; with zero the memory is O(n + m).
    pub bytes_kept: usize,
    /// Potentials f (sources) and g (targets) to begin with, for instance those of a similar problem.
    pub initial: Option<(Vec<f64>, Vec<f64>)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            epsilon: Epsilon::RelativeToMean(0.05),
            tolerance: 1e-6,
            max_iterations: 10_000,
            method: Method::default(),
            precision: Precision::default(),
            bytes_kept: 256 << 20,
            initial: None,
        }
    }
}

impl Options {
    /// The defaults with this ε.
    pub fn new(epsilon: impl Into<Epsilon>) -> Self {
        Self::default().with_epsilon(epsilon)
    }

    /// Sets ε.
    pub fn with_epsilon(mut self, epsilon: impl Into<Epsilon>) -> Self {
        self.epsilon = epsilon.into();
        self
    }

    /// Sets the marginal error at which the solver ends.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest number of looks at all pairs.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets how the potentials are found.
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
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

    /// Refuses what has no meaning for a problem of this shape.
    pub(crate) fn validate(&self, sources: usize, targets: usize) -> Result<()> {
        let (Epsilon::Absolute(epsilon)
        | Epsilon::RelativeToMean(epsilon)
        | Epsilon::RelativeToMedian(epsilon)) = self.epsilon;
        let refused = |name, value, requirement| Err(Error::Argument { name, value, requirement });
        if !(epsilon > 0.0 && epsilon.is_finite()) {
            return refused(
                "epsilon",
                epsilon,
                "it must be positive and finite (without entropy the problem is the exact solver's)",
            );
        }
        if !(self.tolerance >= 0.0 && self.tolerance < 1.0) {
            return refused("tolerance", self.tolerance, "it must be at least 0 and below 1");
        }
        if self.max_iterations == 0 {
            return refused("max_iterations", 0.0, "there must be one iteration at least");
        }
        if let Method::Anderson(memory) = self.method
            && !(2..=20).contains(&memory)
        {
            return refused("Anderson's memory", memory as f64, "it must be from 2 to 20");
        }
        if let Some((source, target)) = &self.initial {
            for (what, finite, potentials, expected) in [
                ("number of initial source potentials", "initial source potentials", source, sources),
                ("number of initial target potentials", "initial target potentials", target, targets),
            ] {
                if potentials.len() != expected {
                    let operation = "entropic transport";
                    return Err(Error::Shape { operation, what, expected, got: potentials.len() });
                }
                if let Some(index) = potentials.iter().position(|potential| !potential.is_finite()) {
                    return Err(Error::NotFinite { what: finite, index, value: potentials[index] });
                }
            }
        }
        Ok(())
    }
}
