//! The guard against cycling: it knows every basis that was visited since the last change of the problem, by a hash.

use crate::random::RandomStream;
use rand::Rng;
use std::collections::HashSet;

/// The set of visited bases. A basis' hash is the exclusive or of a random word for each of its variables, and of another one for each
/// nonbasic variable that has gone to its other bound an odd number of times: so an exchange or a flip costs O(1), and a round of flips
/// that leads nowhere is found as well as one of exchanges.
#[derive(Debug)]
pub(super) struct CyclingGuard {
    words: Vec<u64>,
    hash: u64,
    visited: HashSet<u64>,
    /// Whether a basis came back since [`clear`](Self::clear).
    returned: bool,
}

impl CyclingGuard {
    pub fn new(variables: usize, seed: u64) -> Self {
        let mut stream = RandomStream::new(seed ^ 0x5bd1_e995);
        let words = (0..variables).map(|_| stream.next_u64()).collect();
        Self { words, hash: 0, visited: HashSet::new(), returned: false }
    }

    /// Takes note of an exchange.
    pub fn exchange(&mut self, leaving: usize, entering: usize) {
        self.visit(self.words[leaving] ^ self.words[entering]);
    }

    /// Takes note of a nonbasic variable that goes to its other bound.
    pub fn flip(&mut self, variable: usize) {
        self.visit(self.words[variable].rotate_left(32));
    }

    fn visit(&mut self, change: u64) {
        self.hash ^= change;
        self.returned |= !self.visited.insert(self.hash);
    }

    /// Whether a basis came back since the last call of [`clear`](Self::clear).
    pub fn has_returned(&self) -> bool {
        self.returned
    }

    /// Forgets: the problem has changed (another phase, other costs or bounds).
    pub fn clear(&mut self) {
        self.visited.clear();
        self.visited.insert(self.hash);
        self.returned = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_of_exchanges_or_of_flips_is_found_where_it_closes() {
        let mut guard = CyclingGuard::new(4, 0);
        guard.clear();
        for (leaving, entering, returned) in [(0, 2, false), (1, 3, false), (2, 0, false), (3, 1, true)] {
            guard.exchange(leaving, entering);
            assert_eq!(guard.has_returned(), returned);
        }
        guard.clear();
        for (variable, returned) in [(0, false), (1, false), (0, false), (1, true)] {
            guard.flip(variable);
            assert_eq!(guard.has_returned(), returned);
        }
        // A basis with other variables at their other bounds is another one.
        guard.clear();
        guard.exchange(0, 2);
        guard.flip(1);
        guard.exchange(2, 0);
        assert!(!guard.has_returned());
    }
}
