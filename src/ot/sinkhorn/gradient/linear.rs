//! The linear system behind every implicit derivative, by conjugate gradients on its Schur complement.
//!
//! The potentials are given by r(f, g) = a and c(f, g) = b for the marginals r = P 1, c = Pᵀ 1. So a cotangent of the
//! potentials is carried to whatever they depend on by λ, μ with
//!
//! ```text
//! ⎡ diag r   P    ⎤ ⎡λ⎤   ⎡s⎤
//! ⎣ Pᵀ     diag c ⎦ ⎣μ⎦ = ⎣t⎦
//! ```
//!
//! (Luise, Rudi, Pontil, Ciliberto, *Differential properties of Sinkhorn approximation*, 2018; Cuturi, Teboul,
//! Niles-Weed, Vert, *Supervised quantile normalization*, 2020, and Eisenberger et al., *A unified framework for
//! implicit Sinkhorn differentiation*, 2022, solve it too.) Without λ it is S μ = t - Pᵀ(s/r) with S = diag c - Pᵀ
//! diag(1/r) P, symmetric and positive semidefinite; S 1 = 0, as the potentials are known up to a constant. The
//! preconditioner is the diagonal of S.
//!
//! # Cost
//! One look at all pairs for a step: a row of P is computed once, for P z and for Pᵀ(..). Memory: O(n + m), and P
//! where it fits into the bytes allowed.

use super::Options;
use super::kernels::add_projections;
use crate::matrix::Matrix;
use crate::ot::certificate::Status;
use crate::ot::sinkhorn::EntropicPlan;
use crate::parallel::map_chunks;
use std::ops::Range;

/// How well the linear system of an implicit derivative was solved.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct LinearSolve {
    /// [`Status::Converged`]; [`Status::IterationLimit`]; or [`Status::Inaccurate`] where rounding keeps the residual up, because parts of
    /// the plan hang together by next to nothing.
    pub status: Status,
    /// |t - Pᵀ(s/r) - S μ| over |t - Pᵀ(s/r)|, computed afresh at the end, in the norm of the preconditioner. Zero where the right-hand side is rounding.
    pub residual: f64,
    /// Steps of conjugate gradients: each is one look at all pairs.
    pub iterations: u64,
}

/// The rows Pᵢⱼ/aᵢ, streamed or kept.
pub(super) struct Rows<'p, 'a> {
    /// Where they are streamed from, if they are not kept.
    plan: Option<&'p EntropicPlan<'a>>,
    kept: Option<Matrix<f64>>,
}

impl<'p, 'a> Rows<'p, 'a> {
    /// Keeps the rows if they fit into so many bytes.
    pub(super) fn new(plan: &'p EntropicPlan<'a>, bytes_kept: usize) -> Self {
        let bytes = plan.rows().saturating_mul(plan.columns()).saturating_mul(size_of::<f64>());
        let kept = (bytes <= bytes_kept).then(|| {
            let parts = plan.fold(false, Vec::new, |out: &mut Vec<f64>, block| {
                out.extend_from_slice(block.conditional);
            });
            Matrix::from_vec(plan.rows(), plan.columns(), parts.concat()).expect("every row was visited")
        });
        Self { plan: Some(plan), kept }
    }

    /// Visits all rows, in parts; the states in order.
    pub(super) fn fold<S: Send>(
        &self,
        start: impl Fn() -> S + Sync + Send,
        visit: impl Fn(&mut S, Range<usize>, &[f64]) + Sync + Send,
    ) -> Vec<S> {
        match (&self.kept, self.plan) {
            (None, None) => unreachable!("rows are streamed or kept"),
            (None, Some(plan)) => {
                plan.fold(false, start, |state, block| visit(state, block.rows, block.conditional))
            }
            (Some(kept), _) => {
                let columns = kept.columns();
                // Small problems are not worth a second thread.
                let part_rows = kept.rows().div_ceil(8).max((1 << 15) / columns).max(1);
                map_chunks(kept.rows(), part_rows, |rows| {
                    let mut state = start();
                    let entries = &kept.as_slice()[rows.start * columns..rows.end * columns];
                    visit(&mut state, rows, entries);
                    state
                })
            }
        }
    }
}

/// S, by its parts.
pub(super) struct Schur<'r, 'p, 'a> {
    pub rows: &'r Rows<'p, 'a>,
    /// aᵢ/ρᵢ with ρᵢ = Σⱼ Pᵢⱼ/aᵢ, zero where the row is: (n).
    pub factors: Vec<f64>,
    /// c: (m).
    pub columns: Vec<f64>,
    /// The diagonal of S, zero for the columns that do not take part: (m).
    pub diagonal: Vec<f64>,
}

