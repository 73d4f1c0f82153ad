//! The shared Netlib problems against exact optima (Koch 2004), every way of solving them.

use brenier::data;
use brenier::lp::{self, LinearProgram, Method, Options, Status};

/// Names, statuses and optimal values of the problems at hand; none where the files are missing.
fn problems() -> Vec<(String, Option<f64>)> {
    let Some(table) = data::netlib_file("optimal_values.tsv") else {
        println!("{}", data::netlib_skipped("optimal_values.tsv"));
        return Vec::new();
    };
    let table = std::fs::read_to_string(table).unwrap();
    let lines = table.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    lines
        .map(|fields| {
            let optimum = (fields[4] == "optimal").then(|| fields[5].parse().unwrap());
            (fields[0].to_string(), optimum)
        })
        .collect()
}

/// The problems that have an optimum; none where the files are missing.
pub fn feasible() -> Vec<(String, LinearProgram)> {
    let names = problems().into_iter().filter(|(_, optimum)| optimum.is_some()).map(|(name, _)| name);
    names
        .map(|name| {
            let file = data::netlib_file(&format!("{name}.mps")).unwrap();
            (name, lp::read_mps(&file).unwrap().program)
        })
        .collect()
}

fn solve_all(method: Method, presolve: bool) {
    for (name, optimum) in problems() {
        let file = lp::read_mps(data::netlib_file(&format!("{name}.mps")).unwrap()).unwrap();
        let options = Options::default().with_method(method).with_presolve(presolve);
        let solution = lp::solve_with(&file.program, &options, &mut lp::run_to_the_end).unwrap();
        let Some(optimum) = optimum else {
            assert_eq!(solution.status, Status::Infeasible, "{name}");
            let contradiction = solution.contradiction.unwrap();
            assert!(lp::check_contradiction(&file.program, &contradiction).unwrap(), "{name}");
            continue;
        };
        assert_eq!(solution.status, Status::Optimal, "{name}");
        let error = (solution.objective - optimum).abs() / optimum.abs().max(1.0);
        assert!(error <= 1e-6, "{name}: {} instead of {optimum}", solution.objective);
        // Residuals in the units of the file, not relative to anything.
        let certificate = solution.certificate;
        assert!(certificate.primal_residual <= 1e-6, "{name}: {certificate:?}");
        assert!(certificate.dual_residual <= 1e-6, "{name}: {certificate:?}");
        assert!(certificate.gap_relative <= 1e-6, "{name}: {certificate:?}");
        assert_eq!(solution.basis.basic(), file.program.rows(), "{name}");
    }
}

#[test]
fn the_dual_simplex_finds_every_optimum() {
    solve_all(Method::Dual, false);
}

#[test]
fn the_primal_simplex_finds_every_optimum() {
    solve_all(Method::Primal, false);
}

#[test]
fn presolve_changes_no_optimum() {
    solve_all(Method::Dual, true);
    solve_all(Method::Primal, true);
}

#[test]
fn an_optimal_basis_is_optimal_at_once() {
    for (name, optimum) in problems() {
        if optimum.is_none() {
            continue;
        }
        let program = lp::read_mps(data::netlib_file(&format!("{name}.mps")).unwrap()).unwrap().program;
        let first = lp::solve(&program).unwrap();
        let options = Options::default().with_basis(first.basis);
        let again = lp::solve_with(&program, &options, &mut lp::run_to_the_end).unwrap();
        assert_eq!(again.status, Status::Optimal, "{name}");
        // Presolve and scaling may leave a last step, not a search.
        assert!(
            again.iterations <= first.iterations / 20 + 2,
            "{name}: {} of {}",
            again.iterations,
            first.iterations
        );
    }
}
