//! log Z of machines that are too large to enumerate, by annealed importance sampling.
//!
//! Each chain is drawn from the independent units of a base distribution and goes through Gibbs steps of a path of
//! distributions to the machine, f_k(v) the unnormalised marginal of v at β_k (see the path in
//! [`Tempering`](super::Tempering)); its weight `w = Π_k f_{k+1}(v_k) / f_k(v_k)` has the mean `Z / Z_base` for any
//! path and any number of levels (Neal, Statistics and Computing 11, 2001; Salakhutdinov and Murray, ICML 2008, whose
//! base distribution has the data's means). `Z_base = 2^hidden Π_i (1 + e^{base_i})`, for real units
//! `2^hidden Π_i sqrt(2π σᵢ²)`.
//!
//! The estimate of Z is unbiased, that of ln Z tends to lie below. Its error is honest only if the chains see every mode: the effective
//! sample size tells how many of them carry the weight, and cannot tell of modes that none has seen.
//!
//! Cost: 4 levels chains visible hidden flops and three exponentials for each hidden unit of a chain and level. All
//! chains go through each product together. Weights are summed in `f64`; for a machine of `f32` each step adds a
//! rounding of about 1e-5 of random sign.

use super::energy::softplus_sums;
use super::kernels;
use super::layers::{Path, draw_hidden};
use super::model::{Rbm, VisibleUnits};
use super::tempering::{check_levels, even_levels, path_slopes};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::random::RandomStream;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Options of [`estimate_log_z`].
///
/// # Examples
/// ```
/// use brenier::nn::rbm::AnnealingOptions;
/// let options = AnnealingOptions::<f64>::default().with_chains(200).with_levels(5000);
/// assert_eq!(options.inverse_temperatures.len(), 5000);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AnnealingOptions<T> {
    /// Number of independent chains, default 100.
    pub chains: usize,
    /// β of each level: rising from 0 to 1. Default: 1000, evenly.
    pub inverse_temperatures: Vec<f64>,
    /// The visible bias of the base distribution, by default the machine's. [`Rbm::bias_of_means`] of the data is
    /// better for a trained machine.
    pub base: Option<Vec<T>>,
}

impl<T: Scalar> Default for AnnealingOptions<T> {
    fn default() -> Self {
        Self { chains: 100, inverse_temperatures: even_levels(1000), base: None }
    }
}

impl<T: Scalar> AnnealingOptions<T> {
    /// Sets the number of chains.
    pub fn with_chains(mut self, chains: usize) -> Self {
        self.chains = chains;
        self
    }

    /// Sets `levels` inverse temperatures, at least two, evenly from 0 to 1.
    pub fn with_levels(mut self, levels: usize) -> Self {
        self.inverse_temperatures = even_levels(levels);
        self
    }

    /// Sets the inverse temperatures: rising, from 0 to 1.
    pub fn with_inverse_temperatures(mut self, inverse_temperatures: &[f64]) -> Self {
        self.inverse_temperatures = inverse_temperatures.to_vec();
        self
    }

    /// Sets the visible bias of the base distribution.
    pub fn with_base(mut self, base: &[T]) -> Self {
        self.base = Some(base.to_vec());
        self
    }
}

/// What an observer sees after each level.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct AnnealingProgress {
    /// Levels reached, from 1.
    pub level: usize,
    /// Number of levels.
    pub levels: usize,
    /// β of the level.
    pub inverse_temperature: f64,
}

/// How far an estimate can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnnealingStatus {
    /// The effective sample size is a tenth of the chains at least, and five at least.
    Finished,
    /// Few chains carry the weight: the estimate is probably low and its standard error too small. More levels help.
    FewEffectiveChains,
    /// The observer stopped it: there is no estimate.
    Stopped,
}

/// An estimate of ln Z.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogZEstimate {
    /// ln of the estimate of Z; NaN if stopped.
    pub log_z: f64,
    /// Standard error of `log_z` to first order: that of the mean weight over the mean weight. NaN for a single chain.
    pub standard_error: f64,
    /// (Σ w)² / Σ w²: the number of equal weights that would be as good.
    pub effective_sample_size: f64,
    /// How far to rely on it.
    pub status: AnnealingStatus,
    /// ln of each chain's weight, with ln Z_base in it: each is an estimate of its own.
    pub log_weights: Vec<f64>,
}

