//! The candidate sweep: the best few columns of every row by Cᵢⱼ - gⱼ, over all pairs.
//!
//! **Noise.** Where many columns of a row are equally good (Manhattan distances, points in line with their Euclidean ones, integer
//! costs) the best few by a fixed rule are the same for all rows about, and no plan fits on them. So Gumbel noise in units of the
//! temperature is added: a row's candidates are, nearly, a sample from its row of the entropic plan, which has the right column
//! sums. The noise is one table in which each row begins elsewhere.
//!
//! **Buckets.** A heap would be asked m times a row. Instead the columns are dealt into 256 buckets, j modulo 256,
//! whose minima are running minima of whole registers. The k-th least of these minima is no less than the k-th least
//! of the row, and hardly larger, as neighbours (which are alike in the order of cells) lie in different buckets.
//! What is at most that is collected in a second look at the row, and the best k of it are selected. Two loads, a
//! subtraction, a minimum and a comparison an entry.

// Index loops in kernels: iterator adaptors lose the instruction set.
#![allow(clippy::needless_range_loop)]

use crate::ot::sinkhorn::CostBlocks;
use crate::parallel::map_chunks;
use crate::random::RandomStream;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Mask, Simd};
use std::ops::Range;

/// Buckets for the columns: a good deal more than the candidates of a row.
const BUCKETS: usize = 256;

/// Numbers to a block of costs: it stays in the second-level cache.
const BLOCK_ENTRIES: usize = 1 << 16;

/// Rows to a task.
const ROWS_PER_CHUNK: usize = 128;

/// Entries between two calls of the observer: a few hundredths of a second.
const ENTRIES_PER_REPORT: usize = 1 << 26;

/// The best `count(row)` columns of each row (all of them where there are fewer), as (row, column), row by row.
///
/// `stop` is told the share done; if it wants to stop the answer is `None`.
pub(super) fn best_of_each_row(
    costs: &impl CostBlocks<f32>,
    column_potentials: &[f32],
    noise: f32,
    count: impl Fn(usize) -> usize + Sync + Send,
    stop: &mut dyn FnMut(f64) -> bool,
) -> Option<Vec<(u32, u32)>> {
    let (rows, columns) = (costs.rows(), costs.columns());
    let noise = gumbel_noise(columns + OFFSETS, noise);
    let rows_per_report = (ENTRIES_PER_REPORT / columns).max(1).next_multiple_of(ROWS_PER_CHUNK);
    let mut best = Vec::new();
    for first in (0..rows).step_by(rows_per_report) {
        let chunks = map_chunks(rows_per_report.min(rows - first), ROWS_PER_CHUNK, |range| {
            best_of_rows(costs, column_potentials, &noise, &count, first + range.start..first + range.end)
        });
        chunks.into_iter().for_each(|chunk| best.extend(chunk));
        if stop((first + rows_per_report).min(rows) as f64 / rows as f64) {
            return None;
        }
    }
    Some(best)
}

