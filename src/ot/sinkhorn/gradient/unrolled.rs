//! Back-propagation through unrolled iterations, by hand: what automatic differentiation of a Sinkhorn loop computes.
//!
//! With u = f + ε ln a and v = g + ε ln b, which start at zero, an iteration is
//!
//! ```text
//! uᵢ = ε ln aᵢ - ε ln Σⱼ exp((vⱼ - Cᵢⱼ)/ε)        vⱼ = ε ln bⱼ - ε ln Σᵢ exp((uᵢ - Cᵢⱼ)/ε)
//! ```
//!
//! and the plan is P = exp((u + v - C)/ε). The derivative of a log-sum-exp is a softmax: with Qᵢⱼ = exp((uᵢ + v'ⱼ -
//! Cᵢⱼ)/ε)/aᵢ for the v' that u was made of, and Rᵢⱼ = exp((uᵢ + vⱼ - Cᵢⱼ)/ε)/bⱼ, one iteration carries cotangents
//! back by
//!
//! ```text
//! ū -= R v̄    dL/dC += R ∘ (1 v̄ᵀ)        v̄' = -Qᵀ ū    dL/dC += Q ∘ (ū 1ᵀ)
//! ```
//!
//! The forward pass keeps u and v of each iteration, the backward pass their cotangents, and both compute Q and R
//! from them when they need them: memory is O(K (n + m)) where automatic differentiation keeps K matrices. dL/dC is
//! then summed over the iterations block by block.
//!
//! It is here for study and comparison (Genevay, Peyré, Cuturi, *Learning generative models with Sinkhorn
//! divergences*, 2018, trained this way). As K grows it becomes the implicit gradient, at many times the cost.

use super::Loss;
use super::points::{Ground, PointGradients};
use super::weighting::gather;
use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView};
use crate::ot::problem::Problem;
use crate::ot::sinkhorn::{CostBlocks, EntropicCosts};
use crate::parallel::map_chunks;
use crate::scalar::Scalar;
use crate::simd;
use std::ops::Range;

/// Sinkhorn's iterations from zero, all of them remembered.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::Problem;
/// use brenier::ot::sinkhorn::gradient::{Loss, Unrolled};
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let problem = Problem::from_costs(&costs);
/// let unrolled = Unrolled::forward(&problem, 1.0, 100, 1e-12)?;
/// let dc = unrolled.backward(Loss::EntropicPrimal).costs();
/// let p = 0.5 / (1.0 + (-1_f64).exp());
/// assert!((dc[(0, 0)] - p).abs() < 1e-12); // converged: the plan
/// # Ok::<(), brenier::Error>(())
/// ```
pub struct Unrolled<'a> {
    costs: EntropicCosts<'a, f64>,
    source_weights: Vec<f64>,
    target_weights: Vec<f64>,
    epsilon: f64,
    /// u of iterations 1 to K: (K, n).
    u: Vec<Vec<f64>>,
    /// v of iterations 0 to K: (K + 1, m).
    v: Vec<Vec<f64>>,
    marginal_error: f64,
}

impl std::fmt::Debug for Unrolled<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Unrolled")
            .field("iterations", &self.iterations())
            .field("epsilon", &self.epsilon)
            .field("marginal_error", &self.marginal_error)
            .finish_non_exhaustive()
    }
}

/// The running log-sum-exp of each column: the largest exponent so far, and the sum under it.
struct ColumnSums {
    largest: Vec<f64>,
    sums: Vec<f64>,
}

impl ColumnSums {
    fn new(columns: usize) -> Self {
        Self { largest: vec![f64::NEG_INFINITY; columns], sums: vec![0.0; columns] }
    }

    /// Takes in one more term for each column, exp(exponent) times a factor. `scratch` has room for as many numbers.
    fn add(&mut self, exponents: &[f64], factors: Option<&[f64]>, scratch: &mut [f64]) {
        for ((gap, &x), &largest) in scratch.iter_mut().zip(exponents).zip(&self.largest) {
            // Two infinities of one sign are equal, and have no difference.
            *gap = if x == largest { 0.0 } else { -(x - largest).abs() };
        }
        simd::exp(scratch);
        for (j, &x) in exponents.iter().enumerate() {
            let factor = factors.map_or(1.0, |factors| factors[j]);
            if x > self.largest[j] {
                self.sums[j] = self.sums[j] * scratch[j] + factor;
                self.largest[j] = x;
            } else {
                self.sums[j] += factor * scratch[j];
            }
        }
    }

