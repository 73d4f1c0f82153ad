//! The accelerated method: the same answers as plain iterations, with few looks at the costs, also where plain iterations never arrive.

use brenier::Matrix;
use brenier::matrix::{Distance, pairwise};
use brenier::ot::sinkhorn::{self, Epsilon, Method, Options, Precision, Solution};
use brenier::ot::{Problem, Status, exact};
use brenier::random::RandomStream;
use std::ops::ControlFlow;

fn solve<'a>(problem: &Problem<'a, f64>, options: &Options) -> Solution<'a> {
    sinkhorn::solve_with(problem, options, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// The L1 error of both marginals over the mass, from the plan itself.
fn true_error(solution: &Solution<'_>) -> f64 {
    let (rows, columns) = solution.plan.marginals();
    let off = |marginal: &[f64], weights: &[f64]| -> f64 {
        marginal.iter().zip(weights).map(|(marginal, weight)| (marginal - weight).abs()).sum()
    };
    let mass: f64 = solution.plan.source_weights().iter().sum();
    (off(&rows, solution.plan.source_weights()) + off(&columns, solution.plan.target_weights())) / mass
}

/// Two clouds of several kinds and their weights.
fn clouds(kind: usize, n: usize, m: usize) -> (Matrix<f64>, Matrix<f64>, Vec<f64>, Vec<f64>) {
    let mut random = RandomStream::new(40 + kind as u64);
    let d = [2, 16, 3, 2][kind];
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(n, d), random.normal_matrix(m, d));
    let shape = |points: &Matrix<f64>, shift: f64| {
        Matrix::from_fn(points.rows(), d, |i, k| match kind {
            // Three clusters.
            2 => 0.1 * points[(i, k)] + 4.0 * ((i % 3) as f64) + 0.3 * shift,
            _ => points[(i, k)] + shift,
        })
    };
    let uniform: Matrix<f64> = random.uniform_matrix(2, n.max(m));
    let weights = |side: usize, count: usize| -> Vec<f64> {
        let given: Vec<f64> = (0..count)
            .map(|i| if kind == 3 { 10.0_f64.powf(-6.0 * uniform[(side, i)]) } else { 1.0 })
            .collect();
        let total: f64 = given.iter().sum();
        given.iter().map(|weight| weight / total).collect()
    };
    (shape(&x, 0.0), shape(&y, 1.0), weights(0, n), weights(1, m))
}

#[test]
fn answers_agree_with_those_of_plain_iterations() {
    let mut compared = 0;
    for kind in 0..4 {
        let (x, y, a, b) = clouds(kind, 120, 90);
        for (relative, as_matrix) in [(0.2, false), (0.05, true), (0.05, false), (0.02, false)] {
            let costs = pairwise(&x, &y, Distance::SquaredEuclidean).unwrap();
            let problem = if as_matrix {
                Problem::from_costs(&costs)
            } else {
                Problem::from_points(&x, &y, Distance::SquaredEuclidean)
            };
            let problem = problem.with_source_weights(&a).with_target_weights(&b);
            let options = Options::new(Epsilon::RelativeToMedian(relative)).with_tolerance(1e-10);
            let plain = options.clone().with_method(Method::Plain).with_max_iterations(20_000);
            let (fast, plain) = (solve(&problem, &options), solve(&problem, &plain));
            assert_eq!(fast.status, Status::Converged);
            if plain.status != Status::Converged {
                // The clusters at small ε.
                assert!(kind == 2);
                continue;
            }
            compared += 1;
            assert!(true_error(&fast) < 2e-10, "{kind} {relative}: {}", true_error(&fast));
            assert_eq!(fast.epsilon(), plain.epsilon());
            let (ours, theirs) = (fast.values(), plain.values());
            let close = |x: f64, y: f64| (x - y).abs() <= 1e-8 * (x.abs() + fast.epsilon());
            assert!(close(ours.dual_with_kl, theirs.dual_with_kl), "{kind} {relative}");
            assert!(close(ours.transport_cost, theirs.transport_cost), "{kind} {relative}");
            assert!(ours.gap.abs() < 1e-6 * (1.0 + ours.dual_with_kl.abs()));
        }
    }
    assert!(compared >= 13, "{compared}");
}

#[test]
fn few_looks_are_enough_where_plain_iterations_need_thousands() {
    for kind in 0..4 {
        let (x, y, a, b) = clouds(kind, 600, 600);
        let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
            .with_source_weights(&a)
            .with_target_weights(&b);
        for relative in [0.05, 0.01, 0.002] {
            let options = Options::new(Epsilon::RelativeToMedian(relative));
            let solution = solve(&problem, &options);
            assert_eq!(solution.status, Status::Converged);
            // 15 to 40 here; plain iterations take from 7 to over 10,000.
            assert!(solution.iterations <= 60, "{kind} {relative}: {}", solution.iterations);
            assert!(true_error(&solution) <= 1.1e-6);
            assert_eq!(solution.errors.len() as u64, solution.iterations);
            assert!(solution.passes >= solution.iterations as f64);
        }
    }
}

