//! `brenier ot`: optimal transport, exact, or entropic where ε is given.

mod entropic;
mod exact;
mod help;
mod initial;
mod method;
mod stages;

use crate::failure::Failure;
use crate::output::OutputArguments;
use crate::problem::ProblemArguments;
use crate::regularisation::{EpsilonArguments, PrecisionName};
use crate::run::{EXIT_CODES, LimitArguments, RunArguments};
use brenier::Error;
use clap::Args;
use help::{EXAMPLES, USAGE, WHAT};
use initial::InitialArguments;
use method::MethodName;
use std::path::Path;
use std::time::Instant;

/// Optimal transport between two weighted point clouds, or for a given cost matrix: exact, or entropic with --epsilon
#[derive(Args)]
#[command(override_usage = USAGE, long_about = WHAT)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    problem: ProblemArguments,

    /// Exact: largest violation of f_i + g_j <= C_ij that counts as none, relative to |C_ij| + |f_i| + |g_j| [default: 1e-13].
    /// With --epsilon: the L1 error of both marginals, as a share of the mass, at which the solver ends [default: 1e-6]
    #[arg(long, value_name = "TAU", allow_negative_numbers = true)]
    tolerance: Option<f64>,

    /// Which method to use
    #[arg(long, value_name = "METHOD", value_enum, default_value = "automatic")]
    method: MethodName,

    #[command(flatten)]
    initial: InitialArguments,

    #[command(flatten)]
    epsilon: EpsilonArguments,

    /// The arithmetic of the entropic solver's iterations
    #[arg(
        long,
        value_name = "PRECISION",
        value_enum,
        default_value = "automatic",
        requires = "epsilon",
        help_heading = "Regularisation"
    )]
    precision: PrecisionName,

    #[command(flatten)]
    output: OutputArguments,

    #[command(flatten)]
    limits: LimitArguments,

    #[command(flatten)]
    pub run: RunArguments,
}

/// Reads, solves, writes and reports; the exit code if there is an answer.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    match arguments.epsilon.given() {
        None => exact::run(arguments, started),
        Some(epsilon) => entropic::run(arguments, epsilon, started),
    }
}

impl Arguments {
    /// Checks that the outputs can be written.
    fn check_outputs(&self) -> Result<(), Failure> {
        let inputs: Vec<&Path> = self.problem.paths().into_iter().chain(self.initial.paths()).collect();
        self.output.check(&inputs)
    }

    /// A solver's error with the file that it is about.
    fn locate(&self, error: Error) -> Failure {
        match self.initial.locate(&error) {
            Some(file) => Failure::InFile { file: file.to_owned(), error },
            None => self.problem.locate(error),
        }
    }
}
