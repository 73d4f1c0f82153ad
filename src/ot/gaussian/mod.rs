//! Gaussian measures, between which optimal transport has closed forms.
//!
//! For α = N(a, A) and β = N(b, B) and the cost |x - y|²:
//!
//! | call | formula |
//! | --- | --- |
//! | [`Gaussian::squared_wasserstein_distance`] | `\|a - b\|² + tr A + tr B - 2 tr (A^½ B A^½)^½` (Bures and Wasserstein) |
//! | [`Gaussian::map_to`] | `x ↦ b + T (x - a)`, `T = A^-½ (A^½ B A^½)^½ A^-½`, the gradient of a convex function |
//! | [`Gaussian::interpolate`] | `N((1-t) a + t b, ((1-t) I + t T) A ((1-t) I + t T))`, the geodesic |
//! | [`barycentre`](fn@barycentre) | the minimiser S of `Σ λₖ W₂²(αₖ, S)`: fixed point of `S = Σ λₖ (S^½ Aₖ S^½)^½` |
//! | [`Gaussian::entropic_transport`] | the least of `∫ \|x - y\|² dπ + ε KL(π ‖ α⊗β)`, its plan a Gaussian |
//! | [`Gaussian::sinkhorn_divergence`] | `OT_ε(α, β) - (OT_ε(α, α) + OT_ε(β, β)) / 2` |
//! | [`Gaussian::fit`] | mean and covariance of a weighted cloud |
//!
//! Since W₂ between any two measures with these means and covariances is at least that between the Gaussians (Gelbrich
//! 1990), the distance of two fitted Gaussians bounds that of the clouds from below.
//!
//! Sources: Dowson and Landau, J. Multivariate Anal. 12, 1982 (the distance); Bhatia, Jain and Lim, Expo. Math. 37, 2019 (all of
//! the geometry; also that `W₂² = min |L_A - L_B O|²` over rotations O, for any factors `A = L_A L_Aᵀ`, which is how it is computed:
//! no cancellation); Álvarez-Esteban, del Barrio, Cuesta-Albertos and Matrán, J. Math. Anal. Appl. 441, 2016 (the barycentre's
//! fixed point); Janati, Muzellec, Peyré and Cuturi, NeurIPS 2020 (entropic).
//!
//! # Accuracy and singular covariances
//! All is computed from factors `L = U diag(λ)^½` in units of a power of two, so covariances may be of any size from 1e-300 to
//! 1e300. Eigenvalues below d EPS times the largest one count as zero: rounding of the entries could have made them. A singular
//! covariance is allowed everywhere; only a *map* need not exist then, see [`Gaussian::map_to`]. Since W₂² depends on the root of a small
//! eigenvalue, a relative change of A by EPS may change W₂² by √EPS tr A where A is singular and B is not.
//!
//! Cost: O(d³), a few eigenvalue or singular value decompositions, on one thread.

mod barycentre;
mod decomposition;
mod entropic;
mod factor;
mod map;
#[cfg(test)]
mod tests;

pub use barycentre::{Barycentre, BarycentreOptions, barycentre};
pub use entropic::EntropicTransport;
pub use map::AffineMap;

use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, Operation, gemm};
use crate::ot::problem::{Weights, checked_side, sum};
use crate::scalar::Scalar;
use factor::{Factor, Pair, root_scale};

/// The Gaussian measure N(mean, covariance) on ℝᵈ, a probability.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::gaussian::Gaussian;
/// let source = Gaussian::new(&[0.0, 0.0], &Matrix::from_rows([[1.0, 0.0], [0.0, 4.0]]))?;
/// let target = Gaussian::new(&[3.0, 0.0], &Matrix::from_rows([[9.0, 0.0], [0.0, 1.0]]))?;
/// // Covariances that commute: distances of the standard deviations.
/// let squared = source.squared_wasserstein_distance(&target)?;
/// assert!((squared - (9.0 + 4.0 + 1.0)).abs() < 1e-14);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    mean: Vec<f64>,
    covariance: Matrix<f64>,
    factor: Factor,
}

const COVARIANCE: &str = "covariance";

