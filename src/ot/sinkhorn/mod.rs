//! Entropic transport: Sinkhorn's algorithm in the log domain, one exponential a pair, with certificates.
//!
//! ```text
//! min  <C, P> + ε KL(P | a bᵀ/M)                       over P >= 0,  P 1 = a,  Pᵀ 1 = b,      KL(p|q) = Σ p ln(p/q) - p + q
//! max  Σ aᵢfᵢ + Σ bⱼgⱼ - ε Σ (Pᵢⱼ - aᵢbⱼ/M)            over all f, g, with  Pᵢⱼ = aᵢ bⱼ/M exp((fᵢ + gⱼ - Cᵢⱼ)/ε)
//! ```
//!
//! M is the mass of either side. The P of the best potentials is the optimal plan; it is unique, and they are up to a
//! constant that f gains and g loses. This is the convention of the whole room: f and g are in units of the cost, the
//! weights stand outside of the exponential, and ε is an absolute number or a multiple of the mean or median cost
//! ([`Epsilon`]). A small ε is near the problem without entropy, which [`exact`](crate::ot::exact) solves; a large
//! one blurs the plan until it is a bᵀ/M. (Cuturi, *Sinkhorn distances*, 2013; Peyré and Cuturi, *Computational
//! Optimal Transport*, 2019, chapter 4.)
//!
//! # One pass, one exponential
//! Sinkhorn's iteration makes the rows right, then the columns: two log-sum-exps, and two looks at all pairs. But the
//! exponentials whose sum is the row's are, once they are divided by that sum, the entries of the plan under the new
//! f; their column sums are what the second half needs. So one look with one exponential a pair does both, while a
//! block of rows is in the cache, and the marginal error comes with it for nothing. The potentials themselves keep
//! the exponents in range: nothing is shifted by a maximum but rows whose potential is far off. The file `fused` says
//! how.
//!
//! # Three methods
//! * [`Method::Accelerated`], the default. One look shows which few pairs carry nearly all of the plan; on a model of
//!   these, with the rest by blocks, Newton's method goes as far as thousands of plain iterations. ε comes down from
//!   level to level. What ends it is the true error at the target ε.
//! * [`Method::Plain`], the iteration as it is: for a fixed number of them, or to see how it converges.
//! * [`Method::Anderson`], extrapolation over the last few: no model, O(n + m) memory, and often enough at moderate ε.
//!
//! Easy problems (large ε) take about as many looks by all three.
//!
//! # The stages
//! | file | what | cost |
//! | --- | --- | --- |
//! | `options` | ε, tolerance, limits, method, arithmetic | |
//! | `solver` | checks, ε from the mean or median cost, points without mass set aside, single and double precision | a look at the costs for the mean, a sample for the median |
//! | `cells` | points in the order of a k-d tree (of a matrix: by the costs to eight landmarks), its leaves the blocks of the accelerated method | sorting |
//! | `costs` | where costs come from: a matrix as it is, distances or the user's function on the fly, or kept | a look at a matrix to check it |
//! | `points`, `products` | clouds as the kernels read them: few coordinates in registers, many as a matrix product | O((n + m) d) |
//! | `fused`, `kernels/` | the iteration: row sums, potentials, column sums | n m exponentials, no more |
//! | `plain` | the iterations one after the other | a look each |
//! | `anderson`, `cholesky` | the extrapolation, and its least squares | O(n + m) an iteration |
//! | `accelerated/` | levels of ε and the steps at the target | a look for each solve of the model |
//! | `accelerated/model` | the large entries of the plan one by one, the rest by blocks | at most 64 entries a point |
//! | `accelerated/newton`, `accelerated/preconditioner` | Newton's method on the model by conjugate gradients | a multiply-add for an entry and step, no exponential |
//! | `plan` | the answer: P streamed, multiplied, projected, thinned out, never stored unless asked | a look each, in double |
//! | `values` | every value that people mean, the rounded plan, the bounds | two looks, in double |
//! | [`gradient`] | derivatives with respect to points, costs, weights and ε | one look by the envelope theorem |
//! | [`minibatch`] | value and gradient of small uniform clouds, again and again, without set-up or allocation | 2 n m multiply-adds an iteration |
//!
//! The observer hears of each look, with the marginal error that it found. [`Solution::iterations`] counts looks that
//! improved potentials, [`Solution::passes`] adds the inner work: entries touched over n m.
//!
//! # Precision
//! Where it may choose ([`Precision::Automatic`]), the solver works in single precision as far as that gets, for
//! `f32` problems and, by the accelerated method, for all. Then it goes on in double, where the last looks find the
//! error that is reported: [`Solution::finished_in_double`]. In single precision exponents are rounded to EPS
//! max(|f|, |g|)/ε, and the error of the marginals does not fall below about that. [`Precision::Single`] stops there,
//! with [`Status::Inaccurate`](crate::ot::Status::Inaccurate) if the tolerance is lower. The plan and the values are
//! always computed in double from the potentials.
//!
//! # What is proved
//! [`Solution::values`] has, from the potentials and the costs alone:
//! * the dual value, a lower bound on the entropic problem whatever the potentials are, and an upper bound from the
//!   rounded plan: their difference is the `gap`;
//! * the cost <C, P'> of the rounded plan, whose marginals are a and b (Altschuler, Weed and Rigollet 2017), and the
//!   dual value of potentials that are feasible without entropy: the **unregularised** cost lies between
//!   `cost_lower_bound` and `rounded_cost`. The smaller ε, the closer these two.
//!
//! P itself has its marginals up to the tolerance only, so <C, P> may lie a little on either side.
//!
//! # Memory
//! O(n + m), with at most 64 entries a point more for the accelerated method, and what [`Options::bytes_kept`]
//! allows: distances that take longer to compute than to read are kept if they fit (256 MiB unless set). A matrix
//! that is given in the arithmetic of the iterations is read where it is.
//!
//! # What makes it right on everything
//! * Points without mass take no part, and get the potentials that the others imply: no logarithm of zero. All are
//!   checked, none is repaired.
//! * Exponentials below the range are flushed to zero, so subnormal numbers do not slow it; a row or a column in
//!   which all vanished is shifted, or lifted until it is seen again. Nothing is NaN while costs and weights are
//!   finite; costs beyond the range of single precision are left to double.
//! * Every step of the accelerated method is judged by the next look at all pairs: one after which neither the dual
//!   rose nor the error fell is taken back. What the model says decides the time, never the answer.
//! * The answer has the same bits for any number of threads.
//!
//! # Where it does not help
//! * Where the plan itself is spread out (ε not small beside the costs) plain iterations converge in a few looks, and
//!   there is nothing to gain on them.
//! * Each look takes time in proportion to n m: 100,000 points a side are ten thousand million pairs.
//! * As ε goes to zero the plan becomes a vertex, potentials in units of ε grow and digits are lost: an optimum
//!   without entropy is faster had, and proved, by [`exact`](crate::ot::exact).
//! * The entropic cost of equal clouds is not zero: to compare clouds take the [divergence](crate::ot::divergence).
//!   For masses that differ see [`unbalanced`](crate::ot::unbalanced) and [`partial`](crate::ot::partial).
//!
//! # Examples
//! The cost with entropy, and what it proves about the cost without:
//! ```
//! use brenier::Matrix;
//! use brenier::matrix::Distance;
//! use brenier::ot::{Problem, exact, sinkhorn};
//!
//! let x = Matrix::from_rows([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
//! let y = Matrix::from_rows([[0.0, 0.5], [2.0, 0.0]]);
//! let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean).with_target_weights(&[0.75, 0.25]);
//! let solution = sinkhorn::solve(&problem, 0.1)?;
//! assert!(solution.is_converged());
//! let values = solution.values();
//! assert!(values.gap < 1e-5);
//! let exact = exact::transport_cost(&problem)?;
//! assert!(values.cost_lower_bound <= exact + 1e-12 && exact <= values.rounded_cost + 1e-12);
//! # Ok::<(), brenier::Error>(())
//! ```
//!
//! The plan without n m numbers, and a start from the answer to a larger ε:
//! ```
//! use brenier::Matrix;
//! use brenier::matrix::Distance;
//! use brenier::ot::progress::run_to_the_end;
//! use brenier::ot::sinkhorn::{self, Epsilon, Options};
//! use brenier::ot::Problem;
//! use brenier::random::RandomStream;
//!
//! let mut random = RandomStream::new(1);
//! let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(300, 2), random.normal_matrix(200, 2));
//! let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
//! let first = sinkhorn::solve(&problem, Epsilon::RelativeToMedian(0.05))?;
//! let (f, g) = (first.source_potentials().to_vec(), first.target_potentials().to_vec());
//! let options = Options::new(0.5 * first.epsilon()).with_initial(f, g).with_tolerance(1e-8);
//! let second = sinkhorn::solve_with(&problem, &options, &mut run_to_the_end)?;
//! let images = second.plan.barycentric_projection(&y)?; // where each source goes on average: (300, 2)
//! let strongest = second.plan.largest_entries(3); // a sparse plan: the three largest of each row
//! assert_eq!(images.rows(), 300);
//! assert!(strongest.entries().len() <= 900);
//! # Ok::<(), brenier::Error>(())
//! ```

