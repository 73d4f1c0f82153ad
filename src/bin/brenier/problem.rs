//! A transport problem from files: the arguments that name them, and reading them.

use crate::failure::Failure;
use crate::input::{Numbers, read_column};
use crate::run::RunArguments;
use brenier::matrix::Distance;
use brenier::ot::Problem;
use brenier::{Error, Matrix, Scalar};
use clap::Args;
use std::path::{Path, PathBuf};

/// The files that make a transport problem.
#[derive(Args)]
pub struct ProblemArguments {
    /// Source points, (n, d)
    #[arg(required_unless_present = "cost_matrix")]
    source: Option<PathBuf>,

    /// Target points, (m, d)
    #[arg(required_unless_present = "cost_matrix")]
    target: Option<PathBuf>,

    /// Costs, (n, m), instead of SOURCE and TARGET
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source", "target", "cost"])]
    cost_matrix: Option<PathBuf>,

    /// Mass of each source, (n,) [default: 1/n each]
    #[arg(long, value_name = "FILE")]
    source_weights: Option<PathBuf>,

    /// Mass of each target, (m,) [default: 1/m each]
    #[arg(long, value_name = "FILE")]
    target_weights: Option<PathBuf>,

    /// Cost of moving a unit of mass: sqeuclidean, euclidean, cityblock, chebyshev, cosine, minkowski:P, or
    /// minkowski-power:P (the sum of |x_k - y_k|^P)
    #[arg(long, value_name = "DISTANCE", default_value_t, value_parser = str::parse::<Distance>)]
    cost: Distance,

    /// Each .csv input begins with a line of column names
    #[arg(long)]
    pub csv_header: bool,
}

/// The files that make two clouds, where a cost matrix would not do.
#[derive(Args)]
pub struct CloudArguments {
    /// Source points, (n, d)
    source: PathBuf,

    /// Target points, (m, d)
    target: PathBuf,

    /// Mass of each source, (n,) [default: 1/n each]
    #[arg(long, value_name = "FILE")]
    source_weights: Option<PathBuf>,

    /// Mass of each target, (m,) [default: 1/m each]
    #[arg(long, value_name = "FILE")]
    target_weights: Option<PathBuf>,

    /// Cost of moving a unit of mass, by the names that `brenier ot` knows
    #[arg(long, value_name = "DISTANCE", default_value_t, value_parser = str::parse::<Distance>)]
    cost: Distance,

    /// Each .csv input begins with a line of column names
    #[arg(long)]
    csv_header: bool,
}

impl CloudArguments {
    /// The problem from one cloud to the other.
    pub fn problem(&self) -> ProblemArguments {
        ProblemArguments {
            source: Some(self.source.clone()),
            target: Some(self.target.clone()),
            cost_matrix: None,
            source_weights: self.source_weights.clone(),
            target_weights: self.target_weights.clone(),
            cost: self.cost,
            csv_header: self.csv_header,
        }
    }
}

/// What the files hold, and what reports say about it.
pub struct ProblemInput {
    costs: InputCosts,
    source_weights: Option<Numbers>,
    target_weights: Option<Numbers>,
    /// n.
    pub sources: usize,
    /// m.
    pub targets: usize,
    /// d, where there are points.
    pub dimensions: Option<usize>,
    /// The distance, or `matrix`.
    pub cost_name: String,
}

/// Costs, or both clouds in the same precision.
enum InputCosts {
    Matrix32(Matrix<f32>),
    Matrix64(Matrix<f64>),
    Points32(Matrix<f32>, Matrix<f32>, Distance),
    Points64(Matrix<f64>, Matrix<f64>, Distance),
}

