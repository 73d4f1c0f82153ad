//! Sinkhorn's iteration in G pairs/s, beside what bounds it.
//!
//! `cargo bench --bench sinkhorn`, and with `RAYON_NUM_THREADS=1` for one thread; `BRENIER_SIMD` caps the instruction
//! set. An iteration looks at every pair once, with one exponential: it cannot be faster than exponentials are, whose
//! rate on one thread is measured first by the crate's own [`exp_into`](brenier::simd::exp_into). (The iteration's
//! exponential is a shorter one, so it may come out ahead.) Stored costs cannot come faster than the memory gives
//! them: the rate of a plain sum over the same matrix is measured too.
//!
//! What is timed is the time from the first to the last call of the observer, so that preparations do not count.

use brenier::matrix::Distance;
use brenier::ot::Problem;
use brenier::ot::sinkhorn::{Method, Options, Precision, solve_with};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar, simd};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The time of so many iterations.
fn iterations<T: Scalar>(problem: &Problem<'_, T>, epsilon: f64, count: u64) -> Duration {
    let single = T::NAME == "f32";
    let options = Options::new(epsilon)
        .with_method(Method::Plain)
        .with_precision(if single { Precision::Single } else { Precision::Double })
        .with_tolerance(0.0)
        .with_max_iterations(count + 1);
    let (mut first, mut last) = (None, None);
    let solution = solve_with(problem, &options, &mut |_| {
        let now = Instant::now();
        first.get_or_insert(now);
        last = Some(now);
        ControlFlow::Continue(())
    });
    black_box(solution).expect("a problem that can be solved");
    last.zip(first).map_or(Duration::ZERO, |(last, first)| last - first)
}

fn cloud<T: Scalar>(count: usize, dimension: usize, seed: u64) -> Matrix<T> {
    let mut values = vec![0.0_f64; count * dimension];
    RandomStream::new(seed).fill_normal(&mut values);
    Matrix::from_fn(count, dimension, |row, column| T::from_f64(values[row * dimension + column]))
}

fn bench<T: Scalar>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    problem: &Problem<'_, T>,
    epsilon: f64,
) {
    let (n, m) = (problem.sources(), problem.targets());
    group.throughput(Throughput::Elements((n * m) as u64));
    group.bench_function(format!("{name}, {}, n = {n}", T::NAME), |bencher| {
        bencher.iter_custom(|count| iterations(problem, epsilon, count));
    });
}

/// The least of several times.
fn least(repetitions: usize, mut work: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..repetitions {
        let start = Instant::now();
        work();
        least = least.min(start.elapsed().as_secs_f64());
    }
    least
}

/// Prints how fast exponentials and plain reading are.
fn print_floor<T: Scalar>(exp_into: impl Fn(&[T], &mut [T])) {
    let (x, mut out) = (vec![T::from_f64(-0.3); 4096], vec![T::ZERO; 4096]);
    let seconds = least(2000, || exp_into(black_box(&x), &mut out));
    println!("floor, {}: {:.2} G exponentials/s on one thread", T::NAME, 4096e-9 / seconds);
}

fn print_reading(n: usize, matrix: &Matrix<f32>) {
    let seconds = least(10, || {
        black_box(simd::sum(black_box(matrix.as_slice())));
    });
    println!(
        "floor, stored f32 costs, n = {n}: {:.2} G costs/s are read on one thread",
        (n * n) as f64 * 1e-9 / seconds
    );
}

fn sinkhorn(criterion: &mut Criterion) {
    println!("level {}", simd::level().name());
    print_floor::<f32>(|x, out| simd::exp_into(x, out).expect("equal lengths"));
    print_floor::<f64>(|x, out| simd::exp_into(x, out).expect("equal lengths"));
    let mut group = criterion.benchmark_group("sinkhorn");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    for n in [512, 1024, 4096, 16_384] {
        for d in [2, 3, 64] {
            // ε of about a twentieth of the mean cost, 2 d.
            let epsilon = 0.1 * d as f64;
            let name = format!("points, d = {d}");
            let (x, y) = (cloud::<f32>(n, d, 1), cloud::<f32>(n, d, 2));
            let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
            bench(&mut group, &name, &problem, epsilon);
            let (x, y) = (x.cast::<f64>(), y.cast::<f64>());
            let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
            bench(&mut group, &name, &problem, epsilon);
        }
        let mut costs = Matrix::<f32>::zeros(n, n);
        RandomStream::new(3).fill_uniform(costs.as_mut_slice());
        print_reading(n, &costs);
        bench(&mut group, "stored costs", &Problem::from_costs(&costs), 0.05);
        if n <= 4096 {
            bench(&mut group, "stored costs", &Problem::from_costs(&costs.cast::<f64>()), 0.05);
        }
    }
    group.finish();
}

criterion_group!(benches, sinkhorn);
criterion_main!(benches);
