//! `np.random.choice`: indices with and without replacement, with and without weights.

use super::LegacyRandomState;
use crate::error::{Error, Result};

impl LegacyRandomState {
    /// `choice(n, count)`: `count` numbers below `n`, independent and equally likely.
    ///
    /// # Errors
    /// [`Error::Argument`] if `n` is zero and `count` is not, or if `n` is above 2^63 - 1.
    pub fn choice(&mut self, n: usize, count: usize) -> Result<Vec<usize>> {
        let bound = i64::try_from(n).map_err(|_| Error::Argument {
            name: "n",
            value: n as f64,
            requirement: "it must be at most 2^63 - 1",
        })?;
        (0..count).map(|_| self.randint(0, bound).map(|index| index as usize)).collect()
    }

    /// `choice(n, count, replace=False)`: the first `count` numbers of a [`permutation`](Self::permutation) of all `n`.
    ///
    /// # Errors
    /// [`Error::Argument`] if `count > n`.
    pub fn choice_without_replacement(&mut self, n: usize, count: usize) -> Result<Vec<usize>> {
        check_count(count, n)?;
        let mut order = self.permutation(n);
        order.truncate(count);
        Ok(order)
    }

    /// `choice(n, count, p=p)`, n the length of `p`: `count` independent indices with the chances `p`, by search in the
    /// cumulative sums.
    ///
    /// # Errors
    /// As NumPy does, it asks for proper chances: [`Error::Empty`], [`Error::NotFinite`] or [`Error::Negative`] for an
    /// entry of `p`, [`Error::Argument`] if their sum is not one within 1.5e-8.
    pub fn choice_weighted(&mut self, p: &[f64], count: usize) -> Result<Vec<usize>> {
        check_chances(p)?;
        let cumulative = cumulative_chances(p);
        Ok((0..count).map(|_| search(&cumulative, self.random())).collect())
    }

    /// `choice(n, count, replace=False, p=p)`: different indices, drawn with the chances `p` and drawn again with the
    /// chances of those already found set to zero, until there are enough.
    ///
    /// # Errors
    /// As [`choice_weighted`](Self::choice_weighted), and [`Error::Argument`] if fewer than `count` chances are positive.
    pub fn choice_weighted_without_replacement(&mut self, p: &[f64], count: usize) -> Result<Vec<usize>> {
        check_chances(p)?;
        check_count(count, p.iter().filter(|&&chance| chance > 0.0).count())?;
        let mut p = p.to_vec();
        let mut found = Vec::with_capacity(count);
        while found.len() < count {
            // The chances stay as they are for the whole round: an index drawn twice in it counts once.
            let cumulative = cumulative_chances(&p);
            for number in self.random_array(count - found.len()) {
                let index = search(&cumulative, number);
                if p[index] > 0.0 {
                    p[index] = 0.0;
                    found.push(index);
                }
            }
        }
        Ok(found)
    }
}

/// The sums of the first k chances, over the sum of all.
fn cumulative_chances(p: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut cumulative: Vec<f64> = p
        .iter()
        .map(|chance| {
            sum += chance;
            sum
        })
        .collect();
    for value in &mut cumulative {
        *value /= sum;
    }
    cumulative
}

/// The first index whose cumulative chance is above `number`. The last is one, above every number drawn.
fn search(cumulative: &[f64], number: f64) -> usize {
    cumulative.partition_point(|&chance| chance <= number)
}

/// Refuses to draw more than there are.
fn check_count(count: usize, available: usize) -> Result<()> {
    if count <= available {
        return Ok(());
    }
    Err(Error::Argument {
        name: "count",
        value: count as f64,
        requirement: "without replacement, no more can be drawn than there are with a positive chance",
    })
}

/// Refuses what is no vector of chances.
fn check_chances(p: &[f64]) -> Result<()> {
    const WHAT: &str = "p";
    if p.is_empty() {
        return Err(Error::Empty { what: WHAT });
    }
    for (index, &value) in p.iter().enumerate() {
        if !value.is_finite() {
            return Err(Error::NotFinite { what: WHAT, index, value });
        }
        if value < 0.0 {
            return Err(Error::Negative { what: WHAT, index, value });
        }
    }
    let sum: f64 = p.iter().sum();
    // NumPy's tolerance, the square root of EPSILON. It sums with compensation, which can decide otherwise only for a
    // sum within rounding of the tolerance.
    if (sum - 1.0).abs() > f64::EPSILON.sqrt() {
        return Err(Error::Argument {
            name: "sum of p",
            value: sum,
            requirement: "it must be 1 within 1.5e-8",
        });
    }
    Ok(())
}
