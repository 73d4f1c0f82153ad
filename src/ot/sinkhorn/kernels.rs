//! The kernels of the fused iteration: passes over a block of rows, over its row sums and over the columns.
//!
//! A block is (rows, m), row after row. It comes with costs and leaves with exponentials. Potentials are in units of ε, with
//! the target weights in v: exponents are uᵢ + vⱼ - Cᵢⱼ/ε.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use crate::scalar::{Scalar, Vectorised};
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::ln::ln;

type Register<S, A> = <A as Vectorised>::Register<S>;

/// Registers of partial sums that a loop keeps: enough to hide the latency of an addition.
const STRANDS: usize = 4;

/// The bounds that the exponent range of `A` sets, so that no product below overflows, becomes subnormal or NaN.
#[derive(Clone, Copy)]
pub(super) struct Limits<A> {
    /// Column sums are kept times this power of two, 2^63 or 2^511. A term of a column sum is the weight of a row times
    /// an exponential of at least 2^-126 (2^-1022) or zero: so scaled, it is a normal number for all weights above 2^-63
    /// (2^-511), and subnormal numbers, which some processors treat a hundred times slower, do not arise.
    pub scale: A,
    /// Row sums beyond this or below its inverse, 2^30 or 2^254, are taken afresh with a shift: for relaxations from 0
    /// to 2 the factor of a row is then at most 2^(63 + 60).
    pub largest_sum: A,
    /// What raises the potential of a column in which all exponentials vanished. It is 0.7 times the range of the
    /// exponential, so that none of them can pass one in one step.
    pub lift: A,
    /// Potentials stay within this: the sum of several is finite, so that no two infinities meet.
    pub largest_potential: A,
}

impl<A: Scalar> Limits<A> {
    pub(super) fn new() -> Self {
        let range = A::MAX_EXPONENT;
        Self {
            scale: A::from_f64((range / 2.0).floor().exp2()),
            largest_sum: A::from_f64(((range / 4.0).floor() - 1.0).exp2()),
            lift: A::from_f64(0.7 * std::f64::consts::LN_2 * range),
            largest_potential: A::from_f64(A::MAX.to_f64() / 64.0),
        }
    }

    /// Whether a row sum may be used as it is. NaN may not.
    pub(super) fn accept(&self, sum: A) -> bool {
        sum <= self.largest_sum && sum * self.largest_sum >= A::ONE
    }
}

/// `x` within ± `bound`; NaN becomes -`bound`.
#[inline(always)]
fn clamp<L: Lanes>(x: L, bound: L) -> L {
    x.max(-bound).min(bound)
}

/// One register from four, in a fixed order.
#[inline(always)]
fn total<L: Lanes>(strands: [L; STRANDS]) -> L::Element {
    ((strands[0] + strands[1]) + (strands[2] + strands[3])).reduce_sum()
}

#[inline(always)]
fn exponentials_kernel<S: Simd, A: Scalar>(
    block: &mut [A],
    u: &[A],
    v: &[A],
    inverse_epsilon: A,
    sums: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let columns = v.len();
    let slope = Register::<S, A>::splat(-inverse_epsilon);
    for (row, costs) in block.chunks_exact_mut(columns).enumerate() {
        let shift = Register::<S, A>::splat(u[row]);
        let mut strands = [Register::<S, A>::constant(0.0); STRANDS];
        let mut groups = costs.chunks_exact_mut(STRANDS * lanes);
        let mut potentials = v.chunks_exact(STRANDS * lanes);
        for (group, v) in (&mut groups).zip(&mut potentials) {
            for k in 0..STRANDS {
                let part = &mut group[k * lanes..];
                let x = Register::<S, A>::load(part).mul_add(slope, Register::<S, A>::load(&v[k * lanes..]));
                let e = exp_flushed(x + shift);
                e.store(part);
                strands[k] = strands[k] + e;
            }
        }
        let rest = groups.into_remainder().chunks_mut(lanes);
        for (part, v) in rest.zip(potentials.remainder().chunks(lanes)) {
            let v = Register::<S, A>::load_partial(v, -A::INFINITY);
            let e = exp_flushed(Register::<S, A>::load_partial(part, A::ZERO).mul_add(slope, v) + shift);
            e.store_partial(part);
            strands[0] = strands[0] + e;
        }
        sums[row] = total(strands);
    }
}

