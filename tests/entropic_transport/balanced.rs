//! The balanced problem: values in closed form, bounds, and what holds for every input.

use brenier::Matrix;
use brenier::matrix::Distance;
use brenier::ot::sinkhorn::{self, Method, Options, Precision};
use brenier::ot::{Problem, Status, exact};
use brenier::random::RandomStream;

#[test]
fn the_two_by_two_problem_has_its_closed_form() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
    let weights = [0.5, 0.5];
    let problem = Problem::from_costs(&costs).with_source_weights(&weights).with_target_weights(&weights);
    let solution = sinkhorn::solve_with(&problem, &Options::new(1.0).with_tolerance(1e-14), &mut |_| {
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(solution.status, Status::Converged);
    let plan = solution.plan.to_matrix();
    let diagonal = 0.5 / (1.0 + (-1.0_f64).exp());
    for (entry, expected) in plan.as_slice().iter().zip([diagonal, 0.5 - diagonal, 0.5 - diagonal, diagonal])
    {
        assert!((entry - expected).abs() < 1e-14, "{entry} {expected}");
    }
    let values = solution.values();
    assert!((values.transport_cost - 2.0 * (0.5 - diagonal)).abs() < 1e-14);
    let entropy = -plan.as_slice().iter().map(|p| p * (p.ln() - 1.0)).sum::<f64>();
    assert!((values.entropy - entropy).abs() < 1e-13, "{} {entropy}", values.entropy);
    let divergence = plan.as_slice().iter().map(|p| p * (p / 0.25).ln() - p + 0.25).sum::<f64>();
    assert!((values.kl_divergence - divergence).abs() < 1e-13);
    assert!((values.dual_with_kl - values.primal_with_kl).abs() < 1e-13);
    assert!((values.dual_with_entropy - values.primal_with_entropy).abs() < 1e-13);
}

#[test]
fn bounds_hold_whatever_the_state_of_the_iterations() {
    let mut random = RandomStream::new(7);
    let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(60, 2), random.normal_matrix(45, 2));
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let optimum = exact::solve(&problem).unwrap().cost();
    for precision in [Precision::Single, Precision::Double] {
        let mut last_gap = f64::INFINITY;
        for iterations in [1, 3, 10, 100, 1000] {
            let options = Options::new(0.1)
                .with_method(Method::Plain)
                .with_max_iterations(iterations)
                .with_tolerance(0.0)
                .with_precision(precision);
            let solution =
                sinkhorn::solve_with(&problem, &options, &mut |_| std::ops::ControlFlow::Continue(()))
                    .unwrap();
            let values = solution.values();
            assert!(values.cost_lower_bound <= optimum + 1e-12 && optimum <= values.rounded_cost + 1e-12);
            assert!(values.gap >= -1e-6 * values.dual_with_kl.abs(), "{iterations}: {}", values.gap);
            assert!(values.gap <= 1.001 * last_gap + 1e-5, "{iterations}: {} after {last_gap}", values.gap);
            last_gap = values.gap;
            let rounded = solution.plan.rounded();
            let dense = rounded.to_matrix();
            for row in 0..60 {
                assert!((dense.row(row).iter().sum::<f64>() - 1.0 / 60.0).abs() < 1e-15);
            }
            for column in 0..45 {
                assert!((dense.column(column).sum::<f64>() - 1.0 / 45.0).abs() < 1e-15);
            }
            assert!(dense.as_slice().iter().all(|&entry| entry >= 0.0));
        }
        assert!(last_gap < 1e-4, "{last_gap}");
    }
}
