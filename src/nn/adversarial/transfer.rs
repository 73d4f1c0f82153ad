//! One perturbation on other samples, and against directions drawn at random.

use super::{Norm, Score, check_answers, check_radius, check_samples};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::nn::probe::euclidean_norm;
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// What one perturbation does to many samples.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Transfer {
    /// Samples whose class changed.
    pub flipped: usize,
    /// Samples.
    pub total: usize,
    /// `|δ|`.
    pub norm: f64,
    /// The mean of `|δ| / |x|` over the samples that are not zero; NaN if all are.
    pub relative_norm: f64,
    /// The mean change of the score.
    pub mean_change: f64,
}

impl Transfer {
    /// The share of samples whose class changed.
    pub fn flip_rate(&self) -> f64 {
        self.flipped as f64 / self.total as f64
    }
}

/// Adds the same δ to all samples and counts how many change their class.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NotFiniteEntry`], [`Error::NotFinite`] for samples or a δ that do not
/// fit or are not finite, and for scores that overflow.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::adversarial::transfer;
/// use brenier::nn::probe::Probe;
/// let probe = Probe::new(&[1.0, 0.0], None)?;
/// let x = Matrix::from_rows([[-0.5, 1.0], [-2.0, 1.0]]);
/// let outcome = transfer(&probe, &x, &[1.0, 0.0])?;
/// assert_eq!((outcome.flipped, outcome.flip_rate(), outcome.mean_change), (1, 0.5, 1.0));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn transfer<'a, M: Score<T>, T: Scalar>(
    model: &M,
    x: impl Into<MatrixView<'a, T>>,
    delta: &[T],
) -> Result<Transfer> {
    let x = x.into();
    check_samples("transfer", model, x)?;
    check_delta("transfer", model.inputs(), delta)?;
    let mut workspace = M::Workspace::default();
    let (mut before, mut after) = (vec![T::ZERO; x.rows()], vec![T::ZERO; x.rows()]);
    model.scores_into(x, &mut workspace, &mut before)?;
    let moved = Matrix::from_fn(x.rows(), x.columns(), |row, column| x[(row, column)] + delta[column]);
    model.scores_into(moved.view(), &mut workspace, &mut after)?;
    check_answers(&before, None)?;
    check_answers(&after, None)?;
    let flipped = before.iter().zip(&after).filter(|&(&a, &b)| (a > T::ZERO) != (b > T::ZERO)).count();
    let norm = euclidean_norm(delta);
    let lengths: Vec<f64> = x.iter_rows().map(euclidean_norm).filter(|&length| length > 0.0).collect();
    let relative_norm = lengths.iter().map(|length| norm / length).sum::<f64>() / lengths.len() as f64;
    let change: f64 = before.iter().zip(&after).map(|(a, b)| b.to_f64() - a.to_f64()).sum();
    let mean_change = change / x.rows() as f64;
    Ok(Transfer { flipped, total: x.rows(), norm, relative_norm, mean_change })
}

/// The flip rates of so many perturbations of this Euclidean length in directions drawn uniformly, from the smallest to the largest.
///
/// # Errors
/// As [`transfer`], and [`Error::Argument`] for the length.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::adversarial::random_flip_rates;
/// use brenier::nn::probe::Probe;
/// use brenier::random::RandomStream;
/// let mut w = vec![0.0; 1000];
/// w[0] = 1.0;
/// let mut x = Matrix::zeros(1, 1000);
/// x[(0, 0)] = -1.0;
/// // A random direction of twice the length that is needed has about 6% of it along w.
/// let rates = random_flip_rates(&Probe::new(&w, None)?, &x, 2.0, 20, &mut RandomStream::new(1))?;
/// assert_eq!(rates, [0.0; 20]);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn random_flip_rates<'a, M: Score<T>, T: Scalar>(
    model: &M,
    x: impl Into<MatrixView<'a, T>>,
    length: T,
    directions: usize,
    stream: &mut RandomStream,
) -> Result<Vec<f64>> {
    let x = x.into();
    check_radius(length)?;
    let mut rates = Vec::with_capacity(directions);
    let mut delta = vec![T::ZERO; model.inputs()];
    for _ in 0..directions {
        stream.fill_normal(&mut delta);
        let factor = T::from_f64(length.to_f64() / Norm::Euclidean.of(&delta).max(f64::MIN_POSITIVE));
        delta.iter_mut().for_each(|delta| *delta *= factor);
        rates.push(transfer(model, x, &delta)?.flip_rate());
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates)
}

/// The cosine of the angle between two vectors.
///
/// # Errors
/// [`Error::Shape`] for different lengths, [`Error::ZeroDirection`] where one is zero.
///
/// # Examples
/// ```
/// use brenier::nn::adversarial::cosine;
/// assert_eq!(cosine(&[1.0, 0.0], &[3.0, 4.0])?, 0.6);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn cosine<T: Scalar>(a: &[T], b: &[T]) -> Result<f64> {
    if a.len() != b.len() {
        let (operation, what) = ("cosine", "the length of the second vector");
        return Err(Error::Shape { operation, what, expected: a.len(), got: b.len() });
    }
    let (first, second) = (euclidean_norm(a), euclidean_norm(b));
    if first == 0.0 || second == 0.0 {
        return Err(Error::ZeroDirection { what: "one of the vectors of a cosine" });
    }
    let products = a.iter().zip(b).map(|(a, b)| (a.to_f64() / first) * (b.to_f64() / second));
    Ok(products.sum::<f64>().clamp(-1.0, 1.0))
}

fn check_delta<T: Scalar>(operation: &'static str, expected: usize, delta: &[T]) -> Result<()> {
    if delta.len() != expected {
        let what = "the length of the perturbation";
        return Err(Error::Shape { operation, what, expected, got: delta.len() });
    }
    match delta.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite { what: "perturbation", index, value: delta[index].to_f64() }),
    }
}
