//! The file of `--solution`: a line for each row and each column.

use crate::failure::{Failure, in_file, refused};
use brenier::data::csv::{self, CsvOptions};
use brenier::lp::{BasisStatus, Bounds, Contradiction, LinearProgram, Solution};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Writes names, statuses, values, bounds and duals, the rows first. Where the program is infeasible or unbounded a last field has the ray
/// that proves it.
pub fn write(path: &Path, program: &LinearProgram, solution: &Solution) -> Result<(), Failure> {
    let proof = Proof::of(program, solution)?;
    let mut header: Vec<String> =
        ["part", "name", "status", "value", "lower", "upper", "dual"].map(str::to_owned).into();
    header.extend(proof.as_ref().map(|proof| proof.name.to_owned()));
    let rows = (0..program.rows()).map(|row| {
        let mut record = record(
            ["row", &program.row_name(row), name(solution.basis.rows[row])],
            solution.row_activities[row],
            program.row_bounds(row),
            solution.duals[row],
        );
        record.extend(proof.as_ref().map(|proof| number(proof.rows[row])));
        record
    });
    let columns = (0..program.columns()).map(|column| {
        let mut record = record(
            ["column", &program.column_name(column), name(solution.basis.columns[column])],
            solution.x[column],
            program.column_bounds(column),
            solution.reduced_costs[column],
        );
        record.extend(proof.as_ref().map(|proof| number(proof.columns[column])));
        record
    });
    let file = File::create(path).map_err(|reason| refused("create", path, reason))?;
    csv::write_records_to(
        BufWriter::new(file),
        std::iter::once(header).chain(rows).chain(columns),
        &CsvOptions::default(),
    )
    .map_err(|error| in_file(error, path))
}

/// What proves that there is no optimum, with a number for each row and column.
struct Proof {
    name: &'static str,
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl Proof {
    /// Farkas multipliers of the rows, and of the bounds of the columns those that make the sum of all multiplied rows and columns zero; or
    /// the ray with the rate at which the rows move along it.
    fn of(program: &LinearProgram, solution: &Solution) -> Result<Option<Self>, Failure> {
        if let Some(Contradiction::Farkas(multipliers)) = &solution.contradiction {
            let columns = (0..program.columns()).map(|column| {
                let terms = program.column(column).iter();
                0.0 - terms.map(|&(row, value)| value * multipliers[row]).sum::<f64>()
            });
            let columns = columns.collect();
            return Ok(Some(Self { name: "farkas", rows: multipliers.clone(), columns }));
        }
        let Some(ray) = &solution.ray else { return Ok(None) };
        let rows = program.row_activities(ray)?;
        Ok(Some(Self { name: "ray", rows, columns: ray.clone() }))
    }
}

fn record(words: [&str; 3], value: f64, bounds: Bounds, dual: f64) -> Vec<String> {
    let numbers = [value, bounds.lower, bounds.upper, dual].map(number);
    words.map(str::to_owned).into_iter().chain(numbers).collect()
}

/// The fewest digits that give the number back when read.
fn number(value: f64) -> String {
    format!("{value:?}")
}

fn name(status: BasisStatus) -> &'static str {
    match status {
        BasisStatus::Basic => "basic",
        BasisStatus::AtLower => "at_lower",
        BasisStatus::AtUpper => "at_upper",
        BasisStatus::Free => "free",
    }
}
