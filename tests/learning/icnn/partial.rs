//! Partially convex networks: convex in x for every condition, not in the condition; gradients in parameters, x and conditions.

use super::{BOTH, CONVEX, assert_close, difference, dot};
use brenier::nn::icnn::{NonNegativity, StrongConvexity};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
use brenier::nn::{Activation, Parameters, PartialIcnn, PartialIcnnOptions, PartialIcnnWorkspace};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};
use proptest::prelude::*;

/// Networks whose passes are smooth in everything, so that finite differences apply.
fn smooth_networks() -> Vec<PartialIcnn<f64>> {
    let mut networks = Vec::new();
    for (seed, non_negativity) in BOTH.into_iter().enumerate() {
        for convexity in [StrongConvexity::Fixed(0.3), StrongConvexity::Trainable(0.7)] {
            for (hidden, condition_hidden) in [(&[5][..], &[4][..]), (&[5, 4, 6][..], &[3, 5, 2][..])] {
                let options = PartialIcnnOptions::new(3, 2, hidden, condition_hidden)
                    .with_gate(Activation::Softplus)
                    .with_non_negativity(non_negativity)
                    .with_strong_convexity(convexity);
                networks.push(options.build(&mut RandomStream::new(seed as u64)).unwrap());
            }
        }
    }
    networks
}

