//! Partial transport: a second solver, limits, certificates, hostile input.

use crate::independent::least_cost;
use brenier::matrix::Distance;
use brenier::ot::progress::run_to_the_end;
use brenier::ot::sinkhorn::Options;
use brenier::ot::{Problem, Status, exact, partial};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};
use proptest::prelude::*;

/// The least cost of sending `units` of integer supply to integer demand, by successive shortest paths with dummies that may not meet.
fn least_partial_cost(supply: &[i64], demand: &[i64], costs: &Matrix<f64>, units: i64) -> f64 {
    let (n, m) = costs.shape();
    let (mut supply, mut demand) = (supply.to_vec(), demand.to_vec());
    let kept = [supply.iter().sum::<i64>() - units, demand.iter().sum::<i64>() - units];
    supply.push(kept[1]);
    demand.push(kept[0]);
    let extended: Vec<Vec<f64>> = (0..=n)
        .map(|i| {
            (0..=m)
                .map(|j| match (i < n, j < m) {
                    (true, true) => costs[(i, j)],
                    (false, false) => 1e4,
                    _ => 0.0,
                })
                .collect()
        })
        .collect();
    least_cost(&supply, &demand, &extended)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_exact_answer_is_that_of_shortest_paths(
        seed in 0_u64..1000,
        (n, m) in (1_usize..8, 1_usize..8),
        share in 0.0..=1.0_f64,
        (lowest, scale) in prop_oneof![Just((0.0, 1.0)), Just((-3.0, 1.0)), Just((5.0, 1.0)), Just((0.0, 0.0))],
    ) {
        let mut random = RandomStream::new(seed);
        let costs = Matrix::from_fn(n, m, |_, _| lowest + scale * random.below(9).unwrap() as f64);
        let mut units = |count: usize| -> Vec<i64> {
            (0..count).map(|k| if k == 0 { 3 } else { random.below(6).unwrap() as i64 }).collect()
        };
        let (supply, demand) = (units(n), units(m));
        let most = supply.iter().sum::<i64>().min(demand.iter().sum());
        let moved = (share * most as f64).round() as i64;
        let weights = |units: &[i64]| units.iter().map(|&units| units as f64 * 0.125).collect::<Vec<f64>>();
        let (a, b) = (weights(&supply), weights(&demand));
        let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
        let mass = moved as f64 * 0.125;
        let solution = partial::solve(&problem, mass).unwrap();
        let expected = 0.125 * least_partial_cost(&supply, &demand, &costs, moved);
        // Sums of at most 14 numbers below 9 · 5 each.
        prop_assert!((solution.cost() - expected).abs() <= 1e-12, "{} {expected}", solution.cost());
        let certificate = &solution.certificate;
        prop_assert!(certificate.is_optimal() && certificate.gap.abs() <= 1e-12, "{certificate}");
        prop_assert!(certificate.mass_error <= 1e-14 && certificate.dual_violation <= 1e-12, "{certificate}");
        prop_assert!(certificate.source_excess <= 1e-14 && certificate.target_excess <= 1e-14);
        prop_assert!((solution.mass() - mass).abs() <= 1e-14);
        for (potentials, marginal, weights) in [
            (&solution.source_potentials, solution.plan.source_marginal(), &a),
            (&solution.target_potentials, solution.plan.target_marginal(), &b),
        ] {
            for ((&p, kept), &w) in potentials.iter().zip(marginal).zip(weights) {
                prop_assert!(p <= 0.0);
                // Complementary slackness: who keeps mass has the potential zero.
                prop_assert!(moved == 0 || kept > w - 1e-12 || p > -1e-11, "{p} with {kept} of {w}");
            }
        }
    }

    #[test]
    fn the_entropic_certificate_holds(
        seed in 0_u64..1000,
        (n, m) in (1_usize..10, 1_usize..10),
        share in prop_oneof![Just(1.0), 0.05..0.95_f64],
        heavier in prop_oneof![Just(1.0), 0.5..2.0_f64],
        epsilon in prop_oneof![Just(0.1), Just(1.0)],
        early in any::<bool>(),
    ) {
        let mut random = RandomStream::new(seed);
        let costs = random.uniform_matrix::<f64>(n, m).map(|cost| 3.0 * cost - 0.3);
        let mut weigh = |count: usize, mass: f64| -> Vec<f64> {
            let mut weights: Vec<f64> = (0..count).map(|_| 0.1 + random.uniform::<f64>()).collect();
            if count > 3 {
                weights[2] = 0.0;
            }
            let total: f64 = weights.iter().sum();
            weights.iter().map(|weight| weight * mass / total).collect()
        };
        let (a, b) = (weigh(n, 1.0), weigh(m, heavier));
        let mass = share * heavier.min(1.0);
        let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
        let options = Options::new(epsilon)
            .with_tolerance(if early { 0.0 } else { 1e-9 })
            .with_max_iterations(if early { 3 } else { 100_000 });
        let solution = partial::entropic_with(&problem, mass, &options, &mut run_to_the_end).unwrap();
        let values = solution.values();
        let plan = solution.plan.to_matrix();
        // The values again, pair by pair.
        let pairs = || (0..n).flat_map(|i| (0..m).map(move |j| (i, j)));
        let cost: f64 = pairs().map(|(i, j)| plan[(i, j)] * costs[(i, j)]).sum();
        let divergence: f64 = pairs()
            .map(|(i, j)| {
                let (p, q) = (plan[(i, j)], a[i] * b[j]);
                if p > 0.0 { p * (p / q).ln() - p + q } else { q }
            })
            .sum();
        prop_assert!((values.transport_cost - cost).abs() < 1e-12);
        prop_assert!((values.kl_divergence - divergence).abs() < 1e-11 / epsilon);
        prop_assert!(values.gap > -1e-11, "{values:?}");
        prop_assert!(solution.source_potentials.iter().chain(&solution.target_potentials).all(|&p| p <= 0.0));
        let cheapest = partial::solve(&problem, mass).unwrap().cost();
        prop_assert!(values.feasible_cost >= cheapest - 1e-11, "{} {cheapest}", values.feasible_cost);
        if !early {
            prop_assert!(solution.is_converged(), "{} {}", solution.status, solution.residual);
            prop_assert!(values.gap < 1e-6, "{values:?}");
            prop_assert!((values.mass - mass).abs() < 1e-8 && values.source_excess < 1e-8);
            prop_assert!(values.target_excess < 1e-8);
            prop_assert!((values.primal - values.dual).abs() < 1e-6);
        }
    }
}

