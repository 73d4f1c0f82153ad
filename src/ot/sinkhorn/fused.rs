//! The fused Sinkhorn iteration: one pass over the costs, one exponential a pair.
//!
//! For costs C (n, m), weights a (n) and b (m) that each sum to one, and ε > 0, Sinkhorn's iteration finds the potentials
//! f, g for which Pᵢⱼ = aᵢ bⱼ exp((fᵢ + gⱼ - Cᵢⱼ)/ε) has the marginals a and b. Here u = f/ε and v = g/ε + ln b, and one
//! pass does both half-steps:
//!
//! ```text
//! for each row i:  eⱼ = exp(uᵢ + vⱼ - Cᵢⱼ/ε)    s = Σⱼ eⱼ    uᵢ -= ω ln s    qⱼ += aᵢ s^-ω eⱼ
//! then:            residual = Σⱼ |qⱼ - bⱼ|      vⱼ -= ω ln(qⱼ / bⱼ)
//! ```
//!
//! aᵢ s^-ω eⱼ is the plan's entry under the new u, so q is its column marginal and no second exponential is needed (the
//! half-steps: Sinkhorn 1964; Cuturi, *Sinkhorn distances*, 2013). ω = 1 is Sinkhorn's iteration, ω up to 2 its
//! over-relaxation (Thibault, Chizat, Dossal, Papadakis, *Overrelaxed Sinkhorn-Knopp algorithm*, 2021).
//!
//! # Range
//!
//! The exponents are not shifted by their maximum: near a fixed point s is near one, and u itself is the shift. Where s is
//! not, because u stems from elsewhere, the row is computed again with the shift, and with ω = 1. Columns have no such
//! way back within one pass: one in which every exponential vanished is lifted step by step until it is seen again. Nothing
//! is NaN while costs, weights and 1/ε are finite in `A`, however large; potentials saturate at a 64th of the largest number.
//!
//! # Accuracy
//!
//! In `f32` exponents are rounded to about EPS max(|u|, |v|): the residual does not fall below a few times that,
//! which is 1e-5 for potentials of 100 ε. Sums over rows and columns add less.
//!
//! # Cost
//!
//! n m exponentials of base 2, with u rounded to a power of two that costs nothing (`kernels/lifted`). For points of
//! few coordinates the costs never leave the registers: with d of them 2 d + 13 instructions for a register of `f32`
//! pairs and one more for the column sums, 18 for d = 2. Stored costs are read where they are; others go through a
//! block in the second-level cache, as the exponentials do on their way to the column sums.
//!
//! On one thread of an AVX2 machine (Zen 3; bench `sinkhorn`), in G pairs/s of `f32` and `f64`, where the crate's
//! `exp` alone does 2.3 and 0.8:
//!
//! | n | d = 2 | d = 3 | d = 64, kept | stored |
//! | --- | --- | --- | --- | --- |
//! | 1024 | 2.4, 1.0 | 2.2, 0.9 | 2.8, 1.0 | 2.8, 1.0 |
//! | 4096 | 2.6, 1.0 | 2.4, 0.9 | 2.0, 0.8 | 1.9, 0.9 |
//!
//! Memory: n + (9 + d) m numbers and eight blocks.

use super::kernels::{
    Columns, Limits, PADDING, add_rows, lifted_blocks, lifted_points, lifted_stored, shifted_exponentials,
    update_columns, update_rows,
};
use super::{CostBlocks, ProductCosts, Shortcut};
use crate::matrix::MatrixView;
use crate::parallel;
use crate::scalar::Scalar;
use std::ops::Range;

/// Rows of a block at most: the costs may compute faster for several at once.
const BLOCK_ROWS: usize = 32;

/// Costs of a block of several rows: 256 KiB of `f32`, what second-level caches hold.
const BLOCK_COSTS: usize = 1 << 16;

/// Rows of a block where costs do not go through it: column sums are read and written once for them, and exponentials of a
/// thousand columns stay in the first-level cache.
const SHORTCUT_ROWS: usize = 4;

/// Exponentials of a block of several rows there. Beyond the second-level cache it still pays to share the columns.
const SHORTCUT_COSTS: usize = 1 << 19;

/// Costs of a block that is a matrix product, which packs the targets for each block anew.
const PRODUCT_COSTS: usize = 1 << 20;

/// Parts of the rows that are computed side by side, each with its own column sums.
const PARTS: usize = 8;

/// Pairs from which on the rows are cut into parts: less is done in 0.05 ms.
const PAIRS_TO_CUT: usize = 1 << 17;

