//! `brenier ot --epsilon`: the entropic answer, in keys, words and files.

use crate::folder::{Folder, marginals, random_cloud, random_weights, text};
use brenier::Matrix;
use brenier::data::npy;
use brenier::matrix::Distance;
use brenier::ot::{Problem, exact, sinkhorn};
use serde_json::Value;

const PROBLEM: &str = "ot x.npy y.npy --source-weights a.npy --target-weights b.npy --epsilon 0.05";

/// Two clouds of 40 and 30 points with random weights.
fn clouds(test: &str) -> Folder {
    let folder = Folder::new(test);
    folder
        .cloud("x.npy", &random_cloud(40, 2, 1))
        .cloud("y.npy", &random_cloud(30, 2, 2))
        .weights("a.npy", &random_weights(40, 3))
        .weights("b.npy", &random_weights(30, 4));
    folder
}

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("{key} of {object}"))
}

#[test]
fn the_object_has_these_keys_and_the_help_explains_them() {
    let folder = clouds("entropic_keys");
    let object = folder.json(&format!("{PROBLEM} --threads 1"), 0);
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
            "epsilon",
            "method",
            "finished_in_double",
            "passes",
            "marginal_error",
            "source_marginal_error",
            "target_marginal_error",
            "tolerance",
            "transport_cost",
            "regularised_cost",
            "regularised_cost_with_entropy",
            "upper_bound",
            "dual_value_with_entropy",
            "kl_divergence",
            "entropy",
            "rounded_cost",
            "cost_lower_bound",
            "stopped_by",
            "top",
            "plan",
            "source_potentials",
            "target_potentials",
        ]
    );
    let help = text(&folder.run("ot --help").stdout);
    for key in keys {
        assert!(help.contains(key), "{key}");
    }
    assert_eq!(object["status"], "converged");
    assert_eq!(object["epsilon"], 0.05);
    assert_eq!(object["method"], "accelerated");
    assert_eq!(object["finished_in_double"], true);
    assert!(number(&object, "marginal_error") <= 1e-6);
}

