//! Entropic transport between Gaussians, in closed form.
//!
//! # The convention
//! The value is the least of `∫ |x - y|² dπ + ε KL(π ‖ α⊗β)` over the couplings π of α and β, with the cost |x - y|² (no half) and the
//! divergence against the *product* of the marginals, as everywhere in this crate. Janati et al. write ε = 2σ². The other
//! convention, the entropy against the Lebesgue measure `ε ∫ π log π`, differs by terms of the marginals alone,
//! `∫ π log π = KL(π ‖ α⊗β) - H(α) - H(β)` with `H(N(a, A)) = log det(2πe A) / 2`: the same plan, another value.
//!
//! # The formula
//! With σ² = ε/2 and `D = (4 A^½ B A^½ + σ⁴ I)^½`, theorem 1 of Janati, Muzellec, Peyré and Cuturi, NeurIPS 2020:
//!
//! `OT_ε = |a - b|² + tr A + tr B - tr D + dσ² (1 - log 2σ²) + σ² log det(D + σ² I)`,
//!
//! and the plan is Gaussian with the cross-covariance `C = (A^½ D A^-½ - σ² I) / 2`.
//!
//! Computed instead, with the singular values sₖ of `L_Bᵀ L_A = W S Vᵀ`, `δ = (4s² + σ⁴)^½` and
//! `c = (δ - σ²) / 2 = 2s² / (δ + σ²)`: the same numbers without differences of large ones and without inverses, so
//! also for singular covariances and any ε:
//!
//! `OT_ε = |a - b|² + tr A + tr B - Σ (2c - σ² log(1 + c/σ²))`, `C = L_A V diag(2s / (δ + σ²)) Wᵀ L_Bᵀ`, `KL = Σ log(1 + c/σ²) / 2`.

use super::factor::{Pair, product};
use super::{Gaussian, finite};
use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// The optimal plan of entropic transport between two Gaussians, and its values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EntropicTransport {
    /// `∫ |x - y|² dπ + ε KL(π ‖ α⊗β)`.
    pub value: f64,
    /// `∫ |x - y|² dπ`, at least W₂².
    pub transport_cost: f64,
    /// `KL(π ‖ α⊗β)`.
    pub divergence: f64,
    /// The covariance of x (rows) and y (columns) under π: (d, d).
    pub cross_covariance: Matrix<f64>,
}

/// One singular value s, with δ and c.
#[derive(Clone, Copy)]
struct Mode {
    s: f64,
    delta: f64,
    c: f64,
    variance: f64,
    log_ratio: f64,
}

impl Mode {
    /// For σ² = `variance` in the same unit, which may have vanished; `log_variance` has not.
    fn new(s: f64, variance: f64, log_variance: f64) -> Self {
        let delta = (2.0 * s).hypot(variance);
        let c = if s == 0.0 { 0.0 } else { 2.0 * s * (s / (delta + variance)) };
        let ratio = c / variance;
        let log_ratio = match () {
            _ if c == 0.0 => 0.0,
            _ if ratio.is_finite() => ratio.ln_1p(),
            _ => c.ln() - log_variance,
        };
        Self { s, delta, c, variance, log_ratio }
    }

    /// `2c - σ² log(1 + c/σ²)`, what is saved of tr A + tr B.
    fn saved(self) -> f64 {
        2.0 * self.c - self.variance * self.log_ratio
    }

    /// `2 (s - c)`, what the blur adds to the squared distance: `σ² (1 - σ² / (δ + 2s))`. Never negative.
    fn spread(self) -> f64 {
        if self.s == 0.0 {
            0.0
        } else {
            self.variance * (2.0 * (self.s + self.c) / (self.delta + 2.0 * self.s))
        }
    }

    /// `2s` less what is [`saved`](Self::saved): what the entropy costs. Never negative.
    fn entropy_cost(self) -> f64 {
        self.spread() + self.variance * self.log_ratio
    }
}

/// Checked ε > 0 in units of scale²: σ² = ε/2 (perhaps zero), and its logarithm.
fn entropic_variance(epsilon: f64, scale: f64) -> (f64, f64) {
    (0.5 * epsilon / scale / scale, (0.5 * epsilon).ln() - 2.0 * scale.ln())
}

fn check_epsilon(epsilon: f64) -> Result<()> {
    if epsilon > 0.0 && epsilon.is_finite() {
        return Ok(());
    }
    Err(Error::Argument { name: "epsilon", value: epsilon, requirement: "it must be positive and finite" })
}

fn modes(values: &[f64], (variance, log_variance): (f64, f64)) -> Vec<Mode> {
    values.iter().map(|&s| Mode::new(s, variance, log_variance)).collect()
}

