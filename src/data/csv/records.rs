//! Records of text fields, one after the other.

use super::super::error::{DataError, Origin, Result, TextProblem};
use super::CsvOptions;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One record: its fields, unquoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its fields.
    pub fields: Vec<String>,
}

/// The records of a file, an iterator; it ends after the first error.
///
/// # Examples
/// ```
/// use brenier::data::csv::{CsvOptions, Records};
/// let text = "statement,label\n\"Berlin, say some, is in \"\"Germany\"\".\",1\n";
/// let records: Vec<_> = Records::from_reader(text.as_bytes(), &CsvOptions::default())?.collect::<Result<_, _>>()?;
/// assert_eq!(records[1].fields, ["Berlin, say some, is in \"Germany\".", "1"]);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
#[derive(Debug)]
pub struct Records<R> {
    reader: R,
    origin: Origin,
    delimiter: u8,
    /// Lines read so far.
    lines: u64,
    /// The line being read, with its end.
    text: Vec<u8>,
    /// Blank lines read but not yet given: they are records only if another record follows.
    blank: u64,
    /// The record behind them.
    behind_blank: Option<Record>,
    finished: bool,
}

/// Where in a field the reader stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At its start.
    Start,
    /// In an unquoted field.
    Plain,
    /// Between quotation marks.
    Quoted,
    /// After a quotation mark in a quoted field: its end, or the first of two.
    Closed,
}

impl Records<BufReader<File>> {
    /// Opens a file. The header option does not matter here: names are a record like any other.
    ///
    /// # Errors
    /// [`DataError::Io`] if the file cannot be opened, [`DataError::Argument`] for a delimiter that cannot be one.
    pub fn open(path: impl AsRef<Path>, options: &CsvOptions) -> Result<Self> {
        let path = path.as_ref();
        let (file, _) = super::super::bytes::open(path)?;
        Self::new(BufReader::new(file), path.into(), options)
    }
}

impl<R: BufRead> Records<R> {
    /// Reads from any buffered reader.
    ///
    /// # Errors
    /// [`DataError::Argument`] for a delimiter that cannot be one.
    pub fn from_reader(reader: R, options: &CsvOptions) -> Result<Self> {
        Self::new(reader, Origin::Stream, options)
    }

    fn new(reader: R, origin: Origin, options: &CsvOptions) -> Result<Self> {
        options.check()?;
        Ok(Self {
            reader,
            origin,
            delimiter: options.delimiter,
            lines: 0,
            text: Vec::new(),
            blank: 0,
            behind_blank: None,
            finished: false,
        })
    }

    /// An error in the field `column` of the record that begins on `line`, both from 1.
    pub(super) fn error(&self, line: u64, column: usize, problem: TextProblem) -> DataError {
        DataError::Text { origin: self.origin.clone(), line, column, problem }
    }

