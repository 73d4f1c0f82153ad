//! Buffers that wait for their next use.

use crate::error::Result;
use crate::{Matrix, Scalar};
use std::collections::BTreeMap;

/// Free buffers by their size: four sizes between two powers of two.
///
/// A buffer serves the matrices that round up to its size, and no others. So a step finds all buffers of a step of the same shapes
/// again: each size by itself needs no more of them than before. Matrices of ever new sizes share the few sizes there are.
#[derive(Debug, Default)]
pub(super) struct Pool<T> {
    free: BTreeMap<usize, Vec<Vec<T>>>,
    allocations: usize,
}

/// The distance of two sizes next to `length`: an eighth of the power of two above it, so that at most a quarter of a buffer is unused.
fn spacing(length: usize) -> usize {
    (length.next_power_of_two() / 8).max(1)
}

/// The smallest size that holds `length` entries.
fn rounded_up(length: usize) -> usize {
    length.next_multiple_of(spacing(length))
}

/// The largest size that a buffer of this capacity holds.
fn rounded_down(capacity: usize) -> usize {
    capacity / spacing(capacity) * spacing(capacity)
}

impl<T: Scalar> Pool<T> {
    pub(super) fn new() -> Self {
        Self { free: BTreeMap::new(), allocations: 0 }
    }

    /// A matrix with unspecified entries: whoever takes it writes all of them.
    pub(super) fn take(&mut self, (rows, columns): (usize, usize)) -> Matrix<T> {
        let length = rows * columns;
        if length == 0 {
            return Matrix::zeros(rows, columns);
        }
        let size = rounded_up(length);
        let mut buffer = match self.free.get_mut(&size).and_then(Vec::pop) {
            Some(buffer) => buffer,
            None => {
                self.allocations += 1;
                Vec::with_capacity(size)
            }
        };
        buffer.resize(length, T::ZERO);
        Matrix::from_vec(rows, columns, buffer).expect("the buffer has the length of the shape")
    }

    /// The same for a shape that comes from outside.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the entries do not fit into the address space.
    pub(super) fn try_take(&mut self, (rows, columns): (usize, usize)) -> Result<Matrix<T>> {
        match rows.checked_mul(columns) {
            Some(entries) if entries <= isize::MAX as usize / (2 * size_of::<T>()) => {
                Ok(self.take((rows, columns)))
            }
            // The constructor says how large the matrix is.
            _ => Matrix::try_zeros(rows, columns),
        }
    }

    /// A copy of a matrix.
    pub(super) fn copy(&mut self, source: &Matrix<T>) -> Matrix<T> {
        let mut out = self.take(source.shape());
        out.as_mut_slice().copy_from_slice(source.as_slice());
        out
    }

    /// Takes a matrix back.
    pub(super) fn put(&mut self, matrix: Matrix<T>) {
        let buffer = matrix.into_vec();
        if buffer.capacity() > 0 {
            self.free.entry(rounded_down(buffer.capacity())).or_default().push(buffer);
        }
    }

    /// Buffers that were allocated because none was free.
    pub(super) fn allocations(&self) -> usize {
        self.allocations
    }

    /// Gives the free buffers back to the system.
    pub(super) fn release(&mut self) {
        self.free.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_hold_what_rounds_up_to_them_and_waste_a_quarter_at_most() {
        for length in (1..5000).chain([1 << 40, (1 << 40) + 1, usize::MAX / 2]) {
            let size = rounded_up(length);
            assert!(size >= length && (size - length) <= length / 4, "{length}: {size}");
            assert_eq!((rounded_up(size), rounded_down(size)), (size, size), "{length}");
            assert!(rounded_down(length) <= length);
        }
    }

    #[test]
    fn buffers_come_back_and_hold_what_they_are_asked_to() {
        let mut pool = Pool::<f32>::new();
        let first = pool.take((10, 10));
        let second = pool.take((10, 10));
        assert_eq!(pool.allocations(), 2);
        pool.put(first);
        pool.put(second);
        // 97 and 100 entries round up to the same size.
        let shorter = pool.take((97, 1));
        assert_eq!((shorter.shape(), pool.allocations()), ((97, 1), 2));
        let other = pool.take((1, 100));
        assert_eq!((other.shape(), pool.allocations()), ((1, 100), 2));
        assert_eq!(pool.take((0, usize::MAX)).shape(), (0, usize::MAX));
        assert_eq!(pool.allocations(), 2);
    }
}
