//! Against the exact solver, closed forms, and hostile input.

use super::*;
use crate::matrix::Matrix;
use crate::ot::{Problem, Status, exact};
use proptest::prelude::*;

/// Every pair, one by one: the largest violation of dual feasibility.
fn violation_of_all_pairs(x: &[f64], y: &[f64], p: f64, solution: &Solution) -> f64 {
    let mut largest = 0.0_f64;
    for (x, f) in x.iter().zip(&solution.source_potentials) {
        for (y, g) in y.iter().zip(&solution.target_potentials) {
            largest = largest.max(f + g - (x - y).abs().powf(p));
        }
    }
    largest
}

#[test]
fn a_shift_costs_its_power() {
    let x: Vec<f64> = (0..1000).map(|k| (k * 377 % 1000) as f64 / 16.0).collect();
    let y: Vec<f64> = x.iter().rev().map(|x| x + 2.5).collect();
    for p in [1.0, 1.5, 2.0, 4.0] {
        let problem = LineProblem::new(&x, &y, p);
        let expected = 2.5_f64.powf(p);
        assert!((transport_cost(&problem).unwrap() - expected).abs() <= 4.0 * f64::EPSILON * expected);
        assert!((wasserstein_distance(&problem).unwrap() - 2.5).abs() <= 8.0 * f64::EPSILON);
        let solution = solve(&problem).unwrap();
        assert_eq!(solution.certificate.status, Status::Optimal, "p = {p}");
        assert_eq!(solution.plan.entries().len(), 1000);
        assert!(solution.certificate.gap.abs() <= 8.0 * f64::EPSILON * expected.max(1.0) * 64.0);
    }
}

#[test]
fn two_gaussian_histograms_are_as_far_apart_as_their_means() {
    // Bins 0..500 and 0..600, means 300 and 400 cut off far out: the exact cost of |x - y| is 100 up to the tails.
    let histogram = |bins: usize, mean: f64, deviation: f64| -> Vec<f64> {
        let raw: Vec<f64> =
            (0..bins).map(|k| (-0.5 * ((k as f64 - mean) / deviation).powi(2)).exp()).collect();
        let total: f64 = raw.iter().sum();
        raw.into_iter().map(|weight| weight / total).collect()
    };
    let (a, b) = (histogram(500, 200.0, 20.0), histogram(600, 300.0, 20.0));
    let (x, y): (Vec<f64>, Vec<f64>) = ((0..500).map(f64::from).collect(), (0..600).map(f64::from).collect());
    let problem = LineProblem::new(&x, &y, 1.0).with_source_weights(&a).with_target_weights(&b);
    // The two sides differ by less than a rounding for each bin, times the distance 100.
    assert!((transport_cost(&problem).unwrap() - 100.0).abs() < 1e-11);
    assert!(solve(&problem).unwrap().certificate.is_optimal());
}

#[test]
fn the_order_of_equal_numbers_is_kept() {
    let solution = solve(&LineProblem::new(&[1.0, 1.0, 0.0, -0.0], &[5.0, 5.0, 5.0, 5.0], 2.0)).unwrap();
    let targets = solution.plan.largest_targets();
    assert_eq!(targets, [Some(2), Some(3), Some(0), Some(1)]);
}

#[test]
fn single_points_and_points_without_mass() {
    let problem = LineProblem::new(&[3.0], &[-1.0, 7.0, 2.0], 2.0).with_target_weights(&[0.0, 0.5, 0.5]);
    let solution = solve(&problem).unwrap();
    assert_eq!(solution.cost(), 0.5 * 16.0 + 0.5);
    assert!(solution.certificate.is_optimal());
    assert_eq!(solution.source_potentials, [0.0]);
    assert!(solution.target_potentials[0] <= 16.0);
    assert_eq!(transport_cost(&LineProblem::new(&[2.0_f32], &[5.0_f32], 3.0)), Ok(27.0));
}

