//! Distances on the fly: any row, or part of one, without storing the matrix.

use super::Distance;
use super::extent::{Extent, check_points};
use super::metric::{Chebyshev, Euclidean, Manhattan, Minkowski, Power, PowerSum, Squared};
use super::panels::{self, Panels};
use crate::error::{Error, Result};
use crate::{MatrixView, Scalar};
use std::ops::Range;

/// The distances of n points x to m points y, computed in the arithmetic `A` when they are asked for.
///
/// Memory: (n + m) d numbers. An entry has the same bits however it is asked for: alone, in a row, in part of a row, or
/// in a block. Not so at another SIMD level: multiply-add is rounded once at some and twice at others.
pub(crate) struct DistanceRows<A> {
    /// (n, d)
    x: Vec<A>,
    y: Panels<A>,
    rows: usize,
    columns: usize,
    dimension: usize,
    metric: AnyMetric<A>,
    longest: f64,
}

/// The distances in `f64`, for the solvers that compute costs on the fly.
pub(crate) type PairwiseRows = DistanceRows<f64>;

/// The metric that a [`Distance`] becomes.
#[derive(Clone, Copy)]
enum AnyMetric<A> {
    Squared(Squared<A>),
    Euclidean(Euclidean<A>),
    Manhattan(Manhattan),
    Chebyshev(Chebyshev),
    PowerSum(PowerSum),
    Minkowski(Minkowski),
}

/// Runs an expression with the metric of an [`AnyMetric`].
macro_rules! with_metric {
    ($any:expr, $metric:ident => $body:expr) => {
        match $any {
            AnyMetric::Squared($metric) => $body,
            AnyMetric::Euclidean($metric) => $body,
            AnyMetric::Manhattan($metric) => $body,
            AnyMetric::Chebyshev($metric) => $body,
            AnyMetric::PowerSum($metric) => $body,
            AnyMetric::Minkowski($metric) => $body,
        }
    };
}

impl PairwiseRows {
    /// Distances between the rows of `x` (n, d) and those of `y` (m, d), in `f64`.
    ///
    /// # Errors
    /// As [`pairwise`](super::pairwise), which names the clouds "x" and "y"; here they are "source points" and
    /// "target points".
    pub(crate) fn new<T: Scalar>(
        x: MatrixView<'_, T>,
        y: MatrixView<'_, T>,
        distance: Distance,
    ) -> Result<Self> {
        Self::prepare("pairwise distances", x, y, distance, ["source points", "target points"])
    }
}

impl<A: Scalar> DistanceRows<A> {
    /// Checks the clouds and packs them. `names` are what errors call them.
    pub(crate) fn prepare<T: Scalar>(
        operation: &'static str,
        x: MatrixView<'_, T>,
        y: MatrixView<'_, T>,
        distance: Distance,
        names: [&'static str; 2],
    ) -> Result<Self> {
        distance.check()?;
        check_points(operation, x, y, names)?;
        let extent = Extent::of(x, y);
        let longest = extent.check_range::<A>(distance)?;
        let mut scale = 1.0;
        let metric = match distance {
            Distance::SquaredEuclidean => AnyMetric::Squared(Squared { factor: A::ONE }),
            Distance::Cosine => AnyMetric::Squared(Squared { factor: A::from_f64(0.5) }),
            Distance::Euclidean => {
                scale = extent.scale_for_squares::<A>();
                AnyMetric::Euclidean(Euclidean { unscale: A::from_f64(1.0 / scale) })
            }
            Distance::Manhattan => AnyMetric::Manhattan(Manhattan),
            Distance::Chebyshev => AnyMetric::Chebyshev(Chebyshev),
            Distance::MinkowskiPower { p } => AnyMetric::PowerSum(PowerSum { power: Power::new(p) }),
            Distance::Minkowski { p } => {
                AnyMetric::Minkowski(Minkowski { power: Power::new(p), root: Power::new(1.0 / p) })
            }
        };
        let pack = |points: MatrixView<'_, T>, what| {
            if distance == Distance::Cosine { unit_vectors(points, what) } else { Ok(scaled(points, scale)) }
        };
        let (rows, columns, dimension) = (x.rows(), y.rows(), x.columns());
        Ok(Self {
            x: pack(x, names[0])?,
            y: Panels::new(&pack(y, names[1])?, columns, dimension),
            rows,
            columns,
            dimension,
            metric,
            longest,
        })
    }

