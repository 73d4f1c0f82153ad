//! Restricted Boltzmann machines: samplers and estimates against enumeration, training, threads, hostile input.

use brenier::nn::rbm::{
    AnnealingOptions, AnnealingStatus, Chains, Sampler, Tempering, TemperingOptions, Trainer,
    TrainingOptions, TrainingStatus, estimate_log_z, estimate_log_z_with,
};
use brenier::nn::{Parameters, Rbm};
use brenier::random::RandomStream;
use brenier::{Error, Matrix, MatrixView, Scalar};
use std::ops::ControlFlow;

/// A machine with parameters of the given order.
fn machine<T: Scalar>(visible: usize, hidden: usize, size: f64, seed: u64) -> Rbm<T> {
    let mut rbm = Rbm::zeros(visible, hidden).unwrap();
    RandomStream::new(seed).fill_normal_with(rbm.parameters_mut(), T::ZERO, T::from_f64(size)).unwrap();
    rbm
}

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

/// What a chi-square of `freedom` degrees exceeds with a chance of 1e-6 (Wilson and Hilferty's approximation).
fn chi_square_limit(freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + 4.753 * spread.sqrt()).powi(3)
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

/// Ising spins on a periodic square lattice as a machine with a hidden unit for each bond.
///
/// `e^{K s s'} = e^{-K}/2 Σ_{g=±1} e^{w g (s + s')}` with cosh 2w = e^{2K}; then s = 2v - 1, g = 2h - 1. Returns the machine and
/// ln Z_Ising - ln Z_machine.
fn ising(side: usize, coupling: f64) -> (Rbm<f64>, f64) {
    let w = 0.5 * (2.0 * coupling).exp().acosh();
    let sites = side * side;
    let mut bonds = Vec::new();
    for row in 0..side {
        for column in 0..side {
            let here = row * side + column;
            bonds.push((here, row * side + (column + 1) % side));
            bonds.push((here, (row + 1) % side * side + column));
        }
    }
    let mut weight = Matrix::zeros(bonds.len(), sites);
    let mut visible_bias = vec![0.0; sites];
    for (bond, (first, second)) in bonds.iter().enumerate() {
        for site in [*first, *second] {
            weight[(bond, site)] += 4.0 * w;
            visible_bias[site] -= 2.0 * w;
        }
    }
    let hidden_bias = vec![-4.0 * w; bonds.len()];
    let constant = bonds.len() as f64 * (2.0 * w - coupling - 2.0_f64.ln());
    (Rbm::from_parts(&weight, &visible_bias, &hidden_bias).unwrap(), constant)
}

#[test]
fn a_hidden_unit_for_each_bond_is_an_ising_model() {
    for (side, coupling) in [(3, 0.4), (4, 0.3)] {
        let (rbm, constant) = ising(side, coupling);
        let sites = side * side;
        let mut terms = Vec::new();
        for state in 0..1_usize << sites {
            let spin = |row: usize, column: usize| {
                let site = row % side * side + column % side;
                if state >> site & 1 == 1 { 1.0 } else { -1.0 }
            };
            let mut sum = 0.0;
            for row in 0..side {
                for column in 0..side {
                    sum += spin(row, column) * (spin(row, column + 1) + spin(row + 1, column));
                }
            }
            terms.push(coupling * sum);
        }
        let ising_log_z = brenier::simd::log_sum_exp(&terms);
        let found = rbm.exact_log_z().unwrap() + constant;
        assert!((found - ising_log_z).abs() < 1e-10, "{found} {ising_log_z}");
        // And the sampled estimate agrees.
        let options =
            AnnealingOptions::default().with_levels(2000).with_chains(200).with_base(&vec![0.0; sites]);
        let estimate = estimate_log_z(&rbm, &options, RandomStream::new(8)).unwrap();
        assert_eq!(estimate.status, AnnealingStatus::Finished);
        assert!(
            (estimate.log_z + constant - ising_log_z).abs() < 5.0 * estimate.standard_error,
            "{} +- {}, exact {ising_log_z}",
            estimate.log_z + constant,
            estimate.standard_error
        );
    }
}

