//! `brenier bench`: how fast this machine does what others measure too.

mod lp;
mod mlp;
mod probe;
mod rbm;
mod sinkhorn;

use crate::failure::Failure;
use crate::input::Numbers;
use brenier::{Matrix, Scalar};
use clap::{Args, Subcommand};
use std::time::Instant;

/// Measure how fast this machine is
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    work: Work,
}

/// What can be measured.
#[derive(Subcommand)]
enum Work {
    Sinkhorn(Box<sinkhorn::Arguments>),
    Mlp(Box<mlp::Arguments>),
    Rbm(Box<rbm::Arguments>),
    Probe(Box<probe::Arguments>),
    Lp(Box<lp::Arguments>),
}

impl Arguments {
    /// Whether an object was asked for.
    pub fn json(&self) -> bool {
        match &self.work {
            Work::Sinkhorn(arguments) => arguments.run.json,
            Work::Mlp(arguments) => arguments.run.json,
            Work::Rbm(arguments) => arguments.run.json,
            Work::Probe(arguments) => arguments.run.json,
            Work::Lp(arguments) => arguments.run.json,
        }
    }
}

/// Measures and reports; the exit code if there is a measurement.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    match &arguments.work {
        Work::Sinkhorn(arguments) => sinkhorn::run(arguments, started),
        Work::Mlp(arguments) => mlp::run(arguments, started),
        Work::Rbm(arguments) => rbm::run(arguments, started),
        Work::Probe(arguments) => probe::run(arguments, started),
        Work::Lp(arguments) => lp::run(arguments, started),
    }
}

/// The arithmetics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PrecisionName {
    /// f32
    Single,
    /// f64
    Double,
}

impl PrecisionName {
    /// As it is given and reported.
    fn name(self) -> &'static str {
        match self {
            PrecisionName::Single => "single",
            PrecisionName::Double => "double",
        }
    }
}

/// Reads a number of things.
fn size(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&count| count > 0)
        .ok_or_else(|| "it must be a whole number, at least 1".to_owned())
}

/// The middle of sorted times, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    0.5 * (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2])
}

/// Reads a number that is greater than zero.
fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "it must be a finite number greater than 0".to_owned())
}

/// Numbers from a file in the arithmetic of the run.
fn narrow<T: Scalar>(numbers: &Numbers) -> Matrix<T> {
    let (columns, values) = (numbers.columns(), numbers.to_vec());
    Matrix::from_fn(numbers.rows(), columns, |row, column| T::from_f64(values[row * columns + column]))
}
