//! Reading the LP format: a parser that looks one token ahead.

use super::super::bounds::Bounds;
use super::super::model::{LinearProgram, Sense};
use super::super::number::with_infinity;
use super::super::program_file::{ProgramFile, Warnings};
use super::super::read_error::{Misread, ReadProblem, excerpt};
use super::expression::{Expression, Extent};
use super::lexer::{Comparison, Lexer, Section, Token, is_infinity};
use std::collections::{HashMap, HashSet};

/// The comment that names the program.
pub(super) const PROGRAM_NAME: &str = "\\Problem name:";

/// Reads a whole text.
pub(super) fn read(text: &[u8]) -> Result<ProgramFile, Misread> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut parser = Parser {
        lexer: Lexer::new(text),
        section: Section::Start,
        program: LinearProgram::new(Sense::Minimise),
        columns: HashMap::new(),
        row_names: HashSet::new(),
        bounds: Vec::new(),
        statement: 0,
        last_statement: Vec::new(),
        place: None,
        warnings: Warnings::default(),
    };
    if let Some(rest) = text.trim_ascii_start().strip_prefix(PROGRAM_NAME.as_bytes()) {
        let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
        // A comment may be in any encoding: it names the program if it can.
        parser.program.set_name(str::from_utf8(line.trim_ascii()).unwrap_or_default());
    }
    match parser.read() {
        Ok(()) => Ok(parser.finish()),
        Err(problem) => {
            let line = parser.place.unwrap_or(parser.lexer.line);
            Err(Misread { line, section: parser.section.name(), problem })
        }
    }
}

/// What Bounds and the sections after it said of a column.
#[derive(Debug, Clone, Copy, Default)]
struct Said {
    lower: bool,
    upper: bool,
    integer: bool,
}

pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    section: Section,
    program: LinearProgram,
    columns: HashMap<&'a [u8], usize>,
    row_names: HashSet<&'a [u8]>,
    bounds: Vec<Said>,
    /// The objective is 0, the rows count from 1: which of them each column stood in last, to find terms that stand twice.
    statement: usize,
    last_statement: Vec<usize>,
    /// The line of an error that shows only after the lexer has gone on.
    place: Option<u64>,
    warnings: Warnings,
}

impl<'a> Parser<'a> {
    fn read(&mut self) -> Result<(), ReadProblem> {
        self.lexer.advance()?;
        let Token::Section(section @ Section::Objective { maximise }) = self.lexer.token else {
            if self.lexer.token == Token::EndOfFile {
                return Err(ReadProblem::EndsEarly { expected: "Minimize or Maximize" });
            }
            return Err(self.expected("Minimize or Maximize"));
        };
        self.section = section;
        self.program.set_sense(if maximise { Sense::Maximise } else { Sense::Minimise });
        self.lexer.advance()?;
        self.objective()?;
        let mut has_rows = false;
        loop {
            match self.lexer.token {
                Token::Section(Section::End) => {
                    self.section = Section::End;
                    if !self.lexer.is_at_end() {
                        let line = self.lexer.line;
                        self.warnings.add(|| format!("line {line}: what stands after End is not read"));
                    }
                    return Ok(());
                }
                Token::Section(Section::Rows) if std::mem::replace(&mut has_rows, true) => {
                    return Err(ReadProblem::Repeated { what: "section", name: excerpt(self.lexer.found) });
                }
                Token::Section(section) => {
                    self.section = section;
                    self.lexer.advance()?;
                }
                Token::EndOfFile => return Err(ReadProblem::EndsEarly { expected: "End" }),
                _ => match self.section {
                    Section::Rows => self.row()?,
                    Section::Bounds => self.bound()?,
                    Section::Integers | Section::Binaries => self.integer()?,
                    _ => return Err(self.expected("a term with its sign, or the section Subject To")),
                },
            }
        }
    }

    /// What was expected at the current token.
    pub(super) fn expected(&self, expected: &'static str) -> ReadProblem {
        match self.lexer.token {
            Token::EndOfFile => ReadProblem::EndsEarly { expected },
            _ => ReadProblem::Expected { expected, found: excerpt(self.lexer.found) },
        }
    }

    /// The column of a name, which is a new one if its name is.
    pub(super) fn column_of_current_name(&mut self, name: &'a [u8]) -> Result<usize, ReadProblem> {
        if is_infinity(name) {
            return Err(self.expected("the name of a variable"));
        }
        if let Some(&column) = self.columns.get(name) {
            return Ok(column);
        }
        let column = self.program.add_column(0.0, Bounds::NON_NEGATIVE, [])?;
        self.program.set_column_name(column, text(name))?;
        self.columns.insert(name, column);
        self.bounds.push(Said::default());
        self.last_statement.push(usize::MAX);
        Ok(column)
    }

