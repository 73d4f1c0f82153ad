//! Implicit differentiation: from a cotangent of the plan, or of the potentials, to the costs, weights and ε.
//!
//! Let L depend on P with ∂L/∂Pᵢⱼ = Gᵢⱼ, and on f, g with ∂L/∂f = f̄, ∂L/∂g = ḡ. With λ, μ from the [linear system](super::linear) for
//! s = (P∘G) 1 + ε f̄ and t = (P∘G)ᵀ 1 + ε ḡ, and Qᵢⱼ = Pᵢⱼ/aᵢ, Rᵢⱼ = Pᵢⱼ/bⱼ:
//!
//! ```text
//! dL/dCᵢⱼ = Pᵢⱼ (λᵢ + μⱼ - Gᵢⱼ)/ε
//! dL/daᵢ  = Σⱼ Qᵢⱼ (Gᵢⱼ - μⱼ)        dL/dbⱼ = Σᵢ Rᵢⱼ (Gᵢⱼ - λᵢ)
//! dL/dε   = Σᵢⱼ dL/dCᵢⱼ (fᵢ + gⱼ - Cᵢⱼ)/ε
//! ```
//!
//! Q and R have rows and columns for points without mass too, so those have a derivative: that of the first mass they get.

use super::Options;
use super::kernels::row_products;
use super::linear::{LinearSolve, Rows, Schur};
use super::weighting::FillRow;
use crate::ot::sinkhorn::{CostBlocks, EntropicPlan};

/// ∂L/∂P.
pub(super) enum PlanCotangent<'p> {
    Zero,
    /// Cᵢⱼ - fᵢ - gⱼ: that of <C, P> up to a number for each row and column, whose λ and μ are they themselves.
    Slack,
    Given(&'p FillRow<'p>),
}

/// λ, μ and the derivatives with respect to the weights.
pub(super) struct Adjoint {
    pub source: Vec<f64>,
    pub target: Vec<f64>,
    pub source_weights: Vec<f64>,
    pub target_weights: Vec<f64>,
    pub solve: LinearSolve,
}

/// What the first look at all pairs adds up, for some rows and over them.
struct Survey {
    /// Σⱼ Qᵢⱼ and sᵢ/aᵢ.
    rows: Vec<[f64; 2]>,
    columns: Vec<f64>,
    diagonal: Vec<f64>,
    /// t - Pᵀ(s/r), and the same of absolute values.
    rhs: Vec<f64>,
    magnitudes: Vec<f64>,
}

impl Survey {
    fn new(columns: usize) -> Self {
        let zeros = || vec![0.0; columns];
        Self { rows: Vec::new(), columns: zeros(), diagonal: zeros(), rhs: zeros(), magnitudes: zeros() }
    }

    fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        for (sums, parts) in [
            (&mut self.columns, other.columns),
            (&mut self.diagonal, other.diagonal),
            (&mut self.rhs, other.rhs),
            (&mut self.magnitudes, other.magnitudes),
        ] {
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
    }
}

/// Gᵢⱼ of one row, from its costs where it needs them.
fn fill(plan: &EntropicPlan<'_>, cotangent: &PlanCotangent<'_>, row: usize, costs: &[f64], out: &mut [f64]) {
    match cotangent {
        PlanCotangent::Zero => out.fill(0.0),
        PlanCotangent::Given(given) => given(row, out),
        PlanCotangent::Slack => {
            let f = plan.source_potentials()[row];
            for ((out, cost), g) in out.iter_mut().zip(costs).zip(plan.target_potentials()) {
                *out = cost - f - g;
            }
        }
    }
}

