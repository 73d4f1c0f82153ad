//! Writing MPS.

use super::super::bounds::Bounds;
use super::super::error::Part;
use super::super::model::{LinearProgram, Sense};
use super::super::number::Shortest;
use super::super::write_error::{WriteError, check_bounds};
use super::fields::Layout;
use std::collections::HashSet;
use std::fmt::Write;

/// The names of the three sets. Every line has them: then its fields cannot be taken for others.
const SETS: [&str; 3] = ["RHS", "RANGES", "BOUNDS"];

/// The whole file, and warnings.
pub(super) fn text(program: &LinearProgram) -> Result<(String, Vec<String>), WriteError> {
    let names = Names::of(program)?;
    let lines = Lines { text: String::new(), layout: names.layout };
    let mut writer = Writer { program, names, lines, warnings: Vec::new() };
    writer.head();
    let sides = writer.rows()?;
    writer.columns();
    writer.sides(&sides);
    writer.bounds()?;
    writer.lines.add(format_args!("ENDATA"));
    Ok((writer.lines.text, writer.warnings))
}

/// The names as they will stand in the file.
pub(super) struct Names {
    pub layout: Layout,
    objective: String,
    pub rows: Vec<String>,
    pub columns: Vec<String>,
}

impl Names {
    pub fn of(program: &LinearProgram) -> Result<Self, WriteError> {
        let rows: Vec<String> = (0..program.rows()).map(|row| program.row_name(row).into_owned()).collect();
        let columns: Vec<String> =
            (0..program.columns()).map(|column| program.column_name(column).into_owned()).collect();
        let objective = program.objective_name();
        let everything = || rows.iter().chain(&columns).map(String::as_str).chain([objective]);
        let layout = if everything().any(|name| name.contains(' ')) { Layout::Fixed } else { Layout::Free };
        for (part, names) in [(Part::Row, &rows), (Part::Column, &columns)] {
            let mut taken = HashSet::new();
            for (index, name) in names.iter().enumerate() {
                let refused = |requirement| WriteError::Name { part, index, name: name.clone(), requirement };
                check_name(name, layout).map_err(refused)?;
                let is_objective = part == Part::Row && name == objective;
                if is_objective || !taken.insert(name) {
                    return Err(refused(
                        "another row (or the objective) or another column has the same name",
                    ));
                }
            }
        }
        let refused =
            |what, name: &str, requirement| WriteError::Title { what, name: name.into(), requirement };
        if !objective.is_empty() {
            check_name(objective, layout)
                .map_err(|requirement| refused("objective", objective, requirement))?;
        }
        if program.name().contains(|letter: char| letter.is_ascii_whitespace() || letter.is_ascii_control()) {
            return Err(refused("program", program.name(), "in an MPS file it must be one word"));
        }
        let objective = match objective {
            "" => free_name("OBJ", &rows),
            name => name.to_owned(),
        };
        Ok(Self { layout, objective, rows, columns })
    }
}

fn check_name(name: &str, layout: Layout) -> Result<(), &'static str> {
    if name.contains(|letter: char| letter.is_ascii_control()) {
        Err("a name must have no line feeds, tabs or other control characters")
    } else if name == "'MARKER'" {
        Err("this word marks integer columns")
    } else if layout == Layout::Fixed && (name.len() > 8 || name.trim_ascii() != name) {
        Err(
            "since some names have blanks inside, all must fit fixed columns: up to 8 bytes, no blank at either end",
        )
    } else {
        Ok(())
    }
}

/// A name that no row has: the word itself, or with a number behind it.
fn free_name(word: &str, rows: &[String]) -> String {
    let taken: HashSet<&str> = rows.iter().map(String::as_str).collect();
    let mut name = word.to_owned();
    let mut number = 1;
    while taken.contains(&name[..]) {
        number += 1;
        name = format!("{word}{number}");
    }
    name
}

/// What RHS and RANGES say of a row.
struct RowSides {
    code: char,
    right_hand_side: f64,
    range: Option<f64>,
}

/// The text so far.
struct Lines {
    text: String,
    layout: Layout,
}

impl Lines {
    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(line);
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
        self.text.push('\n');
    }

    /// Two names and a number, behind a code in BOUNDS.
    fn add_fields(&mut self, code: &str, first: &str, second: &str, number: Option<f64>) {
        let number = number.map_or(String::new(), |number| Shortest(number).to_string());
        match self.layout {
            Layout::Fixed => self.add(format_args!(" {code:<2} {first:<8}  {second:<8}  {number:>12}")),
            Layout::Free if code.is_empty() => self.add(format_args!("    {first} {second} {number}")),
            Layout::Free => self.add(format_args!(" {code} {first} {second} {number}")),
        }
    }
}

struct Writer<'a> {
    program: &'a LinearProgram,
    names: Names,
    lines: Lines,
    warnings: Vec<String>,
}

