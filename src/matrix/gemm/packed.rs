//! The packed product of processors with AVX2 (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM
//! Transactions on Mathematical Software 34, 2008): B is packed once, blocks of rows of A are packed and multiplied on their own.
//!
//! Each entry of C is the sum over blocks of k, in order, of sums in order: its bits do not depend on how C is cut
//! for the threads. Memory, which the threads keep: of the one that calls, [`PACKED_BYTES`] at most for either
//! factor; of each that multiplies, a block of A.

use super::packing::{pack_columns, pack_rows};
use super::then::{GRANULE, Then};
use super::tiles::{Block, TILE_ROWS, multiply_block, tile_columns};
use super::{Operation, Product};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scratch;
use crate::{Scalar, parallel, simd};
use std::ops::Range;

/// Bytes of a line of a block: with it a panel of B (32 kB) is what the first-level cache holds, and a block of A (295 kB) fits into
/// the second-level cache.
const DEPTH_BYTES: usize = 2048;

/// Rows of a block, a whole number of tiles.
const BLOCK_ROWS: usize = 144;

/// Bytes of a factor that are packed at a time.
const PACKED_BYTES: usize = 8 << 20;

/// Blocks of steps of k that are packed at a time. One thread finds two of them in the third-level cache again; several
/// threads have to wait for each other after every packing.
fn blocks_at_once() -> usize {
    if parallel::threads() == 1 { 2 } else { 8 }
}

/// Numbers of B that a thread packs at a time.
const PACKED_TOGETHER: usize = 1 << 16;

/// Parts of C for each thread, so that none waits long for another.
const PARTS_OF_THREAD: usize = 4;

/// Whether this way is the faster one, as measured with AVX2: in small products B is packed for too few rows. With AVX-512 it
/// has not been measured against faer's kernels, which are written for that.
pub(super) fn suits(m: usize, n: usize, k: usize) -> bool {
    let large = m >= 512 && n >= 128 && k >= 64;
    large && simd::level() == simd::Level::Avx2
}

/// `C = alpha op(A) op(B)`, or `+=`.
pub(super) fn multiply<T: Scalar>(product: Product<'_, T>) {
    multiply_then(product, None);
}

/// The product, and what then is to become of its rows, which lie close.
pub(super) fn multiply_then<T: Scalar>(product: Product<'_, T>, mut then: Option<Then<'_, T>>) {
    let Product { alpha, a, b, accumulate, mut c } = product;
    let (m, n) = c.shape();
    let k = a.1.shape(a.0).1;
    debug_assert!(then.is_none() || m == 1 || c.row_stride() == n, "the rows must lie close");
    let width = tile_columns::<T>();
    let depth = k.min(DEPTH_BYTES / size_of::<T>());
    let steps_at_once = k.min(blocks_at_once() * depth);
    // The last block of steps has the room of a whole one.
    let columns_at_once = PACKED_BYTES / size_of::<T>() / steps_at_once.next_multiple_of(depth);
    let columns_at_once = columns_at_once / width * width;
    let all_columns = columns_at_once >= n;
    T::with_scratch(Scratch::Factors, |scratch| {
        for first_step in (0..k).step_by(steps_at_once) {
            let steps = first_step..k.min(first_step + steps_at_once);
            for left in (0..n).step_by(columns_at_once) {
                let columns = left..n.min(left + columns_at_once);
                let c = c.reborrow().submatrix(0..m, columns.clone());
                let accumulate = accumulate || first_step > 0;
                let part = Part { alpha, a, b, columns, steps: steps.clone(), accumulate };
                let whole = all_columns && part.steps.end == k;
                part.multiply(c, then.as_mut().filter(|_| whole), scratch);
            }
        }
    });
    if let Some(then) = then.filter(|_| !all_columns) {
        then.run(c);
    }
}