/// The scaled potentials of an entropic problem, and the room to improve them in.
///
/// One iteration allocates where the shape is new, and never again.
pub(crate) struct Scaling<A> {
    /// u = f/ε: (n).
    pub(crate) u: Vec<A>,
    /// v = g/ε + ln b: (m).
    pub(crate) v: Vec<A>,
    /// What the kernels read for each column: w, and the coordinates of its point where they are read.
    columns: Vec<A>,
    parts: Vec<Part<A>>,
}

/// What looks at the plan while a pass makes it, block by block: one visitor for each part of the rows.
pub(crate) trait RowVisitor<A>: Send {
    /// The rows from `first` on, as many as there are factors. Their `exponentials` (rows, m) are still in the cache;
    /// Pᵢⱼ = `factors[i] * exponentials[i, j]` / [`Scaling::column_scale`] is the plan of the new u and the old v.
    fn rows(&mut self, first: usize, exponentials: &[A], factors: &[A]);
}

/// Looks away.
impl<A> RowVisitor<A> for () {
    fn rows(&mut self, _: usize, _: &[A], _: &[A]) {}
}

/// What a part of the rows works in.
struct Part<A> {
    /// Costs, then exponentials: (rows of a block, m).
    block: Vec<A>,
    /// Its column sums, times `Limits::scale`: (m).
    columns: Vec<A>,
    sums: [A; BLOCK_ROWS],
    lifts: [A; BLOCK_ROWS],
    factors: [A; BLOCK_ROWS],
}

/// How rows are cut, by the shape alone.
#[derive(Clone, Copy)]
struct Cut {
    block_rows: usize,
    part_rows: usize,
    parts: usize,
}

impl Cut {
    fn new<A: Scalar>(costs: &impl CostBlocks<A>) -> Self {
        let (rows, columns) = (costs.rows(), costs.columns());
        let block_rows = match costs.shortcut() {
            Shortcut::None => {
                let fitting = (BLOCK_COSTS / columns.max(1)).clamp(1, 8);
                fitting.max(costs.rows_at_once()).min(BLOCK_ROWS)
            }
            Shortcut::Products(_) => (PRODUCT_COSTS / columns.max(1)).clamp(SHORTCUT_ROWS, BLOCK_ROWS),
            _ => (SHORTCUT_COSTS / columns.max(1)).clamp(1, SHORTCUT_ROWS),
        };
        let block_rows = block_rows.min(rows);
        let part_rows = if rows.saturating_mul(columns) >= PAIRS_TO_CUT {
            rows.div_ceil(PARTS).next_multiple_of(block_rows)
        } else {
            rows
        };
        Self { block_rows, part_rows, parts: rows.div_ceil(part_rows) }
    }
}

/// What stays the same in a pass.
struct Pass<'a, A, C> {
    costs: &'a C,
    v: &'a [A],
    inverse_epsilon: A,
    limits: Limits<A>,
    block_rows: usize,
    columns: Columns<'a, A>,
    /// How costs are read.
    reading: Reading<'a, A>,
    /// The largest shift of a row that its exponentials can take.
    largest_lift: A,
}

