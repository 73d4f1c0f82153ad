//! Problems of hundreds and thousands of points: the sparse simplex against the plain one, and against its proof where that would
//! take too long.

use crate::problems::{
    DISTANCES, FILLINGS, Filling, SPREADS, STRUCTURES, Spread, Structure, clouds, costs_of, matrix, shares,
    solved, units,
};
use crate::proof::{assert_proved, assert_same_cost};
use brenier::Matrix;
use brenier::matrix::Distance;
use brenier::ot::exact::{Method, Options};
use brenier::ot::progress::run_to_the_end;
use brenier::ot::{Problem, exact};
use brenier::random::RandomStream;

#[test]
fn clouds_of_every_structure_agree_with_the_plain_simplex() {
    let sizes = [(700, 700), (300, 1500), (900, 650)];
    for (k, structure) in STRUCTURES.into_iter().enumerate() {
        let (n, m) = sizes[k % sizes.len()];
        let distance = match DISTANCES[k % DISTANCES.len()] {
            // Points at the origin have no direction.
            Distance::Cosine if structure == Structure::Grid => Distance::Manhattan,
            distance => distance,
        };
        let spread = SPREADS[k % SPREADS.len()];
        let (x, y) = clouds(structure, n, m, 2 + k % 3, 70 + k as u64);
        let (costs, [supply, demand]) = (costs_of(&x, &y, distance), units(spread, n, m, k as u64));
        let (a, b) = (shares(&supply), shares(&demand));
        let problem = Problem::from_points(&x, &y, distance).with_source_weights(&a).with_target_weights(&b);
        let context = format!("{structure:?}, {n} x {m}, {distance}, {spread:?}");
        let measured = assert_proved(&solved(&problem, Method::Sparse), &costs, &a, &b, &context);
        let plain = assert_proved(&solved(&problem, Method::Plain), &costs, &a, &b, &context);
        assert_same_cost(&measured, plain.cost, &context);
    }
}

#[test]
fn matrices_of_every_filling_agree_with_the_plain_simplex() {
    let sizes = [(600, 600), (300, 1200), (800, 500)];
    for (k, filling) in FILLINGS.into_iter().enumerate() {
        let (n, m) = if filling == Filling::Forbidden { (600, 600) } else { sizes[k % sizes.len()] };
        let spread = if filling == Filling::Forbidden { Spread::Uniform } else { SPREADS[k % SPREADS.len()] };
        let (costs, [supply, demand]) = (matrix(filling, n, m, 90 + k as u64), units(spread, n, m, k as u64));
        let (a, b) = (shares(&supply), shares(&demand));
        let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
        let context = format!("{filling:?}, {n} x {m}, {spread:?}");
        let measured = assert_proved(&solved(&problem, Method::Sparse), &costs, &a, &b, &context);
        let plain = assert_proved(&solved(&problem, Method::Plain), &costs, &a, &b, &context);
        assert_same_cost(&measured, plain.cost, &context);
    }
}

/// More than 2^22 pairs: costs are computed as they are needed, and screened in single precision. That must overlook nothing.
#[test]
fn clouds_whose_costs_are_never_kept_are_proved_over_all_pairs() {
    for (structure, distance, dimension, spread) in [
        (Structure::FarClusters(1e6), Distance::SquaredEuclidean, 2, Spread::Random),
        (Structure::PairsOfEqual, Distance::Euclidean, 3, Spread::Uniform),
        (Structure::Cauchy, Distance::Manhattan, 2, Spread::Tiny),
        (Structure::Shifted(1e6), Distance::SquaredEuclidean, 2, Spread::OneHeavy),
        (Structure::Scaled(1e-90), Distance::Chebyshev, 4, Spread::Random),
        (Structure::Normal, Distance::Cosine, 30, Spread::WithZeros),
    ] {
        let (n, m) = (2100, 2000);
        let (x, y) = clouds(structure, n, m, dimension, 5);
        let (costs, [supply, demand]) = (costs_of(&x, &y, distance), units(spread, n, m, 5));
        let (a, b) = (shares(&supply), shares(&demand));
        let problem = Problem::from_points(&x, &y, distance).with_source_weights(&a).with_target_weights(&b);
        let context = format!("{structure:?}, {distance}, {spread:?}");
        assert_proved(&exact::solve(&problem).unwrap(), &costs, &a, &b, &context);
        if distance == Distance::Euclidean {
            // Coordinates in single precision are widened before they are subtracted.
            let (x, y) = (x.map(|value| value as f32), y.map(|value| value as f32));
            let problem =
                Problem::from_points(&x, &y, distance).with_source_weights(&a).with_target_weights(&b);
            let costs = costs_of(&x, &y, distance);
            assert_proved(&exact::solve(&problem).unwrap(), &costs, &a, &b, &format!("{context}, single"));
        }
    }
}

