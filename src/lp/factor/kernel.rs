//! The part of the basis that no singletons triangulate: Gaussian elimination with the pivots of Markowitz.
//!
//! Each pivot is one of the least merit (r - 1)(c - 1), r and c the numbers of entries of its row and column, among a
//! few candidates in the shortest columns and rows; it must be at least `threshold` times the largest entry of its
//! column, so no multiplier exceeds 1 / threshold. Suhl and Suhl, "Computing sparse LU factorizations for large-scale
//! linear programming bases", ORSA J. Comput. 2 (1990).
//!
//! Columns are kept with values, rows as patterns; columns are named by their place in the caller's basis.

use super::buckets::Buckets;
use super::lists::{Entry, Lists};
use super::{Lower, PIVOT_TOLERANCE, TINY};

/// Columns or rows that are searched for a pivot, before the best one is taken.
const CANDIDATES: usize = 8;

/// An entry of U that the elimination left: in the row of a pivot, in a column that has its own pivot later.
#[derive(Debug, Clone, Copy)]
pub(super) struct Above {
    pub column: u32,
    pub row: u32,
    pub value: f64,
}

/// A pivot that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pivot {
    pub column: u32,
    pub row: u32,
    pub value: f64,
}

/// The active matrix and the memory of the elimination.
#[derive(Debug, Clone, Default)]
pub(super) struct Kernel {
    columns: Lists<Entry>,
    rows: Lists<u32>,
    /// Largest absolute value of each column.
    largest: Vec<f64>,
    columns_by_length: Buckets,
    rows_by_length: Buckets,
    /// Multiplier of each row in the step under way, otherwise 0.
    multiplier: Vec<f64>,
    /// The last update of a column in which the row's multiplier was used.
    used_in: Vec<u64>,
    updates: u64,
    /// Multipliers of the step under way.
    step: Vec<Entry>,
    largest_multiplier: f64,
    pivot_row: Vec<u32>,
    /// The entries of U in the order in which they came up.
    pub above: Vec<Above>,
    /// Entries looked at.
    pub work: usize,
}

impl Kernel {
    /// An empty kernel of up to `rows` rows and columns, the rows with room for the given numbers of entries.
    pub fn reset(&mut self, row_lengths: &[u32]) {
        let rows = row_lengths.len();
        self.columns.reset(rows);
        self.rows.reset(rows);
        for (row, &length) in row_lengths.iter().enumerate() {
            if length > 0 {
                self.rows.reserve(row, length as usize + 4);
            }
        }
        self.largest.resize(rows, 0.0);
        self.columns_by_length.reset(rows, rows);
        self.rows_by_length.reset(rows, rows);
        self.multiplier.resize(rows, 0.0);
        self.used_in.resize(rows, 0);
        self.above.clear();
        self.work = 0;
    }

    /// Adds a column by its entries in the active rows, which must be finite and not 0.
    pub fn add_column(&mut self, column: usize, entries: &[Entry]) {
        self.columns.lay(column, entries);
        for entry in entries {
            self.rows.push(entry.index as usize, column as u32);
        }
        self.work += 2 * entries.len();
    }

    /// Eliminates all columns that were added and answers with the pivots in their order; the multipliers go to `lower`. The columns
    /// without a pivot are those that are linearly dependent, as far as the tolerances can tell.
    pub fn eliminate(&mut self, columns: &[u32], threshold: f64, lower: &mut Lower, pivots: &mut Vec<Pivot>) {
        for &column in columns {
            let list = self.columns.get(column as usize);
            let largest = list.iter().fold(0.0_f64, |largest, entry| largest.max(entry.value.abs()));
            self.classify(column, largest, true);
        }
        for row in 0..self.multiplier.len() {
            if self.rows.length(row) > 0 {
                self.rows_by_length.put(row as u32, self.rows.length(row));
            }
        }
        while let Some(pivot) = self.choose(columns.len(), threshold) {
            self.pivot_on(pivot, lower);
            pivots.push(pivot);
        }
    }

    /// Puts a column where the search finds it or, if no entry can be a pivot, takes it out of the kernel.
    fn classify(&mut self, column: u32, largest: f64, finite: bool) {
        self.largest[column as usize] = largest;
        if finite && largest >= PIVOT_TOLERANCE {
            self.columns_by_length.put(column, self.columns.length(column as usize));
            return;
        }
        for entry in self.columns.get(column as usize) {
            self.rows.remove(entry.index as usize, column);
            self.rows_by_length.put(entry.index, self.rows.length(entry.index as usize));
        }
        self.columns.truncate(column as usize, 0);
        self.columns_by_length.remove(column);
    }

