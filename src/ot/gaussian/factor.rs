//! Square-root factors of covariances, scaled so that nothing leaves the range of numbers.
//!
//! With `A = U diag(λ) Uᵀ` and `L = U diag(λ)^½`, `A = L Lᵀ`. Everything here is written with factors and the singular values of their
//! products instead of with roots of products of covariances: eigenvalues of A^½BA^½ have errors of EPS |A| |B|, and the
//! roots of those that should be zero would be wrong by 1e-8; singular values of `L_Bᵀ L_A` are those roots, with errors of EPS.

use super::decomposition::{Singular, singular, symmetric_eigen};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, Operation, gemm};

/// A covariance as `scale² U diag(roots²) Uᵀ`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Factor {
    /// U: eigenvectors in columns.
    pub vectors: Matrix<f64>,
    /// Roots of the eigenvalues of the scaled covariance, ascending; zero where the eigenvalue is rounding.
    pub roots: Vec<f64>,
    /// A power of two: the largest entry of the scaled covariance is between 1 and 4. One for the zero matrix.
    pub scale: f64,
}

/// The power of two s for which `value / s²` is in [1, 4), for a finite positive normal value.
pub(super) fn root_scale(value: f64) -> f64 {
    if value == 0.0 {
        return 1.0;
    }
    let exponent = (value.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    2.0_f64.powi(exponent.div_euclid(2))
}

impl Factor {
    /// The factor of a symmetric matrix. Eigenvalues below d EPS times the largest count as zero.
    ///
    /// Those below -8 d EPS times the largest are refused: rounding of the entries does not explain them.
    pub fn new(what: &'static str, covariance: &Matrix<f64>) -> Result<Self> {
        let size = covariance.rows();
        let largest = covariance.as_slice().iter().fold(0.0_f64, |largest, entry| largest.max(entry.abs()));
        let scale = root_scale(largest);
        let scaled = covariance.map(|entry| entry / scale / scale);
        let (values, vectors) = symmetric_eigen(what, &scaled)?;
        let top = values.iter().fold(0.0_f64, |top, value| top.max(value.abs()));
        let rounding = size as f64 * f64::EPSILON * top;
        let unscaled = |value: f64| value * scale * scale;
        if let Some(&eigenvalue) = values.first().filter(|value| **value < -8.0 * rounding) {
            return Err(Error::NotPositiveSemidefinite {
                what,
                eigenvalue: unscaled(eigenvalue),
                tolerance: unscaled(8.0 * rounding),
            });
        }
        let roots = values.iter().map(|&value| if value <= rounding { 0.0 } else { value.sqrt() }).collect();
        Ok(Self { vectors, roots, scale })
    }

    /// L in units of `scale`: `covariance = scale² L Lᵀ`.
    pub fn root(&self, scale: f64) -> Matrix<f64> {
        let ratio = self.scale / scale;
        Matrix::from_fn(self.vectors.rows(), self.roots.len(), |row, column| {
            self.vectors[(row, column)] * self.roots[column] * ratio
        })
    }
}

/// Two factors in one scale, and how they are best turned into each other.
pub(super) struct Pair {
    /// The unit of lengths: both factors and distances are multiples of it.
    pub scale: f64,
    /// L_A.
    pub source: Matrix<f64>,
    /// L_B.
    pub target: Matrix<f64>,
    /// `L_Bᵀ L_A = W diag(s) Vᵀ`: W, s and V. The s are the roots of the eigenvalues of A^½ B A^½.
    pub parts: Singular,
}

impl Pair {
    /// The pair in the larger of both scales, or in `least_scale` if that is larger still.
    pub fn new(source: &Factor, target: &Factor, least_scale: f64) -> Result<Self> {
        let scale = source.scale.max(target.scale).max(least_scale);
        let (source, target) = (source.root(scale), target.root(scale));
        let parts = singular("the product of two covariances", &transposed_product(&target, &source))?;
        Ok(Self { scale, source, target, parts })
    }

    /// `L_B O` with the rotation `O = W Vᵀ` that brings it closest to L_A: the image of L_A under the optimal coupling.
    pub fn turned_target(&self) -> Matrix<f64> {
        product(&product(&self.target, &self.parts.left), &self.parts.right.transposed())
    }

    /// `|L_A - L_B O|²`: the squared Bures distance in units of scale², a sum of squares without cancellation.
    pub fn squared_bures(&self) -> f64 {
        squared_difference(&self.source, &self.turned_target())
    }
}

/// Σ (aᵢⱼ - bᵢⱼ)².
pub(super) fn squared_difference(a: &Matrix<f64>, b: &Matrix<f64>) -> f64 {
    let differences = a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| a - b);
    differences.map(|difference| difference * difference).sum()
}

/// `A B`, for shapes that fit.
pub(super) fn product(a: &Matrix<f64>, b: &Matrix<f64>) -> Matrix<f64> {
    with_operations(a, Operation::Plain, b, Operation::Plain)
}

/// `Aᵀ B`, for shapes that fit.
pub(super) fn transposed_product(a: &Matrix<f64>, b: &Matrix<f64>) -> Matrix<f64> {
    with_operations(a, Operation::Transpose, b, Operation::Plain)
}

/// `A Aᵀ`, symmetric to the last bit.
pub(super) fn square(a: &Matrix<f64>) -> Matrix<f64> {
    let full = with_operations(a, Operation::Plain, a, Operation::Transpose);
    Matrix::from_fn(full.rows(), full.rows(), |row, column| full[(row.max(column), row.min(column))])
}

fn with_operations(
    a: &Matrix<f64>,
    operation_a: Operation,
    b: &Matrix<f64>,
    operation_b: Operation,
) -> Matrix<f64> {
    let rows = if operation_a == Operation::Plain { a.rows() } else { a.columns() };
    let columns = if operation_b == Operation::Plain { b.columns() } else { b.rows() };
    let mut c = Matrix::zeros(rows, columns);
    gemm(1.0, a, operation_a, b, operation_b, 0.0, &mut c).expect("the caller's shapes fit");
    c
}
