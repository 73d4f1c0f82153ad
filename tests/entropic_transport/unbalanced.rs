//! Relaxed marginals: closed forms, a second solver, certificates, hostile input.

use brenier::matrix::Distance;
use brenier::ot::progress::run_to_the_end;
use brenier::ot::sinkhorn::{self, Precision};
use brenier::ot::unbalanced::{self, Options};
use brenier::ot::{Problem, Status};
use brenier::random::RandomStream;
use brenier::{Error, Matrix, Scalar};
use proptest::prelude::*;

fn solve<'a, T: Scalar>(problem: &Problem<'a, T>, options: &Options) -> unbalanced::Solution<'a> {
    unbalanced::solve_with(problem, options, &mut run_to_the_end).unwrap()
}

#[test]
fn two_diracs_have_their_closed_form() {
    let (a, b) = (2.0_f64, 0.3_f64);
    for cost in [0.0, 1.0, -0.7, 30.0] {
        let costs = Matrix::from_rows([[cost]]);
        let problem = Problem::from_costs(&costs).with_source_weights(&[a]).with_target_weights(&[b]);
        for epsilon in [0.01, 1.0, 50.0] {
            for by_source in [1e-3, 1.0, 1e5, f64::INFINITY] {
                for by_target in [1e-2, 2.0, 1e4] {
                    // Stationary in ln P: C + ε ln(P/ab) + ρ₁ ln(P/a) + ρ₂ ln(P/b) = 0.
                    let expected = if by_source == f64::INFINITY {
                        a.ln()
                    } else {
                        let logs = epsilon * (a * b).ln() + by_source * a.ln() + by_target * b.ln();
                        (logs - cost) / (epsilon + by_source + by_target)
                    };
                    let options = Options::new(epsilon, by_source)
                        .with_target_relaxation(by_target)
                        .with_tolerance(1e-12);
                    let solution = solve(&problem, &options);
                    let mass: f64 = solution.plan.to_matrix()[(0, 0)];
                    // Exponents up to 1e5/0.01 in size are rounded: the logarithm is off by a few EPS of that.
                    let size = 1.0 + (cost.abs() + by_target.min(1e5) + by_source.min(1e5)) / epsilon;
                    // Below e^-700 there is no mass left.
                    assert!(
                        (expected < -700.0 && mass < 1e-300)
                            || (mass.ln() - expected).abs() < 16.0 * f64::EPSILON * size + 1e-12,
                        "{cost} {epsilon} {by_source} {by_target}: {} {expected}",
                        mass.ln()
                    );
                    assert!(solution.iterations <= 4, "{}", solution.iterations);
                }
            }
        }
    }
}

/// Chizat et al.'s scaling iterations on the dense kernel: no logarithms, no translation, nothing shared with the crate.
fn scaled(costs: &Matrix<f64>, a: &[f64], b: &[f64], epsilon: f64, rho: [f64; 2]) -> Matrix<f64> {
    let (n, m) = costs.shape();
    let kernel = Matrix::from_fn(n, m, |i, j| (-costs[(i, j)] / epsilon).exp() * a[i] * b[j]);
    let damping = rho.map(|rho| if rho == f64::INFINITY { 1.0 } else { rho / (rho + epsilon) });
    let (mut u, mut v) = (vec![1.0; n], vec![1.0; m]);
    for _ in 0..20_000 {
        for i in 0..n {
            let sum: f64 = (0..m).map(|j| kernel[(i, j)] * v[j]).sum();
            u[i] = if a[i] > 0.0 { (a[i] / sum).powf(damping[0]) } else { 0.0 };
        }
        for j in 0..m {
            let sum: f64 = (0..n).map(|i| kernel[(i, j)] * u[i]).sum();
            v[j] = if b[j] > 0.0 { (b[j] / sum).powf(damping[1]) } else { 0.0 };
        }
    }
    Matrix::from_fn(n, m, |i, j| u[i] * kernel[(i, j)] * v[j])
}

