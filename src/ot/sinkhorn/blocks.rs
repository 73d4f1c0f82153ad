//! Costs as the entropic kernels read them: block by block, stored or computed.

use crate::matrix::DistanceRows;
use crate::scalar::Scalar;
use std::ops::Range;

/// A cost matrix that hands out blocks of itself.
pub(crate) trait CostBlocks<A>: Sync {
    /// Number of sources.
    fn rows(&self) -> usize;

    /// Number of targets.
    fn columns(&self) -> usize;

    /// How many rows a block should have at least for the costs to come at full speed.
    fn rows_at_once(&self) -> usize;

    /// Cᵢⱼ of the rows in `rows` and the columns in `columns`, row after row, over all of `out`.
    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]);
}

impl<A: Scalar> CostBlocks<A> for DistanceRows<A> {
    fn rows(&self) -> usize {
        self.rows()
    }

    fn columns(&self) -> usize {
        self.columns()
    }

    /// The coordinates of all columns are read for every block: with many of them, several rows should share that.
    fn rows_at_once(&self) -> usize {
        (self.dimension() / 2).clamp(1, 32)
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        self.rows_into(rows, columns, out);
    }
}
