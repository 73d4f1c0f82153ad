//! The costs as the heuristic stages see them: single precision, centred, of ordinary size.
//!
//! Warm start and candidate sweeps only have to point to the right pairs, so they work in `f32`, which is twice as fast. For that the costs must
//! not drown in what does not matter: C = unit * c + rᵢ + sⱼ with c of ordinary size and the shifts r, s absorbed by the
//! potentials.
//! * Points: the clouds are moved to the origin and scaled so that the largest coordinate is one. For squared Euclidean
//!   costs each cloud has its own centre: with t = x̄ - ȳ, |x - y|² = |x' - y'|² + (2 t·x' + |t|²) - 2 t·y'.
//! * A matrix: the rows' and then the columns' minima are subtracted, as the Hungarian algorithm begins, and the unit is
//!   the mean of what remains.

use super::super::costs::CostRows;
use super::ordering::{DIMENSIONS_ORDERED, in_cells};
use crate::matrix::{Distance, DistanceRows, Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::ot::problem::Costs;
use crate::ot::sinkhorn::CostBlocks;
use crate::parallel::map_chunks;
use crate::scalar::Scalar;
use std::ops::Range;

/// How many members of a side become one of the coarser side.
pub(super) const COARSENING: usize = 4;

/// What a side of a level consists of.
#[derive(Clone, Debug)]
pub(super) enum Members {
    /// Scaled points, or means of some.
    Points(Matrix<f32>),
    /// Indices of rows or columns of the matrix.
    Indices(Vec<u32>),
}

/// The sources or the targets, all of them or a coarser version.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub members: Members,
    /// Their masses, which sum to one.
    pub weights: Vec<f32>,
}

impl Side {
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Some of the members.
    pub fn pick(&self, chosen: &[u32]) -> Self {
        let members = match &self.members {
            Members::Points(points) => {
                Members::Points(Matrix::from_fn(chosen.len(), points.columns(), |row, column| {
                    points[(chosen[row] as usize, column)]
                }))
            }
            Members::Indices(indices) => {
                Members::Indices(chosen.iter().map(|&at| indices[at as usize]).collect())
            }
        };
        Self { members, weights: chosen.iter().map(|&at| self.weights[at as usize]).collect() }
    }

    /// A quarter of the members: the means of four neighbours, or every fourth index.
    pub fn coarser(&self) -> Self {
        match &self.members {
            Members::Points(points) if points.columns() <= DIMENSIONS_ORDERED => {
                let count = self.len().div_ceil(COARSENING);
                let mut means = Matrix::zeros(count, points.columns());
                let mut weights = Vec::with_capacity(count);
                for cell in 0..count {
                    let members = cell * COARSENING..((cell + 1) * COARSENING).min(self.len());
                    let weight: f32 = self.weights[members.clone()].iter().sum();
                    for member in members {
                        let share = self.weights[member] / weight;
                        for (mean, &value) in means.row_mut(cell).iter_mut().zip(points.row(member)) {
                            *mean += share * value;
                        }
                    }
                    weights.push(weight);
                }
                Self { members: Members::Points(means), weights }
            }
            _ => {
                let chosen: Vec<usize> = (0..self.len()).step_by(COARSENING).collect();
                let mass: f32 = chosen.iter().map(|&k| self.weights[k]).sum();
                let members = match &self.members {
                    Members::Points(points) => {
                        Members::Points(Matrix::from_fn(chosen.len(), points.columns(), |row, column| {
                            points[(chosen[row], column)]
                        }))
                    }
                    Members::Indices(indices) => {
                        Members::Indices(chosen.iter().map(|&k| indices[k]).collect())
                    }
                };
                Self { members, weights: chosen.iter().map(|&k| self.weights[k] / mass).collect() }
            }
        }
    }
}

/// Where the costs of any two sides come from.
pub(super) enum Origin<'s, 'a, T> {
    Points(Distance),
    Matrix { costs: &'s CostRows<'a, T>, row_shifts: Vec<f64>, column_shifts: Vec<f64>, unit: f64 },
}

