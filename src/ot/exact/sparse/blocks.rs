//! Scaled costs between two sides, block by block: distances, products of coordinates, or entries of a matrix.

use super::super::costs::CostRows;
use crate::matrix::{DistanceRows, Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::ot::sinkhorn::CostBlocks;
use crate::scalar::Scalar;
use std::ops::Range;

/// From this many coordinates on a matrix product is faster than differences.
pub(super) const LEAST_DIMENSION: usize = 16;

/// Squared Euclidean distances as one matrix product: |x - y|² = (-2x, |x|², 1) · (y, 1, |y|²). It cancels where points are close, by
/// rounding of |x|² + |y|²: too much for an answer, but not for candidates.
pub(super) struct ProductBlocks {
    x: Matrix<f32>,
    y: Matrix<f32>,
}

impl ProductBlocks {
    pub fn new(x: MatrixView<'_, f32>, y: MatrixView<'_, f32>) -> Self {
        let square = |point: &[f32]| point.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() as f32;
        let dimension = x.columns();
        let extended = |points: MatrixView<'_, f32>, factor: f32, square_at: usize| {
            let mut extended = Matrix::zeros(points.rows(), dimension + 2);
            for row in 0..points.rows() {
                let point = points.row(row);
                let out = extended.row_mut(row);
                for (out, &value) in out.iter_mut().zip(point) {
                    *out = factor * value;
                }
                out[dimension..].fill(1.0);
                out[square_at] = square(point);
            }
            extended
        };
        Self { x: extended(x, -2.0, dimension), y: extended(y, 1.0, dimension + 1) }
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        let shape = (rows.len(), columns.len());
        let out = MatrixViewMut::from_parts(out, shape.0, shape.1, shape.1);
        let (x, y) = (self.x.view().rows_range(rows), self.y.view().rows_range(columns));
        gemm(1.0, x, Operation::Plain, y, Operation::Transpose, 0.0, out).expect("the shapes fit");
    }
}

/// Scaled costs between two sides.
pub(super) enum Blocks<'f, 'a, T> {
    Points(DistanceRows<f32>),
    Products(ProductBlocks),
    Kept(Matrix<f32>),
    Matrix(MatrixBlocks<'f, 'a, T>),
    Transposed(MatrixBlocks<'f, 'a, T>),
}

pub(super) struct MatrixBlocks<'f, 'a, T> {
    pub costs: &'f CostRows<'a, T>,
    pub row_shifts: &'f [f64],
    pub column_shifts: &'f [f64],
    pub factor: f64,
    pub rows: &'f [u32],
    pub columns: &'f [u32],
}

/// What costs above this many units count as.
const LARGEST: f64 = 1e30;

impl<T: Scalar> MatrixBlocks<'_, '_, T> {
    #[inline(always)]
    fn scaled(&self, cost: f64, row: usize, column: usize) -> f32 {
        let value = (cost - self.row_shifts[row] - self.column_shifts[column]) * self.factor;
        (if value < LARGEST { value } else { LARGEST }) as f32
    }

    fn forward(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        let count = columns.len();
        let indices = &self.columns[columns];
        let Some((&first, &last)) = indices.first().zip(indices.last()) else { return };
        let (first, last) = (first as usize, last as usize);
        if last - first + 1 == count {
            let shifts = &self.column_shifts[first..=last];
            let mut piece = [0.0; 512];
            for (row, out) in self.rows[rows].iter().zip(out.chunks_mut(count)) {
                let row = *row as usize;
                let shift = self.row_shifts[row];
                for (at, out) in out.chunks_mut(piece.len()).enumerate() {
                    let start = at * piece.len();
                    let piece = &mut piece[..out.len()];
                    self.costs.piece_into(row, first + start..first + start + out.len(), piece);
                    for ((out, &cost), &column_shift) in out.iter_mut().zip(&*piece).zip(&shifts[start..]) {
                        let value = (cost - shift - column_shift) * self.factor;
                        *out = (if value < LARGEST { value } else { LARGEST }) as f32;
                    }
                }
            }
        } else {
            for (row, out) in self.rows[rows].iter().zip(out.chunks_mut(count)) {
                for (out, &column) in out.iter_mut().zip(indices) {
                    let (row, column) = (*row as usize, column as usize);
                    *out = self.scaled(self.costs.entry(row, column), row, column);
                }
            }
        }
    }

    /// Rows are targets here, columns sources. A stretch of a row of the matrix is read once for all targets of the block.
    fn backward(&self, targets: Range<usize>, sources: Range<usize>, out: &mut [f32]) {
        let count = sources.len();
        let targets = &self.rows[targets];
        let Some((&first, &last)) = targets.first().zip(targets.last()) else { return };
        let (first, last) = (first as usize, last as usize);
        let mut stretch = vec![0.0; last - first + 1];
        let is_dense = stretch.len() <= 2 * targets.len();
        for (at, &source) in self.columns[sources].iter().enumerate() {
            let source = source as usize;
            if is_dense {
                self.costs.piece_into(source, first..last + 1, &mut stretch);
            }
            for (row, &target) in targets.iter().enumerate() {
                let target = target as usize;
                let cost = if is_dense { stretch[target - first] } else { self.costs.entry(source, target) };
                out[row * count + at] = self.scaled(cost, source, target);
            }
        }
    }
}

impl<T: Scalar> Blocks<'_, '_, T> {
    /// The same, computed once.
    pub fn kept(self) -> Self {
        let (rows, columns) = (self.rows(), self.columns());
        let mut kept = Matrix::zeros(rows, columns);
        self.block_into(0..rows, 0..columns, kept.as_mut_slice());
        Blocks::Kept(kept)
    }
}

impl<T: Scalar> CostBlocks<f32> for Blocks<'_, '_, T> {
    fn rows(&self) -> usize {
        match self {
            Blocks::Points(rows) => rows.rows(),
            Blocks::Products(products) => products.x.rows(),
            Blocks::Kept(costs) => costs.rows(),
            Blocks::Matrix(matrix) | Blocks::Transposed(matrix) => matrix.rows.len(),
        }
    }

    fn columns(&self) -> usize {
        match self {
            Blocks::Points(rows) => rows.columns(),
            Blocks::Products(products) => products.y.rows(),
            Blocks::Kept(costs) => costs.columns(),
            Blocks::Matrix(matrix) | Blocks::Transposed(matrix) => matrix.columns.len(),
        }
    }

    fn rows_at_once(&self) -> usize {
        match self {
            Blocks::Points(rows) => rows.rows_at_once(),
            Blocks::Products(_) => 32,
            Blocks::Kept(_) => 1,
            Blocks::Matrix(_) => 1,
            Blocks::Transposed(_) => 32,
        }
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        match self {
            Blocks::Points(distances) => distances.rows_into(rows, columns, out),
            Blocks::Products(products) => products.block_into(rows, columns, out),
            Blocks::Kept(costs) => {
                let width = columns.len();
                for (row, out) in rows.zip(out.chunks_mut(width)) {
                    out.copy_from_slice(&costs.row(row)[columns.clone()]);
                }
            }
            Blocks::Matrix(matrix) => matrix.forward(rows, columns, out),
            Blocks::Transposed(matrix) => matrix.backward(rows, columns, out),
        }
    }
}
