//! Matrix products: `C = alpha op(A) op(B) + beta C`.
//!
//! The arithmetic is faer's, which picks its instructions at run time. Here are the strides, the shapes, the cases that it
//! leaves out, and the threads: C is cut into panels that depend on the shape alone, each multiplied by one thread, so
//! that the result has the same bits for any number of threads. (faer's own threads divide k among them in products with
//! a vector.) Letters: op(A) is (m, k), op(B) is (k, n), C is (m, n). Cost: 2 m n k flops.
//!
//! Accuracy: each entry is a sum of k products, `|error| <= k EPS |op(A)| |op(B)|` entry by entry, for any order of summation.

mod packed;
mod packing;
mod then;
mod tiles;

pub(crate) use then::{GRANULE, Then};

use super::view_mut::check_shape;
use super::{Matrix, MatrixView, MatrixViewMut};
use crate::error::{Error, Result};
use crate::{Scalar, parallel};
use faer::linalg::matmul::matmul as faer_matmul;
use faer::traits::{ComplexField, Conjugate};
use faer::{Accum, MatMut, MatRef, Par};

/// Which way round a factor of a product is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operation {
    /// As it is.
    #[default]
    Plain,
    /// Transposed.
    Transpose,
}

impl Operation {
    /// Rows and columns of `op(matrix)`.
    fn shape<T: Scalar>(self, matrix: MatrixView<'_, T>) -> (usize, usize) {
        match self {
            Operation::Plain => matrix.shape(),
            Operation::Transpose => (matrix.columns(), matrix.rows()),
        }
    }
}

/// `C = alpha op(A) op(B) + beta C`, in place.
///
/// As in BLAS, `beta = 0` overwrites C without reading it, NaN included, and `alpha = 0` does not read A and B. A transposed A
/// is copied in blocks of at most 512 m numbers, unless the product is small.
///
/// # Errors
/// [`Error::Shape`] if op(A) (m, k), op(B) (k, n) and C (m, n) do not fit together.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::matrix::{Operation, gemm};
/// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
/// let b = Matrix::from_rows([[1.0, 0.0], [1.0, 1.0]]);
/// let mut c = Matrix::filled(2, 2, 10.0);
/// gemm(1.0, &a, Operation::Transpose, &b, Operation::Plain, 0.5, &mut c)?;
/// assert_eq!(c, Matrix::from_rows([[9.0, 8.0], [11.0, 9.0]]));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn gemm<'a, T: Scalar>(
    alpha: T,
    a: impl Into<MatrixView<'a, T>>,
    operation_a: Operation,
    b: impl Into<MatrixView<'a, T>>,
    operation_b: Operation,
    beta: T,
    c: impl Into<MatrixViewMut<'a, T>>,
) -> Result<()> {
    gemm_with(alpha, (a.into(), operation_a), (b.into(), operation_b), beta, c.into(), &mut Vec::new())
}

