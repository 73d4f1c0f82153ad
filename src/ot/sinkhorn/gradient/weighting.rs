//! dL/dC in the one form that it has for every loss here, and what is made of it: the plan times a weight for each pair.

use super::points::{Ground, PointGradients};
use crate::matrix::Matrix;
use crate::ot::sinkhorn::EntropicPlan;
use crate::ot::sinkhorn::plan::PlanBlock;
use std::ops::Range;

/// What fills one row of a plan's cotangent: the row's number, and room for m numbers.
pub(super) type FillRow<'p> = dyn Fn(usize, &mut [f64]) + Send + Sync + 'p;

/// hᵢⱼ = constant + slope Cᵢⱼ + rowᵢ + columnⱼ + factor Gᵢⱼ, with dL/dCᵢⱼ = Pᵢⱼ hᵢⱼ. Without sides it is the constant alone.
pub(super) struct Weighting<'p> {
    pub constant: f64,
    pub slope: f64,
    /// rowᵢ and columnⱼ.
    pub sides: Option<[Vec<f64>; 2]>,
    /// The factor and G, row by row.
    pub cotangent: Option<(f64, &'p FillRow<'p>)>,
}

impl Weighting<'_> {
    /// The plan itself.
    pub(super) const ONE: Weighting<'static> =
        Weighting { constant: 1.0, slope: 0.0, sides: None, cotangent: None };

    fn needs_costs(&self) -> bool {
        self.slope != 0.0
    }

    /// Turns Pᵢⱼ/aᵢ of a block into Pᵢⱼ hᵢⱼ.
    fn weigh(
        &self,
        weights: &[f64],
        rows: Range<usize>,
        block: &mut [f64],
        costs: &[f64],
        scratch: &mut Vec<f64>,
    ) {
        let m = block.len() / rows.len();
        for (index, row) in rows.enumerate() {
            let entries = &mut block[index * m..][..m];
            let weight = weights[row];
            let constant = self.constant + self.sides.as_ref().map_or(0.0, |[sources, _]| sources[row]);
            match &self.sides {
                None => entries.iter_mut().for_each(|p| *p *= weight * constant),
                Some([_, columns]) if self.slope == 0.0 && self.cotangent.is_none() => {
                    for (p, column) in entries.iter_mut().zip(columns) {
                        *p *= weight * (constant + column);
                    }
                }
                Some([_, columns]) => {
                    scratch.resize(m, 0.0);
                    scratch.fill(0.0);
                    let mut factor = 0.0;
                    if let Some((given, fill)) = self.cotangent {
                        fill(row, scratch);
                        factor = given;
                    }
                    if self.slope != 0.0 {
                        for (h, cost) in scratch.iter_mut().zip(&costs[index * m..]) {
                            *h = factor * *h + self.slope * cost;
                        }
                    } else {
                        scratch.iter_mut().for_each(|h| *h *= factor);
                    }
                    for ((p, h), column) in entries.iter_mut().zip(&*scratch).zip(columns) {
                        *p *= weight * (constant + column + h);
                    }
                }
            }
        }
    }

    /// Visits P h block by block, with the costs where they are wanted; the states in order.
    fn fold<S: Send>(
        &self,
        plan: &EntropicPlan<'_>,
        with_costs: bool,
        start: impl Fn() -> S + Sync + Send,
        visit: impl Fn(&mut S, Range<usize>, &[f64], &[f64]) + Sync + Send,
    ) -> Vec<S> {
        let weights = plan.source_weights();
        let parts = plan.fold(
            with_costs || self.needs_costs(),
            || (start(), Vec::new()),
            |(state, scratch), PlanBlock { rows, conditional, costs }| {
                self.weigh(weights, rows.clone(), conditional, costs, scratch);
                visit(state, rows, conditional, costs);
            },
        );
        parts.into_iter().map(|(state, _)| state).collect()
    }

    /// P h as a dense matrix.
    pub(super) fn to_matrix(&self, plan: &EntropicPlan<'_>) -> Matrix<f64> {
        let parts = self.fold(plan, false, Vec::new, |out: &mut Vec<f64>, _, entries, _| {
            out.extend_from_slice(entries);
        });
        Matrix::from_vec(plan.rows(), plan.columns(), parts.concat()).expect("every row was visited")
    }

    /// Σ P h (shift + (fᵢ + gⱼ - Cᵢⱼ)/ε + lnsᵢ + lnsⱼ).
    pub(super) fn sum_with_exponents(
        &self,
        plan: &EntropicPlan<'_>,
        shift: f64,
        logarithms: [&[f64]; 2],
    ) -> f64 {
        let (m, epsilon) = (plan.columns(), plan.epsilon());
        let columns: Vec<f64> =
            plan.target_potentials().iter().zip(logarithms[1]).map(|(g, ln)| g / epsilon + ln).collect();
        let parts = self.fold(
            plan,
            true,
            || 0.0,
            |sum, rows, entries, costs| {
                for (index, row) in rows.enumerate() {
                    let (entries, costs) = (&entries[index * m..][..m], &costs[index * m..][..m]);
                    let constant = shift + plan.source_potentials()[row] / epsilon + logarithms[0][row];
                    let mut sums = [0.0; 4];
                    for j in 0..m {
                        sums[j % 4] += entries[j] * (constant + columns[j] - costs[j] / epsilon);
                    }
                    *sum += (sums[0] + sums[1]) + (sums[2] + sums[3]);
                }
            },
        );
        parts.into_iter().sum()
    }

    /// The derivatives with respect to the points of the sides that are wanted; the others are empty.
    pub(super) fn points(
        &self,
        plan: &EntropicPlan<'_>,
        ground: &Ground,
        dimension: usize,
        [source, target]: [bool; 2],
    ) -> PointGradients {
        let parts = self.fold(
            plan,
            ground.needs_costs(),
            || (Vec::new(), vec![0.0; if target { ground.target_room() } else { 0 }]),
            |(dx, dy): &mut (Vec<f64>, Vec<f64>), rows, entries, costs| {
                ground.accumulate(
                    rows,
                    entries,
                    costs,
                    source.then_some(dx),
                    target.then_some(dy.as_mut_slice()),
                );
            },
        );
        gather(parts, plan.rows(), dimension, ground, [source, target])
    }
}

/// The parts' rows of dL/dx one after the other, and the sum of their shares of dL/dy.
pub(super) fn gather(
    parts: Vec<(Vec<f64>, Vec<f64>)>,
    rows: usize,
    dimension: usize,
    ground: &Ground,
    [source, target]: [bool; 2],
) -> PointGradients {
    let mut dx = Vec::with_capacity(if source { rows * dimension } else { 0 });
    let mut sums = vec![0.0; if target { ground.target_room() } else { 0 }];
    for (part, dy) in parts {
        dx.extend(part);
        sums.iter_mut().zip(dy).for_each(|(sum, part)| *sum += part);
    }
    PointGradients {
        source: Matrix::from_vec(if source { rows } else { 0 }, dimension, dx)
            .expect("every row was visited"),
        target: if target { ground.finish_targets(sums) } else { Matrix::zeros(0, dimension) },
    }
}
