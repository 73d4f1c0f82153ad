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
use crate::simd::trigonometric::sin_cos_of_turns;
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
    let (sine, cosine) = sin_cos_of_turns(t);
    (radius * cosine, radius * sine)
}

#[cfg(test)]
mod tests {
    use super::super::RandomStream;
    use super::super::generators::tests::plain_words;
    use super::super::statistics::{correlation, kolmogorov_smirnov, normal_cdf};
    use super::super::stream::{Purpose, derive};
    use super::*;
    use crate::simd::lanes::WordLanes;
    use crate::simd::test_at_every_level;

    /// A pair from u and t, with the libm.
    fn plain_pair(u: f64, t: f64) -> (f64, f64, f64) {
        let radius = (-2.0 * u.ln()).sqrt();
        (radius, radius * (TAU * t).cos(), radius * (TAU * t).sin())
    }

    /// Compares a block with the plain method on the words that it is made from.
    ///
    /// The vector logarithm and the trigonometric pair are good to two units each, the square root halves the former,
    /// and products and the sum round four times: less than eight units of the radius.
    fn assert_block_close<T: Scalar>(got: &[T], pairs: &[(f64, f64)], mean: f64, deviation: f64) {
        for (k, &(u, t)) in pairs.iter().enumerate() {
            let (radius, x, y) = plain_pair(u, t);
            let bound = T::EPSILON.to_f64() * (8.0 * deviation * radius + mean.abs());
            for (place, expected) in [(k, x), (pairs.len() + k, y)] {
                if let Some(got) = got.get(place) {
                    let error = got.to_f64() - (mean + deviation * expected);
                    assert!(error.abs() <= bound, "{error} {bound} at {place}");
                }
            }
        }
    }

    #[inline(always)]
    fn fills_follow_the_words_f32<S: Simd>() {
        let state = derive(&RandomStream::new(51).state(), Purpose::Fill, 0);
        for count in [1, 15, 16, 17, 31, 32, 33, 63, 32_000] {
            let mut normals = vec![0.0_f32; count];
            normal_kernel::<S, f32>(&state, &mut normals, 0.5, 2.0);
            let words = plain_words(&state, (count / 32 + 1) * 16);
            for (block, words) in normals.chunks(32).zip(words.chunks_exact(16)) {
                let halves: Vec<u32> =
                    words.iter().flat_map(|&word| [word as u32, (word >> 32) as u32]).collect();
                let pairs: Vec<(f64, f64)> = (0..16)
                    .map(|k| {
                        let unit = 1.0 / 4_294_967_296.0_f32;
                        let u = halves[k] as f32 * unit + unit / 2.0;
                        let t = halves[16 + k] as i32 as f32 * unit;
                        (f64::from(u), f64::from(t))
                    })
                    .collect();
                assert_block_close(block, &pairs, 0.5, 2.0);
            }
        }
    }

    #[inline(always)]
    fn fills_follow_the_words_f64<S: Simd>() {
        let state = derive(&RandomStream::new(52).state(), Purpose::Fill, 0);
        for count in [1, 7, 8, 9, 15, 16, 17, 32_000] {
            let mut normals = vec![0.0_f64; count];
            normal_kernel::<S, f64>(&state, &mut normals, 0.0, 1.0);
            let words = plain_words(&state, (count / 16 + 1) * 16);
            for (block, words) in normals.chunks(16).zip(words.chunks_exact(16)) {
                let pairs: Vec<(f64, f64)> = (0..8)
                    .map(|k| {
                        let unit = 1.0 / 18_446_744_073_709_551_616.0;
                        (words[k] as f64 * unit + unit / 2.0, words[8 + k] as i64 as f64 * unit)
                    })
                    .collect();
                assert_block_close(block, &pairs, 0.0, 1.0);
            }
        }
    }

    /// The first lanes of a pair.
    #[inline(always)]
    fn first<S: Simd, T: Scalar>(radius_word: u64, angle_word: u64) -> (f64, f64) {
        let (x, y) = box_muller::<S, T>(S::U64::splat(radius_word), S::U64::splat(angle_word));
        let mut lanes = [[T::ZERO; 16]; 2];
        x.store(&mut lanes[0]);
        y.store(&mut lanes[1]);
        (lanes[0][0].to_f64(), lanes[1][0].to_f64())
    }

