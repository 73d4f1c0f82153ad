//! What an unbalanced plan is worth, and what can be proved about it.

use super::Solution;
use crate::ot::problem::sum;
use crate::ot::sinkhorn::EntropicPlan;

/// Units of rounding that the gap allows for: each term of the sums has been rounded a few times, and the sums are compensated.
const ROUNDINGS: f64 = 16.0;

/// The values of an unbalanced plan, all in double precision from the potentials and the costs alone.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Values {
    /// <C, P>.
    pub transport_cost: f64,
    /// Σ Pᵢⱼ.
    pub mass: f64,
    /// KL(P | a bᵀ).
    pub kl_divergence: f64,
    /// KL(P 1 | a).
    pub source_divergence: f64,
    /// KL(Pᵀ 1 | b).
    pub target_divergence: f64,
    /// Σᵢ |Σⱼ Pᵢⱼ - aᵢ|.
    pub source_marginal_error: f64,
    /// Σⱼ |Σᵢ Pᵢⱼ - bⱼ|.
    pub target_marginal_error: f64,
    /// <C, P> + ε KL(P | a bᵀ) + ρ₁ KL(P 1 | a) + ρ₂ KL(Pᵀ 1 | b), without the term of a side whose ρ is infinite:
    /// its marginal is exact, up to the error above.
    pub primal: f64,
    /// The dual value of f and g: a lower bound on the optimum.
    pub dual: f64,
    /// The value of a plan that is feasible, minus `dual`, and what rounding may have done to either: how far `dual`
    /// is from the optimum at most. It is computed from the marginals without cancellation. Where one side has ρ = ∞,
    /// the feasible plan is P with that side scaled to its weights; where both have, the rounded one.
    pub gap: f64,
}

/// The marginals of a plan and its transport cost.
struct Marginals {
    rows: Vec<f64>,
    columns: Vec<f64>,
    cost: f64,
}

impl Marginals {
    /// Those of the plan with its rows or columns scaled.
    fn of(plan: &EntropicPlan<'_>, row_factors: Option<&[f64]>, column_factors: Option<&[f64]>) -> Self {
        let m = plan.columns();
        let parts = plan.fold(
            true,
            || (Vec::new(), vec![0.0; m], 0.0),
            |(rows, columns, cost): &mut (Vec<f64>, Vec<f64>, f64), block| {
                for (k, row) in block.rows.clone().enumerate() {
                    let weight = plan.source_weights()[row] * row_factors.map_or(1.0, |factors| factors[row]);
                    let entries = &block.conditional[k * m..][..m];
                    let costs = &block.costs[k * m..][..m];
                    let (mut total, mut spent) = ([0.0; 4], [0.0; 4]);
                    for j in 0..m {
                        let scaled = column_factors.map_or(entries[j], |factors| factors[j] * entries[j]);
                        total[j % 4] += scaled;
                        spent[j % 4] += scaled * costs[j];
                        columns[j] += weight * entries[j];
                    }
                    rows.push(weight * ((total[0] + total[1]) + (total[2] + total[3])));
                    *cost += weight * ((spent[0] + spent[1]) + (spent[2] + spent[3]));
                }
            },
        );
        let mut all = Marginals { rows: Vec::new(), columns: vec![0.0; m], cost: 0.0 };
        for (rows, columns, cost) in parts {
            all.rows.extend(rows);
            all.columns.iter_mut().zip(columns).for_each(|(total, part)| *total += part);
            all.cost += cost;
        }
        if let Some(factors) = column_factors {
            all.columns.iter_mut().zip(factors).for_each(|(total, factor)| *total *= factor);
        }
        all
    }
}

