//! The smallest and largest entries, and where they are.
//!
//! NaN, as in NumPy: it is both smaller and larger than every number, so an extreme is NaN if an entry is, and its place
//! is that of the first NaN. Of equal entries the first counts. Zeros of either sign are equal: which of them is given
//! as an extreme is not specified.

use crate::error::{Error, Result};
use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::{MatrixView, Scalar, parallel};

/// Entries of a task.
const ENTRIES_IN_TASK: usize = 1 << 16;

/// More lanes than any register has.
const MOST_LANES: usize = 16;

/// Which extreme.
trait Extreme: Copy + Send + Sync {
    /// Whether `x` comes before `y`, two numbers.
    fn before<T: Scalar>(x: T, y: T) -> bool;
    /// The same lane by lane; false where either is NaN.
    fn before_lanes<L: Lanes>(x: L, y: L) -> L::Mask;
}

#[derive(Clone, Copy)]
struct Smallest;

impl Extreme for Smallest {
    #[inline(always)]
    fn before<T: Scalar>(x: T, y: T) -> bool {
        x < y
    }
    #[inline(always)]
    fn before_lanes<L: Lanes>(x: L, y: L) -> L::Mask {
        x.lt(y)
    }
}

#[derive(Clone, Copy)]
struct Largest;

impl Extreme for Largest {
    #[inline(always)]
    fn before<T: Scalar>(x: T, y: T) -> bool {
        y < x
    }
    #[inline(always)]
    fn before_lanes<L: Lanes>(x: L, y: L) -> L::Mask {
        y.lt(x)
    }
}

/// `x` if it is more extreme than `y` or NaN, else `y`: NaN, once there, stays.
#[inline(always)]
fn more<E: Extreme, T: Scalar>(x: T, y: T) -> T {
    if E::before(x, y) || is_nan(x) { x } else { y }
}

#[inline(always)]
fn more_lanes<E: Extreme, L: Lanes>(x: L, y: L) -> L {
    L::select(E::before_lanes(x, y) | !x.eq(x), x, y)
}

#[inline(always)]
#[allow(clippy::eq_op)]
fn is_nan<T: Scalar>(x: T) -> bool {
    x != x
}

macro_rules! extremes {
    ($extreme:ident, $superlative:literal, $all:ident, $place:ident, $rows:ident, $columns:ident, $row_places:ident, $column_places:ident) => {
        impl<T: Scalar> MatrixView<'_, T> {
            #[doc = concat!("The ", $superlative, " entry; NaN if an entry is NaN.")]
            ///
            /// # Errors
            /// [`Error::Empty`] if there are no entries.
            pub fn $all(self) -> Result<T> {
                let rows = self.$rows()?;
                rows.into_iter()
                    .reduce(|best, value| more::<$extreme, T>(value, best))
                    .ok_or(EMPTY)
            }

            #[doc = concat!("Row and column of the ", $superlative, " entry: of the first NaN if there is one, else of the first of equal entries, row after row.")]
            ///
            /// # Errors
            /// [`Error::Empty`] if there are no entries.
            pub fn $place(self) -> Result<(usize, usize)> {
                let rows = self.$rows()?;
                let row = place::<$extreme, T>(rows.iter().copied()).ok_or(EMPTY)?;
                let column = place::<$extreme, T>(self.row(row).iter().copied()).ok_or(EMPTY)?;
                Ok((row, column))
            }

            #[doc = concat!("The ", $superlative, " entry of each row; NaN where the row has one.")]
            ///
            /// # Errors
            /// [`Error::Empty`] if the rows have no entries.
            pub fn $rows(self) -> Result<Vec<T>> {
                row_extremes::<$extreme, T>(self)
            }

            #[doc = concat!("The ", $superlative, " entry of each column; NaN where the column has one.")]
            ///
            /// # Errors
            /// [`Error::Empty`] if the columns have no entries.
            pub fn $columns(self) -> Result<Vec<T>> {
                column_extremes::<$extreme, T>(self)
            }

            #[doc = concat!("The column of the ", $superlative, " entry of each row: of the first NaN if there is one, else of the first of equal entries.")]
            ///
            /// # Errors
            /// [`Error::Empty`] if the rows have no entries.
            pub fn $row_places(self) -> Result<Vec<usize>> {
                let extremes = self.$rows()?;
                let tasks = parallel::map_chunks(self.rows(), rows_in_task(self), |rows| {
                    rows.map(|row| position(self.row(row), extremes[row])).collect::<Vec<_>>()
                });
                Ok(tasks.concat())
            }

            #[doc = concat!("The row of the ", $superlative, " entry of each column: of the first NaN if there is one, else of the first of equal entries.")]
            ///
            /// # Errors
            /// [`Error::Empty`] if the columns have no entries.
            pub fn $column_places(self) -> Result<Vec<usize>> {
                column_places::<$extreme, T>(self)
            }
        }
    };
}

