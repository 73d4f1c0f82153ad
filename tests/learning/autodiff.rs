//! The tape: every operation against finite differences, twice; products with derivatives; memory, shapes, threads; PyTorch's numbers.

use brenier::autodiff::{Axis, CustomOperation, CustomPass, Tape, Variable};
use brenier::matrix::Operation;
use brenier::random::RandomStream;
use brenier::{Error, Matrix, MatrixView, MatrixViewMut};
use proptest::prelude::*;

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
        ("sum of rows", &|tape, x| tape.sum_of(Axis::Rows, x[0])),
        ("sum of columns", &|tape, x| tape.sum_of(Axis::Columns, x[0])),
        ("mean of rows", &|tape, x| tape.mean_of(Axis::Rows, x[0])),
        ("mean of columns", &|tape, x| tape.mean_of(Axis::Columns, x[0])),
        ("log-sum-exp of rows", &|tape, x| tape.log_sum_exp(Axis::Rows, x[0])),
        ("log-sum-exp of columns", &|tape, x| tape.log_sum_exp(Axis::Columns, x[0])),
        ("softmax of rows", &|tape, x| tape.softmax(Axis::Rows, x[0])),
        ("softmax of columns", &|tape, x| tape.softmax(Axis::Columns, x[0])),
        ("log-softmax of rows", &|tape, x| tape.log_softmax(Axis::Rows, x[0])),
        ("log-softmax of columns", &|tape, x| tape.log_softmax(Axis::Columns, x[0])),
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
