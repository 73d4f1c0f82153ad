//! Point clouds as the fastest kernels read them.

use super::kernels::{DIMENSIONS, PADDING};
use crate::matrix::{Distance, MatrixView};
use crate::scalar::Scalar;

/// Two clouds of few coordinates, the targets coordinate after coordinate. Both are moved so that their common mean is at zero, since
/// scaled coordinates are rounded: to EPS |x|, with what that makes of a distance.
pub(crate) struct PointPair<A> {
    /// x: (n, d).
    pub x: Vec<A>,
    /// y: (d, m), each coordinate filled up with zeros to a multiple of `PADDING`.
    pub y: Vec<A>,
    /// Number of coordinates, filled up with zeros to one that there is a kernel for.
    pub dimension: usize,
    /// Whether costs are distances, not their squares.
    pub is_root: bool,
    /// The square of the longest distance, or more.
    longest_square: f64,
}

impl<A: Scalar> PointPair<A> {
    /// The clouds x (n, d) and y (m, d), if there is a kernel for such; no distance is longer than `longest`. Coordinates are finite.
    pub fn new<T: Scalar>(
        x: MatrixView<'_, T>,
        y: MatrixView<'_, T>,
        distance: Distance,
        longest: f64,
    ) -> Option<Self> {
        let is_root = match distance {
            Distance::SquaredEuclidean => false,
            Distance::Euclidean => true,
            _ => return None,
        };
        let given = x.columns();
        let dimension = DIMENSIONS.into_iter().find(|&count| count >= given && given > 0)?;
        let centre = centre(x, y);
        let stride = y.rows().next_multiple_of(PADDING);
        let mut points = vec![A::ZERO; x.rows() * dimension];
        for (point, row) in points.chunks_exact_mut(dimension).zip(x.iter_rows()) {
            for ((out, value), centre) in point.iter_mut().zip(row).zip(&centre) {
                *out = A::from_f64(value.to_f64() - centre);
            }
        }
        let mut coordinates = vec![A::ZERO; stride * dimension];
        for (index, row) in y.iter_rows().enumerate() {
            for ((k, value), centre) in row.iter().enumerate().zip(&centre) {
                coordinates[k * stride + index] = A::from_f64(value.to_f64() - centre);
            }
        }
        let longest_square = if is_root { longest * longest } else { longest };
        Some(Self { x: points, y: coordinates, dimension, is_root, longest_square })
    }

    /// What coordinates are multiplied by for costs times `slope`, if no square of theirs then overflows.
    pub fn scale(&self, slope: A) -> Option<A> {
        let slope = slope.to_f64();
        let scale = if self.is_root { slope } else { slope.sqrt() };
        let rounded = A::from_f64(scale);
        let largest = self.longest_square * scale * scale;
        (rounded >= A::MIN_POSITIVE && largest <= A::MAX.to_f64() / 64.0).then_some(rounded)
    }
}

/// The mean of all points of both clouds.
pub(super) fn centre<T: Scalar>(x: MatrixView<'_, T>, y: MatrixView<'_, T>) -> Vec<f64> {
    let share = 1.0 / (x.rows() + y.rows()) as f64;
    let mut centre = vec![0.0; x.columns()];
    for row in x.iter_rows().chain(y.iter_rows()) {
        // Each term is small beside the largest coordinate, so no sum overflows.
        centre.iter_mut().zip(row).for_each(|(centre, value)| *centre += value.to_f64() * share);
    }
    centre
}
