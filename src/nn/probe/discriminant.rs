//! Fisher's linear discriminant, with shrinkage: the mean difference, seen through the inverse of the spread within the classes.
//!
//! ```text
//! w = S⁻¹ (μ₁ - μ₀),   b = -w · (μ₀ + μ₁) / 2,   S = (1 - γ) Σ + γ (tr Σ / d) I
//! ```
//! Σ is the (weighted) covariance within the classes, `Σ_i u_i (x_i - μ)(x_i - μ)ᵀ / Σ_i u_i` with μ the mean of the
//! row's own class. Fisher, "The use of multiple measurements in taxonomic problems", 1936; shrinkage after Friedman,
//! "Regularized discriminant analysis", JASA 1989.
//!
//! S is never formed: the linear system is solved by conjugate gradients, each of which is one pass over the centred
//! rows, of which a copy in double precision is kept. `4 rows columns` flops each; their number grows with the root
//! of S's condition.

use super::mean_difference::{class_means, difference, finite, middle};
use super::pass::{Coefficient, RowPass};
use super::{Probe, Samples, inner};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::scalar::Scalar;

/// Options of [`discriminant`].
///
/// # Examples
/// ```
/// use brenier::nn::probe::DiscriminantOptions;
/// assert_eq!(DiscriminantOptions::default().with_shrinkage(0.5).shrinkage, 0.5);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DiscriminantOptions {
    /// γ, from 0 to 1. It must be positive where the samples are not at least two more than the inputs. Default 0.1.
    pub shrinkage: f64,
    /// The residual of the linear system, relative to the mean difference, at which the solver ends. Default 1e-10.
    pub tolerance: f64,
    /// Largest number of conjugate gradients. Default 2000.
    pub max_iterations: u64,
}

impl Default for DiscriminantOptions {
    fn default() -> Self {
        Self { shrinkage: 0.1, tolerance: 1e-10, max_iterations: 2000 }
    }
}

impl DiscriminantOptions {
    /// Sets γ.
    pub fn with_shrinkage(mut self, shrinkage: f64) -> Self {
        self.shrinkage = shrinkage;
        self
    }

    /// Sets the tolerance.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest number of conjugate gradients.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    fn validate(&self, rows: usize, inputs: usize) -> Result<()> {
        let (name, value) = ("shrinkage", self.shrinkage);
        if !(0.0..=1.0).contains(&value) {
            return Err(Error::Argument { name, value, requirement: "it must lie between 0 and 1" });
        }
        if value == 0.0 && rows < inputs + 2 {
            let requirement = "it must be positive where there are fewer samples than inputs + 2";
            return Err(Error::Argument { name, value, requirement });
        }
        let (name, value) = ("tolerance", self.tolerance);
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Error::Argument { name, value, requirement: "it must be finite and not negative" });
        }
        Ok(())
    }
}

/// A discriminant and how well its linear system is solved.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DiscriminantFit<T> {
    /// The probe.
    pub probe: Probe<T>,
    /// `|S w - (μ₁ - μ₀)| / |μ₁ - μ₀|`, computed afresh.
    pub residual: f64,
    /// Whether that is at most the tolerance.
    pub converged: bool,
    /// Conjugate gradients.
    pub iterations: u64,
}

/// Fisher's discriminant with shrinkage. w solves `((1 - γ) S + γ tr(S)/d) w = m₁ - m₀` with the pooled covariance S.
///
/// # Errors
/// As [`mean_difference`](super::mean_difference()); [`Error::Argument`] for options out of range, and where no row
/// differs from its class mean.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::probe::{DiscriminantOptions, Samples, discriminant};
/// // Both classes are spread along the first axis only a little less than they differ.
/// let x = Matrix::from_rows([[-3.0, 0.1], [3.0, -0.1], [0.0, 0.9], [6.0, 1.1], [0.0, 0.1], [6.0, 0.9]]);
/// let samples = Samples::new(&x, &[0_u8, 0, 1, 1, 0, 1]);
/// let fit = discriminant(&samples, &DiscriminantOptions::default().with_shrinkage(0.0))?;
/// assert!(fit.converged);
/// assert!(fit.probe.direction()[1] > 2.0 * fit.probe.direction()[0]); // the second axis tells them apart
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "LDA")]
pub fn discriminant<T: Scalar>(
    samples: &Samples<'_, T>,
    options: &DiscriminantOptions,
) -> Result<DiscriminantFit<T>> {
    let (rows, inputs) = samples.x().shape();
    let mass = samples.check("discriminant")?;
    options.validate(rows, inputs)?;
    let means = class_means(samples, mass);
    let target = difference(&means)?;
    let centred = Matrix::from_fn(rows, inputs, |row, column| {
        samples.x()[(row, column)].to_f64() - means[usize::from(samples.labels().is_one(row))][column]
    });
    let shares: Vec<f64> = (0..rows).map(|row| samples.weight(row) / (mass[0] + mass[1])).collect();
    let trace: f64 =
        centred.iter_rows().zip(&shares).map(|(row, share)| share * inner(row, row)).sum::<f64>();
    if trace == 0.0 {
        let (name, requirement) = ("spread within the classes", "it must be positive");
        return Err(Error::Argument { name, value: trace, requirement });
    }
    let mut spread = Spread {
        pass: RowPass::new(centred.view()),
        shares,
        kept: 1.0 - options.shrinkage,
        sphere: options.shrinkage * trace / inputs as f64,
    };
    let (direction, iterations) = spread.solve(&target, options);
    let mut image = vec![0.0; inputs];
    spread.multiply(&direction, &mut image);
    let off: f64 = image.iter().zip(&target).map(|(a, b)| (a - b) * (a - b)).sum();
    let residual = (off / inner(&target, &target)).sqrt();
    let bias = -middle(&direction, &means);
    let probe = finite(Probe::rounded(&direction, Some(bias)))?;
    Ok(DiscriminantFit { probe, residual, converged: residual <= options.tolerance, iterations })
}

