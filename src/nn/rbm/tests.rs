//! The machine against sums over all joint states.

use super::exact::Enumeration;
use super::*;
use crate::matrix::Matrix;
use crate::nn::Parameters;
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// A machine with all parameters of order one.
fn machine<T: Scalar>(visible: usize, hidden: usize, seed: u64) -> Rbm<T> {
    let mut stream = RandomStream::new(seed);
    let mut rbm = Rbm::random(visible, hidden, T::from_f64(0.8), &mut stream).unwrap();
    stream.fill_normal(rbm.visible_bias_mut());
    stream.fill_normal(rbm.hidden_bias_mut());
    rbm
}

/// All states of `units` bits, a row each.
fn states<T: Scalar>(units: usize) -> Matrix<T> {
    Matrix::from_fn(1 << units, units, |state, unit| if state >> unit & 1 == 1 { T::ONE } else { T::ZERO })
}

/// P(v, h) of all joint states by the energy alone: (visible states, hidden states), and ln Z.
fn joint(rbm: &Rbm<f64>) -> (Matrix<f64>, f64) {
    let (v, h) = (states::<f64>(rbm.visible()), states::<f64>(rbm.hidden()));
    let mut all = Matrix::zeros(v.rows(), h.rows());
    for row in 0..v.rows() {
        for column in 0..h.rows() {
            let energy = rbm.energy(v.rows_range(row..row + 1), h.rows_range(column..column + 1)).unwrap()[0];
            all[(row, column)] = (-energy).exp();
        }
    }
    let z: f64 = all.as_slice().iter().sum();
    (all.map(|x| x / z), z.ln())
}

/// The energy written out once more.
#[test]
fn the_energy_is_its_formula() {
    let rbm = machine::<f64>(4, 3, 1);
    let (v, h) = (states::<f64>(4), states::<f64>(3));
    for row in 0..16 {
        for column in 0..8 {
            let (v, h) = (v.rows_range(row..row + 1), h.rows_range(column..column + 1));
            let mut expected = 0.0;
            for i in 0..4 {
                expected -= rbm.visible_bias()[i] * v[(0, i)];
                for j in 0..3 {
                    expected -= v[(0, i)] * rbm.weight()[(j, i)] * h[(0, j)];
                }
            }
            for j in 0..3 {
                expected -= rbm.hidden_bias()[j] * h[(0, j)];
            }
            // A dozen additions of numbers of order one.
            assert!((rbm.energy(v, h).unwrap()[0] - expected).abs() < 50.0 * f64::EPSILON);
        }
    }
}

/// P(h | v) by division of joint probabilities is the product of its factors, and so is P(v | h).
#[test]
fn the_conditionals_factorise() {
    let rbm = machine::<f64>(5, 4, 2);
    let (joint, _) = joint(&rbm);
    let (v, h) = (states::<f64>(5), states::<f64>(4));
    let hidden = rbm.hidden_probabilities(&v).unwrap();
    let visible = rbm.visible_means_given(&h).unwrap();
    let chance = |means: &[f64], bits: &[f64]| -> f64 {
        means.iter().zip(bits).map(|(p, bit)| if *bit == 1.0 { *p } else { 1.0 - p }).product()
    };
    for row in 0..32 {
        let of_v: f64 = joint.row(row).iter().sum();
        for column in 0..16 {
            let of_h: f64 = joint.column(column).sum();
            // Ratios of sums of 16 or 32 exponentials, each right within some EPSILON.
            let given_v = joint[(row, column)] / of_v;
            assert!((given_v - chance(hidden.row(row), h.row(column))).abs() < 100.0 * f64::EPSILON);
            let given_h = joint[(row, column)] / of_h;
            assert!((given_h - chance(visible.row(column), v.row(row))).abs() < 100.0 * f64::EPSILON);
        }
    }
}

