//! The Sinkhorn divergence: closed forms, limits, bounds, gradients, and hostile input.

use brenier::matrix::{Distance, pairwise};
use brenier::ot::divergence::{self, Divergence, Options};
use brenier::ot::sinkhorn::{self, Epsilon, Method};
use brenier::ot::{Problem, Status, exact};
use brenier::random::RandomStream;
use brenier::{Error, Matrix, Scalar};
use std::ops::ControlFlow;

fn run<'a, T: Scalar>(problem: &Problem<'a, T>, options: &Options) -> Divergence<'a> {
    divergence::solve_with(problem, options, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn weights(random: &mut RandomStream, count: usize) -> Vec<f64> {
    let raw: Matrix<f64> = random.normal_matrix(1, count);
    let weights: Vec<f64> = raw.row(0).iter().map(|z| z.exp()).collect();
    let mass: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / mass).collect()
}

/// Tf, in this file alone.
fn soft_minima(costs: &Matrix<f64>, weights: &[f64], potentials: &[f64], epsilon: f64) -> Vec<f64> {
    (0..costs.rows())
        .map(|i| {
            let exponents: Vec<f64> = (0..costs.columns())
                .map(|j| weights[j].ln() + (potentials[j] - costs[(i, j)]) / epsilon)
                .collect();
            let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            -epsilon * (largest + exponents.iter().map(|x| (x - largest).exp()).sum::<f64>().ln())
        })
        .collect()
}

fn largest_change(before: &[f64], after: &[f64]) -> f64 {
    before.iter().zip(after).fold(0.0, |change, (x, y)| change.max((x - y).abs()))
}

fn product(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// OT_ε(a, b) with KL, by plain iterations in the log domain.
fn reference(costs: &Matrix<f64>, a: &[f64], b: &[f64], epsilon: f64) -> f64 {
    let transposed = costs.transposed();
    let (mut f, mut g) = (vec![0.0; a.len()], vec![0.0; b.len()]);
    for _ in 0..20_000 {
        let next = soft_minima(costs, b, &g, epsilon);
        let change = largest_change(&f, &next);
        f = next;
        g = soft_minima(&transposed, a, &f, epsilon);
        if change <= 1e-11 {
            return product(&f, a) + product(&g, b);
        }
    }
    panic!("the reference did not converge");
}

/// OT_ε(a, a), by averaged iterations: plain ones may take for ever where points stand alone.
fn self_reference(costs: &Matrix<f64>, a: &[f64], epsilon: f64) -> f64 {
    let mut f = vec![0.0; a.len()];
    for _ in 0..20_000 {
        let next = soft_minima(costs, a, &f, epsilon);
        let change = largest_change(&f, &next);
        f.iter_mut().zip(&next).for_each(|(f, next)| *f = 0.5 * (*f + next));
        if change <= 1e-11 {
            return 2.0 * product(&f, a);
        }
    }
    panic!("the reference did not converge");
}

#[test]
fn the_interval_holds_the_value_and_the_value_is_not_negative() {
    let mut random = RandomStream::new(1);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(40, 2), random.normal_matrix(25, 2));
    let (a, b) = (weights(&mut random, 40), weights(&mut random, 25));
    for distance in [Distance::SquaredEuclidean, Distance::Euclidean, Distance::Manhattan] {
        let problem = Problem::from_points(&x, &y, distance).with_source_weights(&a).with_target_weights(&b);
        for epsilon in [0.3, 1.0, 10.0] {
            let costs = |x, y| pairwise::<f64>(x, y, distance).unwrap();
            let expected = reference(&costs(&x, &y), &a, &b, epsilon)
                - 0.5 * self_reference(&costs(&x, &x), &a, epsilon)
                - 0.5 * self_reference(&costs(&y, &y), &b, epsilon);
            for accuracy in [1e-3, 1e-6, 1e-10] {
                let result = run(&problem, &Options::new(epsilon).with_accuracy(accuracy));
                assert_eq!(result.status, Status::Converged, "{distance} {epsilon} {accuracy}");
                // The reference stops at changes of 1e-11; its value is right to second order.
                let slack = 1e-11;
                assert!(result.lower_bound <= expected + slack && expected <= result.upper_bound + slack);
                assert!((result.value - expected).abs() <= result.error_bound + slack);
                assert!(result.value >= -result.error_bound);
                let scale = result.cross_values.dual_with_kl.abs() + epsilon;
                assert!(result.error_bound <= 1.01 * accuracy * scale);
            }
        }
    }
}

