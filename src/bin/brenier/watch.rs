//! The observer that every solver command gives its solver: it shows progress, and stops on Ctrl-C or when time is up.

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::progress::{ProgressDisplay, State};
use crate::run::{LimitArguments, RunArguments};
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
    /// Begins to watch a solver of transport: a signal or a timeout counts from now on.
    pub fn begin(run: &RunArguments, limits: &LimitArguments) -> Result<Self, Failure> {
        Self::begin_for(run, limits.timeout, "the best plan so far")
    }

    /// Begins to watch; when interrupted it says that the solver stops with this.
    pub fn begin_for(
        run: &RunArguments,
        timeout: Option<Duration>,
        what: &'static str,
    ) -> Result<Self, Failure> {
        Ok(Self {
            interrupt: Interrupt::listen(run.quiet, what)?,
            display: ProgressDisplay::new(run.quiet, run.verbose),
            started: Instant::now(),
            timeout,
            stopped_by: None,
        })
    }

    /// Shows the solver's state, and says whether it may go on.
    pub fn observe(&mut self, state: &impl State) -> ControlFlow<()> {
        self.display.update(state);
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
