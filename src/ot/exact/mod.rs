//! Exact optimal transport: the network simplex.

mod costs;
pub(crate) mod masses;
mod options;
mod pricing;
mod proof;
mod simplex;
mod start;
mod tree;

use crate::error::Result;
use crate::ot::certificate::{Certificate, Status};
use crate::ot::plan::{PlanEntry, TransportPlan};
use crate::ot::problem::{Problem, sum};
use crate::ot::progress::{Progress, run_to_the_end};
use crate::scalar::Scalar;
use costs::CostRows;
use masses::Masses;
pub use options::Options;
use simplex::Simplex;
use std::ops::ControlFlow;
use tree::SpanningTree;

/// The answer of the exact solver.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Solution {
    /// P: which mass goes where, at most n + m - 1 entries.
    pub plan: TransportPlan,
    /// f: one for each source; that of the first source with mass is zero.
    pub source_potentials: Vec<f64>,
    /// g: one for each target.
    pub target_potentials: Vec<f64>,
    /// The proof.
    pub certificate: Certificate,
}

impl Solution {
    /// The transport cost Σ Cᵢⱼ Pᵢⱼ.
    pub fn cost(&self) -> f64 {
        self.certificate.primal_cost
    }
}

/// Solves the transport problem exactly, with the default options.
#[doc(alias = "emd")]
pub fn solve<T: Scalar>(problem: &Problem<'_, T>) -> Result<Solution> {
    solve_with(problem, &Options::default(), &mut run_to_the_end)
}

/// The optimal cost alone.
#[doc(alias = "emd2")]
#[doc(alias = "wasserstein")]
pub fn transport_cost<T: Scalar>(problem: &Problem<'_, T>) -> Result<f64> {
    let solved = solve_tree(problem, &Options::default(), &mut run_to_the_end)?;
    let Solved {
        costs, masses, tree, ..
    } = &solved;
    Ok(sum(tree.arcs().map(|arc| {
        arc.flow as f64 * masses.unit * costs.given(arc.source, arc.target)
    })))
}

/// Solves the transport problem exactly.
pub fn solve_with<T: Scalar>(
    problem: &Problem<'_, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution> {
    let Solved {
        weights,
        mut costs,
        masses,
        tree,
        outcome,
    } = solve_tree(problem, options, observer)?;
    let entries = tree
        .arcs()
        .filter(|arc| arc.flow > 0)
        .map(|arc| PlanEntry {
            source: arc.source,
            target: arc.target,
            mass: arc.flow as f64 * masses.unit,
        })
        .collect();
    let plan = TransportPlan::new(problem.sources(), problem.targets(), entries)?;

    let unscale = |potentials: &[f64]| {
        potentials
            .iter()
            .map(|potential| potential / costs.scale)
            .collect()
    };
    let mut source_potentials: Vec<f64> = unscale(tree.source_potentials());
    let mut target_potentials: Vec<f64> = unscale(tree.target_potentials());
    (costs.scale, costs.cut) = (1.0, f64::INFINITY);
    proof::extend_potentials(&costs, &masses, &mut source_potentials, &mut target_potentials);
    if outcome.status != Status::Optimal {
        proof::make_feasible(&costs, &mut source_potentials, &target_potentials);
    }
    let certificate = proof::certify(
        &costs,
        &weights,
        &masses,
        &plan,
        &source_potentials,
        &target_potentials,
        outcome,
    );
    Ok(Solution {
        plan,
        source_potentials,
        target_potentials,
        certificate,
    })
}

/// The simplex's final tree, and what it was built from.
struct Solved<'a, T> {
    weights: crate::ot::problem::CheckedWeights,
    costs: CostRows<'a, T>,
    masses: Masses,
    tree: SpanningTree,
    outcome: proof::Outcome,
}

fn solve_tree<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solved<'a, T>> {
    options.validate()?;
    let weights = problem.checked_weights()?;
    let mut costs = CostRows::new(problem)?;
    let masses = Masses::new(&weights);
    let with_mass = |units: &[i64], wanted: bool| -> Vec<usize> {
        (0..units.len())
            .filter(|&index| (units[index] > 0) == wanted)
            .collect()
    };
    let active_sources = with_mass(&masses.source, true);
    let hidden_targets = with_mass(&masses.target, false);

    costs.scale = moderate_scale(costs.largest);
    let mut cuts = cut_levels(&costs).into_iter();
    costs.cut = cuts.next().unwrap_or(f64::INFINITY);
    let mut tree = start::starting_tree(&costs, &masses);
    let (mut iterations, mut tolerance) = (0, options.tolerance);
    loop {
        let mut simplex = Simplex {
            costs: &costs,
            active_sources: &active_sources,
            hidden_targets: &hidden_targets,
            options,
            tree,
            pivots: iterations,
            tolerance,
        };
        let status = simplex.run(observer);
        (iterations, tolerance, tree) = (simplex.pivots, simplex.tolerance, simplex.tree);
        // Mass on a cut cost: it does not avoid the large ones at this level, so the level goes up.
        let on_cut = tree
            .arcs()
            .any(|arc| arc.flow > 0 && costs.is_cut(arc.source, arc.target));
        if status != Status::Optimal || !on_cut {
            tree.refresh();
            let outcome = proof::Outcome {
                status,
                iterations,
                tolerance,
            };
            return Ok(Solved {
                weights,
                costs,
                masses,
                tree,
                outcome,
            });
        }
        costs.cut = cuts.next().unwrap_or(f64::INFINITY);
        tree.set_costs(|source, target| costs.entry(source, target));
    }
}

/// The power of two that brings costs near the ends of the range to where sums of them are finite and normal; else one.
fn moderate_scale(largest: f64) -> f64 {
    // A potential is a sum of at most n + m < 2^33 costs.
    if largest > 2.0_f64.powi(900) {
        2.0_f64.powi(-200)
    } else if largest > 0.0 && largest < 2.0_f64.powi(-900) {
        2.0_f64.powi(200)
    } else {
        1.0
    }
}

/// Where to cut large costs off: above every gap of six orders of magnitude or more between the magnitudes in use.
///
/// Entries of 1e32 beside entries of 1 mean "not this pair". In the potentials they would swallow all digits of the
/// others. So the simplex first solves with them cut to a thousand times the largest cost below the gap. If the plan
/// then has no mass on a cut pair it is optimal for the given costs too: they are nowhere smaller, and on the plan they
/// are the same; the potentials are feasible for the same reason. Otherwise it goes on from there, one gap higher.
fn cut_levels<T: Scalar>(costs: &CostRows<'_, T>) -> Vec<f64> {
    costs
        .magnitudes
        .windows(2)
        .filter(|pair| pair[1] > 1e6 * pair[0])
        .map(|pair| 1e3 * pair[0] * costs.scale)
        .collect()
}
