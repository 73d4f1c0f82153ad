//! Networks whose values and gradients are known by hand.

use brenier::Matrix;
use brenier::nn::icnn::StrongConvexity;
use brenier::nn::{Activation, Icnn, IcnnOptions, IcnnWorkspace, Parameters};
use brenier::random::RandomStream;

/// `y = max(x_1, 0) + 2 max(x_2 - 1, 0) + 3 x_1 + 0.5`, exact in integers and halves.
#[test]
fn a_network_of_rectifiers_by_hand() {
    let mut icnn: Icnn<f64> =
        IcnnOptions::new(2, &[2]).with_activation(Activation::Relu).build(&mut RandomStream::new(0)).unwrap();
    let names: Vec<_> = icnn.tensors().into_iter().map(|tensor| (tensor.name, tensor.range)).collect();
    let expected = ["input.0.weight", "input.0.bias", "hidden.1.weight", "input.1.weight", "input.1.bias"];
    assert!(names.iter().map(|(name, _)| name.as_str()).eq(expected));
    assert!(names.iter().map(|(_, range)| range.clone()).eq([0..4, 4..6, 6..8, 8..10, 10..11]));
    icnn.parameters_mut().copy_from_slice(&[1.0, 0.0, 0.0, 1.0, 0.0, -1.0, 1.0, 2.0, 3.0, 0.0, 0.5]);
    let x = Matrix::from_rows([[2.0, 3.0], [-1.0, 3.0], [-1.0, 0.0], [0.0, 1.0]]);
    let mut workspace = IcnnWorkspace::new();
    let y = icnn.forward(&x, &mut workspace).unwrap().to_matrix();
    assert_eq!(y, Matrix::from_rows([[12.5], [1.5], [-2.5], [0.5]]));
    assert_eq!(icnn.apply(&x).unwrap(), y);
    let map = icnn.gradient(&x).unwrap();
    assert_eq!(map, Matrix::from_rows([[4.0, 2.0], [3.0, 2.0], [3.0, 0.0], [3.0, 0.0]]));
    let mut gradient = vec![0.0; 11];
    icnn.backward(&Matrix::filled(4, 1, 1.0), &mut workspace, &mut gradient, None).unwrap();
    assert_eq!(gradient, [2.0, 3.0, 2.0, 12.0, 1.0, 4.0, 2.0, 4.0, 0.0, 7.0, 4.0]);
}

/// `y = Σ_j w_j (A_j x + b_j)² / 2 + α/2 |x|²`: its Hessian is `Aᵀ diag(w) A + α`, exact in small integers.
#[test]
fn a_quadratic_network_is_exact() {
    let mut icnn: Icnn<f64> = IcnnOptions::new(2, &[2])
        .with_activation(Activation::Relu)
        .with_quadratic_first_layer(true)
        .with_strong_convexity(StrongConvexity::Fixed(2.0))
        .build(&mut RandomStream::new(0))
        .unwrap();
    // A = [[1, 2], [0, -1]], b = [1, 0], w = [2, 4], a = [0, 1], last bias 3
    icnn.parameters_mut().copy_from_slice(&[1.0, 2.0, 0.0, -1.0, 1.0, 0.0, 2.0, 4.0, 0.0, 1.0, 3.0]);
    let x = Matrix::from_rows([[3.0, 5.0]]);
    // s = [14, -5]: 2 * 98 + 4 * 12.5 + 5 + 3 + 34
    assert_eq!(icnn.apply(&x).unwrap()[(0, 0)], 196.0 + 50.0 + 5.0 + 3.0 + 34.0);
    // ∇ = 2 * 14 * (1, 2) + 4 * -5 * (0, -1) + (0, 1) + 2 (3, 5)
    assert_eq!(icnn.gradient(&x).unwrap(), Matrix::from_rows([[28.0 + 6.0, 56.0 + 20.0 + 1.0 + 10.0]]));
    // H = 2 (1, 2)(1, 2)ᵀ + 4 (0, -1)(0, -1)ᵀ + 2 = [[4, 4], [4, 14]]
    let w = Matrix::from_rows([[1.0, -1.0]]);
    assert_eq!(icnn.hessian_vector_product(&x, &w).unwrap(), Matrix::from_rows([[0.0, -10.0]]));
}
