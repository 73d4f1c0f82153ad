//! Sinkhorn on the candidates alone: from the temperature of the warm start down to where the plan is nearly a vertex.
//!
//! A dense iteration looks at all pairs; at low temperature all but some dozens of a row weigh nothing. Here an iteration costs
//! one exponential a candidate. Over-relaxed (Thibault, Chizat, Dossal and Papadakis 2021) a hundred iterations do what three
//! hundred do without, while ε falls geometrically.

use super::arcs::Candidates;
use crate::parallel::map_chunks;
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};
use std::ops::Range;

/// How the temperature falls, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub iterations: usize,
    pub first_epsilon: f32,
    pub last_epsilon: f32,
    pub relaxation: f32,
}

/// A sparse problem whose potentials are to be refined.
pub(super) struct SparseScaling<'s> {
    pub candidates: &'s Candidates,
    /// Their scaled costs.
    pub costs: &'s [f32],
    pub source_weights: &'s [f32],
    pub target_weights: &'s [f32],
}

/// After how many iterations the candidates are judged, and by which error of the column marginal.
const ITERATIONS_TO_JUDGE: usize = 10;
const HOPELESS: f32 = 0.8;

/// The rows' part of one iteration.
struct RowWork<'w> {
    costs: &'w [f32],
    targets: &'w [u32],
    starts: &'w [u32],
    /// gⱼ + ε ln bⱼ.
    shifted: &'w [f32],
    f: &'w [f32],
    source_weights: &'w [f32],
    epsilon: f32,
    relaxation: f32,
}

impl SparseScaling<'_> {
    /// Refines f and g in place. `stop` is told the share done.
    ///
    /// The error after the first iterations says whether the candidates can carry a plan at all: it is Σ |qⱼ - bⱼ|, and should
    /// be below one. If it is above [`HOPELESS`] the answer is false, and the rest is not worth the time.
    pub fn run(
        &self,
        schedule: Schedule,
        f: &mut [f32],
        g: &mut [f32],
        stop: &mut dyn FnMut(f64) -> bool,
    ) -> (bool, f32) {
        let mut error = f32::NAN;
        let rows = f.len();
        let mut shifted = vec![0.0; g.len()];
        let logarithms: Vec<f32> = self.target_weights.iter().map(|weight| weight.ln()).collect();
        let steps = (schedule.iterations.max(2) - 1) as f32;
        for iteration in 0..schedule.iterations {
            let progress = iteration as f32 / steps;
            let epsilon =
                schedule.first_epsilon * (schedule.last_epsilon / schedule.first_epsilon).powf(progress);
            // The first steps plain: over-relaxation asks for a residual that is small already.
            let relaxation = if iteration < 3 { 1.0 } else { schedule.relaxation };
            for ((shifted, &g), &logarithm) in shifted.iter_mut().zip(&*g).zip(&logarithms) {
                *shifted = g + epsilon * logarithm;
            }
            let work = RowWork {
                costs: self.costs,
                targets: &self.candidates.targets,
                starts: &self.candidates.starts,
                shifted: &shifted,
                f,
                source_weights: self.source_weights,
                epsilon,
                relaxation,
            };
            let rows_per_chunk = rows.div_ceil(self.number_of_chunks());
            let chunks = map_chunks(rows, rows_per_chunk, |rows| {
                let mut new_f = vec![0.0; rows.len()];
                let mut sums = vec![0.0; g.len()];
                scale_rows(&work, rows, &mut new_f, &mut sums);
                (new_f, sums)
            });
            let mut total = vec![0.0; g.len()];
            let mut start = 0;
            for (new_f, sums) in chunks {
                f[start..start + new_f.len()].copy_from_slice(&new_f);
                start += new_f.len();
                for (total, part) in total.iter_mut().zip(sums) {
                    *total += part;
                }
            }
            for ((g, &sum), &weight) in g.iter_mut().zip(&total).zip(self.target_weights) {
                *g -= if sum > 0.0 { relaxation * epsilon * (sum / weight).ln() } else { -20.0 * epsilon };
            }
            if iteration + 1 == ITERATIONS_TO_JUDGE {
                error = total.iter().zip(self.target_weights).map(|(sum, weight)| (sum - weight).abs()).sum();
                if error.is_nan() || error > HOPELESS {
                    return (false, error);
                }
            }
            if stop(f64::from(progress)) {
                break;
            }
        }
        (true, error)
    }

    /// Threads pay where an iteration takes longer than to start them.
    fn number_of_chunks(&self) -> usize {
        if self.candidates.len() < 1 << 15 { 1 } else { 4 }
    }
}

