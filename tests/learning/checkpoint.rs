//! Checkpoints: files that PyTorch wrote, files that come back, restarts with the same bits, and files that do not fit.

use brenier::Scalar;
use brenier::data::{Array, safetensors::SafeTensors};
use brenier::nn::checkpoint::{self, CheckpointError, NotFinite, ShapeMismatch};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser, Sgd, SgdOptions};
use brenier::nn::rbm::VisibleUnits;
use brenier::nn::{Parameters, Rbm, TensorPlace};
use brenier::random::RandomStream;
use std::path::{Path, PathBuf};

/// Linear layers by their widths, named as in a PyTorch module.
#[derive(Clone, Debug, PartialEq)]
struct Layers<T> {
    parameters: Vec<T>,
    tensors: Vec<TensorPlace>,
}

impl<T: Scalar> Layers<T> {
    fn new(widths: &[usize]) -> Self {
        let mut tensors = Vec::new();
        let mut end = 0;
        for (layer, pair) in widths.windows(2).enumerate() {
            for (name, shape) in [("weight", vec![pair[1], pair[0]]), ("bias", vec![pair[1]])] {
                let start = end;
                end += shape.iter().product::<usize>();
                tensors.push(TensorPlace {
                    name: format!("layers.{layer}.{name}"),
                    shape,
                    range: start..end,
                });
            }
        }
        Self { parameters: (0..end).map(|k| T::from_f64((k as f64 * 0.7).sin())).collect(), tensors }
    }

    /// The network with tanh between its layers.
    fn forward(&self, x: &[f64]) -> Vec<f64> {
        let mut activations = x.to_vec();
        for (layer, pair) in self.tensors.chunks(2).enumerate() {
            let (weight, bias) =
                (&self.parameters[pair[0].range.clone()], &self.parameters[pair[1].range.clone()]);
            if layer > 0 {
                activations.iter_mut().for_each(|a| *a = a.tanh());
            }
            let row = |(row, bias): (&[T], &T)| {
                row.iter().zip(&activations).map(|(w, a)| w.to_f64() * a).sum::<f64>() + bias.to_f64()
            };
            activations = weight.chunks(pair[0].shape[1]).zip(bias).map(row).collect();
        }
        activations
    }
}

impl<T: Scalar> Parameters<T> for Layers<T> {
    fn parameters(&self) -> &[T] {
        &self.parameters
    }
    fn parameters_mut(&mut self) -> &mut [T] {
        &mut self.parameters
    }
    fn tensors(&self) -> Vec<TensorPlace> {
        self.tensors.clone()
    }
}

/// A path in the temporary folder, removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        Self(
            std::env::temp_dir()
                .join(format!("brenier-checkpoint-{}-{name}.safetensors", std::process::id())),
        )
    }
}

impl AsRef<Path> for Temporary {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/safetensors").join(name)
}

/// What `generate.py` printed for its model: Linear(3, 5), Tanh, Linear(5, 2) at (0.5, -1, 2).
const PYTORCH_OUTPUT: [f64; 2] = [-0.18451300263404846, 0.7995472550392151];

#[test]
fn weights_of_pytorch_give_pytorch_s_output() {
    let mut model = Layers::<f32>::new(&[3, 5, 2]);
    let texts = checkpoint::load(fixture("model.safetensors"), &mut model).unwrap();
    assert!(texts.is_empty());
    // Single precision there, double here: a few units of 6e-8 of numbers of order one.
    for (got, expected) in model.forward(&[0.5, -1.0, 2.0]).iter().zip(PYTORCH_OUTPUT) {
        assert!((got - expected).abs() < 3e-7, "{got} not {expected}");
    }
    // Written again, it is the file that PyTorch wrote.
    let path = Temporary::new("again");
    checkpoint::save(&path, &model, &[]).unwrap();
    assert!(std::fs::read(&path).unwrap() == std::fs::read(fixture("model.safetensors")).unwrap());
    // Into double precision it goes exactly.
    let mut wide = Layers::<f64>::new(&[3, 5, 2]);
    checkpoint::load(fixture("model.safetensors"), &mut wide).unwrap();
    assert!(wide.parameters.iter().zip(&model.parameters).all(|(&w, &m)| w == f64::from(m)));
}

