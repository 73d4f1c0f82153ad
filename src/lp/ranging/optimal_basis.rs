//! The basis of a solution, factorised afresh, with the values and the reduced costs that follow from it.

use crate::lp::basis::{Basis, BasisStatus};
use crate::lp::error::{Error, Part, Result};
use crate::lp::factor::Factor;
use crate::lp::form::Form;
use crate::lp::model::{LinearProgram, Sense};
use crate::lp::simplex::Scaling;
use crate::lp::sparse::SparseMatrix;
use crate::lp::verify::{Certificate, certify};
use crate::lp::work_vector::WorkVector;

/// Markowitz threshold: ranging factorises once and can afford a careful one.
const THRESHOLD: f64 = 0.5;
/// Entries of pivot rows and columns below this count as 0: the simplex would not pivot on them either.
pub(super) const LEAST_PIVOT: f64 = 1e-9;

/// Where a variable stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Basic { row: usize },
    AtLower,
    AtUpper,
    Fixed,
    Free,
}

/// An optimal basis in the scaled form: min cᵀx, A x - r = 0, variables first, then the logical of each row (column
/// -eᵢ). Scaling is by powers of two, so what is computed here and taken back loses no digit by it.
pub(super) struct OptimalBasis<'a> {
    pub program: &'a LinearProgram,
    /// 1 to minimise, -1 to maximise.
    pub sign: f64,
    pub objective: f64,
    pub form: Form,
    /// A by rows.
    pub by_rows: SparseMatrix,
    /// What one scaled unit of a variable is in the program's.
    pub unit: Vec<f64>,
    /// What one scaled unit of the objective is in the program's.
    pub objective_unit: f64,
    pub lower: Vec<f64>,
    pub upper: Vec<f64>,
    pub value: Vec<f64>,
    /// d, of the right sign for the stand: what lies on the other side of 0 within the tolerances is 0.
    pub reduced: Vec<f64>,
    pub stand: Vec<Stand>,
    /// The basic variable of each place.
    pub head: Vec<usize>,
    pub factor: Factor,
}

impl<'a> OptimalBasis<'a> {
    pub fn new(program: &'a LinearProgram, basis: &Basis) -> Result<Self> {
        let (rows, columns) = (program.rows(), program.columns());
        for (what, expected, got) in [
            ("the rows of the basis", rows, basis.rows.len()),
            ("the columns of the basis", columns, basis.columns.len()),
            ("the basic part of the basis", rows, basis.basic()),
        ] {
            if expected != got {
                return Err(Error::Size { what, expected, got });
            }
        }
        let original = Form::new(program);
        let scaling = Scaling::geometric(&original);
        let form = scaling.apply(&original);
        let statuses: Vec<BasisStatus> = basis.columns.iter().chain(&basis.rows).copied().collect();
        let is_basic = |&variable: &usize| statuses[variable] == BasisStatus::Basic;
        let mut head: Vec<usize> = (0..rows + columns).filter(is_basic).collect();
        let mut factor = Factor::new(rows);
        if let Some(replacement) = factor.factorise(&form.matrix, &mut head, THRESHOLD).first() {
            let (part, index) = part_of(columns, replacement.removed);
            return Err(Error::SingularBasis { part, index });
        }
        let lower: Vec<f64> = form.column_lower.iter().chain(&form.row_lower).copied().collect();
        let upper: Vec<f64> = form.column_upper.iter().chain(&form.row_upper).copied().collect();
        let mut stand: Vec<Stand> = statuses
            .iter()
            .zip(lower.iter().zip(&upper))
            .map(|(&status, (&lower, &upper))| nonbasic_stand(status, lower, upper))
            .collect();
        for (row, &variable) in head.iter().enumerate() {
            stand[variable] = Stand::Basic { row };
        }
        let rows_units = scaling.rows.iter().map(|factor| 1.0 / factor);
        let mut optimal = Self {
            program,
            sign: if program.sense() == Sense::Maximise { -1.0 } else { 1.0 },
            objective: 0.0,
            by_rows: form.matrix.transpose(),
            unit: scaling.columns.iter().copied().chain(rows_units).collect(),
            objective_unit: 1.0 / scaling.objective,
            form,
            lower,
            upper,
            value: vec![0.0; rows + columns],
            reduced: vec![0.0; rows + columns],
            stand,
            head,
            factor,
        };
        optimal.compute_values();
        let duals = optimal.compute_reduced_costs();
        optimal.check(&duals)?;
        Ok(optimal)
    }