/// Compares the gradients of a scalar in the parameters, in x and in c with central differences.
fn check(
    icnn: &mut PartialIcnn<f64>,
    [x, c]: [&mut Matrix<f64>; 2],
    [gradient, dx, dc]: [&[f64]; 3],
    scalar: impl Fn(&PartialIcnn<f64>, &Matrix<f64>, &Matrix<f64>) -> f64,
) {
    let mut parameters = icnn.parameters().to_vec();
    for (index, &found) in gradient.iter().enumerate() {
        let expected = difference(&mut parameters, index, |parameters| {
            icnn.parameters_mut().copy_from_slice(parameters);
            scalar(icnn, x, c)
        });
        icnn.parameters_mut().copy_from_slice(&parameters);
        let tensor = icnn.tensors().into_iter().find(|tensor| tensor.range.contains(&index)).unwrap();
        assert_close(found, expected, &tensor.name);
    }
    let mut entries = x.as_slice().to_vec();
    for (index, &found) in dx.iter().enumerate() {
        let expected = difference(&mut entries, index, |entries| {
            x.as_mut_slice().copy_from_slice(entries);
            scalar(icnn, x, c)
        });
        x.as_mut_slice().copy_from_slice(&entries);
        assert_close(found, expected, "x");
    }
    let mut entries = c.as_slice().to_vec();
    for (index, &found) in dc.iter().enumerate() {
        let expected = difference(&mut entries, index, |entries| {
            c.as_mut_slice().copy_from_slice(entries);
            scalar(icnn, x, c)
        });
        c.as_mut_slice().copy_from_slice(&entries);
        assert_close(found, expected, "c");
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut stream = RandomStream::new(31);
    for mut icnn in smooth_networks() {
        let mut x: Matrix<f64> = stream.normal_matrix(4, 3);
        let mut c: Matrix<f64> = stream.normal_matrix(4, 2);
        let dy: Matrix<f64> = stream.normal_matrix(4, 1);
        let mut workspace = PartialIcnnWorkspace::new();
        icnn.forward(&x, &c, &mut workspace).unwrap();
        let mut gradient = vec![1.0; icnn.parameters().len()];
        let (mut dx, mut dc) = (Matrix::filled(4, 3, f64::NAN), Matrix::filled(4, 2, f64::NAN));
        let targets = (Some(dx.view_mut()), Some(dc.view_mut()));
        icnn.backward(&dy, &mut workspace, &mut gradient, targets.0, targets.1).unwrap();
        for slope in &mut gradient {
            *slope -= 1.0; // it accumulates
        }
        let mut map = Matrix::zeros(4, 3);
        icnn.input_gradient(&mut workspace, map.view_mut()).unwrap();
        let w: Matrix<f64> = stream.normal_matrix(4, 3);
        let tangent = icnn.jacobian_vector_product(&w, &mut workspace).unwrap().to_matrix();
        for row in 0..4 {
            assert_close(tangent[(row, 0)], dot(map.row(row), w.row(row)), "the derivative along w");
            for column in 0..3 {
                assert_close(map[(row, column)] * dy[(row, 0)], dx[(row, column)], "the map");
            }
        }
        assert_eq!(icnn.gradient(&x, &c).unwrap(), map);
        let gradients = [&gradient[..], dx.as_slice(), dc.as_slice()];
        check(&mut icnn, [&mut x, &mut c], gradients, |icnn, x, c| {
            dot(icnn.apply(x, c).unwrap().as_slice(), dy.as_slice())
        });
    }
}

#[test]
fn second_order_gradients_are_those_of_finite_differences() {
    let mut stream = RandomStream::new(32);
    for mut icnn in smooth_networks() {
        let mut x: Matrix<f64> = stream.normal_matrix(4, 3);
        let mut c: Matrix<f64> = stream.normal_matrix(4, 2);
        let w: Matrix<f64> = stream.normal_matrix(4, 3);
        let mut workspace = PartialIcnnWorkspace::new();
        icnn.forward_for_second_order(&x, &c, &mut workspace).unwrap();
        // Passes in between leave the result as it is.
        let mut gradient = vec![0.0; icnn.parameters().len()];
        let (mut dx, mut dc) = (Matrix::zeros(4, 3), Matrix::zeros(4, 2));
        icnn.input_gradient(&mut workspace, dx.view_mut()).unwrap();
        icnn.backward(&Matrix::filled(4, 1, 3.0), &mut workspace, &mut gradient, None, None).unwrap();
        gradient.fill(0.0);
        let targets = (Some(dx.view_mut()), Some(dc.view_mut()));
        icnn.input_gradient_backward(&w, &mut workspace, &mut gradient, targets.0, targets.1).unwrap();
        assert_eq!(icnn.hessian_vector_product(&x, &c, &w).unwrap(), dx);
        let gradients = [&gradient[..], dx.as_slice(), dc.as_slice()];
        check(&mut icnn, [&mut x, &mut c], gradients, |icnn, x, c| {
            dot(icnn.gradient(x, c).unwrap().as_slice(), w.as_slice())
        });
    }
}

/// A network with any parameters that are allowed.
fn any_network(
    seed: u64,
    activation: Activation,
    non_negativity: NonNegativity,
    alpha: f64,
) -> PartialIcnn<f64> {
    let mut stream = RandomStream::new(seed);
    let mut icnn: PartialIcnn<f64> = PartialIcnnOptions::new(3, 2, &[6, 5], &[4, 3])
        .with_activation(activation)
        .with_condition_activation(Activation::Tanh)
        .with_non_negativity(non_negativity)
        .with_strong_convexity(StrongConvexity::Fixed(alpha))
        .build(&mut stream)
        .unwrap();
    stream.fill_normal(icnn.parameters_mut());
    icnn.project();
    icnn
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    /// As for the convex network, with one condition for all points. Values are some hundreds at most, and a hundred
    /// operations lead to each.
    #[test]
    fn networks_are_convex_for_every_condition(
        seed in any::<u64>(),
        t in 0.0..1.0_f64,
        activation in 0..CONVEX.len(),
        both in 0..2_usize,
        alpha in prop_oneof![Just(0.0), Just(0.5)],
    ) {
        let icnn = any_network(seed, CONVEX[activation], BOTH[both], alpha);
        let mut stream = RandomStream::new(seed ^ 1);
        let ends: Matrix<f64> = stream.normal_matrix(2, 3);
        let c: Matrix<f64> = stream.normal_matrix(1, 2);
        let x = Matrix::from_fn(3, 3, |row, column| match row {
            2 => t * ends[(0, column)] + (1.0 - t) * ends[(1, column)],
            _ => ends[(row, column)],
        });
        let conditions = Matrix::from_fn(3, 2, |_, column| c[(0, column)]);
        let y = icnn.apply(&x, &conditions).unwrap();
        let g = icnn.gradient(&x, &conditions).unwrap();
        let step: Vec<f64> = x.row(0).iter().zip(x.row(1)).map(|(a, b)| a - b).collect();
        let rise: Vec<f64> = g.row(0).iter().zip(g.row(1)).map(|(a, b)| a - b).collect();
        let distance = dot(&step, &step);
        let size = 1.0 + y.as_slice().iter().chain(g.as_slice()).map(|v| v.abs()).sum::<f64>();
        let rounding = 1e-11 * size;
        let chord = t * y[(0, 0)] + (1.0 - t) * y[(1, 0)] - 0.5 * alpha * t * (1.0 - t) * distance;
        prop_assert!(y[(2, 0)] <= chord + rounding, "{} above the chord {chord}", y[(2, 0)]);
        prop_assert!(dot(&rise, &step) >= alpha * distance - rounding, "the gradient is not monotone");
        let w: Matrix<f64> = stream.normal_matrix(3, 3);
        let hw = icnn.hessian_vector_product(&x, &conditions, &w).unwrap();
        for row in 0..3 {
            let form = dot(hw.row(row), w.row(row));
            prop_assert!(form >= alpha * dot(w.row(row), w.row(row)) - 1e-9 * size, "not semidefinite: {form}");
        }
    }
}

#[test]
fn nothing_is_convex_in_the_condition() {
    let mut stream = RandomStream::new(5);
    let found = (0..50).any(|seed| {
        let icnn = any_network(seed, Activation::Softplus, NonNegativity::Projection, 0.0);
        let ends: Matrix<f64> = stream.normal_matrix(2, 2);
        let c = Matrix::from_fn(3, 2, |row, column| match row {
            2 => 0.5 * (ends[(0, column)] + ends[(1, column)]),
            _ => ends[(row, column)],
        });
        let y = icnn.apply(&Matrix::filled(3, 3, 0.5), &c).unwrap();
        y[(2, 0)] > 0.5 * (y[(0, 0)] + y[(1, 0)]) + 1e-3
    });
    assert!(found);
}

/// One network for many maps: `T(x; c) = exp(c) x + c`, the optimal map from N(0, I) to N(c, e^(2c) I), learned by regression on it.
#[test]
fn conditional_maps_between_gaussians_are_learned() {
    let mut stream = RandomStream::new(6);
    let mut icnn: PartialIcnn<f32> =
        PartialIcnnOptions::near_identity(2, 1, &[32, 32], &[16, 16]).build(&mut stream).unwrap();
    let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.01)).unwrap();
    let mut workspace = PartialIcnnWorkspace::new();
    let mut gradient = vec![0.0; icnn.parameters().len()];
    let mut map = Matrix::zeros(256, 2);
    for step in 0..1500 {
        if step == 1000 {
            adam.set_learning_rate(0.001).unwrap();
        }
        let x: Matrix<f32> = stream.normal_matrix(256, 2);
        let c: Matrix<f32> = stream.uniform_matrix(256, 1);
        icnn.forward_for_second_order(&x, &c, &mut workspace).unwrap();
        icnn.input_gradient(&mut workspace, map.view_mut()).unwrap();
        let w = Matrix::from_fn(256, 2, |row, column| {
            (map[(row, column)] - c[(row, 0)].exp() * x[(row, column)] - c[(row, 0)]) / 256.0
        });
        gradient.fill(0.0);
        icnn.input_gradient_backward(&w, &mut workspace, &mut gradient, None, None).unwrap();
        adam.step(icnn.parameters_mut(), &gradient).unwrap();
        icnn.project();
    }
    let x: Matrix<f32> = stream.normal_matrix(4000, 2);
    let c: Matrix<f32> = stream.uniform_matrix(4000, 1);
    let map = icnn.gradient(&x, &c).unwrap();
    let (mut error, mut size) = (0.0, 0.0);
    for row in 0..4000 {
        for column in 0..2 {
            let scaled = c[(row, 0)].exp() * x[(row, column)];
            error += f64::from((map[(row, column)] - scaled - c[(row, 0)]).powi(2));
            size += f64::from(scaled.powi(2));
        }
    }
    println!("unexplained {:.5}", error / size);
    assert!(error / size < 0.02, "{}", error / size);
}

