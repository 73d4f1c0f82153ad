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
    let dimension = problem.dimension() as f64;
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
    let bound = 2.0
        * (absolute + unit_roundoff * (largest(&scaled_f) + largest(&scaled_g)) + (8.0 + dimension) * wide);
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

#[cfg(test)]
mod tests {
    use super::super::super::proof;
    use super::super::instances::{cloud, on_any_threads, with_clouds};
    use super::*;
    use crate::Matrix;
    use crate::matrix::Distance;
    use crate::random::RandomStream;

    /// How f lies relative to minⱼ Cᵢⱼ - gⱼ.
    #[derive(Clone, Copy, Debug)]
    enum Fit {
        /// Equal: a pair of each row is tight to the last bit.
        Exact,
        /// So many units in the last place above.
        Above(u32),
        /// Above by so many tolerances of the tight pair.
        Beyond(f64),
        /// At the minimum after so many others.
        Rank(usize),
    }

    /// The largest violations, pair by pair.
    fn plain_worst(costs: &CostRows<'_, f64>, f: &[f64], g: &[f64]) -> WorstPairs {
        let mut worst = WorstPairs::default();
        for (row, &f) in f.iter().enumerate() {
            for (column, &g) in g.iter().enumerate() {
                worst.look_at(costs.entry(row, column), f, g);
            }
        }
        worst
    }

    /// f for g, minus infinity without mass.
    fn fitted(costs: &CostRows<'_, f64>, supply: &[i64], g: &[f64], fit: Fit, tolerance: f64) -> Vec<f64> {
        let of_row = |row: usize| {
            let mut rest: Vec<(f64, usize)> = (0..g.len())
                .filter(|&column| g[column].is_finite())
                .map(|column| (costs.entry(row, column) - g[column], column))
                .collect();
            rest.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let (least, column) = rest[0];
            match fit {
                Fit::Exact => least,
                Fit::Above(units) => (0..units).fold(least, |value, _| value.next_up()),
                Fit::Beyond(times) => {
                    let size = costs.entry(row, column).abs() + least.abs() + g[column].abs();
                    least
                        + times
                            * (tolerance * size + rounding_of(&[costs.largest], &[]) + rounding_of(&[], g))
                }
                Fit::Rank(rank) => rest[rank.min(rest.len() - 1)].0,
            }
        };
        (0..supply.len()).map(|row| if supply[row] > 0 { of_row(row) } else { f64::NEG_INFINITY }).collect()
    }

    /// Screens two clouds for some potentials, each time against double precision; how often there was an answer, and of how
    /// many.
    fn check(clouds: [&Matrix<f64>; 2], distance: Distance, with_gaps: bool, seed: u64) -> (usize, usize) {
        let units = |count: usize| -> Vec<i64> {
            (0..count).map(|index| i64::from(!with_gaps || index % 7 != 3)).collect()
        };
        let (supply, demand) = (units(clouds[0].rows()), units(clouds[1].rows()));
        with_clouds(clouds, distance, [&supply, &demand], |costs, scaled| {
            let mut random = RandomStream::new(seed);
            let (mut answers, mut questions) = (0, 0);
            let typical = costs.entry(0, 0).abs().max(costs.bottleneck);
            for share in [0.0, 0.1, 1.0, 300.0] {
                let g: Vec<f64> = demand
                    .iter()
                    .map(|&units| {
                        let value = share * typical * (random.uniform::<f64>() - 0.4);
                        if units > 0 { value } else { f64::NEG_INFINITY }
                    })
                    .collect();
                for fit in [
                    Fit::Exact,
                    Fit::Above(1),
                    Fit::Above(5),
                    Fit::Beyond(0.5),
                    Fit::Beyond(3.0),
                    Fit::Rank(2),
                    Fit::Rank(5),
                ] {
                    for tolerance in [1e-14, 1e-9] {
                        let f = fitted(costs, &supply, &g, fit, tolerance);
                        questions += 1;
                        let Some(screened) = price_all(scaled, costs, [&f, &g], tolerance, 3) else {
                            continue;
                        };
                        answers += 1;
                        let full = proof::price_all(costs, &f, &g, tolerance, 3);
                        let about = format!("{distance}, {fit:?}, g {share}, tolerance {tolerance}");
                        assert_eq!(screened.violated, full.violated, "{about}");
                        assert_eq!(screened.worst, full.worst, "{about}");
                        assert_eq!(screened.worst, plain_worst(costs, &f, &g), "{about}");
                        match fit {
                            Fit::Exact => assert_eq!(full.worst, WorstPairs::default(), "{about}"),
                            Fit::Beyond(3.0) => {
                                let rows = full.violated.chunk_by(|a, b| a.source == b.source).count();
                                assert_eq!(
                                    rows,
                                    supply.iter().filter(|&&units| units > 0).count(),
                                    "{about}"
                                );
                            }
                            _ => {}
                        }
                    }
                }
            }
            (answers, questions)
        })
        .unwrap_or((0, 0))
    }

