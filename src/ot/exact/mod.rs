//! Exact optimal transport: the network simplex on the transport problem.
//!
//! Solves min Σ Cᵢⱼ Pᵢⱼ over P >= 0 with row sums a and column sums b, and its dual max Σ aᵢfᵢ + Σ bⱼgⱼ over
//! fᵢ + gⱼ <= Cᵢⱼ. A vertex of the first is a spanning tree of the bipartite graph with n + m - 1 arcs; the simplex
//! walks from tree to tree (Dantzig 1951; Ahuja, Magnanti and Orlin, *Network Flows*, 1993, chapter 11).
//!
//! # The stages, one file each
//! | file | what | cost |
//! | --- | --- | --- |
//! | `one_dimension` | points on a line and a convex distance: handed to [`line`](super::line) | sorting |
//! | `masses` | weights as integers, exactly or by largest remainders | O(n + m) |
//! | `costs` | checks every cost; reads them from a matrix or computes them on the fly | one pass |
//! | `start` | a feasible plan by a greedy rule | two passes, O(n + m) row scans |
//! | `forest` | the plan's pieces linked to a strongly feasible tree of real arcs | a few row scans a piece |
//! | `pricing` | the least reduced cost of each row, vectorised | one read of the row |
//! | `tree` | the pivot: cycle, leaving arc, potentials of the smaller side | O(depth + smaller side) |
//! | `simplex` | the order of pricing and pivots, and the proof over all pairs | about 10 to 40 pivots a point |
//! | `proof` | the certificate, from plan and potentials alone | two passes |
//!
//! # What makes it right on everything
//! * Masses are integers and trees strongly feasible (Cunningham 1976): no rounding in the flows, no cycling, never
//!   "infeasible" by the last digit of a weight.
//! * There is no big M: every arc of every tree is a real one.
//! * Tolerances are relative to the numbers at hand, |Cᵢⱼ| + |fᵢ| + |gⱼ|, pair by pair. Costs far above what any plan
//!   has to pay (1e32 for "not this pair") are cut off first, so that they cannot swallow the digits of the others; the
//!   cut is lifted only if the plan needs those pairs.
//! * "Optimal" is said after all pairs have been priced with the final potentials and the slack on the plan has been
//!   summed up, not before. Where costs span so many orders of magnitude that the potentials run out of digits, the
//!   status is [`Status::Inaccurate`].
//!
//! # Memory
//! O(n + m) beyond the costs: about 200 bytes a point. Point clouds with more than 2^22 pairs are never turned into a
//! matrix.
//!
//! # Where it does not help
//! Pivots grow faster than n, and subtrees with them: 10,000 points a side in the plane take ten seconds (238,000 pivots,
//! 55 MB), and beyond that it gets worse. An entropic warm start and a sparse candidate graph are the known remedy.
//!
//! # Examples
//! ```
//! use brenier::matrix::Distance;
//! use brenier::ot::{Problem, Status, exact};
//! use brenier::Matrix;
//!
//! let x = Matrix::from_rows([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]);
//! let y = Matrix::from_rows([[0.0, 1.0], [2.0, 1.0]]);
//! let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
//! let solution = exact::solve(&problem)?;
//! assert_eq!(solution.certificate.status, Status::Optimal);
//! // The point in the middle is split: 1/6 of the mass to either side.
//! assert!((solution.cost() - 4.0 / 3.0).abs() < 1e-15);
//! assert_eq!(solution.plan.entries().len(), 4);
//! # Ok::<(), brenier::Error>(())
//! ```

mod costs;
mod forest;
pub(crate) mod masses;
mod one_dimension;
mod options;
mod pricing;
mod proof;
mod simplex;
mod start;
mod tree;

