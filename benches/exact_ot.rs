//! Exact transport between two clouds: x ~ N(0, I), y ~ N(1, I) in d dimensions, n = m points, squared Euclidean costs.
//!
//! `cargo bench --bench exact_ot`; one thread: `RAYON_NUM_THREADS=1 cargo bench --bench exact_ot`. The harness in
//! `benches/peers` runs the same problems beside other libraries.
//!
//! Floors, for n = m = 2000 and d = 2:
//! - The proof of optimality reads every pair once, and so does the check that every cost is finite:
//!   2 n m 8 bytes = 64 MB, 6 ms at 10 GB/s (half of that for `f32`; less where the matrix fits into a cache).
//! - From points, a pair takes 3 d operations: n m 3 d = 24 million for each sweep, 3 ms at 8 Gflop/s. Up to four
//!   million pairs the costs are computed once and kept; every later sweep reads them.
//! - A simplex needs at least one pivot for each entry of the final plan that is not in the starting tree, and each
//!   pivot walks a cycle and moves a subtree: some 100 to 1000 nodes, a microsecond or more. Thousands of pivots: 10 ms.
//!
//! So a time of many tens of milliseconds at this size is search: sweeps and pivots, not data.
//!
//! From about a thousand points on all pairs are only looked at in the candidate sweep and once or twice for the proof, from points
//! in single precision. A pair takes 2 d instructions (a difference, a fused multiply-add) and a comparison; with eight lanes
//! and two instructions a cycle at 3 GHz a core does 48e9 of them a second, so one look at all pairs takes
//!
//! | n = m | pairs | d = 2 | d = 64 |
//! | --- | --- | --- | --- |
//! | 4000 | 1.6e7 | 1.7 ms | 43 ms |
//! | 10,000 | 1e8 | 10 ms | 0.27 s |
//! | 50,000 | 2.5e9 | 0.26 s | |
//! | 100,000 | 1e10 | 1.0 s | |
//!
//! From a matrix of n = m = 3000 it reads 72 MB: 7 ms at 10 GB/s. Memory: 40 candidates of 12 bytes for each source are
//! 48 MB at 100,000; points, weights and potentials are 8 MB more.
//!
//! The groups are `exact_ot` (above), `exact_ot_points` (4000 and 10,000 points, and unequal sides with random weights),
//! `exact_ot_matrix` (matrices of four kinds) and `exact_ot_line`. Single large solves run only where they are named:
//!
//! ```sh
//! cargo bench --bench exact_ot -- large_50000         # also: large_10000, large_100000
//! ```
//!
//! They are between clouds in the plane, with uniform and with random weights, and print seconds, stages, and the most memory that the
//! process has used (on Linux; other systems do not tell). Each size needs a call of its own: the memory is that of the largest.
//!
//! The group `exact_ot_line` moves a million numbers onto a million others, beside the time to copy and sort both with
//! `sort_unstable_by(f64::total_cmp)`, which any solution by comparisons must spend. A radix sort by bytes reads and writes
//! two arrays of 8 MB at most eight times: 256 MB, 26 ms at 10 GB/s.

// The module's tests belong to the command.
#[allow(dead_code, unused_imports)]
#[path = "../src/bin/brenier/memory.rs"]
mod memory;

use brenier::Matrix;
use brenier::matrix::{Distance, pairwise};
use brenier::ot::line::{self, LineProblem};
use brenier::ot::{Problem, exact};
use brenier::random::RandomStream;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::cell::LazyCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Random masses that sum to one.
fn random_weights(stream: &mut RandomStream, count: usize) -> Vec<f64> {
    let mut weights = vec![0.0; count];
    stream.fill_uniform(&mut weights);
    let mass: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= mass);
    weights
}

/// The clouds, their costs in both precisions, and random weights.
struct Clouds {
    source: Matrix<f64>,
    target: Matrix<f64>,
    costs: Matrix<f64>,
    costs_f32: Matrix<f32>,
    source_weights: Vec<f64>,
    target_weights: Vec<f64>,
}

