//! The solver against the oracle: the same status and the same optimum on every random program, by either method,
//! with and without presolve.

use crate::exact::{self, Truth};
use crate::random;
use brenier::lp::{self, Certificate, LinearProgram, Method, Options, Solution, Status, run_to_the_end};
use std::ops::Range;

/// What is wrong with an answer, if anything is.
fn disagreement(program: &LinearProgram, truth: &Truth, solution: &Solution) -> Option<String> {
    let (status, wrong) = match truth {
        Truth::Optimal { objective, .. } => {
            let certificate = lp::certify(program, &solution.x, &solution.duals).unwrap();
            let difference = (solution.objective - objective).abs();
            let wrong = if difference.is_nan() || difference > 1e-9 * (1.0 + objective.abs()) {
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

fn all_agree(indices: Range<u64>) {
    let ways: Vec<Options> = [Method::Dual, Method::Primal]
        .into_iter()
        .flat_map(|method| {
            [false, true].map(|presolve| Options::default().with_method(method).with_presolve(presolve))
        })
        .map(|options| options.with_max_iterations(100_000))
        .collect();
    let mut wrong = Vec::new();
    for index in indices {
        let program = random::program(index);
        let truth = exact::solve(&program);
        for options in &ways {
            let solution = lp::solve_with(&program, options, &mut run_to_the_end).unwrap();
            if let Some(what) = disagreement(&program, &truth, &solution) {
                wrong.push(format!("{index}, {:?}, presolve {}: {what}", options.method, options.presolve));
            }
        }
    }
    let first = wrong.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} answers disagree, the first ones\n{first}", wrong.len());
}

// In two halves, so that two threads share them.

#[test]
fn first_half() {
    all_agree(0..5_000);
}

#[test]
fn second_half() {
    all_agree(5_000..10_000);
}