#[test]
fn all_of_equal_masses_is_the_balanced_problem() {
    let mut random = RandomStream::new(31);
    let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(40, 2), random.normal_matrix(50, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let balanced = exact::solve(&problem).unwrap();
    let whole = partial::solve(&problem, 1.0).unwrap();
    assert!((whole.cost() - balanced.cost()).abs() < 1e-14);
    assert!(whole.certificate.is_optimal() && whole.certificate.gap < 1e-13, "{}", whole.certificate);
    let entropic = partial::entropic(&problem, 1.0, 0.5).unwrap();
    let values = entropic.values();
    assert!((values.mass - 1.0).abs() < 1e-5 && values.gap > -1e-9 && values.gap < 1e-3, "{values:?}");
    // Sums that differ from the mass by rounding are meant to be the mass.
    assert!(partial::solve(&problem, 1.0 + 1e-12).unwrap().certificate.is_optimal());
}

#[test]
fn costs_rise_with_the_mass_at_the_price_that_is_said() {
    let mut random = RandomStream::new(33);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(60, 2), random.normal_matrix(45, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let at = |mass: f64| partial::solve(&problem, mass).unwrap();
    let mut last = (0.0, 0.0);
    for mass in [0.1, 0.3, 0.55, 0.8, 0.97] {
        let solution = at(mass);
        assert!(solution.certificate.is_optimal() && solution.certificate.gap.abs() < 1e-14);
        // The cost is convex in the mass, and λ its slope.
        assert!(solution.cost() > last.0 && solution.marginal_cost >= last.1);
        last = (solution.cost(), solution.marginal_cost);
        // At a corner, where the next unit is dearer than the last, it lies between the two slopes.
        let slope = |from: f64, to: f64| (at(mass + to).cost() - at(mass + from).cost()) / (to - from);
        let (before, after) = (slope(-1e-6, 0.0), slope(0.0, 1e-6));
        let price = solution.marginal_cost;
        assert!(before <= price + 1e-6 && price <= after + 1e-6, "{before} {price} {after}");
    }
}

#[test]
fn the_entropic_plan_tends_to_the_exact_one() {
    let mut random = RandomStream::new(35);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(30, 2), random.normal_matrix(35, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    for mass in [0.4, 0.999] {
        let cheapest = partial::solve(&problem, mass).unwrap().cost();
        let mut last = f64::INFINITY;
        for epsilon in [0.3, 0.1, 0.03, 0.01] {
            let options = Options::new(epsilon).with_tolerance(1e-7).with_max_iterations(100_000);
            let solution = partial::entropic_with(&problem, mass, &options, &mut run_to_the_end).unwrap();
            assert!(solution.is_converged(), "{mass} {epsilon}: {}", solution.residual);
            let values = solution.values();
            let excess = values.feasible_cost - cheapest;
            // The entropy of a plan is at most ln(n m) times its mass.
            assert!(
                excess > -1e-12 && excess < epsilon * (30.0_f64 * 35.0).ln() && excess < last,
                "{excess}"
            );
            last = excess;
        }
        assert!(last < 0.02);
    }
}

#[test]
fn single_precision_is_finished_in_double() {
    let mut random = RandomStream::new(36);
    let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(200, 3), random.normal_matrix(150, 3));
    let problem = Problem::from_points(&x, &y, Distance::Euclidean);
    let options = Options::new(0.05).with_tolerance(1e-8).with_max_iterations(100_000);
    let solution = partial::entropic_with(&problem, 0.6, &options, &mut run_to_the_end).unwrap();
    assert!(solution.is_converged(), "{}", solution.residual);
    let values = solution.values();
    assert!(values.gap > -1e-12 && values.gap < 1e-6, "{values:?}");
}

#[cfg(feature = "parallel")]
#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let mut random = RandomStream::new(37);
    let (x, y): (Matrix<f32>, Matrix<f32>) = (random.normal_matrix(600, 2), random.normal_matrix(500, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let solution = partial::entropic(&problem, 0.7, 0.2).unwrap();
            (solution.source_potentials.clone(), solution.marginal_cost, solution.values())
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn bad_input_is_named() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let problem = Problem::from_costs(&costs).with_source_weights(&[1.0, 2.0]);
    for mass in [-0.1, f64::NAN, f64::INFINITY, 1.1] {
        for error in [
            partial::solve(&problem, mass).map(|_| ()).unwrap_err(),
            partial::entropic(&problem, mass, 0.1).map(|_| ()).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Argument { name: "the mass to transport", .. }), "{error}");
        }
    }
    let nothing = partial::solve(&problem, 0.0).unwrap();
    assert_eq!((nothing.cost(), nothing.plan.entries().len(), nothing.marginal_cost), (0.0, 0, 0.0));
    assert!(matches!(partial::entropic(&problem, 0.0, 0.1).unwrap_err(), Error::Argument { .. }));
    let broken = Matrix::from_rows([[0.0, f64::NAN]]);
    let error = partial::solve(&Problem::from_costs(&broken), 0.5).unwrap_err();
    assert!(matches!(error, Error::NotFiniteEntry { row: 0, column: 1, .. }), "{error}");
    let error = partial::solve(&problem.with_target_weights(&[f64::NAN, 1.0]), 0.5).unwrap_err();
    assert!(matches!(error, Error::NotFinite { what: "target weights", .. }), "{error}");
}

#[test]
fn forbidden_pairs_do_not_swallow_digits_and_a_limit_is_a_status() {
    // 1e30 for "not this pair".
    let costs =
        Matrix::from_fn(
            12,
            12,
            |i, j| if (i + j) % 3 == 0 { 1e30 } else { 0.1 + ((5 * i + 7 * j) % 13) as f64 },
        );
    let ordinary = costs.map(|cost| cost.min(1e3));
    for mass in [0.25, 0.75, 1.0] {
        let (one, other) = (
            partial::solve(&Problem::from_costs(&costs), mass).unwrap(),
            partial::solve(&Problem::from_costs(&ordinary), mass).unwrap(),
        );
        assert!(
            (one.cost() - other.cost()).abs() < 1e-13 && one.certificate.is_optimal(),
            "{}",
            one.certificate
        );
    }
    let mut random = RandomStream::new(41);
    let costs = random.uniform_matrix::<f64>(40, 40);
    let options = exact::Options::default().with_max_iterations(2);
    let limited =
        partial::solve_with(&Problem::from_costs(&costs), 0.5, &options, &mut run_to_the_end).unwrap();
    let certificate = &limited.certificate;
    assert_eq!(certificate.status, Status::IterationLimit);
    assert!(certificate.mass_error < 1e-14 && certificate.source_excess < 1e-14, "{certificate}");
    let optimum = partial::solve(&Problem::from_costs(&costs), 0.5).unwrap().cost();
    assert!(
        certificate.dual_value - 0.5 * certificate.dual_violation <= optimum && optimum <= limited.cost()
    );
}

#[test]
fn the_whole_mass_of_single_precision_weights_is_one_that_they_round_to() {
    let costs = Matrix::from_rows([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 1.0, 0.5]]);
    let a = [0.3_f32, 0.3, 0.399_999_92];
    let b = [0.25_f32, 0.25, 0.5];
    let sum: f64 = a.iter().map(|&a| f64::from(a)).sum();
    assert!(sum < 1.0 - 1e-9);
    let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
    let solution = partial::solve(&problem, 1.0).unwrap();
    let whole = exact::solve(&problem).unwrap();
    assert!(solution.certificate.is_optimal(), "{}", solution.certificate);
    assert!((solution.cost() - whole.cost()).abs() < 1e-6);
    assert!(partial::entropic(&problem, 1.0, 0.1).unwrap().is_converged());
    // One side alone: some of the other's mass stays.
    let problem = problem.with_target_weights(&[0.5_f64, 0.5, 0.5]);
    assert!(partial::solve(&problem, 1.0).unwrap().certificate.is_optimal());
    assert!(partial::entropic(&problem, 1.0, 0.1).unwrap().is_converged());
    for mass in [1.0 + 1e-4, 2.0] {
        assert!(partial::solve(&problem, mass).is_err() && partial::entropic(&problem, mass, 0.1).is_err());
    }
}

#[test]
fn plans_that_cost_nothing_are_proved_optimal_beside_dust() {
    for far in [1.0, 4.0, 1e3] {
        let costs = Matrix::from_rows([[0.0, far, 2.0], [1.0, 0.0, far], [far, 1.0, 0.5]]);
        let problem = Problem::from_costs(&costs)
            .with_source_weights(&[0.5, 0.5, 1e-46])
            .with_target_weights(&[1.0, 1e-46, 1e-46]);
        let solution = partial::solve(&problem, 0.5).unwrap();
        assert_eq!(solution.cost(), 0.0);
        assert!(solution.certificate.is_optimal(), "{}", solution.certificate);
    }
}