#[test]
fn batches_of_changing_size_share_a_workspace() {
    let mut stream = RandomStream::new(4);
    let first: PartialIcnn<f64> = PartialIcnnOptions::new(3, 2, &[9, 4], &[5, 6]).build(&mut stream).unwrap();
    let second: PartialIcnn<f64> = PartialIcnnOptions::new(2, 3, &[5, 20, 3], &[7, 2, 4])
        .with_non_negativity(NonNegativity::Softplus)
        .build(&mut stream)
        .unwrap();
    let mut workspace = PartialIcnnWorkspace::new();
    for (batch, icnn) in [(5, &first), (64, &second), (1, &first), (7, &first), (3, &second)] {
        let x: Matrix<f64> = stream.normal_matrix(batch, icnn.inputs());
        let c: Matrix<f64> = stream.normal_matrix(batch, icnn.conditions());
        let run = |workspace: &mut PartialIcnnWorkspace<f64>| {
            let y = icnn.forward_for_second_order(&x, &c, workspace).unwrap().to_matrix();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let (mut dx, mut dc) =
                (Matrix::zeros(batch, icnn.inputs()), Matrix::zeros(batch, icnn.conditions()));
            icnn.backward(&y, workspace, &mut gradient, None, None).unwrap();
            let targets = (Some(dx.view_mut()), Some(dc.view_mut()));
            icnn.input_gradient_backward(&x, workspace, &mut gradient, targets.0, targets.1).unwrap();
            (y, gradient, dx, dc)
        };
        assert_eq!(run(&mut workspace), run(&mut PartialIcnnWorkspace::new()));
    }
}

