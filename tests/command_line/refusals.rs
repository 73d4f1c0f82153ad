//! Wrong usage, bad input, outputs that cannot be written, readers that have gone away: a message and an exit code.

use crate::folder::{Folder, random_cloud, text};
use brenier::Matrix;
use brenier::data::npy;
use std::fs;

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
        "ot x.npy x.npy --method dense",
        "ot x.npy x.npy --initial-potentials f.npy",
        "ot x.npy x.npy --initial-plan-format sparse",
        "ot x.npy x.npy --initial-plan p.npy --initial-potentials f.npy g.npy",
        "ot x.npy x.npy --plan p.npy --plan-format other",
        "ot x.npy x.npy --threads 0",
        "ot x.npy x.npy --timeout -1",
        "ot x.npy x.npy --max-iterations many",
        "ot x.npy x.npy --quiet --verbose",
        "ot x.npy x.npy --epsilon",
        "ot x.npy x.npy --epsilon small",
        "ot x.npy x.npy --epsilon-relative mean",
        "ot x.npy x.npy --epsilon 1 --epsilon-relative mode",
        "ot x.npy x.npy --precision single",
        "ot x.npy x.npy --method accelerated",
        "ot x.npy x.npy --method anderson",
        "ot x.npy x.npy --epsilon 1 --method sparse",
        "ot x.npy x.npy --epsilon 1 --initial-plan p.npy",
        "ot x.npy x.npy --epsilon 1 --top 3",
        "ot x.npy x.npy --epsilon 1 --plan p.npy --top 0",
        "ot x.npy x.npy --plan p.npy --top 3",
        "sinkhorn-divergence x.npy",
        "bench",
        "bench exact",
        "bench sinkhorn --points 0",
        "bench sinkhorn --iterations 0",
        "bench sinkhorn --repetitions 0",
        "bench sinkhorn --source x.npy",
        "bench sinkhorn --source x.npy --target x.npy --points 3",
        "bench sinkhorn --source x.npy --target x.npy --costs x.npy",
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty(), "{arguments}");
        assert!(!output.stderr.is_empty(), "{arguments}");
        // A program that waits for an object gets one, with the first words of what people read.
        let output = folder.run(&format!("{arguments} --json"));
        assert_eq!(output.status.code(), Some(2), "{arguments} --json");
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(object["status"], "error");
        let error = object["error"].as_str().unwrap();
        assert!(!error.is_empty() && text(&output.stderr).contains(error), "{arguments}: {error}");
    }
    for (option, text_of_refusal) in [
        ("--timeout -1", "it must be a number of seconds, zero or more"),
        ("--timeout soon", "it must be a number of seconds, zero or more"),
    ] {
        let message = text(&folder.run(&format!("ot x.npy x.npy {option}")).stderr);
        assert!(message.contains(text_of_refusal), "{message}");
    }
    for arguments in [
        "--help",
        "ot --help",
        "sinkhorn-divergence --help",
        "bench --help",
        "bench sinkhorn --help",
        "--version",
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}");
    }
    assert_eq!(text(&folder.run("--version").stdout), format!("brenier {}\n", env!("CARGO_PKG_VERSION")));
    let help = text(&folder.run("ot --help").stdout);
    // Whatever the object has, the help explains.
    let object = folder.json("ot x.npy x.npy", 0);
    let report = object["report"].as_object().unwrap();
    let stage = report["stages"][0].as_object().unwrap();
    for key in object.as_object().unwrap().keys().chain(report.keys()).chain(stage.keys()) {
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
    fs::write(folder.path("nameless.csv"), "1,2\n3,4\n").unwrap();

    let weighted = |side: &str, file: &str| format!("ot x.npy x.npy --{side}-weights {file}");
    for (arguments, expected) in [
        ("ot missing.npy x.npy".to_owned(), vec!["cannot open missing.npy"]),
        ("ot . x.npy".to_owned(), vec!["cannot read .:", "directory"]),
        ("ot cut.npy x.npy".to_owned(), vec!["cut.npy: byte 128", "64 bytes of data expected, 59 there"]),
        ("ot words.npy x.npy".to_owned(), vec!["words.npy: byte 0: not a .npy file"]),
        ("ot words.csv x.npy".to_owned(), vec!["words.csv: line 2, column 2", "\"four\""]),
        ("ot ragged.csv x.npy".to_owned(), vec!["ragged.csv: line 2"]),
        (
            "ot nameless.csv x.npy --csv-header".to_owned(),
            vec!["nameless.csv: the first line has numbers (1,2)", "--csv-header"],
        ),
        ("ot cube.npy x.npy".to_owned(), vec!["cube.npy: the array has shape [2, 2, 2]"]),
        ("ot huge.npy x.npy".to_owned(), vec!["huge.npy: element 3 is 9223372036854775807"]),
        ("ot nan.npy x.npy".to_owned(), vec!["nan.npy: source points[2, 1] is NaN"]),
        ("ot x.npy inf.npy".to_owned(), vec!["inf.npy: target points[1, 0] is inf"]),
        ("ot --cost-matrix nan.npy".to_owned(), vec!["nan.npy: costs[2, 1] is NaN"]),
        ("ot --cost-matrix empty.npy".to_owned(), vec!["empty.npy: the source is empty"]),
        ("ot x.npy empty.npy".to_owned(), vec!["empty.npy: the target is empty"]),
        ("ot x.npy x3.npy".to_owned(), vec!["x.npy have 2 coordinates", "x3.npy have 3"]),
        ("ot empty.npy x.npy".to_owned(), vec!["empty.npy: the source is empty"]),
        (
            weighted("source", "short.npy"),
            vec!["short.npy: ", "number of source weights", "is 2, expected 4"],
        ),
        (weighted("target", "negative.npy"), vec!["negative.npy: target weights[2] is -0.25"]),
        (weighted("source", "holed.npy"), vec!["holed.npy: source weights[3] is NaN"]),
        (weighted("target", "zero.npy"), vec!["zero.npy: target weights are all zero"]),
        (
            weighted("source", "heavy.npy"),
            vec![
                "the source weights (heavy.npy) sum to 1.25",
                "the target weights (not given, so one over their number each) to 1:",
            ],
        ),
        (weighted("source", "x.npy"), vec!["x.npy: weights are a vector", "4 x 2"]),
        ("ot x.npy x.npy --tolerance 2".to_owned(), vec!["tolerance is 2"]),
        ("ot x.npy x.npy --tolerance -1".to_owned(), vec!["tolerance is -1"]),
        ("ot x.npy x.npy --epsilon 0".to_owned(), vec!["epsilon is 0: it must be positive"]),
        ("ot x.npy x.npy --epsilon -1".to_owned(), vec!["epsilon is -1"]),
        ("ot x.npy x.npy --epsilon nan".to_owned(), vec!["epsilon is NaN"]),
        ("ot x.npy x.npy --epsilon 1 --tolerance 1".to_owned(), vec!["tolerance is 1"]),
        ("ot x.npy x.npy --epsilon 1 --max-iterations 0".to_owned(), vec!["max_iterations is 0"]),
        ("ot nan.npy x.npy --epsilon 1".to_owned(), vec!["nan.npy: source points[2, 1] is NaN"]),
        ("ot --cost-matrix nan.npy --epsilon 1".to_owned(), vec!["nan.npy: costs[2, 1] is NaN"]),
        (
            "ot x.npy x.npy --epsilon 1 --initial-potentials short.npy w.npy".to_owned(),
            vec!["short.npy: ", "number of initial source potentials is 2, expected 4"],
        ),
        (
            "ot x.npy x.npy --epsilon 1 --initial-potentials w.npy holed.npy".to_owned(),
            vec!["holed.npy: initial target potentials[3] is NaN"],
        ),
        ("sinkhorn-divergence x.npy missing.npy".to_owned(), vec!["cannot open missing.npy"]),
        ("sinkhorn-divergence x.npy nan.npy".to_owned(), vec!["nan.npy: target points[2, 1] is NaN"]),
        ("sinkhorn-divergence x.npy x3.npy".to_owned(), vec!["x.npy have 2 coordinates", "x3.npy have 3"]),
        ("sinkhorn-divergence x.npy x.npy --epsilon 0".to_owned(), vec!["epsilon is 0"]),
        ("bench sinkhorn --costs missing.npy".to_owned(), vec!["cannot open missing.npy"]),
        ("bench sinkhorn --points 4 --epsilon -2".to_owned(), vec!["epsilon is -2"]),
    ] {
        let output = folder.run(&arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {message}");
        assert!(output.stdout.is_empty(), "{arguments}");
        assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
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
        ("--source-potentials nowhere/f.npy", "cannot write nowhere/f.npy: "),
        ("--plan x.npy", "x.npy: this output is also an input"),
        ("--plan ./folder/../x.npy", "this output is also an input"),
        ("--plan p.npy --target-potentials ./p.npy", "this output is also an input or another output"),
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
    assert_eq!(folder.run(&format!("{failing} --plan old.npy")).status.code(), Some(1));
    assert_eq!(fs::read_to_string(folder.path("old.npy")).unwrap(), "old");
    assert_eq!(folder.run(&format!("{failing} --plan new.npy")).status.code(), Some(1));
    assert!(!folder.path("new.npy").exists());
    assert_eq!(folder.run("ot x.npy x.npy --plan old.npy").status.code(), Some(0));
    let plan: Matrix<f64> = npy::read_matrix(folder.path("old.npy")).unwrap();
    assert_eq!((plan.rows(), plan.columns()), (4, 4));

    for (arguments, advice) in [
        ("--plan p.npy", "--plan-format sparse"),
        ("--plan p.npy --epsilon 1", "--top K"),
        ("--plan p.npy --epsilon 1 --plan-format sparse", "--top K"),
        ("--plan p.npy --epsilon 1 --top 5000", "--top K"),
    ] {
        let output = folder.run(&format!("ot long.npy long.npy {arguments}"));
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(advice), "{arguments}");
    }
    assert!(!folder.path("p.npy").exists());
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
