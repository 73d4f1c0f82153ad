//! Values, gradients and second derivatives that PyTorch computed; kinks and poles as it has them.

use super::{Built, row};
use brenier::Matrix;
use brenier::autodiff::{Axis, Tape, Variable};
use brenier::matrix::Operation;

/// Value, first and second derivative of a function of one entry.
fn three(function: impl Fn(&mut Tape<f64>, Variable) -> Built, x: &[f64]) -> [Vec<f64>; 3] {
    let mut tape = Tape::new();
    let x = tape.variable(&row(x));
    let y = function(&mut tape, x).unwrap();
    let sum = tape.sum(y).unwrap();
    let first = tape.gradients(sum, &[x]).unwrap()[0];
    let total = tape.sum(first).unwrap();
    let second = tape.gradients(total, &[x]).unwrap_or_else(|error| panic!("{error}"))[0];
    [y, first, second].map(|variable| tape.value(variable).unwrap().row(0).to_vec())
}

/// Made by PyTorch 2.15 in double precision:
/// ```python
/// x = torch.tensor([-3., -1., -0.0, 0.5, 2., 30.], dtype=torch.float64, requires_grad=True)
/// y = f(x); g, = torch.autograd.grad(y.sum(), x, create_graph=True); s, = torch.autograd.grad(g.sum(), x)
/// ```
/// with f = F.gelu, F.gelu(·, approximate="tanh"), F.silu, F.softplus(·, threshold=1e9), F.elu(·, 1.3).
#[test]
fn activations_agree_with_pytorch() {
    type Function = fn(&mut Tape<f64>, Variable) -> Built;
    let x = [-3.0, -1.0, -0.0, 0.5, 2.0, 30.0];
    let table: [(&str, Function, [[f64; 6]; 3]); 5] = [
        (
            "gelu",
            |tape, x| tape.gelu(x),
            [
                [
                    -0.00404969409489031,
                    -0.15865525393145702,
                    -0.0,
                    0.34573123063700656,
                    1.9544997361036416,
                    30.0,
                ],
                [-0.01194564720418392, -0.08331547058768635, 0.5, 0.8674951246561629, 1.085231801078197, 1.0],
                [
                    -0.031022938883566054,
                    0.24197072451914337,
                    0.7978845608028654,
                    0.6161143218375241,
                    -0.10798193302637613,
                    0.0,
                ],
            ],
        ),
        (
            "gelu_tanh",
            |tape, x| tape.gelu_tanh(x),
            [
                [
                    -0.0036373920817729943,
                    -0.15880800939172324,
                    -0.0,
                    0.34571400982514394,
                    1.954597694087775,
                    30.0,
                ],
                [
                    -0.011584166630969648,
                    -0.08296408384578252,
                    0.5,
                    0.8673699035346424,
                    1.0860992566236183,
                    1.0,
                ],
                [
                    -0.03176765888607492,
                    0.24214819798377296,
                    0.7978845608028654,
                    0.615506895115985,
                    -0.10787507995107845,
                    0.0,
                ],
            ],
        ),
        (
            "silu",
            |tape, x| tape.silu(x),
            [
                [
                    -0.14227761953270035,
                    -0.2689414213699951,
                    -0.0,
                    0.3112296656009273,
                    1.7615941559557646,
                    29.999999999997197,
                ],
                [
                    -0.08810410601516962,
                    0.07232948812851325,
                    0.5,
                    0.7399611873026519,
                    1.0907842487848955,
                    1.000000000002711,
                ],
                [
                    -0.032321404521006174,
                    0.3023661188100153,
                    0.5,
                    0.4412290269770286,
                    0.05006216869470701,
                    -2.6174618028555004e-12,
                ],
            ],
        ),
        (
            "softplus",
            |tape, x| tape.softplus(x),
            [
                [
                    0.04858735157374206,
                    0.31326168751822286,
                    std::f64::consts::LN_2,
                    0.9740769841801067,
                    2.1269280110429727,
                    30.000000000000092,
                ],
                [
                    0.04742587317756679,
                    0.2689414213699951,
                    0.5,
                    0.6224593312018546,
                    0.8807970779778824,
                    0.9999999999999064,
                ],
                [
                    0.04517665973091214,
                    0.19661193324148185,
                    0.25,
                    0.2350037122015945,
                    0.10499358540350662,
                    9.348077867342945e-14,
                ],
            ],
        ),
        (
            "elu",
            |tape, x| tape.elu(x, 1.3),
            [
                [-1.235276811121777, -0.8217567264771249, -0.0, 0.5, 2.0, 30.0],
                [0.06472318887822313, 0.47824327352287505, 1.3, 1.0, 1.0, 1.0],
                [0.06472318887822313, 0.47824327352287505, 0.0, 0.0, 0.0, 0.0],
            ],
        ),
    ];
    for (name, function, expected) in table {
        for (order, (got, expected)) in three(function, &x).iter().zip(expected).enumerate() {
            for ((got, expected), x) in got.iter().zip(expected).zip(x) {
                // A dozen roundings of numbers of size max(1, |x|).
                let bound = 12.0 * f64::EPSILON * x.abs().max(1.0);
                assert!(
                    (got - expected).abs() <= bound,
                    "{name}, order {order}, at {x}: {got} and {expected}"
                );
            }
        }
    }
}

