//! The transport problem: costs and weights, checked.

use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView};
use crate::ot::pair_cost::{AnyPairCost, PairCost};
use crate::scalar::Scalar;

/// What it costs to move a unit of mass from source i to target j.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Costs<'a, T> {
    /// Cᵢⱼ given: (sources, targets).
    Matrix(MatrixView<'a, T>),
    /// Cᵢⱼ = distance(xᵢ, yⱼ), computed where it is needed: no matrix is kept.
    Points {
        /// x: (sources, dimensions).
        source: MatrixView<'a, T>,
        /// y: (targets, dimensions).
        target: MatrixView<'a, T>,
        /// How far a point is from another.
        distance: Distance,
    },
    /// Cᵢⱼ = cost(xᵢ, yⱼ), a cost of the user's own, computed where it is needed.
    Pairs {
        /// x: (sources, dimensions).
        source: MatrixView<'a, T>,
        /// y: (targets, dimensions).
        target: MatrixView<'a, T>,
        /// What it costs from a point to another.
        cost: AnyPairCost<'a>,
    },
}

/// A transport problem: move the mass a of the sources onto the mass b of the targets at the least cost Σ Cᵢⱼ Pᵢⱼ.
///
/// Weights that are not given are uniform, 1/n each. They need not sum to one, but both sides must carry the same mass:
/// within 1e-9 relative, or 1e-5 if either side was given as `f32`.
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact};
/// use brenier::matrix::Distance;
/// use brenier::Matrix;
///
/// let x = Matrix::from_rows([[0.0], [1.0]]);
/// let y = Matrix::from_rows([[0.0], [3.0], [1.0]]);
/// let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
///     .with_source_weights(&[0.5, 0.5])
///     .with_target_weights(&[0.5, 0.25, 0.25]);
/// assert_eq!(exact::transport_cost(&problem)?, 0.25 * 4.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Problem<'a, T> {
    costs: Costs<'a, T>,
    source_weights: Option<Weights>,
    target_weights: Option<Weights>,
}

/// Weights as given, widened to `f64` (exactly).
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    values: Vec<f64>,
    /// The relative difference between the two sums that rounding of this type explains.
    tolerance: f64,
}

impl Weights {
    pub(crate) fn new<W: Scalar>(weights: &[W]) -> Self {
        // n f32 weights normalised in f32 miss a sum of one by about sqrt(n) * 6e-8; 1e-5 covers ten thousand and more.
        let tolerance = if W::EPSILON.to_f64() > 1e-10 { 1e-5 } else { 1e-9 };
        Self { values: weights.iter().map(|weight| weight.to_f64()).collect(), tolerance }
    }

    /// The relative difference between two sums that rounding of the type that they were given in explains.
    pub(crate) fn tolerance(&self) -> f64 {
        self.tolerance
    }
}

/// The weights of both sides after every check, ready for a solver.
#[derive(Debug, Clone)]
pub(crate) struct CheckedWeights {
    /// a: one weight for each source, as given.
    pub source: Vec<f64>,
    /// b: one weight for each target, as given.
    pub target: Vec<f64>,
    /// Σ aᵢ.
    pub source_mass: f64,
    /// Σ bⱼ.
    pub target_mass: f64,
}

impl<'a, T: Scalar> Problem<'a, T> {
    /// The problem with a given cost matrix (sources, targets) and uniform weights.
    pub fn from_costs(costs: impl Into<MatrixView<'a, T>>) -> Self {
        Self { costs: Costs::Matrix(costs.into()), source_weights: None, target_weights: None }
    }

    /// The problem between two point clouds, x: (sources, dimensions) and y: (targets, dimensions), with uniform weights.
    pub fn from_points(
        source: impl Into<MatrixView<'a, T>>,
        target: impl Into<MatrixView<'a, T>>,
        distance: Distance,
    ) -> Self {
        let costs = Costs::Points { source: source.into(), target: target.into(), distance };
        Self { costs, source_weights: None, target_weights: None }
    }

    /// The problem between two point clouds as in [`from_points`](Self::from_points), with a cost of one's own.
    pub fn from_pair_cost(
        source: impl Into<MatrixView<'a, T>>,
        target: impl Into<MatrixView<'a, T>>,
        cost: &'a impl PairCost,
    ) -> Self {
        let costs =
            Costs::Pairs { source: source.into(), target: target.into(), cost: AnyPairCost::new(cost) };
        Self { costs, source_weights: None, target_weights: None }
    }

    /// Sets a, the mass of each source.
    pub fn with_source_weights<W: Scalar>(mut self, weights: &[W]) -> Self {
        self.source_weights = Some(Weights::new(weights));
        self
    }