#[test]
fn free_energy_and_log_z_are_sums_over_the_joint_states() {
    // More hidden than visible units and the other way round: either layer is enumerated; ten units need four tables.
    for (visible, hidden) in [(5, 4), (4, 5), (1, 6), (6, 1), (10, 10)] {
        let rbm = machine::<f64>(visible, hidden, 3);
        let exact = rbm.exact_log_z().unwrap();
        let free = rbm.free_energy(&states(visible)).unwrap();
        let by_free_energy = crate::simd::log_sum_exp(&free.iter().map(|f| -f).collect::<Vec<_>>());
        assert!((exact - by_free_energy).abs() < 1e3 * f64::EPSILON, "{exact} {by_free_energy}");
        if visible + hidden < 12 {
            let (joint, log_z) = joint(&rbm);
            assert!((exact - log_z).abs() < 1e3 * f64::EPSILON, "{exact} {log_z}");
            for (row, free) in free.iter().enumerate() {
                let marginal: f64 = joint.row(row).iter().sum();
                assert!((marginal.ln() - (-free - log_z)).abs() < 1e3 * f64::EPSILON);
            }
        }
        let moments = Enumeration::new(&rbm).unwrap().moments(exact);
        let probabilities: Vec<f64> = free.iter().map(|free| (-free - exact).exp()).collect();
        let (v, means) = (states::<f64>(visible), rbm.hidden_probabilities(&states(visible)).unwrap());
        for j in 0..hidden {
            for i in 0..visible {
                let direct: f64 =
                    (0..v.rows()).map(|state| probabilities[state] * v[(state, i)] * means[(state, j)]).sum();
                assert!((moments.weight[(j, i)] - direct).abs() < 1e3 * f64::EPSILON);
            }
        }
        for i in 0..visible {
            let direct: f64 = (0..v.rows()).map(|state| probabilities[state] * v[(state, i)]).sum();
            assert!((moments.visible[i] - direct).abs() < 1e3 * f64::EPSILON);
        }
        for j in 0..hidden {
            let direct: f64 = (0..v.rows()).map(|state| probabilities[state] * means[(state, j)]).sum();
            assert!((moments.hidden[j] - direct).abs() < 1e3 * f64::EPSILON);
        }
    }
}

/// f32 kernels, with sizes that leave partial registers, against the same machine in f64.
#[test]
fn single_precision_follows_double() {
    for (visible, hidden, rows) in [(3, 2, 1), (17, 70, 5), (33, 129, 19), (130, 65, 67)] {
        let single = machine::<f32>(visible, hidden, 4);
        let double = single.cast::<f64>().unwrap();
        let v = RandomStream::new(5).uniform_matrix::<f32>(rows, visible);
        let wide = v.cast::<f64>();
        // The fields are sums of `visible` terms of order one: their rounding goes through functions of slope at most one.
        let tolerance = 4.0 * visible as f64 * f64::from(f32::EPSILON);
        let (p, exact) =
            (single.hidden_probabilities(&v).unwrap(), double.hidden_probabilities(&wide).unwrap());
        for (p, exact) in p.as_slice().iter().zip(exact.as_slice()) {
            assert!((f64::from(*p) - exact).abs() < tolerance);
        }
        let (f, exact) = (single.free_energy(&v).unwrap(), double.free_energy(&wide).unwrap());
        for (f, exact) in f.iter().zip(&exact) {
            assert!((f - exact).abs() < tolerance * hidden as f64, "{f} {exact}");
        }
        // Double precision against plain scalars.
        for (row, free) in exact.iter().enumerate() {
            let mut expected = 0.0;
            for j in 0..hidden {
                let field: f64 = (0..visible).map(|i| double.weight()[(j, i)] * wide[(row, i)]).sum();
                let field = field + double.hidden_bias()[j];
                expected -= field.max(0.0) + (-field.abs()).exp().ln_1p();
            }
            for i in 0..visible {
                expected -= double.visible_bias()[i] * wide[(row, i)];
            }
            let scale = 100.0 * (hidden * visible) as f64;
            assert!((free - expected).abs() < scale * f64::EPSILON, "{free} {expected}");
        }
    }
}

/// The integral over one real unit, by the trapezoidal rule: it converges exponentially for a smooth function that decays.
#[test]
fn gaussian_machines_against_a_quadrature() {
    let rbm = machine::<f64>(1, 3, 6).with_gaussian_visible(&[0.7]).unwrap();
    let (step, count) = (1e-2, 4000);
    let grid = Matrix::from_fn(count, 1, |k, _| (k as f64 - count as f64 / 2.0) * step);
    let free = rbm.free_energy(&grid).unwrap();
    let z: f64 = free.iter().map(|free| (-free).exp()).sum::<f64>() * step;
    let exact = rbm.exact_log_z().unwrap();
    assert!((z.ln() - exact).abs() < 1e-12, "{} {exact}", z.ln());
    // The free energy is the sum over hidden states of the energies.
    let hidden = states::<f64>(3);
    for v in [-1.0, 0.3, 2.0] {
        let rows = Matrix::filled(8, 1, v);
        let energies = rbm.energy(&rows, &hidden).unwrap();
        let sum: f64 = energies.iter().map(|energy| (-energy).exp()).sum();
        assert!((rbm.free_energy(rows.rows_range(0..1)).unwrap()[0] + sum.ln()).abs() < 1e-13);
    }
}

