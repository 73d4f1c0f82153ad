//! What a file holds: a linear program, which of its columns are integer, and what the reader thought worth saying.

use super::model::LinearProgram;

/// A linear program as it stood in a file.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProgramFile {
    /// The program. Without the columns' integrality it is the relaxation of what the file says.
    pub program: LinearProgram,
    /// The columns that the file declares integer, ascending.
    pub integer_columns: Vec<usize>,
    /// What a reader decided that the file could have meant otherwise, each with its line.
    pub warnings: Vec<String>,
}

/// Warnings, as many as someone would read.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    list: Vec<String>,
    unsaid: usize,
}

impl Warnings {
    /// A damaged file of a million lines shall not give a million messages.
    const MOST: usize = 50;

    pub fn add(&mut self, warning: impl FnOnce() -> String) {
        if self.list.len() < Self::MOST {
            self.list.push(warning());
        } else {
            self.unsaid += 1;
        }
    }

    pub fn into_list(mut self) -> Vec<String> {
        if self.unsaid > 0 {
            self.list.push(format!("and {} warnings more", self.unsaid));
        }
        self.list
    }
}
