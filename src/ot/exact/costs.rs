//! The costs as the simplex reads them: entry by entry for the basis, row by row for pricing.

use super::pricing::{Plain, RowMinimum, Rule, Tolerant, row_minima};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, PairwiseRows};
use crate::ot::problem::{Costs, Problem};
use crate::parallel::{for_each_chunk_mut, map_chunks};
use crate::scalar::Scalar;

/// Point clouds with at most this many pairs get their cost matrix computed once (32 MiB): a simplex reads each cost
/// hundreds of times. Larger ones are computed on the fly, row by row, in O(n + m) memory.
const PAIRS_KEPT: usize = 1 << 22;

/// Columns computed at a time on the fly: the buffer stays in the nearest cache.
const COLUMNS_AT_A_TIME: usize = 1024;

/// Entries below which a sweep runs on the calling thread: about 30 microseconds of work.
const ENTRIES_PER_CHUNK: usize = 1 << 16;

/// A potential is a sum of costs along a path of the tree: with this bound it is finite for 10^8 points and more.
const LARGEST_COST: f64 = 1e300;

/// Where the costs come from.
enum Store<'a, T> {
    Given(MatrixView<'a, T>),
    Kept(Matrix<f64>),
    Computed(PairwiseRows),
}

/// Checked, finite costs, cut off as the simplex needs them.
pub(super) struct CostRows<'a, T> {
    store: Store<'a, T>,
    /// Costs above this count as this. Almost always infinity.
    pub cut: f64,
    /// The largest |Cᵢⱼ|.
    pub largest: f64,
    /// The orders of magnitude in use: |Cᵢⱼ| > 0 of each row's least cost, of a sample and of the largest, ascending.
    pub magnitudes: Vec<f64>,
}

impl<'a, T: Scalar> CostRows<'a, T> {
    /// Checks every cost.
    ///
    /// # Errors
    /// Costs or coordinates that are NaN or infinite, dimensions that differ, distances that overflow.
    pub fn new(problem: &Problem<'a, T>) -> Result<Self> {
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
                match rows.rows().saturating_mul(rows.columns()) <= PAIRS_KEPT {
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
        };
        let mut costs = Self { store, cut: f64::INFINITY, largest: 0.0, magnitudes: Vec::new() };
        (costs.largest, costs.magnitudes) = costs.check()?;
        if costs.largest > LARGEST_COST {
            return Err(Error::Argument {
                name: "the largest |cost|",
                value: costs.largest,
                requirement: "it must be at most 1e300, so that sums of costs stay finite",
            });
        }
        Ok(costs)
    }

    pub fn rows(&self) -> usize {
        match &self.store {
            Store::Given(matrix) => matrix.rows(),
            Store::Kept(matrix) => matrix.rows(),
            Store::Computed(rows) => rows.rows(),
        }
    }

    pub fn columns(&self) -> usize {
        match &self.store {
            Store::Given(matrix) => matrix.columns(),
            Store::Kept(matrix) => matrix.columns(),
            Store::Computed(rows) => rows.columns(),
        }
    }

    /// The cost as it was given.
    pub fn given(&self, row: usize, column: usize) -> f64 {
        match &self.store {
            Store::Given(matrix) => matrix.row(row)[column].to_f64(),
            Store::Kept(matrix) => matrix.row(row)[column],
            Store::Computed(rows) => rows.entry(row, column),
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

    /// The sweep for costs that are computed or cut off on the way: a piece of a row at a time.
    fn sweep_buffered<R: Rule>(
        &self,
        first_row: usize,
        parts: &[f64],
        tolerance: f64,
        minima: &mut [RowMinimum],
    ) {
        let mut buffer = [0.0; COLUMNS_AT_A_TIME];
        for (row, minimum) in minima.iter_mut().enumerate() {
            for start in (0..self.columns()).step_by(COLUMNS_AT_A_TIME) {
                let columns = start..(start + COLUMNS_AT_A_TIME).min(self.columns());
                let buffer = &mut buffer[..columns.len()];
                self.piece_into(first_row + row, columns.clone(), buffer);
                let piece = MatrixView::from_parts(buffer, 1, columns.len(), columns.len());
                let minimum = std::slice::from_mut(minimum);
                row_minima::<f64, R>(piece, 0..1, start, &parts[columns], tolerance, minimum);
            }
        }
    }

    /// A piece of a row, cut off.
    pub fn piece_into(&self, row: usize, columns: std::ops::Range<usize>, piece: &mut [f64]) {
        match &self.store {
            Store::Given(matrix) => {
                for (cost, given) in piece.iter_mut().zip(&matrix.row(row)[columns]) {
                    *cost = given.to_f64();
                }
            }
            Store::Kept(matrix) => piece.copy_from_slice(&matrix.row(row)[columns]),
            Store::Computed(rows) => rows.row_into(row, columns, piece),
        }
        if self.cut != f64::INFINITY {
            piece.iter_mut().for_each(|cost| *cost = cost.min(self.cut));
        }
    }

    /// The largest |C| and the magnitudes; an error if any cost is not finite.
    fn check(&self) -> Result<(f64, Vec<f64>)> {
        let columns = self.columns();
        let rows_per_chunk = (ENTRIES_PER_CHUNK / columns.max(1)).max(1);
        let chunks = map_chunks(self.rows(), rows_per_chunk, |rows| {
            let mut buffer = [0.0; COLUMNS_AT_A_TIME];
            let mut largest = 0.0_f64;
            let mut row_minima = Vec::with_capacity(rows.len());
            for row in rows {
                let mut row_minimum = f64::INFINITY;
                for start in (0..columns).step_by(COLUMNS_AT_A_TIME) {
                    let piece = &mut buffer[..COLUMNS_AT_A_TIME.min(columns - start)];
                    self.piece_into(row, start..start + piece.len(), piece);
                    let (least, most) = range(piece);
                    // NaN fails every comparison, so what is asked is whether both ends are where they should be.
                    if !(least > f64::NEG_INFINITY && most < f64::INFINITY) {
                        let at = piece.iter().position(|cost| !cost.is_finite()).expect("one is not finite");
                        let (column, value) = (start + at, piece[at]);
                        return Err(Error::NotFiniteEntry { what: "costs", row, column, value });
                    }
                    largest = largest.max(most.abs()).max(least.abs());
                    row_minimum = row_minimum.min(least);
                }
                row_minima.push(row_minimum.abs());
            }
            Ok((largest, row_minima))
        });
        let mut largest = 0.0_f64;
        let mut magnitudes = self.sample();
        for chunk in chunks {
            let (chunk_largest, row_minima) = chunk?;
            largest = largest.max(chunk_largest);
            magnitudes.extend(row_minima);
        }
        magnitudes.push(largest);
        magnitudes.retain(|&magnitude| magnitude > 0.0);
        magnitudes.sort_unstable_by(f64::total_cmp);
        Ok((largest, magnitudes))
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

/// The least and the largest of the costs, or NaN in both if any is NaN.
fn range(costs: &[f64]) -> (f64, f64) {
    let (mut least, mut most, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for &cost in costs {
        least = if cost < least { cost } else { least };
        most = if cost > most { cost } else { most };
        // Zero unless a cost is NaN or infinite, in any order of summation.
        sum += cost * 0.0;
    }
    if sum == 0.0 { (least, most) } else { (f64::NAN, f64::NAN) }
}
