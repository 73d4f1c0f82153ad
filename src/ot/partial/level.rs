//! The price of mass on one side: how high a level fills it with the mass that is wanted.

/// The λ with Σ wₖ min(1, exp(λ + tₖ)) = mass, for 0 < mass <= Σ wₖ (to rounding).
///
/// The sum rises with λ, and points fill in the order of t: with the first k of them full, the others carry exp(λ) Σ
/// w exp(t). The right k is the first for which the next one is not full. `order` is room for the indices. O(m log
/// m).
pub(super) fn level(weights: &[f64], t: &[f64], mass: f64, order: &mut Vec<usize>) -> f64 {
    order.clear();
    order.extend(0..t.len());
    order.sort_unstable_by(|&i, &j| t[j].total_cmp(&t[i]).then(i.cmp(&j)));
    // tails[k] = Σ w exp(t - t of the k-th) over the k-th and all after it.
    let mut tails = vec![0.0; order.len()];
    let mut tail = 0.0;
    for (place, &index) in order.iter().enumerate().rev() {
        if let Some(&next) = order.get(place + 1) {
            tail *= (t[next] - t[index]).exp();
        }
        tail += weights[index];
        tails[place] = tail;
    }
    let mut left = mass;
    for (&index, tail) in order.iter().zip(&tails) {
        if left <= *tail {
            // What rounding leaves may be nothing: then the points before are full, and this one hardly begins.
            return (left.max(f64::MIN_POSITIVE) / tail).ln() - t[index];
        }
        left -= weights[index];
    }
    // All are full.
    order.last().map_or(0.0, |&index| -t[index])
}

#[cfg(test)]
mod tests {
    use super::level;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_level_fills_the_mass(
            points in prop::collection::vec((1e-3..1.0_f64, -800.0..800.0_f64), 1..40),
            share in prop_oneof![Just(1.0), 1e-6..1.0_f64],
        ) {
            let (weights, t): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
            let total: f64 = weights.iter().sum();
            let mass = total * share;
            let found = level(&weights, &t, mass, &mut Vec::new());
            let filled: f64 = weights.iter().zip(&t).map(|(w, t)| w * (found + t).exp().min(1.0)).sum();
            // Exponents of 1600 at most are rounded by 1600 EPS.
            prop_assert!((filled - mass).abs() <= 4000.0 * f64::EPSILON * total, "{filled} {mass}");
        }
    }
}
