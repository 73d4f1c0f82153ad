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

#[cfg(test)]
mod tests {
    use super::super::greedy::{basis_of, greedy_plan};
    use super::super::instances::{complete, divided, integer_costs};
    use super::*;
    use crate::Matrix;
    use crate::ot::certificate::Status;
    use crate::ot::exact::costs::CostRows;
    use crate::ot::exact::masses::Masses;
    use crate::ot::exact::options::Options;
    use crate::ot::exact::plain::{self, Start};
    use crate::ot::problem::Problem;
    use crate::ot::progress::run_to_the_end;
    use crate::random::RandomStream;
    use proptest::prelude::*;

    /// The basis of the greedy plan over all pairs that a row's `per_row` best arcs allow.
    fn start(graph: &Candidates, supply: &[i64], demand: &[i64], penalty: f64, per_row: usize) -> Basis {
        let (f, g) = (vec![0.0; supply.len()], vec![0.0; demand.len()]);
        let some = graph.best(&f, &g, per_row);
        basis_of(&greedy_plan(&some, &[], &f, &g, supply.to_vec(), demand.to_vec()), &f, &g, penalty)
    }

    fn unlimited(candidates: &Candidates) -> Pivots<'_> {
        Pivots { candidates, tolerance: 1e-13, rounding: 0.0, limit: 100_000 }
    }

    fn cost(basis: &Basis) -> f64 {
        basis.arcs().map(|arc| arc.units as f64 * arc.cost).sum()
    }

    /// What the plain simplex finds.
    fn plain_cost(costs: &Matrix<f64>, supply: &[i64], demand: &[i64]) -> f64 {
        let mut rows = CostRows::new(&Problem::from_costs(costs)).unwrap();
        let masses = Masses::of_units(supply.to_vec(), demand.to_vec());
        let answer =
            plain::solve(&mut rows, &masses, Start::Greedy, &Options::default(), &mut run_to_the_end);
        assert_eq!(answer.status, Status::Optimal);
        answer.tree.arcs().map(|arc| arc.flow as f64 * arc.cost).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn integer_costs_with_ties_give_the_optimum_of_the_plain_simplex(
            rows in 1_usize..40,
            columns in 1_usize..40,
            heaviest in 1_i64..5,
            levels in 1_u64..12,
            per_row in 1_usize..4,
            seed in any::<u64>(),
        ) {
            let mut random = RandomStream::new(seed);
            let (supply, demand) = divided(rows, columns, heaviest, &mut random);
            let costs = integer_costs(rows * columns, levels, &mut random);
            let graph = complete(rows, columns, &costs);
            let mut basis = start(&graph, &supply, &demand, 1000.0, per_row);
            let mut pivots = 0;
            let ended = unlimited(&graph).run(&mut basis, &mut pivots, &mut |_, _| false);
            prop_assert_eq!(ended, Ended::Clean);
            basis.assert_sound(&supply, &demand, 0.0);
            prop_assert_eq!(basis.artificial_flow(), 0);
            let matrix = Matrix::from_fn(rows, columns, |row, column| costs[row * columns + column]);
            prop_assert_eq!(cost(&basis), plain_cost(&matrix, &supply, &demand));
        }
    }

    #[test]
    fn real_costs_give_the_optimum_of_the_plain_simplex_and_rebuilds_change_nothing() {
        let mut random = RandomStream::new(3);
        let (rows, columns) = (150, 120);
        let (supply, demand) = divided(rows, columns, 50, &mut random);
        let costs: Vec<f64> = (0..rows * columns).map(|_| random.uniform()).collect();
        let graph = complete(rows, columns, &costs);
        let mut basis = start(&graph, &supply, &demand, 100.0, 2);
        let mut pivots = 0;
        let search = unlimited(&graph);
        assert_eq!(search.run(&mut basis, &mut pivots, &mut |_, _| false), Ended::Clean);
        // Potentials are sums of at most 270 costs of at most one (and 100 at the root), over some dozen moves each.
        basis.assert_sound(&supply, &demand, 400.0 * f64::EPSILON * 270.0);
        let matrix = Matrix::from_fn(rows, columns, |row, column| costs[row * columns + column]);
        let expected = plain_cost(&matrix, &supply, &demand);
        // The sums of 269 products, in another order; different vertices differ by what the tolerance allows.
        let units: i64 = supply.iter().sum();
        assert!((cost(&basis) - expected).abs() <= 269.0 * f64::EPSILON * expected + 1e-12 * units as f64);
        let before = pivots;
        basis.rebuild();
        assert_eq!(search.run(&mut basis, &mut pivots, &mut |_, _| false), Ended::Clean);
        assert_eq!(pivots, before, "a clean basis is clean after a rebuild");
    }

    #[test]
    fn the_limit_and_the_observer_end_it_with_a_sound_basis() {
        let mut random = RandomStream::new(4);
        let (supply, demand) = divided(300, 300, 9, &mut random);
        let costs = integer_costs(300 * 300, 1000, &mut random);
        let graph = complete(300, 300, &costs);
        let mut basis = start(&graph, &supply, &demand, 1e4, 1);
        let mut pivots = 0;
        let limited = Pivots { limit: 17, ..unlimited(&graph) };
        assert_eq!(limited.run(&mut basis, &mut pivots, &mut |_, _| false), Ended::Limit);
        assert_eq!(pivots, 17);
        basis.assert_sound(&supply, &demand, 0.0);
        // From the greedy start it takes far more than the pivots after which the observer is asked.
        let mut asked = 0;
        let mut basis = Basis::new(300, 300);
        let root = basis.root();
        for (node, &units) in supply.iter().chain(&demand).enumerate() {
            basis.hang(node, root, 1e4, units);
        }
        basis.rebuild();
        let mut pivots = 0;
        let ended = unlimited(&graph).run(&mut basis, &mut pivots, &mut |pivots, basis| {
            asked += 1;
            assert_eq!(pivots, PIVOTS_PER_REPORT);
            basis.assert_sound(&supply, &demand, 0.0);
            true
        });
        assert_eq!((ended, pivots, asked), (Ended::Stopped, PIVOTS_PER_REPORT, 1));
    }

    #[test]
    fn violations_within_the_tolerance_are_left_alone() {
        // One row, two columns: the arc at cost 1 - 1e-13 is better by less than the tolerance 1e-12 (1 + 1 + 0).
        let graph = complete(2, 2, &[1.0, 1.0, 1.0, 1.0 - 1e-13]);
        let mut basis = Basis::new(2, 2);
        let root = basis.root();
        basis.hang(2, 0, 1.0, 1);
        basis.hang(3, 0, 1.0, 1);
        basis.hang(1, 2, 1.0, 1);
        basis.hang(0, root, 0.0, 0);
        basis.rebuild();
        let mut pivots = 0;
        let search = |tolerance| Pivots { tolerance, ..unlimited(&graph) };
        assert_eq!(search(1e-12).run(&mut basis, &mut pivots, &mut |_, _| false), Ended::Clean);
        assert_eq!(pivots, 0);
        assert_eq!(search(1e-15).run(&mut basis, &mut pivots, &mut |_, _| false), Ended::Clean);
        assert!(pivots > 0);
    }
}
