//! Exact transport on inputs that are legal and meant to hurt: costs over hundreds of orders of magnitude, costs and
//! masses at the ends of the range, dominating weights. Either the answer is right, or it says that it is not proved.

mod independent;

use brenier::ot::exact::{self, Options};
use brenier::ot::{Problem, Status};
use brenier::{Error, Matrix};
use independent::least_cost;
use std::ops::ControlFlow;

/// A fixed stream of numbers in (0, 1).
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }
}

/// The least cost of a perfect matching by exact comparison of sums sorted by magnitude: tries all permutations.
fn best_matching(costs: &Matrix<f64>) -> f64 {
    fn visit(costs: &Matrix<f64>, row: usize, used: u32, so_far: f64, best: &mut f64) {
        if so_far >= *best {
            return;
        }
        if row == costs.rows() {
            *best = so_far;
            return;
        }
        for column in (0..costs.columns()).filter(|column| used & (1 << column) == 0) {
            visit(costs, row + 1, used | (1 << column), so_far + costs[(row, column)], best);
        }
    }
    let mut best = f64::INFINITY;
    visit(costs, 0, 0, 0.0, &mut best);
    best
}

#[test]
fn costs_of_any_width_are_solved_or_called_inaccurate() {
    let (mut optimal, mut other) = (0, 0);
    for width in [10, 20, 40, 80, 150, 200, 300, 590] {
        for seed in 0..20 {
            let n = 3 + seed as usize % 5;
            let mut next = numbers(1000 * width + seed);
            let costs = Matrix::from_fn(n, n, |_, _| 10.0_f64.powf(width as f64 * (next() - 0.5)));
            let best = best_matching(&costs) / n as f64;
            let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
            let certificate = &solution.certificate;
            // Feasible whatever the status.
            assert!(certificate.source_marginal_error + certificate.target_marginal_error < 1e-14);
            assert!(solution.cost() >= best * (1.0 - 1e-14));
            if certificate.is_optimal() {
                optimal += 1;
                assert!(solution.cost() <= best * (1.0 + 1e-5), "width {width}, seed {seed}: {certificate}");
                assert_eq!(exact::transport_cost(&Problem::from_costs(&costs)), Ok(solution.cost()));
            } else {
                other += 1;
                assert_eq!(certificate.status, Status::Inaccurate);
                let error = exact::transport_cost(&Problem::from_costs(&costs)).unwrap_err();
                assert!(matches!(error, Error::NotProved { .. }), "{error}");
            }
        }
    }
    assert!(optimal > 100, "{optimal} solved, {other} not");
}

/// Costs that climb in a ladder without any large step, so that no single gap tells what is forbidden.
#[test]
fn ladders_of_costs_are_solved() {
    let (mut optimal, mut all) = (0, 0);
    for width in [8, 16, 21, 26, 33, 40] {
        for seed in 0..60 {
            let n = 3 + seed as usize % 5;
            let mut next = numbers(9000 + 100 * width + seed);
            let costs = Matrix::from_fn(n, n, |_, _| {
                (1.0 + 9.0 * next()).floor() * 10.0_f64.powf((next() * width as f64).floor())
            });
            let best = best_matching(&costs) / n as f64;
            let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
            all += 1;
            if solution.certificate.is_optimal() {
                optimal += 1;
                assert!(
                    (solution.cost() - best).abs() <= 1e-6 * best,
                    "{width} {seed}: {}",
                    solution.certificate
                );
            }
        }
    }
    assert_eq!(optimal, all);
}

#[test]
fn ladders_that_once_came_out_wrong() {
    let first = Matrix::from_rows([
        [1e16, 1e17, 1e17, 1e21, 7.0],
        [3.0, 1e5, 5.0, 1e13, 1e21],
        [1e10, 6.0, 1e8, 1e20, 1e15],
        [9.0, 1e12, 2.0, 1e16, 1e16],
        [1e10, 1e11, 1e12, 3.0, 1e19],
    ]);
    let second = Matrix::from_rows([
        [6e18, 3.0, 7e26, 3e29, 4e33],
        [3e22, 1e15, 9e4, 6.0, 3.0],
        [3e4, 1e33, 2e9, 5.0, 4.0],
        [3.0, 5e23, 3.0, 7e25, 2.0],
        [5.0, 2e32, 6.0, 1e6, 6e11],
    ]);
    for (costs, expected) in [(first, 4.2), (second, 3.8)] {
        let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
        assert!(solution.certificate.is_optimal());
        assert!((solution.cost() - expected).abs() < 1e-14, "{}", solution.certificate);
    }
}

