//! The choice of the method, what it reports, and beginning with potentials or a plan from files.

use crate::folder::{Folder, random_cloud, random_weights, text};
use brenier::data::csv::{self, CsvOptions};
use brenier::data::npy;
use brenier::{Matrix, ot::Status};
use serde_json::Value;
use std::fs;

const PROBLEM: &str = "ot x.npy y.npy --source-weights a.npy --target-weights b.npy";

/// Two clouds of 150 and 120 points with random weights.
fn clouds(test: &str) -> Folder {
    let folder = Folder::new(test);
    folder
        .cloud("x.npy", &random_cloud(150, 3, 1))
        .cloud("y.npy", &random_cloud(120, 3, 2))
        .weights("a.npy", &random_weights(150, 3))
        .weights("b.npy", &random_weights(120, 4));
    folder
}

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap()
}

/// Both values are proved to 1e-13 relative, pair by pair, and the sums have 270 terms: 1e-12 is a wide margin.
fn assert_same_cost(a: &Value, b: &Value) {
    let (a, b) = (number(a, "cost"), number(b, "cost"));
    assert!((a - b).abs() <= 1e-12 * a, "{a} {b}");
}

#[test]
fn each_method_reports_its_own_stages_and_finds_the_same_cost() {
    let folder = clouds("methods");
    let automatic = folder.json(PROBLEM, 0);
    let plain = folder.json(&format!("{PROBLEM} --method plain"), 0);
    let sparse = folder.json(&format!("{PROBLEM} --method sparse"), 0);
    assert_same_cost(&automatic, &plain);
    assert_same_cost(&automatic, &sparse);
    assert_eq!(automatic["report"]["method"], "plain simplex");
    assert_eq!(automatic["iterations"], plain["iterations"]);

    let report = &plain["report"];
    assert_eq!(report["method"], "plain simplex");
    assert_eq!(report["plain_pivots"], plain["iterations"]);
    assert_eq!(report["warm_start_error"], Value::Null);
    for key in ["sparse_pivots", "candidates", "arcs", "rounds"] {
        assert_eq!(report[key], 0, "{key}");
    }

    let report = &sparse["report"];
    assert_eq!(report["method"], "sparse simplex");
    assert_eq!(
        number(report, "sparse_pivots") + number(report, "plain_pivots"),
        number(&sparse, "iterations")
    );
    assert!(number(report, "candidates") > 0.0 && number(report, "arcs") > 0.0);
    assert!(number(report, "warm_start_error") >= 0.0);
    let names: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    for name in ["checks", "warm start", "candidate sweep", "greedy start", "sparse simplex", "certificate"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let mut seconds = 0.0;
    for stage in report["stages"].as_array().unwrap() {
        assert!(number(stage, "turns") >= 1.0);
        seconds += number(stage, "seconds");
    }
    assert!(seconds <= number(&sparse, "seconds"), "{seconds}");

    // The same in words.
    let said = text(&folder.run(&format!("{PROBLEM} --method sparse --verbose")).stderr);
    for line in ["method: sparse simplex", "stage                        seconds   turns"] {
        assert!(said.lines().any(|other| other == line), "{said}");
    }
    let start = format!("candidates: {}; arcs: {} after ", report["candidates"], report["arcs"]);
    assert!(said.lines().any(|line| line.starts_with(&start)), "{said}");
    assert!(said.contains("\nmarginal error of the warm start: "), "{said}");
}

#[test]
fn points_on_a_line_are_sorted() {
    let folder = Folder::new("sorting");
    folder.cloud("x.npy", &random_cloud(50, 1, 1));
    let object = folder.json("ot x.npy x.npy --verbose", 0);
    assert_eq!(object["report"]["method"], "sorting");
    assert_eq!(object["report"]["stages"][0]["name"], "sorting");
}

#[test]
fn an_answer_is_a_start() {
    let folder = clouds("restart");
    let files = "--source-potentials f.npy --target-potentials g.csv --plan";
    let first = folder.json(&format!("{PROBLEM} {files} dense.npy"), 0);
    assert!(number(&first, "iterations") > 0.0);
    for (name, format) in [("dense.csv", "dense"), ("sparse.npy", "sparse"), ("sparse.csv", "sparse")] {
        folder.json(&format!("{PROBLEM} --plan {name} --plan-format {format}"), 0);
    }
    for method in ["plain", "sparse"] {
        for (name, format) in [
            ("dense.npy", "dense"),
            ("dense.csv", "dense"),
            ("sparse.npy", "sparse"),
            ("sparse.csv", "sparse"),
        ] {
            let start = format!("--initial-plan {name} --initial-plan-format {format} --method {method}");
            let again = folder.json(&format!("{PROBLEM} {start}"), 0);
            assert_same_cost(&first, &again);
            if method == "plain" {
                // It begins with the optimum: only ties could cost a pivot, and random points have none.
                assert!(number(&again, "iterations") < 0.1 * number(&first, "iterations"), "{name}");
            }
        }
        let again = folder.json(&format!("{PROBLEM} --initial-potentials f.npy g.csv --method {method}"), 0);
        assert_same_cost(&first, &again);
    }
    let said = text(&folder.run(&format!("{PROBLEM} --initial-potentials f.npy g.csv --verbose")).stderr);
    assert!(said.contains("reading f.npy\nreading g.csv\n"), "{said}");
}

#[test]
fn a_useless_start_changes_the_time_alone() {
    let folder = clouds("useless");
    let first = folder.json(PROBLEM, 0);
    // Everything from the last source and to the last target, masses out of any proportion, and a cycle.
    let far =
        Matrix::from_rows([[149.0, 0.0, 1e9], [0.0, 119.0, 1e-9], [0.0, 0.0, 7.0], [149.0, 119.0, 7.0]]);
    let wild = |count: usize| -> Vec<f64> { (0..count).map(|k| 1e6 * (k as f64).sin()).collect() };
    folder.cloud("far.npy", &far).weights("f.npy", &wild(150)).weights("g.npy", &wild(120));
    folder.cloud("zero.npy", &Matrix::<f32>::zeros(150, 120));
    for method in ["plain", "sparse"] {
        for start in [
            "--initial-plan far.npy --initial-plan-format sparse",
            "--initial-plan zero.npy",
            "--initial-potentials f.npy g.npy",
        ] {
            let again = folder.json(&format!("{PROBLEM} {start} --method {method}"), 0);
            assert_eq!(again["status"], Status::Optimal.name());
            assert_same_cost(&first, &again);
        }
    }
}

#[test]
fn a_start_that_does_not_fit_is_refused() {
    let folder = Folder::new("bad_start");
    let mut negative = Matrix::<f64>::zeros(4, 4);
    negative[(2, 1)] = -0.5;
    let mut holed = Matrix::<f64>::zeros(4, 4);
    holed[(3, 0)] = f64::NAN;
    folder
        .cloud("x.npy", &random_cloud(4, 2, 1))
        .weights("f.npy", &[0.0; 4])
        .weights("short.npy", &[0.0; 3])
        .weights("holed.npy", &[0.0, f64::INFINITY, 0.0, 0.0])
        .cloud("negative.npy", &negative)
        .cloud("nan.npy", &holed)
        .cloud("wide.npy", &Matrix::<f64>::zeros(4, 5));
    for (name, triplet) in [
        ("outside.npy", [0.0, 4.0, 1.0]),
        ("between.npy", [0.5, 0.0, 1.0]),
        ("below.npy", [0.0, -1.0, 1.0]),
        ("none.npy", [f64::NAN, 0.0, 1.0]),
        ("light.npy", [0.0, 0.0, -1.0]),
        ("endless.npy", [0.0, 0.0, f64::INFINITY]),
    ] {
        folder.cloud(name, &Matrix::from_rows([[0.0, 0.0, 0.25], triplet]));
    }
    fs::write(folder.path("nameless.csv"), "0,0,0.25\n1,1,0.25\n").unwrap();
    let potentials = |f: &str, g: &str| format!("--initial-potentials {f} {g}");
    let dense = |plan: &str| format!("--initial-plan {plan}");
    let sparse = |plan: &str| format!("--initial-plan {plan} --initial-plan-format sparse");
    for (arguments, expected) in [
        (
            potentials("short.npy", "f.npy"),
            "short.npy: initial guess: number of source potentials is 3, expected 4",
        ),
        (
            potentials("f.npy", "short.npy"),
            "short.npy: initial guess: number of target potentials is 3, expected 4",
        ),
        (potentials("holed.npy", "f.npy"), "holed.npy: initial source potentials[1] is inf"),
        (potentials("f.npy", "holed.npy"), "holed.npy: initial target potentials[1] is inf"),
        (potentials("f.npy", "x.npy"), "x.npy: potentials are a vector or a single column"),
        (potentials("f.npy", "missing.npy"), "cannot open missing.npy"),
        (dense("missing.npy"), "cannot open missing.npy"),
        (dense("wide.npy"), "wide.npy: the initial plan is 4 x 5, expected 4 x 4"),
        (dense("negative.npy"), "negative.npy: the initial plan[2, 1] is -0.5"),
        (dense("nan.npy"), "nan.npy: the initial plan[3, 0] is NaN"),
        (sparse("wide.npy"), "wide.npy: a sparse plan has three columns"),
        (sparse("outside.npy"), "outside.npy: the target of entry 1 is 4: it must be a whole number"),
        (sparse("between.npy"), "between.npy: the source of entry 1 is 0.5"),
        (sparse("below.npy"), "below.npy: the target of entry 1 is -1"),
        (sparse("none.npy"), "none.npy: the source of entry 1 is NaN"),
        (sparse("light.npy"), "light.npy: the mass of entry 1 is -1: it must be finite and not negative"),
        (sparse("endless.npy"), "endless.npy: the mass of entry 1 is inf"),
        (sparse("nameless.csv"), "nameless.csv: the first line of a sparse plan is \"source,target,mass\""),
        (format!("{} --plan wide.npy", dense("wide.npy")), "wide.npy: this output is also an input"),
    ] {
        let output = folder.run(&format!("ot x.npy x.npy {arguments}"));
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {message}");
        assert!(message.starts_with(&format!("error: {expected}")), "{arguments}: {message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    // The files are untouched.
    assert_eq!(npy::read_matrix::<f64>(folder.path("wide.npy")).unwrap(), Matrix::zeros(4, 5));
    assert!(csv::read::<f64>(folder.path("nameless.csv"), &CsvOptions::default()).is_ok());
}
