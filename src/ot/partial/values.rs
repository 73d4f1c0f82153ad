//! What an entropic partial plan is worth, and what can be proved about it.
//!
//! P has mass and marginals only nearly. P' = X P Y + r is feasible: rows and columns scaled down to the weights,
//! then all scaled down to the mass s if there is more, or filled up by a plan r of rank one between what rows and
//! columns have left (after Altschuler, Weed and Rigollet 2017). With δ = |r|/s the log-sum inequality gives KL(p + r |
//! k) <= KL(p | (1-δ)k) + KL(r | δk), for which marginals and <C, P'> are enough: an upper bound on the optimum
//! without a logarithm for a pair.

use super::EntropicSolution;
use crate::ot::problem::sum;
use crate::ot::sinkhorn::EntropicPlan;

/// The values of an entropic partial plan, all in double precision from the potentials and the costs alone.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Values {
    /// <C, P>.
    pub transport_cost: f64,
    /// Σ Pᵢⱼ: s, but for the residual.
    pub mass: f64,
    /// KL(P | a bᵀ).
    pub kl_divergence: f64,
    /// Σᵢ max(0, Σⱼ Pᵢⱼ - aᵢ).
    pub source_excess: f64,
    /// Σⱼ max(0, Σᵢ Pᵢⱼ - bⱼ).
    pub target_excess: f64,
    /// <C, P> + ε KL(P | a bᵀ).
    pub primal: f64,
    /// λ s + Σ aᵢfᵢ + Σ bⱼgⱼ - ε Σ (Pᵢⱼ - aᵢbⱼ): a lower bound on the optimum.
    pub dual: f64,
    /// The value of a feasible plan next to P, or somewhat more: an upper bound on the optimum.
    pub upper_bound: f64,
    /// `upper_bound - dual`. Not negative but for rounding.
    pub gap: f64,
    /// The cost of that plan: an upper bound on the cheapest cost without entropy.
    pub feasible_cost: f64,
}

/// Marginals of diag(x) P diag(y), and its cost.
struct Scaled {
    rows: Vec<f64>,
    columns: Vec<f64>,
    cost: f64,
    /// Σⱼ wⱼ Cᵢⱼ for the weights asked for.
    weighted_costs: Vec<f64>,
}

fn scaled(plan: &EntropicPlan<'_>, x: &[f64], y: &[f64], weights: &[f64]) -> Scaled {
    let m = plan.columns();
    let nothing =
        || Scaled { rows: Vec::new(), columns: vec![0.0; m], cost: 0.0, weighted_costs: Vec::new() };
    let parts = plan.fold(true, nothing, |sums: &mut Scaled, block| {
        for (k, row) in block.rows.clone().enumerate() {
            let factor = plan.source_weights()[row] * x[row];
            let entries = &block.conditional[k * m..][..m];
            let costs = &block.costs[k * m..][..m];
            let (mut total, mut cost, mut weighted) = (0.0, 0.0, 0.0);
            for j in 0..m {
                let entry = entries[j] * y[j];
                total += entry;
                cost += entry * costs[j];
                weighted += weights[j] * costs[j];
                sums.columns[j] += factor * entry;
            }
            sums.rows.push(factor * total);
            sums.cost += factor * cost;
            sums.weighted_costs.push(weighted);
        }
    });
    let mut all = nothing();
    for part in parts {
        all.rows.extend(part.rows);
        all.weighted_costs.extend(part.weighted_costs);
        all.columns.iter_mut().zip(part.columns).for_each(|(total, part)| *total += part);
        all.cost += part.cost;
    }
    all
}

