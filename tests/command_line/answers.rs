//! The right answers: on standard output, in files, from every kind of input.

use crate::folder::{Folder, close, densify, marginals, random_cloud, random_weights, text};
use brenier::Matrix;
use brenier::data::csv::{self, CsvOptions};
use brenier::data::{self, npy};
use serde_json::Value;
use std::fs;

#[test]
fn two_small_clouds_have_the_cost_that_one_computes_by_hand() {
    let folder = Folder::new("by_hand");
    folder
        .cloud("x.npy", &Matrix::from_rows([[0.0], [1.0]]))
        .cloud("y.npy", &Matrix::from_rows([[0.0], [3.0], [1.0]]))
        .weights("a.npy", &[0.5, 0.5])
        .weights("b.npy", &[0.5, 0.25, 0.25]);
    // A quarter moves from 1 to 3.
    for (cost, expected) in [
        ("sqeuclidean", 1.0),
        ("euclidean", 0.5),
        ("cityblock", 0.5),
        ("chebyshev", 0.5),
        ("minkowski:3", 0.5),
        ("minkowski-power:3", 2.0),
    ] {
        let arguments = format!("ot x.npy y.npy --source-weights a.npy --target-weights b.npy --cost {cost}");
        let object = folder.json(&arguments, 0);
        assert_eq!(object["status"], "optimal");
        assert_eq!(object["cost"], expected, "{cost}");
        assert_eq!(object["cost_name"], cost);
    }
}

#[test]
fn the_object_has_these_keys() {
    let folder = Folder::new("keys");
    folder.cloud("x.npy", &random_cloud(5, 2, 1));
    let object = folder.json("ot x.npy x.npy --threads 1", 0);
    let keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "status",
            "cost",
            "dual_value",
            "gap",
            "iterations",
            "seconds",
            "seconds_total",
            "peak_memory_bytes",
            "threads",
            "simd",
            "sources",
            "targets",
            "dimensions",
            "cost_name",
            "element_type",
            "support",
            "source_marginal_error",
            "target_marginal_error",
            "dual_violation",
            "relative_dual_violation",
            "tolerance",
            "mass_adjustment",
            "negligible_source_weights",
            "negligible_target_weights",
            "stopped_by",
            "report",
            "plan",
            "source_potentials",
            "target_potentials",
        ]
    );
    assert_eq!(object["threads"], 1);
    assert_eq!(object["simd"], brenier::simd::level().name());
    assert_eq!(object["support"], 5);
    assert_eq!(object["plan"], Value::Null);
    if cfg!(target_os = "linux") {
        assert!(object["peak_memory_bytes"].as_u64().unwrap() > 1 << 16);
    }
}

#[test]
fn the_exercise_comes_out() {
    let (Some(costs), Some(sources), Some(sinks)) = (
        data::file("exercise10/cost_matrix.npy"),
        data::file("exercise10/mass_sources.npy"),
        data::file("exercise10/mass_sinks.npy"),
    ) else {
        println!("skipped: the folder exercise10 is not there");
        return;
    };
    let folder = Folder::new("exercise");
    let output = folder
        .command("ot --json --cost-matrix")
        .arg(costs)
        .arg("--source-weights")
        .arg(sources)
        .arg("--target-weights")
        .arg(sinks)
        .output()
        .unwrap();
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!((object["cost"].as_f64().unwrap() - 0.670746835277).abs() < 1e-12);
    assert_eq!(object["support"], 29);
    assert_eq!(object["dimensions"], Value::Null);
    assert_eq!(object["cost_name"], "matrix");
}

#[test]
fn written_plans_and_potentials_are_the_answer() {
    let folder = Folder::new("round_trip");
    let (x, y) = (random_cloud(30, 3, 1), random_cloud(40, 3, 2));
    let (a, b) = (random_weights(30, 3), random_weights(40, 4));
    folder.cloud("x.npy", &x).cloud("y.npy", &y).weights("a.npy", &a).weights("b.npy", &b);
    let problem = "ot x.npy y.npy --source-weights a.npy --target-weights b.npy --cost cityblock";
    let object = folder
        .json(&format!("{problem} --plan p.npy --source-potentials f.npy --target-potentials g.csv"), 0);
    assert_eq!(object["plan"], "p.npy");
    assert_eq!(object["target_potentials"], "g.csv");
    let cost = object["cost"].as_f64().unwrap();

    let plan: Matrix<f64> = npy::read_matrix(folder.path("p.npy")).unwrap();
    let (rows, columns) = marginals(&plan);
    assert!(close(&rows, &a) && close(&columns, &b));
    let distance =
        |i: usize, j: usize| -> f64 { x.row(i).iter().zip(y.row(j)).map(|(x, y)| (x - y).abs()).sum() };
    let mut total = 0.0;
    for i in 0..30 {
        for j in 0..40 {
            total += plan[(i, j)] * distance(i, j);
        }
    }
    // 70 products of numbers below 3: a hundred roundings at most.
    assert!((total - cost).abs() <= 100.0 * f64::EPSILON * cost);

    // The potentials prove the same value from below, with this test's own distances.
    let f: Vec<f64> = npy::read_vector(folder.path("f.npy")).unwrap();
    let g: Matrix<f64> = csv::read(folder.path("g.csv"), &CsvOptions::default()).unwrap().values;
    let g = g.as_slice();
    assert_eq!((f.len(), g.len()), (30, 40));
    for (i, f) in f.iter().enumerate() {
        for (j, g) in g.iter().enumerate() {
            let cost = distance(i, j);
            assert!(f + g <= cost + 1e-13 * (f.abs() + g.abs() + cost));
        }
    }
    let product = |weights: &[f64], potentials: &[f64]| -> f64 {
        weights.iter().zip(potentials).map(|(w, p)| w * p).sum()
    };
    let largest = f.iter().chain(g).fold(0.0, |largest: f64, p| largest.max(p.abs()));
    assert!((product(&a, &f) + product(&b, g) - cost).abs() <= 100.0 * f64::EPSILON * largest);

    // Other formats, the same plan.
    for (name, format) in [("s.npy", "sparse"), ("s.csv", "sparse"), ("d.csv", "dense")] {
        folder.json(&format!("{problem} --plan {name} --plan-format {format}"), 0);
        let options = CsvOptions::default().header(format == "sparse");
        let path = folder.path(name);
        let read = match name.ends_with("csv") {
            true => csv::read::<f64>(path, &options).unwrap().values,
            false => npy::read_matrix(path).unwrap(),
        };
        let read = match format {
            "sparse" => {
                assert_eq!(read.rows() as u64, object["support"].as_u64().unwrap());
                densify(&read, 30, 40)
            }
            _ => read,
        };
        assert!(read == plan, "{name}");
    }
    let sparse = fs::read_to_string(folder.path("s.csv")).unwrap();
    assert!(sparse.starts_with("source,target,mass\n0,"), "{sparse}");
}