    const DISTANCES: [Distance; 2] = [Distance::SquaredEuclidean, Distance::Euclidean];

    #[test]
    fn ordinary_clouds_are_screened_and_nothing_is_missed() {
        for distance in DISTANCES {
            // 1030 columns are more than a block, 70 rows more than a task.
            for (d, rows, columns) in
                [(1, 70, 150), (2, 70, 1030), (3, 130, 97), (20, 66, 200), (64, 66, 130)]
            {
                let (x, y) = (cloud(rows, d, 1, 0.0, 1.0), cloud(columns, d, 2, 0.1, 1.5));
                for with_gaps in [false, true] {
                    let (answers, questions) = check([&x, &y], distance, with_gaps, 3);
                    assert_eq!(questions, 56);
                    assert_eq!(answers, questions, "{distance}, d = {d}: ordinary clouds should be screened");
                }
            }
        }
    }

    #[test]
    fn clouds_that_lose_digits_are_screened_right_or_not_at_all() {
        for distance in DISTANCES {
            for d in [1, 2, 3, 20, 64] {
                let (rows, columns) = (30, 70);
                let plain = |points, seed| cloud(points, d, seed, 0.0, 1.0);
                let pairs = [
                    // Far from the origin.
                    (cloud(rows, d, 1, 1e6, 1.0), cloud(columns, d, 2, 1e6, 1.0)),
                    // Far apart.
                    (cloud(rows, d, 1, 1e3, 1.0), cloud(columns, d, 2, -1e3, 1.0)),
                    (cloud(rows, d, 1, 1e7, 1.0), cloud(columns, d, 2, -3e7, 1.0)),
                    (cloud(rows, d, 1, 1e12, 1.0), plain(columns, 2)),
                    // One is almost a point, or both are and far apart.
                    (cloud(rows, d, 1, 0.3, 1e-9), plain(columns, 2)),
                    (cloud(rows, d, 1, 0.3, 1e-9), cloud(columns, d, 2, 0.4, 1e-10)),
                    // Duplicated points, and many equal costs.
                    (plain(rows, 1).map(f64::round), plain(columns, 2).map(f64::round)),
                    (
                        Matrix::from_fn(rows, d, |i, k| (i % 5 * (k + 1)) as f64 / 3.0),
                        Matrix::from_fn(columns, d, |i, k| (i % 7 * (k + 2)) as f64 / 3.0),
                    ),
                    // A point that is far from all others, large and small coordinates.
                    (
                        Matrix::from_fn(
                            rows,
                            d,
                            |i, k| if i == 0 { 1e5 } else { (i * (k + 3)) as f64 * 0.01 },
                        ),
                        plain(columns, 2),
                    ),
                    (cloud(rows, d, 1, 0.0, 1e100), cloud(columns, d, 2, 0.0, 1e100)),
                    (cloud(rows, d, 1, 0.0, 1e-100), cloud(columns, d, 2, 0.0, 1e-100)),
                ];
                for (x, y) in &pairs {
                    check([x, y], distance, false, 4);
                    check([y, x], distance, true, 5);
                }
            }
        }
    }

    #[test]
    fn the_same_on_any_number_of_threads() {
        let (x, y) = (cloud(300, 3, 1, 0.0, 1.0), cloud(260, 3, 2, 0.0, 1.0));
        let (supply, demand) = (vec![1; 300], vec![1; 260]);
        let violated = with_clouds([&x, &y], Distance::Euclidean, [&supply, &demand], |costs, scaled| {
            let g = vec![0.0; 260];
            let f = fitted(costs, &supply, &g, Fit::Rank(4), 1e-13);
            on_any_threads(|| price_all(scaled, costs, [&f, &g], 1e-13, 8).unwrap()).violated.len()
        });
        // Four better pairs in each row, and less than nothing for the one at which f lies.
        assert_eq!(violated, Some(4 * 300));
    }

    #[test]
    fn it_gives_up_where_too_many_pairs_are_in_doubt_or_there_is_no_bound() {
        let (x, y) = (cloud(100, 2, 1, 0.0, 1.0), cloud(300, 2, 2, 0.0, 1.0));
        let (supply, demand) = (vec![1; 100], vec![1; 300]);
        let (f, g) = (vec![1e3; 100], vec![0.0; 300]);
        let sides: [&[i64]; 2] = [&supply, &demand];
        for distance in [Distance::Euclidean, Distance::Manhattan, Distance::Cosine] {
            let pricing = with_clouds([&x, &y], distance, sides, |costs, scaled| {
                price_all(scaled, costs, [&f, &g], 1e-13, 8)
            });
            assert_eq!(pricing, Some(None), "{distance}");
        }
    }
}
