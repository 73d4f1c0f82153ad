//! Input-convex networks: convexity as a property, every gradient against finite differences in double precision, closed forms, a fitted Brenier map, hostile input.

mod partial;

use brenier::nn::icnn::{IcnnInitialisation, NonNegativity, StrongConvexity};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
use brenier::nn::{Activation, Icnn, IcnnOptions, IcnnWorkspace, Parameters};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};
use proptest::prelude::*;

const BOTH: [NonNegativity; 2] = [NonNegativity::Projection, NonNegativity::Softplus];
const CONVEX: [Activation; 5] = [
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.2 },
    Activation::Softplus,
    Activation::Elu { alpha: 1.0 },
    Activation::Elu { alpha: 0.5 },
];

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn matrix(row: &[f64]) -> Matrix<f64> {
    Matrix::from_vec(1, row.len(), row.to_vec()).unwrap()
}

/// Networks of all kinds: smooth ones, so that finite differences apply.
fn smooth_networks() -> Vec<Icnn<f64>> {
    let mut networks = Vec::new();
    for (seed, non_negativity) in BOTH.into_iter().enumerate() {
        for quadratic in [false, true] {
            for convexity in
                [StrongConvexity::Fixed(0.0), StrongConvexity::Fixed(0.3), StrongConvexity::Trainable(0.7)]
            {
                for hidden in [&[5][..], &[7, 4, 6][..]] {
                    let options = IcnnOptions::new(3, hidden)
                        .with_activation(Activation::Softplus)
                        .with_quadratic_first_layer(quadratic)
                        .with_non_negativity(non_negativity)
                        .with_strong_convexity(convexity);
                    networks.push(options.build(&mut RandomStream::new(seed as u64)).unwrap());
                }
            }
        }
    }
    networks
}

/// The derivative of `function` along one coordinate: central, with error h² f'''/6 and rounding EPSILON f / h.
fn difference(x: &mut [f64], index: usize, mut function: impl FnMut(&[f64]) -> f64) -> f64 {
    const H: f64 = 1e-5;
    let old = x[index];
    x[index] = old + H;
    let above = function(x);
    x[index] = old - H;
    let below = function(x);
    x[index] = old;
    (above - below) / (2.0 * H)
}

fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 2e-8 * (1.0 + expected.abs()), "{what}: {found} is not {expected}");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut stream = RandomStream::new(11);
    for (number, mut icnn) in smooth_networks().into_iter().enumerate() {
        let mut x: Matrix<f64> = stream.normal_matrix(4, 3);
        let dy: Matrix<f64> = stream.normal_matrix(4, 1);
        let mut workspace = IcnnWorkspace::new();
        icnn.forward(&x, &mut workspace).unwrap();
        let mut gradient = vec![1.0; icnn.parameters().len()]; // it accumulates: one more than the gradient
        let mut dx = Matrix::filled(4, 3, f64::NAN); // it is written
        icnn.backward(&dy, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
        for (index, &slope) in gradient.iter().enumerate() {
            let mut parameters = icnn.parameters().to_vec();
            let expected = difference(&mut parameters, index, |parameters| {
                icnn.parameters_mut().copy_from_slice(parameters);
                dot(icnn.apply(&x).unwrap().as_slice(), dy.as_slice())
            });
            icnn.parameters_mut().copy_from_slice(&parameters);
            assert_close(slope - 1.0, expected, &format!("network {number}, parameter {index}"));
        }
        for index in 0..12 {
            let mut entries = x.as_slice().to_vec();
            let expected = difference(&mut entries, index, |entries| {
                x.as_mut_slice().copy_from_slice(entries);
                dot(icnn.apply(&x).unwrap().as_slice(), dy.as_slice())
            });
            x.as_mut_slice().copy_from_slice(&entries);
            assert_close(dx.as_slice()[index], expected, &format!("network {number}, input {index}"));
        }
        // The map is the gradient with weight one, and <g, w> is the derivative along w.
        let mut map = Matrix::zeros(4, 3);
        icnn.input_gradient(&mut workspace, map.view_mut()).unwrap();
        for row in 0..4 {
            for column in 0..3 {
                assert_close(map[(row, column)] * dy[(row, 0)], dx[(row, column)], "the map");
            }
        }
        let w: Matrix<f64> = stream.normal_matrix(4, 3);
        let tangent = icnn.jacobian_vector_product(&w, &mut workspace).unwrap().to_matrix();
        for row in 0..4 {
            assert_close(tangent[(row, 0)], dot(map.row(row), w.row(row)), "the derivative along w");
        }
        assert_eq!(icnn.gradient(&x).unwrap(), map);
    }
}

