//! The worst perturbation within a ball: one step by the sign of the gradient, and projected gradient steps.
//!
//! With the label y = ±1, the loss `ln(1 + e^(-y z))` rises where `-y z` does, so steps go along `-y ∂z/∂x`:
//!
//! ```text
//! one step:    δ = r sign(-y ∂z/∂x)
//! projected:   δ ← Π(δ + a d),   d = sign(-y ∂z/∂x) in L∞,   -y ∂z/∂x / |∂z/∂x|₂ in L2
//! ```
//! Π is the projection onto the ball of radius r: entries cut off at ±r, or the whole vector scaled down. Goodfellow,
//! Shlens and Szegedy, "Explaining and harnessing adversarial examples", ICLR 2015; Madry, Makelov, Schmidt, Tsipras
//! and Vladu, "Towards deep learning models resistant to adversarial attacks", ICLR 2018. Where the gradient is zero,
//! δ stays. Cost: one gradient of all samples a step.

use super::{Attack, Norm, Score, check_answers, check_radius, check_samples, perturb};
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::nn::probe::{Labels, euclidean_norm};
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// Options of [`projected_gradient`].
///
/// # Examples
/// ```
/// use brenier::nn::adversarial::{BallOptions, Norm};
/// use brenier::random::RandomStream;
/// let options = BallOptions::new(0.5).with_norm(Norm::Maximum).with_random_start(RandomStream::new(1));
/// assert_eq!(options.steps, 40);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BallOptions<T> {
    /// r.
    pub radius: T,
    /// The ball's norm. Default L2.
    pub norm: Norm,
    /// Number of steps. Default 40.
    pub steps: u64,
    /// a; `None` is 2.5 r / steps, which crosses the ball with some to spare. Default `None`.
    pub step_size: Option<T>,
    /// Where given, each δ starts at a random place in the ball instead of zero. Default `None`.
    pub random_start: Option<RandomStream>,
}

impl<T: Scalar> BallOptions<T> {
    /// The Euclidean ball of this radius, 40 steps from its centre.
    pub fn new(radius: T) -> Self {
        Self { radius, norm: Norm::Euclidean, steps: 40, step_size: None, random_start: None }
    }

    /// Sets the norm.
    pub fn with_norm(mut self, norm: Norm) -> Self {
        self.norm = norm;
        self
    }

    /// Sets the number of steps.
    pub fn with_steps(mut self, steps: u64) -> Self {
        self.steps = steps;
        self
    }

    /// Sets a.
    pub fn with_step_size(mut self, step_size: T) -> Self {
        self.step_size = Some(step_size);
        self
    }

    /// Starts at random: in L∞ uniform in the ball, in L2 in a uniform direction at a distance uniform in its volume.
    pub fn with_random_start(mut self, stream: RandomStream) -> Self {
        self.random_start = Some(stream);
        self
    }
}

/// `δ = r sign(-y ∂z/∂x)` for every sample.
///
/// # Errors
/// [`Error::Empty`], [`Error::Shape`], [`Error::NotFiniteEntry`], [`Error::Label`] for samples and labels that do not
/// fit; [`Error::Argument`] for the radius; [`Error::NotFinite`], [`Error::NotFiniteEntry`] for scores or gradients
/// that overflow.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::adversarial::fast_gradient_sign;
/// use brenier::nn::probe::Probe;
/// let probe = Probe::new(&[2.0, -1.0], None)?;
/// let attack = fast_gradient_sign(&probe, &Matrix::from_rows([[1.0, 1.0]]), &[1_u8], 0.5)?;
/// assert_eq!(attack.perturbations.row(0), [-0.5, 0.5]);
/// assert_eq!((attack.scores[0], attack.flipped[0]), (-0.5, true));
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "FGSM")]
pub fn fast_gradient_sign<'a, 'l, T: Scalar>(
    model: &impl Score<T>,
    x: impl Into<MatrixView<'a, T>>,
    labels: impl Into<Labels<'l>>,
    radius: T,
) -> Result<Attack<T>> {
    let options = BallOptions::new(radius).with_norm(Norm::Maximum).with_steps(1).with_step_size(radius);
    ascend("fast_gradient_sign", model, x.into(), labels.into(), &options)
}

/// Projected gradient steps for every sample: `δ ← Π(δ + a d)`, d the sign of `-y ∂z/∂x` in L∞ and its direction in
/// L2, Π the projection onto the ball.
///
/// # Errors
/// As [`fast_gradient_sign`], and [`Error::Argument`] for a step size that is negative or not finite.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::nn::adversarial::{BallOptions, projected_gradient};
/// use brenier::nn::probe::Probe;
/// let probe = Probe::new(&[3.0, 4.0], None)?;
/// let x = Matrix::from_rows([[1.0, 1.0], [-1.0, 0.0]]);
/// let attack = projected_gradient(&probe, &x, &[1_u8, 0], &BallOptions::new(1.0))?;
/// assert!((attack.scores[0] - 2.0_f64).abs() < 1e-14); // 7 - |w|: the worst there is
/// assert_eq!(attack.flipped, [false, true]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "PGD")]
pub fn projected_gradient<'a, 'l, T: Scalar>(
    model: &impl Score<T>,
    x: impl Into<MatrixView<'a, T>>,
    labels: impl Into<Labels<'l>>,
    options: &BallOptions<T>,
) -> Result<Attack<T>> {
    ascend("projected_gradient", model, x.into(), labels.into(), options)
}

