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

/// A sparse problem with the potentials that are refined.
pub(super) struct SparseScaling<'s> {
    pub candidates: &'s Candidates,
    /// Scaled costs of the candidates.
    pub costs: &'s [f32],
    pub source_weights: &'s [f32],
    pub target_weights: &'s [f32],
}

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
    /// Refines f and g in place. Returns the L1 error of the column marginal in the last iteration.
    pub fn run(
        &self,
        schedule: Schedule,
        f: &mut [f32],
        g: &mut [f32],
        stop: &mut dyn FnMut(f64) -> bool,
    ) -> f32 {
        let mut shifted = vec![0.0; g.len()];
        let logarithms: Vec<f32> = self.target_weights.iter().map(|weight| weight.ln()).collect();
        let rows_per_chunk = self.candidates.rows().div_ceil(self.number_of_chunks());
        let steps = (schedule.iterations.max(2) - 1) as f32;
        let mut residual = f32::INFINITY;
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
            let chunks = map_chunks(self.candidates.rows(), rows_per_chunk, |rows| {
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
            residual = 0.0;
            for ((g, &sum), &weight) in g.iter_mut().zip(&total).zip(self.target_weights) {
                residual += (sum - weight).abs();
                *g -= if sum > 0.0 { relaxation * epsilon * (sum / weight).ln() } else { -20.0 * epsilon };
            }
            if stop(f64::from(progress)) {
                break;
            }
        }
        residual
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

#[inline(always)]
fn scale_rows_kernel<S: Simd>(work: &RowWork<'_>, rows: Range<usize>, new_f: &mut [f32], sums: &mut [f32]) {
    let lanes = <S::F32 as Lanes>::LANES;
    let inverse = 1.0 / work.epsilon;
    let mut weights: Vec<f32> = Vec::new();
    for (row, new_f) in rows.zip(new_f) {
        let entries = work.starts[row] as usize..work.starts[row + 1] as usize;
        let targets = &work.targets[entries.clone()];
        let costs = &work.costs[entries];
        let count = targets.len();
        let padded = count.next_multiple_of(lanes);
        // What pads the last register weighs nothing.
        weights.clear();
        weights.resize(padded, f32::NEG_INFINITY);
        let mut largest = f32::NEG_INFINITY;
        for k in 0..count {
            let value = work.shifted[targets[k] as usize] - costs[k];
            largest = if value > largest { value } else { largest };
            weights[k] = value;
        }
        if count == 0 {
            *new_f = work.f[row];
            continue;
        }
        // Shifted by the largest, so that the sum lies between one and the number of candidates.
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
        let step = work.relaxation * (exact - work.f[row]);
        let relaxed = work.f[row] + step;
        // Far from the solution over-relaxation is not trusted.
        let relaxed = if (relaxed - exact).abs() <= 4.0 * work.epsilon { relaxed } else { exact };
        *new_f = relaxed;
        let scale = work.source_weights[row] / sum * ((relaxed - exact) * inverse).exp();
        for k in 0..count {
            sums[targets[k] as usize] += weights[k] * scale;
        }
    }
}
