//! Where the entropic solver's costs come from: a matrix that was given, distances computed on the fly, or costs kept.

use super::CostBlocks;
use crate::error::{Error, Result};
use crate::matrix::{DistanceRows, Matrix, MatrixView};
use crate::ot::problem::Costs;
use crate::parallel::map_chunks;
use crate::scalar::Scalar;
use std::ops::Range;

/// The costs between the sources and targets that take part, in the arithmetic `A`.
pub(crate) enum EntropicCosts<'a, A> {
    /// Computed whenever they are asked for.
    Distances(DistanceRows<A>),
    /// Read from the caller's matrix.
    Given(Box<dyn CostBlocks<A> + 'a>),
    /// Computed once.
    Kept(Matrix<A>),
}

/// A matrix of the caller's, or some rows and columns of it.
struct GivenMatrix<'a, T> {
    costs: MatrixView<'a, T>,
    rows: Option<Vec<usize>>,
    columns: Option<Vec<usize>>,
}

impl<'a, A: Scalar> EntropicCosts<'a, A> {
    /// The costs of the sources and targets named (all of them where `None`). Distances are kept if they fit into `bytes_kept`
    /// and cost more to compute than to read.
    ///
    /// # Errors
    /// [`Error::NotFiniteEntry`] for a cost or a coordinate; [`Error::Argument`] for distances beyond the range of `A`.
    pub(crate) fn prepare<T: Scalar>(
        costs: Costs<'a, T>,
        sources: Option<&[usize]>,
        targets: Option<&[usize]>,
        bytes_kept: usize,
    ) -> Result<Self> {
        match costs {
            Costs::Matrix(costs) => {
                check_costs(costs)?;
                let (rows, columns) = (sources.map(<[usize]>::to_vec), targets.map(<[usize]>::to_vec));
                Ok(Self::Given(Box::new(GivenMatrix { costs, rows, columns })))
            }
            Costs::Points { source, target, distance } => {
                let (x, y) = (some_rows(source, sources), some_rows(target, targets));
                let view = |subset: &'_ Option<Matrix<T>>, all: MatrixView<'a, T>| -> Matrix<T> {
                    subset.clone().unwrap_or_else(|| all.to_matrix())
                };
                let (x, y) = (view(&x, source), view(&y, target));
                let names = ["source points", "target points"];
                let distances =
                    DistanceRows::prepare("entropic transport", x.view(), y.view(), distance, names)?;
                let bytes =
                    distances.rows().saturating_mul(distances.columns()).saturating_mul(size_of::<A>());
                if distances.dimension() <= 3 || bytes > bytes_kept {
                    return Ok(Self::Distances(distances));
                }
                let mut kept = Matrix::zeros(distances.rows(), distances.columns());
                let columns = distances.columns();
                crate::parallel::for_each_chunk_mut(kept.as_mut_slice(), 32 * columns, |start, part| {
                    let first = start / columns;
                    distances.rows_into(first..first + part.len() / columns, 0..columns, part);
                });
                Ok(Self::Kept(kept))
            }
        }
    }
}

/// The rows named, or `None` for all.
fn some_rows<T: Scalar>(points: MatrixView<'_, T>, rows: Option<&[usize]>) -> Option<Matrix<T>> {
    rows.map(|rows| {
        Matrix::from_fn(rows.len(), points.columns(), |row, column| points.row(rows[row])[column])
    })
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

impl<A: Scalar> CostBlocks<A> for EntropicCosts<'_, A> {
    fn rows(&self) -> usize {
        match self {
            Self::Distances(distances) => distances.rows(),
            Self::Given(given) => given.rows(),
            Self::Kept(kept) => kept.rows(),
        }
    }

    fn columns(&self) -> usize {
        match self {
            Self::Distances(distances) => distances.columns(),
            Self::Given(given) => given.columns(),
            Self::Kept(kept) => kept.columns(),
        }
    }

    fn rows_at_once(&self) -> usize {
        match self {
            Self::Distances(distances) => distances.rows_at_once(),
            Self::Given(given) => given.rows_at_once(),
            Self::Kept(_) => 1,
        }
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [A]) {
        match self {
            Self::Distances(distances) => distances.block_into(rows, columns, out),
            Self::Given(given) => given.block_into(rows, columns, out),
            Self::Kept(kept) => {
                let width = columns.len();
                for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
                    out.copy_from_slice(&kept.row(row)[columns.clone()]);
                }
            }
        }
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