    /// The points x as they are stored, row after row, and the points y.
    pub(super) fn points(&self) -> (&[A], &Panels<A>) {
        (&self.x, &self.y)
    }

    /// No distance is longer than this: the distance between the corners of the common bounding box, for cosine 2.
    pub(crate) fn longest(&self) -> f64 {
        self.longest
    }

    /// Number of coordinates.
    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Number of points x.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of points y.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The distances of point `row` to the points `columns`, over all of `out`. Cost: about 2 d flops an entry.
    ///
    /// # Panics
    /// If `row` or `columns` lie outside, or `out` does not have `columns.len()` entries.
    pub(crate) fn row_into(&self, row: usize, columns: Range<usize>, out: &mut [A]) {
        self.rows_into(row..row + 1, columns, out);
    }

    /// The same for a block of rows, into `out` (rows, columns): from about 8 rows on, faster an entry than row by row.
    ///
    /// # Panics
    /// If `rows` or `columns` lie outside, or `out` does not have `rows.len() * columns.len()` entries.
    pub(crate) fn rows_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        assert_eq!(out.len(), rows.len() * columns.len(), "length of out");
        let stride = columns.len();
        self.rows_into_strided(rows, columns, out, stride);
    }

    /// The same with rows of `out` that start `stride` apart.
    pub(super) fn rows_into_strided(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        out: &mut [A],
        stride: usize,
    ) {
        assert!(rows.start <= rows.end && rows.end <= self.rows, "rows {rows:?} of {}", self.rows);
        assert!(
            columns.start <= columns.end && columns.end <= self.columns,
            "columns {columns:?} of {}",
            self.columns
        );
        let x = &self.x[rows.start * self.dimension..rows.end * self.dimension];
        with_metric!(self.metric, metric => panels::distances(metric, x, rows.len(), &self.y, columns, out, stride));
    }

    /// One distance: the same bits as [`DistanceRows::row_into`] writes.
    ///
    /// # Panics
    /// If `row` or `column` lies outside.
    pub(crate) fn entry(&self, row: usize, column: usize) -> A {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        assert!(column < self.columns, "column {column} of {}", self.columns);
        let x = &self.x[row * self.dimension..][..self.dimension];
        with_metric!(self.metric, metric => panels::distance(metric, x, &self.y, column))
    }
}

/// The points times a power of two, row after row.
fn scaled<T: Scalar, A: Scalar>(points: MatrixView<'_, T>, scale: f64) -> Vec<A> {
    let mut out = Vec::with_capacity(points.rows() * points.columns());
    for row in 0..points.rows() {
        out.extend(points.row(row).iter().map(|value| A::from_f64(value.to_f64() * scale)));
    }
    out
}

