//! Exact transport against an independent solver, closed forms, and its own certificate on problems of every structure.

mod independent;

use brenier::matrix::Distance;
use brenier::ot::exact::{self, Options, Solution};
use brenier::ot::{Problem, Status};
use brenier::{Error, Matrix};
use independent::least_cost;
use proptest::prelude::*;
use std::ops::ControlFlow;

/// What every optimal answer must satisfy, checked from the parts and not taken from the certificate.
fn assert_proved(solution: &Solution, costs: &Matrix<f64>, source: &[f64], target: &[f64]) {
    let (n, m) = (costs.rows(), costs.columns());
    let certificate = &solution.certificate;
    let mass: f64 = source.iter().sum();
    // A plan that costs no more than the rounding of the masses times the largest cost may be told to be just that: its gap is
    // rounding too.
    let largest_cost = costs.as_slice().iter().fold(0.0_f64, |largest, cost| largest.max(cost.abs()));
    let is_rounding = certificate.primal_cost.abs() <= 64.0 * f64::EPSILON * largest_cost * mass;
    assert!(
        certificate.status == Status::Optimal || (certificate.status == Status::Inaccurate && is_rounding),
        "{certificate}"
    );
    assert_eq!(certificate.tolerance, 1e-13);
    let entries = solution.plan.entries();
    assert!(entries.len() < n + m, "{} entries", entries.len());

    // Masses are rounded once each: n + m rounding errors of the total mass.
    let slack = 4.0 * (n + m) as f64 * f64::EPSILON * mass + (mass - target.iter().sum::<f64>()).abs();
    for (marginal, weights) in
        [(solution.plan.source_marginal(), source), (solution.plan.target_marginal(), target)]
    {
        for (index, (got, want)) in marginal.iter().zip(weights).enumerate() {
            assert!((got - want).abs() <= slack, "marginal {index}: {got} instead of {want}");
        }
    }
    let (f, g) = (&solution.source_potentials, &solution.target_potentials);
    // Potentials are sums of costs along paths: those that cancel keep the rounding of the largest.
    let largest = f.iter().chain(g).fold(0.0_f64, |largest, potential| largest.max(potential.abs()));
    let rounding = 16.0 * f64::EPSILON * largest;
    for i in 0..n {
        for j in 0..m {
            let size = costs[(i, j)].abs() + f[i].abs() + g[j].abs();
            assert!(f[i] + g[j] - costs[(i, j)] <= 1e-13 * size + rounding, "pair ({i}, {j})");
        }
    }
    let mut scale = 0.0;
    for entry in entries {
        assert!(entry.mass > 0.0);
        let (cost, f, g) = (costs[(entry.source, entry.target)], f[entry.source], g[entry.target]);
        let size = cost.abs() + f.abs() + g.abs();
        assert!(
            (cost - f - g).abs() <= (n + m) as f64 * f64::EPSILON * size + 1e-300,
            "slack on the support"
        );
        scale += entry.mass * size;
    }
    assert!(certificate.gap.abs() <= 1e-12 * scale + 1e-300, "{certificate}");
}

/// The same in everything but what the report says, which counts seconds.
fn assert_same_answer(one: &Solution, other: &Solution) {
    assert_eq!(one.plan, other.plan);
    assert_eq!(one.source_potentials, other.source_potentials);
    assert_eq!(one.target_potentials, other.target_potentials);
    assert_eq!(one.certificate, other.certificate);
}

