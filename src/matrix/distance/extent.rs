//! The bounding box of two clouds: whether their distances stay finite, and how to scale them so that squares do too.

use super::Distance;
use crate::error::{Error, Result};
use crate::{MatrixView, Scalar};

/// What [`Extent::of`] found.
pub(super) struct Extent {
    /// Side of the common bounding box along each coordinate; infinite where the difference overflows `f64`.
    sides: Vec<f64>,
    /// The largest side.
    largest: f64,
    /// The largest absolute coordinate.
    magnitude: f64,
}

/// Checks that two clouds have the same number of coordinates, all of them finite. `names` are the clouds' names.
pub(crate) fn check_points<T: Scalar>(
    operation: &'static str,
    x: MatrixView<'_, T>,
    y: MatrixView<'_, T>,
    names: [&'static str; 2],
) -> Result<()> {
    if x.columns() != y.columns() {
        return Err(Error::Shape {
            operation,
            what: "number of columns of the second cloud",
            expected: x.columns(),
            got: y.columns(),
        });
    }
    x.check_finite(names[0])?;
    y.check_finite(names[1])
}

impl Extent {
    /// The extent of two clouds together. Cost: one pass over the coordinates.
    pub(super) fn of<T: Scalar>(x: MatrixView<'_, T>, y: MatrixView<'_, T>) -> Self {
        let d = x.columns();
        let mut low = vec![T::INFINITY; d];
        let mut high = vec![-T::INFINITY; d];
        for points in [x, y] {
            for row in 0..points.rows() {
                for ((low, high), &value) in low.iter_mut().zip(&mut high).zip(points.row(row)) {
                    *low = if value < *low { value } else { *low };
                    *high = if value > *high { value } else { *high };
                }
            }
        }
        let mut extent = Self { sides: Vec::with_capacity(d), largest: 0.0, magnitude: 0.0 };
        if x.rows() + y.rows() > 0 {
            for (low, high) in low.into_iter().zip(high) {
                let (low, high) = (low.to_f64(), high.to_f64());
                extent.sides.push(high - low);
                extent.largest = extent.largest.max(high - low);
                extent.magnitude = extent.magnitude.max(high.abs()).max(low.abs());
            }
        }
        extent
    }

    /// Refuses clouds whose bounding box has a diagonal beyond the range of `A`: their distances could overflow.
    ///
    /// Gives the diagonal: no distance is longer, and with d coordinates some distance is at least a d-th of it, for cosine 2.
    pub(super) fn check_range<A: Scalar>(&self, distance: Distance) -> Result<f64> {
        // Sides are measured by the largest, so that no power overflows before the diagonal does.
        let power_sum = |p: f64| -> f64 { self.sides.iter().map(|side| (side / self.largest).powf(p)).sum() };
        let diagonal = match distance {
            Distance::Cosine => 2.0,
            _ if self.largest == 0.0 => 0.0,
            // The difference itself overflows.
            _ if self.largest == f64::INFINITY => f64::INFINITY,
            Distance::Chebyshev => self.largest,
            Distance::Manhattan => self.largest * power_sum(1.0),
            Distance::Euclidean => self.largest * power_sum(2.0).sqrt(),
            Distance::SquaredEuclidean => self.largest * self.largest * power_sum(2.0),
            Distance::Minkowski { p } => self.largest * power_sum(p).powf(1.0 / p),
            Distance::MinkowskiPower { p } => self.largest.powf(p) * power_sum(p),
        };
        // The last few units are left to the rounding errors of the distances themselves.
        if diagonal < A::MAX.to_f64() * (1.0 - 1e-5) {
            Ok(diagonal)
        } else {
            Err(Error::Argument {
                name: "largest side of the points' bounding box",
                value: self.largest,
                requirement: "the distance between its corners must be a finite number: scale the coordinates down",
            })
        }
    }

    /// The power of two by which to multiply coordinates so that squares of their differences neither overflow nor
    /// vanish in `A`: one unless that is needed.
    pub(super) fn scale_for_squares<A: Scalar>(&self) -> f64 {
        let count = self.sides.len() as f64;
        let square = self.largest * self.largest;
        let epsilon = A::EPSILON.to_f64();
        let overflows = count * square > 0.25 * A::MAX.to_f64();
        // Differences a factor EPS below the largest should still have normal squares.
        let vanishes = self.largest > 0.0 && square < A::MIN_POSITIVE.to_f64() / (epsilon * epsilon);
        let range = A::MAX.to_f64().log2().floor();
        let exponent = if overflows {
            -self.magnitude.log2().ceil() - 1.0
        } else if vanishes {
            // Coordinates that are large beside the box must not overflow in turn.
            (-self.largest.log2().floor()).min(range - 2.0 - self.magnitude.log2().ceil())
        } else {
            0.0
        };
        // The scale and its reciprocal are normal numbers of `A`.
        exponent.clamp(2.0 - range, range - 2.0).exp2()
    }
}
