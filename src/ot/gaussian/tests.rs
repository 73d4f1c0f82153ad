//! Against closed forms, the formulas taken literally, discretised Gaussians and the exact solver.

use super::decomposition::symmetric_eigen;
use super::factor::{product, square, transposed_product};
use super::*;
use crate::matrix::Distance;
use crate::ot::barycentre::Status;
use crate::ot::{Problem, exact};
use crate::random::RandomStream;

/// A random covariance of the given rank, of size about `rank`.
fn covariance(size: usize, rank: usize, random: &mut RandomStream) -> Matrix<f64> {
    square(&random.normal_matrix::<f64>(size, rank))
}

fn random_gaussian(size: usize, rank: usize, random: &mut RandomStream) -> Gaussian {
    let mut mean = vec![0.0; size];
    random.fill_normal(&mut mean);
    Gaussian::new(&mean, &covariance(size, rank, random)).unwrap()
}

fn diagonal(mean: &[f64], variances: &[f64]) -> Gaussian {
    let size = mean.len();
    Gaussian::new(mean, &Matrix::from_fn(size, size, |i, j| if i == j { variances[i] } else { 0.0 })).unwrap()
}

/// f(A) by its eigenvalues.
fn function(a: &Matrix<f64>, f: impl Fn(f64) -> f64) -> Matrix<f64> {
    let (values, vectors) = symmetric_eigen("test", a).unwrap();
    let scaled = Matrix::from_fn(a.rows(), a.rows(), |i, j| vectors[(i, j)] * f(values[j].max(0.0)));
    product(&scaled, &vectors.transposed())
}

fn root(a: &Matrix<f64>) -> Matrix<f64> {
    function(a, f64::sqrt)
}

fn trace(a: &Matrix<f64>) -> f64 {
    (0..a.rows()).map(|i| a[(i, i)]).sum()
}

fn squared_norm(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum()
}

/// The rotation-free formula, with the roots it names.
fn literal_distance(a: &Gaussian, b: &Gaussian) -> f64 {
    let half = root(a.covariance());
    let inner = product(&product(&half, b.covariance()), &half);
    squared_norm(a.mean(), b.mean()) + trace(a.covariance()) + trace(b.covariance())
        - 2.0 * trace(&root(&inner))
}

fn assert_close(a: &Matrix<f64>, b: &Matrix<f64>, tolerance: f64) {
    assert_eq!(a.shape(), b.shape());
    for (x, y) in a.as_slice().iter().zip(b.as_slice()) {
        assert!((x - y).abs() <= tolerance, "{x} {y}, tolerance {tolerance:e}");
    }
}

#[test]
fn the_distance_is_that_of_the_formula() {
    let mut random = RandomStream::new(1);
    for size in [1, 2, 3, 10, 40] {
        let (a, b) = (random_gaussian(size, size, &mut random), random_gaussian(size, size, &mut random));
        let (got, expected) = (a.squared_wasserstein_distance(&b).unwrap(), literal_distance(&a, &b));
        let whole = trace(a.covariance()) + trace(b.covariance());
        // The literal form takes roots of eigenvalues that are known to EPS times the largest one.
        assert!((got - expected).abs() <= 1e-7 * whole, "{size}: {got} {expected}");
        let back = b.squared_wasserstein_distance(&a).unwrap();
        assert!((got - back).abs() <= 64.0 * size as f64 * f64::EPSILON * whole);
        assert!(
            a.squared_wasserstein_distance(&a).unwrap()
                <= (64.0 * size as f64 * f64::EPSILON).powi(2) * whole
        );
    }
}

#[test]
fn covariances_that_commute_and_one_dimension_have_distances_of_standard_deviations() {
    let a = diagonal(&[1.0, 2.0, 0.0, 5.0], &[1.0, 4.0, 1e-12, 0.0]);
    let b = diagonal(&[1.0, 0.0, 0.0, 5.0], &[9.0, 1.0, 4.0, 1.0]);
    let expected = 4.0 + 4.0 + 1.0 + (2.0_f64 - 1e-6).powi(2) + 1.0;
    assert!((a.squared_wasserstein_distance(&b).unwrap() - expected).abs() < 32.0 * f64::EPSILON * expected);
    let (narrow, wide) = (diagonal(&[-1.0], &[0.25]), diagonal(&[3.0], &[6.25]));
    assert!((narrow.wasserstein_distance(&wide).unwrap() - 20.0_f64.sqrt()).abs() < 1e-15 * 8.0);
}

