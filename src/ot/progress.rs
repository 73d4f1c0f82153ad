//! What an observer is told while a solver works.

use std::ops::ControlFlow;

/// A solver's state, told to the observer now and then.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What the solver is doing.
    pub stage: &'static str,
    /// Iterations so far (pivots, for a simplex).
    pub iterations: u64,
    /// Cost of the best plan so far, or NaN before there is one.
    pub cost: f64,
    /// What must still fall to the tolerance: the L1 error of the marginals as a share of the mass, for entropic solvers; NaN where there
    /// is no such number.
    pub residual: f64,
    /// Share of the current stage that is done, from 0 to 1, or NaN where nobody can tell.
    pub fraction: f64,
}

/// The observer that lets a solver run to its end.
pub fn run_to_the_end(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
