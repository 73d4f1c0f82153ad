//! Where batches of data come from.

use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use crate::random::RandomStream;

/// What fills a batch with samples of the data: [`Rows`] of a matrix, or a distribution that is drawn from afresh.
///
/// # Examples
/// ```
/// use brenier::generative::SampleSource;
/// use brenier::random::RandomStream;
/// use brenier::{Error, MatrixViewMut};
///
/// /// Two blobs in the plane.
/// struct Blobs;
///
/// impl SampleSource<f64> for Blobs {
///     fn dimension(&self) -> usize {
///         2
///     }
///     fn draw(&mut self, stream: &mut RandomStream, mut batch: MatrixViewMut<'_, f64>) -> Result<(), Error> {
///         for point in batch.iter_rows_mut() {
///             let centre = if stream.below(2)? == 0 { 2.0 } else { -2.0 };
///             point.iter_mut().for_each(|x| *x = centre + 0.3 * stream.normal::<f64>());
///         }
///         Ok(())
///     }
/// }
///
/// let mut batch = brenier::Matrix::zeros(8, 2);
/// Blobs.draw(&mut RandomStream::new(1), batch.view_mut())?;
/// assert!(batch.iter_rows().all(|point| point[0] * point[1] > 0.0));
/// # Ok::<(), Error>(())
/// ```
pub trait SampleSource<T: Scalar> {
    /// Coordinates of a sample.
    fn dimension(&self) -> usize;

    /// Writes all rows of a batch.
    ///
    /// # Errors
    /// The source's own.
    fn draw(&mut self, stream: &mut RandomStream, batch: MatrixViewMut<'_, T>) -> Result<()>;
}

/// Different rows of a matrix in each batch, all sets of them equally likely.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::generative::{Rows, SampleSource};
/// use brenier::random::RandomStream;
/// let data = Matrix::from_fn(10, 1, |row, _| row as f64);
/// let mut batch = Matrix::zeros(10, 1);
/// Rows::new(data.view())?.draw(&mut RandomStream::new(0), batch.view_mut())?;
/// let mut drawn = batch.into_vec();
/// drawn.sort_by(f64::total_cmp);
/// assert_eq!(drawn, data.into_vec());
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rows<'a, T> {
    data: MatrixView<'a, T>,
    /// The rows in an order whose beginning each draw shuffles anew.
    order: Vec<usize>,
}

impl<'a, T: Scalar> Rows<'a, T> {
    /// Samples from these rows.
    ///
    /// # Errors
    /// [`Error::Empty`] without rows or columns, [`Error::NotFiniteEntry`] for NaN and infinities.
    pub fn new(data: impl Into<MatrixView<'a, T>>) -> Result<Self> {
        let data = data.into();
        if data.is_empty() {
            return Err(Error::Empty { what: "the data" });
        }
        data.check_finite("data")?;
        Ok(Rows { data, order: (0..data.rows()).collect() })
    }
}

impl<T: Scalar> SampleSource<T> for Rows<'_, T> {
    fn dimension(&self) -> usize {
        self.data.columns()
    }

    /// # Errors
    /// [`Error::Argument`] for more rows than the data have, [`Error::Shape`] for another number of columns.
    fn draw(&mut self, stream: &mut RandomStream, mut batch: MatrixViewMut<'_, T>) -> Result<()> {
        let (count, all) = (batch.rows(), self.order.len());
        let operation = "Rows::draw";
        if count > all {
            let requirement = "a batch takes different rows, and the data have not as many";
            return Err(Error::Argument { name: "batch", value: count as f64, requirement });
        }
        if batch.columns() != self.data.columns() {
            let what = "columns of the batch";
            return Err(Error::Shape {
                operation,
                what,
                expected: self.data.columns(),
                got: batch.columns(),
            });
        }
        for place in 0..count {
            // The first steps of Fisher and Yates' shuffle.
            let other = place + stream.below((all - place) as u64)? as usize;
            self.order.swap(place, other);
            batch.row_mut(place).copy_from_slice(self.data.row(self.order[place]));
        }
        Ok(())
    }
}