impl Clouds {
    fn new(points: usize, dimensions: usize) -> Self {
        let mut stream = RandomStream::new(0);
        let source = stream.normal_matrix(points, dimensions);
        let target = stream.normal_matrix(points, dimensions).map(|y: f64| y + 1.0);
        let costs = pairwise(&source, &target, Distance::SquaredEuclidean).expect("finite points");
        Self {
            costs_f32: Matrix::from_fn(points, points, |i, j| costs[(i, j)] as f32),
            source_weights: random_weights(&mut stream, points),
            target_weights: random_weights(&mut stream, points),
            source,
            target,
            costs,
        }
    }
}

fn exact_transport(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exact_ot");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    for points in [500, 1000, 2000] {
        for dimensions in [2, 64] {
            // Made only if the filter lets one of its benches run.
            let clouds = LazyCell::new(|| Clouds::new(points, dimensions));
            let uniform = vec![1.0 / points as f64; points];
            for weights in ["uniform", "random"] {
                let masses = || match weights {
                    "uniform" => (&uniform, &uniform),
                    _ => (&clouds.source_weights, &clouds.target_weights),
                };
                let case = format!("n={points} d={dimensions} {weights}");
                // Pairs a second: how many times the floor of one look at each pair.
                group.throughput(Throughput::Elements((points * points) as u64));
                group.bench_function(BenchmarkId::new("costs f64", &case), |bencher| {
                    let (a, b) = masses();
                    let problem =
                        Problem::from_costs(&clouds.costs).with_source_weights(a).with_target_weights(b);
                    bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
                });
                group.bench_function(BenchmarkId::new("costs f32", &case), |bencher| {
                    let (a, b) = masses();
                    let problem =
                        Problem::from_costs(&clouds.costs_f32).with_source_weights(a).with_target_weights(b);
                    bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
                });
                group.bench_function(BenchmarkId::new("points", &case), |bencher| {
                    let (a, b) = masses();
                    let problem =
                        Problem::from_points(&clouds.source, &clouds.target, Distance::SquaredEuclidean)
                            .with_source_weights(a)
                            .with_target_weights(b);
                    bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
                });
            }
        }
    }
    group.finish();
}

/// The clouds of the head comment, without their costs, and random weights.
struct Points {
    source: Matrix<f64>,
    target: Matrix<f64>,
    source_weights: Vec<f64>,
    target_weights: Vec<f64>,
}

impl Points {
    fn new(sources: usize, targets: usize, dimensions: usize) -> Self {
        let mut stream = RandomStream::new(0);
        Self {
            source: stream.normal_matrix(sources, dimensions),
            target: stream.normal_matrix(targets, dimensions).map(|y: f64| y + 1.0),
            source_weights: random_weights(&mut stream, sources),
            target_weights: random_weights(&mut stream, targets),
        }
    }

    fn problem(&self, has_weights: bool) -> Problem<'_, f64> {
        let problem = Problem::from_points(&self.source, &self.target, Distance::SquaredEuclidean);
        if !has_weights {
            return problem;
        }
        problem.with_source_weights(&self.source_weights).with_target_weights(&self.target_weights)
    }
}

/// Larger clouds, and unequal ones.
fn exact_transport_between_many_points(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exact_ot_points");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    for (sources, targets) in [(4000, 4000), (10_000, 10_000), (4000, 2000), (10_000, 3000)] {
        for dimensions in [2, 64] {
            let points = LazyCell::new(|| Points::new(sources, targets, dimensions));
            group.throughput(Throughput::Elements((sources * targets) as u64));
            for weights in ["uniform", "random"] {
                if (weights, sources == targets) == ("uniform", false) {
                    continue;
                }
                let case = format!("n={sources} m={targets} d={dimensions} {weights}");
                group.bench_function(case, |bencher| {
                    let problem = points.problem(weights == "random");
                    bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
                });
            }
        }
    }
    group.finish();
}

/// Costs that are given, without points that the solver could see.
fn matrix(kind: &str, points: usize) -> Matrix<f64> {
    let mut stream = RandomStream::new(0);
    let mut uniform = |rows: usize, columns: usize| {
        let mut matrix = Matrix::zeros(rows, columns);
        stream.fill_uniform(matrix.as_mut_slice());
        matrix
    };
    match kind {
        "uniform" => uniform(points, points),
        "integer" => uniform(points, points).map(|cost: f64| (101.0 * cost).floor()),
        "low-rank" => {
            let (u, v) = (uniform(points, 5), uniform(points, 5));
            Matrix::from_fn(points, points, |i, j| u.row(i).iter().zip(v.row(j)).map(|(u, v)| u * v).sum())
        }
        _ => {
            let Points { source, target, .. } = Points::new(points, points, 5);
            pairwise(&source, &target, Distance::Euclidean).expect("finite points")
        }
    }
}