/// Exact zeros, small numbers and large ones in one cloud: potentials that should cancel carry rounding of the large.
#[test]
fn clouds_of_mixed_scales_are_proved() {
    let scales = [0.0, 1e-3, 1.0, 1e3];
    for seed in 0..400 {
        let mut next = numbers(31 + seed);
        let (n, m) = (2 + seed as usize % 5, 2 + seed as usize / 7 % 5);
        let mut cloud = |points: usize| {
            Matrix::from_fn(points, 2, |_, k| {
                if k == 0 { scales[(next() * 4.0) as usize] * (next() * 8.0 - 4.0).round() } else { 0.0 }
            })
        };
        let (x, y) = (cloud(n), cloud(m));
        for power in [1.0, 2.0, 4.0] {
            let costs = Matrix::from_fn(n, m, |i, j| (x[(i, 0)] - y[(j, 0)]).abs().powf(power));
            let certificate = exact::solve(&Problem::from_costs(&costs)).unwrap().certificate;
            assert!(certificate.is_optimal(), "seed {seed}, power {power}: {certificate}");
        }
    }
}

#[test]
fn points_whose_costs_all_underflow_are_refused() {
    let x = Matrix::from_rows([[1e-170, 0.0], [0.0, 2e-170]]);
    let y = Matrix::from_rows([[0.0, 1e-170], [3e-170, 0.0]]);
    let problem = Problem::from_points(&x, &y, brenier::matrix::Distance::SquaredEuclidean);
    assert!(matches!(exact::solve(&problem), Err(Error::Argument { name: "the largest cost", .. })));
}

#[test]
fn wide_costs_on_larger_problems_end_with_an_honest_status() {
    for width in [150.0, 300.0, 590.0] {
        let mut next = numbers(77);
        let costs = Matrix::from_fn(150, 150, |_, _| 10.0_f64.powf(width * (next() - 0.5)));
        let certificate = exact::solve(&Problem::from_costs(&costs)).unwrap().certificate;
        assert_eq!(certificate.tolerance, 1e-13);
        if certificate.is_optimal() {
            assert!(certificate.dual_violation <= 1e-6 * certificate.primal_cost);
            assert!(certificate.gap.abs() <= 1e-5 * certificate.primal_cost, "{certificate}");
        } else {
            assert_eq!(certificate.status, Status::Inaccurate);
        }
    }
}

#[test]
fn levels_of_forbidden_costs_are_lifted_one_after_the_other() {
    // Source 2 has no cheap pair at all: a plan cannot avoid 1e20, but it can avoid 1e40 and 3e20. Beside 1e20 what the
    // others cost has no digit left.
    let costs = Matrix::from_rows([
        [3.0, 1.0, 1e40, 1e40],
        [1.0, 3.0, 1e40, 1e40],
        [1e40, 1e40, 1e20, 3e20],
        [1e40, 1e40, 1e40, 2.0],
    ]);
    let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
    assert!(solution.certificate.is_optimal());
    assert_eq!(solution.plan.largest_targets()[2..], [Some(2), Some(3)]);
    assert!((solution.cost() - 0.25e20).abs() <= 1e-14 * 0.25e20);
    // Small costs far below a forbidden one at the end of the range.
    let costs = Matrix::from_rows([[3e-280, 1e-280, 1e300], [1e-280, 3e-280, 1e300], [1e300, 1e300, 1e-280]]);
    let solution = exact::solve(&Problem::from_costs(&costs)).unwrap();
    assert!(solution.certificate.is_optimal());
    assert!((solution.cost() / 1e-280 - 1.0).abs() < 1e-14);
}

#[test]
fn costs_and_masses_whose_sums_overflow_are_refused() {
    let costs = Matrix::from_rows([[1.7e308, -1.7e308], [-1.7e308, 1.7e308]]);
    let error = exact::solve(&Problem::from_costs(&costs)).unwrap_err();
    assert!(matches!(error, Error::Argument { name: "the largest |cost|", .. }), "{error}");
    let costs = Matrix::from_rows([[1e300]]);
    let problem = Problem::from_costs(&costs).with_source_weights(&[1e10]).with_target_weights(&[1e10]);
    let error = exact::solve(&problem).unwrap_err();
    assert!(matches!(error, Error::Argument { value, .. } if value == f64::INFINITY), "{error}");
}

