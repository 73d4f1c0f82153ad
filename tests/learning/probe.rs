//! The probe against independent solvers and closed forms, perturbations against what is known to be smallest, and the exercise's numbers on its data.

use brenier::data::{self, npy};
use brenier::nn::adversarial::{
    BallOptions, DeepFoolOptions, Norm, PenalisedOptions, PenalisedStatus, Score, cosine, deep_fool,
    fast_gradient_sign, penalised, projected_gradient, random_flip_rates, smallest_flip, transfer,
};
use brenier::nn::probe::{
    AdamwOptions, AdamwStatus, DiscriminantOptions, LikelihoodOptions, LikelihoodStatus, Probe, Samples,
    discriminant, fit_adamw, fit_likelihood, mean_difference,
};
use brenier::nn::{Activation, Mlp, Parameters};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};
use proptest::prelude::*;

/// Normal rows whose classes overlap.
fn overlapping(rows: usize, inputs: usize, seed: u64) -> (Matrix<f64>, Vec<bool>) {
    let mut stream = RandomStream::new(seed);
    let x: Matrix<f64> = stream.normal_matrix(rows, inputs);
    let labels = (0..rows).map(|i| x[(i, 0)] - 0.5 * x[(i, 1)] + stream.normal::<f64>() > 0.2).collect();
    (x, labels)
}

fn sign(label: bool) -> f64 {
    if label { 1.0 } else { -1.0 }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// On the boundary, and nothing shorter is: the length is |z| over the dual norm, and other directions of that length do not reach it.
    #[test]
    fn closed_form_flips_are_smallest(seed in any::<u64>(), inputs in 2_usize..30, bias in -2.0..2.0_f64) {
        let mut stream = RandomStream::new(seed);
        let w: Vec<f64> = stream.normal_matrix(1, inputs).into_vec();
        let x: Vec<f64> = stream.normal_matrix(1, inputs).into_vec();
        let probe = Probe::new(&w, Some(bias)).unwrap();
        let z = probe.logit(&x).unwrap();
        let size: f64 = dot(&w, &w).sqrt() * dot(&x, &x).sqrt() + bias.abs();
        let (l1, l2) = (w.iter().map(|w| w.abs()).sum::<f64>(), dot(&w, &w).sqrt());
        for (norm, dual) in [(Norm::Euclidean, l2), (Norm::Maximum, l1)] {
            let at = |delta: &[f64]| {
                let moved: Vec<f64> = x.iter().zip(delta).map(|(x, d)| x + d).collect();
                probe.logit(&moved).unwrap()
            };
            let exact = smallest_flip(&probe, &x, norm, 0.0).unwrap();
            // A product of 30 terms, twice.
            prop_assert!(at(&exact).abs() <= 100.0 * f64::EPSILON * (size + z.abs()));
            prop_assert!((norm.of(&exact) - z.abs() / dual).abs() <= 100.0 * f64::EPSILON * (size / dual));
            let beyond = smallest_flip(&probe, &x, norm, 1e-6).unwrap();
            prop_assert!((at(&beyond) > 0.0) != (z > 0.0) || z.abs() < 1e-8 * size);
            for _ in 0..10 {
                let mut other: Vec<f64> = stream.normal_matrix(1, inputs).into_vec();
                let factor = (1.0 - 1e-9) * norm.of(&exact) / norm.of(&other);
                other.iter_mut().for_each(|d| *d *= factor);
                prop_assert!((at(&other) > 0.0) == (z > 0.0) || z.abs() < 1e-8 * size);
            }
        }
    }
}

