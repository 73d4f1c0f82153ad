//! Restricted Boltzmann machines: samplers and estimates against enumeration, training, threads, hostile input.

mod hostile;
mod log_z;
mod sampling;
mod training;

use brenier::Scalar;
use brenier::nn::rbm::{
    AnnealingOptions, Chains, Sampler, TemperingOptions, Trainer, TrainingOptions, estimate_log_z,
};
use brenier::nn::{Parameters, Rbm};
use brenier::random::RandomStream;
use std::ops::ControlFlow;

/// A machine with parameters of the given order.
fn machine<T: Scalar>(visible: usize, hidden: usize, size: f64, seed: u64) -> Rbm<T> {
    let mut rbm = Rbm::zeros(visible, hidden).unwrap();
    RandomStream::new(seed).fill_normal_with(rbm.parameters_mut(), T::ZERO, T::from_f64(size)).unwrap();
    rbm
}

/// What a chi-square of `freedom` degrees exceeds with a chance of 1e-6 (Wilson and Hilferty's approximation).
fn chi_square_limit(freedom: f64) -> f64 {
    let spread = 2.0 / (9.0 * freedom);
    freedom * (1.0 - spread + 4.753 * spread.sqrt()).powi(3)
}

/// Everything that is random or summed, as bits.
fn everything<T: Scalar>() -> Vec<u64> {
    let stream = RandomStream::new(15);
    let data = stream
        .split(0)
        .uniform_matrix::<T>(300, 150)
        .map(|u| if u.to_f64() < 0.3 { T::ONE } else { T::ZERO });
    let mut all = Vec::new();
    let mut keep = |values: &mut dyn Iterator<Item = f64>| all.extend(values.map(f64::to_bits));
    let tempered = TemperingOptions::default().with_chains(40).with_levels(4);
    for sampler in [
        Sampler::ContrastiveDivergence { steps: 2 },
        Sampler::Persistent { chains: 70, steps: 1 },
        Sampler::Tempered { options: tempered, steps: 1 },
    ] {
        let mut rbm = Rbm::random(150, 260, T::from_f64(0.01), &mut stream.split(1)).unwrap();
        let options = TrainingOptions::default().with_epochs(2).with_momentum(0.3).with_sampler(sampler);
        let mut trainer = Trainer::new(&rbm, options, stream.split(2)).unwrap();
        trainer.train(&mut rbm, &data, &mut |_| ControlFlow::Continue(())).unwrap();
        keep(&mut rbm.parameters().iter().map(|value| value.to_f64()));
        let options = AnnealingOptions::default().with_levels(10);
        keep(&mut estimate_log_z(&rbm, &options, stream.split(3)).unwrap().log_weights.into_iter());
        keep(&mut rbm.free_energy(&data).unwrap().into_iter());
        keep(&mut rbm.pseudo_log_likelihood(data.rows_range(0..9)).unwrap().into_iter());
        let mut chains = Chains::new(&rbm, 130, stream.split(4)).unwrap();
        chains.advance(&rbm, 2).unwrap();
        keep(&mut chains.visible().iter_rows().flatten().map(|value| value.to_f64()));
    }
    let small = machine::<T>(20, 12, 0.5, 16);
    let gradient = small.exact_gradient(data.submatrix(0..50, 0..20)).unwrap();
    keep(&mut gradient.gradient.into_iter().chain([gradient.log_z]));
    all
}

#[test]
fn results_do_not_depend_on_threads() {
    fn check<T: Scalar>() {
        let expected = everything::<T>();
        assert_eq!(everything::<T>(), expected, "the same seed gives the same bits");
        #[cfg(feature = "parallel")]
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert!(pool.install(everything::<T>) == expected, "{threads} threads");
        }
    }
    check::<f32>();
    check::<f64>();
}
