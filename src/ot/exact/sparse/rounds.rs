//! Rounds of pivots and pricing, until no pair of all is violated.
//!
//! 1. The simplex over the arcs of the graph.
//! 2. Violated candidates join the graph: they are few and at hand.
//! 3. Flow that still goes through the artificial root: the graph may have no other way for it, so direct arcs are added between its
//!    ends, once. Then its price goes up fourfold, and again. A price that is large from
//!    the start would move potentials far from those of the warm start, and take twice the pivots.
//! 4. All pairs are priced; the violated ones join. If there is none, that was the proof.

use super::super::flows::Flow;
use super::super::masses::Masses;
use super::super::options::Options;
use super::super::pricing::rounding_of;
use super::super::proof::{Pricing, price_all};
use super::super::report::Monitor;
use super::arcs::{Candidates, NewArc};
use super::basis::Basis;
use super::greedy::{GreedyPlan, basis_of};
use super::pivots::{Ended, Pivots};
use super::scaled::ScaledProblem;
use super::screen;
use super::{SparseAnswer, Sweeps, places};
use crate::ot::certificate::Status;
use crate::scalar::Scalar;

/// The price of artificial flow at first, as a share of the largest reduced cost of the graph.
const FIRST_PENALTY: f64 = 0.02;

/// Candidates, and pairs of all, that a row may add in a round.
const CANDIDATES_OF_A_ROW: usize = 4;
const PAIRS_OF_A_ROW: usize = 8;

/// Arcs from each source of artificial flow to its targets, and how many of these are looked at.
const BRIDGES_OF_A_SOURCE: usize = 3;
const TARGETS_LOOKED_AT: usize = 4096;

/// Looks at all pairs after which the plain simplex is to go on if the violated ones are still more than a twentieth
/// of the nodes, and have not halved since the look before.
const DENSE_ROUNDS: u32 = 4;

/// Pivots a node, and rounds, after which the plain simplex is to go on: ordinary problems need a tenth.
const PIVOTS_PER_NODE: u64 = 32;
const ROUNDS: u32 = 200;

/// What the rounds work on.
struct Rounds<'s, 'a, 'o, 'w, T> {
    sweeps: &'s Sweeps<'s, 'a, T>,
    scaled: &'s ScaledProblem<'s, 'a, T>,
    masses: &'s Masses,
    options: &'s Options,
    monitor: &'w mut Monitor<'o>,
    graph: Candidates,
    basis: Basis,
    pivots: u64,
}

/// Why the rounds end.
enum Outcome {
    Solved { f: Vec<f64>, g: Vec<f64>, pricing: Pricing },
    Unfinished,
    Ended(Status),
}

/// What the rounds begin with.
pub(super) struct Beginning {
    /// What may join the graph at first.
    pub candidates: Candidates,
    pub graph: Candidates,
    pub plan: GreedyPlan,
    /// f and g.
    pub potentials: [Vec<f64>; 2],
}

/// Solves over the graph, grown by what of the candidates and of all pairs it lacks.
pub(super) fn solve<T: Scalar>(
    sweeps: &Sweeps<'_, '_, T>,
    scaled: &ScaledProblem<'_, '_, T>,
    masses: &Masses,
    beginning: Beginning,
    options: &Options,
    monitor: &mut Monitor<'_>,
) -> SparseAnswer {
    let Beginning { candidates, graph, plan, potentials: [f, g] } = beginning;
    let mut largest = 0.0_f64;
    for (row, f) in f.iter().enumerate() {
        for entry in graph.row(row) {
            largest = largest.max(graph.costs[entry] - f - g[graph.targets[entry] as usize]);
        }
    }
    // Where all reduced costs are zero any price will do.
    let penalty = if largest > 0.0 { FIRST_PENALTY * largest } else { sweeps.costs.largest.max(1.0) };
    let basis = basis_of(&plan, &f, &g, penalty);
    let mut rounds = Rounds { sweeps, scaled, masses, options, monitor, graph, basis, pivots: 0 };
    let outcome = rounds.run(&candidates, [&f, &g], penalty);
    let Rounds { basis, graph, monitor, pivots, .. } = rounds;
    monitor.report.arcs = graph.len();
    monitor.report.sparse_pivots = pivots;
    let in_use = || basis.arcs().filter(|arc| arc.units > 0);
    let arcs = || sweeps.named(in_use().map(|arc| (arc.source, arc.target)));
    match outcome {
        Outcome::Solved { f, g, pricing } => SparseAnswer::Solved {
            flows: in_use()
                .zip(arcs())
                .map(|(arc, (source, target))| Flow { source, target, units: arc.units })
                .collect(),
            source_potentials: f,
            target_potentials: g,
            pricing,
        },
        Outcome::Unfinished => SparseAnswer::Unfinished { arcs: arcs() },
        Outcome::Ended(status) => {
            let (_, g) = basis.potentials();
            SparseAnswer::Ended { status, arcs: arcs(), target_potentials: sweeps.by_target(&g) }
        }
    }
}