#[test]
fn the_plan_is_that_of_scaling_iterations() {
    let mut random = RandomStream::new(3);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(17, 2), random.normal_matrix(23, 2));
    let costs = Matrix::from_fn(17, 23, |i, j| (0..2).map(|k| (x[(i, k)] - y[(j, k)]).powi(2)).sum::<f64>());
    let a: Vec<f64> = (0..17).map(|i| if i == 4 { 0.0 } else { 0.1 + (i % 5) as f64 }).collect();
    let b: Vec<f64> = (0..23).map(|j| if j % 11 == 3 { 0.0 } else { 0.05 * (1 + j % 7) as f64 }).collect();
    let points = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
        .with_source_weights(&a)
        .with_target_weights(&b);
    let matrix = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
    for (epsilon, rho) in
        [(0.2, [1.0, 1.0]), (0.5, [0.1, 20.0]), (0.3, [f64::INFINITY, 0.5]), (0.3, [0.7, f64::INFINITY])]
    {
        let expected = scaled(&costs, &a, &b, epsilon, rho);
        let total: f64 = expected.as_slice().iter().sum();
        let options = Options::new(epsilon, rho[0]).with_target_relaxation(rho[1]).with_tolerance(1e-13);
        for problem in [&points, &matrix] {
            let solution = solve(problem, &options);
            assert!(solution.is_converged(), "{}", solution.status);
            let plan = solution.plan.to_matrix();
            for (got, expected) in plan.as_slice().iter().zip(expected.as_slice()) {
                assert!((got - expected).abs() < 1e-11 * total, "{rho:?}: {got} {expected}");
            }
            let values = solution.values();
            assert!(values.gap.abs() < 1e-12 * total, "{}", values.gap);
            if rho[0] == f64::INFINITY {
                assert!(values.source_marginal_error < 1e-13 * total);
            }
            if rho[1] == f64::INFINITY {
                assert!(values.target_marginal_error < 1e-13 * total);
            }
            // Potentials of points without mass are the damped soft minima, so nothing about them is NaN.
            assert!(solution.source_potentials().iter().all(|f| f.is_finite()));
            assert!(solution.target_potentials().iter().all(|g| g.is_finite()));
        }
    }
}

#[test]
fn two_infinite_prices_are_the_balanced_problem_and_large_ones_nearly() {
    let mut random = RandomStream::new(9);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(40, 3), random.normal_matrix(30, 3));
    // A mass that is not one, so that the two references differ.
    let (a, b) = ([0.15; 40], [0.2; 30]);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
        .with_source_weights(&a)
        .with_target_weights(&b);
    let balanced = sinkhorn::solve_with(
        &problem,
        &sinkhorn::Options::new(0.5).with_tolerance(1e-10),
        &mut run_to_the_end,
    )
    .unwrap();
    let infinite = solve(&problem, &Options::new(0.5, f64::INFINITY).with_tolerance(1e-10));
    assert_eq!(infinite.plan.to_matrix(), balanced.plan.to_matrix());
    let values = infinite.values();
    assert!((values.primal - values.dual).abs() <= values.gap + 1e-8, "{values:?}");
    let mut iterations = Vec::new();
    for rho in [1e2, 1e4, 1e6] {
        let solution = solve(&problem, &Options::new(0.5, rho).with_tolerance(1e-10));
        assert!(solution.is_converged());
        iterations.push(solution.iterations);
        let difference = solution
            .plan
            .to_matrix()
            .as_slice()
            .iter()
            .zip(balanced.plan.to_matrix().as_slice())
            .map(|(p, q)| (p - q).abs())
            .sum::<f64>();
        // The marginals give way by about potentials over ρ.
        assert!(difference < 100.0 / rho + 1e-8, "{rho}: {difference}");
        assert!((solution.values().dual - values.dual).abs() < 1000.0 / rho + 1e-7);
    }
    // Translation invariance: no more passes for a larger ρ.
    assert!(
        iterations[2] <= iterations[0] + 5 && iterations[2] <= balanced.iterations + 100,
        "{iterations:?}"
    );
}