#[test]
fn lines_are_as_far_apart_as_the_angle_between_them() {
    // u uᵀ and v vᵀ: |u|² + |v|² - 2 |u·v|, in 20 dimensions. The naive form would be off by 1e-8.
    let mut random = RandomStream::new(2);
    for _ in 0..10 {
        let (u, v) = (random.normal_matrix::<f64>(20, 1), random.normal_matrix::<f64>(20, 1));
        let dot = transposed_product(&u, &v)[(0, 0)];
        let (uu, vv) = (transposed_product(&u, &u)[(0, 0)], transposed_product(&v, &v)[(0, 0)]);
        let gaussian = |x: &Matrix<f64>| Gaussian::new(&[0.0; 20], &square(x)).unwrap();
        let (a, b) = (gaussian(&u), gaussian(&v));
        let expected = uu + vv - 2.0 * dot.abs();
        let got = a.squared_wasserstein_distance(&b).unwrap();
        assert!((got - expected).abs() <= 1e-13 * (uu + vv), "{got} {expected}");
        assert!(a.squared_wasserstein_distance(&a).unwrap() <= 1e-26 * uu);
        assert!(matches!(a.map_to(&b), Err(Error::Argument { .. })));
        // The geodesic needs no map.
        let middle = a.interpolate(&b, 0.5).unwrap();
        let half = a.squared_wasserstein_distance(&middle).unwrap();
        assert!((half - 0.25 * expected).abs() <= 1e-7 * expected, "{half} {expected}");
    }
}

#[test]
fn the_map_pushes_the_source_onto_the_target() {
    let mut random = RandomStream::new(3);
    for size in [1, 2, 5, 30] {
        let (a, b) = (random_gaussian(size, 2 * size, &mut random), random_gaussian(size, size, &mut random));
        let map = a.map_to(&b).unwrap();
        let pushed = map.push_forward(&a).unwrap();
        let norm = trace(b.covariance());
        assert_close(pushed.covariance(), b.covariance(), 1e-11 * norm);
        assert!(squared_norm(pushed.mean(), b.mean()).sqrt() <= 1e-13);
        // Symmetric to the last bit and positive: the gradient of a convex function.
        assert_eq!(map.matrix(), &map.matrix().transposed());
        assert!(symmetric_eigen("test", map.matrix()).unwrap().0[0] >= -1e-13);
        // E |x - T x|² is the squared distance: |a - b|² + tr (I - T) A (I - T).
        let rest = Matrix::from_fn(size, size, |i, j| f64::from(i == j) - map.matrix()[(i, j)]);
        let moved =
            trace(&product(&product(&rest, a.covariance()), &rest)) + squared_norm(a.mean(), b.mean());
        let distance = a.squared_wasserstein_distance(&b).unwrap();
        assert!((moved - distance).abs() <= 1e-11 * (distance + norm), "{moved} {distance}");
        // And back again.
        let there_and_back = product(b.map_to(&a).unwrap().matrix(), map.matrix());
        assert_close(&there_and_back, &Matrix::identity(size), 1e-7);
    }
}

#[test]
fn a_singular_source_reaches_what_lies_in_its_range() {
    let mut random = RandomStream::new(4);
    let directions = random.normal_matrix::<f64>(6, 3);
    let within = |random: &mut RandomStream| {
        let root = product(&directions, &random.normal_matrix::<f64>(3, 3));
        Gaussian::new(&[0.0; 6], &square(&root)).unwrap()
    };
    let (a, b) = (within(&mut random), within(&mut random));
    let map = a.map_to(&b).unwrap();
    let norm = trace(b.covariance());
    assert_close(map.push_forward(&a).unwrap().covariance(), b.covariance(), 1e-10 * norm);
    let everywhere = random_gaussian(6, 6, &mut random);
    let Err(Error::Argument { value, .. }) = a.map_to(&everywhere) else { panic!("no map exists") };
    assert!(value > 0.0 && value < trace(everywhere.covariance()));
    // The other way round there is one.
    let pushed = everywhere.map_to(&a).unwrap().push_forward(&everywhere).unwrap();
    assert_close(pushed.covariance(), a.covariance(), 1e-10 * trace(a.covariance()));
    let nothing = diagonal(&[0.0, 1.0], &[0.0, 0.0]);
    assert_eq!(*nothing.map_to(&nothing).unwrap().matrix(), Matrix::zeros(2, 2));
    assert_eq!(nothing.wasserstein_distance(&diagonal(&[0.0, 0.0], &[0.0, 0.0])), Ok(1.0));
}

