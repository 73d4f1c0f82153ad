//! Exponentials of base 2, with a power of two for a shift: the fast way through a pass.
//!
//! Everything is in units of ε ln 2: w = -v/(ε ln 2) for the columns, and costs times `slope` = 1/(ε ln 2). A row takes an
//! integer m near u/(ε ln 2), which goes into the exponent field with the rest of it and costs nothing:
//!
//! ```text
//! eⱼ = 2^(m - (slope Cᵢⱼ + wⱼ))    s = Σⱼ eⱼ
//! ```
//!
//! For points and squared distances slope Cᵢⱼ is the squared distance of points scaled by its root, one subtraction and one
//! multiply-add a coordinate, and costs never go through memory. With two coordinates a register of `f32` takes 17 instructions in
//! all and its column sums one more: on a processor with two vector units of 512 bits at 2.5 GHz, 4.4 G pairs/s at most.
//!
//! Columns are taken in chunks that stay in the first-level cache for all rows of a block.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use super::Register;
use crate::matrix::MatrixView;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::exp::{Lift, exp2_lifted};
use crate::simd::lanes::{Lanes, Simd};

/// Columns of a chunk.
const CHUNK: usize = 512;

/// Registers side by side: with more, AVX2 runs out of registers.
const GROUP: usize = 4;

/// w and the coordinates are filled up to a multiple of this, so that registers may read past the last column.
pub(in crate::ot::sinkhorn) const PADDING: usize = 16;

/// What a pass reads for each column.
#[derive(Clone, Copy)]
pub(in crate::ot::sinkhorn) struct Columns<'a, A> {
    /// w: (m), and after it numbers so large that the exponentials are zero, up to a multiple of [`PADDING`].
    pub w: &'a [A],
    /// m.
    pub count: usize,
    /// 1/(ε ln 2).
    pub slope: A,
}

/// Where the costs of a row come from: a piece of a row at a time.
trait Source<S: Simd, A: Scalar>: Copy {
    /// The columns from `first` on, `padded` of them.
    fn chunk(self, first: usize, padded: usize) -> Self;

    /// Costs in units of ε ln 2 plus `w` for the register of columns from `start` on, which all exist. `out` is what stands where
    /// their exponentials go.
    fn exponent(self, start: usize, out: &[A], w: Register<S, A>) -> Register<S, A>;

    /// The same for fewer columns than a register has: as many as `out`.
    fn last_exponent(self, start: usize, out: &[A], w: Register<S, A>) -> Register<S, A>;
}

/// A row of a block of costs, which its exponentials replace.
#[derive(Clone, Copy)]
struct InPlace<A> {
    slope: A,
}

impl<S: Simd, A: Scalar> Source<S, A> for InPlace<A> {
    #[inline(always)]
    fn chunk(self, _: usize, _: usize) -> Self {
        self
    }

    #[inline(always)]
    fn exponent(self, _: usize, out: &[A], w: Register<S, A>) -> Register<S, A> {
        Register::<S, A>::load(out).mul_add(Register::<S, A>::splat(self.slope), w)
    }

    #[inline(always)]
    fn last_exponent(self, _: usize, out: &[A], w: Register<S, A>) -> Register<S, A> {
        Register::<S, A>::load_partial(out, A::ZERO).mul_add(Register::<S, A>::splat(self.slope), w)
    }
}

/// A row of stored costs.
#[derive(Clone, Copy)]
struct Stored<'a, A> {
    costs: &'a [A],
    slope: A,
}

impl<S: Simd, A: Scalar> Source<S, A> for Stored<'_, A> {
    #[inline(always)]
    fn chunk(self, first: usize, _: usize) -> Self {
        Self { costs: &self.costs[first..], ..self }
    }

    #[inline(always)]
    fn exponent(self, start: usize, _: &[A], w: Register<S, A>) -> Register<S, A> {
        Register::<S, A>::load(&self.costs[start..]).mul_add(Register::<S, A>::splat(self.slope), w)
    }

    #[inline(always)]
    fn last_exponent(self, start: usize, out: &[A], w: Register<S, A>) -> Register<S, A> {
        let costs = Register::<S, A>::load_partial(&self.costs[start..start + out.len()], A::ZERO);
        costs.mul_add(Register::<S, A>::splat(self.slope), w)
    }
}

/// A point x against points y, all scaled: squared distances, or with `ROOT` distances.
#[derive(Clone, Copy)]
struct Point<'a, S: Simd, A: Scalar, const D: usize, const ROOT: bool> {
    x: [Register<S, A>; D],
    y: [&'a [A]; D],
}

