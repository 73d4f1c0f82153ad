//! The tape against the passes by hand: training steps of multilayer perceptrons, forward and backward without an optimiser, and a
//! Hessian-vector product.
//!
//! `RAYON_NUM_THREADS=1 cargo bench --bench autodiff`. The yardstick is the matrix products of the same step alone:
//! three for each layer (two for the first, whose input needs no gradient).

use brenier::Matrix;
use brenier::autodiff::{Tape, Variable};
use brenier::matrix::{Operation, gemm};
use brenier::nn::{self, Mlp, MlpWorkspace, Parameters};
use brenier::random::RandomStream;
use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

/// Weights (out, inp) and biases (1, out) of each layer.
type Layers = Vec<(Matrix<f32>, Matrix<f32>)>;

#[derive(Clone, Copy)]
enum Activation {
    Relu,
    Silu,
}

fn layers(widths: &[usize]) -> Layers {
    let mut stream = RandomStream::new(1);
    let layer = |pair: &[usize]| {
        let bound = 1.0 / (pair[0] as f32).sqrt();
        (stream.normal_matrix::<f32>(pair[1], pair[0]).map(|w| w * bound), Matrix::zeros(1, pair[1]))
    };
    widths.windows(2).map(layer).collect()
}

/// Puts the layers on the tape and records the mean of the squared outputs; the weights come first in the answer.
fn record(
    tape: &mut Tape<f32>,
    layers: &Layers,
    x: &Matrix<f32>,
    activation: Activation,
) -> (Vec<Variable>, Variable) {
    let mut parameters = Vec::new();
    let mut h = tape.constant(x);
    for (k, (weight, bias)) in layers.iter().enumerate() {
        let (weight, bias) = (tape.variable(weight), tape.variable(bias));
        parameters.extend([weight, bias]);
        let product = tape.matmul_with(h, Operation::Plain, weight, Operation::Transpose).unwrap();
        h = tape.add(product, bias).unwrap();
        if k + 1 < layers.len() {
            h = match activation {
                Activation::Relu => tape.relu(h).unwrap(),
                Activation::Silu => tape.silu(h).unwrap(),
            };
        }
    }
    let square = tape.square(h).unwrap();
    (parameters, tape.mean(square).unwrap())
}

fn step(criterion: &mut Criterion, widths: &[usize], batch: usize, activation: Activation, name: &str) {
    let layers = layers(widths);
    let x: Matrix<f32> = RandomStream::new(2).normal_matrix(batch, widths[0]);
    let mut group = criterion.benchmark_group(format!("autodiff {name}, batch {batch}"));
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    let activations: Vec<Matrix<f32>> =
        widths.iter().map(|&width| RandomStream::new(3).normal_matrix(batch, width)).collect();
    let mut results: Vec<Matrix<f32>> = widths.iter().map(|&width| Matrix::zeros(batch, width)).collect();
    let mut weights: Vec<Matrix<f32>> = layers.iter().map(|(weight, _)| weight.clone()).collect();
    group.bench_function("yardstick: the products alone", |bencher| {
        use Operation::{Plain, Transpose};
        bencher.iter(|| {
            for (k, (weight, _)) in layers.iter().enumerate() {
                let (inp, out) = (&activations[k], &activations[k + 1]);
                gemm(1.0, inp, Plain, weight, Transpose, 0.0, &mut results[k + 1]).unwrap();
                gemm(1.0, out, Transpose, inp, Plain, 0.0, &mut weights[k]).unwrap();
                if k > 0 {
                    gemm(1.0, out, Plain, weight, Plain, 0.0, &mut results[k]).unwrap();
                }
            }
            black_box(&results);
        });
    });
    let kind = match activation {
        Activation::Relu => nn::Activation::Relu,
        Activation::Silu => nn::Activation::Silu,
    };
    let network = Mlp::<f32>::new(widths, kind, &mut RandomStream::new(1)).expect("widths that fit");
    let (mut workspace, mut gradient) = (MlpWorkspace::new(), vec![0.0; network.parameters().len()]);
    let mut dy = Matrix::zeros(batch, network.outputs());
    group.bench_function("by hand: forward and backward", |bencher| {
        bencher.iter(|| {
            let y = network.forward(&x, &mut workspace).unwrap();
            // the gradient of the mean of the squared outputs
            let factor = 2.0 / (batch * y.columns()) as f32;
            for (slope, row) in dy.view_mut().iter_rows_mut().zip(y.iter_rows()) {
                for (slope, value) in slope.iter_mut().zip(row) {
                    *slope = factor * value;
                }
            }
            gradient.fill(0.0);
            network.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
            black_box(&gradient);
        });
    });
    let mut tape = Tape::new();
    group.bench_function("forward", |bencher| {
        bencher.iter(|| {
            tape.clear();
            black_box(record(&mut tape, &layers, &x, activation))
        });
    });
    group.bench_function("forward and backward", |bencher| {
        bencher.iter(|| {
            tape.clear();
            let (_, loss) = record(&mut tape, &layers, &x, activation);
            tape.backward(loss).unwrap();
            black_box(&tape);
        });
    });
    group.bench_function("forward and recorded gradients", |bencher| {
        bencher.iter(|| {
            tape.clear();
            let (parameters, loss) = record(&mut tape, &layers, &x, activation);
            black_box(tape.gradients(loss, &parameters).unwrap())
        });
    });
    if batch <= 128 {
        group.bench_function("Hessian-vector product", |bencher| {
            bencher.iter(|| {
                tape.clear();
                let (parameters, loss) = record(&mut tape, &layers, &x, activation);
                let directions: Vec<_> =
                    layers.iter().flat_map(|(w, b)| [tape.constant(w), tape.constant(b)]).collect();
                black_box(tape.hessian_vector_product(loss, &parameters, &directions).unwrap())
            });
        });
    }
    group.finish();
}

fn steps(criterion: &mut Criterion) {
    step(criterion, &[2, 64, 64, 2], 128, Activation::Relu, "mlp 2-64-64-2 relu");
    step(criterion, &[3, 512, 512, 512, 512, 2], 4096, Activation::Silu, "mlp 3-512x4-2 silu");
}

criterion_group!(benches, steps);
criterion_main!(benches);
