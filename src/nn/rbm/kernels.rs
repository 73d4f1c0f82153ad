//! The vector passes of the machine, each over a whole matrix: activations, draws, softplus sums.
//!
//! Letters: a matrix of the hidden layer is (hidden, chains), a row for each unit; one of the visible layer is (chains, visible). Chains
//! have scales, the inverse temperatures β: 1 but for annealing and tempering.
//!
//! `softplus(x) = max(x, 0) + ln(1 + e^-|x|)`, and a sum of logarithms is the logarithm of a product: the factors lie in [1, 2], so
//! 64 of them can be multiplied before one logarithm is taken, in `f32` too. That leaves one exponential a term.

use crate::matrix::{MatrixView, MatrixViewMut};
use crate::scalar::{Scalar, Vectorised};
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;
use crate::simd::sigmoid::sigmoid;

type Register<S, T> = <T as Vectorised>::Register<S>;

/// Factors 1 + e^-|x| multiplied before their logarithm is taken: at most 2^64.
const FACTORS: usize = 64;

/// Lanes of the widest register.
const WIDEST: usize = 16;

/// The register of `source` from `start` on; past its end zeros.
#[inline(always)]
fn load<L: Lanes>(source: &[L::Element], start: usize, zero: L::Element) -> L {
    let part = &source[start..];
    if part.len() >= L::LANES { L::load(part) } else { L::load_partial(part, zero) }
}

/// Writes the lanes over `target` from `start` on, as far as it goes.
#[inline(always)]
fn store<L: Lanes>(value: L, target: &mut [L::Element], start: usize) {
    let part = &mut target[start..];
    if part.len() >= L::LANES { value.store(part) } else { value.store_partial(part) }
}

#[inline(always)]
fn activate_hidden_kernel<S: Simd, T: Scalar>(mut x: MatrixViewMut<'_, T>, bias: &[T], scales: &[T]) {
    for (unit, &bias) in bias.iter().enumerate() {
        let bias = Register::<S, T>::splat(bias);
        let row = x.row_mut(unit);
        for start in (0..row.len()).step_by(Register::<S, T>::LANES) {
            let scale = load::<Register<S, T>>(scales, start, T::ZERO);
            let value = sigmoid((load::<Register<S, T>>(row, start, T::ZERO) + bias) * scale);
            store(value, row, start);
        }
    }
}

