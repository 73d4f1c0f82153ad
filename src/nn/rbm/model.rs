//! The machine itself: its parameters in one slice, what its visible units are, and which inputs it takes.

use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::nn::{Constant, Parameters, TensorPlace};
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// What a visible unit holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum VisibleUnits<T> {
    /// A bit: 0 or 1. Numbers between are taken as probabilities.
    Bernoulli,
    /// A real number.
    Gaussian {
        /// σᵢ², the variance of each visible unit given the hidden ones: (visible). Fixed, not trained.
        variances: Vec<T>,
    },
}

/// A restricted Boltzmann machine with binary hidden units: see the [room](super) for its distribution.
///
/// Parameters lie in one slice, as tensors `weight` (hidden, visible), `visible_bias` (visible) and `hidden_bias`
/// (hidden): an optimiser or a checkpoint takes it as any other model ([`Parameters`]). The variances of Gaussian
/// units are no parameters, but a [constant](Parameters::constants) of the name `variances`: a checkpoint keeps them,
/// and loading gives the machine those of the file. A file that has none loads only into a machine whose variances
/// are all 1; where others were meant, load it so and call [`with_gaussian_visible`](Rbm::with_gaussian_visible)
/// after that.
///
/// # Examples
/// ```
/// use brenier::nn::{Parameters, Rbm};
/// use brenier::random::RandomStream;
/// let rbm = Rbm::<f32>::random(784, 256, 0.01, &mut RandomStream::new(1))?;
/// assert_eq!(rbm.weight().shape(), (256, 784));
/// assert_eq!(rbm.parameters().len(), 784 * 256 + 784 + 256);
/// assert_eq!(rbm.tensors()[0].name, "weight");
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rbm<T> {
    visible: usize,
    hidden: usize,
    parameters: Vec<T>,
    units: VisibleUnits<T>,
}

impl<T: Scalar> Rbm<T> {
    /// The machine whose parameters are all zero: every unit is a fair coin.
    ///
    /// # Errors
    /// [`Error::Empty`] without visible or without hidden units, [`Error::Argument`] if the weights do not fit into the address space.
    pub fn zeros(visible: usize, hidden: usize) -> Result<Self> {
        if visible == 0 {
            return Err(Error::Empty { what: "the visible layer" });
        }
        if hidden == 0 {
            return Err(Error::Empty { what: "the hidden layer" });
        }
        let too_many = Error::Argument {
            name: "visible * hidden",
            value: visible as f64 * hidden as f64,
            requirement: "the weights must fit into the address space",
        };
        // One number more for each unit: two rows or columns at most.
        let count = (visible.checked_add(1)).zip(hidden.checked_add(1)).and_then(|(v, h)| v.checked_mul(h));
        match count {
            Some(count) if count <= isize::MAX as usize / size_of::<T>() => {
                let parameters = vec![T::ZERO; visible * hidden + visible + hidden];
                Ok(Self { visible, hidden, parameters, units: VisibleUnits::Bernoulli })
            }
            _ => Err(too_many),
        }
    }

    /// A machine with weights drawn from N(0, `deviation`²) and biases of zero. 0.01 is usual (Hinton, "A practical guide to training
    /// restricted Boltzmann machines", 2012, section 8).
    ///
    /// # Errors
    /// As [`zeros`](Self::zeros); [`Error::Argument`] unless `deviation` is finite and not negative.
    pub fn random(visible: usize, hidden: usize, deviation: T, stream: &mut RandomStream) -> Result<Self> {
        let mut rbm = Self::zeros(visible, hidden)?;
        stream.fill_normal_with(&mut rbm.parameters[..visible * hidden], T::ZERO, deviation)?;
        Ok(rbm)
    }

