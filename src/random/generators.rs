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

    /// Writes the next word of each generator over `block`, lane after lane.
    #[inline(always)]
    pub(super) fn next_into(&mut self, block: &mut [u64]) {
        let words = self.next();
        for (register, part) in words.iter().zip(block.chunks_exact_mut(S::U64::LANES)) {
            register.store(part);
        }
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
    let high = if row == 0 { word.shift_right::<16>() & lower } else { word.shift_right::<32>() };
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::simd::test_at_every_level;

    /// The words of a chunk in order, by a plain xoshiro256++ for each lane.
    pub(in crate::random) fn plain_words(state: &ChunkState, count: usize) -> Vec<u64> {
        let mut lanes = [[0; 4]; GENERATORS];
        for (l, lane) in lanes.iter_mut().enumerate() {
            for (k, word) in lane.iter_mut().enumerate() {
                *word = state[k][l];
            }
        }
        let step = |s: &mut [u64; 4]| {
            let word = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
            let shifted = s[1] << 17;
            s[2] ^= s[0];
            s[3] ^= s[1];
            s[1] ^= s[2];
            s[0] ^= s[3];
            s[2] ^= shifted;
            s[3] = s[3].rotate_left(45);
            word
        };
        (0..count).map(|k| step(&mut lanes[k % GENERATORS])).collect()
    }

    /// The state 1, 2, 3, 4 in the first lane, other small numbers in the others.
    fn small_state() -> ChunkState {
        let mut state = [[0; GENERATORS]; 4];
        for (k, words) in state.iter_mut().enumerate() {
            for (l, word) in words.iter_mut().enumerate() {
                *word = (k + 1 + 10 * l) as u64;
            }
        }
        state
    }

    #[test]
    fn plain_words_start_with_the_reference() {
        let words = plain_words(&small_state(), 4 * GENERATORS);
        // Published with the reference implementation in C, for the state 1, 2, 3, 4.
        let expected = [41943041, 58720359, 3588806011781223, 3591011842654386];
        for (k, word) in expected.into_iter().enumerate() {
            assert_eq!(words[k * GENERATORS], word);
        }
    }

    #[inline(always)]
    fn lanes_give_the_plain_words<S: Simd>() {
        let state = small_state();
        let expected = plain_words(&state, 1000 * GENERATORS);
        let mut generators = Generators::<S>::new(&state);
        for block in expected.chunks_exact(GENERATORS) {
            let mut got = [0; GENERATORS];
            generators.next_into(&mut got);
            assert_eq!(got, block);
        }
    }

    /// Integers at the ends, at ties of the rounding, and random ones.
    fn integers() -> Vec<u64> {
        let mut integers = vec![0, 1, u64::MAX, 1 << 63, (1 << 63) - 1, 1 << 31, 1 << 32, (1 << 32) - 1];
        for k in 0..32 {
            // Half an ULP of f32 and f64 beside a power of two, in both halves.
            integers.push((1 << 31 | 1 << 7 | k) << 32 | (1 << 30 | 1 << 6 | k));
            integers.push(1 << 63 | 1 << 10 | k);
        }
        integers.extend(plain_words(&small_state(), 1000));
        integers.truncate(integers.len() / 8 * 8);
        integers
    }

    #[inline(always)]
    fn integers_become_numbers_f32<S: Simd>() {
        for words in integers().chunks_exact(S::U64::LANES) {
            let register = S::U64::load(words);
            let mut got = [[0.0; 16]; 3];
            all_bits::<S, f32>(register).store(&mut got[0]);
            all_bits_signed::<S, f32>(register).store(&mut got[1]);
            unit_interval::<S, f32>(register).store(&mut got[2]);
            for (k, half) in words.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]).enumerate() {
                assert_eq!(got[0][k], half as f32);
                assert_eq!(got[1][k], half as i32 as f32);
                assert_eq!(got[2][k], (half >> 8) as f32 / 16_777_216.0);
            }
        }
    }

    #[inline(always)]
    fn integers_become_numbers_f64<S: Simd>() {
        for words in integers().chunks_exact(S::U64::LANES) {
            let register = S::U64::load(words);
            let mut got = [[0.0; 8]; 3];
            all_bits::<S, f64>(register).store(&mut got[0]);
            all_bits_signed::<S, f64>(register).store(&mut got[1]);
            unit_interval::<S, f64>(register).store(&mut got[2]);
            for (k, &word) in words.iter().enumerate() {
                assert_eq!(got[0][k], word as f64);
                assert_eq!(got[1][k], word as i64 as f64);
                assert_eq!(got[2][k], (word >> 11) as f64 / 9_007_199_254_740_992.0);
            }
        }
    }

    test_at_every_level! {
        words_at_every_level = lanes_give_the_plain_words;
        f32_at_every_level = integers_become_numbers_f32;
        f64_at_every_level = integers_become_numbers_f64;
    }
}