#[test]
fn second_order_gradients_are_those_of_finite_differences() {
    let mut stream = RandomStream::new(12);
    for (number, mut icnn) in smooth_networks().into_iter().enumerate() {
        let mut x: Matrix<f64> = stream.normal_matrix(4, 3);
        let w: Matrix<f64> = stream.normal_matrix(4, 3);
        let mut workspace = IcnnWorkspace::new();
        icnn.forward_for_second_order(&x, &mut workspace).unwrap();
        // A backward pass and a map in between leave the result as it is.
        let mut other = vec![0.0; icnn.parameters().len()];
        let mut map = Matrix::zeros(4, 3);
        icnn.input_gradient(&mut workspace, map.view_mut()).unwrap();
        icnn.backward(&Matrix::filled(4, 1, 3.0), &mut workspace, &mut other, None).unwrap();
        let mut gradient = vec![-1.0; icnn.parameters().len()];
        let mut dx = Matrix::filled(4, 3, f64::NAN);
        icnn.input_gradient_backward(&w, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
        for (index, &slope) in gradient.iter().enumerate() {
            let mut parameters = icnn.parameters().to_vec();
            let expected = difference(&mut parameters, index, |parameters| {
                icnn.parameters_mut().copy_from_slice(parameters);
                dot(icnn.gradient(&x).unwrap().as_slice(), w.as_slice())
            });
            icnn.parameters_mut().copy_from_slice(&parameters);
            assert_close(slope + 1.0, expected, &format!("network {number}, parameter {index}"));
        }
        for index in 0..12 {
            let mut entries = x.as_slice().to_vec();
            let expected = difference(&mut entries, index, |entries| {
                x.as_mut_slice().copy_from_slice(entries);
                dot(icnn.gradient(&x).unwrap().as_slice(), w.as_slice())
            });
            x.as_mut_slice().copy_from_slice(&entries);
            assert_close(dx.as_slice()[index], expected, &format!("network {number}, input {index}"));
        }
        assert_eq!(icnn.hessian_vector_product(&x, &w).unwrap(), dx);
        // The Hessian is symmetric: <H w, v> = <w, H v>.
        let v: Matrix<f64> = stream.normal_matrix(4, 3);
        let hv = icnn.hessian_vector_product(&x, &v).unwrap();
        assert_close(dot(dx.as_slice(), v.as_slice()), dot(hv.as_slice(), w.as_slice()), "symmetry");
    }
}

/// Parameters of any size, made admissible by the projection.
fn scrambled(icnn: &mut Icnn<f64>, stream: &mut RandomStream, scale: f64) {
    stream.fill_normal(icnn.parameters_mut());
    for parameter in icnn.parameters_mut() {
        *parameter *= scale;
    }
    icnn.project();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Convexity on segments, monotonicity of the gradient with the constant of strong convexity, and Hessians that are positive semidefinite, whatever the
    /// parameters. The bounds are those of rounding: some hundred operations on numbers no larger than `size`.
    #[test]
    fn networks_are_convex_whatever_their_parameters(
        seed in any::<u64>(),
        t in 0.0..1.0_f64,
        scale in prop_oneof![Just(0.1), Just(1.0), Just(3.0)],
        activation in 0..CONVEX.len(),
        both in 0..2_usize,
        quadratic in any::<bool>(),
        alpha in prop_oneof![Just(0.0), Just(0.5)],
    ) {
        let mut stream = RandomStream::new(seed);
        let mut icnn: Icnn<f64> = IcnnOptions::new(3, &[6, 5])
            .with_activation(CONVEX[activation])
            .with_quadratic_first_layer(quadratic)
            .with_non_negativity(BOTH[both])
            .with_strong_convexity(StrongConvexity::Fixed(alpha))
            .build(&mut stream)
            .unwrap();
        scrambled(&mut icnn, &mut stream, scale);
        let (x, y): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(1, 3), stream.normal_matrix(1, 3));
        let between: Vec<f64> =
            x.as_slice().iter().zip(y.as_slice()).map(|(x, y)| t * x + (1.0 - t) * y).collect();
        let value = |x: &Matrix<f64>| icnn.apply(x).unwrap()[(0, 0)];
        let (fx, fy, fz) = (value(&x), value(&y), value(&matrix(&between)));
        let size = parameters_size(&icnn);
        let rounding = 200.0 * f64::EPSILON * size;
        let step: Vec<f64> = x.as_slice().iter().zip(y.as_slice()).map(|(x, y)| x - y).collect();
        let distance = dot(&step, &step);
        let chord = t * fx + (1.0 - t) * fy - 0.5 * alpha * t * (1.0 - t) * distance;
        prop_assert!(fz <= chord + rounding, "f(z) = {fz} above the chord {chord}");
        let (gx, gy) = (icnn.gradient(&x).unwrap(), icnn.gradient(&y).unwrap());
        let rise: Vec<f64> = gx.as_slice().iter().zip(gy.as_slice()).map(|(x, y)| x - y).collect();
        prop_assert!(dot(&rise, &step) >= alpha * distance - rounding, "the gradient is not monotone");
        let w: Matrix<f64> = stream.normal_matrix(1, 3);
        let hw = icnn.hessian_vector_product(&x, &w).unwrap();
        let form = dot(hw.as_slice(), w.as_slice());
        prop_assert!(form >= alpha * dot(w.as_slice(), w.as_slice()) - rounding, "the Hessian is not semidefinite: {form}");
    }
}