#[test]
fn little_is_moved_for_a_low_price() {
    let costs = Matrix::from_fn(6, 5, |i, j| 1.0 + ((3 * i + 5 * j) % 7) as f64);
    let problem = Problem::from_costs(&costs);
    let mut last = 0.0;
    for rho in [1e-4, 1e-2, 0.1, 1.0, 10.0, 1e3] {
        let solution = solve(&problem, &Options::new(0.05, rho));
        let mass = solution.values().mass;
        assert!(mass > last && mass < 1.0 + 1e-9, "{rho}: {mass} after {last}");
        last = mass;
    }
    assert!(solve(&problem, &Options::new(0.05, 1e-4)).values().mass < 1e-8 && last > 0.99);
}

#[test]
fn costs_epsilon_and_prices_scale_together() {
    let costs = Matrix::from_fn(8, 9, |i, j| ((7 * i + 4 * j) % 11) as f64 * 0.2);
    let base = solve(&Problem::from_costs(&costs), &Options::new(0.1, 0.7).with_tolerance(1e-12));
    for scale in [1e-8, 1e8] {
        let scaled = costs.map(|cost| cost * scale);
        let options = Options::new(0.1 * scale, 0.7 * scale).with_tolerance(1e-12);
        let solution = solve(&Problem::from_costs(&scaled), &options);
        let (p, q) = (base.plan.to_matrix(), solution.plan.to_matrix());
        p.as_slice().iter().zip(q.as_slice()).for_each(|(p, q)| assert!((p - q).abs() < 1e-12));
        let (one, other) = (base.values().primal, solution.values().primal);
        assert!((one * scale - other).abs() < 1e-12 * other.abs());
    }
}

