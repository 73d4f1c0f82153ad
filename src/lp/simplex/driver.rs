//! One solve of a form: scaling, the phases in turn until one has the last word, and the way back to the units of the form.

use super::dual::DualEnd;
use super::limits::{Interruption, Limits};
use super::primal::PrimalEnd;
use super::scaling::Scaling;
use super::{NONBASIC, State};
use crate::lp::basis::Basis;
use crate::lp::form::{Form, Point};
use crate::lp::options::{Method, Phase};

/// What a solve is to be like.
#[derive(Debug, Clone)]
pub(in crate::lp) struct Settings {
    pub method: Method,
    /// Whether the basis is one to be near the optimum: then the dual method if it is dual feasible, else the primal one.
    pub warm: bool,
    pub scaling: bool,
    pub perturbation: bool,
    pub primal_tolerance: f64,
    pub dual_tolerance: f64,
    pub threshold: f64,
    pub seed: u64,
}

/// How a solve ended.
#[derive(Debug, Clone)]
pub(in crate::lp) enum Ending {
    /// Optimal within the tolerances, in scaled units.
    Optimal,
    /// Multipliers of the rows that no x can satisfy: as computed, and with more and more of the small ones taken for zeros.
    Infeasible(Vec<Vec<f64>>),
    /// A direction in which the objective falls without end, in as many versions.
    Unbounded(Vec<Vec<f64>>),
    /// A limit, or the observer.
    Interrupted(Interruption),
    /// The phases could not agree.
    Trouble,
}

/// How a solve ended, and where.
#[derive(Debug, Clone)]
pub(in crate::lp) struct Outcome {
    pub ending: Ending,
    pub point: Point,
}

/// Phases may follow one another this often.
const MAX_ROUNDS: usize = 12;

/// By how much the tolerances are tightened in the end.
const POLISH: f64 = 0.01;

/// Solves a form from a basis.
pub(in crate::lp) fn solve_form(
    form: &Form,
    basis: &Basis,
    settings: &Settings,
    limits: &mut Limits<'_>,
) -> Outcome {
    let scaling = if settings.scaling { Scaling::geometric(form) } else { Scaling::identity(form) };
    let scaled = scaling.apply(form);
    limits.objective_unit = 1.0 / scaling.objective;
    let mut state = State::new(&scaled, basis, limits, settings.seed);
    state.primal_tolerance = settings.primal_tolerance;
    state.dual_tolerance = settings.dual_tolerance;
    state.threshold = settings.threshold;
    let verdict = state.run(settings).unwrap_or_else(Verdict::Interrupted);
    let ending = match verdict {
        Verdict::Optimal => Ending::Optimal,
        Verdict::Infeasible(multipliers) => Ending::Infeasible(versions(&multipliers, &scaling.rows)),
        Verdict::Unbounded(direction) => Ending::Unbounded(versions(&direction, &scaling.columns)),
        Verdict::Interrupted(interruption) => Ending::Interrupted(interruption),
        Verdict::Trouble => Ending::Trouble,
    };
    Outcome { ending, point: state.point(form, &scaling) }
}

/// A ray in the units of the form: as it is, and with the entries left out that may be rounding only. Where an entry
/// should be 0 but is not, no check can tell that what it multiplies should have cancelled.
fn versions(ray: &[f64], factors: &[f64]) -> Vec<Vec<f64>> {
    let largest = ray.iter().fold(0.0_f64, |largest, entry| largest.max(entry.abs()));
    [0.0, 1e-13, 1e-11, 1e-9, 1e-7]
        .iter()
        .map(|share| {
            let least = share * largest;
            ray.iter()
                .zip(factors)
                .map(|(&entry, factor)| if entry.abs() < least { 0.0 } else { entry * factor })
                .collect()
        })
        .collect()
}