/// Costs of many kinds: small integers (ties), reals, negative ones, constants, points on a grid, duplicates.
fn cost_entries(kind: usize, n: usize, m: usize, numbers: &[f64]) -> Vec<Vec<f64>> {
    let number = |k: usize| numbers[k % numbers.len()];
    let point = |k: usize| [(number(2 * k) * 4.0).floor(), (number(2 * k + 1) * 4.0).floor()];
    (0..n)
        .map(|i| {
            (0..m)
                .map(|j| {
                    let u = number(i * m + j);
                    match kind {
                        0 => (u * 3.0).floor(),
                        1 => u,
                        2 => (u * 11.0).floor() - 5.0,
                        3 => 7.0,
                        4 => {
                            let (x, y) = (point(i), point(n + j));
                            (x[0] - y[0]).powi(2) + (x[1] - y[1]).powi(2)
                        }
                        5 => 10.0_f64.powf(8.0 * u - 4.0).round(),
                        6 => (i as f64 - j as f64).abs(),
                        _ => (i as f64 - number(j)) * (j as f64 - number(i)),
                    }
                })
                .collect()
        })
        .collect()
}

/// Integer weights of many kinds with equal sums.
fn weights(kind: usize, n: usize, m: usize, numbers: &[f64]) -> (Vec<i64>, Vec<i64>) {
    let draw = |offset: usize, count: usize| -> Vec<i64> {
        (0..count)
            .map(|k| {
                let u = numbers[(offset + 3 * k) % numbers.len()];
                match kind {
                    0 => 1,
                    1 => (u * 4.0) as i64,
                    2 => 1 + (u * 1000.0) as i64,
                    _ => 10.0_f64.powf(6.0 * u) as i64,
                }
            })
            .collect()
    };
    let (mut source, mut target) = (draw(1, n), draw(2, m));
    source[0] += 1;
    target[0] += 1;
    let (a, b) = (source.iter().sum::<i64>(), target.iter().sum::<i64>());
    // Crossed totals make the sums equal.
    source.iter_mut().for_each(|units| *units *= b);
    target.iter_mut().for_each(|units| *units *= a);
    (source, target)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn small_problems_agree_with_an_independent_solver(
        n in 1_usize..9,
        m in 1_usize..9,
        cost_kind in 0_usize..8,
        weight_kind in 0_usize..4,
        numbers in prop::collection::vec(0.0..1.0_f64, 61),
    ) {
        let entries = cost_entries(cost_kind, n, m, &numbers);
        let (supply, demand) = weights(weight_kind, n, m, &numbers);
        let expected = least_cost(&supply, &demand, &entries);
        let costs = Matrix::from_fn(n, m, |i, j| entries[i][j]);
        let (a, b): (Vec<f64>, Vec<f64>) =
            (supply.iter().map(|&u| u as f64).collect(), demand.iter().map(|&u| u as f64).collect());
        let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
        let solution = exact::solve(&problem).unwrap();
        assert_proved(&solution, &costs, &a, &b);
        let size: f64 = a.iter().sum::<f64>() * entries.iter().flatten().fold(0.0_f64, |l, c| l.max(c.abs()));
        prop_assert!((solution.cost() - expected).abs() <= 1e-11 * size, "{} {}", solution.cost(), expected);
        prop_assert_eq!(exact::transport_cost(&problem).unwrap().to_bits(), solution.cost().to_bits());

        // The transposed problem costs the same; weights as fractions too.
        let transposed = Matrix::from_fn(m, n, |j, i| entries[i][j]);
        let total: f64 = a.iter().sum();
        let (a, b): (Vec<f64>, Vec<f64>) =
            (a.iter().map(|u| u / total).collect(), b.iter().map(|u| u / total).collect());
        let problem = Problem::from_costs(&transposed).with_source_weights(&b).with_target_weights(&a);
        let solution = exact::solve(&problem).unwrap();
        assert_proved(&solution, &transposed, &b, &a);
        prop_assert!((solution.cost() * total - expected).abs() <= 1e-11 * size);
    }

    #[test]
    fn forbidden_pairs_are_avoided_wherever_that_is_possible(
        n in 2_usize..8,
        numbers in prop::collection::vec(0.0..1.0_f64, 97),
        share in 0.1..0.95_f64,
        large in prop::sample::select(vec![1e12, 1e20, 1e32, 1e100, 1e300]),
    ) {
        // The diagonal is allowed, so a plan without forbidden pairs exists.
        let forbidden = |i: usize, j: usize| i != j && numbers[(i * n + j) % 97] < share;
        let cost = |i: usize, j: usize| numbers[(i * n + j + 41) % 97];
        let costs = Matrix::from_fn(n, n, |i, j| if forbidden(i, j) { large } else { cost(i, j) });
        let moderate: Vec<Vec<f64>> =
            (0..n).map(|i| (0..n).map(|j| if forbidden(i, j) { 1e4 } else { cost(i, j) }).collect()).collect();
        let expected = least_cost(&vec![1; n], &vec![1; n], &moderate) / n as f64;
        let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
        prop_assert_eq!(solution.certificate.status, Status::Optimal);
        prop_assert!((solution.cost() - expected).abs() <= 1e-12, "{} {}", solution.cost(), expected);
        prop_assert!(solution.plan.entries().iter().all(|entry| !forbidden(entry.source, entry.target)));
        prop_assert!(solution.certificate.gap.abs() < 1e-9);
    }
}

