//! Chains of layers: finite differences, the bits of `Mlp`, PyTorch's numbers and files, dropout, threads and hostile input.

use brenier::matrix::MatrixView;
use brenier::nn::checkpoint::{self, CheckpointError};
use brenier::nn::loss::{Loss, MeanSquaredError, Targets};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
use brenier::nn::sequential::{Layer, Mode};
use brenier::nn::training::{Place, StepOutcome, Trainer, Training, TrainingOptions, fit};
use brenier::nn::{
    Activation, Dropout, FourierFeatures, LayerNorm, Linear, Mlp, MlpOptions, MlpWorkspace, Network,
    Parameters, Sequential, SequentialWorkspace,
};
use brenier::random::RandomStream;
use brenier::{Error, Matrix, Scalar};
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn inner(a: MatrixView<'_, f64>, b: MatrixView<'_, f64>) -> f64 {
    a.iter_rows().zip(b.iter_rows()).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()).sum()
}

/// Every kind of layer, 2 inputs and 3 outputs.
fn everything<T: Scalar>(stream: &mut RandomStream) -> Sequential<T> {
    let mut chain = Sequential::new([
        FourierFeatures::gaussian(4, 2, 0.2, stream).unwrap().into(),
        Linear::new(8, 7, true, stream).unwrap().into(),
        LayerNorm::new(7).unwrap().with_epsilon(0.1).unwrap().into(),
        Activation::Silu.into(),
        Dropout::new(0.3, stream.split(0)).unwrap().into(),
        Mlp::new(&[7, 6, 5], Activation::Tanh, stream).unwrap().into(),
        Activation::Softplus.into(),
        Activation::Sigmoid.into(),
        Linear::new(5, 3, false, stream).unwrap().into(),
        Dropout::new(0.2, stream.split(0)).unwrap().into(),
    ])
    .unwrap();
    let noise: Matrix<T> = stream.normal_matrix(1, chain.parameters().len());
    for (parameter, noise) in chain.parameters_mut().iter_mut().zip(noise.as_slice()) {
        *parameter += T::from_f64(0.1) * *noise;
    }
    chain
}

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

#[test]
fn tensors_are_numbered_as_in_pytorch() {
    let chain = everything::<f32>(&mut RandomStream::new(3));
    let names: Vec<String> = chain.tensors().into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(
        names,
        [
            "1.weight",
            "1.bias",
            "2.weight",
            "2.bias",
            "5.layers.0.weight",
            "5.layers.0.bias",
            "5.layers.1.weight",
            "5.layers.1.bias",
            "8.weight"
        ]
    );
    assert_eq!((chain.inputs(), chain.outputs(), chain.layers()), (2, 3, 10));
    assert!(format!("{chain:?}").contains("\"Dropout(0.3)\", \"Mlp(7, 6, 5)\", \"softplus\""), "{chain:?}");
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/safetensors").join(name)
}

/// A path in the temporary folder, removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let name = format!("brenier-sequential-{}-{name}.safetensors", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn assert_near(got: &[f64], expected: &[f64], allowed: f64) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= allowed, "{got} not {expected}");
    }
}

/// What `generate.py` printed for its chain: its outputs, and the gradients of the mean squared error.
const PYTORCH_OUTPUT: [f64; 3] = [0.7535882254806725, 0.8480632962184171, 0.27322284815558834];
const PYTORCH_INPUT_GRADIENT: [f64; 6] = [
    -0.018833185590749486,
    -0.03999748771872021,
    -0.010617628150438466,
    -0.12472526424149649,
    0.002341862590745104,
    -0.0015698021576526968,
];
const PYTORCH_GRADIENT: [f64; 31] = [
    -0.041794832715884564,
    -0.006784059170395469,
    0.1463692545242225,
    -0.0378961496972286,
    -0.13517094580116973,
    0.0023615065301295125,
    -0.1300143339173926,
    -0.009836938430631288,
    0.16061085791022425,
    0.05215564076812583,
    -0.016898489289495118,
    0.1074372057572638,
    -0.0891595734682652,
    -0.06657230628391331,
    0.06519316328440976,
    -0.04420225415992393,
    -0.005119207881733535,
    0.0017001258916701637,
    0.2785048661382128,
    0.3594223418591148,
    0.052329064400383,
    0.018849310531288178,
    -0.003263350180109698,
    0.2356766580789364,
    0.3200766029684961,
    -0.1745666079194461,
    -0.25033175754335574,
    -0.13773571637100757,
    0.7767450504589318,
    0.6325583464516047,
    0.7499162465697853,
];

