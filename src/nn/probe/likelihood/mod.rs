//! Logistic regression to tolerance, with proof: Newton's method whose steps are found by conjugate gradients.
//!
//! ```text
//! P(w, b) = λ/2 w·w + C Σ_i u_i ln(1 + e^(-y_i z_i)),   z_i = w · x_i + b,   y = ±1
//! D(α)    = -|Σ_i α_i y_i x_i|² / (2 λ) - Σ_i [α_i ln(α_i / c_i) + (c_i - α_i) ln((c_i - α_i) / c_i)],   c_i = C u_i
//! ```
//! with α in [0, c] and, where there is a bias (which is not penalised), `Σ α_i y_i = 0`. `D <= P` for every such α,
//! so `P - D` bounds how far P is from its minimum. Here `α_i = c_i σ(-y_i z_i)`, the derivatives of the losses; with
//! a bias the heavier class is scaled down until the sum is zero. Without a bias the gap is then `|∇P|² / (2 λ)`. λ =
//! 1 is scikit-learn's objective.
//!
//! Each step solves `∇²P d = -∇P` by conjugate gradients, to an accuracy that grows with the progress (Dembo,
//! Eisenstat and Steihaug, "Inexact Newton methods", SIAM J. Numer. Anal. 1982; for this problem Lin, Weng and
//! Keerthi, "Trust region Newton method for large-scale logistic regression", JMLR 2008), and goes along d as far as
//! the objective falls as it should (Armijo). A product with the Hessian is one pass over the rows,
//! `∇²P v = λ v + Σ c_i σ(z_i) σ(-z_i) (x_i · v) x_i`; products of the rows with d come with it, so that the search
//! along d reads no rows at all. Everything is in double precision, also for rows in single.
//!
//! Without penalty (λ = 0) there is a minimum only if no direction separates the classes. Where an iterate separates
//! them, that is [`Separable`](LikelihoodStatus::Separable): the infimum is 0 and not reached, and the probe is the
//! separating one. There is no dual value then.
//!
//! | file | |
//! | --- | --- |
//! | `options` | what the solver is asked for |
//! | `newton` | direction and search |
//! | `certificate` | objective, dual value and gap |

mod certificate;
mod newton;
mod options;

pub use certificate::LikelihoodCertificate;
pub use options::LikelihoodOptions;

use super::mean_difference::finite;
use super::{Probe, Samples, euclidean_norm};
use crate::error::Result;
use crate::scalar::Scalar;
use newton::Newton;
use std::ops::ControlFlow;

/// How the solver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LikelihoodStatus {
    /// The gap (without penalty: the gradient) is below the tolerance.
    Converged,
    /// Rounding lets the objective fall no further; the certificate says where.
    Stalled,
    /// Without penalty, and the probe separates the classes: there is no minimum.
    Separable,
    /// The limit on iterations was reached.
    IterationLimit,
    /// The observer stopped it.
    Stopped,
}

/// What the observer of [`fit_likelihood_with`] is told before each step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct NewtonStep {
    /// Steps so far.
    pub iterations: u64,
    /// Conjugate gradients so far: passes over the rows.
    pub inner_iterations: u64,
    /// Objective, gap and gradient now.
    pub certificate: LikelihoodCertificate,
}

/// A probe that minimises the penalised loss.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LikelihoodFit<T> {
    /// The probe.
    pub probe: Probe<T>,
    /// How the solver ended.
    pub status: LikelihoodStatus,
    /// What is known of it.
    pub certificate: LikelihoodCertificate,
    /// `|w|`.
    pub norm: f64,
    /// Newton steps.
    pub iterations: u64,
    /// Conjugate gradients in all of them.
    pub inner_iterations: u64,
}

/// Logistic regression to tolerance. It minimises `λ/2 w·w + C Σ ln(1 + e^(-y z))`; the certificate bounds the
/// optimum from below by the dual.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty), [`Error::Shape`](crate::Error::Shape),
/// [`Error::Label`](crate::Error::Label), [`Error::NotFiniteEntry`](crate::Error::NotFiniteEntry),
/// [`Error::NotFinite`](crate::Error::NotFinite), [`Error::Negative`](crate::Error::Negative),
/// [`Error::OneClass`](crate::Error::OneClass) for samples that nothing can be learned from;
/// [`Error::Argument`](crate::Error::Argument) for options out of range.
///
/// # Examples
/// Classes that a line separates have no maximum of the likelihood:
/// ```
/// use brenier::Matrix;
/// use brenier::nn::probe::{LikelihoodOptions, LikelihoodStatus, Samples, fit_likelihood};
/// let x = Matrix::from_rows([[1.0_f64], [-1.0]]);
/// let samples = Samples::new(&x, &[1_u8, 0]);
/// let fit = fit_likelihood(&samples, &LikelihoodOptions::default().with_penalty(0.0))?;
/// assert_eq!(fit.status, LikelihoodStatus::Separable);
/// let fit = fit_likelihood(&samples, &LikelihoodOptions::default())?;
/// let w = fit.probe.direction()[0]; // w = 2 σ(-w)
/// assert!((w - 2.0 / (1.0 + w.exp())).abs() < 2e-6); // |∇P|² / 2 <= 1e-12 P
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "LogisticRegression")]
#[doc(alias = "logistic regression")]
pub fn fit_likelihood<T: Scalar>(
    samples: &Samples<'_, T>,
    options: &LikelihoodOptions,
) -> Result<LikelihoodFit<T>> {
    fit_likelihood_with(samples, options, &mut |_| ControlFlow::Continue(()))
}

