//! `brenier lp`: answers, files, messages and exit codes.

use crate::folder::{Folder, text};
use serde_json::Value;
use std::fs;

/// max 3 x + 2 y  where  x + y <= 4,  x + 3 y <= 7,  0 <= x <= 3,  y >= 0: 11 at (3, 1), the duals (2, 0).
const TEXT_BOOK: &str = "\
NAME          BOOK
OBJSENSE
    MAX
ROWS
 N  profit
 L  one
 L  two
COLUMNS
    x  profit  3  one  1
    x  two  1
    y  profit  2  one  1
    y  two  3
RHS
    RHS  one  4  two  7
BOUNDS
 UP BND  x  3
ENDATA
";

/// The same without the bound of x and with the rows reversed: x may grow without end.
fn unbounded() -> String {
    TEXT_BOOK
        .replace(" UP BND  x  3", " PL BND  x")
        .replace(" L  one", " G  one")
        .replace(" L  two", " G  two")
}

/// x + y <= 4 and x + 3 y <= 7 beside y >= 3.
fn infeasible() -> String {
    TEXT_BOOK.replace("BOUNDS\n", "BOUNDS\n LO BND  y  3\n")
}

fn write(folder: &Folder, name: &str, text: &str) {
    fs::write(folder.path(name), text).unwrap();
}

fn number(object: &Value, key: &str) -> f64 {
    object[key].as_f64().unwrap_or_else(|| panic!("{key} of {object}"))
}