#[test]
fn any_cloud_and_its_image_are_matched_point_by_point() {
    // The map is a gradient of a convex function, so the exact plan between any points and their images is the identity.
    let mut random = RandomStream::new(5);
    let (a, b) = (random_gaussian(3, 3, &mut random), random_gaussian(3, 3, &mut random));
    let points = random.normal_matrix::<f64>(150, 3);
    let images = a.map_to(&b).unwrap().apply(&points).unwrap();
    let solution = exact::solve(&Problem::from_points(&points, &images, Distance::SquaredEuclidean)).unwrap();
    let expected =
        points.iter_rows().zip(images.iter_rows()).map(|(x, y)| squared_norm(x, y)).sum::<f64>() / 150.0;
    assert!((solution.cost() - expected).abs() <= 1e-13 * expected);
}

#[test]
fn samples_are_as_far_apart_within_their_sampling_error() {
    let mut random = RandomStream::new(6);
    let a = diagonal(&[0.0, 0.0], &[1.0, 0.25]);
    let b = Gaussian::new(&[3.0, 1.0], &Matrix::from_rows([[1.0, 0.6], [0.6, 2.0]])).unwrap();
    let mut sample = |gaussian: &Gaussian| {
        let root = root(gaussian.covariance());
        let noise = random.normal_matrix::<f64>(600, 2);
        let centred = product(&noise, &root);
        Matrix::from_fn(600, 2, |i, j| centred[(i, j)] + gaussian.mean()[j])
    };
    let (x, y) = (sample(&a), sample(&b));
    let cost = exact::transport_cost(&Problem::from_points(&x, &y, Distance::SquaredEuclidean)).unwrap();
    let expected = a.squared_wasserstein_distance(&b).unwrap();
    // The standard deviation of a mean of 600 terms |x - T x|² with deviation about 6 is 0.25; and a bias of 1/√600.
    assert!((cost - expected).abs() <= 1.0, "{cost} {expected}");
    // Gelbrich: the fitted Gaussians are not farther apart than the clouds.
    let fitted =
        Gaussian::fit(&x, None).unwrap().squared_wasserstein_distance(&Gaussian::fit(&y, None).unwrap());
    assert!(fitted.unwrap() <= cost);
    assert!((Gaussian::fit(&y, None).unwrap().wasserstein_distance(&b).unwrap()) < 0.3);
}

#[test]
fn fitting_is_the_definition() {
    let mut random = RandomStream::new(7);
    let points = random.normal_matrix::<f64>(40, 4);
    let weights: Vec<f64> = (0..40).map(|k| f64::from(k % 5)).collect();
    let fitted = Gaussian::fit(&points, Some(&weights)).unwrap();
    let mass: f64 = weights.iter().sum();
    for i in 0..4 {
        let mean = |k: usize| (0..40).map(|r| weights[r] * points[(r, k)]).sum::<f64>() / mass;
        assert!((fitted.mean()[i] - mean(i)).abs() < 1e-14);
        for j in 0..4 {
            let terms = (0..40).map(|r| weights[r] * (points[(r, i)] - mean(i)) * (points[(r, j)] - mean(j)));
            assert!((fitted.covariance()[(i, j)] - terms.sum::<f64>() / mass).abs() < 1e-14);
        }
    }
    let far = points.map(|x| x * 1e150);
    let scaled = Gaussian::fit(&far, Some(&weights)).unwrap();
    assert!((scaled.covariance()[(1, 2)] / 1e300 - fitted.covariance()[(1, 2)]).abs() < 1e-13);
    let single = Gaussian::fit(&points.rows_range(0..1).to_matrix().cast::<f32>(), None).unwrap();
    assert_eq!(*single.covariance(), Matrix::zeros(4, 4));
    assert!(matches!(Gaussian::fit(&points, Some(&[1.0])), Err(Error::Shape { .. })));
    assert!(matches!(Gaussian::fit(&points, Some(&[0.0; 40])), Err(Error::ZeroMass { .. })));
    assert_eq!(Gaussian::fit(&Matrix::<f64>::zeros(0, 2), None), Err(Error::Empty { what: "points" }));
    let far = Matrix::from_rows([[f64::MAX], [-f64::MAX]]);
    assert!(matches!(Gaussian::fit(&far, None), Err(Error::NotFiniteEntry { .. })));
}

