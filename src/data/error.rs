//! Why a file could not be read or written: which file, where in it, and what stands there.

use std::fmt;
use std::path::{Path, PathBuf};

/// A result with this room's [`DataError`].
pub type Result<T> = std::result::Result<T, DataError>;

/// Where data came from or went to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A file, by its path.
    File(PathBuf),
    /// A reader or writer that has no name.
    Stream,
    /// An array in memory.
    Memory,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Stream => formatter.write_str("the stream"),
            Self::Memory => formatter.write_str("the array"),
        }
    }
}

impl From<&Path> for Origin {
    fn from(path: &Path) -> Self {
        Self::File(path.to_path_buf())
    }
}

/// Why data could not be read, converted or written.
///
/// Its text names the file, the place in it and the value found there, and stands on its own in front of a user.
///
/// # Examples
/// ```
/// use brenier::data::{DataError, npy};
/// let error = npy::read_from(&b"PK\x03\x04 and so on"[..]).unwrap_err();
/// assert!(matches!(error, DataError::Bytes { offset: 0, .. }));
/// assert!(error.to_string().starts_with("the stream: byte 0: not a .npy file"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("cannot {operation} {origin}: {reason}")]
    Io {
        /// What was tried: open, read, create, write.
        operation: &'static str,
        /// On what.
        origin: Origin,
        /// The system's answer.
        reason: std::io::Error,
    },
    /// A binary file is not what its format asks for.
    #[error("{origin}: byte {offset}: {problem}")]
    Bytes {
        /// Which file.
        origin: Origin,
        /// Position of the offending byte, from 0; in a compressed file, of the unpacked bytes.
        offset: u64,
        /// What is wrong there.
        problem: BytesProblem,
    },
    /// A text file is not what its format asks for.
    #[error("{origin}: line {line}, column {column}: {problem}")]
    Text {
        /// Which file.
        origin: Origin,
        /// The line on which the record begins, from 1.
        line: u64,
        /// The number of the field in its record, from 1.
        column: usize,
        /// What is wrong there.
        problem: TextProblem,
    },
    /// An array is well formed, but not what the caller asked for.
    #[error("{origin}: {problem}")]
    Array {
        /// Which file, or memory.
        origin: Origin,
        /// What does not fit.
        problem: ArrayProblem,
    },
    /// An argument lies outside its domain.
    #[error("{name} is {value}: {requirement}")]
    Argument {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it must satisfy.
        requirement: &'static str,
    },
}

