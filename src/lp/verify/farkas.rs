//! Whether multipliers of the rows prove that no x is feasible.

use super::super::bounds::Bounds;
use super::super::error::{Error, Part, Result};
use super::super::model::LinearProgram;
use super::super::solution::Contradiction;
use super::sum::Sum;
use super::{CANCELLATION, MARGIN, REACH, check_size, normalised};

/// What the check of a Farkas ray found. Nothing here but [`violation`](Self::violation), which is in the units of the rows, has units; the
/// length of y does not matter, nor do the scales of rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct FarkasCertificate {
    /// Whether no x is feasible: the margin is larger than rounding and the residual could make it.
    pub verified: bool,
    /// (t - s) / (sizes of all the products that t and s add up): t is the least yᵀr over the activities r within the bounds of the rows, s
    /// the largest yᵀA x over the x within their bounds. At most 1; 0 or less proves nothing.
    pub margin: f64,
    /// Σ |zⱼ| / Σᵢ|aᵢⱼ yᵢ| over the columns where z = Aᵀy should be 0 since there is no bound on that side: rounding.
    pub residual: f64,
    /// The column that contributes most to the residual, if any does.
    pub worst: Option<usize>,
    /// (t - s) / Σ|yᵢ|: every x within its bounds violates a row by this much.
    pub violation: f64,
}

/// Checks a Farkas ray: whether every x within its bounds has yᵀA x below a number that every activity within the
/// bounds of the rows has yᵀr above. Then no x is feasible.
///
/// A yᵢ of a sign for which the row has no bound could only weaken the proof and counts as 0; that is another y, checked as strictly. An
/// entry of z = Aᵀy of a sign for which its column has no bound must be 0: it may be 1e-9 of the terms that cancel in it, and the margin
/// must be larger than what all those residues come to for variables 1,000 times the size that the terms of the proof suggest.
/// O(rows + columns + nonzeros).
///
/// # Errors
/// [`Error::Size`] if y does not fit the program. A y that is 0 or not finite is no error: it proves nothing.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// // x + y <= 1 and x + y >= 2 contradict each other for free variables.
/// let mut program = LinearProgram::new(Sense::Minimise);
/// let (x, y) = (program.add_column(0.0, .., [])?, program.add_column(0.0, .., [])?);
/// program.add_row(..=1.0, [(x, 1.0), (y, 1.0)])?;
/// program.add_row(2.0.., [(x, 1.0), (y, 1.0)])?;
/// let proof = lp::check_farkas(&program, &[-1.0, 1.0])?;
/// assert!(proof.verified);
/// assert_eq!(proof.violation, 0.5); // x + y = 1.5 violates both rows by as much
/// assert!(!lp::check_farkas(&program, &[1.0, -1.0])?.verified); // the wrong way round
/// # Ok::<(), brenier::lp::Error>(())
/// ```
pub fn check_farkas(program: &LinearProgram, y: &[f64]) -> Result<FarkasCertificate> {
    check_size("the Farkas ray", program.rows(), y)?;
    let Some(mut y) = normalised(y) else { return Ok(FarkasCertificate::default()) };

    let (mut least, mut norm) = (Sum::default(), Sum::default());
    for (row, y) in y.iter_mut().enumerate() {
        let bound = bound_of(-*y, program.row_bounds(row));
        if bound.is_finite() {
            least.add_product(*y, bound);
        } else {
            *y = 0.0;
        }
        norm.add(*y);
    }

    let (mut largest, mut residual, mut worst) = (Sum::default(), 0.0, (0.0, None));
    let mut cancelled = true;
    for column in 0..program.columns() {
        let mut z = Sum::default();
        for &(row, value) in program.column(column) {
            z.add_product(value, y[row]);
        }
        let (z, size) = (z.value(), z.size);
        if z == 0.0 {
            continue;
        }
        let bound = bound_of(z, program.column_bounds(column));
        if bound.is_finite() {
            largest.add_product(z, bound);
            continue;
        }
        let share = z.abs() / size;
        // Written so that NaN counts as not cancelled.
        cancelled &= share <= CANCELLATION;
        residual += share;
        if share > worst.0 {
            worst = (share, Some(column));
        }
    }

    // The terms of t and s, as one sum: they may cancel.
    let size = least.size + largest.size;
    let mut difference = least;
    difference.add(-largest.value());
    let (difference, margin) = (difference.value(), difference.value() / size);
    Ok(FarkasCertificate {
        verified: cancelled && margin.is_finite() && margin > MARGIN + REACH * residual,
        margin: if size > 0.0 { margin } else { 0.0 },
        residual,
        worst: worst.1,
        violation: if norm.size > 0.0 { difference / norm.size } else { 0.0 },
    })
}

/// Checks a reason for infeasibility: that those bounds contradict each other, or [`check_farkas`].
///
/// # Errors
/// [`Error::Missing`] and [`Error::Size`] if it does not fit the program.
///
/// # Examples
/// ```
/// use brenier::lp::{self, Contradiction, LinearProgram, Part, Sense};
/// let mut program = LinearProgram::new(Sense::Minimise);
/// let x = program.add_column(1.0, 3.0..=2.0, [])?;
/// assert!(lp::check_contradiction(&program, &Contradiction::Bounds { part: Part::Column, index: x })?);
/// # Ok::<(), brenier::lp::Error>(())
/// ```
pub fn check_contradiction(program: &LinearProgram, contradiction: &Contradiction) -> Result<bool> {
    match contradiction {
        Contradiction::Farkas(y) => Ok(check_farkas(program, y)?.verified),
        &Contradiction::Bounds { part, index } => {
            let count = if part == Part::Row { program.rows() } else { program.columns() };
            if index >= count {
                return Err(Error::Missing { part, index, count });
            }
            let bounds =
                if part == Part::Row { program.row_bounds(index) } else { program.column_bounds(index) };
            Ok(bounds.lower > bounds.upper)
        }
    }
}

