//! The factors of a product, laid out in panels in the order in which the tiles read them. Panels that reach past the matrix
//! are filled up with zeros.

use super::Operation;
use super::tiles::TILE_ROWS;
use crate::Scalar;
use crate::matrix::MatrixView;
use crate::scalar::Vectorised;
use crate::simd::lanes::Simd;
use crate::simd::{Lanes, dispatch};
use std::ops::Range;

type Register<S, T> = <T as Vectorised>::Register<S>;

/// Rows of a factor that are read together into all panels: rows that lie a power of two apart compete for the same lines of the
/// first-level cache, which holds eight of a kind.
const ROWS_TOGETHER: usize = 8;

dispatch! {
    /// Packs rows of op(A) for steps of k: panels of [`TILE_ROWS`] rows, the entries of each step together.
    pub(super) fn pack_rows<T: Scalar>(
        a: (MatrixView<'_, T>, Operation), rows: Range<usize>, steps: Range<usize>, target: &mut [T],
    ) = pack_rows_kernel
}

#[inline(always)]
fn pack_rows_kernel<S: Simd, T: Scalar>(
    (a, operation): (MatrixView<'_, T>, Operation),
    rows: Range<usize>,
    steps: Range<usize>,
    target: &mut [T],
) {
    let depth = steps.len();
    match operation {
        Operation::Plain => {
            for (top, panel) in
                rows.clone().step_by(TILE_ROWS).zip(target.chunks_exact_mut(depth * TILE_ROWS))
            {
                let groups = panel.as_chunks_mut::<TILE_ROWS>().0;
                let mut lines = [&[][..]; TILE_ROWS];
                for (row, line) in (top..rows.end).zip(&mut lines) {
                    *line = &a.row(row)[steps.clone()];
                }
                weave(lines, rows.end - top, groups);
            }
        }
        Operation::Transpose => {
            for first in steps.clone().step_by(ROWS_TOGETHER) {
                let together = first..steps.end.min(first + ROWS_TOGETHER);
                let panels = target.chunks_exact_mut(depth * TILE_ROWS);
                for (top, panel) in rows.clone().step_by(TILE_ROWS).zip(panels) {
                    let groups = &mut panel.as_chunks_mut::<TILE_ROWS>().0[first - steps.start..];
                    for (step, group) in together.clone().zip(groups) {
                        let source = &a.row(step)[top..rows.end];
                        match source.first_chunk::<TILE_ROWS>() {
                            Some(source) => *group = *source,
                            None => {
                                group.fill(T::ZERO);
                                group[..source.len()].copy_from_slice(source);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Lines of A side by side, the entries of each step together; lines past the first `count` are zeros.
#[inline(always)]
fn weave<T: Scalar>(lines: [&[T]; TILE_ROWS], count: usize, groups: &mut [[T; TILE_ROWS]]) {
    let steps = groups.len();
    if count < TILE_ROWS {
        for (step, group) in groups.iter_mut().enumerate() {
            for (value, line) in group.iter_mut().zip(lines) {
                *value = if line.is_empty() { T::ZERO } else { line[step] };
            }
        }
        return;
    }
    let [l0, l1, l2, l3, l4, l5] = lines;
    let (l0, l1, l2) = (&l0[..steps], &l1[..steps], &l2[..steps]);
    let (l3, l4, l5) = (&l3[..steps], &l4[..steps], &l5[..steps]);
    for (step, group) in groups.iter_mut().enumerate() {
        *group = [l0[step], l1[step], l2[step], l3[step], l4[step], l5[step]];
    }
}

dispatch! {
    /// Packs columns of op(B) for steps of k: panels of `width` columns, the entries of each step together. A panel
    /// has room for `depth` steps.
    pub(super) fn pack_columns<T: Scalar>(
        b: (MatrixView<'_, T>, Operation), columns: Range<usize>, steps: Range<usize>, shape: [usize; 2], target: &mut [T],
    ) = pack_columns_kernel
}

#[inline(always)]
fn pack_columns_kernel<S: Simd, T: Scalar>(
    (b, operation): (MatrixView<'_, T>, Operation),
    columns: Range<usize>,
    steps: Range<usize>,
    [width, depth]: [usize; 2],
    target: &mut [T],
) {
    let lanes = Register::<S, T>::LANES;
    match operation {
        Operation::Plain => {
            for first in steps.clone().step_by(ROWS_TOGETHER) {
                let together = first..steps.end.min(first + ROWS_TOGETHER);
                let panels = target.chunks_exact_mut(depth * width);
                for (left, panel) in columns.clone().step_by(width).zip(panels) {
                    let groups = panel[(first - steps.start) * width..].chunks_exact_mut(width);
                    for (step, group) in together.clone().zip(groups) {
                        let source = &b.row(step)[left..columns.end.min(left + width)];
                        // Two registers rather than a call of `memmove`.
                        let (low, high) = source.split_at(lanes.min(source.len()));
                        Register::<S, T>::load_up_to(low, T::ZERO).store(&mut group[..lanes]);
                        Register::<S, T>::load_up_to(high, T::ZERO).store(&mut group[lanes..]);
                    }
                }
            }
        }
        Operation::Transpose => {
            let panels = target.chunks_exact_mut(depth * width);
            for (left, panel) in columns.clone().step_by(width).zip(panels) {
                let panel = &mut panel[..steps.len() * width];
                if columns.end - left < width {
                    panel.fill(T::ZERO);
                }
                for (place, column) in (left..columns.end.min(left + width)).enumerate() {
                    let line = &b.row(column)[steps.clone()];
                    for (group, &value) in panel.chunks_exact_mut(width).zip(line) {
                        group[place] = value;
                    }
                }
            }
        }
    }
}
