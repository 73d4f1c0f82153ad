//! Models in files that PyTorch reads, and the other way round.
//!
//! A checkpoint is a [safetensors](crate::data::safetensors) file with a tensor for each of the model's, under its
//! name and with its shape ([`Parameters::tensors`]): where the names are those of a PyTorch module,
//! `model.load_state_dict(safetensors.torch.load_file(path))` takes it, and what
//! `save_file(model.state_dict(), path)` wrote loads here. A file depends on the model and the texts alone, bit for
//! bit, and appears as a whole or not at all.
//!
//! [`save_training`] also keeps the state of the optimiser, so that [`load_training`] goes on with the same bits:
//! each moment is a tensor `optimiser.<name>` as long as all parameters, and kind, steps and learning rate are texts.
//! [`load`] passes over them.
//!
//! What a model holds but does not learn ([`Parameters::constants`]: the variances of a Gaussian [`Rbm`](super::Rbm),
//! the frequencies of Fourier features in a [`Sequential`](super::Sequential)) is there too, in `f64`, as PyTorch's
//! buffers are.
//!
//! Half-precision and single tensors go into `f64` models exactly; `f64` tensors into `f32` models are rounded to nearest.

mod error;
mod training;

pub use error::{CheckpointError, Result, ShapeMismatch};
pub use training::{load_training, save_training};

use super::{Constant, Parameters, TensorPlace};
use crate::data::safetensors::SafeTensors;
use crate::data::{Array, DataError};
use crate::scalar::Scalar;
use std::collections::BTreeMap;
use std::path::Path;

/// What begins the names of an optimiser's tensors and texts in a file.
const OPTIMISER: &str = "optimiser.";

/// What is done about NaN and infinities in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NotFinite {
    /// They are refused.
    #[default]
    Refuse,
    /// They are loaded, to look at a model that broke.
    Accept,
}

/// Saves a model, with texts.
///
/// # Errors
/// [`CheckpointError::Layout`] for a model whose tensors do not cover its parameters in order, or have one name
/// twice; [`CheckpointError::File`] if the file cannot be written. A file that was there before is then unchanged.
///
/// # Examples
/// ```
/// use brenier::nn::{Parameters, TensorPlace, checkpoint};
///
/// struct Line([f32; 3]); // y = a₁ x₁ + a₂ x₂ + b
///
/// impl Parameters<f32> for Line {
///     fn parameters(&self) -> &[f32] {
///         &self.0
///     }
///     fn parameters_mut(&mut self) -> &mut [f32] {
///         &mut self.0
///     }
///     fn tensors(&self) -> Vec<TensorPlace> {
///         vec![
///             TensorPlace { name: "weight".into(), shape: vec![1, 2], range: 0..2 },
///             TensorPlace { name: "bias".into(), shape: vec![1], range: 2..3 },
///         ]
///     }
/// }
///
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-save.safetensors", std::process::id()));
/// checkpoint::save(&path, &Line([1.0, 2.0, 0.5]), &[("epochs", "3")])?;
/// let mut model = Line([0.0; 3]);
/// let texts = checkpoint::load(&path, &mut model)?;
/// assert_eq!((model.0, texts["epochs"].as_str()), ([1.0, 2.0, 0.5], "3"));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), checkpoint::CheckpointError>(())
/// ```
pub fn save<T: Scalar>(
    path: impl AsRef<Path>,
    model: &(impl Parameters<T> + ?Sized),
    texts: &[(&str, &str)],
) -> Result<()> {
    Ok(file_of(model, texts)?.write(path)?)
}

/// Loads a model from a file that has its tensors and no others, and returns the file's texts.
///
/// # Errors
/// [`CheckpointError::OtherModel`] with all tensors that are missing, unexpected or of another shape;
/// [`CheckpointError::NotFinite`]; [`CheckpointError::Tensor`] for elements that the model's type cannot hold;
/// [`CheckpointError::Constants`] for constants that the model refuses; [`CheckpointError::File`] for a file that
/// cannot be read. The model has not changed then.
pub fn load<T: Scalar>(
    path: impl AsRef<Path>,
    model: &mut (impl Parameters<T> + ?Sized),
) -> Result<BTreeMap<String, String>> {
    load_with(path, model, NotFinite::Refuse)
}

/// [`load`], with a choice about NaN and infinities.
///
/// # Errors
/// As there.
pub fn load_with<T: Scalar>(
    path: impl AsRef<Path>,
    model: &mut (impl Parameters<T> + ?Sized),
    not_finite: NotFinite,
) -> Result<BTreeMap<String, String>> {
    let path = path.as_ref();
    let mut file = SafeTensors::read(path)?;
    let (parameters, constants) = take_model(path, &mut file, model, not_finite)?;
    set_constants(path, model, &constants)?;
    model.parameters_mut().copy_from_slice(&parameters);
    file.metadata.retain(|key, _| !key.starts_with(OPTIMISER));
    Ok(file.metadata)
}