impl<T: Scalar> Rounds<'_, '_, '_, '_, T> {
    fn run(&mut self, candidates: &Candidates, reference: [&[f64]; 2], mut penalty: f64) -> Outcome {
        let tolerance = self.options.tolerance;
        let nodes = (self.sweeps.supply.len() + self.sweeps.demand.len()) as u64;
        let enough = PIVOTS_PER_NODE * nodes;
        let (mut dense_rounds, mut violated_before, mut bridged) = (0, usize::MAX / 2, false);
        for _ in 0..ROUNDS {
            match self.pivot(enough) {
                Ended::Clean => {}
                Ended::Stopped => return Outcome::Ended(Status::Stopped),
                Ended::Limit if self.pivots >= enough => return Outcome::Unfinished,
                Ended::Limit => return Outcome::Ended(Status::IterationLimit),
            }
            self.monitor.enter("candidate pricing");
            let (f, g) = self.basis.potentials();
            let violated = candidates.violated(&f, &g, tolerance, CANDIDATES_OF_A_ROW);
            if self.add(violated) {
                continue;
            }
            let artificial = self.basis.artificial_flow() > 0;
            if artificial && !std::mem::replace(&mut bridged, true) {
                let bridges = self.bridges(reference);
                if self.add(bridges) {
                    continue;
                }
            }
            if artificial && penalty <= 16.0 * self.sweeps.costs.largest {
                self.basis.raise_artificial_costs(3.0 * penalty);
                penalty *= 4.0;
                continue;
            }
            self.monitor.enter("pricing of all pairs");
            if self.monitor.told_to_stop(self.pivots, f64::NAN, f64::NAN) {
                return Outcome::Ended(Status::Stopped);
            }
            let (f, g) = self.normalised(&f, &g);
            let pricing = self
                .screened(&f, &g)
                .unwrap_or_else(|| price_all(self.sweeps.costs, &f, &g, tolerance, PAIRS_OF_A_ROW));
            if pricing.violated.is_empty() {
                return if artificial { Outcome::Unfinished } else { Outcome::Solved { f, g, pricing } };
            }
            dense_rounds += 1;
            let (before, now) = (violated_before, pricing.violated.len());
            violated_before = now;
            if dense_rounds >= DENSE_ROUNDS && now as u64 > nodes / 20 && 2 * now > before {
                return Outcome::Unfinished;
            }
            let violated = self.renumbered(&pricing);
            if !self.add(violated) {
                // In the graph already, and clean there: the potentials have no digits left to decide.
                return Outcome::Unfinished;
            }
        }
        Outcome::Unfinished
    }

    /// The simplex over the graph, from and to a basis whose potentials are fresh.
    fn pivot(&mut self, enough: u64) -> Ended {
        self.monitor.enter("sparse simplex");
        let (f, g) = self.basis.potentials();
        let pivots = Pivots {
            candidates: &self.graph,
            // Half of it, as in the plain simplex: what the proof finds the pivots would have taken.
            tolerance: 0.5 * self.options.tolerance,
            rounding: rounding_of(&f, &g),
            limit: self.options.max_iterations.unwrap_or(u64::MAX).min(enough),
        };
        let (monitor, masses) = (&mut *self.monitor, self.masses);
        let ended = pivots.run(&mut self.basis, &mut self.pivots, &mut |pivots, basis| {
            let cost = if basis.artificial_flow() > 0 {
                f64::NAN
            } else {
                basis.arcs().map(|arc| masses.weigh(arc.units) * arc.cost).sum()
            };
            monitor.told_to_stop(pivots, cost, f64::NAN)
        });
        self.basis.rebuild();
        ended
    }

    /// Arcs over which the flow that is still artificial can go: from each of its sources to the best few of its targets, and to those that
    /// a greedy rule pairs it with, so that there surely is a way. `reference` are the potentials of the start.
    fn bridges(&self, [f, g]: [&[f64]; 2]) -> Vec<NewArc> {
        let mut targets: Vec<(u32, i64)> = self.basis.artificial_demand().collect();
        let mut bridges = Vec::new();
        let mut best: Vec<(f64, usize)> = Vec::new();
        for (source, mut supply) in self.basis.artificial_supply() {
            // A sample of the targets where there are very many; the greedy rule goes on in the sample after.
            let step = targets.len().div_ceil(TARGETS_LOOKED_AT).max(1);
            best.clear();
            best.extend((0..targets.len()).step_by(step).map(|at| {
                let target = targets[at].0;
                (self.sweeps.cost(source, target) - f[source as usize] - g[target as usize], at)
            }));
            best.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            for (rank, &(_, at)) in best.iter().enumerate() {
                let (target, demand) = &mut targets[at];
                let units = supply.min(*demand);
                if rank < BRIDGES_OF_A_SOURCE || units > 0 {
                    bridges.push((source, *target, self.sweeps.cost(source, *target)));
                }
                supply -= units;
                *demand -= units;
                if supply == 0 && rank + 1 >= BRIDGES_OF_A_SOURCE {
                    break;
                }
            }
            targets.retain(|&(_, demand)| demand > 0);
        }
        bridges
    }

