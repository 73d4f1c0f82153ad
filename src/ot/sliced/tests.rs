//! Against the solver on the line, closed forms, finite differences and hostile input.

use super::*;
use crate::ot::barycentre::Status;
use crate::ot::line::{self, LineProblem};
use crate::random::RandomStream;

fn clouds(n: usize, m: usize, dimension: usize, seed: u64) -> [Matrix<f64>; 2] {
    let mut random = RandomStream::new(seed);
    let x = random.normal_matrix(n, dimension);
    [x, random.normal_matrix::<f64>(m, dimension).map(|y| 1.5 * y + 0.3)]
}

fn normalised(mut weights: Vec<f64>) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

/// Weights with zeros among them.
fn weights(count: usize, step: usize) -> Vec<f64> {
    normalised((0..count).map(|k| (k * step % 5) as f64).collect())
}

fn projected(points: &Matrix<f64>, direction: &[f64]) -> Vec<f64> {
    points.iter_rows().map(|row| row.iter().zip(direction).map(|(x, d)| x * d).sum()).collect()
}

#[test]
fn each_slice_is_the_problem_on_the_line() {
    for (n, m, weighted) in [(20, 20, false), (20, 30, false), (17, 4, false), (20, 30, true), (1, 9, true)] {
        let [x, y] = clouds(n, m, 3, (n + m) as u64);
        let (a, b) =
            (normalised(vec![1.0; n]), if weighted { weights(m, 3) } else { vec![1.0 / m as f64; m] });
        let directions = RandomStream::new(1).normal_matrix::<f64>(11, 3);
        for p in [1.0, 2.0, 1.5, 3.0] {
            let mut problem = SlicedProblem::new(&x, &y).with_p(p);
            if weighted {
                problem = problem.with_source_weights(&a).with_target_weights(&b);
            }
            let answer = with_directions(&problem, &directions).unwrap();
            for (value, direction) in answer.values.iter().zip(directions.iter_rows()) {
                let (x, y) = (projected(&x, direction), projected(&y, direction));
                let line = LineProblem::new(&x, &y, p).with_source_weights(&a).with_target_weights(&b);
                let expected = line::transport_cost(&line).unwrap();
                // Projections differ in the order of summation; W has the condition p in them.
                assert!(
                    (value - expected).abs() <= 256.0 * p * f64::EPSILON * expected.max(1e-3),
                    "{value} {expected}"
                );
            }
            let mean = answer.values.iter().sum::<f64>() / 11.0;
            assert!((answer.value - mean).abs() <= 8.0 * f64::EPSILON * mean);
            let gradient = gradient_with_directions(&problem, &directions).unwrap();
            assert!((gradient.estimate.value - answer.value).abs() <= 32.0 * f64::EPSILON * answer.value);
        }
    }
}

#[test]
fn a_shift_has_its_closed_form_and_orthogonal_directions_find_it_at_once() {
    let [x, _] = clouds(50, 1, 5, 2);
    let shift = [1.0, -2.0, 0.5, 0.0, 3.0];
    let y = Matrix::from_fn(50, 5, |i, k| x[((i * 3) % 50, k)] + shift[k]);
    let exact = shift.iter().map(|v| v * v).sum::<f64>() / 5.0;
    let problem = SlicedProblem::new(&x, &y);
    let independent = estimate(&problem, &Options::default().with_projections(2000)).unwrap();
    assert!((independent.value - exact).abs() < 4.0 * independent.standard_error);
    // Var (v·θ)² = |v|⁴ 2 (d - 1) / (d² (d + 2)).
    let deviation = (exact * 5.0) * (8.0_f64 / (25.0 * 7.0)).sqrt() / 2000.0_f64.sqrt();
    assert!((independent.standard_error / deviation - 1.0).abs() < 0.1);
    let orthogonal = Options::default().with_projections(20).with_sampling(Sampling::Orthogonal);
    let answer = estimate(&problem, &orthogonal).unwrap();
    assert!((answer.value - exact).abs() < 1e-13 && answer.standard_error < 1e-13);
    let other = estimate(&problem, &orthogonal.clone().with_seed(1)).unwrap();
    assert_ne!(other.values, answer.values);
    // One block says nothing of the spread between blocks.
    let answer = estimate(&problem, &orthogonal.with_projections(5)).unwrap();
    assert!(answer.standard_error.is_nan());
}

