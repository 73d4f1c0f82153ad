//! What fitting has found: images, maps, labels.

use super::classes::{ClassCosts, Classes};
use super::maps::Cloud;
use super::sample::widen;
use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView};
use crate::ot::certificate::Status;
use crate::ot::plan::TransportPlan;
use crate::scalar::Scalar;

/// How fitting went.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// [`Status::Optimal`] for an exact plan, [`Status::Converged`] for an entropic one whose marginals have the error that was asked
    /// for and whose classes' shares stay; else what kept it from that.
    pub status: Status,
    /// The L1 error of both marginals, as a share of the mass.
    pub marginal_error: f64,
    /// Iterations of the solver, over all reweightings.
    pub iterations: u64,
    /// How often the class term was bounded anew.
    pub reweightings: u64,
    /// The last change of the classes' shares; NaN where there was no second.
    pub class_change: f64,
    /// ⟨C, P⟩ + ε KL(P ∣ a bᵀ/M) + the class term, after each solve with classes: it does not rise beyond the solver's tolerance.
    pub objectives: Vec<f64>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            status: Status::Inaccurate,
            marginal_error: f64::NAN,
            iterations: 0,
            reweightings: 0,
            class_change: f64::NAN,
            objectives: Vec::new(),
        }
    }
}

/// The plan that was found.
#[derive(Debug, Clone)]
pub(super) enum FittedPlan {
    Exact(TransportPlan),
    /// By the potentials, and what classes pay beside.
    Entropic(Option<ClassCosts>),
}

/// One sample carried onto another: the answer of [`fit`](super::fit).
///
/// It keeps the samples in double precision: O((n + m) d) numbers, and m for each class where there are classes.
#[derive(Debug, Clone)]
pub struct Adaptation {
    /// Sources and targets.
    pub(super) points: [Matrix<f64>; 2],
    pub(super) weights: [Vec<f64>; 2],
    pub(super) potentials: [Vec<f64>; 2],
    /// Zero for an exact plan.
    pub(super) epsilon: f64,
    pub(super) distance: Distance,
    pub(super) plan: FittedPlan,
    pub(super) classes: Option<Classes>,
    pub(super) by_potentials: bool,
    pub(super) outcome: Outcome,
}

/// Which way a map goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From sources to targets.
    Forward = 0,
    /// From targets to sources.
    Back = 1,
}

impl Adaptation {
    /// How fitting went.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Whether the plan is what was asked for.
    pub fn is_converged(&self) -> bool {
        matches!(self.outcome.status, Status::Optimal | Status::Converged)
    }

    /// ε, in units of the cost; zero for an exact plan.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// f: one potential for each source.
    pub fn source_potentials(&self) -> &[f64] {
        &self.potentials[0]
    }

    /// g: one potential for each target.
    pub fn target_potentials(&self) -> &[f64] {
        &self.potentials[1]
    }

    /// Where the sources go: the barycentric projection T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, (n, d).
    ///
    /// A source without mass has an image by its potential; in an exact plan it has none.
    ///
    /// # Errors
    /// [`Error::ZeroRow`] for a source without mass in an exact plan.
    pub fn images(&self) -> Result<Matrix<f64>> {
        self.averages(Way::Forward, &self.points[1])
    }

    /// Where the targets come from: the barycentric projection back, (m, d).
    ///
    /// # Errors
    /// As [`images`](Self::images), for targets.
    pub fn inverse_images(&self) -> Result<Matrix<f64>> {
        self.averages(Way::Back, &self.points[0])
    }

