//! `brenier lp`: linear programs, by the simplex.

mod answer;
mod help;
mod input;
mod ranging_file;
mod solution_file;

use crate::failure::Failure;
use crate::output::check_outputs;
use crate::run::{self, INFEASIBLE, LIMIT, RunArguments, SOLVED, UNBOUNDED};
use crate::threads;
use crate::watch::Watch;
use answer::Answer;
use brenier::lp::{self, Method, Options, Status};
use clap::Args;
use help::{EXAMPLES, EXIT_CODES, WHAT};
pub use input::read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Linear programs from MPS and LP files, by the dual or the primal simplex, with proof
#[derive(Args)]
#[command(long_about = WHAT)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
pub struct Arguments {
    /// The linear program: MPS in fixed or free columns, or the LP format if the name ends in .lp; either may be packed (.gz)
    #[arg(value_name = "FILE")]
    program: PathBuf,

    #[command(flatten)]
    how: MethodArguments,

    /// Make the problem not smaller before it is solved
    #[arg(long)]
    no_presolve: bool,

    /// Begin with the basis in this file, in the format of MPS (switches presolve off)
    #[arg(long, value_name = "FILE")]
    basis_in: Option<PathBuf>,

    /// Write the last basis to this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    basis_out: Option<PathBuf>,

    /// Write a line for each row and column to this CSV file: status, value, bounds, dual or reduced cost, and the
    /// ray that proves what there is to prove
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    solution: Option<PathBuf>,

    /// Write to this CSV file how far each cost and each bound may move before another basis is optimal, if the program has an optimum
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    ranging: Option<PathBuf>,

    /// Stop after this many steps
    #[arg(long, value_name = "N", help_heading = "Run")]
    max_iterations: Option<u64>,

    /// Stop the solver after this many seconds
    #[arg(
        long,
        visible_alias = "timeout",
        value_name = "SECONDS",
        value_parser = run::seconds,
        allow_negative_numbers = true,
        help_heading = "Run"
    )]
    time_limit: Option<Duration>,

    #[command(flatten)]
    pub run: RunArguments,
}

/// How the simplex goes.
#[derive(Args, Clone, Copy)]
pub struct MethodArguments {
    /// Use the dual simplex, as is done without this option too
    #[arg(long, conflicts_with = "primal")]
    dual: bool,

    /// Use the primal simplex
    #[arg(long)]
    primal: bool,

    /// Solve in the units of the file
    #[arg(long)]
    no_scaling: bool,
}

impl MethodArguments {
    /// The options that these arguments ask for.
    pub fn options(self) -> Options {
        let method = if self.primal { Method::Primal } else { Method::Dual };
        Options::default().with_method(method).with_scaling(!self.no_scaling)
    }

    /// The method by its name.
    pub fn name(self) -> &'static str {
        if self.primal { "primal" } else { "dual" }
    }
}

/// Reads, solves, writes and reports; the exit code if there is an answer.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    let Arguments { run, .. } = arguments;
    arguments.check_outputs()?;
    let threads = threads::start(run.threads)?;
    run.say(&format!("reading {}", arguments.program.display()));
    let file = read(&arguments.program)?;
    let options = arguments.options(&file.program)?;
    let mut watch = Watch::begin_for(run, None, "what there is so far")?;
    run.say("solver started");
    let began = Instant::now();
    let solution = lp::solve_with(&file.program, &options, &mut |progress| watch.observe(progress))?;
    let answer = Answer {
        arguments,
        options: &options,
        file: &file,
        solution: &solution,
        solving: began.elapsed(),
        started,
        threads,
        stopped_by: watch.stopped_by(),
    };
    drop(watch);
    arguments.write(&file.program, &solution)?;
    answer.report()?;
    Ok(exit_code(solution.status))
}

impl Arguments {
    fn check_outputs(&self) -> Result<(), Failure> {
        let inputs: Vec<&Path> = std::iter::once(&*self.program).chain(self.basis_in.as_deref()).collect();
        check_outputs(&inputs, &[&self.solution, &self.basis_out, &self.ranging])
    }

    fn options(&self, program: &lp::LinearProgram) -> Result<Options, Failure> {
        let mut options = self.how.options().with_presolve(!self.no_presolve && self.basis_in.is_none());
        if let Some(limit) = self.max_iterations {
            options = options.with_max_iterations(limit);
        }
        if let Some(limit) = self.time_limit {
            options = options.with_time_limit(limit);
        }
        if let Some(path) = &self.basis_in {
            self.run.say(&format!("reading {}", path.display()));
            options = options.with_basis(lp::read_basis(path, program)?);
        }
        Ok(options)
    }

    fn write(&self, program: &lp::LinearProgram, solution: &lp::Solution) -> Result<(), Failure> {
        if let Some(path) = &self.solution {
            self.run.say(&format!("writing {}", path.display()));
            solution_file::write(path, program, solution)?;
        }
        if let Some(path) = &self.ranging
            && solution.status == Status::Optimal
        {
            self.run.say(&format!("writing {}", path.display()));
            ranging_file::write(path, program, solution)?;
        }
        if let Some(path) = &self.basis_out {
            self.run.say(&format!("writing {}", path.display()));
            lp::write_basis(path, program, &solution.basis)?;
        }
        Ok(())
    }
}

/// The exit code for a status.
fn exit_code(status: Status) -> u8 {
    match status {
        Status::Optimal => SOLVED,
        Status::Infeasible => INFEASIBLE,
        Status::Unbounded => UNBOUNDED,
        _ => LIMIT,
    }
}