#[test]
fn masses_near_the_smallest_number_are_moved() {
    let a = [0.1e-307, 0.2e-307, 0.3e-307, 0.4e-307];
    let b = [1e-307 / 3.0; 3];
    let costs = Matrix::from_fn(4, 3, |i, j| (i as f64 - j as f64).abs() * 1e10);
    let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
    let solution = exact::solve(&problem).unwrap();
    assert!(solution.certificate.is_optimal());
    let units = least_cost(
        &[3, 6, 9, 12],
        &[10, 10, 10],
        &(0..4).map(|i| (0..3).map(|j| (i as f64 - j as f64).abs()).collect()).collect::<Vec<_>>(),
    );
    let expected = units / 30.0 * 1e-297;
    assert!((solution.cost() - expected).abs() <= 1e-12 * expected, "{:e} {expected:e}", solution.cost());
}

#[test]
fn one_weight_that_outweighs_all_others_does_not_cost_them_their_mass() {
    let n = 5000;
    let mut a = vec![1e-14; n];
    a[0] = 1.0;
    let costs = Matrix::from_fn(n, 2, |i, j| ((i + j) % 3) as f64);
    let total: f64 = 1.0 + (n - 1) as f64 * 1e-14;
    let problem =
        Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&[0.5 * total, 0.5 * total]);
    let solution = exact::solve(&problem).unwrap();
    assert!(solution.certificate.is_optimal());
    for (got, want) in solution.plan.source_marginal().iter().zip(&a) {
        // Two quanta of mass, and rounding.
        assert!((got - want).abs() <= 2.0_f64.powi(-59) + 4.0 * f64::EPSILON * want, "{got:e} {want:e}");
    }
}

#[test]
fn whole_numbers_as_weights_come_back_whole() {
    let costs = Matrix::from_rows([[1.0], [2.0]]);
    let problem =
        Problem::from_costs(&costs).with_source_weights(&[104.0, 802.0]).with_target_weights(&[906.0]);
    let solution = exact::solve(&problem).unwrap();
    let certificate = &solution.certificate;
    assert_eq!(solution.cost(), 104.0 + 2.0 * 802.0);
    let errors =
        [certificate.mass_adjustment, certificate.source_marginal_error, certificate.target_marginal_error];
    assert_eq!(errors, [0.0; 3]);
}

#[test]
fn a_stop_at_any_moment_leaves_a_feasible_plan_and_a_bound() {
    let mut next = numbers(5);
    let costs = Matrix::from_fn(300, 300, |i, j| if (i * j) % 17 == 3 { 1e32 } else { next() });
    let problem = Problem::from_costs(&costs);
    let best = exact::solve(&problem).unwrap();
    assert!(best.certificate.is_optimal());
    for stop_at in 1..6 {
        let mut calls = 0;
        let solution = exact::solve_with(&problem, &Options::default(), &mut |progress| {
            calls += 1;
            assert!(progress.fraction.is_nan() || (0.0..=1.0).contains(&progress.fraction));
            if progress.stage == "network simplex" {
                assert!(progress.cost.is_finite() && progress.cost >= best.cost() * (1.0 - 1e-9));
            }
            if calls == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let solution = solution.unwrap();
        let certificate = &solution.certificate;
        if calls < stop_at {
            assert!(certificate.is_optimal());
            continue;
        }
        assert_eq!(certificate.status, Status::Stopped);
        assert!(certificate.source_marginal_error < 1e-14 && certificate.target_marginal_error < 1e-14);
        assert!(certificate.dual_value <= best.cost() * (1.0 + 1e-12) && best.cost() <= solution.cost());
        assert_eq!(solution.source_potentials[0], 0.0);
    }
}

#[test]
fn points_without_coordinates_are_refused() {
    let empty = Matrix::<f64>::zeros(3, 0);
    let problem = Problem::from_points(&empty, &empty, brenier::matrix::Distance::Euclidean);
    assert!(matches!(exact::solve(&problem), Err(Error::Empty { .. })));
}
