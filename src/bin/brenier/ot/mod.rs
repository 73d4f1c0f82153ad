//! `brenier ot`: exact optimal transport.

mod help;
mod initial;
mod stages;

use crate::failure::Failure;
use crate::output::OutputArguments;
use crate::problem::{AnyProblem, ProblemArguments, ProblemInput};
use crate::report::{self, SolverReport};
use crate::run::{EXIT_CODES, RunArguments, exit_code};
use crate::threads;
use crate::watch::Watch;
use brenier::ot::Problem;
use brenier::ot::exact::{self, Method, Options, Solution};
use brenier::{Error, Scalar};
use clap::Args;
use help::{EXAMPLES, USAGE, WHAT};
use initial::InitialArguments;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// Exact optimal transport between two weighted point clouds, or for a given cost matrix
#[derive(Args)]
#[command(override_usage = USAGE, long_about = WHAT)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    problem: ProblemArguments,

    /// Largest violation of f_i + g_j <= C_ij that counts as none, relative to |C_ij| + |f_i| + |g_j| [default: 1e-13]
    #[arg(long, value_name = "TAU")]
    tolerance: Option<f64>,

    /// Which simplex to use
    #[arg(long, value_name = "METHOD", value_enum, default_value = "automatic")]
    method: MethodName,

    #[command(flatten)]
    initial: InitialArguments,

    #[command(flatten)]
    output: OutputArguments,

    #[command(flatten)]
    pub run: RunArguments,
}

/// The names of the methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum MethodName {
    /// By size and distance: sparse from 800,000 pairs on (16 million unless Euclidean or its square)
    Automatic,
    /// The simplex over all pairs
    Plain,
    /// The simplex over candidate pairs after an entropic warm start; where it does not succeed, plain
    Sparse,
}

/// Reads, solves, writes and reports; the exit code if there is an answer.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    let Arguments { problem, initial, output, run, .. } = arguments;
    let inputs: Vec<&Path> = problem.paths().into_iter().chain(initial.paths()).collect();
    output.check(&inputs)?;
    let threads = threads::start(run.threads)?;
    let input = problem.read(run)?;
    output.check_size(input.sources, input.targets)?;
    let sizes = [input.sources, input.targets];
    let options = initial.read(arguments.options(), sizes, problem.csv_header, run)?;
    run.say(&format!("solving {} with {}", input.description(), report::threads(threads)));
    let solved = match input.problem() {
        AnyProblem::F32(problem) => arguments.solve(&problem, &options)?,
        AnyProblem::F64(problem) => arguments.solve(&problem, &options)?,
    };
    let Solution { plan, source_potentials, target_potentials, certificate, .. } = &solved.solution;
    run.say(stages::to_table(&solved.solution.report).trim_end());
    output.write(plan, source_potentials, target_potentials, run)?;
    arguments.report(&input, &solved, threads, started)?;
    Ok(exit_code(certificate.status))
}

/// The answer, and how it came about.
struct Solved {
    solution: Solution,
    solving: Duration,
    stopped_by: Option<&'static str>,
}

impl Arguments {
    /// The options but for where to begin.
    fn options(&self) -> Options {
        let mut options = Options::default().with_method(match self.method {
            MethodName::Automatic => Method::Automatic,
            MethodName::Plain => Method::Plain,
            MethodName::Sparse => Method::Sparse,
        });
        if let Some(limit) = self.run.max_iterations {
            options = options.with_max_iterations(limit);
        }
        if let Some(tolerance) = self.tolerance {
            options = options.with_tolerance(tolerance);
        }
        options
    }

    fn solve<T: Scalar>(&self, problem: &Problem<'_, T>, options: &Options) -> Result<Solved, Failure> {
        let mut watch = Watch::begin(&self.run)?;
        self.run.say("solver started");
        let began = Instant::now();
        let solution = exact::solve_with(problem, options, &mut |progress| watch.observe(progress))
            .map_err(|error| self.locate(error))?;
        Ok(Solved { solution, solving: began.elapsed(), stopped_by: watch.stopped_by() })
    }

    /// A solver's error with the file that it is about.
    fn locate(&self, error: Error) -> Failure {
        match self.initial.locate(&error) {
            Some(file) => Failure::InFile { file: file.to_owned(), error },
            None => self.problem.locate(error),
        }
    }

    fn report(
        &self,
        input: &ProblemInput,
        solved: &Solved,
        threads: usize,
        started: Instant,
    ) -> Result<(), Failure> {
        let certificate = &solved.solution.certificate;
        let support = solved.solution.plan.entries().len();
        let report = SolverReport {
            status: certificate.status.name(),
            objective: ("cost", certificate.primal_cost),
            dual_value: certificate.dual_value,
            gap: certificate.gap,
            iterations: certificate.iterations,
            solving: solved.solving,
            started,
            threads,
        };
        if self.run.json {
            let mut object = report.to_json(json!({
                "sources": input.sources,
                "targets": input.targets,
                "dimensions": input.dimensions,
                "cost_name": input.cost_name,
                "element_type": input.element_type(),
                "support": support,
                "source_marginal_error": certificate.source_marginal_error,
                "target_marginal_error": certificate.target_marginal_error,
                "dual_violation": certificate.dual_violation,
                "relative_dual_violation": certificate.relative_dual_violation,
                "tolerance": certificate.tolerance,
                "mass_adjustment": certificate.mass_adjustment,
                "negligible_source_weights": certificate.negligible_source_weights,
                "negligible_target_weights": certificate.negligible_target_weights,
                "stopped_by": solved.stopped_by,
                "report": stages::to_json(&solved.solution.report),
            }));
            object.extend(self.output.names());
            report::print_object(object)
        } else if !self.run.quiet {
            let mut plan = format!("{support} positive entries");
            if let Some(path) = self.output.plan() {
                plan += &format!(", written to {}", path.display());
            }
            let table =
                report::table(&[("problem", input.description()), ("plan", plan), ("time", report.effort())]);
            report::print(&format!("{table}{certificate}"))
        } else {
            Ok(())
        }
    }
}
