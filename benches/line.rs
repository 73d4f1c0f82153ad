//! Transport on the line: a million numbers on each side, x ~ N(0, 1), y ~ N(1, 2²).
//!
//! `RAYON_NUM_THREADS=1 cargo bench --bench line`. The yardstick is `sort_unstable_by(f64::total_cmp)` on copies of both sides:
//! any method that starts from unsorted numbers has to put them in order. The value alone, with uniform weights, must stay within
//! 1.5 times that; it takes about half of it, since integers with the same order are compared instead.

use brenier::ot::line::{LineProblem, solve, transport_cost, wasserstein_distance};
use brenier::random::RandomStream;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const COUNT: usize = 1_000_000;

fn line(criterion: &mut Criterion) {
    let mut stream = RandomStream::new(1);
    let (mut x, mut y, mut weights) = (vec![0.0; COUNT], vec![0.0; COUNT], vec![0.0; COUNT]);
    stream.fill_normal(&mut x);
    stream.fill_normal(&mut y);
    y.iter_mut().for_each(|y| *y = 1.0 + 2.0 * *y);
    stream.fill_uniform(&mut weights);
    let mass: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= mass);
    let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<f32>>();
    let (x32, y32) = (narrow(&x), narrow(&y));

    let mut group = criterion.benchmark_group("line");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(4))
        .throughput(Throughput::Elements(2 * COUNT as u64));
    group.bench_function("yardstick: sort both by total_cmp", |bencher| {
        bencher.iter(|| {
            let (mut x, mut y) = (x.clone(), y.clone());
            x.sort_unstable_by(f64::total_cmp);
            y.sort_unstable_by(f64::total_cmp);
            black_box((x, y))
        });
    });
    for p in [1.0, 2.0, 3.0] {
        let problem = LineProblem::new(&x, &y, p);
        group.bench_function(format!("transport_cost, p = {p}"), |bencher| {
            bencher.iter(|| transport_cost(black_box(&problem)));
        });
    }
    let single = LineProblem::new(&x32, &y32, 2.0);
    group.bench_function("transport_cost, p = 2, f32", |bencher| {
        bencher.iter(|| transport_cost(black_box(&single)));
    });
    let problem = LineProblem::new(&x, &y, 2.0);
    group.bench_function("wasserstein_distance, p = 2", |bencher| {
        bencher.iter(|| wasserstein_distance(black_box(&problem)));
    });
    let weighted = problem.clone().with_source_weights(&weights);
    group.bench_function("transport_cost, p = 2, weighted", |bencher| {
        bencher.iter(|| transport_cost(black_box(&weighted)));
    });
    group.bench_function("solve, p = 2", |bencher| {
        bencher.iter(|| solve(black_box(&problem)));
    });
    group.bench_function("solve, p = 2, weighted", |bencher| {
        bencher.iter(|| solve(black_box(&weighted)));
    });
    group.finish();
}

criterion_group!(benches, line);
criterion_main!(benches);
