//! Costs of the user's own: a function of two points, written once for every instruction set.

use crate::matrix::MatrixView;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use std::fmt;
use std::ops::Range;

/// A cost between two points that is computed where it is needed, several targets at a time.
///
/// The method is generic over [`Lanes`]: the solvers call it with the registers of the best instruction set of the
/// machine, in `f32` or `f64`. Mark it `#[inline(always)]`, and so what it calls: otherwise it is compiled for the
/// least of all machines, and slow. Costs must be finite; solvers check all of them once and name the first that is
/// not.
///
/// # Examples
/// The cost sqrt(1 + |x - y|²):
/// ```
/// use brenier::Matrix;
/// use brenier::ot::{Pair, PairCost, Problem, exact, sinkhorn};
/// use brenier::simd::Lanes;
///
/// struct Hyperbolic;
///
/// impl PairCost for Hyperbolic {
///     #[inline(always)]
///     fn cost<L: Lanes>(&self, pair: Pair<'_, L>) -> L {
///         let mut sum = L::constant(1.0);
///         for k in 0..pair.dimension() {
///             let difference = pair.x(k) - pair.y(k);
///             sum = difference.mul_add(difference, sum);
///         }
///         sum.sqrt()
///     }
/// }
///
/// let x = Matrix::from_rows([[0.0_f64, 0.0], [1.0, 0.0], [0.0, 2.0]]);
/// let y = Matrix::from_rows([[0.0, 1.0], [1.0, 1.0], [3.0, 0.0]]);
/// let problem = Problem::from_pair_cost(&x, &y, &Hyperbolic);
/// let square = |i: usize, j: usize| (0..2).map(|k| (x[(i, k)] - y[(j, k)]).powi(2)).sum::<f64>();
/// let costs = Matrix::from_fn(3, 3, |i, j| (1.0 + square(i, j)).sqrt());
/// let same = Problem::from_costs(&costs);
///
/// let (got, expected) = (exact::solve(&problem)?.cost(), exact::solve(&same)?.cost());
/// assert!((got - expected).abs() < 1e-12);
/// let plans = [&problem, &same].map(|problem| sinkhorn::solve(problem, 0.1).map(|solution| solution.plan.to_matrix()));
/// let [got, expected] = plans;
/// let (got, expected) = (got?, expected?);
/// assert!((0..3).all(|i| (0..3).all(|j| (got[(i, j)] - expected[(i, j)]).abs() < 1e-6)));
/// # Ok::<(), brenier::Error>(())
/// ```
pub trait PairCost: Sync {
    /// The costs between a source and as many targets as the register has lanes.
    fn cost<L: Lanes>(&self, pair: Pair<'_, L>) -> L;
}

/// A source and `L::LANES` targets.
#[derive(Clone, Copy)]
pub struct Pair<'a, L: Lanes> {
    x: &'a [L::Element],
    /// From the first target on, coordinate after coordinate, `stride` apart.
    y: &'a [L::Element],
    stride: usize,
}

impl<L: Lanes> Pair<'_, L> {
    /// Number of coordinates.
    #[inline(always)]
    pub fn dimension(&self) -> usize {
        self.x.len()
    }

    /// Coordinate k of the source, in every lane.
    ///
    /// # Panics
    /// If there is no such coordinate.
    #[inline(always)]
    pub fn x(&self, k: usize) -> L {
        L::splat(self.x[k])
    }

    /// Coordinate k of each target, one in a lane.
    ///
    /// # Panics
    /// If there is no such coordinate.
    #[inline(always)]
    pub fn y(&self, k: usize) -> L {
        L::load(&self.y[k * self.stride..])
    }
}

/// A [`PairCost`] of any type.
#[derive(Clone, Copy)]
pub struct AnyPairCost<'a> {
    pub(crate) single: &'a dyn BlockCost<f32>,
    pub(crate) double: &'a dyn BlockCost<f64>,
}

impl<'a> AnyPairCost<'a> {
    /// This cost.
    pub fn new(cost: &'a impl PairCost) -> Self {
        Self { single: cost, double: cost }
    }
}

impl fmt::Debug for AnyPairCost<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AnyPairCost").finish_non_exhaustive()
    }
}

