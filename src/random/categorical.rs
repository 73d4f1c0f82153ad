//! Indices drawn with given weights.
//!
//! [`categorical()`] walks the cumulative sum: O(n) for one draw, nothing to prepare. [`Categorical`] prepares an alias
//! table: O(n) once, then one word and two reads for each draw, whatever n (Walker, "An efficient method for generating
//! discrete random variables with general distributions", ACM Trans. Math. Softw. 3, 1977, in Vose's O(n) form, IEEE
//! Trans. Softw. Eng. 17, 1991).
//!
//! Weights need not sum to one. A weight of zero is never drawn.

use super::stream::uniform;
use crate::error::{Error, Result};
use rand::Rng;

/// The largest weight, after checking all.
fn check_weights(weights: &[f64]) -> Result<f64> {
    const WHAT: &str = "weights";
    if weights.is_empty() {
        return Err(Error::Empty { what: WHAT });
    }
    let mut largest = 0.0;
    for (index, &value) in weights.iter().enumerate() {
        if !value.is_finite() {
            return Err(Error::NotFinite { what: WHAT, index, value });
        }
        if value < 0.0 {
            return Err(Error::Negative { what: WHAT, index, value });
        }
        largest = f64::max(largest, value);
    }
    if largest == 0.0 {
        return Err(Error::ZeroMass { what: WHAT });
    }
    Ok(largest)
}

/// The weights over the largest: their sum can then neither overflow nor vanish.
///
/// A quotient, not a product with the reciprocal, which would overflow for a subnormal largest weight.
fn scaled<'a>(weights: &'a [f64], largest: f64) -> impl Iterator<Item = f64> + 'a {
    weights.iter().map(move |weight| weight / largest)
}

/// An index drawn with a chance proportional to its weight, from any generator: the first whose cumulative weight is
/// above `uniform() * total`. O(n), one word.
///
/// # Errors
/// [`Error::Empty`] without weights, [`Error::NotFinite`] or [`Error::Negative`] for a weight that is NaN, infinite
/// or below zero, [`Error::ZeroMass`] if all are zero.
///
/// # Examples
/// ```
/// let mut generator = brenier::random::RandomStream::new(8);
/// let index = brenier::random::categorical(&mut generator, &[0.0, 3.0, 1.0])?;
/// assert!(index == 1 || index == 2);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn categorical(generator: &mut (impl Rng + ?Sized), weights: &[f64]) -> Result<usize> {
    let largest = check_weights(weights)?;
    let total: f64 = scaled(weights, largest).sum();
    let threshold = uniform::<f64>(generator) * total;
    let mut cumulative = 0.0;
    let mut last_possible = 0;
    for (index, weight) in scaled(weights, largest).enumerate() {
        cumulative += weight;
        if weight > 0.0 {
            if threshold < cumulative {
                return Ok(index);
            }
            last_possible = index;
        }
    }
    // `uniform() * total` can round up to `total` itself.
    Ok(last_possible)
}

/// One entry of the alias table: with a chance of `keep / 2^64` the entry itself, else `alias`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    keep: u64,
    alias: usize,
}

/// A prepared sampler of indices with given weights: an alias table.
///
/// Each draw takes one word: its product with n gives the entry (high half) and the coin (low half). The chance of an
/// index differs from weight / total by at most a few times 2^-53 relative to 1/n (rounding of the table) plus
/// n / 2^64.
///
/// # Examples
/// ```
/// use brenier::random::{Categorical, RandomStream};
/// let die = Categorical::new(&[1.0, 1.0, 1.0, 1.0, 1.0, 5.0])?; // loaded
/// let mut stream = RandomStream::new(6);
/// let sixes = (0..1000).filter(|_| die.sample(&mut stream) == 5).count();
/// assert!((450..550).contains(&sixes));
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Categorical {
    table: Vec<Entry>,
}

