//! Stops by the observer and by the limit on pivots, at every stage: a feasible plan, and bounds on both sides.

use crate::problems::{
    Filling, Spread, Structure, clouds, costs_of, matrix, shares, solved, solved_with, units,
};
use crate::proof::{Measured, assert_feasible, assert_proved, measure, same_answer};
use brenier::Matrix;
use brenier::matrix::Distance;
use brenier::ot::exact::{self, Method, Options, Solution};
use brenier::ot::{Problem, Status};
use std::ops::ControlFlow;

/// What a stopped answer must satisfy.
fn assert_bounds(
    solution: &Solution,
    status: Status,
    best: &Measured,
    costs: &Matrix<f64>,
    [source, target]: [&[f64]; 2],
    context: &str,
) {
    let certificate = &solution.certificate;
    assert_eq!(certificate.status, status, "{context}: {certificate}");
    let measured = measure(solution, costs, source, target);
    assert_feasible(solution, &measured, source, target, &context);
    let scale = best.size + measured.size;
    // A sum over the plan has n + m terms, each rounded a few times, in potentials that may be larger than costs.
    let rounding = 1e-12 * scale + best.rounding + measured.rounding;
    assert!(measured.violated <= rounding, "{context}: {measured:?}");
    assert!(
        measured.violation <= 64.0 * f64::EPSILON * (measured.largest_potential + scale),
        "{context}: {measured:?}"
    );
    assert!(measured.cost >= best.cost - rounding, "{context}: {} below {}", measured.cost, best.cost);
    assert!(measured.dual <= best.cost + rounding, "{context}: {} above {}", measured.dual, best.cost);
    assert!(certificate.dual_value <= best.cost + rounding, "{context}: {certificate}");
    assert!((certificate.primal_cost - measured.cost).abs() <= rounding, "{context}: {certificate}");
    assert!(
        (certificate.gap - (measured.cost - measured.dual)).abs() <= rounding,
        "{context}: {certificate}"
    );
}

