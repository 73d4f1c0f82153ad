//! What a caller may set, and what an observer is told.

use super::basis::Basis;
use super::error::{Error, Result};
use std::ops::ControlFlow;
use std::time::Duration;

/// Which simplex does the work. The other one may still finish it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// The dual simplex: keeps the reduced costs right and works towards feasibility.
    #[default]
    Dual,
    /// The primal simplex: keeps x feasible and works towards right reduced costs.
    Primal,
}

/// Options of the simplex. The defaults need no tuning.
///
/// # Examples
/// ```
/// use brenier::lp::{Method, Options};
/// let options = Options::default().with_method(Method::Primal).with_max_iterations(10_000);
/// assert!(options.presolve);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Which simplex; the dual one by default.
    pub method: Method,
    /// Whether the problem is made smaller first. A starting basis switches it off.
    pub presolve: bool,
    /// Whether rows and columns are scaled by powers of two.
    pub scaling: bool,
    /// Whether the costs are perturbed while the dual simplex works (and bounds, where the primal one stalls).
    pub perturbation: bool,
    /// Largest violation of a bound that counts as none. From 1e-10 to 1e-3, default 1e-7.
    pub primal_tolerance: f64,
    /// Largest reduced cost of the wrong sign that counts as none. From 1e-10 to 1e-3, default 1e-7.
    pub dual_tolerance: f64,
    /// Largest number of simplex steps; `None`, the default, sets no limit.
    pub max_iterations: Option<u64>,
    /// Longest time; `None`, the default, sets no limit. Whoever sets it gives up that the answer is the same every time.
    pub time_limit: Option<Duration>,
    /// Where to begin: a basis of this problem or of one that has fewer rows and columns. One whose reduced costs have
    /// the wrong sign is taken on by the primal simplex, whatever `method` says.
    pub basis: Option<Basis>,
    /// Seed of the perturbation.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            method: Method::Dual,
            presolve: true,
            scaling: true,
            perturbation: true,
            primal_tolerance: 1e-7,
            dual_tolerance: 1e-7,
            max_iterations: None,
            time_limit: None,
            basis: None,
            seed: 0,
        }
    }
}

impl Options {
    /// Chooses the simplex.
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Switches presolve on or off.
    pub fn with_presolve(mut self, presolve: bool) -> Self {
        self.presolve = presolve;
        self
    }

    /// Switches scaling on or off.
    pub fn with_scaling(mut self, scaling: bool) -> Self {
        self.scaling = scaling;
        self
    }

    /// Switches the perturbation on or off.
    pub fn with_perturbation(mut self, perturbation: bool) -> Self {
        self.perturbation = perturbation;
        self
    }

    /// Sets the largest violation of a bound that counts as none.
    pub fn with_primal_tolerance(mut self, tolerance: f64) -> Self {
        self.primal_tolerance = tolerance;
        self
    }

    /// Sets the largest reduced cost of the wrong sign that counts as none.
    pub fn with_dual_tolerance(mut self, tolerance: f64) -> Self {
        self.dual_tolerance = tolerance;
        self
    }

    /// Sets the largest number of simplex steps.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = Some(max_iterations);
        self
    }

    /// Sets the longest time.
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = Some(time_limit);
        self
    }

    /// Begins with a basis. What it is feasible for decides which simplex begins.
    pub fn with_basis(mut self, basis: Basis) -> Self {
        self.basis = Some(basis);
        self
    }

    /// Sets the seed of the perturbation.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the values make sense.
    pub(super) fn validate(&self) -> Result<()> {
        for (name, value) in
            [("primal_tolerance", self.primal_tolerance), ("dual_tolerance", self.dual_tolerance)]
        {
            if !(1e-10..=1e-3).contains(&value) {
                return Err(Error::Option { name, value, requirement: "it must lie between 1e-10 and 1e-3" });
            }
        }
        Ok(())
    }
}

/// What the simplex is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Dual simplex, looking for a basis with right reduced costs.
    DualFeasibility,
    /// Dual simplex, towards the optimum.
    Dual,
    /// Primal simplex, looking for a feasible x.
    PrimalFeasibility,
    /// Primal simplex, towards the optimum.
    Primal,
}

impl Phase {
    /// The phase in words.
    pub fn name(self) -> &'static str {
        match self {
            Phase::DualFeasibility => "dual phase 1",
            Phase::Dual => "dual phase 2",
            Phase::PrimalFeasibility => "primal phase 1",
            Phase::Primal => "primal phase 2",
        }
    }
}

/// The simplex's state, told to the observer now and then.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What the simplex is doing.
    pub phase: Phase,
    /// Steps so far.
    pub iterations: u64,
    /// Objective of the current basis, in the sense of the problem; NaN in the phases that look for feasibility.
    pub objective: f64,
    /// Sum of the violations of bounds, in scaled units.
    pub primal_infeasibility: f64,
    /// Sum of the reduced costs of the wrong sign, in scaled units.
    pub dual_infeasibility: f64,
    /// Seconds since the beginning.
    pub seconds: f64,
}

/// The observer that lets a solver run to its end.
pub fn run_to_the_end(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
