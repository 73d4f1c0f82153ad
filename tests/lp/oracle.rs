//! The oracle against the independent check of answers, against the tableau simplex, and against closed forms.

use crate::exact::{self, Truth};
use crate::random;
use brenier::Matrix;
use brenier::lp::{self, LinearProgram, Relation, Sense, TableauSimplex, TableauStatus};

/// As many as there are in the collection.
const PROGRAMS: u64 = 10_000;

#[test]
fn every_answer_of_the_oracle_stands_the_check() {
    let mut counts = [0; 3];
    for index in 0..PROGRAMS {
        let program = random::program(index);
        match exact::solve(&program) {
            Truth::Optimal { objective, x, duals } => {
                counts[0] += 1;
                let certificate = lp::certify(&program, &x, &duals).unwrap();
                assert!(certificate.is_optimal(1e-9), "{index}: {certificate:?}");
                let terms: f64 = program.costs().iter().zip(&x).map(|(cost, x)| (cost * x).abs()).sum();
                assert!(
                    (certificate.primal_objective - objective).abs() <= 1e-14 * (1.0 + terms),
                    "{index}: {certificate:?} and {objective}"
                );
            }
            Truth::Infeasible { farkas: Some(y) } => {
                counts[1] += 1;
                let proof = lp::check_farkas(&program, &y).unwrap();
                assert!(proof.verified, "{index}: {proof:?}");
            }
            Truth::Infeasible { farkas: None } => counts[1] += 1,
            Truth::Unbounded { x, ray } => {
                counts[2] += 1;
                let proof = lp::check_ray(&program, &x, &ray).unwrap();
                assert!(proof.verified, "{index}: {proof:?}");
            }
        }
    }
    println!("optimal, infeasible, unbounded: {counts:?}");
    // The collection is of use only if it has enough of each kind.
    assert!(counts.iter().all(|&count| count >= PROGRAMS / 20), "{counts:?}");
}

#[test]
fn wrong_answers_do_not_stand_the_check() {
    let mut refused = 0;
    for index in 0..1_000 {
        let program = random::program(index);
        let Truth::Optimal { mut x, mut duals, .. } = exact::solve(&program) else { continue };
        // No multipliers prove that a feasible program is infeasible.
        assert!(!lp::check_farkas(&program, &duals).unwrap().verified, "{index}");
        let negative: Vec<f64> = duals.iter().map(|dual| -dual).collect();
        assert!(!lp::check_farkas(&program, &negative).unwrap().verified, "{index}");
        // No direction proves that a bounded one is not.
        assert!(!lp::check_ray(&program, &x, &x).unwrap().verified, "{index}");
        if let Some(column) = (0..x.len()).find(|&column| program.costs()[column] != 0.0) {
            x[column] += 1.0 / program.costs()[column].abs();
            let certificate = lp::certify(&program, &x, &duals).unwrap();
            // The objective has changed by 1, so that at most one of the two can be right.
            assert!(!certificate.is_optimal(1e-6), "{index}: {certificate:?}");
            refused += 1;
        }
        duals.iter_mut().for_each(|dual| *dual = f64::NAN);
        assert!(duals.is_empty() || !lp::certify(&program, &x, &duals).unwrap().is_optimal(1e-6));
    }
    assert!(refused > 300, "{refused}");
}