extremes!(Smallest, "smallest", min, argmin, row_minima, column_minima, row_argmin, column_argmin);
extremes!(Largest, "largest", max, argmax, row_maxima, column_maxima, row_argmax, column_argmax);

const EMPTY: Error = Error::Empty { what: "the matrix, row or column whose extreme is asked for" };

/// Rows of a task.
fn rows_in_task<T: Scalar>(matrix: MatrixView<'_, T>) -> usize {
    (ENTRIES_IN_TASK / matrix.columns().max(1)).max(1)
}

/// The place of the extreme among the values.
fn place<E: Extreme, T: Scalar>(values: impl Iterator<Item = T>) -> Option<usize> {
    let mut best: Option<(usize, T)> = None;
    for (index, value) in values.enumerate() {
        match best {
            // The first NaN settles it.
            Some((_, extreme)) if is_nan(extreme) => break,
            Some((_, extreme)) if !E::before(value, extreme) && !is_nan(value) => {}
            _ => best = Some((index, value)),
        }
    }
    best.map(|(index, _)| index)
}

/// The first place of `extreme`, which is there.
fn position<T: Scalar>(entries: &[T], extreme: T) -> usize {
    let found = if is_nan(extreme) {
        entries.iter().position(|&entry| is_nan(entry))
    } else {
        entries.iter().position(|&entry| entry == extreme)
    };
    found.expect("an extreme is one of the entries")
}

fn row_extremes<E: Extreme, T: Scalar>(matrix: MatrixView<'_, T>) -> Result<Vec<T>> {
    if matrix.columns() == 0 && matrix.rows() > 0 {
        return Err(EMPTY);
    }
    let tasks = parallel::map_chunks(matrix.rows(), rows_in_task(matrix), |rows| {
        extremes_of_rows::<T, E>(matrix.rows_range(rows))
    });
    Ok(tasks.concat())
}