#[test]
fn projected_steps_end_at_the_closed_form() {
    let mut stream = RandomStream::new(5);
    let w: Vec<f64> = stream.normal_matrix(1, 12).into_vec();
    let probe = Probe::new(&w, Some(0.3)).unwrap();
    let x: Matrix<f64> = stream.normal_matrix(9, 12);
    let labels: Vec<bool> = (0..9).map(|i| i % 2 == 0).collect();
    let before = probe.logits(&x).unwrap();
    let (l1, l2) = (w.iter().map(|w| w.abs()).sum::<f64>(), dot(&w, &w).sqrt());
    for (norm, dual) in [(Norm::Euclidean, l2), (Norm::Maximum, l1)] {
        for random in [false, true] {
            let mut options = BallOptions::new(0.7).with_norm(norm).with_steps(400).with_step_size(0.05);
            if random {
                options = options.with_random_start(RandomStream::new(6));
            }
            let attack = projected_gradient(&probe, &x, &labels, &options).unwrap();
            for row in 0..9 {
                assert!(norm.of(attack.perturbations.row(row)) <= 0.7 * (1.0 + 1e-12));
                let worst = before[row] - sign(labels[row]) * 0.7 * dual;
                assert!((attack.scores[row] - worst).abs() < 1e-9, "{norm:?} {random}");
                assert_eq!(attack.flipped[row], (worst > 0.0) != labels[row]);
            }
        }
    }
    let single = fast_gradient_sign(&probe, &x, &labels, 0.7).unwrap();
    for row in 0..9 {
        assert!((single.scores[row] - (before[row] - sign(labels[row]) * 0.7 * l1)).abs() < 1e-12);
    }
}

#[test]
fn the_penalised_minimum_of_a_linear_probe_solves_its_equation() {
    let probe = Probe::new(&[1.5, -2.0, 0.5], Some(-0.2)).unwrap();
    let x = Matrix::from_rows([[-1.0, 0.5, 0.3]]);
    let options = PenalisedOptions::default().with_penalty(0.05).with_steps(20_000).with_learning_rate(1e-3);
    let found = penalised(&probe, &x, &options).unwrap();
    assert_eq!((found.status, found.steps), (PenalisedStatus::Finished, 20_000));
    // ∇L = -σ(-z) w + 2 λ δ = 0: δ = s w with 2 λ s = σ(-(z₀ + s |w|²)), which bisection solves.
    let (z, square) = (probe.logit(x.row(0)).unwrap(), 6.5);
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..200 {
        let s: f64 = 0.5 * (low + high);
        if 0.1 * s < 1.0 / (1.0 + (z + s * square).exp()) { low = s } else { high = s }
    }
    for (delta, w) in found.delta.iter().zip(probe.direction()) {
        assert!((delta - low * w).abs() < 1e-6, "{delta} {}", low * w);
    }
}

#[test]
fn networks_are_tricked_too() {
    let mut stream = RandomStream::new(7);
    let network = Mlp::<f64>::new(&[6, 24, 24, 1], Activation::Tanh, &mut stream).unwrap();
    let x: Matrix<f64> = stream.normal_matrix(15, 6);
    // The gradients are those of finite differences: central, with h² f'''/6 and EPSILON / h.
    let (mut scores, mut gradients) = (vec![0.0; 15], Matrix::zeros(15, 6));
    let mut workspace = Default::default();
    network.gradients_into(x.view(), &mut workspace, &mut scores, gradients.view_mut()).unwrap();
    for column in 0..6 {
        let shifted = |h: f64| {
            let moved = Matrix::from_fn(15, 6, |i, j| x[(i, j)] + if j == column { h } else { 0.0 });
            network.apply(&moved).unwrap()
        };
        let (above, below) = (shifted(1e-5), shifted(-1e-5));
        for row in 0..15 {
            let slope = (above[(row, 0)] - below[(row, 0)]) / 2e-5;
            assert!((slope - gradients[(row, column)]).abs() < 1e-9);
        }
    }
    let attack = deep_fool(&network, &x, &DeepFoolOptions::default()).unwrap();
    let mut reached = 0;
    for row in 0..15 {
        let moved = Matrix::from_fn(1, 6, |_, j| x[(row, j)] + attack.perturbations[(row, j)]);
        let z = network.apply(&moved).unwrap()[(0, 0)];
        assert_eq!(attack.flipped[row], (z > 0.0) != (scores[row] > 0.0));
        reached += usize::from(attack.flipped[row]);
    }
    assert!(reached >= 12, "{reached} of 15");
    // A ball raises the loss as it should: no sample is safer than before.
    let labels: Vec<bool> = scores.iter().map(|&z| z > 0.0).collect();
    let ball = projected_gradient(&network, &x, &labels, &BallOptions::new(0.3)).unwrap();
    for row in 0..15 {
        assert!(sign(labels[row]) * ball.scores[row] < sign(labels[row]) * scores[row]);
    }
    let one = penalised(&network, &x, &PenalisedOptions::default().with_target(false)).unwrap();
    let mean = |scores: &[f64]| scores.iter().sum::<f64>() / 15.0;
    assert!(mean(&one.scores) < mean(&scores));
    let two = Mlp::<f64>::new(&[6, 2], Activation::Tanh, &mut stream).unwrap();
    assert!(matches!(
        deep_fool(&two, &x, &DeepFoolOptions::default()),
        Err(Error::Shape { expected: 1, got: 2, .. })
    ));
}

