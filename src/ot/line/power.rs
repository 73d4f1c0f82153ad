//! The costs h(d) = |d|^p, p >= 1: plain, with the digits that rounding loses, and their small increments.

use crate::error::{Error, Result};

/// h(d) = |d|^p.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ot) enum Power {
    /// p = 1.
    Absolute,
    /// p = 2.
    Square,
    /// Any other p > 1.
    General(f64),
}

impl Power {
    /// The power `p`, checked.
    pub fn new(p: f64) -> Result<Self> {
        if !(p >= 1.0 && p.is_finite()) {
            return Err(Error::Argument {
                name: "p",
                value: p,
                requirement: "the power of the cost must be finite and at least 1 (a convex cost)",
            });
        }
        Ok(match p {
            1.0 => Power::Absolute,
            2.0 => Power::Square,
            _ => Power::General(p),
        })
    }

    /// h(d).
    #[inline(always)]
    pub fn cost(self, difference: f64) -> f64 {
        match self {
            Power::Absolute => difference.abs(),
            Power::Square => difference * difference,
            Power::General(p) => difference.abs().powf(p),
        }
    }

    /// How far the computed cost of two numbers may be from the exact one: p roundings of half a unit for those of the
    /// difference, a unit for the power and one more for `powf`; and the spacing of subnormal numbers.
    #[inline(always)]
    pub fn error(self, cost: f64) -> f64 {
        let p = match self {
            Power::Absolute => 1.0,
            Power::Square => 2.0,
            Power::General(p) => p,
        };
        (0.5 * p + 2.0) * f64::EPSILON * cost + f64::MIN_POSITIVE * f64::EPSILON
    }

    /// h⁻¹(c) >= 0: the p-th root.
    pub fn root(self, cost: f64) -> f64 {
        match self {
            Power::Absolute => cost,
            Power::Square => cost.sqrt(),
            Power::General(p) => cost.powf(p.recip()),
        }
    }

    /// h(x - y) as a sum of terms: to twice the working precision for p = 1 and 2 (but for underflow), else rounded.
    pub fn cost_terms(self, x: f64, y: f64) -> [f64; 3] {
        let (d, lost) = difference(x, y);
        match self {
            Power::Absolute => [d.abs(), lost * d.signum(), 0.0],
            Power::Square => {
                let square = d * d;
                [square, d.mul_add(d, -square), 2.0 * d * lost]
            }
            Power::General(_) => [self.cost(d), 0.0, 0.0],
        }
    }

    /// h(`to`) - h(`from`) for p other than 1 and 2 and d = x - y that differ by an eighth or less: a few roundings relative to the
    /// increment itself, where the difference of the two costs would have those of the costs. `None` for larger steps.
    ///
    /// Both are given by their coordinates (x, y) and differ in one of them.
    pub fn small_increment(self, from: (f64, f64), to: (f64, f64)) -> Option<f64> {
        let Power::General(p) = self else { return None };
        let step = if from.1 == to.1 { to.0 - from.0 } else { from.1 - to.1 };
        let ratio = step / (from.0 - from.1);
        // h(d + s) - h(d) = h(d) ((1 + s/d)^p - 1)
        (ratio.abs() <= 0.125).then(|| self.cost(from.0 - from.1) * (p * ratio.ln_1p()).exp_m1())
    }
}

/// a - b, rounded, and what the rounding lost (D. Knuth, "The Art of Computer Programming", 2, section 4.2.2).
fn difference(a: f64, b: f64) -> (f64, f64) {
    let difference = a - b;
    let part = difference - a;
    (difference, (a - (difference - part)) - (b + part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_below_one_and_not_finite_are_refused() {
        for p in [0.999, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(Power::new(p), Err(Error::Argument { name: "p", .. })), "{p}");
        }
    }

    #[test]
    fn small_increments_agree_with_the_derivative() {
        // h(d + s) - h(d) = p |d|^(p-1) sgn(d) s (1 + O(s/d)): the difference of the two costs would have lost 8 digits.
        let step = 2.0_f64.powi(-30);
        for p in [1.5_f64, 3.0, 7.25] {
            let power = Power::new(p).unwrap();
            for from in [3.0_f64, -3.0] {
                let derivative = p * 3.0_f64.powf(p - 1.0) * from.signum() * step;
                let source_side = power.small_increment((from, 0.0), (from + step, 0.0)).unwrap();
                let target_side = power.small_increment((0.0, -from), (0.0, -from - step)).unwrap();
                assert_eq!(source_side, target_side);
                let error = (source_side - derivative).abs();
                assert!(error <= 0.5 * p * step * derivative.abs(), "p = {p}, from {from}");
            }
            assert_eq!(power.small_increment((1.0, 0.0), (2.0, 0.0)), None);
            assert_eq!(power.small_increment((0.0, 0.0), (1.0, 0.0)), None);
            assert_eq!(power.small_increment((0.0, 0.0), (0.0, 0.0)), None);
        }
    }

    #[test]
    fn terms_of_costs_keep_twice_the_digits() {
        // (1 + 2^-40 - 2^-70)^2 and its root, in integers of 2^-140.
        let (x, y) = (1.0 + 2.0_f64.powi(-40), 2.0_f64.powi(-70));
        let [a, b, c] = Power::Square.cost_terms(x, y);
        let rest = (a - 1.0 - 2.0_f64.powi(-39)) + b + c;
        let expected = 2.0_f64.powi(-80) - 2.0_f64.powi(-69) - 2.0_f64.powi(-109);
        assert!((rest - expected).abs() <= 2.0_f64.powi(-104));
        assert_eq!(Power::Absolute.cost_terms(-x, -y), [x, -y, 0.0]);
        assert_eq!(Power::General(3.0).cost_terms(1.0, 3.0), [8.0, 0.0, 0.0]);
    }

    #[test]
    fn the_root_undoes_the_cost() {
        for p in [1.0, 2.0, 3.5] {
            let power = Power::new(p).unwrap();
            assert!((power.root(power.cost(-1.7)) - 1.7).abs() < 4.0 * f64::EPSILON);
        }
    }
}