    fn label(&mut self) -> Result<Option<&'a [u8]>, ReadProblem> {
        let Token::Label(label) = self.lexer.token else { return Ok(None) };
        self.lexer.advance()?;
        Ok(Some(label))
    }

    fn objective(&mut self) -> Result<(), ReadProblem> {
        let line = self.lexer.line;
        if let Some(label) = self.label()? {
            self.program.set_objective_name(text(label));
        }
        let sum = self.expression(Extent::Lines)?;
        self.warn_of_repeated(&sum.terms, line);
        self.place = Some(line);
        for (column, cost) in sum.terms {
            self.program.set_cost(column, self.program.costs()[column] + cost)?;
        }
        self.program.set_objective_constant(sum.constant)?;
        self.place = None;
        Ok(())
    }

    fn row(&mut self) -> Result<(), ReadProblem> {
        let line = self.lexer.line;
        self.statement += 1;
        let label = self.label()?;
        if let Some(label) = label
            && !self.row_names.insert(label)
        {
            self.place = Some(line);
            return Err(ReadProblem::Repeated { what: "the row", name: excerpt(label) });
        }
        let left = self.sum(Extent::Lines)?;
        let comparison = self.comparison()?;
        let right = self.sum(if left.terms.is_empty() { Extent::Lines } else { Extent::OneLine })?;
        let (terms, bounds) = if matches!(self.lexer.token, Token::Comparison(_)) {
            if !left.terms.is_empty() {
                return Err(self.expected("one comparison only, since the left side has variables"));
            }
            self.check_same_comparison(comparison)?;
            self.lexer.advance()?;
            let third = self.sum(Extent::OneLine)?;
            if !third.terms.is_empty() {
                self.place = Some(line);
                return Err(self.expected("no variables behind the second comparison"));
            }
            let first = with_infinity(left.constant - right.constant);
            let last = with_infinity(third.constant - right.constant);
            let bounds = if comparison == Comparison::AtMost {
                Bounds::between(first, last)
            } else {
                Bounds::between(last, first)
            };
            (right.terms, bounds)
        } else if left.terms.is_empty() && !right.terms.is_empty() {
            (right.terms, compared(turned(comparison), with_infinity(left.constant - right.constant)))
        } else {
            let moved = right.terms.into_iter().map(|(column, coefficient)| (column, -coefficient));
            let terms = left.terms.into_iter().chain(moved).collect();
            (terms, compared(comparison, with_infinity(right.constant - left.constant)))
        };
        self.add_row(line, label, terms, bounds)
    }

    fn add_row(
        &mut self,
        line: u64,
        label: Option<&'a [u8]>,
        mut terms: Vec<(usize, f64)>,
        bounds: Bounds,
    ) -> Result<(), ReadProblem> {
        terms.retain(|&(_, coefficient)| coefficient != 0.0);
        self.warn_of_repeated(&terms, line);
        self.place = Some(line);
        let row = self.program.add_row(bounds, terms)?;
        if let Some(label) = label {
            self.program.set_row_name(row, text(label))?;
        }
        self.place = None;
        Ok(())
    }

    /// An expression that must not be empty.
    fn sum(&mut self, extent: Extent) -> Result<Expression, ReadProblem> {
        let sum = self.expression(extent)?;
        if sum.count == 0 { Err(self.expected("a number or a name")) } else { Ok(sum) }
    }

    fn comparison(&mut self) -> Result<Comparison, ReadProblem> {
        let Token::Comparison(comparison) = self.lexer.token else {
            return Err(self.expected("a comparison (<=, >=, =), or a term with its sign"));
        };
        self.lexer.advance()?;
        Ok(comparison)
    }

    fn check_same_comparison(&self, first: Comparison) -> Result<(), ReadProblem> {
        if first != Comparison::Equal && self.lexer.token == Token::Comparison(first) {
            return Ok(());
        }
        Err(self.expected("two comparisons of the same direction"))
    }

    fn warn_of_repeated(&mut self, terms: &[(usize, f64)], line: u64) {
        for &(column, _) in terms {
            if std::mem::replace(&mut self.last_statement[column], self.statement) == self.statement {
                let name = self.program.column_name(column);
                self.warnings.add(|| {
                    format!("line {line}: {name:?} stands twice in one row or objective: its coefficients are summed")
                });
            }
        }
    }

    /// The column that the current token names; it must be known already.
    fn known_column(&mut self) -> Result<usize, ReadProblem> {
        let Token::Name(name) = self.lexer.token else {
            return Err(self.expected("the name of a variable"));
        };
        match self.columns.get(name) {
            Some(&column) => {
                self.lexer.advance()?;
                Ok(column)
            }
            None => Err(ReadProblem::Unknown { part: "column", name: excerpt(name) }),
        }
    }

    /// A number with its sign.
    fn number(&mut self) -> Result<f64, ReadProblem> {
        let sign = self.signs()?;
        let number = match self.lexer.token {
            Token::Number(number) => number,
            Token::Name(name) if is_infinity(name) => f64::INFINITY,
            _ => return Err(self.expected("a number")),
        };
        self.lexer.advance()?;
        Ok(with_infinity(sign * number))
    }

    fn bound(&mut self) -> Result<(), ReadProblem> {
        let line = self.lexer.line;
        match self.lexer.token {
            Token::Name(name) if !is_infinity(name) => {
                let column = self.known_column()?;
                if let Token::Name(word) = self.lexer.token
                    && word.eq_ignore_ascii_case(b"free")
                {
                    self.lexer.advance()?;
                    self.set_bounds(line, column, Some(f64::NEG_INFINITY), Some(f64::INFINITY))
                } else {
                    let comparison = self.comparison()?;
                    let number = self.number()?;
                    self.compare(line, column, comparison, number)
                }
            }
            _ => {
                let number = self.number()?;
                let comparison = self.comparison()?;
                let column = self.known_column()?;
                self.compare(line, column, turned(comparison), number)?;
                if matches!(self.lexer.token, Token::Comparison(_)) {
                    self.check_same_comparison(comparison)?;
                    self.lexer.advance()?;
                    let number = self.number()?;
                    self.compare(line, column, comparison, number)?;
                }
                Ok(())
            }
        }
    }

    fn compare(
        &mut self,
        line: u64,
        column: usize,
        comparison: Comparison,
        number: f64,
    ) -> Result<(), ReadProblem> {
        let lower = (comparison != Comparison::AtMost).then_some(number);
        let upper = (comparison != Comparison::AtLeast).then_some(number);
        self.set_bounds(line, column, lower, upper)
    }

    fn set_bounds(
        &mut self,
        line: u64,
        column: usize,
        lower: Option<f64>,
        upper: Option<f64>,
    ) -> Result<(), ReadProblem> {
        let before = self.program.column_bounds(column);
        let bounds = Bounds::between(lower.unwrap_or(before.lower), upper.unwrap_or(before.upper));
        self.place = Some(line);
        self.program.set_column_bounds(column, bounds)?;
        self.place = None;
        let said = &mut self.bounds[column];
        let again = (lower.is_some() && said.lower) || (upper.is_some() && said.upper);
        said.lower |= lower.is_some();
        said.upper |= upper.is_some();
        if again {
            let name = self.program.column_name(column);
            self.warnings.add(|| format!("line {line}: {name:?} has this bound already: the last one holds"));
        }
        Ok(())
    }

    /// A name in General or Binary.
    fn integer(&mut self) -> Result<(), ReadProblem> {
        let line = self.lexer.line;
        let column = self.known_column()?;
        self.bounds[column].integer = true;
        if self.section == Section::Binaries {
            self.set_bounds(line, column, Some(0.0), Some(1.0))?;
        }
        Ok(())
    }

    fn finish(mut self) -> ProgramFile {
        for (column, said) in self.bounds.iter().enumerate() {
            let upper = self.program.column_bounds(column).upper;
            if !said.lower && upper < 0.0 {
                let name = self.program.column_name(column);
                self.warnings.add(|| {
                    format!("{name:?} has the upper bound {upper}, and the lower one of 0 that it has where none is said")
                });
            }
        }
        let integer = self.bounds.iter().enumerate().filter(|(_, said)| said.integer);
        ProgramFile {
            integer_columns: integer.map(|(column, _)| column).collect(),
            program: self.program,
            warnings: self.warnings.into_list(),
        }
    }
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::AtLeast => Comparison::AtMost,
        Comparison::Equal => Comparison::Equal,
    }
}

fn compared(comparison: Comparison, side: f64) -> Bounds {
    match comparison {
        Comparison::AtMost => Bounds::at_most(side),
        Comparison::AtLeast => Bounds::at_least(side),
        Comparison::Equal => Bounds::equal(side),
    }
}

/// A name as the lexer lets it through: ASCII.
fn text(name: &[u8]) -> &str {
    str::from_utf8(name).unwrap_or_default()
}