#[test]
fn files_come_back_and_depend_on_the_model_alone() {
    let (path, other) = (Temporary::new("first"), Temporary::new("second"));
    let model = Layers::<f64>::new(&[4, 3, 1]);
    checkpoint::save(&path, &model, &[("epochs", "12"), ("data", "moons \"é\"")]).unwrap();
    checkpoint::save(&other, &model, &[("data", "moons \"é\""), ("epochs", "12")]).unwrap();
    assert!(std::fs::read(&path).unwrap() == std::fs::read(&other).unwrap());
    let mut again = model.clone();
    again.parameters.fill(0.0);
    let texts = checkpoint::load(&path, &mut again).unwrap();
    assert_eq!(again, model);
    assert_eq!((texts["epochs"].as_str(), texts["data"].as_str(), texts.len()), ("12", "moons \"é\"", 2));
}

#[test]
fn training_goes_on_with_the_same_bits() {
    type Maker = fn() -> Box<dyn Optimiser<f32>>;
    let makers: [Maker; 3] = [
        || Box::new(Adam::new(AdamOptions::adamw().with_amsgrad(true)).unwrap()),
        || Box::new(Sgd::new(SgdOptions::default().with_momentum(0.9)).unwrap()),
        || Box::new(Sgd::new(SgdOptions::default()).unwrap()),
    ];
    let gradient = |model: &Layers<f32>, step: usize| -> Vec<f32> {
        model.parameters.iter().enumerate().map(|(k, p)| p * 0.3 + ((step * 31 + k) as f32).cos()).collect()
    };
    for (number, make) in makers.into_iter().enumerate() {
        let path = Temporary::new(&format!("training-{number}"));
        let (mut model, mut optimiser) = (Layers::<f32>::new(&[3, 4, 2]), make());
        // Also before the first step, when there are no moments yet.
        for kept in [0, 5] {
            for step in 0..kept {
                let gradient = gradient(&model, step);
                optimiser.step(model.parameters_mut(), &gradient).unwrap();
            }
            optimiser.set_learning_rate(0.1 / 3.0).unwrap();
            checkpoint::save_training(&path, &model, optimiser.as_ref(), &[("step", "5")]).unwrap();
            let (mut again, mut other) = (Layers::<f32>::new(&[3, 4, 2]), make());
            again.parameters.fill(7.0);
            let texts = checkpoint::load_training(&path, &mut again, other.as_mut()).unwrap();
            assert_eq!((again.clone(), other.state()), (model.clone(), optimiser.state()));
            assert_eq!(texts.keys().collect::<Vec<_>>(), ["step"]);
            let (mut a, mut b) = (model.clone(), again);
            let mut original = make();
            original.restore(optimiser.state()).unwrap();
            for step in 5..10 {
                let gradient = gradient(&a, step);
                original.step(a.parameters_mut(), &gradient).unwrap();
                other.step(b.parameters_mut(), &gradient).unwrap();
            }
            assert_eq!(a, b);
        }
        // The model alone is loaded from the same file.
        let mut alone = Layers::<f32>::new(&[3, 4, 2]);
        assert_eq!(checkpoint::load(&path, &mut alone).unwrap().len(), 1);
        assert_eq!(alone, model);
    }
}

#[test]
fn other_models_are_refused_with_a_list_and_nothing_changes() {
    let path = Temporary::new("other");
    checkpoint::save(&path, &Layers::<f32>::new(&[3, 4, 2, 1]), &[]).unwrap();
    let mut model = Layers::<f32>::new(&[3, 5, 2]);
    model.tensors[3].name = "head".into();
    let before = model.clone();
    let error = checkpoint::load(&path, &mut model).unwrap_err();
    let CheckpointError::OtherModel { missing, unexpected, shapes, .. } = &error else { panic!("{error}") };
    assert_eq!(*missing, ["head"]);
    assert_eq!(*unexpected, ["layers.1.bias", "layers.2.bias", "layers.2.weight"]);
    let mismatch = |name: &str, expected: &[usize], got: &[usize]| ShapeMismatch {
        name: name.into(),
        expected: expected.into(),
        got: got.into(),
    };
    assert_eq!(
        *shapes,
        [
            mismatch("layers.0.weight", &[5, 3], &[4, 3]),
            mismatch("layers.0.bias", &[5], &[4]),
            mismatch("layers.1.weight", &[2, 5], &[2, 4]),
        ]
    );
    assert!(error.to_string().contains("missing: \"head\"; unexpected: \"layers.1.bias\""), "{error}");
    assert_eq!(model, before);
}