#[test]
fn text_and_other_element_types_are_read() {
    let folder = Folder::new("types");
    let points = Matrix::from_fn(6, 2, |row, column| (3 * row + column) as f32 / 4.0);
    let shifted = Matrix::from_fn(6, 2, |row, column| points[(row, column)] + 1.0);
    let wide = Matrix::from_fn(6, 2, |row, column| f64::from(shifted[(row, column)]));
    folder.cloud("x4.npy", &points).cloud("y4.npy", &shifted).cloud("y8.npy", &wide);
    csv::write(folder.path("y.csv"), &wide, None, &CsvOptions::default()).unwrap();
    let named = CsvOptions::default().header(true);
    csv::write(folder.path("named.csv"), &wide, Some(&["u", "v"]), &named).unwrap();
    let line: Vec<i64> = (0..6).collect();
    npy::write_elements(folder.path("integers.npy"), &[6], &line).unwrap();
    // A translation by (1, 1) costs its squared length, whatever the file says it in.
    for (target, element_type, more) in [
        ("y4.npy", "f32", ""),
        ("y8.npy", "f64", ""),
        ("y.csv", "f64", ""),
        ("named.csv", "f64", "--csv-header"),
    ] {
        let object = folder.json(&format!("ot x4.npy {target} {more}"), 0);
        assert_eq!(object["cost"], 2.0, "{target}");
        assert_eq!(object["element_type"], element_type, "{target}");
    }
    let object = folder.json("ot integers.npy integers.npy", 0);
    assert_eq!((&object["cost"], &object["dimensions"]), (&0.0.into(), &1.into()));
    let object = folder.json("ot --cost-matrix x4.npy", 0);
    assert_eq!((&object["sources"], &object["targets"]), (&6.into(), &2.into()));
    assert_eq!(object["element_type"], "f32");
}

#[test]
fn the_table_ends_with_the_certificate_and_quiet_is_quiet() {
    let folder = Folder::new("table");
    folder.cloud("x.npy", &random_cloud(4, 2, 1));
    let output = folder.run("ot x.npy x.npy --plan p.npy");
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    for line in [
        "problem              4 x 4, 2-dimensional points, cost sqeuclidean, f64",
        "plan                 4 positive entries, written to p.npy",
        "status               optimal",
        "primal cost          0.000000000000",
    ] {
        assert!(table.lines().any(|other| other == line), "{table}");
    }
    assert!(table.trim_end().lines().last().unwrap().starts_with("iterations "));

    let output = folder.run("ot x.npy x.npy --quiet");
    assert_eq!((output.status.code(), output.stdout.len(), output.stderr.len()), (Some(0), 0, 0));
    let output = folder.run("ot x.npy x.npy --verbose");
    assert!(text(&output.stderr).starts_with("reading x.npy\n"));
    let stages = text(&output.stderr);
    assert!(stages.contains("\nmethod: plain simplex\nstage "), "{stages}");
    assert!(stages.lines().any(|line| line.starts_with("certificate ") && line.ends_with(" 1")), "{stages}");
}

#[test]
fn the_number_of_threads_changes_nothing_but_times() {
    let folder = Folder::new("threads");
    folder
        .cloud("x.npy", &random_cloud(500, 3, 1))
        .cloud("y.npy", &random_cloud(700, 3, 2))
        .weights("a.npy", &random_weights(500, 3))
        .weights("b.npy", &random_weights(700, 4));
    let run = |threads: usize, method: &str| {
        let mut object = folder.json(
            &format!(
                "ot x.npy y.npy --source-weights a.npy --target-weights b.npy --threads {threads} \
                 --method {method} --plan p.npy --source-potentials f.npy"
            ),
            0,
        );
        assert_eq!(object["threads"], threads);
        let keys = object.as_object_mut().unwrap();
        for key in ["seconds", "seconds_total", "peak_memory_bytes", "threads"] {
            keys.remove(key).unwrap();
        }
        for stage in keys["report"]["stages"].as_array_mut().unwrap() {
            stage.as_object_mut().unwrap().remove("seconds").unwrap();
        }
        let files = ["p.npy", "f.npy"].map(|name| fs::read(folder.path(name)).unwrap());
        (object, files)
    };
    if cfg!(feature = "parallel") {
        for method in ["plain", "sparse"] {
            assert!(run(1, method) == run(2, method), "{method}");
        }
    } else {
        assert!(run(1, "sparse") == run(1, "sparse"));
        assert_eq!(folder.run("ot x.npy y.npy --threads 2").status.code(), Some(2));
    }
}
