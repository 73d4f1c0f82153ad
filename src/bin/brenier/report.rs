//! What a command says at its end: a table for people, or one JSON object for programs.

use crate::failure::Failure;
use crate::memory;
use crate::run::{SOLVED, WRONG_USAGE};
use serde_json::{Map, Value, json};
use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

/// What every solver command reports.
pub struct SolverReport {
    /// How the solver ended.
    pub status: &'static str,
    /// What was minimised, by its key (`cost`, `objective`), and its value.
    pub objective: (&'static str, f64),
    /// The dual value, and the gap between the two, where the report is of one problem.
    pub bounds: Option<[f64; 2]>,
    /// What the solver counts.
    pub iterations: u64,
    /// Time in the solver alone.
    pub solving: Duration,
    /// When the process began.
    pub started: Instant,
    /// Threads that were there to use.
    pub threads: usize,
}

impl SolverReport {
    /// The object: first the keys that all solver commands share, then `details`. Numbers that are not finite are null.
    pub fn to_json(&self, details: Value) -> Map<String, Value> {
        let mut object = Map::new();
        let (objective, value) = self.objective;
        let mut insert = |key: &str, value| object.insert(key.to_owned(), value);
        insert("status", json!(self.status));
        insert(objective, json!(value));
        if let Some([dual_value, gap]) = self.bounds {
            insert("dual_value", json!(dual_value));
            insert("gap", json!(gap));
        }
        for (key, value) in [
            ("iterations", json!(self.iterations)),
            ("seconds", json!(self.solving.as_secs_f64())),
            ("seconds_total", json!(self.started.elapsed().as_secs_f64())),
            ("peak_memory_bytes", json!(memory::peak_bytes())),
            ("threads", json!(self.threads)),
            ("simd", json!(brenier::simd::level().name())),
        ] {
            insert(key, value);
        }
        if let Value::Object(details) = details {
            object.extend(details);
        }
        object
    }

    /// How long it took and with what, in words.
    pub fn effort(&self) -> String {
        let mut text = format!(
            "{:.3} s ({:.3} s in all), {}, {}",
            self.solving.as_secs_f64(),
            self.started.elapsed().as_secs_f64(),
            threads(self.threads),
            brenier::simd::level().name(),
        );
        if let Some(bytes) = memory::peak_bytes() {
            text += &format!(", {:.1} MiB at most", bytes as f64 / (1 << 20) as f64);
        }
        text
    }
}

/// A number of threads in words.
pub fn threads(count: usize) -> String {
    format!("{count} thread{}", if count == 1 { "" } else { "s" })
}

/// Two bounds and what they are; that there are none, where numbers have left the range.
pub fn bounds([lower, upper]: [f64; 2], what: &str) -> String {
    if lower.is_finite() && upper.is_finite() {
        format!("from {lower:.12} to {upper:.12}: {what}")
    } else {
        "none: numbers have left the range of double precision".to_owned()
    }
}

/// Lines of a label and a value, aligned with the certificate's.
pub fn table(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(label, value)| format!("{label:<21}{value}\n")).collect()
}

/// Prints to standard output. A reader that has gone away is no failure: it has seen what it wanted.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    let written = output
        .write_all(text.as_bytes())
        .and_then(|()| output.write_all(b"\n"))
        .and_then(|()| output.flush());
    match written {
        Err(reason) if reason.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Message(format!("cannot write to standard output: {reason}")))
        }
        _ => Ok(()),
    }
}

/// Prints one JSON object.
pub fn print_object(object: Map<String, Value>) -> Result<(), Failure> {
    print(&Value::Object(object).to_string())
}

/// Prints what the argument parser has to say, help or why it refused; the exit code. A program that waits for an object gets one.
pub fn usage(error: &clap::Error) -> u8 {
    // Whoever does not listen does not hinder the exit code.
    let _ = error.print();
    if !error.use_stderr() {
        return SOLVED;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let message = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let _ = print(&json!({ "status": "error", "error": message }).to_string());
    }
    WRONG_USAGE
}

/// Says on standard error why there is no answer, and on standard output too where a program waits for an object.
pub fn failure(failure: &Failure, json: bool) {
    // Nowhere is left to complain to if these cannot be written; the exit code still tells.
    let _ = writeln!(std::io::stderr(), "error: {failure}");
    if json {
        let _ = print(&json!({ "status": "error", "error": failure.to_string() }).to_string());
    }
}