/// S, as its products.
struct Spread<'a> {
    pass: RowPass<'a, f64, f64>,
    shares: Vec<f64>,
    kept: f64,
    sphere: f64,
}

impl Spread<'_> {
    /// `image = S v`.
    fn multiply(&mut self, v: &[f64], image: &mut [f64]) {
        self.pass.run(v, 0.0, Coefficient::Scaled { factors: &self.shares }, image);
        for (image, v) in image.iter_mut().zip(v) {
            *image = self.kept * *image + self.sphere * v;
        }
    }

    /// `S w = target` by conjugate gradients from zero, and their number.
    fn solve(&mut self, target: &[f64], options: &DiscriminantOptions) -> (Vec<f64>, u64) {
        let mut solution = vec![0.0; target.len()];
        let (mut residual, mut conjugate) = (target.to_vec(), target.to_vec());
        let mut image = vec![0.0; target.len()];
        let mut square = inner(target, target);
        // The recursive residual drifts from the true one: a margin keeps that below the tolerance.
        let enough = square * (0.1 * options.tolerance).powi(2);
        let mut iterations = 0;
        while square > enough && iterations < options.max_iterations {
            self.multiply(&conjugate, &mut image);
            iterations += 1;
            let curvature = inner(&conjugate, &image);
            if curvature <= 0.0 {
                break;
            }
            let length = square / curvature;
            for k in 0..target.len() {
                solution[k] += length * conjugate[k];
                residual[k] -= length * image[k];
            }
            let next = inner(&residual, &residual);
            let ratio = next / square;
            for (conjugate, residual) in conjugate.iter_mut().zip(&residual) {
                *conjugate = residual + ratio * *conjugate;
            }
            square = next;
        }
        (solution, iterations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::RandomStream;

    /// In two dimensions the inverse of S is written down.
    #[test]
    fn the_direction_is_that_of_the_closed_form() {
        let mut stream = RandomStream::new(8);
        let noise: Matrix<f64> = stream.normal_matrix(50, 2);
        let labels: Vec<bool> = (0..50).map(|i| i % 2 == 1).collect();
        let x = Matrix::from_fn(50, 2, |i, j| {
            let shift = if labels[i] { 1.0 } else { 0.0 };
            if j == 0 { 2.0 * noise[(i, 0)] + shift } else { noise[(i, 0)] + 0.5 * noise[(i, 1)] - shift }
        });
        let weights: Vec<f64> = (0..50).map(|i| 1.0 + f64::from(i % 3)).collect();
        let samples = Samples::new(&x, &labels).with_weights(&weights);
        for shrinkage in [0.0, 0.3, 1.0] {
            let fit =
                discriminant(&samples, &DiscriminantOptions::default().with_shrinkage(shrinkage)).unwrap();
            assert!(fit.converged, "{}", fit.residual);
            let (mut mass, mut means) = ([0.0; 2], [[0.0; 2]; 2]);
            for i in 0..50 {
                let class = usize::from(labels[i]);
                mass[class] += weights[i];
                (0..2).for_each(|j| means[class][j] += weights[i] * x[(i, j)]);
            }
            (0..2).for_each(|class| (0..2).for_each(|j| means[class][j] /= mass[class]));
            let mut s = [[0.0; 2]; 2];
            for i in 0..50 {
                let mean = means[usize::from(labels[i])];
                for (j, k) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    s[j][k] +=
                        weights[i] * (x[(i, j)] - mean[j]) * (x[(i, k)] - mean[k]) / (mass[0] + mass[1]);
                }
            }
            let sphere = shrinkage * (s[0][0] + s[1][1]) / 2.0;
            let s = [
                [(1.0 - shrinkage) * s[0][0] + sphere, (1.0 - shrinkage) * s[0][1]],
                [(1.0 - shrinkage) * s[1][0], (1.0 - shrinkage) * s[1][1] + sphere],
            ];
            let d = [means[1][0] - means[0][0], means[1][1] - means[0][1]];
            let determinant = s[0][0] * s[1][1] - s[0][1] * s[1][0];
            let w = [
                (s[1][1] * d[0] - s[0][1] * d[1]) / determinant,
                (s[0][0] * d[1] - s[1][0] * d[0]) / determinant,
            ];
            let b = -0.5 * (0..2).map(|j| w[j] * (means[0][j] + means[1][j])).sum::<f64>();
            let size = w[0].abs() + w[1].abs() + b.abs();
            // Two conjugate gradients solve it to rounding, times a condition number of some tens.
            for (got, expected) in fit.probe.parameters.iter().zip([w[0], w[1], b]) {
                assert!((got - expected).abs() < 1e-12 * size, "{shrinkage}: {got} {expected}");
            }
        }
    }

    #[test]
    fn what_has_no_inverse_is_refused() {
        let x = Matrix::from_rows([[0.0, 1.0, 2.0], [1.0, 0.0, 0.0], [3.0, 0.0, 1.0]]);
        let samples = Samples::new(&x, &[0_u8, 1, 1]);
        let options = DiscriminantOptions::default();
        let error = discriminant(&samples, &options.clone().with_shrinkage(0.0)).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "shrinkage", .. }));
        assert!(discriminant(&samples, &options.clone().with_shrinkage(1.5)).is_err());
        assert!(discriminant(&samples, &options).unwrap().converged);
        let flat = Matrix::from_rows([[0.0], [1.0], [0.0], [1.0]]);
        let error = discriminant(&Samples::new(&flat, &[0_u8, 1, 0, 1]), &options).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "spread within the classes", .. }));
    }
}
