//! The points that take part: those with mass; and the potentials of the others.

use crate::error::{Error, Result};
use crate::ot::problem::{Problem, Weights, checked_side};
use crate::ot::sinkhorn::{CostBlocks, EntropicCosts};
use crate::parallel::map_chunks;
use crate::scalar::Scalar;

/// One side of a problem whose masses need not agree.
pub(crate) struct Side {
    /// All weights, as given.
    pub all: Vec<f64>,
    /// Their sum.
    pub mass: f64,
    /// What rounding of the type of the weights may have done to that sum, relatively.
    pub tolerance: f64,
    /// Which points have mass, or `None` where all have.
    pub chosen: Option<Vec<usize>>,
    /// Their weights.
    pub weights: Vec<f64>,
    /// Their logarithms.
    pub logs: Vec<f64>,
}

impl Side {
    fn new(all: Vec<f64>, mass: f64, tolerance: f64) -> Self {
        let chosen: Vec<usize> = (0..all.len()).filter(|&index| all[index] > 0.0).collect();
        let weights: Vec<f64> = chosen.iter().map(|&index| all[index]).collect();
        let logs = weights.iter().map(|weight| weight.ln()).collect();
        let chosen = (chosen.len() < all.len()).then_some(chosen);
        Self { all, mass, tolerance, chosen, weights, logs }
    }

    /// The values of the points that take part.
    pub fn gather(&self, values: &[f64]) -> Vec<f64> {
        match &self.chosen {
            None => values.to_vec(),
            Some(chosen) => chosen.iter().map(|&index| values[index]).collect(),
        }
    }

    /// The values at their points, NaN at those without mass.
    pub fn scatter(&self, values: &[f64]) -> Vec<f64> {
        match &self.chosen {
            None => values.to_vec(),
            Some(chosen) => {
                let mut all = vec![f64::NAN; self.all.len()];
                chosen.iter().zip(values).for_each(|(&index, &value)| all[index] = value);
                all
            }
        }
    }
}

/// Both sides, each checked on its own: as many weights as points, finite, none negative, not all zero.
pub(crate) fn checked_sides<T: Scalar>(problem: &Problem<'_, T>) -> Result<[Side; 2]> {
    if problem.sources() == 0 {
        return Err(Error::Empty { what: "the source" });
    }
    if problem.targets() == 0 {
        return Err(Error::Empty { what: "the target" });
    }
    let [source, target] = problem.given_weights();
    let (a, source_mass) =
        checked_side(["source weights", "number of source weights"], source, problem.sources())?;
    let (b, target_mass) =
        checked_side(["target weights", "number of target weights"], target, problem.targets())?;
    if !(source_mass * target_mass).is_finite() {
        return Err(Error::Argument {
            name: "the product of the masses",
            value: source_mass * target_mass,
            requirement: "it must be finite",
        });
    }
    // As balanced problems take it: weights that are not given are as exact as double precision.
    let tolerance = |weights: Option<&Weights>| weights.map_or(1e-9, Weights::tolerance);
    Ok([Side::new(a, source_mass, tolerance(source)), Side::new(b, target_mass, tolerance(target))])
}

/// Puts potentials where there are none (NaN): `respond` (source first) of the soft minimum over the other side, -ε
/// ln Σⱼ bⱼ exp((gⱼ - Cᵢⱼ)/ε).
pub(crate) fn potentials_without_mass(
    costs: &EntropicCosts<'_, f64>,
    sides: &[Side; 2],
    [f, g]: [&mut [f64]; 2],
    epsilon: f64,
    respond: [&dyn Fn(f64) -> f64; 2],
) {
    let (n, m) = (costs.rows(), costs.columns());
    let exponents = |side: &Side, potentials: &[f64]| -> Vec<f64> {
        side.all
            .iter()
            .zip(potentials)
            .map(|(&weight, p)| if weight > 0.0 { p / epsilon + weight.ln() } else { f64::NEG_INFINITY })
            .collect()
    };
    let (by_source, by_target) = (exponents(&sides[0], f), exponents(&sides[1], g));
    let missing = |potentials: &[f64]| -> Vec<usize> {
        (0..potentials.len()).filter(|&index| potentials[index].is_nan()).collect()
    };
    let mut row = vec![0.0; m];
    for i in missing(f) {
        costs.block_into(i..i + 1, 0..m, &mut row);
        row.iter_mut().zip(&by_target).for_each(|(cost, log)| *cost = log - *cost / epsilon);
        f[i] = respond[0](-epsilon * log_sum_exp(&row));
    }
    let columns = missing(g);
    let minima = map_chunks(columns.len(), 8, |chosen| {
        let mut column = vec![0.0; n];
        let mut minima = Vec::with_capacity(chosen.len());
        for &j in &columns[chosen] {
            for (i, exponent) in column.iter_mut().enumerate() {
                costs.block_into(i..i + 1, j..j + 1, std::slice::from_mut(exponent));
                *exponent = by_source[i] - *exponent / epsilon;
            }
            minima.push(-epsilon * log_sum_exp(&column));
        }
        minima
    });
    columns.iter().zip(minima.concat()).for_each(|(&j, minimum)| g[j] = respond[1](minimum));
}

/// ln Σ exp(xₖ), shifted by the largest.
pub(super) fn log_sum_exp(exponents: &[f64]) -> f64 {
    let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + exponents.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}
