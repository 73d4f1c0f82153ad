//! The sparse simplex: an entropic warm start says which few arcs matter, a network simplex solves over these, and a look at
//! all pairs says whether any other is missing.
//!
//! The stages in their order: `ot/ordering`, `scaled`, `warm_start`, `sweep`, `refine`, `greedy`, then `rounds` of
//! `pivots` on the `basis` and of pricing, the last by `screen`. The table of [`exact`](super) says what each costs.
//!
//! Whatever the warm start gives, the answer is optimal: candidates only decide how many pivots and rounds it takes. Where that goes
//! wrong (candidates without a feasible plan, costs that potentials cannot resolve) the plain simplex goes on from the plan so far.
//!
//! The idea of solving on a sparse graph and pricing the rest is column generation; choosing it by entropic transport follows Schmitzer,
//! *A sparse multiscale algorithm for dense optimal transport* (2016), and Gottschlich and Schuhmacher, *The shortlist method* (2014).

mod arcs;
mod basis;
mod blocks;
mod greedy;
#[cfg(test)]
mod instances;
mod pivots;
mod refine;
mod rounds;
mod scaled;
mod screen;
mod side;
mod sweep;
mod warm_start;

use super::costs::CostRows;
use super::flows::{Flow, in_order_of_leaves};
use super::masses::Masses;
use super::options::{Initial, Options};
use super::proof::Pricing;
use super::report::Monitor;
use crate::ot::certificate::Status;
use crate::ot::problem::Problem;
use crate::scalar::Scalar;
use arcs::{Candidates, NewArc};
use refine::SparseScaling;
use rounds::Beginning;
use scaled::ScaledProblem;
use side::Side;
use warm_start::{Potentials, WarmStart};

/// How the sparse simplex ended.
pub(super) enum SparseAnswer {
    /// No pair is violated.
    Solved { flows: Vec<Flow>, source_potentials: Vec<f64>, target_potentials: Vec<f64>, pricing: Pricing },
    /// It does not get further: the plain simplex is to go on from these arcs.
    Unfinished { arcs: Vec<(usize, usize)> },
    /// The observer or the limit on pivots ended it. Potentials of targets without mass are minus infinity.
    Ended { status: Status, arcs: Vec<(usize, usize)>, target_potentials: Vec<f64> },
}

/// The problem in the numbering of the sweeps: only what has mass, in the order of cells.
pub(super) struct Sweeps<'s, 'a, T> {
    pub costs: &'s CostRows<'a, T>,
    /// Which source and target of the problem stands where.
    pub source_order: &'s [u32],
    pub target_order: &'s [u32],
    pub supply: Vec<i64>,
    pub demand: Vec<i64>,
}

impl<T: Scalar> Sweeps<'_, '_, T> {
    fn cost(&self, source: u32, target: u32) -> f64 {
        self.costs
            .entry(self.source_order[source as usize] as usize, self.target_order[target as usize] as usize)
    }

    /// The arcs that serve the targets in the order of the sweeps from the sources in theirs.
    fn in_their_order(&self) -> Vec<(u32, u32)> {
        let mut arcs = Vec::with_capacity(self.supply.len() + self.demand.len());
        let (mut target, mut demand) = (0, self.demand[0]);
        for (source, &supply) in self.supply.iter().enumerate() {
            let mut supply = supply;
            while supply > 0 {
                while demand == 0 {
                    target += 1;
                    demand = self.demand[target];
                }
                let units = supply.min(demand);
                (supply, demand) = (supply - units, demand - units);
                arcs.push((source as u32, target as u32));
            }
        }
        arcs
    }

    /// Arcs in the problem's own numbering.
    fn named(&self, arcs: impl Iterator<Item = (u32, u32)>) -> Vec<(usize, usize)> {
        arcs.map(|(source, target)| {
            (self.source_order[source as usize] as usize, self.target_order[target as usize] as usize)
        })
        .collect()
    }

    /// Numbers by target in the problem's own numbering, minus infinity where there is no mass.
    fn by_target(&self, values: &[f64]) -> Vec<f64> {
        let mut all = vec![f64::NEG_INFINITY; self.costs.columns()];
        for (&target, &value) in self.target_order.iter().zip(values) {
            all[target as usize] = value;
        }
        all
    }

    fn by_source(&self, values: &[f64]) -> Vec<f64> {
        let mut all = vec![f64::NEG_INFINITY; self.costs.rows()];
        for (&source, &value) in self.source_order.iter().zip(values) {
            all[source as usize] = value;
        }
        all
    }
}

/// Candidates of a row, and of a column at least. A third fewer cost more rounds over all pairs than they save.
const CANDIDATES_OF_A_ROW: usize = 40;
const CANDIDATES_OF_A_COLUMN: usize = 8;

/// Candidates more for a node that has the mass of one average node of the other side.
const CANDIDATES_OF_A_SHARE: f32 = 2.0;

