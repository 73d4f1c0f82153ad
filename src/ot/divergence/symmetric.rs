//! Transport of a cloud to itself: one potential, found by the averaged fixed point.

use super::combine::Watch;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::{CostBlocks, EntropicCosts, EntropicPlan, Values};
use crate::scalar::Scalar;
use crate::simd;

/// The entropic transport of a cloud to itself.
#[derive(Debug)]
#[non_exhaustive]
pub struct SelfTransport<'a> {
    /// P = Pᵀ, with f = g.
    pub plan: EntropicPlan<'a>,
    /// What it is worth, with its bounds.
    pub values: Values,
    /// How the iterations ended.
    pub status: Status,
    /// The L1 error of the marginal, as a share of the mass.
    pub marginal_error: f64,
    /// Looks at all pairs.
    pub iterations: u64,
}

/// Iterations in which the error must fall to a quarter: positive definite kernels halve it each time.
const PATIENCE: u64 = 24;

/// The self-problem while it is worked on.
pub(super) struct Symmetric<'a> {
    plan: EntropicPlan<'a>,
    /// f.
    potentials: Vec<f64>,
    mass: f64,
    pub status: Status,
    pub error: f64,
    pub iterations: u64,
}

impl<'a> Symmetric<'a> {
    /// From f = 0, where the diagonal of the costs is zero a good start for small ε: Tf is then between 0 and ε ln(M/a).
    pub(super) fn new(costs: EntropicCosts<'a, f64>, weights: Vec<f64>, epsilon: f64) -> Self {
        let mass = crate::ot::problem::sum(weights.iter().copied());
        let potentials = vec![0.0; weights.len()];
        let both = [potentials.clone(), potentials.clone()];
        let plan = EntropicPlan::new(costs, [weights.clone(), weights], mass, both, epsilon);
        Self { plan, potentials, mass, status: Status::IterationLimit, error: f64::INFINITY, iterations: 0 }
    }

    pub(super) fn plan(&self) -> &EntropicPlan<'a> {
        &self.plan
    }

    /// Takes these potentials instead.
    pub(super) fn restart(&mut self, f: &[f64]) {
        self.potentials.copy_from_slice(f);
        self.plan.set_potentials(f, f);
    }

    /// Iterates until the error is `tolerance` or nothing more comes of it: then the status is [`Status::Inaccurate`].
    pub(super) fn improve(&mut self, tolerance: f64, limit: u64, watch: &mut Watch<'_>) {
        let epsilon = self.plan.epsilon();
        let (mut best, mut best_potentials) = (f64::INFINITY, self.potentials.clone());
        let mut checkpoint = f64::INFINITY;
        let mut since_checkpoint = 0;
        self.status = loop {
            let sums = self.row_sums();
            let weights = self.plan.source_weights();
            let deviations =
                weights.iter().zip(&sums).map(|(a, s)| if *a > 0.0 { a * (s - 1.0).abs() } else { 0.0 });
            self.error = deviations.sum::<f64>() / self.mass;
            self.iterations += 1;
            if self.error < best {
                best = self.error;
                best_potentials.copy_from_slice(&self.potentials);
            }
            let stopped = watch.look("Sinkhorn divergence: a cloud to itself", self.iterations, self.error);
            if self.error <= tolerance {
                break Status::Converged;
            }
            if stopped {
                break Status::Stopped;
            }
            if self.iterations >= limit {
                break Status::IterationLimit;
            }
            since_checkpoint += 1;
            if since_checkpoint == PATIENCE {
                if best > 0.25 * checkpoint || best.is_nan() {
                    break Status::Inaccurate;
                }
                (checkpoint, since_checkpoint) = (best, 0);
            }
            for (row, sum) in sums.into_iter().enumerate() {
                let step = if sum > 1e-280 && sum < 1e280 {
                    -epsilon * sum.ln()
                } else {
                    self.soft_minimum(row) - self.potentials[row]
                };
                // A point without mass moves nothing: it takes what the others say.
                let share = if self.plan.source_weights()[row] > 0.0 { 0.5 } else { 1.0 };
                self.potentials[row] += share * step;
            }
            self.plan.set_potentials(&self.potentials, &self.potentials);
        };
        if self.error > best {
            self.error = best;
            self.restart(&best_potentials);
        }
        self.follow();
    }

    /// Σⱼ Pᵢⱼ/aᵢ.
    fn row_sums(&self) -> Vec<f64> {
        let m = self.plan.columns();
        let parts = self.plan.fold(false, Vec::new, |out: &mut Vec<f64>, block| {
            out.extend(block.conditional.chunks_exact(m).map(simd::sum));
        });
        parts.concat()
    }

    /// Tfᵢ.
    fn soft_minimum(&self, row: usize) -> f64 {
        let epsilon = self.plan.epsilon();
        let mut exponents = vec![0.0; self.potentials.len()];
        self.plan.costs().block_into(row..row + 1, 0..self.potentials.len(), &mut exponents);
        for ((x, f), a) in exponents.iter_mut().zip(&self.potentials).zip(self.plan.source_weights()) {
            *x = (f - *x) / epsilon + (a / self.mass).ln();
        }
        -epsilon * simd::log_sum_exp(&exponents)
    }

    /// Potentials of points without mass, from those of the others as they are in the end.
    fn follow(&mut self) {
        let massless: Vec<usize> =
            (0..self.potentials.len()).filter(|&row| self.plan.source_weights()[row] == 0.0).collect();
        if massless.is_empty() {
            return;
        }
        for row in massless {
            self.potentials[row] = self.soft_minimum(row);
        }
        self.plan.set_potentials(&self.potentials, &self.potentials);
    }

    pub(super) fn finish(self, values: Values) -> SelfTransport<'a> {
        SelfTransport {
            plan: self.plan,
            values,
            status: self.status,
            marginal_error: self.error,
            iterations: self.iterations,
        }
    }
}

/// Refuses costs that are not symmetric to the digits that their type keeps: of the largest of them, as distances that were computed by
/// matrix products are.
pub(super) fn check<T: Scalar>(costs: MatrixView<'_, T>, what: &'static str) -> Result<()> {
    costs.check_finite(what)?;
    let largest = costs.iter_rows().flatten().fold(0.0_f64, |largest, c| largest.max(c.to_f64().abs()));
    let tolerance = 1e3 * T::EPSILON.to_f64() * largest;
    for row in 0..costs.rows() {
        for column in 0..row {
            let (value, transposed) = (costs.row(row)[column].to_f64(), costs.row(column)[row].to_f64());
            if (value - transposed).abs() > tolerance {
                return Err(Error::NotSymmetric { what, row, column, value, transposed });
            }
        }
    }
    Ok(())
}
