//! A step of a generator: latent batch, network, 100 Sinkhorn iterations, gradient, backward pass, Adam. Envelope and
//! unrolled gradients, in `f32`.
//!
//! `cargo bench --bench generator` measures the steps of exercise 13 and what they consist of; beside them stands the
//! floor, the time of what cannot be avoided at the machine's own rates.
//! `cargo bench --bench generator -- --peers FOLDER` takes weights, noise and data from files and prints JSON, for
//! `benches/peers/generator.py`.

use brenier::data::npy;
use brenier::generative::SinkhornGenerator;
use brenier::matrix::{Operation, gemm};
use brenier::nn::optim::{Adam, AdamOptions};
use brenier::nn::training::Trainer;
use brenier::nn::{Activation, Mlp, MlpOptions, Parameters};
use brenier::ot::sinkhorn::gradient::Loss;
use brenier::ot::sinkhorn::minibatch::{Differentiation, Options, SinkhornLoss};
use brenier::random::RandomStream;
use brenier::{Matrix, MatrixViewMut};
use criterion::Criterion;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ITERATIONS: usize = 100;

/// A generator of the exercise.
struct Case {
    name: &'static str,
    widths: &'static [usize],
    output: Activation,
    batch: usize,
    epsilon: f64,
}

const CASES: [Case; 2] = [
    Case { name: "blobs", widths: &[2, 64, 64, 2], output: Activation::Identity, batch: 128, epsilon: 0.1 },
    Case {
        name: "digits",
        widths: &[64, 128, 256, 784],
        output: Activation::Sigmoid,
        batch: 32,
        epsilon: 0.01,
    },
];

const WAYS: [(&str, Differentiation); 2] =
    [("envelope", Differentiation::Envelope), ("unrolled", Differentiation::Unrolled)];

impl Case {
    fn network(&self) -> Result<Mlp<f32>> {
        let options = MlpOptions::new(self.widths);
        let options = options.with_activation(Activation::Relu).with_output_activation(self.output);
        Ok(options.build(&mut RandomStream::new(1))?)
    }

    /// The transport cost, as the peers have it; always all iterations.
    fn options(&self, differentiation: Differentiation) -> Options {
        Options::new(self.epsilon)
            .with_iterations(ITERATIONS)
            .with_tolerance(0.0)
            .with_loss(Loss::TransportCost)
            .with_differentiation(differentiation)
    }

    /// Noise and data like those of the exercise.
    fn inputs(&self) -> (Matrix<f32>, Matrix<f32>) {
        let mut stream = RandomStream::new(2);
        let noise = stream.normal_matrix(self.batch, self.widths[0]);
        let outputs = self.widths[self.widths.len() - 1];
        let data: Matrix<f32> = if outputs == 2 {
            let mut data = stream.normal_matrix(self.batch, 2);
            for (row, x) in data.as_mut_slice().iter_mut().enumerate() {
                *x = 0.3 * *x + if row / 2 % 2 == 0 { 2.0 } else { -2.0 };
            }
            data
        } else {
            stream.uniform_matrix(self.batch, outputs)
        };
        (noise, data)
    }

    /// Seconds below which no step can be: its products at the machine's rate, and the multiply-adds of the
    /// iterations, two a pair, at one register a cycle.
    fn floor(&self, rate: f64) -> f64 {
        let products: f64 =
            self.widths.windows(2).map(|pair| 6.0 * (self.batch * pair[0] * pair[1]) as f64).sum();
        let iterations = 4.0 * (self.batch * self.batch * ITERATIONS) as f64;
        (products + iterations) / rate
    }
}

