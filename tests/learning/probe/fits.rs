//! Fits against independent solvers and closed forms; certificates; threads.

use super::{dot, sign};
use brenier::Matrix;
use brenier::nn::Parameters;
use brenier::nn::adversarial::cosine;
use brenier::nn::probe::{
    AdamwOptions, AdamwStatus, DiscriminantOptions, LikelihoodOptions, LikelihoodStatus, Probe, Samples,
    discriminant, fit_adamw, fit_likelihood, mean_difference,
};
use brenier::random::RandomStream;

/// Normal rows whose classes overlap.
fn overlapping(rows: usize, inputs: usize, seed: u64) -> (Matrix<f64>, Vec<bool>) {
    let mut stream = RandomStream::new(seed);
    let x: Matrix<f64> = stream.normal_matrix(rows, inputs);
    let labels = (0..rows).map(|i| x[(i, 0)] - 0.5 * x[(i, 1)] + stream.normal::<f64>() > 0.2).collect();
    (x, labels)
}

#[test]
fn adamw_is_the_textbook_loop() {
    let (x, labels) = overlapping(23, 7, 1);
    let options = AdamwOptions::default().with_epochs(60).with_learning_rate(0.05).with_bias(true);
    let fit = fit_adamw(&Samples::new(&x, &labels), &options).unwrap();
    assert_eq!((fit.status, fit.epochs), (AdamwStatus::Finished, 60));

    let mut theta = [0.0_f64; 8];
    let (mut m, mut v) = ([0.0; 8], [0.0; 8]);
    for t in 1..=60 {
        let mut gradient = [0.0; 8];
        for (row, &label) in x.iter_rows().zip(&labels) {
            let z = dot(row, &theta[..7]) + theta[7];
            let residual = (1.0 / (1.0 + (-z).exp()) - f64::from(u8::from(label))) / 23.0;
            (0..7).for_each(|k| gradient[k] += residual * row[k]);
            gradient[7] += residual;
        }
        for k in 0..8 {
            theta[k] *= 1.0 - 0.05 * 0.1;
            m[k] = 0.9 * m[k] + 0.1 * gradient[k];
            v[k] = 0.999 * v[k] + 0.001 * gradient[k] * gradient[k];
            let (first, second) = (m[k] / (1.0 - 0.9_f64.powi(t)), v[k] / (1.0 - 0.999_f64.powi(t)));
            theta[k] -= 0.05 * first / (second.sqrt() + 1e-8);
        }
    }
    // 60 steps of some 50 roundings on numbers of size one; a step divides by a root that may be small.
    for (got, expected) in fit.probe.parameters().iter().zip(theta) {
        assert!((got - expected).abs() < 1e-11, "{got} {expected}");
    }
}

/// Iteratively reweighted least squares with a dense solver: parameters of the same minimum by other means.
fn dense_newton(x: &Matrix<f64>, labels: &[bool], weights: &[f64], penalty: f64, c: f64) -> Vec<f64> {
    let d = x.columns() + 1;
    let mut theta = vec![0.0; d];
    for _ in 0..60 {
        let mut system = vec![vec![0.0; d + 1]; d];
        for k in 0..d - 1 {
            system[k][k] = penalty;
            system[k][d] = -penalty * theta[k];
        }
        for ((row, &label), &weight) in x.iter_rows().zip(labels).zip(weights) {
            let mut row = row.to_vec();
            row.push(1.0);
            let p = 1.0 / (1.0 + (-dot(&row, &theta)).exp());
            for j in 0..d {
                for k in 0..d {
                    system[j][k] += c * weight * p * (1.0 - p) * row[j] * row[k];
                }
                system[j][d] -= c * weight * (p - f64::from(u8::from(label))) * row[j];
            }
        }
        for pivot in 0..d {
            let pivot_row = system[pivot].clone();
            for (_, row) in system.iter_mut().enumerate().filter(|(index, _)| *index != pivot) {
                let factor = row[pivot] / pivot_row[pivot];
                row.iter_mut().zip(&pivot_row).for_each(|(entry, value)| *entry -= factor * value);
            }
        }
        for k in 0..d {
            theta[k] += system[k][d] / system[k][k];
        }
    }
    theta
}

