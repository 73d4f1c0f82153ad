//! The tape: every operation against finite differences, twice; products with derivatives; memory, shapes, threads; PyTorch's numbers.

use brenier::autodiff::{Axis, CustomOperation, CustomPass, Tape, Variable};
use brenier::matrix::Operation;
use brenier::random::RandomStream;
use brenier::{Error, Matrix, MatrixView, MatrixViewMut};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

type Built = Result<Variable, Error>;
type Build<'a> = &'a dyn Fn(&mut Tape<f64>, &[Variable]) -> Built;

/// `Σ out ∘ weights` with weights that depend on the place alone: no two entries of the gradient are alike.
fn weighted_sum(tape: &mut Tape<f64>, out: Variable) -> Built {
    let (rows, columns) = tape.shape(out)?;
    let weights =
        Matrix::from_fn(rows, columns, |row, column| ((7 * row + 3 * column + 1) as f64).sin() + 0.3);
    let weights = tape.constant(&weights);
    let product = tape.multiply(out, weights)?;
    tape.sum(product)
}

fn loss_of(build: Build<'_>, inputs: &[Matrix<f64>]) -> Result<f64, Error> {
    let mut tape = Tape::new();
    let variables: Vec<_> = inputs.iter().map(|input| tape.variable(input)).collect();
    let out = build(&mut tape, &variables)?;
    let loss = weighted_sum(&mut tape, out)?;
    tape.scalar(loss)
}

/// The gradients by the numeric pass.
fn gradients_of(build: Build<'_>, inputs: &[Matrix<f64>]) -> Result<Vec<Matrix<f64>>, Error> {
    let mut tape = Tape::new();
    let variables: Vec<_> = inputs.iter().map(|input| tape.variable(input)).collect();
    let out = build(&mut tape, &variables)?;
    let loss = weighted_sum(&mut tape, out)?;
    tape.backward(loss)?;
    variables.iter().map(|&x| Ok(tape.gradient(x)?.to_matrix())).collect()
}

fn largest(matrices: &[Matrix<f64>]) -> f64 {
    matrices.iter().flat_map(|matrix| matrix.as_slice()).fold(1.0, |largest, x| x.abs().max(largest))
}

fn assert_close(name: &str, what: &str, got: &[Matrix<f64>], expected: &[Matrix<f64>], tolerance: f64) {
    let bound = tolerance * largest(expected);
    for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got.shape(), expected.shape(), "{name}, {what}, input {k}");
        for (place, (got, expected)) in got.as_slice().iter().zip(expected.as_slice()).enumerate() {
            let error = (got - expected).abs();
            assert!(
                error <= bound,
                "{name}, {what}, input {k}, entry {place}: {got} and {expected}, bound {bound:e}"
            );
        }
    }
}

/// The step of the central differences: their error is of order h² |f'''| + EPS |f| / h, about 1e-10 of functions of size one.
const H: f64 = 1e-5;
const FIRST_ORDER: f64 = 3e-8;