    /// Reads the next line into `self.text`; false at the end of the file.
    fn next_line(&mut self) -> Result<bool> {
        self.text.clear();
        self.reader.read_until(b'\n', &mut self.text).map_err(|reason| DataError::Io {
            operation: "read",
            origin: self.origin.clone(),
            reason,
        })?;
        if self.text.is_empty() {
            return Ok(false);
        }
        self.lines += 1;
        if self.lines == 1 && self.text.starts_with(BYTE_ORDER_MARK) {
            self.text.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(true)
    }

    /// The next record, blank lines as a record of one empty field.
    fn next_record(&mut self) -> Result<Option<Record>> {
        if !self.next_line()? {
            return Ok(None);
        }
        let line = self.lines;
        let mut fields = Vec::new();
        let mut field = Vec::new();
        let mut state = State::Start;
        loop {
            for position in 0..self.text.len() {
                let byte = self.text[position];
                if state == State::Quoted {
                    match byte {
                        b'"' => state = State::Closed,
                        _ => field.push(byte),
                    }
                    continue;
                }
                let column = fields.len() + 1;
                match byte {
                    _ if byte == self.delimiter => {
                        fields.push(self.text_field(std::mem::take(&mut field), line, column)?);
                        state = State::Start;
                    }
                    // Only the last byte of a line is a line feed, so this ends the loop too.
                    b'\n' => {}
                    b'\r' if self.text.get(position + 1) == Some(&b'\n') => {}
                    b'\r' => return Err(self.error(line, column, TextProblem::CarriageReturn)),
                    b'"' if state == State::Start => state = State::Quoted,
                    b'"' if state == State::Closed => {
                        field.push(b'"');
                        state = State::Quoted;
                    }
                    b'"' => return Err(self.error(line, column, TextProblem::QuoteInField)),
                    _ if state == State::Closed => {
                        let found = first_character(&self.text[position..]);
                        return Err(self.error(line, column, TextProblem::TextAfterQuote { found }));
                    }
                    _ => {
                        field.push(byte);
                        state = State::Plain;
                    }
                }
            }
            let column = fields.len() + 1;
            if state != State::Quoted {
                fields.push(self.text_field(field, line, column)?);
                return Ok(Some(Record { line, fields }));
            }
            if !self.next_line()? {
                return Err(self.error(line, column, TextProblem::UnclosedQuote));
            }
        }
    }

    fn text_field(&self, bytes: Vec<u8>, line: u64, column: usize) -> Result<String> {
        String::from_utf8(bytes).map_err(|error| {
            let valid_up_to = error.utf8_error().valid_up_to();
            self.error(line, column, TextProblem::NotUtf8 { valid_up_to })
        })
    }

    /// The next record to give: blank lines wait until it is known whether they are the last.
    fn advance(&mut self) -> Result<Option<Record>> {
        if self.blank == 0 {
            if let Some(record) = self.behind_blank.take() {
                return Ok(Some(record));
            }
            while let Some(record) = self.next_record()? {
                // A quoted empty field is a field, a line without anything is blank.
                let is_blank =
                    self.lines == record.line && matches!(self.text[..], [b'\n'] | [b'\r', b'\n'] | []);
                if !is_blank {
                    if self.blank == 0 {
                        return Ok(Some(record));
                    }
                    self.behind_blank = Some(record);
                    break;
                }
                self.blank += 1;
            }
        }
        let Some(behind) = &self.behind_blank else {
            return Ok(None);
        };
        let line = behind.line - self.blank;
        self.blank -= 1;
        Ok(Some(Record { line, fields: vec![String::new()] }))
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Result<Record>> {
        if self.finished {
            return None;
        }
        let record = self.advance().transpose();
        self.finished = !matches!(record, Some(Ok(_)));
        record
    }
}

/// The first character of bytes that may not be UTF-8.
fn first_character(bytes: &[u8]) -> char {
    let four = &bytes[..bytes.len().min(4)];
    String::from_utf8_lossy(four).chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: impl AsRef<[u8]>) -> Result<Vec<Record>> {
        Records::from_reader(text.as_ref(), &CsvOptions::default())?.collect()
    }

    fn fields(text: impl AsRef<[u8]>) -> Vec<Vec<String>> {
        records(text).unwrap().into_iter().map(|record| record.fields).collect()
    }

    fn problem(text: impl AsRef<[u8]>) -> (u64, usize, TextProblem) {
        match records(text) {
            Err(DataError::Text { line, column, problem, .. }) => (line, column, problem),
            other => panic!("expected an error of the text, got {other:?}"),
        }
    }

    #[test]
    fn the_examples_of_rfc_4180() {
        let two = [["aaa", "bbb", "ccc"], ["zzz", "yyy", "xxx"]];
        assert_eq!(fields("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n"), two);
        assert_eq!(fields("aaa,bbb,ccc\r\nzzz,yyy,xxx"), two);
        assert_eq!(fields("aaa,bbb,ccc\nzzz,yyy,xxx\n"), two);
        assert_eq!(
            fields("\"aaa\",\"b \r\nbb\",\"ccc\"\r\nzzz,yyy,xxx"),
            [["aaa", "b \r\nbb", "ccc"], two[1]]
        );
        assert_eq!(fields("\"aaa\",\"b\"\"bb\",\"ccc\""), [["aaa", "b\"bb", "ccc"]]);
        assert_eq!(fields("a, b ,\n"), [["a", " b ", ""]]);
        assert_eq!(fields("\"\",\"\"\"\",\",\"\n"), [["", "\"", ","]]);
    }

    #[test]
    fn blank_lines_count_only_between_records() {
        assert_eq!(fields("a\n\n\r\n"), [["a"]]);
        assert_eq!(fields("\n\n\n"), [[""; 1]; 0]);
        assert_eq!(fields(""), [[""; 1]; 0]);
        assert_eq!(fields("\u{feff}"), [[""; 1]; 0]);
        assert_eq!(fields("\"\"\n"), [[""]]);
        let with_gap = records("a\n\n\nb\n\nc\n\n").unwrap();
        let lines: Vec<_> = with_gap.iter().map(|record| (record.line, &record.fields[0][..])).collect();
        assert_eq!(lines, [(1, "a"), (2, ""), (3, ""), (4, "b"), (5, ""), (6, "c")]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_alone() {
        assert_eq!(fields("\u{feff}\"a\",b\n\u{feff}c,d"), [["a", "b"], ["\u{feff}c", "d"]]);
    }

    #[test]
    fn lines_are_counted_through_quoted_line_breaks() {
        let found = records("\"a\nb\nc\",1\nd,2\n").unwrap();
        assert_eq!((found[0].line, found[1].line), (1, 4));
        assert_eq!(problem("\"a\nb\",1\nd,\"2\n\n"), (3, 2, TextProblem::UnclosedQuote));
    }

    #[test]
    fn ambiguous_text_is_an_error_with_its_place() {
        assert_eq!(problem("a,b\nc,d\"e\""), (2, 2, TextProblem::QuoteInField));
        assert_eq!(problem("a,\"b\"c"), (1, 2, TextProblem::TextAfterQuote { found: 'c' }));
        assert_eq!(problem("a,\"b\"é"), (1, 2, TextProblem::TextAfterQuote { found: 'é' }));
        assert_eq!(problem("a\rb"), (1, 1, TextProblem::CarriageReturn));
        assert_eq!(problem("a,b\r"), (1, 2, TextProblem::CarriageReturn));
        assert_eq!(problem(b"a,b\xff"), (1, 2, TextProblem::NotUtf8 { valid_up_to: 1 }));
        let mut after_error = Records::from_reader(&b"\"\nx"[..], &CsvOptions::default()).unwrap();
        assert!(after_error.next().unwrap().is_err());
        assert!(after_error.next().is_none());
        for delimiter in *b"\"\n\r\xff" {
            let options = CsvOptions::default().delimiter(delimiter);
            assert!(matches!(Records::from_reader(&b""[..], &options), Err(DataError::Argument { .. })));
        }
    }
}
