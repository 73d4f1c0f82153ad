//! The kernels of a small dense problem: costs, the half-steps in the log domain, the fused pass in the scaling domain, and the plan.
//!
//! Letters: n sources, m targets, d coordinates. Rows of costs, kernel and plan are `stride` numbers long, m filled up to a multiple of
//! [`PADDING`], so that no register is partial. Potentials f and g are exponents of 2, and `slope` is 1/(ε ln 2):
//!
//! ```text
//! K = 2^(f + g - slope C),   P = aᵢ Kᵢⱼ bⱼ
//! ```

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use crate::scalar::{Scalar, Vectorised};
use crate::simd::dispatch;
use crate::simd::elementary::Elementary;
use crate::simd::exp::{Lift, exp2_lifted};
use crate::simd::lanes::{Lanes, Mask, Simd};
use crate::simd::ln::ln;

type Register<S, A> = <A as Vectorised>::Register<S>;

/// Rows are filled up to a multiple of this: a register of the widest level.
pub(super) const PADDING: usize = 16;

/// Rows side by side in a pass: their products hide one another's latency, and AVX2 has registers for them.
const ROWS: usize = 8;

/// Registers of columns side by side.
const GROUP: usize = 4;

#[inline(always)]
fn costs_tile<S: Simd, A: Scalar, const H: usize, const W: usize>(
    points: &[A],
    coordinates: &[A],
    stride: usize,
    start: usize,
    costs: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let dimension = points.len() / H;
    let mut sums = [[Register::<S, A>::constant(0.0); W]; H];
    for k in 0..dimension {
        let y = &coordinates[k * stride + start..][..W * lanes];
        let mut x = [Register::<S, A>::constant(0.0); H];
        for h in 0..H {
            x[h] = Register::<S, A>::splat(points[h * dimension + k]);
        }
        for w in 0..W {
            let y = Register::<S, A>::load(&y[w * lanes..]);
            for h in 0..H {
                let difference = x[h] - y;
                sums[h][w] = difference.mul_add(difference, sums[h][w]);
            }
        }
    }
    for h in 0..H {
        for w in 0..W {
            sums[h][w].store(&mut costs[h * stride + start + w * lanes..]);
        }
    }
}

#[inline(always)]
fn squared_distances_kernel<S: Simd, A: Scalar>(
    points: &[A],
    coordinates: &[A],
    dimension: usize,
    stride: usize,
    costs: &mut [A],
) -> A {
    let lanes = Register::<S, A>::LANES;
    let pairs = points.chunks(2 * dimension).zip(costs.chunks_mut(2 * stride));
    for (points, costs) in pairs {
        let mut start = 0;
        if costs.len() == 2 * stride {
            while start + GROUP * lanes <= stride {
                costs_tile::<S, A, 2, GROUP>(points, coordinates, stride, start, costs);
                start += GROUP * lanes;
            }
            while start < stride {
                costs_tile::<S, A, 2, 1>(points, coordinates, stride, start, costs);
                start += lanes;
            }
        } else {
            while start < stride {
                costs_tile::<S, A, 1, 1>(points, coordinates, stride, start, costs);
                start += lanes;
            }
        }
    }
    let mut largest = Register::<S, A>::constant(0.0);
    for part in costs.chunks_exact(lanes) {
        largest = largest.max(Register::<S, A>::load(part));
    }
    largest.reduce_max()
}

dispatch! {
    /// Cᵢⱼ = |xᵢ - yⱼ|² by differences, for points (n, d) and coordinates (d, stride); the largest of them. 2 n m d instructions over the
    /// lanes: for the sizes of mini-batches no slower than a matrix product, and without its cancellation.
    pub(super) fn squared_distances<A: Scalar>(
        points: &[A],
        coordinates: &[A],
        dimension: usize,
        stride: usize,
        costs: &mut [A],
    ) -> A = squared_distances_kernel
}

/// 2^x of a register, at most 2.5 units in the last place off; zero below about the smallest normal number.
#[inline(always)]
fn power<L: Lanes>(x: L) -> L {
    exp2_lifted([-x], Lift::new(L::Element::rounded_from(0.0)))[0]
}

