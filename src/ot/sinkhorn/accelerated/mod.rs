//! The accelerated method: ε lowered step by step, and Newton's method on a truncated model of each plan.
//!
//! Sinkhorn's iteration crawls where ε is small beside the costs: thousands of looks at all pairs. One look is enough to say which few pairs carry nearly
//! all of the plan, and over these the same equations can be solved to any accuracy without looking at the others. So each look is followed by
//! Newton's method on [`model::TruncatedModel`], and the next look tells how much of the promise was kept.
//!
//! 1. **Entry** ([`Driver::extrapolate`]). Anderson's extrapolation of Sinkhorn's iteration at the target ε. Easy problems end here; the others are left as soon as
//!    the rate says that they would take long.
//! 2. **Levels** ([`Driver::descend`]). ε from a quarter of the typical cost down to the target, halved from level to level, one look and one solve at each; potentials
//!    are extrapolated from level to level.
//! 3. **Target** ([`Driver::finish`]). The same steps at the target ε until the true error of the marginals is below the tolerance. A step after which neither
//!    the dual rose nor the error fell is taken back and shortened.
//!
//! The idea of solving with a sparse approximation of the Hessian is that of Tang, Rahmanian, Shavlovsky, Thekumparampil, Xiao and Ying (*Accelerating Sinkhorn algorithm with sparse
//! Newton iterations*, 2024) and of Kemertas, Jepson and Farahmand (*Efficient and accurate optimal transport with mirror descent and conjugate
//! gradients*, 2025); the model with its rest by blocks, and its use for whole steps, are our own.

mod model;
mod newton;
mod preconditioner;

use super::anderson::Anderson;
use super::plain::{Outcome, Work, rounding_floor};
use super::solver::{Potentials, Run, Side};
use super::{CostBlocks, Scaling};
use crate::error::Result;
use crate::ot::certificate::Status;
use crate::scalar::Scalar;
use model::{Blocks, Extraction, Rule, TruncatedModel};
use newton::{Effort, Step, maximise};

/// Entries that the model keeps at most, for each point.
const KEPT_PER_POINT: usize = 64;

/// No target potential is moved by more than this, in units of ε, in one step.
const RADIUS: f64 = 6.0;

/// Solves at the target ε. `warm` says that the potentials are worth something.
pub(super) fn solve<A: Scalar>(
    work: &Work<'_, '_, A>,
    sides: &[Side; 2],
    warm: bool,
    potentials: &mut Potentials,
    run: &mut Run<'_>,
) -> Result<Outcome> {
    let blocks = sides.each_ref().map(|side| Blocks::new(&side.blocks));
    let mut driver = Driver::new(work, &blocks, potentials, run);
    let outcome = driver.solve(warm);
    driver.leave(potentials);
    Ok(outcome)
}

/// Solves at the target ε by Anderson's extrapolation alone.
pub(super) fn solve_by_extrapolation<A: Scalar>(
    work: &Work<'_, '_, A>,
    memory: usize,
    potentials: &mut Potentials,
    run: &mut Run<'_>,
) -> Result<Outcome> {
    let blocks = [&[0, work.a.len()], &[0, work.b.len()]].map(|starts| Blocks::new(starts));
    let mut driver = Driver::new(work, &blocks, potentials, run);
    let outcome = driver.extrapolate(memory, false).expect("patience has no end");
    driver.leave(potentials);
    Ok(outcome)
}

struct Driver<'w, 'c, 'a, 'r, 'o, A> {
    work: &'w Work<'c, 'a, A>,
    run: &'r mut Run<'o>,
    scaling: Scaling<A>,
    /// Weights in double precision.
    a: Vec<f64>,
    b: Vec<f64>,
    log_b: Vec<f64>,
    /// The ε of the scaled potentials.
    epsilon: f64,
    /// g/ε: (m).
    v: Vec<f64>,
    /// Entries below this share of min(a, b) are not kept one by one.
    threshold: f64,
    /// No threshold below this is worth trying: there were too many entries not long ago.
    least_threshold: f64,
    blocks: &'r [Blocks; 2],
}

/// What a look at all pairs found at v.
struct Look<'b> {
    /// q, the column sums.
    marginal: Vec<f64>,
    /// Σ |q - b|.
    error: f64,
    /// The dual in units of ε.
    dual: f64,
    /// Why to end, if it is time.
    ending: Option<Status>,
    model: Option<TruncatedModel<'b>>,
}

