//! Tiles of C in registers: the innermost loop of the packed product.
//!
//! A tile is [`TILE_ROWS`] rows by two registers. Of A it needs, for every step of k, the column's six entries, of B the row's two
//! registers; both lie packed in the order in which they are read. On a processor with 16 registers the tile takes 12 of them,
//! two hold B and one A: 12 multiply-adds for 8 loads, so that the loads never wait.

use crate::Scalar;
use crate::scalar::Vectorised;
use crate::simd::lanes::Simd;
use crate::simd::{Lanes, dispatch};

type Register<S, T> = <T as Vectorised>::Register<S>;

/// Rows of a tile.
pub(super) const TILE_ROWS: usize = 6;

/// Where the packed panels of a block lie and which part of C they make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// Rows and columns of C.
    pub rows: usize,
    pub columns: usize,
    /// Numbers from one row of C to the next.
    pub stride: usize,
    /// Steps of k.
    pub depth: usize,
    /// Numbers from one panel of B to the next.
    pub panel: usize,
    /// Whether the product is added to what C holds.
    pub accumulate: bool,
}

dispatch! {
    /// Columns of a tile.
    pub(super) fn tile_columns<T: Scalar>() -> usize = tile_columns_kernel
}

#[inline(always)]
fn tile_columns_kernel<S: Simd, T: Scalar>() -> usize {
    2 * Register::<S, T>::LANES
}

dispatch! {
    /// `C = alpha A B`, or `+=`, for a block: `a` has panels of [`TILE_ROWS`] rows, `b` panels of two registers of columns.
    pub(super) fn multiply_block<T: Scalar>(block: Block, alpha: T, a: &[T], b: &[T], c: &mut [T]) = multiply_block_kernel
}

#[inline(always)]
fn multiply_block_kernel<S: Simd, T: Scalar>(block: Block, alpha: T, a: &[T], b: &[T], c: &mut [T]) {
    let width = 2 * Register::<S, T>::LANES;
    let Block { rows, columns, stride, depth, panel, .. } = block;
    // A panel of B stays in the first-level cache while all panels of A, from the second, pass by.
    for (left, b) in (0..columns).step_by(width).zip(b.chunks_exact(panel)) {
        for (top, a) in (0..rows).step_by(TILE_ROWS).zip(a.chunks_exact(depth * TILE_ROWS)) {
            let tile = multiply_panels::<S, T>(a, &b[..depth * width]);
            let target = &mut c[top * stride + left..];
            write::<S, T>(block, alpha, tile, TILE_ROWS.min(rows - top), width.min(columns - left), target);
        }
    }
}

/// Sums of products of a tile: its rows by two registers.
type Tile<S, T> = [[Register<S, T>; 2]; TILE_ROWS];

/// The tile that a panel of A and one of B make.
#[inline(always)]
fn multiply_panels<S: Simd, T: Scalar>(a: &[T], b: &[T]) -> Tile<S, T> {
    let lanes = Register::<S, T>::LANES;
    let mut sums = [[Register::<S, T>::constant(0.0); 2]; TILE_ROWS];
    for (a, b) in a.as_chunks::<TILE_ROWS>().0.iter().zip(b.chunks_exact(2 * lanes)) {
        let low = Register::<S, T>::load(&b[..lanes]);
        let high = Register::<S, T>::load(&b[lanes..]);
        for row in 0..TILE_ROWS {
            let factor = Register::<S, T>::splat(a[row]);
            sums[row][0] = factor.mul_add(low, sums[row][0]);
            sums[row][1] = factor.mul_add(high, sums[row][1]);
        }
    }
    sums
}

/// Writes `height` rows and `width` columns of a tile, times alpha.
#[inline(always)]
fn write<S: Simd, T: Scalar>(
    block: Block,
    alpha: T,
    tile: Tile<S, T>,
    height: usize,
    width: usize,
    target: &mut [T],
) {
    let lanes = Register::<S, T>::LANES;
    let alpha = Register::<S, T>::splat(alpha);
    for (row, [low, high]) in tile.into_iter().enumerate().take(height) {
        let target = &mut target[row * block.stride..][..width];
        let (mut low, mut high) = (alpha * low, alpha * high);
        if width == 2 * lanes {
            if block.accumulate {
                low = low + Register::<S, T>::load(&target[..lanes]);
                high = high + Register::<S, T>::load(&target[lanes..]);
            }
            low.store(&mut target[..lanes]);
            high.store(&mut target[lanes..]);
        } else {
            for (mut half, target) in [low, high].into_iter().zip(target.chunks_mut(lanes)) {
                if block.accumulate {
                    half = half + Register::<S, T>::load_partial(target, T::ZERO);
                }
                half.store_partial(target);
            }
        }
    }
}
