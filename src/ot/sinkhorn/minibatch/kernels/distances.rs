//! From points to costs.

use super::{GROUP, Register};
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};

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
pub(super) fn squared_distances_kernel<S: Simd, A: Scalar>(
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
    pub(in super::super) fn squared_distances<A: Scalar>(
        points: &[A],
        coordinates: &[A],
        dimension: usize,
        stride: usize,
        costs: &mut [A],
    ) -> A = squared_distances_kernel
}
