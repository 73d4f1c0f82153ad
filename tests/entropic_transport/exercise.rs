//! Exercise 10 with entropy: the costs that were published for four strengths.

use brenier::Matrix;
use brenier::data;
use brenier::matrix::{Distance, pairwise};
use brenier::ot::sinkhorn::{self, Method, Options};
use brenier::ot::{Problem, Status, exact};
use brenier::random::LegacyRandomState;

/// ε and ⟨C, P⟩.
const PUBLISHED: [[f64; 2]; 4] =
    [[0.5, 0.861284133707], [0.1, 0.715406249415], [0.05, 0.685799538086], [0.01, 0.671372665960]];

#[test]
fn transport_costs_are_the_published_ones_by_every_method() {
    // What the exercise draws after np.random.seed(42), in its order.
    let mut random = LegacyRandomState::new(42);
    let mut masses = |count| {
        let masses: Vec<f64> = random.random_array(count);
        let total: f64 = masses.iter().sum();
        masses.into_iter().map(|mass| mass / total).collect::<Vec<f64>>()
    };
    let (a, b) = (masses(10), masses(20));
    let (x, y) = (random.rand(10, 5), random.rand(20, 5));
    let costs: Matrix<f64> = pairwise(&x, &y, Distance::Euclidean).unwrap();
    if let Some(path) = data::file("exercise10/cost_matrix.npy") {
        let published: Matrix<f64> = data::npy::read_matrix(path).unwrap();
        for (ours, theirs) in costs.as_slice().iter().zip(published.as_slice()) {
            assert!((ours - theirs).abs() < 1e-14);
        }
    } else {
        println!("skipped: the comparison with exercise10/cost_matrix.npy, which is not there");
    }
    let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
    let optimum = exact::transport_cost(&problem).unwrap();
    assert!((optimum - 0.670746835277).abs() < 1e-12);
    for [epsilon, published] in PUBLISHED {
        let mut iterations = Vec::new();
        for method in [Method::Plain, Method::Anderson(5), Method::Accelerated] {
            let options =
                Options::new(epsilon).with_tolerance(1e-12).with_method(method).with_max_iterations(100_000);
            let solution =
                sinkhorn::solve_with(&problem, &options, &mut |_| std::ops::ControlFlow::Continue(()))
                    .unwrap();
            assert_eq!(solution.status, Status::Converged, "{epsilon} {method:?}");
            iterations.push(solution.iterations);
            let values = solution.values();
            // Twelve digits were published, and a marginal error of 1e-12 moves as much mass at costs of about one.
            let error = (values.transport_cost - published).abs();
            assert!(error < 1e-9, "{epsilon} {method:?}: {error:e}");
            assert!(values.cost_lower_bound <= optimum + 1e-14 && optimum <= values.rounded_cost + 1e-14);
        }
        // Equal answers alone would not show that there are three methods.
        let [plain, anderson, accelerated] = iterations[..] else { panic!("three methods") };
        println!("epsilon {epsilon}: {plain} plain, {anderson} Anderson, {accelerated} accelerated");
        if epsilon <= 0.05 {
            assert!(anderson < plain && accelerated < plain, "{epsilon}: {iterations:?}");
        }
    }
}