    /// Sets b, the mass of each target.
    pub fn with_target_weights<W: Scalar>(mut self, weights: &[W]) -> Self {
        self.target_weights = Some(Weights::new(weights));
        self
    }

    /// Number of sources, n.
    pub fn sources(&self) -> usize {
        match self.costs {
            Costs::Matrix(matrix) => matrix.rows(),
            Costs::Points { source, .. } | Costs::Pairs { source, .. } => source.rows(),
        }
    }

    /// Number of targets, m.
    pub fn targets(&self) -> usize {
        match self.costs {
            Costs::Matrix(matrix) => matrix.columns(),
            Costs::Points { target, .. } | Costs::Pairs { target, .. } => target.rows(),
        }
    }

    /// The costs.
    pub fn costs(&self) -> Costs<'a, T> {
        self.costs
    }

    /// Sets both sides' weights, whose sums may differ by `tolerance`, relatively.
    pub(crate) fn with_rounded_weights(mut self, [source, target]: [Vec<f64>; 2], tolerance: f64) -> Self {
        self.source_weights = Some(Weights { values: source, tolerance });
        self.target_weights = Some(Weights { values: target, tolerance });
        self
    }

    /// The weights of both sides as given, source first.
    pub(crate) fn given_weights(&self) -> [Option<&Weights>; 2] {
        [self.source_weights.as_ref(), self.target_weights.as_ref()]
    }

    /// The weights of both sides, checked: as many as there are points, finite, none negative, not all zero, equal in sum.
    pub(crate) fn checked_weights(&self) -> Result<CheckedWeights> {
        let (source, target) = (self.source_weights.as_ref(), self.target_weights.as_ref());
        check_weights(source, self.sources(), target, self.targets())
    }
}

/// The weights of `sources` and `targets` points, uniform where none are given: as many as there are points, finite, none
/// negative, not all zero, equal in sum.
pub(crate) fn check_weights(
    source_weights: Option<&Weights>,
    sources: usize,
    target_weights: Option<&Weights>,
    targets: usize,
) -> Result<CheckedWeights> {
    if sources == 0 {
        return Err(Error::Empty { what: "the source" });
    }
    if targets == 0 {
        return Err(Error::Empty { what: "the target" });
    }
    let (source, source_mass) =
        checked_side(["source weights", "number of source weights"], source_weights, sources)?;
    let (target, target_mass) =
        checked_side(["target weights", "number of target weights"], target_weights, targets)?;
    // Weights that are not given sum to one, not to the other side's mass: that would hide a forgotten normalisation.
    let tolerance = [source_weights, target_weights]
        .into_iter()
        .flatten()
        .map(|weights| weights.tolerance)
        .fold(1e-9, f64::max);
    let relative = (source_mass - target_mass).abs() / source_mass.max(target_mass);
    if relative > tolerance || relative.is_nan() {
        return Err(Error::MassMismatch { source_mass, target_mass, relative, tolerance });
    }
    Ok(CheckedWeights { source, target, source_mass, target_mass })
}

/// One side's weights and their sum.
pub(crate) fn checked_side(
    [what, number]: [&'static str; 2],
    weights: Option<&Weights>,
    expected: usize,
) -> Result<(Vec<f64>, f64)> {
    let Some(weights) = weights else {
        return Ok((vec![1.0 / expected as f64; expected], 1.0));
    };
    let values = &weights.values;
    if values.len() != expected {
        return Err(Error::Shape {
            operation: "transport problem",
            what: number,
            expected,
            got: values.len(),
        });
    }
    for (index, &value) in values.iter().enumerate() {
        if !value.is_finite() {
            return Err(Error::NotFinite { what, index, value });
        }
        if value < 0.0 {
            return Err(Error::Negative { what, index, value });
        }
    }
    let largest = values.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Err(Error::ZeroMass { what });
    }
    let mass = sum(values.iter().copied());
    if !mass.is_finite() {
        return Err(Error::Argument { name: what, value: mass, requirement: "their sum must be finite" });
    }
    Ok((values.clone(), mass))
}

/// Neumaier's compensated sum: off by one rounding of the result and (n EPS)² of Σ |terms|. Sums beyond the range of
/// `f64` give the infinity that a plain sum gives.
pub(crate) fn sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for term in terms {
        let next = total + term;
        lost += if total.abs() >= term.abs() { (total - next) + term } else { (term - next) + total };
        total = next;
    }
    if total.is_finite() { total + lost } else { total }
}

impl<'a, T: Scalar> From<&'a Matrix<T>> for Costs<'a, T> {
    fn from(matrix: &'a Matrix<T>) -> Self {
        Costs::Matrix(matrix.view())
    }
}
