//! The tape: every operation against finite differences, twice; products with derivatives; memory, shapes, threads; PyTorch's numbers.

mod custom;
mod derivatives;
mod differences;
mod edges;
mod hostile;
mod operations;
mod pytorch;
mod steps;

use brenier::autodiff::{Tape, Variable};
use brenier::{Error, Matrix};

type Built = Result<Variable, Error>;
type Build<'a> = &'a dyn Fn(&mut Tape<f64>, &[Variable]) -> Built;

fn row(entries: &[f64]) -> Matrix<f64> {
    Matrix::from_vec(1, entries.len(), entries.to_vec()).unwrap()
}
