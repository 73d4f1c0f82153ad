//! Entropic barycentres: ten iterations for four images, each in another quarter, by the matrix of all costs and by the axes of
//! the grid.
//!
//! `RAYON_NUM_THREADS=1 cargo bench --bench barycentre`. ε in squared pixels. At 1000 no sum underflows; the smaller ε is, the more
//! do, far from an image's mass, and are computed again as full log-sum-exps.

use brenier::Matrix;
use brenier::ot::barycentre::{EntropicOptions, Grid, fixed_support, on_grid};
use brenier::random::RandomStream;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn images(side: usize) -> Matrix<f64> {
    let mut images: Matrix<f64> = RandomStream::new(1).uniform_matrix(4, side * side);
    let quarter = |pixel: usize| 2 * (2 * (pixel / side) / side) + 2 * (pixel % side) / side;
    for row in 0..4 {
        for (pixel, value) in images.row_mut(row).iter_mut().enumerate() {
            if quarter(pixel) != row {
                *value = 0.0;
            }
        }
        let mass: f64 = images.row(row).iter().sum();
        images.row_mut(row).iter_mut().for_each(|pixel| *pixel /= mass);
    }
    images
}

fn barycentre(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("barycentre");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3));
    let options = |epsilon| EntropicOptions::new(epsilon).with_tolerance(0.0).with_max_iterations(10);
    for side in [32, 128] {
        let (images, grid) = (images(side), Grid::new(&[side, side]).unwrap());
        for epsilon in [1000.0, 10.0, 0.1] {
            group.bench_function(format!("on_grid, {side} x {side}, epsilon {epsilon}"), |bencher| {
                bencher.iter(|| on_grid(black_box(&images), &[0.25; 4], &grid, &options(epsilon)));
            });
        }
    }
    let images = images(32);
    let costs = Matrix::from_fn(1024, 1024, |i, j| {
        let apart = |a: usize, b: usize| (a as f64 - b as f64).powi(2);
        apart(i / 32, j / 32) + apart(i % 32, j % 32)
    });
    for epsilon in [1000.0, 10.0, 0.1] {
        group.bench_function(format!("fixed_support, 32 x 32, epsilon {epsilon}"), |bencher| {
            bencher.iter(|| fixed_support(black_box(&images), &[0.25; 4], &costs, &options(epsilon)));
        });
    }
    group.finish();
}

criterion_group!(benches, barycentre);
criterion_main!(benches);
