//! Networks: training steps (forward, loss, backward, Adam, with the guard) and evaluations, in GFLOP/s of their matrix products.
//!
//! `cargo bench --bench mlp`, and with `RAYON_NUM_THREADS=1` for one thread; `BRENIER_SIMD` caps the instruction set.
//! The floor is the time of the products alone at the rate that `matrix::gemm` reaches on a 4096x512x512 product in
//! this run: it is printed first, and beside each network. What a step adds are biases, activations with their slopes
//! (8.4 million SiLU for the flow-matching network), and Adam (28 bytes a parameter).

use brenier::Matrix;
use brenier::matrix::{Operation, gemm};
use brenier::nn::loss::{MeanSquaredError, Targets};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
use brenier::nn::training::Trainer;
use brenier::nn::{
    Activation, IcnnOptions, IcnnWorkspace, Mlp, MlpWorkspace, Parameters, PartialIcnnOptions,
    PartialIcnnWorkspace,
};
use brenier::random::RandomStream;
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Operations a second of the product that the rates are measured by.
fn product_rate() -> f64 {
    let mut stream = RandomStream::new(1);
    let (x, w): (Matrix<f32>, Matrix<f32>) =
        (stream.normal_matrix(4096, 512), stream.normal_matrix(512, 512));
    let mut y = Matrix::zeros(4096, 512);
    let mut least = f64::INFINITY;
    for _ in 0..10 {
        let began = Instant::now();
        gemm(1.0, &x, Operation::Plain, &w, Operation::Transpose, 0.0, &mut y).expect("shapes that fit");
        least = least.min(began.elapsed().as_secs_f64());
    }
    black_box(&y);
    2.0 * 4096.0 * 512.0 * 512.0 / least
}

fn networks(criterion: &mut Criterion) {
    let rate = product_rate();
    println!("products of 4096x512x512: {:.1} GFLOP/s (least of 10)", rate * 1e-9);
    let cases: [(&str, &[usize], Activation, usize); 4] = [
        ("flow matching 3-512x4-2 SiLU, batch 4096", &[3, 512, 512, 512, 512, 2], Activation::Silu, 4096),
        ("small 2-64-64-2 ReLU, batch 128", &[2, 64, 64, 2], Activation::Relu, 128),
        ("digits generator 64-128-256-784 ReLU, batch 32", &[64, 128, 256, 784], Activation::Relu, 32),
        ("digits classifier 784-256-128-10 ReLU, batch 64", &[784, 256, 128, 10], Activation::Relu, 64),
    ];
    for (name, widths, activation, batch) in cases {
        let mut stream = RandomStream::new(2);
        let mut mlp = Mlp::<f32>::new(widths, activation, &mut stream).expect("widths that fit");
        let x: Matrix<f32> = stream.normal_matrix(batch, mlp.inputs());
        let y: Matrix<f32> = stream.normal_matrix(batch, mlp.outputs());
        let training = mlp.training_flops() * batch as f64;
        let evaluation: f64 = widths.windows(2).map(|pair| 2.0 * (pair[0] * pair[1] * batch) as f64).sum();
        println!(
            "{name}: floors {:.1} us a step, {:.1} us an evaluation",
            training / rate * 1e6,
            evaluation / rate * 1e6
        );
        let mut group = criterion.benchmark_group(name);
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(3));
        let (mut trainer, mut workspace) = (Trainer::new(), MlpWorkspace::new());
        let mut adam = Adam::new(AdamOptions::default()).expect("the defaults");
        group.throughput(Throughput::Elements(training as u64));
        group.bench_function("step", |bencher| {
            bencher.iter(|| {
                trainer
                    .step(&mut mlp, x.view(), &Targets::from(&y), &MeanSquaredError::default(), &mut adam)
                    .expect("shapes that fit")
            });
        });
        group.throughput(Throughput::Elements(evaluation as u64));
        group.bench_function("evaluation", |bencher| {
            bencher.iter(|| mlp.evaluate(&x, &mut workspace).map(|y| y[(0, 0)]).expect("shapes that fit"));
        });
    }
}

/// A step in second order of a Brenier map, 2-64x4-1 with softplus: values, map, the backward pass of the map, Adam,
/// projection. Of the units of products that the module counts, one for the values, one for the map and four for its
/// backward pass.
fn convex(criterion: &mut Criterion) {
    const BATCH: usize = 1024;
    let mut stream = RandomStream::new(3);
    let x: Matrix<f32> = stream.normal_matrix(BATCH, 2);
    let mut map = Matrix::zeros(BATCH, 2);
    let mut group = criterion.benchmark_group("icnn 2-64x4-1 softplus, batch 1024");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_secs(3));
    let unit = 2 * BATCH * (3 * 64 + 3 * 67 * 64 + 67);

    let mut icnn = IcnnOptions::near_identity(2, &[64; 4]).build::<f32>(&mut stream).expect("known widths");
    let (mut workspace, mut gradient) = (IcnnWorkspace::new(), vec![0.0; icnn.parameters().len()]);
    let mut adam = Adam::new(AdamOptions::default()).expect("the defaults");
    group.throughput(Throughput::Elements(6 * unit as u64));
    group.bench_function("step", |bencher| {
        bencher.iter(|| {
            icnn.forward_for_second_order(&x, &mut workspace).expect("shapes that fit");
            icnn.input_gradient(&mut workspace, map.view_mut()).expect("shapes that fit");
            gradient.fill(0.0);
            icnn.input_gradient_backward(&map, &mut workspace, &mut gradient, None).expect("shapes that fit");
            adam.step(icnn.parameters_mut(), &gradient).expect("shapes that fit");
            icnn.project();
        });
    });
    group.throughput(Throughput::Elements(2 * unit as u64));
    group.bench_function("map", |bencher| {
        bencher.iter(|| {
            icnn.forward(&x, &mut workspace).expect("shapes that fit");
            icnn.input_gradient(&mut workspace, map.view_mut()).expect("shapes that fit");
        });
    });

    let options = PartialIcnnOptions::near_identity(2, 2, &[64; 4], &[16; 4]);
    let mut partial = options.build::<f32>(&mut stream).expect("known widths");
    let (mut workspace, mut gradient) = (PartialIcnnWorkspace::new(), vec![0.0; partial.parameters().len()]);
    let mut adam = Adam::new(AdamOptions::default()).expect("the defaults");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("step with conditions of 2, 16x4", |bencher| {
        bencher.iter(|| {
            partial.forward_for_second_order(&x, &x, &mut workspace).expect("shapes that fit");
            partial.input_gradient(&mut workspace, map.view_mut()).expect("shapes that fit");
            gradient.fill(0.0);
            partial
                .input_gradient_backward(&map, &mut workspace, &mut gradient, None, None)
                .expect("shapes that fit");
            adam.step(partial.parameters_mut(), &gradient).expect("shapes that fit");
            partial.project();
        });
    });
}

criterion_group!(benches, networks, convex);
criterion_main!(benches);
