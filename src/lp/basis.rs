//! Which variables and rows are basic.

use super::error::{Error, Result};
use super::model::LinearProgram;

/// Where a variable, or the activity of a row, stands in a basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BasisStatus {
    /// Its value follows from those of the nonbasic ones.
    Basic,
    /// At its lower bound (or fixed).
    AtLower,
    /// At its upper bound.
    AtUpper,
    /// Nonbasic without a bound: at 0.
    Free,
}

impl BasisStatus {
    /// Where a nonbasic variable begins: at the finite bound nearer to 0.
    pub(super) fn nearest(lower: f64, upper: f64) -> Self {
        match (lower.is_finite(), upper.is_finite()) {
            (false, false) => BasisStatus::Free,
            (true, false) => BasisStatus::AtLower,
            (false, true) => BasisStatus::AtUpper,
            (true, true) if lower.abs() <= upper.abs() => BasisStatus::AtLower,
            (true, true) => BasisStatus::AtUpper,
        }
    }
}

/// A basis: as many basic variables and rows as there are rows. It is what a solver can begin with again after a change.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Options, Sense};
/// let mut program = LinearProgram::new(Sense::Minimise);
/// let x = program.add_column(1.0, 0.0.., [])?;
/// let y = program.add_column(2.0, 0.0.., [])?;
/// program.add_row(3.0.., [(x, 1.0), (y, 1.0)])?;
/// let first = lp::solve(&program)?;
/// program.add_row(..=2.0, [(x, 1.0)])?; // cuts the solution off: a few dual steps repair it
/// let options = Options::default().with_basis(first.basis);
/// let second = lp::solve_with(&program, &options, &mut lp::run_to_the_end)?;
/// assert_eq!(second.x, [2.0, 1.0]);
/// # Ok::<(), brenier::lp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Basis {
    /// One status for each variable.
    pub columns: Vec<BasisStatus>,
    /// One status for each row.
    pub rows: Vec<BasisStatus>,
}

impl Basis {
    /// The basis of the rows: every row basic, every variable at a bound (the finite one nearer to 0).
    pub fn of_rows(program: &LinearProgram) -> Self {
        let mut basis = Self::default();
        basis.grow_to(program);
        basis
    }

    /// Number of basic variables and rows.
    pub fn basic(&self) -> usize {
        let basic =
            |list: &[BasisStatus]| list.iter().filter(|&&status| status == BasisStatus::Basic).count();
        basic(&self.columns) + basic(&self.rows)
    }

    /// Forgets rows of the program that were deleted, as [`LinearProgram::delete_rows`] did.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn delete_rows(&mut self, rows: &[usize]) {
        delete(&mut self.rows, rows);
    }

    /// Forgets columns of the program that were deleted, as [`LinearProgram::delete_columns`] did.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn delete_columns(&mut self, columns: &[usize]) {
        delete(&mut self.columns, columns);
    }

    /// Takes in what was added to a program since: new rows are basic, new variables at a bound.
    fn grow_to(&mut self, program: &LinearProgram) {
        self.rows.resize(program.rows(), BasisStatus::Basic);
        for column in self.columns.len()..program.columns() {
            let bounds = program.column_bounds(column);
            self.columns.push(BasisStatus::nearest(bounds.lower, bounds.upper));
        }
    }

    /// This basis with what was added to the program since.
    ///
    /// # Errors
    /// [`Error::Size`] if it knows more rows or columns than the program has.
    pub(super) fn fitted_to(&self, program: &LinearProgram) -> Result<Self> {
        for (what, expected, got) in [
            ("rows of the basis", program.rows(), self.rows.len()),
            ("columns of the basis", program.columns(), self.columns.len()),
        ] {
            if got > expected {
                return Err(Error::Size { what, expected, got });
            }
        }
        let mut basis = self.clone();
        basis.grow_to(program);
        Ok(basis)
    }
}

/// Removes the entries at the given places.
pub(super) fn delete<T>(list: &mut Vec<T>, places: &[usize]) {
    let mut gone = vec![false; list.len()];
    for &place in places {
        gone[place] = true;
    }
    let mut place = 0;
    list.retain(|_| {
        place += 1;
        !gone[place - 1]
    });
}
