//! The probe: epochs of AdamW on 1200 x 4096 numbers, Newton's method, predictions, in GB/s of the matrix read.
//!
//! `cargo bench --bench probe`, and with `RAYON_NUM_THREADS=1` for one thread; `BRENIER_SIMD` caps the instruction
//! set. An epoch reads the matrix once (19.7 MB in `f32`), so the floor is a plain sum over the same matrix: `floor`
//! in the same run, on one thread.

use brenier::Matrix;
use brenier::nn::probe::{
    AdamwOptions, LikelihoodOptions, Samples, fit_adamw, fit_likelihood, mean_difference,
};
use brenier::random::RandomStream;
use brenier::simd;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const ROWS: usize = 1200;
const INPUTS: usize = 4096;
const EPOCHS: u64 = 100;

fn probe(criterion: &mut Criterion) {
    let mut stream = RandomStream::new(1);
    let x: Matrix<f32> = stream.normal_matrix(ROWS, INPUTS);
    let labels: Vec<bool> = (0..ROWS).map(|i| x[(i, 0)] + stream.normal::<f32>() > 0.0).collect();
    let samples = Samples::new(&x, &labels);
    let bytes = (size_of::<f32>() * ROWS * INPUTS) as u64;

    let mut group = criterion.benchmark_group("probe");
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .throughput(Throughput::Bytes(bytes));
    group.bench_function("floor: sum of the matrix, one thread", |bencher| {
        bencher.iter(|| simd::sum(black_box(x.as_slice())));
    });
    let fit = fit_adamw(&samples, &AdamwOptions::default().with_epochs(1)).expect("good samples");
    group.bench_function("logits", |bencher| bencher.iter(|| fit.probe.logits(black_box(&x))));
    group.bench_function("mean difference (checks, two passes)", |bencher| {
        bencher.iter(|| mean_difference(black_box(&samples)));
    });
    // A fit checks the samples once and evaluates the loss once more than it has epochs.
    group.throughput(Throughput::Bytes(bytes * (EPOCHS + 2)));
    group.bench_function("100 epochs of AdamW", |bencher| {
        let options = AdamwOptions::default().with_epochs(EPOCHS);
        bencher.iter(|| fit_adamw(black_box(&samples), &options));
    });
    let wide = x.cast::<f64>();
    let samples64 = Samples::new(&wide, &labels);
    group.throughput(Throughput::Bytes(2 * bytes * (EPOCHS + 2)));
    group.bench_function("100 epochs of AdamW, f64", |bencher| {
        let options = AdamwOptions::default().with_epochs(EPOCHS);
        bencher.iter(|| fit_adamw(black_box(&samples64), &options));
    });
    let fit = fit_likelihood(&samples, &LikelihoodOptions::default()).expect("good samples");
    // One product for each conjugate gradient; gradient and dual value for each step and at the end; the check.
    let passes = fit.inner_iterations + 2 * (fit.iterations + 1) + 1;
    println!("Newton: {:?}, {} steps, {passes} passes", fit.status, fit.iterations);
    group.throughput(Throughput::Bytes(bytes * passes));
    group.bench_function("likelihood to a gap of 1e-12", |bencher| {
        bencher.iter(|| fit_likelihood(black_box(&samples), &LikelihoodOptions::default()));
    });
    group.finish();
}

criterion_group!(benches, probe);
criterion_main!(benches);
