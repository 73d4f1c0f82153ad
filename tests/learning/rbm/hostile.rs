//! Data, options and sizes that do not fit are refused with their place.

use super::machine;
use brenier::nn::rbm::{
    AnnealingOptions, Chains, Sampler, Tempering, TemperingOptions, Trainer, TrainingOptions, TrainingStatus,
    estimate_log_z,
};
use brenier::nn::{Parameters, Rbm};
use brenier::random::RandomStream;
use brenier::{Error, Matrix, MatrixView};
use std::ops::ControlFlow;

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
