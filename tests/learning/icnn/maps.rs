//! The gradient as a map: near the identity at the start, and fitted to the one between two Gaussians.

use super::BOTH;
use brenier::Matrix;
use brenier::nn::icnn::NonNegativity;
use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
use brenier::nn::{Activation, Icnn, IcnnOptions, IcnnWorkspace, Parameters};
use brenier::random::RandomStream;

/// Pre-activations keep their size through ten layers; halves of normal weights, made positive, would multiply it by
/// the root of the width at each.
#[test]
fn signals_keep_their_size_at_the_start() {
    for activation in [Activation::Relu, Activation::Softplus, Activation::Elu { alpha: 1.0 }] {
        for non_negativity in BOTH {
            let mut outputs = Vec::new();
            for seed in 0..20 {
                let mut stream = RandomStream::new(seed);
                let icnn: Icnn<f64> = IcnnOptions::new(16, &[64; 10])
                    .with_activation(activation)
                    .with_non_negativity(non_negativity)
                    .build(&mut stream)
                    .unwrap();
                let x: Matrix<f64> = stream.normal_matrix(200, 16);
                outputs.extend(icnn.apply(&x).unwrap().into_vec());
            }
            let square = outputs.iter().map(|y| y * y).sum::<f64>() / outputs.len() as f64;
            assert!((0.05..20.0).contains(&square), "{activation} {non_negativity:?}: {square}");
        }
    }
}

#[test]
fn a_map_begins_near_the_identity() {
    for non_negativity in BOTH {
        let mut stream = RandomStream::new(3);
        let icnn: Icnn<f64> = IcnnOptions::near_identity(5, &[64, 64, 64])
            .with_non_negativity(non_negativity)
            .build(&mut stream)
            .unwrap();
        let x: Matrix<f64> = stream.normal_matrix(100, 5);
        let map = icnn.gradient(&x).unwrap();
        let worst = map.as_slice().iter().zip(x.as_slice()).map(|(y, x)| (y - x).abs()).fold(0.0, f64::max);
        assert!(worst < 0.1, "{worst}");
    }
}

/// The optimal map from N(0, I) to N(b, C C) with C symmetric and positive is `T(x) = C x + b`: regression of ∇y on it.
#[test]
fn the_map_between_two_gaussians_is_learned() {
    for (non_negativity, quadratic) in [(NonNegativity::Projection, true), (NonNegativity::Softplus, false)] {
        let mut stream = RandomStream::new(4);
        let mut icnn: Icnn<f32> = IcnnOptions::near_identity(2, &[32, 32])
            .with_non_negativity(non_negativity)
            .with_quadratic_first_layer(quadratic)
            .build(&mut stream)
            .unwrap();
        let (c, b) = ([[1.5_f32, 0.6], [0.6, 0.8]], [1.0_f32, -0.5]);
        let target = |x: &[f32], column: usize| c[column][0] * x[0] + c[column][1] * x[1] + b[column];
        let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.01)).unwrap();
        let mut workspace = IcnnWorkspace::new();
        let mut gradient = vec![0.0; icnn.parameters().len()];
        let mut map = Matrix::zeros(256, 2);
        for step in 0..1500 {
            if step == 1000 {
                adam.set_learning_rate(0.001).unwrap();
            }
            let x: Matrix<f32> = stream.normal_matrix(256, 2);
            icnn.forward_for_second_order(&x, &mut workspace).unwrap();
            icnn.input_gradient(&mut workspace, map.view_mut()).unwrap();
            let w = Matrix::from_fn(256, 2, |row, column| {
                (map[(row, column)] - target(x.row(row), column)) / 256.0
            });
            gradient.fill(0.0);
            icnn.input_gradient_backward(&w, &mut workspace, &mut gradient, None).unwrap();
            adam.step(icnn.parameters_mut(), &gradient).unwrap();
            icnn.project();
        }
        let x: Matrix<f32> = stream.normal_matrix(4000, 2);
        let map = icnn.gradient(&x).unwrap();
        let (mut error, mut size) = (0.0, 0.0);
        for row in 0..4000 {
            for column in 0..2 {
                let expected = target(x.row(row), column);
                error += f64::from((map[(row, column)] - expected).powi(2));
                size += f64::from((expected - b[column]).powi(2));
            }
        }
        println!("{non_negativity:?}: unexplained {:.5}", error / size);
        assert!(error / size < 0.01, "{non_negativity:?}: {}", error / size);
    }
}