    /// The machine of given parameters: weight (hidden, visible), visible bias (visible), hidden bias (hidden).
    ///
    /// # Errors
    /// [`Error::Shape`] if they do not fit together, [`Error::NotFinite`] and [`Error::NotFiniteEntry`] for NaN and infinities, and as
    /// [`zeros`](Self::zeros).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm};
    /// let rbm = Rbm::from_parts(&Matrix::from_rows([[1.0, -2.0]]), &[0.5, 0.0], &[-1.0])?;
    /// assert_eq!((rbm.visible(), rbm.hidden()), (2, 1));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn from_parts<'a>(
        weight: impl Into<MatrixView<'a, T>>,
        visible_bias: &[T],
        hidden_bias: &[T],
    ) -> Result<Self> {
        let weight = weight.into();
        let mut rbm = Self::zeros(weight.columns(), weight.rows())?;
        check_length("length of the visible bias", rbm.visible, visible_bias.len())?;
        check_length("length of the hidden bias", rbm.hidden, hidden_bias.len())?;
        weight.check_finite("weight")?;
        check_finite("visible bias", visible_bias)?;
        check_finite("hidden bias", hidden_bias)?;
        for (target, row) in rbm.parameters.chunks_exact_mut(rbm.visible).zip(weight.iter_rows()) {
            target.copy_from_slice(row);
        }
        rbm.visible_bias_mut().copy_from_slice(visible_bias);
        rbm.hidden_bias_mut().copy_from_slice(hidden_bias);
        Ok(rbm)
    }

    /// The same parameters with real visible units of the given variances σᵢ².
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one for each visible unit, [`Error::Argument`] for one that is not finite and positive.
    ///
    /// # Examples
    /// ```
    /// use brenier::nn::Rbm;
    /// let rbm = Rbm::<f64>::zeros(3, 2)?.with_gaussian_visible(&[1.0; 3])?;
    /// assert!(rbm.is_gaussian());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn with_gaussian_visible(mut self, variances: &[T]) -> Result<Self> {
        self.units = gaussian_units(self.visible, variances)?;
        Ok(self)
    }

    /// Number of visible units.
    pub fn visible(&self) -> usize {
        self.visible
    }

    /// Number of hidden units.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// What the visible units are.
    pub fn units(&self) -> &VisibleUnits<T> {
        &self.units
    }

    /// Whether the visible units are real numbers.
    pub fn is_gaussian(&self) -> bool {
        matches!(self.units, VisibleUnits::Gaussian { .. })
    }

    /// W: (hidden, visible).
    pub fn weight(&self) -> MatrixView<'_, T> {
        let weights = &self.parameters[..self.hidden * self.visible];
        MatrixView::from_slice(weights, self.hidden, self.visible).expect("the weights' shape")
    }

    /// a: (visible).
    pub fn visible_bias(&self) -> &[T] {
        &self.parameters[self.hidden * self.visible..][..self.visible]
    }

    /// a, to change.
    pub fn visible_bias_mut(&mut self) -> &mut [T] {
        &mut self.parameters[self.hidden * self.visible..][..self.visible]
    }

    /// b: (hidden).
    pub fn hidden_bias(&self) -> &[T] {
        &self.parameters[self.hidden * self.visible + self.visible..]
    }

    /// b, to change.
    pub fn hidden_bias_mut(&mut self) -> &mut [T] {
        &mut self.parameters[self.hidden * self.visible + self.visible..]
    }

    /// Weights, visible bias and hidden bias, to change all of them.
    pub(super) fn parts_mut(&mut self) -> (&mut [T], &mut [T], &mut [T]) {
        let (weight, biases) = self.parameters.split_at_mut(self.hidden * self.visible);
        let (visible, hidden) = biases.split_at_mut(self.visible);
        (weight, visible, hidden)
    }

    /// The same machine in the other precision.
    ///
    /// # Errors
    /// [`Error::Argument`] for a variance that the other precision cannot hold.
    pub fn cast<U: Scalar>(&self) -> Result<Rbm<U>> {
        let parameters = self.parameters.iter().map(|value| U::from_f64(value.to_f64())).collect();
        let units = VisibleUnits::Bernoulli;
        let rbm = Rbm { visible: self.visible, hidden: self.hidden, parameters, units };
        match &self.units {
            VisibleUnits::Bernoulli => Ok(rbm),
            VisibleUnits::Gaussian { variances } => {
                let variances: Vec<U> = variances.iter().map(|value| U::from_f64(value.to_f64())).collect();
                rbm.with_gaussian_visible(&variances)
            }
        }
    }

    /// The visible bias that gives `data` (samples, visible) its means where W = 0: ln(p/(1-p)) with p = (ones + 1)/(samples + 2) for bits
    /// (Laplace's rule of succession, so that pixels that are never on get a finite bias), the mean for real units.
    ///
    /// It starts a training well (Hinton 2012, section 8), and is the base distribution of
    /// [annealed importance sampling](super::annealed) that Salakhutdinov and Murray advise.
    ///
    /// # Errors
    /// As [`free_energy`](Self::free_energy) for the data.
    pub fn bias_of_means<'a>(&self, data: impl Into<MatrixView<'a, T>>) -> Result<Vec<T>> {
        let data = data.into();
        self.check_visible("Rbm::bias_of_means", "data", data)?;
        let mut sums = vec![0.0; self.visible];
        for row in data.iter_rows() {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value.to_f64();
            }
        }
        let count = data.rows() as f64;
        let bias = |sum: f64| {
            if self.is_gaussian() { sum / count } else { ((sum + 1.0) / (count - sum + 1.0)).ln() }
        };
        Ok(sums.into_iter().map(|sum| T::from_f64(bias(sum))).collect())
    }

    /// Refuses visible rows that this machine cannot take.
    pub(super) fn check_visible(
        &self,
        operation: &'static str,
        what: &'static str,
        rows: MatrixView<'_, T>,
    ) -> Result<()> {
        if rows.rows() == 0 {
            return Err(Error::Empty { what });
        }
        if rows.columns() != self.visible {
            return Err(shape(operation, "number of visible columns", self.visible, rows.columns()));
        }
        if self.is_gaussian() { rows.check_finite(what) } else { check_unit_interval(what, rows) }
    }

    /// Refuses hidden rows that this machine cannot take.
    pub(super) fn check_hidden(&self, operation: &'static str, rows: MatrixView<'_, T>) -> Result<()> {
        if rows.rows() == 0 {
            return Err(Error::Empty { what: "hidden" });
        }
        if rows.columns() != self.hidden {
            return Err(shape(operation, "number of hidden columns", self.hidden, rows.columns()));
        }
        check_unit_interval("hidden", rows)
    }

    /// The variances where the weights must see v/σ² instead of v.
    pub(super) fn scaling(&self) -> Option<&[T]> {
        match &self.units {
            VisibleUnits::Gaussian { variances } if variances.iter().any(|variance| *variance != T::ONE) => {
                Some(variances)
            }
            _ => None,
        }
    }

    /// What the weights multiply: the rows themselves, or v/σ² in a copy.
    pub(super) fn messages<'a>(&self, rows: MatrixView<'a, T>, copy: &'a mut Matrix<T>) -> MatrixView<'a, T> {
        if self.scaling().is_none() {
            return rows;
        }
        *copy = rows.to_matrix();
        self.scale_messages(copy.as_mut_slice());
        copy.view()
    }

    /// v/σ² in place of v.
    pub(super) fn scale_messages(&self, rows: &mut [T]) {
        if let Some(variances) = self.scaling() {
            for row in rows.chunks_exact_mut(self.visible) {
                for (value, variance) in row.iter_mut().zip(variances) {
                    *value = *value / *variance;
                }
            }
        }
    }
}

