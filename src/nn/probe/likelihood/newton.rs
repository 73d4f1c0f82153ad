//! Newton's method: the direction by conjugate gradients, and the search along it.

use super::LikelihoodOptions;
use crate::nn::probe::pass::{Coefficient, RowPass};
use crate::nn::probe::{Samples, inner};
use crate::scalar::Scalar;

/// The state of the solver. Vectors of "parameters" have the bias, where there is one, at their end.
pub(super) struct Newton<'a, 'o, T> {
    pub(super) options: &'o LikelihoodOptions,
    pub(super) pass: RowPass<'a, T, f64>,
    inputs: usize,
    pub(super) signs: Vec<f64>,
    /// c_i = C u_i.
    pub(super) costs: Vec<f64>,
    pub(super) parameters: Vec<f64>,
    /// z of the parameters.
    pub(super) logits: Vec<f64>,
    pub(super) gradient: Vec<f64>,
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
    pub(super) dual: Vec<f64>,
    pub(super) dual_direction: Vec<f64>,
}

/// `ln(1 + e^x)`.
fn log_one_plus_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// `1 / (1 + e^-x)`, exact in the tail.
pub(super) fn logistic(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    if x < 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) }
}

impl<'a, 'o, T: Scalar> Newton<'a, 'o, T> {
    pub(super) fn new(samples: &Samples<'a, T>, options: &'o LikelihoodOptions) -> Self {
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
    pub(super) fn evaluate(&mut self) {
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
    pub(super) fn objective(&self, length: f64) -> f64 {
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

    /// Whether every row with a weight is on its side of the boundary.
    pub(super) fn separates(&self) -> bool {
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

    /// The Newton direction, by conjugate gradients, and its logits; gives the number of passes. `progress` is the
    /// gradient relative to the first.
    pub(super) fn find_direction(&mut self, progress: f64) -> u64 {
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
    pub(super) fn search(&mut self, objective: f64) -> bool {
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
    use super::super::tests::noisy;
    use super::*;

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
}
