//! The costs as the simplex reads them: entry by entry for the basis, row by row for pricing.

use super::pricing::{Plain, RowMinimum, Rule, Tolerant, row_minima};
use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView, PairwiseRows, check_points};
use crate::ot::pair_cost::PairRows;
use crate::ot::problem::{Costs, Problem};
use crate::parallel::{for_each_chunk_mut, map_chunks};
use crate::scalar::Scalar;
use std::ops::Range;

/// Point clouds with at most this many pairs get their cost matrix computed once (32 MiB): a simplex reads each cost
/// hundreds of times. Larger ones are computed on the fly, row by row, in O(n + m) memory.
pub(super) const PAIRS_KEPT: usize = 1 << 22;

/// Rows and columns computed at a time on the fly: the panel stays in the second-level cache.
pub(super) const ROWS_AT_A_TIME: usize = 64;
const COLUMNS_AT_A_TIME: usize = 256;

/// Entries below which a sweep runs on the calling thread: about 30 microseconds of work.
pub(super) const ENTRIES_PER_CHUNK: usize = 1 << 16;

/// A potential is a sum of costs along a path of the tree: with this bound it is finite for 10^8 points and more.
const LARGEST_COST: f64 = 1e300;

/// Where the costs come from.
enum Store<'a, T> {
    Given(MatrixView<'a, T>),
    Kept(Matrix<f64>),
    Computed(PairwiseRows),
    Pairs(PairRows<'a, f64>),
}

/// Checked, finite costs, cut off as the simplex needs them.
pub(super) struct CostRows<'a, T> {
    store: Store<'a, T>,
    /// Costs above this count as this. Almost always infinity.
    pub cut: f64,
    /// The largest |Cᵢⱼ|; of costs on the fly a bound on it, at most d times as large.
    pub largest: f64,
    /// A scale that no plan gets below: the largest of the rows' and columns' least |Cᵢⱼ| (of costs on the fly, the largest of
    /// a sample of them); where that is zero, the least |Cᵢⱼ| > 0 of a sample.
    pub bottleneck: f64,
    /// Whether some cost is below zero.
    pub some_negative: bool,
}

impl<'a, T: Scalar> CostRows<'a, T> {
    /// As [`Self::keeping`], for tests.
    #[cfg(test)]
    pub fn new(problem: &Problem<'a, T>) -> Result<Self> {
        Self::keeping(problem, PAIRS_KEPT)
    }

    /// Checks every cost; costs of points are kept up to so many pairs.
    ///
    /// # Errors
    /// Costs or coordinates that are NaN or infinite, dimensions that differ, distances that overflow.
    pub fn keeping(problem: &Problem<'a, T>, pairs_kept: usize) -> Result<Self> {
        let points = problem.sources().saturating_add(problem.targets());
        if points >= u32::MAX as usize {
            return Err(Error::Argument {
                name: "the number of sources and targets",
                value: points as f64,
                requirement: "it must be below 2^32 - 1",
            });
        }
        let store = match problem.costs() {
            Costs::Matrix(matrix) => Store::Given(matrix),
            Costs::Points { source, target, distance } => {
                if source.columns() == 0 {
                    return Err(Error::Empty { what: "the list of coordinates of a source point" });
                }
                let rows = PairwiseRows::new(source, target, distance)?;
                match rows.rows().saturating_mul(rows.columns()) <= pairs_kept {
                    true => {
                        let (sources, targets) = (rows.rows(), rows.columns());
                        let mut kept = Matrix::zeros(sources, targets);
                        let chunk = (ENTRIES_PER_CHUNK / targets.max(1)).max(1) * targets.max(1);
                        for_each_chunk_mut(kept.as_mut_slice(), chunk, |start, part| {
                            for (row, part) in part.chunks_mut(targets).enumerate() {
                                rows.row_into(start / targets + row, 0..targets, part);
                            }
                        });
                        Store::Kept(kept)
                    }
                    false => Store::Computed(rows),
                }
            }
            Costs::Pairs { source, target, cost } => {
                check_points("pair costs", source, target, ["source points", "target points"])?;
                if source.columns() == 0 {
                    return Err(Error::Empty { what: "the list of coordinates of a source point" });
                }
                Store::Pairs(PairRows::new(source, target, cost))
            }
        };
        // A simplex reads each cost hundreds of times.
        let store = match store {
            Store::Pairs(rows) if rows.rows().saturating_mul(rows.columns()) <= pairs_kept => {
                let mut kept = Matrix::zeros(rows.rows(), rows.columns());
                rows.rows_into(0..rows.rows(), 0..rows.columns(), kept.as_mut_slice());
                Store::Kept(kept)
            }
            store => store,
        };
        let mut costs =
            Self { store, cut: f64::INFINITY, largest: 0.0, bottleneck: 0.0, some_negative: false };
        match (&costs.store, problem.costs()) {
            // Distances of finite points are finite: the bounding box says how large they can be.
            (Store::Computed(rows), Costs::Points { source, target, distance })
                if rows.longest() > 0.0 && rows.longest() <= LARGEST_COST =>
            {
                costs.largest = rows.longest();
                costs.bottleneck = sampled_bottleneck(source, target, distance)?;
                if costs.bottleneck == 0.0 {
                    costs.bottleneck = costs.least_of_sample().min(costs.largest);
                }
            }
            _ => (costs.largest, costs.bottleneck, costs.some_negative) = costs.check()?,
        }
        if let (Costs::Points { source, target, distance }, 0.0) = (problem.costs(), costs.largest) {
            let first = source.row(0);
            let apart = |cloud: MatrixView<'_, T>| (0..cloud.rows()).any(|row| cloud.row(row) != first);
            // Different points of one direction are at cosine distance zero.
            if distance != Distance::Cosine && (apart(source) || apart(target)) {
                return Err(Error::Argument {
                    name: "the largest cost",
                    value: 0.0,
                    requirement: "the points differ, but all their costs round to zero: scale the coordinates up",
                });
            }
        }
        if costs.largest > LARGEST_COST {
            return Err(Error::Argument {
                name: "the largest |cost|",
                value: costs.largest,
                requirement: "it must be at most 1e300, so that sums of costs stay finite",
            });
        }
        Ok(costs)
    }