#[test]
fn broken_numbers_states_and_layouts_are_refused_and_nothing_changes() {
    let path = Temporary::new("broken");
    let mut broken = Layers::<f64>::new(&[2, 3]);
    broken.parameters[7] = f64::NAN;
    checkpoint::save(&path, &broken, &[]).unwrap();
    let mut model = Layers::<f64>::new(&[2, 3]);
    let before = model.clone();
    let error = checkpoint::load(&path, &mut model).unwrap_err();
    assert!(
        matches!(&error, CheckpointError::NotFinite { name, index: 1, .. } if name == "layers.0.bias"),
        "{error}"
    );
    assert_eq!(model, before);
    checkpoint::load_with(&path, &mut model, NotFinite::Accept).unwrap();
    assert!(model.parameters[7].is_nan());
    model = before.clone();

    // Beyond the range of single precision.
    broken.parameters[7] = 1e200;
    checkpoint::save(&path, &broken, &[]).unwrap();
    let error = checkpoint::load(&path, &mut Layers::<f32>::new(&[2, 3])).unwrap_err();
    assert!(matches!(&error, CheckpointError::Tensor { name, .. } if name == "layers.0.bias"), "{error}");

    // No state, one of another kind, one of another length, one that is no number.
    let mut adam = Adam::<f64>::new(AdamOptions::default()).unwrap();
    let error = checkpoint::load_training(&path, &mut model, &mut adam).unwrap_err();
    assert!(matches!(&error, CheckpointError::NoState { .. }), "{error}");
    let mut sgd = Sgd::new(SgdOptions::default().with_momentum(0.9)).unwrap();
    sgd.step(model.clone().parameters_mut(), &[0.1; 9]).unwrap();
    checkpoint::save_training(&path, &model, &sgd, &[]).unwrap();
    let error = checkpoint::load_training(&path, &mut model, &mut adam).unwrap_err();
    assert!(matches!(&error, CheckpointError::State { .. }), "{error}");
    let mut file = SafeTensors::read(&path).unwrap();
    for (key, value) in
        [("optimiser.steps", "-1"), ("optimiser.learning_rate", "fast"), ("optimiser.learning_rate", "NaN")]
    {
        let kept = file.metadata.insert(key.into(), value.into()).unwrap();
        file.write(&path).unwrap();
        assert!(checkpoint::load_training(&path, &mut model, &mut sgd).is_err(), "{key}");
        file.metadata.insert(key.into(), kept);
    }
    file.insert("optimiser.momentum_buffer", Array::new(&[3], vec![1.0_f64; 3]).unwrap()).unwrap();
    file.write(&path).unwrap();
    let error = checkpoint::load_training(&path, &mut model, &mut sgd).unwrap_err();
    assert!(error.to_string().contains("has shape [3], expected [9]"), "{error}");
    assert_eq!((model.clone(), adam.steps(), sgd.steps()), (before, 0, 1));

    // A model that contradicts itself.
    let spoil: [fn(&mut Vec<TensorPlace>); 5] = [
        |tensors| tensors[1].range = 7..9,
        |tensors| tensors[1].shape = vec![4],
        |tensors| tensors[1].name = tensors[0].name.clone(),
        |tensors| tensors[1].name = "optimiser.bias".into(),
        |tensors| tensors.truncate(1),
    ];
    for spoil in spoil {
        let mut model = model.clone();
        spoil(&mut model.tensors);
        let error = checkpoint::save(&path, &model, &[]).unwrap_err();
        assert!(matches!(error, CheckpointError::Layout { .. }), "{error}");
    }

    // Files that are cut or not there.
    std::fs::write(&path, &std::fs::read(fixture("model.safetensors")).unwrap()[..400]).unwrap();
    let error = checkpoint::load(&path, &mut Layers::<f32>::new(&[3, 5, 2])).unwrap_err();
    assert!(matches!(error, CheckpointError::File(_)), "{error}");
    let error = checkpoint::load(fixture("none.safetensors"), &mut model).unwrap_err();
    assert!(error.to_string().contains("none.safetensors"), "{error}");
}

