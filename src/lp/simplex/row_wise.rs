//! The matrix by rows, nonbasic columns first: what PRICE, αᵀ = ρᵀ N, walks through.

use crate::lp::sparse::SparseMatrix;
use crate::lp::work_vector::WorkVector;

/// The matrix by rows. In each row the entries of nonbasic columns stand before those of basic ones.
#[derive(Debug, Default)]
pub(super) struct RowWise {
    starts: Vec<usize>,
    /// End of the nonbasic entries of each row.
    ends: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

/// A product smaller than this counts as zero.
const TINY: f64 = 1e-14;
/// Stands for an entry that cancelled to zero, so that it is not listed twice.
const CANCELLED: f64 = 1e-100;

impl RowWise {
    pub fn new(matrix: &SparseMatrix, is_basic: impl Fn(usize) -> bool) -> Self {
        let transposed = matrix.transpose();
        let mut rows = Self { starts: Vec::new(), ends: Vec::new(), indices: Vec::new(), values: Vec::new() };
        for row in 0..matrix.rows() {
            rows.starts.push(rows.indices.len());
            for basic in [false, true] {
                for (column, value) in transposed.column(row) {
                    if is_basic(column) == basic {
                        rows.indices.push(column as u32);
                        rows.values.push(value);
                    }
                }
                if !basic {
                    rows.ends.push(rows.indices.len());
                }
            }
        }
        rows.starts.push(rows.indices.len());
        rows
    }

    /// Moves a column among the basic ones.
    pub fn becomes_basic(&mut self, matrix: &SparseMatrix, column: usize) {
        for &row in matrix.column_slices(column).0 {
            let row = row as usize;
            let nonbasic = &self.indices[self.starts[row]..self.ends[row]];
            if let Some(place) = nonbasic.iter().position(|&index| index as usize == column) {
                self.ends[row] -= 1;
                self.indices.swap(self.starts[row] + place, self.ends[row]);
                self.values.swap(self.starts[row] + place, self.ends[row]);
            }
        }
    }

    /// Moves a column among the nonbasic ones.
    pub fn becomes_nonbasic(&mut self, matrix: &SparseMatrix, column: usize) {
        for &row in matrix.column_slices(column).0 {
            let row = row as usize;
            let basic = &self.indices[self.ends[row]..self.starts[row + 1]];
            if let Some(place) = basic.iter().position(|&index| index as usize == column) {
                self.indices.swap(self.ends[row] + place, self.ends[row]);
                self.values.swap(self.ends[row] + place, self.ends[row]);
                self.ends[row] += 1;
            }
        }
    }

    /// `product` = ρᵀ N over the nonbasic columns, listed. O(entries of the rows in ρ).
    pub fn price(&self, rho: &WorkVector, expected_density: f64, product: &mut WorkVector) {
        product.clear();
        if rho.pattern.len() * 10 > rho.values.len() || expected_density > 0.3 {
            product.listed = false;
            for &row in &rho.pattern {
                let row = row as usize;
                let multiplier = rho.values[row];
                let range = self.starts[row]..self.ends[row];
                for (&column, &value) in self.indices[range.clone()].iter().zip(&self.values[range]) {
                    product.values[column as usize] += multiplier * value;
                }
            }
        } else {
            for &row in &rho.pattern {
                let row = row as usize;
                let multiplier = rho.values[row];
                let range = self.starts[row]..self.ends[row];
                for (&column, &value) in self.indices[range.clone()].iter().zip(&self.values[range]) {
                    let entry = &mut product.values[column as usize];
                    if *entry == 0.0 {
                        product.pattern.push(column);
                    }
                    *entry += multiplier * value;
                    if entry.abs() < CANCELLED {
                        *entry = CANCELLED;
                    }
                }
            }
        }
        product.list(TINY);
    }
}
