//! Perturbations that flip an answer, against what is known to be smallest.

use super::{dot, sign};
use brenier::nn::adversarial::{
    BallOptions, DeepFoolOptions, Norm, PenalisedOptions, PenalisedStatus, Score, cosine, deep_fool,
    fast_gradient_sign, penalised, projected_gradient, random_flip_rates, smallest_flip, transfer,
};
use brenier::nn::probe::Probe;
use brenier::nn::{Activation, Mlp};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};
use proptest::prelude::*;

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
