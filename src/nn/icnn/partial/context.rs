//! A linear layer on the context u, with an activation: a gate, or the next context. `v = h(u Cᵀ + c)`.

use crate::Scalar;
use crate::matrix::{MatrixView, MatrixViewMut, Operation, gemm};
use crate::nn::Activation;
use crate::nn::activation::passes::{self, Kept};
use crate::nn::icnn::first_order::product_into;
use crate::nn::icnn::workspace::resized;
use crate::nn::linear::product::{self, view};
use std::ops::Range;

/// Its place among the parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ContextLayer {
    pub out: usize,
    /// (out, context)
    pub weight: Range<usize>,
    /// (out)
    pub bias: Range<usize>,
    pub activation: Activation,
}

/// What its passes leave.
#[derive(Debug, Clone, Default)]
pub(super) struct ContextMemory<T> {
    /// `v`, (batch, out).
    pub value: Vec<T>,
    /// `h'`, (batch, out).
    pub slopes: Vec<T>,
    /// The gradient in v, (batch, out).
    pub gradient: Vec<T>,
}

impl ContextLayer {
    /// `v = h(u Cᵀ + c)`. u: (batch, context).
    pub fn forward<T: Scalar>(&self, parameters: &[T], u: MatrixView<'_, T>, memory: &mut ContextMemory<T>) {
        let count = u.rows() * self.out;
        let value = resized(&mut memory.value, count);
        product_into(u, &parameters[self.weight.clone()], value, [self.out; 2]);
        let bias = Some(&parameters[self.bias.clone()]);
        let slopes = resized(&mut memory.slopes, count);
        passes::forward(self.activation, bias, value, self.out, slopes, Kept::Slope);
    }

    /// From the gradient in v, which it overwrites, adds that in the parameters and that in u. u and du: (batch, context).
    pub fn backward<T: Scalar>(
        &self,
        parameters: &[T],
        u: MatrixView<'_, T>,
        memory: &mut ContextMemory<T>,
        partial: &mut Vec<T>,
        gradient: &mut [T],
        du: MatrixViewMut<'_, T>,
    ) {
        let dv = &mut memory.gradient[..u.rows() * self.out];
        let partial = resized(partial, passes::partial_sums(u.rows(), self.out));
        let slopes = Some((&memory.slopes[..], self.out));
        passes::backward(dv, self.out, slopes, Some(&mut gradient[self.bias.clone()]), partial);
        let dv = view(dv, self.out);
        product::backward_weight(dv, u, &mut gradient[self.weight.clone()]);
        let weight = view(&parameters[self.weight.clone()], u.columns());
        gemm(T::ONE, dv, Operation::Plain, weight, Operation::Plain, T::ONE, du).expect("checked shapes");
    }
}