/// The problem in scaled form. Sources and targets are those with mass, in the order of the sweeps.
pub(super) struct ScaledProblem<'s, 'a, T> {
    pub origin: Origin<'s, 'a, T>,
    pub sources: Side,
    pub targets: Side,
    /// Which source of the problem stands where.
    pub source_order: Vec<u32>,
    pub target_order: Vec<u32>,
    /// r and s, in the order of the sweeps.
    pub source_shifts: Vec<f64>,
    pub target_shifts: Vec<f64>,
    pub unit: f64,
    /// Whether neighbours in the order are neighbours in space.
    pub in_cells: bool,
}

impl<'s, 'a, T: Scalar> ScaledProblem<'s, 'a, T> {
    /// `None` where single precision cannot hold the problem: coordinates that vanish or overflow beside the others.
    pub fn new(
        problem_costs: Costs<'a, T>,
        costs: &'s CostRows<'a, T>,
        supply: &[i64],
        demand: &[i64],
    ) -> Option<Self> {
        let active = |units: &[i64]| -> Vec<u32> {
            (0..units.len() as u32).filter(|&index| units[index as usize] > 0).collect()
        };
        let (active_sources, active_targets) = (active(supply), active(demand));
        let scaled = match problem_costs {
            Costs::Points { source, target, distance } => {
                Self::of_points(source, target, distance, active_sources, active_targets)?
            }
            Costs::Matrix(_) => Self::of_matrix(costs, active_sources, active_targets)?,
        };
        Some(scaled.with_weights(supply, demand))
    }

    fn with_weights(mut self, supply: &[i64], demand: &[i64]) -> Self {
        let shares = |units: &[i64], order: &[u32]| -> Vec<f32> {
            let total: f64 = units.iter().map(|&units| units as f64).sum();
            order.iter().map(|&index| ((units[index as usize] as f64 / total) as f32).max(1e-30)).collect()
        };
        self.sources.weights = shares(supply, &self.source_order);
        self.targets.weights = shares(demand, &self.target_order);
        self
    }

