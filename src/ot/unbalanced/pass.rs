//! One pass over all pairs for problems whose row marginal is not given but follows from the row's soft minimum.
//!
//! With v = g/ε + ln b, a pass finds for each row φᵢ = -ln Σⱼ exp(vⱼ - Cᵢⱼ/ε), asks the caller for the mass rᵢ that
//! the row gets, and sums up the columns qⱼ = Σᵢ rᵢ eᵢⱼ/sᵢ of the plan with these row sums while the exponentials eᵢⱼ
//! (of sum sᵢ) are hot: one exponential a pair for both marginals, as in the balanced iteration. Relaxed marginals (r
//! = a exp(-ε φ/(ρ + ε))) and bounded ones (r = a min(1, exp(-φ))) differ in that answer alone.
//!
//! Exponents are shifted by the φ of the pass before; a row whose sum leaves 2^±30 (2^±254 in double precision) is
//! computed again with the shift by its maximum. So nothing under- or overflows but what is negligible in its row.
//!
//! Rows are cut into parts by the shape alone, and column sums added in the order of the parts: same bits for any number of threads.

use super::kernels::{Exponents, add_rows, exponentials, largest_exponent};
use crate::ot::sinkhorn::CostBlocks;
use crate::parallel::for_each_chunk_mut;
use crate::scalar::Scalar;
use std::ops::Range;

/// Costs of a block of several rows: 256 KiB of `f32`, what second-level caches hold.
const BLOCK_COSTS: usize = 1 << 16;

/// Parts of the rows that are computed side by side, each with its own column sums.
const PARTS: usize = 8;

/// Pairs from which on the rows are cut into parts: less is done in 0.2 ms.
const PAIRS_TO_CUT: usize = 1 << 18;

/// The room that a pass works in; it allocates once.
pub(crate) struct Pass<A> {
    block_rows: usize,
    parts: Vec<Part<A>>,
    /// (m)
    v: Vec<A>,
    /// φ: (n).
    soft_minima: Vec<f64>,
    /// q: (m).
    column_sums: Vec<f64>,
}

/// What a part of the rows works in.
struct Part<A> {
    rows: Range<usize>,
    /// Costs, then exponentials: (rows of a block, m).
    block: Vec<A>,
    /// What is added to the exponents of each row: the φ of the pass before.
    shifts: Vec<A>,
    soft_minima: Vec<f64>,
    sums: Vec<A>,
    factors: Vec<A>,
    /// Its column sums, times `scale`: (m).
    columns: Vec<A>,
}

/// The bounds that the exponent range of `A` sets.
#[derive(Clone, Copy)]
struct Limits<A> {
    /// Column sums are kept times this power of two, so that their terms are normal numbers or zero.
    scale: f64,
    /// Row sums beyond this or below its inverse are taken afresh.
    largest_sum: A,
    bound: A,
}

impl<A: Scalar> Limits<A> {
    fn new() -> Self {
        let range = A::MAX_EXPONENT;
        Self {
            scale: (range / 2.0).floor().exp2(),
            largest_sum: A::from_f64(((range / 4.0).floor() - 1.0).exp2()),
            bound: A::from_f64(A::MAX.to_f64() / 64.0),
        }
    }

    /// NaN is not accepted.
    fn accept(&self, sum: A) -> bool {
        sum <= self.largest_sum && sum * self.largest_sum >= A::ONE
    }
}

impl<A: Scalar> Pass<A> {
    /// Room for these costs.
    pub(crate) fn new(costs: &impl CostBlocks<A>) -> Self {
        let (rows, columns) = (costs.rows(), costs.columns());
        let block_rows = (BLOCK_COSTS / columns).clamp(1, 8).max(costs.rows_at_once()).min(rows);
        let part_rows = if rows.saturating_mul(columns) > PAIRS_TO_CUT {
            rows.div_ceil(PARTS).next_multiple_of(block_rows)
        } else {
            rows
        };
        let parts = (0..rows).step_by(part_rows).map(|start| {
            let rows = start..(start + part_rows).min(rows);
            Part {
                block: vec![A::ZERO; block_rows * columns],
                // Not a number: the sum of the first pass is not accepted, so that its rows are shifted by their maximum.
                shifts: vec![A::NAN; rows.len()],
                soft_minima: vec![0.0; rows.len()],
                sums: vec![A::ZERO; block_rows],
                factors: vec![A::ZERO; block_rows],
                columns: vec![A::ZERO; columns],
                rows,
            }
        });
        Self {
            block_rows,
            parts: parts.collect(),
            v: vec![A::ZERO; columns],
            soft_minima: vec![0.0; rows],
            column_sums: vec![0.0; columns],
        }
    }