/// How strong the noise of the candidate sweep is, in temperatures: with 1 the candidates of a row would be a sample from its row of
/// the entropic plan without replacement, with 0 its largest entries (the Gumbel-top-k trick: Vieira 2014; Kool, van Hoof and Welling
/// 2019). Squared distances have no ties but those of equal points, and every candidate that noise displaces may cost a round.
const NOISE: f32 = 0.7;
const NOISE_OF_SMOOTH: f32 = 0.05;

/// Arcs of a row in the sparse graph at first. With 16 the simplex needs twice the pivots.
const ARCS_OF_A_ROW: usize = 6;

/// Solves the problem with the costs as they are cut off. `None` where single precision cannot hold it.
pub(super) fn solve<T: Scalar>(
    problem: &Problem<'_, T>,
    costs: &CostRows<'_, T>,
    masses: &Masses,
    options: &Options,
    monitor: &mut Monitor<'_>,
) -> Option<SparseAnswer> {
    monitor.enter("ordering");
    let scaled = ScaledProblem::new(problem.costs(), costs, &masses.source, &masses.target)?;
    let units = |units: &[i64], order: &[u32]| order.iter().map(|&index| units[index as usize]).collect();
    let sweeps = Sweeps {
        costs,
        source_order: &scaled.source_order,
        target_order: &scaled.target_order,
        supply: units(&masses.source, &scaled.source_order),
        demand: units(&masses.target, &scaled.target_order),
    };
    let given = initial_arcs(&sweeps, options);
    // Before there is a basis: what was given, then neighbours in the order of cells.
    let stopped = |potentials: &[f64]| SparseAnswer::Ended {
        status: Status::Stopped,
        arcs: sweeps
            .named(given.iter().map(|&(source, target, _)| (source, target)).chain(sweeps.in_their_order())),
        target_potentials: sweeps.by_target(potentials),
    };

    monitor.enter("warm start");
    let warm_start = WarmStart::new(&scaled)?;
    let warm = match initial_potentials(&scaled, options) {
        Some(given) => warm_start.judged(given, monitor)?,
        None => warm_start.unaided(monitor)?,
    };
    if monitor.told_to_stop(0, f64::NAN, 1.0) {
        return Some(stopped(&scaled.unscaled_targets(&warm.g)));
    }

    let (candidates, g) = match candidates_and_potentials(&scaled, &sweeps, &warm_start, warm, monitor)? {
        Ok(found) => found,
        Err(potentials) => return Some(stopped(&scaled.unscaled_targets(&potentials.g))),
    };
    monitor.report.candidates = candidates.len();
    let g = scaled.unscaled_targets(&g);

    monitor.enter("greedy start");
    let f = candidates.row_potentials(&g);
    let graph = candidates.best(&f, &g, ARCS_OF_A_ROW).extended(given.clone());
    let plan = greedy::greedy_plan(&graph, &given, &f, &g, sweeps.supply.clone(), sweeps.demand.clone());
    let beginning = Beginning { candidates, graph, plan, potentials: [f, g] };
    Some(rounds::solve(&sweeps, &scaled, masses, beginning, options, monitor))
}

/// Candidates, and the targets' potentials after Sinkhorn on them. If the candidates carry no plan, once more after iterations over all
/// pairs. The outer `None`: single precision does not hold the problem, or nothing helps; the error: the observer wants to stop.
fn candidates_and_potentials<T: Scalar>(
    scaled: &ScaledProblem<'_, '_, T>,
    sweeps: &Sweeps<'_, '_, T>,
    warm_start: &WarmStart<'_, '_, T>,
    mut warm: Potentials,
    monitor: &mut Monitor<'_>,
) -> Option<Result<(Candidates, Vec<f32>), Potentials>> {
    for attempt in 0..2 {
        if attempt > 0 {
            monitor.enter("warm start");
            warm = warm_start.more(warm, monitor)?;
        }
        monitor.enter("candidate sweep");
        let Some(candidates) = candidates(scaled, sweeps, &warm, monitor)? else { return Some(Err(warm)) };
        if warm.is_trusted {
            return Some(Ok((candidates, warm.g)));
        }
        monitor.enter("sparse Sinkhorn");
        let (is_useful, g) = refined(scaled, &candidates, &warm, monitor);
        if monitor.told_to_stop(0, f64::NAN, 1.0) {
            return Some(Err(warm));
        }
        if is_useful {
            return Some(Ok((candidates, g)));
        }
    }
    None
}

/// Where in the order each of `count` sources or targets stands; `u32::MAX` for those without mass.
fn places(order: &[u32], count: usize) -> Vec<u32> {
    let mut places = vec![u32::MAX; count];
    for (place, &index) in order.iter().enumerate() {
        places[index as usize] = place as u32;
    }
    places
}

