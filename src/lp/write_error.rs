//! Why a linear program could not be written.

use super::bounds::Bounds;
use super::error::{Error, Part};
use super::number::INFINITE;
use crate::data::DataError;

/// Why a linear program could not be written. Nothing is left in the file's place then but what was there before.
///
/// # Examples
/// ```
/// use brenier::lp::{self, LinearProgram, Sense};
/// let mut program = LinearProgram::new(Sense::Minimise);
/// program.add_row(2.0..=1.0, [])?; // contradictory, which MPS cannot say
/// let error = lp::write_mps_to(Vec::new(), &program).unwrap_err();
/// assert!(error.to_string().starts_with("row 0 has the bounds 2 and 1"));
/// # Ok::<(), brenier::lp::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file cannot be created or written.
    #[error(transparent)]
    File(#[from] DataError),
    /// The name of a row or column cannot stand in such a file.
    #[error("{part} {index} has the name {name:?}: {requirement}")]
    Name {
        /// Row or column.
        part: Part,
        /// Which one.
        index: usize,
        /// Its name.
        name: String,
        /// What a name must satisfy.
        requirement: &'static str,
    },
    /// The name of the program or of its objective cannot stand in such a file.
    #[error("the {what} has the name {name:?}: {requirement}")]
    Title {
        /// Program or objective.
        what: &'static str,
        /// Its name.
        name: String,
        /// What a name must satisfy.
        requirement: &'static str,
    },
    /// A basis is none of this program.
    #[error(transparent)]
    Basis(#[from] Error),
    /// The format has no way to say these bounds.
    #[error("{part} {index} has the bounds {lower} and {upper}: {requirement}")]
    Bounds {
        /// Row or column.
        part: Part,
        /// Which one.
        index: usize,
        /// Its lower bound.
        lower: f64,
        /// Its upper bound.
        upper: f64,
        /// What bounds must satisfy.
        requirement: &'static str,
    },
}

/// Refuses bounds that both formats would read as infinite.
pub(super) fn check_bounds(part: Part, index: usize, bounds: Bounds) -> Result<(), WriteError> {
    let Bounds { lower, upper } = bounds;
    if [lower, upper].iter().any(|bound| bound.is_finite() && bound.abs() >= INFINITE) {
        let requirement = "in the file, 1e20 and more in size would mean infinite";
        return Err(WriteError::Bounds { part, index, lower, upper, requirement });
    }
    Ok(())
}