#[test]
fn values_are_the_libraries_and_enclose_the_exact_cost() {
    let folder = clouds("entropic_values");
    let (x, y) = (random_cloud(40, 2, 1), random_cloud(30, 2, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
        .with_source_weights(&random_weights(40, 3))
        .with_target_weights(&random_weights(30, 4));
    let values = sinkhorn::solve(&problem, 0.05).unwrap().values();
    let optimum = exact::transport_cost(&problem).unwrap();
    let object = folder.json(PROBLEM, 0);
    for (key, expected) in [
        ("cost", values.transport_cost),
        ("transport_cost", values.transport_cost),
        ("regularised_cost", values.primal_with_kl),
        ("dual_value", values.dual_with_kl),
        ("gap", values.gap),
        ("rounded_cost", values.rounded_cost),
        ("cost_lower_bound", values.cost_lower_bound),
    ] {
        // Reading a printed number may round once more.
        let error = (number(&object, key) - expected).abs();
        assert!(error <= 4.0 * f64::EPSILON * expected.abs(), "{key}: {error:e}");
    }
    assert!(number(&object, "cost_lower_bound") <= optimum && optimum <= number(&object, "rounded_cost"));

    // The methods go different ways to the same plan; relative ε is what it says.
    let mut iterations = Vec::new();
    for method in ["plain", "anderson", "accelerated"] {
        let other = folder.json(&format!("{PROBLEM} --method {method} --tolerance 1e-10"), 0);
        assert_eq!(other["method"], method);
        // The costs are below 2 and the plans differ by 1e-6 of the mass at most.
        assert!((number(&other, "cost") - number(&object, "cost")).abs() < 4e-6, "{method}");
        iterations.push(number(&other, "iterations"));
    }
    // Equal answers alone would not show that the option chooses.
    assert!(iterations[1] < iterations[0] && iterations[2] < iterations[0], "{iterations:?}");
    let plain = "ot x.npy y.npy --epsilon 0.1 --epsilon-relative";
    let mean = x_to_y(&x, &y).iter().sum::<f64>() / 1200.0;
    let relative = folder.json(&format!("{plain} mean"), 0);
    // The sums of 1200 terms are in different orders.
    assert!((number(&relative, "epsilon") - 0.1 * mean).abs() < 1e-13 * mean);
    let mut costs = x_to_y(&x, &y);
    costs.sort_by(f64::total_cmp);
    let median = 0.5 * (costs[599] + costs[600]);
    let relative = folder.json(&format!("{plain} median"), 0);
    assert!((number(&relative, "epsilon") - 0.1 * median).abs() < 1e-14 * median);
}

fn x_to_y(x: &Matrix<f64>, y: &Matrix<f64>) -> Vec<f64> {
    brenier::matrix::pairwise(x, y, Distance::SquaredEuclidean).unwrap().as_slice().to_vec()
}

#[test]
fn plans_and_potentials_are_written_whole_or_the_largest_entries_only() {
    let folder = clouds("entropic_files");
    let arguments = "--tolerance 1e-12 --plan p.npy --source-potentials f.npy --target-potentials g.npy";
    let object = folder.json(&format!("{PROBLEM} {arguments}"), 0);
    assert_eq!((&object["plan"], &object["top"]), (&Value::from("p.npy"), &Value::Null));
    let plan: Matrix<f64> = npy::read_matrix(folder.path("p.npy")).unwrap();
    assert_eq!((plan.rows(), plan.columns()), (40, 30));
    let (rows, columns) = marginals(&plan);
    for (sums, weights) in [(rows, random_weights(40, 3)), (columns, random_weights(30, 4))] {
        let error: f64 = sums.iter().zip(&weights).map(|(sum, weight)| (sum - weight).abs()).sum();
        assert!(error < 2e-12, "{error}");
    }
    let potentials = |name| npy::read_matrix::<f64>(folder.path(name)).unwrap();
    let (f, g) = (potentials("f.npy"), potentials("g.npy"));
    let costs = x_to_y(&random_cloud(40, 2, 1), &random_cloud(30, 2, 2));
    let (a, b) = (random_weights(40, 3), random_weights(30, 4));
    for i in 0..40 {
        for j in 0..30 {
            let exponent = (f[(i, 0)] + g[(j, 0)] - costs[i * 30 + j]) / 0.05;
            let expected = a[i] * b[j] * exponent.exp();
            // An error of a few roundings of potentials near one, over ε.
            assert!((plan[(i, j)] - expected).abs() <= 1e-13 * expected, "{i} {j}");
        }
    }

    // The same potentials are the best place to begin.
    let again = folder.json(&format!("{PROBLEM} --tolerance 1e-10 --initial-potentials f.npy g.npy"), 0);
    assert!(number(&again, "iterations") <= 2.0, "{again}");

    let object = folder.json(&format!("{PROBLEM} --tolerance 1e-12 --plan top.npy --top 3"), 0);
    assert_eq!(object["top"], 3);
    let triplets: Matrix<f64> = npy::read_matrix(folder.path("top.npy")).unwrap();
    assert_eq!((triplets.rows(), triplets.columns()), (120, 3));
    for (k, source) in (0..40).flat_map(|source| [source; 3]).enumerate() {
        let [from, target, mass] = *triplets.row(k) else { panic!("three numbers") };
        assert_eq!(from, source as f64);
        let larger = plan.row(source).iter().filter(|&&entry| entry > mass).count();
        assert!(larger < 3 && mass == plan[(source, target as usize)]);
    }
    folder.json(&format!("{PROBLEM} --plan all.csv --plan-format sparse"), 0);
    let lines = std::fs::read_to_string(folder.path("all.csv")).unwrap();
    assert_eq!(lines.lines().count(), 1201);
    folder.json(&format!("{PROBLEM} --plan dense.npy --plan-format dense --top 1"), 0);
    let dense: Matrix<f64> = npy::read_matrix(folder.path("dense.npy")).unwrap();
    assert_eq!(dense.as_slice().iter().filter(|&&mass| mass > 0.0).count(), 40);
}

#[test]
fn words_say_what_the_object_says() {
    let folder = clouds("entropic_words");
    let output = folder.run(&format!("{PROBLEM} --plan p.npy --top 2"));
    let table = text(&output.stdout);
    for part in [
        "problem              40 x 30, 2-dimensional points, cost sqeuclidean, f64",
        "regularisation       epsilon 0.05",
        "plan                 the 2 largest entries of each row, written to p.npy",
        "status               converged",
        "transport cost       ",
        "exact cost           from ",
        "marginal error       ",
        "iterations           ",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let quiet = folder.run(&format!("{PROBLEM} --quiet"));
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty());
}

#[test]
fn limits_are_exit_code_3_and_single_precision_says_where_it_ended() {
    let folder = clouds("entropic_limits");
    let object = folder.json(&format!("{PROBLEM} --max-iterations 1 --method plain"), 3);
    assert_eq!((&object["status"], &object["iterations"]), (&Value::from("iteration_limit"), &1.into()));
    let object = folder.json(&format!("{PROBLEM} --timeout 0 --tolerance 1e-12"), 3);
    assert_eq!((&object["status"], &object["stopped_by"]), (&"stopped".into(), &"timeout".into()));
    let object = folder.json(&format!("{PROBLEM} --precision single --tolerance 1e-4"), 0);
    assert_eq!(object["finished_in_double"], false);
    let object = folder.json(&format!("{PROBLEM} --precision double"), 0);
    assert_eq!(object["finished_in_double"], true);
}
