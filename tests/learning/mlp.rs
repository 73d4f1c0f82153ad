//! The passes of a network against finite differences in double precision, and against each other.

use brenier::autodiff::{Tape, Variable};
use brenier::matrix::MatrixView;
use brenier::nn::mlp::RecordedMlp;
use brenier::nn::{Activation, Mlp, MlpOptions, MlpWorkspace, Parameters};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

const SMOOTH: [Activation; 7] = [
    Activation::Silu,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Tanh,
    Activation::Sigmoid,
    Activation::Softplus,
    Activation::Identity,
];

fn inner(a: MatrixView<'_, f64>, b: MatrixView<'_, f64>) -> f64 {
    a.iter_rows().zip(b.iter_rows()).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()).sum()
}

fn network(widths: &[usize], activation: Activation, output: Activation, seed: u64) -> Mlp<f64> {
    MlpOptions::new(widths)
        .with_activation(activation)
        .with_output_activation(output)
        .build(&mut RandomStream::new(seed))
        .unwrap()
}

/// The derivative of `function` along one coordinate of `x`: central, with error h² f'''/6 and rounding EPSILON f / h.
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
    let mut stream = RandomStream::new(1);
    for activation in SMOOTH {
        for output in [Activation::Identity, Activation::Sigmoid] {
            let mut mlp = network(&[3, 7, 5, 2], activation, output, 2);
            let mut x: Matrix<f64> = stream.normal_matrix(4, 3);
            let u: Matrix<f64> = stream.normal_matrix(4, 2);
            let mut workspace = MlpWorkspace::new();
            mlp.forward(&x, &mut workspace).unwrap();
            let mut gradient = vec![1.0; mlp.parameters().len()]; // it accumulates: one more than the gradient
            let mut dx = Matrix::filled(4, 3, f64::NAN); // it is written
            mlp.backward(&u, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
            for (index, &slope) in gradient.iter().enumerate() {
                let mut parameters = mlp.parameters().to_vec();
                let expected = difference(&mut parameters, index, |parameters| {
                    mlp.parameters_mut().copy_from_slice(parameters);
                    inner(mlp.apply(&x).unwrap().view(), u.view())
                });
                mlp.parameters_mut().copy_from_slice(&parameters);
                assert_close(slope - 1.0, expected, &format!("{activation} parameter {index}"));
            }
            for index in 0..12 {
                let mut entries = x.as_slice().to_vec();
                let expected = difference(&mut entries, index, |entries| {
                    x.as_mut_slice().copy_from_slice(entries);
                    inner(mlp.apply(&x).unwrap().view(), u.view())
                });
                x.as_mut_slice().copy_from_slice(&entries);
                assert_close(dx.as_slice()[index], expected, &format!("{activation} input {index}"));
            }
            let mut again = Matrix::zeros(4, 3);
            mlp.input_gradient(&u, &mut workspace, again.view_mut()).unwrap();
            assert_eq!(again, dx);
            // <u, J w> = <Jᵀ u, w>
            let w: Matrix<f64> = stream.normal_matrix(4, 3);
            let tangent = mlp.jacobian_vector_product(&w, &mut workspace).unwrap();
            assert_close(inner(tangent, u.view()), inner(dx.view(), w.view()), "the adjoint");
        }
    }
}

