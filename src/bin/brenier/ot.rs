//! `brenier ot`: exact optimal transport.

use crate::failure::Failure;
use crate::input::Numbers;
use crate::output::{self, MOST_DENSE_ENTRIES, PlanFormat};
use crate::report::{self, SolverReport};
use crate::run::{EXIT_CODES, RunArguments, exit_code};
use crate::threads;
use crate::watch::Watch;
use brenier::matrix::Distance;
use brenier::ot::Problem;
use brenier::ot::exact::{self, Options, Solution};
use brenier::{Error, Matrix, Scalar};
use clap::Args;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const USAGE: &str = "\
brenier ot [OPTIONS] <SOURCE> <TARGET>
       brenier ot [OPTIONS] --cost-matrix <FILE>";

// A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Exact optimal transport between two weighted point clouds, or for a given cost matrix.

Finds the cheapest way to move the mass of n sources onto m targets:

  minimise    sum_ij P_ij C_ij    over plans P >= 0
  such that   sum_j P_ij = a_i    (the source weights)
              sum_i P_ij = b_j    (the target weights)

C_ij is the distance between source point i and target point j (--cost), or an entry of --cost-matrix. Weights that \
are not given are 1/n and 1/m. They need not sum to one, but both sides must carry the same mass: within 1e-9 \
relative, or 1e-5 if weights come as f32. Nothing is normalised silently.

The method is a network simplex. Its answer comes with a proof: potentials f, g with f_i + g_j <= C_ij for all pairs \
bound every plan's cost from below by the dual value, sum_i a_i f_i + sum_j b_j g_j. The gap is the cost minus that.";

const EXAMPLES: &str = "\
Inputs are .npy files of real numbers, or .csv files (by the extension: commas, a line for each point). A cloud has \
shape (n, d), one point in each row; shape (n,) is n points on a line. Weights have shape (n,), a cost matrix (n, m). \
Files of f32 stay f32 in memory; all others are read as f64, integers only where they \
fit exactly. Arithmetic is in f64 either way.

Examples:
  brenier ot source.npy target.npy
  brenier ot source.npy target.npy --cost euclidean --plan plan.npy
  brenier ot a.csv b.csv --source-weights wa.csv --target-weights wb.csv --cost minkowski:3
  brenier ot --cost-matrix costs.npy --plan plan.csv --plan-format sparse
  brenier ot source.npy target.npy --json --threads 1 | jq .cost

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               optimal, iteration_limit, stopped, or inaccurate (the costs span
                       more orders of magnitude than f64 has digits)
  cost                 sum_ij P_ij C_ij
  dual_value, gap      the lower bound that the potentials prove; cost - dual_value
  iterations           pivots
  seconds              in the solver alone
  seconds_total        from start to end, with reading and writing
  peak_memory_bytes    largest resident size of the process
  threads, simd        number of threads; instructions: portable, avx2 or avx512
  sources, targets     n and m
  dimensions           d; null for a cost matrix
  cost_name            the distance, or \"matrix\"
  element_type         f32 or f64
  support              positive entries of the plan, at most n + m - 1
  source_marginal_error, target_marginal_error
                       sum_i |sum_j P_ij - a_i|, sum_j |sum_i P_ij - b_j|
  dual_violation       largest f_i + g_j - C_ij over all pairs, or 0
  relative_dual_violation, tolerance
                       the same over |C_ij| + |f_i| + |g_j|; the most that is accepted
  mass_adjustment      target mass - source mass, as given; the plan has the source's
  negligible_source_weights, negligible_target_weights
                       indices of positive weights too small to count, taken as zero
  stopped_by           interrupt, timeout, or null
  plan, source_potentials, target_potentials
                       the files that were written, or null
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// Exact optimal transport between two weighted point clouds, or for a given cost matrix
#[derive(Args)]
#[command(override_usage = USAGE, long_about = WHAT, after_help = EXIT_CODES, after_long_help = format!("{EXAMPLES}\n{EXIT_CODES}"))]
pub struct Arguments {
    /// Source points, (n, d)
    #[arg(required_unless_present = "cost_matrix")]
    source: Option<PathBuf>,