/// Twenty seeds, several kinds of machines: the errors are as large as stated.
#[test]
fn annealed_importance_sampling_errs_as_it_says() {
    let gaussian =
        machine::<f64>(6, 8, 0.4, 9).with_gaussian_visible(&[0.5, 1.0, 1.5, 1.0, 0.7, 2.0]).unwrap();
    for (name, rbm) in [("bits", machine::<f64>(14, 10, 0.7, 10)), ("real", gaussian)] {
        let exact = rbm.exact_log_z().unwrap();
        let mut squares = 0.0;
        for seed in 0..20 {
            let options = AnnealingOptions::default().with_levels(200).with_chains(200);
            let estimate = estimate_log_z(&rbm, &options, RandomStream::new(seed)).unwrap();
            let z = (estimate.log_z - exact) / estimate.standard_error;
            // Of a normal number that has a chance of 6e-7.
            assert!(z.abs() < 5.0, "{name} {seed}: {z}");
            assert!(estimate.standard_error < 0.2 && estimate.effective_sample_size > 20.0);
            squares += z * z;
        }
        // The sum of 20 squares: outside with a chance of 1e-6 above and 1e-5 below.
        assert!((3.0..chi_square_limit(20.0)).contains(&squares), "{name}: {squares}");
    }
    let single = machine::<f32>(14, 10, 0.7, 10);
    let options = AnnealingOptions::default().with_levels(500).with_chains(500);
    let estimate = estimate_log_z(&single, &options, RandomStream::new(1)).unwrap();
    let exact = single.exact_log_z().unwrap();
    assert!((estimate.log_z - exact).abs() < 5.0 * estimate.standard_error, "{estimate:?} {exact}");
}

/// The four patterns of two bits, each bit three times.
fn patterns<T: Scalar>() -> Matrix<T> {
    Matrix::from_fn(4, 6, |row, column| if row >> (column / 3) & 1 == 1 { T::ONE } else { T::ZERO })
}

