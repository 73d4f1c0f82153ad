//! Reading MPS, line by line.

use super::super::bounds::Bounds;
use super::super::model::{LinearProgram, Sense};
use super::super::number::{self, with_infinity};
use super::super::program_file::{ProgramFile, Warnings};
use super::super::read_error::{Misread, ReadProblem, excerpt};
use super::bound::ColumnBounds;
use super::fields::{Fields, FieldsOf, Layout, expected, fixed, free, needs_no_number};
use super::section::Section;
use super::sides::{Kind, Sides};
use std::collections::HashMap;

/// Reads a whole text.
pub(super) fn read(text: &[u8], layout: Layout) -> Result<ProgramFile, Misread> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = Reader::new(layout);
    let mut lines = text.split(|&byte| byte == b'\n');
    while reader.section != Section::End {
        // The last piece is empty if the file ends with a line feed: it is not a line, but ending there is an error anyway.
        let Some(line) = lines.next() else {
            return Err(reader.misread(ReadProblem::EndsEarly { expected: "ENDATA" }));
        };
        reader.line += 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        reader.take(line).map_err(|problem| reader.misread(problem))?;
    }
    if lines.any(|line| !line.trim_ascii().is_empty() && line != b"\x1a") {
        reader.warn(|| "what stands after ENDATA is not read".into());
    }
    reader.finish()
}

/// What a row's name stands for.
#[derive(Debug, Clone, Copy)]
enum Place {
    Objective,
    Row(usize),
}

/// The column whose lines are being read.
#[derive(Debug)]
struct Column<'a> {
    name: &'a [u8],
    line: u64,
    cost: Option<f64>,
    entries: Vec<(usize, f64)>,
}

