//! The pivots of the network simplex.
//!
//! **Search.** The rows are priced in turn, [`ROWS_PER_REFILL`] at a time, with half the tolerance of the answer; each
//! row's worst violation becomes a candidate, and the candidates enter in order, each priced anew before. From 8 to 64
//! rows the time hardly depends on the number; one row at a time needs more pivots where subtrees are large, all rows at
//! a time price far more than they use.
//!
//! **Proof.** When a whole round of rows has nothing to offer, sizes and potentials are computed anew from the tree, and
//! every pair is priced with the whole tolerance ([`super::super::pricing`] has the formula). What violates it enters; nothing
//! does: optimal. The other half of the tolerance is room for the rounding that gathers in updated potentials, so a second
//! proof is rare. Where the costs span so many orders of magnitude that proofs keep finding violations, the
//! potentials have no digits left to decide with, and the answer says so.

use super::super::costs::CostRows;
use super::super::masses::Masses;
use super::super::options::Options;
use super::super::pricing::{RowMinimum, rounding_of};
use super::tree::{Arc, SpanningTree};
use crate::ot::certificate::Status;
use crate::ot::progress::Progress;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Rows that are priced together. Their best pairs are candidates for as long as they stay attractive.
const ROWS_PER_REFILL: usize = 32;

/// Pivots between two calls of the observer, and priced entries between two where there are no pivots.
const PIVOTS_PER_REPORT: u64 = 1024;
const ENTRIES_PER_REPORT: usize = 1 << 25;

/// Proofs after which the simplex gives up: further ones would chase the rounding of the potentials.
const PROOFS: u32 = 32;

/// Pivots a point after which the potentials are computed anew, and a proof tried, even if the search has not ended.
/// Ordinary problems are solved before that.
const PIVOTS_PER_POINT: usize = 64;

/// What the simplex is doing, beside its tree.
pub(in crate::ot::exact) struct Simplex<'s, 'a, T> {
    pub costs: &'s CostRows<'a, T>,
    /// Which sources have mass: the others are not in the tree.
    pub active_sources: &'s [usize],
    /// Which targets have none: they are hidden from pricing.
    pub hidden_targets: &'s [usize],
    pub options: &'s Options,
    pub tree: SpanningTree,
    pub pivots: u64,
    /// Cost of the tree's plan: for the observer only, so rounding may gather.
    pub running_cost: f64,
    pub masses: &'s Masses,
}

/// What became of a candidate.
enum Entry {
    Pivoted,
    Rejected,
    LimitReached,
}

/// A pair that may enter: it was violated by -`excess` beyond the tolerance when its row was priced.
struct Candidate {
    excess: f64,
    source: usize,
    target: usize,
}

/// The worst first; ties in the order of the sources, so that the answer is always the same.
fn sort_candidates(candidates: &mut [Candidate]) {
    candidates.sort_unstable_by(|a, b| a.excess.total_cmp(&b.excess).then(a.source.cmp(&b.source)));
}

