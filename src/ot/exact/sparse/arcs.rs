//! Candidate arcs: a sparse bipartite graph with its costs, row by row.

use super::super::pricing::rounding_of;
use crate::parallel::map_chunks;
use std::ops::Range;

/// Arcs to a task where costs are computed.
const ARCS_PER_CHUNK: usize = 1 << 13;

/// Arcs that one column keeps in a selection.
const KEPT_BY_A_COLUMN: usize = 3;

/// An arc that is to be added.
pub(super) type NewArc = (u32, u32, f64);

/// Some targets for each source (compressed sparse rows), and what they cost.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidates {
    /// Row i has the entries from `starts[i]` to `starts[i + 1]`.
    pub starts: Vec<u32>,
    pub targets: Vec<u32>,
    pub costs: Vec<f64>,
}

impl Candidates {
    /// From (source, target) pairs, row after row, none of them twice.
    pub fn from_rows(
        sources: usize,
        pairs: &[(u32, u32)],
        cost: impl Fn(u32, u32) -> f64 + Sync + Send,
    ) -> Self {
        let mut starts = vec![0; sources + 1];
        for &(source, _) in pairs {
            starts[source as usize + 1] += 1;
        }
        for row in 0..sources {
            starts[row + 1] += starts[row];
        }
        let costs = map_chunks(pairs.len(), ARCS_PER_CHUNK, |range| {
            pairs[range].iter().map(|&(source, target)| cost(source, target)).collect::<Vec<f64>>()
        });
        Self { starts, targets: pairs.iter().map(|&(_, target)| target).collect(), costs: costs.concat() }
    }

    /// These and others, each pair once. Others that are new are few.
    pub fn extended(&self, mut others: Vec<NewArc>) -> Self {
        others.sort_unstable_by_key(|&(source, target, _)| (source, target));
        others.dedup_by_key(|&mut (source, target, _)| (source, target));
        let mut extended = Self {
            starts: Vec::with_capacity(self.starts.len()),
            targets: Vec::with_capacity(self.len() + others.len()),
            costs: Vec::with_capacity(self.len() + others.len()),
        };
        extended.starts.push(0);
        let mut rest = others.as_slice();
        for row in 0..self.rows() {
            let old = &self.targets[self.row(row)];
            extended.targets.extend_from_slice(old);
            extended.costs.extend_from_slice(&self.costs[self.row(row)]);
            while let Some((&(source, target, cost), after)) = rest.split_first() {
                if source as usize != row {
                    break;
                }
                rest = after;
                if !old.contains(&target) {
                    extended.targets.push(target);
                    extended.costs.push(cost);
                }
            }
            extended.starts.push(extended.targets.len() as u32);
        }
        extended
    }

    /// Where row i's entries are.
    #[inline(always)]
    pub fn row(&self, source: usize) -> Range<usize> {
        self.starts[source] as usize..self.starts[source + 1] as usize
    }

    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// fᵢ = minⱼ Cᵢⱼ - gⱼ over the candidates of each row.
    pub fn row_potentials(&self, g: &[f64]) -> Vec<f64> {
        (0..self.rows())
            .map(|row| {
                let mut least = f64::INFINITY;
                for entry in self.row(row) {
                    least = least.min(self.costs[entry] - g[self.targets[entry] as usize]);
                }
                least
            })
            .collect()
    }

