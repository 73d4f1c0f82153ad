//! The Sinkhorn loss of two small clouds, for training: the same shapes again and again, values and gradients, without set-up or allocation.
//!
//! x (n, d) and y (m, d) are clouds with uniform weights μ = 1/n and ν = 1/m, Cᵢⱼ = |xᵢ - yⱼ|². From v = 0 (Cuturi 2013; in the log domain Peyré and Cuturi 2019, section 4.4)
//!
//! ```text
//! uᵢ = ε ln μ - ε ln Σⱼ exp((vⱼ - Cᵢⱼ)/ε)      vⱼ = ε ln ν - ε ln Σᵢ exp((uᵢ - Cᵢⱼ)/ε)      P = exp((u + v - C)/ε)
//! ```
//!
//! at most [`iterations`](Options::iterations) times, until Σ |P 1 - μ| is below the [tolerance](Options::tolerance). The [`Loss`] is made of the last u, v and P, whether they have converged or not:
//! this is what many training loops use, and no certificate comes with it. For one problem to be solved well, with bounds on its value, there is [`solve`](super::solve).
//!
//! # Three gradients
//! [`Differentiation`] says which. With W = dL/dC the points have
//!
//! ```text
//! dL/dxᵢ = 2 Σⱼ Wᵢⱼ (xᵢ - yⱼ)        dL/dyⱼ = 2 Σᵢ Wᵢⱼ (yⱼ - xᵢ)
//! ```
//!
//! # Cost
//! The iterations run in the log domain only where they must; between, they are products with a stored kernel (`iterations` says how, and why the numbers are the same). So an
//! iteration is 2 n m multiply-adds, and not the 2 n m exponentials of the formulas; the way back through an unrolled one is 2 n m more, and all of them together one matrix product
//! (`unrolled`). On one thread of an AVX2 machine (Zen 3; bench `generator`) a whole training step with two clouds of 128 points in the
//! plane, 100 iterations, network and Adam included, took 0.28 ms, where the 3.3 million exponentials of the formulas alone would take 1.4 ms.
//! Everything runs on the calling thread, but for matrix products of large clouds; memory is 6 n m numbers and, unrolled, 3 K (n + m).
//!
//! # Accuracy
//! In the log domain exponents are rounded to EPS C/ε, as in any implementation of the formulas in `T` (where that is one or more, ε is refused); the iterations between add a few EPS. Points are measured from the first target, so
//! clouds far from the origin lose no digits. Entries of the plan below 2^-66 (`f32`) or 2^-542 (`f64`) may be zero.
//!
//! | file | |
//! | --- | --- |
//! | `options` | ε, iterations, loss, gradient; what is answered |
//! | `kernels` | the vector kernels |
//! | `iterations` | log domain and scaling domain |
//! | `unrolled`, `implicit` | the ways back to the costs |
//! | `points` | from points to costs and back |

mod implicit;
mod iterations;
mod kernels;
mod options;
mod points;
mod unrolled;

pub use options::{Differentiation, Evaluation, Options};

use super::gradient::Loss;
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use iterations::{Iterations, grow};
use kernels::Cotangent;
use points::Clouds;
use unrolled::Tangents;

/// What errors call the second cloud.
pub(crate) const TARGET_POINTS: &str = "target points";

/// The Sinkhorn loss with its memory, which serves any number of evaluations and is allocated by the first of the largest shape.
///
/// # Examples
/// One step of points towards others:
/// ```
/// use brenier::Matrix;
/// use brenier::ot::sinkhorn::minibatch::{Options, SinkhornLoss};
///
/// let data = Matrix::from_rows([[0.0_f64, 0.0], [1.0, 0.0]]);
/// let mut points = Matrix::from_rows([[0.0, 2.0], [1.0, 2.0]]);
/// let mut gradient = Matrix::zeros(2, 2);
/// let mut loss = SinkhornLoss::new(Options::new(0.05))?;
/// let before = loss.value_and_gradient_into(&data, &points, None, Some(gradient.view_mut()))?;
/// for (x, dx) in points.as_mut_slice().iter_mut().zip(gradient.as_slice()) {
///     *x -= 0.5 * dx;
/// }
/// let after = loss.value(&data, &points)?;
/// assert!(before.value - after.value > 1.9 && after.marginal_error < 1e-6);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SinkhornLoss<T> {
    options: Options,
    clouds: Clouds<T>,
    iterations: Iterations<T>,
    /// P: (n, stride).
    plan: Vec<T>,
    /// r = P 1: (n).
    row_sums: Vec<T>,
    /// Pᵀ 1: (stride).
    column_sums: Vec<T>,
    /// u and v in units of the cost.
    u: Vec<f64>,
    v: Vec<f64>,
    /// dL/dC: (n, stride).
    dcosts: Vec<T>,
    tangents: Tangents<T>,
}