/// What is wrong in a binary file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BytesProblem {
    /// The file does not begin with its format's signature.
    #[error("not {format} file: it begins with the bytes {found:02x?}")]
    Signature {
        /// The format that was expected, with its article.
        format: &'static str,
        /// The bytes that stand where the signature should.
        found: Vec<u8>,
    },
    /// A version of the format that does not exist, or not yet.
    #[error("format version {major}.{minor} is not known (1.0, 2.0 and 3.0 are)")]
    Version {
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },
    /// The file ends early.
    #[error("the file ends early: {expected} bytes of {what} expected, {got} there")]
    Truncated {
        /// The part that starts at the offset.
        what: &'static str,
        /// Its size in bytes.
        expected: u64,
        /// The bytes that there are.
        got: u64,
    },
    /// The file goes on after its end.
    #[error("the data end here, but the file goes on{}", extra.map_or(String::new(), |extra| format!(" (bytes left over: {extra})")))]
    TrailingBytes {
        /// How many bytes follow, where the file's length is known.
        extra: Option<u64>,
    },
    /// A header is longer than any of its kind can be.
    #[error("the header says it is {length} bytes long; at most {limit} are read")]
    HeaderTooLong {
        /// The length that the header claims.
        length: u64,
        /// The largest that is accepted.
        limit: u64,
    },
    /// The header has a byte that is not ASCII.
    #[error("the header has the byte {byte:#04x}, which is not ASCII")]
    NotAscii {
        /// The byte.
        byte: u8,
    },
    /// The header is not the Python dictionary that it should be.
    #[error("expected {expected}, found {found:?}")]
    Syntax {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// The header lacks a key.
    #[error("the header has no key '{key}'")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// The header has a key twice.
    #[error("the header has the key '{key}' twice")]
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// The header has a key that the format does not know.
    #[error("the header has the unknown key {key:?}")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// Elements of a type that is not a real number (objects, strings, complex, structured, …).
    #[error("elements of type {type_name:?} are not supported")]
    UnsupportedType {
        /// The type as the file gives it.
        type_name: String,
    },
    /// One dimension does not fit this machine's words.
    #[error("the dimension {digits} is too large")]
    DimensionTooLarge {
        /// The digits as the file gives them.
        digits: String,
    },
    /// More dimensions than NumPy has.
    #[error("the shape has more than {limit} dimensions")]
    TooManyDimensions {
        /// The largest number that is read.
        limit: usize,
    },
    /// The dimensions multiply to more bytes than this machine can count.
    #[error("the shape {shape:?} has more bytes than can be addressed")]
    ShapeTooLarge {
        /// The shape.
        shape: Vec<usize>,
    },
    /// The header is not UTF-8.
    #[error("the header is not UTF-8 (from its byte {valid_up_to})")]
    NotUtf8 {
        /// Bytes of the header before the first that is not UTF-8.
        valid_up_to: usize,
    },
    /// The header has a name twice.
    #[error("the header has the name {name:?} twice")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A tensor's place does not have as many bytes as its shape and type.
    #[error(
        "tensor {name:?} lies at {start}..{end} of the data, but its shape and type have {expected} bytes"
    )]
    TensorSize {
        /// Its name.
        name: String,
        /// The first byte of its place.
        start: u64,
        /// The end of its place.
        end: u64,
        /// The bytes that it needs.
        expected: u64,
    },
    /// A tensor overlaps with another one, or leaves a gap.
    #[error(
        "tensor {name:?} lies at {start}..{end} of the data, but the tensors before it end at {expected}"
    )]
    TensorPlace {
        /// Its name.
        name: String,
        /// The first byte of its place.
        start: u64,
        /// The end of its place.
        end: u64,
        /// Where it should begin.
        expected: u64,
    },
    /// A boolean that is neither 0 nor 1.
    #[error("element {index} is {value}: a boolean is 0 or 1")]
    Boolean {
        /// Position of the element, in file order.
        index: u64,
        /// The byte.
        value: u8,
    },
    /// The compressed stream is damaged.
    #[error("cannot unpack the compressed data: {reason}")]
    Compression {
        /// What the decompressor says.
        reason: String,
    },
    /// The file is not a whole number of records.
    #[error("{remainder} bytes remain after the last whole record of {record} bytes")]
    PartialRecord {
        /// Size of a record in bytes.
        record: usize,
        /// Bytes left over.
        remainder: usize,
    },
    /// A label that the data set does not have.
    #[error("record {record} has the label {label}; the {classes} classes are 0 to {}", classes - 1)]
    Label {
        /// Position of the record, from 0.
        record: usize,
        /// Its label.
        label: u8,
        /// Number of classes.
        classes: u8,
    },
    /// The file has no records.
    #[error("the file has no records")]
    Empty,
}