    fn logarithm(&self, column: usize) -> f64 {
        self.largest[column] + self.sums[column].ln()
    }
}

/// Sinkhorn's iterations of a problem, for the exponents of one block of rows.
fn exponents(costs: &mut [f64], u: Option<&[f64]>, v: Option<&[f64]>, epsilon: f64, columns: usize) {
    for (index, row) in costs.chunks_exact_mut(columns).enumerate() {
        let shift = u.map_or(0.0, |u| u[index]);
        match v {
            Some(v) => row.iter_mut().zip(v).for_each(|(x, v)| *x = (shift + v - *x) / epsilon),
            None => row.iter_mut().for_each(|x| *x = (shift - *x) / epsilon),
        }
    }
}

/// Cuts the rows into parts and blocks; `visit` gets the costs of each block in turn, to write over.
fn fold_blocks<S: Send>(
    costs: &EntropicCosts<'_, f64>,
    start: impl Fn() -> S + Sync + Send,
    visit: impl Fn(&mut S, Range<usize>, &mut [f64]) + Sync + Send,
) -> Vec<S> {
    let (n, m) = (costs.rows(), costs.columns());
    let block_rows = ((1 << 15) / m).clamp(1, 32);
    let part_rows = n.div_ceil(8).next_multiple_of(block_rows);
    map_chunks(n, part_rows, |part| {
        let mut state = start();
        let mut block = vec![0.0; block_rows * m];
        for first in part.clone().step_by(block_rows) {
            let rows = first..(first + block_rows).min(part.end);
            let block = &mut block[..rows.len() * m];
            costs.block_into(rows.clone(), 0..m, block);
            visit(&mut state, rows, block);
        }
        state
    })
}

impl<'a> Unrolled<'a> {
    /// Iterates from u = v = 0, at most `iterations` times, until Σᵢ |Σⱼ Pᵢⱼ - aᵢ| is below `tolerance` times the
    /// mass (0 for a fixed number of iterations).
    ///
    /// Each half of an iteration is one look at all pairs, in double precision, whatever the exponents are.
    ///
    /// # Errors
    /// As [`solve_with`](crate::ot::sinkhorn::solve_with); [`Error::Argument`] for ε, no iterations, or a tolerance out of range.
    pub fn forward<T: Scalar>(
        problem: &Problem<'a, T>,
        epsilon: f64,
        iterations: usize,
        tolerance: f64,
    ) -> Result<Self> {
        for (name, value, holds, requirement) in [
            (
                "epsilon",
                epsilon,
                epsilon > 0.0 && (1.0 / epsilon).is_finite(),
                "it must be positive and finite",
            ),
            ("iterations", iterations as f64, iterations > 0, "there must be one at least"),
            ("tolerance", tolerance, (0.0..1.0).contains(&tolerance), "it must be at least 0 and below 1"),
        ] {
            if !holds {
                return Err(Error::Argument { name, value, requirement });
            }
        }
        let weights = problem.checked_weights()?;
        let costs = EntropicCosts::<f64>::prepare(problem.costs(), None, None, 256 << 20)?;
        let nothing = |weight: &f64| if *weight > 0.0 { 0.0 } else { f64::NEG_INFINITY };
        let mut unrolled = Self {
            costs,
            v: vec![weights.target.iter().map(nothing).collect()],
            u: Vec::with_capacity(iterations),
            source_weights: weights.source,
            target_weights: weights.target,
            epsilon,
            marginal_error: f64::NAN,
        };
        for done in 0..=iterations {
            let u = unrolled.source_half();
            if let Some(last) = unrolled.u.last() {
                // uᵢ falls by ε ln(rᵢ/aᵢ) for the row sums r of the plan as it is.
                let terms = unrolled.source_weights.iter().zip(last).zip(&u);
                let error: f64 = terms
                    .map(
                        |((&a, last), next)| {
                            if a > 0.0 { a * ((last - next) / epsilon).exp_m1().abs() } else { 0.0 }
                        },
                    )
                    .sum();
                unrolled.marginal_error = error / weights.source_mass;
            }
            if done == iterations || unrolled.marginal_error < tolerance {
                break;
            }
            unrolled.u.push(u);
            let v = unrolled.target_half();
            unrolled.v.push(v);
        }
        Ok(unrolled)
    }