impl<S: Simd, A: Scalar, const D: usize, const ROOT: bool> Source<S, A> for Point<'_, S, A, D, ROOT> {
    #[inline(always)]
    fn chunk(mut self, first: usize, padded: usize) -> Self {
        for k in 0..D {
            self.y[k] = &self.y[k][first..first + padded];
        }
        self
    }

    #[inline(always)]
    fn exponent(self, start: usize, _: &[A], w: Register<S, A>) -> Register<S, A> {
        if ROOT {
            let first = self.x[0] - Register::<S, A>::load(&self.y[0][start..]);
            let mut square = first * first;
            for k in 1..D {
                let difference = self.x[k] - Register::<S, A>::load(&self.y[k][start..]);
                square = difference.mul_add(difference, square);
            }
            return square.sqrt() + w;
        }
        let mut sum = w;
        for k in 0..D {
            let difference = self.x[k] - Register::<S, A>::load(&self.y[k][start..]);
            sum = difference.mul_add(difference, sum);
        }
        sum
    }

    #[inline(always)]
    fn last_exponent(self, start: usize, out: &[A], w: Register<S, A>) -> Register<S, A> {
        // The coordinates are filled up.
        self.exponent(start, out, w)
    }
}

/// A chunk of a row: its exponentials into `out`, and their sum.
#[inline(always)]
fn row_chunk<S: Simd, A: Scalar, C: Source<S, A>>(
    source: C,
    lift: Lift<Register<S, A>>,
    w: &[A],
    out: &mut [A],
) -> A {
    let lanes = Register::<S, A>::LANES;
    let mut total = Register::<S, A>::constant(0.0);
    let mut start = 0;
    while start + GROUP * lanes <= out.len() {
        let group = &mut out[start..start + GROUP * lanes];
        let w = &w[start..start + GROUP * lanes];
        let mut e = [total; GROUP];
        for g in 0..GROUP {
            let w = Register::<S, A>::load(&w[g * lanes..]);
            e[g] = source.exponent(start + g * lanes, &group[g * lanes..], w);
        }
        e = exp2_lifted(e, lift);
        for g in 0..GROUP {
            e[g].store(&mut group[g * lanes..]);
        }
        total = total + ((e[0] + e[1]) + (e[2] + e[3]));
        start += GROUP * lanes;
    }
    while start + lanes <= out.len() {
        let group = &mut out[start..start + lanes];
        let x = source.exponent(start, group, Register::<S, A>::load(&w[start..]));
        let [e] = exp2_lifted([x], lift);
        e.store(group);
        total = total + e;
        start += lanes;
    }
    if start < out.len() {
        let group = &mut out[start..];
        let x = source.last_exponent(start, group, Register::<S, A>::load(&w[start..]));
        let [e] = exp2_lifted([x], lift);
        e.store_partial(group);
        total = total + e;
    }
    total.reduce_sum()
}

/// All rows of a block, with what `source` makes of the number of a row.
///
/// A macro, since a closure is not compiled for the instruction set.
macro_rules! for_each_row {
    ($columns:ident, $lifts:ident, $block:ident, $sums:ident, $row:ident => $source:expr) => {
        $sums.fill(A::ZERO);
        for first in (0..$columns.count).step_by(CHUNK) {
            let count = CHUNK.min($columns.count - first);
            let padded = count.next_multiple_of(PADDING);
            let w = &$columns.w[first..first + padded];
            for ($row, out) in $block.chunks_exact_mut($columns.count).enumerate() {
                let lift = Lift::<Register<S, A>>::new($lifts[$row]);
                let source = Source::<S, A>::chunk($source, first, padded);
                $sums[$row] += row_chunk::<S, A, _>(source, lift, w, &mut out[first..first + count]);
            }
        }
    };
}

#[inline(always)]
pub(super) fn lifted_blocks_kernel<S: Simd, A: Scalar>(
    columns: Columns<'_, A>,
    lifts: &[A],
    block: &mut [A],
    sums: &mut [A],
) {
    let source = InPlace { slope: columns.slope };
    for_each_row!(columns, lifts, block, sums, row => source);
}

dispatch! {
    /// A block of costs (rows, m) becomes 2^(m - (slope Cᵢⱼ + wⱼ)), zero below the smallest normal number, and `sums` their row sums.
    /// `lifts` are the m of the rows: integers of at most 1 / (8 EPS).
    ///
    /// With finite costs and w a sum is a number from zero to infinity.
    pub(in crate::ot::sinkhorn) fn lifted_blocks<A: Scalar>(
        columns: Columns<'_, A>,
        lifts: &[A],
        block: &mut [A],
        sums: &mut [A],
    ) = lifted_blocks_kernel
}

