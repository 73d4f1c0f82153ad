//! A sample: points, and what is known of them.

use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::scalar::Scalar;

/// Points (n, d), and their weights and labels where there are some.
///
/// # Examples
/// ```
/// use brenier::ot::adaptation::Sample;
/// use brenier::Matrix;
/// let points = Matrix::from_rows([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
/// let sample = Sample::new(&points).with_labels(&[7, 7, -1]); // the last label is not known
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a, T> {
    pub(super) points: MatrixView<'a, T>,
    pub(super) weights: Option<&'a [f64]>,
    pub(super) labels: Option<&'a [i64]>,
}

impl<'a, T: Scalar> Sample<'a, T> {
    /// Points of equal weight, without labels.
    pub fn new(points: impl Into<MatrixView<'a, T>>) -> Self {
        Self { points: points.into(), weights: None, labels: None }
    }

    /// Sets the mass of each point.
    pub fn with_weights(mut self, weights: &'a [f64]) -> Self {
        self.weights = Some(weights);
        self
    }

    /// Sets the class of each point: any number, but a negative one says that it is not known.
    pub fn with_labels(mut self, labels: &'a [i64]) -> Self {
        self.labels = Some(labels);
        self
    }

    /// Refuses labels that do not fit; `what` names their number.
    pub(super) fn check_labels(&self, what: &'static str) -> Result<()> {
        let (expected, got) = (self.points.rows(), self.labels.map_or(self.points.rows(), <[i64]>::len));
        if got != expected {
            return Err(Error::Shape { operation: "adaptation::fit", what, expected, got });
        }
        Ok(())
    }
}

/// The points in double precision, exactly.
pub(super) fn widen<T: Scalar>(points: MatrixView<'_, T>) -> Matrix<f64> {
    Matrix::from_fn(points.rows(), points.columns(), |row, column| points.row(row)[column].to_f64())
}
