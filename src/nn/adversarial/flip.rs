//! The shortest way to the boundary of a linear probe.
//!
//! `z(x + δ) = z + w · δ`. By Hölder's inequality `|w · δ| <= |w|' |δ|` with the dual norm, so no δ shorter than `|z| / |w|'` reaches the boundary, and these do:
//!
//! ```text
//! L2:  δ = -z w / |w|₂²        |δ|₂ = |z| / |w|₂
//! L∞:  δ = -z sign(w) / |w|₁   |δ|∞ = |z| / |w|₁
//! ```

use super::Norm;
use crate::error::{Error, Result};
use crate::nn::probe::Probe;
use crate::scalar::Scalar;

/// The shortest δ that takes x to the boundary of the probe, times `1 + margin`: with a positive margin x + δ lies beyond, with zero on it, up to rounding. Zero where x lies on the boundary.
///
/// # Errors
/// [`Error::Shape`], [`Error::NotFiniteEntry`], [`Error::NotFinite`] for an input that does not fit or is not finite; [`Error::ZeroDirection`] for a probe without direction;
/// [`Error::Argument`] for a margin that is not finite.
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
    let size: f64 = match norm {
        Norm::Euclidean => w.iter().map(|w| w.to_f64() * w.to_f64()).sum(),
        Norm::Maximum => w.iter().map(|w| w.to_f64().abs()).sum(),
    };
    if size == 0.0 {
        return Err(Error::ZeroDirection { what: "the direction of the probe" });
    }
    let length = -probe.logit(x)?.to_f64() / size * (1.0 + margin);
    let entry = |w: f64| match norm {
        Norm::Euclidean => length * w,
        // Entries that do not count stay as they are.
        Norm::Maximum if w == 0.0 => 0.0,
        Norm::Maximum => length * w.signum(),
    };
    Ok(w.iter().map(|w| T::from_f64(entry(w.to_f64()))).collect())
}
