//! Gaussian kernel density estimation on the line, for drawing.
//!
//! `ρ(x) = Σᵢ wᵢ φ((x - xᵢ)/h) / h` with φ the standard normal density and Σ wᵢ = 1. The width is h = factor * s with s the
//! samples' standard deviation (weighted, unbiased: `s² = Σ wᵢ (xᵢ - mean)² / (1 - Σ wᵢ²)`) and a factor by rule of thumb from the
//! effective sample size `n_eff = 1 / Σ wᵢ²`, as SciPy's `gaussian_kde` has it. (B. W. Silverman, "Density Estimation", 1986;
//! D. W. Scott, "Multivariate Density Estimation", 1992.)
//!
//! Cost: one exponential for each pair of sample and place.

use super::quantiles::checked_samples;
use crate::error::{Error, Result};
use crate::ot::problem::{Weights, sum};
use crate::parallel::map_chunks;
use crate::scalar::Scalar;
use crate::simd;

/// Places evaluated at a time by one thread.
const PLACES_PER_CHUNK: usize = 16;

/// Kernels narrower than this are refused: their height, 1/h, is to stay far inside the range of numbers.
const LEAST_WIDTH: f64 = 1e-300;

/// Exponentials taken by one call: 4 KiB, which stay in the nearest cache.
const SAMPLES_AT_A_TIME: usize = 512;

/// How wide the kernels are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Bandwidth {
    /// Scott's factor, n_eff^(-1/5).
    #[default]
    Scott,
    /// Silverman's factor, (3 n_eff / 4)^(-1/5).
    Silverman,
    /// This factor, times the samples' standard deviation.
    Factor(f64),
    /// This width itself, whatever the samples.
    Width(f64),
}

/// A Gaussian kernel density estimate.
///
/// # Examples
/// ```
/// use brenier::ot::geodesic::{Bandwidth, KernelDensity};
/// let density = KernelDensity::new(&[-1.0, 0.0, 1.0], Bandwidth::Scott)?;
/// // scipy.stats.gaussian_kde([-1, 0, 1])(0)
/// assert!((density.at(0.0) - 0.3181562209264015).abs() < 1e-15);
/// assert_eq!(density.evaluate(&[0.0, 0.5]).len(), 2);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "gaussian_kde")]
#[derive(Debug, Clone, PartialEq)]
pub struct KernelDensity {
    samples: Vec<f64>,
    /// wᵢ / (h sqrt(2π)).
    heights: Vec<f64>,
    width: f64,
}

impl KernelDensity {
    /// The estimate from samples that weigh the same.
    ///
    /// # Errors
    /// [`Error::Empty`]; [`Error::NotFinite`] for a sample; [`Error::Argument`] if the bandwidth's number is not finite and positive,
    /// if the samples (those with mass) are all equal, so that only a [`Bandwidth::Width`] has a meaning, if they are farther
    /// apart than the largest number, or if the width comes out infinite or below 1e-300.
    pub fn new<T: Scalar>(samples: &[T], bandwidth: Bandwidth) -> Result<Self> {
        Self::build(samples, None, bandwidth)
    }

    /// The estimate from weighted samples; the weights need not sum to one.
    ///
    /// # Errors
    /// Those of [`KernelDensity::new`]; [`Error::Shape`], [`Error::NotFinite`], [`Error::Negative`], [`Error::ZeroMass`] for the weights.
    pub fn with_weights<T: Scalar, W: Scalar>(
        samples: &[T],
        weights: &[W],
        bandwidth: Bandwidth,
    ) -> Result<Self> {
        Self::build(samples, Some(Weights::new(weights)), bandwidth)
    }