#[test]
fn the_backward_pass_of_the_input_gradient_is_that_of_finite_differences() {
    let mut stream = RandomStream::new(5);
    for activation in SMOOTH {
        for (widths, output) in [
            (&[3, 6, 5, 2][..], Activation::Identity),
            (&[3, 4, 2][..], Activation::Tanh),
            (&[2, 3][..], Activation::Softplus),
        ] {
            let mut mlp = network(widths, activation, output, 6);
            let (inputs, outputs) = (mlp.inputs(), mlp.outputs());
            let mut x: Matrix<f64> = stream.normal_matrix(3, inputs);
            let mut u: Matrix<f64> = stream.normal_matrix(3, outputs);
            let w: Matrix<f64> = stream.normal_matrix(3, inputs);
            // S = <w, Jᵀ u>
            let scalar = |mlp: &Mlp<f64>, x: &Matrix<f64>, u: &Matrix<f64>| {
                let mut workspace = MlpWorkspace::new();
                mlp.forward(x, &mut workspace).unwrap();
                let mut slope = Matrix::zeros(3, inputs);
                mlp.input_gradient(u, &mut workspace, slope.view_mut()).unwrap();
                inner(slope.view(), w.view())
            };
            let mut workspace = MlpWorkspace::new();
            mlp.forward_for_second_order(&x, &mut workspace).unwrap();
            let mut gradient = vec![-1.0; mlp.parameters().len()];
            let mut dx = Matrix::filled(3, inputs, f64::NAN);
            let du = mlp
                .input_gradient_backward(&u, &w, &mut workspace, &mut gradient, Some(dx.view_mut()))
                .unwrap()
                .to_matrix();
            for (index, &slope) in gradient.iter().enumerate() {
                let mut parameters = mlp.parameters().to_vec();
                let expected = difference(&mut parameters, index, |parameters| {
                    mlp.parameters_mut().copy_from_slice(parameters);
                    scalar(&mlp, &x, &u)
                });
                mlp.parameters_mut().copy_from_slice(&parameters);
                assert_close(slope + 1.0, expected, &format!("{activation} {widths:?} parameter {index}"));
            }
            for index in 0..x.as_slice().len() {
                let mut entries = x.as_slice().to_vec();
                let expected = difference(&mut entries, index, |entries| {
                    x.as_mut_slice().copy_from_slice(entries);
                    scalar(&mlp, &x, &u)
                });
                x.as_mut_slice().copy_from_slice(&entries);
                assert_close(
                    dx.as_slice()[index],
                    expected,
                    &format!("{activation} {widths:?} input {index}"),
                );
            }
            for index in 0..u.as_slice().len() {
                let mut entries = u.as_slice().to_vec();
                let expected = difference(&mut entries, index, |entries| {
                    u.as_mut_slice().copy_from_slice(entries);
                    scalar(&mlp, &x, &u)
                });
                u.as_mut_slice().copy_from_slice(&entries);
                assert_close(du.as_slice()[index], expected, &format!("{activation} {widths:?} u {index}"));
            }
        }
    }
}

