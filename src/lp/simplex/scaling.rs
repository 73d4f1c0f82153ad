//! Scaling by powers of two, so that no digit is lost: rows and columns by the geometric mean of their smallest and largest coefficient.
//! Fourer: *Solving staircase linear programs by the simplex method*, Mathematical Programming 23 (1982).

use crate::lp::form::Form;
use crate::lp::sparse::SparseMatrix;

/// Row factors R, column factors C and a factor o of the objective: the scaled matrix is R A C, the scaled costs o C
/// c; x = C x̂, r = R⁻¹ r̂, y = R ŷ / o, d = C⁻¹ d̂ / o.
#[derive(Debug, Clone)]
pub(in crate::lp) struct Scaling {
    pub rows: Vec<f64>,
    pub columns: Vec<f64>,
    pub objective: f64,
}

/// Rounds of the alternation; more change little.
const ROUNDS: usize = 6;
/// The factor of the objective must not overflow, nor its inverse.
const LARGEST_COST_EXPONENT: f64 = 1000.0;
/// Where the largest cost is below this (2⁻¹⁰), the tolerance for reduced costs could pass over it: the objective is scaled then.
const LEAST_COST: f64 = 1.0 / 1024.0;
/// No factor beyond 2^±30: what needs more is hopeless either way, and products must stay in range.
const LARGEST_EXPONENT: i32 = 30;

impl Scaling {
    /// No scaling, but that of costs which are all tiny.
    pub fn identity(form: &Form) -> Self {
        Self::none(form).with_objective_of(form)
    }

    /// The factors for a problem; none where its coefficients are near 1 already.
    pub fn geometric(form: &Form) -> Self {
        Self::of_matrix(form).with_objective_of(form)
    }

    fn none(form: &Form) -> Self {
        Self { rows: vec![1.0; form.rows()], columns: vec![1.0; form.columns()], objective: 1.0 }
    }

    /// Makes the largest cost about 1 where it is tiny.
    fn with_objective_of(mut self, form: &Form) -> Self {
        let costs = form.costs.iter().zip(&self.columns);
        let largest = costs.map(|(cost, factor)| (cost * factor).abs()).fold(0.0, f64::max);
        if 0.0 < largest && largest < LEAST_COST {
            self.objective = (-largest.log2().floor()).min(LARGEST_COST_EXPONENT).exp2();
        }
        self
    }

    fn of_matrix(form: &Form) -> Self {
        let mut scaling = Self::none(form);
        let (mut least, mut largest) = (f64::INFINITY, 0.0_f64);
        for column in 0..form.columns() {
            for (_, value) in form.matrix.column(column) {
                if value != 0.0 {
                    least = least.min(value.abs());
                    largest = largest.max(value.abs());
                }
            }
        }
        if largest == 0.0 || (least >= 0.2 && largest <= 5.0) {
            return scaling;
        }
        let by_rows = form.matrix.transpose();
        for _ in 0..ROUNDS {
            balance(&by_rows, &scaling.columns, &mut scaling.rows);
            balance(&form.matrix, &scaling.rows, &mut scaling.columns);
        }
        // The largest coefficient of each column becomes about 1.
        for column in 0..form.columns() {
            let largest = form
                .matrix
                .column(column)
                .map(|(row, value)| (value * scaling.rows[row]).abs())
                .fold(0.0, f64::max);
            if largest > 0.0 {
                scaling.columns[column] = 1.0 / largest;
            }
        }
        scaling
            .rows
            .iter_mut()
            .chain(&mut scaling.columns)
            .for_each(|factor| *factor = power_of_two(*factor));
        scaling
    }

    /// The scaled problem.
    pub fn apply(&self, form: &Form) -> Form {
        let mut scaled = form.clone();
        for column in 0..form.columns() {
            let range = form.matrix.range(column);
            let (rows, _) = form.matrix.column_slices(column);
            for (value, &row) in scaled.matrix.values_mut()[range].iter_mut().zip(rows) {
                *value *= self.rows[row as usize] * self.columns[column];
            }
            scaled.costs[column] *= self.columns[column] * self.objective;
            scaled.column_lower[column] /= self.columns[column];
            scaled.column_upper[column] /= self.columns[column];
        }
        for row in 0..form.rows() {
            scaled.row_lower[row] *= self.rows[row];
            scaled.row_upper[row] *= self.rows[row];
        }
        scaled
    }
}

/// Sets the factor of each column to 1 / sqrt(least * largest) of its coefficients as the rows are scaled.
fn balance(matrix: &SparseMatrix, row_factors: &[f64], column_factors: &mut [f64]) {
    for (column, factor) in column_factors.iter_mut().enumerate() {
        let (mut least, mut largest) = (f64::INFINITY, 0.0_f64);
        for (row, value) in matrix.column(column) {
            if value != 0.0 {
                let magnitude = (value * row_factors[row]).abs();
                least = least.min(magnitude);
                largest = largest.max(magnitude);
            }
        }
        if largest > 0.0 {
            *factor = 1.0 / (least.sqrt() * largest.sqrt());
        }
    }
}

fn power_of_two(value: f64) -> f64 {
    let exponent = value.log2().round();
    2.0_f64.powi((exponent as i32).clamp(-LARGEST_EXPONENT, LARGEST_EXPONENT))
}
