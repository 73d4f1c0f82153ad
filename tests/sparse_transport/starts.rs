//! Starts of every quality: what a caller gives changes the time and never the answer's optimality.

use crate::problems::{
    Filling, Numbers, Spread, Structure, clouds, costs_of, matrix, shares, solved, solved_with, units,
};
use crate::proof::{Measured, assert_proved, assert_same_cost};
use brenier::Matrix;
use brenier::matrix::Distance;
use brenier::ot::exact::{Method, Options, Solution};
use brenier::ot::plan::PlanEntry;
use brenier::ot::{Problem, TransportPlan};

const METHODS: [Method; 2] = [Method::Sparse, Method::Plain];

/// A problem with its answer.
struct Case {
    name: &'static str,
    costs: Matrix<f64>,
    source: Vec<f64>,
    target: Vec<f64>,
    best: Solution,
    measured: Measured,
}

impl Case {
    fn new(name: &'static str, costs: Matrix<f64>, spread: Spread) -> Self {
        let [source, target] = units(spread, costs.rows(), costs.columns(), 3).map(|units| shares(&units));
        let problem = Problem::from_costs(&costs).with_source_weights(&source).with_target_weights(&target);
        let best = solved(&problem, Method::Plain);
        let measured = assert_proved(&best, &costs, &source, &target, &name);
        Self { name, costs, source, target, best, measured }
    }

    fn problem(&self) -> Problem<'_, f64> {
        Problem::from_costs(&self.costs).with_source_weights(&self.source).with_target_weights(&self.target)
    }

    /// Solves with these options both ways, and proves the answers.
    fn check(&self, options: &Options, start: &str) {
        for method in METHODS {
            let solution = solved_with(&self.problem(), &options.clone().with_method(method));
            let context = format!("{}, {start}, {method:?}", self.name);
            let measured = assert_proved(&solution, &self.costs, &self.source, &self.target, &context);
            assert_same_cost(&self.measured, measured.cost, &context);
        }
    }
}

fn cases() -> Vec<Case> {
    let of_points = |structure, n, m, dimension, distance| {
        let (x, y) = clouds(structure, n, m, dimension, 21);
        costs_of(&x, &y, distance)
    };
    let squared = Distance::SquaredEuclidean;
    vec![
        Case::new("plane", of_points(Structure::Normal, 260, 210, 2, squared), Spread::Random),
        Case::new(
            "assignment",
            of_points(Structure::Cube, 200, 200, 8, Distance::Euclidean),
            Spread::Uniform,
        ),
        Case::new("clusters", of_points(Structure::FarClusters(1e6), 90, 110, 2, squared), Spread::WithZeros),
        Case::new("duplicates", of_points(Structure::PairsOfEqual, 80, 80, 2, squared), Spread::Tiny),
        Case::new("ties", matrix(Filling::Integers, 120, 90, 1), Spread::Integers),
        Case::new("forbidden pairs", matrix(Filling::Forbidden, 100, 100, 2), Spread::Uniform),
        Case::new("negative costs", matrix(Filling::Negative, 70, 90, 3), Spread::OneHeavy),
        Case::new("constant costs", matrix(Filling::Constant, 30, 40, 4), Spread::Random),
        Case::new("a column", matrix(Filling::Uniform, 20, 1, 5), Spread::Random),
        Case::new("a row", matrix(Filling::Uniform, 1, 20, 6), Spread::Random),
        Case::new("one pair", matrix(Filling::Uniform, 1, 1, 7), Spread::Uniform),
        Case::new("a handful", matrix(Filling::Uniform, 5, 4, 8), Spread::WithZeros),
    ]
}

