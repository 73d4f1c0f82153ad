//! Distances between two clouds of points.
//!
//! A cloud is a matrix with a point in each row. [`Distance`] says which distance.

mod extent;
mod metric;
mod panels;
mod rows;

use crate::error::{Error, Result};
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