/// A block of costs in one call: what a cost is behind a pointer. Implemented by every [`PairCost`].
pub trait BlockCost<A>: Sync {
    /// The costs between the points x: (rows, d) and the targets `columns` of y: (d, stride), row after row.
    fn block_into(&self, x: &[A], y: &[A], dimension: usize, columns: Range<usize>, out: &mut [A]);
}

impl<A: Scalar, C: PairCost> BlockCost<A> for C {
    fn block_into(&self, x: &[A], y: &[A], dimension: usize, columns: Range<usize>, out: &mut [A]) {
        pair_costs(self, x, y, dimension, columns, out);
    }
}

#[inline(always)]
fn pair_costs_kernel<S: Simd, A: Scalar, C: PairCost>(
    cost: &C,
    x: &[A],
    y: &[A],
    dimension: usize,
    columns: Range<usize>,
    out: &mut [A],
) {
    let lanes = A::Register::<S>::LANES;
    let stride = y.len() / dimension;
    for (x, out) in x.chunks_exact(dimension).zip(out.chunks_exact_mut(columns.len())) {
        for (index, out) in out.chunks_mut(lanes).enumerate() {
            let y = &y[columns.start + index * lanes..];
            let costs = cost.cost(Pair::<A::Register<S>> { x, y, stride });
            if out.len() == lanes { costs.store(out) } else { costs.store_partial(out) }
        }
    }
}

dispatch! {
    /// One call for a block, at the machine's level.
    fn pair_costs<A: Scalar, C: PairCost>(
        cost: &C,
        x: &[A],
        y: &[A],
        dimension: usize,
        columns: Range<usize>,
        out: &mut [A],
    ) = pair_costs_kernel
}

/// Room after the last target for a register that begins at any of them.
const PADDING: usize = 16;

/// Two clouds and a cost between their points, in the arithmetic `A`. Memory: (n + m) d numbers.
pub(crate) struct PairRows<'a, A> {
    cost: &'a dyn BlockCost<A>,
    /// (n, d)
    x: Vec<A>,
    /// (d, m + PADDING), with repetitions of the last target where there is none: a cost sees points only.
    y: Vec<A>,
    rows: usize,
    columns: usize,
    dimension: usize,
}

impl<'a, A: Scalar> PairRows<'a, A> {
    /// For checked clouds x (n, d) and y (m, d), d > 0.
    pub fn new<T: Scalar>(x: MatrixView<'_, T>, y: MatrixView<'_, T>, cost: AnyPairCost<'a>) -> Self {
        let (rows, columns, dimension) = (x.rows(), y.rows(), x.columns());
        let points = x.iter_rows().flatten().map(|value| A::from_f64(value.to_f64())).collect();
        let stride = columns + PADDING;
        let mut coordinates = vec![A::ZERO; dimension * stride];
        for index in 0..if columns == 0 { 0 } else { stride } {
            for (k, value) in y.row(index.min(columns - 1)).iter().enumerate() {
                coordinates[k * stride + index] = A::from_f64(value.to_f64());
            }
        }
        Self { cost: A::of_pair_cost(cost), x: points, y: coordinates, rows, columns, dimension }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The costs of a block, row after row.
    pub fn rows_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        assert!(columns.end <= self.columns && out.len() == rows.len() * columns.len(), "shape of a block");
        if out.is_empty() {
            return;
        }
        let x = &self.x[rows.start * self.dimension..rows.end * self.dimension];
        self.cost.block_into(x, &self.y, self.dimension, columns, out);
    }