/// A way that shares nothing with the passes by hand but the activations' kernels: first and second order, all activations.
#[test]
fn the_tape_agrees_with_every_pass() {
    let mut stream = RandomStream::new(11);
    let corners = [Activation::Relu, Activation::LeakyRelu { slope: 0.2 }, Activation::Elu { alpha: 1.0 }];
    for activation in SMOOTH.into_iter().chain(corners) {
        let mlp = network(&[3, 17, 9, 2], activation, Activation::Identity, 12);
        let x: Matrix<f64> = stream.normal_matrix(6, 3);
        let (u, w): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(6, 2), stream.normal_matrix(6, 3));
        let mut workspace = MlpWorkspace::new();
        let y = mlp.forward_for_second_order(&x, &mut workspace).unwrap().to_matrix();
        let (mut first, mut second) = (vec![0.0; mlp.parameters().len()], vec![0.0; mlp.parameters().len()]);
        let mut dx = Matrix::zeros(6, 3);
        let mut ddx = Matrix::zeros(6, 3);
        mlp.backward(&u, &mut workspace, &mut first, Some(dx.view_mut())).unwrap();
        let tangent = mlp
            .input_gradient_backward(&u, &w, &mut workspace, &mut second, Some(ddx.view_mut()))
            .unwrap()
            .to_matrix();

        let mut tape = Tape::new();
        let input = tape.variable(&x);
        let RecordedMlp { parameters, output } = mlp.record(&mut tape, input).unwrap();
        let (seed, direction) = (tape.variable(&u), tape.constant(&w));
        let weighted = tape.multiply(output, seed).unwrap();
        let scalar = tape.sum(weighted).unwrap();
        let wanted: Vec<Variable> = parameters.iter().copied().chain([input]).collect();
        let gradients = tape.gradients(scalar, &wanted).unwrap();
        let slope = tape.multiply(gradients[parameters.len()], direction).unwrap();
        let of_slope = tape.sum(slope).unwrap();
        let with_seed: Vec<Variable> = wanted.iter().copied().chain([seed]).collect();
        let seconds = tape.gradients(of_slope, &with_seed).unwrap();

        // Products of inner length 17 at most, a dozen of them in a chain, numbers of size one.
        let close = |found: &[f64], expected: MatrixView<'_, f64>, what: &str| {
            let expected = expected.as_slice().unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() <= 1e3 * f64::EPSILON * (1.0 + expected.abs()),
                    "{activation}, {what}: {found} is not {expected}"
                );
            }
        };
        close(y.as_slice(), tape.value(output).unwrap(), "the output");
        for (index, tensor) in mlp.tensors().iter().enumerate() {
            close(&first[tensor.range.clone()], tape.value(gradients[index]).unwrap(), &tensor.name);
            close(&second[tensor.range.clone()], tape.value(seconds[index]).unwrap(), &tensor.name);
        }
        let count = parameters.len();
        close(dx.as_slice(), tape.value(gradients[count]).unwrap(), "the gradient in the input");
        close(ddx.as_slice(), tape.value(seconds[count]).unwrap(), "the second gradient in the input");
        close(
            tangent.as_slice(),
            tape.value(seconds[count + 1]).unwrap(),
            "the gradient in the upstream gradient",
        );
    }
}

