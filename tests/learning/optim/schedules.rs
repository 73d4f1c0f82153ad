//! Learning rates as PyTorch's schedulers give them, and beyond their end.

use super::assert_close;
use brenier::Error;
use brenier::nn::optim::{Annealing, OneCycle, PlateauOptions, ReduceOnPlateau, Schedule};

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