    fn source_half(&self) -> Vec<f64> {
        let (m, epsilon) = (self.costs.columns(), self.epsilon);
        let v = self.v.last().expect("v starts at zero");
        let parts = fold_blocks(&self.costs, Vec::new, |out: &mut Vec<f64>, rows, block| {
            exponents(block, None, Some(v), epsilon, m);
            for (row, exponents) in rows.zip(block.chunks_exact(m)) {
                out.push(epsilon * self.source_weights[row].ln() - epsilon * simd::log_sum_exp(exponents));
            }
        });
        parts.concat()
    }

    fn target_half(&self) -> Vec<f64> {
        let (m, epsilon) = (self.costs.columns(), self.epsilon);
        let u = self.u.last().expect("called after the sources' half");
        let parts = fold_blocks(
            &self.costs,
            || (ColumnSums::new(m), vec![0.0; m]),
            |(sums, scratch), rows, block| {
                exponents(block, Some(&u[rows]), None, epsilon, m);
                block.chunks_exact(m).for_each(|row| sums.add(row, None, scratch));
            },
        );
        let mut total = ColumnSums::new(m);
        let mut scratch = vec![0.0; m];
        for (part, _) in parts {
            total.add(&part.largest, Some(&part.sums), &mut scratch);
        }
        (0..m).map(|j| epsilon * self.target_weights[j].ln() - epsilon * total.logarithm(j)).collect()
    }

    /// K, the number of iterations made.
    pub fn iterations(&self) -> usize {
        self.u.len()
    }

    /// Σᵢ |Σⱼ Pᵢⱼ - aᵢ| over the mass, after the last iteration. Columns are right by construction.
    pub fn marginal_error(&self) -> f64 {
        self.marginal_error
    }

    /// P after the last iteration, as a dense matrix.
    pub fn plan(&self) -> Matrix<f64> {
        let (n, m) = (self.costs.rows(), self.costs.columns());
        let (u, v) = (&self.u[self.u.len() - 1], &self.v[self.u.len()]);
        let parts = fold_blocks(&self.costs, Vec::new, |out: &mut Vec<f64>, rows, block| {
            exponents(block, Some(&u[rows]), Some(v), self.epsilon, m);
            simd::exp(block);
            out.extend_from_slice(block);
        });
        Matrix::from_vec(n, m, parts.concat()).expect("every row was visited")
    }

    /// The loss after the last iteration.
    pub fn loss(&self, loss: Loss) -> f64 {
        let (m, epsilon) = (self.costs.columns(), self.epsilon);
        let (u, v) = (&self.u[self.u.len() - 1], &self.v[self.u.len()]);
        let parts = fold_blocks(
            &self.costs,
            || (0.0, Vec::new()),
            |(sum, costs), rows, block| {
                costs.clear();
                costs.extend_from_slice(block);
                exponents(block, Some(&u[rows.clone()]), Some(v), epsilon, m);
                simd::exp(block);
                for (index, row) in rows.enumerate() {
                    for j in (0..m).filter(|j| block[index * m + j] > 0.0) {
                        *sum += block[index * m + j]
                            * match loss {
                                Loss::Dual => -epsilon,
                                Loss::EntropicPrimal => u[row] + v[j],
                                Loss::TransportCost => costs[index * m + j],
                            };
                    }
                }
            },
        );
        let sum: f64 = parts.into_iter().map(|(sum, _)| sum).sum();
        if loss != Loss::Dual {
            return sum;
        }
        // Σ a (u - ε ln a), and the same of the targets.
        let side = |weights: &[f64], potentials: &[f64]| -> f64 {
            let terms = weights.iter().zip(potentials).filter(|(weight, _)| **weight > 0.0);
            terms.map(|(weight, potential)| weight * (potential - epsilon * weight.ln())).sum()
        };
        let mass: f64 = self.target_weights.iter().sum();
        side(&self.source_weights, u)
            + side(&self.target_weights, v)
            + epsilon * (mass * mass.ln() + mass)
            + sum
    }

