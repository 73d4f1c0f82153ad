//! Limits and interruptions: the best plan so far, or none.

use crate::folder::{Folder, close, densify, marginals, numbers, random_cloud};
use brenier::data::npy;
use brenier::lp::{self, LinearProgram, Sense};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

#[test]
fn limits_are_exit_code_3_with_a_feasible_plan() {
    let folder = Folder::new("limits");
    folder.cloud("x.npy", &random_cloud(600, 2, 1)).cloud("y.npy", &random_cloud(600, 2, 2));
    for (limit, status, stopped_by) in
        [("--max-iterations 1", "iteration_limit", Value::Null), ("--timeout 0", "stopped", "timeout".into())]
    {
        let object = folder.json(&format!("ot x.npy y.npy {limit} --plan p.npy"), 3);
        assert_eq!(object["status"], status);
        assert_eq!(object["stopped_by"], stopped_by);
        assert!(object["gap"].as_f64().unwrap() > 0.0);
        let (rows, columns) = marginals(&npy::read_matrix(folder.path("p.npy")).unwrap());
        let uniform = vec![1.0 / 600.0; 600];
        assert!(close(&rows, &uniform) && close(&columns, &uniform));
    }
}

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
    let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
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
        folder.cloud("x.npy", &random_cloud(count, 8, 1)).cloud("y.npy", &random_cloud(count, 8, 2));
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
        let (cost, bound) = (object["cost"].as_f64().unwrap(), object["dual_value"].as_f64().unwrap());
        assert!(bound < cost && cost < 8.0, "{bound} {cost}");
        let triplets = npy::read_matrix(folder.path("p.npy")).unwrap();
        let (rows, columns) = marginals(&densify(&triplets, count, count));
        let uniform = vec![1.0 / count as f64; count];
        assert!(close(&rows, &uniform) && close(&columns, &uniform));
        return;
    }
    panic!("no problem was large enough to be interrupted");
}

/// The dearest way to fill as many boxes with as many things, each in parts and to a random capacity.
fn packing(count: usize) -> LinearProgram {
    let (mut program, mut next) = (LinearProgram::new(Sense::Maximise), numbers(3));
    for _ in 0..count {
        program.add_row(..=1.0, []).unwrap();
    }
    for _ in 0..2 * count {
        let entries: Vec<(usize, f64)> =
            (0..6).map(|_| ((next() * count as f64) as usize, 0.1 + next())).collect();
        program.add_column(1.0 + next(), 0.0.., entries).unwrap();
    }
    program
}

#[test]
fn the_first_interrupt_stops_the_simplex() {
    let folder = Folder::new("interrupt_lp");
    for count in [2000, 4000, 8000] {
        lp::write_mps(folder.path("packing.mps"), &packing(count)).unwrap();
        let arguments = "lp packing.mps --json --basis-out stopped.bas";
        let (output, errors) = interrupt_after(&folder, arguments, "solver started");
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        if object["status"] == "optimal" {
            continue;
        }
        assert_eq!(output.status.code(), Some(3), "{errors}");
        assert_eq!((&object["status"], &object["stopped_by"]), (&"stopped".into(), &"interrupt".into()));
        assert!(errors.contains("stopping with what there is so far"), "{errors}");
        // The basis that it ends with is one to go on from.
        lp::read_basis(folder.path("stopped.bas"), &packing(count)).unwrap();
        return;
    }
    panic!("no program was large enough to be interrupted");
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