dispatch! {
    /// Costs become exp(uᵢ + vⱼ - Cᵢⱼ/ε), zero below the smallest normal number, and `sums` their row sums.
    ///
    /// With finite costs, u and v a sum is a number from zero to infinity.
    pub(super) fn exponentials<A: Scalar>(
        block: &mut [A],
        u: &[A],
        v: &[A],
        inverse_epsilon: A,
        sums: &mut [A],
    ) = exponentials_kernel
}

#[inline(always)]
fn shifted_exponentials_kernel<S: Simd, A: Scalar>(
    costs: &mut [A],
    v: &[A],
    inverse_epsilon: A,
    limits: Limits<A>,
) -> (A, A) {
    let lanes = Register::<S, A>::LANES;
    let slope = Register::<S, A>::splat(-inverse_epsilon);
    let bound = Register::<S, A>::splat(limits.largest_potential);
    let lowest = -limits.largest_potential;
    let mut strands = [Register::<S, A>::splat(lowest); STRANDS];
    let mut groups = costs.chunks_exact_mut(STRANDS * lanes);
    let mut potentials = v.chunks_exact(STRANDS * lanes);
    for (group, v) in (&mut groups).zip(&mut potentials) {
        for k in 0..STRANDS {
            let part = &mut group[k * lanes..];
            let v = Register::<S, A>::load(&v[k * lanes..]);
            let x = clamp(Register::<S, A>::load(part).mul_add(slope, v), bound);
            x.store(part);
            strands[k] = strands[k].max(x);
        }
    }
    let rest = groups.into_remainder().chunks_mut(lanes);
    for (part, v) in rest.zip(potentials.remainder().chunks(lanes)) {
        let v = Register::<S, A>::load_partial(v, lowest);
        let x = clamp(Register::<S, A>::load_partial(part, A::ZERO).mul_add(slope, v), bound);
        x.store_partial(part);
        strands[0] = strands[0].max(x);
    }
    let largest = strands[0].max(strands[1]).max(strands[2].max(strands[3])).reduce_max();

    let shift = Register::<S, A>::splat(largest);
    let mut strands = [Register::<S, A>::constant(0.0); STRANDS];
    let mut groups = costs.chunks_exact_mut(STRANDS * lanes);
    for group in &mut groups {
        for k in 0..STRANDS {
            let part = &mut group[k * lanes..];
            let e = exp_flushed(Register::<S, A>::load(part) - shift);
            e.store(part);
            strands[k] = strands[k] + e;
        }
    }
    for part in groups.into_remainder().chunks_mut(lanes) {
        let e = exp_flushed(Register::<S, A>::load_partial(part, -A::INFINITY) - shift);
        e.store_partial(part);
        strands[0] = strands[0] + e;
    }
    (largest, total(strands))
}

dispatch! {
    /// For one row: its largest exponent x = max vⱼ - Cᵢⱼ/ε and Σ exp(vⱼ - Cᵢⱼ/ε - x), from one to m, whatever the costs
    /// and v are. The costs become those exponentials. Exponents beyond `largest_potential` count as that.
    pub(super) fn shifted_exponentials<A: Scalar>(
        costs: &mut [A],
        v: &[A],
        inverse_epsilon: A,
        limits: Limits<A>,
    ) -> (A, A) = shifted_exponentials_kernel
}