/// First derivatives, by both ways back, against differences of the loss; second ones against differences of the gradient.
fn check(name: &str, build: Build<'_>, inputs: &[Matrix<f64>]) {
    let numeric = gradients_of(build, inputs).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut differences = Vec::new();
    for k in 0..inputs.len() {
        let mut difference = Matrix::zeros(inputs[k].rows(), inputs[k].columns());
        for place in 0..inputs[k].as_slice().len() {
            let mut moved = inputs.to_vec();
            let at = |moved: &mut Vec<Matrix<f64>>, step: f64| {
                moved[k].as_mut_slice()[place] = inputs[k].as_slice()[place] + step;
                loss_of(build, moved).unwrap()
            };
            let (up, down) = (at(&mut moved, H), at(&mut moved, -H));
            difference.as_mut_slice()[place] = (up - down) / (2.0 * H);
        }
        differences.push(difference);
    }
    assert_close(name, "gradient", &numeric, &differences, FIRST_ORDER);

    let mut tape = Tape::new();
    let variables: Vec<_> = inputs.iter().map(|input| tape.variable(input)).collect();
    let out = build(&mut tape, &variables).unwrap();
    let loss = weighted_sum(&mut tape, out).unwrap();
    let recorded = tape.gradients(loss, &variables).unwrap();
    let recorded: Vec<_> = recorded.iter().map(|&g| tape.value(g).unwrap().to_matrix()).collect();
    // The same numbers in another order of rounding.
    assert_close(name, "recorded gradient", &recorded, &numeric, 1e-12);

    let mut stream = RandomStream::new(99);
    let directions: Vec<Matrix<f64>> =
        inputs.iter().map(|input| stream.normal_matrix(input.rows(), input.columns())).collect();
    let along = |step: f64| {
        let moved: Vec<_> = inputs
            .iter()
            .zip(&directions)
            .map(|(x, d)| Matrix::from_fn(x.rows(), x.columns(), |i, j| x[(i, j)] + step * d[(i, j)]))
            .collect();
        gradients_of(build, &moved).unwrap()
    };
    let (up, down) = (along(H), along(-H));
    let curvature: Vec<_> = up
        .iter()
        .zip(&down)
        .map(|(up, down)| {
            Matrix::from_fn(up.rows(), up.columns(), |i, j| (up[(i, j)] - down[(i, j)]) / (2.0 * H))
        })
        .collect();
    let tangents: Vec<_> = directions.iter().map(|direction| tape.constant(direction)).collect();
    let products = tape.hessian_vector_product(loss, &variables, &tangents).unwrap();
    let products: Vec<_> = products.iter().map(|&product| tape.value(product).unwrap().to_matrix()).collect();
    assert_close(name, "second derivative", &products, &curvature, 10.0 * FIRST_ORDER);

    // J v as the slope of the output along v.
    let tangent = tape.jacobian_vector_product(out, &variables, &tangents).unwrap();
    let tangent = tape.value(tangent).unwrap().to_matrix();
    let output = |step: f64| {
        let mut tape = Tape::new();
        let moved: Vec<_> = inputs
            .iter()
            .zip(&directions)
            .map(|(x, d)| {
                tape.variable(&Matrix::from_fn(x.rows(), x.columns(), |i, j| x[(i, j)] + step * d[(i, j)]))
            })
            .collect();
        let out = build(&mut tape, &moved).unwrap();
        tape.value(out).unwrap().to_matrix()
    };
    let (up, down) = (output(H), output(-H));
    let slope = Matrix::from_fn(up.rows(), up.columns(), |i, j| (up[(i, j)] - down[(i, j)]) / (2.0 * H));
    assert_close(name, "Jacobian-vector product", &[tangent], &[slope], FIRST_ORDER);
}

/// Random numbers of magnitude between 0.2 and 1.8: away from kinks and poles, however the finite differences step.
fn away_from_zero(stream: &mut RandomStream, (rows, columns): (usize, usize)) -> Matrix<f64> {
    Matrix::from_fn(rows, columns, |_, _| {
        let magnitude = 0.2 + 1.6 * stream.uniform::<f64>();
        if stream.uniform::<f64>() < 0.5 { -magnitude } else { magnitude }
    })
}

fn positive(stream: &mut RandomStream, shape: (usize, usize)) -> Matrix<f64> {
    away_from_zero(stream, shape).map(f64::abs)
}

