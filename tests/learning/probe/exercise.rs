//! The numbers of the exercise, on its data.

use brenier::Matrix;
use brenier::data::{self, npy};
use brenier::nn::adversarial::{Norm, PenalisedOptions, penalised, smallest_flip, transfer};
use brenier::nn::probe::{
    AdamwOptions, LikelihoodOptions, LikelihoodStatus, Probe, Samples, fit_adamw, fit_likelihood,
};

/// The exercise's numbers, on the activations of `cities`.
#[test]
fn the_lie_detector_has_the_exercise_s_numbers() {
    const FILES: [&str; 2] =
        ["lie-detection/cities_acts_layer12_f16.npy", "lie-detection/cities_labels_u8.npy"];
    let [Some(x), Some(labels)] = FILES.map(data::file) else {
        println!("{}", data::skipped(FILES[0], "https://github.com/sciai-lab/Truth_is_Universal"));
        return;
    };
    let x: Matrix<f32> = npy::read(x).unwrap().to_matrix().unwrap();
    let labels: Vec<f64> = npy::read(labels).unwrap().to_vec().unwrap();
    let labels: Vec<bool> = labels.iter().map(|&label| label == 1.0).collect();
    let train = Samples::new(x.rows_range(0..800), &labels[..800]);
    let test = Samples::new(x.rows_range(800..1000), &labels[800..]);

    let fit = fit_likelihood(&train, &LikelihoodOptions::default()).unwrap();
    assert_eq!(fit.status, LikelihoodStatus::Converged);
    assert!((fit.certificate.objective - 24.7948623).abs() < 6e-8, "{}", fit.certificate.objective);
    assert!((fit.norm - 5.36076).abs() < 6e-6);
    let fit = fit_likelihood(&train, &LikelihoodOptions::default().with_bias(true)).unwrap();
    assert_eq!(fit.status, LikelihoodStatus::Converged);
    let accuracy = |probe: &Probe<f32>, samples| probe.evaluate(samples).unwrap().confusion.accuracy();
    assert_eq!((accuracy(&fit.probe, &train), accuracy(&fit.probe, &test)), (0.99875, 1.0));

    let probe = fit_adamw(&train, &AdamwOptions::default()).unwrap().probe;
    assert_eq!((accuracy(&probe, &train), accuracy(&probe, &test)), (1.0, 1.0));
    let rows: Vec<&[f32]> = (800..1000).filter(|&row| !labels[row]).map(|row| x.row(row)).collect();
    let lies = Matrix::try_from_rows(&rows).unwrap();
    let flip = smallest_flip(&probe, lies.row(0), Norm::Euclidean, 0.0).unwrap();
    assert!((Norm::Euclidean.of(&flip) - 0.7676).abs() < 1e-4);
    for (factor, expected) in [(1.05, 40), (1.5, 97), (2.0, 100)] {
        let delta: Vec<f32> = flip.iter().map(|d| factor * d).collect();
        assert_eq!(transfer(&probe, &lies, &delta).unwrap().flipped, expected);
    }
    let first = lies.rows_range(0..1);
    for (penalty, norm, flipped) in [(0.0, 5.49, 100), (0.1, 1.17, 97), (1.0, 0.92, 53), (10.0, 0.44, 5)] {
        let found = penalised(&probe, first, &PenalisedOptions::default().with_penalty(penalty)).unwrap();
        assert!((found.norm - norm).abs() < 0.006, "λ = {penalty}: {}", found.norm);
        assert_eq!(transfer(&probe, &lies, &found.delta).unwrap().flipped, flipped, "λ = {penalty}");
    }
}
