//! The exercise's three claims, by sums over all joint states of a machine of four visible and three hidden units.

use brenier::Matrix;
use brenier::nn::{Parameters, Rbm};
use brenier::random::RandomStream;
use std::error::Error;

const VISIBLE: usize = 4;
const HIDDEN: usize = 3;

/// All states of some bits, a row each.
fn states(units: usize) -> Matrix<f64> {
    Matrix::from_fn(1 << units, units, |state, unit| (state >> unit & 1) as f64)
}

/// e^{-E(v, h)} of all joint states: (visible states, hidden states).
fn joint_weights(rbm: &Rbm<f64>) -> Result<Matrix<f64>, brenier::Error> {
    let (visible, hidden) = (states(VISIBLE), states(HIDDEN));
    let mut weights = Matrix::zeros(visible.rows(), hidden.rows());
    for row in 0..visible.rows() {
        let same = Matrix::from_fn(hidden.rows(), VISIBLE, |_, unit| visible[(row, unit)]);
        for (weight, energy) in weights.row_mut(row).iter_mut().zip(rbm.energy(&same, &hidden)?) {
            *weight = (-energy).exp();
        }
    }
    Ok(weights)
}

/// <v₀ v₁> - <v₀><v₁> under the machine.
fn correlation(weights: &Matrix<f64>) -> f64 {
    let z: f64 = weights.as_slice().iter().sum();
    let mean = |bits: usize| -> f64 {
        (0..weights.rows())
            .filter(|state| state & bits == bits)
            .map(|state| weights.row(state).iter().sum::<f64>() / z)
            .sum()
    };
    mean(3) - mean(1) * mean(2)
}

pub fn show() -> Result<(), Box<dyn Error>> {
    let mut stream = RandomStream::new(1);
    let mut rbm = Rbm::<f64>::random(VISIBLE, HIDDEN, 1.0, &mut stream)?;
    stream.fill_normal(rbm.visible_bias_mut());
    stream.fill_normal(rbm.hidden_bias_mut());

    println!(
        "(a) W = 0 is a paramagnet: free spins in the fields a and b; W couples visible spins through hidden ones."
    );
    let mut free = rbm.clone();
    free.parameters_mut()[..VISIBLE * HIDDEN].fill(0.0);
    let weights = joint_weights(&free)?;
    let softplus = |x: &f64| x.exp().ln_1p();
    let closed: f64 = free.visible_bias().iter().chain(free.hidden_bias()).map(softplus).sum();
    println!("  W = 0: ln Z over all 128 joint states  {:.12}", weights.as_slice().iter().sum::<f64>().ln());
    println!("         sum of softplus(a) + softplus(b) {closed:.12}");
    println!("         <v0 v1> - <v0><v1>               {:+.1e}, expected 0", correlation(&weights));
    let weights = joint_weights(&rbm)?;
    println!("  with W: <v0 v1> - <v0><v1>              {:+.4}", correlation(&weights));
    println!(
        "         ln Z over all joint states {:.12}, by the smaller layer alone {:.12}",
        weights.as_slice().iter().sum::<f64>().ln(),
        rbm.exact_log_z()?
    );

    println!("(b) P(h | v) is the product of its factors P(h_j | v).");
    let factors = rbm.hidden_probabilities(&states(VISIBLE))?;
    let mut worst: f64 = 0.0;
    for row in 0..weights.rows() {
        let total: f64 = weights.row(row).iter().sum();
        for (state, weight) in weights.row(row).iter().enumerate() {
            let product: f64 = (0..HIDDEN)
                .map(|unit| {
                    let p = factors[(row, unit)];
                    if state >> unit & 1 == 1 { p } else { 1.0 - p }
                })
                .product();
            worst = worst.max((weight / total - product).abs());
        }
    }
    println!("  largest difference over all 128 states: {worst:.1e}, expected 0");

    println!("(c) d ln P(v) / dW = <v h>_data - <v h>_model.");
    let data = Matrix::from_rows([[1.0, 0.0, 1.0, 1.0]]);
    let exact = rbm.exact_gradient(&data)?.gradient;
    let step = 1e-5;
    let mut worst: f64 = 0.0;
    for (k, slope) in exact.iter().enumerate() {
        let at = |offset: f64| {
            let mut moved = rbm.clone();
            moved.parameters_mut()[k] += offset;
            moved.exact_log_likelihood(&data)
        };
        worst = worst.max(((at(step)? - at(-step)?) / (2.0 * step) - slope).abs());
    }
    println!(
        "  largest difference from central differences, all parameters: {worst:.1e}, expected below 1e-9\n"
    );
    Ok(())
}