/// Carries the cotangents of plan and potentials back through the marginal constraints.
pub(super) fn solve(
    plan: &EntropicPlan<'_>,
    cotangent: &PlanCotangent<'_>,
    potentials: Option<[&[f64]; 2]>,
    options: &Options,
) -> Adjoint {
    let (n, m) = (plan.rows(), plan.columns());
    let (a, b, epsilon) = (plan.source_weights(), plan.target_weights(), plan.epsilon());
    // ε f̄ᵢ/aᵢ and ε ḡⱼ.
    let shares: Vec<f64> = match potentials {
        None => vec![0.0; n],
        Some([f, _]) => f.iter().zip(a).map(|(f, &a)| if a > 0.0 { epsilon * f / a } else { 0.0 }).collect(),
    };
    let extra: Vec<f64> = match potentials {
        None => vec![0.0; m],
        Some([_, g]) => g.iter().map(|g| epsilon * g).collect(),
    };
    let needs_costs = matches!(cotangent, PlanCotangent::Slack);
    let parts = plan.fold(
        needs_costs,
        || (Survey::new(m), vec![0.0; m]),
        |(survey, values), block| {
            for (index, row) in block.rows.clone().enumerate() {
                let entries = &block.conditional[index * m..][..m];
                let costs = if needs_costs { &block.costs[index * m..][..m] } else { &[] };
                fill(plan, cotangent, row, costs, values);
                let (mut total, mut share) = ([0.0; 4], [0.0; 4]);
                for j in 0..m {
                    total[j % 4] += entries[j];
                    share[j % 4] += entries[j] * values[j];
                }
                let total = (total[0] + total[1]) + (total[2] + total[3]);
                let share = shares[row] + (share[0] + share[1]) + (share[2] + share[3]);
                survey.rows.push([total, share]);
                let (mean, inverse) = if total > 0.0 { (share / total, 1.0 / total) } else { (0.0, 0.0) };
                for j in 0..m {
                    let mass = a[row] * entries[j];
                    survey.columns[j] += mass;
                    // Of this sum nothing cancels: an entry is at most its row.
                    survey.diagonal[j] += mass * (1.0 - entries[j] * inverse).max(0.0);
                    survey.rhs[j] += mass * (values[j] - mean);
                    survey.magnitudes[j] += mass * (values[j].abs() + mean.abs());
                }
            }
        },
    );
    let mut survey = Survey::new(m);
    parts.into_iter().for_each(|(part, _)| survey.add(part));
    let Survey { rows: row_sums, columns, mut diagonal, mut rhs, mut magnitudes } = survey;
    for j in 0..m {
        rhs[j] += extra[j];
        magnitudes[j] += extra[j].abs();
        // A column that is all its rows would have no diagonal: rounding has cut it off from the others.
        diagonal[j] = if columns[j] > 0.0 { diagonal[j].max(1e-14 * columns[j]) } else { 0.0 };
    }

    let rows = Rows::new(plan, options.bytes_kept);
    let factors =
        row_sums.iter().zip(a).map(|([total, _], a)| if *total > 0.0 { a / total } else { 0.0 }).collect();
    let schur = Schur { rows: &rows, factors, columns, diagonal };
    let (target, solve) = schur.solve(rhs, &magnitudes, options);

    let parts = rows.fold(Vec::new, |out: &mut Vec<f64>, _, entries| {
        let start = out.len();
        out.resize(start + entries.len() / m, 0.0);
        row_products(entries, &target, &mut out[start..]);
    });
    let products = parts.concat();
    let mut source = Vec::with_capacity(n);
    let mut source_weights = Vec::with_capacity(n);
    for (row, [total, share]) in row_sums.iter().enumerate() {
        source.push(if *total > 0.0 { (share - products[row]) / total } else { 0.0 });
        source_weights.push(share - shares[row] - products[row]);
    }
    // Σᵢ Pᵢⱼ (Gᵢⱼ - λᵢ) = cⱼ μⱼ - ε ḡⱼ, by the system.
    let mut target_weights: Vec<f64> = (0..m)
        .map(|j| if b[j] > 0.0 { (schur.columns[j] * target[j] - extra[j]) / b[j] } else { 0.0 })
        .collect();
    if b.contains(&0.0) {
        massless_targets(plan, cotangent, &source, &mut target_weights);
    }
    Adjoint { source, target, source_weights, target_weights, solve }
}

/// Σᵢ Rᵢⱼ (Gᵢⱼ - λᵢ) for the targets without mass, with Rᵢⱼ = aᵢ/M exp((fᵢ + gⱼ - Cᵢⱼ)/ε).
fn massless_targets(
    plan: &EntropicPlan<'_>,
    cotangent: &PlanCotangent<'_>,
    source: &[f64],
    target_weights: &mut [f64],
) {
    let m = plan.columns();
    let massless: Vec<usize> = (0..m).filter(|&j| plan.target_weights()[j] == 0.0).collect();
    let (mut costs, mut values) = (vec![0.0; m], vec![0.0; m]);
    for (i, &a) in plan.source_weights().iter().enumerate().filter(|(_, a)| **a > 0.0) {
        plan.costs().block_into(i..i + 1, 0..m, &mut costs);
        fill(plan, cotangent, i, &costs, &mut values);
        for &j in &massless {
            let exponent = plan.source_potentials()[i] + plan.target_potentials()[j] - costs[j];
            let share = a / plan.reference_mass() * (exponent / plan.epsilon()).exp();
            target_weights[j] += share * (values[j] - source[i]);
        }
    }
}