    /// Carries the derivative of a loss back through all iterations. Two looks at all pairs for each.
    pub fn backward(&self, loss: Loss) -> UnrolledGradient<'_, 'a> {
        let (m, epsilon, last) = (self.costs.columns(), self.epsilon, self.u.len());
        let (u, v) = (&self.u[last - 1], &self.v[last]);
        // ∂L/∂u = Σⱼ Pᵢⱼ Gᵢⱼ/ε, likewise ∂L/∂v, with G = ∂L/∂P; the dual has its linear terms besides.
        let parts = fold_blocks(
            &self.costs,
            || (Vec::new(), vec![0.0; m], Vec::new()),
            |(rows_out, columns, costs): &mut (Vec<f64>, Vec<f64>, Vec<f64>), rows, block| {
                costs.clear();
                costs.extend_from_slice(block);
                exponents(block, Some(&u[rows.clone()]), Some(v), epsilon, m);
                simd::exp(block);
                for (index, row) in rows.enumerate() {
                    let mut sum = 0.0;
                    for j in 0..m {
                        let p = block[index * m + j];
                        if p > 0.0 {
                            let term =
                                p * cotangent(loss, u[row] + v[j], costs[index * m + j], epsilon) / epsilon;
                            sum += term;
                            columns[j] += term;
                        }
                    }
                    rows_out.push(sum);
                }
            },
        );
        let (mut du, mut dv) = (Vec::new(), vec![0.0; m]);
        for (rows, columns, _) in parts {
            du.extend(rows);
            dv.iter_mut().zip(columns).for_each(|(sum, part)| *sum += part);
        }
        if loss == Loss::Dual {
            du.iter_mut().zip(&self.source_weights).for_each(|(du, a)| *du += a);
            dv.iter_mut().zip(&self.target_weights).for_each(|(dv, b)| *dv += b);
        }
        let mut gradient = UnrolledGradient { forward: self, loss, du: Vec::new(), dv: Vec::new() };
        for iteration in (0..last).rev() {
            let dv_over_b = over(&dv, &self.target_weights);
            let through_v = self.products(&self.u[iteration], &self.v[iteration + 1], &dv_over_b);
            du.iter_mut().zip(through_v).for_each(|(du, product)| *du -= product);
            gradient.dv.push(dv_over_b);
            let du_over_a = over(&du, &self.source_weights);
            dv = self.transposed_products(&self.u[iteration], &self.v[iteration], &du_over_a);
            dv.iter_mut().for_each(|dv| *dv = -*dv);
            gradient.du.push(du_over_a);
            du.fill(0.0);
        }
        gradient.du.reverse();
        gradient.dv.reverse();
        gradient
    }

    /// exp((u + v - C)/ε) z.
    fn products(&self, u: &[f64], v: &[f64], z: &[f64]) -> Vec<f64> {
        let parts = fold_blocks(&self.costs, Vec::new, |out: &mut Vec<f64>, rows, block| {
            exponents(block, Some(&u[rows]), Some(v), self.epsilon, v.len());
            simd::exp(block);
            let start = out.len();
            out.resize(start + block.len() / v.len(), 0.0);
            super::kernels::row_products(block, z, &mut out[start..]);
        });
        parts.concat()
    }

