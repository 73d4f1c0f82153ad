//! Presolve and postsolve against the definition of an optimum.

mod brute_force;
mod random_problems;

use super::steps::Step;
use super::{Presolved, presolve};
use crate::lp::form::{Form, Point};
use crate::lp::sparse::SparseMatrix;
use brute_force::{assert_optimal, optimum};
use random_problems::{PLANTS, problem};

const INFINITY: f64 = f64::INFINITY;

fn form(rows: &[(&[f64], f64, f64)], costs: &[f64], bounds: &[(f64, f64)]) -> Form {
    let entries = rows.iter().enumerate().flat_map(|(row, (line, _, _))| {
        line.iter()
            .enumerate()
            .filter(|entry| *entry.1 != 0.0)
            .map(move |(column, &value)| (row, column, value))
    });
    Form {
        matrix: SparseMatrix::from_triplets(rows.len(), costs.len(), entries),
        costs: costs.to_vec(),
        column_lower: bounds.iter().map(|bounds| bounds.0).collect(),
        column_upper: bounds.iter().map(|bounds| bounds.1).collect(),
        row_lower: rows.iter().map(|row| row.1).collect(),
        row_upper: rows.iter().map(|row| row.2).collect(),
    }
}

/// Presolves, solves what is left by trying every basis, and checks the answer for the original. The steps, by name.
fn check(original: &Form, objective: f64) -> (Vec<&'static str>, Option<Point>) {
    match presolve(original) {
        Presolved::Unchanged => (vec![], None),
        Presolved::Contradiction => panic!("the problem has an optimum of {objective}"),
        Presolved::Reduced(reduction) => {
            let left = optimum(&reduction.form).expect("the smaller problem has an optimum");
            let point = reduction.postsolve(original, left);
            assert_optimal(original, &point, objective);
            (reduction.steps.list().iter().map(name).collect(), Some(point))
        }
    }
}

fn name(step: &Step) -> &'static str {
    match step {
        Step::FixedColumn(_) => "fixed column",
        Step::SingletonRow(_) => "singleton row",
        Step::ForcingRow(_) => "forcing row",
        Step::FreeColumnSingleton(_) => "free column singleton",
        Step::SlackColumn(_) => "slack column",
        Step::DoubletonEquation(_) => "doubleton equation",
        Step::MergedRow(_) => "merged row",
        Step::MergedColumn(_) => "merged column",
    }
}

#[test]
fn random_problems_come_back_optimal() {
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..200_000 {
        let plants: Vec<_> =
            (0..seed % 5).map(|k| PLANTS[(seed / 5 + k * 7) as usize % PLANTS.len()]).collect();
        let (original, objective) = problem(seed, 1 + (seed % 5) as usize, 1 + (seed % 7) as usize, &plants);
        let result = std::panic::catch_unwind(|| check(&original, objective).0);
        let steps = result.unwrap_or_else(|_| {
            panic!("seed {seed}, plants {plants:?}: {original:?}, {:?}", presolve(&original))
        });
        for step in steps {
            *counts.entry(step).or_insert(0) += 1;
        }
    }
    eprintln!("{counts:?}");
}