impl<T: Scalar> Parameters<T> for Rbm<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }

    fn tensors(&self) -> Vec<TensorPlace> {
        let weights = self.hidden * self.visible;
        let biases = weights + self.visible;
        let place =
            |name: &str, shape: Vec<usize>, range| TensorPlace { name: name.to_owned(), shape, range };
        // A name of its own keeps the file of one kind of machine from being read into the other.
        let visible = if self.is_gaussian() { "visible_mean" } else { "visible_bias" };
        vec![
            place("weight", vec![self.hidden, self.visible], 0..weights),
            place(visible, vec![self.visible], weights..biases),
            place("hidden_bias", vec![self.hidden], biases..biases + self.hidden),
        ]
    }

    /// The variances of Gaussian visible units. A file must have them unless all are 1.
    fn constants(&self) -> Vec<Constant> {
        let VisibleUnits::Gaussian { variances } = &self.units else { return Vec::new() };
        vec![Constant {
            name: "variances".to_owned(),
            shape: vec![self.visible],
            values: variances.iter().map(|variance| variance.to_f64()).collect(),
            required: self.scaling().is_some(),
        }]
    }

    fn set_constants(&mut self, constants: &[Constant]) -> Result<()> {
        if let (VisibleUnits::Gaussian { .. }, Some(constant)) = (&self.units, constants.first()) {
            let variances: Vec<T> = constant.values.iter().map(|&value| T::from_f64(value)).collect();
            self.units = gaussian_units(self.visible, &variances)?;
        }
        Ok(())
    }
}

/// Real units of these variances, one for each of the `visible` units.
fn gaussian_units<T: Scalar>(visible: usize, variances: &[T]) -> Result<VisibleUnits<T>> {
    check_length("number of variances", visible, variances.len())?;
    for variance in variances {
        // Messages are multiplied with 1/σ²: it must be a number too.
        if !(variance.is_finite() && *variance > T::ZERO && (T::ONE / *variance).is_finite()) {
            return Err(Error::Argument {
                name: "variance",
                value: variance.to_f64(),
                requirement: "it must be finite and positive, and so must its reciprocal",
            });
        }
    }
    Ok(VisibleUnits::Gaussian { variances: variances.to_vec() })
}

