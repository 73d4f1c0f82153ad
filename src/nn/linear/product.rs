//! The product of a linear layer and its three backward products, on slices that the caller keeps.
//!
//! Letters: `batch` rows, `inp` inputs, `out` outputs. Cost: 2 batch inp out flops for each of the three products.

use crate::Scalar;
use crate::matrix::{GRANULE, MatrixView, MatrixViewMut, Operation, Then, gemm, gemm_then};
use crate::nn::Activation;
use crate::nn::activation::passes::{self, Kept};

/// A slice as a matrix of so many columns.
pub(crate) fn view<T: Scalar>(slice: &[T], columns: usize) -> MatrixView<'_, T> {
    MatrixView::from_slice(slice, slice.len() / columns, columns).expect("whole rows")
}

/// A slice as a matrix of so many columns, to write.
pub(crate) fn view_mut<T: Scalar>(slice: &mut [T], columns: usize) -> MatrixViewMut<'_, T> {
    let rows = slice.len() / columns;
    MatrixViewMut::from_slice(slice, rows, columns).expect("whole rows")
}

/// `z = x Wᵀ`. x: (batch, inp), weight: (out, inp), z: (batch, out).
pub(crate) fn forward<T: Scalar>(x: MatrixView<'_, T>, weight: &[T], z: &mut [T], out: usize) {
    let weight = view(weight, x.columns());
    gemm(T::ONE, x, Operation::Plain, weight, Operation::Transpose, T::ZERO, view_mut(z, out))
        .expect("checked shapes");
}

/// `y = f(x Wᵀ + b)`, with what is kept of the derivatives of f. x: (batch, inp), weight: (out, inp), y: (batch, out), derivatives:
/// (batch, kept out).
pub(crate) fn forward_activated<T: Scalar>(
    x: MatrixView<'_, T>,
    (weight, bias): (&[T], Option<&[T]>),
    activation: Activation,
    (y, out): (&mut [T], usize),
    (derivatives, kept): (&mut [T], Kept),
) {
    if activation == Activation::Identity && bias.is_none() && kept == Kept::Nothing {
        return forward(x, weight, y, out);
    }
    let weight = view(weight, x.columns());
    let then = Then {
        function: &|_, rows, derivatives| {
            passes::forward_rows(activation, bias, rows, out, derivatives, kept);
        },
        beside: derivatives,
        beside_granule: GRANULE * out * kept.count(),
    };
    gemm_then((x, Operation::Plain), (weight, Operation::Transpose), view_mut(y, out), then)
        .expect("checked shapes");
}

/// `dW += dzᵀ x`. dz: (batch, out), x: (batch, inp), dweight: (out, inp).
pub(crate) fn backward_weight<T: Scalar>(dz: MatrixView<'_, T>, x: MatrixView<'_, T>, dweight: &mut [T]) {
    let dweight = view_mut(dweight, x.columns());
    gemm(T::ONE, dz, Operation::Transpose, x, Operation::Plain, T::ONE, dweight).expect("checked shapes");
}

/// `dx = dz W`. dz: (batch, out), weight: (out, inp), dx: (batch, inp).
pub(crate) fn backward_input<T: Scalar>(dz: MatrixView<'_, T>, weight: &[T], dx: &mut [T], inp: usize) {
    let weight = view(weight, inp);
    gemm(T::ONE, dz, Operation::Plain, weight, Operation::Plain, T::ZERO, view_mut(dx, inp))
        .expect("checked shapes");
}

/// [`backward_input`], and what then becomes of the rows of dx.
pub(crate) fn backward_input_then<T: Scalar>(
    dz: MatrixView<'_, T>,
    weight: &[T],
    dx: &mut [T],
    inp: usize,
    then: Then<'_, T>,
) {
    let weight = view(weight, inp);
    gemm_then((dz, Operation::Plain), (weight, Operation::Plain), view_mut(dx, inp), then)
        .expect("checked shapes");
}
