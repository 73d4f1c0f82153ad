//! Sliced transport: 10,000 points on each side in 64 dimensions, 100 directions.
//!
//! `RAYON_NUM_THREADS=1 cargo bench --bench sliced`. The yardstick sorts 200 columns of 10,000 numbers: any method has to.

use brenier::Matrix;
use brenier::ot::sliced::{Options, SlicedProblem, estimate, gradient};
use brenier::random::RandomStream;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const POINTS: usize = 10_000;

fn sliced(criterion: &mut Criterion) {
    let mut stream = RandomStream::new(1);
    let x: Matrix<f64> = stream.normal_matrix(POINTS, 64);
    let y = stream.normal_matrix::<f64>(POINTS, 64).map(|y| 0.5 + 1.5 * y);
    let weights: Vec<f64> = (0..POINTS).map(|k| (1 + k % 7) as f64).collect();
    let mass: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.iter().map(|weight| weight / mass).collect();
    let (x32, y32) = (x.cast::<f32>(), y.cast::<f32>());
    let columns: Matrix<f64> = stream.normal_matrix(200, POINTS);

    let mut group = criterion.benchmark_group("sliced");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3));
    group.bench_function("yardstick: sort 200 columns by total_cmp", |bencher| {
        bencher.iter(|| {
            let mut columns = columns.clone();
            for row in 0..columns.rows() {
                columns.row_mut(row).sort_unstable_by(f64::total_cmp);
            }
            black_box(columns)
        });
    });
    let options = Options::default();
    let problem = SlicedProblem::new(&x, &y);
    group.bench_function("estimate", |bencher| bencher.iter(|| estimate(black_box(&problem), &options)));
    let single = SlicedProblem::new(&x32, &y32);
    group.bench_function("estimate, f32", |bencher| bencher.iter(|| estimate(black_box(&single), &options)));
    let weighted = problem.clone().with_source_weights(&weights);
    group.bench_function("estimate, weighted", |bencher| {
        bencher.iter(|| estimate(black_box(&weighted), &options))
    });
    group.bench_function("gradient", |bencher| bencher.iter(|| gradient(black_box(&problem), &options)));
    group.finish();
}

criterion_group!(benches, sliced);
criterion_main!(benches);