/// A fixed stream of numbers in (0, 1).
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }
}

/// Clouds of every structure: spread, on a line, on a grid, in clusters, with duplicates, with far outliers.
fn cloud(kind: usize, points: usize, seed: u64) -> Matrix<f64> {
    let mut next = numbers(seed);
    Matrix::from_fn(points, 2, |i, k| match kind {
        0 => next(),
        1 => (1 - k) as f64 * next(),
        2 => (next() * 7.0).floor(),
        3 => ((i % 3) * 100) as f64 + next(),
        4 => ((i / 5) * 7 % 11) as f64,
        _ => (next() - 0.5).powi(-3),
    })
}

#[test]
fn clouds_of_every_structure_come_with_their_proof() {
    for kind in 0..6 {
        for (n, m) in [(120, 120), (150, 70), (1, 90), (200, 3)] {
            for weighted in [false, true] {
                let (x, y) = (cloud(kind, n, 7), cloud(kind, m, 8));
                let mut next = numbers(9);
                let mut weights = |count: usize| -> Vec<f64> {
                    let raw: Vec<f64> = (0..count)
                        .map(|k| if weighted && k % 4 == 3 { 0.0 } else { next().powi(8) })
                        .collect();
                    let total: f64 = raw.iter().sum();
                    raw.iter()
                        .map(|weight| if weighted { weight / total } else { 1.0 / count as f64 })
                        .collect()
                };
                let (a, b) = (weights(n), weights(m));
                for distance in [Distance::SquaredEuclidean, Distance::Euclidean, Distance::Chebyshev] {
                    let problem = Problem::from_points(&x, &y, distance)
                        .with_source_weights(&a)
                        .with_target_weights(&b);
                    let solution = exact::solve(&problem).unwrap();
                    let costs = Matrix::from_fn(n, m, |i, j| {
                        let (u, v) = (x[(i, 0)] - y[(j, 0)], x[(i, 1)] - y[(j, 1)]);
                        match distance {
                            Distance::SquaredEuclidean => u * u + v * v,
                            Distance::Euclidean => u.hypot(v),
                            _ => u.abs().max(v.abs()),
                        }
                    });
                    assert_proved(&solution, &costs, &a, &b);
                }
            }
        }
    }
}

#[test]
fn points_on_the_fly_and_a_matrix_of_the_same_costs_agree() {
    // More than 2^22 pairs, so that the costs are computed as they are needed.
    let (x, y) = (cloud(0, 2100, 1), cloud(0, 2000, 2));
    let on_the_fly = exact::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean)).unwrap();
    let costs = Matrix::from_fn(2100, 2000, |i, j| {
        let (a, b) = (x[(i, 0)] - y[(j, 0)], x[(i, 1)] - y[(j, 1)]);
        a * a + b * b
    });
    let given = exact::solve(&Problem::from_costs(&costs)).unwrap();
    assert!(on_the_fly.certificate.is_optimal() && given.certificate.is_optimal());
    assert!((on_the_fly.cost() - given.cost()).abs() <= 1e-13 * given.cost());
}

