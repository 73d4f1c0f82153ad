//! Infinite, empty, very long: numbers and shapes at the edge.

use super::row;
use brenier::autodiff::{Axis, Tape};
use brenier::matrix::Operation;
use brenier::{Error, Matrix};

#[test]
fn softmaxes_do_not_overflow_and_know_their_edges() {
    let mut tape = Tape::<f32>::new();
    let x = tape.variable(&Matrix::from_rows([[1e4_f32, 1e4, 0.0], [-1e4, -1e4, -1e4]]));
    let softmax = tape.softmax(x, Axis::Rows).unwrap();
    let third = 1.0 / 3.0;
    assert_eq!(
        tape.value(softmax).unwrap(),
        Matrix::from_rows([[0.5, 0.5, 0.0], [third, third, third]]).view()
    );
    let logarithm = tape.log_softmax(x, Axis::Rows).unwrap();
    assert_eq!(tape.value(logarithm).unwrap()[(0, 2)], -1e4 - std::f32::consts::LN_2);
    // Without entries, or with infinite ones, the logarithm of the sum is what the sum says.
    let mut tape = Tape::<f64>::new();
    let infinity = f64::INFINITY;
    let x = tape.variable(&Matrix::from_rows([[-infinity, -infinity], [infinity, 0.0], [-infinity, 3.0]]));
    let y = tape.log_sum_exp(x, Axis::Rows).unwrap();
    assert_eq!(tape.value(y).unwrap(), Matrix::from_rows([[-infinity], [infinity], [3.0]]).view());
    let empty = tape.variable(&Matrix::zeros(2, 0));
    let y = tape.log_sum_exp(empty, Axis::Rows).unwrap();
    assert_eq!(tape.value(y).unwrap(), Matrix::from_rows([[-infinity], [-infinity]]).view());
}

#[test]
fn empty_matrices_go_through() {
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&Matrix::zeros(0, 3));
    let bias = tape.variable(&Matrix::filled(1, 3, 1.0));
    let weight = tape.variable(&Matrix::zeros(2, 3));
    let sum = tape.add(x, bias).unwrap();
    let tanh = tape.tanh(sum).unwrap();
    let product = tape.matmul_with(tanh, Operation::Plain, weight, Operation::Transpose).unwrap();
    let softmax = tape.softmax(product, Axis::Rows).unwrap();
    let total = tape.sum(softmax).unwrap();
    assert_eq!(tape.scalar(total).unwrap(), 0.0);
    tape.backward(total).unwrap();
    assert_eq!(tape.gradient(bias).unwrap(), Matrix::zeros(1, 3).view());
    assert_eq!(tape.gradient(weight).unwrap(), Matrix::zeros(2, 3).view());
    assert_eq!(tape.gradient(x).unwrap().shape(), (0, 3));
    let gradients = tape.gradients(total, &[weight, x]).unwrap();
    assert_eq!(tape.value(gradients[0]).unwrap(), Matrix::zeros(2, 3).view());
    let distances = tape.squared_distances(x, weight).unwrap();
    assert_eq!(tape.shape(distances).unwrap(), (0, 2));
    assert!(matches!(tape.mean(x), Err(Error::Empty { .. })));
    assert!(matches!(tape.column_means(x), Err(Error::Empty { .. })));
    let means = tape.row_means(x).unwrap();
    assert_eq!(tape.shape(means).unwrap(), (0, 1));
    let gathered = tape.gather_rows(weight, &[]).unwrap();
    assert_eq!(tape.shape(gathered).unwrap(), (0, 3));
    let nothing = tape.concatenate_rows(&[x, gathered]).unwrap();
    assert_eq!(tape.shape(nothing).unwrap(), (0, 3));
}

#[test]
fn deep_tapes_need_no_stack() {
    const DEPTH: usize = 100_000;
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&row(&[1.0]));
    let mut y = x;
    for _ in 0..DEPTH {
        y = tape.shift(y, 1e-3).unwrap();
    }
    let twice = tape.add(y, x).unwrap();
    tape.backward(twice).unwrap();
    assert_eq!(tape.gradient(x).unwrap().row(0), [2.0]);
    let square = tape.square(twice).unwrap();
    let gradient = tape.gradients(square, &[x]).unwrap()[0];
    let second = tape.gradients(gradient, &[x]).unwrap()[0];
    assert_eq!(tape.scalar(second).unwrap(), 8.0);
    drop(tape);
}

#[test]
fn the_first_number_that_is_not_finite_is_named() {
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&Matrix::from_rows([[1.0, 2.0], [3.0, -1.0]]));
    assert!(tape.first_not_finite().is_none());
    let root = tape.sqrt(x).unwrap();
    let doubled = tape.scale(root, 2.0).unwrap();
    tape.sum(doubled).unwrap();
    let found = tape.first_not_finite().unwrap();
    assert_eq!((found.operation, found.variable, found.row, found.column), ("sqrt", root, 1, 1));
    assert!(found.value.is_nan());
}