#[inline(always)]
fn source_half_kernel<S: Simd, A: Scalar>(
    costs: &[A],
    g: &[A],
    slope: A,
    logarithm: A,
    scratch: &mut [A],
    f: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let factor = Register::<S, A>::splat(-slope);
    for (row, f) in costs.chunks_exact(stride).zip(f.iter_mut()) {
        let mut largest = Register::<S, A>::splat(-A::MAX);
        for start in (0..stride).step_by(lanes) {
            let x =
                Register::<S, A>::load(&row[start..]).mul_add(factor, Register::<S, A>::load(&g[start..]));
            x.store(&mut scratch[start..]);
            largest = largest.max(x);
        }
        let largest = largest.reduce_max();
        let shift = Register::<S, A>::splat(largest);
        let mut sum = Register::<S, A>::constant(0.0);
        for start in (0..stride).step_by(lanes) {
            sum = sum + power(Register::<S, A>::load(&scratch[start..]) - shift);
        }
        let sum = Register::<S, A>::splat(sum.reduce_sum());
        let mut value = [A::ZERO; PADDING];
        (ln(sum) * Register::<S, A>::constant(std::f64::consts::LOG2_E)).store(&mut value);
        *f = logarithm - largest - value[0];
    }
}

dispatch! {
    /// fᵢ = `logarithm` - log₂ Σⱼ 2^(gⱼ - slope Cᵢⱼ), shifted by the largest exponent. Columns beyond m have a g so low that their terms vanish.
    pub(super) fn source_half<A: Scalar>(
        costs: &[A],
        g: &[A],
        slope: A,
        logarithm: A,
        scratch: &mut [A],
        f: &mut [A],
    ) = source_half_kernel
}

#[inline(always)]
fn target_half_kernel<S: Simd, A: Scalar>(costs: &[A], f: &[A], slope: A, logarithm: A, g: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let factor = Register::<S, A>::splat(-slope);
    for start in (0..stride).step_by(lanes) {
        let mut largest = Register::<S, A>::splat(-A::MAX);
        for (row, &f) in costs.chunks_exact(stride).zip(f) {
            let x = Register::<S, A>::load(&row[start..]).mul_add(factor, Register::<S, A>::splat(f));
            largest = largest.max(x);
        }
        let mut sum = Register::<S, A>::constant(0.0);
        for (row, &f) in costs.chunks_exact(stride).zip(f) {
            let x = Register::<S, A>::load(&row[start..]).mul_add(factor, Register::<S, A>::splat(f));
            sum = sum + power(x - largest);
        }
        let log2_sum = ln(sum) * Register::<S, A>::constant(std::f64::consts::LOG2_E);
        (Register::<S, A>::splat(logarithm) - largest - log2_sum).store(&mut g[start..]);
    }
}

dispatch! {
    /// gⱼ = `logarithm` - log₂ Σᵢ 2^(fᵢ - slope Cᵢⱼ), shifted by the largest exponent of each column.
    pub(super) fn target_half<A: Scalar>(
        costs: &[A],
        f: &[A],
        slope: A,
        logarithm: A,
        g: &mut [A],
    ) = target_half_kernel
}

#[inline(always)]
fn exponentials_kernel<S: Simd, A: Scalar>(costs: &[A], f: &[A], g: &[A], slope: A, kernel: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let slope = Register::<S, A>::splat(slope);
    let lift = Lift::<Register<S, A>>::new(A::ZERO);
    let rows = costs.chunks_exact(stride).zip(kernel.chunks_exact_mut(stride));
    for ((costs, kernel), &f) in rows.zip(f) {
        let f = Register::<S, A>::splat(f);
        let mut start = 0;
        while start + GROUP * lanes <= stride {
            let mut x = [f; GROUP];
            for k in 0..GROUP {
                let place = start + k * lanes;
                let sum = f + Register::<S, A>::load(&g[place..]);
                x[k] = Register::<S, A>::load(&costs[place..]).mul_add(slope, -sum);
            }
            x = exp2_lifted(x, lift);
            for k in 0..GROUP {
                x[k].store(&mut kernel[start + k * lanes..]);
            }
            start += GROUP * lanes;
        }
        while start < stride {
            let sum = f + Register::<S, A>::load(&g[start..]);
            let x = Register::<S, A>::load(&costs[start..]).mul_add(slope, -sum);
            exp2_lifted([x], lift)[0].store(&mut kernel[start..]);
            start += lanes;
        }
    }
}