    /// Sets v to g/ε + ln b less a constant, which it gives: potentials in units of ε and logarithms of the weights.
    /// Potentials may be large by a constant that the plan does not see; then `A` does not see it either. φ comes out
    /// larger by that constant.
    pub(crate) fn set_potentials(&mut self, potentials: &[f64], logs: &[f64]) -> f64 {
        let bound = Limits::<A>::new().bound.to_f64();
        let centre = potentials.iter().map(|p| p / potentials.len() as f64).sum::<f64>();
        for ((v, p), log) in self.v.iter_mut().zip(potentials).zip(logs) {
            *v = A::from_f64((p - centre + log).clamp(-bound, bound));
        }
        centre
    }

    /// The pass: φ from v, and q for the row masses whose logarithm `log_mass(i, φᵢ)` says. They should add up to about one: columns that
    /// have less than the range of `A` below that come out as zero.
    pub(crate) fn run(
        &mut self,
        costs: &impl CostBlocks<A>,
        epsilon: f64,
        log_mass: impl Fn(usize, f64) -> f64 + Sync + Send,
    ) {
        let limits = Limits::<A>::new();
        // An infinite factor would make NaN of a cost of zero.
        let inverse = A::from_f64(1.0 / epsilon);
        let inverse_epsilon = if inverse.is_finite() { inverse } else { A::MAX };
        let exponents = Exponents { v: &self.v, inverse_epsilon, bound: limits.bound };
        let block_rows = self.block_rows;
        for_each_chunk_mut(&mut self.parts, 1, |_, part| {
            part[0].run(costs, exponents, limits, block_rows, &log_mass);
        });
        let (total, others) = self.parts.split_first_mut().expect("a problem has rows");
        self.soft_minima[total.rows.clone()].copy_from_slice(&total.soft_minima);
        for part in others {
            add_rows(&part.columns, &[A::ONE], &mut total.columns);
            self.soft_minima[part.rows.clone()].copy_from_slice(&part.soft_minima);
        }
        for (sum, total) in self.column_sums.iter_mut().zip(&total.columns) {
            *sum = total.to_f64() / limits.scale;
        }
    }

    /// φ of the last pass.
    pub(crate) fn soft_minima(&self) -> &[f64] {
        &self.soft_minima
    }

    /// q of the last pass.
    pub(crate) fn column_sums(&self) -> &[f64] {
        &self.column_sums
    }

    /// About the error of the marginals, as shares of the mass, that rounding the exponents leaves.
    pub(crate) fn rounding_floor(&self) -> f64 {
        let largest = |values: &mut dyn Iterator<Item = f64>| values.map(f64::abs).fold(1.0, f64::max);
        let of_columns = largest(&mut self.v.iter().map(|v| v.to_f64()));
        let of_rows = largest(&mut self.soft_minima.iter().copied());
        A::EPSILON.to_f64() * (of_columns + of_rows + 4.0)
    }

    /// What the logarithm of a column sum of zero is taken for, against what it should be: 0.7 times the range of the exponential, so
    /// that a column that is raised by as much cannot pass one in one step.
    pub(crate) fn lift() -> f64 {
        0.7 * std::f64::consts::LN_2 * A::MAX_EXPONENT
    }
}

impl<A: Scalar> Part<A> {
    fn run(
        &mut self,
        costs: &impl CostBlocks<A>,
        exponents: Exponents<'_, A>,
        limits: Limits<A>,
        block_rows: usize,
        log_mass: &(impl Fn(usize, f64) -> f64 + Sync),
    ) {
        let columns = exponents.v.len();
        self.columns.fill(A::ZERO);
        for start in (0..self.rows.len()).step_by(block_rows) {
            let count = block_rows.min(self.rows.len() - start);
            let first = self.rows.start + start;
            let block = &mut self.block[..count * columns];
            let shifts = &mut self.shifts[start..start + count];
            let (sums, factors) = (&mut self.sums[..count], &mut self.factors[..count]);
            costs.block_into(first..first + count, 0..columns, block);
            exponentials(block, shifts, exponents, sums);
            for k in 0..count {
                if !limits.accept(sums[k]) {
                    let row = &mut block[k * columns..(k + 1) * columns];
                    costs.block_into(first + k..first + k + 1, 0..columns, row);
                    shifts[k] = -largest_exponent(row, exponents);
                    exponentials(row, &shifts[k..k + 1], exponents, &mut sums[k..k + 1]);
                }
                let sum = sums[k].to_f64();
                let minimum = shifts[k].to_f64() - sum.ln();
                self.soft_minima[start + k] = minimum;
                shifts[k] = A::from_f64(minimum);
                let factor = A::from_f64(log_mass(first + k, minimum).exp() * limits.scale / sum);
                // Subnormal factors would be slow, and what they add is nothing.
                factors[k] = if factor >= A::MIN_POSITIVE { factor } else { A::ZERO };
            }
            add_rows(block, factors, &mut self.columns);
        }
    }
}