#[test]
fn the_geodesic_divides_the_distance() {
    let mut random = RandomStream::new(8);
    for size in [1, 3, 8] {
        let (a, b) = (random_gaussian(size, size, &mut random), random_gaussian(size, size, &mut random));
        let whole = a.wasserstein_distance(&b).unwrap();
        for t in [0.0, 0.125, 0.5, 0.9, 1.0] {
            let between = a.interpolate(&b, t).unwrap();
            assert!((a.wasserstein_distance(&between).unwrap() - t * whole).abs() <= 1e-11 * whole);
            assert!((between.wasserstein_distance(&b).unwrap() - (1.0 - t) * whole).abs() <= 1e-11 * whole);
        }
        assert_eq!(a.interpolate(&b, 1.0).unwrap(), b);
        assert!(matches!(a.interpolate(&b, 1.5), Err(Error::Argument { name: "t", .. })));
    }
}

#[test]
fn everything_scales_from_tiny_to_huge() {
    let mut random = RandomStream::new(9);
    let (a, b) = (random_gaussian(3, 3, &mut random), random_gaussian(3, 3, &mut random));
    let (distance, map) = (a.wasserstein_distance(&b).unwrap(), a.map_to(&b).unwrap());
    let entropic = a.entropic_transport(&b, 0.5).unwrap();
    let divergence = a.sinkhorn_divergence(&b, 0.5).unwrap();
    let mean = barycentre(&[a.clone(), b.clone()], &[0.25, 0.75], &BarycentreOptions::default()).unwrap();
    // Powers of two, so that the scaled input is exact: all digits must stay.
    for exponent in [-500, 500] {
        let unit = 2.0_f64.powi(exponent);
        let scaled = |gaussian: &Gaussian| {
            let mean: Vec<f64> = gaussian.mean().iter().map(|x| x * unit).collect();
            Gaussian::new(&mean, &gaussian.covariance().map(|entry| entry * unit * unit)).unwrap()
        };
        let (a, b) = (scaled(&a), scaled(&b));
        assert!((a.wasserstein_distance(&b).unwrap() / unit / distance - 1.0).abs() < 1e-14);
        assert_close(a.map_to(&b).unwrap().matrix(), map.matrix(), 1e-12);
        let answer = a.entropic_transport(&b, 0.5 * unit * unit).unwrap();
        assert!((answer.value / unit / unit / entropic.value - 1.0).abs() < 1e-14);
        assert!((answer.divergence / entropic.divergence - 1.0).abs() < 1e-13);
        let answer = a.sinkhorn_divergence(&b, 0.5 * unit * unit).unwrap();
        assert!((answer / unit / unit / divergence - 1.0).abs() < 1e-13);
        let answer = barycentre(&[a, b], &[0.25, 0.75], &BarycentreOptions::default()).unwrap();
        assert_eq!(answer.status, Status::Converged);
        assert!((answer.objective / unit / unit / mean.objective - 1.0).abs() < 1e-12);
    }
    // Measures of sizes that have nothing to do with each other.
    let (dust, giant) = (diagonal(&[0.0], &[1e-300]), diagonal(&[0.0], &[1e300]));
    assert!((dust.wasserstein_distance(&giant).unwrap() / 1e150 - 1.0).abs() < 1e-14);
    assert!((dust.map_to(&giant).unwrap().matrix()[(0, 0)] / 1e300 - 1.0).abs() < 1e-14);
}

#[test]
fn ill_conditioned_covariances_keep_their_digits() {
    // Condition 1e12, with the same eigenvectors: the closed form of commuting covariances.
    let mut random = RandomStream::new(10);
    let (_, basis) = symmetric_eigen("test", &covariance(8, 8, &mut random)).unwrap();
    let with_values = |values: &dyn Fn(usize) -> f64| {
        let scaled = Matrix::from_fn(8, 8, |i, j| basis[(i, j)] * values(j).sqrt());
        Gaussian::new(&[0.0; 8], &square(&scaled)).unwrap()
    };
    let first = |k: usize| 10.0_f64.powf(-12.0 * k as f64 / 7.0);
    let second = |k: usize| 10.0_f64.powf(-12.0 * (7 - k) as f64 / 7.0);
    let (a, b) = (with_values(&first), with_values(&second));
    let expected: f64 = (0..8).map(|k| (first(k).sqrt() - second(k).sqrt()).powi(2)).sum();
    let got = a.squared_wasserstein_distance(&b).unwrap();
    // The smallest eigenvalue, 1e-12, is known to EPS: its root to EPS / 1e-6.
    assert!((got - expected).abs() <= 1e-9 * expected, "{got} {expected}");
    let pushed = a.map_to(&b).unwrap().push_forward(&a).unwrap();
    assert_close(pushed.covariance(), b.covariance(), 1e-3);
}