impl<T: Scalar> SinkhornLoss<T> {
    /// A loss; the first evaluation allocates.
    ///
    /// # Errors
    /// [`Error::Argument`] for ε, iterations or a tolerance out of range.
    pub fn new(options: Options) -> Result<Self> {
        options.validate()?;
        Ok(SinkhornLoss {
            options,
            clouds: Clouds::default(),
            iterations: Iterations::new(),
            plan: Vec::new(),
            row_sums: Vec::new(),
            column_sums: Vec::new(),
            u: Vec::new(),
            v: Vec::new(),
            dcosts: Vec::new(),
            tangents: Tangents::default(),
        })
    }

    /// Its options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The loss between `source` (n, d) and `target` (m, d).
    ///
    /// # Errors
    /// [`Error::Empty`] for a cloud without points or coordinates, [`Error::Shape`] for different numbers of coordinates, [`Error::NotFiniteEntry`] for NaN and
    /// infinite coordinates, [`Error::Argument`] if ε is so small next to the costs that their quotient leaves the range of `T`.
    pub fn value<'a>(
        &mut self,
        source: impl Into<MatrixView<'a, T>>,
        target: impl Into<MatrixView<'a, T>>,
    ) -> Result<Evaluation> {
        self.value_and_gradient_into(source, target, None, None)
    }

    /// The loss, and its gradient in the points of the sides that are given: `dsource` (n, d), `dtarget` (m, d), both written. It is
    /// the gradient of the whole: not divided by n.
    ///
    /// # Errors
    /// As [`value`](Self::value); [`Error::Shape`] for gradients of other shapes.
    pub fn value_and_gradient_into<'a>(
        &mut self,
        source: impl Into<MatrixView<'a, T>>,
        target: impl Into<MatrixView<'a, T>>,
        mut dsource: Option<MatrixViewMut<'_, T>>,
        mut dtarget: Option<MatrixViewMut<'_, T>>,
    ) -> Result<Evaluation> {
        let (source, target) = (source.into(), target.into());
        self.check(source, target, [&dsource, &dtarget])?;
        let wanted = dsource.is_some() || dtarget.is_some();
        let mut answer = self.transport(source, target, wanted)?;
        if wanted {
            self.differentiate();
            let dcosts = &self.dcosts[..self.iterations.n * self.iterations.stride];
            if let Some(dsource) = &mut dsource {
                self.clouds.source_gradient(dcosts, 1.0, false, dsource);
            }
            if let Some(dtarget) = &mut dtarget {
                self.clouds.target_gradient(dcosts, 1.0, false, dtarget);
            }
        }
        if self.options.debiased {
            answer.value -= 0.5 * self.with_itself(source, dsource)?;
            answer.value -= 0.5 * self.with_itself(target, dtarget)?;
        }
        Ok(answer)
    }

    /// The loss of a cloud with itself; minus half its gradient, which comes through both sides, is added to `gradient`.
    fn with_itself(
        &mut self,
        points: MatrixView<'_, T>,
        gradient: Option<MatrixViewMut<'_, T>>,
    ) -> Result<f64> {
        let answer = self.transport(points, points, gradient.is_some())?;
        if let Some(mut gradient) = gradient {
            self.differentiate();
            let dcosts = &self.dcosts[..self.iterations.n * self.iterations.stride];
            self.clouds.source_gradient(dcosts, -0.5, true, &mut gradient);
            self.clouds.target_gradient(dcosts, -0.5, true, &mut gradient);
        }
        Ok(answer.value)
    }

    fn check(
        &self,
        source: MatrixView<'_, T>,
        target: MatrixView<'_, T>,
        gradients: [&Option<MatrixViewMut<'_, T>>; 2],
    ) -> Result<()> {
        let operation = "SinkhornLoss";
        for (points, what) in [(source, "the source cloud"), (target, "the target cloud")] {
            if points.is_empty() {
                return Err(Error::Empty { what });
            }
        }
        if source.columns() != target.columns() {
            let what = "number of coordinates of the target points";
            return Err(Error::Shape { operation, what, expected: source.columns(), got: target.columns() });
        }
        let sides = [
            (source, gradients[0], ["rows of the source's gradient", "columns of the source's gradient"]),
            (target, gradients[1], ["rows of the target's gradient", "columns of the target's gradient"]),
        ];
        for (points, gradient, [rows, columns]) in sides {
            let Some(gradient) = gradient else { continue };
            for (what, expected, got) in
                [(rows, points.rows(), gradient.rows()), (columns, points.columns(), gradient.columns())]
            {
                if expected != got {
                    return Err(Error::Shape { operation, what, expected, got });
                }
            }
        }
        source.check_finite("source points")?;
        target.check_finite(TARGET_POINTS)
    }

    /// Iterates between two clouds, and makes potentials, plan and value. `keep` for a gradient that follows.
    fn transport(
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

    /// dL/dC of the last transport, into `dcosts`.
    fn differentiate(&mut self) {
        let count = self.iterations.n * self.iterations.stride;
        grow(&mut self.dcosts, count);
        match (self.options.differentiation, self.options.loss) {
            (Differentiation::Unrolled, _) => self.unroll(),
            (Differentiation::Implicit, Loss::TransportCost) => self.differentiate_implicitly(),
            _ => self.dcosts[..count].copy_from_slice(&self.plan[..count]),
        }
    }

    /// P (1 - H) into `dcosts`, and the sums of P H over rows and columns into the tangents, for Hᵢⱼ = rowᵢ + columnⱼ + factor Cᵢⱼ.
    fn weigh(&mut self, row: impl Fn(usize) -> f64, column: impl Fn(usize) -> f64, factor: f64) {
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

    /// The plan of the last evaluation (of the last of its three problems, where debiased): (n, m).
    ///
    /// # Panics
    /// If there was none.
    pub fn plan(&self) -> MatrixView<'_, T> {
        let Iterations { n, m, stride, .. } = self.iterations;
        MatrixView::new(&self.plan[..n * stride], n, m, stride).expect("an evaluation has filled the plan")
    }

    /// u and v of the last evaluation (of the last of its three problems, where debiased), in units of the cost: P = exp((u + v - C)/ε).
    pub fn potentials(&self) -> (&[f64], &[f64]) {
        (&self.u, &self.v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::matrix::{Distance, pairwise};
    use crate::random::RandomStream;

    const LOSSES: [Loss; 3] = [Loss::Dual, Loss::EntropicPrimal, Loss::TransportCost];

    /// Two clouds, of which the second stands off by `offset`.
    fn clouds<T: Scalar>(n: usize, m: usize, d: usize, offset: f64) -> (Matrix<T>, Matrix<T>) {
        let mut stream = RandomStream::new((n * 1000 + m * 10 + d) as u64);
        let x: Matrix<f64> = stream.normal_matrix(n, d);
        let y: Matrix<f64> = stream.normal_matrix(m, d);
        (x.cast(), y.map(|y| T::from_f64(offset + 0.5 * y)))
    }

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

    fn evaluate(options: Options, x: &Matrix<f64>, y: &Matrix<f64>) -> (f64, Matrix<f64>, Matrix<f64>) {
        let mut loss = SinkhornLoss::new(options).unwrap();
        let mut dx = Matrix::filled(x.rows(), x.columns(), f64::NAN);
        let mut dy = Matrix::filled(y.rows(), y.columns(), f64::NAN);
        let answer = loss.value_and_gradient_into(x, y, Some(dx.view_mut()), Some(dy.view_mut())).unwrap();
        (answer.value, dx, dy)
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

    #[test]
    fn a_workspace_that_has_served_others_gives_the_same_bits() {
        let mut used =
            SinkhornLoss::<f32>::new(Options::new(0.1).with_differentiation(Differentiation::Unrolled))
                .unwrap();
        for (n, m, d) in [(128, 128, 2), (3, 50, 30), (32, 32, 9), (128, 128, 2)] {
            let (x, y) = clouds::<f32>(n, m, d, 1.0);
            let mut fresh = SinkhornLoss::new(*used.options()).unwrap();
            let (mut first, mut second) = (Matrix::zeros(m, d), Matrix::zeros(m, d));
            let value = used.value_and_gradient_into(&x, &y, None, Some(first.view_mut())).unwrap();
            assert_eq!(value, fresh.value_and_gradient_into(&x, &y, None, Some(second.view_mut())).unwrap());
            assert_eq!(first, second);
            assert!(first.as_slice().iter().all(|x| x.is_finite()));
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let (x, y) = clouds::<f32>(3, 4, 2, 0.0);
        for (options, name) in [
            (Options::new(0.0), "epsilon"),
            (Options::new(f64::NAN), "epsilon"),
            (Options::new(1e-320), "epsilon"),
            (Options::new(1.0).with_iterations(0), "iterations"),
            (Options::new(1.0).with_tolerance(1.0), "tolerance"),
            (Options::new(1.0).with_tolerance(f64::NAN), "tolerance"),
        ] {
            let error = SinkhornLoss::<f32>::new(options).unwrap_err();
            assert!(matches!(error, Error::Argument { name: got, .. } if got == name), "{error}");
        }
        let mut loss = SinkhornLoss::<f32>::new(Options::default()).unwrap();
        let empty = Matrix::zeros(0, 2);
        assert_eq!(loss.value(&empty, &y), Err(Error::Empty { what: "the source cloud" }));
        assert!(matches!(
            loss.value(&x, &Matrix::zeros(4, 3)),
            Err(Error::Shape { expected: 2, got: 3, .. })
        ));
        let mut wrong = Matrix::zeros(3, 2);
        let answer = loss.value_and_gradient_into(&x, &y, None, Some(wrong.view_mut()));
        assert!(matches!(answer, Err(Error::Shape { expected: 4, got: 3, .. })));
        let mut bad = y.clone();
        bad[(2, 1)] = f32::NAN;
        assert!(matches!(loss.value(&x, &bad), Err(Error::NotFiniteEntry { row: 2, column: 1, .. })));
        bad[(2, 1)] = 1e20;
        assert!(matches!(loss.value(&x, &bad), Err(Error::Argument { name: "epsilon", .. })));
        let mut loss = SinkhornLoss::<f32>::new(Options::new(1e-37)).unwrap();
        assert!(matches!(loss.value(&x, &y), Err(Error::Argument { name: "epsilon", .. })));
    }
}
