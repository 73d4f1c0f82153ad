//! Entropic barycentres on regular grids, by convolutions.
//!
//! For the cost |x - y|² on a grid the kernel exp(-|x - y|²/ε) is a product of one kernel for each axis, so applying it to N = n^d numbers
//! takes d N n multiply-adds instead of N² (Solomon et al., ACM Trans. Graph. 34, 2015, "Convolutional Wasserstein distances"; they
//! stay outside the log domain, where a small ε underflows). See `log_kernel.rs` for how it is both fast and safe here.

use super::bregman::{EntropicBarycentre, EntropicOptions, Members, iterate};
use super::log_kernel::LogKernel;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::ot::progress::{Progress, run_to_the_end};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// A regular grid in one, two or three dimensions: its number of cells along each axis, and how far apart they are.
///
/// Histograms on it are arrays with the first axis outermost: `[rows, columns]` for images, row after row.
///
/// # Examples
/// ```
/// use brenier::ot::barycentre::Grid;
/// let image = Grid::new(&[28, 20])?.with_spacing(&[1.0 / 28.0, 1.0 / 28.0])?;
/// assert_eq!(image.points(), 560);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    shape: Vec<usize>,
    spacing: Vec<f64>,
}

impl Grid {
    /// The grid of cells at distance one.
    ///
    /// # Errors
    /// [`Error::Argument`] unless there are one to three axes with a cell at least and a number of cells that fits `usize`.
    pub fn new(shape: &[usize]) -> Result<Self> {
        if !(1..=3).contains(&shape.len()) {
            return Err(Error::Argument {
                name: "number of axes",
                value: shape.len() as f64,
                requirement: "it must be 1, 2 or 3",
            });
        }
        let points = shape.iter().try_fold(1_usize, |points, &length| points.checked_mul(length));
        if points.is_none_or(|points| points == 0) {
            return Err(Error::Argument {
                name: "number of cells of the grid",
                value: shape.iter().map(|&length| length as f64).product(),
                requirement: "it must be positive and fit the address space",
            });
        }
        Ok(Self { shape: shape.to_vec(), spacing: vec![1.0; shape.len()] })
    }

    /// Sets the distance between neighbours along each axis.
    ///
    /// # Errors
    /// [`Error::Shape`] unless there is one for each axis, [`Error::Argument`] for one that is not positive and finite.
    pub fn with_spacing(mut self, spacing: &[f64]) -> Result<Self> {
        if spacing.len() != self.shape.len() {
            return Err(Error::Shape {
                operation: "Grid::with_spacing",
                what: "number of spacings",
                expected: self.shape.len(),
                got: spacing.len(),
            });
        }
        if let Some(&value) = spacing.iter().find(|spacing| !(**spacing > 0.0 && spacing.is_finite())) {
            let requirement = "it must be positive and finite";
            return Err(Error::Argument { name: "spacing", value, requirement });
        }
        self.spacing = spacing.to_vec();
        Ok(self)
    }

    /// Cells along each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Distance of neighbours along each axis.
    pub fn spacing(&self) -> &[f64] {
        &self.spacing
    }

    /// Number of cells.
    pub fn points(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The entropic barycentre of histograms on a grid, a row each: (measures, cells), for the cost |x - y|² between cells.
///
/// An iteration costs, for each measure with λ > 0 and each cell, 2 (n₁ + n₂ + n₃) multiply-adds and a few exponentials.
/// The same as [`fixed_support`](fn@super::fixed_support) with the full cost matrix, up to rounding.
///
/// # Errors
/// As [`fixed_support`](fn@super::fixed_support): histograms, λ and options. [`Error::NotFiniteEntry`] if a cost over
/// ε is beyond the range of `f64`.
///
/// # Examples
/// See [the room](super).
#[doc(alias = "barycenter")]
#[doc(alias = "convolutional")]
pub fn on_grid<'a, T: Scalar>(
    histograms: impl Into<MatrixView<'a, T>>,
    weights: &[f64],
    grid: &Grid,
    options: &EntropicOptions,
) -> Result<EntropicBarycentre> {
    on_grid_with(histograms, weights, grid, options, &mut run_to_the_end)
}

/// [`on_grid`], telling `observer` about every iteration, which may stop it.
///
/// # Errors
/// As there.
pub fn on_grid_with<'a, T: Scalar>(
    histograms: impl Into<MatrixView<'a, T>>,
    weights: &[f64],
    grid: &Grid,
    options: &EntropicOptions,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<EntropicBarycentre> {
    options.validate()?;
    let members = Members::new("barycentre::on_grid", histograms.into(), weights, grid.points())?;
    let mut axes = Vec::new();
    for (&length, spacing) in grid.shape.iter().zip(&grid.spacing) {
        // Divided before it is squared: the square alone may leave the range.
        let unit = spacing / options.epsilon.sqrt();
        let axis = Matrix::from_fn(length, length, |i, j| (i.abs_diff(j) as f64 * unit).powi(2));
        axis.view().check_finite("costs / epsilon")?;
        axes.push(axis);
    }
    Ok(iterate(&members, &LogKernel::new(axes), grid.points(), options, observer))
}
