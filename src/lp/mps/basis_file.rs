//! Bases in the format of MPS.
//!
//! ```text
//! NAME          TEST
//!  XU x         one        column x is basic, row one is not: at its upper bound
//!  XL y         two        column y is basic, row two is not: at its lower bound
//!  UL z                    column z is at its upper bound
//!  LL w                    column w is at its lower bound, as is every column that is not named
//! ENDATA
//! ```
//!
//! Rows that are not named are basic. So a file has as many basic columns as rows that are not, and every file that
//! can be read is a basis. A row or column without the bound that the file gives it (the files of other programs call
//! a row's sides by those of its slack, and a basis may be given to a program with other bounds) is at the bound that
//! it has, or free where it has none.
//!
//! Source: B. A. Murtagh and M. A. Saunders, *MINOS 5.1 User's Guide*, 1987, section 5.2.

use super::super::basis::{Basis, BasisStatus};
use super::super::bounds::Bounds;
use super::super::error::Error;
use super::super::model::LinearProgram;
use super::super::read_error::{Misread, ReadError, ReadProblem, excerpt};
use super::super::write_error::WriteError;
use super::fields::{Layout, expected, fixed};
use super::write::Names;
use crate::data::{read_whole, write_whole};
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

/// Reads a basis of a program from a file in the format of MPS, plain or gzip. O(rows + columns).
///
/// # Errors
/// [`ReadError`], with file, line and what stands there: names that the program does not have or that stand twice, lines of another kind, a
/// file that ends before `ENDATA`.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Options, Sense};
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-basis.bas", std::process::id()));
/// let mut program = LinearProgram::new(Sense::Minimise);
/// let x = program.add_column(1.0, 0.0.., [])?;
/// program.add_row(2.0.., [(x, 1.0)])?;
/// let first = lp::solve(&program)?;
/// lp::write_basis(&path, &program, &first.basis)?;
/// let basis = lp::read_basis(&path, &program)?;
/// assert_eq!(basis, first.basis);
/// let again = lp::solve_with(&program, &Options::default().with_basis(basis), &mut lp::run_to_the_end)?;
/// assert_eq!(again.iterations, 0);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_basis(path: impl AsRef<Path>, program: &LinearProgram) -> Result<Basis, ReadError> {
    let path = path.as_ref();
    read(&read_whole(path)?, program).map_err(|misread| misread.in_file(path.into()))
}

/// Writes a basis of a program to a file in the format of MPS, compressed if the path ends in `.gz`. O(rows + columns).
///
/// Reading gives the same basis, but that a row or column which is called free although it has a bound comes back at that bound. Lines are
/// in free columns, or in fixed ones if a name has a blank inside.
///
/// # Errors
/// [`WriteError::Basis`] if it is no basis of this program: another number of rows or columns, or not as many basic ones as there are rows;
/// others for names that cannot stand in the file. Nothing is written then.
pub fn write_basis(path: impl AsRef<Path>, program: &LinearProgram, basis: &Basis) -> Result<(), WriteError> {
    Ok(write_whole(path.as_ref(), text(program, basis)?.as_bytes())?)
}

fn text(program: &LinearProgram, basis: &Basis) -> Result<String, WriteError> {
    for (what, expected, got) in [
        ("rows of the basis", program.rows(), basis.rows.len()),
        ("columns of the basis", program.columns(), basis.columns.len()),
        ("the set of basic rows and columns", program.rows(), basis.basic()),
    ] {
        if got != expected {
            return Err(Error::Size { what, expected, got }.into());
        }
    }
    let names = Names::of(program)?;
    let mut text = format!("NAME          {}\n", program.name());
    let mut add = |code: &str, column: &str, row: &str| {
        let line = match names.layout {
            Layout::Fixed => format!(" {code} {column:<8}  {row}"),
            Layout::Free => format!(" {code} {column} {row}"),
        };
        text.push_str(line.trim_end_matches(' '));
        text.push('\n');
    };
    // As many rows have left the basis as columns have come in.
    let mut nonbasic = (0..program.rows()).filter(|&row| basis.rows[row] != BasisStatus::Basic);
    for (column, status) in basis.columns.iter().enumerate() {
        match status {
            BasisStatus::Basic => {
                if let Some(row) = nonbasic.next() {
                    let code = if basis.rows[row] == BasisStatus::AtUpper { "XU" } else { "XL" };
                    add(code, &names.columns[column], &names.rows[row]);
                }
            }
            BasisStatus::AtUpper => add("UL", &names.columns[column], ""),
            BasisStatus::AtLower | BasisStatus::Free => {}
        }
    }
    text.push_str("ENDATA\n");
    Ok(text)
}

