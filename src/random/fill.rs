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
use crate::simd::lanes::{Lanes, Simd, WordLanes};

/// Elements of a chunk: a multiple of every block, and some ten microseconds of work.
const CHUNK: usize = 1 << 14;

#[inline(always)]
fn bits_kernel<S: Simd>(state: &ChunkState, target: &mut [u64]) {
    let mut generators = Generators::<S>::new(state);
    let mut blocks = target.chunks_exact_mut(GENERATORS);
    for block in &mut blocks {
        let words = generators.next();
        for r in 0..Generators::<S>::USED {
            words[r].store(&mut block[r * S::U64::LANES..]);
        }
    }
    let rest = blocks.into_remainder();
    if !rest.is_empty() {
        let words = generators.next();
        let mut block = [0; GENERATORS];
        for r in 0..Generators::<S>::USED {
            words[r].store(&mut block[r * S::U64::LANES..]);
        }
        rest.copy_from_slice(&block[..rest.len()]);
    }
}

/// `low + span * uniform`, at most `last`.
#[inline(always)]
fn uniform_kernel<S: Simd, T: Scalar>(state: &ChunkState, target: &mut [T], low: T, span: T, last: T) {
    let lanes = T::Register::<S>::LANES;
    let elements = Generators::<S>::USED * lanes;
    let (low, span, last) = (
        T::Register::<S>::splat(low),
        T::Register::<S>::splat(span),
        T::Register::<S>::splat(last),
    );
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
    let mut rest = blocks.into_remainder();
    if !rest.is_empty() {
        let words = generators.next();
        for r in 0..Generators::<S>::USED {
            let value = low + span * unit_interval::<S, T>(words[r]);
            let count = rest.len().min(lanes);
            let (part, after) = rest.split_at_mut(count);
            value.min(last).store_partial(part);
            rest = after;
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
        self.for_each_chunk(target, |state, part| {
            fill_uniform_chunk(state, part, T::ZERO, T::ONE, T::ONE)
        });
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
        self.for_each_chunk(target, |state, part| {
            fill_uniform_chunk(state, part, low, span, last)
        });
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
        self.for_each_chunk(target, |state, part| {
            fill_normal_chunk(state, part, T::ZERO, T::ONE)
        });
    }

    /// Fills `target` with normal numbers of the given mean and standard deviation.
    ///
    /// A deviation of zero gives the mean everywhere. As [`fill_normal`](Self::fill_normal) otherwise.
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
        let refuse = |name, value: T, requirement| {
            Err(Error::Argument {
                name,
                value: value.to_f64(),
                requirement,
            })
        };
        if !mean.is_finite() {
            return refuse("mean", mean, "it must be finite");
        }
        if !standard_deviation.is_finite() || standard_deviation < T::ZERO {
            return refuse(
                "standard_deviation",
                standard_deviation,
                "it must be finite and not negative",
            );
        }
        self.for_each_chunk(target, |state, part| {
            fill_normal_chunk(state, part, mean, standard_deviation)
        });
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