dispatch! {
    /// One iteration's part of some rows: their new f, and their mass in each column.
    fn scale_rows(work: &RowWork<'_>, rows: Range<usize>, new_f: &mut [f32], sums: &mut [f32]) = scale_rows_kernel
}

/// Rows of a group: their potentials are gathered number by number before registers read them. Wide loads right after narrow stores
/// would wait for these to reach the cache.
const ROWS_PER_GROUP: usize = 16;

#[inline(always)]
fn scale_rows_kernel<S: Simd>(work: &RowWork<'_>, rows: Range<usize>, new_f: &mut [f32], sums: &mut [f32]) {
    let lanes = <S::F32 as Lanes>::LANES;
    let inverse = 1.0 / work.epsilon;
    let mut weights: Vec<f32> = Vec::new();
    let mut start = rows.start;
    while start < rows.end {
        let group = start..(start + ROWS_PER_GROUP).min(rows.end);
        weights.clear();
        for row in group.clone() {
            let entries = work.starts[row] as usize..work.starts[row + 1] as usize;
            let (targets, costs) = (&work.targets[entries.clone()], &work.costs[entries]);
            let first = weights.len();
            // What pads the last register weighs nothing.
            weights.resize(first + targets.len().next_multiple_of(lanes), f32::NEG_INFINITY);
            let weights = &mut weights[first..first + targets.len()];
            for k in 0..targets.len() {
                weights[k] = work.shifted[targets[k] as usize] - costs[k];
            }
        }
        let mut first = 0;
        for row in group.clone() {
            let targets = &work.targets[work.starts[row] as usize..work.starts[row + 1] as usize];
            let padded = targets.len().next_multiple_of(lanes);
            let weights = &mut weights[first..first + padded];
            first += padded;
            if padded == 0 {
                new_f[row - rows.start] = work.f[row];
                continue;
            }
            // Shifted by the largest, so that the sum lies between one and the number of candidates.
            let mut largest = S::F32::load(weights);
            let mut k = lanes;
            while k < padded {
                largest = largest.max(S::F32::load(&weights[k..]));
                k += lanes;
            }
            let largest = largest.reduce_max();
            let shift = S::F32::splat(largest);
            let factor = S::F32::splat(inverse);
            let mut sum = S::F32::splat(0.0);
            let mut k = 0;
            while k < padded {
                let value = exp_flushed((S::F32::load(&weights[k..]) - shift) * factor);
                sum = sum + value;
                value.store(&mut weights[k..]);
                k += lanes;
            }
            let sum = sum.reduce_sum();
            // The f that meets the row's mass, and where over-relaxation goes beyond it.
            let exact = -largest - work.epsilon * sum.ln();
            let relaxed = work.f[row] + work.relaxation * (exact - work.f[row]);
            // Far from the solution over-relaxation is not trusted.
            let relaxed = if (relaxed - exact).abs() <= 4.0 * work.epsilon { relaxed } else { exact };
            new_f[row - rows.start] = relaxed;
            let scale = work.source_weights[row] / sum * ((relaxed - exact) * inverse).exp();
            for k in 0..targets.len() {
                sums[targets[k] as usize] += weights[k] * scale;
            }
        }
        start = group.end;
    }
}
