//! What every solver command shares: the arguments that steer its run, and its exit codes.

use crate::threads;
use brenier::ot::Status;
use clap::Args;
use std::io::Write;
use std::time::Duration;

/// Solved, and proved.
pub const SOLVED: u8 = 0;
/// An input was refused, or an output could not be written.
pub const BAD_INPUT: u8 = 1;
/// The arguments make no sense.
pub const WRONG_USAGE: u8 = 2;
/// A limit was reached: the answer is feasible but not proved optimal.
pub const LIMIT: u8 = 3;
/// A linear program is infeasible, and that is proved.
pub const INFEASIBLE: u8 = 4;
/// A linear program is unbounded, and that is proved.
pub const UNBOUNDED: u8 = 5;
/// A signal ended the run at once: 128 + SIGINT, as shells count.
pub const INTERRUPTED: u8 = 130;

/// The exit codes as `--help` lists them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    solved, and proved
  1    bad input or output: the message names the file, the index and the value
  2    wrong usage
  3    stopped by a limit (iterations, time, precision) or by Ctrl-C: how far the answer
       is from feasible is stated, and a gap says how far from the optimum it can be
  4    a linear program is infeasible, and that is proved (transport never is: equal
       masses have a plan)
  5    a linear program is unbounded, and that is proved
  130  Ctrl-C a second time, or while nothing is being solved: no answer";

/// The exit code for a solver's status.
pub fn exit_code(status: Status) -> u8 {
    match status {
        Status::Optimal | Status::Converged => SOLVED,
        _ => LIMIT,
    }
}

/// How a run goes, whatever is solved.
#[derive(Args)]
pub struct RunArguments {
    /// Print one JSON object instead of the table
    #[arg(long, help_heading = "Run")]
    pub json: bool,

    /// Threads to use; the answer does not depend on it [default: RAYON_NUM_THREADS, or one for each core]
    #[arg(long, value_name = "N", value_parser = threads::parse, help_heading = "Run")]
    pub threads: Option<usize>,

    /// Print no table and no progress (errors, and JSON where it is asked for, are still printed)
    #[arg(long, short, conflicts_with = "verbose", help_heading = "Run")]
    pub quiet: bool,

    /// Say on standard error what is being done
    #[arg(long, short, help_heading = "Run")]
    pub verbose: bool,
}

/// When a solver ends before it is done.
#[derive(Args)]
pub struct LimitArguments {
    /// Stop after this many iterations with the best plan so far
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub max_iterations: Option<u64>,

    /// Stop the solver after this many seconds with the best plan so far
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = seconds,
        allow_negative_numbers = true,
        help_heading = "Run"
    )]
    pub timeout: Option<Duration>,
}

impl RunArguments {
    /// Tells the user who asked for it what is being done.
    pub fn say(&self, text: &str) {
        if self.verbose {
            // Whoever does not listen does not hinder the work.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

/// Reads a time in seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "it must be a number of seconds, zero or more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_not_negative_and_finite() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["-1", "nan", "inf", "1e300", "soon", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
