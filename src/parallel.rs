//! Work in fixed chunks, with or without threads.
//!
//! The chunks depend on the size of the work alone and their results come back in chunk order, so whatever is computed
//! from them has the same bits for any number of threads, and without the feature `parallel`. Who asks for the number of threads must cut
//! in such a way that no bit depends on it.

use std::ops::Range;

/// Whether the pool has more than one thread. With one the caller does the work itself: to hand it over and to wait costs tens of
/// microseconds, as much as a small product.
#[cfg(feature = "parallel")]
fn has_threads() -> bool {
    rayon::current_num_threads() > 1
}

/// Threads that share the work. What is computed must not depend on it.
pub(crate) fn threads() -> usize {
    #[cfg(feature = "parallel")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "parallel"))]
    1
}

/// `function` on each range of `chunk` consecutive indices below `count` (the last may be shorter); results in order.
pub(crate) fn map_chunks<R: Send>(
    count: usize,
    chunk: usize,
    function: impl Fn(Range<usize>) -> R + Sync + Send,
) -> Vec<R> {
    assert!(chunk > 0, "chunks must not be empty");
    let range = |index: usize| index * chunk..((index + 1) * chunk).min(count);
    let chunks = count.div_ceil(chunk);
    #[cfg(feature = "parallel")]
    if chunks > 1 && has_threads() {
        use rayon::prelude::*;
        return (0..chunks).into_par_iter().map(|index| function(range(index))).collect();
    }
    (0..chunks).map(|index| function(range(index))).collect()
}

/// `function` on each chunk of `chunk` consecutive elements of `data`, with the index of its first element.
pub(crate) fn for_each_chunk_mut<T: Send>(
    data: &mut [T],
    chunk: usize,
    function: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    assert!(chunk > 0, "chunks must not be empty");
    #[cfg(feature = "parallel")]
    if data.len() > chunk && has_threads() {
        use rayon::prelude::*;
        data.par_chunks_mut(chunk).enumerate().for_each(|(index, part)| function(index * chunk, part));
        return;
    }
    data.chunks_mut(chunk).enumerate().for_each(|(index, part)| function(index * chunk, part));
}

/// `function` on each chunk of `chunk` elements of `data`, its number, and the chunk of `other_chunk` elements of
/// `other` of the same number.
pub(crate) fn for_each_pair_of_chunks_mut<A: Send, B: Send>(
    data: &mut [A],
    chunk: usize,
    other: &mut [B],
    other_chunk: usize,
    function: impl Fn(usize, &mut [A], &mut [B]) + Sync + Send,
) {
    assert!(chunk > 0 && other_chunk > 0, "chunks must not be empty");
    #[cfg(feature = "parallel")]
    if data.len() > chunk && has_threads() {
        use rayon::prelude::*;
        data.par_chunks_mut(chunk)
            .zip(other.par_chunks_mut(other_chunk))
            .enumerate()
            .for_each(|(index, (part, other))| function(index, part, other));
        return;
    }
    for (index, (part, other)) in data.chunks_mut(chunk).zip(other.chunks_mut(other_chunk)).enumerate() {
        function(index, part, other);
    }
}

/// Both functions, on two threads where there are two; their results in order.
pub(crate) fn join<A: Send, B: Send>(
    first: impl FnOnce() -> A + Send,
    second: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "parallel")]
    if has_threads() {
        return rayon::join(first, second);
    }
    (first(), second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_in_order_and_cover_everything() {
        let ranges = map_chunks(10, 4, |range| range);
        assert_eq!(ranges, [0..4, 4..8, 8..10]);
        assert!(map_chunks(0, 4, |range| range).is_empty());
        let mut data = vec![0; 10];
        for_each_chunk_mut(&mut data, 3, |start, part| {
            part.iter_mut().enumerate().for_each(|(k, x)| *x = start + k)
        });
        assert_eq!(data, (0..10).collect::<Vec<_>>());
    }
}
