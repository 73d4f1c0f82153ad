//! What an optimiser remembers between two steps, to be kept and put back.

use super::check_not_negative;
use crate::Scalar;
use crate::error::{Error, Result};

/// One number per parameter that an optimiser carries from step to step.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment<T> {
    /// Its name, as in PyTorch's `state_dict`: `exp_avg`, `exp_avg_sq`, `max_exp_avg_sq`, `momentum_buffer`.
    pub name: String,
    /// Its values, in the order of the parameters.
    pub values: Vec<T>,
}

/// All that an optimiser's later steps depend on, its options aside.
///
/// # Examples
/// ```
/// use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
/// let mut parameters = [1.0_f32, 2.0];
/// let mut adam = Adam::new(AdamOptions::default())?;
/// adam.step(&mut parameters, &[0.5, -0.5])?;
/// let (kept, state) = (parameters, adam.state());
/// adam.step(&mut parameters, &[0.1, 0.2])?;
///
/// let (mut again, mut other) = (kept, Adam::new(AdamOptions::default())?);
/// other.restore(state)?;
/// other.step(&mut again, &[0.1, 0.2])?;
/// assert_eq!(again, parameters); // the same bits
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OptimiserState<T> {
    /// The optimiser's kind: `Sgd`, `Adam` or `AdamW`.
    pub kind: String,
    /// Steps taken.
    pub steps: u64,
    /// The learning rate of the next step.
    pub learning_rate: f64,
    /// The moments; none before the first step.
    pub moments: Vec<Moment<T>>,
}

impl<T: Scalar> OptimiserState<T> {
    /// The state of an optimiser of this kind with these moments; before the first step, or where it keeps none, they are empty.
    pub(super) fn new(kind: &str, steps: u64, learning_rate: f64, moments: &[(&'static str, &[T])]) -> Self {
        let moments = moments
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|&(name, values)| Moment { name: name.to_owned(), values: values.to_vec() })
            .collect();
        Self { kind: kind.to_owned(), steps, learning_rate, moments }
    }

    /// The values of the moments `names`, in this order: all of the same length, empty before the first step.
    pub(super) fn into_moments<const N: usize>(
        self,
        kind: &'static str,
        names: [&'static str; N],
    ) -> Result<[Vec<T>; N]> {
        if self.kind != kind {
            return Err(Error::UnknownName {
                what: "the kind of the optimiser's state",
                got: self.kind,
                expected: kind,
            });
        }
        check_not_negative("learning rate of the state", self.learning_rate)?;
        let count = if self.steps == 0 { 0 } else { N };
        let operation = "Optimiser::restore";
        if self.moments.len() != count {
            let what = "number of moments";
            return Err(Error::Shape { operation, what, expected: count, got: self.moments.len() });
        }
        let mut values: [Vec<T>; N] = std::array::from_fn(|_| Vec::new());
        for moment in self.moments {
            let Some(place) = names.iter().position(|name| *name == moment.name) else {
                let (got, expected) = (moment.name, names.first().copied().unwrap_or("none"));
                return Err(Error::UnknownName { what: "the moment", got, expected });
            };
            values[place] = moment.values;
        }
        if count > 0 {
            let expected = values[0].len();
            for moment in &values {
                if moment.len() != expected || moment.is_empty() {
                    return Err(Error::Shape {
                        operation,
                        what: "length of a moment",
                        expected,
                        got: moment.len(),
                    });
                }
            }
        }
        Ok(values)
    }
}