#[test]
fn equal_clouds_are_at_zero_within_the_stated_error() {
    let mut random = RandomStream::new(2);
    let x: Matrix<f64> = random.normal_matrix(50, 3);
    let a = weights(&mut random, 50);
    // The same measure, turned round, with the last point split in two.
    let y = Matrix::from_fn(51, 3, |row, column| x[(if row == 50 { 0 } else { 49 - row }, column)]);
    let mut b: Vec<f64> = a.iter().rev().copied().collect();
    b[49] *= 0.25;
    b.push(3.0 * b[49]);
    for epsilon in [0.01, 0.3, 5.0] {
        let options = Options::new(epsilon).with_accuracy(1e-8);
        for (y, b) in [(&x, &a), (&y, &b)] {
            let problem = Problem::from_points(&x, y, Distance::SquaredEuclidean)
                .with_source_weights(&a)
                .with_target_weights(b);
            let result = run(&problem, &options);
            assert!(result.value.abs() <= result.error_bound, "{} {}", result.value, result.error_bound);
            assert!(result.lower_bound <= 0.0 && result.upper_bound >= 0.0);
        }
    }
    let same = Matrix::filled(7, 2, 3.0_f32);
    let result = run(&Problem::from_points(&same, &same, Distance::Euclidean), &Options::new(0.1));
    assert!(result.value.abs() <= 1e-15 && result.status == Status::Converged);
    assert!(
        divergence::solve(
            &Problem::from_points(&same, &same, Distance::Euclidean),
            Epsilon::RelativeToMean(1.0)
        )
        .is_err()
    );
}

#[test]
fn limits_are_the_energy_distance_and_the_transport_cost() {
    let mut random = RandomStream::new(3);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(30, 2), random.normal_matrix(20, 2));
    let (a, b) = (weights(&mut random, 30), weights(&mut random, 20));
    for distance in [Distance::Euclidean, Distance::SquaredEuclidean] {
        let problem = Problem::from_points(&x, &y, distance).with_source_weights(&a).with_target_weights(&b);
        let mean = |x: &Matrix<f64>, y: &Matrix<f64>, a: &[f64], b: &[f64]| -> f64 {
            let costs = pairwise(x, y, distance).unwrap();
            (0..a.len()).map(|i| a[i] * (0..b.len()).map(|j| b[j] * costs[(i, j)]).sum::<f64>()).sum()
        };
        let energy = mean(&x, &y, &a, &b) - 0.5 * mean(&x, &x, &a, &a) - 0.5 * mean(&y, &y, &b, &b);
        // The next term is the variance of the cost over 2 ε: 1e-5 of costs near 4.
        let wide = run(&problem, &Options::new(1e6).with_accuracy(1e-12));
        assert!((wide.value - energy).abs() < 1e-4, "{distance}: {} {energy}", wide.value);
        let cost = exact::transport_cost(&problem).unwrap();
        let narrow = run(&problem, &Options::new(1e-3));
        // Between 0 and ε times the entropies, at most ln 30 each, off.
        assert!((narrow.value - cost).abs() < 4e-3, "{distance}: {} {cost}", narrow.value);
    }
}

