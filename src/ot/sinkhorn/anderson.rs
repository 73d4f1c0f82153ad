//! Anderson's extrapolation of a fixed-point iteration (Anderson 1965; Walker and Ni 2011).
//!
//! Of the last few points x and images G(x) = x + r it takes the combination, with coefficients that sum to one,
//! whose residual r is smallest in the weighted least-squares sense, and goes to the combination of the images.

use super::cholesky::Cholesky;
use std::collections::VecDeque;

/// The last points and residuals.
pub(in crate::ot) struct Anderson {
    memory: usize,
    /// Differences of residuals and of images between neighbours in time.
    residual_steps: VecDeque<Vec<f64>>,
    image_steps: VecDeque<Vec<f64>>,
    last: Option<(Vec<f64>, Vec<f64>)>,
}

impl Anderson {
    pub fn new(memory: usize) -> Self {
        Self { memory, residual_steps: VecDeque::new(), image_steps: VecDeque::new(), last: None }
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.residual_steps.clear();
        self.image_steps.clear();
        self.last = None;
    }

    /// The next point, as [`combine`](Self::combine), for potentials that are free up to a constant: they must not drift away along it.
    pub fn next(&mut self, image: &[f64], residual: &[f64], weights: &[f64]) -> Vec<f64> {
        let mut next = self.combine(image, residual, weights);
        let total: f64 = weights.iter().sum();
        let drift: f64 =
            next.iter().zip(image).zip(weights).map(|((next, image), weight)| weight * (next - image)).sum();
        next.iter_mut().for_each(|next| *next -= drift / total);
        next
    }

    /// The next point, from the present one's image and residual; `weights` weigh the entries of the residual.
    pub fn combine(&mut self, image: &[f64], residual: &[f64], weights: &[f64]) -> Vec<f64> {
        let difference =
            |new: &[f64], old: &[f64]| new.iter().zip(old).map(|(new, old)| new - old).collect::<Vec<f64>>();
        if let Some((last_image, last_residual)) = &self.last {
            self.residual_steps.push_back(difference(residual, last_residual));
            self.image_steps.push_back(difference(image, last_image));
            if self.residual_steps.len() > self.memory {
                self.residual_steps.pop_front();
                self.image_steps.pop_front();
            }
        }
        self.last = Some((image.to_vec(), residual.to_vec()));
        let count = self.residual_steps.len();
        let mut next = image.to_vec();
        if count == 0 {
            return next;
        }
        let product = |x: &[f64], y: &[f64]| {
            x.iter().zip(y).zip(weights).map(|((x, y), weight)| weight * x * y).sum::<f64>()
        };
        let mut normal = vec![0.0; count * count];
        let mut right = vec![0.0; count];
        for i in 0..count {
            for j in 0..=i {
                normal[i * count + j] = product(&self.residual_steps[i], &self.residual_steps[j]);
                normal[j * count + i] = normal[i * count + j];
            }
            right[i] = product(&self.residual_steps[i], residual);
        }
        // A ridge keeps the coefficients small where the steps are nearly dependent.
        let trace: f64 = (0..count).map(|i| normal[i * count + i]).sum();
        for i in 0..count {
            normal[i * count + i] += 1e-10 * trace;
        }
        let Some(factors) = Cholesky::new(normal, count) else {
            self.restart();
            return next;
        };
        let mut coefficients = right;
        factors.solve(&mut coefficients);
        // Such combinations are made of rounding.
        const LARGEST: f64 = 1e4;
        if coefficients.iter().any(|coefficient| coefficient.is_nan() || coefficient.abs() > LARGEST) {
            self.restart();
            return next;
        }
        for (coefficient, step) in coefficients.iter().zip(&self.image_steps) {
            next.iter_mut().zip(step).for_each(|(next, step)| *next -= coefficient * step);
        }
        next
    }
}