pub(super) fn shape(operation: &'static str, what: &'static str, expected: usize, got: usize) -> Error {
    Error::Shape { operation, what, expected, got }
}

fn check_length(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if expected == got { Ok(()) } else { Err(shape("Rbm", what, expected, got)) }
}

fn check_finite<T: Scalar>(what: &'static str, values: &[T]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { what, index, value: values[index].to_f64() }),
        None => Ok(()),
    }
}

fn check_unit_interval<T: Scalar>(what: &'static str, rows: MatrixView<'_, T>) -> Result<()> {
    let inside = |value: &T| (*value >= T::ZERO) & (*value <= T::ONE);
    for (row, values) in rows.iter_rows().enumerate() {
        // A count has no early exit, so that the compiler makes vector instructions of it.
        let outside = values.iter().filter(|value| !inside(value)).count();
        if outside > 0 {
            let column = values.iter().position(|value| !inside(value)).expect("there is one");
            let value = values[column].to_f64();
            return Err(if value.is_finite() {
                Error::OutsideUnitInterval { what, row, column, value }
            } else {
                Error::NotFiniteEntry { what, row, column, value }
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_cover_the_parameters() {
        let mut rbm = Rbm::<f64>::zeros(3, 2).unwrap();
        let tensors = rbm.tensors();
        assert_eq!(tensors.iter().map(|place| place.range.clone()).collect::<Vec<_>>(), [0..6, 6..9, 9..11]);
        assert_eq!(tensors[0].shape, [2, 3]);
        assert_eq!(tensors[1].name, "visible_bias");
        let gaussian = rbm.clone().with_gaussian_visible(&[1.0; 3]).unwrap();
        assert_eq!(gaussian.tensors()[1].name, "visible_mean");
        for (k, value) in rbm.parameters_mut().iter_mut().enumerate() {
            *value = k as f64;
        }
        assert_eq!(rbm.weight()[(1, 0)], 3.0);
        assert_eq!(rbm.visible_bias(), [6.0, 7.0, 8.0]);
        assert_eq!(rbm.hidden_bias(), [9.0, 10.0]);
        assert_eq!(rbm.cast::<f32>().unwrap().cast::<f64>().unwrap(), rbm);
    }

    #[test]
    fn the_bias_of_means_follows_the_rule_of_succession() {
        let rbm = Rbm::<f64>::zeros(2, 1).unwrap();
        let bias = rbm.bias_of_means(&Matrix::from_rows([[0.0, 1.0], [0.0, 1.0]])).unwrap();
        assert_eq!(bias, [(1.0_f64 / 3.0).ln(), 3.0_f64.ln()]);
        let real = rbm.with_gaussian_visible(&[1.0, 2.0]).unwrap();
        assert_eq!(real.bias_of_means(&Matrix::from_rows([[-1.0, 4.0], [2.0, 4.0]])).unwrap(), [0.5, 4.0]);
    }

    #[test]
    fn bad_sizes_and_numbers_are_refused() {
        assert!(matches!(Rbm::<f64>::zeros(0, 1), Err(Error::Empty { what: "the visible layer" })));
        assert!(matches!(Rbm::<f64>::zeros(1, 0), Err(Error::Empty { what: "the hidden layer" })));
        for (visible, hidden) in [(usize::MAX, 1), (1 << 40, 1 << 40), (usize::MAX / 8, 1)] {
            assert!(matches!(Rbm::<f64>::zeros(visible, hidden), Err(Error::Argument { .. })));
        }
        let weight = Matrix::from_rows([[1.0, f64::NAN]]);
        assert!(matches!(
            Rbm::from_parts(&weight, &[0.0; 2], &[0.0]),
            Err(Error::NotFiniteEntry { row: 0, column: 1, .. })
        ));
        let weight = Matrix::from_rows([[1.0, 2.0]]);
        assert!(matches!(
            Rbm::from_parts(&weight, &[0.0], &[0.0]),
            Err(Error::Shape { expected: 2, got: 1, .. })
        ));
        assert!(matches!(
            Rbm::from_parts(&weight, &[0.0; 2], &[f64::INFINITY]),
            Err(Error::NotFinite { what: "hidden bias", index: 0, .. })
        ));
        let rbm = Rbm::<f32>::zeros(2, 1).unwrap();
        for variances in [[1.0, 0.0], [1.0, -1.0], [f32::NAN, 1.0], [1.0, 1e-45]] {
            assert!(matches!(rbm.clone().with_gaussian_visible(&variances), Err(Error::Argument { .. })));
        }
        assert!(Rbm::<f64>::random(2, 2, f64::NAN, &mut RandomStream::new(1)).is_err());
    }
}
