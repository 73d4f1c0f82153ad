//! Dropout, layer normalisation and Fourier features: closed forms, finite differences, PyTorch's numbers, threads and hostile input.

use brenier::nn::{Dropout, FourierFeatures, LayerNorm, LayerNormMemory, Linear, Parameters};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

/// The sum of the products entry by entry: a scalar function of a layer's output whose gradient is `weights`.
fn weighted(y: &Matrix<f64>, weights: &Matrix<f64>) -> f64 {
    y.as_slice().iter().zip(weights.as_slice()).map(|(y, w)| y * w).sum()
}

/// Central differences of `f` in each entry of `x`, of order h².
fn differences(x: &Matrix<f64>, h: f64, mut f: impl FnMut(&Matrix<f64>) -> f64) -> Matrix<f64> {
    Matrix::from_fn(x.rows(), x.columns(), |row, column| {
        let mut at = |step: f64| {
            let mut x = x.clone();
            x[(row, column)] += step;
            f(&x)
        };
        (at(h) - at(-h)) / (2.0 * h)
    })
}

fn assert_near(got: &Matrix<f64>, expected: &Matrix<f64>, allowed: f64) {
    assert_eq!(got.shape(), expected.shape());
    for (got, expected) in got.as_slice().iter().zip(expected.as_slice()) {
        assert!((got - expected).abs() <= allowed, "{got} not {expected}");
    }
}

/// ```python
/// x = torch.tensor([[0.5, -1.25, 2.0, 0.1], [3.0, 0.1, -0.7, 3.0]], dtype=torch.float64, requires_grad=True)
/// l = torch.nn.LayerNorm(4, dtype=torch.float64)
/// l.weight.data = torch.tensor([1.0, 0.5, -2.0, 3.0]).double(); l.bias.data = torch.tensor([0.1, 0.0, -0.2, 0.3]).double()
/// y = l(x); y.backward(torch.tensor([[1.0, 2.0, -1.0, 0.5], [0.3, -0.2, 0.7, 1.5]]).double())
/// ```
#[test]
fn layer_norm_gives_pytorch_s_numbers() {
    let x = Matrix::from_rows([[0.5, -1.25, 2.0, 0.1], [3.0, 0.1, -0.7, 3.0]]);
    let dout = Matrix::from_rows([[1.0, 2.0, -1.0, 0.5], [0.3, -0.2, 0.7, 1.5]]);
    let mut layer = LayerNorm::<f64>::new(4).unwrap();
    layer.parameters_mut().copy_from_slice(&[1.0, 0.5, -2.0, 3.0, 0.1, 0.0, -0.2, 0.3]);
    let (mut y, mut dx, mut dparameters) = (Matrix::zeros(2, 4), Matrix::zeros(2, 4), vec![0.0; 8]);
    let mut memory = LayerNormMemory::default();
    layer.forward_into(x.view(), y.view_mut(), &mut memory).unwrap();
    layer.backward_into(x.view(), dout.view(), dx.view_mut(), &mut dparameters, &mut memory).unwrap();
    let expected_y = [
        [0.24028815461323913, -0.6852536783031294, -3.0705114713170465, -0.31510960099650986],
        [1.0856219318301394, -0.3733416408447498, 2.2491211639415583, 3.256865795490418],
    ];
    let expected_dx = [
        [-0.3640946563324743, 0.07047353981840598, 0.12673003909219882, 0.16689107742186926],
        [-1.2732880665060609, 0.17448549897133947, -0.13676519243593588, 1.2355677599706574],
    ];
    let expected_dparameters = [
        0.43597473416228094,
        -2.591678056874618,
        -2.2924481430380688,
        1.3759146309124575,
        1.3,
        1.8,
        -0.30000000000000004,
        2.0,
    ];
    // Sums of a few products of order one.
    let allowed = 20.0 * f64::EPSILON;
    assert_near(&y, &Matrix::from_rows(expected_y), allowed);
    assert_near(&dx, &Matrix::from_rows(expected_dx), allowed);
    assert_near(
        &Matrix::from_vec(1, 8, dparameters).unwrap(),
        &Matrix::from_rows([expected_dparameters]),
        allowed,
    );
}

