//! What gradients of entropic transport cost beside the solution: batches as generators are trained on, and a large cloud.
//!
//! `cargo bench --bench gradients`

use brenier::Matrix;
use brenier::matrix::Distance::SquaredEuclidean;
use brenier::ot::sinkhorn::gradient::{self, Loss, Unrolled};
use brenier::ot::{Problem, divergence, sinkhorn};
use brenier::random::RandomStream;
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn gradients(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("gradients");
    group.sample_size(10);
    for (name, n, d, epsilon) in [("blobs", 128, 2, 0.1), ("digits", 32, 784, 100.0), ("cloud", 4096, 2, 0.5)]
    {
        let mut random = RandomStream::new(1);
        let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(n, d), random.normal_matrix(n, d));
        let problem = Problem::from_points(&x, &y, SquaredEuclidean);
        let solution = sinkhorn::solve(&problem, epsilon).expect("a good problem");
        group.bench_function(format!("{name} {n}x{d}: solve"), |bencher| {
            bencher.iter(|| sinkhorn::solve(black_box(&problem), epsilon));
        });
        group.bench_function(format!("{name} {n}x{d}: envelope, sources"), |bencher| {
            bencher.iter(|| {
                gradient::envelope(&solution.plan).source_points(black_box(&x), &y, SquaredEuclidean)
            });
        });
        group.bench_function(format!("{name} {n}x{d}: implicit, sources"), |bencher| {
            bencher.iter(|| {
                let options = gradient::Options::default().with_tolerance(1e-8);
                let gradient = gradient::of_loss(&solution.plan, Loss::TransportCost, &options)?;
                gradient.source_points(black_box(&x), &y, SquaredEuclidean)
            });
        });
        if n <= 128 {
            group.bench_function(
                format!("{name} {n}x{d}: 100 unrolled iterations, forward and backward"),
                |bencher| {
                    bencher.iter(|| {
                        let unrolled = Unrolled::forward(black_box(&problem), epsilon, 100, 0.0)?;
                        unrolled.backward(Loss::TransportCost).points(&x, &y, SquaredEuclidean)
                    });
                },
            );
            group.bench_function(format!("{name} {n}x{d}: divergence and its gradient"), |bencher| {
                bencher.iter(|| {
                    let divergence = divergence::solve(black_box(&problem), epsilon)?;
                    divergence.point_gradients(&x, &y, SquaredEuclidean)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, gradients);
criterion_main!(benches);
