//! Barycentres of point clouds on points that move.
//!
//! The objective `Σ λₖ min_P Σ Pᵢⱼ |xᵢ - yₖⱼ|²` is minimised over the plans for given points, and over the points for given plans,
//! `xᵢ = Σₖ λₖ Σⱼ Pₖᵢⱼ yₖⱼ / wᵢ`, in turn (Cuturi and Doucet, ICML 2014, algorithm 2 with full steps). It never increases, and since plans
//! at vertices are finitely many, it ends: at a local minimum, which depends on the initial points.

use super::{MASS_TOLERANCE, Status, check_masses, check_shares, check_tolerance};
use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView};
use crate::ot::exact;
use crate::ot::geodesic::{WeightedPoints, barycentric_projection};
use crate::ot::problem::{Problem, Weights, checked_side, sum};
use crate::ot::progress::{Progress, run_to_the_end};
use std::ops::ControlFlow;

/// What finds the plans.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Inner {
    /// The exact solver.
    Exact(exact::Options),
}

impl Default for Inner {
    fn default() -> Self {
        Inner::Exact(exact::Options::default())
    }
}

/// Options of [`free_support`](fn@free_support).
///
/// # Examples
/// ```
/// use brenier::ot::barycentre::FreeOptions;
/// assert_eq!(FreeOptions::default().with_max_iterations(20).max_iterations, 20);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FreeOptions {
    /// Largest number of times that the points move, default 200.
    pub max_iterations: u64,
    /// The residual to reach, default 1e-9.
    pub tolerance: f64,
    /// What finds the plans.
    pub inner: Inner,
}

impl Default for FreeOptions {
    fn default() -> Self {
        Self { max_iterations: 200, tolerance: 1e-9, inner: Inner::default() }
    }
}

impl FreeOptions {
    /// Sets the largest number of times that the points move.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the residual to reach.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets what finds the plans.
    pub fn with_inner(mut self, inner: Inner) -> Self {
        self.inner = inner;
        self
    }
}

/// A barycentre of point clouds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FreeBarycentre {
    /// The points, and their weights as given.
    pub cloud: WeightedPoints<f64>,
    /// How the iteration ended.
    pub status: Status,
    /// How far the points would move next, `(Σ wᵢ |xᵢ' - xᵢ|² / Σ wᵢ)^½`, over the root mean square distance of the clouds' points
    /// from the clouds' common mean.
    pub residual: f64,
    /// `Σ λₖ OT(αₖ, cloud)` for the cost |x - y|²: W₂² if the mass is one.
    pub objective: f64,
    /// How often the points have moved.
    pub iterations: u64,
}

/// A barycentre of weighted clouds with the weights λ, with as many points as `initial`: (m, d), and the masses `point_weights`, each
/// more than zero (`None`: equal shares of the clouds' mass).
///
/// Cost: an exact solution for each cloud with λ > 0 and each iteration.
///
/// # Errors
/// - [`Error::Empty`], [`Error::Shape`], [`Error::NotFiniteEntry`] for clouds and points;
/// - weights: [`Error::NotFinite`], [`Error::Negative`], [`Error::ZeroMass`], [`Error::ZeroRow`] for a point of the
///   barycentre without mass, [`Error::UnequalMass`] if two clouds, [`Error::MassMismatch`] if the barycentre and the
///   clouds differ by more than 1e-9 relative;
/// - λ: the same, and [`Error::Argument`] if they do not sum to one within 1e-9;
/// - those of [`exact::solve_with`].
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::barycentre::{FreeOptions, free_support};
/// use brenier::ot::geodesic::WeightedPoints;
/// let cloud = |points| WeightedPoints { points, weights: vec![0.5, 0.5] };
/// let clouds = [
///     cloud(Matrix::from_rows([[0.0, 0.0], [1.0, 0.0]])),
///     cloud(Matrix::from_rows([[5.0, 4.0], [4.0, 4.0]])),
/// ];
/// let initial = Matrix::from_rows([[0.0, 0.0], [3.0, 0.0]]);
/// let answer = free_support(&clouds, &[0.5, 0.5], &initial, None, &FreeOptions::default())?;
/// assert_eq!(answer.cloud.points, Matrix::from_rows([[2.0, 2.0], [3.0, 2.0]]));
/// assert_eq!(answer.objective, 8.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "barycenter")]
pub fn free_support<'a>(
    clouds: &[WeightedPoints<f64>],
    weights: &[f64],
    initial: impl Into<MatrixView<'a, f64>>,
    point_weights: Option<&[f64]>,
    options: &FreeOptions,
) -> Result<FreeBarycentre> {
    free_support_with(clouds, weights, initial, point_weights, options, &mut run_to_the_end)
}

