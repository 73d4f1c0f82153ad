//! The command `brenier`: the crate's solvers for files of numbers.

mod bench;
mod failure;
mod input;
mod interrupt;
mod lp;
mod memory;
mod ot;
mod output;
mod problem;
mod progress;
mod regularisation;
mod report;
mod run;
mod sinkhorn_divergence;
mod threads;
mod watch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use std::time::Instant;

/// Optimal transport and linear programs from the command line.
///
/// Each command reads files (.npy or .csv; MPS or LP), solves, and prints what it can prove about its answer.
#[derive(Parser)]
#[command(name = "brenier", version, after_help = run::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Ot(Box<ot::Arguments>),
    SinkhornDivergence(Box<sinkhorn_divergence::Arguments>),
    Lp(Box<lp::Arguments>),
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let started = Instant::now();
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return report::usage(&error).into(),
    };
    let (answer, json) = match &command {
        Command::Ot(arguments) => (ot::run(arguments, started), arguments.run.json),
        Command::SinkhornDivergence(arguments) => {
            (sinkhorn_divergence::run(arguments, started), arguments.run.json)
        }
        Command::Lp(arguments) => (lp::run(arguments, started), arguments.run.json),
        Command::Bench(arguments) => (bench::run(arguments, started), arguments.json()),
    };
    match answer {
        Ok(code) => code.into(),
        Err(failure) => {
            report::failure(&failure, json);
            failure.exit_code().into()
        }
    }
}
