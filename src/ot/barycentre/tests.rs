//! Against closed forms, the dense form of the grid, and the conditions of the optimum computed afresh.

use super::*;
use crate::matrix::Matrix;
use crate::ot::gaussian::{self, Gaussian};
use crate::ot::geodesic::WeightedPoints;
use crate::random::RandomStream;
use crate::simd::log_sum_exp;
use std::ops::ControlFlow;

fn squared_costs(shape: &[usize], spacing: &[f64]) -> Matrix<f64> {
    let points: usize = shape.iter().product();
    let place = |mut flat: usize| -> Vec<f64> {
        let mut place = vec![0.0; shape.len()];
        for (k, length) in shape.iter().enumerate().rev() {
            place[k] = (flat % length) as f64 * spacing[k];
            flat /= length;
        }
        place
    };
    Matrix::from_fn(points, points, |i, j| place(i).iter().zip(place(j)).map(|(x, y)| (x - y).powi(2)).sum())
}

/// A Gaussian bump on a line of cells, of mass one.
fn bump(cells: usize, mean: f64, variance: f64) -> Vec<f64> {
    let raw: Vec<f64> = (0..cells).map(|k| (-0.5 * (k as f64 - mean).powi(2) / variance).exp()).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|value| value / total).collect()
}

fn rows(histograms: &[Vec<f64>]) -> Matrix<f64> {
    Matrix::try_from_rows(histograms).unwrap()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

/// Mean and variance of a histogram on a line.
fn moments(histogram: &[f64]) -> (f64, f64) {
    let mass: f64 = histogram.iter().sum();
    let mean = histogram.iter().enumerate().map(|(k, b)| k as f64 * b).sum::<f64>() / mass;
    let squares = histogram.iter().enumerate().map(|(k, b)| (k as f64 - mean).powi(2) * b).sum::<f64>();
    (mean, squares / mass)
}

/// The potential of b in entropic transport from a to b, in units of ε, by plain iterations in the log domain.
fn target_potential(costs: &Matrix<f64>, a: &[f64], b: &[f64], iterations: usize) -> Vec<f64> {
    let (n, m) = costs.shape();
    let (mut u, mut v) = (vec![0.0; n], vec![0.0; m]);
    for _ in 0..iterations {
        for i in 0..n {
            let terms: Vec<f64> = (0..m).map(|j| v[j] - costs[(i, j)]).collect();
            u[i] = a[i].ln() - log_sum_exp(&terms);
        }
        for j in 0..m {
            let terms: Vec<f64> = (0..n).map(|i| u[i] - costs[(i, j)]).collect();
            v[j] = b[j].ln() - log_sum_exp(&terms);
        }
    }
    v
}

#[test]
fn two_translated_bumps_meet_in_the_middle() {
    let cells = 101;
    let histograms = rows(&[bump(cells, 30.0, 9.0), bump(cells, 70.0, 9.0)]);
    let grid = Grid::new(&[cells]).unwrap();
    for share in [0.0, 0.25, 0.5, 1.0] {
        let options = EntropicOptions::new(2.0).debiased().with_tolerance(1e-10);
        let answer = on_grid(&histograms, &[1.0 - share, share], &grid, &options).unwrap();
        assert_eq!(answer.status, Status::Converged);
        // Debiased: the bump itself, moved. (The grid sums Gaussians of this width as if they were integrals.)
        let expected = bump(cells, 30.0 + 40.0 * share, 9.0);
        assert!(
            distance(&answer.histogram, &expected) < 1e-6,
            "{:e}",
            distance(&answer.histogram, &expected)
        );
        // Plain: wider, by ε/2 for one measure and for two that are translates.
        let options = EntropicOptions::new(2.0).with_tolerance(1e-10);
        let answer = on_grid(&histograms, &[1.0 - share, share], &grid, &options).unwrap();
        let (mean, variance) = moments(&answer.histogram);
        assert!((mean - (30.0 + 40.0 * share)).abs() < 1e-6);
        assert!((variance - 10.0).abs() < 1e-5, "{variance}");
    }
}

#[test]
fn diracs_meet_in_their_mean_and_one_histogram_is_its_own_barycentre() {
    let mut diracs = Matrix::zeros(3, 31);
    (diracs[(0, 2)], diracs[(1, 20)], diracs[(2, 29)]) = (5.0, 5.0, 5.0);
    let grid = Grid::new(&[31]).unwrap();
    let options = EntropicOptions::new(0.05).debiased();
    // Weights 1/3: the mean of the places is 17.
    let answer = on_grid(&diracs, &[1.0 / 3.0; 3], &grid, &options).unwrap();
    assert!((answer.histogram[17] - 5.0).abs() < 1e-5);
    let histogram = RandomStream::new(1).uniform_matrix::<f64>(1, 31).map(|x| x + 0.5);
    let options = EntropicOptions::new(1.0).debiased().with_tolerance(1e-12);
    let answer = on_grid(&histogram, &[1.0], &grid, &options).unwrap();
    assert_eq!(answer.status, Status::Converged);
    assert!(distance(&answer.histogram, histogram.row(0)) < 1e-8);
    // With the weight one among others it is the same.
    let other =
        on_grid(&rows(&[histogram.row(0).to_vec(), histogram.row(0).to_vec()]), &[1.0, 0.0], &grid, &options);
    assert_eq!(other.unwrap().histogram, answer.histogram);
    // Of a cell without mass the barycentre's mass goes to zero like 1/iterations, the residual like its square.
    let mut holed = histogram;
    holed[(0, 4)] = 0.0;
    let answer = on_grid(&holed, &[1.0], &grid, &options.with_tolerance(1e-6)).unwrap();
    assert_eq!(answer.status, Status::Converged);
    assert!(distance(&answer.histogram, holed.row(0)) < 2e-2);
}

#[test]
fn the_grid_is_the_matrix_form() {
    let mut random = RandomStream::new(2);
    for (shape, spacing) in
        [(vec![40], vec![0.5]), (vec![7, 9], vec![1.0, 0.3]), (vec![3, 4, 5], vec![1.0, 2.0, 0.7])]
    {
        let points: usize = shape.iter().product();
        let mut histograms = random.uniform_matrix::<f64>(3, points);
        for row in 0..3 {
            (0..points).step_by(row + 2).for_each(|k| histograms[(row, k)] = 0.0);
            let total: f64 = histograms.row(row).iter().sum();
            histograms.row_mut(row).iter_mut().for_each(|x| *x /= total);
        }
        let (grid, costs) =
            (Grid::new(&shape).unwrap().with_spacing(&spacing).unwrap(), squared_costs(&shape, &spacing));
        // From an ε with a full kernel down to one where most of it underflows (costs up to 400).
        for epsilon in [10.0, 0.5, 0.05] {
            for debiased in [false, true] {
                let mut options = EntropicOptions::new(epsilon).with_tolerance(0.0).with_max_iterations(50);
                options.debiased = debiased;
                let first = on_grid(&histograms, &[0.5, 0.25, 0.25], &grid, &options).unwrap();
                let second = fixed_support(&histograms, &[0.5, 0.25, 0.25], &costs, &options).unwrap();
                // 50 iterations, each with the rounding of exponents up to 400/ε in size.
                let tolerance = 1e-13 * (1.0 + 400.0 / epsilon);
                assert!(distance(&first.histogram, &second.histogram) < tolerance, "{shape:?} {epsilon}");
                assert_eq!(first.iterations, 50);
            }
        }
    }
}

#[test]
fn the_conditions_of_the_optimum_hold() {
    // b minimises Σ λₖ OT_ε(aₖ, b) if and only if the potentials of b, each from a solution of its own, sum to a constant.
    let mut random = RandomStream::new(3);
    let (n, m) = (12, 9);
    let costs = random.uniform_matrix::<f64>(n, m);
    let mut histograms = random.uniform_matrix::<f64>(3, n);
    for row in 0..3 {
        let total: f64 = histograms.row(row).iter().sum();
        histograms.row_mut(row).iter_mut().for_each(|x| *x /= total);
    }
    let (shares, epsilon) = ([0.2, 0.5, 0.3], 0.1);
    let scaled = costs.map(|cost| cost / epsilon);
    let options = EntropicOptions::new(epsilon).with_tolerance(1e-13);
    let answer = fixed_support(&histograms, &shares, &costs, &options).unwrap();
    assert_eq!(answer.status, Status::Converged);
    let mut total = vec![0.0; m];
    for (row, share) in shares.iter().enumerate() {
        let potential = target_potential(&scaled, histograms.row(row), &answer.histogram, 2000);
        total.iter_mut().zip(potential).for_each(|(total, v)| *total += share * v);
    }
    let spread = total.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        - total.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(spread < 1e-8, "{spread:e}");

    // Debiased: less the potential of b with itself.
    let symmetric = squared_costs(&[n], &[0.3]);
    let scaled = symmetric.map(|cost| cost / epsilon);
    let options = options.debiased();
    let answer = fixed_support(&histograms, &shares, &symmetric, &options).unwrap();
    assert_eq!(answer.status, Status::Converged);
    let own = target_potential(&scaled, &answer.histogram, &answer.histogram, 4000);
    let mut total: Vec<f64> = vec![0.0; n];
    // Plain Sinkhorn leaves f and g of b with itself apart by a constant only.
    for (row, share) in shares.iter().enumerate() {
        let potential = target_potential(&scaled, histograms.row(row), &answer.histogram, 4000);
        total
            .iter_mut()
            .zip(potential.iter().zip(&own))
            .for_each(|(total, (v, own))| *total += share * (v - own));
    }
    let largest = answer.histogram.iter().copied().fold(0.0, f64::max);
    let seen: Vec<f64> = (0..n).filter(|&j| answer.histogram[j] > 1e-6 * largest).map(|j| total[j]).collect();
    let spread = seen.iter().copied().fold(f64::NEG_INFINITY, f64::max)
        - seen.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(spread < 1e-5, "{spread:e}");
}

#[test]
fn debiased_images_of_gaussians_have_the_gaussian_barycentre() {
    let size = 64;
    let image = |gaussian: &Gaussian| -> Vec<f64> {
        let c = gaussian.covariance();
        let determinant = c[(0, 0)] * c[(1, 1)] - c[(0, 1)] * c[(1, 0)];
        let raw: Vec<f64> = (0..size * size)
            .map(|k| {
                let (x, y) = ((k / size) as f64 - gaussian.mean()[0], (k % size) as f64 - gaussian.mean()[1]);
                let form = c[(1, 1)] * x * x - 2.0 * c[(0, 1)] * x * y + c[(0, 0)] * y * y;
                (-0.5 * form / determinant).exp()
            })
            .collect();
        let total: f64 = raw.iter().sum();
        raw.iter().map(|x| x / total).collect()
    };
    let measures = [
        Gaussian::new(&[26.0, 28.0], &Matrix::from_rows([[20.0, 6.0], [6.0, 8.0]])).unwrap(),
        Gaussian::new(&[36.0, 34.0], &Matrix::from_rows([[6.0, -3.0], [-3.0, 14.0]])).unwrap(),
    ];
    let shares = [0.4, 0.6];
    let expected = gaussian::barycentre(&measures, &shares, &Default::default()).unwrap().gaussian;
    let histograms = rows(&measures.each_ref().map(image));
    let places =
        Matrix::from_fn(size * size, 2, |k, axis| if axis == 0 { k / size } else { k % size } as f64);
    // Of Gaussians the debiased barycentre is close to the true one, of order ε² (it is exact for translates).
    let options = EntropicOptions::new(2.0).debiased().with_tolerance(1e-8);
    let answer = on_grid(&histograms, &shares, &Grid::new(&[size, size]).unwrap(), &options).unwrap();
    assert_eq!(answer.status, Status::Converged);
    let fitted = Gaussian::fit(&places, Some(&answer.histogram)).unwrap();
    let error = fitted.wasserstein_distance(&expected).unwrap();
    assert!(error < 0.05, "{error}");
    let plain = EntropicOptions::new(2.0).with_tolerance(1e-8);
    let plain = on_grid(&histograms, &shares, &Grid::new(&[size, size]).unwrap(), &plain).unwrap();
    let plain = Gaussian::fit(&places, Some(&plain.histogram)).unwrap();
    assert!(plain.wasserstein_distance(&expected).unwrap() > 3.0 * error);
}

#[test]
fn limits_and_observers_are_statuses() {
    let histograms = rows(&[bump(50, 10.0, 4.0), bump(50, 40.0, 4.0)]);
    let grid = Grid::new(&[50]).unwrap();
    let options = EntropicOptions::new(0.5).with_max_iterations(3);
    let answer = on_grid(&histograms, &[0.5, 0.5], &grid, &options).unwrap();
    assert!(answer.status == Status::IterationLimit && answer.iterations == 3 && answer.residual > 1e-7);
    let mut seen = Vec::new();
    let answer = on_grid_with(&histograms, &[0.5, 0.5], &grid, &EntropicOptions::new(0.5), &mut |progress| {
        seen.push(progress.iterations);
        if progress.iterations == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(answer.unwrap().status, Status::Stopped);
    assert_eq!(seen, [1, 2]);
    assert!(on_grid(&histograms, &[0.5, 0.5], &grid, &options.with_max_iterations(0)).is_err());
    let loose = EntropicOptions::new(0.5).with_tolerance(10.0);
    assert_eq!(on_grid(&histograms, &[0.5, 0.5], &grid, &loose).unwrap().iterations, 1);
}

#[cfg(feature = "parallel")]
#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let mut random = RandomStream::new(4);
    let mut histograms = random.uniform_matrix::<f64>(5, 40 * 70);
    for row in 0..5 {
        let total: f64 = histograms.row(row).iter().sum();
        histograms.row_mut(row).iter_mut().for_each(|x| *x /= total);
    }
    let options = EntropicOptions::new(3.0).debiased().with_max_iterations(5);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| on_grid(&histograms, &[0.2; 5], &Grid::new(&[40, 70]).unwrap(), &options).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn bad_histograms_weights_and_costs_are_named() {
    let good = Matrix::from_rows([[0.5, 0.5], [1.0, 0.0]]);
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let options = EntropicOptions::new(1.0);
    let run = |histograms: &Matrix<f64>, shares: &[f64]| fixed_support(histograms, shares, &costs, &options);
    assert!(run(&good, &[0.5, 0.5]).is_ok());
    let with = |value: f64| Matrix::from_rows([[0.5, 0.5], [1.0, value]]);
    let nan = run(&with(f64::NAN), &[0.5, 0.5]).unwrap_err();
    assert!(matches!(nan, Error::NotFiniteEntry { row: 1, column: 1, .. }));
    let negative = run(&with(-0.5), &[0.5, 0.5]).unwrap_err();
    assert_eq!(negative, Error::NegativeEntry { what: "histograms", row: 1, column: 1, value: -0.5 });
    let heavier = run(&with(0.5), &[0.5, 0.5]).unwrap_err();
    assert!(matches!(heavier, Error::UnequalMass { index: 1, mass: 1.5, first_mass: 1.0, .. }));
    let empty = run(&Matrix::from_rows([[0.5, 0.5], [0.0, 0.0]]), &[0.5, 0.5]).unwrap_err();
    assert_eq!(empty, Error::ZeroRow { what: "histograms", row: 1 });
    assert!(matches!(run(&good, &[1.0]), Err(Error::Shape { expected: 2, got: 1, .. })));
    assert!(matches!(run(&good, &[0.5, 0.6]), Err(Error::Argument { .. })));
    assert!(matches!(run(&good, &[1.5, -0.5]), Err(Error::Negative { index: 1, .. })));
    assert!(matches!(run(&good, &[f64::NAN, 0.5]), Err(Error::NotFinite { index: 0, .. })));
    assert!(matches!(run(&Matrix::zeros(0, 2), &[]), Err(Error::Empty { what: "histograms" })));
    assert!(matches!(
        run(&Matrix::filled(2, 3, 1.0), &[0.5, 0.5]),
        Err(Error::Shape { expected: 2, got: 3, .. })
    ));
    let skew = Matrix::from_rows([[0.0, 1.0], [2.0, 0.0]]);
    assert!(fixed_support(&good, &[0.5, 0.5], &skew, &options).is_ok());
    let error = fixed_support(&good, &[0.5, 0.5], &skew, &options.clone().debiased()).unwrap_err();
    assert!(matches!(error, Error::NotSymmetric { what: "costs", row: 1, column: 0, .. }));
    let error = fixed_support(&good, &[0.5, 0.5], &skew.map(|x| x / 0.0), &options).unwrap_err();
    assert!(matches!(error, Error::NotFiniteEntry { what: "costs", .. }));
    for epsilon in [0.0, -1.0, f64::NAN] {
        let error = fixed_support(&good, &[0.5, 0.5], &costs, &EntropicOptions::new(epsilon)).unwrap_err();
        assert!(matches!(error, Error::Argument { name: "epsilon", .. }));
    }
    let error = fixed_support(&good, &[0.5, 0.5], &costs, &EntropicOptions::new(1e-320)).unwrap_err();
    assert!(matches!(error, Error::NotFiniteEntry { what: "costs / epsilon", .. }));
    assert!(Grid::new(&[]).is_err() && Grid::new(&[3, 0]).is_err() && Grid::new(&[2; 4]).is_err());
    assert!(Grid::new(&[3]).unwrap().with_spacing(&[0.0]).is_err());
    assert!(Grid::new(&[usize::MAX, 2]).is_err());
}

fn cloud(points: Matrix<f64>) -> WeightedPoints<f64> {
    let count = points.rows();
    WeightedPoints { points, weights: vec![1.0 / count as f64; count] }
}

#[test]
fn free_points_find_translated_clouds() {
    let mut random = RandomStream::new(5);
    let shape = random.normal_matrix::<f64>(40, 2);
    let moved = |dx: f64, dy: f64| {
        cloud(Matrix::from_fn(40, 2, |i, k| shape[((i * 7) % 40, k)] + if k == 0 { dx } else { dy }))
    };
    let clouds = [moved(0.0, 0.0), moved(10.0, 4.0), moved(-4.0, 6.0)];
    let shares = [0.5, 0.25, 0.25];
    let answer = free_support(&clouds, &shares, &clouds[1].points, None, &FreeOptions::default()).unwrap();
    assert_eq!(answer.status, Status::Converged);
    // Translates: the barycentre is the translate by the mean of the vectors, Σ λₖ |vₖ - v̄|² away.
    let (dx, dy) = (1.5, 2.5);
    let expected: f64 = [(0.0, 0.0), (10.0, 4.0), (-4.0, 6.0)]
        .iter()
        .zip(shares)
        .map(|((x, y), share)| share * ((x - dx) * (x - dx) + (y - dy) * (y - dy)))
        .sum();
    assert!((answer.objective - expected).abs() < 1e-11 * expected, "{} {expected}", answer.objective);
    let mut found: Vec<Vec<f64>> = answer.cloud.points.iter_rows().map(<[f64]>::to_vec).collect();
    let mut wanted: Vec<Vec<f64>> = shape.iter_rows().map(|row| vec![row[0] + dx, row[1] + dy]).collect();
    found.sort_by(|a, b| a[0].total_cmp(&b[0]));
    wanted.sort_by(|a, b| a[0].total_cmp(&b[0]));
    for (found, wanted) in found.iter().zip(&wanted) {
        assert!(distance(found, wanted) < 1e-12);
    }
    // All weight on one cloud: the points become that cloud.
    let answer =
        free_support(&clouds, &[0.0, 1.0, 0.0], &clouds[0].points, None, &FreeOptions::default()).unwrap();
    assert!(answer.objective < 1e-20 && answer.status == Status::Converged);
}

#[test]
fn free_points_never_raise_the_objective_and_carry_their_weights() {
    let mut random = RandomStream::new(6);
    let clouds: Vec<_> = (0..3)
        .map(|k| cloud(Matrix::from_fn(30, 2, |_, axis| random.normal::<f64>() * (1 + k + axis) as f64)))
        .collect();
    let initial = random.normal_matrix::<f64>(10, 2);
    let weights: Vec<f64> = (1..=10).map(|k| f64::from(k) / 55.0).collect();
    let mut objectives = Vec::new();
    let answer = free_support_with(
        &clouds,
        &[0.2, 0.3, 0.5],
        &initial,
        Some(&weights),
        &FreeOptions::default(),
        &mut |p| {
            objectives.push(p.cost);
            ControlFlow::Continue(())
        },
    )
    .unwrap();
    assert_eq!(answer.status, Status::Converged);
    assert_eq!(answer.cloud.weights, weights);
    assert!(objectives.len() > 1 && objectives.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-14)));
    assert!(answer.objective <= objectives[0]);
    let once = FreeOptions::default().with_max_iterations(1);
    let answer = free_support(&clouds, &[0.2, 0.3, 0.5], &initial, Some(&weights), &once).unwrap();
    assert!(answer.status == Status::IterationLimit && answer.residual > 0.0);
}

#[test]
fn bad_clouds_are_named() {
    let good = cloud(Matrix::from_rows([[0.0], [1.0]]));
    let initial = Matrix::from_rows([[0.0], [1.0]]);
    let options = FreeOptions::default();
    let run = |clouds: &[WeightedPoints<f64>], shares: &[f64], weights: Option<&[f64]>| {
        free_support(clouds, shares, &initial, weights, &options)
    };
    assert!(run(std::slice::from_ref(&good), &[1.0], None).is_ok());
    assert!(matches!(run(&[], &[], None), Err(Error::Empty { what: "clouds" })));
    let heavy = WeightedPoints { weights: vec![1.0, 1.0], ..good.clone() };
    assert!(matches!(
        run(&[good.clone(), heavy], &[0.5, 0.5], None),
        Err(Error::UnequalMass { index: 1, .. })
    ));
    let flat = cloud(Matrix::from_rows([[0.0, 1.0]]));
    assert!(matches!(run(&[flat], &[1.0], None), Err(Error::Shape { expected: 1, got: 2, .. })));
    assert!(matches!(
        run(std::slice::from_ref(&good), &[1.0], Some(&[1.0, 0.0])),
        Err(Error::ZeroRow { row: 1, .. })
    ));
    assert!(matches!(
        run(std::slice::from_ref(&good), &[1.0], Some(&[1.0, 1.0])),
        Err(Error::MassMismatch { .. })
    ));
    assert!(matches!(run(std::slice::from_ref(&good), &[1.0], Some(&[1.0])), Err(Error::Shape { .. })));
    let nan = cloud(Matrix::from_rows([[f64::NAN]]));
    assert!(matches!(run(&[nan], &[1.0], None), Err(Error::NotFiniteEntry { .. })));
}
