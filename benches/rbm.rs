//! Training a restricted Boltzmann machine beside the products that it is made of, and the estimates of its likelihood.
//!
//! A step of CD-1 at batch B is 10 B visible hidden flops in four products: floors are the same four products alone
//! (`products of a step`) and the machine's rate in a large one (`1024^3`). An epoch of 10,000 images of 784 x 256 at
//! batch 64 is 20 GFLOP and must reach 75% of that rate, with batches gathered, logistic functions, draws and all.
//!
//! `cargo bench --bench rbm`; with one thread: `RAYON_NUM_THREADS=1 cargo bench --bench rbm`.

use brenier::Matrix;
use brenier::matrix::{Operation, gemm};
use brenier::nn::Rbm;
use brenier::nn::rbm::{AnnealingOptions, Sampler, Trainer, TrainingOptions, estimate_log_z};
use brenier::random::RandomStream;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Duration;

const VISIBLE: usize = 784;
const HIDDEN: usize = 256;
const BATCH: usize = 64;
const SAMPLES: usize = 10_000;

/// Images of independent bits, a fifth of them one.
fn images(stream: &mut RandomStream) -> Matrix<f32> {
    stream.uniform_matrix::<f32>(SAMPLES, VISIBLE).map(|u| if u < 0.2 { 1.0 } else { 0.0 })
}

fn training(criterion: &mut Criterion) {
    let stream = RandomStream::new(1);
    let data = images(&mut stream.split(0));
    let mut group = criterion.benchmark_group("rbm 784x256 f32, batch 64");
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    let step = 10 * (BATCH * VISIBLE * HIDDEN) as u64;
    group.throughput(Throughput::Elements(step * SAMPLES as u64 / BATCH as u64));
    for (name, options) in [
        ("CD-1, epoch of 10,000", TrainingOptions::default()),
        ("CD-1 with momentum, epoch of 10,000", TrainingOptions::default().with_momentum(0.5)),
        (
            "PCD-1, epoch of 10,000",
            TrainingOptions::default().with_sampler(Sampler::Persistent { chains: BATCH, steps: 1 }),
        ),
    ] {
        let mut rbm = Rbm::random(VISIBLE, HIDDEN, 0.01, &mut stream.split(1)).expect("sizes");
        let options = options.with_epochs(1).with_batch(BATCH).with_learning_rate(1e-3);
        let mut trainer = Trainer::new(&rbm, options, stream.split(2)).expect("options");
        group.bench_function(name, |bencher| {
            bencher
                .iter(|| trainer.train(&mut rbm, &data, &mut |_| ControlFlow::Continue(())).expect("data"));
        });
    }

    group.throughput(Throughput::Elements(step));
    let random = |rows, columns| stream.split(3).normal_matrix::<f32>(rows, columns);
    let mut weight = random(HIDDEN, VISIBLE);
    let (visible, hidden) = (random(2 * BATCH, VISIBLE), random(HIDDEN, 2 * BATCH));
    let drawn = random(BATCH, HIDDEN);
    let (mut up, mut down) = (random(HIDDEN, BATCH), random(BATCH, VISIBLE));
    let (plain, transpose) = (Operation::Plain, Operation::Transpose);
    group.bench_function("products of a step", |bencher| {
        bencher.iter(|| {
            for _ in 0..2 {
                gemm(1.0, &weight, plain, visible.rows_range(0..BATCH), transpose, 0.0, &mut up)
                    .expect("fit");
            }
            gemm(1.0, black_box(&drawn), plain, &weight, plain, 0.0, &mut down).expect("fit");
            gemm(1e-9, &hidden, plain, &visible, plain, 1.0, &mut weight).expect("fit");
        });
    });
    let side = 1024;
    let (a, b, mut c) = (random(side, side), random(side, side), Matrix::zeros(side, side));
    group.throughput(Throughput::Elements(2 * (side * side * side) as u64));
    group.bench_function("1024^3", |bencher| {
        bencher.iter(|| gemm(1.0, black_box(&a), plain, &b, plain, 0.0, &mut c).expect("fit"));
    });
}

fn likelihood(criterion: &mut Criterion) {
    let stream = RandomStream::new(2);
    let mut group = criterion.benchmark_group("rbm likelihood");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    let small = Rbm::<f64>::random(16, 16, 0.5, &mut stream.split(0)).expect("sizes");
    let patterns = Matrix::zeros(30, 16);
    group.throughput(Throughput::Elements(1 << 16));
    group.bench_function("exact log Z, 2^16 states of 16 units", |bencher| {
        bencher.iter(|| black_box(&small).exact_log_z());
    });
    group.bench_function("exact gradient, 2^16 states of 16 units", |bencher| {
        bencher.iter(|| black_box(&small).exact_gradient(&patterns));
    });
    let large = Rbm::<f32>::random(VISIBLE, HIDDEN, 0.01, &mut stream.split(0)).expect("sizes");
    let options = AnnealingOptions::default().with_levels(101);
    group.throughput(Throughput::Elements(100 * 100));
    group.bench_function("annealed importance sampling, 100 chains, 100 steps of 784x256", |bencher| {
        bencher.iter(|| estimate_log_z(black_box(&large), &options, stream.split(1)));
    });
    let data = images(&mut stream.split(2));
    group.throughput(Throughput::Elements(100));
    group.bench_function("pseudo-likelihood of 100 rows of 784x256", |bencher| {
        bencher.iter(|| black_box(&large).pseudo_log_likelihood(data.rows_range(0..100)));
    });
}

criterion_group!(benches, training, likelihood);
criterion_main!(benches);