/// [`free_support`](fn@free_support), telling `observer` about every move of the points, which may stop it.
///
/// # Errors
/// As there.
pub fn free_support_with<'a>(
    clouds: &[WeightedPoints<f64>],
    weights: &[f64],
    initial: impl Into<MatrixView<'a, f64>>,
    point_weights: Option<&[f64]>,
    options: &FreeOptions,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<FreeBarycentre> {
    const OPERATION: &str = "barycentre::free_support";
    let initial = initial.into();
    check_tolerance(options.tolerance)?;
    let mass = check_clouds(OPERATION, clouds, weights, initial)?;
    let point_weights = match point_weights {
        None => vec![mass / initial.rows() as f64; initial.rows()],
        Some(given) => {
            let names = ["barycentre weights", "number of barycentre weights"];
            let (given, given_mass) = checked_side(names, Some(&Weights::new(given)), initial.rows())?;
            if let Some(row) = given.iter().position(|&weight| weight == 0.0) {
                return Err(Error::ZeroRow { what: names[0], row });
            }
            let relative = (given_mass - mass).abs() / given_mass.max(mass);
            if relative > MASS_TOLERANCE {
                return Err(Error::MassMismatch {
                    source_mass: given_mass,
                    target_mass: mass,
                    relative,
                    tolerance: MASS_TOLERANCE,
                });
            }
            given
        }
    };
    let members: Vec<(&WeightedPoints<f64>, f64)> =
        clouds.iter().zip(weights.iter().copied()).filter(|(_, weight)| *weight > 0.0).collect();
    let extent = extent(&members, mass);
    let mut points = initial.to_matrix();
    let mut iterations = 0;
    loop {
        let Step { next, objective, proved } = step(&points, &point_weights, &members, &options.inner)?;
        let moved = sum(point_weights.iter().enumerate().map(|(row, weight)| {
            let pairs = points.row(row).iter().zip(next.row(row));
            weight / mass * pairs.map(|(x, y)| ((x - y) / extent).powi(2)).sum::<f64>()
        }));
        let residual = moved.sqrt();
        let progress = Progress {
            stage: "moving the points",
            iterations,
            cost: objective,
            residual,
            fraction: f64::NAN,
        };
        let status = if !proved {
            Some(Status::Inaccurate)
        } else if residual <= options.tolerance {
            Some(Status::Converged)
        } else if iterations >= options.max_iterations {
            Some(Status::IterationLimit)
        } else {
            observer(&progress).is_break().then_some(Status::Stopped)
        };
        if let Some(status) = status {
            let cloud = WeightedPoints { points, weights: point_weights };
            return Ok(FreeBarycentre { cloud, status, residual, objective, iterations });
        }
        points = next;
        iterations += 1;
    }
}

/// Where the points go next, and the objective where they are.
struct Step {
    next: Matrix<f64>,
    objective: f64,
    /// Whether every plan is proved optimal.
    proved: bool,
}

fn step(
    points: &Matrix<f64>,
    point_weights: &[f64],
    members: &[(&WeightedPoints<f64>, f64)],
    inner: &Inner,
) -> Result<Step> {
    let mut step =
        Step { next: Matrix::zeros(points.rows(), points.columns()), objective: 0.0, proved: true };
    let Inner::Exact(options) = inner;
    for (cloud, share) in members {
        let problem = Problem::from_points(points, &cloud.points, Distance::SquaredEuclidean)
            .with_source_weights(point_weights)
            .with_target_weights(&cloud.weights);
        let solution = exact::solve_with(&problem, options, &mut run_to_the_end)?;
        step.proved &= solution.certificate.is_optimal();
        step.objective += share * solution.cost();
        let image = barycentric_projection(&solution.plan, &cloud.points)?;
        for (total, coordinate) in step.next.as_mut_slice().iter_mut().zip(image.as_slice()) {
            *total += share * coordinate;
        }
    }
    Ok(step)
}

/// Checks clouds, λ and initial points; the clouds' common mass.
fn check_clouds(
    operation: &'static str,
    clouds: &[WeightedPoints<f64>],
    weights: &[f64],
    initial: MatrixView<'_, f64>,
) -> Result<f64> {
    if clouds.is_empty() {
        return Err(Error::Empty { what: "clouds" });
    }
    if initial.rows() == 0 || initial.columns() == 0 {
        return Err(Error::Empty { what: "initial points" });
    }
    check_shares(operation, weights, clouds.len())?;
    initial.check_finite("initial points")?;
    let mut masses = Vec::with_capacity(clouds.len());
    for cloud in clouds {
        let (count, dimension) = cloud.points.shape();
        if count == 0 {
            return Err(Error::Empty { what: "the points of a cloud" });
        }
        if dimension != initial.columns() {
            let what = "dimension of a cloud";
            return Err(Error::Shape { operation, what, expected: initial.columns(), got: dimension });
        }
        cloud.points.view().check_finite("points of a cloud")?;
        let names = ["weights of a cloud", "number of weights of a cloud"];
        masses.push(checked_side(names, Some(&Weights::new(&cloud.weights)), count)?.1);
    }
    check_masses("cloud", &masses, MASS_TOLERANCE)?;
    Ok(masses[0])
}

/// The root mean square distance of the clouds' points from their common mean; one where they are all in one place.
fn extent(members: &[(&WeightedPoints<f64>, f64)], mass: f64) -> f64 {
    let dimension = members[0].0.points.columns();
    let average = |value: &dyn Fn(&[f64]) -> f64| {
        let terms = members.iter().flat_map(|(cloud, share)| {
            cloud
                .points
                .iter_rows()
                .zip(&cloud.weights)
                .map(move |(row, weight)| (row, share * weight / mass))
        });
        sum(terms.map(|(row, weight)| weight * value(row)))
    };
    let mean: Vec<f64> = (0..dimension).map(|k| average(&|row| row[k])).collect();
    let largest = members
        .iter()
        .flat_map(|(cloud, _)| cloud.points.iter_rows())
        .flat_map(|row| row.iter().zip(&mean))
        .fold(0.0_f64, |largest, (x, mean)| largest.max((x - mean).abs()));
    if largest == 0.0 {
        return 1.0;
    }
    let squared = average(&|row| row.iter().zip(&mean).map(|(x, mean)| ((x - mean) / largest).powi(2)).sum());
    squared.sqrt() * largest
}