#[test]
fn training_comes_near_the_best_likelihood() {
    let data = patterns::<f32>();
    let best = -(4.0_f64.ln());
    for (sampler, least) in [
        (Sampler::ContrastiveDivergence { steps: 1 }, best - 1.0), // biased: it never sees the mixed patterns far from the data
        (Sampler::ContrastiveDivergence { steps: 5 }, best - 0.3),
        (Sampler::Persistent { chains: 50, steps: 1 }, best - 0.3),
        (
            Sampler::Tempered {
                options: TemperingOptions::default().with_chains(50).with_levels(4),
                steps: 1,
            },
            best - 0.3,
        ),
    ] {
        let stream = RandomStream::new(11);
        let mut rbm = Rbm::random(6, 6, 0.1, &mut stream.split(0)).unwrap();
        let options = TrainingOptions::default()
            .with_epochs(4000)
            .with_learning_rates(0.1, 0.01)
            .with_sampler(sampler.clone());
        let mut trainer = Trainer::new(&rbm, options, stream.split(1)).unwrap();
        let mut heard = 0;
        let report = trainer
            .train(&mut rbm, &data, &mut |progress| {
                heard += 1;
                assert_eq!((progress.epoch, progress.steps), (heard, heard as u64));
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((report.status, report.epochs, heard), (TrainingStatus::Finished, 4000, 4000));
        let found = rbm.exact_log_likelihood(&data).unwrap();
        assert!(found > least && found < best, "{sampler:?}: {found}");
    }
}

#[test]
fn an_observer_stops() {
    let data = patterns::<f64>();
    let mut rbm = machine::<f64>(6, 3, 0.1, 12);
    let mut trainer = Trainer::new(&rbm, TrainingOptions::default(), RandomStream::new(1)).unwrap();
    let mut epochs = 0;
    let report = trainer
        .train(&mut rbm, &data, &mut |progress| {
            epochs = progress.epoch;
            if epochs == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((report.status, report.epochs, report.steps), (TrainingStatus::Stopped, 3, 3));
    let estimate =
        estimate_log_z_with(&rbm, &AnnealingOptions::default(), RandomStream::new(1), &mut |progress| {
            if progress.inverse_temperature > 0.5 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(estimate.status, AnnealingStatus::Stopped);
    assert!(estimate.log_z.is_nan());
}

/// A learning rate that real units cannot stand: the status says where, and the machine is that of the last good step.
#[test]
fn a_training_that_runs_away_keeps_the_last_good_step() {
    let data = RandomStream::new(13).normal_matrix::<f32>(64, 5).map(|x| 10.0 * x);
    let mut rbm = machine::<f32>(5, 8, 0.5, 14).with_gaussian_visible(&[1.0; 5]).unwrap();
    let options = TrainingOptions::default().with_epochs(100).with_learning_rate(1e5);
    let mut trainer = Trainer::new(&rbm, options, RandomStream::new(1)).unwrap();
    let report = trainer.train(&mut rbm, &data, &mut |_| ControlFlow::Continue(())).unwrap();
    match report.status {
        TrainingStatus::Diverged { step, layer, .. } => {
            assert!(step > 0 && step == report.steps && layer == "visible", "{step} {layer}");
        }
        status => panic!("{status:?}"),
    }
    assert!(rbm.parameters().iter().all(|value| value.is_finite()));
    let before = rbm.clone();
    assert!(matches!(trainer.step(&mut rbm, &data), Err(Error::Argument { .. })));
    assert_eq!(rbm, before);
}

/// Everything that is random or summed, as bits.
fn everything<T: Scalar>() -> Vec<u64> {
    let stream = RandomStream::new(15);
    let data = stream
        .split(0)
        .uniform_matrix::<T>(300, 150)
        .map(|u| if u.to_f64() < 0.3 { T::ONE } else { T::ZERO });
    let mut all = Vec::new();
    let mut keep = |values: &mut dyn Iterator<Item = f64>| all.extend(values.map(f64::to_bits));
    let tempered = TemperingOptions::default().with_chains(40).with_levels(4);
    for sampler in [
        Sampler::ContrastiveDivergence { steps: 2 },
        Sampler::Persistent { chains: 70, steps: 1 },
        Sampler::Tempered { options: tempered, steps: 1 },
    ] {
        let mut rbm = Rbm::random(150, 260, T::from_f64(0.01), &mut stream.split(1)).unwrap();
        let options = TrainingOptions::default().with_epochs(2).with_momentum(0.3).with_sampler(sampler);
        let mut trainer = Trainer::new(&rbm, options, stream.split(2)).unwrap();
        trainer.train(&mut rbm, &data, &mut |_| ControlFlow::Continue(())).unwrap();
        keep(&mut rbm.parameters().iter().map(|value| value.to_f64()));
        let options = AnnealingOptions::default().with_levels(10);
        keep(&mut estimate_log_z(&rbm, &options, stream.split(3)).unwrap().log_weights.into_iter());
        keep(&mut rbm.free_energy(&data).unwrap().into_iter());
        keep(&mut rbm.pseudo_log_likelihood(data.rows_range(0..9)).unwrap().into_iter());
        let mut chains = Chains::new(&rbm, 130, stream.split(4)).unwrap();
        chains.advance(&rbm, 2).unwrap();
        keep(&mut chains.visible().iter_rows().flatten().map(|value| value.to_f64()));
    }
    let small = machine::<T>(20, 12, 0.5, 16);
    let gradient = small.exact_gradient(data.submatrix(0..50, 0..20)).unwrap();
    keep(&mut gradient.gradient.into_iter().chain([gradient.log_z]));
    all
}

#[test]
fn results_do_not_depend_on_threads() {
    fn check<T: Scalar>() {
        let expected = everything::<T>();
        assert_eq!(everything::<T>(), expected, "the same seed gives the same bits");
        #[cfg(feature = "parallel")]
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(everything::<T>) == expected, "{threads} threads");
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn bad_data_is_refused_with_its_place() {
    let mut rbm = machine::<f32>(3, 2, 0.5, 17);
    let real = rbm.clone().with_gaussian_visible(&[1.0; 3]).unwrap();
    let mut trainer = Trainer::new(&rbm, TrainingOptions::default(), RandomStream::new(1)).unwrap();
    let refusals =
        |trainer: &mut Trainer<f32>, rbm: &mut Rbm<f32>, rows: MatrixView<'_, f32>| -> Vec<Error> {
            let mut gradient = vec![0.0; rbm.parameters().len()];
            let before = rbm.clone();
            let errors = vec![
                rbm.free_energy(rows).unwrap_err(),
                rbm.hidden_probabilities(rows).unwrap_err(),
                rbm.sample_hidden(rows, &mut RandomStream::new(1)).unwrap_err(),
                rbm.energy(rows, &Matrix::zeros(1, 2)).unwrap_err(),
                rbm.exact_log_likelihood(rows).unwrap_err(),
                rbm.exact_gradient(rows).unwrap_err(),
                rbm.pseudo_log_likelihood(rows).unwrap_err(),
                rbm.stochastic_pseudo_log_likelihood(rows, &mut RandomStream::new(1)).unwrap_err(),
                rbm.bias_of_means(rows).unwrap_err(),
                Chains::starting_from(rbm, rows, RandomStream::new(1)).unwrap_err(),
                trainer.step(rbm, rows).unwrap_err(),
                trainer.accumulate_gradient(rbm, rows, &mut gradient).unwrap_err(),
                trainer.train(rbm, rows, &mut |_| ControlFlow::Continue(())).unwrap_err(),
            ];
            assert_eq!(*rbm, before);
            assert!(gradient.iter().all(|value| *value == 0.0));
            errors
        };
    let bad = Matrix::from_rows([[0.0, 1.0, 0.5], [0.0, 1.5, 0.0]]);
    for error in refusals(&mut trainer, &mut rbm, bad.view()) {
        assert!(matches!(error, Error::OutsideUnitInterval { row: 1, column: 1, value: 1.5, .. }), "{error}");
    }
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let bad = Matrix::from_rows([[0.0, 1.0, value]]);
        for error in refusals(&mut trainer, &mut rbm, bad.view()) {
            assert!(matches!(error, Error::NotFiniteEntry { row: 0, column: 2, .. }), "{error}");
        }
        assert!(matches!(real.free_energy(&bad), Err(Error::NotFiniteEntry { row: 0, column: 2, .. })));
    }
    for error in refusals(&mut trainer, &mut rbm, Matrix::zeros(2, 4).view()) {
        assert!(matches!(error, Error::Shape { expected: 3, got: 4, .. }), "{error}");
    }
    for error in refusals(&mut trainer, &mut rbm, Matrix::zeros(0, 3).view()) {
        assert!(matches!(error, Error::Empty { .. }), "{error}");
    }
    // Hidden states, and rows that do not match.
    let (v, h) = (Matrix::<f32>::zeros(2, 3), Matrix::<f32>::zeros(2, 2));
    assert!(matches!(rbm.energy(&v, &Matrix::zeros(1, 2)), Err(Error::Shape { expected: 2, got: 1, .. })));
    assert!(matches!(
        rbm.visible_means_given(&Matrix::zeros(2, 3)),
        Err(Error::Shape { expected: 2, got: 3, .. })
    ));
    assert!(rbm.sample_visible(&h.map(|x: f32| x - 1.0), &mut RandomStream::new(1)).is_err());
    // Numbers between 0 and 1 are probabilities for training, but no bits to be flipped.
    let gray = Matrix::from_rows([[0.0, 0.5, 1.0]]);
    assert!(rbm.free_energy(&gray).is_ok());
    assert!(matches!(rbm.pseudo_log_likelihood(&gray), Err(Error::Argument { .. })));
    assert!(matches!(real.pseudo_log_likelihood(&v), Err(Error::Unsupported { .. })));
    // Another machine's sizes.
    let mut other = machine::<f32>(4, 2, 0.5, 18);
    assert!(matches!(trainer.step(&mut other, &Matrix::zeros(1, 4)), Err(Error::Shape { .. })));
    assert!(trainer.accumulate_gradient(&rbm, &v, &mut [0.0; 3]).is_err());
    assert!(Chains::new(&rbm, 2, RandomStream::new(1)).unwrap().advance(&other, 1).is_err());
    // Parameters that are not finite are not summed up silently.
    rbm.parameters_mut()[1] = f32::NAN;
    assert!(matches!(rbm.exact_log_z(), Err(Error::NotFinite { index: 1, .. })));
    let estimate = estimate_log_z(&rbm, &AnnealingOptions::default(), RandomStream::new(1));
    assert!(matches!(estimate, Err(Error::NotFinite { index: 1, .. })));
    assert!(trainer.step(&mut rbm, &v).is_err());
}

#[test]
fn bad_options_are_refused() {
    let rbm = machine::<f64>(3, 2, 0.5, 19);
    let good = TrainingOptions::default;
    let none = TemperingOptions::default().with_chains(0);
    for options in [
        good().with_batch(0),
        good().with_learning_rate(f64::NAN),
        good().with_learning_rate(-0.1),
        good().with_learning_rates(0.1, f64::INFINITY),
        good().with_momentum(1.0),
        good().with_momentum(-0.1),
        good().with_weight_decay(-1.0),
        good().with_weight_decay(f64::NAN),
        good().with_learning_rate(1.0).with_weight_decay(1.0),
        good().with_offsets(-0.1, 0.0),
        good().with_offsets(0.5, f64::NAN),
        good().with_sampler(Sampler::ContrastiveDivergence { steps: 0 }),
        good().with_sampler(Sampler::Persistent { chains: 0, steps: 1 }),
        good().with_sampler(Sampler::Tempered { options: none, steps: 1 }),
    ] {
        let error = Trainer::new(&rbm, options.clone(), RandomStream::new(1)).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{options:?}: {error}");
    }
    for levels in [&[0.5, 0.4, 1.0][..], &[0.0, 0.5], &[-0.1, 1.0], &[0.0, f64::NAN, 1.0], &[]] {
        let tempered = TemperingOptions::default().with_inverse_temperatures(levels);
        assert!(Tempering::new(&rbm, &tempered, RandomStream::new(1)).is_err(), "{levels:?}");
        let annealed = AnnealingOptions::default().with_inverse_temperatures(levels);
        assert!(estimate_log_z(&rbm, &annealed, RandomStream::new(1)).is_err(), "{levels:?}");
    }
    let annealed = AnnealingOptions::default;
    for options in [
        annealed().with_chains(0),
        annealed().with_levels(0),
        annealed().with_levels(1),
        annealed().with_inverse_temperatures(&[0.1, 1.0]),
        annealed().with_base(&[0.0; 2]),
        annealed().with_base(&[0.0, f64::NAN, 0.0]),
    ] {
        assert!(estimate_log_z(&rbm, &options, RandomStream::new(1)).is_err(), "{options:?}");
    }
    assert!(Chains::new(&rbm, 0, RandomStream::new(1)).is_err());
    assert!(matches!(
        Rbm::<f64>::zeros(26, 26).unwrap().exact_log_z(),
        Err(Error::Argument { value: 26.0, .. })
    ));
}

#[test]
fn sizes_and_numbers_at_the_end_of_their_range_are_no_trap() {
    let rbm = Rbm::<f32>::zeros(2, 2).unwrap();
    let chains = TemperingOptions::default().with_chains(usize::MAX / 3);
    assert!(matches!(
        Tempering::new(&rbm, &chains, RandomStream::new(1)),
        Err(Error::Argument { name: "chains", .. })
    ));
    let data = Matrix::from_rows([[1.0_f32, 0.0], [0.0, 1.0]]);
    let mut rbm = rbm;
    let endless = TrainingOptions::default().with_epochs(usize::MAX);
    let mut trainer = Trainer::new(&rbm, endless, RandomStream::new(1)).unwrap();
    let report = trainer.train(&mut rbm, &data, &mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!((report.status, report.epochs), (TrainingStatus::Stopped, 1));

    // Rows whose sum is zero, and whose products with the hidden units overflow.
    let stream = &mut RandomStream::new(3);
    let mut rbm = Rbm::<f32>::random(1, 2, 0.1, stream).unwrap().with_gaussian_visible(&[1.0]).unwrap();
    let before = rbm.parameters().to_vec();
    let options = TrainingOptions::default().with_learning_rate(1e3);
    let mut trainer = Trainer::new(&rbm, options, RandomStream::new(1)).unwrap();
    let data = Matrix::from_rows([[3e38_f32], [-3e38]]);
    let report = trainer.train(&mut rbm, &data, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(report.status, TrainingStatus::Diverged { epoch: 0, step: 0, layer: "visible" });
    assert_eq!(rbm.parameters(), before);
}
