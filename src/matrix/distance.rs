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
pub(crate) use extent::check_points;

pub(crate) use rows::{DistanceRows, PairwiseRows};
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
            Distance::Minkowski { p } if !(p >= 1.0 && p.is_finite()) => {
                (p, "the power of a Minkowski distance must be finite and at least 1")
            }
            Distance::MinkowskiPower { p } if !(p > 0.0 && p.is_finite()) => {
                (p, "the power of a sum of powers must be finite and positive")
            }
            _ => return Ok(()),
        };
        Err(Error::Argument { name: "p", value, requirement })
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
            ("minkowski", power) => Distance::Minkowski { p: power.unwrap_or(2.0) },
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
/// [`Distance::Cosine`], and more only where a power with p > 8 or no multiple of 1/2 is rounded more often. Squared
/// Euclidean distances of 64 coordinates and more go through a matrix product, centred; where that cancels they are
/// computed again from the differences, so that their relative error is at most 32 (d + 4) EPS. In either case they
/// are never negative, and zero for identical points. Coordinates may be as large or small as the type allows:
/// [`Distance::Euclidean`] and [`Distance::Minkowski`] scale by themselves, and only distances that would overflow
/// are refused.
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
    let rows = (WORK_IN_TASK / (y.rows() * x.columns()).max(1)).max(1).next_multiple_of(8);
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
        for text in ["", "l2", "euclidean:3", "minkowski:", "minkowski:x", "minkowski-power"] {
            let error = text.parse::<Distance>().unwrap_err();
            assert!(matches!(&error, Error::UnknownName { got, .. } if got == text), "{text}: {error}");
        }
        for text in
            ["minkowski:0.5", "minkowski:inf", "minkowski:NaN", "minkowski-power:0", "minkowski-power:-1"]
        {
            let error = text.parse::<Distance>().unwrap_err();
            assert!(matches!(error, Error::Argument { name: "p", .. }), "{text}: {error}");
        }
    }

    /// Points in (-1, 1) plus an offset, with every third point of y a near copy of one of x, and every fifth an exact one.
    fn clouds<T: Scalar>((n, m, d): (usize, usize, usize), offset: f64) -> (Matrix<T>, Matrix<T>) {
        let mut state = 1_u64;
        let mut number = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        let x = Matrix::<T>::from_fn(n, d, |_, _| T::from_f64(offset + number()));
        let mut y = Matrix::from_fn(m, d, |_, _| T::from_f64(offset + number()));
        for row in 0..m {
            let copy = x.row(row % n);
            if row % 5 == 0 {
                y.row_mut(row).copy_from_slice(copy);
            } else if row % 3 == 0 {
                for (target, &source) in y.row_mut(row).iter_mut().zip(copy) {
                    *target = T::from_f64(source.to_f64() * (1.0 + 1e-3 * number()));
                }
            }
        }
        (x, y)
    }

    fn check_squared<T: Scalar>(shape: (usize, usize, usize), offset: f64) {
        let (n, m, d) = shape;
        let (x, y) = clouds::<T>(shape, offset);
        let distances = pairwise(&x, &y, Distance::SquaredEuclidean).unwrap();
        for row in 0..n {
            for column in 0..m {
                let differences = x.row(row).iter().zip(y.row(column));
                let expected: f64 = differences.map(|(x, y)| (x.to_f64() - y.to_f64()).powi(2)).sum();
                let got = distances[(row, column)].to_f64();
                // The bound that `pairwise` states; the sum above has errors of d EPS in f64 itself.
                let bound = (32 * (d + 4)) as f64 * T::EPSILON.to_f64() * expected;
                assert!(
                    got >= 0.0 && (got - expected).abs() <= bound,
                    "{} {shape:?} + {offset} [{row}, {column}]: {got} for {expected}",
                    T::NAME
                );
            }
        }
    }

    #[test]
    fn squared_distances_survive_cancellation() {
        for shape in [(7, 9, 3), (40, 33, 63), (40, 33, 65), (17, 100, 64), (3, 5, 784), (1, 1, 64)] {
            for offset in [0.0, 100.0] {
                check_squared::<f32>(shape, offset);
                check_squared::<f64>(shape, offset);
            }
        }
        check_squared::<f64>((20, 20, 70), 1e8);
    }

    #[test]
    fn a_row_may_be_more_than_a_task() {
        let (x, y) = clouds::<f32>((2, 600, 500), 0.0);
        let distances = pairwise(&x, &y, Distance::Euclidean).unwrap();
        let squares = pairwise(&x, &y, Distance::SquaredEuclidean).unwrap();
        for (distance, square) in distances.as_slice().iter().zip(squares.as_slice()) {
            assert!((distance * distance - square).abs() <= 1e-3 * square);
        }
    }

    #[test]
    fn identical_points_are_at_distance_zero() {
        let (x, _) = clouds::<f32>((30, 1, 64), 3.0);
        for distance in [
            Distance::SquaredEuclidean,
            Distance::Euclidean,
            Distance::Manhattan,
            Distance::Chebyshev,
            Distance::Cosine,
            Distance::Minkowski { p: 2.3 },
        ] {
            let distances = pairwise(&x, &x, distance).unwrap();
            for row in 0..30 {
                assert_eq!(distances[(row, row)].to_bits(), 0, "{distance}");
                for column in 0..row {
                    let (a, b) = (distances[(row, column)], distances[(column, row)]);
                    assert!(a > 0.0 && (a - b).abs() <= 40.0 * f32::EPSILON * a, "{distance}");
                }
            }
        }
    }

    #[test]
    fn coordinates_at_the_ends_of_the_range_are_measured() {
        for (scale, d) in [(1e-25_f32, 64), (1e17, 64), (1e-25, 2), (3e17, 2)] {
            let x = Matrix::filled(2, d, scale);
            let y = Matrix::filled(3, d, -scale);
            let expected = 4.0 * d as f64 * f64::from(scale) * f64::from(scale);
            let squared = pairwise(&x, &y, Distance::SquaredEuclidean).unwrap()[(1, 2)];
            // Below the normal numbers the error is absolute.
            let bound = 100.0 * f64::from(f32::EPSILON) * expected + f64::from(f32::from_bits(1)) * d as f64;
            assert!((f64::from(squared) - expected).abs() <= bound, "{scale:e}: {squared:e}");
            let euclidean = f64::from(pairwise(&x, &y, Distance::Euclidean).unwrap()[(1, 2)]);
            assert!((euclidean - expected.sqrt()).abs() <= 100.0 * f64::from(f32::EPSILON) * expected.sqrt());
        }
        let x = Matrix::filled(2, 64, 1e19_f32);
        let refused = pairwise(&x, &x.map(|x| -x), Distance::SquaredEuclidean);
        assert!(matches!(refused, Err(Error::Argument { .. })));
        // Equal points are at distance zero, however large they are.
        assert_eq!(pairwise(&x, &x, Distance::SquaredEuclidean).unwrap().view().max(), Ok(0.0));
    }

    #[test]
    fn distances_go_into_a_rectangle() {
        let (x, y) = clouds::<f64>((20, 37, 70), 0.0);
        for distance in [Distance::SquaredEuclidean, Distance::Manhattan] {
            let expected = pairwise(&x, &y, distance).unwrap();
            let mut out = Matrix::filled(25, 50, -1.0);
            pairwise_into(&x, &y, distance, out.view_mut().submatrix(2..22, 5..42)).unwrap();
            assert_eq!(out.submatrix(2..22, 5..42), expected.view());
            assert_eq!(out.view().sum(), expected.view().sum() - (25 * 50 - 20 * 37) as f64);
            let refused = pairwise_into(&x, &y, distance, &mut out);
            assert!(matches!(refused, Err(Error::Shape { expected: 20, got: 25, .. })));
        }
        let none = pairwise(&Matrix::<f32>::zeros(0, 64), &Matrix::zeros(3, 64), Distance::default());
        assert_eq!(none.unwrap().shape(), (0, 3));
    }

    #[cfg(feature = "parallel")]
    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        for d in [3, 64] {
            let (x, y) = clouds::<f32>((700, 900, d), 0.0);
            let with = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    [Distance::SquaredEuclidean, Distance::Cosine].map(|distance| pairwise(&x, &y, distance))
                })
            };
            let expected = with(1);
            for threads in [2, 3, 5] {
                assert!(with(threads) == expected, "d={d}, {threads} threads");
            }
        }
    }
}