#[test]
fn the_same_weights_given_or_not_give_the_same_value() {
    let x: Vec<f64> = (0..60).map(|k| f64::from(k * 7919 % 101)).collect();
    let y: Vec<f64> = (0..45).map(|k| f64::from(k * 104_729 % 97) / 3.0).collect();
    for p in [1.0, 2.0, 2.5] {
        let plain = LineProblem::new(&x, &y, p);
        let given = plain.clone().with_source_weights(&[1.0 / 60.0; 60]);
        let (plain, given) = (transport_cost(&plain).unwrap(), transport_cost(&given).unwrap());
        assert!((plain - given).abs() <= 8.0 * f64::EPSILON * plain, "p = {p}");
    }
}

#[test]
fn the_value_scales_without_overflow_or_underflow() {
    let (x, y) = ([0.0, 1.0, 4.0], [2.0, 3.0, 9.0]);
    let expected = |p: f64| ((2.0_f64.powf(p) + 2.0_f64.powf(p) + 5.0_f64.powf(p)) / 3.0).powf(1.0 / p);
    for p in [1.0, 2.0, 3.0, 40.0] {
        for scale in [1.0, 1e-250, 1e250, 1e-300] {
            let (x, y) = (x.map(|x| x * scale), y.map(|y| y * scale));
            let distance = wasserstein_distance(&LineProblem::new(&x, &y, p)).unwrap();
            assert!((distance / scale - expected(p)).abs() < 1e-13, "p = {p}, scale {scale:e}");
        }
    }
    assert_eq!(wasserstein_distance(&LineProblem::new(&[1.0, 2.0], &[2.0, 1.0], 7.0)), Ok(0.0));
}

#[test]
fn powers_of_any_size_neither_overflow_nor_vanish() {
    for p in [1500.0_f64, 1e4, 1e15, f64::MAX] {
        assert_eq!(wasserstein_distance(&LineProblem::new(&[0.0], &[1.9], p)), Ok(1.9), "p = {p:e}");
        // 1/2 of the mass moves by 4, the rest by 1: 4 * 2^(-1/p), and 4^-p vanishes.
        for scale in [1.0_f64, 1e-300, 1e300] {
            let (x, y) = ([0.0, 10.0 * scale], [scale, 14.0 * scale]);
            let distance = wasserstein_distance(&LineProblem::new(&x, &y, p)).unwrap();
            let (near, far) = (y[0] - x[0], y[1] - x[1]);
            let expected = far * (0.5 + 0.5 * (near / far).powf(p)).powf(1.0 / p);
            assert!((distance - expected).abs() <= 4.0 * f64::EPSILON * expected, "p = {p:e}, {scale:e}");
        }
    }
}

#[test]
fn sums_beyond_the_range_are_refused() {
    let problem =
        LineProblem::new(&[0.0], &[1e305], 1.0).with_source_weights(&[1e10]).with_target_weights(&[1e10]);
    for result in
        [transport_cost(&problem), wasserstein_distance(&problem), solve(&problem).map(|s| s.cost())]
    {
        assert!(matches!(result, Err(Error::Argument { value, .. }) if value == f64::INFINITY));
    }
    // Two terms that are finite, and their sum is not.
    let masses = [6e2, 6e2];
    let problem = LineProblem::new(&[0.0, 0.0], &[2e305, 2e305], 1.0)
        .with_source_weights(&masses)
        .with_target_weights(&masses);
    assert!(matches!(transport_cost(&problem), Err(Error::Argument { name: "the transport cost", .. })));
}

