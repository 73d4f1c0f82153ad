//! Ctrl-C: the first stops the solver, which then gives what it has; the second ends the process.

use crate::failure::Failure;
use crate::run::INTERRUPTED;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Nothing to save: the signal ends the process.
const END_AT_ONCE: u8 = 0;
/// A solver runs: the signal asks it to stop.
const SOLVING: u8 = 1;
/// It has been asked: the next signal ends the process.
const ASKED: u8 = 2;

/// While this lives, a first interruption is a request. Interruptions are SIGINT, SIGTERM and SIGHUP; elsewhere than
/// on Unix, Ctrl-C and Ctrl-Break.
pub struct Interrupt {
    state: Arc<AtomicU8>,
}

impl Interrupt {
    /// Begins to listen; once in a process. `quiet` keeps it from saying that the request was heard; `what` the solver will give then.
    pub fn listen(quiet: bool, what: &'static str) -> Result<Self, Failure> {
        let state = Arc::new(AtomicU8::new(SOLVING));
        let shared = Arc::clone(&state);
        ctrlc::set_handler(move || {
            let heard = shared.compare_exchange(SOLVING, ASKED, Ordering::SeqCst, Ordering::SeqCst);
            if heard.is_err() {
                std::process::exit(i32::from(INTERRUPTED));
            }
            if !quiet {
                // A terminal has just shown "^C", perhaps behind a progress line.
                let start = if std::io::stderr().is_terminal() { "\n" } else { "" };
                // Nobody may be reading any more; the request counts all the same.
                let _ = writeln!(
                    std::io::stderr(),
                    "{start}stopping with {what}; interrupt again to end at once"
                );
            }
        })
        .map_err(|reason| Failure::Message(format!("cannot listen for Ctrl-C: {reason}")))?;
        Ok(Self { state })
    }

    /// Whether the solver has been asked to stop.
    pub fn is_requested(&self) -> bool {
        self.state.load(Ordering::SeqCst) == ASKED
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.state.store(END_AT_ONCE, Ordering::SeqCst);
    }
}
