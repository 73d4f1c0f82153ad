//! Options, shapes and parameters that do not fit are refused.

use brenier::nn::icnn::{IcnnInitialisation, NonNegativity, StrongConvexity};
use brenier::nn::{Activation, Icnn, IcnnOptions, IcnnWorkspace, Parameters};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

#[test]
fn what_does_not_fit_is_refused() {
    let mut stream = RandomStream::new(1);
    let refused = |options: IcnnOptions| options.build::<f64>(&mut RandomStream::new(1)).unwrap_err();
    for activation in
        [Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::Tanh, Activation::Sigmoid]
    {
        let error = refused(IcnnOptions::new(2, &[3]).with_activation(activation));
        assert!(matches!(error, Error::Choice { ref got, .. } if *got == activation.to_string()), "{error}");
    }
    for activation in [
        Activation::LeakyRelu { slope: -0.1 },
        Activation::LeakyRelu { slope: 1.5 },
        Activation::Elu { alpha: 1.01 },
        Activation::Elu { alpha: f64::NAN },
    ] {
        let error = refused(IcnnOptions::new(2, &[3]).with_activation(activation));
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    }
    assert!(matches!(refused(IcnnOptions::new(0, &[3])), Error::Empty { .. }));
    assert!(matches!(refused(IcnnOptions::new(2, &[])), Error::Empty { .. }));
    assert!(matches!(refused(IcnnOptions::new(2, &[3, 0])), Error::Empty { .. }));
    assert!(matches!(refused(IcnnOptions::new(2, &[1 << 40, 1 << 40])), Error::Argument { .. }));
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        let options = IcnnOptions::new(2, &[3]).with_strong_convexity(StrongConvexity::Fixed(alpha));
        assert!(matches!(refused(options), Error::Argument { .. }));
    }
    let options = IcnnOptions::new(2, &[3]).with_non_negativity(NonNegativity::Softplus);
    let zero = options.with_strong_convexity(StrongConvexity::Trainable(0.0));
    assert!(matches!(refused(zero), Error::Argument { value: 0.0, .. }));
    let not_one = IcnnOptions::new(2, &[3]).with_initialisation(IcnnInitialisation::NearIdentity);
    assert!(matches!(refused(not_one), Error::Argument { value: 0.0, .. }));

    let mut icnn: Icnn<f64> = IcnnOptions::new(2, &[3, 4]).build(&mut stream).unwrap();
    let mut workspace = IcnnWorkspace::new();
    assert!(matches!(icnn.forward(&Matrix::zeros(0, 2), &mut workspace), Err(Error::Empty { .. })));
    let wide = icnn.forward(&Matrix::zeros(1, 3), &mut workspace);
    assert!(matches!(wide, Err(Error::Shape { expected: 2, got: 3, .. })));
    let nan = icnn.forward(&Matrix::from_rows([[0.0, 1.0], [0.0, f64::NAN]]), &mut workspace);
    assert!(matches!(nan, Err(Error::NotFiniteEntry { row: 1, column: 1, .. })));

    let mut gradient = vec![0.0; icnn.parameters().len()];
    let dy = Matrix::zeros(2, 1);
    let early = icnn.backward(&dy, &mut workspace, &mut gradient, None);
    assert!(matches!(early, Err(Error::NoForwardPass { needed: "forward", .. })));
    let x = Matrix::zeros(2, 2);
    icnn.evaluate(&x, &mut workspace).unwrap();
    assert!(icnn.backward(&dy, &mut workspace, &mut gradient, None).is_err());
    icnn.forward(&x, &mut workspace).unwrap();
    icnn.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
    assert!(matches!(icnn.backward(&dy, &mut workspace, &mut gradient[1..], None), Err(Error::Shape { .. })));
    let wrong = icnn.backward(&Matrix::zeros(3, 1), &mut workspace, &mut gradient, None);
    assert!(matches!(wrong, Err(Error::Shape { expected: 2, got: 3, .. })));
    let first_order = icnn.input_gradient_backward(&x, &mut workspace, &mut gradient, None);
    assert!(matches!(first_order, Err(Error::NoForwardPass { needed: "forward_for_second_order", .. })));
    assert!(matches!(icnn.hessian_vector_product(&x, &Matrix::zeros(2, 3)), Err(Error::Shape { .. })));

    // A negative weight, and NaN, named by their place among the parameters; a refused pass leaves no pass behind.
    let place =
        icnn.tensors().into_iter().find(|tensor| tensor.name == "hidden.1.weight").unwrap().range.start + 2;
    icnn.parameters_mut()[place] = -0.5;
    let negative = icnn.forward(&x, &mut workspace);
    assert!(matches!(negative, Err(Error::Negative { index, value: -0.5, .. }) if index == place));
    assert!(icnn.backward(&dy, &mut workspace, &mut gradient, None).is_err());
    icnn.project();
    assert_eq!(icnn.parameters()[place], 0.0);
    icnn.forward(&x, &mut workspace).unwrap();
    icnn.parameters_mut()[3] = f64::NAN;
    icnn.project();
    assert!(matches!(icnn.forward(&x, &mut workspace), Err(Error::NotFinite { index: 3, .. })));
}
