//! Input-convex networks: convexity as a property, every gradient against finite differences in double precision,
//! closed forms, a fitted Brenier map, hostile input.

mod closed_forms;
mod convexity;
mod derivatives;
mod hostile;
mod maps;
mod partial;

use brenier::Matrix;
use brenier::nn::icnn::NonNegativity;
use brenier::nn::{Activation, Icnn, IcnnOptions, IcnnWorkspace, Parameters};
use brenier::random::RandomStream;

const BOTH: [NonNegativity; 2] = [NonNegativity::Projection, NonNegativity::Softplus];
const CONVEX: [Activation; 5] = [
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.2 },
    Activation::Softplus,
    Activation::Elu { alpha: 1.0 },
    Activation::Elu { alpha: 0.5 },
];

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The derivative of `function` along one coordinate: central, with error h² f'''/6 and rounding EPSILON f / h.
fn difference(x: &mut [f64], index: usize, mut function: impl FnMut(&[f64]) -> f64) -> f64 {
    const H: f64 = 1e-5;
    let old = x[index];
    x[index] = old + H;
    let above = function(x);
    x[index] = old - H;
    let below = function(x);
    x[index] = old;
    (above - below) / (2.0 * H)
}

fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() <= 2e-8 * (1.0 + expected.abs()), "{what}: {found} is not {expected}");
}

#[test]
fn batches_of_changing_size_share_a_workspace() {
    let mut stream = RandomStream::new(4);
    let first: Icnn<f64> = IcnnOptions::new(3, &[9, 4]).build(&mut stream).unwrap();
    let second: Icnn<f64> = IcnnOptions::new(2, &[5, 20, 3])
        .with_non_negativity(NonNegativity::Softplus)
        .build(&mut stream)
        .unwrap();
    let mut workspace = IcnnWorkspace::new();
    for (batch, icnn) in [(5, &first), (64, &second), (1, &first), (7, &first), (3, &second)] {
        let x: Matrix<f64> = stream.normal_matrix(batch, icnn.inputs());
        let w: Matrix<f64> = stream.normal_matrix(batch, icnn.inputs());
        let run = |workspace: &mut IcnnWorkspace<f64>| {
            let y = icnn.forward_for_second_order(&x, workspace).unwrap().to_matrix();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let mut dx = Matrix::zeros(batch, icnn.inputs());
            icnn.backward(&y, workspace, &mut gradient, None).unwrap();
            icnn.input_gradient_backward(&w, workspace, &mut gradient, Some(dx.view_mut())).unwrap();
            (y, gradient, dx)
        };
        assert_eq!(run(&mut workspace), run(&mut IcnnWorkspace::new()));
    }
}

#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let mut stream = RandomStream::new(8);
    let icnn: Icnn<f32> = IcnnOptions::near_identity(5, &[300, 130]).build(&mut stream).unwrap();
    let x: Matrix<f32> = stream.normal_matrix(700, 5);
    let w: Matrix<f32> = stream.normal_matrix(700, 5);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut workspace = IcnnWorkspace::new();
            let y = icnn.forward_for_second_order(&x, &mut workspace).unwrap().to_matrix();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let mut dx = Matrix::zeros(700, 5);
            icnn.backward(&y, &mut workspace, &mut gradient, None).unwrap();
            icnn.input_gradient_backward(&w, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
            (y, gradient, dx)
        })
    };
    let expected = run(1);
    for threads in [2, 3, 5] {
        assert!(run(threads) == expected, "{threads} threads");
    }
}
