//! Exact optimal transport: the network simplex on the transport problem.
//!
//! Solves min Σ Cᵢⱼ Pᵢⱼ over P >= 0 with row sums a and column sums b, and its dual max Σ aᵢfᵢ + Σ bⱼgⱼ over
//! fᵢ + gⱼ <= Cᵢⱼ. A vertex of the first is a spanning tree of the bipartite graph with n + m - 1 arcs; the simplex
//! walks from tree to tree (Dantzig 1951; Ahuja, Magnanti and Orlin, *Network Flows*, 1993, chapter 11).
//!
//! # Two ways
//! * The **plain** simplex prices all pairs, from a greedy tree. It is what small problems want (below 800,000 pairs, about 900 points a
//!   side; with Manhattan, cosine and other distances below 16 million pairs, as they have more ties).
//! * The **sparse** simplex works over about six arcs a point. Sinkhorn iterations say which: entropic potentials, from a coarse
//!   version of the problem to the whole, name the best dozens of columns of each row; over these the simplex needs a few
//!   pivots a point. Then all pairs are priced, and those that are violated join, until there is none. That last look is the
//!   proof, so the answer does not depend on how good the start was.
//!
//! [`Options::method`] chooses; the sparse simplex hands its plan over to the plain one where it does not get to the end.
//!
//! # The stages
//! | file | what | cost |
//! | --- | --- | --- |
//! | `one_dimension` | points on a line and a convex distance: handed to [`line`](super::line) | sorting |
//! | `masses` | weights as integers, exactly or by largest remainders | O(n + m) |
//! | `costs` | reads the costs from a matrix, which it checks, or computes them on the fly | one pass over a matrix |
//! | `ot/ordering` | points of few coordinates in the order of a k-d tree | O(n log² n) |
//! | `sparse/scaled` | the costs in single precision, centred, of ordinary size | O(n d), or two passes over a matrix |
//! | `sparse/warm_start` | the coarsest version solved exactly, then Sinkhorn from level to level (its kernel is in `ot/sinkhorn`) | less than an exponential a pair |
//! | `sparse/sweep` | the candidates of each row: its best columns, with noise against ties | one look at each pair, in `f32` |
//! | `sparse/refine` | Sinkhorn on the candidates, down to a low temperature | 40 to 250 exponentials a candidate |
//! | `sparse/greedy` | a plan over the best candidates, hung from an artificial root | a sort |
//! | `sparse/basis`, `sparse/pivots` | the network simplex over the arcs, potentials by fragments | 1 to 5 pivots a point, more with ties |
//! | `sparse/rounds` | arcs added until none is missing | one to five looks at each pair |
//! | `sparse/screen` | all pairs priced in `f32` with a bound on the error, doubtful ones in `f64` | one look at each pair |
//! | `plain/start`, `plain/forest` | a feasible plan by a greedy rule, linked to a strongly feasible tree of real arcs | two passes, O(n + m) row scans |
//! | `plain/tree` | the pivot: cycle, leaving arc, potentials of the smaller side | O(depth + smaller side) |
//! | `plain/simplex`, `pricing` | rows priced in turn, and the proof over all pairs | about 10 to 40 pivots a point |
//! | `proof` | the certificate, from plan and potentials alone | one look at each pair |
//!
//! [`Solution::report`] has the time of each, by the names that the observer hears: "ordering" (with `scaled`), "warm
//! start", "candidate sweep", "sparse Sinkhorn" (`refine`), "greedy start", "sparse simplex", "candidate pricing" and
//! "pricing of all pairs" (`rounds`, `screen`), "plain simplex", "certificate".
//!
//! # What makes it right on everything
//! * Masses are integers and trees strongly feasible (Cunningham 1976): no rounding in the flows, no cycling, never
//!   "infeasible" by the last digit of a weight.
//! * What the warm start says decides the time, never the answer. Artificial flow is priced a little above the potentials, and higher only
//!   as long as some is left; the plain simplex has no artificial arcs at all.
//! * Tolerances are relative to the numbers at hand, |Cᵢⱼ| + |fᵢ| + |gⱼ|, pair by pair. Costs far above what any plan
//!   has to pay (1e32 for "not this pair") are cut off first, so that they cannot swallow the digits of the others; the
//!   cut is lifted only if the plan needs those pairs.
//! * "Optimal" is said after all pairs have been priced with the final potentials and the slack on the plan has been
//!   summed up, not before. Where costs span so many orders of magnitude that the potentials run out of digits, the
//!   status is [`Status::Inaccurate`].
//!
//! # Memory
//! O(n + m) beyond the costs: about 200 bytes a point for the plain simplex, a kilobyte for the sparse one (forty candidates a row).
//! Point clouds with more than 2^22 pairs are never turned into a matrix.
//!
//! # Where it does not help
//! * The sparse simplex is at its best for squared Euclidean costs. Where very many pairs are equally good (Manhattan
//!   distances of points in the plane, costs of low rank, few distinct integers) more arcs and more rounds are
//!   needed, and the plain simplex often has the last word.
//! * Every look at all pairs takes time in proportion to n m d: 100,000 points a side are ten thousand million pairs.
//!   In the plane they took 61 s on one core of a Zen 3 processor and 162 MB, of which half was the simplex (716,000
//!   pivots) and a fifth three looks at all pairs.
//! * Below a thousand points a side the warm start costs more than it saves.
//! * A given start saves the sparse simplex little: potentials spare it the sparse Sinkhorn, a plan some pivots. The
//!   plain simplex gains more from a plan.
//!
//! # Sources
//! Schmitzer, *A sparse multiscale algorithm for dense optimal transport* (2016) and *Stabilized sparse scaling algorithms for entropy
//! regularized transport problems* (2019); Gottschlich and Schuhmacher, *The shortlist method for fast computation of the earth mover's
//! distance* (2014); Thibault, Chizat, Dossal and Papadakis, *Overrelaxed Sinkhorn-Knopp algorithm* (2021); Kovács, *Minimum-cost
//! flow algorithms: an experimental evaluation* (2015).
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

