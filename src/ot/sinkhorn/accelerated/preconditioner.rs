//! What conjugate gradients are preconditioned with: the diagonal for what changes from point to point, and an exact solve over blocks for
//! what does not.
//!
//! Mass that has to move far moves through many weak couplings, and conjugate gradients on points would carry it
//! there one coupling an iteration. Between blocks of neighbours the model is a small dense matrix B, and the Hessian
//! of the problem between blocks, diag(q) - Bᵀ diag(1/a) B, is factored at once. With Z the indicator of the blocks
//! the preconditioner is D⁻¹ + Z H_B⁻¹ Zᵀ, the additive two-level method of domain decomposition (Nicolaides 1987).

use super::model::{Blocks, TruncatedModel};
use crate::ot::sinkhorn::cholesky::Cholesky;

pub(super) struct Preconditioner<'b> {
    diagonal: Vec<f64>,
    blocks: &'b Blocks,
    coarse: Option<Cholesky>,
    /// b of each block, as shares.
    masses: Vec<f64>,
}

impl<'b> Preconditioner<'b> {
    /// For weights a, b, t = M w, q = w Mᵀ(a/t) and curvature a/t².
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        model: &TruncatedModel<'b>,
        a: &[f64],
        b: &[f64],
        t: &[f64],
        weights: &[f64],
        q: &[f64],
        curvature: &[f64],
        ridge: f64,
    ) -> Self {
        let squares = model.weighted_squares(curvature);
        let diagonal = (0..q.len())
            .map(|j| {
                let exact = q[j] - weights[j] * weights[j] * squares[j];
                exact.max(1e-6 * q[j]) + ridge * b[j]
            })
            .collect();
        let [row_blocks, blocks] = model.blocks();
        let (rows, count) = (row_blocks.count(), blocks.count());
        let rho: Vec<f64> = a.iter().zip(t).map(|(a, t)| if *t > 0.0 { a / t } else { 0.0 }).collect();
        let sums = model.block_sums(&rho, weights);
        let (mut row_masses, mut column_masses) = (vec![0.0; rows], vec![0.0; count]);
        row_blocks.sums(a.iter().copied(), &mut row_masses);
        blocks.sums(b.iter().copied(), &mut column_masses);
        let mut coarse = vec![0.0; count * count];
        for (sums, mass) in sums.chunks_exact(count).zip(&row_masses) {
            for (j, &sum) in sums.iter().enumerate() {
                coarse[j * count + j] += sum;
                if sum > 0.0 {
                    let factor = sum / mass;
                    for (entry, other) in coarse[j * count..][..=j].iter_mut().zip(sums) {
                        *entry -= factor * other;
                    }
                }
            }
        }
        for (j, mass) in column_masses.iter().enumerate() {
            coarse[j * count + j] += ridge.max(1e-9) * mass;
        }
        let total: f64 = column_masses.iter().sum();
        column_masses.iter_mut().for_each(|mass| *mass /= total);
        Self { diagonal, blocks, coarse: Cholesky::new(coarse, count), masses: column_masses }
    }

    /// z from r.
    pub fn apply(&self, r: &[f64], z: &mut [f64]) {
        for (z, (r, d)) in z.iter_mut().zip(r.iter().zip(&self.diagonal)) {
            *z = r / d;
        }
        if let Some(coarse) = &self.coarse {
            let mut sums = vec![0.0; self.blocks.count()];
            self.blocks.sums(r.iter().copied(), &mut sums);
            // Constants change nothing: they are taken out before and after, so that rounding is not blown up.
            let total: f64 = sums.iter().sum();
            sums.iter_mut().zip(&self.masses).for_each(|(sum, mass)| *sum -= total * mass);
            coarse.solve(&mut sums);
            let mean: f64 = sums.iter().zip(&self.masses).map(|(sum, mass)| sum * mass).sum();
            sums.iter_mut().for_each(|sum| *sum -= mean);
            for (j, z) in z.iter_mut().enumerate() {
                *z += sums[self.blocks.of(j)];
            }
        }
    }
}