/// Exact in integers: a network of rectifiers with given weights.
#[test]
fn a_network_of_rectifiers_by_hand() {
    let mut mlp = network(&[2, 2, 1], Activation::Relu, Activation::Identity, 0);
    // W_1 = [[1, -1], [2, 1]], b_1 = [0, -3], W_2 = [[1, 10]], b_2 = [0.5]
    mlp.parameters_mut().copy_from_slice(&[1.0, -1.0, 2.0, 1.0, 0.0, -3.0, 1.0, 10.0, 0.5]);
    let x = Matrix::from_rows([[3.0, 1.0], [0.0, 1.0], [1.0, 1.0]]);
    let mut workspace = MlpWorkspace::new();
    let y = mlp.forward(&x, &mut workspace).unwrap();
    assert_eq!(y.to_matrix(), Matrix::from_rows([[42.5], [0.5], [0.5]]));
    assert_eq!(mlp.evaluate(&x, &mut MlpWorkspace::new()).unwrap(), y);
    let mut gradient = vec![0.0; 9];
    let mut dx = Matrix::zeros(3, 2);
    mlp.backward(&Matrix::filled(3, 1, 1.0), &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
    // Only the first sample opens units; at the corner (second unit of the third sample) the slope is zero.
    assert_eq!(gradient, [3.0, 1.0, 30.0, 10.0, 1.0, 10.0, 2.0, 4.0, 3.0]);
    assert_eq!(dx, Matrix::from_rows([[21.0, 9.0], [0.0, 0.0], [0.0, 0.0]]));
}

#[test]
fn batches_of_changing_size_share_a_workspace() {
    let mlp = network(&[3, 9, 4], Activation::Silu, Activation::Identity, 3);
    let mut workspace = MlpWorkspace::new();
    let mut stream = RandomStream::new(4);
    for batch in [5, 64, 1, 7] {
        let x: Matrix<f64> = stream.normal_matrix(batch, 3);
        let u: Matrix<f64> = stream.normal_matrix(batch, 4);
        mlp.forward(&x, &mut workspace).unwrap();
        let mut gradient = vec![0.0; mlp.parameters().len()];
        mlp.backward(&u, &mut workspace, &mut gradient, None).unwrap();
        let mut fresh = MlpWorkspace::new();
        mlp.forward(&x, &mut fresh).unwrap();
        let mut expected = vec![0.0; mlp.parameters().len()];
        mlp.backward(&u, &mut fresh, &mut expected, None).unwrap();
        assert_eq!(gradient, expected);
    }
}

/// Large products finish their rows with bias, activation and slopes on another way than small ones: a large batch must be the same
/// as small ones.
#[test]
fn a_large_batch_is_its_parts() {
    let mut stream = RandomStream::new(9);
    for (activation, bias) in
        [(Activation::Silu, true), (Activation::Relu, false), (Activation::Identity, true)]
    {
        let widths = [70, 200, 150, 130, 3];
        let mlp: Mlp<f64> =
            MlpOptions::new(&widths).with_activation(activation).with_bias(bias).build(&mut stream).unwrap();
        let x: Matrix<f64> = stream.normal_matrix(700, 70);
        let u: Matrix<f64> = stream.normal_matrix(700, 3);
        let run = |rows: std::ops::Range<usize>, gradient: &mut [f64]| {
            let mut workspace = MlpWorkspace::new();
            let (x, u) = (x.rows_range(rows.clone()), u.rows_range(rows.clone()));
            let evaluated = mlp.evaluate(x, &mut workspace).unwrap().to_matrix();
            let y = mlp.forward(x, &mut workspace).unwrap().to_matrix();
            assert_eq!(y, evaluated);
            let mut dx = Matrix::zeros(rows.len(), 70);
            mlp.backward(u, &mut workspace, gradient, Some(dx.view_mut())).unwrap();
            (y, dx)
        };
        let mut gradient = vec![0.0; mlp.parameters().len()];
        let (y, dx) = run(0..700, &mut gradient);
        let mut expected = vec![0.0; mlp.parameters().len()];
        for first in (0..700).step_by(35) {
            let (part_y, part_dx) = run(first..first + 35, &mut expected);
            for row in 0..35 {
                let pairs = y.row(first + row).iter().zip(part_y.row(row));
                for (a, b) in pairs.chain(dx.row(first + row).iter().zip(part_dx.row(row))) {
                    assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{activation:?}: {a} is not {b}");
                }
            }
        }
        // 700 summands, each of a few numbers that have rounding of their own.
        let size = expected.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
        for (index, (a, b)) in gradient.iter().zip(&expected).enumerate() {
            assert!((a - b).abs() <= 1e-12 * size, "{activation:?}, parameter {index}: {a} is not {b}");
        }
    }
}

#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let mut stream = RandomStream::new(8);
    let mlp = Mlp::<f32>::new(&[5, 300, 130, 3], Activation::Gelu, &mut stream).unwrap();
    let x: Matrix<f32> = stream.normal_matrix(700, 5);
    let u: Matrix<f32> = stream.normal_matrix(700, 3);
    let w: Matrix<f32> = stream.normal_matrix(700, 5);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut workspace = MlpWorkspace::new();
            let y = mlp.forward_for_second_order(&x, &mut workspace).unwrap().to_matrix();
            let mut gradient = vec![0.0; mlp.parameters().len()];
            let mut dx = Matrix::zeros(700, 5);
            mlp.backward(&u, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
            let du =
                mlp.input_gradient_backward(&u, &w, &mut workspace, &mut gradient, None).unwrap().to_matrix();
            (y, gradient, dx, du)
        })
    };
    let expected = run(1);
    for threads in [2, 3, 5] {
        assert!(run(threads) == expected, "{threads} threads");
    }
}

#[test]
fn a_network_is_printed_without_its_parameters() {
    let mlp = network(&[3, 4, 2], Activation::Relu, Activation::Sigmoid, 1);
    let text =
        "Mlp { widths: [3, 4, 2], activation: Relu, output_activation: Sigmoid, bias: true, parameters: 26 }";
    assert_eq!(format!("{mlp:?}"), text);
}

