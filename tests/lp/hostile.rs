//! Programs and calls that a solver is not meant to be given: it answers with the truth or says that it has none.

use crate::exact::{self, Truth};
use crate::random;
use brenier::lp::{
    self, Basis, BasisStatus, Bounds, LinearProgram, Method, Options, Progress, Sense, Solution, Status,
};
use std::ops::ControlFlow;
use std::time::Duration;

fn solve(program: &LinearProgram, options: &Options) -> Solution {
    lp::solve_with(program, options, &mut lp::run_to_the_end).unwrap()
}

/// Both methods, each with presolve and scaling on and off.
fn every_way() -> impl Iterator<Item = Options> {
    [Method::Dual, Method::Primal].into_iter().flat_map(|method| {
        [(true, true), (false, true), (false, false)].into_iter().map(move |(presolve, scaling)| {
            Options::default().with_method(method).with_presolve(presolve).with_scaling(scaling)
        })
    })
}

/// A solution that keeps what its status promises.
fn check(program: &LinearProgram, solution: &Solution, context: &str) {
    match solution.status {
        Status::Optimal => assert!(solution.certificate.is_optimal(1e-6), "{context}"),
        Status::Infeasible => {
            let contradiction = solution.contradiction.as_ref().expect("an infeasible program has a proof");
            assert!(lp::check_contradiction(program, contradiction).unwrap(), "{context}");
        }
        Status::Unbounded => {
            let ray = solution.ray.as_ref().expect("an unbounded program has a ray");
            assert!(lp::check_ray(program, &solution.x, ray).unwrap().verified, "{context}");
        }
        _ => {}
    }
    assert_eq!(solution.x.len(), program.columns(), "{context}");
    assert_eq!(solution.row_activities.len(), program.rows(), "{context}");
    assert_eq!(solution.duals.len(), program.rows(), "{context}");
    assert_eq!(solution.reduced_costs.len(), program.columns(), "{context}");
    assert_eq!(
        (solution.basis.columns.len(), solution.basis.rows.len()),
        (program.columns(), program.rows()),
        "{context}"
    );
}

#[test]
fn nothing_at_all_and_almost_nothing() {
    for options in every_way() {
        let empty = solve(&LinearProgram::new(Sense::Maximise), &options);
        assert_eq!((empty.status, empty.objective), (Status::Optimal, 0.0));

        // Columns without rows: each goes to the bound that its cost likes.
        let mut columns = LinearProgram::new(Sense::Maximise);
        columns.add_column(2.0, -1.0..=3.0, []).unwrap();
        columns.add_column(-2.0, -1.0..=3.0, []).unwrap();
        columns.add_column(0.0, .., []).unwrap();
        let solution = solve(&columns, &options);
        assert_eq!((solution.status, solution.objective), (Status::Optimal, 8.0));
        columns.add_column(1.0, .., []).unwrap();
        let solution = solve(&columns, &options);
        assert_eq!(solution.status, Status::Unbounded);
        check(&columns, &solution, "columns");

        // Rows without columns, and a matrix of zeros that are stored.
        let mut rows = LinearProgram::new(Sense::Minimise);
        rows.add_row(-1.0..=1.0, []).unwrap();
        rows.add_row(.., []).unwrap();
        assert_eq!(solve(&rows, &options).status, Status::Optimal);
        rows.add_column(1.0, 4.0.., [(0, 0.0), (1, 0.0)]).unwrap();
        let solution = solve(&rows, &options);
        assert_eq!((solution.status, solution.objective), (Status::Optimal, 4.0));
        rows.add_row(1.0.., [(0, 0.0)]).unwrap();
        let solution = solve(&rows, &options);
        assert_eq!(solution.status, Status::Infeasible);
        check(&rows, &solution, "rows");
    }
}

#[test]
fn no_basis_is_too_wrong_to_begin_with() {
    use BasisStatus::{AtLower, AtUpper, Basic, Free};
    for index in 0..400 {
        let program = random::unscaled(index);
        let truth = exact::solve(&program);
        let (rows, columns) = (program.rows(), program.columns());
        for (columns_are, rows_are) in [
            (Basic, Basic),
            (AtLower, AtLower),
            (AtUpper, AtUpper),
            (Free, Free),
            (Basic, AtUpper),
            (AtUpper, Basic),
            (Free, Basic),
        ] {
            let basis = Basis { columns: vec![columns_are; columns], rows: vec![rows_are; rows] };
            for options in every_way() {
                let context = format!("{index}, {columns_are:?}, {rows_are:?}, {options:?}");
                let solution = solve(&program, &options.with_basis(basis.clone()));
                check(&program, &solution, &context);
                let expected = match truth {
                    Truth::Optimal { .. } => Status::Optimal,
                    Truth::Infeasible { .. } => Status::Infeasible,
                    Truth::Unbounded { .. } => Status::Unbounded,
                };
                assert_eq!(solution.status, expected, "{context}");
                if let Truth::Optimal { objective, .. } = truth {
                    let difference = (solution.objective - objective).abs();
                    assert!(difference <= 1e-6 * objective.abs().max(1.0), "{context}: {difference:e}");
                    assert_eq!(solution.basis.basic(), rows, "{context}");
                }
            }
        }
    }
}

