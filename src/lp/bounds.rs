//! The interval of a variable or of a row.

use std::ops::{RangeFrom, RangeFull, RangeInclusive, RangeToInclusive};

/// Lower and upper bound of a variable or of the activity of a row; infinite where there is none.
///
/// # Examples
/// ```
/// use brenier::lp::Bounds;
/// assert_eq!(Bounds::from(1.0..=2.0), Bounds { lower: 1.0, upper: 2.0 });
/// assert_eq!(Bounds::from(..=2.0), Bounds::at_most(2.0));
/// assert_eq!(Bounds::from(1.0..), Bounds::at_least(1.0));
/// assert_eq!(Bounds::from(..), Bounds::FREE);
/// assert_eq!(Bounds::from(3.0), Bounds { lower: 3.0, upper: 3.0 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The least value, or -∞.
    pub lower: f64,
    /// The largest value, or ∞.
    pub upper: f64,
}

impl Bounds {
    /// No bound at all.
    pub const FREE: Self = Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
    /// Zero and above.
    pub const NON_NEGATIVE: Self = Self { lower: 0.0, upper: f64::INFINITY };

    /// `lower` and above.
    pub fn at_least(lower: f64) -> Self {
        Self { lower, upper: f64::INFINITY }
    }

    /// `upper` and below.
    pub fn at_most(upper: f64) -> Self {
        Self { lower: f64::NEG_INFINITY, upper }
    }

    /// Both bounds.
    pub fn between(lower: f64, upper: f64) -> Self {
        Self { lower, upper }
    }

    /// This value only.
    pub fn equal(value: f64) -> Self {
        Self { lower: value, upper: value }
    }

    /// Whether there is one value only.
    pub fn is_fixed(self) -> bool {
        self.lower == self.upper
    }

    /// Whether there is no bound.
    pub fn is_free(self) -> bool {
        self.lower == f64::NEG_INFINITY && self.upper == f64::INFINITY
    }

    /// Whether there is a value between the bounds.
    pub fn is_consistent(self) -> bool {
        self.lower <= self.upper
    }

    /// By how much a value lies outside: 0 inside.
    ///
    /// # Examples
    /// ```
    /// use brenier::lp::Bounds;
    /// assert_eq!(Bounds::between(0.0, 1.0).violation(1.5), 0.5);
    /// assert_eq!(Bounds::between(0.0, 1.0).violation(0.5), 0.0);
    /// ```
    pub fn violation(self, value: f64) -> f64 {
        (self.lower - value).max(value - self.upper).max(0.0)
    }
}

impl From<f64> for Bounds {
    fn from(value: f64) -> Self {
        Self::equal(value)
    }
}

impl From<RangeInclusive<f64>> for Bounds {
    fn from(range: RangeInclusive<f64>) -> Self {
        Self::between(*range.start(), *range.end())
    }
}

impl From<RangeFrom<f64>> for Bounds {
    fn from(range: RangeFrom<f64>) -> Self {
        Self::at_least(range.start)
    }
}

impl From<RangeToInclusive<f64>> for Bounds {
    fn from(range: RangeToInclusive<f64>) -> Self {
        Self::at_most(range.end)
    }
}

impl From<RangeFull> for Bounds {
    fn from(_: RangeFull) -> Self {
        Self::FREE
    }
}
