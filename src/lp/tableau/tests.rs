use super::*;
use crate::Matrix;
use crate::lp::{LinearProgram, Sense, certify, check_farkas, check_ray};

use Relation::{AtLeast, AtMost, Equal};

/// The same problem for the checks of answers.
fn program(costs: &[f64], rows: &Matrix<f64>, relations: &[Relation], sides: &[f64]) -> LinearProgram {
    let mut program = LinearProgram::new(Sense::Minimise);
    for &cost in costs {
        program.add_column(cost, 0.0.., []).unwrap();
    }
    for (row, &side) in sides.iter().enumerate() {
        let bounds = match relations[row] {
            AtMost => Bounds::at_most(side),
            Equal => Bounds::equal(side),
            AtLeast => Bounds::at_least(side),
        };
        program.add_row(bounds, rows.row(row).iter().copied().enumerate()).unwrap();
    }
    program
}

/// Solves by both rules; the answers must stand the check that the sparse solver's stand.
fn solve(costs: &[f64], rows: &Matrix<f64>, relations: &[Relation], sides: &[f64]) -> TableauSolution {
    let problem = TableauSimplex::new(costs, rows, relations, sides).unwrap();
    let program = program(costs, rows, relations, sides);
    let [dantzig, bland] =
        [PivotRule::Dantzig, PivotRule::Bland].map(|rule| problem.clone().with_rule(rule).solve());
    assert_eq!(dantzig.status, bland.status);
    for solution in [&dantzig, &bland] {
        match solution.status {
            TableauStatus::Optimal => {
                let certificate = certify(&program, &solution.x, &solution.duals).unwrap();
                assert!(certificate.is_optimal(1e-9), "{certificate:?}");
                approx::assert_abs_diff_eq!(certificate.primal_objective, solution.objective, epsilon = 1e-9);
            }
            TableauStatus::Infeasible => {
                assert!(check_farkas(&program, &solution.duals).unwrap().verified, "{solution:?}");
                assert!(solution.objective.is_nan());
            }
            TableauStatus::Unbounded => {
                let ray = solution.ray.as_ref().unwrap();
                assert!(check_ray(&program, &solution.x, ray).unwrap().verified, "{solution:?}");
            }
            status => panic!("{status:?}"),
        }
    }
    bland
}

#[test]
fn equations_and_all_relations() {
    // min 2 x + 3 y + z where x + y + z = 10, x - y >= 2, y + 2 z <= 8, x >= 0: (6, 0, 4) costs 16.
    let rows = Matrix::from_rows([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [0.0, 1.0, 2.0]]);
    let solution = solve(&[2.0, 3.0, 1.0], &rows, &[Equal, AtLeast, AtMost], &[10.0, 2.0, 8.0]);
    approx::assert_relative_eq!(solution.objective, 16.0, max_relative = 1e-14);
    approx::assert_relative_eq!(solution.x.as_slice(), [6.0, 0.0, 4.0].as_slice(), max_relative = 1e-14);
    // The right-hand side of the equation is worth 2 (one more x), the third one -1/2 (z in place of x, half a unit).
    approx::assert_relative_eq!(solution.duals.as_slice(), [2.0, 0.0, -0.5].as_slice(), max_relative = 1e-14);
}

#[test]
fn negative_right_hand_sides_are_turned_and_their_duals_turned_back() {
    let rows = Matrix::from_rows([[-1.0, -1.0], [1.0, -1.0], [-1.0, 2.0]]);
    let first = solve(&[1.0, 2.0], &rows, &[AtMost, Equal, AtLeast], &[-4.0, -1.0, -9.0]);
    // x + y >= 4 and y = x + 1: (1.5, 2.5).
    assert_eq!((first.objective, first.x), (6.5, vec![1.5, 2.5]));
    assert_eq!(first.duals, [-1.5, -0.5, 0.0]);
}

#[test]
fn infeasible_problems_come_with_a_farkas_ray() {
    let rows = Matrix::from_rows([[1.0, 1.0], [1.0, 1.0]]);
    assert_eq!(solve(&[0.0, 0.0], &rows, &[AtMost, AtLeast], &[1.0, 2.0]).status, TableauStatus::Infeasible);
    assert_eq!(solve(&[0.0, 0.0], &rows, &[Equal, Equal], &[1.0, 2.0]).status, TableauStatus::Infeasible);
    assert_eq!(solve(&[0.0, 0.0], &rows, &[Equal, AtMost], &[1.0, -2.0]).status, TableauStatus::Infeasible);
}

