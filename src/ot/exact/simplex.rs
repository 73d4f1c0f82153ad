//! The pivots of the network simplex.
//!
//! **Search.** The rows are priced in turn, [`ROWS_PER_REFILL`] at a time; each row's most negative pair becomes a
//! candidate, and the candidates enter in order of their reduced cost, each priced anew before. From 8 to 64 rows the
//! time hardly depends on the number; one row at a time needs more pivots where subtrees are large, all rows at a time
//! price far more than they use.
//!
//! **Proof.** When a whole round of rows has nothing to offer, sizes and potentials are computed anew from the tree, and
//! every pair is priced with the tolerance of [`super::pricing`]. What violates it enters; nothing does: optimal.

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

/// Pivots between two calls of the observer, and priced entries between two where there are no pivots.
const PIVOTS_PER_REPORT: u64 = 1024;
const ENTRIES_PER_REPORT: usize = 1 << 25;

/// Rounds of proof after which the tolerance grows. Rounds that only ever find pairs at its edge chase the rounding of
/// the potentials.
const PATIENT_PROOFS: u32 = 8;

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
    /// Σ flow · cost of the tree, in units of mass and scaled costs: for the observer only, so rounding may gather.
    pub running_cost: f64,
    /// What turns `running_cost` into the caller's units.
    pub cost_unit: f64,
}

/// A pair that may enter.
struct Candidate {
    reduced_cost: f64,
    source: usize,
    target: usize,
}

/// The most negative first; ties in the order of the sources, so that the answer is always the same.
fn sort_candidates(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by(|a, b| {
        a.reduced_cost
            .total_cmp(&b.reduced_cost)
            .then(a.source.cmp(&b.source))
    });
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
            if let Some(status) = self.interrupted(observer) {
                return status;
            }
            proofs += 1;
            if proofs > PATIENT_PROOFS {
                self.tolerance *= 2.0;
            }
            for candidate in &violated {
                if self.limit_reached() {
                    return Status::IterationLimit;
                }
                self.try_candidate(candidate);
            }
        }
    }

    /// Prices the rows in turn and pivots on what it finds, until a whole round of rows has nothing to offer.
    fn search(&mut self, observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Option<Status> {
        let rows = self.active_sources.len();
        let mut cursor = 0;
        let mut clean = 0;
        let mut minima = [RowMinimum::NONE; ROWS_PER_REFILL];
        let mut candidates: Vec<Candidate> = Vec::with_capacity(ROWS_PER_REFILL);
        let mut column_parts = vec![0.0; self.costs.columns()];
        let mut next_report = self.pivots + PIVOTS_PER_REPORT;
        let mut entries = 0;
        while clean < rows {
            let first = self.active_sources[cursor];
            let count = self.neighbouring_rows(cursor);
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
            sort_candidates(&mut candidates);
            let mut pivoted = false;
            for candidate in &candidates {
                if self.limit_reached() {
                    return Some(Status::IterationLimit);
                }
                pivoted |= self.try_candidate(candidate);
            }
            clean = if pivoted { 0 } else { clean + count };
            cursor = (cursor + count) % rows;
            entries += count * self.costs.columns();
            if self.pivots >= next_report || entries >= ENTRIES_PER_REPORT {
                entries = 0;
                next_report = self.pivots + PIVOTS_PER_REPORT;
                if let Some(status) = self.interrupted(observer) {
                    return Some(status);
                }
            }
        }
        None
    }

    /// How many rows from the cursor on follow each other in the costs, so that one call prices them all.
    fn neighbouring_rows(&self, cursor: usize) -> usize {
        let rest = &self.active_sources[cursor..];
        (1..ROWS_PER_REFILL.min(rest.len()))
            .find(|&k| rest[k] != rest[0] + k)
            .unwrap_or(ROWS_PER_REFILL.min(rest.len()))
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
            let units = self.tree.pivot(source, target, cost, reduced_cost);
            self.running_cost += units as f64 * reduced_cost;
            self.pivots += 1;
            return true;
        }
        false
    }

    fn limit_reached(&self) -> bool {
        self.options
            .max_iterations
            .is_some_and(|limit| self.pivots >= limit)
    }

    /// Tells the observer where things stand. A status if it wants to stop, or if the limit has been reached.
    fn interrupted(&self, observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Option<Status> {
        if self.limit_reached() {
            return Some(Status::IterationLimit);
        }
        let progress = Progress {
            stage: "network simplex",
            iterations: self.pivots,
            cost: self.running_cost * self.cost_unit,
            fraction: f64::NAN,
        };
        observer(&progress).is_break().then_some(Status::Stopped)
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
        let mut parts: Vec<f64> = self
            .tree
            .target_potentials()
            .iter()
            .map(|g| g - tolerance * g.abs())
            .collect();
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
        sort_candidates(&mut violated);
        violated
    }
}
