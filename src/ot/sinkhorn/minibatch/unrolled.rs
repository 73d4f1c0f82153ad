//! The way back through all iterations.
//!
//! With cotangents ū and v̄ of the last potentials, and P(k, l) = exp((u_k + v_l - C)/ε), iteration k gives back
//!
//! ```text
//! ū -= P(k, k) v̄/ν            dC += P(k, k) diag(v̄/ν)
//! v̄  = -P(k, k-1)ᵀ ū/μ        dC += diag(ū/μ) P(k, k-1)        ū = 0
//! ```
//!
//! In the scaling domain P(k, l) = diag(a_k) K diag(b_l): the two products are the products of an iteration, and all
//! terms of dC of a segment are K times, entry by entry, one matrix product with two columns for each iteration:
//!
//! ```text
//! dC += K ∘ Σ_k (a_k (b_k v̄_k/ν)ᵀ + (a_k ū_k/μ) b_(k-1)ᵀ)
//! ```
//!
//! # What a loss begins with
//! ū = Σⱼ P H and v̄ = Σᵢ P H for H = ∂L/∂P over ε, dC = P (1 - H). The last half-step makes the columns of P right
//! whatever came before, so a function of the column alone may be added to H, and changes nothing. That takes out the
//! large parts, which would cancel: H is 0 for the dual value (whose ū = μ - P 1 and v̄ = ν - Pᵀ 1 vanish at
//! convergence), (uᵢ - c)/ε for the entropic primal value, and (Cᵢⱼ - vⱼ - c)/ε for the transport cost, with c its
//! mean.

use super::iterations::grow;
use super::kernels::{self, Cotangents};
use super::{Loss, SinkhornLoss};
use crate::Scalar;
use crate::matrix::{MatrixView, MatrixViewMut, Operation, gemm};

/// What the way back is computed in.
#[derive(Debug, Clone, Default)]
pub(super) struct Tangents<T> {
    /// ū: (n).
    pub du: Vec<T>,
    /// v̄: (stride).
    pub dv: Vec<T>,
    /// (n)
    pub w: Vec<T>,
    /// (stride)
    pub z: Vec<T>,
    /// Column sums: (stride).
    columns: Vec<T>,
    /// The first factor of the product, two columns for each iteration: (n, 2 K).
    left: Vec<T>,
    /// The second, two rows for each: (2 K, stride).
    right: Vec<T>,
    /// Their product: (n, stride).
    product: Vec<T>,
}

impl<T: Scalar> SinkhornLoss<T> {
    /// dL/dC through all iterations, into `dcosts`.
    pub(super) fn unroll(&mut self) {
        let epsilon = self.options.epsilon;
        let mean = |weights: &[T], values: &[f64]| -> f64 {
            weights.iter().zip(values).map(|(w, x)| w.to_f64() * x).sum()
        };
        let (u, v) = (std::mem::take(&mut self.u), std::mem::take(&mut self.v));
        let level = mean(&self.row_sums, &u);
        match self.options.loss {
            Loss::Dual => {
                self.weigh(|_| 0.0, |_| 0.0, 0.0);
                let (n, m) = (self.iterations.n, self.iterations.m);
                let (mu, nu) = (self.iterations.weight(n), self.iterations.weight(m));
                let Tangents { du, dv, .. } = &mut self.tangents;
                du.iter_mut().zip(&self.row_sums[..n]).for_each(|(du, &r)| *du = mu - r);
                dv.iter_mut().zip(&self.column_sums[..m]).for_each(|(dv, &q)| *dv = nu - q);
            }
            Loss::EntropicPrimal => self.weigh(|i| (u[i] - level) / epsilon, |_| 0.0, 0.0),
            Loss::TransportCost => {
                self.weigh(|_| -level / epsilon, |j| -v[j] / epsilon, 1.0 / epsilon);
            }
        }
        (self.u, self.v) = (u, v);
        self.unroll_segments();
    }

    fn unroll_segments(&mut self) {
        let run = &mut self.iterations;
        let (n, m, stride, range, slope) = (run.n, run.m, run.stride, run.range, run.slope);
        let (inverse_mu, inverse_nu) = (T::from_f64(n as f64), T::from_f64(m as f64));
        let rank = 2 * run.done;
        let Tangents { du, dv, w, z, columns, left, right, product } = &mut self.tangents;
        for (buffer, count) in [
            (&mut *columns, stride),
            (&mut *left, n * rank),
            (&mut *right, rank * stride),
            (&mut *product, n * stride),
        ] {
            grow(buffer, count);
        }
        let (du, dv, w, z) = (&mut du[..n], &mut dv[..stride], &mut w[..n], &mut z[..stride]);
        let columns = &mut columns[..stride];
        let dcosts = &mut self.dcosts[..n * stride];
        let mut last = run.done;
        for segment in (0..run.segments.len()).rev() {
            let first = run.segments[segment].first;
            if last < run.done {
                run.restore_kernel(segment);
            }
            let mut used = 0;
            for k in (first..=last).rev() {
                let (a, b) = (run.a(k), run.b(k));
                for j in 0..m {
                    z[j] = b[j] * dv[j] * inverse_nu;
                }
                z[m..].fill(T::ZERO);
                let pass = Cotangents { a, z, du, w, columns, unscale: range.unscale };
                kernels::cotangent_pass(&run.kernel[..n * stride], inverse_mu, pass);
                for (row, &a) in left.chunks_exact_mut(rank).zip(a) {
                    row[used] = a * range.unscale;
                }
                right[used * stride..][..stride].copy_from_slice(z);
                used += 1;
                if k == first {
                    break;
                }
                let b = run.b(k - 1);
                for (row, &w) in left.chunks_exact_mut(rank).zip(&*w) {
                    row[used] = w;
                }
                right[used * stride..][..stride].copy_from_slice(b);
                used += 1;
                for j in 0..m {
                    dv[j] = -(columns[j] * (b[j] * range.unscale));
                }
                du.fill(T::ZERO);
            }
            let kernel = &run.kernel[..n * stride];
            let left = MatrixView::from_parts(left, n, used, rank);
            let right = MatrixView::from_parts(&right[..used * stride], used, stride, stride);
            let target = MatrixViewMut::from_parts(&mut product[..n * stride], n, stride, stride);
            gemm(T::ONE, left, Operation::Plain, right, Operation::Plain, T::ZERO, target)
                .expect("shapes that fit");
            kernels::add_products(kernel, &product[..n * stride], dcosts);
            // The first iteration of the segment began with the potentials of another kernel.
            w.iter_mut().zip(&*du).for_each(|(w, &du)| *w = du * inverse_mu);
            let (f, _) = run.potentials(segment);
            let before = run.potentials_before(segment);
            kernels::add_exponentials(&run.costs[..n * stride], f, before, slope, w, dcosts, columns);
            dv.iter_mut().zip(&*columns).for_each(|(dv, &column)| *dv = -column);
            du.fill(T::ZERO);
            last = first - 1;
        }
    }
}
