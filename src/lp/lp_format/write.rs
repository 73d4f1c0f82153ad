//! Writing the LP format.

use super::super::bounds::Bounds;
use super::super::error::Part;
use super::super::model::{LinearProgram, Sense};
use super::super::number::Shortest;
use super::super::write_error::{WriteError, check_bounds};
use super::lexer::is_writable;
use super::read::PROGRAM_NAME;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

/// Where a line of terms is broken. Other readers refuse lines of more than 500 or so.
const LINE: usize = 100;

/// The whole file, and warnings.
pub(super) fn text(program: &LinearProgram) -> Result<(String, Vec<String>), WriteError> {
    for row in 0..program.rows() {
        check_bounds(Part::Row, row, program.row_bounds(row))?;
    }
    for column in 0..program.columns() {
        check_bounds(Part::Column, column, program.column_bounds(column))?;
    }
    let mut warnings = Vec::new();
    let rows =
        names(Part::Row, 'R', (0..program.rows()).map(|row| program.row_name(row)).collect(), &mut warnings);
    let columns = (0..program.columns()).map(|column| program.column_name(column)).collect();
    let columns = names(Part::Column, 'C', columns, &mut warnings);

    let mut lines = Lines::default();
    if !program.name().is_empty() {
        if program.name().contains(|letter: char| letter.is_ascii_control()) {
            warnings.push("the program's name has control characters: it is left out".into());
        } else {
            lines.add(format_args!("{PROGRAM_NAME} {}\n", program.name()));
        }
    }
    objective(program, &columns, &mut lines, &mut warnings);
    lines.add(format_args!("Subject To\n"));
    let by_rows = program.matrix().transpose();
    for (row, name) in rows.iter().enumerate() {
        let entries = by_rows.column(row).filter(|&(_, value)| value != 0.0);
        one_row(name, program.row_bounds(row), entries, &columns, &mut lines);
    }
    bounds(program, &columns, &mut lines);
    lines.add(format_args!("End\n"));
    Ok((lines.text, warnings))
}

/// The text so far, and how long its last line is.
#[derive(Default)]
struct Lines {
    text: String,
    start: usize,
}

impl Lines {
    fn add(&mut self, piece: std::fmt::Arguments<'_>) {
        let before = self.text.len();
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(piece);
        if let Some(place) = self.text[before..].rfind('\n') {
            self.start = before + place + 1;
        }
    }

    /// A term, on a new line if this one is long. Every term but the first has a sign, so that it cannot be taken for a new row.
    fn add_term(&mut self, first: bool, coefficient: f64, name: &str) {
        if self.text.len() - self.start > LINE {
            self.add(format_args!("\n   "));
        }
        let sign = match (first, coefficient < 0.0) {
            (true, true) => "-",
            (true, false) => "",
            (false, true) => "- ",
            (false, false) => "+ ",
        };
        let size = coefficient.abs();
        if size == 1.0 {
            self.add(format_args!(" {sign}{name}"));
        } else {
            self.add(format_args!(" {sign}{} {name}", Shortest(size)));
        }
    }
}

fn objective(
    program: &LinearProgram,
    columns: &[Cow<'_, str>],
    lines: &mut Lines,
    warnings: &mut Vec<String>,
) {
    lines.add(format_args!("{}\n", if program.sense() == Sense::Maximise { "Maximize" } else { "Minimize" }));
    let name = program.objective_name();
    if is_writable(name) {
        lines.add(format_args!(" {name}:"));
    } else if !name.is_empty() {
        warnings.push(format!("the objective's name {name:?} cannot stand in an LP file: it is left out"));
    }
    for (column, name) in columns.iter().enumerate() {
        lines.add_term(column == 0, program.costs()[column], name);
    }
    let constant = program.objective_constant();
    if constant != 0.0 || columns.is_empty() {
        let sign = if constant < 0.0 { '-' } else { '+' };
        lines.add(format_args!(" {sign} {}", Shortest(constant.abs())));
    }
    lines.add(format_args!("\n"));
}

fn one_row(
    name: &str,
    bounds: Bounds,
    entries: impl Iterator<Item = (usize, f64)>,
    columns: &[Cow<'_, str>],
    lines: &mut Lines,
) {
    let Bounds { lower, upper } = bounds;
    lines.add(format_args!(" {name}:"));
    let two_sided = lower.is_finite() && upper.is_finite() && lower != upper;
    if two_sided {
        lines.add(format_args!(" {} <=", Shortest(lower)));
    }
    let mut first = true;
    for (column, value) in entries {
        lines.add_term(first, value, &columns[column]);
        first = false;
    }
    if first {
        // An empty row: other readers want a variable, and a coefficient of 0 makes no entry.
        match columns.first() {
            Some(name) => lines.add_term(true, 0.0, name),
            None => lines.add(format_args!(" 0")),
        }
    }
    match (lower.is_finite(), upper.is_finite()) {
        (false, false) => lines.add(format_args!(" >= -infinity\n")),
        (true, false) => lines.add(format_args!(" >= {}\n", Shortest(lower))),
        (true, true) if !two_sided => lines.add(format_args!(" = {}\n", Shortest(upper))),
        (_, true) => lines.add(format_args!(" <= {}\n", Shortest(upper))),
    }
}

fn bounds(program: &LinearProgram, columns: &[Cow<'_, str>], lines: &mut Lines) {
    lines.add(format_args!("Bounds\n"));
    for (column, name) in columns.iter().enumerate() {
        let bounds = program.column_bounds(column);
        let (lower, upper) = (Shortest(bounds.lower), Shortest(bounds.upper));
        match (bounds.lower, bounds.upper) {
            _ if bounds.is_free() => lines.add(format_args!(" {name} free\n")),
            _ if bounds.is_fixed() => lines.add(format_args!(" {name} = {lower}\n")),
            (0.0, f64::INFINITY) => {}
            (_, f64::INFINITY) => lines.add(format_args!(" {name} >= {lower}\n")),
            (f64::NEG_INFINITY, _) => lines.add(format_args!(" -infinity <= {name} <= {upper}\n")),
            (_, 0.0..) if bounds.lower == 0.0 => lines.add(format_args!(" {name} <= {upper}\n")),
            _ => lines.add(format_args!(" {lower} <= {name} <= {upper}\n")),
        }
    }
}

/// The names as they can stand in the file; those that cannot are replaced.
fn names<'a>(
    part: Part,
    letter: char,
    mut names: Vec<Cow<'a, str>>,
    warnings: &mut Vec<String>,
) -> Vec<Cow<'a, str>> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut replaced = Vec::new();
    for (index, name) in names.iter().enumerate() {
        // Of two with the same name the first keeps it.
        if !is_writable(name) || !taken.insert(name.to_string()) {
            replaced.push(index);
        }
    }
    let Some(&first) = replaced.first() else { return names };
    let first_name = names[first].to_string();
    for &index in &replaced {
        let mut name = format!("{letter}{}", index + 1);
        while !taken.insert(name.clone()) {
            name.push('_');
        }
        names[index] = name.into();
    }
    warnings.push(format!(
        "{} of {} {part} names cannot stand in an LP file, or stand twice, and are replaced; the first is {first_name:?}, now {:?}",
        replaced.len(),
        names.len(),
        names[first]
    ));
    names
}
