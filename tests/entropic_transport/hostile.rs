//! Bad and extreme input: typed errors or a status, never a panic, never NaN.

use brenier::matrix::Distance;
use brenier::ot::sinkhorn::{self, Epsilon, Method, Options, Precision, Solution};
use brenier::ot::{Problem, Status};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};
use std::ops::ControlFlow;

const METHODS: [Method; 3] = [Method::Accelerated, Method::Plain, Method::Anderson(5)];

fn solve<'a>(problem: &Problem<'a, f64>, options: &Options) -> Result<Solution<'a>, Error> {
    sinkhorn::solve_with(problem, options, &mut |_| ControlFlow::Continue(()))
}

fn assert_sound(solution: &Solution<'_>, about: &str) {
    let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
    assert!(finite(solution.source_potentials()) && finite(solution.target_potentials()), "{about}");
    let plan = solution.plan.to_matrix();
    assert!(plan.as_slice().iter().all(|&entry| entry.is_finite() && entry >= 0.0), "{about}");
    assert!(solution.marginal_error.is_finite(), "{about}");
}

#[test]
fn options_out_of_range_are_refused() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let problem = Problem::from_costs(&costs);
    for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for epsilon in
            [Epsilon::Absolute(epsilon), Epsilon::RelativeToMean(epsilon), Epsilon::RelativeToMedian(epsilon)]
        {
            assert!(matches!(
                solve(&problem, &Options::new(epsilon)),
                Err(Error::Argument { name: "epsilon", .. })
            ));
        }
    }
    for tolerance in [-1e-3, 1.0, f64::NAN] {
        let options = Options::new(1.0).with_tolerance(tolerance);
        assert!(matches!(solve(&problem, &options), Err(Error::Argument { name: "tolerance", .. })));
    }
    assert!(solve(&problem, &Options::new(1.0).with_max_iterations(0)).is_err());
    for memory in [0, 1, 21] {
        assert!(solve(&problem, &Options::new(1.0).with_method(Method::Anderson(memory))).is_err());
    }
    let short = Options::new(1.0).with_initial(vec![0.0], vec![0.0, 0.0]);
    assert!(matches!(solve(&problem, &short), Err(Error::Shape { expected: 2, got: 1, .. })));
    let nan = Options::new(1.0).with_initial(vec![0.0, f64::NAN], vec![0.0, 0.0]);
    assert!(matches!(solve(&problem, &nan), Err(Error::NotFinite { index: 1, .. })));
}

#[test]
fn bad_problems_are_refused_with_the_place() {
    let nan = Matrix::from_rows([[0.0, 1.0], [f64::NAN, 0.0]]);
    let error = solve(&Problem::from_costs(&nan), &Options::new(1.0)).unwrap_err();
    assert!(matches!(error, Error::NotFiniteEntry { what: "costs", row: 1, column: 0, .. }), "{error}");
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let weighted = |a: &[f64], b: &[f64]| {
        solve(&Problem::from_costs(&costs).with_source_weights(a).with_target_weights(b), &Options::new(1.0))
            .unwrap_err()
    };
    assert!(matches!(weighted(&[0.5, -0.5], &[0.5, 0.5]), Error::Negative { index: 1, .. }));
    assert!(matches!(weighted(&[0.5, f64::NAN], &[0.5, 0.5]), Error::NotFinite { index: 1, .. }));
    assert!(matches!(weighted(&[0.0, 0.0], &[0.5, 0.5]), Error::ZeroMass { .. }));
    assert!(matches!(weighted(&[0.5, 0.6], &[0.5, 0.5]), Error::MassMismatch { .. }));
    assert!(matches!(weighted(&[1.0], &[0.5, 0.5]), Error::Shape { .. }));
    let empty = Matrix::<f64>::zeros(0, 2);
    assert!(matches!(solve(&Problem::from_costs(&empty), &Options::new(1.0)), Err(Error::Empty { .. })));
    // Nothing to measure ε by.
    let zero = Matrix::<f64>::zeros(2, 2);
    let relative = Options::new(Epsilon::RelativeToMedian(0.1));
    assert!(matches!(solve(&Problem::from_costs(&zero), &relative), Err(Error::Argument { .. })));
}