    fn of_points(
        x: MatrixView<'a, T>,
        y: MatrixView<'a, T>,
        distance: Distance,
        sources: Vec<u32>,
        targets: Vec<u32>,
    ) -> Option<Self> {
        let dimension = x.columns();
        let (mut x_centre, mut y_centre) = (mean(x, &sources), mean(y, &targets));
        match distance {
            Distance::SquaredEuclidean => {}
            Distance::Cosine => {
                x_centre.fill(0.0);
                y_centre.fill(0.0);
            }
            _ => {
                for (a, b) in x_centre.iter_mut().zip(&mut y_centre) {
                    *a = 0.5 * *a + 0.5 * *b;
                    *b = *a;
                }
            }
        }
        let largest =
            largest_coordinate(x, &sources, &x_centre).max(largest_coordinate(y, &targets, &y_centre));
        let factor = 1.0 / largest;
        if distance != Distance::Cosine && !(factor.is_finite() && factor > 0.0) {
            return None;
        }
        let factor = if distance == Distance::Cosine { 1.0 } else { factor };
        let scaled = |points: MatrixView<'a, T>, members: &[u32], centre: &[f64]| {
            Matrix::from_fn(members.len(), dimension, |row, column| {
                ((points.row(members[row] as usize)[column].to_f64() - centre[column]) * factor) as f32
            })
        };
        let (scaled_x, scaled_y) = (scaled(x, &sources, &x_centre), scaled(y, &targets, &y_centre));
        let (x_order, y_order) = (in_cells(scaled_x.view()), in_cells(scaled_y.view()));
        let arranged = |points: &Matrix<f32>, order: &[u32]| {
            Matrix::from_fn(points.rows(), dimension, |row, column| points[(order[row] as usize, column)])
        };
        let pick = |members: &[u32], order: &[u32]| -> Vec<u32> {
            order.iter().map(|&at| members[at as usize]).collect()
        };
        let (source_order, target_order) = (pick(&sources, &x_order), pick(&targets, &y_order));
        let (mut source_shifts, mut target_shifts) = (vec![0.0; sources.len()], vec![0.0; targets.len()]);
        if distance == Distance::SquaredEuclidean {
            let apart: Vec<f64> = x_centre.iter().zip(&y_centre).map(|(a, b)| a - b).collect();
            let square: f64 = apart.iter().map(|t| t * t).sum();
            let along = |point: &[T], centre: &[f64]| -> f64 {
                (0..dimension).map(|k| 2.0 * apart[k] * (point[k].to_f64() - centre[k])).sum()
            };
            for (shift, &source) in source_shifts.iter_mut().zip(&source_order) {
                *shift = along(x.row(source as usize), &x_centre) + square;
            }
            for (shift, &target) in target_shifts.iter_mut().zip(&target_order) {
                *shift = -along(y.row(target as usize), &y_centre);
            }
        }
        let unit = match distance {
            Distance::SquaredEuclidean => largest * largest,
            Distance::Cosine => 1.0,
            Distance::MinkowskiPower { p } => largest.powf(p),
            _ => largest,
        };
        let side = |points: Matrix<f32>| Side { members: Members::Points(points), weights: Vec::new() };
        (unit.is_finite() && unit > 0.0).then(|| Self {
            origin: Origin::Points(distance),
            sources: side(arranged(&scaled_x, &x_order)),
            targets: side(arranged(&scaled_y, &y_order)),
            source_order,
            target_order,
            source_shifts,
            target_shifts,
            unit,
            in_cells: dimension <= DIMENSIONS_ORDERED,
        })
    }

    fn of_matrix(costs: &'s CostRows<'a, T>, sources: Vec<u32>, targets: Vec<u32>) -> Option<Self> {
        let (row_shifts, column_shifts, unit) = reduce(costs, &sources, &targets);
        if !(unit.is_finite() && unit > 0.0) {
            return None;
        }
        let side =
            |indices: &[u32]| Side { members: Members::Indices(indices.to_vec()), weights: Vec::new() };
        Some(Self {
            sources: side(&sources),
            targets: side(&targets),
            source_shifts: sources.iter().map(|&row| row_shifts[row as usize]).collect(),
            target_shifts: targets.iter().map(|&column| column_shifts[column as usize]).collect(),
            source_order: sources,
            target_order: targets,
            unit,
            in_cells: false,
            origin: Origin::Matrix { costs, row_shifts, column_shifts, unit },
        })
    }

    /// The costs between all points, and bounds (ρ, κ) on their errors: a computed c̃ is off by at most ρ c̃ + κ. `None` where
    /// there is no bound.
    ///
    /// With u = 2⁻²⁴, d coordinates of at most one and squared lengths of at most X and Y: rounding moves each coordinate by at most u, so a distance by at
    /// most 2u√d and a squared one by 4u√d(√X + √Y) + 4u²d. What is computed from differences has a relative error of (d + 20) u; as a
    /// product, an absolute one of (d + 4) u (X + 2√(XY) + Y).
    pub fn bounded(&self) -> Option<(Blocks<'_, 'a, T>, f64, f64)> {
        let Origin::Points(distance) = self.origin else { return None };
        let unit = 0.5 * f64::from(f32::EPSILON);
        let blocks = self.forward(&self.sources, &self.targets)?;
        let (Members::Points(x), Members::Points(y)) = (&self.sources.members, &self.targets.members) else {
            return None;
        };
        let dimension = x.columns() as f64;
        let (length_x, length_y) = (largest_length(x), largest_length(y));
        let of_differences = (dimension + 20.0) * unit;
        let moved = 2.0 * unit * dimension.sqrt();
        let moved_squared = 2.0 * moved * (length_x + length_y) + moved * moved;
        let (relative, absolute) = match (&blocks, distance) {
            (Blocks::Products(_), _) => {
                (0.0, moved_squared + (dimension + 4.0) * unit * (length_x + length_y).powi(2))
            }
            (_, Distance::SquaredEuclidean) => (of_differences, moved_squared),
            (_, Distance::Euclidean) => (of_differences, moved),
            _ => return None,
        };
        Some((blocks, relative, absolute))
    }

    /// Whether the costs are squared Euclidean distances of points.
    pub fn is_squared_euclidean(&self) -> bool {
        matches!(self.origin, Origin::Points(Distance::SquaredEuclidean))
    }

    /// The targets' potentials in the problem's own units.
    pub fn unscaled_targets(&self, g: &[f32]) -> Vec<f64> {
        g.iter().zip(&self.target_shifts).map(|(&g, shift)| f64::from(g) * self.unit + shift).collect()
    }

    /// The scaled costs between two sides, from the side of the sources: rows are sources.
    pub fn forward<'f>(&'f self, sources: &'f Side, targets: &'f Side) -> Option<Blocks<'f, 'a, T>> {
        self.blocks(sources, targets, false)
    }

    /// The same from the side of the targets: rows are targets.
    pub fn backward<'f>(&'f self, sources: &'f Side, targets: &'f Side) -> Option<Blocks<'f, 'a, T>> {
        self.blocks(targets, sources, true)
    }

    fn blocks<'f>(
        &'f self,
        rows: &'f Side,
        columns: &'f Side,
        transposed: bool,
    ) -> Option<Blocks<'f, 'a, T>> {
        match (&self.origin, &rows.members, &columns.members) {
            (Origin::Points(distance), Members::Points(x), Members::Points(y)) => {
                if *distance == Distance::SquaredEuclidean && x.columns() >= LEAST_DIMENSION {
                    return Some(Blocks::Products(ProductBlocks::new(x.view(), y.view())));
                }
                let names = ["scaled points", "scaled points"];
                DistanceRows::prepare("scaled distances", x.view(), y.view(), *distance, names)
                    .ok()
                    .map(Blocks::Points)
            }
            (
                Origin::Matrix { costs, row_shifts, column_shifts, unit },
                Members::Indices(rows),
                Members::Indices(columns),
            ) => {
                let blocks =
                    MatrixBlocks { costs, row_shifts, column_shifts, factor: 1.0 / unit, rows, columns };
                Some(if transposed { Blocks::Transposed(blocks) } else { Blocks::Matrix(blocks) })
            }
            _ => unreachable!("the members of a problem are of one kind"),
        }
    }
}