    fn build<T: Scalar>(samples: &[T], weights: Option<Weights>, bandwidth: Bandwidth) -> Result<Self> {
        let (samples, weights) = checked_samples(samples, weights)?;
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let total = sum(weights.iter().map(|weight| weight / largest));
        let shares: Vec<f64> = weights.iter().map(|weight| weight / largest / total).collect();
        let width = bandwidth.width(&samples, &shares)?;
        if !(width >= LEAST_WIDTH && width.is_finite()) {
            return Err(Error::Argument {
                name: "width of the kernels",
                value: width,
                requirement: "it must be finite and at least 1e-300",
            });
        }
        let height = std::f64::consts::TAU.sqrt().recip() / width;
        Ok(Self { samples, heights: shares.iter().map(|share| share * height).collect(), width })
    }

    /// h, the standard deviation of each kernel.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// ρ(x).
    pub fn at(&self, x: f64) -> f64 {
        let mut density = 0.0;
        let mut values = [0.0; SAMPLES_AT_A_TIME];
        let parts = self.samples.chunks(SAMPLES_AT_A_TIME);
        for (samples, heights) in parts.zip(self.heights.chunks(SAMPLES_AT_A_TIME)) {
            let values = &mut values[..samples.len()];
            for (value, sample) in values.iter_mut().zip(samples) {
                let z = (x - sample) / self.width;
                *value = -0.5 * z * z;
            }
            simd::exp(values);
            for (value, height) in values.iter().zip(heights) {
                density += height * value;
            }
        }
        density
    }

    /// ρ at each of `places`, in parallel; the bits are those of [`KernelDensity::at`].
    pub fn evaluate(&self, places: &[f64]) -> Vec<f64> {
        map_chunks(places.len(), PLACES_PER_CHUNK, |range| {
            places[range].iter().map(|&x| self.at(x)).collect::<Vec<_>>()
        })
        .concat()
    }
}

impl Bandwidth {
    /// h for samples with these shares of the mass, which sum to one.
    fn width(self, samples: &[f64], shares: &[f64]) -> Result<f64> {
        let squares = sum(shares.iter().map(|share| share * share));
        let effective = 1.0 / squares;
        let factor = match self {
            Bandwidth::Scott => effective.powf(-0.2),
            Bandwidth::Silverman => (0.75 * effective).powf(-0.2),
            Bandwidth::Factor(value) | Bandwidth::Width(value) => {
                if !(value > 0.0 && value.is_finite()) {
                    return Err(Error::Argument {
                        name: "bandwidth",
                        value,
                        requirement: "it must be finite and positive",
                    });
                }
                if let Bandwidth::Width(_) = self {
                    return Ok(value);
                }
                value
            }
        };
        Ok(factor * standard_deviation(samples, shares)?)
    }
}

