//! What a caller may set.

use crate::error::{Error, Result};
use crate::ot::plan::TransportPlan;

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
    /// τ: the pair (i, j) counts as dual feasible if fᵢ + gⱼ - Cᵢⱼ <= τ (|Cᵢⱼ| + |fᵢ| + |gⱼ|). From 1e-14 to 1e-3, default 1e-13.
    pub tolerance: f64,
    /// Which simplex to use; by default the one that is expected to be faster.
    pub method: Method,
    /// Where to begin; by default with a warm start of its own.
    pub initial: Initial,
}

/// Which simplex to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// By size and distance: the sparse simplex from 800,000 pairs on (about 900 points a side), from 16 million with
    /// distances other than the Euclidean one and its square.
    #[default]
    Automatic,
    /// The simplex over all pairs.
    Plain,
    /// The simplex over candidate arcs after an entropic warm start; it hands over to the plain one where it does not succeed.
    Sparse,
}

/// Where the solver begins. It changes the time, never the answer's optimality: a useless start costs pivots.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Initial {
    /// With a warm start of its own.
    #[default]
    None,
    /// With potentials f, g, for instance those of a similar problem. The plain simplex, which begins with a plan, ignores them.
    Potentials {
        /// f: one for each source.
        source: Vec<f64>,
        /// g: one for each target.
        target: Vec<f64>,
    },
    /// With a plan, for instance that of a similar problem: its arcs are served first, as far as the weights allow.
    Plan(TransportPlan),
}

impl Default for Options {
    fn default() -> Self {
        Self { max_iterations: None, tolerance: 1e-13, method: Method::Automatic, initial: Initial::None }
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

    /// Chooses the simplex.
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Begins with potentials f (sources) and g (targets), in place of any other start. For the sparse simplex; the plain one ignores them.
    ///
    /// # Examples
    /// ```
    /// use brenier::matrix::Distance;
    /// use brenier::ot::{Problem, exact};
    /// use brenier::Matrix;
    /// let x = Matrix::from_fn(900, 2, |i, k| (0.618 * (i * (k + 1)) as f64).fract());
    /// let y = x.map(|v| v * v);
    /// let first = exact::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean))?;
    /// // The same sources, the targets moved a little.
    /// let moved = y.map(|v| v + 0.001 * v.sin());
    /// let options =
    ///     exact::Options::default().with_initial_potentials(&first.source_potentials, &first.target_potentials);
    /// let problem = Problem::from_points(&x, &moved, Distance::SquaredEuclidean);
    /// let second = exact::solve_with(&problem, &options, &mut brenier::ot::progress::run_to_the_end)?;
    /// assert!(second.certificate.is_optimal());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn with_initial_potentials(mut self, source: &[f64], target: &[f64]) -> Self {
        self.initial = Initial::Potentials { source: source.to_vec(), target: target.to_vec() };
        self
    }

    /// Begins with a plan, in place of any other start. It serves the plain simplex best: several times faster where little has changed.
    pub fn with_initial_plan(mut self, plan: TransportPlan) -> Self {
        self.initial = Initial::Plan(plan);
        self
    }

    /// Whether the values make sense for a problem with so many sources and targets.
    pub(super) fn validate(&self, sources: usize, targets: usize) -> Result<()> {
        // Below a few units of rounding the search would chase noise; above a thousandth the answer means nothing.
        if !(1e-14..=1e-3).contains(&self.tolerance) {
            return Err(Error::Argument {
                name: "tolerance",
                value: self.tolerance,
                requirement: "it must lie between 1e-14 and 1e-3",
            });
        }
        let check_length = |what, expected, got| {
            if expected == got {
                Ok(())
            } else {
                Err(Error::Shape { operation: "initial guess", what, expected, got })
            }
        };
        match &self.initial {
            Initial::None => {}
            Initial::Potentials { source, target } => {
                check_length("number of source potentials", sources, source.len())?;
                check_length("number of target potentials", targets, target.len())?;
                for (what, potentials) in
                    [("initial source potentials", source), ("initial target potentials", target)]
                {
                    if let Some(index) = potentials.iter().position(|value| !value.is_finite()) {
                        return Err(Error::NotFinite { what, index, value: potentials[index] });
                    }
                }
            }
            Initial::Plan(plan) => {
                check_length("rows of the initial plan", sources, plan.rows())?;
                check_length("columns of the initial plan", targets, plan.columns())?;
            }
        }
        Ok(())
    }
}