#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let mut stream = RandomStream::new(8);
    let icnn: PartialIcnn<f32> =
        PartialIcnnOptions::near_identity(5, 4, &[300, 130], &[40, 64]).build(&mut stream).unwrap();
    let x: Matrix<f32> = stream.normal_matrix(700, 5);
    let c: Matrix<f32> = stream.normal_matrix(700, 4);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut workspace = PartialIcnnWorkspace::new();
            let y = icnn.forward_for_second_order(&x, &c, &mut workspace).unwrap().to_matrix();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let (mut dx, mut dc) = (Matrix::zeros(700, 5), Matrix::zeros(700, 4));
            icnn.backward(&y, &mut workspace, &mut gradient, None, None).unwrap();
            let targets = (Some(dx.view_mut()), Some(dc.view_mut()));
            icnn.input_gradient_backward(&x, &mut workspace, &mut gradient, targets.0, targets.1).unwrap();
            (y, gradient, dx, dc)
        })
    };
    let expected = run(1);
    for threads in [2, 3] {
        assert!(run(threads) == expected, "{threads} threads");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |options: PartialIcnnOptions| options.build::<f64>(&mut RandomStream::new(1)).unwrap_err();
    let options = || PartialIcnnOptions::new(2, 1, &[3, 4], &[2, 2]);
    assert!(matches!(refused(options().with_activation(Activation::Tanh)), Error::Choice { .. }));
    assert!(matches!(refused(options().with_gate(Activation::Silu)), Error::Choice { .. }));
    assert!(matches!(refused(PartialIcnnOptions::new(2, 0, &[3], &[3])), Error::Empty { .. }));
    assert!(matches!(refused(PartialIcnnOptions::new(2, 1, &[3], &[0])), Error::Empty { .. }));
    let uneven = refused(PartialIcnnOptions::new(2, 1, &[3, 4], &[2]));
    assert!(matches!(uneven, Error::Shape { expected: 2, got: 1, .. }));

    let mut icnn: PartialIcnn<f64> = options().build(&mut RandomStream::new(1)).unwrap();
    let mut workspace = PartialIcnnWorkspace::new();
    let (x, c, dy) = (Matrix::zeros(2, 2), Matrix::zeros(2, 1), Matrix::zeros(2, 1));
    let mut gradient = vec![0.0; icnn.parameters().len()];
    let early = icnn.backward(&dy, &mut workspace, &mut gradient, None, None);
    assert!(matches!(early, Err(Error::NoForwardPass { .. })));
    let few = icnn.forward(&x, &Matrix::zeros(1, 1), &mut workspace);
    assert!(matches!(few, Err(Error::Shape { expected: 2, got: 1, .. })));
    let nan = icnn.forward(&x, &Matrix::filled(2, 1, f64::NAN), &mut workspace);
    assert!(matches!(nan, Err(Error::NotFiniteEntry { row: 0, column: 0, .. })));
    assert!(matches!(
        icnn.forward(&Matrix::zeros(0, 2), &Matrix::zeros(0, 1), &mut workspace),
        Err(Error::Empty { .. })
    ));
    icnn.forward(&x, &c, &mut workspace).unwrap();
    let first_order = icnn.input_gradient_backward(&x, &mut workspace, &mut gradient, None, None);
    assert!(matches!(first_order, Err(Error::NoForwardPass { needed: "forward_for_second_order", .. })));
    let mut wrong = Matrix::zeros(2, 2);
    let dc = Some(wrong.view_mut());
    assert!(matches!(
        icnn.backward(&dy, &mut workspace, &mut gradient, None, dc),
        Err(Error::Shape { expected: 1, got: 2, .. })
    ));
    let place =
        icnn.tensors().into_iter().find(|tensor| tensor.name == "hidden.2.weight").unwrap().range.start;
    icnn.parameters_mut()[place] = -1.0;
    let negative = icnn.forward(&x, &c, &mut workspace);
    assert!(matches!(negative, Err(Error::Negative { index, .. }) if index == place));
    icnn.project();
    icnn.forward(&x, &c, &mut workspace).unwrap();
}
