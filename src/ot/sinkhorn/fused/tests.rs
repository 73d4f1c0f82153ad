//! The fused iteration against the textbook's two half-steps in the log domain, at its limits, and on several threads.

use super::*;
use crate::Matrix;
use crate::matrix::Distance;
use crate::ot::problem::Costs;
use crate::ot::sinkhorn::EntropicCosts;
use proptest::prelude::*;

/// A stored cost matrix.
struct Dense<A>(Matrix<A>);

/// The potentials zero: u = 0 and v = ln b.
fn from_zero<A: Scalar>(sources: usize, target_weights: &[A]) -> Scaling<A> {
    Scaling::from_potentials(
        &vec![A::ZERO; sources],
        &vec![A::ZERO; target_weights.len()],
        target_weights,
        A::ONE,
    )
}

impl<A: Scalar> CostBlocks<A> for Dense<A> {
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn columns(&self) -> usize {
        self.0.columns()
    }

    fn rows_at_once(&self) -> usize {
        1
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        for (row, out) in rows.zip(out.chunks_exact_mut(columns.len())) {
            out.copy_from_slice(&self.0.row(row)[columns.clone()]);
        }
    }
}

/// Reproducible numbers in (0, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Costs in (0, 1).
    fn costs<A: Scalar>(&mut self, rows: usize, columns: usize) -> Dense<A> {
        Dense(Matrix::from_fn(rows, columns, |_, _| A::from_f64(self.next())))
    }

    /// Weights within a factor of 21 that sum to one, up to rounding.
    fn weights<A: Scalar>(&mut self, count: usize) -> Vec<A> {
        let raw: Vec<f64> = (0..count).map(|_| 0.05 + self.next()).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|weight| A::from_f64(weight / sum)).collect()
    }
}