/// The product of some columns for some steps of k.
struct Part<'a, T> {
    alpha: T,
    a: (MatrixView<'a, T>, Operation),
    b: (MatrixView<'a, T>, Operation),
    columns: Range<usize>,
    steps: Range<usize>,
    accumulate: bool,
}

impl<T: Scalar> Part<'_, T> {
    fn multiply(&self, mut c: MatrixViewMut<'_, T>, then: Option<&mut Then<'_, T>>, scratch: &mut Vec<T>) {
        let (m, n) = c.shape();
        let width = tile_columns::<T>();
        let depth = self.depth();
        let panel = depth * width;
        let panels = n.div_ceil(width);
        let (rows_of_part, rows_of_block) = cut(m);
        let depths = self.steps.len().div_ceil(depth);
        let tall = m.next_multiple_of(TILE_ROWS) * depth;
        // The columns of a block of Aᵀ are short pieces of far rows: A is read once, row by row, rather than once for each block.
        let whole_a = self.a.1 == Operation::Transpose && depths * tall * size_of::<T>() <= PACKED_BYTES;
        let [packed_b, packed_a] =
            aligned(scratch, [depths * panels * panel, if whole_a { depths * tall } else { 0 }]);
        parallel::for_each_chunk_mut(packed_a, tall, |start, packed| {
            pack_rows(self.a, 0..m, self.steps_of(start / tall), packed);
        });
        let packed_a = whole_a.then_some((&*packed_a, tall));
        let together =
            PACKED_TOGETHER.max(depths * panels * panel / (4 * parallel::threads())).div_ceil(panel);
        parallel::for_each_chunk_mut(packed_b, together * panel, |start, mut packed| {
            let mut place = start / panel;
            while !packed.is_empty() {
                // The panels up to the next block of steps.
                let count = (packed.len() / panel).min(panels - place % panels);
                let (target, rest) = packed.split_at_mut(count * panel);
                let left = self.columns.start + place % panels * width;
                let columns = left..self.columns.end.min(left + count * width);
                pack_columns(self.b, columns, self.steps_of(place / panels), [width, depth], target);
                (packed, place) = (rest, place + count);
            }
        });
        let packed_b = &*packed_b;
        let stride = c.row_stride();
        let function = then.as_ref().map(|then| then.function);
        let beside_granule = then.as_ref().map_or(0, |then| then.beside_granule);
        let multiply_part = |first: usize, c: &mut [T], mut beside: &mut [T]| {
            for top in (first..m.min(first + rows_of_part)).step_by(rows_of_block) {
                let rows = top..m.min(first + rows_of_part).min(top + rows_of_block);
                let c = &mut c[(top - first) * stride..];
                self.multiply_rows(rows.clone(), packed_a, packed_b, &mut *c, stride);
                if let Some(function) = function {
                    let share = beside.len().min(rows_of_block / GRANULE * beside_granule);
                    let (own, rest) = std::mem::take(&mut beside).split_at_mut(share);
                    function(top, &mut c[..rows.len() * stride], own);
                    beside = rest;
                }
            }
        };
        let (data, part) = (c.strided_data(), rows_of_part * stride);
        match then {
            Some(Then { beside, .. }) if beside_granule > 0 => {
                let share = rows_of_part / GRANULE * beside_granule;
                parallel::for_each_pair_of_chunks_mut(data, part, beside, share, |index, c, beside| {
                    multiply_part(index * rows_of_part, c, beside);
                });
            }
            _ => parallel::for_each_chunk_mut(data, part, |start, c| {
                multiply_part(start / part * rows_of_part, c, &mut []);
            }),
        }
    }

    /// Some rows of C, by one thread. A may be packed already, its blocks of steps so many numbers apart.
    fn multiply_rows(
        &self,
        rows: Range<usize>,
        packed_a: Option<(&[T], usize)>,
        packed_b: &[T],
        c: &mut [T],
        stride: usize,
    ) {
        let width = tile_columns::<T>();
        let panel = self.depth() * width;
        let panels = self.columns.len().div_ceil(width);
        for (index, packed_b) in packed_b.chunks_exact(panels * panel).enumerate() {
            let steps = self.steps_of(index);
            let numbers = rows.len().next_multiple_of(TILE_ROWS) * steps.len();
            let block = Block {
                rows: rows.len(),
                columns: self.columns.len(),
                stride,
                depth: steps.len(),
                panel,
                accumulate: self.accumulate || index > 0,
            };
            match packed_a {
                Some((packed, tall)) => {
                    let a = &packed[index * tall + rows.start * steps.len()..][..numbers];
                    multiply_block(block, self.alpha, a, packed_b, c);
                }
                // Nothing in here waits for other threads, so that the thread's own block is free.
                None => T::with_scratch(Scratch::Block, |scratch| {
                    let [a] = aligned(scratch, [numbers]);
                    pack_rows(self.a, rows.clone(), steps, a);
                    multiply_block(block, self.alpha, a, packed_b, c);
                }),
            }
        }
    }

    /// Steps of a block.
    fn depth(&self) -> usize {
        self.steps.len().min(DEPTH_BYTES / size_of::<T>())
    }

    /// The steps of a block of them.
    fn steps_of(&self, index: usize) -> Range<usize> {
        let first = self.steps.start + index * self.depth();
        first..self.steps.end.min(first + self.depth())
    }
}

/// Rows of a part and rows of a block in it, whole granules: even parts, some for each thread where there are rows enough, of even blocks.
fn cut(m: usize) -> (usize, usize) {
    let even = |rows: usize, pieces: usize| rows.div_ceil(pieces).next_multiple_of(GRANULE);
    let threads = parallel::threads();
    let most = if threads == 1 { 1 } else { threads * PARTS_OF_THREAD };
    let parts = m.div_ceil(BLOCK_ROWS).next_multiple_of(threads).min(most);
    let rows_of_part = even(m, parts);
    (rows_of_part, even(rows_of_part, rows_of_part.div_ceil(BLOCK_ROWS)))
}

/// Pieces of the scratch memory, each beginning with a cache line.
fn aligned<T: Scalar, const PIECES: usize>(
    scratch: &mut Vec<T>,
    sizes: [usize; PIECES],
) -> [&mut [T]; PIECES] {
    let line = 64 / size_of::<T>();
    let needed = line + sizes.iter().map(|size| size.next_multiple_of(line)).sum::<usize>();
    if scratch.len() < needed {
        scratch.resize(needed, T::ZERO);
    }
    let skipped = scratch.as_ptr().align_offset(64).min(line);
    let mut rest = &mut scratch[skipped..];
    sizes.map(|size| {
        let (piece, others) = std::mem::take(&mut rest).split_at_mut(size.next_multiple_of(line));
        rest = others;
        &mut piece[..size]
    })
}