#[test]
fn wherever_it_is_stopped_it_can_go_on() {
    for index in 0..300 {
        let program = random::unscaled(index);
        for options in every_way() {
            let whole = solve(&program, &options);
            for limit in 0..whole.iterations.min(20) {
                let context = format!("{index}, {limit} steps, {options:?}");
                let part = solve(&program, &options.clone().with_max_iterations(limit));
                assert!(part.iterations <= limit, "{context}");
                check(&program, &part, &context);
                assert!(part.x.iter().all(|x| x.is_finite()), "{context}");
                if part.status == Status::IterationLimit {
                    assert_eq!(part.basis.basic(), program.rows(), "{context}");
                    let rest = solve(&program, &options.clone().with_basis(part.basis));
                    assert_eq!(rest.status, whole.status, "{context}");
                }
            }
        }
    }
}

#[test]
fn the_same_bits_twice() {
    for index in 0..500 {
        let program = random::program(index);
        for options in every_way() {
            let (mut one, mut two) = (solve(&program, &options), solve(&program, &options));
            (one.seconds, two.seconds) = (0.0, 0.0);
            // By what is printed: NaN is to be NaN again.
            assert_eq!(format!("{one:?}"), format!("{two:?}"), "{index}");
        }
    }
}

#[test]
fn numbers_at_the_ends_of_the_range() {
    let sizes = [1e300, 1e200, 1e100, 1e30, 1.0, 1e-30, 1e-100, 1e-300, 5e-324, 0.0];
    for (a, coefficient) in sizes.into_iter().enumerate() {
        for right_hand_side in sizes {
            for cost in sizes {
                for (upper, kind) in [(f64::INFINITY, 0), (1e300, 1), (1.0, 2), (1e-300, 1)] {
                    let mut program =
                        LinearProgram::new(if a % 2 == 0 { Sense::Minimise } else { Sense::Maximise });
                    let x = program.add_column(cost, 0.0..=upper, []).unwrap();
                    let y = program.add_column(-1.0, -upper..=1.0, []).unwrap();
                    let bounds = match kind {
                        0 => Bounds::at_least(right_hand_side),
                        1 => Bounds::at_most(right_hand_side),
                        _ => Bounds::equal(right_hand_side),
                    };
                    program.add_row(bounds, [(x, coefficient), (y, 1.0)]).unwrap();
                    program.add_row(..=right_hand_side, [(x, 1.0), (y, coefficient)]).unwrap();
                    for options in every_way() {
                        let solution = solve(&program, &options.with_max_iterations(100_000));
                        let context = format!("{coefficient:e} {right_hand_side:e} {cost:e} {upper:e}");
                        assert_ne!(solution.status, Status::IterationLimit, "{context}");
                        check(&program, &solution, &context);
                    }
                }
            }
        }
    }
}

#[test]
fn bounds_so_far_away_that_rounding_exceeds_the_tolerance() {
    // Values of 1e9: in phase 1 of the primal simplex such variables can go from bound to bound and back, each time
    // for the better as far as rounding can tell. No limit is reached.
    for index in 0..2_000 {
        let mut program = random::unscaled(index);
        for column in 0..program.columns() {
            let bounds = program.column_bounds(column);
            let far =
                if bounds.is_fixed() { bounds.upper } else { bounds.upper.min(1e9 + column as f64 / 3.0) };
            program.set_column_bounds(column, Bounds::between(bounds.lower.max(-1e9 / 7.0), far)).unwrap();
            for row in 0..program.rows() {
                let value = program.coefficient(row, column);
                program.set_coefficient(row, column, value * (1.0 + (row + column) as f64 / 3e4)).unwrap();
            }
        }
        for options in every_way() {
            let solution = solve(&program, &options.with_max_iterations(20_000));
            assert_ne!(solution.status, Status::IterationLimit, "{index}");
            check(&program, &solution, &index.to_string());
        }
    }
}

#[test]
fn no_time_is_no_time_and_an_observer_is_obeyed() {
    let mut program = LinearProgram::new(Sense::Minimise);
    for column in 0..60 {
        program.add_column(1.0 + (column % 7) as f64, 0.0.., []).unwrap();
    }
    for row in 0..60 {
        program.add_row(1.0.., (0..60).map(|column| (column, 1.0 + ((row * column) % 11) as f64))).unwrap();
    }
    for options in every_way() {
        let solution = solve(&program, &options.clone().with_time_limit(Duration::ZERO));
        assert_eq!(solution.status, Status::TimeLimit);
        check(&program, &solution, "no time");
        // Too short to be asked, or stopped: never another answer.
        let mut stop = |_: &Progress| ControlFlow::Break(());
        let solution = lp::solve_with(&program, &options, &mut stop).unwrap();
        assert!(matches!(solution.status, Status::Optimal | Status::Stopped));
    }
}
