//! Energy and free energy, and the public conditionals.

use super::kernels;
use super::layers::{Path, draw_hidden};
use super::model::{Rbm, VisibleUnits, shape};
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView, Operation, gemm};
use crate::parallel::for_each_chunk_mut;
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// Chains whose softplus sums one task adds up.
const CHAINS: usize = 64;

impl<T: Scalar> Rbm<T> {
    /// E(v, h) of each row: v: (batch, visible), h: (batch, hidden). In nats. Cost: 2 batch visible hidden flops.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty) without rows, [`Error::Shape`](crate::Error::Shape) for wrong widths,
    /// [`Error::NotFiniteEntry`](crate::Error::NotFiniteEntry), and
    /// [`Error::OutsideUnitInterval`](crate::Error::OutsideUnitInterval) where a unit is a bit.
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm};
    /// let rbm = Rbm::from_parts(&Matrix::from_rows([[1.0, -2.0]]), &[0.5, 0.0], &[-1.0])?;
    /// // -(0.5 * 1) - (-1) - (1 - 2)
    /// assert_eq!(rbm.energy(&Matrix::from_rows([[1.0, 1.0]]), &Matrix::from_rows([[1.0]]))?, [1.5]);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn energy<'a>(
        &self,
        visible: impl Into<MatrixView<'a, T>>,
        hidden: impl Into<MatrixView<'a, T>>,
    ) -> Result<Vec<f64>> {
        let (visible, hidden) = (visible.into(), hidden.into());
        self.check_visible("Rbm::energy", "visible", visible)?;
        self.check_hidden("Rbm::energy", hidden)?;
        if visible.rows() != hidden.rows() {
            return Err(shape("Rbm::energy", "number of hidden rows", visible.rows(), hidden.rows()));
        }
        let mut fields = Matrix::zeros(hidden.rows(), self.hidden());
        let mut copy = Matrix::default();
        let messages = self.messages(visible, &mut copy);
        gemm(T::ONE, messages, Operation::Plain, self.weight(), Operation::Transpose, T::ZERO, &mut fields)?;
        let energies = (0..visible.rows()).map(|row| {
            let mut energy = self.visible_energy(visible.row(row), self.visible_bias());
            for ((h, field), bias) in hidden.row(row).iter().zip(fields.row(row)).zip(self.hidden_bias()) {
                energy -= h.to_f64() * (field.to_f64() + bias.to_f64());
            }
            energy
        });
        Ok(energies.collect())
    }

    /// F(v) = -ln Σ_h e^{-E(v, h)} of each row, so that P(v) = e^{-F(v)} / Z: v: (batch, visible). In nats.
    ///
    /// Cost: 2 batch visible hidden flops, and an exponential for each hidden unit of a row. Error: some k EPSILON (Σ|x| + |a·v|), x the
    /// hidden fields.
    ///
    /// # Errors
    /// As [`energy`](Self::energy).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm};
    /// let rbm = Rbm::from_parts(&Matrix::from_rows([[1.0, -2.0]]), &[0.5, 0.0], &[-1.0])?;
    /// let free = rbm.free_energy(&Matrix::from_rows([[1.0, 1.0]]))?[0];
    /// assert!((free - (-0.5 - (1.0 + (-2.0_f64).exp()).ln())).abs() < 1e-15);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn free_energy<'a>(&self, visible: impl Into<MatrixView<'a, T>>) -> Result<Vec<f64>> {
        let visible = visible.into();
        self.check_visible("Rbm::free_energy", "visible", visible)?;
        let mut fields = Matrix::zeros(self.hidden(), visible.rows());
        let mut copy = Matrix::default();
        self.hidden_products(self.messages(visible, &mut copy), fields.view_mut());
        let ones = vec![T::ONE; visible.rows()];
        let mut free: Vec<f64> =
            visible.iter_rows().map(|row| self.visible_energy(row, self.visible_bias())).collect();
        softplus_sums(fields.view(), self.hidden_bias(), &ones, &ones, -1.0, &mut free);
        Ok(free)
    }

    /// The part of the energy that is the visible units' alone, with the given bias.
    pub(super) fn visible_energy(&self, row: &[T], bias: &[T]) -> f64 {
        let pairs = row.iter().zip(bias).map(|(v, a)| (v.to_f64(), a.to_f64()));
        match self.units() {
            VisibleUnits::Bernoulli => -pairs.map(|(v, a)| v * a).sum::<f64>(),
            VisibleUnits::Gaussian { variances } => {
                pairs.zip(variances).map(|((v, a), s)| (v - a) * (v - a) / (2.0 * s.to_f64())).sum()
            }
        }
    }

    /// P(hⱼ = 1 | v) = sigmoid(bⱼ + Σᵢ Wⱼᵢ vᵢ / σᵢ²): (batch, hidden) of v: (batch, visible). The hidden units are independent given
    /// v, so this is all of P(h | v).
    ///
    /// # Errors
    /// As [`energy`](Self::energy).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, nn::Rbm};
    /// let rbm = Rbm::from_parts(&Matrix::from_rows([[1.0, -2.0]]), &[0.5, 0.0], &[1.0])?;
    /// assert_eq!(rbm.hidden_probabilities(&Matrix::from_rows([[1.0, 1.0]]))?[(0, 0)], 0.5);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn hidden_probabilities<'a>(&self, visible: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        let visible = visible.into();
        self.check_visible("Rbm::hidden_probabilities", "visible", visible)?;
        Ok(self.hidden_columns(visible).transposed())
    }

    /// A draw of h given v: zeros and ones, (batch, hidden).
    ///
    /// Bits are drawn as `u < p` with u uniform on the multiples of 2^-24 (`f32`) or 2^-53 (`f64`) in [0, 1): a chance is right within
    /// 6e-8 or 1e-16.
    ///
    /// # Errors
    /// As [`energy`](Self::energy).
    pub fn sample_hidden<'a>(
        &self,
        visible: impl Into<MatrixView<'a, T>>,
        stream: &mut RandomStream,
    ) -> Result<Matrix<T>> {
        let visible = visible.into();
        self.check_visible("Rbm::sample_hidden", "visible", visible)?;
        let mut out = Matrix::zeros(visible.rows(), self.hidden());
        let mut noise = vec![T::ZERO; visible.rows() * self.hidden()];
        draw_hidden(self.hidden_columns(visible).view(), stream, &mut noise, &mut out);
        Ok(out)
    }

    /// The mean of each visible unit given h: sigmoid(aᵢ + Σⱼ Wⱼᵢ hⱼ), which is P(vᵢ = 1 | h), or aᵢ + Σⱼ Wⱼᵢ hⱼ for real units:
    /// (batch, visible) of h: (batch, hidden).
    ///
    /// # Errors
    /// As [`energy`](Self::energy).
    pub fn visible_means_given<'a>(&self, hidden: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        let hidden = hidden.into();
        self.check_hidden("Rbm::visible_means_given", hidden)?;
        let mut out = Matrix::zeros(hidden.rows(), self.visible());
        let (base, scales) = (vec![T::ZERO; self.visible()], vec![T::ONE; hidden.rows()]);
        self.visible_means(hidden, Path { base: &base, scales: &scales }, out.view_mut());
        Ok(out)
    }

    /// A draw of v given h: (batch, visible).
    ///
    /// # Errors
    /// As [`energy`](Self::energy).
    pub fn sample_visible<'a>(
        &self,
        hidden: impl Into<MatrixView<'a, T>>,
        stream: &mut RandomStream,
    ) -> Result<Matrix<T>> {
        let hidden = hidden.into();
        self.check_hidden("Rbm::sample_visible", hidden)?;
        let mut out = Matrix::zeros(hidden.rows(), self.visible());
        let mut noise = vec![T::ZERO; hidden.rows() * self.visible()];
        let (base, scales) = (vec![T::ZERO; self.visible()], vec![T::ONE; hidden.rows()]);
        self.draw_visible(hidden, Path { base: &base, scales: &scales }, stream, &mut noise, out.view_mut());
        Ok(out)
    }

    /// P(h = 1 | v) as (hidden, batch).
    fn hidden_columns(&self, visible: MatrixView<'_, T>) -> Matrix<T> {
        let mut means = Matrix::zeros(self.hidden(), visible.rows());
        let mut copy = Matrix::default();
        let scales = vec![T::ONE; visible.rows()];
        self.hidden_means(self.messages(visible, &mut copy), &scales, means.view_mut());
        means
    }
}

/// `out[c] += sign Σ_j softplus(scales[c] x[j, c] + shifts[c] bias[j])`, by threads over the chains. x: (hidden, chains).
pub(super) fn softplus_sums<T: Scalar>(
    x: MatrixView<'_, T>,
    bias: &[T],
    scales: &[T],
    shifts: &[T],
    sign: f64,
    out: &mut [f64],
) {
    for_each_chunk_mut(out, CHAINS, |first, out| {
        let columns = first..first + out.len();
        let x = x.submatrix(0..x.rows(), columns.clone());
        kernels::softplus_columns(x, bias, &scales[columns.clone()], &shifts[columns], sign, out);
    });
}
