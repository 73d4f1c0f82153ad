//! Linear probes: logistic regression on activations, and the direction that it finds.
//!
//! ```text
//! z = w · x + b,   P(1 | x) = σ(z) = 1 / (1 + e^-z),   label 1 where z > 0
//! ```
//! x is a row of inputs (activations of a network, say), w the direction, b an optional bias.
//!
//! | fit | what it minimises or computes | answer |
//! | --- | --- | --- |
//! | [`fit_adamw`] | the mean cross-entropy, by a given number of full-batch steps of AdamW, as probes are usually trained | loss, status |
//! | [`fit_likelihood`] | `λ/2 w·w + C Σ ln(1 + e^(-y z))` to tolerance, by Newton's method | certificate: objective, dual value, gap, gradient |
//! | [`mean_difference`] | w = the difference of the class means | closed form |
//! | [`discriminant`] | w = (1 - γ covariance + γ spherical)⁻¹ times that difference (Fisher's discriminant) | residual of the linear system |
//!
//! [`evaluation`] says how good predictions are: accuracy, ranking, calibration. [`adversarial`](super::adversarial)
//! moves inputs across the boundary.
//!
//! # Cost
//! An epoch of AdamW, a gradient and a product with the Hessian each read the rows once: four rows are multiplied by
//! w while the four before them, now in the cache, are added to the gradient. So an epoch takes what it takes to read
//! the matrix.
//!
//! # Determinism
//! Rows are cut into chunks by the shape alone, partial sums are added in order: the same bits for any number of threads.

mod adamw;
mod discriminant;
pub mod evaluation;
mod likelihood;
mod mean_difference;
mod pass;
mod samples;

pub use adamw::{AdamwFit, AdamwOptions, AdamwStatus, Epoch, Start, fit_adamw, fit_adamw_with};
pub use discriminant::{DiscriminantFit, DiscriminantOptions, discriminant};
pub use likelihood::{
    LikelihoodCertificate, LikelihoodFit, LikelihoodOptions, LikelihoodStatus, NewtonStep, fit_likelihood,
    fit_likelihood_with,
};
pub use mean_difference::mean_difference;
pub use samples::{Labels, Samples};

use super::{Parameters, TensorPlace, check_batch};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;

/// A linear classifier of two classes: a direction and possibly a bias. See the [module](self).
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::probe::{LikelihoodOptions, Probe, Samples, fit_likelihood};
/// let x = Matrix::from_rows([[0.0, 1.0], [1.0, 3.0], [2.0, 1.0], [3.0, 2.0]]);
/// let samples = Samples::new(&x, &[0_u8, 0, 1, 1]);
/// let fit = fit_likelihood(&samples, &LikelihoodOptions::default().with_bias(true))?;
/// assert_eq!(fit.probe.predict(&x)?, [false, false, true, true]);
/// assert!(fit.certificate.gap <= 1e-12 * fit.certificate.objective); // proved, not hoped
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Probe<T> {
    /// The direction, then the bias where there is one.
    parameters: Vec<T>,
    inputs: usize,
}

impl<T: Scalar> Probe<T> {
    /// The probe with this direction and this bias.
    ///
    /// # Errors
    /// [`Error::Empty`] without inputs, [`Error::NotFinite`] for a number that is not finite.
    ///
    /// # Examples
    /// ```
    /// use brenier::nn::probe::Probe;
    /// let probe = Probe::new(&[1.0, -1.0], Some(0.5))?;
    /// assert_eq!(probe.logit(&[2.0, 1.0])?, 1.5);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn new(direction: &[T], bias: Option<T>) -> Result<Self> {
        if direction.is_empty() {
            return Err(Error::Empty { what: "the direction of a probe" });
        }
        let parameters: Vec<T> = direction.iter().copied().chain(bias).collect();
        if let Some(index) = parameters.iter().position(|value| !value.is_finite()) {
            let value = parameters[index].to_f64();
            return Err(if index < direction.len() {
                Error::NotFinite { what: "direction", index, value }
            } else {
                Error::Argument { name: "bias", value, requirement: "it must be finite" }
            });
        }
        Ok(Self { parameters, inputs: direction.len() })
    }

    /// A probe of zeros.
    fn zero(inputs: usize, bias: bool) -> Self {
        Self { parameters: vec![T::ZERO; inputs + usize::from(bias)], inputs }
    }

    /// The probe whose numbers these are, rounded.
    fn rounded(direction: &[f64], bias: Option<f64>) -> Self {
        let parameters = direction.iter().copied().chain(bias).map(T::from_f64).collect();
        Self { parameters, inputs: direction.len() }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The direction w.
    pub fn direction(&self) -> &[T] {
        &self.parameters[..self.inputs]
    }

    /// The bias b, where there is one.
    pub fn bias(&self) -> Option<T> {
        self.parameters.get(self.inputs).copied()
    }

    /// `|w|`, in double precision.
    pub fn norm(&self) -> f64 {
        euclidean_norm(self.direction())
    }

    /// z of one row.
    ///
    /// # Errors
    /// [`Error::Shape`] for a wrong number of inputs, [`Error::NotFiniteEntry`] for an input that is not finite.
    pub fn logit(&self, x: &[T]) -> Result<T> {
        let mut out = [T::ZERO];
        self.logits_into(MatrixView::from_slice(x, 1, x.len())?, &mut out)?;
        Ok(out[0])
    }

    /// z of every row.
    ///
    /// # Errors
    /// As [`logits_into`](Self::logits_into).
    pub fn logits<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Vec<T>> {
        let x = x.into();
        let mut out = vec![T::ZERO; x.rows()];
        self.logits_into(x, &mut out)?;
        Ok(out)
    }

    /// z of every row, to `out`.
    ///
    /// # Errors
    /// [`Error::Empty`] of no rows, [`Error::Shape`] where rows or `out` do not fit, [`Error::NotFiniteEntry`] for an
    /// input that is not finite, [`Error::NotFinite`] for logits that overflow.
    pub fn logits_into<'a>(&self, x: impl Into<MatrixView<'a, T>>, out: &mut [T]) -> Result<()> {
        let (operation, x) = ("Probe::logits_into", x.into());
        check_batch(operation, "columns of the input", x, self.inputs)?;
        if out.len() != x.rows() {
            let what = "the length of out";
            return Err(Error::Shape { operation, what, expected: x.rows(), got: out.len() });
        }
        pass::products_into(x, self.direction(), self.bias().unwrap_or(T::ZERO), out);
        // Inputs are looked through only where a product says that there is something to find.
        if let Some(index) = out.iter().position(|z| !z.is_finite()) {
            x.check_finite("input")?;
            return Err(Error::NotFinite { what: "logits", index, value: out[index].to_f64() });
        }
        Ok(())
    }

    /// `σ(z)`, the probability of class 1, of every row.
    ///
    /// # Errors
    /// As [`logits_into`](Self::logits_into).
    pub fn probabilities<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Vec<T>> {
        let mut out = self.logits(x)?;
        crate::simd::sigmoid(&mut out);
        Ok(out)
    }

    /// Whether each row is of class 1: z > 0.
    ///
    /// # Errors
    /// As [`logits_into`](Self::logits_into).
    pub fn predict<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Vec<bool>> {
        Ok(self.logits(x)?.into_iter().map(|z| z > T::ZERO).collect())
    }
}

