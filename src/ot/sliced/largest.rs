//! Max-sliced transport: the direction in which two clouds are farthest apart.
//!
//! `max_θ W_p^p(θ#α, θ#β)` over the sphere (Deshpande et al., CVPR 2019). Not concave: the ascent starts from the best of some random
//! directions and ends in a local maximum. A step goes to `(θ + t g/|g|)/|·|`, with g the part of the gradient along the sphere; t doubles
//! after a step that raised the value and is halved until one does.

use super::directions::random_directions;
use super::slices::Slices;
use super::{Options, SlicedProblem};
use crate::error::Result;
use crate::matrix::Matrix;
use crate::ot::barycentre::{Status, check_tolerance};
use crate::scalar::Scalar;

/// Options of [`max_sliced`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MaxSlicedOptions {
    /// The random directions of which the best is the start.
    pub start: Options,
    /// Largest number of steps, default 200.
    pub max_iterations: u64,
    /// The residual to reach, default 1e-6.
    pub tolerance: f64,
}

impl Default for MaxSlicedOptions {
    fn default() -> Self {
        Self { start: Options::default(), max_iterations: 200, tolerance: 1e-6 }
    }
}

impl MaxSlicedOptions {
    /// Sets the random directions of which the best is the start.
    pub fn with_start(mut self, start: Options) -> Self {
        self.start = start;
        self
    }

    /// Sets the largest number of steps.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the residual to reach.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }
}

/// A direction in which the clouds are locally farthest apart.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MaxSliced {
    /// W_p^p along it.
    pub value: f64,
    /// The direction, of length one: (d).
    pub direction: Vec<f64>,
    /// [`Status::Converged`] if the residual is at most the tolerance; [`Status::Inaccurate`] if no step, however short, raised the
    /// value any more (at a kink, or the end of the digits).
    pub status: Status,
    /// The gradient's part along the sphere over p W_p^p (which is its part along the direction).
    pub residual: f64,
    /// Steps taken.
    pub iterations: u64,
}

/// The direction in which the clouds are farthest apart, as far as ascent finds it.
///
/// # Errors
/// As [`estimate`](super::estimate).
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::ot::sliced::{MaxSlicedOptions, SlicedProblem, max_sliced};
/// let (x, y) = (Matrix::from_rows([[0.0, 0.0], [1.0, 7.0]]), Matrix::from_rows([[3.0, 4.0], [4.0, 11.0]]));
/// let answer = max_sliced(&SlicedProblem::new(&x, &y), &MaxSlicedOptions::default())?;
/// assert!((answer.value - 25.0).abs() < 1e-6); // a shift is seen whole along itself
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn max_sliced<T: Scalar>(
    problem: &SlicedProblem<'_, T>,
    options: &MaxSlicedOptions,
) -> Result<MaxSliced> {
    check_tolerance(options.tolerance)?;
    let slices = Slices::new(problem)?;
    let starts = random_directions(problem.source.columns(), &options.start)?;
    let values = slices.values(starts.cast::<T>().view())?;
    let mut best = 0;
    for (k, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = k;
        }
    }
    let mut direction = starts.row(best).to_vec();
    let (mut value, mut gradient) = ascent(problem, &slices, &direction)?;
    let (mut length, mut iterations) = (0.5, 0);
    loop {
        // Without its part along θ, which by homogeneity is p W.
        let along: f64 = gradient.iter().zip(&direction).map(|(g, x)| g * x).sum();
        let tangent: Vec<f64> = gradient.iter().zip(&direction).map(|(g, x)| g - along * x).collect();
        let size = tangent.iter().map(|g| g * g).sum::<f64>().sqrt();
        let residual = if value == 0.0 { 0.0 } else { size / (slices.p() * value) };
        let mut status = None;
        if residual <= options.tolerance {
            status = Some(Status::Converged);
        } else if iterations >= options.max_iterations {
            status = Some(Status::IterationLimit);
        }
        while status.is_none() {
            let next: Vec<f64> =
                direction.iter().zip(&tangent).map(|(x, g)| x + length * (g / size)).collect();
            let norm = next.iter().map(|x| x * x).sum::<f64>().sqrt();
            let next: Vec<f64> = next.iter().map(|x| x / norm).collect();
            let (next_value, next_gradient) = ascent(problem, &slices, &next)?;
            if next_value > value {
                (direction, value, gradient) = (next, next_value, next_gradient);
                length = (2.0 * length).min(4.0);
                iterations += 1;
                break;
            }
            length *= 0.5;
            if length < f64::EPSILON {
                status = Some(Status::Inaccurate);
            }
        }
        if let Some(status) = status {
            return Ok(MaxSliced { value, direction, status, residual, iterations });
        }
    }
}

/// W_p^p along θ, and its gradient with respect to θ: `Σᵢⱼ Pᵢⱼ h'(θ·(xᵢ - yⱼ)) (xᵢ - yⱼ)`.
fn ascent<T: Scalar>(
    problem: &SlicedProblem<'_, T>,
    slices: &Slices<'_, T>,
    direction: &[f64],
) -> Result<(f64, Vec<f64>)> {
    let direction = Matrix::from_vec(1, direction.len(), direction.to_vec())?.cast::<T>();
    let (values, [dsource, dtarget]) = slices.slopes(direction.view())?;
    let mut gradient = vec![0.0; direction.columns()];
    for (points, slopes) in [(problem.source, dsource), (problem.target, dtarget)] {
        for (row, slope) in points.iter_rows().zip(slopes.row(0)) {
            for (total, x) in gradient.iter_mut().zip(row) {
                *total += slope * x.to_f64();
            }
        }
    }
    Ok((values[0], gradient))
}