    /// exp((u + v - C)/ε)ᵀ z.
    fn transposed_products(&self, u: &[f64], v: &[f64], z: &[f64]) -> Vec<f64> {
        let m = v.len();
        let parts = fold_blocks(
            &self.costs,
            || vec![0.0; m],
            |out: &mut Vec<f64>, rows, block| {
                exponents(block, Some(&u[rows.clone()]), Some(v), self.epsilon, m);
                simd::exp(block);
                for (row, entries) in rows.zip(block.chunks_exact(m)) {
                    out.iter_mut().zip(entries).for_each(|(out, entry)| *out += z[row] * entry);
                }
            },
        );
        let mut total = vec![0.0; m];
        for part in parts {
            total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        total
    }
}

/// ∂L/∂Pᵢⱼ with C = u + v - ε ln P put in: `sum` is uᵢ + vⱼ.
#[inline(always)]
fn cotangent(loss: Loss, sum: f64, cost: f64, epsilon: f64) -> f64 {
    match loss {
        Loss::Dual => -epsilon,
        Loss::EntropicPrimal => sum + epsilon,
        Loss::TransportCost => cost,
    }
}

/// Cotangents over weights; points without mass have none.
fn over(cotangents: &[f64], weights: &[f64]) -> Vec<f64> {
    cotangents.iter().zip(weights).map(|(x, &w)| if w > 0.0 { x / w } else { 0.0 }).collect()
}

/// The derivatives of a loss through unrolled iterations. Those with respect to costs and points are computed when
/// they are asked for, with two exponentials a pair and iteration.
#[derive(Debug)]
pub struct UnrolledGradient<'u, 'a> {
    forward: &'u Unrolled<'a>,
    loss: Loss,
    /// ū/a of iterations 1 to K.
    du: Vec<Vec<f64>>,
    /// v̄/b of iterations 1 to K.
    dv: Vec<Vec<f64>>,
}

impl UnrolledGradient<'_, '_> {
    /// Visits dL/dC block by block with the costs; the states in order.
    fn fold<S: Send>(
        &self,
        start: impl Fn() -> S + Sync + Send,
        visit: impl Fn(&mut S, Range<usize>, &[f64], &[f64]) + Sync + Send,
    ) -> Vec<S> {
        let Unrolled { costs, u, v, epsilon, .. } = self.forward;
        let (m, last) = (costs.columns(), u.len());
        let parts = fold_blocks(
            costs,
            || (start(), Vec::new(), Vec::new()),
            |(state, sum, work): &mut (S, Vec<f64>, Vec<f64>), rows, block| {
                sum.clear();
                sum.resize(block.len(), 0.0);
                work.resize(block.len(), 0.0);
                let work = &mut work[..block.len()];
                let mut entries = |u: &[f64], v: &[f64], visit: &mut dyn FnMut(usize, usize, f64, f64)| {
                    work.copy_from_slice(block);
                    exponents(work, Some(&u[rows.clone()]), Some(v), *epsilon, m);
                    simd::exp(work);
                    for (index, row) in rows.clone().enumerate() {
                        for j in 0..m {
                            visit(index * m + j, row, v[j], work[index * m + j]);
                        }
                    }
                };
                // ∂L/∂C with u and v held.
                entries(&u[last - 1], &v[last], &mut |place, row, v, p| {
                    if p > 0.0 {
                        let explicit = if self.loss == Loss::Dual { 0.0 } else { 1.0 };
                        let through =
                            cotangent(self.loss, u[last - 1][row] + v, block[place], *epsilon) / epsilon;
                        sum[place] += p * (explicit - through);
                    }
                });
                for iteration in 0..last {
                    let (du, dv) = (&self.du[iteration], &self.dv[iteration]);
                    entries(&u[iteration], &v[iteration + 1], &mut |place, _, _, p| {
                        sum[place] += p * dv[place % m]
                    });
                    entries(&u[iteration], &v[iteration], &mut |place, row, _, p| sum[place] += p * du[row]);
                }
                visit(state, rows, sum, block);
            },
        );
        parts.into_iter().map(|(state, _, _)| state).collect()
    }

    /// dL/dC as a dense matrix.
    pub fn costs(&self) -> Matrix<f64> {
        let costs = &self.forward.costs;
        let parts = self.fold(Vec::new, |out: &mut Vec<f64>, _, entries, _| out.extend_from_slice(entries));
        Matrix::from_vec(costs.rows(), costs.columns(), parts.concat()).expect("every row was visited")
    }

    /// dL/dx (n, d) and dL/dy (m, d), as [`Gradient::points`](super::Gradient::points).
    ///
    /// # Errors
    /// As there.
    pub fn points<'v, T: Scalar>(
        &self,
        x: impl Into<MatrixView<'v, T>>,
        y: impl Into<MatrixView<'v, T>>,
        distance: Distance,
    ) -> Result<PointGradients> {
        let (x, y) = (x.into(), y.into());
        let (n, m) = (self.forward.costs.rows(), self.forward.costs.columns());
        let ground = Ground::prepare([n, m], x, y, distance)?;
        let parts = self.fold(
            || (Vec::new(), vec![0.0; ground.target_room()]),
            |(dx, dy): &mut (Vec<f64>, Vec<f64>), rows, entries, costs| {
                ground.accumulate(rows, entries, costs, Some(dx), Some(dy));
            },
        );
        Ok(gather(parts, n, x.columns(), &ground, [true, true]))
    }
}
