//! Buffers that wait for their next use.

use crate::{Matrix, Scalar};
use std::collections::BTreeMap;

/// Free buffers by capacity. A buffer serves any matrix of at most its capacity and at least half of it, so that steps of the same
/// shapes find all of theirs again and a shorter last batch does not need buffers of its own.
#[derive(Debug, Default)]
pub(super) struct Pool<T> {
    free: BTreeMap<usize, Vec<Vec<T>>>,
    allocations: usize,
}

impl<T: Scalar> Pool<T> {
    pub(super) fn new() -> Self {
        Self { free: BTreeMap::new(), allocations: 0 }
    }

    /// A matrix with unspecified entries: whoever takes it writes all of them.
    pub(super) fn take(&mut self, (rows, columns): (usize, usize)) -> Matrix<T> {
        let Some(length) = rows.checked_mul(columns) else {
            // The constructor says how large the matrix is.
            return Matrix::zeros(rows, columns);
        };
        let found =
            self.free.range_mut(length..=length.saturating_mul(2)).find(|(_, buffers)| !buffers.is_empty());
        let mut buffer = match found {
            Some((_, buffers)) if length > 0 => buffers.pop().expect("the list is not empty"),
            _ => {
                self.allocations += usize::from(length > 0);
                Vec::with_capacity(length)
            }
        };
        buffer.resize(length, T::ZERO);
        Matrix::from_vec(rows, columns, buffer).expect("the buffer has the length of the shape")
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
            self.free.entry(buffer.capacity()).or_default().push(buffer);
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
