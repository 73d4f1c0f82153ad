//! Products over rows of the plan: those of the linear solver, and those with few coordinates, for which a general matrix product is slow.

use crate::scalar::Vectorised;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

type Register<S> = <f64 as Vectorised>::Register<S>;

/// Σⱼ row[j] z[j] in two strands.
#[inline(always)]
fn product<S: Simd>(row: &[f64], z: &[f64]) -> f64 {
    let lanes = Register::<S>::LANES;
    let mut first = Register::<S>::constant(0.0);
    let mut second = Register::<S>::constant(0.0);
    let mut start = 0;
    while start + 2 * lanes <= z.len() {
        first = Register::<S>::load(&row[start..]).mul_add(Register::<S>::load(&z[start..]), first);
        let next = start + lanes;
        second = Register::<S>::load(&row[next..]).mul_add(Register::<S>::load(&z[next..]), second);
        start += 2 * lanes;
    }
    while start < z.len() {
        let end = (start + lanes).min(z.len());
        first = Register::<S>::load_partial(&row[start..end], 0.0)
            .mul_add(Register::<S>::load_partial(&z[start..end], 0.0), first);
        start = end;
    }
    (first + second).reduce_sum()
}

#[inline(always)]
fn row_products_kernel<S: Simd>(block: &[f64], z: &[f64], out: &mut [f64]) {
    for (row, out) in block.chunks_exact(z.len()).zip(out) {
        *out = product::<S>(row, z);
    }
}

dispatch! {
    /// `out[k] = Σⱼ block[k, j] z[j]`.
    pub(super) fn row_products(block: &[f64], z: &[f64], out: &mut [f64]) = row_products_kernel
}

#[inline(always)]
fn row_moments_kernel<S: Simd>(block: &[f64], coordinates: &[f64], width: usize, out: &mut [f64]) {
    let columns = coordinates.len() / width;
    for (row, out) in block.chunks_exact(columns).zip(out.chunks_exact_mut(width)) {
        for k in 0..width {
            out[k] = product::<S>(row, &coordinates[k * columns..][..columns]);
        }
    }
}

dispatch! {
    /// `out[i, k] = Σⱼ block[i, j] coordinates[k, j]` for coordinates (width, m): a row stays hot for all of them.
    pub(super) fn row_moments(block: &[f64], coordinates: &[f64], width: usize, out: &mut [f64]) = row_moments_kernel
}

/// `out += factor row`.
#[inline(always)]
fn add_row<S: Simd>(row: &[f64], factor: f64, out: &mut [f64]) {
    let lanes = Register::<S>::LANES;
    let factor = Register::<S>::splat(factor);
    let mut start = 0;
    while start + lanes <= out.len() {
        let sum = Register::<S>::load(&row[start..]).mul_add(factor, Register::<S>::load(&out[start..]));
        sum.store(&mut out[start..]);
        start += lanes;
    }
    if start < out.len() {
        let sum = Register::<S>::load_partial(&row[start..out.len()], 0.0)
            .mul_add(factor, Register::<S>::load_partial(&out[start..], 0.0));
        sum.store_partial(&mut out[start..]);
    }
}

#[inline(always)]
fn add_column_moments_kernel<S: Simd>(block: &[f64], points: &[f64], width: usize, out: &mut [f64]) {
    let columns = out.len() / width;
    for (row, point) in block.chunks_exact(columns).zip(points.chunks_exact(width)) {
        for k in 0..width {
            add_row::<S>(row, point[k], &mut out[k * columns..][..columns]);
        }
    }
}

dispatch! {
    /// `out[k, j] += Σᵢ block[i, j] points[i, k]` for points (rows, width).
    pub(super) fn add_column_moments(block: &[f64], points: &[f64], width: usize, out: &mut [f64]) = add_column_moments_kernel
}

#[inline(always)]
fn add_projections_kernel<S: Simd>(block: &[f64], z: &[f64], factors: &[f64], out: &mut [f64]) {
    for (row, &factor) in block.chunks_exact(z.len()).zip(factors) {
        let factor = factor * product::<S>(row, z);
        add_row::<S>(row, factor, out);
    }
}

dispatch! {
    /// `out[j] += Σₖ factors[k] block[k, j] Σₗ block[k, l] z[l]`: each row is read for the sum and again, hot, for the update.
    pub(super) fn add_projections(block: &[f64], z: &[f64], factors: &[f64], out: &mut [f64]) = add_projections_kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::test_at_every_level;

    fn against_plain_loops<S: Simd>() {
        for columns in (1..35).chain([64, 65]) {
            for rows in [1, 3, 8] {
                let block: Vec<f64> = (0..rows * columns).map(|k| ((k * 37) % 101) as f64 - 50.0).collect();
                let z: Vec<f64> = (0..columns).map(|k| ((k * 17) % 23) as f64 - 11.0).collect();
                let factors: Vec<f64> = (0..rows).map(|k| k as f64 + 1.0).collect();
                let mut products = vec![f64::NAN; rows];
                row_products_kernel::<S>(&block, &z, &mut products);
                let mut sums = vec![1.0; columns];
                add_projections_kernel::<S>(&block, &z, &factors, &mut sums);
                let mut expected = vec![1.0; columns];
                for row in 0..rows {
                    let entries = &block[row * columns..][..columns];
                    let product: f64 = entries.iter().zip(&z).map(|(p, z)| p * z).sum();
                    // Integers below 2^53: exact in any order.
                    assert_eq!(products[row], product);
                    expected.iter_mut().zip(entries).for_each(|(sum, p)| *sum += factors[row] * product * p);
                }
                assert_eq!(sums, expected);

                let width = 3;
                let coordinates: Vec<f64> =
                    (0..width * columns).map(|k| ((k * 7) % 13) as f64 - 6.0).collect();
                let points: Vec<f64> = (0..rows * width).map(|k| ((k * 5) % 11) as f64 - 5.0).collect();
                let mut by_rows = vec![f64::NAN; rows * width];
                row_moments_kernel::<S>(&block, &coordinates, width, &mut by_rows);
                let mut by_columns = vec![2.0; width * columns];
                add_column_moments_kernel::<S>(&block, &points, width, &mut by_columns);
                for k in 0..width {
                    for (row, entries) in block.chunks_exact(columns).enumerate() {
                        let terms = entries.iter().zip(&coordinates[k * columns..]);
                        assert_eq!(by_rows[row * width + k], terms.map(|(p, y)| p * y).sum::<f64>());
                    }
                    for column in 0..columns {
                        let terms =
                            (0..rows).map(|row| block[row * columns + column] * points[row * width + k]);
                        assert_eq!(by_columns[k * columns + column], 2.0 + terms.sum::<f64>());
                    }
                }
            }
        }
    }

    test_at_every_level! {
        products_agree_with_plain_loops = against_plain_loops;
    }
}
