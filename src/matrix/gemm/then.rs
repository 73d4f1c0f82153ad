//! What a product does with rows of C once they are whole and still in the cache: bias, activation, the sums of a gradient.

use super::tiles::TILE_ROWS;
use crate::matrix::MatrixViewMut;
use crate::{Scalar, parallel};

/// It gets the index of the first of some rows of C, these rows, which lie close, and their share of the memory beside: whole granules.
type Work<'a, T> = dyn Fn(usize, &mut [T], &mut [T]) + Sync + 'a;

/// Work on finished rows of C.
pub(crate) struct Then<'a, T> {
    pub function: &'a Work<'a, T>,
    /// Memory beside C, so much for every granule of rows (for the last one, which may be shorter, whatever is left).
    pub beside: &'a mut [T],
    pub beside_granule: usize,
}

/// Rows that always go together, whatever the number of threads: sums over them have the same bits.
pub(crate) const GRANULE: usize = 2 * TILE_ROWS;

/// Numbers of C for one thread to work on at a time.
const NUMBERS_AT_ONCE: usize = 1 << 14;

impl<T: Scalar> Then<'_, T> {
    /// Does the work on all rows of a C whose rows lie close.
    pub fn run(self, mut c: MatrixViewMut<'_, T>) {
        let row = c.columns();
        if c.rows() == 0 || row == 0 {
            return;
        }
        debug_assert!(c.rows() == 1 || c.row_stride() == row, "the rows must lie close");
        let granules = NUMBERS_AT_ONCE.div_ceil(GRANULE * row);
        let Self { function, beside, beside_granule } = self;
        let (rows, share) = (granules * GRANULE, granules * beside_granule);
        let data = c.strided_data();
        if share == 0 {
            parallel::for_each_chunk_mut(data, rows * row, |start, c| function(start / row, c, &mut []));
        } else {
            parallel::for_each_pair_of_chunks_mut(data, rows * row, beside, share, |index, c, beside| {
                function(index * rows, c, beside);
            });
        }
    }
}
