//! Gradients against finite differences, and the bits of `Mlp`.

use super::{everything, inner};
use brenier::nn::sequential::{Layer, Mode};
use brenier::nn::{
    Activation, Dropout, FourierFeatures, LayerNorm, Linear, Mlp, MlpOptions, MlpWorkspace, Parameters,
    Sequential, SequentialWorkspace,
};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};
use proptest::prelude::*;

#[test]
fn every_gradient_is_that_of_finite_differences() {
    let mut stream = RandomStream::new(1);
    let mut chain = everything::<f64>(&mut stream);
    let (mut x, u): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(4, 2), stream.normal_matrix(4, 3));
    for mode in [Mode::Evaluation, Mode::Training { step: 5 }] {
        let mut workspace = SequentialWorkspace::new();
        chain.forward(&x, mode, &mut workspace).unwrap();
        let mut gradient = vec![1.0; chain.parameters().len()]; // it accumulates: one more than the gradient
        let mut dx = Matrix::filled(4, 2, f64::NAN); // it is written
        chain.backward(&u, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
        let value = |chain: &Sequential<f64>, x: &Matrix<f64>| {
            inner(chain.forward(x, mode, &mut SequentialWorkspace::new()).unwrap(), u.view())
        };
        // Central differences: h² f'''/6, and rounding EPSILON f / h, each below 1e-9 here; the frequencies turn by some 2π·0.2·2.
        let (h, allowed) = (1e-5, 2e-8);
        for (index, slope) in gradient.iter().enumerate() {
            let old = chain.parameters()[index];
            let mut at = |shift: f64| {
                chain.parameters_mut()[index] = old + shift;
                value(&chain, &x)
            };
            let expected = (at(h) - at(-h)) / (2.0 * h);
            chain.parameters_mut()[index] = old;
            assert!((slope - 1.0 - expected).abs() <= allowed, "{index}: {slope}, {expected}");
        }
        for index in 0..8 {
            let old = x.as_slice()[index];
            let mut at = |shift: f64| {
                x.as_mut_slice()[index] = old + shift;
                value(&chain, &x)
            };
            let expected = (at(h) - at(-h)) / (2.0 * h);
            x.as_mut_slice()[index] = old;
            assert!((dx.as_slice()[index] - expected).abs() <= allowed, "{index}");
        }
        // The same without the gradient in the parameters, and the other way round.
        let mut again = Matrix::filled(4, 2, f64::NAN);
        chain.input_gradient(&u, &mut workspace, again.view_mut()).unwrap();
        assert_eq!(again, dx);
        let mut alone = vec![1.0; chain.parameters().len()];
        chain.backward(&u, &mut workspace, &mut alone, None).unwrap();
        assert_eq!(alone, gradient);
    }
}

/// The linear layers of a network as a chain, or the network itself as one layer.
fn chains_of<T: Scalar>(mlp: &Mlp<T>, activations: &[Activation]) -> [Sequential<T>; 2] {
    let mut layers: Vec<Layer<T>> = Vec::new();
    let mut parameters = mlp.parameters();
    for (pair, activation) in mlp.widths().windows(2).zip(activations) {
        let own;
        (own, parameters) = parameters.split_at(pair[1] * (pair[0] + 1));
        layers.push(Linear::from_parameters(pair[0], pair[1], own.to_vec(), true).unwrap().into());
        layers.push((*activation).into());
    }
    [Sequential::new(layers).unwrap(), Sequential::new([mlp.clone().into()]).unwrap()]
}

