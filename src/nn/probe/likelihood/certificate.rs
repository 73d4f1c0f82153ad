//! What is known of an iterate: the objective, and below it the dual value, at the α of the [module](super).

use super::newton::{Newton, logistic};
use crate::nn::probe::{euclidean_norm, inner};
use crate::scalar::Scalar;

/// What is known of the answer, computed from the direction in double precision, before it is rounded to the probe.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct LikelihoodCertificate {
    /// P.
    pub objective: f64,
    /// D at the α that belongs to it: a lower bound on the minimum. NaN without penalty.
    pub dual_objective: f64,
    /// P - D, not below zero: up to rounding, a bound on how far P is from the minimum. NaN without penalty.
    pub gap: f64,
    /// The norm of P's gradient.
    pub gradient_norm: f64,
}

/// `a ln(a / c) + b ln(b / c)` of two parts of c. The logarithm of the larger comes from the smaller, which has all its digits.
fn entropy(a: f64, b: f64, c: f64) -> f64 {
    let (small, large) = (a.min(b), a.max(b));
    if small > 0.0 { small * (small / c).ln() + large * (-small / c).ln_1p() } else { 0.0 }
}

impl<T: Scalar> Newton<'_, '_, T> {
    /// Objective, dual value and gap at the parameters: one pass more where there is a dual.
    pub(super) fn certificate(&mut self) -> LikelihoodCertificate {
        let objective = self.objective(0.0);
        let gradient_norm = euclidean_norm(&self.gradient);
        let penalty = self.options.penalty;
        if penalty == 0.0 {
            return LikelihoodCertificate {
                objective,
                dual_objective: f64::NAN,
                gap: f64::NAN,
                gradient_norm,
            };
        }
        let mut sums = [0.0; 2];
        for (((dual, sign), cost), z) in
            self.dual.iter_mut().zip(&self.signs).zip(&self.costs).zip(&self.logits)
        {
            *dual = cost * logistic(-sign * z);
            sums[usize::from(*sign > 0.0)] += *dual;
        }
        // With a bias the signed sum must vanish: the heavier class gives way and stays in its bounds.
        let smaller = sums[0].min(sums[1]);
        let scale = |sign: f64| match self.options.bias {
            true if sums[usize::from(sign > 0.0)] > 0.0 => smaller / sums[usize::from(sign > 0.0)],
            _ => 1.0,
        };
        let mut sum = 0.0;
        let rows = self.dual.iter_mut().zip(&self.signs).zip(&self.costs).zip(&self.logits);
        for (((dual, sign), &cost), z) in rows {
            let (scale, rest) = (scale(*sign), cost * logistic(sign * z));
            let alpha = *dual * scale;
            // c - α without cancellation.
            sum += entropy(alpha, rest + *dual * (1.0 - scale), cost);
            *dual = alpha * sign;
        }
        self.pass.combine(&self.dual, &mut self.dual_direction);
        let square = inner(&self.dual_direction, &self.dual_direction);
        let dual_objective = -square / (2.0 * penalty) - sum;
        let gap = (objective - dual_objective).max(0.0);
        LikelihoodCertificate { objective, dual_objective, gap, gradient_norm }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LikelihoodOptions;
    use super::super::tests::noisy;
    use super::*;
    use crate::nn::probe::Samples;

    #[test]
    fn the_gap_without_bias_is_the_gradient_squared() {
        let (x, labels) = noisy(40, 7, 2);
        let samples = Samples::new(&x, &labels);
        let options = LikelihoodOptions::default().with_penalty(0.5);
        let mut newton = Newton::new(&samples, &options);
        newton.parameters.fill(0.2);
        newton.evaluate();
        let certificate = newton.certificate();
        let expected = certificate.gradient_norm.powi(2) / (2.0 * 0.5);
        // Both are differences and sums of numbers of the objective's size.
        assert!((certificate.gap - expected).abs() < 1e-13 * (expected + certificate.objective));
    }
}