#[test]
fn bad_input_is_named() {
    let problem = LineProblem::new(&[0.0, f64::NAN], &[0.0], 2.0);
    for result in [transport_cost(&problem), solve(&problem).map(|s| s.cost())] {
        assert!(matches!(result, Err(Error::NotFinite { what: "source", index: 1, .. })));
    }
    let empty: [f64; 0] = [];
    assert_eq!(
        transport_cost(&LineProblem::new(&[1.0], &empty, 1.0)),
        Err(Error::Empty { what: "the target" })
    );
    assert_eq!(
        solve(&LineProblem::new(&empty, &[1.0], 1.0)).unwrap_err(),
        Error::Empty { what: "the source" }
    );
    let x = [0.0, 1.0];
    let problem = LineProblem::new(&x, &x, 1.0);
    assert!(matches!(
        transport_cost(&problem.clone().with_source_weights(&[0.5])),
        Err(Error::Shape { expected: 2, got: 1, .. })
    ));
    assert!(matches!(
        solve(&problem.clone().with_target_weights(&[1.5, -0.5])),
        Err(Error::Negative { index: 1, .. })
    ));
    assert!(matches!(
        transport_cost(&problem.clone().with_target_weights(&[0.0, 0.0])),
        Err(Error::ZeroMass { .. })
    ));
    assert!(matches!(
        transport_cost(&problem.clone().with_target_weights(&[0.5, 0.6])),
        Err(Error::MassMismatch { .. })
    ));
    let far = LineProblem::new(&[0.0, 1e200], &[-1e200, 1.0], 2.0);
    assert!(matches!(
        transport_cost(&far),
        Err(Error::NotFiniteEntry { what: "costs", row: 1, column: 0, .. })
    ));
    assert!(matches!(solve(&far), Err(Error::NotFiniteEntry { .. })));
    assert!(wasserstein_distance(&far).is_ok());
    let farther = LineProblem::new(&[f64::MAX], &[f64::MIN], 1.0);
    assert!(matches!(wasserstein_distance(&farther), Err(Error::NotFiniteEntry { .. })));
    let nearly = LineProblem::new(&[0.0], &[f64::MAX / 2.0], 1.0);
    assert_eq!(transport_cost(&nearly), Ok(f64::MAX / 2.0));
    assert!(matches!(solve(&nearly), Err(Error::Argument { name: "largest cost", .. })));
}

#[test]
fn large_clouds_keep_all_digits() {
    // Far from each other and from zero, so that all costs are alike and the potentials have to carry small differences.
    let n = 20_000_u64;
    let scatter = |seed: u64| -> Vec<f64> {
        (0..n)
            .map(|k| ((k + seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64 / (1_u64 << 53) as f64)
            .collect()
    };
    let x = scatter(0);
    let y: Vec<f64> = scatter(n).iter().map(|y| 1e3 + y.sqrt()).collect();
    for p in [1.0, 1.1, 2.0, 3.0] {
        let solution = solve(&LineProblem::new(&x, &y, p)).unwrap();
        let certificate = &solution.certificate;
        assert_eq!(certificate.status, Status::Optimal, "p = {p}: {certificate}");
        // The plan's masses are exact up to one rounding each, so is every other sum.
        assert!(certificate.gap.abs() <= 16.0 * f64::EPSILON * solution.cost(), "p = {p}: {certificate}");
    }
}

#[cfg(feature = "parallel")]
#[test]
fn the_answer_does_not_depend_on_the_number_of_threads() {
    let scatter =
        |step: u64, count: u64| -> Vec<f64> { (0..count).map(|k| (k * step % 10_007) as f64).collect() };
    let (x, y, a) = (scatter(7919, 12_000), scatter(104_729, 9_000), scatter(31, 12_000));
    let mass: f64 = a.iter().sum();
    let b = vec![mass / 9_000.0; 9_000];
    let uniform = LineProblem::new(&x, &y, 2.5);
    let weighted = uniform.clone().with_source_weights(&a).with_target_weights(&b);
    let answers = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            (
                transport_cost(&uniform).unwrap().to_bits(),
                transport_cost(&weighted).unwrap().to_bits(),
                solve(&weighted).unwrap(),
            )
        })
    };
    assert_eq!(answers(1), answers(3));
}

