//! Writing what a command has found: `.npy`, or `.csv` by the file's name.

use crate::failure::{Failure, in_file, refused};
use crate::input::is_csv;
use crate::run::RunArguments;
use brenier::Matrix;
use brenier::data::csv::{self, CsvOptions};
use brenier::data::npy;
use brenier::ot::TransportPlan;
use brenier::ot::sinkhorn::EntropicPlan;
use clap::Args;
use clap::builder::ArgPredicate;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Entries of the largest plan that is written densely: 2 GiB of `f64`.
const MOST_DENSE_ENTRIES: usize = 1 << 28;

/// The most entries of an entropic plan that are written as triplets.
const MOST_SPARSE_ENTRIES: usize = MOST_DENSE_ENTRIES / 3;

/// A plan of either solver.
#[derive(Clone, Copy)]
pub enum AnyPlan<'p> {
    /// A few positive entries.
    Exact(&'p TransportPlan),
    /// Positive everywhere: computed where it is written.
    Entropic(&'p EntropicPlan<'p>),
}

/// How a plan is laid out in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PlanFormat {
    /// The matrix P: sources x targets
    Dense,
    /// One row for each positive entry: source, target, mass (indices from 0)
    Sparse,
}

/// The files that a transport command writes.
#[derive(Args)]
pub struct OutputArguments {
    /// Write the plan P to this .npy or .csv file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    plan: Option<PathBuf>,

    /// How the plan is laid out
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "dense",
        default_value_if("top", ArgPredicate::IsPresent, "sparse"),
        requires = "plan",
        help_heading = "Output"
    )]
    plan_format: PlanFormat,

    /// Of an entropic plan write the K largest entries of each row only, as a sparse plan if --plan-format does not say otherwise
    #[arg(
        long,
        value_name = "K",
        value_parser = at_least_one,
        requires_all = ["plan", "epsilon"],
        help_heading = "Output"
    )]
    top: Option<usize>,

    /// Write the potentials f, (n,), to this .npy or .csv file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    source_potentials: Option<PathBuf>,

    /// Write the potentials g, (m,), to this .npy or .csv file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    target_potentials: Option<PathBuf>,
}

impl OutputArguments {
    /// Checks before a long computation that the files can be written, as [`check_outputs`] does.
    pub fn check(&self, inputs: &[&Path]) -> Result<(), Failure> {
        check_outputs(inputs, &[&self.plan, &self.source_potentials, &self.target_potentials])
    }

    /// Refuses to begin what could not be written in the end. An entropic plan has no zeros to leave out.
    pub fn check_size(&self, sources: usize, targets: usize, entropic: bool) -> Result<(), Failure> {
        let Some(path) = &self.plan else { return Ok(()) };
        let (layout, entries, most) = match self.plan_format {
            PlanFormat::Dense => ("dense", sources.saturating_mul(targets), MOST_DENSE_ENTRIES),
            PlanFormat::Sparse if entropic => {
                let each = self.top.map_or(targets, |top| top.min(targets));
                ("sparse", sources.saturating_mul(each), MOST_SPARSE_ENTRIES)
            }
            PlanFormat::Sparse => return Ok(()),
        };
        if entries <= most {
            return Ok(());
        }
        let instead = if entropic {
            "--top K writes the K largest of each row alone".to_owned()
        } else {
            let positive = sources.saturating_add(targets);
            format!("--plan-format sparse writes the positive ones alone, fewer than {positive}")
        };
        Err(Failure::Message(format!(
            "{}: a {layout} plan of {sources} x {targets} is more than {most} entries; {instead}",
            path.display(),
        )))
    }

    /// Writes what was asked for.
    pub fn write(
        &self,
        plan: AnyPlan<'_>,
        source_potentials: &[f64],
        target_potentials: &[f64],
        run: &RunArguments,
    ) -> Result<(), Failure> {
        if let Some(path) = &self.plan {
            run.say(&format!("writing {}", path.display()));
            match (plan, self.plan_format, self.top) {
                (AnyPlan::Exact(plan), format, _) => write_plan(path, format, plan)?,
                (AnyPlan::Entropic(plan), PlanFormat::Dense, None) => write_matrix(path, &plan.to_matrix())?,
                (AnyPlan::Entropic(plan), format, top) => {
                    write_plan(path, format, &plan.largest_entries(top.unwrap_or(plan.columns())))?;
                }
            }
        }
        for (path, potentials) in
            [(&self.source_potentials, source_potentials), (&self.target_potentials, target_potentials)]
        {
            if let Some(path) = path {
                run.say(&format!("writing {}", path.display()));
                write_vector(path, potentials)?;
            }
        }
        Ok(())
    }

    /// The most entries of each row that are written.
    pub fn top(&self) -> Option<usize> {
        self.top
    }

    /// Where the plan goes.
    pub fn plan(&self) -> Option<&Path> {
        self.plan.as_deref()
    }

    /// The files by their keys in the JSON object.
    pub fn names(&self) -> [(String, Value); 3] {
        [
            ("plan", &self.plan),
            ("source_potentials", &self.source_potentials),
            ("target_potentials", &self.target_potentials),
        ]
        .map(|(key, path)| {
            let name = path.as_deref().map(Path::to_string_lossy);
            (key.to_owned(), json!(name))
        })
    }
}

/// Checks before a long computation that the files can be written: they can be opened, none is named twice, and none would
/// overwrite an input. What is there keeps its content, what is not is not left behind.
pub fn check_outputs(inputs: &[&Path], outputs: &[&Option<PathBuf>]) -> Result<(), Failure> {
    let mut taken: Vec<PathBuf> = inputs.iter().filter_map(|path| identity(path)).collect();
    for path in outputs.iter().copied().flatten() {
        check_writable(path).map_err(|reason| refused("write", path, reason))?;
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

/// Reads a number of entries.
fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&count| count > 0)
        .ok_or_else(|| "it must be a whole number, at least 1".to_owned())
}

/// One spelling for all paths to a file; none for pipes and devices, which may be named as often as one likes.
fn identity(path: &Path) -> Option<PathBuf> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::canonicalize(path).ok(),
        Ok(_) => None,
        Err(_) => {
            let folder =
                path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
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
fn write_plan(path: &Path, format: PlanFormat, plan: &TransportPlan) -> Result<(), Failure> {
    match format {
        PlanFormat::Dense => write_matrix(path, &plan.to_matrix()),
        PlanFormat::Sparse if is_csv(path) => {
            let header = std::iter::once(["source", "target", "mass"].map(str::to_owned));
            let entries = plan.entries().iter().map(|entry| {
                [entry.source.to_string(), entry.target.to_string(), format!("{:?}", entry.mass)]
            });
            let file = File::create(path).map_err(|reason| refused("create", path, reason))?;
            csv::write_records_to(
                std::io::BufWriter::new(file),
                header.chain(entries),
                &CsvOptions::default(),
            )
            .map_err(|error| in_file(error, path))
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
fn write_vector(path: &Path, vector: &[f64]) -> Result<(), Failure> {
    if is_csv(path) {
        write_matrix(path, &Matrix::from_fn(vector.len(), 1, |row, _| vector[row]))
    } else {
        Ok(npy::write_vector(path, vector)?)
    }
}

fn write_matrix(path: &Path, matrix: &Matrix<f64>) -> Result<(), Failure> {
    let written = if is_csv(path) {
        csv::write(path, matrix, None, &CsvOptions::default())
    } else {
        npy::write(path, matrix)
    };
    Ok(written?)
}
