//! Anderson's extrapolation of a dual ascent, with a way back.
//!
//! A plain iteration raises a concave dual, always, but by little where ε is small. Extrapolated points may be far
//! ahead, or astray: the dual value and the residual that the next look finds there tell. A point at which the dual
//! fell is given up for the plain image of the point before, unless the residual fell too. So progress cannot end,
//! and a look is lost now and then.

use crate::ot::sinkhorn::Anderson;

/// Steps that the extrapolation looks back on.
const MEMORY: usize = 12;

/// A point at which the dual fell all the same must have a residual below this share of the last one.
const MOST_LEFT: f64 = 0.95;

/// What is known of the last points.
pub(crate) struct Extrapolation {
    anderson: Anderson,
    /// The plain image of the last point that was not given up.
    image: Vec<f64>,
    /// Its residual and dual value.
    accepted: (f64, f64),
    is_extrapolated: bool,
}

impl Extrapolation {
    pub(crate) fn new() -> Self {
        Self {
            anderson: Anderson::new(MEMORY),
            image: Vec::new(),
            accepted: (f64::INFINITY, f64::NEG_INFINITY),
            is_extrapolated: false,
        }
    }

    /// Whether the present point is more than a plain image.
    pub(crate) fn is_extrapolated(&self) -> bool {
        self.is_extrapolated
    }

    /// Whether the present point, of which a look found this residual and this dual value (known to within `slack`), is astray.
    pub(crate) fn is_astray(&mut self, residual: f64, dual: f64, slack: f64) -> bool {
        let (last_residual, last_dual) = self.accepted;
        // NaN is astray.
        let is_good = dual >= last_dual - slack || residual < MOST_LEFT * last_residual;
        if self.is_extrapolated && !is_good {
            return true;
        }
        self.accepted = (residual, dual);
        false
    }

    /// The plain image to go back to.
    pub(crate) fn back(&mut self) -> &[f64] {
        self.anderson.restart();
        self.is_extrapolated = false;
        &self.image
    }

    /// The next point from the present one and, in place, its image. `weights` weigh the entries of their difference.
    pub(crate) fn next(&mut self, point: &[f64], image: &mut [f64], weights: &[f64]) {
        self.image.clear();
        self.image.extend_from_slice(image);
        let step: Vec<f64> = image.iter().zip(point).map(|(image, point)| image - point).collect();
        let next = self.anderson.combine(&self.image, &step, weights);
        self.is_extrapolated = next != self.image && next.iter().all(|value| value.is_finite());
        if self.is_extrapolated {
            image.copy_from_slice(&next);
        }
    }
}