#[test]
fn a_chain_of_pytorch_loads_and_gives_its_numbers_and_its_steps() {
    let stream = &mut RandomStream::new(4);
    let chain = || {
        Sequential::<f64>::new([
            Linear::new(2, 5, true, &mut RandomStream::new(4)).unwrap().into(),
            LayerNorm::new(5).unwrap().into(),
            Activation::Silu.into(),
            Dropout::new(0.0, RandomStream::new(5)).unwrap().into(),
            Linear::new(5, 1, true, &mut RandomStream::new(6)).unwrap().into(),
        ])
        .unwrap()
    };
    let mut model = chain();
    stream.fill_normal(model.parameters_mut());
    checkpoint::load(fixture("sequential.safetensors"), &mut model).unwrap();
    // Written again, it is the file that PyTorch wrote.
    let path = Temporary::new("again");
    checkpoint::save(&path.0, &model, &[]).unwrap();
    assert!(std::fs::read(&path.0).unwrap() == std::fs::read(fixture("sequential.safetensors")).unwrap());

    let x = Matrix::from_rows([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]]);
    let target = Matrix::from_rows([[1.0], [-0.5], [0.25]]);
    let (targets, loss) = (Targets::from(&target), MeanSquaredError::default());
    // Sums of a few products of order one, behind a division by a deviation that is not small.
    let allowed = 20.0 * f64::EPSILON;
    let mut workspace = SequentialWorkspace::new();
    let y = model.forward(&x, Mode::Training { step: 0 }, &mut workspace).unwrap().to_matrix();
    assert_near(y.as_slice(), &PYTORCH_OUTPUT, allowed);
    let (mut dy, mut dx, mut gradient) = (Matrix::zeros(3, 1), Matrix::zeros(3, 2), vec![0.0; 31]);
    loss.value_and_gradient_into(y.view(), &targets, dy.view_mut()).unwrap();
    model.backward(&dy, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
    assert_near(dx.as_slice(), &PYTORCH_INPUT_GRADIENT, allowed);
    assert_near(&gradient, &PYTORCH_GRADIENT, allowed);

    let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.01)).unwrap();
    let mut trainer = Trainer::new();
    for _ in 0..3 {
        let outcome = trainer.step(&mut model, x.view(), &targets, &loss, &mut adam).unwrap();
        assert!(matches!(outcome, StepOutcome::Taken { .. }));
    }
    let mut trained = chain();
    checkpoint::load(fixture("sequential_trained.safetensors"), &mut trained).unwrap();
    // Adam divides by the gradient's size: what is relative there comes out times the rate, once a step.
    assert_near(model.parameters(), trained.parameters(), 1e-14);
}

#[test]
fn frequencies_go_along_in_a_checkpoint() {
    let path = Temporary::new("frequencies");
    let (model, mut other) =
        (everything::<f32>(&mut RandomStream::new(5)), everything::<f32>(&mut RandomStream::new(6)));
    let x: Matrix<f32> = RandomStream::new(7).normal_matrix(5, 2);
    assert_ne!(model.apply(&x).unwrap(), other.apply(&x).unwrap());
    checkpoint::save(&path.0, &model, &[]).unwrap();
    checkpoint::load(&path.0, &mut other).unwrap();
    assert_eq!(model.apply(&x).unwrap(), other.apply(&x).unwrap());
    assert_eq!(model.constants()[0].name, "0.frequencies");
    // Without them the parameters would mean something else.
    let mut file = brenier::data::safetensors::SafeTensors::read(&path.0).unwrap();
    file.remove("0.frequencies").unwrap();
    file.write(&path.0).unwrap();
    let error = checkpoint::load(&path.0, &mut other).unwrap_err();
    assert!(
        matches!(&error, CheckpointError::OtherModel { missing, .. } if *missing == ["0.frequencies"]),
        "{error}"
    );
}

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
    let options = TrainingOptions::default().with_batch(100).with_shuffle(false);
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