/// As [`Ending`], in scaled units.
enum Verdict {
    Optimal,
    Infeasible(Vec<f64>),
    Unbounded(Vec<f64>),
    Interrupted(Interruption),
    Trouble,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Dual { perturbed: bool },
    Primal { perturbed: bool },
}

impl State<'_, '_> {
    fn run(&mut self, settings: &Settings) -> Result<Verdict, Interruption> {
        let mut next = match settings.method {
            Method::Dual => Next::Dual { perturbed: settings.perturbation },
            Method::Primal => Next::Primal { perturbed: settings.perturbation },
        };
        if settings.warm && self.is_a_start_for_the_primal() {
            next = Next::Primal { perturbed: false };
        }
        for round in 0..MAX_ROUNDS {
            let seed = settings.seed.wrapping_add(1 + 1000 * round as u64);
            self.guard.clear();
            let verdict = match next {
                Next::Dual { perturbed } => self.dual(perturbed, seed)?,
                Next::Primal { perturbed } => self.primal(perturbed, seed)?,
            };
            match verdict {
                Ok(Verdict::Optimal) => {
                    self.polish(seed);
                    return Ok(Verdict::Optimal);
                }
                Ok(verdict) => return Ok(verdict),
                Err(following) => next = following,
            }
        }
        Ok(Verdict::Trouble)
    }

    /// Steps on from an optimum within the tolerances to one within a hundredth of them, where such a one is near:
    /// small costs count too then. Where it is not, the optimum stays what it was.
    fn polish(&mut self, seed: u64) {
        let tolerances = (self.primal_tolerance, self.dual_tolerance);
        (self.primal_tolerance, self.dual_tolerance) = (tolerances.0 * POLISH, tolerances.1 * POLISH);
        let feasible = self.primal_infeasibility() == 0.0;
        if feasible && self.dual_infeasibility_in_place() == 0.0 {
            return;
        }
        let basis = self.basis();
        let limit = self.limits.allow_only(100 + self.limits.iterations / 10);
        let mut next =
            if feasible { Next::Primal { perturbed: false } } else { Next::Dual { perturbed: false } };
        let mut polished = false;
        for _ in 0..MAX_ROUNDS {
            self.guard.clear();
            let verdict = match next {
                Next::Dual { .. } => self.dual(false, seed),
                Next::Primal { .. } => self.primal(false, seed),
            };
            match verdict {
                Ok(Err(following)) => next = following,
                other => {
                    polished = matches!(other, Ok(Ok(Verdict::Optimal)));
                    break;
                }
            }
        }
        self.limits.restore_iterations(limit);
        if !polished {
            (self.primal_tolerance, self.dual_tolerance) = tolerances;
            self.restore_costs();
            self.restore_bounds();
            self.load(&basis);
            self.refactorise();
        }
    }

    /// Whether the basis, one to be near the optimum, needs the primal simplex: where reduced costs are wrong. Those
    /// that a flip puts right count only if nothing else is wrong: else the dual simplex flips and goes on. From a
    /// basis that is feasible for neither, as deleted rows leave it, primal phase 1 takes fewer steps than dual phase
    /// 1 does.
    fn is_a_start_for_the_primal(&mut self) -> bool {
        self.refactorise();
        self.compute_primal();
        self.compute_dual();
        if self.primal_infeasibility() == 0.0 {
            self.dual_infeasibility_in_place() > 0.0
        } else {
            self.dual_infeasibility() > 0.0
        }
    }

