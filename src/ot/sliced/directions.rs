//! Directions on the sphere.

use super::Options;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// How random directions are drawn. Each is uniform on the sphere either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Sampling {
    /// Each on its own.
    #[default]
    Independent,
    /// In blocks of d that are at right angles to each other (rows of a random orthogonal matrix): they cover the sphere more
    /// evenly. For p = 2 and a shift, each block has the integral exactly.
    Orthogonal,
}

/// The directions of the options, a row each, of length one.
pub(super) fn random_directions(dimension: usize, options: &Options) -> Result<Matrix<f64>> {
    if options.projections == 0 {
        return Err(Error::Argument {
            name: "number of projections",
            value: 0.0,
            requirement: "it must be at least 1",
        });
    }
    let mut stream = RandomStream::new(options.seed);
    let mut directions: Matrix<f64> = stream.normal_matrix(options.projections, dimension);
    let block = options.block(dimension);
    for row in 0..options.projections {
        let first = row / block * block;
        let mut direction = directions.row(row).to_vec();
        // What is left after the others are taken out is never so short unless a number was drawn that is hardly ever drawn.
        while !orthonormalise(&mut direction, &directions, first..row) {
            stream.fill_normal(&mut direction);
        }
        directions.row_mut(row).copy_from_slice(&direction);
    }
    Ok(directions)
}

/// Makes `direction` orthogonal to `rows` and of length one; false if hardly anything of it is left.
fn orthonormalise(direction: &mut [f64], directions: &Matrix<f64>, rows: std::ops::Range<usize>) -> bool {
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let before = norm(direction);
    // Twice is enough: the second time removes the rounding that the first has left.
    for _ in 0..2 {
        for row in rows.clone() {
            let other = directions.row(row);
            let dot: f64 = direction.iter().zip(other).map(|(x, y)| x * y).sum();
            direction.iter_mut().zip(other).for_each(|(x, y)| *x -= dot * y);
        }
    }
    let length = norm(direction);
    direction.iter_mut().for_each(|x| *x /= length);
    length > 1e-8 * before && length > 0.0
}

/// Whether there are directions, of this dimension, finite, none zero.
pub(super) fn check_directions<T: Scalar>(directions: MatrixView<'_, T>, dimension: usize) -> Result<()> {
    if directions.rows() == 0 {
        return Err(Error::Empty { what: "directions" });
    }
    if directions.columns() != dimension {
        return Err(Error::Shape {
            operation: "sliced",
            what: "dimension of the directions",
            expected: dimension,
            got: directions.columns(),
        });
    }
    directions.check_finite("directions")?;
    match directions.iter_rows().position(|row| row.iter().all(|&x| x == T::ZERO)) {
        None => Ok(()),
        Some(row) => Err(Error::ZeroVector { what: "directions", row }),
    }
}
