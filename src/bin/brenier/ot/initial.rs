//! Where the solver begins: potentials or a plan from files, as an earlier run wrote them.

use crate::failure::Failure;
use crate::input::{Numbers, is_csv, read_column};
use crate::output::PlanFormat;
use crate::run::RunArguments;
use brenier::data::csv::{self, CsvOptions};
use brenier::ot::exact::Options;
use brenier::ot::plan::PlanEntry;
use brenier::ot::{TransportPlan, sinkhorn};
use brenier::{Error, Matrix};
use clap::Args;
use std::path::{Path, PathBuf};

/// The files that the solver begins with.
#[derive(Args)]
pub struct InitialArguments {
    /// Begin with potentials f, (n,), and g, (m,), for instance those of a similar problem (a plain simplex ignores them)
    #[arg(long, num_args = 2, value_names = ["F", "G"])]
    initial_potentials: Option<Vec<PathBuf>>,

    /// Begin with this plan, for instance that of a similar problem
    #[arg(long, value_name = "FILE", conflicts_with_all = ["initial_potentials", "epsilon"])]
    initial_plan: Option<PathBuf>,

    /// How the initial plan is laid out
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "dense", requires = "initial_plan")]
    initial_plan_format: PlanFormat,
}

impl InitialArguments {
    /// The files that are named.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.initial_potentials.iter().flatten().chain(&self.initial_plan).map(PathBuf::as_path)
    }

    /// Reads the potentials, for the entropic solver. `header` says that `.csv` files begin with names.
    pub fn read_potentials(
        &self,
        options: sinkhorn::Options,
        header: bool,
        run: &RunArguments,
    ) -> Result<sinkhorn::Options, Failure> {
        self.paths().for_each(|path| run.say(&format!("reading {}", path.display())));
        Ok(match self.potentials(header)? {
            Some([f, g]) => options.with_initial(f.as_slice().to_vec(), g.as_slice().to_vec()),
            None => options,
        })
    }

    fn potentials(&self, header: bool) -> Result<Option<[Matrix<f64>; 2]>, Failure> {
        let Some([f, g]) = self.initial_potentials.as_deref() else { return Ok(None) };
        let potentials = |path| Ok::<_, Failure>(read_column(path, "potentials", header)?.into_f64());
        Ok(Some([potentials(f)?, potentials(g)?]))
    }

    /// Reads them, for a problem of so many sources and targets. `header` says that `.csv` files begin with names.
    pub fn read(
        &self,
        options: Options,
        [sources, targets]: [usize; 2],
        header: bool,
        run: &RunArguments,
    ) -> Result<Options, Failure> {
        for path in self.paths() {
            run.say(&format!("reading {}", path.display()));
        }
        if let Some([f, g]) = self.potentials(header)? {
            return Ok(options.with_initial_potentials(f.as_slice(), g.as_slice()));
        }
        let Some(path) = &self.initial_plan else { return Ok(options) };
        let entries = match self.initial_plan_format {
            PlanFormat::Dense => {
                let plan = Numbers::read(path, header)?.into_f64();
                if (plan.rows(), plan.columns()) != (sources, targets) {
                    return Err(Failure::Message(format!(
                        "{}: the initial plan is {} x {}, expected {sources} x {targets} (a list of its positive \
                         entries needs --initial-plan-format sparse)",
                        path.display(),
                        plan.rows(),
                        plan.columns()
                    )));
                }
                entries_of_matrix(path, &plan)?
            }
            PlanFormat::Sparse => entries_of_triplets(path, &read_triplets(path)?, [sources, targets])?,
        };
        Ok(options.with_initial_plan(TransportPlan::new(sources, targets, entries)?))
    }

    /// The file that a solver's error is about, if it is one of these.
    pub fn locate(&self, error: &Error) -> Option<&Path> {
        let (Error::Shape { what, .. } | Error::NotFinite { what, .. }) = error else { return None };
        let [f, g] = self.initial_potentials.as_deref()? else { return None };
        match what {
            _ if what.contains("source potentials") => Some(f),
            _ if what.contains("target potentials") => Some(g),
            _ => None,
        }
    }
}

/// The entries of a dense plan that are not zero.
fn entries_of_matrix(path: &Path, plan: &Matrix<f64>) -> Result<Vec<PlanEntry>, Failure> {
    let mut entries = Vec::new();
    for source in 0..plan.rows() {
        for (target, &mass) in plan.row(source).iter().enumerate() {
            if mass != 0.0 {
                check_mass(path, &format!("the initial plan[{source}, {target}]"), mass)?;
                entries.push(PlanEntry { source, target, mass });
            }
        }
    }
    Ok(entries)
}

/// Reads rows of source, target and mass; a `.csv` file of them begins with these names, as the command writes it.
fn read_triplets(path: &Path) -> Result<Matrix<f64>, Failure> {
    let refuse = |what: String| Failure::Message(format!("{}: {what}", path.display()));
    let triplets = if is_csv(path) {
        let table = csv::read(path, &CsvOptions::default().header(true))?;
        let names = table.header.unwrap_or_default();
        if names != ["source", "target", "mass"] {
            let names = names.join(",");
            return Err(refuse(format!(
                "the first line of a sparse plan is \"source,target,mass\", not \"{names}\""
            )));
        }
        table.values
    } else {
        Numbers::read(path, false)?.into_f64()
    };
    if triplets.columns() != 3 {
        let (rows, columns) = (triplets.rows(), triplets.columns());
        return Err(refuse(format!(
            "a sparse plan has three columns, source, target and mass, but this is {rows} x {columns}"
        )));
    }
    Ok(triplets)
}

/// The entries that rows of source, target and mass stand for.
fn entries_of_triplets(
    path: &Path,
    triplets: &Matrix<f64>,
    [sources, targets]: [usize; 2],
) -> Result<Vec<PlanEntry>, Failure> {
    let index = |row: usize, column: usize, name: &str, bound: usize| {
        let value = triplets[(row, column)];
        // The comparison is false for NaN too.
        if value.fract() == 0.0 && (0.0..bound as f64).contains(&value) {
            return Ok(value as usize);
        }
        Err(Failure::Message(format!(
            "{}: {name} of entry {row} is {value}: it must be a whole number from 0 to below {bound}",
            path.display()
        )))
    };
    (0..triplets.rows())
        .map(|row| {
            let (source, target) =
                (index(row, 0, "the source", sources)?, index(row, 1, "the target", targets)?);
            let mass = triplets[(row, 2)];
            check_mass(path, &format!("the mass of entry {row}"), mass)?;
            Ok(PlanEntry { source, target, mass })
        })
        .collect()
}

fn check_mass(path: &Path, place: &str, mass: f64) -> Result<(), Failure> {
    if mass.is_finite() && mass >= 0.0 {
        return Ok(());
    }
    Err(Failure::Message(format!(
        "{}: {place} is {mass}: it must be finite and not negative",
        path.display()
    )))
}
