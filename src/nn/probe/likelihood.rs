//! Logistic regression to tolerance, with proof: Newton's method whose steps are found by conjugate gradients.
//!
//! ```text
//! P(w, b) = λ/2 w·w + C Σ_i u_i ln(1 + e^(-y_i z_i)),   z_i = w · x_i + b,   y = ±1
//! D(α)    = -|Σ_i α_i y_i x_i|² / (2 λ) - Σ_i [α_i ln(α_i / c_i) + (c_i - α_i) ln((c_i - α_i) / c_i)],   c_i = C u_i
//! ```
//! with α in [0, c] and, where there is a bias (which is not penalised), `Σ α_i y_i = 0`. `D <= P` for every such α, so `P - D` bounds how far P is from its
//! minimum. Here `α_i = c_i σ(-y_i z_i)`, the derivatives of the losses; with a bias the heavier class is scaled down until the sum is zero. Without a bias the
//! gap is then `|∇P|² / (2 λ)`. λ = 1 is scikit-learn's objective.
//!
//! Each step solves `∇²P d = -∇P` by conjugate gradients, to an accuracy that grows with the progress (Dembo, Eisenstat and Steihaug, "Inexact Newton methods", SIAM J. Numer.
//! Anal. 1982; for this problem Lin, Weng and Keerthi, "Trust region Newton method for large-scale logistic regression", JMLR 2008), and goes along d as far as the objective falls as it should
//! (Armijo). A product with the Hessian is one pass over the rows, `∇²P v = λ v + Σ c_i σ(z_i) σ(-z_i) (x_i · v) x_i`; products of the rows with d come with it, so that the search along d reads
//! no rows at all. Everything is in double precision, also for rows in single.
//!
//! Without penalty (λ = 0) there is a minimum only if no direction separates the classes. Where an iterate separates them, that is
//! [`Separable`](LikelihoodStatus::Separable): the infimum is 0 and not reached, and the probe is the separating one. There is no dual value then.

use super::mean_difference::finite;
use super::pass::{Coefficient, RowPass};
use super::{Probe, Samples, euclidean_norm, inner};
use crate::error::{Error, Result};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Options of [`fit_likelihood`].
///
/// # Examples
/// ```
/// use brenier::nn::probe::LikelihoodOptions;
/// let options = LikelihoodOptions::default().with_loss_weight(10.0).with_bias(true);
/// assert_eq!((options.penalty, options.tolerance), (1.0, 1e-12));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LikelihoodOptions {
    /// λ. Default 1; 0 is maximum likelihood.
    pub penalty: f64,
    /// C. Default 1.
    pub loss_weight: f64,
    /// Whether the probe has a bias, which is not penalised. Default false.
    pub bias: bool,
    /// The gap at which the solver ends, relative to the objective; with λ = 0, the same for the norm of the gradient, relative to that at zero. Default 1e-12.
    pub tolerance: f64,
    /// Largest number of Newton steps. Default 100.
    pub max_iterations: u64,
    /// Largest number of conjugate gradients in one of them. Default 1000.
    pub max_inner: u64,
}

impl Default for LikelihoodOptions {
    fn default() -> Self {
        Self {
            penalty: 1.0,
            loss_weight: 1.0,
            bias: false,
            tolerance: 1e-12,
            max_iterations: 100,
            max_inner: 1000,
        }
    }
}

impl LikelihoodOptions {
    /// Sets λ.
    pub fn with_penalty(mut self, penalty: f64) -> Self {
        self.penalty = penalty;
        self
    }

    /// Sets C.
    pub fn with_loss_weight(mut self, loss_weight: f64) -> Self {
        self.loss_weight = loss_weight;
        self
    }

    /// Sets whether there is a bias.
    pub fn with_bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        self
    }

    /// Sets the tolerance.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the largest number of Newton steps.
    pub fn with_max_iterations(mut self, max_iterations: u64) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Sets the largest number of conjugate gradients in a step.
    pub fn with_max_inner(mut self, max_inner: u64) -> Self {
        self.max_inner = max_inner;
        self
    }

    fn validate(&self) -> Result<()> {
        for (name, value) in [("penalty", self.penalty), ("tolerance", self.tolerance)] {
            if !(value >= 0.0 && value.is_finite()) {
                let requirement = "it must be finite and not negative";
                return Err(Error::Argument { name, value, requirement });
            }
        }
        let value = self.loss_weight;
        if !(value > 0.0 && value.is_finite()) {
            let requirement = "it must be finite and positive";
            return Err(Error::Argument { name: "loss weight", value, requirement });
        }
        Ok(())
    }
}

