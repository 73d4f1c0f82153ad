//! The least entry of every row of a Monge matrix, whose entries are known up to rounding.
//!
//! In a Monge matrix, `v[i,j] + v[k,l] <= v[i,l] + v[k,j]` for i < k and j < l, the place of a row's least entry moves with the
//! row in one direction. So the least entries of **all** rows are found by bisection: that of the middle row, at column b,
//! leaves columns up to b to the rows before it and columns from b on to those after it. That takes O((n + m) log n). (A. Aggarwal et
//! al., "Geometric applications of a matrix-searching algorithm", 1987, do it in O(n + m).)
//!
//! # What rounding does to it
//! The exact entries are Monge, the computed ones nearly: a row of huge entries may see its least one in the wrong place,
//! and a bisection there would hide from other rows columns that matter to them. So every column that may hold the row's
//! least entry, as far as the errors of the computed ones tell, counts as b: both halves get all of them. Then each row is
//! told an entry that is its least but for **its own** rounding, whatever the scale of the other rows.
//!
//! Where nearly everything ties (p = 1 and clouds that lie apart) that would take n m entries. After about four times the
//! work of a plain bisection, and never before 2^16 entries, the rest is bisected at the least computed entries. What that
//! hides from a row is below its entry by no more than the Monge condition allows, the sum of the errors of the splitting
//! rows, of which there are at most log₂ n for each row.

use std::ops::{Range, RangeInclusive};

/// Entries looked at before ties may be cut short: every pair of two clouds of 200 points, and more.
const ENTRIES_ALWAYS: usize = 1 << 16;

/// An entry as computed, and how far from it the exact one may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounded {
    pub value: f64,
    pub error: f64,
}

/// Tells `visit` the least computed entry of every row and its column, among those that can be the row's least.
pub(super) fn monotone_row_minima(
    rows: usize,
    columns: usize,
    entry: &impl Fn(usize, usize) -> Rounded,
    visit: &mut impl FnMut(usize, usize, f64),
) {
    let levels = rows.ilog2() as usize + 2;
    let entries_left = ENTRIES_ALWAYS.saturating_add(4 * levels * (rows + columns));
    let lower_bounds = Vec::with_capacity(columns);
    Bisection { entry, visit, entries_left, lower_bounds }.run(0..rows, 0..=columns - 1);
}

struct Bisection<'a, E, V> {
    entry: &'a E,
    visit: &'a mut V,
    /// How many entries may still be looked at before ties are cut short.
    entries_left: usize,
    /// value - error of the middle row's entries.
    lower_bounds: Vec<f64>,
}

