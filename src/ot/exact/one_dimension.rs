//! Points on a line: where the cost is a convex function of the difference, sorting solves the problem.

use super::{Options, Solution};
use crate::matrix::{Distance, MatrixView};
use crate::ot::certificate::Status;
use crate::ot::line::{self, LineProblem};
use crate::ot::problem::{Costs, Problem};
use crate::ot::progress::Progress;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// The solution by sorting, with its proof, or `None` where the simplex is to solve the problem: other costs, a tolerance below
/// that of the proof on the line, an observer that breaks, anything the line refuses (the simplex accepts more, and
/// names what is wrong in its own words), or a proof that did not succeed.
pub(super) fn solve_by_sorting<T: Scalar>(
    problem: &Problem<'_, T>,
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Option<Solution> {
    let Costs::Points { source, target, distance } = problem.costs() else { return None };
    if (source.columns(), target.columns()) != (1, 1) || options.tolerance < Options::default().tolerance {
        return None;
    }
    let p = convex_power(distance)?;
    let sorting =
        Progress { stage: "sorting", iterations: 0, cost: f64::NAN, residual: f64::NAN, fraction: f64::NAN };
    if observer(&sorting).is_break() {
        return None;
    }
    let coordinates = |points: MatrixView<'_, T>| -> Vec<T> { points.column(0).collect() };
    let (x, y) = (coordinates(source), coordinates(target));
    let line = LineProblem::new(&x, &y, p).with_given_weights(problem.given_weights());
    let mut solution = line::solve(&line).ok()?;
    let certificate = &mut solution.certificate;
    // Proved with the line's tolerance, which is at most the one that was asked for; and there were no pivots.
    certificate.tolerance = options.tolerance;
    certificate.iterations = 0;
    (certificate.status == Status::Optimal).then_some(solution)
}

/// The p >= 1 for which the distance of two points with one coordinate is |x - y|^p.
fn convex_power(distance: Distance) -> Option<f64> {
    distance.check().ok()?;
    match distance {
        Distance::SquaredEuclidean => Some(2.0),
        Distance::Euclidean | Distance::Manhattan | Distance::Chebyshev | Distance::Minkowski { .. } => {
            Some(1.0)
        }
        Distance::MinkowskiPower { p } if p >= 1.0 => Some(p),
        Distance::MinkowskiPower { .. } | Distance::Cosine => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{solve, solve_with};
    use super::*;
    use crate::error::Error;
    use crate::matrix::Matrix;

    /// Numbers in [0, 1), as a column: fractions of multiples of the golden ratio's bits.
    fn column<T: Scalar>(seed: u64, count: usize) -> Matrix<T> {
        Matrix::from_fn(count, 1, |k, _| {
            let bits = (k as u64 + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)
                ^ seed.wrapping_mul(0xD1B5_4A32_D192_ED03);
            T::from_f64((bits.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11) as f64 / (1_u64 << 53) as f64)
        })
    }

    /// Solves, and the stages that the observer was told.
    fn stages(problem: &Problem<'_, f64>, options: &Options) -> (Solution, Vec<&'static str>) {
        let mut stages = Vec::new();
        let solution = solve_with(problem, options, &mut |progress| {
            stages.push(progress.stage);
            ControlFlow::Continue(())
        });
        (solution.unwrap(), stages)
    }

    #[test]
    fn sorting_and_the_simplex_agree() {
        let distances = [
            (Distance::SquaredEuclidean, 2.0),
            (Distance::Euclidean, 1.0),
            (Distance::Manhattan, 1.0),
            (Distance::Chebyshev, 1.0),
            (Distance::Minkowski { p: 3.0 }, 1.0),
            (Distance::MinkowskiPower { p: 1.0 }, 1.0),
            (Distance::MinkowskiPower { p: 3.5 }, 3.5),
        ];
        for (n, m) in [(60, 60), (47, 90), (1, 5), (8, 1)] {
            let (x, y) = (column::<f64>(1, n), column::<f64>(2, m));
            // The first source and every third have no mass, if there is more than one.
            let weigh = |seed: u64, count: usize| -> Vec<f64> {
                let raw: Matrix<f64> = column(seed, count);
                let weights: Vec<f64> = (0..count)
                    .map(|k| if k % 3 == 0 && count > 1 { 0.0 } else { raw[(k, 0)] + 0.1 })
                    .collect();
                let total: f64 = weights.iter().sum();
                weights.iter().map(|weight| weight / total).collect()
            };
            let (a, b) = (weigh(3, n), weigh(4, m));
            for (distance, p) in distances {
                let costs = Matrix::from_fn(n, m, |i, j| (x[(i, 0)] - y[(j, 0)]).abs().powf(p));
                for weighted in [false, true] {
                    let (mut points, mut given) =
                        (Problem::from_points(&x, &y, distance), Problem::from_costs(&costs));
                    if weighted {
                        points = points.with_source_weights(&a).with_target_weights(&b);
                        given = given.with_source_weights(&a).with_target_weights(&b);
                    }
                    let (sorted, told) = stages(&points, &Options::default());
                    assert_eq!(told, ["sorting"]);
                    let simplex = solve(&given).unwrap();
                    // Costs are at most one: each of about n + m terms is rounded a few times.
                    let tolerance = 64.0 * f64::EPSILON;
                    assert!((sorted.cost() - simplex.cost()).abs() <= tolerance, "{distance} {n} {m}");
                    assert!(sorted.certificate.is_optimal());
                    assert_eq!((sorted.certificate.iterations, sorted.certificate.tolerance), (0, 1e-13));
                    let first = usize::from(weighted && n > 1);
                    assert_eq!(
                        (sorted.source_potentials[first], simplex.source_potentials[first]),
                        (0.0, 0.0)
                    );
                    for i in 0..n {
                        for j in 0..m {
                            let (f, g) = (sorted.source_potentials[i], sorted.target_potentials[j]);
                            let size = costs[(i, j)] + f.abs() + g.abs();
                            assert!(f + g - costs[(i, j)] <= 2e-13 * size, "{distance} {i} {j}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_sorting_cannot_prove_goes_to_the_simplex() {
        let (x, y) = (column::<f64>(5, 30), column::<f64>(6, 40));
        let (plane_x, plane_y) =
            (Matrix::from_fn(30, 2, |i, _| x[(i, 0)]), Matrix::from_fn(40, 2, |i, _| y[(i, 0)]));
        let sorts =
            |problem: &Problem<'_, f64>, options: &Options| stages(problem, options).1.contains(&"sorting");
        let default = Options::default();
        for distance in [Distance::Cosine, Distance::MinkowskiPower { p: 0.5 }] {
            assert!(!sorts(&Problem::from_points(&x, &y, distance), &default), "{distance}");
        }
        assert!(!sorts(&Problem::from_points(&plane_x, &plane_y, Distance::Euclidean), &default));
        let line = Problem::from_points(&x, &y, Distance::Euclidean);
        assert!(!sorts(&line, &default.clone().with_tolerance(2e-14)));
        // There are no pivots that a limit could cut short, and a wide tolerance is met by a narrow proof.
        let (solution, told) = stages(&line, &default.with_max_iterations(0).with_tolerance(1e-9));
        assert_eq!((told.as_slice(), solution.certificate.tolerance), (&["sorting"][..], 1e-9));
        assert!(solution.certificate.is_optimal());
        // The line wants room for potentials, the simplex for less.
        let (far, near) = (Matrix::from_rows([[1e300]]), Matrix::from_rows([[0.0]]));
        let heavy = Problem::from_points(&far, &near, Distance::Euclidean)
            .with_source_weights(&[1.5e8])
            .with_target_weights(&[1.5e8]);
        assert_eq!(solve(&heavy).unwrap().cost(), 1.5e308);
    }

    #[test]
    fn an_observer_that_breaks_once_is_obeyed() {
        let (x, y) = (column::<f64>(7, 400), column::<f64>(8, 400));
        let mut told = Vec::new();
        let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
        let solution = solve_with(&problem, &Options::default(), &mut |progress| {
            told.push(progress.stage);
            if told.len() == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let certificate = solution.unwrap().certificate;
        assert_eq!((told.as_slice(), certificate.status), (&["sorting"][..], Status::Stopped));
        assert!(certificate.source_marginal_error < 1e-14 && certificate.target_marginal_error < 1e-14);
    }

    #[test]
    fn bad_input_is_named_as_in_the_plane() {
        let good = Matrix::from_rows([[0.0], [1.0]]);
        let bad = Matrix::from_rows([[0.0], [f64::NAN]]);
        let error = solve(&Problem::from_points(&good, &bad, Distance::Euclidean)).unwrap_err();
        assert!(matches!(error, Error::NotFiniteEntry { row: 1, column: 0, .. }), "{error}");
        let error =
            solve(&Problem::from_points(&good, &good, Distance::MinkowskiPower { p: f64::NAN })).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "p", .. }), "{error}");
        let problem =
            Problem::from_points(&good, &good, Distance::Euclidean).with_source_weights(&[1.0, 1.0]);
        assert!(matches!(solve(&problem).unwrap_err(), Error::MassMismatch { .. }));
        let options = Options::default().with_tolerance(0.0);
        let error =
            solve_with(&Problem::from_points(&good, &good, Distance::Euclidean), &options, &mut |_| {
                unreachable!("options are checked first")
            });
        assert!(matches!(error.unwrap_err(), Error::Argument { name: "tolerance", .. }));
        let far = Matrix::from_rows([[1e200]]);
        let error = solve(&Problem::from_points(&far, &good, Distance::SquaredEuclidean)).unwrap_err();
        assert!(matches!(error, Error::NotFiniteEntry { .. } | Error::Argument { .. }), "{error}");
    }

    fn a_large_cloud_on_the_line<T: Scalar>() {
        // Through the simplex this would take hours.
        let n = 200_000;
        let (x, y) = (column::<T>(9, n), column::<T>(10, n));
        let solution = solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean)).unwrap();
        assert!(solution.certificate.is_optimal(), "{}", solution.certificate);
        assert!(solution.plan.entries().len() < 2 * n);
        let sorted = |points: &Matrix<T>| {
            let mut numbers: Vec<f64> = points.view().column(0).map(T::to_f64).collect();
            numbers.sort_by(f64::total_cmp);
            numbers
        };
        let (x, y) = (sorted(&x), sorted(&y));
        let expected: f64 = x.iter().zip(&y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / n as f64;
        // A plain sum of n positive terms: sqrt(n) roundings or so.
        assert!((solution.cost() - expected).abs() <= 1000.0 * f64::EPSILON * expected);
    }

    #[test]
    fn large_clouds_on_the_line_are_sorted() {
        a_large_cloud_on_the_line::<f64>();
        a_large_cloud_on_the_line::<f32>();
    }
}
