//! The problem along each direction: projections by matrix products, then sorting.

use super::SlicedProblem;
use super::buckets::{sorted, sorted_with_places};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, Operation, gemm};
use crate::ot::exact::masses::Masses;
use crate::ot::line::power::Power;
use crate::ot::line::staircase::Staircase;
use crate::ot::problem::{check_weights, sum};
use crate::parallel;
use crate::scalar::Scalar;

/// Directions that one task takes: enough that the projection is a matrix product.
pub(super) const DIRECTIONS: usize = 8;

const SOURCE: &str = "projections of the source";
const TARGET: &str = "projections of the target";

/// A checked problem.
pub(super) struct Slices<'a, T> {
    source: MatrixView<'a, T>,
    target: MatrixView<'a, T>,
    power: Power,
    p: f64,
    mass: Mass,
}

/// The mass of each point, in whole units, so that the plan on each line is exact.
enum Mass {
    /// Every source has the units of the first field, every target those of the second; a unit is the third.
    Uniform(i64, i64, f64),
    Weighted(Masses),
}

/// One cell of the plan on a line: source, target, mass, and the difference of their projections.
struct Cell {
    source: usize,
    target: usize,
    mass: f64,
    difference: f64,
}

impl<'a, T: Scalar> Slices<'a, T> {
    pub fn new(problem: &SlicedProblem<'a, T>) -> Result<Self> {
        let (source, target) = (problem.source, problem.target);
        let power = Power::new(problem.p)?;
        if source.columns() == 0 {
            return Err(Error::Empty { what: "the coordinates of the source" });
        }
        if source.columns() != target.columns() {
            return Err(Error::Shape {
                operation: "sliced",
                what: "dimension of the target",
                expected: source.columns(),
                got: target.columns(),
            });
        }
        let given = (problem.source_weights.as_ref(), problem.target_weights.as_ref());
        let weights = check_weights(given.0, source.rows(), given.1, target.rows())?;
        let most = source.rows().max(target.rows());
        if u32::try_from(most).is_err() {
            return Err(Error::Argument {
                name: "number of points",
                value: most as f64,
                requirement: "it must be below 2^32, as places in a cloud are kept in 32 bits",
            });
        }
        source.check_finite("source points")?;
        target.check_finite("target points")?;
        let mass = if given.0.is_none() && given.1.is_none() {
            let (n, m) = (source.rows(), target.rows());
            let divisor = greatest_common_divisor(n, m);
            let (of_source, of_target) = (m / divisor, n / divisor);
            Mass::Uniform(of_source as i64, of_target as i64, 1.0 / (n as f64 * of_source as f64))
        } else {
            Mass::Weighted(Masses::new(&weights))
        };
        Ok(Self { source, target, power, p: problem.p, mass })
    }

