//! Iterated Bregman projections: the entropic barycentre on a fixed support.
//!
//! With `K = exp(-C/ε)` and plans `πₖ = diag(uₖ) K diag(vₖ)` from histogram aₖ to the barycentre b, each iteration sets
//!
//! `uₖ = aₖ / (K vₖ)`, `b = d Πₖ (Kᵀ uₖ)^λₖ`, `vₖ = b / (Kᵀ uₖ)`,
//!
//! with d = 1 (Benamou, Carlier, Cuturi, Nenna and Peyré, SIAM J. Sci. Comput. 37, 2015, section 3.2), or debiased with
//! `d ← (d b / (K d))^½` after it (Janati, Cuturi and Gramfort, ICML 2020, algorithm 1). All in logarithms. After an iteration all plans
//! have exactly the marginal b; the residual is what they miss of the other one.

use super::log_kernel::{LogKernel, Sum};
use super::{MASS_TOLERANCE, Status, check_masses, check_shares, check_tolerance};
use crate::error::{Error, Result};
use crate::matrix::MatrixView;
use crate::ot::problem::sum;
use crate::ot::progress::Progress;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Options of [`fixed_support`](fn@super::fixed_support) and [`on_grid`](super::on_grid).
///
/// # Examples
/// ```
/// use brenier::ot::barycentre::EntropicOptions;
/// let options = EntropicOptions::new(0.01).debiased().with_tolerance(1e-9);
/// assert!(options.debiased && options.max_iterations == 10_000);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EntropicOptions {
    /// ε, in the unit of the costs.
    pub epsilon: f64,
    /// Whether the entropic blur is removed; by default it is not.
    pub debiased: bool,
    /// Largest number of iterations, at least one, default 10,000.
    pub max_iterations: u64,
    /// The residual to reach, default 1e-7.
    pub tolerance: f64,
}

impl EntropicOptions {
    /// The defaults for this ε. Smaller ones give less blur, more iterations, and below about `max C / 600` slower ones.
    pub fn new(epsilon: f64) -> Self {
        Self { epsilon, debiased: false, max_iterations: 10_000, tolerance: 1e-7 }
    }

    /// Removes the entropic blur: minimises the debiased divergences.
    pub fn debiased(mut self) -> Self {
        self.debiased = true;
        self
    }

    /// Sets the largest number of iterations.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the residual to reach.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Whether all are in their domains.
    pub(super) fn validate(&self) -> Result<()> {
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(Error::Argument {
                name: "epsilon",
                value: self.epsilon,
                requirement: "it must be positive and finite",
            });
        }
        if self.max_iterations == 0 {
            return Err(Error::Argument {
                name: "largest number of iterations",
                value: 0.0,
                requirement: "it must be at least 1",
            });
        }
        check_tolerance(self.tolerance)
    }
}

/// An entropic barycentre, and how well it satisfies the fixed point.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EntropicBarycentre {
    /// b: the mass at each point of the support. Its sum is that of the histograms up to the residual.
    pub histogram: Vec<f64>,
    /// How the iteration ended.
    pub status: Status,
    /// The largest `Σᵢ |Σⱼ πₖᵢⱼ - aₖᵢ|` over the histograms with λₖ > 0, over the mass; debiased also `Σⱼ |dⱼ (K d)ⱼ - bⱼ|` over the
    /// mass. The other conditions of the fixed point hold exactly.
    pub residual: f64,
    /// Iterations done.
    pub iterations: u64,
}

/// Histograms with λ > 0, checked, and their logarithms.
pub(super) struct Members {
    /// log aₖ, one after another, in shares of the mass.
    log_histograms: Vec<f64>,
    shares: Vec<f64>,
    mass: f64,
}

