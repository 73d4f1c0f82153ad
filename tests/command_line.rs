//! The command `brenier ot`, run as users run it: answers, files, messages and exit codes.
#![cfg(feature = "cli")]

use brenier::data::csv::{self, CsvOptions};
use brenier::data::{self, npy};
use brenier::{Matrix, Scalar};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// An empty folder for one test's files; the command runs in it, so that paths in messages are short.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("command_line")
            .join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a cloud.
    fn cloud<T: Scalar>(&self, name: &str, points: &Matrix<T>) -> &Self {
        npy::write(self.path(name), points).unwrap();
        self
    }

    /// Writes weights.
    fn weights<T: Scalar>(&self, name: &str, weights: &[T]) -> &Self {
        npy::write_vector(self.path(name), weights).unwrap();
        self
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brenier"));
        command.current_dir(&self.0).args(arguments.split_whitespace());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The object that `--json` prints, with the exit code that must come with it.
    fn json(&self, arguments: &str, code: i32) -> Value {
        let output = self.run(&format!("{arguments} --json"));
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments}: {}",
            text(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Numbers in [0, 1) from a linear congruential generator (Knuth's constants): the same on every machine.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn random_cloud(count: usize, dimensions: usize, seed: u64) -> Matrix<f64> {
    let mut next = numbers(seed);
    Matrix::from_fn(count, dimensions, |_, _| next())
}

/// Positive weights that sum to one but for rounding.
fn random_weights(count: usize, seed: u64) -> Vec<f64> {
    let mut next = numbers(seed);
    let raw: Vec<f64> = (0..count).map(|_| 0.1 + next()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// Row sums and column sums.
fn marginals(plan: &Matrix<f64>) -> (Vec<f64>, Vec<f64>) {
    let mut columns = vec![0.0; plan.columns()];
    let mut rows = Vec::new();
    for row in 0..plan.rows() {
        rows.push(plan.row(row).iter().sum());
        for (sum, mass) in columns.iter_mut().zip(plan.row(row)) {
            *sum += mass;
        }
    }
    (rows, columns)
}

/// The dense form of a file of triplets.
fn densify(triplets: &Matrix<f64>, rows: usize, columns: usize) -> Matrix<f64> {
    let mut plan = Matrix::zeros(rows, columns);
    for entry in 0..triplets.rows() {
        let [source, target, mass] = *triplets.row(entry) else {
            panic!("three numbers");
        };
        assert!(mass > 0.0);
        plan[(source as usize, target as usize)] += mass;
    }
    plan
}

/// Sums of at most `count` terms of size at most one, each rounded: far below `count` units of rounding.
fn close(a: &[f64], b: &[f64]) -> bool {
    let tolerance = (a.len() + b.len()) as f64 * f64::EPSILON;
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
}

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
    folder
        .cloud("x.npy", &x)
        .cloud("y.npy", &y)
        .weights("a.npy", &a)
        .weights("b.npy", &b);
    let problem = "ot x.npy y.npy --source-weights a.npy --target-weights b.npy --cost cityblock";
    let object = folder.json(
        &format!("{problem} --plan p.npy --source-potentials f.npy --target-potentials g.csv"),
        0,
    );
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
    let g: Matrix<f64> = csv::read(folder.path("g.csv"), &CsvOptions::default())
        .unwrap()
        .values;
    let g = g.as_slice();
    assert_eq!((f.len(), g.len()), (30, 40));
    for i in 0..30 {
        for j in 0..40 {
            assert!(f[i] + g[j] <= distance(i, j) + 1e-13 * (f[i].abs() + g[j].abs() + distance(i, j)));
        }
    }
    let product = |weights: &[f64], potentials: &[f64]| -> f64 {
        weights.iter().zip(potentials).map(|(w, p)| w * p).sum()
    };
    let largest = f
        .iter()
        .chain(g)
        .fold(0.0, |largest: f64, p| largest.max(p.abs()));
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
    folder
        .cloud("x4.npy", &points)
        .cloud("y4.npy", &shifted)
        .cloud("y8.npy", &wide);
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
    assert!(
        table
            .trim_end()
            .lines()
            .last()
            .unwrap()
            .starts_with("iterations ")
    );

    let output = folder.run("ot x.npy x.npy --quiet");
    assert_eq!(
        (output.status.code(), output.stdout.len(), output.stderr.len()),
        (Some(0), 0, 0)
    );
    let output = folder.run("ot x.npy x.npy --verbose");
    assert!(text(&output.stderr).starts_with("reading x.npy\n"));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = Folder::new("usage");
    folder.cloud("x.npy", &random_cloud(4, 2, 1));
    for arguments in [
        "",
        "transport",
        "ot",
        "ot x.npy",
        "ot x.npy x.npy --cost-matrix x.npy",
        "ot --cost-matrix x.npy --cost euclidean",
        "ot x.npy x.npy --cost l7",
        "ot x.npy x.npy --cost minkowski:0.5",
        "ot x.npy x.npy --plan-format sparse",
        "ot x.npy x.npy --plan p.npy --plan-format other",
        "ot x.npy x.npy --threads 0",
        "ot x.npy x.npy --timeout -1",
        "ot x.npy x.npy --max-iterations many",
        "ot x.npy x.npy --quiet --verbose",
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty(), "{arguments}");
        assert!(!output.stderr.is_empty(), "{arguments}");
    }
    for arguments in ["--help", "ot --help", "--version"] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}");
    }
    assert_eq!(
        text(&folder.run("--version").stdout),
        format!("brenier {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = text(&folder.run("ot --help").stdout);
    // Whatever the object has, the help explains.
    let object = folder.json("ot x.npy x.npy", 0);
    for key in object.as_object().unwrap().keys() {
        assert!(help.contains(key.as_str()), "{key}");
    }
}

#[test]
fn bad_input_is_exit_code_1_and_names_file_place_and_value() {
    let folder = Folder::new("bad_input");
    let good = random_cloud(4, 2, 1);
    let mut holed = good.clone();
    holed[(2, 1)] = f64::NAN;
    let mut infinite = good.clone();
    infinite[(1, 0)] = f64::INFINITY;
    folder
        .cloud("x.npy", &good)
        .cloud("nan.npy", &holed)
        .cloud("inf.npy", &infinite)
        .cloud("x3.npy", &random_cloud(4, 3, 1))
        .cloud("empty.npy", &Matrix::<f64>::zeros(0, 2))
        .weights("w.npy", &[0.25; 4])
        .weights("short.npy", &[0.5, 0.5])
        .weights("negative.npy", &[0.5, 0.75, -0.25, 0.0])
        .weights("holed.npy", &[0.5, 0.5, 0.0, f64::NAN])
        .weights("zero.npy", &[0.0; 4])
        .weights("heavy.npy", &[0.25, 0.25, 0.25, 0.5]);
    npy::write_elements(folder.path("cube.npy"), &[2, 2, 2], &[0.0; 8]).unwrap();
    npy::write_elements(folder.path("huge.npy"), &[4], &[1, 2, 3, i64::MAX]).unwrap();
    let whole = fs::read(folder.path("x.npy")).unwrap();
    fs::write(folder.path("cut.npy"), &whole[..whole.len() - 5]).unwrap();
    fs::write(folder.path("words.npy"), "not an array").unwrap();
    fs::write(folder.path("words.csv"), "1,2\n3,four\n").unwrap();
    fs::write(folder.path("ragged.csv"), "1,2\n3\n").unwrap();

    let weighted = |side: &str, file: &str| format!("ot x.npy x.npy --{side}-weights {file}");
    for (arguments, expected) in [
        ("ot missing.npy x.npy".to_owned(), vec!["cannot open missing.npy"]),
        ("ot . x.npy".to_owned(), vec!["cannot read .:", "directory"]),
        (
            "ot cut.npy x.npy".to_owned(),
            vec!["cut.npy: byte 128", "64 bytes of data expected, 59 there"],
        ),
        (
            "ot words.npy x.npy".to_owned(),
            vec!["words.npy: byte 0: not a .npy file"],
        ),
        (
            "ot words.csv x.npy".to_owned(),
            vec!["words.csv: line 2, column 2", "\"four\""],
        ),
        ("ot ragged.csv x.npy".to_owned(), vec!["ragged.csv: line 2"]),
        (
            "ot cube.npy x.npy".to_owned(),
            vec!["cube.npy: the array has shape [2, 2, 2]"],
        ),
        (
            "ot huge.npy x.npy".to_owned(),
            vec!["huge.npy: element 3 is 9223372036854775807"],
        ),
        (
            "ot nan.npy x.npy".to_owned(),
            vec!["nan.npy: source points[2, 1] is NaN"],
        ),
        (
            "ot x.npy inf.npy".to_owned(),
            vec!["inf.npy: target points[1, 0] is inf"],
        ),
        (
            "ot --cost-matrix nan.npy".to_owned(),
            vec!["nan.npy: costs[2, 1] is NaN"],
        ),
        (
            "ot --cost-matrix empty.npy".to_owned(),
            vec!["empty.npy: the source is empty"],
        ),
        (
            "ot x.npy empty.npy".to_owned(),
            vec!["empty.npy: the target is empty"],
        ),
        (
            "ot x.npy x3.npy".to_owned(),
            vec!["x.npy have 2 coordinates", "x3.npy have 3"],
        ),
        (
            "ot empty.npy x.npy".to_owned(),
            vec!["empty.npy: the source is empty"],
        ),
        (
            weighted("source", "short.npy"),
            vec!["short.npy: ", "source weights", "is 2, expected 4"],
        ),
        (
            weighted("target", "negative.npy"),
            vec!["negative.npy: target weights[2] is -0.25"],
        ),
        (
            weighted("source", "holed.npy"),
            vec!["holed.npy: source weights[3] is NaN"],
        ),
        (
            weighted("target", "zero.npy"),
            vec!["zero.npy: target weights are all zero"],
        ),
        (
            weighted("source", "heavy.npy"),
            vec!["source weights sum to 1.25", "target weights to 1:"],
        ),
        (
            weighted("source", "x.npy"),
            vec!["x.npy: weights are a vector", "4 x 2"],
        ),
        ("ot x.npy x.npy --tolerance 2".to_owned(), vec!["tolerance is 2"]),
    ] {
        let output = folder.run(&arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {message}");
        assert!(output.stdout.is_empty(), "{arguments}");
        assert!(
            message.starts_with("error: ") && message.lines().count() == 1,
            "{message}"
        );
        for part in expected {
            assert!(message.contains(part), "{arguments}: {message}");
        }
        // With --json the same words, as an object on standard output too.
        let object = folder.json(&arguments, 1);
        assert_eq!(object["status"], "error");
        assert_eq!(format!("error: {}\n", object["error"].as_str().unwrap()), message);
    }
}

#[test]
fn outputs_are_checked_first_and_left_alone_on_failure() {
    let folder = Folder::new("outputs");
    let cloud = random_cloud(4, 2, 1);
    folder
        .cloud("x.npy", &cloud)
        .weights("heavy.npy", &[0.25, 0.25, 0.25, 0.5])
        .cloud("long.npy", &Matrix::<f32>::zeros(20_000, 1));
    fs::write(folder.path("old.npy"), "old").unwrap();
    fs::create_dir(folder.path("folder")).unwrap();
    for (arguments, expected) in [
        ("--plan nowhere/p.npy", "cannot write nowhere/p.npy: "),
        ("--plan folder", "cannot write folder: "),
        (
            "--source-potentials nowhere/f.npy",
            "cannot write nowhere/f.npy: ",
        ),
        ("--plan x.npy", "x.npy: this output is also an input"),
        ("--plan ./folder/../x.npy", "this output is also an input"),
        (
            "--plan p.npy --target-potentials ./p.npy",
            "this output is also an input or another output",
        ),
    ] {
        // The input is missing too: the outputs come first.
        for inputs in ["x.npy x.npy", "x.npy missing.npy"] {
            let output = folder.run(&format!("ot {inputs} {arguments}"));
            let message = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments}");
            assert!(message.contains(expected), "{arguments}: {message}");
        }
    }
    assert_eq!(npy::read_matrix::<f64>(folder.path("x.npy")).unwrap(), cloud);

    let failing = "ot x.npy x.npy --source-weights heavy.npy";
    assert_eq!(
        folder.run(&format!("{failing} --plan old.npy")).status.code(),
        Some(1)
    );
    assert_eq!(fs::read_to_string(folder.path("old.npy")).unwrap(), "old");
    assert_eq!(
        folder.run(&format!("{failing} --plan new.npy")).status.code(),
        Some(1)
    );
    assert!(!folder.path("new.npy").exists());
    assert_eq!(folder.run("ot x.npy x.npy --plan old.npy").status.code(), Some(0));
    let plan: Matrix<f64> = npy::read_matrix(folder.path("old.npy")).unwrap();
    assert_eq!((plan.rows(), plan.columns()), (4, 4));

    let output = folder.run("ot long.npy long.npy --plan p.npy");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--plan-format sparse"));
    assert!(!folder.path("p.npy").exists());
}

#[test]
fn limits_are_exit_code_3_with_a_feasible_plan() {
    let folder = Folder::new("limits");
    folder
        .cloud("x.npy", &random_cloud(600, 2, 1))
        .cloud("y.npy", &random_cloud(600, 2, 2));
    for (limit, status, stopped_by) in [
        ("--max-iterations 1", "iteration_limit", Value::Null),
        ("--timeout 0", "stopped", "timeout".into()),
    ] {
        let object = folder.json(&format!("ot x.npy y.npy {limit} --plan p.npy"), 3);
        assert_eq!(object["status"], status);
        assert_eq!(object["stopped_by"], stopped_by);
        assert!(object["gap"].as_f64().unwrap() > 0.0);
        let (rows, columns) = marginals(&npy::read_matrix(folder.path("p.npy")).unwrap());
        let uniform = vec![1.0 / 600.0; 600];
        assert!(close(&rows, &uniform) && close(&columns, &uniform));
    }
}

#[test]
fn the_number_of_threads_changes_nothing_but_times() {
    let folder = Folder::new("threads");
    folder
        .cloud("x.npy", &random_cloud(500, 3, 1))
        .cloud("y.npy", &random_cloud(700, 3, 2))
        .weights("a.npy", &random_weights(500, 3))
        .weights("b.npy", &random_weights(700, 4));
    let run = |threads: usize| {
        let mut object = folder.json(
            &format!(
                "ot x.npy y.npy --source-weights a.npy --target-weights b.npy --threads {threads} \
                 --plan p.npy --source-potentials f.npy"
            ),
            0,
        );
        assert_eq!(object["threads"], threads);
        let keys = object.as_object_mut().unwrap();
        for key in ["seconds", "seconds_total", "peak_memory_bytes", "threads"] {
            keys.remove(key).unwrap();
        }
        let files = ["p.npy", "f.npy"].map(|name| fs::read(folder.path(name)).unwrap());
        (object, files)
    };
    if cfg!(feature = "parallel") {
        assert!(run(1) == run(2));
    } else {
        assert!(run(1) == run(1));
        assert_eq!(folder.run("ot x.npy y.npy --threads 2").status.code(), Some(2));
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let folder = Folder::new("closed");
    folder.cloud("x.npy", &random_cloud(4, 2, 1));
    for (arguments, code) in [
        ("ot x.npy x.npy", 0),
        ("ot x.npy x.npy --json", 0),
        ("ot x.npy missing.npy --json", 1),
        ("ot --help", 0),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = folder.command(arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}");
        assert!(!text(&output.stderr).contains("panicked"));
        // Nor is a standard error that nobody reads.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = folder.command(arguments).stderr(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments}");
    }
    #[cfg(target_os = "linux")]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = folder.command("ot x.npy x.npy").stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("cannot write to standard output"));
    }
}

#[cfg(unix)]
mod signals {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::process::Child;

    /// Starts the command with `--verbose`, waits until it says `line`, and interrupts it.
    fn interrupt_after(folder: &Folder, arguments: &str, line: &str) -> (Output, String) {
        let mut child: Child = folder
            .command(arguments)
            .arg("--verbose")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        while !said.ends_with(&format!("{line}\n")) {
            assert!(errors.read_line(&mut said).unwrap() > 0, "ended early: {said}");
        }
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -INT {}", child.id()))
            .status()
            .unwrap();
        assert!(sent.success());
        let rest = std::thread::spawn(move || std::io::read_to_string(errors).unwrap());
        let output = child.wait_with_output().unwrap();
        (output, said + &rest.join().unwrap())
    }

    #[test]
    fn the_first_interrupt_gives_the_best_plan_so_far() {
        let folder = Folder::new("interrupt");
        // Where the machine is so fast, or so busy, that the solver is done before it hears, a larger problem is not.
        for count in [2000, 4000, 8000] {
            folder
                .cloud("x.npy", &random_cloud(count, 8, 1))
                .cloud("y.npy", &random_cloud(count, 8, 2));
            let arguments = "ot x.npy y.npy --json --plan p.npy --plan-format sparse";
            let (output, errors) = interrupt_after(&folder, arguments, "solver started");
            let object: Value = serde_json::from_slice(&output.stdout).unwrap();
            if object["status"] == "optimal" {
                continue;
            }
            assert_eq!(output.status.code(), Some(3), "{errors}");
            assert_eq!(object["status"], "stopped");
            assert_eq!(object["stopped_by"], "interrupt");
            assert!(errors.contains("stopping with the best plan so far"), "{errors}");
            let (cost, bound) = (
                object["cost"].as_f64().unwrap(),
                object["dual_value"].as_f64().unwrap(),
            );
            assert!(bound < cost && cost < 8.0, "{bound} {cost}");
            let triplets = npy::read_matrix(folder.path("p.npy")).unwrap();
            let (rows, columns) = marginals(&densify(&triplets, count, count));
            let uniform = vec![1.0 / count as f64; count];
            assert!(close(&rows, &uniform) && close(&columns, &uniform));
            return;
        }
        panic!("no problem was large enough to be interrupted");
    }

    #[test]
    fn an_interrupt_when_nothing_is_solved_ends_the_process() {
        let folder = Folder::new("interrupt_writing");
        folder.cloud("x.npy", &random_cloud(4, 2, 1));
        let made = Command::new("mkfifo").current_dir(&folder.0).arg("pipe").status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: no named pipes here");
            return;
        }
        // Nobody reads the pipe, so the command hangs where it opens it to write.
        let (output, errors) = interrupt_after(&folder, "ot x.npy x.npy --plan pipe", "writing pipe");
        assert_eq!(output.status.code(), Some(130), "{errors}");
        assert!(output.stdout.is_empty());
    }
}
