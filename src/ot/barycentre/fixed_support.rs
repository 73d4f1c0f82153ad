//! Entropic barycentres for a given cost matrix.

use super::bregman::{EntropicBarycentre, EntropicOptions, Members, iterate};
use super::log_kernel::LogKernel;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::ot::progress::{Progress, run_to_the_end};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// The entropic barycentre of histograms, a row each: (measures, n), for the costs from their n points to the m points of the
/// barycentre: (n, m). λ are the weights of the measures.
///
/// Debiased, both supports must be the same and the costs symmetric. An iteration costs 2 n m multiply-adds for each measure
/// with λ > 0, and about n + m exponentials, more where ε is so small that many sums underflow (any ε is safe).
/// Memory: 16 bytes for each cost.
///
/// # Errors
/// - [`Error::Empty`], [`Error::Shape`] for sizes that are zero or do not fit;
/// - histograms: [`Error::NotFiniteEntry`], [`Error::NegativeEntry`], [`Error::ZeroRow`] for one without mass,
///   [`Error::UnequalMass`] if two differ by more than 1e-9 relative (1e-5 for `f32`); points without mass are fine;
/// - λ: [`Error::NotFinite`], [`Error::Negative`], [`Error::Argument`] if they do not sum to one within 1e-9;
/// - costs: [`Error::NotFiniteEntry`] (also of C/ε); debiased [`Error::NotSymmetric`];
/// - [`Error::Argument`] for ε that is not positive and finite, a negative tolerance, no iterations.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::barycentre::{EntropicOptions, fixed_support};
/// let costs = Matrix::from_fn(5, 5, |i, j| (i as f64 - j as f64).powi(2));
/// let histograms = Matrix::from_rows([[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]]);
/// let answer = fixed_support(&histograms, &[0.25, 0.75], &costs, &EntropicOptions::new(0.1))?;
/// assert!(answer.histogram[3] > 0.999); // a quarter of the way
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "barycenter")]
#[doc(alias = "bregman")]
pub fn fixed_support<'a, T: Scalar>(
    histograms: impl Into<MatrixView<'a, T>>,
    weights: &[f64],
    costs: impl Into<MatrixView<'a, T>>,
    options: &EntropicOptions,
) -> Result<EntropicBarycentre> {
    fixed_support_with(histograms, weights, costs, options, &mut run_to_the_end)
}

/// [`fixed_support`](fn@fixed_support), telling `observer` about every iteration, which may stop it.
///
/// # Errors
/// As there.
pub fn fixed_support_with<'a, T: Scalar>(
    histograms: impl Into<MatrixView<'a, T>>,
    weights: &[f64],
    costs: impl Into<MatrixView<'a, T>>,
    options: &EntropicOptions,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<EntropicBarycentre> {
    const OPERATION: &str = "barycentre::fixed_support";
    let (histograms, costs) = (histograms.into(), costs.into());
    options.validate()?;
    let members = Members::new(OPERATION, histograms, weights, costs.rows())?;
    if costs.columns() == 0 {
        return Err(Error::Empty { what: "the support of the barycentre" });
    }
    costs.check_finite("costs")?;
    if options.debiased {
        check_symmetric(OPERATION, costs)?;
    }
    let scaled =
        Matrix::from_fn(costs.rows(), costs.columns(), |i, j| costs[(i, j)].to_f64() / options.epsilon);
    scaled.view().check_finite("costs / epsilon")?;
    let points = costs.columns();
    Ok(iterate(&members, &LogKernel::new(vec![scaled]), points, options, observer))
}

fn check_symmetric<T: Scalar>(operation: &'static str, costs: MatrixView<'_, T>) -> Result<()> {
    if costs.columns() != costs.rows() {
        return Err(Error::Shape {
            operation,
            what: "number of columns of the costs (debiased: one support for all)",
            expected: costs.rows(),
            got: costs.columns(),
        });
    }
    for row in 0..costs.rows() {
        for column in 0..row {
            let (value, transposed) = (costs[(row, column)].to_f64(), costs[(column, row)].to_f64());
            // Costs computed in either order differ by a few roundings.
            if (value - transposed).abs() > 8.0 * T::EPSILON.to_f64() * value.abs().max(transposed.abs()) {
                return Err(Error::NotSymmetric { what: "costs", row, column, value, transposed });
            }
        }
    }
    Ok(())
}