    /// Target points, (m, d)
    #[arg(required_unless_present = "cost_matrix")]
    target: Option<PathBuf>,

    /// Costs, (n, m), instead of SOURCE and TARGET
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source", "target", "cost"])]
    cost_matrix: Option<PathBuf>,

    /// Mass of each source, (n,) [default: 1/n each]
    #[arg(long, value_name = "FILE")]
    source_weights: Option<PathBuf>,

    /// Mass of each target, (m,) [default: 1/m each]
    #[arg(long, value_name = "FILE")]
    target_weights: Option<PathBuf>,

    /// Cost of moving a unit of mass: sqeuclidean, euclidean, cityblock, chebyshev, cosine, minkowski:P, or
    /// minkowski-power:P (the sum of |x_k - y_k|^P)
    #[arg(long, value_name = "DISTANCE", default_value_t, value_parser = str::parse::<Distance>)]
    cost: Distance,

    /// Each .csv input begins with a line of column names
    #[arg(long)]
    csv_header: bool,

    /// Largest violation of f_i + g_j <= C_ij that counts as none, relative to |C_ij| + |f_i| + |g_j| [default: 1e-13]
    #[arg(long, value_name = "TAU")]
    tolerance: Option<f64>,

    /// Write the plan P to this .npy or .csv file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    plan: Option<PathBuf>,

    /// How the plan is laid out
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "dense",
        requires = "plan",
        help_heading = "Output"
    )]
    plan_format: PlanFormat,

    /// Write the potentials f, (n,), to this .npy or .csv file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    source_potentials: Option<PathBuf>,

    /// Write the potentials g, (m,), to this .npy or .csv file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    target_potentials: Option<PathBuf>,

    #[command(flatten)]
    pub run: RunArguments,
}

/// Reads, solves, writes and reports; the exit code if there is an answer.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    output::check(&arguments.outputs(), &arguments.inputs())?;
    let threads = threads::start(arguments.run.threads)?;
    let input = arguments.read()?;
    arguments.check_plan_size(&input)?;
    arguments.say(&format!(
        "solving {}, {threads} thread{}",
        input.description,
        if threads == 1 { "" } else { "s" }
    ));
    let solved = arguments.solve(&input)?;
    arguments.write(&solved.solution)?;
    arguments.report(&input, &solved, threads, started)?;
    Ok(exit_code(solved.solution.certificate.status))
}

/// What the files hold, and what reports say about it.
struct Input {
    costs: InputCosts,
    source_weights: Option<Numbers>,
    target_weights: Option<Numbers>,
    sources: usize,
    targets: usize,
    dimensions: Option<usize>,
    cost_name: String,
    element_type: &'static str,
    description: String,
}

/// Both clouds in the same precision, or a cost matrix.
enum InputCosts {
    Matrix(Numbers),
    Points32(Matrix<f32>, Matrix<f32>),
    Points64(Matrix<f64>, Matrix<f64>),
}

/// The answer, and how it came about.
struct Solved {
    solution: Solution,
    solving: Duration,
    stopped_by: Option<&'static str>,
}

impl Arguments {
    fn inputs(&self) -> Vec<&Path> {
        [
            &self.source,
            &self.target,
            &self.cost_matrix,
            &self.source_weights,
            &self.target_weights,
        ]
        .into_iter()
        .filter_map(|path| path.as_deref())
        .collect()
    }

    fn outputs(&self) -> Vec<&Path> {
        [&self.plan, &self.source_potentials, &self.target_potentials]
            .into_iter()
            .filter_map(|path| path.as_deref())
            .collect()
    }

