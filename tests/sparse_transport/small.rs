//! Thousands of small problems: sparse simplex, plain simplex and an independent solver.

use crate::independent::least_cost;
use crate::problems::{
    DISTANCES, FILLINGS, Filling, Numbers, SPREADS, STRUCTURES, Spread, Structure, clouds, costs_of, matrix,
    shares, solved, units,
};
use crate::proof::{assert_proved, assert_same_cost};
use brenier::matrix::Distance;
use brenier::ot::Problem;
use brenier::ot::exact::Method;
use brenier::{Matrix, Scalar};

/// Sizes from 1 to 60 a side: small ones more often, and rows and columns alone.
fn sizes(numbers: &mut Numbers) -> (usize, usize) {
    let most = [8, 20, 60][numbers.below(3)];
    let (n, m) = (1 + numbers.below(most), 1 + numbers.below(most));
    match numbers.below(4) {
        0 => (n, n),
        _ => (n, m),
    }
}

/// Which way the sparse solver went how often: it may hand over to the plain simplex, but not as a rule.
#[derive(Default, Debug)]
struct Ways {
    sparse: u32,
    sorting: u32,
    handed_over: u32,
}

impl Ways {
    fn count(&mut self, method: &str) {
        match method {
            "sparse simplex" => self.sparse += 1,
            "sorting" => self.sorting += 1,
            "sparse, then plain simplex" => self.handed_over += 1,
            _ => panic!("the sparse simplex was asked for, not the {method}"),
        }
    }

    fn assert_mostly_sparse(&self) {
        println!("{self:?}");
        assert!(self.sparse > 2 * self.handed_over, "{self:?}");
    }
}

/// Solves both ways, proves both answers, and compares their costs with each other and with those of the independent solver, if
/// `costs` do not span more digits than that has.
fn check<T: Scalar>(
    problem: Problem<'_, T>,
    costs: &Matrix<f64>,
    [supply, demand]: &[Vec<i64>; 2],
    stand_in: Option<&Matrix<f64>>,
    context: &dyn std::fmt::Display,
) -> &'static str {
    let (a, b) = (shares(supply), shares(demand));
    let problem = problem.with_source_weights(&a).with_target_weights(&b);
    let sparse = solved(&problem, Method::Sparse);
    let plain = solved(&problem, Method::Plain);
    let measured = assert_proved(&sparse, costs, &a, &b, context);
    let other = assert_proved(&plain, costs, &a, &b, context);
    assert_same_cost(&measured, other.cost, context);
    let (n, m) = (costs.rows(), costs.columns());
    if let Some(moderate) = stand_in.filter(|_| n * m <= 400) {
        let rows: Vec<Vec<f64>> = (0..n).map(|i| (0..m).map(|j| moderate[(i, j)]).collect()).collect();
        let total: i64 = supply.iter().sum();
        assert_same_cost(&measured, least_cost(supply, demand, &rows) / total as f64, context);
    }
    sparse.report.method
}

#[test]
fn small_clouds_agree_with_the_plain_simplex_and_an_independent_solver() {
    let mut ways = Ways::default();
    for seed in 0..2400_u64 {
        let mut numbers = Numbers::new(seed);
        let (n, m) = sizes(&mut numbers);
        let dimension = 1 + numbers.below(4);
        let structure = STRUCTURES[numbers.below(STRUCTURES.len())];
        let distance = match DISTANCES[numbers.below(DISTANCES.len())] {
            // Angles between points this far away are rounding.
            Distance::Cosine if matches!(structure, Structure::Shifted(_)) => Distance::Euclidean,
            distance => distance,
        };
        let spread = SPREADS[numbers.below(SPREADS.len())];
        // Single precision does not reach as far.
        let single = numbers.below(4) == 0 && !matches!(structure, Structure::Scaled(_));
        let (mut x, mut y) = clouds(structure, n, m, dimension, seed);
        if distance == Distance::Cosine {
            // Away from the origin, where no angle is defined.
            for value in x.as_mut_slice().iter_mut().chain(y.as_mut_slice()) {
                *value += 0.25;
            }
        }
        let units = units(spread, n, m, seed);
        let context = format!(
            "seed {seed}: {n} x {m}, d = {dimension}, {structure:?}, {distance}, {spread:?}, f32: {single}"
        );
        // The independent solver takes costs for equal that differ by 1e-12.
        let apart = matches!(structure, Structure::FarClusters(_) | Structure::Cauchy | Structure::Scaled(_));
        let method = if single {
            let (x, y) = (x.map(|value| value as f32), y.map(|value| value as f32));
            let costs = costs_of(&x, &y, distance);
            check(
                Problem::from_points(&x, &y, distance),
                &costs,
                &units,
                Some(&costs).filter(|_| !apart),
                &context,
            )
        } else {
            let costs = costs_of(&x, &y, distance);
            check(
                Problem::from_points(&x, &y, distance),
                &costs,
                &units,
                Some(&costs).filter(|_| !apart),
                &context,
            )
        };
        ways.count(method);
    }
    ways.assert_mostly_sparse();
}

#[test]
fn small_matrices_agree_with_the_plain_simplex_and_an_independent_solver() {
    let mut ways = Ways::default();
    for seed in 0..2400_u64 {
        let mut numbers = Numbers::new(seed ^ 0xF00D);
        let (n, m) = sizes(&mut numbers);
        let filling = FILLINGS[numbers.below(FILLINGS.len())];
        let spread = match SPREADS[numbers.below(SPREADS.len())] {
            // The allowed pairs carry a plan for equal weights on both sides; others may have to pay 1e30.
            _ if filling == Filling::Forbidden => Spread::Uniform,
            spread => spread,
        };
        let (n, m) = if filling == Filling::Forbidden { (n, n) } else { (n, m) };
        let single = numbers.below(3) == 0;
        let units = units(spread, n, m, seed);
        let given = matrix(filling, n, m, seed);
        let context = format!("seed {seed}: {n} x {m}, {filling:?}, {spread:?}, f32: {single}");
        let stand_in = |costs: &Matrix<f64>| match filling {
            Filling::HeavyTails => None,
            _ => Some(costs.map(|cost| cost.min(1e4))),
        };
        let method = if single {
            let narrow = given.map(|cost| cost.min(1e38) as f32);
            let costs = narrow.map(f64::from);
            check(Problem::from_costs(&narrow), &costs, &units, stand_in(&costs).as_ref(), &context)
        } else {
            check(Problem::from_costs(&given), &given, &units, stand_in(&given).as_ref(), &context)
        };
        ways.count(method);
    }
    ways.assert_mostly_sparse();
}

/// All mass lies in one of two clusters: the points of the other get potentials of 1e12, whose rounding must not cost the proof.
#[test]
fn points_without_mass_cast_no_doubt_on_the_others() {
    for seed in 0..100 {
        let (x, y) = clouds(Structure::FarClusters(1e6), 6, 6, 2, seed);
        let units = [vec![1, 0, 1, 0, 1, 0], vec![1, 0, 1, 0, 1, 0]];
        let costs = costs_of(&x, &y, Distance::SquaredEuclidean);
        let weights = shares(&units[0]);
        let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
            .with_source_weights(&weights)
            .with_target_weights(&weights);
        for method in [Method::Sparse, Method::Plain] {
            let solution = solved(&problem, method);
            assert_proved(&solution, &costs, &weights, &weights, &format!("seed {seed}, {method:?}"));
        }
    }
}