impl LogZEstimate {
    /// ln Z at `count` standard errors of Z below and above: (ln(Ẑ - kσ), ln(Ẑ + kσ)). The first is -infinity where the error is too large.
    pub fn interval(&self, count: f64) -> (f64, f64) {
        let spread = count * self.standard_error;
        (self.log_z + (1.0 - spread).max(0.0).ln(), self.log_z + (1.0 + spread).ln())
    }
}

/// Estimates ln Z by annealed importance sampling (see the [module](self)).
///
/// # Errors
/// [`Error::Argument`] without chains, or for inverse temperatures that do not rise from 0 to 1; [`Error::Shape`] for
/// a base of another length; [`Error::NotFinite`] for a base or parameters that are not finite.
///
/// # Examples
/// ```
/// use brenier::nn::Rbm;
/// use brenier::nn::rbm::{AnnealingOptions, estimate_log_z};
/// use brenier::random::RandomStream;
/// let rbm = Rbm::<f64>::random(12, 8, 0.5, &mut RandomStream::new(1))?;
/// let options = AnnealingOptions::default().with_levels(200);
/// let estimate = estimate_log_z(&rbm, &options, RandomStream::new(2))?;
/// assert!((estimate.log_z - rbm.exact_log_z()?).abs() < 5.0 * estimate.standard_error);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn estimate_log_z<T: Scalar>(
    rbm: &Rbm<T>,
    options: &AnnealingOptions<T>,
    stream: RandomStream,
) -> Result<LogZEstimate> {
    estimate_log_z_with(rbm, options, stream, &mut |_| ControlFlow::Continue(()))
}

/// The same with an observer, called after each level, that can stop.
///
/// # Errors
/// As [`estimate_log_z`].
pub fn estimate_log_z_with<T: Scalar>(
    rbm: &Rbm<T>,
    options: &AnnealingOptions<T>,
    mut stream: RandomStream,
    observer: &mut dyn FnMut(&AnnealingProgress) -> ControlFlow<()>,
) -> Result<LogZEstimate> {
    let base = check(rbm, options)?;
    let (chains, levels) = (options.chains, &options.inverse_temperatures);
    let log_z_base = log_z_of_base(rbm, &base);
    let mut fields = Matrix::try_zeros(rbm.hidden(), chains)?;
    let mut hidden = Matrix::zeros(chains, rbm.hidden());
    let mut visible = Matrix::try_zeros(chains, rbm.visible())?;
    let mut noise = vec![T::ZERO; chains * rbm.visible().max(rbm.hidden())];
    let mut log_weights = vec![log_z_base; chains];
    let mut slopes = vec![0.0; chains];
    let mut copy = Matrix::default();
    let scales = |beta: f64| vec![T::from_f64(beta); chains];
    let mut now = scales(0.0);
    let path = Path { base: &base, scales: &now };
    // At β = 0 the hidden units have no say: a draw from the base distribution.
    rbm.draw_visible(hidden.view(), path, &mut stream, &mut noise, visible.view_mut());
    for (level, pair) in levels.windows(2).enumerate() {
        let next = scales(pair[1]);
        rbm.hidden_products(rbm.messages(visible.view(), &mut copy), fields.view_mut());
        softplus_sums(fields.view(), rbm.hidden_bias(), &next, &next, 1.0, &mut log_weights);
        softplus_sums(fields.view(), rbm.hidden_bias(), &now, &now, -1.0, &mut log_weights);
        path_slopes(rbm, &visible, &base, &mut slopes);
        let change = next[0].to_f64() - now[0].to_f64();
        for (weight, slope) in log_weights.iter_mut().zip(&slopes) {
            *weight += change * slope;
        }
        now = next;
        let progress =
            AnnealingProgress { level: level + 2, levels: levels.len(), inverse_temperature: pair[1] };
        if observer(&progress).is_break() {
            return Ok(LogZEstimate {
                log_z: f64::NAN,
                standard_error: f64::NAN,
                effective_sample_size: 0.0,
                status: AnnealingStatus::Stopped,
                log_weights,
            });
        }
        if level + 2 < levels.len() {
            kernels::activate_hidden(fields.view_mut(), rbm.hidden_bias(), &now);
            draw_hidden(fields.view(), &mut stream, &mut noise, &mut hidden);
            let path = Path { base: &base, scales: &now };
            rbm.draw_visible(hidden.view(), path, &mut stream, &mut noise, visible.view_mut());
        }
    }
    Ok(summary(log_weights))
}