/// The mean of some points.
fn mean<T: Scalar>(points: MatrixView<'_, T>, members: &[u32]) -> Vec<f64> {
    let mut mean = vec![0.0; points.columns()];
    for &member in members {
        for (mean, value) in mean.iter_mut().zip(points.row(member as usize)) {
            *mean += value.to_f64() / members.len() as f64;
        }
    }
    mean
}

fn largest_coordinate<T: Scalar>(points: MatrixView<'_, T>, members: &[u32], centre: &[f64]) -> f64 {
    let mut largest = 0.0_f64;
    for &member in members {
        for (value, centre) in points.row(member as usize).iter().zip(centre) {
            largest = largest.max((value.to_f64() - centre).abs());
        }
    }
    largest
}

/// Row minima, column minima of what remains, and the mean of what remains then: over what has mass.
fn reduce<T: Scalar>(costs: &CostRows<'_, T>, sources: &[u32], targets: &[u32]) -> (Vec<f64>, Vec<f64>, f64) {
    const ROWS_PER_CHUNK: usize = 64;
    let columns = costs.columns();
    let mut row_shifts = vec![0.0; costs.rows()];
    let chunks = map_chunks(sources.len(), ROWS_PER_CHUNK, |rows| {
        let mut row = vec![0.0; columns];
        let mut rests = vec![0.0; targets.len()];
        let mut row_minima = Vec::with_capacity(rows.len());
        let mut column_minima = vec![f64::INFINITY; targets.len()];
        let mut sum = 0.0;
        for &source in &sources[rows] {
            costs.piece_into(source as usize, 0..columns, &mut row);
            let mut minimum = f64::INFINITY;
            for (rest, &target) in rests.iter_mut().zip(targets) {
                *rest = row[target as usize];
                minimum = if *rest < minimum { *rest } else { minimum };
            }
            for (least, &cost) in column_minima.iter_mut().zip(&rests) {
                let rest = cost - minimum;
                *least = if rest < *least { rest } else { *least };
                sum += rest.min(1e150);
            }
            row_minima.push(minimum);
        }
        (row_minima, column_minima, sum)
    });
    let mut column_shifts = vec![f64::INFINITY; columns];
    let mut mean = 0.0;
    let mut at = sources.iter();
    for (row_minima, column_minima, sum) in chunks {
        for minimum in row_minima {
            row_shifts[*at.next().expect("one for each source") as usize] = minimum;
        }
        for (&target, minimum) in targets.iter().zip(column_minima) {
            let shift = &mut column_shifts[target as usize];
            *shift = shift.min(minimum);
        }
        mean += sum / sources.len() as f64 / targets.len() as f64;
    }
    mean -= targets.iter().map(|&target| column_shifts[target as usize] / targets.len() as f64).sum::<f64>();
    (row_shifts, column_shifts, mean)
}

