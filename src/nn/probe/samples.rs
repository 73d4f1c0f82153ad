//! What a probe is fitted to: rows, a label of 0 or 1 for each, and possibly weights.

use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;

/// Labels of two classes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Labels<'a> {
    /// 0 or 1; another value is an error.
    Bytes(&'a [u8]),
    /// `true` is class 1.
    Booleans(&'a [bool]),
}

impl<'a> From<&'a [u8]> for Labels<'a> {
    fn from(labels: &'a [u8]) -> Self {
        Labels::Bytes(labels)
    }
}

impl<'a> From<&'a Vec<u8>> for Labels<'a> {
    fn from(labels: &'a Vec<u8>) -> Self {
        Labels::Bytes(labels)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Labels<'a> {
    fn from(labels: &'a [u8; N]) -> Self {
        Labels::Bytes(labels)
    }
}

impl<'a> From<&'a [bool]> for Labels<'a> {
    fn from(labels: &'a [bool]) -> Self {
        Labels::Booleans(labels)
    }
}

impl<'a> From<&'a Vec<bool>> for Labels<'a> {
    fn from(labels: &'a Vec<bool>) -> Self {
        Labels::Booleans(labels)
    }
}

impl<'a, const N: usize> From<&'a [bool; N]> for Labels<'a> {
    fn from(labels: &'a [bool; N]) -> Self {
        Labels::Booleans(labels)
    }
}

impl Labels<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Labels::Bytes(labels) => labels.len(),
            Labels::Booleans(labels) => labels.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether label `index` is of class 1.
    ///
    /// # Panics
    /// If there is no such label.
    pub fn is_one(&self, index: usize) -> bool {
        match self {
            Labels::Bytes(labels) => labels[index] != 0,
            Labels::Booleans(labels) => labels[index],
        }
    }

    /// Refuses another number of labels than `expected`, and values other than 0 and 1.
    pub(crate) fn check(&self, operation: &'static str, expected: usize) -> Result<()> {
        if self.len() != expected {
            return Err(Error::Shape { operation, what: "the number of labels", expected, got: self.len() });
        }
        if let Labels::Bytes(labels) = self
            && let Some(index) = labels.iter().position(|&label| label > 1)
        {
            return Err(Error::Label { index, label: usize::from(labels[index]), classes: 2 });
        }
        Ok(())
    }

    /// How many are of class 1.
    pub(crate) fn ones(&self) -> usize {
        (0..self.len()).filter(|&index| self.is_one(index)).count()
    }

    /// Refuses labels of one class alone.
    pub(crate) fn check_both(&self, operation: &'static str, what: &'static str) -> Result<()> {
        let ones = self.ones();
        if ones == 0 || ones == self.len() {
            return Err(Error::OneClass { operation, what, class: u8::from(ones > 0) });
        }
        Ok(())
    }
}

/// Rows with labels of two classes, and possibly a weight for each row.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::probe::Samples;
/// let x = Matrix::from_rows([[0.0, 1.0], [2.0, 3.0]]);
/// let samples = Samples::new(&x, &[0_u8, 1]).with_weights(&[1.0, 2.5]);
/// assert_eq!(samples.labels().len(), 2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a, T> {
    x: MatrixView<'a, T>,
    labels: Labels<'a>,
    weights: Option<&'a [f64]>,
}

impl<'a, T: Scalar> Samples<'a, T> {
    /// These rows with these labels: `&[u8]` of 0 and 1, or `&[bool]`. They are checked where they are used.
    pub fn new(x: impl Into<MatrixView<'a, T>>, labels: impl Into<Labels<'a>>) -> Self {
        Self { x: x.into(), labels: labels.into(), weights: None }
    }

    /// Gives each row a weight, not negative: its loss counts that many times.
    pub fn with_weights(mut self, weights: &'a [f64]) -> Self {
        self.weights = Some(weights);
        self
    }

    /// The rows: (samples, inputs).
    pub fn x(&self) -> MatrixView<'a, T> {
        self.x
    }

    /// The labels.
    pub fn labels(&self) -> Labels<'a> {
        self.labels
    }

    /// The weights, where there are any.
    pub fn weights(&self) -> Option<&'a [f64]> {
        self.weights
    }

    /// The weight of a row; 1 where none were given.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// +1 for class 1, -1 for class 0.
    pub(crate) fn sign(&self, row: usize) -> f64 {
        if self.labels.is_one(row) { 1.0 } else { -1.0 }
    }

    /// Refuses what nothing can be learned from: no rows or columns, NaN, labels or weights that do not fit, a class without weight.
    /// Gives the sum of weights of each class.
    pub(crate) fn check(&self, operation: &'static str) -> Result<[f64; 2]> {
        let rows = self.x.rows();
        if rows == 0 {
            return Err(Error::Empty { what: "the samples of a probe" });
        }
        if self.x.columns() == 0 {
            return Err(Error::Empty { what: "a row of the samples of a probe" });
        }
        self.labels.check(operation, rows)?;
        if let Some(weights) = self.weights {
            if weights.len() != rows {
                let what = "the number of sample weights";
                return Err(Error::Shape { operation, what, expected: rows, got: weights.len() });
            }
            for (index, &value) in weights.iter().enumerate() {
                if !value.is_finite() {
                    return Err(Error::NotFinite { what: "sample weights", index, value });
                }
                if value < 0.0 {
                    return Err(Error::Negative { what: "sample weights", index, value });
                }
            }
        }
        // A sum keeps what is not finite and runs at the speed of memory; the place is looked for only where there is one.
        let contiguous = self.x.as_slice();
        if !contiguous.is_some_and(|entries| crate::simd::sum(entries).is_finite()) {
            self.x.check_finite("samples")?;
        }
        let mut mass = [0.0; 2];
        for row in 0..rows {
            mass[usize::from(self.labels.is_one(row))] += self.weight(row);
        }
        if mass[0] + mass[1] == 0.0 {
            return Err(Error::Argument {
                name: "sum of the sample weights",
                value: 0.0,
                requirement: "it must be positive",
            });
        }
        if !(mass[0] + mass[1]).is_finite() {
            return Err(Error::Argument {
                name: "sum of the sample weights",
                value: mass[0] + mass[1],
                requirement: "it must be finite",
            });
        }
        if let Some(missing) = mass.iter().position(|&mass| mass == 0.0) {
            let class = 1 - missing as u8;
            return Err(Error::OneClass { operation, what: "labels (of positive weight)", class });
        }
        Ok(mass)
    }
}
