//! What an outcome of the simplex is worth: its status after the check on the data as given.

use super::error::{Part, Result};
use super::form::Point;
use super::model::{LinearProgram, Sense};
use super::simplex::{Ending, Interruption, Outcome};
use super::solution::{Contradiction, Status};
use super::verify::{Certificate, certify, check_farkas, check_ray};

/// An outcome with what the check found. Where the simplex says more than the check can confirm, the status is `Inaccurate`.
#[derive(Debug)]
pub(super) struct Verdict {
    pub status: Status,
    pub point: Point,
    /// In the program's own sense.
    pub duals: Vec<f64>,
    pub reduced_costs: Vec<f64>,
    pub certificate: Certificate,
    pub contradiction: Option<Contradiction>,
    pub ray: Option<Vec<f64>>,
}

impl Verdict {
    /// Checks an outcome.
    pub fn new(program: &LinearProgram, outcome: Outcome) -> Result<Self> {
        let Outcome { ending, point } = outcome;
        let duals = in_sense(program, &point.duals);
        let reduced_costs = in_sense(program, &point.reduced_costs);
        let certificate = certify(program, &point.x, &duals)?;
        let (mut contradiction, mut ray) = (None, None);
        let is_optimal = certificate.is_optimal(Certificate::TOLERANCE);
        let status = match ending {
            Ending::Interrupted(Interruption::Iterations) => Status::IterationLimit,
            Ending::Interrupted(Interruption::Time) => Status::TimeLimit,
            Ending::Interrupted(Interruption::Observer) => Status::Stopped,
            Ending::Optimal | Ending::Trouble => Status::Inaccurate,
            Ending::Infeasible(candidates) => {
                let proves = |y: &Vec<f64>| check_farkas(program, y).is_ok_and(|proof| proof.verified);
                contradiction = candidates.into_iter().find(proves).map(Contradiction::Farkas);
                if contradiction.is_some() { Status::Infeasible } else { Status::Inaccurate }
            }
            Ending::Unbounded(candidates) => {
                let leads_away = |direction: &Vec<f64>| {
                    check_ray(program, &point.x, direction).is_ok_and(|proof| proof.verified)
                };
                ray = candidates.into_iter().find(leads_away);
                if ray.is_some() { Status::Unbounded } else { Status::Inaccurate }
            }
        };
        // What the check proves holds, whatever the simplex thought of it.
        let status = if status == Status::Inaccurate && is_optimal { Status::Optimal } else { status };
        Ok(Self { status, point, duals, reduced_costs, certificate, contradiction, ray })
    }

    /// Whether an answer is to be preferred to an inaccurate one: if it is not inaccurate, or if it is less so.
    pub fn is_better_than(&self, inaccurate: &Self) -> bool {
        let error = |certificate: &Certificate| {
            let residuals = certificate.primal_relative.max(certificate.dual_relative);
            residuals.max(certificate.gap_relative).max(certificate.complementarity_relative)
        };
        self.status != Status::Inaccurate || error(&self.certificate) < error(&inaccurate.certificate)
    }

    /// Where the simplex came to no end: perhaps the row that is violated most can be satisfied by no x within its bounds.
    pub fn look_at_worst_row(&mut self, program: &LinearProgram) {
        let Some((Part::Row, row)) = self.certificate.primal_worst else { return };
        for sign in [1.0, -1.0] {
            let mut multipliers = vec![0.0; program.rows()];
            multipliers[row] = sign;
            if check_farkas(program, &multipliers).is_ok_and(|proof| proof.verified) {
                self.status = Status::Infeasible;
                self.contradiction = Some(Contradiction::Farkas(multipliers));
            }
        }
    }
}

/// Duals or reduced costs in the program's own sense.
fn in_sense(program: &LinearProgram, values: &[f64]) -> Vec<f64> {
    let sign = if program.sense() == Sense::Maximise { -1.0 } else { 1.0 };
    // 0 stays 0, without a sign.
    values.iter().map(|&value| if value == 0.0 { 0.0 } else { sign * value }).collect()
}
