//! The kernel that all distances share: one point against panels of [`WIDTH`] points.
//!
//! Letters: n points x, m points y, d coordinates. The y are stored in panels of 16 points, coordinate after coordinate
//! (panel, d, 16): the lanes of a register are points, so that no sum crosses lanes, and every load is contiguous. Eight
//! accumulators hide the latency of the additions. Differences are taken coordinate by coordinate, never `|x|^2 + |y|^2 - 2 x.y`:
//! the relative error of a distance is a few d * EPS whatever the points, and identical points are at distance zero.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use super::metric::{Chebyshev, Metric};
use crate::Scalar;
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use std::ops::Range;

/// Points in a panel: one f32 register of AVX-512, four f64 registers of AVX2.
pub(super) const WIDTH: usize = 16;

/// Coordinates of a group of panels that stays in the first-level cache while a block of rows passes over it.
const GROUP_COORDINATES: usize = 2048;

/// m points of d coordinates in panels, the last one filled up with zeros.
pub(super) struct Panels<T> {
    data: Vec<T>,
    dimension: usize,
}

impl<T: Scalar> Panels<T> {
    /// Packs `points` (count, dimension), row-major.
    pub(super) fn new(points: &[T], count: usize, dimension: usize) -> Self {
        let mut data = vec![T::ZERO; count.div_ceil(WIDTH) * WIDTH * dimension];
        if dimension > 0 {
            for (index, point) in points.chunks_exact(dimension).enumerate() {
                let panel = &mut data[index / WIDTH * WIDTH * dimension..][..WIDTH * dimension];
                for (coordinate, &value) in point.iter().enumerate() {
                    panel[coordinate * WIDTH + index % WIDTH] = value;
                }
            }
        }
        Self { data, dimension }
    }

    /// The coordinates of one panel: (d, 16).
    #[inline(always)]
    pub(super) fn panel(&self, index: usize) -> &[T] {
        &self.data[index * WIDTH * self.dimension..][..WIDTH * self.dimension]
    }
}

dispatch! {
    /// Distances of `rows` points `x` (rows, d) to the points `columns` of `panels`, into the first `columns.len()`
    /// entries of each row of `out`, rows `stride` apart.
    pub(super) fn distances<T: Scalar, M: Metric<T>>(
        metric: M,
        x: &[T],
        rows: usize,
        panels: &Panels<T>,
        columns: Range<usize>,
        out: &mut [T],
        stride: usize,
    ) = distances_kernel
}

#[inline(always)]
fn distances_kernel<S: Simd, T: Scalar, M: Metric<T>>(
    metric: M,
    x: &[T],
    rows: usize,
    panels: &Panels<T>,
    columns: Range<usize>,
    out: &mut [T],
    stride: usize,
) {
    // Panels times registers in a panel is eight, the number of accumulators.
    match <T as Vectorised>::Register::<S>::LANES {
        4 => walk::<S, T, M, 2, 4>(metric, x, rows, panels, columns, out, stride),
        8 => walk::<S, T, M, 4, 2>(metric, x, rows, panels, columns, out, stride),
        16 => walk::<S, T, M, 8, 1>(metric, x, rows, panels, columns, out, stride),
        lanes => unreachable!("a register of {lanes} lanes"),
    }
}

/// Groups of panels that stay in the first-level cache; over each of them all rows, one by one against `PANELS` panels.
///
/// Several rows against one panel would load less, but their factors take registers too: with the sixteen of AVX2 an accumulator
/// goes through memory, and that is three times slower. One row leaves the loads to the subtractions.
#[inline(always)]
fn walk<S: Simd, T: Scalar, M: Metric<T>, const PANELS: usize, const REGISTERS: usize>(
    metric: M,
    x: &[T],
    rows: usize,
    panels: &Panels<T>,
    columns: Range<usize>,
    out: &mut [T],
    stride: usize,
) {
    if columns.is_empty() {
        return;
    }
    let d = panels.dimension;
    let group = (GROUP_COORDINATES / (WIDTH * d.max(1))).max(PANELS);
    let last = columns.end.div_ceil(WIDTH);
    let mut start = columns.start / WIDTH;
    while start < last {
        let end = (start + group).min(last);
        for row in 0..rows {
            let point = &x[row * d..][..d];
            let out = &mut out[row * stride..];
            let mut panel = start;
            while panel + PANELS <= end {
                let mut slices = [panels.panel(panel); PANELS];
                for j in 1..PANELS {
                    slices[j] = panels.panel(panel + j);
                }
                let tile = tile::<S, T, M, PANELS, REGISTERS>(metric, point, slices);
                for j in 0..PANELS {
                    write::<S, T, REGISTERS>(tile[j], panel + j, &columns, out);
                }
                panel += PANELS;
            }
            while panel < end {
                let tile = tile::<S, T, M, 1, REGISTERS>(metric, point, [panels.panel(panel)]);
                write::<S, T, REGISTERS>(tile[0], panel, &columns, out);
                panel += 1;
            }
        }
        start = end;
    }
}

