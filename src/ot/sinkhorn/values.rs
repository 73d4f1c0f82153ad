//! What an entropic plan is worth: every value that people mean by "the Sinkhorn cost", and what can be proved about
//! the cost without entropy.
//!
//! With s = a bᵀ/M, KL(P|s) = Σ Pᵢⱼ ln(Pᵢⱼ/sᵢⱼ) - Pᵢⱼ + sᵢⱼ and H(P) = -Σ Pᵢⱼ (ln Pᵢⱼ - 1), the entropic problem is
//! min <C, P> + ε KL(P|s), or the same with -ε H(P) for ε KL; over plans of the same marginals the two differ by a constant. Its dual is
//! max Σ aᵢfᵢ + Σ bⱼgⱼ - ε Σ (Pᵢⱼ - sᵢⱼ) with P = s exp((f ⊕ g - C)/ε), without any constraint: its value is a lower bound
//! whatever the potentials are. (Peyré and Cuturi, *Computational Optimal Transport*, 2019, chapter 4.)
//!
//! # Certificates
//! * P itself has the marginals only nearly. Altschuler, Weed and Rigollet (2017) scale its rows and columns down to
//!   the weights and fill up with a rank-one plan: P' = X P Y + e_r e_cᵀ/|e|. Its cost is an upper bound on the cost
//!   without entropy.
//! * Potentials that are feasible for the problem without entropy are fᵢ' = minⱼ Cᵢⱼ - gⱼ and gⱼ' = minᵢ Cᵢⱼ - fᵢ'.
//!   Their dual value is a lower bound on it.
//! * <C, P'> + ε KL(P'|s) is an upper bound on the entropic problem. By the log-sum inequality, with δ = |e|/M,
//!   KL(p + r|s) <= KL(p|(1-δ)s) + KL(r|δs), and for p = X P Y and r of rank one both sides need only marginals and <C, p>: no logarithm
//!   for a pair.

use super::plan::EntropicPlan;
use crate::matrix::Matrix;
use crate::ot::problem::sum;

/// Units of rounding by which bounds are moved outwards: each term of their sums has been rounded five times at most,
/// and the sums are compensated.
const ROUNDINGS: f64 = 16.0;

/// The values of an entropic plan, all in double precision from the potentials and the costs alone.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Values {
    /// <C, P>.
    pub transport_cost: f64,
    /// Σ Pᵢⱼ.
    pub mass: f64,
    /// Σᵢ |Σⱼ Pᵢⱼ - aᵢ|.
    pub source_marginal_error: f64,
    /// Σⱼ |Σᵢ Pᵢⱼ - bⱼ|.
    pub target_marginal_error: f64,
    /// H(P) = -Σ Pᵢⱼ (ln Pᵢⱼ - 1).
    pub entropy: f64,
    /// KL(P | a bᵀ/M).
    pub kl_divergence: f64,
    /// <C, P> - ε H(P).
    pub primal_with_entropy: f64,
    /// <C, P> + ε KL(P | a bᵀ/M).
    pub primal_with_kl: f64,
    /// Σ aᵢfᵢ + Σ bⱼgⱼ - ε Σ (Pᵢⱼ - aᵢbⱼ/M): a lower bound on the optimum with KL.
    pub dual_with_kl: f64,
    /// The same for the problem with -ε H(P): it differs by ε (Σ a ln a + Σ b ln b - M ln M - M).
    pub dual_with_entropy: f64,
    /// An upper bound on the optimum with KL: the value of the rounded plan, or somewhat more.
    pub upper_bound_with_kl: f64,
    /// `upper_bound_with_kl - dual_with_kl`, and what rounding may have done to either: the proof of the potentials, not negative.
    pub gap: f64,
    /// The cost of the rounded plan P', which has the marginals, and its rounding: an upper bound on the optimal cost without entropy.
    pub rounded_cost: f64,
    /// The dual value of feasible potentials less its rounding: a lower bound on the optimal cost without entropy.
    pub cost_lower_bound: f64,
}

