//! Unbalanced entropic transport: marginals that may differ from the weights, at a price.
//!
//! ```text
//! min  <C, P> + ε KL(P | a bᵀ) + ρ₁ KL(P 1 | a) + ρ₂ KL(Pᵀ 1 | b)     over P >= 0,      KL(p|q) = Σ p ln(p/q) - p + q
//! max  -ρ₁ Σ aᵢ (exp(-fᵢ/ρ₁) - 1) - ρ₂ Σ bⱼ (exp(-gⱼ/ρ₂) - 1) - ε Σ aᵢbⱼ (exp((fᵢ + gⱼ - Cᵢⱼ)/ε) - 1)     over all f, g
//! ```
//!
//! (Chizat, Peyré, Schmitzer and Vialard, *Scaling algorithms for unbalanced optimal transport problems*, 2018;
//! Liero, Mielke and Savaré 2018.) ρ is the price of creating or destroying mass, in units of the cost: what is much
//! farther than ρ₁ + ρ₂ is not transported. A side with ρ = ∞ keeps its weights (semi-relaxed); with both it is the
//! balanced problem, and the [balanced solver](crate::ot::sinkhorn) answers. The two sides may carry different
//! masses, as long as one may give way.
//!
//! # How
//! At the optimum Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ - Cᵢⱼ)/ε), P 1 = a exp(-f/ρ₁) and Pᵀ 1 = b exp(-g/ρ₂). One pass finds the
//! soft minima φᵢ = -ε ln Σⱼ bⱼ exp((gⱼ - Cᵢⱼ)/ε), damps them, f = ρ₁/(ρ₁ + ε) φ, and sums up the columns of the plan
//! with the new f while it is hot; then g likewise. That alone needs about ρ/ε passes for the *masses* to settle. But
//! (f + λ, g - λ) has the same plan, and the λ that maximises the dual is known in closed form together with the f
//! (or g) that goes with it: each half-step takes both (Séjourné, Vialard and Peyré, *Faster unbalanced optimal
//! transport: translation invariant Sinkhorn and 1-D Frank-Wolfe*, 2022). It costs O(n + m), and what is left
//! converges no slower than the balanced iteration, whatever ρ is.
//!
//! # Certificate
//! The dual has no constraint, so its value bounds the optimum from below whatever f and g are, and P is feasible
//! whatever it is where both sides are relaxed. Their difference is ρ₁ KL(P 1 | a exp(-f/ρ₁)) + ρ₂ KL(Pᵀ 1 | b
//! exp(-g/ρ₂)): [`Values::gap`] is computed so, without cancellation, with an allowance for rounding. A side with ρ =
//! ∞ is made exact in a last half-step in double precision, but for the rounding of the potentials. The plan with its
//! rows scaled to the weights, a/r, is feasible, and its value is above the dual by ε KL(a | r) + ρ₂ KL(c | b
//! exp(-g/ρ₂)), r being the row sums before and c the column sums after.
//!
//! # Examples
//! An outlier far away is given up rather than transported:
//! ```
//! use brenier::matrix::Distance;
//! use brenier::ot::{Problem, unbalanced};
//! use brenier::Matrix;
//!
//! let x = Matrix::from_rows([[0.0], [1.0], [50.0]]);
//! let y = Matrix::from_rows([[0.1], [1.1]]);
//! let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
//!     .with_source_weights(&[1.0, 1.0, 1.0])
//!     .with_target_weights(&[1.0, 1.0]);
//! let solution = unbalanced::solve(&problem, 0.05, 10.0)?;
//! let (leaving, _) = solution.plan.marginals();
//! assert!(leaving[0] > 0.9 && leaving[1] > 0.9 && leaving[2] < 1e-9);
//! assert!(solution.values().gap < 1e-9);
//! # Ok::<(), brenier::Error>(())
//! ```

mod divergence;
mod extrapolation;
mod iterations;
mod kernels;
mod lowering;
mod options;
mod pass;
mod run;
mod sides;
mod solution;
mod solver;
mod values;

pub use divergence::{Divergence, divergence, divergence_with};
pub(crate) use extrapolation::Extrapolation;
pub(crate) use lowering::{first_epsilon, lower};
pub use options::Options;
pub(crate) use pass::Pass;
pub(crate) use run::Run;
pub(crate) use sides::{Side, checked_sides, potentials_without_mass};
pub use solution::Solution;
pub(crate) use solver::{check_epsilon, is_single, subset};
pub use values::Values;

use crate::error::Result;
use crate::ot::problem::Problem;
use crate::ot::progress::{Progress, run_to_the_end};
use crate::ot::sinkhorn::Epsilon;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Solves the unbalanced problem for this ε and the price ρ on both sides, with the default options.
///
/// # Errors
/// As [`solve_with`].
///
/// # Examples
/// Two points, closed form: ln P = (ε ln(ab) + ρ ln a + ρ ln b - C)/(ε + 2ρ).
/// ```
/// use brenier::ot::{Problem, unbalanced};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[1.0]]);
/// let problem = Problem::from_costs(&costs).with_source_weights(&[2.0]).with_target_weights(&[3.0]);
/// let plan = unbalanced::solve(&problem, 0.5, 2.0)?.plan.to_matrix();
/// let logarithm = (0.5 * 6.0_f64.ln() + 2.0 * 2.0_f64.ln() + 2.0 * 3.0_f64.ln() - 1.0) / (0.5 + 4.0);
/// assert!((plan[(0, 0)] - logarithm.exp()).abs() < 1e-12);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "sinkhorn_unbalanced")]
pub fn solve<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    epsilon: impl Into<Epsilon>,
    relaxation: f64,
) -> Result<Solution<'a>> {
    solve_with(problem, &Options::new(epsilon, relaxation), &mut run_to_the_end)
}

/// Solves the unbalanced problem with options and an observer, who is called after each look at all pairs.
///
/// # Errors
/// * weights: as [`sinkhorn::solve_with`](crate::ot::sinkhorn::solve_with), but that masses may differ unless both sides have ρ = ∞;
/// * costs and coordinates: as there;
/// * options out of range, ε too small for the arithmetic, or a plan so heavy that its mass is no number (very
///   negative costs): [`Argument`](crate::Error::Argument); initial potentials that do not fit:
///   [`Shape`](crate::Error::Shape), [`NotFinite`](crate::Error::NotFinite).
pub fn solve_with<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution<'a>> {
    solver::solve(problem, options, observer)
}
