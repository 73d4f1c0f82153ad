//! `brenier bench rbm`: the time of an epoch of a restricted Boltzmann machine.

use super::{PrecisionName, median, narrow, positive, size};
use crate::failure::Failure;
use crate::input::Numbers;
use crate::report;
use crate::run::{RunArguments, SOLVED};
use crate::{memory, threads};
use brenier::nn::Rbm;
use brenier::nn::rbm::{Sampler, Trainer, TrainingOptions, TrainingStatus};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};
use clap::Args;
use serde_json::json;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

/// What is measured. A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Measure the time of an epoch of a restricted Boltzmann machine of bits.

An epoch passes over all images in batches of a new random order, by contrastive divergence with k Gibbs steps, or with --persistent from chains that go on, one for each image of a batch. \
Weights begin normal with deviation 0.01, biases at zero. E epochs are timed one by one, after one on a copy of the machine that is not counted. The images are independent bits, a fifth of them one, \
unless a file has them. The floating-point operations are those of the matrix products alone: (6 + 4 k) visible hidden for each image.";

/// Examples, and the keys of `--json`.
const EXAMPLES: &str = "\
Examples:
  brenier bench rbm
  brenier bench rbm --images 10000 --visible 784 --hidden 256 --batch 64 --k 1 --threads 1 --json
  brenier bench rbm --data digits.npy --hidden 128 --persistent --epochs 10

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               measured
  seconds_per_epoch, seconds_per_epoch_least
                       the median and the least of the epochs
  gflops, gflops_most  operations of the products over these, in 1e9 a second
  flops_per_epoch      those operations
  reconstruction_error after the last epoch: the mean of (v - P(v=1|p))^2 over all images and
                       units, with p the hidden units' probabilities given v
  images, visible, hidden, batch, k, persistent, epochs, learning_rate, precision
                       what was run
  data, seed           the file; the seed of weights, draws and, without a file, images
  seconds              of all epochs
  seconds_total        from start to end
  peak_memory_bytes    largest resident size of the process
  threads, simd_level  number of threads; instructions: portable, avx2 or avx512
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// Measure the time of an epoch of a restricted Boltzmann machine
#[derive(Args)]
#[command(long_about = WHAT, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// Images of an epoch
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = size, conflicts_with = "data")]
    images: usize,

    /// Visible units, the bits of an image
    #[arg(long, value_name = "N", default_value_t = 784, value_parser = size, conflicts_with = "data")]
    visible: usize,

    /// Images from a file, (images, visible): numbers from 0 to 1
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,

    /// Hidden units
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = size)]
    hidden: usize,

    /// Images of a step
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = size)]
    batch: usize,

    /// Gibbs steps for each step of the training
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = size)]
    k: usize,

    /// From persistent chains (PCD) instead of from the batch (CD)
    #[arg(long)]
    persistent: bool,

    /// Epochs that are timed
    #[arg(long, value_name = "E", default_value_t = 3, value_parser = size)]
    epochs: usize,

    /// Of the weights and biases
    #[arg(long, value_name = "RATE", default_value_t = 0.01, value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// The arithmetic
    #[arg(long, value_name = "PRECISION", value_enum, default_value = "single")]
    precision: PrecisionName,

    /// Of images, weights and draws
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,

    #[command(flatten)]
    pub run: RunArguments,
}

/// What was measured.
struct Measurement {
    images: usize,
    visible: usize,
    flops: f64,
    reconstruction_error: f64,
    /// Seconds of each epoch, from the shortest.
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
    /// The images that the arguments name.
    fn images<T: Scalar>(&self, mut stream: RandomStream) -> Result<Matrix<T>, Failure> {
        if let Some(path) = &self.data {
            self.run.say(&format!("reading {}", path.display()));
            return Ok(narrow(&Numbers::read(path, false)?));
        }
        let mut images: Matrix<T> = Matrix::try_zeros(self.images, self.visible)?;
        stream.fill_uniform(images.as_mut_slice());
        let chance = T::from_f64(0.2);
        Ok(images.map(|u: T| if u < chance { T::ONE } else { T::ZERO }))
    }

