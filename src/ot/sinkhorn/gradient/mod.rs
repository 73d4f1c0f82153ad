//! Gradients of entropic transport: with respect to points, costs, weights and ε, by three roads.
//!
//! | road | what it differentiates | it costs |
//! | --- | --- | --- |
//! | envelope theorem ([`envelope`]) | the optimal value | one look at all pairs |
//! | implicit function theorem ([`of_loss`], [`of_potentials`], [`of_plan`]) | anything made of the plan or the potentials | one look for each step of conjugate gradients |
//! | unrolled iterations ([`Unrolled`]) | what K iterations have made, converged or not | four exponentials a pair and iteration |
//!
//! **Envelope.** The dual D(f, g) = Σ aᵢfᵢ + Σ bⱼgⱼ - ε Σ (Pᵢⱼ - aᵢbⱼ/M) is stationary in f and g at its maximum, so
//! its value depends on the rest only as D does with f and g held (Danskin 1967; for transport Cuturi and Doucet
//! 2014, Feydy et al. 2019):
//!
//! ```text
//! dL/dCᵢⱼ = Pᵢⱼ    dL/da = f    dL/db = g    dL/dε = KL(P | a bᵀ/M)    dL/dxᵢ = Σⱼ Pᵢⱼ ∂c(xᵢ, yⱼ)/∂x
//! ```
//!
//! for the squared Euclidean distance dL/dxᵢ = 2 (rᵢ xᵢ - Σⱼ Pᵢⱼ yⱼ) with r = P 1. **Implicit** differentiation and **unrolling** are in
//! [`LinearSolve`] and [`Unrolled`].
//!
//! The three [`Loss`]es are those that people minimise. All gradients are those of the whole function: they are not divided by n.
//!
//! # Weights
//! Both sides must keep their mass, so only changes of weights that sum to zero have a meaning, and a gradient is known up to a
//! constant. Here its entries sum to zero: it is the gradient in the space of those changes, and a step along it keeps the
//! mass.
//!
//! # Accuracy
//! They are the exact gradients of a converged solution, and off by what its plan is off by: by its marginal error
//! over 1 - r for the rate r at which Sinkhorn's iterations converge. That is much at small ε, where the marginals
//! are right long before the plan is: converge to 1e-9 and below where gradients are compared with anything. All
//! arithmetic is in double precision. Results have the same bits for any number of threads.
//!
//! # Memory
//! O(n + m), besides what is returned and what [`Options::bytes_kept`] allows; unrolling K iterations O(K (n + m)).
//!
//! # Examples
//! A step of gradient descent on points:
//! ```
//! use brenier::Matrix;
//! use brenier::matrix::Distance;
//! use brenier::ot::{Problem, sinkhorn};
//!
//! let x = Matrix::from_rows([[0.0, 0.0], [1.0, 0.0]]);
//! let y = Matrix::from_rows([[0.0, 2.0], [1.0, 2.0]]);
//! let solution = sinkhorn::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean), 0.01)?;
//! let gradient = sinkhorn::gradient::envelope(&solution.plan);
//! let dx = gradient.source_points(&x, &y, Distance::SquaredEuclidean)?;
//! assert!((dx[(0, 1)] + 2.0).abs() < 1e-5); // 2 a (x - y)
//! let moved = Matrix::from_fn(2, 2, |row, k| x[(row, k)] - 0.5 * dx[(row, k)]);
//! assert!((moved[(0, 1)] - 1.0).abs() < 1e-5);
//! # Ok::<(), brenier::Error>(())
//! ```

mod implicit;
mod kernels;
mod linear;
mod loss;
mod options;
mod points;
mod unrolled;
mod weighting;

pub use linear::LinearSolve;
pub(super) use linear::solve_dense;
pub use loss::{Loss, value};
pub use options::Options;
pub use points::PointGradients;
pub use unrolled::{Unrolled, UnrolledGradient};

use super::{CostBlocks, EntropicPlan};
use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView, PairwiseRows};
use crate::scalar::Scalar;
use implicit::{Adjoint, PlanCotangent};
use points::Ground;
use weighting::Weighting;

