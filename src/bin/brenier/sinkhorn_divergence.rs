//! `brenier sinkhorn-divergence`: the debiased Sinkhorn divergence of two clouds.

use crate::failure::Failure;
use crate::problem::{AnyProblem, CloudArguments};
use crate::regularisation::{self, EpsilonArguments, PrecisionName};
use crate::report::{self, SolverReport};
use crate::run::{EXIT_CODES, LimitArguments, RunArguments, exit_code};
use crate::threads;
use crate::watch::Watch;
use brenier::ot::divergence::{self, Divergence, Options};
use brenier::ot::sinkhorn::{self, Epsilon, Values};
use brenier::ot::{Progress, Status};
use clap::Args;
use serde_json::{Value, json};
use std::time::Instant;

/// What is computed. A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Debiased Sinkhorn divergence between two weighted point clouds.

With OT(a, b) the least value of sum_ij P_ij C_ij + epsilon KL(P | a b) over the plans from a to b, it is

  S(a, b) = OT(a, b) - OT(a, a) / 2 - OT(b, b) / 2

It is zero for equal clouds and, for the Euclidean distance and its square, positive for others. Each term is the value \
of a dual, which bounds it from below; a feasible plan bounds it from above. So the divergence lies between two bounds, \
and the three terms are converged together until these are as close as --accuracy asks. The value is not clipped: \
where the divergence cannot be negative, it is at least minus its error bound. Without --epsilon it is 0.05 of the mean \
cost from a to b.";

/// Examples, and the keys of `--json`.
const EXAMPLES: &str = "\
Inputs are .npy or .csv files, as for `brenier ot`.

Examples:
  brenier sinkhorn-divergence a.npy b.npy
  brenier sinkhorn-divergence a.npy b.npy --epsilon 0.01 --epsilon-relative median --json
  brenier sinkhorn-divergence a.npy b.npy --epsilon 0.1 --accuracy 1e-9

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               converged if the bounds are as close as was asked; else what kept them
                       apart: iteration_limit, stopped or inaccurate (rounding)
  value                S(a, b), from the dual values
  lower_bound, upper_bound
                       the divergence is proved to lie between these
  error_bound          how far the value may be from it: the longer way to a bound
  cross, source_self, target_self
                       OT(a, b), OT(a, a) and OT(b, b), of each an object: value, gap (the
                       truth is at most so much larger), marginal_error, iterations, status;
                       that of cross has passes too: iterations with the inner work of the
                       accelerated method
  epsilon              in units of the cost; one relative to the mean or median cost is
                       measured by the costs from a to b
  iterations           of the three terms together
  seconds              in the solver alone
  seconds_total        from start to end, with reading
  peak_memory_bytes    largest resident size of the process
  threads, simd        number of threads; instructions: portable, avx2 or avx512
  sources, targets, dimensions, cost_name, element_type
                       n, m and d; the distance; f32 or f64
  accuracy             upper_bound - lower_bound over |OT(a, b)| + epsilon times the mass, as
                       asked
  tolerance            the marginal error, as a share of the mass, at which the terms begin to
                       be compared
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

    /// How close the bounds shall be, over |OT(a, b)| + epsilon times the mass [default: 1e-6]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    accuracy: Option<f64>,

    /// The L1 error of the marginals, as a share of the mass, with which the terms are compared first; they go on below it as far as
    /// the accuracy needs [default: 1e-6]
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
        AnyProblem::F32(problem) => divergence::solve_with(&problem, &options, &mut observe),
        AnyProblem::F64(problem) => divergence::solve_with(&problem, &options, &mut observe),
    }
    .map_err(|error| files.locate(error))?;
    let (solving, stopped_by) = (began.elapsed(), watch.stopped_by());
    drop(watch);
    let [cross, source_self, target_self] = terms(&divergence);
    let report = SolverReport {
        status: divergence.status.name(),
        objective: ("value", divergence.value),
        bounds: None,
        iterations: cross.iterations + source_self.iterations + target_self.iterations,
        solving,
        started,
        threads,
    };
    if run.json {
        report::print_object(report.to_json(json!({
            "lower_bound": divergence.lower_bound,
            "upper_bound": divergence.upper_bound,
            "error_bound": divergence.error_bound,
            "cross": cross.to_json(),
            "source_self": source_self.to_json(),
            "target_self": target_self.to_json(),
            "epsilon": divergence.epsilon,
            "sources": input.sources,
            "targets": input.targets,
            "dimensions": input.dimensions,
            "cost_name": input.cost_name,
            "element_type": input.element_type(),
            "accuracy": options.accuracy,
            "tolerance": options.transport.tolerance,
            "stopped_by": stopped_by,
        })))?;
    } else if !run.quiet {
        let table = table(&divergence, input.description(), options.transport.epsilon, report.effort());
        report::print(table.trim_end())?;
    }
    Ok(exit_code(divergence.status))
}