    fn measure<T: Scalar>(&self) -> Result<Measurement, Failure> {
        let stream = RandomStream::new(self.seed);
        let data = self.images::<T>(stream.split(0))?;
        let mut rbm = Rbm::random(data.columns(), self.hidden, T::from_f64(0.01), &mut stream.split(1))?;
        let sampler = if self.persistent {
            Sampler::Persistent { chains: self.batch.min(data.rows()), steps: self.k }
        } else {
            Sampler::ContrastiveDivergence { steps: self.k }
        };
        let options = TrainingOptions::default()
            .with_epochs(1)
            .with_batch(self.batch)
            .with_learning_rate(self.learning_rate)
            .with_sampler(sampler);
        let mut trainer = Trainer::new(&rbm, options, stream.split(2))?;
        epoch(&mut trainer.clone(), &mut rbm.clone(), &data)?;
        let mut seconds = Vec::new();
        for number in 1..=self.epochs {
            let began = Instant::now();
            epoch(&mut trainer, &mut rbm, &data)?;
            let taken = began.elapsed().as_secs_f64();
            self.run.say(&format!("epoch {number} of {}: {taken:.6} s", self.epochs));
            seconds.push(taken);
        }
        seconds.sort_by(f64::total_cmp);
        let (images, visible) = (data.rows(), data.columns());
        // Up, k times down and up, and the update whose inner length is twice the batch.
        let of_image = (6.0 + 4.0 * self.k as f64) * visible as f64 * self.hidden as f64;
        let flops = of_image * images as f64;
        let reconstruction_error = reconstruction_error(&rbm, &data)?;
        Ok(Measurement { images, visible, flops, reconstruction_error, seconds })
    }

    fn report(&self, measured: &Measurement, threads: usize, started: Instant) -> Result<(), Failure> {
        let (median, least) = (median(&measured.seconds), measured.seconds[0]);
        let rate = |seconds: f64| measured.flops * 1e-9 / seconds;
        let simd = brenier::simd::level().name();
        if self.run.json {
            let object = json!({
                "status": "measured",
                "seconds_per_epoch": median,
                "seconds_per_epoch_least": least,
                "gflops": rate(median),
                "gflops_most": rate(least),
                "flops_per_epoch": measured.flops,
                "reconstruction_error": measured.reconstruction_error,
                "images": measured.images,
                "visible": measured.visible,
                "hidden": self.hidden,
                "batch": self.batch,
                "k": self.k,
                "persistent": self.persistent,
                "epochs": self.epochs,
                "learning_rate": self.learning_rate,
                "precision": self.precision.name(),
                "data": self.data.as_ref().map(|path| path.to_string_lossy()),
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
        let table = report::table(&[
            (
                "machine",
                format!(
                    "{} x {}, {}-{}",
                    measured.visible,
                    self.hidden,
                    if self.persistent { "PCD" } else { "CD" },
                    self.k
                ),
            ),
            (
                "run",
                format!(
                    "{} epochs of {} images, batch {}, {} precision, {}, {simd}",
                    self.epochs,
                    measured.images,
                    self.batch,
                    self.precision.name(),
                    report::threads(threads)
                ),
            ),
            ("seconds an epoch", format!("{median:.6} (least {least:.6})")),
            (
                "products",
                format!(
                    "{:.4} GFLOP, {:.1} GFLOP/s (most {:.1})",
                    measured.flops * 1e-9,
                    rate(median),
                    rate(least)
                ),
            ),
            ("reconstruction error", format!("{:.6}", measured.reconstruction_error)),
        ]);
        report::print(table.trim_end())
    }
}

/// One epoch, or what became of it.
fn epoch<T: Scalar>(trainer: &mut Trainer<T>, rbm: &mut Rbm<T>, data: &Matrix<T>) -> Result<(), Failure> {
    match trainer.train(rbm, data, &mut |_| ControlFlow::Continue(()))?.status {
        TrainingStatus::Finished => Ok(()),
        status => Err(Failure::Message(format!("training did not stay finite: {status:?}"))),
    }
}

/// The mean of `(v - P(v = 1 | p))²` with p = P(h = 1 | v).
fn reconstruction_error<T: Scalar>(rbm: &Rbm<T>, data: &Matrix<T>) -> Result<f64, Failure> {
    let means = rbm.visible_means_given(&rbm.hidden_probabilities(data)?)?;
    let pairs = data.as_slice().iter().zip(means.as_slice());
    let sum: f64 = pairs.map(|(v, mean)| (v.to_f64() - mean.to_f64()).powi(2)).sum();
    Ok(sum / data.as_slice().len() as f64)
}