impl Schur<'_, '_, '_> {
    /// S z.
    fn apply(&self, z: &[f64]) -> Vec<f64> {
        let parts = self.rows.fold(
            || vec![0.0; z.len()],
            |sum: &mut Vec<f64>, rows, entries| add_projections(entries, z, &self.factors[rows], sum),
        );
        let mut out: Vec<f64> = self.columns.iter().zip(z).map(|(c, z)| c * z).collect();
        for part in parts {
            out.iter_mut().zip(part).for_each(|(out, part)| *out -= part);
        }
        self.project(&mut out);
        out
    }

    /// Takes out of a residual what rounding put there: its sum is zero.
    fn project(&self, residual: &mut [f64]) {
        let (mut sum, mut total) = (0.0, 0.0);
        for (r, d) in residual.iter_mut().zip(&self.diagonal) {
            if *d > 0.0 {
                sum += *r;
                total += d;
            } else {
                *r = 0.0;
            }
        }
        if total > 0.0 {
            residual.iter_mut().zip(&self.diagonal).for_each(|(r, d)| *r -= sum / total * d);
        }
    }

    /// The norm of a residual, in the inverse of the preconditioner.
    fn norm(&self, residual: &[f64]) -> f64 {
        residual
            .iter()
            .zip(&self.diagonal)
            .map(|(r, &d)| if d > 0.0 { r * r / d } else { 0.0 })
            .sum::<f64>()
            .sqrt()
    }

    /// μ with S μ = `rhs`, by preconditioned conjugate gradients (Hestenes and Stiefel 1952), begun again from the
    /// true residual where the one that is carried along says more than is so. `magnitudes` are the sums of the
    /// absolute terms of `rhs`.
    pub(super) fn solve(
        &self,
        mut rhs: Vec<f64>,
        magnitudes: &[f64],
        options: &Options,
    ) -> (Vec<f64>, LinearSolve) {
        self.project(&mut rhs);
        let norm = self.norm(&rhs);
        let rounding = 4.0 * f64::EPSILON * self.norm(magnitudes);
        let mut solution = vec![0.0; rhs.len()];
        let mut residual = rhs.clone();
        let mut iterations = 0;
        let mut last = f64::INFINITY;
        let (status, reached) = loop {
            let reached = self.norm(&residual);
            // What rounding S μ leaves.
            let scaled: Vec<f64> = self.columns.iter().zip(&solution).map(|(c, z)| c * z).collect();
            let floor = rounding + 4.0 * f64::EPSILON * self.norm(&scaled);
            if reached <= options.tolerance * norm || reached <= floor {
                break (Status::Converged, reached);
            }
            if iterations >= options.max_iterations {
                break (Status::IterationLimit, reached);
            }
            // A run that did not halve the true residual has met its rounding. NaN ends here too.
            if reached > 0.5 * last || reached.is_nan() {
                break (Status::Inaccurate, reached);
            }
            last = reached;
            let goal = (0.5 * options.tolerance * norm).max(0.5 * floor);
            iterations +=
                self.descend(&mut residual, &mut solution, goal, options.max_iterations - iterations);
            residual = rhs.iter().zip(self.apply(&solution)).map(|(b, s)| b - s).collect();
            self.project(&mut residual);
        };
        let residual = if norm <= rounding { 0.0 } else { reached / norm };
        (solution, LinearSolve { status, residual, iterations })
    }

    /// Conjugate gradients from `solution` with its `residual`, until its norm is `goal`; how many steps.
    fn descend(&self, residual: &mut [f64], solution: &mut [f64], goal: f64, limit: u64) -> u64 {
        let precondition = |residual: &[f64]| -> Vec<f64> {
            residual.iter().zip(&self.diagonal).map(|(r, &d)| if d > 0.0 { r / d } else { 0.0 }).collect()
        };
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        let mut scaled = precondition(residual);
        let mut direction = scaled.clone();
        let mut product = dot(residual, &scaled);
        for step in 0..limit {
            let image = self.apply(&direction);
            let curvature = dot(&direction, &image);
            // Where all that is left lies in the null space, or in a part that rounding has cut off.
            if curvature <= 0.0 || curvature.is_nan() {
                return step + 1;
            }
            let length = product / curvature;
            solution.iter_mut().zip(&direction).for_each(|(x, d)| *x += length * d);
            residual.iter_mut().zip(&image).for_each(|(r, image)| *r -= length * image);
            if self.norm(residual) <= goal {
                return step + 1;
            }
            scaled = precondition(residual);
            let next = dot(residual, &scaled);
            let ratio = next / product;
            product = next;
            direction.iter_mut().zip(&scaled).for_each(|(d, z)| *d = z + ratio * *d);
        }
        limit
    }
}

/// λ and μ for a plan that is there as a matrix, whose own sums are r and c, and the right-hand sides s (n) and t (m).
pub(in crate::ot::sinkhorn) fn solve_dense(
    plan: Matrix<f64>,
    s: &[f64],
    t: &[f64],
    options: &Options,
) -> [Vec<f64>; 2] {
    let view = plan.view();
    let (row_sums, columns) = (view.row_sums(), view.column_sums());
    let factors: Vec<f64> = row_sums.iter().map(|&r| if r > 0.0 { 1.0 / r } else { 0.0 }).collect();
    let (mut rhs, mut magnitudes) = (t.to_vec(), vec![0.0; t.len()]);
    let mut diagonal = vec![0.0; t.len()];
    for ((row, factor), s) in plan.iter_rows().zip(&factors).zip(s) {
        for (j, &p) in row.iter().enumerate() {
            rhs[j] -= p * factor * s;
            magnitudes[j] += (p * factor * s).abs();
            // Of this sum nothing cancels: an entry is at most its row.
            diagonal[j] += p * (1.0 - p * factor).max(0.0);
        }
    }
    for j in 0..t.len() {
        magnitudes[j] += t[j].abs();
        diagonal[j] = if columns[j] > 0.0 { diagonal[j].max(1e-14 * columns[j]) } else { 0.0 };
    }
    let rows = Rows { plan: None, kept: Some(plan) };
    let schur = Schur { rows: &rows, factors, columns, diagonal };
    let (target, _) = schur.solve(rhs, &magnitudes, options);
    let plan = rows.kept.as_ref().expect("kept above");
    let product = |row: &[f64]| -> f64 { row.iter().zip(&target).map(|(p, z)| p * z).sum() };
    let source =
        plan.iter_rows().zip(s).zip(&schur.factors).map(|((row, s), factor)| (s - product(row)) * factor);
    [source.collect(), target.clone()]
}
