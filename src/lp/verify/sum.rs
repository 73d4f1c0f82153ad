//! A sum of products in about twice the working precision.

/// Σ a·b with the rounding errors of every product and every addition carried along, and Σ|a·b| beside it: algorithm
/// Dot2 of Ogita, Rump and Oishi, *Accurate sum and dot product*, SIAM J. Sci. Comput. 26 (2005), whose result is as
/// good as if computed with 2·53 bits and then rounded. A term that overflows makes the value NaN or infinite:
/// callers take neither for an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    high: f64,
    low: f64,
    /// Σ|a·b|: what rounding errors are measured by.
    pub size: f64,
}

impl Sum {
    /// Adds a·b.
    pub fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        // Fused, so that the difference is the product's rounding error and nothing else.
        self.low += a.mul_add(b, -product);
        self.add(product);
    }

    /// Adds a number.
    pub fn add(&mut self, term: f64) {
        // Knuth's TwoSum: sum + error = high + term exactly.
        let sum = self.high + term;
        let part = sum - self.high;
        self.low += (self.high - (sum - part)) + (term - part);
        self.high = sum;
        self.size += term.abs();
    }

    /// The sum, rounded once.
    pub fn value(&self) -> f64 {
        self.high + self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cancels_in_plain_arithmetic_is_kept() {
        let mut sum = Sum::default();
        for (a, b) in [(1e16, 1.0), (1.0, 1.0), (-1e16, 1.0)] {
            sum.add_product(a, b);
        }
        assert_eq!(sum.value(), 1.0);
        assert_eq!(sum.size, 2e16 + 1.0);
        // (1 + e)(1 - e) - 1 = -e², of which plain products see nothing.
        let e = f64::EPSILON;
        let mut product = Sum::default();
        product.add_product(1.0 + e, 1.0 - e);
        product.add(-1.0);
        assert_eq!(product.value(), -e * e);
    }

    #[test]
    fn an_overflow_is_not_finite() {
        let mut sum = Sum::default();
        sum.add_product(1e200, 1e200);
        sum.add(1.0);
        assert!(!sum.value().is_finite());
    }
}
