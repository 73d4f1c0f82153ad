//! Writing what a command has found: `.npy`, or `.csv` by the file's name.

use crate::failure::Failure;
use crate::input::is_csv;
use brenier::Matrix;
use brenier::data::csv::{self, CsvOptions};
use brenier::data::{DataError, Origin, npy};
use brenier::ot::TransportPlan;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Entries of the largest plan that is written densely: 2 GiB of `f64`.
pub const MOST_DENSE_ENTRIES: usize = 1 << 28;

/// How a plan is laid out in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PlanFormat {
    /// The matrix P: sources x targets
    Dense,
    /// One row for each positive entry: source, target, mass (indices from 0)
    Sparse,
}

/// Checks before a long computation that its outputs can be written: they can be opened, none is named twice, and none
/// would overwrite an input. Files that are there keep their content, files that are not are not left behind.
pub fn check(outputs: &[&Path], inputs: &[&Path]) -> Result<(), Failure> {
    let mut taken: Vec<PathBuf> = inputs.iter().filter_map(|path| identity(path)).collect();
    for path in outputs {
        check_writable(path).map_err(|reason| DataError::Io {
            operation: "write",
            origin: Origin::File(path.to_path_buf()),
            reason,
        })?;
        if let Some(identity) = identity(path) {
            if taken.contains(&identity) {
                return Err(Failure::Message(format!(
                    "{}: this output is also an input or another output",
                    path.display()
                )));
            }
            taken.push(identity);
        }
    }
    Ok(())
}

/// One spelling for all paths to a file; none for pipes and devices, which may be named as often as one likes.
fn identity(path: &Path) -> Option<PathBuf> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::canonicalize(path).ok(),
        Ok(_) => None,
        Err(_) => {
            let folder = path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
        }
    }
}

/// Opens the file for writing, and leaves everything as it was.
fn check_writable(path: &Path) -> std::io::Result<()> {
    match fs::metadata(path) {
        // Opening a pipe would tell its reader that the end has come.
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => Ok(()),
        Ok(_) => OpenOptions::new().write(true).open(path).map(drop),
        Err(reason) if reason.kind() == ErrorKind::NotFound => {
            OpenOptions::new().write(true).create_new(true).open(path)?;
            fs::remove_file(path)
        }
        Err(reason) => Err(reason),
    }
}

/// Writes a plan.
pub fn write_plan(path: &Path, format: PlanFormat, plan: &TransportPlan) -> Result<(), Failure> {
    match format {
        PlanFormat::Dense => write_matrix(path, &plan.to_matrix()),
        PlanFormat::Sparse if is_csv(path) => {
            let header = std::iter::once(["source", "target", "mass"].map(str::to_owned));
            let entries = plan.entries().iter().map(|entry| {
                [
                    entry.source.to_string(),
                    entry.target.to_string(),
                    format!("{:?}", entry.mass),
                ]
            });
            let file = File::create(path).map_err(|reason| refused("create", path, reason))?;
            csv::write_records_to(
                std::io::BufWriter::new(file),
                header.chain(entries),
                &CsvOptions::default(),
            )
            .map_err(|error| in_file(error, path))?;
            Ok(())
        }
        PlanFormat::Sparse => {
            // Indices are exact in f64: there are fewer than 2^53.
            let triplets: Vec<f64> = plan
                .entries()
                .iter()
                .flat_map(|entry| [entry.source as f64, entry.target as f64, entry.mass])
                .collect();
            Ok(npy::write_elements(path, &[plan.entries().len(), 3], &triplets)?)
        }
    }
}

/// Writes a vector; as text, a number on each line.
pub fn write_vector(path: &Path, vector: &[f64]) -> Result<(), Failure> {
    if is_csv(path) {
        write_matrix(path, &Matrix::from_fn(vector.len(), 1, |row, _| vector[row]))
    } else {
        Ok(npy::write_vector(path, vector)?)
    }
}

fn write_matrix(path: &Path, matrix: &Matrix<f64>) -> Result<(), Failure> {
    Ok(if is_csv(path) {
        csv::write(path, matrix, None, &CsvOptions::default())?
    } else {
        npy::write(path, matrix)?
    })
}

fn refused(operation: &'static str, path: &Path, reason: std::io::Error) -> DataError {
    DataError::Io {
        operation,
        origin: Origin::File(path.to_owned()),
        reason,
    }
}

/// The same error with the file instead of a nameless stream.
fn in_file(error: DataError, path: &Path) -> DataError {
    match error {
        DataError::Io {
            operation, reason, ..
        } => refused(operation, path, reason),
        other => other,
    }
}
