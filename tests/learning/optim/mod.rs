//! Optimisers and schedules: against numbers that PyTorch 2.15 computed in f64, closed forms, and bit equality.
//!
//! The numbers are from
//! ```python
//! import torch
//! torch.set_default_dtype(torch.float64)
//! def run(make, steps=10):
//!     p = torch.tensor([0.5, -1.25, 2.0, 0.0, -3.0], requires_grad=True)
//!     a = torch.tensor([1.0, 0.3, 2.5, 0.01, 0.7]); c = torch.tensor([1.0, 2.0, -1.0, 0.5, 0.25])
//!     o = make([p])
//!     for t in range(steps):
//!         o.zero_grad(); (a * (p - c) ** 2).sum().backward(); o.step()
//!     return p.tolist()
//! def rates(make, n, lr):
//!     p = torch.zeros(1, requires_grad=True); o = torch.optim.SGD([p], lr=lr); s = make(o); r = []
//!     for _ in range(n):
//!         r.append(o.param_groups[0]["lr"]); o.step(); s.step()
//!     return r
//! ```
//! with the optimiser or scheduler that stands beside each of them.

mod hostile;
mod pytorch;
mod schedules;

use brenier::Scalar;
use brenier::nn::optim::{
    Adam, AdamOptions, Optimiser, ParameterGroup, Sgd, SgdOptions, clip_by_norm, gradient_norm,
};
use brenier::random::RandomStream;
use proptest::prelude::*;

/// Ten steps of some ten roundings each on numbers of order one: 200 EPS leave room for the corrections' powers.
fn assert_close(name: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!(
            (got - expected).abs() <= 200.0 * f64::EPSILON * expected.abs().max(1.0),
            "{name}: {got} not {expected}"
        );
    }
}

type Maker<T> = Box<dyn Fn() -> Box<dyn Optimiser<T>> + Sync>;

fn optimisers<T: Scalar>() -> Vec<Maker<T>> {
    let sgd =
        |options: SgdOptions| -> Maker<T> { Box::new(move || Box::new(Sgd::new(options.clone()).unwrap())) };
    let adam = |options: AdamOptions| -> Maker<T> {
        Box::new(move || Box::new(Adam::new(options.clone()).unwrap()))
    };
    vec![
        sgd(SgdOptions::default().with_weight_decay(0.1)),
        sgd(SgdOptions::default().with_momentum(0.9).with_nesterov(true)),
        adam(AdamOptions::default().with_weight_decay(0.01)),
        adam(AdamOptions::adamw()),
        adam(AdamOptions::adamw().with_amsgrad(true)),
    ]
}

/// Gradients and starting parameters of a fixed seed.
fn data<T: Scalar>(length: usize, steps: usize) -> (Vec<T>, Vec<Vec<T>>) {
    let mut stream = RandomStream::new(5);
    let mut normal = || {
        let mut x = vec![T::ZERO; length];
        stream.fill_normal(&mut x);
        x
    };
    (normal(), (0..steps).map(|_| normal()).collect())
}

/// An element's bits depend on that element alone: not on the length, its place, or the threads.
#[cfg(feature = "parallel")]
#[test]
fn steps_do_not_depend_on_place_or_threads() {
    fn check<T: Scalar>() {
        let length = 3 * 65_536 + 1234;
        let (start, gradients) = data::<T>(length, 3);
        for make in optimisers::<T>() {
            let whole = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let (mut parameters, mut optimiser) = (start.clone(), make());
                    gradients.iter().for_each(|g| optimiser.step(&mut parameters, g).unwrap());
                    parameters
                })
            };
            let expected = whole(1);
            assert!(whole(3) == expected);
            for place in [0, 1, 65_535, 65_536, length - 1] {
                let (mut parameter, mut optimiser) = ([start[place]], make());
                gradients.iter().for_each(|g| optimiser.step(&mut parameter, &[g[place]]).unwrap());
                assert_eq!(parameter[0], expected[place], "{place}");
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_state_that_is_put_back_goes_on_with_the_same_bits() {
    let (start, gradients) = data::<f32>(1000, 10);
    for make in optimisers::<f32>() {
        let (mut parameters, mut optimiser) = (start.clone(), make());
        optimiser.set_learning_rate(0.05).unwrap();
        gradients[..6].iter().for_each(|g| optimiser.step(&mut parameters, g).unwrap());
        let (mut other_parameters, mut other) = (parameters.clone(), make());
        other.restore(optimiser.state()).unwrap();
        assert_eq!((other.steps(), other.learning_rate()), (6, 0.05));
        for g in &gradients[6..] {
            optimiser.step(&mut parameters, g).unwrap();
            other.step(&mut other_parameters, g).unwrap();
        }
        assert_eq!(parameters, other_parameters);
        assert_eq!(optimiser.state(), other.state());
        // A reset is a new beginning, at the same rate.
        optimiser.reset();
        let mut fresh = make();
        fresh.set_learning_rate(0.05).unwrap();
        let (mut a, mut b) = (start.clone(), start.clone());
        optimiser.step(&mut a, &gradients[0]).unwrap();
        fresh.step(&mut b, &gradients[0]).unwrap();
        assert_eq!(a, b);
    }
}

/// A group's parameters move as with an optimiser of their own that has the group's numbers.
#[test]
fn groups_are_optimisers_of_their_own() {
    let (start, gradients) = data::<f64>(50, 5);
    let groups = [
        ParameterGroup::new(0..7).with_weight_decay(0.0),
        ParameterGroup::new(20..30).with_learning_rate_factor(0.1),
        ParameterGroup::new(30..31).with_learning_rate_factor(0.0),
    ];
    let base = AdamOptions::adamw().with_learning_rate(0.01).with_weight_decay(0.2);
    let walk = |options: AdamOptions, range: std::ops::Range<usize>| {
        let (mut parameters, mut adam) = (start[range.clone()].to_vec(), Adam::new(options).unwrap());
        gradients.iter().for_each(|g| adam.step(&mut parameters, &g[range.clone()]).unwrap());
        parameters
    };
    let all = walk(base.clone().with_groups(&groups), 0..50);
    assert_eq!(all[0..7], walk(base.clone().with_weight_decay(0.0), 0..7));
    assert_eq!(all[7..20], walk(base.clone(), 7..20));
    assert_eq!(all[20..30], walk(base.clone().with_learning_rate(0.01 * 0.1), 20..30));
    assert_eq!(all[30], start[30]);
    assert_eq!(all[31..50], walk(base, 31..50));
}

proptest! {
    #[test]
    fn clipping_keeps_the_direction_and_bounds_the_norm(
        gradient in proptest::collection::vec(-1e3_f64..1e3, 1..200),
        exponent in -12_i32..6,
    ) {
        let largest = 10_f64.powi(exponent);
        let mut clipped = gradient.clone();
        let norm = clip_by_norm(&mut clipped, largest).unwrap();
        let exact = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        prop_assert!((norm - exact).abs() <= 1e-13 * exact);
        let after = gradient_norm(&clipped).unwrap();
        // A product and a norm: some roundings on each of up to 200 terms.
        prop_assert!(after <= largest.min(norm) * (1.0 + 1e-13));
        let factor = if norm > largest { largest / norm } else { 1.0 };
        for (c, g) in clipped.iter().zip(&gradient) {
            prop_assert!((c - factor * g).abs() <= 1e-13 * largest.max(1e-300));
        }
    }
}
