//! Gradients against central differences, against each other, and on hostile input.

use brenier::matrix::{Distance, pairwise};
use brenier::ot::sinkhorn::gradient::{self, Loss, Unrolled};
use brenier::ot::sinkhorn::{self, Method, Precision, Solution};
use brenier::ot::{Problem, Status};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};
use std::ops::ControlFlow;

const LOSSES: [Loss; 3] = [Loss::Dual, Loss::EntropicPrimal, Loss::TransportCost];

/// Converged to the last digits.
fn solve<'a, T: Scalar>(problem: &Problem<'a, T>, epsilon: f64) -> Solution<'a> {
    let options = sinkhorn::Options::new(epsilon)
        .with_method(Method::Plain)
        .with_precision(Precision::Double)
        .with_tolerance(1e-15)
        .with_max_iterations(200_000);
    sinkhorn::solve_with(problem, &options, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Two clouds and their weights, of which some are zero if asked for.
struct Case {
    x: Matrix<f64>,
    y: Matrix<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
    epsilon: f64,
}

fn case(seed: u64, [n, m, d]: [usize; 3], zeros: bool) -> Case {
    let mut random = RandomStream::new(seed);
    let x: Matrix<f64> = random.normal_matrix(n, d);
    let y: Matrix<f64> = random.normal_matrix(m, d);
    let mut weights = |count: usize| {
        let raw: Matrix<f64> = random.normal_matrix(1, count);
        let mut weights: Vec<f64> = raw.row(0).iter().map(|z| z.exp()).collect();
        if zeros {
            weights[1] = 0.0;
        }
        let mass: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= mass);
        weights
    };
    let (a, b) = (weights(n), weights(m));
    Case { x, y, a, b, epsilon: 0.7 }
}

impl Case {
    fn problem<'c>(&self, costs: &'c Matrix<f64>) -> Problem<'c, f64> {
        Problem::from_costs(costs).with_source_weights(&self.a).with_target_weights(&self.b)
    }

    fn loss(&self, distance: Distance, loss: Loss) -> f64 {
        let costs = pairwise(&self.x, &self.y, distance).unwrap();
        gradient::value(&solve(&self.problem(&costs), self.epsilon).plan, loss)
    }
}

/// The central difference of fourth order: its error is about h^4 and EPS/h of the function's size.
fn difference(function: impl FnMut(f64) -> f64) -> f64 {
    difference_with(1e-3, function)
}

fn difference_with(h: f64, mut function: impl FnMut(f64) -> f64) -> f64 {
    let mut odd = |step: f64| function(step) - function(-step);
    (8.0 * odd(h) - odd(2.0 * h)) / (12.0 * h)
}

#[track_caller]
fn close(got: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((got - expected).abs() <= tolerance * (1.0 + expected.abs()), "{what}: {got} for {expected}");
}

