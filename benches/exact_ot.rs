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
//! The group `exact_ot_line` moves a million numbers onto a million others, beside the time to copy and sort both with
//! `sort_unstable_by(f64::total_cmp)`, which any solution by comparisons must spend. A radix sort by bytes reads and writes
//! two arrays of 8 MB at most eight times: 256 MB, 26 ms at 10 GB/s.

use brenier::Matrix;
use brenier::matrix::{Distance, pairwise};
use brenier::ot::line::{self, LineProblem};
use brenier::ot::{Problem, exact};
use brenier::random::RandomStream;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

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
            let clouds = Clouds::new(points, dimensions);
            let uniform = vec![1.0 / points as f64; points];
            for (weights, a, b) in
                [("uniform", &uniform, &uniform), ("random", &clouds.source_weights, &clouds.target_weights)]
            {
                let case = format!("n={points} d={dimensions} {weights}");
                // Pairs a second: how many times the floor of one look at each pair.
                group.throughput(Throughput::Elements((points * points) as u64));
                group.bench_function(BenchmarkId::new("costs f64", &case), |bencher| {
                    let problem =
                        Problem::from_costs(&clouds.costs).with_source_weights(a).with_target_weights(b);
                    bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
                });
                group.bench_function(BenchmarkId::new("costs f32", &case), |bencher| {
                    let problem =
                        Problem::from_costs(&clouds.costs_f32).with_source_weights(a).with_target_weights(b);
                    bencher.iter(|| exact::solve(black_box(&problem)).expect("valid input"));
                });
                group.bench_function(BenchmarkId::new("points", &case), |bencher| {
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

criterion_group!(benches, exact_transport, exact_transport_on_the_line);
criterion_main!(benches);
