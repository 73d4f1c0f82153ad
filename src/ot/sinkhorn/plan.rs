//! The entropic plan, streamed: all that people do with it, without storing n m numbers.

use super::kernels::{Limits, exponentials, shifted_exponentials};
use super::{CostBlocks, EntropicCosts};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, Operation, gemm};
use crate::ot::plan::{PlanEntry, TransportPlan};
use crate::parallel::{for_each_chunk_mut, map_chunks};
use crate::scalar::Scalar;
use std::fmt;
use std::ops::Range;

/// Entries of a block: 512 KiB, what second-level caches hold.
const BLOCK_ENTRIES: usize = 1 << 16;

/// v of a target without mass: far below what any exponential sees, and its sums with other potentials are finite.
const NOTHING: f64 = -1e300;

/// Parts of the rows that are visited side by side, where each keeps something for all columns.
const PARTS: usize = 8;

/// The plan Pᵢⱼ = aᵢ bⱼ / M exp((fᵢ + gⱼ - Cᵢⱼ)/ε), by its potentials.
///
/// The entries are computed from the costs, in double precision, whenever they are asked for: each method below takes one look at all
/// pairs unless it says otherwise, and O(n + m) memory beyond what it returns. Results have the same bits for any number of threads.
///
/// # Examples
/// ```
/// use brenier::matrix::Distance;
/// use brenier::ot::{Problem, sinkhorn};
/// use brenier::Matrix;
///
/// let x = Matrix::from_rows([[0.0], [1.0]]);
/// let y = Matrix::from_rows([[0.25], [1.25]]);
/// let solution = sinkhorn::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean), 0.1)?;
/// let images = solution.plan.barycentric_projection(&y)?;
/// assert!((images[(0, 0)] - 0.25).abs() < 0.01);
/// let pushed = solution.plan.apply(&Matrix::filled(2, 1, 1.0))?;
/// assert!((pushed[(0, 0)] - 0.5).abs() < 1e-6, "the mass of the first source");
/// # Ok::<(), brenier::Error>(())
/// ```
pub struct EntropicPlan<'a> {
    costs: EntropicCosts<'a, f64>,
    /// a and b as given.
    source_weights: Vec<f64>,
    target_weights: Vec<f64>,
    /// M: what a bᵀ is divided by.
    reference_mass: f64,
    source_potentials: Vec<f64>,
    target_potentials: Vec<f64>,
    epsilon: f64,
    /// Whether rows are normalised by themselves: see [`with_steady_rows`](Self::with_steady_rows).
    steady: bool,
    /// u = f/ε and v = g/ε + ln(b/M), as the kernels take them.
    u: Vec<f64>,
    v: Vec<f64>,
}

impl fmt::Debug for EntropicPlan<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EntropicPlan")
            .field("rows", &self.rows())
            .field("columns", &self.columns())
            .field("epsilon", &self.epsilon)
            .finish_non_exhaustive()
    }
}

/// A block of the plan while it is hot.
pub(crate) struct PlanBlock<'b> {
    /// Its rows.
    pub rows: Range<usize>,
    /// Pᵢⱼ / aᵢ: (rows, m).
    pub conditional: &'b mut [f64],
    /// Cᵢⱼ: (rows, m), where costs were asked for, else empty.
    pub costs: &'b [f64],
}

impl<'a> EntropicPlan<'a> {
    /// The plan of these potentials over the whole problem, with P = a bᵀ/M exp(..). Weights that are zero carry nothing.
    pub(crate) fn new(
        costs: EntropicCosts<'a, f64>,
        [source_weights, target_weights]: [Vec<f64>; 2],
        reference_mass: f64,
        [source_potentials, target_potentials]: [Vec<f64>; 2],
        epsilon: f64,
    ) -> Self {
        let (n, m) = (source_weights.len(), target_weights.len());
        let mut plan = Self {
            costs,
            source_weights,
            target_weights,
            reference_mass,
            source_potentials: vec![0.0; n],
            target_potentials: vec![0.0; m],
            epsilon,
            steady: false,
            u: vec![0.0; n],
            v: vec![0.0; m],
        };
        plan.set_potentials(&source_potentials, &target_potentials);
        plan
    }

