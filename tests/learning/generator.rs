//! The Sinkhorn generator: the tape against the path by hand, finite differences through the network, training, threads, hostile input.

use brenier::autodiff::Tape;
use brenier::generative::{
    GeneratorOptions, Rows, SampleSource, SinkhornGenerator, fit_generator, generate, sinkhorn_loss,
};
use brenier::nn::optim::{Adam, AdamOptions, Sgd, SgdOptions};
use brenier::nn::training::{Place, Status, StepOutcome};
use brenier::nn::{Activation, Mlp, MlpWorkspace, Parameters};
use brenier::ot::sinkhorn::gradient::{self, Loss};
use brenier::ot::sinkhorn::minibatch::{Differentiation, Options, SinkhornLoss};
use brenier::ot::{Problem, divergence, sinkhorn};
use brenier::random::RandomStream;
use brenier::{Error, Matrix, MatrixView};
use std::ops::ControlFlow;

const LOSSES: [Loss; 3] = [Loss::Dual, Loss::EntropicPrimal, Loss::TransportCost];
const WAYS: [Differentiation; 3] =
    [Differentiation::Envelope, Differentiation::Unrolled, Differentiation::Implicit];

fn go_on<P>(_: &P) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn clouds(seed: u64, n: usize, m: usize, d: usize) -> (Matrix<f64>, Matrix<f64>) {
    let mut stream = RandomStream::new(seed);
    (stream.normal_matrix(n, d), stream.normal_matrix::<f64>(m, d).map(|y| 0.7 * y + 0.5))
}

fn assert_near(got: &[f64], expected: &[f64], bound: f64, what: &str) {
    assert_eq!(got.len(), expected.len());
    for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= bound, "{what}, {k}: {got} and {expected}");
    }
}

/// The same u, v and P by the operations of the tape: what automatic differentiation makes of the formulas.
fn on_the_tape(x: &Matrix<f64>, y: &Matrix<f64>, options: &Options) -> (f64, Matrix<f64>, Matrix<f64>) {
    use brenier::autodiff::Axis;
    let mut tape = Tape::new();
    let (n, m, epsilon) = (x.rows(), y.rows(), options.epsilon);
    let (x, y) = (tape.variable(x), tape.variable(y));
    let mut build = || {
        let costs = tape.squared_distances(x, y)?;
        let costs = tape.scale(costs, 1.0 / epsilon)?;
        // In units of epsilon.
        let (mut u, mut v) = (tape.filled(n, 1, 0.0)?, tape.filled(1, m, 0.0)?);
        for _ in 0..options.iterations {
            let exponents = tape.subtract(v, costs)?;
            let sums = tape.log_sum_exp(exponents, Axis::Rows)?;
            let negative = tape.negate(sums)?;
            u = tape.shift(negative, -(n as f64).ln())?;
            let exponents = tape.subtract(u, costs)?;
            let sums = tape.log_sum_exp(exponents, Axis::Columns)?;
            let negative = tape.negate(sums)?;
            v = tape.shift(negative, -(m as f64).ln())?;
        }
        let exponents = tape.subtract(u, costs)?;
        let exponents = tape.add(exponents, v)?;
        let plan = tape.exp(exponents)?;
        let loss = match options.loss {
            Loss::Dual => {
                let (u, v, mass) = (tape.mean(u)?, tape.mean(v)?, tape.sum(plan)?);
                let sum = tape.add(u, v)?;
                let sum = tape.subtract(sum, mass)?;
                tape.shift(sum, (n as f64).ln() + (m as f64).ln() + 1.0)?
            }
            Loss::EntropicPrimal => {
                let entropy = tape.multiply(plan, exponents)?;
                let cost = tape.multiply(plan, costs)?;
                let sum = tape.add(entropy, cost)?;
                tape.sum(sum)?
            }
            Loss::TransportCost => {
                let cost = tape.multiply(plan, costs)?;
                tape.sum(cost)?
            }
        };
        let loss = tape.scale(loss, epsilon)?;
        tape.backward(loss)?;
        let gradient = |variable| Ok::<_, Error>(tape.gradient(variable)?.to_matrix());
        Ok::<_, Error>((tape.scalar(loss)?, gradient(x)?, gradient(y)?))
    };
    build().expect("shapes that fit")
}