    /// Where any points (k, d) go, as [`OutOfSample`](super::OutOfSample) says. Sources go to their images, but for
    /// those with a class under `Potentials`, as the class of a new point is not known, and those of an exact plan
    /// under `Potentials`, which go to one target.
    ///
    /// # Errors
    /// [`Error::Shape`] for points of another dimension, [`Error::NotFiniteEntry`] for a coordinate,
    /// [`Error::Argument`] for a distance beyond the range of `f64`.
    pub fn transform<'v, T: Scalar>(&self, points: impl Into<MatrixView<'v, T>>) -> Result<Matrix<f64>> {
        self.map(Way::Forward, &widen(points.into()))
    }

    /// Where any points (k, d) come from.
    ///
    /// # Errors
    /// As [`transform`](Self::transform).
    pub fn inverse_transform<'v, T: Scalar>(
        &self,
        points: impl Into<MatrixView<'v, T>>,
    ) -> Result<Matrix<f64>> {
        self.map(Way::Back, &widen(points.into()))
    }

    /// The labels of the sources in order, and of what each target receives the share of each of them: (m, labels).
    /// The rows sum to one where all sources are labelled (label propagation: I. Redko, N. Courty, R. Flamary, D.
    /// Tuia, 2019).
    ///
    /// # Errors
    /// [`Error::Empty`] if no source label is known; [`Error::ZeroRow`] for a target without mass in an exact plan.
    pub fn target_class_shares(&self) -> Result<(Vec<i64>, Matrix<f64>)> {
        let Some(classes) = &self.classes else {
            return Err(Error::Empty { what: "the set of known source labels" });
        };
        let shares = self.averages(Way::Back, &classes.indicators())?;
        Ok((classes.labels.clone(), shares))
    }

    /// For each target the label from which it receives most.
    ///
    /// # Errors
    /// As [`target_class_shares`](Self::target_class_shares).
    pub fn predict_target_labels(&self) -> Result<Vec<i64>> {
        let (labels, shares) = self.target_class_shares()?;
        let most = |row: &[f64]| (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
        Ok((0..shares.rows()).map(|target| labels[most(shares.row(target))]).collect())
    }

    fn cloud(&self, way: Way) -> Cloud<'_> {
        let other = 1 - way as usize;
        Cloud {
            points: &self.points[other],
            weights: &self.weights[other],
            potentials: &self.potentials[other],
            distance: self.distance,
        }
    }

    /// For each point of the sample the average of the values (one row for each point of the other side) under the plan.
    fn averages(&self, way: Way, values: &Matrix<f64>) -> Result<Matrix<f64>> {
        let points = &self.points[way as usize];
        match (&self.plan, way) {
            (FittedPlan::Exact(plan), _) => {
                let (averages, masses) = exact_averages(plan, way, values);
                match masses.iter().position(|&mass| mass <= 0.0) {
                    Some(row) => Err(Error::ZeroRow { what: "exact plan", row }),
                    None => Ok(averages),
                }
            }
            (FittedPlan::Entropic(None), _) => {
                self.cloud(way).soft_map(points, values, self.epsilon, |_, _| {})
            }
            (FittedPlan::Entropic(Some(extra)), Way::Forward) => {
                self.cloud(way)
                    .soft_map(points, values, self.epsilon, |row, costs| extra.add_to_row(row, costs))
            }
            (FittedPlan::Entropic(Some(extra)), Way::Back) => {
                self.cloud(way)
                    .soft_map(points, values, self.epsilon, |row, costs| extra.add_to_column(row, costs))
            }
        }
    }

    fn map(&self, way: Way, points: &Matrix<f64>) -> Result<Matrix<f64>> {
        let dimensions = self.points[0].columns();
        if points.columns() != dimensions {
            return Err(Error::Shape {
                operation: "Adaptation::transform",
                what: "number of coordinates",
                expected: dimensions,
                got: points.columns(),
            });
        }
        if points.rows() == 0 {
            return Ok(Matrix::zeros(0, dimensions));
        }
        let cloud = self.cloud(way);
        if !self.by_potentials {
            return self.move_with_nearest(way, points);
        }
        if self.epsilon > 0.0 {
            return cloud.soft_map(points, cloud.points, self.epsilon, |_, _| {});
        }
        let chosen = cloud.hard_map(points)?;
        Ok(Matrix::from_fn(points.rows(), dimensions, |row, column| cloud.points[(chosen[row], column)]))
    }

    /// x + T(xᵢ) - xᵢ, with xᵢ the point of the sample nearest to x that has mass.
    fn move_with_nearest(&self, way: Way, points: &Matrix<f64>) -> Result<Matrix<f64>> {
        let side = way as usize;
        let sample = &self.points[side];
        let zeros = vec![0.0; sample.rows()];
        let nearest = Cloud {
            points: sample,
            weights: &self.weights[side],
            potentials: &zeros,
            distance: Distance::SquaredEuclidean,
        }
        .hard_map(points)?;
        let images = match &self.plan {
            // Points without mass have none, but nobody moves with them.
            FittedPlan::Exact(plan) => exact_averages(plan, way, &self.points[1 - side]).0,
            FittedPlan::Entropic(_) => self.averages(way, &self.points[1 - side])?,
        };
        Ok(Matrix::from_fn(points.rows(), points.columns(), |row, column| {
            let (x, near) = (points[(row, column)], (nearest[row], column));
            // In this order a point of the sample goes to its image to the last digit.
            images[near] + (x - sample[near])
        }))
    }
}

/// For each point the average of the values under the plan, or zero without mass; and its mass.
fn exact_averages(plan: &TransportPlan, way: Way, values: &Matrix<f64>) -> (Matrix<f64>, Vec<f64>) {
    let masses = match way {
        Way::Forward => plan.source_marginal(),
        Way::Back => plan.target_marginal(),
    };
    let mut averages = Matrix::zeros(masses.len(), values.columns());
    for entry in plan.entries() {
        let (from, to) = match way {
            Way::Forward => (entry.source, entry.target),
            Way::Back => (entry.target, entry.source),
        };
        let share = entry.mass / masses[from];
        for (average, value) in averages.row_mut(from).iter_mut().zip(values.row(to)) {
            *average += share * value;
        }
    }
    (averages, masses)
}
