//! Training comes near the best likelihood, can be stopped, and keeps the last good step.

use super::machine;
use brenier::nn::rbm::{
    AnnealingOptions, AnnealingStatus, Sampler, TemperingOptions, Trainer, TrainingOptions, TrainingStatus,
    estimate_log_z_with,
};
use brenier::nn::{Parameters, Rbm};
use brenier::random::RandomStream;
use brenier::{Error, Matrix, Scalar};
use std::ops::ControlFlow;

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