impl<E: Fn(usize, usize) -> Rounded, V: FnMut(usize, usize, f64)> Bisection<'_, E, V> {
    fn run(&mut self, rows: Range<usize>, columns: RangeInclusive<usize>) {
        if rows.is_empty() {
            return;
        }
        let middle = rows.start + rows.len() / 2;
        let (start, end) = columns.into_inner();
        let (mut best, mut least, mut least_upper_bound) = (start, f64::INFINITY, f64::INFINITY);
        self.lower_bounds.clear();
        for column in start..=end {
            let Rounded { value, error } = (self.entry)(middle, column);
            if value < least {
                (best, least) = (column, value);
            }
            least_upper_bound = least_upper_bound.min(value + error);
            self.lower_bounds.push(value - error);
        }
        (self.visit)(middle, best, least);
        let (mut first, mut last) = (best, best);
        if let Some(left) = self.entries_left.checked_sub(end - start + 1) {
            self.entries_left = left;
            let possible = |bound: &f64| *bound <= least_upper_bound;
            // The best is always possible: its lower bound is its value less its error, and no value is below it.
            first = self.lower_bounds.iter().position(possible).map_or(best, |k| best.min(start + k));
            last = self.lower_bounds.iter().rposition(possible).map_or(best, |k| best.max(start + k));
        }
        self.run(rows.start..middle, start..=last);
        self.run(middle + 1..rows.end, first..=end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ot::line::power::Power;
    use proptest::prelude::*;

    /// |x - y|^p - part, with the error that `Power::error` and one subtraction leave.
    fn entry<'a>(
        power: Power,
        x: &'a [f64],
        y: &'a [f64],
        parts: &'a [f64],
    ) -> impl Fn(usize, usize) -> Rounded + 'a {
        move |i, j| {
            let cost = power.cost(x[i] - y[j]);
            Rounded {
                value: cost - parts[j],
                error: power.error(cost) + f64::EPSILON * (cost + parts[j].abs()),
            }
        }
    }

    fn minima(rows: usize, columns: usize, entry: &impl Fn(usize, usize) -> Rounded) -> Vec<(usize, f64)> {
        let mut minima = vec![(usize::MAX, f64::NAN); rows];
        monotone_row_minima(rows, columns, entry, &mut |row, column, least| minima[row] = (column, least));
        minima
    }

    #[test]
    fn a_row_of_huge_entries_hides_nothing_from_a_row_of_tiny_ones() {
        // Rows 1 and 2 see 1e20 everywhere: a bisection at the first of those leaves column 0 alone to row 0.
        let (x, y) = ([1e-14, 1e20, 1e20], [0.0, 1e-14]);
        let minima = minima(3, 2, &entry(Power::Absolute, &x, &y, &[0.0, 0.0]));
        assert_eq!(minima[0], (1, 0.0));
    }

    #[test]
    fn ties_everywhere_take_little_more_than_a_bisection() {
        // All costs x to the left of y, for p = 1: every column ties in every row.
        let n = 3000;
        let x: Vec<f64> = (0..n).map(|k| f64::from(k) / 3000.0).collect();
        let y: Vec<f64> = x.iter().map(|x| x + 2.0).collect();
        let looked_at = std::cell::Cell::new(0_usize);
        let entry = entry(Power::Absolute, &x, &y, &y);
        let counted = |i: usize, j: usize| {
            looked_at.set(looked_at.get() + 1);
            entry(i, j)
        };
        let minima = minima(x.len(), y.len(), &counted);
        assert!(minima.iter().zip(&x).all(|((_, least), x)| (least + x).abs() <= 4.0 * 3.0 * f64::EPSILON));
        // The bound on widened splits, and as much again for what is then left.
        assert!(looked_at.get() <= ENTRIES_ALWAYS + 2 * 4 * 13 * 6000, "{}", looked_at.get());
    }

    /// Coordinates that are alike, or thirty orders of magnitude apart.
    fn coordinates() -> impl Strategy<Value = Vec<f64>> {
        let number = prop_oneof![
            -2.0..2.0_f64,
            (-4..5_i32).prop_map(f64::from),
            (-4..5_i32).prop_map(|k| f64::from(k) * 1e-14),
            (-4..5_i32).prop_map(|k| f64::from(k) * 1e20),
            -1e20..1e20_f64,
        ];
        prop::collection::vec(number, 1..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn minima_found_by_bisection_are_those_of_all_pairs(
            mut x in coordinates(), mut y in coordinates(),
            seeds in prop::collection::vec((0..60_usize, -3.0..3.0_f64, any::<bool>()), 60),
            p in prop_oneof![Just(1.0), Just(2.0), 1.0..4.0_f64]
        ) {
            x.sort_by(f64::total_cmp);
            y.sort_by(f64::total_cmp);
            let power = Power::new(p).unwrap();
            // Any numbers, or the size of some cost of this column.
            let parts: Vec<f64> = seeds.iter().zip(&y).map(|(&(i, part, of_costs), y)| {
                if of_costs { part * power.cost(x[i % x.len()] - y) } else { part }
            }).collect();
            let entry = entry(power, &x, &y, &parts);
            for (i, (column, found)) in minima(x.len(), y.len(), &entry).into_iter().enumerate() {
                let all = (0..y.len()).map(|j| entry(i, j));
                let least = all.reduce(|a, b| if b.value < a.value { b } else { a }).unwrap();
                // This row's own rounding, of the two entries compared: nothing of the other rows'.
                prop_assert!(found <= least.value + 2.0 * (least.error + entry(i, column).error), "row {}: {:e} {:e}", i, found, least.value);
            }
        }
    }
}
