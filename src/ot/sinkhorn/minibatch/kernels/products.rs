//! Products of a few rows with a vector, and of their transpose: what the passes over the kernel are made of.

use super::Register;
use crate::scalar::Scalar;
use crate::simd::lanes::{Lanes, Simd};

/// Rows side by side in a pass: their products hide one another's latency, and AVX2 has registers for them.
pub(super) const ROWS: usize = 8;

/// Σⱼ Kᵢⱼ zⱼ of `H` rows.
#[inline(always)]
pub(super) fn row_products<S: Simd, A: Scalar, const H: usize>(rows: &[A], z: &[A]) -> [A; H] {
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
pub(super) fn add_rows<S: Simd, A: Scalar, const H: usize>(rows: &[A], factors: [A; H], columns: &mut [A]) {
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
