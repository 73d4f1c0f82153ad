//! Shapes that do not fit and variables of other recordings are refused.

use super::{Built, row};
use brenier::autodiff::Tape;
use brenier::matrix::Operation;
use brenier::{Error, Matrix};

#[test]
fn wrong_shapes_name_the_operation_and_both_shapes() {
    let mut tape = Tape::<f64>::new();
    let a = tape.variable(&Matrix::zeros(2, 3));
    let b = tape.variable(&Matrix::zeros(4, 5));
    let nodes = tape.len();
    let refused: [(Built, &str); 9] = [
        (tape.add(a, b), "add"),
        (tape.maximum(a, b), "maximum"),
        (tape.matmul(a, b), "matmul"),
        (tape.concatenate_rows(&[a, b]), "concatenate_rows"),
        (tape.concatenate_columns(&[a, b]), "concatenate_columns"),
        (tape.squared_distances(a, b), "squared_distances"),
        (tape.reshape(a, 4, 5), "reshape"),
        (tape.broadcast(a, 4, 5), "broadcast"),
        (tape.slice(a, 0..4, 2..5), "slice"),
    ];
    for (result, name) in refused {
        let expected = Error::Shapes { operation: name, left: (2, 3), right: (4, 5) };
        assert_eq!(result.unwrap_err(), expected, "{name}");
    }
    assert_eq!(
        tape.matmul_with(a, Operation::Transpose, b, Operation::Transpose).unwrap_err(),
        Error::Shapes { operation: "matmul", left: (3, 2), right: (5, 4) }
    );
    assert_eq!(
        tape.backward(a).unwrap_err(),
        Error::Shapes { operation: "backward of a loss", left: (2, 3), right: (1, 1) }
    );
    assert!(matches!(tape.gradients(a, &[a]), Err(Error::Shapes { operation: "gradients", .. })));
    assert!(matches!(tape.backward_from(a, &Matrix::zeros(3, 2)), Err(Error::Shapes { right: (3, 2), .. })));
    assert!(matches!(tape.vector_jacobian_product(a, b, &[a]), Err(Error::Shapes { .. })));
    assert!(matches!(tape.jacobian_vector_product(a, &[a], &[b]), Err(Error::Shapes { .. })));
    assert!(matches!(
        tape.jacobian_vector_product(a, &[a], &[]),
        Err(Error::Shape { expected: 1, got: 0, .. })
    ));
    assert!(matches!(tape.scalar(a), Err(Error::Shapes { .. })));
    assert!(matches!(tape.concatenate_rows(&[]), Err(Error::Empty { .. })));
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = tape.slice(a, 2..1, 0..1);
    assert!(matches!(backwards, Err(Error::Shapes { operation: "slice", .. })));
    assert!(tape.slice(a, usize::MAX - 1..usize::MAX, 0..1).is_err());
    let one = tape.filled(1, 1, 1.0).unwrap();
    for shape in [(usize::MAX, 2), (1 << 40, 1 << 40), (usize::MAX / 8, 1)] {
        assert!(matches!(tape.broadcast(one, shape.0, shape.1), Err(Error::Argument { .. })));
        assert!(matches!(tape.filled(shape.0, shape.1, 0.0), Err(Error::Argument { .. })));
    }
    let error = tape.gather_rows(a, &[0, 2]).unwrap_err();
    assert_eq!(error.to_string(), "indices of gather_rows[1] is 2: it must be below 2");
    assert!(matches!(tape.scatter_rows(a, &[0, 9], 9), Err(Error::OutOfRange { value: 9, limit: 9, .. })));
    assert!(matches!(tape.scatter_rows(a, &[0], 9), Err(Error::Shape { .. })));
    assert!(matches!(
        tape.pick_columns(a, &[0, 3]),
        Err(Error::OutOfRange { index: 1, value: 3, limit: 3, .. })
    ));
    assert!(matches!(tape.pick_columns(a, &[0]), Err(Error::Shape { .. })));
    // What was refused left nothing behind: the tape still works.
    let loss = tape.sum(a).unwrap();
    tape.backward(loss).unwrap();
    assert_eq!(tape.gradient(a).unwrap(), Matrix::filled(2, 3, 1.0).view());
    assert!(tape.len() <= nodes + 4);
}

#[test]
fn variables_of_other_recordings_are_refused() {
    let mut tape = Tape::<f64>::new();
    let mut other = Tape::<f64>::new();
    let old = tape.variable(&row(&[1.0]));
    let foreign = other.variable(&row(&[1.0]));
    assert_eq!(tape.exp(foreign).unwrap_err(), Error::ForeignVariable { operation: "exp", index: 0 });
    let second = tape.add(old, foreign).unwrap_err();
    assert!(matches!(second, Error::ForeignVariable { operation: "add", .. }));
    tape.clear();
    let new = tape.variable(&row(&[2.0]));
    assert_eq!(new.index(), old.index());
    assert!(matches!(tape.value(old), Err(Error::ForeignVariable { operation: "value", index: 0 })));
    assert!(
        tape.backward(old).is_err() && tape.gradients(old, &[new]).is_err() && tape.gradient(old).is_err()
    );
    assert!(tape.gradients(new, &[old]).is_err() && tape.detach(old).is_err() && tape.shape(old).is_err());
    assert!(tape.hessian_vector_product(new, &[old], &[new]).is_err());
    assert!(matches!(tape.gradient(new), Err(Error::NoGradient { .. })), "there was no pass yet");
    // A gradient of a pass before the variable was made is not one.
    tape.backward(new).unwrap();
    let newer = tape.variable(&row(&[2.0]));
    assert!(matches!(tape.gradient(newer), Err(Error::NoGradient { .. })));
}

#[test]
fn rows_without_entries_cannot_be_counted_beyond_the_largest_number() {
    let mut tape = Tape::<f32>::new();
    let tall = tape.filled(usize::MAX, 0, 1.0).unwrap();
    assert!(matches!(tape.concatenate_rows(&[tall, tall]), Err(Error::Shapes { .. })));
    assert_eq!(tape.len(), 1);
}