    /// Takes other potentials, f (n) and g (m).
    pub(crate) fn set_potentials(&mut self, f: &[f64], g: &[f64]) {
        self.source_potentials.copy_from_slice(f);
        self.target_potentials.copy_from_slice(g);
        for (u, f) in self.u.iter_mut().zip(f) {
            *u = f / self.epsilon;
        }
        for ((v, g), &b) in self.v.iter_mut().zip(g).zip(&self.target_weights) {
            *v = if b > 0.0 { g / self.epsilon + (b / self.reference_mass).ln() } else { NOTHING };
        }
    }

    /// The same plan, of a balanced problem, with rows that sum to the weights whatever rounding does to the potentials.
    ///
    /// Where potentials are 1e13 times ε or larger, double precision holds them to a few digits of ε only, and the exponentials would be
    /// anything from zero to infinity. Then each row is taken from the target potentials alone, shifted by its largest exponent.
    pub(crate) fn with_steady_rows(mut self) -> Self {
        let largest = self
            .u
            .iter()
            .chain(self.v.iter().filter(|&&v| v != NOTHING))
            .fold(0.0_f64, |most, x| most.max(x.abs()));
        self.steady = largest * f64::EPSILON > 1e-3;
        self
    }

    /// Pᵢⱼ / aᵢ of some rows, over their costs.
    fn conditional(&self, rows: Range<usize>, block: &mut [f64], sums: &mut [f64]) {
        let inverse_epsilon = 1.0 / self.epsilon;
        if !self.steady {
            exponentials(block, &self.u[rows], &self.v, inverse_epsilon, sums);
            return;
        }
        for row in block.chunks_exact_mut(self.columns()) {
            let (_, sum) = shifted_exponentials(row, &self.v, inverse_epsilon, Limits::new());
            row.iter_mut().for_each(|entry| *entry /= sum);
        }
    }

