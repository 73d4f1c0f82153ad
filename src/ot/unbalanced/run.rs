//! When to end: limits, the observer, and what rounding leaves.

use crate::ot::certificate::Status;
use crate::ot::progress::Progress;
use std::ops::ControlFlow;

/// Iterations in which the residual must fall by a tenth, once it is near what rounding leaves.
const PATIENCE: u64 = 30;

/// The same where double precision follows: there is no point in iterating where rounding sets the residual.
const PATIENCE_IN_SINGLE: u64 = 3;

/// A solver's iterations, in one arithmetic after the other.
pub(crate) struct Run<'o> {
    stage: &'static str,
    tolerance: f64,
    max_iterations: u64,
    observer: &'o mut dyn FnMut(&Progress) -> ControlFlow<()>,
    stopped: bool,
    best: f64,
    since_best: u64,
    patience: u64,
    /// The residual of each iteration.
    pub residuals: Vec<f64>,
}

impl<'o> Run<'o> {
    pub(crate) fn new(
        stage: &'static str,
        tolerance: f64,
        max_iterations: u64,
        observer: &'o mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Self {
        Self {
            stage,
            tolerance,
            max_iterations,
            observer,
            stopped: false,
            best: f64::INFINITY,
            since_best: 0,
            patience: PATIENCE,
            residuals: Vec::new(),
        }
    }

    /// Begins in another arithmetic, after which there may be yet another.
    pub(crate) fn begin(&mut self, may_hand_over: bool) {
        self.best = f64::INFINITY;
        self.since_best = 0;
        self.patience = if may_hand_over { PATIENCE_IN_SINGLE } else { PATIENCE };
    }

    /// Looks at all pairs so far.
    pub(crate) fn iterations(&self) -> u64 {
        self.residuals.len() as u64
    }

    /// Counts a look at all pairs that found this residual, where rounding leaves about `floor`; why to end, if it is time.
    pub(crate) fn look(&mut self, residual: f64, floor: f64) -> Option<Status> {
        self.residuals.push(residual);
        let iterations = self.iterations();
        let fraction = if self.tolerance > 0.0 && residual > 0.0 {
            (residual.ln() / self.tolerance.ln()).clamp(0.0, 1.0)
        } else {
            iterations as f64 / self.max_iterations as f64
        };
        let progress = Progress { stage: self.stage, iterations, cost: f64::NAN, residual, fraction };
        self.stopped |= (self.observer)(&progress).is_break();
        if residual < 0.9 * self.best {
            (self.best, self.since_best) = (residual, 0);
        } else {
            self.since_best += 1;
        }
        if self.tolerance > 0.0 && residual <= self.tolerance {
            Some(Status::Converged)
        } else if self.stopped {
            Some(Status::Stopped)
        } else if iterations >= self.max_iterations {
            Some(Status::IterationLimit)
        } else {
            let is_stuck =
                self.tolerance > 0.0 && self.since_best >= self.patience && residual <= 8.0 * floor;
            is_stuck.then_some(Status::Inaccurate)
        }
    }
}