/// The exact gradient against central differences of the exact log-likelihood.
#[test]
fn the_exact_gradient_is_the_slope_of_the_exact_likelihood() {
    let mut stream = RandomStream::new(7);
    for gaussian in [false, true] {
        for (visible, hidden) in [(5, 3), (3, 5), (9, 10)] {
            let mut rbm = machine::<f64>(visible, hidden, 8);
            if gaussian {
                let variances: Vec<f64> = (0..visible).map(|k| 0.5 + 0.2 * k as f64).collect();
                rbm = rbm.with_gaussian_visible(&variances).unwrap();
            }
            let data = stream.uniform_matrix::<f64>(6, visible);
            let answer = rbm.exact_gradient(&data).unwrap();
            let likelihood = rbm.exact_log_likelihood(&data).unwrap();
            assert!((answer.log_likelihood - likelihood).abs() < 1e-12);
            let step = 1e-4;
            for (k, slope) in answer.gradient.iter().enumerate() {
                let at = |offset: f64| {
                    let mut moved = rbm.clone();
                    moved.parameters_mut()[k] += offset;
                    moved.exact_log_likelihood(&data).unwrap()
                };
                let difference = (at(step) - at(-step)) / (2.0 * step);
                // Truncation step² f'''/6, third derivatives of a few units; rounding 1e-15 * 20 / step.
                assert!((difference - slope).abs() < 1e-6, "{k}: {difference} {slope}");
            }
        }
    }
}

#[test]
fn a_machine_without_weights_is_a_paramagnet() {
    let mut rbm = machine::<f64>(12, 9, 9);
    rbm.parameters_mut()[..12 * 9].fill(0.0);
    let softplus = |x: &f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let closed: f64 = rbm.visible_bias().iter().chain(rbm.hidden_bias()).map(softplus).sum();
    assert!((rbm.exact_log_z().unwrap() - closed).abs() < 100.0 * f64::EPSILON * closed);
    // The base distribution of the sampling is then the machine: every weight is the same.
    let options = AnnealingOptions::default().with_levels(3).with_chains(4);
    let estimate = estimate_log_z(&rbm, &options, RandomStream::new(1)).unwrap();
    assert!(estimate.log_weights.iter().all(|weight| (weight - closed).abs() < 1e-12));
    let means = rbm.visible_means_given(&states::<f64>(9).rows_range(0..3).to_matrix()).unwrap();
    for row in means.iter_rows() {
        for (mean, bias) in row.iter().zip(rbm.visible_bias()) {
            assert!((mean - 1.0 / (1.0 + (-bias).exp())).abs() < 4.0 * f64::EPSILON);
        }
    }
}

#[test]
fn pseudo_likelihood_is_the_sum_of_conditionals() {
    let rbm = machine::<f64>(6, 5, 10);
    let (joint, _) = joint(&rbm);
    let marginal: Vec<f64> = joint.iter_rows().map(|row| row.iter().sum()).collect();
    let v = states::<f64>(6);
    let answer = rbm.pseudo_log_likelihood(&v).unwrap();
    for (state, pseudo) in answer.iter().enumerate() {
        let direct: f64 =
            (0..6).map(|i| (marginal[state] / (marginal[state] + marginal[state ^ 1 << i])).ln()).sum();
        assert!((pseudo - direct).abs() < 1e-12, "{pseudo} {direct}");
    }
    let mean = answer.iter().sum::<f64>() / 64.0;
    let many = Matrix::from_fn(64 * 400, 6, |row, column| v[(row % 64, column)]);
    let (estimate, error) = rbm.stochastic_pseudo_log_likelihood(&many, &mut RandomStream::new(2)).unwrap();
    // Fails for one seed in 15,000 at most.
    assert!((estimate - mean).abs() < 4.0 * error, "{estimate} +- {error}, {mean}");
}