    /// One cost.
    pub fn entry(&self, row: usize, column: usize) -> A {
        let mut out = [A::ZERO];
        self.rows_into(row..row + 1, column..column + 1, &mut out);
        out[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use crate::ot::{Costs, Problem, exact, sinkhorn};
    use crate::{Error, simd};

    /// Σ |xₖ - yₖ| + a.
    struct Shifted(f64);

    impl PairCost for Shifted {
        #[inline(always)]
        fn cost<L: Lanes>(&self, pair: Pair<'_, L>) -> L {
            let mut sum = L::constant(self.0);
            for k in 0..pair.dimension() {
                sum = sum + (pair.x(k) - pair.y(k)).abs();
            }
            sum
        }
    }

    /// 1/|x₀ - y₀|: infinite where they meet.
    struct Inverse;

    impl PairCost for Inverse {
        #[inline(always)]
        fn cost<L: Lanes>(&self, pair: Pair<'_, L>) -> L {
            L::constant(1.0) / (pair.x(0) - pair.y(0)).abs()
        }
    }

    fn cloud<A: Scalar>(count: usize, dimension: usize, seed: usize) -> Matrix<A> {
        Matrix::from_fn(count, dimension, |row, k| {
            A::from_f64(((row * 7 + k * 3 + seed) % 23) as f64 * 0.125)
        })
    }

    fn check<A: Scalar>() {
        for (n, m, d) in [(3, 1, 1), (5, 33, 2), (2, 40, 5)] {
            let (x, y) = (cloud::<A>(n, d, 1), cloud::<A>(m, d, 2));
            let rows = PairRows::<A>::new(x.view(), y.view(), AnyPairCost::new(&Shifted(0.5)));
            for start in [0, m / 2, m - 1] {
                let mut out = vec![A::NAN; n * (m - start)];
                rows.rows_into(0..n, start..m, &mut out);
                for (index, &got) in out.iter().enumerate() {
                    let (i, j) = (index / (m - start), start + index % (m - start));
                    let sum: f64 = (0..d).map(|k| (x[(i, k)].to_f64() - y[(j, k)].to_f64()).abs()).sum();
                    // Multiples of an eighth: exact.
                    assert_eq!(got.to_f64(), sum + 0.5, "{} {}", A::NAME, simd::level().name());
                    assert!(rows.entry(i, j) == got);
                }
            }
        }
    }

    #[test]
    fn blocks_hold_what_the_cost_says() {
        check::<f32>();
        check::<f64>();
    }

    #[test]
    fn solvers_give_what_the_matrix_gives() {
        let (x, y) = (cloud::<f64>(40, 2, 1), cloud::<f64>(50, 2, 5));
        let cost = Shifted(0.25);
        let problem = Problem::from_pair_cost(&x, &y, &cost);
        let costs = Matrix::from_fn(40, 50, |i, j| {
            0.25 + (0..2).map(|k| f64::abs(x[(i, k)] - y[(j, k)])).sum::<f64>()
        });
        let dense = Problem::from_costs(&costs);
        let (got, expected) = (exact::solve(&problem).unwrap(), exact::solve(&dense).unwrap());
        assert!(got.certificate.is_optimal() && (got.cost() - expected.cost()).abs() < 1e-12);
        let [got, expected] =
            [&problem, &dense].map(|problem| sinkhorn::solve(problem, 0.05).unwrap().plan.to_matrix());
        let largest =
            got.as_slice().iter().zip(expected.as_slice()).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        // Both converged to a marginal error of 1e-6.
        assert!(largest < 1e-6, "{largest}");
    }

    #[test]
    fn a_cost_that_is_not_finite_is_named() {
        let (x, y) = (Matrix::from_rows([[0.0], [1.0]]), Matrix::from_rows([[2.0], [3.0], [1.0]]));
        let problem = Problem::from_pair_cost(&x, &y, &Inverse);
        let expected = Error::NotFiniteEntry { what: "costs", row: 1, column: 2, value: f64::INFINITY };
        assert_eq!(exact::solve(&problem).map(|_| ()), Err(expected.clone()));
        assert_eq!(sinkhorn::solve(&problem, 0.1).map(|_| ()), Err(expected));
        assert!(format!("{:?}", problem.costs()).contains("AnyPairCost"));
        assert!(matches!(problem.costs(), Costs::Pairs { .. }));
    }

    #[test]
    fn clouds_that_do_not_fit_are_refused() {
        let (x, y) = (cloud::<f64>(3, 2, 1), cloud::<f64>(3, 3, 1));
        let problem = Problem::from_pair_cost(&x, &y, &Inverse);
        assert!(matches!(exact::solve(&problem), Err(Error::Shape { .. })));
        assert!(matches!(sinkhorn::solve(&problem, 0.1), Err(Error::Shape { .. })));
    }
}