/// [`fit_likelihood`] with an observer that is told of every Newton step and can stop.
///
/// # Errors
/// As [`fit_likelihood`].
pub fn fit_likelihood_with<T: Scalar>(
    samples: &Samples<'_, T>,
    options: &LikelihoodOptions,
    observer: &mut dyn FnMut(&NewtonStep) -> ControlFlow<()>,
) -> Result<LikelihoodFit<T>> {
    options.validate()?;
    samples.check("fit_likelihood")?;
    let mut solver = Newton::new(samples, options);
    let (mut iterations, mut inner_iterations) = (0, 0);
    let mut initial_gradient = f64::NAN;
    let (status, certificate) = loop {
        solver.evaluate();
        let certificate = solver.certificate();
        if iterations == 0 {
            initial_gradient = certificate.gradient_norm;
        }
        if options.penalty == 0.0 && solver.separates() {
            break (LikelihoodStatus::Separable, certificate);
        }
        let small = if options.penalty > 0.0 {
            certificate.gap <= options.tolerance * certificate.objective
        } else {
            certificate.gradient_norm <= options.tolerance * initial_gradient
        };
        if small {
            break (LikelihoodStatus::Converged, certificate);
        }
        if iterations >= options.max_iterations {
            break (LikelihoodStatus::IterationLimit, certificate);
        }
        if observer(&NewtonStep { iterations, inner_iterations, certificate }).is_break() {
            break (LikelihoodStatus::Stopped, certificate);
        }
        inner_iterations += solver.find_direction(certificate.gradient_norm / initial_gradient);
        if !solver.search(certificate.objective) {
            break (LikelihoodStatus::Stalled, certificate);
        }
        iterations += 1;
    };
    let (direction, bias) = solver.parameters.split_at(samples.x().columns());
    Ok(LikelihoodFit {
        probe: finite(Probe::rounded(direction, bias.first().copied()))?,
        status,
        certificate,
        norm: euclidean_norm(direction),
        iterations,
        inner_iterations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::error::Error;
    use crate::random::RandomStream;

    pub(super) fn noisy(rows: usize, columns: usize, seed: u64) -> (Matrix<f64>, Vec<bool>) {
        let mut stream = RandomStream::new(seed);
        let x: Matrix<f64> = stream.normal_matrix(rows, columns);
        let labels = (0..rows).map(|i| x[(i, 0)] + 1.5 * stream.normal::<f64>() > 0.3).collect();
        (x, labels)
    }

    #[test]
    fn separation_is_said_and_a_penalty_gives_a_minimum() {
        let x = Matrix::from_rows([[1.0, 0.2], [2.0, -1.0], [-1.0, 0.3], [-0.5, -0.7]]);
        let samples = Samples::new(&x, &[1_u8, 1, 0, 0]);
        let free = LikelihoodOptions::default().with_penalty(0.0);
        let fit = fit_likelihood(&samples, &free).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::Separable);
        assert_eq!(fit.probe.predict(&x).unwrap(), [true, true, false, false]);
        assert!(fit.certificate.gap.is_nan() && fit.norm.is_finite());
        let fit = fit_likelihood(&samples, &free.with_penalty(1e-6)).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::Converged);
        assert!(fit.certificate.gap <= 1e-12 * fit.certificate.objective);
    }

    #[test]
    fn maximum_likelihood_of_overlapping_classes_has_no_gradient_left() {
        let (x, labels) = noisy(200, 4, 3);
        let options = LikelihoodOptions::default().with_penalty(0.0).with_bias(true);
        let fit = fit_likelihood(&Samples::new(&x, &labels), &options).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::Converged);
        assert!(fit.certificate.gradient_norm < 1e-9);
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let x = Matrix::from_rows([[1.0], [-1.0]]);
        let samples = Samples::new(&x, &[1_u8, 0]);
        let options = LikelihoodOptions::default();
        for bad in [
            options.clone().with_penalty(-1.0),
            options.clone().with_penalty(f64::NAN),
            options.clone().with_loss_weight(0.0),
            options.clone().with_tolerance(f64::INFINITY),
        ] {
            assert!(matches!(fit_likelihood(&samples, &bad), Err(Error::Argument { .. })));
        }
        let fit = fit_likelihood(&samples, &options.with_max_iterations(0)).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::IterationLimit);
        assert_eq!(fit.certificate.objective, 2.0 * std::f64::consts::LN_2);
    }
}