#[test]
fn extreme_costs_end_with_a_status() {
    let mut random = RandomStream::new(1);
    let base: Matrix<f64> = random.uniform_matrix(20, 30);
    for method in METHODS {
        for (scale, epsilon) in [
            (1e30, Epsilon::RelativeToMean(0.05)),
            (1e30, Epsilon::Absolute(1.0)),
            (1e300, Epsilon::RelativeToMean(0.05)),
            (-1e30, Epsilon::Absolute(1e29)),
            (1e-300, Epsilon::RelativeToMean(0.05)),
            (1.0, Epsilon::Absolute(1e-300)),
            (1.0, Epsilon::Absolute(1e-12)),
            (1.0, Epsilon::Absolute(1e300)),
            (0.0, Epsilon::Absolute(1.0)),
        ] {
            let costs = base.map(|cost| cost * scale);
            for precision in [Precision::Automatic, Precision::Single] {
                let options = Options::new(epsilon)
                    .with_method(method)
                    .with_precision(precision)
                    .with_max_iterations(500);
                let about = format!("{method:?} {scale:e} {epsilon:?} {precision:?}");
                match solve(&Problem::from_costs(&costs), &options) {
                    Ok(solution) => assert_sound(&solution, &about),
                    Err(error) => {
                        assert!(matches!(error, Error::Argument { .. }), "{about}: {error}");
                        let beyond = scale == 1e300
                            || scale == 1e-300
                            || matches!(epsilon, Epsilon::Absolute(epsilon) if !(1e-280..=1e280).contains(&epsilon));
                        assert!(precision == Precision::Single || beyond, "{about}: {error}");
                    }
                }
            }
        }
        // The scale of a problem changes nothing when ε has it too.
        let reference = solve(&Problem::from_costs(&base), &Options::new(0.05).with_method(method)).unwrap();
        for scale in [2.0_f64.powi(100), 2.0_f64.powi(-100), 2.0_f64.powi(900)] {
            let costs = base.map(|cost| cost * scale);
            let options = Options::new(0.05 * scale).with_method(method).with_tolerance(1e-9);
            let solution = solve(&Problem::from_costs(&costs), &options).unwrap();
            assert_eq!(solution.status, Status::Converged);
            let difference = (solution.transport_cost() / scale - reference.transport_cost()).abs();
            assert!(difference < 1e-5, "{method:?} {scale:e}: {difference:e}");
        }
    }
}

#[test]
fn weights_of_every_size_are_carried() {
    let mut random = RandomStream::new(2);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(12, 2), random.normal_matrix(9, 2));
    let sides: [(Vec<f64>, Vec<f64>); 4] = [
        // Zeros.
        ((0..12).map(|i| f64::from(i % 3)).collect(), (0..9).map(|j| f64::from(u8::from(j != 4))).collect()),
        // One against many.
        ((0..12).map(|i| if i == 0 { 1.0 } else { 1e-9 }).collect(), vec![1.0; 9]),
        // Beyond single precision, and beyond double for their share.
        ((0..12).map(|i| 10.0_f64.powi(-20 * i)).collect(), vec![1.0; 9]),
        // One point has it all.
        (
            (0..12).map(|i| f64::from(u8::from(i == 7))).collect(),
            (0..9).map(|j| f64::from(u8::from(j == 3))).collect(),
        ),
    ];
    for (a, b) in &sides {
        let share = |weights: &[f64], scale: f64| -> Vec<f64> {
            let total: f64 = weights.iter().sum();
            weights.iter().map(|weight| weight / total * scale).collect()
        };
        for scale in [1.0, 1e200, 1e-200] {
            let (a, b) = (share(a, scale), share(b, scale));
            let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
                .with_source_weights(&a)
                .with_target_weights(&b);
            for method in METHODS {
                let solution = solve(&problem, &Options::new(0.3).with_method(method)).unwrap();
                assert_eq!(solution.status, Status::Converged);
                assert_sound(&solution, &format!("{method:?} {scale:e}"));
                let (rows, _) = solution.plan.marginals();
                for (row, weight) in rows.iter().zip(&a) {
                    assert!((row - weight).abs() <= 1e-5 * scale, "{row} {weight}");
                    assert!(*weight > 0.0 || *row == 0.0);
                }
            }
        }
    }
}