#[test]
fn single_precision_costs_are_solved_in_double_precision() {
    let mut next = numbers(3);
    let narrow = Matrix::from_fn(60, 40, |_, _| next() as f32);
    let wide = Matrix::from_fn(60, 40, |i, j| f64::from(narrow[(i, j)]));
    let (a, b) = (exact::solve(&Problem::from_costs(&narrow)), exact::solve(&Problem::from_costs(&wide)));
    assert_same_answer(&a.unwrap(), &b.unwrap());
}

#[test]
fn a_planted_permutation_is_found() {
    let n = 500;
    let mut next = numbers(4);
    let mut permutation: Vec<usize> = (0..n).collect();
    for k in (1..n).rev() {
        permutation.swap(k, (next() * (k + 1) as f64) as usize);
    }
    let costs = Matrix::from_fn(n, n, |i, j| if permutation[i] == j { 0.0 } else { 1e-3 + next() });
    let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
    assert_eq!(solution.cost(), 0.0);
    assert!(solution.plan.largest_targets().iter().zip(&permutation).all(|(got, want)| *got == Some(*want)));
}

#[test]
fn the_gradient_of_a_convex_function_is_the_optimal_map() {
    // y = A x with A symmetric and positive: the identity pairing is optimal for the squared distance.
    let x = cloud(0, 300, 5);
    let y = Matrix::from_fn(300, 2, |i, k| {
        let (u, v) = (x[(i, 0)], x[(i, 1)]);
        if k == 0 { 3.0 * u + v } else { u + 2.0 * v }
    });
    let solution = exact::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean)).unwrap();
    let identity: f64 =
        (0..300).map(|i| (x[(i, 0)] - y[(i, 0)]).powi(2) + (x[(i, 1)] - y[(i, 1)]).powi(2)).sum::<f64>()
            / 300.0;
    assert!((solution.cost() - identity).abs() <= 1e-13 * identity);
}

#[test]
fn gaussian_histograms_on_a_line_cost_the_distance_of_their_means() {
    // Widths 5 on bins wide enough apart from the ends: the cost |x - y| of a shift is the shift, 100.
    let histogram = |bins: usize, mean: f64| -> Vec<f64> {
        let raw: Vec<f64> = (0..bins).map(|k| (-0.5 * ((k as f64 - mean) / 5.0).powi(2)).exp()).collect();
        let total: f64 = raw.iter().sum();
        raw.iter().map(|weight| weight / total).collect()
    };
    let (a, b) = (histogram(500, 300.0), histogram(600, 400.0));
    let costs = Matrix::from_fn(500, 600, |i, j| (i as f64 - j as f64).abs());
    let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
    let solution = exact::solve(&problem).unwrap();
    assert!(solution.certificate.is_optimal());
    assert!((solution.cost() - 100.0).abs() < 1e-11, "{}", solution.cost());
    // Most of the tails weigh less than the quantum of mass, and the certificate says so.
    assert!(!solution.certificate.negligible_source_weights.is_empty());
}

#[test]
fn the_values_of_the_smallest_problem_are_right() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
    assert_eq!(solution.plan.to_matrix(), Matrix::from_rows([[0.5, 0.0], [0.0, 0.5]]));
    assert_eq!(solution.cost(), 0.0);
    let one = Matrix::from_rows([[3.5]]);
    let solution =
        exact::solve(&Problem::from_costs(&one).with_source_weights(&[2.0]).with_target_weights(&[2.0]));
    assert_eq!(solution.unwrap().cost(), 7.0);
}

