//! One side of a level: points or indices, with their masses, and the coarser version of it.

use crate::matrix::Matrix;
use crate::ot::ordering::DIMENSIONS_ORDERED;

/// How many members of a side become one of the coarser side.
pub(super) const COARSENING: usize = 4;

/// What a side of a level consists of.
#[derive(Clone, Debug)]
pub(super) enum Members {
    /// Scaled points, or means of some.
    Points(Matrix<f32>),
    /// Indices of rows or columns of the matrix.
    Indices(Vec<u32>),
}

/// The sources or the targets, all of them or a coarser version.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub members: Members,
    /// Their masses, which sum to one.
    pub weights: Vec<f32>,
}

impl Side {
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Some of the members.
    pub fn pick(&self, chosen: &[u32]) -> Self {
        let members = match &self.members {
            Members::Points(points) => {
                Members::Points(Matrix::from_fn(chosen.len(), points.columns(), |row, column| {
                    points[(chosen[row] as usize, column)]
                }))
            }
            Members::Indices(indices) => {
                Members::Indices(chosen.iter().map(|&at| indices[at as usize]).collect())
            }
        };
        Self { members, weights: chosen.iter().map(|&at| self.weights[at as usize]).collect() }
    }

    /// A quarter of the members: the means of four neighbours, or every fourth index.
    pub fn coarser(&self) -> Self {
        match &self.members {
            Members::Points(points) if points.columns() <= DIMENSIONS_ORDERED => {
                let count = self.len().div_ceil(COARSENING);
                let mut means = Matrix::zeros(count, points.columns());
                let mut weights = Vec::with_capacity(count);
                for cell in 0..count {
                    let members = cell * COARSENING..((cell + 1) * COARSENING).min(self.len());
                    let weight: f32 = self.weights[members.clone()].iter().sum();
                    for member in members {
                        let share = self.weights[member] / weight;
                        for (mean, &value) in means.row_mut(cell).iter_mut().zip(points.row(member)) {
                            *mean += share * value;
                        }
                    }
                    weights.push(weight);
                }
                Self { members: Members::Points(means), weights }
            }
            _ => {
                let chosen: Vec<usize> = (0..self.len()).step_by(COARSENING).collect();
                let mass: f32 = chosen.iter().map(|&k| self.weights[k]).sum();
                let members = match &self.members {
                    Members::Points(points) => {
                        Members::Points(Matrix::from_fn(chosen.len(), points.columns(), |row, column| {
                            points[(chosen[row], column)]
                        }))
                    }
                    Members::Indices(indices) => {
                        Members::Indices(chosen.iter().map(|&k| indices[k]).collect())
                    }
                };
                Self { members, weights: chosen.iter().map(|&k| self.weights[k] / mass).collect() }
            }
        }
    }
}