    /// The projections of both clouds: (directions, points).
    fn project(&self, directions: MatrixView<'_, T>) -> Result<[Matrix<T>; 2]> {
        let shadow = |points: MatrixView<'_, T>| {
            let mut shadow = Matrix::zeros(directions.rows(), points.rows());
            gemm(
                T::ONE,
                directions,
                Operation::Plain,
                points,
                Operation::Transpose,
                T::ZERO,
                shadow.view_mut(),
            )?;
            Ok(shadow)
        };
        Ok([shadow(self.source)?, shadow(self.target)?])
    }

    /// W_p^p along each direction.
    pub fn values(&self, directions: MatrixView<'_, T>) -> Result<Vec<f64>> {
        let parts = parallel::map_chunks(directions.rows(), DIRECTIONS, |range| {
            let [source, target] = self.project(directions.rows_range(range))?;
            source
                .iter_rows()
                .zip(target.iter_rows())
                .map(|(x, y)| self.value(x, y))
                .collect::<Result<Vec<f64>>>()
        });
        Ok(parts.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// W_p^p between the projections x and y.
    fn value(&self, x: &[T], y: &[T]) -> Result<f64> {
        match &self.mass {
            // Which number came from where does not matter: the numbers alone are sorted.
            &Mass::Uniform(of_source, of_target, unit) => {
                let (x, y) = (sorted(SOURCE, x)?, sorted(TARGET, y)?);
                if x.len() == y.len() {
                    return Ok(sum(x.iter().zip(&y).map(|(x, y)| self.power.cost(x - y))) * unit);
                }
                let cells = Staircase::new(x.len(), |_| of_source, y.len(), |_| of_target);
                let terms = cells
                    .filter(|cell| cell.units > 0)
                    .map(|cell| cell.units as f64 * unit * self.power.cost(x[cell.source] - y[cell.target]));
                Ok(sum(terms))
            }
            Mass::Weighted(_) => {
                let mut terms = Vec::with_capacity(x.len() + y.len());
                self.for_each_cell(x, y, |cell| terms.push(cell.mass * self.power.cost(cell.difference)))?;
                Ok(sum(terms))
            }
        }
    }

    /// The cells with mass of the plan between the projections x and y, from left to right.
    fn for_each_cell(&self, x: &[T], y: &[T], mut function: impl FnMut(Cell)) -> Result<()> {
        let (x, y) = (sorted_with_places(SOURCE, x)?, sorted_with_places(TARGET, y)?);
        let of_source = |k: usize| match &self.mass {
            Mass::Uniform(units, _, _) => *units,
            Mass::Weighted(masses) => masses.source[x[k].1 as usize],
        };
        let of_target = |k: usize| match &self.mass {
            Mass::Uniform(_, units, _) => *units,
            Mass::Weighted(masses) => masses.target[y[k].1 as usize],
        };
        for cell in Staircase::new(x.len(), of_source, y.len(), of_target) {
            if cell.units > 0 {
                let mass = match &self.mass {
                    Mass::Uniform(_, _, unit) => cell.units as f64 * unit,
                    Mass::Weighted(masses) => masses.weigh(cell.units),
                };
                let ((x, source), (y, target)) = (x[cell.source], y[cell.target]);
                let (source, target, difference) = (source as usize, target as usize, x - y);
                function(Cell { source, target, mass, difference });
            }
        }
        Ok(())
    }

    /// h'(d) = p |d|^(p-1) sgn(d), zero at zero.
    fn slope(&self, difference: f64) -> f64 {
        match self.power {
            _ if difference == 0.0 => 0.0,
            Power::Absolute => difference.signum(),
            Power::Square => 2.0 * difference,
            Power::General(p) => p * difference.abs().powf(p - 1.0) * difference.signum(),
        }
    }

    /// p.
    pub fn p(&self) -> f64 {
        self.p
    }

    /// W_p^p along each direction, and its derivatives by the projections of the sources, (directions, n), and of the
    /// targets, (directions, m).
    pub fn slopes(&self, directions: MatrixView<'_, T>) -> Result<(Vec<f64>, [Matrix<f64>; 2])> {
        let (n, m) = (self.source.rows(), self.target.rows());
        let parts = parallel::map_chunks(directions.rows(), DIRECTIONS, |range| -> Result<_> {
            let rows = range.len();
            let [source, target] = self.project(directions.rows_range(range))?;
            let (mut dsource, mut dtarget) = (vec![0.0; rows * n], vec![0.0; rows * m]);
            let mut values = Vec::with_capacity(rows);
            for row in 0..rows {
                let mut terms = Vec::with_capacity(n + m);
                let (dx, dy) = (&mut dsource[row * n..][..n], &mut dtarget[row * m..][..m]);
                self.for_each_cell(source.row(row), target.row(row), |cell| {
                    terms.push(cell.mass * self.power.cost(cell.difference));
                    let slope = cell.mass * self.slope(cell.difference);
                    dx[cell.source] += slope;
                    dy[cell.target] -= slope;
                })?;
                values.push(sum(terms));
            }
            Ok((values, dsource, dtarget))
        });
        let (mut values, mut dsource, mut dtarget) = (Vec::new(), Vec::new(), Vec::new());
        for part in parts {
            let part = part?;
            values.extend(part.0);
            dsource.extend(part.1);
            dtarget.extend(part.2);
        }
        let rows = directions.rows();
        Ok((values, [Matrix::from_vec(rows, n, dsource)?, Matrix::from_vec(rows, m, dtarget)?]))
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