dispatch! {
    /// Kᵢⱼ = 2^(fᵢ + gⱼ - slope Cᵢⱼ), zero below about the smallest normal number.
    pub(super) fn exponentials<A: Scalar>(
        costs: &[A],
        f: &[A],
        g: &[A],
        slope: A,
        kernel: &mut [A],
    ) = exponentials_kernel
}

/// Σⱼ Kᵢⱼ zⱼ of `H` rows.
#[inline(always)]
fn row_products<S: Simd, A: Scalar, const H: usize>(rows: &[A], z: &[A]) -> [A; H] {
    let lanes = Register::<S, A>::LANES;
    let stride = z.len();
    let mut row = [&rows[..0]; H];
    for h in 0..H {
        row[h] = &rows[h * stride..][..stride];
    }
    let mut sums = [Register::<S, A>::constant(0.0); H];
    let mut start = 0;
    // Written so that the compiler sees that no register reaches beyond the slices.
    while start + lanes <= stride {
        let z = Register::<S, A>::load(&z[start..]);
        for h in 0..H {
            sums[h] = Register::<S, A>::load(&row[h][start..]).mul_add(z, sums[h]);
        }
        start += lanes;
    }
    let mut out = [A::ZERO; H];
    for h in 0..H {
        out[h] = sums[h].reduce_sum();
    }
    out
}

/// `columns[j] += Σ factors[h] K[h, j]` over `H` rows.
#[inline(always)]
fn add_rows<S: Simd, A: Scalar, const H: usize>(rows: &[A], factors: [A; H], columns: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    let stride = columns.len();
    let mut factor = [Register::<S, A>::constant(0.0); H];
    let mut row = [&rows[..0]; H];
    for h in 0..H {
        factor[h] = Register::<S, A>::splat(factors[h]);
        row[h] = &rows[h * stride..][..stride];
    }
    let mut start = 0;
    while start + lanes <= stride {
        let mut sum = Register::<S, A>::load(&columns[start..]);
        for h in 0..H {
            sum = Register::<S, A>::load(&row[h][start..]).mul_add(factor[h], sum);
        }
        sum.store(&mut columns[start..]);
        start += lanes;
    }
}

/// The scalings of the iteration before, and of the new one.
pub(super) struct Scalings<'a, A> {
    /// a of the iteration before: (n).
    pub a_before: &'a [A],
    /// b of the iteration before: (stride).
    pub b_before: &'a [A],
    /// a of the new one: (n).
    pub a: &'a mut [A],
    /// b of the new one: (stride).
    pub b: &'a mut [A],
}

#[inline(always)]
fn scaling_rows<S: Simd, A: Scalar, const H: usize>(
    kernel: &[A],
    row: usize,
    weight: A,
    scalings: &mut Scalings<'_, A>,
) -> A {
    let stride = scalings.b.len();
    let rows = &kernel[row * stride..][..H * stride];
    let sums = row_products::<S, A, H>(rows, scalings.b_before);
    let mut factors = sums;
    let mut residual = A::ZERO;
    for h in 0..H {
        residual += (scalings.a_before[row + h] * sums[h] - weight).abs();
        factors[h] = weight / sums[h];
        scalings.a[row + h] = factors[h];
    }
    add_rows::<S, A, H>(rows, factors, scalings.b);
    residual
}