/// The derivatives of a number L. Those with respect to costs and points are computed from the plan when they are asked for.
pub struct Gradient<'p, 'a> {
    plan: &'p EntropicPlan<'a>,
    weighting: Weighting<'p>,
    origin: Origin,
}

/// How a gradient came about, and what it knows.
enum Origin {
    Envelope(Loss),
    Implicit {
        /// The part of the constant weight that is ∂L/∂C with the plan held.
        explicit: f64,
        weights: [Vec<f64>; 2],
        solve: LinearSolve,
    },
}

impl std::fmt::Debug for Gradient<'_, '_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Gradient")
            .field("plan", self.plan)
            .field("linear_solve", &self.linear_solve())
            .finish_non_exhaustive()
    }
}

/// The gradient of [`Loss::Dual`] by the envelope theorem: the one to train with. It costs nothing until something is asked of it.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::{Problem, sinkhorn};
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let solution = sinkhorn::solve(&Problem::from_costs(&costs), 1.0)?;
/// let gradient = sinkhorn::gradient::envelope(&solution.plan);
/// assert_eq!(gradient.costs(), solution.plan.to_matrix());
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn envelope<'p, 'a>(plan: &'p EntropicPlan<'a>) -> Gradient<'p, 'a> {
    Gradient { plan, weighting: Weighting::ONE, origin: Origin::Envelope(Loss::Dual) }
}

/// The gradient of a loss: by the envelope theorem for the two whose value the plan minimises, implicitly for [`Loss::TransportCost`].
///
/// # Errors
/// [`Error::Argument`] for options out of range.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::Problem;
/// use brenier::ot::sinkhorn::{self, gradient::{self, Loss}};
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let solution = sinkhorn::solve(&Problem::from_costs(&costs), 1.0)?;
/// let gradient = gradient::of_loss(&solution.plan, Loss::TransportCost, &gradient::Options::default())?;
/// // <C, P> = t/(1 + e^t) for C = t (1 - I): its derivative by t is the sum over the entries off the diagonal.
/// let e = 1_f64.exp();
/// let expected = 1.0 / (1.0 + e) - e / (1.0 + e).powi(2);
/// let dc = gradient.costs();
/// assert!((dc[(0, 1)] + dc[(1, 0)] - expected).abs() < 1e-6);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn of_loss<'p, 'a>(
    plan: &'p EntropicPlan<'a>,
    loss: Loss,
    options: &Options,
) -> Result<Gradient<'p, 'a>> {
    options.validate()?;
    if loss != Loss::TransportCost {
        return Ok(Gradient { plan, weighting: Weighting::ONE, origin: Origin::Envelope(loss) });
    }
    let Adjoint { mut source, mut target, mut source_weights, mut target_weights, solve } =
        implicit::solve(plan, &PlanCotangent::Slack, None, options);
    // λ and μ of the slack, and f and g of the rest.
    let epsilon = plan.epsilon();
    for (all, weights, potentials) in [
        (&mut source, &mut source_weights, plan.source_potentials()),
        (&mut target, &mut target_weights, plan.target_potentials()),
    ] {
        for ((adjoint, weight), potential) in all.iter_mut().zip(weights.iter_mut()).zip(potentials) {
            *adjoint = (*adjoint + potential) / epsilon;
            *weight += potential;
        }
    }
    let weighting =
        Weighting { constant: 1.0, slope: -1.0 / epsilon, sides: Some([source, target]), cotangent: None };
    let weights = [source_weights, target_weights];
    Ok(Gradient { plan, weighting, origin: Origin::Implicit { explicit: 1.0, weights, solve } })
}

