//! Anderson's extrapolation of Sinkhorn's iteration, with a way back.

use super::RADIUS;
use super::driver::Driver;
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::anderson::Anderson;
use crate::ot::sinkhorn::plain::Outcome;
use crate::scalar::Scalar;

impl<A: Scalar> Driver<'_, '_, '_, '_, '_, A> {
    /// Anderson's extrapolation of Sinkhorn's iteration from the potentials that are there; `None` when it is time to
    /// leave, which comes only if it is `impatient`.
    pub(super) fn extrapolate(&mut self, memory: usize, impatient: bool) -> Option<Outcome> {
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
                let next = anderson.next(&plain, &step, &self.b);
                if next.iter().zip(&plain).any(|(next, plain)| (next - plain).abs() > 4.0 * RADIUS) {
                    // Further than anything known here reaches.
                    anderson.restart();
                    self.v.clone_from(&plain);
                } else {
                    self.v = next;
                }
            }
        }
    }
}