/// A bound on the absolute sums inside a network at points of a few units: the product of the layers' sums of magnitudes, with softplus of a parameter at most 1 + |v|.
fn parameters_size(icnn: &Icnn<f64>) -> f64 {
    let mut size = 10.0;
    for tensor in icnn.tensors() {
        let sum: f64 = icnn.parameters()[tensor.range].iter().map(|v| 1.0 + v.abs()).sum();
        size *= if tensor.name.starts_with("input") { 1.0 } else { sum };
        if tensor.name.starts_with("input") {
            size += 10.0 * sum * sum * (1.0 + size);
        }
    }
    size
}

#[test]
fn training_keeps_a_network_convex() {
    for non_negativity in BOTH {
        for activation in [Activation::Relu, Activation::Softplus] {
            let mut stream = RandomStream::new(21);
            let mut icnn: Icnn<f64> = IcnnOptions::new(2, &[16, 16])
                .with_activation(activation)
                .with_non_negativity(non_negativity)
                .with_strong_convexity(StrongConvexity::Trainable(0.2))
                .build(&mut stream)
                .unwrap();
            let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.02)).unwrap();
            let mut workspace = IcnnWorkspace::new();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let mut touched = false;
            for _ in 0..60 {
                // A concave target pulls every weight below zero.
                let x: Matrix<f64> = stream.normal_matrix(32, 2);
                let y = icnn.forward(&x, &mut workspace).unwrap();
                let dy = Matrix::from_fn(32, 1, |row, _| y[(row, 0)] + dot(x.row(row), x.row(row)));
                gradient.fill(0.0);
                icnn.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
                adam.step(icnn.parameters_mut(), &gradient).unwrap();
                touched |= icnn.apply(&x).is_err();
                icnn.project();
                for _ in 0..20 {
                    let (a, b): (Matrix<f64>, Matrix<f64>) =
                        (stream.normal_matrix(1, 2), stream.normal_matrix(1, 2));
                    let middle = Matrix::from_fn(1, 2, |_, column| 0.5 * (a[(0, column)] + b[(0, column)]));
                    let value = |x: &Matrix<f64>| icnn.apply(x).unwrap()[(0, 0)];
                    let (fa, fb, fm) = (value(&a), value(&b), value(&middle));
                    let rounding = 1e-13 * (1.0 + fa.abs() + fb.abs()) * 100.0;
                    assert!(fm <= 0.5 * (fa + fb) + rounding, "{fm} above {}", 0.5 * (fa + fb));
                }
            }
            // With projection a step does make weights negative, and a forward pass says so.
            assert_eq!(touched, non_negativity == NonNegativity::Projection);
            assert!(icnn.strong_convexity() >= 0.0);
        }
    }
}