#[test]
fn single_precision_is_finished_in_double() {
    let mut random = RandomStream::new(21);
    let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(200, 2), random.normal_matrix(150, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
        .with_source_weights(&[0.01_f32; 200])
        .with_target_weights(&[0.03_f32; 150]);
    for rho in [0.3, 1e4] {
        let options = Options::new(0.05, rho).with_tolerance(1e-9);
        let automatic = solve(&problem, &options);
        assert!(automatic.is_converged() && automatic.finished_in_double, "{}", automatic.status);
        let single = solve(&problem, &options.clone().with_precision(Precision::Single));
        assert!(!single.finished_in_double && single.residual < 1e-4, "{}", single.residual);
        let (automatic, single) = (automatic.values(), single.values());
        assert!(single.gap >= 0.0 && automatic.gap >= 0.0);
        // Both bounds hold, whatever the arithmetic was.
        assert!(single.dual <= automatic.primal + 1e-9 * automatic.primal.abs());
        assert!(automatic.dual <= single.primal + 1e-9 * automatic.primal.abs());
        assert!((single.primal - automatic.primal).abs() < 1e-3 * automatic.primal.abs());
    }
}

#[test]
#[cfg(feature = "parallel")]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let mut random = RandomStream::new(2);
    let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(700, 2), random.normal_matrix(600, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let solution = solve(&problem, &Options::new(0.1, 1.0));
            (solution.source_potentials().to_vec(), solution.values())
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn the_divergence_vanishes_for_equal_clouds_only() {
    let mut random = RandomStream::new(5);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(30, 2), random.normal_matrix(20, 2));
    let options = Options::new(0.5, 2.0).with_tolerance(1e-10);
    let between = |x: &Matrix<f64>, y: &Matrix<f64>, a: &[f64], b: &[f64]| {
        let problem = Problem::from_points(x, y, Distance::SquaredEuclidean)
            .with_source_weights(a)
            .with_target_weights(b);
        unbalanced::divergence(&problem, &options).unwrap()
    };
    let (a, b) = (vec![0.1; 30], vec![0.1; 20]);
    let same = between(&x, &x, &a, &a);
    assert!(same.value.abs() < 1e-12 && same.error < 1e-12, "{same:?}");
    let other = between(&x, &y, &a, &b);
    assert!(other.value > 0.01 + other.error);
    let back = between(&y, &x, &b, &a);
    assert!((back.value - other.value).abs() < other.error + back.error + 1e-12);
    // Twice the weight on the same points: only the masses differ.
    let heavier = between(&x, &x, &a, &[0.2; 30]);
    assert!(heavier.value > 0.01);
    // Far apart, OT is all destruction: S tends to ρ (m(a) + m(b)) - (self-terms), more than for near clouds.
    let far = y.map(|v| v + 100.0);
    assert!(between(&x, &far, &a, &b).value > other.value);
    let costs = Matrix::from_rows([[0.0]]);
    let refused = unbalanced::divergence(&Problem::from_costs(&costs), &options);
    assert!(matches!(refused, Err(Error::PointsNeeded { .. })));
}

#[test]
fn bad_input_is_named() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let problem = Problem::from_costs(&costs);
    for rho in [0.0, -1.0, f64::NAN] {
        let error = unbalanced::solve(&problem, 0.1, rho).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "source_relaxation", .. }), "{error}");
    }
    for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = unbalanced::solve(&problem, epsilon, 1.0).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "epsilon", .. }), "{error}");
    }
    let single = costs.cast::<f32>();
    let error = unbalanced::solve(&Problem::from_costs(&single), 1e-42, 1.0).unwrap_err();
    assert!(matches!(error, Error::Argument { name: "epsilon", .. }), "{error}");
    let heavy = problem.clone().with_source_weights(&[1.0, 2.0]);
    assert!(matches!(unbalanced::solve(&heavy, 0.1, f64::INFINITY).unwrap_err(), Error::MassMismatch { .. }));
    assert!(unbalanced::solve(&heavy, 0.1, 1.0).is_ok());
    let error = unbalanced::solve(&problem.clone().with_source_weights(&[1.0]), 0.1, 1.0).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let error = unbalanced::solve(&problem.clone().with_target_weights(&[0.0, 0.0]), 0.1, 1.0).unwrap_err();
    assert!(matches!(error, Error::ZeroMass { what: "target weights" }), "{error}");
    let error = unbalanced::solve(&problem.with_target_weights(&[1e200, 1.0]), 0.1, 1.0).map(|_| ());
    assert!(error.is_ok(), "a product of masses of 1e200 is a number");
    let empty: Matrix<f64> = Matrix::zeros(0, 2);
    assert!(matches!(
        unbalanced::solve(&Problem::from_costs(&empty), 0.1, 1.0).unwrap_err(),
        Error::Empty { .. }
    ));
    let negative = Matrix::from_rows([[-1e4]]);
    let error = unbalanced::solve(&Problem::from_costs(&negative), 1.0, 1.0).unwrap_err();
    assert!(matches!(error, Error::Argument { name: "the mass of the plan", .. }), "{error}");
}

#[test]
fn extreme_costs_make_a_plan_without_mass_and_no_nan() {
    for cost in [1e30, 1e300] {
        let costs = Matrix::from_rows([[cost, cost], [cost, cost]]);
        let solution = solve(&Problem::from_costs(&costs), &Options::new(1.0, 1.0));
        let values = solution.values();
        assert_eq!(values.mass, 0.0);
        // ρ (1 + 1) + ε: everything is destroyed.
        assert!((values.primal - 3.0).abs() < 1e-12 && values.gap.abs() < 1e-12, "{values:?}");
    }
    let costs = Matrix::from_rows([[0.0, 1e30], [1e30, 0.0]]);
    for precision in [Precision::Single, Precision::Double] {
        let solution = solve(&Problem::from_costs(&costs), &Options::new(0.1, 1.0).with_precision(precision));
        let plan = solution.plan.to_matrix();
        let logarithm = (0.1 * 0.25_f64.ln() + 2.0 * 0.5_f64.ln()) / 2.1;
        assert!((plan[(0, 0)] - logarithm.exp()).abs() < 1e-6 && plan[(0, 1)] == 0.0);
    }
}

