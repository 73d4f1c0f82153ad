//! The pivots of the network simplex.

use super::costs::CostRows;
use super::options::Options;
use super::pricing::RowMinimum;
use super::tree::SpanningTree;
use crate::ot::certificate::Status;
use crate::ot::progress::Progress;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Rows that are priced together. Their best pairs are candidates for as long as they stay attractive.
const ROWS_PER_REFILL: usize = 32;

/// What the simplex is doing, beside its tree.
pub(super) struct Simplex<'s, 'a, T> {
    pub costs: &'s CostRows<'a, T>,
    /// Which sources have mass: the others are not in the tree.
    pub active_sources: &'s [usize],
    /// Which targets have none: they are hidden from pricing.
    pub hidden_targets: &'s [usize],
    pub options: &'s Options,
    pub tree: SpanningTree,
    pub pivots: u64,
    pub tolerance: f64,
}

/// A pair that may enter.
struct Candidate {
    reduced_cost: f64,
    source: usize,
    target: usize,
}

impl<T: Scalar> Simplex<'_, '_, T> {
    /// Pivots until no pair is violated, or a limit is reached, or the observer stops it.
    pub fn run(&mut self, observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Status {
        let mut proofs = 0_u32;
        loop {
            if let Some(status) = self.search(observer) {
                return status;
            }
            self.tree.refresh();
            let violated = self.violated_pairs();
            if violated.is_empty() {
                return Status::Optimal;
            }
            proofs += 1;
            // Rounds that only ever find pairs at the edge of the tolerance are chasing the rounding of the potentials.
            if proofs > 8 {
                self.tolerance *= 2.0;
            }
            for candidate in violated {
                self.try_candidate(&candidate);
            }
        }
    }

    /// Prices the rows in turn and pivots on what it finds, until a whole round of rows has nothing to offer.
    fn search(&mut self, observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Option<Status> {
        let rows = self.active_sources.len();
        let mut cursor = 0;
        let mut clean = 0;
        let mut minima = vec![RowMinimum::NONE; ROWS_PER_REFILL];
        let mut candidates: Vec<Candidate> = Vec::with_capacity(ROWS_PER_REFILL);
        let mut column_parts = self.column_parts();
        let mut next_report = self.pivots + 1024;
        while clean < rows {
            // Neighbouring rows in the matrix, so that one call prices them all.
            let first = self.active_sources[cursor];
            let mut count = 1;
            while count < ROWS_PER_REFILL
                && cursor + count < rows
                && self.active_sources[cursor + count] == first + count
            {
                count += 1;
            }
            self.fill_column_parts(&mut column_parts);
            self.costs.row_minima(first, &column_parts, &mut minima[..count]);
            candidates.clear();
            for (offset, minimum) in minima[..count].iter().enumerate() {
                let source = first + offset;
                let reduced_cost = minimum.value - self.tree.source_potentials()[source];
                if reduced_cost < 0.0 {
                    candidates.push(Candidate {
                        reduced_cost,
                        source,
                        target: minimum.column as usize,
                    });
                }
            }
            candidates.sort_unstable_by(|a, b| {
                a.reduced_cost
                    .total_cmp(&b.reduced_cost)
                    .then(a.source.cmp(&b.source))
            });
            let mut pivoted = false;
            for candidate in &candidates {
                pivoted |= self.try_candidate(candidate);
            }
            if pivoted {
                clean = 0;
            } else {
                clean += count;
            }
            cursor = (cursor + count) % rows;
            if self
                .options
                .max_iterations
                .is_some_and(|limit| self.pivots >= limit)
            {
                return Some(Status::IterationLimit);
            }
            if self.pivots >= next_report {
                next_report = self.pivots + 1024;
                let progress = Progress {
                    stage: "network simplex",
                    iterations: self.pivots,
                    cost: f64::NAN,
                    fraction: f64::NAN,
                };
                if observer(&progress).is_break() {
                    return Some(Status::Stopped);
                }
            }
        }
        None
    }

    /// Pivots on the pair if its reduced cost, as of now, is negative beyond the tolerance.
    fn try_candidate(&mut self, candidate: &Candidate) -> bool {
        let Candidate { source, target, .. } = *candidate;
        let cost = self.costs.entry(source, target);
        let (f, g) = (
            self.tree.source_potentials()[source],
            self.tree.target_potentials()[target],
        );
        let reduced_cost = cost - f - g;
        if reduced_cost < -self.tolerance * (cost.abs() + f.abs() + g.abs()) {
            self.tree.pivot(source, target, cost, reduced_cost);
            self.pivots += 1;
            return true;
        }
        false
    }

    fn column_parts(&self) -> Vec<f64> {
        let mut parts = vec![0.0; self.costs.columns()];
        self.fill_column_parts(&mut parts);
        parts
    }

    /// g, with the targets that have no mass hidden.
    fn fill_column_parts(&self, parts: &mut [f64]) {
        parts.copy_from_slice(self.tree.target_potentials());
        for &target in self.hidden_targets {
            parts[target] = f64::NEG_INFINITY;
        }
    }

    /// Each row's worst pair beyond the tolerance: none means that the tree is optimal.
    fn violated_pairs(&self) -> Vec<Candidate> {
        let tolerance = self.tolerance;
        let mut parts = self.column_parts();
        parts.iter_mut().for_each(|part| *part -= tolerance * part.abs());
        for &target in self.hidden_targets {
            parts[target] = f64::NEG_INFINITY;
        }
        let mut minima = vec![RowMinimum::NONE; self.costs.rows()];
        self.costs.tolerant_row_minima(0, &parts, tolerance, &mut minima);
        let mut violated = Vec::new();
        for &source in self.active_sources {
            let f = self.tree.source_potentials()[source];
            let excess = minima[source].value - (f - tolerance * f.abs());
            if excess < 0.0 {
                violated.push(Candidate {
                    reduced_cost: excess,
                    source,
                    target: minima[source].column as usize,
                });
            }
        }
        violated.sort_unstable_by(|a, b| {
            a.reduced_cost
                .total_cmp(&b.reduced_cost)
                .then(a.source.cmp(&b.source))
        });
        violated
    }
}