#[test]
fn layer_norm_s_gradients_are_differences_and_accumulate() {
    let mut stream = RandomStream::new(1);
    for (rows, features) in [(1, 1), (3, 2), (4, 7), (5, 33)] {
        let x: Matrix<f64> = stream.normal_matrix(rows, features);
        let dout = stream.normal_matrix(rows, features);
        // With an ε of this size the curvature stays moderate where a row has one or two features.
        let mut layer = LayerNorm::<f64>::new(features).unwrap().with_epsilon(0.1).unwrap();
        stream.fill_normal(layer.parameters_mut());
        let value = |layer: &LayerNorm<f64>, x: &Matrix<f64>| {
            let mut y = Matrix::zeros(rows, features);
            layer.forward_into(x.view(), y.view_mut(), &mut LayerNormMemory::default()).unwrap();
            weighted(&y, &dout)
        };
        let mut memory = LayerNormMemory::default();
        let (mut y, mut dx) = (Matrix::zeros(rows, features), Matrix::filled(rows, features, f64::NAN));
        layer.forward_into(x.view(), y.view_mut(), &mut memory).unwrap();
        let mut dparameters = vec![100.0; 2 * features];
        layer.backward_into(x.view(), dout.view(), dx.view_mut(), &mut dparameters, &mut memory).unwrap();
        // h² times a third derivative of some 100 at most, and rounding of EPS / h times the sum.
        assert_near(&dx, &differences(&x, 1e-5, |x| value(&layer, x)), 1e-7);
        let parameters = Matrix::from_vec(1, 2 * features, layer.parameters().to_vec()).unwrap();
        let expected = differences(&parameters, 1e-3, |parameters| {
            let mut layer = layer.clone();
            layer.parameters_mut().copy_from_slice(parameters.as_slice());
            value(&layer, &x) // linear in the parameters: no error but rounding
        });
        let got = Matrix::from_vec(1, 2 * features, dparameters.iter().map(|d| d - 100.0).collect()).unwrap();
        assert_near(&got, &expected, 1e-9);
    }
}

/// Mean 0 and variance 1 within rounding, also where the mean is a million deviations away.
#[test]
fn layer_norm_keeps_its_digits_next_to_a_large_mean() {
    let (rows, features) = (5, 300);
    let noise: Matrix<f64> = RandomStream::new(2).normal_matrix(rows, features);
    for offset in [0.0, 1e6, -1e8] {
        let x = noise.map(|x| x + offset);
        let mut y = Matrix::zeros(rows, features);
        let layer = LayerNorm::new(features).unwrap().with_epsilon(1e-12).unwrap();
        layer.forward_into(x.view(), y.view_mut(), &mut LayerNormMemory::default()).unwrap();
        for row in y.iter_rows() {
            let mean = row.iter().sum::<f64>() / features as f64;
            let square = row.iter().map(|y| y * y).sum::<f64>() / features as f64;
            // The mean is known to some EPS of the offset.
            let allowed = 4.0 * f64::EPSILON * f64::max(offset.abs(), 10.0);
            assert!(
                mean.abs() <= allowed && (square - 1.0).abs() <= allowed.max(1e-11),
                "{offset}: {mean}, {square}"
            );
        }
    }
    // Equal entries have no direction: the shift alone remains.
    let mut y = Matrix::zeros(1, 9);
    let x = Matrix::filled(1, 9, 0.1_f32);
    LayerNorm::new(9).unwrap().forward_into(x.view(), y.view_mut(), &mut LayerNormMemory::default()).unwrap();
    assert!(y.as_slice().iter().all(|y| y.abs() < 1e-4), "{y:?}");
}

#[cfg(feature = "parallel")]
#[test]
fn layers_do_not_depend_on_threads() {
    fn run<T: brenier::Scalar>(threads: usize) -> Vec<Matrix<T>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut stream = RandomStream::new(3);
            let (rows, columns) = (1000, 70);
            let (x, dout) = (stream.normal_matrix::<T>(rows, columns), stream.normal_matrix(rows, columns));
            let (mut y, mut dx) = (Matrix::zeros(rows, columns), Matrix::zeros(rows, columns));
            let mut results = Vec::new();
            let layer = LayerNorm::<T>::new(columns).unwrap();
            let (mut memory, mut dparameters) = (LayerNormMemory::default(), vec![T::ZERO; 2 * columns]);
            layer.forward_into(x.view(), y.view_mut(), &mut memory).unwrap();
            layer.backward_into(x.view(), dout.view(), dx.view_mut(), &mut dparameters, &mut memory).unwrap();
            results.extend([y.clone(), dx.clone(), Matrix::from_vec(1, 2 * columns, dparameters).unwrap()]);
            let mut dropout = Dropout::new(0.3, stream.split(0)).unwrap();
            dropout.forward_into(x.view(), y.view_mut()).unwrap();
            dropout.backward_into(dout.view(), dx.view_mut()).unwrap();
            results.extend([y, dx]);
            let features = FourierFeatures::gaussian(20, columns, 0.5, &mut stream).unwrap();
            let (mut y, mut dx) = (Matrix::zeros(rows, 40), Matrix::zeros(rows, columns));
            features.forward_into(x.view(), y.view_mut()).unwrap();
            features.backward_into(y.view(), y.view(), dx.view_mut()).unwrap();
            results.extend([y, dx]);
            results
        })
    }
    assert!(run::<f32>(1) == run::<f32>(3));
    assert!(run::<f64>(1) == run::<f64>(2));
}