#[test]
fn functions_of_one_entry() {
    let any: &[(&str, Build<'_>)] = &[
        ("negate", &|tape, x| tape.negate(x[0])),
        ("scale", &|tape, x| tape.scale(x[0], -2.5)),
        ("shift", &|tape, x| tape.shift(x[0], 0.75)),
        ("exp", &|tape, x| tape.exp(x[0])),
        ("abs", &|tape, x| tape.abs(x[0])),
        ("square", &|tape, x| tape.square(x[0])),
        ("power 0", &|tape, x| tape.power(x[0], 0.0)),
        ("power 1", &|tape, x| tape.power(x[0], 1.0)),
        ("power 5", &|tape, x| tape.power(x[0], 5.0)),
        ("power -2", &|tape, x| tape.power(x[0], -2.0)),
        ("relu", &|tape, x| tape.relu(x[0])),
        ("leaky relu", &|tape, x| tape.leaky_relu(x[0], 0.01)),
        ("silu", &|tape, x| tape.silu(x[0])),
        ("gelu", &|tape, x| tape.gelu(x[0])),
        ("gelu tanh", &|tape, x| tape.gelu_tanh(x[0])),
        ("tanh", &|tape, x| tape.tanh(x[0])),
        ("sigmoid", &|tape, x| tape.sigmoid(x[0])),
        ("softplus", &|tape, x| tape.softplus(x[0])),
        ("elu", &|tape, x| tape.elu(x[0], 1.3)),
        ("erf", &|tape, x| tape.erf(x[0])),
        ("normal cdf", &|tape, x| tape.normal_cdf(x[0])),
        ("normal density", &|tape, x| tape.normal_density(x[0])),
    ];
    let mut stream = RandomStream::new(1);
    // 17 columns: whole registers and a rest, at every level.
    for shape in [(1, 1), (3, 17), (4, 3)] {
        for (name, build) in any {
            check(name, build, &[away_from_zero(&mut stream, shape)]);
        }
        let positive_only: &[(&str, Build<'_>)] = &[
            ("ln", &|tape, x| tape.ln(x[0])),
            ("sqrt", &|tape, x| tape.sqrt(x[0])),
            ("power 1/2", &|tape, x| tape.power(x[0], 0.5)),
            ("power 2.7", &|tape, x| tape.power(x[0], 2.7)),
            ("power -1.3", &|tape, x| tape.power(x[0], -1.3)),
        ];
        for (name, build) in positive_only {
            check(name, build, &[positive(&mut stream, shape)]);
        }
    }
}

#[test]
fn functions_of_two_entries_with_every_broadcast() {
    let mut stream = RandomStream::new(2);
    let shapes = [(3, 9), (1, 9), (3, 1), (1, 1)];
    for left in shapes {
        for right in shapes {
            let (a, b) = (away_from_zero(&mut stream, left), away_from_zero(&mut stream, right));
            let inputs = [a, b];
            check("add", &|tape, x| tape.add(x[0], x[1]), &inputs);
            check("subtract", &|tape, x| tape.subtract(x[0], x[1]), &inputs);
            check("multiply", &|tape, x| tape.multiply(x[0], x[1]), &inputs);
            check("divide", &|tape, x| tape.divide(x[0], x[1]), &inputs);
            check("maximum", &|tape, x| tape.maximum(x[0], x[1]), &inputs);
            check("minimum", &|tape, x| tape.minimum(x[0], x[1]), &inputs);
        }
    }
}

#[test]
fn products_reductions_and_rearrangements() {
    let mut stream = RandomStream::new(3);
    let mut random = |rows, columns| stream.normal_matrix::<f64>(rows, columns);
    for (operation_a, shape_a) in [(Operation::Plain, (3, 4)), (Operation::Transpose, (4, 3))] {
        for (operation_b, shape_b) in [(Operation::Plain, (4, 5)), (Operation::Transpose, (5, 4))] {
            let inputs = [random(shape_a.0, shape_a.1), random(shape_b.0, shape_b.1)];
            check("matmul", &|tape, x| tape.matmul_with(x[0], operation_a, x[1], operation_b), &inputs);
        }
    }
    check(
        "x x^T",
        &|tape, x| tape.matmul_with(x[0], Operation::Plain, x[0], Operation::Transpose),
        &[random(4, 3)],
    );
    let one: &[(&str, Build<'_>)] = &[
        ("transpose", &|tape, x| tape.transpose(x[0])),
        ("sum", &|tape, x| tape.sum(x[0])),
        ("mean", &|tape, x| tape.mean(x[0])),
        ("sum of rows", &|tape, x| tape.row_sums(x[0])),
        ("sum of columns", &|tape, x| tape.column_sums(x[0])),
        ("mean of rows", &|tape, x| tape.row_means(x[0])),
        ("mean of columns", &|tape, x| tape.column_means(x[0])),
        ("log-sum-exp of rows", &|tape, x| tape.log_sum_exp(x[0], Axis::Rows)),
        ("log-sum-exp of columns", &|tape, x| tape.log_sum_exp(x[0], Axis::Columns)),
        ("softmax of rows", &|tape, x| tape.softmax(x[0], Axis::Rows)),
        ("softmax of columns", &|tape, x| tape.softmax(x[0], Axis::Columns)),
        ("log-softmax of rows", &|tape, x| tape.log_softmax(x[0], Axis::Rows)),
        ("log-softmax of columns", &|tape, x| tape.log_softmax(x[0], Axis::Columns)),
        ("gather rows", &|tape, x| tape.gather_rows(x[0], &[2, 0, 2, 1])),
        ("scatter rows", &|tape, x| tape.scatter_rows(x[0], &[4, 0, 4], 6)),
        ("pick columns", &|tape, x| tape.pick_columns(x[0], &[1, 9, 0])),
        ("slice", &|tape, x| tape.slice(x[0], 1..3, 2..7)),
        ("reshape", &|tape, x| tape.reshape(x[0], 5, 6)),
        ("squared distances to itself", &|tape, x| tape.squared_distances(x[0], x[0])),
    ];
    for (name, build) in one {
        check(name, build, &[random(3, 10)]);
    }
    check("broadcast a row", &|tape, x| tape.broadcast(x[0], 4, 5), &[random(1, 5)]);
    check("broadcast a column", &|tape, x| tape.broadcast(x[0], 4, 5), &[random(4, 1)]);
    check("broadcast a number", &|tape, x| tape.broadcast(x[0], 4, 5), &[random(1, 1)]);
    check(
        "concatenate rows",
        &|tape, x| tape.concatenate_rows(x),
        &[random(2, 3), random(1, 3), random(3, 3)],
    );
    let beside = [random(3, 2), random(3, 1), random(3, 4)];
    check("concatenate columns", &|tape, x| tape.concatenate_columns(&[x[0], x[1], x[0], x[2]]), &beside);
    check("squared distances", &|tape, x| tape.squared_distances(x[0], x[1]), &[random(3, 4), random(21, 4)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn random_networks_have_the_right_derivatives(
        shape in (1_usize..5, 1_usize..5, 1_usize..5),
        activation in 0_usize..6,
        broadcast in 0_usize..4,
        seed in 0_u64..1000,
    ) {
        let (m, k, n) = shape;
        let mut stream = RandomStream::new(seed);
        let bias = [(m, n), (1, n), (m, 1), (1, 1)][broadcast];
        let inputs = [stream.normal_matrix(m, k), stream.normal_matrix(n, k), stream.normal_matrix(bias.0, bias.1)];
        check("a random network", &|tape, x| {
            let product = tape.matmul_with(x[0], Operation::Plain, x[1], Operation::Transpose)?;
            let sum = tape.add(product, x[2])?;
            let active = match activation {
                0 => tape.tanh(sum)?,
                1 => tape.silu(sum)?,
                2 => tape.gelu(sum)?,
                3 => tape.softplus(sum)?,
                4 => tape.softmax(sum, Axis::Rows)?,
                _ => tape.log_sum_exp(sum, Axis::Columns)?,
            };
            // The first factor enters twice.
            let distances = tape.squared_distances(x[0], x[0])?;
            let mean = tape.mean(distances)?;
            tape.multiply(active, mean)
        }, &inputs);
    }
}

fn row(entries: &[f64]) -> Matrix<f64> {
    Matrix::from_vec(1, entries.len(), entries.to_vec()).unwrap()
}

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

#[test]
fn softmaxes_do_not_overflow_and_know_their_edges() {
    let mut tape = Tape::<f32>::new();
    let x = tape.variable(&Matrix::from_rows([[1e4_f32, 1e4, 0.0], [-1e4, -1e4, -1e4]]));
    let softmax = tape.softmax(x, Axis::Rows).unwrap();
    let third = 1.0 / 3.0;
    assert_eq!(
        tape.value(softmax).unwrap(),
        Matrix::from_rows([[0.5, 0.5, 0.0], [third, third, third]]).view()
    );
    let logarithm = tape.log_softmax(x, Axis::Rows).unwrap();
    assert_eq!(tape.value(logarithm).unwrap()[(0, 2)], -1e4 - std::f32::consts::LN_2);
    // Without entries, or with infinite ones, the logarithm of the sum is what the sum says.
    let mut tape = Tape::<f64>::new();
    let infinity = f64::INFINITY;
    let x = tape.variable(&Matrix::from_rows([[-infinity, -infinity], [infinity, 0.0], [-infinity, 3.0]]));
    let y = tape.log_sum_exp(x, Axis::Rows).unwrap();
    assert_eq!(tape.value(y).unwrap(), Matrix::from_rows([[-infinity], [infinity], [3.0]]).view());
    let empty = tape.variable(&Matrix::zeros(2, 0));
    let y = tape.log_sum_exp(empty, Axis::Rows).unwrap();
    assert_eq!(tape.value(y).unwrap(), Matrix::from_rows([[-infinity], [-infinity]]).view());
}

/// `Σ exp(A x)`: the Hessian is `Aᵀ diag(exp(A x)) A`.
#[test]
fn hessian_vector_products_are_those_of_the_explicit_hessian() {
    let mut stream = RandomStream::new(5);
    let a: Matrix<f64> = stream.normal_matrix(6, 4);
    let x: Matrix<f64> = stream.normal_matrix(4, 1);
    let mut tape = Tape::new();
    let (a_variable, x_variable) = (tape.constant(&a), tape.variable(&x));
    let product = tape.matmul(a_variable, x_variable).unwrap();
    let exponentials = tape.exp(product).unwrap();
    let loss = tape.sum(exponentials).unwrap();
    let weights: Vec<f64> =
        (0..6).map(|i| (0..4).map(|k| a[(i, k)] * x[(k, 0)]).sum::<f64>().exp()).collect();
    for column in 0..4 {
        let direction = tape.constant(&Matrix::from_fn(4, 1, |k, _| f64::from(u8::from(k == column))));
        let hessian = tape.hessian_vector_product(loss, &[x_variable], &[direction]).unwrap()[0];
        for k in 0..4 {
            let terms = (0..6).map(|i| a[(i, k)] * weights[i] * a[(i, column)]);
            let (expected, size) =
                terms.fold((0.0, 0.0), |(sum, size), term: f64| (sum + term, size + term.abs()));
            let got = tape.value(hessian).unwrap()[(k, 0)];
            assert!(
                (got - expected).abs() <= 20.0 * f64::EPSILON * size,
                "{k}, {column}: {got} and {expected}"
            );
        }
    }
}

#[test]
fn derivatives_of_any_order_are_exact_for_powers_of_small_numbers() {
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&row(&[2.0]));
    let mut derivative = tape.power(x, 6.0).unwrap();
    for expected in [192.0, 480.0, 960.0, 1440.0, 1440.0, 720.0, 0.0] {
        derivative = tape.gradients(derivative, &[x]).unwrap()[0];
        assert_eq!(tape.scalar(derivative).unwrap(), expected);
    }
}

#[test]
fn gradients_of_results_and_of_what_does_not_matter() {
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&row(&[1.0, 2.0]));
    let y = tape.square(x).unwrap();
    let unused = tape.variable(&row(&[5.0]));
    let loss = tape.sum(y).unwrap();
    let later = tape.exp(y).unwrap();
    let gradients = tape.gradients(loss, &[y, unused, x, later]).unwrap();
    let rows: Vec<_> = gradients.iter().map(|&g| tape.value(g).unwrap().row(0).to_vec()).collect();
    assert_eq!(rows, [vec![1.0, 1.0], vec![0.0], vec![2.0, 4.0], vec![0.0, 0.0]]);
    tape.backward(loss).unwrap();
    assert_eq!(tape.gradient(unused).unwrap().row(0), [0.0]);
    // A second pass replaces the first.
    tape.backward(loss).unwrap();
    assert_eq!(tape.gradient(x).unwrap().row(0), [2.0, 4.0]);
    assert!(matches!(tape.gradient(y), Err(Error::NoGradient { .. })));
    // Only what lies between is recorded: nothing for the factor that nobody asks for.
    let wide = tape.variable(&row(&[1.0, 1.0]));
    let product = tape.multiply(x, wide).unwrap();
    let loss = tape.sum(product).unwrap();
    let before = tape.len();
    tape.gradients(loss, &[wide]).unwrap();
    assert_eq!(tape.len() - before, 3, "the seed, its repetition, one product");
    // A constant loss has zero gradients.
    let constant = tape.constant(&row(&[3.0]));
    tape.backward(constant).unwrap();
    assert_eq!(tape.gradient(x).unwrap().row(0), [0.0, 0.0]);
    let zero = tape.gradients(constant, &[x]).unwrap()[0];
    assert_eq!(tape.value(zero).unwrap().row(0), [0.0, 0.0]);
}

#[test]
fn constants_and_detached_values_get_no_gradient() {
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&row(&[3.0]));
    let fixed = tape.detach(x).unwrap();
    let product = tape.multiply(x, fixed).unwrap();
    tape.backward(product).unwrap();
    assert_eq!(tape.gradient(x).unwrap().row(0), [3.0]);
    assert!(matches!(tape.gradient(fixed), Err(Error::NoGradient { .. })));
    let error = tape.gradients(product, &[fixed]).unwrap_err();
    assert!(matches!(error, Error::NoGradient { operation: "gradients", .. }), "{error}");
}

#[test]
fn wrong_shapes_name_the_operation_and_both_shapes() {
    let mut tape = Tape::<f64>::new();
    let a = tape.variable(&Matrix::zeros(2, 3));
    let b = tape.variable(&Matrix::zeros(4, 5));
    let nodes = tape.len();
    let refused: [(Built, &str); 9] = [
        (tape.add(a, b), "add"),
        (tape.maximum(a, b), "maximum"),
        (tape.matmul(a, b), "matmul"),
        (tape.concatenate_rows(&[a, b]), "concatenate_rows"),
        (tape.concatenate_columns(&[a, b]), "concatenate_columns"),
        (tape.squared_distances(a, b), "squared_distances"),
        (tape.reshape(a, 4, 5), "reshape"),
        (tape.broadcast(a, 4, 5), "broadcast"),
        (tape.slice(a, 0..4, 2..5), "slice"),
    ];
    for (result, name) in refused {
        let expected = Error::Shapes { operation: name, left: (2, 3), right: (4, 5) };
        assert_eq!(result.unwrap_err(), expected, "{name}");
    }
    assert_eq!(
        tape.matmul_with(a, Operation::Transpose, b, Operation::Transpose).unwrap_err(),
        Error::Shapes { operation: "matmul", left: (3, 2), right: (5, 4) }
    );
    assert_eq!(
        tape.backward(a).unwrap_err(),
        Error::Shapes { operation: "backward of a loss", left: (2, 3), right: (1, 1) }
    );
    assert!(matches!(tape.gradients(a, &[a]), Err(Error::Shapes { operation: "gradients", .. })));
    assert!(matches!(tape.backward_from(a, &Matrix::zeros(3, 2)), Err(Error::Shapes { right: (3, 2), .. })));
    assert!(matches!(tape.vector_jacobian_product(a, b, &[a]), Err(Error::Shapes { .. })));
    assert!(matches!(tape.jacobian_vector_product(a, &[a], &[b]), Err(Error::Shapes { .. })));
    assert!(matches!(
        tape.jacobian_vector_product(a, &[a], &[]),
        Err(Error::Shape { expected: 1, got: 0, .. })
    ));
    assert!(matches!(tape.scalar(a), Err(Error::Shapes { .. })));
    assert!(matches!(tape.concatenate_rows(&[]), Err(Error::Empty { .. })));
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = tape.slice(a, 2..1, 0..1);
    assert!(matches!(backwards, Err(Error::Shapes { operation: "slice", .. })));
    assert!(tape.slice(a, usize::MAX - 1..usize::MAX, 0..1).is_err());
    let one = tape.filled(1, 1, 1.0).unwrap();
    for shape in [(usize::MAX, 2), (1 << 40, 1 << 40), (usize::MAX / 8, 1)] {
        assert!(matches!(tape.broadcast(one, shape.0, shape.1), Err(Error::Argument { .. })));
        assert!(matches!(tape.filled(shape.0, shape.1, 0.0), Err(Error::Argument { .. })));
    }
    let error = tape.gather_rows(a, &[0, 2]).unwrap_err();
    assert_eq!(error.to_string(), "indices of gather_rows[1] is 2: it must be below 2");
    assert!(matches!(tape.scatter_rows(a, &[0, 9], 9), Err(Error::OutOfRange { value: 9, limit: 9, .. })));
    assert!(matches!(tape.scatter_rows(a, &[0], 9), Err(Error::Shape { .. })));
    assert!(matches!(
        tape.pick_columns(a, &[0, 3]),
        Err(Error::OutOfRange { index: 1, value: 3, limit: 3, .. })
    ));
    assert!(matches!(tape.pick_columns(a, &[0]), Err(Error::Shape { .. })));
    // What was refused left nothing behind: the tape still works.
    let loss = tape.sum(a).unwrap();
    tape.backward(loss).unwrap();
    assert_eq!(tape.gradient(a).unwrap(), Matrix::filled(2, 3, 1.0).view());
    assert!(tape.len() <= nodes + 4);
}

#[test]
fn variables_of_other_recordings_are_refused() {
    let mut tape = Tape::<f64>::new();
    let mut other = Tape::<f64>::new();
    let old = tape.variable(&row(&[1.0]));
    let foreign = other.variable(&row(&[1.0]));
    assert_eq!(tape.exp(foreign).unwrap_err(), Error::ForeignVariable { operation: "exp", index: 0 });
    let second = tape.add(old, foreign).unwrap_err();
    assert!(matches!(second, Error::ForeignVariable { operation: "add", .. }));
    tape.clear();
    let new = tape.variable(&row(&[2.0]));
    assert_eq!(new.index(), old.index());
    assert!(matches!(tape.value(old), Err(Error::ForeignVariable { operation: "value", index: 0 })));
    assert!(
        tape.backward(old).is_err() && tape.gradients(old, &[new]).is_err() && tape.gradient(old).is_err()
    );
    assert!(tape.gradients(new, &[old]).is_err() && tape.detach(old).is_err() && tape.shape(old).is_err());
    assert!(tape.hessian_vector_product(new, &[old], &[new]).is_err());
    assert!(matches!(tape.gradient(new), Err(Error::NoGradient { .. })), "there was no pass yet");
    // A gradient of a pass before the variable was made is not one.
    tape.backward(new).unwrap();
    let newer = tape.variable(&row(&[2.0]));
    assert!(matches!(tape.gradient(newer), Err(Error::NoGradient { .. })));
}

#[test]
fn empty_matrices_go_through() {
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&Matrix::zeros(0, 3));
    let bias = tape.variable(&Matrix::filled(1, 3, 1.0));
    let weight = tape.variable(&Matrix::zeros(2, 3));
    let sum = tape.add(x, bias).unwrap();
    let tanh = tape.tanh(sum).unwrap();
    let product = tape.matmul_with(tanh, Operation::Plain, weight, Operation::Transpose).unwrap();
    let softmax = tape.softmax(product, Axis::Rows).unwrap();
    let total = tape.sum(softmax).unwrap();
    assert_eq!(tape.scalar(total).unwrap(), 0.0);
    tape.backward(total).unwrap();
    assert_eq!(tape.gradient(bias).unwrap(), Matrix::zeros(1, 3).view());
    assert_eq!(tape.gradient(weight).unwrap(), Matrix::zeros(2, 3).view());
    assert_eq!(tape.gradient(x).unwrap().shape(), (0, 3));
    let gradients = tape.gradients(total, &[weight, x]).unwrap();
    assert_eq!(tape.value(gradients[0]).unwrap(), Matrix::zeros(2, 3).view());
    let distances = tape.squared_distances(x, weight).unwrap();
    assert_eq!(tape.shape(distances).unwrap(), (0, 2));
    assert!(matches!(tape.mean(x), Err(Error::Empty { .. })));
    assert!(matches!(tape.column_means(x), Err(Error::Empty { .. })));
    let means = tape.row_means(x).unwrap();
    assert_eq!(tape.shape(means).unwrap(), (0, 1));
    let gathered = tape.gather_rows(weight, &[]).unwrap();
    assert_eq!(tape.shape(gathered).unwrap(), (0, 3));
    let nothing = tape.concatenate_rows(&[x, gathered]).unwrap();
    assert_eq!(tape.shape(nothing).unwrap(), (0, 3));
}

/// A step with most kinds of operations.
fn some_step(tape: &mut Tape<f32>, rows: usize) -> Vec<Variable> {
    let x = tape.constant(&Matrix::from_fn(rows, 70, |i, j| ((i * 31 + j * 17) % 23) as f32 * 0.08 - 0.9));
    let w = tape.variable(&Matrix::from_fn(90, 70, |i, j| ((i * 13 + j * 7) % 19) as f32 * 0.02 - 0.18));
    let b = tape.variable(&Matrix::from_fn(1, 90, |_, j| j as f32 * 0.01));
    let product = tape.matmul_with(x, Operation::Plain, w, Operation::Transpose).unwrap();
    let sum = tape.add(product, b).unwrap();
    let h = tape.silu(sum).unwrap();
    let distances = tape.squared_distances(x, w).unwrap();
    let wide = tape.matmul(distances, w).unwrap();
    let soft = tape.softmax(wide, Axis::Columns).unwrap();
    let entropy = tape.log_sum_exp(h, Axis::Rows).unwrap();
    let ratio = tape.divide(soft, entropy).unwrap();
    let square = tape.square(ratio).unwrap();
    let loss = tape.mean(square).unwrap();
    tape.backward(loss).unwrap();
    let mut results = vec![loss];
    results.extend(tape.gradients(loss, &[w, b]).unwrap());
    results
}

#[test]
fn a_second_step_allocates_no_matrix() {
    let mut tape = Tape::<f32>::new();
    some_step(&mut tape, 40);
    tape.clear();
    let first = tape.buffers_allocated();
    assert!(first > 10);
    for _ in 0..3 {
        some_step(&mut tape, 40);
        tape.clear();
        assert_eq!(tape.buffers_allocated(), first);
    }
    // What comes out does not depend on what lay in the buffers.
    let results = some_step(&mut tape, 40);
    let mut fresh = Tape::new();
    let expected = some_step(&mut fresh, 40);
    for (&got, &expected) in results.iter().zip(&expected) {
        assert_eq!(tape.value(got).unwrap(), fresh.value(expected).unwrap());
    }
    tape.release_memory();
}

#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut tape = Tape::<f32>::new();
            let results = some_step(&mut tape, 1500);
            results.iter().map(|&x| tape.value(x).unwrap().to_matrix()).collect::<Vec<_>>()
        })
    };
    let expected = with(1);
    for threads in [2, 3] {
        assert!(with(threads) == expected, "{threads} threads");
    }
}