    /// The best pivot of a few candidates.
    fn choose(&mut self, longest: usize, threshold: f64) -> Option<Pivot> {
        let mut best: Option<Pivot> = None;
        let mut merit = usize::MAX;
        let mut searched = 0;
        for length in 1..=longest.max(self.multiplier.len()) {
            for column in self.columns_by_length.items(length) {
                let smallest = threshold * self.largest[column as usize];
                for entry in self.columns.get(column as usize) {
                    if entry.value.abs() < smallest {
                        continue;
                    }
                    let row_length = self.rows.length(entry.index as usize);
                    let here = (length - 1) * (row_length - 1);
                    if here < merit {
                        merit = here;
                        best = Some(Pivot { column, row: entry.index, value: entry.value });
                    }
                }
                self.work += length;
                searched += 1;
                if merit <= (length - 1) * (length - 1) || searched >= CANDIDATES {
                    return best;
                }
            }
            for row in self.rows_by_length.items(length) {
                for &column in self.rows.get(row as usize) {
                    let here = (length - 1) * (self.columns.length(column as usize) - 1);
                    if here >= merit {
                        continue;
                    }
                    let list = self.columns.get(column as usize);
                    let entry = list.iter().find(|entry| entry.index == row);
                    let value = entry.map_or(0.0, |entry| entry.value);
                    self.work += list.len();
                    if value.abs() >= threshold * self.largest[column as usize] {
                        merit = here;
                        best = Some(Pivot { column, row, value });
                    }
                }
                searched += 1;
                if merit <= length * (length - 1) || (searched >= CANDIDATES && best.is_some()) {
                    return best;
                }
            }
        }
        best
    }

    /// One step of the elimination.
    fn pivot_on(&mut self, pivot: Pivot, lower: &mut Lower) {
        let Pivot { column, row, value } = pivot;
        self.columns_by_length.remove(column);
        self.rows_by_length.remove(row);
        self.step.clear();
        self.largest_multiplier = 0.0;
        for entry in self.columns.get(column as usize) {
            if entry.index != row {
                let multiplier = entry.value / value;
                self.largest_multiplier = self.largest_multiplier.max(multiplier.abs());
                self.step.push(Entry { index: entry.index, value: multiplier });
                self.multiplier[entry.index as usize] = multiplier;
                self.rows.remove(entry.index as usize, column);
            }
        }
        self.columns.truncate(column as usize, 0);
        self.pivot_row.clear();
        self.pivot_row.extend(self.rows.get(row as usize).iter().filter(|&&other| other != column));
        self.rows.truncate(row as usize, 0);
        for place in 0..self.pivot_row.len() {
            self.update(self.pivot_row[place], row);
        }
        for place in 0..self.step.len() {
            let touched = self.step[place].index;
            self.multiplier[touched as usize] = 0.0;
            self.rows_by_length.put(touched, self.rows.length(touched as usize));
        }
        lower.add(row as usize, &self.step);
    }

    /// Subtracts the multiples of the pivot row from a column, whose entry in that row goes to U.
    fn update(&mut self, column: u32, row: u32) {
        let number = column as usize;
        let list = self.columns.get(number);
        let Some(place) = list.iter().position(|entry| entry.index == row) else { return };
        let factor = list[place].value;
        self.columns.swap_remove(number, place);
        self.above.push(Above { column, row, value: factor });
        self.updates += 1;
        // No entry of the new column exceeds this; where it is finite, so are they all.
        let bound = self.largest[number] * (1.0 + self.largest_multiplier);
        let (mut kept, mut used, mut largest) = (0, 0, 0.0_f64);
        let list = self.columns.get_mut(number);
        for place in 0..list.len() {
            let mut entry = list[place];
            let multiplier = self.multiplier[entry.index as usize];
            if multiplier != 0.0 {
                self.used_in[entry.index as usize] = self.updates;
                used += 1;
                entry.value -= multiplier * factor;
                if entry.value.abs() < TINY {
                    self.rows.remove(entry.index as usize, column);
                    continue;
                }
            }
            largest = largest.max(entry.value.abs());
            list[kept] = entry;
            kept += 1;
        }
        self.work += list.len() + self.step.len();
        self.columns.truncate(number, kept);
        if used < self.step.len() {
            for &Entry { index, value } in &self.step {
                let fill = -value * factor;
                if self.used_in[index as usize] != self.updates && fill.abs() >= TINY {
                    largest = largest.max(fill.abs());
                    self.columns.push(number, Entry { index, value: fill });
                    self.rows.push(index as usize, column);
                }
            }
        }
        self.classify(column, largest, bound.is_finite());
    }
}
