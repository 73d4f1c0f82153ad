//! [`RandomStream`]: a seeded generator that can be split.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM Trans.
//! Math. Softw. 47, 2021): 256 bits of state, period 2^256 - 1, a few cycles a word, and free of the statistical
//! flaws of older generators. It is not for cryptography.
//!
//! # Which streams overlap
//! | how the second stream was made | overlap |
//! | --- | --- |
//! | [`RandomStream::jump`] | impossible within 2^128 words: the state is moved by exactly that much |
//! | [`RandomStream::long_jump`] | impossible within 2^192 words |
//! | [`RandomStream::split`], other index | the starting states differ for certain; that n streams of L words overlap anywhere has a chance below n² L / 2^255 (10^-50 for 2^32 streams of 2^24 words) |
//! | other seed | as for `split` |
//!
//! A fill gives each chunk and each vector lane a stream of its own in the way of `split` (see [`super`]).

use super::{normal, permutation};
use crate::Scalar;
use crate::error::{Error, Result};
use rand::{Rng, SeedableRng, TryRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::convert::Infallible;

/// The increment of SplitMix64: 2^64 over the golden ratio, made odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): a bijection of the 64-bit words in which
/// each input bit changes each output bit with a chance of about one half.
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What a derived state is for: keeps the children of `split` apart from the chunks of a fill.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// A child stream.
    Split = 1,
    /// A chunk of a fill.
    Fill = 2,
}

/// `COUNT` generator states (word by word, then state by state) from a 256-bit key and an index.
///
/// For a fixed key and purpose each word is a bijection of the index (a chain of bijections), so two indices never
/// share a state. Every word depends on the whole key, and no 64-bit bottleneck lies between key and state: word i
/// keeps the i-th word of the key beside the hash of all.
pub(super) fn derive<const COUNT: usize>(key: &[u64; 4], purpose: Purpose, index: u64) -> [[u64; COUNT]; 4] {
    let mut hash = mix(index.wrapping_add((purpose as u64).wrapping_mul(GOLDEN)));
    for word in key {
        hash = mix(hash ^ word);
    }
    let mut states = [[0; COUNT]; 4];
    for (words, key_word) in states.iter_mut().zip(key) {
        for word in words {
            hash = hash.wrapping_add(GOLDEN);
            *word = mix(hash ^ key_word);
        }
    }
    states
}

/// A seeded stream of random numbers (xoshiro256++).
///
/// It implements [`rand::Rng`], so it goes wherever a `&mut impl Rng` is asked for, and adds what this crate needs:
/// scalar draws, [fills of slices and matrices](Self::fill_normal) by vector instructions and threads, and streams
/// for parallel work ([`split`](Self::split), [`jump`](Self::jump)). The same seed gives the same words on every
/// machine.
///
/// # Examples
/// ```
/// use brenier::random::RandomStream;
///
/// let mut stream = RandomStream::new(42);
/// let x: f64 = stream.uniform();
/// assert!((0.0..1.0).contains(&x));
/// assert_eq!(RandomStream::new(42).uniform::<f64>(), x);
///
/// let mut noise = vec![0.0_f32; 1000];
/// stream.fill_normal(&mut noise);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RandomStream {
    generator: Xoshiro256PlusPlus,
}

