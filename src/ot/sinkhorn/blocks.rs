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

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        self.rows_into(rows, columns, out);
    }
}
