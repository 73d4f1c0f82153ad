//! Fills of slices and matrices: eight interleaved generators for each chunk.
//!
//! # Layout
//! A fill draws a key of four words from its stream, so two fills in a row differ. The slice is cut into chunks of
//! 2^14 elements; chunk c gets eight xoshiro256++ generators ("lanes"), whose states are derived from the key and c.
//! Word 8 i + l of a chunk is word i of its lane l. Eight words are one AVX-512 register, two of AVX2 or two portable
//! ones, so **the words are the same at every SIMD level**; and as a chunk knows nothing of the others, the output is
//! **the same for any number of threads**. The first n elements do not depend on how many follow.
//!
//! | fill | from the words | same at every level |
//! | --- | --- | --- |
//! | `fill_bits` | themselves | yes |
//! | `fill_uniform` `f32` | `(half >> 8) * 2^-24`, low half of each word first | yes |
//! | `fill_uniform` `f64` | `(word >> 11) * 2^-53` | yes |
//! | `fill_uniform_range` | `low + (high - low) * uniform`, rounded after each operation | yes |
//! | `fill_normal` | Box-Muller on blocks of 16 words (see [`super::normal()`]) | up to rounding |

use super::RandomStream;
use super::generators::{ChunkState, GENERATORS, Generators, unit_interval};
use super::normal::normal_kernel;
use super::stream::{Purpose, check_range, derive};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::parallel::for_each_chunk_mut;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

/// Elements of a chunk: a multiple of every block, and some ten microseconds of work.
const CHUNK: usize = 1 << 14;

#[inline(always)]
fn bits_kernel<S: Simd>(state: &ChunkState, target: &mut [u64]) {
    let mut generators = Generators::<S>::new(state);
    let mut blocks = target.chunks_exact_mut(GENERATORS);
    for block in &mut blocks {
        generators.next_into(block);
    }
    let rest = blocks.into_remainder();
    if !rest.is_empty() {
        let mut block = [0; GENERATORS];
        generators.next_into(&mut block);
        rest.copy_from_slice(&block[..rest.len()]);
    }
}

/// `low + span * uniform`, at most `last`.
#[inline(always)]
fn uniform_kernel<S: Simd, T: Scalar>(state: &ChunkState, target: &mut [T], low: T, span: T, last: T) {
    let lanes = T::Register::<S>::LANES;
    let elements = Generators::<S>::USED * lanes;
    let (low, span, last) =
        (T::Register::<S>::splat(low), T::Register::<S>::splat(span), T::Register::<S>::splat(last));
    let mut generators = Generators::<S>::new(state);
    let mut blocks = target.chunks_exact_mut(elements);
    for block in &mut blocks {
        let words = generators.next();
        for r in 0..Generators::<S>::USED {
            // Not fused: every level then rounds alike.
            let value = low + span * unit_interval::<S, T>(words[r]);
            value.min(last).store(&mut block[r * lanes..]);
        }
    }
    let rest = blocks.into_remainder();
    if !rest.is_empty() {
        let words = generators.next();
        for (word, part) in words.iter().zip(rest.chunks_mut(lanes)) {
            let value = low + span * unit_interval::<S, T>(*word);
            value.min(last).store_partial(part);
        }
    }
}

dispatch! {
    /// Fills a chunk with the words of its generators.
    fn fill_bits_chunk(state: &ChunkState, target: &mut [u64]) = bits_kernel
}

dispatch! {
    /// Fills a chunk with numbers uniform on [low, low + span), at most `last`.
    fn fill_uniform_chunk<T: Scalar>(state: &ChunkState, target: &mut [T], low: T, span: T, last: T) = uniform_kernel
}

dispatch! {
    /// Fills a chunk with normal numbers.
    fn fill_normal_chunk<T: Scalar>(state: &ChunkState, target: &mut [T], mean: T, deviation: T) = normal_kernel
}

impl RandomStream {
    /// `fill` on each chunk of `target`, with the chunk's generators.
    fn for_each_chunk<I: Send>(
        &mut self,
        target: &mut [I],
        fill: impl Fn(&ChunkState, &mut [I]) + Sync + Send,
    ) {
        let key = self.key();
        for_each_chunk_mut(target, CHUNK, |start, part| {
            fill(&derive(&key, Purpose::Fill, (start / CHUNK) as u64), part)
        });
    }

