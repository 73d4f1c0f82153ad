//! The vocabulary of the kernels: [`Simd`] is an instruction set, [`Lanes`] one of its floating-point registers.
//!
//! The traits are public inside a private module: user code cannot name a level, so it cannot make a register of one
//! that the machine lacks. That is what makes the safe methods of the x86 registers sound.

use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// An instruction set: which registers it has. Kernels are generic over it and are instantiated by [`dispatch!`].
///
/// [`dispatch!`]: crate::simd::dispatch
pub trait Simd: Copy + Send + Sync + 'static {
    /// A register of `f32`.
    type F32: Lanes<Element = f32>;
    /// A register of `f64`: half as many lanes as `F32`.
    type F64: Lanes<Element = f64>;
    /// A register of `u64` with as many lanes as `F64`.
    type U64: WordLanes<F32 = Self::F32, F64 = Self::F64>;
}

/// A truth value for each lane.
pub trait Mask: Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self> {
    /// Whether any lane is true.
    fn any(self) -> bool;
    /// Whether all lanes are true.
    fn all(self) -> bool;
}

/// A register of floating-point lanes.
///
/// Slices are bounds-checked once for each call: `load` and `store` panic on a slice shorter than `LANES`.
pub trait Lanes:
    Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// What a lane holds.
    type Element: Copy;
    /// What a comparison gives.
    type Mask: Mask;
    /// Number of lanes.
    const LANES: usize;

    /// `value` in every lane.
    fn splat(value: Self::Element) -> Self;
    /// The first `LANES` elements of `source`.
    fn load(source: &[Self::Element]) -> Self;
    /// Writes the lanes over the first `LANES` elements of `target`.
    fn store(self, target: &mut [Self::Element]);
    /// All of `source` (at most `LANES` elements), then `fill`. Reads nothing past the end of `source`.
    fn load_partial(source: &[Self::Element], fill: Self::Element) -> Self;
    /// Writes the first lanes over all of `target` (at most `LANES` elements).
    fn store_partial(self, target: &mut [Self::Element]);
    /// The first `LANES` numbers of `source`, widened exactly or rounded to nearest.
    fn load_f32(source: &[f32]) -> Self;
    /// The first `LANES` numbers of `source`, rounded to nearest where the lanes are narrower.
    fn load_f64(source: &[f64]) -> Self;

    /// `self * factor + summand`, rounded once where the level has fused multiply-add, else twice.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// The lane-wise smaller; where either is NaN, `other`.
    fn min(self, other: Self) -> Self;
    /// The lane-wise larger; where either is NaN, `other`.
    fn max(self, other: Self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Nearest integer, ties to even.
    fn round(self) -> Self;

    /// `self < other` (false where either is NaN).
    fn lt(self, other: Self) -> Self::Mask;
    /// `self <= other` (false where either is NaN).
    fn le(self, other: Self) -> Self::Mask;
    /// `self == other` (false where either is NaN).
    fn eq(self, other: Self) -> Self::Mask;
    /// Lane by lane, `yes` where `mask` is true, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// `self * 2^n` for an integer-valued `n` of any size, rounded once: overflows to infinity, underflows to subnormals.
    fn scale_by_power_of_two(self, n: Self) -> Self;
    /// `self * 2^n` for an integer-valued `n` where both `2^n` and the result are normal numbers: one integer addition.
    fn scale_by_power_of_two_normal(self, n: Self) -> Self;
    /// `(m, e)` with `self = m * 2^e` and `m` in [1, 2), for finite positive lanes, subnormal ones included.
    fn split_exponent(self) -> (Self, Self);

    /// Sum of the lanes, in a fixed order (pairwise halves).
    fn reduce_sum(self) -> Self::Element;
    /// Smallest lane; unspecified if one is NaN.
    fn reduce_min(self) -> Self::Element;
    /// Largest lane; unspecified if one is NaN.
    fn reduce_max(self) -> Self::Element;
}

/// A register of 64-bit words, for random bits.
pub trait WordLanes:
    Copy + Send + Sync + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self>
{
    /// The `f32` register of the same size.
    type F32: Lanes<Element = f32>;
    /// The `f64` register of the same size.
    type F64: Lanes<Element = f64>;
    /// Number of lanes.
    const LANES: usize;

    /// `value` in every lane.
    fn splat(value: u64) -> Self;
    /// The first `LANES` words of `source`.
    fn load(source: &[u64]) -> Self;
    /// Writes the lanes over the first `LANES` words of `target`.
    fn store(self, target: &mut [u64]);
    /// Sum modulo 2^64.
    fn wrapping_add(self, other: Self) -> Self;
    /// Shift left by `BITS`, zeros in.
    fn shift_left<const BITS: i32>(self) -> Self;
    /// Shift right by `BITS`, zeros in.
    fn shift_right<const BITS: i32>(self) -> Self;
    /// The same bits, read as twice as many `f32` (the low half of a word first).
    fn as_f32(self) -> Self::F32;
    /// The same bits, read as `f64`.
    fn as_f64(self) -> Self::F64;
}
