//! Answers of the simplex where they are known in closed form, and on hostile problems: status, values, duals and proofs.

use brenier::lp::{
    self, Basis, Bounds, Contradiction, LinearProgram, Method, Options, Part, Sense, Solution, Status,
    check_contradiction, check_ray,
};
use std::ops::ControlFlow;
use std::time::Duration;

/// Every way to solve a program.
fn ways() -> Vec<Options> {
    let mut ways = Vec::new();
    for method in [Method::Dual, Method::Primal] {
        for presolve in [false, true] {
            for scaling in [false, true] {
                for perturbation in [false, true] {
                    let options = Options::default().with_method(method).with_presolve(presolve);
                    ways.push(options.with_scaling(scaling).with_perturbation(perturbation));
                }
            }
        }
    }
    ways
}

/// Solves it in every way, checks the proof, and that all agree on status and value.
fn solve_in_all_ways(program: &LinearProgram) -> Solution {
    let mut first: Option<Solution> = None;
    for options in ways() {
        let solution = lp::solve_with(program, &options, &mut lp::run_to_the_end).unwrap();
        match solution.status {
            Status::Optimal => {
                assert!(solution.certificate.is_optimal(1e-9), "{options:?}: {:?}", solution.certificate);
                assert_eq!(solution.basis.basic(), program.rows());
            }
            Status::Infeasible => {
                assert!(check_contradiction(program, solution.contradiction.as_ref().unwrap()).unwrap());
            }
            Status::Unbounded => {
                assert!(check_ray(program, &solution.x, solution.ray.as_ref().unwrap()).unwrap().verified);
            }
            other => panic!("{other} with {options:?}"),
        }
        if let Some(first) = &first {
            assert_eq!(first.status, solution.status, "{options:?}");
            let difference = (first.objective - solution.objective).abs();
            assert!(first.objective.is_nan() || difference <= 1e-9 * first.objective.abs().max(1.0));
        } else {
            first = Some(solution);
        }
    }
    first.unwrap()
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{found} instead of {expected}");
    }
}

#[test]
fn duals_are_derivatives_by_the_right_hand_sides_in_both_senses() {
    // max 5 x + 4 y + 3 z (Chvátal 1983, chapter 1): 13 at (2, 0, 1).
    for sense in [Sense::Maximise, Sense::Minimise] {
        let sign = if sense == Sense::Maximise { 1.0 } else { -1.0 };
        let mut program = LinearProgram::new(sense);
        for cost in [5.0, 4.0, 3.0] {
            program.add_column(sign * cost, 0.0.., []).unwrap();
        }
        program.add_row(..=5.0, [(0, 2.0), (1, 3.0), (2, 1.0)]).unwrap();
        program.add_row(..=11.0, [(0, 4.0), (1, 1.0), (2, 2.0)]).unwrap();
        program.add_row(..=8.0, [(0, 3.0), (1, 4.0), (2, 2.0)]).unwrap();
        let solution = solve_in_all_ways(&program);
        close(&[solution.objective], &[sign * 13.0]);
        close(&solution.x, &[2.0, 0.0, 1.0]);
        close(&solution.duals, &[sign * 1.0, 0.0, sign * 1.0]);
        close(&solution.reduced_costs, &[0.0, sign * -3.0, 0.0]);
        close(&solution.row_activities, &[5.0, 10.0, 8.0]);
        // Half a unit more of the third right-hand side.
        program.set_row_bounds(2, ..=8.5).unwrap();
        close(&[solve_in_all_ways(&program).objective], &[sign * 13.5]);
    }
}

