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