#[test]
fn dropout_is_a_product_with_the_kept_factors() {
    let (rows, columns) = (300, 77);
    let mut stream = RandomStream::new(4);
    let (x, dout) = (stream.normal_matrix::<f64>(rows, columns), stream.normal_matrix::<f64>(rows, columns));
    for probability in [0.0, 0.1, 0.5, 0.9] {
        let mut dropout = Dropout::new(probability, RandomStream::new(5)).unwrap();
        let (mut y, mut dx) = (Matrix::zeros(rows, columns), Matrix::zeros(rows, columns));
        dropout.forward_into(x.view(), y.view_mut()).unwrap();
        dropout.backward_into(dout.view(), dx.view_mut()).unwrap();
        let kept = 1.0 / (1.0 - probability);
        let mut zeros = 0;
        for k in 0..rows * columns {
            let dropped = y.as_slice()[k] == 0.0;
            zeros += usize::from(dropped);
            let factor = if dropped { 0.0 } else { kept };
            assert_eq!(y.as_slice()[k], factor * x.as_slice()[k]);
            assert_eq!(dx.as_slice()[k], factor * dout.as_slice()[k]);
        }
        // Five standard deviations of a binomial count.
        let count = (rows * columns) as f64;
        let deviation = (count * probability * (1.0 - probability)).sqrt();
        assert!((zeros as f64 - count * probability).abs() <= 5.0 * deviation, "{probability}: {zeros}");
        // Another pass has other zeros, another layer of the same stream the same.
        let first = y.clone();
        dropout.forward_into(x.view(), y.view_mut()).unwrap();
        assert_eq!(y == first, probability == 0.0);
        Dropout::new(probability, RandomStream::new(5))
            .unwrap()
            .forward_into(x.view(), y.view_mut())
            .unwrap();
        assert_eq!(y, first);
    }
    // A smaller batch after a larger one, in part of a wider matrix.
    let mut dropout = Dropout::new(0.5, RandomStream::new(6)).unwrap();
    let mut y = Matrix::filled(rows, columns, 9.0);
    dropout.forward_into(x.view(), y.view_mut()).unwrap();
    y.fill(9.0);
    dropout.forward_into(x.submatrix(0..3, 1..4), y.view_mut().submatrix(0..3, 1..4)).unwrap();
    assert!((0..3).all(|row| y[(row, 0)] == 9.0 && y[(row, 1)] != 9.0 && y[(row, 4)] == 9.0));
}

#[test]
fn fourier_features_are_sines_and_cosines() {
    let mut stream = RandomStream::new(7);
    // Sinusoidal: PyTorch's usual formula, freqs = exp(-ln(longest) * arange(half) / half), at times up to 1000.
    let (pairs, longest) = (13, 10_000.0_f64);
    let features = FourierFeatures::sinusoidal(pairs, longest).unwrap();
    let times = Matrix::from_fn(9, 1, |row, _| [0.0, 0.5, 1.0, 3.0, 100.0, 999.0, -7.0, 1e-9, 512.25][row]);
    let mut y = Matrix::<f64>::zeros(9, 2 * pairs);
    features.forward_into(times.view(), y.view_mut()).unwrap();
    let mut single = Matrix::<f32>::zeros(9, 2 * pairs);
    features.forward_into(times.cast::<f32>().view(), single.view_mut()).unwrap();
    for row in 0..9 {
        for k in 0..pairs {
            let phase = times[(row, 0)] * (-longest.ln() * k as f64 / pairs as f64).exp();
            for (column, expected) in [(k, phase.cos()), (k + pairs, phase.sin())] {
                // The phase has an error of some EPS of its size; the rest is of order EPS.
                let allowed = f64::EPSILON * (4.0 * phase.abs() + 8.0);
                assert!((y[(row, column)] - expected).abs() <= allowed, "{phase}");
                let exact_time = f64::from(times[(row, 0)] as f32) == times[(row, 0)];
                if exact_time {
                    assert!(
                        (f64::from(single[(row, column)]) - expected).abs() <= 4.0 * f64::from(f32::EPSILON)
                    );
                }
            }
        }
    }
    // Random frequencies of points, and the gradient.
    let (pairs, inp, rows) = (11, 3, 4);
    let features = FourierFeatures::gaussian(pairs, inp, 0.3, &mut stream).unwrap();
    assert_eq!((features.inputs(), features.features()), (3, 22));
    let x: Matrix<f64> = stream.normal_matrix(rows, inp);
    let dout: Matrix<f64> = stream.normal_matrix(rows, 2 * pairs);
    let value = |x: &Matrix<f64>| {
        let mut y = Matrix::zeros(rows, 2 * pairs);
        features.forward_into(x.view(), y.view_mut()).unwrap();
        weighted(&y, &dout)
    };
    let (mut y, mut dx) = (Matrix::zeros(rows, 2 * pairs), Matrix::filled(rows, inp, f64::NAN));
    features.forward_into(x.view(), y.view_mut()).unwrap();
    features.backward_into(y.view(), dout.view(), dx.view_mut()).unwrap();
    // h² times third derivatives of (2π · 0.3 · 3)³ at most, over 22 features.
    assert_near(&dx, &differences(&x, 1e-5, value), 1e-6);
}