fn ascend<M: Score<T>, T: Scalar>(
    operation: &'static str,
    model: &M,
    x: MatrixView<'_, T>,
    labels: Labels<'_>,
    options: &BallOptions<T>,
) -> Result<Attack<T>> {
    check_samples(operation, model, x)?;
    labels.check(operation, x.rows())?;
    check_radius(options.radius)?;
    let step = options
        .step_size
        .unwrap_or_else(|| T::from_f64(2.5 * options.radius.to_f64() / options.steps.max(1) as f64));
    if !(step >= T::ZERO && step.is_finite()) {
        let requirement = "it must be finite and not negative";
        return Err(Error::Argument { name: "step size", value: step.to_f64(), requirement });
    }
    let mut perturbations = started(x, options)?;
    let mut moved = Matrix::zeros(x.rows(), x.columns());
    let mut gradients = Matrix::zeros(x.rows(), x.columns());
    let mut scores = vec![T::ZERO; x.rows()];
    let mut workspace = M::Workspace::default();
    for _ in 0..options.steps {
        perturb(x, &perturbations, &mut moved);
        model.gradients_into(moved.view(), &mut workspace, &mut scores, gradients.view_mut())?;
        check_answers(&scores, Some(&gradients))?;
        for row in 0..x.rows() {
            let towards = if labels.is_one(row) { -step } else { step };
            let delta = perturbations.row_mut(row);
            advance(delta, gradients.row(row), towards, options.norm);
            project(delta, options.radius, options.norm);
        }
    }
    perturb(x, &perturbations, &mut moved);
    model.scores_into(moved.view(), &mut workspace, &mut scores)?;
    check_answers(&scores, None)?;
    let flipped = (0..x.rows()).map(|row| (scores[row] > T::ZERO) != labels.is_one(row)).collect();
    Ok(Attack { perturbations, scores, flipped })
}

/// `δ += a d` for one sample; a has the sign of the step.
fn advance<T: Scalar>(delta: &mut [T], gradient: &[T], a: T, norm: Norm) {
    match norm {
        Norm::Euclidean => {
            let length = euclidean_norm(gradient);
            if length > 0.0 {
                let entries = delta.iter_mut().zip(gradient);
                entries.for_each(|(delta, &g)| *delta += T::from_f64(a.to_f64() * (g.to_f64() / length)));
            }
        }
        Norm::Maximum => {
            for (delta, &g) in delta.iter_mut().zip(gradient) {
                if g > T::ZERO {
                    *delta += a;
                } else if g < T::ZERO {
                    *delta -= a;
                }
            }
        }
    }
}

/// The nearest point of the ball.
fn project<T: Scalar>(delta: &mut [T], radius: T, norm: Norm) {
    match norm {
        Norm::Euclidean => {
            let length = euclidean_norm(delta);
            if length > radius.to_f64() {
                let factor = T::from_f64(radius.to_f64() / length);
                delta.iter_mut().for_each(|delta| *delta *= factor);
            }
        }
        Norm::Maximum => {
            for delta in delta.iter_mut() {
                if *delta > radius {
                    *delta = radius;
                } else if *delta < -radius {
                    *delta = -radius;
                }
            }
        }
    }
}

/// δ before the first step: zero, or at random in the ball.
fn started<T: Scalar>(x: MatrixView<'_, T>, options: &BallOptions<T>) -> Result<Matrix<T>> {
    let mut delta = Matrix::zeros(x.rows(), x.columns());
    let radius = options.radius;
    let Some(stream) = &options.random_start else { return Ok(delta) };
    if radius == T::ZERO {
        return Ok(delta);
    }
    let mut stream = stream.clone();
    match options.norm {
        Norm::Maximum => stream.fill_uniform_range(delta.as_mut_slice(), -radius, radius)?,
        Norm::Euclidean => {
            stream.fill_normal(delta.as_mut_slice());
            for row in 0..x.rows() {
                let distance = stream.uniform::<f64>().powf(1.0 / x.columns() as f64) * radius.to_f64();
                let delta = delta.row_mut(row);
                let factor = T::from_f64(distance / euclidean_norm(delta).max(f64::MIN_POSITIVE));
                delta.iter_mut().for_each(|delta| *delta *= factor);
            }
        }
    }
    Ok(delta)
}
