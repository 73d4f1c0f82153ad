//! Distances between two clouds of points.
//!
//! A cloud is a matrix with a point in each row. [`Distance`] says which distance.

mod extent;
mod metric;
mod panels;
mod rows;
mod squared;

use super::view_mut::check_shape;
use super::{Matrix, MatrixView, MatrixViewMut};
use crate::Scalar;
use crate::error::{Error, Result};
use extent::Extent;
use rows::DistanceRows;
pub(crate) use rows::PairwiseRows;
use std::fmt;
use std::str::FromStr;

/// A distance between two points of d coordinates.
///
/// # Examples
/// ```
/// use brenier::matrix::Distance;
/// let distance: Distance = "minkowski:3".parse()?;
/// assert_eq!(distance, Distance::Minkowski { p: 3.0 });
/// assert_eq!(distance.to_string(), "minkowski:3");
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Distance {
    /// `sum (x_k - y_k)^2`: the cost of the 2-Wasserstein distance.
    #[default]
    SquaredEuclidean,
    /// `sqrt(sum (x_k - y_k)^2)`.
    Euclidean,
    /// `sum |x_k - y_k|`.
    Manhattan,
    /// `max |x_k - y_k|`.
    Chebyshev,
    /// `1 - x.y / (|x| |y|)`, from 0 (same direction) to 2 (opposite). Undefined for zero vectors.
    ///
    /// Computed as half the squared Euclidean distance of the unit vectors, which keeps small angles accurate.
    Cosine,
    /// `(sum |x_k - y_k|^p)^(1/p)`, a metric for p >= 1.
    Minkowski {
        /// The power: finite, at least 1.
        p: f64,
    },
    /// `sum |x_k - y_k|^p`: the cost of the p-Wasserstein distance for one coordinate, and for p < 1 a concave cost.
    MinkowskiPower {
        /// The power: finite, positive.
        p: f64,
    },
}

impl Distance {
    /// The name, as SciPy spells it (`minkowski` without its power).
    pub fn name(self) -> &'static str {
        match self {
            Distance::SquaredEuclidean => "sqeuclidean",
            Distance::Euclidean => "euclidean",
            Distance::Manhattan => "cityblock",
            Distance::Chebyshev => "chebyshev",
            Distance::Cosine => "cosine",
            Distance::Minkowski { .. } => "minkowski",
            Distance::MinkowskiPower { .. } => "minkowski-power",
        }
    }

    /// Checks the power.
    ///
    /// # Errors
    /// [`Error::Argument`] if `p` is not finite, below 1 for [`Distance::Minkowski`], or not positive for
    /// [`Distance::MinkowskiPower`].
    pub fn check(self) -> Result<()> {
        let (value, requirement) = match self {
            Distance::Minkowski { p } if !(p >= 1.0 && p.is_finite()) => (
                p,
                "the power of a Minkowski distance must be finite and at least 1",
            ),
            Distance::MinkowskiPower { p } if !(p > 0.0 && p.is_finite()) => {
                (p, "the power of a sum of powers must be finite and positive")
            }
            _ => return Ok(()),
        };
        Err(Error::Argument {
            name: "p",
            value,
            requirement,
        })
    }
}

/// The name that [`FromStr`] reads back: `sqeuclidean`, `minkowski:3`, …
impl fmt::Display for Distance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distance::Minkowski { p } | Distance::MinkowskiPower { p } => {
                write!(formatter, "{}:{p}", self.name())
            }
            _ => formatter.write_str(self.name()),
        }
    }
}