#[test]
fn deep_tapes_need_no_stack() {
    const DEPTH: usize = 100_000;
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&row(&[1.0]));
    let mut y = x;
    for _ in 0..DEPTH {
        y = tape.shift(y, 1e-3).unwrap();
    }
    let twice = tape.add(y, x).unwrap();
    tape.backward(twice).unwrap();
    assert_eq!(tape.gradient(x).unwrap().row(0), [2.0]);
    let square = tape.square(twice).unwrap();
    let gradient = tape.gradients(square, &[x]).unwrap()[0];
    let second = tape.gradients(gradient, &[x]).unwrap()[0];
    assert_eq!(tape.scalar(second).unwrap(), 8.0);
    drop(tape);
}

#[test]
fn the_first_number_that_is_not_finite_is_named() {
    let mut tape = Tape::<f64>::new();
    let x = tape.variable(&Matrix::from_rows([[1.0, 2.0], [3.0, -1.0]]));
    assert!(tape.first_not_finite().is_none());
    let root = tape.sqrt(x).unwrap();
    let doubled = tape.scale(root, 2.0).unwrap();
    tape.sum(doubled).unwrap();
    let found = tape.first_not_finite().unwrap();
    assert_eq!((found.operation, found.variable, found.row, found.column), ("sqrt", root, 1, 1));
    assert!(found.value.is_nan());
}

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

#[test]
fn rows_without_entries_cannot_be_counted_beyond_the_largest_number() {
    let mut tape = Tape::<f32>::new();
    let tall = tape.filled(usize::MAX, 0, 1.0).unwrap();
    assert!(matches!(tape.concatenate_rows(&[tall, tall]), Err(Error::Shapes { .. })));
    assert_eq!(tape.len(), 1);
}
