//! Samples, perturbations and sizes that nothing can be done with are refused.

use brenier::nn::adversarial::{
    BallOptions, Norm, PenalisedOptions, PenalisedStatus, cosine, fast_gradient_sign, penalised,
    projected_gradient, smallest_flip, transfer,
};
use brenier::nn::probe::{
    AdamwOptions, DiscriminantOptions, LikelihoodOptions, Probe, Samples, discriminant, fit_adamw,
    fit_likelihood, mean_difference,
};
use brenier::{Error, Matrix};

#[test]
fn hostile_samples_are_refused_with_their_place() {
    type Fit = fn(&Samples<'_, f32>) -> Result<(), Error>;
    let fits: [Fit; 4] = [
        |samples| fit_adamw(samples, &AdamwOptions::default().with_epochs(1)).map(drop),
        |samples| fit_likelihood(samples, &LikelihoodOptions::default()).map(drop),
        |samples| mean_difference(samples).map(drop),
        |samples| discriminant(samples, &DiscriminantOptions::default()).map(drop),
    ];
    let good = Matrix::from_rows([[0.0_f32, 1.0], [2.0, 0.5], [1.0, -1.0]]);
    for fit in fits {
        fit(&Samples::new(&good, &[0_u8, 1, 1])).unwrap();
        let mut bad = good.clone();
        bad[(2, 1)] = f32::NAN;
        let error = fit(&Samples::new(&bad, &[0_u8, 1, 1])).unwrap_err();
        assert_eq!(error.to_string(), "samples[2, 1] is NaN: it must be finite");
        let error = fit(&Samples::new(&good, &[0_u8, 1, 7])).unwrap_err();
        assert!(matches!(error, Error::Label { index: 2, label: 7, classes: 2 }));
        let error = fit(&Samples::new(&good, &[0_u8, 1])).unwrap_err();
        assert!(matches!(error, Error::Shape { expected: 3, got: 2, .. }));
        let error = fit(&Samples::new(&good, &[true; 3])).unwrap_err();
        assert!(matches!(error, Error::OneClass { class: 1, .. }));
        let error = fit(&Samples::new(&Matrix::zeros(0, 2), &[0_u8; 0])).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }));
        let error = fit(&Samples::new(&Matrix::zeros(3, 0), &[0_u8, 1, 1])).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }));
        let samples = Samples::new(&good, &[0_u8, 1, 1]);
        let error = fit(&samples.with_weights(&[1.0, 1.0])).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }));
        let error = fit(&samples.with_weights(&[1.0, -1.0, 1.0])).unwrap_err();
        assert!(matches!(error, Error::Negative { index: 1, .. }));
        let error = fit(&samples.with_weights(&[1.0, f64::NAN, 1.0])).unwrap_err();
        assert!(matches!(error, Error::NotFinite { index: 1, .. }));
        let error = fit(&samples.with_weights(&[0.0, 1.0, 1.0])).unwrap_err();
        assert!(matches!(error, Error::OneClass { class: 1, .. }));
        assert!(fit(&samples.with_weights(&[0.0; 3])).is_err());
    }
    let twins = Matrix::from_rows([[1.0_f32, 2.0], [1.0, 2.0]]);
    let error = mean_difference(&Samples::new(&twins, &[0_u8, 1])).unwrap_err();
    assert!(matches!(error, Error::ZeroDirection { .. }));
}

#[test]
fn hostile_attacks_are_refused() {
    let probe = Probe::new(&[1.0_f64, 2.0], None).unwrap();
    let x = Matrix::from_rows([[1.0, 1.0]]);
    let zero = Probe::new(&[0.0, 0.0], None).unwrap();
    assert!(matches!(smallest_flip(&zero, x.row(0), Norm::Euclidean, 0.0), Err(Error::ZeroDirection { .. })));
    assert!(smallest_flip(&probe, &[1.0], Norm::Euclidean, 0.0).is_err());
    assert!(smallest_flip(&probe, &[1.0, f64::NAN], Norm::Maximum, 0.0).is_err());
    for radius in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = projected_gradient(&probe, &x, &[true], &BallOptions::new(radius));
        assert!(matches!(refused, Err(Error::Argument { name: "radius", .. })));
    }
    assert!(matches!(fast_gradient_sign(&probe, &x, &[3_u8], 1.0), Err(Error::Label { .. })));
    assert!(fast_gradient_sign(&probe, &Matrix::from_rows([[f64::NAN, 0.0]]), &[true], 1.0).is_err());
    assert!(penalised(&probe, &Matrix::zeros(0, 2), &PenalisedOptions::default()).is_err());
    assert!(penalised(&probe, &x, &PenalisedOptions::default().with_penalty(-1.0)).is_err());
    assert!(transfer(&probe, &x, &[1.0]).is_err());
    assert!(matches!(transfer(&probe, &x, &[1.0, f64::NAN]), Err(Error::NotFinite { index: 1, .. })));
    assert!(matches!(cosine(&[0.0, 0.0], &[1.0, 0.0]), Err(Error::ZeroDirection { .. })));
    // A descent that overflows keeps the last good perturbation.
    let steep = PenalisedOptions::default().with_learning_rate(1e300).with_penalty(1e10);
    let found = penalised(&probe, &Matrix::from_rows([[-1.0, 0.0]]), &steep).unwrap();
    assert_eq!((found.status, found.steps), (PenalisedStatus::NotFinite { step: 1 }, 0));
    assert_eq!(found.delta, [0.0, 0.0]);
}

#[test]
fn probes_that_the_type_cannot_hold_are_refused() {
    let x = Matrix::from_rows([[1e-40_f32], [-1e-40]]);
    let options = LikelihoodOptions::default().with_penalty(1e-80);
    let refused = fit_likelihood(&Samples::new(&x, &[1_u8, 0]), &options);
    assert!(matches!(refused, Err(Error::NotFinite { .. })), "{refused:?}");
}

#[test]
fn more_bins_than_memory_are_refused() {
    use brenier::nn::probe::evaluation::calibration;
    let answer = calibration(&[0.5_f64, 0.25], &[true, false], usize::MAX);
    assert!(matches!(answer, Err(Error::Argument { name: "bins", .. })), "{answer:?}");
}