/// `y = max(x_1, 0) + 2 max(x_2 - 1, 0) + 3 x_1 + 0.5`, exact in integers and halves.
#[test]
fn a_network_of_rectifiers_by_hand() {
    let mut icnn: Icnn<f64> =
        IcnnOptions::new(2, &[2]).with_activation(Activation::Relu).build(&mut RandomStream::new(0)).unwrap();
    let names: Vec<_> = icnn.tensors().into_iter().map(|tensor| (tensor.name, tensor.range)).collect();
    let expected = ["input.0.weight", "input.0.bias", "hidden.1.weight", "input.1.weight", "input.1.bias"];
    assert!(names.iter().map(|(name, _)| name.as_str()).eq(expected));
    assert!(names.iter().map(|(_, range)| range.clone()).eq([0..4, 4..6, 6..8, 8..10, 10..11]));
    icnn.parameters_mut().copy_from_slice(&[1.0, 0.0, 0.0, 1.0, 0.0, -1.0, 1.0, 2.0, 3.0, 0.0, 0.5]);
    let x = Matrix::from_rows([[2.0, 3.0], [-1.0, 3.0], [-1.0, 0.0], [0.0, 1.0]]);
    let mut workspace = IcnnWorkspace::new();
    let y = icnn.forward(&x, &mut workspace).unwrap().to_matrix();
    assert_eq!(y, Matrix::from_rows([[12.5], [1.5], [-2.5], [0.5]]));
    assert_eq!(icnn.apply(&x).unwrap(), y);
    let map = icnn.gradient(&x).unwrap();
    assert_eq!(map, Matrix::from_rows([[4.0, 2.0], [3.0, 2.0], [3.0, 0.0], [3.0, 0.0]]));
    let mut gradient = vec![0.0; 11];
    icnn.backward(&Matrix::filled(4, 1, 1.0), &mut workspace, &mut gradient, None).unwrap();
    assert_eq!(gradient, [2.0, 3.0, 2.0, 12.0, 1.0, 4.0, 2.0, 4.0, 0.0, 7.0, 4.0]);
}

/// `y = Σ_j w_j (A_j x + b_j)² / 2 + α/2 |x|²`: its Hessian is `Aᵀ diag(w) A + α`, exact in small integers.
#[test]
fn a_quadratic_network_is_exact() {
    let mut icnn: Icnn<f64> = IcnnOptions::new(2, &[2])
        .with_activation(Activation::Relu)
        .with_quadratic_first_layer(true)
        .with_strong_convexity(StrongConvexity::Fixed(2.0))
        .build(&mut RandomStream::new(0))
        .unwrap();
    // A = [[1, 2], [0, -1]], b = [1, 0], w = [2, 4], a = [0, 1], last bias 3
    icnn.parameters_mut().copy_from_slice(&[1.0, 2.0, 0.0, -1.0, 1.0, 0.0, 2.0, 4.0, 0.0, 1.0, 3.0]);
    let x = Matrix::from_rows([[3.0, 5.0]]);
    // s = [14, -5]: 2 * 98 + 4 * 12.5 + 5 + 3 + 34
    assert_eq!(icnn.apply(&x).unwrap()[(0, 0)], 196.0 + 50.0 + 5.0 + 3.0 + 34.0);
    // ∇ = 2 * 14 * (1, 2) + 4 * -5 * (0, -1) + (0, 1) + 2 (3, 5)
    assert_eq!(icnn.gradient(&x).unwrap(), Matrix::from_rows([[28.0 + 6.0, 56.0 + 20.0 + 1.0 + 10.0]]));
    // H = 2 (1, 2)(1, 2)ᵀ + 4 (0, -1)(0, -1)ᵀ + 2 = [[4, 4], [4, 14]]
    let w = Matrix::from_rows([[1.0, -1.0]]);
    assert_eq!(icnn.hessian_vector_product(&x, &w).unwrap(), Matrix::from_rows([[0.0, -10.0]]));
}