/// Cross-entropy of a GELU layer, and a penalty on its gradient in the inputs. Made by PyTorch 2.15:
/// ```python
/// def grid(r, c, k): return torch.tensor([[0.1 * ((3 * i + 5 * j + k) % 11) - 0.5 for j in range(c)] for i in range(r)])
/// x = grid(3, 4, 1).requires_grad_(); w = grid(5, 4, 2).requires_grad_(); b = grid(1, 5, 3).requires_grad_()
/// loss = F.cross_entropy(F.gelu(x @ w.T + b), torch.tensor([4, 0, 2]))
/// gx, gw, gb = torch.autograd.grad(loss, [x, w, b], create_graph=True)
/// penalty = (gx ** 2).sum(); pw, = torch.autograd.grad(penalty, [w])
/// ```
#[test]
fn a_gradient_penalty_agrees_with_pytorch() {
    let grid = |rows, columns, k: usize| {
        Matrix::from_fn(rows, columns, |i, j| 0.1 * ((3 * i + 5 * j + k) % 11) as f64 - 0.5)
    };
    let mut tape = Tape::<f64>::new();
    let [x, w, b] = [grid(3, 4, 1), grid(5, 4, 2), grid(1, 5, 3)].map(|matrix| tape.variable(&matrix));
    let product = tape.matmul_with(x, Operation::Plain, w, Operation::Transpose).unwrap();
    let sum = tape.add(product, b).unwrap();
    let h = tape.gelu(sum).unwrap();
    let logarithms = tape.log_softmax(h, Axis::Rows).unwrap();
    let picked = tape.pick_columns(logarithms, &[4, 0, 2]).unwrap();
    let mean = tape.mean(picked).unwrap();
    let loss = tape.negate(mean).unwrap();
    let gradients = tape.gradients(loss, &[x, w, b]).unwrap();
    let square = tape.square(gradients[0]).unwrap();
    let penalty = tape.sum(square).unwrap();
    tape.backward(penalty).unwrap();
    let close = |got: &[f64], expected: &[f64]| {
        for (got, expected) in got.iter().zip(expected) {
            // Some fifty roundings of numbers of size one.
            assert!((got - expected).abs() <= 50.0 * f64::EPSILON, "{got} and {expected}");
        }
    };
    close(&[tape.scalar(loss).unwrap()], &[1.6448097858677242]);
    close(
        tape.value(gradients[2]).unwrap().row(0),
        &[
            -0.08779935546513314,
            0.185737644828395,
            -0.14195454384442996,
            0.13222789477291824,
            -0.08259542075987138,
        ],
    );
    close(
        tape.value(gradients[1]).unwrap().row(1),
        &[-0.03030242930215806, 0.03284051171532703, -0.04887619378499755, 0.014266747232487524],
    );
    close(&[tape.scalar(penalty).unwrap()], &[0.02020706754417599]);
    close(
        tape.gradient(w).unwrap().row(2),
        &[0.027527443110834673, -0.02841729114629911, 0.007008922632060226, -0.032863772209660774],
    );
}

#[test]
fn kinks_and_poles_follow_pytorch() {
    let zeros = [0.0, -0.0];
    assert_eq!(three(|tape, x| tape.relu(x), &zeros)[1], [0.0, 0.0]);
    assert_eq!(three(|tape, x| tape.abs(x), &zeros)[1], [0.0, 0.0]);
    assert_eq!(three(|tape, x| tape.leaky_relu(x, 0.01), &zeros)[1], [0.01, 0.01]);
    assert_eq!(three(|tape, x| tape.sqrt(x), &[0.0])[1], [f64::INFINITY]);
    assert_eq!(three(|tape, x| tape.ln(x), &[0.0])[1], [f64::INFINITY]);
    assert_eq!(three(|tape, x| tape.power(x, 0.0), &[0.0, 3.0])[1], [0.0, 0.0]);
    assert_eq!(three(|tape, x| tape.power(x, 1.0), &[0.0])[1], [1.0]);
    for numeric in [false, true] {
        let mut tape = Tape::<f64>::new();
        let a = tape.variable(&row(&[1.0, 2.0, 3.0]));
        let b = tape.variable(&row(&[1.0, 3.0, 2.0]));
        let larger = tape.maximum(a, b).unwrap();
        let sum = tape.sum(larger).unwrap();
        let gradients = if numeric {
            tape.backward(sum).unwrap();
            [a, b].map(|x| tape.gradient(x).unwrap().row(0).to_vec())
        } else {
            let gradients = tape.gradients(sum, &[a, b]).unwrap();
            [0, 1].map(|k| tape.value(gradients[k]).unwrap().row(0).to_vec())
        };
        assert_eq!(gradients, [vec![0.5, 0.0, 1.0], vec![0.5, 1.0, 0.0]]);
    }
    // NaN passes through the comparisons.
    let nan = [f64::NAN, 1.0];
    assert!(three(|tape, x| tape.relu(x), &nan)[0][0].is_nan());
    for operation in [Tape::maximum, Tape::minimum] {
        let mut tape = Tape::<f64>::new();
        let (a, b) = (tape.variable(&row(&[f64::NAN, 1.0])), tape.variable(&row(&[1.0, f64::NAN])));
        let out = operation(&mut tape, a, b).unwrap();
        assert!(tape.value(out).unwrap().row(0).iter().all(|x| x.is_nan()));
    }
}
