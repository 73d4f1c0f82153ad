//! Finds lines (rows or columns) that are multiples of each other.

use super::lines::Lines;

/// Ratios of coefficients that differ by less, relatively, are the same.
const SAME_RATIO: f64 = 1e-13;

/// Multiples outside of this range (or its inverse) are left alone: they would spoil the scale of the problem.
const LARGEST_MULTIPLE: f64 = 1e3;

/// Two lines: follower = multiple × leader.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Duplicate {
    pub leader: usize,
    pub follower: usize,
    pub multiple: f64,
}

/// All pairs of a leader and a follower among the lines that are alive and have at least two entries. O(entries + lines log lines): lines
/// are sorted by a hash of their pattern and of their values as multiples of the first one, and compared with the first of their group.
pub(super) fn find(lines: &mut Lines, alive: &[bool], entries_alive: &[bool]) -> Vec<Duplicate> {
    let mut keys: Vec<(u64, usize)> = Vec::new();
    for line in (0..lines.len()).filter(|&line| alive[line]) {
        lines.compact(line, entries_alive);
        if lines.entries(line).len() >= 2 {
            keys.push((hash(lines.entries(line)), line));
        }
    }
    keys.sort_unstable();
    let mut duplicates = Vec::new();
    let mut values = vec![0.0; entries_alive.len()];
    for group in keys.chunk_by(|one, other| one.0 == other.0).filter(|group| group.len() > 1) {
        let leader = group[0].1;
        for &(index, value) in lines.entries(leader) {
            values[index as usize] = value;
        }
        for &(_, follower) in &group[1..] {
            if lines.entries(follower).len() == lines.entries(leader).len()
                && let Some(multiple) = multiple_of(&values, lines.entries(follower))
            {
                duplicates.push(Duplicate { leader, follower, multiple });
            }
        }
        for &(index, _) in lines.entries(leader) {
            values[index as usize] = 0.0;
        }
    }
    duplicates
}

/// The same for multiples, in whatever order the entries are: a sum over the entries, with values relative to that of the smallest
/// index and rounded to single precision.
fn hash(entries: &[(u32, f64)]) -> u64 {
    let unit = entries.iter().min_by_key(|entry| entry.0).map_or(1.0, |entry| entry.1);
    entries.iter().fold(0u64, |sum, &(index, value)| {
        let ratio = ((value / unit) as f32).to_bits();
        sum.wrapping_add(mix(u64::from(index) << 32 | u64::from(ratio)))
    })
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The number by which the leader's values have to be multiplied, if there is one.
fn multiple_of(leader: &[f64], follower: &[(u32, f64)]) -> Option<f64> {
    let &(index, value) = follower.first()?;
    let multiple = value / leader[index as usize];
    let same = |&(index, value): &(u32, f64)| {
        (value - multiple * leader[index as usize]).abs() <= SAME_RATIO * value.abs()
    };
    ((1.0 / LARGEST_MULTIPLE..=LARGEST_MULTIPLE).contains(&multiple.abs()) && follower.iter().all(same))
        .then_some(multiple)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lp::sparse::SparseMatrix;

    #[test]
    fn multiples_are_found_and_others_are_not() {
        let matrix = SparseMatrix::from_triplets(
            4,
            6,
            [
                (0, 0, 1.0),
                (2, 0, 3.0),
                (0, 1, 1.0),
                (2, 1, 3.1),
                (0, 2, -0.1),
                (2, 2, -0.3),
                (0, 3, 1.0),
                (1, 3, 3.0),
                (2, 4, 1.0),
                (0, 5, 1.0),
                (2, 5, 3.0),
                (3, 5, 9.0), // in a row that is gone
            ],
        );
        let mut lines = Lines::of_columns(&matrix);
        let found = find(&mut lines, &[true; 6], &[true, true, true, false]);
        let expected = |follower, multiple| Duplicate { leader: 0, follower, multiple };
        assert_eq!(found, [expected(2, -0.1), expected(5, 1.0)]);
        let found = find(&mut lines, &[false, true, true, true, true, true], &[true, true, true, false]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].leader, found[0].follower), (2, 5));
    }
}
