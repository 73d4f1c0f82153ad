//! The translation invariant iteration.
//!
//! In units of ε: φ, f and γ = g/ε, damping d = ρ/(ρ + ε), κ = 1 - d = ε/(ρ + ε), η = ε/ρ. The rows' half maximises
//! the dual over f and λ at (f, γ - λ): f = d₁ (φ + λ) with row masses r = a exp(-κ₁ (φ + λ)), and the masses of both
//! marginals agree,
//!
//! ```text
//! Σ a exp(-κ₁ (φ + λ)) = Σ b exp(-η₂ (γ - λ)),      λ = (ln Σ a exp(-κ₁ φ) - ln Σ b exp(-η₂ γ)) / (κ₁ + η₂)
//! ```
//!
//! λ needs every φ, while the pass wants r row by row; but λ scales all of r alike, so the pass runs without it and
//! the column sums get the factor afterwards. The columns' half is the mirror image. For ρ = ∞, κ and η are zero and
//! d one.

use super::sides::{Side, log_sum_exp};
use super::{Extrapolation, Pass, Run};
use crate::error::{Error, Result};
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::CostBlocks;
use crate::scalar::Scalar;

/// What one side's ρ makes of ε.
#[derive(Clone, Copy)]
pub(super) struct Damping {
    /// ρ/(ρ + ε).
    pub factor: f64,
    /// ε/(ρ + ε).
    kappa: f64,
    /// ε/ρ.
    eta: f64,
}

impl Damping {
    pub(super) fn new(relaxation: f64, epsilon: f64) -> Self {
        let eta = epsilon / relaxation;
        // Written so that neither infinite ρ nor infinite η make NaN.
        let factor = 1.0 / (1.0 + eta);
        let kappa = if eta > 1.0 { 1.0 / (1.0 + 1.0 / eta) } else { eta * factor };
        Self { factor, kappa, eta: eta.min(f64::MAX / 64.0) }
    }
}

/// What stays the same from iteration to iteration: the points with mass.
pub(super) struct Work<'w, C> {
    pub costs: &'w C,
    pub sides: &'w [Side; 2],
    pub epsilon: f64,
    pub damping: [Damping; 2],
}

/// Potentials of the points with mass, in units of ε.
#[derive(Clone)]
pub(super) struct Potentials {
    /// Empty before the first iteration.
    pub f: Vec<f64>,
    pub g: Vec<f64>,
}

impl Potentials {
    /// Multiplies both.
    pub(super) fn rescale(&mut self, factor: f64) {
        self.f.iter_mut().chain(&mut self.g).for_each(|p| *p *= factor);
    }
}

/// Logarithm of the largest mass that is a number to calculate with.
const LARGEST_LOG_MASS: f64 = 700.0;

