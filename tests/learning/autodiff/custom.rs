//! Operations of the user's own: their derivatives, and their errors.

use super::differences::check;
use super::operations::positive;
use super::row;
use brenier::autodiff::{CustomOperation, CustomPass, Tape, Variable};
use brenier::matrix::Operation;
use brenier::random::RandomStream;
use brenier::{Error, Matrix, MatrixView, MatrixViewMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `x yᵀ`, whose gradients are counted, and recorded where `records` says so.
struct Outer {
    calls: Arc<AtomicUsize>,
    records: bool,
    saved: Vec<f64>,
}

impl CustomOperation<f64> for Outer {
    fn name(&self) -> &'static str {
        "outer"
    }

    fn shape(&self, inputs: &[(usize, usize)]) -> Result<(usize, usize), Error> {
        match inputs {
            [left, right] if left.1 == 1 && right.1 == 1 => Ok((left.0, right.0)),
            [left, right] => Err(Error::Shapes { operation: "outer", left: *left, right: *right }),
            _ => Err(Error::Empty { what: "the list of factors" }),
        }
    }

    fn forward(
        &mut self,
        inputs: &[MatrixView<'_, f64>],
        mut out: MatrixViewMut<'_, f64>,
    ) -> Result<(), Error> {
        self.saved = inputs[1].column(0).collect();
        for i in 0..out.rows() {
            for (j, y) in self.saved.iter().enumerate() {
                if *y < 0.0 {
                    return Err(Error::Negative { what: "y", index: j, value: *y });
                }
                out[(i, j)] = inputs[0][(i, 0)] * y;
            }
        }
        Ok(())
    }

    fn backward(
        &self,
        pass: CustomPass<'_, f64>,
        gradients: &mut [Option<MatrixViewMut<'_, f64>>],
    ) -> Result<(), Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let (x, dout) = (pass.inputs[0], pass.dout);
        if let Some(dx) = &mut gradients[0] {
            for i in 0..dx.rows() {
                dx[(i, 0)] = self.saved.iter().enumerate().map(|(j, y)| dout[(i, j)] * y).sum();
            }
        }
        if let Some(dy) = &mut gradients[1] {
            for j in 0..dy.rows() {
                if dout[(0, j)].is_nan() {
                    return Err(Error::NotFinite { what: "dout", index: j, value: dout[(0, j)] });
                }
                dy[(j, 0)] = (0..x.rows()).map(|i| dout[(i, j)] * x[(i, 0)]).sum();
            }
        }
        Ok(())
    }

    fn record(
        &self,
        tape: &mut Tape<f64>,
        inputs: &[Variable],
        _out: Variable,
        dout: Variable,
        wanted: usize,
    ) -> Result<Option<Variable>, Error> {
        if !self.records {
            return Ok(None);
        }
        let read = if wanted == 0 { Operation::Plain } else { Operation::Transpose };
        tape.matmul_with(dout, read, inputs[1 - wanted], Operation::Plain).map(Some)
    }
}

fn outer(records: bool) -> (Outer, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    (Outer { calls: calls.clone(), records, saved: Vec::new() }, calls)
}

#[test]
fn custom_operations_have_the_derivatives_they_give() {
    let mut stream = RandomStream::new(8);
    let inputs = [stream.normal_matrix(3, 1), positive(&mut stream, (4, 1))];
    check("outer", &|tape, x| tape.custom(outer(true).0, x), &inputs);
    let (operation, calls) = outer(false);
    let mut tape = Tape::new();
    let (x, y) = (tape.variable(&inputs[0]), tape.variable(&inputs[1]));
    let product = tape.custom(operation, &[x, y]).unwrap();
    let square = tape.square(product).unwrap();
    let loss = tape.sum(square).unwrap();
    tape.backward(loss).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 1, "one call for both gradients");
    let recorded = tape.gradients(loss, &[x, y]).unwrap();
    for (&x, &recorded) in [x, y].iter().zip(&recorded) {
        assert_eq!(tape.gradient(x).unwrap(), tape.value(recorded).unwrap());
    }
    // Without a recording the second derivative is refused, by both ways, and not taken for zero.
    let again = tape.sum(recorded[0]).unwrap();
    let refused = [tape.backward(again).unwrap_err(), tape.gradients(again, &[x]).unwrap_err()];
    for error in refused {
        assert!(matches!(error, Error::NoGradient { operation: "outer", .. }), "{error}");
    }
}

#[test]
fn errors_of_custom_operations_come_back() {
    let mut tape = Tape::new();
    let x = tape.variable(&Matrix::from_rows([[1.0], [2.0]]));
    let negative = tape.variable(&Matrix::from_rows([[1.0], [-2.0]]));
    let wide = tape.variable(&row(&[1.0, 2.0]));
    let refused = tape.custom(outer(true).0, &[x, negative]).unwrap_err();
    assert_eq!(refused, Error::Negative { what: "y", index: 1, value: -2.0 });
    let refused = tape.custom(outer(true).0, &[x, wide]).unwrap_err();
    assert_eq!(refused, Error::Shapes { operation: "outer", left: (2, 1), right: (1, 2) });
    assert!(matches!(tape.custom(outer(true).0, &[x]), Err(Error::Empty { .. })));
    let foreign = Tape::<f64>::new().variable(&row(&[1.0]));
    assert!(matches!(
        tape.custom(outer(true).0, &[foreign]),
        Err(Error::ForeignVariable { operation: "outer", .. })
    ));
    let product = tape.custom(outer(true).0, &[x, x]).unwrap();
    let refused = tape.backward_from(product, &Matrix::filled(2, 2, f64::NAN)).unwrap_err();
    assert!(matches!(refused, Error::NotFinite { what: "dout", .. }));
    assert!(matches!(tape.gradient(x), Err(Error::NoGradient { .. })), "half a pass is none");
    // Inputs that need no gradient are not asked for one.
    let fixed = tape.constant(&Matrix::from_rows([[1.0], [2.0]]));
    let product = tape.custom(outer(true).0, &[x, fixed]).unwrap();
    tape.backward_from(product, &Matrix::filled(2, 2, f64::NAN)).unwrap();
    assert!(tape.gradient(x).unwrap()[(0, 0)].is_nan());
}