#[test]
fn unbounded_problems_come_with_a_ray() {
    let rows = Matrix::from_rows([[1.0, -1.0], [-2.0, 1.0]]);
    assert_eq!(solve(&[-1.0, -1.0], &rows, &[AtMost, AtMost], &[1.0, 2.0]).status, TableauStatus::Unbounded);
    assert_eq!(solve(&[-1.0, 0.0], &rows, &[Equal, AtMost], &[1.0, 2.0]).status, TableauStatus::Unbounded);
}

#[test]
fn redundant_equations_leave_their_artificial_variable_at_zero() {
    let rows = Matrix::from_rows([[1.0, 1.0], [2.0, 2.0], [1.0, 0.0]]);
    let solution = solve(&[1.0, 3.0], &rows, &[Equal, Equal, AtMost], &[4.0, 8.0, 3.0]);
    assert_eq!((solution.objective, solution.x), (6.0, vec![3.0, 1.0]));
}

#[test]
fn problems_without_rows_or_columns() {
    let empty = TableauSimplex::new(&[1.0, 0.0], &Matrix::zeros(0, 2), &[], &[]).unwrap().solve();
    assert_eq!((empty.status, empty.objective), (TableauStatus::Optimal, 0.0));
    let falls = TableauSimplex::new(&[-1.0], &Matrix::zeros(0, 1), &[], &[]).unwrap().solve();
    assert_eq!((falls.status, falls.ray), (TableauStatus::Unbounded, Some(vec![1.0])));
    let rows = Matrix::zeros(1, 0);
    assert_eq!(
        TableauSimplex::new(&[], &rows, &[Equal], &[1.0]).unwrap().solve().status,
        TableauStatus::Infeasible
    );
}

/// Beale 1955: min -3/4 x + 20 y - 1/2 z + 6 w.
fn beale() -> TableauSimplex {
    let rows = Matrix::from_rows([[0.25, -8.0, -1.0, 9.0], [0.5, -12.0, -0.5, 3.0], [0.0, 0.0, 1.0, 0.0]]);
    TableauSimplex::new(&[-0.75, 20.0, -0.5, 6.0], &rows, &[AtMost; 3], &[0.0, 0.0, 1.0]).unwrap()
}

/// Chvátal, *Linear Programming* (1983), chapter 3: max 10 x - 57 y - 9 z - 24 w.
fn chvatal() -> TableauSimplex {
    let rows = Matrix::from_rows([[0.5, -5.5, -2.5, 9.0], [0.5, -1.5, -0.5, 1.0], [1.0, 0.0, 0.0, 0.0]]);
    TableauSimplex::new(&[-10.0, 57.0, 9.0, 24.0], &rows, &[AtMost; 3], &[0.0, 0.0, 1.0]).unwrap()
}

#[test]
fn dantzig_cycles_where_bland_ends() {
    for (problem, objective) in [(beale(), -1.25), (chvatal(), -1.0)] {
        let mut steps = Vec::new();
        let cycling = problem.clone().with_rule(PivotRule::Dantzig).solve_with(|step| steps.push(step));
        assert_eq!((cycling.status, cycling.pivots), (TableauStatus::Cycling, 6));
        // After six pivots the first tableau is back.
        assert_eq!(steps.len(), 7);
        let order = |step: &Step| {
            let mut basis: Vec<_> = step.basis.iter().map(ToString::to_string).collect();
            basis.sort();
            basis
        };
        assert_eq!(order(&steps[0]), order(&steps[6]));
        let ends = problem.with_rule(PivotRule::Bland).solve();
        assert_eq!(ends.status, TableauStatus::Optimal);
        approx::assert_relative_eq!(ends.objective, objective, max_relative = 1e-14);
    }
}

#[test]
fn the_limit_on_steps_holds() {
    let limited = chvatal().with_max_steps(2).solve();
    assert_eq!((limited.status, limited.pivots), (TableauStatus::StepLimit, 2));
}

#[test]
fn nonsense_is_refused() {
    let rows = Matrix::from_rows([[1.0, f64::NAN]]);
    let fine = Matrix::from_rows([[1.0, 1.0]]);
    let new =
        |costs: &[f64], rows: &Matrix<f64>, side| TableauSimplex::new(costs, rows, &[Equal], &[side]).err();
    assert!(matches!(new(&[1.0, 1.0], &rows, 1.0), Some(Error::Coefficient { row: 0, column: 1, .. })));
    assert!(matches!(new(&[1.0], &fine, 1.0), Some(Error::Size { expected: 2, got: 1, .. })));
    assert!(matches!(new(&[1.0, f64::INFINITY], &fine, 1.0), Some(Error::Cost { column: 1, .. })));
    assert!(matches!(
        new(&[1.0, 1.0], &fine, f64::NAN),
        Some(Error::Bounds { part: Part::Row, index: 0, .. })
    ));
}
