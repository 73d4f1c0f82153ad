//! ln Z: an Ising model as a machine, and the error that annealed importance sampling states.

use super::{chi_square_limit, machine};
use brenier::Matrix;
use brenier::nn::Rbm;
use brenier::nn::rbm::{AnnealingOptions, AnnealingStatus, estimate_log_z};
use brenier::random::RandomStream;

/// Ising spins on a periodic square lattice as a machine with a hidden unit for each bond.
///
/// `e^{K s s'} = e^{-K}/2 Σ_{g=±1} e^{w g (s + s')}` with cosh 2w = e^{2K}; then s = 2v - 1, g = 2h - 1. Returns the machine and
/// ln Z_Ising - ln Z_machine.
fn ising(side: usize, coupling: f64) -> (Rbm<f64>, f64) {
    let w = 0.5 * (2.0 * coupling).exp().acosh();
    let sites = side * side;
    let mut bonds = Vec::new();
    for row in 0..side {
        for column in 0..side {
            let here = row * side + column;
            bonds.push((here, row * side + (column + 1) % side));
            bonds.push((here, (row + 1) % side * side + column));
        }
    }
    let mut weight = Matrix::zeros(bonds.len(), sites);
    let mut visible_bias = vec![0.0; sites];
    for (bond, (first, second)) in bonds.iter().enumerate() {
        for site in [*first, *second] {
            weight[(bond, site)] += 4.0 * w;
            visible_bias[site] -= 2.0 * w;
        }
    }
    let hidden_bias = vec![-4.0 * w; bonds.len()];
    let constant = bonds.len() as f64 * (2.0 * w - coupling - 2.0_f64.ln());
    (Rbm::from_parts(&weight, &visible_bias, &hidden_bias).unwrap(), constant)
}

#[test]
fn a_hidden_unit_for_each_bond_is_an_ising_model() {
    for (side, coupling) in [(3, 0.4), (4, 0.3)] {
        let (rbm, constant) = ising(side, coupling);
        let sites = side * side;
        let mut terms = Vec::new();
        for state in 0..1_usize << sites {
            let spin = |row: usize, column: usize| {
                let site = row % side * side + column % side;
                if state >> site & 1 == 1 { 1.0 } else { -1.0 }
            };
            let mut sum = 0.0;
            for row in 0..side {
                for column in 0..side {
                    sum += spin(row, column) * (spin(row, column + 1) + spin(row + 1, column));
                }
            }
            terms.push(coupling * sum);
        }
        let ising_log_z = brenier::simd::log_sum_exp(&terms);
        let found = rbm.exact_log_z().unwrap() + constant;
        assert!((found - ising_log_z).abs() < 1e-10, "{found} {ising_log_z}");
        // And the sampled estimate agrees.
        let options =
            AnnealingOptions::default().with_levels(2000).with_chains(200).with_base(&vec![0.0; sites]);
        let estimate = estimate_log_z(&rbm, &options, RandomStream::new(8)).unwrap();
        assert_eq!(estimate.status, AnnealingStatus::Finished);
        assert!(
            (estimate.log_z + constant - ising_log_z).abs() < 5.0 * estimate.standard_error,
            "{} +- {}, exact {ising_log_z}",
            estimate.log_z + constant,
            estimate.standard_error
        );
    }
}

/// Twenty seeds, several kinds of machines: the errors are as large as stated.
#[test]
fn annealed_importance_sampling_errs_as_it_says() {
    let gaussian =
        machine::<f64>(6, 8, 0.4, 9).with_gaussian_visible(&[0.5, 1.0, 1.5, 1.0, 0.7, 2.0]).unwrap();
    for (name, rbm) in [("bits", machine::<f64>(14, 10, 0.7, 10)), ("real", gaussian)] {
        let exact = rbm.exact_log_z().unwrap();
        let mut squares = 0.0;
        for seed in 0..20 {
            let options = AnnealingOptions::default().with_levels(200).with_chains(200);
            let estimate = estimate_log_z(&rbm, &options, RandomStream::new(seed)).unwrap();
            let z = (estimate.log_z - exact) / estimate.standard_error;
            // Of a normal number that has a chance of 6e-7.
            assert!(z.abs() < 5.0, "{name} {seed}: {z}");
            assert!(estimate.standard_error < 0.2 && estimate.effective_sample_size > 20.0);
            squares += z * z;
        }
        // The sum of 20 squares: outside with a chance of 1e-6 above and 1e-5 below.
        assert!((3.0..chi_square_limit(20.0)).contains(&squares), "{name}: {squares}");
    }
    let single = machine::<f32>(14, 10, 0.7, 10);
    let options = AnnealingOptions::default().with_levels(500).with_chains(500);
    let estimate = estimate_log_z(&single, &options, RandomStream::new(1)).unwrap();
    let exact = single.exact_log_z().unwrap();
    assert!((estimate.log_z - exact).abs() < 5.0 * estimate.standard_error, "{estimate:?} {exact}");
}
