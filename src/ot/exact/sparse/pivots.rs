//! The pivots of the network simplex over the candidate arcs.
//!
//! **Block search** (Grigoriadis 1986; as in Kovács, *Minimum-cost flow algorithms: an experimental evaluation*, 2015): rows
//! are priced in turn from where the last search ended, some √arcs at a time, and the most violated arc of a block enters.
//! A violation is measured as in [`pricing`](super::super::pricing): relative to the numbers at hand.

use super::arcs::Candidates;
use super::basis::Basis;

/// Pivots between two looks at the clock of the observer.
const PIVOTS_PER_REPORT: u64 = 1024;

/// Arcs to a block, in units of √arcs: two to three need a quarter fewer pivots than one, and more price for nothing.
const BLOCK: f64 = 2.5;

/// How the pivots ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ended {
    /// No candidate arc is violated.
    Clean,
    /// The observer asked to stop.
    Stopped,
    /// The limit on pivots is reached.
    Limit,
}

/// The simplex over a fixed set of arcs.
pub(super) struct Pivots<'s> {
    pub candidates: &'s Candidates,
    /// τ, and what rounding may have done to a potential.
    pub tolerance: f64,
    pub rounding: f64,
    /// How many pivots there may be in all.
    pub limit: u64,
}

impl Pivots<'_> {
    /// Pivots until no candidate is violated. `pivots` counts on; `stop` is asked now and then.
    pub fn run(
        &self,
        basis: &mut Basis,
        pivots: &mut u64,
        stop: &mut dyn FnMut(u64, &Basis) -> bool,
    ) -> Ended {
        let rows = self.candidates.rows();
        let block = ((self.candidates.len() as f64).sqrt() * BLOCK) as usize + 1;
        let mut row = 0;
        let mut clean_rows = 0;
        let mut priced = 0;
        let mut best = Entering::NONE;
        let mut next_report = *pivots + PIVOTS_PER_REPORT;
        while clean_rows < rows {
            self.price_row(basis, row, &mut best);
            priced += self.candidates.row(row).len();
            row = if row + 1 == rows { 0 } else { row + 1 };
            clean_rows += 1;
            if best.excess < 0.0 && (priced >= block || clean_rows == rows) {
                if *pivots >= self.limit {
                    return Ended::Limit;
                }
                let target = self.candidates.targets[best.arc] as usize;
                let cost = self.candidates.costs[best.arc];
                let reduced_cost =
                    cost - basis.source_potential(best.source) - basis.target_potential(target);
                basis.pivot(best.source, target, cost, reduced_cost);
                *pivots += 1;
                (priced, clean_rows, best) = (0, 0, Entering::NONE);
                if *pivots >= next_report {
                    next_report = *pivots + PIVOTS_PER_REPORT;
                    if stop(*pivots, basis) {
                        return Ended::Stopped;
                    }
                }
            } else if priced >= block {
                priced = 0;
            }
        }
        Ended::Clean
    }

    /// The row's most violated arc, if it is worse than `best`.
    #[inline(always)]
    fn price_row(&self, basis: &Basis, row: usize, best: &mut Entering) {
        let arcs = self.candidates.row(row);
        let f = basis.source_potential(row);
        let bar = f - self.tolerance * f.abs() - self.rounding;
        let (targets, costs) = (&self.candidates.targets[arcs.clone()], &self.candidates.costs[arcs.clone()]);
        for (k, (&target, &cost)) in targets.iter().zip(costs).enumerate() {
            let g = basis.target_potential(target as usize);
            let excess = (cost + self.tolerance * cost.abs()) - (g - self.tolerance * g.abs()) - bar;
            if excess < best.excess {
                *best = Entering { excess, source: row, arc: arcs.start + k };
            }
        }
    }
}

/// The best arc so far.
struct Entering {
    excess: f64,
    source: usize,
    arc: usize,
}

impl Entering {
    const NONE: Self = Self { excess: 0.0, source: usize::MAX, arc: usize::MAX };
}