#[test]
fn transfer_of_a_linear_probe_moves_all_scores_alike() {
    let mut stream = RandomStream::new(8);
    let w: Vec<f64> = stream.normal_matrix(1, 50).into_vec();
    let probe = Probe::new(&w, None).unwrap();
    let x: Matrix<f64> = stream.normal_matrix(40, 50);
    let before = probe.logits(&x).unwrap();
    let delta = smallest_flip(&probe, x.row(0), Norm::Euclidean, 0.1).unwrap();
    let outcome = transfer(&probe, &x, &delta).unwrap();
    let change = -1.1 * before[0];
    assert!((outcome.mean_change - change).abs() < 1e-12 * before[0].abs().max(1.0) * 50.0);
    let expected = before.iter().filter(|&&z| (z > 0.0) != (z + change > 0.0)).count();
    assert_eq!((outcome.flipped, outcome.total), (expected, 40));
    assert!((outcome.norm - Norm::Euclidean.of(&delta)).abs() < 1e-12);
    assert!((cosine(&delta, &w).unwrap().abs() - 1.0).abs() < 1e-12);
    let random = random_flip_rates(&probe, &x, outcome.norm, 20, &mut stream).unwrap();
    assert!(random[0] <= random[19] && random[10] < outcome.flip_rate());
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

#[test]
fn hostile_samples_are_refused_with_their_place() {
    type Fit = fn(&Samples<'_, f32>) -> Result<(), Error>;
    let fits: [Fit; 4] = [
        |samples| fit_adamw(samples, &AdamwOptions::default().with_epochs(1)).map(drop),
        |samples| fit_likelihood(samples, &LikelihoodOptions::default()).map(drop),
        |samples| mean_difference(samples).map(drop),
        |samples| discriminant(samples, &DiscriminantOptions::default()).map(drop),
    ];
    let good = Matrix::from_rows([[0.0_f32, 1.0], [2.0, 0.5], [1.0, -1.0]]);
    for fit in fits {
        fit(&Samples::new(&good, &[0_u8, 1, 1])).unwrap();
        let mut bad = good.clone();
        bad[(2, 1)] = f32::NAN;
        let error = fit(&Samples::new(&bad, &[0_u8, 1, 1])).unwrap_err();
        assert_eq!(error.to_string(), "samples[2, 1] is NaN: it must be finite");
        let error = fit(&Samples::new(&good, &[0_u8, 1, 7])).unwrap_err();
        assert!(matches!(error, Error::Label { index: 2, label: 7, classes: 2 }));
        let error = fit(&Samples::new(&good, &[0_u8, 1])).unwrap_err();
        assert!(matches!(error, Error::Shape { expected: 3, got: 2, .. }));
        let error = fit(&Samples::new(&good, &[true; 3])).unwrap_err();
        assert!(matches!(error, Error::OneClass { class: 1, .. }));
        let error = fit(&Samples::new(&Matrix::zeros(0, 2), &[0_u8; 0])).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }));
        let error = fit(&Samples::new(&Matrix::zeros(3, 0), &[0_u8, 1, 1])).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }));
        let samples = Samples::new(&good, &[0_u8, 1, 1]);
        let error = fit(&samples.with_weights(&[1.0, 1.0])).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }));
        let error = fit(&samples.with_weights(&[1.0, -1.0, 1.0])).unwrap_err();
        assert!(matches!(error, Error::Negative { index: 1, .. }));
        let error = fit(&samples.with_weights(&[1.0, f64::NAN, 1.0])).unwrap_err();
        assert!(matches!(error, Error::NotFinite { index: 1, .. }));
        let error = fit(&samples.with_weights(&[0.0, 1.0, 1.0])).unwrap_err();
        assert!(matches!(error, Error::OneClass { class: 1, .. }));
        assert!(fit(&samples.with_weights(&[0.0; 3])).is_err());
    }
    let twins = Matrix::from_rows([[1.0_f32, 2.0], [1.0, 2.0]]);
    let error = mean_difference(&Samples::new(&twins, &[0_u8, 1])).unwrap_err();
    assert!(matches!(error, Error::ZeroDirection { .. }));
}