impl Writer<'_> {
    fn head(&mut self) {
        self.lines.add(format_args!("NAME          {}", self.program.name()));
        if self.program.sense() == Sense::Maximise {
            self.lines.add(format_args!("OBJSENSE\n    MAX"));
        }
    }

    /// The objective and the rows; what the later sections say of them.
    fn rows(&mut self) -> Result<Vec<RowSides>, WriteError> {
        self.lines.add(format_args!("ROWS"));
        self.lines.add(format_args!(" N  {}", self.names.objective));
        let mut all = Vec::with_capacity(self.program.rows());
        for row in 0..self.program.rows() {
            let bounds = self.program.row_bounds(row);
            check_bounds(Part::Row, row, bounds)?;
            if !bounds.is_consistent() {
                let Bounds { lower, upper } = bounds;
                let requirement = "MPS has no rows whose bounds contradict each other";
                return Err(WriteError::Bounds { part: Part::Row, index: row, lower, upper, requirement });
            }
            let sides = self.sides_of(row, bounds);
            self.lines.add(format_args!(" {}  {}", sides.code, self.names.rows[row]));
            all.push(sides);
        }
        Ok(all)
    }

    /// A row with two bounds is stored as one of them and the difference; the one is taken from which the other comes
    /// back without rounding.
    fn sides_of(&mut self, row: usize, Bounds { lower, upper }: Bounds) -> RowSides {
        let (code, right_hand_side, range) = match (lower.is_finite(), upper.is_finite()) {
            (false, false) => ('N', 0.0, None),
            (false, true) => ('L', upper, None),
            (true, false) => ('G', lower, None),
            (true, true) if lower == upper => ('E', lower, None),
            (true, true) => {
                let difference = upper - lower;
                let candidates = [difference, difference.next_up(), difference.next_down()];
                let from_below = candidates.into_iter().find(|range| lower + range == upper);
                let from_above = candidates.into_iter().find(|range| upper - range == lower);
                match (from_below, from_above) {
                    (_, Some(range)) => ('L', upper, Some(range)),
                    (Some(range), None) => ('G', lower, Some(range)),
                    (None, None) => {
                        let off = (upper - difference) - lower;
                        self.warnings.push(format!(
                            "row {row} ({}) will be read with a lower bound that is off by {off:e}: its bounds have no difference that gives both back",
                            self.names.rows[row]
                        ));
                        ('L', upper, Some(difference))
                    }
                }
            }
        };
        RowSides { code, right_hand_side, range }
    }

    fn columns(&mut self) {
        self.lines.add(format_args!("COLUMNS"));
        let Names { objective, rows, columns, .. } = &self.names;
        for (column, name) in columns.iter().enumerate() {
            let (cost, entries) = (self.program.costs()[column], self.program.column(column));
            // A column without coefficients is there all the same.
            if cost != 0.0 || entries.is_empty() {
                self.lines.add_fields("", name, objective, Some(cost));
            }
            for &(row, value) in entries {
                self.lines.add_fields("", name, &rows[row], Some(value));
            }
        }
    }

    fn sides(&mut self, all: &[RowSides]) {
        let [right_hand_sides, ranges, _] = SETS;
        self.lines.add(format_args!("RHS"));
        let constant = self.program.objective_constant();
        if constant != 0.0 {
            self.lines.add_fields("", right_hand_sides, &self.names.objective, Some(-constant));
        }
        for (row, sides) in all.iter().enumerate().filter(|(_, sides)| sides.right_hand_side != 0.0) {
            self.lines.add_fields("", right_hand_sides, &self.names.rows[row], Some(sides.right_hand_side));
        }
        let mut has_header = false;
        for (row, sides) in all.iter().enumerate() {
            let Some(range) = sides.range else { continue };
            if !std::mem::replace(&mut has_header, true) {
                self.lines.add(format_args!("RANGES"));
            }
            self.lines.add_fields("", ranges, &self.names.rows[row], Some(range));
        }
    }

    fn bounds(&mut self) -> Result<(), WriteError> {
        let mut has_header = false;
        for column in 0..self.program.columns() {
            let bounds = self.program.column_bounds(column);
            check_bounds(Part::Column, column, bounds)?;
            let lines = bound_lines(bounds);
            if lines.iter().flatten().next().is_some() && !std::mem::replace(&mut has_header, true) {
                self.lines.add(format_args!("BOUNDS"));
            }
            for (code, number) in lines.into_iter().flatten() {
                self.lines.add_fields(code, SETS[2], &self.names.columns[column], number);
            }
        }
        Ok(())
    }
}

/// One or two lines that say what is not said by silence.
fn bound_lines(bounds: Bounds) -> [Option<(&'static str, Option<f64>)>; 2] {
    let Bounds { lower, upper } = bounds;
    if bounds.is_free() {
        return [Some(("FR", None)), None];
    }
    if bounds.is_fixed() {
        return [Some(("FX", Some(lower))), None];
    }
    // A negative upper bound alone would take the lower one of 0 away.
    let lower_line = if lower == f64::NEG_INFINITY {
        Some(("MI", None))
    } else {
        (lower != 0.0 || upper < 0.0).then_some(("LO", Some(lower)))
    };
    [lower_line, (upper < f64::INFINITY).then_some(("UP", Some(upper)))]
}
