//! Costs as the entropic kernels read them: block by block, stored or computed.

use super::{PointPair, ProductCosts};
use crate::matrix::{DistanceRows, MatrixView};
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

    /// How a pass may read the costs without a copy of them.
    fn shortcut(&self) -> Shortcut<'_, A> {
        Shortcut::None
    }
}

/// Costs that need not go through a block.
#[derive(Clone, Copy)]
pub(crate) enum Shortcut<'a, A> {
    /// They must.
    None,
    /// All of them are stored: (n, m).
    Stored(MatrixView<'a, A>),
    /// Distances of points of few coordinates.
    Points(&'a PointPair<A>),
    /// Squared distances of points of many coordinates, by a matrix product: less accurate than those of the blocks.
    Products(&'a ProductCosts<A>),
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