use crate::error::{Error, Result};
use crate::ot::certificate::{Certificate, Status};
use crate::ot::plan::{PlanEntry, TransportPlan};
use crate::ot::problem::{CheckedWeights, Problem};
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
    /// f: one for each source; that of the first source with mass is zero (potentials are free up to a constant).
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
///
/// # Errors
/// As [`solve_with`].
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[1.0_f32, 2.0], [4.0, 1.0]]);
/// let problem = Problem::from_costs(&costs).with_source_weights(&[3.0, 1.0]).with_target_weights(&[2.0, 2.0]);
/// let solution = exact::solve(&problem)?;
/// assert_eq!(solution.cost(), 2.0 * 1.0 + 1.0 * 2.0 + 1.0 * 1.0);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "emd")]
#[doc(alias = "earth_mover")]
pub fn solve<T: Scalar>(problem: &Problem<'_, T>) -> Result<Solution> {
    solve_with(problem, &Options::default(), &mut run_to_the_end)
}

/// The optimal cost Σ Cᵢⱼ Pᵢⱼ alone, proved like that of [`solve`].
///
/// For the distance W_p take the cost |x - y|^p and the p-th root of this.
///
/// # Errors
/// As [`solve_with`], and [`NotProved`](crate::Error::NotProved) where [`solve`] would answer
/// [`Inaccurate`](Status::Inaccurate).
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let problem = Problem::from_costs(&costs).with_source_weights(&[0.75, 0.25]);
/// assert_eq!(exact::transport_cost(&problem)?, 0.25);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "emd2")]
#[doc(alias = "wasserstein")]
pub fn transport_cost<T: Scalar>(problem: &Problem<'_, T>) -> Result<f64> {
    let Certificate { status, primal_cost: cost, gap, .. } = solve(problem)?.certificate;
    match status {
        Status::Optimal => Ok(cost),
        _ => Err(Error::NotProved { cost, gap, reason: "the costs span too many orders of magnitude" }),
    }
}

/// Solves the transport problem exactly, with options and an observer.
///
/// Points with one coordinate and a convex function of their difference for a distance (all but cosine, and powers below one)
/// are solved by sorting, as [`line::solve`](crate::ot::line::solve) does, if no tolerance below the default is asked for:
/// without pivots, so the certificate counts none.
///
/// The observer is called before sorting, while the starting tree is built, and then every thousand pivots or so; when it
/// breaks, or at the limit on iterations, the answer is the plan so far, which is feasible, with potentials that bound the
/// optimal cost from below: its gap says how far it may be from the optimum. The answer has the same bits for any number of threads.
///
/// # Errors
/// * weights: [`Shape`](crate::Error::Shape), [`NotFinite`](crate::Error::NotFinite),
///   [`Negative`](crate::Error::Negative), [`ZeroMass`](crate::Error::ZeroMass),
///   [`MassMismatch`](crate::Error::MassMismatch) beyond 1e-9 relative (1e-5 if a side came as `f32`);
/// * costs or coordinates: [`NotFiniteEntry`](crate::Error::NotFiniteEntry), [`Shape`](crate::Error::Shape),
///   [`ZeroVector`](crate::Error::ZeroVector) for the cosine distance, [`Argument`](crate::Error::Argument) for costs or
///   distances beyond 1e300 and for a largest cost that overflows when multiplied with the mass;
/// * no points, or points without coordinates: [`Empty`](crate::Error::Empty);
/// * options out of range: [`Argument`](crate::Error::Argument).
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, Status, exact};
/// use brenier::Matrix;
/// use std::ops::ControlFlow;
/// let costs = Matrix::from_fn(50, 50, |i, j| ((7 * i + 3 * j) % 11) as f64);
/// let options = exact::Options::default().with_max_iterations(5);
/// let solution = exact::solve_with(&Problem::from_costs(&costs), &options, &mut |progress| {
///     eprintln!("{}: {} pivots, cost {}", progress.stage, progress.iterations, progress.cost);
///     ControlFlow::Continue(())
/// })?;
/// if solution.certificate.status == Status::IterationLimit {
///     println!("within {} of the optimum", solution.certificate.gap);
/// }
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn solve_with<T: Scalar>(
    problem: &Problem<'_, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution> {
    options.validate()?;
    // An observer that breaks before the sorting has broken for the simplex too.
    let mut wish = ControlFlow::Continue(());
    let observer = &mut |progress: &Progress| {
        if wish.is_continue() {
            wish = observer(progress);
        }
        wish
    };
    if let Some(solution) = one_dimension::solve_by_sorting(problem, options, observer) {
        return Ok(solution);
    }
    let Solved { weights, mut costs, masses, tree, outcome } = solve_tree(problem, options, observer)?;
    let entries = tree
        .arcs()
        .filter(|arc| arc.flow > 0)
        .map(|arc| PlanEntry { source: arc.source, target: arc.target, mass: masses.weigh(arc.flow) })
        .collect();
    let plan = TransportPlan::new(problem.sources(), problem.targets(), entries)?;

    let mut source_potentials = tree.source_potentials().to_vec();
    let mut target_potentials = tree.target_potentials().to_vec();
    costs.cut = f64::INFINITY;
    proof::extend_potentials(&costs, &masses, &mut source_potentials, &mut target_potentials);
    if outcome.status != Status::Optimal {
        proof::make_feasible(&costs, &masses, &mut source_potentials, &mut target_potentials);
    }
    let certificate =
        proof::certify(&costs, &weights, &masses, &plan, &source_potentials, &target_potentials, outcome);
    Ok(Solution { plan, source_potentials, target_potentials, certificate })
}

