//! Exact log Z, likelihood and gradient by enumeration of the smaller layer.
//!
//! One layer given, the other sums up in closed form: with s the states of the smaller layer, c its bias, x(s) the fields on the larger
//! one,
//!
//! `Z = Σ_s e^{c·s} Π_i (1 + e^{x_i(s)})`, or for Gaussian visible units, s hidden, `Π_i sqrt(2π σᵢ²) e^{(x_i² - aᵢ²) / 2σᵢ²}`.
//!
//! So `2^small` states instead of `2^(visible + hidden)`. The states of the lowest eight units are a table whose fields one product
//! computes; all other units are a shift of it. Everything is in `f64`, whatever the machine's type.
//!
//! Cost: `2^small large` exponentials for log Z, three times that for the gradient. Memory: a few tables of 256 rows.
//! Accuracy: k EPSILON times the largest magnitude of an exponent, on a sum that cancels nothing. Tasks are fixed
//! groups of states, added in order: the same bits for any number of threads.

use super::kernels::softplus_rows;
use super::model::{Rbm, VisibleUnits};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, Operation, gemm};
use crate::parallel::map_chunks;
use crate::scalar::Scalar;

/// Units whose states make the table.
const TABLE_UNITS: usize = 8;
/// Tasks into which the states are cut at most.
const TASKS: usize = 128;
/// Units that can be enumerated: 2^25 states.
const LARGEST: usize = 25;

/// Exact log-likelihood and its gradient: see [`Rbm::exact_gradient`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExactGradient {
    /// ln Z.
    pub log_z: f64,
    /// The mean of ln P(v) over the data, in nats.
    pub log_likelihood: f64,
    /// Its gradient with respect to all [parameters](crate::nn::Parameters::parameters), in their order:
    /// `<v h>_data - <v h>_model` and the same for the biases.
    pub gradient: Vec<f64>,
}

impl<T: Scalar> Rbm<T> {
    /// ln Z by enumeration of the smaller layer (of the hidden layer for Gaussian visible units), in `f64`.
    ///
    /// # Errors
    /// [`Error::Argument`] if that layer has more than 25 units; [`Error::NotFinite`] if a parameter is not finite.
    ///
    /// # Examples
    /// ```
    /// use brenier::nn::Rbm;
    /// let rbm = Rbm::<f32>::zeros(30, 4)?;
    /// assert!((rbm.exact_log_z()? - 34.0 * 2.0_f64.ln()).abs() < 1e-12);
    /// assert!(Rbm::<f32>::zeros(30, 26)?.exact_log_z().is_err());
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn exact_log_z(&self) -> Result<f64> {
        Ok(Enumeration::new(self)?.log_z())
    }

    /// The mean of ln P(v) = -F(v) - ln Z over `data` (samples, visible), in nats, with ln Z by enumeration.
    ///
    /// # Errors
    /// As [`exact_log_z`](Self::exact_log_z) and, for the data, [`free_energy`](Self::free_energy).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm};
    /// let rbm = Rbm::zeros(3, 2)?;
    /// let fair = rbm.exact_log_likelihood(&Matrix::from_rows([[0.0, 1.0, 1.0]]))?;
    /// assert!((fair + 3.0 * 2.0_f64.ln()).abs() < 1e-14);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn exact_log_likelihood<'a>(&self, data: impl Into<MatrixView<'a, T>>) -> Result<f64> {
        let data = data.into();
        let free = self.free_energy(data)?;
        Ok(-free.iter().sum::<f64>() / free.len() as f64 - self.exact_log_z()?)
    }

    /// The gradient of the mean log-likelihood of `data` (samples, visible), with both expectations exact: the limit of contrastive
    /// divergence with infinitely many steps and chains. It points uphill.
    ///
    /// # Errors
    /// As [`exact_log_likelihood`](Self::exact_log_likelihood).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm};
    /// let data = Matrix::from_rows([[1.0, 1.0], [1.0, 0.0]]);
    /// let answer = Rbm::zeros(2, 1)?.exact_gradient(&data)?;
    /// // weight, visible bias, hidden bias: <v h> is <v>/2, and the model's units are fair coins.
    /// for (found, expected) in answer.gradient.iter().zip([0.25, 0.0, 0.5, 0.0, 0.0]) {
    ///     assert!((found - expected).abs() < 1e-15);
    /// }
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn exact_gradient<'a>(&self, data: impl Into<MatrixView<'a, T>>) -> Result<ExactGradient> {
        let data = data.into();
        self.check_visible("Rbm::exact_gradient", "data", data)?;
        let enumeration = Enumeration::new(self)?;
        let log_z = enumeration.log_z();
        let moments = enumeration.moments(log_z);
        let wide = self.cast::<f64>()?;
        let data = data.to_matrix().cast::<f64>();
        let free = wide.free_energy(&data)?;
        let log_likelihood = -free.iter().sum::<f64>() / free.len() as f64 - log_z;

        // <v h> of the data, less the model's.
        let means = wide.hidden_probabilities(&data)?;
        let mut copy = Matrix::default();
        let messages = wide.messages(data.view(), &mut copy);
        let mut gradient = Rbm::<f64>::zeros(self.visible(), self.hidden())?;
        let (weight, visible, hidden) = gradient.parts_mut();
        let count = data.rows() as f64;
        let target = crate::MatrixViewMut::from_slice(weight, means.columns(), data.columns())?;
        gemm(1.0 / count, &means, Operation::Transpose, messages, Operation::Plain, 0.0, target)?;
        for (value, model) in weight.iter_mut().zip(moments.weight.as_slice()) {
            *value -= model;
        }
        for (slice, rows, model) in
            [(visible, messages, &moments.visible), (hidden, means.view(), &moments.hidden)]
        {
            for (column, value) in slice.iter_mut().enumerate() {
                *value = rows.column(column).sum::<f64>() / count - model[column];
            }
        }
        use crate::nn::Parameters;
        Ok(ExactGradient { log_z, log_likelihood, gradient: gradient.parameters().to_vec() })
    }
}

