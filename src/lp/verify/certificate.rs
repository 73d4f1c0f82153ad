//! How far x and y are from being optimal.

use super::super::bounds::Bounds;
use super::super::error::{Part, Result};
use super::super::model::LinearProgram;
use super::sum::Sum;
use super::units::Units;
use super::{check_size, sign};

/// What the check of an answer found, in the units of the program as given.
///
/// Every residual comes twice. The absolute one is what it says. The *relative* one is what
/// [`is_optimal`](Self::is_optimal) judges by: the residual divided by max(1, s / 1000), where s adds up the sizes of
/// the terms and of the bound (or the cost) that it is the difference of, once in the units of the program and once
/// in units in which the largest coefficient of each row and column and the largest cost are about 1; the larger of
/// the two counts. So "relative <= 1e-6" means in either view: at most 1e-6, or so small that data changed in the
/// ninth digit remove it (the componentwise backward error of Oettli and Prager 1964 is at most 1e-9). Without the
/// second view a row or a column scaled by 1e-8 could be as wrong as it likes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Certificate {
    /// Largest violation of a bound of a row or a column by x (activities computed afresh); ∞ if an entry of x is not finite.
    pub primal_residual: f64,
    /// Largest violation, relative.
    pub primal_relative: f64,
    /// The row or column of the largest violation; `None` if there is none.
    pub primal_worst: Option<(Part, usize)>,
    /// Largest reduced cost (c - Aᵀy computed afresh) or dual that no bound pays for: of a sign for which there is no
    /// bound, or the bound is so far from x that the product counts for more (relative) than the reduced cost itself.
    pub dual_residual: f64,
    /// Largest such reduced cost or dual, relative. In the units of the program a dual counts as what its removal changes in the reduced
    /// costs, if that is less: times the largest coefficient of its row.
    pub dual_relative: f64,
    /// The column of the largest such reduced cost or the row of the largest such dual; `None` if there is none.
    pub dual_worst: Option<(Part, usize)>,
    /// Largest product of a reduced cost or dual and the distance of x from the bound that pays for it.
    pub complementarity: f64,
    /// cᵀx + c₀.
    pub primal_objective: f64,
    /// c₀ and, for every dual and reduced cost, its product with the bound that pays for it: a bound for the objective of every feasible x,
    /// if the dual residual is 0.
    pub dual_objective: f64,
    /// By how much the primal objective is worse than the dual one, in the sense of the program: 0 at the optimum.
    pub gap: f64,
    /// Size of the gap, divided by the largest of |objective|, a thousandth of the sizes of all the terms of both objectives, and 1 (or
    /// the largest cost in the second kind of units, if less).
    pub gap_relative: f64,
    /// The complementarity, divided likewise.
    pub complementarity_relative: f64,
}

impl Certificate {
    /// The tolerance by which a solve may call its answer optimal.
    pub const TOLERANCE: f64 = 1e-6;

    /// Whether x violates nothing by more than the tolerance (relative: see [`Certificate`]).
    pub fn is_feasible(&self, tolerance: f64) -> bool {
        self.primal_relative <= tolerance
    }

    /// Whether residuals, complementarity and gap are all within the tolerance (relative: see [`Certificate`]).
    pub fn is_optimal(&self, tolerance: f64) -> bool {
        self.is_feasible(tolerance)
            && self.dual_relative <= tolerance
            && self.complementarity_relative <= tolerance
            && self.gap_relative <= tolerance
    }
}

