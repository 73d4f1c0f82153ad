//! One layer given the other: the two conditionals, drawn or as means, for many chains at once.
//!
//! The hidden layer of a batch is kept as (hidden, chains): `W Vᵀ` needs no copy of a factor, a unit's bias is one number a row, and the
//! matrix is at once the left factor of the weights' gradient. Rows of W are cut into fixed blocks; a thread multiplies one and
//! sends it through the logistic function while it is in its cache. Draws need the other layout, (chains, hidden), for the product with W.

use super::kernels;
use super::model::{Rbm, VisibleUnits};
use crate::matrix::{Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::parallel;
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// Hidden units of one task.
const UNITS: usize = 128;
/// Numbers of one task of a pass without a product.
const ENTRIES: usize = 1 << 13;

/// Which distribution each chain samples: β of the way from independent visible units with bias `base` to the machine. The field on a
/// visible unit is `(1-β) base + β (a + Wᵀh)`, that on a hidden one `β (b + W v)`.
#[derive(Clone, Copy)]
pub(super) struct Path<'a, T> {
    /// (visible).
    pub base: &'a [T],
    /// β of each chain.
    pub scales: &'a [T],
}

impl<T: Scalar> Rbm<T> {
    /// `W v` for each chain, without the bias. messages: (chains, visible), out: (hidden, chains).
    pub(super) fn hidden_products(&self, messages: MatrixView<'_, T>, mut out: MatrixViewMut<'_, T>) {
        let weight = self.weight();
        out.for_each_row_chunk(UNITS, |first, mut part| {
            let weight = weight.rows_range(first..first + part.rows());
            product(weight, messages, Operation::Transpose, part.reborrow());
        });
    }

    /// P(h = 1 | v) at each chain's β. messages: (chains, visible), out: (hidden, chains).
    pub(super) fn hidden_means(
        &self,
        messages: MatrixView<'_, T>,
        scales: &[T],
        mut out: MatrixViewMut<'_, T>,
    ) {
        let weight = self.weight();
        out.for_each_row_chunk(UNITS, |first, mut part| {
            let rows = first..first + part.rows();
            product(weight.rows_range(rows.clone()), messages, Operation::Transpose, part.reborrow());
            kernels::activate_hidden(part, &self.hidden_bias()[rows], scales);
        });
    }

    /// The mean of each visible unit given the hidden ones. hidden: (chains, hidden), out: (chains, visible).
    pub(super) fn visible_means(
        &self,
        hidden: MatrixView<'_, T>,
        path: Path<'_, T>,
        mut out: MatrixViewMut<'_, T>,
    ) {
        product(hidden, self.weight(), Operation::Plain, out.reborrow());
        out.for_each_row_chunk(self.chains_in_task(), |first, part| {
            let scales = &path.scales[first..first + part.rows()];
            kernels::visible_means(part, self.visible_bias(), path.base, scales, self.is_gaussian());
        });
    }

    /// Draws each visible unit given the hidden ones. hidden: (chains, hidden), noise: chains * visible numbers, out: (chains, visible).
    pub(super) fn draw_visible(
        &self,
        hidden: MatrixView<'_, T>,
        path: Path<'_, T>,
        stream: &mut RandomStream,
        noise: &mut [T],
        mut out: MatrixViewMut<'_, T>,
    ) {
        product(hidden, self.weight(), Operation::Plain, out.reborrow());
        let noise = &mut noise[..out.rows() * self.visible()];
        match self.units() {
            VisibleUnits::Bernoulli => stream.fill_uniform(noise),
            VisibleUnits::Gaussian { .. } => stream.fill_normal(noise),
        }
        out.for_each_row_chunk(self.chains_in_task(), |first, part| {
            let scales = &path.scales[first..first + part.rows()];
            let noise = &noise[first * self.visible()..][..part.rows() * self.visible()];
            let bias = self.visible_bias();
            match self.units() {
                VisibleUnits::Bernoulli => kernels::draw_binary(part, bias, path.base, scales, noise),
                VisibleUnits::Gaussian { variances } => {
                    kernels::draw_gaussian(part, bias, path.base, scales, noise, variances);
                }
            }
        });
    }

    fn chains_in_task(&self) -> usize {
        (ENTRIES / self.visible()).max(1)
    }
}

/// Draws bits with the given means. means: (hidden, chains), noise: chains * hidden numbers, out: (chains, hidden).
pub(super) fn draw_hidden<T: Scalar>(
    means: MatrixView<'_, T>,
    stream: &mut RandomStream,
    noise: &mut [T],
    out: &mut Matrix<T>,
) {
    means.transpose_into(out.view_mut()).expect("the transposed shape");
    let noise = &mut noise[..out.as_slice().len()];
    stream.fill_uniform(noise);
    parallel::for_each_chunk_mut(out.as_mut_slice(), ENTRIES, |start, part| {
        kernels::draw(part, &noise[start..start + part.len()]);
    });
}

/// `out = left op(right)`.
fn product<T: Scalar>(
    left: MatrixView<'_, T>,
    right: MatrixView<'_, T>,
    operation: Operation,
    out: MatrixViewMut<'_, T>,
) {
    gemm(T::ONE, left, Operation::Plain, right, operation, T::ZERO, out).expect("layers that fit");
}