/// Expectations under the model: of v h, v, h, with v/σ² for v.
pub(super) struct Moments {
    /// (hidden, visible).
    pub weight: Matrix<f64>,
    /// (visible).
    pub visible: Vec<f64>,
    /// (hidden).
    pub hidden: Vec<f64>,
}

/// The states of the smaller layer, prepared.
pub(super) struct Enumeration {
    /// (small, large): what a unit of the smaller layer adds to the fields on the larger one.
    weight: Matrix<f64>,
    /// The bias of the smaller layer.
    small_bias: Vec<f64>,
    /// The bias of the larger layer.
    large_bias: Vec<f64>,
    /// Variances of the larger layer if it is Gaussian.
    variances: Option<Vec<f64>>,
    /// Whether the smaller layer is the hidden one.
    hidden_is_small: bool,
    /// Bits of the table's states: (states, table units).
    bits: Matrix<f64>,
    /// Their fields on the larger layer, without the bias: (states, large).
    table: Matrix<f64>,
    /// Their part of c·s: (states).
    exponents: Vec<f64>,
}

impl Enumeration {
    /// Chooses the layer and makes the table.
    pub(super) fn new<T: Scalar>(rbm: &Rbm<T>) -> Result<Self> {
        use crate::nn::Parameters;
        if let Some(index) = rbm.parameters().iter().position(|value| !value.is_finite()) {
            let value = rbm.parameters()[index].to_f64();
            return Err(Error::NotFinite { what: "parameters", index, value });
        }
        let hidden_is_small = rbm.is_gaussian() || rbm.hidden() <= rbm.visible();
        let small = if hidden_is_small { rbm.hidden() } else { rbm.visible() };
        if small > LARGEST {
            return Err(Error::Argument {
                name: "number of units to enumerate",
                value: small as f64,
                requirement: "at most 25 (estimate log Z by annealed importance sampling instead)",
            });
        }
        let wide = |values: &[T]| -> Vec<f64> { values.iter().map(|value| value.to_f64()).collect() };
        let weight = rbm.weight().to_matrix().cast::<f64>();
        let (visible_bias, hidden_bias) = (wide(rbm.visible_bias()), wide(rbm.hidden_bias()));
        let (weight, small_bias, large_bias) = if hidden_is_small {
            (weight, hidden_bias, visible_bias)
        } else {
            (weight.transposed(), visible_bias, hidden_bias)
        };
        let variances = match rbm.units() {
            VisibleUnits::Bernoulli => None,
            VisibleUnits::Gaussian { variances } => Some(wide(variances)),
        };
        let low = small.min(TABLE_UNITS);
        let bits = Matrix::from_fn(1 << low, low, |state, unit| (state >> unit & 1) as f64);
        let mut table = Matrix::zeros(1 << low, weight.columns());
        let rows = weight.rows_range(0..low);
        gemm(1.0, &bits, Operation::Plain, rows, Operation::Plain, 0.0, &mut table)?;
        let exponents = bits.iter_rows().map(|row| dot(row, &small_bias)).collect();
        Ok(Self { weight, small_bias, large_bias, variances, hidden_is_small, bits, table, exponents })
    }

    /// Number of tables that the states are.
    fn blocks(&self) -> usize {
        1 << (self.small_bias.len() - self.bits.columns())
    }

