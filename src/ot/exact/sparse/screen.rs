//! All pairs priced in single precision, with a bound on its error: what is not feasible beyond doubt is priced again as
//! the costs are, in double precision. The outcome is that of [`price_all`](super::super::proof::price_all), in half the time or less.
//!
//! A computed cost c̃ is off by at most ρ c̃ + κ ([`ScaledProblem::bounded`] has the bounds). Potentials are rounded once, after
//! the shifts have been taken off in double precision: off by u max(|f|, |g|) each. All bounds are taken twice as large. A pair with c̃
//! less its bound not below f + g is feasible, whatever the digits that were lost.

use super::super::costs::CostRows;
use super::super::pricing::rounding_of;
use super::super::proof::{Pricing, Violation, WorstPairs};
use super::scaled::ScaledProblem;
use crate::ot::sinkhorn::CostBlocks;
use crate::parallel::map_chunks;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Mask, Simd};

/// Rows of a task, and of a block of costs; columns of a block.
const ROWS_PER_CHUNK: usize = 64;
const COLUMNS_AT_A_TIME: usize = 1024;

/// Where more than this share of the pairs is in doubt, double precision from the start is faster.
const DOUBT: usize = 64;

/// Prices all pairs for potentials in the problem's numbering, minus infinity where there is no mass. `None` where single
/// precision cannot help: costs for which there is no bound, or pairs by the million that are nearly tight.
pub(super) fn price_all<T: Scalar>(
    problem: &ScaledProblem<'_, '_, T>,
    costs: &CostRows<'_, T>,
    [f, g]: [&[f64]; 2],
    tolerance: f64,
    count: usize,
) -> Option<Pricing> {
    let (pairs, relative, absolute) = problem.bounded()?;
    let unit_roundoff = 0.5 * f64::from(f32::EPSILON);
    let scaled = |potentials: &[f64], order: &[u32], shifts: &[f64]| -> Vec<f64> {
        let rest = |(&index, shift): (&u32, &f64)| (potentials[index as usize] - shift) / problem.unit;
        order.iter().zip(shifts).map(rest).collect()
    };
    let scaled_f = scaled(f, &problem.source_order, &problem.source_shifts);
    let scaled_g = scaled(g, &problem.target_order, &problem.target_shifts);
    let largest = |values: &[f64]| values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    // Potentials and shifts were themselves rounded, in double precision.
    let wide = f64::EPSILON / problem.unit
        * (largest(of_those_with_mass(f, &problem.source_order).as_slice())
            + largest(of_those_with_mass(g, &problem.target_order).as_slice())
            + largest(&problem.source_shifts)
            + largest(&problem.target_shifts));
    let bound = 2.0 * (absolute + unit_roundoff * (largest(&scaled_f) + largest(&scaled_g)) + 8.0 * wide);
    if !bound.is_finite() {
        return None;
    }
    let factor = (1.0 - 2.0 * relative) as f32;
    let bars: Vec<f32> = scaled_f.iter().map(|f| (f + bound) as f32).collect();
    let narrow_g: Vec<f32> = scaled_g.iter().map(|&g| g as f32).collect();
    if bars.iter().chain(&narrow_g).any(|value| !value.is_finite()) {
        return None;
    }
    let rounding = rounding_of(f, g);
    let columns = pairs.columns();
    let chunks = map_chunks(pairs.rows(), ROWS_PER_CHUNK, |rows| {
        let mut block = vec![0.0; rows.len() * COLUMNS_AT_A_TIME.min(columns)];
        let mut doubtful: Vec<(u32, u32)> = Vec::new();
        for start in (0..columns).step_by(COLUMNS_AT_A_TIME) {
            let range = start..(start + COLUMNS_AT_A_TIME).min(columns);
            let width = range.len();
            let block = &mut block[..rows.len() * width];
            pairs.block_into(rows.clone(), range.clone(), block);
            let bars = &bars[rows.clone()];
            collect(block, &narrow_g[range], bars, factor, [rows.start, start], &mut doubtful);
            if doubtful.len() > rows.len() * (columns / DOUBT + 64) {
                return None;
            }
        }
        let mut worst = WorstPairs::default();
        let mut violated = Vec::new();
        for (row, column) in doubtful {
            let (source, target) =
                (problem.source_order[row as usize], problem.target_order[column as usize]);
            let cost = costs.entry(source as usize, target as usize);
            let (f, g) = (f[source as usize], g[target as usize]);
            worst.look_at(cost, f, g);
            let bar = f - tolerance * f.abs() - rounding;
            let excess = (cost + tolerance * cost.abs()) - (g - tolerance * g.abs()) - bar;
            if excess < 0.0 {
                violated.push(Violation { source, target, excess });
            }
        }
        let mut of_chunk = Pricing { worst, violated };
        of_chunk.keep_worst_of_rows(count);
        Some(of_chunk)
    });
    let mut pricing = Pricing::default();
    for chunk in chunks {
        let chunk = chunk?;
        pricing.worst.join(chunk.worst);
        pricing.violated.extend(chunk.violated);
    }
    pricing.keep_worst_of_rows(count);
    Some(pricing)
}

/// The potentials of what has mass.
fn of_those_with_mass(potentials: &[f64], order: &[u32]) -> Vec<f64> {
    order.iter().map(|&index| potentials[index as usize]).collect()
}

dispatch! {
    /// The pairs of a block with `factor * cost - g < bar`, numbered from `first` on.
    fn collect(
        block: &[f32],
        g: &[f32],
        bars: &[f32],
        factor: f32,
        first: [usize; 2],
        pairs: &mut Vec<(u32, u32)>,
    ) = collect_kernel
}

#[inline(always)]
fn collect_kernel<S: Simd>(
    block: &[f32],
    g: &[f32],
    bars: &[f32],
    factor: f32,
    [first_row, first_column]: [usize; 2],
    pairs: &mut Vec<(u32, u32)>,
) {
    let lanes = <S::F32 as Lanes>::LANES;
    let width = g.len();
    let factors = S::F32::splat(factor);
    for row in 0..bars.len() {
        let costs = &block[row * width..][..width];
        let bar = S::F32::splat(bars[row]);
        let mut k = 0;
        while k < width {
            let stretch = (k + 4 * lanes).min(width);
            let mut hit = stretch - k < 4 * lanes;
            if !hit {
                let mut least = S::F32::splat(f32::INFINITY);
                for part in 0..4 {
                    let at = k + part * lanes;
                    least = least.min(S::F32::load(&costs[at..]).mul_add(factors, -S::F32::load(&g[at..])));
                }
                hit = least.lt(bar).any();
            }
            if hit {
                for column in k..stretch {
                    if costs[column] * factor - g[column] < bars[row] {
                        pairs.push(((first_row + row) as u32, (first_column + column) as u32));
                    }
                }
            }
            k = stretch;
        }
    }
}