    pub fn columns(&self) -> usize {
        self.form.columns()
    }

    /// The row or column that a variable of the form stands for.
    pub fn part(&self, variable: usize) -> (Part, usize) {
        part_of(self.columns(), variable)
    }

    /// Adds a multiple of a variable's column, (A, -I), to a dense vector.
    fn add_column(&self, vector: &mut WorkVector, variable: usize, factor: f64) {
        if variable < self.columns() {
            for (row, value) in self.form.matrix.column(variable) {
                vector.values[row] += factor * value;
            }
        } else {
            vector.values[variable - self.columns()] -= factor;
        }
    }

    /// B⁻¹ a of a variable, its nonzeros listed.
    pub fn column_of(&mut self, variable: usize, result: &mut WorkVector) {
        result.clear();
        if variable < self.columns() {
            for (row, value) in self.form.matrix.column(variable) {
                result.insert(row, value);
            }
        } else {
            result.insert(variable - self.columns(), -1.0);
        }
        self.factor.ftran(result, 0.0);
        result.list(LEAST_PIVOT);
    }

    /// x_B = -B⁻¹ N x_N.
    fn compute_values(&mut self) {
        let mut right = WorkVector::new(self.form.rows());
        right.listed = false;
        for variable in 0..self.stand.len() {
            self.value[variable] = match self.stand[variable] {
                Stand::AtLower | Stand::Fixed => self.lower[variable],
                Stand::AtUpper => self.upper[variable],
                Stand::Free | Stand::Basic { .. } => 0.0,
            };
            if self.value[variable] != 0.0 {
                self.add_column(&mut right, variable, -self.value[variable]);
            }
        }
        self.factor.ftran(&mut right, 1.0);
        for (row, &variable) in self.head.iter().enumerate() {
            self.value[variable] = right.values[row];
        }
    }

    /// y = B⁻ᵀ c_B, which it answers with, and d = c - (A, -I)ᵀ y.
    fn compute_reduced_costs(&mut self) -> Vec<f64> {
        let columns = self.columns();
        let mut duals = WorkVector::new(self.form.rows());
        duals.listed = false;
        for (row, &variable) in self.head.iter().enumerate() {
            duals.values[row] = if variable < columns { self.form.costs[variable] } else { 0.0 };
        }
        self.factor.btran(&mut duals, 1.0);
        let products = self.form.matrix.transpose_times(&duals.values);
        let reduced = self.form.costs.iter().zip(&products).map(|(cost, product)| cost - product);
        let reduced = reduced.chain(duals.values.iter().copied());
        for (variable, reduced) in reduced.enumerate() {
            self.reduced[variable] = match self.stand[variable] {
                Stand::Basic { .. } | Stand::Free => 0.0,
                Stand::AtLower => reduced.max(0.0),
                Stand::AtUpper => reduced.min(0.0),
                Stand::Fixed => reduced,
            };
        }
        duals.values
    }

    /// Whether values and duals are optimal for the program as given.
    fn check(&mut self, duals: &[f64]) -> Result<()> {
        let (columns, sign) = (self.columns(), self.sign * self.objective_unit);
        let in_units = |(value, unit): (&f64, &f64)| value * unit;
        let x: Vec<f64> = self.value[..columns].iter().zip(&self.unit).map(in_units).collect();
        let row_units = &self.unit[columns..];
        let duals: Vec<f64> = duals.iter().zip(row_units).map(|(dual, unit)| sign * dual / unit).collect();
        let certificate = certify(self.program, &x, &duals)?;
        self.objective = self.program.objective(&x)?;
        if certificate.is_optimal(Certificate::TOLERANCE) {
            Ok(())
        } else {
            Err(Error::BasisNotOptimal {
                primal_residual: certificate.primal_residual,
                dual_residual: certificate.dual_residual,
            })
        }
    }
}

fn part_of(columns: usize, variable: usize) -> (Part, usize) {
    if variable < columns { (Part::Column, variable) } else { (Part::Row, variable - columns) }
}

/// Where a status puts a nonbasic variable: at the bound it names if that is finite, else at the other one.
fn nonbasic_stand(status: BasisStatus, lower: f64, upper: f64) -> Stand {
    match (lower.is_finite(), upper.is_finite()) {
        (false, false) => Stand::Free,
        (true, false) => Stand::AtLower,
        (false, true) => Stand::AtUpper,
        (true, true) if lower == upper => Stand::Fixed,
        (true, true) if status == BasisStatus::AtUpper => Stand::AtUpper,
        (true, true) => Stand::AtLower,
    }
}