#[test]
fn unrolled_gradients_are_those_of_automatic_differentiation() {
    for (n, m, d, epsilon, iterations) in [(5, 7, 2, 0.5, 6), (17, 16, 3, 0.05, 20), (20, 33, 12, 1.0, 10)] {
        let (x, y) = clouds(n as u64, n, m, d);
        for loss in LOSSES {
            let options = Options::new(epsilon)
                .with_iterations(iterations)
                .with_tolerance(0.0)
                .with_loss(loss)
                .with_differentiation(Differentiation::Unrolled);
            let (value, dx, dy) = on_the_tape(&x, &y, &options);
            let (mut by_hand_x, mut by_hand_y) = (Matrix::zeros(n, d), Matrix::zeros(m, d));
            let answer = SinkhornLoss::new(options)
                .and_then(|mut loss| {
                    let (dx, dy) = (by_hand_x.view_mut(), by_hand_y.view_mut());
                    loss.value_and_gradient_into(&x, &y, Some(dx), Some(dy))
                })
                .unwrap();
            // Exponents of up to 50/ε are rounded to EPS; the way back goes through `iterations` of them.
            let bound = 1e3 * f64::EPSILON * iterations as f64 / epsilon;
            let what = format!("{n} {m} {d} {loss:?}");
            assert_near(&[answer.value], &[value], bound, &what);
            assert_near(by_hand_x.as_slice(), dx.as_slice(), bound, &what);
            assert_near(by_hand_y.as_slice(), dy.as_slice(), bound, &what);
        }
    }
}

#[test]
fn the_operation_of_the_tape_is_the_path_by_hand() {
    let (x, y) = clouds(3, 9, 11, 3);
    for loss in LOSSES {
        for way in WAYS {
            let options = Options::new(0.4).with_loss(loss).with_differentiation(way);
            let mut tape = Tape::new();
            let (source, target) = (tape.variable(&x), tape.variable(&y));
            let value = sinkhorn_loss(&mut tape, source, target, &options).unwrap();
            let twice = tape.scale(value, 2.0).unwrap();
            tape.backward(twice).unwrap();
            let (mut dx, mut dy) = (Matrix::zeros(9, 3), Matrix::zeros(11, 3));
            let answer = SinkhornLoss::new(options)
                .unwrap()
                .value_and_gradient_into(&x, &y, Some(dx.view_mut()), Some(dy.view_mut()))
                .unwrap();
            // To the bit: a factor of two is exact.
            assert_eq!(tape.scalar(value).unwrap(), answer.value);
            assert_eq!(tape.gradient(source).unwrap().to_matrix(), dx.map(|slope| 2.0 * slope));
            assert_eq!(tape.gradient(target).unwrap().to_matrix(), dy.map(|slope| 2.0 * slope));
        }
    }
    let mut tape = Tape::<f64>::new();
    let (source, target) = (tape.variable(&x), tape.variable(&Matrix::zeros(2, 2)));
    let refused = sinkhorn_loss(&mut tape, source, target, &Options::default());
    assert!(matches!(refused, Err(Error::Shapes { left: (9, 3), right: (2, 2), .. })), "{refused:?}");
}

/// The general solver and its gradients are an independent computation of the fixed point.
#[test]
fn converged_losses_are_those_of_the_general_solver() {
    let (x, y) = clouds(8, 24, 19, 2);
    let problem = Problem::from_points(&x, &y, brenier::matrix::Distance::SquaredEuclidean);
    let epsilon = 0.3;
    let solved = sinkhorn::Options::new(epsilon).with_tolerance(1e-13);
    let solution = sinkhorn::solve_with(&problem, &solved, &mut |_| ControlFlow::Continue(())).unwrap();
    for loss in LOSSES {
        let way =
            if loss == Loss::TransportCost { Differentiation::Implicit } else { Differentiation::Envelope };
        let options = Options::new(epsilon)
            .with_iterations(5000)
            .with_tolerance(1e-13)
            .with_loss(loss)
            .with_differentiation(way);
        let (mut dx, mut dy) = (Matrix::zeros(24, 2), Matrix::zeros(19, 2));
        let answer = SinkhornLoss::new(options)
            .unwrap()
            .value_and_gradient_into(&x, &y, Some(dx.view_mut()), Some(dy.view_mut()))
            .unwrap();
        let expected = gradient::of_loss(&solution.plan, loss, &gradient::Options::default()).unwrap();
        let points = expected.points(&x, &y, brenier::matrix::Distance::SquaredEuclidean).unwrap();
        // Marginals to 1e-13, over 1 - r of the iterations' rate r, which is 1e-3 here at most.
        assert_near(&[answer.value], &[gradient::value(&solution.plan, loss)], 1e-9, "value");
        assert_near(dx.as_slice(), points.source.as_slice(), 1e-8, "sources");
        assert_near(dy.as_slice(), points.target.as_slice(), 1e-8, "targets");
    }
    let options = Options::new(epsilon).with_iterations(5000).with_tolerance(1e-13).with_debiased(true);
    let value = SinkhornLoss::new(options).unwrap().value(&x, &y).unwrap().value;
    let expected = divergence::solve(&problem, epsilon).unwrap();
    assert!((value - expected.value).abs() < 2e-6, "{value} {}", expected.value);
    assert_eq!(SinkhornLoss::new(options).unwrap().value(&x, &x).unwrap().value, 0.0);
}