/// A machine with real visible units of these variances.
fn gaussian<T: Scalar>(variances: &[T], seed: u64) -> Rbm<T> {
    let stream = &mut RandomStream::new(seed);
    let rbm = Rbm::random(variances.len(), 2, T::ONE, stream).unwrap();
    rbm.with_gaussian_visible(variances).unwrap()
}

#[test]
fn the_variances_of_a_gaussian_machine_go_along() {
    let path = Temporary::new("variances");
    let rbm = gaussian::<f32>(&[0.1, 1.0, 2.5], 1);
    checkpoint::save(&path, &rbm, &[]).unwrap();
    let mut again = gaussian::<f32>(&[1.0; 3], 2);
    checkpoint::load(&path, &mut again).unwrap();
    assert_eq!(again, rbm);
    // Into the other precision and back, and with an optimiser beside it.
    let mut wide = gaussian::<f64>(&[3.0, 1.0, 1.0], 3);
    checkpoint::load(&path, &mut wide).unwrap();
    assert_eq!(wide, rbm.cast::<f64>().unwrap());
    let mut adam = Adam::new(AdamOptions::default()).unwrap();
    adam.step(wide.parameters_mut(), &[0.1; 11]).unwrap();
    checkpoint::save_training(&path, &wide, &adam, &[]).unwrap();
    let (mut other, mut optimiser) =
        (gaussian::<f64>(&[1.0; 3], 4), Adam::new(AdamOptions::default()).unwrap());
    checkpoint::load_training(&path, &mut other, &mut optimiser).unwrap();
    assert_eq!((&other, optimiser.state()), (&wide, adam.state()));
    // An optimiser that refuses leaves the machine as it is, its variances too.
    let mut sgd = Sgd::new(SgdOptions::default()).unwrap();
    let (mut untouched, before) = (gaussian::<f64>(&[1.0; 3], 4), gaussian::<f64>(&[1.0; 3], 4));
    assert!(checkpoint::load_training(&path, &mut untouched, &mut sgd).is_err());
    assert_eq!(untouched, before);
}

#[test]
fn a_gaussian_machine_s_file_without_variances_means_variances_of_one() {
    let path = Temporary::new("no-variances");
    let rbm = gaussian::<f64>(&[0.5, 1.0, 2.0], 5);
    checkpoint::save(&path, &rbm, &[]).unwrap();
    let mut file = SafeTensors::read(&path).unwrap();
    let variances = file.remove("variances").unwrap();
    file.write(&path).unwrap();
    let mut unit = gaussian::<f64>(&[1.0; 3], 6);
    checkpoint::load(&path, &mut unit).unwrap();
    assert_eq!(unit.parameters(), rbm.parameters());
    assert_eq!(*unit.units(), VisibleUnits::Gaussian { variances: vec![1.0; 3] });
    let mut other = gaussian::<f64>(&[1.0, 1.0, 2.0], 7);
    let before = other.clone();
    let error = checkpoint::load(&path, &mut other).unwrap_err();
    assert!(
        matches!(&error, CheckpointError::OtherModel { missing, .. } if *missing == ["variances"]),
        "{error}"
    );
    // Variances that have no meaning, of another number, or where the units are bits.
    for (bad, shape) in [
        (vec![1.0, 0.0, 1.0], 3),
        (vec![1.0, -1.0, 1.0], 3),
        (vec![1.0, f64::NAN, 1.0], 3),
        (vec![1.0; 2], 2),
    ] {
        file.insert("variances", Array::new(&[shape], bad).unwrap()).unwrap();
        file.write(&path).unwrap();
        let error = checkpoint::load(&path, &mut other).unwrap_err();
        assert!(
            matches!(
                error,
                CheckpointError::Constants { .. }
                    | CheckpointError::NotFinite { .. }
                    | CheckpointError::OtherModel { .. }
            ),
            "{error}"
        );
    }
    assert_eq!(other, before);
    file.insert("variances", variances).unwrap();
    file.write(&path).unwrap();
    assert!(checkpoint::load(&path, &mut Rbm::<f64>::zeros(3, 2).unwrap()).is_err());
    checkpoint::load(&path, &mut other).unwrap();
    assert_eq!(other, rbm);
}
