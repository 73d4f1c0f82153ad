//! Samplers against the distribution, by Pearson's chi-square.

use super::{chi_square_limit, machine};
use brenier::Matrix;
use brenier::nn::Rbm;
use brenier::nn::rbm::{Chains, Tempering, TemperingOptions};
use brenier::random::RandomStream;

fn bits(state: usize, units: usize) -> Vec<f64> {
    (0..units).map(|unit| (state >> unit & 1) as f64).collect()
}

/// P(v) of all states, by enumeration.
fn marginal(rbm: &Rbm<f64>) -> Vec<f64> {
    let units = rbm.visible();
    let states = Matrix::from_fn(1 << units, units, |state, unit| (state >> unit & 1) as f64);
    let log_z = rbm.exact_log_z().unwrap();
    rbm.free_energy(&states).unwrap().iter().map(|free| (-free - log_z).exp()).collect()
}

/// Pearson's chi-square of the states in `rows` against their probabilities.
fn chi_square<'a>(rows: impl ExactSizeIterator<Item = &'a [f64]>, probabilities: &[f64]) -> f64 {
    let count = rows.len() as f64;
    let mut counts = vec![0.0; probabilities.len()];
    for row in rows {
        counts[row.iter().enumerate().map(|(unit, bit)| (*bit as usize) << unit).sum::<usize>()] += 1.0;
    }
    counts.iter().zip(probabilities).map(|(n, p)| (n - count * p) * (n - count * p) / (count * p)).sum()
}

/// Chains that start in the exact distribution stay in it, and chains from fair coins come to it.
#[test]
fn gibbs_steps_leave_the_distribution_as_it_is() {
    let rbm = machine::<f64>(4, 3, 0.8, 1);
    let probabilities = marginal(&rbm);
    let count = 50_000;
    let mut stream = RandomStream::new(2);
    let mut start = Matrix::zeros(count, 4);
    for row in 0..count {
        let state = stream.categorical(&probabilities).unwrap();
        start.row_mut(row).copy_from_slice(&bits(state, 4));
    }
    let limit = chi_square_limit(15.0);
    let mut chains = Chains::starting_from(&rbm, &start, stream.split(0)).unwrap();
    for steps in [1, 3] {
        chains.advance(&rbm, steps).unwrap();
        let found = chi_square(chains.visible().iter_rows(), &probabilities);
        assert!(found < limit, "{found}");
    }
    let mut chains = Chains::new(&rbm, count, stream.split(1)).unwrap();
    let before = chi_square(chains.visible().iter_rows(), &probabilities);
    assert!(before > 100.0 * limit, "fair coins differ from the machine: {before}");
    chains.advance(&rbm, 100).unwrap();
    let found = chi_square(chains.visible().iter_rows(), &probabilities);
    assert!(found < limit, "{found}");
}

/// Real visible units: the hidden states have the probabilities that integrating v out gives.
#[test]
fn gaussian_gibbs_steps_reach_the_distribution() {
    let variances = [0.5, 1.0, 2.0];
    let rbm = machine::<f64>(3, 3, 0.4, 3).with_gaussian_visible(&variances).unwrap();
    let log_z = rbm.exact_log_z().unwrap();
    let probabilities: Vec<f64> = (0..8)
        .map(|state| {
            let h = bits(state, 3);
            let mut exponent: f64 = h.iter().zip(rbm.hidden_bias()).map(|(h, b)| h * b).sum();
            for (i, variance) in variances.iter().enumerate() {
                let a = rbm.visible_bias()[i];
                let mean = a + (0..3).map(|j| rbm.weight()[(j, i)] * h[j]).sum::<f64>();
                exponent +=
                    0.5 * (std::f64::consts::TAU * variance).ln() + (mean * mean - a * a) / (2.0 * variance);
            }
            (exponent - log_z).exp()
        })
        .collect();
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-13);
    let mut chains = Chains::new(&rbm, 50_000, RandomStream::new(4)).unwrap();
    chains.advance(&rbm, 100).unwrap();
    let found = chi_square(chains.hidden().iter_rows(), &probabilities);
    assert!(found < chi_square_limit(7.0), "{found}");
    // Tempering has the same distribution at β = 1, whose visible units have means and variances of a mixture.
    let options = TemperingOptions::default().with_chains(50_000).with_levels(3);
    let mut ladders = Tempering::new(&rbm, &options, RandomStream::new(5)).unwrap();
    ladders.advance(&rbm, 100).unwrap();
    for (i, own) in variances.iter().enumerate() {
        let means = |state: usize| {
            let h = bits(state, 3);
            rbm.visible_bias()[i] + (0..3).map(|j| rbm.weight()[(j, i)] * h[j]).sum::<f64>()
        };
        let mean: f64 = (0..8).map(|state| probabilities[state] * means(state)).sum();
        let second: f64 = (0..8).map(|state| probabilities[state] * (means(state).powi(2) + own)).sum();
        let variance = second - mean * mean;
        let rows = ladders.visible();
        let found = rows.column(i).sum::<f64>() / 50_000.0;
        assert!((found - mean).abs() < 5.0 * (variance / 50_000.0).sqrt(), "{found} {mean}");
        let found = rows.column(i).map(|v| (v - mean) * (v - mean)).sum::<f64>() / 50_000.0;
        // The fourth moment of these mixtures is below 4 variance².
        assert!(
            (found - variance).abs() < 5.0 * variance * (3.0 / 50_000.0_f64).sqrt(),
            "{found} {variance}"
        );
    }
}

/// Two deep modes: plain Gibbs steps stay in the one where they start, tempered chains know both.
#[test]
fn tempering_samples_the_distribution_and_crosses_between_modes() {
    let weight = Matrix::filled(2, 4, 6.0);
    let mut rbm = Rbm::from_parts(&weight, &[-6.0; 4], &[-12.0; 2]).unwrap();
    rbm.visible_bias_mut()[0] += 0.3;
    let probabilities = marginal(&rbm);
    assert!(probabilities[0] > 0.4 && probabilities[15] > 0.4);
    let count = 20_000;
    let start = Matrix::zeros(count, 4);
    let mut chains = Chains::starting_from(&rbm, &start, RandomStream::new(6)).unwrap();
    chains.advance(&rbm, 60).unwrap();
    assert!(chi_square(chains.visible().iter_rows(), &probabilities) > 1000.0);
    let options = TemperingOptions::default().with_chains(count).with_levels(6);
    let mut ladders = Tempering::new(&rbm, &options, RandomStream::new(7)).unwrap();
    ladders.advance(&rbm, 200).unwrap();
    let found = chi_square(ladders.visible_rows(), &probabilities);
    assert!(found < chi_square_limit(15.0), "{found}");
    let rates = ladders.exchange_rates();
    assert_eq!(rates.len(), 5);
    assert!(rates.iter().all(|rate| (0.05..=1.0).contains(rate)), "{rates:?}");
}