fn best_of_rows(
    costs: &impl CostBlocks<f32>,
    column_potentials: &[f32],
    noise: &[f32],
    count: &impl Fn(usize) -> usize,
    range: Range<usize>,
) -> Vec<(u32, u32)> {
    let columns = costs.columns();
    let rows_at_once = (BLOCK_ENTRIES / columns).clamp(1, 16).max(costs.rows_at_once());
    let mut block = vec![0.0; rows_at_once.min(range.len()) * columns];
    let mut found: Vec<(f32, u32)> = Vec::new();
    let mut best = Vec::new();
    for start in range.clone().step_by(rows_at_once) {
        let rows = start..(start + rows_at_once).min(range.end);
        let block = &mut block[..rows.len() * columns];
        costs.block_into(rows.clone(), 0..columns, block);
        for (row, costs) in rows.zip(block.chunks_mut(columns)) {
            found.clear();
            let count = count(row).clamp(1, columns);
            // Fibonacci hashing: the upper bits of multiples of the golden section.
            let offset = (row as u32).wrapping_mul(0x9E37_79B9) as usize >> (32 - OFFSETS.ilog2());
            collect(costs, column_potentials, &noise[offset..], count, &mut found);
            if found.len() > count {
                found.select_nth_unstable_by(count - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            }
            best.extend(found.iter().take(count).map(|&(_, column)| (row as u32, column)));
        }
    }
    best
}

/// Where in the noise a row may begin: a power of two.
const OFFSETS: usize = 1 << 12;

/// Numbers of Gumbel's distribution, times `scale`.
fn gumbel_noise(count: usize, scale: f32) -> Vec<f32> {
    let mut noise = vec![0.0_f32; count];
    RandomStream::new(0).fill_uniform(&mut noise);
    for value in &mut noise {
        *value = -scale * (-value.max(1e-30).ln()).max(1e-30).ln();
    }
    noise
}

dispatch! {
    /// The least `count` reduced costs of a row and whatever else is not above the bound on them; overwrites the costs.
    fn collect(
        costs: &mut [f32],
        potentials: &[f32],
        noise: &[f32],
        count: usize,
        found: &mut Vec<(f32, u32)>,
    ) = collect_kernel
}

#[inline(always)]
fn collect_kernel<S: Simd>(
    costs: &mut [f32],
    potentials: &[f32],
    noise: &[f32],
    count: usize,
    found: &mut Vec<(f32, u32)>,
) {
    let lanes = <S::F32 as Lanes>::LANES;
    let columns = costs.len();
    let potentials = &potentials[..columns];
    let noise = &noise[..columns];
    let mut minima = [f32::INFINITY; BUCKETS];
    let whole = columns - columns % BUCKETS;
    let mut start = 0;
    while start < whole {
        let costs = &mut costs[start..start + BUCKETS];
        let potentials = &potentials[start..start + BUCKETS];
        let noise = &noise[start..start + BUCKETS];
        let mut k = 0;
        while k < BUCKETS {
            let gain = S::F32::load(&potentials[k..]) + S::F32::load(&noise[k..]);
            let reduced = S::F32::load(&costs[k..]) - gain;
            reduced.store(&mut costs[k..]);
            reduced.min(S::F32::load(&minima[k..])).store(&mut minima[k..]);
            k += lanes;
        }
        start += BUCKETS;
    }
    for k in whole..columns {
        costs[k] -= potentials[k] + noise[k];
        if costs[k] < minima[k - whole] {
            minima[k - whole] = costs[k];
        }
    }
    let bound = if count < BUCKETS {
        *minima.select_nth_unstable_by(count - 1, |a, b| a.total_cmp(b)).1
    } else {
        f32::INFINITY
    };
    let bounds = S::F32::splat(bound);
    let mut k = 0;
    while k + 4 * lanes <= columns {
        let hit = S::F32::load(&costs[k..]).le(bounds)
            | S::F32::load(&costs[k + lanes..]).le(bounds)
            | S::F32::load(&costs[k + 2 * lanes..]).le(bounds)
            | S::F32::load(&costs[k + 3 * lanes..]).le(bounds);
        if hit.any() {
            for column in k..k + 4 * lanes {
                if costs[column] <= bound {
                    found.push((costs[column], column as u32));
                }
            }
        }
        k += 4 * lanes;
    }
    for column in k..columns {
        if costs[column] <= bound {
            found.push((costs[column], column as u32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::Blocks;
    use super::super::instances::on_any_threads;
    use super::*;
    use crate::Matrix;

    /// Whole costs and potentials, so that ties abound, or real ones.
    fn problem(
        rows: usize,
        columns: usize,
        whole: bool,
        seed: u64,
    ) -> (Blocks<'static, 'static, f64>, Vec<f32>) {
        let mut random = RandomStream::new(seed);
        let mut number = |range: f32| {
            let value = range * random.uniform::<f32>();
            if whole { value.floor() } else { value }
        };
        let costs = Matrix::from_fn(rows, columns, |_, _| number(30.0) - 5.0);
        (Blocks::Kept(costs), (0..columns).map(|_| number(10.0) - 5.0).collect())
    }

    /// Cᵢⱼ - gⱼ less the noise of the row, in single precision.
    fn reduced(blocks: &Blocks<'_, '_, f64>, g: &[f32], noise: f32, row: usize) -> Vec<f32> {
        let mut values = vec![0.0; g.len()];
        blocks.block_into(row..row + 1, 0..g.len(), &mut values);
        let noise = gumbel_noise(g.len() + OFFSETS, noise);
        let offset = (row as u32).wrapping_mul(0x9E37_79B9) as usize >> (32 - OFFSETS.ilog2());
        for (column, value) in values.iter_mut().enumerate() {
            *value -= g[column] + noise[offset + column];
        }
        values
    }

    #[test]
    fn the_best_of_each_row_are_those_of_a_sort() {
        for columns in [1, 2, 7, 39, 40, 41, 255, 256, 257, 300, 511, 512, 513, 1000, 2311] {
            for (count, whole, noise) in [
                (1, true, 0.0),
                (8, true, 0.0),
                (40, false, 0.0),
                (40, true, 0.7),
                (255, true, 0.0),
                (300, false, 0.3),
            ] {
                let rows = 5;
                let (blocks, g) = problem(rows, columns, whole, columns as u64);
                let best = best_of_each_row(&blocks, &g, noise, |_| count, &mut |_| false).unwrap();
                let kept = count.min(columns);
                assert_eq!(best.len(), rows * kept);
                for (row, best) in best.chunks(kept).enumerate() {
                    assert!(best.iter().all(|&(source, _)| source as usize == row));
                    let mut chosen: Vec<u32> = best.iter().map(|&(_, column)| column).collect();
                    chosen.sort_unstable();
                    chosen.dedup();
                    assert_eq!(chosen.len(), kept, "a column twice, or none");
                    let mut values = reduced(&blocks, &g, noise, row);
                    let mut got: Vec<f32> = chosen.iter().map(|&column| values[column as usize]).collect();
                    got.sort_unstable_by(f32::total_cmp);
                    values.sort_unstable_by(f32::total_cmp);
                    assert_eq!(got, values[..kept], "row {row} of {columns} columns, the best {count}");
                }
            }
        }
    }

    #[test]
    fn many_rows_come_in_order_on_any_number_of_threads() {
        let (blocks, g) = problem(1000, 301, true, 9);
        let best = on_any_threads(|| best_of_each_row(&blocks, &g, 0.5, |_| 12, &mut |_| false).unwrap());
        for (row, best) in best.chunks(12).enumerate() {
            let mut values = reduced(&blocks, &g, 0.5, row);
            let mut got: Vec<f32> = best.iter().map(|&(_, column)| values[column as usize]).collect();
            assert!(best.iter().all(|&(source, _)| source as usize == row));
            got.sort_unstable_by(f32::total_cmp);
            values.sort_unstable_by(f32::total_cmp);
            assert_eq!(got, values[..12]);
        }
    }

    #[test]
    fn noise_spreads_the_candidates_of_equal_rows_over_the_columns() {
        let (rows, columns, count) = (400, 400, 20);
        let blocks = Blocks::<f64>::Kept(Matrix::zeros(rows, columns));
        let spread = |noise: f32| {
            let mut degree = vec![0; columns];
            for (_, column) in
                best_of_each_row(&blocks, &vec![0.0; columns], noise, |_| count, &mut |_| false).unwrap()
            {
                degree[column as usize] += 1;
            }
            degree.into_iter().filter(|&degree| degree > 0).count()
        };
        assert_eq!(spread(0.0), count, "without noise all rows choose alike");
        assert_eq!(spread(1.0), columns, "with noise every column is somebody's candidate");
    }

    #[test]
    fn noise_has_the_moments_of_gumbel() {
        let noise = gumbel_noise(100_000, 1.0);
        let mean = noise.iter().map(|&value| f64::from(value)).sum::<f64>() / 1e5;
        let variance = noise.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / 1e5;
        // Euler's constant and π²/6, each within five standard errors: 0.0041 and 0.012.
        assert!((mean - 0.577_215_7).abs() < 0.0203, "{mean}");
        assert!((variance - std::f64::consts::PI.powi(2) / 6.0).abs() < 0.06, "{variance}");
    }

    #[test]
    fn the_observer_ends_it() {
        let (blocks, g) = problem(10, 10, false, 1);
        assert_eq!(best_of_each_row(&blocks, &g, 0.0, |_| 3, &mut |_| true), None);
    }
}
