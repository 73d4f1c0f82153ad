//! Permutations and samples without replacement, from any generator.
//!
//! All are the shuffle of Fisher and Yates in Durstenfeld's form (Comm. ACM 7, 1964): position i gets an entry drawn
//! uniformly among those not placed yet, with the unbiased integers of [`below`](super::below).

use super::stream::below_positive;
use crate::error::{Error, Result};
use rand::Rng;
use std::collections::HashMap;

/// Puts `items` in an order drawn uniformly from all orders. n - 1 words.
///
/// # Examples
/// ```
/// let mut generator = brenier::random::RandomStream::new(5);
/// let mut cards = ['a', 'b', 'c', 'd'];
/// brenier::random::shuffle(&mut generator, &mut cards);
/// cards.sort();
/// assert_eq!(cards, ['a', 'b', 'c', 'd']);
/// ```
pub fn shuffle<I>(generator: &mut (impl Rng + ?Sized), items: &mut [I]) {
    let n = items.len();
    for place in 0..n.saturating_sub(1) {
        let chosen = place + below_positive(generator, (n - place) as u64) as usize;
        items.swap(place, chosen);
    }
}

/// The numbers 0, …, n - 1 in an order drawn uniformly from all orders. n - 1 words.
///
/// # Examples
/// ```
/// let mut generator = brenier::random::RandomStream::new(5);
/// let mut order = brenier::random::permutation(&mut generator, 3);
/// order.sort();
/// assert_eq!(order, [0, 1, 2]);
/// ```
pub fn permutation(generator: &mut (impl Rng + ?Sized), n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    shuffle(generator, &mut order);
    order
}

/// `k` different numbers below `n`: each ordered choice equally likely. They are the first `k` of a
/// [`permutation`] of the same generator (but that the last of `n` costs one word more).
///
/// O(k) time; memory O(k) where k is below n / 8, else O(n).
///
/// # Errors
/// [`Error::Argument`] if `k > n`.
///
/// # Examples
/// A minibatch of 32 out of 60,000 examples:
/// ```
/// let mut generator = brenier::random::RandomStream::new(5);
/// let batch = brenier::random::sample_without_replacement(&mut generator, 60_000, 32)?;
/// assert_eq!(batch.len(), 32);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn sample_without_replacement(
    generator: &mut (impl Rng + ?Sized),
    n: usize,
    k: usize,
) -> Result<Vec<usize>> {
    if k > n {
        return Err(Error::Argument {
            name: "k",
            value: k as f64,
            requirement: "without replacement, no more can be drawn than there are (n)",
        });
    }
    if k < n / 8 { Ok(first_places_sparse(generator, n, k)) } else { Ok(first_places_dense(generator, n, k)) }
}

/// The first `k` places of the shuffle, over a table of all `n` numbers.
fn first_places_dense(generator: &mut (impl Rng + ?Sized), n: usize, k: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for place in 0..k {
        let chosen = place + below_positive(generator, (n - place) as u64) as usize;
        order.swap(place, chosen);
    }
    order.truncate(k);
    order
}

/// The same with only the entries stored that were moved.
fn first_places_sparse(generator: &mut (impl Rng + ?Sized), n: usize, k: usize) -> Vec<usize> {
    let mut moved: HashMap<usize, usize> = HashMap::with_capacity(k);
    let mut sample = Vec::with_capacity(k);
    for place in 0..k {
        let chosen = place + below_positive(generator, (n - place) as u64) as usize;
        // `place` is never read again, so only the entry that it gives away is kept.
        let here = moved.remove(&place).unwrap_or(place);
        if chosen == place {
            sample.push(here);
        } else {
            sample.push(moved.insert(chosen, here).unwrap_or(chosen));
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::super::RandomStream;
    use super::super::statistics::chi_square_excess;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_orders_of_four_are_equally_likely() {
        let mut stream = RandomStream::new(21);
        let mut counts = HashMap::new();
        for _ in 0..24_000 {
            *counts.entry(stream.permutation(4)).or_insert(0_u64) += 1;
        }
        assert_eq!(counts.len(), 24);
        let counts: Vec<u64> = counts.into_values().collect();
        assert!(chi_square_excess(&counts, &[1000.0; 24]) < 5.0);
    }

    #[test]
    fn every_number_takes_every_place_equally_often() {
        let mut stream = RandomStream::new(22);
        let n = 10;
        let mut counts = vec![0; n * n];
        for _ in 0..20_000 {
            for (place, number) in stream.permutation(n).into_iter().enumerate() {
                counts[place * n + number] += 1;
            }
        }
        assert!(chi_square_excess(&counts, &vec![2000.0; n * n]) < 5.0);
    }

    #[test]
    fn ordered_choices_are_equally_likely() {
        let mut stream = RandomStream::new(23);
        let mut counts = HashMap::new();
        for _ in 0..20_000 {
            let sample = stream.sample_without_replacement(5, 2).unwrap();
            *counts.entry(sample).or_insert(0_u64) += 1;
        }
        assert_eq!(counts.len(), 20);
        let counts: Vec<u64> = counts.into_values().collect();
        assert!(chi_square_excess(&counts, &[1000.0; 20]) < 5.0);
    }

    #[test]
    fn more_than_there_are_is_refused() {
        let mut stream = RandomStream::new(24);
        assert!(matches!(
            stream.sample_without_replacement(3, 4),
            Err(Error::Argument { name: "k", value: 4.0, .. })
        ));
        assert!(stream.sample_without_replacement(0, 0).unwrap().is_empty());
        assert!(stream.permutation(0).is_empty());
        assert_eq!(stream.permutation(1), [0]);
    }

    proptest! {
        #[test]
        fn sparse_and_dense_samples_are_the_same(seed: u64, n in 0_usize..300, share in 0.0..1.0_f64) {
            let k = (n as f64 * share) as usize;
            let mut stream = RandomStream::new(seed);
            let dense = first_places_dense(&mut stream.clone(), n, k);
            prop_assert_eq!(&first_places_sparse(&mut stream.clone(), n, k), &dense);
            prop_assert_eq!(&stream.clone().permutation(n)[..k], &dense[..]);
            let mut sorted = stream.permutation(n);
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..n));
        }
    }
}