impl Gaussian {
    /// N(mean, covariance), with `mean`: (d), `covariance`: (d, d).
    ///
    /// Entries on both sides of the diagonal may differ by 8 d EPS times the largest entry, as rounding makes them: their mean is
    /// kept.
    ///
    /// # Errors
    /// [`Error::Empty`] for d = 0, [`Error::Shape`], [`Error::NotFinite`], [`Error::NotFiniteEntry`],
    /// [`Error::NotSymmetric`] with the first such pair, [`Error::NotPositiveSemidefinite`] if an eigenvalue is below
    /// -8 d EPS times the largest.
    pub fn new<'a>(mean: &[f64], covariance: impl Into<MatrixView<'a, f64>>) -> Result<Self> {
        let covariance = covariance.into();
        let size = mean.len();
        if size == 0 {
            return Err(Error::Empty { what: "mean" });
        }
        for (what, got) in [
            ("number of rows of the covariance", covariance.rows()),
            ("number of columns of the covariance", covariance.columns()),
        ] {
            if got != size {
                return Err(Error::Shape { operation: "Gaussian::new", what, expected: size, got });
            }
        }
        check_finite("mean", mean)?;
        covariance.check_finite(COVARIANCE)?;
        let largest = (0..size)
            .flat_map(|row| covariance.row(row))
            .fold(0.0_f64, |largest, entry| largest.max(entry.abs()));
        let tolerance = 8.0 * size as f64 * f64::EPSILON * largest;
        for row in 0..size {
            for column in 0..row {
                let (value, transposed) = (covariance[(row, column)], covariance[(column, row)]);
                // Halves, so that the difference stays finite.
                if (0.5 * value - 0.5 * transposed).abs() > 0.5 * tolerance {
                    return Err(Error::NotSymmetric { what: COVARIANCE, row, column, value, transposed });
                }
            }
        }
        let covariance = Matrix::from_fn(size, size, |row, column| {
            0.5 * covariance[(row, column)] + 0.5 * covariance[(column, row)]
        });
        Self::from_symmetric(mean.to_vec(), covariance)
    }

    /// The same from parts that were computed here: finite unless something overflowed, and symmetric.
    fn from_symmetric(mean: Vec<f64>, covariance: Matrix<f64>) -> Result<Self> {
        check_finite("mean", &mean)?;
        covariance.view().check_finite(COVARIANCE)?;
        let factor = Factor::new(COVARIANCE, &covariance)?;
        Ok(Self { mean, covariance, factor })
    }

    /// The Gaussian with the mean and the covariance of weighted points, (n, d). Weights that are not given are uniform; they need
    /// not sum to one.
    ///
    /// The covariance is `Σ wᵢ (xᵢ - mean)(xᵢ - mean)ᵀ / Σ wᵢ`, the one of the cloud itself (and of greatest
    /// likelihood): not divided by n - 1. Two passes. Cost: n d² multiply-adds.
    ///
    /// # Errors
    /// [`Error::Empty`] for no points or no coordinates, [`Error::NotFiniteEntry`] for a coordinate, or for a covariance beyond the
    /// range of `f64`; for weights [`Error::Shape`], [`Error::NotFinite`], [`Error::Negative`], [`Error::ZeroMass`].
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::ot::gaussian::Gaussian;
    /// let gaussian = Gaussian::fit(&Matrix::from_rows([[0.0, 1.0], [4.0, 1.0]]), Some(&[0.75, 0.25]))?;
    /// assert_eq!(gaussian.mean(), [1.0, 1.0]);
    /// assert_eq!(*gaussian.covariance(), Matrix::from_rows([[3.0, 0.0], [0.0, 0.0]]));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn fit<'a, T: Scalar>(points: impl Into<MatrixView<'a, T>>, weights: Option<&[f64]>) -> Result<Self> {
        let points = points.into();
        let (count, size) = points.shape();
        if count == 0 || size == 0 {
            return Err(Error::Empty { what: "points" });
        }
        points.check_finite("points")?;
        let weights = weights.map(Weights::new);
        let (weights, mass) = checked_side(["weights", "number of weights"], weights.as_ref(), count)?;
        let shares: Vec<f64> = weights.iter().map(|weight| weight / mass).collect();
        let mean: Vec<f64> = (0..size)
            .map(|column| sum(shares.iter().zip(points.column(column)).map(|(share, x)| share * x.to_f64())))
            .collect();
        let centred =
            Matrix::from_fn(count, size, |row, column| points[(row, column)].to_f64() - mean[column]);
        let largest = centred.as_slice().iter().fold(0.0_f64, |largest, entry| largest.max(entry.abs()));
        if !largest.is_finite() {
            return Err(Error::Argument {
                name: "extent of the points",
                value: largest,
                requirement: "differences of coordinates must be finite (scale the points)",
            });
        }
        // In units of a power of two: squares neither overflow nor vanish.
        let unit = root_scale(largest).powi(2);
        let scaled =
            Matrix::from_fn(count, size, |row, column| centred[(row, column)] / unit * shares[row].sqrt());
        let mut covariance = Matrix::zeros(size, size);
        gemm(1.0, &scaled, Operation::Transpose, &scaled, Operation::Plain, 0.0, &mut covariance)?;
        let covariance = Matrix::from_fn(size, size, |row, column| {
            covariance[(row.max(column), row.min(column))] * unit * unit
        });
        Self::from_symmetric(mean, covariance)
    }

    /// d.
    pub fn dimension(&self) -> usize {
        self.mean.len()
    }

    /// The mean: (d).
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The covariance: (d, d).
    pub fn covariance(&self) -> &Matrix<f64> {
        &self.covariance
    }

    /// `W₂² = |a - b|² + tr A + tr B - 2 tr (A^½ B A^½)^½`, the least mean squared distance of a coupling. Never negative, and
    /// about (d EPS)² tr A between a measure and itself.
    ///
    /// # Errors
    /// [`Error::Shape`] if the dimensions differ, [`Error::Argument`] if the value is beyond the range of `f64`
    /// ([`wasserstein_distance`](Self::wasserstein_distance) may not be).
    #[doc(alias = "bures")]
    pub fn squared_wasserstein_distance(&self, other: &Gaussian) -> Result<f64> {
        let (scale, value) = self.scaled_squared_distance(other)?;
        finite("squared distance", value * scale * scale)
    }

    /// W₂, the root of [`squared_wasserstein_distance`](Self::squared_wasserstein_distance), for means and standard deviations of any size.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::ot::gaussian::Gaussian;
    /// let source = Gaussian::new(&[1e200], &Matrix::from_rows([[1.0]]))?;
    /// let target = Gaussian::new(&[4e200], &Matrix::from_rows([[1.0]]))?;
    /// assert!((source.wasserstein_distance(&target)? / 3e200 - 1.0).abs() < 1e-15);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "frechet")]
    pub fn wasserstein_distance(&self, other: &Gaussian) -> Result<f64> {
        let (scale, value) = self.scaled_squared_distance(other)?;
        finite("distance", value.sqrt() * scale)
    }

    /// A unit s and W₂²/s².
    fn scaled_squared_distance(&self, other: &Gaussian) -> Result<(f64, f64)> {
        let (pair, means) = self.pair_with("Gaussian::wasserstein_distance", other)?;
        Ok((pair.scale, means + pair.squared_bures()))
    }

    /// The factors of both in one unit, and the squared distance of the means in that unit.
    fn pair_with(&self, operation: &'static str, other: &Gaussian) -> Result<(Pair, f64)> {
        self.check_dimension(operation, other)?;
        let differences: Vec<f64> = self.mean.iter().zip(&other.mean).map(|(a, b)| a - b).collect();
        let farthest = differences.iter().fold(0.0_f64, |farthest, x| farthest.max(x.abs()));
        let farthest = finite("difference of the means", farthest)?;
        let pair =
            Pair::new(&self.factor, &other.factor, root_scale(farthest).powi(2) * f64::from(farthest > 0.0))?;
        let means = differences.iter().map(|x| (x / pair.scale).powi(2)).sum();
        Ok((pair, means))
    }

    fn check_dimension(&self, operation: &'static str, other: &Gaussian) -> Result<()> {
        let (expected, got) = (self.dimension(), other.dimension());
        if expected == got {
            return Ok(());
        }
        Err(Error::Shape { operation, what: "dimension of the other Gaussian", expected, got })
    }

    /// The geodesic at t in [0, 1]: `N((1-t) a + t b, Lₜ Lₜᵀ)`, `Lₜ = (1-t) L_A + t L_B O`, where O is the rotation
    /// of the optimal coupling. `W₂(self, result) = t W₂(self, target)`.
    ///
    /// Where A is invertible this is `((1-t) I + t T) A ((1-t) I + t T)`. Of singular measures between which several couplings are
    /// optimal, it follows one of them.
    ///
    /// # Errors
    /// [`Error::Shape`] if the dimensions differ, [`Error::Argument`] if t is not in [0, 1].
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::ot::gaussian::Gaussian;
    /// let source = Gaussian::new(&[0.0], &Matrix::from_rows([[1.0]]))?;
    /// let target = Gaussian::new(&[4.0], &Matrix::from_rows([[9.0]]))?;
    /// let middle = source.interpolate(&target, 0.5)?;
    /// assert_eq!(middle.mean(), [2.0]);
    /// assert!((middle.covariance()[(0, 0)] - 4.0).abs() < 1e-14);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "geodesic")]
    #[doc(alias = "displacement")]
    pub fn interpolate(&self, target: &Gaussian, t: f64) -> Result<Gaussian> {
        self.check_dimension("Gaussian::interpolate", target)?;
        if !(0.0..=1.0).contains(&t) {
            return Err(Error::Argument { name: "t", value: t, requirement: "it must be in [0, 1]" });
        }
        if t == 0.0 || t == 1.0 {
            return Ok(if t == 0.0 { self.clone() } else { target.clone() });
        }
        let pair = Pair::new(&self.factor, &target.factor, 0.0)?;
        let turned = pair.turned_target();
        let root = Matrix::from_fn(self.dimension(), self.dimension(), |row, column| {
            (1.0 - t) * pair.source[(row, column)] + t * turned[(row, column)]
        });
        let mean = self.mean.iter().zip(&target.mean).map(|(a, b)| (1.0 - t) * a + t * b).collect();
        Self::from_symmetric(mean, factor::square(&root).map(|entry| entry * pair.scale * pair.scale))
    }
}

/// The value, or an error if it has left the range.
fn finite(name: &'static str, value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::Argument {
        name,
        value,
        requirement: "it must stay within the range of f64 (scale the measures)",
    })
}

fn check_finite(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite { what, index, value: values[index] }),
    }
}