    /// Where the costs come from.
    pub(crate) fn costs(&self) -> &EntropicCosts<'a, f64> {
        &self.costs
    }

    /// Number of sources.
    pub fn rows(&self) -> usize {
        self.source_weights.len()
    }

    /// Number of targets.
    pub fn columns(&self) -> usize {
        self.target_weights.len()
    }

    /// ε, in units of the cost.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// a: one weight for each source, as given.
    pub fn source_weights(&self) -> &[f64] {
        &self.source_weights
    }

    /// b: one weight for each target, as given.
    pub fn target_weights(&self) -> &[f64] {
        &self.target_weights
    }

    /// M, what a bᵀ is divided by: the mass of either side of a balanced problem.
    pub fn reference_mass(&self) -> f64 {
        self.reference_mass
    }

    /// f: one potential for each source.
    pub fn source_potentials(&self) -> &[f64] {
        &self.source_potentials
    }

    /// g: one potential for each target.
    pub fn target_potentials(&self) -> &[f64] {
        &self.target_potentials
    }

    fn block_rows(&self) -> usize {
        (BLOCK_ENTRIES / self.columns().max(1)).clamp(1, 32)
    }

    /// Visits the plan block by block, rows cut into fixed parts; each part folds what it sees into a state of its own. States in order.
    pub(crate) fn fold<S: Send>(
        &self,
        with_costs: bool,
        start: impl Fn() -> S + Sync + Send,
        visit: impl Fn(&mut S, PlanBlock<'_>) + Sync + Send,
    ) -> Vec<S> {
        let (block_rows, columns) = (self.block_rows(), self.columns());
        let part_rows = self.rows().div_ceil(PARTS).next_multiple_of(block_rows);
        map_chunks(self.rows(), part_rows, |part| {
            let mut state = start();
            let mut entries = vec![0.0; block_rows * columns];
            let mut costs = vec![0.0; if with_costs { block_rows * columns } else { 0 }];
            let mut sums = vec![0.0; block_rows];
            for first in part.clone().step_by(block_rows) {
                let rows = first..(first + block_rows).min(part.end);
                let entries = &mut entries[..rows.len() * columns];
                self.costs.block_into(rows.clone(), 0..columns, entries);
                let costs: &[f64] = if with_costs {
                    let costs = &mut costs[..entries.len()];
                    costs.copy_from_slice(entries);
                    costs
                } else {
                    &[]
                };
                let sums = &mut sums[..rows.len()];
                self.conditional(rows.clone(), entries, sums);
                visit(&mut state, PlanBlock { rows, conditional: entries, costs });
            }
            state
        })
    }

    /// P as a dense matrix: n m numbers.
    pub fn to_matrix(&self) -> Matrix<f64> {
        let mut dense = Matrix::zeros(self.rows(), self.columns());
        let columns = self.columns();
        let rows_per_chunk = self.block_rows();
        for_each_chunk_mut(dense.as_mut_slice(), rows_per_chunk * columns, |start, part| {
            let rows = start / columns..start / columns + part.len() / columns;
            self.costs.block_into(rows.clone(), 0..columns, part);
            let mut sums = vec![0.0; rows.len()];
            self.conditional(rows.clone(), part, &mut sums);
            for (row, part) in rows.zip(part.chunks_exact_mut(columns)) {
                part.iter_mut().for_each(|entry| *entry *= self.source_weights[row]);
            }
        });
        dense
    }

    /// P V for V: (m, k). So P 1 is the marginal of the sources, and P y over the weights the barycentric projection.
    /// n m k flops beside the exponentials.
    ///
    /// # Errors
    /// [`Error::Shape`] if V does not have a row for each target.
    pub fn apply<'v>(&self, values: impl Into<MatrixView<'v, f64>>) -> Result<Matrix<f64>> {
        let values = values.into();
        self.check_rows(
            "EntropicPlan::apply",
            "number of rows, one for each target",
            self.columns(),
            values.rows(),
        )?;
        let k = values.columns();
        let parts = self.fold(false, Vec::new, |out: &mut Vec<f64>, block| {
            let count = block.rows.len();
            let conditional =
                MatrixView::from_parts(block.conditional, count, self.columns(), self.columns());
            let mut product = Matrix::zeros(count, k);
            gemm(1.0, conditional, Operation::Plain, values, Operation::Plain, 0.0, product.view_mut())
                .expect("shapes were checked");
            for (row, product) in block.rows.zip(product.as_mut_slice().chunks_exact_mut(k.max(1))) {
                product.iter_mut().for_each(|entry| *entry *= self.source_weights[row]);
            }
            out.extend_from_slice(product.as_slice());
        });
        Matrix::from_vec(self.rows(), k, parts.concat())
    }

    /// Pᵀ V for V: (n, k). So Pᵀ 1 is the marginal of the targets.
    ///
    /// # Errors
    /// [`Error::Shape`] if V does not have a row for each source.
    pub fn apply_transpose<'v>(&self, values: impl Into<MatrixView<'v, f64>>) -> Result<Matrix<f64>> {
        let values = values.into();
        let what = "number of rows, one for each source";
        self.check_rows("EntropicPlan::apply_transpose", what, self.rows(), values.rows())?;
        let (m, k) = (self.columns(), values.columns());
        let parts = self.fold(
            false,
            || Matrix::zeros(m, k),
            |sum: &mut Matrix<f64>, block| {
                let count = block.rows.len();
                let first = block.rows.start;
                let weighted = Matrix::from_fn(count, k, |row, column| {
                    self.source_weights[first + row] * values.row(first + row)[column]
                });
                let conditional = MatrixView::from_parts(block.conditional, count, m, m);
                gemm(
                    1.0,
                    conditional,
                    Operation::Transpose,
                    &weighted,
                    Operation::Plain,
                    1.0,
                    sum.view_mut(),
                )
                .expect("shapes were checked");
            },
        );
        let mut total = Matrix::zeros(m, k);
        for part in parts {
            total.as_mut_slice().iter_mut().zip(part.as_slice()).for_each(|(total, part)| *total += part);
        }
        Ok(total)
    }

    fn check_rows(
        &self,
        operation: &'static str,
        what: &'static str,
        expected: usize,
        got: usize,
    ) -> Result<()> {
        if got != expected {
            return Err(Error::Shape { operation, what, expected, got });
        }
        Ok(())
    }

    /// The marginals P 1 (n) and Pᵀ 1 (m).
    pub fn marginals(&self) -> (Vec<f64>, Vec<f64>) {
        let m = self.columns();
        let parts = self.fold(
            false,
            || (Vec::new(), vec![0.0; m]),
            |(source, target): &mut (Vec<f64>, Vec<f64>), block| {
                for (row, entries) in block.rows.zip(block.conditional.chunks_exact(m)) {
                    let weight = self.source_weights[row];
                    let mut sum = 0.0;
                    for (target, entry) in target.iter_mut().zip(entries) {
                        sum += entry;
                        *target += weight * entry;
                    }
                    source.push(weight * sum);
                }
            },
        );
        let (mut source, mut target) = (Vec::with_capacity(self.rows()), vec![0.0; m]);
        for (rows, columns) in parts {
            source.extend(rows);
            target.iter_mut().zip(columns).for_each(|(total, part)| *total += part);
        }
        (source, target)
    }

    /// Where each source goes on average: Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ, for y: (m, d). It estimates the transport map
    /// (Ferradans, Papadakis, Peyré, Aujol 2014).
    ///
    /// A source without mass has an image too: that of the potentials.
    ///
    /// # Errors
    /// [`Error::Shape`] if y does not have a row for each target; [`Error::ZeroRow`] if all entries of a row underflow.
    pub fn barycentric_projection<'v, T: Scalar>(
        &self,
        targets: impl Into<MatrixView<'v, T>>,
    ) -> Result<Matrix<f64>> {
        let targets = targets.into();
        let what = "number of rows, one for each target";
        self.check_rows("EntropicPlan::barycentric_projection", what, self.columns(), targets.rows())?;
        let (m, d) = targets.shape();
        // One more column of ones for the row sums.
        let values =
            Matrix::from_fn(
                m,
                d + 1,
                |row, column| {
                    if column < d { targets.row(row)[column].to_f64() } else { 1.0 }
                },
            );
        let parts = self.fold(false, Vec::new, |out: &mut Vec<f64>, block| {
            let conditional = MatrixView::from_parts(block.conditional, block.rows.len(), m, m);
            let mut product = Matrix::zeros(block.rows.len(), d + 1);
            gemm(1.0, conditional, Operation::Plain, &values, Operation::Plain, 0.0, product.view_mut())
                .expect("shapes were checked");
            out.extend_from_slice(product.as_slice());
        });
        let sums = Matrix::from_vec(self.rows(), d + 1, parts.concat())?;
        if let Some(row) = (0..self.rows()).find(|&row| sums[(row, d)] <= 0.0) {
            return Err(Error::ZeroRow { what: "entropic plan", row });
        }
        Ok(Matrix::from_fn(self.rows(), d, |row, column| sums[(row, column)] / sums[(row, d)]))
    }

    /// The target that receives most of each source's mass, the first of equals; `None` for a source without mass.
    pub fn largest_targets(&self) -> Vec<Option<usize>> {
        let m = self.columns();
        let parts = self.fold(false, Vec::new, |out: &mut Vec<Option<usize>>, block| {
            for (row, entries) in block.rows.zip(block.conditional.chunks_exact(m)) {
                let mut best = 0;
                for (column, entry) in entries.iter().enumerate() {
                    if *entry > entries[best] {
                        best = column;
                    }
                }
                out.push((self.source_weights[row] > 0.0 && entries[best] > 0.0).then_some(best));
            }
        });
        parts.concat()
    }

    /// The `count` largest entries of each row (fewer where fewer are positive), as a sparse plan. Its marginals are below those of P.
    pub fn largest_entries(&self, count: usize) -> TransportPlan {
        let m = self.columns();
        let parts = self.fold(false, Vec::new, |out: &mut Vec<PlanEntry>, block| {
            let mut order: Vec<usize> = Vec::with_capacity(m);
            for (source, entries) in block.rows.zip(block.conditional.chunks_exact(m)) {
                order.clear();
                order.extend((0..m).filter(|&column| entries[column] > 0.0));
                if order.len() > count && count > 0 {
                    order.select_nth_unstable_by(count - 1, |&i, &j| {
                        entries[j].total_cmp(&entries[i]).then(i.cmp(&j))
                    });
                }
                order.truncate(count);
                let weight = self.source_weights[source];
                out.extend(order.iter().map(|&target| PlanEntry {
                    source,
                    target,
                    mass: weight * entries[target],
                }));
            }
        });
        TransportPlan::new(self.rows(), m, parts.concat())
            .expect("entries of a plan are finite and not negative")
    }

    /// One row of the plan, (m) numbers. Looks at that row only.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> Vec<f64> {
        assert!(row < self.rows(), "row {row} of {}", self.rows());
        let mut entries = vec![0.0; self.columns()];
        self.costs.block_into(row..row + 1, 0..self.columns(), &mut entries);
        self.conditional(row..row + 1, &mut entries, &mut [0.0]);
        entries.iter_mut().for_each(|entry| *entry *= self.source_weights[row]);
        entries
    }
}