/// How the solver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LikelihoodStatus {
    /// The gap (without penalty: the gradient) is below the tolerance.
    Converged,
    /// Rounding lets the objective fall no further; the certificate says where.
    Stalled,
    /// Without penalty, and the probe separates the classes: there is no minimum.
    Separable,
    /// The limit on iterations was reached.
    IterationLimit,
    /// The observer stopped it.
    Stopped,
}

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

/// What the observer of [`fit_likelihood_with`] is told before each step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct NewtonStep {
    /// Steps so far.
    pub iterations: u64,
    /// Conjugate gradients so far: passes over the rows.
    pub inner_iterations: u64,
    /// Objective, gap and gradient now.
    pub certificate: LikelihoodCertificate,
}

/// A probe that minimises the penalised loss.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LikelihoodFit<T> {
    /// The probe.
    pub probe: Probe<T>,
    /// How the solver ended.
    pub status: LikelihoodStatus,
    /// What is known of it.
    pub certificate: LikelihoodCertificate,
    /// `|w|`.
    pub norm: f64,
    /// Newton steps.
    pub iterations: u64,
    /// Conjugate gradients in all of them.
    pub inner_iterations: u64,
}

/// Logistic regression to tolerance. It minimises `λ/2 w·w + C Σ ln(1 + e^(-y z))`; the certificate bounds the optimum from below by the dual.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::Label`], [`Error::NotFiniteEntry`], [`Error::NotFinite`], [`Error::Negative`], [`Error::OneClass`] for samples that nothing can be learned from;
/// [`Error::Argument`] for options out of range.
///
/// # Examples
/// Classes that a line separates have no maximum of the likelihood:
/// ```
/// use brenier::Matrix;
/// use brenier::nn::probe::{LikelihoodOptions, LikelihoodStatus, Samples, fit_likelihood};
/// let x = Matrix::from_rows([[1.0_f64], [-1.0]]);
/// let samples = Samples::new(&x, &[1_u8, 0]);
/// let fit = fit_likelihood(&samples, &LikelihoodOptions::default().with_penalty(0.0))?;
/// assert_eq!(fit.status, LikelihoodStatus::Separable);
/// let fit = fit_likelihood(&samples, &LikelihoodOptions::default())?;
/// let w = fit.probe.direction()[0]; // w = 2 σ(-w)
/// assert!((w - 2.0 / (1.0 + w.exp())).abs() < 2e-6); // |∇P|² / 2 <= 1e-12 P
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "LogisticRegression")]
#[doc(alias = "logistic regression")]
pub fn fit_likelihood<T: Scalar>(
    samples: &Samples<'_, T>,
    options: &LikelihoodOptions,
) -> Result<LikelihoodFit<T>> {
    fit_likelihood_with(samples, options, &mut |_| ControlFlow::Continue(()))
}