#[test]
fn a_translation_costs_its_square_for_any_epsilon() {
    let mut random = RandomStream::new(4);
    let x: Matrix<f32> = random.normal_matrix(64, 2);
    let y = Matrix::from_fn(64, 2, |row, k| x[(row, k)] + [0.5, -0.25][k]);
    for epsilon in [0.02, 0.2, 2.0] {
        let result = run(&Problem::from_points(&x, &y, Distance::SquaredEuclidean), &Options::new(epsilon));
        // Coordinates in single precision are rounded to 1e-7.
        assert!((result.value - 0.3125).abs() < 1e-6 + result.error_bound, "{}", result.value);
        // At the smallest, points that stand alone keep their plan from settling long after its marginals have.
        if epsilon < 0.1 {
            continue;
        }
        let options = Options::new(epsilon).with_accuracy(1e-9);
        let result = run(&Problem::from_points(&x, &y, Distance::SquaredEuclidean), &options);
        let gradient = result.point_gradients(&x, &y, Distance::SquaredEuclidean).unwrap();
        for row in 0..64 {
            for (k, shift) in [0.5, -0.25].into_iter().enumerate() {
                let size = 1.0 / 64.0;
                // A thousand times the marginal error, of distances up to four.
                assert!((gradient.source[(row, k)] + 2.0 * size * shift).abs() < 1e-3 * size);
                assert!((gradient.target[(row, k)] - 2.0 * size * shift).abs() < 1e-3 * size);
            }
        }
    }
}

#[test]
fn self_problems_take_few_iterations_at_any_epsilon() {
    let mut random = RandomStream::new(5);
    let x: Matrix<f64> = random.normal_matrix(200, 2);
    for (distance, epsilon) in [Distance::SquaredEuclidean, Distance::Euclidean]
        .into_iter()
        .flat_map(|d| [1.0, 0.1, 0.01, 0.001].map(|e| (d, e)))
    {
        let options = Options::new(epsilon)
            .with_transport(sinkhorn::Options::new(epsilon).with_tolerance(1e-10).with_max_iterations(60));
        let result = run(&Problem::from_points(&x, &x, distance), &options);
        assert_eq!(result.source_self.status, Status::Converged, "{distance} {epsilon}");
        assert!(result.source_self.marginal_error <= 1e-10);
        assert_eq!(result.source_self.plan.source_potentials(), result.source_self.plan.target_potentials());
    }
}

