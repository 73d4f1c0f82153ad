//! The problems of Netlib: what presolve takes out of them, and the answers that come back.

use super::{by_simplex, presolve};
use crate::data::{netlib_file, netlib_skipped};
use crate::lp::form::Form;
use crate::lp::presolve::Presolved;
use crate::lp::verify::{Certificate, certify};
use crate::lp::{Sense, read_mps};

fn size(form: &Form) -> String {
    format!("{} rows, {} columns, {} nonzeros", form.rows(), form.columns(), form.matrix.nonzeros())
}

fn what_is_left(presolved: &Presolved) -> String {
    match presolved {
        Presolved::Unchanged => "unchanged".into(),
        Presolved::Contradiction => "contradiction".into(),
        Presolved::Reduced(reduction) => size(&reduction.form),
    }
}

#[test]
fn netlib_comes_back_optimal() {
    let table = "optimal_values.tsv";
    let Some(path) = netlib_file(table) else {
        println!("{}", netlib_skipped(table));
        return;
    };
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let (name, is_feasible) = (fields[0], fields[4] == "optimal");
        let Some(path) = netlib_file(&format!("{name}.mps")) else { continue };
        let program = read_mps(path).unwrap().program;
        assert_eq!(program.sense(), Sense::Minimise);
        let form = Form::new(&program);
        let presolved = presolve(&form);
        println!("{name}: {} -> {}", size(&form), what_is_left(&presolved));
        if !is_feasible {
            continue;
        }
        let Presolved::Reduced(reduction) = presolved else { panic!("{name}: nothing was taken out") };
        let point = reduction.postsolve(&form, by_simplex(&reduction.form));
        let certificate = certify(&program, &point.x, &point.duals).unwrap();
        assert!(certificate.is_optimal(Certificate::TOLERANCE), "{name}: {certificate:?}");
        assert_eq!(point.basis.basic(), form.rows(), "{name}");
        let objective: f64 = fields[5].parse().unwrap();
        let found = program.objective(&point.x).unwrap();
        assert!(
            (found - objective).abs() <= 1e-6 * (1.0 + objective.abs()),
            "{name}: {found}, not {objective}"
        );
    }
}