impl Arguments {
    fn options(&self) -> Options {
        let mut transport = sinkhorn::Options::new(self.epsilon.given_or_default())
            .with_precision(self.precision.precision());
        if let Some(limit) = self.limits.max_iterations {
            transport = transport.with_max_iterations(limit);
        }
        if let Some(tolerance) = self.tolerance {
            transport = transport.with_tolerance(tolerance);
        }
        let options = Options::default().with_transport(transport);
        match self.accuracy {
            Some(accuracy) => options.with_accuracy(accuracy),
            None => options,
        }
    }
}

/// What is reported of one of the three terms.
struct Term<'d> {
    values: &'d Values,
    marginal_error: f64,
    iterations: u64,
    /// Where they differ from the iterations.
    passes: Option<f64>,
    status: Status,
}

/// Cross, source with itself, target with itself.
fn terms<'d>(divergence: &'d Divergence<'_>) -> [Term<'d>; 3] {
    let cross = &divergence.cross;
    let [source_self, target_self] = [&divergence.source_self, &divergence.target_self].map(|term| Term {
        values: &term.values,
        marginal_error: term.marginal_error,
        iterations: term.iterations,
        passes: None,
        status: term.status,
    });
    let cross = Term {
        values: &divergence.cross_values,
        marginal_error: cross.marginal_error,
        iterations: cross.iterations,
        passes: Some(cross.passes),
        status: cross.status,
    };
    [cross, source_self, target_self]
}

fn table(divergence: &Divergence<'_>, problem: String, given: Epsilon, effort: String) -> String {
    let number = |value: f64| format!("{value:.12}");
    let [cross, source, target] = terms(divergence).map(|term| {
        format!("{} to {:.3e} more, {} iterations", number(term.value()), term.gap(), term.iterations)
    });
    report::table(&[
        ("problem", problem),
        ("regularisation", regularisation::describe(divergence.epsilon, given)),
        ("time", effort),
        ("status", divergence.status.to_string()),
        ("source to target", cross),
        ("source to itself", source),
        ("target to itself", target),
        ("divergence", number(divergence.value)),
        ("bounds", report::bounds([divergence.lower_bound, divergence.upper_bound], "proved")),
        ("error", format!("{:.3e} at most", divergence.error_bound)),
    ])
}

impl Term<'_> {
    fn value(&self) -> f64 {
        self.values.dual_with_kl
    }

    /// The truth is from the value to so much more. Rounding may leave a gap a little below zero.
    fn gap(&self) -> f64 {
        self.values.gap.max(0.0)
    }

    fn to_json(&self) -> Value {
        let mut object = json!({
            "value": self.value(),
            "gap": self.gap(),
            "marginal_error": self.marginal_error,
            "iterations": self.iterations,
            "status": self.status.name(),
        });
        if let Some(passes) = self.passes {
            object["passes"] = json!(passes);
        }
        object
    }
}