/// Solves, with the list of what the observer heard, and a stop at this call (never, for `usize::MAX`).
fn stopped_at(problem: &Problem<'_, f64>, call: usize) -> (Solution, Vec<(&'static str, u64, f64)>) {
    let options = Options::default().with_method(Method::Sparse);
    let mut heard = Vec::new();
    let solution = exact::solve_with(problem, &options, &mut |progress| {
        assert!(progress.fraction.is_nan() || (0.0..=1.0).contains(&progress.fraction), "{progress:?}");
        heard.push((progress.stage, progress.iterations, progress.cost));
        if heard.len() > call { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (solution.unwrap(), heard)
}

/// Stops at calls 0, 1, 2, 4, 8, …, at the first and last call of each stage, and at the last of all.
fn check_all_stops(
    name: &str,
    problem: &Problem<'_, f64>,
    costs: &Matrix<f64>,
    weights: [&[f64]; 2],
) -> Vec<&'static str> {
    let (best, heard) = stopped_at(problem, usize::MAX);
    let measured = assert_proved(&best, costs, weights[0], weights[1], &name);
    assert!(heard.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{name}: pivots are counted on");
    for &(stage, _, cost) in &heard {
        assert!(
            cost.is_nan() || cost >= measured.cost - measured.allowed(),
            "{name}: {stage}: {cost} below {} by more than {}",
            measured.cost,
            measured.allowed()
        );
    }
    let mut calls: Vec<usize> =
        (0..).map(|k| (1_usize << k) / 2).take_while(|&call| call < heard.len()).collect();
    calls.push(heard.len() - 1);
    for (call, pair) in heard.windows(2).enumerate() {
        if pair[0].0 != pair[1].0 {
            calls.extend([call, call + 1]);
        }
    }
    calls.sort_unstable();
    calls.dedup();
    for call in calls {
        let (solution, before) = stopped_at(problem, call);
        let context = format!("{name}: call {call} of {}, {}", heard.len(), heard[call].0);
        assert_eq!(before.len(), call + 1, "{context}: the observer is not asked again");
        // The cost is NaN where there is no plan yet.
        let same = |a: &(&str, u64, f64), b: &(&str, u64, f64)| {
            (a.0, a.1, a.2.to_bits()) == (b.0, b.1, b.2.to_bits())
        };
        assert!(before.iter().zip(&heard).all(|(a, b)| same(a, b)), "{context}: it hears the same");
        assert_bounds(&solution, Status::Stopped, &measured, costs, weights, &context);
    }
    let mut stages: Vec<&'static str> = heard.iter().map(|call| call.0).collect();
    stages.dedup();
    stages
}

#[test]
fn every_stage_can_be_stopped_and_leaves_a_plan_with_bounds() {
    for (structure, distance, n, m, dimension, spread) in [
        (Structure::Normal, Distance::SquaredEuclidean, 1300, 1200, 2, Spread::Random),
        (Structure::Normal, Distance::Euclidean, 500, 600, 20, Spread::WithZeros),
        (Structure::Grid, Distance::Manhattan, 300, 300, 2, Spread::Uniform),
        (Structure::FarClusters(1e6), Distance::SquaredEuclidean, 200, 300, 2, Spread::Tiny),
    ] {
        let (x, y) = clouds(structure, n, m, dimension, 41);
        let costs = costs_of(&x, &y, distance);
        let [a, b] = units(spread, n, m, 42).map(|units| shares(&units));
        let problem = Problem::from_points(&x, &y, distance).with_source_weights(&a).with_target_weights(&b);
        let name = format!("{structure:?}, {distance}, {n} x {m}");
        let stages = check_all_stops(&name, &problem, &costs, [&a, &b]);
        println!("{name}: {stages:?}");
        let mut expected = vec!["warm start", "candidate sweep", "sparse Sinkhorn", "pricing of all pairs"];
        if n > 1000 {
            // The simplex reports every thousand pivots.
            expected.push("sparse simplex");
        }
        for stage in expected {
            assert!(stages.contains(&stage), "{name}: {stage} not in {stages:?}");
        }
    }
}

#[test]
fn stops_on_matrices_leave_a_plan_with_bounds() {
    for (filling, n, m, spread) in [
        (Filling::Uniform, 600, 500, Spread::Random),
        (Filling::Integers, 300, 300, Spread::Integers),
        (Filling::Forbidden, 200, 200, Spread::Uniform),
        (Filling::Negative, 100, 300, Spread::OneHeavy),
        (Filling::Constant, 50, 60, Spread::Random),
        (Filling::Uniform, 1, 9, Spread::Random),
    ] {
        let costs = matrix(filling, n, m, 43);
        let [a, b] = units(spread, n, m, 44).map(|units| shares(&units));
        let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
        check_all_stops(&format!("{filling:?}, {n} x {m}"), &problem, &costs, [&a, &b]);
    }
}

#[test]
fn a_limit_on_pivots_leaves_a_plan_with_bounds() {
    let (x, y) = clouds(Structure::Normal, 500, 450, 2, 51);
    let of_points = costs_of(&x, &y, Distance::SquaredEuclidean);
    let given = matrix(Filling::Forbidden, 150, 150, 52);
    for (name, costs, spread) in
        [("plane", of_points, Spread::WithZeros), ("forbidden pairs", given, Spread::Uniform)]
    {
        let [a, b] = units(spread, costs.rows(), costs.columns(), 53).map(|units| shares(&units));
        let problem = Problem::from_costs(&costs).with_source_weights(&a).with_target_weights(&b);
        for method in [Method::Sparse, Method::Plain] {
            let full = solved(&problem, method);
            let best = assert_proved(&full, &costs, &a, &b, &name);
            let needed = full.certificate.iterations;
            assert!(needed > 10, "{name}: {needed} pivots");
            for limit in [0, 1, 2, 10, needed / 2, needed - 1] {
                let options = Options::default().with_method(method).with_max_iterations(limit);
                let solution = solved_with(&problem, &options);
                let context = format!("{name}, {method:?}: {limit} of {needed} pivots");
                assert_eq!(solution.certificate.iterations, limit, "{context}");
                assert_bounds(&solution, Status::IterationLimit, &best, &costs, [&a, &b], &context);
            }
            // As many as are needed, and more, change nothing.
            for limit in [needed, needed + 1, u64::MAX] {
                let options = Options::default().with_method(method).with_max_iterations(limit);
                assert!(same_answer(&solved_with(&problem, &options), &full), "{name}, {method:?}: {limit}");
            }
        }
    }
}

#[test]
fn a_stop_while_sorting_is_a_stop() {
    let (x, y) = clouds(Structure::Normal, 300, 200, 1, 61);
    let costs = costs_of(&x, &y, Distance::SquaredEuclidean);
    let (a, b) = (vec![1.0 / 300.0; 300], vec![1.0 / 200.0; 200]);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let stages = check_all_stops("a line", &problem, &costs, [&a, &b]);
    assert_eq!(stages, ["sorting"]);
}