/// s, the unbiased standard deviation of samples with these shares of the mass, to a few roundings whatever their size and
/// however one share outweighs the others.
fn standard_deviation(samples: &[f64], shares: &[f64]) -> Result<f64> {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut heaviest = 0;
    for (index, (&sample, &share)) in samples.iter().zip(shares).enumerate() {
        if share > 0.0 {
            (low, high) = (low.min(sample), high.max(sample));
        }
        if share > shares[heaviest] {
            heaviest = index;
        }
    }
    // The extent decides, not the variance: of equal samples that is a rounding, and of tiny ones it underflows.
    let extent = high - low;
    if !(extent > 0.0 && extent.is_finite()) {
        return Err(Error::Argument {
            name: "extent of the samples",
            value: extent,
            requirement: "it must be positive and finite, or the kernel's width be given",
        });
    }
    // In units of the extent, from the heaviest sample: then the mean is no larger than the light samples make it.
    let centred = || {
        let pairs = samples.iter().zip(shares).filter(|(_, share)| **share > 0.0);
        pairs.map(|(x, share)| ((x - samples[heaviest]) / extent, share))
    };
    let mean = sum(centred().map(|(z, share)| share * z));
    let variance = sum(centred().map(|(z, share)| share * (z - mean) * (z - mean)));
    // 1 - Σ wᵢ² = Σ wᵢ (1 - wᵢ), where 1 - wᵢ is the sum of the other shares: of the heaviest the difference would cancel.
    let others = || (0..shares.len()).filter(|&index| index != heaviest).map(|index| shares[index]);
    let remainder = sum(others().map(|share| share * (1.0 - share))) + shares[heaviest] * sum(others());
    Ok(extent * (variance / remainder).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLES: [f64; 6] = [-1.5, -0.25, 0.0, 0.75, 2.0, 3.5];
    const WEIGHTS: [f64; 6] = [1.0, 2.0, 0.5, 3.0, 1.5, 1.0];
    const PLACES: [f64; 6] = [-3.0, -1.0, 0.1, 0.8, 2.7, 6.0];

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.gaussian_kde (SciPy 1.17.1): width, then the density at PLACES, without and with weights.
        #[rustfmt::skip]
        let table = [
            (Bandwidth::Scott, false, 1.2402950967738884, [0.03383666503012773, 0.15557136036495176, 0.19284228377811627,
                0.1827594565101767, 0.11318897927609317, 0.007333813647641247]),
            (Bandwidth::Scott, true, 1.150905187942692, [0.022128934373809236, 0.1488603710243321, 0.22117720514110026,
                0.22259964344155245, 0.1099307309375269, 0.003780561484341194]),
            (Bandwidth::Silverman, false, 1.3137501364388464, [0.036662061032611354, 0.15267516598527067, 0.1877626744012768,
                0.17979860274174744, 0.11327745187654467, 0.008788200087251211]),
            (Bandwidth::Silverman, true, 1.2190662138556634, [0.02462029164339065, 0.14820838804457165, 0.21483649408161487,
                0.2166976658199482, 0.11147152683372334, 0.004701306744532266]),
            (Bandwidth::Factor(0.4), false, 0.709929573971954, [0.010113477666375352, 0.16591879289333814,
                0.24726034306735303, 0.19743892991860795, 0.10947562711327002, 0.00019000838807383256]),
            (Bandwidth::Factor(0.4), true, 0.6254447236664523, [0.004004086719706913, 0.13466679384861685,
                0.2838280192867296, 0.2791739619238145, 0.08975732817401293, 2.4047195118069534e-05]),
        ];
        for (bandwidth, weighted, width, values) in table {
            let density = if weighted {
                KernelDensity::with_weights(&SAMPLES, &WEIGHTS, bandwidth)
            } else {
                KernelDensity::new(&SAMPLES, bandwidth)
            };
            let density = density.unwrap();
            // Two powers, a root and a dozen sums.
            assert!((density.width() / width - 1.0).abs() <= 8.0 * f64::EPSILON, "{bandwidth:?}");
            for (value, expected) in density.evaluate(&PLACES).iter().zip(values) {
                // An exponent of up to 15 carries 15 times the relative error of the width's square.
                assert!((value / expected - 1.0).abs() <= 15.0 * 2.0 * 16.0 * f64::EPSILON, "{bandwidth:?}");
            }
        }
    }

    #[test]
    fn the_density_integrates_to_one_and_weights_have_no_unit() {
        let density =
            KernelDensity::with_weights(&SAMPLES, &WEIGHTS.map(|w| w * 1e300), Bandwidth::Scott).unwrap();
        let places: Vec<f64> = (-2000..=2200).map(|k| f64::from(k) / 100.0).collect();
        // The trapezoid rule converges faster than any power for a smooth function that vanishes at the ends.
        let integral: f64 = density.evaluate(&places).iter().sum::<f64>() / 100.0;
        assert!((integral - 1.0).abs() < 1e-13, "{integral}");
    }

    #[test]
    fn a_single_sample_needs_a_width() {
        assert!(matches!(
            KernelDensity::new(&[1.0, 1.0], Bandwidth::Scott),
            Err(Error::Argument { name: "extent of the samples", value: 0.0, .. })
        ));
        assert!(KernelDensity::new(&[1.0], Bandwidth::Silverman).is_err());
        let density = KernelDensity::new(&[1.0_f32], Bandwidth::Width(0.5)).unwrap();
        assert!((density.at(1.0) - 2.0 / std::f64::consts::TAU.sqrt()).abs() < 4.0 * f64::EPSILON);
    }

    #[test]
    fn equal_samples_do_not_scatter_and_tiny_ones_do() {
        // The mean of five times 0.1 is not 0.1: the deviation from it must not count as scatter.
        for samples in [vec![0.1; 5], vec![1e300; 7], vec![-0.0, 0.0]] {
            assert!(matches!(
                KernelDensity::new(&samples, Bandwidth::Scott),
                Err(Error::Argument { name: "extent of the samples", value: 0.0, .. })
            ));
        }
        // Nor does a sample without mass.
        assert!(KernelDensity::with_weights(&[1.0, 1.0, 5.0], &[1.0, 1.0, 0.0], Bandwidth::Scott).is_err());
        assert!(KernelDensity::new(&[-1e308, 1e308], Bandwidth::Scott).is_err());
        // The estimate scales with the samples, by powers of two bit for bit.
        let plain = KernelDensity::new(&SAMPLES, Bandwidth::Scott).unwrap();
        for exponent in [-900, -600, 600, 1000] {
            let scale = 2.0_f64.powi(exponent);
            let scaled = KernelDensity::new(&SAMPLES.map(|x| x * scale), Bandwidth::Scott).unwrap();
            assert_eq!(scaled.width(), plain.width() * scale);
            assert_eq!(scaled.at(0.5 * scale), plain.at(0.5) / scale);
        }
    }

    #[test]
    fn one_weight_may_outweigh_the_others() {
        // s² = w₁ w₂ d² / (2 w₁ w₂) for two samples, whatever their weights.
        for weight in [1.0, 1e-10, 1e-20, 1e-200] {
            for weights in [[1.0, weight], [weight, 1.0]] {
                let density =
                    KernelDensity::with_weights(&[0.3, 2.3], &weights, Bandwidth::Factor(1.0)).unwrap();
                assert!((density.width() - 2.0_f64.sqrt()).abs() <= 8.0 * f64::EPSILON, "{weights:?}");
            }
        }
    }

    #[test]
    fn kernels_of_any_accepted_width_have_a_finite_height() {
        for (width, place) in [(1e-300, 0.5), (1e-300, 1.0), (1e308, 0.5), (1.0, f64::MAX)] {
            let density = KernelDensity::new(&[1.0], Bandwidth::Width(width)).unwrap();
            assert!(density.at(place).is_finite(), "{width:e}");
        }
        for bandwidth in [Bandwidth::Width(1e-320), Bandwidth::Factor(1e-315), Bandwidth::Factor(1e308)] {
            let samples = SAMPLES.map(|x| 1e10 * x);
            let result = KernelDensity::new(&samples, bandwidth);
            assert!(
                matches!(result, Err(Error::Argument { name: "width of the kernels", .. })),
                "{bandwidth:?}"
            );
        }
    }

    #[test]
    fn bad_input_is_named() {
        let none: [f64; 0] = [];
        assert_eq!(KernelDensity::new(&none, Bandwidth::Scott), Err(Error::Empty { what: "samples" }));
        assert!(matches!(
            KernelDensity::new(&[0.0, f64::INFINITY], Bandwidth::Scott),
            Err(Error::NotFinite { index: 1, .. })
        ));
        for bandwidth in [Bandwidth::Factor(0.0), Bandwidth::Width(f64::NAN)] {
            assert!(matches!(
                KernelDensity::new(&SAMPLES, bandwidth),
                Err(Error::Argument { name: "bandwidth", .. })
            ));
        }
        assert!(matches!(
            KernelDensity::with_weights(&SAMPLES, &[1.0], Bandwidth::Scott),
            Err(Error::Shape { .. })
        ));
    }
}
