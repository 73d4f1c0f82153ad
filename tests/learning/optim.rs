//! Optimisers and schedules: against numbers that PyTorch 2.15 computed in f64, closed forms, and bit equality.
//!
//! The numbers are from
//! ```python
//! import torch
//! torch.set_default_dtype(torch.float64)
//! def run(make, steps=10):
//!     p = torch.tensor([0.5, -1.25, 2.0, 0.0, -3.0], requires_grad=True)
//!     a = torch.tensor([1.0, 0.3, 2.5, 0.01, 0.7]); c = torch.tensor([1.0, 2.0, -1.0, 0.5, 0.25])
//!     o = make([p])
//!     for t in range(steps):
//!         o.zero_grad(); (a * (p - c) ** 2).sum().backward(); o.step()
//!     return p.tolist()
//! def rates(make, n, lr):
//!     p = torch.zeros(1, requires_grad=True); o = torch.optim.SGD([p], lr=lr); s = make(o); r = []
//!     for _ in range(n):
//!         r.append(o.param_groups[0]["lr"]); o.step(); s.step()
//!     return r
//! ```
//! with the optimiser or scheduler that stands beside each of them.

use brenier::nn::optim::{
    Adam, AdamOptions, Annealing, AverageStart, Moment, OneCycle, Optimiser, ParameterGroup, PlateauOptions,
    ReduceOnPlateau, Schedule, Sgd, SgdOptions, WeightAverage, clip_by_norm, gradient_norm,
};
use brenier::random::RandomStream;
use brenier::{Error, Scalar};
use proptest::prelude::*;

const SLOPE: [f64; 5] = [1.0, 0.3, 2.5, 0.01, 0.7];
const CENTRE: [f64; 5] = [1.0, 2.0, -1.0, 0.5, 0.25];

fn run(optimiser: &mut dyn Optimiser<f64>) -> [f64; 5] {
    let mut p = [0.5, -1.25, 2.0, 0.0, -3.0];
    for _ in 0..10 {
        let gradient: Vec<f64> = (0..5).map(|k| 2.0 * SLOPE[k] * (p[k] - CENTRE[k])).collect();
        optimiser.step(&mut p, &gradient).unwrap();
    }
    p
}

/// Ten steps of some ten roundings each on numbers of order one: 200 EPS leave room for the corrections' powers.
fn assert_close(name: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!(
            (got - expected).abs() <= 200.0 * f64::EPSILON * expected.abs().max(1.0),
            "{name}: {got} not {expected}"
        );
    }
}

#[test]
fn sgd_gives_pytorch_s_numbers() {
    let base = || SgdOptions::default().with_learning_rate(0.05);
    let cases: [(&str, SgdOptions, [f64; 5]); 5] = [
        (
            "SGD(p, lr=0.05)",
            base(),
            [
                0.82566077995,
                -0.39662841240851693,
                -0.8310594558715821,
                0.004977559895125895,
                -1.3229424983327032,
            ],
        ),
        (
            "SGD(p, lr=0.05, weight_decay=0.1)",
            base().with_weight_decay(0.1),
            [
                0.8031926872420522,
                -0.3615510269538754,
                -0.8234151155343065,
                0.0048671374824823125,
                -1.2494162372733157,
            ],
        ),
        (
            "SGD(p, lr=0.05, momentum=0.9)",
            base().with_momentum(0.9),
            [1.2943946944, 1.8333296217059853, 0.027605095195800948, 0.020510471123271666, 1.910072536588831],
        ),
        (
            "SGD(p, lr=0.05, momentum=0.8, dampening=0.3, weight_decay=0.02)",
            base().with_momentum(0.8).with_dampening(0.3).with_weight_decay(0.02),
            [
                1.1139937732966703,
                0.6893422463777691,
                -1.215797944185743,
                0.011774911456050282,
                0.4941688480174546,
            ],
        ),
        (
            "SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True)",
            base().with_momentum(0.9).with_weight_decay(0.01).with_nesterov(true),
            [
                1.1658159704067215,
                1.9186261928730433,
                -0.6270813176221235,
                0.023188082982531975,
                1.458717456083335,
            ],
        ),
    ];
    for (name, options, expected) in cases {
        assert_close(name, &run(&mut Sgd::new(options).unwrap()), &expected);
    }
}

