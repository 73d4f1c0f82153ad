//! Comma-separated values: any records, and matrices of numbers.
//!
//! The format is that of RFC 4180: fields between delimiters, a line for each record, quotation marks around a field
//! that has a delimiter, a line break or (doubled) a quotation mark in it. Lines end in LF or CR LF; a byte order mark
//! at the start and blank lines at the end are skipped; the text is UTF-8. What is ambiguous (a quotation mark inside an
//! unquoted field, text after a closing one, a lone carriage return) is an error with line and column, never a guess.
//!
//! # Examples
//! ```
//! use brenier::data::csv::{self, CsvOptions};
//! let text = "x;y\n1;2.5\n3;1e-3\n";
//! let table = csv::read_from::<f64>(text.as_bytes(), &CsvOptions::default().delimiter(b';').header(true))?;
//! assert_eq!(table.header.unwrap(), ["x", "y"]);
//! assert_eq!(table.values.row(1), [3.0, 0.001]);
//! # Ok::<(), brenier::data::DataError>(())
//! ```

mod numbers;
mod records;
mod write;

use super::error::{DataError, Result};
pub use numbers::{Table, read, read_from};
pub use records::{Record, Records};
pub use write::{write, write_records_to, write_to};

/// How a file is written or to be read: by default, commas and no header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsvOptions {
    /// The byte between two fields: any ASCII character but a quotation mark or a line break.
    pub delimiter: u8,
    /// Whether the first record holds the columns' names.
    pub header: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { delimiter: b',', header: false }
    }
}

impl CsvOptions {
    /// Sets the byte between two fields.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// Sets whether the first record holds the columns' names.
    pub fn header(mut self, header: bool) -> Self {
        self.header = header;
        self
    }

    fn check(&self) -> Result<()> {
        if !self.delimiter.is_ascii() || matches!(self.delimiter, b'"' | b'\r' | b'\n') {
            return Err(DataError::Argument {
                name: "delimiter",
                value: format!("{:?}", char::from(self.delimiter)),
                requirement: "it must be ASCII, and neither a quotation mark nor a line break",
            });
        }
        Ok(())
    }
}