/// The fields of each line of a CSV file.
fn records(folder: &Folder, name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(folder.path(name)).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn the_answer_has_its_keys_and_the_help_explains_them() {
    let folder = Folder::new("lp_keys");
    write(&folder, "book.mps", TEXT_BOOK);
    for arguments in ["", "--primal", "--dual --no-presolve", "--no-scaling --no-presolve"] {
        let object = folder.json(&format!("lp book.mps {arguments}"), 0);
        assert_eq!(object["status"], "optimal", "{arguments}");
        assert_eq!(object["objective"], 11.0, "{arguments}");
        assert!((number(&object, "dual_value") - 11.0).abs() < 1e-12 && number(&object, "gap").abs() < 1e-12);
        for key in ["primal_residual", "dual_residual", "complementarity", "gap_relative"] {
            assert!(number(&object, key) < 1e-12, "{key} of {object}");
        }
        for (key, expected) in [("rows", 2), ("columns", 2), ("nonzeros", 4), ("integer_columns", 0)] {
            assert_eq!(object[key], expected, "{key}");
        }
        assert_eq!((&object["name"], &object["sense"]), (&"BOOK".into(), &"maximise".into()));
        assert_eq!(object["method"], if arguments == "--primal" { "primal" } else { "dual" });
        assert_eq!(object["presolve"], !arguments.contains("--no-presolve"));
        assert_eq!(object["scaling"], !arguments.contains("--no-scaling"));
        assert_eq!(object["warnings"], Value::Array(Vec::new()));
        assert!(number(&object, "seconds") <= number(&object, "seconds_total"));
        let help = text(&folder.run("lp --help").stdout);
        for key in object.as_object().unwrap().keys() {
            assert!(help.contains(key.as_str()), "{key}");
        }
    }
    let table = text(&folder.run("lp book.mps").stdout);
    for part in [
        "BOOK: maximise, 2 rows, 2 columns, 4 coefficients",
        "optimal: 1.1",
        "primal residual",
        "dual simplex",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(folder.run("lp book.mps --quiet").stdout.is_empty());
}

#[test]
fn the_lp_format_is_known_by_its_name() {
    let folder = Folder::new("lp_format");
    let program = "Maximize\n profit: 3 x + 2 y\nSubject To\n one: x + y <= 4\n two: x + 3 y <= 7\nBounds\n x <= 3\nEnd\n";
    write(&folder, "book.lp", program);
    assert_eq!(folder.json("lp book.lp", 0)["objective"], 11.0);
    // The same text is no MPS.
    write(&folder, "book.mps", program);
    folder.json("lp book.mps", 1);
}

#[test]
fn the_solution_file_has_a_line_for_each_row_and_column() {
    let folder = Folder::new("lp_solution");
    write(&folder, "book.mps", TEXT_BOOK);
    folder.json("lp book.mps --solution book.csv", 0);
    let lines = records(&folder, "book.csv");
    assert_eq!(lines[0].join(","), "part,name,status,value,lower,upper,dual");
    assert_eq!(lines[1].join(","), "row,one,at_upper,4.0,-inf,4.0,2.0");
    assert_eq!(lines[2].join(","), "row,two,basic,6.0,-inf,7.0,0.0");
    assert_eq!(lines[3].join(","), "column,x,at_upper,3.0,0.0,3.0,1.0");
    assert_eq!(lines[4].join(","), "column,y,basic,1.0,0.0,inf,0.0");
    assert_eq!(lines.len(), 5);
}

#[test]
fn infeasible_is_exit_code_4_with_multipliers_that_prove_it() {
    let folder = Folder::new("lp_infeasible");
    write(&folder, "no.mps", &infeasible());
    for arguments in ["", "--no-presolve", "--primal --no-presolve"] {
        let object = folder.json(&format!("lp no.mps --solution no.csv {arguments}"), 4);
        assert_eq!(object["status"], "infeasible");
        assert_eq!((&object["objective"], &object["gap"]), (&Value::Null, &Value::Null));
        assert_eq!(
            (&object["contradiction"]["kind"], &object["contradiction"]["verified"]),
            (&"farkas".into(), &true.into())
        );
        let lines = records(&folder, "no.csv");
        assert_eq!(lines[0].last().unwrap(), "farkas");
        // The weighted sum of the rows and of the columns is 0, and its bounds exclude that.
        let multiplier = |line: usize| -> f64 { lines[line].last().unwrap().parse().unwrap() };
        let [one, two, x, y] = [1, 2, 3, 4].map(multiplier);
        assert!((one + two + x).abs() < 1e-12 && (one + 3.0 * two + y).abs() < 1e-12);
        assert!(one <= 0.0 && two <= 0.0 && y >= 0.0, "{lines:?}");
        // At least: rows from above, y >= 3 from below, x >= 0.
        assert!(4.0 * one + 7.0 * two + 3.0 * y + 0.0 * x > 0.0, "{lines:?}");
    }
    let table = text(&folder.run("lp no.mps").stdout);
    assert!(table.contains("contradicts the bounds (Farkas"), "{table}");

    write(&folder, "crossed.mps", &TEXT_BOOK.replace("BOUNDS\n", "BOUNDS\n LO BND  x  5\n"));
    let object = folder.json("lp crossed.mps", 4);
    assert_eq!(
        object["contradiction"],
        serde_json::json!({ "kind": "bounds", "part": "column", "name": "x" })
    );
    let table = text(&folder.run("lp crossed.mps").stdout);
    assert!(table.contains("infeasible: column x must be at least 5 and at most 3"), "{table}");
}

#[test]
fn unbounded_is_exit_code_5_with_a_ray_that_proves_it() {
    let folder = Folder::new("lp_unbounded");
    write(&folder, "more.mps", &unbounded());
    let object = folder.json("lp more.mps --solution more.csv", 5);
    assert_eq!(object["status"], "unbounded");
    assert_eq!((&object["objective"], &object["ray"]["verified"]), (&Value::Null, &true.into()));
    let lines = records(&folder, "more.csv");
    assert_eq!(lines[0].last().unwrap(), "ray");
    let rate = |line: usize| -> f64 { lines[line].last().unwrap().parse().unwrap() };
    let [one, two, x, y] = [1, 2, 3, 4].map(rate);
    assert_eq!((one, two), (x + y, x + 3.0 * y));
    assert!(x >= 0.0 && y >= 0.0 && one >= 0.0 && two >= 0.0 && 3.0 * x + 2.0 * y > 0.0, "{lines:?}");
    assert!(text(&folder.run("lp more.mps").stdout).contains("unbounded: along a ray"));
}

#[test]
fn limits_are_exit_code_3() {
    let folder = Folder::new("lp_limits");
    write(&folder, "book.mps", TEXT_BOOK);
    for (limit, status) in [("--max-iterations 0", "iteration_limit"), ("--time-limit 0", "time_limit")] {
        let object = folder.json(&format!("lp book.mps --no-presolve {limit}"), 3);
        assert_eq!(object["status"], status, "{limit}");
        // The duals that it has belong to no optimum.
        assert_eq!(object["gap"], Value::Null, "{limit}");
        let table = text(&folder.run(&format!("lp book.mps --no-presolve {limit}")).stdout);
        assert!(table.contains("limit, with a"), "{table}");
    }
}

#[test]
fn a_basis_is_written_and_begins_the_next_solve() {
    let folder = Folder::new("lp_basis");
    write(&folder, "book.mps", TEXT_BOOK);
    let first = folder.json("lp book.mps --no-presolve --basis-out book.bas", 0);
    assert!(number(&first, "iterations") > 0.0);
    let basis = fs::read_to_string(folder.path("book.bas")).unwrap();
    assert_eq!(basis, "NAME          BOOK\n UL x\n XU y one\nENDATA\n");
    for method in ["--dual", "--primal"] {
        let again = folder.json(&format!("lp book.mps --basis-in book.bas {method}"), 0);
        assert_eq!((&again["iterations"], &again["objective"]), (&0.into(), &11.0.into()), "{method}");
        assert_eq!(again["presolve"], false);
    }
    // A right-hand side more: one step, if any.
    write(&folder, "changed.mps", &TEXT_BOOK.replace("one  4", "one  3.5"));
    let changed = folder.json("lp changed.mps --basis-in book.bas", 0);
    assert!(number(&changed, "iterations") <= 1.0);
    assert_eq!(changed["objective"], 10.0);
}

#[test]
fn ranges_of_costs_and_right_hand_sides() {
    let folder = Folder::new("lp_ranging");
    write(&folder, "book.mps", &TEXT_BOOK.replace("x  3\n", "x  2\n"));
    // max 3 x + 2 y with x <= 2: (2, 5/3), row two and the bound of x are active.
    let object = folder.json("lp book.mps --ranging ranges.csv", 0);
    assert_eq!(object["ranging"], "ranges.csv");
    let lines = records(&folder, "ranges.csv");
    let find = |start: &str| {
        lines.iter().find(|line| line.join(",").starts_with(start)).unwrap_or_else(|| panic!("{start}"))
    };
    let close = |text: &str, expected: f64| {
        let found: f64 = text.parse().unwrap();
        assert!(found == expected || (found - expected).abs() < 1e-9, "{found} {expected}");
    };
    // The profit of y may fall to 0, or grow to 9: then y alone, at 2, is as good.
    let cost = find("column,y,cost,2.0");
    close(&cost[5], 0.0);
    close(&cost[8], 9.0);
    assert_eq!(cost[10], "column x");
    // Row two earns 2/3 a unit from 2 (y = 0) to 8 (row one).
    let row = find("row,two,upper,7.0");
    for (place, expected) in [(4, 2.0 / 3.0), (5, 2.0), (6, 6.0), (8, 8.0), (9, 10.0)] {
        close(&row[place], expected);
    }
    assert_eq!((&*row[7], &*row[10]), ("column y", "row one"));
    // Without an optimum there are no ranges.
    write(&folder, "no.mps", &infeasible());
    assert_eq!(folder.json("lp no.mps --ranging none.csv", 4)["ranging"], Value::Null);
    assert!(!folder.path("none.csv").exists());
}

#[test]
fn integer_columns_are_a_warning() {
    let folder = Folder::new("lp_integers");
    let marked = TEXT_BOOK
        .replace("    x  profit", "    M1  'MARKER'  'INTORG'\n    x  profit")
        .replace("RHS\n", "    M2  'MARKER'  'INTEND'\nRHS\n");
    write(
        &folder,
        "whole.mps",
        &marked.replace("RHS  one  4", "RHS  one  3.5").replace("BOUNDS\n", "BOUNDS\n UP BND  y  9\n"),
    );
    let object = folder.json("lp whole.mps", 0);
    assert_eq!((&object["integer_columns"], &object["objective"]), (&2.into(), &10.0.into()));
    let warnings = object["warnings"].as_array().unwrap();
    assert!(
        warnings.iter().any(|warning| warning.as_str().unwrap().contains("2 columns are integer")),
        "{object}"
    );
    assert!(text(&folder.run("lp whole.mps").stdout).contains("this is the relaxation"));
}

#[test]
fn bad_input_names_file_line_and_section() {
    let folder = Folder::new("lp_refused");
    write(&folder, "book.mps", TEXT_BOOK);
    write(&folder, "word.mps", &TEXT_BOOK.replace("one  4", "one  four"));
    write(&folder, "row.mps", &TEXT_BOOK.replace("    y  two  3", "    y  three  3"));
    write(&folder, "short.mps", &TEXT_BOOK.replace("ENDATA\n", ""));
    write(&folder, "word.lp", "Minimize\n x + \nSubject To\nEnd\n");
    write(&folder, "bad.bas", "NAME\n XU y three\nENDATA\n");
    for (arguments, parts) in [
        ("lp none.mps", &["none.mps"][..]),
        ("lp word.mps", &["word.mps: line 14, in RHS", "\"four\" is not a number"]),
        ("lp row.mps", &["row.mps: line 12, in COLUMNS", "there is no row \"three\""]),
        ("lp short.mps", &["short.mps: line", "in BOUNDS", "the file ends before ENDATA"]),
        ("lp word.lp", &["word.lp: line"]),
        ("lp book.mps --basis-in bad.bas", &["bad.bas: line 2, in the basis", "there is no row \"three\""]),
        ("lp book.mps --solution none/book.csv", &["none/book.csv"]),
        ("lp book.mps --solution book.mps", &["book.mps", "also an input"]),
        ("lp book.mps --basis-in bad.bas --basis-out bad.bas", &["bad.bas", "also an input"]),
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments}");
        let message = text(&output.stderr);
        for part in parts {
            assert!(message.contains(part), "{arguments}: {message}");
        }
        let object = folder.json(arguments, 1);
        assert_eq!(object["status"], "error");
        assert_eq!(message.trim_end(), format!("error: {}", object["error"].as_str().unwrap()));
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = Folder::new("lp_usage");
    write(&folder, "book.mps", TEXT_BOOK);
    for arguments in [
        "lp",
        "lp book.mps book.mps",
        "lp book.mps --dual --primal",
        "lp book.mps --max-iterations -1",
        "lp book.mps --time-limit soon",
        "lp book.mps --time-limit -1",
        "bench lp",
        "bench lp book.mps --repetitions 0",
    ] {
        let output = folder.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments}");
    }
}

#[test]
fn bench_reports_each_file() {
    let folder = Folder::new("lp_bench");
    write(&folder, "book.mps", TEXT_BOOK);
    write(&folder, "no.mps", &infeasible());
    let object = folder.json("bench lp book.mps no.mps --repetitions 3 --primal --threads 1", 0);
    for (key, expected) in [("status", "measured"), ("method", "primal")] {
        assert_eq!(object[key], expected, "{key}");
    }
    assert_eq!((&object["presolve"], &object["repetitions"]), (&false.into(), &3.into()));
    let files = object["files"].as_array().unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!((&files[0]["file"], &files[0]["objective"]), (&"book.mps".into(), &11.0.into()));
    assert_eq!((&files[1]["status"], &files[1]["objective"]), (&"infeasible".into(), &Value::Null));
    let help = text(&folder.run("bench lp --help").stdout);
    for file in files {
        assert_eq!(file["all_seconds"].as_array().unwrap().len(), 3);
        assert!(
            0.0 < number(file, "seconds_least") && number(file, "seconds_least") <= number(file, "seconds")
        );
        for key in object.as_object().unwrap().keys().chain(file.as_object().unwrap().keys()) {
            assert!(help.contains(key.as_str()), "{key}");
        }
    }
    let table = text(&folder.run("bench lp book.mps --presolve").stdout);
    assert!(table.contains("book.mps") && table.contains("optimal"), "{table}");
    assert_eq!(folder.run("bench lp none.mps").status.code(), Some(1));
}