/// Pre-activations keep their size through ten layers; halves of normal weights, made positive, would multiply it by the root of the width at each.
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

#[test]
fn batches_of_changing_size_share_a_workspace() {
    let mut stream = RandomStream::new(4);
    let first: Icnn<f64> = IcnnOptions::new(3, &[9, 4]).build(&mut stream).unwrap();
    let second: Icnn<f64> = IcnnOptions::new(2, &[5, 20, 3])
        .with_non_negativity(NonNegativity::Softplus)
        .build(&mut stream)
        .unwrap();
    let mut workspace = IcnnWorkspace::new();
    for (batch, icnn) in [(5, &first), (64, &second), (1, &first), (7, &first), (3, &second)] {
        let x: Matrix<f64> = stream.normal_matrix(batch, icnn.inputs());
        let w: Matrix<f64> = stream.normal_matrix(batch, icnn.inputs());
        let run = |workspace: &mut IcnnWorkspace<f64>| {
            let y = icnn.forward_for_second_order(&x, workspace).unwrap().to_matrix();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let mut dx = Matrix::zeros(batch, icnn.inputs());
            icnn.backward(&y, workspace, &mut gradient, None).unwrap();
            icnn.input_gradient_backward(&w, workspace, &mut gradient, Some(dx.view_mut())).unwrap();
            (y, gradient, dx)
        };
        assert_eq!(run(&mut workspace), run(&mut IcnnWorkspace::new()));
    }
}