/// The points over their Euclidean lengths, row after row.
fn unit_vectors<T: Scalar, A: Scalar>(points: MatrixView<'_, T>, what: &'static str) -> Result<Vec<A>> {
    let mut out = Vec::with_capacity(points.rows() * points.columns());
    for row in 0..points.rows() {
        let point = points.row(row);
        let largest = point.iter().map(|value| value.to_f64().abs()).fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(Error::ZeroVector { what, row });
        }
        // Over the largest entry first, so that no square overflows.
        let squares: f64 = point.iter().map(|value| (value.to_f64() / largest).powi(2)).sum();
        let length = squares.sqrt();
        out.extend(point.iter().map(|value| A::from_f64(value.to_f64() / largest / length)));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use proptest::prelude::*;

    const DISTANCES: [Distance; 11] = [
        Distance::SquaredEuclidean,
        Distance::Euclidean,
        Distance::Manhattan,
        Distance::Chebyshev,
        Distance::Cosine,
        Distance::Minkowski { p: 1.0 },
        Distance::Minkowski { p: 3.0 },
        Distance::Minkowski { p: 2.25 },
        Distance::MinkowskiPower { p: 0.5 },
        Distance::MinkowskiPower { p: 3.5 },
        Distance::MinkowskiPower { p: 0.3 },
    ];

    /// The plain definition, the oracle. Cosine as the angle's haversine, which is exact for small angles too.
    fn oracle(x: &[f64], y: &[f64], distance: Distance) -> f64 {
        let differences = || x.iter().zip(y).map(|(x, y)| (x - y).abs());
        let power_sum = |p: f64| differences().map(|d| d.powf(p)).sum::<f64>();
        match distance {
            Distance::SquaredEuclidean => power_sum(2.0),
            Distance::Euclidean => power_sum(2.0).sqrt(),
            Distance::Manhattan => differences().sum(),
            Distance::Chebyshev => differences().fold(0.0, f64::max),
            Distance::Minkowski { p } => power_sum(p).powf(1.0 / p),
            Distance::MinkowskiPower { p } => power_sum(p),
            Distance::Cosine => {
                let dot: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
                let length = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
                1.0 - dot / (length(x) * length(y))
            }
        }
    }

    /// Reproducible points in (-1, 1) without the crate's random streams, which stand above this room.
    fn cloud(rows: usize, columns: usize, seed: u64) -> Matrix<f64> {
        let mut state = seed;
        Matrix::from_fn(rows, columns, |_, _| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        })
    }

    #[test]
    fn rows_agree_with_the_definition() {
        for d in [1, 2, 3, 7, 16, 64] {
            let (x, y) = (cloud(11, d, 1), cloud(70, d, 2));
            for distance in DISTANCES {
                let pairs = PairwiseRows::new(x.view(), y.view(), distance).unwrap();
                assert_eq!((pairs.rows(), pairs.columns()), (11, 70));
                let mut out = vec![f64::NAN; 70];
                for row in 0..11 {
                    pairs.row_into(row, 0..70, &mut out);
                    for (column, &got) in out.iter().enumerate() {
                        let expected = oracle(x.row(row), y.row(column), distance);
                        // d additions, each rounded, of terms of at most 16 roundings; cosine cancels from 1.
                        let scale = if distance == Distance::Cosine { 1.0 } else { expected };
                        let error = (got - expected).abs();
                        assert!(
                            error <= (d + 20) as f64 * f64::EPSILON * scale,
                            "{distance} d={d} [{row}, {column}]: {} for {expected}",
                            got
                        );
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn an_entry_has_the_same_bits_however_it_is_asked_for(
            d in 0_usize..20,
            n in 1_usize..20,
            m in 1_usize..100,
            choice in 0_usize..DISTANCES.len(),
            a in 0_usize..100,
            b in 0_usize..100,
            c in 0_usize..20,
            seed in any::<u64>(),
        ) {
            let distance = DISTANCES[choice];
            prop_assume!(d > 0 || distance != Distance::Cosine);
            let (x, y) = (cloud(n, d, seed), cloud(m, d, !seed));
            let pairs = PairwiseRows::new(x.view(), y.view(), distance).unwrap();
            let (a, b) = (a.min(m), b.min(m));
            let columns = a.min(b)..a.max(b);
            let rows = c.min(n)..n;
            let mut all = vec![f64::NAN; n * m];
            pairs.rows_into(0..n, 0..m, &mut all);
            let mut block = vec![f64::NAN; rows.len() * columns.len()];
            pairs.rows_into(rows.clone(), columns.clone(), &mut block);
            let mut part = vec![f64::NAN; columns.len()];
            for row in rows.clone() {
                pairs.row_into(row, columns.clone(), &mut part);
                for column in columns.clone() {
                    let bits = all[row * m + column].to_bits();
                    prop_assert_eq!(bits, part[column - columns.start].to_bits());
                    let index = (row - rows.start) * columns.len() + column - columns.start;
                    prop_assert_eq!(bits, block[index].to_bits());
                    prop_assert_eq!(bits, pairs.entry(row, column).to_bits());
                }
            }
        }
    }

    #[test]
    fn identical_points_are_at_distance_zero() {
        let x = cloud(40, 5, 3);
        for distance in DISTANCES {
            let pairs = PairwiseRows::new(x.view(), x.view(), distance).unwrap();
            for row in 0..40 {
                assert_eq!(pairs.entry(row, row).to_bits(), 0, "{distance}");
            }
        }
    }

    #[test]
    fn huge_and_tiny_coordinates_keep_their_digits() {
        for scale in [1e-300, 1e-200, 1e200, 1e307] {
            let x = Matrix::from_rows([[3.0 * scale, 0.0], [0.0, 0.0]]);
            let y = Matrix::from_rows([[0.0, 4.0 * scale]]);
            for (distance, expected) in [
                (Distance::Euclidean, 5.0),
                (Distance::Manhattan, 7.0),
                (Distance::Chebyshev, 4.0),
                (Distance::Minkowski { p: 3.0 }, 91.0_f64.cbrt()),
                (Distance::Minkowski { p: 700.0 }, 4.0),
            ] {
                let pairs = PairwiseRows::new(x.view(), y.view(), distance).unwrap();
                let error = (pairs.entry(0, 0) / scale - expected).abs();
                assert!(error <= 16.0 * f64::EPSILON * expected, "{distance} at {scale:e}");
            }
            let cosine =
                PairwiseRows::new(MatrixView::new(x.row(0), 1, 2, 2).unwrap(), y.view(), Distance::Cosine);
            assert!((cosine.unwrap().entry(0, 0) - 1.0).abs() <= 4.0 * f64::EPSILON);
        }
        // Far from the origin, close together.
        let x = Matrix::from_rows([[1e300, 0.0]]);
        let y = Matrix::from_rows([[1e300, 1e-200]]);
        let pairs = PairwiseRows::new(x.view(), y.view(), Distance::Euclidean).unwrap();
        assert!(pairs.entry(0, 0) <= 1e-200 * (1.0 + 4.0 * f64::EPSILON));
    }

    #[test]
    fn bad_clouds_are_refused_with_the_place() {
        let x = Matrix::from_rows([[1.0, 2.0], [3.0, f64::NAN]]);
        let y = Matrix::from_rows([[1.0, 2.0]]);
        let refused = |x: &Matrix<f64>, y: &Matrix<f64>, distance| {
            PairwiseRows::new(x.view(), y.view(), distance).err().unwrap()
        };
        assert!(matches!(
            refused(&x, &y, Distance::Euclidean),
            Error::NotFiniteEntry { what: "source points", row: 1, column: 1, value } if value.is_nan()
        ));
        assert!(matches!(
            refused(&y, &Matrix::zeros(1, 3), Distance::Euclidean),
            Error::Shape { expected: 2, got: 3, .. }
        ));
        assert_eq!(
            refused(&y, &Matrix::zeros(2, 2), Distance::Cosine),
            Error::ZeroVector { what: "target points", row: 0 }
        );
        let huge = Matrix::from_rows([[1e200, 0.0]]);
        for distance in [Distance::SquaredEuclidean, Distance::MinkowskiPower { p: 2.0 }] {
            let error = refused(&huge, &y, distance);
            assert!(matches!(error, Error::Argument { value, .. } if value == 1e200), "{error}");
        }
        let opposite = Matrix::from_rows([[-1.5e308, 0.0]]);
        let huge = Matrix::from_rows([[1.5e308, 0.0]]);
        for distance in DISTANCES {
            if distance != Distance::Cosine
                && distance != (Distance::MinkowskiPower { p: 0.3 })
                && distance != (Distance::MinkowskiPower { p: 0.5 })
            {
                refused(&huge, &opposite, distance);
            }
        }
    }

    #[test]
    fn empty_clouds_have_no_distances() {
        let none = Matrix::<f64>::zeros(0, 2);
        let y = cloud(3, 2, 1);
        let pairs = PairwiseRows::new(none.view(), y.view(), Distance::Euclidean).unwrap();
        pairs.rows_into(0..0, 0..3, &mut []);
        let pairs = PairwiseRows::new(y.view(), none.view(), Distance::Euclidean).unwrap();
        pairs.row_into(2, 0..0, &mut []);
    }
}