    /// Fills `target` with random words.
    ///
    /// The words depend on the state of this stream alone: not on the number of threads, nor on the SIMD level (see
    /// the [module](super)). The stream moves on by four words.
    ///
    /// # Examples
    /// ```
    /// let mut stream = brenier::random::RandomStream::new(4);
    /// let mut words = [0; 100];
    /// stream.fill_bits(&mut words);
    /// let ones: u32 = words.iter().map(|word| word.count_ones()).sum();
    /// assert!((2900..3500).contains(&ones));
    /// ```
    pub fn fill_bits(&mut self, target: &mut [u64]) {
        self.for_each_chunk(target, fill_bits_chunk);
    }

    /// Fills `target` with numbers uniform on [0, 1): multiples of 2^-24 (`f32`) or 2^-53 (`f64`), all equally likely.
    ///
    /// The same bits at any thread count and SIMD level. The stream moves on by four words.
    ///
    /// # Examples
    /// ```
    /// let mut stream = brenier::random::RandomStream::new(4);
    /// let mut times = vec![0.0_f32; 1000];
    /// stream.fill_uniform(&mut times);
    /// assert!(times.iter().all(|time| (0.0..1.0).contains(time)));
    /// ```
    pub fn fill_uniform<T: Scalar>(&mut self, target: &mut [T]) {
        // The maximum of 1 is never reached: `unit_interval` ends before it.
        self.for_each_chunk(target, |state, part| fill_uniform_chunk(state, part, T::ZERO, T::ONE, T::ONE));
    }

    /// Fills `target` with numbers uniform on [low, high): `low + (high - low) * uniform`; where that rounds to `high`,
    /// the next number below it.
    ///
    /// The same bits at any thread count and SIMD level. The stream moves on by four words.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `low < high` with a finite difference; `target` is then untouched and the stream has
    /// not moved.
    pub fn fill_uniform_range<T: Scalar>(&mut self, target: &mut [T], low: T, high: T) -> Result<()> {
        let (span, last) = check_range(low, high)?;
        self.for_each_chunk(target, |state, part| fill_uniform_chunk(state, part, low, span, last));
        Ok(())
    }

    /// Fills `target` with standard normal numbers (Box-Muller, see [`super::normal()`] for method and tails).
    ///
    /// The same bits at any thread count; SIMD levels differ by rounding, within a few ULP. The stream moves on by
    /// four words.
    ///
    /// # Examples
    /// ```
    /// let mut stream = brenier::random::RandomStream::new(4);
    /// let mut noise = vec![0.0_f64; 10_000];
    /// stream.fill_normal(&mut noise);
    /// let mean = noise.iter().sum::<f64>() / 1e4;
    /// assert!(mean.abs() < 0.05);
    /// ```
    pub fn fill_normal<T: Scalar>(&mut self, target: &mut [T]) {
        self.for_each_chunk(target, |state, part| fill_normal_chunk(state, part, T::ZERO, T::ONE));
    }

    /// Fills `target` with normal numbers of the given mean and standard deviation.
    ///
    /// A deviation of zero gives the mean everywhere; one near the largest number of the type can give infinities. As
    /// [`fill_normal`](Self::fill_normal) otherwise.
    ///
    /// # Errors
    /// [`Error::Argument`] unless both are finite and `standard_deviation` is not negative; `target` is then untouched
    /// and the stream has not moved.
    pub fn fill_normal_with<T: Scalar>(
        &mut self,
        target: &mut [T],
        mean: T,
        standard_deviation: T,
    ) -> Result<()> {
        let refuse =
            |name, value: T, requirement| Err(Error::Argument { name, value: value.to_f64(), requirement });
        if !mean.is_finite() {
            return refuse("mean", mean, "it must be finite");
        }
        if !standard_deviation.is_finite() || standard_deviation < T::ZERO {
            return refuse("standard_deviation", standard_deviation, "it must be finite and not negative");
        }
        self.for_each_chunk(target, |state, part| fill_normal_chunk(state, part, mean, standard_deviation));
        Ok(())
    }

    /// A matrix of standard normal numbers: [`fill_normal`](Self::fill_normal) over its rows one after another.
    ///
    /// # Examples
    /// ```
    /// let mut stream = brenier::random::RandomStream::new(4);
    /// let x = stream.normal_matrix::<f32>(128, 64);
    /// assert_eq!((x.rows(), x.columns()), (128, 64));
    /// ```
    pub fn normal_matrix<T: Scalar>(&mut self, rows: usize, columns: usize) -> Matrix<T> {
        let mut matrix = Matrix::zeros(rows, columns);
        self.fill_normal(matrix.as_mut_slice());
        matrix
    }

