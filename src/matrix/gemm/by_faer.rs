//! Products by faer, which picks its instructions at run time and has kernels for small and narrow products: all but the large products of
//! processors with AVX2.
//!
//! C is cut into panels that depend on the shape alone, each multiplied by one thread, so that the result has the
//! same bits for any number of threads. (faer's own threads divide k among them in products with a vector.)

use super::{Operation, Product};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::Scratch;
use crate::{Scalar, parallel};
use faer::linalg::matmul::matmul as faer_matmul;
use faer::traits::{ComplexField, Conjugate};
use faer::{Accum, MatMut, MatRef, Par};

/// Rows of A that are transposed at a time.
const TRANSPOSED_ROWS: usize = 512;

/// Memory up to this size is kept by the thread for the next products.
const KEPT_BYTES: usize = 8 << 20;

/// `C = alpha Aᵀ op(B)`, or `+=`. faer reads a transposed A entry by entry, one in each cache line, which halves its rate. So blocks of
/// rows of A are transposed, each a small part of the work and small enough for the cache; their products add up in order.
pub(super) fn multiply_transposed<T: Scalar>(
    alpha: T,
    a: MatrixView<'_, T>,
    (b, operation_b): (MatrixView<'_, T>, Operation),
    accumulate: bool,
    c: MatrixViewMut<'_, T>,
) {
    let needed = a.columns() * a.rows().min(TRANSPOSED_ROWS);
    let run = |scratch: &mut Vec<T>| {
        if scratch.len() < needed {
            scratch.resize(needed, T::ZERO);
        }
        multiply_blocks(alpha, a, (b, operation_b), accumulate, c, scratch);
    };
    if needed * size_of::<T>() <= KEPT_BYTES {
        T::with_scratch(Scratch::Block, run)
    } else {
        run(&mut Vec::new())
    }
}

/// [`multiply_transposed`] with memory for a block.
fn multiply_blocks<T: Scalar>(
    alpha: T,
    a: MatrixView<'_, T>,
    (b, operation_b): (MatrixView<'_, T>, Operation),
    accumulate: bool,
    mut c: MatrixViewMut<'_, T>,
    scratch: &mut [T],
) {
    let (k, m) = a.shape();
    for first in (0..k).step_by(TRANSPOSED_ROWS) {
        let rows = first..(first + TRANSPOSED_ROWS).min(k);
        let height = rows.len();
        let block = &mut scratch[..m * height];
        let target = MatrixViewMut::from_slice(block, m, height).expect("as many entries");
        a.rows_range(rows.clone()).transpose_into(target).expect("the transposed shape");
        let b = match operation_b {
            Operation::Plain => b.rows_range(rows),
            Operation::Transpose => b.submatrix(0..b.rows(), rows),
        };
        T::multiply(Product {
            alpha,
            a: (MatrixView::from_slice(block, m, height).expect("as many entries"), Operation::Plain),
            b: (b, operation_b),
            accumulate: accumulate || first > 0,
            c: c.reborrow(),
        });
    }
}

/// Computes a product with faer. It is called through the element type, which knows that faer has it.
pub(crate) fn multiply<T: Scalar + ComplexField + Conjugate<Canonical = T>>(product: Product<'_, T>) {
    fn factor<'a, T: Scalar>((view, operation): (MatrixView<'a, T>, Operation)) -> MatRef<'a, T> {
        let matrix = MatRef::from_row_major_slice_with_stride(
            view.strided_data(),
            view.rows(),
            view.columns(),
            view.row_stride().max(view.columns()),
        );
        match operation {
            Operation::Plain => matrix,
            Operation::Transpose => matrix.transpose(),
        }
    }
    let Product { alpha, a, b, accumulate, mut c } = product;
    let (m, n) = c.shape();
    let stride = c.row_stride().max(n);
    // The transpose of a column-major matrix: faer 0.24.4's own constructor of strided row-major ones to write takes the
    // stride for that of the columns, and products then write outside.
    let c = MatMut::from_column_major_slice_with_stride_mut(c.strided_data(), n, m, stride).transpose_mut();
    let accumulate = if accumulate { Accum::Add } else { Accum::Replace };
    panels(alpha, factor(a), factor(b), accumulate, c);
}

/// Multiply-adds below which a panel is not cut: about 50 microseconds of one core.
const SMALL_PANEL: usize = 1 << 22;

/// Bytes of a row of a panel: a whole number of faer's register tiles. faer packs the panel's part of B, 512 rows at a time:
/// 393 kB, which stays in the second-level cache.
const PANEL_ROW: usize = 768;

/// Rows of a panel. Each block of rows packs the panel's part of B again: with 512 rows that cost 5 to 9%.
const PANEL_ROWS: usize = 2048;

/// Cuts C in two, into whole panels, and goes on until they are small.
fn panels<T: Scalar + ComplexField + Conjugate<Canonical = T>>(
    alpha: T,
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    accumulate: Accum,
    c: MatMut<'_, T>,
) {
    // The middle of a length, on the border of two panels.
    let middle = |length: usize, panel: usize| length.div_ceil(panel) / 2 * panel;
    let (m, n, k) = (c.nrows(), c.ncols(), a.ncols());
    let width = PANEL_ROW / size_of::<T>();
    let large = m.saturating_mul(n).saturating_mul(k) > SMALL_PANEL;
    if large && n > width {
        let (b1, b2) = b.split_at_col(middle(n, width));
        let (c1, c2) = c.split_at_col_mut(middle(n, width));
        parallel::join(|| panels(alpha, a, b1, accumulate, c1), || panels(alpha, a, b2, accumulate, c2));
    } else if large && m > PANEL_ROWS {
        let (a1, a2) = a.split_at_row(middle(m, PANEL_ROWS));
        let (c1, c2) = c.split_at_row_mut(middle(m, PANEL_ROWS));
        parallel::join(|| panels(alpha, a1, b, accumulate, c1), || panels(alpha, a2, b, accumulate, c2));
    } else {
        faer_matmul(c, accumulate, a, b, alpha, Par::Seq);
    }
}
