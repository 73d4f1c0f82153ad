//! What the phases share: the potentials at the ε of the moment, a look at all pairs, and a step.

use super::model::{Blocks, Extraction, Rule, TruncatedModel};
use super::newton::{Effort, Step, maximise};
use super::{KEPT_PER_POINT, RADIUS};
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::Scaling;
use crate::ot::sinkhorn::plain::{Work, rounding_floor};
use crate::ot::sinkhorn::solver::{Potentials, Run};
use crate::scalar::Scalar;

pub(super) struct Driver<'w, 'c, 'a, 'r, 'o, A> {
    pub work: &'w Work<'c, 'a, A>,
    pub run: &'r mut Run<'o>,
    pub scaling: Scaling<A>,
    /// Weights in double precision.
    pub a: Vec<f64>,
    pub b: Vec<f64>,
    pub log_b: Vec<f64>,
    /// The ε of the scaled potentials.
    pub epsilon: f64,
    /// g/ε: (m).
    pub v: Vec<f64>,
    /// Entries below this share of min(a, b) are not kept one by one.
    pub threshold: f64,
    /// No threshold below this is worth trying: there were too many entries not long ago.
    pub least_threshold: f64,
    pub blocks: &'r [Blocks; 2],
}

/// What a look at all pairs found at v.
pub(super) struct Look<'b> {
    /// q, the column sums.
    pub marginal: Vec<f64>,
    /// Σ |q - b|.
    pub error: f64,
    /// The dual in units of ε.
    pub dual: f64,
    /// Why to end, if it is time.
    pub ending: Option<Status>,
    pub model: Option<TruncatedModel<'b>>,
}

impl<'w, 'c, 'a, 'r, 'o, A: Scalar> Driver<'w, 'c, 'a, 'r, 'o, A> {
    pub fn new(
        work: &'w Work<'c, 'a, A>,
        blocks: &'r [Blocks; 2],
        potentials: &Potentials,
        run: &'r mut Run<'o>,
    ) -> Self {
        let epsilon = work.epsilon.to_f64();
        let widen = |values: &[A]| values.iter().map(|value| value.to_f64()).collect::<Vec<f64>>();
        let narrow = |values: &[f64]| values.iter().map(|&value| A::from_f64(value)).collect::<Vec<A>>();
        let (n, m) = (work.a.len(), work.b.len());
        let b = widen(&work.b);
        Self {
            run,
            scaling: Scaling::from_potentials(
                &narrow(&potentials.f),
                &narrow(&potentials.g),
                &work.b,
                work.epsilon,
            ),
            a: widen(&work.a),
            log_b: b.iter().map(|b| b.ln()).collect(),
            b,
            epsilon,
            v: potentials.g.iter().map(|g| g / epsilon).collect(),
            threshold: (4.0 / n.max(m) as f64).max(1e-3),
            least_threshold: 0.0,
            blocks,
            work,
        }
    }

    /// Hands the potentials over, in units of the cost.
    pub fn leave(self, potentials: &mut Potentials) {
        potentials.f = self.scaling.u.iter().map(|u| u.to_f64() * self.epsilon).collect();
        potentials.g = self.v.iter().map(|v| v * self.epsilon).collect();
    }