impl<T: Scalar> Parameters<T> for Probe<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    /// `weight` (1, inputs), then `bias` (1) where there is one: PyTorch's `Linear(inputs, 1)`.
    fn tensors(&self) -> Vec<TensorPlace> {
        let mut tensors = vec![TensorPlace {
            name: "weight".to_owned(),
            shape: vec![1, self.inputs],
            range: 0..self.inputs,
        }];
        if self.bias().is_some() {
            let range = self.inputs..self.inputs + 1;
            tensors.push(TensorPlace { name: "bias".to_owned(), shape: vec![1], range });
        }
        tensors
    }
}

/// The inner product in double precision.
pub(crate) fn inner<A: Scalar, B: Scalar>(a: &[A], b: &[B]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

/// The Euclidean norm, in double precision; numbers up to the largest `f32` do not overflow.
pub(crate) fn euclidean_norm<T: Scalar>(a: &[T]) -> f64 {
    let square = inner(a, a);
    if square.is_finite() && square > 1e-270 {
        return square.sqrt();
    }
    // Squares that left the range are scaled; NaN and infinities stay what they are.
    super::optim::gradient_norm(a).unwrap_or(square.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn parameters_lie_in_one_slice_and_predictions_follow_them() {
        let mut probe = Probe::new(&[1.0_f32, -2.0], Some(0.5)).unwrap();
        let names: Vec<_> = probe.tensors().into_iter().map(|place| (place.name, place.range)).collect();
        assert_eq!(names, [("weight".to_owned(), 0..2), ("bias".to_owned(), 2..3)]);
        let x = Matrix::from_rows([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]);
        assert_eq!(probe.logits(&x).unwrap(), [1.5, -1.5, 0.0]);
        assert_eq!(probe.predict(&x).unwrap(), [true, false, false]);
        assert!((probe.probabilities(&x).unwrap()[1] - 1.0 / (1.0 + 1.5_f32.exp())).abs() < 1e-7);
        probe.parameters_mut()[2] = 2.0;
        assert_eq!(probe.bias(), Some(2.0));
        assert_eq!(Probe::new(&[3.0, 4.0], None).unwrap().norm(), 5.0);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(Probe::<f64>::new(&[], None), Err(Error::Empty { .. })));
        let error = Probe::new(&[1.0, f64::NAN], None).unwrap_err();
        assert!(matches!(error, Error::NotFinite { what: "direction", index: 1, .. }));
        assert!(matches!(Probe::new(&[1.0], Some(f64::INFINITY)), Err(Error::Argument { name: "bias", .. })));
        let probe = Probe::new(&[1.0_f64, 1.0], None).unwrap();
        let x = Matrix::from_rows([[0.0, 1.0], [0.0, f64::NAN]]);
        assert_eq!(probe.logits(&x).unwrap_err().to_string(), "input[1, 1] is NaN: it must be finite");
        let x = Matrix::from_rows([[f64::MAX, f64::MAX]]);
        assert!(matches!(probe.logits(&x), Err(Error::NotFinite { what: "logits", index: 0, .. })));
        assert!(matches!(probe.logits(&Matrix::zeros(0, 2)), Err(Error::Empty { .. })));
        assert!(matches!(probe.logits(&Matrix::zeros(1, 3)), Err(Error::Shape { expected: 2, got: 3, .. })));
        assert!(matches!(probe.logits_into(&Matrix::zeros(2, 2), &mut [0.0]), Err(Error::Shape { .. })));
    }
}
