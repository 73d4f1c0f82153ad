//! The classes of the sources, and what they add to the costs.

use crate::matrix::Matrix;

/// The sources' classes, numbered from zero in the order of their labels.
#[derive(Debug, Clone)]
pub(super) struct Classes {
    /// The labels, in order.
    pub labels: Vec<i64>,
    /// The class of each source, if it is known.
    pub of_source: Vec<Option<usize>>,
}

impl Classes {
    /// The classes of these labels; `None` if none is known.
    pub fn new(source_labels: &[i64]) -> Option<Self> {
        let mut labels: Vec<i64> = source_labels.iter().copied().filter(|&label| label >= 0).collect();
        labels.sort_unstable();
        labels.dedup();
        let of_source = source_labels.iter().map(|label| labels.binary_search(label).ok()).collect();
        (!labels.is_empty()).then_some(Self { labels, of_source })
    }

    /// One row for each source, one column for each class, a one where they belong together.
    pub fn indicators(&self) -> Matrix<f64> {
        Matrix::from_fn(self.of_source.len(), self.labels.len(), |source, class| {
            if self.of_source[source] == Some(class) { 1.0 } else { 0.0 }
        })
    }
}

/// What pairs cost beyond their distance, by the class of the source: (classes, m).
#[derive(Debug, Clone)]
pub(super) struct ClassCosts {
    pub classes: Classes,
    pub costs: Matrix<f64>,
}

impl ClassCosts {
    /// `penalty` for each pair of a class and a target that is known to be of another label.
    pub fn forbidding(classes: Classes, target_labels: Option<&[i64]>, targets: usize, penalty: f64) -> Self {
        let costs = Matrix::from_fn(classes.labels.len(), targets, |class, target| match target_labels {
            Some(labels) if labels[target] >= 0 && labels[target] != classes.labels[class] => penalty,
            _ => 0.0,
        });
        Self { classes, costs }
    }

    /// Adds what source `source` pays to its costs (m).
    pub fn add_to_row(&self, source: usize, row: &mut [f64]) {
        if let Some(class) = self.classes.of_source[source] {
            row.iter_mut().zip(self.costs.row(class)).for_each(|(cost, extra)| *cost += extra);
        }
    }

    /// Adds what the sources pay for target `target` to its costs (n).
    pub fn add_to_column(&self, target: usize, column: &mut [f64]) {
        for (cost, class) in column.iter_mut().zip(&self.classes.of_source) {
            if let Some(class) = class {
                *cost += self.costs[(*class, target)];
            }
        }
    }
}

/// φ(t) = (t + δ)^p and its slope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Concave {
    pub power: f64,
    pub offset: f64,
}

impl Concave {
    pub fn value(self, share: f64) -> f64 {
        (share + self.offset).powf(self.power)
    }

    pub fn slope(self, share: f64) -> f64 {
        self.power * (share + self.offset).powf(self.power - 1.0)
    }
}