    /// A matrix of numbers uniform on [0, 1): [`fill_uniform`](Self::fill_uniform) over its rows one after another.
    pub fn uniform_matrix<T: Scalar>(&mut self, rows: usize, columns: usize) -> Matrix<T> {
        let mut matrix = Matrix::zeros(rows, columns);
        self.fill_uniform(matrix.as_mut_slice());
        matrix
    }
}

#[cfg(test)]
mod tests {
    use super::super::generators::tests::plain_words;
    use super::super::statistics::{correlation, kolmogorov_smirnov};
    use super::*;
    use crate::simd::test_at_every_level;
    use rand::Rng;

    /// The words that a fill of `count` words gives, by a plain generator for each lane.
    fn expected_words(stream: &mut RandomStream, count: usize) -> Vec<u64> {
        let key = std::array::from_fn(|_| stream.next_u64());
        let chunk = |index: usize| {
            let state = derive(&key, Purpose::Fill, index as u64);
            plain_words(&state, CHUNK.min(count - index * CHUNK))
        };
        (0..count.div_ceil(CHUNK)).flat_map(chunk).collect()
    }

    #[test]
    fn fills_are_the_plain_words() {
        let stream = RandomStream::new(41);
        for count in [0, 1, 7, 8, 9, 31, CHUNK - 1, CHUNK, CHUNK + 13, 2 * CHUNK + 8] {
            let (mut filled, mut plain) = (stream.clone(), stream.clone());
            let mut words = vec![0; count];
            filled.fill_bits(&mut words);
            assert_eq!(words, expected_words(&mut plain, count));
            assert_eq!(filled, plain, "the stream moves on by four words");
        }
    }