impl RandomStream {
    /// The stream of a seed. The 256 bits of state are four outputs of SplitMix64 from the seed, as the authors of
    /// xoshiro advise; different seeds give different states.
    pub fn new(seed: u64) -> Self {
        Self { generator: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// The stream that continues from a state of xoshiro256++, for exchange with other implementations. The state of
    /// four zeros, which the generator could never leave, stands for the seed 0.
    ///
    /// # Examples
    /// ```
    /// use brenier::random::RandomStream;
    /// use rand::Rng;
    /// assert_eq!(RandomStream::from_state([1, 2, 3, 4]).next_u64(), 41943041);
    /// ```
    pub fn from_state(state: [u64; 4]) -> Self {
        let mut seed = [0; 32];
        for (bytes, word) in seed.chunks_exact_mut(8).zip(state) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Self { generator: Xoshiro256PlusPlus::from_seed(seed) }
    }

    /// The state of the generator, as [`from_state`](Self::from_state) takes it.
    pub fn state(&self) -> [u64; 4] {
        let bytes = self.generator.state();
        let mut state = [0; 4];
        for (word, bytes) in state.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        state
    }

    /// The child stream number `index`. It depends on the state of this stream and on `index`, and leaves this stream
    /// as it is; children can be split again.
    ///
    /// Children of one stream start from different states for certain; that their streams overlap further on has a
    /// negligible chance (see the module's table). Where a proof is wanted, use [`jump`](Self::jump).
    ///
    /// # Examples
    /// One stream for each task, whichever thread runs it:
    /// ```
    /// use brenier::random::RandomStream;
    /// let root = RandomStream::new(7);
    /// let means: Vec<f64> = (0..4)
    ///     .map(|task| {
    ///         let mut stream = root.split(task);
    ///         (0..100).map(|_| stream.uniform::<f64>()).sum::<f64>() / 100.0
    ///     })
    ///     .collect();
    /// assert!(means.windows(2).all(|pair| pair[0] != pair[1]));
    /// ```
    pub fn split(&self, index: u64) -> Self {
        let states = derive::<1>(&self.state(), Purpose::Split, index);
        Self::from_state([states[0][0], states[1][0], states[2][0], states[3][0]])
    }

    /// Moves this stream 2^128 words ahead and returns a stream at the old place: the two cannot overlap before one
    /// of them has given 2^128 words. A loop that calls `jump` hands out 2^128 such streams. Cost: 256 steps of the
    /// generator.
    ///
    /// # Examples
    /// ```
    /// use brenier::random::RandomStream;
    /// let mut root = RandomStream::new(7);
    /// let streams: Vec<RandomStream> = (0..4).map(|_| root.jump()).collect();
    /// assert_ne!(streams[0], streams[1]);
    /// ```
    #[must_use = "the returned stream is at the old place; this one has moved"]
    pub fn jump(&mut self) -> Self {
        let here = self.clone();
        self.generator.jump();
        here
    }

    /// The same by 2^192 words: starting points for machines, each of which hands out streams with
    /// [`jump`](Self::jump).
    #[must_use = "the returned stream is at the old place; this one has moved"]
    pub fn long_jump(&mut self) -> Self {
        let here = self.clone();
        self.generator.long_jump();
        here
    }

    /// The next 256 bits, as the key of a fill.
    pub(super) fn key(&mut self) -> [u64; 4] {
        [
            self.generator.next_u64(),
            self.generator.next_u64(),
            self.generator.next_u64(),
            self.generator.next_u64(),
        ]
    }

    /// A number uniform on [0, 1): a multiple of 2^-24 for `f32`, of 2^-53 for `f64`, all equally likely. One word.
    #[inline]
    pub fn uniform<T: Scalar>(&mut self) -> T {
        uniform(self)
    }

    /// A number uniform on [low, high): `low + (high - low) * uniform()`; where that rounds to `high`, the next number
    /// below it.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `low < high` with a finite difference.
    ///
    /// # Examples
    /// ```
    /// let mut stream = brenier::random::RandomStream::new(1);
    /// let angle = stream.uniform_range(-3.0, 3.0)?;
    /// assert!((-3.0..3.0).contains(&angle));
    /// assert!(stream.uniform_range(1.0, 1.0).is_err());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[inline]
    pub fn uniform_range<T: Scalar>(&mut self, low: T, high: T) -> Result<T> {
        let (span, last) = check_range(low, high)?;
        let value = low + span * self.uniform::<T>();
        Ok(if value < last { value } else { last })
    }

    /// A standard normal number, computed in `f64` (see [`normal()`]). Two words. For more than a few, a
    /// [fill](Self::fill_normal) is ten times faster.
    #[inline]
    pub fn normal<T: Scalar>(&mut self) -> T {
        T::from_f64(normal::normal(self))
    }

    /// An integer uniform on 0, …, `bound - 1` (see [`below()`]).
    ///
    /// # Errors
    /// [`Error::Argument`] if `bound` is zero.
    #[inline]
    pub fn below(&mut self, bound: u64) -> Result<u64> {
        below(self, bound)
    }

    /// The numbers 0, …, n - 1 in an order drawn uniformly (see [`permutation()`](permutation::permutation)).
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        permutation::permutation(self, n)
    }

    /// Puts `items` in an order drawn uniformly (see [`shuffle()`](permutation::shuffle)).
    pub fn shuffle<I>(&mut self, items: &mut [I]) {
        permutation::shuffle(self, items);
    }

    /// `k` different numbers below `n`, in random order (see
    /// [`sample_without_replacement()`](permutation::sample_without_replacement)).
    ///
    /// # Errors
    /// [`Error::Argument`] if `k > n`.
    pub fn sample_without_replacement(&mut self, n: usize, k: usize) -> Result<Vec<usize>> {
        permutation::sample_without_replacement(self, n, k)
    }

    /// An index drawn with a chance proportional to its weight (see [`categorical()`](super::categorical())). For
    /// many draws from the same weights, prepare a [`Categorical`](super::Categorical).
    ///
    /// # Errors
    /// As [`categorical()`](super::categorical()).
    pub fn categorical(&mut self, weights: &[f64]) -> Result<usize> {
        super::categorical(self, weights)
    }
}

impl TryRng for RandomStream {
    type Error = Infallible;