impl Members {
    /// Checks the histograms (measures, points) and the weights λ.
    pub fn new<T: Scalar>(
        operation: &'static str,
        histograms: MatrixView<'_, T>,
        shares: &[f64],
        points: usize,
    ) -> Result<Self> {
        if histograms.rows() == 0 {
            return Err(Error::Empty { what: "histograms" });
        }
        if points == 0 {
            return Err(Error::Empty { what: "the support of the histograms" });
        }
        if histograms.columns() != points {
            return Err(Error::Shape {
                operation,
                what: "number of columns of the histograms",
                expected: points,
                got: histograms.columns(),
            });
        }
        check_shares(operation, shares, histograms.rows())?;
        const WHAT: &str = "histograms";
        histograms.check_finite(WHAT)?;
        let mut masses = Vec::with_capacity(shares.len());
        for (row, histogram) in histograms.iter_rows().enumerate() {
            if let Some(column) = histogram.iter().position(|&entry| entry < T::ZERO) {
                let value = histogram[column].to_f64();
                return Err(Error::NegativeEntry { what: WHAT, row, column, value });
            }
            let mass = sum(histogram.iter().map(|entry| entry.to_f64()));
            if mass == 0.0 {
                return Err(Error::ZeroRow { what: WHAT, row });
            }
            if !mass.is_finite() {
                return Err(Error::Argument {
                    name: "mass of a histogram",
                    value: mass,
                    requirement: "it must be finite",
                });
            }
            masses.push(mass);
        }
        // Histograms that were normalised in f32 differ by their rounding.
        check_masses("histogram", &masses, if T::EPSILON.to_f64() > 1e-10 { 1e-5 } else { MASS_TOLERANCE })?;
        let kept: Vec<usize> = (0..shares.len()).filter(|&k| shares[k] > 0.0).collect();
        let log_histograms = kept
            .iter()
            .flat_map(|&k| histograms.row(k).iter().map(move |entry| (k, entry)))
            .map(|(k, entry)| (entry.to_f64() / masses[k]).ln())
            .collect();
        Ok(Self { log_histograms, shares: kept.iter().map(|&k| shares[k]).collect(), mass: masses[0] })
    }
}

/// The iteration, for any kernel.
pub(super) fn iterate(
    members: &Members,
    kernel: &LogKernel,
    points: usize,
    options: &EntropicOptions,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> EntropicBarycentre {
    let Members { log_histograms, shares, mass } = members;
    let length = log_histograms.len() / shares.len();
    // In logarithms: uₖ, vₖ, b and d.
    let mut log_u = vec![f64::NEG_INFINITY; log_histograms.len()];
    let mut log_v = vec![0.0; points * shares.len()];
    let mut log_b = vec![f64::NEG_INFINITY; points];
    let mut log_d = vec![0.0; points];
    let (mut iterations, mut first_residual) = (0, f64::NAN);
    let (status, residual) = loop {
        let log_kv = kernel.apply(&log_v, Sum::OverColumns);
        let log_kd = if options.debiased { kernel.apply(&log_d, Sum::OverColumns) } else { Vec::new() };
        let missed = |k: usize| {
            let places = k * length..(k + 1) * length;
            let terms = places.map(|i| ((log_u[i] + log_kv[i]).exp() - log_histograms[i].exp()).abs());
            sum(terms)
        };
        let debiasing: f64 =
            log_kd.iter().zip(&log_d).zip(&log_b).map(|((kd, d), b)| ((kd + d).exp() - b.exp()).abs()).sum();
        let residual = (0..shares.len()).map(missed).fold(debiasing, f64::max);
        if iterations == 1 {
            first_residual = residual;
        }
        // Before the first iteration there is no barycentre that could be given back.
        if iterations > 0 && residual <= options.tolerance {
            break (Status::Converged, residual);
        }
        if iterations >= options.max_iterations {
            break (Status::IterationLimit, residual);
        }
        // Of the decimal digits between the first residual and the tolerance, so many are done.
        let fraction = (first_residual / residual).ln() / (first_residual / options.tolerance).ln();
        let progress = Progress {
            stage: "Bregman projections",
            iterations,
            cost: f64::NAN,
            residual,
            fraction: fraction.clamp(0.0, 1.0),
        };
        if iterations > 0 && observer(&progress).is_break() {
            break (Status::Stopped, residual);
        }
        iterations += 1;
        for ((u, kv), a) in log_u.iter_mut().zip(&log_kv).zip(log_histograms) {
            *u = a - kv;
        }
        let log_ku = kernel.apply(&log_u, Sum::OverRows);
        if options.debiased {
            log_b.copy_from_slice(&log_d);
        } else {
            log_b.fill(0.0);
        }
        for (log_ku, share) in log_ku.chunks(points).zip(shares) {
            for (b, ku) in log_b.iter_mut().zip(log_ku) {
                *b += share * ku;
            }
        }
        for (log_v, log_ku) in log_v.chunks_mut(points).zip(log_ku.chunks(points)) {
            for ((v, ku), b) in log_v.iter_mut().zip(log_ku).zip(&log_b) {
                *v = b - ku;
            }
        }
        for ((d, kd), b) in log_d.iter_mut().zip(&log_kd).zip(&log_b) {
            *d = 0.5 * (*d + b - kd);
        }
    };
    let histogram = log_b.into_iter().map(|log| log.exp() * mass).collect();
    EntropicBarycentre { histogram, status, residual, iterations }
}