#[test]
fn initial_values_go_by_their_names() {
    use brenier::nn::initialisation::Initialisation;
    let build = |initialisation| {
        MlpOptions::new(&[400, 300, 2])
            .with_initialisation(initialisation)
            .build::<f64>(&mut RandomStream::new(3))
            .unwrap()
    };
    let mlp = build(Initialisation::LecunNormal);
    let weight = &mlp.parameters()[..120_000];
    let variance = weight.iter().map(|w| w * w).sum::<f64>() / 120_000.0;
    // 1/inp, and the mean of 120,000 squares is off by √(2/120,000) = 0.4%.
    assert!((variance * 400.0 - 1.0).abs() < 0.02, "{variance}");
    assert!(mlp.parameters()[120_000..120_300].iter().all(|&bias| bias == 0.0));
    let default = build(Initialisation::LinearDefault);
    assert!(default.parameters().iter().all(|w| w.abs() <= 1.0 / 300.0_f64.sqrt()));
    assert!(default.parameters()[120_000..120_300].iter().any(|&bias| bias != 0.0));
    let refused = MlpOptions::new(&[2, 2]).with_initialisation(Initialisation::Constant(f64::NAN));
    assert!(matches!(refused.build::<f64>(&mut RandomStream::new(1)), Err(Error::Argument { .. })));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut stream = RandomStream::new(1);
    let refused = |widths: &[usize]| Mlp::<f32>::new(widths, Activation::Relu, &mut RandomStream::new(1));
    assert!(matches!(refused(&[3]), Err(Error::Shape { got: 1, .. })));
    assert!(matches!(refused(&[3, 0, 1]), Err(Error::Empty { .. })));
    assert!(matches!(refused(&[usize::MAX, 3]), Err(Error::Argument { .. })));
    assert!(matches!(refused(&[1 << 40, 1 << 20]), Err(Error::Argument { .. })));
    let alpha = Activation::Elu { alpha: f64::NAN };
    assert!(matches!(Mlp::<f32>::new(&[1, 1], alpha, &mut stream), Err(Error::Argument { .. })));

    let mlp = Mlp::<f32>::new(&[3, 4, 2], Activation::Relu, &mut stream).unwrap();
    let mut workspace = MlpWorkspace::new();
    assert!(matches!(mlp.forward(&Matrix::zeros(0, 3), &mut workspace), Err(Error::Empty { .. })));
    assert!(matches!(
        mlp.forward(&Matrix::zeros(2, 4), &mut workspace),
        Err(Error::Shape { expected: 3, got: 4, .. })
    ));
    let mut gradient = vec![0.0; mlp.parameters().len()];
    let dy = Matrix::zeros(2, 2);
    let early = mlp.backward(&dy, &mut workspace, &mut gradient, None);
    assert!(matches!(early, Err(Error::NoForwardPass { .. })));
    mlp.forward(&Matrix::zeros(2, 3), &mut workspace).unwrap();
    mlp.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
    assert!(matches!(mlp.backward(&dy, &mut workspace, &mut gradient[1..], None), Err(Error::Shape { .. })));
    let wrong = mlp.backward(&Matrix::zeros(3, 2), &mut workspace, &mut gradient, None);
    assert!(matches!(wrong, Err(Error::Shape { expected: 2, got: 3, .. })));
    let first_order =
        mlp.input_gradient_backward(&dy, &Matrix::zeros(2, 3), &mut workspace, &mut gradient, None);
    assert!(matches!(first_order, Err(Error::NoForwardPass { needed: "forward_for_second_order", .. })));
    // An evaluation through the workspace ends what the forward pass has left, and so does another network.
    mlp.evaluate(&Matrix::zeros(2, 3), &mut workspace).unwrap();
    assert!(mlp.backward(&dy, &mut workspace, &mut gradient, None).is_err());
    let other = Mlp::<f32>::new(&[3, 5, 2], Activation::Relu, &mut stream).unwrap();
    other.forward(&Matrix::zeros(2, 3), &mut workspace).unwrap();
    assert!(mlp.backward(&dy, &mut workspace, &mut gradient, None).is_err());
}
