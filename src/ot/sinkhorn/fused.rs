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
//! is NaN while costs and weights are finite, however large; potentials saturate at a 64th of the largest number.
//!
//! # Accuracy
//!
//! In `f32` exponents are rounded to about EPS max(|u|, |v|): the residual does not fall below a few times that,
//! which is 1e-5 for potentials of 100 ε. Sums over rows and columns add less.
//!
//! # Cost
//!
//! n m exponentials and what the costs take; per pair one fused multiply-add, two additions and 15 instructions of the
//! exponential, and one multiply-add into q. A block of at most 2^16 costs stays in the second-level cache between its
//! three passes; for m > 2^16 a block is one row. Memory: n + 9 m numbers and eight blocks.

use super::CostBlocks;
use super::kernels::{Limits, add_rows, exponentials, shifted_exponentials, update_columns, update_rows};
use crate::parallel;
use crate::scalar::Scalar;
use std::ops::Range;

/// Rows of a block: the costs compute faster for eight at once, and the column sums are read and written once for them.
const BLOCK_ROWS: usize = 32;

/// Costs of a block of several rows: 256 KiB of `f32`, what second-level caches hold.
const BLOCK_COSTS: usize = 1 << 16;

/// Parts of the rows that are computed side by side, each with its own column sums.
const PARTS: usize = 8;

/// Pairs from which on the rows are cut into parts: less is done in 0.2 ms.
const PAIRS_TO_CUT: usize = 1 << 18;

/// The scaled potentials of an entropic problem, and the room to improve them in.
///
/// One iteration allocates where the shape is new, and never again.
pub(crate) struct Scaling<A> {
    /// u = f/ε: (n).
    pub(crate) u: Vec<A>,
    /// v = g/ε + ln b: (m).
    pub(crate) v: Vec<A>,
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
    fn new(rows: usize, columns: usize, rows_at_once: usize) -> Self {
        let block_rows =
            (BLOCK_COSTS / columns.max(1)).clamp(1, 8).max(rows_at_once).min(BLOCK_ROWS).min(rows);
        let part_rows = if rows.saturating_mul(columns) > PAIRS_TO_CUT {
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
}

impl<A: Scalar> Scaling<A> {
    /// From potentials f (n) and g (m) in units of the cost. Where f is not known, zeros and
    /// [`source_half`](Self::source_half) do.
    ///
    /// # Panics
    /// If f or g is empty, there are not as many weights as g, a weight or ε is not positive.
    pub(crate) fn from_potentials(f: &[A], g: &[A], target_weights: &[A], epsilon: A) -> Self {
        assert!(!f.is_empty() && !g.is_empty(), "a problem needs sources and targets");
        let mut scaling = Self { u: vec![A::ZERO; f.len()], v: vec![A::ZERO; g.len()], parts: Vec::new() };
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
        Cut::new(costs.rows(), costs.columns(), costs.rows_at_once()).parts
    }

    /// The first half of an iteration: u from v, and the column sums of the plan of the new u and the old v, for
    /// [`target_step`](Self::target_step), [`columns`](Self::columns) and [`residual`](Self::residual). v stays.
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

    /// Σ |qⱼ - bⱼ| of the last source step, without moving v.
    pub(crate) fn residual(&self, target_weights: &[A]) -> A {
        assert_eq!(target_weights.len(), self.v.len(), "number of target weights");
        let terms = self.columns().zip(target_weights).map(|(q, b)| (q.to_f64() - b.to_f64()).abs());
        A::from_f64(terms.sum())
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
        let cut = Cut::new(rows, columns, costs.rows_at_once());
        assert_eq!(visitors.len(), cut.parts, "number of visitors");
        self.parts.resize_with(cut.parts, || Part {
            block: vec![A::ZERO; cut.block_rows * columns],
            columns: vec![A::ZERO; columns],
            sums: [A::ZERO; BLOCK_ROWS],
            factors: [A::ZERO; BLOCK_ROWS],
        });
        // An infinite factor would make NaN of a cost of zero.
        let inverse = A::from_f64(1.0 / epsilon.to_f64());
        let pass = Pass {
            costs,
            v: &self.v,
            inverse_epsilon: if inverse.is_finite() { inverse } else { A::MAX },
            limits: Limits::new(),
            block_rows: cut.block_rows,
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
        let Part { block, columns, sums, factors } = part;
        columns.fill(A::ZERO);
        for rows in self.blocks(u.len()) {
            let (weights, u) = (&weights[rows.clone()], &mut u[rows.clone()]);
            let count = rows.len();
            let block = &mut block[..count * self.v.len()];
            let (sums, factors) = (&mut sums[..count], &mut factors[..count]);
            self.costs.block_into(first + rows.start..first + rows.end, 0..self.v.len(), block);
            exponentials(block, u, self.v, self.inverse_epsilon, sums);
            update_rows(sums, weights, relaxation, self.limits, u, factors);
            for k in 0..count {
                if !self.limits.accept(sums[k]) {
                    let row = &mut block[k * self.v.len()..][..self.v.len()];
                    let index = first + rows.start + k;
                    self.costs.block_into(index..index + 1, 0..self.v.len(), row);
                    let sum;
                    (u[k], sum) = self.soft_minimum(row);
                    factors[k] = self.limits.scale * weights[k] / sum;
                }
            }
            add_rows(block, factors, columns);
            visitor.rows(first + rows.start, block, factors);
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
