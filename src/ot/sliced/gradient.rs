//! Gradients of the sliced cost with respect to the points.
//!
//! Along θ with the monotone plan P and `h(d) = |d|^p`, `∂W/∂xᵢ = θ Σⱼ Pᵢⱼ h'(θ·xᵢ - θ·yⱼ)`, and with the opposite sign for yⱼ. Where
//! projections tie, or for p = 1 coincide, W has a kink; this is the derivative for the plan that keeps the given order, with
//! h'(0) = 0.

use super::directions::{check_directions, random_directions};
use super::slices::{DIRECTIONS, Slices};
use super::{Estimate, Options, SlicedProblem};
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView, Operation, gemm};
use crate::scalar::Scalar;

/// Directions whose slopes are kept at a time.
const BLOCK: usize = 8 * DIRECTIONS;

/// An estimate of the sliced cost with its gradient.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SlicedGradient<T> {
    /// The value, as [`estimate`](super::estimate) gives it.
    pub estimate: Estimate,
    /// The gradient of the value with respect to x: (n, d).
    pub source: Matrix<T>,
    /// With respect to y: (m, d).
    pub target: Matrix<T>,
}

/// [`estimate`](super::estimate) and its gradient with respect to the points of both sides, for the same directions.
///
/// Cost: sorting with places, and 2 L (n + m) d flops more. Memory: 64 (n + m) numbers.
///
/// # Errors
/// As [`estimate`](super::estimate).
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::sliced::{Options, SlicedProblem, gradient};
/// let (mut x, y) = (Matrix::from_rows([[4.0_f64, 0.0]]), Matrix::from_rows([[0.0, 2.0]]));
/// for _ in 0..200 {
///     let slope = gradient(&SlicedProblem::new(&x, &y), &Options::default())?.source;
///     x.as_mut_slice().iter_mut().zip(slope.as_slice()).for_each(|(x, slope)| *x -= 0.3 * slope);
/// }
/// assert!(x[(0, 0)].abs() < 1e-9 && (x[(0, 1)] - 2.0).abs() < 1e-9);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn gradient<T: Scalar>(problem: &SlicedProblem<'_, T>, options: &Options) -> Result<SlicedGradient<T>> {
    let slices = Slices::new(problem)?;
    let dimension = problem.source.columns();
    let directions = random_directions(dimension, options)?.cast();
    along(problem, &slices, directions.view(), options.block(dimension))
}

/// [`with_directions`](super::with_directions) and its gradient.
///
/// # Errors
/// As there.
pub fn gradient_with_directions<'a, T: Scalar>(
    problem: &SlicedProblem<'_, T>,
    directions: impl Into<MatrixView<'a, T>>,
) -> Result<SlicedGradient<T>> {
    let directions = directions.into();
    let slices = Slices::new(problem)?;
    check_directions(directions, problem.source.columns())?;
    along(problem, &slices, directions, 1)
}

fn along<T: Scalar>(
    problem: &SlicedProblem<'_, T>,
    slices: &Slices<'_, T>,
    directions: MatrixView<'_, T>,
    block: usize,
) -> Result<SlicedGradient<T>> {
    let (count, dimension) = directions.shape();
    let share = 1.0 / count as f64;
    let mut gradients =
        [problem.source.rows(), problem.target.rows()].map(|rows| Matrix::<f64>::zeros(rows, dimension));
    let mut values = Vec::with_capacity(count);
    for start in (0..count).step_by(BLOCK) {
        let part = directions.rows_range(start..(start + BLOCK).min(count));
        let (part_values, slopes) = slices.slopes(part)?;
        values.extend(part_values);
        let wide: Matrix<f64> = part.to_matrix().cast();
        for (gradient, slopes) in gradients.iter_mut().zip(&slopes) {
            gemm(share, slopes, Operation::Transpose, &wide, Operation::Plain, 1.0, gradient.view_mut())?;
        }
    }
    let [source, target] = gradients.map(|gradient| gradient.cast());
    Ok(SlicedGradient { estimate: Estimate::new(values, block)?, source, target })
}