/// The arcs of a plan that was given, those of the leaves first.
fn initial_arcs<T: Scalar>(sweeps: &Sweeps<'_, '_, T>, options: &Options) -> Vec<NewArc> {
    let Initial::Plan(plan) = &options.initial else { return Vec::new() };
    let source_places = places(sweeps.source_order, plan.rows());
    let target_places = places(sweeps.target_order, plan.columns());
    in_order_of_leaves(plan.rows(), plan.columns(), plan.entries().iter().copied())
        .into_iter()
        .map(|(source, target)| (source_places[source], target_places[target]))
        .filter(|&(source, target)| source != u32::MAX && target != u32::MAX)
        .map(|(source, target)| (source, target, sweeps.cost(source, target)))
        .collect()
}

/// Potentials that were given, in scaled form. `None` where there are none, or single precision cannot hold them.
fn initial_potentials<T: Scalar>(scaled: &ScaledProblem<'_, '_, T>, options: &Options) -> Option<Vec<f32>> {
    let Initial::Potentials { target, .. } = &options.initial else { return None };
    let g: Vec<f32> = scaled
        .target_order
        .iter()
        .zip(&scaled.target_shifts)
        .map(|(&index, shift)| ((target[index as usize] - shift) / scaled.unit) as f32)
        .collect();
    g.iter().all(|value| value.is_finite()).then_some(g)
}

/// The best columns of each row, and the best rows of the columns that got few. The outer `None`: single precision does not
/// hold the problem; the inner: the observer wants to stop.
fn candidates<T: Scalar>(
    scaled: &ScaledProblem<'_, '_, T>,
    sweeps: &Sweeps<'_, '_, T>,
    warm: &Potentials,
    monitor: &mut Monitor<'_>,
) -> Option<Option<Candidates>> {
    let noise = warm.epsilon
        * match scaled.is_squared_euclidean() {
            _ if warm.is_trusted => 0.0,
            true => NOISE_OF_SMOOTH,
            false => NOISE,
        };
    let mut stop = |share: f64| monitor.told_to_stop(0, f64::NAN, share);
    let forward = scaled.forward(&scaled.sources, &scaled.targets)?;
    // A heavy source reaches many targets, and a heavy target many sources.
    let needs = |least: usize, side: &Side, others: &Side| -> Vec<usize> {
        side.weights
            .iter()
            .map(|weight| least + (CANDIDATES_OF_A_SHARE * weight * others.len() as f32) as usize)
            .collect()
    };
    let of_row = needs(CANDIDATES_OF_A_ROW, &scaled.sources, &scaled.targets);
    let of_column = needs(CANDIDATES_OF_A_COLUMN, &scaled.targets, &scaled.sources);
    let Some(pairs) = sweep::best_of_each_row(&forward, &warm.g, noise, |row| of_row[row], &mut stop) else {
        return Some(None);
    };
    drop(forward);
    let mut degree = vec![0_usize; scaled.targets.len()];
    for &(_, target) in &pairs {
        degree[target as usize] += 1;
    }
    let poor: Vec<u32> =
        (0..degree.len() as u32).filter(|&at| degree[at as usize] < of_column[at as usize]).collect();
    let mut others = Vec::new();
    if !poor.is_empty() {
        let side = scaled.targets.pick(&poor);
        let backward = scaled.backward(&scaled.sources, &side)?;
        let count = |at: usize| of_column[poor[at] as usize];
        let Some(found) = sweep::best_of_each_row(&backward, &warm.f, 0.0, count, &mut stop) else {
            return Some(None);
        };
        others.extend(found.into_iter().map(|(at, source)| {
            let target = poor[at as usize];
            (source, target, sweeps.cost(source, target))
        }));
    }
    let candidates = Candidates::from_rows(scaled.sources.len(), &pairs, |i, j| sweeps.cost(i, j));
    Some(Some(candidates.extended(others)))
}

/// The targets' potentials after Sinkhorn on the candidates, and whether these can carry a plan.
fn refined<T: Scalar>(
    scaled: &ScaledProblem<'_, '_, T>,
    candidates: &Candidates,
    warm: &Potentials,
    monitor: &mut Monitor<'_>,
) -> (bool, Vec<f32>) {
    let mut costs = Vec::with_capacity(candidates.len());
    for (row, shift) in scaled.source_shifts.iter().enumerate() {
        for entry in candidates.row(row) {
            let rest =
                candidates.costs[entry] - shift - scaled.target_shifts[candidates.targets[entry] as usize];
            costs.push((rest / scaled.unit) as f32);
        }
    }
    let (mut f, mut g) = (warm.f.clone(), warm.g.clone());
    let (is_useful, error) = SparseScaling {
        candidates,
        costs: &costs,
        source_weights: &scaled.sources.weights,
        target_weights: &scaled.targets.weights,
    }
    .run(warm_start::refinement(scaled, warm.epsilon), &mut f, &mut g, &mut |share| {
        monitor.told_to_stop(0, f64::NAN, share)
    });
    monitor.report.warm_start_error = f64::from(error);
    (is_useful, g)
}