/// The gradient of any L(f, g), given ∂L/∂f (n) and ∂L/∂g (m): the vector-Jacobian product of the potentials.
///
/// Potentials are known up to a constant that f gains and g loses. L is taken at those with Σ fᵢ = Σ gⱼ over the points with mass; where L
/// does not see the constant, where the two cotangents have the same sum, that makes no difference.
///
/// # Errors
/// [`Error::Shape`] and [`Error::NotFinite`] for cotangents that do not fit; [`Error::Argument`] for options out of range, and for a
/// cotangent that is not zero at a point without mass.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::{Problem, sinkhorn};
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let solution = sinkhorn::solve(&Problem::from_costs(&costs), 1.0)?;
/// // L = Σ a f + Σ b g: the dual value, so its gradient is the plan.
/// let weights = [0.5, 0.5];
/// let gradient = sinkhorn::gradient::of_potentials(&solution.plan, &weights, &weights, &Default::default())?;
/// for (got, expected) in gradient.costs().as_slice().iter().zip(solution.plan.to_matrix().as_slice()) {
///     assert!((got - expected).abs() < 1e-12);
/// }
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn of_potentials<'p, 'a>(
    plan: &'p EntropicPlan<'a>,
    source_cotangent: &[f64],
    target_cotangent: &[f64],
    options: &Options,
) -> Result<Gradient<'p, 'a>> {
    options.validate()?;
    let mut cotangents = [source_cotangent.to_vec(), target_cotangent.to_vec()];
    let weights = [plan.source_weights(), plan.target_weights()];
    let names = ["source cotangent", "target cotangent"];
    for ((cotangent, weights), what) in cotangents.iter().zip(weights).zip(names) {
        let operation = "gradient::of_potentials";
        if cotangent.len() != weights.len() {
            return Err(Error::Shape { operation, what, expected: weights.len(), got: cotangent.len() });
        }
        for (index, (&value, &weight)) in cotangent.iter().zip(weights).enumerate() {
            if !value.is_finite() {
                return Err(Error::NotFinite { what, index, value });
            }
            if weight == 0.0 && value != 0.0 {
                let name = "a cotangent of the potential of a point without mass";
                return Err(Error::Argument { name, value, requirement: "it must be zero" });
            }
        }
    }
    // The part along (1, -1), which no potentials of that gauge can follow.
    let count = weights.iter().flat_map(|side| side.iter()).filter(|&&weight| weight > 0.0).count();
    let along = (cotangents[0].iter().sum::<f64>() - cotangents[1].iter().sum::<f64>()) / count as f64;
    for ((cotangent, weights), shift) in cotangents.iter_mut().zip(weights).zip([along, -along]) {
        for (value, _) in cotangent.iter_mut().zip(weights).filter(|(_, weight)| **weight > 0.0) {
            *value -= shift;
        }
    }
    let [source, target] = &cotangents;
    let adjoint = implicit::solve(plan, &PlanCotangent::Zero, Some([source, target]), options);
    Ok(implied(plan, adjoint, None))
}

/// The gradient of any L(P), given ∂L/∂P row by row: `fill(i, row)` writes the m numbers of row i. The vector-Jacobian product of the plan.
///
/// What L depends on besides P is the caller's to add.
///
/// # Errors
/// [`Error::Argument`] for options out of range. The cotangent is not checked: NaN in it comes out again.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::{Problem, sinkhorn};
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let solution = sinkhorn::solve(&Problem::from_costs(&costs), 1.0)?;
/// // L = P₀₀ = 1/2 / (1 + exp(-(C₀₁ + C₁₀ - C₀₀ - C₁₁)/2))
/// let cotangent = Matrix::from_rows([[1.0, 0.0], [0.0, 0.0]]);
/// let fill = |row: usize, out: &mut [f64]| out.copy_from_slice(cotangent.row(row));
/// let gradient = sinkhorn::gradient::of_plan(&solution.plan, &fill, &Default::default())?;
/// let p = 1.0 / (1.0 + (-1_f64).exp());
/// assert!((gradient.costs()[(0, 1)] - 0.25 * p * (1.0 - p)).abs() < 1e-7);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn of_plan<'p, 'a>(
    plan: &'p EntropicPlan<'a>,
    fill: &'p (dyn Fn(usize, &mut [f64]) + Send + Sync + 'p),
    options: &Options,
) -> Result<Gradient<'p, 'a>> {
    options.validate()?;
    let adjoint = implicit::solve(plan, &PlanCotangent::Given(fill), None, options);
    Ok(implied(plan, adjoint, Some((-1.0 / plan.epsilon(), fill))))
}