/// Iterates from g until the residual is small, the limit is reached, or rounding keeps the residual up. Leaves f and
/// g for which the row marginal is a exp(-f/ρ₁) to rounding.
pub(super) fn iterate<A: Scalar, C: CostBlocks<A>>(
    work: &Work<'_, C>,
    potentials: &mut Potentials,
    run: &mut Run<'_>,
) -> Result<(Status, f64)> {
    let [source, target] = work.sides;
    let [by_row, by_column] = work.damping;
    let mut pass = Pass::<A>::new(work.costs);
    let mut exponents = vec![0.0; source.weights.len().max(target.weights.len())];
    let Potentials { f, g } = potentials;
    // ln Σ w exp(-slope p).
    let mut log_mass = |side: &Side, slope: f64, values: &[f64]| {
        let exponents = &mut exponents[..values.len()];
        for ((exponent, value), log) in exponents.iter_mut().zip(values).zip(&side.logs) {
            *exponent = log - slope * value;
        }
        log_sum_exp(exponents)
    };
    // The best shift of one side against the other. With slopes below the rounding of the difference nobody can tell.
    let translation = |difference: f64, slopes: f64| if slopes > 1e-15 { difference / slopes } else { 0.0 };

    if f.is_empty() {
        // The masses of the rows must be known roughly before columns can be summed up: the first look finds no more than φ.
        f.resize(source.weights.len(), 0.0);
        let centre = pass.set_potentials(g, &target.logs);
        pass.run(work.costs, work.epsilon, |_, _| f64::NEG_INFINITY);
        let of_rows = log_mass(source, by_row.kappa, pass.soft_minima()) + by_row.kappa * centre;
        let step = translation(of_rows - log_mass(target, by_column.eta, g), by_row.kappa + by_column.eta);
        g.iter_mut().for_each(|g| *g -= step);
    }
    let mut row_log_mass = log_mass(target, by_column.eta, g);
    let mut extrapolation = Extrapolation::new();
    let mut wanted = vec![0.0; g.len()];
    loop {
        let centre = pass.set_potentials(g, &target.logs);
        let guess = row_log_mass;
        let kappa = by_row.kappa;
        // φ = minimum - centre.
        pass.run(work.costs, work.epsilon, |row, minimum| {
            source.logs[row] - kappa * (minimum - centre) - guess
        });
        row_log_mass = log_mass(source, kappa, pass.soft_minima()) + kappa * centre;
        let rows_step = translation(row_log_mass - log_mass(target, by_column.eta, g), kappa + by_column.eta);
        for (f, minimum) in f.iter_mut().zip(pass.soft_minima()) {
            *f = by_row.factor * (minimum - centre + rows_step);
        }
        g.iter_mut().for_each(|g| *g -= rows_step);
        row_log_mass -= kappa * rows_step;
        if row_log_mass > LARGEST_LOG_MASS || row_log_mass.is_nan() {
            if extrapolation.is_extrapolated() {
                g.copy_from_slice(extrapolation.back());
                row_log_mass = log_mass(target, by_column.eta, g);
                continue;
            }
            return Err(Error::Argument {
                name: "the mass of the plan",
                value: f64::INFINITY,
                requirement: "it must be finite: the costs are too negative for epsilon and the relaxations",
            });
        }
        // The columns as shares of the plan's mass: with masses of e^-1000 the residual still means something.
        let correction = guess - kappa * rows_step - row_log_mass;
        for ((wanted, g), log) in wanted.iter_mut().zip(g.iter()).zip(&target.logs) {
            *wanted = (log - by_column.eta * g - row_log_mass).exp();
        }
        let factor = correction.exp();
        let residual: f64 =
            pass.column_sums().iter().zip(&wanted).map(|(q, wanted)| (q * factor - wanted).abs()).sum();
        let floor = pass.rounding_floor();
        if let Some(status) = run.look(residual, floor) {
            return Ok((status, residual));
        }
        let mass = row_log_mass.exp();
        let (of_source, of_target) = (dual_term(source, by_row.eta, f), dual_term(target, by_column.eta, g));
        let slack = floor * mass + 8.0 * f64::EPSILON * (of_source.abs() + of_target.abs());
        if extrapolation.is_astray(residual, of_source + of_target - mass, slack) {
            g.copy_from_slice(extrapolation.back());
            row_log_mass = log_mass(target, by_column.eta, g);
            continue;
        }
        let point = g.clone();
        // The soft minima of the columns, then g and the shift that goes with it.
        for ((g, q), log) in g.iter_mut().zip(pass.column_sums()).zip(&target.logs) {
            let excess = if *q > 0.0 { q.ln() + correction + row_log_mass - log } else { -Pass::<A>::lift() };
            *g -= excess;
        }
        let columns_step = translation(
            log_mass(target, by_column.kappa, g) - log_mass(source, by_row.eta, f),
            by_column.kappa + by_row.eta,
        );
        g.iter_mut().for_each(|g| *g = by_column.factor * (*g + columns_step));
        extrapolation.next(&point, g, &wanted);
        row_log_mass = log_mass(target, by_column.eta, g);
    }
}

/// What one side brings to the dual value, in units of ε: -Σ w (exp(-η p) - 1)/η, or Σ w p for η = 0.
fn dual_term(side: &Side, eta: f64, potentials: &[f64]) -> f64 {
    let gain = |p: f64| if eta == 0.0 { p } else { -(-eta * p).exp_m1() / eta };
    side.weights.iter().zip(potentials).map(|(weight, &p)| weight * gain(p)).sum()
}

/// Makes the marginal of the one side that must not differ exact, by one more half-step.
pub(super) fn make_exact<C: CostBlocks<f64>>(work: &Work<'_, C>, potentials: &mut Potentials) {
    let [source, target] = work.sides;
    let Potentials { f, g } = potentials;
    let mut pass = Pass::<f64>::new(work.costs);
    let guess = target.mass.ln();
    let centre = pass.set_potentials(g, &target.logs);
    pass.run(work.costs, work.epsilon, |row, minimum| source.logs[row] + f[row] - (minimum - centre) - guess);
    if work.damping[0].eta == 0.0 {
        f.iter_mut().zip(pass.soft_minima()).for_each(|(f, minimum)| *f = minimum - centre);
    } else {
        for ((g, q), log) in g.iter_mut().zip(pass.column_sums()).zip(&target.logs) {
            // A column that no exponential sees stays as it is.
            *g -= if *q > 0.0 { q.ln() + guess - log } else { 0.0 };
        }
    }
}