#[test]
fn ranged_rows_boxes_and_free_variables_take_the_bound_that_pays() {
    // min x - y + z  where  -1 <= x + y + z <= 3,  x free,  -2 <= y <= 2,  z <= 5, and x - z = 1.
    let mut program = LinearProgram::new(Sense::Minimise);
    program.add_column(1.0, .., []).unwrap();
    program.add_column(-1.0, -2.0..=2.0, []).unwrap();
    program.add_column(1.0, ..=5.0, []).unwrap();
    program.add_row(-1.0..=3.0, [(0, 1.0), (1, 1.0), (2, 1.0)]).unwrap();
    program.add_row(1.0, [(0, 1.0), (2, -1.0)]).unwrap();
    let solution = solve_in_all_ways(&program);
    // y = 2, x + z = -3 at the row's lower end: x = -1, z = -2.
    close(&solution.x, &[-1.0, 2.0, -2.0]);
    close(&solution.duals, &[1.0, 0.0]);
    close(&solution.reduced_costs, &[0.0, -2.0, 0.0]);
}

#[test]
fn programs_without_rows_or_columns_have_answers() {
    let empty = LinearProgram::new(Sense::Minimise);
    assert_eq!(solve_in_all_ways(&empty).objective, 0.0);
    let mut rows_only = LinearProgram::new(Sense::Maximise);
    rows_only.set_objective_constant(7.0).unwrap();
    rows_only.add_row(-1.0..=1.0, []).unwrap();
    assert_eq!(solve_in_all_ways(&rows_only).objective, 7.0);
    rows_only.add_row(1.0..=2.0, []).unwrap();
    assert_eq!(solve_in_all_ways(&rows_only).status, Status::Infeasible);

    let mut columns_only = LinearProgram::new(Sense::Maximise);
    columns_only.add_column(2.0, -1.0..=3.0, []).unwrap();
    columns_only.add_column(-1.0, -4.0.., []).unwrap();
    columns_only.add_column(0.0, .., []).unwrap();
    let solution = solve_in_all_ways(&columns_only);
    assert_eq!((solution.objective, &solution.x[..2]), (10.0, &[3.0, -4.0][..]));
    columns_only.add_column(1.0, 0.0.., []).unwrap();
    assert_eq!(solve_in_all_ways(&columns_only).status, Status::Unbounded);
}

#[test]
fn a_contradiction_wins_over_an_unbounded_objective() {
    let mut program = LinearProgram::new(Sense::Maximise);
    program.add_column(1.0, 0.0.., []).unwrap();
    program.add_column(0.0, 0.0.., []).unwrap();
    program.add_row(..=-1.0, [(1, 1.0)]).unwrap();
    assert_eq!(solve_in_all_ways(&program).status, Status::Infeasible);
}

#[test]
fn bounds_that_cross_are_named() {
    let mut program = LinearProgram::new(Sense::Minimise);
    program.add_column(1.0, 0.0.., []).unwrap();
    program.add_row(3.0..=2.0, [(0, 1.0)]).unwrap();
    let solution = solve_in_all_ways(&program);
    assert_eq!(solution.contradiction, Some(Contradiction::Bounds { part: Part::Row, index: 0 }));
    assert_eq!(solution.iterations, 0);
}

#[test]
fn the_cube_of_klee_and_minty_is_solved() {
    // max Σ 10^(n-j) x_j where 2 Σ_{k<j} 10^(j-k) x_k + x_j <= 100^(j-1): the optimum is 100^(n-1).
    let n = 8;
    let mut program = LinearProgram::new(Sense::Maximise);
    for j in 1..=n {
        program.add_column(10.0_f64.powi(n - j), 0.0.., []).unwrap();
    }
    for j in 1..=n {
        let mut row: Vec<(usize, f64)> =
            (1..j).map(|k| (k as usize - 1, 2.0 * 10.0_f64.powi(j - k))).collect();
        row.push((j as usize - 1, 1.0));
        program.add_row(..=100.0_f64.powi(j - 1), row).unwrap();
    }
    let solution = solve_in_all_ways(&program);
    close(&[solution.objective], &[100.0_f64.powi(n - 1)]);
}

