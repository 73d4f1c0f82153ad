//! Distributions on the line by their quantile functions, and the path between two of them.
//!
//! On the line the optimal map is T = F₁⁻¹∘F₀, so the point at the share u of μ₀ goes to the point at the share u of μ₁, and
//! the quantile function of μₜ is `(1-t) F₀⁻¹(u) + t F₁⁻¹(u)`.

use super::check_time;
use crate::error::{Error, Result};
use crate::ot::problem::{Weights, checked_side, sum};
use crate::scalar::Scalar;

/// The quantile function of weighted numbers: `F⁻¹(u) = min {x : F(x) >= u}`, with F(x) the share of the mass at or below x.
///
/// # Examples
/// ```
/// use brenier::ot::geodesic::SampleQuantiles;
/// let quantiles = SampleQuantiles::new(&[30.0, 10.0, 20.0, 40.0])?;
/// assert_eq!(quantiles.quantile(0.25), 10.0);
/// assert_eq!(quantiles.quantile(0.26), 20.0);
/// assert_eq!(quantiles.quantile(1.0), 40.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SampleQuantiles {
    /// Ascending.
    values: Vec<f64>,
    /// F at each value, the last one 1.
    shares: Vec<f64>,
}

impl SampleQuantiles {
    /// Of numbers that weigh the same.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::NotFinite`] for a number that is NaN or infinite.
    pub fn new<T: Scalar>(samples: &[T]) -> Result<Self> {
        Self::build(samples, None)
    }

    /// Of weighted numbers; the weights need not sum to one.
    ///
    /// # Errors
    /// Those of [`SampleQuantiles::new`]; [`Error::Shape`], [`Error::NotFinite`], [`Error::Negative`], [`Error::ZeroMass`] for the
    /// weights.
    pub fn with_weights<T: Scalar, W: Scalar>(samples: &[T], weights: &[W]) -> Result<Self> {
        Self::build(samples, Some(Weights::new(weights)))
    }

    fn build<T: Scalar>(samples: &[T], weights: Option<Weights>) -> Result<Self> {
        let (values, weights) = checked_samples(samples, weights)?;
        let mut order: Vec<usize> = (0..values.len()).filter(|&index| weights[index] > 0.0).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let uniform = order.iter().all(|&index| weights[index] == weights[order[0]]);
        let mass = sum(order.iter().map(|&index| weights[index]));
        let count = order.len() as f64;
        let mut running = 0.0;
        let mut shares: Vec<f64> = order
            .iter()
            .enumerate()
            .map(|(position, &index)| {
                running += weights[index];
                // Equal weights have shares k/n, rounded once.
                let share = if uniform { (position + 1) as f64 / count } else { running / mass };
                share.min(1.0)
            })
            .collect();
        *shares.last_mut().expect("some sample has mass") = 1.0;
        Ok(Self { values: order.iter().map(|&index| values[index]).collect(), shares })
    }

    /// F⁻¹(u); for u <= 0 the smallest number, for u >= 1 the largest. NaN for NaN.
    pub fn quantile(&self, u: f64) -> f64 {
        if u.is_nan() {
            return f64::NAN;
        }
        let index = self.shares.partition_point(|&share| share < u);
        self.values[index.min(self.values.len() - 1)]
    }
}

/// Samples widened to `f64` and their weights, checked; 1/n each where none are given.
pub(super) fn checked_samples<T: Scalar>(
    samples: &[T],
    weights: Option<Weights>,
) -> Result<(Vec<f64>, Vec<f64>)> {
    if samples.is_empty() {
        return Err(Error::Empty { what: "samples" });
    }
    let values: Vec<f64> = samples.iter().map(|sample| sample.to_f64()).collect();
    if let Some(index) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::NotFinite { what: "samples", index, value: values[index] });
    }
    let (weights, _) = checked_side(["weights", "number of weights"], weights.as_ref(), samples.len())?;
    Ok((values, weights))
}

/// The geodesic between two distributions on the line, followed at given shares of the mass.
///
/// # Examples
/// ```
/// use brenier::ot::geodesic::{Normal, QuantilePath};
/// let (source, target) = (Normal::new(0.0, 1.0)?, Normal::new(5.0, 2.0)?);
/// let path = QuantilePath::between(|u| source.quantile(u), |u| target.quantile(u), &QuantilePath::levels(500, 1e-6)?)?;
/// let middle = path.at(0.5)?; // 500 quantiles of N(2.5, 1.5²)
/// assert!((middle[0] - (2.5 + 1.5 * source.quantile(1e-6))).abs() < 1e-13);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct QuantilePath {
    source: Vec<f64>,
    target: Vec<f64>,
}

impl QuantilePath {
    /// `count` evenly spaced shares from `margin` to 1 - `margin`, both included (as `linspace`).
    ///
    /// # Errors
    /// [`Error::Argument`] if the margin is not in (0, 1/2), [`Error::Empty`] for no shares.
    pub fn levels(count: usize, margin: f64) -> Result<Vec<f64>> {
        if !(margin > 0.0 && margin < 0.5) {
            return Err(Error::Argument {
                name: "margin",
                value: margin,
                requirement: "it must lie between 0 and 1/2",
            });
        }
        if count == 0 {
            return Err(Error::Empty { what: "levels" });
        }
        let step = (1.0 - 2.0 * margin) / (count.max(2) - 1) as f64;
        let mut levels: Vec<f64> = (0..count).map(|k| margin + k as f64 * step).collect();
        if count > 1 {
            levels[count - 1] = 1.0 - margin;
        }
        Ok(levels)
    }