    /// All pairs priced in single precision first, where costs are computed and not cut off.
    fn screened(&self, f: &[f64], g: &[f64]) -> Option<Pricing> {
        let costs = self.sweeps.costs;
        if !costs.are_computed() || costs.cut != f64::INFINITY {
            return None;
        }
        screen::price_all(self.scaled, costs, [f, g], self.options.tolerance, PAIRS_OF_A_ROW)
    }

    /// Adds arcs to the graph. Whether any of them is new.
    fn add(&mut self, arcs: Vec<NewArc>) -> bool {
        if arcs.is_empty() {
            return false;
        }
        let before = self.graph.len();
        self.graph = self.graph.extended(arcs);
        self.monitor.report.rounds += 1;
        self.graph.len() > before
    }

    /// Potentials in the problem's own numbering, with a constant such that the first source with mass has zero.
    fn normalised(&self, f: &[f64], g: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut f, mut g) = (self.sweeps.by_source(f), self.sweeps.by_target(g));
        let constant = f.iter().copied().find(|value| value.is_finite()).unwrap_or(0.0);
        f.iter_mut().for_each(|value| *value -= constant);
        g.iter_mut().for_each(|value| *value += constant);
        (f, g)
    }

    /// Violated pairs in the numbering of the sweeps.
    fn renumbered(&self, pricing: &Pricing) -> Vec<NewArc> {
        let sources = places(self.sweeps.source_order, self.sweeps.costs.rows());
        let targets = places(self.sweeps.target_order, self.sweeps.costs.columns());
        let pair = |source: u32, target: u32| (sources[source as usize], targets[target as usize]);
        pricing
            .violated
            .iter()
            .map(|violation| {
                let (source, target) = pair(violation.source, violation.target);
                (source, target, self.sweeps.cost(source, target))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::greedy::greedy_plan;
    use super::super::instances::{cloud, divided, with_clouds};
    use super::*;
    use crate::matrix::Distance;
    use crate::ot::exact::flows::served_in_order;
    use crate::ot::progress::run_to_the_end;
    use crate::random::RandomStream;

    /// A graph in which every source knows one target only carries next to nothing: bridges and rounds must find the rest.
    #[test]
    fn a_graph_that_carries_no_plan_is_grown_until_it_carries_the_best() {
        for seed in 0..20 {
            let (x, y) = (cloud(30, 2, seed, 0.0, 1.0), cloud(40, 2, 100 + seed, 1.0, 1.0));
            let (supply, demand) = divided(30, 40, 5, &mut RandomStream::new(seed));
            with_clouds([&x, &y], Distance::SquaredEuclidean, [&supply, &demand], |costs, scaled| {
                let placed = |units: &[i64], order: &[u32]| -> Vec<i64> {
                    order.iter().map(|&index| units[index as usize]).collect()
                };
                let sweeps = Sweeps {
                    costs,
                    source_order: &scaled.source_order,
                    target_order: &scaled.target_order,
                    supply: placed(&supply, &scaled.source_order),
                    demand: placed(&demand, &scaled.target_order),
                };
                let masses = Masses::of_units(supply.clone(), demand.clone());
                let pairs: Vec<(u32, u32)> = (0..30).map(|row| (row, 0)).collect();
                let graph = Candidates::from_rows(30, &pairs, |source, target| sweeps.cost(source, target));
                let potentials = [vec![0.0; 30], vec![0.0; 40]];
                let [f, g] = &potentials;
                let plan = greedy_plan(&graph, &[], f, g, sweeps.supply.clone(), sweeps.demand.clone());
                let beginning = Beginning { candidates: graph.clone(), graph, plan, potentials };
                let observer = &mut run_to_the_end;
                let mut monitor = Monitor::new(observer);
                let options = Options::default();
                let answer = solve(&sweeps, scaled, &masses, beginning, &options, &mut monitor);
                let SparseAnswer::Solved { flows, source_potentials: f, target_potentials: g, pricing } =
                    answer
                else {
                    panic!("seed {seed}: not solved");
                };
                assert!(pricing.violated.is_empty());
                // Complementary slackness, and the masses.
                let arcs = flows.iter().map(|flow| (flow.source, flow.target));
                assert_eq!(served_in_order(&masses, arcs).iter().map(|flow| flow.units).sum::<i64>(), 200);
                let mut moved = 0;
                for flow in &flows {
                    let slack = costs.entry(flow.source, flow.target) - f[flow.source] - g[flow.target];
                    assert!(slack.abs() <= 1e-12, "seed {seed}: {slack:e}");
                    moved += flow.units;
                }
                assert_eq!(moved, 200);
            })
            .expect("ordinary clouds");
        }
    }
}
