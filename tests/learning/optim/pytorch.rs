//! Ten steps of SGD and Adam with every option, as PyTorch makes them.

use super::assert_close;
use brenier::nn::optim::{Adam, AdamOptions, Optimiser, Sgd, SgdOptions};

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
