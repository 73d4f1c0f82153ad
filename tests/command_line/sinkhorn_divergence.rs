//! `brenier sinkhorn-divergence`.

use crate::folder::{Folder, random_cloud, random_weights, text};
use brenier::Matrix;
use serde_json::Value;

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("{key} of {object}"))
}

#[test]
fn equal_clouds_have_none_and_moved_ones_the_square_of_the_way() {
    let folder = Folder::new("divergence");
    let x = random_cloud(50, 2, 1);
    let moved = Matrix::from_fn(50, 2, |row, column| x[(row, column)] + [3.0, 4.0][column]);
    folder
        .cloud("x.npy", &x)
        .cloud("moved.npy", &moved)
        .cloud("y.npy", &random_cloud(30, 2, 2))
        .weights("a.npy", &random_weights(50, 3))
        .weights("b.npy", &random_weights(30, 4));
    let object = folder.json("sinkhorn-divergence x.npy x.npy --accuracy 1e-10", 0);
    assert_eq!(object["status"], "converged");
    assert!(number(&object, "value").abs() <= number(&object, "error_bound"), "{object}");
    assert!(number(&object, "error_bound") < 1e-8, "{object}");
    // Squared Euclidean: a translation by v adds |v|^2 to the cost of every plan, whatever ε is.
    for epsilon in ["--epsilon 0.1", "--epsilon 2", "--epsilon 0.1 --epsilon-relative median"] {
        let arguments = format!("sinkhorn-divergence x.npy moved.npy {epsilon} --accuracy 1e-9");
        let object = folder.json(&arguments, 0);
        // Moving the points has rounded them.
        let error = (number(&object, "value") - 25.0).abs();
        assert!(
            error <= number(&object, "error_bound") + 1e-12 && number(&object, "error_bound") < 1e-6,
            "{object}"
        );
    }
    // The parts add up, and the sides may be swapped.
    let weighted =
        "sinkhorn-divergence x.npy y.npy --source-weights a.npy --target-weights b.npy --epsilon 0.1";
    let object = folder.json(weighted, 0);
    let term = |key: &str| number(&object[key], "value");
    let value = term("cross") - 0.5 * (term("source_self") + term("target_self"));
    // Reading printed numbers may round once more.
    assert!((number(&object, "value") - value).abs() <= 1e-15);
    let [lower, upper] = ["lower_bound", "upper_bound"].map(|key| number(&object, key));
    assert!(0.0 < lower && lower <= value && value <= upper, "{object}");
    let longer = (value - lower).max(upper - value);
    assert!((number(&object, "error_bound") - longer).abs() <= 1e-15, "{object}");
    // The promise of the accuracy, a millionth; the weights have the mass one. What is added to the bounds for
    // rounding is 64 EPS times a few values below one each.
    assert!(upper - lower <= 1e-6 * (term("cross").abs() + 0.1) + 1e-13, "{object}");
    let swapped =
        "sinkhorn-divergence y.npy x.npy --source-weights b.npy --target-weights a.npy --epsilon 0.1";
    let swapped = folder.json(swapped, 0);
    let error = number(&object, "error_bound") + number(&swapped, "error_bound") + 1e-13;
    assert!((number(&swapped, "value") - value).abs() <= error);
    let help = text(&folder.run("sinkhorn-divergence --help").stdout);
    for key in object.as_object().unwrap().keys().chain(object["cross"].as_object().unwrap().keys()) {
        assert!(help.contains(key.as_str()), "{key}");
    }
    let table = text(&folder.run("sinkhorn-divergence x.npy y.npy").stdout);
    for part in [
        "regularisation       epsilon ",
        "0.05 of the mean cost",
        "divergence           0.",
        "bounds               from ",
        "error ",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn limits_are_exit_code_3() {
    let folder = Folder::new("divergence_limits");
    folder.cloud("x.npy", &random_cloud(50, 2, 1)).cloud("y.npy", &random_cloud(30, 2, 2));
    let object = folder.json("sinkhorn-divergence x.npy y.npy --epsilon 0.01 --max-iterations 1", 3);
    assert_eq!(object["status"], "iteration_limit");
    assert!(number(&object, "error_bound") > 0.0);
    let object = folder.json("sinkhorn-divergence x.npy y.npy --epsilon 0.01 --timeout 0", 3);
    assert_eq!((&object["status"], &object["stopped_by"]), (&"stopped".into(), &"timeout".into()));
}

#[test]
fn an_accuracy_out_of_range_is_an_error() {
    let folder = Folder::new("divergence_accuracy");
    folder.cloud("x.npy", &random_cloud(5, 2, 1));
    for accuracy in ["0", "-1", "1", "nan"] {
        let object = folder.json(&format!("sinkhorn-divergence x.npy x.npy --accuracy {accuracy}"), 1);
        assert_eq!(object["status"], "error");
        assert!(object["error"].as_str().unwrap().contains("accuracy"), "{object}");
    }
}

#[test]
fn values_beyond_the_range_of_numbers_are_no_success() {
    let folder = Folder::new("divergence_range");
    folder.cloud("x.npy", &random_cloud(9, 2, 1)).cloud("y.npy", &random_cloud(7, 2, 2));
    for (command, value) in [("sinkhorn-divergence", "value"), ("ot", "dual_value")] {
        for epsilon in ["1e-30", "1e-300", "1e300"] {
            let run = folder.run(&format!("{command} x.npy y.npy --epsilon {epsilon} --json"));
            let object: Value = serde_json::from_str(&text(&run.stdout)).unwrap();
            // An object with null for a value must not come with success.
            let is_known = object[value].is_number();
            assert!(is_known || run.status.code() != Some(0), "{command} {epsilon}: {object}");
            assert!(is_known || object["status"] != "converged", "{command} {epsilon}: {object}");
            let table = text(&folder.run(&format!("{command} x.npy y.npy --epsilon {epsilon}")).stdout);
            assert!(!table.contains("inf: proved") && !table.contains("NaN"), "{table}");
        }
    }
}
