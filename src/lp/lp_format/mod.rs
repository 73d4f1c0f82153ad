//! CPLEX's LP format: the program as one would write it down.
//!
//! ```text
//! \ a comment
//! Maximize
//!  profit: 3 x + 2.5 y + 10
//! Subject To
//!  one: x + y <= 4
//!  two: -5 <= x - 2 y <= 8
//! Bounds
//!  x <= 3
//!  -1 <= y <= 4
//!  z free
//! General
//!  y
//! End
//! ```
//!
//! What the format leaves open is read like this.
//!
//! - Words of the format are known in any case: `Minimize`, `Maximise`, `min`; `Subject To`, `such that`, `st`,
//!   `s.t.`; `Bounds`; `General`, `Integer`, `Binary` and their short forms; `End`. They begin a line and are not
//!   followed by a comparison or a colon; so are names.
//! - Names begin with a letter or one of
//!   ``!"#$%&(),;?@_'`{}~`` and go on with these, digits and points. A number takes the longest text that is one, and what follows is a name: `2e1x` is 20 x, `2ex` is 2 ex.
//! - Columns are in the order in which they are first named, a coefficient of 0 names them too (and makes no entry in
//!   a row). Coefficients that stand twice are summed (with a warning). A name that stands in Bounds or later first
//!   is an error.
//! - Variables and constants may stand on both sides of a row. After the comparison a row goes on to the end of its
//!   line only, unless its left side has no variable. Of two comparisons the outer sides must be numbers.
//! - Right-hand sides and bounds of 1e20 and more in size are infinite, and so is `inf` or `infinity`.
//! - An upper bound alone keeps the lower bound of 0, even if it is negative (with a warning).
//! - Quadratic terms, special ordered sets, indicators and semi-continuous variables are refused; so is a file without `End`.
//! - A first comment `\Problem name: …` names the program.
//!
//! Source: the description of the LP file format in the manual of ILOG CPLEX. Cost: linear in the length of the file.

mod expression;
mod lexer;
mod read;
mod write;

use super::model::LinearProgram;
use super::program_file::ProgramFile;
use super::read_error::{Misread, ReadError};
use super::write_error::WriteError;
use crate::data::{Origin, read_whole, read_whole_from, write_whole, write_whole_to};
use std::io::{Read, Write};
use std::path::Path;

/// Reads a linear program from a file in CPLEX's LP format, plain or gzip.
///
/// # Errors
/// [`ReadError`], with file, line, section and what stands there.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-read.lp", std::process::id()));
/// let mut program = LinearProgram::new(Sense::Maximise);
/// program.add_column(1.0, 0.0.., [])?;
/// program.add_row(2.0..=3.0, [(0, 0.1)])?;
/// lp::write_lp(&path, &program)?;
/// assert_eq!(lp::read_lp(&path)?.program.row_bounds(0), program.row_bounds(0));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_lp(path: impl AsRef<Path>) -> Result<ProgramFile, ReadError> {
    let path = path.as_ref();
    read::read(&read_whole(path)?).map_err(|misread: Misread| misread.in_file(path.into()))
}

/// Reads the LP format from any reader, plain or gzip, to its end.
///
/// # Errors
/// As [`read_lp`].
///
/// # Examples
/// ```
/// use brenier::lp::{self, Bounds};
/// let file = lp::read_lp_from(&b"max 3x + 2y\nst one: x + y <= 4\nbounds x <= 3\nend"[..])?;
/// assert_eq!(file.program.costs(), [3.0, 2.0]);
/// assert_eq!(file.program.row_name(0), "one");
/// assert_eq!(file.program.column_bounds(0), Bounds::between(0.0, 3.0));
/// # Ok::<(), lp::ReadError>(())
/// ```
pub fn read_lp_from(reader: impl Read) -> Result<ProgramFile, ReadError> {
    read::read(&read_whole_from(reader)?).map_err(|misread| misread.in_file(Origin::Stream))
}

/// Writes a linear program in CPLEX's LP format, compressed if the path ends in `.gz`, and answers with warnings.
///
/// Numbers are written so that reading gives the same bits, and every column is named in the objective, so that their
/// order stays. A name that cannot stand in such a file (those of old MPS files often begin with a digit) is replaced
/// by `R` or `C` with the number of the row or column; a warning says how many and which was the first. Entries that
/// are stored as 0 are left out.
///
/// # Errors
/// [`WriteError::Bounds`] for finite bounds of 1e20 and more in size, which would be read as infinite;
/// [`WriteError::File`]. Nothing is written then.
pub fn write_lp(path: impl AsRef<Path>, program: &LinearProgram) -> Result<Vec<String>, WriteError> {
    let (text, warnings) = write::text(program)?;
    write_whole(path.as_ref(), text.as_bytes())?;
    Ok(warnings)
}

/// As [`write_lp`], to any writer, not compressed.
///
/// # Errors
/// As [`write_lp`].
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// let mut program = LinearProgram::new(Sense::Maximise);
/// let x = program.add_column(1.5, ..=3.0, [])?;
/// program.add_row(..=4.0, [(x, -2.0)])?;
/// let mut text = Vec::new();
/// lp::write_lp_to(&mut text, &program)?;
/// assert!(String::from_utf8(text)?.contains(" R1: -2 C1 <= 4\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_lp_to(writer: impl Write, program: &LinearProgram) -> Result<Vec<String>, WriteError> {
    let (text, warnings) = write::text(program)?;
    write_whole_to(writer, text.as_bytes())?;
    Ok(warnings)
}

#[cfg(test)]
mod tests;