#[test]
fn costs_near_the_ends_of_the_range_are_solved() {
    let mut next = numbers(6);
    let base = Matrix::from_fn(30, 20, |_, _| next());
    let reference = exact::solve(&Problem::from_costs(&base)).unwrap();
    for scale in [2.0_f64.powi(996), 2.0_f64.powi(-1000), 1e200, 1e-200] {
        let costs = Matrix::from_fn(30, 20, |i, j| base[(i, j)] * scale);
        let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
        assert!(solution.certificate.is_optimal(), "{scale:e}: {}", solution.certificate);
        assert!((solution.cost() / scale - reference.cost()).abs() <= 1e-12 * reference.cost(), "{scale:e}");
    }
}

#[test]
fn a_million_to_one_and_more_between_weights() {
    let mut next = numbers(7);
    let costs = Matrix::from_fn(40, 50, |_, _| next());
    let raw: Vec<f64> = (0..40).map(|k| 10.0_f64.powi(k % 13 - 12)).collect();
    let total: f64 = raw.iter().sum();
    let a: Vec<f64> = raw.iter().map(|w| w / total).collect();
    let problem = Problem::from_costs(&costs).with_source_weights(&a);
    let solution = exact::solve(&problem).unwrap();
    assert_proved(&solution, &costs, &a, &[0.02; 50]);
    for (got, want) in solution.plan.source_marginal().iter().zip(&a) {
        // Each weight is off by less than one quantum of mass, not by rounding of the whole.
        assert!((got - want).abs() <= 2.0_f64.powi(-59) + 8.0 * f64::EPSILON * want, "{got:e} {want:e}");
    }
}

#[test]
fn bad_input_is_named() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let problem = || Problem::from_costs(&costs);
    let solve = |problem: Problem<'_, f64>| exact::solve(&problem).unwrap_err();

    let error = solve(problem().with_source_weights(&[0.5, f64::NAN]));
    assert!(matches!(error, Error::NotFinite { what: "source weights", index: 1, value } if value.is_nan()));
    let error = solve(problem().with_target_weights(&[f64::INFINITY, 0.5]));
    assert!(matches!(error, Error::NotFinite { what: "target weights", index: 0, .. }));
    assert_eq!(
        solve(problem().with_source_weights(&[1.5, -0.5])),
        Error::Negative { what: "source weights", index: 1, value: -0.5 }
    );
    assert_eq!(solve(problem().with_source_weights(&[0.0, 0.0])), Error::ZeroMass { what: "source weights" });
    let error = solve(problem().with_source_weights(&[1.0]));
    assert!(matches!(error, Error::Shape { what: "number of source weights", expected: 2, got: 1, .. }));
    let error = solve(problem().with_source_weights(&[0.5, 0.6]));
    assert!(matches!(error, Error::MassMismatch { .. }), "{error}");
    // Sums far beyond the range of f64 are refused, not turned into infinity.
    let error = solve(problem().with_source_weights(&[f64::MAX, f64::MAX]));
    assert!(matches!(error, Error::Argument { .. }), "{error}");

    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let costs = Matrix::from_rows([[0.0, 1.0], [value, 0.0]]);
        let error = exact::solve(&Problem::from_costs(&costs)).unwrap_err();
        assert!(matches!(error, Error::NotFiniteEntry { row: 1, column: 0, .. }), "{error}");
    }
    let empty = Matrix::<f64>::zeros(0, 3);
    assert_eq!(exact::solve(&Problem::from_costs(&empty)).unwrap_err(), Error::Empty { what: "the source" });
    let empty = Matrix::<f64>::zeros(3, 0);
    assert_eq!(exact::solve(&Problem::from_costs(&empty)).unwrap_err(), Error::Empty { what: "the target" });
    let (x, y) = (Matrix::<f64>::zeros(3, 2), Matrix::<f64>::zeros(3, 5));
    let error = exact::solve(&Problem::from_points(&x, &y, Distance::Euclidean)).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }), "{error}");
    let bad = Matrix::from_rows([[0.0, f64::NAN]]);
    let error = exact::solve(&Problem::from_points(&bad, &bad, Distance::Euclidean)).unwrap_err();
    assert!(matches!(error, Error::NotFiniteEntry { row: 0, column: 1, .. }), "{error}");
    for tolerance in [0.0, -1.0, 1e-15, f64::NAN, 1.0] {
        let options = Options::default().with_tolerance(tolerance);
        let error = exact::solve_with(&problem(), &options, &mut |_| ControlFlow::Continue(())).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "tolerance", .. }), "{error}");
    }
}