mod assign;
mod batch;
mod costs;
mod flows;
pub(crate) mod masses;
mod one_dimension;
mod options;
mod plain;
mod pricing;
mod proof;
mod report;
mod sparse;

use crate::error::{Error, Result};
use crate::matrix::Distance;
use crate::ot::certificate::{Certificate, Status};
use crate::ot::plan::{PlanEntry, TransportPlan};
use crate::ot::problem::{CheckedWeights, Costs, Problem};
use crate::ot::progress::{Progress, run_to_the_end};
use crate::scalar::Scalar;
pub use assign::assign;
pub use batch::solve_batch;
use costs::{CostRows, PAIRS_KEPT};
use flows::{Flow, in_order_of_leaves, served_in_order};
use masses::Masses;
pub use options::{Initial, Method, Options};
use plain::{PlainAnswer, Start};
use proof::Pricing;
use report::Monitor;
pub use report::{Report, Stage};
use sparse::SparseAnswer;
use std::ops::ControlFlow;

/// The answer of the exact solver. Two are equal if plan, potentials and certificate are: the report, which has times, does not count.
#[derive(Debug, Clone)]
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
    /// What was done, and how long it took.
    pub report: Report,
}

impl PartialEq for Solution {
    fn eq(&self, other: &Self) -> bool {
        self.plan == other.plan
            && self.source_potentials == other.source_potentials
            && self.target_potentials == other.target_potentials
            && self.certificate == other.certificate
    }
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
/// The observer is called in every stage, and every thousand pivots or so (not within an iteration over all pairs, or
/// a look at all of them: with 100,000 points a side these take seconds). When it breaks, or at the limit on
/// iterations (pivots), the answer is the plan so far, which is feasible, with potentials that bound the optimal cost
/// from below: its gap says how far it may be from the optimum. Before the simplex has begun that is any feasible
/// plan. The proof of what there is comes after the break, and looks at all pairs. The answer has the same bits for
/// any number of threads.
///
/// # Errors
/// * weights: [`Shape`](crate::Error::Shape), [`NotFinite`](crate::Error::NotFinite),
///   [`Negative`](crate::Error::Negative), [`ZeroMass`](crate::Error::ZeroMass),
///   [`MassMismatch`](crate::Error::MassMismatch) beyond 1e-9 relative (1e-5 if a side came as `f32`);
/// * costs or coordinates: [`NotFiniteEntry`](crate::Error::NotFiniteEntry), [`Shape`](crate::Error::Shape),
///   [`ZeroVector`](crate::Error::ZeroVector) for the cosine distance, [`Argument`](crate::Error::Argument) for costs or
///   distances beyond 1e300 and for a largest cost that overflows when multiplied with the mass;
/// * no points, or points without coordinates: [`Empty`](crate::Error::Empty);
/// * options out of range: [`Argument`](crate::Error::Argument); an initial guess that does not fit: [`Shape`](crate::Error::Shape),
///   [`NotFinite`](crate::Error::NotFinite).
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
    options.validate(problem.sources(), problem.targets())?;
    let mut monitor = Monitor::new(observer);
    monitor.enter("sorting");
    if let Some(mut solution) =
        one_dimension::solve_by_sorting(problem, options, &mut |progress| monitor.observe(progress))
    {
        monitor.pause();
        solution.report = monitor.report;
        solution.report.method = "sorting";
        return Ok(solution);
    }
    monitor.pause();
    monitor.report.stages.clear();
    monitor.enter("checks");
    let weights = problem.checked_weights()?;
    // The sparse simplex looks at the costs a few times only: computing them each time is faster than keeping them.
    let pairs_kept = match options.method {
        Method::Plain => PAIRS_KEPT,
        Method::Automatic | Method::Sparse => PAIRS_KEPT.min(least_pairs_for_sparse(&problem.costs())),
    };
    let costs = CostRows::keeping(problem, pairs_kept)?;
    let largest_share = costs.largest * weights.source_mass;
    if !largest_share.is_finite() {
        return Err(Error::Argument {
            name: "the largest |cost| times the mass",
            value: largest_share,
            requirement: "it must be finite",
        });
    }
    let masses = Masses::new(&weights);
    Solver { problem, options, weights, costs, masses, monitor }.solve()
}

