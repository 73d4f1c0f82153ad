//! `brenier bench`: what is run and reported; the times themselves are never asserted.

use crate::folder::{Folder, random_cloud, random_weights, text};
use brenier::Matrix;
use brenier::matrix::{Distance, pairwise};
use brenier::nn::probe::{AdamwOptions, Samples, fit_adamw};
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

#[test]
fn rbm_reports_these_keys_and_the_help_explains_them() {
    let folder = Folder::new("bench_rbm");
    let what = "--images 50 --visible 12 --hidden 5 --batch 16 --k 2 --epochs 3 --learning-rate 0.25";
    let object = folder.json(&format!("bench rbm {what} --precision double --threads 1 --seed 5"), 0);
    for (key, expected) in [
        ("images", 50),
        ("visible", 12),
        ("hidden", 5),
        ("batch", 16),
        ("k", 2),
        ("epochs", 3),
        ("threads", 1),
        ("seed", 5),
    ] {
        assert_eq!(object[key], expected, "{key}");
    }
    assert_eq!((&object["persistent"], &object["data"]), (&false.into(), &Value::Null));
    assert_eq!((&object["learning_rate"], &object["precision"]), (&0.25.into(), &"double".into()));
    // One product up, two of each for two steps, and two for the update.
    let flops = 50.0 * (1.0 + 4.0 + 2.0) * 2.0 * 12.0 * 5.0;
    assert_eq!(number(&object, "flops_per_epoch"), flops);
    let (median, least) = (number(&object, "seconds_per_epoch"), number(&object, "seconds_per_epoch_least"));
    assert!(0.0 < least && least <= median && number(&object, "seconds") >= 2.9 * least);
    assert!((number(&object, "gflops") * median / (flops * 1e-9) - 1.0).abs() < 1e-12);
    let help = text(&folder.run("bench rbm --help").stdout);
    for key in object.as_object().unwrap().keys() {
        assert!(help.contains(key.as_str()), "{key}");
    }
    let table = text(&folder.run(&format!("bench rbm {what} --persistent")).stdout);
    for part in ["12 x 5, PCD-2", "3 epochs of 50 images, batch 16", "GFLOP/s", "reconstruction error"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn rbm_learns_what_is_in_the_file_on_any_number_of_threads() {
    let folder = Folder::new("bench_rbm_data");
    // Two patterns: a machine that knows no more than how often each bit is one errs by 1/4.
    folder.cloud("v.npy", &Matrix::from_fn(200, 8, |row, column| f64::from((row + column) as u8 % 2)));
    let error = |arguments: &str| {
        let how = "--data v.npy --hidden 6 --batch 10 --learning-rate 0.5 --precision double";
        let object = folder.json(&format!("bench rbm {how} {arguments}"), 0);
        assert_eq!((&object["images"], &object["visible"]), (&200.into(), &8.into()));
        assert_eq!(object["data"], "v.npy");
        number(&object, "reconstruction_error")
    };
    let first = error("--epochs 1 --threads 1");
    let last = error("--epochs 40 --threads 1");
    assert!(last < 0.02 && last < first, "{first} {last}");
    assert_eq!(error("--epochs 40 --threads 2"), last);
}

#[test]
fn probe_reports_these_keys_and_the_help_explains_them() {
    let folder = Folder::new("bench_probe");
    let what = "--samples 40 --dim 9 --epochs 20 --repetitions 3 --learning-rate 0.01 --weight-decay 0.5";
    let object =
        folder.json(&format!("bench probe {what} --bias --precision double --threads 1 --seed 5"), 0);
    for (key, expected) in
        [("samples", 40), ("dim", 9), ("epochs", 20), ("repetitions", 3), ("threads", 1), ("seed", 5)]
    {
        assert_eq!(object[key], expected, "{key}");
    }
    assert_eq!((&object["bias"], &object["inputs"]), (&true.into(), &Value::Null));
    assert_eq!((&object["learning_rate"], &object["weight_decay"]), (&0.01.into(), &0.5.into()));
    let (median, least) = (number(&object, "seconds"), number(&object, "seconds_least"));
    assert!(0.0 < least && least <= median);
    let same = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-12;
    assert!(same(number(&object, "seconds_per_epoch"), median / 20.0));
    assert!(same(number(&object, "gigabytes_per_second"), 40.0 * 9.0 * 8.0 * 1e-9 * 20.0 / median));
    assert!(same(number(&object, "gflops"), 4.0 * 40.0 * 9.0 * 1e-9 * 20.0 / median));
    let loss = number(&object, "loss");
    assert!(0.0 < loss && loss < std::f64::consts::LN_2, "{loss}");
    let help = text(&folder.run("bench probe --help").stdout);
    for key in object.as_object().unwrap().keys() {
        assert!(help.contains(key.as_str()), "{key}");
    }
    let table = text(&folder.run(&format!("bench probe {what}")).stdout);
    for part in ["40 x 9, no bias", "3 times 20 epochs, single precision", "GB/s", "gradient"] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn probe_trains_on_the_files_as_the_library_does() {
    let folder = Folder::new("bench_probe_files");
    let x = random_cloud(60, 5, 1);
    let labels: Vec<u8> = (0..60).map(|row| u8::from(x[(row, 0)] + 0.5 * x[(row, 1)] > 0.75)).collect();
    folder.cloud("x.npy", &x).weights("y.npy", &labels.iter().map(|&y| f64::from(y)).collect::<Vec<_>>());
    let object = folder.json("bench probe --inputs x.npy --labels y.npy --epochs 30 --precision double", 0);
    assert_eq!((&object["inputs"], &object["seed"]), (&"x.npy".into(), &Value::Null));
    let fit = fit_adamw(&Samples::new(&x, &labels), &AdamwOptions::default().with_epochs(30)).unwrap();
    // Reading a printed number may round once more.
    assert!((number(&object, "loss") - fit.loss).abs() <= f64::EPSILON * fit.loss);
}

#[test]
fn rbm_and_probe_refuse_what_they_cannot_train_on() {
    let folder = Folder::new("bench_learning_refused");
    folder
        .cloud("v.npy", &Matrix::from_rows([[0.0, 1.0], [1.0, 2.0]]))
        .cloud("x.npy", &random_cloud(3, 2, 1))
        .weights("three.npy", &[0.0, 1.0, 3.0])
        .weights("two.npy", &[0.0, 1.0])
        .weights("same.npy", &[1.0, 1.0, 1.0]);
    for (arguments, code, part) in [
        ("rbm --data v.npy", 1, "[1, 1]"),
        ("rbm --data none.npy", 1, "none.npy"),
        ("rbm --data v.npy --visible 3", 2, "--visible"),
        ("rbm --images 4 --hidden 0", 2, "at least 1"),
        ("rbm --images 4 --learning-rate -1", 2, "greater than 0"),
        ("probe --inputs x.npy", 2, "--labels"),
        ("probe --inputs x.npy --labels three.npy", 1, "label 2 is 3"),
        ("probe --inputs x.npy --labels two.npy", 1, "number of labels"),
        ("probe --inputs x.npy --labels same.npy", 1, "class"),
        ("probe --samples 4 --dim 2 --weight-decay -1", 1, "weight decay is -1"),
        ("probe --samples 4 --epochs 0", 2, "0 is not in"),
    ] {
        let output = folder.run(&format!("bench {arguments}"));
        assert_eq!(output.status.code(), Some(code), "{arguments}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(part), "{arguments}: {}", text(&output.stderr));
    }
}