/// The simplex's final tree, and what it was built from.
struct Solved<'a, T> {
    weights: CheckedWeights,
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
    let largest_share = costs.largest * weights.source_mass;
    if !largest_share.is_finite() {
        return Err(Error::Argument {
            name: "the largest |cost| times the mass",
            value: largest_share,
            requirement: "it must be finite",
        });
    }
    let masses = Masses::new(&weights);
    let with_mass = |units: &[i64], wanted: bool| -> Vec<usize> {
        (0..units.len()).filter(|&index| (units[index] > 0) == wanted).collect()
    };
    let active_sources = with_mass(&masses.source, true);
    let hidden_targets = with_mass(&masses.target, false);

    costs.cut = first_cut(&costs);
    let (mut tree, wish) = start::starting_tree(&costs, &masses, observer);
    let mut iterations = 0;
    let tolerance = options.tolerance;
    if wish.is_break() {
        let outcome = proof::Outcome { status: Status::Stopped, iterations, tolerance };
        return Ok(Solved { weights, costs, masses, tree, outcome });
    }
    loop {
        let running_cost = tree.arcs().map(|arc| masses.weigh(arc.flow) * arc.cost).sum();
        let mut simplex = Simplex {
            costs: &costs,
            active_sources: &active_sources,
            hidden_targets: &hidden_targets,
            options,
            tree,
            pivots: iterations,
            running_cost,
            masses: &masses,
        };
        let status = simplex.run(observer);
        (iterations, tree) = (simplex.pivots, simplex.tree);
        // Mass on a cut cost: it does not avoid the large ones at this level, so the level goes up, whether the potentials
        // had the digits to prove this one or not.
        let on_cut = tree.arcs().any(|arc| arc.flow > 0 && costs.is_cut(arc.source, arc.target));
        if !on_cut || !matches!(status, Status::Optimal | Status::Inaccurate) {
            tree.refresh();
            let outcome = proof::Outcome { status, iterations, tolerance };
            return Ok(Solved { weights, costs, masses, tree, outcome });
        }
        costs.cut = next_cut(&costs);
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
fn first_cut<T: Scalar>(costs: &CostRows<'_, T>) -> f64 {
    if costs.largest > WIDE * costs.bottleneck { STEP * costs.bottleneck } else { f64::INFINITY }
}

fn next_cut<T: Scalar>(costs: &CostRows<'_, T>) -> f64 {
    let next = STEP * costs.cut;
    if next < costs.largest { next } else { f64::INFINITY }
}
