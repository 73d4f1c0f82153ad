//! How good a generator is: two figures, each beside what samples of the data themselves reach.

use brenier::Matrix;
use brenier::matrix::{Distance, pairwise};
use brenier::ot::sinkhorn::minibatch::{Options, SinkhornLoss};

/// The Sinkhorn divergence (debiased) between two clouds: zero for equal distributions, but for the noise of samples.
pub fn divergence(x: &Matrix<f32>, y: &Matrix<f32>, epsilon: f64) -> Result<f64, brenier::Error> {
    let options = Options::new(epsilon).with_iterations(500).with_debiased(true);
    Ok(SinkhornLoss::new(options)?.value(&x.cast::<f64>(), &y.cast::<f64>())?.value)
}

/// The mean distance of the points to the nearest of `others`.
pub fn nearest(points: &Matrix<f32>, others: &Matrix<f32>) -> Result<f64, brenier::Error> {
    let distances = pairwise(points, others, Distance::Euclidean)?;
    let rows = distances.view().row_minima()?;
    Ok(rows.iter().map(|&distance| f64::from(distance)).sum::<f64>() / points.rows() as f64)
}
