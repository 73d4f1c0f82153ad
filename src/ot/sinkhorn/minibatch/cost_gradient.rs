//! From potentials and plan to the gradient in the costs.

use super::iterations::grow;
use super::kernels::{self, Cotangent};
use super::unrolled::Tangents;
use super::{Differentiation, Loss, SinkhornLoss};
use crate::Scalar;

impl<T: Scalar> SinkhornLoss<T> {
    /// dL/dC of the last transport, into `dcosts`.
    pub(super) fn differentiate(&mut self) {
        let count = self.iterations.n * self.iterations.stride;
        grow(&mut self.dcosts, count);
        match (self.options.differentiation, self.options.loss) {
            (Differentiation::Unrolled, _) => self.unroll(),
            (Differentiation::Implicit, Loss::TransportCost) => self.differentiate_implicitly(),
            _ => self.dcosts[..count].copy_from_slice(&self.plan[..count]),
        }
    }

    /// P (1 - H) into `dcosts`, and the sums of P H over rows and columns into the tangents, for Hᵢⱼ = rowᵢ + columnⱼ + factor Cᵢⱼ.
    pub(super) fn weigh(&mut self, row: impl Fn(usize) -> f64, column: impl Fn(usize) -> f64, factor: f64) {
        let (n, m, stride) = (self.iterations.n, self.iterations.m, self.iterations.stride);
        let Tangents { w, z, du, dv, .. } = &mut self.tangents;
        for (buffer, count) in [(&mut *w, n), (&mut *z, stride), (&mut *du, n), (&mut *dv, stride)] {
            grow(buffer, count);
        }
        w[..n].iter_mut().enumerate().for_each(|(i, w)| *w = T::from_f64(row(i)));
        z[..m].iter_mut().enumerate().for_each(|(j, z)| *z = T::from_f64(column(j)));
        z[m..stride].fill(T::ZERO);
        let cotangent = Cotangent { rows: &w[..n], columns: &z[..stride], factor: T::from_f64(factor) };
        let count = n * stride;
        let (plan, costs) = (&self.plan[..count], &self.iterations.costs[..count]);
        kernels::weigh(plan, costs, cotangent, &mut self.dcosts[..count], &mut du[..n], &mut dv[..stride]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::super::tests::{LOSSES, clouds};
    use super::*;
    use crate::Matrix;

    fn evaluate(options: Options, x: &Matrix<f64>, y: &Matrix<f64>) -> (f64, Matrix<f64>, Matrix<f64>) {
        let mut loss = SinkhornLoss::new(options).unwrap();
        let mut dx = Matrix::filled(x.rows(), x.columns(), f64::NAN);
        let mut dy = Matrix::filled(y.rows(), y.columns(), f64::NAN);
        let answer = loss.value_and_gradient_into(x, y, Some(dx.view_mut()), Some(dy.view_mut())).unwrap();
        (answer.value, dx, dy)
    }

    /// Central differences of the value, in every coordinate. Their error is h² f'''/6 + EPS |f|/h; both are below the bound at these ε.
    fn against_differences(options: Options, x: &Matrix<f64>, y: &Matrix<f64>, bound: f64) {
        let (_, dx, dy) = evaluate(options, x, y);
        let mut loss = SinkhornLoss::new(options).unwrap();
        let h = 1e-5;
        for side in 0..2 {
            let points = [x, y][side];
            for k in 0..points.as_slice().len() {
                let mut at = |step: f64| {
                    let mut moved = [x.clone(), y.clone()];
                    moved[side].as_mut_slice()[k] += step;
                    loss.value(&moved[0], &moved[1]).unwrap().value
                };
                let expected = (at(h) - at(-h)) / (2.0 * h);
                let got = [&dx, &dy][side].as_slice()[k];
                assert!((got - expected).abs() < bound, "{options:?} {side} {k}: {got} {expected}");
            }
        }
    }

    #[test]
    fn unrolled_gradients_are_those_of_what_was_iterated() {
        for loss in LOSSES {
            for (epsilon, iterations) in [(1.0, 1), (1.0, 2), (0.3, 5), (0.05, 7), (0.02, 25)] {
                for debiased in [false, true] {
                    let (x, y) = clouds::<f64>(6, 9, 3, 1.0);
                    let options = Options::new(epsilon)
                        .with_iterations(iterations)
                        .with_tolerance(0.0)
                        .with_loss(loss)
                        .with_differentiation(Differentiation::Unrolled)
                        .with_debiased(debiased);
                    against_differences(options, &x, &y, 2e-6);
                }
            }
        }
    }

    /// A product with a matrix of many columns, and many coordinates.
    #[test]
    fn gradients_of_many_coordinates_take_the_other_road_to_the_same_numbers() {
        let (x, y) = clouds::<f64>(4, 5, 11, 0.5);
        let options = Options::new(2.0).with_iterations(4).with_tolerance(0.0).with_loss(Loss::TransportCost);
        against_differences(options.with_differentiation(Differentiation::Unrolled), &x, &y, 2e-6);
    }

    #[test]
    fn envelope_and_implicit_gradients_are_those_of_the_fixed_point() {
        let (x, y) = clouds::<f64>(7, 5, 2, 0.3);
        for debiased in [false, true] {
            let options =
                Options::new(0.5).with_iterations(2000).with_tolerance(1e-14).with_debiased(debiased);
            for loss in [Loss::Dual, Loss::EntropicPrimal] {
                against_differences(options.with_loss(loss), &x, &y, 2e-7);
            }
            let options =
                options.with_loss(Loss::TransportCost).with_differentiation(Differentiation::Implicit);
            against_differences(options, &x, &y, 2e-7);
        }
    }

    #[test]
    fn many_segments_change_nothing() {
        // Far apart and at small ε nearly every iteration is made in the log domain.
        let (x, y) = clouds::<f32>(20, 24, 2, 4.0);
        let options = Options::new(1e-3).with_tolerance(0.0);
        let mut loss = SinkhornLoss::new(options).unwrap();
        let answer = loss.value(&x, &y).unwrap();
        assert!(answer.logarithmic > 10 && answer.iterations == 100, "{answer:?}");
        let (x, y) = (x.cast::<f64>(), y.cast::<f64>());
        for loss in LOSSES {
            let options = Options::new(0.02).with_iterations(60).with_tolerance(0.0).with_loss(loss);
            let options = options.with_differentiation(Differentiation::Unrolled);
            let mut value = SinkhornLoss::new(options).unwrap();
            assert!(value.value(&x, &y).unwrap().logarithmic < 60);
            against_differences(
                options,
                &x.rows_range(0..4).to_matrix(),
                &y.rows_range(0..5).to_matrix(),
                1e-5,
            );
        }
    }
}