dispatch! {
    /// `x[j, c] = sigmoid(scales[c] (x[j, c] + bias[j]))`, x: (units, chains).
    pub(super) fn activate_hidden<T: Scalar>(x: MatrixViewMut<'_, T>, bias: &[T], scales: &[T]) = activate_hidden_kernel
}

#[inline(always)]
fn draw_kernel<S: Simd, T: Scalar>(probabilities: &mut [T], uniforms: &[T]) {
    let (zero, one) = (Register::<S, T>::splat(T::ZERO), Register::<S, T>::splat(T::ONE));
    for start in (0..probabilities.len()).step_by(Register::<S, T>::LANES) {
        let p = load::<Register<S, T>>(probabilities, start, T::ZERO);
        let u = load::<Register<S, T>>(uniforms, start, T::ZERO);
        store(Register::<S, T>::select(u.lt(p), one, zero), probabilities, start);
    }
}

dispatch! {
    /// One where the uniform number lies below the probability, else zero, in its place. NaN gives zero.
    pub(super) fn draw<T: Scalar>(probabilities: &mut [T], uniforms: &[T]) = draw_kernel
}

/// `scale (x + bias) + (1 - scale) base`: the field on a visible unit, β of the way from the base distribution to the machine.
#[inline(always)]
fn field<L: Lanes>(x: L, bias: L, base: L, scale: L) -> L {
    (x + bias - base).mul_add(scale, base)
}

#[inline(always)]
fn visible_means_kernel<S: Simd, T: Scalar>(
    mut x: MatrixViewMut<'_, T>,
    bias: &[T],
    base: &[T],
    scales: &[T],
    gaussian: bool,
) {
    for (chain, &scale) in scales.iter().enumerate() {
        let scale = Register::<S, T>::splat(scale);
        let row = x.row_mut(chain);
        for start in (0..row.len()).step_by(Register::<S, T>::LANES) {
            let bias = load::<Register<S, T>>(bias, start, T::ZERO);
            let base = load::<Register<S, T>>(base, start, T::ZERO);
            let field = field(load::<Register<S, T>>(row, start, T::ZERO), bias, base, scale);
            store(if gaussian { field } else { sigmoid(field) }, row, start);
        }
    }
}

dispatch! {
    /// The mean of each visible unit given its field, x: (chains, visible).
    pub(super) fn visible_means<T: Scalar>(
        x: MatrixViewMut<'_, T>,
        bias: &[T],
        base: &[T],
        scales: &[T],
        gaussian: bool,
    ) = visible_means_kernel
}

#[inline(always)]
fn draw_binary_kernel<S: Simd, T: Scalar>(
    mut x: MatrixViewMut<'_, T>,
    bias: &[T],
    base: &[T],
    scales: &[T],
    uniforms: &[T],
) {
    let (zero, one) = (Register::<S, T>::splat(T::ZERO), Register::<S, T>::splat(T::ONE));
    let width = bias.len();
    for (chain, &scale) in scales.iter().enumerate() {
        let scale = Register::<S, T>::splat(scale);
        let row = x.row_mut(chain);
        let uniforms = &uniforms[chain * width..][..width];
        for start in (0..row.len()).step_by(Register::<S, T>::LANES) {
            let bias = load::<Register<S, T>>(bias, start, T::ZERO);
            let base = load::<Register<S, T>>(base, start, T::ZERO);
            let p = sigmoid(field(load::<Register<S, T>>(row, start, T::ZERO), bias, base, scale));
            let u = load::<Register<S, T>>(uniforms, start, T::ZERO);
            store(Register::<S, T>::select(u.lt(p), one, zero), row, start);
        }
    }
}

dispatch! {
    /// Bias, logistic function and draw of each visible unit in one pass, x: (chains, visible).
    pub(super) fn draw_binary<T: Scalar>(
        x: MatrixViewMut<'_, T>,
        bias: &[T],
        base: &[T],
        scales: &[T],
        uniforms: &[T],
    ) = draw_binary_kernel
}

#[inline(always)]
fn draw_gaussian_kernel<S: Simd, T: Scalar>(
    mut x: MatrixViewMut<'_, T>,
    bias: &[T],
    base: &[T],
    scales: &[T],
    normals: &[T],
    variances: &[T],
) {
    let width = bias.len();
    for (chain, &scale) in scales.iter().enumerate() {
        let scale = Register::<S, T>::splat(scale);
        let row = x.row_mut(chain);
        let normals = &normals[chain * width..][..width];
        for start in (0..row.len()).step_by(Register::<S, T>::LANES) {
            let bias = load::<Register<S, T>>(bias, start, T::ZERO);
            let base = load::<Register<S, T>>(base, start, T::ZERO);
            let mean = field(load::<Register<S, T>>(row, start, T::ZERO), bias, base, scale);
            let deviation = load::<Register<S, T>>(variances, start, T::ONE).sqrt();
            let noise = load::<Register<S, T>>(normals, start, T::ZERO);
            store(noise.mul_add(deviation, mean), row, start);
        }
    }
}

dispatch! {
    /// The normal draw of each visible unit, x: (chains, visible).
    pub(super) fn draw_gaussian<T: Scalar>(
        x: MatrixViewMut<'_, T>,
        bias: &[T],
        base: &[T],
        scales: &[T],
        normals: &[T],
        variances: &[T],
    ) = draw_gaussian_kernel
}

#[inline(always)]
fn softplus_columns_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    bias: &[T],
    scales: &[T],
    shifts: &[T],
    sign: f64,
    out: &mut [f64],
) {
    let lanes = Register::<S, T>::LANES;
    let (zero, one) = (Register::<S, T>::splat(T::ZERO), Register::<S, T>::splat(T::ONE));
    for start in (0..x.columns()).step_by(lanes) {
        let width = lanes.min(x.columns() - start);
        let scale = load::<Register<S, T>>(scales, start, T::ZERO);
        let shift = load::<Register<S, T>>(shifts, start, T::ZERO);
        for (block, bias) in bias.chunks(FACTORS).enumerate() {
            let (mut linear, mut product) = (zero, one);
            for (k, &bias) in bias.iter().enumerate() {
                let row = x.row(block * FACTORS + k);
                let value = load::<Register<S, T>>(row, start, T::ZERO) * scale;
                let value = shift.mul_add(Register::<S, T>::splat(bias), value);
                // The comparison is false for NaN and passes the second operand on.
                linear = linear + zero.max(value);
                product = product * (one + exp_flushed(-value.abs()));
            }
            let mut sums = [T::ZERO; WIDEST];
            (linear + ln(product)).store(&mut sums[..lanes]);
            for (out, sum) in out[start..].iter_mut().zip(&sums[..width]) {
                *out += sign * sum.to_f64();
            }
        }
    }
}