#[test]
fn likelihood_is_that_of_a_dense_solver_and_its_gap_is_true() {
    let (x, labels) = overlapping(60, 5, 2);
    let weights: Vec<f64> = (0..60).map(|i| 0.5 * f64::from(i % 4)).collect();
    for (penalty, c) in [(1.0, 1.0), (0.01, 2.0), (30.0, 0.5)] {
        let samples = Samples::new(&x, &labels).with_weights(&weights);
        let options = LikelihoodOptions::default().with_penalty(penalty).with_loss_weight(c).with_bias(true);
        let fit = fit_likelihood(&samples, &options).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::Converged);
        assert!(fit.certificate.gap <= 1e-12 * fit.certificate.objective);
        let theta = dense_newton(&x, &labels, &weights, penalty, c);
        for (got, expected) in fit.probe.parameters().iter().zip(&theta) {
            // A relative gap of 1e-12 leaves the root of that in the parameters, times the condition.
            assert!((got - expected).abs() < 1e-4, "{got} {expected}");
        }
        // The dual value is below the objective everywhere.
        let objective = |theta: &[f64]| {
            let losses = x.iter_rows().zip(&labels).zip(&weights).map(|((row, &label), weight)| {
                weight * (-sign(label) * (dot(row, &theta[..5]) + theta[5])).exp().ln_1p()
            });
            0.5 * penalty * dot(&theta[..5], &theta[..5]) + c * losses.sum::<f64>()
        };
        let best = objective(&theta);
        assert!((best - fit.certificate.objective).abs() < 1e-11 * best);
        assert!(fit.certificate.dual_objective <= best * (1.0 + 1e-14));
        // An early stop's certificate holds too.
        let early = fit_likelihood(&samples, &options.with_max_iterations(1)).unwrap();
        assert_eq!(early.status, LikelihoodStatus::IterationLimit);
        assert!(early.certificate.dual_objective <= best && best <= early.certificate.objective);
    }
}

#[test]
fn certificates_hold_where_losses_are_tiny() {
    // Separable rows and hardly a penalty: α is a billionth of c, and c - α has lost its digits.
    let x = Matrix::from_rows([[1.0, 1.0], [2.0, 1.0], [-1.0, 1.0], [-3.0, 1.0]]);
    let samples = Samples::new(&x, &[1_u8, 1, 0, 0]);
    let options = LikelihoodOptions::default().with_penalty(1e-12).with_bias(true);
    let fit = fit_likelihood(&samples, &options).unwrap();
    let certificate = fit.certificate;
    assert_eq!(fit.status, LikelihoodStatus::Converged);
    let excess = certificate.dual_objective / certificate.objective - 1.0;
    assert!(excess < 1e-14, "the lower bound lies above the objective by {excess:e}");

    // Early steps, weights down to zero, scales and penalties far apart: never above the minimum.
    let mut stream = RandomStream::new(21);
    for trial in 0..60 {
        let (rows, inputs) = (5 + trial % 13, 1 + trial % 5);
        let mut x: Matrix<f64> = stream.normal_matrix(rows, inputs);
        x.as_mut_slice().iter_mut().for_each(|entry| *entry *= [1.0, 1e-3, 1e3, 30.0][trial % 4]);
        let labels: Vec<bool> =
            (0..rows).map(|row| row == 0 || (row > 1 && stream.normal::<f64>() > 0.0)).collect();
        let mut weights: Vec<f64> = (0..rows).map(|_| stream.uniform::<f64>() + 0.1).collect();
        (weights[2], weights[3]) = (1e-12, 0.0);
        let samples = Samples::new(&x, &labels).with_weights(&weights);
        let options = LikelihoodOptions::default()
            .with_penalty([1.0, 1e-6, 1e3, 1e-2][trial / 4 % 4])
            .with_bias(trial % 3 == 0);
        let best = fit_likelihood(&samples, &options).unwrap();
        assert_eq!(best.status, LikelihoodStatus::Converged, "{trial}: {:?}", best.certificate);
        for steps in 0..4 {
            let early = fit_likelihood(&samples, &options.clone().with_max_iterations(steps)).unwrap();
            assert!(
                early.certificate.dual_objective <= best.certificate.objective * (1.0 + 1e-12),
                "{trial}"
            );
        }
    }
}

