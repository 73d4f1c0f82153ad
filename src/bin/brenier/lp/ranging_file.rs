//! The file of `--ranging`: how far each cost and each bound may move before another basis is optimal.

use crate::failure::{Failure, in_file, refused};
use brenier::data::csv::{self, CsvOptions};
use brenier::lp::{self, BoundRange, LinearProgram, Part, RangeEnd, Solution};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Of each number: what it is, how the objective changes with it, and both ends of its range.
const HEADER: [&str; 11] = [
    "part",
    "name",
    "number",
    "value",
    "rate",
    "least",
    "objective_at_least",
    "least_ended_by",
    "largest",
    "objective_at_largest",
    "largest_ended_by",
];

/// Writes a line for each cost and for each bound that there is.
pub fn write(path: &Path, program: &LinearProgram, solution: &Solution) -> Result<(), Failure> {
    let ranging = lp::ranging(program, solution)?;
    let record = |part, index, what: &str, range: &BoundRange| -> Vec<String> {
        let words = [part_name(part), &*name(program, part, index), what].map(str::to_owned);
        let numbers = [range.bound, range.rate].map(|value| format!("{value:?}"));
        let ends = [range.least, range.largest];
        words
            .into_iter()
            .chain(numbers)
            .chain(ends.into_iter().flat_map(|end| fields(program, end)))
            .collect()
    };
    let costs = ranging.costs.iter().enumerate().map(|(column, range)| {
        // The objective changes with a cost as x does.
        let range = BoundRange {
            bound: range.cost,
            rate: solution.x[column],
            least: range.least,
            largest: range.largest,
        };
        record(Part::Column, column, "cost", &range)
    });
    let rows = ranging.rows.iter().enumerate().map(|(row, ranges)| (Part::Row, row, ranges));
    let columns = ranging.columns.iter().enumerate().map(|(column, ranges)| (Part::Column, column, ranges));
    let bounds = rows.chain(columns).flat_map(|(part, index, ranges)| {
        let both = [("lower", &ranges.lower), ("upper", &ranges.upper)];
        let kept = both.into_iter().filter_map(|(what, range)| Some((what, range.as_ref()?)));
        kept.map(|(what, range)| record(part, index, what, range)).collect::<Vec<_>>()
    });
    let file = File::create(path).map_err(|reason| refused("create", path, reason))?;
    let header = std::iter::once(HEADER.map(str::to_owned).to_vec());
    let records = header.chain(costs).chain(bounds);
    csv::write_records_to(BufWriter::new(file), records, &CsvOptions::default())
        .map_err(|error| in_file(error, path))
}

/// Value, objective and what ends the range there.
fn fields(program: &LinearProgram, end: RangeEnd) -> [String; 3] {
    let ended_by =
        end.ended_by.map(|(part, index)| format!("{} {}", part_name(part), name(program, part, index)));
    [format!("{:?}", end.value), format!("{:?}", end.objective), ended_by.unwrap_or_default()]
}

fn name(program: &LinearProgram, part: Part, index: usize) -> String {
    match part {
        Part::Row => program.row_name(index).into_owned(),
        Part::Column => program.column_name(index).into_owned(),
    }
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Row => "row",
        Part::Column => "column",
    }
}