dispatch! {
    /// The extreme of each row.
    fn extremes_of_rows<T: Scalar, E: Extreme>(rows: MatrixView<'_, T>) -> Vec<T> = extremes_of_rows_kernel
}

#[inline(always)]
fn extremes_of_rows_kernel<S: Simd, T: Scalar, E: Extreme>(rows: MatrixView<'_, T>) -> Vec<T> {
    let lanes = <T as Vectorised>::Register::<S>::LANES;
    let mut extremes = Vec::with_capacity(rows.rows());
    for row in 0..rows.rows() {
        let row = rows.row(row);
        let mut best = [T::Register::<S>::splat(row[0]); 4];
        let mut blocks = row.chunks_exact(4 * lanes);
        for block in &mut blocks {
            for k in 0..4 {
                best[k] = more_lanes::<E, _>(T::Register::<S>::load(&block[k * lanes..]), best[k]);
            }
        }
        let left = more_lanes::<E, _>(best[0], best[1]);
        let right = more_lanes::<E, _>(best[2], best[3]);
        let mut buffer = [row[0]; MOST_LANES];
        more_lanes::<E, _>(left, right).store(&mut buffer);
        let mut extreme = row[0];
        for &value in &buffer[..lanes] {
            extreme = more::<E, T>(value, extreme);
        }
        for &value in blocks.remainder() {
            extreme = more::<E, T>(value, extreme);
        }
        extremes.push(extreme);
    }
    extremes
}

fn column_extremes<E: Extreme, T: Scalar>(matrix: MatrixView<'_, T>) -> Result<Vec<T>> {
    if matrix.rows() == 0 && matrix.columns() > 0 {
        return Err(EMPTY);
    }
    let tasks = parallel::map_chunks(matrix.rows(), rows_in_task(matrix), |rows| {
        extremes_of_columns::<T, E>(matrix.rows_range(rows))
    });
    let best = tasks.into_iter().reduce(|mut best, part| {
        for (best, value) in best.iter_mut().zip(part) {
            *best = more::<E, T>(value, *best);
        }
        best
    });
    Ok(best.unwrap_or_default())
}

dispatch! {
    /// The extreme of each column of at least one row.
    fn extremes_of_columns<T: Scalar, E: Extreme>(rows: MatrixView<'_, T>) -> Vec<T> = extremes_of_columns_kernel
}

#[inline(always)]
fn extremes_of_columns_kernel<S: Simd, T: Scalar, E: Extreme>(rows: MatrixView<'_, T>) -> Vec<T> {
    let lanes = <T as Vectorised>::Register::<S>::LANES;
    let mut extremes = rows.row(0).to_vec();
    for row in 1..rows.rows() {
        let row = rows.row(row);
        let whole = row.len() / lanes * lanes;
        for (best, entries) in extremes[..whole].chunks_exact_mut(lanes).zip(row[..whole].chunks_exact(lanes))
        {
            more_lanes::<E, _>(T::Register::<S>::load(entries), T::Register::<S>::load(best)).store(best);
        }
        for (best, &entry) in extremes[whole..].iter_mut().zip(&row[whole..]) {
            *best = more::<E, T>(entry, *best);
        }
    }
    extremes
}

fn column_places<E: Extreme, T: Scalar>(matrix: MatrixView<'_, T>) -> Result<Vec<usize>> {
    if matrix.rows() == 0 && matrix.columns() > 0 {
        return Err(EMPTY);
    }
    // Each task: its extremes and their rows.
    let tasks = parallel::map_chunks(matrix.rows(), rows_in_task(matrix), |rows| {
        let mut best = matrix.row(rows.start).to_vec();
        let mut places = vec![rows.start; best.len()];
        for row in rows.skip(1) {
            replace::<E, T>(&mut best, &mut places, matrix.row(row), |_| row);
        }
        (best, places)
    });
    let merged = tasks.into_iter().reduce(|(mut best, mut places), (part, part_places)| {
        replace::<E, T>(&mut best, &mut places, &part, |column| part_places[column]);
        (best, places)
    });
    Ok(merged.map(|(_, places)| places).unwrap_or_default())
}

/// Takes over those of the `values` that are more extreme than the best so far.
fn replace<E: Extreme, T: Scalar>(
    best: &mut [T],
    places: &mut [usize],
    values: &[T],
    place: impl Fn(usize) -> usize,
) {
    for (column, &value) in values.iter().enumerate() {
        if E::before(value, best[column]) || (is_nan(value) && !is_nan(best[column])) {
            best[column] = value;
            places[column] = place(column);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::oracle;
    use super::*;
    use crate::Matrix;
    use proptest::prelude::*;

    /// The plain definition: index and value of the extreme.
    fn plain<T: Scalar>(values: impl Iterator<Item = T>, largest: bool) -> (usize, T) {
        let values: Vec<T> = values.collect();
        if let Some(index) = values.iter().position(|x| x.to_f64().is_nan()) {
            return (index, values[index]);
        }
        let mut best = 0;
        for index in 1..values.len() {
            if (largest && values[index] > values[best]) || (!largest && values[index] < values[best]) {
                best = index;
            }
        }
        (best, values[best])
    }

    fn same<T: Scalar>(got: T, expected: T) {
        assert!(got == expected || (is_nan(got) && is_nan(expected)), "{got} for {expected}");
    }

    fn check<T: Scalar>(a: MatrixView<'_, T>) {
        let (rows, columns) = a.shape();
        for largest in [false, true] {
            let (all, place, by_row, row_places, by_column, column_places) = if largest {
                (a.max(), a.argmax(), a.row_maxima(), a.row_argmax(), a.column_maxima(), a.column_argmax())
            } else {
                (a.min(), a.argmin(), a.row_minima(), a.row_argmin(), a.column_minima(), a.column_argmin())
            };
            let (index, value) = plain(a.iter_rows().flatten().copied(), largest);
            same(all.unwrap(), value);
            assert_eq!(place.unwrap(), (index / columns, index % columns));
            let (by_row, row_places) = (by_row.unwrap(), row_places.unwrap());
            assert_eq!((by_row.len(), row_places.len()), (rows, rows));
            for row in 0..rows {
                let (index, value) = plain(a.row(row).iter().copied(), largest);
                same(by_row[row], value);
                assert_eq!(row_places[row], index);
            }
            let (by_column, column_places) = (by_column.unwrap(), column_places.unwrap());
            assert_eq!((by_column.len(), column_places.len()), (columns, columns));
            for column in 0..columns {
                let (index, value) = plain(a.column(column), largest);
                same(by_column[column], value);
                assert_eq!(column_places[column], index);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn extremes_agree_with_the_definition(
            rows in 1_usize..30,
            columns in 1_usize..150,
            padding in 0_usize..3,
            nans in 0_usize..4,
            seed in any::<u64>(),
        ) {
            let mut a = oracle::matrix::<f64>(rows, columns + padding, seed);
            // Few different values make ties; the infinities are ordinary extremes.
            for value in a.as_mut_slice() {
                *value = (*value * 4.0).round();
                if *value == 4.0 { *value = f64::INFINITY }
                if *value == -4.0 { *value = f64::NEG_INFINITY }
            }
            for k in 0..nans {
                let index = (seed as usize).wrapping_mul(k + 7) % a.as_slice().len();
                a.as_mut_slice()[index] = f64::NAN;
            }
            check(a.submatrix(0..rows, 0..columns));
            check(a.cast::<f32>().submatrix(0..rows, 0..columns));
        }
    }

    #[test]
    fn large_matrices_are_put_together_in_order() {
        for (rows, columns) in [(2, 140_000), (140_000, 2), (700, 300)] {
            let mut a = oracle::matrix::<f32>(rows, columns, 3).map(|x| (x * 100.0).round());
            check(a.view());
            a[(rows - 1, columns - 1)] = f32::NAN;
            a[(rows / 2, 1)] = f32::NAN;
            check(a.view());
        }
    }

    #[test]
    fn emptiness_is_refused() {
        let none = Matrix::<f64>::zeros(0, 3);
        assert_eq!(none.view().min(), Err(EMPTY));
        assert_eq!(none.view().argmax(), Err(EMPTY));
        assert_eq!(none.view().column_minima(), Err(EMPTY));
        assert_eq!(none.view().column_argmin(), Err(EMPTY));
        assert_eq!(none.view().row_minima(), Ok(vec![]));
        let none = Matrix::<f64>::zeros(3, 0);
        assert_eq!(none.view().max(), Err(EMPTY));
        assert_eq!(none.view().row_argmin(), Err(EMPTY));
        assert_eq!(none.view().column_argmin(), Ok(vec![]));
    }
}
