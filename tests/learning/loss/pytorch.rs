//! Values and gradients that PyTorch 2.15 computed in f64.

use brenier::Matrix;
use brenier::nn::loss::{
    AbsoluteError, BinaryCrossEntropy, CrossEntropy, HingeLoss, HuberLoss, Loss, MeanSquaredError,
    MultiClassHinge, Reduction, Targets,
};

/// ```python
/// import torch, torch.nn.functional as F
/// torch.set_default_dtype(torch.float64)
/// x = torch.tensor([[0.5, -1.25, 2.0], [3.0, 0.1, -0.7], [-40.0, 1.5, 0.25], [0.3, 0.2, 30.0]], requires_grad=True)
/// v = torch.tensor([[1.0, 0.0, 0.5], [-1.0, 2.0, -0.7], [0.25, 4.0, -3.0], [0.3, 0.1, 0.9]])
/// p = torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.3], [0.25, 1.0, 0.75], [0.1, 0.9, 1.0]])
/// q = torch.tensor([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8], [0.6, 0.4, 0.0]])
/// s = torch.where(p > 0.4, 1.0, -1.0); y = torch.tensor([2, 0, 1, 1]); w = torch.tensor([0.5, 2.0, 1.25])
/// loss = …; loss.backward(); print(loss.item(), x.grad.flatten().tolist())
/// ```
#[test]
fn losses_give_pytorch_s_numbers() {
    type Case<'a> = (&'a str, Box<dyn Loss<f64>>, Targets<'a, f64>, f64, [f64; 12]);
    let x = Matrix::from_rows([[0.5, -1.25, 2.0], [3.0, 0.1, -0.7], [-40.0, 1.5, 0.25], [0.3, 0.2, 30.0]]);
    let v = Matrix::from_rows([[1.0, 0.0, 0.5], [-1.0, 2.0, -0.7], [0.25, 4.0, -3.0], [0.3, 0.1, 0.9]]);
    let p = Matrix::from_rows([[1.0, 0.0, 0.5], [0.0, 1.0, 0.3], [0.25, 1.0, 0.75], [0.1, 0.9, 1.0]]);
    let q = Matrix::from_rows([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8], [0.6, 0.4, 0.0]]);
    let s = p.map(|p| if p > 0.4 { 1.0 } else { -1.0 });
    let y = [2, 0, 1, 1];
    let w = [0.5, 2.0, 1.25];
    let cases: [Case<'_>; 12] = [
        (
            "F.mse_loss(x, v)",
            Box::new(MeanSquaredError::default()),
            Targets::values(&v),
            208.94729166666664,
            [
                -0.08333333333333333,
                -0.20833333333333331,
                0.25,
                0.6666666666666666,
                -0.31666666666666665,
                0.0,
                -6.708333333333333,
                -0.41666666666666663,
                0.5416666666666666,
                0.0,
                0.016666666666666666,
                4.85,
            ],
        ),
        (
            "F.l1_loss(x, v, reduction='sum')",
            Box::new(AbsoluteError { reduction: Reduction::Sum }),
            Targets::values(&v),
            84.35,
            [-1.0, -1.0, 1.0, 1.0, -1.0, 0.0, -1.0, -1.0, 1.0, 0.0, 1.0, 1.0],
        ),
        (
            "F.huber_loss(x, v, delta=0.8)",
            Box::new(HuberLoss { delta: 0.8, ..HuberLoss::default() }),
            Targets::values(&v),
            5.380833333333335,
            [
                -0.041666666666666664,
                -0.06666666666666667,
                0.06666666666666667,
                0.06666666666666667,
                -0.06666666666666667,
                0.0,
                -0.06666666666666667,
                -0.06666666666666667,
                0.06666666666666667,
                0.0,
                0.008333333333333333,
                0.06666666666666667,
            ],
        ),
        (
            "F.binary_cross_entropy_with_logits(x, p)",
            Box::new(BinaryCrossEntropy::default()),
            Targets::values(&p),
            1.5367875790677525,
            [
                -0.03146172239984545,
                0.01855834490210907,
                0.031733089831490195,
                0.07938117723520279,
                -0.03958506771008833,
                0.002651018985986159,
                -0.020833333333333332,
                -0.015202126983863029,
                -0.01565195825951683,
                0.03953687640097159,
                -0.02918050022396017,
                -7.790064889453182e-15,
            ],
        ),
        (
            "torch.clamp(1.5 - s * x, min=0).mean()",
            Box::new(HingeLoss { margin: 1.5, ..HingeLoss::default() }),
            Targets::values(&s),
            1.0250000000000001,
            [
                -0.08333333333333333,
                0.08333333333333333,
                -0.0,
                0.08333333333333333,
                -0.08333333333333333,
                0.08333333333333333,
                0.0,
                -0.0,
                -0.08333333333333333,
                0.08333333333333333,
                -0.08333333333333333,
                -0.0,
            ],
        ),
        (
            "F.cross_entropy(x, y)",
            Box::new(CrossEntropy::new()),
            Targets::classes(&y),
            7.590319396032263,
            [
                0.044205045526861074,
                0.007681685081609108,
                -0.05188673060847018,
                -0.01846422477846546,
                0.012739843910945337,
                0.00572438086752016,
                1.8420762356735525e-19,
                -0.05567503470632723,
                0.05567503470632721,
                3.157867445615344e-14,
                -0.24999999999997144,
                0.24999999999993983,
            ],
        ),
        (
            "F.cross_entropy(x, y, label_smoothing=0.1)",
            Box::new(CrossEntropy::new().with_label_smoothing(0.1)),
            Targets::classes(&y),
            7.791986062698929,
            [
                0.03587171219352774,
                -0.0006516482517242251,
                -0.03522006394180352,
                -0.001797558111798797,
                0.004406510577612004,
                -0.002608952465813173,
                -0.008333333333333333,
                -0.03900836803966057,
                0.04734170137299388,
                -0.008333333333301754,
                -0.23333333333330478,
                0.2416666666666065,
            ],
        ),
        (
            "F.cross_entropy(x, y, weight=w)",
            Box::new(CrossEntropy::new().with_class_weights(&w)),
            Targets::classes(&y),
            10.510086765462518,
            [
                0.038439170023357457,
                0.006679726157920963,
                -0.04511889618127842,
                -0.006422339053379291,
                0.004431250055980987,
                0.0019910889973983165,
                2.562888675719725e-19,
                -0.07746091785228136,
                0.07746091785228133,
                4.393554706943087e-14,
                -0.347826086956482,
                0.347826086956438,
            ],
        ),
        (
            "F.cross_entropy(x, y, weight=w, label_smoothing=0.2)",
            Box::new(CrossEntropy::new().with_class_weights(&w).with_label_smoothing(0.2)),
            Targets::classes(&y),
            9.759284379795915,
            [
                0.03264206857408209,
                -0.016508679639180485,
                -0.016133388934901616,
                0.02933211865089677,
                -0.017427780724326165,
                -0.011904337926570594,
                -0.005797101449275362,
                -0.05136149394089649,
                0.05715859539017184,
                -0.005797101449234722,
                -0.3014492753622821,
                0.3072463768115168,
            ],
        ),
        (
            "F.cross_entropy(x, q)",
            Box::new(CrossEntropy::new()),
            Targets::values(&q),
            10.069069396032264,
            [
                -0.005794954473138929,
                -0.1173183149183909,
                0.12311326939152982,
                0.23153577522153454,
                -0.23726015608905465,
                0.00572438086752016,
                -0.025,
                0.16932496529367277,
                -0.1443249652936728,
                -0.1499999999999684,
                -0.09999999999997143,
                0.24999999999993983,
            ],
        ),
        (
            "F.cross_entropy(x, q, weight=w, label_smoothing=0.2)",
            Box::new(CrossEntropy::new().with_class_weights(&w).with_label_smoothing(0.2)),
            Targets::values(&q),
            11.15966787889879,
            [
                0.034879881770077996,
                -0.22234852366663233,
                0.1874686418965543,
                0.4200078508265056,
                -0.40976462209808445,
                -0.010243228728421035,
                -0.018333333333333333,
                0.16957287328375767,
                -0.15123953995042436,
                -0.06833333333329765,
                -0.19333333333330108,
                0.2616666666665987,
            ],
        ),
        (
            "F.multi_margin_loss(x, y, margin=0.7)",
            Box::new(MultiClassHinge { margin: 0.7, ..MultiClassHinge::default() }),
            Targets::classes(&y),
            2.6083333333333334,
            [
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.0,
                0.08333333333333333,
                -0.16666666666666666,
                0.08333333333333333,
            ],
        ),
    ];
    for (name, loss, targets, value, gradient) in cases {
        // A handful of roundings of numbers up to 40, then differences of probabilities of order one.
        let mut dx = Matrix::filled(4, 3, f64::NAN);
        let got = loss.value_and_gradient_into(x.view(), &targets, dx.view_mut()).unwrap();
        assert!((got - value).abs() <= 20.0 * f64::EPSILON * value, "{name}: {got} not {value}");
        for (got, expected) in dx.as_slice().iter().zip(gradient) {
            assert!((got - expected).abs() <= 10.0 * f64::EPSILON, "{name}: {got} not {expected}");
        }
        assert_eq!(loss.value(x.view(), &targets).unwrap().to_bits(), got.to_bits(), "{name}");
    }
}