impl<T: Scalar> Simplex<'_, '_, T> {
    /// Pivots until no pair is violated, or a limit is reached, or the observer stops it.
    pub fn run(&mut self, observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Status {
        for _ in 0..PROOFS {
            if let Some(status) = self.search(observer) {
                return status;
            }
            self.tree.refresh();
            let (violated, rounding) = self.violated_pairs();
            if violated.is_empty() {
                return Status::Optimal;
            }
            if self.told_to_stop(observer) {
                return Status::Stopped;
            }
            for candidate in &violated {
                if let Entry::LimitReached = self.try_candidate(candidate, rounding) {
                    return Status::IterationLimit;
                }
            }
        }
        Status::Inaccurate
    }

    /// Prices the rows in turn and pivots on what it finds, until a whole round of rows has nothing to offer. A status if
    /// it came to an end before that.
    fn search(&mut self, observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Option<Status> {
        let rows = self.active_sources.len();
        let tolerance = self.search_tolerance();
        let mut cursor = 0;
        let mut clean = 0;
        let mut minima = [RowMinimum::NONE; ROWS_PER_REFILL];
        let mut candidates: Vec<Candidate> = Vec::with_capacity(ROWS_PER_REFILL);
        let mut column_parts = vec![0.0; self.costs.columns()];
        let mut next_report = self.pivots + PIVOTS_PER_REPORT;
        let mut entries = 0;
        let last = self.pivots + (PIVOTS_PER_POINT * (self.costs.rows() + self.costs.columns())) as u64;
        while clean < rows && self.pivots < last {
            let first = self.active_sources[cursor];
            let count = self.neighbouring_rows(cursor);
            let rounding = self.fill_column_parts(&mut column_parts, tolerance);
            self.costs.tolerant_row_minima(first, &column_parts, tolerance, &mut minima[..count]);
            candidates.clear();
            for (offset, minimum) in minima[..count].iter().enumerate() {
                candidates.extend(self.candidate(first + offset, *minimum, tolerance, rounding));
            }
            sort_candidates(&mut candidates);
            let mut pivoted = false;
            for candidate in &candidates {
                match self.try_candidate(candidate, rounding) {
                    Entry::Pivoted => pivoted = true,
                    Entry::Rejected => {}
                    Entry::LimitReached => return Some(Status::IterationLimit),
                }
            }
            clean = if pivoted { 0 } else { clean + count };
            cursor = (cursor + count) % rows;
            entries += count * self.costs.columns();
            if self.pivots >= next_report || entries >= ENTRIES_PER_REPORT {
                entries = 0;
                next_report = self.pivots + PIVOTS_PER_REPORT;
                if self.told_to_stop(observer) {
                    return Some(Status::Stopped);
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

    /// Below the tolerance of the answer, so that what the proof finds the search would have taken.
    fn search_tolerance(&self) -> f64 {
        0.5 * self.options.tolerance
    }

    /// The row's least price as a candidate, if it is a violation.
    fn candidate(
        &self,
        source: usize,
        minimum: RowMinimum,
        tolerance: f64,
        rounding: f64,
    ) -> Option<Candidate> {
        let f = self.tree.source_potentials()[source];
        let excess = minimum.value - (f - tolerance * f.abs()) + rounding;
        (excess < 0.0).then_some(Candidate { excess, source, target: minimum.column as usize })
    }

    /// Pivots on the pair if its reduced cost, as of now, is negative beyond the tolerance.
    fn try_candidate(&mut self, candidate: &Candidate, rounding: f64) -> Entry {
        let Candidate { source, target, .. } = *candidate;
        let cost = self.costs.entry(source, target);
        let (f, g) = (self.tree.source_potentials()[source], self.tree.target_potentials()[target]);
        let reduced_cost = cost - f - g;
        if reduced_cost >= -self.search_tolerance() * (cost.abs() + f.abs() + g.abs()) - rounding {
            return Entry::Rejected;
        }
        if self.options.max_iterations.is_some_and(|limit| self.pivots >= limit) {
            return Entry::LimitReached;
        }
        let units = self.tree.pivot(source, target, cost, reduced_cost);
        self.running_cost += self.masses.weigh(units) * reduced_cost;
        self.pivots += 1;
        Entry::Pivoted
    }

    /// The cost of the tree's plan. The running one is too low where costs are cut off.
    fn given_cost(&self) -> f64 {
        if self.costs.cut == f64::INFINITY {
            return self.running_cost;
        }
        let share = |arc: Arc| self.masses.weigh(arc.flow) * self.costs.given(arc.source, arc.target);
        self.tree.arcs().filter(|arc| arc.flow > 0).map(share).sum()
    }

    /// Tells the observer where things stand, and whether it wants to stop.
    fn told_to_stop(&self, observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>) -> bool {
        let progress = Progress {
            stage: "network simplex",
            iterations: self.pivots,
            cost: self.given_cost(),
            residual: f64::NAN,
            fraction: f64::NAN,
        };
        observer(&progress).is_break()
    }

    /// gⱼ - τ|gⱼ|, with the targets that have no mass hidden. Returns what rounding may have done to a potential.
    fn fill_column_parts(&self, parts: &mut [f64], tolerance: f64) -> f64 {
        for (part, &g) in parts.iter_mut().zip(self.tree.target_potentials()) {
            *part = g - tolerance * g.abs();
        }
        for &target in self.hidden_targets {
            parts[target] = f64::NEG_INFINITY;
        }
        rounding_of(self.tree.source_potentials(), self.tree.target_potentials())
    }

    /// Each row's worst pair beyond the tolerance: none means that the tree is optimal. And the rounding allowed for.
    fn violated_pairs(&self) -> (Vec<Candidate>, f64) {
        let tolerance = self.options.tolerance;
        let mut parts = vec![0.0; self.costs.columns()];
        let rounding = self.fill_column_parts(&mut parts, tolerance);
        let mut minima = vec![RowMinimum::NONE; self.costs.rows()];
        self.costs.tolerant_row_minima(0, &parts, tolerance, &mut minima);
        let mut violated: Vec<Candidate> = self
            .active_sources
            .iter()
            .filter_map(|&source| self.candidate(source, minima[source], tolerance, rounding))
            .collect();
        sort_candidates(&mut violated);
        (violated, rounding)
    }
}