#[test]
fn layers_that_do_not_fit_are_refused_by_name() {
    let stream = &mut RandomStream::new(12);
    let error = Sequential::<f32>::new([
        Activation::Relu.into(),
        Linear::new(2, 16, true, stream).unwrap().into(),
        Activation::Silu.into(),
        Linear::new(8, 1, true, stream).unwrap().into(),
    ])
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer 3, Linear(8, 1), takes 8 columns, but layer 1, Linear(2, 16), before it gives 16"
    );
    assert!(matches!(Sequential::<f32>::new([]), Err(Error::Empty { .. })));
    let flexible = Dropout::<f32>::new(0.1, stream.split(0)).unwrap();
    let error = Sequential::<f32>::new([Activation::Relu.into(), flexible.into()]).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
    let broken = Activation::LeakyRelu { slope: f64::NAN };
    let error = Sequential::<f32>::new([LayerNorm::new(3).unwrap().into(), broken.into()]).unwrap_err();
    assert!(matches!(error, Error::Argument { .. }), "{error}");
}

#[test]
fn shapes_and_passes_that_do_not_fit_are_refused() {
    let stream = &mut RandomStream::new(13);
    let chain = everything::<f64>(stream);
    let x: Matrix<f64> = stream.normal_matrix(4, 2);
    let dy: Matrix<f64> = stream.normal_matrix(4, 3);
    let mut workspace = SequentialWorkspace::new();
    let mut gradient = vec![0.0; chain.parameters().len()];
    let training = Mode::Training { step: 0 };
    let no_pass =
        |result: Result<(), Error>| assert!(matches!(result, Err(Error::NoForwardPass { .. })), "{result:?}");
    let shape = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Shape { .. })), "{result:?}");
    no_pass(chain.backward(&dy, &mut workspace, &mut gradient, None));
    shape(chain.forward(&dy, training, &mut workspace).map(drop));
    shape(chain.apply(&dy).map(drop));
    assert!(matches!(chain.apply(&Matrix::zeros(0, 2)), Err(Error::Empty { .. })));
    no_pass(chain.backward(&dy, &mut workspace, &mut gradient, None));
    chain.forward(&x, training, &mut workspace).unwrap();
    shape(chain.backward(&x, &mut workspace, &mut gradient, None));
    shape(chain.backward(&dy, &mut workspace, &mut gradient[1..], None));
    shape(chain.backward(&dy, &mut workspace, &mut gradient, Some(Matrix::zeros(4, 3).view_mut())));
    shape(chain.input_gradient(dy.submatrix(0..3, 0..3), &mut workspace, Matrix::zeros(4, 2).view_mut()));
    assert!(gradient.iter().all(|slope| *slope == 0.0));
    // An evaluation takes the memory of the pass away, and so does another chain, be its widths the same.
    chain.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
    chain.evaluate(&x, &mut workspace).unwrap();
    no_pass(chain.backward(&dy, &mut workspace, &mut gradient, None));
    let [bare, curved] = [Activation::Identity, Activation::Tanh].map(|activation| {
        let linear = Linear::from_parameters(2, 2, vec![1.0, 0.0, 0.0, 1.0], false).unwrap();
        Sequential::<f64>::new([linear.into(), activation.into()]).unwrap()
    });
    bare.forward(&x, training, &mut workspace).unwrap();
    no_pass(curved.backward(&x, &mut workspace, &mut [0.0; 4], None));
    curved.forward(&x, training, &mut workspace).unwrap();
    curved.backward(&x, &mut workspace, &mut [0.0; 4], None).unwrap();
    // A chain that learns nothing has an empty gradient and passes the other on.
    let fixed = Sequential::new([FourierFeatures::sinusoidal(3, 10.0).unwrap().into()]).unwrap();
    fixed.forward(x.submatrix(0..4, 0..1), training, &mut workspace).unwrap();
    fixed.backward(&Matrix::filled(4, 6, 1.0), &mut workspace, &mut [], None).unwrap();
}

#[test]
fn what_is_not_finite_is_placed_in_its_layer() {
    let stream = &mut RandomStream::new(14);
    let mut chain = everything::<f64>(stream);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(4, 2), stream.normal_matrix(4, 3));
    let mut adam = Adam::new(AdamOptions::default()).unwrap();
    let mut trainer = Trainer::new();
    let place = chain.tensors().iter().position(|tensor| tensor.name == "5.layers.0.bias").unwrap();
    let start = chain.tensors()[place].range.start;
    chain.parameters_mut()[start + 2] = f64::NAN;
    let outcome = trainer
        .step(&mut chain, x.view(), &Targets::from(&y), &MeanSquaredError::default(), &mut adam)
        .unwrap();
    assert_eq!(outcome, StepOutcome::NotFinite(Place::Layer { layer: 5, row: 0, unit: 2 }));
    // Without a pass there is nothing to find.
    assert_eq!(chain.first_not_finite(&SequentialWorkspace::new()), None);
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