#[test]
fn adam_gives_pytorch_s_numbers() {
    let adam = AdamOptions::default;
    let cases: [(&str, AdamOptions, [f64; 5]); 7] = [
        (
            "Adam(p)",
            adam(),
            [
                0.5099934520779248,
                -1.240000993597752,
                1.9900010765734912,
                0.009993442146244888,
                -2.9900009935684335,
            ],
        ),
        (
            "Adam(p, lr=0.1)",
            adam().with_learning_rate(0.1),
            [
                1.2033228261019808,
                -0.2628127363223584,
                1.0141884085708601,
                0.7033225246390937,
                -2.0128127332650148,
            ],
        ),
        (
            "Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2)",
            adam().with_learning_rate(0.1).with_betas(0.8, 0.95).with_epsilon(1e-3).with_weight_decay(0.2),
            [
                1.0116019136907035,
                -0.273859218092277,
                1.0213863605218587,
                0.039790470662254565,
                -2.0194452894893855,
            ],
        ),
        (
            "Adam(p, lr=0.4, betas=(0.5, 0.6), amsgrad=True)",
            adam().with_learning_rate(0.4).with_betas(0.5, 0.6).with_amsgrad(true),
            [
                1.0142107345848146,
                1.5761001802463623,
                -0.7139877174681315,
                0.5142107356417497,
                -0.17389981443996547,
            ],
        ),
        (
            "AdamW(p)",
            AdamOptions::adamw(),
            [
                0.5099430379610267,
                -1.2398764616101896,
                1.989801557096793,
                0.009992992498904063,
                -2.989701486888212,
            ],
        ),
        (
            "AdamW(p, lr=0.1)",
            AdamOptions::adamw().with_learning_rate(0.1),
            [
                1.1988937565285047,
                -0.2549855243905237,
                0.9990502309610241,
                0.700865495581075,
                -1.9878502355317684,
            ],
        ),
        (
            "AdamW(p, lr=0.4, betas=(0.5, 0.6), weight_decay=0.3, amsgrad=True)",
            AdamOptions::adamw()
                .with_learning_rate(0.4)
                .with_betas(0.5, 0.6)
                .with_weight_decay(0.3)
                .with_amsgrad(true),
            [
                0.9180440261764542,
                1.1607420180911148,
                -0.6244171699704729,
                0.461747248224626,
                0.14926021266360873,
            ],
        ),
    ];
    for (name, options, expected) in cases {
        assert_close(name, &run(&mut Adam::new(options).unwrap()), &expected);
    }
}

#[test]
fn schedules_give_pytorch_s_rates() {
    let rates = |schedule: Schedule, count| (0..count).map(|step| schedule.rate(step)).collect::<Vec<_>>();
    let one_cycle =
        OneCycle::default().with_rise(0.45).with_divisors(10.0, 100.0).with_annealing(Annealing::Linear);
    let cases: [(&str, Schedule, &[f64]); 7] = [
        (
            "StepLR(o, 3, 0.5)",
            Schedule::steps(0.2, 3, 0.5).unwrap(),
            &[0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05],
        ),
        (
            "ExponentialLR(o, 0.7)",
            Schedule::exponential(0.2, 0.7).unwrap(),
            &[0.2, 0.14, 0.098, 0.0686, 0.04802],
        ),
        (
            "LinearLR(o, 0.25, 1.0, 4)",
            Schedule::linear(0.05, 0.2, 4).unwrap(),
            &[0.05, 0.0875, 0.125, 0.1625, 0.2, 0.2],
        ),
        (
            "CosineAnnealingLR(o, 6, 0.01)",
            Schedule::cosine(0.2, 0.01, 6).unwrap(),
            &[0.2, 0.1872724133595217, 0.1525, 0.105, 0.0575, 0.022727586640478324, 0.01],
        ),
        (
            "CosineAnnealingWarmRestarts(o, 2, 2, 0.01)",
            Schedule::warm_restarts(0.2, 0.01, 2, 2).unwrap(),
            &[0.2, 0.105, 0.2, 0.172175144212722, 0.105, 0.03782485578727799, 0.2, 0.19276855558857225],
        ),
        (
            "OneCycleLR(o, 0.2, total_steps=10)",
            Schedule::one_cycle(0.2, 10).unwrap(),
            &[
                0.008,
                0.104,
                0.2,
                0.19009692640269477,
                0.1623491307899526,
                0.12225240438725786,
                0.07774839561274215,
                0.0376516692100474,
                0.009903873597305258,
                8e-07,
            ],
        ),
        (
            "OneCycleLR(o, 0.2, total_steps=7, pct_start=0.45, anneal_strategy='linear', div_factor=10, final_div_factor=100)",
            Schedule::one_cycle_with(0.2, 7, one_cycle).unwrap(),
            &[
                0.02,
                0.10372093023255816,
                0.1874418604651163,
                0.1558883116883117,
                0.1039922077922078,
                0.05209610389610389,
                0.0002,
            ],
        ),
    ];
    for (name, schedule, expected) in cases {
        assert_close(name, &rates(schedule, expected.len() as u64), expected);
    }
    let options = PlateauOptions::default()
        .with_factor(0.3)
        .with_patience(2)
        .with_cooldown(1)
        .with_threshold(0.05)
        .with_smallest(0.02);
    let mut plateau = ReduceOnPlateau::new(0.5, options).unwrap();
    // ReduceLROnPlateau(o, factor=0.3, patience=2, cooldown=1, threshold=0.05, min_lr=0.02) from lr=0.5
    let losses = [
        5.0, 4.0, 3.9, 3.85, 3.81, 3.5, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 2.0, 2.0, 2.0, 2.0, 2.0,
    ];
    let expected = [0.5, 0.5, 0.5, 0.5, 0.15, 0.15, 0.15, 0.15, 0.045, 0.045, 0.045, 0.045];
    let got = losses.map(|loss| plateau.observe(loss).unwrap());
    assert_close("ReduceLROnPlateau", &got[..12], &expected);
    assert_eq!(got[12..], [0.02; 8]);
}