    #[inline]
    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        self.generator.try_next_u32()
    }
    #[inline]
    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        self.generator.try_next_u64()
    }
    #[inline]
    fn try_fill_bytes(&mut self, target: &mut [u8]) -> std::result::Result<(), Infallible> {
        self.generator.try_fill_bytes(target)
    }
}

impl SeedableRng for RandomStream {
    type Seed = [u8; 32];

    /// The state, as four little-endian words (see [`RandomStream::from_state`]).
    fn from_seed(seed: [u8; 32]) -> Self {
        Self { generator: Xoshiro256PlusPlus::from_seed(seed) }
    }

    /// The same as [`RandomStream::new`].
    fn seed_from_u64(seed: u64) -> Self {
        Self::new(seed)
    }
}

/// A number uniform on [0, 1) from any generator: the top 24 bits (`f32`) or 53 bits (`f64`) of one 64-bit word, as a
/// multiple of 2^-24 or 2^-53.
///
/// # Examples
/// ```
/// let mut generator = brenier::random::RandomStream::new(3);
/// let x: f32 = brenier::random::uniform(&mut generator);
/// assert!((0.0..1.0).contains(&x));
/// ```
#[inline]
pub fn uniform<T: Scalar>(generator: &mut (impl Rng + ?Sized)) -> T {
    // A number has half an ULP of one as its unit, so that every value below one is a multiple of it.
    let digits = if size_of::<T>() == 4 { f32::MANTISSA_DIGITS } else { f64::MANTISSA_DIGITS };
    let integer = generator.next_u64() >> (64 - digits);
    T::from_f64(integer as f64 * (T::EPSILON.to_f64() / 2.0))
}

/// An integer uniform on 0, …, `bound - 1` from any generator, without bias: the high half of word x `bound`, with the
/// few words rejected that would favour some results (Lemire, "Fast random integer generation in an interval", ACM
/// Trans. Model. Comput. Simul. 29, 2019). One word but for a chance of at most `bound / 2^64`; a division only then.
///
/// # Errors
/// [`Error::Argument`] if `bound` is zero.
///
/// # Examples
/// ```
/// let mut generator = brenier::random::RandomStream::new(3);
/// assert!(brenier::random::below(&mut generator, 6)? < 6);
/// # Ok::<(), brenier::Error>(())
/// ```
#[inline]
pub fn below(generator: &mut (impl Rng + ?Sized), bound: u64) -> Result<u64> {
    if bound == 0 {
        return Err(Error::Argument { name: "bound", value: 0.0, requirement: "it must be at least 1" });
    }
    Ok(below_positive(generator, bound))
}

