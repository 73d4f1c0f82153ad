//! Why a checkpoint could not be kept or put back.

use crate::data::DataError;
use std::path::PathBuf;

/// A result with this room's [`CheckpointError`].
pub type Result<T> = std::result::Result<T, CheckpointError>;

/// Why a checkpoint could not be saved or loaded. After an error of loading, model and optimiser are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be read or written, or is not what its format asks for.
    #[error(transparent)]
    File(#[from] DataError),
    /// The file is of another model.
    #[error("{}: not a checkpoint of this model: {}", path.display(), describe(missing, unexpected, shapes))]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// Tensors of the model that the file does not have.
        missing: Vec<String>,
        /// Tensors of the file that the model does not have.
        unexpected: Vec<String>,
        /// Tensors of both whose shapes differ.
        shapes: Vec<ShapeMismatch>,
    },
    /// A tensor's elements do not fit the model's type.
    #[error("{}: tensor {name:?}: {reason}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What does not fit.
        reason: Box<DataError>,
    },
    /// A number is NaN or infinite.
    #[error("{}: element {index} of {name:?} is {value}: it must be finite (checkpoint::load_with takes it)", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Position of the first such element, in C order.
        index: usize,
        /// The element.
        value: f64,
    },
    /// The file has no state of an optimiser, or one that is incomplete.
    #[error("{}: {problem}", path.display())]
    NoState {
        /// The file.
        path: PathBuf,
        /// What is missing.
        problem: String,
    },
    /// The optimiser refuses the state.
    #[error("{}: {reason}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: crate::Error,
    },
    /// The model refuses the constants of the file.
    #[error("{}: {reason}", path.display())]
    Constants {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: crate::Error,
    },
    /// The model's own list of tensors does not fit its parameters.
    #[error("the model's tensor {name:?} {problem}")]
    Layout {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A tensor that has one shape in the model and another in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeMismatch {
    /// Its name.
    pub name: String,
    /// Its shape in the model.
    pub expected: Vec<usize>,
    /// Its shape in the file.
    pub got: Vec<usize>,
}

/// Names that a message lists before it only counts.
const LISTED: usize = 6;

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    text
}

fn describe(missing: &[String], unexpected: &[String], shapes: &[ShapeMismatch]) -> String {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("missing: {}", list(missing)));
    }
    if !unexpected.is_empty() {
        parts.push(format!("unexpected: {}", list(unexpected)));
    }
    for ShapeMismatch { name, expected, got } in shapes.iter().take(LISTED) {
        parts.push(format!("{name:?} has shape {got:?}, expected {expected:?}"));
    }
    if shapes.len() > LISTED {
        parts.push(format!("{} more shapes differ", shapes.len() - LISTED));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_list_what_differs() {
        let names = |count: usize| (0..count).map(|k| format!("t{k}")).collect::<Vec<_>>();
        let shape = ShapeMismatch { name: "w".into(), expected: vec![2, 3], got: vec![3, 2] };
        let error = CheckpointError::OtherModel {
            path: "a.safetensors".into(),
            missing: names(1),
            unexpected: names(8),
            shapes: vec![shape],
        };
        assert_eq!(
            error.to_string(),
            "a.safetensors: not a checkpoint of this model: missing: \"t0\"; unexpected: \"t0\", \"t1\", \"t2\", \"t3\", \"t4\", \"t5\" and 2 more; \
             \"w\" has shape [3, 2], expected [2, 3]"
        );
    }
}
