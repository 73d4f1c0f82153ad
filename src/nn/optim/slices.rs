//! Slices of equal length that are walked together, in fixed chunks and by several threads.

use crate::parallel;

/// Elements of a chunk: some tens of microseconds of work, more than it costs to wake a thread.
const CHUNK: usize = 1 << 16;

/// A slice to read and `N` slices to write, all of the same length.
pub(super) struct Slices<'a, T, const N: usize> {
    /// Read only.
    pub gradient: &'a [T],
    /// Read and written.
    pub state: [&'a mut [T]; N],
}

impl<'a, T: Send + Sync, const N: usize> Slices<'a, T, N> {
    /// The slices must have the same length.
    pub(super) fn new(gradient: &'a [T], state: [&'a mut [T]; N]) -> Self {
        assert!(state.iter().all(|slice| slice.len() == gradient.len()), "slices of one length");
        Self { gradient, state }
    }

    /// The elements before `middle` and those from it on.
    fn split_at(mut self, middle: usize) -> (Self, Self) {
        let (gradient, rest) = self.gradient.split_at(middle);
        let state = self.state.each_mut().map(|slice| slice.split_off_mut(..middle).expect("inside"));
        (Self { gradient, state }, Self { gradient: rest, state: self.state })
    }

    /// `function` on chunks that cover all elements. Nothing is allocated.
    pub(super) fn for_each_chunk(self, function: &(impl Fn(Self) + Sync)) {
        let chunks = self.gradient.len().div_ceil(CHUNK);
        if chunks <= 1 {
            return function(self);
        }
        let (first, second) = self.split_at(chunks / 2 * CHUNK);
        parallel::join(|| first.for_each_chunk(function), || second.for_each_chunk(function));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_visited_once() {
        for length in [0, 1, CHUNK, CHUNK + 1, 5 * CHUNK + 7] {
            let gradient: Vec<usize> = (0..length).collect();
            let (mut a, mut b) = (vec![0; length], vec![1; length]);
            Slices::new(&gradient, [&mut a, &mut b]).for_each_chunk(&|part| {
                assert!(part.gradient.len() <= CHUNK);
                for (k, &g) in part.gradient.iter().enumerate() {
                    part.state[0][k] += g;
                    part.state[1][k] += g;
                }
            });
            assert_eq!(a, gradient);
            assert!(b.iter().zip(&gradient).all(|(&b, &g)| b == g + 1));
        }
    }
}
