//! CHUZR of the primal simplex: how far the entering variable can go, and which basic variable it meets.
//!
//! In phase 2 by two passes (Harris: *Pivot selection methods of the Devex LP code*, Mathematical Programming 5, 1973): the first finds the
//! longest step that keeps every basic variable within its bounds and the tolerance, the second takes the largest pivot among those that
//! block within it. In phase 1 variables outside their bounds may pass the bound they come to, as long as the sum of violations falls.

use super::State;

/// What stops the entering variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Blocking {
    /// A basic variable reaches a bound.
    Row { row: usize, step: f64, at_upper: bool },
    /// The entering variable reaches its other bound.
    Flip { step: f64 },
    /// Nothing.
    Nothing,
}

/// A bound on the way of a basic variable, for phase 1.
#[derive(Debug, Clone, Copy)]
struct Breakpoint {
    step: f64,
    relaxed: f64,
    pivot: f64,
    row: u32,
    at_upper: bool,
}

/// Room for the breakpoints.
#[derive(Debug, Default)]
pub(super) struct PrimalRatioTest {
    breakpoints: Vec<Breakpoint>,
}

/// Pivots smaller than this never block; with many updates behind them, larger ones neither.
fn least_pivot(updates: usize) -> f64 {
    match updates {
        0..10 => 1e-9,
        10..20 => 1e-8,
        _ => 1e-7,
    }
}

impl PrimalRatioTest {
    /// Phase 2: `sign` is 1 where the entering variable grows, -1 where it falls; `range` is the distance of its bounds.
    pub fn feasible(&self, state: &State<'_, '_>, sign: f64, range: f64) -> Blocking {
        let least = least_pivot(state.factor.updates());
        let tolerance = state.primal_tolerance;
        let mut longest = f64::INFINITY;
        for &row in &state.column.pattern {
            let row = row as usize;
            let rate = -sign * state.column.values[row];
            if rate > least && state.basic_upper[row].is_finite() {
                longest = longest.min((state.basic_upper[row] - state.basic_value[row] + tolerance) / rate);
            } else if rate < -least && state.basic_lower[row].is_finite() {
                longest = longest.min((state.basic_lower[row] - state.basic_value[row] - tolerance) / rate);
            }
        }
        let mut chosen: Option<(usize, f64, bool)> = None;
        let mut largest = 0.0;
        for &row in &state.column.pattern {
            let row = row as usize;
            let rate = -sign * state.column.values[row];
            let (step, at_upper) = if rate > least {
                ((state.basic_upper[row] - state.basic_value[row]) / rate, true)
            } else if rate < -least {
                ((state.basic_lower[row] - state.basic_value[row]) / rate, false)
            } else {
                continue;
            };
            if step < f64::INFINITY && step <= longest && rate.abs() > largest {
                largest = rate.abs();
                chosen = Some((row, step, at_upper));
            }
        }
        match chosen {
            Some((row, step, at_upper)) if step < range => Blocking::Row { row, step, at_upper },
            _ if range.is_finite() => Blocking::Flip { step: range },
            Some((row, step, at_upper)) => Blocking::Row { row, step, at_upper },
            None => Blocking::Nothing,
        }
    }

    /// Phase 1: the sum of violations falls at the rate `slope` in the beginning.
    pub fn infeasible(&mut self, state: &State<'_, '_>, sign: f64, range: f64, slope: f64) -> Blocking {
        let least = least_pivot(state.factor.updates());
        let tolerance = state.primal_tolerance;
        self.breakpoints.clear();
        for &row in &state.column.pattern {
            let index = row as usize;
            let rate = -sign * state.column.values[index];
            if rate.abs() <= least {
                continue;
            }
            let value = state.basic_value[index];
            for (bound, at_upper) in [(state.basic_lower[index], false), (state.basic_upper[index], true)] {
                // A bound is met if it lies ahead; the one that a violated variable comes to, and the one behind that.
                let ahead = if rate > 0.0 { bound - value } else { value - bound };
                let meets = bound.is_finite() && (ahead >= -tolerance) && {
                    let leaves_through = (rate > 0.0) == at_upper;
                    leaves_through || ahead > tolerance
                };
                if meets {
                    let pivot = rate.abs();
                    let (step, relaxed) = (ahead / pivot, (ahead + tolerance) / pivot);
                    self.breakpoints.push(Breakpoint { step, relaxed, pivot, row, at_upper });
                }
            }
        }
        self.breakpoints.sort_unstable_by(|a, b| {
            a.relaxed.total_cmp(&b.relaxed).then(a.row.cmp(&b.row)).then(a.at_upper.cmp(&b.at_upper))
        });
        let mut left = slope;
        let mut longest = f64::INFINITY;
        for breakpoint in &self.breakpoints {
            left -= breakpoint.pivot;
            if left <= 0.0 {
                longest = breakpoint.relaxed;
                break;
            }
        }
        let mut largest = 0.0_f64;
        let mut within = 0;
        for breakpoint in &self.breakpoints {
            // Ordered by the relaxed step, the strict ones follow in about the same order.
            if breakpoint.relaxed <= longest || breakpoint.step <= longest {
                largest = largest.max(breakpoint.pivot);
                within += 1;
            } else {
                break;
            }
        }
        let chosen =
            self.breakpoints[..within].iter().rev().find(|breakpoint| breakpoint.pivot >= 0.1 * largest);
        match chosen {
            Some(breakpoint) if breakpoint.step < range => Blocking::Row {
                row: breakpoint.row as usize,
                step: breakpoint.step,
                at_upper: breakpoint.at_upper,
            },
            _ if range.is_finite() => Blocking::Flip { step: range },
            Some(breakpoint) => Blocking::Row {
                row: breakpoint.row as usize,
                step: breakpoint.step,
                at_upper: breakpoint.at_upper,
            },
            None => Blocking::Nothing,
        }
    }
}
