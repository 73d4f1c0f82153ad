//! Many problems at once, and assignments.

use crate::problems::{Filling, Numbers, Structure, clouds, costs_of, matrix};
use crate::proof::same_answer;
use brenier::matrix::Distance;
use brenier::ot::exact::{self, Method, Options};
use brenier::ot::progress::run_to_the_end;
use brenier::ot::{Problem, Status};
use brenier::{Error, Matrix, Scalar};

#[test]
fn a_batch_gives_the_answers_of_its_problems_one_by_one() {
    let mut numbers = Numbers::new(81);
    let costs: Vec<Matrix<f64>> =
        (0..40).map(|k| matrix(Filling::Uniform, 1 + numbers.below(70), 1 + numbers.below(70), k)).collect();
    let mut problems: Vec<Problem<'_, f64>> = costs.iter().map(Problem::from_costs).collect();
    let (x, y) = clouds(Structure::Normal, 800, 700, 2, 82);
    problems.push(Problem::from_points(&x, &y, Distance::Euclidean));
    for method in [Method::Automatic, Method::Plain, Method::Sparse] {
        let options = Options::default().with_method(method);
        let together = exact::solve_batch(&problems, &options);
        assert_eq!(together.len(), problems.len());
        for (problem, answer) in problems.iter().zip(together) {
            let alone = exact::solve_with(problem, &options, &mut run_to_the_end).unwrap();
            assert!(alone.certificate.is_optimal());
            assert!(same_answer(&answer.unwrap(), &alone));
        }
    }
}

#[test]
fn errors_stay_with_their_problem() {
    let good = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let bad = Matrix::from_rows([[0.0, 1.0], [1.0, f64::NAN]]);
    let empty = Matrix::<f64>::zeros(0, 2);
    let problems = [
        Problem::from_costs(&bad),
        Problem::from_costs(&good),
        Problem::from_costs(&good).with_source_weights(&[0.5, -0.5]),
        Problem::from_costs(&empty),
        Problem::from_costs(&good).with_source_weights(&[0.75, 0.25]),
    ];
    let answers = exact::solve_batch(&problems, &Options::default());
    assert!(matches!(answers[0], Err(Error::NotFiniteEntry { row: 1, column: 1, .. })));
    assert_eq!(answers[1].as_ref().unwrap().cost(), 0.0);
    assert_eq!(answers[2], Err(Error::Negative { what: "source weights", index: 1, value: -0.5 }));
    assert_eq!(answers[3], Err(Error::Empty { what: "the source" }));
    assert_eq!(answers[4].as_ref().unwrap().cost(), 0.25);
    // Options that fit none are refused by each; those that fit some, by the others.
    let answers = exact::solve_batch(&problems[..2], &Options::default().with_tolerance(f64::NAN));
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Argument { name: "tolerance", .. }))));
    let wide = Matrix::<f64>::zeros(2, 3);
    let problems = [Problem::from_costs(&wide), Problem::from_costs(&good)];
    let answers =
        exact::solve_batch(&problems, &Options::default().with_initial_potentials(&[0.0; 2], &[0.0; 2]));
    assert!(matches!(answers[0], Err(Error::Shape { expected: 3, got: 2, .. })));
    assert_eq!(answers[1].as_ref().unwrap().certificate.status, Status::Optimal);
    // A limit counts for each problem of its own.
    let costs = matrix(Filling::Uniform, 60, 60, 83);
    let problems = [Problem::from_costs(&good), Problem::from_costs(&costs), Problem::from_costs(&costs)];
    let answers = exact::solve_batch(&problems, &Options::default().with_max_iterations(3));
    let statuses: Vec<Status> =
        answers.iter().map(|answer| answer.as_ref().unwrap().certificate.status).collect();
    assert_eq!(statuses, [Status::Optimal, Status::IterationLimit, Status::IterationLimit]);
    assert_eq!(answers[2].as_ref().unwrap().certificate.iterations, 3);
}

#[test]
fn an_empty_batch_has_no_answers() {
    assert!(exact::solve_batch::<f64>(&[], &Options::default()).is_empty());
    assert!(exact::solve_batch::<f32>(&[], &Options::default().with_tolerance(-1.0)).is_empty());
}

