//! Whether a direction proves that the objective has no bound.

use super::super::bounds::Bounds;
use super::super::error::Result;
use super::super::model::LinearProgram;
use super::certificate::certify;
use super::sum::Sum;
use super::{CANCELLATION, MARGIN, REACH, check_size, normalised, sign};

/// What the check of a ray found. The length of the direction does not matter, nor do the scales of rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct RayCertificate {
    /// Whether the objective has no bound: x is feasible up to
    /// [`Certificate::TOLERANCE`](super::Certificate::TOLERANCE), x + t·direction stays so for all t >= 0, and the
    /// improvement is larger than rounding and the residual could make it.
    pub verified: bool,
    /// cᵀdirection / Σ|cⱼ directionⱼ|, positive where the objective improves. At most 1.
    pub improvement: f64,
    /// Σ of the rate at which each row with a bound on that side leaves it, divided by Σⱼ|aᵢⱼ directionⱼ|: rounding.
    pub residual: f64,
    /// The row that contributes most to the residual, if any does.
    pub worst: Option<usize>,
    /// Largest violation of a bound by x, relative as in [`Certificate`](super::Certificate).
    pub primal_relative: f64,
}

/// Checks a ray of unbounded improvement: whether x is feasible and the direction improves the objective without
/// leaving a bound of a row or a column.
///
/// An entry of the direction that would leave its column's bound counts as 0; that is another direction, checked as strictly. The rate at
/// which a row leaves a bound must be 0: it may be 1e-9 of the terms that cancel in it, and the improvement must be larger than 1,000 times
/// what all those residues come to. O(rows + columns + nonzeros).
///
/// # Errors
/// [`Error::Size`](crate::lp::Error::Size) if x or the direction does not fit the program. A direction that is 0 or not finite is no error:
/// it proves nothing.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// // max x + y  where  x - y <= 1,  x, y >= 0
/// let mut program = LinearProgram::new(Sense::Maximise);
/// let (x, y) = (program.add_column(1.0, 0.0.., [])?, program.add_column(1.0, 0.0.., [])?);
/// program.add_row(..=1.0, [(x, 1.0), (y, -1.0)])?;
/// assert!(lp::check_ray(&program, &[1.0, 0.0], &[1.0, 1.0])?.verified);
/// assert!(!lp::check_ray(&program, &[1.0, 0.0], &[1.0, 0.0])?.verified); // leaves the row
/// assert!(!lp::check_ray(&program, &[3.0, 0.0], &[1.0, 1.0])?.verified); // x is not feasible
/// # Ok::<(), brenier::lp::Error>(())
/// ```
pub fn check_ray(program: &LinearProgram, x: &[f64], direction: &[f64]) -> Result<RayCertificate> {
    check_size("x", program.columns(), x)?;
    check_size("the direction", program.columns(), direction)?;
    let feasibility = certify(program, x, &vec![0.0; program.rows()])?;
    let Some(mut direction) = normalised(direction) else {
        return Ok(RayCertificate {
            primal_relative: feasibility.primal_relative,
            ..RayCertificate::default()
        });
    };

    let mut rates = vec![Sum::default(); program.rows()];
    let mut improvement = Sum::default();
    for (column, rate) in direction.iter_mut().enumerate() {
        if leaves(*rate, program.column_bounds(column)) {
            *rate = 0.0;
        }
        improvement.add_product(-sign(program) * program.costs()[column], *rate);
        for &(row, value) in program.column(column) {
            rates[row].add_product(value, *rate);
        }
    }

    let (mut residual, mut worst) = (0.0, (0.0, None));
    let mut cancelled = true;
    for (row, rate) in rates.iter().enumerate() {
        if leaves(rate.value(), program.row_bounds(row)) {
            let share = rate.value().abs() / rate.size;
            // Written so that NaN counts as not cancelled.
            cancelled &= share <= CANCELLATION;
            residual += share;
            if share > worst.0 {
                worst = (share, Some(row));
            }
        }
    }

    let share = if improvement.size > 0.0 { improvement.value() / improvement.size } else { 0.0 };
    Ok(RayCertificate {
        verified: cancelled
            && share > MARGIN + REACH * residual
            && feasibility.is_feasible(super::Certificate::TOLERANCE),
        improvement: share,
        residual,
        worst: worst.1,
        primal_relative: feasibility.primal_relative,
    })
}

