//! The Wasserstein barycentre of Gaussians.
//!
//! The minimiser of `Σ λₖ W₂²(αₖ, ν)` over all measures is N(Σ λₖ aₖ, S), where S solves `S = Σ λₖ (S^½ Aₖ S^½)^½`
//! (Agueh and Carlier, SIAM J. Math. Anal. 43, 2011). Álvarez-Esteban, del Barrio, Cuesta-Albertos and Matrán (J.
//! Math. Anal. Appl. 441, 2016) iterate `S ← T̄ S T̄`, `T̄ = Σ λₖ Tₖ`, with Tₖ the optimal map from N(0, S) to N(0,
//! Aₖ): it converges if one Aₖ is invertible, and each step lowers the objective by at least the squared residual. In
//! factors S = L Lᵀ, Aₖ = Lₖ Lₖᵀ it reads
//!
//! `L ← Σ λₖ Lₖ Oₖ`, Oₖ the rotation that brings Lₖ Oₖ closest to L,
//!
//! without roots or inverses. Cost: one singular value decomposition for each measure and iteration.

use super::decomposition::singular;
use super::factor::{Factor, product, square, squared_difference, transposed_product};
use super::{Gaussian, finite};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::ot::barycentre::{Status, check_shares};

/// Options of [`barycentre`](fn@barycentre).
///
/// # Examples
/// ```
/// use brenier::ot::gaussian::BarycentreOptions;
/// assert_eq!(BarycentreOptions::default().with_tolerance(1e-6).tolerance, 1e-6);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BarycentreOptions {
    /// Largest number of steps, default 1000.
    pub max_iterations: u64,
    /// The residual to reach, default 1e-12.
    pub tolerance: f64,
}

impl Default for BarycentreOptions {
    fn default() -> Self {
        Self { max_iterations: 1000, tolerance: 1e-12 }
    }
}

impl BarycentreOptions {
    /// Sets the largest number of steps.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the residual to reach: not negative.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }
}

/// A barycentre, and how well it satisfies the fixed point.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Barycentre {
    /// The barycentre.
    pub gaussian: Gaussian,
    /// [`Status::Converged`] if the residual is at most the tolerance, else [`Status::IterationLimit`].
    pub status: Status,
    /// `(E |T̄x - x|² / E |x|²)^½` for x from the centred barycentre: how far the mean of the maps is from the identity. At the
    /// barycentre it is zero; where the covariance is invertible, only there.
    pub residual: f64,
    /// `Σ λₖ W₂²(αₖ, barycentre)`.
    pub objective: f64,
    /// Steps taken.
    pub iterations: u64,
}

/// The barycentre of Gaussian `measures` with the weights λ, which are not negative and sum to one.
///
/// # Errors
/// [`Error::Empty`] for no measures, [`Error::Shape`] for weights or dimensions that do not fit,
/// [`Error::NotFinite`], [`Error::Negative`] for a weight, [`Error::Argument`] if they do not sum to one within 1e-9,
/// for a tolerance that is negative or NaN, or if the objective leaves the range of `f64`.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::gaussian::{BarycentreOptions, Gaussian, barycentre};
/// let narrow = Gaussian::new(&[0.0], &Matrix::from_rows([[1.0]]))?;
/// let wide = Gaussian::new(&[8.0], &Matrix::from_rows([[25.0]]))?;
/// let answer = barycentre(&[narrow, wide], &[0.75, 0.25], &BarycentreOptions::default())?;
/// // On the line the standard deviations average: (3 * 1 + 5) / 4 = 2.
/// assert_eq!(answer.gaussian.mean(), [2.0]);
/// assert!((answer.gaussian.covariance()[(0, 0)] - 4.0).abs() < 1e-13);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "barycenter")]
pub fn barycentre(measures: &[Gaussian], weights: &[f64], options: &BarycentreOptions) -> Result<Barycentre> {
    let Some(first) = measures.first() else {
        return Err(Error::Empty { what: "measures" });
    };
    check_shares("gaussian::barycentre", weights, measures.len())?;
    for measure in measures {
        first.check_dimension("gaussian::barycentre", measure)?;
    }
    if options.tolerance < 0.0 || options.tolerance.is_nan() {
        return Err(Error::Argument {
            name: "tolerance",
            value: options.tolerance,
            requirement: "it must not be negative",
        });
    }
    let size = first.dimension();
    let members: Vec<(&Gaussian, f64)> =
        measures.iter().zip(weights.iter().copied()).filter(|(_, weight)| *weight > 0.0).collect();
    let scale = members.iter().map(|(measure, _)| measure.factor.scale).fold(0.0, f64::max);
    let roots: Vec<(Matrix<f64>, f64)> =
        members.iter().map(|(measure, weight)| (measure.factor.root(scale), *weight)).collect();
    let mean =
        (0..size).map(|k| members.iter().map(|(measure, weight)| weight * measure.mean[k]).sum()).collect();

    // The mixture's covariance (without the means): its range contains all others, so the barycentre's too.
    let mixture = roots.iter().fold(Matrix::zeros(size, size), |total, (root, weight)| {
        let square = square(root);
        Matrix::from_fn(size, size, |i, j| total[(i, j)] + weight * square[(i, j)])
    });
    let factor = Factor::new("the mean of the covariances", &mixture)?;
    let mut root = factor.root(1.0);
    let mut iterations = 0;
    let (mut next, mut spread) = step(&roots, &root)?;
    let mut residual = residual_of(&root, &next);
    while residual > options.tolerance && iterations < options.max_iterations {
        root = next;
        iterations += 1;
        (next, spread) = step(&roots, &root)?;
        residual = residual_of(&root, &next);
    }
    let gaussian = Gaussian::from_symmetric(mean, square(&root).map(|entry| entry * scale * scale))?;
    let between: f64 = members
        .iter()
        .map(|(measure, weight)| {
            let pairs = measure.mean.iter().zip(&gaussian.mean);
            weight * pairs.map(|(a, b)| ((a - b) / scale).powi(2)).sum::<f64>()
        })
        .sum();
    Ok(Barycentre {
        objective: finite("objective", (between + spread) * scale * scale)?,
        gaussian,
        status: if residual <= options.tolerance { Status::Converged } else { Status::IterationLimit },
        residual,
        iterations,
    })
}

/// `Σ λₖ Lₖ Oₖ` and `Σ λₖ |Lₖ Oₖ - L|²`, the objective at L.
fn step(roots: &[(Matrix<f64>, f64)], root: &Matrix<f64>) -> Result<(Matrix<f64>, f64)> {
    let size = root.rows();
    let mut mean = Matrix::zeros(size, size);
    let mut objective = 0.0;
    for (member, weight) in roots {
        let parts = singular("the product of two covariances", &transposed_product(member, root))?;
        let turned = product(&product(member, &parts.left), &parts.right.transposed());
        objective += weight * squared_difference(&turned, root);
        for (total, entry) in mean.as_mut_slice().iter_mut().zip(turned.as_slice()) {
            *total += weight * entry;
        }
    }
    Ok((mean, objective))
}

/// `|next - root| / |root|`, zero for the zero matrix.
fn residual_of(root: &Matrix<f64>, next: &Matrix<f64>) -> f64 {
    let norm: f64 = root.as_slice().iter().map(|entry| entry * entry).sum();
    if norm == 0.0 { 0.0 } else { (squared_difference(root, next) / norm).sqrt() }
}