/// Two clusters far from each other whose masses differ: what has to cross is decided by couplings that are tiny at first.
#[test]
fn mass_crosses_between_far_clusters() {
    let noise: Matrix<f64> = RandomStream::new(5).normal_matrix(600, 2);
    let cloud = |from: usize, share: usize| {
        Matrix::from_fn(300, 2, |i, k| {
            0.1 * noise[(from + i, k)] + if i % 10 < share && k == 0 { 10.0 } else { 0.0 }
        })
    };
    let (x, y) = (cloud(0, 3), cloud(300, 5));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let optimum = exact::solve(&problem).unwrap().cost();
    let options = Options::new(0.05).with_max_iterations(2000);
    let fast = solve(&problem, &options);
    assert_eq!(fast.status, Status::Converged, "{} after {}", fast.marginal_error, fast.passes);
    let plain = solve(&problem, &options.clone().with_method(Method::Plain));
    assert_eq!(plain.status, Status::IterationLimit);
    let values = fast.values();
    assert!(values.cost_lower_bound <= optimum && optimum <= values.rounded_cost);
    assert!(values.rounded_cost - values.cost_lower_bound < 0.05 * optimum);
}

#[test]
fn single_precision_is_finished_in_double() {
    let (x, y, ..) = clouds(0, 200, 200);
    let (x32, y32) = (x.cast::<f32>(), y.cast::<f32>());
    let problem = Problem::from_points(&x32, &y32, Distance::SquaredEuclidean);
    let solve = |options: &Options| {
        sinkhorn::solve_with(&problem, options, &mut |_| ControlFlow::Continue(())).unwrap()
    };
    let options = Options::new(Epsilon::RelativeToMedian(0.002)).with_tolerance(1e-9);
    let automatic = solve(&options);
    assert_eq!(automatic.status, Status::Converged);
    assert!(automatic.finished_in_double && true_error(&automatic) < 1.1e-9);
    let single = solve(&options.clone().with_precision(Precision::Single));
    assert_eq!(single.status, Status::Inaccurate);
    assert!(!single.finished_in_double && true_error(&single) < 1e-2);
    // So many iterations and no more: all of them in single precision.
    let counted = solve(&options.with_method(Method::Plain).with_tolerance(0.0).with_max_iterations(7));
    assert_eq!(
        (counted.status, counted.iterations, counted.finished_in_double),
        (Status::IterationLimit, 7, false)
    );
}

#[test]
fn good_potentials_are_a_good_start_and_bad_ones_do_no_harm() {
    let (x, y, ..) = clouds(0, 300, 250);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let options = Options::new(Epsilon::RelativeToMedian(0.01));
    let cold = solve(&problem, &options);
    let [f, g] = [cold.source_potentials().to_vec(), cold.target_potentials().to_vec()];
    let warm = solve(&problem, &options.clone().with_initial(f.clone(), g.clone()));
    assert_eq!(warm.status, Status::Converged);
    assert!(warm.iterations <= 3, "{}", warm.iterations);
    for scale in [-1.0, 1e3, 1e12] {
        let far = options
            .clone()
            .with_initial(f.iter().map(|f| f * scale).collect(), g.iter().map(|g| g * scale).collect());
        let solution = solve(&problem, &far);
        assert_eq!(solution.status, Status::Converged, "{scale}");
        assert!(true_error(&solution) <= 1.1e-6);
    }
}

#[test]
fn the_observer_stops_every_method_at_once() {
    let (x, y, ..) = clouds(0, 300, 250);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    for method in [Method::Accelerated, Method::Plain, Method::Anderson(5)] {
        for limit in [1, 4, 12] {
            let options = Options::new(Epsilon::RelativeToMedian(0.005)).with_method(method);
            let mut last = 0;
            let solution = sinkhorn::solve_with(&problem, &options, &mut |progress| {
                last = progress.iterations;
                if progress.iterations >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
            assert_eq!((solution.status, solution.iterations, last), (Status::Stopped, limit, limit));
            let values = solution.values();
            assert!(values.rounded_cost.is_finite() && values.cost_lower_bound <= values.rounded_cost);
            let limited = solve(&problem, &options.with_max_iterations(limit));
            assert_eq!(limited.status, Status::IterationLimit);
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (x, y, a, b) = clouds(3, 700, 600);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
        .with_source_weights(&a)
        .with_target_weights(&b);
    let options = Options::new(Epsilon::RelativeToMedian(0.01));
    let bits = || {
        let solution = solve(&problem, &options);
        let values = solution.values();
        (
            solution.source_potentials().to_vec(),
            solution.target_potentials().to_vec(),
            values,
            solution.passes,
        )
    };
    let expected = bits();
    #[cfg(feature = "parallel")]
    for threads in [1, 2, 3, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(bits), expected, "{threads} threads");
    }
    assert_eq!(bits(), expected);
}