/// Numbers with many ties, or none, or of very different size.
fn numbers(most: usize) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        prop::collection::vec((-3..4_i32).prop_map(f64::from), 1..most),
        prop::collection::vec(-1.0..1.0_f64, 1..most),
        prop::collection::vec(prop_oneof![-1e-3..1e-3_f64, -1e3..1e3_f64], 1..most),
    ]
}

/// Weights with zeros; whole numbers, or any.
fn raw_weights(whole: bool) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0..5_u32, 0.0..1.0_f64), 12).prop_map(move |pairs| {
        pairs
            .into_iter()
            .map(|(count, fraction)| match (count, whole) {
                (_, true) | (0, _) => f64::from(count),
                _ => fraction,
            })
            .collect()
    })
}

fn normalised(mut weights: Vec<f64>, size: usize) -> Vec<f64> {
    weights.truncate(size);
    weights[0] += 1.0;
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn agrees_with_the_network_simplex(
        x in numbers(12), y in numbers(12), a in raw_weights(true), b in raw_weights(false),
        p in prop_oneof![Just(1.0), Just(2.0), Just(1.5), 1.0..5.0_f64], uniform in any::<bool>()
    ) {
        let (a, b) = (normalised(a, x.len()), normalised(b, y.len()));
        let mut problem = LineProblem::new(&x, &y, p);
        // Costs given, since the exact solver hands points on a line to this one.
        let costs = Matrix::from_fn(x.len(), y.len(), |i, j| (x[i] - y[j]).abs().powf(p));
        let mut general = Problem::from_costs(&costs);
        if !uniform {
            problem = problem.with_source_weights(&a).with_target_weights(&b);
            general = general.with_source_weights(&a).with_target_weights(&b);
        }
        let solution = solve(&problem).unwrap();
        let certificate = &solution.certificate;
        let reference = exact::solve(&general).unwrap();
        // The largest cost bounds every term; both solvers round each of about n + m terms a few times.
        let largest = x.iter().flat_map(|x| y.iter().map(move |y| (x - y).abs().powf(p))).fold(0.0, f64::max);
        let tolerance = 64.0 * f64::EPSILON * largest;
        // Costs from 1e-12 to 1e12 may leave the simplex no digits for its proof. Then it says so, but it decides by the
        // large costs all the same.
        let saved = reference.cost() - solution.cost();
        prop_assert!(saved >= -tolerance, "{} {}", solution.cost(), reference.cost());
        prop_assert!(saved <= tolerance || !reference.certificate.is_optimal(), "{} {}", solution.cost(), reference.cost());
        prop_assert!(saved <= 1e-10 * largest, "{} {}", solution.cost(), reference.cost());
        prop_assert!((transport_cost(&problem).unwrap() - solution.cost()).abs() <= tolerance);
        let root = wasserstein_distance(&problem).unwrap();
        prop_assert!((root.powf(p) - solution.cost()).abs() <= 64.0 * f64::EPSILON * (1.0 + p) * largest);
        prop_assert_eq!(certificate.status, Status::Optimal, "{}", certificate);
        prop_assert!(certificate.gap.abs() <= tolerance);
        prop_assert!(certificate.source_marginal_error <= 1e-15 && certificate.target_marginal_error <= 1e-15);
        prop_assert!(solution.plan.entries().len() < x.len() + y.len());
        // What bisection found is what all pairs show, up to its own rounding.
        let violation = violation_of_all_pairs(&x, &y, p, &solution);
        let size = largest + solution.source_potentials.iter().chain(&solution.target_potentials).fold(0.0_f64, |s, v| s.max(v.abs()));
        prop_assert!(violation <= 16.0 * f64::EPSILON * size, "{violation:e}");
        prop_assert!((violation - certificate.dual_violation).abs() <= 16.0 * f64::EPSILON * size);
        let first = (0..x.len()).find(|&i| uniform || a[i] > 0.0).unwrap();
        prop_assert_eq!(solution.source_potentials[first], 0.0);
    }
}