impl Values {
    pub(super) fn new(solution: &Solution<'_>) -> Self {
        if solution.relaxations == [f64::INFINITY; 2] {
            return Self::balanced(solution);
        }
        let plan = &solution.plan;
        let Marginals { rows, columns, cost } = Marginals::of(plan, None, None);
        let (f, g, epsilon) = (plan.source_potentials(), plan.target_potentials(), plan.epsilon());
        let source = Term { weights: plan.source_weights(), marginal: &rows, potentials: f };
        let target = Term { weights: plan.target_weights(), marginal: &columns, potentials: g };
        let [source_mass, target_mass] = [source.weights, target.weights].map(|w| sum(w.iter().copied()));
        let mass = sum(rows.iter().copied());
        // Σ P ln(P / a bᵀ) = (Σ f r + Σ g c - <C, P>)/ε: there is no logarithm for a pair in it.
        let kl_divergence =
            (source.linear() + target.linear() - cost) / epsilon - mass + source_mass * target_mass;
        let [by_source, by_target] = solution.relaxations;
        let (source_divergence, target_divergence) = (source.divergence(), target.divergence());
        let price = |relaxation: f64, divergence: f64| {
            if relaxation == f64::INFINITY { 0.0 } else { relaxation * divergence }
        };
        let dual =
            source.dual(by_source) + target.dual(by_target) - epsilon * (mass - source_mass * target_mass);
        // A side whose marginal must be exact has it up to the rounding of the potentials: scaled to it the plan is
        // feasible, whatever the other side's marginal is then.
        let gap = if by_source == f64::INFINITY {
            let factors = source.factors();
            let columns = Marginals::of(plan, Some(&factors), None).columns;
            epsilon * source.scaling() + Term { marginal: &columns, ..target }.gap(by_target)
        } else if by_target == f64::INFINITY {
            let factors = target.factors();
            let rows = Marginals::of(plan, None, Some(&factors)).rows;
            epsilon * target.scaling() + Term { marginal: &rows, ..source }.gap(by_source)
        } else {
            source.gap(by_source) + target.gap(by_target)
        };
        let rounding = ROUNDINGS
            * f64::EPSILON
            * (source.size(by_source)
                + target.size(by_target)
                + epsilon * (mass + source_mass * target_mass)
                + cost.abs());
        Self {
            transport_cost: cost,
            mass,
            kl_divergence,
            source_divergence,
            target_divergence,
            source_marginal_error: source.error(),
            target_marginal_error: target.error(),
            primal: cost
                + epsilon * kl_divergence
                + price(by_source, source_divergence)
                + price(by_target, target_divergence),
            dual,
            gap: gap + rounding,
        }
    }

    /// The balanced plan's values, with a bᵀ for a bᵀ/M in the divergence: Σ P ln M more for the logarithm, M² - M for the masses.
    fn balanced(solution: &Solution<'_>) -> Self {
        let plan = &solution.plan;
        let values = plan.values();
        let total = plan.reference_mass();
        let constant = total * total - total - total * total.ln();
        let of_plan = total * total - total - values.mass * total.ln();
        let kl_divergence = values.kl_divergence + of_plan;
        let (rows, columns) = plan.marginals();
        let divergence =
            |weights: &[f64], marginal: &[f64]| Term { weights, marginal, potentials: &[] }.divergence();
        Self {
            transport_cost: values.transport_cost,
            mass: values.mass,
            kl_divergence,
            source_divergence: divergence(plan.source_weights(), &rows),
            target_divergence: divergence(plan.target_weights(), &columns),
            source_marginal_error: values.source_marginal_error,
            target_marginal_error: values.target_marginal_error,
            primal: values.transport_cost + plan.epsilon() * kl_divergence,
            dual: values.dual_with_kl + plan.epsilon() * constant,
            gap: values.gap
                + ROUNDINGS
                    * f64::EPSILON
                    * plan.epsilon()
                    * (total * total + total + total * total.ln().abs()),
        }
    }
}

/// What one side brings to the values.
#[derive(Clone, Copy)]
struct Term<'v> {
    weights: &'v [f64],
    marginal: &'v [f64],
    potentials: &'v [f64],
}