    #[inline(always)]
    fn extreme_words_give_the_largest_and_zero<S: Simd>() {
        let (x, y) = first::<S, f32>(0, 0);
        assert!((x - 6.763_6).abs() < 1e-3 && y == 0.0, "{x} {y}");
        let (x, y) = first::<S, f64>(0, 0);
        assert!((x - 9.492_2).abs() < 1e-3 && y == 0.0, "{x} {y}");
        // u rounds to one.
        for angle in [0, 1, 1 << 63, u64::MAX, 0x4000_0000_4000_0000] {
            let (x, y) = first::<S, f32>(u64::MAX, angle);
            assert!(x == 0.0 && y == 0.0);
            let (x, y) = first::<S, f64>(u64::MAX, angle);
            assert!(x == 0.0 && y == 0.0);
        }
        // The angle -pi.
        let (x, y) = first::<S, f64>(1 << 63, 1 << 63);
        assert!((x + (2.0 * 2.0_f64.ln()).sqrt()).abs() < 1e-14 && y.abs() < 1e-14);
    }

    test_at_every_level! {
        f32_at_every_level = fills_follow_the_words_f32;
        f64_at_every_level = fills_follow_the_words_f64;
        extremes_at_every_level = extreme_words_give_the_largest_and_zero;
    }

    /// Mean, variance, skewness and kurtosis within five deviations of theirs, and the shape by Kolmogorov and Smirnov.
    fn assert_normal(samples: Vec<f64>) {
        let n = samples.len() as f64;
        let moment = |power: i32| samples.iter().map(|x| x.powi(power)).sum::<f64>() / n;
        // Var(x^2) = 2, Var(x^3) = 15, Var(x^4) = 96.
        for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let got: f64 = moment(power);
            assert!((got - expected).abs() < 5.0 * (variance / n).sqrt(), "moment {power}: {got}");
        }
        let distance = kolmogorov_smirnov(samples, normal_cdf);
        assert!(distance < 2.4, "{distance}");
    }

    #[test]
    fn all_ways_give_normal_numbers() {
        let mut stream = RandomStream::new(53);
        let mut narrow = vec![0.0_f32; 300_000];
        stream.fill_normal(&mut narrow);
        assert_normal(narrow.iter().map(|&x| f64::from(x)).collect());
        let mut wide = vec![0.0_f64; 300_000];
        stream.fill_normal(&mut wide);
        assert_normal(wide.clone());
        stream.fill_normal_with(&mut wide, -3.0, 0.25).unwrap();
        assert_normal(wide.iter().map(|x| (x + 3.0) * 4.0).collect());
        assert_normal((0..300_000).map(|_| stream.normal()).collect());
    }

    #[test]
    fn tails_have_the_right_weight() {
        let mut stream = RandomStream::new(54);
        let mut counts = [[0_u64; 3]; 2];
        let mut buffer = vec![0.0_f32; 1 << 18];
        let rounds = 96;
        for _ in 0..rounds {
            stream.fill_normal(&mut buffer);
            for &x in &buffer {
                for (k, threshold) in [3.0, 4.0, 5.0].into_iter().enumerate() {
                    counts[0][k] += u64::from(x < -threshold);
                    counts[1][k] += u64::from(x > threshold);
                }
            }
        }
        let n = (rounds * buffer.len()) as f64;
        for side in counts {
            for (count, threshold) in side.into_iter().zip([3.0, 4.0, 5.0]) {
                let expected = n * normal_cdf(-threshold);
                // Poisson: 7.2 are expected beyond 5.
                let excess = (count as f64 - expected) / expected.sqrt();
                assert!(excess.abs() < 4.0, "{count} beyond {threshold}, {expected} expected");
            }
        }
    }

    #[test]
    fn neighbours_are_independent() {
        let mut stream = RandomStream::new(55);
        let mut normals = vec![0.0_f32; 1 << 18];
        stream.fill_normal(&mut normals);
        let values: Vec<f64> = normals.iter().map(|&x| f64::from(x)).collect();
        // The two of a pair (16 apart) share their radius: if cosine and sine were not of one circle, their squares
        // would correlate.
        let squares: Vec<f64> = values.iter().map(|x| x * x).collect();
        for lag in [1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 64, 1 << 14] {
            for sequence in [&values, &squares] {
                let n = sequence.len() - lag;
                let r = correlation(&sequence[lag..], &sequence[..n]);
                assert!(r.abs() < 5.0 / (n as f64).sqrt(), "lag {lag}: {r}");
            }
        }
    }
}