#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let mut stream = RandomStream::new(8);
    let icnn: Icnn<f32> = IcnnOptions::near_identity(5, &[300, 130]).build(&mut stream).unwrap();
    let x: Matrix<f32> = stream.normal_matrix(700, 5);
    let w: Matrix<f32> = stream.normal_matrix(700, 5);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut workspace = IcnnWorkspace::new();
            let y = icnn.forward_for_second_order(&x, &mut workspace).unwrap().to_matrix();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let mut dx = Matrix::zeros(700, 5);
            icnn.backward(&y, &mut workspace, &mut gradient, None).unwrap();
            icnn.input_gradient_backward(&w, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
            (y, gradient, dx)
        })
    };
    let expected = run(1);
    for threads in [2, 3, 5] {
        assert!(run(threads) == expected, "{threads} threads");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut stream = RandomStream::new(1);
    let refused = |options: IcnnOptions| options.build::<f64>(&mut RandomStream::new(1)).unwrap_err();
    for activation in
        [Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::Tanh, Activation::Sigmoid]
    {
        let error = refused(IcnnOptions::new(2, &[3]).with_activation(activation));
        assert!(matches!(error, Error::Choice { ref got, .. } if *got == activation.to_string()), "{error}");
    }
    for activation in [
        Activation::LeakyRelu { slope: -0.1 },
        Activation::LeakyRelu { slope: 1.5 },
        Activation::Elu { alpha: 1.01 },
        Activation::Elu { alpha: f64::NAN },
    ] {
        let error = refused(IcnnOptions::new(2, &[3]).with_activation(activation));
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    }
    assert!(matches!(refused(IcnnOptions::new(0, &[3])), Error::Empty { .. }));
    assert!(matches!(refused(IcnnOptions::new(2, &[])), Error::Empty { .. }));
    assert!(matches!(refused(IcnnOptions::new(2, &[3, 0])), Error::Empty { .. }));
    assert!(matches!(refused(IcnnOptions::new(2, &[1 << 40, 1 << 40])), Error::Argument { .. }));
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        let options = IcnnOptions::new(2, &[3]).with_strong_convexity(StrongConvexity::Fixed(alpha));
        assert!(matches!(refused(options), Error::Argument { .. }));
    }
    let options = IcnnOptions::new(2, &[3]).with_non_negativity(NonNegativity::Softplus);
    let zero = options.with_strong_convexity(StrongConvexity::Trainable(0.0));
    assert!(matches!(refused(zero), Error::Argument { value: 0.0, .. }));
    let not_one = IcnnOptions::new(2, &[3]).with_initialisation(IcnnInitialisation::NearIdentity);
    assert!(matches!(refused(not_one), Error::Argument { value: 0.0, .. }));

    let mut icnn: Icnn<f64> = IcnnOptions::new(2, &[3, 4]).build(&mut stream).unwrap();
    let mut workspace = IcnnWorkspace::new();
    assert!(matches!(icnn.forward(&Matrix::zeros(0, 2), &mut workspace), Err(Error::Empty { .. })));
    let wide = icnn.forward(&Matrix::zeros(1, 3), &mut workspace);
    assert!(matches!(wide, Err(Error::Shape { expected: 2, got: 3, .. })));
    let nan = icnn.forward(&Matrix::from_rows([[0.0, 1.0], [0.0, f64::NAN]]), &mut workspace);
    assert!(matches!(nan, Err(Error::NotFiniteEntry { row: 1, column: 1, .. })));

    let mut gradient = vec![0.0; icnn.parameters().len()];
    let dy = Matrix::zeros(2, 1);
    let early = icnn.backward(&dy, &mut workspace, &mut gradient, None);
    assert!(matches!(early, Err(Error::NoForwardPass { needed: "forward", .. })));
    let x = Matrix::zeros(2, 2);
    icnn.evaluate(&x, &mut workspace).unwrap();
    assert!(icnn.backward(&dy, &mut workspace, &mut gradient, None).is_err());
    icnn.forward(&x, &mut workspace).unwrap();
    icnn.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
    assert!(matches!(icnn.backward(&dy, &mut workspace, &mut gradient[1..], None), Err(Error::Shape { .. })));
    let wrong = icnn.backward(&Matrix::zeros(3, 1), &mut workspace, &mut gradient, None);
    assert!(matches!(wrong, Err(Error::Shape { expected: 2, got: 3, .. })));
    let first_order = icnn.input_gradient_backward(&x, &mut workspace, &mut gradient, None);
    assert!(matches!(first_order, Err(Error::NoForwardPass { needed: "forward_for_second_order", .. })));
    assert!(matches!(icnn.hessian_vector_product(&x, &Matrix::zeros(2, 3)), Err(Error::Shape { .. })));

    // A negative weight, and NaN, named by their place among the parameters; a refused pass leaves no pass behind.
    let place =
        icnn.tensors().into_iter().find(|tensor| tensor.name == "hidden.1.weight").unwrap().range.start + 2;
    icnn.parameters_mut()[place] = -0.5;
    let negative = icnn.forward(&x, &mut workspace);
    assert!(matches!(negative, Err(Error::Negative { index, value: -0.5, .. }) if index == place));
    assert!(icnn.backward(&dy, &mut workspace, &mut gradient, None).is_err());
    icnn.project();
    assert_eq!(icnn.parameters()[place], 0.0);
    icnn.forward(&x, &mut workspace).unwrap();
    icnn.parameters_mut()[3] = f64::NAN;
    icnn.project();
    assert!(matches!(icnn.forward(&x, &mut workspace), Err(Error::NotFinite { index: 3, .. })));
}
