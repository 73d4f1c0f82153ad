//! The derivative of the transport cost <C, P> at the fixed point, by the implicit function theorem.
//!
//! With G = C - u - v, which differs from C by numbers for rows and columns only, and λ, μ from the linear system of
//! [`LinearSolve`](crate::ot::sinkhorn::gradient::LinearSolve) for s = (P∘G) 1 and t = (P∘G)ᵀ 1:
//!
//! ```text
//! dL/dCᵢⱼ = Pᵢⱼ (1 + (λᵢ + μⱼ - Gᵢⱼ)/ε)
//! ```
//!
//! The system is solved in double precision, by conjugate gradients on the Schur complement; this road allocates.

use super::SinkhornLoss;
use crate::Scalar;
use crate::matrix::Matrix;
use crate::ot::sinkhorn::gradient::{self, solve_dense};

impl<T: Scalar> SinkhornLoss<T> {
    /// dL/dC at the fixed point, into `dcosts`.
    pub(super) fn differentiate_implicitly(&mut self) {
        let epsilon = self.options.epsilon;
        let (n, m) = (self.iterations.n, self.iterations.m);
        let (u, v) = (std::mem::take(&mut self.u), std::mem::take(&mut self.v));
        self.weigh(|i| -u[i], |j| -v[j], 1.0);
        let wide = |values: &[T]| -> Vec<f64> { values.iter().map(|x| x.to_f64()).collect() };
        let (s, t) = (wide(&self.tangents.du[..n]), wide(&self.tangents.dv[..m]));
        let plan = self.plan();
        let plan = Matrix::from_fn(n, m, |i, j| plan.row(i)[j].to_f64());
        // What single precision knows of the right-hand side.
        let tolerance = f64::max(1e-12, T::EPSILON.to_f64() / 16.0);
        let options = gradient::Options::default().with_tolerance(tolerance);
        let [lambda, mu] = solve_dense(plan, &s, &t, &options);
        self.weigh(|i| -(u[i] + lambda[i]) / epsilon, |j| -(v[j] + mu[j]) / epsilon, 1.0 / epsilon);
        (self.u, self.v) = (u, v);
    }
}
