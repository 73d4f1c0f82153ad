//! `brenier ot` without ε: the exact solver.

use super::{Arguments, stages};
use crate::failure::Failure;
use crate::output::AnyPlan;
use crate::problem::{AnyProblem, ProblemInput};
use crate::report::{self, SolverReport};
use crate::run::exit_code;
use crate::threads;
use crate::watch::Watch;
use brenier::Scalar;
use brenier::ot::Problem;
use brenier::ot::exact::{self, Options, Solution};
use serde_json::json;
use std::time::{Duration, Instant};

/// Reads, solves, writes and reports; the exit code if there is an answer.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    let Arguments { problem, initial, output, run, .. } = arguments;
    let options = arguments.exact_options()?;
    arguments.check_outputs()?;
    let threads = threads::start(run.threads)?;
    let input = problem.read(run)?;
    output.check_size(input.sources, input.targets, false)?;
    let sizes = [input.sources, input.targets];
    let options = initial.read(options, sizes, problem.csv_header, run)?;
    run.say(&format!("solving {} with {}", input.description(), report::threads(threads)));
    let solved = match input.problem() {
        AnyProblem::F32(problem) => arguments.solve_exactly(&problem, &options)?,
        AnyProblem::F64(problem) => arguments.solve_exactly(&problem, &options)?,
    };
    let Solution { plan, source_potentials, target_potentials, certificate, .. } = &solved.solution;
    run.say(stages::to_table(&solved.solution.report).trim_end());
    output.write(AnyPlan::Exact(plan), source_potentials, target_potentials, run)?;
    arguments.report_exact(&input, &solved, threads, started)?;
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
    fn exact_options(&self) -> Result<Options, Failure> {
        let mut options = Options::default().with_method(self.method.exact()?);
        if let Some(limit) = self.limits.max_iterations {
            options = options.with_max_iterations(limit);
        }
        if let Some(tolerance) = self.tolerance {
            options = options.with_tolerance(tolerance);
        }
        Ok(options)
    }

    fn solve_exactly<T: Scalar>(
        &self,
        problem: &Problem<'_, T>,
        options: &Options,
    ) -> Result<Solved, Failure> {
        let mut watch = Watch::begin(&self.run, &self.limits)?;
        self.run.say("solver started");
        let began = Instant::now();
        let solution = exact::solve_with(problem, options, &mut |progress| watch.observe(progress))
            .map_err(|error| self.locate(error))?;
        Ok(Solved { solution, solving: began.elapsed(), stopped_by: watch.stopped_by() })
    }

    fn report_exact(
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
            bounds: Some([certificate.dual_value, certificate.gap]),
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
