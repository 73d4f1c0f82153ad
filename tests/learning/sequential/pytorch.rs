//! PyTorch's names, numbers and files, and what a checkpoint keeps.

use super::everything;
use brenier::Matrix;
use brenier::nn::checkpoint::{self, CheckpointError};
use brenier::nn::loss::{Loss, MeanSquaredError, Targets};
use brenier::nn::optim::{Adam, AdamOptions};
use brenier::nn::sequential::Mode;
use brenier::nn::training::{StepOutcome, Trainer};
use brenier::nn::{Activation, Dropout, LayerNorm, Linear, Parameters, Sequential, SequentialWorkspace};
use brenier::random::RandomStream;
use std::path::{Path, PathBuf};

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
