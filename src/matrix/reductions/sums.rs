//! Sums and means, in double precision whatever the entries.
//!
//! Runs of 1,024 entries are summed by at least 16 lanes, and the runs pairwise (Higham, *Accuracy and Stability of Numerical
//! Algorithms*, section 4.2), so that the error hardly grows with the length.

use crate::error::{Error, Result};
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::{MatrixView, Scalar, parallel};

/// Entries that are summed lane by lane before the pairwise sum.
const RUN: usize = 1024;

/// Entries of a task along rows.
const ENTRIES_IN_TASK: usize = 1 << 16;

/// Rows that are added up one after the other before the pairwise sum, in sums along columns; columns of a task.
const ROWS_IN_TASK: usize = 256;
const COLUMNS_IN_TASK: usize = 1024;

impl<T: Scalar> MatrixView<'_, T> {
    /// The sum of all entries; zero if there are none. NaN if an entry is NaN, or if infinities cancel.
    ///
    /// Accuracy: `|error| <= 100 EPS sum |x|` for f64; for f32 the sum is rounded once from double precision.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.view().sum(), 10.0);
    /// assert_eq!(a.view().mean()?, 2.5);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn sum(self) -> T {
        T::from_f64(self.wide_sum())
    }

    /// The mean of all entries, with the accuracy of [`MatrixView::sum`].
    ///
    /// # Errors
    /// [`Error::Empty`] if there are none.
    pub fn mean(self) -> Result<T> {
        if self.is_empty() {
            return Err(Error::Empty { what: "the matrix whose mean is asked for" });
        }
        // Rows times columns as a floating-point number cannot overflow, not even for rows that share their entries.
        Ok(T::from_f64(self.wide_sum() / (self.rows() as f64 * self.columns() as f64)))
    }

    /// The sum of each row, with the accuracy of [`MatrixView::sum`].
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let a = Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.view().row_sums(), [3.0, 7.0]);
    /// assert_eq!(a.view().column_sums(), [4.0, 6.0]);
    /// ```
    pub fn row_sums(self) -> Vec<T> {
        rounded(self.wide_row_sums(), 1.0)
    }

    /// The mean of each row.
    ///
    /// # Errors
    /// [`Error::Empty`] if the rows are empty.
    pub fn row_means(self) -> Result<Vec<T>> {
        if self.columns() == 0 && self.rows() > 0 {
            return Err(Error::Empty { what: "the row whose mean is asked for" });
        }
        Ok(rounded(self.wide_row_sums(), self.columns() as f64))
    }

    /// The sum of each column. Accuracy: `|error| <= 320 EPS sum |x|` for f64; rounded once from double precision for f32.
    pub fn column_sums(self) -> Vec<T> {
        rounded(self.wide_column_sums(), 1.0)
    }

    /// The mean of each column: the centre of a cloud of points.
    ///
    /// # Errors
    /// [`Error::Empty`] if the columns are empty.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// let cloud = Matrix::from_rows([[0.0_f32, 1.0], [2.0, 5.0]]);
    /// assert_eq!(cloud.view().column_means()?, [1.0, 3.0]);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn column_means(self) -> Result<Vec<T>> {
        if self.rows() == 0 && self.columns() > 0 {
            return Err(Error::Empty { what: "the column whose mean is asked for" });
        }
        Ok(rounded(self.wide_column_sums(), self.rows() as f64))
    }

    /// The sum of all entries in double precision.
    fn wide_sum(self) -> f64 {
        let mut total = Pairwise::default();
        match self.as_slice() {
            Some(entries) => {
                let tasks =
                    parallel::map_chunks(entries.len(), ENTRIES_IN_TASK, |range| sum(&entries[range]));
                tasks.into_iter().for_each(|sum| total.add(sum));
            }
            None => self.wide_row_sums().into_iter().for_each(|sum| total.add(sum)),
        }
        total.total()
    }

    /// The sum of each row in double precision.
    fn wide_row_sums(self) -> Vec<f64> {
        let rows = (ENTRIES_IN_TASK / self.columns().max(1)).max(1);
        let tasks = parallel::map_chunks(self.rows(), rows, |range| row_sums(self.rows_range(range)));
        tasks.concat()
    }

    /// The sum of each column in double precision.
    pub(crate) fn wide_column_sums(self) -> Vec<f64> {
        let (rows, columns) = self.shape();
        let mut sums = Vec::with_capacity(columns);
        let row_tasks = rows.div_ceil(ROWS_IN_TASK);
        let column_tasks = columns.div_ceil(COLUMNS_IN_TASK);
        // Task by task: (column_tasks, row_tasks)
        let parts = parallel::map_chunks(column_tasks * row_tasks, 1, |task| {
            let (column, row) = (task.start / row_tasks, task.start % row_tasks);
            let rows = row * ROWS_IN_TASK..((row + 1) * ROWS_IN_TASK).min(rows);
            let columns = column * COLUMNS_IN_TASK..((column + 1) * COLUMNS_IN_TASK).min(columns);
            column_sums(self.submatrix(rows, columns))
        });
        for column in 0..columns {
            let mut total = Pairwise::default();
            let task = column / COLUMNS_IN_TASK * row_tasks;
            for part in &parts[task..task + row_tasks] {
                total.add(part[column % COLUMNS_IN_TASK]);
            }
            sums.push(total.total());
        }
        sums
    }
}