impl Categorical {
    /// Prepares the table. O(n).
    ///
    /// # Errors
    /// [`Error::Empty`] without weights, [`Error::NotFinite`] or [`Error::Negative`] for a weight that is NaN,
    /// infinite or below zero, [`Error::ZeroMass`] if all are zero.
    pub fn new(weights: &[f64]) -> Result<Self> {
        let largest = check_weights(weights)?;
        let total: f64 = scaled(weights, largest).sum();
        let n = weights.len();
        // The shares in units of 1/n: an entry of the table holds exactly one unit.
        let mut shares: Vec<f64> =
            scaled(weights, largest).map(|weight| weight * (n as f64 / total)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&index| shares[index] < 1.0);
        let most_likely =
            (0..n).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).expect("there are weights");
        let mut table = vec![Entry { keep: 0, alias: most_likely }; n];
        while let (Some(&poor), Some(&rich)) = (small.last(), large.last()) {
            // The poor entry keeps its share and is filled up by the rich one, which loses as much.
            small.pop();
            table[poor] = Entry { keep: coin(shares[poor]), alias: rich };
            shares[rich] -= 1.0 - shares[poor];
            if shares[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What is left holds one unit up to rounding. A weight of zero can be among it only by rounding: its entry
        // stays with the most likely index.
        for index in small.into_iter().chain(large) {
            if weights[index] > 0.0 {
                table[index] = Entry { keep: u64::MAX, alias: index };
            }
        }
        Ok(Self { table })
    }

    /// The number of weights.
    pub fn count(&self) -> usize {
        self.table.len()
    }

    /// Draws an index. One word.
    #[inline]
    pub fn sample(&self, generator: &mut (impl Rng + ?Sized)) -> usize {
        let product = u128::from(generator.next_u64()) * self.table.len() as u128;
        let index = (product >> 64) as usize;
        let entry = self.table[index];
        if (product as u64) < entry.keep { index } else { entry.alias }
    }

    /// Draws an index for each place of `indices`, in order.
    pub fn fill(&self, generator: &mut (impl Rng + ?Sized), indices: &mut [usize]) {
        for index in indices {
            *index = self.sample(generator);
        }
    }
}

/// A share of one unit as a threshold of 64 bits. Casts saturate, so that a share of one is `u64::MAX`.
fn coin(share: f64) -> u64 {
    (share * 18_446_744_073_709_551_616.0) as u64
}

#[cfg(test)]
mod tests {
    use super::super::RandomStream;
    use super::super::statistics::chi_square_excess;
    use super::*;
    use proptest::prelude::*;

    /// The chance of each index that an alias table stands for, exactly as `sample` draws but for n / 2^64.
    fn chances(table: &Categorical) -> Vec<f64> {
        let n = table.count();
        let mut chances = vec![0.0; n];
        for (index, entry) in table.table.iter().enumerate() {
            let keep = entry.keep as f64 / 18_446_744_073_709_551_616.0;
            chances[index] += keep / n as f64;
            chances[entry.alias] += (1.0 - keep) / n as f64;
        }
        chances
    }

    #[test]
    fn counts_follow_the_weights() {
        let weights = [1.0, 0.0, 2.0, 3.0, 0.5, 0.0, 13.5];
        let n = 100_000;
        let expected: Vec<f64> = weights.iter().map(|w| w / 20.0 * f64::from(n)).collect();
        let mut stream = RandomStream::new(31);
        let table = Categorical::new(&weights).unwrap();
        let mut by_table = vec![0; weights.len()];
        let mut by_walk = vec![0; weights.len()];
        for _ in 0..n {
            by_table[table.sample(&mut stream)] += 1;
            by_walk[stream.categorical(&weights).unwrap()] += 1;
        }
        for counts in [by_table, by_walk] {
            assert_eq!((counts[1], counts[5]), (0, 0));
            assert!(chi_square_excess(&counts, &expected) < 5.0, "{counts:?}");
        }
    }

    #[test]
    fn huge_and_tiny_weights_keep_their_proportions() {
        for scale in [f64::MAX, 1.0, f64::MIN_POSITIVE, f64::from_bits(4)] {
            let weights = [scale, scale / 2.0, 0.0, scale / 2.0];
            let chances = chances(&Categorical::new(&weights).unwrap());
            for (chance, expected) in chances.into_iter().zip([0.5, 0.25, 0.0, 0.25]) {
                assert!((chance - expected).abs() < 1e-15);
            }
            let mut stream = RandomStream::new(32);
            for _ in 0..100 {
                assert_ne!(stream.categorical(&weights).unwrap(), 2);
            }
        }
    }

    #[test]
    fn bad_weights_are_named() {
        let mut stream = RandomStream::new(33);
        let cases: [(&[f64], Error); 5] = [
            (&[], Error::Empty { what: "weights" }),
            (&[1.0, f64::INFINITY], Error::NotFinite { what: "weights", index: 1, value: f64::INFINITY }),
            (&[1.0, 2.0, -1.0], Error::Negative { what: "weights", index: 2, value: -1.0 }),
            (&[0.0, -0.0], Error::ZeroMass { what: "weights" }),
            (&[0.0], Error::ZeroMass { what: "weights" }),
        ];
        for (weights, error) in cases {
            assert_eq!(Categorical::new(weights).unwrap_err(), error);
            assert_eq!(stream.categorical(weights).unwrap_err(), error);
        }
        assert!(matches!(Categorical::new(&[f64::NAN]), Err(Error::NotFinite { index: 0, .. })));
    }

    proptest! {
        #[test]
        fn the_table_holds_the_weights(
            weights in proptest::collection::vec(prop_oneof![Just(0.0), 0.0..1.0_f64, 0.0..1e-12_f64, Just(1.0)], 1..200),
        ) {
            prop_assume!(weights.iter().any(|&w| w > 0.0));
            let total: f64 = weights.iter().sum();
            let table = Categorical::new(&weights).unwrap();
            let n = weights.len() as f64;
            for (weight, chance) in weights.iter().zip(chances(&table)) {
                // Each of at most n subtractions rounds by EPSILON of a share of at most n units of 1/n.
                prop_assert!((chance - weight / total).abs() <= 2.0 * n * f64::EPSILON, "{chance} {weight}");
                if *weight == 0.0 {
                    prop_assert_eq!(chance, 0.0);
                }
            }
        }
    }
}