    /// One look at all pairs with the potentials v; with `extract`, it brings a model.
    pub fn look(&mut self, stage: &'static str, extract: bool) -> Look<'r> {
        for ((scaled, v), log) in self.scaling.v.iter_mut().zip(&self.v).zip(&self.log_b) {
            *scaled = A::from_f64(v + log);
        }
        let epsilon = A::from_f64(self.epsilon);
        let work = self.work;
        let parts = self.scaling.parts(work.costs);
        let (n, m) = (self.a.len(), self.b.len());
        let least =
            |weights: &[f64]| weights.iter().map(|w| A::from_f64(w * self.threshold)).collect::<Vec<A>>();
        let blocks = self.blocks;
        let rule;
        let mut found = Vec::new();
        if extract {
            rule = Rule {
                least_by_row: least(&self.a),
                least_by_column: least(&self.b),
                row_blocks: &blocks[0],
                column_blocks: &blocks[1],
                capacity: (KEPT_PER_POINT * (n + m)).div_ceil(parts) * if parts > 1 { 2 } else { 1 },
                inverse_scale: A::ONE / Scaling::<A>::column_scale(),
            };
            found = (0..parts).map(|_| Extraction::new(&rule)).collect();
            self.scaling.source_step(work.costs, &work.a, epsilon, A::ONE, &mut found);
        } else {
            self.scaling.source_step(work.costs, &work.a, epsilon, A::ONE, &mut vec![(); parts]);
        }
        let marginal: Vec<f64> = self.scaling.columns().map(|q| q.to_f64()).collect();
        let error: f64 = marginal.iter().zip(&self.b).map(|(q, b)| (q - b).abs()).sum();
        let dual = self.b.iter().zip(&self.v).map(|(b, v)| b * v).sum::<f64>()
            + self.a.iter().zip(&self.scaling.u).map(|(a, u)| a * u.to_f64()).sum::<f64>();
        self.run.look(stage, error);
        let ending = self.run.ending(error, self.epsilon == work.epsilon.to_f64());
        let model =
            if found.is_empty() { None } else { TruncatedModel::new(found, blocks.each_ref(), &marginal) };
        Look { marginal, error, dual, ending, model }
    }

    /// ln(b/q), what Sinkhorn's iteration adds to v; the second says whether no entry is larger than the radius.
    pub fn plain_step(&self, look: &Look<'_>) -> (Vec<f64>, bool) {
        let mut within = true;
        let step = look
            .marginal
            .iter()
            .zip(&self.b)
            .map(|(&q, &b)| {
                let step = if q > 0.0 { (b / q).ln() } else { 40.0 };
                within &= step.abs() <= RADIUS;
                step.clamp(-40.0, 40.0)
            })
            .collect();
        (step, within)
    }

    pub fn advance(&mut self, step: &[f64], length: f64) {
        self.v.iter_mut().zip(step).for_each(|(v, step)| *v += length * step);
    }

    /// Whether rounding is what keeps the error up, or will soon and double precision follows: below `enough` that goes on from here.
    pub fn at_rounding(&self, error: f64, since_best: u32, enough: f64) -> bool {
        if self.run.tolerance == 0.0 {
            return false;
        }
        let near_floor = error <= 8.0 * rounding_floor(&self.scaling);
        if self.work.may_hand_over { error <= enough || near_floor } else { near_floor && since_best >= 30 }
    }

    /// The same potentials f, g under another ε.
    pub fn rescale(&mut self, epsilon: f64) {
        let factor = self.epsilon / epsilon;
        self.v.iter_mut().for_each(|v| *v *= factor);
        self.scaling.u.iter_mut().for_each(|u| *u = A::from_f64(u.to_f64() * factor));
        self.epsilon = epsilon;
    }

    /// The model's best step from a look, already taken; a plain one where the model has none.
    pub fn step(&mut self, look: Look<'_>, tolerance: f64, newton_steps: usize, products: usize) -> Step {
        let (plain, within) = self.plain_step(&look);
        let Some(mut model) = look.model.filter(|_| within) else {
            if within {
                self.least_threshold = 2.0 * self.threshold;
                self.threshold *= 4.0;
            }
            self.advance(&plain, 1.0);
            return Step { shift: plain, reduction: 1.0, at_radius: true, products: 0 };
        };
        let effort = Effort { tolerance: tolerance * look.error, newton_steps, products, radius: RADIUS };
        let step = maximise(&mut model, &self.a, &self.b, &look.marginal, effort);
        self.count(&model, step.products);
        self.advance(&step.shift, 1.0);
        step
    }

    pub fn count(&mut self, model: &TruncatedModel<'_>, products: usize) {
        let pairs = self.a.len() as f64 * self.b.len() as f64;
        self.run.passes += 2.0 * products as f64 * model.nonzeros as f64 / pairs;
    }
}