#[test]
fn hostile_attacks_are_refused() {
    let probe = Probe::new(&[1.0_f64, 2.0], None).unwrap();
    let x = Matrix::from_rows([[1.0, 1.0]]);
    let zero = Probe::new(&[0.0, 0.0], None).unwrap();
    assert!(matches!(smallest_flip(&zero, x.row(0), Norm::Euclidean, 0.0), Err(Error::ZeroDirection { .. })));
    assert!(smallest_flip(&probe, &[1.0], Norm::Euclidean, 0.0).is_err());
    assert!(smallest_flip(&probe, &[1.0, f64::NAN], Norm::Maximum, 0.0).is_err());
    for radius in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = projected_gradient(&probe, &x, &[true], &BallOptions::new(radius));
        assert!(matches!(refused, Err(Error::Argument { name: "radius", .. })));
    }
    assert!(matches!(fast_gradient_sign(&probe, &x, &[3_u8], 1.0), Err(Error::Label { .. })));
    assert!(fast_gradient_sign(&probe, &Matrix::from_rows([[f64::NAN, 0.0]]), &[true], 1.0).is_err());
    assert!(penalised(&probe, &Matrix::zeros(0, 2), &PenalisedOptions::default()).is_err());
    assert!(penalised(&probe, &x, &PenalisedOptions::default().with_penalty(-1.0)).is_err());
    assert!(transfer(&probe, &x, &[1.0]).is_err());
    assert!(matches!(transfer(&probe, &x, &[1.0, f64::NAN]), Err(Error::NotFinite { index: 1, .. })));
    assert!(matches!(cosine(&[0.0, 0.0], &[1.0, 0.0]), Err(Error::ZeroDirection { .. })));
    // A descent that overflows keeps the last good perturbation.
    let steep = PenalisedOptions::default().with_learning_rate(1e300).with_penalty(1e10);
    let found = penalised(&probe, &Matrix::from_rows([[-1.0, 0.0]]), &steep).unwrap();
    assert_eq!((found.status, found.steps), (PenalisedStatus::NotFinite { step: 1 }, 0));
    assert_eq!(found.delta, [0.0, 0.0]);
}

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
fn probes_that_the_type_cannot_hold_are_refused() {
    let x = Matrix::from_rows([[1e-40_f32], [-1e-40]]);
    let options = LikelihoodOptions::default().with_penalty(1e-80);
    let refused = fit_likelihood(&Samples::new(&x, &[1_u8, 0]), &options);
    assert!(matches!(refused, Err(Error::NotFinite { .. })), "{refused:?}");
}

#[test]
fn directions_whose_squares_leave_the_range_are_directions() {
    for scale in [1e-200, 1.0, 1e200] {
        let probe = Probe::new(&[scale, 0.0], None).unwrap();
        for norm in [Norm::Euclidean, Norm::Maximum] {
            assert_eq!(smallest_flip(&probe, &[1.0, 0.0], norm, 0.0).unwrap(), [-1.0, 0.0]);
        }
        let x = Matrix::from_rows([[1.0, 0.0]]);
        let attack = projected_gradient(&probe, &x, &[1_u8], &BallOptions::new(2.0)).unwrap();
        assert!(attack.flipped[0] && attack.perturbations.row(0) == [-2.0, 0.0]);
        assert!(deep_fool(&probe, &x, &DeepFoolOptions::default()).unwrap().flipped[0]);
        assert_eq!(cosine(&[scale, 0.0], &[scale, 0.0]).unwrap(), 1.0);
    }
    let weak = Probe::new(&[1e-30_f32, 0.0], Some(1e10)).unwrap();
    let refused = smallest_flip(&weak, &[1.0, 0.0], Norm::Euclidean, 0.0);
    assert!(matches!(refused, Err(Error::NotFinite { index: 0, .. })), "{refused:?}");
}

#[test]
fn more_bins_than_memory_are_refused() {
    use brenier::nn::probe::evaluation::calibration;
    let answer = calibration(&[0.5_f64, 0.25], &[true, false], usize::MAX);
    assert!(matches!(answer, Err(Error::Argument { name: "bins", .. })), "{answer:?}");
}