/// Flops a second of large products on this thread.
fn matmul_rate() -> Result<f64> {
    let mut stream = RandomStream::new(0);
    let (a, b): (Matrix<f32>, Matrix<f32>) = (stream.normal_matrix(512, 512), stream.normal_matrix(512, 512));
    let mut c = Matrix::zeros(512, 512);
    let mut best = f64::INFINITY;
    for _ in 0..20 {
        let started = Instant::now();
        gemm(1.0, &a, Operation::Plain, &b, Operation::Plain, 0.0, &mut c)?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(2.0 * 512.0_f64.powi(3) / best)
}

fn steps(criterion: &mut Criterion) -> Result<()> {
    let rate = matmul_rate()?;
    let mut group = criterion.benchmark_group("generator");
    group.sample_size(30);
    for case in CASES {
        let (noise, data) = case.inputs();
        println!("{}: floor {:.3} ms at {:.0} GFLOP/s", case.name, 1e3 * case.floor(rate), 1e-9 * rate);
        for (way, differentiation) in WAYS {
            let mut network = case.network()?;
            let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-3))?;
            let mut generator = SinkhornGenerator::new(case.options(differentiation))?;
            group.bench_function(format!("{} step, {way}", case.name), |bencher| {
                bencher.iter(|| generator.step(&mut network, noise.view(), data.view(), &mut adam));
            });
            let points = case.network()?.apply(&noise)?;
            let mut loss = SinkhornLoss::new(case.options(differentiation))?;
            let mut gradient = Matrix::zeros(points.rows(), points.columns());
            group.bench_function(format!("{} loss and gradient, {way}", case.name), |bencher| {
                bencher.iter(|| {
                    loss.value_and_gradient_into(&data, black_box(&points), None, Some(gradient.view_mut()))
                });
            });
        }
        let mut network = case.network()?;
        let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-3))?;
        let mut trainer = Trainer::new();
        group.bench_function(format!("{} network and Adam alone", case.name), |bencher| {
            let nothing = |_: brenier::MatrixView<'_, f32>, mut gradient: MatrixViewMut<'_, f32>| {
                gradient.fill(0.0);
                Ok(0.0)
            };
            bencher.iter(|| trainer.step_with(&mut network, noise.view(), &mut adam, nothing));
        });
    }
    group.finish();
    Ok(())
}

/// Steps on the inputs that lie in a folder; the times of blocks of steps, and the losses.
fn peers(folder: &Path) -> Result<()> {
    let mut entries = Vec::new();
    for case in CASES {
        let read = |what: &str| npy::read_matrix::<f32>(folder.join(format!("{}-{what}.npy", case.name)));
        let (noise, data) = (read("noise")?, read("data")?);
        let weights = npy::read_vector::<f32>(folder.join(format!("{}-weights.npy", case.name)))?;
        for (way, differentiation) in WAYS {
            let mut network = case.network()?;
            network.parameters_mut().copy_from_slice(&weights);
            let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-3))?;
            let mut generator = SinkhornGenerator::new(case.options(differentiation))?;
            let (mut losses, mut seconds) = (Vec::new(), Vec::new());
            // Twenty steps that are compared; they warm up, too.
            for _ in 0..20 {
                let step = generator.step(&mut network, noise.view(), data.view(), &mut adam)?;
                losses.push(step.evaluation.ok_or("the loss is not finite")?.value);
            }
            for _ in 0..30 {
                let started = Instant::now();
                for _ in 0..10 {
                    black_box(generator.step(&mut network, noise.view(), data.view(), &mut adam)?);
                }
                seconds.push(started.elapsed().as_secs_f64() / 10.0);
            }
            entries.push(format!(
                "{{\"case\": \"{}\", \"way\": \"{way}\", \"losses\": {losses:?}, \"seconds\": {seconds:?}}}",
                case.name
            ));
        }
    }
    println!("[{}]", entries.join(", "));
    Ok(())
}

/// Runs on a thread of the pool, so that large products are not handed over from outside of it, one by one.
#[cfg(feature = "parallel")]
fn in_pool<R: Send>(function: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().build().expect("a thread at least").install(function)
}

#[cfg(not(feature = "parallel"))]
fn in_pool<R>(function: impl FnOnce() -> R) -> R {
    function()
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--peers") {
        Some(place) => {
            let folder = Path::new(arguments.get(place + 1).ok_or("--peers needs a folder")?);
            Ok(in_pool(|| peers(folder).map_err(|error| error.to_string()))?)
        }
        None => {
            let mut criterion = Criterion::default().configure_from_args();
            steps(&mut criterion)?;
            criterion.final_summary();
            Ok(())
        }
    }
}