/// The weight gradient of a whole step, by a step of plain descent of length one, against differences of the loss.
#[test]
fn a_step_goes_down_the_gradient_in_the_weights() {
    let mut stream = RandomStream::new(4);
    let network = Mlp::<f64>::new(&[2, 6, 3], Activation::Tanh, &mut stream).unwrap();
    let noise: Matrix<f64> = stream.normal_matrix(7, 2);
    let data: Matrix<f64> = stream.normal_matrix(9, 3);
    let options = Options::new(0.5)
        .with_iterations(8)
        .with_tolerance(0.0)
        .with_loss(Loss::TransportCost)
        .with_differentiation(Differentiation::Unrolled);
    let mut moved = network.clone();
    let mut descent = Sgd::new(SgdOptions::default().with_learning_rate(1.0)).unwrap();
    let mut generator = SinkhornGenerator::new(options).unwrap();
    generator.step(&mut moved, noise.view(), data.view(), &mut descent).unwrap();
    let mut loss = SinkhornLoss::new(options).unwrap();
    let mut workspace = MlpWorkspace::new();
    let h = 1e-5;
    for k in 0..network.parameters().len() {
        let mut at = |step: f64| {
            let mut changed = network.clone();
            changed.parameters_mut()[k] += step;
            let points = changed.evaluate(&noise, &mut workspace).unwrap().to_matrix();
            loss.value(&data, &points).unwrap().value
        };
        // Error of the difference: of order h² and EPS/h.
        let expected = (at(h) - at(-h)) / (2.0 * h);
        let got = network.parameters()[k] - moved.parameters()[k];
        assert!((got - expected).abs() < 1e-7, "{k}: {got} {expected}");
    }
}

fn trained(threads: usize, options: Options) -> (Vec<f32>, Vec<f64>) {
    let run = || {
        let mut stream = RandomStream::new(11);
        let data = stream.normal_matrix::<f32>(300, 20).map(|x| 0.2 * x + 1.0);
        let mut network = Mlp::new(&[8, 64, 20], Activation::Relu, &mut stream).unwrap();
        let mut adam = Adam::new(AdamOptions::default().with_learning_rate(3e-3)).unwrap();
        let options = GeneratorOptions::new(options).with_batch(48).with_steps(40);
        let mut rows = Rows::new(&data).unwrap();
        let training =
            fit_generator(&mut network, &mut rows, &mut adam, &options, &mut stream, &mut go_on).unwrap();
        assert_eq!((training.status, training.steps), (Status::Completed, 40));
        (network.parameters().to_vec(), training.losses)
    };
    #[cfg(feature = "parallel")]
    return rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
    #[cfg(not(feature = "parallel"))]
    {
        let _ = threads;
        run()
    }
}

#[test]
fn training_lowers_every_loss_and_does_not_depend_on_threads() {
    for loss in LOSSES {
        for way in WAYS {
            for debiased in [false, true] {
                let options =
                    Options::new(0.5).with_loss(loss).with_differentiation(way).with_debiased(debiased);
                let (weights, losses) = trained(1, options);
                assert!(losses[39] < losses[0] - 1.0, "{options:?}: {} {}", losses[0], losses[39]);
                if loss == Loss::TransportCost {
                    let (others, again) = trained(3, options);
                    assert!(weights == others && losses == again, "{options:?}");
                }
            }
        }
    }
}