/// Costs this far above the bottleneck are cut off for the sparse simplex too (the plain one cuts earlier).
const EXTREME: f64 = 1e12;

/// From this many pairs on, with [`LEAST_SIDE`] points on each side, the sparse simplex is expected to be faster: for
/// Euclidean distances and their squares, and for matrices; and for distances with more ties (at 3000 points a side
/// the plain one takes half the time).
const PAIRS_FOR_SPARSE: usize = 3 << 18;
const PAIRS_FOR_SPARSE_WITH_TIES: usize = 1 << 24;
const LEAST_SIDE: usize = 64;

fn least_pairs_for_sparse<T>(costs: &Costs<'_, T>) -> usize {
    match costs {
        Costs::Matrix(_)
        | Costs::Points { distance: Distance::SquaredEuclidean | Distance::Euclidean, .. } => {
            PAIRS_FOR_SPARSE
        }
        Costs::Points { .. } | Costs::Pairs { .. } => PAIRS_FOR_SPARSE_WITH_TIES,
    }
}

/// Costs, masses and options that have passed all checks.
struct Solver<'p, 'a, 'o, T> {
    problem: &'p Problem<'a, T>,
    options: &'p Options,
    weights: CheckedWeights,
    costs: CostRows<'a, T>,
    masses: Masses,
    monitor: Monitor<'o>,
}

/// A plan with potentials that belong to it.
struct Vertex {
    flows: Vec<Flow>,
    source_potentials: Vec<f64>,
    target_potentials: Vec<f64>,
    /// What all pairs were priced at with these potentials, if they were.
    pricing: Option<Pricing>,
    status: Status,
}

