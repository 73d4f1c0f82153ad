//! Normal numbers by the method of Box and Muller.
//!
//! For independent u uniform on (0, 1] and t uniform on [-1/2, 1/2], `r = sqrt(-2 ln u)`, the numbers `r cos(2 pi t)` and
//! `r sin(2 pi t)` are independent standard normals (Box and Muller, Ann. Math. Statist. 29, 1958). Unlike the
//! ziggurat and the polar method it rejects nothing, so every vector lane does the same work.

use super::generators::{
    ChunkState, GENERATORS, Generators, UNIT_INTEGER, all_bits, all_bits_signed, constant,
};
use crate::scalar::Scalar;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;
use crate::simd::trigonometric::sin_cos_2pi;
use rand::Rng;
use std::f64::consts::TAU;

/// A standard normal number from any generator: the first of a pair of Box and Muller, in `f64`. Two words.
///
/// # Method and tails
/// `sqrt(-2 ln u) cos(2 pi t)` with u = (k + 1/2) / 2^64 from all bits k of the first word and t from all bits of the
/// second. The largest number is sqrt(130 ln 2) = 9.49 (a normal number is beyond it once in 10^20).
///
/// The vector fills do the same in their own precision: with 64 bits for each of u and t in `f64`, and with 32 in `f32`,
/// where u = (k + 1/2) / 2^32 and the largest number is sqrt(66 ln 2) = 6.76 (a normal number is beyond it once in
/// 7 * 10^10). With the 24 bits that an `f32` in [0, 1) has, it would be 5.77, which a fill of a billion would miss
/// eight times. A block of words gives the cosines first, then the sines.
///
/// # Examples
/// ```
/// let mut generator = brenier::random::RandomStream::new(3);
/// let x = brenier::random::normal(&mut generator);
/// assert!(x.abs() < 9.5);
/// ```
#[inline]
pub fn normal(generator: &mut (impl Rng + ?Sized)) -> f64 {
    let unit = UNIT_INTEGER[1];
    let u = generator.next_u64() as f64 * unit + unit / 2.0;
    let t = generator.next_u64() as i64 as f64 * unit;
    (-2.0 * u.ln()).sqrt() * (TAU * t).cos()
}

/// Normal numbers from blocks of two words of each generator: the first for the radii, the second for the angles.
///
/// With h = 16 (`f32`) or 8 (`f64`) integers in a word of all generators, number j < h of a block is the cosine of the
/// j-th pair and number h + j its sine, at every SIMD level.
#[inline(always)]
pub(super) fn normal_kernel<S: Simd, T: Scalar>(state: &ChunkState, target: &mut [T], mean: T, deviation: T) {
    let lanes = T::Register::<S>::LANES;
    let pairs = Generators::<S>::USED * lanes;
    let mean = T::Register::<S>::splat(mean);
    let deviation = T::Register::<S>::splat(deviation);
    let mut generators = Generators::<S>::new(state);

    let mut blocks = target.chunks_exact_mut(2 * pairs);
    for block in &mut blocks {
        let (radius_words, angle_words) = (generators.next(), generators.next());
        let (cosines, sines) = block.split_at_mut(pairs);
        for r in 0..Generators::<S>::USED {
            let (x, y) = box_muller::<S, T>(radius_words[r], angle_words[r]);
            x.mul_add(deviation, mean).store(&mut cosines[r * lanes..]);
            y.mul_add(deviation, mean).store(&mut sines[r * lanes..]);
        }
    }

    let rest = blocks.into_remainder();
    if !rest.is_empty() {
        let (radius_words, angle_words) = (generators.next(), generators.next());
        // A block has 32 numbers of 4 bytes or 16 of 8.
        let mut block = [T::ZERO; 4 * GENERATORS];
        let (cosines, sines) = block.split_at_mut(pairs);
        for r in 0..Generators::<S>::USED {
            let (x, y) = box_muller::<S, T>(radius_words[r], angle_words[r]);
            x.mul_add(deviation, mean).store(&mut cosines[r * lanes..]);
            y.mul_add(deviation, mean).store(&mut sines[r * lanes..]);
        }
        rest.copy_from_slice(&block[..rest.len()]);
    }
}

/// The two normal numbers of each pair of integers.
#[inline(always)]
fn box_muller<S: Simd, T: Scalar>(
    radius_word: S::U64,
    angle_word: S::U64,
) -> (T::Register<S>, T::Register<S>) {
    let unit = constant::<S, T>(UNIT_INTEGER);
    let half_unit = constant::<S, T>([UNIT_INTEGER[0] / 2.0, UNIT_INTEGER[1] / 2.0]);
    // Near one, u rounds to one at most, where the radius is zero: the logarithm is never positive.
    let u = all_bits::<S, T>(radius_word).mul_add(unit, half_unit);
    let t = all_bits_signed::<S, T>(angle_word) * unit;
    let radius = (ln(u) * constant::<S, T>([-2.0, -2.0])).sqrt();
    let (sine, cosine) = sin_cos_2pi(t);
    (radius * cosine, radius * sine)
}