#[test]
fn small_differences_of_mass_are_taken_and_listed() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let problem = Problem::from_costs(&costs).with_source_weights(&[0.5, 0.5 + 1e-11]);
    let certificate = exact::solve(&problem).unwrap().certificate;
    assert!(certificate.is_optimal());
    assert!((certificate.mass_adjustment + 1e-11).abs() < 1e-15);
    assert!(certificate.target_marginal_error <= 1.1e-11);
    // Single precision explains more: a thousand normalised weights.
    let narrow: Vec<f32> = vec![0.1; 10];
    let costs = Matrix::from_fn(10, 10, |i, j| (i as f64 - j as f64).abs());
    let problem = Problem::from_costs(&costs).with_source_weights(&narrow);
    assert!(exact::solve(&problem).unwrap().certificate.is_optimal());
}

#[test]
fn a_limit_leaves_a_feasible_plan_with_its_gap() {
    let (x, y) = (cloud(0, 200, 1), cloud(3, 200, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let best = exact::solve(&problem).unwrap();
    for limit in [0, 1, 50] {
        let options = Options::default().with_max_iterations(limit);
        let solution = exact::solve_with(&problem, &options, &mut |_| ControlFlow::Continue(())).unwrap();
        let certificate = &solution.certificate;
        assert_eq!(certificate.status, Status::IterationLimit);
        assert!(certificate.source_marginal_error < 1e-14 && certificate.target_marginal_error < 1e-14);
        assert!(solution.cost() >= best.cost() * (1.0 - 1e-14));
        assert!(certificate.dual_value <= best.cost() * (1.0 + 1e-14), "a bound from below: {certificate}");
        assert!(certificate.dual_violation <= 1e-12 * best.cost());
        assert_eq!(certificate.iterations, limit);
    }
}

#[test]
fn an_observer_stops_the_solver() {
    let (x, y) = (cloud(0, 400, 1), cloud(3, 400, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let mut calls = 0;
    let solution = exact::solve_with(&problem, &Options::default(), &mut |progress| {
        calls += 1;
        assert!(!progress.stage.is_empty());
        ControlFlow::Break(())
    });
    let certificate = solution.unwrap().certificate;
    assert_eq!((calls, certificate.status), (1, Status::Stopped));
    assert!(certificate.gap > 0.0 && certificate.target_marginal_error < 1e-14);
}

/// The whole answer, certificate included, from pools of several sizes.
#[cfg(feature = "parallel")]
#[test]
fn the_number_of_threads_changes_no_bit() {
    // More than 2^22 pairs on the fly, and sweeps long enough to be cut into chunks.
    let (x, y) = (cloud(0, 1500, 11), cloud(3, 2900, 12));
    let problem = Problem::from_points(&x, &y, Distance::Euclidean);
    let answers: Vec<Solution> = [1, 2, 5]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| exact::solve(&problem).unwrap())
        })
        .collect();
    assert!(answers[0].certificate.is_optimal());
    answers.iter().for_each(|answer| assert_same_answer(answer, &answers[0]));
}

#[test]
fn answers_travel_between_threads() {
    fn check<A: Send + Sync>() {}
    check::<Solution>();
    check::<Error>();
    check::<Problem<'static, f32>>();
}
