//! Solves linear programs with microlp: `microlp-beside PRESOLVE SECONDS`, then a path on each line of the standard input.
//!
//! The files are those that `lp/neutral.py` writes, since microlp reads no MPS. Answers with one JSON object a line:
//! the seconds of one solve from the problem in memory, the status and the objective.

use microlp::{ComparisonOp, Error, OptimizationDirection, Problem, SolveOptions, SolveOutcome};
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut options = SolveOptions::default();
    options.presolve = arguments.next().as_deref() == Some("true");
    options.time_limit = arguments.next().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs_f64);
    for path in std::io::stdin().lock().lines() {
        let path = path.expect("a path on each line");
        let text = std::fs::read_to_string(&path).expect("a file that can be read");
        let (problem, offset) = problem(&text);
        let began = Instant::now();
        let outcome = problem.solve_with(options.clone());
        let seconds = began.elapsed().as_secs_f64();
        let (status, objective) = match outcome {
            Ok(SolveOutcome::Solution(solution)) => ("optimal", Some(solution.objective() + offset)),
            Ok(SolveOutcome::Interrupted(_)) => ("time_limit", None),
            Err(Error::Infeasible) => ("infeasible", None),
            Err(Error::Unbounded) => ("unbounded", None),
            Err(_) => ("failed", None),
        };
        let objective = objective.map_or("null".to_owned(), |objective| format!("{objective:?}"));
        println!("{{\"seconds\": {seconds:?}, \"status\": \"{status}\", \"objective\": {objective}}}");
        std::io::stdout().flush().expect("someone who reads");
    }
}

/// The problem of a neutral file, and the constant of its objective.
fn problem(text: &str) -> (Problem, f64) {
    let mut words = text.split_ascii_whitespace();
    let mut next = || words.next().expect("a file that does not end early");
    let direction = match next() {
        "max" => OptimizationDirection::Maximize,
        _ => OptimizationDirection::Minimize,
    };
    let mut number = || next().parse::<f64>().expect("a number");
    let (offset, columns, rows) = (number(), number() as usize, number() as usize);
    let mut problem = Problem::new(direction);
    let mut variables = Vec::with_capacity(columns);
    for _ in 0..columns {
        let (cost, lower, upper) = (number(), number(), number());
        variables.push(problem.add_var(cost, (lower, upper)));
    }
    for _ in 0..rows {
        let (lower, upper, count) = (number(), number(), number() as usize);
        let terms: Vec<_> = (0..count).map(|_| (variables[number() as usize], number())).collect();
        if lower == upper {
            problem.add_constraint(&terms[..], ComparisonOp::Eq, lower);
            continue;
        }
        // There are no rows with two bounds.
        if lower.is_finite() {
            problem.add_constraint(&terms[..], ComparisonOp::Ge, lower);
        }
        if upper.is_finite() {
            problem.add_constraint(&terms[..], ComparisonOp::Le, upper);
        }
    }
    (problem, offset)
}