#[test]
fn random_directions_are_orthonormal_and_uniform() {
    let options = Options::default().with_projections(9000).with_sampling(Sampling::Orthogonal);
    let directions = random_directions(3, &options).unwrap();
    for block in 0..3000 {
        for (i, j) in [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)] {
            let (u, v) = (directions.row(3 * block + i), directions.row(3 * block + j));
            let dot: f64 = u.iter().zip(v).map(|(x, y)| x * y).sum();
            assert!((dot - f64::from(i == j)).abs() < 8.0 * f64::EPSILON);
        }
    }
    for column in 0..3 {
        // A coordinate of a uniform direction in space is uniform on [-1, 1]: mean 0, square 1/3, fourth power 1/5.
        let moment = |k: i32| directions.column(column).map(|x| x.powi(k)).sum::<f64>() / 9000.0;
        assert!(
            moment(1).abs() < 0.03 && (moment(2) - 1.0 / 3.0).abs() < 0.02 && (moment(4) - 0.2).abs() < 0.02
        );
    }
    let line = random_directions(1, &Options::default().with_sampling(Sampling::Orthogonal)).unwrap();
    assert!(line.as_slice().iter().all(|x| x.abs() == 1.0));
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (n, m, weighted) in [(7, 7, false), (6, 9, false), (5, 8, true)] {
        let [x, y] = clouds(n, m, 3, 40 + n as u64);
        let (a, b) = (weights(n, 2), weights(m, 1));
        for p in [1.0, 1.5, 2.0, 3.0] {
            for sampling in [Sampling::Independent, Sampling::Orthogonal] {
                let options = Options::default().with_projections(70).with_sampling(sampling);
                let with_weights = |problem: SlicedProblem<'_, f64>| -> Estimate {
                    let problem = problem.with_p(p);
                    let problem = if weighted {
                        problem.with_source_weights(&a).with_target_weights(&b)
                    } else {
                        problem
                    };
                    estimate(&problem, &options).unwrap()
                };
                let problem = SlicedProblem::new(&x, &y).with_p(p);
                let problem =
                    if weighted { problem.with_source_weights(&a).with_target_weights(&b) } else { problem };
                let answer = gradient(&problem, &options).unwrap();
                let step = 1e-6;
                for row in 0..n.min(m) {
                    for column in 0..3 {
                        let moved = |points: &Matrix<f64>, by: f64| {
                            let mut points = points.clone();
                            points[(row, column)] += by;
                            points
                        };
                        let source = |by| with_weights(SlicedProblem::new(&moved(&x, by), &y)).value;
                        let target = |by| with_weights(SlicedProblem::new(&x, &moved(&y, by))).value;
                        let numeric = (source(step) - source(-step)) / (2.0 * step);
                        // Rounding EPS/step, curvature step², and for p < 2 a kink that a difference may step over.
                        let tolerance = if p < 2.0 { 1e-3 } else { 1e-8 };
                        assert!((answer.source[(row, column)] - numeric).abs() < tolerance, "{p} {numeric}");
                        let numeric = (target(step) - target(-step)) / (2.0 * step);
                        assert!((answer.target[(row, column)] - numeric).abs() < tolerance, "{p} {numeric}");
                    }
                }
                // Moving both clouds together changes nothing.
                let total: f64 = (0..3)
                    .map(|k| {
                        (answer.source.column(k).sum::<f64>() + answer.target.column(k).sum::<f64>()).abs()
                    })
                    .sum();
                assert!(total < 1e-13);
            }
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let [x, y] = clouds(300, 200, 8, 6);
    let (x32, y32) = (x.cast::<f32>(), y.cast::<f32>());
    let double = gradient(&SlicedProblem::new(&x, &y), &Options::default()).unwrap();
    let single = gradient(&SlicedProblem::new(&x32, &y32), &Options::default()).unwrap();
    assert!((double.estimate.value / single.estimate.value - 1.0).abs() < 1e-6);
    // A rounding may swap two neighbours, whose gradients then differ by their distance in rank.
    for (a, b) in double.source.as_slice().iter().zip(single.source.as_slice()) {
        assert!((a - f64::from(*b)).abs() < 1e-5);
    }
}

