//! ε lowered from level to level.

use super::KEPT_PER_POINT;
use super::driver::Driver;
use super::model::TruncatedModel;
use crate::ot::sinkhorn::CostBlocks;
use crate::ot::sinkhorn::plain::Outcome;
use crate::scalar::Scalar;

impl<A: Scalar> Driver<'_, '_, '_, '_, '_, A> {
    /// From a large ε down to just above the target, with good potentials for the target at the end.
    pub(super) fn descend(&mut self, target: f64) -> Option<Outcome> {
        let first = 0.25 * typical_cost(self.work.costs);
        self.v.fill(0.0);
        let mut level = first.max(target);
        self.rescale(level);
        let mut previous: Option<Vec<f64>> = None;
        while level > 1.0001 * target {
            let may_refuse = previous.is_none() && level < 1e10 * first;
            let error = match self.solve_level(may_refuse) {
                Ok(Some(error)) => error,
                Ok(None) => {
                    // Some costs are far above the typical one: begin where they matter little.
                    self.v.fill(0.0);
                    level *= 8.0;
                    self.rescale(level);
                    continue;
                }
                Err(outcome) => return Some(outcome),
            };
            let potentials: Vec<f64> = self.v.iter().map(|v| v * level).collect();
            let factor = if error < 0.02 { 0.25 } else { 0.5 };
            let next = if factor * level > 1.4 * target { factor * level } else { target };
            if let Some(previous) = &previous {
                // Linear in ε, a little less far.
                let ahead = 0.7 * (level - next) / level;
                for ((v, now), before) in self.v.iter_mut().zip(&potentials).zip(previous) {
                    *v = (now + ahead * (now - before)) / level;
                }
            }
            self.least_threshold *= 0.7;
            self.rescale(next);
            previous = Some(potentials);
            level = next;
        }
        None
    }

    /// One look and one solve, or a few where the model's reach was too short: the error before. `None` if it may
    /// refuse, and ε is too small to begin with.
    fn solve_level(&mut self, may_refuse: bool) -> std::result::Result<Option<f64>, Outcome> {
        let mut last: Option<(Vec<f64>, f64, f64)> = None;
        let mut error = f64::INFINITY;
        for _ in 0..8 {
            let look = self.look("lowering epsilon", true);
            if let Some(status) = look.ending {
                return Err(Outcome { status, error: look.error });
            }
            if may_refuse && last.is_none() && !self.plain_step(&look).1 {
                return Ok(None);
            }
            if let Some((before, dual, former)) = &last
                && look.dual < *dual
                && look.error > *former
            {
                // Both worse: the step went too far.
                let back: Vec<f64> =
                    before.iter().zip(&self.v).map(|(before, v)| before + 0.3 * (v - before)).collect();
                self.v = back;
                last = None;
                continue;
            }
            last = Some((self.v.clone(), look.dual, look.error));
            error = look.error;
            self.adapt_threshold(look.model.as_ref());
            let step = self.step(look, 0.05, 6, 150);
            if !(step.at_radius || step.reduction > 0.3 || error >= 1.0) {
                break;
            }
        }
        Ok(Some(error))
    }

    /// Keeps the number of entries moderate from level to level.
    fn adapt_threshold(&mut self, model: Option<&TruncatedModel<'_>>) {
        let room = (KEPT_PER_POINT * (self.a.len() + self.b.len())) as f64;
        if let Some(model) = model {
            let share = model.nonzeros as f64 / room;
            if share > 0.4 {
                self.threshold *= 2.0;
            } else if share < 0.1 {
                let least = self.least_threshold.max(1e-3);
                self.threshold = (self.threshold * (share / 0.15).max(0.25)).max(least).min(self.threshold);
            }
        }
    }
}

/// The larger of the mean and the median cost, of a sample.
pub(in crate::ot) fn typical_cost<A: Scalar, C: CostBlocks<A>>(costs: &C) -> f64 {
    let (n, m) = (costs.rows(), costs.columns());
    let rows = n.min(64);
    let mut sample = Vec::with_capacity(rows * m.min(4096));
    let mut row = vec![A::ZERO; m];
    for k in 0..rows {
        costs.block_into(k * n / rows..k * n / rows + 1, 0..m, &mut row);
        sample.extend(row.iter().step_by(m.div_ceil(4096)).map(|cost| cost.to_f64().abs()));
    }
    let count = sample.len() as f64;
    let mean = sample.iter().map(|cost| cost / count).sum::<f64>();
    let middle = sample.len() / 2;
    let (_, median, _) = sample.select_nth_unstable_by(middle, f64::total_cmp);
    mean.max(*median)
}