#[inline(always)]
fn update_rows_kernel<S: Simd, A: Scalar>(
    sums: &[A],
    weights: &[A],
    relaxation: A,
    limits: Limits<A>,
    u: &mut [A],
    factors: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let omega = Register::<S, A>::splat(relaxation);
    let scale = Register::<S, A>::splat(limits.scale);
    let bound = Register::<S, A>::splat(limits.largest_potential);
    for start in (0..sums.len()).step_by(lanes) {
        let end = (start + lanes).min(sums.len());
        let sum = Register::<S, A>::load_partial(&sums[start..end], A::ONE);
        let weight = Register::<S, A>::load_partial(&weights[start..end], A::ZERO) * scale;
        let potential = Register::<S, A>::load_partial(&u[start..end], A::ZERO);
        let step = omega * ln(sum);
        clamp(potential - step, bound).store_partial(&mut u[start..end]);
        // The quotient is exact to a rounding; e^(-ln s) is so to a few units times |ln s|.
        let factor = if relaxation == A::ONE { weight / sum } else { weight * exp_flushed(-step) };
        factor.store_partial(&mut factors[start..end]);
    }
}

dispatch! {
    /// uᵢ -= ω ln sᵢ, and the factors that make the exponentials rows of the new plan: `scale` aᵢ sᵢ^-ω.
    ///
    /// Right where `limits` accept the row sum; else u stays finite and the factor has no meaning.
    pub(super) fn update_rows<A: Scalar>(
        sums: &[A],
        weights: &[A],
        relaxation: A,
        limits: Limits<A>,
        u: &mut [A],
        factors: &mut [A],
    ) = update_rows_kernel
}

/// `columns[j] += Σ factors[k] rows[k, j]` over the `ROWS` rows of `block`, in their order.
#[inline(always)]
fn add_some_rows<S: Simd, A: Scalar, const ROWS: usize>(block: &[A], factors: &[A], columns: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    let length = columns.len();
    let mut rows = [&block[..0]; ROWS];
    let mut factor = [Register::<S, A>::constant(0.0); ROWS];
    for k in 0..ROWS {
        rows[k] = &block[k * length..][..length];
        factor[k] = Register::<S, A>::splat(factors[k]);
    }
    let mut start = 0;
    while start + lanes <= length {
        let mut sum = Register::<S, A>::load(&columns[start..]);
        for k in 0..ROWS {
            sum = Register::<S, A>::load(&rows[k][start..]).mul_add(factor[k], sum);
        }
        sum.store(&mut columns[start..]);
        start += lanes;
    }
    if start < length {
        let mut sum = Register::<S, A>::load_partial(&columns[start..], A::ZERO);
        for k in 0..ROWS {
            sum = Register::<S, A>::load_partial(&rows[k][start..], A::ZERO).mul_add(factor[k], sum);
        }
        sum.store_partial(&mut columns[start..]);
    }
}

#[inline(always)]
fn add_rows_kernel<S: Simd, A: Scalar>(block: &[A], factors: &[A], columns: &mut [A]) {
    let length = columns.len();
    let mut row = 0;
    while row + 8 <= factors.len() {
        add_some_rows::<S, A, 8>(&block[row * length..], &factors[row..], columns);
        row += 8;
    }
    while row + 4 <= factors.len() {
        add_some_rows::<S, A, 4>(&block[row * length..], &factors[row..], columns);
        row += 4;
    }
    while row < factors.len() {
        add_some_rows::<S, A, 1>(&block[row * length..], &factors[row..], columns);
        row += 1;
    }
}

dispatch! {
    /// `columns[j] += Σ factors[k] block[k, j]`, row after row: the columns are read and written once for eight rows.
    pub(super) fn add_rows<A: Scalar>(block: &[A], factors: &[A], columns: &mut [A]) = add_rows_kernel
}

