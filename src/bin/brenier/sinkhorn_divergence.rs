//! `brenier sinkhorn-divergence`: the debiased Sinkhorn divergence of two clouds.

use crate::failure::Failure;
use crate::problem::{AnyProblem, CloudArguments};
use crate::regularisation::{self, EpsilonArguments, PrecisionName};
use crate::report::{self, SolverReport};
use crate::run::{EXIT_CODES, LimitArguments, RunArguments, exit_code};
use crate::threads;
use crate::watch::Watch;
use brenier::Scalar;
use brenier::ot::sinkhorn::{self, Epsilon, Options};
use brenier::ot::{Costs, Problem, Progress, Status};
use clap::Args;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::time::Instant;

/// What is computed. A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Debiased Sinkhorn divergence between two weighted point clouds.

With OT(a, b) the least value of sum_ij P_ij C_ij + epsilon KL(P | a b) over the plans from a to b, it is

  S(a, b) = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2

It is zero for equal clouds and, for the Euclidean distance and its square, positive for others. Each term is the value \
of a dual, which bounds it from below; a feasible plan bounds it from above. So the result comes with an error: the \
divergence is within so much of the value. Without --epsilon it is 0.05 of the mean cost from a to b.";

/// Examples, and the keys of `--json`.
const EXAMPLES: &str = "\
Inputs are .npy or .csv files, as for `brenier ot`.

Examples:
  brenier sinkhorn-divergence a.npy b.npy
  brenier sinkhorn-divergence a.npy b.npy --epsilon 0.01 --epsilon-relative median --json

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               converged if all three terms are, else iteration_limit, stopped or
                       inaccurate
  value, error         S(a, b), and how far the truth may be from it
  cross, source_self, target_self
                       OT(a, b), OT(a, a) and OT(b, b), of each an object: value, gap (the
                       truth is at most so much larger), marginal_error, iterations, passes,
                       status
  epsilon              in units of the cost; one relative to the mean or median cost is
                       measured by the costs from a to b
  iterations           of the three terms together
  seconds              in the solver alone
  seconds_total        from start to end, with reading
  peak_memory_bytes    largest resident size of the process
  threads, simd        number of threads; instructions: portable, avx2 or avx512
  sources, targets, dimensions, cost_name, element_type
                       n, m and d; the distance; f32 or f64
  tolerance            the marginal error at which a term ends, as a share of the mass
  stopped_by           interrupt, timeout, or null
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// Debiased Sinkhorn divergence between two weighted point clouds
#[derive(Args)]
#[command(long_about = WHAT)]
#[command(after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
pub struct Arguments {
    #[command(flatten)]
    clouds: CloudArguments,

    /// The L1 error of both marginals, as a share of the mass, at which a term ends [default: 1e-6]
    #[arg(long, value_name = "TAU", allow_negative_numbers = true)]
    tolerance: Option<f64>,

    #[command(flatten)]
    epsilon: EpsilonArguments,

    /// The arithmetic of the iterations
    #[arg(
        long,
        value_name = "PRECISION",
        value_enum,
        default_value = "automatic",
        help_heading = "Regularisation"
    )]
    precision: PrecisionName,

    #[command(flatten)]
    limits: LimitArguments,

    #[command(flatten)]
    pub run: RunArguments,
}

/// One of the three terms.
struct Term {
    value: f64,
    /// The truth is from `value` to `value + gap`.
    gap: f64,
    marginal_error: f64,
    iterations: u64,
    passes: f64,
    status: Status,
}

/// The divergence, its error, and its terms: cross, source with itself, target with itself.
struct Divergence {
    value: f64,
    error: f64,
    epsilon: f64,
    terms: [Term; 3],
}