/// The sums over `count`, in the matrix's precision.
fn rounded<T: Scalar>(sums: Vec<f64>, count: f64) -> Vec<T> {
    sums.into_iter().map(|sum| T::from_f64(sum / count)).collect()
}

/// A pairwise sum of numbers that come one by one: sums of 1, 2, 4, … of them wait for their like, as the digits of a
/// binary counter. The error of n numbers is at most `(log2 n + 1) EPS sum |x|`.
struct Pairwise {
    waiting: [f64; 64],
    depth: usize,
    count: u64,
}

impl Default for Pairwise {
    fn default() -> Self {
        Self { waiting: [0.0; 64], depth: 0, count: 0 }
    }
}

impl Pairwise {
    #[inline(always)]
    fn add(&mut self, value: f64) {
        let mut sum = value;
        for _ in 0..self.count.trailing_ones() {
            self.depth -= 1;
            sum += self.waiting[self.depth];
        }
        self.waiting[self.depth] = sum;
        self.depth += 1;
        self.count += 1;
    }

    #[inline(always)]
    fn total(&self) -> f64 {
        let mut sum = 0.0;
        for k in (0..self.depth).rev() {
            sum += self.waiting[k];
        }
        sum
    }
}

dispatch! {
    /// The sum of a slice.
    fn sum<T: Scalar>(entries: &[T]) -> f64 = sum_kernel
}