/// Matrices: costs drawn independently, integers from 0 to 100, u v^T of rank 5, and a metric in five dimensions.
fn exact_transport_with_given_costs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exact_ot_matrix");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    for kind in ["uniform", "integer", "low-rank", "metric"] {
        for points in [1000, 3000] {
            let costs = LazyCell::new(|| matrix(kind, points));
            let weights = LazyCell::new(|| {
                let mut stream = RandomStream::new(1);
                [random_weights(&mut stream, points), random_weights(&mut stream, points)]
            });
            group.throughput(Throughput::Elements((points * points) as u64));
            group.bench_function(format!("{kind} n={points} uniform"), |bencher| {
                let problem = Problem::from_costs(&*costs);
                bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
            });
            group.bench_function(format!("{kind} n={points} random"), |bencher| {
                let [a, b] = &*weights;
                let problem = Problem::from_costs(&*costs).with_source_weights(a).with_target_weights(b);
                bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
            });
        }
    }
    group.finish();
}

/// Clouds in the plane that take long: each is solved once, and only where the command line names it.
fn large_exact_transport(_: &mut Criterion) {
    for points in [10_000, 50_000, 100_000] {
        let name = format!("large_{points}");
        if !std::env::args().any(|argument| argument == name) {
            continue;
        }
        let clouds = Points::new(points, points, 2);
        for has_weights in [false, true] {
            let started = Instant::now();
            let solution = exact::solve(&clouds.problem(has_weights)).expect("valid input");
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "{name}, {} weights: {seconds:.2} s, {}, relative gap {:.1e}, {} pivots, {}",
                if has_weights { "random" } else { "uniform" },
                solution.certificate.status.name(),
                solution.certificate.gap / solution.cost(),
                solution.certificate.iterations,
                match memory::peak_bytes() {
                    Some(bytes) => format!("{:.0} MB at most so far", bytes as f64 / 1e6),
                    None => "memory is not known here".to_owned(),
                },
            );
            for stage in &solution.report.stages {
                println!("    {:<24}{:>10.3} s{:>6} turns", stage.name, stage.seconds, stage.turns);
            }
        }
    }
}

/// A million samples a side in one dimension, squared distance.
fn exact_transport_on_the_line(criterion: &mut Criterion) {
    const SAMPLES: usize = 1_000_000;
    let mut stream = RandomStream::new(0);
    let (mut x, mut y) = (vec![0.0_f64; SAMPLES], vec![0.0_f64; SAMPLES]);
    stream.fill_normal(&mut x);
    stream.fill_normal(&mut y);
    y.iter_mut().for_each(|y| *y += 1.0);
    let a = random_weights(&mut stream, SAMPLES);
    let b = random_weights(&mut stream, SAMPLES);

    let mut group = criterion.benchmark_group("exact_ot_line");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .throughput(Throughput::Elements(2 * SAMPLES as u64));
    group.bench_function("sort_unstable_by total_cmp, both", |bencher| {
        bencher.iter(|| {
            let (mut x, mut y) = (black_box(&x).clone(), black_box(&y).clone());
            x.sort_unstable_by(f64::total_cmp);
            y.sort_unstable_by(f64::total_cmp);
            (x, y)
        });
    });
    let uniform = LineProblem::new(&x, &y, 2.0);
    let weighted = LineProblem::new(&x, &y, 2.0).with_source_weights(&a).with_target_weights(&b);
    for (weights, problem) in [("uniform", &uniform), ("random", &weighted)] {
        group.bench_function(BenchmarkId::new("transport_cost", weights), |bencher| {
            bencher.iter(|| line::transport_cost(black_box(problem)).expect("valid input"));
        });
        group.bench_function(BenchmarkId::new("solve", weights), |bencher| {
            bencher.iter(|| line::solve(black_box(problem)).expect("valid input"));
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    large_exact_transport,
    exact_transport,
    exact_transport_between_many_points,
    exact_transport_with_given_costs,
    exact_transport_on_the_line
);
criterion_main!(benches);
