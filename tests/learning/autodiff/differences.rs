//! The check of a function against finite differences: gradients by both ways back, second derivatives, Jacobian-vector products.

use super::{Build, Built};
use brenier::autodiff::{Tape, Variable};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

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
pub(super) fn check(name: &str, build: Build<'_>, inputs: &[Matrix<f64>]) {
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
