//! Products against the plain triple loop, and for any number of threads.

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
    let (a, b) = (a.submatrix(0..rows_a, padding..padding + columns_a), b.submatrix(0..rows_b, 0..columns_b));
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
        (600, 1100, 2500),
        (9, 7, 9),
    ];
    for shape in shapes {
        for operations in
            [[OPERATIONS[0], OPERATIONS[0]], [OPERATIONS[1], OPERATIONS[0]], [OPERATIONS[0], OPERATIONS[1]]]
        {
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

/// Rows get one more than their index, and the sums of every granule stand beside: by the packed way, by faer's, and done apart.
#[test]
fn finished_rows_are_worked_on_once() {
    for (m, n, k) in [(700, 130, 90), (529, 140, 600), (30, 700, 2100), (12, 5, 7), (31, 3, 9), (1, 40, 2)] {
        let (a, b) = (random::<f64>(m, k, 1), random::<f64>(k, n, 2));
        let work = |first: usize, rows: &mut [f64], sums: &mut [f64]| {
            for (row, values) in rows.chunks_exact_mut(n).enumerate() {
                values.iter_mut().for_each(|value| *value += (first + row + 1) as f64);
                let sums = &mut sums[row / GRANULE * n..][..n];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += *value);
            }
        };
        let factors = ((a.view(), Operation::Plain), (b.view(), Operation::Plain));
        let granules = m.div_ceil(GRANULE);
        let run = |packed: bool| {
            let mut c = Matrix::zeros(m, n);
            let mut sums = vec![0.0; granules * n];
            let then = Then { function: &work, beside: &mut sums, beside_granule: n };
            if packed {
                let (a, b) = factors;
                packed::multiply_then(
                    Product { alpha: 1.0, a, b, accumulate: false, c: c.view_mut() },
                    Some(then),
                );
            } else {
                gemm_then(factors.0, factors.1, c.view_mut(), then).unwrap();
            }
            (c, sums)
        };
        let mut expected = matmul(&a, &b).unwrap();
        for row in 0..m {
            expected.row_mut(row).iter_mut().for_each(|value| *value += (row + 1) as f64);
        }
        for (c, sums) in [run(true), run(false)] {
            for row in 0..m {
                for (found, value) in c.row(row).iter().zip(expected.row(row)) {
                    assert!((found - value).abs() <= 1e-12 * value.abs().max(1.0), "{m}x{n}x{k}, row {row}");
                }
            }
            for (granule, sums) in sums.chunks_exact(n).enumerate() {
                for (column, sum) in sums.iter().enumerate() {
                    let rows = granule * GRANULE..m.min((granule + 1) * GRANULE);
                    let expected: f64 = rows.map(|row| c[(row, column)]).sum();
                    assert_eq!(*sum, expected, "{m}x{n}x{k}, granule {granule}");
                }
            }
        }
        #[cfg(feature = "parallel")]
        for threads in [1, 2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(|| run(true)) == run(true), "{m}x{n}x{k} with {threads} threads");
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