#[inline(always)]
fn scaling_pass_kernel<S: Simd, A: Scalar>(
    kernel: &[A],
    m: usize,
    weights: (A, A),
    range: (A, A),
    mut scalings: Scalings<'_, A>,
) -> (A, bool) {
    let lanes = Register::<S, A>::LANES;
    let n = scalings.a.len();
    scalings.b[..m].fill(A::ZERO);
    // The kernel is zero there: these stay as they are, and give a scaling at the upper end of the range.
    scalings.b[m..].fill(weights.1 / range.1);
    let mut residual = A::ZERO;
    let mut row = 0;
    while row + ROWS <= n {
        residual += scaling_rows::<S, A, ROWS>(kernel, row, weights.0, &mut scalings);
        row += ROWS;
    }
    while row < n {
        residual += scaling_rows::<S, A, 1>(kernel, row, weights.0, &mut scalings);
        row += 1;
    }
    let (low, high) = (Register::<S, A>::splat(range.0), Register::<S, A>::splat(range.1));
    let weight = Register::<S, A>::splat(weights.1);
    let mut all = low.le(high);
    for start in (0..scalings.b.len()).step_by(lanes) {
        let b = weight / Register::<S, A>::load(&scalings.b[start..]);
        b.store(&mut scalings.b[start..]);
        all = all & low.le(b) & b.le(high);
    }
    let mut inside = all.all();
    for &a in &*scalings.a {
        inside &= range.0 <= a && a <= range.1;
    }
    (residual, inside)
}

dispatch! {
    /// One iteration in the scaling domain: aᵢ = μ/(K b)ᵢ, then bⱼ = ν/(Kᵀ a)ⱼ, with each row of K read once while it is hot. `weights` are μ and ν.
    ///
    /// Gives Σ |a (K b)ᵢ - μ| for the a and b *before* it, and whether all new scalings lie in `range`; NaN does not.
    pub(super) fn scaling_pass<A: Scalar>(
        kernel: &[A],
        m: usize,
        weights: (A, A),
        range: (A, A),
        scalings: Scalings<'_, A>,
    ) -> (A, bool) = scaling_pass_kernel
}

/// What carries cotangents back through one iteration in the scaling domain.
pub(super) struct Cotangents<'a, A> {
    /// a of the iteration: (n).
    pub a: &'a [A],
    /// z = b v̄/ν: (stride).
    pub z: &'a [A],
    /// ū, read and, with what comes through v, left behind: (n).
    pub du: &'a mut [A],
    /// `unscale` w with w = a ū/μ: (n).
    pub w: &'a mut [A],
    /// Kᵀ w: (stride).
    pub columns: &'a mut [A],
    /// What makes a plan of a K b.
    pub unscale: A,
}

#[inline(always)]
fn cotangent_rows<S: Simd, A: Scalar, const H: usize>(
    kernel: &[A],
    row: usize,
    inverse_weight: A,
    pass: &mut Cotangents<'_, A>,
) {
    let stride = pass.z.len();
    let rows = &kernel[row * stride..][..H * stride];
    let mut factors = row_products::<S, A, H>(rows, pass.z);
    for h in 0..H {
        let a = pass.a[row + h];
        let du = pass.du[row + h] - a * pass.unscale * factors[h];
        pass.du[row + h] = du;
        factors[h] = a * du * inverse_weight;
        pass.w[row + h] = factors[h] * pass.unscale;
    }
    add_rows::<S, A, H>(rows, factors, pass.columns);
}

#[inline(always)]
fn cotangent_pass_kernel<S: Simd, A: Scalar>(kernel: &[A], inverse_weight: A, mut pass: Cotangents<'_, A>) {
    let n = pass.a.len();
    pass.columns.fill(A::ZERO);
    let mut row = 0;
    while row + ROWS <= n {
        cotangent_rows::<S, A, ROWS>(kernel, row, inverse_weight, &mut pass);
        row += ROWS;
    }
    while row < n {
        cotangent_rows::<S, A, 1>(kernel, row, inverse_weight, &mut pass);
        row += 1;
    }
}

dispatch! {
    /// The way back through an iteration: ūᵢ -= `unscale` aᵢ (K z)ᵢ, w = a ū/μ, and the column sums Kᵀ w, with each row of K read once.
    pub(super) fn cotangent_pass<A: Scalar>(
        kernel: &[A],
        inverse_weight: A,
        pass: Cotangents<'_, A>,
    ) = cotangent_pass_kernel
}