/// The program in the form of the text books: free variables as differences, bounds as rows.
fn text_book(program: &LinearProgram) -> TableauSimplex {
    let sign = if program.sense() == Sense::Minimise { 1.0 } else { -1.0 };
    let columns = program.columns();
    let costs: Vec<f64> = program.costs().iter().flat_map(|cost| [sign * cost, -sign * cost]).collect();
    let (mut rows, mut relations, mut sides) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |entries: &[f64], bounds: lp::Bounds| {
        let row: Vec<f64> = entries.iter().flat_map(|entry| [*entry, -entry]).collect();
        let mut one = |relation, side: f64| {
            rows.push(row.clone());
            relations.push(relation);
            sides.push(side);
        };
        if bounds.is_fixed() {
            one(Relation::Equal, bounds.lower);
            return;
        }
        if bounds.lower.is_finite() {
            one(Relation::AtLeast, bounds.lower);
        }
        if bounds.upper.is_finite() {
            one(Relation::AtMost, bounds.upper);
        }
    };
    for column in 0..columns {
        let unit: Vec<f64> = (0..columns).map(|other| if other == column { 1.0 } else { 0.0 }).collect();
        add(&unit, program.column_bounds(column));
    }
    for row in 0..program.rows() {
        let entries: Vec<f64> = (0..columns).map(|column| program.coefficient(row, column)).collect();
        add(&entries, program.row_bounds(row));
    }
    let count = rows.len();
    let matrix = Matrix::from_vec(count, 2 * columns, rows.concat()).unwrap();
    TableauSimplex::new(&costs, &matrix, &relations, &sides).unwrap()
}

#[test]
fn the_tableau_simplex_agrees_with_the_oracle() {
    for index in 0..2_000 {
        // The tableau does no scaling: it is for text books, where coefficients are of one size.
        let program = random::unscaled(index);
        let sign = if program.sense() == Sense::Minimise { 1.0 } else { -1.0 };
        let solution = text_book(&program).solve();
        let agrees = match exact::solve(&program) {
            Truth::Optimal { objective, .. } => {
                let found = sign * solution.objective + program.objective_constant();
                solution.status == TableauStatus::Optimal
                    && (found - objective).abs() <= 1e-9 * (1.0 + objective.abs())
            }
            Truth::Infeasible { .. } => solution.status == TableauStatus::Infeasible,
            Truth::Unbounded { .. } => solution.status == TableauStatus::Unbounded,
        };
        assert!(agrees, "{index}: {solution:?}");
    }
}

#[test]
fn powers_of_two_change_nothing() {
    let summary = |truth: Truth| match truth {
        Truth::Optimal { objective, .. } => ("optimal", objective),
        Truth::Infeasible { .. } => ("infeasible", 0.0),
        Truth::Unbounded { .. } => ("unbounded", 0.0),
    };
    for index in 0..1_000 {
        let plain = summary(exact::solve(&random::unscaled(index)));
        let scaled = summary(exact::solve(&random::program(index)));
        assert_eq!(plain.0, scaled.0, "{index}");
        approx::assert_relative_eq!(plain.1, scaled.1, max_relative = 1e-15, epsilon = 1e-15);
    }
}

#[test]
fn closed_forms() {
    // The optimum of a program without rows is at the bounds that the costs ask for.
    let mut program = LinearProgram::new(Sense::Maximise);
    program.add_column(0.1, -1.0..=3.0, []).unwrap();
    program.add_column(-0.25, -7.0..=3.0, []).unwrap();
    let Truth::Optimal { objective, x, .. } = exact::solve(&program) else { panic!() };
    approx::assert_relative_eq!(objective, 2.05, max_relative = 1e-15);
    assert_eq!(x, [3.0, -7.0]);

    // A third is no float: x = 1/3 and the dual is 1/3 of the cost.
    let mut program = LinearProgram::new(Sense::Minimise);
    let x = program.add_column(1.0, .., []).unwrap();
    program.add_row(1.0.., [(x, 3.0)]).unwrap();
    assert_eq!(
        exact::solve(&program),
        Truth::Optimal { objective: 1.0 / 3.0, x: vec![1.0 / 3.0], duals: vec![1.0 / 3.0] }
    );

    // 0.1 + 0.2 is not 0.3 in floats: exactly, as given, this is infeasible by 2^-55 or so.
    let mut program = LinearProgram::new(Sense::Minimise);
    let x = program.add_column(0.0, 0.1, []).unwrap();
    let y = program.add_column(0.0, 0.2, []).unwrap();
    program.add_row(0.3, [(x, 1.0), (y, 1.0)]).unwrap();
    assert!(matches!(exact::solve(&program), Truth::Infeasible { farkas: Some(_) }));
}
