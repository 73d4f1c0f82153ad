//! How good predictions of two classes are: counts, ranking, calibration.
//!
//! | file | |
//! | --- | --- |
//! | `confusion` | [`Confusion`]: the four counts, accuracy and what else follows from them |
//! | `ranking` | [`area_under_curve`], [`roc_curve`]: how well scores order the classes, whatever the threshold |
//! | `calibration` | [`Calibration`]: whether predicted probabilities happen as often as they say; Brier score and log-loss |
//!
//! Scores are logits or anything else that grows with the certainty of class 1; they are computed with in double precision.

mod calibration;
mod confusion;
mod ranking;

pub use calibration::{Bin, Calibration, calibration, log_loss};
pub use confusion::{Confusion, confusion};
pub use ranking::{RocPoint, area_under_curve, roc_curve};

use super::{Labels, Probe, Samples};
use crate::Scalar;
use crate::error::{Error, Result};

/// All of it for one probe.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Counts at the boundary z = 0.
    pub confusion: Confusion,
    /// The area under the ROC curve; NaN where there is one class only.
    pub area_under_curve: f64,
    /// The mean cross-entropy.
    pub log_loss: f64,
    /// Brier score, expected calibration error and ten bins.
    pub calibration: Calibration,
}

impl<T: Scalar> Probe<T> {
    /// Counts, ranking and calibration (in ten bins) on these samples. Their weights are not used.
    ///
    /// # Errors
    /// As [`logits`](Probe::logits), and [`Error::Shape`], [`Error::Label`] for labels that do not fit.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::nn::probe::{Probe, Samples};
    /// let x = Matrix::from_rows([[-1.0], [0.5], [2.0], [0.1]]);
    /// let probe = Probe::new(&[1.0], None)?;
    /// let evaluation = probe.evaluate(&Samples::new(&x, &[0_u8, 1, 1, 0]))?;
    /// assert_eq!(evaluation.confusion.accuracy(), 0.75);
    /// assert_eq!(evaluation.area_under_curve, 1.0); // another threshold would be right on all
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn evaluate(&self, samples: &Samples<'_, T>) -> Result<Evaluation> {
        samples.labels().check("Probe::evaluate", samples.x().rows())?;
        let logits = self.logits(samples.x())?;
        let labels = samples.labels();
        let mut probabilities = logits.clone();
        crate::simd::sigmoid(&mut probabilities);
        Ok(Evaluation {
            confusion: confusion(&logits, labels, 0.0)?,
            area_under_curve: match labels.check_both("Probe::evaluate", "labels") {
                Ok(()) => area_under_curve(&logits, labels)?,
                Err(_) => f64::NAN,
            },
            log_loss: log_loss(&logits, labels)?,
            calibration: calibration(&probabilities, labels, 10)?,
        })
    }
}

/// Refuses no scores, NaN among them, and labels that do not fit.
fn check_scores<T: Scalar>(
    operation: &'static str,
    what: &'static str,
    scores: &[T],
    labels: Labels<'_>,
) -> Result<()> {
    if scores.is_empty() {
        return Err(Error::Empty { what: "the predictions" });
    }
    labels.check(operation, scores.len())?;
    match scores.iter().position(|score| !score.is_finite()) {
        None => Ok(()),
        Some(index) => Err(Error::NotFinite { what, index, value: scores[index].to_f64() }),
    }
}
