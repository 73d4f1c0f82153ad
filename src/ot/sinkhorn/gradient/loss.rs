//! What people minimise and call the Sinkhorn loss.

use crate::ot::sinkhorn::EntropicPlan;

/// One of the three losses that entropic transport is used as.
///
/// As functions of the costs the first two differ by a constant at convergence, ε (Σ a ln a + Σ b ln b - M ln M), so
/// their gradients with respect to costs and points are the same: the plan. The third leaves the entropy out after it
/// has shaped the plan: it is no minimum, its gradient needs the derivative of the plan, and it may be negative where
/// a cost that rises drives mass to cheaper pairs.
///
/// | as it is often written, for P = exp((u + v - C)/ε) and M = 1 | here |
/// | --- | --- |
/// | <u, a> + <v, b> - ε Σ P, the dual value | [`Dual`](Self::Dual) + ε (Σ a ln a + Σ b ln b - 1) |
/// | <C, P> + ε Σ P ln P | [`EntropicPrimal`](Self::EntropicPrimal) |
/// | <C, P> - ε H(P) with H = -Σ P (ln P - 1) | [`EntropicPrimal`](Self::EntropicPrimal) - ε |
/// | <C, P> | [`TransportCost`](Self::TransportCost) |
///
/// The constants depend on the weights and on ε, so gradients with respect to those differ.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::Problem;
/// use brenier::ot::sinkhorn::{self, gradient::{self, Loss}};
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let solution = sinkhorn::solve(&Problem::from_costs(&costs), 1.0)?;
/// let difference = gradient::value(&solution.plan, Loss::EntropicPrimal) - gradient::value(&solution.plan, Loss::Dual);
/// assert!((difference - 2.0 * 0.5_f64.ln()).abs() < 1e-6); // Σ a ln a + Σ b ln b
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Loss {
    /// Σ aᵢfᵢ + Σ bⱼgⱼ - ε Σ (Pᵢⱼ - aᵢbⱼ/M): at convergence the optimum of <C, P> + ε KL(P | a bᵀ/M).
    #[default]
    Dual,
    /// <C, P> + ε Σ Pᵢⱼ ln Pᵢⱼ.
    EntropicPrimal,
    /// <C, P>.
    TransportCost,
}

/// A loss of a plan as it is, converged or not. One look at all pairs.
/// [`Solution::values`](crate::ot::sinkhorn::Solution::values) tells more.
pub fn value(plan: &EntropicPlan<'_>, loss: Loss) -> f64 {
    let (m, epsilon, mass) = (plan.columns(), plan.epsilon(), plan.reference_mass());
    let (a, b) = (plan.source_weights(), plan.target_weights());
    let (f, g) = (plan.source_potentials(), plan.target_potentials());
    let logarithm = |weight: f64| if weight > 0.0 { weight.ln() } else { 0.0 };
    // ln P = (f + ε ln a + g + ε ln b/M - C)/ε: its sums need no logarithm of a pair.
    let columns: Vec<f64> = g.iter().zip(b).map(|(g, &b)| g + epsilon * logarithm(b / mass)).collect();
    let parts = plan.fold(
        loss == Loss::TransportCost,
        || 0.0,
        |sum, block| {
            for (index, row) in block.rows.clone().enumerate() {
                let entries = &block.conditional[index * m..][..m];
                let row_term = f[row] + epsilon * logarithm(a[row]);
                let mut sums = [0.0; 4];
                for j in 0..m {
                    sums[j % 4] += entries[j]
                        * match loss {
                            Loss::Dual => 1.0,
                            Loss::EntropicPrimal => row_term + columns[j],
                            Loss::TransportCost => block.costs[index * m + j],
                        };
                }
                *sum += a[row] * ((sums[0] + sums[1]) + (sums[2] + sums[3]));
            }
        },
    );
    let sum: f64 = parts.into_iter().sum();
    match loss {
        // <C, P> + ε Σ P ln P = Σ P (C + (..) - C).
        Loss::EntropicPrimal | Loss::TransportCost => sum,
        Loss::Dual => {
            let product = a.iter().sum::<f64>() * b.iter().sum::<f64>() / mass;
            let linear = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
            linear(f, a) + linear(g, b) - epsilon * (sum - product)
        }
    }
}