    /// Whether costs are computed when they are asked for.
    pub fn are_computed(&self) -> bool {
        matches!(self.store, Store::Computed(_) | Store::Pairs(_))
    }

    pub fn rows(&self) -> usize {
        match &self.store {
            Store::Given(matrix) => matrix.rows(),
            Store::Kept(matrix) => matrix.rows(),
            Store::Computed(rows) => rows.rows(),
            Store::Pairs(rows) => rows.rows(),
        }
    }

    pub fn columns(&self) -> usize {
        match &self.store {
            Store::Given(matrix) => matrix.columns(),
            Store::Kept(matrix) => matrix.columns(),
            Store::Computed(rows) => rows.columns(),
            Store::Pairs(rows) => rows.columns(),
        }
    }

    /// The cost as it was given.
    pub fn given(&self, row: usize, column: usize) -> f64 {
        match &self.store {
            Store::Given(matrix) => matrix.row(row)[column].to_f64(),
            Store::Kept(matrix) => matrix.row(row)[column],
            Store::Computed(rows) => rows.entry(row, column),
            Store::Pairs(rows) => rows.entry(row, column),
        }
    }

    /// The cost that the simplex works with: cut off.
    #[inline]
    pub fn entry(&self, row: usize, column: usize) -> f64 {
        self.given(row, column).min(self.cut)
    }

    /// Whether the cost was cut off.
    pub fn is_cut(&self, row: usize, column: usize) -> bool {
        self.given(row, column) > self.cut
    }

    /// The least Cᵢⱼ - `column_parts`ⱼ of each row from `first_row` on.
    pub fn row_minima(&self, first_row: usize, column_parts: &[f64], minima: &mut [RowMinimum]) {
        self.sweep::<Plain>(first_row, column_parts, 0.0, minima);
    }

    /// The least Cᵢⱼ + τ|Cᵢⱼ| - `column_parts`ⱼ of each row from `first_row` on.
    pub fn tolerant_row_minima(
        &self,
        first_row: usize,
        column_parts: &[f64],
        tolerance: f64,
        minima: &mut [RowMinimum],
    ) {
        self.sweep::<Tolerant>(first_row, column_parts, tolerance, minima);
    }

    fn sweep<R: Rule>(&self, first_row: usize, parts: &[f64], tolerance: f64, minima: &mut [RowMinimum]) {
        let rows_per_chunk = (ENTRIES_PER_CHUNK / self.columns().max(1)).max(1);
        for_each_chunk_mut(minima, rows_per_chunk, |start, minima| {
            self.sweep_rows::<R>(first_row + start, parts, tolerance, minima);
        });
    }

    fn sweep_rows<R: Rule>(
        &self,
        first_row: usize,
        parts: &[f64],
        tolerance: f64,
        minima: &mut [RowMinimum],
    ) {
        minima.fill(RowMinimum::NONE);
        let rows = first_row..first_row + minima.len();
        let plain = self.cut == f64::INFINITY;
        match &self.store {
            Store::Given(matrix) if plain => row_minima::<T, R>(*matrix, rows, 0, parts, tolerance, minima),
            Store::Kept(matrix) if plain => {
                row_minima::<f64, R>(matrix.view(), rows, 0, parts, tolerance, minima)
            }
            _ => self.sweep_buffered::<R>(first_row, parts, tolerance, minima),
        }
    }

