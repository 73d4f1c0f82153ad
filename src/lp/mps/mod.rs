//! MPS files, fixed and free, plain or compressed with gzip.
//!
//! ```text
//! NAME          TEST
//! OBJSENSE
//!     MAX
//! ROWS
//!  N  cost                                   the first N row is the objective, or the one that OBJNAME names
//!  L  one                                    L: <=, G: >=, E: =
//! COLUMNS
//!     x         cost               1.   one                1.
//! RHS
//!     RHS       one                4.        on the objective: minus the constant
//! RANGES
//!     RNG       one                2.        L: [b - |R|, b], G: [b, b + |R|], E: [b, b + R] or [b + R, b]
//! BOUNDS
//!  UP BND       x                  3.        LO UP FX FR MI PL, integer BV LI UI
//! ENDATA
//! ```
//!
//! What the format leaves open is read like this; *warned* means that [`ProgramFile::warnings`] says so.
//!
//! - Lines that begin with `*` are comments. Section headers begin in the first column, data do not, so that names
//!   may be words like `ROWS`.
//! - Fixed columns are tried first, since names may have blanks inside there; if they do not fit, fields are split at blanks. An error is
//!   reported from the attempt that came further. [`MpsFormat`] chooses one.
//! - Variables lie in [0, ∞) where BOUNDS says nothing. `UP` with a negative number and without a lower bound makes
//!   that -∞ (warned); `UP` 0 keeps 0. `MI` keeps the upper bound. Integer columns between markers without any bound
//!   lie in [0, 1] (warned).
//! - Right-hand sides and bounds of 1e20 and more in size are infinite.
//! - A coefficient that stands twice is summed (warned), a bound that stands twice is the last (warned); a right-hand
//!   side, a range, a row or a column that stands twice is an error. So is a column that BOUNDS names first.
//! - Of several sets in RHS, RANGES and BOUNDS the first is used (warned). N rows beside the objective are kept as rows without bounds.
//! - Quadratic terms, cones, special ordered sets, indicators and semi-continuous variables are refused; so is a file without `ENDATA`.
//!
//! Sources: IBM, *Mathematical Programming System Extended (MPSX)*, 1971; B. A. Murtagh and M. A. Saunders, *MINOS
//! 5.1 User's Guide*, 1987, and the readme of Netlib's `lp/data`. Cost: linear in the length of the file; names are
//! found by hashing.

mod basis_file;
mod bound;
mod fields;
mod read;
mod section;
mod sides;
mod write;

use super::model::LinearProgram;
use super::program_file::ProgramFile;
use super::read_error::ReadError;
use super::write_error::WriteError;
use crate::data::{Origin, read_whole, read_whole_from, write_whole, write_whole_to};
pub use basis_file::{read_basis, write_basis};
use fields::Layout;
use std::io::{Read, Write};
use std::path::Path;

/// How the fields of a line are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MpsFormat {
    /// Fixed columns if the whole file fits them, else split at blanks.
    #[default]
    Automatic,
    /// Fields in the columns 2-3, 5-12, 15-22, 25-36, 40-47 and 50-61. Names have up to 8 bytes and may have blanks inside.
    Fixed,
    /// Fields between blanks or tabs. Names have any length and no blanks.
    Free,
}

/// Reads a linear program from an MPS file, in fixed or free columns, plain or gzip.
///
/// # Errors
/// [`ReadError`], with file, line, section and what stands there.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-read.mps.gz", std::process::id()));
/// let mut program = LinearProgram::new(Sense::Minimise);
/// program.add_column(1.0, 0.0.., [])?;
/// program.add_row(2.0..=3.0, [(0, 1.0)])?;
/// lp::write_mps(&path, &program)?;
/// assert_eq!(lp::read_mps(&path)?.program.row_bounds(0), program.row_bounds(0));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_mps(path: impl AsRef<Path>) -> Result<ProgramFile, ReadError> {
    read_mps_as(path, MpsFormat::Automatic)
}

