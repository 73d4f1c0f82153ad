//! Parallel tempering: chains at several inverse temperatures β that exchange their states.
//!
//! At β the visible field is `(1-β) base + β (a + Wᵀh)` and the hidden one `β (b + W v)`: independent units at 0, the
//! machine at 1. With base 0 and bits that is the energy times β. After a Gibbs step neighbours k, k+1 exchange their
//! visible rows with probability `min(1, f_k(v') f_{k+1}(v) / (f_k(v) f_{k+1}(v')))`, f the unnormalised marginals of
//! v (hidden units summed out), even and odd pairs in turn. That leaves the product of all distributions as it is
//! (Swendsen and Wang, Phys. Rev. Lett. 57, 1986; for these machines: Desjardins et al., AISTATS 2010). The hot
//! chains cross between modes, and hand their states down.
//!
//! A sweep costs a Gibbs step of all temperatures and two exponentials more for each hidden unit: fields are computed once and are used for
//! the exchange and the next draw.

use super::energy::softplus_sums;
use super::gibbs::check_sizes;
use super::kernels;
use super::layers::{Path, draw_hidden};
use super::model::{Rbm, VisibleUnits};
use crate::error::{Error, Result};
use crate::matrix::Matrix;
use crate::parallel;
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// Options of [`Tempering`].
///
/// # Examples
/// ```
/// use brenier::nn::rbm::TemperingOptions;
/// let options = TemperingOptions::default().with_chains(20).with_levels(5);
/// assert_eq!(options.inverse_temperatures, [0.0, 0.25, 0.5, 0.75, 1.0]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TemperingOptions {
    /// Number of ladders, each of which gives one chain at β = 1. Default 64.
    pub chains: usize,
    /// β of each level: rising, in [0, 1], the last 1. Default: ten, evenly from 0 to 1.
    pub inverse_temperatures: Vec<f64>,
}

impl Default for TemperingOptions {
    fn default() -> Self {
        Self { chains: 64, inverse_temperatures: Vec::new() }.with_levels(10)
    }
}

impl TemperingOptions {
    /// Sets the number of ladders.
    pub fn with_chains(mut self, chains: usize) -> Self {
        self.chains = chains;
        self
    }

    /// Sets `levels` inverse temperatures, evenly from 0 to 1; a single one is 1.
    pub fn with_levels(mut self, levels: usize) -> Self {
        self.inverse_temperatures = even_levels(levels);
        self
    }

    /// Sets the inverse temperatures: rising, in [0, 1], the last 1.
    pub fn with_inverse_temperatures(mut self, inverse_temperatures: &[f64]) -> Self {
        self.inverse_temperatures = inverse_temperatures.to_vec();
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.chains == 0 {
            return Err(Error::Argument { name: "chains", value: 0.0, requirement: "it must be at least 1" });
        }
        check_levels(&self.inverse_temperatures)
    }
}

/// Evenly from 0 to 1.
pub(super) fn even_levels(levels: usize) -> Vec<f64> {
    match levels {
        1 => vec![1.0],
        _ => (0..levels).map(|k| k as f64 / (levels - 1) as f64).collect(),
    }
}

/// Refuses inverse temperatures that do not rise within [0, 1] to 1.
pub(super) fn check_levels(levels: &[f64]) -> Result<()> {
    let Some(&last) = levels.last() else {
        return Err(Error::Empty { what: "inverse temperatures" });
    };
    let refuse =
        |value, requirement| Err(Error::Argument { name: "inverse temperature", value, requirement });
    if let Some(&value) = levels.iter().find(|beta| !(0.0..=1.0).contains(*beta)) {
        return refuse(value, "it must lie between 0 and 1");
    }
    if let Some(pair) = levels.windows(2).find(|pair| pair[0] >= pair[1]) {
        return refuse(pair[1], "inverse temperatures must rise");
    }
    if last != 1.0 { refuse(last, "the last must be 1") } else { Ok(()) }
}

