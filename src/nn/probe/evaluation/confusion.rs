//! Right and wrong answers of each kind, counted.

use super::{Labels, check_scores};
use crate::Scalar;
use crate::error::Result;

/// How many samples of each class are called what. "Positive" is class 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confusion {
    /// Class 1, called 1.
    pub true_positive: usize,
    /// Class 0, called 1.
    pub false_positive: usize,
    /// Class 0, called 0.
    pub true_negative: usize,
    /// Class 1, called 0.
    pub false_negative: usize,
}

impl Confusion {
    /// Number of samples.
    pub fn total(&self) -> usize {
        self.true_positive + self.false_positive + self.true_negative + self.false_negative
    }

    /// The share of right answers.
    pub fn accuracy(&self) -> f64 {
        (self.true_positive + self.true_negative) as f64 / self.total() as f64
    }

    /// The mean over the classes of the share of right answers; NaN without samples of one class.
    pub fn balanced_accuracy(&self) -> f64 {
        0.5 * (self.recall() + self.specificity())
    }

    /// The share of class 1 among what is called 1; NaN where nothing is.
    pub fn precision(&self) -> f64 {
        self.true_positive as f64 / (self.true_positive + self.false_positive) as f64
    }

    /// The share of class 1 that is called 1; NaN where there is none.
    #[doc(alias = "sensitivity")]
    pub fn recall(&self) -> f64 {
        self.true_positive as f64 / (self.true_positive + self.false_negative) as f64
    }

    /// The share of class 0 that is called 0; NaN where there is none.
    pub fn specificity(&self) -> f64 {
        self.true_negative as f64 / (self.true_negative + self.false_positive) as f64
    }
}

/// The counts where a score above `threshold` means class 1.
///
/// # Errors
/// [`Error::Empty`](crate::Error::Empty) without scores, [`Error::Shape`](crate::Error::Shape) for another number of
/// labels, [`Error::Label`](crate::Error::Label) for a label that is not 0 or 1,
/// [`Error::NotFinite`](crate::Error::NotFinite) for a score that is not finite.
///
/// # Examples
/// ```
/// use brenier::nn::probe::evaluation::confusion;
/// let counts = confusion(&[0.9, 0.2, 0.7], &[1_u8, 0, 0], 0.5)?;
/// assert_eq!((counts.true_positive, counts.false_positive, counts.true_negative), (1, 1, 1));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn confusion<'a, T: Scalar>(
    scores: &[T],
    labels: impl Into<Labels<'a>>,
    threshold: f64,
) -> Result<Confusion> {
    let labels = labels.into();
    check_scores("confusion", "scores", scores, labels)?;
    let mut counts = Confusion::default();
    for (index, score) in scores.iter().enumerate() {
        let count = match (labels.is_one(index), score.to_f64() > threshold) {
            (true, true) => &mut counts.true_positive,
            (false, true) => &mut counts.false_positive,
            (false, false) => &mut counts.true_negative,
            (true, false) => &mut counts.false_negative,
        };
        *count += 1;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn rates_follow_from_the_counts() {
        let counts = Confusion { true_positive: 3, false_positive: 1, true_negative: 5, false_negative: 1 };
        assert_eq!((counts.total(), counts.accuracy()), (10, 0.8));
        assert_eq!((counts.precision(), counts.recall()), (0.75, 0.75));
        assert_eq!(counts.balanced_accuracy(), 0.5 * (0.75 + 5.0 / 6.0));
        assert!(Confusion::default().precision().is_nan());
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(confusion::<f64>(&[], &[0_u8; 0], 0.0), Err(Error::Empty { .. })));
        assert!(matches!(confusion(&[1.0], &[2_u8], 0.0), Err(Error::Label { index: 0, label: 2, .. })));
        assert!(matches!(confusion(&[1.0], &[1_u8, 0], 0.0), Err(Error::Shape { .. })));
        let error = confusion(&[1.0, f64::NAN], &[true, false], 0.0).unwrap_err();
        assert!(matches!(error, Error::NotFinite { what: "scores", index: 1, .. }));
    }
}