fn read(text: &[u8], program: &LinearProgram) -> Result<Basis, Misread> {
    let mut reader = Reader::new(program).map_err(|problem| misread(1, problem))?;
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let taken = reader.take(line).map_err(|problem| misread(number, problem))?;
        if taken == Taken::End {
            return Ok(reader.basis);
        }
    }
    let lines = text.split(|&byte| byte == b'\n').count() as u64;
    Err(misread(lines, ReadProblem::EndsEarly { expected: "ENDATA" }))
}

fn misread(line: u64, problem: ReadProblem) -> Misread {
    Misread { line, section: "the basis", problem }
}

#[derive(PartialEq)]
enum Taken {
    Line,
    End,
}

struct Reader<'a> {
    program: &'a LinearProgram,
    layout: Layout,
    rows: HashMap<Vec<u8>, usize>,
    columns: HashMap<Vec<u8>, usize>,
    /// Which rows and columns a line has named.
    named: [Vec<bool>; 2],
    basis: Basis,
}

impl<'a> Reader<'a> {
    fn new(program: &'a LinearProgram) -> Result<Self, ReadProblem> {
        let rows = indices("in the program, the row", (0..program.rows()).map(|row| program.row_name(row)))?;
        let columns = (0..program.columns()).map(|column| program.column_name(column));
        let columns = indices("in the program, the column", columns)?;
        // Blanks inside names can stand in fixed columns only.
        let fixed = rows.keys().chain(columns.keys()).any(|name| name.contains(&b' '));
        let nonbasic = |column| at(BasisStatus::AtLower, program.column_bounds(column));
        Ok(Self {
            program,
            layout: if fixed { Layout::Fixed } else { Layout::Free },
            named: [vec![false; program.rows()], vec![false; program.columns()]],
            basis: Basis {
                columns: (0..program.columns()).map(nonbasic).collect(),
                rows: vec![BasisStatus::Basic; program.rows()],
            },
            rows,
            columns,
        })
    }

    fn take(&mut self, line: &[u8]) -> Result<Taken, ReadProblem> {
        if line.first() == Some(&b'*') || line.trim_ascii().is_empty() {
            return Ok(Taken::Line);
        }
        if !line[0].is_ascii_whitespace() {
            return match line.split(u8::is_ascii_whitespace).next() {
                Some(b"ENDATA") => Ok(Taken::End),
                Some(b"NAME") => Ok(Taken::Line),
                _ => Err(expected("NAME, ENDATA, or a line of the basis behind a blank", line)),
            };
        }
        let [code, column, row] = self.fields(line)?;
        let (status, has_row) = match code {
            b"XU" => (BasisStatus::AtUpper, true),
            b"XL" => (BasisStatus::AtLower, true),
            b"UL" => (BasisStatus::AtUpper, false),
            b"LL" => (BasisStatus::AtLower, false),
            _ => return Err(expected("XU, XL, UL or LL", code)),
        };
        let column = named(&self.columns, &mut self.named[1], "column", "the column", column)?;
        if has_row {
            let row = named(&self.rows, &mut self.named[0], "row", "the row", row)?;
            self.basis.columns[column] = BasisStatus::Basic;
            self.basis.rows[row] = at(status, self.program.row_bounds(row));
        } else if row.is_empty() {
            self.basis.columns[column] = at(status, self.program.column_bounds(column));
        } else {
            return Err(expected("nothing after the column", row));
        }
        Ok(Taken::Line)
    }

