//! Limits on steps and time, and the observer: what may stop a phase from inside its loop.

use crate::lp::options::{Phase, Progress};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Why the work has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lp) enum Interruption {
    Iterations,
    Time,
    Observer,
}

/// The limits of a solve and the observer.
pub(in crate::lp) struct Limits<'a> {
    pub iterations: u64,
    max_iterations: u64,
    started: Instant,
    time_limit: Option<Duration>,
    observer: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
    next_report: Duration,
    constant: f64,
    sign: f64,
    /// What one unit of the scaled objective is in the form's.
    pub objective_unit: f64,
}

/// The clock is looked at every so many steps.
const STEPS_BETWEEN_LOOKS: u64 = 16;
/// The observer hears of the state at the beginning, and then this often at most.
const BETWEEN_REPORTS: Duration = Duration::from_millis(50);

impl<'a> Limits<'a> {
    /// `sign` and `constant` turn the objective of the form into that of the program.
    pub fn new(
        started: Instant,
        max_iterations: Option<u64>,
        time_limit: Option<Duration>,
        observer: &'a mut dyn FnMut(&Progress) -> ControlFlow<()>,
        (sign, constant): (f64, f64),
    ) -> Self {
        Self {
            iterations: 0,
            max_iterations: max_iterations.unwrap_or(u64::MAX),
            started,
            time_limit,
            observer,
            next_report: Duration::ZERO,
            constant,
            sign,
            objective_unit: 1.0,
        }
    }

    /// Counts a step and answers whether a limit was reached.
    pub fn step(&mut self) -> Result<(), Interruption> {
        if self.iterations >= self.max_iterations {
            return Err(Interruption::Iterations);
        }
        self.iterations += 1;
        if self.iterations.is_multiple_of(STEPS_BETWEEN_LOOKS) { self.look_at_clock() } else { Ok(()) }
    }

    /// Allows so many more steps for now, and answers with the limit that was there.
    pub fn allow_only(&mut self, more: u64) -> u64 {
        let limit = self.max_iterations;
        self.max_iterations = limit.min(self.iterations.saturating_add(more));
        limit
    }

    /// Goes back to the limit that was there.
    pub fn restore_iterations(&mut self, limit: u64) {
        self.max_iterations = limit;
    }

    /// Whether the time is over.
    pub fn look_at_clock(&self) -> Result<(), Interruption> {
        match self.time_limit {
            Some(limit) if self.started.elapsed() >= limit => Err(Interruption::Time),
            _ => Ok(()),
        }
    }

    /// Seconds since the beginning.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Whether the observer is due to hear of the state.
    pub fn report_is_due(&self) -> bool {
        self.started.elapsed() >= self.next_report
    }

    /// Tells the observer.
    pub fn report(
        &mut self,
        phase: Phase,
        objective: f64,
        primal_infeasibility: f64,
        dual_infeasibility: f64,
    ) -> Result<(), Interruption> {
        let elapsed = self.started.elapsed();
        self.next_report = elapsed + BETWEEN_REPORTS;
        let progress = Progress {
            phase,
            iterations: self.iterations,
            objective: self.sign * objective * self.objective_unit + self.constant,
            primal_infeasibility,
            dual_infeasibility,
            seconds: elapsed.as_secs_f64(),
        };
        match (self.observer)(&progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Interruption::Observer),
        }
    }
}