/// [`below`] for a bound known to be positive.
#[inline(always)]
pub(super) fn below_positive(generator: &mut (impl Rng + ?Sized), bound: u64) -> u64 {
    debug_assert!(bound > 0);
    let mut product = u128::from(generator.next_u64()) * u128::from(bound);
    if (product as u64) < bound {
        // The first 2^64 mod `bound` low halves are one word too many for some results: draw again.
        let rejected = bound.wrapping_neg() % bound;
        while (product as u64) < rejected {
            product = u128::from(generator.next_u64()) * u128::from(bound);
        }
    }
    (product >> 64) as u64
}

/// The length of [low, high) and the largest number below `high`.
pub(super) fn check_range<T: Scalar>(low: T, high: T) -> Result<(T, T)> {
    let refuse =
        |name, value: T, requirement| Err(Error::Argument { name, value: value.to_f64(), requirement });
    if !low.is_finite() {
        return refuse("low", low, "it must be finite");
    }
    if !high.is_finite() {
        return refuse("high", high, "it must be finite");
    }
    if high <= low {
        return refuse("high", high, "it must be larger than low");
    }
    let span = high - low;
    if !span.is_finite() {
        return refuse("high", high, "its distance from low must be finite");
    }
    // Both neighbours are exact: an f32's neighbour below is found in f32.
    let last = if size_of::<T>() == 4 {
        f64::from((high.to_f64() as f32).next_down())
    } else {
        high.to_f64().next_down()
    };
    Ok((span, T::from_f64(last)))
}

#[cfg(test)]
mod tests {
    use super::super::statistics::{chi_square_excess, correlation};
    use super::*;

    #[test]
    fn words_are_those_of_the_reference_implementation() {
        // Published with the reference implementation in C, for the state 1, 2, 3, 4.
        let expected = [
            41943041,
            58720359,
            3588806011781223,
            3591011842654386,
            9228616714210784205,
            9973669472204895162,
            14011001112246962877,
            12406186145184390807,
        ];
        let mut stream = RandomStream::from_state([1, 2, 3, 4]);
        for word in expected {
            assert_eq!(stream.next_u64(), word);
        }
        let copy = RandomStream::from_state(stream.state());
        assert_eq!(copy, stream);
    }