impl Term<'_> {
    /// Σ p r.
    fn linear(&self) -> f64 {
        sum(self.potentials.iter().zip(self.marginal).map(|(p, r)| if *r > 0.0 { p * r } else { 0.0 }))
    }

    /// KL(r | a).
    fn divergence(&self) -> f64 {
        sum(self.marginal.iter().zip(self.weights).map(|(&r, &a)| relative_entropy(r, a)))
    }

    /// Σ |r - a|.
    fn error(&self) -> f64 {
        sum(self.marginal.iter().zip(self.weights).map(|(r, a)| (r - a).abs()))
    }

    /// -ρ Σ a (exp(-p/ρ) - 1), or Σ a p for ρ = ∞.
    fn dual(&self, relaxation: f64) -> f64 {
        sum(self.weights.iter().zip(self.potentials).map(|(&a, &p)| {
            if a == 0.0 {
                0.0
            } else if relaxation == f64::INFINITY {
                a * p
            } else {
                -relaxation * a * (-p / relaxation).exp_m1()
            }
        }))
    }

    /// What the dual's and the plan's sums over this side are sums of: with the rounding of these both bounds are rounded.
    fn size(&self, relaxation: f64) -> f64 {
        sum(self.weights.iter().zip(self.marginal).zip(self.potentials).map(|((&a, &r), &p)| {
            if a == 0.0 {
                return 0.0;
            }
            let size = p.abs();
            if relaxation == f64::INFINITY {
                return (a + r) * size;
            }
            // A rounding of p/ρ changes the dual's term by so much as is left of the weight: of a point that is given up, nothing.
            let left = a * (-p / relaxation).exp();
            let linear = if r + left > 0.0 { (r + left) * size } else { 0.0 };
            linear + relaxation * a * (-p / relaxation).exp_m1().abs()
        }))
    }

    /// What scales the marginal to the weights.
    fn factors(&self) -> Vec<f64> {
        let factor = |(&a, &r): (&f64, &f64)| if r > 0.0 { a / r } else { 0.0 };
        self.weights.iter().zip(self.marginal).map(factor).collect()
    }

    /// KL(a | r), ε times which is what scaling the marginal r to the weights adds to the gap; infinite where nothing is there to scale.
    fn scaling(&self) -> f64 {
        sum(self
            .weights
            .iter()
            .zip(self.marginal)
            .map(|(&a, &r)| if a > 0.0 && r == 0.0 { f64::INFINITY } else { relative_entropy(a, r) }))
    }

    /// This side's share of primal minus dual, for a finite ρ: Σ p r + ρ KL(r | a) + ρ Σ a (exp(-p/ρ) - 1) = ρ KL(r | a exp(-p/ρ)).
    fn gap(&self, relaxation: f64) -> f64 {
        sum(self.weights.iter().zip(self.marginal).zip(self.potentials).map(|((&a, &r), &p)| {
            if a == 0.0 { 0.0 } else { relaxation * relative_entropy(r, a * (-p / relaxation).exp()) }
        }))
    }
}

/// p ln(p/q) - p + q >= 0, to a few roundings of itself where p is near q too; zero where q is, since p is then.
fn relative_entropy(p: f64, q: f64) -> f64 {
    if p == 0.0 || q == 0.0 {
        return q;
    }
    let x = (p - q) / q;
    if x.abs() < 1e-3 {
        // q ((1 + x) ln(1 + x) - x), by its series: what is left out is below x⁶/30, 1e-16 of the first term.
        q * x * x * (0.5 + x * (-1.0 / 6.0 + x * (1.0 / 12.0 - x / 20.0)))
    } else if x.abs() < 0.5 {
        q * ((1.0 + x) * x.ln_1p() - x)
    } else {
        p * (p / q).ln() - p + q
    }
}

#[cfg(test)]
mod tests {
    use super::relative_entropy;

    #[test]
    fn the_series_meets_the_formula() {
        for x in [-0.999e-3, 0.999e-3, 1.001e-3, 0.499, 0.501_f64] {
            let (p, q) = (2.0 * (1.0 + x), 2.0);
            // The two terms of the formula are as large as x, each off by its rounding.
            let exact = 2.0 * ((1.0 + x) * x.ln_1p() - x);
            assert!((relative_entropy(p, q) - exact).abs() <= 32.0 * f64::EPSILON * x.abs(), "{x}");
        }
        assert_eq!(relative_entropy(0.0, 3.0), 3.0);
        assert_eq!(relative_entropy(3.0, 3.0), 0.0);
        assert!((relative_entropy(1.0 + 1e-9, 1.0) - 0.5e-18).abs() < 1e-24);
    }
}
