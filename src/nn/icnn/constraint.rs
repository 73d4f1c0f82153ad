//! How weights are kept from being negative, and how `[W, A, b]` is packed for one product and its gradient unpacked.

use crate::Scalar;
use crate::error::{Error, Result};
use crate::nn::Activation;
use crate::nn::activation::passes::{self, Kept};
use crate::simd;
use std::ops::Range;

/// How the weights on hidden units of a convex network are kept from being negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NonNegativity {
    /// The weights are parameters; `project` after each step sets the negative ones to zero (Amos, Xu and Kolter 2017).
    #[default]
    Projection,
    /// The weight is `ln(1 + e^v)` of a free parameter v; the gradient passes through.
    Softplus,
}

impl NonNegativity {
    /// The parameter of a weight.
    pub(super) fn parameter_of(self, weight: f64) -> f64 {
        match self {
            NonNegativity::Projection => weight,
            // ln(e^w - 1) without overflow or cancellation.
            NonNegativity::Softplus => weight + (-(-weight).exp_m1()).ln(),
        }
    }

    pub(super) fn tensor_name(self) -> &'static str {
        match self {
            NonNegativity::Projection => "weight",
            NonNegativity::Softplus => "raw_weight",
        }
    }

    /// Sets negative weights to zero where the weights are the parameters.
    pub(super) fn project<T: Scalar>(self, parameters: &mut [T]) {
        if self == NonNegativity::Projection {
            for weight in parameters {
                if *weight < T::ZERO {
                    *weight = T::ZERO;
                }
            }
        }
    }

    /// The weights of parameters, and their derivatives where room is given for them.
    pub(super) fn weights_of<T: Scalar>(self, weights: &mut [T], derivatives: &mut [T]) {
        let (activation, width) = (self.activation(), weights.len());
        let kept = if derivatives.is_empty() { Kept::Nothing } else { Kept::Slope };
        passes::forward(activation, None, weights, width.max(1), derivatives, kept);
    }

    fn activation(self) -> Activation {
        match self {
            NonNegativity::Projection => Activation::Identity,
            NonNegativity::Softplus => Activation::Softplus,
        }
    }

    /// Refuses parameters that are not finite, and weights that are negative: the function would not be convex.
    pub(super) fn check<T: Scalar>(
        self,
        parameters: &[T],
        weights: impl Iterator<Item = Range<usize>>,
    ) -> Result<()> {
        // Finite numbers may have an infinite sum; the others never have a finite one.
        if !simd::sum(parameters).is_finite()
            && let Some(index) = parameters.iter().position(|parameter| !parameter.is_finite())
        {
            let value = parameters[index].to_f64();
            return Err(Error::NotFinite { what: "parameters of a convex network", index, value });
        }
        if self == NonNegativity::Projection {
            for range in weights {
                if let Some(place) = parameters[range.clone()].iter().position(|&weight| weight < T::ZERO) {
                    let index = range.start + place;
                    return Err(Error::Negative {
                        what: "weight of a convex network (no `project` after a step?), parameters",
                        index,
                        value: parameters[index].to_f64(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Copies W (out, columns) from its parameters into `columns` columns of packed rows, from column `first` on.
    pub(super) fn pack<T: Scalar>(
        self,
        parameters: &[T],
        columns: usize,
        packed: &mut [T],
        [first, stride]: [usize; 2],
    ) {
        copy_columns(parameters, columns, packed, [first, stride]);
        if self == NonNegativity::Softplus && columns > 0 {
            for row in packed.chunks_exact_mut(stride) {
                self.weights_of(&mut row[first..first + columns], &mut []);
            }
        }
    }

    /// Adds the gradient in W, in its columns of packed rows, to the gradient in its parameters. `scratch` has as many numbers as two rows.
    pub(super) fn unpack_gradient<T: Scalar>(
        self,
        parameters: &[T],
        columns: usize,
        packed: &[T],
        [first, stride]: [usize; 2],
        scratch: &mut [T],
        gradient: &mut [T],
    ) {
        if self == NonNegativity::Projection || columns == 0 {
            return add_columns(packed, [first, stride], columns, gradient);
        }
        let (value, slope) = scratch[..2 * columns].split_at_mut(columns);
        let rows = parameters.chunks_exact(columns).zip(gradient.chunks_exact_mut(columns));
        for ((parameters, gradient), packed) in rows.zip(packed.chunks_exact(stride)) {
            value.copy_from_slice(parameters);
            self.weights_of(value, slope);
            for ((total, &dweight), &slope) in gradient.iter_mut().zip(&packed[first..]).zip(slope.iter()) {
                *total += dweight * slope;
            }
        }
    }
}

/// Copies rows of `columns` numbers into columns of longer rows.
pub(super) fn copy_columns<T: Scalar>(
    rows: &[T],
    columns: usize,
    packed: &mut [T],
    [first, stride]: [usize; 2],
) {
    if columns > 0 {
        for (source, target) in rows.chunks_exact(columns).zip(packed.chunks_exact_mut(stride)) {
            target[first..first + columns].copy_from_slice(source);
        }
    }
}

/// Adds columns of longer rows to rows of `columns` numbers.
pub(super) fn add_columns<T: Scalar>(
    packed: &[T],
    [first, stride]: [usize; 2],
    columns: usize,
    rows: &mut [T],
) {
    if columns > 0 {
        for (target, source) in rows.chunks_exact_mut(columns).zip(packed.chunks_exact(stride)) {
            for (total, &value) in target.iter_mut().zip(&source[first..]) {
                *total += value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softplus_has_an_inverse() {
        for weight in [1e-12, 0.01, 1.0, 30.0, 800.0] {
            let mut found = [NonNegativity::Softplus.parameter_of(weight)];
            NonNegativity::Softplus.weights_of(&mut found, &mut []);
            // The parameter of a small weight is its logarithm, whose rounding, 28 at most times EPSILON, is relative to the weight.
            assert!((found[0] - weight).abs() <= 40.0 * f64::EPSILON * weight, "{weight}: {found:?}");
        }
    }

    #[test]
    fn what_is_packed_comes_back() {
        let mut packed = [9.0; 8];
        NonNegativity::Projection.pack(&[1.0, 2.0, 3.0, 4.0], 2, &mut packed, [1, 4]);
        assert_eq!(packed, [9.0, 1.0, 2.0, 9.0, 9.0, 3.0, 4.0, 9.0]);
        let mut gradient = [1.0; 4];
        NonNegativity::Projection.unpack_gradient(&[0.0; 4], 2, &packed, [1, 4], &mut [], &mut gradient);
        assert_eq!(gradient, [2.0, 3.0, 4.0, 5.0]);
        NonNegativity::Softplus.unpack_gradient(&[0.0; 4], 2, &packed, [1, 4], &mut [0.0; 4], &mut gradient);
        assert_eq!(gradient, [2.5, 4.0, 5.5, 7.0]);
    }
}