/// Whether going at this rate for ever would leave the bounds. A rate that is NaN, after an overflow, does.
fn leaves(rate: f64, bounds: Bounds) -> bool {
    let stays = rate == 0.0
        || (rate > 0.0 && bounds.upper == f64::INFINITY)
        || (rate < 0.0 && bounds.lower == f64::NEG_INFINITY);
    !stays
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Sense;
    use super::*;

    /// min -x - y where x - y is within its bounds and x, y >= 0.
    fn program(bounds: impl Into<Bounds>) -> LinearProgram {
        let mut program = LinearProgram::new(Sense::Minimise);
        let x = program.add_column(-1.0, 0.0.., []).unwrap();
        let y = program.add_column(-1.0, 0.0.., []).unwrap();
        program.add_row(bounds, [(x, 1.0), (y, -1.0)]).unwrap();
        program
    }

    #[test]
    fn a_ray_along_the_row_is_a_proof_at_any_length() {
        for scale in [1e-320, 1e-300, 1.0, 1e300] {
            let proof = check_ray(&program(0.0..=1.0), &[1.0, 0.5], &[scale, scale]).unwrap();
            assert!(proof.verified, "{scale}: {proof:?}");
            assert_eq!((proof.improvement, proof.residual), (1.0, 0.0));
        }
    }

    #[test]
    fn leaving_the_row_is_allowed_only_where_there_is_no_bound() {
        let check = |bounds: Bounds, direction| check_ray(&program(bounds), &[1.0, 1.0], direction).unwrap();
        assert!(check(Bounds::at_least(0.0), &[1.0, 0.0]).verified);
        assert!(!check(Bounds::at_least(0.0), &[0.0, 1.0]).verified);
        assert!(check(Bounds::at_most(0.0), &[0.0, 1.0]).verified);
        let outside = check(Bounds::at_most(0.0), &[1.0, 0.999]);
        assert!(!outside.verified && outside.worst == Some(0), "{outside:?}");
        assert!(check(Bounds::FREE, &[1.0, 0.0]).verified);
    }

    #[test]
    fn a_worse_objective_and_an_infeasible_start_prove_nothing() {
        let mut worse = program(0.0..=1.0);
        worse.set_sense(Sense::Maximise);
        assert!(!check_ray(&worse, &[1.0, 0.5], &[1.0, 1.0]).unwrap().verified);
        assert!(!check_ray(&program(0.0..=1.0), &[0.0, 0.5], &[1.0, 1.0]).unwrap().verified);
        assert!(!check_ray(&program(0.0..=1.0), &[f64::NAN, 0.5], &[1.0, 1.0]).unwrap().verified);
    }

    #[test]
    fn an_entry_that_leaves_its_column_counts_as_nothing() {
        // -1e-12 in x is dropped, and so the ray leaves the row by 1e-12 of its terms, which is rounding.
        let proof = check_ray(&program(..=0.0), &[1.0, 1.0], &[-1e-12, 1.0]).unwrap();
        assert!(proof.verified && proof.residual == 0.0, "{proof:?}");
        // Without its negative entry this direction is 0.
        assert!(!check_ray(&program(..=0.0), &[1.0, 1.0], &[-1.0, 0.0]).unwrap().verified);
    }

    #[test]
    fn nothing_and_nonsense_prove_nothing() {
        for direction in [[0.0, 0.0], [f64::NAN, 1.0], [1.0, f64::INFINITY]] {
            assert!(!check_ray(&program(..), &[1.0, 1.0], &direction).unwrap().verified);
        }
        assert!(check_ray(&program(..), &[1.0, 1.0], &[1.0]).is_err());
        assert!(check_ray(&program(..), &[1.0], &[1.0, 1.0]).is_err());
    }
}
