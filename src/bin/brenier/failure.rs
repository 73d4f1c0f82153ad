//! Why a command could not give an answer.

use brenier::data::DataError;
use std::path::PathBuf;

/// What ends a command with exit code 1. Its text stands on its own in front of a user.
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
    /// Anything else, in words.
    #[error("{0}")]
    Message(String),
}