/// The estimated gradient has the exact one as its mean, where the chains are in equilibrium: CD-k with a large k.
#[test]
fn contrastive_divergence_with_many_steps_is_the_exact_gradient() {
    for gaussian in [false, true] {
        let mut rbm = machine::<f64>(4, 3, 11);
        if gaussian {
            rbm = rbm.with_gaussian_visible(&[0.5, 1.0, 1.5, 2.0]).unwrap();
            // Small weights, so that the Gaussian chains forget their start quickly.
            rbm.parameters_mut()[..12].iter_mut().for_each(|weight| *weight *= 0.3);
        }
        let data = RandomStream::new(3).uniform_matrix::<f64>(20_000, 4);
        let exact = rbm.exact_gradient(&data).unwrap().gradient;
        for sampler in [
            Sampler::ContrastiveDivergence { steps: 40 },
            Sampler::Persistent { chains: 20_000, steps: 40 },
            Sampler::Tempered {
                options: TemperingOptions::default().with_chains(20_000).with_levels(2),
                steps: 40,
            },
        ] {
            let options = TrainingOptions::default().with_sampler(sampler.clone());
            let mut trainer = Trainer::new(&rbm, options, RandomStream::new(4)).unwrap();
            let mut gradient = vec![1.0; rbm.parameters().len()];
            trainer.accumulate_gradient(&rbm, &data, &mut gradient).unwrap();
            for (k, (estimate, exact)) in gradient.iter().zip(&exact).enumerate() {
                // It accumulates, and points downhill. A mean of 20,000 draws with a deviation of at most 1 (bits) or about 3.
                let deviation = if gaussian { 3.0 } else { 1.0 };
                let error = (estimate - 1.0) + exact;
                assert!(error.abs() < 5.0 * deviation / 20_000_f64.sqrt(), "{sampler:?} {k}: {error}");
            }
        }
    }
}

/// A step is the learning rate times the gradient; with momentum the last step is added; decay takes its share of the weights.
#[test]
fn steps_are_made_of_gradients() {
    let rbm = machine::<f64>(6, 5, 12);
    let data = RandomStream::new(5).uniform_matrix::<f64>(7, 6);
    let trainer = |options| Trainer::new(&rbm, options, RandomStream::new(6)).unwrap();
    let options =
        TrainingOptions::default().with_learning_rate(0.1).with_momentum(0.5).with_weight_decay(0.3);
    let mut stepping = trainer(options.clone());
    let mut measuring = trainer(options);
    let mut moving = rbm.clone();
    let mut velocity = vec![0.0; rbm.parameters().len()];
    for _ in 0..3 {
        let before = moving.clone();
        let mut gradient = vec![0.0; velocity.len()];
        measuring.accumulate_gradient(&before, &data, &mut gradient).unwrap();
        stepping.step(&mut moving, &data).unwrap();
        for k in 0..velocity.len() {
            velocity[k] = 0.5 * velocity[k] - 0.1 * gradient[k];
            let kept = if k < 30 { 1.0 - 0.1 * 0.3 } else { 1.0 };
            let expected = before.parameters()[k] * kept + velocity[k];
            assert!((moving.parameters()[k] - expected).abs() < 1e-14);
        }
    }
    assert_eq!(stepping.steps(), 3);
}

/// The centred step is the gradient in the parameters of the centred energy, carried back: W the same, a = a' - Wᵀλ, b = b' - W μ.
#[test]
fn offsets_centre_the_gradient() {
    let (visible, hidden) = (6, 5);
    let rbm = machine::<f64>(visible, hidden, 13);
    let data = RandomStream::new(7).uniform_matrix::<f64>(9, visible);
    let (mu, lambda, rate) = (0.5, 0.3, 0.1);
    for sampler in [Sampler::ContrastiveDivergence { steps: 1 }, Sampler::Persistent { chains: 4, steps: 1 }]
    {
        let options = TrainingOptions::default()
            .with_learning_rate(rate)
            .with_offsets(mu, lambda)
            .with_sampler(sampler);
        let trainer = || Trainer::new(&rbm, options.clone(), RandomStream::new(8)).unwrap();
        let mut gradient = vec![0.0; rbm.parameters().len()];
        trainer().accumulate_gradient(&rbm, &data, &mut gradient).unwrap();
        let mut moved = rbm.clone();
        trainer().step(&mut moved, &data).unwrap();
        let (weight, biases) = gradient.split_at(visible * hidden);
        let (a, b) = biases.split_at(visible);
        let centred = |j: usize, i: usize| weight[j * visible + i] - lambda * a[i] - mu * b[j];
        let check = |k: usize, slope: f64| {
            let step = moved.parameters()[k] - rbm.parameters()[k];
            assert!((step + rate * slope).abs() < 1e-14, "{k}: {step} {}", -rate * slope);
        };
        for (j, b) in b.iter().enumerate() {
            (0..visible).for_each(|i| check(j * visible + i, centred(j, i)));
            let slope = b - mu * (0..visible).map(|i| centred(j, i)).sum::<f64>();
            check(visible * hidden + visible + j, slope);
        }
        for (i, a) in a.iter().enumerate() {
            let slope = a - lambda * (0..hidden).map(|j| centred(j, i)).sum::<f64>();
            check(visible * hidden + i, slope);
        }
    }
}
