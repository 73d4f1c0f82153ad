//! Shows on standard error how far a solver has come.

use brenier::{lp, ot};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Work that ends sooner shows nothing: a line that flashes up and vanishes only disturbs.
const PATIENCE: Duration = Duration::from_millis(500);

/// Time between two lines of `--verbose`.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// What a solver tells of its state.
pub trait State {
    /// What the solver is doing, in words.
    fn describe(&self) -> String;
}

/// Where progress goes: a line that is redrawn if standard error is a terminal, a line a second if it is a file and
/// the user asked for words, else nowhere. Dropping it clears the line.
pub enum ProgressDisplay {
    /// A line that is redrawn.
    Terminal(TerminalLine),
    /// A line a second.
    Lines {
        /// When the solver began.
        started: Instant,
        /// When the next line is due.
        next: Instant,
    },
    /// Nothing.
    Nowhere,
}

impl ProgressDisplay {
    /// The display that suits standard error and the user's wishes.
    pub fn new(quiet: bool, verbose: bool) -> Self {
        if quiet {
            Self::Nowhere
        } else if std::io::stderr().is_terminal() {
            Self::Terminal(TerminalLine::new())
        } else if verbose {
            let started = Instant::now();
            Self::Lines { started, next: started + BETWEEN_LINES }
        } else {
            Self::Nowhere
        }
    }

    /// Shows the solver's state.
    pub fn update(&mut self, state: &impl State) {
        match self {
            Self::Terminal(line) => line.bar.set_message(state.describe()),
            Self::Lines { started, next } => {
                let now = Instant::now();
                if now >= *next {
                    *next = now + BETWEEN_LINES;
                    let seconds = (now - *started).as_secs_f64();
                    let _ = writeln!(std::io::stderr(), "{seconds:.0} s: {}", state.describe());
                }
            }
            Self::Nowhere => {}
        }
    }
}

impl State for ot::Progress {
    fn describe(&self) -> String {
        let mut text = self.stage.to_owned();
        if self.iterations > 0 {
            let _ = write!(text, ", {} iterations", self.iterations);
        }
        // What the solver does not know it leaves as NaN; a string takes what is written to it.
        if self.cost.is_finite() {
            let _ = write!(text, ", cost {:.6e}", self.cost);
        }
        if self.residual.is_finite() {
            let _ = write!(text, ", marginal error {:.1e}", self.residual);
        }
        if self.fraction.is_finite() {
            let _ = write!(text, ", {:.0}% done", 100.0 * self.fraction);
        }
        text
    }
}

impl State for lp::Progress {
    fn describe(&self) -> String {
        let mut text = format!("{}, {} iterations", self.phase.name(), self.iterations);
        if self.objective.is_finite() {
            let _ = write!(text, ", objective {:.6e}", self.objective);
        }
        for (what, sum) in [("primal", self.primal_infeasibility), ("dual", self.dual_infeasibility)] {
            if sum > 0.0 {
                let _ = write!(text, ", {what} infeasibility {sum:.1e}");
            }
        }
        text
    }
}

/// A line with a spinner that appears after [`PATIENCE`].
pub struct TerminalLine {
    bar: ProgressBar,
    ended: Option<Sender<()>>,
    waiting: Option<JoinHandle<()>>,
}

impl TerminalLine {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_message("starting");
        let (ended, wait) = mpsc::channel();
        let shown = bar.clone();
        // A solver may be silent for long, so a thread of its own brings the line up. Without it there is no line.
        let waiting = thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || {
                if wait.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    shown.set_draw_target(ProgressDrawTarget::stderr());
                    shown.enable_steady_tick(Duration::from_millis(100));
                }
            })
            .ok();
        Self { bar, ended: Some(ended), waiting }
    }
}

impl Drop for TerminalLine {
    fn drop(&mut self) {
        drop(self.ended.take());
        if let Some(waiting) = self.waiting.take() {
            // Its only failure is that no line was shown.
            let _ = waiting.join();
        }
        self.bar.finish_and_clear();
    }
}