#[test]
fn one_point_identical_clouds_and_duplicates_are_no_trouble() {
    let x: Matrix<f64> = RandomStream::new(3).normal_matrix(25, 3);
    let one = Matrix::from_rows([[0.5, -1.0, 2.0]]);
    let same = Matrix::from_fn(40, 3, |_, k| k as f64);
    for method in METHODS {
        for (x, y) in [(&x, &x), (&x, &one), (&one, &x), (&one, &one), (&same, &same), (&same, &x)] {
            for distance in [Distance::SquaredEuclidean, Distance::Euclidean] {
                for epsilon in [10.0, 0.1, 1e-3] {
                    let problem = Problem::from_points(x, y, distance);
                    let options = Options::new(epsilon).with_method(method).with_max_iterations(100_000);
                    let solution = solve(&problem, &options).unwrap();
                    assert_sound(&solution, "points");
                    assert_eq!(solution.status, Status::Converged, "{method:?} {epsilon}");
                    if x.rows() == 1 || y.rows() == 1 {
                        let cost: f64 = solution.transport_cost();
                        let problem = problem.clone();
                        let exact = brenier::ot::exact::transport_cost(&problem).unwrap();
                        assert!((cost - exact).abs() < 1e-5 * (1.0 + exact));
                    }
                }
            }
        }
    }
}

/// What a status says is said of the potentials that are returned, and bounds are bounds at every size of ε and of the potentials.
#[test]
fn statuses_and_bounds_are_true_where_digits_run_out() {
    let mut random = RandomStream::new(5);
    let (mut x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(20, 2), random.normal_matrix(30, 2));
    let check = |problem: &Problem<'_, f64>, options: &Options, about: &str| {
        let solution = solve(problem, options).unwrap();
        let values = solution.values();
        let optimum = brenier::ot::exact::solve(problem).unwrap().cost();
        let error = values.source_marginal_error + values.target_marginal_error;
        assert!(
            solution.status != Status::Converged || error <= options.tolerance * 1.000_001,
            "{about}: {error:e}"
        );
        assert!(values.gap >= 0.0, "{about}: {}", values.gap);
        assert!(
            values.cost_lower_bound <= optimum && optimum <= values.rounded_cost,
            "{about}: {values:?} {optimum}"
        );
        assert_sound(&solution, about);
        solution.status
    };
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    for method in METHODS {
        for constant in [1e10, 1e15, 1e18, 1e30] {
            for sign in [1.0, -1.0] {
                let options = Options::new(0.1)
                    .with_method(method)
                    .with_initial(vec![constant; 20], vec![sign * constant; 30]);
                let status = check(&problem, &options, &format!("{method:?} {constant:e}"));
                assert_eq!(status, Status::Converged);
            }
        }
        for epsilon in [1e-30, 1e-12, 1e10, 1e14, 1e17, 1e20, 4e38] {
            let options = Options::new(epsilon).with_method(method).with_max_iterations(1000);
            check(&problem, &options, &format!("{method:?} epsilon {epsilon:e}"));
        }
    }
    x[(3, 0)] = 1e6;
    check(&Problem::from_points(&x, &y, Distance::SquaredEuclidean), &Options::new(0.1), "outlier");
    for row in [1e8, 1e12, 1e30] {
        let costs = Matrix::from_fn(4, 5, |i, j| if i == 0 { row } else { ((7 * i + 3 * j) % 5) as f64 });
        check(&Problem::from_costs(&costs), &Options::new(0.01), &format!("row {row:e}"));
    }
    for scale in [1e100, 1e200] {
        let costs = Matrix::from_fn(4, 5, |i, j| scale * ((7 * i + 3 * j) % 5) as f64);
        let options = Options::new(0.1).with_max_iterations(300);
        check(&Problem::from_costs(&costs), &options, &format!("scale {scale:e}"));
        let relative = Options::new(Epsilon::RelativeToMean(0.05));
        assert_eq!(check(&Problem::from_costs(&costs), &relative, "relative"), Status::Converged);
    }
}
