//! Sinkhorn's iterations, one after the other.

use super::solver::{Potentials, Run};
use super::{EntropicCosts, Scaling};
use crate::error::Result;
use crate::ot::certificate::Status;
use crate::scalar::Scalar;

/// The normalised problem that a method works on: weights positive, each side's sum one.
pub(super) struct Work<'c, 'a, A> {
    pub costs: &'c EntropicCosts<'a, A>,
    pub a: Vec<A>,
    pub b: Vec<A>,
    pub epsilon: A,
    /// Whether double precision follows: then there is no point in iterating where rounding sets the error.
    pub may_hand_over: bool,
}

/// How a method ended. The potentials are in its hands already.
pub(super) struct Outcome {
    pub status: Status,
    /// The L1 error of the marginals, as a share of the mass.
    pub error: f64,
}

/// Iterations in which the error must fall by a tenth, once it is near what rounding leaves.
const PATIENCE: u64 = 30;

/// Iterates from the potentials until the error is small, the limit is reached, or rounding keeps the error up.
pub(super) fn solve<A: Scalar>(
    work: &Work<'_, '_, A>,
    potentials: &mut Potentials,
    run: &mut Run<'_>,
) -> Result<Outcome> {
    let narrow = |values: &[f64]| values.iter().map(|&value| A::from_f64(value)).collect::<Vec<A>>();
    let mut scaling =
        Scaling::from_potentials(&narrow(&potentials.f), &narrow(&potentials.g), &work.b, work.epsilon);
    let mut before = scaling.v.clone();
    let mut best = f64::INFINITY;
    let mut since_best = 0;
    let outcome = loop {
        before.copy_from_slice(&scaling.v);
        let error = scaling.iterate(work.costs, &work.a, &work.b, work.epsilon, A::ONE).to_f64();
        run.look("Sinkhorn", error);
        if let Some(status) = run.ending(error, true) {
            break Outcome { status, error };
        }
        if error < 0.9 * best {
            (best, since_best) = (error, 0);
        } else {
            since_best += 1;
        }
        let floor = rounding_floor(&scaling);
        let patience = if work.may_hand_over { 3 } else { PATIENCE };
        if run.tolerance > 0.0 && since_best >= patience && error <= 8.0 * floor {
            break Outcome { status: Status::Inaccurate, error };
        }
    };
    // The error is that of the plan between the two halves.
    scaling.v.copy_from_slice(&before);
    let widen = |values: Vec<A>| values.iter().map(|value| value.to_f64()).collect();
    potentials.f = widen(scaling.source_potentials(work.epsilon));
    potentials.g = widen(scaling.target_potentials(&work.b, work.epsilon));
    Ok(outcome)
}

/// About the error of the marginals that rounding the exponents leaves.
pub(super) fn rounding_floor<A: Scalar>(scaling: &Scaling<A>) -> f64 {
    let largest = |values: &[A]| values.iter().map(|value| value.to_f64().abs()).fold(1.0, f64::max);
    A::EPSILON.to_f64() * (largest(&scaling.u) + largest(&scaling.v) + 4.0)
}