/// The tensors of a model as a file.
fn file_of<T: Scalar>(model: &(impl Parameters<T> + ?Sized), texts: &[(&str, &str)]) -> Result<SafeTensors> {
    let parameters = model.parameters();
    let mut file = SafeTensors::default();
    for TensorPlace { name, shape, range } in checked_tensors(model)? {
        let array = Array::from_scalars(&shape, &parameters[range])?;
        if file.insert(name.clone(), array)?.is_some() {
            return Err(CheckpointError::Layout { name, problem: "is there twice" });
        }
    }
    for Constant { name, shape, values, .. } in model.constants() {
        if name.starts_with(OPTIMISER) {
            let problem = "has a name that is kept for the optimiser";
            return Err(CheckpointError::Layout { name, problem });
        }
        if file.insert(name.clone(), Array::from_scalars(&shape, &values)?)?.is_some() {
            return Err(CheckpointError::Layout { name, problem: "is there twice" });
        }
    }
    for (key, value) in texts {
        file.metadata.insert((*key).to_owned(), (*value).to_owned());
    }
    Ok(file)
}

/// The tensors of a model: in order, without gaps, over all parameters.
fn checked_tensors<T: Scalar>(model: &(impl Parameters<T> + ?Sized)) -> Result<Vec<TensorPlace>> {
    let tensors = model.tensors();
    let mut end = 0;
    for TensorPlace { name, shape, range } in &tensors {
        let count = shape.iter().try_fold(1_usize, |count, &dimension| count.checked_mul(dimension));
        let problem = if name.starts_with(OPTIMISER) {
            "has a name that is kept for the optimiser"
        } else if range.start != end {
            "does not begin where the one before ends"
        } else if range.end < range.start || count != Some(range.len()) {
            "has a shape that does not fit its range"
        } else {
            end = range.end;
            continue;
        };
        return Err(CheckpointError::Layout { name: name.clone(), problem });
    }
    if end != model.parameters().len() {
        let name = tensors.last().map_or(String::new(), |tensor| tensor.name.clone());
        return Err(CheckpointError::Layout {
            name,
            problem: "is the last, but does not end with the parameters",
        });
    }
    Ok(tensors)
}

/// The parameters of a model and its constants out of a file, whose other tensors may only be an optimiser's.
fn take_model<T: Scalar>(
    path: &Path,
    file: &mut SafeTensors,
    model: &(impl Parameters<T> + ?Sized),
    not_finite: NotFinite,
) -> Result<(Vec<T>, Vec<Constant>)> {
    let (tensors, mut constants) = (checked_tensors(model)?, model.constants());
    let (mut missing, mut shapes) = (Vec::new(), Vec::new());
    let learned = tensors.iter().map(|TensorPlace { name, shape, .. }| (name, shape, true));
    let held = constants.iter().map(|Constant { name, shape, required, .. }| (name, shape, *required));
    for (name, shape, required) in learned.chain(held) {
        match file.tensor(name) {
            None if required => missing.push(name.clone()),
            Some(array) if array.shape() != shape => shapes.push(ShapeMismatch {
                name: name.clone(),
                expected: shape.clone(),
                got: array.shape().to_vec(),
            }),
            _ => {}
        }
    }
    let known = |name: &str| {
        name.starts_with(OPTIMISER)
            || tensors.iter().any(|tensor| tensor.name == name)
            || constants.iter().any(|constant| constant.name == name)
    };
    let unexpected: Vec<String> =
        file.tensors().map(|(name, _)| name).filter(|name| !known(name)).map(str::to_owned).collect();
    if !(missing.is_empty() && unexpected.is_empty() && shapes.is_empty()) {
        return Err(CheckpointError::OtherModel { path: path.to_owned(), missing, unexpected, shapes });
    }
    let mut parameters = Vec::with_capacity(model.parameters().len());
    for TensorPlace { name, .. } in &tensors {
        parameters.extend(take_tensor::<T>(path, file, name, not_finite)?);
    }
    for constant in &mut constants {
        if file.tensor(&constant.name).is_some() {
            constant.values = take_tensor::<f64>(path, file, &constant.name, not_finite)?;
        }
    }
    Ok((parameters, constants))
}

/// Gives a model its constants.
fn set_constants<T: Scalar>(
    path: &Path,
    model: &mut (impl Parameters<T> + ?Sized),
    constants: &[Constant],
) -> Result<()> {
    model
        .set_constants(constants)
        .map_err(|reason| CheckpointError::Constants { path: path.to_owned(), reason })
}

/// The elements of a tensor that the file has.
fn take_tensor<T: Scalar>(
    path: &Path,
    file: &mut SafeTensors,
    name: &str,
    not_finite: NotFinite,
) -> Result<Vec<T>> {
    let fail = |reason: DataError| CheckpointError::Tensor {
        path: path.to_owned(),
        name: name.to_owned(),
        reason: Box::new(reason),
    };
    let array = file.remove(name).expect("the caller has seen it");
    let values: Vec<T> = array.into_vec().map_err(fail)?;
    let found = values.iter().position(|value| !value.is_finite());
    match (not_finite, found) {
        (NotFinite::Refuse, Some(index)) => Err(CheckpointError::NotFinite {
            path: path.to_owned(),
            name: name.to_owned(),
            index,
            value: values[index].to_f64(),
        }),
        _ => Ok(values),
    }
}
