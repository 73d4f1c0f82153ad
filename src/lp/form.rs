//! The problem as the solver sees it: minimise, in compressed columns, without names.

use super::basis::{Basis, BasisStatus};
use super::model::{LinearProgram, Sense};
use super::sparse::SparseMatrix;

/// min cᵀx where L <= A x <= U, l <= x <= u. A problem to maximise has its costs negated.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub matrix: SparseMatrix,
    pub costs: Vec<f64>,
    pub column_lower: Vec<f64>,
    pub column_upper: Vec<f64>,
    pub row_lower: Vec<f64>,
    pub row_upper: Vec<f64>,
}

/// What is known of a form at the end: values of the columns, activities of the rows, duals y, reduced costs d = c - Aᵀy, basis.
#[derive(Debug, Clone, Default)]
pub(super) struct Point {
    pub x: Vec<f64>,
    pub activities: Vec<f64>,
    pub duals: Vec<f64>,
    pub reduced_costs: Vec<f64>,
    pub basis: Basis,
}

impl Form {
    pub fn new(program: &LinearProgram) -> Self {
        let sign = match program.sense() {
            Sense::Minimise => 1.0,
            Sense::Maximise => -1.0,
        };
        Self {
            matrix: program.matrix(),
            costs: program.costs().iter().map(|cost| sign * cost).collect(),
            column_lower: (0..program.columns()).map(|column| program.column_bounds(column).lower).collect(),
            column_upper: (0..program.columns()).map(|column| program.column_bounds(column).upper).collect(),
            row_lower: (0..program.rows()).map(|row| program.row_bounds(row).lower).collect(),
            row_upper: (0..program.rows()).map(|row| program.row_bounds(row).upper).collect(),
        }
    }

    pub fn rows(&self) -> usize {
        self.row_lower.len()
    }

    pub fn columns(&self) -> usize {
        self.costs.len()
    }

    /// The basis of the rows: every column at the bound nearer to 0.
    pub fn basis_of_rows(&self) -> Basis {
        let columns = self.column_lower.iter().zip(&self.column_upper);
        Basis {
            columns: columns.map(|(&lower, &upper)| BasisStatus::nearest(lower, upper)).collect(),
            rows: vec![BasisStatus::Basic; self.rows()],
        }
    }
}
