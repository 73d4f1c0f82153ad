//! Solves with the factors: B x = b (FTRAN) and Bᵀ y = c (BTRAN).

use super::buckets::NONE;
use super::lists::{Entry, Lists};
use super::reach::Reach;
use super::{Factor, TINY};
use crate::lp::work_vector::WorkVector;

/// The search for the nonzeros is worth its while up to this share of nonzeros in the right-hand side,
const SPARSE_INPUT: f64 = 0.05;
/// and this share expected in the result;
const SPARSE_RESULT: f64 = 0.1;
/// it is given up when it has found this share of the rows.
const SPARSE_REACH: f64 = 0.15;

/// A result with fewer nonzeros than this share has them listed.
const LISTED: f64 = 0.3;

/// Stands for a listed entry that has become 0, so that an entry is listed exactly if it is not 0. The next step drops it.
const CANCELLED: f64 = 1e-100;

impl Factor {
    /// x := B⁻¹ x, by rows before and after. `expected_density`, the share of nonzeros to expect in the result, says whether to search for
    /// them. Entries below 1e-14 become 0. The result is listed unless it is dense.
    pub fn ftran(&mut self, x: &mut WorkVector, expected_density: f64) {
        self.solve_lower(x, expected_density);
        self.solve_upper(x, expected_density);
    }

    /// [`ftran`](Self::ftran) of the column that enters, kept half-way for [`update`](Self::update).
    pub fn ftran_entering(&mut self, x: &mut WorkVector, expected_density: f64) {
        self.solve_lower(x, expected_density);
        let mut kept = self.entering.take().unwrap_or_else(|| std::mem::take(&mut self.spare[0]));
        keep(&mut kept, x);
        self.entering = Some(kept);
        self.solve_upper(x, expected_density);
    }

    /// y := B⁻ᵀ y; see [`ftran`](Self::ftran).
    pub fn btran(&mut self, y: &mut WorkVector, expected_density: f64) {
        self.solve_upper_transposed(y, expected_density);
        self.solve_lower_transposed(y, expected_density);
    }

    /// y := B⁻ᵀ e_row, kept half-way for [`update`](Self::update).
    pub fn btran_leaving(&mut self, row: usize, y: &mut WorkVector, expected_density: f64) {
        y.clear();
        y.insert(row, 1.0);
        self.solve_upper_transposed(y, expected_density);
        let mut kept = match self.leaving.take() {
            Some((_, kept)) => kept,
            None => std::mem::take(&mut self.spare[1]),
        };
        keep(&mut kept, y);
        self.leaving = Some((row, kept));
        self.solve_lower_transposed(y, expected_density);
    }

    /// x := R_k … R₁ L⁻¹ x.
    fn solve_lower(&mut self, x: &mut WorkVector, expected_density: f64) {
        let lower = &self.lower;
        let unit = |_, value| value;
        if !solve_by_search(&lower.columns, unit, &mut self.reach, x, expected_density).0 {
            solve_in_order(&lower.columns, unit, lower.column_order.iter().copied(), &mut x.values, |_| ());
        }
        self.etas.apply(x, CANCELLED);
        self.extra_work += self.etas.nonzeros() as f64;
    }

    /// x := U⁻¹ x.
    fn solve_upper(&mut self, x: &mut WorkVector, expected_density: f64) {
        let upper = &self.upper;
        let divide = |pivot: usize, value: f64| value / upper.diagonal[pivot];
        let (done, mut work) = solve_by_search(&upper.columns, divide, &mut self.reach, x, expected_density);
        if !done {
            let order = upper.order.iter().rev().copied().filter(|&pivot| pivot != NONE);
            let (pattern, values) = (&mut x.pattern, &mut x.values);
            pattern.clear();
            work = solve_in_order(&upper.columns, divide, order, values, |pivot| pattern.push(pivot));
            x.listed = x.pattern.len() as f64 <= LISTED * self.rows as f64;
        }
        self.count_growth(work);
    }

