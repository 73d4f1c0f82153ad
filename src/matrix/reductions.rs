//! Sums, means, extremes and their places: of a whole matrix, along each row, and along each column.
//!
//! Letters: the matrix is (n, d). Cost: one pass over the entries, at the speed of memory. Work is cut by the shape alone and put
//! together in order, so that the bits do not depend on the number of threads (they may on the SIMD level: its registers
//! add other partial sums).

mod extremes;
mod sums;

#[cfg(test)]
mod oracle {
    use crate::{Matrix, Scalar};

    /// Reproducible entries in (-1, 1) over ten binary orders of magnitude.
    pub(super) fn matrix<T: Scalar>(rows: usize, columns: usize, seed: u64) -> Matrix<T> {
        let mut state = seed;
        Matrix::from_fn(rows, columns, |_, _| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let scale = f64::from(1_u32 << (state >> 60 & 7)) / 128.0;
            T::from_f64(((state >> 20 & 0xFFFF_FFFF) as f64 / 2147483648.0 - 1.0) * scale)
        })
    }

    /// `function` with pools of 1, 2, 3 and 5 threads gives equal answers.
    #[cfg(feature = "parallel")]
    pub(super) fn same_for_any_threads<R: PartialEq + std::fmt::Debug + Send>(
        function: impl Fn() -> R + Sync,
    ) {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(&function)
        };
        let expected = with(1);
        for threads in [2, 3, 5] {
            assert!(with(threads) == expected, "{threads} threads");
        }
    }
}
