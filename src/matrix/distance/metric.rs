//! What a distance does with each coordinate's difference: the one place where the metrics differ.

use crate::Scalar;
use crate::simd::lanes::{Lanes, Mask};

/// A distance as a fold over the coordinates: `sum = accumulate(sum, x_k - y_k)` from zero, then `finish(sum)`.
///
/// Every lane is computed alone, by the same operations in the same order, so an entry has the same bits wherever in
/// a register, a tile or a range of columns it is computed.
pub(super) trait Metric<T: Scalar>: Copy + Send + Sync {
    /// Whether the fold needs the largest absolute difference first (a pass of its own).
    const NEEDS_LARGEST: bool = false;

    /// Adds one coordinate. `largest` is the largest absolute difference, or zero if it is not needed.
    fn accumulate<L: Lanes<Element = T>>(self, sum: L, difference: L, largest: L) -> L;

    /// The distance from the sum.
    fn finish<L: Lanes<Element = T>>(self, sum: L, largest: L) -> L;
}

/// `factor * sum (x - y)^2`: the squared Euclidean distance, and with 1/2 the cosine distance of unit vectors.
#[derive(Clone, Copy)]
pub(super) struct Squared<T> {
    /// The factor.
    pub(super) factor: T,
}

impl<T: Scalar> Metric<T> for Squared<T> {
    #[inline(always)]
    fn accumulate<L: Lanes<Element = T>>(self, sum: L, difference: L, _: L) -> L {
        difference.mul_add(difference, sum)
    }
    #[inline(always)]
    fn finish<L: Lanes<Element = T>>(self, sum: L, _: L) -> L {
        sum * L::splat(self.factor)
    }
}

/// `unscale * sqrt(sum (x - y)^2)`, for coordinates that were multiplied by `1 / unscale`, a power of two.
#[derive(Clone, Copy)]
pub(super) struct Euclidean<T> {
    /// What undoes the scaling.
    pub(super) unscale: T,
}

impl<T: Scalar> Metric<T> for Euclidean<T> {
    #[inline(always)]
    fn accumulate<L: Lanes<Element = T>>(self, sum: L, difference: L, _: L) -> L {
        difference.mul_add(difference, sum)
    }
    #[inline(always)]
    fn finish<L: Lanes<Element = T>>(self, sum: L, _: L) -> L {
        sum.sqrt() * L::splat(self.unscale)
    }
}

/// `sum |x - y|`.
#[derive(Clone, Copy)]
pub(super) struct Manhattan;

impl<T: Scalar> Metric<T> for Manhattan {
    #[inline(always)]
    fn accumulate<L: Lanes<Element = T>>(self, sum: L, difference: L, _: L) -> L {
        sum + difference.abs()
    }
    #[inline(always)]
    fn finish<L: Lanes<Element = T>>(self, sum: L, _: L) -> L {
        sum
    }
}

/// `max |x - y|`.
#[derive(Clone, Copy)]
pub(super) struct Chebyshev;

impl<T: Scalar> Metric<T> for Chebyshev {
    #[inline(always)]
    fn accumulate<L: Lanes<Element = T>>(self, sum: L, difference: L, _: L) -> L {
        sum.max(difference.abs())
    }
    #[inline(always)]
    fn finish<L: Lanes<Element = T>>(self, sum: L, _: L) -> L {
        sum
    }
}

/// `sum |x - y|^p`.
#[derive(Clone, Copy)]
pub(super) struct PowerSum {
    /// The power p.
    pub(super) power: Power,
}

impl<T: Scalar> Metric<T> for PowerSum {
    #[inline(always)]
    fn accumulate<L: Lanes<Element = T>>(self, sum: L, difference: L, _: L) -> L {
        sum + self.power.raise(difference.abs())
    }
    #[inline(always)]
    fn finish<L: Lanes<Element = T>>(self, sum: L, _: L) -> L {
        sum
    }
}

/// `m * (sum (|x - y| / m)^p)^(1/p)` with m the largest `|x - y|`: no power overflows, and the largest underflows not.
#[derive(Clone, Copy)]
pub(super) struct Minkowski {
    /// The power p.
    pub(super) power: Power,
    /// The power 1/p.
    pub(super) root: Power,
}

impl<T: Scalar> Metric<T> for Minkowski {
    const NEEDS_LARGEST: bool = true;

    #[inline(always)]
    fn accumulate<L: Lanes<Element = T>>(self, sum: L, difference: L, largest: L) -> L {
        // Where the points coincide every difference is zero: dividing by one instead keeps zero.
        let zero = largest.eq(L::splat(T::ZERO));
        let divisor = L::select(zero, L::splat(T::ONE), largest);
        sum + self.power.raise(difference.abs() / divisor)
    }
    #[inline(always)]
    fn finish<L: Lanes<Element = T>>(self, sum: L, largest: L) -> L {
        let zero = largest.eq(L::splat(T::ZERO));
        if zero.all() {
            return largest;
        }
        L::select(zero, largest, largest * self.root.raise(sum))
    }
}

/// A power to raise non-negative numbers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Power {
    /// `halves / 2`: by multiplications and one square root, at most 2 * `halves` roundings.
    Halves(u32),
    /// Any other: lane by lane through `f64::powf`.
    General(f64),
}

impl Power {
    /// The largest number of halves that is done by multiplication. Beyond it the rounding errors of the products
    /// would outgrow those of `powf`.
    const MOST_HALVES: f64 = 16.0;

    /// The power `exponent`, positive.
    pub(super) fn new(exponent: f64) -> Self {
        let halves = 2.0 * exponent;
        if halves.fract() == 0.0 && halves <= Self::MOST_HALVES {
            Power::Halves(halves as u32)
        } else {
            Power::General(exponent)
        }
    }

    /// `base` to this power, lane by lane.
    #[inline(always)]
    fn raise<T: Scalar, L: Lanes<Element = T>>(self, base: L) -> L {
        match self {
            Power::Halves(halves) => {
                let mut result = if halves % 2 == 1 { base.sqrt() } else { L::splat(T::ONE) };
                let mut exponent = halves / 2;
                let mut square = base;
                while exponent > 0 {
                    if exponent % 2 == 1 {
                        result = result * square;
                    }
                    exponent /= 2;
                    if exponent > 0 {
                        square = square * square;
                    }
                }
                result
            }
            Power::General(exponent) => {
                let mut lanes = [T::ZERO; super::panels::WIDTH];
                base.store(&mut lanes);
                for lane in &mut lanes[..L::LANES] {
                    *lane = T::from_f64(lane.to_f64().powf(exponent));
                }
                L::load(&lanes)
            }
        }
    }
}
