//! Pairing two clouds of the same size.

use super::{Solution, solve};
use crate::error::{Error, Result};
use crate::matrix::{Distance, MatrixView};
use crate::ot::certificate::Status;
use crate::ot::problem::Problem;
use crate::scalar::Scalar;

/// The permutation σ that minimises Σᵢ |xᵢ - y_σ(i)|²: the optimal transport between two uniform clouds of the same size,
/// whose vertices are permutations (Birkhoff 1946). `result[i]` is the row of `y` that row i of `x` is paired with.
///
/// This is what minibatch flow matching asks for. Cost and memory are those of [`solve`].
///
/// # Errors
/// * [`Shape`](Error::Shape) for clouds of different size or dimension, [`Empty`](Error::Empty) for none;
/// * as [`solve`] for coordinates, and [`NotProved`](Error::NotProved) where it would answer
///   [`Inaccurate`](Status::Inaccurate).
///
/// # Examples
/// ```
/// use brenier::ot::exact;
/// use brenier::Matrix;
/// let x = Matrix::from_rows([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]]);
/// let y = Matrix::from_rows([[5.0, 4.0], [0.0, 0.5], [1.5, 0.0]]);
/// assert_eq!(exact::assign(&x, &y)?, [1, 2, 0]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "linear_sum_assignment")]
pub fn assign<'a, T: Scalar>(
    x: impl Into<MatrixView<'a, T>>,
    y: impl Into<MatrixView<'a, T>>,
) -> Result<Vec<usize>> {
    let (x, y) = (x.into(), y.into());
    if x.rows() != y.rows() {
        return Err(Error::Shape {
            operation: "assignment",
            what: "number of points of the second cloud",
            expected: x.rows(),
            got: y.rows(),
        });
    }
    let Solution { plan, certificate, .. } = solve(&Problem::from_points(x, y, Distance::SquaredEuclidean))?;
    if certificate.status != Status::Optimal {
        return Err(Error::NotProved {
            cost: certificate.primal_cost,
            gap: certificate.gap,
            reason: "the costs span too many orders of magnitude",
        });
    }
    Ok(plan.entries().iter().map(|entry| entry.target).collect())
}
