//! Weights as integers, so that flows are exact: sums cannot drift, a balanced problem cannot come out infeasible, and
//! the rule against cycling is sound.
//!
//! Three cases, the first that applies:
//! 1. all source weights are equal and all target weights are equal: m and n units over their greatest common divisor,
//!    nothing is rounded;
//! 2. all weights are multiples of one power of two and the sums agree (counts, dyadic fractions): the multiples,
//!    nothing is rounded;
//! 3. otherwise each side is divided into 2^60 quanta by largest remainders: each weight is off by about one quantum
//!    at most, 8.7e-19 of the mass (the rounding of a sum near one is 1.1e-16). A positive weight below that becomes zero.

use crate::ot::problem::CheckedWeights;

/// Units of mass that each side is divided into where the weights have no exact common unit.
const QUANTA: u64 = 1 << 60;

/// Integer masses of both sides, equal in sum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Masses {
    pub source: Vec<i64>,
    pub target: Vec<i64>,
    /// What a unit weighs is `mass / divisor`. Both are kept, because their quotient may be too small for a number.
    mass: f64,
    divisor: f64,
}

impl Masses {
    pub fn new(weights: &CheckedWeights) -> Self {
        equal_weights(weights).or_else(|| exact_multiples(weights)).unwrap_or_else(|| Masses {
            source: apportion(&weights.source, weights.source_mass),
            target: apportion(&weights.target, weights.target_mass),
            mass: weights.source_mass,
            divisor: QUANTA as f64,
        })
    }

    /// Masses of one each, for tests.
    #[cfg(test)]
    pub fn of_units(source: Vec<i64>, target: Vec<i64>) -> Self {
        Masses { source, target, mass: 1.0, divisor: 1.0 }
    }

    /// What so many units weigh.
    pub fn weigh(&self, units: i64) -> f64 {
        units as f64 / self.divisor * self.mass
    }
}

