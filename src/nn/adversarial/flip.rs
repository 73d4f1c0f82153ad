//! The shortest way to the boundary of a linear probe.
//!
//! `z(x + δ) = z + w · δ`. By Hölder's inequality `|w · δ| <= |w|' |δ|` with the dual norm, so no δ shorter than
//! `|z| / |w|'` reaches the boundary, and these do:
//!
//! ```text
//! L2:  δ = -z w / |w|₂²        |δ|₂ = |z| / |w|₂
//! L∞:  δ = -z sign(w) / |w|₁   |δ|∞ = |z| / |w|₁
//! ```

use super::Norm;
use crate::error::{Error, Result};
use crate::nn::probe::Probe;
use crate::scalar::Scalar;

/// The shortest δ that takes x to the boundary of the probe, times `1 + margin`: with a positive margin x + δ lies
/// beyond, with zero on it, up to rounding. Zero where x lies on the boundary.
///
/// # Errors
/// [`Error::Shape`], [`Error::NotFiniteEntry`], [`Error::NotFinite`] for an input that does not fit or is not finite,
/// and for a δ that the type cannot hold; [`Error::ZeroDirection`] for a probe without direction; [`Error::Argument`]
/// for a margin that is not finite.
///
/// # Examples
/// ```
/// use brenier::nn::adversarial::{Norm, smallest_flip};
/// use brenier::nn::probe::Probe;
/// let probe = Probe::new(&[3.0_f64, 4.0], None)?;
/// assert_eq!(smallest_flip(&probe, &[3.0, 4.0], Norm::Euclidean, 0.0)?, [-3.0, -4.0]);
/// let worst = smallest_flip(&probe, &[3.0, 4.0], Norm::Maximum, 0.4)?; // 25 / 7 in each entry, times 1.4
/// assert!(worst.iter().all(|delta| (delta + 5.0).abs() < 1e-14));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn smallest_flip<T: Scalar>(probe: &Probe<T>, x: &[T], norm: Norm, margin: f64) -> Result<Vec<T>> {
    if !margin.is_finite() {
        return Err(Error::Argument { name: "margin", value: margin, requirement: "it must be finite" });
    }
    let w = probe.direction();
    let largest = Norm::Maximum.of(w);
    if largest == 0.0 {
        return Err(Error::ZeroDirection { what: "the direction of the probe" });
    }
    // w over its largest entry: squares and sums stay in range.
    let scaled = |w: &T| w.to_f64() / largest;
    let size: f64 = match norm {
        Norm::Euclidean => w.iter().map(|w| scaled(w) * scaled(w)).sum(),
        Norm::Maximum => w.iter().map(|w| scaled(w).abs()).sum(),
    };
    let length = -probe.logit(x)?.to_f64() / largest / size * (1.0 + margin);
    let entry = |w: &T| match norm {
        Norm::Euclidean => length * scaled(w),
        // Entries that do not count stay as they are.
        Norm::Maximum if *w == T::ZERO => 0.0,
        Norm::Maximum => length * scaled(w).signum(),
    };
    let delta: Vec<T> = w.iter().map(|w| T::from_f64(entry(w))).collect();
    match delta.iter().position(|delta| !delta.is_finite()) {
        None => Ok(delta),
        Some(index) => {
            Err(Error::NotFinite { what: "the shortest perturbation", index, value: delta[index].to_f64() })
        }
    }
}