dispatch! {
    /// `out[c] += sign Σ_j softplus(scales[c] x[j, c] + shifts[c] bias[j])`, x: (units, chains).
    pub(super) fn softplus_columns<T: Scalar>(
        x: MatrixView<'_, T>,
        bias: &[T],
        scales: &[T],
        shifts: &[T],
        sign: f64,
        out: &mut [f64],
    ) = softplus_columns_kernel
}

#[inline(always)]
fn softplus_rows_kernel<S: Simd, T: Scalar>(
    table: MatrixView<'_, T>,
    shift: &[T],
    out: &mut [f64],
    mut means: Option<MatrixViewMut<'_, T>>,
) {
    let lanes = Register::<S, T>::LANES;
    let (zero, one) = (Register::<S, T>::splat(T::ZERO), Register::<S, T>::splat(T::ONE));
    for (state, out) in out.iter_mut().enumerate() {
        let row = table.row(state);
        let (mut linear, mut logarithm, mut product, mut factors) = (zero, zero, one, 0);
        for start in (0..row.len()).step_by(lanes) {
            // Past the end: softplus of a very negative number is zero.
            let x =
                load::<Register<S, T>>(row, start, -T::MAX) + load::<Register<S, T>>(shift, start, T::ZERO);
            let small = exp_flushed(-x.abs());
            let factor = one + small;
            linear = linear + zero.max(x);
            product = product * factor;
            factors += 1;
            if factors == FACTORS {
                logarithm = logarithm + ln(product);
                (product, factors) = (one, 0);
            }
            if let Some(means) = &mut means {
                let mean = Register::<S, T>::select(x.lt(zero), small, one) / factor;
                store(mean, means.row_mut(state), start);
            }
        }
        *out = (linear + (logarithm + ln(product))).reduce_sum().to_f64();
    }
}

dispatch! {
    /// `out[s] = Σ_i softplus(table[s, i] + shift[i])` and, where asked for, `means[s, i] = sigmoid(table[s, i] + shift[i])`.
    pub(super) fn softplus_rows<T: Scalar>(
        table: MatrixView<'_, T>,
        shift: &[T],
        out: &mut [f64],
        means: Option<MatrixViewMut<'_, T>>,
    ) = softplus_rows_kernel
}

#[inline(always)]
fn signed_row_sums_kernel<S: Simd, T: Scalar>(
    mut x: MatrixViewMut<'_, T>,
    positive: usize,
    factor: T,
    sums: &mut [T],
) {
    let lanes = Register::<S, T>::LANES;
    let factor = Register::<S, T>::splat(factor);
    for (unit, sum) in sums.iter_mut().enumerate() {
        let (first, second) = x.row_mut(unit).split_at_mut(positive);
        let mut total = Register::<S, T>::splat(T::ZERO);
        for start in (0..first.len()).step_by(lanes) {
            total = total + load::<Register<S, T>>(first, start, T::ZERO);
        }
        for start in (0..second.len()).step_by(lanes) {
            let value = load::<Register<S, T>>(second, start, T::ZERO) * factor;
            store(value, second, start);
            total = total + value;
        }
        *sum = total.reduce_sum();
    }
}

dispatch! {
    /// Multiplies the columns of `x` from `positive` on with `factor`, and gives the sum of each row, x: (units, chains).
    pub(super) fn signed_row_sums<T: Scalar>(
        x: MatrixViewMut<'_, T>,
        positive: usize,
        factor: T,
        sums: &mut [T],
    ) = signed_row_sums_kernel
}

#[inline(always)]
fn signed_column_sums_kernel<S: Simd, T: Scalar>(
    x: MatrixView<'_, T>,
    positive: usize,
    factor: T,
    sums: &mut [T],
) {
    let factor = Register::<S, T>::splat(factor);
    for start in (0..sums.len()).step_by(Register::<S, T>::LANES) {
        let mut first = Register::<S, T>::splat(T::ZERO);
        for row in 0..positive {
            first = first + load::<Register<S, T>>(x.row(row), start, T::ZERO);
        }
        let mut second = Register::<S, T>::splat(T::ZERO);
        for row in positive..x.rows() {
            second = second + load::<Register<S, T>>(x.row(row), start, T::ZERO);
        }
        store(second.mul_add(factor, first), sums, start);
    }
}

dispatch! {
    /// `sums[i] = Σ_c x[c, i] w_c` with weight 1 for the first `positive` rows and `factor` for the others, x: (chains, visible).
    pub(super) fn signed_column_sums<T: Scalar>(
        x: MatrixView<'_, T>,
        positive: usize,
        factor: T,
        sums: &mut [T],
    ) = signed_column_sums_kernel
}
