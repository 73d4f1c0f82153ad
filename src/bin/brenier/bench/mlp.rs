//! `brenier bench mlp`: the time of a training step, or of an evaluation, of a multilayer perceptron.

use super::{PrecisionName, median, size};
use crate::failure::Failure;
use crate::report;
use crate::run::{RunArguments, SOLVED};
use crate::{memory, threads};
use brenier::nn::loss::{MeanSquaredError, Targets};
use brenier::nn::optim::{Adam, AdamOptions};
use brenier::nn::training::{StepOutcome, Trainer};
use brenier::nn::{Activation, Mlp, MlpOptions, MlpWorkspace, Parameters};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};
use clap::Args;
use serde_json::json;
use std::hint::black_box;
use std::time::Instant;

/// What is measured. A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Measure the time of a training step of a multilayer perceptron.

A step is forward pass, squared error, backward pass and Adam, with the guard against numbers that are not finite, on the same batch of random inputs and targets. \
K steps are timed one by one, after one that is not counted. The floating-point operations are those of the matrix products alone: 2 a product and \
entry, three products for each layer but two for the first, which needs no gradient in its input. With --forward the batch is only evaluated: one product a layer.";

/// Examples, and the keys of `--json`.
const EXAMPLES: &str = "\
Examples:
  brenier bench mlp
  brenier bench mlp --widths 3,512,512,512,512,2 --activation silu --batch 4096 --steps 20 --threads 1 --json
  brenier bench mlp --widths 2,64,64,2 --activation relu --batch 128 --steps 2000

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               measured
  seconds_per_step, seconds_per_step_least
                       the median and the least of the steps
  gflops, gflops_most  operations of the products over these, in 1e9 a second
  flops_per_step       those operations
  parameters           number of weights and biases
  loss                 before the last step; null with --forward
  widths, activation, output_activation, batch, steps, forward, precision, seed
                       what was run
  seconds              of all steps
  seconds_total        from start to end
  peak_memory_bytes    largest resident size of the process
  threads, simd_level  number of threads; instructions: portable, avx2 or avx512
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// Measure the time of a training step of a multilayer perceptron
#[derive(Args)]
#[command(long_about = WHAT, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// Widths of the layers, from the inputs to the outputs
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "3,512,512,512,512,2", value_parser = size)]
    widths: Vec<usize>,

    /// Between the layers: identity, relu, leaky-relu, silu, gelu, gelu-tanh, tanh, sigmoid, softplus, elu
    #[arg(long, value_name = "NAME", default_value = "silu")]
    activation: Activation,

    /// After the last layer
    #[arg(long, value_name = "NAME", default_value = "identity")]
    output_activation: Activation,

    /// Samples in the batch
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = size)]
    batch: usize,

    /// Steps that are timed
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = size)]
    steps: usize,

    /// Evaluate only
    #[arg(long)]
    forward: bool,

    /// The arithmetic
    #[arg(long, value_name = "PRECISION", value_enum, default_value = "single")]
    precision: PrecisionName,

    /// Of weights, inputs and targets
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    pub run: RunArguments,
}

/// What was measured.
struct Measurement {
    parameters: usize,
    flops: f64,
    loss: f64,
    /// Seconds of each step, from the shortest.
    seconds: Vec<f64>,
}

/// Measures and reports.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    let threads = threads::start(arguments.run.threads)?;
    let measurement = match arguments.precision {
        PrecisionName::Single => arguments.measure::<f32>()?,
        PrecisionName::Double => arguments.measure::<f64>()?,
    };
    arguments.report(&measurement, threads, started)?;
    Ok(SOLVED)
}

impl Arguments {
    fn measure<T: Scalar>(&self) -> Result<Measurement, Failure> {
        let mut stream = RandomStream::new(self.seed);
        let mut mlp: Mlp<T> = MlpOptions::new(&self.widths)
            .with_activation(self.activation)
            .with_output_activation(self.output_activation)
            .build(&mut stream)?;
        let x: Matrix<T> = stream.normal_matrix(self.batch, mlp.inputs());
        let y: Matrix<T> = stream.normal_matrix(self.batch, mlp.outputs());
        let mut adam = Adam::new(AdamOptions::default())?;
        let (mut trainer, mut workspace) = (Trainer::new(), MlpWorkspace::new());
        let (mut seconds, mut last) = (Vec::new(), f64::NAN);
        for step in 0..=self.steps {
            let began = Instant::now();
            if self.forward {
                black_box(mlp.evaluate(&x, &mut workspace)?);
            } else {
                let loss = MeanSquaredError::default();
                match trainer.step(&mut mlp, x.view(), &Targets::from(&y), &loss, &mut adam)? {
                    StepOutcome::Taken { loss, .. } => last = loss,
                    outcome => {
                        return Err(Failure::Message(format!("training did not stay finite: {outcome:?}")));
                    }
                }
            }
            let taken = began.elapsed().as_secs_f64();
            if step > 0 {
                self.run.say(&format!("step {step} of {}: {taken:.6} s", self.steps));
                seconds.push(taken);
            }
        }
        seconds.sort_by(f64::total_cmp);
        let of_sample = if self.forward {
            self.widths.windows(2).map(|pair| 2.0 * pair[0] as f64 * pair[1] as f64).sum()
        } else {
            mlp.training_flops()
        };
        let flops = of_sample * self.batch as f64;
        Ok(Measurement { parameters: mlp.parameters().len(), flops, loss: last, seconds })
    }

    fn report(&self, measured: &Measurement, threads: usize, started: Instant) -> Result<(), Failure> {
        let (median, least) = (median(&measured.seconds), measured.seconds[0]);
        let rate = |seconds: f64| measured.flops * 1e-9 / seconds;
        let simd = brenier::simd::level().name();
        if self.run.json {
            let object = json!({
                "status": "measured",
                "seconds_per_step": median,
                "seconds_per_step_least": least,
                "gflops": rate(median),
                "gflops_most": rate(least),
                "flops_per_step": measured.flops,
                "parameters": measured.parameters,
                "loss": measured.loss,
                "widths": self.widths,
                "activation": self.activation.to_string(),
                "output_activation": self.output_activation.to_string(),
                "batch": self.batch,
                "steps": self.steps,
                "forward": self.forward,
                "precision": self.precision.name(),
                "seed": self.seed,
                "seconds": measured.seconds.iter().sum::<f64>(),
                "seconds_total": started.elapsed().as_secs_f64(),
                "peak_memory_bytes": memory::peak_bytes(),
                "threads": threads,
                "simd_level": simd,
            });
            return report::print(&object.to_string());
        }
        if self.run.quiet {
            return Ok(());
        }
        let widths: Vec<String> = self.widths.iter().map(usize::to_string).collect();
        let table = report::table(&[
            (
                "network",
                format!("{}, {}, {} parameters", widths.join("-"), self.activation, measured.parameters),
            ),
            (
                "run",
                format!(
                    "{} {} of {} samples, {} precision, {}, {simd}",
                    self.steps,
                    if self.forward { "evaluations" } else { "steps" },
                    self.batch,
                    self.precision.name(),
                    report::threads(threads)
                ),
            ),
            ("seconds a step", format!("{median:.6} (least {least:.6})")),
            (
                "products",
                format!(
                    "{:.4} GFLOP, {:.1} GFLOP/s (most {:.1})",
                    measured.flops * 1e-9,
                    rate(median),
                    rate(least)
                ),
            ),
        ]);
        report::print(table.trim_end())
    }
}
