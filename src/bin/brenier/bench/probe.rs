//! `brenier bench probe`: the time of a linear probe's training by AdamW.

use super::{PrecisionName, median, narrow, positive, size};
use crate::failure::Failure;
use crate::input::{Numbers, read_column};
use crate::report;
use crate::run::{RunArguments, SOLVED};
use crate::{memory, threads};
use brenier::nn::probe::{AdamwFit, AdamwOptions, AdamwStatus, Samples, fit_adamw};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is measured. A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Measure the time of a linear probe's training: logistic regression by full-batch AdamW.

The probe begins at zero, the loss is the mean cross-entropy. E epochs are one training; it is timed R times, after a tenth of it that is not counted, with the check of the samples and the loss at the end. \
The inputs are normal and the labels are those of a random direction with noise, unless files have them. The rate counts one reading of the inputs an epoch.";

/// Examples, and the keys of `--json`.
const EXAMPLES: &str = "\
Examples:
  brenier bench probe
  brenier bench probe --samples 1200 --dim 4096 --epochs 1000 --threads 1 --json
  brenier bench probe --inputs activations.npy --labels labels.npy --bias

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               measured
  seconds, seconds_least
                       the median and the least of the trainings
  seconds_per_epoch    the median over the number of epochs
  gigabytes_per_second bytes of the inputs over that, in 1e9
  gflops               operations, 4 a number of the inputs, over that, in 1e9 a second
  loss, gradient_norm  after the last epoch: the mean cross-entropy, and the norm of its gradient
  samples, dim, bias, epochs, learning_rate, weight_decay, repetitions, precision
                       what was run
  inputs, seed         the file, or null; the seed is null for inputs from a file
  seconds_total        from start to end
  peak_memory_bytes    largest resident size of the process
  threads, simd_level  number of threads; instructions: portable, avx2 or avx512
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// Measure the time of a linear probe's training
#[derive(Args)]
#[command(long_about = WHAT, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// Rows of the inputs
    #[arg(long, value_name = "N", default_value_t = 1200, value_parser = size, conflicts_with = "inputs")]
    samples: usize,

    /// Columns of the inputs
    #[arg(long, value_name = "D", default_value_t = 4096, value_parser = size, conflicts_with = "inputs")]
    dim: usize,

    /// Inputs from a file, (samples, dim)
    #[arg(long, value_name = "FILE", requires = "labels")]
    inputs: Option<PathBuf>,

    /// Labels 0 or 1 from a file, (samples,)
    #[arg(long, value_name = "FILE", requires = "inputs")]
    labels: Option<PathBuf>,

    /// Fit a bias, too
    #[arg(long)]
    bias: bool,

    /// Full-batch steps of a training
    #[arg(long, value_name = "E", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,

    /// Of AdamW
    #[arg(long, value_name = "RATE", default_value_t = 1e-3, value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Of AdamW: each step takes this share, times the rate, off every parameter
    #[arg(long, value_name = "DECAY", default_value_t = 0.1, allow_negative_numbers = true)]
    weight_decay: f64,

    /// How often the training is timed
    #[arg(long, value_name = "R", default_value_t = 3, value_parser = size)]
    repetitions: usize,

    /// The arithmetic
    #[arg(long, value_name = "PRECISION", value_enum, default_value = "single")]
    precision: PrecisionName,

    /// Of inputs and labels
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "inputs")]
    seed: u64,

    #[command(flatten)]
    pub run: RunArguments,
}

/// What was measured.
struct Measurement {
    samples: usize,
    dim: usize,
    /// Bytes of the inputs.
    bytes: usize,
    loss: f64,
    gradient_norm: f64,
    /// Seconds of each training, from the shortest.
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
    /// The inputs and labels that the arguments name.
    fn samples<T: Scalar>(&self) -> Result<(Matrix<T>, Vec<u8>), Failure> {
        if let (Some(inputs), Some(labels)) = (&self.inputs, &self.labels) {
            self.run.say(&format!("reading {}", inputs.display()));
            return Ok((narrow(&Numbers::read(inputs, false)?), read_labels(labels)?));
        }
        let stream = RandomStream::new(self.seed);
        let mut x: Matrix<T> = Matrix::try_zeros(self.samples, self.dim)?;
        stream.split(0).fill_normal(x.as_mut_slice());
        let direction: Matrix<T> = stream.split(1).normal_matrix(1, self.dim);
        let noise: Matrix<f64> = stream.split(2).normal_matrix(1, self.samples);
        // The noise has half the deviation of the products.
        let scale = 0.5 * (self.dim as f64).sqrt();
        let labels = (0..self.samples).map(|row| {
            let pairs = x.row(row).iter().zip(direction.row(0));
            let product: f64 = pairs.map(|(&x, &w)| (x * w).to_f64()).sum();
            u8::from(product + scale * noise[(0, row)] > 0.0)
        });
        let labels = labels.collect();
        Ok((x, labels))
    }

