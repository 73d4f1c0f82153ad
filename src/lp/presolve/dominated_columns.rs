//! Columns whose reduced cost has a known sign (Andersen and Andersen, 1995, section 3.4; Brearley, Mitra and Williams, "Analysis of
//! mathematical programming problems prior to applying the simplex algorithm", Mathematical Programming 8, 1975).

use super::fixed_column::fix;
use super::working_problem::WorkingProblem;
use crate::lp::basis::BasisStatus;

/// By how much, relative to its terms, a reduced cost has to be off zero for its sign to be certain.
const SURE_SIGN: f64 = 1e-9;

/// What a number may be: an interval.
#[derive(Debug, Clone, Copy)]
struct Range {
    lower: f64,
    upper: f64,
}

/// Fixes every column whose reduced cost d = c - Aᵀy cannot be negative (at its lower bound) or positive (at its upper bound), whatever
/// the duals y. The bounds of y are of two kinds:
///
/// - the sign that a one-sided row gives its dual. A column that these alone give the sign of its cost can move to its bound without
///   harm to any row and without cost: so it is right for d = 0 as well;
/// - the sign of d of a column with one row and an infinite bound. Such a column is still there after the sweep, which takes out columns
///   with d ≠ 0 for certain only, so its condition holds for the duals that are found later.
pub(super) fn fix_dominated(problem: &mut WorkingProblem) -> bool {
    let signs: Vec<Range> = (0..problem.rows.len()).map(|row| sign_of_dual(problem, row)).collect();
    let mut duals = signs.clone();
    for column in 0..problem.columns.len() {
        if problem.column_alive[column] && problem.column_counts[column] == 1 {
            narrow_dual(problem, column, &mut duals);
        }
    }
    let mut changed = false;
    for column in 0..problem.columns.len() {
        if problem.column_alive[column] && problem.column_counts[column] > 0 {
            changed |= fix_if_dominated(problem, column, &signs, &duals);
        }
    }
    changed
}

fn sign_of_dual(problem: &WorkingProblem, row: usize) -> Range {
    Range {
        lower: if problem.row_upper[row] == f64::INFINITY { 0.0 } else { f64::NEG_INFINITY },
        upper: if problem.row_lower[row] == f64::NEG_INFINITY { 0.0 } else { f64::INFINITY },
    }
}

/// c - a y >= 0 for a column without an upper bound, <= 0 for one without a lower bound.
fn narrow_dual(problem: &WorkingProblem, column: usize, duals: &mut [Range]) {
    let Some((row, coefficient)) = problem.column(column).next() else { return };
    let limit = problem.costs[column] / coefficient;
    let no_lower = problem.column_lower[column] == f64::NEG_INFINITY;
    let no_upper = problem.column_upper[column] == f64::INFINITY;
    let (at_most, at_least) = if coefficient > 0.0 { (no_upper, no_lower) } else { (no_lower, no_upper) };
    if at_most {
        duals[row].upper = duals[row].upper.min(limit);
    }
    if at_least {
        duals[row].lower = duals[row].lower.max(limit);
    }
}

fn fix_if_dominated(problem: &mut WorkingProblem, column: usize, signs: &[Range], duals: &[Range]) -> bool {
    let (lower, upper) = (problem.column_lower[column], problem.column_upper[column]);
    let (by_sign, _) = reduced_cost_range(problem, column, signs);
    let (by_dual, magnitude) = reduced_cost_range(problem, column, duals);
    let margin = SURE_SIGN * magnitude.max(problem.costs[column].abs());
    let (value, status) = if by_sign.lower >= 0.0 || by_dual.lower > margin {
        (lower, BasisStatus::AtLower)
    } else if by_sign.upper <= 0.0 || by_dual.upper < -margin {
        (upper, BasisStatus::AtUpper)
    } else {
        return false;
    };
    if value.is_finite() {
        fix(problem, column, value, status);
    }
    value.is_finite()
}

/// c - Σ aᵢ yᵢ over all y within their ranges, and the largest finite term.
fn reduced_cost_range(problem: &WorkingProblem, column: usize, duals: &[Range]) -> (Range, f64) {
    let mut range = Range { lower: problem.costs[column], upper: problem.costs[column] };
    let mut magnitude = 0.0f64;
    for (row, coefficient) in problem.column(column) {
        let ends = (coefficient * duals[row].lower, coefficient * duals[row].upper);
        let (min, max) = if coefficient > 0.0 { ends } else { (ends.1, ends.0) };
        range.lower -= max;
        range.upper -= min;
        for end in [min, max] {
            if end.is_finite() {
                magnitude = magnitude.max(end.abs());
            }
        }
    }
    (range, magnitude)
}
