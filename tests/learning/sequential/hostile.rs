//! What does not fit, or is not finite.

use super::everything;
use brenier::nn::loss::{MeanSquaredError, Targets};
use brenier::nn::optim::{Adam, AdamOptions};
use brenier::nn::sequential::Mode;
use brenier::nn::training::{Place, StepOutcome, Trainer};
use brenier::nn::{
    Activation, Dropout, FourierFeatures, LayerNorm, Linear, Network, Parameters, Sequential,
    SequentialWorkspace,
};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

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
