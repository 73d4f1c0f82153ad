//! A coupling for a training loop: chosen once, its buffers kept.

use super::sampled::gather_into;
use super::{Replacement, entropic_pairs, exact_pairs};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::ot::sinkhorn;
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// How the targets of a batch are paired with its sources.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Coupling {
    /// As they come.
    Identity,
    /// In random order: every permutation equally likely.
    Independent,
    /// By the permutation of least cost ([`exact_pairs`]).
    #[default]
    Exact,
    /// Drawn from the entropic plan ([`entropic_pairs`]).
    Entropic {
        /// ε and the solver's other options.
        options: sinkhorn::Options,
        /// Whether targets may repeat.
        replacement: Replacement,
    },
}

/// Couples batch after batch.
///
/// # Examples
/// ```
/// use brenier::ot::coupling::{Coupler, Coupling};
/// use brenier::random::RandomStream;
///
/// let mut random = RandomStream::new(1);
/// let mut coupler = Coupler::new(Coupling::Exact);
/// for _ in 0..3 {
///     let (noise, data) = (random.normal_matrix::<f32>(128, 2), random.uniform_matrix::<f32>(128, 2));
///     let batch = coupler.couple(&noise, &data, &mut random)?;
///     assert_eq!(batch.targets.row(5), data.row(batch.indices[5])); // goes with row 5 of the noise
/// }
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Coupler<T> {
    coupling: Coupling,
    indices: Vec<usize>,
    targets: Matrix<T>,
}

/// A coupled batch.
#[derive(Debug, Clone, Copy)]
pub struct Coupled<'c, T> {
    /// Row `indices[i]` of the targets goes with row i of the sources.
    pub indices: &'c [usize],
    /// The targets in that order: row i goes with row i of the sources.
    pub targets: MatrixView<'c, T>,
}

impl<T: Scalar> Coupler<T> {
    /// A coupler that has no buffers yet.
    pub fn new(coupling: Coupling) -> Self {
        Self { coupling, indices: Vec::new(), targets: Matrix::zeros(0, 0) }
    }

    /// The coupling.
    pub fn coupling(&self) -> &Coupling {
        &self.coupling
    }

    /// Pairs the rows of `y` with those of `x`. Batches of one shape use the same buffers again. Only
    /// [`Coupling::Independent`] and [`Coupling::Entropic`] draw numbers.
    ///
    /// # Errors
    /// [`Shape`](Error::Shape) for batches of different size (but for entropic pairs with replacement); as
    /// [`exact_pairs`] and [`entropic_pairs`].
    pub fn couple<'a>(
        &mut self,
        x: impl Into<MatrixView<'a, T>>,
        y: impl Into<MatrixView<'a, T>>,
        random: &mut RandomStream,
    ) -> Result<Coupled<'_, T>> {
        let (x, y) = (x.into(), y.into());
        if let Coupling::Identity | Coupling::Independent = self.coupling {
            if x.rows() != y.rows() {
                return Err(Error::Shape {
                    operation: "minibatch coupling",
                    what: "number of targets",
                    expected: x.rows(),
                    got: y.rows(),
                });
            }
            self.indices.clear();
            self.indices.extend(0..y.rows());
            if self.coupling == Coupling::Independent {
                random.shuffle(&mut self.indices);
            }
        } else {
            self.indices = match &self.coupling {
                Coupling::Entropic { options, replacement } => {
                    entropic_pairs(x, y, options, *replacement, random)?
                }
                _ => exact_pairs(x, y)?,
            };
        }
        if self.targets.shape() != (self.indices.len(), y.columns()) {
            self.targets = Matrix::zeros(self.indices.len(), y.columns());
        }
        gather_into(y, &self.indices, &mut self.targets);
        Ok(Coupled { indices: &self.indices, targets: self.targets.view() })
    }
}
