//! `brenier ot --epsilon`: the entropic solver.

use super::Arguments;
use crate::failure::Failure;
use crate::output::AnyPlan;
use crate::problem::{AnyProblem, ProblemInput};
use crate::regularisation;
use crate::report::{self, SolverReport};
use crate::run::exit_code;
use crate::threads;
use crate::watch::Watch;
use brenier::Scalar;
use brenier::ot::sinkhorn::{self, Epsilon, Options, Solution, Values};
use brenier::ot::{Problem, Status};
use serde_json::json;
use std::time::{Duration, Instant};

/// The answer, and how it came about.
struct Solved<'a> {
    solution: Solution<'a>,
    solving: Duration,
    stopped_by: Option<&'static str>,
}

/// Reads, solves, writes and reports; the exit code if there is an answer.
pub fn run(arguments: &Arguments, epsilon: Epsilon, started: Instant) -> Result<u8, Failure> {
    let Arguments { problem, initial, output, run, .. } = arguments;
    let options = arguments.entropic_options(epsilon)?;
    arguments.check_outputs()?;
    let threads = threads::start(run.threads)?;
    let input = problem.read(run)?;
    output.check_size(input.sources, input.targets, true)?;
    let options = initial.read_potentials(options, problem.csv_header, run)?;
    run.say(&format!("solving {} with {}", input.description(), report::threads(threads)));
    let solved = match input.problem() {
        AnyProblem::F32(problem) => arguments.solve_entropically(&problem, &options)?,
        AnyProblem::F64(problem) => arguments.solve_entropically(&problem, &options)?,
    };
    let solution = &solved.solution;
    run.say("computing the values of the plan");
    let values = solution.values();
    let (f, g) = (solution.source_potentials(), solution.target_potentials());
    output.write(AnyPlan::Entropic(&solution.plan), f, g, run)?;
    let status = status(solution.status, &values);
    arguments.report_entropic(&input, &options, (&solved, &values, status), threads, started)?;
    Ok(exit_code(status))
}

/// Converged is not said of values that have left the range of numbers: they prove nothing.
fn status(ended: Status, values: &Values) -> Status {
    let bounds = [
        values.transport_cost,
        values.dual_with_kl,
        values.gap,
        values.rounded_cost,
        values.cost_lower_bound,
    ];
    let is_known = bounds.iter().all(|bound| bound.is_finite());
    if ended == Status::Converged && !is_known { Status::Inaccurate } else { ended }
}

impl Arguments {
    /// The options but for where to begin.
    fn entropic_options(&self, epsilon: Epsilon) -> Result<Options, Failure> {
        let mut options = Options::new(epsilon)
            .with_method(self.method.entropic()?)
            .with_precision(self.precision.precision());
        if let Some(limit) = self.limits.max_iterations {
            options = options.with_max_iterations(limit);
        }
        if let Some(tolerance) = self.tolerance {
            options = options.with_tolerance(tolerance);
        }
        Ok(options)
    }

    fn solve_entropically<'a, T: Scalar>(
        &self,
        problem: &Problem<'a, T>,
        options: &Options,
    ) -> Result<Solved<'a>, Failure> {
        let mut watch = Watch::begin(&self.run, &self.limits)?;
        self.run.say("solver started");
        let began = Instant::now();
        let solution = sinkhorn::solve_with(problem, options, &mut |progress| watch.observe(progress))
            .map_err(|error| self.locate(error))?;
        Ok(Solved { solution, solving: began.elapsed(), stopped_by: watch.stopped_by() })
    }

    fn report_entropic(
        &self,
        input: &ProblemInput,
        options: &Options,
        (solved, values, status): (&Solved<'_>, &Values, Status),
        threads: usize,
        started: Instant,
    ) -> Result<(), Failure> {
        let solution = &solved.solution;
        let report = SolverReport {
            status: status.name(),
            objective: ("cost", values.transport_cost),
            bounds: Some([values.dual_with_kl, values.gap]),
            iterations: solution.iterations,
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
                "epsilon": solution.epsilon(),
                "method": self.method.entropic_name(),
                "finished_in_double": solution.finished_in_double,
                "passes": solution.passes,
                "marginal_error": solution.marginal_error,
                "source_marginal_error": values.source_marginal_error,
                "target_marginal_error": values.target_marginal_error,
                "tolerance": options.tolerance,
                "transport_cost": values.transport_cost,
                "regularised_cost": values.primal_with_kl,
                "regularised_cost_with_entropy": values.primal_with_entropy,
                "upper_bound": values.upper_bound_with_kl,
                "dual_value_with_entropy": values.dual_with_entropy,
                "kl_divergence": values.kl_divergence,
                "entropy": values.entropy,
                "rounded_cost": values.rounded_cost,
                "cost_lower_bound": values.cost_lower_bound,
                "stopped_by": solved.stopped_by,
                "top": self.output.top(),
            }));
            object.extend(self.output.names());
            return report::print_object(object);
        }
        if self.run.quiet {
            return Ok(());
        }
        let number = |value: f64| format!("{value:.12}");
        let mut lines = vec![
            ("problem", input.description()),
            ("regularisation", regularisation::describe(solution.epsilon(), options.epsilon)),
            ("time", report.effort()),
            ("status", status.to_string()),
            ("transport cost", number(values.transport_cost)),
            ("regularised cost", format!("{} (with epsilon times KL)", number(values.primal_with_kl))),
            ("dual value", number(values.dual_with_kl)),
            ("gap", format!("{:.3e}", values.gap)),
            (
                "exact cost",
                report::bounds(
                    [values.cost_lower_bound, values.rounded_cost],
                    "proved for the problem without entropy",
                ),
            ),
            ("marginal error", format!("{:.3e} of the mass", solution.marginal_error)),
            (
                "iterations",
                format!(
                    "{}, {} ({:.1} passes over all pairs), ended in {}",
                    solution.iterations,
                    self.method.entropic_name(),
                    solution.passes,
                    if solution.finished_in_double { "double precision" } else { "single precision" }
                ),
            ),
        ];
        if let Some(path) = self.output.plan() {
            let what = match self.output.top() {
                Some(top) => format!("the {top} largest entries of each row"),
                None => "all entries".to_owned(),
            };
            lines.insert(2, ("plan", format!("{what}, written to {}", path.display())));
        }
        report::print(report::table(&lines).trim_end())
    }
}
