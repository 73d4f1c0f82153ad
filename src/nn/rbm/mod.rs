//! Restricted Boltzmann machines: two layers of units, each independent given the other.
//!
//! # The distribution
//! `P(v, h) = e^{-E(v, h)} / Z` over hidden bits h and visible units v. With bits (Smolensky 1986; Hinton, Neural Computation 14, 2002)
//!
//! `E(v, h) = -a·v - b·h - Σ_ij v_i W_ji h_j`,
//!
//! and with real visible units of given variances, in the convention of Cho, Ilin and Raiko (ICANN 2011, equation 4),
//!
//! `E(v, h) = Σ_i (v_i - a_i)² / 2σ_i² - b·h - Σ_ij (v_i / σ_i²) W_ji h_j`.
//!
//! No two units of a layer are coupled, so the conditionals factorise: `P(h_j = 1 | v) = sigmoid(b_j + Σ_i W_ji v_i)`
//! (of v/σ² where real), and `P(v_i = 1 | h) = sigmoid(a_i + Σ_j W_ji h_j)`, or N(a_i + Σ_j W_ji h_j, σ_i²). With W =
//! 0 it is a paramagnet: free spins in the fields a and b, ln Z = Σ softplus(a) + Σ softplus(b); W couples visible
//! spins through the hidden ones.
//!
//! Training climbs the log-likelihood, whose gradient is `<v_i h_j>_data - <v_i h_j>_model`. The first term is closed, the second is
//! sampled, or summed exactly for small machines.
//!
//! | to get | use |
//! | --- | --- |
//! | a machine | [`Rbm`] |
//! | energy, free energy, conditionals, draws | [`Rbm::energy`], [`Rbm::free_energy`], [`Rbm::hidden_probabilities`], [`Rbm::sample_visible`], … |
//! | samples | [`Chains`] (block Gibbs), [`Tempering`] (parallel tempering) |
//! | training by CD-k, PCD or parallel tempering | [`Trainer`] |
//! | log Z, likelihood and gradient of a small machine, exactly | [`Rbm::exact_log_z`], [`Rbm::exact_log_likelihood`], [`Rbm::exact_gradient`] |
//! | log Z of a large one | [`estimate_log_z`] (annealed importance sampling), then [`Rbm::log_likelihood`] |
//! | a measure without Z | [`Rbm::pseudo_log_likelihood`] |
//!
//! Batches and chains have a sample in each row. Randomness comes from a [`RandomStream`](crate::random::RandomStream): the same
//! seed gives the same bits for any number of threads.
//!
//! # Example
//! ```
//! use brenier::{Matrix, nn::Rbm};
//! use brenier::nn::rbm::{Chains, Trainer, TrainingOptions};
//! use brenier::random::RandomStream;
//! use std::ops::ControlFlow;
//! let stream = RandomStream::new(1);
//! let data = Matrix::from_rows([[1.0_f32, 1.0, 0.0], [0.0, 0.0, 1.0]]);
//! let mut rbm = Rbm::random(3, 4, 0.1, &mut stream.split(0))?;
//! let options = TrainingOptions::default().with_epochs(500).with_learning_rate(0.2);
//! Trainer::new(&rbm, options, stream.split(1))?.train(&mut rbm, &data, &mut |_| ControlFlow::Continue(()))?;
//! let mut chains = Chains::new(&rbm, 100, stream.split(2))?;
//! chains.advance(&rbm, 50)?;
//! println!("{:?}, log-likelihood {}", chains.visible().row(0), rbm.exact_log_likelihood(&data)?);
//! # Ok::<(), brenier::Error>(())
//! ```

pub mod annealed;
mod energy;
mod exact;
mod gibbs;
mod kernels;
mod layers;
mod model;
mod options;
mod pseudo_likelihood;
mod tempering;
#[cfg(test)]
mod tests;
mod training;

pub use annealed::{
    AnnealingOptions, AnnealingProgress, AnnealingStatus, LogZEstimate, estimate_log_z, estimate_log_z_with,
};
pub use exact::ExactGradient;
pub use gibbs::Chains;
pub use model::{Rbm, VisibleUnits};
pub use options::{Sampler, TrainingOptions, TrainingProgress, TrainingReport, TrainingStatus};
pub use tempering::{Tempering, TemperingOptions};
pub use training::Trainer;