/// [`gemm`] with memory for the blocks of a transposed A, which is allocated where it is too small: for steps that allocate nothing.
pub(crate) fn gemm_with<T: Scalar>(
    alpha: T,
    (a, operation_a): (MatrixView<'_, T>, Operation),
    (b, operation_b): (MatrixView<'_, T>, Operation),
    beta: T,
    mut c: MatrixViewMut<'_, T>,
    scratch: &mut Vec<T>,
) -> Result<()> {
    let (m, k) = operation_a.shape(a);
    let (rows_b, n) = operation_b.shape(b);
    if rows_b != k {
        return Err(Error::Shape {
            operation: "gemm",
            what: "number of rows of the second factor",
            expected: k,
            got: rows_b,
        });
    }
    check_shape("gemm", (m, n), c.shape())?;
    if m == 0 || n == 0 {
        return Ok(());
    }
    let no_product = k == 0 || alpha == T::ZERO;
    if beta == T::ZERO {
        if no_product {
            c.fill(T::ZERO);
        }
    } else if beta != T::ONE {
        scale(beta, c.reborrow());
    }
    if no_product {
        return Ok(());
    }
    if packed::suits(m, n, k) {
        packed::multiply(Product {
            alpha,
            a: (a, operation_a),
            b: (b, operation_b),
            accumulate: beta != T::ZERO,
            c,
        });
    } else if operation_a == Operation::Transpose && m >= 16 && n >= 64 && k >= 16 {
        multiply_transposed(alpha, a, (b, operation_b), beta != T::ZERO, c, scratch);
    } else {
        T::multiply(Product {
            alpha,
            a: (a, operation_a),
            b: (b, operation_b),
            accumulate: beta != T::ZERO,
            c,
        });
    }
    Ok(())
}

/// `C = op(A) op(B)`, and what then becomes of the rows of C, which lie close.
pub(crate) fn gemm_then<T: Scalar>(
    a: (MatrixView<'_, T>, Operation),
    b: (MatrixView<'_, T>, Operation),
    mut c: MatrixViewMut<'_, T>,
    then: Then<'_, T>,
) -> Result<()> {
    let (m, k) = a.1.shape(a.0);
    if packed::suits(m, c.columns(), k) && b.1.shape(b.0) == (k, c.columns()) && c.rows() == m {
        packed::multiply_then(Product { alpha: T::ONE, a, b, accumulate: false, c }, Some(then));
        return Ok(());
    }
    gemm_with(T::ONE, a, b, T::ZERO, c.reborrow(), &mut Vec::new())?;
    then.run(c);
    Ok(())
}

/// Rows of A that are transposed at a time.
const TRANSPOSED_ROWS: usize = 512;

/// `C = alpha Aᵀ op(B)`, or `+=`. faer reads a transposed A entry by entry, one in each cache line, which halves its rate. So blocks of
/// rows of A are transposed, each a small part of the work and small enough for the cache; their products add up in order.
fn multiply_transposed<T: Scalar>(
    alpha: T,
    a: MatrixView<'_, T>,
    (b, operation_b): (MatrixView<'_, T>, Operation),
    accumulate: bool,
    mut c: MatrixViewMut<'_, T>,
    scratch: &mut Vec<T>,
) {
    let (k, m) = a.shape();
    let needed = m * k.min(TRANSPOSED_ROWS);
    if scratch.len() < needed {
        scratch.resize(needed, T::ZERO);
    }
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

/// The product `A B`.
///
/// # Errors
/// [`Error::Shape`] if A does not have as many columns as B has rows.
///
/// # Panics
/// If the entries of the product do not fit into the memory.
///
/// # Examples
/// ```
/// use brenier::{Matrix, matrix::matmul};
/// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
/// let x = Matrix::from_rows([[1.0], [10.0]]);
/// assert_eq!(matmul(&a, &x)?, Matrix::from_rows([[21.0], [43.0]]));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn matmul<'a, T: Scalar>(
    a: impl Into<MatrixView<'a, T>>,
    b: impl Into<MatrixView<'a, T>>,
) -> Result<Matrix<T>> {
    let (a, b) = (a.into(), b.into());
    let mut c = Matrix::zeros(a.rows(), b.columns());
    gemm(T::ONE, a, Operation::Plain, b, Operation::Plain, T::ZERO, c.view_mut())?;
    Ok(c)
}

/// `C = beta C`.
fn scale<T: Scalar>(beta: T, mut c: MatrixViewMut<'_, T>) {
    const ENTRIES_IN_TASK: usize = 1 << 16;
    let rows = (ENTRIES_IN_TASK / c.columns().max(1)).max(1);
    c.for_each_row_chunk(rows, |_, mut part| {
        for row in 0..part.rows() {
            for value in part.row_mut(row) {
                *value *= beta;
            }
        }
    });
}

/// `C = alpha op(A) op(B)`, or `+=`, with shapes that fit and no empty side.
pub struct Product<'a, T> {
    alpha: T,
    a: (MatrixView<'a, T>, Operation),
    b: (MatrixView<'a, T>, Operation),
    accumulate: bool,
    c: MatrixViewMut<'a, T>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The plain triple loop in f64, with the sum of absolute products, to which errors are relative.
    fn oracle<T: Scalar>(
        a: MatrixView<'_, T>,
        operation_a: Operation,
        b: MatrixView<'_, T>,
        operation_b: Operation,
        row: usize,
        column: usize,
    ) -> (f64, f64) {
        let k = operation_a.shape(a).1;
        let (mut sum, mut size) = (0.0, 0.0);
        for l in 0..k {
            let x = match operation_a {
                Operation::Plain => a[(row, l)],
                Operation::Transpose => a[(l, row)],
            };
            let y = match operation_b {
                Operation::Plain => b[(l, column)],
                Operation::Transpose => b[(column, l)],
            };
            sum += x.to_f64() * y.to_f64();
            size += (x.to_f64() * y.to_f64()).abs();
        }
        (sum, size)
    }

    fn random<T: Scalar>(rows: usize, columns: usize, seed: u64) -> Matrix<T> {
        let mut state = seed;
        Matrix::from_fn(rows, columns, |_, _| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            T::from_f64((state >> 40) as f64 / 8388608.0 - 1.0)
        })
    }

    /// One product of views inside larger matrices against the oracle; what lies outside C must stay.
    fn check<T: Scalar>(
        shape: (usize, usize, usize),
        operations: [Operation; 2],
        factors: [f64; 2],
        padding: usize,
    ) {
        check_way::<T>(shape, operations, factors, padding, |alpha, a, b, beta, c| {
            gemm(alpha, a.0, a.1, b.0, b.1, beta, c).unwrap();
        });
    }

    type Factor<'a, T> = (MatrixView<'a, T>, Operation);

    /// [`check`] for one way to multiply, which gets alpha, op(A), op(B), beta and C.
    fn check_way<T: Scalar>(
        (m, n, k): (usize, usize, usize),
        operations: [Operation; 2],
        [alpha, beta]: [f64; 2],
        padding: usize,
        multiply: impl Fn(T, Factor<'_, T>, Factor<'_, T>, T, MatrixViewMut<'_, T>),
    ) {
        let stored = |operation, (rows, columns)| match operation {
            Operation::Plain => (rows, columns),
            Operation::Transpose => (columns, rows),
        };
        let (rows_a, columns_a) = stored(operations[0], (m, k));
        let (rows_b, columns_b) = stored(operations[1], (k, n));
        let a = random::<T>(rows_a, columns_a + padding, 1);
        let b = random::<T>(rows_b, columns_b + padding, 2);
        let old = random::<T>(m + 1, n + padding, 3);
        let mut c = old.clone();
        let inside = |row: usize, column: usize| row < m && (padding / 2..padding / 2 + n).contains(&column);
        if beta == 0.0 {
            for row in 0..m {
                c.row_mut(row)[padding / 2..][..n].fill(T::NAN);
            }
        }
        let (a, b) =
            (a.submatrix(0..rows_a, padding..padding + columns_a), b.submatrix(0..rows_b, 0..columns_b));
        multiply(
            T::from_f64(alpha),
            (a, operations[0]),
            (b, operations[1]),
            T::from_f64(beta),
            c.view_mut().submatrix(0..m, padding / 2..padding / 2 + n),
        );
        for row in 0..m + 1 {
            for column in 0..n + padding {
                if inside(row, column) {
                    let (sum, size) = oracle(a, operations[0], b, operations[1], row, column - padding / 2);
                    let old = old[(row, column)].to_f64();
                    let expected = alpha * sum + beta * old;
                    // k products and sums, alpha, beta and the last sum: one rounding each.
                    let bound =
                        (k + 3) as f64 * T::EPSILON.to_f64() * (alpha.abs() * size + beta.abs() * old.abs());
                    let error = (c[(row, column)].to_f64() - expected).abs();
                    assert!(
                        error <= bound,
                        "{} {m}x{n}x{k} {operations:?} alpha {alpha} beta {beta} [{row}, {column}]: {error:e} > {bound:e}",
                        T::NAME
                    );
                } else {
                    assert_eq!(c[(row, column)], old[(row, column)]);
                }
            }
        }
    }

    const OPERATIONS: [Operation; 2] = [Operation::Plain, Operation::Transpose];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn products_agree_with_the_triple_loop(
            shape in (0_usize..40, 0_usize..40, 0_usize..40),
            choice in 0_usize..4,
            alpha in prop_oneof![Just(1.0), Just(0.0), Just(-2.5)],
            beta in prop_oneof![Just(0.0), Just(1.0), Just(0.75)],
            padding in 0_usize..5,
        ) {
            let operations = [OPERATIONS[choice / 2], OPERATIONS[choice % 2]];
            check::<f32>(shape, operations, [alpha, beta], padding);
            check::<f64>(shape, operations, [alpha, beta], padding);
        }
    }

    /// The packed way alone, which small products do not take, and shapes that leave parts of tiles and of blocks.
    fn check_packed<T: Scalar>(
        shape: (usize, usize, usize),
        operations: [Operation; 2],
        [alpha, beta]: [f64; 2],
        padding: usize,
    ) {
        check_way::<T>(shape, operations, [alpha, beta], padding, |alpha, a, b, beta, c| {
            packed::multiply(Product { alpha, a, b, accumulate: beta == T::ONE, c });
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn packed_products_agree_with_the_triple_loop(
            shape in (1_usize..170, 1_usize..50, prop_oneof![1_usize..40, 500_usize..530, 4090_usize..4100]),
            choice in 0_usize..4,
            alpha in prop_oneof![Just(1.0), Just(-2.5)],
            beta in prop_oneof![Just(0.0), Just(1.0)],
            padding in 0_usize..5,
        ) {
            let operations = [OPERATIONS[choice / 2], OPERATIONS[choice % 2]];
            check_packed::<f32>(shape, operations, [alpha, beta], padding);
            check_packed::<f64>(shape, operations, [alpha, beta], padding);
        }
    }

    #[test]
    fn large_products_agree_with_the_triple_loop() {
        for shape in [
            (1, 600, 300),
            (600, 1, 300),
            (300, 200, 1),
            (530, 250, 70),
            (1100, 20, 600),
            (5, 5, 3000),
            (520, 128, 1100),
        ] {
            for a in OPERATIONS {
                for b in OPERATIONS {
                    check::<f32>(shape, [a, b], [1.0, 0.0], 3);
                    check::<f64>(shape, [a, b], [-1.0, 1.0], 0);
                }
            }
        }
    }

    #[cfg(feature = "parallel")]
    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        fn product<T: Scalar>((m, n, k): (usize, usize, usize), operations: [Operation; 2]) -> Matrix<T> {
            let (a, b) = (random::<T>(m, k, 1), random::<T>(k, n, 2));
            let transpose = |matrix: Matrix<T>, operation| match operation {
                Operation::Plain => matrix,
                Operation::Transpose => matrix.transposed(),
            };
            let (a, b) = (transpose(a, operations[0]), transpose(b, operations[1]));
            let mut c = random::<T>(m, n, 3);
            gemm(T::from_f64(1.5), &a, operations[0], &b, operations[1], T::from_f64(0.5), &mut c).unwrap();
            c
        }
        let shapes = [
            (1, 3000, 1500),
            (3000, 1, 1500),
            (2000, 1100, 2),
            (700, 500, 130),
            (129, 1000, 600),
            (513, 130, 600),
            (9, 7, 9),
        ];
        for shape in shapes {
            for operations in [
                [OPERATIONS[0], OPERATIONS[0]],
                [OPERATIONS[1], OPERATIONS[0]],
                [OPERATIONS[0], OPERATIONS[1]],
            ] {
                let with = |threads| {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    pool.install(|| (product::<f32>(shape, operations), product::<f64>(shape, operations)))
                };
                let expected = with(1);
                for threads in [2, 3, 5] {
                    assert!(with(threads) == expected, "{shape:?} {operations:?} with {threads} threads");
                }
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let matrix = |rows, columns| Matrix::<f64>::zeros(rows, columns);
        assert!(matches!(
            matmul(&matrix(2, 3), &matrix(4, 5)),
            Err(Error::Shape { operation: "gemm", expected: 3, got: 4, .. })
        ));
        let mut c = matrix(2, 2);
        let refused =
            gemm(1.0, &matrix(2, 3), Operation::Plain, &matrix(5, 3), Operation::Transpose, 0.0, &mut c);
        assert!(matches!(refused, Err(Error::Shape { expected: 5, got: 2, .. })));
    }

    #[test]
    fn without_a_product_c_is_scaled_alone() {
        let nan = Matrix::filled(2, 3, f64::NAN);
        let mut c = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
        gemm(0.0, &nan, Operation::Plain, &nan, Operation::Transpose, 2.0, &mut c).unwrap();
        assert_eq!(c, Matrix::from_rows([[2.0, 4.0], [6.0, 8.0]]));
        let empty = Matrix::zeros(2, 0);
        c[(0, 0)] = f64::NAN;
        gemm(1.0, &empty, Operation::Plain, &empty, Operation::Transpose, 0.0, &mut c).unwrap();
        assert_eq!(c, Matrix::zeros(2, 2));
        assert_eq!(matmul(&Matrix::<f64>::zeros(0, 3), &Matrix::zeros(3, 2)).unwrap().shape(), (0, 2));
    }
}