/// From this many coordinates on a matrix product is faster than differences.
const LEAST_DIMENSION: usize = 16;

/// The largest Euclidean length.
fn largest_length(points: &Matrix<f32>) -> f64 {
    let square = |row: &[f32]| row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
    (0..points.rows()).map(|row| square(points.row(row))).fold(0.0, f64::max).sqrt()
}

/// Squared Euclidean distances as one matrix product: |x - y|² = (-2x, |x|², 1) · (y, 1, |y|²). It cancels where points are close, by
/// rounding of |x|² + |y|²: too much for an answer, but not for candidates.
pub(super) struct ProductBlocks {
    x: Matrix<f32>,
    y: Matrix<f32>,
}

impl ProductBlocks {
    fn new(x: MatrixView<'_, f32>, y: MatrixView<'_, f32>) -> Self {
        let square = |point: &[f32]| point.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() as f32;
        let dimension = x.columns();
        let extended = |points: MatrixView<'_, f32>, factor: f32, square_at: usize| {
            let mut extended = Matrix::zeros(points.rows(), dimension + 2);
            for row in 0..points.rows() {
                let point = points.row(row);
                let out = extended.row_mut(row);
                for (out, &value) in out.iter_mut().zip(point) {
                    *out = factor * value;
                }
                out[dimension..].fill(1.0);
                out[square_at] = square(point);
            }
            extended
        };
        Self { x: extended(x, -2.0, dimension), y: extended(y, 1.0, dimension + 1) }
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        let shape = (rows.len(), columns.len());
        let out = MatrixViewMut::from_parts(out, shape.0, shape.1, shape.1);
        let (x, y) = (self.x.view().rows_range(rows), self.y.view().rows_range(columns));
        gemm(1.0, x, Operation::Plain, y, Operation::Transpose, 0.0, out).expect("the shapes fit");
    }
}

/// Scaled costs between two sides.
pub(super) enum Blocks<'f, 'a, T> {
    Points(DistanceRows<f32>),
    Products(ProductBlocks),
    Kept(Matrix<f32>),
    Matrix(MatrixBlocks<'f, 'a, T>),
    Transposed(MatrixBlocks<'f, 'a, T>),
}

pub(super) struct MatrixBlocks<'f, 'a, T> {
    costs: &'f CostRows<'a, T>,
    row_shifts: &'f [f64],
    column_shifts: &'f [f64],
    factor: f64,
    rows: &'f [u32],
    columns: &'f [u32],
}

/// What costs above this many units count as.
const LARGEST: f64 = 1e30;

impl<T: Scalar> MatrixBlocks<'_, '_, T> {
    #[inline(always)]
    fn scaled(&self, cost: f64, row: usize, column: usize) -> f32 {
        let value = (cost - self.row_shifts[row] - self.column_shifts[column]) * self.factor;
        (if value < LARGEST { value } else { LARGEST }) as f32
    }

