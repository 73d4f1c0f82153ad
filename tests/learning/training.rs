//! The guarded step and the loop: what they learn, when they stop, and what they leave behind.

use brenier::matrix::MatrixView;
use brenier::nn::loss::{
    BinaryCrossEntropy, CrossEntropy, HingeLoss, Loss, MeanSquaredError, Reduction, Targets,
};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser, Schedule, Sgd, SgdOptions};
use brenier::nn::training::{
    Place, Status, StepOutcome, Trainer, Training, TrainingOptions, TrainingProgress, fit,
};
use brenier::nn::{Activation, Mlp, MlpOptions, Parameters};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};
use std::ops::ControlFlow;

fn adam(rate: f64) -> Adam<f64> {
    Adam::new(AdamOptions::default().with_learning_rate(rate)).unwrap()
}

/// Least squares: a network without hidden layers, whose optimum is known.
fn line() -> (Mlp<f64>, Matrix<f64>, Matrix<f64>) {
    let mut stream = RandomStream::new(2);
    let x: Matrix<f64> = stream.normal_matrix(50, 2);
    let y = Matrix::from_fn(50, 1, |row, _| 3.0 * x[(row, 0)] - 2.0 * x[(row, 1)] + 0.5);
    (Mlp::new(&[2, 1], Activation::Identity, &mut stream).unwrap(), x, y)
}