/// Ladders of chains that exchange states.
///
/// # Examples
/// ```
/// use brenier::{Matrix, nn::Rbm, nn::rbm::{Tempering, TemperingOptions}};
/// use brenier::random::RandomStream;
/// // Both units on or both off: between these two modes plain Gibbs steps cross once in a thousand.
/// let rbm = Rbm::from_parts(&Matrix::from_rows([[20.0, 20.0]]), &[-10.0, -10.0], &[-20.0])?;
/// let mut chains = Tempering::new(&rbm, &TemperingOptions::default(), RandomStream::new(1))?;
/// chains.advance(&rbm, 200)?;
/// let mean = chains.visible_rows().map(|row| row[0]).sum::<f64>() / 64.0;
/// assert!((mean - 0.5).abs() < 0.25); // four standard deviations of 64 fair coins
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tempering<T> {
    chains: usize,
    levels: Vec<f64>,
    /// `row_of[chain * levels + level]`: where the state of a chain's level lies.
    row_of: Vec<usize>,
    visible: Matrix<T>,
    messages: Matrix<T>,
    fields: Matrix<T>,
    hidden: Matrix<T>,
    noise: Vec<T>,
    base: Vec<T>,
    scales: Vec<T>,
    other_scales: Vec<T>,
    /// ln of the unnormalised marginals' ratio, other level over own, for each row.
    gains: Vec<f64>,
    slopes: Vec<f64>,
    sweeps: u64,
    tried: Vec<u64>,
    accepted: Vec<u64>,
    stream: RandomStream,
}

impl<T: Scalar> Tempering<T> {
    /// Ladders that start from independent fair coins, or N(0, σ²), at every level.
    ///
    /// # Errors
    /// [`Error::Argument`] and [`Error::Empty`] for options out of their ranges.
    pub fn new(rbm: &Rbm<T>, options: &TemperingOptions, stream: RandomStream) -> Result<Self> {
        options.check()?;
        let levels = options.inverse_temperatures.clone();
        let Some(rows) = options.chains.checked_mul(levels.len()) else {
            let (value, requirement) =
                (options.chains as f64, "the chains of all levels must fit into memory");
            return Err(Error::Argument { name: "chains", value, requirement });
        };
        let start = super::Chains::new(rbm, rows, stream.split(0))?.visible().to_matrix();
        let scales: Vec<T> = (0..rows).map(|row| T::from_f64(levels[row % levels.len()])).collect();
        Ok(Self {
            chains: options.chains,
            row_of: (0..rows).collect(),
            messages: if rbm.scaling().is_some() { start.clone() } else { Matrix::zeros(0, 0) },
            visible: start,
            fields: Matrix::zeros(rbm.hidden(), rows),
            hidden: Matrix::zeros(rows, rbm.hidden()),
            noise: vec![T::ZERO; rows * rbm.visible().max(rbm.hidden())],
            base: vec![T::ZERO; rbm.visible()],
            other_scales: scales.clone(),
            scales,
            gains: vec![0.0; rows],
            slopes: vec![0.0; rows],
            sweeps: 0,
            tried: vec![0; levels.len().saturating_sub(1)],
            accepted: vec![0; levels.len().saturating_sub(1)],
            levels,
            stream,
        })
    }

    /// `sweeps` times: an exchange between neighbours, then a Gibbs step at every level.
    ///
    /// # Errors
    /// [`Error::Shape`] if the machine has other sizes than the one that the ladders were made for.
    pub fn advance(&mut self, rbm: &Rbm<T>, sweeps: usize) -> Result<()> {
        check_sizes("Tempering::advance", rbm, self.visible.columns(), self.hidden.columns())?;
        for _ in 0..sweeps {
            if rbm.scaling().is_some() {
                if self.messages.is_empty() {
                    self.messages = self.visible.clone();
                }
                self.messages.as_mut_slice().copy_from_slice(self.visible.as_slice());
                rbm.scale_messages(self.messages.as_mut_slice());
                rbm.hidden_products(self.messages.view(), self.fields.view_mut());
            } else {
                rbm.hidden_products(self.visible.view(), self.fields.view_mut());
            }
            self.exchange(rbm);
            // The fields are those of the states, whatever their level.
            let fields = self.fields.view_mut();
            kernels::activate_hidden(fields, rbm.hidden_bias(), &self.scales);
            draw_hidden(self.fields.view(), &mut self.stream, &mut self.noise, &mut self.hidden);
            let path = Path { base: &self.base, scales: &self.scales };
            let visible = self.visible.view_mut();
            rbm.draw_visible(self.hidden.view(), path, &mut self.stream, &mut self.noise, visible);
            self.sweeps += 1;
        }
        Ok(())
    }