/// As [`read_mps`], in a format that is known.
///
/// # Errors
/// As [`read_mps`].
pub fn read_mps_as(path: impl AsRef<Path>, format: MpsFormat) -> Result<ProgramFile, ReadError> {
    let path = path.as_ref();
    parse(&read_whole(path)?, format, path.into())
}

/// Reads MPS from any reader, plain or gzip, to its end.
///
/// # Errors
/// As [`read_mps`].
///
/// # Examples
/// ```
/// use brenier::lp::{self, Bounds};
/// let text = "NAME test\nROWS\n N cost\n L one\nCOLUMNS\n x cost 1 one 2\nRHS\n RHS one 4\nENDATA\n";
/// let file = lp::read_mps_from(text.as_bytes())?;
/// assert_eq!(file.program.row_bounds(0), Bounds::at_most(4.0));
/// assert_eq!(file.program.coefficient(0, 0), 2.0);
/// # Ok::<(), lp::ReadError>(())
/// ```
pub fn read_mps_from(reader: impl Read) -> Result<ProgramFile, ReadError> {
    read_mps_from_as(reader, MpsFormat::Automatic)
}

/// As [`read_mps_from`], in a format that is known.
///
/// # Errors
/// As [`read_mps`].
pub fn read_mps_from_as(reader: impl Read, format: MpsFormat) -> Result<ProgramFile, ReadError> {
    parse(&read_whole_from(reader)?, format, Origin::Stream)
}

/// Writes a linear program as MPS, compressed if the path ends in `.gz`, and answers with warnings.
///
/// The file is free MPS, or fixed if a name has a blank inside and all of them fit the columns. Numbers are written
/// so that reading gives the same bits, with one exception: the far bound of a row with two bounds is stored as a
/// difference, which not every pair of numbers has. Then it is off by a rounding, and a warning says by how much.
/// Rows and columns without a name are written as [`LinearProgram::row_name`] and [`LinearProgram::column_name`] call
/// them.
///
/// # Errors
/// [`WriteError`] for names that cannot stand in the file, rows whose bounds contradict each other, and finite bounds
/// of 1e20 and more in size, which would be read as infinite. Nothing is written then.
pub fn write_mps(path: impl AsRef<Path>, program: &LinearProgram) -> Result<Vec<String>, WriteError> {
    let (text, warnings) = write::text(program)?;
    write_whole(path.as_ref(), text.as_bytes())?;
    Ok(warnings)
}

/// As [`write_mps`], to any writer, not compressed.
///
/// # Errors
/// As [`write_mps`].
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// let mut program = LinearProgram::new(Sense::Maximise);
/// let x = program.add_column(1.5, ..=3.0, [])?;
/// program.add_row(..=4.0, [(x, 2.0)])?;
/// let mut text = Vec::new();
/// let warnings = lp::write_mps_to(&mut text, &program)?;
/// assert!(warnings.is_empty());
/// assert!(String::from_utf8(text)?.contains("C1 R1 2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_mps_to(writer: impl Write, program: &LinearProgram) -> Result<Vec<String>, WriteError> {
    let (text, warnings) = write::text(program)?;
    write_whole_to(writer, text.as_bytes())?;
    Ok(warnings)
}

fn parse(text: &[u8], format: MpsFormat, origin: Origin) -> Result<ProgramFile, ReadError> {
    let read = match format {
        MpsFormat::Fixed => read::read(text, Layout::Fixed),
        MpsFormat::Free => read::read(text, Layout::Free),
        MpsFormat::Automatic => read::read(text, Layout::Fixed).or_else(|fixed| {
            read::read(text, Layout::Free).map_err(|free| if fixed.line > free.line { fixed } else { free })
        }),
    };
    read.map_err(|misread| misread.in_file(origin))
}

#[cfg(test)]
mod tests;