    /// The candidates with the least reduced costs: `per_row` of each row and three of each column.
    pub fn best(&self, f: &[f64], g: &[f64], per_row: usize) -> Self {
        let mut kept = vec![false; self.len()];
        // The best of each column so far, in rising order.
        let mut of_columns = vec![[(f64::INFINITY, usize::MAX); KEPT_BY_A_COLUMN]; g.len()];
        let mut of_row: Vec<(f64, usize)> = Vec::new();
        for (row, f) in f.iter().enumerate() {
            of_row.clear();
            for entry in self.row(row) {
                let target = self.targets[entry] as usize;
                let mut new = (self.costs[entry] - f - g[target], entry);
                of_row.push(new);
                for old in &mut of_columns[target] {
                    if new.0 < old.0 {
                        std::mem::swap(&mut new, old);
                    }
                }
            }
            if of_row.len() > per_row {
                of_row.select_nth_unstable_by(per_row - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                of_row.truncate(per_row);
            }
            for &(_, entry) in &of_row {
                kept[entry] = true;
            }
        }
        for &(_, entry) in of_columns.iter().flatten() {
            if entry != usize::MAX {
                kept[entry] = true;
            }
        }
        let mut best = Self { starts: vec![0], targets: Vec::new(), costs: Vec::new() };
        for row in 0..self.rows() {
            for entry in self.row(row) {
                if kept[entry] {
                    best.targets.push(self.targets[entry]);
                    best.costs.push(self.costs[entry]);
                }
            }
            best.starts.push(best.targets.len() as u32);
        }
        best
    }

    /// The most violated candidates, at most `per_row` of a row (see [`pricing`](super::super::pricing) for what that means).
    pub fn violated(&self, f: &[f64], g: &[f64], tolerance: f64, per_row: usize) -> Vec<NewArc> {
        let rounding = rounding_of(f, g);
        let mut violated = Vec::new();
        let mut of_row: Vec<(f64, usize)> = Vec::new();
        for (row, f) in f.iter().enumerate() {
            of_row.clear();
            let bar = f - tolerance * f.abs() - rounding;
            for entry in self.row(row) {
                let (cost, g) = (self.costs[entry], g[self.targets[entry] as usize]);
                let excess = (cost + tolerance * cost.abs()) - (g - tolerance * g.abs()) - bar;
                if excess < 0.0 {
                    of_row.push((excess, entry));
                }
            }
            if of_row.len() > per_row {
                of_row.select_nth_unstable_by(per_row - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                of_row.truncate(per_row);
            }
            violated.extend(
                of_row.iter().map(|&(_, entry)| (row as u32, self.targets[entry], self.costs[entry])),
            );
        }
        violated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::RandomStream;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A graph with about `share` of all pairs, and whole costs below `levels`.
    fn graph(rows: usize, columns: usize, share: f64, levels: u64, random: &mut RandomStream) -> Candidates {
        let mut pairs = Vec::new();
        for row in 0..rows as u32 {
            let mut targets: Vec<u32> =
                (0..columns as u32).filter(|_| random.uniform::<f64>() < share).collect();
            random.shuffle(&mut targets);
            pairs.extend(targets.into_iter().map(|target| (row, target)));
        }
        let costs: Vec<f64> = (0..rows * columns).map(|_| random.below(levels).unwrap() as f64).collect();
        Candidates::from_rows(rows, &pairs, |row, column| costs[row as usize * columns + column as usize])
    }

    fn as_map(graph: &Candidates) -> BTreeMap<(u32, u32), f64> {
        let mut map = BTreeMap::new();
        for row in 0..graph.rows() {
            for entry in graph.row(row) {
                let twice = map.insert((row as u32, graph.targets[entry]), graph.costs[entry]);
                assert_eq!(twice, None, "an arc twice");
            }
        }
        assert_eq!(map.len(), graph.len());
        map
    }

    fn potentials(count: usize, random: &mut RandomStream) -> Vec<f64> {
        (0..count).map(|_| random.below(4).unwrap() as f64).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn extended_is_the_union(
            rows in 1_usize..20, columns in 1_usize..20, share in 0.0..1.0_f64, seed in any::<u64>(),
        ) {
            let mut random = RandomStream::new(seed);
            let old = graph(rows, columns, share, 100, &mut random);
            let mut union = as_map(&old);
            let others: Vec<NewArc> = (0..30)
                .map(|_| {
                    let source = random.below(rows as u64).unwrap() as u32;
                    let target = random.below(columns as u64).unwrap() as u32;
                    (source, target, *union.entry((source, target)).or_insert(f64::from(source + 200 * target)))
                })
                .collect();
            let extended = old.extended(others);
            prop_assert_eq!(as_map(&extended), union);
            prop_assert_eq!(old.extended(Vec::new()), old.clone());
            // Old arcs keep their order, before new ones.
            for row in 0..rows {
                let (before, after) = (old.row(row), extended.row(row));
                prop_assert_eq!(
                    &extended.targets[after.start..after.start + before.len()],
                    &old.targets[before]
                );
            }
        }

        #[test]
        fn best_keeps_the_least_of_each_row_and_column(
            rows in 1_usize..20,
            columns in 1_usize..20,
            share in 0.0..1.0_f64,
            per_row in 1_usize..8,
            seed in any::<u64>(),
        ) {
            let mut random = RandomStream::new(seed);
            let all = graph(rows, columns, share, 1 << 40, &mut random);
            let (f, g) = (potentials(rows, &mut random), potentials(columns, &mut random));
            let map = as_map(&all);
            let reduced = |(&(row, column), cost): (&(u32, u32), &f64)| cost - f[row as usize] - g[column as usize];
            // By definition: fewer than so many of its row, or of its column, are better. 2^40 costs leave no ties.
            let expected: BTreeMap<_, _> = map
                .iter()
                .filter(|&(at, cost)| {
                    let better = |other: &(&(u32, u32), &f64)| reduced(*other) < reduced((at, cost));
                    let in_row = map.iter().filter(|(other, _)| other.0 == at.0).filter(better).count();
                    let in_column = map.iter().filter(|(other, _)| other.1 == at.1).filter(better).count();
                    in_row < per_row || in_column < KEPT_BY_A_COLUMN
                })
                .map(|(&at, &cost)| (at, cost))
                .collect();
            prop_assert_eq!(as_map(&all.best(&f, &g, per_row)), expected);
        }

        #[test]
        fn violated_are_the_worst_beyond_the_tolerance_and_row_potentials_the_minima(
            rows in 1_usize..20,
            columns in 1_usize..20,
            share in 0.0..1.0_f64,
            per_row in 1_usize..8,
            tolerance in prop::sample::select(vec![1e-14, 1e-3]),
            seed in any::<u64>(),
        ) {
            let mut random = RandomStream::new(seed);
            let all = graph(rows, columns, share, 12, &mut random);
            let (f, g) = (potentials(rows, &mut random), potentials(columns, &mut random));
            let nu = 16.0 * f64::EPSILON * f.iter().chain(&g).fold(0.0_f64, |a, b| a.max(b.abs()));
            let violated = all.violated(&f, &g, tolerance, per_row);
            let excess = |row: usize, target: u32, cost: f64| {
                let (f, g) = (f[row], g[target as usize]);
                f + g - cost - tolerance * (cost.abs() + f.abs() + g.abs()) - nu
            };
            for row in 0..rows {
                let mut expected: Vec<f64> = all.row(row)
                    .map(|entry| excess(row, all.targets[entry], all.costs[entry]))
                    .filter(|&excess| excess > 0.0)
                    .collect();
                expected.sort_by(|a, b| b.total_cmp(a));
                expected.truncate(per_row);
                let mut got: Vec<f64> = violated.iter()
                    .filter(|arc| arc.0 as usize == row)
                    .map(|&(_, target, cost)| excess(row, target, cost))
                    .collect();
                got.sort_by(|a, b| b.total_cmp(a));
                prop_assert_eq!(got, expected);
            }
            for (row, potential) in all.row_potentials(&g).into_iter().enumerate() {
                let least = all.row(row)
                    .map(|entry| all.costs[entry] - g[all.targets[entry] as usize])
                    .fold(f64::INFINITY, f64::min);
                prop_assert_eq!(potential, least);
            }
        }
    }
}
