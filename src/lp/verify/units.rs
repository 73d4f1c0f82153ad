//! Units in which every row and every column of a program counts alike.

use super::super::model::LinearProgram;

/// Passes over the matrix; each takes the square root of what the factors lack, so that 1e±16 becomes less than 1.1.
const PASSES: usize = 9;

/// Factors by which rows and columns are multiplied so that the largest entry of each becomes about 1 (Ruiz, *A scaling algorithm to
/// equilibrate both rows and columns norms in matrices*, 2001). A residual of 1e-8 is nothing in a row whose coefficients are about 1, but is
/// all there is in a row that someone has written in units 1e8 times larger: who checks needs both views.
pub(super) struct Units {
    /// Of the activity of each row.
    pub rows: Vec<f64>,
    /// A column's coefficients and cost are multiplied by it, its variable divided.
    pub columns: Vec<f64>,
    /// Largest cost in these units; 1 if there is none.
    pub cost: f64,
}

impl Units {
    pub fn of(program: &LinearProgram) -> Self {
        let (mut rows, mut columns) = (vec![1.0_f64; program.rows()], vec![1.0_f64; program.columns()]);
        for _ in 0..PASSES {
            let mut row_largest = vec![0.0_f64; rows.len()];
            let mut column_largest = vec![0.0_f64; columns.len()];
            for (column, largest) in column_largest.iter_mut().enumerate() {
                for &(row, value) in program.column(column) {
                    let size = (value * rows[row] * columns[column]).abs();
                    *largest = largest.max(size);
                    row_largest[row] = row_largest[row].max(size);
                }
            }
            for (factor, largest) in
                rows.iter_mut().zip(row_largest).chain(columns.iter_mut().zip(column_largest))
            {
                if largest > 0.0 {
                    *factor = (*factor / largest.sqrt()).clamp(1e-100, 1e100);
                }
            }
        }
        let costs = program.costs().iter().zip(&columns).map(|(cost, factor)| (cost * factor).abs());
        let cost = costs.fold(0.0, f64::max);
        Self { rows, columns, cost: if cost > 0.0 { cost } else { 1.0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Sense;
    use super::*;

    #[test]
    fn the_largest_entries_become_about_1() {
        let mut program = LinearProgram::new(Sense::Minimise);
        let scales = [1e-16, 1.0, 1e8, 1e-3];
        for scale in scales {
            program.add_column(3.0 * scale, .., []).unwrap();
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
    }
}