/// Reads a name as SciPy spells it: `sqeuclidean`, `euclidean`, `cityblock` (or `manhattan`), `chebyshev`, `cosine`,
/// `minkowski:p`, `minkowski-power:p`. `minkowski` alone has p = 2, as in SciPy.
impl FromStr for Distance {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::UnknownName {
            what: "distance",
            got: text.to_owned(),
            expected: "sqeuclidean, euclidean, cityblock (or manhattan), chebyshev, cosine, minkowski:p or \
                       minkowski-power:p (with a number for p)",
        };
        let (name, power) = match text.split_once(':') {
            Some((name, power)) => (name, Some(power.trim().parse::<f64>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        let distance = match (name.trim().to_ascii_lowercase().as_str(), power) {
            ("sqeuclidean", None) => Distance::SquaredEuclidean,
            ("euclidean", None) => Distance::Euclidean,
            ("cityblock" | "manhattan", None) => Distance::Manhattan,
            ("chebyshev", None) => Distance::Chebyshev,
            ("cosine", None) => Distance::Cosine,
            ("minkowski", power) => Distance::Minkowski {
                p: power.unwrap_or(2.0),
            },
            ("minkowski-power", Some(p)) => Distance::MinkowskiPower { p },
            _ => return Err(unknown()),
        };
        distance.check()?;
        Ok(distance)
    }
}

/// The matrix (n, m) of distances between the points x (n, d) and y (m, d), a point in each row.
///
/// Distances are sums over differences: their relative error is at most (d + 20) EPS, half of that absolutely for
/// [`Distance::Cosine`], and more only where a power with p > 8 or no multiple of 1/2 is rounded more often. Squared Euclidean distances
/// of 32 coordinates and more go through a matrix product, centred; where that cancels they are computed again from the differences, so that their relative error
/// is at most 32 (d + 4) EPS. In either case they are never negative, and zero for identical points. Coordinates may be
/// as large or small as the type allows: [`Distance::Euclidean`] and [`Distance::Minkowski`] scale by themselves, and
/// only distances that would overflow are refused.
///
/// Cost: 2 to 3 n m d flops, in parallel; `powf` for each coordinate where p is no multiple of 1/2, or more than 8.
///
/// # Errors
/// [`Error::Shape`] if the clouds differ in d, [`Error::NotFiniteEntry`] for NaN and infinite coordinates,
/// [`Error::ZeroVector`] for a point at the origin under the cosine distance, and [`Error::Argument`] for a power outside its range
/// or where the diagonal of the clouds' bounding box is too long for the type.
///
/// # Panics
/// If the n m entries do not fit into the memory.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::matrix::{Distance, pairwise};
/// let x = Matrix::from_rows([[0.0, 0.0], [3.0, 0.0]]);
/// let y = Matrix::from_rows([[0.0, 4.0]]);
/// assert_eq!(pairwise(&x, &y, Distance::Euclidean)?, Matrix::from_rows([[4.0], [5.0]]));
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "cdist")]
pub fn pairwise<'a, T: Scalar>(
    x: impl Into<MatrixView<'a, T>>,
    y: impl Into<MatrixView<'a, T>>,
    distance: Distance,
) -> Result<Matrix<T>> {
    let (x, y) = (x.into(), y.into());
    let mut out = Matrix::try_zeros(x.rows(), y.rows())?;
    pairwise_into(x, y, distance, &mut out)?;
    Ok(out)
}

/// The same as [`pairwise`] into `out` (n, m). It allocates for (n + m) d numbers.
///
/// # Errors
/// As [`pairwise`]; [`Error::Shape`] also if `out` has another shape. Nothing is written then.
pub fn pairwise_into<'a, T: Scalar>(
    x: impl Into<MatrixView<'a, T>>,
    y: impl Into<MatrixView<'a, T>>,
    distance: Distance,
    out: impl Into<MatrixViewMut<'a, T>>,
) -> Result<()> {
    /// Multiply-adds of a task: about 50 microseconds of one core.
    const WORK_IN_TASK: usize = 1 << 18;

    let (x, y, mut out) = (x.into(), y.into(), out.into());
    let pairs = DistanceRows::<T>::prepare("pairwise", x, y, distance, ["x", "y"])?;
    check_shape("pairwise", (x.rows(), y.rows()), out.shape())?;
    if distance == Distance::SquaredEuclidean
        && x.columns() >= squared::LEAST_DIMENSION
        && squared::is_in_range::<T>(&Extent::of(x, y))
    {
        let (points, panels) = pairs.points();
        return squared::squared_into(x, y, points, panels, out);
    }
    let rows = (WORK_IN_TASK / (y.rows() * x.columns()).max(1)).next_multiple_of(8);
    out.for_each_row_chunk(rows, |first, mut part| {
        let (rows, columns, stride) = (part.rows(), part.columns(), part.row_stride());
        pairs.rows_into_strided(first..first + rows, 0..columns, part.strided_data(), stride);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for distance in [
            Distance::SquaredEuclidean,
            Distance::Euclidean,
            Distance::Manhattan,
            Distance::Chebyshev,
            Distance::Cosine,
            Distance::Minkowski { p: 1.5 },
            Distance::MinkowskiPower { p: 0.25 },
        ] {
            assert_eq!(distance.to_string().parse(), Ok(distance));
        }
        assert_eq!("Manhattan".parse(), Ok(Distance::Manhattan));
        assert_eq!("minkowski".parse(), Ok(Distance::Minkowski { p: 2.0 }));
    }

    #[test]
    fn wrong_names_and_powers_are_refused() {
        for text in [
            "",
            "l2",
            "euclidean:3",
            "minkowski:",
            "minkowski:x",
            "minkowski-power",
        ] {
            let error = text.parse::<Distance>().unwrap_err();
            assert!(
                matches!(&error, Error::UnknownName { got, .. } if got == text),
                "{text}: {error}"
            );
        }
        for text in [
            "minkowski:0.5",
            "minkowski:inf",
            "minkowski:NaN",
            "minkowski-power:0",
            "minkowski-power:-1",
        ] {
            let error = text.parse::<Distance>().unwrap_err();
            assert!(
                matches!(error, Error::Argument { name: "p", .. }),
                "{text}: {error}"
            );
        }
    }
}
