//! The way from a program to its answer: presolve, simplex, postsolve, check, and once more where the check is not passed.

use super::basis::{Basis, BasisStatus};
use super::error::{Part, Result};
use super::form::Form;
use super::model::{LinearProgram, Sense};
use super::options::{Method, Options, Progress, run_to_the_end};
use super::presolve::{Presolved, presolve};
use super::simplex::{Ending, Limits, Outcome, Settings, solve_form};
use super::solution::{Contradiction, Solution, Status};
use super::verdict::Verdict;
use super::verify::certify;
use std::ops::ControlFlow;
use std::time::Instant;

/// Solves a program with default options.
///
/// # Errors
/// None for a program that could be built: its own builder refuses what has no meaning.
///
/// # Examples
/// ```
/// use brenier::lp::{self, Contradiction, LinearProgram, Sense, Status};
/// let mut program = LinearProgram::new(Sense::Minimise);
/// let x = program.add_column(1.0, 0.0.., [])?;
/// program.add_row(2.0.., [(x, 1.0)])?;
/// program.add_row(..=1.0, [(x, 1.0)])?;
/// let solution = lp::solve(&program)?;
/// assert_eq!(solution.status, Status::Infeasible);
/// // x >= 2 less x <= 1: multipliers (1, -1), up to a factor.
/// let Some(Contradiction::Farkas(y)) = solution.contradiction else { panic!() };
/// assert!(y[0] > 0.0 && y[0] == -y[1]);
/// # Ok::<(), brenier::lp::Error>(())
/// ```
pub fn solve(program: &LinearProgram) -> Result<Solution> {
    solve_with(program, &Options::default(), &mut run_to_the_end)
}