#[test]
fn weights_are_repetitions() {
    let (x, labels) = overlapping(30, 4, 3);
    let weights: Vec<f64> = (0..30).map(|i| f64::from(i % 3)).collect();
    let repeated: Vec<usize> = (0..30).flat_map(|i| std::iter::repeat_n(i, i % 3)).collect();
    let rows = Matrix::from_fn(repeated.len(), 4, |i, j| x[(repeated[i], j)]);
    let row_labels: Vec<bool> = repeated.iter().map(|&i| labels[i]).collect();
    let weighted = Samples::new(&x, &labels).with_weights(&weights);
    let plain = Samples::new(&rows, &row_labels);
    let close = |a: &Probe<f64>, b: &Probe<f64>, tolerance: f64| {
        a.parameters().iter().zip(b.parameters()).all(|(a, b)| (a - b).abs() < tolerance)
    };
    let options = LikelihoodOptions::default().with_bias(true);
    let (a, b) = (fit_likelihood(&weighted, &options).unwrap(), fit_likelihood(&plain, &options).unwrap());
    assert!(close(&a.probe, &b.probe, 1e-5));
    assert!((a.certificate.objective - b.certificate.objective).abs() < 1e-10);
    assert!(close(&mean_difference(&weighted).unwrap(), &mean_difference(&plain).unwrap(), 1e-13));
    let options = AdamwOptions::default().with_epochs(30);
    let (a, b) = (fit_adamw(&weighted, &options).unwrap(), fit_adamw(&plain, &options).unwrap());
    assert!(close(&a.probe, &b.probe, 1e-10));
    let options = DiscriminantOptions::default();
    let (a, b) = (discriminant(&weighted, &options).unwrap(), discriminant(&plain, &options).unwrap());
    assert!(close(&a.probe, &b.probe, 1e-8));
}

/// Two spherical classes: all directions agree, and the discriminant with full shrinkage is the mean difference, scaled.
#[test]
fn directions_of_spherical_classes_agree() {
    let mut stream = RandomStream::new(4);
    let noise: Matrix<f32> = stream.normal_matrix(4000, 10);
    let labels: Vec<u8> = (0..4000).map(|i| u8::from(i % 2 == 1)).collect();
    let x =
        Matrix::from_fn(4000, 10, |i, j| noise[(i, j)] + if labels[i] == 1 && j == 3 { 2.0 } else { 0.0 });
    let samples = Samples::new(&x, &labels);
    let means = mean_difference(&samples).unwrap();
    let sphere = discriminant(&samples, &DiscriminantOptions::default().with_shrinkage(1.0)).unwrap();
    assert!(cosine(means.direction(), sphere.probe.direction()).unwrap() > 1.0 - 1e-6);
    let likelihood = fit_likelihood(&samples, &LikelihoodOptions::default().with_bias(true)).unwrap();
    // The directions differ by about √(10 / 4000) of their length.
    assert!(cosine(means.direction(), likelihood.probe.direction()).unwrap() > 0.98);
    // Φ(1) = 0.841 is the best there is; four standard deviations of 4000 draws.
    let accuracy = means.evaluate(&samples).unwrap().confusion.accuracy();
    assert!((accuracy - 0.8413).abs() < 4.0 * (0.84_f64 * 0.16 / 4000.0).sqrt());
}

#[cfg(feature = "parallel")]
#[test]
fn the_number_of_threads_changes_no_bit() {
    let mut stream = RandomStream::new(9);
    let x: Matrix<f32> = stream.normal_matrix(301, 777);
    let labels: Vec<bool> = (0..301).map(|i| x[(i, 0)] > 0.1).collect();
    let run = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let samples = Samples::new(&x, &labels);
            let adamw = fit_adamw(&samples, &AdamwOptions::default().with_epochs(20)).unwrap();
            let likelihood = fit_likelihood(&samples, &LikelihoodOptions::default().with_bias(true)).unwrap();
            let fisher = discriminant(&samples, &DiscriminantOptions::default()).unwrap();
            let logits = adamw.probe.logits(&x).unwrap();
            (adamw, likelihood, mean_difference(&samples).unwrap(), fisher, logits)
        })
    };
    let expected = run(1);
    for threads in [2, 3, 5] {
        assert!(run(threads) == expected, "{threads} threads");
    }
}