impl Values {
    pub(super) fn new(solution: &EntropicSolution<'_>) -> Self {
        let EntropicSolution { plan, mass: wanted, .. } = solution;
        let (a, b, epsilon) = (plan.source_weights(), plan.target_weights(), plan.epsilon());
        let total = |values: &[f64]| sum(values.iter().copied());
        let (n, m) = (a.len(), b.len());
        let (ones, nothing) = (vec![1.0; n.max(m)], vec![0.0; m]);
        let raw = scaled(plan, &ones[..n], &ones[..m], &nothing);
        let mass = total(&raw.rows);
        let reference = total(a) * total(b);
        let (f, g) = (&solution.source_potentials, &solution.target_potentials);
        // Σ p (ln P - ln a bᵀ) for a plan p with these marginals and this cost.
        let logarithm = |of: &Scaled| {
            let mass = total(&of.rows);
            (dot(f, &of.rows) + dot(g, &of.columns) + solution.marginal_cost * mass - of.cost) / epsilon
        };
        let kl_divergence = logarithm(&raw) - mass + reference;
        let dual = solution.marginal_cost * wanted + dot(f, a) + dot(g, b) - epsilon * (mass - reference);
        let excess = |marginal: &[f64], weights: &[f64]| {
            sum(marginal.iter().zip(weights).map(|(marginal, weight)| (marginal - weight).max(0.0)))
        };

        // X, then Y; no marginal grows any more.
        let down = |weight: f64, sum: f64| if sum > weight { weight / sum } else { 1.0 };
        let mut x: Vec<f64> = a.iter().zip(&raw.rows).map(|(&a, &row)| down(a, row)).collect();
        let by_rows = scaled(plan, &x, &ones[..m], &nothing);
        let y: Vec<f64> = b.iter().zip(&by_rows.columns).map(|(&b, &column)| down(b, column)).collect();
        let scaled_mass = sum(by_rows.columns.iter().zip(&y).map(|(column, y)| column * y));
        let shrink = down(*wanted, scaled_mass);
        x.iter_mut().for_each(|x| *x *= shrink);
        let column_room: Vec<f64> = b
            .iter()
            .zip(by_rows.columns.iter().zip(&y))
            .map(|(b, (column, y))| (b - column * y * shrink).max(0.0))
            .collect();
        let inner = scaled(plan, &x, &y, &column_room);
        let row_room: Vec<f64> = a.iter().zip(&inner.rows).map(|(a, row)| (a - row).max(0.0)).collect();
        let (rows, columns) = (total(&row_room), total(&column_room));
        let inner_mass = total(&inner.rows);
        // Where all of a side goes there may be no room left by rounding, for what is missing by rounding.
        let missing = (wanted - inner_mass).min(rows).min(columns).max(0.0);
        let delta = missing / wanted;
        let factors = |marginal: &[f64], factors: &[f64]| {
            sum(marginal.iter().zip(factors).map(|(r, x)| if *r > 0.0 { r * x.ln() } else { 0.0 }))
        };
        let mut divergence = logarithm(&inner) + factors(&inner.rows, &x) + factors(&inner.columns, &y)
            - inner_mass
            + (1.0 - delta) * reference
            - if inner_mass > 0.0 { inner_mass * (-delta).ln_1p() } else { 0.0 };
        let mut feasible_cost = inner.cost;
        if missing > 0.0 {
            // r = |r| ρ γᵀ with ρ, γ of sum one: Σ r ln(r / δ a bᵀ) = |r| (ln(|r|/δ) + Σ ρ ln(ρ/a) + Σ γ ln(γ/b)).
            let side = |room: &[f64], weights: &[f64], all: f64| {
                sum(room
                    .iter()
                    .zip(weights)
                    .map(|(&r, &w)| if r > 0.0 { r / all * (r / all / w).ln() } else { 0.0 }))
            };
            divergence += missing * (wanted.ln() + side(&row_room, a, rows) + side(&column_room, b, columns))
                - missing
                + delta * reference;
            feasible_cost += missing * dot(&row_room, &inner.weighted_costs) / (rows * columns);
        }
        let upper_bound = feasible_cost + epsilon * divergence;
        Self {
            transport_cost: raw.cost,
            mass,
            kl_divergence,
            source_excess: excess(&raw.rows, a),
            target_excess: excess(&raw.columns, b),
            primal: raw.cost + epsilon * kl_divergence,
            dual,
            upper_bound,
            gap: upper_bound - dual,
            feasible_cost,
        }
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum(x.iter().zip(y).map(|(x, y)| x * y))
}