/// P (λ + μ - G)/ε, with nothing explicit.
fn implied<'p, 'a>(
    plan: &'p EntropicPlan<'a>,
    adjoint: Adjoint,
    cotangent: Option<(f64, &'p weighting::FillRow<'p>)>,
) -> Gradient<'p, 'a> {
    let Adjoint { mut source, mut target, source_weights, target_weights, solve } = adjoint;
    for adjoint in source.iter_mut().chain(&mut target) {
        *adjoint /= plan.epsilon();
    }
    let weighting = Weighting { constant: 0.0, slope: 0.0, sides: Some([source, target]), cotangent };
    let weights = [source_weights, target_weights];
    Gradient { plan, weighting, origin: Origin::Implicit { explicit: 0.0, weights, solve } }
}

impl<'p, 'a> Gradient<'p, 'a> {
    /// How well the linear system was solved; `None` where there was none.
    pub fn linear_solve(&self) -> Option<LinearSolve> {
        match &self.origin {
            Origin::Envelope(_) => None,
            Origin::Implicit { solve, .. } => Some(*solve),
        }
    }

    /// dL/dC as a dense matrix: n m numbers. One look at all pairs.
    pub fn costs(&self) -> Matrix<f64> {
        self.weighting.to_matrix(self.plan)
    }

    /// dL/dx (n, d) and dL/dy (m, d), where the costs are the distances between x and y. One look at all pairs for both.
    ///
    /// The points and the distance must be those of the problem: the plan does not know them. Where a distance has a kink this is a
    /// subgradient, zero for coordinates that are equal (for Chebyshev, that of the first of the largest differences).
    ///
    /// # Errors
    /// As [`pairwise`](crate::matrix::pairwise), and [`Error::Shape`] if there are not as many points as the plan has rows and columns.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::matrix::Distance;
    /// use brenier::ot::{Problem, sinkhorn};
    /// let (x, y) = (Matrix::from_rows([[3.0, 0.0]]), Matrix::from_rows([[0.0, 4.0]]));
    /// let solution = sinkhorn::solve(&Problem::from_points(&x, &y, Distance::Euclidean), 0.1)?;
    /// let points = sinkhorn::gradient::envelope(&solution.plan).points(&x, &y, Distance::Euclidean)?;
    /// assert!((points.source[(0, 0)] - 0.6).abs() < 1e-12 && (points.target[(0, 1)] - 0.8).abs() < 1e-12);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn points<'v, T: Scalar>(
        &self,
        x: impl Into<MatrixView<'v, T>>,
        y: impl Into<MatrixView<'v, T>>,
        distance: Distance,
    ) -> Result<PointGradients> {
        self.some_points(x.into(), y.into(), distance, [true, true])
    }

    /// dL/dx alone, (n, d): what a generator of the sources is trained with. As [`points`](Self::points), about half the work.
    ///
    /// # Errors
    /// As [`points`](Self::points).
    pub fn source_points<'v, T: Scalar>(
        &self,
        x: impl Into<MatrixView<'v, T>>,
        y: impl Into<MatrixView<'v, T>>,
        distance: Distance,
    ) -> Result<Matrix<f64>> {
        Ok(self.some_points(x.into(), y.into(), distance, [true, false])?.source)
    }

    /// dL/dy alone, (m, d).
    ///
    /// # Errors
    /// As [`points`](Self::points).
    pub fn target_points<'v, T: Scalar>(
        &self,
        x: impl Into<MatrixView<'v, T>>,
        y: impl Into<MatrixView<'v, T>>,
        distance: Distance,
    ) -> Result<Matrix<f64>> {
        Ok(self.some_points(x.into(), y.into(), distance, [false, true])?.target)
    }

    fn some_points<T: Scalar>(
        &self,
        x: MatrixView<'_, T>,
        y: MatrixView<'_, T>,
        distance: Distance,
        sides: [bool; 2],
    ) -> Result<PointGradients> {
        let ground = Ground::prepare([self.plan.rows(), self.plan.columns()], x, y, distance)?;
        check_distance(self.plan, x, y, distance)?;
        Ok(self.weighting.points(self.plan, &ground, x.columns(), sides))
    }

    /// dL/da (n): its entries sum to zero. A source without mass has the derivative of the first mass that it gets, which is
    /// -infinity for [`Loss::EntropicPrimal`]; the others sum to zero then.
    pub fn source_weights(&self) -> Vec<f64> {
        self.weights(0, self.plan.source_weights(), self.plan.source_potentials())
    }

    /// dL/db (m), likewise.
    pub fn target_weights(&self) -> Vec<f64> {
        self.weights(1, self.plan.target_weights(), self.plan.target_potentials())
    }

    fn weights(&self, side: usize, weights: &[f64], potentials: &[f64]) -> Vec<f64> {
        let mut gradient = match &self.origin {
            Origin::Implicit { weights, .. } => weights[side].clone(),
            Origin::Envelope(loss) => {
                let mut gradient = potentials.to_vec();
                if *loss == Loss::EntropicPrimal {
                    let epsilon = self.plan.epsilon();
                    gradient.iter_mut().zip(weights).for_each(|(out, weight)| *out += epsilon * weight.ln());
                }
                gradient
            }
        };
        centre(&mut gradient);
        gradient
    }

    /// dL/dε for a fixed, absolute ε. One look at all pairs.
    pub fn epsilon(&self) -> f64 {
        let (n, m) = (self.plan.rows(), self.plan.columns());
        let none = [&vec![0.0; n][..], &vec![0.0; m][..]];
        let mass = self.plan.reference_mass();
        match &self.origin {
            Origin::Envelope(Loss::EntropicPrimal) => {
                let [a, b] = [self.plan.source_weights(), self.plan.target_weights()].map(|weights| {
                    weights.iter().map(|&w| if w > 0.0 { w.ln() } else { 0.0 }).collect::<Vec<f64>>()
                });
                self.weighting.sum_with_exponents(self.plan, -mass.ln(), [&a, &b])
            }
            Origin::Envelope(_) => {
                let product = self.plan.source_weights().iter().sum::<f64>()
                    * self.plan.target_weights().iter().sum::<f64>();
                self.weighting.sum_with_exponents(self.plan, -1.0, none) + product / mass
            }
            Origin::Implicit { explicit, .. } => {
                let Weighting { constant, slope, sides, cotangent } = &self.weighting;
                let weighting = Weighting {
                    constant: constant - explicit,
                    slope: *slope,
                    sides: sides.clone(),
                    cotangent: *cotangent,
                };
                weighting.sum_with_exponents(self.plan, 0.0, none)
            }
        }
    }
}

