//! `brenier bench`: what is run and reported; the times themselves are never asserted.

use crate::folder::{Folder, random_cloud, random_weights, text};
use brenier::matrix::{Distance, pairwise};
use serde_json::Value;

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("{key} of {object}"))
}

#[test]
fn sinkhorn_reports_these_keys_and_the_help_explains_them() {
    let folder = Folder::new("bench_keys");
    let object = folder.json(
        "bench sinkhorn --points 64 --dim 3 --epsilon 0.5 --iterations 7 --repetitions 3 --threads 1 --seed 5",
        0,
    );
    for (key, expected) in [
        ("points", 64),
        ("targets", 64),
        ("dim", 3),
        ("iterations", 7),
        ("repetitions", 3),
        ("threads", 1),
        ("seed", 5),
    ] {
        assert_eq!(object[key], expected, "{key}");
    }
    assert_eq!(object["epsilon"], 0.5);
    assert_eq!(object["precision"], "single");
    assert_eq!(object["costs"], "points");
    assert_eq!(object["simd_level"], brenier::simd::level().name());
    let (median, least) =
        (number(&object, "seconds_per_iteration"), number(&object, "seconds_per_iteration_least"));
    assert!(0.0 < least && least <= median);
    // Reading a printed number may round once more.
    let same = |a: f64, b: f64| (a - b).abs() <= 4.0 * f64::EPSILON * b;
    assert!(same(number(&object, "pairs_per_second"), 4096.0 / median));
    assert!(same(number(&object, "pairs_per_second_most"), 4096.0 / least));
    assert!(number(&object, "seconds") >= 20.9 * least, "three times seven iterations");
    let help = text(&folder.run("bench sinkhorn --help").stdout);
    for key in object.as_object().unwrap().keys() {
        assert!(help.contains(key.as_str()), "{key}");
    }
    let table = text(&folder.run("bench sinkhorn --points 16 --repetitions 1").stdout);
    for part in ["16 x 16, 2-dimensional points, costs: points", "0.05 of the mean cost", "pairs a second"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn the_same_problem_has_the_same_error_wherever_it_comes_from() {
    let folder = Folder::new("bench_sources");
    let (x, y) = (random_cloud(40, 2, 1), random_cloud(30, 2, 2));
    folder
        .cloud("x.npy", &x)
        .cloud("y.npy", &y)
        .cloud("c.npy", &pairwise(&x, &y, Distance::SquaredEuclidean).unwrap())
        .weights("a.npy", &random_weights(40, 3))
        .weights("b.npy", &random_weights(30, 4));
    let run = |arguments: &str| {
        let weights = "--source-weights a.npy --target-weights b.npy";
        let how = "--epsilon 0.05 --iterations 5 --repetitions 1";
        folder.json(&format!("bench sinkhorn {arguments} {weights} {how}"), 0)
    };
    let points = run("--source x.npy --target y.npy --precision double");
    assert_eq!((&points["points"], &points["targets"], &points["dim"]), (&40.into(), &30.into(), &2.into()));
    assert_eq!(points["seed"], Value::Null);
    let error = number(&points, "marginal_error");
    assert!(error > 1e-9, "five iterations are few: {error}");
    for (arguments, tolerance) in [
        ("--source x.npy --target y.npy --precision double --costs dense", 1e-12),
        ("--source x.npy --target y.npy --precision double --bytes-kept 0 --threads 1", 1e-12),
        ("--costs c.npy --precision double", 1e-12),
        // Single precision: 70 sums of terms with errors of 1e-7 relative times cost over ε.
        ("--source x.npy --target y.npy", 1e-4),
        ("--costs c.npy", 1e-4),
    ] {
        let other = run(arguments);
        assert!((number(&other, "marginal_error") - error).abs() < tolerance, "{arguments}: {other}");
    }
    // The library's answer after as many iterations.
    let solved = folder.json(
        "ot x.npy y.npy --source-weights a.npy --target-weights b.npy --epsilon 0.05 --method plain \
         --tolerance 0 --max-iterations 5",
        3,
    );
    assert!((number(&solved, "marginal_error") - error).abs() <= 1e-15);
}

#[test]
fn mlp_reports_these_keys_and_the_help_explains_them() {
    let folder = Folder::new("bench_mlp");
    let object = folder.json(
        "bench mlp --widths 3,8,5,2 --activation gelu --batch 10 --steps 4 --precision double --threads 1 --seed 5",
        0,
    );
    for (key, expected) in
        [("batch", 10), ("steps", 4), ("threads", 1), ("seed", 5), ("parameters", 32 + 45 + 12)]
    {
        assert_eq!(object[key], expected, "{key}");
    }
    // Products of 3x8, 8x5 and 5x2: two, three and three for each of ten samples.
    let flops = 10.0 * 2.0 * (2.0 * 24.0 + 3.0 * 40.0 + 3.0 * 10.0);
    assert_eq!(number(&object, "flops_per_step"), flops);
    let (median, least) = (number(&object, "seconds_per_step"), number(&object, "seconds_per_step_least"));
    assert!(0.0 < least && least <= median);
    assert!((number(&object, "gflops") * median / (flops * 1e-9) - 1.0).abs() < 1e-12);
    assert!(number(&object, "loss") > 0.0);
    let help = text(&folder.run("bench mlp --help").stdout);
    for key in object.as_object().unwrap().keys() {
        assert!(help.contains(key.as_str()), "{key}");
    }
    let forward = folder.json("bench mlp --widths 3,8,2 --batch 10 --steps 2 --forward", 0);
    assert_eq!(number(&forward, "flops_per_step"), 10.0 * 2.0 * (24.0 + 16.0));
    assert_eq!(forward["loss"], Value::Null);
    let table = text(&folder.run("bench mlp --widths 3,8,2 --batch 10 --steps 2").stdout);
    for part in ["3-8-2, silu, 50 parameters", "2 steps of 10 samples", "GFLOP/s"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn mlp_refuses_networks_that_there_are_not() {
    let folder = Folder::new("bench_mlp_refused");
    for (arguments, code, part) in [
        ("--widths 3", 1, "number of widths"),
        ("--widths 3,0,2", 2, "at least 1"),
        ("--activation swish", 2, "silu"),
        ("--widths 1000000000,1000000000,1000000000", 1, "memory"),
    ] {
        let output = folder.run(&format!("bench mlp --batch 1 --steps 1 {arguments}"));
        assert_eq!(output.status.code(), Some(code), "{arguments}");
        assert!(text(&output.stderr).contains(part), "{arguments}: {}", text(&output.stderr));
    }
}
