//! `brenier bench sinkhorn`: the time of a full Sinkhorn iteration.

use super::{PrecisionName, median, narrow, size};
use crate::failure::Failure;
use crate::input::{Numbers, read_column};
use crate::progress::ProgressDisplay;
use crate::regularisation::{self, EpsilonArguments};
use crate::report;
use crate::run::{RunArguments, SOLVED};
use crate::{memory, threads};
use brenier::matrix::{Distance, pairwise};
use brenier::ot::Problem;
use brenier::ot::progress::run_to_the_end;
use brenier::ot::sinkhorn::{self, Method, Options, Precision};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};
use clap::Args;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Time between two looks at the progress.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What is measured. A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Measure the time of a full Sinkhorn iteration in the log domain (both potentials).

Runs exactly K plain iterations from zero potentials, R times, after one that is not counted, and divides by K the time that the solver took in all: \
its checks and preparations are in it, reading files, drawing points and computing a dense cost matrix are not. A pair is one entry of \
the cost matrix in one full iteration. Without files the sources are N points from N(0, I), the targets N from N(1, I), with equal weights, \
and the cost is squared Euclidean. Without --epsilon it is 0.05 of the mean cost.";

/// Examples, and the keys of `--json`.
const EXAMPLES: &str = "\
Examples:
  brenier bench sinkhorn
  brenier bench sinkhorn --points 4096 --dim 64 --epsilon 5 --iterations 100 --threads 1 --json
  brenier bench sinkhorn --points 2048 --costs dense --precision double
  brenier bench sinkhorn --source x.npy --target y.npy --source-weights a.npy --epsilon 0.1

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               measured
  seconds_per_iteration, seconds_per_iteration_least
                       the median and the least of the repetitions
  pairs_per_second, pairs_per_second_most
                       n m over these
  marginal_error       after the K iterations: the L1 error as a share of the mass
  points, targets, dim n, m and d; d is null for a cost matrix
  epsilon, iterations, repetitions, precision, seed
                       what was run; the seed is null for points from files
  costs                points, dense, or the file
  seconds              of all repetitions
  seconds_total        from start to end
  peak_memory_bytes    largest resident size of the process
  threads, simd, simd_level
                       number of threads; instructions: portable, avx2 or avx512
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// Measure the time of a full Sinkhorn iteration
#[derive(Args)]
#[command(long_about = WHAT, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// Points on each side
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = size, conflicts_with = "source")]
    points: usize,

    /// Coordinates of a point
    #[arg(long, value_name = "D", default_value_t = 2, value_parser = size, conflicts_with = "source")]
    dim: usize,

    /// Of the points
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "source")]
    seed: u64,

    /// Iterations of a repetition
    #[arg(long, value_name = "K", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    iterations: u64,

    /// How often they are repeated
    #[arg(long, value_name = "R", default_value_t = 5, value_parser = size)]
    repetitions: usize,

    /// The arithmetic
    #[arg(long, value_name = "PRECISION", value_enum, default_value = "single")]
    precision: PrecisionName,

    /// points: costs computed from the points (and kept, where they fit into --bytes-kept and that is faster); dense: a matrix
    /// computed before; or a file with a cost matrix, (n, m), instead of points
    #[arg(long, value_name = "points|dense|FILE", default_value = "points")]
    costs: PathBuf,

    /// Bytes of distances that the solver may keep; with 0 they are computed in each iteration [default: the solver's]
    #[arg(long, value_name = "BYTES")]
    bytes_kept: Option<usize>,

    /// Source points from a file, (n, d)
    #[arg(long, value_name = "FILE", requires = "target")]
    source: Option<PathBuf>,

    /// Target points from a file, (m, d)
    #[arg(long, value_name = "FILE", requires = "source")]
    target: Option<PathBuf>,

    /// Mass of each source, (n,) [default: 1/n each]
    #[arg(long, value_name = "FILE")]
    source_weights: Option<PathBuf>,

    /// Mass of each target, (m,) [default: 1/m each]
    #[arg(long, value_name = "FILE")]
    target_weights: Option<PathBuf>,

    #[command(flatten)]
    epsilon: EpsilonArguments,

    #[command(flatten)]
    pub run: RunArguments,
}

/// Where the costs come from, in the arithmetic of the run.
enum Input<T> {
    Points(Matrix<T>, Matrix<T>),
    /// A cost matrix, and d if it is one of distances between points.
    Matrix(Matrix<T>, Option<usize>),
}

/// What was measured.
struct Measurement {
    rows: usize,
    columns: usize,
    dimension: Option<usize>,
    epsilon: f64,
    marginal_error: f64,
    /// Seconds of each repetition, from the shortest.
    seconds: Vec<f64>,
}

/// Measures and reports.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    let threads = threads::start(arguments.run.threads)?;
    let measurement = match arguments.precision {
        PrecisionName::Single => arguments.measure::<f32>(Precision::Single)?,
        PrecisionName::Double => arguments.measure::<f64>(Precision::Double)?,
    };
    arguments.report(&measurement, threads, started)?;
    Ok(SOLVED)
}