/// [`fit_likelihood`] with an observer that is told of every Newton step and can stop.
///
/// # Errors
/// As [`fit_likelihood`].
pub fn fit_likelihood_with<T: Scalar>(
    samples: &Samples<'_, T>,
    options: &LikelihoodOptions,
    observer: &mut dyn FnMut(&NewtonStep) -> ControlFlow<()>,
) -> Result<LikelihoodFit<T>> {
    options.validate()?;
    samples.check("fit_likelihood")?;
    let mut solver = Newton::new(samples, options);
    let (mut iterations, mut inner_iterations) = (0, 0);
    let mut initial_gradient = f64::NAN;
    let (status, certificate) = loop {
        solver.evaluate();
        let certificate = solver.certificate();
        if iterations == 0 {
            initial_gradient = certificate.gradient_norm;
        }
        if options.penalty == 0.0 && solver.separates() {
            break (LikelihoodStatus::Separable, certificate);
        }
        let small = if options.penalty > 0.0 {
            certificate.gap <= options.tolerance * certificate.objective
        } else {
            certificate.gradient_norm <= options.tolerance * initial_gradient
        };
        if small {
            break (LikelihoodStatus::Converged, certificate);
        }
        if iterations >= options.max_iterations {
            break (LikelihoodStatus::IterationLimit, certificate);
        }
        if observer(&NewtonStep { iterations, inner_iterations, certificate }).is_break() {
            break (LikelihoodStatus::Stopped, certificate);
        }
        inner_iterations += solver.find_direction(certificate.gradient_norm / initial_gradient);
        if !solver.search(certificate.objective) {
            break (LikelihoodStatus::Stalled, certificate);
        }
        iterations += 1;
    };
    let (direction, bias) = solver.parameters.split_at(samples.x().columns());
    Ok(LikelihoodFit {
        probe: finite(Probe::rounded(direction, bias.first().copied()))?,
        status,
        certificate,
        norm: euclidean_norm(direction),
        iterations,
        inner_iterations,
    })
}

/// The state of the solver. Vectors of "parameters" have the bias, where there is one, at their end.
struct Newton<'a, 'o, T> {
    options: &'o LikelihoodOptions,
    pass: RowPass<'a, T, f64>,
    inputs: usize,
    signs: Vec<f64>,
    /// c_i = C u_i.
    costs: Vec<f64>,
    parameters: Vec<f64>,
    /// z of the parameters.
    logits: Vec<f64>,
    gradient: Vec<f64>,
    /// c σ(z) σ(-z).
    curvatures: Vec<f64>,
    /// The Newton direction and the products of the rows with it.
    step: Vec<f64>,
    step_logits: Vec<f64>,
    // Conjugate gradients.
    residual: Vec<f64>,
    conjugate: Vec<f64>,
    image: Vec<f64>,
    // Of the certificate.
    dual: Vec<f64>,
    dual_direction: Vec<f64>,
}

/// `ln(1 + e^x)`.
fn log_one_plus_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `1 / (1 + e^-x)`, exact in the tail.
fn logistic(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    if x < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}

/// `a ln(a / c) + b ln(b / c)` of two parts of c. The logarithm of the larger comes from the smaller, which has all its digits.
fn entropy(a: f64, b: f64, c: f64) -> f64 {
    let (small, large) = (a.min(b), a.max(b));
    if small > 0.0 { small * (small / c).ln() + large * (-small / c).ln_1p() } else { 0.0 }
}

impl<'a, 'o, T: Scalar> Newton<'a, 'o, T> {
    fn new(samples: &Samples<'a, T>, options: &'o LikelihoodOptions) -> Self {
        let (rows, inputs) = samples.x().shape();
        let parameters = inputs + usize::from(options.bias);
        Self {
            options,
            pass: RowPass::new(samples.x()),
            inputs,
            signs: (0..rows).map(|row| samples.sign(row)).collect(),
            costs: (0..rows).map(|row| options.loss_weight * samples.weight(row)).collect(),
            parameters: vec![0.0; parameters],
            logits: vec![0.0; rows],
            gradient: vec![0.0; parameters],
            curvatures: vec![0.0; rows],
            step: vec![0.0; parameters],
            step_logits: vec![0.0; rows],
            residual: vec![0.0; parameters],
            conjugate: vec![0.0; parameters],
            image: vec![0.0; parameters],
            dual: vec![0.0; rows],
            dual_direction: vec![0.0; inputs],
        }
    }

    /// Logits, gradient and curvatures at the parameters: one pass.
    fn evaluate(&mut self) {
        let (direction, bias) = self.parameters.split_at(self.inputs);
        let (dw, db) = self.gradient.split_at_mut(self.inputs);
        let coefficient = Coefficient::Residual { signs: &self.signs, weights: &self.costs };
        let sum = self.pass.run(direction, bias.first().copied().unwrap_or(0.0), coefficient, dw);
        for (slope, w) in dw.iter_mut().zip(direction) {
            *slope += self.options.penalty * w;
        }
        if let [slope] = db {
            *slope = sum;
        }
        self.logits.copy_from_slice(&self.pass.products);
        for ((curvature, cost), z) in self.curvatures.iter_mut().zip(&self.costs).zip(&self.logits) {
            *curvature = cost * logistic(*z) * logistic(-z);
        }
    }