fn run(options: &TrainingOptions, seed: u64) -> (Training, Vec<f64>) {
    let (mut mlp, x, y) = line();
    let training = fit(
        &mut mlp,
        x.view(),
        &Targets::from(&y),
        &MeanSquaredError::default(),
        &mut adam(0.05),
        options,
        &mut RandomStream::new(seed),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    (training, mlp.parameters().to_vec())
}

#[test]
fn a_line_is_found_and_every_step_is_reported() {
    let options = TrainingOptions::default()
        .with_epochs(300)
        .with_batch(16)
        .with_schedule(Schedule::exponential(0.05, 0.997).unwrap());
    let (mut mlp, x, y) = line();
    let mut ends = Vec::new();
    let mut steps = 0;
    let training = fit(
        &mut mlp,
        x.view(),
        &Targets::from(&y),
        &MeanSquaredError::default(),
        &mut adam(0.05),
        &options,
        &mut RandomStream::new(1),
        &mut |progress| {
            assert_eq!((progress.step, progress.steps), (steps, 1200));
            assert!((progress.learning_rate - 0.05 * 0.997_f64.powi(steps as i32)).abs() < 1e-15);
            steps += 1;
            if progress.ends_epoch {
                ends.push(progress.epoch_loss);
            }
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!((training.status, training.steps), (Status::Completed, 1200));
    assert_eq!(training.epoch_losses, ends);
    for (parameter, expected) in mlp.parameters().iter().zip([3.0, -2.0, 0.5]) {
        assert!((parameter - expected).abs() < 1e-3, "{parameter}");
    }
    assert!(ends[299] < 1e-4 * ends[0]);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
    let options = TrainingOptions::default().with_epochs(3).with_batch(8);
    assert_eq!(run(&options, 5), run(&options, 5));
    assert_ne!(run(&options, 5).1, run(&options, 6).1);
    let in_order = options.with_shuffle(false);
    assert_eq!(run(&in_order, 5), run(&in_order, 6));
}

#[test]
fn the_observer_stops_it() {
    let (mut mlp, x, y) = line();
    let mut calls = 0;
    let training = fit(
        &mut mlp,
        x.view(),
        &Targets::from(&y),
        &MeanSquaredError::default(),
        &mut adam(0.05),
        &TrainingOptions::default(),
        &mut RandomStream::new(1),
        &mut |_| {
            calls += 1;
            if calls == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    )
    .unwrap();
    assert_eq!((training.status, training.steps, calls), (Status::Stopped, 7, 7));
}

#[test]
fn a_run_in_two_parts_is_the_run_in_one() {
    let schedule = Schedule::cosine(0.1, 0.0, 16).unwrap();
    let options = TrainingOptions::default().with_batch(16).with_schedule(schedule); // four steps an epoch
    let mut rates = Vec::new();
    let mut go =
        |mlp: &mut Mlp<f64>, adam: &mut Adam<f64>, stream: &mut RandomStream, options: &TrainingOptions| {
            let (_, x, y) = line();
            let loss = MeanSquaredError::default();
            fit(mlp, x.view(), &Targets::from(&y), &loss, adam, options, stream, &mut |progress| {
                rates.push(progress.learning_rate);
                ControlFlow::Continue(())
            })
            .unwrap();
        };
    let (whole, _, _) = line();
    let (mut parts, mut whole) = (whole.clone(), whole);
    // Shuffled, as by default: the stream goes on too.
    go(&mut whole, &mut adam(0.1), &mut RandomStream::new(1), &options.clone().with_epochs(4));
    let (mut optimiser, mut stream) = (adam(0.1), RandomStream::new(1));
    go(&mut parts, &mut optimiser, &mut stream, &options.clone().with_epochs(2));
    let second = options.with_epochs(2).with_first_step(optimiser.steps());
    go(&mut parts, &mut optimiser, &mut stream, &second);
    assert_eq!(whole, parts);
    assert_eq!(rates[..16], rates[16..]);
}

#[test]
fn the_observer_sees_the_network_and_sets_the_rate() {
    let (mut mlp, x, y) = line();
    let mut rates = Vec::new();
    let (loss, targets) = (MeanSquaredError::default(), Targets::from(&y));
    let mut last = f64::INFINITY;
    let options = TrainingOptions::default().with_epochs(6).with_batch(50);
    fit(
        &mut mlp,
        x.view(),
        &targets,
        &loss,
        &mut adam(0.05),
        &options,
        &mut RandomStream::new(1),
        &mut |progress| {
            let value = loss.value(progress.network.apply(&x).unwrap().view(), &targets).unwrap();
            assert!(value < progress.loss && value < last); // the network after the step
            last = value;
            rates.push(progress.learning_rate);
            progress.set_learning_rate(0.5 * progress.learning_rate);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(rates, [0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.0015625]);
}

#[test]
fn a_step_that_is_too_long_ends_training_with_the_weights_before_it() {
    let mut stream = RandomStream::new(3);
    let x: Matrix<f32> = stream.normal_matrix(32, 2);
    let y: Matrix<f32> = stream.normal_matrix(32, 1);
    let mut mlp = Mlp::<f32>::new(&[2, 8, 8, 1], Activation::Relu, &mut stream).unwrap();
    let mut sgd = Sgd::new(SgdOptions::default().with_learning_rate(1e15)).unwrap();
    let training = fit(
        &mut mlp,
        x.view(),
        &Targets::from(&y),
        &MeanSquaredError::default(),
        &mut sgd,
        &TrainingOptions::default().with_batch(32).with_epochs(50),
        &mut stream,
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    let Status::NotFinite { step, place } = &training.status else { panic!("{:?}", training.status) };
    assert_eq!(*step, training.steps);
    assert!(matches!(place, Place::Layer { .. } | Place::Loss | Place::Gradient { .. }), "{place:?}");
    // What is left gives a finite loss.
    let value = MeanSquaredError::default().value(mlp.apply(&x).unwrap().view(), &Targets::from(&y)).unwrap();
    assert!(value.is_finite() && mlp.parameters().iter().all(|weight| weight.is_finite()));
}

#[test]
fn the_place_of_what_is_not_finite_is_named_and_a_bad_batch_costs_no_weights() {
    let mut stream = RandomStream::new(4);
    let mut mlp =
        MlpOptions::new(&[2, 3, 1]).with_activation(Activation::Tanh).build::<f64>(&mut stream).unwrap();
    let mut trainer = Trainer::new();
    let mut x: Matrix<f64> = stream.normal_matrix(4, 2);
    let y = Matrix::zeros(4, 1);
    let mut optimiser = adam(0.1);
    let loss = MeanSquaredError::default();
    let taken = trainer.step(&mut mlp, x.view(), &Targets::from(&y), &loss, &mut optimiser).unwrap();
    assert!(matches!(taken, StepOutcome::Taken { .. }));
    let after = mlp.parameters().to_vec();
    x[(2, 1)] = f64::NAN;
    let refused = trainer.step(&mut mlp, x.view(), &Targets::from(&y), &loss, &mut optimiser).unwrap();
    assert_eq!(refused, StepOutcome::NotFinite(Place::Input { row: 2, column: 1 }));
    assert_eq!(mlp.parameters(), after); // the result of the good step before
    x[(2, 1)] = 0.0;
    mlp.parameters_mut()[4] = f64::NAN; // in the third unit of the first layer
    let refused = trainer.step(&mut mlp, x.view(), &Targets::from(&y), &loss, &mut optimiser).unwrap();
    assert_eq!(refused, StepOutcome::NotFinite(Place::Layer { layer: 0, row: 0, unit: 2 }));
    assert!(mlp.parameters().iter().all(|weight| weight.is_finite()));
    assert_eq!(
        Place::Gradient { tensor: "layers.1.bias".into(), index: 0 }.to_string(),
        "element 0 of the gradient of layers.1.bias"
    );
}

#[test]
fn data_that_do_not_fit_are_refused_before_the_first_step() {
    let mut stream = RandomStream::new(5);
    let mut mlp = Mlp::<f64>::new(&[2, 3], Activation::Relu, &mut stream).unwrap();
    let before = mlp.parameters().to_vec();
    let x: Matrix<f64> = stream.normal_matrix(4, 2);
    let mut broken = x.clone();
    broken[(3, 0)] = f64::INFINITY;
    let mut attempt = |x: &Matrix<f64>, classes: &[usize], options: &TrainingOptions| {
        fit(
            &mut mlp,
            x.view(),
            &Targets::classes(classes),
            &CrossEntropy::default(),
            &mut adam(0.1),
            options,
            &mut RandomStream::new(1),
            &mut |_| ControlFlow::Continue(()),
        )
    };
    let options = TrainingOptions::default();
    assert!(matches!(
        attempt(&broken, &[0, 1, 2, 0], &options),
        Err(Error::NotFiniteEntry { row: 3, column: 0, .. })
    ));
    assert!(matches!(
        attempt(&x, &[0, 1, 3, 0], &options),
        Err(Error::Label { index: 2, label: 3, classes: 3 })
    ));
    assert!(matches!(attempt(&x, &[0, 1, 2], &options), Err(Error::Shape { expected: 4, got: 3, .. })));
    assert!(matches!(attempt(&Matrix::zeros(0, 2), &[], &options), Err(Error::Empty { .. })));
    assert!(matches!(
        attempt(&x, &[0, 1, 2, 0], &options.clone().with_batch(0)),
        Err(Error::Argument { .. })
    ));
    assert!(attempt(&x, &[0, 1, 2, 0], &options.with_clip_norm(f64::NAN)).is_err());
    assert_eq!(mlp.parameters(), before);
}

/// Whatever the batch in which it would come up, a bad target or weight is named by its place among all samples, before the first step.
#[test]
fn bad_targets_and_weights_are_placed_among_all_samples() {
    let mut stream = RandomStream::new(6);
    let mut mlp = Mlp::<f64>::new(&[2, 3], Activation::Relu, &mut stream).unwrap();
    let before = mlp.parameters().to_vec();
    let x: Matrix<f64> = stream.normal_matrix(1000, 2);
    let options = TrainingOptions::default().with_batch(64);
    let mut refusals = Vec::new();
    for loss in 0..4 {
        let mut y = Matrix::filled(1000, 3, 1.0);
        let mut weights = vec![1.0; 1000];
        match loss {
            3 => weights[700] = -1.0,
            _ => y[(700, 1)] = -3.0,
        }
        let targets = Targets::from(&y).with_sample_weights(&weights);
        let (adam, stream) = (&mut adam(0.1), &mut RandomStream::new(1));
        let observer = &mut |_: &TrainingProgress<'_, f64>| ControlFlow::Continue(());
        let error = match loss {
            0 => fit(
                &mut mlp,
                x.view(),
                &targets,
                &BinaryCrossEntropy::default(),
                adam,
                &options,
                stream,
                observer,
            ),
            1 => fit(&mut mlp, x.view(), &targets, &HingeLoss::default(), adam, &options, stream, observer),
            2 => {
                fit(&mut mlp, x.view(), &targets, &CrossEntropy::default(), adam, &options, stream, observer)
            }
            _ => fit(
                &mut mlp,
                x.view(),
                &targets,
                &MeanSquaredError::default(),
                adam,
                &options,
                stream,
                observer,
            ),
        };
        refusals.push(error.unwrap_err());
    }
    assert!(matches!(refusals[0], Error::Entry { row: 700, column: 1, .. }), "{}", refusals[0]);
    assert!(matches!(refusals[1], Error::Entry { row: 700, column: 1, .. }), "{}", refusals[1]);
    assert!(matches!(refusals[2], Error::NegativeEntry { row: 700, column: 1, .. }), "{}", refusals[2]);
    assert!(matches!(refusals[3], Error::Negative { index: 700, .. }), "{}", refusals[3]);
    assert_eq!(mlp.parameters(), before);
}

#[test]
fn a_step_that_overflows_is_undone_even_if_it_is_the_last() {
    // Behind a tanh the loss stays finite whatever the weights, so only the weights themselves can tell.
    let mut mlp = Mlp::<f64>::new(&[2, 3, 1], Activation::Tanh, &mut RandomStream::new(1)).unwrap();
    let before = mlp.parameters().to_vec();
    let (x, y) = (Matrix::from_rows([[1.0, 2.0], [0.5, -1.0]]), Matrix::from_rows([[1.0], [0.0]]));
    let training = fit(
        &mut mlp,
        x.view(),
        &Targets::from(&y),
        &MeanSquaredError::default(),
        &mut Sgd::new(SgdOptions::default().with_learning_rate(f64::MAX).with_momentum(0.9)).unwrap(),
        &TrainingOptions::default().with_epochs(1).with_batch(1).with_shuffle(false),
        &mut RandomStream::new(1),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    let Status::NotFinite { step, place: Place::Weight { .. } } = &training.status else {
        panic!("{:?}", training.status)
    };
    assert_eq!((*step, training.steps), (training.steps, *step));
    assert!(mlp.parameters().iter().all(|parameter| parameter.is_finite()));
    if training.steps == 0 {
        assert_eq!(mlp.parameters(), before);
    }
    let mut learn = |options: &TrainingOptions| {
        fit(
            &mut mlp,
            x.view(),
            &Targets::from(&y),
            &MeanSquaredError::default(),
            &mut adam(0.01),
            options,
            &mut RandomStream::new(1),
            &mut |progress| {
                if progress.step == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        )
    };
    // Without an end but the observer's.
    let training = learn(&TrainingOptions::default().with_epochs(usize::MAX).with_batch(1)).unwrap();
    assert_eq!((training.status, training.steps), (Status::Stopped, 5));
}

/// Samples 0 to 15 weigh nothing: in order, the first batch of 16 has no mean.
#[test]
fn a_batch_without_weight_is_skipped_and_counted() {
    let (_, x, y) = line();
    let weights: Vec<f64> = (0..50).map(|index| if index < 16 { 0.0 } else { 1.0 }).collect();
    let targets = Targets::from(&y).with_sample_weights(&weights);
    let options = TrainingOptions::default().with_batch(16).with_epochs(3).with_shuffle(false);
    let learn = |x: MatrixView<'_, f64>, targets: &Targets<'_, f64>, loss: &MeanSquaredError| {
        let (mut mlp, ..) = line();
        let mut seen = Vec::new();
        let mut adam = adam(0.05);
        let training = fit(
            &mut mlp,
            x,
            targets,
            loss,
            &mut adam,
            &options,
            &mut RandomStream::new(1),
            &mut |progress| {
                assert_eq!(progress.skipped, progress.loss.is_nan() && progress.gradient_norm.is_nan());
                seen.push((progress.step, progress.skipped, progress.ends_epoch));
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        assert_eq!(adam.steps(), training.steps);
        (training, mlp, seen)
    };
    let (training, mlp, seen) = learn(x.view(), &targets, &MeanSquaredError::default());
    assert_eq!((&training.status, training.steps, training.skipped), (&Status::Completed, 9, 3));
    assert_eq!(
        seen[..5],
        [(0, true, false), (0, false, false), (1, false, false), (2, false, true), (3, true, false)]
    );
    // It is the training without those samples, step for step.
    let rest = Targets::from(y.submatrix(16..50, 0..1)).with_sample_weights(&weights[16..]);
    let (without, same, _) = learn(x.submatrix(16..50, 0..2), &rest, &MeanSquaredError::default());
    assert_eq!((without.steps, without.skipped, &without.epoch_losses), (9, 0, &training.epoch_losses));
    assert_eq!(mlp, same);
    // A sum of nothing is 0: a step like any other.
    let sum = MeanSquaredError { reduction: Reduction::Sum };
    let (training, ..) = learn(x.view(), &targets, &sum);
    assert_eq!((training.steps, training.skipped), (12, 0));
    // The last batch of an epoch may be the one: the observer still learns of the end of each epoch.
    let mut last = [1.0; 50];
    last[48..].fill(0.0);
    let targets = Targets::from(&y).with_sample_weights(&last);
    let (training, _, seen) = learn(x.view(), &targets, &MeanSquaredError::default());
    assert_eq!((&training.status, training.steps, training.skipped), (&Status::Completed, 9, 3));
    assert_eq!(seen.iter().filter(|(_, skipped, ends)| *skipped && *ends).count(), 3);
}

/// Where no sample weighs anything, there is nothing to train on: an error, and the network as it was.
#[test]
fn samples_without_any_weight_are_refused() {
    let (mut mlp, x, y) = line();
    let error = fit(
        &mut mlp,
        x.view(),
        &Targets::from(&y).with_sample_weights(&[0.0; 50]),
        &MeanSquaredError::default(),
        &mut adam(0.05),
        &TrainingOptions::default().with_batch(16),
        &mut RandomStream::new(1),
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap_err();
    assert!(matches!(error, Error::ZeroWeight { .. }), "{error}");
    assert_eq!(mlp, line().0);
}

/// The same for classes of weight 0; the guarded step alone says it as an error, and nothing has changed.
#[test]
fn a_batch_of_classes_without_weight_is_skipped() {
    let mut stream = RandomStream::new(6);
    let mut mlp = Mlp::<f64>::new(&[2, 4, 3], Activation::Relu, &mut stream).unwrap();
    let x: Matrix<f64> = stream.normal_matrix(4, 2);
    let classes = [2, 2, 0, 1];
    let loss = CrossEntropy::default().with_class_weights(&[1.0, 2.0, 0.0]);
    let training = fit(
        &mut mlp,
        x.view(),
        &Targets::classes(&classes),
        &loss,
        &mut adam(0.1),
        &TrainingOptions::default().with_batch(2).with_epochs(1).with_shuffle(false),
        &mut stream,
        &mut |_| ControlFlow::Continue(()),
    )
    .unwrap();
    assert_eq!((training.status, training.steps, training.skipped), (Status::Completed, 1, 1));
    let (before, mut optimiser) = (mlp.clone(), adam(0.1));
    let (pair, labels) = (x.submatrix(0..2, 0..2), Targets::classes(&classes[..2]));
    let error = Trainer::new().step(&mut mlp, pair, &labels, &loss, &mut optimiser).unwrap_err();
    assert!(matches!(error, Error::ZeroWeight { .. }), "{error}");
    assert_eq!((mlp, optimiser.steps()), (before, 0));
}