    /// Tables in a task.
    fn blocks_in_task(&self) -> usize {
        self.blocks().div_ceil(TASKS)
    }

    /// The units above the table's that are one in a block.
    fn high_units(&self, block: usize) -> impl Iterator<Item = usize> + '_ {
        let low = self.bits.columns();
        (low..self.small_bias.len()).filter(move |unit| block >> (unit - low) & 1 == 1)
    }

    /// The logarithms of a block's terms into `terms` and, where asked for, the means of the larger layer.
    fn block(
        &self,
        block: usize,
        shift: &mut [f64],
        terms: &mut [f64],
        mut means: Option<crate::MatrixViewMut<'_, f64>>,
    ) {
        shift.copy_from_slice(&self.large_bias);
        let mut exponent = 0.0;
        for unit in self.high_units(block) {
            exponent += self.small_bias[unit];
            for (shift, weight) in shift.iter_mut().zip(self.weight.row(unit)) {
                *shift += weight;
            }
        }
        match &self.variances {
            None => softplus_rows(self.table.view(), shift, terms, means),
            Some(variances) => {
                for (state, term) in terms.iter_mut().enumerate() {
                    *term = 0.0;
                    for (unit, table) in self.table.row(state).iter().enumerate() {
                        let (bias, variance) = (self.large_bias[unit], variances[unit]);
                        let mean = table + shift[unit];
                        *term += 0.5 * (std::f64::consts::TAU * variance).ln()
                            + (mean - bias) * (mean + bias) / (2.0 * variance);
                        if let Some(means) = &mut means {
                            means.row_mut(state)[unit] = mean / variance;
                        }
                    }
                }
            }
        }
        for (term, low) in terms.iter_mut().zip(&self.exponents) {
            *term += exponent + low;
        }
    }

    /// ln Z.
    pub(super) fn log_z(&self) -> f64 {
        let parts = map_chunks(self.blocks(), self.blocks_in_task(), |blocks| {
            let mut shift = vec![0.0; self.large_bias.len()];
            let mut terms = vec![0.0; self.table.rows()];
            let logarithms = blocks.map(|block| {
                self.block(block, &mut shift, &mut terms, None);
                crate::simd::log_sum_exp(&terms)
            });
            crate::simd::log_sum_exp(&logarithms.collect::<Vec<_>>())
        });
        crate::simd::log_sum_exp(&parts)
    }

    /// Expectations under the model whose ln Z is given.
    pub(super) fn moments(&self, log_z: f64) -> Moments {
        let (small, large) = self.weight.shape();
        let low = self.bits.columns();
        // (small + 1, large): the products of both layers, and in the last row the larger layer; then the smaller layer.
        let parts = map_chunks(self.blocks(), self.blocks_in_task(), |blocks| {
            let mut shift = vec![0.0; large];
            let mut terms = vec![0.0; self.table.rows()];
            let mut means = Matrix::zeros(self.table.rows(), large);
            let mut products = Matrix::zeros(small + 1, large);
            let mut sums = vec![0.0; small];
            let mut total = vec![0.0; large];
            for block in blocks {
                self.block(block, &mut shift, &mut terms, Some(means.view_mut()));
                total.fill(0.0);
                let mut mass = 0.0;
                for (state, term) in terms.iter().enumerate() {
                    let weight = (term - log_z).exp();
                    mass += weight;
                    for (sum, bit) in sums.iter_mut().zip(self.bits.row(state)) {
                        *sum += weight * bit;
                    }
                    for (mean, total) in means.row_mut(state).iter_mut().zip(&mut total) {
                        *mean *= weight;
                        *total += *mean;
                    }
                }
                let products_low = products.view_mut().submatrix(0..low, 0..large);
                gemm(1.0, &self.bits, Operation::Transpose, &means, Operation::Plain, 1.0, products_low)
                    .expect("tables that fit");
                for unit in self.high_units(block).chain([small]) {
                    if unit < small {
                        sums[unit] += mass;
                    }
                    for (product, total) in products.row_mut(unit).iter_mut().zip(&total) {
                        *product += total;
                    }
                }
            }
            (products, sums)
        });
        let mut products = Matrix::zeros(small + 1, large);
        let mut sums = vec![0.0; small];
        for (part, part_sums) in &parts {
            for (total, value) in products.as_mut_slice().iter_mut().zip(part.as_slice()) {
                *total += value;
            }
            for (total, value) in sums.iter_mut().zip(part_sums) {
                *total += value;
            }
        }
        let weight = products.rows_range(0..small);
        let other = products.row(small).to_vec();
        if self.hidden_is_small {
            Moments { weight: weight.to_matrix(), visible: other, hidden: sums }
        } else {
            Moments { weight: weight.transposed(), visible: sums, hidden: other }
        }
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}