/// The problem in the precision that its files have.
pub enum AnyProblem<'a> {
    /// From `f32` throughout.
    F32(Problem<'a, f32>),
    /// From anything else.
    F64(Problem<'a, f64>),
}

impl ProblemArguments {
    /// The files that are named.
    pub fn paths(&self) -> Vec<&Path> {
        [&self.source, &self.target, &self.cost_matrix, &self.source_weights, &self.target_weights]
            .into_iter()
            .filter_map(|path| path.as_deref())
            .collect()
    }

    /// Reads them.
    pub fn read(&self, run: &RunArguments) -> Result<ProblemInput, Failure> {
        let say = |path: &Path| run.say(&format!("reading {}", path.display()));
        let numbers = |path: &Path| {
            say(path);
            Numbers::read(path, self.csv_header)
        };
        let weights = |path: &Option<PathBuf>| {
            let Some(path) = path else { return Ok(None) };
            say(path);
            read_column(path, "weights", self.csv_header).map(Some)
        };
        let (costs, sources, targets, dimensions, cost_name) =
            match (&self.cost_matrix, &self.source, &self.target) {
                (Some(path), ..) => {
                    let matrix = numbers(path)?;
                    let (sources, targets) = (matrix.rows(), matrix.columns());
                    let costs = match matrix {
                        Numbers::F32(matrix) => InputCosts::Matrix32(matrix),
                        Numbers::F64(matrix) => InputCosts::Matrix64(matrix),
                    };
                    (costs, sources, targets, None, "matrix".to_owned())
                }
                (None, Some(source_path), Some(target_path)) => {
                    let (source, target) = (numbers(source_path)?, numbers(target_path)?);
                    check_dimensions(source_path, &source, target_path, &target)?;
                    let (sources, targets, dimensions) = (source.rows(), target.rows(), source.columns());
                    let costs = match (source, target) {
                        (Numbers::F32(source), Numbers::F32(target)) => {
                            InputCosts::Points32(source, target, self.cost)
                        }
                        (source, target) => {
                            InputCosts::Points64(source.into_f64(), target.into_f64(), self.cost)
                        }
                    };
                    (costs, sources, targets, Some(dimensions), self.cost.to_string())
                }
                // The argument parser has asked for one or the other.
                _ => {
                    return Err(Failure::Message("expected SOURCE and TARGET, or --cost-matrix".to_owned()));
                }
            };
        Ok(ProblemInput {
            costs,
            source_weights: weights(&self.source_weights)?,
            target_weights: weights(&self.target_weights)?,
            sources,
            targets,
            dimensions,
            cost_name,
        })
    }

    /// A solver's error with the file that it is about.
    pub fn locate(&self, error: Error) -> Failure {
        if let Error::MassMismatch { source_mass, target_mass, relative, tolerance } = error {
            let named = |weights: &Option<PathBuf>| match weights {
                Some(path) => path.display().to_string(),
                None => "not given, so one over their number each".to_owned(),
            };
            return Failure::Message(format!(
                "the source weights ({}) sum to {source_mass}, the target weights ({}) to {target_mass}: both sides must \
                 carry the same mass, but these differ by {relative:.1e} relative, more than {tolerance:.0e}",
                named(&self.source_weights),
                named(&self.target_weights),
            ));
        }
        let what = match &error {
            Error::Shape { what, .. }
            | Error::Empty { what }
            | Error::NotFinite { what, .. }
            | Error::NotFiniteEntry { what, .. }
            | Error::Negative { what, .. }
            | Error::ZeroMass { what }
            | Error::ZeroVector { what, .. }
            | Error::Argument { name: what, .. } => *what,
            _ => "",
        };
        let names = |role| what.contains(role);
        let file = if names("source weights") {
            &self.source_weights
        } else if names("target weights") {
            &self.target_weights
        } else if names("costs") || (self.cost_matrix.is_some() && (names("source") || names("target"))) {
            &self.cost_matrix
        } else if names("source") {
            &self.source
        } else if names("target") {
            &self.target
        } else {
            &None
        };
        match file {
            Some(file) => Failure::InFile { file: file.clone(), error },
            None => error.into(),
        }
    }
}

impl ProblemInput {
    /// The problem, as solvers take it.
    pub fn problem(&self) -> AnyProblem<'_> {
        match &self.costs {
            InputCosts::Matrix32(costs) => AnyProblem::F32(self.weighted(Problem::from_costs(costs))),
            InputCosts::Matrix64(costs) => AnyProblem::F64(self.weighted(Problem::from_costs(costs))),
            InputCosts::Points32(source, target, distance) => {
                AnyProblem::F32(self.weighted(Problem::from_points(source, target, *distance)))
            }
            InputCosts::Points64(source, target, distance) => {
                AnyProblem::F64(self.weighted(Problem::from_points(source, target, *distance)))
            }
        }
    }

    fn weighted<'a, T: Scalar>(&self, mut problem: Problem<'a, T>) -> Problem<'a, T> {
        problem = match &self.source_weights {
            Some(Numbers::F32(weights)) => problem.with_source_weights(weights.as_slice()),
            Some(Numbers::F64(weights)) => problem.with_source_weights(weights.as_slice()),
            None => problem,
        };
        match &self.target_weights {
            Some(Numbers::F32(weights)) => problem.with_target_weights(weights.as_slice()),
            Some(Numbers::F64(weights)) => problem.with_target_weights(weights.as_slice()),
            None => problem,
        }
    }

    /// The element type that the solver reads its costs from.
    pub fn element_type(&self) -> &'static str {
        match &self.costs {
            InputCosts::Matrix32(..) | InputCosts::Points32(..) => f32::NAME,
            InputCosts::Matrix64(..) | InputCosts::Points64(..) => f64::NAME,
        }
    }

    /// The problem in words.
    pub fn description(&self) -> String {
        let costs = match self.dimensions {
            Some(dimensions) => format!("{dimensions}-dimensional points, cost {}", self.cost_name),
            None => "cost matrix".to_owned(),
        };
        format!("{} x {}, {costs}, {}", self.sources, self.targets, self.element_type())
    }
}

/// Both clouds live in the same space: the solver would say so too, but it does not know the files.
fn check_dimensions(
    source_path: &Path,
    source: &Numbers,
    target_path: &Path,
    target: &Numbers,
) -> Result<(), Failure> {
    if source.columns() == target.columns() {
        return Ok(());
    }
    Err(Failure::Message(format!(
        "the points of {} have {} coordinates, those of {} have {}",
        source_path.display(),
        source.columns(),
        target_path.display(),
        target.columns()
    )))
}