/// All bits: the kernels are the same, also where several chunks of rows are summed.
#[test]
fn a_chain_that_is_an_mlp_has_its_bits() {
    fn check<T: Scalar>() {
        let mut stream = RandomStream::new(2);
        let mlp: Mlp<T> = MlpOptions::new(&[3, 65, 33, 2])
            .with_activation(Activation::Silu)
            .with_output_activation(Activation::Tanh)
            .build(&mut stream)
            .unwrap();
        let activations = [Activation::Silu, Activation::Silu, Activation::Tanh];
        for chain in chains_of(&mlp, &activations) {
            assert_eq!(chain.parameters(), mlp.parameters());
            let (mut workspace, mut other) = (SequentialWorkspace::new(), MlpWorkspace::new());
            for batch in [1, 1000, 37] {
                let (x, dy) = (stream.normal_matrix::<T>(batch, 3), stream.normal_matrix::<T>(batch, 2));
                let expected = mlp.forward(&x, &mut other).unwrap().to_matrix();
                let got = chain.forward(&x, Mode::Training { step: 3 }, &mut workspace).unwrap().to_matrix();
                assert_eq!(got, expected);
                let (mut dx, mut expected_dx) = (Matrix::zeros(batch, 3), Matrix::zeros(batch, 3));
                let count = chain.parameters().len();
                let (mut gradient, mut expected) = (vec![T::ONE; count], vec![T::ONE; count]);
                chain.backward(&dy, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
                mlp.backward(&dy, &mut other, &mut expected, Some(expected_dx.view_mut())).unwrap();
                assert!(gradient == expected && dx == expected_dx);
                assert_eq!(
                    chain.evaluate(&x, &mut workspace).unwrap(),
                    mlp.evaluate(&x, &mut other).unwrap()
                );
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

/// A chain of random layers and widths, which fit.
fn random_chain(choices: &[(u8, usize)], seed: u64) -> Sequential<f64> {
    let stream = &mut RandomStream::new(seed);
    let mut width = 3;
    let mut layers: Vec<Layer<f64>> = vec![Linear::new(3, 3, true, stream).unwrap().into()];
    for &(kind, out) in choices {
        let layer: Layer<f64> = match kind {
            0 => Linear::new(width, out, true, stream).unwrap().into(),
            1 => Linear::new(width, out, false, stream).unwrap().into(),
            2 => LayerNorm::new(width).unwrap().with_epsilon(0.5).unwrap().into(),
            3 => Activation::Silu.into(),
            4 => Activation::Identity.into(),
            5 => Dropout::new(0.25, stream.split(1)).unwrap().into(),
            6 => FourierFeatures::gaussian(out, width, 0.1, stream).unwrap().into(),
            _ => Mlp::new(&[width, 4, out], Activation::Tanh, stream).unwrap().into(),
        };
        width = match kind {
            0 | 1 | 7 => out,
            6 => 2 * out,
            _ => width,
        };
        layers.push(layer);
    }
    Sequential::new(layers).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Along a random direction in parameters and inputs, the difference of a random chain is the gradient's.
    #[test]
    fn random_chains_have_the_slopes_of_differences(
        choices in prop::collection::vec((0_u8..8, 1_usize..9), 0..7),
        batch in 1_usize..6,
        seed in any::<u64>(),
    ) {
        let mut chain = random_chain(&choices, seed);
        let mut stream = RandomStream::new(seed ^ 1);
        let (x, w): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(batch, 3), stream.normal_matrix(batch, 3));
        let u: Matrix<f64> = stream.normal_matrix(batch, chain.outputs());
        let direction: Matrix<f64> = stream.normal_matrix(1, chain.parameters().len());
        let mode = Mode::Training { step: seed % 9 };
        let (mut workspace, mut gradient) = (SequentialWorkspace::new(), vec![0.0; chain.parameters().len()]);
        let mut dx = Matrix::zeros(batch, 3);
        chain.forward(&x, mode, &mut workspace).unwrap();
        chain.backward(&u, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
        let slope = gradient.iter().zip(direction.as_slice()).map(|(g, d)| g * d).sum::<f64>()
            + inner(dx.view(), w.view());
        let middle = chain.parameters().to_vec();
        let mut at = |shift: f64| {
            let moved = middle.iter().zip(direction.as_slice()).map(|(p, d)| p + shift * d);
            chain.parameters_mut().iter_mut().zip(moved).for_each(|(target, moved)| *target = moved);
            let x = Matrix::from_fn(batch, 3, |row, column| x[(row, column)] + shift * w[(row, column)]);
            inner(chain.forward(&x, mode, &mut workspace).unwrap(), u.view())
        };
        // Third derivatives along a direction of length √parameters may be large: two differences, extrapolated to
        // h⁴, and their own distance as the measure.
        let h = 1e-4;
        let (coarse, fine) = ((at(h) - at(-h)) / (2.0 * h), (at(0.5 * h) - at(-0.5 * h)) / h);
        let expected = (4.0 * fine - coarse) / 3.0;
        let allowed = (fine - coarse).abs() + 1e-8 * (1.0 + slope.abs());
        prop_assert!((slope - expected).abs() <= allowed, "{slope} {expected}");
    }
}
