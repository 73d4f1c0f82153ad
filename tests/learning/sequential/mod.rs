//! Chains of layers: finite differences, the bits of `Mlp`, PyTorch's numbers and files, dropout, threads and hostile input.

mod gradients;
mod hostile;
mod pytorch;
mod training;

use brenier::matrix::MatrixView;
use brenier::nn::{Activation, Dropout, FourierFeatures, LayerNorm, Linear, Mlp, Parameters, Sequential};
use brenier::random::RandomStream;
use brenier::{Matrix, Scalar};

fn inner(a: MatrixView<'_, f64>, b: MatrixView<'_, f64>) -> f64 {
    a.iter_rows().zip(b.iter_rows()).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>()).sum()
}

/// Every kind of layer, 2 inputs and 3 outputs.
fn everything<T: Scalar>(stream: &mut RandomStream) -> Sequential<T> {
    let mut chain = Sequential::new([
        FourierFeatures::gaussian(4, 2, 0.2, stream).unwrap().into(),
        Linear::new(8, 7, true, stream).unwrap().into(),
        LayerNorm::new(7).unwrap().with_epsilon(0.1).unwrap().into(),
        Activation::Silu.into(),
        Dropout::new(0.3, stream.split(0)).unwrap().into(),
        Mlp::new(&[7, 6, 5], Activation::Tanh, stream).unwrap().into(),
        Activation::Softplus.into(),
        Activation::Sigmoid.into(),
        Linear::new(5, 3, false, stream).unwrap().into(),
        Dropout::new(0.2, stream.split(0)).unwrap().into(),
    ])
    .unwrap();
    let noise: Matrix<T> = stream.normal_matrix(1, chain.parameters().len());
    for (parameter, noise) in chain.parameters_mut().iter_mut().zip(noise.as_slice()) {
        *parameter += T::from_f64(0.1) * *noise;
    }
    chain
}