    /// Both phases of the dual simplex, and the end of the perturbation. `Err` says what is to follow.
    fn dual(&mut self, perturbed: bool, seed: u64) -> Result<Result<Verdict, Next>, Interruption> {
        self.restore_costs();
        self.restore_bounds();
        if perturbed {
            self.perturb_costs(1.0, seed);
        }
        self.refactorise();
        self.compute_dual();
        if self.dual_infeasibility() > 0.0 {
            let end = self.dual_loop(Phase::DualFeasibility, seed)?;
            if end != DualEnd::DualFeasible {
                self.restore_costs();
                self.refactorise();
                self.compute_dual();
            }
            self.restore_bounds();
            self.guard.clear();
            if end != DualEnd::DualFeasible && self.dual_infeasibility() > 0.0 {
                return Ok(Err(Next::Primal { perturbed: false }));
            }
        }
        let end = self.dual_loop(Phase::Dual, seed)?;
        match end {
            DualEnd::Infeasible { row, below } => {
                self.solve_rho(row);
                // Every x within its bounds has ρᵀ(A x - r) of one sign.
                let sign = if below { -1.0 } else { 1.0 };
                let multipliers = self.rho.values.iter().map(|value| sign * value).collect();
                Ok(Ok(Verdict::Infeasible(multipliers)))
            }
            DualEnd::Optimal => {
                self.restore_costs();
                self.refactorise();
                self.compute_dual();
                Ok(if self.dual_infeasibility_in_place() == 0.0 {
                    Ok(Verdict::Optimal)
                } else {
                    Err(Next::Primal { perturbed: false })
                })
            }
            DualEnd::DualFeasible | DualEnd::Trouble => Ok(Err(Next::Primal { perturbed: true })),
        }
    }

    /// Both phases of the primal simplex, and the end of perturbed and shifted bounds.
    fn primal(&mut self, perturbed: bool, seed: u64) -> Result<Result<Verdict, Next>, Interruption> {
        self.restore_costs();
        self.restore_bounds();
        if perturbed {
            self.perturb_bounds(1.0, seed);
        }
        let end = self.primal_loop(seed)?;
        match end {
            PrimalEnd::Optimal => {
                self.restore_bounds();
                self.refactorise();
                self.compute_primal();
                self.compute_dual();
                Ok(if self.primal_infeasibility() == 0.0 {
                    Ok(Verdict::Optimal)
                } else {
                    Err(Next::Dual { perturbed: false })
                })
            }
            PrimalEnd::Infeasible => {
                // Reduced costs of the least sum of violations: y of phase 1 is in `buffer`.
                Ok(Ok(Verdict::Infeasible(self.buffer.values.clone())))
            }
            PrimalEnd::Unbounded { entering, sign } => {
                let mut direction = vec![0.0; self.columns];
                if entering < self.columns {
                    direction[entering] = sign;
                }
                for row in 0..self.rows {
                    if self.head[row] < self.columns {
                        direction[self.head[row]] = -sign * self.column.values[row];
                    }
                }
                // x is to be feasible for the bounds as given.
                self.restore_bounds();
                self.compute_primal();
                Ok(Ok(Verdict::Unbounded(direction)))
            }
            PrimalEnd::Trouble => Ok(Err(Next::Dual { perturbed: true })),
        }
    }

    /// Values, duals and basis in the units of the form; row activities are those of A x.
    fn point(&mut self, form: &Form, scaling: &Scaling) -> Point {
        self.restore_costs();
        self.restore_bounds();
        self.refactorise();
        self.compute_dual();
        let duals: Vec<f64> = self
            .buffer
            .values
            .iter()
            .zip(&scaling.rows)
            .map(|(y, factor)| y * factor / scaling.objective)
            .collect();
        self.compute_primal();
        let x: Vec<f64> = (0..self.columns)
            .map(|column| {
                let place = self.place[column];
                if place == NONBASIC {
                    // Bounds as given, to the last bit.
                    self.value[column] * scaling.columns[column]
                } else {
                    self.basic_value[place as usize] * scaling.columns[column]
                }
            })
            .collect();
        let reduced_costs = form
            .matrix
            .transpose_times(&duals)
            .iter()
            .zip(&form.costs)
            .enumerate()
            .map(
                |(column, (product, cost))| if self.place[column] == NONBASIC { cost - product } else { 0.0 },
            )
            .collect();
        Point { activities: form.matrix.times(&x), x, duals, reduced_costs, basis: self.basis() }
    }
}
