//! Why a file with a linear program could not be read: which file, which line, which section, and what stands there.

use super::error::Error;
use crate::data::{DataError, Origin};

/// Why a linear program could not be read.
///
/// Its text names the file, the line, the section and what stands there, and stands on its own in front of a user.
///
/// # Examples
/// ```
/// use brenier::lp;
/// let text = "NAME test\nROWS\n N  cost\nCOLUMNS\n    x  cost  one\nENDATA\n";
/// let error = lp::read_mps_from(text.as_bytes()).unwrap_err();
/// assert_eq!(error.to_string(), "the stream: line 5, in COLUMNS: \"one\" is not a number");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened, read or unpacked.
    #[error(transparent)]
    File(#[from] DataError),
    /// The text is not what its format asks for.
    #[error("{origin}: line {line}, in {section}: {problem}")]
    Text {
        /// Which file.
        origin: Origin,
        /// The line, from 1.
        line: u64,
        /// The section to which the line belongs.
        section: &'static str,
        /// What is wrong there.
        problem: ReadProblem,
    },
}

/// What is wrong in the text of a linear program.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadProblem {
    /// Something else stands where the format asks for one thing.
    #[error("expected {expected}, found {found:?}")]
    Expected {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// The file ends too early.
    #[error("the file ends before {expected}")]
    EndsEarly {
        /// What is missing.
        expected: &'static str,
    },
    /// A text that should be a number is none.
    #[error("{text:?} is not a number")]
    Number {
        /// The text.
        text: String,
    },
    /// A number is too large to be a coefficient, or too large for a right-hand side or bound of this direction (1e20
    /// and more is infinite).
    #[error("{text} is {requirement}")]
    Range {
        /// The number as it stands there.
        text: String,
        /// What is wrong with it.
        requirement: &'static str,
    },
    /// A name that no earlier section has.
    #[error("there is no {part} {name:?}")]
    Unknown {
        /// A row, a column, the objective.
        part: &'static str,
        /// The name.
        name: String,
    },
    /// Something that may stand once stands twice.
    #[error("{what} {name:?} stands a second time")]
    Repeated {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Something that a linear program does not have, or that is not read.
    #[error(
        "{what} ({found:?}) cannot be read: only linear programs can, with integer columns listed beside them"
    )]
    Unsupported {
        /// What it is.
        what: &'static str,
        /// What stands in the file.
        found: String,
    },
    /// A name is not UTF-8.
    #[error("the name {text:?} is not UTF-8")]
    NotUtf8 {
        /// The name, with what cannot be read replaced.
        text: String,
    },
    /// The program refuses a number: a sum of coefficients overflows.
    #[error(transparent)]
    Program(#[from] Error),
}

/// A problem with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misread {
    pub line: u64,
    pub section: &'static str,
    pub problem: ReadProblem,
}

impl Misread {
    pub fn in_file(self, origin: Origin) -> ReadError {
        let Self { line, section, problem } = self;
        ReadError::Text { origin, line, section, problem }
    }
}

/// A piece of the text for an error's message: cut where it is long, with what is not UTF-8 replaced.
pub(super) fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 60;
    let shown = String::from_utf8_lossy(&text[..text.len().min(LONGEST)]);
    if text.len() > LONGEST { format!("{shown}…") } else { shown.into_owned() }
}