impl Gaussian {
    /// Entropic transport to `target`: the least of `∫ |x - y|² dπ + ε KL(π ‖ α⊗β)` and its plan (see the formulas in the file).
    /// ε has the unit of |x|².
    ///
    /// # Errors
    /// [`Error::Shape`] if the dimensions differ, [`Error::Argument`] unless ε is positive and finite or if a value leaves the
    /// range of `f64`.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::ot::gaussian::Gaussian;
    /// let source = Gaussian::new(&[0.0], &Matrix::from_rows([[1.0]]))?;
    /// let target = Gaussian::new(&[2.0], &Matrix::from_rows([[1.0]]))?;
    /// // For ε = 0 it would be W₂² = 4, for large ε the cost 4 + 1 + 1 of the independent coupling.
    /// assert!((source.entropic_transport(&target, 1e-8)?.value - 4.0).abs() < 1e-6);
    /// assert!((source.entropic_transport(&target, 1e8)?.value - 6.0).abs() < 1e-6);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "sinkhorn")]
    pub fn entropic_transport(&self, target: &Gaussian, epsilon: f64) -> Result<EntropicTransport> {
        check_epsilon(epsilon)?;
        let (pair, means) = self.pair_with("Gaussian::entropic_transport", target)?;
        let Pair { scale, parts, source, target: target_root } = &pair;
        let modes = modes(&parts.values, entropic_variance(epsilon, *scale));
        let entropy_cost: f64 = modes.iter().map(|mode| mode.entropy_cost()).sum();
        let spread: f64 = modes.iter().map(|mode| mode.spread()).sum();
        let least = means + pair.squared_bures();
        let unscaled = |name, value: f64| finite(name, value * scale * scale);

        let size = self.dimension();
        let weighted = product(source, &parts.right);
        let weighted = Matrix::from_fn(size, size, |row, k| {
            let mode = modes[k];
            let factor = if mode.s == 0.0 { 0.0 } else { 2.0 * mode.s / (mode.delta + mode.variance) };
            weighted[(row, k)] * factor
        });
        let target_side = product(target_root, &parts.left).transposed();
        let cross_covariance = product(&weighted, &target_side).map(|entry| entry * scale * scale);
        Ok(EntropicTransport {
            value: unscaled("value", least + entropy_cost)?,
            transport_cost: unscaled("transport cost", least + spread)?,
            divergence: modes.iter().map(|mode| 0.5 * mode.log_ratio).sum(),
            cross_covariance,
        })
    }

    /// The debiased divergence `S_ε = OT_ε(α, β) - (OT_ε(α, α) + OT_ε(β, β)) / 2`: never negative, zero between a
    /// measure and itself, W₂² for ε → 0 and |a - b|² for ε → ∞. In the convention of
    /// [`entropic_transport`](Self::entropic_transport); the other one gives the same.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::ot::gaussian::Gaussian;
    /// let source = Gaussian::new(&[0.0], &Matrix::from_rows([[1.0]]))?;
    /// let target = Gaussian::new(&[2.0], &Matrix::from_rows([[1.0]]))?;
    /// assert!((source.sinkhorn_divergence(&target, 0.7)? - 4.0).abs() < 1e-14);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "debiased")]
    pub fn sinkhorn_divergence(&self, other: &Gaussian, epsilon: f64) -> Result<f64> {
        check_epsilon(epsilon)?;
        let (pair, means) = self.pair_with("Gaussian::sinkhorn_divergence", other)?;
        let variance = entropic_variance(epsilon, pair.scale);
        // A measure with itself: the singular values are the eigenvalues.
        let own = |gaussian: &Gaussian| {
            let ratio = gaussian.factor.scale / pair.scale;
            let values: Vec<f64> = gaussian.factor.roots.iter().map(|root| (root * ratio).powi(2)).collect();
            modes(&values, variance)
        };
        let (both, first, second) = (modes(&pair.parts.values, variance), own(self), own(other));
        let total = |term: fn(Mode) -> f64| -> [f64; 3] {
            [&both, &first, &second].map(|modes| modes.iter().copied().map(term).sum())
        };
        // Two forms of one number. Each is a difference of sums of one kind: that of the smaller ones loses fewer digits.
        let [cost, first_cost, second_cost] = total(Mode::entropy_cost);
        let [saved, first_saved, second_saved] = total(Mode::saved);
        let value = if cost + first_cost + second_cost < saved + first_saved + second_saved {
            pair.squared_bures() + cost - 0.5 * (first_cost + second_cost)
        } else {
            0.5 * (first_saved + second_saved) - saved
        };
        // The divergence is never negative: what is below zero is rounding.
        finite("divergence", (means + value.max(0.0)) * pair.scale * pair.scale)
    }
}
