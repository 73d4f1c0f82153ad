//! Eight xoshiro256++ generators in vector registers, and numbers from their words.
//!
//! One step costs 14 instructions for each register: shifts, additions and exclusive ors of 64-bit lanes. Eight words are
//! one register of AVX-512, two of AVX2 or two portable ones: with two, the second's step fills the waiting times of the
//! first.
//!
//! Words become numbers without a conversion from integers, which AVX2 lacks for 64 bits and for unsigned 32: an integer
//! of 16 (32) bits put into the mantissa of 2^23 (2^52) is a number already, and its neighbour in 2^39 (2^84) carries the
//! upper half; their sum, less the two powers, is the integer rounded once. An `f32` takes half a word, the low half
//! first. All of it is exact or rounded alike at every level.

use crate::scalar::Scalar;
use crate::simd::lanes::{Lanes, Simd, WordLanes};

/// Generators side by side in a chunk.
pub(super) const GENERATORS: usize = 8;

/// The states of a chunk's generators: word k of all, for k in 0..4.
pub(super) type ChunkState = [[u64; GENERATORS]; 4];

/// At most this many registers hold one word of all generators (two of four lanes, or one of eight).
pub(super) const REGISTERS: usize = 2;

/// The registers of one word of all generators; where one register holds them all, the second is unused.
pub(super) type Words<S> = [<S as Simd>::U64; REGISTERS];

/// Eight xoshiro256++ generators in registers.
pub(super) struct Generators<S: Simd> {
    state: [Words<S>; 4],
}

impl<S: Simd> Generators<S> {
    /// How many of the registers are used.
    pub(super) const USED: usize = GENERATORS / S::U64::LANES;

    #[inline(always)]
    pub(super) fn new(state: &ChunkState) -> Self {
        let mut registers = [[S::U64::splat(0); REGISTERS]; 4];
        for k in 0..4 {
            for r in 0..Self::USED {
                registers[k][r] = S::U64::load(&state[k][r * S::U64::LANES..]);
            }
        }
        Self { state: registers }
    }

    /// The next word of each generator.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Words<S> {
        let [s0, s1, s2, s3] = &mut self.state;
        let mut words = *s0;
        for r in 0..Self::USED {
            let sum = s0[r].wrapping_add(s3[r]);
            words[r] = (sum.shift_left::<23>() | sum.shift_right::<41>()).wrapping_add(s0[r]);
            let shifted = s1[r].shift_left::<17>();
            s2[r] = s2[r] ^ s0[r];
            s3[r] = s3[r] ^ s1[r];
            s1[r] = s1[r] ^ s2[r];
            s0[r] = s0[r] ^ s3[r];
            s2[r] = s2[r] ^ shifted;
            s3[r] = s3[r].shift_left::<45>() | s3[r].shift_right::<19>();
        }
        words
    }
}

/// The bits of `2^23` in both halves of a word (`f32`) or of `2^52` (`f64`): mantissa unit 1.
const UNIT_1: [u64; 2] = [0x4b00_0000_4b00_0000, 0x4330_0000_0000_0000];
/// The bits of `2^39` in both halves (`f32`, mantissa unit 2^16) or of `2^84` (`f64`, mantissa unit 2^32).
const UNIT_HIGH: [u64; 2] = [0x5300_0000_5300_0000, 0x4530_0000_0000_0000];
/// The lower half of each `f32` or `f64` integer.
const LOWER: [u64; 2] = [0x0000_ffff_0000_ffff, 0x0000_0000_ffff_ffff];
/// The sign of the upper half of each integer.
const SIGN: [u64; 2] = [0x0000_8000_0000_8000, 0x0000_0000_8000_0000];

/// The place of `T` in the tables above.
#[inline(always)]
fn row<T: Scalar>() -> usize {
    usize::from(size_of::<T>() == 8)
}

/// `2^exponent`.
const fn power(exponent: i64) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// What the two powers add to an integer. 17 and 33 significant bits: exact, and so is its difference from the upper half.
const OFFSET: [f64; 2] = [power(39) + power(23), power(84) + power(52)];
/// The same where the sign was flipped to make the integer positive.
const OFFSET_SIGNED: [f64; 2] = [OFFSET[0] + power(31), OFFSET[1] + power(63)];
/// The unit of a number uniform on [0, 1).
const UNIT_UNIFORM: [f64; 2] = [power(-24), power(-53)];
/// One over the number of integers.
pub(super) const UNIT_INTEGER: [f64; 2] = [power(-32), power(-64)];

/// The entry for `T` in every lane.
#[inline(always)]
pub(super) fn constant<S: Simd, T: Scalar>(table: [f64; 2]) -> T::Register<S> {
    Lanes::splat(T::from_f64(table[row::<T>()]))
}

/// Every 32 (`f32`) or 64 bits (`f64`) as an integer, rounded to the nearest number.
#[inline(always)]
pub(super) fn all_bits<S: Simd, T: Scalar>(word: S::U64) -> T::Register<S> {
    let (high, low) = halves::<S, T>(word, 0);
    (high - constant::<S, T>(OFFSET)) + low
}

/// The same as a signed integer.
#[inline(always)]
pub(super) fn all_bits_signed<S: Simd, T: Scalar>(word: S::U64) -> T::Register<S> {
    let (high, low) = halves::<S, T>(word, SIGN[row::<T>()]);
    (high - constant::<S, T>(OFFSET_SIGNED)) + low
}

/// The upper halves of the integers (with some bits flipped) as `2^39 + half * 2^16` or `2^84 + half * 2^32`, the lower
/// ones as `2^23 + half` or `2^52 + half`.
#[inline(always)]
fn halves<S: Simd, T: Scalar>(word: S::U64, flipped: u64) -> (T::Register<S>, T::Register<S>) {
    let row = row::<T>();
    let lower = S::U64::splat(LOWER[row]);
    let high = if row == 0 {
        word.shift_right::<16>() & lower
    } else {
        word.shift_right::<32>()
    };
    let high = high ^ S::U64::splat(UNIT_HIGH[row] ^ flipped);
    let low = (word & lower) | S::U64::splat(UNIT_1[row]);
    (T::from_words::<S>(high), T::from_words::<S>(low))
}

/// The top 24 (`f32`) or 53 bits (`f64`) of the integers over 2^24 or 2^53: uniform on [0, 1), exact.
#[inline(always)]
pub(super) fn unit_interval<S: Simd, T: Scalar>(word: S::U64) -> T::Register<S> {
    let row = row::<T>();
    let lower = S::U64::splat(LOWER[row]);
    let (high, low) = if row == 0 {
        let byte = S::U64::splat(0x0000_00ff_0000_00ff);
        (word.shift_right::<24>() & byte, word.shift_right::<8>() & lower)
    } else {
        (word.shift_right::<43>(), word.shift_right::<11>() & lower)
    };
    let high = T::from_words::<S>(high | S::U64::splat(UNIT_HIGH[row]));
    let low = T::from_words::<S>(low | S::U64::splat(UNIT_1[row]));
    ((high - constant::<S, T>(OFFSET)) + low) * constant::<S, T>(UNIT_UNIFORM)
}
