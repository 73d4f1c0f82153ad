//! Dropout, training, and threads.

use super::everything;
use brenier::nn::loss::{MeanSquaredError, Targets};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
use brenier::nn::sequential::Mode;
use brenier::nn::training::{Training, TrainingOptions, fit};
#[cfg(feature = "parallel")]
use brenier::nn::{Activation, Parameters};
use brenier::nn::{Dropout, LayerNorm, Linear, Sequential, SequentialWorkspace};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};
use std::ops::ControlFlow;

#[test]
fn dropout_follows_from_its_stream_its_layer_and_the_step_and_is_left_out_in_evaluation() {
    let (rows, width) = (200, 50);
    let dropout = || Dropout::new(0.4, RandomStream::new(8)).unwrap();
    let one = LayerNorm::<f64>::new(width).unwrap(); // fixes the width, and changes rows that are not normal
    let chain = Sequential::new([one.into(), dropout().into(), dropout().into()]).unwrap();
    let x: Matrix<f64> = RandomStream::new(9).normal_matrix(rows, width);
    let mut workspace = SequentialWorkspace::new();
    let mut run = |mode| chain.forward(&x, mode, &mut workspace).unwrap().to_matrix();
    let (first, second) = (run(Mode::Training { step: 0 }), run(Mode::Training { step: 1 }));
    assert_eq!(run(Mode::Training { step: 0 }), first);
    assert_ne!(first, second);
    let plain = run(Mode::Evaluation);
    assert_eq!(chain.apply(&x).unwrap(), plain);
    // Two layers with one stream draw on their own: 0.36 of the entries stay, not 0.6.
    let kept = first.as_slice().iter().filter(|y| **y != 0.0).count() as f64 / (rows * width) as f64;
    assert!((kept - 0.36).abs() < 5.0 * (0.36 * 0.64 / (rows * width) as f64).sqrt(), "{kept}");
    for (first, plain) in first.as_slice().iter().zip(plain.as_slice()) {
        assert!(*first == 0.0 || (first - plain / 0.36).abs() <= 8.0 * f64::EPSILON * first.abs());
    }
    // The way back has the zeros and factors of the way there.
    let chain = Sequential::new([
        Linear::from_parameters(1, 1, vec![1.0], false).unwrap().into(),
        Dropout::new(0.4, RandomStream::new(8)).unwrap().into(),
    ])
    .unwrap();
    let ones = Matrix::filled(500, 1, 1.0);
    let y = chain.forward(&ones, Mode::Training { step: 7 }, &mut workspace).unwrap().to_matrix();
    let mut dx = Matrix::zeros(500, 1);
    chain.input_gradient(&ones, &mut workspace, dx.view_mut()).unwrap();
    assert_eq!(dx, y);
    assert!(y.as_slice().contains(&0.0));
}

/// Trains some steps and gives all that came of it.
fn train<T: Scalar>(options: &TrainingOptions) -> (Training, Sequential<T>) {
    let mut stream = RandomStream::new(10);
    let mut chain = everything::<T>(&mut stream);
    let x: Matrix<T> = stream.normal_matrix(600, 2);
    let y = Matrix::from_fn(600, 3, |row, column| x[(row, column % 2)]);
    let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.01)).unwrap();
    let training = fit(
        &mut chain,
        x.view(),
        &Targets::from(&y),
        &MeanSquaredError::default(),
        &mut adam,
        options,
        &mut stream,
        &mut |progress| {
            assert_eq!(progress.network.layers(), 10);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    (training, chain)
}

#[test]
fn training_learns_and_goes_on_with_the_same_zeros() {
    let options = TrainingOptions::default().with_batch(100);
    let (training, whole) = train::<f64>(&options.clone().with_epochs(4));
    assert!(training.epoch_losses[3] < training.epoch_losses[0]);
    // Two epochs and two more from the twelfth step on.
    let mut stream = RandomStream::new(10);
    let mut chain = everything::<f64>(&mut stream);
    let x: Matrix<f64> = stream.normal_matrix(600, 2);
    let y = Matrix::from_fn(600, 3, |row, column| x[(row, column % 2)]);
    let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.01)).unwrap();
    for _ in 0..2 {
        let options = options.clone().with_epochs(2).with_first_step(adam.steps());
        fit(
            &mut chain,
            x.view(),
            &Targets::from(&y),
            &MeanSquaredError::default(),
            &mut adam,
            &options,
            &mut stream,
            &mut |_| ControlFlow::Continue(()),
        )
        .unwrap();
    }
    assert_eq!(chain, whole);
}

#[cfg(feature = "parallel")]
#[test]
fn chains_do_not_depend_on_threads() {
    fn run<T: Scalar>(threads: usize) -> (Training, Sequential<T>, Vec<T>) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (training, chain) = train::<T>(&TrainingOptions::default().with_batch(300).with_epochs(2));
            // Wide enough for several chunks of every pass.
            let mut stream = RandomStream::new(11);
            let wide = Sequential::<T>::new([
                Linear::new(3, 200, true, &mut stream).unwrap().into(),
                LayerNorm::new(200).unwrap().into(),
                Activation::Gelu.into(),
                Dropout::new(0.1, stream.split(0)).unwrap().into(),
                Linear::new(200, 3, true, &mut stream).unwrap().into(),
            ])
            .unwrap();
            let x = stream.normal_matrix::<T>(1000, 3);
            let mut workspace = SequentialWorkspace::new();
            let mut gradient = vec![T::ZERO; wide.parameters().len()];
            wide.forward(&x, Mode::Training { step: 1 }, &mut workspace).unwrap();
            wide.backward(&x, &mut workspace, &mut gradient, None).unwrap();
            (training, chain, gradient)
        })
    }
    assert!(run::<f32>(1) == run::<f32>(3));
    assert!(run::<f64>(1) == run::<f64>(2));
}