#[test]
fn costs_without_a_positive_kernel_are_solved_too() {
    let mut random = RandomStream::new(6);
    let raw: Matrix<f64> = random.normal_matrix(20, 20);
    let (a, b) = (weights(&mut random, 20), weights(&mut random, 20));
    let within = Matrix::from_fn(20, 20, |i, j| (raw[(i, j)] + raw[(j, i)]).abs());
    let across = raw.map(|cost| cost.abs());
    let problem = Problem::from_costs(&across).with_source_weights(&a).with_target_weights(&b);
    for epsilon in [0.1, 1.0] {
        let expected = reference(&across, &a, &b, epsilon)
            - 0.5 * reference(&within, &a, &a, epsilon)
            - 0.5 * reference(&within, &b, &b, epsilon);
        let options = Options::new(epsilon).with_accuracy(1e-8);
        let result =
            divergence::solve_costs(&problem, (&within).into(), (&within).into(), &options, &mut |_| {
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(result.status, Status::Converged);
        assert!((result.value - expected).abs() <= result.error_bound + 1e-12, "{} {expected}", result.value);
    }
}

#[test]
fn gradients_agree_with_differences() {
    let mut random = RandomStream::new(7);
    let (mut x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(6, 2), random.normal_matrix(5, 2));
    let (a, b) = (weights(&mut random, 6), weights(&mut random, 5));
    let accurate = |epsilon: f64| {
        Options::new(epsilon).with_accuracy(1e-12).with_transport(
            sinkhorn::Options::new(epsilon)
                .with_method(Method::Plain)
                .with_tolerance(1e-14)
                .with_max_iterations(100_000),
        )
    };
    let value = |x: &Matrix<f64>, a: &[f64], epsilon: f64| {
        let problem =
            Problem::from_points(x, &y, Distance::Euclidean).with_source_weights(a).with_target_weights(&b);
        run(&problem, &accurate(epsilon)).value
    };
    let difference = |function: &mut dyn FnMut(f64) -> f64| {
        let h = 1e-3;
        (8.0 * (function(h) - function(-h)) - (function(2.0 * h) - function(-2.0 * h))) / (12.0 * h)
    };
    let epsilon = 0.5;
    let (gradients, weight_gradients, by_epsilon) = {
        let problem =
            Problem::from_points(&x, &y, Distance::Euclidean).with_source_weights(&a).with_target_weights(&b);
        let result = run(&problem, &accurate(epsilon));
        let points = result.point_gradients(&x, &y, Distance::Euclidean).unwrap();
        (points, result.weight_gradients(), result.epsilon_gradient())
    };
    for (row, k) in (0..6).flat_map(|row| [(row, 0), (row, 1)]) {
        let before = x[(row, k)];
        let expected = difference(&mut |step| {
            x[(row, k)] = before + step;
            value(&x, &a, epsilon)
        });
        x[(row, k)] = before;
        assert!(
            (gradients.source[(row, k)] - expected).abs() < 1e-8,
            "{} {expected}",
            gradients.source[(row, k)]
        );
    }
    for k in 1..6 {
        let expected = difference(&mut |step| {
            let mut a = a.clone();
            a[0] -= 0.1 * step;
            a[k] += 0.1 * step;
            value(&x, &a, epsilon)
        });
        let got = 0.1 * (weight_gradients[0][k] - weight_gradients[0][0]);
        assert!((got - expected).abs() < 1e-8, "{got} {expected}");
    }
    assert!(weight_gradients.iter().all(|side| side.iter().sum::<f64>().abs() < 1e-12));
    let expected = difference(&mut |step| value(&x, &a, epsilon + step));
    assert!((by_epsilon - expected).abs() < 1e-8, "{by_epsilon} {expected}");
}

#[test]
fn weights_of_zero_and_single_points_are_no_trouble() {
    let x = Matrix::from_rows([[0.0], [1.0], [50.0]]);
    let y = Matrix::from_rows([[0.5], [-70.0]]);
    let full = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
        .with_source_weights(&[0.5, 0.5, 0.0])
        .with_target_weights(&[1.0, 0.0]);
    let (some_x, some_y) = (Matrix::from_rows([[0.0], [1.0]]), Matrix::from_rows([[0.5]]));
    let some = Problem::from_points(&some_x, &some_y, Distance::SquaredEuclidean);
    for epsilon in [0.01, 1.0] {
        let (full, some) = (run(&full, &Options::new(epsilon)), run(&some, &Options::new(epsilon)));
        assert!((full.value - some.value).abs() < 1e-12, "{} {}", full.value, some.value);
        let gradient = full.point_gradients(&x, &y, Distance::SquaredEuclidean).unwrap();
        assert_eq!((gradient.source[(2, 0)], gradient.target[(1, 0)]), (0.0, 0.0));
        let expected = some.point_gradients(&some_x, &some_y, Distance::SquaredEuclidean).unwrap();
        assert!((gradient.source[(1, 0)] - expected.source[(1, 0)]).abs() < 1e-12);
        assert!(full.weight_gradients().iter().flatten().all(|entry| entry.is_finite()));
    }
    // One point each: |x - y|², whatever ε is.
    let (one, other) = (Matrix::from_rows([[1.0, 2.0]]), Matrix::from_rows([[4.0, 6.0]]));
    let result = run(&Problem::from_points(&one, &other, Distance::SquaredEuclidean), &Options::new(0.1));
    assert!((result.value - 25.0).abs() <= result.error_bound && result.error_bound < 1e-10);
}

#[test]
fn an_epsilon_relative_to_the_costs_is_that_of_the_problem_between() {
    let mut random = RandomStream::new(8);
    let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(40, 4), random.normal_matrix(30, 4));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let relative = run(&problem, &Options::new(Epsilon::RelativeToMedian(0.1)));
    let absolute = run(&problem, &Options::new(relative.epsilon));
    assert_eq!(relative.source_self.plan.epsilon(), relative.epsilon);
    assert_eq!(relative.target_self.plan.epsilon(), relative.epsilon);
    assert_eq!(relative.value, absolute.value);
    let wide = (x.cast::<f64>(), y.cast::<f64>());
    let double = run(
        &Problem::from_points(&wide.0, &wide.1, Distance::SquaredEuclidean),
        &Options::new(relative.epsilon),
    );
    assert!((relative.value - double.value).abs() <= relative.error_bound + double.error_bound);
}

#[test]
fn limits_and_observers_end_it_with_a_status_and_honest_bounds() {
    let mut random = RandomStream::new(9);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(50, 2), random.normal_matrix(40, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let good = run(&problem, &Options::new(0.05).with_accuracy(1e-9));
    for limit in [1, 5] {
        let transport = sinkhorn::Options::new(0.05).with_max_iterations(limit).with_tolerance(1e-9);
        let result = run(&problem, &Options::new(0.05).with_transport(transport));
        assert_eq!(result.status, Status::IterationLimit);
        assert!(result.lower_bound <= good.value && good.value <= result.upper_bound);
        assert!(result.error_bound > good.error_bound && result.value >= -result.error_bound);
    }
    let mut looks = 0;
    let stopped = divergence::solve_with(&problem, &Options::new(0.05), &mut |_| {
        looks += 1;
        if looks >= 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap();
    assert_eq!(stopped.status, Status::Stopped);
    assert!(stopped.lower_bound <= good.value && good.value <= stopped.upper_bound);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let costs = Matrix::from_rows([[0.0, 1.0], [2.0, 0.0]]);
    let problem = Problem::from_costs(&costs);
    let refused = divergence::solve(&problem, 0.1).unwrap_err();
    assert!(matches!(refused, Error::PointsNeeded { .. }), "{refused}");
    let go = &mut |_: &_| ControlFlow::Continue(());
    let refused = divergence::solve_costs(&problem, (&costs).into(), (&costs).into(), &Options::new(0.1), go);
    assert!(matches!(refused, Err(Error::NotSymmetric { row: 1, column: 0, .. })));
    let small = Matrix::zeros(1, 1);
    let good = Matrix::zeros(2, 2);
    let refused = divergence::solve_costs(&problem, (&good).into(), (&small).into(), &Options::new(0.1), go);
    assert!(matches!(refused, Err(Error::Shape { expected: 2, got: 1, .. })));
    for accuracy in [0.0, f64::NAN, 2.0] {
        let options = Options::new(0.1).with_accuracy(accuracy);
        let refused = divergence::solve_costs(&problem, (&good).into(), (&good).into(), &options, go);
        assert!(matches!(refused, Err(Error::Argument { name: "accuracy", .. })));
    }
}

#[cfg(feature = "parallel")]
#[test]
fn divergences_do_not_depend_on_the_number_of_threads() {
    let mut random = RandomStream::new(10);
    let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(700, 5), random.normal_matrix(400, 5));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
            let result = run(&problem, &Options::new(1.0));
            let points = result.point_gradients(&x, &y, Distance::SquaredEuclidean).unwrap();
            (result.value, result.error_bound, points, result.weight_gradients())
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn intervals_hold_at_huge_epsilon_and_nothing_is_proved_at_tiny() {
    let mut random = RandomStream::new(23);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(12, 2), random.normal_matrix(9, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let mean = |x: &Matrix<f64>, y: &Matrix<f64>| {
        let costs = pairwise(x, y, Distance::SquaredEuclidean).unwrap();
        costs.as_slice().iter().sum::<f64>() / costs.as_slice().len() as f64
    };
    // The energy distance is the limit: the divergence differs from it by about C²/ε.
    let limit = mean(&x, &y) - 0.5 * (mean(&x, &x) + mean(&y, &y));
    for epsilon in [1e9, 1e13, 1e17, 1e30] {
        let result = run(&problem, &Options::new(epsilon));
        let error = 100.0 / epsilon;
        assert!(result.lower_bound <= limit + error && limit - error <= result.upper_bound, "{result:?}");
    }
    for epsilon in [1e-290, 1e-100, 1e-30, 1e-20] {
        let Ok(result) = divergence::solve(&problem, epsilon) else { continue };
        assert!(!result.value.is_nan() && !result.lower_bound.is_nan() && !result.upper_bound.is_nan());
        assert!(result.lower_bound <= result.value && result.value <= result.upper_bound, "{epsilon}");
        let is_proved = result.value.is_finite() && result.error_bound.is_finite();
        assert!(is_proved || result.status != Status::Converged, "{epsilon}: {}", result.value);
    }
}