    #[test]
    fn a_seed_is_expanded_by_splitmix64() {
        for seed in [0, 1, 42, u64::MAX] {
            let expected: [u64; 4] =
                std::array::from_fn(|k| mix(seed.wrapping_add(GOLDEN.wrapping_mul(k as u64 + 1))));
            assert_eq!(RandomStream::new(seed).state(), expected);
            assert_eq!(RandomStream::seed_from_u64(seed).state(), expected);
        }
        // The first output of SplitMix64 from 0, as published with its reference implementation.
        assert_eq!(mix(GOLDEN), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn jump_moves_the_stream_and_returns_the_old_place() {
        let start = RandomStream::new(5);
        let mut stream = start.clone();
        assert_eq!(stream.jump(), start);
        let mut generator = start.generator.clone();
        generator.jump();
        assert_eq!(stream.generator, generator);
        // A jump commutes with a step, as it must if it is a power of the step.
        let (mut first, mut second) = (start.clone(), start.clone());
        first.next_u64();
        let _ = first.jump();
        let _ = second.jump();
        second.next_u64();
        assert_eq!(first, second);
        let (mut first, mut second) = (start.clone(), start);
        first.next_u64();
        let _ = first.long_jump();
        let _ = second.long_jump();
        second.next_u64();
        assert_eq!(first, second);
    }

    #[test]
    fn split_streams_differ_and_do_not_correlate() {
        let root = RandomStream::new(11);
        let mut streams: Vec<RandomStream> = (0..6).map(|k| root.split(k)).collect();
        streams.push(root.clone());
        streams.push(root.split(0).split(0));
        streams.push(RandomStream::new(12));
        let n = 20_000;
        let samples: Vec<Vec<f64>> =
            streams.iter_mut().map(|stream| (0..n).map(|_| stream.uniform()).collect()).collect();
        for a in 0..samples.len() {
            for b in 0..a {
                // Under independence the correlation is normal with deviation 1/sqrt(n); 36 pairs stay within 5.
                let r = correlation(&samples[a], &samples[b]);
                assert!(r.abs() < 5.0 / (n as f64).sqrt(), "streams {a} and {b}: {r}");
            }
        }
    }

    #[test]
    fn derived_words_differ_in_half_their_bits() {
        // Neighbouring indices, and keys that differ in one bit: 256 bits change by 128 on average, deviation 8.
        let distance = |a: &[[u64; 1]; 4], b: &[[u64; 1]; 4]| -> u32 {
            (0..4).map(|k| (a[k][0] ^ b[k][0]).count_ones()).sum()
        };
        let key = RandomStream::new(1).state();
        let mut total = 0;
        for index in 0..256 {
            let base = derive::<1>(&key, Purpose::Split, index);
            let mut other_key = key;
            other_key[index as usize / 64] ^= 1 << (index % 64);
            for other in [
                derive::<1>(&key, Purpose::Split, index + 1),
                derive::<1>(&key, Purpose::Fill, index),
                derive::<1>(&other_key, Purpose::Split, index),
            ] {
                let bits = distance(&base, &other);
                assert!((80..=176).contains(&bits), "{bits} of 256 bits differ (6 deviations)");
                total += bits;
            }
        }
        let mean = f64::from(total) / 768.0;
        assert!((mean - 128.0).abs() < 5.0 * 8.0 / 768.0_f64.sqrt(), "{mean}");
    }

    #[test]
    fn uniform_numbers_are_the_top_bits() {
        let mut words = RandomStream::new(9);
        let mut numbers = words.clone();
        for _ in 0..1000 {
            let x: f32 = numbers.uniform();
            assert_eq!(x, (words.next_u64() >> 40) as f32 / 16_777_216.0);
            let x: f64 = numbers.uniform();
            assert_eq!(x, (words.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0);
        }
    }

    #[test]
    fn ranges_are_kept_even_where_they_are_one_number_wide() {
        let mut stream = RandomStream::new(2);
        let high = 1.0_f32.next_up();
        for _ in 0..100 {
            assert_eq!(stream.uniform_range(1.0_f32, high).unwrap(), 1.0);
            let x = stream.uniform_range(1e15, 1e15 + 1.0).unwrap();
            assert!((1e15..1e15 + 1.0).contains(&x));
            let x = stream.uniform_range(-0.0, f64::from_bits(1)).unwrap();
            assert_eq!(x, 0.0);
        }
        for (low, high) in [
            (0.0, 0.0),
            (1.0, 0.0),
            (f64::NAN, 1.0),
            (0.0, f64::NAN),
            (0.0, f64::INFINITY),
            (f64::MIN, f64::MAX),
        ] {
            assert!(matches!(stream.uniform_range(low, high), Err(Error::Argument { .. })));
        }
    }

    #[test]
    fn below_is_uniform_for_small_and_huge_bounds() {
        let mut stream = RandomStream::new(3);
        let mut counts = [0; 7];
        for _ in 0..70_000 {
            counts[stream.below(7).unwrap() as usize] += 1;
        }
        assert!(chi_square_excess(&counts, &[10_000.0; 7]) < 5.0);
        // Three quarters of 2^64: without rejection the first half would be drawn twice as often as it should be
        // against the third quarter.
        let bound = 3 << 62;
        let mut counts = [0; 3];
        for _ in 0..30_000 {
            counts[(stream.below(bound).unwrap() >> 62) as usize] += 1;
        }
        assert!(chi_square_excess(&counts, &[10_000.0; 3]) < 5.0);
        assert_eq!(stream.below(1).unwrap(), 0);
        assert!(matches!(stream.below(0), Err(Error::Argument { name: "bound", .. })));
    }

    #[test]
    fn serves_code_written_for_rand() {
        fn draw(generator: &mut impl Rng) -> u64 {
            generator.next_u64()
        }
        let mut stream = RandomStream::new(1);
        let expected = stream.clone().next_u64();
        assert_eq!(draw(&mut stream), expected);
        let _: f32 = rand::RngExt::random(&mut stream);
    }
}
