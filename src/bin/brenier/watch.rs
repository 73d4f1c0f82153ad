//! The observer that every solver command gives its solver: it shows progress, and stops on Ctrl-C or when time is up.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::ProgressDisplay;
use crate::run::{LimitArguments, RunArguments};
use brenier::ot::Progress;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Watches over one solve. When it is dropped the progress line vanishes and Ctrl-C ends the process again.
pub struct Watch {
    display: ProgressDisplay,
    interrupt: Interrupt,
    started: Instant,
    timeout: Option<Duration>,
    stopped_by: Option<&'static str>,
}

impl Watch {
    /// Begins to watch: a signal or a timeout counts from now on.
    pub fn begin(run: &RunArguments, limits: &LimitArguments) -> Result<Self, Failure> {
        Ok(Self {
            interrupt: Interrupt::listen(run.quiet)?,
            display: ProgressDisplay::new(run.quiet, run.verbose),
            started: Instant::now(),
            timeout: limits.timeout,
            stopped_by: None,
        })
    }

    /// Shows the solver's state, and says whether it may go on.
    pub fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        self.display.update(progress);
        if self.interrupt.is_requested() {
            self.stopped_by = Some("interrupt");
        } else if self.timeout.is_some_and(|timeout| self.started.elapsed() >= timeout) {
            self.stopped_by = Some("timeout");
        } else {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(())
    }

    /// What stopped the solver: `interrupt` or `timeout`, if anything did.
    pub fn stopped_by(&self) -> Option<&'static str> {
        self.stopped_by
    }
}
