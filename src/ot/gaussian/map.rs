//! The optimal map between Gaussians.

use super::factor::{Pair, product, transposed_product};
use super::{Gaussian, check_finite};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, Operation, gemm};
use crate::scalar::Scalar;

/// The map `x ↦ b + T (x - a)`, with T symmetric and positive semidefinite: the gradient of a convex function.
#[derive(Debug, Clone, PartialEq)]
pub struct AffineMap {
    source_mean: Vec<f64>,
    target_mean: Vec<f64>,
    matrix: Matrix<f64>,
}

impl Gaussian {
    /// The optimal map to `target` for the cost |x - y|²: `T = A^-½ (A^½ B A^½)^½ A^-½`. It pushes this measure onto `target`.
    ///
    /// If A is singular the roots are pseudo-inverses, and T is the optimal map within the range of A, zero across it: this is
    /// right, as long as all of the target's variance lies in that range. Where some does not, T would miss it: an error
    /// says how much. (A map may exist even so, but is not unique, as between two lines that cross at a right angle. The
    /// distance, the geodesic and the entropic plan do not need a map.)
    ///
    /// # Errors
    /// [`Error::Shape`] if the dimensions differ; [`Error::Argument`] with the target's variance outside the range of A, if it is
    /// more than 8 d EPS of the whole variance.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::ot::gaussian::Gaussian;
    /// let source = Gaussian::new(&[1.0, 0.0], &Matrix::from_rows([[4.0, 0.0], [0.0, 1.0]]))?;
    /// let target = Gaussian::new(&[0.0, 5.0], &Matrix::from_rows([[1.0, 0.0], [0.0, 9.0]]))?;
    /// let image = source.map_to(&target)?.apply(&Matrix::from_rows([[3.0_f64, 1.0]]))?;
    /// assert!((image[(0, 0)] - 1.0).abs() < 1e-14 && (image[(0, 1)] - 8.0).abs() < 1e-14);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "monge_map")]
    pub fn map_to(&self, target: &Gaussian) -> Result<AffineMap> {
        self.check_dimension("Gaussian::map_to", target)?;
        let size = self.dimension();
        let source = &self.factor;
        // U Uᵀ L_B, what of L_B lies in the range of A: coordinates in the eigenvectors that have variance.
        let target_root = target.factor.root(target.factor.scale);
        let coordinates = transposed_product(&source.vectors, &target_root);
        let missed: f64 = (0..size)
            .filter(|&k| source.roots[k] == 0.0)
            .map(|k| coordinates.row(k).iter().map(|x| x * x).sum::<f64>())
            .sum();
        let variance: f64 = target.factor.roots.iter().map(|root| root * root).sum();
        if missed > 8.0 * size as f64 * f64::EPSILON * variance {
            return Err(Error::Argument {
                name: "the target's variance outside the range of the source's covariance",
                value: missed * target.factor.scale * target.factor.scale,
                requirement: "it must be zero: the source is singular and has no mass to send there",
            });
        }
        // With L_Bᵀ L_A = W S Vᵀ, T = L_A^-ᵀ V S Vᵀ L_A^-1 = Kᵀ K, K = S^½ Vᵀ diag(roots)^-1 Uᵀ. Each factor in its own scale.
        let own = |gaussian: &Gaussian| super::factor::Factor { scale: 1.0, ..gaussian.factor.clone() };
        let pair = Pair::new(&own(self), &own(target), 0.0)?;
        let inner = Matrix::from_fn(size, size, |row, column| {
            let root = source.roots[column];
            let inverse = if root == 0.0 { 0.0 } else { root.recip() };
            pair.parts.values[row].sqrt() * pair.parts.right[(column, row)] * inverse
        });
        let root = product(&inner, &source.vectors.transposed());
        let ratio = target.factor.scale / source.scale;
        let square = transposed_product(&root, &root);
        let matrix =
            Matrix::from_fn(size, size, |row, column| square[(row.max(column), row.min(column))] * ratio);
        matrix.view().check_finite("the matrix of the map")?;
        Ok(AffineMap { source_mean: self.mean.clone(), target_mean: target.mean.clone(), matrix })
    }
}

impl AffineMap {
    /// T: (d, d).
    pub fn matrix(&self) -> &Matrix<f64> {
        &self.matrix
    }

    /// a, which goes to [`target_mean`](Self::target_mean).
    pub fn source_mean(&self) -> &[f64] {
        &self.source_mean
    }

    /// b.
    pub fn target_mean(&self) -> &[f64] {
        &self.target_mean
    }

    /// The images of points, (n, d), computed in `f64`.
    ///
    /// # Errors
    /// [`Error::Shape`] for points of another dimension, [`Error::NotFiniteEntry`] for a coordinate that is NaN or infinite.
    pub fn apply<'a, T: Scalar>(&self, points: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        let points = points.into();
        let size = self.source_mean.len();
        if points.columns() != size {
            return Err(Error::Shape {
                operation: "AffineMap::apply",
                what: "dimension of the points",
                expected: size,
                got: points.columns(),
            });
        }
        points.check_finite("points")?;
        let centred = Matrix::from_fn(points.rows(), size, |row, column| {
            points[(row, column)].to_f64() - self.source_mean[column]
        });
        let mut image = Matrix::from_fn(points.rows(), size, |_, column| self.target_mean[column]);
        gemm(1.0, &centred, Operation::Plain, &self.matrix, Operation::Plain, 1.0, &mut image)?;
        Ok(image.cast())
    }

    /// The image of one Gaussian: `N(b + T (m - a), T S Tᵀ)`.
    ///
    /// # Errors
    /// [`Error::Shape`] if it has another dimension, [`Error::NotFiniteEntry`] if the covariance leaves the range of `f64`.
    pub fn push_forward(&self, gaussian: &Gaussian) -> Result<Gaussian> {
        let mean = Matrix::from_vec(1, gaussian.dimension(), gaussian.mean.clone())?;
        let mean = self.apply(&mean)?.into_vec();
        check_finite("mean", &mean)?;
        let scale = gaussian.factor.scale;
        let root = product(&self.matrix, &gaussian.factor.root(scale)).map(|entry| entry * scale);
        Gaussian::from_symmetric(mean, super::factor::square(&root))
    }
}
