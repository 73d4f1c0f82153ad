//! Targets that do not fit are refused; NaN is not hidden.

use super::{Data, Kind, losses};
use brenier::nn::loss::{
    CrossEntropy, HingeLoss, HuberLoss, Loss, MeanSquaredError, MultiClassHinge, Reduction, Targets,
};
use brenier::{Error, Matrix};

#[test]
fn bad_targets_are_refused_and_the_gradient_is_untouched() {
    let data = Data::<f64>::new(4, 3, 7);
    let refuse = |loss: &dyn Loss<f64>, targets: Targets<'_, f64>| {
        let mut dx = Matrix::filled(4, 3, 9.0);
        let error =
            loss.value_and_gradient_into(data.prediction.view(), &targets, dx.view_mut()).unwrap_err();
        let alone = loss.value(data.prediction.view(), &targets).unwrap_err();
        assert_eq!(alone.to_string(), error.to_string());
        assert_eq!(dx, Matrix::filled(4, 3, 9.0));
        error
    };
    for (name, loss, kind) in losses(Reduction::Mean, 3) {
        let loss = loss.as_ref();
        let other = Data::<f64>::new(5, 4, 8);
        let error = refuse(loss, other.targets(kind));
        assert!(
            matches!(error, Error::Shape { what: "number of targets", expected: 4, got: 5, .. }),
            "{name}: {error}"
        );
        let good = data.targets(kind);
        let error = refuse(loss, good.with_sample_weights(&[1.0; 3]));
        assert!(matches!(error, Error::Shape { what: "number of sample weights", .. }), "{name}: {error}");
        let error = refuse(loss, good.with_sample_weights(&[1.0, 2.0, -1.0, 0.0]));
        assert!(matches!(error, Error::Negative { index: 2, .. }), "{name}: {error}");
        let error = refuse(loss, good.with_sample_weights(&[1.0, f64::NAN, 1.0, 0.0]));
        assert!(matches!(error, Error::NotFinite { index: 1, .. }), "{name}: {error}");
        let error = refuse(loss, good.with_sample_weights(&[0.0; 4]));
        assert!(matches!(error, Error::ZeroWeight { .. }), "{name}: {error}");
        if kind == Kind::Classes {
            let error = refuse(loss, Targets::classes(&[0, 1, 3, 9]));
            assert_eq!(error, Error::Label { index: 2, label: 3, classes: 3 });
        } else {
            for bad in [f64::NAN, f64::INFINITY, -1e30] {
                if bad.is_finite() && kind == Kind::Values {
                    continue;
                }
                let mut matrix = Matrix::filled(4, 3, 1.0);
                matrix[(2, 1)] = bad;
                let error = refuse(loss, Targets::values(&matrix));
                let place = match error {
                    Error::NotFiniteEntry { row, column, .. }
                    | Error::Entry { row, column, .. }
                    | Error::NegativeEntry { row, column, .. } => (row, column),
                    _ => panic!("{name}: {error}"),
                };
                assert_eq!(place, (2, 1), "{name}");
            }
        }
        let empty = Matrix::<f64>::zeros(0, 3);
        let targets = match kind {
            Kind::Classes => Targets::classes(&[]),
            _ => Targets::values(&empty),
        };
        assert!(matches!(loss.value(empty.view(), &targets), Err(Error::Empty { .. })), "{name}");
        let mut short = Matrix::zeros(4, 2);
        let error =
            loss.value_and_gradient_into(data.prediction.view(), &data.targets(kind), short.view_mut());
        assert!(
            matches!(error, Err(Error::Shape { what: "number of columns of the gradient", .. })),
            "{name}"
        );
    }
    let wrong = refuse(&MeanSquaredError::default(), data.targets(Kind::Classes));
    assert_eq!(
        wrong.to_string(),
        "for this loss, the kind of targets \"classes\" is not known: expected values"
    );
    refuse(&MultiClassHinge::default(), data.targets(Kind::Values));
    refuse(&CrossEntropy::new().with_class_weights(&[1.0, 2.0]), data.targets(Kind::Classes));
    refuse(&CrossEntropy::new().with_class_weights(&[1.0, 2.0, f64::NAN]), data.targets(Kind::Classes));
    refuse(&CrossEntropy::new().with_label_smoothing(1.5), data.targets(Kind::Classes));
    refuse(&HuberLoss { delta: 0.0, ..HuberLoss::default() }, data.targets(Kind::Values));
    refuse(&HingeLoss { margin: f64::NAN, ..HingeLoss::default() }, data.targets(Kind::Signs));
}

/// NaN in a prediction is not hidden by a minimum, a maximum or a class that looks away.
#[test]
fn predictions_that_are_nan_give_a_loss_that_is_nan() {
    for columns in [1, 3, 8, 17, 40] {
        for place in [0, columns / 2, columns - 1] {
            let mut data = Data::<f32>::new(2, columns, 9);
            data.prediction[(1, place)] = f32::NAN;
            for (name, loss, kind) in losses::<f32>(Reduction::Mean, columns) {
                let mut dx = Matrix::zeros(2, columns);
                let targets = data.targets(kind);
                let value =
                    loss.value_and_gradient_into(data.prediction.view(), &targets, dx.view_mut()).unwrap();
                assert!(value.is_nan(), "{name}, {columns} columns, NaN at {place}: {value}");
            }
        }
    }
}