#[test]
fn schedules_beyond_their_end_and_their_warm_up() {
    let cosine = Schedule::cosine(1.0, 0.1, 10).unwrap().with_warm_up(4);
    assert_eq!([0, 1, 2, 3, 4].map(|step| cosine.rate(step)), [0.25, 0.5, 0.75, 1.0, 1.0]);
    for step in [14, 15, 1_000_000, u64::MAX] {
        assert_eq!(cosine.rate(step), 0.1);
    }
    assert_eq!(Schedule::one_cycle(1.0, 10).unwrap().rate(u64::MAX), 1.0 / 250_000.0);
    assert_eq!(Schedule::one_cycle(1.0, 1).unwrap().rate(0), 1.0 / 250_000.0);
    assert_eq!(Schedule::warm_restarts(1.0, 0.0, 3, 1).unwrap().rate(3_000_000_000_000), 1.0);
    assert!(Schedule::warm_restarts(1.0, 0.0, 3, 2).unwrap().rate(u64::MAX) <= 1.0);
    assert_eq!(Schedule::constant(0.3).unwrap().rate(99), 0.3);
    let refused = [
        Schedule::constant(-1.0),
        Schedule::constant(f64::NAN),
        Schedule::steps(1.0, 0, 0.5),
        Schedule::steps(1.0, 1, f64::INFINITY),
        Schedule::exponential(1.0, -0.5),
        Schedule::linear(1.0, 0.1, 0),
        Schedule::cosine(1.0, f64::NAN, 5),
        Schedule::warm_restarts(1.0, 0.0, 1, 0),
        Schedule::one_cycle(1.0, 0),
        Schedule::one_cycle_with(1.0, 5, OneCycle::default().with_rise(1.5)),
        Schedule::one_cycle_with(1.0, 5, OneCycle::default().with_divisors(0.5, 2.0)),
    ];
    assert!(refused.iter().all(|result| matches!(result, Err(Error::Argument { .. }))), "{refused:?}");
}

type Maker<T> = Box<dyn Fn() -> Box<dyn Optimiser<T>> + Sync>;

fn optimisers<T: Scalar>() -> Vec<Maker<T>> {
    let sgd =
        |options: SgdOptions| -> Maker<T> { Box::new(move || Box::new(Sgd::new(options.clone()).unwrap())) };
    let adam = |options: AdamOptions| -> Maker<T> {
        Box::new(move || Box::new(Adam::new(options.clone()).unwrap()))
    };
    vec![
        sgd(SgdOptions::default().with_weight_decay(0.1)),
        sgd(SgdOptions::default().with_momentum(0.9).with_nesterov(true)),
        adam(AdamOptions::default().with_weight_decay(0.01)),
        adam(AdamOptions::adamw()),
        adam(AdamOptions::adamw().with_amsgrad(true)),
    ]
}

/// Gradients and starting parameters of a fixed seed.
fn data<T: Scalar>(length: usize, steps: usize) -> (Vec<T>, Vec<Vec<T>>) {
    let mut stream = RandomStream::new(5);
    let mut normal = || {
        let mut x = vec![T::ZERO; length];
        stream.fill_normal(&mut x);
        x
    };
    (normal(), (0..steps).map(|_| normal()).collect())
}