#[inline(always)]
fn add_exponentials_kernel<S: Simd, A: Scalar>(
    costs: &[A],
    f: &[A],
    g: &[A],
    slope: A,
    w: &[A],
    dcosts: &mut [A],
    columns: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = g.len();
    let slope = Register::<S, A>::splat(-slope);
    columns.fill(A::ZERO);
    let rows = costs.chunks_exact(stride).zip(dcosts.chunks_exact_mut(stride));
    for ((costs, dcosts), (&f, &w)) in rows.zip(f.iter().zip(w)) {
        let (f, w) = (Register::<S, A>::splat(f), Register::<S, A>::splat(w));
        for start in (0..stride).step_by(lanes) {
            let sum = f + Register::<S, A>::load(&g[start..]);
            let term = power(Register::<S, A>::load(&costs[start..]).mul_add(slope, sum)) * w;
            (Register::<S, A>::load(&dcosts[start..]) + term).store(&mut dcosts[start..]);
            (Register::<S, A>::load(&columns[start..]) + term).store(&mut columns[start..]);
        }
    }
}

dispatch! {
    /// `dcosts += 2^(f + g - slope C) wᵢ`, and the column sums of what was added.
    pub(super) fn add_exponentials<A: Scalar>(
        costs: &[A],
        f: &[A],
        g: &[A],
        slope: A,
        w: &[A],
        dcosts: &mut [A],
        columns: &mut [A],
    ) = add_exponentials_kernel
}

#[inline(always)]
fn add_products_kernel<S: Simd, A: Scalar>(kernel: &[A], factors: &[A], dcosts: &mut [A]) {
    let lanes = Register::<S, A>::LANES;
    for start in (0..dcosts.len()).step_by(lanes) {
        let product = Register::<S, A>::load(&kernel[start..]);
        let sum = product
            .mul_add(Register::<S, A>::load(&factors[start..]), Register::<S, A>::load(&dcosts[start..]));
        sum.store(&mut dcosts[start..]);
    }
}

dispatch! {
    /// `dcosts += K ∘ factors`, entry by entry.
    pub(super) fn add_products<A: Scalar>(kernel: &[A], factors: &[A], dcosts: &mut [A]) = add_products_kernel
}

#[inline(always)]
fn plan_kernel<S: Simd, A: Scalar>(
    kernel: &[A],
    costs: &[A],
    a: &[A],
    b: &[A],
    unscale: A,
    plan: &mut [A],
    rows: &mut [A],
    columns: &mut [A],
) -> f64 {
    let lanes = Register::<S, A>::LANES;
    let stride = b.len();
    let unscale = Register::<S, A>::splat(unscale);
    columns.fill(A::ZERO);
    let mut total = 0.0;
    for (row, plan) in plan.chunks_exact_mut(stride).enumerate() {
        let kernel = &kernel[row * stride..][..stride];
        let costs = &costs[row * stride..][..stride];
        let a = Register::<S, A>::splat(a[row]);
        let mut sum = Register::<S, A>::constant(0.0);
        let mut cost = Register::<S, A>::constant(0.0);
        for start in (0..stride).step_by(lanes) {
            let b = Register::<S, A>::load(&b[start..]) * unscale;
            let p = a * Register::<S, A>::load(&kernel[start..]) * b;
            p.store(&mut plan[start..]);
            sum = sum + p;
            cost = p.mul_add(Register::<S, A>::load(&costs[start..]), cost);
            (Register::<S, A>::load(&columns[start..]) + p).store(&mut columns[start..]);
        }
        rows[row] = sum.reduce_sum();
        total += cost.reduce_sum().to_f64();
    }
    total
}

dispatch! {
    /// P = `unscale` a K b, its sums over rows (n) and columns (stride), and <C, P>.
    pub(super) fn plan<A: Scalar>(
        kernel: &[A],
        costs: &[A],
        a: &[A],
        b: &[A],
        unscale: A,
        plan: &mut [A],
        rows: &mut [A],
        columns: &mut [A],
    ) -> f64 = plan_kernel
}

/// What a cotangent of the plan is made of, for all pairs: Hᵢⱼ = rowᵢ + columnⱼ + factor Cᵢⱼ.
pub(super) struct Cotangent<'a, A> {
    /// (n)
    pub rows: &'a [A],
    /// (stride), finite beyond m.
    pub columns: &'a [A],
    pub factor: A,
}

