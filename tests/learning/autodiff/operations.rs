//! Every operation, and networks of several, against finite differences.

use super::Build;
use super::differences::check;
use brenier::Matrix;
use brenier::autodiff::Axis;
use brenier::matrix::Operation;
use brenier::random::RandomStream;
use proptest::prelude::*;

/// Random numbers of magnitude between 0.2 and 1.8: away from kinks and poles, however the finite differences step.
fn away_from_zero(stream: &mut RandomStream, (rows, columns): (usize, usize)) -> Matrix<f64> {
    Matrix::from_fn(rows, columns, |_, _| {
        let magnitude = 0.2 + 1.6 * stream.uniform::<f64>();
        if stream.uniform::<f64>() < 0.5 { -magnitude } else { magnitude }
    })
}

pub(super) fn positive(stream: &mut RandomStream, shape: (usize, usize)) -> Matrix<f64> {
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
