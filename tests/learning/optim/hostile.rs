//! States, lengths and options that do not fit are refused; NaN is not hidden.

use super::{data, optimisers};
use brenier::Error;
use brenier::nn::optim::{
    Adam, AdamOptions, AverageStart, Moment, Optimiser, ParameterGroup, Sgd, SgdOptions, WeightAverage,
};

#[test]
fn bad_states_are_refused_and_leave_the_optimiser_as_it_was() {
    let (start, gradients) = data::<f64>(10, 2);
    for make in optimisers::<f64>() {
        let (mut parameters, mut optimiser) = (start.clone(), make());
        optimiser.step(&mut parameters, &gradients[0]).unwrap();
        let good = optimiser.state();
        let mut bad = vec![good.clone(); 4];
        bad[0].kind = "Muon".into();
        bad[1].learning_rate = f64::NAN;
        let one_too_many = Moment { name: "exp_avg".into(), values: vec![0.0; 10] };
        bad[2].moments.push(one_too_many);
        if let Some(moment) = bad[3].moments.last_mut() {
            moment.values.pop();
        }
        if good.moments.len() < 2 {
            // A single moment may have any length: another number of parameters is then found at the step.
            bad.pop();
        }
        for state in bad {
            assert!(optimiser.restore(state.clone()).is_err(), "{state:?}");
            assert_eq!(optimiser.state(), good);
        }
    }
}

#[test]
fn lengths_that_differ_are_refused_and_nothing_changes() {
    for make in optimisers::<f32>() {
        let mut optimiser = make();
        let mut parameters = [1.0, 2.0, 3.0];
        assert!(matches!(optimiser.step(&mut [], &[]), Err(Error::Empty { .. })));
        assert!(matches!(
            optimiser.step(&mut parameters, &[1.0]),
            Err(Error::Shape { expected: 3, got: 1, .. })
        ));
        optimiser.step(&mut parameters, &[1.0, 1.0, 1.0]).unwrap();
        let before = (parameters, optimiser.state());
        assert!(matches!(
            optimiser.step(&mut parameters[..2], &[1.0, 1.0]),
            Err(Error::Shape { what: "number of parameters", expected: 3, got: 2, .. })
        ));
        for rate in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(optimiser.set_learning_rate(rate), Err(Error::Argument { .. })));
        }
        assert_eq!((parameters, optimiser.state()), before);
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let adam = AdamOptions::default;
    for options in [
        adam().with_learning_rate(-1.0),
        adam().with_betas(1.0, 0.9),
        adam().with_betas(0.9, -0.1),
        adam().with_epsilon(f64::NAN),
        adam().with_weight_decay(f64::INFINITY),
        adam().with_groups(&[ParameterGroup::new(3..5), ParameterGroup::new(4..6)]),
    ] {
        assert!(matches!(Adam::<f64>::new(options.clone()), Err(Error::Argument { .. })), "{options:?}");
    }
    let sgd = SgdOptions::default;
    for options in [
        sgd().with_momentum(-0.1),
        sgd().with_nesterov(true),
        sgd().with_momentum(0.9).with_dampening(0.1).with_nesterov(true),
        sgd().with_dampening(f64::NAN),
    ] {
        assert!(matches!(Sgd::<f64>::new(options.clone()), Err(Error::Argument { .. })), "{options:?}");
    }
    let mut adam = Adam::new(adam().with_groups(&[ParameterGroup::new(1..4)])).unwrap();
    let mut parameters = [1.0_f64; 3];
    assert!(matches!(adam.step(&mut parameters, &[1.0; 3]), Err(Error::Shape { expected: 3, got: 4, .. })));
    assert_eq!(parameters, [1.0; 3]);
}

/// NaN in a gradient shows in the parameter it belongs to, and in no other.
#[test]
fn what_is_not_finite_is_not_hidden() {
    for make in optimisers::<f64>() {
        let mut parameters = vec![1.0; 20];
        let mut gradient = vec![0.5; 20];
        gradient[13] = f64::NAN;
        make().step(&mut parameters, &gradient).unwrap();
        assert!(parameters.iter().enumerate().all(|(k, p)| p.is_nan() == (k == 13)));
    }
}

#[test]
fn states_with_numbers_that_no_run_has_are_no_trap() {
    let mut first = Adam::<f64>::new(AdamOptions::default().with_amsgrad(true)).unwrap();
    first.step(&mut [1.0, 2.0], &[1.0, -1.0]).unwrap();
    let mut second = first.clone();
    for place in [1, 2] {
        let mut state = first.state();
        state.moments[place].values[1] = -1.0;
        assert!(matches!(second.restore(state), Err(Error::Negative { index: 1, .. })));
        assert_eq!(second.state(), first.state());
    }
    let mut state = first.state();
    state.steps = u64::MAX;
    second.restore(state).unwrap();
    let mut parameters = [1.0, 2.0];
    second.step(&mut parameters, &[1.0, -1.0]).unwrap();
    assert!(parameters.iter().all(|parameter| parameter.is_finite()));

    let mut average = WeightAverage::new(0.9, AverageStart::BiasCorrected).unwrap();
    average.restore(vec![1.0], u64::MAX).unwrap();
    average.update(&[2.0]).unwrap();
    assert!((average.weights()[0] - 1.1_f64).abs() < 1e-15);
}
