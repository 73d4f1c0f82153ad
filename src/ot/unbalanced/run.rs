//! When to end: limits, the observer, what rounding leaves, and what is too slow.

use crate::ot::certificate::Status;
use crate::ot::progress::Progress;
use std::ops::ControlFlow;

/// Iterations in which the residual must fall by a tenth, once it is near what rounding leaves.
const PATIENCE: u64 = 30;

/// The same where double precision follows: there is no point in iterating where rounding sets the residual.
const PATIENCE_IN_SINGLE: u64 = 3;

/// Looks after which a trial is judged, again at each doubling.
const TRIAL: u64 = 20;

/// Looks that a trial may still need.
const MOST_LEFT: f64 = 60.0;

/// The residual to which a level of ε above the target is solved, and the looks that may take.
const LEVEL_RESIDUAL: f64 = 0.02;
const LEVEL_LOOKS: u64 = 3;

/// What the present iterations are for.
#[derive(Clone, Copy)]
enum Purpose {
    /// To reach the tolerance.
    Target,
    /// The same, but not if it takes long; begun after so many looks.
    Trial { since: u64 },
    /// A start for a smaller ε, until there were so many looks.
    Level { until: u64 },
}

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
    purpose: Purpose,
    is_interrupted: bool,
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
            purpose: Purpose::Target,
            is_interrupted: false,
            residuals: Vec::new(),
        }
    }

    /// Begins in another arithmetic, after which there may be yet another.
    pub(crate) fn begin(&mut self, may_hand_over: bool) {
        self.patience = if may_hand_over { PATIENCE_IN_SINGLE } else { PATIENCE };
        self.begin_target();
    }

    /// Begins iterations that go on to the end.
    pub(crate) fn begin_target(&mut self) {
        self.begin_for(Purpose::Target);
    }

    /// Begins iterations that are interrupted if they would take long; false if there is no room for anything better.
    pub(crate) fn begin_trial(&mut self) -> bool {
        let since = self.iterations();
        let has_room = (self.max_iterations - since.min(self.max_iterations)) / 4 >= TRIAL;
        self.begin_for(if has_room { Purpose::Trial { since } } else { Purpose::Target });
        has_room
    }

    /// Begins iterations at an ε above the target; false where the half of the looks is gone.
    pub(crate) fn begin_level(&mut self) -> bool {
        let until = self.iterations() + LEVEL_LOOKS;
        let has_room = until <= self.max_iterations / 2;
        self.begin_for(if has_room { Purpose::Level { until } } else { Purpose::Target });
        has_room
    }

    fn begin_for(&mut self, purpose: Purpose) {
        self.purpose = purpose;
        self.is_interrupted = false;
        self.best = f64::INFINITY;
        self.since_best = 0;
    }

    /// Whether the last iterations ended because a trial was slow or a level was done.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// Whether the purpose asks for an end after a look at which this residual was found.
    fn is_time(&self, residual: f64) -> bool {
        match self.purpose {
            Purpose::Target => false,
            Purpose::Level { until } => residual <= LEVEL_RESIDUAL || self.iterations() >= until,
            Purpose::Trial { since } => {
                let looks = self.iterations() - since;
                if !looks.is_multiple_of(TRIAL) || !(looks / TRIAL).is_power_of_two() {
                    return false;
                }
                // The rate of the last half of the looks.
                let half = looks / 2;
                let before = self.residuals[self.residuals.len() - 1 - half as usize];
                let rate = (residual / before).ln() / half as f64;
                let left = (self.tolerance.max(f64::EPSILON) / residual).ln() / rate;
                // A residual that does not fall has no rate.
                !(rate < 0.0 && left <= MOST_LEFT)
            }
        }
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
        let is_level = matches!(self.purpose, Purpose::Level { .. });
        if self.tolerance > 0.0 && residual <= self.tolerance && !is_level {
            Some(Status::Converged)
        } else if self.stopped {
            Some(Status::Stopped)
        } else if iterations >= self.max_iterations {
            Some(Status::IterationLimit)
        } else if self.is_time(residual) {
            self.is_interrupted = true;
            Some(Status::IterationLimit)
        } else {
            let is_stuck = self.tolerance > 0.0
                && !is_level
                && self.since_best >= self.patience
                && residual <= 8.0 * floor;
            is_stuck.then_some(Status::Inaccurate)
        }
    }
}
