//! The exchange of one column of the basis, after Forrest and Tomlin.
//!
//! Let s be the entering column after L and the row etas: it takes the place of column p of U. Moved to the end of
//! the order, it leaves U triangular but for row p, whose entries are eliminated by a row eta: row p minus Σ r_i row
//! i. The multipliers come without any solve from z = U⁻ᵀ e_p, which the leaving row needed anyway: r_i = -u_pp z_i.
//! The new diagonal entry is u_pp α, with α the entry of the entering column B⁻¹ a in row p. Cost: the entries of row
//! p and of column p, those of the lists that they are deleted from, and those of s and z.

use super::buckets::NONE;
use super::lists::Entry;
use super::{Factor, TINY};
use crate::lp::work_vector::WorkVector;

/// The new diagonal entry and the one computed in another way may differ by this share.
const DISAGREEMENT: f64 = 1e-6;

/// Smallest share of the largest entry of its column that a new diagonal entry may have.
const SMALLEST_SHARE: f64 = 1e-11;

impl Factor {
    /// Replaces the basic column at `row` by the one last given to [`ftran_entering`](Self::ftran_entering); the last
    /// [`btran_leaving`](Self::btran_leaving) was that of `row`. `pivot` is the entry of the former's result in `row`.
    ///
    /// False if it did not go: the new diagonal entry is too small (or not finite), disagrees with the one computed from the kept vectors,
    /// or these are missing. Then the factors must be made anew before any other solve.
    pub fn update(&mut self, row: usize, pivot: f64) -> bool {
        let (Some(entering), Some((leaving_row, leaving))) = (self.entering.take(), self.leaving.take())
        else {
            return false;
        };
        let done = leaving_row == row && self.replace(row, pivot, &entering, &leaving);
        self.spare = [entering, leaving];
        done
    }

    fn replace(&mut self, row: usize, pivot: f64, entering: &[Entry], leaving: &[Entry]) -> bool {
        let old_diagonal = self.upper.diagonal[row];
        let diagonal = old_diagonal * pivot;
        let mut largest = 0.0_f64;
        for entry in entering {
            self.dense[entry.index as usize] = entry.value;
            largest = largest.max(entry.value.abs());
        }
        let check: f64 =
            leaving.iter().map(|entry| old_diagonal * entry.value * self.dense[entry.index as usize]).sum();
        for entry in entering {
            self.dense[entry.index as usize] = 0.0;
        }
        let agree = (check - diagonal).abs() <= DISAGREEMENT * diagonal.abs();
        if !agree || !diagonal.is_finite() || diagonal.abs() < TINY.max(SMALLEST_SHARE * largest) {
            return false;
        }
        let others = leaving.iter().filter(|entry| entry.index as usize != row);
        self.etas
            .add(row, others.map(|entry| Entry { index: entry.index, value: old_diagonal * entry.value }));
        self.replace_column(row, diagonal, entering);
        true
    }

    /// Deletes row and column of a pivot from U and appends the new column.
    fn replace_column(&mut self, row: usize, diagonal: f64, entering: &[Entry]) {
        let upper = &mut self.upper;
        upper.nonzeros -= upper.columns.length(row) + upper.rows.length(row);
        for entry in upper.columns.get(row) {
            upper.rows.remove(entry.index as usize, row as u32);
        }
        for entry in upper.rows.get(row) {
            upper.columns.remove(entry.index as usize, row as u32);
        }
        upper.rows.truncate(row, 0);
        upper.columns.tidy();
        upper.columns.lay(row, entering);
        upper.columns.remove(row, row as u32);
        upper.nonzeros += upper.columns.length(row);
        for entry in upper.columns.get(row) {
            upper.rows.push(entry.index as usize, Entry { index: row as u32, value: entry.value });
        }
        upper.order[upper.slots[row] as usize] = NONE;
        upper.add(row, diagonal);
    }
}

/// The row etas: the identity but for one row each, in which they hold 1 on the diagonal and the entries stored here.
#[derive(Debug, Clone, Default)]
pub(super) struct RowEtas {
    rows: Vec<u32>,
    ends: Vec<usize>,
    entries: Vec<Entry>,
}

impl RowEtas {
    pub fn clear(&mut self) {
        self.rows.clear();
        self.ends.clear();
        self.entries.clear();
    }

    pub fn count(&self) -> usize {
        self.rows.len()
    }

    pub fn nonzeros(&self) -> usize {
        self.entries.len()
    }

    fn add(&mut self, row: usize, entries: impl Iterator<Item = Entry>) {
        self.entries.extend(entries);
        self.rows.push(row as u32);
        self.ends.push(self.entries.len());
    }

    /// x := R_k … R₁ x. A listed entry that becomes 0 is set to `cancelled` instead.
    pub fn apply(&self, x: &mut WorkVector, cancelled: f64) {
        let mut start = 0;
        for (&row, &end) in self.rows.iter().zip(&self.ends) {
            let entries = &self.entries[start..end];
            let change: f64 = entries.iter().map(|entry| entry.value * x.values[entry.index as usize]).sum();
            if change != 0.0 {
                add_to(x, row, change, cancelled);
            }
            start = end;
        }
    }

    /// y := R₁ᵀ … R_kᵀ y, likewise.
    pub fn apply_transposed(&self, y: &mut WorkVector, cancelled: f64) {
        for (place, &row) in self.rows.iter().enumerate().rev() {
            let value = y.values[row as usize];
            if value != 0.0 {
                let start = if place == 0 { 0 } else { self.ends[place - 1] };
                for entry in &self.entries[start..self.ends[place]] {
                    add_to(y, entry.index, entry.value * value, cancelled);
                }
            }
        }
    }
}

/// Adds to an entry; it is in the list exactly if it is not 0.
#[inline]
fn add_to(x: &mut WorkVector, index: u32, change: f64, cancelled: f64) {
    let value = &mut x.values[index as usize];
    if *value == 0.0 && x.listed {
        x.pattern.push(index);
    }
    *value += change;
    if *value == 0.0 {
        *value = cancelled;
    }
}
