//! `brenier bench`: how fast this machine does what others measure too.

mod sinkhorn;

use crate::failure::Failure;
use clap::{Args, Subcommand};
use std::time::Instant;

/// Measure how fast this machine is
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    work: Work,
}

/// What can be measured.
#[derive(Subcommand)]
enum Work {
    Sinkhorn(Box<sinkhorn::Arguments>),
}

impl Arguments {
    /// Whether an object was asked for.
    pub fn json(&self) -> bool {
        match &self.work {
            Work::Sinkhorn(arguments) => arguments.run.json,
        }
    }
}

/// Measures and reports; the exit code if there is a measurement.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    match &arguments.work {
        Work::Sinkhorn(arguments) => sinkhorn::run(arguments, started),
    }
}