#[inline(always)]
pub(super) fn lifted_stored_kernel<S: Simd, A: Scalar>(
    costs: MatrixView<'_, A>,
    columns: Columns<'_, A>,
    lifts: &[A],
    block: &mut [A],
    sums: &mut [A],
) {
    for_each_row!(columns, lifts, block, sums, row => Stored { costs: costs.row(row), slope: columns.slope });
}

dispatch! {
    /// The same from stored costs (rows, m), without a copy of them.
    pub(in crate::ot::sinkhorn) fn lifted_stored<A: Scalar>(
        costs: MatrixView<'_, A>,
        columns: Columns<'_, A>,
        lifts: &[A],
        block: &mut [A],
        sums: &mut [A],
    ) = lifted_stored_kernel
}

/// The same between points: x (rows, D) as they are, y (D, m padded) times `scale`.
#[inline(always)]
fn points_of<S: Simd, A: Scalar, const D: usize, const ROOT: bool>(
    x: &[A],
    y: &[A],
    scale: A,
    columns: Columns<'_, A>,
    lifts: &[A],
    block: &mut [A],
    sums: &mut [A],
) {
    let stride = columns.w.len();
    let mut coordinates = [&y[..0]; D];
    for k in 0..D {
        coordinates[k] = &y[k * stride..][..stride];
    }
    for_each_row!(columns, lifts, block, sums, row => {
        let mut point = [Register::<S, A>::constant(0.0); D];
        for k in 0..D {
            point[k] = Register::<S, A>::splat(x[row * D + k] * scale);
        }
        Point::<S, A, D, ROOT> { x: point, y: coordinates }
    });
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(super) fn lifted_points_kernel<S: Simd, A: Scalar>(
    dimension: usize,
    is_root: bool,
    x: &[A],
    y: &[A],
    scale: A,
    columns: Columns<'_, A>,
    lifts: &[A],
    block: &mut [A],
    sums: &mut [A],
) {
    match (dimension, is_root) {
        (1, false) => points_of::<S, A, 1, false>(x, y, scale, columns, lifts, block, sums),
        (2, false) => points_of::<S, A, 2, false>(x, y, scale, columns, lifts, block, sums),
        (3, false) => points_of::<S, A, 3, false>(x, y, scale, columns, lifts, block, sums),
        (4, false) => points_of::<S, A, 4, false>(x, y, scale, columns, lifts, block, sums),
        (6, false) => points_of::<S, A, 6, false>(x, y, scale, columns, lifts, block, sums),
        (8, false) => points_of::<S, A, 8, false>(x, y, scale, columns, lifts, block, sums),
        (1, true) => points_of::<S, A, 1, true>(x, y, scale, columns, lifts, block, sums),
        (2, true) => points_of::<S, A, 2, true>(x, y, scale, columns, lifts, block, sums),
        (3, true) => points_of::<S, A, 3, true>(x, y, scale, columns, lifts, block, sums),
        (4, true) => points_of::<S, A, 4, true>(x, y, scale, columns, lifts, block, sums),
        (6, true) => points_of::<S, A, 6, true>(x, y, scale, columns, lifts, block, sums),
        (8, true) => points_of::<S, A, 8, true>(x, y, scale, columns, lifts, block, sums),
        _ => unreachable!("points are filled up to one of these numbers of coordinates"),
    }
}

/// Numbers of coordinates that [`lifted_points`] is compiled for.
pub(in crate::ot::sinkhorn) const DIMENSIONS: [usize; 6] = [1, 2, 3, 4, 6, 8];

dispatch! {
    /// The same from points: costs are squared Euclidean distances, or with `is_root` Euclidean ones, of the points x: (rows, d) and
    /// the points that y / `scale` are, coordinate after coordinate: (d, m padded). `scale` is the root of the slope, or the slope itself
    /// for Euclidean distances. d is one of [`DIMENSIONS`].
    #[allow(clippy::too_many_arguments)]
    pub(in crate::ot::sinkhorn) fn lifted_points<A: Scalar>(
        dimension: usize,
        is_root: bool,
        x: &[A],
        y: &[A],
        scale: A,
        columns: Columns<'_, A>,
        lifts: &[A],
        block: &mut [A],
        sums: &mut [A],
    ) = lifted_points_kernel
}