/// What is wrong in a text file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextProblem {
    /// The file has no records.
    #[error("the file has no records")]
    Empty,
    /// A record has more or fewer fields than the first.
    #[error("the record has {got} fields, the first record has {expected}")]
    FieldCount {
        /// Fields of the first record.
        expected: usize,
        /// Fields of this one.
        got: usize,
    },
    /// A field is not a number.
    #[error("{text:?} is not a number")]
    Number {
        /// The field.
        text: String,
    },
    /// A field is a number beyond the range of the element type.
    #[error("{text} is beyond the range of {type_name}")]
    Range {
        /// The field.
        text: String,
        /// The element type.
        type_name: &'static str,
    },
    /// A quotation mark inside a field that did not begin with one.
    #[error("a quotation mark inside an unquoted field")]
    QuoteInField,
    /// Something other than a delimiter after the closing quotation mark.
    #[error("{found:?} after the closing quotation mark")]
    TextAfterQuote {
        /// What follows.
        found: char,
    },
    /// The file ends inside a quoted field.
    #[error("the quoted field is never closed")]
    UnclosedQuote,
    /// A carriage return that no line feed follows.
    #[error("a carriage return without a line feed")]
    CarriageReturn,
    /// A field that is not UTF-8.
    #[error("the field is not UTF-8 (from its byte {valid_up_to})")]
    NotUtf8 {
        /// Bytes of the field before the first that is not UTF-8.
        valid_up_to: usize,
    },
}

/// Why an array cannot be given in the form that was asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayProblem {
    /// The array has the wrong number of dimensions.
    #[error("the array has shape {shape:?}; expected {expected}")]
    Dimensions {
        /// The shapes that would do.
        expected: &'static str,
        /// The shape that came.
        shape: Vec<usize>,
    },
    /// The shape and the number of elements disagree.
    #[error("the shape {shape:?} does not have {length} elements")]
    Length {
        /// The shape.
        shape: Vec<usize>,
        /// The number of elements.
        length: usize,
    },
    /// The elements have the wrong type.
    #[error("the elements are {got}; expected {expected}")]
    ElementType {
        /// The type that would do.
        expected: &'static str,
        /// The type that came.
        got: &'static str,
    },
    /// An integer that the floating-point type cannot hold exactly.
    #[error("element {index} is {value}, which {type_name} cannot hold exactly")]
    Inexact {
        /// Position of the first such element, in C order.
        index: usize,
        /// The element.
        value: i128,
        /// The type asked for.
        type_name: &'static str,
    },
    /// A finite number beyond the range of the floating-point type.
    #[error("element {index} is {value:e}, beyond the range of {type_name}")]
    Range {
        /// Position of the first such element, in C order.
        index: usize,
        /// The element.
        value: f64,
        /// The type asked for.
        type_name: &'static str,
    },
    /// A number that is NaN or infinite, where finite ones were asked for.
    #[error("element {index} of {name:?} is {value}: it must be finite")]
    NotFinite {
        /// The name of the tensor.
        name: String,
        /// Position of the first such element, in C order.
        index: usize,
        /// The element.
        value: f64,
    },
    /// A dimension does not fit the format's words.
    #[error("the dimension {dimension} does not fit the 32 bits that the format has for it")]
    DimensionTooLarge {
        /// The dimension.
        dimension: usize,
    },
}

impl DataError {
    /// The same error about the file at `path`: for conversions, which do not know where their array came from.
    pub(super) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Array { problem, .. } => Self::Array { origin: path.into(), problem },
            other => other,
        }
    }
}

/// A text from a file for an error's message: cut where it is long.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The error for an array in memory.
pub(super) fn array_error(problem: ArrayProblem) -> DataError {
    DataError::Array { origin: Origin::Memory, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_file_the_place_and_the_value() {
        let cut = DataError::Bytes {
            origin: Path::new("weights.npy").into(),
            offset: 128,
            problem: BytesProblem::Truncated { what: "data", expected: 80, got: 12 },
        };
        assert_eq!(
            cut.to_string(),
            "weights.npy: byte 128: the file ends early: 80 bytes of data expected, 12 there"
        );
        let number = DataError::Text {
            origin: Path::new("cloud.csv").into(),
            line: 7,
            column: 2,
            problem: TextProblem::Number { text: "x".into() },
        };
        assert_eq!(number.to_string(), "cloud.csv: line 7, column 2: \"x\" is not a number");
        let trailing = BytesProblem::TrailingBytes { extra: Some(1) };
        assert_eq!(trailing.to_string(), "the data end here, but the file goes on (bytes left over: 1)");
    }
}