    /// Code, column and row; empty where the line has none.
    fn fields<'l>(&self, line: &'l [u8]) -> Result<[&'l [u8]; 3], ReadProblem> {
        let (fields, rest): (Vec<&[u8]>, _) = match self.layout {
            Layout::Fixed => {
                let [code, column, row, rest @ ..] = fixed(line)?;
                (vec![code, column, row], rest.into_iter().find(|field| !field.is_empty()))
            }
            Layout::Free => {
                let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
                ((0..3).map(|_| words.next().unwrap_or_default()).collect(), words.next())
            }
        };
        match rest {
            Some(rest) => Err(expected("nothing after the names", rest)),
            None => Ok([fields[0], fields[1], fields[2]]),
        }
    }
}

/// The place of each name.
fn indices<'p>(
    what: &'static str,
    names: impl Iterator<Item = Cow<'p, str>>,
) -> Result<HashMap<Vec<u8>, usize>, ReadProblem> {
    let mut indices = HashMap::new();
    for (index, name) in names.enumerate() {
        if indices.insert(name.as_bytes().to_vec(), index).is_some() {
            return Err(ReadProblem::Repeated { what, name: name.into_owned() });
        }
    }
    Ok(indices)
}

/// The index of a name that no line before has named.
fn named(
    indices: &HashMap<Vec<u8>, usize>,
    seen: &mut [bool],
    part: &'static str,
    what: &'static str,
    name: &[u8],
) -> Result<usize, ReadProblem> {
    let &index = indices.get(name).ok_or_else(|| ReadProblem::Unknown { part, name: excerpt(name) })?;
    if std::mem::replace(&mut seen[index], true) {
        return Err(ReadProblem::Repeated { what, name: excerpt(name) });
    }
    Ok(index)
}

