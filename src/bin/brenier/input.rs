//! Reading the numbers that a command works on: `.npy`, or `.csv` by the file's name.

use crate::failure::{Failure, in_file};
use brenier::Matrix;
use brenier::data::csv::{self, CsvOptions};
use brenier::data::{ArrayData, npy};
use std::path::Path;

/// A matrix in the precision that its file has: `f32` stays `f32`, everything else becomes `f64`.
pub enum Numbers {
    /// From a `.npy` file of `<f4`.
    F32(Matrix<f32>),
    /// From anything else.
    F64(Matrix<f64>),
}

impl Numbers {
    /// Reads a matrix; a vector of n numbers is read as n x 1. `header` says that `.csv` files begin with names; a first
    /// line of numbers is refused then.
    pub fn read(path: &Path, header: bool) -> Result<Self, Failure> {
        if is_csv(path) {
            let table = csv::read(path, &CsvOptions::default().header(header))?;
            let names = table.header.unwrap_or_default();
            // A point taken for names would be lost without a word.
            if !names.is_empty() && names.iter().all(|name| name.trim().parse::<f64>().is_ok()) {
                return Err(Failure::Message(format!(
                    "{}: the first line has numbers ({}), but --csv-header says that it has the names of the columns",
                    path.display(),
                    names.join(",")
                )));
            }
            return Ok(Self::F64(table.values));
        }
        let array = npy::read(path)?;
        let numbers = match array.data() {
            ArrayData::F32(_) => array.into_matrix().map(Self::F32),
            _ => array.into_matrix().map(Self::F64),
        };
        numbers.map_err(|error| in_file(error, path))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::F32(matrix) => matrix.rows(),
            Self::F64(matrix) => matrix.rows(),
        }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        match self {
            Self::F32(matrix) => matrix.columns(),
            Self::F64(matrix) => matrix.columns(),
        }
    }

    /// The numbers row by row as `f64`, exactly.
    pub fn to_vec(&self) -> Vec<f64> {
        match self {
            Self::F32(matrix) => matrix.as_slice().iter().copied().map(f64::from).collect(),
            Self::F64(matrix) => matrix.as_slice().to_vec(),
        }
    }

    /// The numbers as `f64`, exactly.
    pub fn into_f64(self) -> Matrix<f64> {
        match self {
            Self::F32(matrix) => Matrix::from_fn(matrix.rows(), matrix.columns(), |row, column| {
                f64::from(matrix[(row, column)])
            }),
            Self::F64(matrix) => matrix,
        }
    }
}

/// Reads a vector, or a matrix of a single column; `what` names its numbers. How many there must be the solver knows.
pub fn read_column(path: &Path, what: &str, header: bool) -> Result<Numbers, Failure> {
    let numbers = Numbers::read(path, header)?;
    if numbers.columns() == 1 {
        return Ok(numbers);
    }
    Err(Failure::Message(format!(
        "{}: {what} are a vector or a single column, but this is a matrix of {} x {}",
        path.display(),
        numbers.rows(),
        numbers.columns()
    )))
}

/// Whether the file's name says that it is text.
pub fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}