#[cfg(feature = "parallel")]
#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let [x, y] = clouds(400, 300, 6, 7);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| gradient(&SlicedProblem::new(&x, &y), &Options::default()).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn the_largest_slice_is_above_all_others() {
    // Gaussian clouds that differ along one axis only.
    let mut random = RandomStream::new(8);
    let x = random.normal_matrix::<f64>(300, 6);
    let y = Matrix::from_fn(300, 6, |i, k| x[(i, k)] * if k == 2 { 4.0 } else { 1.0 });
    let problem = SlicedProblem::new(&x, &y);
    let answer = max_sliced(&problem, &MaxSlicedOptions::default()).unwrap();
    assert_ne!(answer.status, Status::IterationLimit);
    let best = estimate(&problem, &Options::default().with_projections(500)).unwrap();
    assert!(best.values.iter().all(|value| *value <= answer.value));
    assert!(answer.direction[2].abs() > 0.98, "{:?}", answer.direction);
    let along =
        with_directions(&problem, &Matrix::from_vec(1, 6, answer.direction.clone()).unwrap()).unwrap();
    assert!((along.value - answer.value).abs() <= 1e-12 * answer.value);
    // Clouds that are one.
    let same = max_sliced(&SlicedProblem::new(&x, &x), &MaxSlicedOptions::default()).unwrap();
    assert!(same.value == 0.0 && same.status == Status::Converged);
}

#[test]
fn bad_input_is_named() {
    let (x, y) = (Matrix::from_rows([[0.0, 1.0]]), Matrix::from_rows([[1.0, 1.0]]));
    let options = Options::default();
    let problem = SlicedProblem::new(&x, &y);
    assert!(matches!(
        estimate(&problem.clone().with_p(0.5), &options),
        Err(Error::Argument { name: "p", .. })
    ));
    let none = options.clone().with_projections(0);
    assert!(matches!(estimate(&problem, &none), Err(Error::Argument { .. })));
    let flat = Matrix::from_rows([[0.0]]);
    assert!(matches!(estimate(&SlicedProblem::new(&x, &flat), &options), Err(Error::Shape { .. })));
    let empty = Matrix::<f64>::zeros(0, 2);
    assert_eq!(estimate(&SlicedProblem::new(&x, &empty), &options), Err(Error::Empty { what: "the target" }));
    let nan = Matrix::from_rows([[0.0, f64::NAN]]);
    let error = gradient(&SlicedProblem::new(&nan, &y), &options).unwrap_err();
    assert!(matches!(error, Error::NotFiniteEntry { what: "source points", row: 0, column: 1, .. }));
    let error = estimate(&problem.clone().with_source_weights(&[2.0]), &options).unwrap_err();
    assert!(matches!(error, Error::MassMismatch { .. }));
    let error = estimate(&problem.clone().with_source_weights(&[-1.0]), &options).unwrap_err();
    assert!(matches!(error, Error::Negative { .. }));
    let error = with_directions(&problem, &Matrix::zeros(1, 2)).unwrap_err();
    assert_eq!(error, Error::ZeroVector { what: "directions", row: 0 });
    assert!(matches!(with_directions(&problem, &Matrix::zeros(0, 2)), Err(Error::Empty { .. })));
    assert!(matches!(with_directions(&problem, &Matrix::filled(1, 3, 1.0)), Err(Error::Shape { .. })));
    let far = Matrix::from_rows([[1e200, 0.0]]);
    assert!(matches!(estimate(&SlicedProblem::new(&far, &y), &options), Err(Error::Argument { .. })));
}
