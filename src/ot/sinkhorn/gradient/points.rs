//! From dL/dC to the points: dL/dxᵢ = Σⱼ Wᵢⱼ ∂c(xᵢ, yⱼ)/∂x and dL/dyⱼ = Σᵢ Wᵢⱼ ∂c(xᵢ, yⱼ)/∂y for W = dL/dC.
//!
//! | distance | ∂c/∂xₖ with δ = x - y | where it has a kink |
//! | --- | --- | --- |
//! | squared Euclidean | 2 δₖ | nowhere |
//! | Euclidean | δₖ / c | zero at equal points |
//! | Manhattan | sign δₖ | zero at equal coordinates |
//! | Chebyshev | sign δₖ at the largest \|δₖ\| | the first of equals; zero at equal points |
//! | cosine | (x̂ₖ (x̂·ŷ) - ŷₖ) / \|x\| | nowhere |
//! | Minkowski | sign δₖ (\|δₖ\|/c)^(p-1) | zero at equal coordinates |
//! | power sum | p sign δₖ \|δₖ\|^(p-1) | zero at equal coordinates, also for p < 1, where the slope is infinite |
//!
//! At a kink these are subgradients, and for the convex distances of least norm except Chebyshev's.
//!
//! # Cost
//! The squared Euclidean and the cosine distance are two matrix products, 4 n m d flops (with up to eight coordinates
//! by vector products of the rows while they are hot: a general product of so few columns is slower); the others a
//! loop over n m d differences.

use super::kernels::{add_column_moments, row_moments};
use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::scalar::Scalar;
use std::ops::Range;

/// Up to so many coordinates the products with a block are done row by row.
const FEW_COORDINATES: usize = 8;

/// Derivatives with respect to two clouds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PointGradients {
    /// dL/dx: (n, d).
    pub source: Matrix<f64>,
    /// dL/dy: (m, d).
    pub target: Matrix<f64>,
}

/// Two clouds, ready to take in blocks of dL/dC.
pub(super) struct Ground {
    distance: Distance,
    /// x as the rule needs it: (n, width).
    x: Matrix<f64>,
    /// y likewise: (m, width).
    y: Matrix<f64>,
    /// y as (width, m), for the rules that go coordinate by coordinate, and for products with few of them.
    y_transposed: Option<Matrix<f64>>,
    /// |x| and |y|, for the cosine.
    lengths: [Vec<f64>; 2],
    dimension: usize,
}