impl<T: Scalar> Solver<'_, '_, '_, T> {
    fn solve(mut self) -> Result<Solution> {
        let first_cut = plain::first_cut(&self.costs);
        let mut start = self.plain_start();
        if self.is_for_sparse() {
            // Clusters far apart are no reason to cut costs off: their plans have to cross.
            let is_extreme = self.costs.largest > EXTREME * self.costs.bottleneck;
            self.costs.cut = if is_extreme { first_cut } else { f64::INFINITY };
            self.monitor.report.method = "sparse simplex";
            let answer =
                sparse::solve(self.problem, &self.costs, &self.masses, self.options, &mut self.monitor);
            let pivots = self.monitor.report.sparse_pivots;
            match answer {
                Some(SparseAnswer::Solved { flows, source_potentials, target_potentials, pricing }) => {
                    let on_cut = flows.iter().any(|flow| self.costs.is_cut(flow.source, flow.target));
                    if on_cut {
                        start = Start::From { flows, pivots };
                    } else {
                        let pricing = (self.costs.cut == f64::INFINITY).then_some(pricing);
                        let again = flows.clone();
                        let status = Status::Optimal;
                        let vertex = Vertex { flows, source_potentials, target_potentials, pricing, status };
                        let cut = self.costs.cut;
                        let solution = self.finish(vertex)?;
                        if solution.certificate.status == Status::Optimal {
                            return Ok(solution);
                        }
                        self.costs.cut = cut.min(first_cut);
                        start = Start::From { flows: again, pivots };
                    }
                }
                Some(SparseAnswer::Unfinished { arcs }) => {
                    start =
                        Start::From { flows: served_in_order(&self.masses, self.leaves_first(arcs)), pivots };
                }
                Some(SparseAnswer::Ended { status, arcs, target_potentials }) => {
                    let flows = served_in_order(&self.masses, self.leaves_first(arcs));
                    let source_potentials = vec![0.0; self.masses.source.len()];
                    let pricing = None;
                    return self.finish(Vertex {
                        flows,
                        source_potentials,
                        target_potentials,
                        pricing,
                        status,
                    });
                }
                None => {}
            }
            self.monitor.report.method = "sparse, then plain simplex";
            self.costs.cut = self.costs.cut.min(first_cut);
        } else {
            self.costs.cut = first_cut;
            self.monitor.report.method = "plain simplex";
        }
        let vertex = self.solve_plain(start);
        self.finish(vertex)
    }

    fn is_for_sparse(&self) -> bool {
        let with_mass = |units: &[i64]| units.iter().filter(|&&units| units > 0).count();
        let (sources, targets) = (with_mass(&self.masses.source), with_mass(&self.masses.target));
        match self.options.method {
            Method::Plain => false,
            Method::Sparse => true,
            Method::Automatic => {
                let least = least_pairs_for_sparse(&self.problem.costs());
                sources.saturating_mul(targets) >= least && sources.min(targets) >= LEAST_SIDE
            }
        }
    }

    /// Arcs in an order in which serving them gives back the plan that they came from.
    fn leaves_first(&self, arcs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
        let entries = arcs.into_iter().map(|(source, target)| PlanEntry { source, target, mass: 1.0 });
        in_order_of_leaves(self.masses.source.len(), self.masses.target.len(), entries)
    }

    fn plain_start(&self) -> Start {
        match &self.options.initial {
            Initial::Plan(plan) => {
                let arcs = in_order_of_leaves(plan.rows(), plan.columns(), plan.entries().iter().copied());
                Start::From { flows: served_in_order(&self.masses, arcs), pivots: 0 }
            }
            _ => Start::Greedy,
        }
    }

    fn solve_plain(&mut self, start: Start) -> Vertex {
        self.monitor.enter("plain simplex");
        let monitor = &mut self.monitor;
        let PlainAnswer { tree, status, pivots } =
            plain::solve(&mut self.costs, &self.masses, start, self.options, &mut |progress| {
                monitor.observe(progress)
            });
        monitor.report.plain_pivots = pivots - monitor.report.sparse_pivots;
        let flows = tree
            .arcs()
            .filter(|arc| arc.flow > 0)
            .map(|arc| Flow { source: arc.source, target: arc.target, units: arc.flow })
            .collect();
        let (source_potentials, target_potentials) =
            (tree.source_potentials().to_vec(), tree.target_potentials().to_vec());
        Vertex { flows, source_potentials, target_potentials, pricing: None, status }
    }

    /// The plan, potentials for every point, and the proof over all pairs with the costs as given.
    fn finish(&mut self, vertex: Vertex) -> Result<Solution> {
        let Vertex { flows, mut source_potentials, mut target_potentials, pricing, status } = vertex;
        let Self { problem, costs, masses, weights, monitor, options } = self;
        monitor.enter("certificate");
        let entries = flows
            .iter()
            .map(|flow| PlanEntry {
                source: flow.source,
                target: flow.target,
                mass: masses.weigh(flow.units),
            })
            .collect();
        let plan = TransportPlan::new(problem.sources(), problem.targets(), entries)?;
        costs.cut = f64::INFINITY;
        if status != Status::Optimal {
            proof::make_feasible(costs, masses, &mut source_potentials, &mut target_potentials);
        }
        let all_have_mass = masses.source.iter().chain(&masses.target).all(|&units| units > 0);
        let pricing = pricing.filter(|_| all_have_mass);
        proof::extend_potentials(costs, masses, &mut source_potentials, &mut target_potentials);
        let report = &monitor.report;
        let iterations = report.sparse_pivots + report.plain_pivots;
        let outcome = proof::Outcome { status, iterations, tolerance: options.tolerance };
        let certificate = proof::certify(
            costs,
            weights,
            masses,
            &plan,
            &source_potentials,
            &target_potentials,
            pricing,
            outcome,
        );
        monitor.pause();
        let report = monitor.report.clone();
        Ok(Solution { plan, source_potentials, target_potentials, certificate, report })
    }
}
