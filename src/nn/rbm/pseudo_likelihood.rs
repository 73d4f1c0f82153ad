//! Pseudo-likelihood: how well each visible unit is predicted from all the others. It needs no Z.
//!
//! `PL(v) = Σ_i ln P(v_i | v_{-i}) = -Σ_i softplus(F(v) - F(v⁽ⁱ⁾))` with v⁽ⁱ⁾ the row with bit i flipped (Besag, The
//! Statistician 24, 1975; for these machines: Marlin et al., AISTATS 2010). A flip changes the hidden fields by ±W's
//! column i, so no product is needed for each: `F(v⁽ⁱ⁾) = -a·v⁽ⁱ⁾ - Σ_j softplus(x_j ± W_ji)`.
//!
//! Cost: an exponential for each weight and row; of the stochastic form 2 visible hidden flops a row.

use super::kernels::softplus_columns;
use super::model::Rbm;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::parallel::map_chunks;
use crate::random::RandomStream;
use crate::scalar::Scalar;

impl<T: Scalar> Rbm<T> {
    /// The pseudo-log-likelihood of each row, summed over all visible units, in nats: rows of `data` (samples,
    /// visible), which must be bits.
    ///
    /// # Errors
    /// As [`free_energy`](Self::free_energy); [`Error::Argument`] for an entry that is neither 0 nor 1,
    /// [`Error::Unsupported`] for real visible units.
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm};
    /// // Without weights the units are independent: the pseudo-likelihood is the likelihood.
    /// let mut rbm = Rbm::<f64>::zeros(3, 2)?;
    /// rbm.visible_bias_mut().copy_from_slice(&[0.5, -1.0, 2.0]);
    /// let data = Matrix::from_rows([[1.0, 0.0, 1.0]]);
    /// let (pseudo, exact) = (rbm.pseudo_log_likelihood(&data)?[0], rbm.exact_log_likelihood(&data)?);
    /// assert!((pseudo - exact).abs() < 1e-14);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn pseudo_log_likelihood<'a>(&self, data: impl Into<MatrixView<'a, T>>) -> Result<Vec<f64>> {
        const ROWS: usize = 4;
        let data = data.into();
        self.check_bits("Rbm::pseudo_log_likelihood", data)?;
        let mut fields = Matrix::zeros(self.hidden(), data.rows());
        self.hidden_products(data, fields.view_mut());
        let fields = fields.transposed();
        let parts = map_chunks(data.rows(), ROWS, |rows| {
            let mut x = vec![T::ZERO; self.hidden()];
            let mut flips = vec![T::ZERO; self.visible()];
            let ones = vec![T::ONE; self.visible()];
            let mut changes = vec![0.0; self.visible()];
            let mut here = [0.0];
            let sums = rows.map(|row| {
                for ((x, field), bias) in x.iter_mut().zip(fields.row(row)).zip(self.hidden_bias()) {
                    *x = *field + *bias;
                }
                here[0] = 0.0;
                let column = MatrixView::from_slice(&x, x.len(), 1).expect("one column");
                softplus_columns(column, &x, &[T::ONE], &[T::ZERO], 1.0, &mut here);
                for (flip, v) in flips.iter_mut().zip(data.row(row)) {
                    *flip = T::ONE - *v - *v;
                }
                // F(v) - F(v flipped), unit by unit.
                let biases = self.visible_bias().iter().zip(&flips);
                for (change, (bias, flip)) in changes.iter_mut().zip(biases) {
                    *change = bias.to_f64() * flip.to_f64() - here[0];
                }
                softplus_columns(self.weight(), &x, &flips, &ones, 1.0, &mut changes);
                -changes.iter().map(|change| softplus(*change)).sum::<f64>()
            });
            sums.collect::<Vec<f64>>()
        });
        Ok(parts.concat())
    }

    /// An unbiased estimate of the mean of [`pseudo_log_likelihood`](Self::pseudo_log_likelihood) over the rows, with its standard error:
    /// one unit of each row, drawn at random, times their number.
    ///
    /// # Errors
    /// As [`pseudo_log_likelihood`](Self::pseudo_log_likelihood).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm, random::RandomStream};
    /// let rbm = Rbm::<f32>::zeros(5, 2)?;
    /// let (mean, error) = rbm.stochastic_pseudo_log_likelihood(&Matrix::zeros(10, 5), &mut RandomStream::new(1))?;
    /// assert!((mean + 5.0 * 2.0_f64.ln()).abs() < 1e-5 && error < 1e-5); // every unit is a fair coin
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn stochastic_pseudo_log_likelihood<'a>(
        &self,
        data: impl Into<MatrixView<'a, T>>,
        stream: &mut RandomStream,
    ) -> Result<(f64, f64)> {
        let data = data.into();
        self.check_bits("Rbm::stochastic_pseudo_log_likelihood", data)?;
        let mut flipped = data.to_matrix();
        for row in 0..flipped.rows() {
            let unit = stream.below(self.visible() as u64)? as usize;
            let value = &mut flipped.row_mut(row)[unit];
            *value = T::ONE - *value;
        }
        let (here, there) = (self.free_energy(data)?, self.free_energy(&flipped)?);
        let units = self.visible() as f64;
        let terms: Vec<f64> =
            here.iter().zip(&there).map(|(here, there)| -units * softplus(here - there)).collect();
        let count = terms.len() as f64;
        let mean = terms.iter().sum::<f64>() / count;
        let squares: f64 = terms.iter().map(|term| (term - mean) * (term - mean)).sum();
        let error = if count > 1.0 { (squares / (count - 1.0) / count).sqrt() } else { f64::NAN };
        Ok((mean, error))
    }

    /// Refuses real units, and numbers that are neither 0 nor 1.
    fn check_bits(&self, operation: &'static str, data: MatrixView<'_, T>) -> Result<()> {
        if self.is_gaussian() {
            return Err(Error::Unsupported { operation, requirement: "visible units that are bits" });
        }
        self.check_visible(operation, "data", data)?;
        for row in data.iter_rows() {
            if let Some(value) = row.iter().find(|value| **value != T::ZERO && **value != T::ONE) {
                let requirement = "it must be 0 or 1 (draw the pixels, or threshold them)";
                return Err(Error::Argument {
                    name: "entry of the data",
                    value: value.to_f64(),
                    requirement,
                });
            }
        }
        Ok(())
    }
}

/// ln(1 + e^x).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}