#[test]
fn degenerate_problems_on_which_naive_rules_cycle_end() {
    // Beale 1955: optimum -1/20. Kuhn's example: unbounded without its bound.
    let mut beale = LinearProgram::new(Sense::Minimise);
    for cost in [-0.75, 150.0, -0.02, 6.0] {
        beale.add_column(cost, 0.0.., []).unwrap();
    }
    beale.add_row(..=0.0, [(0, 0.25), (1, -60.0), (2, -0.04), (3, 9.0)]).unwrap();
    beale.add_row(..=0.0, [(0, 0.5), (1, -90.0), (2, -0.02), (3, 3.0)]).unwrap();
    beale.add_row(..=1.0, [(2, 1.0)]).unwrap();
    close(&[solve_in_all_ways(&beale).objective], &[-0.05]);

    // The assignment problem with equal costs: every vertex is optimal and degenerate.
    let n = 12;
    let mut assignment = LinearProgram::new(Sense::Minimise);
    for _ in 0..2 * n {
        assignment.add_row(1.0, []).unwrap();
    }
    for i in 0..n {
        for j in 0..n {
            assignment.add_column(1.0, 0.0.., [(i, 1.0), (n + j, 1.0)]).unwrap();
        }
    }
    close(&[solve_in_all_ways(&assignment).objective], &[n as f64]);
}

#[test]
fn rows_and_columns_scaled_a_million_fold_give_the_same_answer() {
    let row_factors = [1e6, 1e-6, 1.0, 1e3];
    let column_factors = [1e-6, 1e6, 1e2, 1.0, 1e-3];
    let a = |i: usize, j: usize| ((i * 7 + j * 3) % 5) as f64 - 1.0;
    let mut plain = LinearProgram::new(Sense::Minimise);
    let mut scaled = LinearProgram::new(Sense::Minimise);
    for factor in column_factors {
        plain.add_column(1.0, 0.0..=10.0, []).unwrap();
        scaled.add_column(factor, 0.0..=10.0 / factor, []).unwrap();
    }
    for (i, row_factor) in row_factors.into_iter().enumerate() {
        plain.add_row(3.0.., (0..5).map(|j| (j, a(i, j)))).unwrap();
        scaled
            .add_row(3.0 * row_factor.., (0..5).map(|j| (j, a(i, j) * row_factor * column_factors[j])))
            .unwrap();
    }
    let (plain, scaled) = (lp::solve(&plain).unwrap(), lp::solve(&scaled).unwrap());
    assert_eq!((plain.status, scaled.status), (Status::Optimal, Status::Optimal));
    close(&[scaled.objective], &[plain.objective]);
}

#[test]
fn numbers_at_the_edge_of_their_range_end_without_panic() {
    for magnitude in [1e-300, 1e-30, 1e30, 1e150, 1e300] {
        for other in [1.0, 1e-300, 1e300] {
            let mut program = LinearProgram::new(Sense::Minimise);
            program.add_column(magnitude, 0.0..=other, []).unwrap();
            program.add_column(-other, -magnitude.., []).unwrap();
            program.add_row(-1.0..=magnitude, [(0, magnitude), (1, other)]).unwrap();
            program.add_row(..=other, [(0, other), (1, -magnitude)]).unwrap();
            for options in ways() {
                let options = options.with_time_limit(Duration::from_secs(5));
                let solution = lp::solve_with(&program, &options, &mut lp::run_to_the_end).unwrap();
                if solution.status == Status::Optimal {
                    assert!(solution.certificate.is_optimal(1e-6), "{magnitude} {other}");
                }
            }
        }
    }
}