#[test]
fn potentials_of_any_quality_lead_to_the_optimum() {
    for case in cases() {
        let (n, m) = (case.source.len(), case.target.len());
        let (f, g) = (&case.best.source_potentials, &case.best.target_potentials);
        let mut numbers = Numbers::new(77);
        let mut random =
            |scale: f64, count: usize| -> Vec<f64> { (0..count).map(|_| scale * numbers.normal()).collect() };
        let largest =
            case.costs.as_slice().iter().fold(0.0_f64, |largest, cost| largest.max(cost.abs())).min(1e6);
        let alternating = |count: usize| -> Vec<f64> {
            (0..count).map(|k| if k % 2 == 0 { 1e300 } else { -1e300 }).collect()
        };
        let changed = |values: &[f64], change: &dyn Fn(f64) -> f64| -> Vec<f64> {
            values.iter().map(|&value| change(value)).collect()
        };
        let starts = [
            ("zeros", vec![0.0; n], vec![0.0; m]),
            ("random", random(largest, n), random(largest, m)),
            ("random and large", random(1e4 * largest, n), random(1e4 * largest, m)),
            ("1e300", vec![1e300; n], vec![1e300; m]),
            ("-1e300", vec![-1e300; n], vec![-1e300; m]),
            ("alternating 1e300", alternating(n), alternating(m)),
            ("the largest number", vec![f64::MAX; n], vec![f64::MIN; m]),
            ("tiny", random(1e-300, n), random(1e-300, m)),
            ("smallest number", vec![f64::from_bits(1); n], vec![-f64::from_bits(1); m]),
            ("optimal", f.clone(), g.clone()),
            ("optimal, shifted", changed(f, &|f| f + 1e5), changed(g, &|g| g - 1e5)),
            ("optimal, shifted far", changed(f, &|f| f + 1e18), changed(g, &|g| g - 1e18)),
            ("optimal, negated", changed(f, &|f| -f), changed(g, &|g| -g)),
            ("optimal for f only", f.clone(), random(largest, m)),
        ];
        for (start, f, g) in starts {
            case.check(&Options::default().with_initial_potentials(&f, &g), start);
        }
    }
}

#[test]
fn plans_of_any_quality_lead_to_the_optimum() {
    for case in cases() {
        let (n, m) = (case.source.len(), case.target.len());
        let mut numbers = Numbers::new(78);
        let entry = |source, target, mass| PlanEntry { source, target, mass };
        let order = numbers.permutation(n.max(m));
        let permutation = (0..n.max(m)).map(|k| entry(k % n, order[k] % m, 1.0 / n as f64)).collect();
        let dense =
            (0..n * m).map(|k| entry(k / m, k % m, case.source[k / m] * case.target[k % m])).collect();
        let cycles = (0..n * m).map(|k| entry(k / m, k % m, 1.0)).collect();
        let others = (0..2 * n)
            .map(|_| {
                entry(numbers.below(n), numbers.below(m), 10.0_f64.powf(600.0 * (numbers.uniform() - 0.5)))
            })
            .collect();
        // Where it costs most: the target of each source is its worst.
        let worst = (0..n)
            .map(|i| {
                let target = (0..m).max_by(|&a, &b| case.costs[(i, a)].total_cmp(&case.costs[(i, b)]));
                entry(i, target.expect("there are targets"), case.source[i])
            })
            .collect();
        let all_to_one = (0..n).map(|i| entry(i, 0, 1.0)).chain((0..m).map(|j| entry(0, j, 1.0))).collect();
        for (start, entries) in [
            ("empty", Vec::new()),
            ("a permutation", permutation),
            ("the product of the weights", dense),
            ("all pairs alike", cycles),
            ("other masses", others),
            ("the worst pairs", worst),
            ("all to one", all_to_one),
            ("optimal", case.best.plan.entries().to_vec()),
            ("half of the optimal", case.best.plan.entries().iter().copied().step_by(2).collect()),
        ] {
            let plan = TransportPlan::new(n, m, entries).unwrap();
            case.check(&Options::default().with_initial_plan(plan), start);
        }
    }
}

#[test]
fn good_starts_save_pivots() {
    let (x, y) = clouds(Structure::Normal, 1000, 1000, 2, 33);
    let mut numbers = Numbers::new(34);
    let moved = y.map(|value| value + 1e-4 * numbers.normal());
    let distance = Distance::SquaredEuclidean;
    let first = solved(&Problem::from_points(&x, &y, distance), Method::Plain);
    let uniform = vec![1e-3; 1000];
    let (f, g) = (&first.source_potentials, &first.target_potentials);
    for (cloud, start) in [(&y, "the same problem"), (&moved, "a moved one")] {
        let problem = Problem::from_points(&x, cloud, distance);
        let costs = costs_of(&x, cloud, distance);
        for method in METHODS {
            let without = solved(&problem, method);
            let measured = assert_proved(&without, &costs, &uniform, &uniform, &start);
            for (what, options) in [
                ("plan", Options::default().with_initial_plan(first.plan.clone())),
                ("potentials", Options::default().with_initial_potentials(f, g)),
            ] {
                let context = format!("{start}, {method:?}, {what}");
                let with = solved_with(&problem, &options.with_method(method));
                let other = assert_proved(&with, &costs, &uniform, &uniform, &context);
                assert_same_cost(&measured, other.cost, &context);
                // Potentials save the warm start instead.
                let (pivots, before) = (with.certificate.iterations, without.certificate.iterations);
                assert!(
                    what == "potentials" || pivots < before,
                    "{context}: {pivots} pivots, {before} without"
                );
            }
        }
    }
}
