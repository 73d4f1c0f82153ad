//! What predictions are compared with.

use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::scalar::Scalar;

/// Targets as numbers or as classes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum TargetKind<'a, T> {
    /// A row of numbers for each sample: (batch, out).
    Values(MatrixView<'a, T>),
    /// The class of each sample, from 0.
    Classes(&'a [usize]),
}

/// The targets of a batch or of a whole data set, and possibly a weight for each sample.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::loss::Targets;
/// let values = Matrix::from_rows([[1.0_f32], [0.0]]);
/// let targets = Targets::from(&values).with_sample_weights(&[1.0, 2.0]);
/// assert_eq!(targets.len(), 2);
/// assert_eq!(Targets::<f32>::classes(&[3, 1, 4]).len(), 3);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Targets<'a, T> {
    kind: TargetKind<'a, T>,
    sample_weights: Option<&'a [T]>,
}

impl<'a, T: Scalar> Targets<'a, T> {
    /// Numbers, a row for each sample.
    pub fn values(values: impl Into<MatrixView<'a, T>>) -> Self {
        Self { kind: TargetKind::Values(values.into()), sample_weights: None }
    }

    /// Classes, from 0.
    pub fn classes(classes: &'a [usize]) -> Self {
        Self { kind: TargetKind::Classes(classes), sample_weights: None }
    }

    /// Gives each sample a weight, not negative: its loss counts that many times.
    pub fn with_sample_weights(mut self, weights: &'a [T]) -> Self {
        self.sample_weights = Some(weights);
        self
    }

    /// The targets themselves.
    pub fn kind(&self) -> TargetKind<'a, T> {
        self.kind
    }

    /// The weights of the samples, if they have any.
    pub fn sample_weights(&self) -> Option<&'a [T]> {
        self.sample_weights
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        match self.kind {
            TargetKind::Values(values) => values.rows(),
            TargetKind::Classes(classes) => classes.len(),
        }
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The targets of some samples, copied into a buffer that is used again: a mini-batch.
    ///
    /// # Errors
    /// [`Error::Argument`] for an index beyond the samples, [`Error::Shape`] for another number of weights than samples.
    ///
    /// # Examples
    /// ```
    /// use brenier::nn::loss::{TargetBuffer, TargetKind, Targets};
    /// let all = Targets::<f64>::classes(&[5, 6, 7]);
    /// let mut buffer = TargetBuffer::default();
    /// let batch = all.gather(&[2, 0], &mut buffer)?;
    /// assert!(matches!(batch.kind(), TargetKind::Classes([7, 5])));
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn gather<'b>(&self, indices: &[usize], buffer: &'b mut TargetBuffer<T>) -> Result<Targets<'b, T>> {
        let count = self.len();
        if let Some(&index) = indices.iter().find(|&&index| index >= count) {
            let requirement = "it must be below the number of samples";
            return Err(Error::Argument { name: "index of a sample", value: index as f64, requirement });
        }
        if let Some(weights) = self.sample_weights {
            if weights.len() != count {
                let (operation, what) = ("Targets::gather", "number of sample weights");
                return Err(Error::Shape { operation, what, expected: count, got: weights.len() });
            }
            buffer.weights.clear();
            buffer.weights.extend(indices.iter().map(|&index| weights[index]));
        }
        let kind = match self.kind {
            TargetKind::Values(values) => {
                let mut entries = std::mem::take(&mut buffer.values).into_vec();
                entries.clear();
                indices.iter().for_each(|&index| entries.extend_from_slice(values.row(index)));
                buffer.values = Matrix::from_vec(indices.len(), values.columns(), entries)?;
                TargetKind::Values(buffer.values.view())
            }
            TargetKind::Classes(classes) => {
                buffer.classes.clear();
                buffer.classes.extend(indices.iter().map(|&index| classes[index]));
                TargetKind::Classes(&buffer.classes)
            }
        };
        Ok(Targets { kind, sample_weights: self.sample_weights.map(|_| buffer.weights.as_slice()) })
    }

    /// The values, if they are that.
    pub(super) fn expect_values(&self) -> Result<MatrixView<'a, T>> {
        match self.kind {
            TargetKind::Values(values) => Ok(values),
            TargetKind::Classes(_) => Err(self.other_kind("values")),
        }
    }

    /// The classes, if they are that.
    pub(super) fn expect_classes(&self) -> Result<&'a [usize]> {
        match self.kind {
            TargetKind::Classes(classes) => Ok(classes),
            TargetKind::Values(_) => Err(self.other_kind("classes")),
        }
    }

    fn other_kind(&self, expected: &'static str) -> Error {
        let got = match self.kind {
            TargetKind::Values(_) => "values",
            TargetKind::Classes(_) => "classes",
        };
        Error::UnknownName { what: "for this loss, the kind of targets", got: got.to_owned(), expected }
    }
}

impl<'a, T: Scalar> From<&'a Matrix<T>> for Targets<'a, T> {
    fn from(values: &'a Matrix<T>) -> Self {
        Self::values(values)
    }
}

impl<'a, T: Scalar> From<MatrixView<'a, T>> for Targets<'a, T> {
    fn from(values: MatrixView<'a, T>) -> Self {
        Self::values(values)
    }
}

impl<'a, T: Scalar> From<&'a [usize]> for Targets<'a, T> {
    fn from(classes: &'a [usize]) -> Self {
        Self::classes(classes)
    }
}

/// Memory for the targets of a mini-batch: after the first batch of its size, [`Targets::gather`] allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct TargetBuffer<T> {
    values: Matrix<T>,
    classes: Vec<usize>,
    weights: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gathered_batch_has_the_rows_and_weights_of_its_indices() {
        let values = Matrix::from_fn(5, 2, |row, column| (10 * row + column) as f64);
        let weights = [0.0, 1.0, 2.0, 3.0, 4.0];
        let all = Targets::values(values.submatrix(0..5, 1..2)).with_sample_weights(&weights);
        let mut buffer = TargetBuffer::default();
        for indices in [vec![4, 0, 4], vec![1], vec![]] {
            let batch = all.gather(&indices, &mut buffer).unwrap();
            assert_eq!(batch.len(), indices.len());
            let rows = batch.expect_values().unwrap();
            for (k, &index) in indices.iter().enumerate() {
                assert_eq!(rows.row(k), [(10 * index + 1) as f64]);
                assert_eq!(batch.sample_weights().unwrap()[k], index as f64);
            }
        }
        assert!(matches!(all.gather(&[0, 5], &mut buffer), Err(Error::Argument { value: 5.0, .. })));
        let short = Targets::values(&values).with_sample_weights(&weights[..4]);
        assert!(matches!(short.gather(&[0], &mut buffer), Err(Error::Shape { expected: 5, got: 4, .. })));
    }
}
