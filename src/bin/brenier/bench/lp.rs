//! `brenier bench lp`: the time that the simplex takes for linear programs from files.

use super::{median, size};
use crate::failure::Failure;
use crate::lp::{MethodArguments, read};
use crate::report;
use crate::run::{self, RunArguments, SOLVED};
use crate::{memory, threads};
use brenier::lp::{self, Options, ProgramFile, Solution};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is measured. A paragraph is one line: the argument parser breaks it to the width of the terminal.
const WHAT: &str = "\
Measure the time that the simplex takes for linear programs from files.

Each file is read once and solved K times, after one time that is not counted (unless K is 1 and that one took longer than a second). A time is that of a whole solve from the program in memory, with scaling and \
the check of the answer. Presolve is off unless --presolve is given.";

/// Examples, and the keys of `--json`.
const EXAMPLES: &str = "\
Examples:
  brenier bench lp afiro.mps 25fv47.mps
  brenier bench lp netlib/*.mps --repetitions 3 --primal --json

Keys of --json (numbers that are not finite, and what is not known, are null):
  status               measured
  files                an object for each file:
    file, rows, columns, nonzeros
                       which, and its size
    status, objective, iterations
                       of the last solve, as `brenier lp` tells them
    primal_residual, dual_residual
                       of it too
    seconds, seconds_least
                       the median and the least of the times
    all_seconds        all of them
    seconds_to_read    from the file to the program in memory
  method, presolve, scaling, repetitions
                       what was run
  version              of this command
  seconds_total        from start to end
  peak_memory_bytes    largest resident size of the process
  threads, simd_level  number of threads; instructions: portable, avx2 or avx512
After an error the object is {\"status\":\"error\",\"error\":\"what was wrong\"}.
";

/// Times from here on do not need a first run to warm up.
const LONG: f64 = 1.0;

/// Measure the time that the simplex takes for linear programs from files
#[derive(Args)]
#[command(long_about = WHAT, after_long_help = EXAMPLES)]
pub struct Arguments {
    /// The linear programs: MPS, or the LP format if a name ends in .lp; either may be packed (.gz)
    #[arg(value_name = "FILE", required = true)]
    programs: Vec<PathBuf>,

    #[command(flatten)]
    how: MethodArguments,

    /// Make the problems smaller before they are solved
    #[arg(long)]
    presolve: bool,

    /// Solves that are timed, of each file
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = size)]
    repetitions: usize,

    /// Stop each solve after this many seconds
    #[arg(long, value_name = "SECONDS", value_parser = run::seconds, allow_negative_numbers = true)]
    time_limit: Option<Duration>,

    #[command(flatten)]
    pub run: RunArguments,
}

/// What was measured of a file.
struct Measurement<'a> {
    path: &'a Path,
    file: ProgramFile,
    solution: Solution,
    seconds_to_read: f64,
    /// Seconds of each solve, from the shortest.
    seconds: Vec<f64>,
}

/// Measures and reports.
pub fn run(arguments: &Arguments, started: Instant) -> Result<u8, Failure> {
    let threads = threads::start(arguments.run.threads)?;
    let measurements = arguments
        .programs
        .iter()
        .map(|path| arguments.measure(path))
        .collect::<Result<Vec<Measurement<'_>>, Failure>>()?;
    arguments.report(&measurements, threads, started)?;
    Ok(SOLVED)
}

impl Arguments {
    fn options(&self) -> Options {
        let options = self.how.options().with_presolve(self.presolve);
        match self.time_limit {
            Some(limit) => options.with_time_limit(limit),
            None => options,
        }
    }

    fn measure<'a>(&self, path: &'a Path) -> Result<Measurement<'a>, Failure> {
        let began = Instant::now();
        let file = read(path)?;
        let seconds_to_read = began.elapsed().as_secs_f64();
        let options = self.options();
        let solve = || -> Result<(f64, Solution), Failure> {
            let began = Instant::now();
            let solution = lp::solve_with(&file.program, &options, &mut lp::run_to_the_end)?;
            Ok((began.elapsed().as_secs_f64(), solution))
        };
        let (first, mut solution) = solve()?;
        let mut seconds = if self.repetitions == 1 && first > LONG { vec![first] } else { Vec::new() };
        while seconds.len() < self.repetitions {
            let taken;
            (taken, solution) = solve()?;
            seconds.push(taken);
        }
        seconds.sort_by(f64::total_cmp);
        self.run.say(&format!("{}: {}, {:.6} s", path.display(), solution.status, median(&seconds)));
        Ok(Measurement { path, file, solution, seconds_to_read, seconds })
    }

    fn report(
        &self,
        measurements: &[Measurement<'_>],
        threads: usize,
        started: Instant,
    ) -> Result<(), Failure> {
        if self.run.json {
            let files: Vec<Value> = measurements.iter().map(Measurement::to_json).collect();
            let object = json!({
                "status": "measured",
                "files": files,
                "method": self.how.name(),
                "presolve": self.presolve,
                "scaling": self.options().scaling,
                "repetitions": self.repetitions,
                "version": env!("CARGO_PKG_VERSION"),
                "seconds_total": started.elapsed().as_secs_f64(),
                "peak_memory_bytes": memory::peak_bytes(),
                "threads": threads,
                "simd_level": brenier::simd::level().name(),
            });
            return report::print(&object.to_string());
        }
        if self.run.quiet {
            return Ok(());
        }
        let mut table = format!(
            "{:<28} {:>7} {:>7} {:>8}  {:<15} {:>19} {:>8} {:>11}\n",
            "file", "rows", "columns", "nonzeros", "status", "objective", "steps", "seconds"
        );
        for Measurement { path, file, solution, seconds, .. } in measurements {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            table += &format!(
                "{name:<28} {:>7} {:>7} {:>8}  {:<15} {:>19.12e} {:>8} {:>11.6}\n",
                file.program.rows(),
                file.program.columns(),
                file.program.nonzeros(),
                solution.status.to_string(),
                solution.objective,
                solution.iterations,
                median(seconds)
            );
        }
        report::print(table.trim_end())
    }
}

impl Measurement<'_> {
    fn to_json(&self) -> Value {
        let Self { path, file, solution, seconds_to_read, seconds } = self;
        json!({
            "file": path.to_string_lossy(),
            "rows": file.program.rows(),
            "columns": file.program.columns(),
            "nonzeros": file.program.nonzeros(),
            "status": solution.status.name(),
            "objective": solution.objective,
            "iterations": solution.iterations,
            "primal_residual": solution.certificate.primal_residual,
            "dual_residual": solution.certificate.dual_residual,
            "seconds": median(seconds),
            "seconds_least": seconds[0],
            "all_seconds": seconds,
            "seconds_to_read": seconds_to_read,
        })
    }
}