impl Arguments {
    /// The points or costs that the arguments name.
    fn input<T: Scalar>(&self) -> Result<Input<T>, Failure> {
        let (is_points, is_dense) = (self.costs == Path::new("points"), self.costs == Path::new("dense"));
        let read = |path: &Path| {
            self.run.say(&format!("reading {}", path.display()));
            Ok::<_, Failure>(narrow(&Numbers::read(path, false)?))
        };
        if !is_points && !is_dense {
            if self.source.is_some() {
                return Err(Failure::Usage(
                    "--costs FILE takes the place of --source and --target".to_owned(),
                ));
            }
            return Ok(Input::Matrix(read(&self.costs)?, None));
        }
        let (x, y) = match (&self.source, &self.target) {
            (Some(source), Some(target)) => (read(source)?, read(target)?),
            _ => {
                let mut random = RandomStream::new(self.seed);
                let x = random.normal_matrix(self.points, self.dim);
                let mut y: Matrix<T> = random.normal_matrix(self.points, self.dim);
                y.as_mut_slice().iter_mut().for_each(|coordinate| *coordinate += T::ONE);
                (x, y)
            }
        };
        if is_points {
            return Ok(Input::Points(x, y));
        }
        self.run.say("computing the cost matrix");
        Ok(Input::Matrix(pairwise(&x, &y, Distance::SquaredEuclidean)?, Some(x.columns())))
    }

    fn measure<T: Scalar>(&self, precision: Precision) -> Result<Measurement, Failure> {
        let input = self.input::<T>()?;
        let (mut problem, dimension) = match &input {
            Input::Points(x, y) => {
                (Problem::from_points(x, y, Distance::SquaredEuclidean), Some(x.columns()))
            }
            Input::Matrix(costs, dimension) => (Problem::from_costs(costs), *dimension),
        };
        if let Some(path) = &self.source_weights {
            problem = problem.with_source_weights(&read_column(path, "weights", false)?.to_vec());
        }
        if let Some(path) = &self.target_weights {
            problem = problem.with_target_weights(&read_column(path, "weights", false)?.to_vec());
        }
        let mut options = Options::new(self.epsilon.given_or_default())
            .with_method(Method::Plain)
            .with_precision(precision)
            .with_tolerance(0.0)
            .with_max_iterations(self.iterations);
        if let Some(bytes) = self.bytes_kept {
            options = options.with_bytes_kept(bytes);
        }
        // An epsilon that the costs measure is measured once, and the machine is warm for what counts.
        let warm = options.clone().with_max_iterations(1);
        options.epsilon = sinkhorn::solve_with(&problem, &warm, &mut run_to_the_end)?.epsilon().into();
        let mut display = ProgressDisplay::new(self.run.quiet, self.run.verbose);
        let mut shown = Instant::now();
        let mut seconds = Vec::new();
        let mut last = None;
        for repetition in 1..=self.repetitions {
            let began = Instant::now();
            let solution = sinkhorn::solve_with(&problem, &options, &mut |progress| {
                // Showing it takes longer than a small problem's iteration.
                if shown.elapsed() > BETWEEN_LOOKS {
                    shown = Instant::now();
                    display.update(progress);
                }
                ControlFlow::Continue(())
            })?;
            let taken = began.elapsed().as_secs_f64();
            self.run.say(&format!("repetition {repetition} of {}: {taken:.6} s", self.repetitions));
            seconds.push(taken);
            last = Some((solution.epsilon(), solution.marginal_error));
        }
        seconds.sort_by(f64::total_cmp);
        let (epsilon, marginal_error) = last.expect("there is one repetition at least");
        let (rows, columns) = (problem.sources(), problem.targets());
        Ok(Measurement { rows, columns, dimension, epsilon, marginal_error, seconds })
    }

    fn report(&self, measured: &Measurement, threads: usize, started: Instant) -> Result<(), Failure> {
        let per_iteration = |seconds: f64| seconds / self.iterations as f64;
        let pairs = measured.rows as f64 * measured.columns as f64;
        let (median, least) = (per_iteration(median(&measured.seconds)), per_iteration(measured.seconds[0]));
        let simd = brenier::simd::level().name();
        let precision = self.precision.name();
        let is_generated =
            self.source.is_none() && ["points", "dense"].iter().any(|name| self.costs == Path::new(name));
        if self.run.json {
            let object = json!({
                "status": "measured",
                "seconds_per_iteration": median,
                "seconds_per_iteration_least": least,
                "pairs_per_second": pairs / median,
                "pairs_per_second_most": pairs / least,
                "marginal_error": measured.marginal_error,
                "points": measured.rows,
                "targets": measured.columns,
                "dim": measured.dimension,
                "epsilon": measured.epsilon,
                "iterations": self.iterations,
                "repetitions": self.repetitions,
                "precision": precision,
                "seed": is_generated.then_some(self.seed),
                "costs": self.costs.to_string_lossy(),
                "seconds": measured.seconds.iter().sum::<f64>(),
                "seconds_total": started.elapsed().as_secs_f64(),
                "peak_memory_bytes": memory::peak_bytes(),
                "threads": threads,
                "simd": simd,
                "simd_level": simd,
            });
            return report::print(&object.to_string());
        }
        if self.run.quiet {
            return Ok(());
        }
        let dimension = match measured.dimension {
            Some(dimension) => format!(", {dimension}-dimensional points"),
            None => String::new(),
        };
        let memory = match memory::peak_bytes() {
            Some(bytes) => format!("{:.1} MiB at most", bytes as f64 / f64::from(1 << 20)),
            None => "not known".to_owned(),
        };
        let table = report::table(&[
            (
                "problem",
                format!(
                    "{} x {}{dimension}, costs: {}",
                    measured.rows,
                    measured.columns,
                    self.costs.display()
                ),
            ),
            ("regularisation", regularisation::describe(measured.epsilon, self.epsilon.given_or_default())),
            (
                "run",
                format!(
                    "{} times {} iterations, {precision} precision, {}, {simd}",
                    self.repetitions,
                    self.iterations,
                    report::threads(threads)
                ),
            ),
            ("seconds an iteration", format!("{median:.6e} (least {least:.6e})")),
            ("pairs a second", format!("{:.4e} (most {:.4e})", pairs / median, pairs / least)),
            ("marginal error", format!("{:.3e} of the mass", measured.marginal_error)),
            ("memory", memory),
        ]);
        report::print(table.trim_end())
    }
}
