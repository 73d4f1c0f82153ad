//! Lowering ε: where the iteration at the target is slow, it begins anew with a large ε, which is halved.

use super::Run;
use crate::error::Result;
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::{CostBlocks, typical_cost};
use crate::scalar::Scalar;

/// The first ε, as a share of the typical cost.
const FIRST_SHARE: f64 = 0.25;

/// The largest ε worth beginning with: a quarter of what a pair that is moved typically costs, which is no more than `most`.
pub(crate) fn first_epsilon<A: Scalar>(costs: &impl CostBlocks<A>, most: f64) -> f64 {
    FIRST_SHARE * typical_cost(costs).min(most)
}

/// Iterates at `epsilon`, with a detour over larger ones, down from `first`, if that turns out slow. `iterate` takes
/// ε, and the state in units of it, to what `run` wants; `rescale` multiplies what the state has in units of ε.
/// Status and residual are those of the last iteration at `epsilon`.
pub(crate) fn lower<S: Clone>(
    [first, epsilon]: [f64; 2],
    state: &mut S,
    run: &mut Run<'_>,
    rescale: impl Fn(&mut S, f64),
    mut iterate: impl FnMut(f64, &mut S, &mut Run<'_>) -> Result<(Status, f64)>,
) -> Result<(Status, f64)> {
    let levels = (first / epsilon).log2().floor();
    if !(levels >= 1.0 && levels.is_finite() && run.begin_trial()) {
        return iterate(epsilon, state, run);
    }
    let trial = iterate(epsilon, state, run)?;
    if !run.is_interrupted() {
        return Ok(trial);
    }
    let found = state.clone();
    let mut present = epsilon;
    for level in (1..=levels as i32).rev() {
        let next = epsilon * 2.0_f64.powi(level);
        if !run.begin_level() {
            break;
        }
        rescale(state, present / next);
        present = next;
        let (status, _) = iterate(next, state, run)?;
        if !run.is_interrupted() {
            // The observer stopped it: the plan at hand is that of the trial.
            *state = found;
            return Ok((status, trial.1));
        }
    }
    rescale(state, present / epsilon);
    run.begin_target();
    iterate(epsilon, state, run)
}
