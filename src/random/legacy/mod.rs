//! NumPy's legacy generator, `np.random.RandomState`: what `np.random.seed(42)` makes `np.random.rand` and the others
//! give, bit for bit where only arithmetic is involved.
//!
//! NumPy froze this generator in version 1.17, so published notebooks that set a seed can be reproduced for ever. It is
//! here for that alone: [`RandomStream`](super::RandomStream) is faster and better.
//!
//! | NumPy (after `np.random.seed(s)`) | here (`LegacyRandomState::new(s)`) |
//! | --- | --- |
//! | `random()`, `random(n)` | [`random`](LegacyRandomState::random), [`random_array`](LegacyRandomState::random_array) |
//! | `rand(r, c)`, `randn(r, c)` | [`rand`](LegacyRandomState::rand), [`randn`](LegacyRandomState::randn) |
//! | `randn()`, `normal(m, s)` | [`standard_normal`](LegacyRandomState::standard_normal), [`normal`](LegacyRandomState::normal) |
//! | `uniform(low, high)`, `randint(low, high)` | [`uniform`](LegacyRandomState::uniform), [`randint`](LegacyRandomState::randint) |
//! | `shuffle(x)`, `permutation(n)` | [`shuffle`](LegacyRandomState::shuffle), [`permutation`](LegacyRandomState::permutation) |
//! | `choice(n, k)` | [`choice`](LegacyRandomState::choice) |
//! | `choice(n, k, replace=False)` | [`choice_without_replacement`](LegacyRandomState::choice_without_replacement) |
//! | `choice(n, k, p=p)` | [`choice_weighted`](LegacyRandomState::choice_weighted) |
//! | `choice(n, k, replace=False, p=p)` | [`choice_weighted_without_replacement`](LegacyRandomState::choice_weighted_without_replacement) |
//!
//! An array of any shape is filled in C order, so one call for n numbers gives what n calls for one give. The numbers of
//! `randn` depend on the platform's logarithm and can differ from NumPy's in the last bit.

mod choice;
mod mersenne;

use crate::error::{Error, Result};
use crate::matrix::Matrix;
use mersenne::MersenneTwister;
use rand::TryRng;
use std::convert::Infallible;
use std::fmt;

/// NumPy's `RandomState`: the Mersenne Twister and the draws of NumPy's frozen legacy interface.
///
/// It is also a [`rand::Rng`], of the words that NumPy's `BitGenerator` interface gives.
///
/// # Examples
/// ```
/// use brenier::random::LegacyRandomState;
/// let mut state = LegacyRandomState::new(42); // np.random.seed(42)
/// assert_eq!(state.random(), 0.3745401188473625);
/// assert_eq!(state.random(), 0.9507143064099162);
/// ```
#[derive(Clone, PartialEq)]
pub struct LegacyRandomState {
    generator: MersenneTwister,
    /// The second of the last pair of normals, which the next normal draw uses up.
    cached_normal: Option<f64>,
}

impl fmt::Debug for LegacyRandomState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The 624 words of state say nothing to a reader.
        formatter
            .debug_struct("LegacyRandomState")
            .field("cached_normal", &self.cached_normal)
            .finish_non_exhaustive()
    }
}

impl LegacyRandomState {
    /// The state after `np.random.seed(seed)` with an integer.
    pub fn new(seed: u32) -> Self {
        Self { generator: MersenneTwister::from_seed(seed), cached_normal: None }
    }

    /// The state after `np.random.seed([…])` with a list of integers.
    ///
    /// # Errors
    /// [`Error::Empty`] for an empty list.
    pub fn from_key(key: &[u32]) -> Result<Self> {
        if key.is_empty() {
            return Err(Error::Empty { what: "key" });
        }
        Ok(Self { generator: MersenneTwister::from_key(key), cached_normal: None })
    }

    /// A number uniform on [0, 1): 53 bits, 27 of one word and 26 of the next.
    pub fn random(&mut self) -> f64 {
        let high = self.generator.next_u32() >> 5;
        let low = self.generator.next_u32() >> 6;
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `count` numbers uniform on [0, 1).
    pub fn random_array(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.random()).collect()
    }

    /// A matrix of numbers uniform on [0, 1), drawn row after row.
    pub fn rand(&mut self, rows: usize, columns: usize) -> Matrix<f64> {
        Matrix::from_fn(rows, columns, |_, _| self.random())
    }

