//! Convexity as a property: whatever the parameters, and through training.

use super::{BOTH, CONVEX, dot};
use brenier::Matrix;
use brenier::nn::icnn::{NonNegativity, StrongConvexity};
use brenier::nn::optim::{Adam, AdamOptions, Optimiser};
use brenier::nn::{Activation, Icnn, IcnnOptions, IcnnWorkspace, Parameters};
use brenier::random::RandomStream;
use proptest::prelude::*;

fn matrix(row: &[f64]) -> Matrix<f64> {
    Matrix::from_vec(1, row.len(), row.to_vec()).unwrap()
}

/// Parameters of any size, made admissible by the projection.
fn scrambled(icnn: &mut Icnn<f64>, stream: &mut RandomStream, scale: f64) {
    stream.fill_normal(icnn.parameters_mut());
    for parameter in icnn.parameters_mut() {
        *parameter *= scale;
    }
    icnn.project();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Convexity on segments, monotonicity of the gradient with the constant of strong convexity, and Hessians that
    /// are positive semidefinite, whatever the parameters. The bounds are those of rounding: some hundred operations
    /// on numbers no larger than `size`.
    #[test]
    fn networks_are_convex_whatever_their_parameters(
        seed in any::<u64>(),
        t in 0.0..1.0_f64,
        scale in prop_oneof![Just(0.1), Just(1.0), Just(3.0)],
        activation in 0..CONVEX.len(),
        both in 0..2_usize,
        quadratic in any::<bool>(),
        alpha in prop_oneof![Just(0.0), Just(0.5)],
    ) {
        let mut stream = RandomStream::new(seed);
        let mut icnn: Icnn<f64> = IcnnOptions::new(3, &[6, 5])
            .with_activation(CONVEX[activation])
            .with_quadratic_first_layer(quadratic)
            .with_non_negativity(BOTH[both])
            .with_strong_convexity(StrongConvexity::Fixed(alpha))
            .build(&mut stream)
            .unwrap();
        scrambled(&mut icnn, &mut stream, scale);
        let (x, y): (Matrix<f64>, Matrix<f64>) = (stream.normal_matrix(1, 3), stream.normal_matrix(1, 3));
        let between: Vec<f64> =
            x.as_slice().iter().zip(y.as_slice()).map(|(x, y)| t * x + (1.0 - t) * y).collect();
        let value = |x: &Matrix<f64>| icnn.apply(x).unwrap()[(0, 0)];
        let (fx, fy, fz) = (value(&x), value(&y), value(&matrix(&between)));
        let size = parameters_size(&icnn);
        let rounding = 200.0 * f64::EPSILON * size;
        let step: Vec<f64> = x.as_slice().iter().zip(y.as_slice()).map(|(x, y)| x - y).collect();
        let distance = dot(&step, &step);
        let chord = t * fx + (1.0 - t) * fy - 0.5 * alpha * t * (1.0 - t) * distance;
        prop_assert!(fz <= chord + rounding, "f(z) = {fz} above the chord {chord}");
        let (gx, gy) = (icnn.gradient(&x).unwrap(), icnn.gradient(&y).unwrap());
        let rise: Vec<f64> = gx.as_slice().iter().zip(gy.as_slice()).map(|(x, y)| x - y).collect();
        prop_assert!(dot(&rise, &step) >= alpha * distance - rounding, "the gradient is not monotone");
        let w: Matrix<f64> = stream.normal_matrix(1, 3);
        let hw = icnn.hessian_vector_product(&x, &w).unwrap();
        let form = dot(hw.as_slice(), w.as_slice());
        prop_assert!(form >= alpha * dot(w.as_slice(), w.as_slice()) - rounding, "the Hessian is not semidefinite: {form}");
    }
}

/// A bound on the absolute sums inside a network at points of a few units: the product of the layers' sums of
/// magnitudes, with softplus of a parameter at most 1 + |v|.
fn parameters_size(icnn: &Icnn<f64>) -> f64 {
    let mut size = 10.0;
    for tensor in icnn.tensors() {
        let sum: f64 = icnn.parameters()[tensor.range].iter().map(|v| 1.0 + v.abs()).sum();
        size *= if tensor.name.starts_with("input") { 1.0 } else { sum };
        if tensor.name.starts_with("input") {
            size += 10.0 * sum * sum * (1.0 + size);
        }
    }
    size
}

#[test]
fn training_keeps_a_network_convex() {
    for non_negativity in BOTH {
        for activation in [Activation::Relu, Activation::Softplus] {
            let mut stream = RandomStream::new(21);
            let mut icnn: Icnn<f64> = IcnnOptions::new(2, &[16, 16])
                .with_activation(activation)
                .with_non_negativity(non_negativity)
                .with_strong_convexity(StrongConvexity::Trainable(0.2))
                .build(&mut stream)
                .unwrap();
            let mut adam = Adam::new(AdamOptions::default().with_learning_rate(0.02)).unwrap();
            let mut workspace = IcnnWorkspace::new();
            let mut gradient = vec![0.0; icnn.parameters().len()];
            let mut touched = false;
            for _ in 0..60 {
                // A concave target pulls every weight below zero.
                let x: Matrix<f64> = stream.normal_matrix(32, 2);
                let y = icnn.forward(&x, &mut workspace).unwrap();
                let dy = Matrix::from_fn(32, 1, |row, _| y[(row, 0)] + dot(x.row(row), x.row(row)));
                gradient.fill(0.0);
                icnn.backward(&dy, &mut workspace, &mut gradient, None).unwrap();
                adam.step(icnn.parameters_mut(), &gradient).unwrap();
                touched |= icnn.apply(&x).is_err();
                icnn.project();
                for _ in 0..20 {
                    let (a, b): (Matrix<f64>, Matrix<f64>) =
                        (stream.normal_matrix(1, 2), stream.normal_matrix(1, 2));
                    let middle = Matrix::from_fn(1, 2, |_, column| 0.5 * (a[(0, column)] + b[(0, column)]));
                    let value = |x: &Matrix<f64>| icnn.apply(x).unwrap()[(0, 0)];
                    let (fa, fb, fm) = (value(&a), value(&b), value(&middle));
                    let rounding = 1e-13 * (1.0 + fa.abs() + fb.abs()) * 100.0;
                    assert!(fm <= 0.5 * (fa + fb) + rounding, "{fm} above {}", 0.5 * (fa + fb));
                }
            }
            // With projection a step does make weights negative, and a forward pass says so.
            assert_eq!(touched, non_negativity == NonNegativity::Projection);
            assert!(icnn.strong_convexity() >= 0.0);
        }
    }
}
