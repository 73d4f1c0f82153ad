//! The solver against the oracle: the same status and the same optimum on every random program, by either method, with and without presolve.

use crate::exact::{self, Truth};
use crate::random;
use brenier::lp::{self, Certificate, LinearProgram, Method, Options, Solution, Status, run_to_the_end};

/// What is wrong with an answer, if anything is.
fn disagreement(program: &LinearProgram, truth: &Truth, solution: &Solution) -> Option<String> {
    let (status, wrong) = match truth {
        Truth::Optimal { objective, .. } => {
            let certificate = lp::certify(program, &solution.x, &solution.duals).unwrap();
            let wrong = if !((solution.objective - objective).abs() <= 1e-9 * (1.0 + objective.abs())) {
                Some(format!("objective {} instead of {objective}", solution.objective))
            } else if !certificate.is_optimal(Certificate::TOLERANCE) || certificate != solution.certificate {
                Some(format!("{certificate:?}"))
            } else {
                None
            };
            (Status::Optimal, wrong)
        }
        Truth::Infeasible { .. } => {
            let proved = solution
                .contradiction
                .as_ref()
                .is_some_and(|contradiction| lp::check_contradiction(program, contradiction).unwrap());
            (Status::Infeasible, (!proved).then(|| "no proof".into()))
        }
        Truth::Unbounded { .. } => {
            let proved = solution
                .ray
                .as_ref()
                .is_some_and(|ray| lp::check_ray(program, &solution.x, ray).unwrap().verified);
            (Status::Unbounded, (!proved).then(|| "no proof".into()))
        }
    };
    if solution.status == status { wrong } else { Some(format!("{} instead of {status}", solution.status)) }
}

fn all_agree(method: Method, presolve: bool) {
    let options = Options::default().with_method(method).with_presolve(presolve).with_max_iterations(100_000);
    let wrong: Vec<String> = (0..10_000)
        .filter_map(|index| {
            let program = random::program(index);
            let solution = lp::solve_with(&program, &options, &mut run_to_the_end).unwrap();
            let wrong = disagreement(&program, &exact::solve(&program), &solution);
            wrong.map(|wrong| format!("{index}: {wrong}"))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of 10,000 disagree, the first ones\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}

#[test]
fn dual_simplex() {
    all_agree(Method::Dual, false);
}

#[test]
fn dual_simplex_after_presolve() {
    all_agree(Method::Dual, true);
}

#[test]
fn primal_simplex() {
    all_agree(Method::Primal, false);
}

#[test]
fn primal_simplex_after_presolve() {
    all_agree(Method::Primal, true);
}
