//! Products entry by entry, between columns of longer rows.

use crate::Scalar;
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::simd::dispatch;
use crate::simd::lanes::Simd;

dispatch! {
    /// `target = a ∘ b`, all of one shape.
    pub(super) fn multiply<T: Scalar>(a: MatrixView<'_, T>, b: MatrixView<'_, T>, target: MatrixViewMut<'_, T>) = multiply_kernel
}

// The compiler makes vector code of these loops, with the instructions of the level at hand.
#[inline(always)]
fn multiply_kernel<S: Simd, T: Scalar>(
    a: MatrixView<'_, T>,
    b: MatrixView<'_, T>,
    mut target: MatrixViewMut<'_, T>,
) {
    for row in 0..target.rows() {
        let (a, b, target) = (a.row(row), b.row(row), target.row_mut(row));
        let (a, b) = (&a[..target.len()], &b[..target.len()]);
        for column in 0..target.len() {
            target[column] = a[column] * b[column];
        }
    }
}

dispatch! {
    /// `target += a ∘ b`, all of one shape.
    pub(super) fn multiply_add<T: Scalar>(a: MatrixView<'_, T>, b: MatrixView<'_, T>, target: MatrixViewMut<'_, T>)
        = multiply_add_kernel
}

#[inline(always)]
fn multiply_add_kernel<S: Simd, T: Scalar>(
    a: MatrixView<'_, T>,
    b: MatrixView<'_, T>,
    mut target: MatrixViewMut<'_, T>,
) {
    for row in 0..target.rows() {
        let (a, b, target) = (a.row(row), b.row(row), target.row_mut(row));
        let (a, b) = (&a[..target.len()], &b[..target.len()]);
        for column in 0..target.len() {
            target[column] += a[column] * b[column];
        }
    }
}

/// Columns `first..first + columns` of rows of `stride` numbers.
pub(super) fn part<T: Scalar>(
    rows: &[T],
    batch: usize,
    columns: usize,
    [first, stride]: [usize; 2],
) -> MatrixView<'_, T> {
    MatrixView::new(&rows[first..], batch, columns, stride).expect("whole rows")
}

/// The same, to write.
pub(super) fn part_mut<T: Scalar>(
    rows: &mut [T],
    batch: usize,
    columns: usize,
    [first, stride]: [usize; 2],
) -> MatrixViewMut<'_, T> {
    MatrixViewMut::new(&mut rows[first..], batch, columns, stride).expect("whole rows")
}