#[inline(always)]
fn weigh_kernel<S: Simd, A: Scalar>(
    plan: &[A],
    costs: &[A],
    cotangent: Cotangent<'_, A>,
    dcosts: &mut [A],
    rows: &mut [A],
    columns: &mut [A],
) {
    let lanes = Register::<S, A>::LANES;
    let stride = columns.len();
    let factor = Register::<S, A>::splat(cotangent.factor);
    columns.fill(A::ZERO);
    for (row, dcosts) in dcosts.chunks_exact_mut(stride).enumerate() {
        let plan = &plan[row * stride..][..stride];
        let costs = &costs[row * stride..][..stride];
        let constant = Register::<S, A>::splat(cotangent.rows[row]);
        let mut sum = Register::<S, A>::constant(0.0);
        for start in (0..stride).step_by(lanes) {
            let p = Register::<S, A>::load(&plan[start..]);
            let column = Register::<S, A>::load(&cotangent.columns[start..]);
            let h = Register::<S, A>::load(&costs[start..]).mul_add(factor, constant + column);
            let term = p * h;
            (p - term).store(&mut dcosts[start..]);
            sum = sum + term;
            (Register::<S, A>::load(&columns[start..]) + term).store(&mut columns[start..]);
        }
        rows[row] = sum.reduce_sum();
    }
}

dispatch! {
    /// `dcosts` = P (1 - H), and the sums of P H over rows (n) and columns (stride).
    pub(super) fn weigh<A: Scalar>(
        plan: &[A],
        costs: &[A],
        cotangent: Cotangent<'_, A>,
        dcosts: &mut [A],
        rows: &mut [A],
        columns: &mut [A],
    ) = weigh_kernel
}

#[inline(always)]
fn row_moments_kernel<S: Simd, A: Scalar>(weights: &[A], coordinates: &[A], stride: usize, out: &mut [A]) {
    let dimension = coordinates.len() / stride;
    for (row, out) in weights.chunks_exact(stride).zip(out.chunks_exact_mut(dimension)) {
        for (k, out) in out.iter_mut().enumerate() {
            let [sum] = row_products::<S, A, 1>(row, &coordinates[k * stride..][..stride]);
            *out = sum;
        }
    }
}

dispatch! {
    /// `out[i, k] = Σⱼ Wᵢⱼ coordinates[k, j]`, for few coordinates.
    pub(super) fn row_moments<A: Scalar>(
        weights: &[A],
        coordinates: &[A],
        stride: usize,
        out: &mut [A],
    ) = row_moments_kernel
}

#[inline(always)]
fn column_moments_kernel<S: Simd, A: Scalar>(weights: &[A], points: &[A], stride: usize, out: &mut [A]) {
    out.fill(A::ZERO);
    let dimension = out.len() / stride;
    for (row, point) in weights.chunks_exact(stride).zip(points.chunks_exact(dimension)) {
        for (k, &x) in point.iter().enumerate() {
            add_rows::<S, A, 1>(row, [x], &mut out[k * stride..][..stride]);
        }
    }
}