/// Reads, solves and reports; the exit code if there is an answer.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    let Arguments { clouds, run, .. } = arguments;
    let files = clouds.problem();
    let threads = threads::start(run.threads)?;
    let input = files.read(run)?;
    run.say(&format!("solving {} with {}", input.description(), report::threads(threads)));
    let mut watch = Watch::begin(run, &arguments.limits)?;
    let options = arguments.options();
    let began = Instant::now();
    let mut observe = |progress: &Progress| watch.observe(progress);
    let divergence = match input.problem() {
        AnyProblem::F32(cross) => divergence(cross, input.weights(), &options, &mut observe),
        AnyProblem::F64(cross) => divergence(cross, input.weights(), &options, &mut observe),
    }
    .map_err(|error| files.locate(error))?;
    let (solving, stopped_by) = (began.elapsed(), watch.stopped_by());
    drop(watch);
    let status = divergence.status();
    let report = SolverReport {
        status: status.name(),
        objective: ("value", divergence.value),
        bounds: None,
        iterations: divergence.iterations(),
        solving,
        started,
        threads,
    };
    if run.json {
        report::print_object(report.to_json(json!({
            "error": divergence.error,
            "cross": divergence.terms[0].to_json(),
            "source_self": divergence.terms[1].to_json(),
            "target_self": divergence.terms[2].to_json(),
            "epsilon": divergence.epsilon,
            "sources": input.sources,
            "targets": input.targets,
            "dimensions": input.dimensions,
            "cost_name": input.cost_name,
            "element_type": input.element_type(),
            "tolerance": options.tolerance,
            "stopped_by": stopped_by,
        })))?;
    } else if !run.quiet {
        let table = divergence.table(input.description(), options.epsilon, report.effort());
        report::print(table.trim_end())?;
    }
    Ok(exit_code(status))
}

impl Arguments {
    fn options(&self) -> Options {
        let mut options =
            Options::new(self.epsilon.given_or_default()).with_precision(self.precision.precision());
        if let Some(limit) = self.limits.max_iterations {
            options = options.with_max_iterations(limit);
        }
        if let Some(tolerance) = self.tolerance {
            options = options.with_tolerance(tolerance);
        }
        options
    }
}

/// S(a, b) by three problems of the same ε.
fn divergence<T: Scalar>(
    cross: Problem<'_, T>,
    weights: [Option<Vec<f64>>; 2],
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> brenier::error::Result<Divergence> {
    let mut options = options.clone();
    let mut term = |problem: Problem<'_, T>| {
        let solution = sinkhorn::solve_with(&problem, &options, observer)?;
        // What the costs between the two clouds say is the ε of all three.
        options.epsilon = solution.epsilon().into();
        let values = solution.values();
        Ok(Term {
            value: values.dual_with_kl,
            // Rounding may leave a gap a little below zero.
            gap: values.gap.max(0.0),
            marginal_error: solution.marginal_error,
            iterations: solution.iterations,
            passes: solution.passes,
            status: solution.status,
        })
    };
    let Costs::Points { source, target, distance } = cross.costs() else {
        unreachable!("the arguments name two clouds");
    };
    let [source_self, target_self] =
        [(source, &weights[0]), (target, &weights[1])].map(|(cloud, weights)| {
            let problem = Problem::from_points(cloud, cloud, distance);
            match weights {
                Some(weights) => problem.with_source_weights(weights).with_target_weights(weights),
                None => problem,
            }
        });
    let terms = [term(cross)?, term(source_self)?, term(target_self)?];
    let [cross, source, target] = &terms;
    Ok(Divergence {
        value: cross.value - 0.5 * (source.value + target.value),
        error: cross.gap.max(0.5 * (source.gap + target.gap)),
        epsilon: match options.epsilon {
            Epsilon::Absolute(epsilon) => epsilon,
            _ => f64::NAN,
        },
        terms,
    })
}

impl Divergence {
    /// The worst of the three.
    fn status(&self) -> Status {
        let statuses = self.terms.iter().map(|term| term.status);
        statuses.into_iter().find(|&status| status != Status::Converged).unwrap_or(Status::Converged)
    }

    fn iterations(&self) -> u64 {
        self.terms.iter().map(|term| term.iterations).sum()
    }

    fn table(&self, problem: String, given: Epsilon, effort: String) -> String {
        let number = |value: f64| format!("{value:.12}");
        let [cross, source, target] = self.terms.each_ref().map(|term| {
            format!("{} to {:.3e} more, {} iterations", number(term.value), term.gap, term.iterations)
        });
        report::table(&[
            ("problem", problem),
            ("regularisation", regularisation::describe(self.epsilon, given)),
            ("time", effort),
            ("status", self.status().to_string()),
            ("source to target", cross),
            ("source to itself", source),
            ("target to itself", target),
            ("divergence", number(self.value)),
            ("error", format!("{:.3e} at most", self.error)),
        ])
    }
}

impl Term {
    fn to_json(&self) -> Value {
        json!({
            "value": self.value,
            "gap": self.gap,
            "marginal_error": self.marginal_error,
            "iterations": self.iterations,
            "passes": self.passes,
            "status": self.status.name(),
        })
    }
}
