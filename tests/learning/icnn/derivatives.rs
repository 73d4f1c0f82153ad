//! Gradients in parameters and inputs, and those of the map, against finite differences.

use super::{BOTH, assert_close, difference, dot};
use brenier::Matrix;
use brenier::nn::icnn::StrongConvexity;
use brenier::nn::{Activation, Icnn, IcnnOptions, IcnnWorkspace, Parameters};
use brenier::random::RandomStream;

/// Networks of all kinds: smooth ones, so that finite differences apply.
fn smooth_networks() -> Vec<Icnn<f64>> {
    let mut networks = Vec::new();
    for (seed, non_negativity) in BOTH.into_iter().enumerate() {
        for quadratic in [false, true] {
            for convexity in
                [StrongConvexity::Fixed(0.0), StrongConvexity::Fixed(0.3), StrongConvexity::Trainable(0.7)]
            {
                for hidden in [&[5][..], &[7, 4, 6][..]] {
                    let options = IcnnOptions::new(3, hidden)
                        .with_activation(Activation::Softplus)
                        .with_quadratic_first_layer(quadratic)
                        .with_non_negativity(non_negativity)
                        .with_strong_convexity(convexity);
                    networks.push(options.build(&mut RandomStream::new(seed as u64)).unwrap());
                }
            }
        }
    }
    networks
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut stream = RandomStream::new(11);
    for (number, mut icnn) in smooth_networks().into_iter().enumerate() {
        let mut x: Matrix<f64> = stream.normal_matrix(4, 3);
        let dy: Matrix<f64> = stream.normal_matrix(4, 1);
        let mut workspace = IcnnWorkspace::new();
        icnn.forward(&x, &mut workspace).unwrap();
        let mut gradient = vec![1.0; icnn.parameters().len()]; // it accumulates: one more than the gradient
        let mut dx = Matrix::filled(4, 3, f64::NAN); // it is written
        icnn.backward(&dy, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
        for (index, &slope) in gradient.iter().enumerate() {
            let mut parameters = icnn.parameters().to_vec();
            let expected = difference(&mut parameters, index, |parameters| {
                icnn.parameters_mut().copy_from_slice(parameters);
                dot(icnn.apply(&x).unwrap().as_slice(), dy.as_slice())
            });
            icnn.parameters_mut().copy_from_slice(&parameters);
            assert_close(slope - 1.0, expected, &format!("network {number}, parameter {index}"));
        }
        for index in 0..12 {
            let mut entries = x.as_slice().to_vec();
            let expected = difference(&mut entries, index, |entries| {
                x.as_mut_slice().copy_from_slice(entries);
                dot(icnn.apply(&x).unwrap().as_slice(), dy.as_slice())
            });
            x.as_mut_slice().copy_from_slice(&entries);
            assert_close(dx.as_slice()[index], expected, &format!("network {number}, input {index}"));
        }
        // The map is the gradient with weight one, and <g, w> is the derivative along w.
        let mut map = Matrix::zeros(4, 3);
        icnn.input_gradient(&mut workspace, map.view_mut()).unwrap();
        for row in 0..4 {
            for column in 0..3 {
                assert_close(map[(row, column)] * dy[(row, 0)], dx[(row, column)], "the map");
            }
        }
        let w: Matrix<f64> = stream.normal_matrix(4, 3);
        let tangent = icnn.jacobian_vector_product(&w, &mut workspace).unwrap().to_matrix();
        for row in 0..4 {
            assert_close(tangent[(row, 0)], dot(map.row(row), w.row(row)), "the derivative along w");
        }
        assert_eq!(icnn.gradient(&x).unwrap(), map);
    }
}

#[test]
fn second_order_gradients_are_those_of_finite_differences() {
    let mut stream = RandomStream::new(12);
    for (number, mut icnn) in smooth_networks().into_iter().enumerate() {
        let mut x: Matrix<f64> = stream.normal_matrix(4, 3);
        let w: Matrix<f64> = stream.normal_matrix(4, 3);
        let mut workspace = IcnnWorkspace::new();
        icnn.forward_for_second_order(&x, &mut workspace).unwrap();
        // A backward pass and a map in between leave the result as it is.
        let mut other = vec![0.0; icnn.parameters().len()];
        let mut map = Matrix::zeros(4, 3);
        icnn.input_gradient(&mut workspace, map.view_mut()).unwrap();
        icnn.backward(&Matrix::filled(4, 1, 3.0), &mut workspace, &mut other, None).unwrap();
        let mut gradient = vec![-1.0; icnn.parameters().len()];
        let mut dx = Matrix::filled(4, 3, f64::NAN);
        icnn.input_gradient_backward(&w, &mut workspace, &mut gradient, Some(dx.view_mut())).unwrap();
        for (index, &slope) in gradient.iter().enumerate() {
            let mut parameters = icnn.parameters().to_vec();
            let expected = difference(&mut parameters, index, |parameters| {
                icnn.parameters_mut().copy_from_slice(parameters);
                dot(icnn.gradient(&x).unwrap().as_slice(), w.as_slice())
            });
            icnn.parameters_mut().copy_from_slice(&parameters);
            assert_close(slope + 1.0, expected, &format!("network {number}, parameter {index}"));
        }
        for index in 0..12 {
            let mut entries = x.as_slice().to_vec();
            let expected = difference(&mut entries, index, |entries| {
                x.as_mut_slice().copy_from_slice(entries);
                dot(icnn.gradient(&x).unwrap().as_slice(), w.as_slice())
            });
            x.as_mut_slice().copy_from_slice(&entries);
            assert_close(dx.as_slice()[index], expected, &format!("network {number}, input {index}"));
        }
        assert_eq!(icnn.hessian_vector_product(&x, &w).unwrap(), dx);
        // The Hessian is symmetric: <H w, v> = <w, H v>.
        let v: Matrix<f64> = stream.normal_matrix(4, 3);
        let hv = icnn.hessian_vector_product(&x, &v).unwrap();
        assert_close(dot(dx.as_slice(), v.as_slice()), dot(hv.as_slice(), w.as_slice()), "symmetry");
    }
}