/// Case 1: the positive weights of each side are equal among themselves.
fn equal_weights(weights: &CheckedWeights) -> Option<Masses> {
    let count_equal = |side: &[f64]| -> Option<u64> {
        let mut positive = side.iter().filter(|&&weight| weight > 0.0);
        let first = positive.next()?;
        positive.clone().all(|weight| weight == first).then(|| 1 + positive.count() as u64)
    };
    let sources = count_equal(&weights.source)?;
    let targets = count_equal(&weights.target)?;
    let divisor = greatest_common_divisor(sources, targets);
    let total = (sources / divisor).checked_mul(targets).filter(|&total| total <= QUANTA)?;
    let fill = |side: &[f64], units: u64| {
        side.iter().map(|&weight| if weight > 0.0 { units as i64 } else { 0 }).collect()
    };
    Some(Masses {
        source: fill(&weights.source, targets / divisor),
        target: fill(&weights.target, sources / divisor),
        mass: weights.source_mass,
        divisor: total as f64,
    })
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// `(m, e)` with `weight = m * 2^e`, for a finite positive weight.
fn decompose(weight: f64) -> (u64, i32) {
    let bits = weight.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match (bits >> 52) as i32 {
        0 => (fraction, -1074),
        biased => (fraction | (1 << 52), biased - 1075),
    }
}

/// Case 2: multiples of the largest power of two that divides every weight, if their sums agree and stay below 2^60.
fn exact_multiples(weights: &CheckedWeights) -> Option<Masses> {
    let all = || {
        weights.source.iter().chain(&weights.target).filter(|&&weight| weight > 0.0).map(|&w| decompose(w))
    };
    let unit = all().map(|(mantissa, exponent)| exponent + mantissa.trailing_zeros() as i32).min()?;
    let multiples = |side: &[f64]| -> Option<(Vec<i64>, u64)> {
        let mut total = 0_u64;
        let mut units = Vec::with_capacity(side.len());
        for &weight in side {
            let count = if weight == 0.0 {
                0
            } else {
                let (mantissa, exponent) = decompose(weight);
                if exponent >= unit {
                    let shift = (exponent - unit) as u32;
                    if shift > mantissa.leading_zeros() {
                        return None;
                    }
                    mantissa << shift
                } else {
                    mantissa >> (unit - exponent)
                }
            };
            total = total.checked_add(count).filter(|&total| total <= QUANTA)?;
            units.push(count as i64);
        }
        Some((units, total))
    };
    let (source, source_total) = multiples(&weights.source)?;
    let (target, target_total) = multiples(&weights.target)?;
    // 2^unit is a number, if perhaps a subnormal one: it divides a weight.
    (source_total == target_total).then(|| Masses { source, target, mass: power_of_two(unit), divisor: 1.0 })
}

/// 2^exponent, for an exponent from -1074 to 1023.
fn power_of_two(exponent: i32) -> f64 {
    if exponent < -1022 {
        f64::from_bits(1 << (exponent + 1074))
    } else {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    }
}

/// Case 3: [`QUANTA`] units over the weights in proportion, by largest remainders (Hamilton's method); the sum is exact.
///
/// `mass` is the sum of the weights, but for rounding.
fn apportion(weights: &[f64], mass: f64) -> Vec<i64> {
    // In fixed point, with 65 or 66 bits for the whole sum: times the quanta it fits 128 bits. What that cuts off a weight
    // is less than 1/32 of a quantum.
    let (mantissa, exponent) = decompose(mass);
    let unit = exponent + 64 - mantissa.leading_zeros() as i32 - 66;
    let fixed: Vec<u128> = weights.iter().map(|&weight| fixed_point(weight, unit)).collect();
    let total: u128 = fixed.iter().sum();
    let mut quanta = Vec::with_capacity(weights.len());
    let mut remainders = Vec::new();
    let mut left = QUANTA;
    for (index, &part) in fixed.iter().enumerate() {
        let scaled = part * u128::from(QUANTA);
        let count = (scaled / total) as u64;
        left -= count;
        quanta.push(count as i64);
        // A weight of zero must not receive a quantum.
        if part > 0 {
            remainders.push((scaled % total, index));
        }
    }
    // Fewer than one quantum for each positive weight is left.
    let left = left as usize;
    if left > 0 {
        remainders.select_nth_unstable_by(left - 1, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for &(_, index) in &remainders[..left] {
            quanta[index] += 1;
        }
    }
    quanta
}

/// `weight / 2^unit`, rounded down.
fn fixed_point(weight: f64, unit: i32) -> u128 {
    if weight == 0.0 {
        return 0;
    }
    let (mantissa, exponent) = decompose(weight);
    let shift = exponent - unit;
    if shift >= 0 {
        u128::from(mantissa) << shift
    } else if shift > -64 {
        u128::from(mantissa >> -shift)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ot::problem::sum;
    use proptest::prelude::*;

    fn checked(source: &[f64], target: &[f64]) -> CheckedWeights {
        CheckedWeights {
            source: source.to_vec(),
            target: target.to_vec(),
            source_mass: sum(source.iter().copied()),
            target_mass: sum(target.iter().copied()),
        }
    }

    #[test]
    fn counts_are_kept_as_they_are() {
        let masses = Masses::new(&checked(&[3.0, 0.0, 5.0], &[8.0]));
        assert_eq!(
            (masses.source.as_slice(), masses.target.as_slice()),
            ([3, 0, 5].as_slice(), [8].as_slice())
        );
        assert_eq!(masses.weigh(5), 5.0);
    }

    #[test]
    fn equal_fractions_on_both_sides_are_one_unit_each() {
        let masses = Masses::new(&checked(&[0.1; 10], &[0.1; 10]));
        assert_eq!(masses.source, [1; 10]);
        assert_eq!(masses.target, [1; 10]);
    }

    #[test]
    fn uniform_clouds_of_different_size_share_out_without_rounding() {
        let masses = Masses::new(&checked(&[1.0 / 6.0; 6], &[0.25; 4]));
        assert_eq!(masses.source, [2; 6]);
        assert_eq!(masses.target, [3; 4]);
        assert_eq!(masses.weigh(3), 0.25);
    }

    #[test]
    fn a_weight_below_the_quantum_becomes_zero_and_a_zero_stays_zero() {
        let masses = Masses::new(&checked(&[1e-30, 0.0, 0.3, 0.7], &[0.4, 0.6]));
        assert_eq!(masses.source[..2], [0, 0]);
        assert_eq!(masses.source.iter().sum::<i64>(), QUANTA as i64);
    }

    #[test]
    fn subnormal_and_huge_weights_are_shared_out() {
        for scale in [f64::MIN_POSITIVE / 4.0, 1e-300, 1e300] {
            let side = [scale, scale * 3.0, scale * 0.7];
            let masses = Masses::new(&checked(&side, &[sum(side)]));
            assert_eq!(masses.source.iter().sum::<i64>(), masses.target[0], "{scale:e}");
            let ratio = masses.source[1] as f64 / masses.source[0] as f64;
            assert!((ratio - 3.0).abs() < 1e-15, "{scale:e}: {ratio}");
            // Half a unit in the last place of a subnormal number is all that may be lost.
            let heavy = masses.weigh(masses.source[1]);
            assert!((heavy - side[1]).abs() <= 4.0 * f64::EPSILON * side[1] + f64::from_bits(1), "{heavy:e}");
        }
    }

    #[test]
    fn masses_near_the_smallest_number_still_weigh_something() {
        let a = [0.1e-307, 0.2e-307, 0.3e-307, 0.4e-307];
        let b = [1e-307 / 3.0; 3];
        let masses = Masses::new(&checked(&a, &b));
        for (&units, &weight) in masses.source.iter().zip(&a) {
            assert!((masses.weigh(units) - weight).abs() <= 8.0 * f64::EPSILON * 1e-307);
        }
    }

    #[test]
    fn whole_numbers_are_whole_again() {
        let (a, b) = ([104.0, 802.0], [906.0]);
        let masses = Masses::new(&checked(&a, &b));
        assert_eq!([masses.weigh(masses.source[0]), masses.weigh(masses.source[1])], a);
    }

    proptest! {
        #[test]
        fn every_share_is_within_one_quantum(
            mut weights in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1.0_f64, 1e-12..1e-6_f64], 1..200),
            dominating in prop::sample::select(vec![0.0, 1.0, 1e6, 1e14]),
        ) {
            weights[0] += dominating;
            let total = sum(weights.iter().copied());
            prop_assume!(total > 0.0);
            let quanta = apportion(&weights, total);
            prop_assert_eq!(quanta.iter().map(|&q| i128::from(q)).sum::<i128>(), i128::from(QUANTA));
            for (&weight, &count) in weights.iter().zip(&quanta) {
                prop_assert!(count >= 0 && (weight > 0.0 || count == 0));
                // One quantum, 200 weights' cuts of 1/32 each shared out, and this test's own division and product.
                let exact = weight / total * QUANTA as f64;
                prop_assert!((count as f64 - exact).abs() <= 2.0 + 4.0 * f64::EPSILON * exact);
            }
        }
    }
}