/// How a pass reads costs.
#[derive(Clone, Copy)]
enum Reading<'a, A> {
    Blocks,
    Stored(MatrixView<'a, A>),
    Products(&'a ProductCosts<A>),
    Points {
        dimension: usize,
        is_root: bool,
        /// (n, d)
        x: &'a [A],
        /// (d, m padded), scaled.
        y: &'a [A],
        scale: A,
    },
}

impl<A: Scalar> Scaling<A> {
    /// From potentials f (n) and g (m) in units of the cost. Where f is not known, zeros and
    /// [`source_half`](Self::source_half) do.
    ///
    /// # Panics
    /// If f or g is empty, there are not as many weights as g, a weight or ε is not positive.
    pub(crate) fn from_potentials(f: &[A], g: &[A], target_weights: &[A], epsilon: A) -> Self {
        assert!(!f.is_empty() && !g.is_empty(), "a problem needs sources and targets");
        let mut scaling = Self {
            u: vec![A::ZERO; f.len()],
            v: vec![A::ZERO; g.len()],
            columns: Vec::new(),
            parts: Vec::new(),
        };
        scaling.set_potentials(f, g, target_weights, epsilon);
        scaling
    }

    /// Takes other potentials, or other weights and another ε, without allocating.
    ///
    /// # Panics
    /// As [`from_potentials`](Self::from_potentials), and if f or g changes in length.
    pub(crate) fn set_potentials(&mut self, f: &[A], g: &[A], target_weights: &[A], epsilon: A) {
        assert!(epsilon > A::ZERO, "epsilon {epsilon} must be positive");
        assert_eq!((f.len(), g.len()), (self.u.len(), self.v.len()), "number of potentials");
        assert_eq!(target_weights.len(), self.v.len(), "number of target weights");
        let bound = Limits::<A>::new().largest_potential.to_f64();
        let scaled = |potential: f64| potential / epsilon.to_f64();
        for (u, &f) in self.u.iter_mut().zip(f) {
            *u = A::from_f64(scaled(f.to_f64()).clamp(-bound, bound));
        }
        for ((v, &g), &weight) in self.v.iter_mut().zip(g).zip(target_weights) {
            assert!(weight > A::ZERO, "a target weight is {weight}: columns without mass must be left out");
            *v = A::from_f64((scaled(g.to_f64()) + weight.to_f64().ln()).clamp(-bound, bound));
        }
    }

    /// f = ε u, in units of the cost.
    pub(crate) fn source_potentials(&self, epsilon: A) -> Vec<A> {
        self.u.iter().map(|u| A::from_f64(u.to_f64() * epsilon.to_f64())).collect()
    }

    /// g = ε (v - ln b), in units of the cost.
    pub(crate) fn target_potentials(&self, target_weights: &[A], epsilon: A) -> Vec<A> {
        let unscaled =
            |(v, weight): (&A, &A)| A::from_f64((v.to_f64() - weight.to_f64().ln()) * epsilon.to_f64());
        self.v.iter().zip(target_weights).map(unscaled).collect()
    }

    /// One iteration: u from v, then v from u. Gives Σ |qⱼ - bⱼ| for the column marginal q between the two: of the plan
    /// of the new u and the old v, whose row marginal is a where ω is one.
    ///
    /// Any u may stand there before, NaN too, but from a u far off the pass takes twice as long. v must not be NaN.
    ///
    /// # Panics
    /// If shapes do not agree, ε is not positive, or `relaxation` is not within (0, 2].
    pub(crate) fn iterate<C: CostBlocks<A>>(
        &mut self,
        costs: &C,
        source_weights: &[A],
        target_weights: &[A],
        epsilon: A,
        relaxation: A,
    ) -> A {
        let nobody = &mut [(); PARTS][..self.parts(costs)];
        self.source_step(costs, source_weights, epsilon, relaxation, nobody);
        self.target_step(target_weights, relaxation)
    }

    /// How many parts the rows are cut into for these costs, by the shape alone: so many visitors
    /// [`source_step`](Self::source_step) takes.
    pub(crate) fn parts<C: CostBlocks<A>>(&self, costs: &C) -> usize {
        Cut::new(costs).parts
    }

    /// The first half of an iteration: u from v, and the column sums of the plan of the new u and the old v, for
    /// [`target_step`](Self::target_step) and [`columns`](Self::columns). v stays.
    ///
    /// Visitors see the rows of the parts in order, on the thread that computes the part.
    ///
    /// # Panics
    /// As [`iterate`](Self::iterate), and if there are not as many visitors as [`parts`](Self::parts).
    pub(crate) fn source_step<C: CostBlocks<A>, V: RowVisitor<A>>(
        &mut self,
        costs: &C,
        source_weights: &[A],
        epsilon: A,
        relaxation: A,
        visitors: &mut [V],
    ) {
        assert_eq!(source_weights.len(), self.u.len(), "number of source weights");
        assert!(relaxation > A::ZERO && relaxation <= A::from_f64(2.0), "relaxation {relaxation}");
        self.for_each_part(costs, epsilon, visitors, |pass, part, first, u, visitor| {
            pass.iterate_rows(part, first, &source_weights[first..][..u.len()], relaxation, u, visitor);
        });
        let (total, others) = self.parts.split_first_mut().expect("a part at least");
        for part in others {
            add_rows(&part.columns, &[A::ONE], &mut total.columns);
        }
    }

    /// The second half: v from the column sums of the [`source_step`](Self::source_step) before, which must not be used
    /// twice for this. Gives Σ |qⱼ - bⱼ|.
    ///
    /// # Panics
    /// If there was none, or there are not as many weights as v.
    pub(crate) fn target_step(&mut self, target_weights: &[A], relaxation: A) -> A {
        assert_eq!(target_weights.len(), self.v.len(), "number of target weights");
        let columns = &self.parts.first().expect("a source step before").columns;
        update_columns(columns, target_weights, relaxation, Limits::new(), &mut self.v)
    }

    /// q, the column sums of the plan of the last source step.
    ///
    /// # Panics
    /// If there was none.
    pub(crate) fn columns(&self) -> impl ExactSizeIterator<Item = A> + '_ {
        let unscale = A::ONE / Self::column_scale();
        self.parts.first().expect("a source step before").columns.iter().map(move |&q| q * unscale)
    }

    /// What column sums and the factors of rows are kept times: a power of two.
    pub(crate) fn column_scale() -> A {
        Limits::<A>::new().scale
    }

    /// The rows' half alone: uᵢ = -ln Σⱼ exp(vⱼ - Cᵢⱼ/ε), whatever u was before. So the rows of the plan sum to a.
    ///
    /// Each row is shifted by its maximum: right for any finite v.
    ///
    /// # Panics
    /// If shapes do not agree or ε is not positive.
    pub(crate) fn source_half<C: CostBlocks<A>>(&mut self, costs: &C, epsilon: A) {
        let nobody = &mut [(); PARTS][..self.parts(costs)];
        self.for_each_part(costs, epsilon, nobody, |pass, part, first, u, ()| {
            pass.soft_minimum_rows(part, first, u)
        });
    }

    /// `function` on each part of the rows: with its workspace, its first row, its piece of u and its visitor.
    fn for_each_part<C: CostBlocks<A>, V: Send>(
        &mut self,
        costs: &C,
        epsilon: A,
        visitors: &mut [V],
        function: impl Fn(&Pass<'_, A, C>, &mut Part<A>, usize, &mut [A], &mut V) + Sync + Send,
    ) {
        let (rows, columns) = (self.u.len(), self.v.len());
        assert_eq!((costs.rows(), costs.columns()), (rows, columns), "shape of the costs");
        assert!(epsilon > A::ZERO, "epsilon {epsilon} must be positive");
        let cut = Cut::new(costs);
        assert_eq!(visitors.len(), cut.parts, "number of visitors");
        self.parts.resize_with(cut.parts, || Part {
            block: vec![A::ZERO; cut.block_rows * columns],
            columns: vec![A::ZERO; columns],
            sums: [A::ZERO; BLOCK_ROWS],
            lifts: [A::ZERO; BLOCK_ROWS],
            factors: [A::ZERO; BLOCK_ROWS],
        });
        // An infinite factor would make NaN of a cost of zero.
        let finite = |value: f64| {
            let value = A::from_f64(value);
            if value.is_finite() { value } else { A::MAX }
        };
        let inverse_epsilon = finite(1.0 / epsilon.to_f64());
        let slope = finite(std::f64::consts::LOG2_E / epsilon.to_f64());
        let limits = Limits::new();
        let points = match costs.shortcut() {
            Shortcut::Points(points) => points.scale(slope).map(|scale| (points, scale)),
            _ => None,
        };
        let stride = columns.next_multiple_of(PADDING);
        let coordinates: &[A] = points.map_or(&[], |(points, _)| &points.y);
        self.columns.resize(stride + coordinates.len(), A::ZERO);
        let (w, y) = self.columns.split_at_mut(stride);
        let minus_log2_e = A::from_f64(-std::f64::consts::LOG2_E);
        w.iter_mut().zip(&self.v).for_each(|(w, &v)| *w = v * minus_log2_e);
        w[columns..].fill(limits.largest_potential);
        if let Some((_, scale)) = points {
            y.iter_mut().zip(coordinates).for_each(|(y, &given)| *y = given * scale);
        }
        let reading = match (costs.shortcut(), points) {
            (Shortcut::Stored(costs), _) => Reading::Stored(costs),
            (Shortcut::Products(products), _) => Reading::Products(products),
            (_, Some((points, scale))) => Reading::Points {
                dimension: points.dimension,
                is_root: points.is_root,
                x: &points.x,
                y,
                scale,
            },
            _ => Reading::Blocks,
        };
        let pass = Pass {
            costs,
            v: &self.v,
            inverse_epsilon,
            limits,
            block_rows: cut.block_rows,
            columns: Columns { w, count: columns, slope },
            reading,
            largest_lift: A::from_f64(0.125 / A::EPSILON.to_f64()),
        };
        let mut pieces = self.parts.iter_mut().zip(self.u.chunks_mut(cut.part_rows)).zip(visitors);
        let mut pieces: [_; PARTS] = std::array::from_fn(|_| pieces.next());
        parallel::for_each_chunk_mut(&mut pieces[..cut.parts], 1, |index, piece| {
            if let Some(((part, u), visitor)) = &mut piece[0] {
                function(&pass, part, index * cut.part_rows, u, visitor);
            }
        });
    }
}

impl<A: Scalar, C: CostBlocks<A>> Pass<'_, A, C> {
    /// The blocks of `count` rows from `first` on, as positions in the part.
    fn blocks(&self, count: usize) -> impl Iterator<Item = Range<usize>> + use<A, C> {
        let step = self.block_rows;
        (0..count).step_by(step).map(move |start| start..(start + step).min(count))
    }

    /// Updates u of the rows from `first` on, and sums up the columns of the plan with the new u.
    fn iterate_rows(
        &self,
        part: &mut Part<A>,
        first: usize,
        weights: &[A],
        relaxation: A,
        u: &mut [A],
        visitor: &mut impl RowVisitor<A>,
    ) {
        let Part { block, columns, sums, lifts, factors } = part;
        columns.fill(A::ZERO);
        for rows in self.blocks(u.len()) {
            let (weights, u) = (&weights[rows.clone()], &mut u[rows.clone()]);
            let count = rows.len();
            let block = &mut block[..count * self.v.len()];
            let (sums, lifts, factors) = (&mut sums[..count], &mut lifts[..count], &mut factors[..count]);
            for (lift, u) in lifts.iter_mut().zip(&*u) {
                *lift = self.lift(*u).unwrap_or(A::ZERO);
            }
            let first = first + rows.start;
            self.exponentials(first..first + count, lifts, block, sums);
            for (sum, u) in sums.iter_mut().zip(&*u) {
                if self.lift(*u).is_none() {
                    *sum = A::NAN;
                }
            }
            update_rows(sums, weights, lifts, relaxation, self.limits, u, factors);
            for k in 0..count {
                if !self.limits.accept(sums[k]) {
                    let row = &mut block[k * self.v.len()..][..self.v.len()];
                    self.costs.block_into(first + k..first + k + 1, 0..self.v.len(), row);
                    let sum;
                    (u[k], sum) = self.soft_minimum(row);
                    factors[k] = self.limits.scale * weights[k] / sum;
                }
            }
            add_rows(block, factors, columns);
            visitor.rows(first, block, factors);
        }
    }

    /// The power of two that stands for this u; none for NaN and for a u so large that its rounding swamps the exponents.
    fn lift(&self, u: A) -> Option<A> {
        let lift = (u.to_f64() * std::f64::consts::LOG2_E).round_ties_even();
        (lift.abs() <= self.largest_lift.to_f64()).then_some(A::from_f64(lift))
    }

    /// The exponentials of these rows under their lifts, and their sums.
    fn exponentials(&self, rows: Range<usize>, lifts: &[A], block: &mut [A], sums: &mut [A]) {
        match self.reading {
            Reading::Blocks => {
                self.costs.block_into(rows, 0..self.v.len(), block);
                lifted_blocks(self.columns, lifts, block, sums);
            }
            Reading::Stored(costs) => lifted_stored(costs.rows_range(rows), self.columns, lifts, block, sums),
            Reading::Products(products) => {
                products.block_into(rows, block);
                lifted_blocks(self.columns, lifts, block, sums);
            }
            Reading::Points { dimension, is_root, x, y, scale } => {
                let x = &x[rows.start * dimension..rows.end * dimension];
                lifted_points(dimension, is_root, x, y, scale, self.columns, lifts, block, sums);
            }
        }
    }

    /// Replaces u of the rows from `first` on by the soft minimum.
    fn soft_minimum_rows(&self, part: &mut Part<A>, first: usize, u: &mut [A]) {
        for rows in self.blocks(u.len()) {
            let block = &mut part.block[..rows.len() * self.v.len()];
            self.costs.block_into(first + rows.start..first + rows.end, 0..self.v.len(), block);
            for (costs, u) in block.chunks_exact_mut(self.v.len()).zip(&mut u[rows]) {
                (*u, _) = self.soft_minimum(costs);
            }
        }
    }

    /// u of one row from its costs, and the sum of its exponentials, which replace the costs, under the largest exponent.
    fn soft_minimum(&self, costs: &mut [A]) -> (A, A) {
        let (largest, sum) = shifted_exponentials(costs, self.v, self.inverse_epsilon, self.limits);
        (A::from_f64(-(largest.to_f64() + sum.to_f64().ln())), sum)
    }
}

#[cfg(test)]
mod tests;