#[derive(Debug)]
struct Reader<'a> {
    layout: Layout,
    line: u64,
    section: Section,
    seen: Vec<Section>,
    /// A header whose word may stand on the next line has come without it.
    awaits_word: bool,
    program: LinearProgram,
    warnings: Warnings,
    objective_name: Option<&'a [u8]>,
    objective: Option<&'a [u8]>,
    row_kinds: Vec<(&'a [u8], Kind, u64)>,
    rows: HashMap<&'a [u8], Place>,
    sides: Vec<Sides>,
    /// The column that last had an entry in each row, to find entries that stand twice.
    last_column: Vec<usize>,
    columns: HashMap<&'a [u8], usize>,
    column: Option<Column<'a>>,
    inside_integer_markers: bool,
    bounds: Vec<ColumnBounds>,
    right_hand_side_set: Option<&'a [u8]>,
    range_set: Option<&'a [u8]>,
    bound_set: Option<&'a [u8]>,
    sets_left_out: Vec<(Section, &'a [u8])>,
    objective_has_side: bool,
}

impl<'a> Reader<'a> {
    fn new(layout: Layout) -> Self {
        Self {
            layout,
            line: 0,
            section: Section::Start,
            seen: Vec::new(),
            awaits_word: false,
            program: LinearProgram::new(Sense::Minimise),
            warnings: Warnings::default(),
            objective_name: None,
            objective: None,
            row_kinds: Vec::new(),
            rows: HashMap::new(),
            sides: Vec::new(),
            last_column: Vec::new(),
            columns: HashMap::new(),
            column: None,
            inside_integer_markers: false,
            bounds: Vec::new(),
            right_hand_side_set: None,
            range_set: None,
            bound_set: None,
            sets_left_out: Vec::new(),
            objective_has_side: false,
        }
    }

    fn misread(&self, problem: ReadProblem) -> Misread {
        Misread { line: self.line, section: self.section.name(), problem }
    }

    fn warn(&mut self, warning: impl FnOnce() -> String) {
        let line = self.line;
        self.warnings.add(|| format!("line {line}: {}", warning()));
    }

    /// Takes in one line.
    fn take(&mut self, line: &'a [u8]) -> Result<(), ReadProblem> {
        if line.first() == Some(&b'*') || line.trim_ascii().is_empty() {
            return Ok(());
        }
        if self.awaits_word {
            // The word may begin in the first column, where headers do.
            if self.section == Section::ObjectiveSense || line[0].is_ascii_whitespace() {
                self.awaits_word = false;
                return self.take_word(line.trim_ascii());
            }
            return Err(expected("the name of the objective", line));
        }
        if !line[0].is_ascii_whitespace() {
            return self.take_header(line);
        }
        match self.section {
            Section::Rows => self.take_row(line),
            Section::Columns => self.take_column(line),
            Section::RightHandSides | Section::Ranges => self.take_sides(line),
            Section::Bounds => self.take_bound(line),
            _ => Err(expected("the header of a section", line.trim_ascii())),
        }
    }

    fn take_header(&mut self, line: &'a [u8]) -> Result<(), ReadProblem> {
        let word = first_word(line);
        let section = Section::of_header(word)?;
        let rest = line[word.len()..].trim_ascii();
        if self.seen.contains(&section) {
            return Err(ReadProblem::Repeated { what: "section", name: section.name().into() });
        }
        let needed = match section {
            Section::Columns => Some((Section::Rows, "the section ROWS before this one")),
            Section::RightHandSides | Section::Ranges | Section::Bounds | Section::End => {
                Some((Section::Columns, "the section COLUMNS before this one"))
            }
            _ => None,
        };
        if let Some((needed, text)) = needed
            && !self.seen.contains(&needed)
        {
            return Err(expected(text, word));
        }
        self.leave_section()?;
        if section == Section::Columns {
            self.section = Section::Rows; // where errors in rows belong, even if OBJNAME stands between
            self.make_rows()?;
        }
        self.seen.push(section);
        self.section = section;
        match section {
            Section::Name => self.program.set_name(text(first_word(rest))?),
            Section::ObjectiveSense | Section::ObjectiveName => {
                if section == Section::ObjectiveName && self.seen.contains(&Section::Columns) {
                    return Err(expected("OBJNAME before the section COLUMNS", word));
                }
                self.awaits_word = rest.is_empty();
                if !rest.is_empty() {
                    self.take_word(rest)?;
                }
            }
            Section::End => {}
            _ if !rest.is_empty() => return Err(expected("nothing after the header of a section", rest)),
            _ => {}
        }
        Ok(())
    }

    /// Ends the section before a new one begins.
    fn leave_section(&mut self) -> Result<(), ReadProblem> {
        if self.section == Section::Columns {
            self.end_column()?;
            if self.inside_integer_markers {
                self.warn(|| {
                    "the marker 'INTORG' has no 'INTEND': the columns to the end are integer".into()
                });
            }
        }
        Ok(())
    }

    /// The word of OBJSENSE or OBJNAME.
    fn take_word(&mut self, word: &'a [u8]) -> Result<(), ReadProblem> {
        if self.section == Section::ObjectiveName {
            self.objective_name = Some(word);
            return Ok(());
        }
        let is = |words: [&str; 4]| words.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
        if is(["MAX", "MAXIMIZE", "MAXIMISE", "MAXIMUM"]) {
            self.program.set_sense(Sense::Maximise);
        } else if !is(["MIN", "MINIMIZE", "MINIMISE", "MINIMUM"]) {
            return Err(expected("MAX or MIN", word));
        }
        Ok(())
    }

    fn fields(&self, line: &'a [u8], of: FieldsOf) -> Result<Fields<'a>, ReadProblem> {
        match self.layout {
            Layout::Fixed => fixed(line),
            Layout::Free => free(line, of, |name| self.columns.contains_key(name)),
        }
    }

    fn take_row(&mut self, line: &'a [u8]) -> Result<(), ReadProblem> {
        let [code, name, rest @ ..] = self.fields(line, FieldsOf::Rows)?;
        let kind = Kind::of(code).ok_or_else(|| expected("the kind of a row: N, L, G or E", code))?;
        if let Some(more) = rest.iter().find(|field| !field.is_empty()) {
            return Err(expected("nothing after the name of the row", more));
        }
        if name.is_empty() {
            return Err(expected("the name of a row", line.trim_ascii()));
        }
        self.row_kinds.push((name, kind, self.line));
        Ok(())
    }

    /// Makes the rows, once it is known which of them is the objective.
    fn make_rows(&mut self) -> Result<(), ReadProblem> {
        let row_kinds = std::mem::take(&mut self.row_kinds);
        let wanted = self.objective_name;
        let line_of_section = self.line;
        for &(name, kind, line) in &row_kinds {
            self.line = line;
            let place = if kind == Kind::Free
                && self.objective.is_none()
                && wanted.is_none_or(|wanted| wanted == name)
            {
                self.objective = Some(name);
                self.program.set_objective_name(text(name)?);
                Place::Objective
            } else {
                let row = self.program.add_row(Bounds::FREE, [])?;
                self.program.set_row_name(row, text(name)?)?;
                self.sides.push(Sides::new(kind));
                Place::Row(row)
            };
            if self.rows.insert(name, place).is_some() {
                return Err(ReadProblem::Repeated { what: "the row", name: excerpt(name) });
            }
        }
        self.line = line_of_section;
        match (wanted, self.objective) {
            (Some(wanted), None) => {
                return Err(ReadProblem::Unknown { part: "N row for the objective", name: excerpt(wanted) });
            }
            (None, None) => self.warn(|| "there is no N row: the objective is 0".into()),
            _ => {}
        }
        self.last_column = vec![usize::MAX; self.sides.len()];
        Ok(())
    }

    fn take_column(&mut self, line: &'a [u8]) -> Result<(), ReadProblem> {
        if line.contains(&b'\'') && self.take_marker(line)? {
            return Ok(());
        }
        let [_, name, pairs @ ..] = self.fields(line, FieldsOf::Columns)?;
        if self.column.as_ref().is_none_or(|column| column.name != name) {
            self.end_column()?;
            if name.is_empty() {
                return Err(expected("the name of a column", line.trim_ascii()));
            }
            if self.columns.insert(name, self.program.columns()).is_some() {
                return Err(ReadProblem::Repeated { what: "the column", name: excerpt(name) });
            }
            self.column = Some(Column { name, line: self.line, cost: None, entries: Vec::new() });
        }
        self.pairs(pairs, Self::add_entry)
    }

    /// Hands each pair of a row and a number on. The second pair may be missing.
    fn pairs(
        &mut self,
        [first_row, first_number, second_row, second_number]: [&'a [u8]; 4],
        mut add: impl FnMut(&mut Self, &'a [u8], Place, &'a [u8]) -> Result<(), ReadProblem>,
    ) -> Result<(), ReadProblem> {
        for (first, row, number) in [(true, first_row, first_number), (false, second_row, second_number)] {
            if !first && row.is_empty() && number.is_empty() {
                break;
            }
            if row.is_empty() {
                return Err(expected("the name of a row", row));
            }
            let place = *self
                .rows
                .get(row)
                .ok_or_else(|| ReadProblem::Unknown { part: "row", name: excerpt(row) })?;
            add(self, row, place, number)?;
        }
        Ok(())
    }

    fn add_entry(&mut self, row_name: &'a [u8], place: Place, number: &'a [u8]) -> Result<(), ReadProblem> {
        let value = finite(number)?;
        let current = self.program.columns();
        let Some(column) = &mut self.column else { return Ok(()) };
        let again = match place {
            Place::Objective => column.cost.replace(value + column.cost.unwrap_or(0.0)).is_some(),
            Place::Row(row) => {
                column.entries.push((row, value));
                std::mem::replace(&mut self.last_column[row], current) == current
            }
        };
        if again {
            let name = excerpt(column.name);
            self.warn(|| {
                format!(
                    "column {name:?} has another coefficient in row {:?}: they are summed",
                    excerpt(row_name)
                )
            });
        }
        Ok(())
    }

    /// The lines around integer columns: a name, `'MARKER'` and `'INTORG'` or `'INTEND'`, somewhere on the line.
    fn take_marker(&mut self, line: &'a [u8]) -> Result<bool, ReadProblem> {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
        if words.next() != Some(b"'MARKER'") {
            return Ok(false);
        }
        let word = words.next().unwrap_or_default();
        self.end_column()?;
        self.inside_integer_markers = match word {
            b"'INTORG'" => true,
            b"'INTEND'" => false,
            b"'SOSORG'" | b"'SOSEND'" => {
                return Err(ReadProblem::Unsupported { what: "a special ordered set", found: excerpt(word) });
            }
            _ => return Err(expected("'INTORG' or 'INTEND'", word)),
        };
        Ok(true)
    }

    fn end_column(&mut self) -> Result<(), ReadProblem> {
        let Some(Column { name, line, cost, entries }) = self.column.take() else { return Ok(()) };
        let line_of_reader = std::mem::replace(&mut self.line, line);
        let column = self.program.add_column(cost.unwrap_or(0.0), Bounds::NON_NEGATIVE, entries)?;
        self.program.set_column_name(column, text(name)?)?;
        self.bounds.push(ColumnBounds::new(self.inside_integer_markers));
        self.line = line_of_reader;
        Ok(())
    }

    /// A line of RHS or RANGES.
    fn take_sides(&mut self, line: &'a [u8]) -> Result<(), ReadProblem> {
        let [_, set, pairs @ ..] = self.fields(line, FieldsOf::Sides)?;
        if self.section == Section::RightHandSides {
            let first = *self.right_hand_side_set.get_or_insert(set);
            if !self.leaves_out(first, set) {
                return self.pairs(pairs, Self::set_right_hand_side);
            }
        } else {
            let first = *self.range_set.get_or_insert(set);
            if !self.leaves_out(first, set) {
                return self.pairs(pairs, Self::set_range);
            }
        }
        Ok(())
    }

    /// Whether a line belongs to a set that is not the first of its section; says so once for each set.
    fn leaves_out(&mut self, first: &'a [u8], set: &'a [u8]) -> bool {
        if first == set {
            return false;
        }
        let left_out = (self.section, set);
        if self.sets_left_out.last() != Some(&left_out) && !self.sets_left_out.contains(&left_out) {
            // So many sets are none that someone wrote: the list stays short, and the search in it with it.
            if self.sets_left_out.len() < 100 {
                self.sets_left_out.push(left_out);
            }
            let section = self.section.name();
            self.warn(|| {
                format!(
                    "{section} has another set {:?}: only the first, {:?}, is used",
                    excerpt(set),
                    excerpt(first)
                )
            });
        }
        true
    }

    fn set_right_hand_side(
        &mut self,
        name: &'a [u8],
        place: Place,
        number: &'a [u8],
    ) -> Result<(), ReadProblem> {
        let again = match place {
            Place::Objective => {
                self.program.set_objective_constant(0.0 - finite(number)?)?;
                std::mem::replace(&mut self.objective_has_side, true)
            }
            Place::Row(row) => {
                let side = (with_infinity(value(number)?), self.line);
                self.sides[row].right_hand_side.replace(side).is_some()
            }
        };
        if again {
            return Err(ReadProblem::Repeated { what: "the right-hand side of row", name: excerpt(name) });
        }
        if let Place::Row(row) = place
            && self.sides[row].kind == Kind::Free
        {
            self.warn(|| format!("row {:?} is an N row: its right-hand side has no meaning", excerpt(name)));
        }
        Ok(())
    }

    fn set_range(&mut self, name: &'a [u8], place: Place, number: &'a [u8]) -> Result<(), ReadProblem> {
        let range = (value(number)?, self.line);
        match place {
            Place::Row(row) if self.sides[row].kind != Kind::Free => {
                if self.sides[row].range.replace(range).is_some() {
                    return Err(ReadProblem::Repeated { what: "the range of row", name: excerpt(name) });
                }
            }
            _ => self.warn(|| format!("row {:?} is an N row: its range has no meaning", excerpt(name))),
        }
        Ok(())
    }

    fn take_bound(&mut self, line: &'a [u8]) -> Result<(), ReadProblem> {
        let [kind, set, name, number, rest @ ..] = self.fields(line, FieldsOf::Bounds)?;
        if let Some(more) = rest.iter().find(|field| !field.is_empty()) {
            return Err(expected("nothing after the bound", more));
        }
        let first = *self.bound_set.get_or_insert(set);
        if self.leaves_out(first, set) {
            return Ok(());
        }
        if name.is_empty() {
            return Err(expected("the name of a column", name));
        }
        let Some(&column) = self.columns.get(name) else {
            return Err(ReadProblem::Unknown { part: "column", name: excerpt(name) });
        };
        let number = if needs_no_number(kind) { b"" } else { number };
        if self.bounds[column].set(kind, number, number::parse(number))? {
            self.warn(|| format!("column {:?} has this bound already: the last one holds", excerpt(name)));
        }
        Ok(())
    }

    /// What can be said only once all lines are there.
    fn finish(mut self) -> Result<ProgramFile, Misread> {
        let line_of_end = self.line;
        for row in 0..self.sides.len() {
            let (bounds, line) = (self.sides[row].bounds(), self.sides[row].line());
            self.program.set_row_bounds(row, bounds).map_err(|error| {
                let section =
                    if self.sides[row].range.is_some() { Section::Ranges } else { Section::RightHandSides };
                Misread { line, section: section.name(), problem: error.into() }
            })?;
        }
        let mut binary = 0;
        for column in 0..self.bounds.len() {
            let said = self.bounds[column];
            let mut bounds = said.resolved();
            if said.opens_downwards() {
                let name = self.program.column_name(column).into_owned();
                self.warnings.add(|| {
                    format!(
                        "column {name:?} has the upper bound {} and no lower one: it has none, then",
                        bounds.upper
                    )
                });
            }
            if said.integer && said.is_open() {
                bounds.upper = 1.0;
                binary += 1;
            }
            let set = self.program.set_column_bounds(column, bounds);
            set.map_err(|error| Misread { line: line_of_end, section: "BOUNDS", problem: error.into() })?;
        }
        if binary > 0 {
            self.warnings.add(|| format!("{binary} integer columns have no bounds: they lie in [0, 1]"));
        }
        let integer = self.bounds.iter().enumerate().filter(|(_, said)| said.integer);
        Ok(ProgramFile {
            integer_columns: integer.map(|(column, _)| column).collect(),
            program: self.program,
            warnings: self.warnings.into_list(),
        })
    }
}

fn first_word(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii_start();
    &line[..line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len())]
}

fn text(name: &[u8]) -> Result<&str, ReadProblem> {
    std::str::from_utf8(name).map_err(|_| ReadProblem::NotUtf8 { text: excerpt(name) })
}

fn value(number: &[u8]) -> Result<f64, ReadProblem> {
    if number.is_empty() {
        return Err(expected("a number", number));
    }
    number::parse(number).ok_or_else(|| ReadProblem::Number { text: excerpt(number) })
}

fn finite(number: &[u8]) -> Result<f64, ReadProblem> {
    let value = value(number)?;
    if value.is_finite() {
        return Ok(value);
    }
    Err(ReadProblem::Range {
        text: excerpt(number),
        requirement: "infinite: only bounds and right-hand sides may be",
    })
}