impl<'w, 'c, 'a, 'r, 'o, A: Scalar> Driver<'w, 'c, 'a, 'r, 'o, A> {
    fn new(
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
    fn leave(self, potentials: &mut Potentials) {
        potentials.f = self.scaling.u.iter().map(|u| u.to_f64() * self.epsilon).collect();
        potentials.g = self.v.iter().map(|v| v * self.epsilon).collect();
    }

    fn solve(&mut self, warm: bool) -> Outcome {
        let target = self.epsilon;
        if warm {
            if let Some(outcome) = self.finish(true) {
                return outcome;
            }
        } else if let Some(outcome) = self.extrapolate(5, true) {
            return outcome;
        }
        if let Some(outcome) = self.descend(target) {
            return outcome;
        }
        self.finish(false).expect("the potentials are not doubted")
    }

    /// One look at all pairs with the potentials v; with `extract`, it brings a model.
    fn look(&mut self, stage: &'static str, extract: bool) -> Look<'r> {
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
        let mut ending = self.run.ending(error);
        if ending == Some(Status::Converged) && self.epsilon != work.epsilon.to_f64() {
            ending = None;
        }
        let model =
            if found.is_empty() { None } else { TruncatedModel::new(found, blocks.each_ref(), &marginal) };
        Look { marginal, error, dual, ending, model }
    }

    /// ln(b/q), what Sinkhorn's iteration adds to v; the second says whether no entry is larger than the radius.
    fn plain_step(&self, look: &Look<'_>) -> (Vec<f64>, bool) {
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

    fn advance(&mut self, step: &[f64], length: f64) {
        self.v.iter_mut().zip(step).for_each(|(v, step)| *v += length * step);
    }

    /// Anderson's extrapolation of Sinkhorn's iteration from the potentials that are there; `None` when it is time to leave, which comes only if
    /// it is `impatient`.
    fn extrapolate(&mut self, memory: usize, impatient: bool) -> Option<Outcome> {
        let mut anderson = Anderson::new(memory);
        let mut errors: Vec<f64> = Vec::new();
        let mut best = f64::INFINITY;
        let mut since_best = 0;
        // Where a plain step from the point before leads.
        let mut plain: Vec<f64> = Vec::new();
        let mut former_dual = f64::NEG_INFINITY;
        let pairs = self.a.len() as f64 * self.b.len() as f64;
        // The steps at lower and lower ε take about twenty looks, and inner work that counts where pairs are few.
        let bearable = (12.0 + 3e4 / pairs.sqrt()).min(60.0);
        loop {
            let look = self.look("Anderson", false);
            if let Some(status) = look.ending {
                return Some(Outcome { status, error: look.error });
            }
            errors.push(look.error);
            let count = errors.len();
            let former = if count > 1 { errors[count - 2] } else { f64::INFINITY };
            if impatient && self.run.tolerance > 0.0 {
                if count >= 3 && look.error > 0.85 && pairs > 1e5 {
                    return None;
                }
                if count >= 6 {
                    let rate = (look.error / errors[count - 5]).powf(0.25);
                    let left = (self.run.tolerance / look.error).ln() / rate.ln();
                    if rate >= 1.0 || count as f64 + left.max(0.0) > bearable {
                        return None;
                    }
                }
            }
            if look.error < 0.9 * best {
                (best, since_best) = (look.error, 0);
            } else {
                since_best += 1;
            }
            if self.at_rounding(look.error, since_best, 1e-5) {
                return Some(Outcome { status: Status::Inaccurate, error: look.error });
            }
            let (step, _) = self.plain_step(&look);
            let worse = look.error > 1.5 * former || (look.dual < former_dual && look.error > 0.9 * former);
            former_dual = look.dual;
            if worse && self.v != plain {
                // The extrapolation was no good.
                anderson.restart();
                self.v.clone_from(&plain);
                continue;
            }
            plain = self.v.iter().zip(&step).map(|(v, step)| v + step).collect();
            if look.error < 0.1 * former {
                // Plain iterations are fast enough.
                anderson.restart();
                self.v.clone_from(&plain);
            } else {
                self.v = anderson.next(&plain, &step, &self.b);
            }
        }
    }

    /// Whether rounding is what keeps the error up, or will soon and double precision follows: below `enough` that goes on from here.
    fn at_rounding(&self, error: f64, since_best: u32, enough: f64) -> bool {
        if self.run.tolerance == 0.0 {
            return false;
        }
        let near_floor = error <= 8.0 * rounding_floor(&self.scaling);
        if self.work.may_hand_over { error <= enough || near_floor } else { near_floor && since_best >= 30 }
    }

    /// From a large ε down to just above the target, with good potentials for the target at the end.
    fn descend(&mut self, target: f64) -> Option<Outcome> {
        let first = 0.25 * typical_cost(self.work.costs);
        self.v.fill(0.0);
        let mut level = first.max(target);
        self.rescale(level);
        let mut previous: Option<Vec<f64>> = None;
        while level > 1.0001 * target {
            let error = match self.solve_level(previous.is_none()) {
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

    /// The same potentials f, g under another ε.
    fn rescale(&mut self, epsilon: f64) {
        let factor = self.epsilon / epsilon;
        self.v.iter_mut().for_each(|v| *v *= factor);
        self.scaling.u.iter_mut().for_each(|u| *u = A::from_f64(u.to_f64() * factor));
        self.epsilon = epsilon;
    }

    /// One look and one solve, or a few where the model's reach was too short: the error before. `None` if it may refuse, and ε is too small to begin with.
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

    /// The model's best step from a look, already taken; a plain one where the model has none.
    fn step(&mut self, look: Look<'_>, tolerance: f64, newton_steps: usize, products: usize) -> Step {
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

    fn count(&mut self, model: &TruncatedModel<'_>, products: usize) {
        let pairs = self.a.len() as f64 * self.b.len() as f64;
        self.run.passes += 2.0 * products as f64 * model.nonzeros as f64 / pairs;
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

    /// Lowers the threshold as far as the room for entries allows, if that is worth it.
    fn refine_threshold(&mut self, model: Option<&TruncatedModel<'_>>) {
        let room = 0.7 * (KEPT_PER_POINT * (self.a.len() + self.b.len())) as f64;
        if let Some(model) = model {
            let factor = (model.nonzeros as f64 / room).max(0.1);
            let next = (self.threshold * factor).max(self.least_threshold);
            if next < 0.6 * self.threshold {
                self.threshold = next;
            }
        }
    }

    /// Steps at the target ε until the true error is small; `None` if the potentials are doubted, and rightly so.
    fn finish(&mut self, mut doubtful: bool) -> Option<Outcome> {
        let mut anderson = Anderson::new(4);
        // Where the last accepted step began, with its look's dual and error, and the step.
        let mut accepted: Option<(Vec<f64>, f64, f64, Vec<f64>, bool)> = None;
        let mut failures = 0;
        let mut best = f64::INFINITY;
        let mut since_best = 0;
        loop {
            let look = self.look("target epsilon", true);
            if let Some(status) = look.ending {
                return Some(Outcome { status, error: look.error });
            }
            if doubtful && (look.error > 0.5 || !self.plain_step(&look).1) {
                return None;
            }
            doubtful = false;
            if look.error < 0.7 * best {
                (best, since_best) = (look.error, 0);
            } else {
                since_best += 1;
            }
            if self.at_rounding(look.error, since_best, 1e-3) {
                return Some(Outcome { status: Status::Inaccurate, error: look.error });
            }
            if let Some((from, dual, error, step, extrapolated)) = &accepted
                && !(look.dual > *dual || look.error < 0.95 * *error)
            {
                failures += 1;
                anderson.restart();
                let length = if *extrapolated && failures == 1 { 1.0 } else { 0.3_f64.powi(failures.min(4)) };
                if failures <= 4 {
                    self.v = from.iter().zip(step).map(|(from, step)| from + length * step).collect();
                    accepted.as_mut().expect("it is there").4 = false;
                    continue;
                }
                // Nothing helped: a plain step from here, which always raises the dual.
                let (plain, _) = self.plain_step(&look);
                self.advance(&plain, 1.0);
                accepted = None;
                failures = 0;
                continue;
            }
            failures = 0;
            if let Some((_, _, error, ..)) = &accepted
                && look.error > 0.1 * error
            {
                self.refine_threshold(look.model.as_ref());
            }
            let (from, dual, error) = (self.v.clone(), look.dual, look.error);
            // Solving the model better than it has kept its promises so far would be in vain.
            let promise = accepted.as_ref().map_or(0.05, |(_, _, before, ..)| 0.2 * error / before);
            let step = self.step(look, promise.clamp(1e-3, 0.05), 12, 450);
            let mut extrapolated = false;
            if error < 1e-2 && !step.at_radius {
                let image = self.v.clone();
                self.v = anderson.next(&image, &step.shift, &self.b);
                extrapolated = true;
            } else {
                anderson.restart();
            }
            accepted = Some((from, dual, error, step.shift, extrapolated));
        }
    }
}

/// The larger of the mean and the median cost, of a sample.
fn typical_cost<A: Scalar, C: CostBlocks<A>>(costs: &C) -> f64 {
    let (n, m) = (costs.rows(), costs.columns());
    let rows = n.min(64);
    let mut sample = Vec::with_capacity(rows * m.min(4096));
    let mut row = vec![A::ZERO; m];
    for k in 0..rows {
        costs.block_into(k * n / rows..k * n / rows + 1, 0..m, &mut row);
        sample.extend(row.iter().step_by(m.div_ceil(4096)).map(|cost| cost.to_f64().abs()));
    }
    let mean = sample.iter().sum::<f64>() / sample.len() as f64;
    let middle = sample.len() / 2;
    let (_, median, _) = sample.select_nth_unstable_by(middle, f64::total_cmp);
    mean.max(*median)
}
