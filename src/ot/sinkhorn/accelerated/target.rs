//! Steps at the target ε.

use super::KEPT_PER_POINT;
use super::driver::Driver;
use super::model::TruncatedModel;
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::anderson::Anderson;
use crate::ot::sinkhorn::plain::Outcome;
use crate::scalar::Scalar;

/// The last step that was accepted, or is on trial.
struct Accepted {
    /// Where it began.
    from: Vec<f64>,
    /// What the look there found.
    dual: f64,
    error: f64,
    /// The model's step.
    step: Vec<f64>,
    /// Whether Anderson's extrapolation took its place.
    extrapolated: bool,
}

impl<A: Scalar> Driver<'_, '_, '_, '_, '_, A> {
    /// Steps at the target ε until the true error is small; `None` if the potentials are doubted, and rightly so.
    pub(super) fn finish(&mut self, mut doubtful: bool) -> Option<Outcome> {
        let mut anderson = Anderson::new(4);
        let mut accepted: Option<Accepted> = None;
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
            if let Some(last) = &mut accepted
                && look.dual <= last.dual
                && look.error >= 0.95 * last.error
            {
                failures += 1;
                anderson.restart();
                let length = if last.extrapolated && failures == 1 { 1.0 } else { 0.3_f64.powi(failures) };
                if failures <= 4 {
                    self.v =
                        last.from.iter().zip(&last.step).map(|(from, step)| from + length * step).collect();
                    last.extrapolated = false;
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
            if let Some(last) = &accepted
                && look.error > 0.1 * last.error
            {
                self.refine_threshold(look.model.as_ref());
            }
            let (from, dual, error) = (self.v.clone(), look.dual, look.error);
            // Solving the model better than it has kept its promises so far would be in vain.
            let promise = accepted.as_ref().map_or(0.05, |last| 0.2 * error / last.error);
            let step = self.step(look, promise.clamp(1e-3, 0.05), 12, 450);
            let mut extrapolated = false;
            if error < 1e-2 && !step.at_radius {
                let image = self.v.clone();
                self.v = anderson.next(&image, &step.shift, &self.b);
                extrapolated = true;
            } else {
                anderson.restart();
            }
            accepted = Some(Accepted { from, dual, error, step: step.shift, extrapolated });
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
}