/// A nonbasic status that these bounds have.
fn at(wanted: BasisStatus, bounds: Bounds) -> BasisStatus {
    match (bounds.lower.is_finite(), bounds.upper.is_finite()) {
        (true, true) => wanted,
        (true, false) => BasisStatus::AtLower,
        (false, true) => BasisStatus::AtUpper,
        (false, false) => BasisStatus::Free,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::Sense;
    use super::*;
    use BasisStatus::{AtLower, AtUpper, Basic, Free};
    use proptest::prelude::*;

    /// Columns x in [0, 1], y free, z at most 3, w at least 0; rows one (at most 4), two (ranged), three (free).
    fn program() -> LinearProgram {
        let mut program = LinearProgram::new(Sense::Minimise);
        let bounds = [Bounds::between(0.0, 1.0), Bounds::FREE, Bounds::at_most(3.0), Bounds::NON_NEGATIVE];
        for (name, bounds) in ["x", "y", "z", "w"].into_iter().zip(bounds) {
            let column = program.add_column(1.0, bounds, []).unwrap();
            program.set_column_name(column, name).unwrap();
        }
        let bounds = [Bounds::at_most(4.0), Bounds::between(1.0, 2.0), Bounds::FREE];
        for (name, bounds) in ["one", "two", "three"].into_iter().zip(bounds) {
            let row = program.add_row(bounds, [(0, 1.0), (1, 1.0)]).unwrap();
            program.set_row_name(row, name).unwrap();
        }
        program
    }

    fn parse(text: &str) -> Result<Basis, String> {
        read(text.as_bytes(), &program())
            .map_err(|misread| misread.in_file(Path::new("b.bas").into()).to_string())
    }

    #[test]
    fn what_is_not_named_is_at_its_bound_or_basic() {
        let basis = parse("NAME any words\n* nothing\nENDATA\n").unwrap();
        assert_eq!(basis.columns, [AtLower, Free, AtUpper, AtLower]);
        assert_eq!(basis.rows, [Basic; 3]);
    }

    #[test]
    fn every_code_and_missing_bounds() {
        let basis = parse("NAME\r\n XL y one\r\n XU w two\r\n UL x\r\n LL z\r\nENDATA\r\n").unwrap();
        // Row one has no lower bound, and z has none.
        assert_eq!(basis.columns, [AtUpper, Basic, AtUpper, Basic]);
        assert_eq!(basis.rows, [AtUpper, AtUpper, Basic]);
        assert_eq!(parse(" XU\ty\tthree\nENDATA").unwrap().rows, [Basic, Basic, Free]);
    }

    #[test]
    fn errors_name_the_line() {
        for (text, message) in [
            ("NAME\n XU y four\nENDATA\n", "b.bas: line 2, in the basis: there is no row \"four\""),
            ("NAME\n UL one\nENDATA\n", "b.bas: line 2, in the basis: there is no column \"one\""),
            (
                "NAME\n XU y one\n XU y two\nENDATA\n",
                "b.bas: line 3, in the basis: the column \"y\" stands a second time",
            ),
            (
                "NAME\n XU y one\n XU x one\nENDATA\n",
                "b.bas: line 3, in the basis: the row \"one\" stands a second time",
            ),
            (" BS y\nENDATA\n", "b.bas: line 1, in the basis: expected XU, XL, UL or LL, found \"BS\""),
            (
                " UL y one\nENDATA\n",
                "b.bas: line 1, in the basis: expected nothing after the column, found \"one\"",
            ),
            (
                " XU y one 3\nENDATA\n",
                "b.bas: line 1, in the basis: expected nothing after the names, found \"3\"",
            ),
            (" XU y\nENDATA\n", "b.bas: line 1, in the basis: there is no row \"\""),
            (
                "ROWS\n",
                "b.bas: line 1, in the basis: expected NAME, ENDATA, or a line of the basis behind a blank, found \"ROWS\"",
            ),
            ("NAME\n UL x", "b.bas: line 2, in the basis: the file ends before ENDATA"),
        ] {
            assert_eq!(parse(text).unwrap_err(), message, "{text}");
        }
    }

    #[test]
    fn what_is_no_basis_is_not_written() {
        let program = program();
        let basis = Basis::of_rows(&program);
        let mut short = basis.clone();
        short.rows.pop();
        let mut few = basis.clone();
        few.rows[1] = AtLower;
        for (basis, message) in [
            (short, "rows of the basis has 2 entries, expected 3"),
            (few, "the set of basic rows and columns has 2 entries, expected 3"),
        ] {
            assert_eq!(text(&program, &basis).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_name_must_be_one_row_only() {
        let mut program = program();
        program.set_row_name(2, "one").unwrap();
        let misread = read(b"ENDATA\n", &program).unwrap_err();
        let message = misread.problem.to_string();
        assert_eq!(message, "in the program, the row \"one\" stands a second time");
    }

    #[test]
    fn names_with_blanks_stand_in_fixed_columns() {
        let mut program = program();
        program.set_column_name(0, "x 1").unwrap();
        let mut basis = Basis::of_rows(&program);
        (basis.columns[0], basis.rows[1]) = (Basic, AtUpper);
        let text = text(&program, &basis).unwrap();
        assert!(text.contains(" XU x 1       two\n"), "{text}");
        assert_eq!(read(text.as_bytes(), &program).unwrap(), basis);
    }

    proptest! {
        #[test]
        fn a_basis_comes_back(order in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(), upper in proptest::collection::vec(any::<bool>(), 7)) {
            let program = program();
            let mut basis = Basis { columns: vec![Basic; 4], rows: vec![Basic; 3] };
            for &place in &order[3..] {
                let wanted = if upper[place] { AtUpper } else { AtLower };
                match place.checked_sub(4) {
                    None => basis.columns[place] = at(wanted, program.column_bounds(place)),
                    Some(row) => basis.rows[row] = at(wanted, program.row_bounds(row)),
                }
            }
            let text = text(&program, &basis).unwrap();
            prop_assert_eq!(read(text.as_bytes(), &program).unwrap(), basis, "{}", text);
        }
    }
}