mod accelerated;
mod anderson;
mod blocks;
mod cells;
mod cholesky;
mod costs;
mod fused;
pub mod gradient;
mod kernels;
pub mod minibatch;
mod options;
mod plain;
mod plan;
mod points;
mod products;
mod solution;
mod solver;
mod values;

pub(in crate::ot) use accelerated::typical_cost;
pub(in crate::ot) use anderson::Anderson;
pub(crate) use blocks::{CostBlocks, Shortcut};
pub(crate) use costs::EntropicCosts;
pub(crate) use fused::{RowVisitor, Scaling};
pub use options::{Epsilon, Method, Options, Precision};
pub use plan::EntropicPlan;
pub(crate) use points::PointPair;
pub(crate) use products::ProductCosts;
pub use solution::Solution;
pub(crate) use solver::resolve as resolve_epsilon;
pub use values::{RoundedPlan, Values};

use crate::error::Result;
use crate::ot::problem::Problem;
use crate::ot::progress::{Progress, run_to_the_end};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Solves the entropic problem for this ε, with the default options.
///
/// # Errors
/// As [`solve_with`].
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, sinkhorn};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let solution = sinkhorn::solve(&Problem::from_costs(&costs), 1.0)?;
/// let plan = solution.plan.to_matrix();
/// assert!((plan[(0, 0)] - 0.5 / (1.0 + (-1.0_f64).exp())).abs() < 1e-7);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "sinkhorn2")]
pub fn solve<'a, T: Scalar>(problem: &Problem<'a, T>, epsilon: impl Into<Epsilon>) -> Result<Solution<'a>> {
    solve_with(problem, &Options::new(epsilon), &mut run_to_the_end)
}

/// Solves the entropic problem with options and an observer, who is called after each look at all pairs.
///
/// # Errors
/// * weights, costs and coordinates: as [`exact::solve_with`](crate::ot::exact::solve_with);
/// * options out of range, or ε too small for the arithmetic: [`Argument`](crate::Error::Argument); initial potentials that do not
///   fit: [`Shape`](crate::Error::Shape), [`NotFinite`](crate::Error::NotFinite).
pub fn solve_with<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution<'a>> {
    solver::solve(problem, options, observer)
}
