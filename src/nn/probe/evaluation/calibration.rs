//! Whether what is predicted with probability p happens in a share p of the cases.
//!
//! Predictions are sorted into bins of equal width. The expected calibration error is
//! `Σ_bins n_bin / n |mean p - share of class 1|` (Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural
//! networks", ICML 2017); the Brier score is the mean of `(p - y)²` (Brier, Monthly Weather Review 1950). Both are 0
//! at best.

use super::{Labels, check_scores};
use crate::Scalar;
use crate::error::{Error, Result};

/// The predictions of one bin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Its lower end; the bin includes it.
    pub lower: f64,
    /// Its upper end; only the last bin includes it.
    pub upper: f64,
    /// How many predictions fall into it.
    pub count: usize,
    /// Their mean; NaN of none.
    pub mean_probability: f64,
    /// The share of class 1 among them; NaN of none.
    pub frequency: f64,
}

/// How predicted probabilities compare with what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The bins, from 0 to 1.
    pub bins: Vec<Bin>,
    /// The mean over all predictions of the distance between mean probability and frequency in their bin.
    pub expected_error: f64,
    /// The mean of `(p - y)²`.
    pub brier_score: f64,
}

/// Calibration of probabilities of class 1, in `bins` bins of equal width.
///
/// # Errors
/// [`Error::Argument`] for a probability outside [0, 1] or no bins; otherwise as [`confusion`](super::confusion()).
///
/// # Examples
/// ```
/// use brenier::nn::probe::evaluation::calibration;
/// let calibration = calibration(&[0.2, 0.2, 0.9, 0.7], &[0_u8, 1, 1, 1], 2)?;
/// assert_eq!(calibration.bins[0].frequency, 0.5);
/// assert!((calibration.expected_error - (0.5 * 0.3 + 0.5 * 0.2)).abs() < 1e-15);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn calibration<'a, T: Scalar>(
    probabilities: &[T],
    labels: impl Into<Labels<'a>>,
    bins: usize,
) -> Result<Calibration> {
    let labels = labels.into();
    check_scores("calibration", "probabilities", probabilities, labels)?;
    if bins == 0 {
        return Err(Error::Argument { name: "bins", value: 0.0, requirement: "there must be at least one" });
    }
    let mut sums: Vec<(usize, f64, usize)> = Vec::new();
    if sums.try_reserve_exact(bins).is_err() {
        let requirement = "they must fit into memory";
        return Err(Error::Argument { name: "bins", value: bins as f64, requirement });
    }
    sums.resize(bins, (0, 0.0, 0));
    let mut brier = 0.0;
    for (index, probability) in probabilities.iter().enumerate() {
        let value = probability.to_f64();
        if !(0.0..=1.0).contains(&value) {
            let requirement = "it must lie between 0 and 1";
            return Err(Error::Argument { name: "probability", value, requirement });
        }
        let one = labels.is_one(index);
        let bin = &mut sums[((value * bins as f64) as usize).min(bins - 1)];
        bin.0 += 1;
        bin.1 += value;
        bin.2 += usize::from(one);
        let off = if one { 1.0 - value } else { value };
        brier += off * off;
    }
    let total = probabilities.len() as f64;
    let mut expected_error = 0.0;
    let edge = |k: usize| k as f64 / bins as f64;
    let bins = sums
        .iter()
        .enumerate()
        .map(|(k, &(count, sum, ones))| {
            expected_error += (sum - ones as f64).abs() / total;
            let (lower, upper) = (edge(k), edge(k + 1));
            let n = count as f64;
            Bin { lower, upper, count, mean_probability: sum / n, frequency: ones as f64 / n }
        })
        .collect();
    Ok(Calibration { bins, expected_error, brier_score: brier / total })
}

/// The mean cross-entropy of logits, `ln(1 + e^(-y z))` with y = ±1.
///
/// # Errors
/// As [`confusion`](super::confusion()).
///
/// # Examples
/// ```
/// use brenier::nn::probe::evaluation::log_loss;
/// assert_eq!(log_loss(&[0.0_f64, 0.0], &[true, false])?, std::f64::consts::LN_2);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn log_loss<'a, T: Scalar>(logits: &[T], labels: impl Into<Labels<'a>>) -> Result<f64> {
    let labels = labels.into();
    check_scores("log_loss", "logits", logits, labels)?;
    let mut sum = 0.0;
    for (index, z) in logits.iter().enumerate() {
        let x = if labels.is_one(index) { -z.to_f64() } else { z.to_f64() };
        sum += x.max(0.0) + (-x.abs()).exp().ln_1p();
    }
    Ok(sum / logits.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_and_contrary_predictions() {
        let perfect = calibration(&[0.0, 1.0, 1.0], &[0_u8, 1, 1], 10).unwrap();
        assert_eq!((perfect.expected_error, perfect.brier_score), (0.0, 0.0));
        assert_eq!((perfect.bins[0].count, perfect.bins[9].count), (1, 2));
        assert!(perfect.bins[4].frequency.is_nan());
        let contrary = calibration(&[1.0_f32, 0.0], &[0_u8, 1], 3).unwrap();
        assert_eq!((contrary.expected_error, contrary.brier_score), (1.0, 1.0));
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(calibration(&[0.5], &[1_u8], 0), Err(Error::Argument { name: "bins", .. })));
        assert!(matches!(
            calibration(&[1.5], &[1_u8], 5),
            Err(Error::Argument { name: "probability", value: 1.5, .. })
        ));
        assert!(matches!(calibration(&[f64::NAN], &[1_u8], 5), Err(Error::NotFinite { .. })));
        assert_eq!(log_loss(&[-800.0], &[true]).unwrap(), 800.0);
    }
}
