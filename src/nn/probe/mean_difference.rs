//! The mean-difference probe: the line from one class mean to the other.
//!
//! ```text
//! w = μ₁ - μ₀,   b = -w · (μ₀ + μ₁) / 2
//! ```
//! μ are the (weighted) means of the classes; the boundary lies in the middle between them. Of two spherical Gaussian
//! classes of equal size and spread this is the best classifier, up to the scale of z. Cost: one pass over the rows.

use super::pass::RowPass;
use super::{Probe, Samples, inner};
use crate::error::{Error, Result};
use crate::scalar::Scalar;

/// The probe along the difference of the class means, with its boundary in the middle.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::Label`], [`Error::NotFiniteEntry`], [`Error::NotFinite`],
/// [`Error::Negative`], [`Error::OneClass`] for samples that nothing can be learned from; [`Error::ZeroDirection`]
/// where the means are the same.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::probe::{Samples, mean_difference};
/// let x = Matrix::from_rows([[0.0, 1.0], [0.0, 3.0], [4.0, 2.0]]);
/// let probe = mean_difference(&Samples::new(&x, &[0_u8, 0, 1]))?;
/// assert_eq!(probe.direction(), [4.0, 0.0]);
/// assert_eq!(probe.bias(), Some(-8.0)); // the boundary is at 2
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn mean_difference<T: Scalar>(samples: &Samples<'_, T>) -> Result<Probe<T>> {
    let mass = samples.check("mean_difference")?;
    let means = class_means(samples, mass);
    let direction = difference(&means)?;
    let bias = -middle(&direction, &means);
    finite(Probe::rounded(&direction, Some(bias)))
}

/// The mean of each class, in double precision.
pub(super) fn class_means<T: Scalar>(samples: &Samples<'_, T>, mass: [f64; 2]) -> [Vec<f64>; 2] {
    let (rows, inputs) = samples.x().shape();
    let mut pass = RowPass::<T, f64>::new(samples.x());
    let mut means = [vec![0.0; inputs], vec![0.0; inputs]];
    for (class, mean) in means.iter_mut().enumerate() {
        let one = class == 1;
        let share = |row: usize| match samples.labels().is_one(row) == one {
            true => samples.weight(row) / mass[class],
            false => 0.0,
        };
        let shares: Vec<f64> = (0..rows).map(share).collect();
        pass.combine(&shares, mean);
    }
    means
}

/// The difference of the means, which must not be zero.
pub(super) fn difference(means: &[Vec<f64>; 2]) -> Result<Vec<f64>> {
    let direction: Vec<f64> = means[1].iter().zip(&means[0]).map(|(one, zero)| one - zero).collect();
    if direction.iter().all(|&d| d == 0.0) {
        return Err(Error::ZeroDirection { what: "the difference of the class means" });
    }
    Ok(direction)
}

/// The product of w with the middle between the means.
pub(super) fn middle(direction: &[f64], means: &[Vec<f64>; 2]) -> f64 {
    0.5 * (inner(direction, &means[0]) + inner(direction, &means[1]))
}

/// Refuses a probe whose numbers the type cannot hold.
pub(super) fn finite<T: Scalar>(probe: Probe<T>) -> Result<Probe<T>> {
    match probe.parameters.iter().position(|value| !value.is_finite()) {
        None => Ok(probe),
        Some(index) => Err(Error::NotFinite {
            what: "parameters of the probe",
            index,
            value: probe.parameters[index].to_f64(),
        }),
    }
}
