//! The accelerated method: ε lowered step by step, and Newton's method on a truncated model of each plan.
//!
//! Sinkhorn's iteration crawls where ε is small beside the costs: thousands of looks at all pairs. One look is enough
//! to say which few pairs carry nearly all of the plan, and over these the same equations can be solved to any
//! accuracy without looking at the others. So each look is followed by Newton's method on the truncated model
//! (`model`, `newton`, `preconditioner`), and the next look tells how much of the promise was kept.
//!
//! 1. **Entry** (`extrapolation`). Anderson's extrapolation of Sinkhorn's iteration at the target ε. Easy problems
//!    end here; the others are left as soon as the rate says that they would take long.
//! 2. **Levels** (`levels`). ε from a quarter of the typical cost down to the target, halved from level to level, one
//!    look and one solve at each; potentials are extrapolated from level to level.
//! 3. **Target** (`target`). The same steps at the target ε until the true error of the marginals is below the
//!    tolerance. A step after which neither the dual rose nor the error fell is taken back and shortened.
//!
//! The idea of solving with a sparse approximation of the Hessian is that of Tang, Rahmanian, Shavlovsky,
//! Thekumparampil, Xiao and Ying (*Accelerating Sinkhorn algorithm with sparse Newton iterations*, 2024) and of
//! Kemertas, Jepson and Farahmand (*Efficient and accurate optimal transport with mirror descent and conjugate
//! gradients*, 2025); the model with its rest by blocks, and its use for whole steps, are our own.

mod driver;
mod extrapolation;
mod levels;
mod model;
mod newton;
mod preconditioner;
mod target;

use super::plain::{Outcome, Work};
use super::solver::{Potentials, Run, Side};
use crate::error::Result;
use crate::scalar::Scalar;
use driver::Driver;
pub(in crate::ot) use levels::typical_cost;
use model::Blocks;

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

impl<A: Scalar> Driver<'_, '_, '_, '_, '_, A> {
    /// The phases, one after the other.
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
}
