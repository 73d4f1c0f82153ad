//! The Sinkhorn loss of two small clouds, for training: the same shapes again and again, values and gradients,
//! without set-up or allocation.
//!
//! x (n, d) and y (m, d) are clouds with uniform weights μ = 1/n and ν = 1/m, Cᵢⱼ = |xᵢ - yⱼ|². From v = 0 (Cuturi
//! 2013; in the log domain Peyré and Cuturi 2019, section 4.4)
//!
//! ```text
//! uᵢ = ε ln μ - ε ln Σⱼ exp((vⱼ - Cᵢⱼ)/ε)      vⱼ = ε ln ν - ε ln Σᵢ exp((uᵢ - Cᵢⱼ)/ε)      P = exp((u + v - C)/ε)
//! ```
//!
//! at most [`iterations`](Options::iterations) times, until Σ |P 1 - μ| is below the [tolerance](Options::tolerance).
//! The [`Loss`] is made of the last u, v and P, whether they have converged or not: this is what many training loops
//! use, and no certificate comes with it. For one problem to be solved well, with bounds on its value, there is
//! [`solve`](super::solve).
//!
//! # Three gradients
//! [`Differentiation`] says which. With W = dL/dC the points have
//!
//! ```text
//! dL/dxᵢ = 2 Σⱼ Wᵢⱼ (xᵢ - yⱼ)        dL/dyⱼ = 2 Σᵢ Wᵢⱼ (yⱼ - xᵢ)
//! ```
//!
//! # Cost
//! The iterations run in the log domain only where they must; between, they are products with a stored kernel
//! (`iterations` says how, and why the numbers are the same). So an iteration is 2 n m multiply-adds, and not the 2 n
//! m exponentials of the formulas; the way back through an unrolled one is 2 n m more, and all of them together one
//! matrix product (`unrolled`). On one thread of an AVX2 machine (Zen 3; bench `generator`) a whole training step
//! with two clouds of 128 points in the plane, 100 iterations, network and Adam included, took 0.28 ms, where the 3.3
//! million exponentials of the formulas alone would take 1.4 ms. Everything runs on the calling thread, but for
//! matrix products of large clouds; memory is 6 n m numbers and, unrolled, 3 K (n + m).
//!
//! # Accuracy
//! In the log domain exponents are rounded to EPS C/ε, as in any implementation of the formulas in `T` (where that is
//! one or more, ε is refused); the iterations between add a few EPS. Points are measured from the first target, so
//! clouds far from the origin lose no digits. Entries of the plan below 2^-66 (`f32`) or 2^-542 (`f64`) may be zero.
//!
//! | file | |
//! | --- | --- |
//! | `options` | ε, iterations, loss, gradient; what is answered |
//! | `kernels` | the vector kernels |
//! | `iterations` | log domain and scaling domain |
//! | `transport` | potentials, plan and value |
//! | `cost_gradient` | which way back to the costs |
//! | `unrolled`, `implicit` | two of the ways |
//! | `points` | from points to costs and back |

mod cost_gradient;
mod implicit;
mod iterations;
mod kernels;
mod options;
mod points;
mod transport;
mod unrolled;

pub use options::{Differentiation, Evaluation, Options};

use super::gradient::Loss;
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::{MatrixView, MatrixViewMut};
use iterations::Iterations;
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
    /// [`Error::Empty`] for a cloud without points or coordinates, [`Error::Shape`] for different numbers of
    /// coordinates, [`Error::NotFiniteEntry`] for NaN and infinite coordinates, [`Error::Argument`] if ε is so small
    /// next to the costs that their quotient leaves the range of `T`.
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
    use crate::random::RandomStream;

    pub(super) const LOSSES: [Loss; 3] = [Loss::Dual, Loss::EntropicPrimal, Loss::TransportCost];

    /// Two clouds, of which the second stands off by `offset`.
    pub(super) fn clouds<T: Scalar>(n: usize, m: usize, d: usize, offset: f64) -> (Matrix<T>, Matrix<T>) {
        let mut stream = RandomStream::new((n * 1000 + m * 10 + d) as u64);
        let x: Matrix<f64> = stream.normal_matrix(n, d);
        let y: Matrix<f64> = stream.normal_matrix(m, d);
        (x.cast(), y.map(|y| T::from_f64(offset + 0.5 * y)))
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