#[test]
fn the_barycentre_is_the_fixed_point_and_the_geodesic() {
    let mut random = RandomStream::new(11);
    for (size, count) in [(1, 3), (2, 2), (4, 5), (10, 3)] {
        let measures: Vec<Gaussian> = (0..count).map(|_| random_gaussian(size, size, &mut random)).collect();
        let mut weights: Vec<f64> = (0..count).map(|_| random.uniform::<f64>()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let answer = barycentre(&measures, &weights, &BarycentreOptions::default()).unwrap();
        assert_eq!(answer.status, Status::Converged);
        let s = answer.gaussian.covariance();
        let half = root(s);
        let mut fixed = Matrix::<f64>::zeros(size, size);
        let mut objective = 0.0;
        for (measure, weight) in measures.iter().zip(&weights) {
            let part = root(&product(&product(&half, measure.covariance()), &half));
            fixed = Matrix::from_fn(size, size, |i, j| fixed[(i, j)] + weight * part[(i, j)]);
            objective += weight * answer.gaussian.squared_wasserstein_distance(measure).unwrap();
        }
        assert_close(&fixed, s, 1e-8 * trace(s));
        assert!((answer.objective - objective).abs() <= 1e-9 * objective);
        if count == 2 {
            let between = measures[0].interpolate(&measures[1], weights[1]).unwrap();
            assert_close(between.covariance(), s, 1e-9 * trace(s));
        }
        // One measure alone, however it is written.
        let alone = barycentre(&measures[..1], &[1.0], &BarycentreOptions::default()).unwrap();
        assert_close(alone.gaussian.covariance(), measures[0].covariance(), 1e-12 * size as f64 * 8.0);
        let mut extreme = vec![0.0; count];
        extreme[0] = 1.0;
        assert_eq!(barycentre(&measures, &extreme, &BarycentreOptions::default()).unwrap(), alone);
    }
    let stopped = BarycentreOptions::default().with_max_iterations(0).with_tolerance(0.0);
    let (a, b) = (random_gaussian(3, 3, &mut random), random_gaussian(3, 3, &mut random));
    let answer = barycentre(&[a.clone(), b], &[0.5, 0.5], &stopped).unwrap();
    assert!(answer.status == Status::IterationLimit && answer.residual > 0.0 && answer.iterations == 0);
    let error = barycentre(&[a.clone(), a], &[0.5, 0.6], &stopped).unwrap_err();
    assert!(matches!(error, Error::Argument { value, .. } if value == 1.1));
}

/// Entropic transport between histograms on a line: the potentials' fixed point in the log domain, independent of the crate's
/// solvers. Gives the plan.
fn discrete_plan(x: &[f64], a: &[f64], b: &[f64], epsilon: f64) -> Matrix<f64> {
    let n = x.len();
    let (mut f, mut g) = (vec![0.0; n], vec![0.0; n]);
    let update = |weights: &[f64], other: &[f64]| -> Vec<f64> {
        (0..n)
            .map(|i| {
                let terms: Vec<f64> = (0..n).map(|j| (other[j] - (x[i] - x[j]).powi(2)) / epsilon).collect();
                let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let log = most + terms.iter().map(|t| (t - most).exp()).sum::<f64>().ln();
                epsilon * (weights[i].ln() - log)
            })
            .collect()
    };
    for _ in 0..60 {
        f = update(a, &g);
        g = update(b, &f);
    }
    Matrix::from_fn(n, n, |i, j| ((f[i] + g[j] - (x[i] - x[j]).powi(2)) / epsilon).exp())
}

#[test]
fn entropic_values_are_those_of_discretised_gaussians_in_both_conventions() {
    // Sums over a fine grid are integrals of Gaussians to the last digits, if the tails fit (Poisson summation).
    let step = 0.1;
    let x: Vec<f64> = (-90..=90).map(|k| f64::from(k) * step).collect();
    let density = |mean: f64, variance: f64| -> Vec<f64> {
        let norm = step / (std::f64::consts::TAU * variance).sqrt();
        x.iter().map(|x| norm * (-0.5 * (x - mean).powi(2) / variance).exp()).collect()
    };
    for (variance, epsilon) in [(0.5, 1.0), (1.0, 2.0), (0.7, 5.0)] {
        let (a, b) = (density(0.0, 1.0), density(1.0, variance));
        let plan = discrete_plan(&x, &a, &b, epsilon);
        let over = |term: &dyn Fn(usize, usize, f64) -> f64| -> f64 {
            (0..x.len())
                .flat_map(|i| (0..x.len()).map(move |j| (i, j)))
                .map(|(i, j)| if plan[(i, j)] > 0.0 { plan[(i, j)] * term(i, j, plan[(i, j)]) } else { 0.0 })
                .sum()
        };
        let cost = over(&|i, j, _| (x[i] - x[j]).powi(2));
        let divergence = over(&|i, j, mass| (mass / (a[i] * b[j])).ln());
        let covariance = over(&|i, j, _| x[i] * (x[j] - 1.0));
        let (source, target) = (diagonal(&[0.0], &[1.0]), diagonal(&[1.0], &[variance]));
        let answer = source.entropic_transport(&target, epsilon).unwrap();
        assert!((answer.transport_cost - cost).abs() < 1e-9, "{} {cost}", answer.transport_cost);
        assert!((answer.divergence - divergence).abs() < 1e-9, "{} {divergence}", answer.divergence);
        assert!((answer.value - (cost + epsilon * divergence)).abs() < 1e-9);
        assert!((answer.cross_covariance[(0, 0)] - covariance).abs() < 1e-9);
        // Against the Lebesgue measure: another value, by the entropies of the marginals.
        let against_lebesgue = cost + epsilon * over(&|_, _, mass| (mass / step / step).ln());
        let entropy = |variance: f64| 0.5 * (std::f64::consts::TAU * std::f64::consts::E * variance).ln();
        let expected = answer.value - epsilon * (entropy(1.0) + entropy(variance));
        assert!((against_lebesgue - expected).abs() < 1e-8, "{against_lebesgue} {expected}");
    }
}

#[test]
fn entropic_values_are_those_of_the_papers_formulas() {
    let mut random = RandomStream::new(12);
    for (size, epsilon) in [(1, 0.3), (3, 1.0), (5, 20.0)] {
        let (a, b) =
            (random_gaussian(size, 2 * size, &mut random), random_gaussian(size, 2 * size, &mut random));
        let variance: f64 = epsilon / 2.0;
        let half = root(a.covariance());
        let inner = product(&product(&half, b.covariance()), &half);
        let d = function(&inner, |value| (4.0 * value + variance * variance).sqrt());
        let log_determinant: f64 =
            symmetric_eigen("test", &d).unwrap().0.iter().map(|value| (value + variance).ln()).sum();
        let expected = squared_norm(a.mean(), b.mean()) + trace(a.covariance()) + trace(b.covariance())
            - trace(&d)
            + size as f64 * variance * (1.0 - (2.0 * variance).ln())
            + variance * log_determinant;
        let answer = a.entropic_transport(&b, epsilon).unwrap();
        assert!((answer.value - expected).abs() <= 1e-12 * expected, "{} {expected}", answer.value);
        let whole = answer.transport_cost + epsilon * answer.divergence;
        assert!((answer.value - whole).abs() <= 1e-13 * answer.value);
        let inverse = function(a.covariance(), |value| value.sqrt().recip());
        let twisted = product(&product(&half, &d), &inverse);
        let cross =
            Matrix::from_fn(size, size, |i, j| 0.5 * (twisted[(i, j)] - variance * f64::from(i == j)));
        assert_close(&answer.cross_covariance, &cross, 1e-10 * trace(a.covariance()));
        // |x - y|² under the plan, by its covariances.
        let spread = trace(a.covariance()) + trace(b.covariance()) - 2.0 * trace(&answer.cross_covariance);
        assert!(
            (answer.transport_cost - spread - squared_norm(a.mean(), b.mean())).abs() <= 1e-12 * expected
        );
        // The divergence is the three values' difference.
        let own = |gaussian: &Gaussian| gaussian.entropic_transport(gaussian, epsilon).unwrap().value;
        let debiased = answer.value - 0.5 * (own(&a) + own(&b));
        assert!((a.sinkhorn_divergence(&b, epsilon).unwrap() - debiased).abs() <= 1e-12 * expected);
    }
}

#[test]
fn entropic_limits_are_the_distance_and_the_independent_coupling() {
    let mut random = RandomStream::new(13);
    for rank in [1, 2, 4] {
        let (a, b) = (random_gaussian(4, rank, &mut random), random_gaussian(4, 4, &mut random));
        let distance = a.squared_wasserstein_distance(&b).unwrap();
        let means = squared_norm(a.mean(), b.mean());
        let (fine, coarse) = (1e-200, 1e200);
        assert!((a.entropic_transport(&b, fine).unwrap().value - distance).abs() <= 1e-14 * distance);
        assert!((a.sinkhorn_divergence(&b, fine).unwrap() - distance).abs() <= 1e-14 * distance);
        let answer = a.entropic_transport(&b, coarse).unwrap();
        let independent = means + trace(a.covariance()) + trace(b.covariance());
        assert!((answer.value - independent).abs() <= 1e-13 * independent);
        assert!(answer.cross_covariance.as_slice().iter().all(|entry| entry.abs() < 1e-150));
        assert!((a.sinkhorn_divergence(&b, coarse).unwrap() - means).abs() <= 1e-13 * independent);
        for epsilon in [fine, 1e-3, 1.0, coarse] {
            let zero = a.sinkhorn_divergence(&a, epsilon).unwrap();
            assert!(zero <= 1e-13 * trace(a.covariance()), "{zero}");
        }
    }
    // A point: any coupling is independent.
    let point = diagonal(&[1.0], &[0.0]);
    let answer = point.entropic_transport(&diagonal(&[0.0], &[4.0]), 0.1).unwrap();
    assert!((answer.value - 5.0).abs() < 1e-14 && answer.divergence == 0.0);
    for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(
            point.entropic_transport(&point, epsilon),
            Err(Error::Argument { name: "epsilon", .. })
        ));
    }
}