    #[inline(always)]
    fn fills_have_the_same_bits<S: Simd>() {
        let state = derive(&RandomStream::new(42).state(), Purpose::Fill, 3);
        for count in [1, 8, 15, 16, 17, 100, 1000] {
            let words = plain_words(&state, count + 16);
            let mut bits = vec![0; count];
            bits_kernel::<S>(&state, &mut bits);
            assert_eq!(bits, words[..count]);

            let (low, high) = (-0.3_f64, 0.4);
            let (span, last) = check_range(low, high).unwrap();
            let mut numbers = vec![0.0; count];
            uniform_kernel::<S, f64>(&state, &mut numbers, low, span, last);
            for (number, word) in numbers.iter().zip(&words) {
                let unit = (word >> 11) as f64 / 9_007_199_254_740_992.0;
                assert_eq!(*number, low + span * unit);
            }

            let (low, high) = (-0.3_f32, 0.4);
            let (span, last) = check_range(low, high).unwrap();
            let mut numbers = vec![0.0; count];
            uniform_kernel::<S, f32>(&state, &mut numbers, low, span, last);
            let halves = words.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]);
            for (number, half) in numbers.iter().zip(halves) {
                assert_eq!(*number, low + span * ((half >> 8) as f32 / 16_777_216.0));
            }
        }
    }

    test_at_every_level! {
        fills_at_every_level = fills_have_the_same_bits;
    }

    /// All fills of one stream: words, then the bits of uniform and normal numbers, `f32` and `f64`.
    #[derive(PartialEq)]
    struct Everything {
        words: Vec<u64>,
        uniform_narrow: Vec<u32>,
        uniform_wide: Vec<u64>,
        normal_narrow: Vec<u32>,
        normal_wide: Vec<u64>,
    }

    fn everything() -> Everything {
        let mut stream = RandomStream::new(43);
        let count = 5 * CHUNK + 77;
        let (mut words, mut narrow, mut wide) = (vec![0; count], vec![0.0_f32; count], vec![0.0_f64; count]);
        let narrow_bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect();
        let wide_bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect();
        stream.fill_bits(&mut words);
        stream.fill_uniform(&mut narrow);
        let uniform_narrow = narrow_bits(&narrow);
        stream.fill_uniform_range(&mut wide, -1.0, 2.0).unwrap();
        let uniform_wide = wide_bits(&wide);
        stream.fill_normal(&mut narrow);
        stream.fill_normal_with(&mut wide, 1.0, 2.0).unwrap();
        Everything {
            words,
            uniform_narrow,
            uniform_wide,
            normal_narrow: narrow_bits(&narrow),
            normal_wide: wide_bits(&wide),
        }
    }

    #[cfg(feature = "parallel")]
    #[test]
    fn fills_do_not_depend_on_the_number_of_threads() {
        let run = |threads| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(everything)
        };
        let expected = run(1);
        for threads in [2, 3, 5] {
            assert!(run(threads) == expected, "{threads} threads");
        }
    }

    #[test]
    fn shorter_fills_are_the_start_of_longer_ones() {
        let long = everything();
        let mut stream = RandomStream::new(43);
        for count in [1, 16, 33, CHUNK + 5] {
            let mut stream = stream.clone();
            let mut bits = vec![0; count];
            stream.fill_bits(&mut bits);
            assert_eq!(bits, long.words[..count]);
            let _ = stream.key();
            let _ = stream.key();
            let mut normals = vec![0.0_f32; count];
            stream.fill_normal(&mut normals);
            for (normal, expected) in normals.iter().zip(&long.normal_narrow) {
                assert_eq!(normal.to_bits(), *expected);
            }
        }
        let mut again = vec![0; 100];
        stream.fill_bits(&mut again);
        stream.fill_bits(&mut again);
        assert!(again.iter().zip(&long.words).all(|(a, b)| a != b), "a second fill differs");
    }

    #[test]
    fn matrices_are_filled_row_after_row() {
        let mut stream = RandomStream::new(44);
        let mut slices = stream.clone();
        let (mut uniform, mut normal) = (vec![0.0_f32; 35], vec![0.0_f64; 35]);
        slices.fill_uniform(&mut uniform);
        slices.fill_normal(&mut normal);
        assert_eq!(stream.uniform_matrix::<f32>(5, 7).as_slice(), uniform);
        assert_eq!(stream.normal_matrix::<f64>(7, 5).as_slice(), normal);
        assert_eq!(stream.normal_matrix::<f64>(0, 5).rows(), 0);
    }

    #[test]
    fn uniform_fills_are_uniform_and_below_the_end() {
        let mut stream = RandomStream::new(45);
        let mut narrow = vec![0.0_f32; 200_000];
        stream.fill_uniform(&mut narrow);
        assert!(narrow.iter().all(|x| (0.0..1.0).contains(x)));
        let samples = narrow.iter().map(|&x| f64::from(x)).collect();
        assert!(kolmogorov_smirnov(samples, |x| x) < 2.4);
        let mut wide = vec![0.0_f64; 200_000];
        stream.fill_uniform_range(&mut wide, 3.0, 5.0).unwrap();
        assert!(wide.iter().all(|x| (3.0..5.0).contains(x)));
        assert!(kolmogorov_smirnov(wide, |x| (x - 3.0) / 2.0) < 2.4);
        let high = 1.0_f32.next_up();
        stream.fill_uniform_range(&mut narrow, 1.0, high).unwrap();
        assert!(narrow.iter().all(|&x| x == 1.0), "one number wide");
    }

    #[test]
    fn lanes_and_chunks_do_not_correlate() {
        let mut stream = RandomStream::new(46);
        let mut words = vec![0.0_f64; 2 * CHUNK];
        stream.fill_uniform(&mut words);
        let lane = |chunk: usize, l: usize| -> Vec<f64> {
            words[chunk * CHUNK..][..CHUNK].iter().skip(l).step_by(GENERATORS).copied().collect()
        };
        let sequences: Vec<Vec<f64>> =
            (0..2 * GENERATORS).map(|k| lane(k / GENERATORS, k % GENERATORS)).collect();
        let bound = 5.0 / (sequences[0].len() as f64).sqrt();
        for a in 0..sequences.len() {
            for b in 0..a {
                for lag in [0, 1, 2] {
                    let n = sequences[a].len();
                    let r = correlation(&sequences[a][lag..], &sequences[b][..n - lag]);
                    assert!(r.abs() < bound, "lanes {a} and {b}, lag {lag}: {r}");
                }
            }
        }
    }

    #[test]
    fn bad_ranges_and_deviations_leave_everything_untouched() {
        let mut stream = RandomStream::new(47);
        let before = stream.clone();
        let mut target = [7.0_f32; 3];
        for (low, high) in [(1.0, 1.0), (2.0, 1.0), (f32::NAN, 1.0), (f32::MIN, f32::MAX)] {
            assert!(matches!(stream.fill_uniform_range(&mut target, low, high), Err(Error::Argument { .. })));
        }
        for (mean, deviation, name) in [
            (f32::NAN, 1.0, "mean"),
            (0.0, -1.0, "standard_deviation"),
            (0.0, f32::NAN, "standard_deviation"),
            (0.0, f32::INFINITY, "standard_deviation"),
        ] {
            let error = stream.fill_normal_with(&mut target, mean, deviation).unwrap_err();
            assert!(matches!(error, Error::Argument { name: got, .. } if got == name));
        }
        assert_eq!(target, [7.0; 3]);
        assert_eq!(stream, before);
        stream.fill_normal_with(&mut target, 2.0, 0.0).unwrap();
        assert_eq!(target, [2.0; 3]);
    }
}