/// The cost of pairing row i of x with row `pairing[i]` of y, after a check that this is a permutation.
fn cost_of<T: Scalar>(x: &Matrix<T>, y: &Matrix<T>, pairing: &[usize]) -> f64 {
    let mut seen = pairing.to_vec();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..x.rows()), "not a permutation");
    let costs = costs_of(x, y, Distance::SquaredEuclidean);
    pairing.iter().enumerate().map(|(i, &j)| costs[(i, j)]).sum::<f64>() / x.rows() as f64
}

#[test]
fn assignments_are_permutations_of_least_cost() {
    let structures = [
        Structure::Normal,
        Structure::PairsOfEqual,
        Structure::AllEqual,
        Structure::SameCloud,
        Structure::Grid,
        Structure::Cauchy,
        Structure::FarClusters(1e6),
    ];
    for (k, structure) in structures.into_iter().enumerate() {
        // The last is beyond what the plain simplex is taken for.
        for (n, dimension) in [(1, 2), (2, 1), (7, 2), (40, 1), (90, 5), (760, 2)] {
            let (x, y) = clouds(structure, n, n, dimension, 84 + k as u64);
            let best = exact::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean)).unwrap();
            let cost = cost_of(&x, &y, &exact::assign(&x, &y).unwrap());
            assert!((cost - best.cost()).abs() <= 1e-12 * cost, "{structure:?}, {n}: {cost}");
            // On a line the order of the plan is its proof, and potentials may be rounded more than this.
            let bound = best.certificate.dual_value;
            assert!(
                dimension == 1 || bound >= cost * (1.0 - 1e-9),
                "{structure:?}, {n}: {bound} below {cost}"
            );
            let (x, y) = (x.map(|value| value as f32), y.map(|value| value as f32));
            let best =
                exact::transport_cost(&Problem::from_points(&x, &y, Distance::SquaredEuclidean)).unwrap();
            let cost = cost_of(&x, &y, &exact::assign(&x, &y).unwrap());
            assert!((cost - best).abs() <= 1e-12 * cost, "{structure:?}, {n}, single: {cost} {best}");
        }
    }
}

#[test]
fn a_shuffled_cloud_is_paired_with_itself() {
    let (x, _) = clouds(Structure::Normal, 900, 1, 3, 91);
    let order = Numbers::new(92).permutation(900);
    let y = Matrix::from_fn(900, 3, |j, k| x[(order[j], k)]);
    let pairing = exact::assign(&x, &y).unwrap();
    assert!(pairing.iter().enumerate().all(|(i, &j)| order[j] == i));
}

#[test]
fn clouds_that_cannot_be_paired_are_refused() {
    let zeros = Matrix::<f64>::zeros;
    let error = exact::assign(&zeros(3, 2), &zeros(4, 2)).unwrap_err();
    assert!(matches!(error, Error::Shape { operation: "assignment", expected: 3, got: 4, .. }), "{error}");
    assert!(matches!(
        exact::assign(&zeros(3, 2), &zeros(0, 2)),
        Err(Error::Shape { expected: 3, got: 0, .. })
    ));
    assert!(matches!(exact::assign(&zeros(3, 2), &zeros(3, 1)), Err(Error::Shape { .. })));
    assert_eq!(exact::assign(&zeros(0, 2), &zeros(0, 2)), Err(Error::Empty { what: "the source" }));
    assert!(matches!(exact::assign(&zeros(3, 0), &zeros(3, 0)), Err(Error::Empty { .. })));
    for value in [f64::NAN, f64::INFINITY] {
        for dimension in [1, 2] {
            let mut bad = zeros(3, dimension);
            bad[(2, dimension - 1)] = value;
            for error in
                [exact::assign(&bad, &zeros(3, dimension)), exact::assign(&zeros(3, dimension), &bad)]
            {
                let error = error.unwrap_err();
                assert!(
                    matches!(error, Error::NotFiniteEntry { row: 2, column, .. } if column + 1 == dimension),
                    "{error}"
                );
            }
        }
    }
}