#[inline(always)]
fn update_columns_kernel<S: Simd, A: Scalar>(
    columns: &[A],
    weights: &[A],
    relaxation: A,
    limits: Limits<A>,
    v: &mut [A],
) -> A {
    let lanes = Register::<S, A>::LANES;
    let omega = Register::<S, A>::splat(relaxation);
    let scale = Register::<S, A>::splat(limits.scale);
    let unscale = Register::<S, A>::splat(A::ONE / limits.scale);
    let bound = Register::<S, A>::splat(limits.largest_potential);
    let lift = Register::<S, A>::splat(limits.lift);
    let smallest = Register::<S, A>::splat(A::MIN_POSITIVE);
    let mut residual = Register::<S, A>::constant(0.0);
    for start in (0..v.len()).step_by(lanes) {
        let end = (start + lanes).min(v.len());
        // Lanes beyond the end: one over one.
        let weight = Register::<S, A>::load_partial(&weights[start..end], A::ONE) * scale;
        let column = Register::<S, A>::load_partial(&columns[start..end], limits.scale);
        let potential = Register::<S, A>::load_partial(&v[start..end], A::ZERO);
        let ratio = column / weight;
        let step = Register::<S, A>::select(ratio.lt(smallest), -lift, omega * ln(ratio));
        clamp(potential - step, bound).store_partial(&mut v[start..end]);
        residual = residual + ((column - weight) * unscale).abs();
    }
    residual.reduce_sum()
}