/// The bound at which multiplier · value is largest.
fn bound_of(multiplier: f64, bounds: Bounds) -> f64 {
    if multiplier > 0.0 { bounds.upper } else { bounds.lower }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Sense;
    use super::*;

    /// x + y >= 3 + surplus, where 0 <= x <= 1 and y <= 2 with y in a row of its own.
    fn program(surplus: f64) -> LinearProgram {
        let mut program = LinearProgram::new(Sense::Maximise);
        let x = program.add_column(1.0, 0.0..=1.0, []).unwrap();
        let y = program.add_column(1.0, .., []).unwrap();
        program.add_row(3.0 + surplus.., [(x, 1.0), (y, 1.0)]).unwrap();
        program.add_row(..=2.0, [(y, 1.0)]).unwrap();
        program
    }

    #[test]
    fn the_margin_is_what_is_missing() {
        let proof = check_farkas(&program(1.0), &[1.0, -1.0]).unwrap();
        assert!(proof.verified);
        assert_eq!((proof.violation, proof.margin, proof.residual), (0.5, 1.0 / 7.0, 0.0));
        assert!(!check_farkas(&program(0.0), &[1.0, -1.0]).unwrap().verified);
        assert!(!check_farkas(&program(-1.0), &[1.0, -1.0]).unwrap().verified);
    }

    #[test]
    fn only_the_direction_of_y_counts() {
        let reference = check_farkas(&program(1.0), &[1.0, -1.0]).unwrap();
        for scale in [1e-320, 1e-300, 1e-9, 7.0, 1e9, 1e300] {
            let proof = check_farkas(&program(1.0), &[scale, -scale]).unwrap();
            assert!(proof.verified, "{scale}");
            approx::assert_relative_eq!(proof.margin, reference.margin, max_relative = 1e-15);
        }
    }

    #[test]
    fn a_column_without_a_bound_must_cancel() {
        let proof = check_farkas(&program(1.0), &[1.0, -0.999]).unwrap();
        assert!(!proof.verified && proof.worst == Some(1), "{proof:?}");
        assert!(check_farkas(&program(1.0), &[1.0, -1.0 + 1e-14]).unwrap().verified);
        // The residue is accepted as rounding only while the margin is large enough to carry it.
        assert!(!check_farkas(&program(1e-10), &[1.0, -1.0 + 1e-12]).unwrap().verified);
        assert!(check_farkas(&program(1e-10), &[1.0, -1.0]).unwrap().verified);
    }

    #[test]
    fn a_feasible_problem_near_the_edge_is_not_called_infeasible() {
        // x >= 1 and (1 - 1e-10) x <= 1 - 1e-11 hold at x = 1; y = (1, -1) all but proves the contrary.
        let mut program = LinearProgram::new(Sense::Minimise);
        let x = program.add_column(0.0, .., []).unwrap();
        program.add_row(1.0.., [(x, 1.0)]).unwrap();
        program.add_row(..=1.0 - 1e-11, [(x, 1.0 - 1e-10)]).unwrap();
        let proof = check_farkas(&program, &[1.0, -1.0]).unwrap();
        assert!(proof.margin > MARGIN && proof.residual < CANCELLATION && !proof.verified, "{proof:?}");
    }

    #[test]
    fn a_sign_without_a_bound_counts_as_nothing() {
        // The second row has no lower bound; its 1 is dropped, and nothing is left to hold y.
        assert!(!check_farkas(&program(1.0), &[1.0, 1.0]).unwrap().verified);
        let mut rows = program(1.0);
        rows.add_row(0.0.., [(0, 1.0)]).unwrap();
        assert!(check_farkas(&rows, &[1.0, -1.0, -1e-3]).unwrap().verified);
    }

    #[test]
    fn nothing_and_nonsense_prove_nothing() {
        for y in [[0.0, 0.0], [f64::NAN, 1.0], [1.0, f64::NEG_INFINITY]] {
            assert_eq!(check_farkas(&program(1.0), &y).unwrap(), FarkasCertificate::default());
        }
        assert!(check_farkas(&program(1.0), &[1.0]).is_err());
        // Numbers that overflow inside.
        let mut huge = LinearProgram::new(Sense::Minimise);
        let x = huge.add_column(0.0, 0.0..=1e300, []).unwrap();
        huge.add_row(1e300.., [(x, 1e300)]).unwrap();
        assert!(!check_farkas(&huge, &[1.0]).unwrap().verified);
    }

    #[test]
    fn an_empty_row_that_cannot_be_0_is_a_proof() {
        let mut program = LinearProgram::new(Sense::Minimise);
        program.add_row(1.0..=2.0, []).unwrap();
        assert!(check_farkas(&program, &[1.0]).unwrap().verified);
        assert!(!check_farkas(&program, &[-1.0]).unwrap().verified);
    }

    #[test]
    fn contradicting_bounds_are_checked_strictly() {
        let mut program = program(0.0);
        let check =
            |program: &_, part, index| check_contradiction(program, &Contradiction::Bounds { part, index });
        assert_eq!(check(&program, Part::Column, 0), Ok(false));
        program.set_row_bounds(1, 2.0..=2.0 - 1e-12).unwrap();
        assert_eq!(check(&program, Part::Row, 1), Ok(true));
        assert!(check(&program, Part::Row, 2).is_err());
    }
}