#[test]
fn five_thousand_points_are_solved_on_the_sparse_graph() {
    let (n, m) = (5000, 4000);
    let (x, y) = clouds(Structure::Normal, n, m, 2, 17);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let solution = exact::solve(&problem).unwrap();
    assert_eq!(solution.report.method, "sparse simplex");
    assert_eq!(solution.report.plain_pivots, 0);
    assert_eq!(solution.certificate.iterations, solution.report.sparse_pivots);
    let costs = costs_of(&x, &y, Distance::SquaredEuclidean);
    let (a, b) = (vec![1.0 / n as f64; n], vec![1.0 / m as f64; m]);
    let measured = assert_proved(&solution, &costs, &a, &b, &"5000 x 4000");
    // Ordinary numbers: gap and violations are a few roundings.
    assert!(measured.slack <= 1e-13 * measured.size, "{measured:?}");
    assert!(measured.violation <= 1e-13 * measured.largest_potential, "{measured:?}");
    assert!(solution.certificate.gap.abs() <= 1e-13 * measured.size, "{}", solution.certificate);
    assert!(solution.certificate.source_marginal_error + solution.certificate.target_marginal_error <= 1e-13);
    // The same problem as asked for by name.
    let options = Options::default().with_method(Method::Sparse);
    let named = crate::problems::solved_with(&problem, &options);
    assert_eq!(named.plan, solution.plan);
}

/// Points in squares of side one, in turn in each.
fn in_squares(points: usize, corners: &[[f64; 2]], seed: u64) -> Matrix<f64> {
    let mut stream = RandomStream::new(seed);
    let mut coordinates = vec![0.0; 2 * points];
    stream.fill_uniform(&mut coordinates);
    Matrix::from_fn(points, 2, |row, axis| corners[row % corners.len()][axis] + coordinates[2 * row + axis])
}

/// More mass begins in the first square than ends there, so some of it has to go far.
#[test]
fn clusters_far_apart_are_solved_on_the_sparse_graph() {
    for apart in [10.0, 300.0] {
        let (near, far) = ([0.0, 0.0], [apart, 0.0]);
        let x = in_squares(1500, &[near, near, far], 1);
        let y = in_squares(1400, &[near, far], 2);
        let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
        let solution = exact::solve(&problem).unwrap();
        assert!(solution.certificate.is_optimal(), "{apart}: {}", solution.certificate);
        assert_eq!(solution.report.method, "sparse simplex", "{apart}");
        let options = Options::default().with_method(Method::Plain);
        let plain = exact::solve_with(&problem, &options, &mut run_to_the_end).unwrap();
        assert!((solution.cost() - plain.cost()).abs() <= 1e-12 * plain.cost(), "{apart}");
    }
}

/// One row in a thousand has ordinary costs, the others next to none: the mean of the coarse levels, which leave that row out,
/// may be too small for single precision.
#[test]
fn one_row_that_is_all_the_cost_is_no_trouble() {
    let mut stream = RandomStream::new(3);
    let mut random = vec![0.0; 1000 * 1000];
    stream.fill_uniform(&mut random);
    for scale in [1e-45, 3e-47, 1e-47, 3e-48, 1e-60] {
        let costs = Matrix::from_fn(1000, 1000, |i, j| {
            if i == 1 { 1.0 + 2.0 * (j % 2) as f64 } else { scale * random[1000 * i + j] }
        });
        let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
        assert!((solution.cost() - 1e-3).abs() <= 1e-15, "{scale:e}: {}", solution.cost());
        assert!(solution.certificate.is_optimal(), "{scale:e}: {}", solution.certificate);
    }
}