dispatch! {
    /// vⱼ -= ω ln(qⱼ / bⱼ) for the column sums q, given times `scale`, and the residual Σ |qⱼ - bⱼ|.
    ///
    /// A column of which nothing is seen is lifted by `lift` instead.
    pub(super) fn update_columns<A: Scalar>(
        columns: &[A],
        weights: &[A],
        relaxation: A,
        limits: Limits<A>,
        v: &mut [A],
    ) -> A = update_columns_kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::test_at_every_level;

    /// Numbers between -1 and 1, the same for each call.
    fn numbers<A: Scalar>(count: usize, seed: u64) -> Vec<A> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        };
        (0..count).map(|_| A::from_f64(next())).collect()
    }

    fn close<A: Scalar>(got: A, expected: f64, relative: f64) -> bool {
        (got.to_f64() - expected).abs() <= relative * A::EPSILON.to_f64() * expected.abs()
    }

    /// Rows and their sums against plain loops in `f64`, for lengths through several registers and tails.
    fn rows<S: Simd, A: Scalar>() {
        let limits = Limits::<A>::new();
        for columns in (1..40).chain([64, 65, 127]) {
            for count in [1, 3, 8] {
                let costs = numbers::<A>(count * columns, 1);
                let (u, v) = (numbers::<A>(count, 2), numbers::<A>(columns, 3));
                let inverse_epsilon = A::from_f64(4.0);
                let mut block = costs.clone();
                let mut sums = vec![A::NAN; count];
                exponentials_kernel::<S, A>(&mut block, &u, &v, inverse_epsilon, &mut sums);
                for row in 0..count {
                    let mut expected_sum = 0.0;
                    let mut largest = f64::NEG_INFINITY;
                    let at =
                        |column: usize| v[column].to_f64() - 4.0 * costs[row * columns + column].to_f64();
                    for column in 0..columns {
                        let expected = (u[row].to_f64() + at(column)).exp();
                        // Exponents of at most 6, rounded twice or three times, and 2 units of the exponential.
                        assert!(close(block[row * columns + column], expected, 22.0), "{columns} {column}");
                        expected_sum += expected;
                        largest = largest.max(at(column));
                    }
                    // A sum adds at most a rounding for each of its terms in a lane.
                    assert!(close(sums[row], expected_sum, 22.0 + columns as f64), "{columns}");
                    let mut shifted = costs[row * columns..][..columns].to_vec();
                    let (got, sum) =
                        shifted_exponentials_kernel::<S, A>(&mut shifted, &v, inverse_epsilon, limits);
                    assert!((got.to_f64() - largest).abs() <= 10.0 * A::EPSILON.to_f64());
                    let expected = expected_sum / (u[row].to_f64() + largest).exp();
                    assert!(close(sum, expected, 42.0 + columns as f64), "{columns}: {sum} {expected}");
                    assert!(shifted.iter().all(|&e| e <= A::ONE) && shifted.contains(&A::ONE));
                }
            }
        }
    }

    fn columns<S: Simd, A: Scalar>() {
        let limits = Limits::<A>::new();
        for length in (1..40).chain([100]) {
            for count in [0, 1, 3, 4, 7, 8, 9, 13, 21] {
                let block = numbers::<A>(count * length, 1);
                let factors = numbers::<A>(count, 2);
                let mut sums = numbers::<A>(length, 3);
                let before = sums.clone();
                add_rows_kernel::<S, A>(&block, &factors, &mut sums);
                for column in 0..length {
                    let mut expected = before[column].to_f64();
                    for row in 0..count {
                        expected += factors[row].to_f64() * block[row * length + column].to_f64();
                    }
                    let error = (sums[column].to_f64() - expected).abs();
                    assert!(error <= (count * count) as f64 * A::EPSILON.to_f64(), "{count} {length}");
                }
            }
            let positive = |seed| -> Vec<A> {
                numbers::<A>(length, seed).iter().map(|x| x.abs() + A::from_f64(0.01)).collect()
            };
            let (sums, weights) = (positive(4), positive(5));
            let scaled: Vec<A> = sums.iter().map(|&sum| sum * limits.scale).collect();
            let before = numbers::<A>(length, 6);
            let mut v = before.clone();
            let omega = A::from_f64(1.5);
            let residual = update_columns_kernel::<S, A>(&scaled, &weights, omega, limits, &mut v);
            let mut expected_residual = 0.0;
            for column in 0..length {
                let (sum, weight) = (sums[column].to_f64(), weights[column].to_f64());
                expected_residual += (sum - weight).abs();
                let expected = before[column].to_f64() - 1.5 * (sum / weight).ln();
                // Of numbers below 8: the quotient, two units of the logarithm, a product and a difference.
                assert!((v[column].to_f64() - expected).abs() <= 40.0 * A::EPSILON.to_f64());
            }
            let error = (residual.to_f64() - expected_residual).abs();
            assert!(error <= length as f64 * 4.0 * A::EPSILON.to_f64());
        }
    }

    /// Factors are `scale` a s^-ω to the ends of what the limits accept, and never infinite there.
    fn row_sums<S: Simd, A: Scalar>() {
        let limits = Limits::<A>::new();
        let largest = limits.largest_sum.to_f64();
        for relaxation in [1.0, 0.5, 1.5, 2.0] {
            for exponent in [-1.0, -0.7, -0.1, 0.0, 0.3, 1.0] {
                let sum = A::from_f64(largest.powf(exponent));
                assert!(limits.accept(sum));
                for count in [1, 5, 8] {
                    let (mut u, mut factors) = (vec![A::ONE; count], vec![A::NAN; count]);
                    let weights = vec![A::ONE; count];
                    let omega = A::from_f64(relaxation);
                    update_rows_kernel::<S, A>(
                        &vec![sum; count],
                        &weights,
                        omega,
                        limits,
                        &mut u,
                        &mut factors,
                    );
                    let step = relaxation * sum.to_f64().ln();
                    for k in 0..count {
                        let expected = limits.scale.to_f64() * (-step).exp();
                        assert!(
                            factors[k].is_finite() && close(factors[k], expected, 8.0 + 4.0 * step.abs())
                        );
                        let error = (u[k].to_f64() - (1.0 - step)).abs();
                        assert!(error <= 4.0 * A::EPSILON.to_f64() * (1.0 + step.abs()));
                    }
                }
            }
        }
        for refused in [A::ZERO, A::MIN_POSITIVE, A::MAX, A::INFINITY, A::NAN] {
            assert!(!limits.accept(refused));
        }
    }

    test_at_every_level! {
        rows_agree_with_plain_loops_f32 = rows::<f32>;
        rows_agree_with_plain_loops_f64 = rows::<f64>;
        columns_agree_with_plain_loops_f32 = columns::<f32>;
        columns_agree_with_plain_loops_f64 = columns::<f64>;
        factors_are_right_at_the_limits_f32 = row_sums::<f32>;
        factors_are_right_at_the_limits_f64 = row_sums::<f64>;
    }
}