#[inline(always)]
fn sum_kernel<S: Simd, T: Scalar>(entries: &[T]) -> f64 {
    let lanes = S::F64::LANES;
    let mut total = Pairwise::default();
    for run in entries.chunks(RUN) {
        let mut sums = [S::F64::splat(0.0); 4];
        let mut blocks = run.chunks_exact(4 * lanes);
        for block in &mut blocks {
            for k in 0..4 {
                sums[k] = sums[k] + <T as Vectorised>::load_wide::<S::F64>(&block[k * lanes..]);
            }
        }
        let mut rest = 0.0;
        for &value in blocks.remainder() {
            rest += value.to_f64();
        }
        total.add(((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_sum() + rest);
    }
    total.total()
}

dispatch! {
    /// The sum of each row.
    fn row_sums<T: Scalar>(rows: MatrixView<'_, T>) -> Vec<f64> = row_sums_kernel
}

#[inline(always)]
fn row_sums_kernel<S: Simd, T: Scalar>(rows: MatrixView<'_, T>) -> Vec<f64> {
    let mut sums = Vec::with_capacity(rows.rows());
    for row in 0..rows.rows() {
        sums.push(sum_kernel::<S, T>(rows.row(row)));
    }
    sums
}

dispatch! {
    /// The sum of each column.
    fn column_sums<T: Scalar>(rows: MatrixView<'_, T>) -> Vec<f64> = column_sums_kernel
}

#[inline(always)]
fn column_sums_kernel<S: Simd, T: Scalar>(rows: MatrixView<'_, T>) -> Vec<f64> {
    let lanes = S::F64::LANES;
    let mut sums = vec![0.0; rows.columns()];
    for row in 0..rows.rows() {
        let row = rows.row(row);
        let whole = row.len() / lanes * lanes;
        for (sum, entries) in sums[..whole].chunks_exact_mut(lanes).zip(row[..whole].chunks_exact(lanes)) {
            (S::F64::load(sum) + <T as Vectorised>::load_wide::<S::F64>(entries)).store(sum);
        }
        for (sum, entry) in sums[whole..].iter_mut().zip(&row[whole..]) {
            *sum += entry.to_f64();
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::Matrix;

    /// The sum of `entries` and of their absolute values, with a compensated sum (Neumaier 1974): error 2 EPS of the result.
    fn compensated(entries: impl Iterator<Item = f64>) -> (f64, f64) {
        let (mut sum, mut correction, mut size) = (0.0_f64, 0.0, 0.0);
        for value in entries {
            let next = sum + value;
            correction += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
            sum = next;
            size += value.abs();
        }
        (sum + correction, size)
    }

    fn check<T: Scalar>(rows: usize, columns: usize, stride: usize) {
        let a = oracle::matrix::<T>(rows, stride, 5);
        let a = a.submatrix(0..rows, 0..columns);
        let near = |got: T, (expected, size): (f64, f64), factor: f64| {
            // Double precision inside, then one rounding to T.
            let bound = factor * f64::EPSILON * size + 0.5 * T::EPSILON.to_f64() * expected.abs();
            assert!((got.to_f64() - expected).abs() <= bound, "{rows}x{columns}: {got} for {expected}");
        };
        near(a.sum(), compensated(a.iter_rows().flatten().map(|x| x.to_f64())), 100.0);
        let count = (rows * columns) as f64;
        if count > 0.0 {
            let (sum, size) = compensated(a.iter_rows().flatten().map(|x| x.to_f64()));
            near(a.mean().unwrap(), (sum / count, size / count), 101.0);
        }
        let (sums, means) = (a.row_sums(), a.row_means());
        assert_eq!(sums.len(), rows);
        for row in 0..rows {
            let (sum, size) = compensated(a.row(row).iter().map(|x| x.to_f64()));
            near(sums[row], (sum, size), 100.0);
            if let Ok(means) = &means {
                near(means[row], (sum / columns as f64, size / columns as f64), 101.0);
            }
        }
        let (sums, means) = (a.column_sums(), a.column_means());
        assert_eq!(sums.len(), columns);
        for column in 0..columns {
            let (sum, size) = compensated(a.column(column).map(|x| x.to_f64()));
            near(sums[column], (sum, size), 320.0);
            if let Ok(means) = &means {
                near(means[column], (sum / rows as f64, size / rows as f64), 321.0);
            }
        }
    }

    #[test]
    fn sums_agree_with_a_compensated_sum() {
        for (rows, columns) in
            [(1, 1), (3, 5), (7, 2000), (1, 70_000), (1000, 3), (600, 1100), (0, 4), (4, 0)]
        {
            for stride in [columns, columns + 3] {
                check::<f32>(rows, columns, stride);
                check::<f64>(rows, columns, stride);
            }
        }
    }

    #[test]
    fn a_pairwise_sum_of_any_length_is_exact_for_integers() {
        for count in 0..200 {
            let mut total = Pairwise::default();
            (0..count).for_each(|k| total.add(f64::from(k)));
            assert_eq!(total.total(), f64::from(count * (count - 1) / 2));
        }
    }

    #[test]
    fn nan_shows_and_emptiness_is_refused() {
        let mut a = Matrix::filled(40, 30, 1.0_f32);
        a[(17, 20)] = f32::NAN;
        assert!(a.view().sum().is_nan());
        let rows = a.view().row_sums();
        let columns = a.view().column_sums();
        assert!((0..40).all(|row| rows[row].is_nan() == (row == 17)));
        assert!((0..30).all(|column| columns[column].is_nan() == (column == 20)));
        let empty = Matrix::<f64>::zeros(0, 3);
        assert_eq!(empty.view().sum(), 0.0);
        assert!(matches!(empty.view().mean(), Err(Error::Empty { .. })));
        assert!(matches!(empty.view().column_means(), Err(Error::Empty { .. })));
        assert_eq!(empty.view().row_means(), Ok(vec![]));
        assert!(matches!(Matrix::<f64>::zeros(3, 0).view().row_means(), Err(Error::Empty { .. })));
    }

    #[cfg(feature = "parallel")]
    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        for (rows, columns) in [(3, 100_000), (100_000, 3), (1500, 1500)] {
            let a = oracle::matrix::<f64>(rows, columns, 9);
            let part = a.submatrix(1..rows, 1..columns);
            oracle::same_for_any_threads(|| {
                (a.view().sum(), part.sum(), part.row_sums(), part.column_sums())
            });
        }
    }
}