/// Measures how far x with the duals y is from being optimal: feasibility of both, complementarity, and the gap of the objectives.
///
/// In a minimisation a row's dual may be positive where the row has a lower bound and negative where it has an upper one, and so a
/// reduced cost d = c - Aᵀy with its column's bounds; in a maximisation the other way round. For Lagrange's dual objective see
/// [`Certificate::dual_objective`]. Numbers that are not finite make the residuals ∞. O(rows + columns + nonzeros).
///
/// # Errors
/// [`Error::Size`](crate::lp::Error::Size) if x or y does not fit the program.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// // min 2 x + 3 y  where  x + y >= 4,  x <= 3
/// let mut program = LinearProgram::new(Sense::Minimise);
/// let x = program.add_column(2.0, 0.0..=3.0, [])?;
/// let y = program.add_column(3.0, 0.0.., [])?;
/// program.add_row(4.0.., [(x, 1.0), (y, 1.0)])?;
/// let certificate = lp::certify(&program, &[3.0, 1.0], &[3.0])?;
/// assert!(certificate.is_optimal(1e-12));
/// assert_eq!(certificate.dual_objective, 9.0); // 3·4 for the row, (2 - 3)·3 for the bound of x
/// // Feasible, but not optimal: y alone does the work.
/// assert_eq!(lp::certify(&program, &[0.0, 4.0], &[3.0])?.gap, 3.0);
/// # Ok::<(), brenier::lp::Error>(())
/// ```
pub fn certify(program: &LinearProgram, x: &[f64], duals: &[f64]) -> Result<Certificate> {
    check_size("x", program.columns(), x)?;
    check_size("the duals", program.rows(), duals)?;
    let sign = sign(program);

    let mut activities = vec![Sum::default(); program.rows()];
    let mut largest = vec![0.0_f64; program.rows()];
    let mut objective = Sum::default();
    objective.add(program.objective_constant());
    for (column, &x) in x.iter().enumerate() {
        objective.add_product(program.costs()[column], x);
        for &(row, value) in program.column(column) {
            activities[row].add_product(value, x);
            largest[row] = largest[row].max(value.abs());
        }
    }

    let units = Units::of(program);
    let mut ledger = Ledger::new(program, &units, objective);
    for (column, &x) in x.iter().enumerate() {
        let mut price = Sum::default();
        price.add(program.costs()[column]);
        for &(row, value) in program.column(column) {
            price.add_product(-value, duals[row]);
        }
        let (place, bounds, unit) =
            ((Part::Column, column), program.column_bounds(column), units.columns[column]);
        ledger.violation(place, bounds, x, x.abs(), 1.0 / unit);
        let relative = relative(price.value(), price.size, unit / units.cost);
        ledger.payment(place, bounds, x, sign * price.value(), relative);
    }
    for (row, activity) in activities.iter().enumerate() {
        let (place, bounds, unit) = ((Part::Row, row), program.row_bounds(row), units.rows[row]);
        ledger.violation(place, bounds, activity.value(), activity.size, unit);
        let (dual, removed) = (duals[row], duals[row] * largest[row].min(1.0));
        ledger.payment(
            place,
            bounds,
            activity.value(),
            sign * dual,
            larger(removed.abs(), dual.abs() / (unit * units.cost)),
        );
    }
    Ok(ledger.close(sign))
}

/// A residual of terms of this size in the program's units and in those of the factor, whichever is more.
fn relative(residual: f64, size: f64, factor: f64) -> f64 {
    let unit = |size: f64| (1e-3 * size).max(1.0);
    larger(residual.abs() / unit(size), (residual * factor).abs() / unit(size * factor))
}

/// The larger one, where NaN is as bad as can be (`f64::max` would drop it).
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::INFINITY } else { a.max(b) }
}

/// The largest residual seen so far.
#[derive(Debug, Clone, Copy, Default)]
struct Worst {
    residual: f64,
    relative: f64,
    place: Option<(Part, usize)>,
}

impl Worst {
    fn meet(&mut self, place: (Part, usize), residual: f64, relative: f64) {
        if residual > self.residual {
            (self.residual, self.place) = (residual, Some(place));
        }
        self.relative = larger(self.relative, relative);
    }
}

/// What adds up over the rows and the columns. Prices are those of a minimisation.
struct Ledger {
    primal: Worst,
    dual: Worst,
    complementarity: f64,
    objective: Sum,
    dual_objective: Sum,
    /// An objective counts as at least this much.
    floor: f64,
}

impl Ledger {
    fn new(program: &LinearProgram, units: &Units, objective: Sum) -> Self {
        let mut dual_objective = Sum::default();
        dual_objective.add(sign(program) * program.objective_constant());
        Self {
            primal: Worst::default(),
            dual: Worst::default(),
            complementarity: 0.0,
            objective,
            dual_objective,
            floor: units.cost.min(1.0),
        }
    }

    /// What a difference of objectives is divided by.
    fn scale(&self) -> f64 {
        let size = self.objective.size + self.dual_objective.size;
        self.objective.value().abs().max(1e-3 * size).max(self.floor)
    }

    /// Meets the value of a column or the activity of a row, whose terms have this size.
    fn violation(&mut self, place: (Part, usize), bounds: Bounds, value: f64, size: f64, factor: f64) {
        if !value.is_finite() {
            self.primal.meet(place, f64::INFINITY, f64::INFINITY);
            return;
        }
        let violation = bounds.violation(value);
        if violation > 0.0 {
            let bound = if value < bounds.lower { bounds.lower } else { bounds.upper };
            self.primal.meet(place, violation, relative(violation, size + bound.abs(), factor));
        }
    }

