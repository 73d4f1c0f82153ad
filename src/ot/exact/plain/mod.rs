//! The plain simplex: over all pairs, from a greedy tree or a given plan. It needs no tuning, solves small problems fastest
//! and is what the sparse simplex falls back to.

pub(super) mod forest;
mod simplex;
mod start;
mod tree;

use super::costs::CostRows;
use super::flows::Flow;
use super::masses::Masses;
use super::options::Options;
use crate::ot::certificate::Status;
use crate::ot::progress::Progress;
use crate::scalar::Scalar;
use simplex::Simplex;
use std::ops::ControlFlow;
use tree::SpanningTree;

/// Where the plain simplex begins.
pub(super) enum Start {
    /// With the greedy rule of [`start`].
    Greedy,
    /// With a plan whose arcs form a forest, after so many pivots.
    From { flows: Vec<Flow>, pivots: u64 },
}

/// A basis, and how it was reached.
pub(super) struct PlainAnswer {
    pub tree: SpanningTree,
    pub status: Status,
    pub pivots: u64,
}

/// Solves the problem. The costs may be cut off; the cut is lifted as far as the plan needs (see [`next_cut`]).
pub(super) fn solve<T: Scalar>(
    costs: &mut CostRows<'_, T>,
    masses: &Masses,
    start: Start,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> PlainAnswer {
    let with_mass = |units: &[i64], wanted: bool| -> Vec<usize> {
        (0..units.len()).filter(|&index| (units[index] > 0) == wanted).collect()
    };
    let active_sources = with_mass(&masses.source, true);
    let hidden_targets = with_mass(&masses.target, false);
    let (mut tree, mut pivots) = match start {
        Start::Greedy => match start::starting_tree(costs, masses, observer) {
            (tree, ControlFlow::Continue(())) => (tree, 0),
            (tree, ControlFlow::Break(())) => {
                return PlainAnswer { tree, status: Status::Stopped, pivots: 0 };
            }
        },
        Start::From { flows, pivots } => (start::tree_of(costs, masses, flows), pivots),
    };
    loop {
        let running_cost = tree.arcs().map(|arc| masses.weigh(arc.flow) * arc.cost).sum();
        let mut simplex = Simplex {
            costs,
            active_sources: &active_sources,
            hidden_targets: &hidden_targets,
            options,
            tree,
            pivots,
            running_cost,
            masses,
        };
        let status = simplex.run(observer);
        (pivots, tree) = (simplex.pivots, simplex.tree);
        // Mass on a cut cost: it does not avoid the large ones at this level, so the level goes up, whether the potentials
        // had the digits to prove this one or not.
        let on_cut = tree.arcs().any(|arc| arc.flow > 0 && costs.is_cut(arc.source, arc.target));
        if !on_cut || !matches!(status, Status::Optimal | Status::Inaccurate) {
            tree.refresh();
            return PlainAnswer { tree, status, pivots };
        }
        costs.cut = next_cut(costs);
        tree.set_costs(|source, target| costs.entry(source, target));
    }
}

/// Costs this far above the bottleneck are cut off at first.
const WIDE: f64 = 1e6;

/// What lies between two cuts.
const STEP: f64 = 1e3;

/// Where to cut large costs off.
///
/// Entries of 1e32 beside entries of 1 mean "not this pair". In the potentials they would swallow all digits of the
/// others. Some cost as large as the bottleneck every plan has to pay. So where the costs span far more than that, the
/// simplex first solves with those cut off that are [`STEP`] times as large. If the plan then has no mass on a cut pair
/// it is optimal for the given costs too: they are nowhere smaller, and on the plan they are the same; the potentials
/// are feasible for the same reason. Otherwise the cut goes up by that factor, and the simplex on from where it was.
pub(super) fn first_cut<T: Scalar>(costs: &CostRows<'_, T>) -> f64 {
    if costs.largest > WIDE * costs.bottleneck { STEP * costs.bottleneck } else { f64::INFINITY }
}

/// The next cut after the present one.
pub(super) fn next_cut<T: Scalar>(costs: &CostRows<'_, T>) -> f64 {
    let next = STEP * costs.cut;
    if next < costs.largest { next } else { f64::INFINITY }
}
