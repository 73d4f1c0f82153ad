//! The command `brenier`: the crate's solvers for files of numbers.

mod failure;
mod input;
mod interrupt;
mod memory;
mod ot;
mod output;
mod problem;
mod progress;
mod report;
mod run;
mod threads;
mod watch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use std::time::Instant;

/// Optimal transport from the command line.
///
/// Each command reads .npy or .csv files, solves, and prints what it can prove about its answer.
#[derive(Parser)]
#[command(name = "brenier", version, after_help = run::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Ot(ot::Arguments),
}

fn main() -> ExitCode {
    let started = Instant::now();
    let Command::Ot(arguments) = Cli::parse().command;
    match ot::run(&arguments, started) {
        Ok(code) => code.into(),
        Err(failure) => {
            report::failure(&failure, arguments.run.json);
            run::BAD_INPUT.into()
        }
    }
}