    /// Meets a reduced cost or a dual: a positive one is paid for by the lower bound, a negative one by the upper.
    fn payment(&mut self, place: (Part, usize), bounds: Bounds, value: f64, price: f64, relative: f64) {
        if !price.is_finite() {
            self.dual.meet(place, f64::INFINITY, f64::INFINITY);
        } else if price != 0.0 {
            let bound = if price > 0.0 { bounds.lower } else { bounds.upper };
            let product = price.abs() * (value - bound).abs();
            if bound.is_finite() && product <= relative * self.scale() {
                self.dual_objective.add_product(price, bound);
                self.complementarity = larger(self.complementarity, product);
            } else {
                self.dual.meet(place, price.abs(), relative);
            }
        }
    }

    fn close(self, sign: f64) -> Certificate {
        let mut gap = self.dual_objective;
        gap.add(-sign * self.objective.value());
        let scale = self.scale();
        Certificate {
            primal_residual: self.primal.residual,
            primal_relative: self.primal.relative,
            primal_worst: self.primal.place,
            dual_residual: self.dual.residual,
            dual_relative: self.dual.relative,
            dual_worst: self.dual.place,
            complementarity: self.complementarity,
            primal_objective: self.objective.value(),
            dual_objective: sign * self.dual_objective.value(),
            gap: 0.0 - gap.value(),
            gap_relative: larger(0.0, gap.value().abs() / scale),
            complementarity_relative: larger(0.0, self.complementarity / scale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Sense;
    use super::*;

    /// min x + 2 y + 10 where 2 <= x + y <= 8, x - y = -1, 0 <= x <= 5, y free: optimum 13.5 at (0.5, 1.5), duals (1.5, -0.5).
    fn small(sense: Sense) -> LinearProgram {
        let sign = if sense == Sense::Minimise { 1.0 } else { -1.0 };
        let mut program = LinearProgram::new(sense);
        program.set_objective_constant(10.0).unwrap();
        let x = program.add_column(sign, 0.0..=5.0, []).unwrap();
        let y = program.add_column(2.0 * sign, .., []).unwrap();
        program.add_row(2.0..=8.0, [(x, 1.0), (y, 1.0)]).unwrap();
        program.add_row(-1.0, [(x, 1.0), (y, -1.0)]).unwrap();
        program
    }

    #[test]
    fn the_optimum_has_no_residuals_in_either_sense() {
        let certificate = certify(&small(Sense::Minimise), &[0.5, 1.5], &[1.5, -0.5]).unwrap();
        assert!(certificate.is_optimal(0.0), "{certificate:?}");
        assert_eq!((certificate.primal_objective, certificate.dual_objective), (13.5, 13.5));
        let mirrored = certify(&small(Sense::Maximise), &[0.5, 1.5], &[-1.5, 0.5]).unwrap();
        assert!(mirrored.is_optimal(0.0), "{mirrored:?}");
        assert_eq!((mirrored.primal_objective, mirrored.dual_objective), (6.5, 6.5));
        // The signs of the other sense are not optimal: the free column then has a reduced cost.
        assert!(!certify(&small(Sense::Maximise), &[0.5, 1.5], &[1.5, -0.5]).unwrap().is_optimal(1e-6));
    }

    #[test]
    fn violations_are_found_where_they_are() {
        let program = small(Sense::Minimise);
        let row = certify(&program, &[0.5, 1.25], &[1.5, -0.5]).unwrap();
        assert_eq!((row.primal_residual, row.primal_worst), (0.25, Some((Part::Row, 0))));
        let column = certify(&program, &[-3.0, -2.0], &[1.5, -0.5]).unwrap();
        assert_eq!((column.primal_residual, column.primal_worst), (7.0, Some((Part::Row, 0))));
        let column = certify(&program, &[6.0, 7.0], &[1.5, -0.5]).unwrap();
        assert_eq!(column.primal_residual, 5.0); // 13 > 8
        let free = certify(&program, &[0.5, 1.5], &[1.5, -0.25]).unwrap();
        assert_eq!((free.dual_residual, free.dual_worst), (0.25, Some((Part::Column, 1))));
    }

    #[test]
    fn the_gap_is_positive_away_from_the_optimum_in_either_sense() {
        for sense in [Sense::Minimise, Sense::Maximise] {
            let certificate = certify(&small(sense), &[3.5, 4.5], &[0.0, 0.0]).unwrap();
            assert!(certificate.gap > 0.0, "{certificate:?}");
        }
    }

    #[test]
    fn a_dual_without_a_bound_to_pay_for_it_is_a_residual() {
        let mut program = LinearProgram::new(Sense::Minimise);
        let x = program.add_column(-0.5, .., []).unwrap();
        program.add_row(..=1.5, [(x, 1.0)]).unwrap();
        let paid = certify(&program, &[1.25], &[-0.5]).unwrap();
        assert_eq!((paid.dual_residual, paid.complementarity), (0.0, 0.125));
        program.set_cost(x, 0.5).unwrap();
        let unpaid = certify(&program, &[1.25], &[0.5]).unwrap();
        assert_eq!((unpaid.dual_residual, unpaid.dual_worst), (0.5, Some((Part::Row, 0))));
    }

    #[test]
    fn a_far_bound_does_not_pay_for_rounding() {
        let mut program = LinearProgram::new(Sense::Minimise);
        let x = program.add_column(1.0, 0.0..=1e15, []).unwrap();
        let y = program.add_column(1.0, 0.0.., []).unwrap();
        program.add_row(1.0.., [(x, 1.0), (y, 1.0)]).unwrap();
        let certificate = certify(&program, &[0.0, 1.0], &[1.0 + 1e-12]).unwrap();
        assert!(certificate.dual_residual > 0.0 && certificate.is_optimal(1e-6), "{certificate:?}");
        program.set_cost(x, 0.0).unwrap();
        assert!(!certify(&program, &[0.0, 1.0], &[1.0]).unwrap().is_optimal(1e-6));
    }

    #[test]
    fn a_small_scale_hides_nothing() {
        // max 5e-9 x where x <= 1e9 (written as 1e-8 x <= 10): 0 is wrong by 5, whatever 5e-9 looks like.
        let mut program = LinearProgram::new(Sense::Maximise);
        let x = program.add_column(5e-9, 0.0.., []).unwrap();
        let y = program.add_column(1.0, 0.0..=1.0, []).unwrap();
        program.add_row(..=10.0, [(x, 1e-8), (y, 1.0)]).unwrap();
        let wrong = certify(&program, &[0.0, 1.0], &[0.0]).unwrap();
        assert!(wrong.dual_residual < 1e-6 && !wrong.is_optimal(1e-6), "{wrong:?}");
        assert!(certify(&program, &[9e8, 1.0], &[0.5]).unwrap().is_optimal(1e-12));
        // 1e-9 (x + y) >= 2e-8 where x + y = 0.
        program.add_row(2e-8.., [(x, 1e-9), (y, 1e-9)]).unwrap();
        let wrong = certify(&program, &[0.0, 0.0], &[0.0, 0.0]).unwrap();
        assert!(wrong.primal_residual < 1e-6 && !wrong.is_feasible(1e-6), "{wrong:?}");
    }

    #[test]
    fn residuals_of_large_terms_count_by_their_size() {
        let mut program = LinearProgram::new(Sense::Minimise);
        let x = program.add_column(0.0, .., []).unwrap();
        program.add_row(1e16, [(x, 1e8)]).unwrap();
        let certificate = certify(&program, &[1e8 * (1.0 + f64::EPSILON)], &[0.0]).unwrap();
        assert!(certificate.primal_residual >= 1.0 && certificate.is_optimal(1e-6), "{certificate:?}");
        let wrong = certify(&program, &[1e8 * (1.0 + 1e-8)], &[0.0]).unwrap();
        assert!(!wrong.is_feasible(1e-6), "{wrong:?}");
    }

    #[test]
    fn cancellation_in_the_activity_is_not_mistaken_for_feasibility() {
        let mut program = LinearProgram::new(Sense::Minimise);
        let columns: Vec<_> = (0..3).map(|_| program.add_column(0.0, .., []).unwrap()).collect();
        program.add_row(0.0, columns.iter().map(|&column| (column, 1.0))).unwrap();
        // 1e16 + 1 - 1e16 is 0 in plain arithmetic from left to right; here it is 1.
        assert_eq!(certify(&program, &[1e16, 1.0, -1e16], &[0.0]).unwrap().primal_residual, 1.0);
    }

    #[test]
    fn what_is_not_finite_is_never_optimal() {
        let program = small(Sense::Minimise);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308] {
            let x = certify(&program, &[bad, bad], &[1.5, -0.5]).unwrap();
            assert!(!x.is_optimal(1e-6) && !x.is_feasible(1e-6), "{x:?}");
            let y = certify(&program, &[0.5, 1.5], &[bad, bad]).unwrap();
            assert!(!y.is_optimal(1e-6), "{y:?}");
        }
        assert!(certify(&program, &[0.0], &[0.0, 0.0]).is_err());
        assert!(certify(&program, &[0.0, 0.0], &[0.0]).is_err());
    }

    #[test]
    fn crossed_bounds_are_never_feasible() {
        let mut program = LinearProgram::new(Sense::Minimise);
        program.add_column(0.0, 1.0..=-1.0, []).unwrap();
        assert_eq!(certify(&program, &[0.0], &[]).unwrap().primal_residual, 1.0);
    }
}