    /// A standard normal number by Marsaglia's polar method; the second of each pair is kept for the next call.
    ///
    /// # Examples
    /// ```
    /// let mut state = brenier::random::LegacyRandomState::new(42);
    /// assert!((state.standard_normal() - 0.4967141530112327).abs() < 1e-15);
    /// ```
    pub fn standard_normal(&mut self) -> f64 {
        if let Some(normal) = self.cached_normal.take() {
            return normal;
        }
        loop {
            let x = 2.0 * self.random() - 1.0;
            let y = 2.0 * self.random() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square != 0.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.cached_normal = Some(factor * x);
                return factor * y;
            }
        }
    }

    /// A matrix of standard normal numbers, drawn row after row.
    pub fn randn(&mut self, rows: usize, columns: usize) -> Matrix<f64> {
        Matrix::from_fn(rows, columns, |_, _| self.standard_normal())
    }

    /// `mean + standard_deviation * standard_normal()`.
    ///
    /// # Errors
    /// [`Error::Argument`] if the deviation is negative or either is not finite.
    pub fn normal(&mut self, mean: f64, standard_deviation: f64) -> Result<f64> {
        finite("mean", mean)?;
        finite("standard_deviation", standard_deviation)?;
        if standard_deviation < 0.0 {
            return Err(Error::Argument {
                name: "standard_deviation",
                value: standard_deviation,
                requirement: "it must not be negative",
            });
        }
        Ok(mean + standard_deviation * self.standard_normal())
    }

    /// `low + (high - low) * random()`. As in NumPy, `high` may be below `low`, and rounding may give `high` itself.
    ///
    /// # Errors
    /// [`Error::Argument`] if `low`, `high` or their difference is not finite.
    pub fn uniform(&mut self, low: f64, high: f64) -> Result<f64> {
        finite("low", low)?;
        finite("high", high)?;
        finite("high - low", high - low)?;
        Ok(low + (high - low) * self.random())
    }

    /// An integer uniform on [low, high), by rejection under a bit mask; one word of 32 bits for each attempt if the
    /// range has at most 2^32 values, else two.
    ///
    /// # Errors
    /// [`Error::Argument`] unless `low < high`.
    pub fn randint(&mut self, low: i64, high: i64) -> Result<i64> {
        if high <= low {
            return Err(Error::Argument {
                name: "high",
                value: high as f64,
                requirement: "it must be larger than low",
            });
        }
        let largest = high.wrapping_sub(low).wrapping_sub(1) as u64;
        // A range of one value takes no word; the other draws below (shuffle's) never ask for one.
        let offset = if largest == 0 { 0 } else { self.at_most(largest) };
        Ok(low.wrapping_add(offset as i64))
    }

    /// An integer uniform on 0, …, `largest`.
    fn at_most(&mut self, largest: u64) -> u64 {
        let mask = u64::MAX >> largest.leading_zeros();
        loop {
            let value = mask
                & if largest <= u64::from(u32::MAX) {
                    u64::from(self.generator.next_u32())
                } else {
                    self.next_u64_high_first()
                };
            if value <= largest {
                return value;
            }
        }
    }

    /// Two words as one, the first above the second.
    fn next_u64_high_first(&mut self) -> u64 {
        let high = u64::from(self.generator.next_u32());
        high << 32 | u64::from(self.generator.next_u32())
    }

    /// Puts `items` in random order: each place from the last to the second is swapped with one at or before it.
    pub fn shuffle<I>(&mut self, items: &mut [I]) {
        for place in (1..items.len()).rev() {
            let chosen = self.at_most(place as u64) as usize;
            items.swap(place, chosen);
        }
    }

    /// The numbers 0, …, n - 1 in random order.
    ///
    /// # Examples
    /// ```
    /// let mut state = brenier::random::LegacyRandomState::new(42);
    /// assert_eq!(state.permutation(5), [1, 4, 2, 0, 3]);
    /// ```
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}

/// Refuses NaN and infinities.
fn finite(name: &'static str, value: f64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::Argument { name, value, requirement: "it must be finite" })
}

impl TryRng for LegacyRandomState {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        Ok(self.generator.next_u32())
    }
    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        Ok(self.next_u64_high_first())
    }
    fn try_fill_bytes(&mut self, target: &mut [u8]) -> std::result::Result<(), Infallible> {
        for part in target.chunks_mut(4) {
            let word = self.generator.next_u32().to_le_bytes();
            part.copy_from_slice(&word[..part.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