/// Distances of a point to the points of `PANELS` panels.
#[inline(always)]
pub(super) fn tile<S: Simd, T: Scalar, M: Metric<T>, const PANELS: usize, const REGISTERS: usize>(
    metric: M,
    point: &[T],
    panels: [&[T]; PANELS],
) -> [[T::Register<S>; REGISTERS]; PANELS] {
    let mut largest = [[T::Register::<S>::splat(T::ZERO); REGISTERS]; PANELS];
    if M::NEEDS_LARGEST {
        largest = fold::<S, T, Chebyshev, PANELS, REGISTERS>(Chebyshev, point, panels, largest);
    }
    let mut sums = fold::<S, T, M, PANELS, REGISTERS>(metric, point, panels, largest);
    for j in 0..PANELS {
        for r in 0..REGISTERS {
            sums[j][r] = metric.finish(sums[j][r], largest[j][r]);
        }
    }
    sums
}

/// The metric's sums over the coordinates.
#[inline(always)]
fn fold<S: Simd, T: Scalar, M: Metric<T>, const PANELS: usize, const REGISTERS: usize>(
    metric: M,
    point: &[T],
    panels: [&[T]; PANELS],
    largest: [[T::Register<S>; REGISTERS]; PANELS],
) -> [[T::Register<S>; REGISTERS]; PANELS] {
    let lanes = T::Register::<S>::LANES;
    let mut panels = panels;
    // Said once here, the lengths need no check in the loop.
    for j in 0..PANELS {
        panels[j] = &panels[j][..point.len() * WIDTH];
    }
    let mut sums = [[T::Register::<S>::splat(T::ZERO); REGISTERS]; PANELS];
    for k in 0..point.len() {
        let x = T::Register::<S>::splat(point[k]);
        for j in 0..PANELS {
            let column = &panels[j][k * WIDTH..][..WIDTH];
            for r in 0..REGISTERS {
                let y = T::Register::<S>::load(&column[r * lanes..]);
                sums[j][r] = metric.accumulate(sums[j][r], x - y, largest[j][r]);
            }
        }
    }
    sums
}

/// Writes those of a panel's 16 distances that lie in `columns`.
#[inline(always)]
fn write<S: Simd, T: Scalar, const REGISTERS: usize>(
    registers: [T::Register<S>; REGISTERS],
    panel: usize,
    columns: &Range<usize>,
    out: &mut [T],
) {
    let lanes = T::Register::<S>::LANES;
    let (first, last) = (panel * WIDTH, (panel + 1) * WIDTH);
    if columns.start <= first && last <= columns.end {
        let out = &mut out[first - columns.start..][..WIDTH];
        for r in 0..REGISTERS {
            registers[r].store(&mut out[r * lanes..]);
        }
    } else {
        let mut buffer = [T::ZERO; WIDTH];
        for r in 0..REGISTERS {
            registers[r].store(&mut buffer[r * lanes..]);
        }
        let (from, to) = (columns.start.max(first), columns.end.min(last));
        out[from - columns.start..to - columns.start].copy_from_slice(&buffer[from - first..to - first]);
    }
}

dispatch! {
    /// The distance of the point `x` to the point `column` of `panels`, by the operations that [`distances`] does.
    pub(super) fn distance<T: Scalar, M: Metric<T>>(
        metric: M,
        x: &[T],
        panels: &Panels<T>,
        column: usize,
    ) -> T = distance_kernel
}

#[inline(always)]
fn distance_kernel<S: Simd, T: Scalar, M: Metric<T>>(
    metric: M,
    x: &[T],
    panels: &Panels<T>,
    column: usize,
) -> T {
    let panel = &panels.panel(column / WIDTH)[..x.len() * WIDTH];
    let lane = column % WIDTH;
    let zero = T::Register::<S>::splat(T::ZERO);
    let mut largest = zero;
    if M::NEEDS_LARGEST {
        for k in 0..x.len() {
            let difference = T::Register::<S>::splat(x[k]) - T::Register::<S>::splat(panel[k * WIDTH + lane]);
            largest = Chebyshev.accumulate(largest, difference, zero);
        }
    }
    let mut sum = zero;
    for k in 0..x.len() {
        let difference = T::Register::<S>::splat(x[k]) - T::Register::<S>::splat(panel[k * WIDTH + lane]);
        sum = metric.accumulate(sum, difference, largest);
    }
    let mut out = [T::ZERO; WIDTH];
    metric.finish(sum, largest).store(&mut out);
    out[0]
}