#[test]
fn training_stops_where_it_is_told_to_and_where_numbers_end() {
    let mut stream = RandomStream::new(1);
    let data: Matrix<f32> = stream.normal_matrix(64, 2);
    let mut network = Mlp::<f32>::new(&[2, 8, 2], Activation::Relu, &mut stream).unwrap();
    let options = GeneratorOptions::default().with_batch(16).with_steps(10);
    let mut adam = Adam::new(AdamOptions::default()).unwrap();
    let mut rows = Rows::new(&data).unwrap();
    let training =
        fit_generator(&mut network, &mut rows, &mut adam, &options, &mut stream, &mut |progress| {
            if progress.step == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!((training.status, training.steps, training.losses.len()), (Status::Stopped, 4, 4));

    // A step so long that the next costs overflow: the weights are those before it.
    let mut wild = Sgd::new(SgdOptions::default().with_learning_rate(1e30)).unwrap();
    let before = network.parameters().to_vec();
    let training =
        fit_generator(&mut network, &mut rows, &mut wild, &options, &mut stream, &mut go_on).unwrap();
    assert!(matches!(training.status, Status::NotFinite { step: 1, .. }), "{:?}", training.status);
    assert_eq!(network.parameters(), before);

    // NaN in the noise is the batch's fault, and named.
    let mut noise: Matrix<f32> = stream.normal_matrix(16, 2);
    noise[(5, 1)] = f32::NAN;
    let mut generator = SinkhornGenerator::new(Options::default()).unwrap();
    let batch = data.rows_range(0..16);
    let step = generator.step(&mut network, noise.view(), batch, &mut adam).unwrap();
    assert_eq!(step.outcome, StepOutcome::NotFinite(Place::Input { row: 5, column: 1 }));
    assert_eq!(network.parameters(), before);
}

#[test]
fn bad_input_is_refused() {
    let mut stream = RandomStream::new(1);
    let mut network = Mlp::<f32>::new(&[2, 8, 2], Activation::Relu, &mut stream).unwrap();
    let mut adam = Adam::new(AdamOptions::default()).unwrap();
    let data: Matrix<f32> = stream.normal_matrix(20, 2);
    let mut try_with = |data: &Matrix<f32>, options: GeneratorOptions| {
        let mut stream = RandomStream::new(1);
        Rows::new(data).and_then(|mut rows| {
            fit_generator(&mut network, &mut rows, &mut adam, &options, &mut stream, &mut go_on)
        })
    };
    let options = GeneratorOptions::default().with_batch(10).with_steps(1);
    assert!(try_with(&data, options).is_ok());
    assert!(matches!(try_with(&data, options.with_batch(0)), Err(Error::Argument { name: "batch", .. })));
    assert!(matches!(
        try_with(&data, options.with_batch(21)),
        Err(Error::Argument { name: "batch", value: 21.0, .. })
    ));
    assert!(matches!(
        try_with(&Matrix::zeros(20, 3), options),
        Err(Error::Shape { expected: 3, got: 2, .. })
    ));
    assert!(matches!(try_with(&Matrix::zeros(0, 2), options), Err(Error::Empty { .. })));
    assert!(try_with(&data, options.with_batch(usize::MAX)).is_err());
    let mut bad = data.clone();
    bad[(7, 0)] = f32::INFINITY;
    assert!(matches!(try_with(&bad, options), Err(Error::NotFiniteEntry { row: 7, column: 0, .. })));
    let wrong = GeneratorOptions::new(Options::new(-1.0));
    assert!(matches!(try_with(&data, wrong), Err(Error::Argument { name: "epsilon", .. })));
    assert!(matches!(generate(&network, 0, &mut stream), Err(Error::Empty { .. })));
    let mut rows = Rows::new(MatrixView::from(&data)).unwrap();
    assert!(rows.draw(&mut stream, Matrix::zeros(3, 4).view_mut()).is_err());
}

/// Who waits for the tolerance may allow any number of iterations: memory is that of those that are made.
#[test]
fn unrolled_iterations_need_memory_as_they_come() {
    let (x, y) = clouds(3, 8, 9, 2);
    let gradient = |options: Options| {
        let mut dy = Matrix::zeros(9, 2);
        let answer = SinkhornLoss::<f64>::new(options)
            .unwrap()
            .value_and_gradient_into(&x, &y, None, Some(dy.view_mut()))
            .unwrap();
        (answer, dy)
    };
    let options = Options::new(0.5).with_differentiation(Differentiation::Unrolled);
    let expected = gradient(options.with_iterations(10_000));
    assert!(expected.0.iterations < 1000);
    assert_eq!(gradient(options.with_iterations(usize::MAX)), expected);
}

/// Where the type cannot tell the exponents apart there is no answer, rather than one of chance.
#[test]
fn epsilon_below_what_the_type_can_tell_is_refused() {
    let x = Matrix::from_rows([[0.0_f32, 1.0], [1.0, 0.0], [2.0, -1.0]]);
    for (shift, epsilon) in [(1e10_f32, 0.1), (0.0, 1e-9), (1e4, 1e-3)] {
        let y = x.map(|entry| entry + shift);
        let refused = SinkhornLoss::<f32>::new(Options::new(epsilon)).unwrap().value(&x, &y);
        assert!(
            matches!(refused, Err(Error::Argument { name: "epsilon", .. })),
            "{shift} {epsilon}: {refused:?}"
        );
    }
    // In reach: far more than a plan that is a permutation needs.
    let answer = SinkhornLoss::<f32>::new(Options::new(1e-5)).unwrap().value(&x, &x).unwrap();
    assert!(answer.value.abs() < 1e-3 && answer.marginal_error < 1e-3, "{answer:?}");
}
