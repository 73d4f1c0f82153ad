//! What the solver did, stage by stage: for people who asked for words, and for programs.

use brenier::ot::exact::Report;
use serde_json::{Value, json};

/// A table of the stages, and what was counted.
pub fn to_table(report: &Report) -> String {
    let mut text = format!("method: {}\n{:<24}{:>12}{:>8}\n", report.method, "stage", "seconds", "turns");
    for stage in &report.stages {
        text += &format!("{:<24}{:>12.6}{:>8}\n", stage.name, stage.seconds, stage.turns);
    }
    text += &format!("{:<24}{:>12.6}\n", "all stages", report.seconds());
    text += &format!("pivots: {} sparse, {} plain\n", report.sparse_pivots, report.plain_pivots);
    if report.candidates > 0 {
        text += &format!(
            "candidates: {}; arcs: {} after {} rounds\n",
            report.candidates, report.arcs, report.rounds
        );
    }
    if report.warm_start_error.is_finite() {
        text += &format!("marginal error of the warm start: {:.2e} of the mass\n", report.warm_start_error);
    }
    text
}

/// The same as an object; what is not finite is null.
pub fn to_json(report: &Report) -> Value {
    let stages: Vec<Value> = report
        .stages
        .iter()
        .map(|stage| json!({ "name": stage.name, "seconds": stage.seconds, "turns": stage.turns }))
        .collect();
    json!({
        "method": report.method,
        "stages": stages,
        "sparse_pivots": report.sparse_pivots,
        "plain_pivots": report.plain_pivots,
        "candidates": report.candidates,
        "arcs": report.arcs,
        "rounds": report.rounds,
        "warm_start_error": report.warm_start_error,
    })
}