    fn forward(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        let count = columns.len();
        let indices = &self.columns[columns];
        let Some((&first, &last)) = indices.first().zip(indices.last()) else { return };
        let (first, last) = (first as usize, last as usize);
        if last - first + 1 == count {
            let shifts = &self.column_shifts[first..=last];
            let mut piece = [0.0; 512];
            for (row, out) in self.rows[rows].iter().zip(out.chunks_mut(count)) {
                let row = *row as usize;
                let shift = self.row_shifts[row];
                for (at, out) in out.chunks_mut(piece.len()).enumerate() {
                    let start = at * piece.len();
                    let piece = &mut piece[..out.len()];
                    self.costs.piece_into(row, first + start..first + start + out.len(), piece);
                    for ((out, &cost), &column_shift) in out.iter_mut().zip(&*piece).zip(&shifts[start..]) {
                        let value = (cost - shift - column_shift) * self.factor;
                        *out = (if value < LARGEST { value } else { LARGEST }) as f32;
                    }
                }
            }
        } else {
            for (row, out) in self.rows[rows].iter().zip(out.chunks_mut(count)) {
                for (out, &column) in out.iter_mut().zip(indices) {
                    let (row, column) = (*row as usize, column as usize);
                    *out = self.scaled(self.costs.entry(row, column), row, column);
                }
            }
        }
    }

    /// Rows are targets here, columns sources. A stretch of a row of the matrix is read once for all targets of the block.
    fn backward(&self, targets: Range<usize>, sources: Range<usize>, out: &mut [f32]) {
        let count = sources.len();
        let targets = &self.rows[targets];
        let Some((&first, &last)) = targets.first().zip(targets.last()) else { return };
        let (first, last) = (first as usize, last as usize);
        let mut stretch = vec![0.0; last - first + 1];
        let is_dense = stretch.len() <= 2 * targets.len();
        for (at, &source) in self.columns[sources].iter().enumerate() {
            let source = source as usize;
            if is_dense {
                self.costs.piece_into(source, first..last + 1, &mut stretch);
            }
            for (row, &target) in targets.iter().enumerate() {
                let target = target as usize;
                let cost = if is_dense { stretch[target - first] } else { self.costs.entry(source, target) };
                out[row * count + at] = self.scaled(cost, source, target);
            }
        }
    }
}

impl<T: Scalar> Blocks<'_, '_, T> {
    /// The same, computed once.
    pub fn kept(self) -> Self {
        let (rows, columns) = (self.rows(), self.columns());
        let mut kept = Matrix::zeros(rows, columns);
        self.block_into(0..rows, 0..columns, kept.as_mut_slice());
        Blocks::Kept(kept)
    }
}

impl<T: Scalar> CostBlocks<f32> for Blocks<'_, '_, T> {
    fn rows(&self) -> usize {
        match self {
            Blocks::Points(rows) => rows.rows(),
            Blocks::Products(products) => products.x.rows(),
            Blocks::Kept(costs) => costs.rows(),
            Blocks::Matrix(matrix) | Blocks::Transposed(matrix) => matrix.rows.len(),
        }
    }

    fn columns(&self) -> usize {
        match self {
            Blocks::Points(rows) => rows.columns(),
            Blocks::Products(products) => products.y.rows(),
            Blocks::Kept(costs) => costs.columns(),
            Blocks::Matrix(matrix) | Blocks::Transposed(matrix) => matrix.columns.len(),
        }
    }

    fn rows_at_once(&self) -> usize {
        match self {
            Blocks::Points(rows) => rows.rows_at_once(),
            Blocks::Products(_) => 32,
            Blocks::Kept(_) => 1,
            Blocks::Matrix(_) => 1,
            Blocks::Transposed(_) => 32,
        }
    }

    fn block_into(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        match self {
            Blocks::Points(distances) => distances.rows_into(rows, columns, out),
            Blocks::Products(products) => products.block_into(rows, columns, out),
            Blocks::Kept(costs) => {
                let width = columns.len();
                for (row, out) in rows.zip(out.chunks_mut(width)) {
                    out.copy_from_slice(&costs.row(row)[columns.clone()]);
                }
            }
            Blocks::Matrix(matrix) => matrix.forward(rows, columns, out),
            Blocks::Transposed(matrix) => matrix.backward(rows, columns, out),
        }
    }
}

#[cfg(test)]
mod tests;
