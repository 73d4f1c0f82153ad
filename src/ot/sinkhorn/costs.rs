//! Where the entropic solver's costs come from: a matrix that was given, distances computed on the fly, or costs kept.

use super::points::centre;
use super::products::{LEAST_DIMENSION, ProductCosts};
use super::{CostBlocks, PointPair, Shortcut};
use crate::error::{Error, Result};
use crate::matrix::{Distance, DistanceRows, Matrix, MatrixView, check_points};
use crate::ot::pair_cost::{AnyPairCost, PairRows};
use crate::ot::problem::Costs;
use crate::parallel::{for_each_chunk_mut, map_chunks};
use crate::scalar::Scalar;
use std::ops::Range;

/// Coordinates up to which distances take no longer to compute than stored ones to read.
const FEW_COORDINATES: usize = 4;

/// The costs between the sources and targets that take part, in the arithmetic `A`.
pub(crate) enum EntropicCosts<'a, A> {
    /// Computed whenever they are asked for.
    Distances(ComputedCosts<A>),
    /// Read from the caller's matrix as it is.
    Stored(MatrixView<'a, A>),
    /// Read from the caller's matrix, of other rows or another type.
    Given(Box<dyn CostBlocks<A> + 'a>),
    /// Computed or converted once.
    Kept(Matrix<A>),
    /// The user's, computed whenever they are asked for.
    Pairs(PairRows<'a, A>),
}

/// Distances between points.
pub(crate) struct ComputedCosts<A> {
    /// Any of them.
    distances: DistanceRows<A>,
    /// The points as the kernels take them, if there is a kernel for such.
    points: Option<PointPair<A>>,
    /// The same as a matrix product, where there are many coordinates and the costs are not kept.
    products: Option<ProductCosts<A>>,
}

/// A matrix of the caller's, or some rows and columns of it.
struct GivenMatrix<'a, T> {
    costs: MatrixView<'a, T>,
    rows: Option<Vec<usize>>,
    columns: Option<Vec<usize>>,
}

impl<'a, A: Scalar> EntropicCosts<'a, A> {
    /// The costs of the sources and targets named (all of them where `None`). They are kept if they fit into `bytes_kept`
    /// and cost more to compute or to convert than to read.
    ///
    /// # Errors
    /// [`Error::NotFiniteEntry`] for a cost or a coordinate; [`Error::Argument`] for distances beyond the range of `A`.
    pub(crate) fn prepare<T: Scalar>(
        costs: Costs<'a, T>,
        sources: Option<&[usize]>,
        targets: Option<&[usize]>,
        bytes_kept: usize,
    ) -> Result<Self> {
        let prepared = match costs {
            Costs::Matrix(costs) => {
                check_costs(costs)?;
                if A::MAX.to_f64() < T::MAX.to_f64() {
                    check_range::<T, A>(costs)?;
                }
                if let (None, None, Some(same)) = (sources, targets, A::same_view(costs)) {
                    return Ok(Self::Stored(same));
                }
                let (rows, columns) = (sources.map(<[usize]>::to_vec), targets.map(<[usize]>::to_vec));
                Self::Given(Box::new(GivenMatrix { costs, rows, columns }))
            }
            Costs::Points { source, target, distance } => {
                let (x, y) = (some_rows(source, sources), some_rows(target, targets));
                let (x, y) =
                    (x.as_ref().map_or(source, Matrix::view), y.as_ref().map_or(target, Matrix::view));
                let names = ["source points", "target points"];
                let distances = DistanceRows::prepare("entropic transport", x, y, distance, names)?;
                let points = PointPair::new(x, y, distance, distances.longest());
                let is_fast = points.is_some() && distances.dimension() <= FEW_COORDINATES;
                let bytes =
                    distances.rows().saturating_mul(distances.columns()).saturating_mul(size_of::<A>());
                // Costs that are kept are computed once: as accurately as can be.
                let products = (bytes > bytes_kept
                    && distance == Distance::SquaredEuclidean
                    && distances.dimension() >= LEAST_DIMENSION
                    && distances.longest() <= A::MAX.to_f64() / 64.0)
                    .then(|| ProductCosts::new(x, y, &centre(x, y)));
                let computed = Self::Distances(ComputedCosts { distances, points, products });
                if is_fast {
                    return Ok(computed);
                }
                computed
            }
            Costs::Pairs { source, target, cost } => {
                check_points("pair costs", source, target, ["source points", "target points"])?;
                if source.columns() == 0 {
                    return Err(Error::Empty { what: "the list of coordinates of a source point" });
                }
                let (x, y) = (some_rows(source, sources), some_rows(target, targets));
                let (x, y) =
                    (x.as_ref().map_or(source, Matrix::view), y.as_ref().map_or(target, Matrix::view));
                let prepared = Self::Pairs(PairRows::new(x, y, cost));
                if let Some((row, column)) = prepared.first_not_finite() {
                    let of = |chosen: Option<&[usize]>, index: usize| chosen.map_or(index, |all| all[index]);
                    let (row, column) = (of(sources, row), of(targets, column));
                    return Err(not_finite(source, target, cost, row, column));
                }
                prepared
            }
        };
        let bytes = prepared.rows().saturating_mul(prepared.columns()).saturating_mul(size_of::<A>());
        Ok(if bytes <= bytes_kept { prepared.kept() } else { prepared })
    }

    /// The first cost that is not finite. One look at all.
    fn first_not_finite(&self) -> Option<(usize, usize)> {
        let columns = self.columns();
        let rows_per_chunk = ((1 << 16) / columns.max(1)).max(1);
        let places = map_chunks(self.rows(), rows_per_chunk, |rows| {
            let mut block = vec![A::ZERO; rows.len() * columns];
            self.block_into(rows.clone(), 0..columns, &mut block);
            let place = block.iter().position(|cost| !cost.is_finite())?;
            Some((rows.start + place / columns, place % columns))
        });
        places.into_iter().flatten().next()
    }

    /// The same, computed once.
    fn kept(self) -> Self {
        let columns = self.columns();
        let mut kept = Matrix::zeros(self.rows(), columns);
        for_each_chunk_mut(kept.as_mut_slice(), 32 * columns.max(1), |start, part| {
            let first = start / columns;
            self.block_into(first..first + part.len() / columns, 0..columns, part);
        });
        Self::Kept(kept)
    }
}

/// The rows named, or `None` for all.
fn some_rows<T: Scalar>(points: MatrixView<'_, T>, rows: Option<&[usize]>) -> Option<Matrix<T>> {
    rows.map(|rows| {
        Matrix::from_fn(rows.len(), points.columns(), |row, column| points.row(rows[row])[column])
    })
}

/// Why this cost is refused: it is not finite, or only too large for the arithmetic that was tried.
fn not_finite<T: Scalar>(
    source: MatrixView<'_, T>,
    target: MatrixView<'_, T>,
    cost: AnyPairCost<'_>,
    row: usize,
    column: usize,
) -> Error {
    let point = |cloud: MatrixView<'_, T>, index: usize| cloud.rows_range(index..index + 1).to_matrix();
    let pair = PairRows::<f64>::new(point(source, row).view(), point(target, column).view(), cost);
    let value = pair.entry(0, 0);
    if value.is_finite() {
        let requirement =
            "it must be finite in single precision: scale the costs down, or use double precision";
        Error::Argument { name: "a cost", value, requirement }
    } else {
        Error::NotFiniteEntry { what: "costs", row, column, value }
    }
}

/// Refuses the first cost that is not finite.
fn check_costs<T: Scalar>(costs: MatrixView<'_, T>) -> Result<()> {
    let rows_per_chunk = ((1 << 18) / costs.columns().max(1)).max(1);
    let places = map_chunks(costs.rows(), rows_per_chunk, |rows| {
        for row in rows {
            let mut zero = T::ZERO;
            costs.row(row).iter().for_each(|&cost| zero += cost * T::ZERO);
            if zero != T::ZERO {
                let column = costs.row(row).iter().position(|cost| !cost.is_finite());
                return column.map(|column| (row, column));
            }
        }
        None
    });
    match places.into_iter().flatten().next() {
        None => Ok(()),
        Some((row, column)) => {
            let value = costs.row(row)[column].to_f64();
            Err(Error::NotFiniteEntry { what: "costs", row, column, value })
        }
    }
}

/// Refuses costs that are too large for the arithmetic.
fn check_range<T: Scalar, A: Scalar>(costs: MatrixView<'_, T>) -> Result<()> {
    let bound = T::from_f64(A::MAX.to_f64() / 64.0);
    let rows_per_chunk = ((1 << 18) / costs.columns().max(1)).max(1);
    let largest = map_chunks(costs.rows(), rows_per_chunk, |rows| {
        let mut largest = T::ZERO;
        for row in rows {
            for &cost in costs.row(row) {
                let size = cost.abs();
                largest = if size > largest { size } else { largest };
            }
        }
        largest
    });
    match largest.into_iter().find(|&largest| largest > bound) {
        None => Ok(()),
        Some(largest) => Err(Error::Argument {
            name: "a cost",
            value: largest.to_f64(),
            requirement: "it is beyond single precision: scale the costs down, or use double precision",
        }),
    }
}

impl<A: Scalar> CostBlocks<A> for EntropicCosts<'_, A> {
    fn rows(&self) -> usize {
        match self {
            Self::Distances(computed) => computed.distances.rows(),
            Self::Stored(costs) => costs.rows(),
            Self::Given(given) => given.rows(),
            Self::Kept(kept) => kept.rows(),
            Self::Pairs(pairs) => pairs.rows(),
        }
    }

    fn columns(&self) -> usize {
        match self {
            Self::Distances(computed) => computed.distances.columns(),
            Self::Stored(costs) => costs.columns(),
            Self::Given(given) => given.columns(),
            Self::Kept(kept) => kept.columns(),
            Self::Pairs(pairs) => pairs.columns(),
        }
    }

    fn rows_at_once(&self) -> usize {
        match self {
            Self::Distances(computed) => computed.distances.rows_at_once(),
            Self::Given(given) => given.rows_at_once(),
            Self::Stored(_) | Self::Kept(_) | Self::Pairs(_) => 1,
        }
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        match self {
            Self::Distances(computed) => computed.distances.block_into(rows, columns, out),
            Self::Stored(costs) => copy_block(*costs, rows, columns, out),
            Self::Given(given) => given.block_into(rows, columns, out),
            Self::Kept(kept) => copy_block(kept.view(), rows, columns, out),
            Self::Pairs(pairs) => pairs.rows_into(rows, columns, out),
        }
    }

    fn shortcut(&self) -> Shortcut<'_, A> {
        match self {
            Self::Distances(ComputedCosts { points: Some(points), .. }) => Shortcut::Points(points),
            Self::Distances(ComputedCosts { products: Some(products), .. }) => Shortcut::Products(products),
            Self::Distances(_) => Shortcut::None,
            Self::Stored(costs) => Shortcut::Stored(*costs),
            Self::Given(_) | Self::Pairs(_) => Shortcut::None,
            Self::Kept(kept) => Shortcut::Stored(kept.view()),
        }
    }
}

fn copy_block<A: Scalar>(costs: MatrixView<'_, A>, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
    for (row, out) in rows.zip(out.chunks_exact_mut(columns.len())) {
        out.copy_from_slice(&costs.row(row)[columns.clone()]);
    }
}

impl<A: Scalar, T: Scalar> CostBlocks<A> for GivenMatrix<'_, T> {
    fn rows(&self) -> usize {
        self.rows.as_ref().map_or(self.costs.rows(), Vec::len)
    }

    fn columns(&self) -> usize {
        self.columns.as_ref().map_or(self.costs.columns(), Vec::len)
    }

    fn rows_at_once(&self) -> usize {
        1
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        let width = columns.len();
        for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
            let row = self.costs.row(self.rows.as_ref().map_or(row, |rows| rows[row]));
            match &self.columns {
                None => {
                    for (out, cost) in out.iter_mut().zip(&row[columns.clone()]) {
                        *out = A::from_f64(cost.to_f64());
                    }
                }
                Some(chosen) => {
                    for (out, &column) in out.iter_mut().zip(&chosen[columns.clone()]) {
                        *out = A::from_f64(row[column].to_f64());
                    }
                }
            }
        }
    }
}