/// Solves a program. The observer hears of the state at the beginning and then about twenty times a second, and may stop the work.
///
/// # Errors
/// [`Error::Option`](super::Error::Option) for tolerances out of range, [`Error::Size`](super::Error::Size) for a
/// basis of a larger program.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Options, Sense, Status};
/// use std::ops::ControlFlow;
/// let mut program = LinearProgram::new(Sense::Maximise);
/// let x = program.add_column(1.0, 0.0.., [])?;
/// program.add_row(..=2.0, [(x, 1.0)])?;
/// let options = Options::default().with_presolve(false).with_max_iterations(0);
/// let solution = lp::solve_with(&program, &options, &mut |_| ControlFlow::Continue(()))?;
/// assert_eq!(solution.status, Status::IterationLimit);
/// # Ok::<(), brenier::lp::Error>(())
/// ```
pub fn solve_with(
    program: &LinearProgram,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Solution> {
    let started = Instant::now();
    options.validate()?;
    let start = options.basis.as_ref().map(|basis| basis.fitted_to(program)).transpose()?;
    let sign = match program.sense() {
        Sense::Minimise => 1.0,
        Sense::Maximise => -1.0,
    };
    let mut limits = Limits::new(
        started,
        options.max_iterations,
        options.time_limit,
        observer,
        (sign, program.objective_constant()),
    );
    if let Some(contradiction) = crossed_bounds(program) {
        let mut solution = unsolved(program, start, started)?;
        solution.status = Status::Infeasible;
        solution.contradiction = Some(contradiction);
        return Ok(solution);
    }
    let verdict = attempt(&Form::new(program), start.as_ref(), program, options, &mut limits)?;
    let objective =
        if verdict.status == Status::Infeasible { f64::NAN } else { verdict.certificate.primal_objective };
    Ok(Solution {
        status: verdict.status,
        objective,
        x: verdict.point.x,
        row_activities: verdict.point.activities,
        duals: verdict.duals,
        reduced_costs: verdict.reduced_costs,
        basis: verdict.point.basis,
        contradiction: verdict.contradiction,
        ray: verdict.ray,
        certificate: verdict.certificate,
        iterations: limits.iterations,
        seconds: limits.seconds(),
    })
}

/// So many attempts follow the first one.
const ATTEMPTS: usize = 5;

/// The solver's attempts, each more careful than the one before, until one passes the check.
fn attempt(
    form: &Form,
    start: Option<&Basis>,
    program: &LinearProgram,
    options: &Options,
    limits: &mut Limits<'_>,
) -> Result<Verdict> {
    let mut settings = Settings {
        method: options.method,
        warm: start.is_some(),
        scaling: options.scaling,
        perturbation: options.perturbation && start.is_none(),
        primal_tolerance: options.primal_tolerance,
        dual_tolerance: options.dual_tolerance,
        threshold: 0.1,
        seed: options.seed,
    };
    let smaller = if options.presolve && start.is_none() { reduced(form, &settings, limits) } else { None };
    let outcome = match smaller {
        Some(outcome) => outcome,
        None => {
            let basis = start.cloned().unwrap_or_else(|| form.basis_of_rows());
            solve_form(form, &basis, &settings, limits)
        }
    };
    let mut verdict = Verdict::new(program, outcome)?;
    let mut basis;
    for more in 0..ATTEMPTS {
        if verdict.status != Status::Inaccurate {
            break;
        }
        settings.perturbation = false;
        settings.threshold = 0.5;
        match more {
            // What is wrong in the units of the program only: from where it ended, in these units.
            0 => {
                settings.warm = true;
                basis = verdict.point.basis.clone();
                settings.scaling = false;
            }
            1 => {
                basis = verdict.point.basis.clone();
                settings.scaling = true;
                settings.primal_tolerance = (options.primal_tolerance * 0.01).max(1e-10);
                settings.dual_tolerance = (options.dual_tolerance * 0.01).max(1e-10);
            }
            // All afresh: from the other side, and in the units of the program by either method.
            _ => {
                basis = form.basis_of_rows();
                settings.method = if more == 3 { Method::Dual } else { Method::Primal };
                settings.warm = false;
                settings.scaling = more == 2;
                settings.perturbation = options.perturbation;
                settings.primal_tolerance = options.primal_tolerance;
                settings.dual_tolerance = options.dual_tolerance;
            }
        }
        let next = Verdict::new(program, solve_form(form, &basis, &settings, limits))?;
        if next.is_better_than(&verdict) {
            verdict = next;
        }
    }
    if verdict.status == Status::Inaccurate {
        verdict.look_at_worst_row(program);
    }
    Ok(verdict)
}

/// The outcome by way of the smaller problem that presolve leaves; none where that seems unbounded. Where it ends,
/// the problem as given begins: at an optimum mostly no step is left, but small costs that the smaller problem could
/// not see come to count, and values and duals are those of a basis to the last bit; where it is infeasible, a proof
/// for the problem as given is near.
fn reduced(form: &Form, settings: &Settings, limits: &mut Limits<'_>) -> Option<Outcome> {
    let time_is_over = || limits.look_at_clock().is_err();
    let Presolved::Reduced(reduction) = presolve(form, &time_is_over) else { return None };
    let outcome = solve_form(&reduction.form, &reduction.form.basis_of_rows(), settings, limits);
    match outcome.ending {
        Ending::Optimal | Ending::Infeasible(_) => {
            let basis = reduction.postsolve(form, outcome.point).basis;
            let settings = Settings { warm: true, perturbation: false, ..settings.clone() };
            Some(solve_form(form, &basis, &settings, limits))
        }
        Ending::Interrupted(_) => {
            Some(Outcome { point: reduction.postsolve(form, outcome.point), ..outcome })
        }
        Ending::Unbounded(_) | Ending::Trouble => None,
    }
}

/// The first row or column whose bounds leave nothing.
fn crossed_bounds(program: &LinearProgram) -> Option<Contradiction> {
    let column = (0..program.columns()).find(|&column| !program.column_bounds(column).is_consistent());
    let row = (0..program.rows()).find(|&row| !program.row_bounds(row).is_consistent());
    column
        .map(|index| Contradiction::Bounds { part: Part::Column, index })
        .or(row.map(|index| Contradiction::Bounds { part: Part::Row, index }))
}

/// An answer for a program that no step was made on.
fn unsolved(program: &LinearProgram, basis: Option<Basis>, started: Instant) -> Result<Solution> {
    let basis = basis.unwrap_or_else(|| Basis::of_rows(program));
    let x: Vec<f64> = (0..program.columns())
        .map(|column| {
            let bounds = program.column_bounds(column);
            let wanted =
                if basis.columns[column] == BasisStatus::AtUpper { bounds.upper } else { bounds.lower };
            if wanted.is_finite() { wanted } else { 0.0 }
        })
        .collect();
    let duals = vec![0.0; program.rows()];
    Ok(Solution {
        status: Status::Infeasible,
        objective: f64::NAN,
        row_activities: program.row_activities(&x)?,
        certificate: certify(program, &x, &duals)?,
        x,
        duals,
        reduced_costs: program.costs().to_vec(),
        basis,
        contradiction: None,
        ray: None,
        iterations: 0,
        seconds: started.elapsed().as_secs_f64(),
    })
}