/// ln Σ exp(x).
fn log_sum_exp(x: &[f64]) -> f64 {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// The textbook's iteration in `f64`: u from v, then v from u, each by a logarithm of a sum over the matrix.
struct Oracle {
    costs: Matrix<f64>,
    a: Vec<f64>,
    b: Vec<f64>,
    u: Vec<f64>,
    v: Vec<f64>,
}

impl Oracle {
    fn iterate(&mut self, epsilon: f64, relaxation: f64) -> f64 {
        for (i, u) in self.u.iter_mut().enumerate() {
            let x: Vec<f64> =
                self.v.iter().zip(self.costs.row(i)).map(|(v, cost)| v - cost / epsilon).collect();
            *u = (1.0 - relaxation) * *u - relaxation * log_sum_exp(&x);
        }
        let mut residual = 0.0;
        for j in 0..self.v.len() {
            let x: Vec<f64> = (0..self.u.len())
                .map(|i| self.a[i].ln() + self.u[i] + self.v[j] - self.costs[(i, j)] / epsilon)
                .collect();
            let sum = log_sum_exp(&x);
            residual += (sum.exp() - self.b[j]).abs();
            self.v[j] -= relaxation * (sum - self.b[j].ln());
        }
        residual
    }
}

fn widened<A: Scalar>(values: &[A]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

/// Largest difference between two vectors.
fn distance(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

/// Five iterations at each relaxation, side by side with the oracle.
fn check_against_oracle<A: Scalar>(rows: usize, columns: usize, seed: u64) {
    let mut numbers = Numbers(seed);
    let costs = numbers.costs::<A>(rows, columns);
    let (a, b) = (numbers.weights::<A>(rows), numbers.weights::<A>(columns));
    let epsilon = 0.0625;
    let g: Vec<A> = (0..columns).map(|_| A::from_f64(numbers.next() - 0.5)).collect();
    let mut scaling = Scaling::from_potentials(&vec![A::ZERO; rows], &g, &b, A::from_f64(epsilon));
    let mut oracle = Oracle {
        costs: Matrix::from_fn(rows, columns, |i, j| costs.0[(i, j)].to_f64()),
        a: widened(&a),
        b: widened(&b),
        u: widened(&scaling.u),
        v: widened(&scaling.v),
    };
    for relaxation in [1.0, 1.5, 0.75] {
        for iteration in 0..5 {
            let got = scaling.iterate(&costs, &a, &b, A::from_f64(epsilon), A::from_f64(relaxation)).to_f64();
            let expected = oracle.iterate(epsilon, relaxation);
            // Exponents stay below 16 + 16 + 30 in magnitude and are rounded three times in each half-step; sums of
            // k terms add at most ln k. An iteration of ω hands an error on with a factor of at most 2ω - 1.
            let bound = 2e3 * A::EPSILON.to_f64() * 62.0;
            let errors =
                [distance(&widened(&scaling.u), &oracle.u), distance(&widened(&scaling.v), &oracle.v)];
            let residual_error = (got - expected).abs();
            assert!(
                errors[0] <= bound && errors[1] <= bound && residual_error <= bound,
                "{} ({rows}, {columns}) ω={relaxation} iteration {iteration}: u {:e}, v {:e}, residual {:e}, bound {bound:e}",
                A::NAME,
                errors[0],
                errors[1],
                residual_error
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn iterations_agree_with_the_log_domain(rows in 1_usize..40, columns in 1_usize..80, seed in any::<u64>()) {
        check_against_oracle::<f32>(rows, columns, seed);
        check_against_oracle::<f64>(rows, columns, seed);
    }
}

#[test]
fn blocks_of_fewer_rows_and_several_parts_agree_with_the_log_domain() {
    // Blocks of 8, of 5, of 3 and of 1 row; the first and the last two are cut into parts.
    for (rows, columns) in [(600, 450), (11, 13_000), (17, 20_000), (5, 70_000)] {
        check_against_oracle::<f32>(rows, columns, 7);
        check_against_oracle::<f64>(rows, columns, 7);
    }
}

/// Row and column sums of the plan, in `f64`, from u and v.
fn marginals<A: Scalar>(
    costs: &Dense<A>,
    a: &[A],
    scaling: &Scaling<A>,
    epsilon: f64,
) -> (Vec<f64>, Vec<f64>) {
    let (mut rows, mut columns) = (vec![0.0; scaling.u.len()], vec![0.0; scaling.v.len()]);
    for i in 0..rows.len() {
        for (j, column) in columns.iter_mut().enumerate() {
            let exponent = scaling.u[i].to_f64() + scaling.v[j].to_f64() - costs.0[(i, j)].to_f64() / epsilon;
            let mass = a[i].to_f64() * exponent.exp();
            rows[i] += mass;
            *column += mass;
        }
    }
    (rows, columns)
}

fn check_convergence<A: Scalar>() {
    let (n, m, epsilon) = (23, 37, 0.05);
    let mut numbers = Numbers(3);
    let costs = numbers.costs::<A>(n, m);
    let (a, b) = (numbers.weights::<A>(n), numbers.weights::<A>(m));
    let mut scaling = from_zero(n, &b);
    let mut residual = A::INFINITY;
    for _ in 0..2000 {
        residual = scaling.iterate(&costs, &a, &b, A::from_f64(epsilon), A::ONE);
    }
    let (rows, columns) = marginals(&costs, &a, &scaling, epsilon);
    // Exponents of at most 40, rounded a few times; the weights sum to one.
    let bound = 40.0 * 8.0 * A::EPSILON.to_f64();
    let error = |got: &[f64], expected: &[A]| -> f64 {
        got.iter().zip(expected).map(|(got, expected)| (got - expected.to_f64()).abs()).sum()
    };
    let errors = (error(&rows, &a), error(&columns, &b), residual.to_f64());
    assert!(errors.0 <= bound && errors.1 <= bound && errors.2 <= bound, "{}: {errors:?}", A::NAME);
}

#[test]
fn marginals_converge() {
    check_convergence::<f32>();
    check_convergence::<f64>();
}

#[test]
fn over_relaxation_needs_fewer_iterations() {
    let (n, epsilon) = (40, 0.01);
    let costs = Numbers(5).costs::<f64>(n, n);
    let weights = vec![1.0 / n as f64; n];
    let iterations = |relaxation: f64| {
        let mut scaling = from_zero(n, &weights);
        (1..20_000)
            .find(|_| scaling.iterate(&costs, &weights, &weights, epsilon, relaxation) < 1e-9)
            .expect("convergence")
    };
    let (plain, relaxed) = (iterations(1.0), iterations(1.5));
    assert!(2 * relaxed < plain, "{relaxed} against {plain}");
}

fn check_far_off<A: Scalar>() {
    let (n, m) = (9, 21);
    let mut numbers = Numbers(11);
    let costs = numbers.costs::<A>(n, m);
    let (a, b) = (numbers.weights::<A>(n), numbers.weights::<A>(m));
    let epsilon = A::from_f64(0.1);
    let mut right = from_zero(n, &b);
    right.source_half(&costs, epsilon);
    let expected_u = widened(&right.u);
    let expected = right.iterate(&costs, &a, &b, epsilon, A::ONE).to_f64();
    // Only the rounding of exponents of at most 20 separates the ways.
    let bound = 400.0 * A::EPSILON.to_f64();
    for start in [1e4, -1e4, 30.0, -30.0, A::MAX.to_f64(), -A::MAX.to_f64(), f64::NAN, f64::INFINITY] {
        for relaxation in [A::ONE, A::from_f64(1.75)] {
            let mut scaling = from_zero(n, &b);
            scaling.u.fill(A::from_f64(start));
            // A shifted row takes no relaxation.
            if start.abs() == 30.0 && relaxation != A::ONE && A::NAME == "f64" {
                continue;
            }
            let residual = scaling.iterate(&costs, &a, &b, epsilon, relaxation).to_f64();
            assert!((residual - expected).abs() <= bound, "{} from {start}: {residual:e}", A::NAME);
            assert!(distance(&widened(&scaling.u), &expected_u) <= bound, "{} from {start}", A::NAME);
        }
    }
    // A constant added to v is taken off u again: what rounding of numbers of that size leaves.
    for shift in [1e4, -1e4] {
        let mut scaling = from_zero(n, &b);
        scaling.v.iter_mut().for_each(|v| *v += A::from_f64(shift));
        let residual = scaling.iterate(&costs, &a, &b, epsilon, A::ONE).to_f64();
        assert!((residual - expected).abs() <= 4e4 * A::EPSILON.to_f64(), "{} {shift}: {residual}", A::NAME);
    }
}

#[test]
fn rows_recover_from_potentials_that_are_far_off() {
    check_far_off::<f32>();
    check_far_off::<f64>();
}

fn check_hidden_column<A: Scalar>() {
    let (n, m) = (12, 10);
    let mut numbers = Numbers(13);
    let costs = numbers.costs::<A>(n, m);
    let (a, b) = (numbers.weights::<A>(n), numbers.weights::<A>(m));
    let epsilon = A::from_f64(0.2);
    let mut scaling = from_zero(n, &b);
    scaling.v[3] = A::from_f64(-1e4);
    // 1e4 / 61 or 1e4 / 496 steps to be seen, then a few dozen to converge.
    let mut residual = A::INFINITY;
    for _ in 0..400 {
        residual = scaling.iterate(&costs, &a, &b, epsilon, A::ONE);
        assert!(residual.is_finite());
    }
    assert!(residual.to_f64() <= 100.0 * A::EPSILON.to_f64(), "{}: {residual}", A::NAME);
}

#[test]
fn hidden_columns_come_back() {
    check_hidden_column::<f32>();
    check_hidden_column::<f64>();
}

fn check_extremes<A: Scalar>() {
    let (n, m) = (7, 19);
    let mut numbers = Numbers(17);
    let (a, b) = (numbers.weights::<A>(n), numbers.weights::<A>(m));
    let largest = A::MAX.to_f64();
    let tiny = A::MIN_POSITIVE.to_f64();
    for scale in [largest, largest.powf(0.78), largest.powf(0.4), tiny] {
        for kind in 0..5 {
            // All large; spread over all sizes; of both signs; one zero in a row; the same everywhere.
            let costs = Dense(Matrix::from_fn(n, m, |i, j| {
                let x = numbers.next();
                A::from_f64(match kind {
                    0 => x * scale,
                    1 => scale * (x * (tiny / scale).ln()).exp(),
                    2 => (2.0 * x - 1.0) * scale,
                    3 => f64::from(u8::from(i != j)) * scale,
                    _ => scale,
                })
            }));
            for epsilon in [tiny, tiny.sqrt(), 1.0, largest] {
                for relaxation in [1.0, 1.9] {
                    for start in [0.0, 1e4, -1e4, largest, -largest] {
                        let f: Vec<A> = (0..n).map(|_| A::from_f64(start * numbers.next())).collect();
                        let g: Vec<A> =
                            (0..m).map(|_| A::from_f64(start * (1.0 - 2.0 * numbers.next()))).collect();
                        let epsilon = A::from_f64(epsilon);
                        let mut scaling = Scaling::from_potentials(&f, &g, &b, epsilon);
                        for _ in 0..4 {
                            let residual =
                                scaling.iterate(&costs, &a, &b, epsilon, A::from_f64(relaxation)).to_f64();
                            assert!(!residual.is_nan() && residual >= 0.0, "{}: {residual}", A::NAME);
                            let finite = |values: &[A]| {
                                widened(values).iter().all(|value| value.abs() <= largest / 32.0)
                            };
                            assert!(finite(&scaling.u) && finite(&scaling.v), "{} {scale:e}", A::NAME);
                            if relaxation == 1.0 {
                                // The plan's total is one however the columns lie: at most two from b.
                                assert!(residual <= 2.0 + 1e-4, "{}: {residual}", A::NAME);
                            }
                        }
                        scaling.source_half(&costs, epsilon);
                        assert!(scaling.u.iter().all(|u| u.is_finite()));
                    }
                }
            }
        }
    }
}

#[test]
fn nothing_is_nan_at_the_ends_of_the_range() {
    check_extremes::<f32>();
    check_extremes::<f64>();
}

#[test]
fn no_column_sum_is_subnormal() {
    // Exponents from 0 to -200: through the end of the range of f32, with weights from 1e-1 to 1e-12.
    let (n, m) = (24, 67);
    let mut numbers = Numbers(19);
    let costs = numbers.costs::<f32>(n, m);
    let mut a: Vec<f32> = (0..n).map(|i| 10.0_f32.powf(-1.0 - i as f32 / 2.0)).collect();
    let sum: f32 = a.iter().sum();
    a.iter_mut().for_each(|weight| *weight /= sum);
    let b = numbers.weights::<f32>(m);
    let mut scaling = from_zero(n, &b);
    for _ in 0..20 {
        scaling.iterate(&costs, &a, &b, 0.005, 1.0);
        for part in &scaling.parts {
            let normal = |sum: &f32| *sum == 0.0 || sum.is_normal();
            assert!(part.columns.iter().all(normal) && part.block.iter().all(normal));
        }
    }
}

#[test]
fn potentials_go_in_and_out() {
    let b = [0.25_f64, 0.5, 0.25];
    let (f, g) = ([1.0, -2.0], [0.5, 0.0, 3.0]);
    let scaling = Scaling::from_potentials(&f, &g, &b, 0.125);
    assert_eq!(scaling.u, [8.0, -16.0]);
    assert_eq!(scaling.source_potentials(0.125), f);
    let back = scaling.target_potentials(&b, 0.125);
    // ln b comes and goes: a rounding of v, at most 25.
    assert!(distance(&back, &g) <= 2.0 * 25.0 * f64::EPSILON * 0.125);
}

#[test]
#[should_panic(expected = "columns without mass must be left out")]
fn weights_of_zero_are_refused() {
    from_zero(2, &[0.5_f64, 0.0, 0.5]);
}

/// Everything that an iteration writes.
#[cfg(feature = "parallel")]
fn run<A: Scalar>(threads: usize, rows: usize, columns: usize) -> (Vec<A>, Vec<A>, A) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let mut numbers = Numbers(23);
        let costs = numbers.costs::<A>(rows, columns);
        let (a, b) = (numbers.weights::<A>(rows), numbers.weights::<A>(columns));
        let epsilon = A::from_f64(0.03);
        let mut scaling = from_zero(rows, &b);
        scaling.source_half(&costs, epsilon);
        let mut residual = A::ZERO;
        for relaxation in [1.0, 1.5] {
            residual = scaling.iterate(&costs, &a, &b, epsilon, A::from_f64(relaxation));
        }
        (scaling.u, scaling.v, residual)
    })
}

#[cfg(feature = "parallel")]
#[test]
fn the_number_of_threads_changes_no_bit() {
    for (rows, columns) in [(701, 503), (13, 30_001)] {
        let (single, double) = (run::<f32>(1, rows, columns), run::<f64>(1, rows, columns));
        for threads in [2, 3, 5] {
            // Equality of floating-point numbers other than zero is that of their bits.
            assert!(run::<f32>(threads, rows, columns) == single, "{threads} threads");
            assert!(run::<f64>(threads, rows, columns) == double, "{threads} threads");
        }
    }
}

/// Sums up what it sees, in `f64`.
struct Seen {
    next: usize,
    rows: Vec<f64>,
    columns: Vec<f64>,
}

impl<A: Scalar> RowVisitor<A> for Seen {
    fn rows(&mut self, first: usize, exponentials: &[A], factors: &[A]) {
        assert!(self.next == usize::MAX || self.next == first, "rows in order");
        self.next = first + factors.len();
        let scale = Scaling::<A>::column_scale().to_f64();
        let columns = self.columns.len();
        assert_eq!(exponentials.len(), factors.len() * columns);
        for (row, factor) in exponentials.chunks(columns).zip(factors) {
            let entries: Vec<f64> = row.iter().map(|e| e.to_f64() * factor.to_f64() / scale).collect();
            self.rows.push(entries.iter().sum());
            self.columns.iter_mut().zip(entries).for_each(|(sum, entry)| *sum += entry);
        }
    }
}

fn check_visitors<A: Scalar>(rows: usize, columns: usize, far_off: bool) {
    let mut numbers = Numbers(29);
    let costs = numbers.costs::<A>(rows, columns);
    let (a, b) = (numbers.weights::<A>(rows), numbers.weights::<A>(columns));
    let epsilon = A::from_f64(0.1);
    let mut plain = from_zero(rows, &b);
    if far_off {
        // Rows that are taken afresh are seen as they end.
        plain.u.iter_mut().step_by(3).for_each(|u| *u = A::from_f64(1e4));
    }
    let mut scaling = from_zero(rows, &b);
    scaling.u.copy_from_slice(&plain.u);
    let residual = plain.iterate(&costs, &a, &b, epsilon, A::ONE);
    let parts = scaling.parts(&costs);
    let mut visitors: Vec<Seen> = (0..parts)
        .map(|_| Seen { next: usize::MAX, rows: Vec::new(), columns: vec![0.0; columns] })
        .collect();
    let v = scaling.v.clone();
    scaling.source_step(&costs, &a, epsilon, A::ONE, &mut visitors);
    assert!(scaling.v == v && scaling.u == plain.u);
    let row_sums: Vec<f64> = visitors.iter().flat_map(|seen| seen.rows.iter().copied()).collect();
    let column_sums: Vec<f64> =
        (0..columns).map(|j| visitors.iter().map(|seen| seen.columns[j]).sum()).collect();
    let sums: Vec<A> = scaling.columns().collect();
    // Sums of at most rows or columns terms, each rounded a few times.
    let bound = 4.0 * (rows + columns) as f64 * A::EPSILON.to_f64();
    for (sum, weight) in row_sums.iter().zip(&a) {
        assert!((sum - weight.to_f64()).abs() <= bound * weight.to_f64(), "{sum} {weight}");
    }
    assert_eq!(row_sums.len(), rows);
    for (seen, sum) in column_sums.iter().zip(&sums) {
        assert!((seen - sum.to_f64()).abs() <= bound * seen, "{seen} {sum}");
    }
    assert!(scaling.target_step(&b, A::ONE) == residual);
    assert!(scaling.v == plain.v);
}

#[test]
fn visitors_see_the_plan_and_both_halves_make_an_iteration() {
    for (rows, columns) in [(7, 13), (701, 503), (13, 30_001)] {
        for far_off in [false, true] {
            check_visitors::<f32>(rows, columns, far_off);
            check_visitors::<f64>(rows, columns, far_off);
        }
    }
}
/// Distances read by the kernel of points, stored or block by block give the same iterations up to rounding, far from the origin too.
fn check_ways<A: Scalar>(distance: Distance, d: usize, n: usize, m: usize) {
    let mut numbers = Numbers(31);
    let x = Matrix::from_fn(n, d, |_, _| A::from_f64(3.0 + numbers.next()));
    let y = Matrix::from_fn(m, d, |_, _| A::from_f64(3.5 + numbers.next()));
    let (a, b) = (numbers.weights::<A>(n), numbers.weights::<A>(m));
    let problem = Costs::Points { source: x.view(), target: y.view(), distance };
    let computed = EntropicCosts::<A>::prepare(problem, None, None, 0).unwrap();
    let mut dense = Matrix::zeros(n, m);
    computed.block_into(0..n, 0..m, dense.as_mut_slice());
    let stored = EntropicCosts::<A>::prepare(Costs::from(&dense), None, None, 0).unwrap();
    assert!(matches!(stored.shortcut(), Shortcut::Stored(_)));
    let blocks = Dense(dense.clone());
    let epsilon = A::from_f64(0.1 * d as f64);
    let mut by_blocks = from_zero(n, &b);
    let mut by_points = from_zero(n, &b);
    let mut by_rows = from_zero(n, &b);
    // Exponents of at most 60, rounded a few times in each of six iterations that hand errors on with a factor of two at most.
    let bound = 64.0 * 60.0 * 8.0 * A::EPSILON.to_f64();
    for relaxation in [1.0, 1.0, 1.3, 1.5, 1.0, 1.0] {
        let omega = A::from_f64(relaxation);
        let expected = by_blocks.iterate(&blocks, &a, &b, epsilon, omega).to_f64();
        let residuals = [
            by_points.iterate(&computed, &a, &b, epsilon, omega),
            by_rows.iterate(&stored, &a, &b, epsilon, omega),
        ];
        for (residual, scaling) in residuals.into_iter().zip([&by_points, &by_rows]) {
            let errors = [
                distance_of(&scaling.u, &by_blocks.u),
                distance_of(&scaling.v, &by_blocks.v),
                (residual.to_f64() - expected).abs(),
            ];
            assert!(errors.iter().all(|&error| error <= bound), "{} {distance} d={d}: {errors:?}", A::NAME);
        }
    }
}

fn distance_of<A: Scalar>(x: &[A], y: &[A]) -> f64 {
    distance(&widened(x), &widened(y))
}

#[test]
fn all_ways_to_read_costs_give_the_same_iterations() {
    for (n, m) in [(5, 7), (37, 530), (400, 350)] {
        for d in [1, 2, 3, 4, 5, 6, 7, 8, 9, 20] {
            for distance in [Distance::SquaredEuclidean, Distance::Euclidean, Distance::Manhattan] {
                check_ways::<f32>(distance, d, n, m);
                check_ways::<f64>(distance, d, n, m);
            }
        }
    }
}

/// Costs that overflow when divided by ε take the way through blocks, which saturates.
#[test]
fn points_with_a_tiny_epsilon_give_no_nan() {
    let mut numbers = Numbers(37);
    let x = Matrix::from_fn(9, 2, |_, _| numbers.next() as f32 * 1e12);
    let weights = vec![1.0 / 9.0_f32; 9];
    let problem = Costs::Points { source: x.view(), target: x.view(), distance: Distance::SquaredEuclidean };
    let costs = EntropicCosts::<f32>::prepare(problem, None, None, 0).unwrap();
    for epsilon in [f32::MIN_POSITIVE, 1e-20, 1e-10, 1.0, 1e20, f32::MAX] {
        let mut scaling = from_zero(9, &weights);
        for _ in 0..3 {
            let residual = scaling.iterate(&costs, &weights, &weights, epsilon, 1.0);
            assert!(residual.is_finite() && scaling.u.iter().chain(&scaling.v).all(|u| u.is_finite()));
        }
    }
}