/// The feasible plan next to an entropic one: P' = X P Y + e_r e_cᵀ/|e| (Altschuler, Weed and Rigollet 2017).
#[derive(Debug, Clone)]
pub struct RoundedPlan<'p, 'a> {
    plan: &'p EntropicPlan<'a>,
    /// The diagonals of X and Y.
    row_factors: Vec<f64>,
    column_factors: Vec<f64>,
    /// e_r and e_c: what is missing in the rows and columns of X P Y.
    row_deficits: Vec<f64>,
    column_deficits: Vec<f64>,
    cost: f64,
    scaled_cost: f64,
}

impl RoundedPlan<'_, '_> {
    /// <C, P'>.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// The mass that was moved to make the plan feasible: |e|.
    pub fn moved_mass(&self) -> f64 {
        sum(self.row_deficits.iter().copied())
    }

    /// P' as a dense matrix: n m numbers.
    pub fn to_matrix(&self) -> Matrix<f64> {
        let mut dense = self.plan.to_matrix();
        let missing = self.moved_mass();
        for row in 0..dense.rows() {
            let (factor, deficit) = (self.row_factors[row], self.row_deficits[row]);
            let share = if missing > 0.0 { deficit / missing } else { 0.0 };
            for (column, entry) in dense.row_mut(row).iter_mut().enumerate() {
                *entry = *entry * factor * self.column_factors[column] + share * self.column_deficits[column];
            }
        }
        dense
    }
}

/// What one look at all pairs adds up.
#[derive(Default)]
struct Sums {
    transport_cost: f64,
    row_sums: Vec<f64>,
    column_sums: Vec<f64>,
    /// Column sums of X P.
    scaled_column_sums: Vec<f64>,
    /// minᵢ Cᵢⱼ - fᵢ'.
    column_minima: Vec<f64>,
    /// fᵢ' = minⱼ Cᵢⱼ - gⱼ.
    row_minima: Vec<f64>,
}

impl<'a> EntropicPlan<'a> {
    /// b scaled to the mass of a: the two sums may differ by rounding.
    fn balanced_targets(&self) -> Vec<f64> {
        let factor = sum(self.source_weights().iter().copied()) / sum(self.target_weights().iter().copied());
        self.target_weights().iter().map(|b| b * factor).collect()
    }

    fn first_look(&self) -> Sums {
        let m = self.columns();
        let (a, g) = (self.source_weights(), self.target_potentials());
        let parts = self.fold(
            true,
            || Sums {
                column_sums: vec![0.0; m],
                scaled_column_sums: vec![0.0; m],
                column_minima: vec![f64::INFINITY; m],
                ..Sums::default()
            },
            |sums, block| {
                for (k, row) in block.rows.clone().enumerate() {
                    let entries = &block.conditional[k * m..][..m];
                    let costs = &block.costs[k * m..][..m];
                    let (mut total, mut cost) = ([0.0; 4], [0.0; 4]);
                    let mut least = f64::INFINITY;
                    for j in 0..m {
                        total[j % 4] += entries[j];
                        cost[j % 4] += entries[j] * costs[j];
                        let slack = costs[j] - g[j];
                        least = if slack < least { slack } else { least };
                    }
                    let total = a[row] * ((total[0] + total[1]) + (total[2] + total[3]));
                    sums.transport_cost += a[row] * ((cost[0] + cost[1]) + (cost[2] + cost[3]));
                    let scaled = a[row] * row_factor(a[row], total);
                    for j in 0..m {
                        sums.column_sums[j] += a[row] * entries[j];
                        sums.scaled_column_sums[j] += scaled * entries[j];
                        let slack = costs[j] - least;
                        sums.column_minima[j] =
                            if slack < sums.column_minima[j] { slack } else { sums.column_minima[j] };
                    }
                    sums.row_sums.push(total);
                    sums.row_minima.push(least);
                }
            },
        );
        let mut all = Sums {
            column_sums: vec![0.0; m],
            scaled_column_sums: vec![0.0; m],
            column_minima: vec![f64::INFINITY; m],
            ..Sums::default()
        };
        for part in parts {
            all.transport_cost += part.transport_cost;
            all.row_sums.extend(part.row_sums);
            all.row_minima.extend(part.row_minima);
            for j in 0..m {
                all.column_sums[j] += part.column_sums[j];
                all.scaled_column_sums[j] += part.scaled_column_sums[j];
                all.column_minima[j] = all.column_minima[j].min(part.column_minima[j]);
            }
        }
        all
    }