impl Ground {
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFiniteEntry`], [`Error::ZeroVector`] and [`Error::Argument`] as for the distances themselves.
    pub(super) fn prepare<T: Scalar>(
        [rows, columns]: [usize; 2],
        x: MatrixView<'_, T>,
        y: MatrixView<'_, T>,
        distance: Distance,
    ) -> Result<Self> {
        distance.check()?;
        for (what, expected, got) in [
            ("number of source points", rows, x.rows()),
            ("number of target points", columns, y.rows()),
            ("number of coordinates of the target points", x.columns(), y.columns()),
        ] {
            if expected != got {
                return Err(Error::Shape { operation: "gradient of points", what, expected, got });
            }
        }
        x.check_finite("source points")?;
        y.check_finite("target points")?;
        let dimension = x.columns();
        let mut ground = match distance {
            Distance::SquaredEuclidean => Self::centred(x, y),
            _ => Self {
                distance,
                x: widened(x, &vec![0.0; dimension], false),
                y: widened(y, &vec![0.0; dimension], false),
                y_transposed: None,
                lengths: [Vec::new(), Vec::new()],
                dimension,
            },
        };
        if distance == Distance::Cosine {
            ground.lengths =
                [normalise(&mut ground.x, "source points")?, normalise(&mut ground.y, "target points")?];
        }
        let by_product = matches!(distance, Distance::SquaredEuclidean | Distance::Cosine);
        if !by_product || dimension <= FEW_COORDINATES {
            ground.y_transposed = Some(ground.y.transposed());
        }
        Ok(ground)
    }

    /// Less the mean of the targets, so that xᵢ Σ W - Σ W y loses no digits far from the origin, and with a column of ones.
    fn centred<T: Scalar>(x: MatrixView<'_, T>, y: MatrixView<'_, T>) -> Self {
        let (dimension, m) = (y.columns(), y.rows() as f64);
        let mut mean = vec![0.0; dimension];
        for row in y.iter_rows() {
            mean.iter_mut().zip(row).for_each(|(mean, y)| *mean += y.to_f64() / m);
        }
        Self {
            distance: Distance::SquaredEuclidean,
            x: widened(x, &mean, true),
            y: widened(y, &mean, true),
            y_transposed: None,
            lengths: [Vec::new(), Vec::new()],
            dimension,
        }
    }

    /// Whether a block needs its costs too.
    pub(super) fn needs_costs(&self) -> bool {
        matches!(self.distance, Distance::Euclidean | Distance::Minkowski { .. })
    }

    /// Numbers in the target's sums: zeros to begin with.
    pub(super) fn target_room(&self) -> usize {
        self.y.rows() * self.y.columns()
    }

    /// Takes in W of some rows: (rows, m). Appends their dL/dx to `dx`, adds to the sums for dL/dy; `None` where not wanted.
    pub(super) fn accumulate(
        &self,
        rows: Range<usize>,
        weights: &[f64],
        costs: &[f64],
        dx: Option<&mut Vec<f64>>,
        dy: Option<&mut [f64]>,
    ) {
        match self.distance {
            Distance::SquaredEuclidean | Distance::Cosine => self.multiply(rows, weights, dx, dy),
            Distance::Euclidean => self.by_coordinates(rows, weights, costs, dx, dy, |w, delta, cost| {
                if cost > 0.0 { w * (delta / cost) } else { 0.0 }
            }),
            Distance::Manhattan => {
                self.by_coordinates(rows, weights, costs, dx, dy, |w, delta, _| w * sign(delta))
            }
            Distance::Minkowski { p } => {
                self.by_coordinates(rows, weights, costs, dx, dy, |w, delta, cost| {
                    if delta == 0.0 { 0.0 } else { w * sign(delta) * (delta.abs() / cost).powf(p - 1.0) }
                })
            }
            Distance::MinkowskiPower { p } => {
                self.by_coordinates(rows, weights, costs, dx, dy, |w, delta, _| {
                    if delta == 0.0 { 0.0 } else { w * p * sign(delta) * delta.abs().powf(p - 1.0) }
                })
            }
            Distance::Chebyshev => self.by_largest(rows, weights, dx, dy),
        }
    }

    /// W y and Wᵀ x.
    fn multiply(
        &self,
        rows: Range<usize>,
        weights: &[f64],
        dx: Option<&mut Vec<f64>>,
        dy: Option<&mut [f64]>,
    ) {
        let (d, width, m) = (self.dimension, self.y.columns(), self.y.rows());
        let block = MatrixView::from_parts(weights, rows.len(), m, m);
        if let Some(dx) = dx {
            let mut product = Matrix::zeros(rows.len(), width);
            match &self.y_transposed {
                Some(y) => row_moments(weights, y.as_slice(), width, product.as_mut_slice()),
                None => {
                    gemm(1.0, block, Operation::Plain, &self.y, Operation::Plain, 0.0, product.view_mut())
                        .expect("shapes were checked")
                }
            }
            for (row, product) in rows.clone().zip(product.iter_rows()) {
                let point = self.x.row(row);
                dx.extend_from_slice(&product[..d]);
                let start = dx.len() - d;
                self.finish(&mut dx[start..], product, point, self.lengths[0].get(row));
            }
        }
        if let Some(dy) = dy {
            if self.y_transposed.is_some() {
                let points = &self.x.as_slice()[rows.start * width..rows.end * width];
                add_column_moments(weights, points, width, dy);
            } else {
                let x = self.x.rows_range(rows);
                let sums = MatrixViewMut::from_parts(dy, m, width, width);
                gemm(1.0, block, Operation::Transpose, x, Operation::Plain, 1.0, sums)
                    .expect("shapes were checked");
            }
        }
    }

    /// From Σ W y, or Σ W (y, 1), to the derivative at x.
    fn finish(&self, out: &mut [f64], sums: &[f64], point: &[f64], length: Option<&f64>) {
        match length {
            None => {
                let total = sums[self.dimension];
                for (k, out) in out.iter_mut().enumerate() {
                    *out = 2.0 * (point[k] * total - sums[k]);
                }
            }
            Some(length) => {
                let along: f64 = point.iter().zip(sums).map(|(x, sum)| x * sum).sum();
                for (k, out) in out.iter_mut().enumerate() {
                    *out = (point[k] * along - sums[k]) / length;
                }
            }
        }
    }

    /// Σ of `slope(W, δ, C)`, coordinate by coordinate.
    #[inline(always)]
    fn by_coordinates(
        &self,
        rows: Range<usize>,
        weights: &[f64],
        costs: &[f64],
        mut dx: Option<&mut Vec<f64>>,
        mut dy: Option<&mut [f64]>,
        slope: impl Fn(f64, f64, f64) -> f64,
    ) {
        let m = self.y.rows();
        let y = self.y_transposed.as_ref().expect("prepared for these distances");
        for (index, row) in rows.enumerate() {
            let weights = &weights[index * m..][..m];
            // Not read by the rules that do without.
            let costs = if costs.is_empty() { weights } else { &costs[index * m..][..m] };
            for (k, &x) in self.x.row(row).iter().enumerate() {
                let y = y.row(k);
                let mut sums = [0.0; 4];
                match &mut dy {
                    Some(dy) => {
                        let dy = &mut dy[k * m..][..m];
                        for j in 0..m {
                            let term = slope(weights[j], x - y[j], costs[j]);
                            sums[j % 4] += term;
                            dy[j] -= term;
                        }
                    }
                    None => (0..m).for_each(|j| sums[j % 4] += slope(weights[j], x - y[j], costs[j])),
                }
                if let Some(dx) = &mut dx {
                    dx.push((sums[0] + sums[1]) + (sums[2] + sums[3]));
                }
            }
        }
    }

    /// The same for Chebyshev's distance: the first of the largest differences alone.
    fn by_largest(
        &self,
        rows: Range<usize>,
        weights: &[f64],
        mut dx: Option<&mut Vec<f64>>,
        mut dy: Option<&mut [f64]>,
    ) {
        let (m, d) = (self.y.rows(), self.dimension);
        let mut sums = vec![0.0; d];
        for (index, row) in rows.enumerate() {
            let x = self.x.row(row);
            sums.fill(0.0);
            for (j, (&weight, y)) in weights[index * m..][..m].iter().zip(self.y.iter_rows()).enumerate() {
                let mut largest = 0.0_f64;
                let mut place = None;
                for k in 0..d {
                    let delta = x[k] - y[k];
                    if delta.abs() > largest.abs() {
                        (largest, place) = (delta, Some(k));
                    }
                }
                if let Some(k) = place {
                    let term = weight * sign(largest);
                    sums[k] += term;
                    if let Some(dy) = &mut dy {
                        dy[k * m + j] -= term;
                    }
                }
            }
            if let Some(dx) = &mut dx {
                dx.extend_from_slice(&sums);
            }
        }
    }

    /// dL/dy from the sums of all rows.
    pub(super) fn finish_targets(&self, sums: Vec<f64>) -> Matrix<f64> {
        let (m, d) = (self.y.rows(), self.dimension);
        match self.distance {
            Distance::SquaredEuclidean | Distance::Cosine => {
                let mut out = Matrix::zeros(m, d);
                let width = self.y.columns();
                // Transposed where the products were done row by row.
                let [along, across] = if self.y_transposed.is_some() { [1, m] } else { [width, 1] };
                let mut own = vec![0.0; width];
                for row in 0..m {
                    own.iter_mut().enumerate().for_each(|(k, own)| *own = sums[row * along + k * across]);
                    self.finish(out.row_mut(row), &own, self.y.row(row), self.lengths[1].get(row));
                }
                out
            }
            _ => Matrix::from_fn(m, d, |row, k| sums[k * m + row]),
        }
    }
}

/// The points less an origin, in double precision, with a column of ones where it is asked for.
fn widened<T: Scalar>(points: MatrixView<'_, T>, origin: &[f64], ones: bool) -> Matrix<f64> {
    let width = points.columns() + usize::from(ones);
    let mut data = Vec::with_capacity(points.rows() * width);
    for row in points.iter_rows() {
        data.extend(row.iter().zip(origin).map(|(x, origin)| x.to_f64() - origin));
        if ones {
            data.push(1.0);
        }
    }
    Matrix::from_vec(points.rows(), width, data).expect("every row was written")
}

/// -1, 0 or 1.
#[inline(always)]
fn sign(x: f64) -> f64 {
    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

/// Divides each point by its length, and gives the lengths.
fn normalise(points: &mut Matrix<f64>, what: &'static str) -> Result<Vec<f64>> {
    (0..points.rows())
        .map(|row| {
            let point = points.row_mut(row);
            // Over the largest entry first, so that no square overflows.
            let largest = point.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
            if largest == 0.0 {
                return Err(Error::ZeroVector { what, row });
            }
            point.iter_mut().for_each(|x| *x /= largest);
            let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
            point.iter_mut().for_each(|x| *x /= length);
            Ok(largest * length)
        })
        .collect()
}