    fn measure<T: Scalar>(&self) -> Result<Measurement, Failure> {
        let (x, labels) = self.samples::<T>()?;
        let samples = Samples::new(&x, &labels);
        let options = AdamwOptions::default()
            .with_epochs(self.epochs)
            .with_learning_rate(self.learning_rate)
            .with_weight_decay(self.weight_decay)
            .with_bias(self.bias);
        finished(fit_adamw(&samples, &options.clone().with_epochs(self.epochs.div_ceil(10)))?)?;
        let (mut seconds, mut last) = (Vec::new(), (f64::NAN, f64::NAN));
        for repetition in 1..=self.repetitions {
            let began = Instant::now();
            let fit = finished(fit_adamw(&samples, &options)?)?;
            let taken = began.elapsed().as_secs_f64();
            self.run.say(&format!("training {repetition} of {}: {taken:.6} s", self.repetitions));
            seconds.push(taken);
            last = (fit.loss, fit.gradient_norm);
        }
        seconds.sort_by(f64::total_cmp);
        Ok(Measurement {
            samples: x.rows(),
            dim: x.columns(),
            bytes: size_of_val(x.as_slice()),
            loss: last.0,
            gradient_norm: last.1,
            seconds,
        })
    }

    fn report(&self, measured: &Measurement, threads: usize, started: Instant) -> Result<(), Failure> {
        let (median, least) = (median(&measured.seconds), measured.seconds[0]);
        let epoch = median / self.epochs as f64;
        let bandwidth = measured.bytes as f64 * 1e-9 / epoch;
        let rate = 4.0 * measured.samples as f64 * measured.dim as f64 * 1e-9 / epoch;
        let simd = brenier::simd::level().name();
        if self.run.json {
            let object = json!({
                "status": "measured",
                "seconds": median,
                "seconds_least": least,
                "seconds_per_epoch": epoch,
                "gigabytes_per_second": bandwidth,
                "gflops": rate,
                "loss": measured.loss,
                "gradient_norm": measured.gradient_norm,
                "samples": measured.samples,
                "dim": measured.dim,
                "bias": self.bias,
                "epochs": self.epochs,
                "learning_rate": self.learning_rate,
                "weight_decay": self.weight_decay,
                "repetitions": self.repetitions,
                "precision": self.precision.name(),
                "inputs": self.inputs.as_ref().map(|path| path.to_string_lossy()),
                "seed": self.inputs.is_none().then_some(self.seed),
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
        let table = report::table(&[
            (
                "samples",
                format!(
                    "{} x {}, {} bias, learning rate {}, weight decay {}",
                    measured.samples,
                    measured.dim,
                    if self.bias { "with" } else { "no" },
                    self.learning_rate,
                    self.weight_decay
                ),
            ),
            (
                "run",
                format!(
                    "{} times {} epochs, {} precision, {}, {simd}",
                    self.repetitions,
                    self.epochs,
                    self.precision.name(),
                    report::threads(threads)
                ),
            ),
            ("seconds", format!("{median:.6} (least {least:.6}), {epoch:.3e} an epoch")),
            ("rate", format!("{bandwidth:.2} GB/s, {rate:.2} GFLOP/s")),
            ("loss", format!("{:.9}, gradient {:.3e}", measured.loss, measured.gradient_norm)),
        ]);
        report::print(table.trim_end())
    }
}

/// A training that went to its end.
fn finished<T>(fit: AdamwFit<T>) -> Result<AdamwFit<T>, Failure> {
    match fit.status {
        AdamwStatus::Finished => Ok(fit),
        status => Err(Failure::Message(format!("training did not stay finite: {status:?}"))),
    }
}

/// Reads labels of 0 and 1.
fn read_labels(path: &Path) -> Result<Vec<u8>, Failure> {
    let numbers = read_column(path, "labels", false)?.to_vec();
    let label = |(index, number): (usize, &f64)| match *number {
        0.0 => Ok(0),
        1.0 => Ok(1),
        other => {
            Err(Failure::Message(format!("{}: label {index} is {other}: it must be 0 or 1", path.display())))
        }
    };
    numbers.iter().enumerate().map(label).collect()
}