    /// The rounded plan, by a second look that scales the columns too.
    fn round(&self, first: &Sums) -> RoundedPlan<'_, 'a> {
        let m = self.columns();
        let a = self.source_weights();
        let targets = self.balanced_targets();
        let column_factors: Vec<f64> = targets
            .iter()
            .zip(&first.scaled_column_sums)
            .map(|(&b, &column)| row_factor(b, column))
            .collect();
        let column_deficits: Vec<f64> =
            (0..m).map(|j| (targets[j] - column_factors[j] * first.scaled_column_sums[j]).max(0.0)).collect();
        let row_factors: Vec<f64> =
            a.iter().zip(&first.row_sums).map(|(&a, &row)| row_factor(a, row)).collect();
        // For each row: its deficit and Σ e_c C; and the cost of X P Y.
        let parts = self.fold(
            true,
            || (Vec::new(), 0.0),
            |(rows, scaled_cost): &mut (Vec<[f64; 2]>, f64), block| {
                for (k, row) in block.rows.clone().enumerate() {
                    let entries = &block.conditional[k * m..][..m];
                    let costs = &block.costs[k * m..][..m];
                    let (mut total, mut cost, mut rest) = (0.0, 0.0, 0.0);
                    for j in 0..m {
                        let entry = entries[j] * column_factors[j];
                        total += entry;
                        cost += entry * costs[j];
                        rest += column_deficits[j] * costs[j];
                    }
                    let weight = a[row] * row_factors[row];
                    *scaled_cost += weight * cost;
                    rows.push([(a[row] - weight * total).max(0.0), rest]);
                }
            },
        );
        let (mut row_deficits, mut scaled_cost, mut crossed) = (Vec::with_capacity(a.len()), 0.0, Vec::new());
        for (rows, cost) in parts {
            scaled_cost += cost;
            for [deficit, rest] in rows {
                row_deficits.push(deficit);
                crossed.push((deficit, rest));
            }
        }
        let missing = sum(row_deficits.iter().copied());
        // Over the missing mass first: the product of two masses may leave the range.
        let share = |deficit: f64| if missing > 0.0 { deficit / missing } else { 0.0 };
        let cost = scaled_cost + sum(crossed.into_iter().map(|(deficit, rest)| share(deficit) * rest));
        RoundedPlan {
            plan: self,
            row_factors,
            column_factors,
            row_deficits,
            column_deficits,
            cost,
            scaled_cost,
        }
    }

    /// The feasible plan next to this one. Two looks at all pairs.
    pub fn rounded(&self) -> RoundedPlan<'_, 'a> {
        self.round(&self.first_look())
    }