    /// The sweep for costs that are computed or cut off on the way.
    fn sweep_buffered<R: Rule>(
        &self,
        first_row: usize,
        parts: &[f64],
        tolerance: f64,
        minima: &mut [RowMinimum],
    ) {
        self.for_each_panel(first_row..first_row + minima.len(), |rows, columns, panel| {
            let minima = &mut minima[rows.start - first_row..rows.end - first_row];
            let first_column = columns.start;
            row_minima::<f64, R>(panel, 0..rows.len(), first_column, &parts[columns], tolerance, minima);
        });
    }

    /// `visit` on panels of some rows and columns that cover all columns of `rows`, the panels of a row from left to right.
    pub fn for_each_panel(
        &self,
        rows: Range<usize>,
        mut visit: impl FnMut(Range<usize>, Range<usize>, MatrixView<'_, f64>),
    ) {
        let mut buffer = vec![0.0; COLUMNS_AT_A_TIME.min(self.columns()) * ROWS_AT_A_TIME.min(rows.len())];
        for start in rows.clone().step_by(ROWS_AT_A_TIME) {
            let rows = start..(start + ROWS_AT_A_TIME).min(rows.end);
            for start in (0..self.columns()).step_by(COLUMNS_AT_A_TIME) {
                let columns = start..(start + COLUMNS_AT_A_TIME).min(self.columns());
                let width = columns.len();
                let buffer = &mut buffer[..rows.len() * width];
                self.panel_into(rows.clone(), columns.clone(), buffer);
                let panel = MatrixView::from_parts(buffer, rows.len(), width, width);
                visit(rows.clone(), columns, panel);
            }
        }
    }

    /// A panel of the costs, cut off.
    fn panel_into(&self, rows: Range<usize>, columns: Range<usize>, panel: &mut [f64]) {
        if let Store::Computed(distances) = &self.store {
            distances.rows_into(rows, columns, panel);
            self.cut_off(panel);
        } else {
            let width = columns.len();
            for (row, piece) in rows.zip(panel.chunks_mut(width)) {
                self.piece_into(row, columns.clone(), piece);
            }
        }
    }

    /// A piece of a row, cut off.
    pub fn piece_into(&self, row: usize, columns: Range<usize>, piece: &mut [f64]) {
        match &self.store {
            Store::Given(matrix) => {
                for (cost, given) in piece.iter_mut().zip(&matrix.row(row)[columns]) {
                    *cost = given.to_f64();
                }
            }
            Store::Kept(matrix) => piece.copy_from_slice(&matrix.row(row)[columns]),
            Store::Computed(rows) => rows.row_into(row, columns, piece),
            Store::Pairs(rows) => rows.rows_into(row..row + 1, columns, piece),
        }
        self.cut_off(piece);
    }

    fn cut_off(&self, piece: &mut [f64]) {
        if self.cut != f64::INFINITY {
            piece.iter_mut().for_each(|cost| *cost = cost.min(self.cut));
        }
    }

    /// The largest |C|, the bottleneck, and whether any cost is negative; an error if any is not finite.
    fn check(&self) -> Result<(f64, f64, bool)> {
        let columns = self.columns();
        // At least 16 rows, so that the chunks' column minima are small beside the costs.
        let rows_per_chunk = (ENTRIES_PER_CHUNK / columns.max(1)).max(16);
        let chunks = map_chunks(self.rows(), rows_per_chunk, |rows| {
            let mut buffer = [0.0; COLUMNS_AT_A_TIME];
            let mut extremes = Extremes::new(columns);
            for row in rows {
                let mut row_minimum = f64::INFINITY;
                for start in (0..columns).step_by(COLUMNS_AT_A_TIME) {
                    let piece = &mut buffer[..COLUMNS_AT_A_TIME.min(columns - start)];
                    self.piece_into(row, start..start + piece.len(), piece);
                    let Some((least, most)) = extremes.look_at(start, piece) else {
                        let at = piece.iter().position(|cost| !cost.is_finite()).expect("one is not finite");
                        let (column, value) = (start + at, piece[at]);
                        return Err(Error::NotFiniteEntry { what: "costs", row, column, value });
                    };
                    extremes.largest = extremes.largest.max(most);
                    row_minimum = row_minimum.min(least);
                }
                extremes.largest_row_minimum = extremes.largest_row_minimum.max(row_minimum);
            }
            Ok(extremes)
        });
        let mut all = Extremes::new(columns);
        for chunk in chunks {
            all.join(&chunk?);
        }
        let bottleneck = all.column_minima.iter().copied().fold(all.largest_row_minimum, f64::max);
        if bottleneck > 0.0 {
            return Ok((all.largest, bottleneck, all.some_negative));
        }
        Ok((all.largest, self.least_of_sample().min(all.largest), all.some_negative))
    }

    /// The least |C| > 0 of a sample of the pairs; infinite if all of it is zero.
    fn least_of_sample(&self) -> f64 {
        self.sample().into_iter().filter(|&size| size > 0.0).fold(f64::INFINITY, f64::min)
    }

    /// |C| of a thousand pairs or fewer.
    fn sample(&self) -> Vec<f64> {
        // A golden-section sequence: even, and out of step with the length of a row.
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        let total = self.rows() as u128 * self.columns() as u128;
        (1..=1024_u64.min(total as u64))
            .map(|k| ((u128::from(k.wrapping_mul(GOLDEN)) * total) >> 64) as usize)
            .map(|index| self.given(index / self.columns(), index % self.columns()).abs())
            .collect()
    }
}

/// Points of each cloud whose nearest point of the other is looked for.
const POINTS_SAMPLED: usize = 64;

/// The largest distance from some points of either cloud to the nearest of the other: evenly chosen ones, and those that
/// stand out in a coordinate.
fn sampled_bottleneck<T: Scalar>(
    source: MatrixView<'_, T>,
    target: MatrixView<'_, T>,
    distance: Distance,
) -> Result<f64> {
    let mut bottleneck = 0.0_f64;
    for (cloud, other) in [(source, target), (target, source)] {
        let chosen = sample_of(cloud);
        let sample =
            Matrix::from_fn(chosen.len(), cloud.columns(), |row, column| cloud.row(chosen[row])[column]);
        let rows = PairwiseRows::new(sample.view(), other, distance)?;
        let nearest = map_chunks(chosen.len(), 8, |range| {
            let mut row = vec![0.0; other.rows()];
            let mut farthest = 0.0_f64;
            for index in range {
                rows.row_into(index, 0..other.rows(), &mut row);
                farthest = farthest.max(row.iter().copied().fold(f64::INFINITY, f64::min));
            }
            farthest
        });
        bottleneck = nearest.into_iter().fold(bottleneck, f64::max);
    }
    Ok(bottleneck)
}

fn sample_of<T: Scalar>(cloud: MatrixView<'_, T>) -> Vec<usize> {
    let count = cloud.rows();
    let mut chosen: Vec<usize> =
        (0..POINTS_SAMPLED.min(count)).map(|k| k * count / POINTS_SAMPLED.min(count)).collect();
    for axis in 0..cloud.columns().min(POINTS_SAMPLED / 2) {
        let value = |row: &usize| cloud.row(*row)[axis].to_f64();
        chosen.extend((0..count).min_by(|a, b| value(a).total_cmp(&value(b))));
        chosen.extend((0..count).max_by(|a, b| value(a).total_cmp(&value(b))));
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Magnitudes of the costs seen so far.
struct Extremes {
    largest: f64,
    largest_row_minimum: f64,
    column_minima: Vec<f64>,
    some_negative: bool,
}

impl Extremes {
    fn new(columns: usize) -> Self {
        Self {
            largest: 0.0,
            largest_row_minimum: 0.0,
            column_minima: vec![f64::INFINITY; columns],
            some_negative: false,
        }
    }

    /// The least and the largest |C| of a piece of a row, or `None` if a cost is NaN or infinite.
    fn look_at(&mut self, first_column: usize, costs: &[f64]) -> Option<(f64, f64)> {
        let (mut least, mut most, mut lowest, mut zero) = (f64::INFINITY, 0.0, 0.0, 0.0);
        for (minimum, &cost) in self.column_minima[first_column..].iter_mut().zip(costs) {
            let size = cost.abs();
            least = if size < least { size } else { least };
            most = if size > most { size } else { most };
            *minimum = if size < *minimum { size } else { *minimum };
            lowest = if cost < lowest { cost } else { lowest };
            // Stays zero unless a cost is NaN or infinite.
            zero += cost * 0.0;
        }
        self.some_negative |= lowest < 0.0;
        (zero == 0.0).then_some((least, most))
    }

    fn join(&mut self, other: &Self) {
        self.largest = self.largest.max(other.largest);
        self.some_negative |= other.some_negative;
        self.largest_row_minimum = self.largest_row_minimum.max(other.largest_row_minimum);
        for (minimum, &least) in self.column_minima.iter_mut().zip(&other.column_minima) {
            *minimum = minimum.min(least);
        }
    }
}