    /// Tells the user who asked for it what is being done.
    fn say(&self, text: &str) {
        if self.run.verbose {
            // Whoever does not listen does not hinder the work.
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    fn read(&self) -> Result<Input, Failure> {
        let numbers = |path: &Path| {
            self.say(&format!("reading {}", path.display()));
            Numbers::read(path, self.csv_header)
        };
        let weights = |path: &Option<PathBuf>| {
            path.as_deref()
                .map(|path| {
                    self.say(&format!("reading {}", path.display()));
                    Numbers::read_weights(path, self.csv_header)
                })
                .transpose()
        };
        let (costs, [sources, targets], dimensions, cost_name, element_type) =
            match (&self.cost_matrix, &self.source, &self.target) {
                (Some(path), ..) => {
                    let matrix = numbers(path)?;
                    let sizes = [matrix.rows(), matrix.columns()];
                    let element_type = matrix.element_type();
                    (
                        InputCosts::Matrix(matrix),
                        sizes,
                        None,
                        "matrix".to_owned(),
                        element_type,
                    )
                }
                (None, Some(source_path), Some(target_path)) => {
                    let (source, target) = (numbers(source_path)?, numbers(target_path)?);
                    let sizes = [source.rows(), target.rows()];
                    let dimensions = source.columns();
                    if target.columns() != dimensions {
                        return Err(Failure::Message(format!(
                            "the points of {} have {dimensions} coordinates, those of {} have {}",
                            source_path.display(),
                            target_path.display(),
                            target.columns(),
                        )));
                    }
                    let (costs, element_type) = match (source, target) {
                        (Numbers::F32(source), Numbers::F32(target)) => {
                            (InputCosts::Points32(source, target), "f32")
                        }
                        (source, target) => {
                            (InputCosts::Points64(source.into_f64(), target.into_f64()), "f64")
                        }
                    };
                    (
                        costs,
                        sizes,
                        Some(dimensions),
                        self.cost.to_string(),
                        element_type,
                    )
                }
                // The argument parser asks for one or the other; here it would be a mistake in its rules.
                _ => return Err(Failure::Message("SOURCE and TARGET, or --cost-matrix".to_owned())),
            };
        let description = match dimensions {
            Some(d) => {
                format!("{sources} x {targets}, {d}-dimensional points, cost {cost_name}, {element_type}")
            }
            None => format!("{sources} x {targets}, cost matrix, {element_type}"),
        };
        Ok(Input {
            costs,
            source_weights: weights(&self.source_weights)?,
            target_weights: weights(&self.target_weights)?,
            sources,
            targets,
            dimensions,
            cost_name,
            element_type,
            description,
        })
    }

    /// Refuses to begin what could not be written in the end.
    fn check_plan_size(&self, input: &Input) -> Result<(), Failure> {
        let (Some(path), PlanFormat::Dense) = (&self.plan, self.plan_format) else {
            return Ok(());
        };
        match input.sources.checked_mul(input.targets) {
            Some(entries) if entries <= MOST_DENSE_ENTRIES => Ok(()),
            _ => Err(Failure::Message(format!(
                "{}: a dense plan of {} x {} is more than {MOST_DENSE_ENTRIES} entries; --plan-format sparse writes \
                 the positive ones alone, at most {}",
                path.display(),
                input.sources,
                input.targets,
                input.sources.saturating_add(input.targets) - 1,
            ))),
        }
    }

    fn solve(&self, input: &Input) -> Result<Solved, Failure> {
        match &input.costs {
            InputCosts::Matrix(Numbers::F32(costs)) => self.solve_problem(Problem::from_costs(costs), input),
            InputCosts::Matrix(Numbers::F64(costs)) => self.solve_problem(Problem::from_costs(costs), input),
            InputCosts::Points32(source, target) => {
                self.solve_problem(Problem::from_points(source, target, self.cost), input)
            }
            InputCosts::Points64(source, target) => {
                self.solve_problem(Problem::from_points(source, target, self.cost), input)
            }
        }
    }

    fn solve_problem<T: Scalar>(
        &self,
        mut problem: Problem<'_, T>,
        input: &Input,
    ) -> Result<Solved, Failure> {
        problem = match &input.source_weights {
            Some(Numbers::F32(weights)) => problem.with_source_weights(weights.as_slice()),
            Some(Numbers::F64(weights)) => problem.with_source_weights(weights.as_slice()),
            None => problem,
        };
        problem = match &input.target_weights {
            Some(Numbers::F32(weights)) => problem.with_target_weights(weights.as_slice()),
            Some(Numbers::F64(weights)) => problem.with_target_weights(weights.as_slice()),
            None => problem,
        };
        let mut options = Options::default();
        if let Some(limit) = self.run.max_iterations {
            options = options.with_max_iterations(limit);
        }
        if let Some(tolerance) = self.tolerance {
            options = options.with_tolerance(tolerance);
        }
        let mut watch = Watch::begin(&self.run)?;
        self.say("solver started");
        let began = Instant::now();
        let solution = exact::solve_with(&problem, &options, &mut |progress| watch.observe(progress))
            .map_err(|error| self.locate(error))?;
        Ok(Solved {
            solution,
            solving: began.elapsed(),
            stopped_by: watch.stopped_by(),
        })
    }

    /// The same error with the file that it is about.
    fn locate(&self, error: Error) -> Failure {
        let what = match &error {
            Error::Shape { what, .. }
            | Error::Empty { what }
            | Error::NotFinite { what, .. }
            | Error::NotFiniteEntry { what, .. }
            | Error::Negative { what, .. }
            | Error::ZeroMass { what }
            | Error::ZeroVector { what, .. }
            | Error::Argument { name: what, .. } => *what,
            _ => "",
        };
        let file = if what.contains("source weights") {
            &self.source_weights
        } else if what.contains("target weights") {
            &self.target_weights
        } else if self.cost_matrix.is_some()
            && ["costs", "source", "target"]
                .iter()
                .any(|role| what.contains(role))
        {
            &self.cost_matrix
        } else if what.contains("source") {
            &self.source
        } else if what.contains("target") {
            &self.target
        } else {
            &None
        };
        match file {
            Some(file) => Failure::InFile {
                file: file.clone(),
                error,
            },
            None => error.into(),
        }
    }

    fn write(&self, solution: &Solution) -> Result<(), Failure> {
        if let Some(path) = &self.plan {
            self.say(&format!("writing {}", path.display()));
            output::write_plan(path, self.plan_format, &solution.plan)?;
        }
        for (path, potentials) in [
            (&self.source_potentials, &solution.source_potentials),
            (&self.target_potentials, &solution.target_potentials),
        ] {
            if let Some(path) = path {
                self.say(&format!("writing {}", path.display()));
                output::write_vector(path, potentials)?;
            }
        }
        Ok(())
    }

    fn report(
        &self,
        input: &Input,
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
            let name =
                |path: &Option<PathBuf>| path.as_deref().map(|path| path.to_string_lossy().into_owned());
            let object = report.to_json(json!({
                "sources": input.sources,
                "targets": input.targets,
                "dimensions": input.dimensions,
                "cost_name": input.cost_name,
                "element_type": input.element_type,
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
                "plan": name(&self.plan),
                "source_potentials": name(&self.source_potentials),
                "target_potentials": name(&self.target_potentials),
            }));
            report::print(&object.to_string())
        } else if !self.run.quiet {
            let mut plan = format!("{support} positive entries");
            if let Some(path) = &self.plan {
                plan += &format!(", written to {}", path.display());
            }
            let table = report::table(&[
                ("problem", input.description.clone()),
                ("plan", plan),
                ("time", report.effort()),
            ]);
            report::print(&format!("{table}{certificate}"))
        } else {
            Ok(())
        }
    }
}