/// Subtracts the mean of the finite entries.
pub(crate) fn centre(values: &mut [f64]) {
    let finite = values.iter().filter(|value| value.is_finite());
    let count = finite.clone().count().max(1) as f64;
    let mean = finite.map(|value| value / count).sum::<f64>();
    values.iter_mut().for_each(|value| *value -= mean);
}

/// Refuses points or a distance that are plainly not those of the plan: a few of its costs are compared with theirs.
fn check_distance<T: Scalar>(
    plan: &EntropicPlan<'_>,
    x: MatrixView<'_, T>,
    y: MatrixView<'_, T>,
    distance: Distance,
) -> Result<()> {
    const PAIRS: usize = 4;
    for k in 0..PAIRS {
        let (i, j) = (k * (x.rows() - 1) / (PAIRS - 1), (PAIRS - 1 - k) * (y.rows() - 1) / (PAIRS - 1));
        let expected =
            PairwiseRows::new(x.rows_range(i..i + 1), y.rows_range(j..j + 1), distance)?.entry(0, 0);
        let mut cost = [0.0];
        plan.costs().block_into(i..i + 1, j..j + 1, &mut cost);
        // Much more than rounding, and much less than another distance.
        if (cost[0] - expected).abs() > 1e-3 * (cost[0].abs() + expected.abs()) {
            let requirement = "it must be the cost that the plan was made with (for other costs take the gradient of the costs)";
            return Err(Error::Argument {
                name: "the distance of a pair of points",
                value: expected,
                requirement,
            });
        }
    }
    Ok(())
}