#[test]
fn limits_hold_and_say_so() {
    let mut program = LinearProgram::new(Sense::Maximise);
    for j in 0..30 {
        program.add_column(1.0 + j as f64, 0.0..=4.0, []).unwrap();
    }
    for i in 0..20 {
        let row = (0..30).map(|j| (j, 1.0 + ((i * j + 3 * i + j) % 7) as f64));
        program.add_row(..=20.0 + i as f64, row).unwrap();
    }
    for method in [Method::Dual, Method::Primal] {
        let options = Options::default().with_presolve(false).with_method(method);
        let all = lp::solve_with(&program, &options, &mut lp::run_to_the_end).unwrap();
        assert!(all.iterations > 3);
        let limited =
            lp::solve_with(&program, &options.clone().with_max_iterations(2), &mut lp::run_to_the_end)
                .unwrap();
        assert_eq!((limited.status, limited.iterations), (Status::IterationLimit, 2));
        // From where it stopped.
        let options = options.with_basis(limited.basis);
        let rest = lp::solve_with(&program, &options, &mut lp::run_to_the_end).unwrap();
        close(&[rest.objective], &[all.objective]);
        let no_time = Options::default().with_presolve(false).with_time_limit(Duration::ZERO);
        let solution = lp::solve_with(&program, &no_time, &mut lp::run_to_the_end).unwrap();
        assert_eq!(solution.status, Status::TimeLimit);
    }
}

#[test]
fn the_optimal_basis_is_a_start_without_steps() {
    let mut program = LinearProgram::new(Sense::Minimise);
    for j in 0..40 {
        program.add_column(((j * 17) % 23) as f64 - 5.0, 0.0..=2.0, []).unwrap();
    }
    for i in 0..15 {
        let row = (0..40).filter(|j| (i + j) % 3 == 0).map(|j| (j, ((i * j) % 5) as f64 + 1.0));
        program.add_row(4.0..=30.0, row).unwrap();
    }
    let first = lp::solve(&program).unwrap();
    for method in [Method::Dual, Method::Primal] {
        let options = Options::default().with_basis(first.basis.clone()).with_method(method);
        let again = lp::solve_with(&program, &options, &mut lp::run_to_the_end).unwrap();
        assert_eq!((again.status, again.iterations), (Status::Optimal, 0));
        assert_eq!(again.basis, first.basis);
    }
}

#[test]
fn options_and_bases_that_make_no_sense_are_refused() {
    let mut program = LinearProgram::new(Sense::Minimise);
    program.add_column(1.0, 0.0.., []).unwrap();
    let refused = |options: Options| {
        lp::solve_with(&program, &options, &mut lp::run_to_the_end).unwrap_err().to_string()
    };
    assert_eq!(
        refused(Options::default().with_primal_tolerance(f64::NAN)),
        "primal_tolerance is NaN: it must lie between 1e-10 and 1e-3"
    );
    let large = Basis { columns: Vec::new(), rows: vec![lp::BasisStatus::Basic] };
    assert_eq!(refused(Options::default().with_basis(large)), "rows of the basis has 1 entries, expected 0");
    assert_eq!(
        program.add_row(Bounds::between(f64::NAN, 1.0), []).unwrap_err().to_string(),
        "row 0 has the bounds NaN and 1: neither may be NaN, the lower one not ∞, the upper one not -∞"
    );
    assert_eq!(
        program.add_row(.., [(0, f64::INFINITY)]).unwrap_err().to_string(),
        "the coefficient of row 0, column 0 is inf: it must be finite"
    );
    assert_eq!(
        program.add_row(.., [(3, 1.0)]).unwrap_err().to_string(),
        "there is no column 3: the program has 1, counted from 0"
    );
}

#[test]
fn the_observer_stops_a_long_solve() {
    // Large enough to be heard of: the observer is called every twentieth of a second.
    let n = 150;
    let mut program = LinearProgram::new(Sense::Minimise);
    for _ in 0..2 * n {
        program.add_row(1.0, []).unwrap();
    }
    for i in 0..n {
        for j in 0..n {
            program.add_column(((i * 131 + j * 71) % 997) as f64, 0.0.., [(i, 1.0), (n + j, 1.0)]).unwrap();
        }
    }
    let mut calls = 0;
    let options = Options::default().with_presolve(false).with_method(Method::Primal);
    let solution = lp::solve_with(&program, &options, &mut |progress| {
        calls += 1;
        assert!(progress.seconds > 0.0);
        ControlFlow::Break(())
    })
    .unwrap();
    // On a machine that needs less than a twentieth of a second, it is solved before.
    assert_eq!(solution.status, if calls > 0 { Status::Stopped } else { Status::Optimal });
}
