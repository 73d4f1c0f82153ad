//! A folder of input files to run the command in, and what its outputs are checked with.

use brenier::data::npy;
use brenier::{Matrix, Scalar};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An empty folder for one test's files; the command runs in it, so that paths in messages are short.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("command_line").join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a cloud.
    pub fn cloud<T: Scalar>(&self, name: &str, points: &Matrix<T>) -> &Self {
        npy::write(self.path(name), points).unwrap();
        self
    }

    /// Writes weights.
    pub fn weights<T: Scalar>(&self, name: &str, weights: &[T]) -> &Self {
        npy::write_vector(self.path(name), weights).unwrap();
        self
    }

    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brenier"));
        command.current_dir(&self.0).args(arguments.split_whitespace());
        command
    }

    pub fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The object that `--json` prints, with the exit code that must come with it.
    pub fn json(&self, arguments: &str, code: i32) -> Value {
        let output = self.run(&format!("{arguments} --json"));
        assert_eq!(output.status.code(), Some(code), "{arguments}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Numbers in [0, 1) from a linear congruential generator (Knuth's constants): the same on every machine.
pub fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

pub fn random_cloud(count: usize, dimensions: usize, seed: u64) -> Matrix<f64> {
    let mut next = numbers(seed);
    Matrix::from_fn(count, dimensions, |_, _| next())
}

/// Positive weights that sum to one but for rounding.
pub fn random_weights(count: usize, seed: u64) -> Vec<f64> {
    let mut next = numbers(seed);
    let raw: Vec<f64> = (0..count).map(|_| 0.1 + next()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// Row sums and column sums.
pub fn marginals(plan: &Matrix<f64>) -> (Vec<f64>, Vec<f64>) {
    let mut columns = vec![0.0; plan.columns()];
    let mut rows = Vec::new();
    for row in 0..plan.rows() {
        rows.push(plan.row(row).iter().sum());
        for (sum, mass) in columns.iter_mut().zip(plan.row(row)) {
            *sum += mass;
        }
    }
    (rows, columns)
}

/// The dense form of a file of triplets.
pub fn densify(triplets: &Matrix<f64>, rows: usize, columns: usize) -> Matrix<f64> {
    let mut plan = Matrix::zeros(rows, columns);
    for entry in 0..triplets.rows() {
        let [source, target, mass] = *triplets.row(entry) else {
            panic!("three numbers");
        };
        assert!(mass > 0.0);
        plan[(source as usize, target as usize)] += mass;
    }
    plan
}

/// Sums of at most `count` terms of size at most one, each rounded: far below `count` units of rounding.
pub fn close(a: &[f64], b: &[f64]) -> bool {
    let tolerance = (a.len() + b.len()) as f64 * f64::EPSILON;
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
}