#[test]
fn shapes_and_options_that_do_not_fit_are_refused() {
    let argument = |error: Error, name: &str| {
        assert!(matches!(&error, Error::Argument { name: got, .. } if *got == name), "{error}")
    };
    for probability in [-0.1, 1.0, f64::NAN] {
        argument(
            Dropout::<f32>::new(probability, RandomStream::new(1)).unwrap_err(),
            "probability of dropout",
        );
    }
    argument(LayerNorm::<f32>::new(0).unwrap_err(), "features");
    for epsilon in [0.0, -1.0, f64::NAN] {
        argument(LayerNorm::<f32>::new(2).unwrap().with_epsilon(epsilon).unwrap_err(), "epsilon");
    }
    argument(FourierFeatures::sinusoidal(0, 10.0).unwrap_err(), "pairs");
    argument(FourierFeatures::sinusoidal(3, 0.0).unwrap_err(), "longest");
    argument(FourierFeatures::from_frequencies(Matrix::zeros(2, 0)).unwrap_err(), "inputs");
    let frequencies = Matrix::from_rows([[1.0], [f64::INFINITY]]);
    assert!(matches!(
        FourierFeatures::from_frequencies(frequencies),
        Err(Error::NotFiniteEntry { row: 1, .. })
    ));

    let (x, mut narrow, mut right) = (Matrix::<f64>::zeros(3, 4), Matrix::zeros(3, 3), Matrix::zeros(3, 4));
    let shape = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Shape { .. })), "{result:?}");
    let mut dropout = Dropout::new(0.5, RandomStream::new(1)).unwrap();
    let before = dropout.clone();
    shape(dropout.forward_into(x.view(), narrow.view_mut()));
    shape(dropout.backward_into(x.view(), right.view_mut()));
    assert_eq!(dropout, before);
    let layer = LayerNorm::new(4).unwrap();
    let mut memory = LayerNormMemory::default();
    shape(layer.forward_into(narrow.view(), right.view_mut(), &mut memory));
    shape(layer.forward_into(x.view(), narrow.view_mut(), &mut memory));
    // Without a forward pass there is nothing to go back from.
    shape(layer.backward_into(x.view(), x.view(), right.view_mut(), &mut [0.0; 8], &mut memory));
    layer.forward_into(x.view(), right.view_mut(), &mut memory).unwrap();
    shape(layer.backward_into(x.view(), x.view(), right.view_mut(), &mut [0.0; 7], &mut memory));
    shape(layer.backward_into(x.view(), narrow.view(), right.view_mut(), &mut [0.0; 8], &mut memory));
    let features = FourierFeatures::sinusoidal(2, 10.0).unwrap();
    shape(features.forward_into(x.view(), right.view_mut()));
    shape(features.forward_into(x.submatrix(0..3, 0..1), narrow.view_mut()));
    shape(features.backward_into(x.view(), x.view(), narrow.view_mut()));
}

#[test]
fn sizes_beyond_the_address_space_are_refused() {
    let stream = &mut RandomStream::new(1);
    assert!(matches!(Linear::<f32>::new(1 << 63, 2, false, stream), Err(Error::Argument { .. })));
    assert!(matches!(Linear::<f32>::new(usize::MAX, 1, true, stream), Err(Error::Argument { .. })));
    assert!(matches!(
        Linear::<f64>::from_parameters(usize::MAX, 1, vec![], true),
        Err(Error::Argument { .. })
    ));
    assert!(matches!(LayerNorm::<f32>::new(usize::MAX / 2 + 1), Err(Error::Argument { .. })));
}