#[test]
fn costs_and_epsilon_agree_with_differences() {
    for zeros in [false, true] {
        let case = case(1, [6, 5, 2], zeros);
        let costs = pairwise(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
        let solution = solve(&case.problem(&costs), case.epsilon);
        for loss in LOSSES {
            let gradient = gradient::of_loss(&solution.plan, loss, &Default::default()).unwrap();
            if let Some(solve) = gradient.linear_solve() {
                assert_eq!(solve.status, Status::Converged);
                assert!(solve.residual <= 1e-12);
            }
            let dense = gradient.costs();
            for row in 0..6 {
                for column in 0..5 {
                    let expected = difference(|step| {
                        let mut costs = costs.clone();
                        costs[(row, column)] += step;
                        gradient::value(&solve(&case.problem(&costs), case.epsilon).plan, loss)
                    });
                    close(dense[(row, column)], expected, 1e-9, &format!("{loss:?} [{row}, {column}]"));
                }
            }
            let expected = difference(|step| {
                gradient::value(&solve(&case.problem(&costs), case.epsilon + step).plan, loss)
            });
            close(gradient.epsilon(), expected, 1e-9, &format!("{loss:?} by epsilon"));
        }
    }
}

#[test]
fn points_agree_with_differences_for_every_distance() {
    for (distance, d) in [
        (Distance::SquaredEuclidean, 3),
        (Distance::SquaredEuclidean, 10),
        (Distance::Euclidean, 3),
        (Distance::Manhattan, 3),
        (Distance::Chebyshev, 3),
        (Distance::Cosine, 3),
        (Distance::Cosine, 10),
        (Distance::Minkowski { p: 3.0 }, 3),
        (Distance::Minkowski { p: 1.5 }, 3),
        (Distance::MinkowskiPower { p: 2.5 }, 3),
    ] {
        let case = case(2, [5, 6, d], false);
        // No step crosses a kink.
        let nearest = (0..5)
            .flat_map(|i| (0..6).flat_map(move |j| (0..3).map(move |k| (i, j, k))))
            .map(|(i, j, k)| (case.x[(i, k)] - case.y[(j, k)]).abs())
            .fold(f64::INFINITY, f64::min);
        assert!(nearest > 4e-4, "{nearest}");
        let problem = Problem::from_points(&case.x, &case.y, distance)
            .with_source_weights(&case.a)
            .with_target_weights(&case.b);
        for loss in [Loss::Dual, Loss::TransportCost] {
            let solution = solve(&problem, case.epsilon);
            let gradient = gradient::of_loss(&solution.plan, loss, &Default::default()).unwrap();
            let points = gradient.points(&case.x, &case.y, distance).unwrap();
            assert_eq!(points.source, gradient.source_points(&case.x, &case.y, distance).unwrap());
            assert_eq!(points.target, gradient.target_points(&case.x, &case.y, distance).unwrap());
            let (x, y) = (case.x.clone(), case.y.clone());
            let mut moved = Case { x, y, a: case.a.clone(), b: case.b.clone(), epsilon: case.epsilon };
            for (row, k) in (0..5).flat_map(|row| (0..d).map(move |k| (row, k))) {
                let expected = difference_with(1e-4, |step| {
                    moved.x[(row, k)] = case.x[(row, k)] + step;
                    moved.loss(distance, loss)
                });
                moved.x[(row, k)] = case.x[(row, k)];
                close(points.source[(row, k)], expected, 1e-8, &format!("{distance} {loss:?} x[{row}, {k}]"));
                let expected = difference_with(1e-4, |step| {
                    moved.y[(row, k)] = case.y[(row, k)] + step;
                    moved.loss(distance, loss)
                });
                moved.y[(row, k)] = case.y[(row, k)];
                close(points.target[(row, k)], expected, 1e-8, &format!("{distance} {loss:?} y[{row}, {k}]"));
            }
        }
    }
}

#[test]
fn weights_agree_with_differences_along_the_simplex() {
    for loss in LOSSES {
        let case = case(3, [6, 5, 2], false);
        let costs = pairwise(&case.x, &case.y, Distance::Euclidean).unwrap();
        let solution = solve(&case.problem(&costs), case.epsilon);
        let gradient = gradient::of_loss(&solution.plan, loss, &Default::default()).unwrap();
        for (side, gradient) in [gradient.source_weights(), gradient.target_weights()].into_iter().enumerate()
        {
            assert!(gradient.iter().sum::<f64>().abs() < 1e-12);
            for k in 1..gradient.len() {
                let expected = difference(|step| {
                    let mut weights = [case.a.clone(), case.b.clone()];
                    weights[side][0] -= step * 0.1;
                    weights[side][k] += step * 0.1;
                    let [a, b] = weights;
                    let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
                    gradient::value(&solve(&problem, case.epsilon).plan, loss)
                });
                let got = 0.1 * (gradient[k] - gradient[0]);
                close(got, expected, 1e-8, &format!("{loss:?}, side {side}, weight {k}"));
            }
        }
    }
}

#[test]
fn the_first_mass_of_a_point_has_its_one_sided_derivative() {
    let case = case(4, [5, 4, 2], true);
    let costs = pairwise(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
    let solution = solve(&case.problem(&costs), case.epsilon);
    for loss in [Loss::Dual, Loss::TransportCost] {
        let gradient = gradient::of_loss(&solution.plan, loss, &Default::default()).unwrap();
        let value = |side: usize, step: f64| {
            let mut weights = [case.a.clone(), case.b.clone()];
            weights[side][0] -= step;
            weights[side][1] += step;
            let [a, b] = weights;
            let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
            gradient::value(&solve(&problem, case.epsilon).plan, loss)
        };
        for (side, gradient) in [gradient.source_weights(), gradient.target_weights()].into_iter().enumerate()
        {
            assert!(gradient.iter().all(|entry| entry.is_finite()));
            // Forward differences, extrapolated to second order: h^3 of what smooth functions of size one do.
            let h = 1e-4;
            let [zero, one, two, three] = [0.0, h, 2.0 * h, 3.0 * h].map(|step| value(side, step));
            let expected = (-11.0 * zero + 18.0 * one - 9.0 * two + 2.0 * three) / (6.0 * h);
            close(gradient[1] - gradient[0], expected, 1e-7, &format!("{loss:?}, side {side}"));
        }
    }
    let primal = gradient::of_loss(&solution.plan, Loss::EntropicPrimal, &Default::default()).unwrap();
    let weights = primal.source_weights();
    assert_eq!(weights[1], f64::NEG_INFINITY);
    assert!(weights.iter().filter(|entry| entry.is_finite()).sum::<f64>().abs() < 1e-12);
}

#[test]
fn potentials_and_plans_are_differentiated_implicitly() {
    let case = case(5, [5, 6, 2], true);
    let mut random = RandomStream::new(50);
    let mut cotangents: Matrix<f64> = random.normal_matrix(1, 11);
    cotangents[(0, 1)] = 0.0;
    cotangents[(0, 6)] = 0.0;
    let (fbar, gbar) = cotangents.row(0).split_at(5);
    let pbar: Matrix<f64> = random.normal_matrix(5, 6);
    // L of the potentials in the gauge of equal sums, and of the plan.
    let measure = |costs: &Matrix<f64>, a: &[f64], b: &[f64], epsilon: f64| -> [f64; 2] {
        let problem = Problem::from_costs(costs).with_source_weights(a).with_target_weights(b);
        let solution = solve(&problem, epsilon);
        let sum = |potentials: &[f64], weights: &[f64]| -> f64 {
            potentials.iter().zip(weights).filter(|(_, w)| **w > 0.0).map(|(p, _)| p).sum()
        };
        let (f, g) = (solution.source_potentials(), solution.target_potentials());
        let shift = (sum(g, b) - sum(f, a)) / 9.0;
        let potentials = f.iter().zip(fbar).map(|(f, w)| (f + shift) * w).sum::<f64>()
            + g.iter().zip(gbar).map(|(g, w)| (g - shift) * w).sum::<f64>();
        let plan = solution.plan.to_matrix();
        let entries = plan.as_slice().iter().zip(pbar.as_slice()).map(|(p, w)| p * w).sum();
        [potentials, entries]
    };
    let costs = pairwise(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
    let solution = solve(&case.problem(&costs), case.epsilon);
    let fill = |row: usize, out: &mut [f64]| out.copy_from_slice(pbar.row(row));
    for bytes in [0, 1 << 20] {
        let options = gradient::Options::default().with_bytes_kept(bytes);
        let gradients = [
            gradient::of_potentials(&solution.plan, fbar, gbar, &options).unwrap(),
            gradient::of_plan(&solution.plan, &fill, &options).unwrap(),
        ];
        for (kind, gradient) in gradients.iter().enumerate() {
            assert_eq!(gradient.linear_solve().unwrap().status, Status::Converged);
            let dense = gradient.costs();
            for (row, column) in (0..5).flat_map(|row| (0..6).map(move |column| (row, column))) {
                let expected = difference(|step| {
                    let mut costs = costs.clone();
                    costs[(row, column)] += step;
                    measure(&costs, &case.a, &case.b, case.epsilon)[kind]
                });
                close(dense[(row, column)], expected, 1e-8, &format!("kind {kind} [{row}, {column}]"));
            }
            let expected = difference(|step| measure(&costs, &case.a, &case.b, case.epsilon + step)[kind]);
            close(gradient.epsilon(), expected, 1e-8, &format!("kind {kind} by epsilon"));
            for (side, gradient) in
                [gradient.source_weights(), gradient.target_weights()].into_iter().enumerate()
            {
                for k in 2..gradient.len() {
                    let expected = difference(|step| {
                        let mut weights = [case.a.clone(), case.b.clone()];
                        weights[side][0] -= step * 0.05;
                        weights[side][k] += step * 0.05;
                        measure(&costs, &weights[0], &weights[1], case.epsilon)[kind]
                    });
                    let got = 0.05 * (gradient[k] - gradient[0]);
                    close(got, expected, 1e-8, &format!("kind {kind}, side {side}, weight {k}"));
                }
            }
        }
    }
}

#[test]
fn the_primal_loss_has_the_same_gradient_implicitly() {
    let case = case(6, [40, 30, 2], false);
    let costs = pairwise(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
    let solution = solve(&case.problem(&costs), 0.2);
    let plan = solution.plan.to_matrix();
    // ∂L/∂P of <C, P> + ε Σ P ln P, whose implicit part must vanish: the value does not depend on the plan to first order.
    let cotangent = Matrix::from_fn(40, 30, |i, j| costs[(i, j)] + 0.2 * (plan[(i, j)].ln() + 1.0));
    let fill = |row: usize, out: &mut [f64]| out.copy_from_slice(cotangent.row(row));
    let gradient = gradient::of_plan(&solution.plan, &fill, &Default::default()).unwrap();
    for (&rest, &p) in gradient.costs().as_slice().iter().zip(plan.as_slice()) {
        // P times what rounding leaves of terms of 10/ε in size, solved to 1e-12.
        assert!(rest.abs() <= 1e-9 * p.max(1e-6), "{rest} beside {p}");
    }
    // And the weights' derivatives by that road are those of the envelope.
    let envelope = gradient::of_loss(&solution.plan, Loss::EntropicPrimal, &Default::default()).unwrap();
    for (got, expected) in gradient.source_weights().iter().zip(envelope.source_weights()) {
        assert!((got - expected).abs() < 1e-9);
    }
    for (got, expected) in gradient.target_weights().iter().zip(envelope.target_weights()) {
        assert!((got - expected).abs() < 1e-9);
    }
}

#[test]
fn unrolled_iterations_agree_with_differences_at_any_depth() {
    for zeros in [false, true] {
        let case = case(7, [5, 4, 2], zeros);
        let costs = pairwise(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
        for iterations in [1, 2, 5] {
            let run = |costs: &Matrix<f64>, loss| {
                Unrolled::forward(&case.problem(costs), 0.4, iterations, 0.0).unwrap().loss(loss)
            };
            let unrolled = Unrolled::forward(&case.problem(&costs), 0.4, iterations, 0.0).unwrap();
            assert_eq!(unrolled.iterations(), iterations);
            for loss in LOSSES {
                let dense = unrolled.backward(loss).costs();
                for (row, column) in (0..5).flat_map(|row| (0..4).map(move |column| (row, column))) {
                    let expected = difference(|step| {
                        let mut costs = costs.clone();
                        costs[(row, column)] += step;
                        run(&costs, loss)
                    });
                    let what = format!("{loss:?} after {iterations} [{row}, {column}]");
                    close(dense[(row, column)], expected, 1e-9, &what);
                }
            }
        }
    }
}

#[test]
fn unrolled_iterations_end_at_the_implicit_gradient() {
    for distance in [Distance::SquaredEuclidean, Distance::Euclidean] {
        let case = case(8, [30, 20, 2], true);
        let problem = Problem::from_points(&case.x, &case.y, distance)
            .with_source_weights(&case.a)
            .with_target_weights(&case.b);
        let epsilon = 0.3;
        let solution = solve(&problem, epsilon);
        let unrolled = Unrolled::forward(&problem, epsilon, 3000, 1e-15).unwrap();
        assert!(unrolled.marginal_error() < 1e-14, "{}", unrolled.marginal_error());
        for loss in LOSSES {
            close(unrolled.loss(loss), gradient::value(&solution.plan, loss), 1e-12, "loss");
            let implicit = gradient::of_loss(&solution.plan, loss, &Default::default()).unwrap();
            let implicit = implicit.points(&case.x, &case.y, distance).unwrap();
            let points = unrolled.backward(loss).points(&case.x, &case.y, distance).unwrap();
            for (got, expected) in [(&points.source, &implicit.source), (&points.target, &implicit.target)] {
                let size = expected.as_slice().iter().fold(0.0_f64, |size, x| size.max(x.abs()));
                for (got, expected) in got.as_slice().iter().zip(expected.as_slice()) {
                    assert!((got - expected).abs() <= 1e-8 * size, "{distance} {loss:?}: {got} {expected}");
                }
            }
        }
    }
}

#[test]
fn hostile_inputs_have_finite_gradients() {
    let point = Matrix::from_rows([[1.0_f32, 2.0]]);
    let clouds = [
        (point.clone(), point.clone()),
        (point.clone(), Matrix::from_rows([[3.0_f32, -1.0]])),
        (Matrix::filled(4, 2, 1.0_f32), Matrix::filled(3, 2, 1.0)),
        (Matrix::filled(4, 2, 1.0_f32), Matrix::from_rows([[1.0, 1.0], [5.0, 1.0], [5.0, 1.0]])),
        (Matrix::from_rows([[1e6_f32, 1e6], [1e6 + 1.0, 1e6]]), Matrix::from_rows([[1e6, 1e6]])),
    ];
    for (x, y) in &clouds {
        for distance in [Distance::SquaredEuclidean, Distance::Euclidean, Distance::MinkowskiPower { p: 0.5 }]
        {
            let solution = solve(&Problem::from_points(x, y, distance), 0.1);
            for loss in LOSSES {
                let gradient = gradient::of_loss(&solution.plan, loss, &Default::default()).unwrap();
                let points = gradient.points(x, y, distance).unwrap();
                let (a, b) = (gradient.source_weights(), gradient.target_weights());
                let all = points.source.as_slice().iter().chain(points.target.as_slice()).chain(&a).chain(&b);
                assert!(
                    all.chain([&gradient.epsilon()]).all(|entry| entry.is_finite()),
                    "{distance} {loss:?}"
                );
            }
        }
    }
    // One source: its gradient is the sum of all differences, for every loss.
    let (x, y) = &clouds[1];
    let solution = solve(&Problem::from_points(x, y, Distance::SquaredEuclidean), 0.1);
    for loss in LOSSES {
        let gradient = gradient::of_loss(&solution.plan, loss, &Default::default()).unwrap();
        let dx = gradient.source_points(x, y, Distance::SquaredEuclidean).unwrap();
        close(dx[(0, 0)], -4.0, 1e-12, "one pair");
        close(dx[(0, 1)], 6.0, 1e-12, "one pair");
    }
    // Points of other shapes are refused, as are cotangents that do not fit.
    let gradient = gradient::envelope(&solution.plan);
    assert!(gradient.points(&clouds[2].0, y, Distance::SquaredEuclidean).is_err());
    assert!(gradient.points(x, &Matrix::<f32>::zeros(1, 3), Distance::SquaredEuclidean).is_err());
    let refuse = |f: &[f64], g: &[f64]| {
        gradient::of_potentials(&solution.plan, f, g, &Default::default()).unwrap_err().to_string()
    };
    assert!(refuse(&[1.0, 2.0], &[1.0]).contains("source cotangent is 2, expected 1"));
    assert!(refuse(&[1.0], &[f64::NAN]).contains("target cotangent[0] is NaN"));
}

#[test]
fn a_limit_on_steps_is_a_status() {
    let case = case(9, [60, 50, 2], false);
    let costs = pairwise(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
    let solution = solve(&case.problem(&costs), 0.1);
    let options = gradient::Options::default().with_max_iterations(3);
    let gradient = gradient::of_loss(&solution.plan, Loss::TransportCost, &options).unwrap();
    let solve = gradient.linear_solve().unwrap();
    assert_eq!((solve.status, solve.iterations), (Status::IterationLimit, 3));
    assert!(solve.residual > 1e-12 && solve.residual < 1.0);
}

#[cfg(feature = "parallel")]
#[test]
fn gradients_do_not_depend_on_the_number_of_threads() {
    let case = case(10, [300, 500, 3], false);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let problem = Problem::from_points(&case.x, &case.y, Distance::SquaredEuclidean)
                .with_source_weights(&case.a)
                .with_target_weights(&case.b);
            let solution = sinkhorn::solve(&problem, 1.0).unwrap();
            let options = gradient::Options::default().with_bytes_kept(0);
            let gradient = gradient::of_loss(&solution.plan, Loss::TransportCost, &options).unwrap();
            let points = gradient.points(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
            let unrolled = Unrolled::forward(&problem, 1.0, 3, 0.0).unwrap();
            let unrolled = unrolled.backward(Loss::TransportCost);
            let unrolled = unrolled.points(&case.x, &case.y, Distance::SquaredEuclidean).unwrap();
            (points, gradient.source_weights(), gradient.target_weights(), gradient.epsilon(), unrolled)
        })
    };
    assert_eq!(run(1), run(3));
}