/// The base distribution, of options that have a meaning.
fn check<T: Scalar>(rbm: &Rbm<T>, options: &AnnealingOptions<T>) -> Result<Vec<T>> {
    use crate::nn::Parameters;
    if options.chains == 0 {
        return Err(Error::Argument { name: "chains", value: 0.0, requirement: "it must be at least 1" });
    }
    check_levels(&options.inverse_temperatures)?;
    let first = options.inverse_temperatures[0];
    if first != 0.0 {
        let requirement = "the first must be 0";
        return Err(Error::Argument { name: "inverse temperature", value: first, requirement });
    }
    let base = options.base.as_deref().unwrap_or(rbm.visible_bias()).to_vec();
    if base.len() != rbm.visible() {
        return Err(super::model::shape("estimate_log_z", "length of the base", rbm.visible(), base.len()));
    }
    for (what, values) in [("base", &base[..]), ("parameters", rbm.parameters())] {
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { what, index, value: values[index].to_f64() });
        }
    }
    Ok(base)
}

/// ln Z at β = 0.
fn log_z_of_base<T: Scalar>(rbm: &Rbm<T>, base: &[T]) -> f64 {
    let visible: f64 = match rbm.units() {
        VisibleUnits::Bernoulli => base
            .iter()
            .map(|bias| {
                let bias = bias.to_f64();
                bias.max(0.0) + (-bias.abs()).exp().ln_1p()
            })
            .sum(),
        VisibleUnits::Gaussian { variances } => {
            variances.iter().map(|s| 0.5 * (std::f64::consts::TAU * s.to_f64()).ln()).sum()
        }
    };
    rbm.hidden() as f64 * std::f64::consts::LN_2 + visible
}

/// Mean, error and effective size of weights given by their logarithms.
fn summary(log_weights: Vec<f64>) -> LogZEstimate {
    let count = log_weights.len() as f64;
    let log_z = crate::simd::log_sum_exp(&log_weights) - count.ln();
    // Weights over their mean.
    let ratios: Vec<f64> = log_weights.iter().map(|weight| (weight - log_z).exp()).collect();
    let spread: f64 = ratios.iter().map(|ratio| (ratio - 1.0) * (ratio - 1.0)).sum();
    let squares: f64 = ratios.iter().map(|ratio| ratio * ratio).sum();
    let standard_error = if count > 1.0 { (spread / (count - 1.0) / count).sqrt() } else { f64::NAN };
    let effective_sample_size = count * count / squares;
    let good = effective_sample_size >= (0.1 * count).max(5.0);
    let status = if good { AnnealingStatus::Finished } else { AnnealingStatus::FewEffectiveChains };
    LogZEstimate { log_z, standard_error, effective_sample_size, status, log_weights }
}

impl<T: Scalar> Rbm<T> {
    /// The mean of ln P(v) = -F(v) - ln Z over `data` (samples, visible), in nats, for a ln Z that was estimated or computed.
    ///
    /// # Errors
    /// As [`free_energy`](Self::free_energy).
    pub fn log_likelihood<'a>(&self, data: impl Into<MatrixView<'a, T>>, log_z: f64) -> Result<f64> {
        let free = self.free_energy(data)?;
        Ok(-free.iter().sum::<f64>() / free.len() as f64 - log_z)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_summed_up() {
        let estimate = summary(vec![2.0_f64.ln(), 4.0_f64.ln()]);
        assert!((estimate.log_z - 3.0_f64.ln()).abs() < 1e-15);
        // The standard error of a mean of 2 and 4 is 1.
        assert!((estimate.standard_error - 1.0 / 3.0).abs() < 1e-15);
        assert!((estimate.effective_sample_size - 36.0 / 20.0).abs() < 1e-14);
        assert_eq!(estimate.status, AnnealingStatus::FewEffectiveChains);
        let (low, high) = estimate.interval(1.0);
        assert!((low - 2.0_f64.ln()).abs() < 1e-14 && (high - 4.0_f64.ln()).abs() < 1e-14);
        assert_eq!(estimate.interval(4.0).0, f64::NEG_INFINITY);
        assert!(summary(vec![1.0]).standard_error.is_nan());
        // The size of the numbers is no obstacle.
        assert!((summary(vec![2000.0; 10]).log_z - 2000.0).abs() < 1e-12);
    }
}