    /// The path from the distribution with quantile function `source` to the one with `target`, at the shares `levels`.
    ///
    /// # Errors
    /// [`Error::Empty`] for no levels; [`Error::NotFinite`], with the index of the level, where a quantile is not finite.
    pub fn between(source: impl Fn(f64) -> f64, target: impl Fn(f64) -> f64, levels: &[f64]) -> Result<Self> {
        if levels.is_empty() {
            return Err(Error::Empty { what: "levels" });
        }
        let at_levels = |what: &'static str, quantile: &dyn Fn(f64) -> f64| -> Result<Vec<f64>> {
            let values: Vec<f64> = levels.iter().map(|&u| quantile(u)).collect();
            match values.iter().position(|value| !value.is_finite()) {
                None => Ok(values),
                Some(index) => Err(Error::NotFinite { what, index, value: values[index] }),
            }
        };
        Ok(Self {
            source: at_levels("source quantiles", &source)?,
            target: at_levels("target quantiles", &target)?,
        })
    }

    /// F₀⁻¹ at the levels.
    pub fn source(&self) -> &[f64] {
        &self.source
    }

    /// F₁⁻¹ at the levels.
    pub fn target(&self) -> &[f64] {
        &self.target
    }

    /// The quantiles at time t, (1-t) F₀⁻¹(u) + t F₁⁻¹(u) at each level. At t = 0 and 1 they are the ends, bit for bit.
    ///
    /// # Errors
    /// [`Error::Argument`] if t is not in [0, 1].
    pub fn at(&self, t: f64) -> Result<Vec<f64>> {
        check_time(t)?;
        let pairs = self.source.iter().zip(&self.target);
        Ok(pairs.map(|(x, y)| between(*x, *y, t)).collect())
    }
}

/// (1-t) x + t y.
#[inline]
pub(super) fn between(x: f64, y: f64, t: f64) -> f64 {
    (1.0 - t) * x + t * y
}

#[cfg(test)]
mod tests {
    use super::super::Normal;
    use super::*;
    use crate::ot::line::{LineProblem, wasserstein_distance};
    use proptest::prelude::*;

    #[test]
    fn normal_quantiles_travel_the_closed_form_distance() {
        let (source, target) = (Normal::new(0.0, 1.0).unwrap(), Normal::new(5.0, 2.0).unwrap());
        // Midpoints of n equal shares: the mean of z² over them misses 1 by the tails, O(ln n / n).
        let n = 20_000;
        let levels: Vec<f64> = (0..n).map(|k| (k as f64 + 0.5) / n as f64).collect();
        let path = QuantilePath::between(|u| source.quantile(u), |u| target.quantile(u), &levels).unwrap();
        let distance = wasserstein_distance(&LineProblem::new(path.source(), path.target(), 2.0)).unwrap();
        assert!((distance - 26.0_f64.sqrt()).abs() < 1e-4, "{distance}");
        for (x, y) in path.source().iter().zip(path.target()) {
            assert!((source.map_to(&target, *x) - y).abs() < 1e-14);
        }
    }

    #[test]
    fn levels_are_those_of_linspace() {
        let levels = QuantilePath::levels(5, 0.1).unwrap();
        for (level, expected) in levels.iter().zip([0.1, 0.3, 0.5, 0.7, 0.9]) {
            assert!((level - expected).abs() < 4.0 * f64::EPSILON);
        }
        assert!(QuantilePath::levels(5, 0.0).is_err());
        assert!(QuantilePath::levels(0, 0.1).is_err());
    }

    #[test]
    fn infinite_quantiles_and_wrong_times_are_named() {
        let normal = Normal::new(0.0, 1.0).unwrap();
        let error = QuantilePath::between(|u| normal.quantile(u), |u| u, &[0.5, 1.0]).unwrap_err();
        assert!(matches!(error, Error::NotFinite { what: "source quantiles", index: 1, .. }));
        let path = QuantilePath::between(|u| u, |u| u, &[0.5]).unwrap();
        for t in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(path.at(t), Err(Error::Argument { name: "t", .. })));
        }
    }

    #[test]
    fn bad_samples_are_refused() {
        let none: [f64; 0] = [];
        assert_eq!(SampleQuantiles::new(&none), Err(Error::Empty { what: "samples" }));
        assert!(matches!(SampleQuantiles::new(&[0.0, f64::NAN]), Err(Error::NotFinite { index: 1, .. })));
        let weigh = |weights: &[f64]| SampleQuantiles::with_weights(&[1.0, 2.0], weights);
        assert!(matches!(weigh(&[1.0]), Err(Error::Shape { expected: 2, got: 1, .. })));
        assert!(matches!(weigh(&[1.0, -1.0]), Err(Error::Negative { index: 1, .. })));
        assert!(matches!(weigh(&[0.0, 0.0]), Err(Error::ZeroMass { .. })));
    }

    proptest! {
        #[test]
        fn sample_quantiles_invert_the_distribution_function(
            pairs in prop::collection::vec((-3..4_i32, 0..4_u32), 1..20), k in 1..64_u32
        ) {
            let samples: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.0)).collect();
            let weights: Vec<f64> = pairs.iter().map(|pair| f64::from(pair.1)).collect();
            let mass: f64 = weights.iter().sum();
            prop_assume!(mass > 0.0);
            let u = f64::from(k) / 64.0;
            let x = SampleQuantiles::with_weights(&samples, &weights).unwrap().quantile(u);
            // Whole weights: sums are exact, so is the comparison but for the quotient by the mass.
            let below = |strictly: bool| -> f64 {
                pairs.iter().filter(|pair| f64::from(pair.0) < x || (!strictly && f64::from(pair.0) == x)).map(|pair| f64::from(pair.1)).sum()
            };
            prop_assert!(below(false) / mass >= u);
            prop_assert!(below(true) / mass < u);
        }
    }
}