#[test]
fn an_observer_stops_and_a_limit_is_a_status() {
    let mut random = RandomStream::new(4);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(30, 2), random.normal_matrix(20, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let options = Options::new(0.01, 10.0).with_tolerance(0.0).with_max_iterations(7);
    let limited = solve(&problem, &options);
    assert_eq!((limited.status, limited.iterations, limited.residuals.len()), (Status::IterationLimit, 7, 7));
    let values = limited.values();
    assert!(values.gap > 0.0 && ((values.primal - values.dual) - values.gap).abs() < 1e-12 * values.primal);
    let stopped = unbalanced::solve_with(&problem, &options, &mut |progress| {
        if progress.iterations == 3 {
            std::ops::ControlFlow::Break(())
        } else {
            std::ops::ControlFlow::Continue(())
        }
    })
    .unwrap();
    assert_eq!((stopped.status, stopped.iterations), (Status::Stopped, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_certificate_holds_and_the_conditions_are_met(
        seed in 0_u64..1000,
        (n, m) in (1_usize..14, 1_usize..14),
        epsilon in prop_oneof![Just(0.05), Just(0.3), Just(5.0)],
        by_source in prop_oneof![Just(f64::INFINITY), 0.01..100.0_f64],
        by_target in 0.01..100.0_f64,
        swap in any::<bool>(),
        masses in (-3..3_i32, -3..3_i32),
    ) {
        let mut random = RandomStream::new(seed);
        let costs = random.uniform_matrix::<f64>(n, m).map(|cost| 4.0 * cost - 0.5);
        let mut weigh = |count: usize, power: i32| -> Vec<f64> {
            let mut weights: Vec<f64> = (0..count).map(|_| random.uniform::<f64>() * 10.0_f64.powi(power)).collect();
            for k in (2..count).step_by(3) {
                weights[k] = 0.0;
            }
            weights
        };
        let (a, b) = (weigh(n, masses.0), weigh(m, masses.1));
        let rho = if swap { [by_target, by_source] } else { [by_source, by_target] };
        let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
        let options = Options::new(epsilon, rho[0])
            .with_target_relaxation(rho[1])
            .with_tolerance(1e-9)
            .with_max_iterations(1_000_000);
        let solution = solve(&problem, &options);
        prop_assert!(solution.is_converged(), "{} after {}", solution.status, solution.iterations);
        let values = solution.values();
        let size = values.primal.abs() + values.dual.abs() + epsilon * a.iter().sum::<f64>() * b.iter().sum::<f64>();
        // The residual is 1e-9 of the mass, the gap about its square times ρ; the two values are rounded.
        prop_assert!((values.primal - values.dual - values.gap).abs() <= 1e-12 * size * (1.0 + 4.0 / epsilon));
        prop_assert!(values.gap.abs() <= 1e-9 * size, "{:e} of {size}", values.gap);
        let (rows, columns) = solution.plan.marginals();
        for (marginal, weights, potentials, rho) in [
            (&rows, &a, solution.source_potentials(), rho[0]),
            (&columns, &b, solution.target_potentials(), rho[1]),
        ] {
            for ((&r, &w), &p) in marginal.iter().zip(weights).zip(potentials) {
                let wanted = if rho == f64::INFINITY { w } else { w * (-p / rho).exp() };
                prop_assert!((r - wanted).abs() <= 1e-8 * values.mass.max(w), "{r} {wanted}");
            }
        }
    }
}

/// The least cost of a feasible plan near this one, every term by its formula: rows scaled to the weights.
fn value_of_scaled_rows(
    plan: &Matrix<f64>,
    costs: &Matrix<f64>,
    a: &[f64],
    b: &[f64],
    epsilon: f64,
    by_target: f64,
) -> f64 {
    let (n, m) = plan.shape();
    let mut columns = vec![0.0; m];
    let mut value = 0.0;
    for i in 0..n {
        let row: f64 = plan.row(i).iter().sum();
        for j in 0..m {
            let (p, q) = (plan[(i, j)] * a[i] / row, a[i] * b[j]);
            columns[j] += p;
            value += p * costs[(i, j)] + epsilon * (if p > 0.0 { p * (p / q).ln() } else { 0.0 } - p + q);
        }
    }
    let prices = columns.iter().zip(b).map(|(c, b)| by_target * (c * (c / b).ln() - c + b));
    value + prices.sum::<f64>()
}

#[test]
fn the_gap_is_a_bound_where_one_side_is_exact_and_the_other_dear() {
    let mut random = RandomStream::new(3);
    let normal: Matrix<f64> = random.normal_matrix(5, 5);
    let costs = normal.map(|z| z * z);
    let (a, b) = (vec![0.2; 5], vec![4.0; 5]);
    let (epsilon, dear) = (0.1, 1e6);
    let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
    let options = Options::new(epsilon, 1.0)
        .with_source_relaxation(f64::INFINITY)
        .with_target_relaxation(dear)
        .with_tolerance(1e-6);
    let solution = unbalanced::solve_with(&problem, &options, &mut run_to_the_end).unwrap();
    let values = solution.values();
    let feasible = value_of_scaled_rows(&solution.plan.to_matrix(), &costs, &a, &b, epsilon, dear);
    // The reference is rounded like its terms, of which the mass that is lost is the largest.
    let rounding = 64.0 * f64::EPSILON * feasible.abs();
    assert!(values.gap > 0.0 && values.gap < 1e-6 * values.dual, "{values:?}");
    assert!(feasible <= values.dual + values.gap + rounding, "{feasible} {values:?}");
    assert!(values.dual <= feasible + values.gap + rounding, "{feasible} {values:?}");
    // The sides may be swapped.
    let transposed = costs.transposed();
    let problem = Problem::from_costs(&transposed).with_source_weights(&b).with_target_weights(&a);
    let options = options.with_source_relaxation(dear).with_target_relaxation(f64::INFINITY);
    let swapped = unbalanced::solve_with(&problem, &options, &mut run_to_the_end).unwrap().values();
    assert!(swapped.gap > 0.0 && swapped.gap < 1e-6 * swapped.dual, "{swapped:?}");
    assert!((swapped.dual - values.dual).abs() <= swapped.gap + values.gap, "{values:?} {swapped:?}");
}

#[test]
fn gaps_are_not_negative_at_huge_epsilon() {
    let costs = Matrix::from_rows([[0.0, 1.0, 0.3], [1.0, 0.0, 0.9], [0.2, 0.5, 0.1]]);
    for epsilon in [1e6, 1e12, 1e17] {
        for by_target in [1.0, f64::INFINITY] {
            let options = Options::new(epsilon, 1.0)
                .with_source_relaxation(f64::INFINITY)
                .with_target_relaxation(by_target);
            let values = unbalanced::solve_with(&Problem::from_costs(&costs), &options, &mut run_to_the_end)
                .unwrap()
                .values();
            // The mean cost is what a plan without information costs: 4/9; that bounds the optimum from above.
            let most = costs.as_slice().iter().sum::<f64>() / 9.0;
            assert!(values.gap >= 0.0, "{epsilon} {values:?}");
            assert!(values.dual <= most + values.gap, "{epsilon} {values:?}");
        }
    }
}

#[test]
fn a_divergence_says_how_it_ended_and_may_be_stopped() {
    let mut random = RandomStream::new(5);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(30, 2), random.normal_matrix(20, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let options = Options::new(0.05, 2.0).with_tolerance(1e-10);
    assert_eq!(unbalanced::divergence(&problem, &options).unwrap().status, Status::Converged);
    let limited = unbalanced::divergence(&problem, &options.clone().with_max_iterations(2)).unwrap();
    assert_eq!(limited.status, Status::IterationLimit);
    let mut looks = 0;
    let stopped = unbalanced::divergence_with(&problem, &options, &mut |_| {
        looks += 1;
        if looks < 3 { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
    });
    let stopped = stopped.unwrap();
    assert_eq!((stopped.status, stopped.iterations), (Status::Stopped, 5));
}