dispatch! {
    /// `out[k, j] = Σᵢ Wᵢⱼ points[i, k]`, for few coordinates.
    pub(super) fn column_moments<A: Scalar>(
        weights: &[A],
        points: &[A],
        stride: usize,
        out: &mut [A],
    ) = column_moments_kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::test_at_every_level;

    /// Numbers between -1 and 1 that look random.
    fn numbers<A: Scalar>(count: usize, seed: usize) -> Vec<A> {
        (0..count).map(|k| A::from_f64(((k * 37 + seed * 101 + 11) as f64 * 0.7).sin())).collect()
    }

    fn assert_near<A: Scalar>(got: &[A], expected: &[f64], bound: f64, what: &str) {
        assert_eq!(got.len(), expected.len());
        for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
            let error = (got.to_f64() - expected).abs();
            assert!(error <= bound, "{what} {} {k}: {got} and {expected}", A::NAME);
        }
    }

    /// Every kernel against the same formula in plain loops and double precision. Sums have at most 40 terms, which are at most about 4.
    fn against_plain_loops<S: Simd, A: Scalar>() {
        for (n, m, d) in [(1_usize, 1_usize, 1_usize), (3, 16, 2), (8, 17, 3), (21, 40, 5)] {
            let stride = m.next_multiple_of(PADDING);
            let bound = 400.0 * A::EPSILON.to_f64();
            let wide = |values: &[A]| -> Vec<f64> { values.iter().map(|x| x.to_f64()).collect() };
            let points: Vec<A> = numbers(n * d, 1);
            let coordinates: Vec<A> = numbers(d * stride, 2);
            let mut costs = vec![A::NAN; n * stride];
            let largest =
                squared_distances_kernel::<S, A>(&points, &coordinates, d, stride, &mut costs).to_f64();
            let (x, y) = (wide(&points), wide(&coordinates));
            let distance = |i: usize, j: usize| -> f64 {
                (0..d).map(|k| (x[i * d + k] - y[k * stride + j]).powi(2)).sum()
            };
            let expected: Vec<f64> = (0..n * stride).map(|k| distance(k / stride, k % stride)).collect();
            assert_near(&costs, &expected, bound, "costs");
            assert_eq!(largest, wide(&costs).into_iter().fold(0.0, f64::max));

            let c = wide(&costs);
            let slope = 1.5;
            let (low, logarithm) = (A::from_f64(-1e30), A::from_f64(-3.0));
            let mut g: Vec<A> = numbers(stride, 3);
            g[m..].fill(low);
            let (mut f, mut scratch) = (vec![A::NAN; n], vec![A::NAN; stride]);
            source_half_kernel::<S, A>(&costs, &g, A::from_f64(slope), logarithm, &mut scratch, &mut f);
            let expected: Vec<f64> = (0..n)
                .map(|i| {
                    let terms = (0..m).map(|j| (g[j].to_f64() - slope * c[i * stride + j]).exp2());
                    -3.0 - terms.sum::<f64>().log2()
                })
                .collect();
            assert_near(&f, &expected, bound, "source half");
            let mut after = vec![A::NAN; stride];
            target_half_kernel::<S, A>(&costs, &f, A::from_f64(slope), logarithm, &mut after);
            let expected: Vec<f64> = (0..stride)
                .map(|j| {
                    let terms = (0..n).map(|i| (f[i].to_f64() - slope * c[i * stride + j]).exp2());
                    -3.0 - terms.sum::<f64>().log2()
                })
                .collect();
            assert_near(&after, &expected, bound, "target half");
            let mut kernel = vec![A::NAN; n * stride];
            exponentials_kernel::<S, A>(&costs, &f, &g, A::from_f64(slope), &mut kernel);
            let exponential =
                |i: usize, j: usize| (f[i].to_f64() + g[j].to_f64() - slope * c[i * stride + j]).exp2();
            let expected: Vec<f64> = (0..n * stride).map(|k| exponential(k / stride, k % stride)).collect();
            assert_near(&kernel, &expected, bound, "exponentials");

            let k = wide(&kernel);
            let row_sum = |z: &dyn Fn(usize) -> f64, i: usize| -> f64 {
                (0..m).map(|j| k[i * stride + j] * z(j)).sum()
            };
            let column_sum = |z: &dyn Fn(usize) -> f64, j: usize| -> f64 {
                (0..n).map(|i| k[i * stride + j] * z(i)).sum()
            };
            let a_before: Vec<A> = numbers::<A>(n, 4).iter().map(|&x| x + A::from_f64(2.0)).collect();
            let b_before: Vec<A> = numbers::<A>(stride, 5).iter().map(|&x| x + A::from_f64(2.0)).collect();
            let (mut a, mut b) = (vec![A::NAN; n], vec![A::NAN; stride]);
            let ends = (A::from_f64(1e-9), A::from_f64(1e9));
            let half = A::from_f64(0.5);
            let scalings = Scalings { a_before: &a_before, b_before: &b_before, a: &mut a, b: &mut b };
            let (residual, inside) = scaling_pass_kernel::<S, A>(&kernel, m, (half, half), ends, scalings);
            let before = |j: usize| b_before[j].to_f64();
            let expected: Vec<f64> = (0..n).map(|i| 0.5 / row_sum(&before, i)).collect();
            let relative = |values: &[f64]| bound * values.iter().fold(1.0, |x: f64, y| x.max(*y));
            assert_near(&a, &expected, relative(&expected), "a");
            let own = |i: usize| a[i].to_f64();
            let expected: Vec<f64> = (0..m).map(|j| 0.5 / column_sum(&own, j)).collect();
            assert_near(&b[..m], &expected, relative(&expected), "b");
            let errors = (0..n).map(|i| (a_before[i].to_f64() * row_sum(&before, i) - 0.5).abs());
            assert!(inside && (residual.to_f64() - errors.sum::<f64>()).abs() <= 40.0 * bound);
            let scalings = Scalings { a_before: &a_before, b_before: &b_before, a: &mut a, b: &mut b };
            let narrow = (A::from_f64(1e-9), A::from_f64(1e-8));
            assert!(!scaling_pass_kernel::<S, A>(&kernel, m, (half, half), narrow, scalings).1);

            let mut z: Vec<A> = numbers(stride, 6);
            z[m..].fill(A::ZERO);
            let du_before: Vec<A> = numbers(n, 7);
            let (mut du, mut w, mut columns) = (du_before.clone(), vec![A::NAN; n], vec![A::NAN; stride]);
            let pass = Cotangents {
                a: &a_before,
                z: &z,
                du: &mut du,
                w: &mut w,
                columns: &mut columns,
                unscale: half,
            };
            cotangent_pass_kernel::<S, A>(&kernel, A::from_f64(3.0), pass);
            let of_z = |j: usize| z[j].to_f64();
            let slopes: Vec<f64> = (0..n)
                .map(|i| du_before[i].to_f64() - 0.5 * a_before[i].to_f64() * row_sum(&of_z, i))
                .collect();
            assert_near(&du, &slopes, bound, "du");
            let weights: Vec<f64> = (0..n).map(|i| 1.5 * a_before[i].to_f64() * slopes[i]).collect();
            assert_near(&w, &weights, 10.0 * bound, "w");
            let sums: Vec<f64> = (0..m).map(|j| column_sum(&|i| 2.0 * weights[i], j)).collect();
            assert_near(&columns[..m], &sums, 100.0 * bound, "columns");

            let (mut p, mut rows) = (vec![A::NAN; n * stride], vec![A::NAN; n]);
            let cost = plan_kernel::<S, A>(
                &kernel,
                &costs,
                &a_before,
                &b_before,
                half,
                &mut p,
                &mut rows,
                &mut columns,
            );
            let entry = |i: usize, j: usize| 0.5 * a_before[i].to_f64() * k[i * stride + j] * before(j);
            let expected: Vec<f64> = (0..n * stride).map(|k| entry(k / stride, k % stride)).collect();
            assert_near(&p, &expected, bound, "plan");
            let total: f64 = expected.iter().zip(&c).map(|(p, c)| p * c).sum();
            assert!((cost - total).abs() <= 100.0 * bound * (1.0 + total));
            let (alpha, beta): (Vec<A>, Vec<A>) = (numbers(n, 8), numbers(stride, 9));
            let mut dcosts = vec![A::NAN; n * stride];
            let cotangent = Cotangent { rows: &alpha, columns: &beta, factor: half };
            weigh_kernel::<S, A>(&p, &costs, cotangent, &mut dcosts, &mut rows, &mut columns);
            let term = |i: usize, j: usize| {
                entry(i, j) * (alpha[i].to_f64() + beta[j].to_f64() + 0.5 * c[i * stride + j])
            };
            let expected: Vec<f64> = (0..n * stride)
                .map(|k| entry(k / stride, k % stride) - term(k / stride, k % stride))
                .collect();
            assert_near(&dcosts, &expected, 10.0 * bound, "weighed");
            let expected: Vec<f64> = (0..n).map(|i| (0..m).map(|j| term(i, j)).sum()).collect();
            assert_near(&rows, &expected, 100.0 * bound, "sums of rows");
        }
    }

    test_at_every_level! {
        kernels_agree_with_plain_loops_f32 = against_plain_loops::<f32>;
        kernels_agree_with_plain_loops_f64 = against_plain_loops::<f64>;
    }
}
