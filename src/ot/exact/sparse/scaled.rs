//! The costs as the heuristic stages see them: single precision, centred, of ordinary size.
//!
//! Warm start and candidate sweeps only have to point to the right pairs, so they work in `f32`, which is twice as
//! fast. For that the costs must not drown in what does not matter: C = unit * c + rᵢ + sⱼ with c of ordinary size
//! and the shifts r, s absorbed by the potentials.
//! * Points: the clouds are moved to the origin and scaled so that the largest coordinate is one. For squared Euclidean
//!   costs each cloud has its own centre: with t = x̄ - ȳ, |x - y|² = |x' - y'|² + (2 t·x' + |t|²) - 2 t·y'.
//! * A matrix: the rows' and then the columns' minima are subtracted, as the Hungarian algorithm begins, and the unit is
//!   the mean of what remains.

use super::super::costs::CostRows;
use super::blocks::{Blocks, LEAST_DIMENSION, MatrixBlocks, ProductBlocks};
use super::side::{Members, Side};
use crate::matrix::{Distance, DistanceRows, Matrix, MatrixView};
use crate::ot::ordering::{DIMENSIONS_ORDERED, in_cells};
use crate::ot::problem::Costs;
use crate::parallel::map_chunks;
use crate::scalar::Scalar;

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
            Costs::Matrix(_) | Costs::Pairs { .. } => Self::of_matrix(costs, active_sources, active_targets)?,
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
    /// With u = 2⁻²⁴, d coordinates of at most one and squared lengths of at most X and Y: rounding moves each
    /// coordinate by at most u, so a distance by at most 2u√d and a squared one by 4u√d(√X + √Y) + 4u²d. What is
    /// computed from differences has a relative error of (d + 20) u; as a product, an absolute one of (d + 4) u (X +
    /// 2√(XY) + Y).
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

    /// Number of coordinates; zero for a matrix.
    pub fn dimension(&self) -> usize {
        match &self.sources.members {
            Members::Points(points) => points.columns(),
            Members::Indices(_) => 0,
        }
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

/// The largest Euclidean length.
fn largest_length(points: &Matrix<f32>) -> f64 {
    let square = |row: &[f32]| row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>();
    (0..points.rows()).map(|row| square(points.row(row))).fold(0.0, f64::max).sqrt()
}

#[cfg(test)]
mod tests;
