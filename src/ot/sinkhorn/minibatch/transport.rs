//! From two clouds to potentials, plan and value.

use super::iterations::{Iterations, grow};
use super::{Differentiation, Evaluation, Loss, Options, SinkhornLoss, kernels};
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;

impl<T: Scalar> SinkhornLoss<T> {
    /// Iterates between two clouds, and makes potentials, plan and value. `keep` for a gradient that follows.
    pub(super) fn transport(
        &mut self,
        source: MatrixView<'_, T>,
        target: MatrixView<'_, T>,
        keep: bool,
    ) -> Result<Evaluation> {
        let Options { epsilon, iterations: limit, tolerance, loss, differentiation, .. } = self.options;
        let (n, m) = (source.rows(), target.rows());
        let run = &mut self.iterations;
        run.prepare(n, m);
        let stride = run.stride;
        let largest = self.clouds.costs_into(source, target, stride, &mut run.costs[..n * stride]);
        let slope = std::f64::consts::LOG2_E / epsilon;
        if !(largest.to_f64() * slope <= Iterations::<T>::largest_exponent()
            && T::from_f64(slope).is_finite())
        {
            return Err(Error::Argument {
                name: "epsilon",
                value: epsilon,
                requirement: "the costs divided by it must lie within the range of the numbers",
            });
        }
        let keep = keep && differentiation == Differentiation::Unrolled;
        run.run(T::from_f64(slope), limit, tolerance, keep);
        let done = run.done;

        for (buffer, count) in
            [(&mut self.plan, n * stride), (&mut self.row_sums, n), (&mut self.column_sums, stride)]
        {
            grow(buffer, count);
        }
        let (row_sums, column_sums) = (&mut self.row_sums[..n], &mut self.column_sums[..stride]);
        let (kernel, costs, plan) =
            (&run.kernel[..n * stride], &run.costs[..n * stride], &mut self.plan[..n * stride]);
        let cost = kernels::plan(
            kernel,
            costs,
            run.a(done),
            run.b(done),
            run.range.unscale,
            plan,
            row_sums,
            column_sums,
        );

        let unit = run.range.unit.to_f64();
        let (f, g) = run.potentials(run.segments.len() - 1);
        let potential =
            |(exponent, scaling): (&T, &T)| (exponent.to_f64() + (scaling.to_f64() / unit).log2()) / slope;
        self.u.clear();
        self.u.extend(f.iter().zip(run.a(done)).map(potential));
        self.v.clear();
        self.v.extend(g[..m].iter().zip(run.b(done)).map(potential));

        let (mu, nu) = (1.0 / n as f64, 1.0 / m as f64);
        let with = |weights: &[T], potentials: &[f64]| -> f64 {
            weights.iter().zip(potentials).map(|(w, x)| w.to_f64() * x).sum()
        };
        let value = match loss {
            Loss::Dual => {
                let mass: f64 = row_sums.iter().map(|r| r.to_f64()).sum();
                let linear = mu * self.u.iter().sum::<f64>() + nu * self.v.iter().sum::<f64>();
                linear + epsilon * ((n as f64).ln() + (m as f64).ln() + 1.0 - mass)
            }
            Loss::EntropicPrimal => with(row_sums, &self.u) + with(column_sums, &self.v),
            Loss::TransportCost => cost,
        };
        Ok(Evaluation {
            value,
            iterations: done,
            logarithmic: run.segments.len(),
            marginal_error: row_sums.iter().map(|r| (r.to_f64() - mu).abs()).sum(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LOSSES, clouds};
    use super::*;
    use crate::Matrix;
    use crate::matrix::{Distance, pairwise};

    /// The formulas at the head of the room, as they are written, in double precision: P, u, v, iterations.
    fn plain(
        x: &Matrix<f64>,
        y: &Matrix<f64>,
        options: &Options,
    ) -> (Matrix<f64>, Vec<f64>, Vec<f64>, usize) {
        let (n, m, epsilon) = (x.rows(), y.rows(), options.epsilon);
        let costs = pairwise(x, y, Distance::SquaredEuclidean).unwrap();
        let log_sum_exp = |values: &[f64]| {
            let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            largest + values.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
        };
        let (mut u, mut v) = (vec![0.0; n], vec![0.0; m]);
        let mut plan = costs.clone();
        for iteration in 1..=options.iterations {
            for i in 0..n {
                let row: Vec<f64> = (0..m).map(|j| (v[j] - costs[(i, j)]) / epsilon).collect();
                u[i] = -epsilon * ((n as f64).ln() + log_sum_exp(&row));
            }
            for j in 0..m {
                let column: Vec<f64> = (0..n).map(|i| (u[i] - costs[(i, j)]) / epsilon).collect();
                v[j] = -epsilon * ((m as f64).ln() + log_sum_exp(&column));
            }
            plan = Matrix::from_fn(n, m, |i, j| ((u[i] + v[j] - costs[(i, j)]) / epsilon).exp());
            let error: f64 = plan.iter_rows().map(|r| (r.iter().sum::<f64>() - 1.0 / n as f64).abs()).sum();
            if error < options.tolerance {
                return (plan, u, v, iteration);
            }
        }
        (plan, u, v, options.iterations)
    }

    /// Shapes that fill registers and that do not; ε at which scalings stay in range, and at which most iterations leave it.
    #[test]
    fn potentials_and_plan_are_those_of_the_plain_formulas() {
        for (n, m, d, offset) in
            [(1, 1, 1, 0.0), (5, 3, 2, 1.0), (16, 17, 3, 0.0), (40, 33, 12, 2.0), (9, 64, 2, 50.0)]
        {
            let (x, y) = clouds::<f64>(n, m, d, offset);
            for epsilon in [3.0, 0.3, 0.01, 1e-4] {
                for tolerance in [0.0, 1e-6] {
                    let options = Options::new(epsilon).with_iterations(40).with_tolerance(tolerance);
                    let mut loss = SinkhornLoss::new(options).unwrap();
                    let answer = loss.value(&x, &y).unwrap();
                    let (plan, u, v, iterations) = plain(&x, &y, &options);
                    assert_eq!(answer.iterations, iterations, "{n} {m} {d} {offset} {epsilon}");
                    // Rounding of exponents: EPS C/ε for each of the iterations, which do not enlarge it.
                    let largest = pairwise(&x, &y, Distance::SquaredEuclidean).unwrap().view().max().unwrap();
                    let bound = 64.0 * f64::EPSILON * (1.0 + largest / epsilon) * 40.0;
                    for i in 0..n {
                        assert!((loss.potentials().0[i] - u[i]).abs() <= bound * epsilon);
                        for j in 0..m {
                            let got = loss.plan().row(i)[j];
                            let expected = plan[(i, j)];
                            assert!(
                                (got - expected).abs() <= bound * expected + 1e-140,
                                "{got} {expected} {bound}"
                            );
                        }
                    }
                    for (got, expected) in loss.potentials().1.iter().zip(&v) {
                        assert!((got - expected).abs() <= bound * epsilon);
                    }
                    let costs = pairwise(&x, &y, Distance::SquaredEuclidean).unwrap();
                    let sum = |value: &dyn Fn(usize, usize) -> f64| -> f64 {
                        (0..n * m).map(|k| value(k / m, k % m)).sum()
                    };
                    let logarithms = (n as f64).ln() + (m as f64).ln();
                    let dual = u.iter().sum::<f64>() / n as f64 + v.iter().sum::<f64>() / m as f64
                        - epsilon * sum(&|i, j| plan[(i, j)])
                        + epsilon * (logarithms + 1.0);
                    let cost = sum(&|i, j| plan[(i, j)] * costs[(i, j)]);
                    let entropy =
                        sum(&|i, j| if plan[(i, j)] > 0.0 { plan[(i, j)] * plan[(i, j)].ln() } else { 0.0 });
                    for (kind, expected) in LOSSES.into_iter().zip([dual, cost + epsilon * entropy, cost]) {
                        let got =
                            SinkhornLoss::new(options.with_loss(kind)).unwrap().value(&x, &y).unwrap().value;
                        assert!(
                            (got - expected).abs() <= bound * (largest + epsilon),
                            "{kind:?} {got} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn single_precision_follows_double() {
        for (n, m, d, offset, epsilon) in
            [(128, 128, 2, 3.0, 0.1), (32, 32, 784, 0.0, 1.0), (50, 20, 3, 0.0, 0.05)]
        {
            let (x, y) = clouds::<f64>(n, m, d, offset);
            let options = Options::new(epsilon).with_tolerance(0.0);
            let (x, y) = (x.cast::<f32>(), y.cast::<f32>());
            let mut single = SinkhornLoss::new(options).unwrap();
            let mut double = SinkhornLoss::new(options).unwrap();
            let (wide_x, wide_y) = (x.cast::<f64>(), y.cast::<f64>());
            let got = single.value(&x, &y).unwrap();
            let expected = double.value(&wide_x, &wide_y).unwrap();
            let largest =
                pairwise(&wide_x, &wide_y, Distance::SquaredEuclidean).unwrap().view().max().unwrap();
            let exponents = f64::from(f32::EPSILON) * (4.0 + largest / epsilon);
            assert!((got.value - expected.value).abs() <= 8.0 * exponents * epsilon, "{got:?} {expected:?}");
            for i in 0..n {
                for j in 0..m {
                    let (p, q) = (f64::from(single.plan().row(i)[j]), double.plan().row(i)[j]);
                    // Each segment rounds its exponents anew, and parts of the plan that hardly touch do not correct one another.
                    assert!((p - q).abs() <= 32.0 * exponents * q + 1e-19, "{p} {q} {exponents}");
                }
            }
        }
    }
}