#[test]
fn bad_input_is_named() {
    let identity = Matrix::<f64>::identity(2);
    assert!(matches!(Gaussian::new(&[0.0], &identity), Err(Error::Shape { expected: 1, got: 2, .. })));
    assert_eq!(Gaussian::new(&[], &Matrix::<f64>::zeros(0, 0)), Err(Error::Empty { what: "mean" }));
    assert!(matches!(Gaussian::new(&[0.0, f64::NAN], &identity), Err(Error::NotFinite { index: 1, .. })));
    let nan = Matrix::from_rows([[1.0, f64::NAN], [0.0, 1.0]]);
    assert!(matches!(Gaussian::new(&[0.0; 2], &nan), Err(Error::NotFiniteEntry { row: 0, column: 1, .. })));
    let skew = Matrix::from_rows([[1.0, 0.5], [0.25, 1.0]]);
    let expected =
        Error::NotSymmetric { what: "covariance", row: 1, column: 0, value: 0.25, transposed: 0.5 };
    assert_eq!(Gaussian::new(&[0.0; 2], &skew), Err(expected));
    let indefinite = Matrix::from_rows([[1.0, 2.0], [2.0, 1.0]]);
    let Err(Error::NotPositiveSemidefinite { eigenvalue, .. }) = Gaussian::new(&[0.0; 2], &indefinite) else {
        panic!("an eigenvalue is -1")
    };
    assert!((eigenvalue + 1.0).abs() < 1e-14);
    // Rounding is none of these.
    let rounded = Matrix::from_rows([[1.0, 1.0 + f64::EPSILON], [1.0, 1.0]]);
    assert!(Gaussian::new(&[0.0; 2], &rounded).is_ok());
    let (line, plane) = (diagonal(&[0.0], &[1.0]), diagonal(&[0.0, 0.0], &[1.0, 1.0]));
    assert!(matches!(line.map_to(&plane), Err(Error::Shape { .. })));
    assert!(matches!(line.wasserstein_distance(&plane), Err(Error::Shape { .. })));
    let far = diagonal(&[1e200], &[1.0]);
    assert!(matches!(far.squared_wasserstein_distance(&line), Err(Error::Argument { .. })));
    assert!((far.wasserstein_distance(&line).unwrap() / 1e200 - 1.0).abs() < 1e-15);
}
