//! Pairs drawn from a sparse plan, with as little noise as there can be.

use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::ot::plan::TransportPlan;
use crate::ot::problem::sum;
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// Pairs of a source and a target: the k-th is (`sources[k]`, `targets[k]`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pairs {
    /// A source for each pair.
    pub sources: Vec<usize>,
    /// Its target.
    pub targets: Vec<usize>,
}

impl Pairs {
    /// The points of the pairs: row k of the first matrix is that of `x` which goes with row k of the second.
    ///
    /// # Errors
    /// [`Error::Argument`] if a pair names a row that is not there.
    pub fn gather<'a, T: Scalar>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        y: impl Into<MatrixView<'a, T>>,
    ) -> Result<(Matrix<T>, Matrix<T>)> {
        Ok((gather(x.into(), &self.sources)?, gather(y.into(), &self.targets)?))
    }
}

fn gather<T: Scalar>(points: MatrixView<'_, T>, rows: &[usize]) -> Result<Matrix<T>> {
    if let Some(&row) = rows.iter().find(|&&row| row >= points.rows()) {
        let requirement = "it must be below the number of points";
        return Err(Error::Argument { name: "index of a row", value: row as f64, requirement });
    }
    let mut gathered = Matrix::zeros(rows.len(), points.columns());
    gather_into(points, rows, &mut gathered);
    Ok(gathered)
}

/// Copies the rows named, which must be there, over `out`, which must have room for exactly these.
pub(super) fn gather_into<T: Scalar>(points: MatrixView<'_, T>, rows: &[usize], out: &mut Matrix<T>) {
    for (place, &row) in rows.iter().enumerate() {
        out.row_mut(place).copy_from_slice(points.row(row));
    }
}

/// `count` pairs from the plan by systematic resampling: the plan's entries in a row, each as long as its mass, are
/// struck by `count` equidistant points whose first is drawn. So an entry comes ⌊count P/M⌋ or ⌈count P/M⌉ times, a
/// source ⌊count r/M⌋ or ⌈count r/M⌉ times for its mass r, and on average exactly in proportion. The pairs come in
/// random order.
///
/// (Kitagawa, *Monte Carlo filter and smoother for non-Gaussian nonlinear state space models*, 1996.) One word and a shuffle.
///
/// # Errors
/// [`Error::ZeroMass`] for a plan without mass.
///
/// # Examples
/// Two sources, three targets with weights:
/// ```
/// use brenier::matrix::Distance;
/// use brenier::ot::{Problem, coupling, exact};
/// use brenier::random::RandomStream;
/// use brenier::Matrix;
/// let x = Matrix::from_rows([[0.0], [1.0]]);
/// let y = Matrix::from_rows([[0.0], [0.5], [1.0]]);
/// let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean).with_target_weights(&[0.25, 0.5, 0.25]);
/// let pairs = coupling::sample_plan(&exact::solve(&problem)?.plan, 8, &mut RandomStream::new(1))?;
/// assert_eq!(pairs.sources.iter().filter(|&&source| source == 0).count(), 4);
/// let (from, to) = pairs.gather(&x, &y)?;
/// assert_eq!((from.shape(), to.shape()), ((8, 1), (8, 1)));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn sample_plan(plan: &TransportPlan, count: usize, random: &mut RandomStream) -> Result<Pairs> {
    let entries = plan.entries();
    let mass = sum(entries.iter().map(|entry| entry.mass));
    if mass <= 0.0 {
        return Err(Error::ZeroMass { what: "the plan's entries" });
    }
    let offset: f64 = random.uniform();
    let mut struck = Vec::with_capacity(count);
    let (mut below, mut entry) = (entries[0].mass, 0);
    for point in 0..count {
        let place = (point as f64 + offset) / count as f64 * mass;
        // The last entry takes what rounding leaves.
        while place >= below && entry + 1 < entries.len() {
            entry += 1;
            below += entries[entry].mass;
        }
        struck.push(entry);
    }
    random.shuffle(&mut struck);
    Ok(Pairs {
        sources: struck.iter().map(|&entry| entries[entry].source).collect(),
        targets: struck.iter().map(|&entry| entries[entry].target).collect(),
    })
}
