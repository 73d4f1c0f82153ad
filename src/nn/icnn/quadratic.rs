//! The term `α/2 |x|²`, which makes a convex function strongly convex: value, gradient and second derivative.
//!
//! Rows of x are the first `inputs` of `stride` numbers.

use super::NonNegativity;
use crate::Scalar;
use crate::error::{Error, Result};
use crate::matrix::MatrixView;
use crate::nn::TensorPlace;

/// The constant α of strong convexity: `y(x) - α/2 |x|²` is convex.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum StrongConvexity {
    /// This number; 0 for convexity alone.
    Fixed(f64),
    /// A parameter that begins here and is kept from being negative in the way of the weights.
    Trainable(f64),
}

impl Default for StrongConvexity {
    fn default() -> Self {
        StrongConvexity::Fixed(0.0)
    }
}

impl StrongConvexity {
    /// Its first value.
    pub(super) fn initial(self) -> f64 {
        match self {
            StrongConvexity::Fixed(alpha) | StrongConvexity::Trainable(alpha) => alpha,
        }
    }

    /// Refuses a number that is negative or not finite, and zero where softplus cannot give it.
    pub(super) fn check(self, non_negativity: NonNegativity) -> Result<()> {
        let value = self.initial();
        let refuse =
            |requirement| Err(Error::Argument { name: "constant of strong convexity", value, requirement });
        if !(value >= 0.0 && value.is_finite()) {
            return refuse("it must be finite and not negative");
        }
        let trained_by_softplus =
            matches!(self, StrongConvexity::Trainable(_)) && non_negativity == NonNegativity::Softplus;
        if trained_by_softplus && value == 0.0 {
            return refuse("it must be above 0: softplus has no parameter for 0");
        }
        Ok(())
    }
}

/// α in a network: a number, or a place among the parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Coefficient {
    Fixed(f64),
    At(usize),
}

impl Coefficient {
    pub fn value<T: Scalar>(self, parameters: &[T], non_negativity: NonNegativity) -> T {
        match self {
            Coefficient::Fixed(alpha) => T::from_f64(alpha),
            Coefficient::At(place) => {
                let mut alpha = [parameters[place]];
                non_negativity.weights_of(&mut alpha, &mut []);
                alpha[0]
            }
        }
    }

    /// The range of its parameter.
    pub fn range(self) -> Option<std::ops::Range<usize>> {
        match self {
            Coefficient::Fixed(_) => None,
            Coefficient::At(place) => Some(place..place + 1),
        }
    }

    pub fn project<T: Scalar>(self, parameters: &mut [T], non_negativity: NonNegativity) {
        if let Some(range) = self.range() {
            non_negativity.project(&mut parameters[range]);
        }
    }

    pub fn tensor(self, non_negativity: NonNegativity) -> Option<TensorPlace> {
        let name = match non_negativity {
            NonNegativity::Projection => "strong_convexity",
            NonNegativity::Softplus => "raw_strong_convexity",
        };
        self.range().map(|range| TensorPlace { name: name.into(), shape: vec![1], range })
    }

    /// Adds the gradient in α to that in its parameter.
    pub fn add_gradient<T: Scalar>(
        self,
        dalpha: f64,
        parameters: &[T],
        non_negativity: NonNegativity,
        gradient: &mut [T],
    ) {
        if let Coefficient::At(place) = self {
            let (mut value, mut slope) = ([parameters[place]], [T::ONE]);
            non_negativity.weights_of(&mut value, &mut slope);
            gradient[place] += T::from_f64(dalpha) * slope[0];
        }
    }
}

/// `y[r] += α/2 |x_r|²`.
pub(super) fn forward<T: Scalar>(alpha: T, x: &[T], [inputs, stride]: [usize; 2], y: &mut [T]) {
    if alpha != T::ZERO {
        let half = alpha * T::from_f64(0.5);
        for (y, x) in y.iter_mut().zip(x.chunks_exact(stride)) {
            let mut square = T::ZERO;
            for &x in &x[..inputs] {
                square += x * x;
            }
            *y += half * square;
        }
    }
}

/// The gradient in α: `Σ dy[r] |x_r|² / 2`, in double precision and in the order of the rows.
pub(super) fn backward<T: Scalar>(x: &[T], [inputs, stride]: [usize; 2], dy: &[T]) -> f64 {
    let mut dalpha = 0.0;
    for (&dy, x) in dy.iter().zip(x.chunks_exact(stride)) {
        let mut square = 0.0;
        for &x in &x[..inputs] {
            square += x.to_f64() * x.to_f64();
        }
        dalpha += 0.5 * dy.to_f64() * square;
    }
    dalpha
}

/// `dx[r] += α dy[r] x_r`.
pub(super) fn backward_input<T: Scalar>(
    alpha: T,
    x: &[T],
    [inputs, stride]: [usize; 2],
    dy: &[T],
    dx: &mut [T],
) {
    for ((dx, &dy), x) in dx.chunks_exact_mut(inputs).zip(dy).zip(x.chunks_exact(stride)) {
        for (dx, &x) in dx.iter_mut().zip(x) {
            *dx += alpha * dy * x;
        }
    }
}

/// The gradient in α of `Σ <w, α x>`, the term's gradient along w: `Σ <x_r, w_r>`. Rows of w are as far apart as those of x.
pub(super) fn second_backward<T: Scalar>(x: &[T], w: &[T], [inputs, stride]: [usize; 2]) -> f64 {
    let mut dalpha = 0.0;
    for (x, w) in x.chunks_exact(stride).zip(w.chunks_exact(stride)) {
        for (&x, &w) in x[..inputs].iter().zip(w) {
            dalpha += x.to_f64() * w.to_f64();
        }
    }
    dalpha
}

/// `dx[r] += α w_r`.
pub(super) fn second_backward_input<T: Scalar>(alpha: T, w: MatrixView<'_, T>, dx: &mut [T]) {
    for (dx, w) in dx.chunks_exact_mut(w.columns()).zip(w.iter_rows()) {
        for (dx, &w) in dx.iter_mut().zip(w) {
            *dx += alpha * w;
        }
    }
}