    /// y := U⁻ᵀ y.
    fn solve_upper_transposed(&mut self, y: &mut WorkVector, expected_density: f64) {
        let upper = &self.upper;
        let divide = |pivot: usize, value: f64| value / upper.diagonal[pivot];
        // Nothing before the first nonzero changes.
        let slots = y.pattern.iter().map(|&pivot| upper.slots[pivot as usize]);
        let first = if y.listed { slots.min().unwrap_or(upper.order.len() as u32) as usize } else { 0 };
        let (done, mut work) = solve_by_search(&upper.rows, divide, &mut self.reach, y, expected_density);
        if !done {
            let order = upper.order[first..].iter().copied().filter(|&pivot| pivot != NONE);
            work = solve_in_order(&upper.rows, divide, order, &mut y.values, |_| ());
        }
        self.count_growth(work);
    }

    /// y := L⁻ᵀ R₁ᵀ … R_kᵀ y.
    fn solve_lower_transposed(&mut self, y: &mut WorkVector, expected_density: f64) {
        self.etas.apply_transposed(y, CANCELLED);
        self.extra_work += self.etas.nonzeros() as f64;
        let lower = &self.lower;
        let unit = |_, value| value;
        if !solve_by_search(&lower.rows, unit, &mut self.reach, y, expected_density).0 {
            solve_in_order(&lower.rows, unit, lower.row_order.iter().copied(), &mut y.values, |_| ());
            y.list(TINY);
            y.listed = y.pattern.len() as f64 <= LISTED * self.rows as f64;
        }
    }

    /// Books the share of a solve's work that goes to entries which updates have added to U.
    fn count_growth(&mut self, work: usize) {
        let (now, before) = (self.upper.nonzeros, self.upper_nonzeros);
        if now > before {
            self.extra_work += work as f64 * (now - before) as f64 / now as f64;
        }
    }
}

/// Solves a triangular system given by lists (see [`Reach`]) for the nonzeros found by a search; `scale` divides by
/// the diagonal. Answers whether it did so, or found that it does not pay, and with the number of entries looked at.
/// If it did not, x is not listed any more.
#[inline]
fn solve_by_search(
    lists: &Lists<Entry>,
    scale: impl Fn(usize, f64) -> f64,
    reach: &mut Reach,
    x: &mut WorkVector,
    expected_density: f64,
) -> (bool, usize) {
    let rows = x.values.len() as f64;
    let sparse =
        x.listed && expected_density <= SPARSE_RESULT && x.pattern.len() as f64 <= SPARSE_INPUT * rows;
    let WorkVector { values, pattern, .. } = x;
    let roots = pattern.iter().copied().filter(|&root| values[root as usize] != 0.0);
    if !sparse || !reach.find(lists, roots, (SPARSE_REACH * rows) as usize) {
        x.listed = false;
        return (false, 0);
    }
    pattern.clear();
    let work = solve_in_order(lists, scale, reach.order(), values, |pivot| pattern.push(pivot));
    (true, work)
}

/// Solves a triangular system given by lists for the pivots in an order, tells which are not 0, and answers with the number of entries
/// looked at.
#[inline]
fn solve_in_order(
    lists: &Lists<Entry>,
    scale: impl Fn(usize, f64) -> f64,
    order: impl Iterator<Item = u32>,
    values: &mut [f64],
    mut found: impl FnMut(u32),
) -> usize {
    let mut work = 0;
    for pivot in order {
        let value = values[pivot as usize];
        if value == 0.0 {
            continue;
        }
        let value = if value.abs() < TINY { 0.0 } else { scale(pivot as usize, value) };
        if value.abs() < TINY {
            values[pivot as usize] = 0.0;
            continue;
        }
        values[pivot as usize] = value;
        found(pivot);
        let list = lists.get(pivot as usize);
        for entry in list {
            values[entry.index as usize] -= entry.value * value;
        }
        work += list.len();
    }
    work
}

/// Keeps the nonzeros of a vector.
fn keep(kept: &mut Vec<Entry>, x: &WorkVector) {
    kept.clear();
    let entry = |index: u32| Entry { index, value: x.values[index as usize] };
    let nonzero = |entry: &Entry| entry.value.abs() >= TINY;
    if x.listed {
        kept.extend(x.pattern.iter().map(|&index| entry(index)).filter(nonzero));
    } else {
        kept.extend((0..x.values.len() as u32).map(entry).filter(nonzero));
    }
}
