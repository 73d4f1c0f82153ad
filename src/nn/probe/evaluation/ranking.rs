//! How well scores order two classes: the ROC curve and the area under it.
//!
//! The area is the chance that a sample of class 1 scores higher than one of class 0, ties counted half: Mann and
//! Whitney's U over the number of pairs (Hanley and McNeil, "The meaning and use of the area under a receiver
//! operating characteristic curve", Radiology 1982). One sort: n log n.

use super::{Labels, check_scores};
use crate::Scalar;
use crate::error::Result;

/// A point of the ROC curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// Scores from here on are called 1.
    pub threshold: f64,
    /// The share of class 0 that is called 1 then.
    pub false_positive_rate: f64,
    /// The share of class 1 that is.
    pub true_positive_rate: f64,
}

/// `(score, samples of class 0, samples of class 1)` with this score, from the highest score down.
fn tied<T: Scalar>(scores: &[T], labels: Labels<'_>) -> Vec<(f64, usize, usize)> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].to_f64().total_cmp(&scores[a].to_f64()));
    let mut groups: Vec<(f64, usize, usize)> = Vec::new();
    for index in order {
        let score = scores[index].to_f64();
        let one = usize::from(labels.is_one(index));
        match groups.last_mut() {
            // The two zeros are one score.
            Some(group) if group.0 == score => {
                group.1 += 1 - one;
                group.2 += one;
            }
            _ => groups.push((score, 1 - one, one)),
        }
    }
    groups
}

/// The chance that a sample of class 1 scores higher than one of class 0; ties count half.
///
/// # Errors
/// [`Error::OneClass`](crate::Error::OneClass) where all labels are the same; otherwise as [`confusion`](super::confusion()).
///
/// # Examples
/// ```
/// use brenier::nn::probe::evaluation::area_under_curve;
/// assert_eq!(area_under_curve(&[0.1, 0.4, 0.4, 0.8], &[0_u8, 0, 1, 1])?, 0.875);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "AUC")]
#[doc(alias = "roc_auc_score")]
pub fn area_under_curve<'a, T: Scalar>(scores: &[T], labels: impl Into<Labels<'a>>) -> Result<f64> {
    let labels = labels.into();
    check_scores("area_under_curve", "scores", scores, labels)?;
    labels.check_both("area_under_curve", "labels")?;
    // Twice the number of pairs in the right order: integers, so that nothing rounds.
    let (mut ones_above, mut twice) = (0_u128, 0_u128);
    for (_, zeros, ones) in tied(scores, labels) {
        let (zeros, ones) = (zeros as u128, ones as u128);
        twice += zeros * (2 * ones_above + ones);
        ones_above += ones;
    }
    let ones = labels.ones();
    Ok(twice as f64 / (2.0 * ones as f64 * (labels.len() - ones) as f64))
}

/// The ROC curve: from (0, 0), with a threshold above all scores, to (1, 1); one point for each different score, ties together.
///
/// # Errors
/// As [`area_under_curve`].
///
/// # Examples
/// ```
/// use brenier::nn::probe::evaluation::roc_curve;
/// let curve = roc_curve(&[0.1, 0.4, 0.4, 0.8], &[0_u8, 0, 1, 1])?;
/// let points: Vec<_> = curve.iter().map(|p| (p.false_positive_rate, p.true_positive_rate)).collect();
/// assert_eq!(points, [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn roc_curve<'a, T: Scalar>(scores: &[T], labels: impl Into<Labels<'a>>) -> Result<Vec<RocPoint>> {
    let labels = labels.into();
    check_scores("roc_curve", "scores", scores, labels)?;
    labels.check_both("roc_curve", "labels")?;
    let ones = labels.ones() as f64;
    let zeros = labels.len() as f64 - ones;
    let mut curve =
        vec![RocPoint { threshold: f64::INFINITY, false_positive_rate: 0.0, true_positive_rate: 0.0 }];
    let (mut zeros_above, mut ones_above) = (0, 0);
    for (threshold, zeros_here, ones_here) in tied(scores, labels) {
        zeros_above += zeros_here;
        ones_above += ones_here;
        curve.push(RocPoint {
            threshold,
            false_positive_rate: zeros_above as f64 / zeros,
            true_positive_rate: ones_above as f64 / ones,
        });
    }
    Ok(curve)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use proptest::prelude::*;

    proptest! {
        /// Against all pairs, with many ties; and the trapezia under the curve.
        #[test]
        fn the_area_is_the_share_of_pairs(samples in prop::collection::vec((0..12_i32, any::<bool>()), 2..60)) {
            let scores: Vec<f64> = samples.iter().map(|&(score, _)| f64::from(score) - 6.0).collect();
            let labels: Vec<bool> = samples.iter().map(|&(_, label)| label).collect();
            let (mut pairs, mut right) = (0, 0.0);
            for i in 0..labels.len() {
                for j in 0..labels.len() {
                    if labels[i] && !labels[j] {
                        pairs += 1;
                        right += if scores[i] > scores[j] { 1.0 } else if scores[i] == scores[j] { 0.5 } else { 0.0 };
                    }
                }
            }
            if pairs == 0 {
                let refused = matches!(area_under_curve(&scores, &labels), Err(Error::OneClass { .. }));
                prop_assert!(refused);
                return Ok(());
            }
            let area = area_under_curve(&scores, &labels).unwrap();
            prop_assert_eq!(area, right / f64::from(pairs));
            let curve = roc_curve(&scores, &labels).unwrap();
            let trapezia: f64 = curve
                .windows(2)
                .map(|ends| {
                    let width = ends[1].false_positive_rate - ends[0].false_positive_rate;
                    0.5 * width * (ends[0].true_positive_rate + ends[1].true_positive_rate)
                })
                .sum();
            prop_assert!((trapezia - area).abs() < 1e-14);
        }
    }
}