/// An element's bits depend on that element alone: not on the length, its place, or the threads.
#[cfg(feature = "parallel")]
#[test]
fn steps_do_not_depend_on_place_or_threads() {
    fn check<T: Scalar>() {
        let length = 3 * 65_536 + 1234;
        let (start, gradients) = data::<T>(length, 3);
        for make in optimisers::<T>() {
            let whole = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let (mut parameters, mut optimiser) = (start.clone(), make());
                    gradients.iter().for_each(|g| optimiser.step(&mut parameters, g).unwrap());
                    parameters
                })
            };
            let expected = whole(1);
            assert!(whole(3) == expected);
            for place in [0, 1, 65_535, 65_536, length - 1] {
                let (mut parameter, mut optimiser) = ([start[place]], make());
                gradients.iter().for_each(|g| optimiser.step(&mut parameter, &[g[place]]).unwrap());
                assert_eq!(parameter[0], expected[place], "{place}");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_state_that_is_put_back_goes_on_with_the_same_bits() {
    let (start, gradients) = data::<f32>(1000, 10);
    for make in optimisers::<f32>() {
        let (mut parameters, mut optimiser) = (start.clone(), make());
        optimiser.set_learning_rate(0.05).unwrap();
        gradients[..6].iter().for_each(|g| optimiser.step(&mut parameters, g).unwrap());
        let (mut other_parameters, mut other) = (parameters.clone(), make());
        other.restore(optimiser.state()).unwrap();
        assert_eq!((other.steps(), other.learning_rate()), (6, 0.05));
        for g in &gradients[6..] {
            optimiser.step(&mut parameters, g).unwrap();
            other.step(&mut other_parameters, g).unwrap();
        }
        assert_eq!(parameters, other_parameters);
        assert_eq!(optimiser.state(), other.state());
        // A reset is a new beginning, at the same rate.
        optimiser.reset();
        let mut fresh = make();
        fresh.set_learning_rate(0.05).unwrap();
        let (mut a, mut b) = (start.clone(), start.clone());
        optimiser.step(&mut a, &gradients[0]).unwrap();
        fresh.step(&mut b, &gradients[0]).unwrap();
        assert_eq!(a, b);
    }
}

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

/// A group's parameters move as with an optimiser of their own that has the group's numbers.
#[test]
fn groups_are_optimisers_of_their_own() {
    let (start, gradients) = data::<f64>(50, 5);
    let groups = [
        ParameterGroup::new(0..7).with_weight_decay(0.0),
        ParameterGroup::new(20..30).with_learning_rate_factor(0.1),
        ParameterGroup::new(30..31).with_learning_rate_factor(0.0),
    ];
    let base = AdamOptions::adamw().with_learning_rate(0.01).with_weight_decay(0.2);
    let walk = |options: AdamOptions, range: std::ops::Range<usize>| {
        let (mut parameters, mut adam) = (start[range.clone()].to_vec(), Adam::new(options).unwrap());
        gradients.iter().for_each(|g| adam.step(&mut parameters, &g[range.clone()]).unwrap());
        parameters
    };
    let all = walk(base.clone().with_groups(&groups), 0..50);
    assert_eq!(all[0..7], walk(base.clone().with_weight_decay(0.0), 0..7));
    assert_eq!(all[7..20], walk(base.clone(), 7..20));
    assert_eq!(all[20..30], walk(base.clone().with_learning_rate(0.01 * 0.1), 20..30));
    assert_eq!(all[30], start[30]);
    assert_eq!(all[31..50], walk(base, 31..50));
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

proptest! {
    #[test]
    fn clipping_keeps_the_direction_and_bounds_the_norm(
        gradient in proptest::collection::vec(-1e3_f64..1e3, 1..200),
        exponent in -12_i32..6,
    ) {
        let largest = 10_f64.powi(exponent);
        let mut clipped = gradient.clone();
        let norm = clip_by_norm(&mut clipped, largest).unwrap();
        let exact = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        prop_assert!((norm - exact).abs() <= 1e-13 * exact);
        let after = gradient_norm(&clipped).unwrap();
        // A product and a norm: some roundings on each of up to 200 terms.
        prop_assert!(after <= largest.min(norm) * (1.0 + 1e-13));
        let factor = if norm > largest { largest / norm } else { 1.0 };
        for (c, g) in clipped.iter().zip(&gradient) {
            prop_assert!((c - factor * g).abs() <= 1e-13 * largest.max(1e-300));
        }
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
