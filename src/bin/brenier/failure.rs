//! Why a command could not give an answer.

use crate::run::{BAD_INPUT, WRONG_USAGE};
use brenier::data::{DataError, Origin};
use brenier::lp;
use std::path::{Path, PathBuf};

/// What ends a command with exit code 1, or 2 if it is the arguments' fault. Its text stands on its own in front of a user.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file could not be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A solver refused what stands in a file.
    #[error("{}: {error}", file.display())]
    InFile {
        /// The file.
        file: PathBuf,
        /// What it refused.
        error: brenier::Error,
    },
    /// A solver refused an option, or files that do not fit together.
    #[error(transparent)]
    Solver(#[from] brenier::Error),
    /// A file has no linear program in it, or no basis of it.
    #[error(transparent)]
    Unread(#[from] lp::ReadError),
    /// A basis cannot be written.
    #[error(transparent)]
    Unwritten(#[from] lp::WriteError),
    /// The simplex refused an option or a basis.
    #[error(transparent)]
    Program(#[from] lp::Error),
    /// Arguments that do not go together, where the argument parser could not see it.
    #[error("{0}")]
    Usage(String),
    /// Anything else, in words.
    #[error("{0}")]
    Message(String),
}

impl Failure {
    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => WRONG_USAGE,
            _ => BAD_INPUT,
        }
    }
}

/// The system's refusal of a file.
pub fn refused(operation: &'static str, path: &Path, reason: std::io::Error) -> Failure {
    let origin = Origin::File(path.to_owned());
    Failure::Data(DataError::Io { operation, origin, reason })
}

/// An error about an array or a stream, with the file that it comes from or goes to.
pub fn in_file(error: DataError, path: &Path) -> Failure {
    let origin = Origin::File(path.to_owned());
    Failure::Data(match error {
        DataError::Io { operation, reason, .. } => DataError::Io { operation, origin, reason },
        DataError::Array { problem, .. } => DataError::Array { origin, problem },
        other => other,
    })
}
