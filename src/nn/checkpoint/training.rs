//! A model together with the state of its optimiser.

use super::{
    CheckpointError, NotFinite, OPTIMISER, Parameters, Result, file_of, set_constants, take_model,
    take_tensor,
};
use crate::data::Array;
use crate::data::safetensors::SafeTensors;
use crate::nn::optim::{Moment, Optimiser, OptimiserState};
use crate::scalar::Scalar;
use std::collections::BTreeMap;
use std::path::Path;

/// Saves a model and the state of its optimiser, with texts: what [`load_training`] needs to go on with the same bits.
/// The streams are the caller's to keep: that of the order of the samples
/// ([`state`](crate::random::RandomStream::state)), and those that the [`Dropout`](crate::nn::Dropout) layers of a
/// chain are built with.
///
/// # Errors
/// As [`save`](super::save).
///
/// # Examples
/// ```
/// use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
/// use brenier::nn::{Parameters, TensorPlace, checkpoint};
/// # struct Point([f64; 2]);
/// # impl Parameters<f64> for Point {
/// #     fn parameters(&self) -> &[f64] {
/// #         &self.0
/// #     }
/// #     fn parameters_mut(&mut self) -> &mut [f64] {
/// #         &mut self.0
/// #     }
/// #     fn tensors(&self) -> Vec<TensorPlace> {
/// #         vec![TensorPlace { name: "point".into(), shape: vec![2], range: 0..2 }]
/// #     }
/// # }
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-training.safetensors", std::process::id()));
/// let (mut model, mut adam) = (Point([1.0, 2.0]), Adam::new(AdamOptions::default())?);
/// adam.step(model.parameters_mut(), &[0.5, -0.5])?;
/// checkpoint::save_training(&path, &model, &adam, &[])?;
///
/// let (mut again, mut other) = (Point([0.0; 2]), Adam::new(AdamOptions::default())?);
/// checkpoint::load_training(&path, &mut again, &mut other)?;
/// assert_eq!((again.0, other.state()), (model.0, adam.state()));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn save_training<T: Scalar>(
    path: impl AsRef<Path>,
    model: &(impl Parameters<T> + ?Sized),
    optimiser: &(impl Optimiser<T> + ?Sized),
    texts: &[(&str, &str)],
) -> Result<()> {
    let mut file = file_of(model, texts)?;
    let OptimiserState { kind, steps, learning_rate, moments } = optimiser.state();
    for Moment { name, values } in moments {
        file.insert(format!("{OPTIMISER}{name}"), Array::from_scalars(&[values.len()], &values)?)?;
    }
    for (key, value) in [
        ("kind", kind),
        ("steps", steps.to_string()),
        // The shortest digits that give the same number back.
        ("learning_rate", format!("{learning_rate:?}")),
    ] {
        file.metadata.insert(format!("{OPTIMISER}{key}"), value);
    }
    Ok(file.write(path)?)
}

/// Loads a model and the state of its optimiser, and returns the file's other texts. The optimiser's options are not
/// in the file: make it with those that it had.
///
/// # Errors
/// As [`load`](super::load); [`CheckpointError::NoState`] for a file without an optimiser's state, or an incomplete
/// one; [`CheckpointError::State`] for a state that the optimiser refuses. Neither model nor optimiser has changed
/// then.
pub fn load_training<T: Scalar>(
    path: impl AsRef<Path>,
    model: &mut (impl Parameters<T> + ?Sized),
    optimiser: &mut (impl Optimiser<T> + ?Sized),
) -> Result<BTreeMap<String, String>> {
    let path = path.as_ref();
    let mut file = SafeTensors::read(path)?;
    let (parameters, constants) = take_model(path, &mut file, model, NotFinite::Refuse)?;
    let state = take_state(path, &mut file, parameters.len())?;
    let constants_before = model.constants();
    set_constants(path, model, &constants)?;
    if let Err(reason) = optimiser.restore(state) {
        set_constants(path, model, &constants_before)?;
        return Err(CheckpointError::State { path: path.to_owned(), reason });
    }
    model.parameters_mut().copy_from_slice(&parameters);
    Ok(file.metadata)
}

/// The state of an optimiser of so many parameters, out of a file.
fn take_state<T: Scalar>(
    path: &Path,
    file: &mut SafeTensors,
    parameters: usize,
) -> Result<OptimiserState<T>> {
    let fail = |problem: String| CheckpointError::NoState { path: path.to_owned(), problem };
    let mut text = |key: &str| {
        let name = format!("{OPTIMISER}{key}");
        file.metadata
            .remove(&name)
            .ok_or_else(|| fail(format!("there is no text {name:?}: no state of an optimiser")))
    };
    let kind = text("kind")?;
    let (steps, learning_rate) = (text("steps")?, text("learning_rate")?);
    let steps =
        steps.parse().map_err(|_| fail(format!("\"{OPTIMISER}steps\" is {steps:?}, not a whole number")))?;
    let learning_rate = learning_rate
        .parse()
        .map_err(|_| fail(format!("\"{OPTIMISER}learning_rate\" is {learning_rate:?}, not a number")))?;
    let names: Vec<String> =
        file.tensors().map(|(name, _)| name.to_owned()).filter(|name| name.starts_with(OPTIMISER)).collect();
    let mut moments = Vec::with_capacity(names.len());
    for name in names {
        let shape = file.tensor(&name).map_or(&[] as &[usize], Array::shape);
        if shape != [parameters] {
            return Err(fail(format!("{name:?} has shape {shape:?}, expected [{parameters}]")));
        }
        let values = take_tensor(path, file, &name, NotFinite::Refuse)?;
        moments.push(Moment { name: name[OPTIMISER.len()..].to_owned(), values });
    }
    Ok(OptimiserState { kind, steps, learning_rate, moments })
}
