//! Derivatives of any order in closed form, gradients of what does not matter, and what has none.

use super::row;
use brenier::autodiff::Tape;
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

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