    /// All values of a balanced plan. Two looks at all pairs.
    pub(crate) fn values(&self) -> Values {
        let first = self.first_look();
        let rounded = self.round(&first);
        let (a, b) = (self.source_weights(), self.balanced_targets());
        let (f, g) = (self.source_potentials(), self.target_potentials());
        let epsilon = self.epsilon();
        let total = sum(a.iter().copied());
        let mass = sum(first.row_sums.iter().copied());
        // Row by row: the difference of the two sums would be rounded like the sums.
        let excess = sum(first.row_sums.iter().zip(a).map(|(row, weight)| row - weight));
        // Σ P ln(P/s) = (Σ f r + Σ g c - <C, P>)/ε for the marginals r, c of P: there is no logarithm in it.
        let relative =
            (dot(f, &first.row_sums) + dot(g, &first.column_sums) - first.transport_cost) / epsilon;
        let kl_divergence = relative - mass + total;
        let log_masses = |weights: &[f64], marginal: &[f64]| {
            sum(weights.iter().zip(marginal).map(|(&w, &mass)| if w > 0.0 { mass * w.ln() } else { 0.0 }))
        };
        let product = log_masses(a, &first.row_sums) + log_masses(&b, &first.column_sums) - mass * total.ln();
        let entropy = mass - relative - product;
        let dual_with_kl = dot(f, a) + dot(g, &b) - epsilon * excess;
        let constant = log_masses(a, a) + log_masses(&b, &b) - total * total.ln() - total;
        let errors = |marginal: &[f64], weights: &[f64]| {
            sum(marginal.iter().zip(weights).map(|(marginal, weight)| (marginal - weight).abs()))
        };
        // Bounds are moved outwards by what rounding may have done to them: a few units of what they are sums of.
        let size =
            |p: &[f64], weights: &[f64]| sum(p.iter().zip(weights).map(|(p, weight)| (p * weight).abs()));
        let potentials = size(f, a) + size(g, &b);
        let rounding = ROUNDINGS * f64::EPSILON * (potentials + epsilon * total + first.transport_cost.abs());
        let feasible = size(&first.row_minima, a) + size(&first.column_minima, &b);
        let upper_bound_with_kl = self.upper_bound(&rounded, &b, total) + rounding;
        Values {
            transport_cost: first.transport_cost,
            mass,
            source_marginal_error: errors(&first.row_sums, a),
            target_marginal_error: errors(&first.column_sums, &b),
            entropy,
            kl_divergence,
            primal_with_entropy: first.transport_cost - epsilon * entropy,
            primal_with_kl: first.transport_cost + epsilon * kl_divergence,
            dual_with_kl,
            dual_with_entropy: dual_with_kl + epsilon * constant,
            upper_bound_with_kl,
            gap: upper_bound_with_kl - dual_with_kl + rounding,
            rounded_cost: rounded.cost + ROUNDINGS * f64::EPSILON * rounded.cost.abs(),
            cost_lower_bound: dot(&first.row_minima, a) + dot(&first.column_minima, &b)
                - ROUNDINGS * f64::EPSILON * (feasible + size(g, &b)),
        }
    }

    /// <C, P'> + ε (KL(p|(1-δ)s) + KL(r|δs)) with P' = p + r.
    fn upper_bound(&self, rounded: &RoundedPlan<'_, '_>, b: &[f64], total: f64) -> f64 {
        let (a, epsilon) = (self.source_weights(), self.epsilon());
        let missing = rounded.moved_mass();
        let delta = missing / total;
        let scaled_mass = total - missing;
        // Σ p ln(p/s) by rows and columns: p = X P Y has ln p/s = (f + g - C)/ε + ln X + ln Y, and marginals a - e_r, b - e_c.
        let side = |weights: &[f64], deficits: &[f64], potentials: &[f64], factors: &[f64]| {
            sum((0..weights.len()).map(|i| {
                let mass = weights[i] - deficits[i];
                if mass > 0.0 { mass * (potentials[i] / epsilon + factors[i].ln()) } else { 0.0 }
            }))
        };
        let mut divergence = side(a, &rounded.row_deficits, self.source_potentials(), &rounded.row_factors)
            + side(b, &rounded.column_deficits, self.target_potentials(), &rounded.column_factors)
            - rounded.scaled_cost / epsilon;
        // The masses of p and of (1-δ)s are equal, as are those of r and δs.
        if scaled_mass > 0.0 {
            divergence -= scaled_mass * (-delta).ln_1p();
        }
        if missing > 0.0 {
            // r = e_r e_cᵀ/|e| against δ a bᵀ/M = |e| (a/M) (b/M)ᵀ.
            let side = |weights: &[f64], deficits: &[f64]| {
                sum(weights.iter().zip(deficits).map(|(&weight, &deficit)| {
                    if deficit > 0.0 { deficit * (deficit / missing * total / weight).ln() } else { 0.0 }
                }))
            };
            divergence += side(a, &rounded.row_deficits) + side(b, &rounded.column_deficits);
        }
        rounded.cost + epsilon * divergence
    }
}

/// What scales a sum down to a weight, and never up.
fn row_factor(weight: f64, sum: f64) -> f64 {
    if sum > weight { weight / sum } else { 1.0 }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x.iter().zip(y).map(|(x, y)| x * y))
}