    /// Offers every second pair of neighbours an exchange: levels move, states stay.
    fn exchange(&mut self, rbm: &Rbm<T>) {
        let levels = self.levels.len();
        let first = (self.sweeps % 2) as usize;
        if levels < 2 {
            return;
        }
        self.other_scales.copy_from_slice(&self.scales);
        for ladder in self.row_of.chunks_exact(levels) {
            for level in (first..levels - 1).step_by(2) {
                let (cold, hot) = (ladder[level + 1], ladder[level]);
                self.other_scales[cold] = self.scales[hot];
                self.other_scales[hot] = self.scales[cold];
            }
        }
        let bias = rbm.hidden_bias();
        self.gains.fill(0.0);
        let fields = self.fields.view();
        softplus_sums(fields, bias, &self.other_scales, &self.other_scales, 1.0, &mut self.gains);
        softplus_sums(fields, bias, &self.scales, &self.scales, -1.0, &mut self.gains);
        path_slopes(rbm, &self.visible, &self.base, &mut self.slopes);
        for row in 0..self.gains.len() {
            let change = self.other_scales[row].to_f64() - self.scales[row].to_f64();
            self.gains[row] += change * self.slopes[row];
        }
        for chain in 0..self.chains {
            for level in (first..levels - 1).step_by(2) {
                let uniform: f64 = self.stream.uniform();
                let places = [chain * levels + level, chain * levels + level + 1];
                let [hot, cold] = places.map(|place| self.row_of[place]);
                self.tried[level] += 1;
                // ln of a number in (0, 1]: an exchange that lowers nothing is always made.
                if (1.0 - uniform).ln() <= self.gains[hot] + self.gains[cold] {
                    self.accepted[level] += 1;
                    self.row_of.swap(places[0], places[1]);
                    self.scales.swap(hot, cold);
                }
            }
        }
    }

    /// The visible units of the chains at β = 1, a row each.
    pub fn visible_rows(&self) -> impl ExactSizeIterator<Item = &[T]> {
        let levels = self.levels.len();
        (0..self.chains).map(move |chain| self.visible.row(self.row_of[chain * levels + levels - 1]))
    }

    /// The same as a matrix: (chains, visible).
    pub fn visible(&self) -> Matrix<T> {
        let mut out = Matrix::zeros(self.chains, self.visible.columns());
        for (chain, row) in self.visible_rows().enumerate() {
            out.row_mut(chain).copy_from_slice(row);
        }
        out
    }

    /// The share of exchanges that were made between each level and the next; NaN where none was tried. A fifth to a
    /// half is good; near zero the ladder is broken there and needs more levels.
    pub fn exchange_rates(&self) -> Vec<f64> {
        self.tried
            .iter()
            .zip(&self.accepted)
            .map(|(tried, accepted)| *accepted as f64 / *tried as f64)
            .collect()
    }
}

/// The derivative by β of the visible part of ln f_β(v), for each row: `(a - base)·v`, or `Σ ((v - base)² - (v - a)²) / 2σ²`.
pub(super) fn path_slopes<T: Scalar>(rbm: &Rbm<T>, visible: &Matrix<T>, base: &[T], out: &mut [f64]) {
    const ROWS: usize = 64;
    parallel::for_each_chunk_mut(out, ROWS, |first, part| {
        for (k, slope) in part.iter_mut().enumerate() {
            let row = visible.row(first + k);
            let terms = row.iter().zip(rbm.visible_bias().iter().zip(base));
            let terms = terms.map(|(v, (a, base))| (v.to_f64(), a.to_f64(), base.to_f64()));
            *slope = match rbm.units() {
                VisibleUnits::Bernoulli => terms.map(|(v, a, base)| v * (a - base)).sum(),
                VisibleUnits::Gaussian { variances } => terms
                    .zip(variances)
                    .map(|((v, a, base), s)| (a - base) * (v - 0.5 * (a + base)) / s.to_f64())
                    .sum(),
            };
        }
    });
}
