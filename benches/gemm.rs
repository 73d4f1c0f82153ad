//! Matrix products through views beside faer called directly, and matrices of distances.
//!
//! Floors, for one core of 3 GHz: with AVX2 two multiply-adds of 4 f64 or 8 f32 a cycle, 48 and 96 GFLOP/s; with
//! AVX-512 twice that. A product must reach 0.97 of faer's own rate (`gemm/views` against `gemm/faer`), and with AVX2
//! a large one more than that: it has kernels of its own. Distances by differences need a subtraction and a
//! multiply-add a coordinate; at d = 2 writing the result is the floor.
//!
//! `cargo bench --bench gemm`; with one thread: `RAYON_NUM_THREADS=1 cargo bench --bench gemm`.

use brenier::matrix::{Distance, Operation, gemm, pairwise_into};
use brenier::{Matrix, Scalar};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use faer::linalg::matmul::matmul;
use faer::traits::{ComplexField, Conjugate};
use faer::{Accum, MatMut, MatRef, Par};
use std::hint::black_box;
use std::time::Duration;

fn numbers<T: Scalar>(rows: usize, columns: usize, seed: u64) -> Matrix<T> {
    let mut state = seed;
    Matrix::from_fn(rows, columns, |_, _| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        T::from_f64((state >> 40) as f64 / 8388608.0 - 1.0)
    })
}

/// The number of threads, for the crate and for faer.
fn threads() -> (usize, Par) {
    #[cfg(feature = "parallel")]
    if rayon::current_num_threads() > 1 {
        let threads = rayon::current_num_threads();
        return (threads, Par::rayon(threads));
    }
    (1, Par::Seq)
}

fn products<T: Scalar + ComplexField + Conjugate<Canonical = T>>(criterion: &mut Criterion) {
    let (threads, par) = threads();
    let mut group = criterion.benchmark_group(format!("gemm {} {threads} threads", T::NAME));
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (m, n, k) in [(256, 256, 256), (1024, 1024, 1024), (4096, 512, 512)] {
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        let (plain, transpose) = (Operation::Plain, Operation::Transpose);
        for (name, operation_a, operation_b, accumulate) in [
            ("plain", plain, plain, false),
            ("A transposed", transpose, plain, false),
            ("B transposed", plain, transpose, false),
            ("accumulate", plain, plain, true),
        ] {
            let stored = |operation, rows, columns, seed| match operation {
                Operation::Plain => numbers::<T>(rows, columns, seed),
                Operation::Transpose => numbers::<T>(columns, rows, seed),
            };
            let (a, b) = (stored(operation_a, m, k, 1), stored(operation_b, k, n, 2));
            let mut c = Matrix::<T>::zeros(m, n);
            let case = format!("{m}x{n}x{k} {name}");
            let beta = if accumulate { T::ONE } else { T::ZERO };
            group.bench_function(BenchmarkId::new("views", &case), |bencher| {
                bencher.iter(|| {
                    gemm(T::ONE, black_box(&a), operation_a, black_box(&b), operation_b, beta, &mut c)
                        .expect("shapes that fit")
                });
            });
            let factor = |matrix, operation| {
                let matrix: &Matrix<T> = matrix;
                let view = MatRef::from_row_major_slice(matrix.as_slice(), matrix.rows(), matrix.columns());
                if operation == plain { view } else { view.transpose() }
            };
            let (a, b) = (factor(&a, operation_a), factor(&b, operation_b));
            let accumulate = if accumulate { Accum::Add } else { Accum::Replace };
            group.bench_function(BenchmarkId::new("faer", &case), |bencher| {
                bencher.iter(|| {
                    let c = MatMut::from_row_major_slice_mut(c.as_mut_slice(), m, n);
                    matmul(c, accumulate, black_box(a), black_box(b), T::ONE, par);
                });
            });
        }
    }
}

fn distances<T: Scalar>(criterion: &mut Criterion) {
    let (threads, _) = threads();
    let mut group = criterion.benchmark_group(format!("pairwise {} {threads} threads", T::NAME));
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for n in [1000, 4000] {
        for d in [2, 16, 64, 256] {
            let (x, y) = (numbers::<T>(n, d, 1), numbers::<T>(n, d, 2));
            let mut out = Matrix::<T>::zeros(n, n);
            group.throughput(Throughput::Elements((n * n) as u64));
            for distance in [Distance::SquaredEuclidean, Distance::Euclidean, Distance::Manhattan] {
                group.bench_function(
                    BenchmarkId::new(distance.name(), format!("{n} points, d={d}")),
                    |bencher| {
                        bencher.iter(|| {
                            pairwise_into(black_box(&x), black_box(&y), distance, &mut out)
                                .expect("clouds that fit")
                        });
                    },
                );
            }
        }
    }
}

criterion_group!(benches, products::<f32>, products::<f64>, distances::<f32>, distances::<f64>);
criterion_main!(benches);