    /// P at the parameters plus `length` steps, from the logits.
    fn objective(&self, length: f64) -> f64 {
        let mut square = 0.0;
        for (w, d) in self.parameters[..self.inputs].iter().zip(&self.step) {
            let w = w + length * d;
            square += w * w;
        }
        let mut loss = 0.0;
        for (((sign, cost), z), dz) in
            self.signs.iter().zip(&self.costs).zip(&self.logits).zip(&self.step_logits)
        {
            loss += cost * log_one_plus_exp(-sign * (z + length * dz));
        }
        0.5 * self.options.penalty * square + loss
    }

    /// Objective, dual value and gap at the parameters: one pass more where there is a dual.
    fn certificate(&mut self) -> LikelihoodCertificate {
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

    /// Whether every row with a weight is on its side of the boundary.
    fn separates(&self) -> bool {
        self.signs
            .iter()
            .zip(&self.costs)
            .zip(&self.logits)
            .all(|((sign, cost), z)| *cost == 0.0 || sign * z > 0.0)
    }

    /// `image = ∇²P conjugate`; leaves the products of the rows in the pass.
    fn multiply(&mut self) {
        let (direction, bias) = self.conjugate.split_at(self.inputs);
        let (image, image_bias) = self.image.split_at_mut(self.inputs);
        let coefficient = Coefficient::Scaled { factors: &self.curvatures };
        let sum = self.pass.run(direction, bias.first().copied().unwrap_or(0.0), coefficient, image);
        for (image, v) in image.iter_mut().zip(direction) {
            *image += self.options.penalty * v;
        }
        if let [image] = image_bias {
            *image = sum;
        }
    }

    /// The Newton direction, by conjugate gradients, and its logits; gives the number of passes. `progress` is the gradient relative to the first.
    fn find_direction(&mut self, progress: f64) -> u64 {
        self.step.fill(0.0);
        self.step_logits.fill(0.0);
        for (residual, slope) in self.residual.iter_mut().zip(&self.gradient) {
            *residual = -slope;
        }
        self.conjugate.copy_from_slice(&self.residual);
        let mut square = inner(&self.residual, &self.residual);
        let enough = square * 0.1_f64.min(progress.sqrt()).powi(2);
        let mut passes = 0;
        while square > enough && passes < self.options.max_inner {
            self.multiply();
            passes += 1;
            let curvature = inner(&self.conjugate, &self.image);
            if curvature <= f64::EPSILON * inner(&self.conjugate, &self.conjugate) * self.options.penalty
                || curvature <= 0.0
            {
                // Flat to rounding: what has been found so far is the direction, or the gradient if that is nothing.
                if passes == 1 {
                    self.step.copy_from_slice(&self.conjugate);
                    self.step_logits.copy_from_slice(&self.pass.products);
                }
                break;
            }
            let length = square / curvature;
            add_multiple(&mut self.step, length, &self.conjugate);
            add_multiple(&mut self.step_logits, length, &self.pass.products);
            add_multiple(&mut self.residual, -length, &self.image);
            let next = inner(&self.residual, &self.residual);
            let ratio = next / square;
            for (conjugate, residual) in self.conjugate.iter_mut().zip(&self.residual) {
                *conjugate = residual + ratio * *conjugate;
            }
            square = next;
        }
        passes
    }

    /// Goes along the direction as far as the objective falls as it should; whether it could.
    fn search(&mut self, objective: f64) -> bool {
        let slope = inner(&self.gradient, &self.step);
        // Below what rounding hides of the objective, the full step of a convex function near its minimum is taken on the gradient's word.
        let hidden = 16.0 * f64::EPSILON * objective.abs();
        if slope >= 0.0 {
            return false;
        }
        let mut length = 1.0;
        for _ in 0..60 {
            let value = self.objective(length);
            if value <= objective + 1e-4 * length * slope
                || (-slope < hidden && value <= objective + hidden && length == 1.0)
            {
                add_multiple(&mut self.parameters, length, &self.step);
                return true;
            }
            length *= 0.5;
        }
        false
    }
}

/// `y += a x`.
fn add_multiple(y: &mut [f64], a: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::random::RandomStream;

    fn noisy(rows: usize, columns: usize, seed: u64) -> (Matrix<f64>, Vec<bool>) {
        let mut stream = RandomStream::new(seed);
        let x: Matrix<f64> = stream.normal_matrix(rows, columns);
        let labels = (0..rows).map(|i| x[(i, 0)] + 1.5 * stream.normal::<f64>() > 0.3).collect();
        (x, labels)
    }

    /// The Hessian's product is the derivative of the gradient: central differences err by h² and EPSILON / h times numbers of size 100.
    #[test]
    fn the_hessian_is_the_derivative_of_the_gradient() {
        let (x, labels) = noisy(30, 5, 1);
        let weights: Vec<f64> = (0..30).map(|i| f64::from(i % 3)).collect();
        let samples = Samples::new(&x, &labels).with_weights(&weights);
        let options = LikelihoodOptions::default().with_bias(true).with_penalty(0.7);
        let mut newton = Newton::new(&samples, &options);
        let at: Vec<f64> = (0..6).map(|k| 0.3 * f64::from(k) - 0.5).collect();
        let v: Vec<f64> = (0..6).map(|k| 1.0 - 0.4 * f64::from(k)).collect();
        newton.parameters.copy_from_slice(&at);
        newton.evaluate();
        newton.conjugate.copy_from_slice(&v);
        newton.multiply();
        let image = newton.image.clone();
        let h = 1e-5;
        let mut gradient_at = |length: f64| {
            newton.parameters.copy_from_slice(&at);
            add_multiple(&mut newton.parameters, length, &v);
            newton.evaluate();
            newton.gradient.clone()
        };
        let (above, below) = (gradient_at(h), gradient_at(-h));
        for k in 0..6 {
            let slope = (above[k] - below[k]) / (2.0 * h);
            assert!((slope - image[k]).abs() < 1e-7, "{k}: {slope} {}", image[k]);
        }
    }

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

    #[test]
    fn separation_is_said_and_a_penalty_gives_a_minimum() {
        let x = Matrix::from_rows([[1.0, 0.2], [2.0, -1.0], [-1.0, 0.3], [-0.5, -0.7]]);
        let samples = Samples::new(&x, &[1_u8, 1, 0, 0]);
        let free = LikelihoodOptions::default().with_penalty(0.0);
        let fit = fit_likelihood(&samples, &free).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::Separable);
        assert_eq!(fit.probe.predict(&x).unwrap(), [true, true, false, false]);
        assert!(fit.certificate.gap.is_nan() && fit.norm.is_finite());
        let fit = fit_likelihood(&samples, &free.with_penalty(1e-6)).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::Converged);
        assert!(fit.certificate.gap <= 1e-12 * fit.certificate.objective);
    }

    #[test]
    fn maximum_likelihood_of_overlapping_classes_has_no_gradient_left() {
        let (x, labels) = noisy(200, 4, 3);
        let options = LikelihoodOptions::default().with_penalty(0.0).with_bias(true);
        let fit = fit_likelihood(&Samples::new(&x, &labels), &options).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::Converged);
        assert!(fit.certificate.gradient_norm < 1e-9);
    }

    #[test]
    fn options_out_of_range_are_refused() {
        let x = Matrix::from_rows([[1.0], [-1.0]]);
        let samples = Samples::new(&x, &[1_u8, 0]);
        let options = LikelihoodOptions::default();
        for bad in [
            options.clone().with_penalty(-1.0),
            options.clone().with_penalty(f64::NAN),
            options.clone().with_loss_weight(0.0),
            options.clone().with_tolerance(f64::INFINITY),
        ] {
            assert!(matches!(fit_likelihood(&samples, &bad), Err(Error::Argument { .. })));
        }
        let fit = fit_likelihood(&samples, &options.with_max_iterations(0)).unwrap();
        assert_eq!(fit.status, LikelihoodStatus::IterationLimit);
        assert_eq!(fit.certificate.objective, 2.0 * std::f64::consts::LN_2);
    }
}
