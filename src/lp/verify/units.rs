//! Units in which every row and every column of a program counts alike.

use super::super::model::LinearProgram;

/// Passes over the matrix; each takes the square root of what the factors lack, so that 1e±16 becomes less than 1.1.
const PASSES: usize = 10;

/// Factors by which rows and columns are multiplied so that the largest entry of each becomes about 1 (Ruiz, *A
/// scaling algorithm to equilibrate both rows and columns norms in matrices*, 2001), the objective counting as one
/// more row. A residual of 1e-8 is nothing in a row whose coefficients are about 1, but is all there is in a row that
/// someone has written in units 1e8 times larger: who checks needs both views.
pub(super) struct Units {
    /// Of the activity of each row. A row without coefficients has nothing to be measured by but its bounds.
    pub rows: Vec<f64>,
    /// A column's coefficients and cost are multiplied by it, its variable divided.
    pub columns: Vec<f64>,
    /// What the objective is divided by; 1 if there are no costs.
    pub cost: f64,
}

impl Units {
    pub fn of(program: &LinearProgram) -> Self {
        let mut columns = vec![1.0_f64; program.columns()];
        // Last the objective.
        let objective = program.rows();
        let mut rows = vec![1.0_f64; objective + 1];
        for _ in 0..PASSES {
            let mut row_largest = vec![0.0_f64; rows.len()];
            let mut column_largest = vec![0.0_f64; columns.len()];
            for (column, largest) in column_largest.iter_mut().enumerate() {
                let cost = (objective, program.costs()[column]);
                for &(row, value) in program.column(column).iter().chain([&cost]) {
                    let size = (value * rows[row] * columns[column]).abs();
                    *largest = largest.max(size);
                    row_largest[row] = row_largest[row].max(size);
                }
            }
            let largest = row_largest.into_iter().chain(column_largest);
            for (factor, largest) in rows.iter_mut().chain(&mut columns).zip(largest) {
                if largest > 0.0 {
                    *factor = (*factor / largest.sqrt()).clamp(1e-100, 1e100);
                }
            }
        }
        let mut empty = vec![true; objective];
        for &(row, value) in (0..columns.len()).flat_map(|column| program.column(column)) {
            empty[row] &= value == 0.0;
        }
        for row in (0..objective).filter(|&row| empty[row]) {
            let bounds = program.row_bounds(row);
            let sizes = [bounds.lower, bounds.upper].map(f64::abs).into_iter();
            let least = sizes.filter(|&size| size > 0.0 && size.is_finite()).fold(f64::INFINITY, f64::min);
            rows[row] = if least.is_finite() { (1.0 / least).max(1.0) } else { 1.0 };
        }
        let cost = rows.pop().map_or(1.0, f64::recip);
        Self { rows, columns, cost }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Sense;
    use super::*;

    #[test]
    fn the_largest_entries_become_about_1() {
        let mut program = LinearProgram::new(Sense::Minimise);
        let scales = [1e-8, 1.0, 1e8, 1e-3];
        for scale in scales {
            program.add_column(3e-5 * scale, .., []).unwrap();
        }
        for factor in [1e8, 1e-8, 1.0] {
            program.add_row(0.0.., scales.iter().map(|scale| factor * scale).enumerate()).unwrap();
        }
        let units = Units::of(&program);
        for row in 0..3 {
            for column in 0..4 {
                let entry = program.coefficient(row, column) * units.rows[row] * units.columns[column];
                assert!((0.9..1.1).contains(&entry), "{row}, {column}: {entry}");
            }
        }
        approx::assert_relative_eq!(3e-5 * units.columns[1] / units.cost, 1.0, max_relative = 0.1);
    }

    #[test]
    fn what_stands_alone_is_measured_by_itself() {
        let mut program = LinearProgram::new(Sense::Minimise);
        program.add_column(1.0, .., []).unwrap();
        program.add_column(1e-9, .., []).unwrap();
        program.add_row(1e-8.., []).unwrap();
        let units = Units::of(&program);
        approx::assert_relative_eq!(1e-9 * units.columns[1] / units.cost, 1.0, max_relative = 0.1);
        approx::assert_relative_eq!(1e-8 * units.rows[0], 1.0);
    }
}
